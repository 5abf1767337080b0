/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/approvals.h"

#include "server/label.h"

void approvals_carve(struct approvals *l, struct carve *c, uint32_t capacity)
{
	struct approval *items = carve_take(c, capacity, sizeof *items);
	*l = (struct approvals){.items = items, .capacity = capacity};
	if (items != NULL)
		memset(items, 0, capacity * sizeof *items);
}

struct approval *approvals_find(const struct approvals *l, struct bytes name)
{
	for (uint32_t i = 0; i < l->capacity && name.len > 0; i++)
		if (bytes_equal_text(name, l->items[i].name))
			return &l->items[i];
	return NULL;
}

/* 0 for a free place, and the more the worse it is to take it; 3 when it must not be taken. */
static unsigned cost_of(const struct approval *a, wall_msec now)
{
	if (a->name[0] == '\0')
		return 0;
	if (a->state == APPROVAL_REJECTED)
		return 1;
	return now - a->asked_at >= APPROVAL_STALE_MS ? 2 : 3;
}

static struct approval *take(struct approvals *l, wall_msec now)
{
	struct approval *best = NULL;
	for (uint32_t i = 0; i < l->capacity; i++) {
		struct approval *a = &l->items[i];
		if (cost_of(a, now) < 3 && (best == NULL || cost_of(a, now) < cost_of(best, now)))
			best = a;
	}
	return best;
}

struct approval *approvals_ask(struct approvals *l, struct bytes name, const uint8_t public_key[PKI_PUBLIC_KEY_BYTES],
	wall_msec now, bool *ret_is_new)
{
	struct approval *a = approvals_find(l, name);
	*ret_is_new = a == NULL;
	bool is_same = a != NULL && memcmp(a->public_key, public_key, sizeof a->public_key) == 0;
	if (a == NULL)
		a = take(l, now);
	if (a == NULL)
		return NULL;
	if (!is_same) {
		*a = (struct approval){.state = APPROVAL_WAITING, .since = now};
		label_cut(a->name, sizeof a->name, name);
		memcpy(a->public_key, public_key, sizeof a->public_key);
	}
	a->asked_at = now;
	return a;
}

void approvals_remove(struct approvals *l, struct bytes name)
{
	struct approval *a = approvals_find(l, name);
	if (a != NULL)
		*a = (struct approval){0};
}

const struct approval *approvals_next(const struct approvals *l, uint32_t *cursor)
{
	while (*cursor < l->capacity) {
		const struct approval *a = &l->items[(*cursor)++];
		if (a->name[0] != '\0')
			return a;
	}
	return NULL;
}
