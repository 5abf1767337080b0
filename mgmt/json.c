/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/json.h"

#include "mgmt/value.h"

#define NESTING_MAX 8

static struct json_token fault(struct json_reader *r)
{
	r->failed = true;
	return (struct json_token){JSON_FAULT, BYTES_NONE};
}

/* ---- strings ---- */

static bool read_four_digits(const uint8_t **at, const uint8_t *end, uint32_t *ret)
{
	uint8_t octets[2];
	size_t len;
	if (end - *at < 4 || !parse_hex(bytes_of(*at, 4), octets, sizeof octets, &len))
		return false;
	*at += 4;
	*ret = (uint32_t)octets[0] << 8 | octets[1];
	return true;
}

static void write_utf8(struct writer *w, uint32_t character)
{
	if (character < 0x80) {
		write_u8(w, (uint8_t)character);
		return;
	}
	if (character < 0x800) {
		write_u8(w, (uint8_t)(0xc0 | character >> 6));
	} else {
		if (character < 0x10000) {
			write_u8(w, (uint8_t)(0xe0 | character >> 12));
		} else {
			write_u8(w, (uint8_t)(0xf0 | character >> 18));
			write_u8(w, (uint8_t)(0x80 | (character >> 12 & 63)));
		}
		write_u8(w, (uint8_t)(0x80 | (character >> 6 & 63)));
	}
	write_u8(w, (uint8_t)(0x80 | (character & 63)));
}

/* \uXXXX, and the second half of a surrogate pair when the first one asks for it (RFC 8259 section 7). */
static bool unescape_unicode(const uint8_t **at, const uint8_t *end, struct writer *w)
{
	uint32_t high, low;
	if (!read_four_digits(at, end, &high) || (high >= 0xdc00 && high < 0xe000))
		return false;
	if (high >= 0xd800 && high < 0xdc00) {
		if (end - *at < 2 || (*at)[0] != '\\' || (*at)[1] != 'u')
			return false;
		*at += 2;
		if (!read_four_digits(at, end, &low) || low < 0xdc00 || low >= 0xe000)
			return false;
		high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	}
	write_utf8(w, high);
	return true;
}

static bool unescape(const uint8_t **at, const uint8_t *end, struct writer *w)
{
	static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	uint8_t name = *(*at)++;
	if (name == 'u')
		return unescape_unicode(at, end, w);
	for (size_t i = 0; i + 1 < sizeof names; i++)
		if (name == (uint8_t)names[i]) {
			write_u8(w, (uint8_t)meanings[i]);
			return true;
		}
	return false;
}

static struct json_token decode_escapes(struct json_reader *r, struct bytes raw)
{
	const uint8_t *at = raw.data, *end = raw.data + raw.len;
	struct writer w = arena_writer(r->scratch);
	while (at < end) {
		uint8_t c = *at++;
		if (c != '\\')
			write_u8(&w, c);
		else if (!unescape(&at, end, &w))
			return fault(r);
	}
	if (w.failed) {
		r->full = true;
		return fault(r);
	}
	arena_keep(r->scratch, &w);
	return (struct json_token){JSON_STRING, writer_bytes(&w)};
}

/* `at` is behind the opening quote. */
static struct json_token read_string(struct json_reader *r)
{
	const uint8_t *start = r->at;
	bool has_escapes = false;
	while (r->at < r->end && *r->at != '"') {
		if (*r->at < 0x20)
			return fault(r);
		if (*r->at == '\\') {
			has_escapes = true;
			r->at++;
			if (r->at == r->end)
				return fault(r);
		}
		r->at++;
	}
	if (r->at == r->end)
		return fault(r);
	struct bytes raw = bytes_of(start, (size_t)(r->at - start));
	r->at++;
	if (!value_is_utf8(raw))
		return fault(r);
	return has_escapes ? decode_escapes(r, raw) : (struct json_token){JSON_STRING, raw};
}

/* ---- other tokens ---- */

static struct json_token read_number(struct json_reader *r)
{
	const uint8_t *start = r->at;
	double real;
	while (r->at < r->end && *r->at != '\0' && memchr("+-.0123456789eE", *r->at, 15) != NULL)
		r->at++;
	struct bytes text = bytes_of(start, (size_t)(r->at - start));
	return value_parse_double(text, &real) ? (struct json_token){JSON_NUMBER, text} : fault(r);
}

static struct json_token read_literal(struct json_reader *r, const char *word, enum json_kind kind)
{
	struct bytes wanted = bytes_of_text(word);
	struct bytes found = bytes_first(bytes_of(r->at, (size_t)(r->end - r->at)), wanted.len);
	if (!bytes_equal(found, wanted))
		return fault(r);
	r->at += wanted.len;
	return (struct json_token){kind, BYTES_NONE};
}

static struct json_token punctuation(struct json_reader *r, enum json_kind kind)
{
	r->at++;
	return (struct json_token){kind, BYTES_NONE};
}

struct json_token json_next(struct json_reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
	if (r->failed)
		return fault(r);
	if (r->at == r->end)
		return (struct json_token){JSON_END, BYTES_NONE};
	switch (*r->at) {
	case '{':
		return punctuation(r, JSON_OBJECT_BEGIN);
	case '}':
		return punctuation(r, JSON_OBJECT_END);
	case '[':
		return punctuation(r, JSON_ARRAY_BEGIN);
	case ']':
		return punctuation(r, JSON_ARRAY_END);
	case ':':
		return punctuation(r, JSON_COLON);
	case ',':
		return punctuation(r, JSON_COMMA);
	case '"':
		r->at++;
		return read_string(r);
	case 't':
		return read_literal(r, "true", JSON_TRUE);
	case 'f':
		return read_literal(r, "false", JSON_FALSE);
	case 'n':
		return read_literal(r, "null", JSON_NULL);
	default:
		return read_number(r);
	}
}

bool json_expect(struct json_reader *r, enum json_kind kind)
{
	if (json_next(r).kind != kind)
		r->failed = true;
	return !r->failed;
}

/* ---- skipping ---- */

static bool skip_value(struct json_reader *r, const struct json_token *first, unsigned nesting);

static bool skip_members(struct json_reader *r, bool is_object, unsigned nesting)
{
	enum json_kind end = is_object ? JSON_OBJECT_END : JSON_ARRAY_END;
	struct json_token token = json_next(r);
	if (token.kind == end)
		return true;
	for (;;) {
		if (is_object) {
			if (token.kind != JSON_STRING || !json_expect(r, JSON_COLON))
				return false;
			token = json_next(r);
		}
		if (!skip_value(r, &token, nesting))
			return false;
		token = json_next(r);
		if (token.kind == end)
			return true;
		if (token.kind != JSON_COMMA)
			return false;
		token = json_next(r);
	}
}

static bool skip_value(struct json_reader *r, const struct json_token *first, unsigned nesting)
{
	switch (first->kind) {
	case JSON_OBJECT_BEGIN:
	case JSON_ARRAY_BEGIN:
		return nesting > 0 && skip_members(r, first->kind == JSON_OBJECT_BEGIN, nesting - 1);
	case JSON_STRING:
	case JSON_NUMBER:
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		return true;
	case JSON_END:
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
	case JSON_COLON:
	case JSON_COMMA:
	case JSON_FAULT:
		return false;
	}
	return false;
}

bool json_skip(struct json_reader *r, const struct json_token *first)
{
	if (!skip_value(r, first, NESTING_MAX))
		r->failed = true;
	return !r->failed;
}

/* ---- writing ---- */

void json_write_string(struct writer *w, struct bytes text)
{
	static const char names[] = "btn_fr"; /* of the characters 8 to 13; 11 has none */
	write_u8(w, '"');
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '"' || c == '\\') {
			write_u8(w, '\\');
			write_u8(w, c);
		} else if (c >= 8 && c <= 13 && c != 11) {
			write_u8(w, '\\');
			write_u8(w, (uint8_t)names[c - 8]);
		} else if (c < 0x20) {
			write_text(w, "\\u00");
			write_hex(w, bytes_of(&c, 1));
		} else {
			write_u8(w, c);
		}
	}
	write_u8(w, '"');
}
