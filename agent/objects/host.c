/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 26250, Fieldfare Host Health: how the machine and its payload feel (mgmt/health.h). */
#include "agent/objects/object.h"
#include "mgmt/health.h"

static const struct object_resource resources[] = {
	{HEALTH_CPU_LOAD, MODEL_READ},
	{HEALTH_LOAD_1, MODEL_READ},
	{HEALTH_LOAD_5, MODEL_READ},
	{HEALTH_LOAD_15, MODEL_READ},
	{HEALTH_MEMORY_TOTAL, MODEL_READ},
	{HEALTH_MEMORY_AVAILABLE, MODEL_READ},
	{HEALTH_DISK_TOTAL, MODEL_READ},
	{HEALTH_DISK_FREE, MODEL_READ},
	{HEALTH_TEMPERATURE, MODEL_READ},
	{HEALTH_UPTIME, MODEL_READ},
	{HEALTH_PROCESSES, MODEL_READ},
	{HEALTH_PAYLOAD_STATE, MODEL_READ},
	{HEALTH_PAYLOAD_RESTARTS, MODEL_READ},
	{HEALTH_PAYLOAD_VERSION, MODEL_READ},
	{HEALTH_NETWORK_RECEIVED, MODEL_READ},
	{HEALTH_NETWORK_SENT, MODEL_READ},
	{HEALTH_NETWORK_ERRORS, MODEL_READ},
};

static enum health_payload payload_state(const struct deploy *d)
{
	switch (d->program) {
	case DEPLOY_PAYLOAD:
		return HEALTH_PAYLOAD_RUNNING;
	case DEPLOY_SELF_TEST:
		return HEALTH_PAYLOAD_STARTING;
	case DEPLOY_NOTHING:
		return d->restart_at == NEVER ? HEALTH_PAYLOAD_STOPPED : HEALTH_PAYLOAD_FAILED;
	}
	return HEALTH_PAYLOAD_STOPPED;
}

static void fill_machine(const struct platform_sample *s, struct health *h)
{
	h->has = 1u << HEALTH_CPU_LOAD | 1u << HEALTH_LOAD_1 | 1u << HEALTH_LOAD_5 | 1u << HEALTH_LOAD_15 |
		 1u << HEALTH_UPTIME | 1u << HEALTH_PROCESSES | 1u << HEALTH_NETWORK_RECEIVED |
		 1u << HEALTH_NETWORK_SENT | 1u << HEALTH_NETWORK_ERRORS;
	h->network_received_kib = s->received_bytes / 1024;
	h->network_sent_kib = s->sent_bytes / 1024;
	h->network_errors = s->network_errors;
	h->cpu_load_percent = (float)s->cpu_permille / 10;
	for (int i = 0; i < 3; i++)
		h->load[i] = (float)s->load_permille[i] / 1000;
	h->uptime_s = s->uptime_s;
	h->processes = s->processes;
	if (s->memory_total > 0) {
		h->has |= 1u << HEALTH_MEMORY_TOTAL | 1u << HEALTH_MEMORY_AVAILABLE;
		h->memory_total_kib = s->memory_total / 1024;
		h->memory_available_kib = s->memory_available / 1024;
	}
	if (s->disk_total > 0) {
		h->has |= 1u << HEALTH_DISK_TOTAL | 1u << HEALTH_DISK_FREE;
		h->disk_total_kib = s->disk_total / 1024;
		h->disk_free_kib = s->disk_available / 1024;
	}
	if (s->temperature_count > 0)
		health_mark(h, HEALTH_TEMPERATURE);
	h->temperature_count = s->temperature_count;
	for (uint8_t i = 0; i < s->temperature_count; i++)
		h->temperatures_celsius[i] = (float)s->temperatures_millidegrees[i] / 1000;
}

static void fill_payload(const struct object_world *world, struct health *h)
{
	const struct deploy *d = world->deploy;
	const struct journal_image *image = &d->update.state.images[d->program_slot];
	health_mark(h, HEALTH_PAYLOAD_STATE);
	health_mark(h, HEALTH_PAYLOAD_RESTARTS);
	h->payload_state = payload_state(d);
	h->payload_restarts = world->payload_restarts;
	if (d->program == DEPLOY_NOTHING || image->version[0] == '\0')
		return;
	health_mark(h, HEALTH_PAYLOAD_VERSION);
	memcpy(h->payload_version, image->version, sizeof h->payload_version);
}

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	uint16_t resource = at.ids[2];
	struct health health = {.has = 0};
	struct record records[HEALTH_RECORDS_MAX];
	fill_machine(&world->sample, &health);
	fill_payload(world, &health);
	size_t count = health_write(&health, records);
	for (size_t i = 0; i < count; i++) {
		if (records[i].path.ids[2] != resource)
			continue;
		if (resource ==
			HEALTH_PAYLOAD_VERSION) /* the record borrows from `health`, which ends with this function */
			object_put_text(
				out, resource, world->deploy->update.state.images[world->deploy->program_slot].version);
		else
			object_put_at(out, records[i].path, records[i].value);
	}
}

const struct object object_host = {
	.id = MODEL_HOST_HEALTH,
	.version = "1.0",
	.resources = resources,
	.resource_count = sizeof resources / sizeof resources[0],
	.read = read,
};
