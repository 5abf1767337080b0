/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the way to a remote allows: how long a message may be, how much of a body goes into one, and whether there is a
 * message layer at all.
 *
 *                         datagrams (RFC 7252)           a connection (RFC 8323)
 *     message             what fits the path             what the receiver has said
 *     body without a      one block of the size used     as much as fits the message
 *     block option
 *     block               up to 1024 bytes               up to 1024 bytes, or as many times 1024 as fit (BERT,
 *                                                        section 6) when the receiver has said so
 *     ACK, RST, CON,      yes                            no: each message is sent once, arrives once, in order
 *     Message-ID */
#pragma once

#include "coap/block.h"

struct coap_carrier {
	bool is_reliable;
	bool has_bert;
	uint32_t message_max; /* bytes, on the wire */
};

/* The exponent of the blocks used there by somebody who uses `own` on datagrams: 7 stands for BERT. Whoever wants
 * small blocks gets them on a connection too. */
static inline uint8_t coap_carrier_szx(const struct coap_carrier *c, uint8_t own)
{
	return c->has_bert && own == COAP_BLOCK_SZX_MAX ? COAP_BLOCK_SZX_BERT : own;
}

/* Bytes of a body that fit one message beside `overhead` bytes of everything else. */
static inline uint32_t coap_carrier_room(const struct coap_carrier *c, size_t overhead)
{
	return overhead < c->message_max ? c->message_max - (uint32_t)overhead : 0;
}

/* The largest body that needs no block option, for blocks of exponent `szx`. */
uint32_t coap_carrier_whole_max(const struct coap_carrier *c, uint8_t szx, size_t overhead);
/* The exponent `szx`, or a smaller one when the message has no room for such a block. */
uint8_t coap_carrier_fitting_szx(const struct coap_carrier *c, uint8_t szx, size_t overhead);
/* How many bytes a block of this exponent holds when more follow: its size, or a multiple of it with BERT. */
uint32_t coap_carrier_part_max(const struct coap_carrier *c, uint8_t szx, size_t overhead);
