/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The HTTP edge: the JSON API of docs/api.md for operators, dashboards and mgmtctl (RFC 9110, 9112; Server-Sent
 * Events).
 *
 * libmicrohttpd parses HTTP; its epoll descriptor is one watcher on the owner's libev loop, so everything here runs on
 * the loop's thread, between datagrams. The edge decides nothing: it checks who asks (bearer tokens, roles), turns JSON
 * into commands and queries of the server composer, and turns their answers into JSON. A command's answer leaves when
 * the composer says it is durable; until then its connection sleeps and costs no turn of the loop. Streams read the
 * composer's own rings of events and updates, each with a cursor, so that a reader who does not read costs nothing; one
 * that fell out of the ring is cut off and may resume where it stopped.
 *
 * There is no default password. At the first start an administrator's token is made and written to
 * `<state_dir>/admin.token` (mode 0600); `<state_dir>/tokens` keeps only hashes. Neither is ever logged.
 *
 * For the owner: give http_done to the composer as ports.done (or call it from there), with the struct http as context;
 * commands move server_deadline, so arm the timer in a prepare watcher of lower priority than EV_MAXPRI. */
#pragma once

#include "coap/base/address.h"
#include "coap/base/msec.h"

struct ev_loop;
struct http;
struct server;
struct server_answer;
struct server_done;

#define HTTP_CONNECTIONS_DEFAULT 256
#define HTTP_ERROR_BYTES         256

struct http_config {
	struct address listen;      /* port 0: the kernel chooses; http_port tells */
	const char *state_dir;      /* exists; tokens and admin.token are kept there */
	unsigned connections_max;   /* 0: HTTP_CONNECTIONS_DEFAULT */
	msec (*now)(void *context); /* the loop's clock: the same moments as the composer gets */
	void *now_context;
	/* One line of key=value text without a newline, borrowed; never holds a token. May be NULL. */
	void (*log)(void *context, struct bytes line);
	void *log_context;
};

/* Listens, and makes the tokens when there are none. NULL with one line of reason in `ret_error` when that fails. Loop
 * and server outlive the edge; the texts of the configuration are copied. */
struct http *http_start(struct ev_loop *loop, struct server *server, const struct http_config *config,
	char ret_error[HTTP_ERROR_BYTES]);
/* Ends streams, answers 503 to what is under way, closes all connections. Accepts NULL. */
void http_stop(struct http *h);

/* How a command of the composer ended; commands of others are ignored, and so is everything when `http` is NULL. */
void http_done(void *http, const struct server_done *done, msec now);
/* What a device answered to an errand: ports.answered. */
void http_answered(void *http, const struct server_answer *answer, msec now);

/* Where it listens; of use when the configuration said port 0. */
uint16_t http_port(const struct http *h);
