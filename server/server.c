/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Life, time and the clock of the composer; what comes from the store goes to the part that waits for it. */
#include "server/composer.h"

#include "server/handlers/artifact.h"
#include "server/handlers/bs.h"
#include "server/handlers/est.h"
#include "server/handlers/psk.h"
#include "server/handlers/rd.h"
#include "server/handlers/send.h"
#include "server/label.h"

#include <assert.h>

enum {
	RESOURCE_RD,
	RESOURCE_SEND,
	RESOURCE_PSK,
	RESOURCE_BOOTSTRAP,
	RESOURCE_BOOTSTRAP_PACK,
	RESOURCE_MANIFEST,
	RESOURCE_IMAGE,
	RESOURCE_EST,
	RESOURCE_COUNT = RESOURCE_EST + 4
};

/* ---- life ---- */

static uint32_t or_usual(uint32_t value, uint32_t usual)
{
	return value != 0 ? value : usual;
}

static struct server_config completed(const struct server_config *given)
{
	struct server_config c = *given;
	c.operations = or_usual(c.operations, 4 * c.devices);
	c.releases = or_usual(c.releases, 64);
	c.rollouts = or_usual(c.rollouts, 64);
	c.rollout_entries = or_usual(c.rollout_entries, 2 * c.devices);
	c.events = or_usual(c.events, 4096);
	c.denials = or_usual(c.denials, DENIALS_KEPT_USUAL);
	c.claims = or_usual(c.claims, 1024);
	c.enrolments = or_usual(c.enrolments, 64);
	c.errands = or_usual(c.errands, 256);
	c.watches = or_usual(c.watches, 256);
	c.orders = or_usual(c.orders, c.devices < 128 ? 256 : 2 * c.devices);
	c.order_days = or_usual(c.order_days, 7);
	c.updates = or_usual(c.updates, 4096);
	c.pending = or_usual(c.pending, 1024);
	if (c.model == NULL)
		c.model = &model_core;
	c.health_pmin_s = or_usual(c.health_pmin_s, 5);
	c.health_pmax_s = or_usual(c.health_pmax_s, 60);
	c.certificate_days = or_usual(c.certificate_days, 90);
	c.lifetime_min_s = or_usual(c.lifetime_min_s, 1);
	c.lifetime_max_s = or_usual(c.lifetime_max_s, 365 * 86400);
	return c;
}

/* With memory to carve from, lays the server out there; without, counts. */
static struct server *layout(struct carve *c, const struct server_config *config, const struct server_ports *ports,
	struct server *count_only)
{
	struct server *s = carve_take(c, 1, sizeof *s);
	if (s == NULL)
		s = count_only;
	else
		memset(s, 0, sizeof *s);
	s->pending = carve_take(c, config->pending, sizeof *s->pending);
	slab_carve(&s->pending_slab, c, config->pending);
	s->errands = carve_take(c, config->errands, sizeof *s->errands);
	slab_carve(&s->errand_slab, c, config->errands);
	orders_carve(&s->orders, c, config->orders, config->devices);
	s->watches = carve_take(c, config->watches, sizeof *s->watches);
	slab_carve(&s->watch_slab, c, config->watches);
	s->records = carve_take(c, SERVER_RECORDS_MAX, sizeof *s->records);
	s->incoming = carve_take(c, 1, sizeof *s->incoming);
	s->updates = carve_take(c, config->updates, sizeof *s->updates);
	registry_carve(&s->registry, c, config->devices, 0);
	queue_carve(&s->queue, c, config->operations, config->devices);
	releases_carve(&s->releases, c, config->releases);
	denials_carve(&s->denials, c, config->denials);
	claims_carve(&s->claims, c, config->claims);
	approvals_carve(&s->approvals, c, config->enrolments);
	rollouts_carve(&s->rollouts, c, config->rollouts, config->rollout_entries);
	events_carve(&s->events, c, config->events, ports == NULL ? NULL : ports->hash);
	return s;
}

size_t server_memory(const struct server_config *config)
{
	struct server_config c = completed(config);
	struct carve count = {0};
	struct server nothing = {0};
	layout(&count, &c, NULL, &nothing);
	return count.used;
}

static void lay_resources(struct server *s)
{
	s->resources[RESOURCE_RD] = (struct coap_resource){.path = "rd",
		.is_subtree = true,
		.attributes = "rt=\"core.rd oma.lwm2m\";ct=40",
		.handle = handlers_rd,
		.context = s};
	s->resources[RESOURCE_SEND] = (struct coap_resource){.path = "dp", .handle = handlers_send, .context = s};
	s->resources[RESOURCE_BOOTSTRAP] =
		(struct coap_resource){.path = "bs", .is_hidden = true, .handle = handlers_bs, .context = s};
	s->resources[RESOURCE_BOOTSTRAP_PACK] =
		(struct coap_resource){.path = "bspack", .is_hidden = true, .handle = handlers_bspack, .context = s};
	s->resources[RESOURCE_MANIFEST] = (struct coap_resource){
		.path = "m", .is_subtree = true, .is_hidden = true, .handle = handlers_manifest, .context = s};
	s->resources[RESOURCE_IMAGE] = (struct coap_resource){
		.path = "a", .is_subtree = true, .is_hidden = true, .handle = handlers_image, .context = s};
	s->resources[RESOURCE_PSK] =
		(struct coap_resource){.path = "psk", .is_hidden = true, .handle = handlers_psk, .context = s};
	s->resources[RESOURCE_EST] = (struct coap_resource){.path = ".well-known/est/crts",
		.attributes = "rt=\"ace.est.crts\";ct=\"281 287\"",
		.handle = handlers_est_crts,
		.context = s};
	s->resources[RESOURCE_EST + 1] = (struct coap_resource){.path = ".well-known/est/att",
		.attributes = "rt=\"ace.est.att\";ct=285",
		.handle = handlers_est_att,
		.context = s};
	s->resources[RESOURCE_EST + 2] = (struct coap_resource){.path = ".well-known/est/sen",
		.attributes = "rt=\"ace.est.sen\";ct=\"281 287\"",
		.handle = handlers_est_enrol,
		.context = s};
	s->resources[RESOURCE_EST + 3] = (struct coap_resource){.path = ".well-known/est/sren",
		.attributes = "rt=\"ace.est.sren\";ct=\"281 287\"",
		.handle = handlers_est_enrol,
		.context = s};
}

struct server *server_init(void *memory, const struct server_config *config, const struct server_ports *ports,
	const uint8_t seed[PRNG_SEED_BYTES])
{
	struct server_config c = completed(config);
	struct carve carve = {.memory = memory};
	assert(memory != NULL && c.devices > 0 && bytes_of_text(c.public_uri).len <= SERVER_PUBLIC_URI_MAX);
	struct server *s = layout(&carve, &c, ports, NULL);
	s->config = c;
	s->orders_retry_at = NEVER;
	s->ports = *ports;
	prng_init(&s->prng, seed);
	s->registry.seed = prng_u64(&s->prng);
	s->registry.shelf.seed = prng_u64(&s->prng);
	s->denials.seed = prng_u64(&s->prng);
	lay_resources(s);
	return s;
}

const struct coap_resource *server_resources(const struct server *s, uint32_t *ret_count)
{
	*ret_count = s->ports.issuer == NULL ? (uint32_t)RESOURCE_EST : (uint32_t)RESOURCE_COUNT;
	return s->resources;
}

void server_set_associations(struct server *s, const struct association_port *port)
{
	s->associations = *port;
}

void server_start(struct server *s, struct coap_endpoint *endpoint, msec now)
{
	struct note note = {.type = EVENT_STARTED, .detail = "version " FIELDFARE_VERSION};
	s->endpoint = endpoint;
	s->is_started = true;
	server_note(s, &note, now);
	campaign_start(s, now);
}

void server_stop(struct server *s, msec now)
{
	struct note note = {.type = EVENT_STOPPED};
	if (s->is_stopping)
		return;
	s->is_stopping = true;
	server_note(s, &note, now);
	ordering_stop(s, now);
	server_tick(s, now);
}

bool server_is_idle(const struct server *s)
{
	return s->pending_slab.used == 0 && (s->events.submitted == s->events.newest) && s->unsaved == 0;
}

/* ---- clock, audit log, updates, log ---- */

void server_set_clock(struct server *s, wall_msec ahead, msec now)
{
	(void)now;
	s->ahead = ahead;
}

wall_msec server_wall(const struct server *s, msec now)
{
	return now + s->ahead;
}

void server_update(struct server *s, enum update_type type, const struct device *device, uint32_t rollout, msec now)
{
	uint64_t number = ++s->newest_update;
	s->updates[(number - 1) % s->config.updates] = (struct server_update){.number = number,
		.type = type,
		.rollout = rollout,
		.device = device == NULL ? HANDLE_NONE : registry_handle(&s->registry, device),
		.at = server_wall(s, now)};
}

void server_line_text(struct writer *line, const char *key, const char *text)
{
	write_text(line, " ");
	write_text(line, key);
	write_text(line, "=");
	label_write_quoted(line, bytes_of_text(text));
}

struct writer server_line(struct server *s, const char *event, const char *device)
{
	struct writer line = writer_of(s->line, sizeof s->line);
	write_text(&line, "event=");
	write_text(&line, event);
	if (device != NULL && device[0] != '\0')
		server_line_text(&line, "device", device);
	return line;
}

void server_log(struct server *s, enum server_log_level level, const struct writer *line)
{
	if (s->ports.log != NULL)
		s->ports.log(s->ports.log_context, level, writer_bytes(line));
}

static enum server_log_level level_of(enum event_type type)
{
	bool is_bad = type == EVENT_REFUSED || type == EVENT_DEVICE_REVOKED || type == EVENT_EXPIRED ||
		      type == EVENT_ROLLOUT_HALTED || type == EVENT_DEVICE_FAILED;
	return is_bad ? SERVER_LOG_WARNING : SERVER_LOG_INFO;
}

static void log_note(struct server *s, const struct note *note)
{
	struct writer line = server_line(s, event_type_name(note->type), note->device);
	if (note->rollout != 0) {
		write_text(&line, " rollout=");
		write_decimal(&line, note->rollout);
	}
	if (note->actor != NULL && note->actor[0] != '\0')
		server_line_text(&line, "actor", note->actor);
	if (note->detail != NULL && note->detail[0] != '\0')
		server_line_text(&line, "detail", note->detail);
	server_log(s, level_of(note->type), &line);
}

static void cut(char *out, size_t capacity, const char *text)
{
	label_cut(out, capacity, text == NULL ? BYTES_NONE : bytes_of_text(text));
}

void server_note(struct server *s, const struct note *note, msec now)
{
	struct event event = {.at = server_wall(s, now), .type = note->type, .rollout = note->rollout};
	cut(event.device, sizeof event.device, note->device);
	cut(event.actor, sizeof event.actor, note->actor);
	cut(event.detail, sizeof event.detail, note->detail);
	if (!events_append(&s->events, &event))
		s->counters.full++;
	log_note(s, note);
}

/* ---- associations ---- */

/* A device that has never registered is known only while it is connected. */
static void forget_if_stranger(struct server *s, struct device *device)
{
	if (!device->is_stored && !device_is_registered(device))
		registry_remove(&s->registry, device);
}

static struct device *meet(struct server *s, struct bytes name, msec now)
{
	struct device_record record = {.first_seen = server_wall(s, now)};
	struct device *known = registry_find(&s->registry, name);
	if (known != NULL)
		return known;
	return label_set(record.name, sizeof record.name, name) ? registry_put(&s->registry, &record) : NULL;
}

static void log_unmet(struct server *s, struct bytes name)
{
	char text[DEVICE_NAME_MAX + 1];
	label_cut(text, sizeof text, name);
	struct writer line = server_line(s, "device-not-admitted", text);
	server_line_text(
		&line, "reason", registry_room(&s->registry) == 0 ? "no room for more devices" : "unusable name");
	server_log(s, SERVER_LOG_ERROR, &line);
	s->counters.full++;
}

/* The association that `remote` was before, whoever had it, and the one the device had are over. */
static void drop(struct server *s, struct device *device, msec now)
{
	struct coap_remote remote = device->remote;
	coap_endpoint_lost(s->endpoint, &remote, now);
	registry_disconnect(&s->registry, device);
	device->is_awake = false;
}

static bool is_admitted(struct server *s, const struct coap_remote *remote, struct bytes name, msec now)
{
	const struct association_port *port = &s->associations;
	uint64_t number = port->certificate == NULL ? 0 : port->certificate(port->context, remote);
	return server_admits(s, name, now) && (number == 0 || server_admits_number(s, number));
}

void server_connected(struct server *s, const struct coap_remote *remote, struct bytes endpoint_name, msec now)
{
	uint64_t number;
	/* It may have been revoked while its handshake went on. */
	if (!is_admitted(s, remote, endpoint_name, now)) {
		if (s->associations.close != NULL)
			s->associations.close(s->associations.context, remote, now);
		return;
	}
	struct device *device = meet(s, endpoint_name, now);
	if (device == NULL) {
		log_unmet(s, endpoint_name);
		return;
	}
	if (device->is_connected && !coap_remote_equal(&device->remote, remote))
		drop(s, device, now);
	registry_connect(&s->registry, device, remote);
	if (rekeying_is_by_key(s, remote, &number))
		rekeying_used(s, device, number, now);
	server_update(s, UPDATE_DEVICE, device, 0, now);
}

void server_disconnected(struct server *s, const struct coap_remote *remote, msec now)
{
	struct device *device = registry_find_remote(&s->registry, remote);
	if (device == NULL) {
		coap_endpoint_lost(s->endpoint, remote, now);
		return;
	}
	drop(s, device, now);
	device->observing_health = HANDLE_NONE;
	device->observing_firmware = HANDLE_NONE;
	watches_end(s, device, now);
	server_update(s, UPDATE_DEVICE, device, 0, now);
	campaign_device_event(s, device, ENTRY_EVENT_LOOK, false, now);
	forget_if_stranger(s, device);
}

/* ---- from the store ---- */

static void stored(struct server *s, struct pending *p, bool ok, msec now)
{
	struct device *device;
	switch (p->kind) {
	case PENDING_RECORD:
		device = registry_get(&s->registry, p->device);
		if (ok && device != NULL)
			device->is_stored = true;
		break;
	case PENDING_REGISTER:
	case PENDING_UPDATE:
	case PENDING_DEREGISTER:
		handlers_rd_stored(s, p, ok, now);
		revocation_look(s, p->device, now);
		break;
	case PENDING_ISSUE:
		handlers_est_stored(s, p, ok, now);
		break;
	case PENDING_KEY:
		handlers_psk_stored(s, p, ok, now);
		break;
	case PENDING_KEY_FORGET:
		rekeying_stored(s, p, ok, now);
		break;
	case PENDING_CAMPAIGN:
		campaign_stored(s, ok, now);
		break;
	case PENDING_UPLOAD:
		break;
	case PENDING_ERRAND:
		errands_stored(s, p, ok, now);
		break;
	case PENDING_ORDER_MAKE:
	case PENDING_ORDER_BEGIN:
	case PENDING_ORDER_SAVE:
	case PENDING_ORDER_CANCEL:
		ordering_stored(s, p, ok, now);
		break;
	case PENDING_CLAIM_CREATE:
	case PENDING_CLAIM_REMOVE:
		claiming_stored(s, p, ok, now);
		break;
	case PENDING_REVOKE:
	case PENDING_RESTORE:
		revocation_stored(s, p, ok, now);
		break;
	case PENDING_RELEASE_ADD:
	case PENDING_RELEASE_REMOVE:
	case PENDING_ROLLOUT_START:
	case PENDING_ROLLOUT_WORD:
	case PENDING_DEVICE_REMOVE:
	case PENDING_DEVICE_TAG:
	case PENDING_AUDIT:
		command_stored(s, p, ok, now);
		break;
	}
}

static void log_store_failure(struct server *s)
{
	struct writer line = server_line(s, "store-failed", NULL);
	s->counters.batches_failed++;
	server_log(s, SERVER_LOG_ERROR, &line);
}

void server_stored(struct server *s, uint64_t ticket, bool ok, msec now)
{
	struct pending *found = pending_find(s, ticket);
	if (found == NULL)
		return;
	struct pending p = *found;
	pending_give(s, found);
	if (p.first_event != 0 && ok)
		events_stored(&s->events, p.first_event, p.last_event);
	if (p.first_event != 0 && !ok) {
		events_refused(&s->events, p.first_event);
		s->save_at = msec_after(now, STORE_RETRY_MS);
	}
	if (!ok)
		log_store_failure(s);
	stored(s, &p, ok, now);
}

void server_artifact_finished(
	struct server *s, uint64_t ticket, enum artifact_result result, const struct artifact *artifact, msec now)
{
	struct pending *found = pending_find(s, ticket);
	if (found == NULL || found->kind != PENDING_UPLOAD)
		return;
	struct pending p = *found;
	pending_give(s, found);
	command_uploaded(s, &p, result, artifact, now);
}

/* ---- time ---- */

msec server_deadline(const struct server *s)
{
	msec deadline = msec_earlier(registry_deadline(&s->registry), queue_deadline(&s->queue));
	deadline = msec_earlier(deadline, bs_deadline(s));
	return msec_earlier(msec_earlier(deadline, campaign_deadline(s)), ordering_deadline(s));
}

static void expire(struct server *s, struct device *device, msec now)
{
	struct note note = {.type = EVENT_EXPIRED, .device = device->record.name};
	struct pending *p = pending_begin(s, PENDING_RECORD);
	s->counters.expiries++;
	server_note(s, &note, now);
	if (p != NULL) {
		struct store_change change = {.type = STORE_REGISTRATION_REMOVE, .name = device->record.name};
		s->ports.store.add(s->ports.store.context, &change);
		/* What the store does not take away now has run out for it as well when it is loaded. */
		(void)pending_commit(s, p, now);
	}
	conduct_forget(s, device, now);
	registry_unregister(&s->registry, device);
	device->is_announced = false;
	server_update(s, UPDATE_DEVICE, device, 0, now);
	campaign_device_event(s, device, ENTRY_EVENT_LOOK, false, now);
}

static void give_up(struct server *s, const struct queue_item *item, msec now)
{
	const struct device *device = &s->registry.devices[item->device];
	struct writer line = server_line(s, "request-expired", device->record.name);
	s->counters.requests_given_up++;
	server_line_text(&line, "operation", operation_name((enum operation)item->operation));
	server_log(s, SERVER_LOG_WARNING, &line);
	if (item->operation == OPERATION_WATCH)
		watches_failed(s, item->purpose, SERVER_NO_ANSWER, now);
	if (item->operation == OPERATION_ERRAND)
		errands_failed(s, item->purpose, SERVER_NO_ANSWER, now);
}

void server_tick(struct server *s, msec now)
{
	struct device *device;
	struct queue_item item;
	while (registry_due(&s->registry, now, &device))
		expire(s, device, now);
	while (queue_due(&s->queue, now, &item))
		give_up(s, &item, now);
	bs_tick(s, now);
	ordering_tick(s, now);
	campaign_tick(s, now);
}
