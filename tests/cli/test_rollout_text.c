/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/progress.h"
#include "cli/rollout_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void waves_are_numbers_and_percentages(void **state)
{
	static const struct {
		const char *list, *json; /* NULL: no list */
	} cases[] = {{"1", "[1]"}, {"1,2,100%", "[1,2,\"100%\"]"}, {"007", "[7]"}, {"", NULL}, {"1,", NULL},
		{",1", NULL}, {"1,x", NULL}, {"101%", NULL}, {"%", NULL}, {"-1", NULL}, {"1 ,2", NULL},
		{"99999999999999999", NULL}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *waves = rollout_waves_json(cases[i].list);
		char *text = waves != NULL ? json_dumps(waves, JSON_COMPACT) : NULL;
		if ((text == NULL) != (cases[i].json == NULL) || (text != NULL && strcmp(text, cases[i].json) != 0))
			fail_msg("%s is %s", cases[i].list, text != NULL ? text : "no list");
		free(text);
		json_decref(waves);
	}
}

static const char rollout_text[] =
	"{\"id\":3,\"release\":\"1.1.0\",\"state\":\"running\",\"wave\":2,\"wave_count\":3,\"total\":4,"
	"\"counts\":{\"confirmed\":1,\"failed\":1},\"devices\":["
	"{\"endpoint\":\"a\",\"state\":\"confirmed\"},"
	"{\"endpoint\":\"pump-2\",\"state\":\"failed\",\"why\":\"update failed\"},"
	"{\"endpoint\":\"c\",\"state\":\"downloading\",\"progress\":0.5},"
	"{\"endpoint\":\"d\",\"state\":\"waiting\",\"why\":\"off\\u001bline\"}]}";

static char *printed(size_t rows)
{
	char *text = NULL;
	size_t len, lines = 0;
	json_t *rollout = json_loads(rollout_text, 0, NULL);
	FILE *out = open_memstream(&text, &len);
	assert_non_null(rollout);
	size_t said = rollout_print(rollout, rows, false, out);
	fclose(out);
	json_decref(rollout);
	for (const char *at = text; *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(said, lines);
	return text;
}

static void the_picture_has_a_bar_for_each_device_and_one_of_all(void **state)
{
	char *text = printed(10);
	(void)state;
	assert_string_equal(text, "rollout 3 of 1.1.0: running; wave 2 of 3\n"
				  "  a       [########################] 100%  confirmed\n"
				  "  pump-2  [########################] 100%  failed: update failed\n"
				  "  c       [#########...............]  40%  downloading\n"
				  "  d       [........................]   0%  waiting: off?line\n"
				  "  total   [##############..........]  60%  1 of 4 confirmed, 1 failed\n");
	free(text);
}

static void a_small_screen_shows_those_at_work_first(void **state)
{
	char *text = printed(2);
	(void)state;
	const char *working = strstr(text, "  c "), *waiting = strstr(text, "  d ");
	assert_non_null(working);
	assert_true(working < waiting);
	assert_null(strstr(text, "  a "));
	assert_non_null(strstr(text, "and 2 more\n"));
	free(text);
}

static void a_bar_is_full_only_at_the_end(void **state)
{
	char bar[PROGRESS_BYTES];
	(void)state;
	progress_bar(0.999, bar);
	assert_string_equal(bar, "[#######################.]  99%");
	progress_bar(7, bar);
	assert_string_equal(bar, "[########################] 100%");
	progress_bar(-1, bar);
	assert_string_equal(bar, "[........................]   0%");
}

static void only_some_states_are_the_end(void **state)
{
	(void)state;
	assert_true(rollout_is_over("completed"));
	assert_true(rollout_is_over("halted"));
	assert_true(rollout_is_over("aborted"));
	assert_false(rollout_is_over("paused"));
	assert_false(rollout_is_over("running"));
	assert_false(rollout_is_over(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waves_are_numbers_and_percentages),
		cmocka_unit_test(the_picture_has_a_bar_for_each_device_and_one_of_all),
		cmocka_unit_test(a_small_screen_shows_those_at_work_first),
		cmocka_unit_test(a_bar_is_full_only_at_the_end),
		cmocka_unit_test(only_some_states_are_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
