/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The arithmetic of a block option (RFC 7959 section 2.2): which part of a body, whether more follows, how large.
 *
 * A block of size exponent `szx` has 2^(szx + 4) bytes, 16 to 1024. Exponent 7 is reserved on datagram transports; on
 * reliable ones it is BERT (RFC 8323 section 6): the unit of its numbers is 1024 bytes, and one message holds several
 * blocks. There are 2^20 numbers, so a body ends at COAP_BLOCKS_MAX blocks. Offsets are 64 bits wide and cannot wrap.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COAP_BLOCK_SZX_MAX  6
#define COAP_BLOCK_SZX_BERT 7
#define COAP_BLOCK_SIZE_MAX 1024
#define COAP_BLOCKS_MAX     (UINT32_C(1) << 20)

struct coap_block {
	uint32_t number; /* below COAP_BLOCKS_MAX */
	bool has_more;
	uint8_t szx; /* at most COAP_BLOCK_SZX_MAX, or COAP_BLOCK_SZX_BERT */
};

/* Reads the option's value. False for exponent 7 and for a value of more than 24 bits. */
bool coap_block_parse(uint64_t value, struct coap_block *ret);
/* The same where exponent 7 has a meaning. */
bool coap_block_parse_bert(uint64_t value, struct coap_block *ret);
uint32_t coap_block_value(struct coap_block b);

/* What one number stands for. */
static inline uint32_t coap_block_size(uint8_t szx)
{
	return szx > COAP_BLOCK_SZX_MAX ? COAP_BLOCK_SIZE_MAX : UINT32_C(16) << szx;
}

static inline uint64_t coap_block_offset(struct coap_block b)
{
	return (uint64_t)b.number * coap_block_size(b.szx);
}

/* Whether a block with more to come may have a payload this long. */
static inline bool coap_block_is_full(struct coap_block b, size_t len)
{
	if (b.szx == COAP_BLOCK_SZX_BERT)
		return len > 0 && len % COAP_BLOCK_SIZE_MAX == 0;
	return len == coap_block_size(b.szx);
}

/* The largest exponent whose size is at most `size`; `size` below 16 gives 0. */
uint8_t coap_block_szx_of(uint32_t size);
/* The block that begins at `offset`, a multiple of the block size. False when its number does not exist. */
bool coap_block_at(uint64_t offset, uint8_t szx, struct coap_block *ret);
