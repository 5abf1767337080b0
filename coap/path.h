/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whether a secure session's peer receives where its messages go; part of the composer.
 *
 * A session may be heard from a new address (RFC 9146 section 6). That its record was authentic and newer than all
 * before does not say who receives there: a datagram that was held back on the way can be given any sender. So the
 * transport allows the new address three times what came from there (RFC 9175 section 2.4, item 3) until it is proved,
 * and the endpoint obtains the proof when it has more to say:
 *
 * - Whatever is refused for it is withheld: a message that is kept for retransmission anyway, and the first of those
 *   that are sent once, such as a response in an ACK. A ping goes in its place (RFC 7252 section 4.3), as small as a
 *   message can be, and the RST that answers it sends the message on its way. A peer need know nothing of this, and
 *   loses nothing. What is repeated is withheld again with another ping.
 * - A notification is confirmable as long as the address is not proved.
 * - A request that is non-confirmable, or asks for a burst of blocks (RFC 9177), is answered with an Echo as a
 *   stranger's is when its answer would be too large (amplification.h). A ping goes with it: whichever is answered
 *   first will do, and a client that knows no Echo is served when it asks again.
 *
 * What proves an address is something that only a receiver there can know: the Message-ID of a ping, which is drawn by
 * chance, wherever the RST comes from; the token in the response to a confirmable request that was first sent there; an
 * Echo value that was made for it. (A peer that lies about where it is has one chance in 65,536 with each RST that it
 * makes up; and it is a peer whose name we know.) Nobody is asked but in these cases: a session that moves and hears
 * nothing large costs no message more. */
#pragma once

#include "coap/endpoint_state.h"

/* How many bytes a message to this remote may have, 0 for any number. */
uint32_t coap_path_limit(const struct coap_endpoint *e, const struct coap_remote *remote);
/* The remote, with the address that its messages go to now. */
struct coap_remote coap_path_remote(const struct coap_endpoint *e, const struct coap_remote *remote);

/* The transport has refused this message: if that was for its length, it is withheld. `pending` is HANDLE_NONE for one
 * that is sent once. */
void coap_path_refused(
	struct coap_endpoint *e, const struct coap_remote *to, struct bytes message, struct handle pending, msec now);
/* An Echo has been asked of it, where it must prove its address. */
void coap_path_challenged(struct coap_endpoint *e, const struct coap_remote *to, msec now);
/* A ping has been answered: sends what was withheld. */
void coap_path_pong(struct coap_endpoint *e, const struct coap_pending *found, msec now);
/* A response has come to the request that was sent as `p`. */
void coap_path_answered(struct coap_endpoint *e, const struct coap_pending *p);
/* An Echo value that was made for this remote has come back. */
void coap_path_echoed(struct coap_endpoint *e, const struct coap_remote *from);
