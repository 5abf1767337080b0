/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /rollouts: starting, watching and steering them. */
#include "server/http/intake.h"
#include "server/http/request.h"
#include "server/http/view.h"

#define PAGE_MAX 10000

static const struct rollout *find(struct request *r)
{
	const char *text = request_star(r, 0);
	uint64_t number;
	const struct rollout *rollout = NULL;
	if (parse_decimal(bytes_of_text(text), UINT32_MAX, &number))
		rollout = server_rollout_find(request_server(r), (uint32_t)number);
	if (rollout == NULL)
		answer_error(r, MHD_HTTP_NOT_FOUND, "no_rollout", "there is no rollout \"%.40s\"", text);
	return rollout;
}

static void list(struct request *r)
{
	uint32_t cursor = 0;
	const struct rollout *rollout;
	json_t *rollouts = json_array();
	while ((rollout = server_rollout_next(request_server(r), &cursor)) != NULL)
		json_array_append_new(rollouts, view_rollout(rollout));
	answer_json(r, MHD_HTTP_OK, json_pack("{s:o}", "rollouts", rollouts));
}

static void show(struct request *r)
{
	uint64_t limit, after;
	const struct rollout *rollout = find(r);
	if (rollout == NULL || !request_number(r, "limit", PAGE_MAX, PAGE_MAX, &limit) ||
		!request_number(r, "after", UINT32_MAX, 0, &after))
		return;
	uint32_t cursor = (uint32_t)after;
	struct rollout_view view;
	bool has_more = false;
	json_t *answer = view_rollout(rollout), *devices = json_array();
	while (json_array_size(devices) < limit &&
		(has_more = server_rollout_view_next(request_server(r), rollout, &cursor, &view)))
		json_array_append_new(devices, view_rollout_device(&view));
	json_object_set_new(answer, "devices", devices);
	if (has_more)
		json_object_set_new(answer, "next", json_integer(cursor));
	answer_json(r, MHD_HTTP_OK, answer);
}

static void started(struct request *r, const struct server_done *done)
{
	char location[48];
	const struct rollout *rollout = server_rollout_find(request_server(r), done->rollout);
	if (rollout == NULL) {
		answer_error(
			r, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "rollout %u has gone already", done->rollout);
		return;
	}
	struct writer w = writer_of(location, sizeof location - 1);
	write_text(&w, "/api/v1/rollouts/");
	write_decimal(&w, done->rollout);
	*w.at = '\0';
	answer_json(r, MHD_HTTP_CREATED, view_rollout(rollout));
	answer_header(r, MHD_HTTP_HEADER_LOCATION, location);
}

static void start(struct request *r)
{
	char reason[INTAKE_REASON_BYTES];
	struct intake_rollout wanted;
	struct server_ask ask = request_ask(r);
	json_t *body = request_json(r);
	if (body == NULL)
		return;
	if (intake_rollout(body, &wanted, reason)) {
		answer_later(r,
			server_rollout_start(request_server(r), wanted.release, &wanted.selection, &wanted.plan, &ask,
				request_now(r)),
			started);
		intake_rollout_done(&wanted);
	} else {
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_request", "%s", reason);
	}
	json_decref(body);
}

static void commanded(struct request *r, const struct server_done *done)
{
	(void)done;
	const struct rollout *rollout = find(r);
	if (rollout != NULL)
		answer_json(r, MHD_HTTP_OK, view_rollout(rollout));
}

static void command(struct request *r, enum rollout_word word)
{
	struct server_ask ask = request_ask(r);
	const struct rollout *rollout = find(r);
	if (rollout != NULL)
		answer_later(r,
			server_rollout_command(request_server(r), rollout->record.number, word, &ask, request_now(r)),
			commanded);
}

static void pause_rollout(struct request *r)
{
	command(r, ROLLOUT_PAUSE);
}

static void resume(struct request *r)
{
	command(r, ROLLOUT_RESUME);
}

static void abort_rollout(struct request *r)
{
	command(r, ROLLOUT_ABORT);
}

const struct route routes_rollout[] = {
	{.method = "GET", .pattern = "/api/v1/rollouts", .role = ROLE_VIEWER, .run = list},
	{.method = "POST", .pattern = "/api/v1/rollouts", .role = ROLE_OPERATOR, .body = BODY_JSON, .run = start},
	{.method = "GET", .pattern = "/api/v1/rollouts/*", .role = ROLE_VIEWER, .query = "limit after", .run = show},
	{.method = "POST", .pattern = "/api/v1/rollouts/*/pause", .role = ROLE_OPERATOR, .run = pause_rollout},
	{.method = "POST", .pattern = "/api/v1/rollouts/*/resume", .role = ROLE_OPERATOR, .run = resume},
	{.method = "POST", .pattern = "/api/v1/rollouts/*/abort", .role = ROLE_OPERATOR, .run = abort_rollout},
	{0},
};
