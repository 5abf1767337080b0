/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 6, Location: where the device is, on a device that knows. */
#include "agent/objects/object.h"

enum {
	LATITUDE = 0,
	LONGITUDE = 1,
	ALTITUDE = 2,
	RADIUS = 3,
	TIMESTAMP = 5,
};

static const struct object_resource resources[] = {
	{LATITUDE, MODEL_READ},
	{LONGITUDE, MODEL_READ},
	{ALTITUDE, MODEL_READ},
	{RADIUS, MODEL_READ},
	{TIMESTAMP, MODEL_READ},
};

static bool next(const struct object_world *world, uint16_t object, uint16_t from, uint16_t *ret)
{
	(void)object;
	*ret = 0;
	return from == 0 && world->sample.location.is_known;
}

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	uint16_t resource = at.ids[2];
	const struct platform_location *l = &world->sample.location;
	switch (resource) {
	case LATITUDE:
		object_put(out, resource, value_float(l->latitude));
		return;
	case LONGITUDE:
		object_put(out, resource, value_float(l->longitude));
		return;
	case ALTITUDE:
		if (l->has_altitude)
			object_put(out, resource, value_float(l->altitude_m));
		return;
	case RADIUS:
		if (l->has_radius)
			object_put(out, resource, value_float(l->radius_m));
		return;
	case TIMESTAMP:
		object_put(out, resource, value_time(l->unix_time_s));
		return;
	}
}

const struct object object_location = {
	.id = MODEL_LOCATION,
	.version = "1.0",
	.resources = resources,
	.resource_count = sizeof resources / sizeof resources[0],
	.next = next,
	.read = read,
};
