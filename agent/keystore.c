/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/keystore.h"

/* Whether it is another's turn. */
static bool has_just_failed(const struct keystore_choice *c, enum keystore_slot slot)
{
	return c->has_failed && c->using == slot;
}

static bool is_current_to_use(const struct keystore_choice *c, int64_t wall_s)
{
	bool is_tired = c->failures[KEYSTORE_CURRENT] >= KEYSTORE_CURRENT_FAILURES_MAX;
	return c->has_current && wall_s <= c->current_until && !(is_tired && has_just_failed(c, KEYSTORE_CURRENT));
}

enum keystore_slot keystore_choose(struct keystore_choice *c, int64_t wall_s)
{
	if (c->has_next && !has_just_failed(c, KEYSTORE_NEXT))
		c->using = KEYSTORE_NEXT;
	else if (is_current_to_use(c, wall_s))
		c->using = KEYSTORE_CURRENT;
	else
		c->using = KEYSTORE_FACTORY;
	return c->using;
}

enum keystore_change keystore_succeeded(struct keystore_choice *c)
{
	bool is_next_bad = c->has_next && c->failures[KEYSTORE_NEXT] >= KEYSTORE_NEXT_FAILURES_MAX;
	c->has_failed = false;
	c->failures[c->using] = 0;
	if (c->using != KEYSTORE_NEXT) {
		c->has_next = c->has_next && !is_next_bad;
		return is_next_bad ? KEYSTORE_DISCARD : KEYSTORE_SAME;
	}
	c->has_next = false;
	c->has_current = true;
	c->failures[KEYSTORE_CURRENT] = 0;
	c->using = KEYSTORE_CURRENT;
	return KEYSTORE_PROMOTE;
}

void keystore_failed(struct keystore_choice *c)
{
	c->has_failed = true;
	if (c->failures[c->using] < UINT8_MAX)
		c->failures[c->using]++;
}

void keystore_added(struct keystore_choice *c)
{
	c->has_next = true;
	c->failures[KEYSTORE_NEXT] = 0;
}
