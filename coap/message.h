/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One CoAP message over UDP or DTLS (RFC 7252 section 3):
 *
 *      0                   1                   2                   3
 *     |Ver| T |  TKL  |      Code     |          Message ID           |
 *     | token (TKL bytes, or as RFC 8974 says) | options | 0xFF payload |
 *
 * A parsed message is a view: nothing but the token is copied, and values and payload point into the datagram. All
 * options are found once, into a table of fixed size. Writing takes the header, a list of options (coap/option.h) and
 * a payload, and fails by the writer's sticky flag when the buffer is too small. */
#pragma once

#include "coap/code.h"
#include "coap/option.h"

#include <assert.h>

#define COAP_VERSION                1
#define COAP_HEADER_BYTES           4
#define COAP_TOKEN_MAX_BYTES        64
#define COAP_TOKEN_WORD_BYTES       8
#define COAP_MESSAGE_OPTIONS_MAX    64
#define COAP_MESSAGE_MAX_BYTES      1152 /* to assume when the path's MTU is not known (RFC 7252 section 4.6) */
#define COAP_MESSAGE_TEXT_MAX_BYTES 512  /* a good size for the line of coap_message_describe */

enum coap_type {
	COAP_TYPE_CON = 0,
	COAP_TYPE_NON = 1,
	COAP_TYPE_ACK = 2,
	COAP_TYPE_RST = 3,
};

/* A token by value. Nearly all have at most 8 bytes, and those are handled as one word: the first 8 bytes are zero
 * behind `len`, all others are only there as far as `len` says. RFC 8974 allows up to 65,804; a request with more than
 * COAP_TOKEN_MAX_BYTES is answered with 4.00 (section 2.2.2), for which its token need not be kept. */
struct coap_token {
	uint8_t bytes[COAP_TOKEN_MAX_BYTES];
	uint8_t len;
};

static inline struct bytes coap_token_bytes(const struct coap_token *t)
{
	return bytes_of(t->bytes, t->len);
}

static inline bool coap_token_equal(const struct coap_token *a, const struct coap_token *b)
{
	if (a->len != b->len || memcmp(a->bytes, b->bytes, COAP_TOKEN_WORD_BYTES) != 0)
		return false;
	return a->len <= COAP_TOKEN_WORD_BYTES || memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* `bytes` must be at most COAP_TOKEN_MAX_BYTES long. */
static inline struct coap_token coap_token_of(struct bytes bytes)
{
	struct coap_token token;
	assert(bytes.len <= COAP_TOKEN_MAX_BYTES);
	token.len = (uint8_t)bytes.len;
	memset(token.bytes, 0, COAP_TOKEN_WORD_BYTES);
	bytes_copy(token.bytes, bytes.data, bytes.len);
	return token;
}

/* The TKL nibble of a token, and the bytes that stand directly in front of it (RFC 8974 section 2.1). On reliable
 * transports (RFC 8323) too. */
unsigned coap_token_nibble(size_t len);
void coap_token_write(struct writer *w, struct bytes token);
/* Reads what `nibble` announces; false when it is 15 or the bytes end. */
bool coap_token_read(struct reader *r, unsigned nibble, struct bytes *ret);

struct coap_message {
	enum coap_type type;
	enum coap_code code;
	uint16_t id;
	struct coap_token token;
	uint8_t option_count;
	struct bytes payload;                                 /* empty when there is none */
	struct coap_option options[COAP_MESSAGE_OPTIONS_MAX]; /* ascending by number */
};

/* What a datagram is, and thereby what to do with it. */
enum coap_verdict {
	COAP_VERDICT_OK,
	COAP_VERDICT_IGNORE,     /* too short for a header, or not version 1: never answered */
	COAP_VERDICT_MALFORMED,  /* to reject (RFC 7252 section 4.2): RST when confirmable, else ignore. A format error,
				  * a reserved class of code, or a type that must not carry the code (section 4.3, table
				  * 1). `type`, `code` and `id` are filled in. */
	COAP_VERDICT_FULL,       /* more options than the table holds; also `token` is filled in */
	COAP_VERDICT_LONG_TOKEN, /* a token of more than COAP_TOKEN_MAX_BYTES; must not be rejected like a malformed one
				  * (RFC 8974 section 2.2.2). See coap_message_long_token */
};

/* Reads a datagram into a view that is valid as long as the datagram. `ret` is filled in as far as the verdict says;
 * on OK and FULL, and on MALFORMED with no options and no payload. */
enum coap_verdict coap_message_parse(struct bytes datagram, struct coap_message *ret);

/* The token of a datagram whose verdict was LONG_TOKEN, so that an answer can repeat it. */
struct bytes coap_message_long_token(struct bytes datagram);

/* Applies the rules for options that are not understood (RFC 7252 sections 5.4.1, 5.4.3 and 5.4.5). Not understood is
 * an option whose number is not in `understood`, whose length its definition does not allow, or that repeats although
 * it must not. Elective ones are taken out of the view. A critical one gives false and its number: 4.02 to a
 * confirmable request, rejection of all else. Numbers that coap_option_definition does not know may be of any length
 * and repeat. */
bool coap_message_recognise(struct coap_message *m, const struct coap_option_set *understood, uint16_t *ret_offending);

/* The rule for options on their way through a proxy (RFC 7252 section 5.7.1): those that are safe to forward pass as
 * they are, understood or not. One that is unsafe and not understood gives false and its number: 4.02 for a request,
 * 5.02 for a response. */
bool coap_message_may_forward(
	const struct coap_message *m, const struct coap_option_set *understood, uint16_t *ret_offending);

/* ---- writing ----
 *
 * Either whole, from a list that takes options in any order, or piece by piece by whoever has them in ascending order:
 *
 *     coap_message_write_start(&w, COAP_TYPE_CON, COAP_GET, id, &token);
 *     coap_option_write(&w, 0, COAP_OPTION_URI_PATH, bytes_of_text("rd"));
 *     coap_option_write_uint(&w, COAP_OPTION_URI_PATH, COAP_OPTION_ACCEPT, COAP_FORMAT_LINK);
 *     coap_message_write_payload(&w, payload); */

/* Header and token. */
void coap_message_write_start(
	struct writer *w, enum coap_type type, enum coap_code code, uint16_t id, const struct coap_token *token);
/* The marker and the payload; nothing when it is empty. */
void coap_message_write_payload(struct writer *w, struct bytes payload);
/* Writes a whole message. `options` may be NULL. `failed` is set when it does not fit or the list has failed. */
void coap_message_write(struct writer *w, enum coap_type type, enum coap_code code, uint16_t id,
	const struct coap_token *token, const struct coap_options *options, struct bytes payload);
/* Writes a response without options or payload to a token of any length. */
void coap_message_write_refusal(
	struct writer *w, enum coap_type type, enum coap_code code, uint16_t id, struct bytes token);
/* Writes an Empty message: an acknowledgement, a reset, or as CON a ping (RFC 7252 section 4.1). */
void coap_message_write_empty(struct writer *w, enum coap_type type, uint16_t id);
/* Writes a view back, byte for byte what was parsed if the sender used the shortest forms. */
void coap_message_write_view(struct writer *w, const struct coap_message *m);

/* ---- questions ---- */

/* The first value of this option; false when it is absent. */
bool coap_message_option(const struct coap_message *m, uint16_t number, struct bytes *ret);
/* Walks through all values of a repeatable option: `cursor` starts at 0. False at the end. */
bool coap_message_next(const struct coap_message *m, uint16_t number, unsigned *cursor, struct bytes *ret);
/* The first value of this option as a number; false when it is absent or does not fit. */
bool coap_message_uint(const struct coap_message *m, uint16_t number, uint32_t *ret);
bool coap_message_has(const struct coap_message *m, uint16_t number);

/* ---- for people and traces ---- */

/* One line such as "CON GET 7d34 [e1f2a3b4] /rd?ep=x Block2:0/1/1024 (32 bytes)". Safe on any bytes: what is not
 * printable ASCII is percent-encoded. A line that does not fit is cut. */
void coap_message_describe(struct writer *w, const struct coap_message *m);
