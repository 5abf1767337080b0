/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 4, Connectivity Monitoring: the interface that leads to the server. */
#include "agent/objects/object.h"

enum {
	BEARER = 0,
	AVAILABLE_BEARERS = 1,
	SIGNAL_STRENGTH = 2,
	ADDRESSES = 4,
	ROUTERS = 5,
};

static const struct object_resource resources[] = {
	{BEARER, MODEL_READ},
	{AVAILABLE_BEARERS, MODEL_READ},
	{SIGNAL_STRENGTH, MODEL_READ},
	{ADDRESSES, MODEL_READ},
	{ROUTERS, MODEL_READ},
};

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	uint16_t resource = at.ids[2];
	const struct platform_sample *s = &world->sample;
	switch (resource) {
	case BEARER:
		object_put(out, resource, value_integer(s->bearer));
		return;
	case AVAILABLE_BEARERS:
		object_put_instance(out, resource, 0, value_integer(s->bearer));
		return;
	case SIGNAL_STRENGTH:
		object_put(out, resource, value_integer(s->signal_dbm));
		return;
	case ADDRESSES:
		for (uint8_t i = 0; i < s->address_count && i < PLATFORM_ADDRESSES_MAX; i++)
			object_put_instance(out, resource, i, value_string(bytes_of_text(s->addresses[i])));
		return;
	case ROUTERS:
		if (s->router[0] != '\0')
			object_put_instance(out, resource, 0, value_string(bytes_of_text(s->router)));
		return;
	}
}

const struct object object_connectivity = {
	.id = MODEL_CONNECTIVITY,
	.version = "1.2",
	.resources = resources,
	.resource_count = sizeof resources / sizeof resources[0],
	.read = read,
};
