/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who somebody is and how he proves it: pre-shared keys (RFC 4279), certificates (RFC 7925 section 4.4) and raw public
 * keys (RFC 7250, RFC 7925 section 4.3). A raw public key says nothing of its owner; it is known by the SHA-256 of its
 * SubjectPublicKeyInfo, and only to whom has been told of it before.
 *
 * A server is given a port, `struct dtls_credentials`, that knows the peers; credential_table.h is one kept in memory.
 * A client brings its own `struct dtls_client_credential`. The answers are immediate: keys lie in memory. */
#pragma once

#include "coap/base/bytes.h"

#define DTLS_PSK_MAX_BYTES      64  /* RFC 4279 section 5.3 */
#define DTLS_IDENTITY_MAX_BYTES 128 /* RFC 4279 section 5.3 */
#define DTLS_RAW_KEY_BYTES      32  /* the SHA-256 of a SubjectPublicKeyInfo */
#define DTLS_NAME_MAX_BYTES     128 /* endpoint names */

struct dtls_psk {
	uint8_t len;
	uint8_t data[DTLS_PSK_MAX_BYTES];
};

/* Whom a credential belongs to. */
struct dtls_principal {
	uint64_t number; /* what the port wants to find again in dtls_session_info; of no meaning here */
	uint8_t name_len;
	char name[DTLS_NAME_MAX_BYTES]; /* the endpoint name, without a terminating zero */
};

static inline struct bytes dtls_principal_name(const struct dtls_principal *p)
{
	return bytes_of(p->name, p->name_len);
}

/* False, and nothing changed, when the name is longer than DTLS_NAME_MAX_BYTES. */
static inline bool dtls_principal_set_name(struct dtls_principal *p, struct bytes name)
{
	if (name.len > sizeof p->name)
		return false;
	memcpy(p->name, name.data == NULL ? (const uint8_t *)"" : name.data, name.len);
	p->name_len = (uint8_t)name.len;
	return true;
}

/* What a peer's certificate says of its owner, after its chain has been verified. */
struct dtls_certificate {
	struct bytes uri;         /* the first uniformResourceIdentifier of the subjectAltName, or empty */
	struct bytes common_name; /* or empty */
	struct bytes der;         /* the whole certificate */
};

/* The server's knowledge of its peers. */
struct dtls_credentials {
	void *context;
	/* The key of a PSK identity and whom it belongs to. False: unknown, or no longer welcome. */
	bool (*find_psk)(void *context, struct bytes identity, struct dtls_psk *ret_key, struct dtls_principal *ret);
	/* Whom a verified certificate belongs to. False: not one of ours. NULL: no certificates. */
	bool (*find_certificate)(void *context, const struct dtls_certificate *certificate, struct dtls_principal *ret);
	/* Whom a raw public key of this digest (DTLS_RAW_KEY_BYTES) belongs to. The peer has its private half, which is
	 * all that has been proved. False: not one of ours. NULL: no raw keys. */
	bool (*find_raw_key)(void *context, struct bytes digest, struct dtls_principal *ret);
};

/* What we prove ourselves with beside pre-shared keys; all PEM, P-256. */
struct dtls_own_certificate {
	/* The chain, leaf first, its key, and the anchors that peers must chain to. Empty: no certificate. */
	struct bytes chain_pem, key_pem, anchors_pem;
	struct bytes raw_key_pem; /* a private key whose public half is shown bare; empty: none */
};

enum dtls_credential_kind {
	DTLS_CREDENTIAL_PSK,
	DTLS_CREDENTIAL_CERTIFICATE,
	DTLS_CREDENTIAL_RAW_KEY,
};

/* A client's. What it points to must stay valid until the handshake has ended. */
struct dtls_client_credential {
	enum dtls_credential_kind kind;
	struct bytes psk_identity, psk_key;      /* DTLS_CREDENTIAL_PSK */
	struct dtls_own_certificate certificate; /* DTLS_CREDENTIAL_CERTIFICATE; DTLS_CREDENTIAL_RAW_KEY: raw_key_pem */
	struct bytes server_raw_key;             /* DTLS_CREDENTIAL_RAW_KEY: the digest of the server's, and no other */
	/* DTLS_CREDENTIAL_CERTIFICATE: the server's own, DER, and no other, whoever has signed it and until whenever
	 * (RFC 6698 usage 3). Empty: any that chains to the anchors and has the name. */
	struct bytes server_certificate;
	/* What the server's certificate must name: a dNSName, an iPAddress, a uniformResourceIdentifier or the common
	 * name. Empty: any certificate under the anchors will do, for closed systems with one server. */
	struct bytes server_name;
	uint16_t only_suite; /* offer this one alone (enum dtls_suite); 0: all that fit the kind */
};
