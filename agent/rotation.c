/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/rotation.h"

#include <assert.h>

#define RECORD_VERSION       2
#define RECORD_VERSION_FIRST 1 /* without a wish and a previous pair */

/* ---- on the shelf ---- */

static void write_pair(struct writer *w, const struct rotation_pair *p)
{
	write_u8(w, p->identity_len);
	write_u8(w, p->key_len);
	write_u64(w, (uint64_t)p->since);
	write_bytes(w, bytes_of(p->identity, p->identity_len));
	write_bytes(w, bytes_of(p->key, p->key_len));
}

static void read_pair(struct reader *r, struct rotation_pair *ret)
{
	*ret = (struct rotation_pair){.identity_len = read_u8(r)};
	ret->key_len = read_u8(r);
	ret->since = (int64_t)read_u64(r);
	struct bytes identity = read_bytes(r, ret->identity_len);
	struct bytes key = read_bytes(r, ret->key_len);
	if (r->failed || identity.len > sizeof ret->identity || key.len > sizeof ret->key) {
		r->failed = true;
		return;
	}
	bytes_copy(ret->identity, identity.data, identity.len);
	bytes_copy(ret->key, key.data, key.len);
}

static bool store(struct rotation *r)
{
	struct writer w = writer_of(r->record + SHELF_HEAD_BYTES, sizeof r->record - SHELF_HEAD_BYTES);
	write_u8(&w, RECORD_VERSION);
	write_pair(&w, &r->current);
	write_pair(&w, &r->next);
	write_u8(&w, r->is_wanted);
	write_pair(&w, &r->previous);
	return shelf_store(r->shelf, SHELF_KEYS, r->record, SHELF_HEAD_BYTES + writer_bytes(&w).len) >= 0;
}

void rotation_init(struct rotation *r, const struct shelf_port *shelf)
{
	memset(r, 0, sizeof *r);
	r->shelf = shelf;
	r->choice.current_until = INT64_MAX;
	struct reader reader = reader_of(shelf_load(shelf, SHELF_KEYS, r->record, sizeof r->record));
	struct rotation_pair current, next, previous = {.identity_len = 0};
	uint8_t version = reader_left(&reader) == 0 ? 0 : read_u8(&reader);
	bool is_wanted = false;
	if (version != RECORD_VERSION && version != RECORD_VERSION_FIRST)
		return;
	read_pair(&reader, &current);
	read_pair(&reader, &next);
	if (version == RECORD_VERSION) {
		is_wanted = read_u8(&reader) != 0;
		read_pair(&reader, &previous);
	}
	if (reader.failed || reader_left(&reader) > 0)
		return;
	r->current = current;
	r->next = next;
	r->previous = previous;
	r->is_wanted = is_wanted;
	r->choice.has_current = current.identity_len > 0;
	r->choice.has_next = next.identity_len > 0;
}

/* ---- choosing ---- */

const struct rotation_pair *rotation_choose(struct rotation *r)
{
	switch (keystore_choose(&r->choice, 0)) {
	case KEYSTORE_NEXT:
		return &r->next;
	case KEYSTORE_CURRENT:
		return &r->current;
	case KEYSTORE_FACTORY:
		break;
	}
	r->is_previous = r->previous.identity_len > 0 && r->choice.failures[KEYSTORE_FACTORY] % 2 == 1;
	return r->is_previous ? &r->previous : NULL;
}

enum keystore_change rotation_succeeded(struct rotation *r)
{
	static const struct rotation_pair none;
	bool has_come_back = r->choice.using == KEYSTORE_FACTORY && r->is_previous;
	if (has_come_back) {
		r->current = r->previous;
		r->previous = none;
		r->choice.using = KEYSTORE_CURRENT;
	}
	enum keystore_change change = keystore_succeeded(&r->choice);
	if (change == KEYSTORE_SAME && !has_come_back)
		return change;
	if (change == KEYSTORE_PROMOTE) {
		r->previous = r->current;
		r->current = r->next;
	}
	if (change != KEYSTORE_SAME)
		r->next = none;
	(void)store(r);
	return change;
}

void rotation_failed(struct rotation *r)
{
	keystore_failed(&r->choice);
}

void rotation_want(struct rotation *r)
{
	if (r->is_wanted)
		return;
	r->is_wanted = true;
	(void)store(r);
}

bool rotation_add(struct rotation *r, struct bytes identity, struct bytes key, int64_t since)
{
	struct rotation_pair before = r->next;
	bool was_wanted = r->is_wanted;
	assert(identity.len <= sizeof r->next.identity && key.len <= sizeof r->next.key);
	r->next = (struct rotation_pair){
		.identity_len = (uint8_t)identity.len, .key_len = (uint8_t)key.len, .since = since};
	bytes_copy(r->next.identity, identity.data, identity.len);
	bytes_copy(r->next.key, key.data, key.len);
	r->is_wanted = false;
	if (!store(r)) {
		r->next = before;
		r->is_wanted = was_wanted;
		return false;
	}
	keystore_added(&r->choice);
	return true;
}
