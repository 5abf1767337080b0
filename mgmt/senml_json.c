/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/senml_json.h"

#include "mgmt/text.h"

#define VERSION_MAX 10

void senml_json_reader_init(struct senml_json_reader *r, struct bytes body, bool is_etch, struct arena *scratch)
{
	*r = (struct senml_json_reader){.json = json_reader_of(body, scratch), .scratch = scratch, .is_etch = is_etch};
}

/* ---- reading ---- */

static bool take_text(const struct json_token *token, bool *has, struct bytes *ret)
{
	if (*has || token->kind != JSON_STRING)
		return false;
	*has = true;
	*ret = token->text;
	return true;
}

static bool take_number(const struct json_token *token, bool *has, double *ret)
{
	if (*has || token->kind != JSON_NUMBER)
		return false;
	*has = true;
	return value_parse_double(token->text, ret);
}

static bool take_value(struct senml_json_reader *r, const struct json_token *token, struct senml_fields *f)
{
	if (f->has_value)
		return false;
	f->has_value = true;
	if (token->kind == JSON_NULL)
		return r->is_etch;
	return token->kind == JSON_NUMBER && text_decode_number(token->text, &f->value);
}

static bool take_boolean(const struct json_token *token, struct senml_fields *f)
{
	if (f->has_value || (token->kind != JSON_TRUE && token->kind != JSON_FALSE))
		return false;
	f->has_value = true;
	f->value = value_boolean(token->kind == JSON_TRUE);
	return true;
}

static bool take_data(struct senml_json_reader *r, const struct json_token *token, struct senml_fields *f)
{
	struct bytes text;
	f->value.type = VALUE_OPAQUE;
	if (!take_text(token, &f->has_value, &text))
		return false;
	enum text_verdict verdict = text_decode_base64(text, TEXT_BASE64_URL, r->scratch, &f->value.bytes);
	r->full = verdict == TEXT_FULL;
	return verdict == TEXT_GOOD;
}

static bool take_link(const struct json_token *token, struct senml_fields *f)
{
	struct bytes text;
	f->value.type = VALUE_OBJLNK;
	return take_text(token, &f->has_value, &text) && value_parse_objlnk(text, &f->value.objlnk);
}

static bool take_version(const struct json_token *token)
{
	uint64_t version;
	return token->kind == JSON_NUMBER && parse_decimal(token->text, VERSION_MAX, &version);
}

static bool take_base_value(const struct json_token *token, struct senml_fields *f)
{
	if (f->has_base_value || token->kind != JSON_NUMBER)
		return false;
	f->has_base_value = true;
	return text_decode_number(token->text, &f->base_value);
}

/* Sums are refused. Unknown fields are skipped, unless they end in "_": those must be understood
 * (RFC 8428 section 4.4). */
static bool take_unknown(struct senml_json_reader *r, struct bytes name, const struct json_token *token)
{
	bool is_refused = bytes_equal_text(name, "bs") || bytes_equal_text(name, "s") ||
			  (name.len > 0 && name.data[name.len - 1] == '_');
	return !is_refused && json_skip(&r->json, token);
}

static bool take_field(
	struct senml_json_reader *r, struct bytes name, const struct json_token *token, struct senml_fields *f)
{
	if (bytes_equal_text(name, "bn"))
		return take_text(token, &f->has_base_name, &f->base_name);
	if (bytes_equal_text(name, "n"))
		return take_text(token, &f->has_name, &f->name);
	if (bytes_equal_text(name, "bt"))
		return take_number(token, &f->has_base_time, &f->base_time_s);
	if (bytes_equal_text(name, "t"))
		return take_number(token, &f->has_time, &f->time_s);
	if (bytes_equal_text(name, "bu"))
		return take_text(token, &f->has_base_unit, &f->base_unit);
	if (bytes_equal_text(name, "u"))
		return take_text(token, &f->has_unit, &f->unit);
	if (bytes_equal_text(name, "bv"))
		return take_base_value(token, f);
	if (bytes_equal_text(name, "v"))
		return take_value(r, token, f);
	if (bytes_equal_text(name, "vb"))
		return take_boolean(token, f);
	if (bytes_equal_text(name, "vs")) {
		f->value.type = VALUE_STRING;
		return take_text(token, &f->has_value, &f->value.bytes);
	}
	if (bytes_equal_text(name, "vd"))
		return take_data(r, token, f);
	if (bytes_equal_text(name, "vlo"))
		return take_link(token, f);
	if (bytes_equal_text(name, "bver"))
		return take_version(token);
	return take_unknown(r, name, token);
}

/* The opening brace has been read. */
static bool read_record(struct senml_json_reader *r, struct senml_fields *f)
{
	struct json_token name = json_next(&r->json);
	if (name.kind == JSON_OBJECT_END)
		return true;
	for (;;) {
		if (name.kind != JSON_STRING || !json_expect(&r->json, JSON_COLON))
			return false;
		struct json_token token = json_next(&r->json);
		if (token.kind == JSON_FAULT || !take_field(r, name.text, &token, f))
			return false;
		struct json_token after = json_next(&r->json);
		if (after.kind == JSON_OBJECT_END)
			return true;
		if (after.kind != JSON_COMMA)
			return false;
		name = json_next(&r->json);
	}
}

static bool end_pack(struct senml_json_reader *r)
{
	r->is_done = true;
	r->failed = !json_expect(&r->json, JSON_END);
	return false;
}

/* Reads up to the next record's opening brace. False at the end and at a fault. */
static bool next_object(struct senml_json_reader *r)
{
	struct json_token token = json_next(&r->json);
	bool is_first = !r->is_started;
	if (is_first) {
		r->is_started = true;
		if (token.kind != JSON_ARRAY_BEGIN) {
			r->failed = true;
			return false;
		}
		token = json_next(&r->json);
	}
	if (token.kind == JSON_ARRAY_END)
		return end_pack(r);
	if (!is_first) {
		r->failed = token.kind != JSON_COMMA;
		token = json_next(&r->json);
	}
	if (token.kind != JSON_OBJECT_BEGIN)
		r->failed = true;
	return !r->failed;
}

bool senml_json_next(struct senml_json_reader *r, struct record *ret, bool *ret_has_value)
{
	struct senml_fields fields = {.value = value_none()};
	if (r->failed || r->is_done || !next_object(r))
		return false;
	if (!read_record(r, &fields) || !senml_resolve(&r->base, &fields, ret)) {
		r->failed = true;
		r->full = r->full || r->json.full;
		return false;
	}
	*ret_has_value = fields.has_value;
	return true;
}

/* ---- writing ---- */

static void write_name(struct writer *w, const char *name, bool *is_first)
{
	write_text(w, *is_first ? "\"" : ",\"");
	write_text(w, name);
	write_text(w, "\":");
	*is_first = false;
}

static void write_data(struct writer *w, struct bytes data)
{
	write_u8(w, '"');
	text_encode_base64(w, TEXT_BASE64_URL, data);
	write_u8(w, '"');
}

static void write_value(struct writer *w, const struct value *value, bool *is_first)
{
	switch (value->type) {
	case VALUE_NONE:
		write_name(w, "v", is_first);
		write_text(w, "null");
		break;
	case VALUE_STRING:
	case VALUE_CORELNK:
		write_name(w, "vs", is_first);
		json_write_string(w, value->bytes);
		break;
	case VALUE_INTEGER:
	case VALUE_TIME:
	case VALUE_UNSIGNED:
	case VALUE_FLOAT:
		write_name(w, "v", is_first);
		text_encode(w, value);
		break;
	case VALUE_BOOLEAN:
		write_name(w, "vb", is_first);
		write_text(w, value->boolean ? "true" : "false");
		break;
	case VALUE_OPAQUE:
		write_name(w, "vd", is_first);
		write_data(w, value->bytes);
		break;
	case VALUE_OBJLNK:
		write_name(w, "vlo", is_first);
		write_u8(w, '"');
		value_write_objlnk(w, value->objlnk);
		write_u8(w, '"');
		break;
	}
}

/* Base fields stand in the first record only. Times are written relative to the first one's. */
struct pack {
	struct bytes prefix;
	struct path base;
	enum senml_none none;
	bool is_first;
	double base_time_s;
};

static void write_base(struct writer *w, struct pack *pack, const struct record *record, bool *is_first)
{
	uint8_t text[SENML_NAME_BYTES];
	struct bytes base_name = senml_base_name(pack->prefix, pack->base, record->path, text);
	if (base_name.len > 0) {
		write_name(w, "bn", is_first);
		json_write_string(w, base_name);
	}
	if (record->has_time) {
		write_name(w, "bt", is_first);
		value_write_double(w, record->time_s);
		pack->base_time_s = record->time_s;
	}
}

static void write_record(struct writer *w, struct pack *pack, const struct record *record)
{
	uint8_t text[SENML_NAME_BYTES];
	struct bytes name = senml_name(pack->base, record->path, text);
	bool is_first = true;
	write_text(w, pack->is_first ? "{" : ",{");
	if (pack->is_first)
		write_base(w, pack, record, &is_first);
	pack->is_first = false;
	if (name.len > 0) {
		write_name(w, "n", &is_first);
		json_write_string(w, name);
	}
	double time_s = record->has_time ? record->time_s - pack->base_time_s : 0;
	if (time_s < 0 || time_s > 0) {
		write_name(w, "t", &is_first);
		value_write_double(w, time_s);
	}
	if (record->unit.len > 0) {
		write_name(w, "u", &is_first);
		json_write_string(w, record->unit);
	}
	if (record->value.type != VALUE_NONE || pack->none == SENML_NONE_NULL)
		write_value(w, &record->value, &is_first);
	write_u8(w, '}');
}

void senml_json_write(struct writer *w, struct bytes prefix, struct path base, const struct record *records,
	size_t count, enum senml_none none)
{
	struct pack pack = {.prefix = prefix, .base = base, .none = none, .is_first = true};
	write_u8(w, '[');
	for (size_t i = 0; i < count; i++)
		if (none != SENML_NONE_LEFT_OUT || records[i].value.type != VALUE_NONE)
			write_record(w, &pack, &records[i]);
	write_u8(w, ']');
}
