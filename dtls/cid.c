/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The permutation is a Feistel network of two halves of 32 bits with SipHash as its round function. Four rounds would
 * do against an observer (Luby and Rackoff, "How to construct pseudorandom permutations from pseudorandom functions",
 * 1988); two more keep it good beyond the 2^16 names that a small half would else set as a bound. */
#include "dtls/cid.h"

#include "coap/base/siphash.h"

#include <assert.h>

#define ROUNDS          6
#define SLOT_BITS       24
#define RECORD_TYPE_CID 25 /* RFC 9146 section 3 */
#define NAME_OFFSET     11 /* behind type, version, epoch and number (RFC 9146 section 4) */

_Static_assert(DTLS_CID_KEY_BYTES == SIPHASH_KEY_BYTES, "the key is one of SipHash");

bool dtls_cid_of(struct bytes name, struct dtls_cid *ret)
{
	if (name.len > DTLS_CID_MAX_BYTES)
		return false;
	*ret = (struct dtls_cid){.len = (uint8_t)name.len};
	if (name.len > 0)
		memcpy(ret->data, name.data, name.len);
	return true;
}

static uint32_t mixed(const uint8_t key[DTLS_CID_KEY_BYTES], uint8_t number, uint32_t half)
{
	uint8_t block[5];
	struct writer w = writer_of(block, sizeof block);
	write_u8(&w, number);
	write_u32(&w, half);
	return (uint32_t)siphash(key, bytes_of(block, sizeof block));
}

void dtls_cid_seal(
	const uint8_t key[DTLS_CID_KEY_BYTES], const struct dtls_cid_place *place, uint8_t ret_name[DTLS_CID_BYTES])
{
	assert(place->session.slot < DTLS_CID_SLOTS);
	uint32_t left = (uint32_t)place->worker << SLOT_BITS | place->session.slot, right = place->session.generation;
	for (uint8_t i = 0; i < ROUNDS; i++) {
		uint32_t next = left ^ mixed(key, i, right);
		left = right;
		right = next;
	}
	struct writer w = writer_of(ret_name, DTLS_CID_BYTES);
	write_u32(&w, left);
	write_u32(&w, right);
}

bool dtls_cid_open(const uint8_t key[DTLS_CID_KEY_BYTES], struct bytes name, struct dtls_cid_place *ret)
{
	if (name.len != DTLS_CID_BYTES)
		return false;
	struct reader r = reader_of(name);
	uint32_t left = read_u32(&r), right = read_u32(&r);
	for (uint8_t i = ROUNDS; i-- > 0;) {
		uint32_t before = right ^ mixed(key, i, left);
		right = left;
		left = before;
	}
	*ret = (struct dtls_cid_place){(uint8_t)(left >> SLOT_BITS), {left & (DTLS_CID_SLOTS - 1), right}};
	return true;
}

bool dtls_cid_worker(const uint8_t key[DTLS_CID_KEY_BYTES], struct bytes datagram, uint8_t *ret_worker)
{
	struct dtls_cid_place place;
	if (datagram.len < NAME_OFFSET + DTLS_CID_BYTES || datagram.data[0] != RECORD_TYPE_CID)
		return false;
	if (!dtls_cid_open(key, bytes_of(datagram.data + NAME_OFFSET, DTLS_CID_BYTES), &place))
		return false;
	*ret_worker = place.worker;
	return true;
}
