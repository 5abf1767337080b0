/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/tokenlength.h"

#include <assert.h>

#define SEPARATE_WAIT SECONDS(93) /* for a response after its acknowledgement: MAX_TRANSMIT_WAIT */

static struct coap_tokenlength_peer *find(const struct coap_tokenlengths *t, const struct coap_remote *remote)
{
	for (uint32_t i = 0; i < t->capacity; i++)
		if (t->peers[i].state != COAP_TOKENLENGTH_UNKNOWN && coap_remote_equal(&t->peers[i].remote, remote))
			return &t->peers[i];
	return NULL;
}

static struct coap_tokenlength_peer *find_trial(const struct coap_tokenlengths *t, const struct coap_remote *remote)
{
	struct coap_tokenlength_peer *peer = find(t, remote);
	return peer != NULL && peer->state == COAP_TOKENLENGTH_TRYING ? peer : NULL;
}

/* Every change of a state. */
static void enter(
	struct coap_tokenlengths *t, struct coap_tokenlength_peer *peer, enum coap_tokenlength state, msec now)
{
	t->trying -= peer->state == COAP_TOKENLENGTH_TRYING;
	t->trying += state == COAP_TOKENLENGTH_TRYING;
	peer->state = state;
	peer->deadline = msec_after(now, state == COAP_TOKENLENGTH_TRYING ? peer->timeout : COAP_TOKENLENGTH_LIFETIME);
}

/* A free place, or that of the oldest answer; NULL when all places are taken by trials. */
static struct coap_tokenlength_peer *find_place(struct coap_tokenlengths *t)
{
	struct coap_tokenlength_peer *oldest = NULL;
	for (uint32_t i = 0; i < t->capacity; i++) {
		struct coap_tokenlength_peer *peer = &t->peers[i];
		if (peer->state == COAP_TOKENLENGTH_UNKNOWN)
			return peer;
		if (peer->state != COAP_TOKENLENGTH_TRYING && (oldest == NULL || peer->deadline < oldest->deadline))
			oldest = peer;
	}
	return oldest;
}

static struct coap_tokenlength_peer *take_place(struct coap_tokenlengths *t, const struct coap_remote *remote)
{
	struct coap_tokenlength_peer *known = find(t, remote);
	struct coap_tokenlength_peer *peer = known != NULL ? known : find_place(t);
	if (peer != NULL)
		peer->remote = *remote;
	return peer;
}

/* ---- life ---- */

static void lay_out(struct coap_tokenlengths *t, struct carve *c, uint32_t capacity)
{
	t->peers = carve_take(c, capacity, sizeof *t->peers);
}

size_t coap_tokenlengths_memory(uint32_t capacity)
{
	struct coap_tokenlengths t;
	struct carve c = {0};
	lay_out(&t, &c, capacity);
	return c.used;
}

void coap_tokenlengths_init(struct coap_tokenlengths *t, void *memory, uint32_t capacity, uint8_t max_retransmit)
{
	struct carve c = {.memory = memory};
	*t = (struct coap_tokenlengths){.capacity = capacity, .max_retransmit = max_retransmit};
	lay_out(t, &c, capacity);
	for (uint32_t i = 0; i < capacity; i++)
		t->peers[i].state = COAP_TOKENLENGTH_UNKNOWN;
}

enum coap_tokenlength coap_tokenlength_of(const struct coap_tokenlengths *t, const struct coap_remote *r, msec now)
{
	const struct coap_tokenlength_peer *peer = find(t, r);
	if (peer == NULL || (peer->state != COAP_TOKENLENGTH_TRYING && peer->deadline <= now))
		return COAP_TOKENLENGTH_UNKNOWN;
	return peer->state;
}

/* ---- trials ---- */

/* From ACK_TIMEOUT to one and a half of it (RFC 7252 section 4.2). */
static msec draw_timeout(struct prng *prng)
{
	return COAP_TOKENLENGTH_ACK_TIMEOUT + prng_below(prng, COAP_TOKENLENGTH_ACK_TIMEOUT / 2 + 1);
}

const struct coap_tokenlength_peer *coap_tokenlength_try(struct coap_tokenlengths *t, const struct coap_remote *to,
	size_t token_bytes, uint16_t id, struct prng *prng, msec now)
{
	uint8_t bytes[COAP_TOKEN_MAX_BYTES];
	assert(token_bytes > COAP_TOKEN_WORD_BYTES && token_bytes <= sizeof bytes);
	struct coap_tokenlength_peer *peer = find_trial(t, to) != NULL ? NULL : take_place(t, to);
	if (peer == NULL)
		return NULL;
	prng_fill(prng, bytes, token_bytes);
	peer->token = coap_token_of(bytes_of(bytes, token_bytes));
	peer->id = id;
	peer->sent = 1;
	peer->is_acked = false;
	peer->timeout = draw_timeout(prng);
	enter(t, peer, COAP_TOKENLENGTH_TRYING, now);
	return peer;
}

void coap_tokenlength_write(struct writer *w, const struct coap_tokenlength_peer *peer)
{
	coap_message_write_start(w, COAP_TYPE_CON, COAP_GET, peer->id, &peer->token);
	coap_option_write(w, 0, COAP_OPTION_IF_NONE_MATCH, BYTES_NONE);
}

bool coap_tokenlength_acked(struct coap_tokenlengths *t, const struct coap_remote *from, uint16_t id, msec now)
{
	struct coap_tokenlength_peer *peer = find_trial(t, from);
	if (peer == NULL || peer->id != id)
		return false;
	if (!peer->is_acked)
		peer->deadline = msec_after(now, SEPARATE_WAIT);
	peer->is_acked = true;
	return true;
}

bool coap_tokenlength_rejected(struct coap_tokenlengths *t, const struct coap_remote *from, uint16_t id, msec now)
{
	struct coap_tokenlength_peer *peer = find_trial(t, from);
	if (peer == NULL || peer->id != id)
		return false;
	enter(t, peer, COAP_TOKENLENGTH_PLAIN, now);
	return true;
}

bool coap_tokenlength_answered(struct coap_tokenlengths *t, const struct coap_remote *from,
	const struct coap_token *token, enum coap_code code, msec now)
{
	struct coap_tokenlength_peer *peer = find_trial(t, from);
	if (peer == NULL || !coap_token_equal(&peer->token, token))
		return false;
	bool is_too_long = code == COAP_BAD_REQUEST || code == COAP_SERVICE_UNAVAILABLE;
	enter(t, peer, is_too_long ? COAP_TOKENLENGTH_PLAIN : COAP_TOKENLENGTH_EXTENDED, now);
	return true;
}

void coap_tokenlength_learnt(
	struct coap_tokenlengths *t, const struct coap_remote *remote, enum coap_tokenlength state, msec now)
{
	assert(state == COAP_TOKENLENGTH_EXTENDED || state == COAP_TOKENLENGTH_PLAIN);
	struct coap_tokenlength_peer *peer = take_place(t, remote);
	if (peer != NULL)
		enter(t, peer, state, now);
}

/* ---- time ---- */

msec coap_tokenlength_deadline(const struct coap_tokenlengths *t)
{
	msec deadline = NEVER;
	for (uint32_t i = 0; t->trying > 0 && i < t->capacity; i++)
		if (t->peers[i].state == COAP_TOKENLENGTH_TRYING)
			deadline = msec_earlier(deadline, t->peers[i].deadline);
	return deadline;
}

static void expire(struct coap_tokenlengths *t, struct coap_tokenlength_peer *peer, msec now)
{
	if (peer->is_acked || peer->sent > t->max_retransmit) {
		enter(t, peer, COAP_TOKENLENGTH_PLAIN, now);
		return;
	}
	peer->sent++;
	peer->timeout *= 2;
	peer->deadline = msec_after(now, peer->timeout);
}

const struct coap_tokenlength_peer *coap_tokenlength_due(struct coap_tokenlengths *t, msec now)
{
	for (uint32_t i = 0; t->trying > 0 && i < t->capacity; i++) {
		struct coap_tokenlength_peer *peer = &t->peers[i];
		if (peer->state != COAP_TOKENLENGTH_TRYING || peer->deadline > now)
			continue;
		expire(t, peer, now);
		return peer;
	}
	return NULL;
}
