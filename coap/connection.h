/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Connections that carry CoAP over a byte stream (RFC 8323): bytes in, messages out, and the other way round.
 *
 *     open                connected              CSM of the peer            Release, ours or the peer's
 *   -------> CONNECTING -----------> GREETING ------------------> OPEN --------------------------------> RELEASING
 *               |         accept -------^  |                        |                                        |
 *               +--------------------------+--------- lost ---------+----------------------------------------+
 *                                                       v
 *                                                    CLOSING ---> given back, when the last words have left or waited
 *                                                                 long enough
 *
 * - Our CSM leaves first; the peer's must come first too, and soon (section 3.3).
 * - Nothing is lost in silence: what cannot be sent or understood ends the connection, with an Abort that says why.
 * - A message may be as long as the receiver has said. What is longer is refused by its head, before any of it is kept.
 * - Output has a limit. Above half of it the connection is busy: nothing more is read from a peer that does not read
 *   itself, notifications wait and requests are refused; a peer that takes nothing for a while is given up. So a peer
 *   costs its two buffers and nothing else.
 *
 * The table knows no sockets. An edge gives it the bytes that came (room, received) and takes those that leave (output,
 * written) for each connection that the table names as touched. The endpoint takes the messages (next) and gives
 * others (send). All spans of time are the configuration's. Storage is the caller's. */
#pragma once

#include "coap/carve.h"
#include "coap/signal.h"
#include "coap/transport.h"

enum coap_connection_state {
	COAP_CONNECTION_CONNECTING, /* ours, on its way */
	COAP_CONNECTION_GREETING,   /* the peer's CSM has not come */
	COAP_CONNECTION_OPEN,
	COAP_CONNECTION_RELEASING, /* one side wants no more; what is owed is still answered */
	COAP_CONNECTION_CLOSING,   /* lost for CoAP; last words are on their way */
};

/* Why a connection ended. */
enum coap_connection_end {
	COAP_CONNECTION_CLOSED,          /* the peer has closed it, or we have */
	COAP_CONNECTION_RELEASED,        /* after a Release */
	COAP_CONNECTION_REFUSED,         /* it was never made, or not in time */
	COAP_CONNECTION_BROKEN,          /* the network or the peer's machine */
	COAP_CONNECTION_ABORTED,         /* by the peer's Abort */
	COAP_CONNECTION_NO_CSM,          /* the first message was another, or none came in time */
	COAP_CONNECTION_BAD_CSM,         /* an option of the CSM cannot be taken */
	COAP_CONNECTION_MALFORMED,       /* the peer's bytes are no messages, or a message never came to its end */
	COAP_CONNECTION_TOO_LONG,        /* a message longer than we take */
	COAP_CONNECTION_PEER_TAKES_NONE, /* the peer does not read, or does not answer a Ping */
};

/* A short phrase for people, such as "the peer has closed it". */
const char *coap_connection_end_text(enum coap_connection_end end);

struct coap_connections_config {
	uint32_t capacity;
	uint32_t message_size_max;      /* told to the peers; at least COAP_MESSAGE_MAX_BYTES */
	msec connect_max, greeting_max; /* until it is made; until the peer's CSM has come */
	msec message_max;               /* from a message's first byte to its last */
	msec stall_max;                 /* a peer that takes nothing of what waits for it */
	msec idle_max;                  /* nothing came: a Ping, or a Release when nobody needs the connection */
	msec pong_max;                  /* patience for the answer to our Ping */
	msec release_max;               /* from a Release to the end */
	msec linger_max;                /* for the last words of a connection that is lost */
};

#define COAP_CONNECTIONS_DEFAULT                          \
	((struct coap_connections_config){.capacity = 64, \
		.message_size_max = 16 * 1024 + 512,      \
		.connect_max = SECONDS(10),               \
		.greeting_max = SECONDS(10),              \
		.message_max = SECONDS(60),               \
		.stall_max = SECONDS(60),                 \
		.idle_max = SECONDS(300),                 \
		.pong_max = SECONDS(30),                  \
		.release_max = SECONDS(20),               \
		.linger_max = SECONDS(2)})

struct coap_connections_counters {
	uint64_t accepted, opened, refused_full, lost, aborted, received, sent;
};

struct coap_connections;

/* ---- life ---- */

size_t coap_connections_memory(const struct coap_connections_config *config);
/* `memory` is aligned to 64 bytes and stays the owner's. */
struct coap_connections *coap_connections_init(void *memory, const struct coap_connections_config *config);

/* ---- connections, for the edge ---- */

/* Somebody has connected to us. False when the table is full. */
bool coap_connection_accept(
	struct coap_connections *t, const struct address *peer, msec now, struct coap_remote *ret_remote);
/* We connect to somebody. False when the table is full. */
bool coap_connection_open(
	struct coap_connections *t, const struct address *peer, msec now, struct coap_remote *ret_remote);
/* Ours is made. */
void coap_connection_connected(struct coap_connections *t, struct handle h, msec now);
/* The peer sends no more. What has come is still handled. */
void coap_connection_ended(struct coap_connections *t, struct handle h, msec now);
/* Nothing can be read or written any more. */
void coap_connection_broken(struct coap_connections *t, struct handle h, msec now);

/* Where the next bytes may be put, and how many; none while the connection is busy. */
uint8_t *coap_connection_room(struct coap_connections *t, struct handle h, size_t *ret_len);
/* So many have been put there. */
void coap_connection_received(struct coap_connections *t, struct handle h, size_t len, msec now);
/* What waits to leave; valid until the next call of any function here. */
struct bytes coap_connection_output(const struct coap_connections *t, struct handle h);
/* So much of it has left. */
void coap_connection_written(struct coap_connections *t, struct handle h, size_t len, msec now);
/* No more will be written: when the output is empty the peer may be told so. */
bool coap_connection_is_closing(const struct coap_connections *t, struct handle h);
/* Takes one connection whose room or output has changed, or that is gone: then its handle is known no longer, and the
 * edge lets go of what belongs to it. Call until false. */
bool coap_connection_touched(struct coap_connections *t, struct handle *ret);
bool coap_connection_is_known(const struct coap_connections *t, struct handle h);

/* ---- messages, for the endpoint ---- */

enum coap_connection_event_kind {
	COAP_CONNECTION_MESSAGE, /* a request or a response, perhaps malformed */
	COAP_CONNECTION_PONG,    /* the answer to a Ping of the endpoint's */
	COAP_CONNECTION_IDLE,    /* nothing has come for idle_max: to be pinged or released */
	COAP_CONNECTION_LOST,    /* it carries nothing any more */
};

struct coap_connection_event {
	enum coap_connection_event_kind kind;
	struct coap_remote remote;
	struct bytes message;    /* in the form of a datagram (coap/frame.h); valid until the next call */
	struct coap_token token; /* of a Pong */
	enum coap_connection_end end;
};

/* Takes what has happened. Connections take turns, one message each. Call until false. */
bool coap_connections_next(struct coap_connections *t, msec now, struct coap_connection_event *ret);

/* Sends a message given as a datagram. False when the connection is not there, or cannot take it: it is lost then. */
bool coap_connection_send(struct coap_connections *t, struct handle h, struct bytes datagram, msec now);
bool coap_connection_ping(struct coap_connections *t, struct handle h, const struct coap_token *token, msec now);
/* Says that no more is wanted; the peer closes, or the time is over. */
void coap_connection_release(struct coap_connections *t, struct handle h, msec now);
/* Ends it when what waits to leave has left. */
void coap_connection_close(struct coap_connections *t, struct handle h, msec now);
/* Ends it with an Abort and a word to people. */
void coap_connection_abort(struct coap_connections *t, struct handle h, enum coap_connection_end why, msec now);

/* One connection where a Pong or the end waits until all requests have been answered (sections 5.4.1 and 5.5). Walks:
 * `cursor` starts at 0. False at the end. */
bool coap_connections_awaiting(const struct coap_connections *t, uint32_t *cursor, struct coap_remote *ret);
/* All its requests have been answered. */
void coap_connection_settled(struct coap_connections *t, struct handle h, msec now);

/* ---- time and questions ---- */

msec coap_connections_deadline(const struct coap_connections *t);
void coap_connections_tick(struct coap_connections *t, msec now);

/* What this peer takes; the base values before its CSM. NULL when the connection is not known. */
const struct coap_settings *coap_connection_peer(const struct coap_connections *t, struct handle h);
/* What we take. */
const struct coap_settings *coap_connections_own(const struct coap_connections *t);
/* Whether a request or notification may go now: open, and not busy. */
bool coap_connection_is_ready(const struct coap_connections *t, struct handle h);
/* False when the connection is not known. */
bool coap_connection_state_of(const struct coap_connections *t, struct handle h, enum coap_connection_state *ret);
uint32_t coap_connections_count(const struct coap_connections *t);
const struct coap_connections_counters *coap_connections_counters(const struct coap_connections *t);
