/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sessions that move by their connection ID: what goes to an address that nobody has proved, and that nothing is lost
 * by it (RFC 9146 section 6, RFC 9175 section 2.4). Real DTLS on both sides. */
#include "coap/content_format.h"
#include "tests/sim/peer.h"
#include "tests/sim/secure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LARGE_BYTES 900
#define HUGE_BYTES  100000

enum { SMALL, LARGE, HUGE_ONE, UP, RESOURCES };

struct stage;

struct shelf {
	struct stage *stage;
	size_t size; /* of what a GET gives */
};

struct stage {
	struct world world;
	struct secure_peer client, server;
	struct shelf shelves[RESOURCES];
	uint8_t text[HUGE_BYTES], body[HUGE_BYTES];
	size_t body_len;
	unsigned executed, responses, notifications, failures;
	enum coap_code code;
	size_t uploaded;
	/* what the link saw go to `watched` */
	struct address watched;
	uint64_t bytes_there, datagrams_there;
	bool holds_back; /* the client's next datagram is kept and lost */
	struct address held_from;
	size_t held_len;
	uint8_t held[SECURE_DATAGRAM_MAX_BYTES];
};

/* ---- the server ---- */

static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	const struct shelf *shelf = context;
	struct stage *s = shelf->stage;
	(void)endpoint, (void)now;
	s->executed += !coap_code_is_safe(request->message->code);
	s->uploaded += request->body.len;
	ret->code = coap_code_is_safe(request->message->code) ? COAP_CONTENT : COAP_CHANGED;
	ret->content_format = COAP_FORMAT_TEXT;
	ret->payload = bytes_of(s->text, shelf->size);
	return COAP_ANSWER_NOW;
}

static struct coap_resource resources[] = {
	{.path = "small", .handle = handle},
	{.path = "large", .is_observable = true, .handle = handle},
	{.path = "huge", .handle = handle},
	{.path = "up", .handle = handle},
};

/* ---- the link ---- */

static bool see(void *context, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now)
{
	struct stage *s = context;
	(void)number, (void)now;
	if (address_equal(to, &s->watched)) {
		s->bytes_there += datagram.len;
		s->datagrams_there++;
	}
	if (!s->holds_back || !address_equal(from, &s->client.node.address))
		return true;
	s->holds_back = false;
	s->held_from = *from;
	s->held_len = datagram.len;
	memcpy(s->held, datagram.data, datagram.len);
	return false;
}

static void run(struct stage *s, msec span)
{
	world_run(&s->world, span);
}

static void raise_stage(struct stage *s, struct secure_settings server, uint32_t loss_permille)
{
	static const size_t sizes[RESOURCES] = {[SMALL] = 4, [LARGE] = LARGE_BYTES, [HUGE_ONE] = HUGE_BYTES};
	memset(s, 0, sizeof *s);
	world_init(&s->world, 7);
	s->world.link.quality.delay = 20;
	s->world.link.filter = see;
	s->world.link.filter_context = s;
	for (size_t i = 0; i < sizeof s->text; i++)
		s->text[i] = (uint8_t)('a' + i % 23);
	for (size_t i = 0; i < RESOURCES; i++) {
		s->shelves[i] = (struct shelf){s, sizes[i]};
		resources[i].context = &s->shelves[i];
	}
	struct coap_endpoint_config config = peer_config(resources, RESOURCES);
	config.parameters.amplification_max = 3;
	config.parameters.body_size_max = HUGE_BYTES;
	config.capacities.qblocks = 4;
	server.is_server = true;
	secure_peer_join(&s->server, &s->world, 1, &server, &config);
	secure_peer_join(&s->client, &s->world, 2, &(struct secure_settings){0}, &config);
	secure_peer_connect(&s->client, &s->server);
	run(s, SECONDS(1));
	assert_int_equal(s->client.established, 1);
	s->world.link.quality.loss_permille = loss_permille;
}

/* It was one handshake, whatever happened. */
static void strike_stage(struct stage *s)
{
	assert_int_equal(dtls_counters(s->server.end.dtls)->handshakes_started, 1);
	assert_int_equal(s->server.gone + s->client.gone, 0);
	secure_peer_leave(&s->client);
	secure_peer_leave(&s->server);
	world_done(&s->world);
}

static void move(struct stage *s)
{
	s->client.node.address.port++;
	s->watched = s->client.node.address;
	s->bytes_there = s->datagrams_there = 0;
}

/* ---- the client ---- */

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->responses += reply->outcome == COAP_OUTCOME_RESPONSE;
	s->notifications += reply->outcome == COAP_OUTCOME_NOTIFICATION;
	s->failures += reply->outcome != COAP_OUTCOME_RESPONSE && reply->outcome != COAP_OUTCOME_NOTIFICATION;
	s->code = reply->code;
	s->body_len = reply->body.len;
	if (reply->body.len > 0 && reply->body.len <= sizeof s->body)
		memcpy(s->body, reply->body.data, reply->body.len);
}

static struct coap_call call_for(struct stage *s, enum coap_code method, struct coap_options *options, size_t which)
{
	*options = (struct coap_options){0};
	coap_options_add_path(options, COAP_OPTION_URI_PATH, bytes_of_text(resources[which].path));
	return (struct coap_call){
		.to = s->client.other, .method = method, .options = options, .reply = on_reply, .context = s};
}

static void begin(struct stage *s, const struct coap_call *call)
{
	struct handle h;
	assert_true(coap_endpoint_request(s->client.endpoint, call, s->world.now, &h));
}

static void get(struct stage *s, size_t which)
{
	struct coap_options options;
	struct coap_call call = call_for(s, COAP_GET, &options, which);
	begin(s, &call);
}

static bool has_body(const struct stage *s, size_t len)
{
	return s->code == COAP_CONTENT && s->body_len == len && memcmp(s->body, s->text, len) == 0;
}

static const struct coap_endpoint_counters *counters(const struct stage *s)
{
	return coap_endpoint_counters(s->server.endpoint);
}

static const struct dtls_counters *dtls(const struct stage *s)
{
	return dtls_counters(s->server.end.dtls);
}

/* ---- an attacker ---- */

/* Somebody on the path keeps a request back and sends it on with his victim's address. */
static void forward_as(struct stage *s, const struct address *victim)
{
	struct datagram_port port =
		world_port(&(struct world_node){.address = *victim, .world = &s->world, .is_present = true});
	s->watched = *victim;
	s->bytes_there = s->datagrams_there = 0;
	assert_true(s->held_len > 0);
	port.send(port.context, &s->server.node.address, bytes_of(s->held, s->held_len));
}

static void a_victim_gets_no_more_than_three_times_what_was_sent_in_his_name(void **state)
{
	struct address victim = address_ipv4(203, 0, 113, 9, 9999);
	for (size_t which = 0; which < UP; which++) {
		static struct stage s;
		(void)state;
		raise_stage(&s, (struct secure_settings){0}, 0);
		s.holds_back = true;
		get(&s, which);
		run(&s, 100);
		forward_as(&s, &victim);
		world_leave(&s.world, &s.client.node); /* the device sleeps */
		for (int i = 0; i < 100; i++) {
			coap_endpoint_resource_changed(s.server.endpoint, &resources[LARGE], s.world.now);
			run(&s, SECONDS(5));
		}
		assert_int_equal(dtls(&s)->addresses_changed, 1);
		assert_int_equal(dtls(&s)->addresses_proved, 0);
		assert_true(s.datagrams_there > 0);
		assert_true(s.bytes_there <= 3 * s.held_len);
		world_join(&s.world, &s.client.node);
		run(&s, SECONDS(600));
		strike_stage(&s);
	}
}

static void the_true_device_gets_its_answer_in_spite_of_it(void **state)
{
	static struct stage s;
	struct address victim = address_ipv4(203, 0, 113, 9, 9999);
	(void)state;
	raise_stage(&s, (struct secure_settings){0}, 0);
	s.holds_back = true;
	get(&s, LARGE);
	run(&s, 100);
	forward_as(&s, &victim);
	run(&s, SECONDS(10));
	assert_int_equal(s.responses, 1);
	assert_true(has_body(&s, LARGE_BYTES));
	assert_true(s.bytes_there <= 3 * s.held_len);
	strike_stage(&s);
}

static void what_trusts_moves_sends_all_of_it(void **state)
{
	static struct stage s;
	struct address victim = address_ipv4(203, 0, 113, 9, 9999);
	(void)state;
	raise_stage(&s, (struct secure_settings){.trusts_moves = true}, 0);
	s.holds_back = true;
	get(&s, LARGE);
	run(&s, 100);
	forward_as(&s, &victim);
	run(&s, 100);
	assert_true(s.bytes_there > LARGE_BYTES);
	assert_int_equal(counters(&s)->path_pings, 0);
	run(&s, SECONDS(10));
	strike_stage(&s);
}

/* ---- a device behind a NAT ---- */

static void a_large_answer_waits_for_the_proof_and_comes_at_once(void **state)
{
	static struct stage s;
	(void)state;
	raise_stage(&s, (struct secure_settings){0}, 0);
	move(&s);
	get(&s, LARGE);
	run(&s, 100); /* two round trips, and nothing had to be repeated */
	assert_int_equal(s.responses, 1);
	assert_true(has_body(&s, LARGE_BYTES));
	assert_int_equal(counters(&s)->path_pings, 1);
	assert_int_equal(dtls(&s)->withheld, 1);
	assert_int_equal(dtls(&s)->addresses_proved, 1);
	get(&s, LARGE);
	run(&s, SECONDS(1));
	assert_int_equal(s.responses, 2);
	assert_int_equal(counters(&s)->path_pings, 1); /* once was enough */
	strike_stage(&s);
}

static void who_hears_nothing_large_is_not_asked(void **state)
{
	static struct stage s;
	(void)state;
	raise_stage(&s, (struct secure_settings){0}, 0);
	for (unsigned i = 1; i <= 10; i++) {
		move(&s);
		get(&s, SMALL);
		run(&s, SECONDS(1));
		assert_int_equal(s.responses, i);
		assert_int_equal(s.datagrams_there, 1);
	}
	assert_int_equal(counters(&s)->path_pings, 0);
	assert_int_equal(dtls(&s)->addresses_proved, 0);
	strike_stage(&s);
}

static void a_notification_waits_for_the_proof_and_none_is_lost(void **state)
{
	static struct stage s;
	struct coap_options options;
	(void)state;
	raise_stage(&s, (struct secure_settings){0}, 0);
	struct coap_call call = call_for(&s, COAP_GET, &options, LARGE);
	call.observe = true;
	begin(&s, &call);
	run(&s, SECONDS(1));
	assert_int_equal(s.notifications, 1);
	for (unsigned i = 1; i <= 5; i++) {
		move(&s);
		get(&s, SMALL);
		run(&s, SECONDS(1));
		coap_endpoint_resource_changed(s.server.endpoint, &resources[LARGE], s.world.now);
		run(&s, SECONDS(1));
		assert_int_equal(s.notifications, 1 + i);
		assert_true(has_body(&s, LARGE_BYTES));
		assert_int_equal(counters(&s)->path_pings, i);
	}
	strike_stage(&s);
}

static void a_request_of_the_servers_own_waits_too(void **state)
{
	static struct stage s;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s, (struct secure_settings){0}, 0);
	move(&s);
	get(&s, SMALL);
	run(&s, SECONDS(1));
	struct coap_call call = call_for(&s, COAP_PUT, &options, UP);
	call.to = s.server.other;
	call.body = bytes_of(s.text, LARGE_BYTES);
	assert_true(coap_endpoint_request(s.server.endpoint, &call, s.world.now, &h));
	run(&s, 500);
	assert_int_equal(s.responses, 2);
	assert_int_equal(s.code, COAP_CHANGED);
	assert_int_equal(s.uploaded, LARGE_BYTES);
	assert_int_equal(counters(&s)->path_pings, 1);
	strike_stage(&s);
}

static void the_answer_to_a_request_there_is_proof_as_well(void **state)
{
	static struct stage s;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s, (struct secure_settings){0}, 0);
	move(&s);
	get(&s, SMALL);
	run(&s, SECONDS(1));
	struct coap_call call = call_for(&s, COAP_GET, &options, SMALL);
	call.to = s.server.other;
	assert_true(coap_endpoint_request(s.server.endpoint, &call, s.world.now, &h));
	run(&s, 500);
	assert_int_equal(dtls(&s)->addresses_proved, 1);
	get(&s, LARGE);
	run(&s, 500);
	assert_true(has_body(&s, LARGE_BYTES));
	assert_int_equal(counters(&s)->path_pings, 0);
	strike_stage(&s);
}

static void what_was_sent_before_the_move_proves_nothing(void **state)
{
	static struct stage s;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s, (struct secure_settings){0}, 0);
	get(&s, SMALL);
	run(&s, SECONDS(1));
	struct coap_call call = call_for(&s, COAP_GET, &options, SMALL);
	call.to = s.server.other;
	assert_true(coap_endpoint_request(s.server.endpoint, &call, s.world.now, &h));
	run(&s, 30); /* it has arrived, the answer is on its way */
	move(&s);
	get(&s, SMALL);
	s.holds_back = false;
	run(&s, SECONDS(1));
	assert_int_equal(dtls(&s)->addresses_changed, 1);
	assert_int_equal(dtls(&s)->addresses_proved, 0);
	strike_stage(&s);
}

static void a_guessed_pong_proves_nothing(void **state)
{
	static struct stage s;
	(void)state;
	raise_stage(&s, (struct secure_settings){0}, 0);
	move(&s);
	get(&s, LARGE);
	run(&s, 25); /* the ping is on its way */
	assert_int_equal(counters(&s)->path_pings, 1);
	for (unsigned id = 0; id < 20; id++) {
		uint8_t rst[] = {0x70, 0, 0, (uint8_t)id};
		assert_true(dtls_send(s.client.end.dtls, &s.client.other, bytes_of(rst, sizeof rst), s.world.now));
	}
	world_leave(&s.world, &s.client.node);
	run(&s, SECONDS(1));
	assert_int_equal(dtls(&s)->addresses_proved, 0);
	world_join(&s.world, &s.client.node);
	run(&s, SECONDS(20));
	assert_true(has_body(&s, LARGE_BYTES));
	strike_stage(&s);
}

static void a_nonconfirmable_request_is_answered_with_an_echo_for_that_address_alone(void **state)
{
	static struct stage s;
	struct coap_options options;
	(void)state;
	raise_stage(&s, (struct secure_settings){0}, 0);
	for (unsigned i = 1; i <= 3; i++) { /* the Echo of before is sent along, and is worth nothing */
		move(&s);
		struct coap_call call = call_for(&s, COAP_GET, &options, LARGE);
		call.is_nonconfirmable = true;
		begin(&s, &call);
		run(&s, SECONDS(1));
		assert_int_equal(s.responses, i);
		assert_true(has_body(&s, LARGE_BYTES));
		assert_int_equal(counters(&s)->path_echoes, i);
		assert_int_equal(dtls(&s)->addresses_proved, i);
	}
	assert_int_equal(counters(&s)->path_pings, 3);
	strike_stage(&s);
}

/* ---- in the middle of bodies, with loss ---- */

static void bodies_go_on(uint32_t loss_permille, enum coap_code method, enum coap_qblock_use qblock)
{
	static struct stage s;
	struct coap_options options;
	raise_stage(&s, (struct secure_settings){0}, loss_permille);
	s.world.link.quality.delay = 100;
	struct coap_call call = call_for(&s, method, &options, method == COAP_GET ? HUGE_ONE : UP);
	call.qblock = qblock;
	if (method != COAP_GET)
		call.body = bytes_of(s.text, HUGE_BYTES);
	begin(&s, &call);
	run(&s, 250);
	move(&s);
	for (int i = 0; i < 600 && s.responses + s.failures == 0; i++) {
		run(&s, 2000 + (msec)prng_below(&s.world.prng, 2000));
		move(&s);
	}
	assert_int_equal(s.failures, 0);
	assert_int_equal(s.responses, 1);
	if (method == COAP_GET)
		assert_true(has_body(&s, HUGE_BYTES));
	else
		assert_true(s.code == COAP_CHANGED && s.uploaded == HUGE_BYTES && s.executed == 1);
	assert_true(dtls(&s)->addresses_changed > 0);
	print_message("%s, %u permille lost: %llu moves, %llu proved, %llu pings, %llu echoes, %llu withheld\n",
		method == COAP_GET ? "download" : "upload", loss_permille,
		(unsigned long long)dtls(&s)->addresses_changed, (unsigned long long)dtls(&s)->addresses_proved,
		(unsigned long long)counters(&s)->path_pings, (unsigned long long)counters(&s)->path_echoes,
		(unsigned long long)dtls(&s)->withheld);
	strike_stage(&s);
}

static void a_download_goes_on_wherever_the_device_moves(void **state)
{
	(void)state;
	bodies_go_on(0, COAP_GET, COAP_QBLOCK_OFF);
	bodies_go_on(50, COAP_GET, COAP_QBLOCK_OFF);
	bodies_go_on(0, COAP_GET, COAP_QBLOCK_NON);
	bodies_go_on(20, COAP_GET, COAP_QBLOCK_NON);
}

static void an_upload_goes_on_wherever_the_device_moves(void **state)
{
	(void)state;
	bodies_go_on(0, COAP_PUT, COAP_QBLOCK_OFF);
	bodies_go_on(50, COAP_PUT, COAP_QBLOCK_OFF);
	bodies_go_on(0, COAP_PUT, COAP_QBLOCK_NON);
	bodies_go_on(50, COAP_PUT, COAP_QBLOCK_NON);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_victim_gets_no_more_than_three_times_what_was_sent_in_his_name),
		cmocka_unit_test(the_true_device_gets_its_answer_in_spite_of_it),
		cmocka_unit_test(what_trusts_moves_sends_all_of_it),
		cmocka_unit_test(a_large_answer_waits_for_the_proof_and_comes_at_once),
		cmocka_unit_test(who_hears_nothing_large_is_not_asked),
		cmocka_unit_test(a_notification_waits_for_the_proof_and_none_is_lost),
		cmocka_unit_test(a_request_of_the_servers_own_waits_too),
		cmocka_unit_test(the_answer_to_a_request_there_is_proof_as_well),
		cmocka_unit_test(what_was_sent_before_the_move_proves_nothing),
		cmocka_unit_test(a_guessed_pong_proves_nothing),
		cmocka_unit_test(a_nonconfirmable_request_is_answered_with_an_echo_for_that_address_alone),
		cmocka_unit_test(a_download_goes_on_wherever_the_device_moves),
		cmocka_unit_test(an_upload_goes_on_wherever_the_device_moves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
