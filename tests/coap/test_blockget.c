/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/blockget.h"

#include "coap/qclient.h"
#include "tests/sim/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BITS       16384
#define BODY_BYTES (2048 * 1024 + 333)
#define IN_FLIGHT  256
#define PATIENCE   SECONDS(120)

/* One client that downloads; there may be several in one world. */
struct client {
	struct peer peer;
	struct coap_blockget get;
	uint8_t bitmap[BITS / 8];
	uint8_t *body;
	void *memory;
	bool is_over;
	enum coap_blockget_outcome outcome;
	msec opened_at, over_at; /* the first block has come; the end */
};

struct stage {
	struct world world;
	struct peer server;
	struct client clients[2];
	int client_count;
};

static struct stage stage;
static struct coap_options options;
static uint32_t server_qblocks; /* 0: it does not know Q-Block */
/* A server that passes over Q-Block2, critical as it is, and whether a transfer by Block2 has begun there. */
static bool passes_over, has_begun;
static int busy_answers;   /* how many requests are answered by 5.03 from the tenth on */
static uint64_t requests;  /* of the handler: with Q-Block one for each block, and one more for each reply begun */
static uint64_t datagrams; /* of a whole download */

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 13 + i / 1000);
}

static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)now;
	if (++requests > 10 && busy_answers > 0) {
		busy_answers--;
		ret->code = COAP_SERVICE_UNAVAILABLE;
		return COAP_ANSWER_NOW;
	}
	if (passes_over && !has_begun && request->slice_offset > 0) {
		ret->code = COAP_REQUEST_ENTITY_INCOMPLETE;
		return COAP_ANSWER_NOW;
	}
	uint8_t *slice = arena_take(request->scratch, request->slice_size);
	size_t len = 0;
	for (uint64_t i = request->slice_offset; i < BODY_BYTES && len < request->slice_size; i++)
		slice[len++] = byte_at(i);
	ret->code = COAP_CONTENT;
	ret->etag = bytes_of_text("v1");
	ret->is_slice = true;
	ret->body_size = BODY_BYTES;
	ret->payload = bytes_of(slice, len);
	return COAP_ANSWER_NOW;
}

/* The request as such a server understands it. */
static struct bytes without_qblock(struct bytes datagram, uint8_t *room, size_t capacity)
{
	struct coap_message m;
	struct coap_options o = {.count = 0};
	uint32_t value;
	if (!passes_over || coap_message_parse(datagram, &m) != COAP_VERDICT_OK || m.code != COAP_GET)
		return datagram;
	if (!coap_message_uint(&m, COAP_OPTION_Q_BLOCK2, &value)) {
		has_begun |= !coap_message_uint(&m, COAP_OPTION_BLOCK2, &value) || value >> 4 == 0;
		return datagram;
	}
	coap_options_add_path(&o, COAP_OPTION_URI_PATH, bytes_of_text("large"));
	coap_options_add_uint(&o, COAP_OPTION_BLOCK2, value);
	struct writer w = writer_of(room, capacity);
	coap_message_write(&w, m.type, m.code, m.id, &m.token, &o, BYTES_NONE);
	return writer_bytes(&w);
}

static void receive_at_server(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct peer *p = context;
	struct coap_remote remote = {*from, HANDLE_NONE};
	uint8_t room[256];
	coap_endpoint_receive(p->endpoint, &remote, without_qblock(datagram, room, sizeof room), now);
}

static const struct coap_resource resources[] = {{.path = "large", .handle = handle}};

/* ---- a peer with a download in it ---- */

static bool store(void *context, uint32_t number, struct bytes payload, msec now)
{
	struct client *c = context;
	if (c->opened_at == 0)
		c->opened_at = now;
	memcpy(c->body + coap_blockfetch_offset(&c->get.fetch, number), payload.data, payload.len);
	return true;
}

static void ended(void *context, enum coap_blockget_outcome outcome, msec now)
{
	struct client *c = context;
	assert_false(c->is_over);
	c->is_over = true;
	c->outcome = outcome;
	c->over_at = now;
}

static void receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct client *c = context;
	struct coap_remote remote = {*from, HANDLE_NONE};
	coap_endpoint_receive(c->peer.endpoint, &remote, datagram, now);
}

static msec deadline(void *context)
{
	struct client *c = context;
	return msec_earlier(coap_endpoint_deadline(c->peer.endpoint), coap_blockget_deadline(&c->get));
}

static void tick(void *context, msec now)
{
	struct client *c = context;
	coap_endpoint_tick(c->peer.endpoint, now);
	coap_blockget_tick(&c->get, now);
}

static void set_stage(const struct link_quality *quality, uint64_t seed, int clients)
{
	struct coap_endpoint_config config = peer_config(resources, 1);
	config.capacities.exchanges = config.capacities.pending = IN_FLIGHT + 8;
	stage = (struct stage){.client_count = clients};
	requests = 0;
	world_init(&stage.world, seed);
	stage.world.link.quality = *quality;
	config.capacities.qblocks = server_qblocks;
	peer_join(&stage.server, &stage.world, 2, &config);
	stage.server.node.receive = receive_at_server;
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("large"));
	for (int i = 0; i < clients; i++) {
		struct client *c = &stage.clients[i];
		peer_join(&c->peer, &stage.world, (uint8_t)(3 + i), &config);
		c->peer.node.context = c;
		c->peer.node.receive = receive;
		c->peer.node.deadline = deadline;
		c->peer.node.tick = tick;
		c->body = calloc(1, BODY_BYTES + 1024);
		c->memory = aligned_alloc(CARVE_ALIGNMENT, coap_blockget_memory(IN_FLIGHT));
	}
}

static void begin(struct client *c)
{
	coap_blockget_begin(&c->get,
		&(struct coap_blockget_config){.endpoint = c->peer.endpoint,
			.to = peer_remote(&stage.server),
			.options = &options,
			.bitmap = c->bitmap,
			.bitmap_blocks = BITS,
			.szx = 6,
			.memory = c->memory,
			.in_flight_max = IN_FLIGHT,
			.tries_qblock = true,
			.patience = PATIENCE,
			.context = c,
			.store = store,
			.ended = ended},
		stage.world.now);
}

static bool all_over(void *context)
{
	(void)context;
	for (int i = 0; i < stage.client_count; i++)
		if (!stage.clients[i].is_over)
			return false;
	return true;
}

/* Every byte is right, and nothing is left in the endpoint. */
static void check(const struct client *c)
{
	assert_true(c->is_over);
	assert_int_equal(c->outcome, COAP_BLOCKGET_DONE);
	for (uint64_t i = 0; i < BODY_BYTES; i++)
		assert_int_equal(c->body[i], byte_at(i));
	assert_true(coap_endpoint_is_idle(c->peer.endpoint));
}

static void clear_stage(void)
{
	for (int i = 0; i < stage.client_count; i++) {
		peer_leave(&stage.clients[i].peer);
		free(stage.clients[i].body);
		free(stage.clients[i].memory);
	}
	peer_leave(&stage.server);
	world_done(&stage.world);
}

static bool has_opened(void *context)
{
	struct client *c = context;
	return c->opened_at > 0;
}

/* How long a whole download takes once the server has answered. Until then nothing is lost: for each such loss RFC 7252
 * has two seconds and more go by, and after five it gives up. */
static msec download(const struct link_quality *quality, uint64_t seed)
{
	set_stage(&(struct link_quality){.delay = quality->delay}, seed, 1);
	begin(&stage.clients[0]);
	(void)world_run_until(&stage.world, SECONDS(1), has_opened, &stage.clients[0]);
	stage.world.link.quality = *quality;
	(void)world_run_until(&stage.world, SECONDS(3600), all_over, NULL);
	msec took = stage.clients[0].over_at - stage.clients[0].opened_at;
	check(&stage.clients[0]);
	datagrams = stage.world.link.sent;
	clear_stage();
	return took;
}

static int forget_qblock(void **state)
{
	(void)state;
	server_qblocks = 0;
	passes_over = has_begun = false;
	return 0;
}

/* ---- stories ---- */

/* Lock-step would take 2049 round trips: 102 s at 50 ms. 256 in flight take nine. */
static void a_download_is_many_times_faster_than_lock_step_with_and_without_loss(void **state)
{
	static const struct {
		uint32_t loss_permille;
		msec limit;
	} cases[] = {{0, 800}, {10, 1100}, {20, 1200}, {50, 1600}, {100, 2400}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (uint64_t seed = 1; seed <= 5; seed++) {
			struct link_quality quality = {.delay = 25, .loss_permille = cases[i].loss_permille};
			msec took = download(&quality, seed);
			if (took > cases[i].limit)
				fail_msg("%u permille, seed %u: %d ms", cases[i].loss_permille, (unsigned)seed,
					(int)took);
		}
	}
}

static void a_path_that_loses_forty_percent_each_way_is_survived(void **state)
{
	struct link_quality quality = {.delay = 25, .jitter = 10, .loss_permille = 400};
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++)
		assert_in_range(download(&quality, seed), 500, 15000);
}

/* A path of 100 KiB a second carries the body in 21 s at best; who floods its queue loses much and asks twice. */
static void a_slow_path_is_filled_but_not_flooded(void **state)
{
	struct link_quality quality = {.delay = 25, .bytes_per_second = 102400, .queue_limit = 200};
	(void)state;
	assert_in_range(download(&quality, 1), 20000, 27000);
	assert_in_range(requests, 2049, 2049 * 110 / 100);
}

static void jitter_and_repetition_do_no_harm(void **state)
{
	struct link_quality quality = {
		.delay = 25, .jitter = 30, .loss_permille = 20, .repeat_permille = 100, .repeat_delay = 500};
	(void)state;
	assert_in_range(download(&quality, 1), 500, 4000);
	assert_in_range(requests, 2049, 2049 * 130 / 100);
}

/* Both want the same path of 400 KiB a second, from the same server, at once. */
static void two_downloads_share_a_path(void **state)
{
	struct link_quality quality = {.delay = 25, .bytes_per_second = 409600, .queue_limit = 500};
	(void)state;
	set_stage(&quality, 3, 2);
	begin(&stage.clients[0]);
	world_run(&stage.world, 700);
	begin(&stage.clients[1]);
	(void)world_run_until(&stage.world, SECONDS(600), all_over, NULL);
	check(&stage.clients[0]);
	check(&stage.clients[1]);
	clear_stage();
}

/* RFC 7252 section 4.2: five transmissions in 93 s at most, and no more. */
static void a_silent_server_gets_what_rfc_7252_allows_and_not_one_datagram_more(void **state)
{
	struct link_quality quality = {.delay = 25, .loss_permille = 1000};
	(void)state;
	set_stage(&quality, 1, 1);
	msec begun = stage.world.now;
	begin(&stage.clients[0]);
	world_run(&stage.world, SECONDS(600));
	assert_int_equal(stage.clients[0].outcome, COAP_BLOCKGET_SILENT);
	assert_in_range(stage.clients[0].over_at - begun, 62000, 93000);
	assert_int_equal(stage.world.link.sent, 5);
	clear_stage();
}

/* What was in flight is gone; then it is one datagram at a time, ever more rarely, until the patience ends. */
static void a_server_that_falls_silent_is_left_alone(void **state)
{
	struct link_quality quality = {.delay = 25};
	(void)state;
	set_stage(&quality, 1, 1);
	begin(&stage.clients[0]);
	world_run(&stage.world, 300);
	peer_leave(&stage.server);
	world_run(&stage.world, SECONDS(2));
	uint64_t before = stage.world.link.sent;
	world_run(&stage.world, SECONDS(600));
	assert_int_equal(stage.clients[0].outcome, COAP_BLOCKGET_SILENT);
	assert_in_range(stage.world.link.sent - before, 2, 10);
	assert_true(coap_endpoint_is_idle(stage.clients[0].peer.endpoint));
	clear_stage();
}

static void a_path_that_comes_back_goes_on_where_it_was(void **state)
{
	struct link_quality quality = {.delay = 25};
	(void)state;
	set_stage(&quality, 1, 1);
	begin(&stage.clients[0]);
	world_run(&stage.world, 300);
	link_cut(&stage.world.link, &stage.server.node.address, true);
	world_run(&stage.world, SECONDS(20));
	link_cut(&stage.world.link, &stage.server.node.address, false);
	(void)world_run_until(&stage.world, SECONDS(60), all_over, NULL);
	check(&stage.clients[0]);
	assert_in_range(requests, 2049, 2049 + IN_FLIGHT);
	clear_stage();
}

static void a_busy_server_is_asked_again_later(void **state)
{
	struct link_quality quality = {.delay = 25};
	(void)state;
	busy_answers = 20;
	set_stage(&quality, 1, 1);
	msec begun = stage.world.now;
	begin(&stage.clients[0]);
	(void)world_run_until(&stage.world, SECONDS(600), all_over, NULL);
	check(&stage.clients[0]);
	assert_in_range(stage.clients[0].over_at - begun, 2000, 10000);
	assert_int_equal(busy_answers, 0);
	clear_stage();
}

/* ---- with a server that knows Q-Block2 (RFC 9177) ---- */

/* 2049 blocks and a request for each are 4098 datagrams; ten blocks a request once the window is wide. */
static void several_blocks_are_asked_for_with_one_request(void **state)
{
	struct link_quality quality = {.delay = 25};
	(void)state;
	server_qblocks = 4;
	assert_in_range(download(&quality, 1), 300, 800);
	assert_in_range(datagrams, 2049 * 110 / 100, 2049 * 130 / 100);
	assert_in_range(requests, 2049, 2052);
}

static void a_server_without_q_block_is_asked_for_single_blocks_after_one_bad_option(void **state)
{
	struct link_quality quality = {.delay = 25};
	(void)state;
	(void)download(&quality, 1);
	assert_int_equal(datagrams, 2 * 2049 + 2);
}

static void a_server_that_passes_over_q_block_is_asked_for_the_first_block_again(void **state)
{
	struct link_quality quality = {.delay = 25};
	(void)state;
	passes_over = true;
	(void)download(&quality, 1);
	assert_true(has_begun);
	assert_int_equal(datagrams, 2 * 2049 + 2);
}

static void what_a_server_does_not_know_is_remembered_for_the_next_download(void **state)
{
	struct link_quality quality = {.delay = 25};
	(void)state;
	set_stage(&quality, 1, 1);
	struct client *c = &stage.clients[0];
	begin(c);
	(void)world_run_until(&stage.world, SECONDS(60), all_over, NULL);
	check(c);
	c->is_over = false;
	memset(c->bitmap, 0, sizeof c->bitmap);
	uint64_t before = stage.world.link.sent;
	begin(c);
	(void)world_run_until(&stage.world, SECONDS(60), all_over, NULL);
	check(c);
	assert_int_equal(stage.world.link.sent - before, 2 * 2049);
	clear_stage();
}

/* Only what is missing is asked for again: not much more is made than the path loses on the way back. */
static void blocks_that_a_lossy_path_loses_are_asked_for_by_their_numbers(void **state)
{
	static const struct {
		uint32_t loss_permille;
		msec limit;
		uint64_t made;
	} cases[] = {{10, 1100, 2100}, {50, 1600, 2250}, {100, 2400, 2400}};
	(void)state;
	server_qblocks = 4;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (uint64_t seed = 1; seed <= 5; seed++) {
			struct link_quality quality = {.delay = 25, .loss_permille = cases[i].loss_permille};
			assert_in_range(download(&quality, seed), 300, cases[i].limit);
			assert_in_range(requests, 2049, cases[i].made);
		}
	}
}

static void jitter_repetition_and_much_loss_do_no_harm_to_runs_of_blocks(void **state)
{
	struct link_quality jitter = {
		.delay = 25, .jitter = 30, .loss_permille = 20, .repeat_permille = 100, .repeat_delay = 500};
	struct link_quality loss = {.delay = 25, .jitter = 10, .loss_permille = 400};
	(void)state;
	server_qblocks = 4;
	assert_in_range(download(&jitter, 1), 500, 4000);
	for (uint64_t seed = 1; seed <= 4; seed++)
		assert_in_range(download(&loss, seed), 500, 20000);
}

/* Another program answers at the same address now: by RST or not at all to what is not confirmable. */
static void a_server_that_stops_knowing_q_block_is_asked_for_single_blocks(void **state)
{
	struct link_quality quality = {.delay = 25};
	struct coap_endpoint_config config = peer_config(resources, 1);
	(void)state;
	server_qblocks = 4;
	set_stage(&quality, 1, 1);
	begin(&stage.clients[0]);
	world_run(&stage.world, 300);
	assert_true(stage.clients[0].get.uses_qblock);
	assert_false(stage.clients[0].is_over);
	peer_leave(&stage.server);
	peer_join(&stage.server, &stage.world, 2, &config);
	(void)world_run_until(&stage.world, SECONDS(60), all_over, NULL);
	check(&stage.clients[0]);
	assert_false(stage.clients[0].get.uses_qblock);
	assert_int_equal(
		coap_qclient_support(stage.clients[0].peer.endpoint, &stage.clients[0].get.config.to, stage.world.now),
		COAP_QPEER_DOES_NOT);
	clear_stage();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_download_is_many_times_faster_than_lock_step_with_and_without_loss),
		cmocka_unit_test(a_path_that_loses_forty_percent_each_way_is_survived),
		cmocka_unit_test(a_slow_path_is_filled_but_not_flooded),
		cmocka_unit_test(jitter_and_repetition_do_no_harm),
		cmocka_unit_test(two_downloads_share_a_path),
		cmocka_unit_test(a_silent_server_gets_what_rfc_7252_allows_and_not_one_datagram_more),
		cmocka_unit_test(a_server_that_falls_silent_is_left_alone),
		cmocka_unit_test(a_path_that_comes_back_goes_on_where_it_was),
		cmocka_unit_test(a_busy_server_is_asked_again_later),
		cmocka_unit_test_teardown(several_blocks_are_asked_for_with_one_request, forget_qblock),
		cmocka_unit_test(a_server_without_q_block_is_asked_for_single_blocks_after_one_bad_option),
		cmocka_unit_test_teardown(
			a_server_that_passes_over_q_block_is_asked_for_the_first_block_again, forget_qblock),
		cmocka_unit_test(what_a_server_does_not_know_is_remembered_for_the_next_download),
		cmocka_unit_test_teardown(blocks_that_a_lossy_path_loses_are_asked_for_by_their_numbers, forget_qblock),
		cmocka_unit_test_teardown(jitter_repetition_and_much_loss_do_no_harm_to_runs_of_blocks, forget_qblock),
		cmocka_unit_test_teardown(
			a_server_that_stops_knowing_q_block_is_asked_for_single_blocks, forget_qblock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
