/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Handshakes by wolfSSL. An edge: it allocates, and it reads the wall clock where certificates are checked.
 *
 * One WOLFSSL_CTX serves all handshakes as server with certificates or pre-shared keys, one those with raw public keys,
 * and one those as client that have the same credential
 * (contexts_wolfssl.h). A handshake holds its WOLFSSL object (8 KB with a PSK, 14 KB with certificates) only while it
 * runs. */
#pragma once

#include "dtls/crypto.h"
#include "dtls/engine.h"

struct dtls_engine_wolfssl_config {
	uint32_t handshakes;                 /* capacity, the same as in struct dtls_config */
	struct dtls_credentials credentials; /* who may come; find_psk is NULL in a pure client */
	struct dtls_own_certificate own;     /* the server's certificate and raw key; empty spans: PSK only */
	const struct dtls_crypto *crypto;    /* outlives the engine */
};

struct dtls_engine_wolfssl;

/* What the spans of the configuration point to is needed only during the call. NULL with a text in `*ret_reason` when a
 * certificate or key is unusable, or memory is short. */
struct dtls_engine_wolfssl *dtls_engine_wolfssl_new(
	const struct dtls_engine_wolfssl_config *config, const char **ret_reason);
/* The server's certificate, anchors and raw key for the handshakes that begin from now on. False with a text, and
 * nothing changed.
 */
bool dtls_engine_wolfssl_renew(
	struct dtls_engine_wolfssl *engine, const struct dtls_own_certificate *own, const char **ret_reason);
void dtls_engine_wolfssl_free(struct dtls_engine_wolfssl *engine);

/* The port; the engine must outlive its use. */
struct dtls_engine dtls_engine_wolfssl_port(struct dtls_engine_wolfssl *engine);
