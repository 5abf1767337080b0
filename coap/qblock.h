/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What both directions of a Q-Block transfer share: parameters, sets, and lists of missing blocks (RFC 9177).
 *
 * Q-Block1 and Q-Block2 have the arithmetic of Block1 and Block2 (coap/block.h). The difference is in who speaks: the
 * sender of a body lets its blocks go in sets of MAX_PAYLOADS without being asked for each, and waits between two sets
 * unless the receiver says that it has the whole set; the receiver says what it lacks. See coap/qblock_send.h and
 * coap/qblock_receive.h.
 *
 * A list of missing blocks goes in a 4.08 as a CBOR sequence of unsigned integers (section 5), or in a request as one
 * Q-Block2 option for each (section 4.4). Both ascend. */
#pragma once

#include "coap/block.h"
#include "coap/base/bytes.h"
#include "coap/base/msec.h"
#include "coap/base/prng.h"

/* Section 7.2. Both ends should have the same max_payloads; a larger one is for peers that agreed on it elsewhere. */
struct coap_qblock_parameters {
	uint16_t max_payloads;      /* MAX_PAYLOADS, 10; at least 1 */
	uint8_t non_max_retransmit; /* NON_MAX_RETRANSMIT, 4, at most 20: how often missing blocks are asked for in vain
				     */
	uint16_t random_permille;   /* ACK_RANDOM_FACTOR, 1500 */
	msec non_timeout;           /* NON_TIMEOUT, 2 s: between two sets, times 1 to ACK_RANDOM_FACTOR */
	msec non_receive_timeout;   /* NON_RECEIVE_TIMEOUT, 4 s: until missing blocks are asked for; then doubling */
	msec non_probing_wait;      /* NON_PROBING_WAIT; 0 computes it, 247 s */
	msec non_partial_timeout;   /* NON_PARTIAL_TIMEOUT; 0 computes it, 247 s */
	uint32_t probing_bytes_in_s; /* PROBING_RATE (RFC 7252 section 4.7), 1 */
};

#define COAP_QBLOCK_PARAMETERS_DEFAULT                                                                           \
	{                                                                                                        \
		.max_payloads = 10, .non_max_retransmit = 4, .random_permille = 1500, .non_timeout = SECONDS(2), \
		.non_receive_timeout = SECONDS(4), .probing_bytes_in_s = 1,                                      \
	}

/* NON_TIMEOUT_RANDOM: drawn once for each body. */
msec coap_qblock_pause(const struct coap_qblock_parameters *p, struct prng *prng);
msec coap_qblock_partial_timeout(const struct coap_qblock_parameters *p);
/* How long a peer that does not respond is left alone after a body of so many bytes: as PROBING_RATE says, but
 * NON_PROBING_WAIT at most. */
msec coap_qblock_probing_wait(const struct coap_qblock_parameters *p, uint64_t bytes);

/* How many blocks a body of `size` bytes has: at least one. */
static inline uint64_t coap_qblock_count(uint64_t size, uint8_t szx)
{
	uint64_t full = size >> (szx + 4);
	return full + (full == 0 || size % coap_block_size(szx) != 0);
}

/* Behind the last block of the set that `number` is in; the body may end earlier. */
static inline uint32_t coap_qblock_set_end(uint32_t number, uint16_t max_payloads)
{
	return (number / max_payloads + 1) * max_payloads;
}

/* ---- application/missing-blocks+cbor-seq ---- */

#define COAP_QBLOCK_MISSING_ITEM_BYTES 5 /* the longest number that we write */

void coap_qblock_missing_write(struct writer *w, uint32_t number);

/* Whether the list may be used: numbers that ascend, at least one. A number that repeats the one before is let pass,
 * because it is to be ignored; one that goes back makes the list useless (section 5). */
bool coap_qblock_missing_is_valid(struct bytes list);
/* The next number of a valid list, without repetitions. `previous` is UINT32_MAX at first. False at the end. */
bool coap_qblock_missing_next(struct reader *list, uint32_t *previous);
