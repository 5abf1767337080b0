/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct disk disk;
static uint8_t scratch[JOURNAL_STATE_BYTES_MAX];

static struct journal_port port(void)
{
	return disk_ports(&disk).journal;
}

static int fresh_disk(void **state)
{
	(void)state;
	disk_init(&disk);
	return 0;
}

/* A state in which every field differs from its default. */
static struct journal_state full_state(void)
{
	struct journal_state s = {.number = 7,
		.phase = JOURNAL_TRIAL,
		.result = 8,
		.severity = 2,
		.trials = 3,
		.confirmed = SLOT_B,
		.sequence_floor = UINT64_MAX - 1,
		.defer_period_s = 4000000000u,
		.changed_at = 1800000000,
		.uri_len = JOURNAL_URI_MAX,
		.envelope_len = JOURNAL_ENVELOPE_MAX};
	memset(s.uri, 'u', sizeof s.uri);
	for (size_t i = 0; i < sizeof s.envelope; i++)
		s.envelope[i] = (uint8_t)i;
	for (int i = 0; i < SLOT_COUNT; i++) {
		s.images[i] =
			(struct journal_image){true, "1.2.3", 40u + (unsigned)i, UINT64_C(1) << 33, {(uint8_t)i, 2, 3}};
		memset(s.images[i].version, 'v', JOURNAL_VERSION_MAX);
	}
	return s;
}

static struct bytes encode(const struct journal_state *s)
{
	struct writer w = writer_of(scratch, sizeof scratch);
	journal_encode_state(s, &w);
	assert_false(w.failed);
	return writer_bytes(&w);
}

static void the_checksum_is_that_of_ieee_802_3(void **state)
{
	(void)state;
	assert_int_equal(journal_crc32(bytes_of_text("123456789")), 0xcbf43926u);
	assert_int_equal(journal_crc32(BYTES_NONE), 0);
}

static void a_state_with_everything_at_its_limit_fits_and_comes_back(void **state)
{
	(void)state;
	struct journal_state s = full_state(), back;
	memset(&back, 0xaa, sizeof back);
	assert_true(journal_decode_state(encode(&s), &back));
	struct bytes again = encode(&s);
	uint8_t copy[JOURNAL_STATE_BYTES_MAX];
	memcpy(copy, again.data, again.len);
	assert_true(bytes_equal(encode(&back), bytes_of(copy, again.len)));
	assert_int_equal(back.images[SLOT_B].sequence, 41);
}

static void a_record_cut_at_any_length_is_refused(void **state)
{
	(void)state;
	struct journal_state s = full_state(), back;
	struct bytes record = encode(&s);
	for (size_t len = 0; len < record.len; len++) {
		uint8_t *exact = malloc(len == 0 ? 1 : len);
		memcpy(exact, record.data, len);
		assert_false(journal_decode_state(bytes_of(exact, len), &back));
		free(exact);
	}
}

static void a_record_with_any_bit_flipped_is_refused(void **state)
{
	(void)state;
	struct journal_state s = full_state(), back;
	s.envelope_len = 20;
	struct bytes record = encode(&s);
	for (size_t bit = 0; bit < record.len * 8; bit++) {
		scratch[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		assert_false(journal_decode_state(record, &back));
		scratch[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_true(journal_decode_state(record, &back));
}

/* The checksum is right in these, so that what is tested is the reading behind it. */
static void a_record_that_breaks_a_limit_is_refused_although_its_checksum_is_right(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint8_t value;
	} cases[] = {{0, 'X'}, {3, 'P'}, {4, 2}, {13, JOURNAL_TRIAL + 1}, {17, 2}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct journal_state s = full_state(), back;
		struct bytes record = encode(&s);
		scratch[cases[i].at] = cases[i].value;
		struct writer crc = writer_of(scratch + record.len - 4, 4);
		write_u32(&crc, journal_crc32(bytes_first(record, record.len - 4)));
		assert_false(journal_decode_state(record, &back));
	}
}

static void without_a_journal_the_device_is_new(void **state)
{
	(void)state;
	struct journal_port p = port();
	struct journal_state s;
	int error = 0;
	assert_int_equal(journal_load(&p, scratch, &s, &error), JOURNAL_NEW);
	assert_int_equal(s.phase, JOURNAL_IDLE);
	assert_int_equal(s.severity, 1);
	assert_false(s.images[SLOT_A].is_present);
}

static void the_newest_state_is_found_after_any_number_of_writes(void **state)
{
	(void)state;
	struct journal_port p = port();
	struct journal_state s = full_state(), back;
	int error = 0;
	s.number = 0;
	for (uint8_t i = 1; i < 10; i++) {
		s.trials = i;
		assert_int_equal(journal_store(&p, scratch, &s), 0);
		assert_int_equal(journal_load(&p, scratch, &back, &error), JOURNAL_LOADED);
		assert_int_equal(back.trials, i);
		assert_int_equal(back.number, i);
	}
}

static void a_torn_write_leaves_the_state_before_it(void **state)
{
	(void)state;
	struct journal_port p = port();
	struct journal_state s = full_state(), back;
	int error = 0;
	s.number = 0;
	for (uint8_t i = 1; i < 6; i++) {
		s.trials = i;
		assert_int_equal(journal_store(&p, scratch, &s), 0);
		disk.cut_at = disk.operations + 1;
		s.trials = 99;
		assert_int_equal(journal_store(&p, scratch, &s), -EIO);
		disk_reboot(&disk);
		assert_int_equal(journal_load(&p, scratch, &back, &error), JOURNAL_LOADED);
		assert_int_equal(back.trials, i);
		s = back;
	}
}

static void after_a_torn_write_the_whole_copy_is_not_the_one_overwritten(void **state)
{
	(void)state;
	struct journal_port p = port();
	struct journal_state s = full_state(), back;
	int error = 0;
	s.number = 0;
	assert_int_equal(journal_store(&p, scratch, &s), 0);
	for (int i = 0; i < 3; i++) { /* the disk fails again and again; the good copy stays */
		disk.cut_at = disk.operations + 1;
		assert_int_equal(journal_store(&p, scratch, &s), -EIO);
		disk_reboot(&disk);
		assert_int_equal(journal_load(&p, scratch, &back, &error), JOURNAL_LOADED);
		assert_int_equal(back.number, 1);
	}
}

static void rotten_copies_are_told_from_none(void **state)
{
	(void)state;
	struct journal_port p = port();
	struct journal_state s = full_state();
	int error = 0;
	s.number = 0;
	assert_int_equal(journal_store(&p, scratch, &s), 0);
	disk.records[JOURNAL_STATE_FIRST].bytes[20] ^= 1;
	assert_int_equal(journal_load(&p, scratch, &s, &error), JOURNAL_ROTTEN);
	disk.is_cut = true;
	assert_int_equal(journal_load(&p, scratch, &s, &error), JOURNAL_FAILED);
	assert_int_equal(error, -EIO);
}

static void progress_comes_back_for_its_own_image_only(void **state)
{
	(void)state;
	uint8_t digest[SHA256_BYTES] = {1, 2, 3}, other[SHA256_BYTES] = {1, 2, 4};
	uint8_t bitmap[] = {0xff, 0x01}, buffer[JOURNAL_PROGRESS_HEAD_BYTES + sizeof bitmap];
	struct writer w = writer_of(buffer, sizeof buffer);
	struct bytes back;
	uint32_t block_size = 0;
	journal_encode_progress(digest, 1024, bytes_of(bitmap, sizeof bitmap), &w);
	assert_false(w.failed);
	assert_int_equal(writer_left(&w), 0);
	assert_true(journal_decode_progress(writer_bytes(&w), digest, &block_size, &back));
	assert_int_equal(block_size, 1024);
	assert_true(bytes_equal(back, bytes_of(bitmap, sizeof bitmap)));
	assert_false(journal_decode_progress(writer_bytes(&w), other, &block_size, &back));
	for (size_t len = 0; len < sizeof buffer; len++)
		assert_false(journal_decode_progress(bytes_of(buffer, len), digest, &block_size, &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_checksum_is_that_of_ieee_802_3),
		cmocka_unit_test(a_state_with_everything_at_its_limit_fits_and_comes_back),
		cmocka_unit_test(a_record_cut_at_any_length_is_refused),
		cmocka_unit_test(a_record_with_any_bit_flipped_is_refused),
		cmocka_unit_test(a_record_that_breaks_a_limit_is_refused_although_its_checksum_is_right),
		cmocka_unit_test_setup(without_a_journal_the_device_is_new, fresh_disk),
		cmocka_unit_test_setup(the_newest_state_is_found_after_any_number_of_writes, fresh_disk),
		cmocka_unit_test_setup(a_torn_write_leaves_the_state_before_it, fresh_disk),
		cmocka_unit_test_setup(after_a_torn_write_the_whole_copy_is_not_the_one_overwritten, fresh_disk),
		cmocka_unit_test_setup(rotten_copies_are_told_from_none, fresh_disk),
		cmocka_unit_test(progress_comes_back_for_its_own_image_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
