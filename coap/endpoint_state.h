/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an endpoint is made of; for the files of the composer alone (endpoint, inbound, outbound, serve, answer, notify,
 * discovery, client and its parts, transfer). Others use coap/endpoint.h.
 *
 *     inbound --> serve --> (handler) --> answer --> outbound        a request and its response
 *             --> client_response --> (reply function)               a response to a request of ours
 *     endpoint: life, time;  notify: a changed resource --> (handler) --> answer --> outbound
 *
 * Each call from outside enters and leaves (coap_endpoint_enter, _leave). What handlers and reply functions ask for
 * while they run and that would call others in turn (notifications, queued requests) waits until the outermost leaves.
 */
#pragma once

#include "coap/body.h"
#include "coap/calls.h"
#include "coap/dedup.h"
#include "coap/echo.h"
#include "coap/endpoint.h"
#include "coap/exchange.h"
#include "coap/messageid.h"
#include "coap/observe.h"
#include "coap/carrier.h"
#include "coap/qcall.h"
#include "coap/qpeer.h"
#include "coap/qreply.h"
#include "coap/qrequest.h"
#include "coap/ratelimit.h"
#include "coap/responders.h"
#include "coap/retransmit.h"
#include "coap/route.h"
#include "coap/separate.h"
#include "coap/verify.h"

#define COAP_BESIDE_BLOCK_BYTES 128 /* what a block of the usual size leaves of the longest message */
#define COAP_RECENT_MAX         64

/* What a pending message was sent for. */
enum coap_pending_kind {
	COAP_PENDING_REQUEST,      /* owner: the exchange */
	COAP_PENDING_SEPARATE,     /* owner: the answer owed */
	COAP_PENDING_NOTIFICATION, /* owner: the observer */
	COAP_PENDING_QCALL,        /* owner: the exchange; one of several messages of a body by Q-Block */
	COAP_PENDING_QREPLY,       /* owner: the body going out by Q-Block2 */
	COAP_PENDING_LAST_WORD,    /* an error to a former observer; nobody waits for its end */
	COAP_PENDING_PING,         /* owner: the pending message that waits for the pong (coap/path.h) */
	COAP_PENDING_WITHHELD,     /* that message, when it is one to be sent only once; no owner */
};

struct coap_endpoint {
	struct coap_endpoint_config config;
	struct coap_endpoint_counters counters;
	struct coap_patience patience;
	uint8_t szx; /* of the largest block used */
	uint16_t message_max;
	int depth;
	struct prng prng;
	uint64_t secret;
	struct coap_message_ids ids;
	struct coap_retransmit retransmit;
	struct coap_peers peers;
	struct coap_dedup dedup;
	struct coap_exchanges exchanges;
	struct coap_bodies bodies;
	struct coap_observers observers;
	struct coap_separates separates;
	struct coap_ratelimit ratelimit;
	struct coap_verify verify;
	struct coap_echoes echoes;
	struct coap_qrequests qrequests;
	struct coap_qreplies qreplies;
	struct coap_group group;
	struct coap_responders responders;
	struct coap_qpeers qpeers;
	struct coap_qcalls qcalls;
	struct coap_calls calls;
	struct coap_routes routes;
	uint32_t proxy;                   /* the resource that acts as a forward proxy, with has_proxy */
	bool has_proxy, passes_options;   /* whether any resource does so (coap/forward.h) */
	msec now;                         /* of the latest message or tick */
	struct coap_separate spare;       /* stands in when the table of separate answers is full */
	uint64_t recent[COAP_RECENT_MAX]; /* confirmable responses that were acknowledged of late, hashed; a ring */
	uint32_t recent_next;
	struct coap_remote path_asked; /* who was pinged last for a message to be sent once, and when */
	msec path_asked_at;
	uint8_t *buffer; /* the message being written */
	size_t buffer_size;
	struct arena scratch;
	struct coap_message message; /* the message being handled */
};

void coap_endpoint_enter(struct coap_endpoint *e);
void coap_endpoint_leave(struct coap_endpoint *e, msec now);
