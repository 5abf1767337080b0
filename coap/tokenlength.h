/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which servers take tokens of more than 8 bytes (RFC 8974 section 2.2.2): trial and error, and a memory of it.
 *
 *               try             answered with the same token
 *     UNKNOWN -------> TRYING ------------------------------> EXTENDED
 *        ^                |  rejected, 4.00, 5.03, silence
 *        |                +---------------------------------> PLAIN
 *        +------ COAP_TOKENLENGTH_LIFETIME later -------------- both
 *
 * The trial is a confirmable GET with nothing but If-None-Match and a token as long as those that are meant to follow.
 * A server that does not know the extension takes it for a format error and rejects it by a reset. Whoever answers,
 * whatever the code, has understood the token; but 4.00 says that it is too long for him, and 5.03 that it is at
 * present. Silence after all retransmissions counts as a rejection, since 8 bytes are always right.
 *
 * Trials are repeated like any confirmable message (RFC 7252 section 4.2). As addresses change hands, what was learnt
 * is forgotten after the shortest time that the RFC gives for it. The table is the owner's to size: when it is full,
 * the oldest answer makes room for a new trial, and when it is full of trials, none begins. It is searched in a row,
 * so it is for some hundred servers. */
#pragma once

#include "coap/carve.h"
#include "coap/message.h"
#include "coap/transport.h"
#include "coap/base/prng.h"

#define COAP_TOKENLENGTH_LIFETIME       SECONDS(1800)
#define COAP_TOKENLENGTH_ACK_TIMEOUT    SECONDS(2)
#define COAP_TOKENLENGTH_MAX_RETRANSMIT 4

enum coap_tokenlength {
	COAP_TOKENLENGTH_UNKNOWN,
	COAP_TOKENLENGTH_TRYING,
	COAP_TOKENLENGTH_EXTENDED,
	COAP_TOKENLENGTH_PLAIN, /* at most 8 bytes */
};

struct coap_tokenlength_peer {
	struct coap_remote remote;
	enum coap_tokenlength state; /* UNKNOWN marks a free place */
	uint8_t sent;                /* transmissions of the trial */
	bool is_acked;               /* the trial has arrived; its response comes separately */
	uint16_t id;                 /* Message-ID of the trial */
	struct coap_token token;
	msec timeout;  /* from one transmission of the trial to the next */
	msec deadline; /* of a trial, when the next is due; else when it is forgotten */
};

struct coap_tokenlengths {
	struct coap_tokenlength_peer *peers;
	uint32_t capacity;
	uint32_t trying;
	uint8_t max_retransmit;
};

size_t coap_tokenlengths_memory(uint32_t capacity);
/* `memory` is aligned to CARVE_ALIGNMENT and stays the owner's. */
void coap_tokenlengths_init(struct coap_tokenlengths *t, void *memory, uint32_t capacity, uint8_t max_retransmit);

/* What is known of this server. */
enum coap_tokenlength coap_tokenlength_of(const struct coap_tokenlengths *t, const struct coap_remote *r, msec now);

/* Begins a trial with a token of `token_bytes`, from 9 to COAP_TOKEN_MAX_BYTES, drawn at random, in place of what was
 * known. The caller sends it (coap_tokenlength_write). NULL when there is no place for it, or a trial is under way.
 * What is returned stays valid until the next call that is not a question. */
const struct coap_tokenlength_peer *coap_tokenlength_try(struct coap_tokenlengths *t, const struct coap_remote *to,
	size_t token_bytes, uint16_t id, struct prng *prng, msec now);
/* The trial's message. */
void coap_tokenlength_write(struct writer *w, const struct coap_tokenlength_peer *peer);

/* An empty acknowledgement has come. False when it belongs to no trial. */
bool coap_tokenlength_acked(struct coap_tokenlengths *t, const struct coap_remote *from, uint16_t id, msec now);
/* A reset has come. False when it belongs to no trial. */
bool coap_tokenlength_rejected(struct coap_tokenlengths *t, const struct coap_remote *from, uint16_t id, msec now);
/* A response has come. False when its token is that of no trial; else the state tells what it says. */
bool coap_tokenlength_answered(struct coap_tokenlengths *t, const struct coap_remote *from,
	const struct coap_token *token, enum coap_code code, msec now);
/* Without a trial it has become known that the server takes extended tokens, or does not. */
void coap_tokenlength_learnt(
	struct coap_tokenlengths *t, const struct coap_remote *remote, enum coap_tokenlength state, msec now);

msec coap_tokenlength_deadline(const struct coap_tokenlengths *t);
/* Takes one trial whose time has come: still TRYING, it is to be sent again; PLAIN, nobody has answered. Call until
 * NULL. */
const struct coap_tokenlength_peer *coap_tokenlength_due(struct coap_tokenlengths *t, msec now);
