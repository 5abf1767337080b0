/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/fleet_parts.h"

#include <stdlib.h>

static struct secure_end *new_end(struct fleet *f, struct world_node *node, bool is_server)
{
	struct secure_end *e = fleet_take_memory(sizeof *e);
	*e = (struct secure_end){0};
	secure_end_open(e, &(struct secure_settings){.is_server = is_server}, world_port(node), &f->world.prng);
	return e;
}

void fleet_secure_close(struct secure_end **end)
{
	if (*end == NULL)
		return;
	secure_end_close(*end);
	free(*end);
	*end = NULL;
}

/* ---- the server ---- */

void fleet_secure_open_server(struct fleet *f)
{
	if (f->is_secure)
		f->server.secure = new_end(f, &f->server.node, true);
}

void fleet_secure_run_server(struct fleet *f, msec now)
{
	struct fleet_server *s = &f->server;
	struct dtls_event event;
	while (dtls_next(s->secure->dtls, now, &event)) {
		switch (event.kind) {
		case DTLS_EVENT_MESSAGE:
			coap_endpoint_receive(s->endpoint, &event.remote, event.message, now);
			break;
		case DTLS_EVENT_ESTABLISHED:
			s->newest_session++;
			server_connected(s->server, &event.remote, dtls_principal_name(&event.peer->principal), now);
			break;
		case DTLS_EVENT_CLOSED:
			server_disconnected(s->server, &event.remote, now);
			break;
		case DTLS_EVENT_FAILED:
			break;
		}
	}
}

/* ---- a device ---- */

void fleet_secure_open_device(struct fleet_device *d)
{
	if (d->fleet->is_secure)
		d->secure = new_end(d->fleet, &d->node, false);
}

bool fleet_secure_connect(struct fleet_device *d, msec now)
{
	struct address server = fleet_server_address();
	return secure_end_connect(d->secure, d->hello_name, &server, now, &d->remote);
}

void fleet_secure_run_device(struct fleet_device *d, msec now)
{
	struct dtls_event event;
	while (d->secure != NULL && dtls_next(d->secure->dtls, now, &event)) {
		switch (event.kind) {
		case DTLS_EVENT_MESSAGE:
			if (agent_hears(d->agent, &event.remote, event.message))
				coap_endpoint_receive(d->endpoint, &event.remote, event.message, now);
			break;
		case DTLS_EVENT_ESTABLISHED:
			agent_connected(d->agent, 0, &event.remote, now);
			break;
		case DTLS_EVENT_CLOSED:
		case DTLS_EVENT_FAILED:
			agent_disconnected(d->agent, 0, "no session", now);
			break;
		}
	}
}

void fleet_move_device(struct fleet *f, unsigned device)
{
	struct address *address = &f->devices[device].node.address;
	address->port = address->port < UINT16_MAX ? address->port + 1 : 1024;
}
