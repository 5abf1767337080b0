/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is known of peers and Q-Block (RFC 9177): whether one knows it (section 4.1), which counts for a while because
 * it may be renewed, and until when it is left alone because it has not answered a body (section 7.2).
 *
 * A small table found by a hash of the remote; a peer is forgotten when another falls on the same place. To forget does
 * no harm: one question more is asked. `secret` keeps peers from choosing their places. */
#pragma once

#include "coap/transport.h"

#define COAP_QPEERS 64

enum coap_qpeer_support {
	COAP_QPEER_UNKNOWN,
	COAP_QPEER_KNOWS,
	COAP_QPEER_DOES_NOT,
};

struct coap_qpeer {
	uint64_t hash;
	enum coap_qpeer_support support;
	msec until;       /* it counts */
	msec quiet_until; /* the next body has to wait */
};

struct coap_qpeers {
	struct coap_qpeer items[COAP_QPEERS];
	uint64_t secret;
};

void coap_qpeers_init(struct coap_qpeers *t, uint64_t secret);

/* The peer has shown whether it knows Q-Block. */
void coap_qpeer_learned(
	struct coap_qpeers *t, const struct coap_remote *remote, enum coap_qpeer_support support, msec now);
/* The next body for this peer has to wait until then; 0: it has answered. */
void coap_qpeer_hold(struct coap_qpeers *t, const struct coap_remote *remote, msec quiet_until);

enum coap_qpeer_support coap_qpeer_support(const struct coap_qpeers *t, const struct coap_remote *remote, msec now);
msec coap_qpeer_quiet_until(const struct coap_qpeers *t, const struct coap_remote *remote);
