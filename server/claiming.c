/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Claims in the composer: operators make and remove them, handshakes ask for their keys, and enrolment uses them up. */
#include "server/composer.h"

#include "server/label.h"

#include <assert.h>

/* ---- guests ---- */

bool claiming_is_guest(const struct server *s, const struct coap_remote *remote)
{
	const struct device *device = registry_find_remote(&s->registry, remote);
	return device != NULL && claim_is_identity(bytes_of_text(device->record.name));
}

static const char *why_not(enum claim_state state)
{
	switch (state) {
	case CLAIM_OPEN:
		break;
	case CLAIM_USED:
		return "this claim is used up";
	case CLAIM_EXPIRED:
		return "this claim has run out";
	}
	return NULL;
}

/* As with revocation, the audit log has the first try since the start. */
bool server_claim_key(struct server *s, struct bytes identity, uint8_t ret_key[CLAIM_KEY_BYTES], msec now)
{
	struct claim_place *place = claims_find(&s->claims, identity);
	if (place == NULL)
		return false;
	const char *why = why_not(claim_state(&place->claim, server_wall(s, now)));
	if (why == NULL) {
		memcpy(ret_key, place->claim.key, CLAIM_KEY_BYTES);
		return true;
	}
	struct note note = {.type = EVENT_REFUSED, .device = place->claim.identity, .detail = why};
	s->counters.refusals++;
	if (place->tries++ == 0)
		server_note(s, &note, now);
	return false;
}

const struct claim_place *server_claim_next(const struct server *s, uint32_t *cursor)
{
	return claims_next(&s->claims, cursor);
}

const struct claim_place *server_claim_find(const struct server *s, struct bytes identity)
{
	return claims_find(&s->claims, identity);
}

/* ---- enrolling ---- */

/* A name that nobody has, neither a device nor somebody else's certificate that is being made. */
static const char *what_is_wrong_with_name(const struct server *s, struct bytes name)
{
	char text[DEVICE_NAME_MAX + 1];
	if (!label_set(text, sizeof text, name) || claim_is_identity(name))
		return "the request has no usable name";
	if (registry_find(&s->registry, name) != NULL)
		return "a device of this name is known already; it needs a claim of its own";
	if (registry_room(&s->registry) == 0)
		return "no room for more devices";
	for (unsigned i = 0; i < SERVER_ISSUES_MAX; i++)
		if (s->issues[i].is_taken && bytes_equal_text(name, s->issues[i].name))
			return "another device is just getting a certificate of this name";
	return NULL;
}

const char *claiming_what_is_wrong(const struct server *s, const struct claim_place *place, struct bytes name, msec now)
{
	if (place == NULL)
		return "there is no such claim";
	const char *why = why_not(claim_state(&place->claim, server_wall(s, now)));
	if (why != NULL)
		return why;
	if (place->claim.name[0] == '\0')
		return what_is_wrong_with_name(s, name);
	return bytes_equal_text(name, place->claim.name) ? NULL : "the claim is for another name";
}

void claiming_use(struct server *s, struct claim_place *place, struct bytes name, struct pending *p, msec now)
{
	struct store_change change = {.type = STORE_CLAIM_PUT, .claim = &p->claim};
	p->claim = place->claim;
	p->claim.used_at = server_wall(s, now);
	memset(p->claim.key, 0, sizeof p->claim.key);
	label_cut(p->claim.name, sizeof p->claim.name, name);
	s->ports.store.add(s->ports.store.context, &change);
	place->is_busy = true;
	if (registry_find(&s->registry, name) != NULL)
		return;
	p->record = (struct device_record){.first_seen = server_wall(s, now)};
	label_cut(p->record.name, sizeof p->record.name, name);
	change = (struct store_change){.type = STORE_DEVICE_PUT, .device = &p->record};
	s->ports.store.add(s->ports.store.context, &change);
}

void claiming_used(struct server *s, const struct pending *p, bool ok)
{
	struct claim_place *place = claims_find(&s->claims, bytes_of_text(p->claim.identity));
	if (place == NULL)
		return;
	place->is_busy = false;
	if (!ok)
		return;
	place->claim = p->claim;
	if (p->record.name[0] == '\0' || registry_find(&s->registry, bytes_of_text(p->record.name)) != NULL)
		return;
	struct device *device = registry_put(&s->registry, &p->record);
	if (device != NULL)
		device->is_stored = true;
}

/* ---- commands ---- */

enum server_result server_claim_create(struct server *s, struct bytes name, uint32_t hours,
	const uint8_t secret[CLAIM_SECRET_BYTES], const struct server_ask *ask, msec now, struct claim *ret)
{
	struct claim claim = {.made_at = server_wall(s, now)};
	if (s->ports.issuer == NULL)
		return command_refuse(s, SERVER_WRONG_STATE, bytes_of_text("mgmtd has no authority to sign with"));
	if (name.len > PKI_NAME_MAX_BYTES || claim_is_identity(name) ||
		(name.len > 0 && !label_set(claim.name, sizeof claim.name, name)))
		return command_refuse(s, SERVER_BAD_NAME, bytes_of_text("a certificate's name has 1 to 63 bytes"));
	const struct claim *dead =
		claims_have_room(&s->claims) ? NULL : claims_oldest_dead(&s->claims, server_wall(s, now));
	if (dead == NULL && !claims_have_room(&s->claims))
		return command_refuse(s, SERVER_FULL, bytes_of_text("of claims that are open"));
	struct pending *p = command_begin(s, PENDING_CLAIM_CREATE, ask);
	if (p == NULL)
		return SERVER_BUSY;
	claim_make(&claim, secret);
	claim.expires_at = claim.made_at + SECONDS(3600) * (wall_msec)hours;
	label_cut(claim.actor, sizeof claim.actor, bytes_of_text(ask->actor));
	if (dead != NULL) {
		struct claim gone = *dead;
		struct store_change removal = {.type = STORE_CLAIM_REMOVE, .name = gone.identity};
		command_add(s, &removal);
		claims_remove(&s->claims, bytes_of_text(gone.identity));
	}
	struct store_change change = {.type = STORE_CLAIM_PUT, .claim = &claim};
	p->claim = *ret = claim;
	command_add(s, &change);
	enum server_result result = command_commit(s, p, now);
	s->claims.reserved += result == SERVER_ACCEPTED;
	return result;
}

enum server_result server_claim_remove(struct server *s, struct bytes identity, const struct server_ask *ask, msec now)
{
	const struct claim_place *place = claims_find(&s->claims, identity);
	if (place == NULL)
		return command_refuse(s, SERVER_NO_CLAIM, identity);
	if (place->is_busy)
		return command_refuse(s, SERVER_WRONG_STATE, bytes_of_text("it is just being used"));
	struct pending *p = command_begin(s, PENDING_CLAIM_REMOVE, ask);
	if (p == NULL)
		return SERVER_BUSY;
	p->claim = place->claim;
	struct store_change change = {.type = STORE_CLAIM_REMOVE, .name = p->claim.identity};
	command_add(s, &change);
	return command_commit(s, p, now);
}

void claiming_stored(struct server *s, const struct pending *p, bool ok, msec now)
{
	bool is_new = p->kind == PENDING_CLAIM_CREATE;
	struct note note = {.type = is_new ? EVENT_CLAIM_CREATED : EVENT_CLAIM_REMOVED,
		.device = p->claim.name,
		.detail = p->claim.identity};
	struct server_done done = {.token = p->token};
	s->claims.reserved -= is_new;
	if (!ok) {
		command_fail(s, p, SERVER_STORE_FAILED, now);
		return;
	}
	if (is_new) {
		bool fits = claims_put(&s->claims, &p->claim);
		assert(fits);
	} else {
		claims_remove(&s->claims, bytes_of_text(p->claim.identity));
	}
	command_conclude(s, p, &note, &done, now);
}
