/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One request to ever so many devices, none of which is remembered (RFC 8974 section 3): whatever is to be known of a
 * request when its response comes lies sealed in the token (coap/stateless.h).
 *
 *     ask ---> sealed request, non-confirmable ---> response -> the token opens -> `answered`
 *                     |
 *                     +---> RST, or 4.00: no token of that length here
 *                                  |
 *                                  v
 *              request with 8 bytes, remembered ---> response -> `answered`
 *
 * Only those who do not take extended tokens cost memory, from a table of fixed size. A device may also just drop such
 * a request (RFC 7252 section 4.3), which looks like no device at all. Therefore section 3.2 wants to know first: with
 * `tries_first` each device gets a confirmable trial (coap/tokenlength.h), of which SWEEP_TRIALS_MAX are under way at
 * once, and those who do not answer it get the request with 8 bytes.
 *
 * A device that wants an Echo first (RFC 9175) is asked once more with it; that this was so lies in the token, too.
 *
 * Sans-IO: the owner paces `ask`, hands in what arrives, and ticks. */
#pragma once

#include "coap/stateless.h"
#include "coap/tokenlength.h"

#define SWEEP_TRIALS_MAX        256
#define SWEEP_PLAIN_MAX         256 /* requests with 8 bytes that wait for their answer */
#define SWEEP_OPTIONS_MAX_BYTES 1024

struct sweep_config {
	const struct coap_options *options; /* of the request, a GET; must stay */
	const struct coap_transport *transport;
	uint32_t rate; /* requests a second at most; the replay window is sized by it */
	msec timeout;  /* how long an answer counts */
	bool tries_first;
	uint8_t max_retransmit; /* how often a trial is sent again */
	/* An answer; `m` is borrowed. */
	void (*answered)(void *context, const struct address *from, const struct coap_message *m, msec round_trip);
	void *context;
};

struct sweep_counters {
	uint64_t asked;                  /* devices */
	uint64_t answered;               /* of these */
	uint64_t refused;                /* take no extended token, by their own word */
	uint64_t asked_plain;            /* asked with 8 bytes */
	uint64_t dropped;                /* were to be asked with 8 bytes, but the table was full */
	uint64_t rejected;               /* have reset the request with 8 bytes as well */
	uint64_t forged, late, replayed; /* responses whose token does not open */
	uint64_t unusable;               /* responses with an option that is critical and not known here */
};

struct sweep_plain {
	struct address to;
	struct coap_token token;
	uint16_t id;
	bool has_echo;
	msec sent, expires; /* 0 marks a free place */
};

struct sweep {
	struct sweep_config config;
	struct coap_stateless stateless;
	struct coap_tokenlengths lengths;
	struct sweep_plain plain[SWEEP_PLAIN_MAX];
	struct sweep_counters counters;
	struct prng prng;
	msec quiet; /* when all sealed requests are too old for an answer */
};

size_t sweep_memory(const struct sweep_config *config);
/* `memory` is aligned to CARVE_ALIGNMENT and stays the owner's. */
void sweep_init(struct sweep *s, void *memory, const struct sweep_config *config, const uint8_t seed[PRNG_SEED_BYTES],
	msec now);

/* Whether another device may be asked now; with `tries_first` not while all trials are under way. */
bool sweep_has_room(const struct sweep *s);
void sweep_ask(struct sweep *s, const struct address *device, msec now);
void sweep_receive(struct sweep *s, const struct address *from, struct bytes datagram, msec now);

msec sweep_deadline(const struct sweep *s);
void sweep_tick(struct sweep *s, msec now);
/* Whether no answer can come any more. */
bool sweep_is_over(const struct sweep *s, msec now);
