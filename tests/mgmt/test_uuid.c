/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void expect_uuid(const uint8_t uuid[UUID_BYTES], const char *expected)
{
	uint8_t text[UUID_TEXT_BYTES];
	struct writer w = writer_of(text, sizeof text);
	uuid_write(&w, uuid);
	assert_true(bytes_equal_text(writer_bytes(&w), expected));
}

/* draft-ietf-suit-manifest-37: appendix B's vendor is arm.com; the namespace of section 8.4.8.1; RFC 9562 appendix A.4.
 */
static void names_give_the_published_uuids(void **state)
{
	static const char oid_space[] = "6ba7b812-9dad-11d1-80b4-00c04fd430c8";
	uint8_t uuid[UUID_BYTES], space[UUID_BYTES];
	(void)state;
	uuid_vendor(bytes_of_text("arm.com"), uuid);
	expect_uuid(uuid, "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe");
	uuid_vendor(bytes_of_text("www.example.com"), uuid);
	expect_uuid(uuid, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
	assert_true(uuid_parse(bytes_of_text(oid_space), space));
	uuid_named(space, bytes_of("\xd8\x6f\x45\x2b\x06\x01\x04\x01", 8), uuid);
	expect_uuid(uuid, "47fbdabb-f2e4-55f0-bb39-3620c2f6df4e");
}

/* The padding of SHA-1 differs around 55 and 63 bytes; 16 of them are the namespace. */
static void names_of_every_length_are_hashed(void **state)
{
	static const struct {
		size_t len;
		const char *uuid;
	} rows[] = {
		{0, "e129f27c-5103-5c5c-844b-cdf0a15e160d"},
		{1, "f3e951bb-a80b-5e6c-a038-a56ee0caa25d"},
		{38, "2c5b845a-f2e3-51ad-b7e9-d6ffe910a2c0"},
		{39, "5293c6a7-0531-5b02-a33d-9c11ce365bbb"},
		{40, "8cd356ea-c023-55d3-800b-ff1dd8f309ec"},
		{47, "6d6f6920-f2bf-5bd3-81d1-5e4d5e7df3e0"},
		{48, "d740564a-13e1-5ef6-8512-7b3660b5d6ee"},
		{49, "3831125d-94ef-56b6-a58c-445114203d9a"},
		{103, "74ea9694-4791-54b4-8636-a043475474a0"},
		{104, "c8c6babe-a1c3-54e1-a989-0295fd143fc4"},
		{111, "b73420db-5a93-5ac0-af97-4152eb92ebee"},
		{112, "b362b980-7247-5262-aa71-00294d7aac0e"},
		{128, "d87cc7a9-d0b2-5f82-be6d-c0323d1db8cf"},
	};
	uint8_t name[128], space[UUID_BYTES] = {0}, uuid[UUID_BYTES];
	(void)state;
	memset(name, 'x', sizeof name);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uuid_class(space, bytes_of(name, rows[i].len), uuid);
		expect_uuid(uuid, rows[i].uuid);
	}
}

static void texts_are_read_strictly(void **state)
{
	static const char *const bad[] = {"", "fa6b4a53d5ad5fdfbe9de663e4d41ffe", "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ff",
		"fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe0", "ga6b4a53-d5ad-5fdf-be9d-e663e4d41ffe",
		"fa6b4a53_d5ad-5fdf-be9d-e663e4d41ffe", "fa6b4a5-3d5ad-5fdf-be9d-e663e4d41ffe"};
	uint8_t uuid[UUID_BYTES];
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (uuid_parse(bytes_of_text(bad[i]), uuid))
			fail_msg("%s is accepted", bad[i]);
	assert_true(uuid_parse(bytes_of_text("FA6B4A53-D5AD-5FDF-BE9D-E663E4D41FFE"), uuid));
	expect_uuid(uuid, "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_give_the_published_uuids),
		cmocka_unit_test(names_of_every_length_are_hashed),
		cmocka_unit_test(texts_are_read_strictly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
