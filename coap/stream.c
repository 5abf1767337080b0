/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/stream.h"

#include "coap/client_response.h"
#include "coap/inbound.h"
#include "coap/outbound.h"

struct coap_carrier coap_stream_carrier(const struct coap_endpoint *e, const struct coap_remote *remote)
{
	struct coap_carrier carrier = {.message_max = e->message_max};
	if (!coap_remote_is_reliable(remote))
		return carrier;
	const struct coap_settings *own = coap_connections_own(e->config.connections);
	const struct coap_settings *peer = coap_connection_peer(e->config.connections, remote->session);
	struct coap_settings base = COAP_SETTINGS_BASE;
	if (peer == NULL)
		peer = &base; /* it is gone; what is written for it goes nowhere */
	carrier.is_reliable = true;
	carrier.has_bert = coap_settings_have_bert(peer) && coap_settings_have_bert(own);
	carrier.message_max =
		peer->message_size_max < own->message_size_max ? peer->message_size_max : own->message_size_max;
	return carrier;
}

bool coap_stream_is_ready(const struct coap_endpoint *e, const struct coap_remote *remote)
{
	return !coap_remote_is_reliable(remote) ||
	       (e->config.connections != NULL && coap_connection_is_ready(e->config.connections, remote->session));
}

/* What cannot be written ends the connection, since the peer would wait for it. */
void coap_stream_send(struct coap_endpoint *e, const struct coap_remote *to, struct bytes message, msec now)
{
	if (message.len == 0)
		coap_connection_abort(e->config.connections, to->session, COAP_CONNECTION_TOO_LONG, now);
	else
		(void)coap_connection_send(e->config.connections, to->session, message, now);
}

/* ---- what comes ---- */

/* A connection that carries observations is asked whether its peer is still there (RFC 8323 section 7.3); one that
 * nobody needs is released. */
static void tend(struct coap_endpoint *e, const struct coap_remote *remote, msec now)
{
	static const struct coap_token own = {.len = 0};
	struct handle h;
	if (coap_observer_find_remote(&e->observers, remote, &h) || coap_exchange_has_remote(&e->exchanges, remote) ||
		coap_separate_find_remote(&e->separates, remote, &h))
		(void)coap_connection_ping(e->config.connections, remote->session, &own, now);
	else
		coap_connection_release(e->config.connections, remote->session, now);
}

static void handle(struct coap_endpoint *e, const struct coap_connection_event *event, msec now)
{
	switch (event->kind) {
	case COAP_CONNECTION_MESSAGE:
		if (!coap_inbound_stream(e, &event->remote, event->message, now))
			coap_connection_abort(
				e->config.connections, event->remote.session, COAP_CONNECTION_MALFORMED, now);
		break;
	case COAP_CONNECTION_PONG:
		coap_client_pong(e, &event->remote, &event->token, now);
		break;
	case COAP_CONNECTION_IDLE:
		tend(e, &event->remote, now);
		break;
	case COAP_CONNECTION_LOST:
		coap_endpoint_lost(e, &event->remote, now);
		break;
	}
}

void coap_stream_settle(struct coap_endpoint *e, msec now)
{
	struct coap_remote remote;
	struct handle h;
	uint32_t cursor = 0;
	if (e->config.connections == NULL)
		return;
	while (coap_connections_awaiting(e->config.connections, &cursor, &remote))
		if (!coap_separate_find_remote(&e->separates, &remote, &h))
			coap_connection_settled(e->config.connections, remote.session, now);
}

void coap_endpoint_receive_connections(struct coap_endpoint *e, msec now)
{
	struct coap_connection_event event;
	coap_endpoint_enter(e);
	while (coap_connections_next(e->config.connections, now, &event))
		handle(e, &event, now);
	coap_endpoint_leave(e, now);
}

/* ---- time ---- */

msec coap_stream_deadline(const struct coap_endpoint *e)
{
	return e->config.connections == NULL ? NEVER : coap_connections_deadline(e->config.connections);
}

void coap_stream_tick(struct coap_endpoint *e, msec now)
{
	if (e->config.connections == NULL)
		return;
	coap_connections_tick(e->config.connections, now);
	coap_endpoint_receive_connections(e, now);
}
