/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A fleet that sleeps, on a link that loses, with a server and devices that are switched off at any moment: each
 * Execute that was left with the server reaches its device's handler once, or the server says why not. `--devices N`
 * says how many (at most 1000), `--seed N` which world.
 *
 * The devices are small: a real endpoint that registers in queue mode, listens for a while after each Update, and
 * counts what it is told to execute. One that is switched off comes back under another port, as a lost secure
 * association would have it. */
#include "coap/uri.h"
#include "mgmt/signature_wolfcrypt.h"
#include "server/server.h"
#include "tests/sim/peer.h"
#include "tests/sim/store_memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define DEVICES_MAX  1000
#define ROUNDS       3   /* Executes of each device */
#define AWAKE_S      120 /* after its last request */
#define NIGHT_S      600 /* the longest sleep */
#define HOURS_AT_END 3   /* of a good link, for what is left */

struct fleet;

struct sleeper {
	struct peer peer;
	struct fleet *fleet;
	struct coap_resource resource;
	char name[24], location[32];
	bool is_registered, is_asking, is_waiting; /* is_waiting: for the answer to its own request */
	msec acts_at, sleeps_at;
	uint16_t port;
	unsigned handled[ROUNDS], last;
	uint64_t number[ROUNDS];
};

struct fleet {
	struct world world;
	struct world_node node;
	struct server *server;
	struct coap_endpoint *endpoint;
	void *memory, *endpoint_memory;
	struct store_memory store;
	struct signature_port hash;
	struct sleeper sleepers[DEVICES_MAX];
	unsigned count, disorder;
};

static struct fleet fleet;

/* ---- the server ---- */

static void node_receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct fleet *f = context;
	struct coap_remote remote = {*from, HANDLE_NONE};
	coap_endpoint_receive(f->endpoint, &remote, datagram, now);
}

static msec node_deadline(void *context)
{
	const struct fleet *f = context;
	msec at = msec_earlier(coap_endpoint_deadline(f->endpoint), server_deadline(f->server));
	return msec_earlier(at, store_memory_deadline(&f->store));
}

static void node_tick(void *context, msec now)
{
	struct fleet *f = context;
	uint64_t ticket;
	bool ok;
	while (store_memory_due(&f->store, now, &ticket, &ok))
		server_stored(f->server, ticket, ok, now);
	coap_endpoint_tick(f->endpoint, now);
	server_tick(f->server, now);
}

static bool node_send(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct fleet *f = context;
	struct datagram_port port = world_port(&f->node);
	(void)now;
	return port.send(port.context, &to->address, message);
}

static void start_server(struct fleet *f)
{
	uint8_t seed[PRNG_SEED_BYTES];
	struct server_config config = {.public_uri = "coap://192.0.2.1",
		.devices = DEVICES_MAX,
		.orders = ROUNDS * DEVICES_MAX + 16,
		.errands = 64,
		.events = 256,
		.accepts_plain = true};
	struct server_ports ports = {.store = store_memory_port(&f->store), .hash = &f->hash};
	prng_fill(&f->world.prng, seed, sizeof seed);
	f->memory = aligned_alloc(64, (server_memory(&config) + 63) / 64 * 64);
	f->server = server_init(f->memory, &config, &ports, seed);
	struct coap_endpoint_config endpoint = peer_config(NULL, 0);
	endpoint.capacities.exchanges = endpoint.capacities.pending = 2048;
	endpoint.capacities.duplicates = 4096;
	endpoint.capacities.separate = 1024;
	endpoint.parameters.body_size_max = SERVER_BODY_MAX;
	endpoint.resources = server_resources(f->server, &endpoint.resource_count);
	endpoint.transport = (struct coap_transport){.context = f, .send = node_send};
	f->endpoint_memory = aligned_alloc(64, coap_endpoint_memory(&endpoint));
	f->endpoint = coap_endpoint_init(f->endpoint_memory, &endpoint, seed);
	server_set_clock(f->server, 1700000000000, f->world.now);
	struct store_visitor visitor = server_visitor(f->server, f->world.now);
	bool is_loaded = store_memory_load(&f->store, &visitor);
	assert(is_loaded);
	server_start(f->server, f->endpoint, f->world.now);
	world_join(&f->world, &f->node);
}

/* As kill -9. */
static void kill_server(struct fleet *f)
{
	store_memory_kill(&f->store);
	world_leave(&f->world, &f->node);
	free(f->memory);
	free(f->endpoint_memory);
	f->server = NULL;
}

/* ---- devices ---- */

/* An Execute says its round, "0='2'"; anything else there is nothing of. */
static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct sleeper *d = context;
	(void)endpoint;
	(void)now;
	ret->code = COAP_NOT_FOUND;
	if (request->message->code != COAP_POST || request->body.len != 5)
		return COAP_ANSWER_NOW;
	unsigned round = (unsigned)(request->body.data[3] - '0');
	assert(round < ROUNDS);
	d->handled[round]++;
	d->fleet->disorder += round < d->last;
	d->last = round;
	ret->code = COAP_CHANGED;
	return COAP_ANSWER_NOW;
}

static void boot(struct sleeper *d, unsigned number)
{
	struct coap_endpoint_config config = peer_config(&d->resource, 1);
	config.capacities.exchanges = config.capacities.pending = 4;
	config.capacities.duplicates = 16;
	d->resource = (struct coap_resource){.path = "", .is_subtree = true, .handle = handle, .context = d};
	peer_join(&d->peer, &d->fleet->world, 9, &config);
	d->peer.node.address =
		address_ipv4(10, 0, (uint8_t)(number / 250), (uint8_t)(number % 250 + 1), (uint16_t)(5000 + d->port++));
	d->is_registered = d->is_waiting = false;
	d->location[0] = '\0';
}

static void replied(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct sleeper *d = context;
	struct writer w = writer_of(d->location, sizeof d->location - 1);
	(void)endpoint;
	d->is_waiting = false;
	d->is_registered = coap_code_is_success(reply->code);
	if (!d->is_registered) { /* registers, a little later */
		d->acts_at = now + SECONDS(5 + prng_below(&d->fleet->world.prng, 20));
		return;
	}
	if (reply->code == COAP_CREATED) {
		coap_uri_write_path(&w, reply->message, COAP_OPTION_LOCATION_PATH, COAP_OPTION_LOCATION_QUERY);
		*w.at = '\0';
	}
	d->sleeps_at = now + SECONDS(AWAKE_S);
	d->acts_at = d->sleeps_at + SECONDS(prng_below(&d->fleet->world.prng, NIGHT_S));
}

static void act(struct sleeper *d, msec now)
{
	static const char links[] = "</1/0>,</3/0>";
	char query[64];
	struct coap_options options = {0};
	struct handle exchange;
	link_cut(&d->fleet->world.link, &d->peer.node.address, false);
	snprintf(query, sizeof query, "ep=%s&lt=86400&lwm2m=1.1&b=U&Q", d->name);
	coap_options_add_path(
		&options, COAP_OPTION_URI_PATH, d->is_registered ? bytes_of_text(d->location) : bytes_of_text("/rd"));
	if (!d->is_registered) {
		coap_options_add_query(&options, COAP_OPTION_URI_QUERY, bytes_of_text(query));
		coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, 40);
	}
	struct coap_call call = {.to = {d->fleet->node.address, HANDLE_NONE},
		.method = COAP_POST,
		.options = &options,
		.body = d->is_registered ? BYTES_NONE : bytes_of_text(links),
		.reply = replied,
		.context = d};
	d->is_waiting = coap_endpoint_request(d->peer.endpoint, &call, now, &exchange);
	d->acts_at = now + SECONDS(NIGHT_S);
	d->sleeps_at = NEVER;
}

static void live(struct fleet *f, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		world_run(&f->world, SECONDS(1));
		for (unsigned n = 0; n < f->count; n++) {
			struct sleeper *d = &f->sleepers[n];
			if (d->sleeps_at <= f->world.now && !d->is_waiting) {
				link_cut(&f->world.link, &d->peer.node.address, true);
				d->sleeps_at = NEVER;
			}
			if (d->acts_at <= f->world.now && !d->is_waiting)
				act(d, f->world.now);
		}
	}
}

/* ---- the story ---- */

static void leave_orders(struct fleet *f, unsigned round)
{
	char text[8];
	snprintf(text, sizeof text, "0='%u'", round);
	struct errand errand = {.kind = ERRAND_EXECUTE, .path = path_of_resource(3, 0, 4), .text = bytes_of_text(text)};
	static const struct server_ask ask = {.actor = "anna"};
	for (unsigned n = 0; n < f->count; n++) {
		struct sleeper *d = &f->sleepers[n];
		enum server_result result = server_order(f->server, bytes_of_text(d->name), &errand, SECONDS(2 * 86400),
			&ask, f->world.now, &d->number[round]);
		assert(result == SERVER_ACCEPTED);
		world_run(&f->world, 20); /* until the store has it */
	}
}

static void reboot_some(struct fleet *f, unsigned percent)
{
	for (unsigned n = 0; n < f->count; n++) {
		if (prng_below(&f->world.prng, 100) >= percent)
			continue;
		peer_leave(&f->sleepers[n].peer);
		boot(&f->sleepers[n], n);
		f->sleepers[n].acts_at = f->world.now + SECONDS(prng_below(&f->world.prng, 60));
	}
}

/* Nothing twice; what is done was handled, and what was not says why. Gives the number of faults. */
static unsigned check(const struct fleet *f)
{
	unsigned counts[ORDER_STATE_END] = {0}, faults = f->disorder, handled = 0;
	for (unsigned n = 0; n < f->count; n++)
		for (unsigned round = 0; round < ROUNDS; round++) {
			const struct sleeper *d = &f->sleepers[n];
			const struct order *order = server_order_find(f->server, d->number[round]);
			enum order_state state = order == NULL ? ORDER_WAITING : server_order_state(order);
			bool is_right = d->handled[round] == 1 ? state == ORDER_DONE || state == ORDER_UNKNOWN
							       : d->handled[round] == 0 && state == ORDER_UNKNOWN;
			counts[state]++;
			handled += d->handled[round];
			faults += !is_right;
			if (!is_right)
				printf("%s round %u: handled %u times, %s\n", d->name, round, d->handled[round],
					order_state_name(state));
		}
	printf("%u devices, %u requests: %u handled, %u done, %u unknown, %u out of order, %u faults\n", f->count,
		f->count * ROUNDS, handled, counts[ORDER_DONE], counts[ORDER_UNKNOWN], f->disorder, faults);
	return faults + (counts[ORDER_DONE] < f->count * ROUNDS * 3 / 4);
}

static void begin(struct fleet *f, uint64_t seed)
{
	static const struct trust_anchors none;
	world_init(&f->world, seed);
	f->hash = signature_wolfcrypt_port(&none);
	f->world.link.quality = (struct link_quality){.delay = 50, .jitter = 200};
	f->node = (struct world_node){.address = address_ipv4(192, 0, 2, 1, 5683),
		.context = f,
		.receive = node_receive,
		.deadline = node_deadline,
		.tick = node_tick};
	store_memory_init(&f->store, 10);
	start_server(f);
	for (unsigned n = 0; n < f->count; n++) {
		struct sleeper *d = &f->sleepers[n];
		d->fleet = f;
		snprintf(d->name, sizeof d->name, "sleeper-%u", n);
		boot(d, n);
		d->sleeps_at = NEVER;
		d->acts_at = f->world.now + SECONDS(prng_below(&f->world.prng, 120));
	}
	live(f, 300);
}

int main(int argc, char **argv)
{
	struct fleet *f = &fleet;
	uint64_t seed = 1;
	f->count = 100;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--devices") == 0)
			f->count = (unsigned)strtoul(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
	}
	assert(f->count > 0 && f->count <= DEVICES_MAX);
	begin(f, seed);
	f->world.link.quality.loss_permille = 100;
	for (unsigned round = 0; round < ROUNDS; round++) {
		leave_orders(f, round);
		live(f, 200);
		reboot_some(f, 10);
		live(f, 100 + prng_below(&f->world.prng, 100));
		kill_server(f);
		live(f, 30);
		start_server(f);
	}
	f->world.link.quality.loss_permille = 0;
	live(f, HOURS_AT_END * 3600);
	return check(f) == 0 ? 0 : 1;
}
