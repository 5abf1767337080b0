/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One CoAP message on a byte stream (RFC 8323 section 3.2):
 *
 *     | Len | TKL | extended length, 0 to 4 bytes | code | token | options | 0xFF payload |
 *
 * A stream needs the length and needs neither version, type nor Message-ID; all behind the code is as in a datagram. So
 * the rest of the stack knows one form only, the datagram's: what comes is turned into a non-confirmable message with
 * Message-ID 0, in place and without copying, and what leaves is turned back while it is written. `Len` counts options
 * and payload, not the token; a token's extended length (RFC 8974 section 2.1) counts as part of the token. */
#pragma once

#include "coap/base/bytes.h"

/* Bytes in front of a frame that coap_frame_to_datagram may overwrite. */
#define COAP_FRAME_HEADROOM_BYTES 2
/* From the first nibble to the code. */
#define COAP_FRAME_HEAD_MAX_BYTES 6

struct coap_frame {
	uint64_t size; /* of the whole frame; may be far more than has come */
	uint8_t head;  /* bytes up to and including the code */
	uint8_t code;
	uint8_t token_nibble; /* TKL as it stands there */
};

enum coap_frame_verdict {
	COAP_FRAME_OK,    /* the head is read; whether all of `size` has come is to be looked at */
	COAP_FRAME_SHORT, /* more bytes are needed to say anything */
	COAP_FRAME_MALFORMED,
};

/* Reads the head of the frame at the beginning of `stream`. `ret` is filled in on OK. */
enum coap_frame_verdict coap_frame_parse(struct bytes stream, struct coap_frame *ret);

/* Turns the whole frame at `frame` into a datagram, for which up to COAP_FRAME_HEADROOM_BYTES in front of it are
 * overwritten. What is returned lies in the same memory. */
struct bytes coap_frame_to_datagram(uint8_t *frame, const struct coap_frame *f);

/* How many bytes a datagram takes as a frame. It must be one that coap_message_write has written. */
size_t coap_frame_size(struct bytes datagram);
/* Appends a datagram as a frame. Type and Message-ID are left out. */
void coap_frame_write(struct writer *w, struct bytes datagram);
