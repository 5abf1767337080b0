/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/package.h"
#include "mgmt/cbor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define IMAGE_BYTES 3000

static uint8_t room[256], whole[4096], image[IMAGE_BYTES], found[IMAGE_BYTES];
static size_t found_len, envelopes;
static struct package p;

/* An envelope is any tagged item here. */
static struct bytes make(size_t image_len, size_t envelope_len)
{
	struct writer w = writer_of(whole, sizeof whole);
	cbor_write_tag(&w, 107);
	cbor_write_map(&w, 1);
	cbor_write_unsigned(&w, 3);
	cbor_write_bytes_head(&w, envelope_len);
	for (size_t i = 0; i < envelope_len; i++)
		write_u8(&w, (uint8_t)i);
	for (size_t i = 0; i < image_len; i++)
		image[i] = (uint8_t)(i * 7);
	cbor_write_bytes(&w, bytes_of(image, image_len));
	assert_false(w.failed);
	return writer_bytes(&w);
}

static enum package_event give(struct bytes part)
{
	for (;;) {
		struct bytes got = BYTES_NONE;
		enum package_event event = package_take(&p, &part, &got);
		if (event == PACKAGE_ENVELOPE)
			envelopes++;
		if (event == PACKAGE_MORE || event == PACKAGE_BROKEN)
			return event;
		if (event == PACKAGE_IMAGE) {
			assert_true(found_len + got.len <= sizeof found);
			memcpy(found + found_len, got.data, got.len);
			found_len += got.len;
		}
	}
}

static void begin(void)
{
	package_init(&p, room, sizeof room);
	found_len = envelopes = 0;
}

static void parts_of_any_size_make_the_same(void **state)
{
	static const size_t images[] = {0, 1, 23, 24, 255, 256, IMAGE_BYTES};
	(void)state;
	for (size_t i = 0; i < sizeof images / sizeof images[0]; i++) {
		struct bytes package = make(images[i], 200);
		for (size_t size = 1; size <= package.len; size += 1 + size / 9) {
			begin();
			for (size_t at = 0; at < package.len; at += size) {
				size_t len = package.len - at < size ? package.len - at : size;
				assert_false(package_is_complete(&p) && at + len < package.len);
				assert_int_equal(give(bytes_of(package.data + at, len)), PACKAGE_MORE);
			}
			assert_true(package_is_complete(&p));
			assert_int_equal(envelopes, 1);
			assert_int_equal(found_len, images[i]);
			assert_memory_equal(found, image, images[i]);
		}
	}
}

static void sizes_of_eight_bytes_are_exact(void **state)
{
	struct bytes package = make(0, 10);
	static const uint8_t head[] = {0x5b, 0, 0, 0, 1, 0, 0, 0, 5};
	(void)state;
	begin();
	assert_int_equal(give(bytes_first(package, package.len - 1)), PACKAGE_MORE);
	assert_int_equal(give(bytes_of(head, sizeof head)), PACKAGE_MORE);
	assert_int_equal(p.image_size, 0x100000005u);
	assert_false(package_is_complete(&p));
}

static void what_is_no_package_is_told(void **state)
{
	struct bytes package = make(10, 10);
	uint8_t changed[64];
	(void)state;
	begin();
	assert_int_equal(give(bytes_of_text("x")), PACKAGE_BROKEN);
	begin();
	assert_int_equal(give(bytes_of((const uint8_t *)"\xd8\x6c", 2)), PACKAGE_BROKEN);
	begin(); /* a byte behind the image */
	assert_int_equal(give(package), PACKAGE_MORE);
	assert_int_equal(give(bytes_of_text("x")), PACKAGE_BROKEN);
	/* the image as text, of indefinite length, with a reserved length */
	static const uint8_t heads[] = {0x6a, 0x5f, 0x5c, 0x00};
	for (size_t i = 0; i < sizeof heads; i++) {
		begin();
		memcpy(changed, package.data, package.len);
		changed[package.len - 11] = heads[i];
		assert_int_equal(give(bytes_of(changed, package.len)), PACKAGE_BROKEN);
	}
}

static void an_envelope_that_never_ends_is_no_package(void **state)
{
	struct bytes package = make(10, 400);
	(void)state;
	begin();
	assert_int_equal(give(bytes_first(package, 100)), PACKAGE_MORE);
	assert_int_equal(give(bytes_from(package, 100)), PACKAGE_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_any_size_make_the_same),
		cmocka_unit_test(sizes_of_eight_bytes_are_exact),
		cmocka_unit_test(what_is_no_package_is_told),
		cmocka_unit_test(an_envelope_that_never_ends_is_no_package),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
