/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /devices: who is there, and what is known of each. */
#include "server/http/intake.h"
#include "server/http/request.h"
#include "server/http/view.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX     1000

static const struct device *find(struct request *r)
{
	const char *name = request_star(r, 0);
	const struct device *d = server_device_find(request_server(r), bytes_of_text(name));
	if (d == NULL)
		answer_error(r, MHD_HTTP_NOT_FOUND, "no_device", "there is no device \"%.80s\"", name);
	return d;
}

static bool is_like(const struct request *r, const char *parameter, const char *value)
{
	const char *wanted = target_parameter(&r->target, parameter);
	return wanted == NULL || strcmp(wanted, value) == 0;
}

static bool is_wanted(const struct request *r, const struct device *d)
{
	const char *tag = target_parameter(&r->target, "tag"), *part = target_parameter(&r->target, "name");
	return is_like(r, "state", device_is_registered(d) ? "registered" : "unregistered") &&
	       is_like(r, "connected", d->is_connected ? "true" : "false") && is_like(r, "model", d->record.model) &&
	       is_like(r, "version", d->record.version) && (tag == NULL || device_has_tag(d, bytes_of_text(tag))) &&
	       (part == NULL || strstr(d->record.name, part) != NULL);
}

/* A parameter that has only certain values; false, and answered, when it has another. */
static bool is_one_of(struct request *r, const char *parameter, const char *first, const char *second)
{
	const char *value = target_parameter(&r->target, parameter);
	if (value == NULL || strcmp(value, first) == 0 || strcmp(value, second) == 0)
		return true;
	answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_parameter", "%s is %s or %s", parameter, first, second);
	return false;
}

static void list(struct request *r)
{
	uint64_t limit, after;
	if (!is_one_of(r, "state", "registered", "unregistered") || !is_one_of(r, "connected", "true", "false") ||
		!request_number(r, "limit", PAGE_MAX, PAGE_DEFAULT, &limit) ||
		!request_number(r, "after", UINT32_MAX, 0, &after))
		return;
	const struct server *s = request_server(r);
	json_t *devices = json_array();
	uint32_t cursor = (uint32_t)after;
	const struct device *d = NULL;
	while (json_array_size(devices) < limit && (d = server_device_next(s, &cursor)) != NULL)
		if (is_wanted(r, d))
			json_array_append_new(devices, view_device(s, d));
	json_t *answer = json_pack("{s:o}", "devices", devices);
	if (d != NULL)
		json_object_set_new(answer, "next", json_integer(cursor));
	answer_json(r, MHD_HTTP_OK, answer);
}

static void show(struct request *r)
{
	const struct device *d = find(r);
	if (d != NULL)
		answer_json(r, MHD_HTTP_OK, view_device_whole(request_server(r), d));
}

static void show_health(struct request *r)
{
	const struct device *d = find(r);
	if (d != NULL)
		answer_json(r, MHD_HTTP_OK, view_health(d));
}

static void remove_device(struct request *r)
{
	struct server_ask ask = request_ask(r);
	answer_later(r,
		server_device_remove(request_server(r), bytes_of_text(request_star(r, 0)), &ask, request_now(r)),
		answer_done_with_nothing);
}

static void tagged(struct request *r, const struct server_done *done)
{
	(void)done;
	show(r);
}

static void set_tags(struct request *r)
{
	char tags[DEVICE_TAGS_MAX + 1], reason[INTAKE_REASON_BYTES];
	struct server_ask ask = request_ask(r);
	json_t *body = request_json(r);
	if (body == NULL)
		return;
	if (intake_tags(body, tags, reason))
		answer_later(r,
			server_device_tag(request_server(r), bytes_of_text(request_star(r, 0)), bytes_of_text(tags),
				&ask, request_now(r)),
			tagged);
	else
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_request", "%s", reason);
	json_decref(body);
}

const struct route routes_device[] = {
	{.method = "GET",
		.pattern = "/api/v1/devices",
		.role = ROLE_VIEWER,
		.run = list,
		.query = "state connected model version tag name limit after"},
	{.method = "GET", .pattern = "/api/v1/devices/*", .role = ROLE_VIEWER, .run = show},
	{.method = "DELETE", .pattern = "/api/v1/devices/*", .role = ROLE_ADMIN, .run = remove_device},
	{.method = "GET", .pattern = "/api/v1/devices/*/health", .role = ROLE_VIEWER, .run = show_health},
	{.method = "PUT",
		.pattern = "/api/v1/devices/*/tags",
		.role = ROLE_OPERATOR,
		.body = BODY_JSON,
		.run = set_tags},
	{0},
};
