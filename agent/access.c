/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/access.h"

enum { OBJECT_ID = 0, INSTANCE_ID = 1, ACL = 2, OWNER = 3 };

/* ---- rights ---- */

static struct access_entry *find(const struct access *a, uint16_t object, uint16_t instance)
{
	for (unsigned i = 0; i < ACCESS_ENTRIES_MAX; i++) {
		const struct access_entry *e = &a->entries[i];
		if (e->is_there && e->object == object && e->instance == instance)
			return (struct access_entry *)e;
	}
	return NULL;
}

static struct access_rights *find_rights(struct access_entry *e, uint16_t short_id)
{
	for (uint8_t i = 0; i < e->count; i++)
		if (e->list[i].short_id == short_id)
			return &e->list[i];
	return NULL;
}

/* In this order: its own, the owner's, everybody's. */
bool access_find(const struct access *a, uint16_t object, uint16_t instance, uint16_t short_id, uint8_t *ret_rights)
{
	struct access_entry *e = find(a, object, instance);
	if (e == NULL)
		return false;
	const struct access_rights *own = find_rights(e, short_id), *all = find_rights(e, 0);
	if (own != NULL)
		*ret_rights = own->rights;
	else if (e->owner == short_id)
		*ret_rights = ACCESS_ALL;
	else
		*ret_rights = all == NULL ? 0 : all->rights;
	return true;
}

/* ---- entries ---- */

struct access_entry *access_entry(struct access *a, uint16_t id)
{
	for (unsigned i = 0; i < ACCESS_ENTRIES_MAX; i++)
		if (a->entries[i].is_there && a->entries[i].id == id)
			return &a->entries[i];
	return NULL;
}

static struct access_entry *add(struct access *a, uint16_t id)
{
	for (unsigned i = 0; i < ACCESS_ENTRIES_MAX; i++) {
		if (a->entries[i].is_there)
			continue;
		a->entries[i] = (struct access_entry){.is_there = true, .id = id};
		return &a->entries[i];
	}
	return NULL;
}

void access_own(struct access *a, uint16_t object, uint16_t instance, uint16_t owner)
{
	uint16_t id = 0;
	while (access_entry(a, id) != NULL)
		id++;
	access_forget_instance(a, object, instance);
	struct access_entry *e = add(a, id);
	if (e == NULL)
		return;
	e->object = object;
	e->instance = instance;
	e->owner = owner;
	e->list[e->count++] = (struct access_rights){0, ACCESS_READ};
}

void access_forget_instance(struct access *a, uint16_t object, uint16_t instance)
{
	struct access_entry *e = find(a, object, instance);
	if (e != NULL)
		*e = (struct access_entry){.is_there = false};
}

static void drop_rights(struct access_entry *e, uint16_t short_id)
{
	struct access_rights *gone = find_rights(e, short_id);
	if (gone != NULL)
		*gone = e->list[--e->count];
}

void access_forget_server(struct access *a, uint16_t short_id)
{
	for (unsigned i = 0; i < ACCESS_ENTRIES_MAX; i++) {
		struct access_entry *e = &a->entries[i];
		drop_rights(e, short_id);
		if (e->is_there && e->owner == short_id)
			*e = (struct access_entry){.is_there = false};
	}
}

/* ---- writing ---- */

static bool write_rights(struct access_entry *e, uint16_t short_id, const struct value *value)
{
	struct access_rights *r = find_rights(e, short_id);
	if (value->type == VALUE_NONE) {
		drop_rights(e, short_id);
		return true;
	}
	if (value->integer < 0 || value->integer > ACCESS_ALL)
		return false;
	if (r == NULL && e->count < ACCESS_RIGHTS_MAX)
		r = &e->list[e->count++];
	if (r == NULL)
		return false;
	*r = (struct access_rights){short_id, (uint8_t)value->integer};
	return true;
}

static bool set(uint16_t *to, const struct value *value, int64_t most)
{
	if (value->integer < 0 || value->integer > most)
		return false;
	*to = (uint16_t)value->integer;
	return true;
}

bool access_write(struct access *a, struct path at, const struct value *value)
{
	struct access_entry *e = access_entry(a, at.ids[1]);
	if (e == NULL)
		e = add(a, at.ids[1]);
	if (e == NULL)
		return false;
	switch (at.ids[2]) {
	case OBJECT_ID:
		return set(&e->object, value, PATH_ID_MAX);
	case INSTANCE_ID:
		return set(&e->instance, value, ACCESS_ANY);
	case ACL:
		return at.depth == 4 && write_rights(e, at.ids[3], value);
	case OWNER:
		return set(&e->owner, value, ACCESS_ANY);
	}
	return true;
}

/* ---- on the shelf ---- */

void access_encode(const struct access *a, struct writer *w)
{
	uint8_t count = 0;
	for (unsigned i = 0; i < ACCESS_ENTRIES_MAX; i++)
		count += a->entries[i].is_there;
	write_u8(w, count);
	for (unsigned i = 0; i < ACCESS_ENTRIES_MAX; i++) {
		const struct access_entry *e = &a->entries[i];
		if (!e->is_there)
			continue;
		write_u16(w, e->id);
		write_u16(w, e->object);
		write_u16(w, e->instance);
		write_u16(w, e->owner);
		write_u8(w, e->count);
		for (uint8_t k = 0; k < e->count; k++) {
			write_u16(w, e->list[k].short_id);
			write_u8(w, e->list[k].rights);
		}
	}
}

static void decode_entry(struct reader *r, struct access_entry *ret)
{
	*ret = (struct access_entry){.is_there = true, .id = read_u16(r)};
	ret->object = read_u16(r);
	ret->instance = read_u16(r);
	ret->owner = read_u16(r);
	ret->count = read_u8(r);
	if (ret->count > ACCESS_RIGHTS_MAX) {
		r->failed = true;
		ret->count = 0;
	}
	for (uint8_t i = 0; i < ret->count; i++) {
		ret->list[i].short_id = read_u16(r);
		ret->list[i].rights = read_u8(r);
	}
}

void access_decode(struct reader *r, struct access *ret)
{
	uint8_t count = read_u8(r);
	*ret = (struct access){0};
	if (count > ACCESS_ENTRIES_MAX)
		r->failed = true;
	for (uint8_t i = 0; i < count && !r->failed; i++)
		decode_entry(r, &ret->entries[i]);
}
