/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/cookie.h"

void dtls_cookies_init(struct dtls_cookies *c, const struct dtls_crypto *crypto, struct prng *prng)
{
	c->crypto = *crypto;
	prng_fill(prng, c->secret, sizeof c->secret);
}

static struct dtls_cookie_peer peer_in_slot(const struct address *from, uint64_t slot)
{
	struct dtls_cookie_peer peer = {0};
	struct writer w = writer_of(peer.data, sizeof peer.data);
	write_bytes(&w, bytes_of(from, sizeof *from));
	write_u64(&w, slot);
	return peer;
}

static uint64_t slot_of(msec now)
{
	return (uint64_t)(now / DTLS_COOKIE_SLOT);
}

/* The parts and their order are those of wolfSSL's own cookies, so that its server accepts ours. */
static bool make_for(const struct dtls_cookies *c, const struct dtls_cookie_peer *peer, const struct dtls_hello *hello,
	uint8_t ret_cookie[DTLS_COOKIE_BYTES])
{
	struct bytes parts[] = {bytes_of(peer->data, sizeof peer->data), hello->version, hello->random,
		hello->session_id, hello->suites, hello->compression};
	return c->crypto.mac(c->crypto.context, bytes_of(c->secret, sizeof c->secret), parts,
		sizeof parts / sizeof parts[0], ret_cookie);
}

bool dtls_cookie_make(const struct dtls_cookies *c, const struct address *from, const struct dtls_hello *hello,
	msec now, uint8_t ret_cookie[DTLS_COOKIE_BYTES])
{
	struct dtls_cookie_peer peer = peer_in_slot(from, slot_of(now));
	return make_for(c, &peer, hello, ret_cookie);
}

bool dtls_cookie_verify(const struct dtls_cookies *c, const struct address *from, const struct dtls_hello *hello,
	msec now, struct dtls_cookie_peer *ret_peer)
{
	if (hello->cookie.len != DTLS_COOKIE_BYTES)
		return false;
	for (uint64_t back = 0; back <= 1; back++) {
		struct dtls_cookie_peer peer = peer_in_slot(from, slot_of(now) - back);
		uint8_t expected[DTLS_COOKIE_BYTES];
		if (!make_for(c, &peer, hello, expected))
			return false;
		if (bytes_equal_secret(hello->cookie, bytes_of(expected, sizeof expected))) {
			*ret_peer = peer;
			return true;
		}
	}
	return false;
}
