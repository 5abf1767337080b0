/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Random worlds for the CoAP stack: a few endpoints, each client and server at once, on a network that loses up to
 * 40 %, repeats, reorders, holds datagrams back for up to two minutes and is cut off now and then, while endpoints are
 * restarted without warning and the clock jumps ahead. Then the network heals.
 *
 *     storm [--seed N] [--worlds N] [--talk]
 *
 * Without a seed one is taken from the clock; worlds N, N+1, ... follow. A world that breaks a rule prints its seed,
 * and `--seed N` shows it again, step by step the same.
 *
 * Rules.
 * - Every exchange ends, with one outcome.
 * - A request that is not idempotent runs at most once at one life of a server.
 * - A body, in either direction, is whole and the right one, or absent.
 * - Once the network has healed an exchange comes through, and in the end no table holds anything.
 * Tables are small and drawn by lot, so that being full is part of the weather. */
#include "coap/endpoint_state.h"
#include "tests/sim/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NODES_MAX     4
#define ASKS_MAX      512
#define BODY_MAX      4000
#define ID_BYTES      8
#define TROUBLE_LASTS SECONDS(1200)
#define HEALS_IN      SECONDS(9000)
/* EXCHANGE_LIFETIME stands on the assumption that a datagram lives at most MAX_LATENCY, so a repetition may come this
 * long after the first copy at most (RFC 7252 section 4.8.2): retransmissions for 45 s, and what the network adds. */
#define NETWORK_HOLDS_MAX SECONDS(120)
#define CLOCK_JUMPS_MAX   SECONDS(60)

enum what { COUNT, EXCHANGE, STORE, MADE, WHOLE, WATCH, WHATS };
static const char *const paths[WHATS] = {"count", "exchange", "store", "made", "whole", "watch"};

/* A request, as the world remembers it. Its number is in its body, or in its query. */
struct ask {
	enum what what;
	unsigned node, life; /* who asked, in which of its lives */
	size_t length;       /* of the body that goes out, or is to come back */
	struct handle exchange;
	uint8_t body[BODY_MAX];
	unsigned run_by; /* the server's life in which it ran last; 0 for never */
	bool has_ended, is_observing;
};

struct owed {
	struct handle later;
	unsigned node, life, ask;
	msec at;
};

struct node {
	struct peer peer;
	struct coap_endpoint_config config;
	unsigned index, life; /* lives are numbered over all nodes */
	uint64_t state;       /* of /watch: how long its body is now */
	struct owed owed[64];
	unsigned owed_count;
};

static struct world world;
static struct node nodes[NODES_MAX];
static struct ask asks[ASKS_MAX];
static unsigned node_count, ask_count, lives, answered, failed, executions;
static struct prng chance; /* of the troubles; not the world's */
static uint64_t seed;
static unsigned long long requests_in_all, datagrams_in_all;
static const char *program;
static bool is_talkative, has_qblock, has_peers;

static _Noreturn void broken(const char *rule, unsigned ask)
{
	printf("\nseed %llu: at %lld, request %u to /%s: %s\n", (unsigned long long)seed, (long long)world.now, ask,
		paths[asks[ask].what], rule);
	printf("replay it with: %s --seed %llu --talk\n", program, (unsigned long long)seed);
	exit(1);
}

static uint32_t draw(uint32_t from, uint32_t to)
{
	return from + prng_below(&chance, to - from + 1);
}

/* ---- bodies that tell whether they are whole ---- */

static uint8_t pattern(uint64_t id, uint64_t at)
{
	return (uint8_t)((id * 31 + at * 7 + (at >> 8)) & 0xff);
}

static void fill(uint8_t *to, uint64_t id, uint64_t offset, size_t length)
{
	for (size_t i = 0; i < length; i++)
		to[i] = offset + i < ID_BYTES ? (uint8_t)(id >> (8 * (offset + i))) : pattern(id, offset + i);
}

static uint64_t id_in(struct bytes body)
{
	uint64_t id = 0;
	for (unsigned i = 0; i < ID_BYTES && i < body.len; i++)
		id |= (uint64_t)body.data[i] << (8 * i);
	return id;
}

static bool is_whole(struct bytes body, uint64_t id, size_t length)
{
	if (body.len != length)
		return false;
	for (size_t i = 0; i < length; i++) {
		uint8_t wanted;
		fill(&wanted, id, i, 1);
		if (body.data[i] != wanted)
			return false;
	}
	return true;
}

/* ---- the server of each node ---- */

static unsigned number_in_query(const struct coap_request *request)
{
	struct bytes query;
	unsigned number = 0;
	if (!coap_message_option(request->message, COAP_OPTION_URI_QUERY, &query) || query.len > 4)
		return ASKS_MAX;
	for (size_t i = 0; i < query.len; i++)
		number = number * 10 + query.data[i] - '0';
	return number < ask_count ? number : ASKS_MAX;
}

/* The effect that must not be had twice. */
static void execute(const struct node *n, unsigned ask)
{
	if (is_talkative)
		printf("%10lld  node %u runs %u\n", (long long)world.now, n->index, ask);
	if (asks[ask].run_by == n->life)
		broken("ran twice", ask);
	asks[ask].run_by = n->life;
	executions++;
}

static void give(const struct coap_request *request, struct coap_response *ret, uint64_t id, size_t length)
{
	uint8_t *body = arena_take(request->scratch, length);
	if (body == NULL) {
		ret->code = COAP_SERVICE_UNAVAILABLE;
		return;
	}
	fill(body, id, 0, length);
	ret->code = COAP_CONTENT;
	ret->payload = bytes_of(body, length);
}

static enum coap_answer answer_later(struct node *n, const struct coap_request *request, unsigned ask)
{
	if (n->owed_count < sizeof n->owed / sizeof n->owed[0])
		n->owed[n->owed_count++] =
			(struct owed){request->later, n->index, n->life, ask, world.now + (msec)draw(0, 60000)};
	return COAP_ANSWER_LATER;
}

static enum coap_answer run_body(struct node *n, const struct coap_request *request, struct coap_response *ret)
{
	uint64_t ask = id_in(request->body);
	if (request->body.len < ID_BYTES || ask >= ask_count || !is_whole(request->body, ask, asks[ask].length))
		broken("its body is not whole at the server", ask < ask_count ? (unsigned)ask : 0);
	if (request->message->code == COAP_PUT) {
		ret->code = COAP_CHANGED;
		return COAP_ANSWER_NOW;
	}
	execute(n, (unsigned)ask);
	if (draw(0, 3) == 0)
		return answer_later(n, request, (unsigned)ask);
	if (asks[ask].what == EXCHANGE)
		give(request, ret, ask, asks[ask].length);
	ret->code = ret->code == COAP_SERVICE_UNAVAILABLE ? ret->code : COAP_CHANGED;
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_body(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)endpoint, (void)now;
	if (request->message->code != COAP_GET)
		return run_body(context, request, ret);
	ret->code = COAP_METHOD_NOT_ALLOWED; /* a client finds out whether Q-Block is known (RFC 9177 section 4.1) */
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_made(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	unsigned ask = number_in_query(request);
	(void)context, (void)endpoint, (void)now;
	if (ask == ASKS_MAX) {
		ret->code = COAP_BAD_REQUEST;
		return COAP_ANSWER_NOW;
	}
	size_t length = asks[ask].length, rest = 0;
	if (request->slice_offset < length)
		rest = length - (size_t)request->slice_offset;
	rest = rest < request->slice_size ? rest : request->slice_size;
	uint8_t *part = arena_take(request->scratch, rest);
	fill(part, ask, request->slice_offset, rest);
	ret->code = COAP_CONTENT;
	ret->is_slice = true;
	ret->body_size = length;
	ret->payload = bytes_of(part, rest);
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_whole(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	unsigned ask = number_in_query(request);
	struct node *n = context;
	(void)endpoint, (void)now;
	if (ask == ASKS_MAX)
		ret->code = COAP_BAD_REQUEST;
	else if (draw(0, 3) == 0 && request->slice_offset == 0)
		return answer_later(n, request, ask);
	else
		give(request, ret, ask, asks[ask].length);
	return COAP_ANSWER_NOW;
}

/* The state is a body whose number is its length. */
static enum coap_answer handle_watch(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	const struct node *n = context;
	(void)endpoint, (void)now;
	give(request, ret, n->state, (size_t)n->state);
	return COAP_ANSWER_NOW;
}

static struct coap_resource resources[NODES_MAX][WHATS];

static void answer_what_is_due(struct node *n)
{
	for (unsigned i = 0; i < n->owed_count; i++) {
		const struct owed o = n->owed[i];
		static uint8_t body[BODY_MAX];
		if (o.at > world.now)
			continue;
		n->owed[i--] = n->owed[--n->owed_count];
		if (o.life != n->life)
			continue;
		struct coap_response r = {.code = asks[o.ask].what == WHOLE ? COAP_CONTENT : COAP_CHANGED,
			.content_format = COAP_FORMAT_NONE,
			.max_age_s = 60};
		fill(body, o.ask, 0, asks[o.ask].length);
		if (asks[o.ask].what != COUNT)
			r.payload = bytes_of(body, asks[o.ask].length);
		(void)coap_endpoint_respond(n->peer.endpoint, o.later, &r, world.now);
	}
}

/* ---- the client of each node ---- */

static bool brings_body(enum what what, enum coap_code code)
{
	return code == COAP_CONTENT || (code == COAP_CHANGED && what == EXCHANGE);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct ask *ask = context;
	unsigned number = (unsigned)(ask - asks);
	uint64_t id = ask->what == WATCH ? reply->body.len : number;
	size_t length = ask->what == WATCH ? reply->body.len : ask->length;
	(void)endpoint, (void)now;
	if (ask->has_ended)
		broken("ended twice", number);
	if (is_talkative)
		printf("%10lld  reply to %u /%s: outcome %d, code %u.%02u, %zu bytes\n", (long long)world.now, number,
			paths[ask->what], (int)reply->outcome, (unsigned)reply->code >> 5, (unsigned)reply->code & 31,
			reply->body.len);
	if (brings_body(ask->what, reply->code) && !is_whole(reply->body, id, length))
		broken("the body that came back is not whole", number);
	if (ask->what == COUNT && reply->code == COAP_CHANGED && ask->run_by == 0)
		broken("told as done, but it never ran", number);
	if (reply->outcome == COAP_OUTCOME_NOTIFICATION)
		return;
	ask->has_ended = true;
	if (reply->outcome == COAP_OUTCOME_RESPONSE && coap_code_is_success(reply->code))
		answered++;
	else
		failed++;
}

static enum coap_code method_of(enum what what)
{
	switch (what) {
	case COUNT:
	case EXCHANGE:
		return COAP_POST;
	case STORE:
		return COAP_PUT;
	case MADE:
	case WHOLE:
	case WATCH:
	case WHATS:
		return COAP_GET;
	}
	return COAP_GET;
}

static struct ask *new_ask(const struct node *from)
{
	struct ask *ask = &asks[ask_count++];
	uint32_t longest = from->config.parameters.body_size_max;
	*ask = (struct ask){.what = (enum what)draw(0, WHATS - 1), .node = from->index, .life = from->life};
	ask->length = ask->what == COUNT ? ID_BYTES : draw(ID_BYTES, longest < BODY_MAX ? longest : BODY_MAX);
	if (draw(0, 2) == 0)
		ask->length = draw(ID_BYTES, 100);
	ask->is_observing = ask->what == WATCH;
	fill(ask->body, (uint64_t)(ask - asks), 0, ask->length);
	return ask;
}

static void write_options(struct coap_options *o, const struct ask *ask)
{
	char number[12];
	coap_options_clear(o);
	coap_options_add_path(o, COAP_OPTION_URI_PATH, bytes_of_text(paths[ask->what]));
	snprintf(number, sizeof number, "%u", (unsigned)(ask - asks));
	if (method_of(ask->what) == COAP_GET && ask->what != WATCH)
		coap_options_add(o, COAP_OPTION_URI_QUERY, bytes_of_text(number));
}

static enum coap_qblock_use qblock_use(const struct node *from)
{
	if (from->config.capacities.qblocks == 0)
		return COAP_QBLOCK_OFF;
	return (enum coap_qblock_use)draw(COAP_QBLOCK_OFF, COAP_QBLOCK_CON);
}

static struct ask *ask_from(struct node *from, const struct node *to)
{
	struct coap_options options;
	struct ask *ask = new_ask(from);
	enum coap_code method = method_of(ask->what);
	write_options(&options, ask);
	struct coap_call call = {.to = peer_remote(&to->peer),
		.method = method,
		.options = &options,
		.body = method == COAP_GET ? BYTES_NONE : bytes_of(ask->body, ask->length),
		.is_nonconfirmable = draw(0, 4) == 0,
		.observe = ask->is_observing,
		.qblock = qblock_use(from),
		.reply = on_reply,
		.context = ask};
	if (is_talkative)
		printf("%10lld  request %u: node %u asks node %u for /%s, %zu bytes\n", (long long)world.now,
			(unsigned)(ask - asks), from->index, to->index, paths[ask->what], ask->length);
	if (coap_endpoint_request(from->peer.endpoint, &call, world.now, &ask->exchange))
		return ask;
	ask_count--;
	return NULL;
}

/* ---- troubles ---- */

static uint64_t one_of(const uint32_t *values, unsigned count)
{
	return values[draw(0, count - 1)];
}

static void configure(struct node *n)
{
	static const uint32_t block_sizes[] = {16, 64, 64, 256, 1024};
	n->config = peer_config(resources[n->index], WHATS);
	n->config.capacities = (struct coap_capacities){.exchanges = draw(4, 40),
		.pending = draw(4, 40),
		.duplicates = draw(8, 200),
		.separate = draw(1, 12),
		.observers = draw(1, 8),
		.bodies = draw(1, 6),
		.verified = draw(0, 4),
		.peers = has_peers ? draw(1, NODES_MAX) : 0,
		.qblocks = has_qblock ? draw(0, 6) : 0};
	n->config.parameters.block_size = (uint16_t)one_of(block_sizes, 5);
	n->config.parameters.body_size_max = draw(200, BODY_MAX);
	n->config.parameters.amplification_max = draw(0, 1) == 0 ? 0 : 3;
	n->config.parameters.nstart = (uint8_t)draw(1, 4);
}

static void start_life(struct node *n)
{
	n->life = ++lives;
	n->owed_count = 0;
	peer_join(&n->peer, &world, (uint8_t)(1 + n->index), &n->config);
}

static void restart(struct node *n)
{
	if (is_talkative)
		printf("%10lld  node %u starts anew\n", (long long)world.now, n->index);
	peer_leave(&n->peer);
	for (unsigned i = 0; i < ask_count; i++)
		asks[i].has_ended |= asks[i].life == n->life;
	start_life(n);
}

/* What an owner does who has lost his interest. */
static void cancel_one(const struct node *n)
{
	for (unsigned i = 0; i < ask_count; i++) {
		if (asks[i].has_ended || asks[i].life != n->life || draw(0, 2) != 0)
			continue;
		coap_endpoint_cancel(n->peer.endpoint, asks[i].exchange, world.now);
		asks[i].has_ended = true;
		return;
	}
}

static void change_state(struct node *n)
{
	uint32_t longest = n->config.parameters.body_size_max;
	n->state = draw(ID_BYTES, draw(0, 1) == 0 ? 60 : longest);
	coap_endpoint_resource_changed(n->peer.endpoint, &resources[n->index][WATCH], world.now);
}

static void throw_bytes_at(struct node *n, const struct node *from)
{
	uint8_t bytes[40];
	size_t length = draw(0, sizeof bytes);
	struct coap_remote remote = peer_remote(&from->peer);
	prng_fill(&chance, bytes, sizeof bytes);
	bytes[0] = (uint8_t)((bytes[0] & 0x3f) | 0x40);
	bytes[1] = draw(0, 1) == 0 ? 0x44 : bytes[1] & 0xbf; /* no request: it might be one that must be counted */
	if (bytes[1] < 0x20)
		bytes[1] = 0;
	coap_endpoint_receive(n->peer.endpoint, &remote, bytes_of(bytes, length), world.now);
}

static void do_something(void)
{
	struct node *n = &nodes[draw(0, node_count - 1)], *other = &nodes[draw(0, node_count - 1)];
	uint32_t lot = draw(0, 99);
	if (lot < 60 && n != other && ask_count < ASKS_MAX)
		(void)ask_from(n, other);
	else if (lot < 75)
		change_state(n);
	else if (lot < 80)
		cancel_one(n);
	else if (lot < 84)
		throw_bytes_at(n, other);
	else if (lot < 86)
		restart(n);
	else if (lot < 88)
		link_cut(&world.link, &n->peer.node.address, draw(0, 3) == 0);
	else if (lot < 90)
		world.now += (msec)draw(0, CLOCK_JUMPS_MAX);
}

static struct link_quality bad_network(void)
{
	bool is_slow = draw(0, 4) == 0;
	return (struct link_quality){.delay = draw(0, is_slow ? 20000 : 300),
		.jitter = draw(0, is_slow ? 100000 : 3000),
		.loss_permille = draw(0, 400),
		.repeat_permille = draw(0, 300),
		.repeat_delay = draw(1, is_slow ? 100 : 4000)};
}

/* ---- a world ---- */

static void live(msec span)
{
	msec until = world.now + span;
	while (world.now < until) {
		msec piece = until - world.now < 500 ? until - world.now : 500;
		world_run(&world, piece);
		for (unsigned i = 0; i < node_count; i++)
			answer_what_is_due(&nodes[i]);
	}
}

static void live_in_trouble(void)
{
	msec until = world.now + TROUBLE_LASTS;
	world.link.quality = bad_network();
	while (world.now < until) {
		do_something();
		live((msec)draw(0, 8000));
	}
}

static void heal(void)
{
	world.link.quality = (struct link_quality){.delay = 10};
	for (unsigned i = 0; i < node_count; i++)
		link_cut(&world.link, &nodes[i].peer.node.address, false);
	for (unsigned i = 0; i < ask_count; i++) {
		if (!asks[i].is_observing || asks[i].has_ended)
			continue;
		coap_endpoint_cancel(nodes[asks[i].node].peer.endpoint, asks[i].exchange, world.now);
		asks[i].has_ended = true;
	}
	live(HEALS_IN);
}

static void check_end(void)
{
	for (unsigned i = 0; i < ask_count; i++)
		if (!asks[i].has_ended)
			broken("has not ended", i);
	for (unsigned i = 0; i < node_count; i++) {
		const struct coap_endpoint *e = nodes[i].peer.endpoint;
		if (!coap_endpoint_is_idle(e))
			broken("all have ended, but the endpoint is not idle", 0);
		if (coap_bodies_count(&e->bodies) != 0)
			broken("all have ended, but a body is left", 0);
	}
}

static void check_that_it_works_again(void)
{
	struct ask *ask = NULL;
	for (unsigned tries = 0; tries < 50 && ask_count < ASKS_MAX; tries++) {
		ask = ask_from(&nodes[0], &nodes[1]);
		if (ask == NULL || ask->what == COUNT || ask->what == WHOLE)
			break;
		live(SECONDS(600));
		if (ask->is_observing)
			coap_endpoint_cancel(nodes[0].peer.endpoint, ask->exchange, world.now);
	}
	if (ask == NULL)
		broken("the network has healed, but there is no room for a request", 0);
	live(SECONDS(600));
	if (!ask->has_ended)
		broken("the network has healed, but it gets no answer", (unsigned)(ask - asks));
}

static void begin_world(void)
{
	prng_init_number(&chance, seed);
	world_init(&world, seed);
	ask_count = answered = failed = executions = lives = 0;
	node_count = draw(2, NODES_MAX);
	has_qblock = draw(0, 1) == 0;
	has_peers = draw(0, 1) == 0;
	for (unsigned i = 0; i < node_count; i++) {
		struct node *n = &nodes[i];
		struct coap_resource *r = resources[i];
		n->index = i;
		n->state = ID_BYTES;
		r[COUNT] = (struct coap_resource){.path = paths[COUNT], .handle = handle_body, .context = n};
		r[EXCHANGE] = (struct coap_resource){.path = paths[EXCHANGE], .handle = handle_body, .context = n};
		r[STORE] = (struct coap_resource){.path = paths[STORE], .handle = handle_body, .context = n};
		r[MADE] = (struct coap_resource){.path = paths[MADE], .handle = handle_made, .context = n};
		r[WHOLE] = (struct coap_resource){.path = paths[WHOLE], .handle = handle_whole, .context = n};
		r[WATCH] = (struct coap_resource){
			.path = paths[WATCH], .is_observable = true, .handle = handle_watch, .context = n};
		configure(n);
		start_life(n);
	}
}

static void run_world(void)
{
	begin_world();
	live_in_trouble();
	heal();
	check_end();
	check_that_it_works_again();
	printf("seed %llu: %u endpoints in %u lives, %u requests, %u answered, %u failed, %u ran, %llu datagrams, %llu "
	       "lost\n",
		(unsigned long long)seed, node_count, lives, ask_count, answered, failed, executions,
		(unsigned long long)world.link.sent, (unsigned long long)world.link.lost);
	requests_in_all += ask_count;
	datagrams_in_all += world.link.sent;
	for (unsigned i = 0; i < node_count; i++)
		peer_leave(&nodes[i].peer);
	world_done(&world);
}

int main(int argc, char **argv)
{
	unsigned long worlds = 0;
	bool has_seed = false;
	program = argv[0];
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "0";
		if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(value, NULL, 10), has_seed = true, i++;
		else if (strcmp(argv[i], "--worlds") == 0)
			worlds = strtoul(value, NULL, 10), i++;
		else if (strcmp(argv[i], "--talk") == 0)
			is_talkative = true;
		else
			return fprintf(stderr, "usage: storm [--seed N] [--worlds N] [--talk]\n"), 2;
	}
	if (!has_seed)
		seed = (uint64_t)time(NULL) * 1000;
	if (worlds == 0)
		worlds = has_seed ? 1 : 100;
	for (unsigned long i = 0; i < worlds; i++, seed++)
		run_world();
	printf("%lu worlds, %llu requests, %llu datagrams: every rule held\n", worlds, requests_in_all,
		datagrams_in_all);
	return 0;
}
