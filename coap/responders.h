/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who has answered a group request already: the network may repeat an answer, and a member may answer twice (RFC 7252
 * section 8.2, RFC 7390 section 2.5).
 *
 * One table serves all group requests of an endpoint. Each request has a list in it, whose head its owner keeps (0 for
 * an empty one) and gives back when the request ends. `secret` keeps members from choosing collisions. Storage is the
 * caller's. */
#pragma once

#include "coap/carve.h"
#include "coap/hashindex.h"
#include "coap/transport.h"

struct coap_responder {
	struct coap_remote remote;
	uint64_t request;
	uint32_t next; /* slot + 1 of another of the same request; 0 at the end */
};

struct coap_responders {
	struct coap_responder *items;
	struct slab slab;
	struct hash_index index; /* by request and remote */
	uint64_t secret;
};

enum coap_responder_verdict {
	COAP_RESPONDER_NEW,
	COAP_RESPONDER_KNOWN,
	COAP_RESPONDER_FULL, /* it cannot be told whether it answers again */
};

size_t coap_responders_memory(uint32_t capacity);
void coap_responders_init(struct coap_responders *t, void *memory, uint32_t capacity, uint64_t secret);

/* `remote` answers the request, which is told from others by `request`. */
enum coap_responder_verdict coap_responder_add(
	struct coap_responders *t, uint64_t request, const struct coap_remote *remote, uint32_t *head);
/* The request has ended. */
void coap_responders_forget(struct coap_responders *t, uint32_t *head);
uint32_t coap_responders_count(const struct coap_responders *t);
