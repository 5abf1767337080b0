/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/credential_table.h"

#include <assert.h>

void dtls_credential_table_init(struct dtls_credential_table *t, struct dtls_credential_entry *entries,
	uint32_t *buckets, uint32_t capacity, uint64_t seed)
{
	assert(capacity > 0 && capacity < UINT32_MAX);
	*t = (struct dtls_credential_table){.entries = entries, .buckets = buckets, .capacity = capacity, .seed = seed};
	memset(buckets, 0, capacity * sizeof *buckets);
}

static uint32_t *bucket_of(const struct dtls_credential_table *t, struct bytes identity)
{
	return &t->buckets[bytes_hash(identity, t->seed) % t->capacity];
}

static struct bytes identity_of(const struct dtls_credential_entry *e)
{
	return bytes_of(e->identity, e->identity_len);
}

static bool is_entry_of(const struct dtls_credential_entry *e, struct bytes identity, bool is_raw_key)
{
	return e->is_raw_key == is_raw_key && bytes_equal(identity_of(e), identity);
}

/* The link that leads to the entry, or to nothing where it would be appended. */
static uint32_t *place_of(const struct dtls_credential_table *t, struct bytes identity, bool is_raw_key)
{
	uint32_t *place = bucket_of(t, identity);
	while (*place != 0 && !is_entry_of(&t->entries[*place - 1], identity, is_raw_key))
		place = &t->entries[*place - 1].next;
	return place;
}

static const struct dtls_credential_entry *find(
	const struct dtls_credential_table *t, struct bytes identity, bool is_raw_key)
{
	uint32_t link = *place_of(t, identity, is_raw_key);
	return link == 0 ? NULL : &t->entries[link - 1];
}

static uint32_t take_entry(struct dtls_credential_table *t)
{
	uint32_t link = t->first_free;
	if (link != 0)
		t->first_free = t->entries[link - 1].next;
	else if (t->untouched < t->capacity)
		link = ++t->untouched;
	else
		return 0;
	t->used++;
	return link;
}

/* The entry at the end of `place`, which is a new one where there was none. NULL when the table is full. */
static struct dtls_credential_entry *entry_at(struct dtls_credential_table *t, uint32_t *place)
{
	if (*place == 0 && (*place = take_entry(t)) == 0)
		return NULL;
	return &t->entries[*place - 1];
}

static enum dtls_credential_added add(struct dtls_credential_table *t, struct bytes identity, bool is_raw_key,
	struct bytes key, struct bytes name, uint64_t number)
{
	if (identity.len == 0 || identity.len > DTLS_IDENTITY_MAX_BYTES || name.len == 0 ||
		name.len > DTLS_NAME_MAX_BYTES || key.len > DTLS_PSK_MAX_BYTES)
		return DTLS_CREDENTIAL_TOO_LONG;
	uint32_t *place = place_of(t, identity, is_raw_key);
	bool is_new = *place == 0;
	struct dtls_credential_entry *e = entry_at(t, place);
	if (e == NULL)
		return DTLS_CREDENTIAL_FULL;
	*e = (struct dtls_credential_entry){.next = is_new ? 0 : e->next,
		.is_taken = true,
		.is_raw_key = is_raw_key,
		.number = number,
		.identity_len = (uint8_t)identity.len,
		.name_len = (uint8_t)name.len,
		.key.len = (uint8_t)key.len};
	memcpy(e->identity, identity.data, identity.len);
	memcpy(e->name, name.data, name.len);
	if (key.len > 0)
		memcpy(e->key.data, key.data, key.len);
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
	const struct dtls_credential_entry *e = find(context, identity, false);
	if (e == NULL || e->key.len == 0)
		return false;
	*ret_key = e->key;
	fill_principal(ret, e->number, bytes_of(e->name, e->name_len));
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
	if (e != NULL && e->key.len == 0) {
		fill_principal(ret, e->number, bytes_of(e->name, e->name_len));
		return true;
	}
	if (!t->certificates_name_themselves)
		return false;
	fill_principal(ret, 0, name);
	return true;
}

static bool find_raw_key(void *context, struct bytes digest, struct dtls_principal *ret)
{
	const struct dtls_credential_entry *e = find(context, digest, true);
	if (e == NULL)
		return false;
	fill_principal(ret, e->number, bytes_of(e->name, e->name_len));
	return true;
}

struct dtls_credentials dtls_credential_table_port(struct dtls_credential_table *t)
{
	return (struct dtls_credentials){
		.context = t, .find_psk = find_psk, .find_certificate = find_certificate, .find_raw_key = find_raw_key};
}
