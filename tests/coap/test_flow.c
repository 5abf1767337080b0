/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How endpoints that remember their peers time and count what they send, on the virtual network. */
#include "coap/endpoint.h"

#include "tests/sim/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct world world;
static struct peer client, server;
static uint32_t answers, failures, executed;
static uint8_t filler[900];

static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)request, (void)now;
	executed++;
	ret->code = COAP_CONTENT;
	return COAP_ANSWER_NOW;
}

static const struct coap_resource resources[] = {{.path = "a", .handle = handle}};

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	(void)context, (void)endpoint, (void)now;
	answers += reply->outcome == COAP_OUTCOME_RESPONSE;
	failures += reply->outcome != COAP_OUTCOME_RESPONSE;
}

static void set_stage(uint32_t peers, uint8_t nstart)
{
	struct coap_endpoint_config config = peer_config(resources, 1);
	world_init(&world, 5);
	world.link.quality = (struct link_quality){.delay = 25};
	config.capacities.peers = peers;
	config.parameters.nstart = nstart;
	peer_join(&client, &world, 1, &config);
	peer_join(&server, &world, 2, &config);
	answers = failures = executed = 0;
}

static void clear_stage(void)
{
	peer_leave(&client);
	peer_leave(&server);
	world_done(&world);
}

static void ask(bool is_nonconfirmable, size_t body_len)
{
	struct coap_options options;
	struct handle h;
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("a"));
	struct coap_call call = {.to = peer_remote(&server),
		.method = body_len > 0 ? COAP_POST : COAP_GET,
		.options = &options,
		.body = bytes_of(filler, body_len),
		.is_nonconfirmable = is_nonconfirmable,
		.reply = on_reply};
	assert_true(coap_endpoint_request(client.endpoint, &call, world.now, &h));
}

/* How many datagrams leave for a server that does not answer, within this span. */
static uint64_t sent_in(msec span)
{
	uint64_t before = world.link.sent;
	world_run(&world, span);
	return world.link.sent - before;
}

static void silence(void)
{
	link_cut(&world.link, &server.node.address, true);
}

static void measured(int times)
{
	for (int i = 0; i < times; i++) {
		ask(false, 0);
		world_run(&world, 100);
	}
}

static void what_was_measured_shortens_the_first_timeout(void **state)
{
	(void)state;
	set_stage(4, 1);
	measured(20);
	silence();
	ask(false, 0);
	assert_int_equal(sent_in(199), 0); /* the first has been counted before */
	assert_int_equal(sent_in(150), 1); /* 200 to 300 ms, a round trip being 50 */
	assert_int_equal(sent_in(450), 0);
	assert_int_equal(sent_in(500), 1); /* three times as long as the one before */
	clear_stage();
}

static void without_room_for_peers_the_parameters_hold(void **state)
{
	(void)state;
	set_stage(0, 1);
	measured(20);
	silence();
	ask(false, 0);
	assert_int_equal(sent_in(1999), 0);
	assert_int_equal(sent_in(1002), 1);
	clear_stage();
}

static void a_peer_may_have_parameters_of_its_own(void **state)
{
	struct coap_transmission x = coap_transmission_default;
	struct coap_remote to;
	(void)state;
	set_stage(4, 1);
	to = peer_remote(&server);
	x.ack_timeout = 500;
	x.ack_random_permille = 1000;
	x.max_retransmit = 1;
	assert_true(coap_endpoint_set_transmission(client.endpoint, &to, &x));
	silence();
	ask(false, 0);
	assert_int_equal(sent_in(499), 0);
	assert_int_equal(sent_in(2), 1);
	world_run(&world, 1100);
	assert_int_equal(failures, 1);
	/* And again those of the endpoint. */
	assert_true(coap_endpoint_set_transmission(client.endpoint, &to, NULL));
	ask(false, 0);
	assert_int_equal(sent_in(1999), 0);
	clear_stage();
}

/* RFC 7252 section 4.7: NSTART, and more only as answers come. */
static void more_requests_at_once_have_to_be_earned(void **state)
{
	(void)state;
	set_stage(4, 4);
	uint64_t before = world.link.sent;
	for (int i = 0; i < 20; i++)
		ask(false, 0);
	assert_int_equal(world.link.sent - before, 1);
	world_run(&world, 24); /* nobody has answered yet */
	assert_int_equal(world.link.sent - before, 1);
	world_run(&world, 27); /* the first answer: two may go */
	assert_int_equal(world.link.sent - before, 1 + 1 + 2);
	world_run(&world, 1000);
	assert_int_equal(answers, 20);
	before = world.link.sent;
	for (int i = 0; i < 20; i++)
		ask(false, 0);
	assert_int_equal(world.link.sent - before, 4);
	world_run(&world, 1000);
	/* A silence closes the window again. */
	silence();
	ask(false, 0);
	world_run(&world, SECONDS(120));
	link_cut(&world.link, &server.node.address, false);
	assert_int_equal(failures, 1);
	before = world.link.sent;
	for (int i = 0; i < 4; i++)
		ask(false, 0);
	assert_int_equal(world.link.sent - before, 1);
	world_run(&world, SECONDS(10));
	assert_int_equal(answers, 44);
	clear_stage();
}

/* RFC 7252 section 4.7: PROBING_RATE is one byte a second. */
static void non_confirmable_requests_to_nobody_are_rare(void **state)
{
	(void)state;
	set_stage(4, 1);
	silence();
	uint64_t before = world.link.sent;
	for (int i = 0; i < 5; i++)
		ask(true, sizeof filler);
	world_run(&world, SECONDS(900));
	assert_int_equal(world.link.sent - before, 1);
	world_run(&world, SECONDS(3600));
	assert_in_range(world.link.sent - before, 4, 5);
	world_run(&world, SECONDS(2 * 3600));
	assert_int_equal(failures, 5);
	/* Who answers is asked at once. */
	link_cut(&world.link, &server.node.address, false);
	ask(false, 0);
	world_run(&world, 100);
	ask(true, sizeof filler);
	world_run(&world, 100);
	assert_int_equal(answers, 2);
	assert_int_equal(executed, 2);
	clear_stage();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_measured_shortens_the_first_timeout),
		cmocka_unit_test(without_room_for_peers_the_parameters_hold),
		cmocka_unit_test(a_peer_may_have_parameters_of_its_own),
		cmocka_unit_test(more_requests_at_once_have_to_be_earned),
		cmocka_unit_test(non_confirmable_requests_to_nobody_are_rare),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
