/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY       2
#define SIZE_MAX_BYTES 64

struct table {
	struct coap_bodies b;
	void *memory;
};

static void make(struct table *x)
{
	x->memory = aligned_alloc(64, coap_bodies_memory(CAPACITY, SIZE_MAX_BYTES));
	coap_bodies_init(&x->b, x->memory, CAPACITY, SIZE_MAX_BYTES);
}

static struct coap_remote remote_of(uint8_t host)
{
	return (struct coap_remote){address_ipv4(192, 0, 2, host, 5683), HANDLE_NONE};
}

static bool open_for(struct table *x, uint8_t host, uint64_t key, struct handle *ret)
{
	struct coap_remote remote = remote_of(host);
	return coap_body_open(&x->b, COAP_BODY_REQUEST, &remote, key, 1000, ret);
}

static enum coap_body_verdict append(struct table *x, struct handle h, uint64_t offset, const char *text)
{
	return coap_body_append(&x->b, h, offset, bytes_of_text(text), 2000);
}

static void what_comes_next_is_appended_and_the_latest_again_is_a_repetition(void **state)
{
	static const struct {
		uint64_t offset;
		const char *text;
		enum coap_body_verdict verdict;
		const char *so_far;
	} cases[] = {
		{4, "late", COAP_BODY_GAP, ""},
		{0, "one ", COAP_BODY_APPENDED, "one "},
		{0, "one ", COAP_BODY_REPEATED, "one "},
		{8, "far ", COAP_BODY_GAP, "one "},
		{4, "two ", COAP_BODY_APPENDED, "one two "},
		{0, "one ", COAP_BODY_GAP, "one two "},
		{4, "two ", COAP_BODY_REPEATED, "one two "},
		{4, "tw", COAP_BODY_GAP, "one two "},
		{8, "", COAP_BODY_APPENDED, "one two "},
		{UINT64_MAX, "x", COAP_BODY_TOO_LARGE, "one two "},
	};
	struct table x;
	struct handle h;
	(void)state;
	make(&x);
	assert_true(open_for(&x, 1, 7, &h));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(append(&x, h, cases[i].offset, cases[i].text), cases[i].verdict);
		assert_true(bytes_equal_text(coap_body_bytes(&x.b, h), cases[i].so_far));
	}
	free(x.memory);
}

static void a_body_fills_its_place_to_the_last_byte_and_no_further(void **state)
{
	struct table x;
	struct handle h;
	uint8_t data[SIZE_MAX_BYTES + 1] = {0};
	(void)state;
	make(&x);
	assert_true(open_for(&x, 1, 7, &h));
	assert_int_equal(coap_body_append(&x.b, h, 0, bytes_of(data, SIZE_MAX_BYTES + 1), 1), COAP_BODY_TOO_LARGE);
	assert_int_equal(coap_body_append(&x.b, h, 0, bytes_of(data, SIZE_MAX_BYTES), 1), COAP_BODY_APPENDED);
	assert_int_equal(coap_body_append(&x.b, h, SIZE_MAX_BYTES, bytes_of(data, 1), 1), COAP_BODY_TOO_LARGE);
	assert_int_equal(coap_body_pass(&x.b, h, SIZE_MAX_BYTES, bytes_of(data, 1), 1), COAP_BODY_APPENDED);
	free(x.memory);
}

static void remotes_keys_and_kinds_are_told_apart(void **state)
{
	struct table x;
	struct handle h, found;
	struct coap_remote one = remote_of(1), two = remote_of(2);
	(void)state;
	make(&x);
	assert_true(open_for(&x, 1, 7, &h));
	assert_true(coap_body_find(&x.b, COAP_BODY_REQUEST, &one, 7, &found));
	assert_false(coap_body_find(&x.b, COAP_BODY_REQUEST, &one, 8, &found));
	assert_false(coap_body_find(&x.b, COAP_BODY_REQUEST, &two, 7, &found));
	assert_false(coap_body_find(&x.b, COAP_BODY_RESPONSE, &one, 7, &found));
	free(x.memory);
}

static void a_second_transfer_with_the_same_key_replaces_the_first(void **state)
{
	struct table x;
	struct handle first, second;
	(void)state;
	make(&x);
	assert_true(open_for(&x, 1, 7, &first));
	assert_int_equal(append(&x, first, 0, "old"), COAP_BODY_APPENDED);
	assert_true(open_for(&x, 1, 7, &second));
	assert_null(coap_body_get(&x.b, first));
	assert_int_equal(coap_body_bytes(&x.b, second).len, 0);
	assert_int_equal(coap_bodies_count(&x.b), 1);
	free(x.memory);
}

static void a_full_table_gives_way_only_what_has_been_handed_out(void **state)
{
	struct table x;
	struct handle first, second, third;
	(void)state;
	make(&x);
	assert_true(open_for(&x, 1, 1, &first));
	assert_true(open_for(&x, 1, 2, &second));
	assert_false(open_for(&x, 1, 3, &third));
	coap_body_get(&x.b, second)->is_spent = true;
	assert_true(open_for(&x, 1, 3, &third));
	assert_null(coap_body_get(&x.b, second));
	assert_non_null(coap_body_get(&x.b, first));
	free(x.memory);
}

static void what_nobody_goes_on_with_is_closed(void **state)
{
	struct table x;
	struct handle h, other;
	struct coap_remote two = remote_of(2);
	(void)state;
	make(&x);
	assert_true(open_for(&x, 1, 1, &h));
	assert_true(open_for(&x, 2, 2, &other));
	assert_int_equal(append(&x, h, 0, "x"), COAP_BODY_APPENDED);
	assert_int_equal(coap_bodies_deadline(&x.b), 1000);
	coap_bodies_tick(&x.b, 1000);
	assert_null(coap_body_get(&x.b, other));
	assert_int_equal(coap_bodies_deadline(&x.b), 2000);
	assert_true(open_for(&x, 2, 2, &other));
	coap_body_forget(&x.b, &two);
	assert_null(coap_body_get(&x.b, other));
	coap_body_close(&x.b, other); /* is ignored */
	coap_bodies_tick(&x.b, 2000);
	assert_int_equal(coap_bodies_count(&x.b), 0);
	assert_int_equal(coap_bodies_deadline(&x.b), NEVER);
	free(x.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_next_is_appended_and_the_latest_again_is_a_repetition),
		cmocka_unit_test(a_body_fills_its_place_to_the_last_byte_and_no_further),
		cmocka_unit_test(remotes_keys_and_kinds_are_told_apart),
		cmocka_unit_test(a_second_transfer_with_the_same_key_replaces_the_first),
		cmocka_unit_test(a_full_table_gives_way_only_what_has_been_handed_out),
		cmocka_unit_test(what_nobody_goes_on_with_is_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
