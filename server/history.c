/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/history.h"

#define RELATIVE_BELOW  268435456.0 /* 2^28, RFC 8428 section 4.5.3 */
#define FUTURE_ALLOWED  SECONDS(60) /* for clocks that are a little ahead */
#define PAST_ALLOWED    SECONDS(366 * 86400)
#define SECONDS_HIGHEST 1e11

/* Neither infinite nor no number at all. */
static bool is_finite(double x)
{
	return x - x == 0;
}

wall_msec history_moment(const struct record *record, wall_msec now)
{
	double seconds = record->time_s;
	if (!record->has_time || !is_finite(seconds) || seconds > SECONDS_HIGHEST || seconds < -SECONDS_HIGHEST)
		return now;
	return (wall_msec)(seconds * 1000) + (seconds < RELATIVE_BELOW ? now : 0);
}

wall_msec history_shift(wall_msec newest, wall_msec now)
{
	return newest > now + FUTURE_ALLOWED || newest < now - PAST_ALLOWED ? now - newest : 0;
}

static bool take_value(const struct value *value, struct history_sample *ret)
{
	switch (value->type) {
	case VALUE_INTEGER:
	case VALUE_TIME:
		ret->number = (double)value->integer;
		return true;
	case VALUE_UNSIGNED:
		ret->number = (double)value->natural;
		return true;
	case VALUE_FLOAT:
		ret->number = value->real;
		return is_finite(value->real);
	case VALUE_BOOLEAN:
		ret->number = value->boolean;
		return true;
	case VALUE_STRING:
		ret->is_text = true;
		ret->text = value->bytes;
		return value->bytes.len <= HISTORY_TEXT_MAX;
	case VALUE_NONE:
	case VALUE_OPAQUE:
	case VALUE_OBJLNK:
	case VALUE_CORELNK:
		break;
	}
	return false;
}

bool history_sample_of(
	const struct record *record, const char *device, wall_msec now, wall_msec shift, struct history_sample *ret)
{
	*ret = (struct history_sample){
		.device = device, .path = record->path, .at = history_moment(record, now) + shift};
	return record->path.depth >= 3 && take_value(&record->value, ret);
}
