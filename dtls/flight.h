/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Handshake records as the demultiplexer sees them: whether one may be shown to an engine at all, and the server's last
 * flight, which is written without an engine when the client asks for it again. */
#pragma once

#include "dtls/engine.h"
#include "dtls/session.h"

#define DTLS_HANDSHAKE_MESSAGE_MAX 16384 /* longest handshake message, put together, that we let in */

/* What may be done with a record of epoch 0 from a peer whose handshake is running. */
enum dtls_plain_verdict {
	DTLS_PLAIN_GOOD,
	DTLS_PLAIN_ALERT,     /* anyone can forge it: take note, but show it to nobody; *ret_alert is what it says */
	DTLS_PLAIN_MALFORMED, /* a ChangeCipherSpec of other than one byte 1, fragments that contradict themselves, ...
			       */
};

/* `is_client` is our own role: a message that only we could send comes from nobody. */
enum dtls_plain_verdict dtls_flight_judge(const struct dtls_record *record, bool is_client, uint8_t *ret_alert);

/* The sequence number of the message that a datagram of ours begins with. False when that is none in the clear. */
bool dtls_flight_sequence(struct bytes datagram, uint16_t *ret_sequence);

/* ChangeCipherSpec and Finished under fresh record numbers (RFC 6347 section 4.2.4), from what the session kept. */
void dtls_flight_write_last(struct writer *w, struct dtls_session *session, const struct dtls_crypto *crypto);
