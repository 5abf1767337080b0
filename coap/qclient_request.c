/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qclient_request.h"

#include "coap/client_call.h"
#include "coap/outbound.h"
#include "coap/transfer.h"

bool coap_qclient_has_long_body(const struct coap_client_call *call, const struct coap_qcall *q)
{
	return call->body.len > coap_block_size(q->szx);
}

/* Whether the probe may be the request itself: it gets the response's first block then. */
bool coap_qclient_probes_with_request(const struct coap_client_call *call, const struct coap_qcall *q)
{
	return coap_code_is_safe(call->method) && !coap_qclient_has_long_body(call, q);
}

static void add_options(
	struct coap_endpoint *e, const struct coap_qcall *q, bool observes, msec now, struct coap_options *ret)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	struct bytes echo;
	coap_client_restore_options(call, ret);
	if (observes && call->observes)
		coap_options_set_uint(ret, COAP_OPTION_OBSERVE, 0);
	if (coap_echo_find(&e->echoes, coap_remote_of(e, q->exchange), now, &echo))
		coap_options_set(ret, COAP_OPTION_ECHO, echo);
}

static bool send(struct coap_endpoint *e, struct coap_qcall *q, enum coap_code method, uint32_t number,
	bool is_confirmable, const struct coap_options *options, struct bytes payload, msec now)
{
	struct coap_remote to = *coap_remote_of(e, q->exchange);
	struct coap_token token = coap_exchange_token(&e->exchanges, q->exchange, number);
	struct writer w = coap_outbound_writer(e, &to);
	struct handle pending;
	uint16_t id = coap_outbound_next_id(e, &to);
	coap_message_write(&w, is_confirmable ? COAP_TYPE_CON : COAP_TYPE_NON, method, id, &token, options, payload);
	if (w.failed)
		return false;
	q->bytes += writer_bytes(&w).len;
	if (is_confirmable) {
		bool is_sent = coap_outbound_confirmable(e, &to, id, COAP_PENDING_QCALL, q->exchange,
			&coap_call_of(e, q->exchange)->patience, writer_bytes(&w), now, &pending);
		q->in_flight += is_sent;
		if (is_sent && q->phase == COAP_QCALL_PROBING)
			coap_call_of(e, q->exchange)->pending = pending;
		return is_sent;
	}
	if (!q->has_ids)
		q->first_id = id;
	q->has_ids = true;
	q->last_id = id;
	coap_outbound_send(e, &to, writer_bytes(&w), now);
	return true;
}

static void add_block(struct coap_options *o, uint16_t option, uint32_t number, bool has_more, uint8_t szx)
{
	coap_options_add_uint(o, option, coap_block_value((struct coap_block){number, has_more, szx}));
}

/* Section 4.1: confirmable, for the first block alone, so that nothing but its answer comes. */
void coap_qclient_send_probe(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	struct coap_options options, target;
	add_options(e, q, false, now, &options);
	if (coap_qclient_probes_with_request(call, q)) {
		add_block(&options, COAP_OPTION_Q_BLOCK2, 0, false, q->szx);
		(void)send(e, q, call->method, q->requests++, true, &options, coap_transfer_body(call), now);
		return;
	}
	coap_options_clear(&target);
	for (unsigned i = 0; i < options.count; i++) {
		struct coap_option o = coap_options_at(&options, i);
		bool is_target = o.number == COAP_OPTION_URI_HOST || o.number == COAP_OPTION_URI_PORT ||
				 o.number == COAP_OPTION_URI_PATH || o.number == COAP_OPTION_URI_QUERY ||
				 o.number == COAP_OPTION_ECHO;
		if (is_target)
			coap_options_add(&target, o.number, o.value);
	}
	add_block(&target, COAP_OPTION_Q_BLOCK2, 0, false, 0);
	(void)send(e, q, COAP_GET, q->requests++, true, &target, BYTES_NONE, now);
}

/* The request in one message, for the whole of the response. It always has the same token, so that a registration that
 * comes again is known (RFC 7641 section 4.1). */
void coap_qclient_send_whole(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	struct coap_options options;
	add_options(e, q, true, now, &options);
	add_block(&options, COAP_OPTION_Q_BLOCK2, 0, true, q->szx);
	if (call->method != COAP_GET)
		coap_options_add_uint(&options, COAP_OPTION_REQUEST_TAG, q->tag);
	q->has_ids = false;
	(void)send(e, q, call->method, 0, q->is_confirmable, &options, coap_transfer_body(call), now);
}

bool coap_qclient_send_body_block(struct coap_endpoint *e, struct coap_qcall *q, uint32_t number, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	struct coap_options options;
	size_t offset = (size_t)number << (q->szx + 4);
	struct bytes part = bytes_first(bytes_from(coap_transfer_body(call), offset), coap_block_size(q->szx));
	add_options(e, q, true, now, &options);
	add_block(&options, COAP_OPTION_Q_BLOCK1, number, number + 1 < q->send.blocks, q->szx);
	coap_options_add_uint(&options, COAP_OPTION_SIZE1, (uint32_t)call->body.len);
	coap_options_add_uint(&options, COAP_OPTION_REQUEST_TAG, q->tag);
	return send(e, q, call->method, q->requests++, q->is_confirmable, &options, part, now);
}

/* Asks on for the response's body: without our own body, unless it says what is fetched and fits (RFC 8132
 * section 2.1), and without Observe (section 4.5). */
static void send_on(struct coap_endpoint *e, struct coap_qcall *q, struct coap_options *options, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	bool has_body = call->method == COAP_FETCH && !coap_qclient_has_long_body(call, q);
	if (call->method != COAP_GET)
		coap_options_add_uint(options, COAP_OPTION_REQUEST_TAG, q->tag);
	q->has_ids = false;
	if (q->requests == 0)
		q->requests = 1; /* the whole request's own number */
	(void)send(e, q, call->method, q->requests++, false, options, has_body ? coap_transfer_body(call) : BYTES_NONE,
		now);
}

void coap_qclient_send_continue(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	struct coap_options options;
	add_options(e, q, false, now, &options);
	add_block(&options, COAP_OPTION_Q_BLOCK2, q->receive.whole, true, q->receive.szx);
	send_on(e, q, &options, now);
}

/* One option for each block, as many as a set has and the list takes (section 4.4). */
void coap_qclient_send_missing(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	struct coap_options options;
	uint32_t number, from = 0;
	unsigned most = e->config.parameters.qblock.max_payloads;
	add_options(e, q, false, now, &options);
	for (unsigned i = 0; i < most && options.count + 2 < COAP_OPTIONS_MAX &&
			     coap_qblock_receive_missing(&q->receive, from, &number);
		i++) {
		add_block(&options, COAP_OPTION_Q_BLOCK2, number, false, q->receive.szx);
		from = number + 1;
	}
	send_on(e, q, &options, now);
}
