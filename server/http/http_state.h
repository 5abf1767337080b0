/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The edge itself, as its own files see it: the loop's watchers, the daemon of libmicrohttpd, the table of requests. */
#pragma once

#include "server/http/intake.h"
#include "server/http/request.h"

#include <ev.h>

struct http {
	struct ev_loop *loop;
	struct server *server;
	struct http_config config;
	struct MHD_Daemon *daemon;
	uint16_t port;
	bool is_stopping, has_resumed; /* resumed connections that libmicrohttpd has not looked at yet */
	msec started_at;
	ev_io readable;     /* libmicrohttpd's epoll descriptor */
	ev_timer timeout;   /* when libmicrohttpd wants to run without that */
	ev_timer heartbeat; /* comments on streams */
	ev_prepare look;    /* whether the composer has something new for streams */
	uint64_t seen_event, seen_update;
	struct tokens tokens;
	unsigned streams;
	struct slab slab;
	struct request *requests;
	uint32_t *slots; /* generations and free list of the slab */
};

static inline msec http_now(const struct http *h)
{
	return h->config.now(h->config.now_context);
}

/* The headers are there: finds out whether and how to go on. An early answer leaves READING. */
void request_open(struct request *r, const char *url, const char *method);
/* A piece of the body. False when the client does not stop after a refusal. */
bool request_take(struct request *r, struct bytes piece);
/* The outcome of the command it waits for. */
void request_finish(struct request *r, const struct server_done *done);
void request_close(struct request *r);

/* A listening socket; -1 with a reason. `*ret_port` is where it listens. */
int listener_open(const struct address *at, uint16_t *ret_port, char ret_error[HTTP_ERROR_BYTES]);
