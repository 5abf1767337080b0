/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The port between CoAP and whatever carries its messages: plain UDP, DTLS sessions, or the simulator's network.
 *
 * A remote is the other end of an association. On plain UDP that is an address; in a secure session it is the session,
 * whose address may move (RFC 9146); over TCP it is the connection. RFC 7252 section 1.2 calls it the endpoint, and
 * tells endpoints apart by the security association used. A port never calls back into its caller. */
#pragma once

#include "coap/base/address.h"
#include "coap/base/msec.h"
#include "coap/base/slab.h"

/* Sessions with a slot from here on are connections (coap/connection.h). */
#define COAP_CONNECTION_SLOTS (UINT32_C(1) << 31)

struct coap_remote {
	struct address address; /* where it is; of a secure session, where it was when this was filled in */
	struct handle session;  /* the secure session or the connection; HANDLE_NONE on plain UDP */
};

static inline bool coap_remote_has_session(const struct coap_remote *r)
{
	return !handle_is_none(r->session);
}

/* Carried by a byte stream, where nothing is lost, repeated or reordered: there is no message layer (RFC 8323 section
 * 3.1). */
static inline bool coap_remote_is_reliable(const struct coap_remote *r)
{
	return r->session.slot >= COAP_CONNECTION_SLOTS;
}

static inline bool coap_remote_is_secure(const struct coap_remote *r)
{
	return coap_remote_has_session(r) && !coap_remote_is_reliable(r);
}

static inline bool coap_remote_equal(const struct coap_remote *a, const struct coap_remote *b)
{
	if (coap_remote_has_session(a) || coap_remote_has_session(b))
		return handle_equal(a->session, b->session);
	return address_equal(&a->address, &b->address);
}

static inline uint64_t coap_remote_hash(const struct coap_remote *r, uint64_t seed)
{
	if (coap_remote_has_session(r))
		return bytes_hash(bytes_of(&r->session, sizeof r->session), seed);
	return address_hash(&r->address, seed);
}

/* Where messages to a remote go. */
struct coap_path_state {
	struct address address;
	uint32_t allowance; /* how long a message that goes there now may be: COAP_PATH_FREE, or less to an address that
			     * has not been proved */
};
#define COAP_PATH_FREE UINT32_MAX

/* Where a CoAP endpoint puts its messages. `message` is borrowed; the port copies or sends at once. False means it was
 * not sent (no such session, buffers full, more than may go there), which for CoAP is the same as lost on the way. */
struct coap_transport {
	void *context;
	bool (*send)(void *context, const struct coap_remote *to, struct bytes message, msec now);
	/* Where the next message may be written so that send need not copy it: COAP_DATAGRAM_MAX_BYTES bytes, until the
	 * next send. NULL for a port that has no such place. */
	uint8_t *(*room)(void *context);
	/* Of a secure session, whose address may move. False when it is gone. NULL for a port whose remotes stay. */
	bool (*path)(void *context, const struct coap_remote *to, struct coap_path_state *ret);
	/* Something came back that only who receives at the remote's address can know. NULL when path is. */
	void (*prove)(void *context, const struct coap_remote *remote);
};

/* Where datagrams go below all this: a socket, or the simulator's link. `local` is not chosen; the socket is. */
struct datagram_port {
	void *context;
	bool (*send)(void *context, const struct address *to, struct bytes datagram);
};
