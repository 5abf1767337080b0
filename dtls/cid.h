/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Connection IDs (RFC 9146): the short name that a record carries, so that a session is found when its peer's address
 * has changed under it.
 *
 * The receiver of records chooses the name. Ours have a fixed length, because a tls12_cid record does not say how long
 * its name is, and are drawn from a generator that outsiders cannot predict, so that watching one session does
 * not tell the name of another. The peer's may have any length up to DTLS_CID_MAX_BYTES; an empty one means that
 * records to that peer carry none, which is what a device asks of its server. */
#pragma once

#include "coap/base/bytes.h"
#include "coap/base/prng.h"

#define DTLS_CID_BYTES     8  /* length of the names we choose */
#define DTLS_CID_MAX_BYTES 16 /* longest name of a peer's choice that we remember */

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

/* A fresh name of our own. */
void dtls_cid_draw(struct prng *prng, uint8_t ret_name[DTLS_CID_BYTES]);
