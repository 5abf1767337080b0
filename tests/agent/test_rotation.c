/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/rotation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static uint8_t kept[ROTATION_RECORD_BYTES];
static size_t kept_len;
static bool is_broken;
static struct rotation rotation;

static int load(void *context, enum shelf_record which, void *buffer, size_t capacity)
{
	(void)context;
	assert_int_equal(which, SHELF_KEYS);
	assert_true(kept_len <= capacity);
	bytes_copy(buffer, kept, kept_len);
	return (int)kept_len;
}

static int store(void *context, enum shelf_record which, struct bytes record)
{
	(void)context;
	assert_int_equal(which, SHELF_KEYS);
	assert_true(record.len <= sizeof kept);
	if (is_broken)
		return -5;
	memcpy(kept, record.data, record.len);
	kept_len = record.len;
	return 0;
}

static const struct shelf_port shelf = {NULL, load, store};

static int set_up(void **state)
{
	(void)state;
	kept_len = 0;
	is_broken = false;
	rotation_init(&rotation, &shelf);
	return 0;
}

static bool add(const char *identity)
{
	return rotation_add(&rotation, bytes_of_text(identity), bytes_of_text("sixteen bytes ok"), 1800000000);
}

/* By which pair the next association is made, NULL for the factory's, and whether it gets through. */
static void expect(const char *identity, bool gets_through)
{
	const struct rotation_pair *pair = rotation_choose(&rotation);
	if (identity == NULL)
		assert_null(pair);
	else
		assert_true(pair != NULL && bytes_equal_text(bytes_of(pair->identity, pair->identity_len), identity));
	if (gets_through)
		(void)rotation_succeeded(&rotation);
	else
		rotation_failed(&rotation);
}

static void rotate_to(const char *identity)
{
	assert_true(add(identity));
	expect(identity, true);
}

static void tire_current(const char *identity)
{
	for (unsigned i = 0; i < KEYSTORE_CURRENT_FAILURES_MAX; i++)
		expect(identity, false);
}

static void the_next_pair_is_used_from_its_first_association_on_and_after_a_restart(void **state)
{
	(void)state;
	expect(NULL, true);
	assert_true(add("a#1"));
	rotation_init(&rotation, &shelf);
	expect("a#1", false);
	expect(NULL, true);
	expect("a#1", true);
	rotation_init(&rotation, &shelf);
	expect("a#1", true);
	assert_int_equal(rotation.current.since, 1800000000);
}

static void a_server_from_a_backup_finds_the_pair_that_it_knows(void **state)
{
	(void)state;
	rotate_to("a#1");
	rotate_to("a#2");
	rotation_init(&rotation, &shelf);
	tire_current("a#2");
	expect(NULL, false);
	expect("a#2", false);
	expect("a#1", true);
	expect("a#1", true); /* which is the one in use again */
	rotation_init(&rotation, &shelf);
	expect("a#1", true);
	rotate_to("a#3");
	tire_current("a#3");
	expect(NULL, false);
	expect("a#3", false);
	expect("a#1", true);
}

static void a_server_that_has_forgotten_all_finds_what_the_device_came_with(void **state)
{
	(void)state;
	rotate_to("a#1");
	rotate_to("a#2");
	tire_current("a#2");
	expect(NULL, true);
	assert_true(rotation.choice.has_current && rotation.choice.using == KEYSTORE_FACTORY);
	rotate_to("a#4");
	expect("a#4", true);
}

static void a_next_pair_that_never_gets_through_leaves_the_others_as_they_were(void **state)
{
	(void)state;
	rotate_to("a#1");
	rotate_to("a#2");
	assert_true(add("a#3"));
	for (unsigned i = 0; i < KEYSTORE_NEXT_FAILURES_MAX; i++) {
		expect("a#3", false);
		expect("a#2", i + 1 == KEYSTORE_NEXT_FAILURES_MAX);
	}
	rotation_init(&rotation, &shelf);
	tire_current("a#2");
	expect(NULL, false);
	expect("a#2", false);
	expect("a#1", true);
}

static void a_wish_lasts_until_the_next_pair_is_kept(void **state)
{
	(void)state;
	rotation_want(&rotation);
	rotation_init(&rotation, &shelf);
	assert_true(rotation.is_wanted);
	is_broken = true;
	assert_false(add("a#1"));
	assert_true(rotation.is_wanted);
	expect(NULL, true);
	is_broken = false;
	assert_true(add("a#1"));
	rotation_init(&rotation, &shelf);
	assert_false(rotation.is_wanted);
	expect("a#1", true);
}

/* A record as it was written before there was a previous pair: two pairs and nothing behind. */
static void records_of_the_first_version_are_read(void **state)
{
	uint8_t record[ROTATION_RECORD_BYTES];
	struct writer w = writer_of(record + SHELF_HEAD_BYTES, sizeof record - SHELF_HEAD_BYTES);
	(void)state;
	write_u8(&w, 1);
	write_u8(&w, 3);
	write_u8(&w, 2);
	write_u64(&w, 7);
	write_text(&w, "a#1kk");
	write_u8(&w, 0);
	write_u8(&w, 0);
	write_u64(&w, 0);
	assert_int_equal(shelf_store(&shelf, SHELF_KEYS, record, SHELF_HEAD_BYTES + writer_bytes(&w).len), 0);
	rotation_init(&rotation, &shelf);
	expect("a#1", true);
	assert_int_equal(rotation.current.since, 7);
	kept[kept_len - 1] ^= 1; /* damaged: as if there were none */
	rotation_init(&rotation, &shelf);
	expect(NULL, true);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_next_pair_is_used_from_its_first_association_on_and_after_a_restart),
		TEST(a_server_from_a_backup_finds_the_pair_that_it_knows),
		TEST(a_server_that_has_forgotten_all_finds_what_the_device_came_with),
		TEST(a_next_pair_that_never_gets_through_leaves_the_others_as_they_were),
		TEST(a_wish_lasts_until_the_next_pair_is_kept),
		TEST(records_of_the_first_version_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
