/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HEX32 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void keys_read_and_write_the_same(void **state)
{
	static const char *const rows[] = {"fieldfare-public es256 " HEX32 HEX32 " release key 2026\n",
		"fieldfare-public ed25519 " HEX32 "\n", "fieldfare-secret es256 " HEX32 " a\n",
		"fieldfare-secret ed25519 " HEX32 " b\n"};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t text[TRUST_LINE_BYTES];
		struct writer w = writer_of(text, sizeof text);
		struct bytes line = bytes_of_text(rows[i]);
		struct trust_key key;
		assert_true(trust_parse_key(bytes_first(line, line.len - 1), &key));
		trust_write_key(&w, &key);
		assert_true(bytes_equal(writer_bytes(&w), line));
	}
}

static void what_is_no_key_is_refused(void **state)
{
	static const char *const bad[] = {"", "fieldfare-public", "fieldfare-public es256", "fieldfare-public es256 ",
		"fieldfare-public es256 " HEX32, "fieldfare-secret es256 " HEX32 HEX32,
		"fieldfare-public ed25519 " HEX32 HEX32, "fieldfare-public ed25519 " HEX32 "0",
		"fieldfare-public rsa " HEX32, "fieldfare-key ed25519 " HEX32, " fieldfare-public ed25519 " HEX32,
		"fieldfare-public  ed25519 " HEX32, "fieldfare-public ed25519 " HEX32 " tab\there",
		"fieldfare-public ed25519 " HEX32
		" a name that is much longer than sixty-three bytes, which is the most there may be"};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct trust_key key;
		if (trust_parse_key(bytes_of_text(bad[i]), &key))
			fail_msg("%s is accepted", bad[i]);
	}
}

static void a_file_of_anchors_may_have_comments(void **state)
{
	struct trust_anchors anchors;
	unsigned line = 0;
	(void)state;
	assert_true(trust_parse_anchors(bytes_of_text("# ours\n\nfieldfare-public ed25519 " HEX32
						      " one\r\nfieldfare-public es256 " HEX32 HEX32 " two"),
		&anchors, &line));
	assert_int_equal(anchors.count, 2);
	assert_string_equal(anchors.keys[0].name, "one");
	assert_int_equal(anchors.keys[1].algorithm, SIGNATURE_ES256);
}

static void a_mistake_is_told_with_its_line(void **state)
{
	struct trust_anchors anchors;
	unsigned line = 0;
	(void)state;
	assert_false(trust_parse_anchors(
		bytes_of_text("# ours\nfieldfare-public ed25519 " HEX32 "\nfieldfare-pubic es256 x\n"), &anchors,
		&line));
	assert_int_equal(line, 3);
	assert_false(trust_parse_anchors(bytes_of_text("fieldfare-secret ed25519 " HEX32 "\n"), &anchors, &line));
	assert_int_equal(line, 1);
	assert_false(trust_parse_anchors(bytes_of_text("# nobody\n"), &anchors, &line));
	assert_false(trust_parse_anchors(BYTES_NONE, &anchors, &line));
}

static void more_anchors_than_the_limit_are_refused(void **state)
{
	uint8_t text[TRUST_LINE_BYTES * (TRUST_ANCHORS_MAX + 1)];
	struct writer w = writer_of(text, sizeof text);
	struct trust_anchors anchors;
	unsigned line;
	(void)state;
	for (unsigned i = 0; i < TRUST_ANCHORS_MAX; i++)
		write_text(&w, "fieldfare-public ed25519 " HEX32 "\n");
	assert_true(trust_parse_anchors(writer_bytes(&w), &anchors, &line));
	write_text(&w, "fieldfare-public ed25519 " HEX32 "\n");
	assert_false(trust_parse_anchors(writer_bytes(&w), &anchors, &line));
	assert_int_equal(line, TRUST_ANCHORS_MAX + 1);
}

static void a_secret_file_has_one_secret(void **state)
{
	struct trust_key key;
	(void)state;
	assert_true(trust_parse_secret(bytes_of_text("fieldfare-secret ed25519 " HEX32 "\n"), &key));
	assert_false(trust_parse_secret(bytes_of_text("fieldfare-public ed25519 " HEX32 "\n"), &key));
	assert_false(trust_parse_secret(
		bytes_of_text("fieldfare-secret ed25519 " HEX32 "\nfieldfare-secret ed25519 " HEX32 "\n"), &key));
	assert_false(trust_parse_secret(BYTES_NONE, &key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_read_and_write_the_same),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(a_file_of_anchors_may_have_comments),
		cmocka_unit_test(a_mistake_is_told_with_its_line),
		cmocka_unit_test(more_anchors_than_the_limit_are_refused),
		cmocka_unit_test(a_secret_file_has_one_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
