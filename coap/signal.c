/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/signal.h"

/* ---- reading ---- */

#define TOKEN_LENGTH_MAX_BYTES 65804 /* what the TKL field can say */

/* RFC 8974 section 2.2.1: less than the base value is ignored, more than the field can say is cut. */
static void take_token_length(struct coap_signal *s, struct bytes value)
{
	uint32_t number;
	if (!coap_option_decode_uint(value, &number) || number < COAP_TOKEN_WORD_BYTES)
		return;
	s->token_max_bytes = number < TOKEN_LENGTH_MAX_BYTES ? number : TOKEN_LENGTH_MAX_BYTES;
}

/* One option, by the code it stands in. An option that must not repeat and does is one that is not known (RFC 7252
 * section 5.4.5); all of ours are elective, so the second is skipped. False when the value cannot be. */
static bool take_option(struct coap_signal *s, const struct coap_option *o, bool is_repeated)
{
	if (is_repeated)
		return true;
	if (s->code == COAP_CSM && o->number == COAP_CSM_MAX_MESSAGE_SIZE) {
		s->has_message_size = true;
		return o->value.len <= 4 && coap_option_decode_uint(o->value, &s->message_size_max) &&
		       s->message_size_max >= COAP_SETTINGS_MESSAGE_SIZE_MIN;
	}
	if (s->code == COAP_CSM && o->number == COAP_CSM_BLOCK_WISE_TRANSFER)
		s->has_blocks = true;
	else if (s->code == COAP_CSM && o->number == COAP_CSM_EXTENDED_TOKEN_LENGTH)
		take_token_length(s, o->value);
	else if ((s->code == COAP_PING || s->code == COAP_PONG) && o->number == COAP_PING_CUSTODY)
		s->has_custody = true;
	else if (s->code == COAP_RELEASE && o->number == COAP_RELEASE_HOLD_OFF)
		(void)coap_option_decode_uint(o->value, &s->hold_off_s);
	return true;
}

static enum coap_signal_verdict parse_options(struct reader *r, struct coap_signal *s, uint16_t *ret_option)
{
	struct coap_option option = {0, BYTES_NONE};
	for (;;) {
		uint16_t previous = option.number;
		switch (coap_option_read(r, &option)) {
		case COAP_OPTION_STEP_END:
			return COAP_SIGNAL_OK;
		case COAP_OPTION_STEP_MALFORMED:
			return COAP_SIGNAL_MALFORMED;
		case COAP_OPTION_STEP_PAYLOAD:
			s->diagnostic = read_bytes(r, reader_left(r));
			return s->diagnostic.len > 0 ? COAP_SIGNAL_OK : COAP_SIGNAL_MALFORMED;
		case COAP_OPTION_STEP_OPTION:
			/* None of those that are known is critical (RFC 8323 section 11.2). */
			if (!coap_option_is_critical(option.number) &&
				take_option(s, &option, previous == option.number))
				break;
			*ret_option = option.number;
			return COAP_SIGNAL_BAD_OPTION;
		}
	}
}

enum coap_signal_verdict coap_signal_parse(struct bytes datagram, struct coap_signal *ret, uint16_t *ret_option)
{
	struct reader r = reader_of(datagram);
	struct coap_signal s = {.code = COAP_EMPTY};
	struct bytes token;
	unsigned nibble = read_u8(&r) & 15u;
	s.code = (enum coap_code)read_u8(&r);
	(void)read_u16(&r);
	if (!coap_token_read(&r, nibble, &token) || token.len > COAP_TOKEN_MAX_BYTES)
		return COAP_SIGNAL_MALFORMED;
	s.token = coap_token_of(token);
	if (s.code < COAP_CSM || s.code > COAP_ABORT)
		return COAP_SIGNAL_UNKNOWN;
	enum coap_signal_verdict verdict = parse_options(&r, &s, ret_option);
	if (verdict == COAP_SIGNAL_OK)
		*ret = s;
	return verdict;
}

void coap_settings_apply(struct coap_settings *s, const struct coap_signal *csm)
{
	if (csm->has_message_size)
		s->message_size_max = csm->message_size_max;
	s->has_blocks = s->has_blocks || csm->has_blocks;
	if (csm->token_max_bytes > 0)
		s->token_max_bytes = csm->token_max_bytes;
}

/* ---- writing ---- */

static void write_signal(struct writer *w, enum coap_code code, const struct coap_token *token,
	const struct coap_options *options, const char *diagnostic)
{
	static const struct coap_token none = {.len = 0};
	coap_message_write(w, COAP_TYPE_NON, code, 0, token != NULL ? token : &none, options,
		diagnostic != NULL ? bytes_of_text(diagnostic) : BYTES_NONE);
}

void coap_signal_write_csm(struct writer *w, const struct coap_settings *own)
{
	struct coap_options options = {.count = 0};
	coap_options_add_uint(&options, COAP_CSM_MAX_MESSAGE_SIZE, own->message_size_max);
	if (own->has_blocks)
		coap_options_add(&options, COAP_CSM_BLOCK_WISE_TRANSFER, BYTES_NONE);
	if (own->token_max_bytes > COAP_TOKEN_WORD_BYTES)
		coap_options_add_uint(&options, COAP_CSM_EXTENDED_TOKEN_LENGTH, own->token_max_bytes);
	write_signal(w, COAP_CSM, NULL, &options, NULL);
}

void coap_signal_write_ping(struct writer *w, const struct coap_token *token)
{
	write_signal(w, COAP_PING, token, NULL, NULL);
}

void coap_signal_write_pong(struct writer *w, const struct coap_token *token, bool has_custody)
{
	struct coap_options options = {.count = 0};
	if (has_custody)
		coap_options_add(&options, COAP_PING_CUSTODY, BYTES_NONE);
	write_signal(w, COAP_PONG, token, &options, NULL);
}

void coap_signal_write_release(struct writer *w, uint32_t hold_off_s)
{
	struct coap_options options = {.count = 0};
	if (hold_off_s > 0)
		coap_options_add_uint(&options, COAP_RELEASE_HOLD_OFF, hold_off_s);
	write_signal(w, COAP_RELEASE, NULL, &options, NULL);
}

void coap_signal_write_abort(struct writer *w, uint16_t bad_csm_option, const char *diagnostic)
{
	struct coap_options options = {.count = 0};
	if (bad_csm_option != 0)
		coap_options_add_uint(&options, COAP_ABORT_BAD_CSM_OPTION, bad_csm_option);
	write_signal(w, COAP_ABORT, NULL, &options, diagnostic);
}
