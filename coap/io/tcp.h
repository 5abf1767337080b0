/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TCP sockets under a table of connections (coap/connection.h): CoAP over TCP (RFC 8323). An edge: it allocates, and
 * returns errno values.
 *
 * It accepts, connects, and moves bytes between the sockets and the table's buffers, without a copy of its own. A
 * connection that the table has no place for is closed at once. When the process has no descriptors left the listener
 * rests for a moment. What was said last on a connection that is lost still leaves before the socket is closed.
 *
 * One object serves one endpoint: the endpoint's configuration gets coap_tcp_connections, and coap_tcp_serve gets the
 * endpoint. All work is done by watchers on the loop and by coap_tcp_flush, which belongs into the loop's flush. */
#pragma once

#include "coap/endpoint.h"
#include "coap/io/loop.h"

struct coap_tcp;

/* 0 or a negative errno. */
int coap_tcp_new(struct coap_loop *loop, const struct coap_connections_config *config, struct coap_tcp **ret);
void coap_tcp_free(struct coap_tcp *t); /* NULL is allowed; closes everything at once */

struct coap_connections *coap_tcp_connections(const struct coap_tcp *t);
/* What arrives goes to this endpoint from now on. */
void coap_tcp_serve(struct coap_tcp *t, struct coap_endpoint *endpoint);

/* Accepts connections there, after coap_tcp_serve. An address of all zeros is every address, IPv6 and IPv4. 0 or a
 * negative errno. */
int coap_tcp_listen(struct coap_tcp *t, const struct address *local);
/* Where it listens, with the port that the system chose. */
struct address coap_tcp_local(const struct coap_tcp *t);
/* Begins a connection. The endpoint may use it when it is open (coap_connection_is_ready); one that fails is told to
 * the endpoint as lost. 0 or a negative errno. */
int coap_tcp_connect(struct coap_tcp *t, const struct address *to, msec now, struct coap_remote *ret_remote);

/* The system's latest error on a connection, a positive errno; 0 when there was none. */
int coap_tcp_error(const struct coap_tcp *t);

/* Writes what waits to leave, and hands over what that made room for. */
void coap_tcp_flush(struct coap_tcp *t);
