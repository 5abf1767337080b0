/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/flow.h"

struct coap_patience coap_flow_patience(
	const struct coap_endpoint *e, const struct coap_remote *to, const struct coap_patience *patience, msec now)
{
	if (patience->is_fixed || e->config.capacities.peers == 0)
		return *patience;
	return coap_peer_patience(&e->peers, to, now);
}

void coap_flow_limit(struct coap_endpoint *e, const struct coap_remote *to)
{
	if (e->config.capacities.peers > 0)
		coap_exchange_limit(&e->exchanges, to, coap_peer_window(&e->peers, to));
}

void coap_flow_answered(struct coap_endpoint *e, const struct coap_pending *p, msec now)
{
	if (e->config.capacities.peers == 0)
		return;
	coap_peer_answered(&e->peers, &p->remote, now - p->began, p->sent, now);
	coap_flow_limit(e, &p->remote);
}

void coap_flow_lost(struct coap_endpoint *e, const struct coap_pending *p)
{
	if (e->config.capacities.peers == 0)
		return;
	coap_peer_lost(&e->peers, &p->remote);
	coap_flow_limit(e, &p->remote);
}

void coap_flow_silent(struct coap_endpoint *e, const struct coap_pending *p, bool is_confirmable)
{
	if (e->config.capacities.peers == 0)
		return;
	coap_peer_silent(&e->peers, &p->remote, is_confirmable, p->len, p->began);
	coap_flow_limit(e, &p->remote);
}

bool coap_endpoint_set_transmission(
	struct coap_endpoint *e, const struct coap_remote *remote, const struct coap_transmission *transmission)
{
	bool is_set = coap_peer_set(&e->peers, remote, transmission);
	coap_flow_limit(e, remote);
	return is_set;
}
