/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Requests that must not run twice (RFC 7252 section 4.5).
 *
 * Kept are the requests with an effect (POST, PUT, DELETE, PATCH, iPATCH), by remote and Message-ID, for
 * EXCHANGE_LIFETIME when confirmable and NON_LIFETIME when not, with the reply that was sent. A repetition gets the
 * same reply and goes no further. Safe requests are not kept: to run a GET again is harmless, and section 4.5 allows
 * it. Nor are idempotent ones to a resource that says so (coap/resource.h, may_repeat).
 *
 * A reply of a header and an option or two lies in its entry, a short one in a place that belongs to the entry and
 * costs no memory as long as it was not needed, a longer one in a pool of one place for every
 * COAP_DEDUP_ENTRIES_A_LONG_REPLY entries. Where none has room the entry still stops the second execution, and the
 * owner stores something short that says so. Entries leave in the order of their age, a few whenever one comes, so
 * there is no timer. Storage is the caller's. */
#pragma once

#include "coap/carve.h"
#include "coap/hashindex.h"
#include "coap/retransmit.h"
#include "coap/transport.h"
#include "coap/base/prng.h"
#include "coap/base/slab.h"

#define COAP_DEDUP_ENTRY_REPLY_BYTES    28 /* 2.01 with a token of eight bytes and /rd/ and twelve characters */
#define COAP_DEDUP_SHORT_REPLY_BYTES    80
#define COAP_DEDUP_ENTRIES_A_LONG_REPLY 8

struct coap_dedup_entry {
	struct coap_remote remote;
	msec expires;
	uint32_t younger;    /* next slot of the same queue */
	uint32_t long_place; /* in the pool, plus 1; 0 for none */
	uint16_t id;         /* Message-ID */
	uint16_t reply_len;  /* 0: nothing has been answered yet, or nothing is to be repeated */
	uint8_t reply[COAP_DEDUP_ENTRY_REPLY_BYTES];
};

/* Entries of one lifetime, in order of age. */
struct coap_dedup_queue {
	msec lifetime;
	uint32_t oldest, youngest;
};

struct coap_dedup {
	struct coap_dedup_entry *entries;
	uint8_t (*short_replies)[COAP_DEDUP_SHORT_REPLY_BYTES]; /* each entry's own */
	uint8_t (*long_replies)[COAP_DATAGRAM_MAX_BYTES];
	struct slab slab, long_slab;
	struct hash_index index; /* by remote and Message-ID */
	struct coap_dedup_queue queues[2];
	uint64_t secret;
};

size_t coap_dedup_memory(uint32_t capacity);
void coap_dedup_init(
	struct coap_dedup *d, void *memory, uint32_t capacity, const struct coap_patience *patience, struct prng *prng);

/* Whether this request has come before. `ret_reply` is what to send again, empty for nothing; it is valid until the
 * next add. */
bool coap_dedup_find(
	const struct coap_dedup *d, const struct coap_remote *remote, uint16_t id, msec now, struct bytes *ret_reply);
/* Remembers a request that was not found. False when the table is full: the request must not run. */
bool coap_dedup_add(struct coap_dedup *d, const struct coap_remote *remote, uint16_t id, bool is_confirmable, msec now,
	struct handle *ret);
/* Keeps a copy of the reply, in place of an earlier one. False when it is long and the pool is full; then nothing is
 * kept. A handle whose entry has expired is ignored. */
bool coap_dedup_answered(struct coap_dedup *d, struct handle h, struct bytes reply);

uint32_t coap_dedup_count(const struct coap_dedup *d);
