/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Signalling messages on reliable transports (RFC 8323 section 5): CSM, Ping, Pong, Release, Abort.
 *
 * They are messages like others, but each code has option numbers of its own. They are read and written in the form of
 * a datagram (coap/frame.h). An unknown option that is elective is skipped; one that is critical ends the connection
 * (section 5.2). */
#pragma once

#include "coap/message.h"

#define COAP_SIGNAL_MAX_BYTES 128 /* of those that we write, as datagrams */

/* Option numbers, by code. */
enum coap_signal_option {
	COAP_CSM_MAX_MESSAGE_SIZE = 2,
	COAP_CSM_BLOCK_WISE_TRANSFER = 4,
	COAP_CSM_EXTENDED_TOKEN_LENGTH = 6, /* RFC 8974 section 2.2.1 */
	COAP_PING_CUSTODY = 2,
	COAP_RELEASE_ALTERNATIVE_ADDRESS = 2,
	COAP_RELEASE_HOLD_OFF = 4,
	COAP_ABORT_BAD_CSM_OPTION = 2,
};

/* What a side has told about itself; CSMs add up over a connection (section 5.3). */
struct coap_settings {
	uint32_t message_size_max; /* largest message it takes, in bytes of the frame */
	bool has_blocks;
	uint32_t token_max_bytes; /* longest token it takes in a request */
};

/* Holds before a CSM says otherwise (section 5.3.1). */
#define COAP_SETTINGS_BASE \
	((struct coap_settings){.message_size_max = COAP_MESSAGE_MAX_BYTES, .token_max_bytes = COAP_TOKEN_WORD_BYTES})
/* A peer that takes less than this cannot be answered at all; its CSM is refused. */
#define COAP_SETTINGS_MESSAGE_SIZE_MIN 128

/* Blocks of more than 1024 bytes may be sent to it (section 5.3.2). */
static inline bool coap_settings_have_bert(const struct coap_settings *s)
{
	return s->has_blocks && s->message_size_max > COAP_MESSAGE_MAX_BYTES;
}

struct coap_signal {
	enum coap_code code;
	struct coap_token token;
	bool has_custody;        /* of Ping and Pong */
	uint32_t hold_off_s;     /* of Release: not to come back for so long */
	struct bytes diagnostic; /* for people; borrowed */
	bool has_message_size;   /* of a CSM */
	uint32_t message_size_max;
	bool has_blocks;
	uint32_t token_max_bytes; /* of a CSM; 0 when it says nothing */
};

enum coap_signal_verdict {
	COAP_SIGNAL_OK,
	COAP_SIGNAL_UNKNOWN,    /* a code of class 7 without a meaning: to be ignored */
	COAP_SIGNAL_BAD_OPTION, /* critical and unknown, or with a value that cannot be; the connection ends */
	COAP_SIGNAL_MALFORMED,  /* the same */
};

/* Reads a message whose code is of class 7. `ret_option` is filled in on BAD_OPTION. */
enum coap_signal_verdict coap_signal_parse(struct bytes datagram, struct coap_signal *ret, uint16_t *ret_option);
/* What a CSM says replaces what was said before; what it does not say stays. */
void coap_settings_apply(struct coap_settings *s, const struct coap_signal *csm);

/* ---- writing ---- */

void coap_signal_write_csm(struct writer *w, const struct coap_settings *own);
void coap_signal_write_ping(struct writer *w, const struct coap_token *token);
void coap_signal_write_pong(struct writer *w, const struct coap_token *token, bool has_custody);
void coap_signal_write_release(struct writer *w, uint32_t hold_off_s);
/* `diagnostic` is for people; `bad_csm_option` is 0 when the reason is another. */
void coap_signal_write_abort(struct writer *w, uint16_t bad_csm_option, const char *diagnostic);
