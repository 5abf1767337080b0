/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /events and the streams. */
#include "server/http/request.h"
#include "server/http/view.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX     1000

static void list(struct request *r)
{
	uint64_t since, limit, last;
	const struct server *s = request_server(r);
	uint64_t newest = server_event_newest(s);
	if (!request_number(r, "last", UINT64_MAX, newest, &last) ||
		!request_number(r, "since", UINT64_MAX, newest > last ? newest - last : 0, &since) ||
		!request_number(r, "limit", PAGE_MAX, PAGE_DEFAULT, &limit))
		return;
	const char *device = target_parameter(&r->target, "device");
	const struct event *first = server_event_after(s, 0), *e;
	json_t *events = json_array();
	while (json_array_size(events) < limit && (e = server_event_after(s, since)) != NULL) {
		since = e->number;
		if (device == NULL || strcmp(device, e->device) == 0)
			json_array_append_new(events, view_event(e));
	}
	json_t *answer = json_pack("{s:o, s:I, s:I}", "events", events, "oldest",
		(json_int_t)(first != NULL ? first->number : 0), "newest", (json_int_t)newest);
	if (server_event_after(s, since) != NULL)
		json_object_set_new(answer, "next", json_integer((json_int_t)since));
	answer_json(r, MHD_HTTP_OK, answer);
}

static bool knows_types(const char *list)
{
	for (; *list != '\0'; list += strcspn(list, ","), list += *list == ',') {
		size_t len = strcspn(list, ",");
		if (!(len == 6 && memcmp(list, "events", len) == 0) &&
			!(len == 6 && memcmp(list, "health", len) == 0) &&
			!(len == 6 && memcmp(list, "values", len) == 0) &&
			!(len == 7 && memcmp(list, "changes", len) == 0))
			return false;
	}
	return true;
}

static void stream(struct request *r)
{
	const char *types = target_parameter(&r->target, "types");
	if (types == NULL)
		types = "events";
	if (*types == '\0' || !knows_types(types))
		answer_error(
			r, MHD_HTTP_BAD_REQUEST, "bad_parameter", "types is a list of events, health, changes, values");
	else
		stream_begin(r, types);
}

static void stream_health(struct request *r)
{
	stream_begin(r, "health");
}

const struct route routes_event[] = {
	{.method = "GET",
		.pattern = "/api/v1/events",
		.role = ROLE_VIEWER,
		.query = "since last limit device",
		.run = list},
	{.method = "GET",
		.pattern = "/api/v1/events/stream",
		.role = ROLE_VIEWER,
		.query = "since types device",
		.run = stream},
	{.method = "GET",
		.pattern = "/api/v1/health/stream",
		.role = ROLE_VIEWER,
		.query = "device",
		.run = stream_health},
	{0},
};
