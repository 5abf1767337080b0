/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An agent with one extension on a virtual network: requests that wait for its program, which is this test. */
#include "agent/agent.h"
#include "coap/content_format.h"
#include "disk.h"
#include "extension_model.h"
#include "tests/sim/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROOM      0 /* the slot of the extension */
#define LINES_MAX 64

struct device {
	struct world_node node;
	struct agent *agent;
	struct coap_endpoint *endpoint;
	void *memory, *endpoint_memory;
	struct disk disk;
	bool wants_connection;
	char log[8192];
	size_t log_len;
	/* the program */
	bool cannot_start, is_deaf;
	unsigned starts, stops;
	char lines[LINES_MAX][256]; /* what it was asked */
	unsigned asked;
};

/* An answer to a request of the server's. */
struct told {
	enum coap_code code;
	char text[512];
	size_t len;
};

static struct world world;
static struct device device;
static struct peer server;
static struct told told[16];
static unsigned answers, notifications, updates;
static char links[1024];

static const struct extension_definition house = {
	.name = "house", .objects = extension_model_objects, .object_count = 2};

/* ---- the server ---- */

static enum coap_answer serve_registration(
	void *context, struct coap_endpoint *e, const struct coap_request *request, struct coap_response *ret, msec now)
{
	(void)context;
	(void)e;
	(void)now;
	updates += request->rest_count > 0;
	if (request->body.len > 0)
		(void)snprintf(links, sizeof links, "%.*s", (int)request->body.len, (const char *)request->body.data);
	ret->code = request->rest_count > 0 ? COAP_CHANGED : COAP_CREATED;
	coap_options_add_path(&ret->options, COAP_OPTION_LOCATION_PATH, bytes_of_text("rd/1"));
	return COAP_ANSWER_NOW;
}

static const struct coap_resource resources[] = {{.path = "rd", .is_subtree = true, .handle = serve_registration}};

static void replied(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct told *t = &told[answers + notifications];
	(void)context;
	(void)e;
	(void)now;
	assert_true(answers + notifications < sizeof told / sizeof told[0]);
	t->code = reply->code;
	t->len =
		(size_t)snprintf(t->text, sizeof t->text, "%.*s", (int)reply->body.len, (const char *)reply->body.data);
	if (reply->outcome == COAP_OUTCOME_NOTIFICATION)
		notifications++;
	else
		answers++;
}

static struct handle ask_as(enum coap_code method, const char *path, const char *body, uint16_t format, bool observe)
{
	struct coap_options options = {.count = 0};
	struct handle exchange;
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	if (method == COAP_GET)
		coap_options_add_uint(&options, COAP_OPTION_ACCEPT, format);
	else if (body != NULL)
		coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, format);
	struct coap_call call = {.to = {device.node.address, HANDLE_NONE},
		.method = method,
		.options = &options,
		.body = body == NULL ? BYTES_NONE : bytes_of_text(body),
		.observe = observe,
		.reply = replied};
	assert_true(coap_endpoint_request(server.endpoint, &call, world.now, &exchange));
	return exchange;
}

static void ask(enum coap_code method, const char *path, const char *body)
{
	(void)ask_as(method, path, body, COAP_FORMAT_TEXT, false);
}

static void expect(unsigned at, enum coap_code code, const char *text)
{
	assert_true(answers + notifications > at);
	assert_int_equal(told[at].code, code);
	assert_string_equal(told[at].text, text);
}

/* ---- the program ---- */

static bool start(void *context, uint8_t slot)
{
	(void)context;
	assert_int_equal(slot, ROOM);
	device.starts++;
	return !device.cannot_start;
}

static void stop(void *context, uint8_t slot)
{
	(void)context;
	assert_int_equal(slot, ROOM);
	device.stops++;
}

static bool send(void *context, uint8_t slot, struct bytes line)
{
	(void)context;
	assert_int_equal(slot, ROOM);
	assert_true(device.asked < LINES_MAX && line.len < sizeof device.lines[0]);
	if (device.is_deaf)
		return false;
	memcpy(device.lines[device.asked], line.data, line.len);
	device.lines[device.asked++][line.len - 1] = '\0';
	return true;
}

static void say(const char *line)
{
	agent_extension_heard(device.agent, ROOM, bytes_of_text(line), world.now);
}

/* ---- the device ---- */

static bool uplink_connect(void *context, unsigned link, const struct account_security *account, msec now)
{
	(void)context;
	(void)link;
	(void)account;
	(void)now;
	device.wants_connection = true;
	return true;
}

static void uplink_close(void *context, unsigned link, msec now)
{
	(void)context;
	(void)link;
	(void)now;
}

static int load_shelf(void *context, enum shelf_record which, void *buffer, size_t capacity)
{
	(void)context;
	(void)which;
	(void)buffer;
	(void)capacity;
	return 0;
}

static int store_shelf(void *context, enum shelf_record which, struct bytes record)
{
	(void)context;
	(void)which;
	(void)record;
	return 0;
}

static void sample(void *context, struct platform_sample *ret)
{
	(void)context;
	*ret = (struct platform_sample){.unix_time_s = 1800000000 + world.now / 1000};
}

static void write_log(void *context, enum agent_log_level level, struct bytes line)
{
	(void)context;
	(void)level;
	device.log_len += (size_t)snprintf(device.log + device.log_len, sizeof device.log - device.log_len, "%.*s\n",
		(int)line.len, (const char *)line.data);
	assert_true(device.log_len < sizeof device.log);
}

static void receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct coap_remote remote = {*from, HANDLE_NONE};
	(void)context;
	if (agent_hears(device.agent, &remote, datagram))
		coap_endpoint_receive(device.endpoint, &remote, datagram, now);
}

static msec deadline(void *context)
{
	(void)context;
	if (device.wants_connection)
		return world.now;
	return msec_earlier(coap_endpoint_deadline(device.endpoint), agent_deadline(device.agent));
}

static void tick(void *context, msec now)
{
	struct coap_remote remote = peer_remote(&server);
	(void)context;
	if (device.wants_connection)
		agent_connected(device.agent, 0, &remote, now);
	device.wants_connection = false;
	coap_endpoint_tick(device.endpoint, now);
	agent_tick(device.agent, now);
}

static bool transmit(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct datagram_port port = world_port(&device.node);
	(void)context;
	(void)now;
	return port.send(port.context, &to->address, message);
}

static void power_on(void)
{
	struct deploy_ports disk = disk_ports(&device.disk);
	uint8_t seed[PRNG_SEED_BYTES] = {1};
	struct agent_config config = agent_config_default;
	struct agent_ports ports = {
		.uplink = {NULL, uplink_connect, uplink_close},
		.platform = {NULL, sample, NULL},
		.slots = disk.slots,
		.boot = disk.boot,
		.payload = disk.payload,
		.journal = disk.journal,
		.digest = disk.digest,
		.log = {NULL, write_log},
		.shelf = {NULL, load_shelf, store_shelf},
		.extensions = {NULL, start, stop, send},
	};
	uint32_t count;
	config.endpoint_name = "pump-1";
	config.server_uri = "coap://192.0.2.1:5683";
	config.identity = (struct platform_identity){"m", "o", "s", "t", "h", {0}, {0}};
	config.extensions_max = 2;
	device.memory = aligned_alloc(64, (agent_memory(&config) + 63) & ~(size_t)63);
	device.agent = agent_init(device.memory, &config, &ports, seed);
	const struct coap_resource *table = agent_resources(device.agent, &count);
	struct coap_endpoint_config endpoint = peer_config(table, count);
	endpoint.capacities.separate = 4 + AGENT_DELEGATES_MAX;
	endpoint.transport = (struct coap_transport){.send = transmit};
	device.endpoint_memory = aligned_alloc(64, (coap_endpoint_memory(&endpoint) + 63) & ~(size_t)63);
	device.endpoint = coap_endpoint_init(device.endpoint_memory, &endpoint, seed);
	device.node = (struct world_node){address_ipv4(192, 0, 2, 7, 5683), NULL, receive, deadline, tick, NULL, false};
	world_join(&world, &device.node);
	assert_int_equal(agent_start(device.agent, device.endpoint, world.now), 0);
}

static int begin(void **state)
{
	struct coap_endpoint_config config = peer_config(resources, 1);
	(void)state;
	world_init(&world, 1);
	memset(&device, 0, sizeof device);
	memset(told, 0, sizeof told);
	answers = notifications = updates = 0;
	config.parameters.nstart = 16;
	config.capacities.exchanges = config.capacities.pending = 32;
	peer_join(&server, &world, 1, &config);
	disk_init(&device.disk);
	power_on();
	assert_int_equal(agent_extension_open(device.agent, ROOM, &house, world.now), EXTENSION_ACCEPTED);
	world_run(&world, SECONDS(5));
	assert_true(agent_is_registered(device.agent));
	assert_int_equal(device.starts, 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_leave(&world, &device.node);
	free(device.memory);
	free(device.endpoint_memory);
	peer_leave(&server);
	world_done(&world);
	return 0;
}

/* ---- stories ---- */

static void its_objects_are_registered(void **state)
{
	(void)state;
	assert_non_null(strstr(links, "</26300>;ver=1.0,</26300/0>"));
	agent_extension_close(device.agent, ROOM, world.now);
	world_run(&world, SECONDS(5));
	assert_int_equal(updates, 1);
	assert_null(strstr(links, "26300"));
	assert_int_equal(device.stops, 1);
}

static void a_read_is_answered_when_the_program_has_answered(void **state)
{
	(void)state;
	ask(COAP_GET, "26300/0/1", NULL);
	world_run(&world, SECONDS(3));
	assert_string_equal(device.lines[0], "{\"id\":1,\"op\":\"read\",\"path\":\"/26300/0/1\"}");
	assert_int_equal(answers, 0);
	ask(COAP_GET, "3/0/0", NULL); /* nobody else waits */
	world_run(&world, SECONDS(1));
	expect(0, COAP_CONTENT, "m");
	say("{\"id\":1,\"value\":20.5}");
	world_run(&world, SECONDS(1));
	expect(1, COAP_CONTENT, "20.5");
}

static void what_is_not_there_is_not_asked_for(void **state)
{
	(void)state;
	ask(COAP_GET, "26300/1", NULL);
	ask(COAP_GET, "26300/0/99", NULL);
	ask(COAP_GET, "26300/0/4", NULL);
	ask(COAP_GET, "26309/0", NULL);
	ask(COAP_PUT, "26300/0/2", "warm");
	ask(COAP_PUT, "26300/0/1", "20");
	world_run(&world, SECONDS(3));
	static const enum coap_code codes[] = {COAP_NOT_FOUND, COAP_NOT_FOUND, COAP_METHOD_NOT_ALLOWED, COAP_NOT_FOUND,
		COAP_BAD_REQUEST, COAP_METHOD_NOT_ALLOWED};
	for (unsigned i = 0; i < 6; i++)
		expect(i, codes[i], "");
	assert_int_equal(device.asked, 0);
}

static void silence_is_5_04_and_after_three_times_the_program_is_stopped(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EXTENSION_LATE_MAX; i++) {
		assert_int_equal(device.stops, 0);
		ask(COAP_GET, "26300/0/1", NULL);
		world_run(&world, SECONDS(6));
		expect(i, COAP_GATEWAY_TIMEOUT, "the extension has not answered in time");
	}
	assert_int_equal(device.stops, 1);
	world_run(&world, SECONDS(2));
	assert_int_equal(device.starts, 2);
	assert_non_null(strstr(device.log, "event=extension_stopped name=house reason=\"it does not answer\""));
}

static void who_asked_a_program_that_ends_is_told_5_03(void **state)
{
	(void)state;
	ask(COAP_PUT, "26300/0/2", "21");
	ask(COAP_GET, "26300/0/1", NULL);
	world_run(&world, SECONDS(1));
	agent_extension_ended(device.agent, ROOM, "exit status 1", world.now);
	world_run(&world, 500);
	expect(0, COAP_SERVICE_UNAVAILABLE, "the extension has ended");
	expect(1, COAP_SERVICE_UNAVAILABLE, "the extension has ended");
	ask(COAP_GET, "26300/0/1", NULL);
	world_run(&world, 400);
	expect(2, COAP_SERVICE_UNAVAILABLE, "the extension does not run");
	device.cannot_start = true;
	world_run(&world, SECONDS(60));
	assert_in_range(device.starts, 4, 8); /* after 1, 2, 4, 8 ... seconds */
}

static void what_is_asked_of_files_that_go_is_5_03(void **state)
{
	(void)state;
	ask(COAP_GET, "26300/0", NULL);
	(void)ask_as(COAP_GET, "26300/0", NULL, COAP_FORMAT_TEXT, false);
	world_run(&world, SECONDS(1));
	agent_extension_close(device.agent, ROOM, world.now);
	world_run(&world, SECONDS(1));
	expect(0, COAP_SERVICE_UNAVAILABLE, "the extension has ended");
	ask(COAP_GET, "26300/0", NULL);
	world_run(&world, SECONDS(1));
	expect(2, COAP_NOT_FOUND, "");
}

static void more_than_it_can_keep_in_mind_is_5_03(void **state)
{
	(void)state;
	for (int i = 0; i < EXTENSION_QUESTIONS_MAX + 1; i++)
		ask(COAP_GET, "26300/0/1", NULL);
	world_run(&world, SECONDS(1));
	assert_int_equal(answers, 1);
	assert_int_equal(told[0].code, COAP_SERVICE_UNAVAILABLE);
	say("{\"id\":1,\"value\":1}");
	ask(COAP_GET, "26300/0/1", NULL);
	world_run(&world, SECONDS(1));
	expect(1, COAP_CONTENT, "1");
	assert_int_equal(answers, 2);
}

static void one_that_does_not_listen_is_5_03(void **state)
{
	(void)state;
	device.is_deaf = true;
	ask(COAP_POST, "26300/0/4", NULL);
	world_run(&world, SECONDS(1));
	expect(0, COAP_SERVICE_UNAVAILABLE, "the extension does not listen");
	device.is_deaf = false;
	ask(COAP_POST, "26300/0/4", NULL);
	world_run(&world, SECONDS(1));
	assert_string_equal(device.lines[0], "{\"id\":2,\"op\":\"execute\",\"path\":\"/26300/0/4\"}");
}

static void a_write_is_done_when_the_program_says_so(void **state)
{
	(void)state;
	ask(COAP_PUT, "26300/0/2", "21");
	ask(COAP_PUT, "26300/0/2", "22");
	world_run(&world, SECONDS(1));
	assert_int_equal(answers, 0);
	assert_string_equal(device.lines[1], "{\"id\":2,\"op\":\"write\",\"path\":\"/26300/0/2\",\"value\":22}");
	say("{\"id\":2,\"error\":\"bad-value\",\"reason\":\"the window is open\"}");
	say("{\"id\":1}");
	world_run(&world, SECONDS(1));
	expect(0, COAP_BAD_REQUEST, "the window is open");
	expect(1, COAP_CHANGED, "");
}

static void a_write_is_said_as_narrowly_as_it_can_be(void **state)
{
	(void)state;
	(void)ask_as(COAP_POST, "26300/0", "[{\"n\":\"/26300/0/2\",\"v\":19}]", COAP_FORMAT_SENML_JSON, false);
	(void)ask_as(COAP_IPATCH, "", "[{\"n\":\"/26300/0/2\",\"v\":18}]", COAP_FORMAT_SENML_ETCH_JSON, false);
	(void)ask_as(COAP_IPATCH, "", "[{\"n\":\"/26300/0/2\",\"v\":17},{\"n\":\"/26300/0/0\",\"vs\":\"a\"}]",
		COAP_FORMAT_SENML_ETCH_JSON, false);
	world_run(&world, SECONDS(1));
	assert_string_equal(device.lines[0], "{\"id\":1,\"op\":\"write\",\"path\":\"/26300/0/2\",\"value\":19}");
	assert_string_equal(device.lines[1], "{\"id\":2,\"op\":\"write\",\"path\":\"/26300/0/2\",\"value\":18}");
	assert_string_equal(device.lines[2], "{\"id\":3,\"op\":\"write\",\"path\":\"/26300/0\",\"values\":"
					     "[{\"n\":\"/26300/0/2\",\"v\":17},{\"n\":\"/26300/0/0\",\"vs\":\"a\"}]}");
	say("{\"id\":2}");
	assert_string_equal(device.lines[3], "{\"id\":4,\"op\":\"read\",\"path\":\"/26300/0/2\"}");
	(void)ask_as(COAP_IPATCH, "", "[{\"n\":\"/26300/0/2\",\"v\":17},{\"n\":\"/1/0/2\",\"v\":1}]",
		COAP_FORMAT_SENML_ETCH_JSON, false);
	world_run(&world, SECONDS(1));
	expect(0, COAP_CHANGED, "");
	expect(1, COAP_NOT_IMPLEMENTED, "");
}

static void an_instance_is_created_and_registered_when_the_program_says_so(void **state)
{
	(void)state;
	(void)ask_as(COAP_POST, "26301", "[{\"n\":\"/26301/4/0\",\"v\":1}]", COAP_FORMAT_SENML_JSON, false);
	world_run(&world, SECONDS(1));
	assert_int_equal(updates, 0);
	assert_string_equal(device.lines[0], "{\"id\":1,\"op\":\"create\",\"path\":\"/26301/4\",\"values\":[]}");
	say("{\"id\":1}");
	world_run(&world, SECONDS(1));
	expect(0, COAP_CREATED, "");
	assert_int_equal(updates, 1);
	assert_non_null(strstr(links, "</26301/4>"));
	ask(COAP_DELETE, "26301/4", NULL);
	world_run(&world, SECONDS(1));
	say("{\"id\":3}"); /* 2 has asked for the values of the new one */
	world_run(&world, SECONDS(1));
	expect(1, COAP_DELETED, "");
	assert_null(strstr(links, "</26301/4>"));
}

static void what_the_program_tells_is_notified(void **state)
{
	(void)state;
	(void)ask_as(COAP_GET, "26300/0/1", NULL, COAP_FORMAT_TEXT, true);
	world_run(&world, SECONDS(1));
	say("{\"id\":1,\"value\":20}");
	world_run(&world, SECONDS(1));
	expect(0, COAP_CONTENT, "20");
	say("{\"notify\":[{\"n\":\"/26300/0/1\",\"v\":21}]}");
	world_run(&world, SECONDS(1));
	expect(1, COAP_CONTENT, "21");
	say("{\"notify\":[{\"n\":\"/26300/0/1\",\"v\":21}]}");
	world_run(&world, SECONDS(60));
	assert_int_equal(answers + notifications, 2);
	assert_int_equal(device.asked, 1); /* it tells by itself */
}

static void an_observation_ends_with_the_object(void **state)
{
	(void)state;
	(void)ask_as(COAP_GET, "26300/0/1", NULL, COAP_FORMAT_TEXT, true);
	world_run(&world, SECONDS(1));
	say("{\"id\":1,\"value\":20}");
	world_run(&world, SECONDS(1));
	agent_extension_close(device.agent, ROOM, world.now);
	world_run(&world, SECONDS(2));
	expect(1, COAP_NOT_FOUND, "");
	assert_int_equal(answers, 1); /* the exchange has ended */
}

static void one_that_tells_nothing_is_asked_while_somebody_watches(void **state)
{
	(void)state;
	(void)ask_as(COAP_GET, "26300/0/1", NULL, COAP_FORMAT_TEXT, true);
	world_run(&world, SECONDS(1));
	say("{\"id\":1,\"value\":20}");
	world_run(&world, SECONDS(6));
	assert_int_equal(device.asked, 2);
	say("{\"id\":2,\"value\":20}");
	world_run(&world, SECONDS(1));
	assert_int_equal(notifications, 1);
	world_run(&world, SECONDS(5));
	assert_int_equal(device.asked, 3);
	say("{\"id\":3,\"value\":21}");
	world_run(&world, SECONDS(1));
	expect(1, COAP_CONTENT, "21");
	assert_in_range(device.asked, 3, 4);
}

static void an_observation_that_ends_before_it_has_begun_leaves_nothing(void **state)
{
	(void)state;
	struct handle exchange = ask_as(COAP_GET, "26300/0/1", NULL, COAP_FORMAT_TEXT, true);
	world_run(&world, SECONDS(1));
	coap_endpoint_cancel(server.endpoint, exchange, world.now);
	world_run(&world, SECONDS(1));
	unsigned asked = device.asked;
	say("{\"id\":1,\"value\":20}");
	world_run(&world, SECONDS(60));
	assert_int_equal(notifications, 0);
	assert_true(device.asked <= asked);
}

static void an_observation_of_what_cannot_be_read_ends(void **state)
{
	(void)state;
	(void)ask_as(COAP_GET, "26300/0/1", NULL, COAP_FORMAT_TEXT, true);
	world_run(&world, SECONDS(1));
	say("{\"id\":1,\"error\":\"not-found\"}");
	world_run(&world, SECONDS(60));
	expect(0, COAP_NOT_FOUND, "");
	assert_int_equal(device.asked, 1);
}

static void a_lost_association_takes_its_requests_with_it(void **state)
{
	(void)state;
	(void)ask_as(COAP_GET, "26300/0/1", NULL, COAP_FORMAT_TEXT, true);
	world_run(&world, SECONDS(1));
	agent_disconnected(device.agent, 0, "gone", world.now);
	say("{\"id\":1,\"value\":20}");
	world_run(&world, SECONDS(30));
	assert_true(agent_is_registered(device.agent));
	unsigned asked = device.asked;
	world_run(&world, SECONDS(30));
	assert_int_equal(device.asked, asked);
	ask(COAP_GET, "26300/0/3", NULL);
	world_run(&world, SECONDS(1));
	say("{\"id\":2,\"value\":true}");
	world_run(&world, SECONDS(1));
	assert_string_equal(told[answers + notifications - 1].text, "1");
}

static void a_long_value_comes_in_blocks_of_one_answer(void **state)
{
	static char line[2200] = "{\"id\":1,\"value\":\"";
	(void)state;
	ask(COAP_GET, "26300/0/0", NULL);
	world_run(&world, SECONDS(1));
	memset(line + strlen(line), 'x', 2000);
	strcat(line, "\"}");
	say(line);
	world_run(&world, SECONDS(5));
	assert_int_equal(answers, 1);
	assert_int_equal(told[0].code, COAP_CONTENT);
	assert_int_equal(told[0].len, 2000);
	assert_int_equal(device.asked, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(its_objects_are_registered),
		TEST(a_read_is_answered_when_the_program_has_answered),
		TEST(what_is_not_there_is_not_asked_for),
		TEST(silence_is_5_04_and_after_three_times_the_program_is_stopped),
		TEST(who_asked_a_program_that_ends_is_told_5_03),
		TEST(what_is_asked_of_files_that_go_is_5_03),
		TEST(more_than_it_can_keep_in_mind_is_5_03),
		TEST(one_that_does_not_listen_is_5_03),
		TEST(a_write_is_done_when_the_program_says_so),
		TEST(a_write_is_said_as_narrowly_as_it_can_be),
		TEST(an_instance_is_created_and_registered_when_the_program_says_so),
		TEST(what_the_program_tells_is_notified),
		TEST(an_observation_ends_with_the_object),
		TEST(one_that_tells_nothing_is_asked_while_somebody_watches),
		TEST(an_observation_that_ends_before_it_has_begun_leaves_nothing),
		TEST(an_observation_of_what_cannot_be_read_ends),
		TEST(a_lost_association_takes_its_requests_with_it),
		TEST(a_long_value_comes_in_blocks_of_one_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
