/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * DTLS 1.2 records (RFC 6347 section 4.1) with an AEAD cipher (RFC 5246 section 6.2.3.3, RFC 6655, RFC 5288) and with
 * connection IDs (RFC 9146).
 *
 *     type(1) version(2) epoch(2) number(6) length(2) fragment              a record without connection ID
 *     type 25 version(2) epoch(2) number(6) cid(n)    length(2) fragment    a record with one
 *
 * An encrypted fragment is explicit nonce (8 bytes, here always epoch and number), ciphertext and tag. With a
 * connection ID the true type is the last byte of the plaintext, followed by zeros as padding. */
#pragma once

#include "dtls/cid.h"
#include "dtls/crypto.h"

#define DTLS_VERSION_1_0          0xfeff
#define DTLS_VERSION_1_2          0xfefd
#define DTLS_RECORD_HEADER_BYTES  13
#define DTLS_EXPLICIT_NONCE_BYTES 8
#define DTLS_IV_BYTES             4                         /* the part of the nonce that comes from the handshake */
#define DTLS_RECORD_NUMBER_MAX    ((UINT64_C(1) << 48) - 1) /* an epoch ends here (RFC 6347 section 4.1) */
#define DTLS_RECORD_PLAINTEXT_MAX 16384                     /* RFC 5246 section 6.2.1 */
#define DTLS_RECORD_OVERHEAD_MAX \
	(DTLS_RECORD_HEADER_BYTES + DTLS_CID_MAX_BYTES + DTLS_EXPLICIT_NONCE_BYTES + 1 + DTLS_TAG_MAX_BYTES)

enum dtls_content { /* RFC 5246 section 6.2.1, RFC 9146 section 3; what arrives may hold any other number */
	DTLS_CONTENT_CHANGE_CIPHER_SPEC = 20,
	DTLS_CONTENT_ALERT = 21,
	DTLS_CONTENT_HANDSHAKE = 22,
	DTLS_CONTENT_APPLICATION = 23,
	DTLS_CONTENT_CID = 25,
};

/* A record found in a datagram. `whole` and `fragment` point into that datagram. */
struct dtls_record {
	uint8_t type;
	uint16_t version;
	uint16_t epoch;
	uint64_t number;  /* 48 bits */
	struct bytes cid; /* of a tls12_cid record, else empty */
	struct bytes fragment;
	struct bytes whole;
};

/* One direction's key and the fixed part of its nonce. */
struct dtls_key {
	uint8_t key[DTLS_KEY_BYTES];
	uint8_t iv[DTLS_IV_BYTES];
};

/* Takes the next record off the front of `*datagram`; `cid_len` is the length of connection IDs in this direction.
 * False when what is left is no record that we could serve: shorter than a header, unknown type, foreign version, a
 * length beyond the datagram. Nothing behind it can be trusted then. */
bool dtls_record_take(struct bytes *datagram, size_t cid_len, struct dtls_record *ret);

/* What goes into a record that leaves. */
struct dtls_record_out {
	enum dtls_content type;
	uint16_t epoch;
	uint64_t number;
	struct bytes cid; /* the receiver's; empty for none */
	struct bytes text;
};

/* How much longer than its text a protected record is. */
static inline size_t dtls_record_overhead(enum dtls_aead aead, size_t cid_len)
{
	return DTLS_RECORD_HEADER_BYTES + DTLS_EXPLICIT_NONCE_BYTES + dtls_aead_tag_bytes(aead) +
	       (cid_len > 0 ? cid_len + 1 : 0);
}

/* An unprotected record (epoch 0). Fails the writer when there is no room. */
void dtls_record_write(struct writer *w, const struct dtls_record_out *out);
/* A protected one. The text is copied into the writer's buffer and encrypted there. */
void dtls_record_seal(struct writer *w, const struct dtls_record_out *out, const struct dtls_crypto *crypto,
	enum dtls_aead aead, const struct dtls_key *key);

/* Decrypts the fragment inside `datagram`, the buffer in which `record` was found, which must be writable. False when
 * it is not authentic, or is authentic nonsense (RFC 9146 section 4: no type behind the padding). */
bool dtls_record_open(const struct dtls_record *record, const struct dtls_crypto *crypto, enum dtls_aead aead,
	const struct dtls_key *key, uint8_t *ret_type, struct bytes *ret_text);
