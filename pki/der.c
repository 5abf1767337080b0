/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/der.h"

/* ---- reading ---- */

static size_t read_length(struct reader *r)
{
	uint8_t first = read_u8(r);
	if (first < 0x80)
		return first;
	if (first == 0x80 || first > 0x83)
		r->failed = true;
	size_t len = 0;
	for (uint8_t left = first & 0x7f; left > 0 && !r->failed; left--)
		len = len << 8 | read_u8(r);
	return len;
}

struct bytes der_read(struct reader *r, uint8_t tag)
{
	if (read_u8(r) != tag)
		r->failed = true;
	size_t len = read_length(r);
	return r->failed ? BYTES_NONE : read_bytes(r, len);
}

struct bytes der_read_whole(struct reader *r, uint8_t tag)
{
	const uint8_t *start = r->at;
	(void)der_read(r, tag);
	return r->failed ? BYTES_NONE : bytes_of(start, (size_t)(r->at - start));
}

void der_expect(struct reader *r, struct bytes bytes)
{
	if (!bytes_equal(read_bytes(r, bytes.len), bytes))
		r->failed = true;
}

/* ---- times ---- */

static int take_digits(struct reader *r, unsigned count)
{
	int value = 0;
	while (count-- > 0) {
		uint8_t c = read_u8(r);
		if (c < '0' || c > '9')
			r->failed = true;
		value = value * 10 + (c - '0');
	}
	return r->failed ? 0 : value;
}

/* Days since 1970 of a day in the Gregorian calendar; years count from March, so that a leap day is their last. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

int64_t der_read_time(struct reader *r)
{
	bool is_utc = der_tag(r) == DER_UTC_TIME;
	struct reader text = reader_of(der_read(r, is_utc ? DER_UTC_TIME : DER_GENERALIZED_TIME));
	int year = take_digits(&text, is_utc ? 2 : 4);
	if (is_utc)
		year += year < 50 ? 2000 : 1900;
	int month = take_digits(&text, 2), day = take_digits(&text, 2);
	int hour = take_digits(&text, 2), minute = take_digits(&text, 2), second = take_digits(&text, 2);
	if (read_u8(&text) != 'Z' || text.failed || reader_left(&text) > 0 || month < 1 || month > 12 || day < 1 ||
		day > 31 || hour > 23 || minute > 59 || second > 60) {
		r->failed = true;
		return 0;
	}
	return days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

/* ---- writing ---- */

size_t der_header_bytes(size_t len)
{
	return len < 0x80 ? 2 : len < 0x100 ? 3 : 4;
}

void der_write_header(struct writer *w, uint8_t tag, size_t len)
{
	write_u8(w, tag);
	if (len >= 0x100)
		write_u8(w, 0x82), write_u16(w, (uint16_t)len);
	else if (len >= 0x80)
		write_u8(w, 0x81), write_u8(w, (uint8_t)len);
	else
		write_u8(w, (uint8_t)len);
}
