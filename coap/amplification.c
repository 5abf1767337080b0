/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/amplification.h"

#include "coap/answer.h"
#include "coap/path.h"

/* The most that each of these needs beside its value: option header, extended delta; or the payload marker. */
#define OPTION_HEADER_BYTES  5
#define ADDED_OPTION_BYTES   8 /* a number of at most 3 bytes, header included */
#define FORMAT_OPTION_BYTES  3 /* Content-Format: a number of at most 2 bytes behind a short header */
#define ETAG_OPTION_BYTES    9
#define MAX_AGE_OPTION_BYTES 6
#define MARKER_BYTES         1

void coap_amplification_read(
	struct coap_endpoint *e, const struct coap_message *m, size_t len, struct coap_origin *origin, msec now)
{
	struct bytes echo;
	origin->allowance = 0;
	origin->echo_age = NEVER;
	if (!coap_remote_has_session(&origin->remote))
		origin->allowance = (uint32_t)len * e->config.parameters.amplification_max;
	/* Options are in order, and few requests have one as high as this. */
	if (m->option_count == 0 || m->options[m->option_count - 1].number < COAP_OPTION_ECHO)
		return;
	if (!coap_message_option(m, COAP_OPTION_ECHO, &echo) ||
		!coap_verify_read(&e->verify, &origin->remote, echo, now, &origin->echo_age))
		return;
	if (origin->allowance > 0)
		coap_verify_confirm(&e->verify, &origin->remote, now);
	origin->allowance = 0;
	coap_path_echoed(e, &origin->remote);
}

/* What all that the request causes may take, 0 for any number of bytes. A session moves and is proved while an answer
 * is awaited, so it is asked for when that leaves; but the answer to a confirmable request is withheld (path.h). */
static uint32_t allowance(const struct coap_endpoint *e, const struct coap_origin *origin)
{
	if (!coap_remote_is_secure(&origin->remote))
		return origin->allowance;
	return origin->is_confirmable && !origin->uses_qblock ? 0 : coap_path_limit(e, &origin->remote);
}

static bool is_verified(struct coap_endpoint *e, const struct coap_origin *origin, msec now)
{
	return !coap_remote_has_session(&origin->remote) && coap_verify_knows(&e->verify, &origin->remote, now);
}

bool coap_amplification_is_known(struct coap_endpoint *e, const struct coap_origin *origin, msec now)
{
	return allowance(e, origin) == 0 || is_verified(e, origin, now);
}

void coap_amplification_challenge(
	struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *ret, msec now)
{
	uint8_t value[COAP_VERIFY_ECHO_BYTES];
	e->counters.path_echoes += coap_path_limit(e, &origin->remote) > 0;
	coap_verify_make(&e->verify, &origin->remote, now, value);
	coap_answer_preset(ret);
	ret->code = COAP_UNAUTHORIZED;
	coap_options_set(&ret->options, COAP_OPTION_ECHO, bytes_of(value, sizeof value));
}

bool coap_amplification_is_challenge(const struct coap_response *r)
{
	struct bytes echo;
	return r->code == COAP_UNAUTHORIZED && coap_options_find(&r->options, COAP_OPTION_ECHO, &echo);
}

/* ---- how large it is ---- */

static size_t budget(const struct coap_endpoint *e, const struct coap_origin *origin, enum coap_code code)
{
	size_t most = allowance(e, origin);
	if (coap_remote_is_secure(&origin->remote))
		return most; /* what has been sent is not in it any more */
	size_t request = most / e->config.parameters.amplification_max;
	if (coap_code_is_error(code) && most > request + COAP_ERROR_GROWTH_BYTES)
		most = request + COAP_ERROR_GROWTH_BYTES;
	return origin->is_acked && origin->is_confirmable ? most - COAP_HEADER_BYTES : most;
}

/* Quick, and never less than it will be. */
static size_t upper_bound(
	const struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_response *r)
{
	uint32_t block = coap_block_size(coap_answer_wanted(e, origin).szx);
	size_t payload = r->payload.len < block ? r->payload.len : block;
	size_t size = COAP_HEADER_BYTES + origin->token.len;
	for (unsigned i = 0; i < r->options.count; i++)
		size += OPTION_HEADER_BYTES + coap_options_at(&r->options, i).value.len;
	if (payload > 0)
		size += MARKER_BYTES + payload + FORMAT_OPTION_BYTES;
	bool is_in_blocks = r->payload.len > payload || r->is_slice || origin->has_block2;
	if (is_in_blocks || r->etag.len > 0)
		size += ETAG_OPTION_BYTES;
	if (is_in_blocks)
		size += 2 * ADDED_OPTION_BYTES; /* Block2 and Size2 */
	if (origin->has_block1)
		size += ADDED_OPTION_BYTES;
	if (!handle_is_none(origin->observer))
		size += ADDED_OPTION_BYTES;
	return size + MAX_AGE_OPTION_BYTES;
}

/* Exactly; by writing a copy, which is rare enough. */
static size_t measure(
	struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_response *r, msec now)
{
	struct coap_response copy = *r;
	return coap_answer_write(e, origin, &copy, COAP_TYPE_NON, 0, now).len;
}

static bool is_within(
	struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_response *r, msec now)
{
	return measure(e, origin, r, now) <= budget(e, origin, r->code);
}

bool coap_amplification_fits(
	struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_response *r, msec now)
{
	return allowance(e, origin) == 0 || upper_bound(e, origin, r) <= budget(e, origin, r->code) ||
	       is_verified(e, origin, now);
}

/* ---- making it small ---- */

static void strip(struct coap_response *r)
{
	r->payload = r->etag = BYTES_NONE;
	r->content_format = COAP_FORMAT_NONE;
	r->is_slice = false;
}

static void shrink_error(struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *r, msec now)
{
	strip(r);
	if (!is_within(e, origin, r, now))
		coap_options_clear(&r->options);
}

static void shrink_blocks(struct coap_endpoint *e, struct coap_origin *origin, struct coap_response *r, msec now)
{
	uint8_t szx = coap_answer_wanted(e, origin).szx;
	origin->has_block2 = true;
	for (origin->block2 = (struct coap_block){0, false, szx}; szx > 0 && !is_within(e, origin, r, now);)
		origin->block2.szx = --szx;
	if (is_within(e, origin, r, now))
		return;
	origin->has_block2 = false;
	strip(r);
	if (!is_within(e, origin, r, now))
		coap_options_clear(&r->options);
}

void coap_amplification_shrink(struct coap_endpoint *e, struct coap_origin *origin, struct coap_response *r, msec now)
{
	bool asks_for_block = origin->has_block2 && origin->block2.number > 0;
	if (is_within(e, origin, r, now))
		return;
	if (coap_code_is_error(r->code)) {
		shrink_error(e, origin, r, now);
	} else if (coap_code_is_safe(origin->method) || asks_for_block) {
		coap_amplification_challenge(e, origin, r, now);
		if (!is_within(e, origin, r, now))
			coap_options_clear(&r->options); /* to the smallest of all requests, acknowledged before */
	} else {
		shrink_blocks(e, origin, r, now);
	}
}

uint8_t coap_amplification_repetitions(struct coap_endpoint *e, const struct coap_origin *origin, size_t len, msec now)
{
	uint8_t wanted = e->patience.max_retransmit;
	size_t most = origin->allowance;
	if (most == 0 || (wanted + 1u) * len + COAP_HEADER_BYTES <= most || coap_amplification_is_known(e, origin, now))
		return wanted;
	size_t times = len == 0 ? 0 : (most - COAP_HEADER_BYTES) / len;
	return times > 0 ? (uint8_t)(times - 1) : 0;
}
