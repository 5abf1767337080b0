/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/state.h"
#include "agent/update_text.h"

#include "coap/carve.h"

#include <assert.h>

#define SAMPLE_AGE_MS   1000
#define REPORT_USUAL_MS SECONDS(5)
#define ORDER_DELAY_MS  500
#define STORE_RETRY_MS  SECONDS(10)

const struct agent_config agent_config_default = {
	.lifetime_s = 300,
	.self_test_timeout_ms = SECONDS(60),
	.settle_ms = SECONDS(10),
	.trials_max = 3,
	.download_give_up_ms = SECONDS(3600),
	.image_size_max = UINT64_C(64) << 20,
	.block_size = 1024,
	.blocks_in_flight = 16,
	.progress_every = 64,
	.retry_first_ms = SECONDS(2),
	.retry_max_ms = SECONDS(300),
	.payload_restart_ms = SECONDS(5),
	.observers_max = 16,
	.attributes_max = 16,
	.extension_patience_ms = SECONDS(5),
	.backlog_max = 1024,
};

/* ---- what there is to see ---- */

static void look_at_credential(struct agent *a)
{
	struct object_credential *c = &a->world.credential;
	bool enrols = a->ports.keystore != NULL;
	*c = (struct object_credential){.kind = a->config.credential_kind,
		.can_renew = account_factory(a) != NULL && (enrols || a->config.has_psk)};
	if (enrols && a->ports.keystore->enrolled(a->ports.keystore->context, &c->since, &c->until))
		c->kind = CREDENTIAL_CERTIFICATE;
	else if (a->rotation.choice.has_current)
		c->since = a->rotation.current.since;
}

void agent_sample(struct agent *a, msec now)
{
	struct platform_sample *s = &a->world.sample;
	a->world.now = now;
	look_at_credential(a);
	if (a->sampled_at != NEVER && now - a->sampled_at < SAMPLE_AGE_MS)
		return;
	a->ports.platform.sample(a->ports.platform.context, s);
	a->sampled_at = now;
	a->deploy.unix_offset_s = s->unix_time_s == 0 ? 0 : s->unix_time_s - now / 1000;
}

/* ---- life ---- */

static size_t bitmap_capacity(const struct agent_config *config)
{
	return download_bitmap_bytes(config->image_size_max, config->block_size) * AGENT_FINER_BLOCKS;
}

/* What is cut from the owner's memory. */
struct parts {
	struct agent *agent;
	void *fetch;
	struct report_attributes *attributes;    /* of each server in turn */
	struct report_observation *observations; /* likewise */
	struct report_observation *absent;       /* likewise */
	struct backlog_entry *backlog;
	struct record *records;
	void *extensions;
	struct delegate *delegates;
	uint8_t *links; /* of each server in turn */
	uint8_t *bitmap, *fetch_bitmap, *progress, *record, *slice, *backlog_record;
};

/* Without extensions nobody waits for them. */
static unsigned delegate_count(const struct agent_config *config)
{
	return config->extensions_max == 0 ? 0 : AGENT_DELEGATES_MAX;
}

static size_t links_capacity(const struct agent_config *config)
{
	return AGENT_LINKS_BYTES + (size_t)config->extensions_max * AGENT_LINKS_MORE_BYTES;
}

static size_t lay_out(void *memory, const struct agent_config *config, struct parts *p)
{
	struct carve c = {memory, 0};
	size_t bitmap = bitmap_capacity(config);
	p->agent = carve_take(&c, 1, sizeof *p->agent);
	p->fetch = carve_take(&c, 1, coap_blockget_memory(config->blocks_in_flight));
	p->attributes = carve_take(&c, (size_t)config->attributes_max * ACCOUNTS_SERVERS_MAX, sizeof *p->attributes);
	p->observations = carve_take(&c, (size_t)config->observers_max * ACCOUNTS_SERVERS_MAX, sizeof *p->observations);
	p->absent = carve_take(&c, (size_t)config->observers_max * ACCOUNTS_SERVERS_MAX, sizeof *p->absent);
	p->backlog = carve_take(&c, config->backlog_max, sizeof *p->backlog);
	p->backlog_record = carve_take(&c, 1, backlog_bytes(config->backlog_max) + SHELF_HEAD_BYTES);
	p->records = carve_take(&c, OBJECTS_RECORDS_MAX, sizeof *p->records);
	p->extensions = carve_take(&c, 1, extensions_memory(config->extensions_max, &model_core));
	p->delegates = carve_take(&c, delegate_count(config), sizeof *p->delegates);
	p->links = carve_take(&c, ACCOUNTS_SERVERS_MAX, links_capacity(config));
	p->bitmap = carve_take(&c, 1, bitmap);
	p->fetch_bitmap = carve_take(&c, 1, bitmap);
	p->progress = carve_take(&c, 1, bitmap + JOURNAL_PROGRESS_HEAD_BYTES);
	p->record = carve_take(&c, 1, JOURNAL_STATE_BYTES_MAX);
	p->slice = carve_take(&c, 1, DEPLOY_SLICE_BYTES);
	return c.used;
}

size_t agent_memory(const struct agent_config *config)
{
	struct parts parts;
	return lay_out(NULL, config, &parts);
}

/* A table is in the order of the ids. */
static void add_object(const struct object **table, size_t *count, size_t capacity, const struct object *object)
{
	size_t at = (*count)++;
	assert(at < capacity);
	for (; at > 0 && table[at - 1]->id > object->id; at--)
		table[at] = table[at - 1];
	table[at] = object;
}

void agent_gather_objects(struct agent *a)
{
	const struct extensions *e = &a->extensions;
	a->objects.count = 0;
	if (accounts_server_count(&a->accounts) > 1)
		add_object(a->table, &a->objects.count, AGENT_TABLE_MAX, &object_access);
	for (size_t i = 0; i < a->own_count; i++)
		add_object(a->table, &a->objects.count, AGENT_TABLE_MAX, a->own[i]);
	for (uint8_t i = 0; i < e->count; i++)
		for (size_t n = 0; n < e->list[i].definition.object_count; n++)
			add_object(a->table, &a->objects.count, AGENT_TABLE_MAX, &e->tables[i].objects[n]);
}

static void init_objects(struct agent *a, const struct parts *p)
{
	static const struct object *const everywhere[] = {&object_server, &object_device, &object_connectivity,
		&object_firmware, &object_statistics, &object_portfolio, &object_eventlog, &object_host,
		&object_credential};
	extensions_init(
		&a->extensions, p->extensions, a->config.extensions_max, &model_core, a->config.extension_patience_ms);
	a->objects = (struct objects){a->table, 0, &a->extensions.model, &a->world, a->reports, 0, false, p->records};
	for (size_t i = 0; i < sizeof everywhere / sizeof everywhere[0]; i++)
		add_object(a->own, &a->own_count, AGENT_OBJECTS_MAX, everywhere[i]);
	if (a->config.has_location)
		add_object(a->own, &a->own_count, AGENT_OBJECTS_MAX, &object_location);
	if (a->ports.services.count > 0)
		add_object(a->own, &a->own_count, AGENT_OBJECTS_MAX, &object_services);
	agent_gather_objects(a);
}

static void init_report(struct agent *a, const struct parts *p)
{
	size_t count = 0;
	for (size_t i = 0; i < a->own_count; i++)
		if (a->own[i]->is_steady)
			a->steady[count++] = a->own[i]->id;
	for (size_t i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		report_init(&a->reports[i], p->attributes + i * a->config.attributes_max, a->config.attributes_max,
			p->observations + i * a->config.observers_max, a->config.observers_max,
			a->config.queue_mode ? NEVER : REPORT_USUAL_MS);
		report_set_steady(&a->reports[i], a->steady, count);
		a->uplinks[i].catchup.absent = a->reports[i];
		a->uplinks[i].catchup.absent.observations = p->absent + i * a->config.observers_max;
		report_clear(&a->uplinks[i].catchup.absent);
	}
	backlog_init(&a->backlog, p->backlog, a->config.backlog_max);
	a->backlog_record = p->backlog_record;
	a->backlog_store_at = NEVER;
}

static void init_deploy(struct agent *a, const struct parts *p)
{
	const struct agent_config *c = &a->config;
	a->deploy_config = (struct deploy_config){
		.update = {.order_delay_ms = ORDER_DELAY_MS,
			.self_test_timeout_ms = c->self_test_timeout_ms,
			.settle_ms = c->settle_ms,
			.give_up_ms = c->download_give_up_ms,
			.push_give_up_ms = PUSH_GIVE_UP,
			.store_retry_ms = STORE_RETRY_MS,
			.trials_max = c->trials_max,
			.image_size_max = c->image_size_max},
		.block_size = c->block_size,
		.progress_every = c->progress_every,
		.payload_restart_ms = c->payload_restart_ms,
	};
	a->deploy_ports = (struct deploy_ports){
		a->ports.slots, a->ports.boot, a->ports.payload, a->ports.journal, a->ports.digest};
	struct download_storage storage = {p->bitmap, bitmap_capacity(c), p->progress};
	deploy_init(&a->deploy, &a->deploy_config, &a->deploy_ports, &storage, p->record, p->slice);
}

static void init_world(struct agent *a)
{
	a->world.identity = &a->config.identity;
	a->world.agent_version = FIELDFARE_VERSION;
	a->world.deploy = &a->deploy;
	a->world.accounts = &a->accounts;
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		a->world.registrations[i] = &a->uplinks[i].registration;
	a->world.shelf = &a->ports.shelf;
	a->world.configured_lifetime_s = a->config.lifetime_s;
	a->world.portfolio = &a->portfolio;
	a->world.events = &a->events;
	a->world.services = &a->services;
	a->world.extensions = &a->extensions;
	services_init(&a->services, &a->ports.services);
}

struct agent *agent_init(void *memory, const struct agent_config *config, const struct agent_ports *ports,
	const uint8_t seed[PRNG_SEED_BYTES])
{
	struct parts parts;
	assert(config->blocks_in_flight > 0 && config->extensions_max <= EXTENSIONS_MAX);
	(void)lay_out(memory, config, &parts);
	struct agent *a = parts.agent;
	memset(a, 0, sizeof *a);
	a->config = *config;
	a->ports = *ports;
	chronicle_init(a);
	prng_init(&a->chance, seed);
	a->fetch.memory = parts.fetch;
	a->fetch.bitmap = parts.fetch_bitmap;
	a->fetch.retry_at = NEVER;
	a->sampled_at = NEVER;
	a->reboot_at = NEVER;
	a->delegates = parts.delegates;
	a->delegate_count = delegate_count(config);
	for (unsigned i = 0; i < a->delegate_count; i++)
		a->delegates[i] = (struct delegate){.is_there = false};
	a->links_capacity = links_capacity(config);
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		a->uplinks[i] = (struct uplink){.agent = a, .links = parts.links + i * a->links_capacity};
	init_deploy(a, &parts);
	init_world(a);
	init_objects(a, &parts);
	init_report(a, &parts);
	serve_init(a);
	return a;
}

const struct coap_resource *agent_resources(const struct agent *a, uint32_t *ret_count)
{
	*ret_count = a->resource_count;
	return a->resources;
}

static void log_start(struct agent *a, enum journal_loaded loaded, int error)
{
	static const char *const words[] = {[JOURNAL_LOADED] = "found",
		[JOURNAL_NEW] = "new",
		[JOURNAL_ROTTEN] = "unreadable",
		[JOURNAL_FAILED] = "failed"};
	bool is_bad = loaded == JOURNAL_ROTTEN || loaded == JOURNAL_FAILED;
	struct logline line = logline_begin("start");
	logline_text(&line, "endpoint", a->config.endpoint_name);
	logline_text(&line, "journal", words[loaded]);
	if (loaded == JOURNAL_FAILED) {
		logline_number(&line, "error", -error);
	} else {
		logline_text(&line, "version", agent_version(a));
		logline_text(&line, "phase", update_phase_name(a->deploy.update.phase));
	}
	logline_end(&line, &a->ports.log, is_bad ? AGENT_LOG_ERROR : AGENT_LOG_INFO);
}

static void load_accounts(struct agent *a)
{
	const struct accounts_factory factory = {a->config.server_uri, a->config.bootstrap_uri, a->config.hold_off_s};
	accounts_init(&a->accounts, &factory);
	a->accounts.servers[0].may_send = a->config.may_send;
	(void)accounts_load(&a->accounts, &factory, &a->ports.shelf, a->world.accounts_record);
	agent_gather_objects(a);
}

int agent_start(struct agent *a, struct coap_endpoint *endpoint, msec now)
{
	struct deploy_outcome outcome;
	a->endpoint = endpoint;
	portfolio_init(&a->portfolio, &a->ports.shelf);
	chronicle_load(a);
	agent_sample(a, now);
	enum journal_loaded loaded = deploy_start(&a->deploy, now, &outcome);
	log_start(a, loaded, outcome.error);
	if (loaded == JOURNAL_FAILED)
		return outcome.error;
	a->logged_phase = a->deploy.update.phase;
	a->logged_result = a->deploy.update.state.result;
	load_accounts(a);
	catchup_start(a, now);
	renewal_init(&a->renewal, a->ports.keystore != NULL, &a->chance);
	rotation_init(&a->rotation, &a->ports.shelf);
	renewal_init(&a->rekeying, a->config.has_psk && a->ports.keystore == NULL, &a->chance);
	bootstrapping_init(a);
	account_begin_all(a, now);
	agent_follow(a, &outcome, now);
	return 0;
}

void agent_shutdown(struct agent *a, msec now)
{
	if (a->is_stopping)
		return;
	a->is_stopping = true;
	chronicle_stop(a, now);
	fetch_stop(a, now);
	deploy_stop(&a->deploy);
	catchup_stop(a, now);
	for (struct uplink *u = uplink_after(a, NULL); u != NULL; u = uplink_after(a, u))
		register_stop(&u->registration, now);
	bootstrapping_stop(a, now);
	account_act(a, now);
}

bool agent_is_stopped(const struct agent *a)
{
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		const struct registration *r = &a->uplinks[i].registration;
		if (a->accounts.servers[i].is_there && (r->state != REGISTER_STOPPED || r->must_close))
			return false;
	}
	return a->is_stopping;
}

/* ---- the update engine's wishes ---- */

static void log_failure(struct agent *a, const struct deploy_outcome *outcome)
{
	struct logline line = logline_begin("update_effect_failed");
	logline_text(&line, "effect", update_effect_name(outcome->failed));
	logline_number(&line, "error", -outcome->error);
	logline_end(&line, &a->ports.log, AGENT_LOG_ERROR);
}

static void log_update(struct agent *a)
{
	const struct update *u = &a->deploy.update;
	if (u->phase == a->logged_phase && u->state.result == a->logged_result)
		return;
	a->logged_phase = u->phase;
	a->logged_result = u->state.result;
	struct logline line = logline_begin("update");
	logline_text(&line, "phase", update_phase_name(u->phase));
	logline_number(&line, "state", update_lwm2m_state(u));
	logline_number(&line, "result", u->state.result);
	logline_text(&line, "result_text", firmware_result_name((enum firmware_result)u->state.result));
	logline_text(&line, "running", agent_version(a));
	logline_end(&line, &a->ports.log, AGENT_LOG_INFO);
}

void agent_follow(struct agent *a, const struct deploy_outcome *outcome, msec now)
{
	if (outcome->has_failed)
		log_failure(a, outcome);
	uint8_t result_before = a->logged_result;
	log_update(a);
	if (a->logged_result != result_before && a->logged_result != FIRMWARE_RESULT_INITIAL)
		send_wish(a, SEND_UPDATE);
	if (outcome->stops_fetch)
		fetch_stop(a, now);
	if (outcome->wants_manifest || outcome->wants_image)
		fetch_begin(a, now);
	if (!outcome->tells)
		return;
	agent_touch(a, path_of_object(MODEL_FIRMWARE), now);
	agent_touch(a, path_of_object(MODEL_DEVICE), now);
	agent_touch(a, path_of_object(MODEL_HOST_HEALTH), now);
}

void agent_touch(struct agent *a, struct path path, msec now)
{
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		report_touch(&a->reports[i], path, now);
		report_touch(&a->uplinks[i].catchup.absent, path, now);
	}
}

void agent_update_event(struct agent *a, const struct update_event *event, msec now)
{
	struct deploy_outcome outcome;
	deploy_event(&a->deploy, event, now, &outcome);
	agent_follow(a, &outcome, now);
}

/* ---- events ---- */

static void log_link(struct agent *a, enum agent_log_level level, const char *event, unsigned link, const char *reason)
{
	struct logline line = logline_begin(event);
	if (accounts_server_count(&a->accounts) > 1)
		logline_number(&line, "short_id", a->accounts.servers[link].short_id);
	if (reason != NULL)
		logline_text(&line, "reason", reason);
	logline_end(&line, &a->ports.log, level);
}

void agent_connected(struct agent *a, unsigned link, const struct coap_remote *server, msec now)
{
	struct uplink *u = &a->uplinks[link];
	if (link == AGENT_BOOTSTRAP_LINK) {
		bootstrapping_connected(a, server, now);
		return;
	}
	log_link(a, AGENT_LOG_INFO, "connected", link, NULL);
	u->remote = *server;
	u->is_connected = true;
	register_connected(&u->registration, now);
	if (u == account_factory(a)) {
		enrol_connected(a, now);
		rekey_connected(a, now);
	}
	account_act(a, now);
}

bool agent_hears(const struct agent *a, const struct coap_remote *from, struct bytes message)
{
	const size_t code_at = 1; /* RFC 7252 section 3 */
	if (message.len <= code_at || !coap_code_is_request((enum coap_code)message.data[code_at]))
		return true;
	if (bootstrapping_is_from(a, from))
		return a->bootstrap.state >= BOOTSTRAP_RECEIVING;
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		const struct uplink *u = &a->uplinks[i];
		if (u->is_connected && coap_remote_equal(from, &u->remote))
			return u->registration.location_count > 0;
	}
	return true; /* to be told that it may not */
}

void agent_disconnected(struct agent *a, unsigned link, const char *reason, msec now)
{
	struct uplink *u = &a->uplinks[link];
	if (link == AGENT_BOOTSTRAP_LINK) {
		bootstrapping_disconnected(a, reason, now);
		return;
	}
	log_link(a, AGENT_LOG_WARNING, "disconnected", link, reason);
	if (u == account_factory(a) && !u->is_connected)
		rekey_failed(a);
	account_lost(u, now);
	register_disconnected(&u->registration, now);
	account_act(a, now);
}

/* May be called from a reply function, so the association is closed by the next tick, which is due at once. */
void agent_suspect(struct uplink *u, const char *why, msec now)
{
	struct logline line = logline_begin("server_silent");
	logline_text(&line, "request", why);
	logline_end(&line, &u->agent->ports.log, AGENT_LOG_WARNING);
	register_silent(&u->registration, now);
}

void agent_self_test_done(struct agent *a, bool passed, const char *reason, msec now)
{
	struct deploy_outcome outcome;
	struct logline line = logline_begin("self_test");
	logline_text(&line, "verdict", passed ? "passed" : "failed");
	logline_text(&line, "reason", reason);
	logline_end(&line, &a->ports.log, passed ? AGENT_LOG_INFO : AGENT_LOG_WARNING);
	deploy_self_test_done(&a->deploy, passed, now, &outcome);
	agent_follow(a, &outcome, now);
}

void agent_payload_exited(struct agent *a, int status, msec now)
{
	struct deploy_outcome outcome;
	struct logline line = logline_begin("payload_exited");
	logline_number(&line, "status", status);
	logline_end(&line, &a->ports.log, AGENT_LOG_WARNING);
	a->world.payload_restarts++;
	send_wish(a, SEND_PAYLOAD);
	deploy_payload_exited(&a->deploy, now, &outcome);
	agent_follow(a, &outcome, now);
}

void agent_located(struct agent *a, msec now)
{
	bool was_known = a->world.sample.location.is_known;
	a->sampled_at = NEVER;
	agent_sample(a, now);
	agent_touch(a, path_of_object(MODEL_LOCATION), now);
	for (struct uplink *u = uplink_after(a, NULL); u != NULL && !was_known; u = uplink_after(a, u))
		register_list_changed(&u->registration, now); /* /6/0 is there from now on */
}

/* ---- time ---- */

msec agent_deadline(const struct agent *a)
{
	msec at = account_deadline(a);
	if (a->is_stopping)
		return at;
	at = msec_earlier(at, bootstrapping_deadline(a));
	at = msec_earlier(at, deploy_deadline(&a->deploy));
	at = msec_earlier(at, fetch_deadline(a));
	at = msec_earlier(at, renewal_deadline(&a->renewal));
	at = msec_earlier(at, renewal_deadline(&a->rekeying));
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		at = msec_earlier(at, report_deadline(&a->reports[i]));
	at = msec_earlier(at, send_deadline(a));
	at = msec_earlier(at, catchup_deadline(a));
	at = msec_earlier(at, extensions_deadline(&a->extensions));
	at = msec_earlier(at, chronicle_deadline(a));
	return msec_earlier(at, a->reboot_at);
}

static void look_at_report(struct agent *a, struct report *report, msec now)
{
	uint16_t i;
	for (unsigned n = 0; n < a->config.observers_max && report_due(report, now, &i); n++) {
		struct report_value value;
		const struct report_observation *observation = &report->observations[i];
		struct path path = observation->path;
		struct handle observer = observation->observer;
		delegate_refresh(a, observation->names, observation->name_count, now);
		struct arena arena;
		arena_init(&arena, a->scratch, sizeof a->scratch);
		agent_sample(a, now);
		if (!objects_value(&a->objects, observation, &arena, &value))
			report_remove(report, observer);
		else if (report_look(report, i, &value, now))
			coap_endpoint_changed(
				a->endpoint, observer, report_confirms(report, i, path.ids[0] == MODEL_FIRMWARE), now);
	}
}

static void reboot_if_due(struct agent *a, msec now)
{
	if (a->reboot_at > now)
		return;
	a->reboot_at = NEVER;
	bool is_done = a->ports.platform.reboot(a->ports.platform.context);
	struct logline line = logline_begin("reboot");
	logline_text(&line, "verdict", is_done ? "begun" : "not possible here");
	logline_end(&line, &a->ports.log, is_done ? AGENT_LOG_INFO : AGENT_LOG_WARNING);
}

void agent_tick(struct agent *a, msec now)
{
	struct deploy_outcome outcome;
	account_act(a, now);
	if (a->is_stopping)
		return;
	bootstrapping_act(a, now);
	if (deploy_deadline(&a->deploy) <= now) {
		deploy_tick(&a->deploy, now, &outcome);
		agent_follow(a, &outcome, now);
	}
	fetch_tick(a, now);
	enrol_tick(a, now);
	supervise_tick(a, now);
	rekey_tick(a, now);
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		a->objects.asking = a->world.asking = i;
		look_at_report(a, &a->reports[i], now);
	}
	send_tick(a, now);
	catchup_tick(a, now);
	chronicle_tick(a, now);
	reboot_if_due(a, now);
}

/* ---- questions ---- */

bool agent_is_registered(const struct agent *a)
{
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		if (a->accounts.servers[i].is_there && register_is_registered(&a->uplinks[i].registration))
			return true;
	return false;
}

const char *agent_version(const struct agent *a)
{
	const struct journal_state *s = &a->deploy.update.state;
	return s->images[s->confirmed].is_present ? s->images[s->confirmed].version : "";
}

const struct journal_state *agent_journal(const struct agent *a)
{
	return &a->deploy.update.state;
}

const struct agent_counters *agent_counters(const struct agent *a)
{
	return &a->counters;
}
