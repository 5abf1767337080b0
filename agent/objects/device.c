/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 3, Device. Its firmware version is that of the confirmed image, the software version that of the agent. */
#include "agent/objects/object.h"

enum {
	MANUFACTURER = 0,
	MODEL_NUMBER = 1,
	SERIAL_NUMBER = 2,
	FIRMWARE_VERSION = 3,
	REBOOT = 4,
	MEMORY_FREE = 10,
	ERROR_CODE = 11,
	CURRENT_TIME = 13,
	BINDINGS = 16,
	DEVICE_TYPE = 17,
	HARDWARE_VERSION = 18,
	SOFTWARE_VERSION = 19,
	MEMORY_TOTAL = 21,
};

enum { ERROR_NONE = 0, ERROR_OUT_OF_MEMORY = 5 };

#define MEMORY_LOW_PERMILLE 20

/* The clock is the system's to set, so Current Time is only read here. */
static const struct object_resource resources[] = {
	{MANUFACTURER, MODEL_READ},
	{MODEL_NUMBER, MODEL_READ},
	{SERIAL_NUMBER, MODEL_READ},
	{FIRMWARE_VERSION, MODEL_READ},
	{REBOOT, MODEL_EXECUTE},
	{MEMORY_FREE, MODEL_READ},
	{ERROR_CODE, MODEL_READ},
	{CURRENT_TIME, MODEL_READ},
	{BINDINGS, MODEL_READ},
	{DEVICE_TYPE, MODEL_READ},
	{HARDWARE_VERSION, MODEL_READ},
	{SOFTWARE_VERSION, MODEL_READ},
	{MEMORY_TOTAL, MODEL_READ},
};

static const char *firmware_version(const struct object_world *world)
{
	const struct journal_state *s = &world->deploy->update.state;
	return s->images[s->confirmed].is_present ? s->images[s->confirmed].version : "";
}

static int64_t error_code(const struct platform_sample *s)
{
	bool is_low = s->memory_available < s->memory_total / 1000 * MEMORY_LOW_PERMILLE;
	return is_low ? ERROR_OUT_OF_MEMORY : ERROR_NONE;
}

static int64_t kib(uint64_t bytes)
{
	return (int64_t)(bytes / 1024);
}

static void read_memory(const struct platform_sample *s, uint16_t resource, struct object_records *out)
{
	if (s->memory_total > 0)
		object_put(out, resource,
			value_integer(kib(resource == MEMORY_FREE ? s->memory_available : s->memory_total)));
}

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	uint16_t resource = at.ids[2];
	const struct platform_identity *id = world->identity;
	switch (resource) {
	case MANUFACTURER:
		object_put_text(out, resource, id->manufacturer);
		return;
	case MODEL_NUMBER:
		object_put_text(out, resource, id->model);
		return;
	case SERIAL_NUMBER:
		object_put_text(out, resource, id->serial);
		return;
	case FIRMWARE_VERSION:
		object_put_text(out, resource, firmware_version(world));
		return;
	case MEMORY_FREE:
	case MEMORY_TOTAL:
		read_memory(&world->sample, resource, out);
		return;
	case ERROR_CODE:
		object_put_instance(out, resource, 0, value_integer(error_code(&world->sample)));
		return;
	case CURRENT_TIME:
		object_put(out, resource, value_time(world->sample.unix_time_s));
		return;
	case BINDINGS:
		object_put(out, resource, value_string(bytes_of_text("U")));
		return;
	case DEVICE_TYPE:
		object_put_text(out, resource, id->device_type);
		return;
	case HARDWARE_VERSION:
		object_put_text(out, resource, id->hardware_version);
		return;
	case SOFTWARE_VERSION:
		object_put_text(out, resource, world->agent_version);
		return;
	}
}

static enum coap_code execute(struct object_world *world, struct path at, struct bytes arguments)
{
	(void)at;
	(void)arguments;
	world->wants_reboot = true;
	return COAP_CHANGED;
}

const struct object object_device = {
	.id = MODEL_DEVICE,
	.version = "1.1",
	.resources = resources,
	.resource_count = sizeof resources / sizeof resources[0],
	.read = read,
	.execute = execute,
};
