/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The WOLFSSL_CTX objects that handshakes begin from: suites, certificates, keys and anchors, and one random generator.
 *
 * A server has two, until what it proves itself with is renewed: since wolfSSL lets a context show either a certificate
 * or a raw public key, clients that ask for raw keys get one of their own. A client's depends on its credential;
 * reading that and seeding a generator cost more than a handshake with a pre-shared key, so the one made last is kept
 * and used for as long as the credential is the same. A handshake holds on to the context it began with, so contexts
 * may be given up at any time.
 *
 * Only the profile of RFC 7925 section 4 can be had: no suite that is weak or proves nobody. */
#pragma once

#include "dtls/engine.h"

#define CLIENT_CONTEXT_MARK_BYTES 32

struct WOLFSSL_CTX;

/* NULL with a text in `*ret_reason` when the certificate or key is unusable, or memory is short. To be freed with
 * wolfSSL_CTX_free. */
struct WOLFSSL_CTX *server_context_new(
	const struct dtls_credentials *peers, const struct dtls_own_certificate *own, const char **ret_reason);
/* The same for clients that ask for raw public keys. Without one of our own it leaves them pre-shared keys, and no
 * suite at all where there are none of those either. */
struct WOLFSSL_CTX *server_raw_key_context_new(
	const struct dtls_credentials *peers, const struct dtls_own_certificate *own, const char **ret_reason);

/* The last one, and a hash of what it was made from; zero at first. */
struct client_context {
	struct WOLFSSL_CTX *context;
	uint8_t mark[CLIENT_CONTEXT_MARK_BYTES];
};

/* The context for this credential, which stays `c`'s; NULL when the credential is unusable, or memory is short. */
struct WOLFSSL_CTX *client_context_for(struct client_context *c, const struct dtls_client_credential *credential);
void client_context_done(struct client_context *c);
