/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Observation between two real endpoints (RFC 7641). */
#include "coap/endpoint_state.h"
#include "tests/sim/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct stage {
	struct world world;
	struct peer client, server;
	int state;              /* what /state shows */
	size_t padding;         /* makes its representation so much longer */
	bool is_gone;           /* the resource has been deleted */
	uint16_t format;        /* of its representation */
	struct handle observer; /* the latest that registered */
	int forgotten, unreachable;
	int outcomes[COAP_OUTCOME_BROKEN + 1];
	int seen, times; /* the latest state told to the client, and how many were told */
	bool went_back;  /* an older state was told after a newer one */
	size_t body_len;
	enum coap_code code;
	bool is_fetch;     /* told only of FETCH with the right body */
	bool renews;       /* the client registers again when it hears nothing */
	bool loses_server; /* nothing from the server arrives */
	int notifications_in_flight, most_in_flight;
};

static enum coap_answer handle_state(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	if (request->message->code == COAP_PUT) {
		s->state++;
		coap_endpoint_resource_changed(endpoint, &endpoint->config.resources[0], now);
		ret->code = COAP_CHANGED;
		return COAP_ANSWER_NOW;
	}
	if (s->is_gone) {
		ret->code = COAP_NOT_FOUND;
		return COAP_ANSWER_NOW;
	}
	s->is_fetch = request->message->code == COAP_FETCH && bytes_equal_text(request->body, "which");
	if (!handle_is_none(request->observer))
		s->observer = request->observer;
	struct writer w = arena_writer(request->scratch);
	write_u32(&w, (uint32_t)s->state);
	for (size_t i = 0; i < s->padding; i++)
		write_u8(&w, (uint8_t)s->state);
	arena_keep(request->scratch, &w);
	ret->code = COAP_CONTENT;
	ret->content_format = s->format;
	ret->payload = writer_bytes(&w);
	return COAP_ANSWER_NOW;
}

static void forget(void *context, struct handle observer)
{
	struct stage *s = context;
	s->forgotten += handle_equal(observer, s->observer);
}

static void unreachable(void *context, struct handle observer, msec now)
{
	struct stage *s = context;
	(void)now;
	s->unreachable += handle_equal(observer, s->observer);
}

static struct coap_resource resources[] = {
	{.path = "state", .handle = handle_state, .is_observable = true, .forget = forget, .unreachable = unreachable},
	{.path = "plain", .handle = handle_state},
};

static bool filter(void *context, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now)
{
	struct stage *s = context;
	(void)to, (void)number, (void)now, (void)datagram;
	return !(s->loses_server && address_equal(from, &s->server.node.address));
}

static void raise_stage(struct stage *s, uint32_t observers)
{
	struct coap_endpoint_config config = peer_config(resources, 2);
	memset(s, 0, sizeof *s);
	config.capacities.observers = observers;
	world_init(&s->world, 11);
	s->world.link.quality.delay = 10;
	s->world.link.filter = filter;
	s->world.link.filter_context = s;
	resources[0].context = resources[1].context = s;
	peer_join(&s->client, &s->world, 1, &config);
	peer_join(&s->server, &s->world, 2, &config);
}

static void strike_stage(struct stage *s)
{
	peer_leave(&s->client);
	peer_leave(&s->server);
	world_done(&s->world);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->outcomes[reply->outcome]++;
	s->code = reply->code;
	s->body_len = reply->body.len;
	if (reply->body.len < 4 || !coap_code_is_success(reply->code))
		return;
	struct reader r = reader_of(reply->body);
	int state = (int)read_u32(&r);
	for (size_t i = 4; i < reply->body.len; i++)
		assert_int_equal(reply->body.data[i], (uint8_t)state); /* never a mixture of two states */
	s->went_back = s->went_back || state < s->seen;
	s->seen = state;
	s->times++;
}

static struct handle watch_with(struct stage *s, enum coap_code method, const char *path, struct bytes body)
{
	struct coap_options options;
	struct handle h;
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	struct coap_call call = {.to = peer_remote(&s->server),
		.method = method,
		.options = &options,
		.body = body,
		.observe = true,
		.renews = s->renews,
		.reply = on_reply,
		.context = s};
	assert_true(coap_endpoint_request(s->client.endpoint, &call, s->world.now, &h));
	world_run(&s->world, 100);
	return h;
}

static struct handle watch(struct stage *s)
{
	return watch_with(s, COAP_GET, "state", BYTES_NONE);
}

static void change(struct stage *s, bool confirmable, msec span)
{
	s->state++;
	coap_endpoint_changed(s->server.endpoint, s->observer, confirmable, s->world.now);
	world_run(&s->world, span);
}

static bool has_observer(const struct stage *s)
{
	return s->server.endpoint->observers.slab.used > 0;
}

static void each_change_is_told(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	watch(&s);
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 1);
	assert_true(coap_endpoint_is_idle(s.client.endpoint));
	for (int i = 1; i <= 20; i++) {
		change(&s, i % 2 == 0, 100);
		assert_int_equal(s.seen, i <= 16 ? i : s.seen);
	}
	world_run(&s.world, SECONDS(60));
	assert_int_equal(s.seen, 20);
	assert_false(s.went_back);
	strike_stage(&s);
}

static void a_fetch_is_observed_with_its_body(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	watch_with(&s, COAP_FETCH, "state", bytes_of("which", 5));
	s.is_fetch = false;
	change(&s, false, 100);
	assert_true(s.is_fetch);
	assert_int_equal(s.seen, 1);
	strike_stage(&s);
}

/* docs/decisions.md: what is kept of an observer's request is one message. */
static void a_fetch_whose_body_comes_in_blocks_is_answered_and_not_observed(void **state)
{
	static const uint8_t body[3000];
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	watch_with(&s, COAP_FETCH, "state", bytes_of(body, sizeof body));
	world_run(&s.world, SECONDS(5));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.code, COAP_CONTENT);
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 0);
	assert_false(has_observer(&s));
	strike_stage(&s);
}

static void what_is_not_observable_is_answered_plainly(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	watch_with(&s, COAP_GET, "plain", BYTES_NONE);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_false(has_observer(&s));
	strike_stage(&s);
}

static void without_room_for_an_observer_the_answer_is_plain(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 1);
	watch(&s);
	watch(&s);
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 1);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(coap_endpoint_counters(s.server.endpoint)->refused_full, 1);
	strike_stage(&s);
}

static void a_change_made_by_a_request_is_told_to_all_observers(void **state)
{
	struct stage s;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s, 8);
	for (int i = 0; i < 3; i++)
		watch(&s);
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("state"));
	struct coap_call call = {.to = peer_remote(&s.server),
		.method = COAP_PUT,
		.options = &options,
		.reply = on_reply,
		.context = &s};
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	world_run(&s.world, 100);
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 6);
	assert_int_equal(s.seen, 1);
	strike_stage(&s);
}

static void an_observation_cancelled_by_the_client_ends_at_the_server(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	struct handle h = watch(&s);
	coap_endpoint_cancel(s.client.endpoint, h, s.world.now);
	world_run(&s.world, 100);
	assert_false(has_observer(&s));
	assert_int_equal(s.unreachable, 0);
	assert_int_equal(s.forgotten, 1);
	change(&s, true, 1000);
	assert_int_equal(s.times, 1);
	assert_true(coap_endpoint_is_idle(s.client.endpoint) && coap_endpoint_is_idle(s.server.endpoint));
	strike_stage(&s);
}

static void a_client_that_has_forgotten_rejects_and_is_forgotten(void **state)
{
	struct stage s;
	(void)state;
	for (int confirmable = 0; confirmable < 2; confirmable++) {
		raise_stage(&s, 4);
		struct coap_endpoint_config config = peer_config(resources, 2);
		watch(&s);
		peer_leave(&s.client); /* it restarts, with empty tables */
		s.world.node_count = 1;
		s.world.nodes[0] = &s.server.node;
		peer_join(&s.client, &s.world, 1, &config);
		change(&s, confirmable == 1, 100);
		if (confirmable == 1)
			assert_false(has_observer(&s));
		else /* a NON response for nobody is ignored; the next confirmable one settles it */
			change(&s, true, 100);
		assert_false(has_observer(&s));
		assert_int_equal(s.times, 1);
		strike_stage(&s);
	}
}

/* coap/calls.h: between notifications it costs the client thirty-two bytes, whatever the last one was like. */
static void an_observation_that_waits_is_folded_and_goes_on_from_there(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	s.renews = true;
	struct handle h = watch(&s);
	for (int i = 1; i <= 6; i++) {
		assert_int_equal(s.client.endpoint->calls.places.used, 0);
		s.padding = i % 2 == 0 ? 3000 : 0; /* comes in blocks */
		change(&s, i % 3 == 0, SECONDS(2));
		assert_int_equal(s.seen, i);
	}
	s.padding = 0;
	s.loses_server = true;
	change(&s, false, SECONDS(1));
	assert_int_equal(s.seen, 6);
	s.loses_server = false;
	world_run(&s.world, SECONDS(100)); /* it registers again when Max-Age has passed */
	assert_int_equal(s.seen, 7);
	assert_int_equal(s.client.endpoint->calls.places.used, 0);
	coap_endpoint_cancel(s.client.endpoint, h, s.world.now);
	world_run(&s.world, 100);
	assert_false(has_observer(&s));
	assert_int_equal(s.client.endpoint->exchanges.slab.used, 0);
	assert_int_equal(s.client.endpoint->calls.places.used, 0);
	strike_stage(&s);
}

static void an_observation_goes_on_in_another_process_of_the_client(void **state)
{
	struct stage s;
	struct coap_observation observation;
	struct coap_options options;
	struct handle resumed;
	(void)state;
	raise_stage(&s, 4);
	struct coap_endpoint_config config = peer_config(resources, 2);
	struct handle h = watch(&s);
	change(&s, false, 100);
	assert_true(coap_endpoint_observation(s.client.endpoint, h, &observation));
	peer_leave(&s.client);
	s.world.node_count = 1;
	s.world.nodes[0] = &s.server.node;
	peer_join(&s.client, &s.world, 1, &config);
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("state"));
	struct coap_call call = {.to = peer_remote(&s.server),
		.method = COAP_GET,
		.options = &options,
		.observe = true,
		.reply = on_reply,
		.context = &s};
	uint64_t before = s.world.link.sent;
	assert_true(coap_endpoint_resume(s.client.endpoint, &call, &observation, s.world.now, &resumed));
	assert_true(coap_endpoint_is_idle(s.client.endpoint));
	assert_int_equal(s.client.endpoint->calls.places.used, 0);
	world_run(&s.world, 1000);
	assert_int_equal(s.world.link.sent, before);
	change(&s, true, 100);
	assert_int_equal(s.times, 3);
	assert_int_equal(s.seen, 2);
	assert_true(has_observer(&s));
	coap_endpoint_cancel(s.client.endpoint, resumed, s.world.now);
	world_run(&s.world, 100);
	assert_false(has_observer(&s));
	assert_false(coap_endpoint_observation(s.client.endpoint, resumed, &observation));
	strike_stage(&s);
}

static void a_reset_for_a_nonconfirmable_notification_ends_the_registration(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	watch(&s);
	change(&s, false, 100);
	const struct coap_observer *observer = coap_observer_get(&s.server.endpoint->observers, s.observer);
	assert_non_null(observer);
	uint8_t rst[4] = {0x70, 0, (uint8_t)(observer->last_id >> 8), (uint8_t)observer->last_id};
	struct coap_remote client = peer_remote(&s.client);
	coap_endpoint_receive(s.server.endpoint, &client, bytes_of(rst, 4), s.world.now);
	assert_false(has_observer(&s));
	strike_stage(&s);
}

static void an_observer_who_never_answers_is_forgotten_after_the_last_timeout(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	watch(&s);
	world_leave(&s.world, &s.client.node);
	change(&s, true, SECONDS(94));
	assert_false(has_observer(&s));
	assert_int_equal(s.unreachable, 1);
	assert_int_equal(s.forgotten, 1);
	assert_true(coap_endpoint_is_idle(s.server.endpoint));
	strike_stage(&s);
}

static void only_one_confirmable_notification_is_in_flight_and_its_repetition_tells_the_latest_state(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	watch(&s);
	s.loses_server = true;
	uint64_t before = s.world.link.sent;
	change(&s, true, 100);
	for (int i = 0; i < 5; i++)
		change(&s, true, 100);
	assert_int_equal(s.world.link.sent - before, 1);
	s.loses_server = false;
	world_run(&s.world, SECONDS(4));
	assert_int_equal(s.world.link.sent - before, 3); /* the repetition and its ACK */
	assert_int_equal(s.seen, 6);
	assert_int_equal(s.times, 2);
	strike_stage(&s);
}

/* Its client has been away: behind a NAT that forgot it, or out of reach. What it asks now is answered with the latest
 * state, so the notification that still tries to reach it holds nothing back any more. */
static void a_client_that_registers_again_is_told_of_changes_at_once(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	struct handle h = watch(&s);
	s.loses_server = true;
	change(&s, true, SECONDS(8));
	s.loses_server = false;
	coap_endpoint_observe_again(s.client.endpoint, h, s.world.now);
	world_run(&s.world, 100);
	assert_int_equal(s.seen, 1);
	change(&s, true, 100);
	assert_int_equal(s.seen, 2);
	world_run(&s.world, SECONDS(120));
	assert_true(has_observer(&s));
	assert_false(s.went_back);
	strike_stage(&s);
}

static void nonconfirmable_notifications_leave_in_a_burst_and_then_one_in_three_seconds(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	watch(&s);
	for (int i = 0; i < 600; i++)
		change(&s, false, 100);
	assert_in_range(s.times, 25, 30); /* 1 + 8 + 60 / 3 */
	world_run(&s.world, SECONDS(4));
	assert_int_equal(s.seen, 600);
	strike_stage(&s);
}

/* RFC 7641 sections 3.4 and 4.4: the 24 bits are the clock in milliseconds, so they begin anew every four and a half
 * hours. Here that happens between two notifications a second apart. */
static void nothing_is_lost_when_the_sequence_begins_anew(void **state)
{
	struct stage s;
	uint32_t before, after;
	(void)state;
	raise_stage(&s, 4);
	world_run(&s.world, (1 << 24) - s.world.now % (1 << 24) - SECONDS(5));
	watch(&s);
	for (int i = 1; i <= 4; i++)
		change(&s, true, SECONDS(1));
	before = coap_observer_get(&s.server.endpoint->observers, s.observer)->sequence;
	for (int i = 5; i <= 10; i++) {
		change(&s, true, SECONDS(1));
		assert_int_equal(s.seen, i);
	}
	after = coap_observer_get(&s.server.endpoint->observers, s.observer)->sequence;
	assert_true(before > 1 << 23 && after < 1 << 23);
	assert_false(s.went_back);
	assert_int_equal(s.times, 11);
	strike_stage(&s);
}

static void once_a_day_a_notification_is_confirmable(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	watch(&s);
	for (int i = 0; i < 23; i++)
		change(&s, false, SECONDS(3600));
	uint64_t before = s.world.link.sent;
	change(&s, false, SECONDS(3600));
	assert_int_equal(s.world.link.sent - before, 1);
	change(&s, false, SECONDS(3600));
	assert_int_equal(s.world.link.sent - before, 3); /* this one is acknowledged */
	strike_stage(&s);
}

/* RFC 7641 section 3.3.1: Max-Age, here 60 seconds, and 5 to 15 more. */
static void a_client_that_hears_nothing_registers_again(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	s.renews = true;
	watch(&s);
	coap_endpoint_forget_observer(s.server.endpoint, s.observer);
	world_run(&s.world, SECONDS(64));
	assert_false(has_observer(&s));
	world_run(&s.world, SECONDS(12));
	assert_true(has_observer(&s));
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 2);
	change(&s, false, 100);
	assert_int_equal(s.seen, s.state);
	strike_stage(&s);
}

static void notifications_put_the_next_registration_off(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	s.renews = true;
	watch(&s);
	uint64_t before = s.client.endpoint->counters.sent;
	for (int i = 0; i < 10; i++)
		change(&s, false, SECONDS(30));
	assert_int_equal(s.client.endpoint->counters.sent, before);
	strike_stage(&s);
}

static void a_registration_in_vain_ends_the_observation(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	s.renews = true;
	watch(&s);
	s.loses_server = true;
	world_run(&s.world, SECONDS(60 + 15 + 100));
	assert_int_equal(s.outcomes[COAP_OUTCOME_TIMEOUT], 1);
	assert_int_equal(s.client.endpoint->exchanges.slab.used, 0);
	strike_stage(&s);
}

static void without_renewal_a_silent_observation_just_waits(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	struct handle h = watch(&s);
	uint64_t before = s.world.link.sent;
	world_run(&s.world, SECONDS(1000));
	assert_int_equal(s.world.link.sent, before);
	coap_endpoint_observe_again(s.client.endpoint, h, s.world.now);
	world_run(&s.world, 100);
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 2);
	assert_int_equal(s.world.link.sent, before + 2);
	strike_stage(&s);
}

static void a_deleted_resource_is_the_last_word(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	watch(&s);
	s.is_gone = true;
	change(&s, false, 100);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.code, COAP_NOT_FOUND);
	assert_false(has_observer(&s));
	world_run(&s.world, SECONDS(100));
	assert_true(coap_endpoint_is_idle(s.server.endpoint) && coap_endpoint_is_idle(s.client.endpoint));
	strike_stage(&s);
}

/* RFC 7641 section 4.2: notifications have the format of the first response, or end with 4.06. */
static void a_resource_that_changes_its_format_ends_the_observation(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	watch(&s);
	s.format = 50;
	change(&s, false, 100);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.code, COAP_NOT_ACCEPTABLE);
	assert_false(has_observer(&s));
	strike_stage(&s);
}

static void a_long_notification_is_told_whole(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	s.padding = 20000;
	watch(&s);
	assert_int_equal(s.times, 0); /* the rest is still on its way */
	world_run(&s.world, 1000);
	assert_int_equal(s.times, 1);
	for (int i = 1; i <= 6; i++) {
		s.padding = i % 2 ? 10 : 3000; /* sometimes in blocks, sometimes not */
		change(&s, true, 1000);
		assert_int_equal(s.seen, i);
		assert_int_equal(s.body_len, 4 + s.padding);
	}
	assert_int_equal(coap_bodies_count(&s.client.endpoint->bodies), 0);
	strike_stage(&s);
}

static void a_state_that_changes_while_it_is_fetched_is_told_when_it_rests(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	s.padding = 5000;
	watch(&s);
	for (int i = 0; i < 30; i++)
		change(&s, true, 35);
	world_run(&s.world, SECONDS(10));
	assert_int_equal(s.seen, 30);
	assert_false(s.went_back);
	assert_int_equal(coap_bodies_count(&s.client.endpoint->bodies), 0);
	assert_true(coap_endpoint_is_idle(s.client.endpoint));
	strike_stage(&s);
}

static void over_a_bad_link_the_client_comes_to_know_the_last_state_and_never_goes_back(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct stage s;
		raise_stage(&s, 4);
		watch(&s);
		assert_true(has_observer(&s));
		link_done(&s.world.link);
		link_init(&s.world.link, seed);
		s.world.link.quality = (struct link_quality){.delay = 10,
			.jitter = 1500,
			.loss_permille = 200,
			.repeat_permille = 200,
			.repeat_delay = 1500};
		for (int i = 0; i < 60; i++)
			change(&s, true, prng_below(&s.world.prng, 3000));
		world_run(&s.world, SECONDS(300));
		if (has_observer(&s))
			assert_int_equal(s.seen, 60);
		assert_false(s.went_back);
		strike_stage(&s);
	}
}

static void a_lost_association_forgets_its_observers(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4);
	watch(&s);
	world_leave(&s.world, &s.client.node);
	change(&s, true, 100);
	struct coap_remote client = peer_remote(&s.client), server = peer_remote(&s.server);
	coap_endpoint_lost(s.server.endpoint, &client, s.world.now);
	assert_false(has_observer(&s));
	assert_int_equal(s.forgotten, 1);
	assert_true(coap_endpoint_is_idle(s.server.endpoint));
	coap_endpoint_lost(s.client.endpoint, &server, s.world.now);
	assert_int_equal(s.outcomes[COAP_OUTCOME_LOST], 1);
	strike_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_is_told),
		cmocka_unit_test(a_fetch_is_observed_with_its_body),
		cmocka_unit_test(a_fetch_whose_body_comes_in_blocks_is_answered_and_not_observed),
		cmocka_unit_test(what_is_not_observable_is_answered_plainly),
		cmocka_unit_test(without_room_for_an_observer_the_answer_is_plain),
		cmocka_unit_test(a_change_made_by_a_request_is_told_to_all_observers),
		cmocka_unit_test(an_observation_cancelled_by_the_client_ends_at_the_server),
		cmocka_unit_test(a_client_that_has_forgotten_rejects_and_is_forgotten),
		cmocka_unit_test(an_observation_that_waits_is_folded_and_goes_on_from_there),
		cmocka_unit_test(an_observation_goes_on_in_another_process_of_the_client),
		cmocka_unit_test(a_reset_for_a_nonconfirmable_notification_ends_the_registration),
		cmocka_unit_test(an_observer_who_never_answers_is_forgotten_after_the_last_timeout),
		cmocka_unit_test(
			only_one_confirmable_notification_is_in_flight_and_its_repetition_tells_the_latest_state),
		cmocka_unit_test(a_client_that_registers_again_is_told_of_changes_at_once),
		cmocka_unit_test(nonconfirmable_notifications_leave_in_a_burst_and_then_one_in_three_seconds),
		cmocka_unit_test(nothing_is_lost_when_the_sequence_begins_anew),
		cmocka_unit_test(once_a_day_a_notification_is_confirmable),
		cmocka_unit_test(a_client_that_hears_nothing_registers_again),
		cmocka_unit_test(notifications_put_the_next_registration_off),
		cmocka_unit_test(a_registration_in_vain_ends_the_observation),
		cmocka_unit_test(without_renewal_a_silent_observation_just_waits),
		cmocka_unit_test(a_deleted_resource_is_the_last_word),
		cmocka_unit_test(a_resource_that_changes_its_format_ends_the_observation),
		cmocka_unit_test(a_long_notification_is_told_whole),
		cmocka_unit_test(a_state_that_changes_while_it_is_fetched_is_told_when_it_rests),
		cmocka_unit_test(over_a_bad_link_the_client_comes_to_know_the_last_state_and_never_goes_back),
		cmocka_unit_test(a_lost_association_forgets_its_observers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
