/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 26251, Fieldfare Service Health: one instance for each service that is watched, numbered as configured. */
#include "agent/objects/object.h"

enum {
	NAME = 0,
	STATE = 1,
	SOURCE = 2,
	RESTARTS = 3,
	MEMORY = 4,
	CPU_TIME = 5,
	CPU_LOAD = 6,
	MAIN_PROCESS = 7,
	EXIT_STATUS = 8,
	EXIT_TIME = 9,
};

static const struct object_resource resources[] = {
	{NAME, MODEL_READ},
	{STATE, MODEL_READ},
	{SOURCE, MODEL_READ},
	{RESTARTS, MODEL_READ},
	{MEMORY, MODEL_READ},
	{CPU_TIME, MODEL_READ},
	{CPU_LOAD, MODEL_READ},
	{MAIN_PROCESS, MODEL_READ},
	{EXIT_STATUS, MODEL_READ},
	{EXIT_TIME, MODEL_READ},
};

static bool next(const struct object_world *world, uint16_t object, uint16_t from, uint16_t *ret)
{
	(void)object;
	if (from >= world->services->port.count)
		return false;
	*ret = from;
	return true;
}

static void put_if(struct object_records *out, uint16_t resource, bool is_known, struct value value)
{
	if (is_known)
		object_put(out, resource, value);
}

static void read_numbers(const struct service_view *view, uint16_t resource, struct object_records *out)
{
	const struct service_report *r = &view->report;
	switch (resource) {
	case RESTARTS:
		put_if(out, resource, r->has_restarts, value_unsigned(r->restarts));
		return;
	case MEMORY:
		put_if(out, resource, r->has_memory, value_unsigned(r->memory_kib));
		return;
	case CPU_TIME:
		put_if(out, resource, r->has_cpu, value_unsigned(r->cpu_ms));
		return;
	case CPU_LOAD:
		put_if(out, resource, view->has_load, value_float((double)view->load_permille / 10));
		return;
	case MAIN_PROCESS:
		put_if(out, resource, r->has_process, value_unsigned(r->process));
		return;
	case EXIT_STATUS:
		put_if(out, resource, r->has_exit_status, value_integer(r->exit_status));
		return;
	case EXIT_TIME:
		put_if(out, resource, r->has_exit_time, value_time(r->exit_unix_s));
		return;
	}
}

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	uint8_t i = (uint8_t)at.ids[1];
	const struct service_watch *watch = &world->services->port.list[i];
	uint16_t resource = at.ids[2];
	if (resource == NAME)
		object_put_text(out, resource, watch->name);
	else if (resource == SOURCE)
		object_put(out, resource, value_integer(watch->source));
	else if (resource == STATE)
		object_put(out, resource, value_integer(services_view(world->services, i, world->now)->report.state));
	else
		read_numbers(services_view(world->services, i, world->now), resource, out);
}

const struct object object_services = {
	.id = MODEL_SERVICE_HEALTH,
	.version = "1.0",
	.resources = resources,
	.resource_count = sizeof resources / sizeof resources[0],
	.next = next,
	.read = read,
};
