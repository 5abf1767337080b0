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
		TEST(a_file_of_secrets_that_others_may_read_is_refused),
		TEST(missing_files_are_named),
		TEST(an_empty_list_of_keys_is_no_mistake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
