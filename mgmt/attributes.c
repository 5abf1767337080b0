/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/attributes.h"

#include <math.h>

enum attribute_kind { KIND_COUNT, KIND_NUMBER };

static const struct {
	const char *name;
	uint16_t bit;
	enum attribute_kind kind;
	size_t offset;
	uint32_t highest; /* of a count */
} table[] = {
	{"pmin", ATTRIBUTES_PMIN, KIND_COUNT, offsetof(struct attributes, pmin_s), ATTRIBUTES_PERIOD_MAX_S},
	{"pmax", ATTRIBUTES_PMAX, KIND_COUNT, offsetof(struct attributes, pmax_s), ATTRIBUTES_PERIOD_MAX_S},
	{"gt", ATTRIBUTES_GT, KIND_NUMBER, offsetof(struct attributes, gt), 0},
	{"lt", ATTRIBUTES_LT, KIND_NUMBER, offsetof(struct attributes, lt), 0},
	{"st", ATTRIBUTES_ST, KIND_NUMBER, offsetof(struct attributes, st), 0},
	{"epmin", ATTRIBUTES_EPMIN, KIND_COUNT, offsetof(struct attributes, epmin_s), ATTRIBUTES_PERIOD_MAX_S},
	{"epmax", ATTRIBUTES_EPMAX, KIND_COUNT, offsetof(struct attributes, epmax_s), ATTRIBUTES_PERIOD_MAX_S},
	{"edge", ATTRIBUTES_EDGE, KIND_COUNT, offsetof(struct attributes, edge), 1},
	{"con", ATTRIBUTES_CON, KIND_COUNT, offsetof(struct attributes, con), 1},
	{"hqmax", ATTRIBUTES_HQMAX, KIND_COUNT, offsetof(struct attributes, hqmax), ATTRIBUTES_HQMAX_MAX},
};

#define TABLE_COUNT (sizeof table / sizeof table[0])

static uint32_t *count_at(struct attributes *a, size_t offset)
{
	return (uint32_t *)(void *)((uint8_t *)a + offset);
}

static double *number_at(struct attributes *a, size_t offset)
{
	return (double *)(void *)((uint8_t *)a + offset);
}

static void copy_field(struct attributes *to, const struct attributes *from, size_t i)
{
	size_t len = table[i].kind == KIND_COUNT ? sizeof(uint32_t) : sizeof(double);
	memcpy((uint8_t *)to + table[i].offset, (const uint8_t *)from + table[i].offset, len);
	to->set |= table[i].bit;
}

static void clear_field(struct attributes *a, size_t i)
{
	if (table[i].kind == KIND_COUNT)
		*count_at(a, table[i].offset) = 0;
	else
		*number_at(a, table[i].offset) = 0;
	a->set &= (uint16_t)~table[i].bit;
}

/* ---- writing them ---- */

/* 1*DIGIT ["." 1*DIGIT]; gt and lt may be negative, which temperatures need. */
static bool read_number(struct bytes text, bool may_be_negative, double *ret)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == 'e' || text.data[i] == 'E')
			return false;
	return value_parse_double(text, ret) && (may_be_negative || !signbit(*ret));
}

static bool read_field(struct attributes *a, size_t i, struct bytes text)
{
	uint64_t count;
	a->set |= table[i].bit;
	if (table[i].kind == KIND_NUMBER)
		return read_number(text, table[i].bit != ATTRIBUTES_ST, number_at(a, table[i].offset));
	if (!parse_decimal(text, table[i].highest, &count))
		return false;
	*count_at(a, table[i].offset) = (uint32_t)count;
	return true;
}

bool attributes_read(struct attributes_change *change, struct bytes query)
{
	const uint8_t *equals = query.len == 0 ? NULL : memchr(query.data, '=', query.len);
	size_t name_len = equals == NULL ? query.len : (size_t)(equals - query.data);
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (!bytes_equal_text(bytes_first(query, name_len), table[i].name))
			continue;
		if (((change->values.set | change->unset) & table[i].bit) != 0)
			return false;
		if (equals != NULL)
			return read_field(&change->values, i, bytes_from(query, name_len + 1));
		change->unset |= table[i].bit;
		return true;
	}
	return false;
}

bool attributes_check(const struct attributes_change *change, uint8_t depth, enum value_type type)
{
	const struct attributes *v = &change->values;
	uint16_t named = v->set | change->unset;
	bool has_gt = (v->set & ATTRIBUTES_GT) != 0, has_lt = (v->set & ATTRIBUTES_LT) != 0;
	bool has_st = (v->set & ATTRIBUTES_ST) != 0;
	if (named == 0 || depth == 0)
		return false;
	if ((named & ATTRIBUTES_LIMITS) != 0 && (depth < 3 || !value_is_numeric(type)))
		return false;
	if ((named & ATTRIBUTES_EDGE) != 0 && (depth < 3 || type != VALUE_BOOLEAN))
		return false;
	if (has_st && !(v->st > 0))
		return false;
	if (has_gt && has_lt && !(v->lt + (has_st ? 2 * v->st : 0) < v->gt))
		return false;
	bool has_both = (v->set & ATTRIBUTES_EPMIN) != 0 && (v->set & ATTRIBUTES_EPMAX) != 0;
	return !has_both || v->epmin_s < v->epmax_s;
}

void attributes_apply(struct attributes *a, const struct attributes_change *change)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if ((change->unset & table[i].bit) != 0)
			clear_field(a, i);
		else if ((change->values.set & table[i].bit) != 0)
			copy_field(a, &change->values, i);
	}
}

void attributes_inherit(struct attributes *nearer, const struct attributes *farther)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if ((nearer->set & table[i].bit) == 0 && (farther->set & table[i].bit) != 0)
			copy_field(nearer, farther, i);
}

/* ---- deciding ---- */

static bool is_crossed(double threshold, double last, double current)
{
	return (last <= threshold && current > threshold) || (last >= threshold && current < threshold);
}

bool attributes_is_hit(const struct attributes *a, const struct value *last, const struct value *current)
{
	double before, after;
	if (value_equal(last, current))
		return false;
	if ((a->set & ATTRIBUTES_EDGE) != 0 && last->type == VALUE_BOOLEAN && current->type == VALUE_BOOLEAN)
		return current->boolean == (a->edge == 1);
	bool is_limited = (a->set & ATTRIBUTES_LIMITS) != 0;
	if (!is_limited || !value_number(last, &before) || !value_number(current, &after))
		return true;
	/* What is not a number lies on no side of a threshold; that it came or went is worth telling. */
	if (isnan(before) || isnan(after))
		return true;
	return ((a->set & ATTRIBUTES_ST) != 0 && fabs(after - before) >= a->st) ||
	       ((a->set & ATTRIBUTES_GT) != 0 && is_crossed(a->gt, before, after)) ||
	       ((a->set & ATTRIBUTES_LT) != 0 && is_crossed(a->lt, before, after));
}

/* A pmax below pmin is ignored, and 0 is none. */
static bool has_pmax(const struct attributes *a)
{
	return (a->set & ATTRIBUTES_PMAX) != 0 && a->pmax_s > 0 && a->pmax_s >= a->pmin_s;
}

enum attributes_decision attributes_decide(
	const struct attributes *a, bool is_hit, msec last_sent, msec now, msec *ret_again)
{
	msec earliest = msec_after(last_sent, SECONDS(a->pmin_s));
	msec latest = has_pmax(a) ? msec_after(last_sent, SECONDS(a->pmax_s)) : NEVER;
	if (now >= latest || (is_hit && now >= earliest))
		return ATTRIBUTES_SEND;
	*ret_again = is_hit ? msec_earlier(earliest, latest) : latest;
	return ATTRIBUTES_WAIT;
}

msec attributes_next_look(const struct attributes *a, msec last_look, msec usual)
{
	msec period = usual;
	if ((a->set & ATTRIBUTES_EPMAX) != 0 && a->epmax_s > 0)
		period = msec_earlier(period, SECONDS(a->epmax_s));
	if ((a->set & ATTRIBUTES_EPMIN) != 0 && period < SECONDS(a->epmin_s))
		period = SECONDS(a->epmin_s);
	return msec_after(last_look, period);
}

void attributes_write(struct writer *w, const struct attributes *a)
{
	struct attributes copy = *a;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if ((a->set & table[i].bit) == 0)
			continue;
		write_u8(w, ';');
		write_text(w, table[i].name);
		write_u8(w, '=');
		if (table[i].kind == KIND_COUNT)
			write_decimal(w, *count_at(&copy, table[i].offset));
		else
			value_write_double(w, *number_at(&copy, table[i].offset));
	}
}
