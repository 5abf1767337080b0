/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/http/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static const char *path(const char *name)
{
	static char text[96];
	snprintf(text, sizeof text, "%s/%s", folder, name);
	return text;
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/fieldfare-tokens-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path("tokens"));
	unlink(path("admin.token"));
	return rmdir(folder);
}

static bool load(struct tokens *t, bool *ret_is_new)
{
	char error[256] = "";
	bool is_loaded = tokens_load(t, folder, ret_is_new, error, sizeof error);
	assert_int_equal(is_loaded, error[0] == '\0');
	return is_loaded;
}

static void write_tokens(const char *text)
{
	FILE *f = fopen(path("tokens"), "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void the_first_start_makes_an_administrator(void **state)
{
	struct tokens t;
	bool is_new;
	struct stat facts;
	char text[TOKEN_TEXT_BYTES + 2] = "";
	(void)state;
	assert_true(load(&t, &is_new));
	assert_true(is_new);
	FILE *f = fopen(path("admin.token"), "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof text, f));
	fclose(f);
	text[strcspn(text, "\n")] = '\0';
	assert_int_equal(strlen(text), 3 + 64);
	const struct token *token = tokens_find(&t, text);
	assert_non_null(token);
	assert_int_equal(token->role, ROLE_ADMIN);
	assert_int_equal(stat(path("tokens"), &facts), 0);
	assert_int_equal(facts.st_mode & 0777, 0600);
	assert_true(load(&t, &is_new));
	assert_false(is_new);
	assert_non_null(tokens_find(&t, text));
	text[10] ^= 1;
	assert_null(tokens_find(&t, text));
	assert_null(tokens_find(&t, ""));
}

static void tokens_come_and_go_and_last(void **state)
{
	struct tokens t;
	bool is_new;
	char text[TOKEN_TEXT_BYTES], other[TOKEN_TEXT_BYTES];
	(void)state;
	assert_true(load(&t, &is_new));
	assert_int_equal(tokens_add(&t, "eve", ROLE_VIEWER, text), TOKENS_DONE);
	assert_int_equal(tokens_add(&t, "eve", ROLE_ADMIN, other), TOKENS_EXISTS);
	assert_int_equal(tokens_add(&t, "two words", ROLE_ADMIN, other), TOKENS_BAD_NAME);
	assert_int_equal(tokens_add(&t, "", ROLE_ADMIN, other), TOKENS_BAD_NAME);
	assert_int_equal(tokens_add(&t, "a-name-that-is-longer-than-it-may-be", ROLE_ADMIN, other), TOKENS_BAD_NAME);
	assert_true(load(&t, &is_new));
	assert_int_equal(tokens_find(&t, text)->role, ROLE_VIEWER);
	assert_int_equal(tokens_remove(&t, "eve"), TOKENS_DONE);
	assert_int_equal(tokens_remove(&t, "eve"), TOKENS_UNKNOWN);
	assert_int_equal(tokens_remove(&t, "admin"), TOKENS_LAST_ADMIN);
	assert_true(load(&t, &is_new));
	assert_null(tokens_find(&t, text));
}

static void the_table_has_a_limit(void **state)
{
	struct tokens t;
	bool is_new;
	char text[TOKEN_TEXT_BYTES], name[16];
	(void)state;
	assert_true(load(&t, &is_new));
	for (int i = 1; i < TOKENS_MAX; i++) {
		snprintf(name, sizeof name, "t%d", i);
		assert_int_equal(tokens_add(&t, name, ROLE_VIEWER, text), TOKENS_DONE);
	}
	assert_int_equal(tokens_add(&t, "more", ROLE_VIEWER, text), TOKENS_FULL);
	assert_true(load(&t, &is_new));
	assert_int_equal(t.count, TOKENS_MAX);
}

static void a_file_that_cannot_be_written_changes_nothing(void **state)
{
	struct tokens t;
	bool is_new;
	char text[TOKEN_TEXT_BYTES];
	(void)state;
	assert_true(load(&t, &is_new));
	snprintf(t.file, sizeof t.file, "%s/no/such/folder", folder);
	assert_int_equal(tokens_add(&t, "eve", ROLE_ADMIN, text), TOKENS_FAILED);
	assert_int_equal(t.count, 1);
	assert_null(tokens_find(&t, text));
}

static void a_line_that_is_none_of_ours_stops_the_start(void **state)
{
	static const char hash[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	static const struct {
		const char *format;
		unsigned line; /* of the fault; 0: it is good */
	} cases[] = {
		{"# people\n\nadmin %s a\nviewer %s b", 0},
		{"", 0},
		{"admin %s a\nking %s b\n", 2},
		{"admin %s a\nviewer %s a\n", 2},
		{"admin %s a b\n", 1},
		{"admin %.62s a\n", 1},
		{"admin %s0 a\n", 1},
		{"admin %s\n", 1},
		{"none %s a\n", 1},
		{"admin  %s a\n", 1},
		{"admin\n", 1},
	};
	struct tokens t;
	bool is_new;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[512];
		unsigned line = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof text, cases[i].format, hash, hash);
#pragma GCC diagnostic pop
		bool is_good = tokens_parse(&t, bytes_of_text(text), &line);
		if (is_good != (cases[i].line == 0) || line != cases[i].line)
			fail_msg("case %zu: line %u", i, line);
	}
	write_tokens("admin nonsense\n");
	assert_false(load(&t, &is_new));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_start_makes_an_administrator, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tokens_come_and_go_and_last, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_table_has_a_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_cannot_be_written_changes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_line_that_is_none_of_ours_stops_the_start, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
