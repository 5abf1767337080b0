/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/payload.h"

#include "mgmt/cbor.h"
#include "mgmt/text.h"

static bool is_json(uint32_t format)
{
	return format == PAYLOAD_SENML_JSON || format == PAYLOAD_SENML_ETCH_JSON;
}

static bool is_senml(uint32_t format)
{
	return is_json(format) || format == PAYLOAD_SENML_CBOR || format == PAYLOAD_SENML_ETCH_CBOR;
}

static bool is_etch(uint32_t format)
{
	return format == PAYLOAD_SENML_ETCH_JSON || format == PAYLOAD_SENML_ETCH_CBOR;
}

static bool is_single(uint32_t format)
{
	return format == PAYLOAD_TEXT || format == PAYLOAD_OPAQUE || format == PAYLOAD_CBOR;
}

bool payload_is_supported(uint32_t format)
{
	return is_single(format) || is_senml(format) || format == PAYLOAD_TLV;
}

/* ---- one value alone ---- */

/* A single value needs a path that names one; TLV needs at least an object. */
static bool format_fits_base(uint32_t format, struct path base)
{
	if (is_single(format))
		return base.depth >= 3;
	return format != PAYLOAD_TLV || base.depth >= 1;
}

static enum payload_verdict read_text_value(struct payload_reader *r, struct value *ret)
{
	const struct model_resource *known = model_resource(r->model, r->base.ids[0], r->base.ids[2]);
	switch (text_decode(r->body, known == NULL ? VALUE_STRING : known->type, r->scratch, ret)) {
	case TEXT_GOOD:
		return PAYLOAD_GOOD;
	case TEXT_BAD:
		return PAYLOAD_BAD;
	case TEXT_FULL:
		return PAYLOAD_FULL;
	}
	return PAYLOAD_BAD;
}

static bool item_value(struct cbor_reader *cbor, struct payload_reader *r, const struct cbor_item *item,
	struct value *ret, bool *ret_full)
{
	switch (item->kind) {
	case CBOR_UNSIGNED:
		*ret = item->number <= INT64_MAX ? value_integer((int64_t)item->number) : value_unsigned(item->number);
		return true;
	case CBOR_NEGATIVE:
		*ret = value_integer(item->number <= INT64_MAX ? -1 - (int64_t)item->number : 0);
		return item->number <= INT64_MAX;
	case CBOR_FLOAT:
		*ret = value_float(item->real);
		return true;
	case CBOR_BOOLEAN:
		*ret = value_boolean(item->boolean);
		return true;
	case CBOR_BYTES:
	case CBOR_TEXT:
		ret->type = item->kind == CBOR_BYTES ? VALUE_OPAQUE : VALUE_STRING;
		return cbor_string(cbor, item, r->scratch, &ret->bytes, ret_full);
	case CBOR_ARRAY:
	case CBOR_MAP:
	case CBOR_TAG:
	case CBOR_NULL:
	case CBOR_UNDEFINED:
	case CBOR_BREAK:
		return false;
	}
	return false;
}

/* Exactly one item; a time may stand behind tag 1 (RFC 8949 section 3.4.2). */
static enum payload_verdict read_cbor_value(struct payload_reader *r, struct value *ret)
{
	struct cbor_reader cbor = cbor_reader_of(r->body);
	struct cbor_item item;
	bool is_full = false, is_time = false;
	bool good = cbor_next(&cbor, &item);
	if (good && item.kind == CBOR_TAG) {
		is_time = item.number == 1;
		good = is_time && cbor_next(&cbor, &item);
	}
	good = good && item_value(&cbor, r, &item, ret, &is_full) && cbor_left(&cbor) == 0;
	if (is_time && good)
		good = value_convert(ret, VALUE_TIME, ret);
	return good ? PAYLOAD_GOOD : is_full ? PAYLOAD_FULL : PAYLOAD_BAD;
}

static enum payload_verdict read_opaque_value(struct payload_reader *r, struct value *ret)
{
	if (model_type(r->model, r->base) != VALUE_OPAQUE)
		return PAYLOAD_UNSUPPORTED;
	*ret = value_opaque(r->body);
	return PAYLOAD_GOOD;
}

static bool next_single(struct payload_reader *r, struct record *ret)
{
	if (r->is_done)
		return false;
	r->is_done = true;
	ret->path = r->base;
	if (r->format == PAYLOAD_TEXT)
		r->verdict = read_text_value(r, &ret->value);
	else if (r->format == PAYLOAD_CBOR)
		r->verdict = read_cbor_value(r, &ret->value);
	else
		r->verdict = read_opaque_value(r, &ret->value);
	return r->verdict == PAYLOAD_GOOD;
}

/* ---- several ---- */

/* A record of a pack must have a value, or none, as the pack's purpose demands. */
static bool next_senml(struct payload_reader *r, struct record *ret)
{
	bool has_value = false, got, failed, full;
	if (is_json(r->format)) {
		got = senml_json_next(&r->senml_json, ret, &has_value);
		failed = r->senml_json.failed;
		full = r->senml_json.full;
	} else {
		got = senml_cbor_next(&r->senml_cbor, ret, &has_value);
		failed = r->senml_cbor.failed;
		full = r->senml_cbor.full;
	}
	if (failed)
		r->verdict = full ? PAYLOAD_FULL : PAYLOAD_BAD;
	else if (got && has_value == r->has_names_only)
		r->verdict = PAYLOAD_BAD;
	return got && r->verdict == PAYLOAD_GOOD;
}

static bool next_tlv(struct payload_reader *r, struct record *ret)
{
	bool got = tlv_next(&r->tlv, ret);
	if (r->tlv.failed)
		r->verdict = PAYLOAD_BAD;
	return got;
}

/* Brings the value to the model's type and holds the path against base and model. */
static bool is_sound(const struct payload_reader *r, struct record *record)
{
	struct path path = record->path;
	if (path.depth < 3 || !path_is_within(path, r->base))
		return false;
	bool has_text = record->value.type == VALUE_STRING || record->value.type == VALUE_CORELNK;
	if (has_text && !value_is_utf8(record->value.bytes))
		return false;
	const struct model_resource *known = model_resource(r->model, path.ids[0], path.ids[2]);
	if (known == NULL)
		return true;
	if (record->value.type == VALUE_NONE)
		return known->is_multiple || is_etch(r->format);
	return known->type != VALUE_NONE && known->is_multiple == (path.depth == PATH_DEPTH_MAX) &&
	       value_convert(&record->value, known->type, &record->value);
}

static bool next_raw(struct payload_reader *r, struct record *ret)
{
	if (is_single(r->format))
		return next_single(r, ret);
	return r->format == PAYLOAD_TLV ? next_tlv(r, ret) : next_senml(r, ret);
}

bool payload_next(struct payload_reader *r, struct record *ret)
{
	struct record record = {.value = value_none()};
	if (r->verdict != PAYLOAD_GOOD || !next_raw(r, &record))
		return false;
	if (!r->has_names_only && !is_sound(r, &record)) {
		r->verdict = PAYLOAD_BAD;
		return false;
	}
	*ret = record;
	return true;
}

static void start_format(struct payload_reader *r)
{
	if (is_json(r->format))
		senml_json_reader_init(&r->senml_json, r->body, is_etch(r->format), r->scratch);
	else if (is_senml(r->format))
		senml_cbor_reader_init(&r->senml_cbor, r->body, is_etch(r->format), r->scratch);
	else if (r->format == PAYLOAD_TLV)
		tlv_reader_init(&r->tlv, r->base, r->body, r->model);
}

void payload_reader_init(struct payload_reader *r, uint32_t format, struct path base, struct bytes body,
	const struct model *model, struct arena *scratch)
{
	*r = (struct payload_reader){.format = format,
		.base = base,
		.model = model,
		.scratch = scratch,
		.body = body,
		.verdict = PAYLOAD_GOOD};
	if (!payload_is_supported(format) || !format_fits_base(format, base))
		r->verdict = PAYLOAD_UNSUPPORTED;
	else
		start_format(r);
}

void payload_reader_init_names(struct payload_reader *r, uint32_t format, struct bytes body, struct arena *scratch)
{
	*r = (struct payload_reader){.format = format,
		.base = PATH_ROOT,
		.scratch = scratch,
		.body = body,
		.verdict = PAYLOAD_GOOD,
		.has_names_only = true};
	if (!is_senml(format))
		r->verdict = PAYLOAD_UNSUPPORTED;
	else
		start_format(r);
}

/* ---- writing ---- */

static void write_cbor_value(struct writer *w, const struct value *value)
{
	uint8_t text[16];
	struct writer link = writer_of(text, sizeof text);
	switch (value->type) {
	case VALUE_NONE:
		cbor_write_null(w);
		break;
	case VALUE_STRING:
	case VALUE_CORELNK:
		cbor_write_text(w, value->bytes);
		break;
	case VALUE_OPAQUE:
		cbor_write_bytes(w, value->bytes);
		break;
	case VALUE_INTEGER:
	case VALUE_TIME:
		cbor_write_integer(w, value->integer);
		break;
	case VALUE_UNSIGNED:
		cbor_write_unsigned(w, value->natural);
		break;
	case VALUE_FLOAT:
		cbor_write_double(w, value->real);
		break;
	case VALUE_BOOLEAN:
		cbor_write_boolean(w, value->boolean);
		break;
	case VALUE_OBJLNK:
		value_write_objlnk(&link, value->objlnk);
		cbor_write_text(w, writer_bytes(&link));
		break;
	}
}

static bool encode_single(uint32_t format, const struct value *value, struct writer *w)
{
	if (value->type == VALUE_NONE || (format == PAYLOAD_OPAQUE && value->type != VALUE_OPAQUE))
		return false;
	if (format == PAYLOAD_TEXT)
		text_encode(w, value);
	else if (format == PAYLOAD_CBOR)
		write_cbor_value(w, value);
	else
		write_bytes(w, value->bytes);
	return true;
}

static void encode_senml(uint32_t format, struct path base, const struct record *records, size_t count,
	enum senml_none none, struct writer *w)
{
	if (is_json(format))
		senml_json_write(w, base, records, count, none);
	else
		senml_cbor_write(w, base, records, count, none);
}

static bool records_fit(uint32_t format, struct path base, const struct record *records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!path_is_within(records[i].path, base) || records[i].path.depth < 3)
			return false;
		if (records[i].has_time != records[0].has_time || (records[i].has_time && !is_senml(format)))
			return false;
	}
	return !is_single(format) || (count == 1 && path_equal(records[0].path, base));
}

enum payload_verdict payload_encode(
	uint32_t format, struct path base, const struct record *records, size_t count, struct writer *w)
{
	if (!payload_is_supported(format) || !format_fits_base(format, base) ||
		!records_fit(format, base, records, count))
		return PAYLOAD_UNSUPPORTED;
	if (is_single(format)) {
		if (!encode_single(format, &records[0].value, w))
			return PAYLOAD_UNSUPPORTED;
	} else if (format == PAYLOAD_TLV) {
		tlv_write(w, base, records, count);
	} else {
		encode_senml(format, base, records, count, is_etch(format) ? SENML_NONE_NULL : SENML_NONE_LEFT_OUT, w);
	}
	return w->failed ? PAYLOAD_FULL : PAYLOAD_GOOD;
}

enum payload_verdict payload_encode_names(uint32_t format, const struct record *records, size_t count, struct writer *w)
{
	if (!is_senml(format))
		return PAYLOAD_UNSUPPORTED;
	encode_senml(format, PATH_ROOT, records, count, SENML_NONE_NAMED, w);
	return w->failed ? PAYLOAD_FULL : PAYLOAD_GOOD;
}
