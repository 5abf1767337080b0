/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/message.h"
#include "coap/uri.h"

static const char *type_name(enum coap_type type)
{
	switch (type) {
	case COAP_TYPE_CON:
		return "CON";
	case COAP_TYPE_NON:
		return "NON";
	case COAP_TYPE_ACK:
		return "ACK";
	case COAP_TYPE_RST:
		return "RST";
	}
	return "?";
}

static void write_id(struct writer *w, uint16_t id)
{
	uint8_t bytes[2] = {(uint8_t)(id >> 8), (uint8_t)id};
	write_hex(w, bytes_of(bytes, sizeof bytes));
}

static bool is_block(uint16_t number)
{
	return number == COAP_OPTION_BLOCK1 || number == COAP_OPTION_BLOCK2 || number == COAP_OPTION_Q_BLOCK1 ||
	       number == COAP_OPTION_Q_BLOCK2;
}

/* Number, more, size (RFC 7959 section 2.2); the reserved size exponent 7 shows as 2048. */
static void write_block(struct writer *w, uint32_t value)
{
	write_decimal(w, value >> 4);
	write_text(w, value & 8 ? "/1/" : "/0/");
	write_decimal(w, 16u << (value & 7));
}

static void write_uint(struct writer *w, const struct coap_option *option)
{
	uint32_t value;
	if (!coap_option_decode_uint(option->value, &value))
		write_hex(w, option->value);
	else if (is_block(option->number))
		write_block(w, value);
	else
		write_decimal(w, value);
}

static void write_value(struct writer *w, const struct coap_option *option, enum coap_option_format format)
{
	switch (format) {
	case COAP_OPTION_FORMAT_UINT:
		write_uint(w, option);
		break;
	case COAP_OPTION_FORMAT_STRING:
		coap_uri_write_segment(w, option->value);
		break;
	case COAP_OPTION_FORMAT_EMPTY:
	case COAP_OPTION_FORMAT_OPAQUE:
		write_hex(w, option->value);
		break;
	}
}

static void write_option(struct writer *w, const struct coap_option *option)
{
	const struct coap_option_definition *d = coap_option_definition(option->number);
	write_u8(w, ' ');
	if (d != NULL)
		write_text(w, d->name);
	else
		write_decimal(w, option->number);
	if (d != NULL && d->format == COAP_OPTION_FORMAT_EMPTY && option->value.len == 0)
		return;
	write_u8(w, ':');
	write_value(w, option, d != NULL ? d->format : COAP_OPTION_FORMAT_OPAQUE);
}

/* Paths and queries are shown joined, not as options. */
static bool is_shown_joined(const struct coap_message *m, uint16_t number)
{
	if (number == COAP_OPTION_LOCATION_PATH || number == COAP_OPTION_LOCATION_QUERY)
		return true;
	return coap_code_is_request(m->code) && (number == COAP_OPTION_URI_PATH || number == COAP_OPTION_URI_QUERY);
}

static void write_head(struct writer *w, const struct coap_message *m)
{
	write_text(w, type_name(m->type));
	if (!coap_code_is_empty(m->code)) {
		write_u8(w, ' ');
		coap_code_write(w, m->code);
	}
	write_u8(w, ' ');
	write_id(w, m->id);
	if (m->token.len > 0) {
		write_text(w, " [");
		write_hex(w, coap_token_bytes(&m->token));
		write_u8(w, ']');
	}
}

void coap_message_describe(struct writer *w, const struct coap_message *m)
{
	write_head(w, m);
	if (coap_code_is_request(m->code)) {
		write_u8(w, ' ');
		coap_uri_write_path(w, m, COAP_OPTION_URI_PATH, COAP_OPTION_URI_QUERY);
	}
	if (coap_message_has(m, COAP_OPTION_LOCATION_PATH) || coap_message_has(m, COAP_OPTION_LOCATION_QUERY)) {
		write_text(w, " Location:");
		coap_uri_write_path(w, m, COAP_OPTION_LOCATION_PATH, COAP_OPTION_LOCATION_QUERY);
	}
	for (unsigned i = 0; i < m->option_count; i++)
		if (!is_shown_joined(m, m->options[i].number))
			write_option(w, &m->options[i]);
	if (m->payload.len > 0) {
		write_text(w, " (");
		write_decimal(w, m->payload.len);
		write_text(w, m->payload.len == 1 ? " byte)" : " bytes)");
	}
}
