/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/fleet.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define SERVER_URI       "coaps://192.0.2.254:5684"
#define HELLO_EVERY      SECONDS(2)
#define HELLO_TRIES      4
#define BOOT_TAKES       SECONDS(3)
#define SELF_TEST_TAKES  ((msec)400)
#define DATAGRAM_BYTES   1500
#define WALL_CLOCK_AHEAD ((wall_msec)1700000000000)

/* First byte of a datagram; no CoAP message begins like these. */
enum frame { FRAME_DATA = 1, FRAME_HELLO, FRAME_WELCOME };

const uint8_t fleet_vendor_id[MANIFEST_UUID_BYTES] = {0x6b, 0xa7, 1}, fleet_class_id[MANIFEST_UUID_BYTES] = {0x0f, 0x1e, 2};
uint8_t fleet_factory_image[FLEET_FACTORY_BYTES];

static struct address server_address(void)
{
	return address_ipv4(192, 0, 2, 254, 5684);
}

static void send_frame(
	struct world_node *node, const struct address *to, enum frame frame, uint32_t session, struct bytes rest)
{
	uint8_t buffer[DATAGRAM_BYTES];
	struct writer w = writer_of(buffer, sizeof buffer);
	struct datagram_port port = world_port(node);
	write_u8(&w, (uint8_t)frame);
	write_u32(&w, session);
	write_bytes(&w, rest);
	assert(!w.failed);
	port.send(port.context, to, writer_bytes(&w));
}

static void *take_memory(size_t size)
{
	size_t rounded = (size + 63) & ~(size_t)63;
	void *memory = aligned_alloc(64, rounded);
	assert(memory != NULL);
	memset(memory, 0xa5, rounded);
	return memory;
}

static void log_line(struct fleet *f, const char *who, struct bytes line)
{
	if (f->is_talkative)
		printf("[%8lld] %-8s %.*s\n", (long long)f->world.now, who, (int)line.len, (const char *)line.data);
}

/* ---- the server ---- */

static struct fleet *fleet_of_server(struct fleet_server *s)
{
	return (struct fleet *)((char *)s - offsetof(struct fleet, server));
}

static void server_log(void *context, enum server_log_level level, struct bytes line)
{
	(void)level;
	log_line(fleet_of_server(context), "server", line);
}

static void server_command_done(void *context, const struct server_done *done, msec now)
{
	struct fleet_server *s = context;
	(void)now;
	s->done = *done;
	s->has_done = true;
}

static struct fleet_artifact *find_artifact(struct fleet_server *s, const uint8_t digest[SHA256_BYTES])
{
	for (size_t i = 0; i < s->artifact_count; i++)
		if (memcmp(s->artifacts[i].digest, digest, SHA256_BYTES) == 0)
			return &s->artifacts[i];
	return NULL;
}

static bool artifact_find(void *context, const uint8_t digest[SHA256_BYTES], struct artifact *ret)
{
	struct fleet_artifact *a = find_artifact(context, digest);
	if (a == NULL)
		return false;
	memcpy(ret->digest, digest, SHA256_BYTES);
	ret->size = a->size;
	return true;
}

static int64_t artifact_read(void *context, const uint8_t digest[SHA256_BYTES], uint64_t offset, void *out, size_t len)
{
	struct fleet_artifact *a = find_artifact(context, digest);
	if (a == NULL)
		return -2;
	struct bytes part = bytes_first(bytes_from(bytes_of(a->bytes, a->size), (size_t)offset), len);
	if (part.len > 0)
		memcpy(out, part.data, part.len);
	return (int64_t)part.len;
}

static bool artifact_next(void *context, uint64_t *cursor, struct artifact *ret)
{
	struct fleet_server *s = context;
	if (*cursor >= s->artifact_count)
		return false;
	struct fleet_artifact *a = &s->artifacts[(*cursor)++];
	memcpy(ret->digest, a->digest, SHA256_BYTES);
	ret->size = a->size;
	return true;
}

static struct fleet_session *find_session(struct fleet_server *s, uint32_t number, const struct address *from)
{
	for (size_t i = 0; i < FLEET_DEVICES_MAX; i++)
		if (s->sessions[i].number != 0 && s->sessions[i].number == number &&
			address_equal(&s->sessions[i].remote.address, from))
			return &s->sessions[i];
	return NULL;
}

static bool server_send(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct fleet_server *s = context;
	(void)now;
	struct fleet_session *session = find_session(s, to->session.slot, &to->address);
	if (session == NULL)
		return false;
	send_frame(&s->node, &to->address, FRAME_DATA, session->number, message);
	return true;
}

/* One session a device: a new hello replaces the old one. */
static void welcome(struct fleet_server *s, const struct address *from, struct bytes name, msec now)
{
	size_t place = from->ip[15] - 1u;
	assert(place < FLEET_DEVICES_MAX && name.len < FLEET_NAME_BYTES);
	struct fleet_session *session = &s->sessions[place], old = *session;
	uint32_t number = ++s->newest_session;
	*session = (struct fleet_session){.number = number, .remote = {*from, {number, 1}}};
	memcpy(session->name, name.data, name.len);
	if (old.number != 0)
		server_disconnected(s->server, &old.remote, now);
	server_connected(s->server, &session->remote, name, now);
	send_frame(&s->node, from, FRAME_WELCOME, number, BYTES_NONE);
}

static void server_receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct fleet_server *s = context;
	struct reader r = reader_of(datagram);
	enum frame frame = (enum frame)read_u8(&r);
	uint32_t number = read_u32(&r);
	struct bytes rest = read_bytes(&r, reader_left(&r));
	struct fleet_session *session = find_session(s, number, from);
	if (frame == FRAME_HELLO)
		welcome(s, from, rest, now);
	else if (frame == FRAME_DATA && session != NULL)
		coap_endpoint_receive(s->endpoint, &session->remote, rest, now);
}

static msec server_node_deadline(void *context)
{
	struct fleet_server *s = context;
	return msec_earlier(store_memory_deadline(&s->store),
		msec_earlier(coap_endpoint_deadline(s->endpoint), server_deadline(s->server)));
}

static void server_node_tick(void *context, msec now)
{
	struct fleet_server *s = context;
	uint64_t ticket;
	bool ok;
	while (store_memory_due(&s->store, now, &ticket, &ok))
		server_stored(s->server, ticket, ok, now);
	coap_endpoint_tick(s->endpoint, now);
	server_tick(s->server, now);
}

void fleet_start_server(struct fleet *f)
{
	struct fleet_server *s = &f->server;
	uint8_t seed[PRNG_SEED_BYTES];
	struct server_config config = {.public_uri = SERVER_URI,
		.devices = FLEET_DEVICES_MAX,
		.events = 2048,
		.updates = 256,
		.health_pmin_s = 5,
		.health_pmax_s = 60};
	struct server_ports ports = {.store = store_memory_port(&s->store),
		.artifacts = {.context = s, .find = artifact_find, .read = artifact_read, .next = artifact_next},
		.hash = &s->hash,
		.done = server_command_done,
		.done_context = s,
		.log = server_log,
		.log_context = s};
	prng_fill(&f->world.prng, seed, sizeof seed);
	s->memory = take_memory(server_memory(&config));
	s->server = server_init(s->memory, &config, &ports, seed);
	struct coap_endpoint_config endpoint = {.parameters = coap_parameters_default,
		.capacities = {64, 64, 256, 64, 4, 16},
		.transport = {s, server_send}};
	endpoint.parameters.body_size_max = SERVER_BODY_MAX;
	endpoint.resources = server_resources(s->server, &endpoint.resource_count);
	s->endpoint_memory = take_memory(coap_endpoint_memory(&endpoint));
	s->endpoint = coap_endpoint_init(s->endpoint_memory, &endpoint, seed);
	server_set_clock(s->server, WALL_CLOCK_AHEAD, f->world.now);
	struct store_visitor visitor = server_visitor(s->server);
	bool loaded = store_memory_load(&s->store, &visitor);
	assert(loaded);
	server_start(s->server, s->endpoint, f->world.now);
	world_join(&f->world, &s->node);
}

void fleet_kill_server(struct fleet *f)
{
	struct fleet_server *s = &f->server;
	world_leave(&f->world, &s->node);
	store_memory_kill(&s->store);
	memset(s->sessions, 0, sizeof s->sessions);
	free(s->memory);
	free(s->endpoint_memory);
	s->server = NULL;
	s->endpoint = NULL;
	s->memory = s->endpoint_memory = NULL;
}

/* ---- a device ---- */

static bool uplink_connect(void *context, msec now)
{
	struct fleet_device *d = context;
	d->session = 0;
	d->hellos_left = HELLO_TRIES;
	d->hello_at = now;
	return true;
}

static void uplink_close(void *context, msec now)
{
	struct fleet_device *d = context;
	(void)now;
	d->session = 0;
	d->hello_at = NEVER;
}

static void device_log(void *context, enum agent_log_level level, struct bytes line)
{
	struct fleet_device *d = context;
	(void)level;
	log_line(d->fleet, d->name, line);
}

static void sample(void *context, struct platform_sample *ret)
{
	struct fleet_device *d = context;
	msec now = d->fleet->world.now;
	*ret = (struct platform_sample){.cpu_permille = (uint16_t)(now / 1000 % 1000),
		.load_permille = {100, 90, 80},
		.processes = 20,
		.memory_total = 128 << 20,
		.memory_available = (64 << 20) + (uint64_t)(now % 4096),
		.disk_total = 64 << 20,
		.disk_available = 32 << 20,
		.temperature_count = 1,
		.temperatures_millidegrees = {41000 + (int32_t)(now / 1000 % 7) * 1000},
		.uptime_s = (uint64_t)(now / 1000),
		.unix_time_s = (WALL_CLOCK_AHEAD + now) / 1000,
		.bearer = PLATFORM_BEARER_ETHERNET,
		.address_count = 1,
		.addresses = {"192.0.2.1"}};
}

static bool reboot(void *context)
{
	(void)context;
	return false;
}

static void digest_begin(void *context)
{
	sha256_stream_init(context);
}

static void digest_add(void *context, struct bytes data)
{
	sha256_stream_add(context, data);
}

static void digest_end(void *context, uint8_t ret[SHA256_BYTES])
{
	sha256_stream_end(context, ret);
}

static bool device_send(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct fleet_device *d = context;
	(void)now;
	if (d->session == 0 || to->session.slot != d->session)
		return false;
	send_frame(&d->node, &to->address, FRAME_DATA, d->session, message);
	return true;
}

/* The world sees what runs and arranges for its end; a disk that lost its power takes the device down. */
static void look(struct fleet_device *d, msec now)
{
	if (d->agent == NULL)
		return;
	if (d->disk.is_cut) {
		d->power_cuts++;
		fleet_kill_device(d->fleet, (unsigned)(d - d->fleet->devices));
		d->power_back_at = now + BOOT_TAKES;
		world_join(&d->fleet->world, &d->node);
		return;
	}
	if (d->seen == d->disk.program && d->seen_starts == d->disk.starts && d->seen_self_tests == d->disk.self_tests)
		return;
	const struct fleet_program *p = &d->program[d->disk.program_slot];
	d->seen = d->disk.program;
	d->seen_starts = d->disk.starts;
	d->seen_self_tests = d->disk.self_tests;
	if (d->seen == DEPLOY_SELF_TEST)
		d->program_ends = p->self_test_hangs ? NEVER : now + SELF_TEST_TAKES;
	else if (d->seen == DEPLOY_PAYLOAD && p->exits_after > 0)
		d->program_ends = now + p->exits_after;
	else
		d->program_ends = NEVER;
}

static void end_program(struct fleet_device *d, msec now)
{
	const struct fleet_program *p = &d->program[d->disk.program_slot];
	enum deploy_program what = d->disk.program;
	d->program_ends = NEVER;
	d->seen = d->disk.program = DEPLOY_NOTHING;
	if (what == DEPLOY_SELF_TEST)
		agent_self_test_done(d->agent, !p->self_test_fails, p->self_test_fails ? "exit status 1" : "", now);
	else if (what == DEPLOY_PAYLOAD)
		agent_payload_exited(d->agent, 1, now);
}

static void say_hello(struct fleet_device *d, msec now)
{
	struct address server = server_address();
	if (d->hellos_left == 0) {
		d->hello_at = NEVER;
		agent_disconnected(d->agent, "nobody answered", now);
		return;
	}
	d->hellos_left--;
	d->hello_at = now + HELLO_EVERY;
	send_frame(&d->node, &server, FRAME_HELLO, 0, bytes_of_text(d->name));
}

static void device_receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct fleet_device *d = context;
	struct reader r = reader_of(datagram);
	enum frame frame = (enum frame)read_u8(&r);
	uint32_t number = read_u32(&r);
	struct coap_remote remote = {*from, {number, 1}};
	if (d->agent == NULL)
		return;
	if (frame == FRAME_WELCOME && d->hello_at != NEVER) {
		d->session = number;
		d->hello_at = NEVER;
		agent_connected(d->agent, &remote, now);
	} else if (frame == FRAME_DATA && d->session != 0 && number == d->session) {
		coap_endpoint_receive(d->endpoint, &remote, read_bytes(&r, reader_left(&r)), now);
	}
	look(d, now);
}

static msec device_deadline(void *context)
{
	struct fleet_device *d = context;
	if (d->agent == NULL)
		return d->power_back_at;
	return msec_earlier(msec_earlier(d->program_ends, d->hello_at),
		msec_earlier(coap_endpoint_deadline(d->endpoint), agent_deadline(d->agent)));
}

static void device_tick(void *context, msec now)
{
	struct fleet_device *d = context;
	if (d->agent == NULL) {
		if (d->power_back_at <= now) {
			world_leave(&d->fleet->world, &d->node);
			fleet_start_device(d->fleet, (unsigned)(d - d->fleet->devices));
		}
		return;
	}
	if (d->program_ends <= now)
		end_program(d, now);
	if (d->hello_at <= now)
		say_hello(d, now);
	coap_endpoint_tick(d->endpoint, now);
	agent_tick(d->agent, now);
	look(d, now);
}

static struct agent_ports ports_of(struct fleet_device *d)
{
	struct deploy_ports disk = disk_ports(&d->disk);
	return (struct agent_ports){.uplink = {d, uplink_connect, uplink_close},
		.platform = {d, sample, reboot},
		.slots = disk.slots,
		.boot = disk.boot,
		.payload = disk.payload,
		.journal = disk.journal,
		.digest = {&d->digest, digest_begin, digest_add, digest_end},
		.signature = &d->fleet->signature,
		.log = {d, device_log}};
}

void fleet_start_device(struct fleet *f, unsigned device)
{
	struct fleet_device *d = &f->devices[device];
	struct agent_config config = agent_config_default;
	struct agent_ports ports = ports_of(d);
	uint8_t seed[PRNG_SEED_BYTES];
	prng_fill(&f->world.prng, seed, sizeof seed);
	config.endpoint_name = d->name;
	config.server_uri = SERVER_URI;
	config.identity = (struct platform_identity){"Fieldfare", "sim", d->name, "device", "rev-a", {0}, {0}};
	memcpy(config.identity.vendor_id, fleet_vendor_id, MANIFEST_UUID_BYTES);
	memcpy(config.identity.class_id, fleet_class_id, MANIFEST_UUID_BYTES);
	config.lifetime_s = 300;
	config.block_size = 64;
	config.progress_every = 8;
	config.image_size_max = DISK_SLOT_BYTES + 2048;
	d->memory = take_memory(agent_memory(&config));
	d->agent = agent_init(d->memory, &config, &ports, seed);
	struct coap_endpoint_config endpoint = {.parameters = coap_parameters_default,
		.capacities = {128, 128, 32, 4, 8, 4},
		.transport = {d, device_send}};
	endpoint.parameters.body_size_max = MANIFEST_ENVELOPE_MAX;
	endpoint.resources = agent_resources(d->agent, &endpoint.resource_count);
	d->endpoint_memory = take_memory(coap_endpoint_memory(&endpoint));
	d->endpoint = coap_endpoint_init(d->endpoint_memory, &endpoint, seed);
	d->seen = DEPLOY_NOTHING;
	d->program_ends = d->hello_at = d->power_back_at = NEVER;
	d->session = 0;
	d->boots++;
	world_join(&f->world, &d->node);
	int error = agent_start(d->agent, d->endpoint, f->world.now);
	assert(error == 0 || d->disk.is_cut);
	look(d, f->world.now);
}

void fleet_kill_device(struct fleet *f, unsigned device)
{
	struct fleet_device *d = &f->devices[device];
	if (d->agent != NULL) {
		d->blocks_fetched += agent_counters(d->agent)->blocks_fetched;
		d->blocks_repeated += agent_counters(d->agent)->blocks_repeated;
	}
	if (d->node.is_present)
		world_leave(&f->world, &d->node);
	free(d->memory);
	free(d->endpoint_memory);
	d->agent = NULL;
	d->endpoint = NULL;
	d->memory = d->endpoint_memory = NULL;
	d->power_back_at = NEVER;
	disk_reboot(&d->disk);
}

/* ---- the fleet ---- */

static void make_device(struct fleet *f, unsigned i)
{
	struct fleet_device *d = &f->devices[i];
	*d = (struct fleet_device){.fleet = f,
		.power_back_at = NEVER,
		.node = {.address = address_ipv4(192, 0, 2, (uint8_t)(i + 1), 5683),
			.context = d,
			.receive = device_receive,
			.deadline = device_deadline,
			.tick = device_tick}};
	snprintf(d->name, sizeof d->name, "device-%u", i);
	disk_init(&d->disk);
	disk_provision(&d->disk, fleet_factory_image, FLEET_FACTORY_BYTES, "1.0.0", 1);
}

void fleet_init(struct fleet *f, uint64_t seed, unsigned devices)
{
	assert(devices <= FLEET_DEVICES_MAX);
	memset(f, 0, sizeof *f);
	world_init(&f->world, seed);
	f->device_count = devices;
	bool made = signature_wolfcrypt_generate(SIGNATURE_ES256, "sim", &f->secret, &f->anchors.keys[0]);
	assert(made);
	f->anchors.count = 1;
	f->signature = f->server.hash = signature_wolfcrypt_port(&f->anchors);
	disk_make_image(fleet_factory_image, FLEET_FACTORY_BYTES, 1);
	store_memory_init(&f->server.store, 5);
	f->server.node = (struct world_node){.address = server_address(),
		.context = &f->server,
		.receive = server_receive,
		.deadline = server_node_deadline,
		.tick = server_node_tick};
	for (unsigned i = 0; i < devices; i++)
		make_device(f, i);
}

void fleet_done(struct fleet *f)
{
	for (unsigned i = 0; i < f->device_count; i++)
		fleet_kill_device(f, i);
	if (f->server.server != NULL)
		fleet_kill_server(f);
	store_memory_done(&f->server.store);
	world_done(&f->world);
}

void fleet_start_all(struct fleet *f)
{
	fleet_start_server(f);
	for (unsigned i = 0; i < f->device_count; i++)
		fleet_start_device(f, i);
}

size_t fleet_sign(struct fleet *f, const uint8_t *image, size_t size, const char *version, uint64_t sequence,
	uint8_t *envelope, size_t capacity)
{
	char uri[2 + 2 * SHA256_BYTES + 2];
	struct manifest m = {.sequence = sequence,
		.size = size,
		.component = bytes_of_text("image"),
		.version = bytes_of_text(version)};
	memcpy(m.vendor_id, fleet_vendor_id, sizeof m.vendor_id);
	memcpy(m.class_id, fleet_class_id, sizeof m.class_id);
	f->signature.sha256(f->signature.context, bytes_of(image, size), m.digest);
	struct writer w = writer_of(uri, sizeof uri);
	write_text(&w, "/a/");
	write_hex(&w, bytes_of(m.digest, sizeof m.digest));
	m.uri = writer_bytes(&w);
	struct signer_port signer = signature_wolfcrypt_signer(&f->secret);
	struct writer out = writer_of(envelope, capacity);
	enum manifest_reason reason = manifest_sign(&m, &f->signature, &signer, &out);
	assert(reason == MANIFEST_GOOD);
	return writer_bytes(&out).len;
}

void fleet_store_artifact(struct fleet *f, const uint8_t *bytes, size_t size, const uint8_t digest[SHA256_BYTES])
{
	assert(f->server.artifact_count < FLEET_ARTIFACTS_MAX);
	struct fleet_artifact *a = &f->server.artifacts[f->server.artifact_count++];
	assert(size <= sizeof a->bytes);
	memcpy(a->bytes, bytes, size);
	memcpy(a->digest, digest, SHA256_BYTES);
	a->size = size;
}

static bool has_done(void *context)
{
	struct fleet *f = context;
	return f->server.has_done;
}

enum server_result fleet_await(struct fleet *f, enum server_result accepted)
{
	if (accepted != SERVER_ACCEPTED)
		return accepted;
	bool came = world_run_until(&f->world, SECONDS(10), has_done, f);
	assert(came);
	f->server.has_done = false;
	return f->server.done.result;
}

static const struct server_ask nobody = {"", 1};

bool fleet_publish(
	struct fleet *f, const char *release, const uint8_t *image, size_t size, const char *version, uint64_t sequence)
{
	uint8_t envelope[MANIFEST_ENVELOPE_MAX], digest[SHA256_BYTES];
	size_t len = fleet_sign(f, image, size, version, sequence, envelope, sizeof envelope);
	f->signature.sha256(f->signature.context, bytes_of(image, size), digest);
	fleet_store_artifact(f, image, size, digest);
	return fleet_await(f, server_release_add(f->server.server, bytes_of_text(release), bytes_of(envelope, len), &nobody,
				      f->world.now)) == SERVER_DONE;
}

uint32_t fleet_roll_out(struct fleet *f, const char *release, const struct rollout_plan *plan)
{
	struct server_selection all = {.kind = SELECTION_ALL};
	enum server_result result = fleet_await(f,
		server_rollout_start(f->server.server, bytes_of_text(release), &all, plan, &nobody, f->world.now));
	return result == SERVER_DONE ? f->server.done.rollout : 0;
}

struct wish {
	struct fleet *fleet;
	uint32_t number;
};

static bool are_registered(void *context)
{
	struct wish *w = context;
	return w->fleet->server.server != NULL && server_gauges(w->fleet->server.server).registered == w->number &&
	       server_gauges(w->fleet->server.server).connected == w->number;
}

bool fleet_until_registered(struct fleet *f, unsigned devices, msec span)
{
	struct wish wish = {f, devices};
	return world_run_until(&f->world, span, are_registered, &wish);
}

static bool has_ended(void *context)
{
	struct wish *w = context;
	if (w->fleet->server.server == NULL)
		return false;
	const struct rollout *rollout = server_rollout_find(w->fleet->server.server, w->number);
	return rollout != NULL && (rollout_has_ended(rollout) || rollout->record.state == ROLLOUT_HALTED);
}

bool fleet_until_ended(struct fleet *f, uint32_t rollout, msec span)
{
	struct wish wish = {f, rollout};
	return world_run_until(&f->world, span, has_ended, &wish);
}

const struct device *fleet_find(struct fleet *f, unsigned device)
{
	return server_device_find(f->server.server, bytes_of_text(f->devices[device].name));
}

static bool find_view(struct fleet *f, uint32_t number, unsigned device, struct rollout_view *ret)
{
	const struct rollout *rollout = server_rollout_find(f->server.server, number);
	const struct device *wanted = fleet_find(f, device);
	uint32_t cursor = 0;
	assert(rollout != NULL);
	while (server_rollout_view_next(f->server.server, rollout, &cursor, ret))
		if (ret->device == wanted)
			return true;
	return false;
}

enum entry_state fleet_entry(struct fleet *f, uint32_t rollout, unsigned device)
{
	struct rollout_view view;
	bool found = find_view(f, rollout, device, &view);
	assert(found);
	return (enum entry_state)view.entry->state;
}

const char *fleet_why(struct fleet *f, uint32_t rollout, unsigned device)
{
	static struct rollout_view view;
	bool found = find_view(f, rollout, device, &view);
	assert(found);
	return view.why;
}

bool fleet_runs(struct fleet *f, unsigned device, const uint8_t *image, size_t size)
{
	const struct disk *disk = &f->devices[device].disk;
	return disk->program == DEPLOY_PAYLOAD && disk_holds(disk, disk->program_slot, image, size);
}
