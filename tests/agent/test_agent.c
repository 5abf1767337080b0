/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The whole agent on a virtual network with a small server of its own making: registration, requests, observation, and
 * updates over the wire. Signatures and digests are stand-ins; the manifests are real. */
#include "agent/agent.h"
#include "coap/content_format.h"
#include "mgmt/key_pair.h"
#include "disk.h"
#include "tests/sim/peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SERVER_URI         "coap://192.0.2.1:5683"
#define NEW_BYTES          5000
#define OLD_BYTES          700
#define BLOCK              64
#define NEW_BLOCKS         79
#define LOG_BYTES          16384
#define SHELF_RECORD_BYTES 32768

/* ---- the device ---- */

struct device {
	struct world_node node;
	struct agent *agent;
	struct coap_endpoint *endpoint;
	void *memory, *endpoint_memory;
	struct disk disk;
	uint8_t shelf[SHELF_COUNT][SHELF_RECORD_BYTES];
	size_t shelf_lens[SHELF_COUNT];
	int shelf_error;
	bool was_rebooted;
	unsigned wanted, refused; /* links, a bit each */
	unsigned connects, closes;
	unsigned connects_of[AGENT_LINKS_MAX];
	char identity[32];     /* of the latest attempt, when it is not the configuration's */
	const char *unloved;   /* this identity is refused; NULL: none */
	struct handle session; /* of what comes in: the latest link's */
	char log[LOG_BYTES];
	size_t log_len;
};

/* ---- the server ---- */

struct server {
	struct peer peer;
	unsigned registers, updates, leaves, manifests, slices, bootstraps, keys;
	enum coap_code register_code, bootstrap_code, key_code;
	char query[256], links[512];
	uint8_t envelope[1024];
	size_t envelope_len;
	uint8_t image[NEW_BYTES];
	unsigned busy; /* answer 5.03 so many times */
	bool has_image, is_deaf;
	enum coap_code code; /* of the last answer to a request of ours */
	char text[512];      /* its payload, cut */
	size_t text_len;
	unsigned answers, notifications;
};

static struct world world;
static struct server server;
static struct device device;
static uint8_t old_image[OLD_BYTES];
static struct agent_config config;

static const uint8_t vendor[16] = {1, 2, 3}, class[16] = {4, 5, 6};

/* ---- stand-ins for cryptography ---- */

static void hash(void *context, struct bytes data, uint8_t ret[SHA256_BYTES])
{
	struct deploy_ports ports = disk_ports(&(struct disk){.hash = 0});
	(void)context;
	ports.digest.begin(ports.digest.context);
	ports.digest.add(ports.digest.context, data);
	ports.digest.end(ports.digest.context, ret);
}

static bool sign(void *context, struct bytes message, uint8_t ret[SIGNATURE_BYTES])
{
	(void)context;
	hash(NULL, message, ret);
	memset(ret + SHA256_BYTES, 0x11, SIGNATURE_BYTES - SHA256_BYTES);
	return true;
}

static bool verify(void *context, enum signature_algorithm algorithm, struct bytes message, struct bytes signature)
{
	uint8_t expected[SIGNATURE_BYTES];
	(void)context;
	(void)algorithm;
	(void)sign(NULL, message, expected);
	return bytes_equal(signature, bytes_of(expected, sizeof expected));
}

static const struct signature_port signatures = {NULL, hash, verify};

static void publish(uint64_t sequence, const uint8_t class_id[16], const char *uri)
{
	const struct signer_port signer = {NULL, SIGNATURE_EDDSA, sign};
	struct manifest m = {.sequence = sequence, .size = NEW_BYTES, .component = bytes_of_text("image")};
	struct writer w = writer_of(server.envelope, sizeof server.envelope);
	m.uri = bytes_of_text(uri);
	m.version = bytes_of_text("1.1.0");
	memcpy(m.vendor_id, vendor, sizeof vendor);
	memcpy(m.class_id, class_id, sizeof m.class_id);
	hash(NULL, bytes_of(server.image, NEW_BYTES), m.digest);
	assert_int_equal(manifest_sign(&m, &signatures, &signer, &w), MANIFEST_GOOD);
	server.envelope_len = writer_bytes(&w).len;
}

/* ---- what the server offers ---- */

static void keep_queries(const struct coap_message *m)
{
	struct bytes query;
	unsigned cursor = 0;
	size_t len = 0;
	while (coap_message_next(m, COAP_OPTION_URI_QUERY, &cursor, &query))
		len += (size_t)snprintf(server.query + len, sizeof server.query - len, "%.*s&", (int)query.len,
			(const char *)query.data);
}

static enum coap_answer serve_registration(
	void *context, struct coap_endpoint *e, const struct coap_request *request, struct coap_response *ret, msec now)
{
	(void)context;
	(void)e;
	(void)now;
	server.query[0] = '\0';
	keep_queries(request->message);
	if (request->message->code == COAP_DELETE) {
		server.leaves++;
		ret->code = COAP_DELETED;
	} else if (request->rest_count > 0) {
		server.updates++;
		ret->code = COAP_CHANGED;
	} else {
		server.registers++;
		(void)snprintf(server.links, sizeof server.links, "%.*s", (int)request->body.len,
			(const char *)request->body.data);
		ret->code = server.register_code;
		coap_options_add_path(&ret->options, COAP_OPTION_LOCATION_PATH, bytes_of_text("rd/5a3f"));
	}
	return COAP_ANSWER_NOW;
}

static enum coap_answer serve_manifest(
	void *context, struct coap_endpoint *e, const struct coap_request *request, struct coap_response *ret, msec now)
{
	(void)context;
	(void)e;
	(void)request;
	(void)now;
	server.manifests++;
	if (server.busy > 0) {
		server.busy--;
		ret->code = COAP_SERVICE_UNAVAILABLE;
		return COAP_ANSWER_NOW;
	}
	ret->code = COAP_CONTENT;
	ret->content_format = COAP_FORMAT_OCTETS;
	ret->payload = bytes_of(server.envelope, server.envelope_len);
	return COAP_ANSWER_NOW;
}

static enum coap_answer serve_image(
	void *context, struct coap_endpoint *e, const struct coap_request *request, struct coap_response *ret, msec now)
{
	(void)context;
	(void)e;
	(void)now;
	if (!server.has_image) {
		ret->code = COAP_NOT_FOUND;
		return COAP_ANSWER_NOW;
	}
	server.slices++;
	ret->code = COAP_CONTENT;
	ret->is_slice = true;
	ret->body_size = NEW_BYTES;
	ret->etag = bytes_of("\1\2\3", 3);
	struct bytes rest = bytes_from(bytes_of(server.image, NEW_BYTES), request->slice_offset);
	ret->payload = bytes_first(rest, request->slice_size);
	return COAP_ANSWER_NOW;
}

static enum coap_answer serve_bootstrap(
	void *context, struct coap_endpoint *e, const struct coap_request *request, struct coap_response *ret, msec now)
{
	(void)context;
	(void)e;
	(void)now;
	server.bootstraps++;
	server.query[0] = '\0';
	keep_queries(request->message);
	ret->code = server.bootstrap_code;
	return COAP_ANSWER_NOW;
}

/* A pair of its own each time it is asked. */
static enum coap_answer serve_key(
	void *context, struct coap_endpoint *e, const struct coap_request *request, struct coap_response *ret, msec now)
{
	static uint8_t body[64];
	char identity[16];
	(void)context;
	(void)e;
	(void)now;
	assert_int_equal(request->message->code, COAP_POST);
	(void)snprintf(identity, sizeof identity, "pump-1#%u", ++server.keys);
	struct writer w = writer_of(body, sizeof body);
	key_pair_write(&w, bytes_of_text(identity), bytes_of_text("sixteen bytes ok"));
	ret->code = server.key_code;
	ret->content_format = COAP_FORMAT_CBOR;
	ret->payload = writer_bytes(&w);
	return COAP_ANSWER_NOW;
}

static const struct coap_resource resources[] = {
	{.path = "rd", .is_subtree = true, .handle = serve_registration},
	{.path = "m", .handle = serve_manifest},
	{.path = "a", .handle = serve_image},
	{.path = "bs", .handle = serve_bootstrap},
	{.path = "psk", .handle = serve_key},
};

/* ---- what the server asks ---- */

static void replied(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	(void)context;
	(void)e;
	(void)now;
	server.code = reply->code;
	server.text_len = reply->body.len < sizeof server.text ? reply->body.len : sizeof server.text;
	if (server.text_len > 0)
		memcpy(server.text, reply->body.data, server.text_len);
	if (reply->outcome == COAP_OUTCOME_NOTIFICATION)
		server.notifications++;
	else
		server.answers++;
}

static void ask(struct peer *from, enum coap_code method, const char *path, const char *body, bool observe)
{
	struct coap_options options = {.count = 0};
	struct handle exchange;
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	if (method == COAP_GET && !observe)
		coap_options_add_uint(&options, COAP_OPTION_ACCEPT, COAP_FORMAT_TEXT);
	if (method == COAP_PUT && body != NULL)
		coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_TEXT);
	struct coap_call call = {.to = {device.node.address, HANDLE_NONE},
		.method = method,
		.options = &options,
		.body = body == NULL ? BYTES_NONE : bytes_of_text(body),
		.observe = observe,
		.reply = replied};
	assert_true(coap_endpoint_request(from->endpoint, &call, world.now, &exchange));
}

static bool has_answer(void *context)
{
	return server.answers > *(unsigned *)context;
}

static enum coap_code request(enum coap_code method, const char *path, const char *body)
{
	unsigned before = server.answers;
	ask(&server.peer, method, path, body, false);
	assert_true(world_run_until(&world, SECONDS(100), has_answer, &before));
	return server.code;
}

static void expect_text(const char *path, const char *text)
{
	assert_int_equal(request(COAP_GET, path, NULL), COAP_CONTENT);
	assert_int_equal(server.text_len, strlen(text));
	assert_memory_equal(server.text, text, server.text_len);
}

/* ---- the device's ports ---- */

static bool uplink_connect(void *context, unsigned link, const struct account_security *account, msec now)
{
	(void)now;
	struct device *d = context;
	(void)snprintf(d->identity, sizeof d->identity, "%.*s", account->identity_len, (const char *)account->identity);
	d->connects++;
	d->connects_of[link]++;
	d->wanted |= 1u << link;
	return true;
}

static void uplink_close(void *context, unsigned link, msec now)
{
	struct device *d = context;
	(void)now;
	d->closes++;
	d->wanted &= ~(1u << link);
}

static int load_shelf(void *context, enum shelf_record which, void *buffer, size_t capacity)
{
	const struct device *d = context;
	assert_true(d->shelf_lens[which] <= capacity);
	memcpy(buffer, d->shelf[which], d->shelf_lens[which]);
	return (int)d->shelf_lens[which];
}

static int store_shelf(void *context, enum shelf_record which, struct bytes record)
{
	struct device *d = context;
	assert_true(record.len <= sizeof d->shelf[which]);
	if (d->shelf_error != 0)
		return d->shelf_error;
	memcpy(d->shelf[which], record.data, record.len);
	d->shelf_lens[which] = record.len;
	return 0;
}

static void sample(void *context, struct platform_sample *ret)
{
	(void)context;
	*ret = (struct platform_sample){.cpu_permille = (uint16_t)(world.now / 7000 % 900),
		.memory_total = 1 << 27,
		.memory_available = 1 << 26,
		.unix_time_s = 1800000000 + world.now / 1000};
}

static bool reboot(void *context)
{
	((struct device *)context)->was_rebooted = true;
	return true;
}

static void write_log(void *context, enum agent_log_level level, struct bytes line)
{
	struct device *d = context;
	(void)level;
	d->log_len += (size_t)snprintf(
		d->log + d->log_len, LOG_BYTES - d->log_len, "%.*s\n", (int)line.len, (const char *)line.data);
	assert_true(d->log_len < LOG_BYTES);
}

static bool logged(const char *text)
{
	return strstr(device.log, text) != NULL;
}

/* ---- the device in the world ---- */

static void receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct device *d = context;
	struct coap_remote remote = {*from, HANDLE_NONE};
	if (address_equal(from, &server.peer.node.address))
		remote.session = d->session;
	if (d->agent == NULL || agent_hears(d->agent, &remote, datagram))
		coap_endpoint_receive(d->endpoint, &remote, datagram, now);
}

static msec deadline(void *context)
{
	struct device *d = context;
	if (d->wanted != 0)
		return world.now;
	return msec_earlier(coap_endpoint_deadline(d->endpoint), agent_deadline(d->agent));
}

static void finish_connection(struct device *d, msec now)
{
	struct coap_remote remote = peer_remote(&server.peer);
	unsigned link = 0;
	while ((d->wanted >> link & 1) == 0)
		link++;
	d->wanted &= ~(1u << link);
	remote.session = d->session = (struct handle){link, 1};
	if ((d->refused >> link & 1) != 0 || (d->unloved != NULL && strcmp(d->unloved, d->identity) == 0))
		agent_disconnected(d->agent, link, "refused", now);
	else
		agent_connected(d->agent, link, &remote, now);
}

static void tick(void *context, msec now)
{
	struct device *d = context;
	while (d->wanted != 0)
		finish_connection(d, now);
	coap_endpoint_tick(d->endpoint, now);
	agent_tick(d->agent, now);
}

static bool transmit(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct device *d = context;
	struct datagram_port port = world_port(&d->node);
	(void)now;
	return port.send(port.context, &to->address, message);
}

static void power_on(void)
{
	struct device *d = &device;
	struct deploy_ports disk = disk_ports(&d->disk);
	uint8_t seed[PRNG_SEED_BYTES];
	struct agent_ports ports = {
		.uplink = {d, uplink_connect, uplink_close},
		.platform = {d, sample, reboot},
		.slots = disk.slots,
		.boot = disk.boot,
		.payload = disk.payload,
		.journal = disk.journal,
		.digest = disk.digest,
		.signature = &signatures,
		.log = {d, write_log},
		.shelf = {d, load_shelf, store_shelf},
	};
	prng_fill(&world.prng, seed, sizeof seed);
	d->memory = aligned_alloc(64, agent_memory(&config));
	d->agent = agent_init(d->memory, &config, &ports, seed);
	uint32_t count;
	const struct coap_resource *table = agent_resources(d->agent, &count);
	struct coap_endpoint_config endpoint = peer_config(table, count);
	endpoint.transport = (struct coap_transport){.context = d, .send = transmit};
	d->endpoint_memory = aligned_alloc(64, coap_endpoint_memory(&endpoint));
	d->endpoint = coap_endpoint_init(d->endpoint_memory, &endpoint, seed);
	d->wanted = 0;
	d->node = (struct world_node){address_ipv4(192, 0, 2, 7, 5683), d, receive, deadline, tick, NULL, false};
	world_join(&world, &d->node);
	assert_int_equal(agent_start(d->agent, d->endpoint, world.now), 0);
}

static void power_off(void)
{
	world_leave(&world, &device.node);
	free(device.memory);
	free(device.endpoint_memory);
	device.agent = NULL;
	disk_reboot(&device.disk);
}

static int begin(void **state)
{
	(void)state;
	world_init(&world, 1);
	memset(&server, 0, sizeof server);
	memset(&device, 0, sizeof device);
	struct coap_endpoint_config peer = peer_config(resources, 5);
	peer_join(&server.peer, &world, 1, &peer);
	server.register_code = COAP_CREATED;
	server.bootstrap_code = COAP_CHANGED;
	server.key_code = COAP_CHANGED;
	server.has_image = true;
	disk_make_image(old_image, OLD_BYTES, 1);
	disk_make_image(server.image, NEW_BYTES, 2);
	disk_init(&device.disk);
	disk_provision(&device.disk, old_image, OLD_BYTES, "1.0.0", 4);
	config = agent_config_default;
	config.endpoint_name = "pump-1";
	config.server_uri = SERVER_URI;
	config.identity = (struct platform_identity){"Fieldfare", "demo", "1", "test", "a", {0}, {0}};
	memcpy(config.identity.vendor_id, vendor, sizeof vendor);
	memcpy(config.identity.class_id, class, sizeof class);
	config.block_size = BLOCK;
	config.progress_every = 8;
	config.image_size_max = DISK_SLOT_BYTES;
	config.download_give_up_ms = SECONDS(600);
	publish(5, class, "/a");
	power_on();
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (device.agent != NULL)
		power_off();
	peer_leave(&server.peer);
	world_done(&world);
	return 0;
}

static bool is_registered(void *context)
{
	(void)context;
	return device.agent != NULL && agent_is_registered(device.agent);
}

static void until_registered(void)
{
	assert_true(world_run_until(&world, SECONDS(300), is_registered, NULL));
}

static bool is_in_state(void *context)
{
	return agent_journal(device.agent)->phase == *(enum journal_phase *)context;
}

static void until_phase(enum journal_phase phase)
{
	assert_true(world_run_until(&world, SECONDS(900), is_in_state, &phase));
}

/* Lets the device's program do what it would: end its self-test, then run. */
static void until_tried(bool passes)
{
	for (int i = 0; i < 100 && agent_journal(device.agent)->phase == JOURNAL_TRIAL; i++) {
		world_run(&world, 500);
		if (device.disk.program != DEPLOY_SELF_TEST)
			continue;
		device.disk.program = DEPLOY_NOTHING;
		agent_self_test_done(device.agent, passes, passes ? "exit status 0" : "exit status 1", world.now);
	}
	assert_int_equal(agent_journal(device.agent)->phase, JOURNAL_IDLE);
}

/* ---- registration ---- */

static void it_registers_with_its_name_lifetime_and_objects(void **state)
{
	(void)state;
	until_registered();
	assert_int_equal(server.registers, 1);
	assert_non_null(strstr(server.query, "ep=pump-1&"));
	assert_non_null(strstr(server.query, "lt=300&"));
	assert_non_null(strstr(server.query, "lwm2m=1.1&"));
	assert_non_null(strstr(server.query, "b=U&"));
	assert_non_null(strstr(server.links, "</26250/0>"));
	assert_null(strstr(server.links, "</0"));
}

static void it_keeps_its_registration_alive(void **state)
{
	(void)state;
	until_registered();
	world_run(&world, SECONDS(3000));
	assert_int_equal(server.registers, 1);
	assert_in_range(server.updates, 10, 20);
	assert_true(is_registered(NULL));
}

static void a_refused_registration_is_tried_again(void **state)
{
	(void)state;
	server.register_code = COAP_FORBIDDEN;
	world_run(&world, SECONDS(60));
	assert_in_range(server.registers, 3, 8);
	assert_true(logged("event=register_refused code=\"4.03"));
	server.register_code = COAP_CREATED;
	until_registered();
}

/* lwm2m interface section 3.3 rule 6 */
static void nothing_is_done_for_a_server_before_it_has_answered_the_register(void **state)
{
	(void)state;
	server.register_code = COAP_FORBIDDEN;
	world_run(&world, SECONDS(1));
	assert_true(server.registers > 0);
	ask(&server.peer, COAP_POST, "1/0/8", NULL, false);
	world_run(&world, SECONDS(3));
	assert_int_equal(server.answers, 0);
	server.register_code = COAP_CREATED;
	until_registered();
	world_run(&world, SECONDS(60)); /* it is sent again meanwhile */
	assert_int_equal(server.answers, 1);
	assert_int_equal(server.code, COAP_CHANGED);
}

static void a_silent_server_makes_it_close_and_connect_anew(void **state)
{
	(void)state;
	until_registered();
	link_cut(&world.link, &server.peer.node.address, true);
	world_run(&world, SECONDS(600));
	assert_false(is_registered(NULL));
	assert_true(device.closes > 0);
	assert_true(logged("event=server_silent request=update"));
	link_cut(&world.link, &server.peer.node.address, false);
	until_registered();
	assert_true(server.registers > 1);
}

static void a_lost_association_is_made_again_after_a_pause(void **state)
{
	(void)state;
	until_registered();
	device.refused = ~0u;
	agent_disconnected(device.agent, 0, "closed", world.now);
	assert_false(is_registered(NULL));
	world_run(&world, SECONDS(60));
	assert_in_range(device.connects, 3, 8);
	device.refused = 0;
	until_registered();
	assert_int_equal(server.registers, 2);
}

static bool is_stopped(void *context)
{
	(void)context;
	return agent_is_stopped(device.agent);
}

static void shutting_down_says_goodbye(void **state)
{
	(void)state;
	until_registered();
	agent_shutdown(device.agent, world.now);
	assert_true(world_run_until(&world, SECONDS(20), is_stopped, NULL));
	assert_int_equal(server.leaves, 1);
	assert_int_equal(device.closes, 1);
	assert_int_equal(device.disk.program, DEPLOY_NOTHING);
	assert_int_equal(agent_deadline(device.agent), NEVER);
}

static void shutting_down_without_a_server_ends_at_once(void **state)
{
	(void)state;
	device.refused = ~0u;
	world_run(&world, SECONDS(10));
	agent_shutdown(device.agent, world.now);
	assert_true(agent_is_stopped(device.agent));
}

/* ---- requests ---- */

static void only_the_server_is_answered(void **state)
{
	(void)state;
	struct peer stranger;
	struct coap_endpoint_config peer = peer_config(resources, 3);
	unsigned before;
	until_registered();
	expect_text("3/0/0", "Fieldfare");
	expect_text("3/0/3", "1.0.0");
	peer_join(&stranger, &world, 66, &peer);
	before = server.answers;
	ask(&stranger, COAP_GET, "3/0/0", NULL, false);
	assert_true(world_run_until(&world, SECONDS(10), has_answer, &before));
	assert_int_equal(server.code, COAP_UNAUTHORIZED);
	peer_leave(&stranger);
}

static void paths_that_are_no_paths_are_not_found(void **state)
{
	(void)state;
	until_registered();
	assert_int_equal(request(COAP_GET, "3/00", NULL), COAP_NOT_FOUND);
	assert_int_equal(request(COAP_GET, "3/0/0/0/0", NULL), COAP_NOT_FOUND);
	assert_int_equal(request(COAP_GET, "3/x", NULL), COAP_NOT_FOUND);
	assert_int_equal(request(COAP_GET, "99", NULL), COAP_NOT_FOUND);
	assert_int_equal(request(COAP_GET, "0/0", NULL), COAP_UNAUTHORIZED);
}

static void a_new_lifetime_is_announced(void **state)
{
	(void)state;
	until_registered();
	assert_int_equal(request(COAP_PUT, "1/0/1", "600"), COAP_CHANGED);
	world_run(&world, SECONDS(5));
	assert_int_equal(server.updates, 1);
	assert_non_null(strstr(server.query, "lt=600&"));
	power_off();
	power_on();
	until_registered();
	assert_non_null(strstr(server.query, "lt=600&")); /* and kept over a restart */
}

static void the_update_trigger_and_the_reboot_are_executed_after_the_answer(void **state)
{
	(void)state;
	until_registered();
	assert_int_equal(request(COAP_POST, "1/0/8", NULL), COAP_CHANGED);
	world_run(&world, SECONDS(5));
	assert_int_equal(server.updates, 1);
	assert_int_equal(request(COAP_POST, "3/0/4", NULL), COAP_CHANGED);
	assert_false(device.was_rebooted);
	world_run(&world, SECONDS(5));
	assert_true(device.was_rebooted);
}

/* ---- observation: 301, 760 ---- */

static void health_arrives_between_pmin_and_pmax(void **state)
{
	(void)state;
	struct coap_options options = {.count = 0};
	struct handle exchange;
	until_registered();
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("26250/0"));
	coap_options_add_text(&options, COAP_OPTION_URI_QUERY, "pmin=10");
	coap_options_add_text(&options, COAP_OPTION_URI_QUERY, "pmax=30");
	struct coap_call call = {
		.to = {device.node.address, HANDLE_NONE}, .method = COAP_PUT, .options = &options, .reply = replied};
	assert_true(coap_endpoint_request(server.peer.endpoint, &call, world.now, &exchange));
	world_run(&world, SECONDS(1));
	assert_int_equal(server.code, COAP_CHANGED);
	ask(&server.peer, COAP_GET, "26250/0", NULL, true);
	world_run(&world, SECONDS(1));
	assert_int_equal(server.notifications, 1);
	world_run(&world, SECONDS(600));
	assert_in_range(server.notifications, 20, 61);
	assert_true(agent_counters(device.agent)->notifications >= server.notifications - 1);
}

static void the_state_of_an_update_is_told_at_once(void **state)
{
	(void)state;
	until_registered();
	ask(&server.peer, COAP_GET, "5/0/3", NULL, true);
	world_run(&world, SECONDS(1));
	unsigned before = server.notifications;
	assert_int_equal(request(COAP_PUT, "5/0/1", SERVER_URI "/m"), COAP_CHANGED);
	until_phase(JOURNAL_DOWNLOADED);
	world_run(&world, SECONDS(5));
	assert_true(server.notifications > before);
	expect_text("5/0/3", "2");
}

/* ---- updates ---- */

static void offer(void)
{
	until_registered();
	assert_int_equal(request(COAP_PUT, "5/0/1", SERVER_URI "/m"), COAP_CHANGED);
}

static void a_signed_release_is_fetched_tried_and_confirmed(void **state)
{
	(void)state;
	offer();
	until_phase(JOURNAL_DOWNLOADED);
	assert_int_equal(server.manifests, 1);
	assert_int_equal(agent_counters(device.agent)->blocks_fetched, NEW_BLOCKS);
	assert_true(logged("event=download_complete blocks=79 fetched=79 resumed=0 repeated=0"));
	assert_true(disk_holds(&device.disk, SLOT_B, server.image, NEW_BYTES));
	assert_int_equal(request(COAP_POST, "5/0/2", NULL), COAP_CHANGED);
	expect_text("5/0/3", "3");
	until_tried(true);
	expect_text("5/0/3", "0");
	expect_text("5/0/5", "1");
	expect_text("3/0/3", "1.1.0");
	assert_int_equal(device.disk.program_slot, SLOT_B);
	assert_string_equal(agent_version(device.agent), "1.1.0");
}

static void a_release_that_fails_its_self_test_goes_back(void **state)
{
	(void)state;
	offer();
	until_phase(JOURNAL_DOWNLOADED);
	assert_int_equal(request(COAP_POST, "5/0/2", NULL), COAP_CHANGED);
	until_tried(false);
	expect_text("5/0/5", "8");
	expect_text("3/0/3", "1.0.0");
	assert_int_equal(device.disk.program, DEPLOY_PAYLOAD);
	assert_int_equal(device.disk.program_slot, SLOT_A);
	assert_true(logged("verdict=failed reason=\"exit status 1\""));
}

static bool has_result(void *context)
{
	(void)context;
	return agent_journal(device.agent)->result != 0;
}

static void expect_refusal(const char *result)
{
	offer();
	assert_true(world_run_until(&world, SECONDS(900), has_result, NULL));
	expect_text("5/0/5", result);
	expect_text("5/0/3", "0");
	expect_text("3/0/3", "1.0.0");
	assert_int_equal(device.disk.self_tests, 0);
}

static void a_manifest_with_any_byte_changed_is_refused(void **state)
{
	(void)state;
	offer();
	until_phase(JOURNAL_DOWNLOADED);
	for (size_t i = 0; i < server.envelope_len; i++) {
		assert_int_equal(request(COAP_PUT, "5/0/1", ""), COAP_CHANGED);
		server.envelope[i] ^= 0x20;
		offer();
		assert_true(world_run_until(&world, SECONDS(60), has_result, NULL));
		uint8_t result = agent_journal(device.agent)->result;
		assert_true(result == FIRMWARE_RESULT_INTEGRITY || result == FIRMWARE_RESULT_UNSUPPORTED_PACKAGE);
		server.envelope[i] ^= 0x20;
		device.log_len = 0;
		world_run(&world, SECONDS(250)); /* the device may forget these requests (EXCHANGE_LIFETIME) */
	}
}

/* 777 */
static void what_is_no_manifest_gives_result_6(void **state)
{
	(void)state;
	memcpy(server.envelope, "firmware", 8);
	server.envelope_len = 8;
	expect_refusal("6");
}

static void a_manifest_for_another_class_gives_result_6(void **state)
{
	(void)state;
	static const uint8_t other[16] = {9};
	publish(5, other, "/a");
	expect_refusal("6");
	assert_true(logged("another class"));
}

static void an_older_release_gives_result_5_although_it_is_signed(void **state)
{
	(void)state;
	publish(4, class, "/a");
	expect_refusal("5");
	assert_true(logged("downgrade refused"));
}

static void an_image_on_another_server_gives_result_7(void **state)
{
	(void)state;
	publish(5, class, "coap://192.0.2.66/a");
	expect_refusal("7");
}

static void a_missing_image_gives_result_7(void **state)
{
	(void)state;
	server.has_image = false;
	expect_refusal("7");
}

/* 776 */
static void an_altered_image_gives_result_5(void **state)
{
	(void)state;
	server.image[1234] ^= 1;
	expect_refusal("5");
	assert_false(device.disk.slots[SLOT_B].exists);
}

/* 773 */
static void an_image_that_does_not_fit_gives_result_2(void **state)
{
	(void)state;
	device.disk.slot_capacity = NEW_BYTES - 1;
	expect_refusal("2");
	assert_true(logged("event=update_effect_failed effect=fetch_image error=28"));
}

static void a_busy_server_is_asked_again(void **state)
{
	(void)state;
	server.busy = 3;
	offer();
	until_phase(JOURNAL_DOWNLOADED);
	assert_int_equal(server.manifests, 4);
}

static void a_fifth_of_the_datagrams_may_be_lost(void **state)
{
	(void)state;
	world.link.quality.loss_permille = 200;
	world.link.quality.delay = 25;
	offer();
	until_phase(JOURNAL_DOWNLOADED);
	assert_true(disk_holds(&device.disk, SLOT_B, server.image, NEW_BYTES));
}

static bool has_blocks(void *context)
{
	return server.slices >= *(unsigned *)context;
}

static void a_lost_association_resumes_where_it_was(void **state)
{
	(void)state;
	unsigned some = 40;
	world.link.quality.delay = 25;
	offer();
	assert_true(world_run_until(&world, SECONDS(60), has_blocks, &some));
	unsigned before = (unsigned)agent_counters(device.agent)->blocks_fetched;
	agent_disconnected(device.agent, 0, "closed", world.now);
	until_phase(JOURNAL_DOWNLOADED);
	assert_int_equal(server.registers, 2);
	assert_int_equal(server.manifests, 1);
	assert_true(agent_counters(device.agent)->blocks_resumed >= before);
	assert_true(logged("repeated=0"));
	assert_in_range(server.slices, NEW_BLOCKS, NEW_BLOCKS + config.blocks_in_flight);
}

static void a_power_cut_resumes_behind_the_last_journalled_block(void **state)
{
	(void)state;
	unsigned some = 40;
	world.link.quality.delay = 25;
	offer();
	assert_true(world_run_until(&world, SECONDS(60), has_blocks, &some));
	power_off();
	power_on();
	until_registered();
	until_phase(JOURNAL_DOWNLOADED);
	assert_true(agent_counters(device.agent)->blocks_resumed >= 16);
	assert_int_equal(server.manifests, 1);
	assert_in_range(server.slices, NEW_BLOCKS, NEW_BLOCKS + config.blocks_in_flight + config.progress_every);
	assert_true(disk_holds(&device.disk, SLOT_B, server.image, NEW_BYTES));
}

/* 775 */
static void a_server_that_stays_away_gives_result_4(void **state)
{
	(void)state;
	unsigned some = 20;
	world.link.quality.delay = 25;
	offer();
	assert_true(world_run_until(&world, SECONDS(60), has_blocks, &some));
	link_cut(&world.link, &server.peer.node.address, true);
	device.refused = ~0u;
	assert_true(world_run_until(&world, SECONDS(1200), has_result, NULL));
	assert_int_equal(agent_journal(device.agent)->result, FIRMWARE_RESULT_CONNECTION_LOST);
}

static void a_server_with_smaller_blocks_is_followed(void **state)
{
	(void)state;
	struct coap_endpoint_config peer = peer_config(resources, 3);
	peer.parameters.block_size = 32;
	end(NULL);
	world_init(&world, 2);
	peer_join(&server.peer, &world, 1, &peer);
	disk_init(&device.disk);
	disk_provision(&device.disk, old_image, OLD_BYTES, "1.0.0", 4);
	power_on();
	offer();
	until_phase(JOURNAL_DOWNLOADED);
	assert_true(disk_holds(&device.disk, SLOT_B, server.image, NEW_BYTES));
	assert_true(logged("event=download_complete blocks=157"));
}

static void a_cancel_in_the_middle_ends_the_transfer(void **state)
{
	(void)state;
	unsigned some = 20;
	world.link.quality.delay = 25;
	offer();
	assert_true(world_run_until(&world, SECONDS(60), has_blocks, &some));
	assert_int_equal(request(COAP_POST, "5/0/10", NULL), COAP_CHANGED);
	expect_text("5/0/5", "10");
	unsigned slices = server.slices;
	world_run(&world, SECONDS(30));
	assert_true(server.slices <= slices);
	assert_false(device.disk.slots[SLOT_B].exists);
}

static void a_confirmed_payload_that_crashes_is_started_again(void **state)
{
	(void)state;
	until_registered();
	device.disk.program = DEPLOY_NOTHING;
	agent_payload_exited(device.agent, 256 + 11, world.now);
	world_run(&world, SECONDS(6));
	assert_int_equal(device.disk.program, DEPLOY_PAYLOAD);
	expect_text("26250/0/12", "1");
}

/* ---- bootstrap (lwm2m interface section 4) ---- */

#define BOOTSTRAP_BIT (1u << AGENT_BOOTSTRAP_LINK)

/* A device that comes with an account at the Bootstrap server, and with another one only if `server_uri` says so. */
static void come_with(const char *server_uri)
{
	power_off();
	config.server_uri = server_uri;
	config.bootstrap_uri = "coaps://192.0.2.9:5684";
	config.hold_off_s = 5;
	memset(device.shelf_lens, 0, sizeof device.shelf_lens);
	memset(device.connects_of, 0, sizeof device.connects_of);
	server.registers = 0;
	power_on();
}

static bool is_asked(void *context)
{
	(void)context;
	return server.bootstraps > 0;
}

static void until_asked(void)
{
	server.bootstraps = 0;
	assert_true(world_run_until(&world, SECONDS(400), is_asked, NULL));
	world_run(&world, 10);
}

/* One account with pre-shared keys, resource by resource; opaque values are Base64 in text. */
static void give_account(void)
{
	assert_int_equal(request(COAP_DELETE, "0", NULL), COAP_DELETED);
	assert_int_equal(request(COAP_DELETE, "1", NULL), COAP_DELETED);
	assert_int_equal(request(COAP_PUT, "0/3/0", "coaps://192.0.2.1:5684"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "0/3/2", "0"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "0/3/3", "cHVtcA=="), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "0/3/5", "c2VjcmV0"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "0/3/10", "77"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "1/3/0", "77"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "1/3/1", "600"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "1/3/7", "U"), COAP_CHANGED);
}

static void a_device_without_accounts_waits_asks_and_registers_with_whom_it_is_given(void **state)
{
	(void)state;
	come_with("");
	world_run(&world, SECONDS(4));
	assert_int_equal(device.connects_of[AGENT_BOOTSTRAP_LINK], 0);
	until_asked();
	assert_string_equal(server.query, "ep=pump-1&pct=11542&");
	give_account();
	assert_int_equal(server.registers, 0);
	assert_int_equal(request(COAP_POST, "bs", NULL), COAP_CHANGED);
	until_registered();
	assert_non_null(strstr(server.query, "lt=600&"));
	assert_non_null(strstr(server.links, "</1/3>"));
	expect_text("1/3/0", "77");
	power_off();
	server.bootstraps = 0;
	power_on();
	until_registered();
	assert_int_equal(server.bootstraps, 0);
}

static void what_the_bootstrap_server_did_not_finish_has_not_happened(void **state)
{
	(void)state;
	come_with(SERVER_URI);
	until_registered();
	assert_int_equal(request(COAP_POST, "1/0/9", NULL), COAP_CHANGED);
	until_asked();
	assert_int_equal(request(COAP_DELETE, "", NULL), COAP_DELETED);
	assert_int_equal(request(COAP_POST, "bs", NULL), COAP_NOT_ACCEPTABLE);
	assert_true(logged("event=bootstrap_inconsistent"));
	power_off();
	server.registers = 0;
	power_on();
	until_registered();
	expect_text("1/0/0", "1");
	assert_int_equal(request(COAP_POST, "1/0/9", NULL), COAP_CHANGED);
	until_asked();
	assert_int_equal(request(COAP_DELETE, "", NULL), COAP_DELETED);
	world_run(&world, SECONDS(300)); /* the server falls silent */
	assert_true(agent_is_registered(device.agent));
}

static void a_device_whose_bootstrap_cannot_be_kept_says_so(void **state)
{
	(void)state;
	come_with("");
	until_asked();
	give_account();
	device.shelf_error = -ENOSPC;
	assert_int_equal(request(COAP_POST, "bs", NULL), COAP_INTERNAL_SERVER_ERROR);
	device.shelf_error = 0;
	assert_int_equal(request(COAP_POST, "bs", NULL), COAP_CHANGED);
	until_registered();
}

/* int-7 */
static void accounts_that_lead_nowhere_make_it_ask_again(void **state)
{
	(void)state;
	come_with(SERVER_URI);
	device.refused = 1;
	until_asked();
	assert_int_equal(device.connects_of[0], 5);
	give_account();
	assert_int_equal(request(COAP_POST, "bs", NULL), COAP_CHANGED);
	device.refused = 0;
	until_registered();
	assert_int_equal(device.connects_of[AGENT_BOOTSTRAP_LINK], 1);
}

static void a_server_that_is_there_again_ends_the_wish_to_bootstrap(void **state)
{
	(void)state;
	come_with(SERVER_URI);
	device.refused = 1 | BOOTSTRAP_BIT;
	world_run(&world, SECONDS(600));
	assert_in_range(device.connects_of[AGENT_BOOTSTRAP_LINK], 3, 20);
	device.refused = BOOTSTRAP_BIT;
	until_registered();
	unsigned tries = device.connects_of[AGENT_BOOTSTRAP_LINK];
	world_run(&world, SECONDS(3600));
	assert_int_equal(device.connects_of[AGENT_BOOTSTRAP_LINK], tries);
}

static void a_bootstrap_server_that_refuses_is_asked_again_ever_more_seldom(void **state)
{
	(void)state;
	come_with("");
	server.bootstrap_code = COAP_FORBIDDEN;
	world_run(&world, SECONDS(3600));
	assert_in_range(server.bootstraps, 8, 20);
	assert_true(logged("event=bootstrap_refused code=\"4.03"));
}

static void only_the_bootstrap_server_may_bootstrap(void **state)
{
	(void)state;
	until_registered();
	assert_int_equal(request(COAP_POST, "bs", NULL), COAP_UNAUTHORIZED);
	assert_int_equal(request(COAP_DELETE, "", NULL), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(request(COAP_PUT, "0/0/0", "coaps://192.0.2.66"), COAP_UNAUTHORIZED);
	assert_int_equal(request(COAP_POST, "1/0/9", NULL), COAP_METHOD_NOT_ALLOWED); /* it knows none */
}

static void a_bootstrap_server_sees_no_secrets_and_spares_its_own_account(void **state)
{
	(void)state;
	come_with(SERVER_URI);
	until_registered();
	assert_int_equal(request(COAP_POST, "1/0/9", NULL), COAP_CHANGED);
	until_asked();
	assert_int_equal(request(COAP_GET, "0/0/5", NULL), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(request(COAP_GET, "3/0/0", NULL), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(request(COAP_DELETE, "0/1", NULL), COAP_BAD_REQUEST);
	assert_int_equal(request(COAP_DELETE, "0/0", NULL), COAP_DELETED);
	assert_int_equal(request(COAP_PUT, "1/0/1", "0"), COAP_BAD_REQUEST);
	assert_int_equal(request(COAP_PUT, "77/0/1", "0"), COAP_NOT_FOUND);
}

/* ---- pre-shared keys that follow one another ---- */

static void come_with_key(uint32_t rekey_days)
{
	power_off();
	config.has_psk = true;
	config.rekey_days = rekey_days;
	power_on();
	until_registered();
}

static void an_operator_has_the_key_changed(void **state)
{
	(void)state;
	come_with_key(0);
	world_run(&world, SECONDS(86400));
	assert_int_equal(server.keys, 0);
	expect_text("26252/0/0", "0");
	assert_int_equal(request(COAP_GET, "26252/0/1", NULL), COAP_NOT_FOUND);
	unsigned registers = server.registers;
	assert_int_equal(request(COAP_POST, "26252/0/3", NULL), COAP_CHANGED);
	world_run(&world, SECONDS(20));
	assert_int_equal(server.keys, 1);
	assert_string_equal(device.identity, "pump-1#1");
	assert_int_equal(server.registers, registers + 1);
	assert_true(logged("event=key_changed"));
	assert_int_equal(request(COAP_GET, "26252/0/1", NULL), COAP_CONTENT);
	power_off();
	power_on();
	until_registered();
	assert_string_equal(device.identity, "pump-1#1");
}

static void a_key_is_changed_when_it_is_old(void **state)
{
	(void)state;
	come_with_key(30);
	world_run(&world, SECONDS(60));
	assert_int_equal(server.keys, 1); /* nobody knows how old the one from the factory is */
	world_run(&world, SECONDS(25 * 86400));
	assert_int_equal(server.keys, 1);
	world_run(&world, SECONDS(6 * 86400));
	assert_int_equal(server.keys, 2);
	assert_string_equal(device.identity, "pump-1#2");
}

static void a_new_key_that_is_not_loved_gives_way_to_the_one_before(void **state)
{
	(void)state;
	come_with_key(0);
	device.unloved = "pump-1#1";
	assert_int_equal(request(COAP_POST, "26252/0/3", NULL), COAP_CHANGED);
	world_run(&world, SECONDS(2));
	until_registered();
	assert_string_equal(device.identity, "");
	for (int i = 0; i < 4 && !logged("event=key_discarded"); i++) {
		agent_disconnected(device.agent, 0, "closed", world.now);
		world_run(&world, SECONDS(60));
		until_registered();
	}
	assert_true(logged("event=key_discarded"));
}

static void a_key_that_the_server_has_forgotten_gives_way_to_the_first_one(void **state)
{
	(void)state;
	come_with_key(0);
	assert_int_equal(request(COAP_POST, "26252/0/3", NULL), COAP_CHANGED);
	world_run(&world, SECONDS(20));
	assert_string_equal(device.identity, "pump-1#1");
	device.unloved = "pump-1#1";
	agent_disconnected(device.agent, 0, "closed", world.now);
	until_registered();
	assert_string_equal(device.identity, "");
}

static void a_key_that_cannot_be_kept_is_not_used(void **state)
{
	(void)state;
	come_with_key(0);
	device.shelf_error = -ENOSPC;
	assert_int_equal(request(COAP_POST, "26252/0/3", NULL), COAP_CHANGED);
	world_run(&world, SECONDS(20));
	assert_true(logged("event=key_unusable reason=\"the state directory would not take it\""));
	assert_string_equal(device.identity, "");
	assert_true(agent_is_registered(device.agent));
}

static void a_server_that_gives_no_keys_is_left_in_peace(void **state)
{
	(void)state;
	come_with_key(30);
	server.key_code = COAP_FORBIDDEN;
	power_off();
	memset(device.shelf_lens, 0, sizeof device.shelf_lens);
	server.keys = 0;
	power_on();
	until_registered();
	world_run(&world, SECONDS(86400));
	assert_in_range(server.keys, 2, 8);
	assert_true(agent_is_registered(device.agent));
}

/* ---- several servers (lwm2m interface section 3.4) ---- */

static void give_two_accounts(const char *priority_of_first, const char *priority_of_second)
{
	come_with("");
	until_asked();
	give_account();
	assert_int_equal(request(COAP_PUT, "0/4/0", "coaps://192.0.2.2:5684"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "0/4/2", "0"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "0/4/3", "cHVtcA=="), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "0/4/5", "c2VjcmV0"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "0/4/10", "78"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "1/4/0", "78"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "1/4/1", "600"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "1/4/16", "0"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "1/3/16", "0"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "1/3/13", priority_of_first), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "1/4/13", priority_of_second), COAP_CHANGED);
}

static void it_registers_in_the_order_that_it_is_told(void **state)
{
	(void)state;
	give_two_accounts("9", "2");
	assert_int_equal(request(COAP_POST, "bs", NULL), COAP_CHANGED);
	device.refused = 2;
	world_run(&world, SECONDS(10));
	assert_int_equal(device.connects_of[0], 0); /* the second one has not had its chances yet */
	world_run(&world, SECONDS(100));
	assert_true(device.connects_of[0] == 1 && device.connects_of[1] >= 5);
	assert_true(agent_is_registered(device.agent));
}

static void a_server_may_block_those_that_come_after_it(void **state)
{
	(void)state;
	give_two_accounts("9", "2");
	assert_int_equal(request(COAP_PUT, "1/4/15", "1"), COAP_CHANGED);
	assert_int_equal(request(COAP_POST, "bs", NULL), COAP_CHANGED);
	device.refused = 2;
	world_run(&world, SECONDS(2000));
	assert_int_equal(device.connects_of[0], 0);
	device.refused = 0;
	world_run(&world, SECONDS(400));
	assert_int_equal(device.connects_of[0], 1);
}

/* ---- access control (lwm2m interface section 9) ---- */

static void ask_as(unsigned link)
{
	device.session = (struct handle){link, 1};
}

static void until_both_are_there(void)
{
	server.registers = 0;
	assert_int_equal(request(COAP_POST, "bs", NULL), COAP_CHANGED);
	world_run(&world, SECONDS(10));
	assert_int_equal(server.registers, 2);
}

static void a_second_server_reads_and_the_first_one_rules(void **state)
{
	(void)state;
	give_two_accounts("1", "1");
	until_both_are_there();
	assert_non_null(strstr(server.links, "</2>"));
	ask_as(1);
	expect_text("3/0/0", "Fieldfare");
	assert_int_equal(request(COAP_POST, "3/0/4", NULL), COAP_UNAUTHORIZED);
	assert_int_equal(request(COAP_PUT, "5/0/11", "0"), COAP_UNAUTHORIZED);
	assert_int_equal(request(COAP_POST, "16", NULL), COAP_UNAUTHORIZED);
	assert_int_equal(request(COAP_GET, "1/3/0", NULL), COAP_UNAUTHORIZED);
	assert_int_equal(request(COAP_PUT, "1/3/1", "900"), COAP_UNAUTHORIZED);
	assert_int_equal(request(COAP_PUT, "1/4/1", "900"), COAP_CHANGED);
	expect_text("1/4/1", "900");
	ask_as(0);
	assert_int_equal(request(COAP_GET, "1/4/0", NULL), COAP_UNAUTHORIZED);
	assert_int_equal(request(COAP_PUT, "5/0/11", "0"), COAP_CHANGED);
	assert_false(device.was_rebooted);
}

static void a_bootstrap_server_says_who_may_do_what(void **state)
{
	(void)state;
	give_two_accounts("1", "1");
	assert_int_equal(request(COAP_PUT, "2/0/0", "5"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "2/0/1", "0"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "2/0/2/78", "3"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "2/0/3", "77"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "2/1/2/78", "32"), COAP_BAD_REQUEST);
	until_both_are_there();
	ask_as(1);
	assert_int_equal(request(COAP_PUT, "5/0/11", "0"), COAP_CHANGED);
	assert_int_equal(request(COAP_POST, "5/0/2", NULL), COAP_UNAUTHORIZED);
	expect_text("2/0/3", "77");
	assert_int_equal(request(COAP_PUT, "2/0/3", "78"), COAP_UNAUTHORIZED);
	ask_as(0);
	assert_int_equal(request(COAP_PUT, "5/0/11", "1"), COAP_CHANGED);
	assert_int_equal(request(COAP_PUT, "2/0/2/78", "1"), COAP_CHANGED);
	ask_as(1);
	assert_int_equal(request(COAP_PUT, "5/0/11", "0"), COAP_UNAUTHORIZED);
	power_off();
	power_on();
	world_run(&world, SECONDS(10));
	ask_as(1);
	assert_int_equal(request(COAP_PUT, "5/0/11", "0"), COAP_UNAUTHORIZED);
	expect_text("2/0/2/78", "1");
}

static void one_server_alone_needs_no_rights(void **state)
{
	(void)state;
	until_registered();
	assert_null(strstr(server.links, "</2>"));
	assert_int_equal(request(COAP_GET, "2/0/0", NULL), COAP_NOT_FOUND);
	assert_int_equal(request(COAP_PUT, "5/0/11", "0"), COAP_CHANGED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(it_registers_with_its_name_lifetime_and_objects),
		TEST(it_keeps_its_registration_alive),
		TEST(a_refused_registration_is_tried_again),
		TEST(nothing_is_done_for_a_server_before_it_has_answered_the_register),
		TEST(a_silent_server_makes_it_close_and_connect_anew),
		TEST(a_lost_association_is_made_again_after_a_pause),
		TEST(shutting_down_says_goodbye),
		TEST(shutting_down_without_a_server_ends_at_once),
		TEST(only_the_server_is_answered),
		TEST(paths_that_are_no_paths_are_not_found),
		TEST(a_new_lifetime_is_announced),
		TEST(the_update_trigger_and_the_reboot_are_executed_after_the_answer),
		TEST(health_arrives_between_pmin_and_pmax),
		TEST(the_state_of_an_update_is_told_at_once),
		TEST(a_signed_release_is_fetched_tried_and_confirmed),
		TEST(a_release_that_fails_its_self_test_goes_back),
		TEST(a_manifest_with_any_byte_changed_is_refused),
		TEST(what_is_no_manifest_gives_result_6),
		TEST(a_manifest_for_another_class_gives_result_6),
		TEST(an_older_release_gives_result_5_although_it_is_signed),
		TEST(an_image_on_another_server_gives_result_7),
		TEST(a_missing_image_gives_result_7),
		TEST(an_altered_image_gives_result_5),
		TEST(an_image_that_does_not_fit_gives_result_2),
		TEST(a_busy_server_is_asked_again),
		TEST(a_fifth_of_the_datagrams_may_be_lost),
		TEST(a_lost_association_resumes_where_it_was),
		TEST(a_power_cut_resumes_behind_the_last_journalled_block),
		TEST(a_server_that_stays_away_gives_result_4),
		TEST(a_server_with_smaller_blocks_is_followed),
		TEST(a_cancel_in_the_middle_ends_the_transfer),
		TEST(a_confirmed_payload_that_crashes_is_started_again),
		TEST(a_device_without_accounts_waits_asks_and_registers_with_whom_it_is_given),
		TEST(what_the_bootstrap_server_did_not_finish_has_not_happened),
		TEST(a_device_whose_bootstrap_cannot_be_kept_says_so),
		TEST(accounts_that_lead_nowhere_make_it_ask_again),
		TEST(a_server_that_is_there_again_ends_the_wish_to_bootstrap),
		TEST(a_bootstrap_server_that_refuses_is_asked_again_ever_more_seldom),
		TEST(only_the_bootstrap_server_may_bootstrap),
		TEST(a_bootstrap_server_sees_no_secrets_and_spares_its_own_account),
		TEST(it_registers_in_the_order_that_it_is_told),
		TEST(a_server_may_block_those_that_come_after_it),
		TEST(an_operator_has_the_key_changed),
		TEST(a_key_is_changed_when_it_is_old),
		TEST(a_new_key_that_is_not_loved_gives_way_to_the_one_before),
		TEST(a_key_that_the_server_has_forgotten_gives_way_to_the_first_one),
		TEST(a_key_that_cannot_be_kept_is_not_used),
		TEST(a_server_that_gives_no_keys_is_left_in_peace),
		TEST(a_second_server_reads_and_the_first_one_rules),
		TEST(a_bootstrap_server_says_who_may_do_what),
		TEST(one_server_alone_needs_no_rights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
