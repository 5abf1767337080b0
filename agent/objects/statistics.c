/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 7, Connectivity Statistics: what went over the link between Start and Stop, or the end of the period. */
#include "agent/objects/object.h"

enum {
	TX_DATA = 2,
	RX_DATA = 3,
	START = 6,
	STOP = 7,
	PERIOD = 8,
};

static const struct object_resource resources[] = {
	{TX_DATA, MODEL_READ},
	{RX_DATA, MODEL_READ},
	{START, MODEL_EXECUTE},
	{STOP, MODEL_EXECUTE},
	{PERIOD, MODEL_READ | MODEL_WRITE},
};

/* What has been counted up to now, with the sample that is there. */
static struct object_collection counted(const struct object_world *world)
{
	struct object_collection s = world->statistics;
	if (s.is_collecting && world->now < s.ends) {
		s.sent = world->sample.sent_bytes - s.sent_before;
		s.received = world->sample.received_bytes - s.received_before;
	}
	return s;
}

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	uint16_t resource = at.ids[2];
	struct object_collection s = counted(world);
	switch (resource) {
	case TX_DATA:
		object_put(out, resource, value_integer((int64_t)(s.sent / 1000)));
		return;
	case RX_DATA:
		object_put(out, resource, value_integer((int64_t)(s.received / 1000)));
		return;
	case PERIOD:
		object_put(out, resource, value_integer(s.period_s));
		return;
	}
}

static enum coap_code check(const struct object_world *world, struct path at, const struct value *value)
{
	(void)world;
	(void)at;
	return value->integer >= 0 && value->integer <= INT32_MAX ? COAP_CHANGED : COAP_BAD_REQUEST;
}

static enum coap_code write(struct object_world *world, struct path at, const struct value *value)
{
	(void)at;
	world->statistics.period_s = (uint32_t)value->integer;
	return COAP_CHANGED;
}

static enum coap_code execute(struct object_world *world, struct path at, struct bytes arguments)
{
	uint16_t resource = at.ids[2];
	(void)arguments;
	struct object_collection *s = &world->statistics;
	if (resource == STOP) {
		*s = counted(world);
		s->is_collecting = false;
		return COAP_CHANGED;
	}
	*s = (struct object_collection){
		.is_collecting = true,
		.period_s = s->period_s,
		.ends = s->period_s == 0 ? NEVER : msec_after(world->now, SECONDS(s->period_s)),
		.sent_before = world->sample.sent_bytes,
		.received_before = world->sample.received_bytes,
	};
	return COAP_CHANGED;
}

static void reset(struct object_world *world, struct path at)
{
	(void)at;
	world->statistics.period_s = 0;
}

const struct object object_statistics = {
	.id = MODEL_STATISTICS,
	.version = "1.0",
	.resources = resources,
	.resource_count = sizeof resources / sizeof resources[0],
	.read = read,
	.check = check,
	.write = write,
	.reset = reset,
	.execute = execute,
};
