/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/gpsd.h"

#include "mgmt/json.h"
#include "mgmt/value.h"

#define MODE_2D 2 /* of TPV's "mode": 0 and 1 are no fix, 3 is one with an altitude */

struct report {
	bool is_tpv, has_latitude, has_longitude, has_altitude, has_radius;
	double mode, latitude, longitude, altitude_m, radius_m;
	int64_t moment;
};

/* ---- moments ---- */

static bool take_digits(struct bytes *text, unsigned digits, char end, int64_t *ret)
{
	uint64_t number;
	if (text->len < digits + 1 || text->data[digits] != (uint8_t)end ||
		!parse_decimal(bytes_first(*text, digits), 9999, &number))
		return false;
	*ret = (int64_t)number;
	*text = bytes_from(*text, digits + 1);
	return true;
}

/* Days since 1970, by the count of the Gregorian calendar in which a year begins in March. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t gpsd_moment(struct bytes text)
{
	int64_t year, month, day, hour, minute, second;
	struct bytes left = text;
	bool is_date = take_digits(&left, 4, '-', &year) && take_digits(&left, 2, '-', &month) &&
		       take_digits(&left, 2, 'T', &day);
	bool is_time = is_date && take_digits(&left, 2, ':', &hour) && take_digits(&left, 2, ':', &minute) &&
		       (take_digits(&left, 2, '.', &second) || take_digits(&left, 2, 'Z', &second));
	if (!is_time || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
		second > 60)
		return 0;
	return days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

/* ---- reports ---- */

static bool take_number(struct report *p, struct bytes name, double number)
{
	if (bytes_equal_text(name, "mode")) {
		p->mode = number;
	} else if (bytes_equal_text(name, "lat")) {
		p->has_latitude = true;
		p->latitude = number;
	} else if (bytes_equal_text(name, "lon")) {
		p->has_longitude = true;
		p->longitude = number;
	} else if (bytes_equal_text(name, "altMSL") || (bytes_equal_text(name, "alt") && !p->has_altitude)) {
		p->has_altitude = true;
		p->altitude_m = number;
	} else if (bytes_equal_text(name, "eph")) {
		p->has_radius = number > 0;
		p->radius_m = number;
	}
	return true;
}

static bool take_member(struct json_reader *r, struct bytes name, struct report *p)
{
	struct json_token value = json_next(r);
	double number;
	if (value.kind == JSON_NUMBER)
		return value_parse_double(value.text, &number) && take_number(p, name, number);
	if (value.kind != JSON_STRING)
		return json_skip(r, &value);
	if (bytes_equal_text(name, "class"))
		p->is_tpv = bytes_equal_text(value.text, "TPV");
	else if (bytes_equal_text(name, "time"))
		p->moment = gpsd_moment(value.text);
	return true;
}

static bool take_object(struct json_reader *r, struct report *p)
{
	if (!json_expect(r, JSON_OBJECT_BEGIN))
		return false;
	for (;;) {
		struct json_token name = json_next(r);
		if (name.kind != JSON_STRING || !json_expect(r, JSON_COLON) || !take_member(r, name.text, p))
			return false;
		struct json_token next = json_next(r);
		if (next.kind == JSON_OBJECT_END)
			return json_next(r).kind == JSON_END;
		if (next.kind != JSON_COMMA)
			return false;
	}
}

static bool is_on_earth(const struct report *p)
{
	return p->latitude >= -90 && p->latitude <= 90 && p->longitude >= -180 && p->longitude <= 180;
}

enum gpsd_report gpsd_read(struct bytes line, struct arena *scratch, struct platform_location *ret)
{
	struct report p = {.is_tpv = false};
	struct json_reader r = json_reader_of(line, scratch);
	if (!take_object(&r, &p))
		return GPSD_NONSENSE;
	if (!p.is_tpv)
		return GPSD_OTHER;
	if (p.mode < MODE_2D || !p.has_latitude || !p.has_longitude)
		return GPSD_NO_FIX;
	if (!is_on_earth(&p))
		return GPSD_NONSENSE;
	*ret = (struct platform_location){.is_known = true,
		.has_altitude = p.has_altitude && p.mode > MODE_2D,
		.has_radius = p.has_radius,
		.latitude = p.latitude,
		.longitude = p.longitude,
		.altitude_m = p.altitude_m,
		.radius_m = p.radius_m,
		.unix_time_s = p.moment};
	return GPSD_FIX;
}
