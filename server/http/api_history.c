/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /devices/{ep}/history: what a device has told of one resource, over time. */
#include "server/http/intake.h"
#include "server/http/request.h"
#include "server/http/resource.h"
#include "server/http/values.h"
#include "server/http/view.h"

#include <string.h>

#define DAY_S       86400
#define SECONDS_MAX UINT64_C(100000000000)

/* A span is shown in single values up to two hours, in minutes up to two days, unless it is said. */
static enum history_step usual_step(wall_msec span)
{
	if (span <= SECONDS(2 * 3600))
		return HISTORY_RAW;
	return span <= SECONDS(2 * DAY_S) ? HISTORY_MINUTE : HISTORY_HOUR;
}

static const char *const step_names[] = {
	[HISTORY_RAW] = "raw",
	[HISTORY_MINUTE] = "minute",
	[HISTORY_HOUR] = "hour",
};

static bool read_step(struct request *r, wall_msec span, enum history_step *ret)
{
	const char *text = target_parameter(&r->target, "step");
	*ret = usual_step(span);
	if (text == NULL)
		return true;
	for (int i = 0; i <= HISTORY_HOUR; i++)
		if (strcmp(text, step_names[i]) == 0) {
			*ret = (enum history_step)i;
			return true;
		}
	answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_parameter", "step is raw, minute or hour");
	return false;
}

static bool read_path(struct request *r, const struct model *model, struct path *ret)
{
	char reason[INTAKE_REASON_BYTES];
	const char *text = target_parameter(&r->target, "path");
	if (text == NULL)
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_parameter", "a path is missing: ?path=/3/0/9");
	else if (!values_read_path(model, text, ret, reason))
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_path", "%s", reason);
	else if (ret->depth < 3)
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_path", "the history is that of a resource, as in /3/0/9");
	else
		return true;
	return false;
}

/* False, and answered, when something is no good. */
static bool read_question(struct request *r, const struct resource_subject *subject, struct history_question *ret)
{
	uint64_t now_s = (uint64_t)(server_wall(request_server(r), request_now(r)) / 1000);
	uint64_t since_s, until_s, limit;
	*ret = (struct history_question){.device = subject->device->record.name};
	if (!read_path(r, &subject->model, &ret->path) ||
		!request_number(r, "since", SECONDS_MAX, now_s > DAY_S ? now_s - DAY_S : 0, &since_s) ||
		!request_number(r, "until", SECONDS_MAX, now_s + 60, &until_s) ||
		!request_number(r, "limit", HISTORY_POINTS_MAX, HISTORY_POINTS_MAX, &limit))
		return false;
	ret->since = (wall_msec)since_s * 1000;
	ret->until = (wall_msec)until_s * 1000;
	ret->limit = limit == 0 ? 1 : (size_t)limit;
	return read_step(r, ret->until - ret->since, &ret->step);
}

static json_t *point_json(const struct history_point *p, enum history_step step)
{
	json_t *o = json_object();
	json_object_set_new(o, "at", view_moment(p->at));
	if (p->is_text) {
		json_object_set_new(o, "value", json_stringn(p->text, p->text_len));
	} else if (step == HISTORY_RAW) {
		json_object_set_new(o, "value", json_real(p->mean));
	} else {
		json_object_set_new(o, "count", json_integer(p->count));
		json_object_set_new(o, "least", json_real(p->least));
		json_object_set_new(o, "mean", json_real(p->mean));
		json_object_set_new(o, "greatest", json_real(p->greatest));
	}
	return o;
}

static void show(struct request *r)
{
	static struct history_point points[HISTORY_POINTS_MAX]; /* the edge has one thread */
	struct resource_subject subject;
	struct history_question question;
	size_t count;
	if (!resource_find(r, &subject) || !read_question(r, &subject, &question))
		return;
	if (!server_history(request_server(r), &question, points, &count)) {
		answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "no_history",
			"mgmtd keeps none, or cannot read it; its log says why");
		return;
	}
	json_t *o = values_view_place(&subject.model, question.path), *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, point_json(&points[i], question.step));
	json_object_set_new(o, "step", json_string(step_names[question.step]));
	json_object_set_new(o, "points", list);
	if (count == question.limit)
		json_object_set_new(o, "next", json_integer((json_int_t)(points[count - 1].at / 1000 + 1)));
	answer_json(r, MHD_HTTP_OK, o);
}

const struct route routes_history[] = {
	{.method = "GET",
		.pattern = "/api/v1/devices/*/history",
		.role = ROLE_VIEWER,
		.run = show,
		.query = "path since until step limit"},
	{0},
};
