/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/client_call.h"

#include "coap/stream.h"
#include "coap/transfer.h"

#define ECHOES_MAX 5 /* in a row */

static bool copy_options(const struct coap_options *options, struct coap_client_call *call)
{
	call->options_len = 0;
	if (options == NULL)
		return true;
	struct writer w = writer_of(call->short_options, sizeof call->short_options);
	coap_options_write(&w, options);
	if (w.failed) {
		w = writer_of(call->room->options, sizeof call->room->options);
		coap_options_write(&w, options);
	}
	call->options_len = (uint16_t)writer_bytes(&w).len;
	return !w.failed && !options->failed;
}

static struct bytes options_of(const struct coap_client_call *call)
{
	bool is_short = call->options_len <= sizeof call->short_options;
	return bytes_of(is_short ? call->short_options : call->room->options, call->options_len);
}

/* Fills in all but the options. */
static void prepare(struct coap_endpoint *e, const struct coap_call *from, struct coap_client_call *call)
{
	struct bytes value;
	memset(call, 0, offsetof(struct coap_client_call, options_len));
	call->reply = from->reply;
	call->context = from->context;
	coap_transfer_set_body(call, from);
	call->method = from->method;
	call->is_nonconfirmable = from->is_nonconfirmable;
	call->is_block = from->is_block;
	call->may_get_qblock = from->is_block && from->options != NULL &&
			       coap_options_find(from->options, COAP_OPTION_Q_BLOCK2, &value);
	call->responses_left = from->is_block && from->responses > 1 ? (uint16_t)(from->responses - 1) : 0;
	call->is_forwarded = from->is_forwarded;
	if (from->sink != NULL)
		call->sink = *from->sink;
	call->observes = from->observe;
	call->renews = from->observe && from->renews;
	call->is_group = from->is_group;
	call->is_nonconfirmable |= from->is_group;
	call->group_wait = from->group_wait > 0
				   ? from->group_wait
				   : msec_after(e->config.parameters.group.leisure, e->patience.ack_timeout);
	call->carrier = coap_stream_carrier(e, &from->to);
	call->block1_szx = call->block2_szx = coap_carrier_szx(&call->carrier, e->szx);
	call->patience = e->patience;
	if (from->ack_timeout > 0)
		call->patience.ack_timeout = from->ack_timeout;
	call->patience.is_fixed = from->ack_timeout > 0 || from->max_retransmit > 0;
	if (from->max_retransmit > 0)
		call->patience.max_retransmit = from->max_retransmit == COAP_SEND_ONCE ? 0 : from->max_retransmit;
	coap_transfer_choose_size(call);
}

bool coap_client_prepare(struct coap_endpoint *e, const struct coap_call *from, struct handle h)
{
	struct coap_client_call *call = coap_calls_begin(&e->calls, h.slot);
	bool has_options = copy_options(from->options, call);
	prepare(e, from, call);
	call->request_tag = prng_u32(&e->prng); /* no two bodies alike (RFC 9175 section 3.3) */
	if (has_options && coap_transfer_fits(call))
		return true;
	coap_calls_end(&e->calls, h.slot);
	return false;
}

/* ---- observations that wait ---- */

struct coap_client_call *coap_call_of(struct coap_endpoint *e, struct handle exchange)
{
	struct coap_call from;
	struct coap_client_call *call = coap_calls_find(&e->calls, exchange.slot);
	if (call != NULL)
		return call;
	call = coap_calls_unfold(&e->calls, exchange.slot, &from);
	from.to = *coap_remote_of(e, exchange);
	prepare(e, &from, call);
	coap_calls_restore(&e->calls, exchange.slot, call);
	coap_calls_touch(&e->calls, exchange);
	return call;
}

void coap_client_fold(struct coap_endpoint *e)
{
	struct handle h;
	while (coap_calls_next_touched(&e->calls, &h)) {
		const struct coap_exchange *x = coap_exchange_get(&e->exchanges, h);
		if (x != NULL && x->phase == COAP_EXCHANGE_OBSERVING)
			(void)coap_calls_fold(&e->calls, h.slot);
	}
}

struct coap_client_call *coap_client_copy(struct coap_endpoint *e, struct handle from, struct handle to)
{
	const struct coap_client_call *call = coap_call_of(e, from);
	struct coap_client_call *copy = coap_calls_begin(&e->calls, to.slot);
	struct coap_call_room *room = copy->room;
	*copy = *call;
	copy->room = room;
	if (call->keeps_body && call->body.len > 0)
		memcpy(copy->room->body, call->room->body, call->body.len);
	if (call->options_len > sizeof call->short_options)
		memcpy(copy->room->options, call->room->options, call->options_len);
	return copy;
}

void coap_client_restore_options(const struct coap_client_call *call, struct coap_options *ret)
{
	struct reader r = reader_of(options_of(call));
	struct coap_option option = {.number = 0};
	coap_options_clear(ret);
	while (coap_option_read(&r, &option) == COAP_OPTION_STEP_OPTION)
		coap_options_add(ret, option.number, option.value);
}

bool coap_client_must_echo(
	struct coap_endpoint *e, struct handle exchange, const struct coap_message *m, bool is_late, msec now)
{
	struct coap_client_call *call = coap_call_of(e, exchange);
	const struct coap_remote *remote = coap_remote_of(e, exchange);
	struct bytes echo, last;
	if (coap_code_is_success(m->code))
		call->echoes = 0;
	if (!coap_message_option(m, COAP_OPTION_ECHO, &echo))
		return false;
	bool is_new = !coap_echo_find(&e->echoes, remote, now, &last) || !bytes_equal(last, echo);
	coap_echo_keep(&e->echoes, remote, echo, now);
	if (m->code != COAP_UNAUTHORIZED || (call->echoes > 0 && (!is_new || is_late)) || call->echoes == ECHOES_MAX)
		return false;
	call->echoes++;
	return true;
}
