/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A client without state for its requests: what it would remember of one travels in the token, and comes back with the
 * response (RFC 8974 sections 3 and 5.2).
 *
 *      1 byte           8 bytes            4 bytes       4 bytes         0 to 23 bytes
 *     | key generation | tag              | number      | sent at (ms)  | state           |
 *                        SipHash of the peer and all that follows; masks what follows
 *
 * A token opens when its tag fits these bytes and the remote they come from, when it is not older than its lifetime,
 * and when it has not been opened before. Requests are numbered, and of the latest `window` numbers one bit each is
 * kept; that is all the memory there is, however many requests are out. A response to an earlier one is too late, so
 * the window is to hold all requests of one lifetime. Number, time and state are masked by a stream that the tag
 * selects (a synthetic initialisation vector): who sees the token does not learn how many requests there were.
 *
 * The keys are derived from the owner's secret and renewed after each lifetime; the previous one still opens. A new
 * secret makes all tokens of earlier runs forgeries.
 *
 * A reset carries no token, only the Message-ID (section 2.2.2). The ones made here are half number and half a hash of
 * the peer, so that somebody who does not see the requests hits one by one in 256 only. That is less than a token
 * gives: let a reset cause no more than another request. */
#pragma once

#include "coap/message.h"
#include "coap/transport.h"
#include "coap/base/siphash.h"

#define COAP_STATELESS_TOKEN_MAX_BYTES 40
#define COAP_STATELESS_OVERHEAD_BYTES  17 /* the token of an empty state */
#define COAP_STATELESS_STATE_MAX_BYTES (COAP_STATELESS_TOKEN_MAX_BYTES - COAP_STATELESS_OVERHEAD_BYTES)
#define COAP_STATELESS_WINDOW_MIN      64
#define COAP_STATELESS_WINDOW_MAX      (UINT32_C(1) << 24)

/* The keys of one generation. */
struct coap_stateless_keys {
	uint8_t tag[SIPHASH_KEY_BYTES], mask[SIPHASH_KEY_BYTES], id[SIPHASH_KEY_BYTES];
};

struct coap_stateless {
	uint8_t secret[SIPHASH_KEY_BYTES];
	struct coap_stateless_keys current, previous;
	uint32_t generation; /* of the current keys; the first is 1, which has no previous one */
	bool has_previous;
	msec renews;   /* when the current keys become the previous ones */
	msec lifetime; /* of a token, and of a generation */
	uint32_t next; /* number of the next request */
	uint32_t window;
	uint64_t *opened; /* one bit for each number of the window, at its place modulo `window` */
};

struct coap_stateless_state {
	uint8_t bytes[COAP_STATELESS_STATE_MAX_BYTES];
	uint8_t len;
	msec age; /* since it was sealed */
};

enum coap_stateless_verdict {
	COAP_STATELESS_OPENED,
	COAP_STATELESS_FORGED,   /* never sealed here for this remote, or changed on the way, or the key is gone */
	COAP_STATELESS_LATE,     /* older than its lifetime, or than the window reaches */
	COAP_STATELESS_REPLAYED, /* opened before */
};

/* `window` is a power of two from WINDOW_MIN to WINDOW_MAX; `lifetime` at most a day. `memory` is aligned to 8 bytes
 * and stays the owner's. `secret` is drawn at random, anew whenever the program starts. */
size_t coap_stateless_memory(uint32_t window);
void coap_stateless_init(struct coap_stateless *t, void *memory, uint32_t window,
	const uint8_t secret[SIPHASH_KEY_BYTES], msec lifetime, msec now);

/* A new token of this state for a request to this remote, at most `max_bytes` long, which is what the remote takes
 * (coap/tokenlength.h). False when it does not fit there, as nothing does in the 8 bytes of RFC 7252: such a request
 * needs state of its own. `ret_id` is the Message-ID to go with it. */
bool coap_stateless_seal(struct coap_stateless *t, const struct coap_remote *to, struct bytes state, size_t max_bytes,
	msec now, struct coap_token *ret, uint16_t *ret_id);
/* The token of a response from this remote. A token opens once. */
enum coap_stateless_verdict coap_stateless_open(struct coap_stateless *t, const struct coap_remote *from,
	struct bytes token, msec now, struct coap_stateless_state *ret);
/* Whether a request to this remote may have had this Message-ID, within the latest two lifetimes. */
bool coap_stateless_has_id(struct coap_stateless *t, const struct coap_remote *remote, uint16_t id, msec now);
