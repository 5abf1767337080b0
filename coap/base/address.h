/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A transport address without sockaddr: IPv6, with IPv4 as mapped addresses (::ffff:a.b.c.d), port and scope.
 * It is 24 bytes without padding, so it is compared and hashed as a block of bytes. */
#pragma once

#include "coap/base/bytes.h"

struct address {
	uint8_t ip[16];
	uint32_t scope; /* interface index of a link-local address, else 0 */
	uint16_t port;  /* host byte order */
	uint16_t zero;  /* always 0 */
};

_Static_assert(sizeof(struct address) == 24, "struct address has padding");

#define ADDRESS_TEXT_BYTES 64 /* longest text of address_write, with port and scope */

static inline bool address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static inline uint64_t address_hash(const struct address *a, uint64_t seed)
{
	return bytes_hash(bytes_of(a, sizeof *a), seed);
}

struct address address_ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port);
bool address_is_ipv4(const struct address *a);
bool address_is_multicast(const struct address *a);

/* "192.0.2.1:5684", "[2001:db8::1]:5684", "[fe80::1%2]:5684"; lower case, zeros compressed (RFC 5952). */
void address_write(struct writer *w, const struct address *a);
/* Reads what address_write writes; a text without a port gets `default_port`, IPv6 without a port may omit the
 * brackets. Names are not resolved. */
bool address_parse(struct bytes text, uint16_t default_port, struct address *ret);
