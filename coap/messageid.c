/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/messageid.h"

void coap_message_ids_init(struct coap_message_ids *m, struct prng *prng)
{
	*m = (struct coap_message_ids){.secret = prng_u64(prng)};
}

uint16_t coap_message_ids_next(struct coap_message_ids *m, const struct coap_remote *remote)
{
	uint64_t hash = coap_remote_hash(remote, m->secret);
	uint16_t offset = (uint16_t)(hash >> 48);
	return (uint16_t)(offset + m->counters[hash % COAP_MESSAGE_ID_BUCKETS]++);
}
