/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The HTTP edge: the JSON API of docs/api.md for operators, dashboards and mgmtctl (RFC 9110, 9112; Server-Sent Events).
 *
 * libmicrohttpd parses HTTP; its epoll descriptor is one watcher on the owner's libev loop, so everything here runs on
 * the loop's thread, between datagrams. The edge decides nothing: it checks who asks (bearer tokens, roles), turns JSON
 * into commands and queries of the server composer, and turns their answers into JSON. A command's answer leaves when
 * the composer says it is durable; until then its connection sleeps and costs no turn of the loop.
 *
 * There is no default password. At the first start an administrator's token is made and written to
 * `<state_dir>/admin.token` (mode 0600); `<state_dir>/tokens` keeps only hashes. Neither is ever logged.
 *
 * Every limit is here: connections, bodies, events kept for slow readers. What is over a limit gets an answer that says
 * so (413, 503), or, for a stream that does not read, a closed connection that may resume where it stopped. */
#pragma once

#include "coap/base/address.h"
#include "coap/base/msec.h"

struct ev_loop;
struct http;
struct server;

#define HTTP_CONNECTIONS_DEFAULT  256
#define HTTP_ARTIFACT_MAX_DEFAULT (UINT64_C(1) << 30) /* bytes of one uploaded image */
#define HTTP_ERROR_BYTES          256

struct http_log_port {
	void *context;
	/* One line of key=value text without a newline, borrowed; never holds a token. */
	void (*write)(void *context, struct bytes line);
};

struct http_config {
	struct address listen;       /* port 0: the kernel chooses; http_port tells */
	const char *state_dir;       /* exists; tokens and admin.token are kept there */
	unsigned connections_max;    /* 0: HTTP_CONNECTIONS_DEFAULT */
	uint64_t artifact_max_bytes; /* 0: HTTP_ARTIFACT_MAX_DEFAULT */
	struct http_log_port log;
};

/* Listens and makes the tokens when there are none. NULL with one line of reason in `ret_error` when that fails. The
 * loop and the server outlive the edge. */
struct http *http_start(struct ev_loop *loop, struct server *server, const struct http_config *config,
	char ret_error[HTTP_ERROR_BYTES]);
/* Says goodbye to streams, lets nobody in any more, closes all connections. Accepts NULL. */
void http_stop(struct http *h);

/* Where it listens; of use when the configuration said port 0. */
uint16_t http_port(const struct http *h);
