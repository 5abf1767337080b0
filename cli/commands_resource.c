/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * read, write, execute, create, delete, discover, attributes: the operations of LwM2M on one device. The server knows
 * the names and types of resources, so texts go there as they were typed. */
#include "cli/http_client.h"
#include "cli/memory.h"
#include "cli/mgmtctl.h"

#include <string.h>

#define PATH_BYTES 8192

#define TIMEOUT                                                                                      \
	{                                                                                            \
		"timeout", "SECONDS", "how long the device may sleep before it is asked (30)", false \
	}

#define LATER                                                                                                     \
	{"later", NULL, "leaves it with the server, which asks the device when it is there; gives an id", false}, \
	{                                                                                                         \
		"deadline", "TIME", "with --later: how long it may wait, such as 90s, 15m, 24h, 7d (24h)", false  \
	}

static const struct option_spec timeout_options[] = {TIMEOUT, LATER, {0}};

/* ---- parts of requests ---- */

bool read_timeout(const struct mgmtctl *m, unsigned long long *ret)
{
	const char *text = arguments_value(m->arguments, "timeout");
	*ret = 30;
	if (text == NULL || arguments_number(text, 0, 86400, ret))
		return true;
	complain_usage(m, "--timeout: seconds from 0 to 86400");
	return false;
}

static void add_parameter(char *path, char separator, const char *name, const char *value)
{
	size_t len = strlen(path);
	char *escaped = http_client_escape(value);
	snprintf(path + len, PATH_BYTES - len, "%c%s=%s", separator, name, escaped);
	free(escaped);
}

/* "/api/v1/devices/EP/<what>?timeout=30&path=..." with the operands from the second on. */
static bool make_path(struct mgmtctl *m, const char *what, char path[PATH_BYTES])
{
	unsigned long long timeout;
	if (!read_timeout(m, &timeout))
		return false;
	snprintf(path, PATH_BYTES, "%s?timeout=%llu", api_path("devices", m->arguments->operands[0], what), timeout);
	for (size_t i = 1; i < m->arguments->operand_count; i++)
		add_parameter(path, '&', "path", m->arguments->operands[i]);
	return true;
}

/* {"timeout": 30}, {} for what is left with the server, or NULL. */
static json_t *make_body(struct mgmtctl *m)
{
	unsigned long long timeout;
	if (is_later(m))
		return json_object();
	return read_timeout(m, &timeout) ? json_pack("{s:I}", "timeout", (json_int_t)timeout) : NULL;
}

/* "lifetime=300" as {"path": "lifetime", "text": "300"}, from the operand `from` on. False when one has no "=". */
static bool add_values(struct mgmtctl *m, size_t from, json_t *body)
{
	json_t *list = json_array();
	bool good = true;
	for (size_t i = from; i < m->arguments->operand_count && good; i++) {
		const char *operand = m->arguments->operands[i], *sign = strchr(operand, '=');
		good = sign != NULL;
		if (good)
			json_array_append_new(list,
				json_pack("{s:s%, s:s}", "path", operand, (size_t)(sign - operand), "text", sign + 1));
		else
			complain_usage(m, "\"%s\" is not of the form PATH=VALUE", operand);
	}
	json_object_set_new(body, "values", list);
	return good;
}

/* The operation that a method on a resource of the API is. */
static const char *operation_of(const char *method, const char *what, const json_t *body)
{
	if (strcmp(what, "/execute") == 0)
		return "execute";
	if (strcmp(what, "/attributes") == 0)
		return "write-attributes";
	if (strcmp(method, "PUT") == 0)
		return "write";
	if (strcmp(method, "POST") == 0)
		return "create";
	return json_object_get(body, "path") != NULL ? "update" : "write-composite";
}

static enum exit_status send_body(struct mgmtctl *m, const char *method, const char *what, json_t *body)
{
	enum exit_status status;
	if (is_later(m))
		return send_later(m, operation_of(method, what, body), body);
	json_t *answer = api_call(m, method, api_path("devices", m->arguments->operands[0], what), body, &status);
	if (answer != NULL && m->is_json && !json_is_null(answer))
		print_json(answer);
	json_decref(answer);
	json_decref(body);
	return status;
}

/* ---- read ---- */

static void add_value(struct table *t, const json_t *value)
{
	const json_t *content = json_object_get(value, "value");
	if (json_is_string(content)) {
		table_add(t, TABLE_PLAIN, json_string_value(content));
		return;
	}
	char *text = json_dumps(content, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	table_add(t, TABLE_PLAIN, json_is_null(content) ? "-" : text);
	free(text);
}

void print_values(const struct mgmtctl *m, const json_t *values)
{
	static const struct table_column columns[] = {
		{"PATH", TABLE_LEFT}, {"NAME", TABLE_LEFT}, {"VALUE", TABLE_LEFT}, {"UNITS", TABLE_LEFT}, {0}};
	struct table *t = table_new(columns);
	for (size_t i = 0; i < json_array_size(values); i++) {
		const json_t *value = json_array_get(values, i);
		const char *units = text_member(value, "units");
		table_add(t, TABLE_PLAIN, text_member(value, "path"));
		table_add(t, TABLE_DIM, text_member(value, "name"));
		add_value(t, value);
		table_add(t, TABLE_DIM, units != NULL ? units : "");
	}
	table_print(t, m->has_color, stdout);
	table_free(t);
}

static enum exit_status read_later(struct mgmtctl *m)
{
	const struct arguments *a = m->arguments;
	json_t *paths = json_array();
	if (a->operand_count == 2) {
		json_decref(paths);
		return send_later(m, "read", json_pack("{s:s}", "path", a->operands[1]));
	}
	for (size_t i = 1; i < a->operand_count; i++)
		json_array_append_new(paths, json_string(a->operands[i]));
	return send_later(m, "read-composite", json_pack("{s:o}", "paths", paths));
}

static enum exit_status run_read(struct mgmtctl *m)
{
	if (is_later(m))
		return read_later(m);
	enum exit_status status;
	char path[PATH_BYTES];
	if (!make_path(m, "/resources", path))
		return EXIT_USAGE;
	json_t *answer = api_get(m, path, &status);
	if (answer == NULL)
		return status;
	if (m->is_json)
		print_json(answer);
	else if (json_array_size(json_object_get(answer, "values")) == 0)
		puts("There is nothing to read there.");
	else
		print_values(m, json_object_get(answer, "values"));
	json_decref(answer);
	return EXIT_DONE;
}

/* ---- write and create ---- */

static const struct option_spec write_options[] = {
	{"to", "PATH", "an instance, or a resource of several values; the values lie below it", false},
	{"replace", NULL, "with --to: what is not given is gone afterwards", false},
	TIMEOUT,
	LATER,
	{0},
};

/* One value replaces a resource; several at once are a Write-Composite, or with --to of one instance. */
static enum exit_status run_write(struct mgmtctl *m)
{
	const char *to = arguments_value(m->arguments, "to");
	json_t *body = make_body(m);
	if (body == NULL || !add_values(m, 1, body)) {
		json_decref(body);
		return EXIT_USAGE;
	}
	if (to != NULL) {
		json_object_set_new(body, "path", json_string(to));
		return send_body(m, arguments_has(m->arguments, "replace") ? "PUT" : "PATCH", "/resources", body);
	}
	if (m->arguments->operand_count > 2)
		return send_body(m, "PATCH", "/resources", body);
	json_object_update(body, json_array_get(json_object_get(body, "values"), 0));
	json_object_del(body, "values");
	return send_body(m, "PUT", "/resources", body);
}

static const struct option_spec create_options[] = {
	{"instance", "N", "its number; else the first that the device has not", false},
	TIMEOUT,
	LATER,
	{0},
};

static enum exit_status run_create(struct mgmtctl *m)
{
	const char *instance = arguments_value(m->arguments, "instance");
	unsigned long long number;
	json_t *body = make_body(m);
	bool good = body != NULL && add_values(m, 2, body);
	if (good && instance != NULL) {
		good = arguments_number(instance, 0, 65534, &number);
		if (good)
			json_object_set_new(body, "instance", json_integer((json_int_t)number));
		else
			complain_usage(m, "--instance: a number from 0 to 65534");
	}
	if (!good) {
		json_decref(body);
		return EXIT_USAGE;
	}
	json_object_set_new(body, "path", json_string(m->arguments->operands[1]));
	return send_body(m, "POST", "/resources", body);
}

/* ---- the others ---- */

static enum exit_status run_delete(struct mgmtctl *m)
{
	enum exit_status status;
	char path[PATH_BYTES];
	if (is_later(m))
		return send_later(m, "delete", json_pack("{s:s}", "path", m->arguments->operands[1]));
	if (!make_path(m, "/resources", path))
		return EXIT_USAGE;
	json_decref(api_call(m, "DELETE", path, NULL, &status));
	return status;
}

static enum exit_status run_execute(struct mgmtctl *m)
{
	json_t *body = make_body(m);
	if (body == NULL)
		return EXIT_USAGE;
	json_object_set_new(body, "path", json_string(m->arguments->operands[1]));
	if (m->arguments->operand_count > 2)
		json_object_set_new(body, "arguments", json_string(m->arguments->operands[2]));
	return send_body(m, "POST", "/execute", body);
}

static const struct option_spec discover_options[] = {
	{"depth", "N", "how many levels below the path, 0 to 3 (LwM2M 1.2)", false},
	TIMEOUT,
	LATER,
	{0},
};

/* "pmin=10 pmax=60". */
static void add_attributes(struct table *t, json_t *attributes)
{
	char text[512] = "";
	const char *name;
	json_t *value;
	json_object_foreach(attributes, name, value)
	{
		size_t len = strlen(text);
		char *number =
			json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
		snprintf(text + len, sizeof text - len, "%s%s=%s", len > 0 ? " " : "", name,
			number != NULL ? number : json_string_value(value));
		free(number);
	}
	table_add(t, TABLE_PLAIN, text);
}

static enum exit_status discover_later(struct mgmtctl *m, const char *depth)
{
	unsigned long long number;
	json_t *body = json_pack("{s:s}", "path", m->arguments->operands[1]);
	if (depth != NULL && !arguments_number(depth, 0, 3, &number)) {
		json_decref(body);
		return complain_usage(m, "--depth: a number from 0 to 3");
	}
	if (depth != NULL)
		json_object_set_new(body, "depth", json_integer((json_int_t)number));
	return send_later(m, "discover", body);
}

static enum exit_status run_discover(struct mgmtctl *m)
{
	static const struct table_column columns[] = {
		{"PATH", TABLE_LEFT}, {"NAME", TABLE_LEFT}, {"ATTRIBUTES", TABLE_LEFT}, {0}};
	enum exit_status status;
	char path[PATH_BYTES];
	const char *depth = arguments_value(m->arguments, "depth");
	if (is_later(m))
		return discover_later(m, depth);
	if (!make_path(m, "/links", path))
		return EXIT_USAGE;
	if (depth != NULL)
		add_parameter(path, '&', "depth", depth);
	json_t *answer = api_get(m, path, &status), *links = json_object_get(answer, "links");
	if (answer == NULL)
		return status;
	struct table *t = table_new(columns);
	for (size_t i = 0; i < json_array_size(links); i++) {
		const json_t *link = json_array_get(links, i);
		table_add(t, TABLE_PLAIN, text_member(link, "path"));
		table_add(t, TABLE_DIM, text_member(link, "name"));
		add_attributes(t, json_object_get(link, "attributes"));
	}
	if (m->is_json)
		print_json(answer);
	else
		table_print(t, m->has_color, stdout);
	table_free(t);
	json_decref(answer);
	return EXIT_DONE;
}

/* "pmin=5" sets, "gt" alone unsets. */
static enum exit_status run_attributes(struct mgmtctl *m)
{
	json_t *body = make_body(m), *attributes = json_object();
	if (body == NULL)
		return EXIT_USAGE;
	for (size_t i = 2; i < m->arguments->operand_count; i++) {
		char name[32];
		const char *operand = m->arguments->operands[i], *sign = strchr(operand, '=');
		int len = sign == NULL ? (int)strlen(operand) : (int)(sign - operand);
		json_t *number = sign == NULL ? json_null() : json_loads(sign + 1, JSON_DECODE_ANY, NULL);
		snprintf(name, sizeof name, "%.*s", len, operand);
		if (number == NULL || (!json_is_null(number) && !json_is_number(number))) {
			json_decref(number);
			json_decref(attributes);
			json_decref(body);
			return complain_usage(m, "\"%s\" is not of the form NAME=NUMBER, or NAME to unset", operand);
		}
		json_object_set_new(attributes, name, number);
	}
	json_object_set_new(body, "path", json_string(m->arguments->operands[1]));
	json_object_set_new(body, "attributes", attributes);
	return send_body(m, "PUT", "/attributes", body);
}

static const char help_paths[] =
	"Paths are numbers or names, /3/0/9 or /device/0/battery-level. Whoever asks waits for\n"
	"the device; one that sleeps is asked when it wakes up, if that is within the timeout.\n"
	"With --later nobody waits: mgmtctl request ID shows what has become of it.";

const struct command commands_resource[] = {
	{"read", "EP PATH ...", "reads an object, an instance, a resource or an instance of it", help_paths,
		timeout_options, 2, 16, run_read},
	{"write", "EP PATH=VALUE ...", "writes a resource, or several at once",
		"Several values without --to go as one Write-Composite: all of them are written or none.",
		write_options, 2, 64, run_write},
	{"execute", "EP PATH [ARGUMENTS]", "executes a resource; arguments are of the form 0='x',2", help_paths,
		timeout_options, 2, 3, run_execute},
	{"create", "EP OBJECT NAME=VALUE ...", "makes an instance of an object", help_paths, create_options, 3, 64,
		run_create},
	{"delete", "EP PATH", "deletes an instance of an object, or of a resource", help_paths, timeout_options, 2, 2,
		run_delete},
	{"discover", "EP PATH", "lists what there is, with the attributes that hold", help_paths, discover_options, 2,
		2, run_discover},
	{"attributes", "EP PATH NAME=NUMBER ...", "says when to notify: pmin, pmax, gt, lt, st, epmin, epmax",
		"A name without a number is unset.", timeout_options, 3, 16, run_attributes},
	{0},
};
