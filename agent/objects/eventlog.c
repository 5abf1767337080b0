/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 20, Event Log (agent/eventlog.h). LogData is text in UTF-8, which no number of LogDataFormat stands for; 100
 * is the first that a vendor may use. */
#include "agent/eventlog.h"
#include "agent/objects/object.h"

enum { LOG_START = 4011, LOG_STOP = 4012, LOG_STATUS = 4013, LOG_DATA = 4014, LOG_DATA_FORMAT = 4015 };

#define FORMAT_LINES_OF_TEXT 100

static const struct object_resource resources[] = {
	{LOG_START, MODEL_EXECUTE},
	{LOG_STOP, MODEL_EXECUTE},
	{LOG_STATUS, MODEL_READ},
	{LOG_DATA, MODEL_READ},
	{LOG_DATA_FORMAT, MODEL_READ},
};

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	switch (at.ids[2]) {
	case LOG_STATUS:
		object_put(out, at.ids[2], value_integer(eventlog_status(world->events)));
		return;
	case LOG_DATA:
		object_put(out, at.ids[2], value_opaque(eventlog_text(world->events)));
		return;
	case LOG_DATA_FORMAT:
		object_put(out, at.ids[2], value_integer(FORMAT_LINES_OF_TEXT));
		return;
	}
}

/* The one argument of both turns round what is done with the lines so far when nothing is said: LogStart drops them,
 * LogStop keeps them. */
static enum coap_code execute(struct object_world *world, struct path at, struct bytes arguments)
{
	bool is_start = at.ids[2] == LOG_START;
	bool turns_round = bytes_equal_text(arguments, "0='1'");
	if (!turns_round && arguments.len > 0 && !bytes_equal_text(arguments, "0='0'") &&
		!bytes_equal_text(arguments, "0"))
		return COAP_BAD_REQUEST;
	if (is_start)
		eventlog_start(world->events, !turns_round);
	else
		eventlog_stop(world->events, turns_round);
	return COAP_CHANGED;
}

const struct object object_eventlog = {
	.id = MODEL_EVENT_LOG,
	.version = "1.0",
	.resources = resources,
	.resource_count = sizeof resources / sizeof resources[0],
	.read = read,
	.execute = execute,
};
