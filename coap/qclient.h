/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Own requests whose bodies go and come by Q-Block1 and Q-Block2 (RFC 9177); of the composer.
 *
 *     PROBING     does the peer know Q-Block? A confirmable GET for the first block alone (section 4.1), which also is
 *                 the request itself when that can be repeated; 4.02 or RST: it does not, and Block1 and Block2 do it.
 *                 What a peer has said is remembered for a while
 *     SENDING     the request's body leaves by Q-Block1; one message when it fits a block
 *     RECEIVING   the response's body comes by Q-Block2
 *     OBSERVING   as RECEIVING, for the body of each notification; nothing is under way at first
 *
 * All requests of a call share a token but for its last bytes, which count them (section 6), so an answer to any of
 * them finds the call. A call that fails leaves its peer alone for as long as PROBING_RATE says (section 7.2); the next
 * one waits. */
#pragma once

#include "coap/qpeer.h"
#include "coap/base/slab.h"

struct coap_endpoint;
struct coap_call;
struct coap_message;

enum coap_qclient_progress {
	COAP_QCLIENT_ON,           /* nothing to tell */
	COAP_QCLIENT_RESPONSE,     /* the message is the final response; its body, coap_qclient_body */
	COAP_QCLIENT_NOTIFICATION, /* likewise, and the call goes on */
	COAP_QCLIENT_FALL_BACK,    /* the peer does not know Q-Block: the call begins anew without */
	COAP_QCLIENT_ORDINARY,     /* the same, but this is a response as any other already */
	COAP_QCLIENT_BROKEN,
	COAP_QCLIENT_TIMEOUT,
};

/* What is known of a peer, for others who ask by Q-Block2; and what they have found out. */
enum coap_qpeer_support coap_qclient_support(struct coap_endpoint *e, const struct coap_remote *remote, msec now);
void coap_qclient_learned(
	struct coap_endpoint *e, const struct coap_remote *remote, enum coap_qpeer_support support, msec now);

/* The exchange wants Q-Block. False when there is no place, or the peer is known not to know it: it goes without. */
bool coap_qclient_open(struct coap_endpoint *e, struct handle exchange, const struct coap_call *call, msec now);
void coap_qclient_start(struct coap_endpoint *e, struct handle exchange, msec now);
/* Gives the place back. Ignores an exchange that has none. */
void coap_qclient_close(struct coap_endpoint *e, struct handle exchange);

/* A response to one of its requests has come. */
enum coap_qclient_progress coap_qclient_response(
	struct coap_endpoint *e, struct handle exchange, const struct coap_message *m, msec now);
/* What has come of the body after RESPONSE and NOTIFICATION; the message's payload when it came in one. Valid until the
 * next message. */
struct bytes coap_qclient_body(struct coap_endpoint *e, struct handle exchange, const struct coap_message *m);
/* The body has been handed over; that of the next notification may come. */
void coap_qclient_told(struct coap_endpoint *e, struct handle exchange);
/* A confirmable request of it was acknowledged, or rejected. */
void coap_qclient_acked(struct coap_endpoint *e, struct handle exchange, msec now);
enum coap_qclient_progress coap_qclient_was_rejected(struct coap_endpoint *e, struct handle exchange, msec now);
/* Whose non-confirmable request had this Message-ID. */
bool coap_qclient_find_rejected(
	const struct coap_endpoint *e, const struct coap_remote *from, uint16_t id, struct handle *ret_exchange);

msec coap_qclient_deadline(const struct coap_endpoint *e);
/* Takes one call that is due; what there is to tell of it is not about a message. Call until false. */
bool coap_qclient_due(
	struct coap_endpoint *e, msec now, struct handle *ret_exchange, enum coap_qclient_progress *ret_progress);
