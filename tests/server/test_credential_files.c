/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/credential_files.h"

#include "tests/server/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEY "000102030405060708090a0b0c0d0e0f"

struct stage {
	struct directory directory;
	struct settings settings;
	struct credential_files files;
	char message[SETTINGS_MESSAGE_BYTES];
};

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	directory_make(&s->directory);
	(void)snprintf(s->settings.psk_file, sizeof s->settings.psk_file, "%s", directory_file(&s->directory, "psk"));
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	credential_files_done(&s->files);
	directory_remove(&s->directory);
	free(s);
	return 0;
}

static bool load(struct stage *s, unsigned mode, const char *text)
{
	credential_files_done(&s->files);
	directory_write(&s->directory, "psk", mode, text);
	return credential_files_load(&s->settings, 1, &s->files, s->message);
}

static bool knows(struct stage *s, const char *identity, const char *name)
{
	struct dtls_credentials port = dtls_credential_table_port(&s->files.table);
	struct dtls_psk key;
	struct dtls_principal principal;
	return port.find_psk(port.context, bytes_of_text(identity), &key, &principal) &&
	       bytes_equal_text(dtls_principal_name(&principal), name);
}

static void each_line_is_an_identity_with_its_key_and_name(void **state)
{
	struct stage *s = *state;
	assert_true(load(s, 0600, "# devices\n\npump-1-key:" KEY ":pump-1\npump-2:" KEY "\r\nlast:" KEY ":x"));
	assert_int_equal(s->files.psk_count, 3);
	assert_true(knows(s, "pump-1-key", "pump-1"));
	assert_true(knows(s, "pump-2", "pump-2"));
	assert_true(knows(s, "last", "x"));
	assert_false(knows(s, "pump-1", "pump-1"));
}

static void a_line_that_cannot_be_read_is_named(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		/* 1 */ {"a:" KEY "\nnonsense\n", "psk:2: not of the form"},
		/* 2 */ {"a:00:a\n", "psk:1: not of the form"},
		/* 3 */ {"a:xyz:a\n", "psk:1: not of the form"},
		/* 4 */ {":" KEY ":a\n", "psk:1: identity is empty or too long"},
		/* 5 */ {"a:" KEY ":a\na:" KEY ":b\n", "psk:2: this identity is there already"},
		/* 6 */
		{"a:" KEY ":0123456789012345678901234567890123456789012345678901234567890123456789\n",
			"psk:1: the endpoint name is longer than 64 bytes"},
		/* 7 */ {"a:" KEY KEY KEY KEY "00:a\n", "psk:1: not of the form"},
	};
	struct stage *s = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (load(s, 0600, cases[i].text) || strstr(s->message, cases[i].message) == NULL)
			fail_msg("case %zu: %s", i + 1, s->message);
}

/* ---- raw public keys ---- */

#define DIGEST KEY KEY

static bool load_raw_keys(struct stage *s, const char *text)
{
	(void)snprintf(
		s->settings.raw_key_file, sizeof s->settings.raw_key_file, "%s", directory_file(&s->directory, "raw"));
	directory_write(&s->directory, "raw", 0644, text);
	return load(s, 0600, "pump-1:" KEY "\n");
}

static bool knows_raw_key(struct stage *s, struct dtls_principal *ret)
{
	struct dtls_credentials port = dtls_credential_table_port(&s->files.table);
	uint8_t digest[DTLS_RAW_KEY_BYTES];
	for (size_t i = 0; i < sizeof digest; i++)
		digest[i] = i % 16;
	return port.find_raw_key(port.context, bytes_of(digest, sizeof digest), ret);
}

static void raw_keys_stand_in_a_file_of_their_own(void **state)
{
	struct stage *s = *state;
	struct dtls_principal principal;
	assert_true(load_raw_keys(s, "# devices\n\n" DIGEST ":pump-7\r\n"));
	assert_int_equal(s->files.psk_count, 1);
	assert_int_equal(s->files.raw_key_count, 1);
	assert_true(knows(s, "pump-1", "pump-1"));
	assert_true(knows_raw_key(s, &principal));
	assert_true(bytes_equal_text(dtls_principal_name(&principal), "pump-7"));
	assert_true(credential_files_knows(&s->files, principal.number));
	assert_true(load_raw_keys(s, "# " DIGEST ":pump-7\n"));
	assert_false(knows_raw_key(s, &principal));
}

/* A session begun with a key goes on only while the file says the same of it. */
static void a_raw_key_of_another_device_is_another_credential(void **state)
{
	struct stage *s = *state;
	struct dtls_principal principal, other;
	assert_true(load_raw_keys(s, DIGEST ":pump-7\n"));
	assert_true(knows_raw_key(s, &principal));
	assert_true(load_raw_keys(s, DIGEST ":pump-8\n"));
	assert_true(knows_raw_key(s, &other));
	assert_true(credential_files_knows(&s->files, other.number));
	assert_false(credential_files_knows(&s->files, principal.number));
	assert_true(load_raw_keys(s, ""));
	assert_false(credential_files_knows(&s->files, other.number));
}

static void a_line_that_is_no_raw_key_is_named(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{DIGEST ":a\nnonsense\n", "raw:2: not of the form SHA-256 in hexadecimal:endpoint name"},
		{DIGEST "\n", "raw:1: not of the form"},
		{DIGEST ":\n", "raw:1: not of the form"},
		{KEY ":a\n", "raw:1: not of the form"},
		{DIGEST "00:a\n", "raw:1: not of the form"},
		{DIGEST ":a\n" DIGEST ":b\n", "raw:2: this identity is there already"},
		{DIGEST ":0123456789012345678901234567890123456789012345678901234567890123456789\n",
			"raw:1: the endpoint name is longer than 64 bytes"},
	};
	struct stage *s = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (load_raw_keys(s, cases[i].text) || strstr(s->message, cases[i].message) == NULL)
			fail_msg("case %zu: %s", i + 1, s->message);
}

static void our_own_raw_key_is_a_secret(void **state)
{
	struct stage *s = *state;
	(void)snprintf(s->settings.raw_private_key, sizeof s->settings.raw_private_key, "%s",
		directory_file(&s->directory, "own"));
	directory_write(&s->directory, "own", 0644, "key");
	assert_false(load_raw_keys(s, DIGEST ":a\n"));
	assert_non_null(strstr(s->message, "chmod 600"));
	directory_write(&s->directory, "own", 0600, "key");
	assert_true(load_raw_keys(s, DIGEST ":a\n"));
	assert_true(bytes_equal_text(s->files.own.raw_key_pem, "key"));
}

static void a_file_of_secrets_that_others_may_read_is_refused(void **state)
{
	struct stage *s = *state;
	assert_false(load(s, 0640, "a:" KEY "\n"));
	assert_non_null(strstr(s->message, "chmod 600"));
	assert_false(load(s, 0604, "a:" KEY "\n"));
	assert_true(load(s, 0400, "a:" KEY "\n"));
}

static void missing_files_are_named(void **state)
{
	struct stage *s = *state;
	struct trust_anchors anchors;
	assert_false(credential_files_load(&s->settings, 1, &s->files, s->message));
	assert_non_null(strstr(s->message, "psk: No such file"));
	(void)snprintf(s->settings.trust_anchors, 200, "%s", directory_file(&s->directory, "anchors"));
	assert_false(credential_files_load_anchors(&s->settings, &anchors, s->message));
	assert_non_null(strstr(s->message, "anchors: No such file"));
	directory_write(&s->directory, "anchors", 0644, "\nfieldfare-public es256 12 x\n");
	assert_false(credential_files_load_anchors(&s->settings, &anchors, s->message));
	assert_non_null(strstr(s->message, "anchors:2: not a public signing key"));
}

static void an_empty_list_of_keys_is_no_mistake(void **state)
{
	struct stage *s = *state;
	assert_true(load(s, 0600, ""));
	assert_int_equal(s->files.psk_count, 0);
	assert_false(knows(s, "", ""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_line_is_an_identity_with_its_key_and_name),
		TEST(a_line_that_cannot_be_read_is_named),
		TEST(raw_keys_stand_in_a_file_of_their_own),
		TEST(a_raw_key_of_another_device_is_another_credential),
		TEST(a_line_that_is_no_raw_key_is_named),
		TEST(our_own_raw_key_is_a_secret),
		TEST(a_file_of_secrets_that_others_may_read_is_refused),
		TEST(missing_files_are_named),
		TEST(an_empty_list_of_keys_is_no_mistake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
