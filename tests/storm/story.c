/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/storm/storm.h"

#include <stdio.h>
#include <stdlib.h>

struct world world;
struct node nodes[NODES_MAX];
struct ask asks[ASKS_MAX];
unsigned node_count, ask_count, lives, answered, failed, executions;
uint64_t bytes_to_strangers;
bool is_talkative, has_qblock, has_peers, has_groups;
struct prng chance;
static uint64_t seed;
static unsigned long long requests_in_all, datagrams_in_all;

_Noreturn void broken(const char *rule, unsigned ask)
{
	printf("\nseed %llu: at %lld, request %u to /%s: %s\n", (unsigned long long)seed, (long long)world.now, ask,
		ask_paths[asks[ask].what], rule);
	printf("see it again with: storm --seed %llu --talk\n", (unsigned long long)seed);
	exit(1);
}

uint32_t draw(uint32_t from, uint32_t to)
{
	return from + prng_below(&chance, to - from + 1);
}

static void live(msec span)
{
	msec until = world.now + span;
	while (world.now < until) {
		msec piece = until - world.now < 500 ? until - world.now : 500;
		world_run(&world, piece);
		for (unsigned i = 0; i < node_count; i++)
			server_answer_what_is_due(&nodes[i]);
	}
}

static void live_in_trouble(void)
{
	msec until = world.now + TROUBLE_LASTS;
	world.link.quality = trouble_network();
	while (world.now < until) {
		trouble_happens();
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
		ask = client_ask(&nodes[0], &nodes[1]);
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
	stranger_begin();
	world.link.filter = stranger_watches_link;
	ask_count = answered = failed = executions = lives = 0;
	bytes_to_strangers = 0;
	node_count = draw(2, NODES_MAX);
	has_groups = seed % 2 == 1;
	has_qblock = draw(0, 1) == 0;
	has_peers = draw(0, 1) == 0;
	for (unsigned i = 0; i < node_count; i++) {
		nodes[i].index = i;
		nodes[i].state = ID_BYTES;
		server_make_resources(&nodes[i]);
		trouble_configure(&nodes[i]);
		trouble_start_life(&nodes[i]);
	}
}

void story_run(uint64_t number)
{
	seed = number;
	begin_world();
	live_in_trouble();
	heal();
	check_end();
	check_that_it_works_again();
	printf("seed %llu: %u endpoints in %u lives, %u requests, %u answered, %u failed, %u ran, %llu datagrams, %llu "
	       "lost, %llu bytes to strangers\n",
		(unsigned long long)seed, node_count, lives, ask_count, answered, failed, executions,
		(unsigned long long)world.link.sent, (unsigned long long)world.link.lost,
		(unsigned long long)bytes_to_strangers);
	requests_in_all += ask_count;
	datagrams_in_all += world.link.sent;
	for (unsigned i = 0; i < node_count; i++)
		peer_leave(&nodes[i].peer);
	world_done(&world);
}

void story_totals(unsigned long long *ret_requests, unsigned long long *ret_datagrams)
{
	*ret_requests = requests_in_all;
	*ret_datagrams = datagrams_in_all;
}
