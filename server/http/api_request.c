/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /requests and /devices/{ep}/requests: operations that wait for their device and outlive the connection that asked for
 * them, and mgmtd. Inside the server they are called orders, as a request is an HTTP request here. */
#include "server/http/intake.h"
#include "server/http/request.h"
#include "server/http/resource.h"
#include "server/http/values.h"
#include "server/http/view.h"

#include <stdio.h>

#define DEADLINE_DEFAULT_S 86400
#define DEADLINE_MAX_S     (ORDER_PATIENCE_MAX / 1000)
#define LIMIT_DEFAULT      100
#define LIMIT_MAX          1000
#define WHY_BYTES          200

/* ---- as JSON ---- */

static void add_moment(json_t *o, const char *name, wall_msec at)
{
	if (at != 0)
		json_object_set_new(o, name, view_moment(at));
}

static json_t *path_json(struct path path)
{
	char text[PATH_TEXT_BYTES + 1];
	struct writer w = writer_of(text, PATH_TEXT_BYTES);
	path_write(&w, path);
	*w.at = '\0';
	return json_string(text);
}

/* What a device has to be there for, or has to do, before this can be carried out. */
static void write_wait(const struct server_order_why *why, char text[WHY_BYTES])
{
	json_t *since = view_moment(why->since), *before = view_moment(why->before);
	const char *verb = why->why == ORDER_WHY_SILENT ? "does not answer, and was last heard at" : "sleeps since";
	snprintf(text, WHY_BYTES, "the device %s %s", verb, json_string_value(since));
	size_t len = strlen(text);
	if (why->before != 0)
		snprintf(text + len, WHY_BYTES - len, "; it should be back before %s", json_string_value(before));
	json_decref(since);
	json_decref(before);
}

static void write_why(const struct server_order_why *why, char text[WHY_BYTES])
{
	text[0] = '\0';
	switch (why->why) {
	case ORDER_WHY_NONE:
		break;
	case ORDER_WHY_BEHIND:
		snprintf(text, WHY_BYTES, "request %llu comes first", (unsigned long long)why->behind);
		return;
	case ORDER_WHY_UNREGISTERED:
		snprintf(text, WHY_BYTES, "the device is not registered");
		break;
	case ORDER_WHY_ABSENT:
		snprintf(text, WHY_BYTES, "the device is registered, but has not been heard since mgmtd started");
		break;
	case ORDER_WHY_SILENT:
	case ORDER_WHY_ASLEEP:
		write_wait(why, text);
		break;
	case ORDER_WHY_BUSY:
		snprintf(text, WHY_BYTES, "the device is being asked something else first");
		break;
	}
	size_t len = strlen(text);
	if (why->behind != 0)
		snprintf(text + len, WHY_BYTES - len, "; request %llu comes first", (unsigned long long)why->behind);
}

static const char *end_text(const struct order_record *r)
{
	switch (r->end) {
	case ORDER_END_NONE:
		break;
	case ORDER_END_REFUSED:
		return "the device refused it";
	case ORDER_END_UNSUPPORTED:
		return "the device's version of LwM2M has no such operation, or no format for these values";
	case ORDER_END_UNUSABLE:
		return "the device's answer is too large, or cannot be used";
	case ORDER_END_UNKEPT:
		return "it was carried out; the answer is too large to be kept";
	case ORDER_END_UNANSWERED:
		return "it was sent, and no answer came; it may have been carried out";
	case ORDER_END_RESTARTED:
		return "mgmtd was restarted while it ran; it may have been carried out";
	case ORDER_END_COUNT:
		break;
	}
	if (r->state == ORDER_EXPIRED && r->tries > 0)
		return "its deadline has passed; the device was asked, and did not answer";
	return r->state == ORDER_EXPIRED ? "its deadline has passed before it could be sent" : "";
}

static void add_refusal(json_t *o, const struct order_record *r)
{
	char code[64], said[128];
	struct writer w = writer_of(code, sizeof code - 1);
	if (r->code == 0)
		return;
	coap_code_write(&w, r->code);
	*w.at = '\0';
	json_object_set_new(o, "code", json_string(code));
	if (r->end != ORDER_END_REFUSED || r->result_len == 0)
		return;
	snprintf(said, sizeof said, "%.*s", r->result_len < 100 ? (int)r->result_len : 100, (const char *)r->result);
	json_object_set_new(o, "said", view_text(said));
}

static void add_paths(json_t *o, struct server *s, const struct order *order, const struct model *model)
{
	const struct record *records;
	json_t *paths = json_array();
	size_t count = server_order_names(s, order, model, &records);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(paths, path_json(records[i].path));
	if (order->record.path.depth > 0)
		json_object_set_new(o, "path", path_json(order->record.path));
	if (count > 0)
		json_object_set(o, "paths", paths);
	json_decref(paths);
}

static void add_result(json_t *o, struct server *s, const struct order *order, const struct model *model)
{
	const struct record *records;
	const struct order_record *r = &order->record;
	if (r->state == ORDER_DONE && errand_reads(r->kind)) {
		size_t count = server_order_values(s, order, model, &records);
		json_object_set_new(o, "values", values_view_list(model, records, count));
	}
	if (r->state == ORDER_DONE && r->kind == ERRAND_DISCOVER) {
		json_t *links = values_view_links(model, bytes_of(r->result, r->result_len));
		json_object_set_new(o, "links", links != NULL ? links : json_array());
	}
	if (r->state == ORDER_DONE && r->location.depth > 0)
		json_object_set_new(o, "created", path_json(r->location));
}

static json_t *view_order(struct request *r, const struct order *order, bool is_whole)
{
	char why[WHY_BYTES];
	struct model_choice choices[DEVICE_OBJECTS_MAX];
	struct server *s = request_server(r);
	const struct order_record *record = &order->record;
	const struct device *device = server_device_find(s, bytes_of_text(record->device));
	struct model model = server_device_model(s, device, choices);
	enum order_state state = server_order_state(order);
	struct server_order_why waiting = server_order_why(s, order, request_now(r));
	json_t *o = json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)record->number, "endpoint", record->device,
		"operation", errand_kind_name(record->kind), "state", order_state_name(state));
	add_paths(o, s, order, &model);
	write_why(&waiting, why);
	if (order_has_ended(state))
		snprintf(why, sizeof why, "%s", end_text(record));
	if (why[0] != '\0')
		json_object_set_new(o, "why", json_string(why));
	json_object_set_new(o, "attempts", json_integer(record->tries));
	if (record->actor[0] != '\0')
		json_object_set_new(o, "actor", view_text(record->actor));
	add_moment(o, "created_at", record->made_at);
	add_moment(o, "deadline", record->expires_at);
	add_moment(o, "started_at", record->begun_at);
	if (!order_has_ended(state))
		return o;
	add_moment(o, "finished_at", record->ended_at);
	add_refusal(o, record);
	if (is_whole)
		add_result(o, s, order, &model);
	return o;
}

/* ---- reading ---- */

static uint64_t number_of(const struct request *r)
{
	uint64_t number = 0;
	(void)parse_decimal(bytes_of_text(request_star(r, 0)), INT64_MAX, &number);
	return number;
}

static void show(struct request *r)
{
	const struct order *order = server_order_find(request_server(r), number_of(r));
	if (order == NULL)
		answer_failure(r, SERVER_NO_ORDER, ARTIFACT_FAILED);
	else
		answer_json(r, MHD_HTTP_OK, view_order(r, order, true));
}

static void list_of(struct request *r, const struct device *device)
{
	uint64_t limit, after;
	const char *state = target_parameter(&r->target, "state");
	if (!request_number(r, "limit", LIMIT_MAX, LIMIT_DEFAULT, &limit) ||
		!request_number(r, "after", INT64_MAX, 0, &after))
		return;
	json_t *all = json_array(), *body = json_object();
	const struct order *order = server_order_after(request_server(r), device, after);
	for (; order != NULL && json_array_size(all) < limit;
		order = server_order_after(request_server(r), device, after)) {
		after = order->record.number;
		if (state == NULL || strcmp(state, order_state_name(server_order_state(order))) == 0)
			json_array_append_new(all, view_order(r, order, false));
	}
	json_object_set_new(body, "requests", all);
	if (order != NULL)
		json_object_set_new(body, "next", json_integer((json_int_t)after));
	answer_json(r, MHD_HTTP_OK, body);
}

static void list_all(struct request *r)
{
	list_of(r, NULL);
}

static void list_device(struct request *r)
{
	struct resource_subject subject;
	if (resource_find(r, &subject))
		list_of(r, subject.device);
}

/* ---- asking ---- */

static bool read_kind(const json_t *body, enum errand_kind *ret)
{
	const char *name = json_string_value(json_object_get(body, "operation"));
	for (unsigned kind = 0; name != NULL && kind < ERRAND_KIND_END; kind++) {
		if (strcmp(errand_kind_name((enum errand_kind)kind), name) != 0)
			continue;
		*ret = (enum errand_kind)kind;
		return true;
	}
	return false;
}

static bool read_path(
	const json_t *body, const struct model *model, struct errand *errand, char reason[INTAKE_REASON_BYTES])
{
	const char *path = json_string_value(json_object_get(body, "path"));
	snprintf(reason, INTAKE_REASON_BYTES, "path: a path, as a text");
	return path != NULL && values_read_path(model, path, &errand->path, reason);
}

static bool read_values(const json_t *body, const struct resource_subject *subject, struct errand *errand,
	char reason[INTAKE_REASON_BYTES])
{
	static struct values values; /* the edge has one thread, and the order copies what it needs */
	uint16_t instance;
	bool makes = errand->kind == ERRAND_CREATE;
	if (makes && !resource_choose_instance(subject, body, &instance, reason))
		return false;
	if (!values_read(&values, &subject->model, body, makes ? &instance : NULL, reason))
		return false;
	errand->path = values.path;
	errand->records = values.records;
	errand->count = values.count;
	return true;
}

static bool read_text(
	const json_t *body, struct errand *errand, char text[ERRAND_TEXT_MAX + 1], char reason[INTAKE_REASON_BYTES])
{
	const json_t *arguments = json_object_get(body, "arguments"), *depth = json_object_get(body, "depth");
	bool good = true;
	text[0] = '\0';
	if (errand->kind == ERRAND_ATTRIBUTES) {
		good = resource_write_attributes(json_object_get(body, "attributes"), text);
		snprintf(reason, INTAKE_REASON_BYTES, "attributes: an object of numbers, null to unset");
	} else if (errand->kind == ERRAND_EXECUTE && arguments != NULL) {
		good = json_is_string(arguments) && json_string_length(arguments) <= ERRAND_TEXT_MAX;
		snprintf(text, ERRAND_TEXT_MAX + 1, "%s", good ? json_string_value(arguments) : "");
		snprintf(reason, INTAKE_REASON_BYTES, "arguments: a text such as \"0='x',2\"");
	} else if (errand->kind == ERRAND_DISCOVER && depth != NULL) {
		good = json_is_integer(depth) && json_integer_value(depth) >= 0 && json_integer_value(depth) <= 3;
		snprintf(text, ERRAND_TEXT_MAX + 1, "depth=%d", (int)json_integer_value(depth));
		snprintf(reason, INTAKE_REASON_BYTES, "depth: a number from 0 to 3");
	}
	errand->text = bytes_of_text(text);
	return good;
}

/* The errand that the body describes, borrowed from it, `text` and static storage. */
static bool read_errand(const json_t *body, const struct resource_subject *subject, struct errand *errand,
	char text[ERRAND_TEXT_MAX + 1], char reason[INTAKE_REASON_BYTES])
{
	static struct record records[VALUES_MAX];
	snprintf(reason, INTAKE_REASON_BYTES, "operation: read, write, update, execute, create, delete, discover, ...");
	if (!read_kind(body, &errand->kind))
		return false;
	switch (errand->kind) {
	case ERRAND_WRITE:
	case ERRAND_UPDATE:
	case ERRAND_CREATE:
	case ERRAND_WRITE_COMPOSITE:
		return read_values(body, subject, errand, reason);
	case ERRAND_READ_COMPOSITE:
		errand->records = records;
		errand->count = resource_body_paths(&subject->model, body, records, VALUES_MAX, reason);
		return errand->count > 0;
	case ERRAND_READ:
	case ERRAND_DISCOVER:
	case ERRAND_ATTRIBUTES:
	case ERRAND_EXECUTE:
	case ERRAND_DELETE:
	case ERRAND_KIND_END:
		break;
	}
	return read_path(body, &subject->model, errand, reason) && read_text(body, errand, text, reason);
}

static bool read_deadline(const json_t *body, msec *ret, char reason[INTAKE_REASON_BYTES])
{
	const json_t *deadline = json_object_get(body, "deadline");
	json_int_t seconds = deadline == NULL ? DEADLINE_DEFAULT_S : json_integer_value(deadline);
	snprintf(reason, INTAKE_REASON_BYTES, "deadline: seconds from 1 to %lld", (long long)DEADLINE_MAX_S);
	*ret = SECONDS(seconds);
	return (deadline == NULL || json_is_integer(deadline)) && seconds >= 1 && seconds <= DEADLINE_MAX_S;
}

static void accepted(struct request *r, const struct server_done *done)
{
	char location[64];
	const struct order *order = server_order_find(request_server(r), r->order);
	if (done->result != SERVER_DONE || order == NULL) {
		answer_failure(r, done->result == SERVER_DONE ? SERVER_NO_ORDER : done->result, ARTIFACT_FAILED);
		return;
	}
	answer_json(r, MHD_HTTP_ACCEPTED, view_order(r, order, false));
	snprintf(location, sizeof location, "/api/v1/requests/%llu", (unsigned long long)r->order);
	answer_header(r, "Location", location);
}

static void ask(struct request *r)
{
	char reason[INTAKE_REASON_BYTES], text[ERRAND_TEXT_MAX + 1];
	struct resource_subject subject;
	struct errand errand = {0};
	struct server_ask who = request_ask(r);
	msec patience;
	json_t *body = resource_find(r, &subject) ? request_json(r) : NULL;
	if (body == NULL)
		return;
	if (intake_has_only(body, "operation path paths value text values instance arguments attributes depth deadline",
		    reason) &&
		read_deadline(body, &patience, reason) && read_errand(body, &subject, &errand, text, reason))
		answer_later(r,
			server_order(request_server(r), bytes_of_text(request_star(r, 0)), &errand, patience, &who,
				request_now(r), &r->order),
			accepted);
	else
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_request", "%s", reason);
	json_decref(body);
}

static void cancel(struct request *r)
{
	struct server_ask who = request_ask(r);
	answer_later(r, server_order_cancel(request_server(r), number_of(r), &who, request_now(r)),
		answer_done_with_nothing);
}

#define REQUESTS        "/api/v1/requests"
#define DEVICE_REQUESTS "/api/v1/devices/*/requests"

const struct route routes_request[] = {
	{.method = "GET", .pattern = REQUESTS, .role = ROLE_VIEWER, .run = list_all, .query = "state limit after"},
	{.method = "GET", .pattern = REQUESTS "/*", .role = ROLE_VIEWER, .run = show},
	{.method = "DELETE", .pattern = REQUESTS "/*", .role = ROLE_OPERATOR, .run = cancel},
	{.method = "GET",
		.pattern = DEVICE_REQUESTS,
		.role = ROLE_VIEWER,
		.run = list_device,
		.query = "state limit after"},
	{.method = "POST", .pattern = DEVICE_REQUESTS, .role = ROLE_OPERATOR, .body = BODY_JSON, .run = ask},
	{0},
};
