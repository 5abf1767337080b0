/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Historical values (Notification Storing, /1/x/6, and hqmax; lwm2m interface section 6): while a server is away, what
 * it observed is looked at as before, by the same attributes, and what it would have been notified of goes into the
 * backlog. When it is there again it gets that by Send, oldest first and a few values at a time, if it lets the device
 * send (/1/x/23).
 *
 * A notification that nobody has to confirm may be lost before anybody notices that the server is away. So what is
 * notified goes into the backlog as well, open until an Update that was sent later has been answered.
 *
 * Of an observation of one resource each notification is kept; of a larger one the numbers that have changed. State and
 * result of an update are not history: the server acts upon them, and is told of them as they are.
 *
 * Flash wears out: the backlog is written every ten minutes while it changes, and when the agent ends. */
#include "agent/state.h"

#include "coap/content_format.h"
#include "mgmt/payload.h"

#include <assert.h>

#define STORE_EVERY  SECONDS(600)
#define USUAL_SHARES 8 /* without hqmax no resource has more than this part of the room */

static uint16_t id_of(const struct uplink *u)
{
	return uplink_account(u)->short_id;
}

static struct backlog_clock clock_at(struct agent *a, msec now)
{
	agent_sample(a, now);
	return (struct backlog_clock){now, a->world.sample.unix_time_s};
}

/* ---- on disk ---- */

void catchup_start(struct agent *a, msec now)
{
	struct backlog_clock clock = clock_at(a, now);
	struct bytes kept = shelf_load(&a->ports.shelf, SHELF_HISTORY, a->backlog_record,
		SHELF_HEAD_BYTES + backlog_bytes(a->config.backlog_max));
	if (kept.len > 0)
		(void)backlog_decode(&a->backlog, &clock, kept);
}

static void store(struct agent *a, msec now)
{
	struct backlog_clock clock = clock_at(a, now);
	size_t capacity = backlog_bytes(a->config.backlog_max);
	struct writer w = writer_of(a->backlog_record + SHELF_HEAD_BYTES, capacity);
	backlog_encode(&a->backlog, &clock, &w);
	a->backlog_store_at = NEVER;
	size_t len = SHELF_HEAD_BYTES + writer_bytes(&w).len;
	int status = shelf_store(&a->ports.shelf, SHELF_HISTORY, a->backlog_record, len);
	if (status == 0)
		return;
	struct logline line = logline_begin("backlog_not_stored");
	logline_number(&line, "error", -status);
	logline_end(&line, &a->ports.log, AGENT_LOG_WARNING);
}

void catchup_stop(struct agent *a, msec now)
{
	for (struct uplink *u = uplink_after(a, NULL); u != NULL; u = uplink_after(a, u))
		if (!register_is_registered(&u->registration))
			backlog_close(&a->backlog, id_of(u));
	if (a->backlog.has_changed)
		store(a, now);
}

/* ---- noting ---- */

static bool has_account(const struct agent *a, uint16_t short_id)
{
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		if (a->accounts.servers[i].is_there && a->accounts.servers[i].short_id == short_id)
			return true;
	return false;
}

/* Nobody else's values are kept for a server that comes later. */
static void forget_strangers(struct agent *a)
{
	for (uint16_t i = 0; i < a->backlog.count;) {
		uint16_t short_id = a->backlog.entries[i].server;
		if (has_account(a, short_id))
			i++;
		else
			backlog_forget(&a->backlog, short_id);
	}
}

void catchup_begin(struct agent *a)
{
	forget_strangers(a);
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		struct catchup *c = &a->uplinks[i].catchup;
		report_clear(&c->absent);
		c->is_absent = false;
		c->exchange = HANDLE_NONE;
		c->not_before = 0;
	}
}

static bool is_history(const struct record *record)
{
	return record->path.ids[0] != MODEL_FIRMWARE;
}

/* How many values of this resource the server wants. */
static uint32_t keeps_of(
	const struct uplink *u, const struct report *report, const struct report_observation *o, struct path path)
{
	uint32_t usual = (u->agent->config.backlog_max + USUAL_SHARES - 1u) / USUAL_SHARES;
	struct attributes a = o->own, around = report_attributes_effective(report, path);
	attributes_inherit(&a, &around);
	return (a.set & ATTRIBUTES_HQMAX) != 0 ? a.hqmax : usual;
}

static void note(struct uplink *u, const struct report *report, const struct report_observation *o, msec now)
{
	struct agent *a = u->agent;
	const struct record *records;
	bool is_open = report != &u->catchup.absent;
	bool is_single = o->name_count == 1 && o->path.depth >= 3;
	if (!uplink_account(u)->stores_notifications || a->config.backlog_max == 0)
		return;
	size_t count = objects_collect(&a->objects, o->names, o->name_count, &records);
	for (size_t i = 0; i < count; i++)
		if (is_history(&records[i]) && (is_single || !backlog_knows(&a->backlog, id_of(u), &records[i])))
			backlog_add(&a->backlog, id_of(u), is_open, &records[i],
				keeps_of(u, report, o, records[i].path), now);
}

static struct report_observation *find(const struct report *report, struct handle observer)
{
	for (uint16_t i = 0; i < report->observations_max; i++)
		if (handle_equal(report->observations[i].observer, observer))
			return &report->observations[i];
	return NULL;
}

void catchup_notified(struct uplink *u, struct handle observer, msec now)
{
	const struct report *report = &u->agent->reports[uplink_number(u)];
	const struct report_observation *o = find(report, observer);
	if (o != NULL)
		note(u, report, o, now);
}

void catchup_asked(struct uplink *u, msec now)
{
	u->catchup.asked_at = now;
}

void catchup_answered(struct uplink *u)
{
	backlog_arrived(&u->agent->backlog, id_of(u), u->catchup.asked_at);
}

/* ---- while it is away ---- */

static bool has_observations(const struct report *report)
{
	for (uint16_t i = 0; i < report->observations_max; i++)
		if (!handle_is_none(report->observations[i].observer))
			return true;
	return false;
}

/* A server that went before it observed anything again still wants what it wanted before. */
void catchup_lost(struct uplink *u)
{
	struct catchup *c = &u->catchup;
	const struct report *report = &u->agent->reports[uplink_number(u)];
	if (!c->is_absent && has_observations(report))
		report_clear(&c->absent);
	for (uint16_t i = 0; i < report->observations_max; i++) {
		const struct report_observation *o = &report->observations[i];
		if (handle_is_none(o->observer) || find(&c->absent, o->observer) != NULL)
			continue;
		struct report_observation *place = find(&c->absent, HANDLE_NONE);
		if (place != NULL)
			*place = *o;
	}
	c->absent.defaults = report->defaults;
	c->is_absent = uplink_account(u)->stores_notifications && u->agent->config.backlog_max > 0;
	backlog_close(&u->agent->backlog, id_of(u));
}

void catchup_registered(struct uplink *u)
{
	backlog_close(&u->agent->backlog, id_of(u));
	u->catchup.is_absent = false;
}

static void look(struct uplink *u, msec now)
{
	struct agent *a = u->agent;
	struct report *absent = &u->catchup.absent;
	uint16_t i;
	for (unsigned n = 0; n < absent->observations_max && report_due(absent, now, &i); n++) {
		const struct report_observation *o = &absent->observations[i];
		struct report_value value;
		struct arena arena;
		arena_init(&arena, a->scratch, sizeof a->scratch);
		agent_sample(a, now);
		if (!objects_value(&a->objects, o, &arena, &value)) {
			report_remove(absent, o->observer);
		} else if (report_look(absent, i, &value, now)) {
			note(u, absent, o, now);
			report_sent(absent, o->observer, &value, now);
		}
	}
}

/* ---- when it is there again ---- */

static bool may_deliver(const struct uplink *u)
{
	return !u->catchup.is_absent && handle_is_none(u->catchup.exchange) && uplink_account(u)->may_send &&
	       u->is_connected && register_is_registered(&u->registration) &&
	       backlog_count(&u->agent->backlog, id_of(u)) > 0;
}

static void log_delivery(struct uplink *u, bool is_taken, enum coap_code code)
{
	uint8_t text[48];
	struct writer w = writer_of(text, sizeof text);
	struct logline line = logline_begin(is_taken ? "backlog_delivered" : "backlog_refused");
	coap_code_write(&w, code);
	logline_bytes(&line, "code", writer_bytes(&w));
	logline_number(&line, "left", backlog_count(&u->agent->backlog, id_of(u)));
	logline_end(&line, &u->agent->ports.log, is_taken ? AGENT_LOG_INFO : AGENT_LOG_WARNING);
}

/* What a server refuses as such it would refuse again; one that is only not able to take it is asked later. */
static void delivered(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct uplink *u = context;
	struct catchup *c = &u->catchup;
	bool is_answered = reply->outcome == COAP_OUTCOME_RESPONSE;
	(void)e;
	c->exchange = HANDLE_NONE;
	if (!is_answered || reply->code >= COAP_INTERNAL_SERVER_ERROR) {
		c->not_before = msec_after(now, SEND_RETRY);
		return;
	}
	backlog_delivered(&u->agent->backlog, id_of(u), c->last);
	backlog_arrived(&u->agent->backlog, id_of(u), c->sent_at);
	log_delivery(u, coap_code_is_success(reply->code), reply->code);
}

static void deliver(struct uplink *u, msec now)
{
	struct agent *a = u->agent;
	struct catchup *c = &u->catchup;
	struct record records[CATCHUP_RECORDS_MAX];
	struct coap_options options = {.count = 0};
	struct writer body = writer_of(c->body, sizeof c->body);
	struct backlog_clock clock = clock_at(a, now);
	size_t count = backlog_oldest(&a->backlog, id_of(u), &clock, records, CATCHUP_RECORDS_MAX, &c->last);
	enum payload_verdict verdict = payload_encode(PAYLOAD_SENML_CBOR, PATH_ROOT, records, count, &body);
	assert(verdict == PAYLOAD_GOOD);
	coap_options_add_text(&options, COAP_OPTION_URI_PATH, "dp");
	coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_SENML_CBOR);
	struct coap_call call = {.to = u->remote,
		.method = COAP_POST,
		.options = &options,
		.body = writer_bytes(&body),
		.reply = delivered,
		.context = u};
	c->sent_at = now;
	if (coap_endpoint_request(a->endpoint, &call, now, &c->exchange)) {
		a->counters.sends++;
		return;
	}
	c->exchange = HANDLE_NONE;
	c->not_before = msec_after(now, SEND_RETRY);
}

/* ---- time ---- */

static msec deadline_of(const struct uplink *u)
{
	if (u->catchup.is_absent)
		return report_deadline(&u->catchup.absent);
	return may_deliver(u) ? u->catchup.not_before : NEVER;
}

msec catchup_deadline(const struct agent *a)
{
	msec at = a->backlog_store_at;
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		if (a->accounts.servers[i].is_there)
			at = msec_earlier(at, deadline_of(&a->uplinks[i]));
	return at;
}

void catchup_tick(struct agent *a, msec now)
{
	for (struct uplink *u = uplink_after(a, NULL); u != NULL; u = uplink_after(a, u)) {
		a->world.asking = a->objects.asking = uplink_number(u);
		if (u->catchup.is_absent)
			look(u, now);
		else if (may_deliver(u) && u->catchup.not_before <= now)
			deliver(u, now);
	}
	if (a->backlog_store_at <= now)
		store(a, now);
	if (a->backlog.has_changed && a->backlog_store_at == NEVER && a->ports.shelf.store != NULL)
		a->backlog_store_at = msec_after(now, STORE_EVERY);
}
