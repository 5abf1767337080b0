/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/blockfetch.h"

#include "coap/endpoint.h"
#include "tests/sim/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BITS 16384

static uint8_t bitmap[BITS / 8];

static void begin(struct coap_blockfetch *f, uint8_t szx, uint32_t bits)
{
	memset(bitmap, 0, sizeof bitmap);
	coap_blockfetch_init(f, &(struct coap_blockfetch_config){.bitmap = bitmap,
					.bitmap_blocks = bits,
					.szx = szx,
					.window_max = 64,
					.ack_timeout = SECONDS(2)});
}

/* A response to block `number` of a body with `blocks` full blocks. */
static enum coap_blockfetch_verdict answer(struct coap_blockfetch *f, uint32_t number, uint32_t blocks, msec round_trip)
{
	struct coap_block block = {number, number + 1 < blocks, f->szx};
	enum coap_blockfetch_verdict verdict = coap_blockfetch_received(f, number, &block, coap_block_size(f->szx),
		bytes_of("e", 1), (uint64_t)blocks * coap_block_size(f->szx), round_trip, 1000);
	if (verdict == COAP_BLOCKFETCH_STORE)
		coap_blockfetch_stored(f, number);
	return verdict;
}

static void only_one_block_is_asked_for_until_the_first_response(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 99;
	(void)state;
	begin(&f, 6, BITS);
	assert_true(coap_blockfetch_next(&f, 0, &number));
	assert_int_equal(number, 0);
	assert_false(coap_blockfetch_next(&f, 0, &number));
	assert_int_equal(coap_blockfetch_option(&f, 0), 6);
	assert_int_equal(answer(&f, 0, 100, 50), COAP_BLOCKFETCH_STORE);
	for (uint32_t i = 1; i <= COAP_BLOCKFETCH_WINDOW_FIRST + 1; i++) {
		assert_true(coap_blockfetch_next(&f, 0, &number));
		assert_int_equal(number, i);
	}
	assert_false(coap_blockfetch_next(&f, 0, &number));
}

static void blocks_may_come_in_any_order_and_twice(void **state)
{
	static const uint32_t order[] = {3, 1, 4, 2};
	struct coap_blockfetch f;
	uint32_t number;
	(void)state;
	begin(&f, 0, BITS);
	assert_true(coap_blockfetch_next(&f, 0, &number));
	answer(&f, 0, 5, 0);
	for (int i = 0; i < 4; i++)
		assert_true(coap_blockfetch_next(&f, 0, &number));
	coap_blockfetch_lost(&f, 1, 10); /* given up too early: the answer to the second request comes too */
	assert_true(coap_blockfetch_next(&f, 10, &number));
	assert_int_equal(number, 1);
	for (int i = 0; i < 4; i++) {
		assert_false(coap_blockfetch_is_complete(&f));
		assert_int_equal(answer(&f, order[i], 5, 0), COAP_BLOCKFETCH_STORE);
	}
	assert_true(coap_blockfetch_is_complete(&f));
	assert_int_equal(coap_blockfetch_progress(&f), 80);
	assert_false(coap_blockfetch_next(&f, 10, &number));
}

static void what_the_first_response_teaches(void **state)
{
	static const struct {
		const char *what;
		uint8_t szx, answer_szx;
		uint32_t asked, number;
		bool has_more;
		size_t len;
		uint64_t size2;
		enum coap_blockfetch_verdict verdict;
		bool complete;
	} cases[] = {
		{"a body in one block", 6, 6, 0, 0, false, 10, 0, COAP_BLOCKFETCH_STORE, true},
		{"an empty body", 6, 6, 0, 0, false, 0, 0, COAP_BLOCKFETCH_STORE, true},
		{"more to come, size told", 6, 6, 0, 0, true, 1024, 5000, COAP_BLOCKFETCH_STORE, false},
		{"more to come, size not told", 6, 6, 0, 0, true, 1024, 0, COAP_BLOCKFETCH_STORE, false},
		{"a short block with more to come", 6, 6, 0, 0, true, 1023, 5000, COAP_BLOCKFETCH_BROKEN, false},
		{"a block longer than its size", 0, 0, 0, 0, false, 17, 0, COAP_BLOCKFETCH_BROKEN, false},
		{"smaller blocks", 6, 4, 0, 0, true, 256, 5000, COAP_BLOCKFETCH_STORE, false},
		{"larger blocks than asked for", 4, 6, 0, 0, true, 1024, 5000, COAP_BLOCKFETCH_BROKEN, false},
		{"another block", 6, 6, 0, 1, true, 1024, 5000, COAP_BLOCKFETCH_BROKEN, false},
		{"more blocks than bits", 0, 0, 0, 0, true, 16, BITS * 16 + 1, COAP_BLOCKFETCH_BROKEN, false},
		{"a size of 2^32", 6, 6, 0, 0, true, 1024, UINT64_C(1) << 32, COAP_BLOCKFETCH_BROKEN, false},
		{"more to come at the size told", 6, 6, 0, 0, true, 1024, 1024, COAP_BLOCKFETCH_BROKEN, false},
		{"as many blocks as bits", 0, 0, 0, 0, true, 16, BITS * 16, COAP_BLOCKFETCH_STORE, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct coap_blockfetch f;
		struct coap_block block = {cases[i].number, cases[i].has_more, cases[i].answer_szx};
		uint32_t number;
		begin(&f, cases[i].szx, BITS);
		assert_true(coap_blockfetch_next(&f, 0, &number));
		enum coap_blockfetch_verdict verdict =
			coap_blockfetch_received(&f, number, &block, cases[i].len, BYTES_NONE, cases[i].size2, 0, 5);
		if (verdict == COAP_BLOCKFETCH_STORE)
			coap_blockfetch_stored(&f, block.number);
		if (verdict != cases[i].verdict || coap_blockfetch_is_complete(&f) != cases[i].complete)
			fail_msg("%s: %d", cases[i].what, verdict);
		assert_int_equal(coap_blockfetch_is_failed(&f), verdict != COAP_BLOCKFETCH_STORE);
	}
}

static void another_etag_means_another_file(void **state)
{
	struct coap_blockfetch f;
	struct coap_block block = {1, true, 0};
	uint32_t number;
	(void)state;
	begin(&f, 0, BITS);
	assert_true(coap_blockfetch_next(&f, 0, &number));
	answer(&f, 0, 5, 0);
	assert_true(coap_blockfetch_next(&f, 0, &number));
	assert_int_equal(
		coap_blockfetch_received(&f, 1, &block, 16, bytes_of("f", 1), 0, 0, 5), COAP_BLOCKFETCH_CHANGED);
	assert_false(coap_blockfetch_next(&f, 0, &number));
}

static void an_earlier_run_is_resumed_where_it_has_gaps(void **state)
{
	struct coap_blockfetch f;
	uint32_t number;
	(void)state;
	memset(bitmap, 0, sizeof bitmap);
	bitmap[0] = 0x17; /* 0, 1, 2 and 4 of 6 */
	coap_blockfetch_init(&f, &(struct coap_blockfetch_config){.bitmap = bitmap,
					 .bitmap_blocks = BITS,
					 .szx = 0,
					 .window_max = 64,
					 .ack_timeout = SECONDS(2),
					 .etag = bytes_of("e", 1),
					 .size = 96});
	assert_int_equal(coap_blockfetch_progress(&f), 64);
	assert_true(coap_blockfetch_next(&f, 0, &number));
	assert_int_equal(number, 3);
	assert_int_equal(answer(&f, 3, 6, 0), COAP_BLOCKFETCH_STORE);
	assert_true(coap_blockfetch_next(&f, 0, &number));
	assert_int_equal(number, 5);
	assert_int_equal(answer(&f, 5, 6, 0), COAP_BLOCKFETCH_STORE);
	assert_true(coap_blockfetch_is_complete(&f));
}

static void an_earlier_run_of_another_file_is_found_out(void **state)
{
	struct coap_blockfetch f;
	uint32_t number;
	(void)state;
	memset(bitmap, 0, sizeof bitmap);
	bitmap[0] = 1;
	coap_blockfetch_init(&f, &(struct coap_blockfetch_config){.bitmap = bitmap,
					 .bitmap_blocks = BITS,
					 .szx = 0,
					 .window_max = 64,
					 .ack_timeout = SECONDS(2),
					 .etag = bytes_of("x", 1)});
	assert_true(coap_blockfetch_next(&f, 0, &number));
	assert_int_equal(number, 1);
	assert_int_equal(answer(&f, 1, 6, 0), COAP_BLOCKFETCH_CHANGED);
}

static void smaller_blocks_cut_the_bitmap_finer(void **state)
{
	struct coap_blockfetch f;
	uint32_t number;
	struct coap_block block = {8, true, 4};
	(void)state;
	memset(bitmap, 0, sizeof bitmap);
	bitmap[0] = 0x0b; /* blocks 0, 1 and 3 of 1024 bytes */
	coap_blockfetch_init(&f, &(struct coap_blockfetch_config){.bitmap = bitmap,
					 .bitmap_blocks = BITS,
					 .szx = 6,
					 .window_max = 64,
					 .ack_timeout = SECONDS(2)});
	assert_true(coap_blockfetch_next(&f, 0, &number));
	assert_int_equal(number, 2);
	assert_int_equal(
		coap_blockfetch_received(&f, 2, &block, 256, BYTES_NONE, 5 * 1024, 0, 0), COAP_BLOCKFETCH_STORE);
	coap_blockfetch_stored(&f, 8);
	assert_int_equal(bitmap[0], 0xff);
	assert_int_equal(bitmap[1], 0xf1);
	assert_int_equal(bitmap[2], 0);
	assert_int_equal(coap_blockfetch_progress(&f), 13 * 256);
	assert_true(coap_blockfetch_next(&f, 0, &number));
	assert_int_equal(number, 9);
}

static void without_a_size_the_end_is_found(void **state)
{
	struct coap_blockfetch f;
	uint32_t number;
	(void)state;
	begin(&f, 0, BITS);
	assert_true(coap_blockfetch_next(&f, 0, &number));
	struct coap_block block = {0, true, 0};
	assert_int_equal(coap_blockfetch_received(&f, 0, &block, 16, BYTES_NONE, 0, 0, 0), COAP_BLOCKFETCH_STORE);
	coap_blockfetch_stored(&f, 0);
	for (int i = 1; i <= 4; i++)
		assert_true(coap_blockfetch_next(&f, 0, &number));
	coap_blockfetch_refused(&f, 4); /* behind the end */
	coap_blockfetch_refused(&f, 3);
	block = (struct coap_block){2, false, 0};
	assert_int_equal(coap_blockfetch_received(&f, 2, &block, 7, BYTES_NONE, 0, 0, 0), COAP_BLOCKFETCH_STORE);
	coap_blockfetch_stored(&f, 2);
	assert_false(coap_blockfetch_is_complete(&f));
	block = (struct coap_block){1, true, 0};
	assert_int_equal(coap_blockfetch_received(&f, 1, &block, 16, BYTES_NONE, 0, 0, 0), COAP_BLOCKFETCH_STORE);
	coap_blockfetch_stored(&f, 1);
	assert_true(coap_blockfetch_is_complete(&f));
	assert_int_equal(coap_blockfetch_progress(&f), 39);
}

static void a_body_whose_blocks_all_promise_more_and_end_is_a_failure(void **state)
{
	struct coap_blockfetch f;
	uint32_t number;
	struct coap_block block = {0, true, 0};
	(void)state;
	begin(&f, 0, BITS);
	assert_true(coap_blockfetch_next(&f, 0, &number));
	(void)coap_blockfetch_received(&f, 0, &block, 16, BYTES_NONE, 0, 0, 0);
	coap_blockfetch_stored(&f, 0);
	assert_true(coap_blockfetch_next(&f, 0, &number));
	coap_blockfetch_refused(&f, 1);
	assert_true(coap_blockfetch_is_failed(&f));
}

/* RFC 6298 section 2; below ACK_TIMEOUT only when measured. */
static void the_timeout_follows_the_round_trip_and_backs_off(void **state)
{
	struct coap_blockfetch f;
	uint32_t number;
	(void)state;
	begin(&f, 0, BITS);
	assert_int_equal(coap_blockfetch_timeout(&f), 2000);
	assert_true(coap_blockfetch_next(&f, 0, &number));
	coap_blockfetch_lost(&f, 0, 2000);
	assert_int_equal(coap_blockfetch_timeout(&f), 4000);
	assert_true(coap_blockfetch_next(&f, 2000, &number));
	assert_int_equal(number, 0);
	answer(&f, 0, 1000, 1000);
	assert_int_equal(coap_blockfetch_timeout(&f), 3000); /* R + 4 * R/2 */
	for (int i = 0; i < 40; i++) {
		assert_true(coap_blockfetch_next(&f, 3000, &number));
		answer(&f, number, 1000, 30);
	}
	assert_in_range(coap_blockfetch_timeout(&f), COAP_BLOCKFETCH_TIMEOUT_MIN, 300);
}

/* ---- with real endpoints over the virtual link ---- */

#define BODY_BYTES (2048 * 1024 + 333)

struct stage {
	struct world world;
	struct peer client, server;
	struct coap_blockfetch fetch;
	uint32_t asked[COAP_BLOCKFETCH_WINDOW_MAX];
	bool used[COAP_BLOCKFETCH_WINDOW_MAX];
	uint8_t *body;
	uint64_t requests;
	int idle_slots;
};

struct slot {
	struct stage *stage;
	unsigned index;
};

static struct slot slots[COAP_BLOCKFETCH_WINDOW_MAX];

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 13 + i / 1000);
}

static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)now;
	uint8_t *slice = arena_take(request->scratch, request->slice_size);
	size_t len = 0;
	for (uint64_t i = request->slice_offset; i < BODY_BYTES && len < request->slice_size; i++)
		slice[len++] = byte_at(i);
	ret->code = COAP_CONTENT;
	ret->is_slice = true;
	ret->body_size = BODY_BYTES;
	ret->payload = bytes_of(slice, len);
	return COAP_ANSWER_NOW;
}

static const struct coap_resource resources[] = {{.path = "large", .handle = handle}};

static void ask(struct stage *s, msec now);

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct slot *slot = context;
	struct stage *s = slot->stage;
	uint32_t value, size = 0, asked = s->asked[slot->index];
	struct coap_block block = {0, false, s->fetch.szx};
	(void)endpoint;
	s->used[slot->index] = false;
	if (reply->outcome == COAP_OUTCOME_RESPONSE) {
		(void)coap_message_uint(reply->message, COAP_OPTION_SIZE2, &size);
		if (coap_message_uint(reply->message, COAP_OPTION_BLOCK2, &value))
			assert_true(coap_block_parse(value, &block));
		if (coap_blockfetch_received(&s->fetch, asked, &block, reply->body.len, BYTES_NONE, size,
			    (msec)reply->round_trip_ms, now) == COAP_BLOCKFETCH_STORE) {
			memcpy(s->body + coap_blockfetch_offset(&s->fetch, block.number), reply->body.data,
				reply->body.len);
			coap_blockfetch_stored(&s->fetch, block.number);
		}
	} else {
		coap_blockfetch_lost(&s->fetch, asked, now);
	}
	ask(s, now);
}

static void ask(struct stage *s, msec now)
{
	uint32_t number;
	while (coap_blockfetch_next(&s->fetch, now, &number)) {
		struct coap_options options;
		struct handle h;
		unsigned i = 0;
		while (s->used[i])
			i++;
		coap_options_clear(&options);
		coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("large"));
		coap_options_add_uint(&options, COAP_OPTION_BLOCK2, coap_blockfetch_option(&s->fetch, number));
		slots[i] = (struct slot){s, i};
		struct coap_call call = {.to = peer_remote(&s->server),
			.method = COAP_GET,
			.options = &options,
			.is_block = true,
			.ack_timeout = coap_blockfetch_timeout(&s->fetch),
			.max_retransmit = COAP_SEND_ONCE,
			.reply = on_reply,
			.context = &slots[i]};
		s->used[i] = true;
		s->asked[i] = number;
		s->requests++;
		assert_true(coap_endpoint_request(s->client.endpoint, &call, now, &h));
	}
}

static bool is_over(void *context)
{
	struct stage *s = context;
	return coap_blockfetch_is_complete(&s->fetch) || coap_blockfetch_is_failed(&s->fetch);
}

/* How long a whole download takes; 0 when it does not end. */
static msec download(const struct link_quality *quality, uint64_t seed, uint64_t *ret_requests)
{
	static struct stage s;
	struct coap_endpoint_config config = peer_config(resources, 1);
	s = (struct stage){.body = calloc(1, BODY_BYTES + 1024)};
	world_init(&s.world, seed);
	s.world.link.quality = *quality;
	peer_join(&s.client, &s.world, 1, &config);
	peer_join(&s.server, &s.world, 2, &config);
	memset(bitmap, 0, sizeof bitmap);
	coap_blockfetch_init(&s.fetch, &(struct coap_blockfetch_config){.bitmap = bitmap,
					       .bitmap_blocks = BITS,
					       .szx = 6,
					       .window_max = 128,
					       .ack_timeout = SECONDS(2)});
	msec begun = s.world.now;
	ask(&s, s.world.now);
	bool ended = world_run_until(&s.world, SECONDS(3600), is_over, &s);
	msec took = s.world.now - begun;
	assert_true(ended && coap_blockfetch_is_complete(&s.fetch));
	for (uint64_t i = 0; i < BODY_BYTES; i++)
		assert_int_equal(s.body[i], byte_at(i));
	*ret_requests = s.requests;
	peer_leave(&s.client);
	peer_leave(&s.server);
	world_done(&s.world);
	free(s.body);
	return took;
}

/* Lock-step would take 2049 round trips: 102 s at 50 ms. */
static void a_download_is_many_times_faster_than_lock_step_with_and_without_loss(void **state)
{
	static const struct {
		uint32_t loss_permille;
		msec limit;
	} cases[] = {{0, 2000}, {10, 2500}, {20, 3000}, {50, 6000}};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (uint64_t seed = 1; seed <= 5; seed++) {
			struct link_quality quality = {.delay = 25, .loss_permille = cases[i].loss_permille};
			uint64_t requests;
			msec took = download(&quality, seed, &requests);
			if (took > cases[i].limit)
				fail_msg("%u permille, seed %u: %d ms", cases[i].loss_permille, (unsigned)seed,
					(int)took);
		}
	}
}

/* A path of 100 KiB a second carries the body in 21 s at best; who floods its queue loses much and asks twice. */
static void a_slow_path_is_filled_but_not_flooded(void **state)
{
	struct link_quality quality = {.delay = 25, .bytes_per_second = 102400, .queue_limit = 200};
	uint64_t requests;
	(void)state;
	msec took = download(&quality, 1, &requests);
	assert_in_range(took, 20000, 30000);
	assert_in_range(requests, 2049, 2049 * 115 / 100);
}

static void jitter_and_repetition_do_no_harm(void **state)
{
	struct link_quality quality = {
		.delay = 25, .jitter = 30, .loss_permille = 20, .repeat_permille = 100, .repeat_delay = 500};
	uint64_t requests;
	(void)state;
	assert_in_range(download(&quality, 1, &requests), 500, 8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_one_block_is_asked_for_until_the_first_response),
		cmocka_unit_test(blocks_may_come_in_any_order_and_twice),
		cmocka_unit_test(what_the_first_response_teaches),
		cmocka_unit_test(another_etag_means_another_file),
		cmocka_unit_test(an_earlier_run_is_resumed_where_it_has_gaps),
		cmocka_unit_test(an_earlier_run_of_another_file_is_found_out),
		cmocka_unit_test(smaller_blocks_cut_the_bitmap_finer),
		cmocka_unit_test(without_a_size_the_end_is_found),
		cmocka_unit_test(a_body_whose_blocks_all_promise_more_and_end_is_a_failure),
		cmocka_unit_test(the_timeout_follows_the_round_trip_and_backs_off),
		cmocka_unit_test(a_download_is_many_times_faster_than_lock_step_with_and_without_loss),
		cmocka_unit_test(a_slow_path_is_filled_but_not_flooded),
		cmocka_unit_test(jitter_and_repetition_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
