/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Many addresses in few words:
 *
 *     192.0.2.7                     one, at the default port
 *     192.0.2.0/24                  a network; of IPv4, without its own and its broadcast address
 *     192.0.2.10-192.0.2.20         from one to another; -20 is enough
 *     192.0.2.7:5683-5690           at several ports; also behind a network or a range
 *     [2001:db8::/120]:5683         IPv6 in brackets when ports follow
 *
 * They are counted through, not listed, so that a network costs no more memory than an address. */
#pragma once

#include "coap/base/address.h"

#define TARGETS_TEXT_MAX_BYTES 160

struct targets {
	struct address first;
	uint64_t addresses; /* one after the other; at most 2^32 */
	uint32_t ports;     /* of each; from first.port on */
	uint64_t next;      /* how many have been taken */
};

/* False with a reason for people. Names are not looked up. */
bool targets_parse(struct bytes text, uint16_t default_port, struct targets *ret, const char **ret_reason);
/* Takes the next, all addresses at one port before the next port, so that a device is not asked twice in a row. False
 * when there is none. */
bool targets_next(struct targets *t, struct address *ret);
