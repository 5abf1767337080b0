/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/lwm2m_json.h"

#include "mgmt/text.h"

void lwm2m_json_reader_init(struct lwm2m_json_reader *r, struct path base, struct bytes body, struct arena *scratch)
{
	*r = (struct lwm2m_json_reader){.json = json_reader_of(body, scratch), .request = base};
}

/* ---- objects, member by member ---- */

typedef bool take_member(struct lwm2m_json_reader *r, struct bytes name, const struct json_token *value, void *into);

/* The opening brace has been read; each member's value has begun when `take` is called, which reads the rest of it. */
static bool read_members(struct lwm2m_json_reader *r, take_member *take, void *into)
{
	struct json_token name = json_next(&r->json);
	if (name.kind == JSON_OBJECT_END)
		return true;
	for (;;) {
		if (name.kind != JSON_STRING || !json_expect(&r->json, JSON_COLON))
			return false;
		struct json_token value = json_next(&r->json);
		if (value.kind == JSON_FAULT || !take(r, name.text, &value, into))
			return false;
		struct json_token after = json_next(&r->json);
		if (after.kind == JSON_OBJECT_END)
			return true;
		if (after.kind != JSON_COMMA)
			return false;
		name = json_next(&r->json);
	}
}

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

/* ---- the outer object ---- */

struct outer {
	bool has_entries;
	struct json_reader entries; /* behind the opening bracket of "e" */
};

static bool take_outer(struct lwm2m_json_reader *r, struct bytes name, const struct json_token *value, void *into)
{
	struct outer *outer = into;
	if (bytes_equal_text(name, "bn"))
		return take_text(value, &r->has_base_name, &r->base.name);
	if (bytes_equal_text(name, "bt"))
		return take_number(value, &r->base.has_time, &r->base.time_s);
	if (!bytes_equal_text(name, "e"))
		return json_skip(&r->json, value);
	if (outer->has_entries || value->kind != JSON_ARRAY_BEGIN)
		return false;
	outer->has_entries = true;
	outer->entries = r->json;
	return json_skip(&r->json, value);
}

static bool start(struct lwm2m_json_reader *r)
{
	struct outer outer = {.has_entries = false};
	if (!json_expect(&r->json, JSON_OBJECT_BEGIN) || !read_members(r, take_outer, &outer) ||
		!json_expect(&r->json, JSON_END) || !outer.has_entries)
		return false;
	r->json = outer.entries;
	return true;
}

/* ---- entries ---- */

static bool take_entry_value(struct senml_fields *f, struct bytes name, const struct json_token *value)
{
	struct bytes text;
	if (bytes_equal_text(name, "v")) {
		if (f->has_value || value->kind != JSON_NUMBER)
			return false;
		f->has_value = true;
		return text_decode_number(value->text, &f->value);
	}
	if (bytes_equal_text(name, "sv")) {
		f->value.type = VALUE_STRING;
		return take_text(value, &f->has_value, &f->value.bytes);
	}
	if (bytes_equal_text(name, "ov")) {
		f->value.type = VALUE_OBJLNK;
		return take_text(value, &f->has_value, &text) && value_parse_objlnk(text, &f->value.objlnk);
	}
	if (f->has_value || (value->kind != JSON_TRUE && value->kind != JSON_FALSE))
		return false;
	f->has_value = true;
	f->value = value_boolean(value->kind == JSON_TRUE);
	return true;
}

static bool take_entry(struct lwm2m_json_reader *r, struct bytes name, const struct json_token *value, void *into)
{
	struct senml_fields *f = into;
	if (bytes_equal_text(name, "n"))
		return take_text(value, &f->has_name, &f->name);
	if (bytes_equal_text(name, "t"))
		return take_number(value, &f->has_time, &f->time_s);
	if (bytes_equal_text(name, "v") || bytes_equal_text(name, "sv") || bytes_equal_text(name, "bv") ||
		bytes_equal_text(name, "ov"))
		return take_entry_value(f, name, value);
	return json_skip(&r->json, value);
}

/* A name without a base name is below the request's path, unless it begins with a slash. */
static bool resolve(struct lwm2m_json_reader *r, const struct senml_fields *fields, struct record *ret)
{
	uint8_t text[PATH_TEXT_BYTES + 1];
	struct senml_base base = r->base;
	if (!r->has_base_name && (fields->name.len == 0 || fields->name.data[0] != '/')) {
		struct writer w = writer_of(text, sizeof text);
		path_write(&w, r->request);
		if (fields->name.len > 0 && r->request.depth > 0)
			write_u8(&w, '/');
		base.name = writer_bytes(&w);
	}
	return senml_resolve(&base, fields, ret);
}

/* Reads up to the next entry's opening brace. False at the end of the array and at a fault. */
static bool next_entry(struct lwm2m_json_reader *r, bool is_first)
{
	struct json_token token = json_next(&r->json);
	if (token.kind == JSON_ARRAY_END) {
		r->is_done = true;
		return false;
	}
	if (!is_first) {
		r->failed = token.kind != JSON_COMMA;
		token = json_next(&r->json);
	}
	r->failed = r->failed || token.kind != JSON_OBJECT_BEGIN;
	return !r->failed;
}

bool lwm2m_json_next(struct lwm2m_json_reader *r, struct record *ret)
{
	struct senml_fields fields = {.value = value_none()};
	bool is_first = !r->is_started;
	if (r->failed || r->is_done)
		return false;
	r->is_started = true;
	bool good = (!is_first || start(r)) && next_entry(r, is_first) && read_members(r, take_entry, &fields) &&
		    fields.has_value && resolve(r, &fields, ret);
	if (!good && !r->is_done) {
		r->failed = true;
		r->full = r->json.full;
	}
	return good;
}
