/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Answers to requests that came to a multicast address, until their moment comes (RFC 7252 section 8.2).
 *
 * If all members of a group answered at once they would drown each other and the one who asked. So each answers at a
 * moment drawn by chance from its leisure. Where the group's size is known, that is as long as the group needs to say
 * its answers one after the other at the target rate, lb_Leisure = S * G / R; else it is DEFAULT_LEISURE. The handler
 * runs at once; what waits here is its answer as a datagram. When there is no room the answer is not given: nobody can
 * tell that from a member that has nothing to say. Storage is the caller's. */
#pragma once

#include "coap/carve.h"
#include "coap/retransmit.h"
#include "coap/transport.h"

struct coap_group_parameters {
	msec leisure;      /* DEFAULT_LEISURE, 5 s */
	uint32_t members;  /* estimate of the group's size, G; 0 when there is none */
	uint32_t rate_bps; /* target data rate of the whole group in bytes a second, R; 1,000 */
};

#define COAP_GROUP_PARAMETERS_DEFAULT                   \
	{                                               \
		.leisure = SECONDS(5), .rate_bps = 1000 \
	}

struct coap_group_answer {
	struct coap_remote remote;
	uint16_t len;
	uint8_t datagram[COAP_DATAGRAM_MAX_BYTES];
};

struct coap_group {
	struct coap_group_answer *items;
	struct slab slab;
	struct deadlines deadlines;
};

size_t coap_group_memory(uint32_t capacity);
void coap_group_init(struct coap_group *g, void *memory, uint32_t capacity);

/* How long the members of the group may take with answers of `len` bytes. */
msec coap_group_leisure(const struct coap_group_parameters *p, size_t len);

/* Keeps a copy of an answer that is to leave at `at`. False when full. */
bool coap_group_add(struct coap_group *g, const struct coap_remote *remote, struct bytes datagram, msec at);
msec coap_group_deadline(const struct coap_group *g);
/* Takes one answer whose moment has come. Call until false. What is returned is valid until the next add. */
bool coap_group_due(struct coap_group *g, msec now, const struct coap_group_answer **ret);
uint32_t coap_group_count(const struct coap_group *g);
