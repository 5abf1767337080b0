/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who is really where he says: Echo values that prove it, and the addresses that have (RFC 9175 section 2).
 *
 * Anybody can put another's address into a datagram, and a server that answers with more than it was sent can be turned
 * against the owner of that address. An Echo value is something that only who receives our messages can bring back. It
 * is made without keeping anything:
 *
 *     1 byte     when it was made, in steps of 1,024 ms, modulo 256
 *     5 bytes    SipHash-2-4 of session and address of the remote and the whole number of steps, cut
 *
 * So short it is because the smallest request has 4 bytes and its refusal, with 6 bytes of header and option beside the
 * value, must not be larger than three times that. A value is good for COAP_VERIFY_ECHO_LIFETIME, in which somebody who
 * guesses would need some 2^39 datagrams for an even chance. A value is for one security association at one address, so
 * it is of use to nobody else; and it tells the age of a request to those who need fresh ones (section 2.3).
 *
 * The table remembers which remotes have brought a value back, for COAP_VERIFY_LIFETIME and as long as it has room:
 * when full, the one that has been looked for least of late is forgotten and has to prove itself once more. Without any
 * room everything still works, with an Echo in each request. Storage is the caller's. */
#pragma once

#include "coap/carve.h"
#include "coap/hashindex.h"
#include "coap/transport.h"
#include "coap/base/prng.h"
#include "coap/base/siphash.h"

#define COAP_VERIFY_ECHO_BYTES    6
#define COAP_VERIFY_ECHO_LIFETIME SECONDS(240)
#define COAP_VERIFY_LIFETIME      SECONDS(600)

struct coap_verified {
	struct coap_remote remote;
	msec expires;
	uint32_t older, younger; /* the order of use */
};

struct coap_verify {
	struct coap_verified *items;
	struct slab slab;
	struct hash_index index;
	uint32_t oldest, youngest; /* of use */
	uint64_t secret;
	uint8_t key[SIPHASH_KEY_BYTES];
};

size_t coap_verify_memory(uint32_t capacity);
void coap_verify_init(struct coap_verify *v, void *memory, uint32_t capacity, struct prng *prng);

/* The value for this remote at this moment. */
void coap_verify_make(
	const struct coap_verify *v, const struct coap_remote *remote, msec now, uint8_t ret[COAP_VERIFY_ECHO_BYTES]);
/* Whether `value` was made here for this remote and is still good. `ret_age` is an upper bound of the time since. */
bool coap_verify_read(
	const struct coap_verify *v, const struct coap_remote *remote, struct bytes value, msec now, msec *ret_age);

/* The remote has brought a value back. */
void coap_verify_confirm(struct coap_verify *v, const struct coap_remote *remote, msec now);
/* Whether it has of late. */
bool coap_verify_knows(struct coap_verify *v, const struct coap_remote *remote, msec now);
uint32_t coap_verify_count(const struct coap_verify *v);
