/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/cbor_value.h"

#define TAG_DATE  0
#define TAG_EPOCH 1

/* ---- dates ---- */

static unsigned read_digits(struct reader *r, size_t count)
{
	uint64_t number = 0;
	if (!parse_decimal(read_bytes(r, 1), 9, &number))
		r->failed = true;
	for (size_t i = 1; i < count; i++) {
		uint64_t digit = 0;
		if (!parse_decimal(read_bytes(r, 1), 9, &digit))
			r->failed = true;
		number = number * 10 + digit;
	}
	return (unsigned)number;
}

static void expect(struct reader *r, char upper)
{
	uint8_t c = read_u8(r);
	if (c != (uint8_t)upper && !(upper == 'T' && c == 't'))
		r->failed = true;
}

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01; the years before are counted from year 0 of the proleptic Gregorian calendar. */
static bool days_of(unsigned year, unsigned month, unsigned day, int64_t *ret)
{
	static const uint16_t before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	static const uint8_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1] + (unsigned)(month == 2 && is_leap(year)))
		return false;
	int64_t leaps = year == 0 ? 0 : (int64_t)((year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1);
	int64_t days = (int64_t)year * 365 + leaps + before[month - 1] + (month > 2 && is_leap(year)) + day - 1;
	*ret = days - 719528;
	return true;
}

static int64_t read_offset_s(struct reader *r)
{
	uint8_t sign = read_u8(r);
	if (sign == 'Z' || sign == 'z')
		return 0;
	unsigned hours = read_digits(r, 2);
	expect(r, ':');
	unsigned minutes = read_digits(r, 2);
	if ((sign != '+' && sign != '-') || hours > 23 || minutes > 59)
		r->failed = true;
	int64_t offset_s = (int64_t)(hours * 3600 + minutes * 60);
	return sign == '-' ? -offset_s : offset_s;
}

static void skip_fraction(struct reader *r)
{
	if (reader_left(r) == 0 || *r->at != '.')
		return;
	(void)read_u8(r);
	(void)read_digits(r, 1);
	while (reader_left(r) > 0 && *r->at >= '0' && *r->at <= '9')
		(void)read_u8(r);
}

bool cbor_value_parse_date(struct bytes text, int64_t *ret_unix_time_s)
{
	struct reader r = reader_of(text);
	int64_t days = 0;
	unsigned year = read_digits(&r, 4);
	expect(&r, '-');
	unsigned month = read_digits(&r, 2);
	expect(&r, '-');
	unsigned day = read_digits(&r, 2);
	expect(&r, 'T');
	unsigned hour = read_digits(&r, 2);
	expect(&r, ':');
	unsigned minute = read_digits(&r, 2);
	expect(&r, ':');
	unsigned second = read_digits(&r, 2);
	skip_fraction(&r);
	int64_t offset_s = read_offset_s(&r);
	/* A leap second has the number 60. */
	if (r.failed || reader_left(&r) > 0 || hour > 23 || minute > 59 || second > 60 ||
		!days_of(year, month, day, &days))
		return false;
	*ret_unix_time_s = days * 86400 + (int64_t)(hour * 3600 + minute * 60 + second) - offset_s;
	return true;
}

/* ---- reading ---- */

static bool read_integer(const struct cbor_item *item, struct value *ret)
{
	if (item->kind == CBOR_UNSIGNED) {
		*ret = item->number <= INT64_MAX ? value_integer((int64_t)item->number) : value_unsigned(item->number);
		return true;
	}
	*ret = value_integer(item->number <= INT64_MAX ? -1 - (int64_t)item->number : 0);
	return item->number <= INT64_MAX;
}

static bool read_tagged(struct cbor_reader *r, uint64_t tag, struct arena *scratch, struct value *ret, bool *ret_full)
{
	struct cbor_item item;
	struct value inner;
	if ((tag != TAG_DATE && tag != TAG_EPOCH) || !cbor_next(r, &item) || item.kind == CBOR_TAG ||
		!cbor_value_read(r, &item, scratch, &inner, ret_full))
		return false;
	if (tag == TAG_EPOCH)
		return value_convert(&inner, VALUE_TIME, ret);
	ret->type = VALUE_TIME;
	return inner.type == VALUE_STRING && cbor_value_parse_date(inner.bytes, &ret->integer);
}

bool cbor_value_read(
	struct cbor_reader *r, const struct cbor_item *item, struct arena *scratch, struct value *ret, bool *ret_full)
{
	switch (item->kind) {
	case CBOR_UNSIGNED:
	case CBOR_NEGATIVE:
		return read_integer(item, ret);
	case CBOR_FLOAT:
		*ret = value_float(item->real);
		return true;
	case CBOR_BOOLEAN:
		*ret = value_boolean(item->boolean);
		return true;
	case CBOR_BYTES:
	case CBOR_TEXT:
		ret->type = item->kind == CBOR_BYTES ? VALUE_OPAQUE : VALUE_STRING;
		return cbor_string(r, item, scratch, &ret->bytes, ret_full);
	case CBOR_TAG:
		return read_tagged(r, item->number, scratch, ret, ret_full);
	case CBOR_NULL:
		*ret = value_none();
		return true;
	case CBOR_ARRAY:
	case CBOR_MAP:
	case CBOR_UNDEFINED:
	case CBOR_BREAK:
		return false;
	}
	return false;
}

/* ---- writing ---- */

void cbor_value_write(struct writer *w, const struct value *value)
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
