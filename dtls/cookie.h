/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Cookies: the proof that a peer receives what is sent to its address (RFC 6347 section 4.2.1), without memory of it.
 *
 * A cookie is an HMAC over address, time slot and the parameters of the ClientHello that must not change. The slots
 * give it an end of life: it is good in the slot it was made in and in the next one. */
#pragma once

#include "coap/base/address.h"
#include "coap/base/msec.h"
#include "coap/base/prng.h"
#include "dtls/engine.h"
#include "dtls/hello.h"

#define DTLS_COOKIE_BYTES      DTLS_MAC_BYTES
#define DTLS_COOKIE_SLOT       SECONDS(60)
#define DTLS_COOKIE_PEER_BYTES (sizeof(struct address) + 8)

struct dtls_cookies {
	struct dtls_crypto crypto;
	uint8_t secret[DTLS_COOKIE_SECRET_BYTES];
};

/* The part of a cookie that stands for the peer: address and time slot. An engine that verifies the cookie itself must
 * be given the same bytes. */
struct dtls_cookie_peer {
	uint8_t data[DTLS_COOKIE_PEER_BYTES];
};

void dtls_cookies_init(struct dtls_cookies *c, const struct dtls_crypto *crypto, struct prng *prng);

/* False when the crypto port fails. */
bool dtls_cookie_make(const struct dtls_cookies *c, const struct address *from, const struct dtls_hello *hello,
	msec now, uint8_t ret_cookie[DTLS_COOKIE_BYTES]);
/* Whether the hello's cookie is one of ours for this address and these parameters, and not too old. */
bool dtls_cookie_verify(const struct dtls_cookies *c, const struct address *from, const struct dtls_hello *hello,
	msec now, struct dtls_cookie_peer *ret_peer);
