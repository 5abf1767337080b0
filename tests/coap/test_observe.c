/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/observe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY  3
#define RESOURCES 2

struct table {
	struct coap_observers o;
	void *memory;
};

static const struct handle pending = {1, 1};

static void make(struct table *x)
{
	struct prng prng;
	prng_init_number(&prng, 5);
	x->memory = aligned_alloc(64, coap_observers_memory(CAPACITY, RESOURCES));
	coap_observers_init(&x->o, x->memory, CAPACITY, RESOURCES, &prng);
}

static struct coap_remote remote_of(uint8_t host)
{
	return (struct coap_remote){address_ipv4(192, 0, 2, host, 5683), HANDLE_NONE};
}

static bool add(struct table *x, uint8_t host, const char *token, uint32_t resource, msec now, struct handle *ret)
{
	struct coap_remote remote = remote_of(host);
	struct coap_token t = coap_token_of(bytes_of_text(token));
	return coap_observer_add(&x->o, &remote, &t, resource, bytes_of("request", 7), now, ret);
}

static bool is_due(struct table *x, msec now)
{
	struct handle h;
	return coap_observers_due(&x->o, now, &h);
}

/* RFC 7641 section 3.4. */
static void a_notification_is_newer_by_number_or_after_128_seconds(void **state)
{
	static const struct {
		uint32_t v1, v2;
		msec passed;
		bool is_newer;
	} cases[] = {
		{10, 11, 0, true},
		{11, 10, 0, false},
		{10, 10, SECONDS(5), false},
		{0, 8388607, 0, true},
		{0, 8388608, 0, false},
		{16777215, 0, 0, true},
		{8388608, 0, 0, false},
		{8388609, 0, 0, true},
		{20, 10, SECONDS(128), false},
		{20, 10, SECONDS(128) + 1, true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct coap_freshness f = {0};
		assert_true(coap_freshness_accept(&f, cases[i].v1, 1000));
		assert_int_equal(coap_freshness_accept(&f, cases[i].v2, 1000 + cases[i].passed), cases[i].is_newer);
		assert_int_equal(f.sequence, cases[i].is_newer ? cases[i].v2 : cases[i].v1);
	}
}

static void each_notification_is_newer_than_the_one_before_whenever_it_is_made(void **state)
{
	static const msec gaps[] = {0, 0, 0, 1, 1000, 0, 60000, SECONDS(3600), SECONDS(24 * 3600), 0, SECONDS(1000000)};
	struct table x;
	struct handle h;
	struct coap_freshness f = {0};
	msec now = 0xfffff0; /* wraps soon */
	(void)state;
	make(&x);
	assert_true(add(&x, 1, "t", 0, now, &h));
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
			now += gaps[i];
			uint32_t sequence = coap_observer_next_sequence(&x.o, h, now);
			assert_true(sequence <= 0xffffff);
			assert_true(coap_freshness_accept(&f, sequence, now));
		}
	}
	free(x.memory);
}

static void a_burst_of_notifications_counts_far_below_the_limit_of_section_4_4(void **state)
{
	struct table x;
	struct handle h;
	(void)state;
	make(&x);
	assert_true(add(&x, 1, "t", 0, 0, &h));
	uint32_t first = coap_observer_next_sequence(&x.o, h, 0), last = first;
	for (msec now = 0; now < SECONDS(256); now += 2)
		last = coap_observer_next_sequence(&x.o, h, now);
	assert_true(last - first < 1u << 23);
	free(x.memory);
}

static void registering_again_renews_and_keeps_the_handle(void **state)
{
	struct table x;
	struct handle first, second;
	(void)state;
	make(&x);
	assert_true(add(&x, 1, "t", 0, 0, &first));
	assert_true(add(&x, 1, "t", 1, 5, &second));
	assert_true(handle_equal(first, second));
	coap_observers_changed(&x.o, 0, false, 10);
	assert_false(is_due(&x, 10));
	coap_observers_changed(&x.o, 1, false, 10);
	assert_true(is_due(&x, 10));
	assert_true(add(&x, 1, "u", 0, 0, &second));
	assert_false(handle_equal(first, second));
	free(x.memory);
}

static void a_change_of_a_resource_is_told_confirmably_where_that_is_asked(void **state)
{
	struct table x;
	struct handle h;
	(void)state;
	make(&x);
	assert_true(add(&x, 1, "t", 0, 0, &h));
	coap_observers_changed(&x.o, 0, false, 10);
	assert_false(coap_observer_must_confirm(&x.o, h, 10));
	coap_observers_changed(&x.o, 0, true, 10);
	assert_true(coap_observer_must_confirm(&x.o, h, 10));
	free(x.memory);
}

/* RFC 7641 section 4.2. */
static void the_format_told_first_is_kept_until_the_client_registers_again(void **state)
{
	struct table x;
	struct handle h;
	(void)state;
	make(&x);
	assert_true(add(&x, 1, "t", 0, 0, &h));
	assert_true(coap_observer_may_tell_format(&x.o, h, 41));
	coap_observer_told_format(&x.o, h, 40);
	coap_observer_told_format(&x.o, h, 41);
	assert_true(coap_observer_may_tell_format(&x.o, h, 40));
	assert_false(coap_observer_may_tell_format(&x.o, h, 41));
	assert_true(add(&x, 1, "t", 0, 0, &h));
	assert_true(coap_observer_may_tell_format(&x.o, h, 41));
	free(x.memory);
}

static void a_full_table_and_a_long_request_are_refused(void **state)
{
	struct table x;
	struct handle h;
	struct coap_remote remote = remote_of(9);
	struct coap_token token = coap_token_of(bytes_of("t", 1));
	uint8_t request[COAP_OBSERVER_REQUEST_MAX_BYTES + 1] = {0};
	(void)state;
	make(&x);
	assert_false(coap_observer_add(&x.o, &remote, &token, 0, bytes_of(request, sizeof request), 0, &h));
	for (uint8_t i = 0; i < CAPACITY; i++)
		assert_true(add(&x, i, "t", 0, 0, &h));
	assert_false(add(&x, 9, "t", 0, 0, &h));
	coap_observer_remove(&x.o, h);
	assert_true(add(&x, 9, "t", 0, 0, &h));
	free(x.memory);
}

static void nothing_is_due_while_a_confirmable_one_is_in_flight(void **state)
{
	struct table x;
	struct handle h;
	(void)state;
	make(&x);
	assert_true(add(&x, 1, "t", 0, 0, &h));
	coap_observer_changed(&x.o, h, true, 10);
	assert_true(is_due(&x, 10));
	assert_true(coap_observer_must_confirm(&x.o, h, 10));
	coap_observer_notified(&x.o, h, 1, pending, 10);
	coap_observer_changed(&x.o, h, true, 20);
	assert_int_equal(coap_observers_deadline(&x.o), NEVER);
	coap_observer_settled(&x.o, h, 30);
	assert_true(is_due(&x, 30));
	coap_observer_notified(&x.o, h, 2, pending, 30);
	coap_observer_settled(&x.o, h, 40);
	assert_int_equal(coap_observers_deadline(&x.o), NEVER);
	free(x.memory);
}

static void nonconfirmable_ones_come_in_bursts_of_eight_and_one_in_three_seconds(void **state)
{
	struct table x;
	struct handle h;
	int sent = 0;
	(void)state;
	make(&x);
	assert_true(add(&x, 1, "t", 0, 0, &h));
	for (msec now = 1; now <= SECONDS(30); now += 10) {
		coap_observer_changed(&x.o, h, false, now);
		if (!is_due(&x, now))
			continue;
		coap_observer_notified(&x.o, h, 1, HANDLE_NONE, now);
		sent++;
		if (now < SECONDS(2))
			assert_true(sent <= COAP_OBSERVER_BURST);
	}
	assert_in_range(sent, 8 + 9, 8 + 11);
	free(x.memory);
}

static void after_a_day_a_notification_must_be_confirmable(void **state)
{
	struct table x;
	struct handle h;
	(void)state;
	make(&x);
	assert_true(add(&x, 1, "t", 0, 0, &h));
	assert_false(coap_observer_must_confirm(&x.o, h, SECONDS(86399)));
	assert_true(coap_observer_must_confirm(&x.o, h, SECONDS(86400)));
	coap_observer_settled(&x.o, h, SECONDS(86400));
	assert_false(coap_observer_must_confirm(&x.o, h, SECONDS(86401)));
	free(x.memory);
}

static void observers_are_found_by_remote_and_by_the_notification_they_reject(void **state)
{
	struct table x;
	struct handle one, two, found;
	struct coap_remote first = remote_of(1), second = remote_of(2);
	(void)state;
	make(&x);
	assert_true(add(&x, 1, "t", 0, 0, &one));
	assert_true(add(&x, 2, "t", 0, 0, &two));
	coap_observer_notified(&x.o, one, 77, HANDLE_NONE, 1);
	coap_observer_notified(&x.o, two, 78, pending, 1);
	assert_true(coap_observer_find_rejected(&x.o, &first, 77, &found) && handle_equal(found, one));
	assert_false(coap_observer_find_rejected(&x.o, &second, 77, &found));
	assert_false(coap_observer_find_rejected(&x.o, &second, 78, &found)); /* that one is pending */
	assert_true(coap_observer_find_remote(&x.o, &second, &found) && handle_equal(found, two));
	coap_observer_remove(&x.o, two);
	assert_false(coap_observer_find_remote(&x.o, &second, &found));
	coap_observer_changed(&x.o, two, true, 5); /* is ignored */
	coap_observer_settled(&x.o, two, 5);
	assert_null(coap_observer_get(&x.o, two));
	free(x.memory);
}

/* However their hashes fall. */
static void an_observer_of_each_remote_is_found_and_of_no_other(void **state)
{
	(void)state;
	for (uint8_t host = 1; host < 200; host++) {
		struct table x;
		struct handle h[CAPACITY], found;
		make(&x);
		for (uint8_t i = 0; i < CAPACITY; i++)
			assert_true(add(&x, (uint8_t)(host + i), "t", 0, 0, &h[i]));
		for (uint8_t i = 0; i < CAPACITY; i++) {
			struct coap_remote remote = remote_of((uint8_t)(host + i));
			assert_true(coap_observer_find_remote(&x.o, &remote, &found));
			assert_true(handle_equal(found, h[i]));
		}
		struct coap_remote other = remote_of((uint8_t)(host + CAPACITY));
		assert_false(coap_observer_find_remote(&x.o, &other, &found));
		free(x.memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_notification_is_newer_by_number_or_after_128_seconds),
		cmocka_unit_test(each_notification_is_newer_than_the_one_before_whenever_it_is_made),
		cmocka_unit_test(a_burst_of_notifications_counts_far_below_the_limit_of_section_4_4),
		cmocka_unit_test(registering_again_renews_and_keeps_the_handle),
		cmocka_unit_test(a_change_of_a_resource_is_told_confirmably_where_that_is_asked),
		cmocka_unit_test(the_format_told_first_is_kept_until_the_client_registers_again),
		cmocka_unit_test(a_full_table_and_a_long_request_are_refused),
		cmocka_unit_test(nothing_is_due_while_a_confirmable_one_is_in_flight),
		cmocka_unit_test(nonconfirmable_ones_come_in_bursts_of_eight_and_one_in_three_seconds),
		cmocka_unit_test(after_a_day_a_notification_must_be_confirmable),
		cmocka_unit_test(observers_are_found_by_remote_and_by_the_notification_they_reject),
		cmocka_unit_test(an_observer_of_each_remote_is_found_and_of_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
