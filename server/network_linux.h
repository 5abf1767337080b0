/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where mgmtd meets its devices (edge): UDP sockets, DTLS over all of them, and plain CoAP beside it where configured.
 *
 * What the sockets bring becomes calls of the endpoint and of the server: messages, associations made and lost. The
 * transport it gives sends through the session, or to a plain remote through the plain socket. One DTLS instance serves
 * all secure sockets; an answer leaves through the socket where its address was last heard. */
#pragma once

#include "coap/io/loop.h"
#include "dtls/dtls.h"
#include "server/settings.h"
#include "server/trust_files.h"

struct network;

struct network_config {
	const struct settings *settings;
	struct trust_files *trust;
	struct coap_loop *loop;
};

/* Opens sockets and DTLS; nothing is read before network_start. NULL with a line of reason. */
struct network *network_open(const struct network_config *config, char ret_error[SETTINGS_MESSAGE_BYTES]);
/* The end: sessions are saved where they outlive us, or where that is off or fails every connected device is sent
 * close_notify. Closes everything. `wall` is milliseconds since 1970. Accepts NULL. */
void network_close(struct network *n, msec now, int64_t wall);

struct coap_transport network_transport(struct network *n);
/* For the server to close what is revoked: server_set_associations. */
struct association_port network_associations(struct network *n);
/* From now on handshakes use this certificate and these anchors; those that run end with what they began with, and
 * sessions stay. False with a line of reason, and nothing changed. */
bool network_renew(struct network *n, const struct dtls_own_certificate *own, char ret_error[SETTINGS_MESSAGE_BYTES]);
/* Closes the sessions whose credential is not welcome any more; how many. A device that has a newer one comes again. */
uint32_t network_expel_strangers(struct network *n, msec now);
/* Brings back the sessions of the process before; from now on what comes is handed to these. False with a line of
 * reason. */
bool network_start(struct network *n, struct coap_endpoint *endpoint, struct server *server, msec now, int64_t wall,
	char ret_error[SETTINGS_MESSAGE_BYTES]);

msec network_deadline(const struct network *n);
void network_tick(struct network *n, msec now);
/* The turn of the loop ends: what was sent leaves. */
void network_flush(struct network *n);
/* The descriptors of all sockets, at most SETTINGS_LISTEN_MAX + 1; how many. */
unsigned network_sockets(const struct network *n, int *ret_sockets);
/* Where the first secure socket is bound. */
struct address network_local(const struct network *n);
