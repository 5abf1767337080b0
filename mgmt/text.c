/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/text.h"

/* ---- base64 (RFC 4648 sections 4 and 5) ---- */

static const char base64_tail[2][3] = {"+/", "-_"};

static int base64_digit(uint8_t c, enum text_base64 alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (uint8_t)base64_tail[alphabet][0])
		return 62;
	return c == (uint8_t)base64_tail[alphabet][1] ? 63 : -1;
}

static uint8_t base64_character(uint32_t digit, enum text_base64 alphabet)
{
	static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	return (uint8_t)(digit < 62 ? common[digit] : base64_tail[alphabet][digit - 62]);
}

static bool strip_padding(struct bytes *text)
{
	if (text->len % 4 != 0)
		return false;
	for (int i = 0; i < 2 && text->len > 0 && text->data[text->len - 1] == '='; i++)
		text->len--;
	return true;
}

enum text_verdict text_decode_base64(
	struct bytes text, enum text_base64 alphabet, struct arena *scratch, struct bytes *ret)
{
	if ((alphabet == TEXT_BASE64_PADDED && !strip_padding(&text)) || text.len % 4 == 1)
		return TEXT_BAD;
	size_t len = text.len / 4 * 3 + (text.len % 4 == 0 ? 0 : text.len % 4 - 1);
	uint8_t *out = arena_take(scratch, len);
	if (out == NULL)
		return TEXT_FULL;
	uint32_t bits = 0;
	size_t written = 0;
	for (size_t i = 0; i < text.len; i++) {
		int digit = base64_digit(text.data[i], alphabet);
		if (digit < 0)
			return TEXT_BAD;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 != 0)
			out[written++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	/* Bits behind the last octet must be zero (RFC 4648 section 3.5), so that each value has one text. */
	uint32_t unused = text.len % 4 == 2 ? 0xf : text.len % 4 == 3 ? 0x3 : 0;
	if ((bits & unused) != 0)
		return TEXT_BAD;
	*ret = bytes_of(out, len);
	return TEXT_GOOD;
}

void text_encode_base64(struct writer *w, enum text_base64 alphabet, struct bytes data)
{
	for (size_t i = 0; i < data.len; i += 3) {
		size_t n = data.len - i < 3 ? data.len - i : 3;
		uint32_t bits = (uint32_t)data.data[i] << 16;
		if (n > 1)
			bits |= (uint32_t)data.data[i + 1] << 8;
		if (n > 2)
			bits |= data.data[i + 2];
		for (size_t k = 0; k < 4; k++)
			if (k <= n)
				write_u8(w, base64_character(bits >> (18 - 6 * k) & 63, alphabet));
			else if (alphabet == TEXT_BASE64_PADDED)
				write_u8(w, '=');
	}
}

/* ---- values ---- */

static bool decode_integer(struct bytes text, int64_t *ret)
{
	bool is_negative = text.len > 0 && text.data[0] == '-';
	uint64_t number;
	if (!parse_decimal(bytes_from(text, is_negative), (uint64_t)INT64_MAX + is_negative, &number))
		return false;
	*ret = is_negative ? (int64_t)(0 - number) : (int64_t)number;
	return true;
}

static bool decode_scalar(struct bytes text, struct value *value)
{
	switch (value->type) {
	case VALUE_INTEGER:
	case VALUE_TIME:
		return decode_integer(text, &value->integer);
	case VALUE_UNSIGNED:
		return parse_decimal(text, UINT64_MAX, &value->natural);
	case VALUE_FLOAT:
		return value_parse_double(text, &value->real);
	case VALUE_BOOLEAN:
		value->boolean = bytes_equal_text(text, "1");
		return value->boolean || bytes_equal_text(text, "0");
	case VALUE_OBJLNK:
		return value_parse_objlnk(text, &value->objlnk);
	case VALUE_STRING:
	case VALUE_CORELNK:
		value->bytes = text;
		return value_is_utf8(text);
	case VALUE_NONE:
	case VALUE_OPAQUE:
		return false;
	}
	return false;
}

enum text_verdict text_decode(struct bytes text, enum value_type type, struct arena *scratch, struct value *ret)
{
	struct value value = {.type = type};
	if (type == VALUE_OPAQUE) {
		enum text_verdict verdict = text_decode_base64(text, TEXT_BASE64_PADDED, scratch, &value.bytes);
		if (verdict != TEXT_GOOD)
			return verdict;
	} else if (!decode_scalar(text, &value)) {
		return TEXT_BAD;
	}
	*ret = value;
	return TEXT_GOOD;
}

bool text_decode_number(struct bytes text, struct value *ret)
{
	*ret = value_integer(0);
	if (decode_integer(text, &ret->integer))
		return true;
	*ret = value_unsigned(0);
	if (parse_decimal(text, UINT64_MAX, &ret->natural))
		return true;
	*ret = value_float(0);
	return value_parse_double(text, &ret->real);
}

void text_encode(struct writer *w, const struct value *value)
{
	switch (value->type) {
	case VALUE_NONE:
		break;
	case VALUE_STRING:
	case VALUE_CORELNK:
		write_bytes(w, value->bytes);
		break;
	case VALUE_OPAQUE:
		text_encode_base64(w, TEXT_BASE64_PADDED, value->bytes);
		break;
	case VALUE_INTEGER:
	case VALUE_TIME:
		write_decimal_signed(w, value->integer);
		break;
	case VALUE_UNSIGNED:
		write_decimal(w, value->natural);
		break;
	case VALUE_FLOAT:
		value_write_double(w, value->real);
		break;
	case VALUE_BOOLEAN:
		write_u8(w, value->boolean ? '1' : '0');
		break;
	case VALUE_OBJLNK:
		value_write_objlnk(w, value->objlnk);
		break;
	}
}
