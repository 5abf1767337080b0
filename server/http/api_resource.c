/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /devices/{ep}/resources, links, attributes, execute: what operators want from single devices. Each becomes an errand;
 * the request waits for the device's answer. */
#include "server/http/intake.h"
#include "server/http/request.h"
#include "server/http/resource.h"
#include "server/http/values.h"

#include <stdio.h>

#define PATIENCE_DEFAULT_S 30
#define PATIENCE_MAX_S     86400

/* ---- the device ---- */

bool resource_find(struct request *r, struct resource_subject *ret)
{
	const char *name = request_star(r, 0);
	ret->device = server_device_find(request_server(r), bytes_of_text(name));
	if (ret->device == NULL)
		answer_error(r, MHD_HTTP_NOT_FOUND, "no_device", "there is no device \"%.80s\"", name);
	else
		ret->model = server_device_model(request_server(r), ret->device, ret->choices);
	return ret->device != NULL;
}

/* ---- the answer ---- */

void resource_refused(struct request *r, const struct server_answer *a)
{
	char code[64], why[128];
	struct writer w = writer_of(code, sizeof code - 1);
	coap_code_write(&w, a->code);
	*w.at = '\0';
	/* The body of an error is text for people (RFC 7252 section 5.5.2). */
	snprintf(why, sizeof why, "%.*s", a->body.len < 100 ? (int)a->body.len : 100, (const char *)a->body.data);
	for (char *c = why; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			*c = '?';
	bool is_missing = a->code == COAP_NOT_FOUND;
	answer_error(r, is_missing ? MHD_HTTP_NOT_FOUND : MHD_HTTP_BAD_GATEWAY,
		is_missing ? "no_such_resource" : "device_refused", "the device answered %s%s%s", code,
		*why != '\0' ? ": " : "", why);
}

static void answer_values(struct request *r, const struct server_answer *a)
{
	answer_json(r, MHD_HTTP_OK, json_pack("{s:o}", "values", values_view_list(a->model, a->records, a->count)));
}

static void answer_created(struct request *r, const struct server_answer *a)
{
	char text[PATH_TEXT_BYTES + 1];
	struct writer w = writer_of(text, PATH_TEXT_BYTES);
	path_write(&w, a->location);
	*w.at = '\0';
	answer_json(r, MHD_HTTP_CREATED, a->location.depth > 0 ? json_pack("{s:s}", "path", text) : json_object());
}

static void answered(struct request *r, const struct server_answer *a)
{
	json_t *links;
	if (!coap_code_is_success(a->code))
		resource_refused(r, a);
	else if (a->is_unreadable)
		answer_error(r, MHD_HTTP_BAD_GATEWAY, "unreadable", "the device's answer cannot be read");
	else if (errand_reads(a->kind))
		answer_values(r, a);
	else if (a->kind == ERRAND_CREATE)
		answer_created(r, a);
	else if (a->kind != ERRAND_DISCOVER)
		answer_nothing(r);
	else if ((links = values_view_links(a->model, a->body)) != NULL)
		answer_json(r, MHD_HTTP_OK, json_pack("{s:o}", "links", links));
	else
		answer_error(r, MHD_HTTP_BAD_GATEWAY, "unreadable", "the device's answer is no list of links");
}

static void run(struct request *r, const struct errand *errand, uint64_t patience_s)
{
	struct server_ask ask = request_ask(r);
	r->answered = answered;
	answer_later(r,
		server_errand(request_server(r), bytes_of_text(request_star(r, 0)), errand, SECONDS(patience_s), &ask,
			request_now(r)),
		answer_done_with_nothing);
}

/* ---- operations that say all in the query ---- */

/* Path by path, as many as there are; false, and answered, when one of them is none. */
static bool read_paths(
	struct request *r, const struct model *model, struct record records[TARGET_PARAMETERS_MAX], size_t *ret)
{
	char reason[INTAKE_REASON_BYTES];
	*ret = 0;
	for (unsigned i = 0; i < r->target.parameter_count; i++) {
		const struct target_parameter *p = &r->target.parameters[i];
		if (strcmp(p->name, "path") != 0)
			continue;
		records[*ret] = record_of(PATH_ROOT, value_none());
		if (!values_read_path(model, p->value, &records[*ret].path, reason)) {
			answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_path", "%s", reason);
			return false;
		}
		(*ret)++;
	}
	if (*ret == 0)
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_parameter", "a path is missing: ?path=/3/0/9");
	return *ret > 0;
}

static bool read_patience(struct request *r, uint64_t *ret_s)
{
	return request_number(r, "timeout", PATIENCE_MAX_S, PATIENCE_DEFAULT_S, ret_s);
}

static void read_resources(struct request *r)
{
	struct resource_subject subject;
	struct record records[TARGET_PARAMETERS_MAX];
	struct errand errand = {.kind = ERRAND_READ_COMPOSITE, .records = records};
	uint64_t patience_s;
	if (!resource_find(r, &subject) || !read_paths(r, &subject.model, records, &errand.count) ||
		!read_patience(r, &patience_s))
		return;
	if (errand.count == 1)
		errand = (struct errand){.kind = ERRAND_READ, .path = records[0].path};
	run(r, &errand, patience_s);
}

static void run_on_path(struct request *r, enum errand_kind kind, const char *text)
{
	struct resource_subject subject;
	struct record records[TARGET_PARAMETERS_MAX];
	struct errand errand = {.kind = kind, .text = bytes_of_text(text)};
	size_t count;
	uint64_t patience_s;
	if (!resource_find(r, &subject) || !read_paths(r, &subject.model, records, &count) ||
		!read_patience(r, &patience_s))
		return;
	errand.path = records[0].path;
	if (count == 1)
		run(r, &errand, patience_s);
	else
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_parameter", "one path at a time");
}

static void delete_resource(struct request *r)
{
	run_on_path(r, ERRAND_DELETE, "");
}

static void discover(struct request *r)
{
	char text[16] = "";
	const char *depth = target_parameter(&r->target, "depth");
	uint64_t number;
	if (!request_number(r, "depth", 3, 0, &number))
		return;
	if (depth != NULL)
		snprintf(text, sizeof text, "depth=%u", (unsigned)number);
	run_on_path(r, ERRAND_DISCOVER, text);
}

/* ---- operations with a body ---- */

size_t resource_body_paths(const struct model *model, const json_t *body, struct record *ret, size_t capacity,
	char ret_reason[INTAKE_REASON_BYTES])
{
	const json_t *paths = json_object_get(body, "paths");
	size_t count = json_array_size(paths);
	snprintf(ret_reason, INTAKE_REASON_BYTES, "paths: an array of 1 to %zu paths", capacity);
	if (count > capacity)
		return 0;
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_array_get(paths, i));
		ret[i] = record_of(PATH_ROOT, value_none());
		if (text == NULL || !values_read_path(model, text, &ret[i].path, ret_reason))
			return 0;
	}
	return count;
}

static bool fail_body(struct request *r, json_t *body, const char *reason)
{
	answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_request", "%s", reason);
	json_decref(body);
	return false;
}

/* The body, with the patience it asks for; NULL, and answered, when it is no good. */
json_t *resource_body(struct request *r, const char *known, uint64_t *ret_patience_s)
{
	char reason[INTAKE_REASON_BYTES];
	json_t *body = request_json(r);
	if (body == NULL)
		return NULL;
	const json_t *timeout = json_object_get(body, "timeout");
	json_int_t seconds = timeout == NULL ? PATIENCE_DEFAULT_S : json_integer_value(timeout);
	bool good = intake_has_only(body, known, reason);
	if (good && ((timeout != NULL && !json_is_integer(timeout)) || seconds < 0 || seconds > PATIENCE_MAX_S)) {
		snprintf(reason, sizeof reason, "timeout: seconds from 0 to %d", PATIENCE_MAX_S);
		good = false;
	}
	*ret_patience_s = (uint64_t)seconds;
	return good || fail_body(r, body, reason) ? body : NULL;
}

static void write_values(struct request *r, enum errand_kind kind, const uint16_t *instance,
	const struct resource_subject *subject, json_t *body, uint64_t patience_s)
{
	static struct values values; /* the edge has one thread, and the errand copies what it needs */
	char reason[INTAKE_REASON_BYTES];
	if (!values_read(&values, &subject->model, body, instance, reason)) {
		fail_body(r, body, reason);
		return;
	}
	struct errand errand = {.kind = kind, .path = values.path, .records = values.records, .count = values.count};
	if (kind == ERRAND_UPDATE && json_object_get(body, "path") == NULL)
		errand.kind = ERRAND_WRITE_COMPOSITE;
	run(r, &errand, patience_s);
	json_decref(body);
}

static void replace(struct request *r)
{
	struct resource_subject subject;
	uint64_t patience_s;
	json_t *body =
		resource_find(r, &subject) ? resource_body(r, "path value text values timeout", &patience_s) : NULL;
	if (body != NULL)
		write_values(r, ERRAND_WRITE, NULL, &subject, body, patience_s);
}

static void update(struct request *r)
{
	struct resource_subject subject;
	uint64_t patience_s;
	json_t *body = resource_find(r, &subject) ? resource_body(r, "path values timeout", &patience_s) : NULL;
	if (body != NULL)
		write_values(r, ERRAND_UPDATE, NULL, &subject, body, patience_s);
}

/* The instance that the body names, or the first that the device has not. */
bool resource_choose_instance(
	const struct resource_subject *subject, const json_t *body, uint16_t *ret, char ret_reason[INTAKE_REASON_BYTES])
{
	const json_t *given = json_object_get(body, "instance");
	const char *text = json_string_value(json_object_get(body, "path"));
	json_int_t number = json_integer_value(given);
	struct path path;
	if (text == NULL || !values_read_path(&subject->model, text, &path, ret_reason) || path.depth != 1) {
		snprintf(ret_reason, INTAKE_REASON_BYTES, "path: the object of the new instance");
		return false;
	}
	if (given != NULL && (!json_is_integer(given) || number < 0 || number > PATH_ID_MAX)) {
		snprintf(ret_reason, INTAKE_REASON_BYTES, "instance: a number from 0 to %d", PATH_ID_MAX);
		return false;
	}
	*ret = (uint16_t)number;
	while (given == NULL && device_has_instance(subject->device, path.ids[0], *ret))
		(*ret)++;
	return true;
}

static void create(struct request *r)
{
	char reason[INTAKE_REASON_BYTES];
	struct resource_subject subject;
	uint64_t patience_s;
	uint16_t instance;
	json_t *body =
		resource_find(r, &subject) ? resource_body(r, "path instance values timeout", &patience_s) : NULL;
	if (body == NULL)
		return;
	if (resource_choose_instance(&subject, body, &instance, reason))
		write_values(r, ERRAND_CREATE, &instance, &subject, body, patience_s);
	else
		fail_body(r, body, reason);
}

static void run_text(struct request *r, enum errand_kind kind, const struct resource_subject *subject, json_t *body,
	uint64_t patience_s, const char *text)
{
	char reason[INTAKE_REASON_BYTES] = "path: the path of a resource, as a text";
	const char *path = json_string_value(json_object_get(body, "path"));
	struct errand errand = {.kind = kind, .text = bytes_of_text(text)};
	if (path == NULL || !values_read_path(&subject->model, path, &errand.path, reason)) {
		fail_body(r, body, reason);
		return;
	}
	run(r, &errand, patience_s);
	json_decref(body);
}

static void execute(struct request *r)
{
	struct resource_subject subject;
	uint64_t patience_s;
	json_t *body = resource_find(r, &subject) ? resource_body(r, "path arguments timeout", &patience_s) : NULL;
	if (body == NULL)
		return;
	const json_t *arguments = json_object_get(body, "arguments");
	if (arguments != NULL && (!json_is_string(arguments) || json_string_length(arguments) > ERRAND_TEXT_MAX))
		fail_body(r, body, "arguments: a text such as \"0='x',2\"");
	else
		run_text(r, ERRAND_EXECUTE, &subject, body, patience_s,
			arguments == NULL ? "" : json_string_value(arguments));
}

/* {"pmin": 5, "gt": null} as "pmin=5&gt". */
bool resource_write_attributes(const json_t *attributes, char text[ERRAND_TEXT_MAX + 1])
{
	struct writer w = writer_of(text, ERRAND_TEXT_MAX);
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)attributes, name, value)
	{
		if (w.at != (uint8_t *)text)
			write_u8(&w, '&');
		write_text(&w, name);
		if (!json_is_null(value) && !json_is_number(value))
			return false;
		if (json_is_null(value))
			continue;
		write_u8(&w, '=');
		value_write_double(&w, json_number_value(value));
	}
	text[w.failed ? 0 : writer_bytes(&w).len] = '\0';
	return !w.failed && json_object_size(attributes) > 0;
}

static void set_attributes(struct request *r)
{
	char text[ERRAND_TEXT_MAX + 1];
	struct resource_subject subject;
	uint64_t patience_s;
	json_t *body = resource_find(r, &subject) ? resource_body(r, "path attributes timeout", &patience_s) : NULL;
	if (body == NULL)
		return;
	if (resource_write_attributes(json_object_get(body, "attributes"), text))
		run_text(r, ERRAND_ATTRIBUTES, &subject, body, patience_s, text);
	else
		fail_body(r, body,
			"attributes: an object of numbers, null to unset, such as {\"pmin\": 5, \"gt\": null}");
}

#define RESOURCES "/api/v1/devices/*/resources"

const struct route routes_resource[] = {
	{.method = "GET", .pattern = RESOURCES, .role = ROLE_VIEWER, .run = read_resources, .query = "path timeout"},
	{.method = "PUT", .pattern = RESOURCES, .role = ROLE_OPERATOR, .body = BODY_JSON, .run = replace},
	{.method = "PATCH", .pattern = RESOURCES, .role = ROLE_OPERATOR, .body = BODY_JSON, .run = update},
	{.method = "POST", .pattern = RESOURCES, .role = ROLE_OPERATOR, .body = BODY_JSON, .run = create},
	{.method = "DELETE",
		.pattern = RESOURCES,
		.role = ROLE_OPERATOR,
		.run = delete_resource,
		.query = "path timeout"},
	{.method = "GET",
		.pattern = "/api/v1/devices/*/links",
		.role = ROLE_VIEWER,
		.run = discover,
		.query = "path depth timeout"},
	{.method = "PUT",
		.pattern = "/api/v1/devices/*/attributes",
		.role = ROLE_OPERATOR,
		.body = BODY_JSON,
		.run = set_attributes},
	{.method = "POST",
		.pattern = "/api/v1/devices/*/execute",
		.role = ROLE_OPERATOR,
		.body = BODY_JSON,
		.run = execute},
	{0},
};
