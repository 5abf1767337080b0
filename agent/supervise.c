/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Extensions as they come and go: their files, the life of their programs, what these say. */
#include "agent/state.h"

/* ---- lines for the log ---- */

static struct logline log_begin(const struct agent *a, uint8_t slot, const char *event)
{
	struct logline line = logline_begin(event);
	logline_text(&line, "name", a->extensions.list[slot].definition.name);
	return line;
}

static void log_plain(const struct agent *a, uint8_t slot, enum agent_log_level level, const char *event)
{
	struct logline line = log_begin(a, slot, event);
	logline_end(&line, &a->ports.log, level);
}

/* ---- what they say ---- */

void supervise_list_changed(struct agent *a, msec now)
{
	for (struct uplink *u = uplink_after(a, NULL); u != NULL; u = uplink_after(a, u))
		register_list_changed(&u->registration, now);
}

static void touch_all(struct agent *a, const struct extension *x, msec now)
{
	for (size_t i = 0; i < x->definition.object_count; i++)
		agent_touch(a, path_of_object(x->definition.objects[i].id), now);
}

void agent_extension_heard(struct agent *a, uint8_t slot, struct bytes line, msec now)
{
	struct extension *x = &a->extensions.list[slot];
	struct extension_outcome outcome;
	struct arena arena;
	unsigned faults = x->faults;
	arena_init(&arena, a->scratch, sizeof a->scratch);
	a->extensions.desk->scratch = &arena;
	switch (extension_receive(x, line, a->extensions.desk, now, &outcome)) {
	case EXTENSION_HEARD_NOTHING:
	case EXTENSION_HEARD_NONSENSE:
		break;
	case EXTENSION_HEARD_ANSWER:
		delegate_settle(a, &outcome, now);
		break;
	case EXTENSION_HEARD_NEWS:
		touch_all(a, x, now);
		break;
	case EXTENSION_HEARD_INSTANCES:
		touch_all(a, x, now);
		supervise_list_changed(a, now);
		break;
	}
	if (x->faults > faults) { /* the first of them is told, as it comes */
		struct logline text = log_begin(a, slot, "extension_nonsense");
		logline_bytes(&text, "line", bytes_first(line, 80));
		logline_end(&text, &a->ports.log, faults == 0 ? AGENT_LOG_WARNING : AGENT_LOG_DEBUG);
	}
}

static void tell_lost(struct agent *a, uint8_t slot, msec now)
{
	struct extension *x = &a->extensions.list[slot];
	struct extension_outcome outcome;
	while (x->state != EXTENSION_RUNNING && extension_questions(x) > 0 &&
		extension_due(x, now, &outcome) == EXTENSION_DUTY_TELL)
		delegate_settle(a, &outcome, now);
}

void agent_extension_ended(struct agent *a, uint8_t slot, const char *how, msec now)
{
	struct extension *x = &a->extensions.list[slot];
	if (x->state != EXTENSION_RUNNING)
		return;
	struct logline line = log_begin(a, slot, "extension_ended");
	extension_ended(x, now);
	logline_text(&line, "reason", how);
	logline_number(&line, "again_in_s", (x->at - now) / 1000);
	logline_end(&line, &a->ports.log, AGENT_LOG_WARNING);
	tell_lost(a, slot, now);
}

static void rebuild(struct agent *a, msec now)
{
	extensions_changed(&a->extensions);
	agent_gather_objects(a);
	supervise_list_changed(a, now);
}

enum extension_verdict agent_extension_open(
	struct agent *a, uint8_t slot, const struct extension_definition *definition, msec now)
{
	enum extension_verdict verdict = extensions_check(&a->extensions, definition, a->own, a->own_count);
	if (verdict != EXTENSION_ACCEPTED)
		return verdict;
	extension_open(&a->extensions.list[slot], definition, now);
	log_plain(a, slot, AGENT_LOG_INFO, "extension_opened");
	rebuild(a, now);
	return verdict;
}

void agent_extension_close(struct agent *a, uint8_t slot, msec now)
{
	struct extension *x = &a->extensions.list[slot];
	if (x->state == EXTENSION_ABSENT)
		return;
	bool was_running = x->state == EXTENSION_RUNNING;
	log_plain(a, slot, AGENT_LOG_INFO, "extension_closed");
	touch_all(a, x, now);
	extension_close(x);
	tell_lost(a, slot, now);
	if (was_running)
		a->ports.extensions.stop(a->ports.extensions.context, slot);
	rebuild(a, now);
}

/* ---- time ---- */

static void start(struct agent *a, uint8_t slot, msec now)
{
	struct extension *x = &a->extensions.list[slot];
	if (a->ports.extensions.start(a->ports.extensions.context, slot)) {
		extension_started(x, now);
		log_plain(a, slot, AGENT_LOG_INFO, "extension_started");
	} else {
		extension_ended(x, now);
		log_plain(a, slot, AGENT_LOG_WARNING, "extension_not_started");
	}
}

static void stop(struct agent *a, uint8_t slot, const char *why, msec now)
{
	struct logline line = log_begin(a, slot, "extension_stopped");
	logline_text(&line, "reason", why);
	logline_number(&line, "again_in_s", (a->extensions.list[slot].at - now) / 1000);
	logline_end(&line, &a->ports.log, AGENT_LOG_WARNING);
	a->ports.extensions.stop(a->ports.extensions.context, slot);
}

static void tick_one(struct agent *a, uint8_t slot, msec now)
{
	struct extension_outcome outcome;
	for (;;) {
		switch (extension_due(&a->extensions.list[slot], now, &outcome)) {
		case EXTENSION_DUTY_NONE:
			return;
		case EXTENSION_DUTY_START:
			start(a, slot, now);
			break;
		case EXTENSION_DUTY_STOP_HANGING:
			stop(a, slot, "it does not answer", now);
			break;
		case EXTENSION_DUTY_STOP_BROKEN:
			stop(a, slot, "it says what cannot be used, or too much", now);
			break;
		case EXTENSION_DUTY_TELL:
			delegate_settle(a, &outcome, now);
			break;
		}
	}
}

void supervise_tick(struct agent *a, msec now)
{
	for (uint8_t i = 0; i < a->extensions.count; i++)
		tick_one(a, i, now);
}
