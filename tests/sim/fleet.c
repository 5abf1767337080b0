/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/fleet_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define DATAGRAM_BYTES 1500

const uint8_t fleet_vendor_id[MANIFEST_UUID_BYTES] = {0x6b, 0xa7, 1},
	      fleet_class_id[MANIFEST_UUID_BYTES] = {0x0f, 0x1e, 2};
uint8_t fleet_factory_image[FLEET_FACTORY_BYTES];

struct address fleet_server_address(void)
{
	return address_ipv4(192, 0, 2, 254, 5684);
}

void fleet_send(
	struct world_node *node, const struct address *to, enum fleet_frame frame, uint32_t session, struct bytes rest)
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

void *fleet_take_memory(size_t size)
{
	size_t rounded = (size + 63) & ~(size_t)63;
	void *memory = aligned_alloc(64, rounded);
	assert(memory != NULL);
	memset(memory, 0xa5, rounded);
	return memory;
}

void fleet_log(struct fleet *f, const char *who, struct bytes line)
{
	if (f->is_talkative)
		printf("[%8lld] %-8s %.*s\n", (long long)f->world.now, who, (int)line.len, (const char *)line.data);
}

void fleet_init(struct fleet *f, uint64_t seed, unsigned devices)
{
	assert(devices <= FLEET_DEVICES_MAX);
	memset(f, 0, sizeof *f);
	world_init(&f->world, seed);
	f->device_count = devices;
	memcpy(f->class_id, fleet_class_id, sizeof f->class_id);
	bool made = signature_wolfcrypt_generate(SIGNATURE_ES256, "sim", &f->secret, &f->anchors.keys[0]);
	assert(made);
	f->anchors.count = 1;
	f->signature = f->server.hash = signature_wolfcrypt_port(&f->anchors);
	disk_make_image(fleet_factory_image, FLEET_FACTORY_BYTES, 1);
	fleet_make_server(f);
	f->world.link.filter = fleet_see;
	f->world.link.filter_context = f;
	for (unsigned i = 0; i < devices; i++)
		fleet_make_device(f, i);
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
	memcpy(m.class_id, f->class_id, sizeof m.class_id);
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

static const char *outcome(struct fleet *f, enum server_result result)
{
	if (result == SERVER_ACCEPTED && !world_run_until(&f->world, SECONDS(300), has_done, f))
		return "no outcome";
	if (result == SERVER_ACCEPTED)
		result = f->server.done.result;
	f->server.has_done = false;
	if (result == SERVER_DONE)
		return f->server.answer;
	return result == SERVER_BAD_ERRAND ? server_reason(f->server.server) : server_result_text(result);
}

static const struct server_ask anna = {.actor = "anna", .token = FLEET_TOKEN};

const char *fleet_errand(struct fleet *f, unsigned device, const struct errand *errand)
{
	struct bytes name = bytes_of_text(f->devices[device].name);
	f->server.has_done = false;
	return outcome(f, server_errand(f->server.server, name, errand, SECONDS(60), &anna, f->world.now));
}

const char *fleet_watch(struct fleet *f, unsigned device, const struct errand *errand)
{
	struct bytes name = bytes_of_text(f->devices[device].name);
	f->server.has_done = false;
	return outcome(f, server_watch(f->server.server, name, errand, SECONDS(60), &anna, f->world.now));
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

static const struct server_ask nobody = {"", FLEET_TOKEN};

bool fleet_publish(
	struct fleet *f, const char *release, const uint8_t *image, size_t size, const char *version, uint64_t sequence)
{
	uint8_t envelope[MANIFEST_ENVELOPE_MAX], digest[SHA256_BYTES];
	size_t len = fleet_sign(f, image, size, version, sequence, envelope, sizeof envelope);
	f->signature.sha256(f->signature.context, bytes_of(image, size), digest);
	fleet_store_artifact(f, image, size, digest);
	return fleet_await(f, server_release_add(f->server.server, bytes_of_text(release), bytes_of(envelope, len),
				      &nobody, f->world.now)) == SERVER_DONE;
}

uint32_t fleet_roll_out(struct fleet *f, const char *release, const struct rollout_plan *plan)
{
	struct server_selection all = {.kind = SELECTION_ALL};
	enum server_result result = fleet_await(
		f, server_rollout_start(f->server.server, bytes_of_text(release), &all, plan, &nobody, f->world.now));
	return result == SERVER_DONE ? f->server.done.rollout : 0;
}

struct wish {
	struct fleet *fleet;
	uint32_t number;
};

static bool are_registered(void *context)
{
	struct wish *w = context;
	if (w->fleet->server.server == NULL)
		return false;
	struct server_gauges gauges = server_gauges(w->fleet->server.server);
	uint32_t agents = 0;
	for (unsigned i = 0; i < w->fleet->device_count; i++)
		agents += w->fleet->devices[i].agent != NULL && agent_is_registered(w->fleet->devices[i].agent);
	return gauges.registered == w->number && gauges.connected == w->number && agents == w->number;
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

uint64_t fleet_blocks_fetched(const struct fleet *f, unsigned device)
{
	const struct fleet_device *d = &f->devices[device];
	return d->blocks_fetched + (d->agent == NULL ? 0 : agent_counters(d->agent)->blocks_fetched);
}

uint64_t fleet_blocks_repeated(const struct fleet *f, unsigned device)
{
	const struct fleet_device *d = &f->devices[device];
	return d->blocks_repeated + (d->agent == NULL ? 0 : agent_counters(d->agent)->blocks_repeated);
}

bool fleet_can_boot(const struct fleet *f, unsigned device, const uint8_t *image, size_t size)
{
	const struct disk *d = &f->devices[device].disk;
	return d->has_active && (disk_holds(d, d->active, fleet_factory_image, FLEET_FACTORY_BYTES) ||
					disk_holds(d, d->active, image, size));
}
