/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/state.h"
#include "agent/update_text.h"

#include "coap/carve.h"

#include <assert.h>

#define SAMPLE_AGE_MS    1000
#define REPORT_USUAL_MS  SECONDS(5)
#define CONNECT_LIMIT_MS SECONDS(90)
#define ORDER_DELAY_MS   500
#define STORE_RETRY_MS   SECONDS(10)
#define REBOOT_DELAY_MS  SECONDS(2) /* for the answer to leave, once more if it is lost */

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
};

/* ---- requests from the server ---- */

static void sample(struct agent *a, msec now)
{
	struct platform_sample *s = &a->world.sample;
	a->world.now = now;
	if (a->sampled_at != NEVER && now - a->sampled_at < SAMPLE_AGE_MS)
		return;
	a->ports.platform.sample(a->ports.platform.context, s);
	a->sampled_at = now;
	a->deploy.unix_offset_s = s->unix_time_s == 0 ? 0 : s->unix_time_s - now / 1000;
}

static bool path_of_request(const struct agent_entry *entry, const struct coap_request *request, struct path *ret)
{
	*ret = entry->path;
	for (uint8_t i = 0; i < request->rest_count; i++)
		if (!path_add_segment(ret, request->rest[i]))
			return false;
	return true;
}

/* What an operation asked of the composer. */
static void settle_wishes(struct agent *a, msec now)
{
	if (a->world.wants_reboot)
		a->reboot_at = msec_after(now, REBOOT_DELAY_MS);
	a->world.wants_reboot = false;
	if (a->world.has_other_instances)
		register_list_changed(&a->registration, now);
	a->world.has_other_instances = false;
	if (!a->world.has_update_outcome)
		return;
	a->world.has_update_outcome = false;
	agent_follow(a, &a->world.update_outcome, now);
}

/* Only the server may ask. With DTLS nobody else can; on a plain transport anybody could. */
static enum coap_answer handle_request(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	const struct agent_entry *entry = context;
	struct agent *a = entry->agent;
	struct path path;
	if (!a->is_connected || !coap_remote_equal(&request->remote, &a->server)) {
		ret->code = COAP_UNAUTHORIZED;
		return COAP_ANSWER_NOW;
	}
	if (!path_of_request(entry, request, &path)) {
		ret->code = COAP_NOT_FOUND;
		return COAP_ANSWER_NOW;
	}
	sample(a, now);
	objects_handle(&a->objects, path, endpoint, request, ret, now);
	if (request->is_notification)
		a->counters.notifications++;
	settle_wishes(a, now);
	return COAP_ANSWER_NOW;
}

static void forget_observer(void *context, struct handle observer)
{
	const struct agent_entry *entry = context;
	report_remove(&entry->agent->report, observer);
}

/* The server acknowledged no notification. Should it be there again by now, it would wait for the next one for ever:
 * registering anew makes it observe anew (lwm2m interface section 3.2 rule 3). */
static void observer_unreachable(void *context, struct handle observer, msec now)
{
	const struct agent_entry *entry = context;
	struct agent *a = entry->agent;
	(void)observer;
	struct logline line = logline_begin("server_silent");
	logline_text(&line, "request", "notification");
	logline_end(&line, &a->ports.log, AGENT_LOG_WARNING);
	register_silent(&a->registration, now);
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
	struct report_attributes *attributes;
	struct report_observation *observations;
	struct record *records;
	uint8_t *bitmap, *fetch_bitmap, *progress, *record, *slice;
};

static size_t lay_out(void *memory, const struct agent_config *config, struct parts *p)
{
	struct carve c = {memory, 0};
	size_t bitmap = bitmap_capacity(config);
	p->agent = carve_take(&c, 1, sizeof *p->agent);
	p->fetch = carve_take(&c, 1, coap_blockget_memory(config->blocks_in_flight));
	p->attributes = carve_take(&c, config->attributes_max, sizeof *p->attributes);
	p->observations = carve_take(&c, config->observers_max, sizeof *p->observations);
	p->records = carve_take(&c, OBJECTS_RECORDS_MAX, sizeof *p->records);
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

static void add_resource(struct agent *a, struct path tree)
{
	struct agent_entry *entry = &a->entries[a->resource_count];
	*entry = (struct agent_entry){.agent = a, .path = tree};
	struct writer w = writer_of(entry->text, sizeof entry->text - 1);
	if (tree.depth > 0)
		write_decimal(&w, tree.ids[0]);
	a->resources[a->resource_count++] = (struct coap_resource){
		.path = entry->text,
		.is_subtree = tree.depth > 0,
		.is_observable = true, /* the root by FETCH: Observe-Composite */
		.is_hidden = tree.depth == 0 || tree.ids[0] == MODEL_SECURITY,
		.handle = handle_request,
		.forget = forget_observer,
		.unreachable = observer_unreachable,
		.context = entry,
	};
}

static void init_resources(struct agent *a)
{
	for (size_t i = 0; i < a->objects.count; i++)
		add_resource(a, path_of_object(a->table[i]->id));
	add_resource(a, path_of_object(MODEL_SECURITY));
	add_resource(a, PATH_ROOT);
}

/* The table is in the order of the ids. */
static void add_object(struct agent *a, const struct object *object)
{
	size_t at = a->objects.count++;
	assert(at < AGENT_OBJECTS_MAX);
	for (; at > 0 && a->table[at - 1]->id > object->id; at--)
		a->table[at] = a->table[at - 1];
	a->table[at] = object;
}

static void init_objects(struct agent *a, const struct parts *p)
{
	static const struct object *const everywhere[] = {&object_server, &object_device, &object_connectivity,
		&object_firmware, &object_statistics, &object_portfolio, &object_host};
	a->objects = (struct objects){a->table, 0, &model_core, &a->world, &a->report, p->records};
	for (size_t i = 0; i < sizeof everywhere / sizeof everywhere[0]; i++)
		add_object(a, everywhere[i]);
	if (a->ports.services.count > 0)
		add_object(a, &object_services);
}

static void init_report(struct agent *a, const struct parts *p)
{
	size_t count = 0;
	for (size_t i = 0; i < a->objects.count; i++)
		if (a->table[i]->is_steady)
			a->steady[count++] = a->table[i]->id;
	report_init(&a->report, p->attributes, a->config.attributes_max, p->observations, a->config.observers_max,
		a->config.queue_mode ? NEVER : REPORT_USUAL_MS);
	report_set_steady(&a->report, a->steady, count);
}

static void init_deploy(struct agent *a, const struct parts *p)
{
	const struct agent_config *c = &a->config;
	a->deploy_config = (struct deploy_config){
		.update = {.server_uri = c->server_uri,
			.order_delay_ms = ORDER_DELAY_MS,
			.self_test_timeout_ms = c->self_test_timeout_ms,
			.settle_ms = c->settle_ms,
			.give_up_ms = c->download_give_up_ms,
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
	a->world.registration = &a->registration;
	a->world.configured_lifetime_s = a->config.lifetime_s;
	a->world.portfolio = &a->portfolio;
	a->world.services = &a->services;
	services_init(&a->services, &a->ports.services);
}

struct agent *agent_init(void *memory, const struct agent_config *config, const struct agent_ports *ports,
	const uint8_t seed[PRNG_SEED_BYTES])
{
	struct parts parts;
	assert(config->blocks_in_flight > 0);
	(void)lay_out(memory, config, &parts);
	struct agent *a = parts.agent;
	memset(a, 0, sizeof *a);
	a->config = *config;
	a->ports = *ports;
	prng_init(&a->chance, seed);
	a->fetch.memory = parts.fetch;
	a->fetch.bitmap = parts.fetch_bitmap;
	a->fetch.retry_at = NEVER;
	a->sampled_at = NEVER;
	a->reboot_at = NEVER;
	a->sends.exchange = HANDLE_NONE;
	init_deploy(a, &parts);
	init_world(a);
	init_objects(a, &parts);
	init_report(a, &parts);
	init_resources(a);
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

static void start_account(struct agent *a, msec now)
{
	const struct journal_server *server = &a->deploy.update.state.server;
	struct register_config config = {
		.lifetime_s = server->lifetime_s == 0 ? a->config.lifetime_s : server->lifetime_s,
		.connect_timeout_ms = CONNECT_LIMIT_MS,
		.retry_first_ms = a->config.retry_first_ms,
		.retry_max_ms = a->config.retry_max_ms,
	};
	register_init(&a->registration, &config, &a->chance, now);
	renewal_init(&a->renewal, a->ports.keystore != NULL, &a->chance);
	report_set_defaults(&a->report, server->pmin_s, server->pmax_s, now);
}

int agent_start(struct agent *a, struct coap_endpoint *endpoint, msec now)
{
	struct deploy_outcome outcome;
	a->endpoint = endpoint;
	portfolio_init(&a->portfolio, &a->ports.shelf);
	sample(a, now);
	enum journal_loaded loaded = deploy_start(&a->deploy, now, &outcome);
	log_start(a, loaded, outcome.error);
	if (loaded == JOURNAL_FAILED)
		return outcome.error;
	a->logged_phase = a->deploy.update.phase;
	a->logged_result = a->deploy.update.state.result;
	start_account(a, now);
	agent_follow(a, &outcome, now);
	return 0;
}

void agent_shutdown(struct agent *a, msec now)
{
	if (a->is_stopping)
		return;
	a->is_stopping = true;
	fetch_stop(a, now);
	deploy_stop(&a->deploy);
	register_stop(&a->registration, now);
	account_act(a, now);
}

bool agent_is_stopped(const struct agent *a)
{
	return a->is_stopping && a->registration.state == REGISTER_STOPPED && !a->registration.must_close;
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
	report_touch(&a->report, path_of_object(MODEL_FIRMWARE), now);
	report_touch(&a->report, path_of_object(MODEL_DEVICE), now);
	report_touch(&a->report, path_of_object(MODEL_HOST_HEALTH), now);
}

void agent_update_event(struct agent *a, const struct update_event *event, msec now)
{
	struct deploy_outcome outcome;
	deploy_event(&a->deploy, event, now, &outcome);
	agent_follow(a, &outcome, now);
}

/* ---- events ---- */

void agent_connected(struct agent *a, const struct coap_remote *server, msec now)
{
	struct logline line = logline_begin("connected");
	logline_end(&line, &a->ports.log, AGENT_LOG_INFO);
	a->server = *server;
	a->is_connected = true;
	register_connected(&a->registration, now);
	enrol_connected(a, now);
	account_act(a, now);
}

bool agent_hears(const struct agent *a, struct bytes message)
{
	const size_t code_at = 1; /* RFC 7252 section 3 */
	bool is_request = message.len > code_at && coap_code_is_request((enum coap_code)message.data[code_at]);
	return !is_request || a->registration.location_count > 0;
}

void agent_disconnected(struct agent *a, const char *reason, msec now)
{
	struct logline line = logline_begin("disconnected");
	logline_text(&line, "reason", reason);
	logline_end(&line, &a->ports.log, AGENT_LOG_WARNING);
	fetch_stop(a, now);
	enrol_stop(a, now);
	if (a->is_connected) {
		a->is_connected = false;
		coap_endpoint_lost(a->endpoint, &a->server, now);
		report_clear(&a->report);
	}
	register_disconnected(&a->registration, now);
	account_act(a, now);
}

/* May be called from a reply function, so the association is closed by the next tick, which is due at once. */
void agent_suspect(struct agent *a, const char *why, msec now)
{
	struct logline line = logline_begin("server_silent");
	logline_text(&line, "request", why);
	logline_end(&line, &a->ports.log, AGENT_LOG_WARNING);
	register_silent(&a->registration, now);
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

/* ---- time ---- */

msec agent_deadline(const struct agent *a)
{
	msec at = register_deadline(&a->registration);
	if (a->is_stopping)
		return at;
	at = msec_earlier(at, deploy_deadline(&a->deploy));
	at = msec_earlier(at, fetch_deadline(a));
	at = msec_earlier(at, renewal_deadline(&a->renewal));
	at = msec_earlier(at, report_deadline(&a->report));
	at = msec_earlier(at, send_deadline(a));
	return msec_earlier(at, a->reboot_at);
}

static void look_at_reports(struct agent *a, msec now)
{
	uint16_t i;
	for (unsigned n = 0; n < a->config.observers_max && report_due(&a->report, now, &i); n++) {
		struct report_value value;
		const struct report_observation *observation = &a->report.observations[i];
		struct path path = observation->path;
		struct handle observer = observation->observer;
		struct arena arena;
		arena_init(&arena, a->scratch, sizeof a->scratch);
		sample(a, now);
		if (!objects_value(&a->objects, observation, &arena, &value))
			report_remove(&a->report, observer);
		else if (report_look(&a->report, i, &value, now))
			coap_endpoint_changed(a->endpoint, observer,
				report_confirms(&a->report, i, path.ids[0] == MODEL_FIRMWARE), now);
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
	if (deploy_deadline(&a->deploy) <= now) {
		deploy_tick(&a->deploy, now, &outcome);
		agent_follow(a, &outcome, now);
	}
	fetch_tick(a, now);
	enrol_tick(a, now);
	look_at_reports(a, now);
	send_tick(a, now);
	reboot_if_due(a, now);
}

/* ---- questions ---- */

bool agent_is_registered(const struct agent *a)
{
	return register_is_registered(&a->registration);
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
