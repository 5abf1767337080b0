/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How many requests one peer may make (RFC 8516): a steady rate, and a burst of one second's worth.
 *
 * A peer is an address without its port, as ports cost nothing. The table is of fixed size; when a row of it is full,
 * whoever has used least of his allowance is forgotten, who gains next to nothing by it. Storage is the caller's. */
#pragma once

#include "coap/carve.h"
#include "coap/transport.h"
#include "coap/base/prng.h"

struct coap_ratelimit {
	struct coap_ratelimit_peer *peers;
	uint32_t rows; /* a power of two */
	int64_t interval_us, burst_us;
	uint64_t secret;
};

size_t coap_ratelimit_memory(uint32_t peers);
/* `per_second` of 0 lets everything pass; then `peers` may be 0, too. */
void coap_ratelimit_init(
	struct coap_ratelimit *r, void *memory, uint32_t peers, uint32_t per_second, struct prng *prng);

/* Counts one request. False when it is too many: after `ret_retry_s` seconds, at least 1, it would not be. */
bool coap_ratelimit_take(struct coap_ratelimit *r, const struct coap_remote *from, msec now, uint32_t *ret_retry_s);
