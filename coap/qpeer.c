/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qpeer.h"

/* What a peer said about Q-Block is asked again after this time. */
#define SUPPORT_LIFETIME SECONDS(60 * 60)

void coap_qpeers_init(struct coap_qpeers *t, uint64_t secret)
{
	memset(t->items, 0, sizeof t->items);
	t->secret = secret;
}

/* NULL for a peer of which nothing is known. */
static const struct coap_qpeer *find(const struct coap_qpeers *t, const struct coap_remote *remote)
{
	uint64_t hash = coap_remote_hash(remote, t->secret);
	const struct coap_qpeer *peer = &t->items[hash % COAP_QPEERS];
	return peer->hash == hash ? peer : NULL;
}

static struct coap_qpeer *find_or_add(struct coap_qpeers *t, const struct coap_remote *remote)
{
	uint64_t hash = coap_remote_hash(remote, t->secret);
	struct coap_qpeer *peer = &t->items[hash % COAP_QPEERS];
	if (peer->hash != hash)
		*peer = (struct coap_qpeer){.hash = hash};
	return peer;
}

void coap_qpeer_learned(
	struct coap_qpeers *t, const struct coap_remote *remote, enum coap_qpeer_support support, msec now)
{
	struct coap_qpeer *peer = find_or_add(t, remote);
	peer->support = support;
	peer->until = now + SUPPORT_LIFETIME;
}

void coap_qpeer_hold(struct coap_qpeers *t, const struct coap_remote *remote, msec quiet_until)
{
	find_or_add(t, remote)->quiet_until = quiet_until;
}

enum coap_qpeer_support coap_qpeer_support(const struct coap_qpeers *t, const struct coap_remote *remote, msec now)
{
	const struct coap_qpeer *peer = find(t, remote);
	return peer != NULL && peer->until > now ? peer->support : COAP_QPEER_UNKNOWN;
}

msec coap_qpeer_quiet_until(const struct coap_qpeers *t, const struct coap_remote *remote)
{
	const struct coap_qpeer *peer = find(t, remote);
	return peer != NULL ? peer->quiet_until : 0;
}
