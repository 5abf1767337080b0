/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/extension_line.h"

#include "mgmt/json.h"
#include "mgmt/payload.h"
#include "mgmt/text.h"

/* ---- writing ---- */

static void write_quoted_path(struct writer *w, struct path path)
{
	write_u8(w, '"');
	path_write(w, path);
	write_u8(w, '"');
}

static void write_value(struct writer *w, const struct value *value)
{
	switch (value->type) {
	case VALUE_NONE:
		write_text(w, "null");
		return;
	case VALUE_STRING:
	case VALUE_CORELNK:
		json_write_string(w, value->bytes);
		return;
	case VALUE_OPAQUE:
	case VALUE_OBJLNK:
		write_u8(w, '"');
		text_encode(w, value);
		write_u8(w, '"');
		return;
	case VALUE_BOOLEAN:
		write_text(w, value->boolean ? "true" : "false");
		return;
	case VALUE_INTEGER:
	case VALUE_UNSIGNED:
	case VALUE_FLOAT:
	case VALUE_TIME:
		text_encode(w, value);
		return;
	}
}

/* One value of the very resource that is written stands alone. */
static void write_values(struct writer *w, const struct extension_ask *ask)
{
	if (ask->op == EXTENSION_WRITE && ask->count == 1 && path_equal(ask->records[0].path, ask->path)) {
		write_text(w, ",\"value\":");
		write_value(w, &ask->records[0].value);
		return;
	}
	if (ask->is_replace)
		write_text(w, ",\"replace\":true");
	write_text(w, ",\"values\":");
	senml_json_write(w, BYTES_NONE, PATH_ROOT, ask->records, ask->count, SENML_NONE_NULL);
}

bool extension_line_write(struct writer *w, const struct extension_ask *ask)
{
	static const char *const names[] = {"read", "write", "execute", "create", "delete"};
	write_text(w, "{\"id\":");
	write_decimal(w, ask->id);
	write_text(w, ",\"op\":\"");
	write_text(w, names[ask->op]);
	write_text(w, "\",\"path\":");
	write_quoted_path(w, ask->path);
	if (ask->op == EXTENSION_WRITE || ask->op == EXTENSION_CREATE)
		write_values(w, ask);
	if (ask->op == EXTENSION_EXECUTE && ask->arguments.len > 0) {
		write_text(w, ",\"arguments\":");
		json_write_string(w, ask->arguments);
	}
	write_text(w, "}\n");
	return !w->failed;
}

/* ---- reading a line ---- */

/* What has been found so far. */
struct reading {
	struct json_reader json;
	struct arena spare; /* for strings that are read now only to find their end */
	bool has_id, has_notify, has_instances, has_error;
	struct extension_line line;
};

static enum coap_code code_of_error(struct bytes word)
{
	static const struct {
		const char *word;
		enum coap_code code;
	} words[] = {
		{"bad-value", COAP_BAD_REQUEST},
		{"not-found", COAP_NOT_FOUND},
		{"not-allowed", COAP_METHOD_NOT_ALLOWED},
		{"busy", COAP_SERVICE_UNAVAILABLE},
	};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (bytes_equal_text(word, words[i].word))
			return words[i].code;
	return COAP_INTERNAL_SERVER_ERROR;
}

/* A whole value as it stands, with white space in front at most. */
static bool read_raw(struct reading *r, struct bytes *ret)
{
	const uint8_t *start = r->json.at;
	struct json_token token = json_next(&r->json);
	if (!json_skip(&r->json, &token))
		return false;
	*ret = bytes_of(start, (size_t)(r->json.at - start));
	return true;
}

static bool read_id(struct reading *r)
{
	struct json_token token = json_next(&r->json);
	uint64_t id;
	if (token.kind != JSON_NUMBER || !parse_decimal(token.text, UINT32_MAX, &id))
		return false;
	r->has_id = true;
	r->line.id = (uint32_t)id;
	return true;
}

static bool read_error(struct reading *r)
{
	struct json_token token = json_next(&r->json);
	r->has_error = token.kind == JSON_STRING;
	r->line.error = code_of_error(token.text);
	return r->has_error;
}

/* Cut between two characters of UTF-8. */
static struct bytes cut_reason(struct bytes text)
{
	size_t len = text.len < EXTENSION_REASON_MAX ? text.len : EXTENSION_REASON_MAX;
	while (len < text.len && len > 0 && (text.data[len] & 0xc0) == 0x80)
		len--;
	return bytes_first(text, len);
}

/* The one string that is kept as it is decoded. */
static bool read_reason(struct reading *r, struct arena *scratch)
{
	r->json.scratch = scratch;
	struct json_token token = json_next(&r->json);
	r->json.scratch = &r->spare;
	r->spare = *scratch;
	r->line.reason = cut_reason(token.text);
	return token.kind == JSON_STRING;
}

static bool read_member(struct reading *r, struct bytes name, struct arena *scratch)
{
	struct bytes passed_over;
	if (bytes_equal_text(name, "id"))
		return read_id(r);
	if (bytes_equal_text(name, "error"))
		return read_error(r);
	if (bytes_equal_text(name, "reason"))
		return read_reason(r, scratch);
	if (bytes_equal_text(name, "value"))
		return read_raw(r, &r->line.value);
	if (bytes_equal_text(name, "values"))
		return read_raw(r, &r->line.values);
	if (bytes_equal_text(name, "notify"))
		return r->has_notify = read_raw(r, &r->line.values);
	if (bytes_equal_text(name, "instances"))
		return r->has_instances = read_raw(r, &r->line.list);
	return read_raw(r, &passed_over);
}

static bool read_members(struct reading *r, struct arena *scratch)
{
	struct json_token token = json_next(&r->json);
	if (token.kind == JSON_OBJECT_END)
		return true;
	for (;;) {
		if (token.kind != JSON_STRING || !json_expect(&r->json, JSON_COLON) ||
			!read_member(r, token.text, scratch))
			return false;
		token = json_next(&r->json);
		if (token.kind == JSON_OBJECT_END)
			return true;
		if (token.kind != JSON_COMMA)
			return false;
		token = json_next(&r->json);
	}
}

/* A line is one thing: an answer, news, or a list of instances. */
static bool settle_kind(struct reading *r)
{
	if (r->has_id + r->has_notify + r->has_instances != 1)
		return false;
	r->line.kind = r->has_id       ? EXTENSION_LINE_ANSWER
		       : r->has_notify ? EXTENSION_LINE_NOTIFY
				       : EXTENSION_LINE_INSTANCES;
	if (!r->has_error)
		r->line.reason = BYTES_NONE;
	return r->has_id || !r->has_error;
}

bool extension_line_parse(struct bytes line, struct arena *scratch, struct extension_line *ret)
{
	struct reading r = {.spare = *scratch};
	r.json = json_reader_of(line, &r.spare);
	if (!json_expect(&r.json, JSON_OBJECT_BEGIN) || !read_members(&r, scratch) || !json_expect(&r.json, JSON_END) ||
		!settle_kind(&r))
		return false;
	*ret = r.line;
	return true;
}

/* ---- values ---- */

/* Strings stand for what JSON has no word for. */
static bool value_of_string(struct bytes text, enum value_type type, struct arena *scratch, struct value *ret)
{
	bool is_written_so =
		type == VALUE_STRING || type == VALUE_CORELNK || type == VALUE_OPAQUE || type == VALUE_OBJLNK;
	return is_written_so && text_decode(text, type, scratch, ret) == TEXT_GOOD;
}

static bool value_of_token(
	const struct json_token *token, enum value_type type, struct arena *scratch, struct value *ret)
{
	struct value number;
	switch (token->kind) {
	case JSON_STRING:
		return value_of_string(token->text, type, scratch, ret);
	case JSON_NUMBER:
		return text_decode_number(token->text, &number) && value_convert(&number, type, ret);
	case JSON_TRUE:
	case JSON_FALSE:
		*ret = value_boolean(token->kind == JSON_TRUE);
		return type == VALUE_BOOLEAN;
	case JSON_NULL:
		*ret = value_none();
		return true;
	case JSON_END:
	case JSON_OBJECT_BEGIN:
	case JSON_OBJECT_END:
	case JSON_ARRAY_BEGIN:
	case JSON_ARRAY_END:
	case JSON_COLON:
	case JSON_COMMA:
	case JSON_FAULT:
		return false;
	}
	return false;
}

/* The answer is about what was asked for: one resource that holds one value, or one value of several. */
static bool read_one(const struct extension_line *line, struct path asked, const struct model *model,
	struct arena *scratch, struct record *list, size_t capacity, size_t *ret_count)
{
	const struct model_resource *resource =
		asked.depth < 3 ? NULL : model_resource(model, asked.ids[0], asked.ids[2]);
	struct json_reader json = json_reader_of(line->value, scratch);
	struct json_token token = json_next(&json);
	struct value value;
	if (resource == NULL || resource->is_multiple != (asked.depth == 4) || capacity == 0 ||
		!value_of_token(&token, resource->type, scratch, &value))
		return false;
	list[0] = record_of(asked, value);
	*ret_count = value.type == VALUE_NONE ? 0 : 1;
	return true;
}

static bool read_pack(const struct extension_line *line, const struct model *model, struct arena *scratch,
	struct record *list, size_t capacity, size_t *ret_count)
{
	struct payload_reader reader;
	struct record record;
	size_t count = 0;
	payload_reader_init(&reader, PAYLOAD_SENML_JSON, PATH_ROOT, line->values, model, scratch);
	while (payload_next(&reader, &record)) {
		if (count == capacity)
			return false;
		if (record.value.type != VALUE_NONE)
			list[count++] = record;
	}
	*ret_count = count;
	return reader.verdict == PAYLOAD_GOOD;
}

bool extension_line_values(const struct extension_line *line, struct path asked, const struct model *model,
	struct arena *scratch, struct record *list, size_t capacity, size_t *ret_count)
{
	if (line->value.len > 0)
		return line->values.len == 0 && read_one(line, asked, model, scratch, list, capacity, ret_count);
	if (line->values.len > 0)
		return read_pack(line, model, scratch, list, capacity, ret_count);
	*ret_count = 0;
	return true;
}

/* ---- instances ---- */

bool extension_line_instances(
	const struct extension_line *line, struct arena *scratch, struct path *list, size_t capacity, size_t *ret_count)
{
	struct json_reader json = json_reader_of(line->list, scratch);
	size_t count = 0;
	if (!json_expect(&json, JSON_ARRAY_BEGIN))
		return false;
	struct json_token token = json_next(&json);
	bool is_open = token.kind != JSON_ARRAY_END;
	while (is_open) {
		if (token.kind != JSON_STRING || count == capacity || !path_parse(token.text, &list[count]) ||
			list[count].depth != 2)
			return false;
		count++;
		token = json_next(&json);
		is_open = token.kind == JSON_COMMA;
		if (is_open)
			token = json_next(&json);
	}
	*ret_count = count;
	return token.kind == JSON_ARRAY_END;
}
