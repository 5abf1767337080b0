/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The list is short, and asked once a handshake: a walk over the hashes is all the index it needs. */
#include "server/denials.h"

#include "server/label.h"

static const char certificate_mark[] = "sha256:";

#define MARK_LEN (sizeof certificate_mark - 1)

void denials_carve(struct denials *d, struct carve *c, uint32_t capacity)
{
	struct denial_place *places = carve_take(c, capacity, sizeof *places);
	*d = (struct denials){.places = places, .capacity = capacity};
	if (places != NULL)
		memset(places, 0, capacity * sizeof *places);
}

static uint64_t hash_of(const struct denials *d, struct bytes key)
{
	return bytes_hash(key, d->seed) | 1;
}

static struct denial_place *place_of(const struct denials *d, struct bytes key)
{
	uint64_t hash = hash_of(d, key);
	for (uint32_t i = 0, seen = 0; i < d->capacity && seen < d->count; i++) {
		struct denial_place *place = &d->places[i];
		seen += place->hash != 0;
		if (place->hash == hash && bytes_equal_text(key, place->denial.key))
			return place;
	}
	return NULL;
}

bool denials_put(struct denials *d, const struct denial *denial)
{
	struct denial_place *place = place_of(d, bytes_of_text(denial->key));
	if (place != NULL) {
		place->denial = *denial;
		return true;
	}
	for (uint32_t i = 0; i < d->capacity; i++)
		if (d->places[i].hash == 0) {
			uint64_t hash = hash_of(d, bytes_of_text(denial->key));
			d->places[i] = (struct denial_place){.hash = hash, .denial = *denial};
			d->count++;
			return true;
		}
	return false;
}

bool denials_remove(struct denials *d, struct bytes key)
{
	struct denial_place *place = place_of(d, key);
	if (place == NULL)
		return false;
	*place = (struct denial_place){0};
	d->count--;
	return true;
}

const struct denial *denials_find(const struct denials *d, struct bytes key)
{
	const struct denial_place *place = place_of(d, key);
	return place == NULL ? NULL : &place->denial;
}

uint64_t denials_count_try(struct denials *d, struct bytes key)
{
	struct denial_place *place = place_of(d, key);
	return place == NULL ? 0 : place->tries++;
}

const struct denial_place *denials_next(const struct denials *d, uint32_t *cursor)
{
	while (*cursor < d->capacity) {
		const struct denial_place *place = &d->places[(*cursor)++];
		if (place->hash != 0)
			return place;
	}
	return NULL;
}

void denial_key_of(const uint8_t fingerprint[SHA256_BYTES], char ret[DENIAL_KEY_MAX + 1])
{
	struct writer w = writer_of(ret, DENIAL_KEY_MAX);
	write_text(&w, certificate_mark);
	write_hex(&w, bytes_of(fingerprint, SHA256_BYTES));
	label_end(ret, DENIAL_KEY_MAX + 1, &w);
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool denial_is_certificate(const struct denial *denial, uint8_t ret_fingerprint[SHA256_BYTES])
{
	struct bytes key = bytes_of_text(denial->key);
	if (key.len != DENIAL_KEY_MAX || memcmp(key.data, certificate_mark, MARK_LEN) != 0)
		return false;
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		int high = digit_of(denial->key[MARK_LEN + 2 * i]), low = digit_of(denial->key[MARK_LEN + 2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret_fingerprint[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
