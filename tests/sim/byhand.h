/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A node without an endpoint behind it: a test writes its datagrams byte by byte, and looks at what comes back. */
#pragma once

#include "coap/message.h"
#include "tests/sim/peer.h"

struct byhand {
	struct world_node node;
	uint8_t data[1500]; /* the latest datagram that came */
	size_t len;
	int count; /* how many came since it was last set to 0 */
	/* The messages that came, one line each, without Message-ID and token; as far as there is room. */
	char heard[4096];
	size_t heard_len;
};

/* Joins as 192.0.2.`host`, port 5683. */
void byhand_join(struct byhand *b, struct world *w, uint8_t host);
/* Sends these bytes to a peer, and lets a tenth of a second pass. */
void byhand_send(struct byhand *b, const struct peer *to, struct bytes datagram);
/* The same for a message without options: `token` and `payload` may be empty. */
void byhand_say(struct byhand *b, const struct peer *to, enum coap_type type, enum coap_code code, uint16_t id,
	struct bytes token, struct bytes payload);
/* The same with options and a long payload. */
void byhand_tell(struct byhand *b, const struct peer *to, enum coap_type type, enum coap_code code, uint16_t id,
	struct bytes token, const struct coap_options *options, struct bytes payload);
/* The latest datagram, which must be a message. */
struct coap_message byhand_message(const struct byhand *b);
/* Parts of the latest datagram, which must have come. */
enum coap_type byhand_type(const struct byhand *b);
uint8_t byhand_code(const struct byhand *b);
uint16_t byhand_id(const struct byhand *b);
struct bytes byhand_token(const struct byhand *b);
/* Whether exactly these lines were heard since it was asked last. Tells of a difference on standard error. */
bool byhand_heard(struct byhand *b, const char *lines);
/* Whether exactly one datagram has come since `count` was 0, an Empty message of this type and Message-ID. Begins to
 * count anew. */
bool byhand_got_empty(struct byhand *b, enum coap_type type, uint16_t id);
