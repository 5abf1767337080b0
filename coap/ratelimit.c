/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every request pays for `interval` of the future; as long as no more than the burst is paid in advance it passes. So a
 * peer is one number. Those whose number lies in the past are as good as unknown. */
#include "coap/ratelimit.h"

#define WAYS 8 /* peers in one row */

struct coap_ratelimit_peer {
	uint8_t ip[16];
	uint32_t scope;
	int64_t paid_until_us;
};

static uint32_t rows_for(uint32_t peers)
{
	uint32_t rows = 1;
	while (rows * WAYS < peers && rows < UINT32_C(1) << 24)
		rows *= 2;
	return rows;
}

size_t coap_ratelimit_memory(uint32_t peers)
{
	struct carve c = {NULL, 0};
	if (peers > 0)
		(void)carve_take(&c, (size_t)rows_for(peers) * WAYS, sizeof(struct coap_ratelimit_peer));
	return c.used;
}

void coap_ratelimit_init(struct coap_ratelimit *r, void *memory, uint32_t peers, uint32_t per_second, struct prng *prng)
{
	assert(per_second == 0 || peers > 0);
	*r = (struct coap_ratelimit){.peers = memory, .rows = rows_for(peers)};
	if (per_second == 0)
		return;
	r->secret = prng_u64(prng);
	memset(memory, 0, coap_ratelimit_memory(peers));
	r->interval_us = per_second < 1000000 ? 1000000 / per_second : 1;
	r->burst_us = 1000000;
}

/* The peer's place, or that of the one in its row who is forgotten for it. */
static struct coap_ratelimit_peer *place_of(struct coap_ratelimit *r, const struct address *a)
{
	uint64_t hash = bytes_hash(bytes_of(a->ip, sizeof a->ip), r->secret + a->scope);
	struct coap_ratelimit_peer *row = &r->peers[(hash & (r->rows - 1)) * WAYS], *least = row;
	for (int i = 0; i < WAYS; i++) {
		if (memcmp(row[i].ip, a->ip, sizeof a->ip) == 0 && row[i].scope == a->scope)
			return &row[i];
		if (row[i].paid_until_us < least->paid_until_us)
			least = &row[i];
	}
	memcpy(least->ip, a->ip, sizeof a->ip);
	least->scope = a->scope;
	least->paid_until_us = 0;
	return least;
}

bool coap_ratelimit_take(struct coap_ratelimit *r, const struct coap_remote *from, msec now, uint32_t *ret_retry_s)
{
	if (r->interval_us == 0)
		return true;
	struct coap_ratelimit_peer *peer = place_of(r, &from->address);
	int64_t now_us = now * 1000;
	int64_t paid = (peer->paid_until_us > now_us ? peer->paid_until_us : now_us) + r->interval_us;
	int64_t excess = paid - now_us - (r->burst_us > r->interval_us ? r->burst_us : r->interval_us);
	if (excess > 0) {
		*ret_retry_s = (uint32_t)((excess + 999999) / 1000000);
		return false;
	}
	peer->paid_until_us = paid;
	return true;
}
