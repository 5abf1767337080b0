/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/fleet_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define HELLO_EVERY     SECONDS(2)
#define HELLO_TRIES     4
#define BOOT_TAKES      SECONDS(3)
#define SELF_TEST_TAKES ((msec)400)

static bool uplink_connect(void *context, unsigned link, const struct account_security *account, msec now)
{
	(void)link;
	(void)account;
	struct fleet_device *d = context;
	if (d->secure != NULL)
		return fleet_secure_connect(d, now);
	d->session = 0;
	d->attempt++;
	d->hellos_left = HELLO_TRIES;
	d->hello_at = now;
	return true;
}

static void uplink_close(void *context, unsigned link, msec now)
{
	(void)link;
	struct fleet_device *d = context;
	if (d->secure != NULL)
		dtls_close(d->secure->dtls, d->remote.session, now);
	d->session = 0;
	d->hello_at = NEVER;
}

static void device_log(void *context, enum agent_log_level level, struct bytes line)
{
	struct fleet_device *d = context;
	(void)level;
	fleet_log(d->fleet, d->name, line);
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
	struct fleet_device *d = context;
	d->reboots_asked++;
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
	if (d->disk.is_cut) /* without power nothing leaves, though the code runs on until the world looks */
		return true;
	fleet_send(&d->node, &to->address, FRAME_DATA, d->session, message);
	return true;
}

void fleet_cut_power(struct fleet *f, unsigned device)
{
	struct fleet_device *d = &f->devices[device];
	d->power_cuts++;
	fleet_kill_device(f, device);
	d->power_back_at = f->world.now + BOOT_TAKES;
	world_join(&f->world, &d->node);
}

/* The world sees what runs and arranges for its end; a disk that lost its power takes the device down. */
static void look(struct fleet_device *d, msec now)
{
	if (d->agent == NULL)
		return;
	if (d->disk.is_cut) {
		fleet_cut_power(d->fleet, (unsigned)(d - d->fleet->devices));
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
	struct address server = fleet_server_address();
	if (d->hellos_left == 0) {
		d->hello_at = NEVER;
		agent_disconnected(d->agent, 0, "nobody answered", now);
		return;
	}
	d->hellos_left--;
	d->hello_at = now + HELLO_EVERY;
	fleet_send(&d->node, &server, FRAME_HELLO, d->attempt, bytes_of_text(d->hello_name));
}

static void device_receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct fleet_device *d = context;
	if (d->secure != NULL) {
		secure_end_receive(d->secure, from, datagram, now);
		fleet_secure_run_device(d, now);
		look(d, now);
		return;
	}
	struct reader r = reader_of(datagram);
	enum fleet_frame frame = (enum fleet_frame)read_u8(&r);
	uint32_t number = read_u32(&r);
	struct coap_remote remote = {*from, {number, 1}};
	if (d->agent == NULL)
		return;
	if (frame == FRAME_WELCOME && d->hello_at != NEVER) {
		d->session = number;
		d->hello_at = NEVER;
		agent_connected(d->agent, 0, &remote, now);
	} else if (frame == FRAME_DATA && d->session != 0 && number == d->session) {
		struct bytes message = read_bytes(&r, reader_left(&r));
		if (agent_hears(d->agent, &remote, message))
			coap_endpoint_receive(d->endpoint, &remote, message, now);
	}
	look(d, now);
}

static msec device_deadline(void *context)
{
	struct fleet_device *d = context;
	if (d->agent == NULL)
		return d->power_back_at;
	msec secure = d->secure != NULL ? dtls_deadline(d->secure->dtls) : NEVER;
	return msec_earlier(msec_earlier(secure, msec_earlier(d->program_ends, d->hello_at)),
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
	fleet_secure_run_device(d, now);
	coap_endpoint_tick(d->endpoint, now);
	agent_tick(d->agent, now);
	look(d, now);
}

static int load_shelf(void *context, enum shelf_record which, void *buffer, size_t capacity)
{
	const struct fleet_device *d = context;
	if (which != SHELF_HISTORY)
		return 0;
	assert(d->backlog_len <= capacity);
	memcpy(buffer, d->backlog, d->backlog_len);
	return (int)d->backlog_len;
}

static int store_shelf(void *context, enum shelf_record which, struct bytes record)
{
	struct fleet_device *d = context;
	if (which != SHELF_HISTORY)
		return 0;
	assert(record.len <= sizeof d->backlog);
	memcpy(d->backlog, record.data, record.len);
	d->backlog_len = record.len;
	d->backlog_writes++;
	return 0;
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
		.log = {d, device_log},
		.shelf = {d, load_shelf, store_shelf}};
}

void fleet_start_device(struct fleet *f, unsigned device)
{
	struct fleet_device *d = &f->devices[device];
	struct agent_config config = agent_config_default;
	struct agent_ports ports = ports_of(d);
	uint8_t seed[PRNG_SEED_BYTES];
	prng_fill(&f->world.prng, seed, sizeof seed);
	config.endpoint_name = d->name;
	config.server_uri = FLEET_SERVER_URI;
	config.identity = (struct platform_identity){"Fieldfare", "sim", d->name, "device", "rev-a", {0}, {0}};
	memcpy(config.identity.vendor_id, fleet_vendor_id, MANIFEST_UUID_BYTES);
	memcpy(config.identity.class_id, fleet_class_id, MANIFEST_UUID_BYTES);
	config.lifetime_s = 300;
	config.block_size = f->is_secure ? FLEET_SECURE_BLOCK_BYTES : FLEET_BLOCK_BYTES;
	config.progress_every = FLEET_PROGRESS_EVERY;
	config.image_size_max = DISK_SLOT_BYTES + 2048;
	fleet_secure_open_device(d);
	d->memory = fleet_take_memory(agent_memory(&config));
	d->agent = agent_init(d->memory, &config, &ports, seed);
	struct coap_endpoint_config endpoint = {.parameters = coap_parameters_default,
		.capacities = {.exchanges = 128,
			.pending = 128,
			.duplicates = 32,
			.separate = 4,
			.observers = 8,
			.bodies = 4},
		.transport = {.context = d, .send = device_send}};
	if (d->secure != NULL)
		endpoint.transport = dtls_transport(d->secure->dtls);
	endpoint.parameters.body_size_max = MANIFEST_ENVELOPE_MAX;
	endpoint.resources = agent_resources(d->agent, &endpoint.resource_count);
	d->endpoint_memory = fleet_take_memory(coap_endpoint_memory(&endpoint));
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
	fleet_secure_close(&d->secure);
	free(d->memory);
	free(d->endpoint_memory);
	d->agent = NULL;
	d->endpoint = NULL;
	d->memory = d->endpoint_memory = NULL;
	d->power_back_at = NEVER;
	disk_reboot(&d->disk);
}

void fleet_make_device(struct fleet *f, unsigned i)
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
	memcpy(d->hello_name, d->name, sizeof d->name);
	disk_init(&d->disk);
	disk_provision(&d->disk, fleet_factory_image, FLEET_FACTORY_BYTES, "1.0.0", 1);
}
