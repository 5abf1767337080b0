/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/message.h"

#define PAYLOAD_MARKER    0xff
#define TKL_ONE_BYTE      13
#define TKL_TWO_BYTES     14
#define TKL_RESERVED      15
#define TKL_ONE_BYTE_MIN  13
#define TKL_TWO_BYTES_MIN 269

/* ---- tokens ---- */

unsigned coap_token_nibble(size_t len)
{
	if (len < TKL_ONE_BYTE_MIN)
		return (unsigned)len;
	return len < TKL_TWO_BYTES_MIN ? TKL_ONE_BYTE : TKL_TWO_BYTES;
}

void coap_token_write(struct writer *w, struct bytes token)
{
	if (token.len >= TKL_TWO_BYTES_MIN)
		write_u16(w, (uint16_t)(token.len - TKL_TWO_BYTES_MIN));
	else if (token.len >= TKL_ONE_BYTE_MIN)
		write_u8(w, (uint8_t)(token.len - TKL_ONE_BYTE_MIN));
	write_bytes(w, token);
}

bool coap_token_read(struct reader *r, unsigned nibble, struct bytes *ret)
{
	size_t len = nibble;
	if (nibble == TKL_RESERVED)
		return false;
	if (nibble == TKL_ONE_BYTE)
		len = read_u8(r) + (size_t)TKL_ONE_BYTE_MIN;
	else if (nibble == TKL_TWO_BYTES)
		len = read_u16(r) + (size_t)TKL_TWO_BYTES_MIN;
	*ret = read_bytes(r, len);
	return !r->failed;
}

/* ---- reading ---- */

#define CLASS(n)  (1u << (n))
#define RESPONSES (CLASS(2) | CLASS(4) | CLASS(5))

/* RFC 7252 section 4.3, table 1, and the classes that section 3 reserves. */
static bool may_carry(enum coap_type type, enum coap_code code)
{
	static const uint8_t classes[] = {
		[COAP_TYPE_CON] = CLASS(0) | RESPONSES,
		[COAP_TYPE_NON] = CLASS(0) | RESPONSES,
		[COAP_TYPE_ACK] = RESPONSES,
		[COAP_TYPE_RST] = 0,
	};
	if (coap_code_is_empty(code))
		return type != COAP_TYPE_NON;
	return (classes[type] >> coap_code_class(code) & 1) != 0;
}

static enum coap_verdict parse_options(struct bytes wire, struct coap_message *m)
{
	struct bytes payload;
	uint8_t count;
	switch (coap_option_read_all(wire, m->options, COAP_MESSAGE_OPTIONS_MAX, &count, &payload)) {
	case COAP_OPTION_STEP_END:
		m->option_count = count;
		return COAP_VERDICT_OK;
	case COAP_OPTION_STEP_PAYLOAD:
		/* A marker with nothing behind it is a format error (RFC 7252 section 3). */
		if (payload.len == 0)
			return COAP_VERDICT_MALFORMED;
		m->option_count = count;
		m->payload = payload;
		return COAP_VERDICT_OK;
	case COAP_OPTION_STEP_OPTION:
		return COAP_VERDICT_FULL;
	case COAP_OPTION_STEP_MALFORMED:
		break;
	}
	return COAP_VERDICT_MALFORMED;
}

/* A token of any length (RFC 8974), and the rest. */
static enum coap_verdict parse_extended(struct bytes rest, unsigned nibble, struct coap_message *m)
{
	struct reader r = reader_of(rest);
	struct bytes token;
	if (!coap_token_read(&r, nibble, &token))
		return COAP_VERDICT_MALFORMED;
	if (token.len > COAP_TOKEN_MAX_BYTES)
		return COAP_VERDICT_LONG_TOKEN;
	m->token = coap_token_of(token);
	return parse_options(read_bytes(&r, reader_left(&r)), m);
}

/* What follows the four bytes of the header. An Empty message ends there (RFC 7252 section 4.1). Tokens of RFC 7252 are
 * taken without a cursor, as nearly every message has one of those. */
static enum coap_verdict parse_rest(struct bytes rest, unsigned nibble, struct coap_message *m)
{
	if (!may_carry(m->type, m->code))
		return COAP_VERDICT_MALFORMED;
	if (coap_code_is_empty(m->code))
		return nibble == 0 && rest.len == 0 ? COAP_VERDICT_OK : COAP_VERDICT_MALFORMED;
	if (nibble > COAP_TOKEN_WORD_BYTES)
		return parse_extended(rest, nibble, m);
	if (nibble > rest.len)
		return COAP_VERDICT_MALFORMED;
	m->token.len = (uint8_t)nibble;
	bytes_copy(m->token.bytes, rest.data, nibble);
	return parse_options((struct bytes){rest.data + nibble, rest.len - nibble}, m);
}

enum coap_verdict coap_message_parse(struct bytes datagram, struct coap_message *ret)
{
	const uint8_t *header = datagram.data;
	if (datagram.len < COAP_HEADER_BYTES || header[0] >> 6 != COAP_VERSION)
		return COAP_VERDICT_IGNORE;
	ret->type = (enum coap_type)(header[0] >> 4 & 3);
	ret->code = (enum coap_code)header[1];
	ret->id = (uint16_t)(header[2] << 8 | header[3]);
	ret->token.len = 0;
	memset(ret->token.bytes, 0, COAP_TOKEN_WORD_BYTES);
	ret->option_count = 0;
	ret->payload = BYTES_NONE;
	return parse_rest(
		(struct bytes){header + COAP_HEADER_BYTES, datagram.len - COAP_HEADER_BYTES}, header[0] & 15, ret);
}

struct bytes coap_message_long_token(struct bytes datagram)
{
	struct reader r = reader_of(bytes_from(datagram, COAP_HEADER_BYTES));
	struct bytes token = BYTES_NONE;
	bool is_read = coap_token_read(&r, datagram.data[0] & 15, &token);
	assert(is_read);
	return token;
}

static bool is_well_defined(const struct coap_option *option, bool is_repeated)
{
	const struct coap_option_definition *d = coap_option_definition(option->number);
	if (d == NULL)
		return true;
	if (is_repeated && !d->is_repeatable)
		return false;
	return option->value.len >= d->min_bytes && option->value.len <= d->max_bytes;
}

bool coap_message_recognise(struct coap_message *m, const struct coap_option_set *understood, uint16_t *ret_offending)
{
	uint8_t kept = 0;
	for (unsigned i = 0; i < m->option_count; i++) {
		struct coap_option option = m->options[i];
		/* Keeping never writes beyond the option it keeps, so the one before still stands where it was. */
		bool is_repeated = i > 0 && m->options[i - 1].number == option.number;
		if (is_well_defined(&option, is_repeated) && coap_option_set_has(understood, option.number)) {
			m->options[kept++] = option;
		} else if (coap_option_is_critical(option.number)) {
			*ret_offending = option.number;
			return false;
		}
	}
	m->option_count = kept;
	return true;
}

bool coap_message_may_forward(
	const struct coap_message *m, const struct coap_option_set *understood, uint16_t *ret_offending)
{
	for (unsigned i = 0; i < m->option_count; i++) {
		const struct coap_option *option = &m->options[i];
		bool is_repeated = i > 0 && option[-1].number == option->number;
		if (!coap_option_is_unsafe(option->number) ||
			(coap_option_set_has(understood, option->number) && is_well_defined(option, is_repeated)))
			continue;
		*ret_offending = option->number;
		return false;
	}
	return true;
}

/* ---- writing ---- */

static inline void put_header(
	uint8_t at[COAP_HEADER_BYTES], enum coap_type type, enum coap_code code, uint16_t id, unsigned nibble)
{
	at[0] = (uint8_t)(COAP_VERSION << 6 | (unsigned)type << 4 | nibble);
	at[1] = (uint8_t)code;
	at[2] = (uint8_t)(id >> 8);
	at[3] = (uint8_t)id;
}

/* Header and token in any form; apart from the usual form, which it would only burden. */
__attribute__((noinline)) static void write_start(
	struct writer *w, enum coap_type type, enum coap_code code, uint16_t id, struct bytes token)
{
	uint8_t header[COAP_HEADER_BYTES];
	put_header(header, type, code, id, coap_token_nibble(token.len));
	write_bytes(w, bytes_of(header, sizeof header));
	coap_token_write(w, token);
}

/* A short token moves as a whole word where there is room for one. */
void coap_message_write_start(
	struct writer *w, enum coap_type type, enum coap_code code, uint16_t id, const struct coap_token *token)
{
	if (w->failed || token->len > COAP_TOKEN_WORD_BYTES ||
		writer_left(w) < COAP_HEADER_BYTES + COAP_TOKEN_WORD_BYTES) {
		write_start(w, type, code, id, coap_token_bytes(token));
		return;
	}
	uint8_t *at = w->at;
	put_header(at, type, code, id, token->len);
	memcpy(at + COAP_HEADER_BYTES, token->bytes, COAP_TOKEN_WORD_BYTES);
	w->at = at + COAP_HEADER_BYTES + token->len;
}

void coap_message_write_payload(struct writer *w, struct bytes payload)
{
	if (payload.len == 0)
		return;
	if (writer_left(w) <= payload.len)
		w->failed = true;
	if (w->failed)
		return;
	uint8_t *at = w->at;
	*at = PAYLOAD_MARKER;
	bytes_copy(at + 1, payload.data, payload.len);
	w->at = at + 1 + payload.len;
}

void coap_message_write(struct writer *w, enum coap_type type, enum coap_code code, uint16_t id,
	const struct coap_token *token, const struct coap_options *options, struct bytes payload)
{
	coap_message_write_start(w, type, code, id, token);
	if (options != NULL)
		coap_options_write(w, options);
	coap_message_write_payload(w, payload);
}

void coap_message_write_refusal(
	struct writer *w, enum coap_type type, enum coap_code code, uint16_t id, struct bytes token)
{
	write_start(w, type, code, id, token);
}

void coap_message_write_empty(struct writer *w, enum coap_type type, uint16_t id)
{
	write_start(w, type, COAP_EMPTY, id, BYTES_NONE);
}

void coap_message_write_view(struct writer *w, const struct coap_message *m)
{
	uint16_t previous = 0;
	write_start(w, m->type, m->code, m->id, coap_token_bytes(&m->token));
	for (unsigned i = 0; i < m->option_count; i++) {
		coap_option_write(w, previous, m->options[i].number, m->options[i].value);
		previous = m->options[i].number;
	}
	coap_message_write_payload(w, m->payload);
}

/* ---- questions ---- */

bool coap_message_next(const struct coap_message *m, uint16_t number, unsigned *cursor, struct bytes *ret)
{
	for (; *cursor < m->option_count; ++*cursor) {
		if (m->options[*cursor].number != number)
			continue;
		*ret = m->options[(*cursor)++].value;
		return true;
	}
	return false;
}

/* Options ascend, and most that are asked for lie behind the last one there is. */
bool coap_message_option(const struct coap_message *m, uint16_t number, struct bytes *ret)
{
	unsigned cursor = 0;
	if (m->option_count == 0 || m->options[m->option_count - 1].number < number)
		return false;
	return coap_message_next(m, number, &cursor, ret);
}

bool coap_message_uint(const struct coap_message *m, uint16_t number, uint32_t *ret)
{
	struct bytes value;
	return coap_message_option(m, number, &value) && coap_option_decode_uint(value, ret);
}

bool coap_message_has(const struct coap_message *m, uint16_t number)
{
	struct bytes value;
	return coap_message_option(m, number, &value);
}
