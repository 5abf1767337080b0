/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Text is a row of pieces, each of them a head (slot of its entry, length of what follows) and that: key, identity and
 * name of the entry. A piece whose entry lies elsewhere, or is gone, is a hole. */
#include "dtls/credential_table.h"

#include "coap/base/arena.h"

#include <assert.h>

#define NOBODY UINT32_MAX

static size_t rounded(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

size_t dtls_credential_table_memory(uint32_t capacity, uint32_t text)
{
	return rounded(capacity * sizeof(struct dtls_credential_entry)) + rounded(capacity * sizeof(uint32_t)) +
	       rounded(text);
}

void dtls_credential_table_init(
	struct dtls_credential_table *t, void *memory, uint32_t capacity, uint32_t text, uint64_t seed)
{
	struct arena arena;
	assert(capacity > 0 && capacity < UINT32_MAX);
	arena_init(&arena, memory, dtls_credential_table_memory(capacity, text));
	*t = (struct dtls_credential_table){.capacity = capacity, .text_capacity = text, .seed = seed};
	t->entries = arena_take(&arena, capacity * sizeof *t->entries);
	t->buckets = arena_take(&arena, capacity * sizeof *t->buckets);
	t->text = arena_take(&arena, text);
	bytes_clear(t->buckets, capacity * sizeof *t->buckets);
}

/* ---- text ---- */

static void write_head(uint8_t *at, uint32_t slot, uint16_t len)
{
	memcpy(at, &slot, sizeof slot);
	memcpy(at + sizeof slot, &len, sizeof len);
}

static uint32_t read_head(const uint8_t *at, uint32_t *ret_slot)
{
	uint16_t len;
	memcpy(ret_slot, at, sizeof *ret_slot);
	memcpy(&len, at + sizeof *ret_slot, sizeof len);
	return DTLS_CREDENTIAL_HEAD_BYTES + len;
}

static struct bytes key_of(const struct dtls_credential_table *t, const struct dtls_credential_entry *e)
{
	return bytes_of(t->text + e->at + DTLS_CREDENTIAL_HEAD_BYTES, e->key_len);
}

static struct bytes identity_of(const struct dtls_credential_table *t, const struct dtls_credential_entry *e)
{
	return bytes_of(t->text + e->at + DTLS_CREDENTIAL_HEAD_BYTES + e->key_len, e->identity_len);
}

static struct bytes name_of(const struct dtls_credential_table *t, const struct dtls_credential_entry *e)
{
	struct bytes identity = identity_of(t, e);
	return e->name_len == 0 ? identity : bytes_of(identity.data + identity.len, e->name_len);
}

static uint32_t text_of(const struct dtls_credential_entry *e)
{
	return (uint32_t)DTLS_CREDENTIAL_HEAD_BYTES + e->key_len + e->identity_len + e->name_len;
}

static void wipe(struct dtls_credential_table *t, const struct dtls_credential_entry *e)
{
	uint32_t len = text_of(e);
	memset(t->text + e->at, 0, len);
	write_head(t->text + e->at, NOBODY, (uint16_t)(len - DTLS_CREDENTIAL_HEAD_BYTES));
	t->text_used -= len;
}

/* Moves all pieces to the front and leaves nothing of them behind. */
static void close_holes(struct dtls_credential_table *t)
{
	uint32_t end = 0, slot, len;
	for (uint32_t at = 0; at < t->text_end; at += len) {
		len = read_head(t->text + at, &slot);
		if (slot == NOBODY)
			continue;
		memmove(t->text + end, t->text + at, len);
		t->entries[slot].at = end;
		end += len;
	}
	memset(t->text + end, 0, t->text_end - end);
	t->text_end = end;
}

static void append(struct dtls_credential_table *t, struct bytes part)
{
	if (part.len > 0)
		memcpy(t->text + t->text_end, part.data, part.len);
	t->text_end += (uint32_t)part.len;
}

/* The entry knows its lengths already, and there is room. */
static void keep_text(struct dtls_credential_table *t, struct dtls_credential_entry *e, struct bytes key,
	struct bytes identity, struct bytes name)
{
	uint32_t len = text_of(e);
	if (t->text_capacity - t->text_end < len)
		close_holes(t);
	e->at = t->text_end;
	write_head(t->text + e->at, (uint32_t)(e - t->entries), (uint16_t)(len - DTLS_CREDENTIAL_HEAD_BYTES));
	t->text_end += DTLS_CREDENTIAL_HEAD_BYTES;
	append(t, key);
	append(t, identity);
	append(t, bytes_first(name, e->name_len));
	t->text_used += len;
}

/* ---- entries ---- */

static uint32_t *bucket_of(const struct dtls_credential_table *t, struct bytes identity)
{
	return &t->buckets[bytes_hash(identity, t->seed) % t->capacity];
}

static bool is_entry_of(const struct dtls_credential_table *t, const struct dtls_credential_entry *e,
	struct bytes identity, bool is_raw_key)
{
	return e->is_raw_key == is_raw_key && bytes_equal(identity_of(t, e), identity);
}

/* The link that leads to the entry, or to nothing where it would be appended. */
static uint32_t *place_of(const struct dtls_credential_table *t, struct bytes identity, bool is_raw_key)
{
	uint32_t *place = bucket_of(t, identity);
	while (*place != 0 && !is_entry_of(t, &t->entries[*place - 1], identity, is_raw_key))
		place = &t->entries[*place - 1].next;
	return place;
}

static const struct dtls_credential_entry *find(
	const struct dtls_credential_table *t, struct bytes identity, bool is_raw_key)
{
	uint32_t link = *place_of(t, identity, is_raw_key);
	return link == 0 ? NULL : &t->entries[link - 1];
}

/* There is one. */
static uint32_t take_entry(struct dtls_credential_table *t)
{
	uint32_t link = t->first_free;
	if (link != 0)
		t->first_free = t->entries[link - 1].next;
	else
		link = ++t->untouched;
	t->used++;
	return link;
}

static bool has_room(const struct dtls_credential_table *t, const struct dtls_credential_entry *old, uint32_t len)
{
	uint32_t used = t->text_used - (old == NULL ? 0 : text_of(old));
	return t->text_capacity - used >= len && (old != NULL || t->used < t->capacity);
}

static enum dtls_credential_added add(struct dtls_credential_table *t, struct bytes identity, bool is_raw_key,
	struct bytes key, struct bytes name, uint64_t number)
{
	if (identity.len == 0 || identity.len > DTLS_IDENTITY_MAX_BYTES || name.len == 0 ||
		name.len > DTLS_NAME_MAX_BYTES || key.len > DTLS_PSK_MAX_BYTES)
		return DTLS_CREDENTIAL_TOO_LONG;
	uint32_t *place = place_of(t, identity, is_raw_key);
	bool is_new = *place == 0;
	struct dtls_credential_entry *e = is_new ? NULL : &t->entries[*place - 1];
	struct dtls_credential_entry fresh = {.number = number,
		.next = is_new ? 0 : e->next,
		.key_len = (uint8_t)key.len,
		.identity_len = (uint8_t)identity.len,
		.name_len = bytes_equal(identity, name) ? 0 : (uint8_t)name.len,
		.is_taken = true,
		.is_raw_key = is_raw_key};
	if (!has_room(t, e, text_of(&fresh)))
		return DTLS_CREDENTIAL_FULL;
	if (is_new)
		e = &t->entries[(*place = take_entry(t)) - 1];
	else
		wipe(t, e);
	*e = fresh;
	keep_text(t, e, key, identity, name);
	return is_new ? DTLS_CREDENTIAL_ADDED : DTLS_CREDENTIAL_REPLACED;
}

enum dtls_credential_added dtls_credential_table_add(
	struct dtls_credential_table *t, struct bytes identity, struct bytes key, struct bytes name, uint64_t number)
{
	return add(t, identity, false, key, name, number);
}

enum dtls_credential_added dtls_credential_table_add_raw_key(
	struct dtls_credential_table *t, struct bytes digest, struct bytes name, uint64_t number)
{
	return digest.len == DTLS_RAW_KEY_BYTES ? add(t, digest, true, BYTES_NONE, name, number)
						: DTLS_CREDENTIAL_TOO_LONG;
}

static bool remove_entry(struct dtls_credential_table *t, struct bytes identity, bool is_raw_key)
{
	uint32_t *place = place_of(t, identity, is_raw_key), link = *place;
	if (link == 0)
		return false;
	struct dtls_credential_entry *e = &t->entries[link - 1];
	wipe(t, e);
	*place = e->next;
	*e = (struct dtls_credential_entry){.next = t->first_free};
	t->first_free = link;
	t->used--;
	return true;
}

bool dtls_credential_table_remove(struct dtls_credential_table *t, struct bytes identity)
{
	return remove_entry(t, identity, false);
}

bool dtls_credential_table_remove_raw_key(struct dtls_credential_table *t, struct bytes digest)
{
	return remove_entry(t, digest, true);
}

static void fill_principal(struct dtls_principal *p, uint64_t number, struct bytes name)
{
	*p = (struct dtls_principal){.number = number};
	dtls_principal_set_name(p, name);
}

static bool find_psk(void *context, struct bytes identity, struct dtls_psk *ret_key, struct dtls_principal *ret)
{
	const struct dtls_credential_table *t = context;
	const struct dtls_credential_entry *e = find(t, identity, false);
	if (e == NULL || e->key_len == 0)
		return false;
	*ret_key = (struct dtls_psk){.len = e->key_len};
	memcpy(ret_key->data, key_of(t, e).data, e->key_len);
	fill_principal(ret, e->number, name_of(t, e));
	return true;
}

/* An entry with a key is a PSK identity, which has nothing to do with the names in certificates. */
static bool find_certificate(void *context, const struct dtls_certificate *certificate, struct dtls_principal *ret)
{
	const struct dtls_credential_table *t = context;
	struct bytes name = certificate->uri.len > 0 ? certificate->uri : certificate->common_name;
	if (name.len == 0 || name.len > DTLS_NAME_MAX_BYTES)
		return false;
	const struct dtls_credential_entry *e = find(t, name, false);
	if (e != NULL && e->key_len == 0) {
		fill_principal(ret, e->number, name_of(t, e));
		return true;
	}
	if (!t->certificates_name_themselves)
		return false;
	fill_principal(ret, 0, name);
	return true;
}

static bool find_raw_key(void *context, struct bytes digest, struct dtls_principal *ret)
{
	const struct dtls_credential_table *t = context;
	const struct dtls_credential_entry *e = find(t, digest, true);
	if (e == NULL)
		return false;
	fill_principal(ret, e->number, name_of(t, e));
	return true;
}

struct dtls_credentials dtls_credential_table_port(struct dtls_credential_table *t)
{
	return (struct dtls_credentials){
		.context = t, .find_psk = find_psk, .find_certificate = find_certificate, .find_raw_key = find_raw_key};
}
