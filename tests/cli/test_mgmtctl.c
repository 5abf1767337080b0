/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * mgmtctl as its users have it, a program, against the real HTTP edge and server composer: `test_mgmtctl MGMTCTL`. */
#include "tests/server/http/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WORDS_MAX    32
#define OUTPUT_BYTES 65536
#define TURNS_MAX    20000

static const char *program;
static const char *const two[] = {"pump-1", "pump-2", NULL};

struct stage {
	struct rig rig;
	char folder[64], server[64], token_file[96];
	char out[OUTPUT_BYTES], err[OUTPUT_BYTES];
};

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	assert_non_null(s);
	rig_init(&s->rig, two);
	snprintf(s->folder, sizeof s->folder, "/tmp/fieldfare-cli-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->server, sizeof s->server, "http://127.0.0.1:%u", http_port(s->rig.http));
	snprintf(s->token_file, sizeof s->token_file, "%s/admin.token", s->rig.state_dir);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	static const char *const names[] = {"out", "err", "k.key", "k.pub", "image", "r.suit"};
	char file[128];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(file, sizeof file, "%s/%s", s->folder, names[i]);
		unlink(file);
	}
	rmdir(s->folder);
	rig_done(&s->rig);
	free(s);
	return 0;
}

static void read_output(const struct stage *s, const char *name, char *ret)
{
	char file[128];
	snprintf(file, sizeof file, "%s/%s", s->folder, name);
	FILE *f = fopen(file, "r");
	assert_non_null(f);
	ret[fread(ret, 1, OUTPUT_BYTES - 1, f)] = '\0';
	fclose(f);
}

static void become(const struct stage *s, char *const words[])
{
	char file[128];
	snprintf(file, sizeof file, "%s/out", s->folder);
	FILE *out = freopen(file, "w", stdout);
	snprintf(file, sizeof file, "%s/err", s->folder);
	FILE *err = freopen(file, "w", stderr);
	if (out != NULL && err != NULL && chdir(s->folder) == 0)
		execv(program, words);
	_exit(127);
}

/* Runs `mgmtctl --server .. --token-file .. WORDS`, words with spaces between, while the loop turns. */
static int run(struct stage *s, const char *line)
{
	char copy[1024], *words[WORDS_MAX] = {"mgmtctl", "--server", s->server, "--token-file", s->token_file};
	int count = 5, status = -1;
	snprintf(copy, sizeof copy, "%s", line);
	for (char *word = strtok(copy, " "); word != NULL && count < WORDS_MAX - 1; word = strtok(NULL, " "))
		words[count++] = word;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		become(s, words);
	for (int turn = 0; turn < TURNS_MAX && waitpid(child, &status, WNOHANG) == 0; turn++) {
		rig_turn(&s->rig);
		usleep(200); /* the child's time, not ours: its end is waited for, nothing is assumed of its length */
	}
	assert_true(WIFEXITED(status));
	read_output(s, "out", s->out);
	read_output(s, "err", s->err);
	return WEXITSTATUS(status);
}

static void assert_run(struct stage *s, const char *line, int status)
{
	int got = run(s, line);
	if (got != status)
		fail_msg("mgmtctl %s: status %d instead of %d\n%s%s", line, got, status, s->out, s->err);
}

static void write_image(const struct stage *s, size_t len)
{
	char file[128];
	snprintf(file, sizeof file, "%s/image", s->folder);
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	for (size_t i = 0; i < len; i++)
		fputc((int)(i * 31 % 251), f);
	fclose(f);
}

static void make_release(struct stage *s)
{
	write_image(s, 1200000);
	assert_run(s, "keygen --out k", 0);
	assert_run(s,
		"release sign --key k.key --image image --version 2.0.0 --sequence 5 --vendor example.com --class pump "
		"--out r.suit",
		0);
}

static void devices_are_a_table_or_json(void **state)
{
	struct stage *s = *state;
	assert_run(s, "devices", 0);
	assert_non_null(strstr(s->out, "DEVICE"));
	assert_non_null(strstr(s->out, "pump-2"));
	assert_run(s, "--json devices --state registered", 0);
	json_t *answer = json_loads(s->out, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(answer, "devices")), 2);
	json_decref(answer);
	assert_run(s, "device show pump-1", 0);
	assert_non_null(strstr(s->out, "FD-100"));
	assert_run(s, "device remove pump-1", 0);
	assert_run(s, "device show pump-1", 5);
	assert_non_null(strstr(s->err, "there is no device"));
}

static void a_release_goes_from_image_to_rollout(void **state)
{
	struct stage *s = *state;
	make_release(s);
	assert_run(s, "release show r.suit", 0);
	assert_non_null(strstr(s->out, "2.0.0"));
	assert_run(s, "release upload r.suit --image image --json", 0);
	json_t *release = json_loads(s->out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(release, "id")), "2.0.0");
	json_decref(release);
	assert_int_equal(s->rig.artifact.size, 1200000);
	assert_run(s, "release upload r.suit --image image", 1);
	assert_run(s, "release list", 0);
	assert_non_null(strstr(s->out, "2.0.0"));
	assert_run(s, "rollout start 2.0.0 --all --waves 1,100% --max-failures 10%", 0);
	assert_run(s, "rollout show 1", 0);
	assert_non_null(strstr(s->out, "0 of 2 confirmed"));
	assert_run(s, "rollout pause 1", 0);
	assert_run(s, "rollout resume 1", 0);
	assert_run(s, "rollout abort 1", 0);
	assert_run(s, "rollout watch 1", 6);
	assert_non_null(strstr(s->out, "aborted"));
	assert_run(s, "rollout list --json", 0);
}

static void what_was_not_signed_is_not_uploaded(void **state)
{
	struct stage *s = *state;
	make_release(s);
	write_image(s, 1199999);
	assert_run(s, "release upload r.suit --image image", 1);
	assert_non_null(strstr(s->err, "is not the image"));
	assert_false(s->rig.has_artifact);
	assert_run(s, "release upload image --image image", 1);
	assert_run(s, "release show image", 1);
}

static void keys_are_private_and_never_overwritten_unasked(void **state)
{
	struct stage *s = *state;
	struct stat facts;
	char file[128];
	assert_run(s, "keygen --out k --algorithm ed25519", 0);
	snprintf(file, sizeof file, "%s/k.key", s->folder);
	assert_int_equal(stat(file, &facts), 0);
	assert_int_equal(facts.st_mode & 0777, 0600);
	assert_run(s, "keygen --out k", 1);
	assert_run(s, "keygen --out k --force", 0);
	assert_run(s, "keygen --out k --algorithm rsa", 2);
}

static void events_and_status_are_shown(void **state)
{
	struct stage *s = *state;
	assert_run(s, "device tag pump-1 north v2", 0);
	assert_run(s, "events", 0);
	assert_non_null(strstr(s->out, "device-tagged"));
	assert_run(s, "events --last 1 --json", 0);
	json_t *answer = json_loads(s->out, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(answer, "events")), 1);
	json_decref(answer);
	assert_run(s, "status", 0);
	assert_non_null(strstr(s->out, "2 known"));
	assert_run(s, "token add eve --role viewer", 0);
	assert_memory_equal(s->out, "ff_", 3);
	assert_run(s, "token list", 0);
	assert_non_null(strstr(s->out, "eve"));
	assert_run(s, "token remove eve", 0);
}

static void failures_have_their_exit_status_and_say_what_to_do(void **state)
{
	struct stage *s = *state;
	assert_run(s, "rollout start 9.9 --all", 5);
	assert_run(s, "rollout start 9.9", 2);
	assert_non_null(strstr(s->err, "mgmtctl rollout start --help"));
	assert_run(s, "rollout start 9.9 --all --waves 1,x", 2);
	assert_run(s, "rollout watch 77", 5);
	assert_run(s, "device show", 2);
	assert_run(s, "frobnicate", 2);
	assert_run(s, "devices --frob", 2);
	snprintf(s->token_file, sizeof s->token_file, "%s/nothing", s->folder);
	assert_run(s, "devices", 4);
	snprintf(s->token_file, sizeof s->token_file, "/etc/hostname");
	assert_run(s, "devices", 4);
	assert_non_null(strstr(s->err, "--token-file"));
	snprintf(s->token_file, sizeof s->token_file, "%s/admin.token", s->rig.state_dir);
	snprintf(s->server, sizeof s->server, "http://127.0.0.1:1");
	assert_run(s, "devices", 3);
	assert_non_null(strstr(s->err, "is mgmtd running"));
	snprintf(s->server, sizeof s->server, "ftp://x");
	assert_run(s, "devices", 2);
}

static void every_command_has_help(void **state)
{
	struct stage *s = *state;
	assert_run(s, "--help", 0);
	assert_non_null(strstr(s->out, "Exit status"));
	assert_run(s, "rollout start --help", 0);
	assert_non_null(strstr(s->out, "--waves"));
	assert_run(s, "rollout --help", 0);
	assert_non_null(strstr(s->out, "rollout watch ID"));
	assert_run(s, "rollout", 2);
	assert_run(s, "--version", 0);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(devices_are_a_table_or_json, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_release_goes_from_image_to_rollout, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_not_signed_is_not_uploaded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_are_private_and_never_overwritten_unasked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(events_and_status_are_shown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(failures_have_their_exit_status_and_say_what_to_do, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_command_has_help, set_up, tear_down),
	};
	if (argc != 2) {
		fprintf(stderr, "usage: test_mgmtctl MGMTCTL\n");
		return 2;
	}
	program = realpath(argv[1], NULL);
	if (program == NULL)
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
