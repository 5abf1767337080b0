/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Connection IDs (RFC 9146): the short name that a record carries, so that a session is found when its peer's address
 * has changed under it.
 *
 * The receiver of records chooses the name. Ours have a fixed length, because a tls12_cid record does not say how long
 * its name is, and carry sealed inside them where the session is:
 *
 *     worker (8 bits)   slot (24 bits)   generation (32 bits)     permuted under a secret key, 64 bits to 64 bits
 *
 * So a name leads to its session without a table of names, and to its process: whoever has the key, a load balancer or
 * a neighbour on the same port, can tell which worker a record belongs to. To everybody else each name looks random,
 * and watching one session does not tell the name of another. There is no room for a proof of authenticity and no need
 * of one: a name that was made up opens to a slot and a generation that are not there, or, with one chance in 2^64 for
 * each session that is, to a session whose keys do not open the record.
 *
 * The peer's may have any length up to DTLS_CID_MAX_BYTES; an empty one means that records to that peer carry none,
 * which is what a device asks of its server. */
#pragma once

#include "coap/base/bytes.h"
#include "coap/base/slab.h"

#define DTLS_CID_BYTES     8  /* length of the names we choose */
#define DTLS_CID_MAX_BYTES 16 /* longest name of a peer's choice that we remember */
#define DTLS_CID_KEY_BYTES 16
#define DTLS_CID_SLOTS     (UINT32_C(1) << 24) /* what a name has room for */

struct dtls_cid {
	uint8_t len; /* 0: records carry no name */
	uint8_t data[DTLS_CID_MAX_BYTES];
};

static inline struct bytes dtls_cid_bytes(const struct dtls_cid *cid)
{
	return bytes_of(cid->data, cid->len);
}

/* False when the name is longer than we remember. */
bool dtls_cid_of(struct bytes name, struct dtls_cid *ret);

/* What a name of ours says. */
struct dtls_cid_place {
	uint8_t worker;
	struct handle session; /* its slot is below DTLS_CID_SLOTS */
};

/* The name of this place. Each place has one and each name is of one place. */
void dtls_cid_seal(
	const uint8_t key[DTLS_CID_KEY_BYTES], const struct dtls_cid_place *place, uint8_t ret_name[DTLS_CID_BYTES]);
/* False when it has not the length of our names. Whether there is such a session is for the table to say. */
bool dtls_cid_open(const uint8_t key[DTLS_CID_KEY_BYTES], struct bytes name, struct dtls_cid_place *ret);
/* Which worker a datagram is for, by the connection ID of its first record; for whoever distributes datagrams. False
 * when the datagram does not begin with a record that has one, and the address has to decide. */
bool dtls_cid_worker(const uint8_t key[DTLS_CID_KEY_BYTES], struct bytes datagram, uint8_t *ret_worker);
