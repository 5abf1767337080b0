/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The event log listens to the log: every line passes here on its way out. */
#include "agent/state.h"

static bool begins_with(struct bytes line, const char *text)
{
	return bytes_equal_text(bytes_first(line, bytes_of_text(text).len), text);
}

/* An attempt that is about to be made is no event; what comes of it is. */
static bool is_event(enum agent_log_level level, struct bytes line)
{
	return level <= AGENT_LOG_INFO && !begins_with(line, "event=connecting ") &&
	       !begins_with(line, "event=bootstrap_connecting ");
}

static void write_log(void *context, enum agent_log_level level, struct bytes line)
{
	struct agent *a = context;
	int64_t offset = a->deploy.unix_offset_s;
	msec now = a->endpoint == NULL ? 0 : coap_endpoint_now(a->endpoint);
	if (is_event(level, line))
		eventlog_add(&a->events, line, offset == 0 ? 0 : offset + now / 1000);
	a->outer_log.write(a->outer_log.context, level, line);
}

static void store(struct agent *a, msec now)
{
	int status = eventlog_store(&a->events, &a->ports.shelf, a->events_record, now);
	if (status == 0)
		return;
	struct logline line = logline_begin("events_not_stored");
	logline_number(&line, "error", -status);
	logline_end(&line, &a->ports.log, AGENT_LOG_WARNING);
}

void chronicle_init(struct agent *a)
{
	eventlog_init(&a->events);
	a->outer_log = a->ports.log;
	a->ports.log = (struct agent_log_port){a, write_log};
}

void chronicle_load(struct agent *a)
{
	eventlog_load(&a->events, &a->ports.shelf, a->events_record);
}

void chronicle_stop(struct agent *a, msec now)
{
	struct logline line = logline_begin("stop");
	logline_end(&line, &a->ports.log, AGENT_LOG_INFO);
	if (a->ports.shelf.store != NULL)
		store(a, now);
}

msec chronicle_deadline(const struct agent *a)
{
	return a->ports.shelf.store == NULL ? NEVER : eventlog_deadline(&a->events);
}

void chronicle_tick(struct agent *a, msec now)
{
	if (a->ports.shelf.store != NULL && eventlog_is_due(&a->events, now))
		store(a, now);
}
