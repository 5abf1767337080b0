/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/events.h"

#include "mgmt/signature_wolfcrypt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 4

static struct signature_port signature;
static const struct trust_anchors no_anchors;

static void begin(struct events *e)
{
	struct carve c = {0};
	events_carve(e, &c, CAPACITY, &signature);
	c = (struct carve){.memory = aligned_alloc(64, c.used)};
	events_carve(e, &c, CAPACITY, &signature);
}

static int set_up(void **state)
{
	struct events *e = calloc(1, sizeof *e);
	signature = signature_wolfcrypt_port(&no_anchors);
	begin(e);
	*state = e;
	return 0;
}

static int tear_down(void **state)
{
	struct events *e = *state;
	free(e->ring);
	free(e);
	return 0;
}

static bool append(struct events *e, const char *device)
{
	struct event event = {.type = EVENT_REGISTERED, .at = 1000};
	(void)snprintf(event.device, sizeof event.device, "%s", device);
	return events_append(e, &event);
}

/* Hands over and confirms everything. */
static void store_all(struct events *e)
{
	uint64_t first = e->submitted + 1;
	while (events_submit(e) != NULL)
		;
	events_stored(e, first, e->submitted);
}

static void events_are_numbered_from_one_and_shown_when_they_are_stored(void **state)
{
	struct events *e = *state;
	assert_true(append(e, "a") && append(e, "b"));
	assert_null(events_find(e, 1));
	assert_int_equal(events_oldest(e), 0);
	assert_int_equal(events_submit(e)->number, 1);
	assert_int_equal(events_submit(e)->number, 2);
	assert_null(events_submit(e));
	events_stored(e, 1, 2);
	assert_string_equal(events_find(e, 2)->device, "b");
	assert_int_equal(events_oldest(e), 1);
	assert_null(events_find(e, 3));
	assert_null(events_find(e, 0));
}

static void a_refused_batch_goes_again_and_nothing_behind_it_is_shown_before(void **state)
{
	struct events *e = *state;
	append(e, "a");
	events_submit(e);
	append(e, "b");
	events_submit(e);
	events_refused(e, 1);
	events_stored(e, 2, 2);
	assert_null(events_find(e, 2));
	assert_int_equal(events_submit(e)->number, 1);
	assert_int_equal(events_submit(e)->number, 2);
	events_stored(e, 1, 2);
	assert_non_null(events_find(e, 1));
	assert_non_null(events_find(e, 2));
}

static void a_ring_full_of_unstored_events_takes_no_more(void **state)
{
	struct events *e = *state;
	for (int i = 0; i < CAPACITY; i++)
		assert_true(append(e, "x"));
	assert_false(append(e, "y"));
	assert_int_equal(e->dropped, 1);
	store_all(e);
	assert_true(append(e, "y"));
	assert_int_equal(events_oldest(e), 2);
	assert_null(events_find(e, 1));
}

static void copy_all(const struct events *e, struct event *out, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		out[i] = *events_find(e, i + 1);
}

static void the_chain_goes_on_after_a_restart(void **state)
{
	struct events *e = *state;
	struct events next;
	struct event kept[3];
	append(e, "a");
	append(e, "b");
	append(e, "c");
	store_all(e);
	copy_all(e, kept, 3);
	begin(&next);
	for (unsigned i = 0; i < 3; i++)
		assert_true(events_load(&next, &kept[i]));
	append(e, "d");
	append(&next, "d");
	assert_memory_equal(e->hash, next.hash, SHA256_BYTES);
	store_all(&next);
	assert_int_equal(events_find(&next, 4)->number, 4);
	free(next.ring);
}

static void every_alteration_of_a_stored_event_breaks_the_chain(void **state)
{
	struct events *e = *state;
	struct event kept[3], altered;
	append(e, "a");
	append(e, "b");
	append(e, "c");
	store_all(e);
	copy_all(e, kept, 3);
	for (int what = 0; what < 7; what++) {
		struct events next;
		altered = kept[1];
		begin(&next);
		assert_true(events_load(&next, &kept[0]));
		if (what == 0)
			altered.device[0] = 'x';
		else if (what == 1)
			altered.at++;
		else if (what == 2)
			altered.type = EVENT_EXPIRED;
		else if (what == 3)
			altered.detail[0] = 'x';
		else if (what == 4)
			altered.actor[0] = 'x';
		else if (what == 5)
			altered.rollout = 1;
		else
			altered = kept[2]; /* one is left out */
		assert_false(events_load(&next, &altered));
		assert_true(events_load(&next, &kept[1]));
		free(next.ring);
	}
}

static void moving_a_byte_from_one_text_to_the_next_changes_the_hash(void **state)
{
	uint8_t before[SHA256_BYTES] = {0}, one[SHA256_BYTES], two[SHA256_BYTES];
	struct event a = {.number = 1, .device = "ab", .actor = "c"}, b = {.number = 1, .device = "a", .actor = "bc"};
	(void)state;
	events_hash(&signature, before, &a, one);
	events_hash(&signature, before, &b, two);
	assert_memory_not_equal(one, two, SHA256_BYTES);
}

static void every_type_has_a_name(void **state)
{
	(void)state;
	for (int type = EVENT_STARTED; type < EVENT_TYPE_END; type++)
		assert_string_not_equal(event_type_name((enum event_type)type), "unknown");
	assert_string_equal(event_type_name(EVENT_TYPE_END), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			events_are_numbered_from_one_and_shown_when_they_are_stored, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_refused_batch_goes_again_and_nothing_behind_it_is_shown_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_ring_full_of_unstored_events_takes_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_chain_goes_on_after_a_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_alteration_of_a_stored_event_breaks_the_chain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			moving_a_byte_from_one_text_to_the_next_changes_the_hash, set_up, tear_down),
		cmocka_unit_test(every_type_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
