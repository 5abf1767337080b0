/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A client, a proxy and a server on the virtual link (RFC 7252 section 5.7, RFC 7641 section 5, RFC 8768). */
#include "tests/sim/byhand.h"

#include "coap/content_format.h"
#include "coap/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BODY_BYTES 3000
#define ANSWERS    16

/* ---- the stage ---- */

struct answer {
	enum coap_outcome outcome;
	enum coap_code code;
	uint32_t max_age_s;
	bool has_max_age, has_observe;
	char body[BODY_BYTES + 1];
	size_t body_len;
	char location[64];
	char unknown[32]; /* option 2048 */
	char etag[9];
};

struct stage {
	struct world world;
	struct peer client, second, proxy_peer, server;
	struct coap_proxy proxy;
	struct world_node proxy_clock; /* the proxy has a deadline beside its endpoint's */
	struct coap_proxy_route route;
	struct coap_cached cached;
	struct coap_cache cache;
	void *memory[3];
	struct coap_resource proxy_resources[3];
	struct answer answers[ANSWERS];
	int answered;
	/* the server */
	int executed;
	char state[16];
	uint32_t max_age_s;
	const char *etag;
	bool is_large;
	char seen_path[64], seen_unknown[32], seen_host[32];
	uint32_t seen_hops, seen_accept;
	bool seen_proxy_option;
	size_t seen_body;
	struct handle later;
	/* the resolver */
	struct handle ticket;
	char asked_host[32];
};

static void copy_text(char *to, size_t size, struct bytes from)
{
	size_t len = from.len < size ? from.len : size - 1;
	if (len > 0)
		memcpy(to, from.data, len);
	to[len] = '\0';
}

static void note_request(struct stage *s, const struct coap_request *request)
{
	const struct coap_message *m = request->message;
	struct bytes value = BYTES_NONE;
	struct writer w = writer_of(s->seen_path, sizeof s->seen_path - 1);
	coap_uri_write_path(&w, m, COAP_OPTION_URI_PATH, COAP_OPTION_URI_QUERY);
	*w.at = '\0';
	(void)coap_message_option(m, 2048, &value);
	copy_text(s->seen_unknown, sizeof s->seen_unknown, value);
	value = BYTES_NONE;
	(void)coap_message_option(m, COAP_OPTION_URI_HOST, &value);
	copy_text(s->seen_host, sizeof s->seen_host, value);
	s->seen_hops = 0;
	(void)coap_message_uint(m, COAP_OPTION_HOP_LIMIT, &s->seen_hops);
	s->seen_accept = request->accept;
	s->seen_proxy_option =
		coap_message_has(m, COAP_OPTION_PROXY_URI) || coap_message_has(m, COAP_OPTION_PROXY_SCHEME);
	s->seen_body = request->body.len;
}

static enum coap_answer handle_state(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	static uint8_t large[BODY_BYTES];
	struct stage *s = context;
	(void)endpoint, (void)now;
	if (!request->is_notification)
		s->executed++;
	note_request(s, request);
	if (request->message->code == COAP_POST) {
		ret->code = COAP_CREATED;
		coap_options_add_text(&ret->options, COAP_OPTION_LOCATION_PATH, "state");
		coap_options_add_text(&ret->options, COAP_OPTION_LOCATION_PATH, "new");
		coap_options_add_text(&ret->options, COAP_OPTION_LOCATION_QUERY, "v=1");
		return COAP_ANSWER_NOW;
	}
	if (request->message->code != COAP_GET && request->message->code != COAP_FETCH) {
		ret->code = COAP_CHANGED;
		return COAP_ANSWER_NOW;
	}
	memset(large, s->state[0], sizeof large);
	ret->code = COAP_CONTENT;
	ret->content_format = COAP_FORMAT_TEXT;
	ret->payload = s->is_large ? bytes_of(large, sizeof large) : bytes_of_text(s->state);
	ret->max_age_s = s->max_age_s;
	if (s->etag != NULL)
		ret->etag = bytes_of_text(s->etag);
	coap_options_add_text(&ret->options, 2048, "from-server");
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_silent(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)ret, (void)now;
	s->executed++;
	s->later = request->later;
	return COAP_ANSWER_LATER;
}

static enum coap_answer handle_error(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)request, (void)now;
	s->executed++;
	ret->code = COAP_NOT_FOUND;
	ret->payload = bytes_of("nothing here", 12);
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_odd(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)request, (void)now;
	ret->code = COAP_CONTENT;
	coap_options_add_text(&ret->options, 2050, "unsafe");
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_loop(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)now;
	ret->code = COAP_HOP_LIMIT_REACHED;
	ret->payload = request->rest_count > 0 ? bytes_of("far near", 8) : bytes_of("far", 3);
	return COAP_ANSWER_NOW;
}

static struct coap_resource resources[] = {
	{.path = "state", .is_subtree = true, .is_observable = true, .passes_options = true, .handle = handle_state},
	{.path = "silent", .handle = handle_silent},
	{.path = "missing", .handle = handle_error},
	{.path = "odd", .handle = handle_odd},
	{.path = "loop", .is_subtree = true, .handle = handle_loop},
};

#define RESOURCES (sizeof resources / sizeof resources[0])

static enum coap_answer handle_own(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)request, (void)now;
	ret->code = COAP_CONTENT;
	ret->payload = bytes_of("own", 3);
	return COAP_ANSWER_NOW;
}

static bool resolve(void *context, struct bytes host, uint16_t port, struct handle ticket)
{
	struct stage *s = context;
	(void)port;
	s->ticket = ticket;
	copy_text(s->asked_host, sizeof s->asked_host, host);
	return true;
}

static struct coap_proxied_network targets[1];
static struct address own[1];

static msec proxy_deadline(void *context)
{
	return coap_proxy_deadline(context);
}

static void proxy_tick(void *context, msec now)
{
	coap_proxy_tick(context, now);
}

static void raise_proxy(
	struct stage *s, uint32_t cache_entries, struct coap_cached_capacities capacities, uint32_t exchanges)
{
	struct prng prng;
	struct coap_proxy_config config = {.targets = targets,
		.target_count = 1,
		.own = own,
		.own_count = 1,
		.name = "near",
		.calls = 8,
		.bodies = 2,
		.body_size_max = 8192,
		.resolve = resolve,
		.context = s};
	struct coap_endpoint_config endpoint;
	assert_true(coap_proxied_network_parse(bytes_of_text("192.0.2.3/32"), &targets[0]));
	own[0] = address_ipv4(192, 0, 2, 2, 5683);
	prng_init_number(&prng, 3);
	s->route = (struct coap_proxy_route){
		.proxy = &s->proxy, .prefix = "far", .to = {address_ipv4(192, 0, 2, 3, 5683), HANDLE_NONE}, .base = ""};
	s->proxy_resources[0] = coap_proxy_resource(&s->proxy);
	s->proxy_resources[1] = coap_proxy_route_resource(&s->route);
	s->proxy_resources[2] = (struct coap_resource){.path = "own", .handle = handle_own};
	endpoint = peer_config(s->proxy_resources, 3);
	endpoint.capacities.exchanges = exchanges;
	peer_join(&s->proxy_peer, &s->world, 2, &endpoint);
	s->memory[0] = aligned_alloc(64, coap_cache_memory(cache_entries, 65536));
	s->memory[1] = aligned_alloc(64, coap_cached_memory(&capacities));
	s->memory[2] = aligned_alloc(64, coap_proxy_memory(&config));
	coap_cache_init(&s->cache, s->memory[0], cache_entries, 65536, &prng);
	coap_cached_init(&s->cached, s->memory[1], &capacities, s->proxy_peer.endpoint, &s->cache);
	coap_proxy_init(&s->proxy, s->memory[2], &config, s->proxy_peer.endpoint, &s->cached);
	s->proxy_clock = (struct world_node){.address = address_ipv4(192, 0, 2, 200, 5683),
		.context = &s->proxy,
		.deadline = proxy_deadline,
		.tick = proxy_tick};
	world_join(&s->world, &s->proxy_clock);
}

static struct stage *raise_stage_with(struct coap_cached_capacities capacities, uint32_t exchanges)
{
	struct stage *s = calloc(1, sizeof *s);
	world_init(&s->world, 42);
	s->world.link.quality.delay = 20;
	for (size_t i = 0; i < RESOURCES; i++)
		resources[i].context = s;
	struct coap_endpoint_config plain = peer_config(NULL, 0), server = peer_config(resources, RESOURCES);
	peer_join(&s->client, &s->world, 1, &plain);
	peer_join(&s->second, &s->world, 4, &plain);
	peer_join(&s->server, &s->world, 3, &server);
	raise_proxy(s, 8, capacities, exchanges);
	s->max_age_s = 60;
	memcpy(s->state, "one", 4);
	return s;
}

static struct stage *raise_stage(void)
{
	return raise_stage_with((struct coap_cached_capacities){8, 16}, 300);
}

static void strike_stage(struct stage *s)
{
	peer_leave(&s->client);
	peer_leave(&s->second);
	world_leave(&s->world, &s->proxy_clock);
	peer_leave(&s->proxy_peer);
	peer_leave(&s->server);
	world_done(&s->world);
	for (int i = 0; i < 3; i++)
		free(s->memory[i]);
	free(s);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	assert_true(s->answered < ANSWERS);
	struct answer *a = &s->answers[s->answered++];
	struct bytes value = BYTES_NONE;
	(void)endpoint, (void)now;
	*a = (struct answer){.outcome = reply->outcome, .code = reply->code, .max_age_s = 60};
	copy_text(a->body, sizeof a->body, reply->body);
	a->body_len = reply->body.len;
	if (reply->message == NULL)
		return;
	a->has_max_age = coap_message_uint(reply->message, COAP_OPTION_MAX_AGE, &a->max_age_s);
	a->has_observe = coap_message_has(reply->message, COAP_OPTION_OBSERVE);
	struct writer w = writer_of(a->location, sizeof a->location - 1);
	coap_uri_write_path(&w, reply->message, COAP_OPTION_LOCATION_PATH, COAP_OPTION_LOCATION_QUERY);
	*w.at = '\0';
	if (coap_message_option(reply->message, 2048, &value))
		copy_text(a->unknown, sizeof a->unknown, value);
	value = BYTES_NONE;
	(void)coap_message_option(reply->message, COAP_OPTION_ETAG, &value);
	copy_text(a->etag, sizeof a->etag, value);
}

static struct handle send(struct stage *s, struct peer *from, enum coap_code method, const struct coap_options *options,
	struct bytes body, bool observe)
{
	struct handle h;
	struct coap_call call = {.to = peer_remote(&s->proxy_peer),
		.method = method,
		.options = options,
		.body = body,
		.observe = observe,
		.is_forwarded = true, /* so that unknown options are seen */
		.reply = on_reply,
		.context = s};
	assert_true(coap_endpoint_request(from->endpoint, &call, s->world.now, &h));
	return h;
}

static struct coap_options through(const char *uri)
{
	struct coap_options o = {.count = 0};
	coap_options_add_text(&o, COAP_OPTION_PROXY_URI, uri);
	return o;
}

static const struct answer *ask_with(struct stage *s, enum coap_code method, struct coap_options options)
{
	int before = s->answered = s->answered % (ANSWERS / 2);
	send(s, &s->client, method, &options, BYTES_NONE, false);
	world_run(&s->world, SECONDS(2));
	assert_int_equal(s->answered, before + 1);
	return &s->answers[before];
}

static const struct answer *ask(struct stage *s, enum coap_code method, const char *uri)
{
	return ask_with(s, method, through(uri));
}

#define STATE "coap://192.0.2.3/state"

/* ---- forward ---- */

static void a_proxy_uri_is_split_and_asked_for_at_the_server(void **state)
{
	struct stage *s = raise_stage();
	(void)state;
	const struct answer *a = ask(s, COAP_GET, "coap://192.0.2.3:5683/state/a%20b?x=1&y");
	assert_int_equal(a->code, COAP_CONTENT);
	assert_string_equal(a->body, "one");
	assert_string_equal(s->seen_path, "/state/a%20b?x=1&y");
	assert_false(s->seen_proxy_option);
	assert_int_equal(s->seen_hops, 16);
	assert_string_equal(s->seen_host, "");
	strike_stage(s);
}

static void a_proxy_scheme_goes_with_the_split_options(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = {.count = 0};
	(void)state;
	coap_options_add_text(&o, COAP_OPTION_PROXY_SCHEME, "COAP");
	coap_options_add_text(&o, COAP_OPTION_URI_HOST, "192.0.2.3");
	coap_options_add_uint(&o, COAP_OPTION_URI_PORT, 5683);
	coap_options_add_text(&o, COAP_OPTION_URI_PATH, "state");
	coap_options_add_text(&o, COAP_OPTION_URI_QUERY, "q");
	assert_int_equal(ask_with(s, COAP_GET, o)->code, COAP_CONTENT);
	assert_string_equal(s->seen_path, "/state?q");
	strike_stage(s);
}

/* RFC 7252 section 5.7.2: unwilling or unable is 5.05. */
static void what_the_proxy_may_not_or_cannot_reach_is_5_05(void **state)
{
	static const char *const uris[] = {"coap://192.0.2.4/state", "coap://[2001:db8::1]/", "http://192.0.2.3/",
		"coaps://192.0.2.3/state", "coap://224.0.1.187/state"};
	struct stage *s = raise_stage();
	(void)state;
	for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++)
		assert_int_equal(ask(s, COAP_GET, uris[i])->code, COAP_PROXYING_NOT_SUPPORTED);
	assert_int_equal(ask(s, COAP_GET, "coap://192.0.2.3:0/")->code, COAP_BAD_REQUEST);
	assert_int_equal(s->executed, 0);
	assert_int_equal(s->proxy.counters.refused, 6);
	strike_stage(s);
}

static void an_endpoint_that_is_no_proxy_says_5_05(void **state)
{
	struct stage *s = raise_stage();
	struct handle h;
	struct coap_options o = through(STATE);
	struct coap_call call = {
		.to = peer_remote(&s->server), .method = COAP_GET, .options = &o, .reply = on_reply, .context = s};
	(void)state;
	assert_true(coap_endpoint_request(s->client.endpoint, &call, 0, &h));
	world_run(&s->world, SECONDS(1));
	assert_int_equal(s->answers[0].code, COAP_PROXYING_NOT_SUPPORTED);
	strike_stage(s);
}

/* RFC 7252 section 5.7.2: such a request is a local one. */
static void a_request_for_the_proxy_itself_is_served_by_it(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = {.count = 0};
	(void)state;
	assert_string_equal(ask(s, COAP_GET, "coap://192.0.2.2/own")->body, "own");
	coap_options_add_text(&o, COAP_OPTION_PROXY_SCHEME, "coap");
	coap_options_add_text(&o, COAP_OPTION_URI_PATH, "own");
	assert_string_equal(ask_with(s, COAP_GET, o)->body, "own");
	assert_int_equal(ask(s, COAP_GET, "coap://192.0.2.2/none")->code, COAP_NOT_FOUND);
	strike_stage(s);
}

/* RFC 7252 section 5.7.1. 2048 is elective, safe and in the key; 2049 critical and safe; 2050 elective and unsafe. */
static void unknown_options_pass_when_they_are_safe_and_are_4_02_when_not(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options safe = through(STATE), unsafe = through(STATE), critical = through(STATE);
	(void)state;
	coap_options_add_text(&safe, 2048, "from-client");
	const struct answer *a = ask_with(s, COAP_GET, safe);
	assert_string_equal(s->seen_unknown, "from-client");
	assert_string_equal(a->unknown, "from-server");
	coap_options_add_text(&critical, 2049, "x");
	assert_int_equal(ask_with(s, COAP_GET, critical)->code, COAP_CONTENT);
	assert_int_equal(s->executed, 2);
	coap_options_add_text(&unsafe, 2050, "x");
	assert_int_equal(ask_with(s, COAP_GET, unsafe)->code, COAP_BAD_OPTION);
	assert_int_equal(s->executed, 2);
	strike_stage(s);
}

static void an_unsafe_option_in_a_response_is_5_02(void **state)
{
	struct stage *s = raise_stage();
	(void)state;
	assert_int_equal(ask(s, COAP_GET, "coap://192.0.2.3/odd")->code, COAP_BAD_GATEWAY);
	strike_stage(s);
}

static void a_server_that_does_not_answer_is_5_04(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through("coap://192.0.2.3:9/state");
	(void)state;
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, false);
	world_run(&s->world, SECONDS(100));
	assert_int_equal(s->answered, 1);
	assert_int_equal(s->answers[0].code, COAP_GATEWAY_TIMEOUT);
	assert_int_equal(s->proxy.slab.used, 0);
	assert_int_equal(s->cached.fetch_slab.used, 0);
	strike_stage(s);
}

/* NSTART is 1, so at the server the second waits for the first, and the third for both (RFC 7252 section 4.7). */
static void requests_that_wait_behind_others_to_a_dead_server_are_5_04_in_time(void **state)
{
	static const char *const uris[] = {
		"coap://192.0.2.3:9/a", "coap://192.0.2.3:9/b", "coap://192.0.2.3:9/c", "coap://192.0.2.3:9/d"};
	struct stage *s = raise_stage();
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct coap_options o = through(uris[i]);
		send(s, i % 2 == 0 ? &s->client : &s->second, COAP_GET, &o, BYTES_NONE, false);
		world_run(&s->world, SECONDS(10));
	}
	world_run(&s->world, SECONDS(18));
	assert_int_equal(s->answered, 0);
	for (int i = 1; i <= 4; i++) { /* each 60 s after it was asked, not after its turn came */
		world_run(&s->world, i == 1 ? SECONDS(3) : SECONDS(10));
		assert_int_equal(s->answered, i);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(s->answers[i].code, COAP_GATEWAY_TIMEOUT);
	assert_int_equal(s->proxy.counters.timeouts, 4);
	assert_int_equal(s->proxy.slab.used, 0);
	assert_int_equal(s->cached.fetch_slab.used, 0);
	assert_true(coap_endpoint_is_idle(s->proxy_peer.endpoint));
	strike_stage(s);
}

static void a_request_whose_name_is_never_resolved_is_5_04_too(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through("coap://example.test/state");
	struct address found = address_ipv4(192, 0, 2, 3, 5683);
	(void)state;
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, false);
	world_run(&s->world, SECONDS(62));
	assert_int_equal(s->answered, 1);
	assert_int_equal(s->answers[0].code, COAP_GATEWAY_TIMEOUT);
	coap_proxy_resolved(&s->proxy, s->ticket, &found, s->world.now); /* too late: ignored */
	assert_int_equal(s->executed, 0);
	assert_int_equal(s->proxy.slab.used, 0);
	strike_stage(s);
}

static void a_slow_server_is_waited_for_with_a_separate_response(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through("coap://192.0.2.3/silent");
	struct coap_response r = {.code = COAP_CONTENT, .content_format = COAP_FORMAT_NONE, .max_age_s = 60};
	(void)state;
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, false);
	world_run(&s->world, SECONDS(30));
	assert_int_equal(s->answered, 0);
	r.payload = bytes_of("at last", 7);
	assert_true(coap_endpoint_respond(s->server.endpoint, s->later, &r, s->world.now));
	world_run(&s->world, SECONDS(32));
	assert_int_equal(s->answered, 1);
	assert_string_equal(s->answers[0].body, "at last");
	assert_int_equal(s->executed, 1);
	strike_stage(s);
}

static void bodies_in_blocks_are_put_together_and_cut_anew_both_ways(void **state)
{
	static uint8_t body[BODY_BYTES];
	struct stage *s = raise_stage();
	struct coap_options o = through(STATE);
	(void)state;
	s->is_large = true;
	const struct answer *a = ask(s, COAP_GET, STATE);
	assert_int_equal(a->code, COAP_CONTENT);
	assert_int_equal(a->body_len, BODY_BYTES);
	assert_int_equal(a->body[BODY_BYTES - 1], 'o');
	send(s, &s->client, COAP_PUT, &o, bytes_of(body, sizeof body), false);
	world_run(&s->world, SECONDS(3));
	assert_int_equal(s->answers[1].code, COAP_CHANGED);
	assert_int_equal(s->seen_body, BODY_BYTES);
	assert_int_equal(s->proxy.bodies.used, 0);
	strike_stage(s);
}

static void a_large_body_that_is_never_fresh_still_comes_from_one_response(void **state)
{
	struct stage *s = raise_stage();
	(void)state;
	s->is_large = true;
	s->max_age_s = 0;
	assert_int_equal(ask(s, COAP_GET, STATE)->body_len, BODY_BYTES);
	assert_int_equal(s->executed, 3); /* the blocks of one fetch */
	strike_stage(s);
}

static void names_are_resolved_and_passed_on_as_uri_host(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through("coap://Example.test/state");
	struct address found = address_ipv4(192, 0, 2, 3, 5683), forbidden = address_ipv4(192, 0, 2, 9, 5683);
	(void)state;
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, false);
	world_run(&s->world, SECONDS(1));
	assert_string_equal(s->asked_host, "Example.test");
	coap_proxy_resolved(&s->proxy, s->ticket, &found, s->world.now);
	world_run(&s->world, SECONDS(2));
	assert_string_equal(s->answers[0].body, "one");
	assert_string_equal(s->seen_host, "example.test");
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, false);
	world_run(&s->world, SECONDS(3));
	coap_proxy_resolved(&s->proxy, s->ticket, &forbidden, s->world.now);
	coap_proxy_resolved(&s->proxy, s->ticket, &found, s->world.now); /* too late: ignored */
	world_run(&s->world, SECONDS(4));
	assert_int_equal(s->answers[1].code, COAP_PROXYING_NOT_SUPPORTED);
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, false);
	world_run(&s->world, SECONDS(5));
	coap_proxy_resolved(&s->proxy, s->ticket, NULL, s->world.now);
	world_run(&s->world, SECONDS(6));
	assert_int_equal(s->answers[2].code, COAP_BAD_GATEWAY);
	assert_int_equal(s->answered, 3);
	strike_stage(s);
}

/* ---- Hop-Limit (RFC 8768) ---- */

static void hop_limit_is_counted_down_and_5_08_names_the_proxy_at_its_end(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options two = through(STATE), one = through(STATE), none = through(STATE), large = through(STATE);
	(void)state;
	coap_options_add_uint(&two, COAP_OPTION_HOP_LIMIT, 2);
	assert_int_equal(ask_with(s, COAP_GET, two)->code, COAP_CONTENT);
	assert_int_equal(s->seen_hops, 1);
	coap_options_add_uint(&one, COAP_OPTION_HOP_LIMIT, 1);
	const struct answer *a = ask_with(s, COAP_GET, one);
	assert_int_equal(a->code, COAP_HOP_LIMIT_REACHED);
	assert_string_equal(a->body, "near");
	coap_options_add_uint(&none, COAP_OPTION_HOP_LIMIT, 0);
	assert_int_equal(ask_with(s, COAP_GET, none)->code, COAP_BAD_REQUEST);
	coap_options_add_uint(&large, COAP_OPTION_HOP_LIMIT, 256);
	assert_int_equal(ask_with(s, COAP_GET, large)->code, COAP_BAD_REQUEST);
	assert_int_equal(s->executed, 1);
	strike_stage(s);
}

static void a_5_08_on_its_way_back_is_signed_unless_it_has_been_here(void **state)
{
	struct stage *s = raise_stage();
	(void)state;
	const struct answer *a = ask(s, COAP_GET, "coap://192.0.2.3/loop");
	assert_int_equal(a->code, COAP_HOP_LIMIT_REACHED);
	assert_string_equal(a->body, "near far");
	assert_int_equal(ask(s, COAP_GET, "coap://192.0.2.3/loop/again")->code, COAP_BAD_GATEWAY);
	strike_stage(s);
}

/* ---- the cache ---- */

/* TD_COAP_CORE_29. */
static void what_is_fresh_comes_from_the_cache_with_what_is_left_of_its_max_age(void **state)
{
	struct stage *s = raise_stage();
	(void)state;
	assert_false(ask(s, COAP_GET, STATE)->has_max_age);
	world_run(&s->world, SECONDS(20));
	const struct answer *a = ask(s, COAP_GET, STATE);
	assert_string_equal(a->body, "one");
	assert_string_equal(a->unknown, "from-server");
	assert_in_range(a->max_age_s, 37, 38);
	assert_int_equal(s->executed, 1);
	world_run(&s->world, SECONDS(61));
	assert_string_equal(ask(s, COAP_GET, STATE)->body, "one");
	assert_int_equal(s->executed, 2);
	strike_stage(s);
}

static void what_is_stale_is_validated_by_its_etag(void **state)
{
	struct stage *s = raise_stage();
	(void)state;
	s->etag = "v1";
	s->max_age_s = 10;
	assert_string_equal(ask(s, COAP_GET, STATE)->etag, "v1");
	world_run(&s->world, SECONDS(15));
	const struct answer *a = ask(s, COAP_GET, STATE);
	assert_int_equal(a->code, COAP_CONTENT);
	assert_string_equal(a->body, "one");
	assert_int_equal(s->cache.counters.refreshed, 1);
	world_run(&s->world, SECONDS(40));
	s->etag = "v2";
	memcpy(s->state, "two", 4);
	assert_string_equal(ask(s, COAP_GET, STATE)->body, "two");
	assert_int_equal(s->cache.counters.refreshed, 1);
	strike_stage(s);
}

/* The client's own ETag and the proxy's may be the same: it goes once. */
static void what_is_stale_is_validated_for_a_client_that_has_it_too(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through(STATE);
	(void)state;
	s->etag = "v1";
	s->max_age_s = 10;
	assert_string_equal(ask(s, COAP_GET, STATE)->etag, "v1");
	world_run(&s->world, SECONDS(15));
	coap_options_add_text(&o, COAP_OPTION_ETAG, "v1");
	assert_int_equal(ask_with(s, COAP_GET, o)->code, COAP_VALID);
	assert_int_equal(s->cache.counters.refreshed, 1);
	strike_stage(s);
}

static void a_client_with_the_right_etag_is_told_2_03_from_the_cache_and_from_the_server(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through(STATE);
	(void)state;
	s->etag = "v1";
	coap_options_add_text(&o, COAP_OPTION_ETAG, "v1");
	const struct answer *a = ask_with(s, COAP_GET, o);
	assert_int_equal(a->code, COAP_VALID);
	assert_string_equal(a->etag, "v1");
	assert_string_equal(ask(s, COAP_GET, STATE)->body, "one");
	assert_int_equal(ask_with(s, COAP_GET, o)->code, COAP_VALID);
	assert_int_equal(s->executed, 2);
	strike_stage(s);
}

static void errors_are_cached_and_a_change_makes_what_is_stored_stale(void **state)
{
	struct stage *s = raise_stage();
	(void)state;
	assert_string_equal(ask(s, COAP_GET, "coap://192.0.2.3/missing")->body, "nothing here");
	assert_int_equal(ask(s, COAP_GET, "coap://192.0.2.3/missing")->code, COAP_NOT_FOUND);
	assert_int_equal(s->executed, 1);
	ask(s, COAP_GET, STATE);
	assert_int_equal(ask(s, COAP_PUT, STATE)->code, COAP_CHANGED);
	ask(s, COAP_GET, STATE);
	assert_int_equal(s->executed, 4);
	strike_stage(s);
}

static void requests_that_are_alike_share_one_exchange(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through(STATE);
	(void)state;
	s->max_age_s = 0;
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, false);
	send(s, &s->second, COAP_GET, &o, BYTES_NONE, false);
	world_run(&s->world, SECONDS(2));
	assert_int_equal(s->answered, 2);
	assert_string_equal(s->answers[0].body, "one");
	assert_string_equal(s->answers[1].body, "one");
	assert_int_equal(s->executed, 1);
	assert_int_equal(s->cached.coalesced, 1);
	strike_stage(s);
}

static void requests_beyond_the_room_are_5_03_and_the_room_comes_back(void **state)
{
	struct stage *s = raise_stage();
	int busy = 0, silent = 0;
	(void)state;
	for (int i = 0; i < 10; i++) {
		char uri[] = "coap://192.0.2.3:70/silent";
		uri[18] = (char)('0' + i); /* each a server of its own, so none waits for another */
		struct coap_options o = through(uri);
		send(s, i % 2 == 0 ? &s->client : &s->second, COAP_GET, &o, BYTES_NONE, false);
		world_run(&s->world, SECONDS(1));
	}
	world_run(&s->world, SECONDS(2000));
	assert_int_equal(s->answered, 10);
	for (int i = 0; i < 10; i++) {
		busy += s->answers[i].code == COAP_SERVICE_UNAVAILABLE;
		silent += s->answers[i].code == COAP_GATEWAY_TIMEOUT;
	}
	assert_int_equal(busy + silent, 10);
	assert_int_equal(busy, 2);
	assert_int_equal(s->proxy.slab.used, 0);
	assert_int_equal(s->cached.waiter_slab.used, 0);
	strike_stage(s);
}

/* ---- observation ---- */

static void change(struct stage *s, const char *to)
{
	snprintf(s->state, sizeof s->state, "%s", to);
	coap_endpoint_resource_changed(s->server.endpoint, &resources[0], s->world.now);
	world_run(&s->world, SECONDS(2));
}

static void many_observers_share_one_observation_at_the_server(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through(STATE);
	(void)state;
	struct handle first = send(s, &s->client, COAP_GET, &o, BYTES_NONE, true);
	world_run(&s->world, SECONDS(2));
	struct handle second = send(s, &s->second, COAP_GET, &o, BYTES_NONE, true);
	world_run(&s->world, SECONDS(4));
	assert_int_equal(s->answered, 2);
	assert_int_equal(s->executed, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(s->answers[i].outcome, COAP_OUTCOME_NOTIFICATION);
		assert_string_equal(s->answers[i].body, "one");
	}
	change(s, "two");
	assert_int_equal(s->answered, 4);
	assert_string_equal(s->answers[2].body, "two");
	assert_string_equal(s->answers[3].body, "two");
	coap_endpoint_cancel(s->client.endpoint, first, s->world.now);
	world_run(&s->world, SECONDS(8));
	change(s, "three");
	assert_int_equal(s->answered, 5);
	assert_string_equal(s->answers[4].body, "three");
	assert_int_equal(s->cached.fetch_slab.used, 1);
	coap_endpoint_cancel(s->second.endpoint, second, s->world.now);
	world_run(&s->world, SECONDS(14));
	assert_int_equal(s->cached.fetch_slab.used, 0);
	assert_int_equal(s->proxy.slab.used, 0);
	change(s, "four");
	assert_int_equal(s->answered, 5);
	strike_stage(s);
}

/* RFC 7641 section 5: what the proxy knows is not fresh any more, so it registers again to know it. */
static void an_observer_who_joins_when_the_state_is_stale_waits_for_a_fresh_one(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through(STATE);
	(void)state;
	s->max_age_s = 10;
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, true);
	world_run(&s->world, SECONDS(2));
	assert_int_equal(s->executed, 1);
	world_run(&s->world, SECONDS(9));
	send(s, &s->second, COAP_GET, &o, BYTES_NONE, true);
	world_run(&s->world, SECONDS(1));
	assert_int_equal(s->executed, 2);
	assert_int_equal(s->cached.coalesced, 1);
	assert_string_equal(s->answers[s->answered - 1].body, "one");
	strike_stage(s);
}

static void an_observation_of_what_cannot_be_observed_is_answered_once(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through("coap://192.0.2.3/missing");
	(void)state;
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, true);
	world_run(&s->world, SECONDS(2));
	assert_int_equal(s->answered, 1);
	assert_int_equal(s->answers[0].outcome, COAP_OUTCOME_RESPONSE);
	assert_int_equal(s->answers[0].code, COAP_NOT_FOUND);
	assert_false(s->answers[0].has_observe);
	assert_int_equal(s->proxy.slab.used, 0);
	strike_stage(s);
}

static void large_notifications_reach_the_observer_whole(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through(STATE);
	(void)state;
	s->is_large = true;
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, true);
	world_run(&s->world, SECONDS(3));
	assert_int_equal(s->answers[0].body_len, BODY_BYTES);
	change(s, "two");
	assert_int_equal(s->answered, 2);
	assert_int_equal(s->answers[1].body_len, BODY_BYTES);
	assert_int_equal(s->answers[1].body[BODY_BYTES - 1], 't');
	strike_stage(s);
}

static void when_the_server_falls_silent_observers_are_told(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through(STATE);
	(void)state;
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, true);
	world_run(&s->world, SECONDS(2));
	peer_leave(&s->server);
	world_run(&s->world, SECONDS(240)); /* Max-Age, some seconds, and a registration in vain */
	assert_int_equal(s->answered, 2);
	assert_int_equal(s->answers[1].code, COAP_GATEWAY_TIMEOUT);
	assert_int_equal(s->proxy.slab.used, 0);
	struct coap_endpoint_config server = peer_config(resources, RESOURCES);
	peer_join(&s->server, &s->world, 3, &server);
	strike_stage(s);
}

/* ---- reverse ---- */

static struct coap_options below(const char *path)
{
	struct coap_options o = {.count = 0};
	coap_options_add_path(&o, COAP_OPTION_URI_PATH, bytes_of_text(path));
	return o;
}

/* TD_COAP_CORE_24 to _26. */
static void a_reverse_proxy_passes_locations_accept_and_preconditions(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = below("far/state");
	(void)state;
	const struct answer *a = ask_with(s, COAP_POST, o);
	assert_int_equal(a->code, COAP_CREATED);
	assert_string_equal(a->location, "/far/state/new?v=1");
	coap_options_add_uint(&o, COAP_OPTION_ACCEPT, COAP_FORMAT_TEXT);
	coap_options_add_text(&o, COAP_OPTION_IF_MATCH, "v1");
	coap_options_add_text(&o, COAP_OPTION_URI_QUERY, "a=b");
	assert_string_equal(ask_with(s, COAP_GET, o)->body, "one");
	assert_string_equal(s->seen_path, "/state?a=b");
	assert_int_equal(s->seen_accept, COAP_FORMAT_TEXT);
	assert_int_equal(s->seen_hops, 16);
	assert_string_equal(ask_with(s, COAP_GET, below("own"))->body, "own");
	strike_stage(s);
}

static void a_base_path_at_the_server_stands_for_the_prefix(void **state)
{
	struct stage *s = raise_stage();
	(void)state;
	s->route.base = "state";
	assert_string_equal(ask_with(s, COAP_GET, below("far/deep/down"))->body, "one");
	assert_string_equal(s->seen_path, "/state/deep/down");
	assert_string_equal(ask_with(s, COAP_POST, below("far"))->location, "/far/new?v=1");
	strike_stage(s);
}

static void observation_works_through_a_reverse_proxy(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = below("far/state");
	(void)state;
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, true);
	world_run(&s->world, SECONDS(2));
	change(s, "two");
	assert_int_equal(s->answered, 2);
	assert_string_equal(s->answers[1].body, "two");
	strike_stage(s);
}

static void a_route_may_tell_its_server_for_which_host_it_asks(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options last_hop = below("far/state");
	(void)state;
	s->route.host = "inner.test";
	assert_string_equal(ask_with(s, COAP_GET, below("far/state"))->body, "one");
	assert_string_equal(s->seen_host, "inner.test");
	coap_options_add_uint(&last_hop, COAP_OPTION_HOP_LIMIT, 1);
	assert_int_equal(ask_with(s, COAP_GET, last_hop)->code, COAP_HOP_LIMIT_REACHED);
	strike_stage(s);
}

/* Nothing here stands for that place, so it keeps the server's name for it. */
static void a_location_elsewhere_at_the_server_stays_as_it_is(void **state)
{
	static const char *const bases[] = {"state/new/x", "state/new/x/y", "state/other"};
	struct stage *s = raise_stage();
	(void)state;
	for (int i = 0; i < 3; i++) {
		s->route.base = bases[i];
		assert_string_equal(ask_with(s, COAP_POST, below("far"))->location, "/state/new?v=1");
	}
	strike_stage(s);
}

static void an_observer_through_a_reverse_proxy_that_cancels_ends_the_observation_at_the_server(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = below("far/state");
	(void)state;
	struct handle h = send(s, &s->client, COAP_GET, &o, BYTES_NONE, true);
	world_run(&s->world, SECONDS(2));
	coap_endpoint_cancel(s->client.endpoint, h, s->world.now);
	world_run(&s->world, SECONDS(2));
	assert_int_equal(s->cached.waiter_slab.used, 0);
	assert_int_equal(s->proxy.slab.used, 0);
	change(s, "two");
	assert_int_equal(s->answered, 1);
	strike_stage(s);
}

/* ---- where it fails ---- */

static void an_association_with_the_server_that_ends_is_5_02(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through("coap://192.0.2.3/silent");
	struct coap_remote server;
	(void)state;
	send(s, &s->client, COAP_GET, &o, BYTES_NONE, false);
	world_run(&s->world, SECONDS(1));
	server = peer_remote(&s->server);
	coap_endpoint_lost(s->proxy_peer.endpoint, &server, s->world.now);
	world_run(&s->world, SECONDS(1));
	assert_int_equal(s->answered, 1);
	assert_int_equal(s->answers[0].code, COAP_BAD_GATEWAY);
	strike_stage(s);
}

static void names_are_5_02_where_nobody_resolves_them(void **state)
{
	struct stage *s = raise_stage();
	(void)state;
	s->proxy.config.resolve = NULL;
	assert_int_equal(ask(s, COAP_GET, "coap://example.test/state")->code, COAP_BAD_GATEWAY);
	assert_int_equal(s->proxy.slab.used, 0);
	strike_stage(s);
}

static void a_name_is_answered_from_the_cache_when_its_address_is_known(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options o = through("coap://example.test/state");
	struct address found = address_ipv4(192, 0, 2, 3, 5683);
	(void)state;
	for (int i = 0; i < 2; i++) {
		send(s, &s->client, COAP_GET, &o, BYTES_NONE, false);
		world_run(&s->world, SECONDS(1));
		coap_proxy_resolved(&s->proxy, s->ticket, &found, s->world.now);
		world_run(&s->world, SECONDS(1));
		assert_int_equal(s->answered, i + 1);
		assert_string_equal(s->answers[i].body, "one");
	}
	assert_int_equal(s->executed, 1);
	assert_int_equal(s->proxy.slab.used, 0);
	strike_stage(s);
}

/* Section 5.7.2, with the parts of the URI apart. */
static void a_scheme_or_port_that_cannot_be_is_refused(void **state)
{
	struct stage *s = raise_stage();
	struct coap_options scheme = {.count = 0}, port = {.count = 0};
	(void)state;
	coap_options_add_text(&scheme, COAP_OPTION_PROXY_SCHEME, "http");
	coap_options_add_text(&scheme, COAP_OPTION_URI_HOST, "192.0.2.3");
	assert_int_equal(ask_with(s, COAP_GET, scheme)->code, COAP_PROXYING_NOT_SUPPORTED);
	coap_options_add_text(&port, COAP_OPTION_PROXY_SCHEME, "coap");
	coap_options_add_text(&port, COAP_OPTION_URI_HOST, "192.0.2.3");
	coap_options_add_uint(&port, COAP_OPTION_URI_PORT, 0);
	assert_int_equal(ask_with(s, COAP_GET, port)->code, COAP_BAD_REQUEST);
	assert_int_equal(s->executed, 0);
	strike_stage(s);
}

static void options_too_long_to_be_kept_are_4_02(void **state)
{
	static const uint8_t value[255];
	struct stage *s = raise_stage();
	struct byhand client;
	struct coap_options o = through(STATE);
	(void)state;
	for (int i = 0; i < 3; i++)
		coap_options_add(&o, 2048, bytes_of(value, sizeof value));
	byhand_join(&client, &s->world, 9);
	byhand_tell(&client, &s->proxy_peer, COAP_TYPE_CON, COAP_GET, 1, BYTES_NONE, &o, BYTES_NONE);
	assert_int_equal(byhand_code(&client), COAP_BAD_OPTION);
	assert_int_equal(s->executed, 0);
	assert_int_equal(s->proxy.slab.used, 0);
	world_leave(&s->world, &client.node);
	strike_stage(s);
}

static void more_bodies_than_there_is_room_for_are_5_03(void **state)
{
	struct stage *s = raise_stage();
	(void)state;
	for (int i = 0; i < 3; i++) {
		char uri[] = "coap://192.0.2.3:70/silent";
		uri[18] = (char)('0' + i);
		struct coap_options o = through(uri);
		send(s, &s->client, COAP_PUT, &o, bytes_of("x", 1), false);
		world_run(&s->world, SECONDS(5));
	}
	assert_int_equal(s->answered, 1);
	assert_int_equal(s->answers[0].code, COAP_SERVICE_UNAVAILABLE);
	world_run(&s->world, SECONDS(300));
	assert_int_equal(s->proxy.bodies.used, 0);
	strike_stage(s);
}

/* No exchange of the endpoint, no fetch, no place for one more who waits: each is 5.03, and leaves nothing behind. By
 * an address, and by a name. */
static void requests_for_which_anything_is_missing_are_5_03(void **state)
{
	static const struct {
		struct coap_cached_capacities cached;
		uint32_t exchanges;
		bool is_alike; /* to the request that has taken the one place */
	} cases[] = {{{8, 16}, 1, false}, {{1, 16}, 300, false}, {{8, 1}, 300, false}, {{8, 1}, 300, true}};
	(void)state;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
		bool is_by_name = i % 2 == 1;
		struct stage *s = raise_stage_with(cases[i / 2].cached, cases[i / 2].exchanges);
		struct coap_options first = through("coap://192.0.2.3/silent");
		struct coap_options second = through(is_by_name              ? "coap://example.test/silent"
						     : cases[i / 2].is_alike ? "coap://192.0.2.3/silent"
									     : "coap://192.0.2.3/missing");
		struct address found = address_ipv4(192, 0, 2, 3, 5683);
		send(s, &s->client, COAP_GET, &first, BYTES_NONE, false);
		world_run(&s->world, SECONDS(1));
		send(s, &s->second, COAP_GET, &second, BYTES_NONE, false);
		world_run(&s->world, SECONDS(1));
		if (is_by_name)
			coap_proxy_resolved(&s->proxy, s->ticket, &found, s->world.now);
		world_run(&s->world, SECONDS(1));
		assert_int_equal(s->answered, 1);
		assert_int_equal(s->answers[0].code, COAP_SERVICE_UNAVAILABLE);
		assert_int_equal(s->proxy.slab.used, 1);
		assert_int_equal(s->cached.waiter_slab.used, 1);
		world_run(&s->world, SECONDS(300));
		assert_int_equal(s->answered, 2);
		assert_int_equal(s->cached.fetch_slab.used, 0);
		strike_stage(s);
	}
}

/* ---- networks ---- */

static void networks_are_read_and_compared_by_their_first_bits(void **state)
{
	static const struct {
		const char *network, *address;
		bool is_in;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.77:5683", true},
		{"192.0.2.0/24", "192.0.3.1:5683", false},
		{"192.0.2.0/23", "192.0.3.1:5683", true},
		{"192.0.2.7", "192.0.2.7:5683", true},
		{"192.0.2.7", "192.0.2.6:5683", false},
		{"192.0.2.7:5683", "192.0.2.7:5684", false},
		{"0.0.0.0/0", "198.51.100.1:1", true},
		{"0.0.0.0/0", "[2001:db8::1]:1", false},
		{"[2001:db8::]/32", "[2001:db8:1::1]:1", true},
		{"2001:db8::/33", "[2001:db8:8000::1]:1", false},
		{"::/0", "192.0.2.1:5683", true},
	};
	struct coap_proxied_network network;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct address address;
		assert_true(coap_proxied_network_parse(bytes_of_text(cases[i].network), &network));
		assert_true(address_parse(bytes_of_text(cases[i].address), 0, &address));
		assert_int_equal(coap_proxied_network_has(&network, &address), cases[i].is_in);
	}
	assert_false(coap_proxied_network_parse(bytes_of_text("192.0.2.0/33"), &network));
	assert_false(coap_proxied_network_parse(bytes_of_text("192.0.2.0/"), &network));
	assert_false(coap_proxied_network_parse(bytes_of_text("example.test"), &network));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_proxy_uri_is_split_and_asked_for_at_the_server),
		cmocka_unit_test(a_proxy_scheme_goes_with_the_split_options),
		cmocka_unit_test(what_the_proxy_may_not_or_cannot_reach_is_5_05),
		cmocka_unit_test(an_endpoint_that_is_no_proxy_says_5_05),
		cmocka_unit_test(a_request_for_the_proxy_itself_is_served_by_it),
		cmocka_unit_test(unknown_options_pass_when_they_are_safe_and_are_4_02_when_not),
		cmocka_unit_test(an_unsafe_option_in_a_response_is_5_02),
		cmocka_unit_test(a_server_that_does_not_answer_is_5_04),
		cmocka_unit_test(requests_that_wait_behind_others_to_a_dead_server_are_5_04_in_time),
		cmocka_unit_test(a_request_whose_name_is_never_resolved_is_5_04_too),
		cmocka_unit_test(a_slow_server_is_waited_for_with_a_separate_response),
		cmocka_unit_test(bodies_in_blocks_are_put_together_and_cut_anew_both_ways),
		cmocka_unit_test(a_large_body_that_is_never_fresh_still_comes_from_one_response),
		cmocka_unit_test(names_are_resolved_and_passed_on_as_uri_host),
		cmocka_unit_test(hop_limit_is_counted_down_and_5_08_names_the_proxy_at_its_end),
		cmocka_unit_test(a_5_08_on_its_way_back_is_signed_unless_it_has_been_here),
		cmocka_unit_test(what_is_fresh_comes_from_the_cache_with_what_is_left_of_its_max_age),
		cmocka_unit_test(what_is_stale_is_validated_by_its_etag),
		cmocka_unit_test(what_is_stale_is_validated_for_a_client_that_has_it_too),
		cmocka_unit_test(a_client_with_the_right_etag_is_told_2_03_from_the_cache_and_from_the_server),
		cmocka_unit_test(errors_are_cached_and_a_change_makes_what_is_stored_stale),
		cmocka_unit_test(requests_that_are_alike_share_one_exchange),
		cmocka_unit_test(requests_beyond_the_room_are_5_03_and_the_room_comes_back),
		cmocka_unit_test(many_observers_share_one_observation_at_the_server),
		cmocka_unit_test(an_observer_who_joins_when_the_state_is_stale_waits_for_a_fresh_one),
		cmocka_unit_test(an_observation_of_what_cannot_be_observed_is_answered_once),
		cmocka_unit_test(large_notifications_reach_the_observer_whole),
		cmocka_unit_test(when_the_server_falls_silent_observers_are_told),
		cmocka_unit_test(a_reverse_proxy_passes_locations_accept_and_preconditions),
		cmocka_unit_test(a_base_path_at_the_server_stands_for_the_prefix),
		cmocka_unit_test(observation_works_through_a_reverse_proxy),
		cmocka_unit_test(a_route_may_tell_its_server_for_which_host_it_asks),
		cmocka_unit_test(a_location_elsewhere_at_the_server_stays_as_it_is),
		cmocka_unit_test(an_observer_through_a_reverse_proxy_that_cancels_ends_the_observation_at_the_server),
		cmocka_unit_test(an_association_with_the_server_that_ends_is_5_02),
		cmocka_unit_test(names_are_5_02_where_nobody_resolves_them),
		cmocka_unit_test(a_name_is_answered_from_the_cache_when_its_address_is_known),
		cmocka_unit_test(a_scheme_or_port_that_cannot_be_is_refused),
		cmocka_unit_test(options_too_long_to_be_kept_are_4_02),
		cmocka_unit_test(more_bodies_than_there_is_room_for_are_5_03),
		cmocka_unit_test(requests_for_which_anything_is_missing_are_5_03),
		cmocka_unit_test(networks_are_read_and_compared_by_their_first_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
