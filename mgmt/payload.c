/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/payload.h"

#include "mgmt/cbor_value.h"
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

bool payload_can_read(uint32_t format)
{
	return payload_can_write(format) || format == PAYLOAD_LWM2M_JSON;
}

bool payload_can_write(uint32_t format)
{
	return is_single(format) || is_senml(format) || format == PAYLOAD_TLV || format == PAYLOAD_LWM2M_CBOR;
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

/* Exactly one item. */
static enum payload_verdict read_cbor_value(struct payload_reader *r, struct value *ret)
{
	struct cbor_reader cbor = cbor_reader_of(r->body);
	struct cbor_item item;
	bool is_full = false;
	bool good = cbor_next(&cbor, &item) && item.kind != CBOR_NULL &&
		    cbor_value_read(&cbor, &item, r->scratch, ret, &is_full) && cbor_left(&cbor) == 0;
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

/* A string where the model has octets is base64: SenML has a field of its own for them, JSON of LwM2M 1.0 has not. */
static bool decode_octets(struct payload_reader *r, struct record *record)
{
	struct bytes text = record->value.bytes;
	if (record->value.type != VALUE_STRING || record->path.depth < 3 ||
		model_resource(r->model, record->path.ids[0], record->path.ids[2]) == NULL ||
		model_type(r->model, record->path) != VALUE_OPAQUE)
		return true;
	record->value.type = VALUE_OPAQUE;
	enum text_verdict verdict = text_decode_base64(text, TEXT_BASE64_PADDED, r->scratch, &record->value.bytes);
	if (verdict == TEXT_BAD)
		r->verdict = PAYLOAD_BAD;
	if (verdict == TEXT_FULL)
		r->verdict = PAYLOAD_FULL;
	return verdict == TEXT_GOOD;
}

static bool next_lwm2m_json(struct payload_reader *r, struct record *ret)
{
	bool got = lwm2m_json_next(&r->lwm2m_json, ret);
	if (r->lwm2m_json.failed)
		r->verdict = r->lwm2m_json.full ? PAYLOAD_FULL : PAYLOAD_BAD;
	return got && decode_octets(r, ret);
}

static bool next_lwm2m_cbor(struct payload_reader *r, struct record *ret)
{
	bool got = lwm2m_cbor_next(&r->lwm2m_cbor, ret);
	if (r->lwm2m_cbor.failed)
		r->verdict = r->lwm2m_cbor.full ? PAYLOAD_FULL : PAYLOAD_BAD;
	return got;
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
	if (r->format == PAYLOAD_TLV)
		return next_tlv(r, ret);
	if (r->format == PAYLOAD_LWM2M_CBOR)
		return next_lwm2m_cbor(r, ret);
	return r->format == PAYLOAD_LWM2M_JSON ? next_lwm2m_json(r, ret) : next_senml(r, ret);
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
	else if (r->format == PAYLOAD_LWM2M_CBOR)
		lwm2m_cbor_reader_init(&r->lwm2m_cbor, r->base, r->body, r->scratch);
	else if (r->format == PAYLOAD_LWM2M_JSON)
		lwm2m_json_reader_init(&r->lwm2m_json, r->base, r->body, r->scratch);
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
	if (!payload_can_read(format) || !format_fits_base(format, base))
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

void payload_reader_allow_prefix(struct payload_reader *r)
{
	if (is_json(r->format))
		r->senml_json.base.may_have_prefix = true;
	else if (is_senml(r->format))
		r->senml_cbor.base.may_have_prefix = true;
	else if (r->format == PAYLOAD_LWM2M_JSON)
		r->lwm2m_json.base.may_have_prefix = true;
}

/* ---- writing ---- */

static bool encode_single(uint32_t format, const struct value *value, struct writer *w)
{
	if (value->type == VALUE_NONE || (format == PAYLOAD_OPAQUE && value->type != VALUE_OPAQUE))
		return false;
	if (format == PAYLOAD_TEXT)
		text_encode(w, value);
	else if (format == PAYLOAD_CBOR)
		cbor_value_write(w, value);
	else
		write_bytes(w, value->bytes);
	return true;
}

static void encode_senml(struct bytes prefix, uint32_t format, struct path base, const struct record *records,
	size_t count, enum senml_none none, struct writer *w)
{
	if (is_json(format))
		senml_json_write(w, prefix, base, records, count, none);
	else
		senml_cbor_write(w, prefix, base, records, count, none);
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

enum payload_verdict payload_encode_below(struct bytes prefix, uint32_t format, struct path base,
	const struct record *records, size_t count, struct writer *w)
{
	if (!payload_can_write(format) || !format_fits_base(format, base) || !records_fit(format, base, records, count))
		return PAYLOAD_UNSUPPORTED;
	if (is_single(format)) {
		if (!encode_single(format, &records[0].value, w))
			return PAYLOAD_UNSUPPORTED;
	} else if (format == PAYLOAD_TLV) {
		tlv_write(w, base, records, count);
	} else if (format == PAYLOAD_LWM2M_CBOR) {
		lwm2m_cbor_write(w, records, count);
	} else {
		encode_senml(prefix, format, base, records, count,
			is_etch(format) ? SENML_NONE_NULL : SENML_NONE_LEFT_OUT, w);
	}
	return w->failed ? PAYLOAD_FULL : PAYLOAD_GOOD;
}

enum payload_verdict payload_encode(
	uint32_t format, struct path base, const struct record *records, size_t count, struct writer *w)
{
	return payload_encode_below(BYTES_NONE, format, base, records, count, w);
}

enum payload_verdict payload_encode_names_below(
	struct bytes prefix, uint32_t format, const struct record *records, size_t count, struct writer *w)
{
	if (!is_senml(format))
		return PAYLOAD_UNSUPPORTED;
	encode_senml(prefix, format, PATH_ROOT, records, count, SENML_NONE_NAMED, w);
	return w->failed ? PAYLOAD_FULL : PAYLOAD_GOOD;
}

enum payload_verdict payload_encode_names(uint32_t format, const struct record *records, size_t count, struct writer *w)
{
	return payload_encode_names_below(BYTES_NONE, format, records, count, w);
}
