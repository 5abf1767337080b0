/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/report.h"

#include <assert.h>

#define AGAIN_MS SECONDS(5)

void report_init(struct report *r, struct report_attributes *attributes, uint16_t attributes_max,
	struct report_observation *observations, uint16_t observations_max, msec usual)
{
	memset(attributes, 0, attributes_max * sizeof *attributes);
	memset(observations, 0, observations_max * sizeof *observations);
	*r = (struct report){
		.attributes = attributes,
		.observations = observations,
		.attributes_max = attributes_max,
		.observations_max = observations_max,
		.usual = usual,
	};
}

void report_set_steady(struct report *r, const uint16_t *objects, size_t count)
{
	r->steady = objects;
	r->steady_count = count;
}

/* ---- attributes ---- */

static struct report_attributes *find_attributes(const struct report *r, struct path path)
{
	for (uint16_t i = 0; i < r->attributes_max; i++)
		if (r->attributes[i].values.set != 0 && path_equal(r->attributes[i].path, path))
			return &r->attributes[i];
	return NULL;
}

static struct report_attributes *free_attributes(const struct report *r)
{
	for (uint16_t i = 0; i < r->attributes_max; i++)
		if (r->attributes[i].values.set == 0)
			return &r->attributes[i];
	return NULL;
}

static bool touches(struct path a, struct path b)
{
	return path_is_within(a, b) || path_is_within(b, a);
}

static bool is_touched(const struct report_observation *o, struct path path)
{
	for (uint8_t i = 0; i < o->name_count; i++)
		if (touches(o->names[i], path))
			return true;
	return false;
}

bool report_write_attributes(struct report *r, struct path path, const struct attributes_change *change, msec now)
{
	struct report_attributes *at = find_attributes(r, path);
	if (at == NULL)
		at = free_attributes(r);
	if (at == NULL)
		return false;
	if (at->values.set == 0)
		*at = (struct report_attributes){.path = path};
	attributes_apply(&at->values, change);
	report_touch(r, path, now);
	return true;
}

void report_forget_attributes(struct report *r, struct path path)
{
	for (uint16_t i = 0; i < r->attributes_max; i++)
		if (r->attributes[i].values.set != 0 && path_is_within(r->attributes[i].path, path))
			r->attributes[i] = (struct report_attributes){.path = PATH_ROOT};
}

struct attributes report_attributes_at(const struct report *r, struct path path)
{
	const struct report_attributes *at = find_attributes(r, path);
	struct attributes none = {.set = 0};
	return at == NULL ? none : at->values;
}

struct attributes report_attributes_effective(const struct report *r, struct path path)
{
	struct attributes effective = report_attributes_at(r, path);
	for (uint8_t depth = path.depth; depth-- > 1;) {
		struct attributes above = report_attributes_at(r, path_cut(path, depth));
		attributes_inherit(&effective, &above);
	}
	attributes_inherit(&effective, &r->defaults);
	return effective;
}

void report_set_defaults(struct report *r, uint32_t pmin_s, uint32_t pmax_s, msec now)
{
	unsigned set = (pmin_s > 0 ? ATTRIBUTES_PMIN : 0) | (pmax_s > 0 ? ATTRIBUTES_PMAX : 0);
	r->defaults = (struct attributes){.set = (uint8_t)set, .pmin_s = pmin_s, .pmax_s = pmax_s};
	report_touch(r, PATH_ROOT, now);
}

/* ---- observations ---- */

static bool is_taken(const struct report_observation *o)
{
	return !handle_is_none(o->observer);
}

static struct report_observation *find_observation(const struct report *r, struct handle observer)
{
	for (uint16_t i = 0; i < r->observations_max; i++)
		if (is_taken(&r->observations[i]) && handle_equal(r->observations[i].observer, observer))
			return &r->observations[i];
	return NULL;
}

static struct report_observation *free_observation(const struct report *r)
{
	for (uint16_t i = 0; i < r->observations_max; i++)
		if (!is_taken(&r->observations[i]))
			return &r->observations[i];
	return NULL;
}

static struct attributes attributes_of(const struct report *r, const struct report_observation *o)
{
	struct attributes a = o->own, around = report_attributes_effective(r, o->path);
	attributes_inherit(&a, &around);
	return a;
}

static bool is_steady(const struct report *r, struct path path)
{
	for (size_t i = 0; i < r->steady_count; i++)
		if (path.depth > 0 && path.ids[0] == r->steady[i])
			return true;
	return false;
}

static bool needs_sampling(const struct report *r, const struct report_observation *o)
{
	for (uint8_t i = 0; i < o->name_count; i++)
		if (!is_steady(r, o->names[i]))
			return true;
	return false;
}

/* The next moment to look: when it may have to be told (pmin ends, pmax ends), and when sampling could show a change
 * that may be told. */
static void schedule(struct report *r, struct report_observation *o, msec now)
{
	struct attributes a = attributes_of(r, o);
	msec again = NEVER;
	if (attributes_decide(&a, o->is_hit, o->last_sent, now, &again) == ATTRIBUTES_SEND) {
		o->next = now;
		return;
	}
	msec pmin_ends = o->last_sent + SECONDS(a.pmin_s);
	msec sample = needs_sampling(r, o) ? attributes_next_look(&a, o->last_look, r->usual) : NEVER;
	if (sample < pmin_ends)
		sample = pmin_ends;
	o->next = o->is_hit ? again : msec_earlier(again, sample);
}

static bool add(struct report *r, struct handle observer, struct path path, const struct path *names, size_t count,
	const struct attributes *own, const struct report_value *value, msec now)
{
	struct report_observation *o = find_observation(r, observer);
	if (o == NULL)
		o = free_observation(r);
	if (o == NULL)
		return false;
	*o = (struct report_observation){.observer = observer,
		.path = path,
		.name_count = (uint8_t)count,
		.own = *own,
		.last = *value,
		.last_sent = now,
		.last_look = now};
	memcpy(o->names, names, count * sizeof *names);
	schedule(r, o, now);
	return true;
}

bool report_add(struct report *r, struct handle observer, struct path path, const struct attributes *own,
	const struct report_value *value, msec now)
{
	return add(r, observer, path, &path, 1, own, value, now);
}

bool report_add_composite(struct report *r, struct handle observer, const struct path *names, size_t count,
	const struct attributes *own, const struct report_value *value, msec now)
{
	return count <= REPORT_NAMES_MAX && add(r, observer, PATH_ROOT, names, count, own, value, now);
}

void report_remove(struct report *r, struct handle observer)
{
	struct report_observation *o = find_observation(r, observer);
	if (o != NULL)
		memset(o, 0, sizeof *o);
}

bool report_has(const struct report *r, struct handle observer)
{
	return find_observation(r, observer) != NULL;
}

void report_clear(struct report *r)
{
	memset(r->observations, 0, r->observations_max * sizeof *r->observations);
}

void report_sent(struct report *r, struct handle observer, const struct report_value *value, msec now)
{
	struct report_observation *o = find_observation(r, observer);
	if (o == NULL)
		return;
	o->last = *value;
	o->last_sent = now;
	o->last_look = now;
	o->is_hit = false;
	schedule(r, o, now);
}

void report_touch(struct report *r, struct path path, msec now)
{
	for (uint16_t i = 0; i < r->observations_max; i++)
		if (is_taken(&r->observations[i]) && is_touched(&r->observations[i], path))
			r->observations[i].next = now;
}

/* One part of a composite that is to be confirmed makes the whole confirmable (interface section 6.2). */
bool report_confirms(const struct report *r, uint16_t i, bool usual)
{
	const struct report_observation *o = &r->observations[i];
	bool is_said = (o->own.set & ATTRIBUTES_CON) != 0;
	bool is_wanted = is_said && o->own.con != 0;
	for (uint8_t n = 0; n < o->name_count && !is_said; n++) {
		struct attributes a = report_attributes_effective(r, o->names[n]);
		is_wanted = is_wanted || ((a.set & ATTRIBUTES_CON) != 0 && a.con != 0);
		usual = usual && ((a.set & ATTRIBUTES_CON) == 0 || a.con != 0);
	}
	return is_said ? is_wanted : is_wanted || usual;
}

msec report_deadline(const struct report *r)
{
	msec earliest = NEVER;
	for (uint16_t i = 0; i < r->observations_max; i++)
		if (is_taken(&r->observations[i]))
			earliest = msec_earlier(earliest, r->observations[i].next);
	return earliest;
}

bool report_due(const struct report *r, msec now, uint16_t *ret)
{
	for (uint16_t i = 0; i < r->observations_max; i++) {
		if (is_taken(&r->observations[i]) && r->observations[i].next <= now) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool is_worth_telling(
	const struct attributes *a, const struct report_value *last, const struct report_value *current)
{
	bool is_number = current->number.type != VALUE_NONE && last->number.type == current->number.type;
	if (is_number)
		return attributes_is_hit(a, &last->number, &current->number);
	return last->hash != current->hash;
}

bool report_look(struct report *r, uint16_t i, const struct report_value *value, msec now)
{
	struct report_observation *o = &r->observations[i];
	assert(i < r->observations_max && is_taken(o));
	struct attributes a = attributes_of(r, o);
	o->last_look = now;
	o->is_hit = o->is_hit || is_worth_telling(&a, &o->last, value);
	msec again;
	if (attributes_decide(&a, o->is_hit, o->last_sent, now, &again) == ATTRIBUTES_WAIT) {
		schedule(r, o, now);
		return false;
	}
	/* Until report_sent says what went out, nothing more is due than another look. */
	o->next = msec_after(now, AGAIN_MS);
	return true;
}
