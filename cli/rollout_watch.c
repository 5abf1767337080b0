/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * rollout watch: asks the server again and again, which also works across its restarts, and shows what changed: as a
 * picture that is drawn over the one before on a terminal, as lines otherwise. */
#include "cli/memory.h"
#include "cli/rollout_text.h"
#include "cli/when.h"

#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS        500
#define AWAY_MAX_MS    300000 /* a server that is away for longer is given up */
#define ROWS_DEFAULT   24
#define ROWS_AROUND    4 /* of the picture that are no devices, and one that stays free */
#define PROGRESS_STEPS 4 /* lines for one download: at each quarter */

struct watch {
	struct mgmtctl *m;
	json_t *shown;   /* device -> what was said of it last */
	char *last;      /* the whole answer for --json, or the picture */
	size_t lines;    /* of the picture on the screen */
	int64_t away_ms; /* how long the server has been away; 0 while it is there */
	bool was_there;
};

static void rest(unsigned ms)
{
	struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	nanosleep(&span, NULL);
}

/* ---- lines ---- */

static void say_device(struct watch *w, const json_t *device)
{
	const char *name = text_member(device, "endpoint"), *state = text_member(device, "state");
	const char *why = text_member(device, "why");
	char said[512], when[WHEN_TEXT_BYTES];
	if (name == NULL || state == NULL)
		return;
	int step = (int)(json_number_value(json_object_get(device, "progress")) * PROGRESS_STEPS);
	if (strcmp(state, "downloading") == 0)
		snprintf(said, sizeof said, "downloading, %d %%", step * 100 / PROGRESS_STEPS);
	else
		snprintf(said, sizeof said, "%.40s%s%.400s", state, why != NULL ? ": " : "", why != NULL ? why : "");
	const char *before = text_member(w->shown, name);
	if (before != NULL && strcmp(before, said) == 0)
		return;
	json_object_set_new(w->shown, name, json_string(said));
	when_local(when_now(), when_now(), when);
	char *safe_name = table_safe_text(name), *safe = table_safe_text(said);
	printf("%s  %-20s  %s\n", when, safe_name, safe);
	free(safe_name);
	free(safe);
}

static void say_rollout(struct watch *w, const json_t *rollout)
{
	const char *state = text_member(rollout, "state"), *why = text_member(rollout, "why");
	char said[256], when[WHEN_TEXT_BYTES], counts[ROLLOUT_TEXT_BYTES];
	snprintf(said, sizeof said, "%.20s%s%.150s, wave %lld of %lld", state != NULL ? state : "?",
		why != NULL ? ": " : "", why != NULL ? why : "",
		(long long)json_integer_value(json_object_get(rollout, "wave")),
		(long long)json_integer_value(json_object_get(rollout, "wave_count")));
	const char *before = text_member(w->shown, "");
	if (before != NULL && strcmp(before, said) == 0)
		return;
	json_object_set_new(w->shown, "", json_string(said));
	when_local(when_now(), when_now(), when);
	rollout_write_counts(rollout, counts);
	printf("%s  rollout %lld %s; %s\n", when, (long long)json_integer_value(json_object_get(rollout, "id")), said,
		counts);
}

static void say(struct watch *w, const json_t *rollout)
{
	size_t i;
	json_t *device;
	bool is_over = rollout_is_over(text_member(rollout, "state"));
	if (!is_over)
		say_rollout(w, rollout);
	json_array_foreach(json_object_get(rollout, "devices"), i, device) say_device(w, device);
	if (is_over)
		say_rollout(w, rollout);
	fflush(stdout);
}

/* ---- the picture ---- */

static size_t screen_rows(void)
{
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
		return ROWS_DEFAULT;
	return size.ws_row > ROWS_AROUND + 1 ? size.ws_row - ROWS_AROUND : 1;
}

/* Everything in one write, with lines cleared to their ends, so that nothing flickers. */
static void draw(struct watch *w, const json_t *rollout)
{
	char *picture = NULL;
	size_t len = 0;
	FILE *out = memory_checked(open_memstream(&picture, &len));
	size_t lines = rollout_print(rollout, screen_rows(), w->m->has_color, out);
	fclose(out);
	bool is_same = w->lines > 0 && w->last != NULL && strcmp(w->last, picture) == 0;
	free(w->last);
	w->last = picture;
	if (is_same)
		return;
	if (w->lines > 0)
		printf("\033[%zuA", w->lines);
	printf("\033[?7l"); /* no line breaks at the margin: a line of the picture is a line on the screen */
	for (const char *line = picture; *line != '\0'; line += strcspn(line, "\n") + 1)
		printf("%.*s\033[K\n", (int)strcspn(line, "\n"), line);
	printf("\033[J\033[?7h");
	fflush(stdout);
	w->lines = lines;
}

/* ---- watching ---- */

static void show_json(struct watch *w, const json_t *rollout)
{
	char *text = memory_checked(json_dumps(rollout, JSON_COMPACT | JSON_SORT_KEYS));
	if (w->last == NULL || strcmp(w->last, text) != 0)
		print_json(rollout);
	free(w->last);
	w->last = text;
}

static void show(struct watch *w, const json_t *rollout)
{
	if (w->m->is_json)
		show_json(w, rollout);
	else if (w->m->is_terminal)
		draw(w, rollout);
	else
		say(w, rollout);
}

static enum exit_status status_of_end(const json_t *rollout)
{
	return strcmp(text_member(rollout, "state"), "completed") == 0 ? EXIT_DONE : EXIT_UNSUCCESSFUL;
}

/* True when the watching goes on though there was no answer. */
static bool bear_absence(struct watch *w, enum exit_status status)
{
	if (status != EXIT_UNREACHABLE || !w->was_there || w->away_ms >= AWAY_MAX_MS)
		return false;
	if (w->away_ms == 0)
		complain(EXIT_DONE, "the server is away; waiting for it");
	if (w->away_ms == 0)
		w->lines = 0;
	w->away_ms += POLL_MS;
	return true;
}

static enum exit_status watch(struct watch *w)
{
	for (;;) {
		enum exit_status status;
		const char *path = api_path("rollouts", w->m->arguments->operands[0], "");
		json_t *rollout = w->was_there ? api_poll(w->m, path, &status) : api_get(w->m, path, &status);
		if (rollout == NULL && !bear_absence(w, status))
			return status == EXIT_UNREACHABLE && w->was_there
				       ? complain(status, "the server does not come back")
				       : status;
		if (rollout != NULL) {
			w->was_there = true;
			w->away_ms = 0;
			show(w, rollout);
			bool is_over = rollout_is_over(text_member(rollout, "state"));
			status = is_over ? status_of_end(rollout) : EXIT_DONE;
			json_decref(rollout);
			if (is_over)
				return status;
		}
		rest(POLL_MS);
	}
}

enum exit_status run_rollout_watch(struct mgmtctl *m)
{
	struct watch w = {.m = m, .shown = json_object()};
	enum exit_status status = watch(&w);
	json_decref(w.shown);
	free(w.last);
	return status;
}
