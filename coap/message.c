/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/message.h"

#include <assert.h>

#define PAYLOAD_MARKER 0xff

struct coap_token coap_token_of(struct bytes bytes)
{
	struct coap_token token = {.len = (uint8_t)bytes.len};
	assert(bytes.len <= COAP_TOKEN_MAX_BYTES);
	if (bytes.len > 0)
		memcpy(token.bytes, bytes.data, bytes.len);
	return token;
}

/* ---- reading ---- */

/* RFC 7252 section 4.3, table 1, and the classes that section 3 reserves. */
static bool may_carry(enum coap_type type, enum coap_code code)
{
	switch (type) {
	case COAP_TYPE_CON:
		return coap_code_is_empty(code) || coap_code_is_request(code) || coap_code_is_response(code);
	case COAP_TYPE_NON:
		return coap_code_is_request(code) || coap_code_is_response(code);
	case COAP_TYPE_ACK:
		return coap_code_is_empty(code) || coap_code_is_response(code);
	case COAP_TYPE_RST:
		return coap_code_is_empty(code);
	}
	return false;
}

static enum coap_verdict parse_options(struct reader *r, struct coap_message *m)
{
	struct coap_option option = {0, BYTES_NONE};
	for (;;) {
		switch (coap_option_read(r, &option)) {
		case COAP_OPTION_STEP_END:
			return COAP_VERDICT_OK;
		case COAP_OPTION_STEP_MALFORMED:
			return COAP_VERDICT_MALFORMED;
		case COAP_OPTION_STEP_PAYLOAD:
			m->payload = read_bytes(r, reader_left(r));
			/* A marker with nothing behind it is a format error (RFC 7252 section 3). */
			return m->payload.len > 0 ? COAP_VERDICT_OK : COAP_VERDICT_MALFORMED;
		case COAP_OPTION_STEP_OPTION:
			if (m->option_count == COAP_MESSAGE_OPTIONS_MAX)
				return COAP_VERDICT_FULL;
			m->options[m->option_count++] = option;
			break;
		}
	}
}

/* Everything behind the four bytes of the header. An Empty message ends there (RFC 7252 section 4.1). */
static enum coap_verdict parse_rest(struct reader *r, size_t token_len, struct coap_message *m)
{
	if (token_len > COAP_TOKEN_MAX_BYTES || !may_carry(m->type, m->code))
		return COAP_VERDICT_MALFORMED;
	if (coap_code_is_empty(m->code))
		return token_len == 0 && reader_left(r) == 0 ? COAP_VERDICT_OK : COAP_VERDICT_MALFORMED;
	struct bytes token = read_bytes(r, token_len);
	if (r->failed)
		return COAP_VERDICT_MALFORMED;
	m->token = coap_token_of(token);
	return parse_options(r, m);
}

enum coap_verdict coap_message_parse(struct bytes datagram, struct coap_message *ret)
{
	if (datagram.len < COAP_HEADER_BYTES)
		return COAP_VERDICT_IGNORE;
	struct reader r = reader_of(datagram);
	unsigned first = read_u8(&r);
	if (first >> 6 != COAP_VERSION)
		return COAP_VERDICT_IGNORE;
	ret->type = (enum coap_type)(first >> 4 & 3);
	ret->code = (enum coap_code)read_u8(&r);
	ret->id = read_u16(&r);
	ret->token = (struct coap_token){.len = 0};
	ret->option_count = 0;
	ret->payload = BYTES_NONE;
	enum coap_verdict verdict = parse_rest(&r, first & 15, ret);
	if (verdict != COAP_VERDICT_OK) {
		ret->option_count = 0;
		ret->payload = BYTES_NONE;
	}
	return verdict;
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

static void write_header(struct writer *w, enum coap_type type, enum coap_code code, uint16_t id, unsigned token_len)
{
	write_u8(w, (uint8_t)(COAP_VERSION << 6 | (unsigned)type << 4 | token_len));
	write_u8(w, (uint8_t)code);
	write_u16(w, id);
}

static void write_payload(struct writer *w, struct bytes payload)
{
	if (payload.len == 0)
		return;
	write_u8(w, PAYLOAD_MARKER);
	write_bytes(w, payload);
}

void coap_message_write(struct writer *w, enum coap_type type, enum coap_code code, uint16_t id,
	const struct coap_token *token, const struct coap_options *options, struct bytes payload)
{
	assert(token->len <= COAP_TOKEN_MAX_BYTES);
	write_header(w, type, code, id, token->len);
	write_bytes(w, coap_token_bytes(token));
	if (options != NULL)
		coap_options_write(w, options);
	write_payload(w, payload);
}

void coap_message_write_empty(struct writer *w, enum coap_type type, uint16_t id)
{
	write_header(w, type, COAP_EMPTY, id, 0);
}

void coap_message_write_view(struct writer *w, const struct coap_message *m)
{
	uint16_t previous = 0;
	write_header(w, m->type, m->code, m->id, m->token.len);
	write_bytes(w, coap_token_bytes(&m->token));
	for (unsigned i = 0; i < m->option_count; i++) {
		coap_option_write(w, previous, m->options[i].number, m->options[i].value);
		previous = m->options[i].number;
	}
	write_payload(w, m->payload);
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

bool coap_message_option(const struct coap_message *m, uint16_t number, struct bytes *ret)
{
	unsigned cursor = 0;
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
