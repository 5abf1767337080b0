/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Message-IDs for what this endpoint starts (RFC 7252 section 4.4): unpredictable at first, then counted up, so that
 * none comes again towards the same remote within EXCHANGE_LIFETIME.
 *
 * There is no memory per remote. Each remote falls by a secret hash into one of COAP_MESSAGE_ID_BUCKETS counters, and
 * its IDs are the counter plus an offset from the same hash. Remotes that share a counter skip the numbers the others
 * took; each still sees a number only once in 65,536 messages of the bucket. That is EXCHANGE_LIFETIME as long as a
 * bucket sends fewer than 265 messages a second. A bulk download goes faster than that towards its one remote; it
 * consists of GETs, which a server may answer afresh when it takes one for a repetition (section 4.5), and a response
 * that answers an older request is told by its token. */
#pragma once

#include "coap/transport.h"
#include "coap/base/prng.h"

#define COAP_MESSAGE_ID_BUCKETS 1024

struct coap_message_ids {
	uint64_t secret;
	uint16_t counters[COAP_MESSAGE_ID_BUCKETS];
};

void coap_message_ids_init(struct coap_message_ids *m, struct prng *prng);
/* The next Message-ID towards `remote`. */
uint16_t coap_message_ids_next(struct coap_message_ids *m, const struct coap_remote *remote);
