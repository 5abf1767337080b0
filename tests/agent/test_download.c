/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define IMAGE_BYTES 5000 /* 313 blocks of 16, the last one of 8 bytes */
#define BLOCK       16
#define BLOCKS      313

static struct disk disk;
static struct deploy_ports ports;
static struct download d;
static uint8_t image[IMAGE_BYTES], bitmap[64], scratch[64 + JOURNAL_PROGRESS_HEAD_BYTES];
static struct journal_image described;

static void power_on(void)
{
	static const struct download_storage storage = {bitmap, sizeof bitmap, scratch};
	memset(bitmap, 0x5a, sizeof bitmap);
	download_init(&d, &ports.slots, &ports.journal, &storage, 10);
}

static int fresh(void **state)
{
	(void)state;
	disk_init(&disk);
	ports = disk_ports(&disk);
	disk_make_image(image, sizeof image, 7);
	described = disk_describe(image, sizeof image, "1.1.0", 5);
	power_on();
	return 0;
}

static int put(uint32_t block)
{
	return download_put(
		&d, block, bytes_first(bytes_from(bytes_of(image, sizeof image), (size_t)block * BLOCK), BLOCK));
}

static void blocks_in_any_order_make_the_image(void **state)
{
	(void)state;
	assert_int_equal(download_open(&d, SLOT_B, &described, BLOCK), 0);
	assert_int_equal(d.block_count, BLOCKS);
	for (uint32_t i = 0; i < BLOCKS; i++)
		assert_int_equal(put(i * 100 % BLOCKS), 1);
	assert_true(download_is_complete(&d));
	assert_int_equal(d.unsynced, 0);
	assert_true(disk_holds(&disk, SLOT_B, image, sizeof image));
}

static void a_block_that_is_there_is_counted_and_not_written_again(void **state)
{
	(void)state;
	(void)download_open(&d, SLOT_B, &described, BLOCK);
	assert_int_equal(put(3), 1);
	unsigned before = disk.operations;
	assert_int_equal(put(3), 0);
	assert_int_equal(d.repeated, 1);
	assert_int_equal(disk.operations, before);
	assert_int_equal(d.have, 1);
}

static void a_block_of_the_wrong_length_or_behind_the_end_is_not_kept(void **state)
{
	(void)state;
	(void)download_open(&d, SLOT_B, &described, BLOCK);
	assert_int_equal(download_put(&d, 0, bytes_of(image, BLOCK - 1)), 0);
	assert_int_equal(download_put(&d, 0, bytes_of(image, BLOCK + 1)), 0);
	assert_int_equal(download_put(&d, BLOCKS - 1, bytes_of(image, BLOCK)), 0);
	assert_int_equal(download_put(&d, BLOCKS, bytes_of(image, BLOCK)), 0);
	assert_int_equal(download_put(&d, UINT32_MAX, bytes_of(image, BLOCK)), 0);
	assert_int_equal(d.have, 0);
	download_close(&d);
	assert_int_equal(put(0), 0);
}

static void after_a_power_cut_synced_blocks_are_there_and_the_others_are_missing(void **state)
{
	(void)state;
	uint32_t missing;
	(void)download_open(&d, SLOT_B, &described, BLOCK);
	for (uint32_t i = 0; i < 25; i++) /* two syncs of ten */
		assert_int_equal(put(i), 1);
	disk_reboot(&disk);
	power_on();
	assert_int_equal(download_open(&d, SLOT_B, &described, BLOCK), 0);
	assert_int_equal(d.resumed, 20);
	assert_true(download_next_missing(&d, 0, &missing));
	assert_int_equal(missing, 20);
	for (uint32_t i = 20; i < BLOCKS; i++)
		assert_int_equal(put(i), 1);
	assert_true(disk_holds(&disk, SLOT_B, image, sizeof image));
	assert_int_equal(d.repeated, 0);
}

static void the_progress_of_another_image_does_not_count(void **state)
{
	(void)state;
	(void)download_open(&d, SLOT_B, &described, BLOCK);
	for (uint32_t i = 0; i < 20; i++)
		(void)put(i);
	struct journal_image other = described;
	other.digest[0] ^= 1;
	assert_int_equal(download_open(&d, SLOT_B, &other, BLOCK), 0);
	assert_int_equal(d.have, 0);
	assert_int_equal(download_open(&d, SLOT_B, &described, BLOCK), 0);
	assert_int_equal(d.have, 0); /* its bytes have been overwritten, and the record said so first */
}

static void progress_without_the_slots_content_does_not_count(void **state)
{
	(void)state;
	(void)download_open(&d, SLOT_B, &described, BLOCK);
	for (uint32_t i = 0; i < 20; i++)
		(void)put(i);
	disk.slots[SLOT_B].exists = false;
	assert_int_equal(download_open(&d, SLOT_B, &described, BLOCK), 0);
	assert_int_equal(d.have, 0);
}

static void a_download_goes_on_in_the_smaller_blocks_it_began_with(void **state)
{
	(void)state;
	(void)download_open(&d, SLOT_B, &described, BLOCK);
	for (uint32_t i = 0; i < 20; i++)
		(void)put(i);
	assert_int_equal(download_open(&d, SLOT_B, &described, 64), 0);
	assert_int_equal(d.block_size, BLOCK);
	assert_int_equal(d.have, 20);
}

static void a_record_with_bits_behind_the_end_is_not_believed(void **state)
{
	(void)state;
	uint8_t bits[40], record[40 + JOURNAL_PROGRESS_HEAD_BYTES];
	struct writer w = writer_of(record, sizeof record);
	memset(bits, 0xff, sizeof bits); /* 320 bits for 313 blocks */
	journal_encode_progress(described.digest, BLOCK, bytes_of(bits, sizeof bits), &w);
	disk_put_image(&disk, SLOT_B, image, sizeof image);
	assert_int_equal(ports.journal.store(ports.journal.context, JOURNAL_PROGRESS, writer_bytes(&w)), 0);
	assert_int_equal(download_open(&d, SLOT_B, &described, BLOCK), 0);
	assert_int_equal(d.have, 0);
}

static void what_does_not_fit_is_said_before_anything_is_written(void **state)
{
	(void)state;
	disk.slot_capacity = IMAGE_BYTES - 1;
	assert_int_equal(download_open(&d, SLOT_B, &described, BLOCK), PORT_NO_SPACE);
	disk.slot_capacity = IMAGE_BYTES;
	d.bitmap_capacity = 39; /* 40 bytes are needed */
	assert_int_equal(download_open(&d, SLOT_B, &described, BLOCK), PORT_NO_MEMORY);
	d.bitmap_capacity = 40;
	assert_int_equal(download_open(&d, SLOT_B, &described, BLOCK), 0);
	struct journal_image huge = described;
	huge.size = UINT64_MAX;
	assert_int_equal(download_open(&d, SLOT_B, &huge, BLOCK), PORT_NO_MEMORY);
	assert_int_equal(download_open(&d, SLOT_B, &described, 24), PORT_NO_MEMORY);
}

static void images_around_two_and_four_gigabytes_are_counted_right(void **state)
{
	(void)state;
	assert_int_equal(download_bitmap_bytes(INT32_MAX, 1024), 262144);
	assert_int_equal(download_bitmap_bytes(UINT64_C(1) << 31, 1024), 262144);
	assert_int_equal(download_bitmap_bytes((UINT64_C(1) << 31) + 1, 1024), 262145);
	assert_int_equal(download_bitmap_bytes((UINT64_C(1) << 32) + 1, 1024), 524289);
	assert_int_equal(download_bitmap_bytes(1, 1024), 1);
}

static void an_error_of_the_disk_reaches_the_caller_and_the_block_is_missing(void **state)
{
	(void)state;
	(void)download_open(&d, SLOT_B, &described, BLOCK);
	disk.fail_writes = -ENOSPC;
	assert_int_equal(put(0), -ENOSPC);
	assert_false(download_has(&d, 0));
	disk.fail_writes = 0;
	assert_int_equal(put(0), 1);
}

static void discarding_forgets_the_blocks_and_empties_the_slot(void **state)
{
	(void)state;
	(void)download_open(&d, SLOT_B, &described, BLOCK);
	for (uint32_t i = 0; i < 20; i++)
		(void)put(i);
	assert_int_equal(download_discard(&d, SLOT_B), 0);
	assert_false(disk.slots[SLOT_B].exists);
	assert_int_equal(download_open(&d, SLOT_B, &described, BLOCK), 0);
	assert_int_equal(d.have, 0);
}

static void the_next_missing_block_is_found_across_whole_bytes(void **state)
{
	(void)state;
	uint32_t missing;
	(void)download_open(&d, SLOT_B, &described, BLOCK);
	for (uint32_t i = 0; i < BLOCKS; i++)
		if (i != 200 && i != BLOCKS - 1)
			(void)put(i);
	assert_true(download_next_missing(&d, 0, &missing));
	assert_int_equal(missing, 200);
	assert_true(download_next_missing(&d, 201, &missing));
	assert_int_equal(missing, BLOCKS - 1);
	(void)put(BLOCKS - 1);
	assert_false(download_next_missing(&d, 201, &missing));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
	const struct CMUnitTest tests[] = {
		TEST(blocks_in_any_order_make_the_image),
		TEST(a_block_that_is_there_is_counted_and_not_written_again),
		TEST(a_block_of_the_wrong_length_or_behind_the_end_is_not_kept),
		TEST(after_a_power_cut_synced_blocks_are_there_and_the_others_are_missing),
		TEST(the_progress_of_another_image_does_not_count),
		TEST(progress_without_the_slots_content_does_not_count),
		TEST(a_download_goes_on_in_the_smaller_blocks_it_began_with),
		TEST(a_record_with_bits_behind_the_end_is_not_believed),
		TEST(what_does_not_fit_is_said_before_anything_is_written),
		TEST(images_around_two_and_four_gigabytes_are_counted_right),
		TEST(an_error_of_the_disk_reaches_the_caller_and_the_block_is_missing),
		TEST(discarding_forgets_the_blocks_and_empties_the_slot),
		TEST(the_next_missing_block_is_found_across_whole_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
