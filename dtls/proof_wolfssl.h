/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who the peer of a handshake proves to be, and how we prove ourselves as client: what wolfSSL asks during a handshake,
 * answered from the server's knowledge of its peers or from the client's own credential (credential.h).
 *
 * The engine keeps one struct proof for each handshake and has hung it to the WOLFSSL object, as the context of both
 * pre-shared keys and certificates (wolfSSL_set_psk_callback_ctx, wolfSSL_SetCertCbCtx). The first cause of a failure
 * is kept, since wolfSSL's own words for what follows from it are vaguer. */
#pragma once

#include "dtls/engine.h"

struct WOLFSSL;
struct WOLFSSL_X509_STORE_CTX;

struct proof {
	const struct dtls_credentials *peers; /* as server */
	bool is_client;
	bool by_raw_key;                   /* the peer shows a raw public key, or none at all; never a certificate */
	struct dtls_client_credential own; /* as client; borrowed, see dtls_connect */
	bool has_principal, has_failure;
	enum dtls_failure failure;
	struct dtls_principal principal;
	uint8_t identity_len, identity[DTLS_IDENTITY_MAX_BYTES];
};

/* The first failure stays. */
void proof_fail(struct proof *p, enum dtls_failure failure);

/* The key of an identity that a client has named; its length, 0 when it is nobody's. */
unsigned int proof_find_key(struct WOLFSSL *ssl, const char *identity, unsigned char *key, unsigned int capacity);
/* Our own identity and key as client; the key's length. */
unsigned int proof_give_key(struct WOLFSSL *ssl, const char *hint, char *identity, unsigned int identity_max,
	unsigned char *key, unsigned int key_max);
/* One certificate of the peer's chain, the leaf (depth 0) last, and wolfSSL's view of it; 1 when it is good. A raw
 * public key comes the same way, but wolfSSL's view says only that it is one. */
int proof_check_certificate(int is_good, struct WOLFSSL_X509_STORE_CTX *store);
