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

#define COAP_CALL_OPTIONS_MAX_BYTES   512
#define COAP_CALL_OPTIONS_SHORT_BYTES 64
#define COAP_RECENT_MAX               64

/* What a pending message was sent for. */
enum coap_pending_kind {
	COAP_PENDING_REQUEST,      /* owner: the exchange */
	COAP_PENDING_SEPARATE,     /* owner: the answer owed */
	COAP_PENDING_NOTIFICATION, /* owner: the observer */
	COAP_PENDING_QCALL,        /* owner: the exchange; one of several messages of a body by Q-Block */
	COAP_PENDING_QREPLY,       /* owner: the body going out by Q-Block2 */
	COAP_PENDING_LAST_WORD,    /* an error to a former observer; nobody waits for its end */
};

/* What few own requests need: a body of their own, and many options. It lies apart from them, so that a place that
 * never had either costs addresses and no memory; a server that observes a hundred thousand devices asks without both.
 */
struct coap_call_room {
	uint8_t body[COAP_BLOCK_SIZE_MAX];
	uint8_t options[COAP_CALL_OPTIONS_MAX_BYTES];
};

/* What belongs to an own request beside its exchange; element i goes with exchange i. */
struct coap_client_call {
	coap_reply_function *reply; /* NULL when nobody is to hear: cancelled, or the fetch of a notification's rest */
	void *context;
	struct handle pending;  /* the request in flight */
	struct handle parent;   /* the observation whose notification this fetches the rest of */
	struct handle child;    /* the other way round */
	struct handle assembly; /* body of the response, when it comes in blocks */
	struct handle qcall;    /* of a call by Q-Block */
	struct coap_sink sink;  /* `take` is NULL without one */
	struct bytes body;      /* the application's, or with keeps_body only its length, and room has it */
	uint64_t body_done;     /* bytes of `body` that the server has */
	uint32_t body_part;     /* bytes of `body` in the latest request */
	uint64_t fetched;       /* bytes of the response's body that have come; 0 asks for its beginning */
	msec sent_at;
	msec group_wait;        /* how long answers of a group are collected */
	uint32_t responders;    /* who has answered (coap/responders.h) */
	uint32_t members_asked; /* requests to single members that run now */
	struct coap_patience patience;
	enum coap_code method;
	struct coap_carrier carrier;
	uint32_t whole_max; /* a longer body goes in blocks */
	uint32_t request_tag;
	uint16_t responses_left; /* to this request, beside the one that ends it */
	uint8_t block1_szx, block2_szx;
	bool is_ping, is_nonconfirmable, is_block, observes, is_cancelling, was_retransmitted, has_restarted,
		has_echoed, is_group, is_over, keeps_body, may_get_qblock, is_forwarded, renews;
	uint8_t etag_len;
	uint8_t etag[8];
	struct coap_freshness freshness;
	/* What follows is not cleared when a call begins. */
	uint16_t options_len;
	uint8_t short_options[COAP_CALL_OPTIONS_SHORT_BYTES]; /* longer ones are in the room */
	struct coap_call_room *room;                          /* of this place */
};

struct coap_endpoint {
	struct coap_endpoint_config config;
	struct coap_endpoint_counters counters;
	struct coap_patience patience;
	uint8_t szx; /* of the largest block used */
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
	struct coap_client_call *calls;
	struct coap_call_room *call_rooms;
	struct coap_routes routes;
	uint32_t proxy;                   /* the resource that acts as a forward proxy, with has_proxy */
	bool has_proxy, passes_options;   /* whether any resource does so (coap/forward.h) */
	msec now;                         /* of the latest message or tick */
	struct coap_separate spare;       /* stands in when the table of separate answers is full */
	uint64_t recent[COAP_RECENT_MAX]; /* confirmable responses that were acknowledged of late, hashed; a ring */
	uint32_t recent_next;
	uint8_t *buffer; /* the message being written */
	size_t buffer_size;
	struct arena scratch;
	struct coap_message message; /* the message being handled */
};

void coap_endpoint_enter(struct coap_endpoint *e);
void coap_endpoint_leave(struct coap_endpoint *e, msec now);
