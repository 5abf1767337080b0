/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/claims.h"

#include "server/label.h"

static const char mark[] = "claim:";

#define MARK_LEN (sizeof mark - 1)

void claims_carve(struct claims *l, struct carve *c, uint32_t capacity)
{
	struct claim_place *places = carve_take(c, capacity, sizeof *places);
	*l = (struct claims){.places = places, .capacity = capacity};
	if (places != NULL)
		memset(places, 0, capacity * sizeof *places);
}

static bool is_free(const struct claim_place *place)
{
	return place->claim.identity[0] == '\0';
}

struct claim_place *claims_find(const struct claims *l, struct bytes identity)
{
	for (uint32_t i = 0; i < l->capacity && identity.len > 0; i++)
		if (bytes_equal_text(identity, l->places[i].claim.identity))
			return &l->places[i];
	return NULL;
}

bool claims_put(struct claims *l, const struct claim *claim)
{
	struct claim_place *place = claims_find(l, bytes_of_text(claim->identity));
	for (uint32_t i = 0; i < l->capacity && place == NULL; i++)
		if (is_free(&l->places[i]))
			place = &l->places[i];
	if (place != NULL)
		*place = (struct claim_place){.claim = *claim};
	return place != NULL;
}

void claims_remove(struct claims *l, struct bytes identity)
{
	struct claim_place *place = claims_find(l, identity);
	if (place != NULL)
		*place = (struct claim_place){0};
}

bool claims_have_room(const struct claims *l)
{
	uint32_t room = 0;
	for (uint32_t i = 0; i < l->capacity; i++)
		room += is_free(&l->places[i]);
	return room > l->reserved;
}

const struct claim *claims_oldest_dead(const struct claims *l, wall_msec now)
{
	const struct claim *oldest = NULL;
	for (uint32_t i = 0; i < l->capacity; i++) {
		const struct claim_place *place = &l->places[i];
		if (!is_free(place) && !place->is_busy && claim_state(&place->claim, now) != CLAIM_OPEN &&
			(oldest == NULL || place->claim.made_at < oldest->made_at))
			oldest = &place->claim;
	}
	return oldest;
}

const struct claim_place *claims_next(const struct claims *l, uint32_t *cursor)
{
	while (*cursor < l->capacity) {
		const struct claim_place *place = &l->places[(*cursor)++];
		if (!is_free(place))
			return place;
	}
	return NULL;
}

void claim_make(struct claim *claim, const uint8_t secret[CLAIM_SECRET_BYTES])
{
	struct writer w = writer_of(claim->identity, CLAIM_IDENTITY_LEN);
	write_text(&w, mark);
	write_hex(&w, bytes_of(secret, CLAIM_SECRET_BYTES - CLAIM_KEY_BYTES));
	label_end(claim->identity, sizeof claim->identity, &w);
	memcpy(claim->key, secret + CLAIM_SECRET_BYTES - CLAIM_KEY_BYTES, CLAIM_KEY_BYTES);
}

enum claim_state claim_state(const struct claim *claim, wall_msec now)
{
	if (claim->used_at != 0)
		return CLAIM_USED;
	return now >= claim->expires_at ? CLAIM_EXPIRED : CLAIM_OPEN;
}

bool claim_is_identity(struct bytes name)
{
	return name.len >= MARK_LEN && memcmp(name.data, mark, MARK_LEN) == 0;
}
