/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The life of an endpoint, its clock, and the questions to it. Memory is laid out once; each leaf gets its piece. */
#include "coap/endpoint.h"

#include "coap/answer.h"
#include "coap/client.h"
#include "coap/client_call.h"
#include "coap/client_request.h"
#include "coap/client_response.h"
#include "coap/flow.h"
#include "coap/forward.h"
#include "coap/notify.h"
#include "coap/outbound.h"
#include "coap/qclient.h"
#include "coap/stream.h"

#include <assert.h>

/* Room for a response beside the largest body: a list of links, a handler's odds and ends. */
#define SCRATCH_BYTES 16384
/* What vector loads may read behind the end of a buffer. */
#define READABLE_BYTES 64

const struct coap_parameters coap_parameters_default = {
	.ack_timeout = SECONDS(2),
	.ack_random_permille = 1500,
	.max_retransmit = 4,
	.nstart = 1,
	.amplification_max = 3,
	.message_max = 1152,
	.group = COAP_GROUP_PARAMETERS_DEFAULT,
	.block_size = 1024,
	.body_size_max = 64 * 1024,
	.qblock = COAP_QBLOCK_PARAMETERS_DEFAULT,
};

/* ---- life ---- */

/* The pieces that leaves fill in by themselves. */
struct layout {
	void *routes, *retransmit, *peers, *dedup, *exchanges, *bodies, *observers, *separates, *verify, *group,
		*responders, *qrequests, *qreplies, *qcalls, *ratelimit;
	size_t scratch_bytes;
	uint8_t *scratch;
};

static struct coap_endpoint *lay_out(
	struct carve *c, const struct coap_endpoint_config *config, struct layout *ret, struct coap_endpoint *e)
{
	const struct coap_capacities *n = &config->capacities;
	uint32_t body = config->parameters.body_size_max;
	struct coap_endpoint *place = carve_take(c, 1, sizeof *place);
	if (place != NULL)
		e = place;
	e->buffer_size = COAP_DATAGRAM_MAX_BYTES;
	if (config->connections != NULL)
		e->buffer_size = coap_connections_own(config->connections)->message_size_max;
	if (e->buffer_size < COAP_DATAGRAM_MAX_BYTES)
		e->buffer_size = COAP_DATAGRAM_MAX_BYTES;
	e->buffer = carve_take(c, 1, e->buffer_size + READABLE_BYTES);
	coap_calls_carve(&e->calls, c, n->exchanges);
	ret->routes = carve_take(c, 1, coap_routes_memory(config->resource_count));
	ret->retransmit = carve_take(c, 1, coap_retransmit_memory(n->pending));
	ret->peers = carve_take(c, 1, coap_peers_memory(n->peers));
	ret->dedup = carve_take(c, 1, coap_dedup_memory(n->duplicates));
	ret->exchanges = carve_take(c, 1, coap_exchanges_memory(n->exchanges));
	ret->bodies = carve_take(c, 1, coap_bodies_memory(n->bodies, body));
	ret->observers = carve_take(c, 1, coap_observers_memory(n->observers, config->resource_count));
	ret->ratelimit = carve_take(c, 1, coap_ratelimit_memory(n->rated_peers));
	ret->separates = carve_take(c, 1, coap_separates_memory(n->separate));
	ret->verify = carve_take(c, 1, coap_verify_memory(n->verified));
	ret->qrequests = carve_take(c, 1, coap_qrequests_memory(n->qblocks, body));
	ret->qreplies = carve_take(c, 1, coap_qreplies_memory(n->qblocks));
	ret->group = carve_take(c, 1, coap_group_memory(n->group_answers));
	ret->responders = carve_take(c, 1, coap_responders_memory(n->responders));
	ret->qcalls = carve_take(c, 1, coap_qcalls_memory(n->qblocks, body));
	ret->scratch_bytes = (size_t)body + SCRATCH_BYTES;
	ret->scratch = carve_take(c, 1, ret->scratch_bytes);
	return e;
}

size_t coap_endpoint_memory(const struct coap_endpoint_config *config)
{
	struct carve c = {NULL, 0};
	struct coap_endpoint counted;
	struct layout l;
	(void)lay_out(&c, config, &l, &counted);
	return c.used;
}

static struct coap_transmission transmission_of(const struct coap_parameters *p)
{
	struct coap_transmission t = coap_transmission_default;
	t.ack_timeout = p->ack_timeout;
	t.ack_timeout_min = msec_earlier(t.ack_timeout_min, p->ack_timeout);
	t.ack_random_permille = p->ack_random_permille;
	t.max_retransmit = p->max_retransmit;
	t.nstart = p->nstart;
	return t;
}

static void init_leaves(struct coap_endpoint *e, const struct layout *l)
{
	const struct coap_endpoint_config *config = &e->config;
	const struct coap_capacities *n = &config->capacities;
	coap_routes_init(&e->routes, l->routes, config->resources, config->resource_count);
	struct coap_transmission transmission = transmission_of(&config->parameters);
	coap_message_ids_init(&e->ids, &e->prng);
	coap_retransmit_init(&e->retransmit, l->retransmit, n->pending, &e->prng);
	coap_peers_init(&e->peers, l->peers, n->peers, &transmission, e->secret);
	coap_dedup_init(&e->dedup, l->dedup, n->duplicates, &e->patience, &e->prng);
	coap_exchanges_init(&e->exchanges, l->exchanges, n->exchanges, config->parameters.nstart, &e->prng);
	coap_bodies_init(&e->bodies, l->bodies, n->bodies, config->parameters.body_size_max);
	coap_observers_init(&e->observers, l->observers, n->observers, config->resource_count, &e->prng);
	coap_ratelimit_init(
		&e->ratelimit, l->ratelimit, n->rated_peers, config->parameters.requests_per_second, &e->prng);
	coap_separates_init(&e->separates, l->separates, n->separate, &e->prng);
	coap_verify_init(&e->verify, l->verify, n->verified, &e->prng);
	coap_qrequests_init(&e->qrequests, l->qrequests, n->qblocks, config->parameters.body_size_max);
	coap_qreplies_init(&e->qreplies, l->qreplies, n->qblocks);
	coap_group_init(&e->group, l->group, n->group_answers);
	coap_responders_init(&e->responders, l->responders, n->responders, e->secret);
	coap_qpeers_init(&e->qpeers, e->secret);
	coap_qcalls_init(&e->qcalls, l->qcalls, n->qblocks, config->parameters.body_size_max, (uint32_t)e->secret);
	arena_init(&e->scratch, l->scratch, l->scratch_bytes);
}

static uint16_t message_max(const struct coap_parameters *p)
{
	bool has_limit = p->message_max > 0 && p->message_max < COAP_DATAGRAM_MAX_BYTES;
	assert(!has_limit || p->message_max >= COAP_MESSAGE_MAX_LEAST);
	return has_limit ? p->message_max : COAP_DATAGRAM_MAX_BYTES;
}

/* It fits beside the options that most messages have. */
uint16_t coap_parameters_block_size(const struct coap_parameters *p)
{
	uint32_t room = message_max(p) - COAP_BESIDE_BLOCK_BYTES;
	return (uint16_t)coap_block_size(coap_block_szx_of(p->block_size < room ? p->block_size : room));
}

struct coap_endpoint *coap_endpoint_init(
	void *memory, const struct coap_endpoint_config *config, const uint8_t seed[PRNG_SEED_BYTES])
{
	struct carve c = {memory, 0};
	struct layout l;
	assert((uintptr_t)memory % CARVE_ALIGNMENT == 0);
	memset(memory, 0, sizeof(struct coap_endpoint));
	struct coap_endpoint *e = lay_out(&c, config, &l, memory);
	e->config = *config;
	e->patience = (struct coap_patience){.ack_timeout = config->parameters.ack_timeout,
		.ack_random_permille = config->parameters.ack_random_permille,
		.max_retransmit = config->parameters.max_retransmit};
	e->message_max = message_max(&config->parameters);
	e->szx = coap_block_szx_of(coap_parameters_block_size(&config->parameters));
	e->calls.szx = e->szx;
	prng_init(&e->prng, seed);
	e->secret = prng_u64(&e->prng);
	coap_forward_init(e);
	init_leaves(e, &l);
	return e;
}

/* ---- entering and leaving ---- */

void coap_endpoint_enter(struct coap_endpoint *e)
{
	e->depth++;
}

/* What was put off goes out while the depth still counts, so that it is not done twice over. */
void coap_endpoint_leave(struct coap_endpoint *e, msec now)
{
	if (e->depth == 1) {
		coap_client_ready(e, now);
		if (coap_observers_deadline(&e->observers) <= now)
			coap_notify_due(e, now);
		coap_client_ready(e, now);
		coap_stream_settle(e, now);
		coap_client_fold(e);
	}
	e->depth--;
}

void coap_endpoint_lost(struct coap_endpoint *e, const struct coap_remote *remote, msec now)
{
	struct handle h;
	e->now = now;
	coap_endpoint_enter(e);
	while (coap_separate_find_remote(&e->separates, remote, &h)) {
		coap_retransmit_remove(&e->retransmit, coap_separate_get(&e->separates, h)->pending);
		coap_separate_remove(&e->separates, h);
	}
	while (coap_observer_find_remote(&e->observers, remote, &h))
		coap_endpoint_forget_observer(e, h);
	coap_client_lost(e, remote, now);
	coap_qrequest_lost(e, remote);
	coap_qreply_lost(e, remote);
	coap_body_forget(&e->bodies, remote);
	coap_echo_forget(&e->echoes, remote);
	coap_peer_forget(&e->peers, remote);
	coap_endpoint_leave(e, now);
}

/* ---- time ---- */

msec coap_endpoint_deadline(const struct coap_endpoint *e)
{
	msec at = coap_retransmit_deadline(&e->retransmit);
	at = msec_earlier(at, coap_exchange_deadline(&e->exchanges));
	at = msec_earlier(at, coap_bodies_deadline(&e->bodies));
	at = msec_earlier(at, coap_observers_deadline(&e->observers));
	at = msec_earlier(at, coap_stream_deadline(e));
	at = msec_earlier(at, coap_qrequest_deadline(e));
	at = msec_earlier(at, coap_qreply_deadline(e));
	at = msec_earlier(at, coap_group_deadline(&e->group));
	at = msec_earlier(at, coap_qclient_deadline(e));
	return msec_earlier(at, coap_separates_deadline(&e->separates));
}

static void send_again(struct coap_endpoint *e, struct handle h, const struct coap_pending *p, msec now)
{
	e->counters.retransmitted++;
	coap_flow_lost(e, p);
	if (p->kind == COAP_PENDING_REQUEST)
		coap_call_of(e, p->owner)->was_retransmitted = true;
	if (p->kind == COAP_PENDING_NOTIFICATION)
		coap_notify_refresh(e, h, p->owner, now);
	if (coap_retransmit_get(&e->retransmit, h) == p)
		coap_outbound_again(e, h, now);
}

static void give_up_observer(struct coap_endpoint *e, struct handle observer, msec now)
{
	const struct coap_observer *x = coap_observer_get(&e->observers, observer);
	const struct coap_resource *resource = x == NULL ? NULL : &e->config.resources[x->resource];
	if (resource != NULL && resource->unreachable != NULL)
		resource->unreachable(resource->context, observer, now);
	coap_endpoint_forget_observer(e, observer);
}

static void give_up(struct coap_endpoint *e, const struct coap_pending *p, msec now)
{
	struct handle owner = p->owner;
	bool is_request = p->kind == COAP_PENDING_REQUEST;
	bool is_of_path = p->kind == COAP_PENDING_PING || p->kind == COAP_PENDING_WITHHELD;
	if (!is_of_path && (!is_request || !coap_call_of(e, owner)->is_block))
		coap_flow_silent(e, p, !is_request || !coap_call_of(e, owner)->is_nonconfirmable);
	switch ((enum coap_pending_kind)p->kind) {
	case COAP_PENDING_REQUEST:
		coap_client_timed_out(e, owner, now);
		break;
	case COAP_PENDING_SEPARATE:
		coap_separate_remove(&e->separates, owner);
		break;
	case COAP_PENDING_NOTIFICATION:
		give_up_observer(e, owner, now);
		break;
	case COAP_PENDING_QCALL:
		coap_client_timed_out(e, owner, now);
		break;
	case COAP_PENDING_QREPLY:
		coap_qreply_ended(e, owner);
		break;
	case COAP_PENDING_LAST_WORD:
	case COAP_PENDING_PING:
	case COAP_PENDING_WITHHELD:
		break;
	}
}

static void tick_pending(struct coap_endpoint *e, msec now)
{
	const struct coap_pending *p;
	struct handle h;
	for (;;) {
		switch (coap_retransmit_due(&e->retransmit, now, &h, &p)) {
		case COAP_DUE_NOTHING:
			return;
		case COAP_DUE_AGAIN:
			send_again(e, h, p, now);
			break;
		case COAP_DUE_GIVEN_UP:
			give_up(e, p, now);
			break;
		}
	}
}

static void tick_separates(struct coap_endpoint *e, msec now)
{
	struct handle h;
	while (coap_separates_due(&e->separates, now, &h)) {
		if (coap_separate_get(&e->separates, h)->state == COAP_SEPARATE_OWED)
			coap_answer_promise(e, h, now);
		else
			coap_separate_remove(&e->separates, h);
	}
}

static void tick_group(struct coap_endpoint *e, msec now)
{
	const struct coap_group_answer *answer;
	while (coap_group_due(&e->group, now, &answer))
		coap_outbound_send(e, &answer->remote, bytes_of(answer->datagram, answer->len), now);
}

void coap_endpoint_tick(struct coap_endpoint *e, msec now)
{
	struct handle h;
	e->now = now;
	coap_endpoint_enter(e);
	coap_stream_tick(e, now);
	tick_pending(e, now);
	tick_separates(e, now);
	tick_group(e, now);
	while (coap_exchange_due(&e->exchanges, now, &h))
		coap_client_due(e, h, now);
	coap_bodies_tick(&e->bodies, now);
	coap_qrequest_tick(e, now);
	coap_qreply_tick(e, now);
	coap_client_tick_qblocks(e, now);
	coap_endpoint_leave(e, now);
}

/* ---- server ---- */

bool coap_endpoint_respond(struct coap_endpoint *e, struct handle later, const struct coap_response *response, msec now)
{
	struct coap_separate *x = coap_separate_get(&e->separates, later);
	if (x == NULL || x->state == COAP_SEPARATE_SENT)
		return false;
	struct coap_response r = *response;
	struct coap_origin origin = x->origin;
	coap_endpoint_enter(e);
	coap_answer_send(e, &origin, &r, later, now);
	coap_endpoint_leave(e, now);
	return true;
}

void coap_endpoint_changed(struct coap_endpoint *e, struct handle observer, bool confirmable, msec now)
{
	coap_endpoint_enter(e);
	coap_observer_changed(&e->observers, observer, confirmable, now);
	coap_endpoint_leave(e, now);
}

void coap_endpoint_resource_changed(struct coap_endpoint *e, const struct coap_resource *resource, msec now)
{
	size_t index = (size_t)(resource - e->config.resources);
	assert(index < e->config.resource_count);
	coap_endpoint_enter(e);
	coap_observers_changed(&e->observers, (uint32_t)index, resource->confirms_changes, now);
	coap_endpoint_leave(e, now);
}

void coap_endpoint_forget_observer(struct coap_endpoint *e, struct handle observer)
{
	const struct coap_observer *x = coap_observer_get(&e->observers, observer);
	if (x == NULL)
		return;
	const struct coap_resource *resource = &e->config.resources[x->resource];
	coap_retransmit_remove(&e->retransmit, x->pending);
	coap_observer_remove(&e->observers, observer);
	if (resource->forget != NULL)
		resource->forget(resource->context, observer);
}

/* ---- questions ---- */

msec coap_endpoint_now(const struct coap_endpoint *e)
{
	return e->now;
}

const struct coap_endpoint_counters *coap_endpoint_counters(const struct coap_endpoint *e)
{
	return &e->counters;
}

bool coap_endpoint_is_idle(const struct coap_endpoint *e)
{
	return coap_retransmit_count(&e->retransmit) == 0 && coap_group_count(&e->group) == 0 &&
	       coap_separates_count(&e->separates) == 0 && coap_exchanges_busy(&e->exchanges) == 0 &&
	       !coap_qrequests_are_under_way(&e->qrequests) && !coap_qreplies_are_under_way(&e->qreplies);
}
