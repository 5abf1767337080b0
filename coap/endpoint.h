/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A CoAP endpoint: client and server at once on one transport (RFC 7252, RFC 7641, RFC 7959).
 *
 * It is the composer of this folder: it parses what arrives (inbound), asks the leaves (dedup, exchange, retransmit,
 * block, observe), calls the resource's handler or the caller who waits for a response, and writes what leaves
 * (outbound). It reads no clock and opens no socket:
 *
 *     coap_endpoint_receive()   a message has arrived; over TCP coap_endpoint_receive_connections
 *     coap_endpoint_tick()      the moment of coap_endpoint_deadline() has come
 *     transport.send            messages that leave, from within any of these calls
 *
 * Handlers and reply functions may call coap_endpoint_request, _respond, _cancel and _changed of the same endpoint;
 * they must not call _receive or _tick. All memory is one block that the owner hands over; nothing is allocated later.
 */
#pragma once

#include "coap/connection.h"
#include "coap/group.h"
#include "coap/qblock.h"
#include "coap/peer.h"
#include "coap/ownhost.h"
#include "coap/resource.h"
#include "coap/base/prng.h"
#include "coap/base/trace.h"

/* Transmission parameters (RFC 7252 section 4.8); the defaults are in coap_parameters_default. */
struct coap_parameters {
	msec ack_timeout;             /* 2 s */
	uint16_t ack_random_permille; /* ACK_RANDOM_FACTOR, 1500 */
	uint8_t max_retransmit;       /* 4 */
	uint8_t nstart;               /* 1: outstanding interactions with one remote; more wait in the endpoint */
	uint16_t block_size;          /* largest block offered and used, 16 to 1024 (RFC 7959), 1024 */
	uint16_t message_max;      /* largest datagram sent, COAP_MESSAGE_MAX_LEAST to COAP_DATAGRAM_MAX_BYTES; blocks
				    * become smaller where they would not fit (RFC 7252 section 4.6), 1152 */
	uint8_t amplification_max; /* 3: how many times as long as a request all its answers may be, as long as its
				    * address is not verified and there is no security (coap/amplification.h);
				    * 0 for any length, for clients that do not know Echo (RFC 9175) */
	uint32_t requests_per_second;         /* 0: as many as come; else of one peer, above it 4.29 (RFC 8516) */
	uint32_t body_size_max;               /* largest body kept together in memory; 4.13 above it */
	struct coap_group_parameters group;   /* COAP_GROUP_PARAMETERS_DEFAULT */
	struct coap_qblock_parameters qblock; /* RFC 9177 section 7.2; COAP_QBLOCK_PARAMETERS_DEFAULT */
};

extern const struct coap_parameters coap_parameters_default;

/* The largest block that an endpoint with these parameters uses: block_size, or less where message_max is small. */
uint16_t coap_parameters_block_size(const struct coap_parameters *p);

/* How many of each the endpoint has room for. Untouched memory costs nothing where pages come on demand. */
struct coap_capacities {
	uint32_t exchanges;  /* own requests without a final response, observations included */
	uint32_t pending;    /* confirmable messages without an acknowledgement */
	uint32_t duplicates; /* remembered requests that are not safe to run twice */
	uint32_t separate;   /* requests whose answer comes later */
	uint32_t observers;
	uint32_t peers; /* whose round trip is remembered (coap/peer.h); 0 keeps to the parameters as they are */
	uint32_t group_answers; /* answers to multicast requests that wait for their moment; 0: none is answered */
	uint32_t responders;    /* answers to own multicast requests; 0: none can be made */
	uint32_t verified;      /* addresses that are known to be real; others prove it in each request that needs it */
	uint32_t bodies;        /* bodies being put together, each of body_size_max bytes */
	uint32_t qblocks;     /* bodies that come or go by Q-Block (RFC 9177); 0 leaves it out: the options are then not
			       * understood */
	uint32_t rated_peers; /* whose rate is counted, with requests_per_second; others are forgotten for new ones */
};

struct coap_endpoint_config {
	struct coap_parameters parameters;
	struct coap_capacities capacities;
	struct coap_transport transport;
	struct coap_connections *connections; /* messages to and from reliable remotes (RFC 8323); NULL without */
	const struct coap_resource *resources;
	uint32_t resource_count;
	struct coap_own_hosts hosts; /* others are answered 5.05, unless a resource is a proxy; zero takes any */
	struct trace trace;          /* may be zero */
};

struct coap_endpoint_counters {
	uint64_t received, sent, retransmitted, duplicates, malformed, resets, timeouts, refused_full;
	uint64_t path_pings, path_echoes; /* asked of peers whose new address was not proved (coap/path.h) */
};

/* ---- life ---- */

/* How many bytes of memory, aligned to 64, an endpoint of this configuration needs. */
size_t coap_endpoint_memory(const struct coap_endpoint_config *config);
/* `memory` stays the owner's and must outlive the endpoint, as must what the configuration points to. `seed` makes
 * tokens and Message-IDs unguessable. */
struct coap_endpoint *coap_endpoint_init(
	void *memory, const struct coap_endpoint_config *config, const uint8_t seed[PRNG_SEED_BYTES]);

/* ---- input and time ---- */

/* One message from `from`. `datagram` is borrowed. */
void coap_endpoint_receive(struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram, msec now);
/* Bytes have come on connections, or some have left, or one has changed its state: their messages are handled. The
 * endpoint ticks the connections with itself. */
void coap_endpoint_receive_connections(struct coap_endpoint *e, msec now);
/* The same, of a message that was sent to a multicast address (RFC 7252 section 8): only non-confirmable requests to
 * resources that answer groups are heard, errors and empty answers are not given, and the others wait for a moment of
 * the leisure. */
void coap_endpoint_receive_group(
	struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram, msec now);
/* The association is gone (session closed, handshake superseded): its exchanges end with COAP_OUTCOME_LOST and its
 * observers are forgotten. */
void coap_endpoint_lost(struct coap_endpoint *e, const struct coap_remote *remote, msec now);
msec coap_endpoint_deadline(const struct coap_endpoint *e);
void coap_endpoint_tick(struct coap_endpoint *e, msec now);

/* The transmission parameters toward one peer (RFC 7252 section 4.8), or with NULL those of the endpoint again. False
 * when there is no room: `peers` in the capacities. They go with the association. */
bool coap_endpoint_set_transmission(
	struct coap_endpoint *e, const struct coap_remote *remote, const struct coap_transmission *transmission);

/* ---- client ---- */

enum coap_outcome {
	COAP_OUTCOME_RESPONSE,     /* the final response; the exchange has ended */
	COAP_OUTCOME_NOTIFICATION, /* a fresh notification (RFC 7641 section 3.4); the exchange goes on */
	COAP_OUTCOME_MEMBER,       /* one of the answers to a group request, by `remote`; more may come */
	COAP_OUTCOME_BLOCK,        /* one of several `responses`, not the last; the exchange goes on */
	COAP_OUTCOME_TIMEOUT,      /* nobody answered */
	COAP_OUTCOME_RESET,        /* the peer rejected the message */
	COAP_OUTCOME_LOST,         /* the association ended first */
	COAP_OUTCOME_BROKEN, /* the response cannot be used: unknown critical option, body too large or changed; or
			      * the request could not be made, because its source ran dry */
};

/* What became of a request. */
struct coap_reply {
	struct handle exchange;
	struct coap_remote remote;
	enum coap_outcome outcome;
	const struct coap_message *message; /* the response, of a body in blocks the last; NULL without one */
	enum coap_code code;                /* of the response; 0 otherwise */
	uint16_t content_format;
	struct bytes body;      /* the whole body, put together from blocks; one block with `is_block` */
	uint64_t round_trip_ms; /* of a response to a request that was sent once; 0 when not known */
	bool was_retransmitted;
	uint32_t retry_after_s; /* of 4.29 and 5.03: for so long the request must not be repeated (RFC 8516) */
};

typedef void coap_reply_function(
	void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now);

/* Whether bodies go and come by Q-Block (RFC 9177) with a peer that knows it; else it is Block1 and Block2. */
enum coap_qblock_use {
	COAP_QBLOCK_OFF,
	COAP_QBLOCK_NON, /* non-confirmable, in sets: what it is made for. A request with an effect that fits one
			  * message is confirmable all the same */
	COAP_QBLOCK_CON, /* confirmable, NSTART messages at a time */
};

/* Where the body of a response goes part by part, so that nobody needs room for all of it. By Q-Block the parts come in
 * any order, each once. A response in one message comes with the reply as ever. */
struct coap_sink {
	/* False ends the call with COAP_OUTCOME_BROKEN. `size` is that of the body; 0 when not known. */
	bool (*take)(void *context, uint64_t offset, struct bytes part, uint64_t size);
	void *context;
	uint8_t *bitmap; /* one bit for each block of a body by Q-Block; need not be cleared */
	uint32_t bitmap_blocks;
};

/* Where the body of a request comes from part by part, so that nobody needs it in one piece. A part is asked for when
 * it is about to leave, so with `give` for `offset` the server has all that lies before. Retransmissions do not ask
 * again, a server that wants smaller blocks does. */
struct coap_source {
	/* Writes `len` bytes from `offset` of the body to `out`. False sends nothing: the call ends a little later,
	 * with COAP_OUTCOME_BROKEN. */
	bool (*give)(void *context, uint64_t key, uint64_t offset, uint8_t *out, size_t len, msec now);
	void *context;
	uint64_t key; /* the caller's, to tell his calls apart */
	uint32_t size;
};

struct coap_call {
	struct coap_remote to;
	enum coap_code method;
	const struct coap_options *options; /* Uri-Path, Content-Format, Accept ...; copied; NULL for none */
	struct bytes body;                /* copied when it fits one block; else it must stay valid until the outcome */
	const struct coap_source *source; /* copied; instead of `body`, and then not by Q-Block */
	enum coap_qblock_use qblock;
	const struct coap_sink *sink; /* copied; NULL to have the body with the reply */
	bool is_nonconfirmable;
	bool observe;           /* registers (RFC 7641): notifications until an error, a cancel or a loss */
	bool is_block;          /* `options` hold a Block2 of the caller's: one block is fetched, NSTART does not
				 * apply because the caller paces himself (coap/blockfetch.h) */
	uint16_t responses;     /* with `is_block`, how many the Q-Block2 options in `options` ask for (RFC 9177
				 * section 4.4); all but the last come with COAP_OUTCOME_BLOCK. 0 and 1: one */
	bool is_group;          /* `to` is a multicast address: sent once, each member's answer is an outcome, and
				 * COAP_OUTCOME_TIMEOUT ends it, however many there were. Neither observes nor carries a body of
				 * several blocks. */
	msec group_wait;        /* how long answers are collected; 0 for the leisure and an ACK_TIMEOUT */
	bool is_forwarded;      /* for another: options of the response that we do not know are no obstacle when they
				 * are safe to forward (RFC 7252 section 5.7.1), and stand in the message */
	bool renews;            /* an observation registers again when Max-Age and a little more has passed without a
				 * notification (RFC 7641 section 3.3.1) */
	msec ack_timeout;       /* first retransmission timeout; 0 for what the path says */
	uint8_t max_retransmit; /* 0 for the endpoint's parameter, COAP_SEND_ONCE for none */
	coap_reply_function *reply; /* called exactly once with a final outcome, unless cancelled */
	void *context;
};

#define COAP_SEND_ONCE 0xff

/* Starts an exchange. False when the tables are full, or the connection is not open or busy; `reply` is then never
 * called. It is never called from within this function either. */
bool coap_endpoint_request(
	struct coap_endpoint *e, const struct coap_call *call, msec now, struct handle *ret_exchange);
/* Ends an exchange without an outcome. An observation is also cancelled at the server (RFC 7641 section 3.6). A handle
 * whose exchange has ended is ignored. */
void coap_endpoint_cancel(struct coap_endpoint *e, struct handle exchange, msec now);
/* Registers an observation again, with the same token (RFC 7641 section 3.3.1): the answer comes as a notification. A
 * handle whose exchange has ended, or is not yet observing, is ignored. */
void coap_endpoint_observe_again(struct coap_endpoint *e, struct handle exchange, msec now);
/* What the client of an observation must remember to go on in another process. */
struct coap_observation {
	uint64_t token;
	uint32_t sequence; /* of the latest notification */
};

/* False when the exchange has ended or does not observe (yet). */
bool coap_endpoint_observation(const struct coap_endpoint *e, struct handle exchange, struct coap_observation *ret);
/* Goes on with an observation that `call` began in another process, towards the same remote: nothing is sent, the next
 * notification is taken. False when the tables are full. Not on a connection, which ends with its process. */
bool coap_endpoint_resume(struct coap_endpoint *e, const struct coap_call *call,
	const struct coap_observation *observation, msec now, struct handle *ret_exchange);
/* An empty confirmable message, answered by RST (RFC 7252 section 4.3), on a connection a Ping: COAP_OUTCOME_RESET is
 * the pong. */
bool coap_endpoint_ping(struct coap_endpoint *e, const struct coap_remote *to, coap_reply_function *reply,
	void *context, msec now, struct handle *ret_exchange);

/* ---- server ---- */

/* The answer to a request whose handler said COAP_ANSWER_LATER. False when the handle is no longer known. */
bool coap_endpoint_respond(
	struct coap_endpoint *e, struct handle later, const struct coap_response *response, msec now);
/* The state that this observer watches has changed: its resource's handler is called with `is_notification` and the
 * result sent when congestion control allows, always the latest state (RFC 7641 section 4.5). */
void coap_endpoint_changed(struct coap_endpoint *e, struct handle observer, bool confirmable, msec now);
/* The same for all observers of a resource, given as an element of the configuration's table, which says whether
 * confirmably. */
void coap_endpoint_resource_changed(struct coap_endpoint *e, const struct coap_resource *resource, msec now);
/* Ends an observer's registration without a word. */
void coap_endpoint_forget_observer(struct coap_endpoint *e, struct handle observer);

/* ---- questions ---- */

/* The moment of the latest message or tick, for those who are called without one (a resource's `forget`). */
msec coap_endpoint_now(const struct coap_endpoint *e);
const struct coap_endpoint_counters *coap_endpoint_counters(const struct coap_endpoint *e);
/* Whether nothing is in flight: no exchange but observations, no pending message, no separate answer owed, no body on
 * its way by Q-Block. */
bool coap_endpoint_is_idle(const struct coap_endpoint *e);
