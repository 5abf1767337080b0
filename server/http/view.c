/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/http/view.h"

#include "mgmt/registration.h"
#include "mgmt/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- small things ---- */

static void set(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
}

json_t *view_text(const char *text)
{
	json_t *value = json_string(text);
	char plain[512];
	if (value != NULL)
		return value;
	size_t len = 0;
	for (; len < sizeof plain - 1 && text[len] != '\0'; len++)
		plain[len] = (unsigned char)text[len] < 0x80 ? text[len] : '?';
	plain[len] = '\0';
	return json_string(plain);
}

json_t *view_moment(wall_msec at)
{
	time_t seconds = (time_t)(at / 1000);
	struct tm tm;
	char text[64], whole[80];
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(whole, sizeof whole, "%s.%03dZ", text, (int)(at % 1000));
	return json_string(whole);
}

json_t *view_hex(const uint8_t *data, size_t len)
{
	char text[2 * 64];
	struct writer w = writer_of(text, sizeof text);
	write_hex(&w, bytes_of(data, len));
	return json_stringn(text, writer_bytes(&w).len);
}

static json_t *uuid_json(const uint8_t uuid[UUID_BYTES])
{
	char text[UUID_TEXT_BYTES];
	struct writer w = writer_of(text, sizeof text);
	uuid_write(&w, uuid);
	return json_stringn(text, writer_bytes(&w).len);
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static void set_text(json_t *object, const char *name, const char *text)
{
	if (*text != '\0')
		set(object, name, view_text(text));
}

static void set_moment(json_t *object, const char *name, wall_msec at)
{
	if (at != 0)
		set(object, name, view_moment(at));
}

/* Two digits behind the point: a float's own digits promise what was not measured. */
static json_t *measured(float value)
{
	double scaled = (double)value * 100;
	double rounded = (double)(long long)(scaled + (scaled < 0 ? -0.5 : 0.5)) / 100;
	return json_real(rounded);
}

/* ---- revocations ---- */

json_t *view_denial(const struct denial_place *place)
{
	const struct denial *d = &place->denial;
	uint8_t fingerprint[SHA256_BYTES];
	json_t *o = json_object();
	set_text(o, "endpoint", d->device);
	if (denial_is_certificate(d, fingerprint))
		set(o, "fingerprint", view_hex(fingerprint, sizeof fingerprint));
	set_text(o, "reason", d->reason);
	set_text(o, "actor", d->actor);
	set_moment(o, "since", d->since);
	set(o, "refused", number(place->tries));
	return o;
}

/* ---- claims ---- */

static const char *claim_state_name(enum claim_state state)
{
	switch (state) {
	case CLAIM_OPEN:
		return "open";
	case CLAIM_USED:
		return "used";
	case CLAIM_EXPIRED:
		return "expired";
	}
	return "unknown";
}

json_t *view_claim(const struct claim_place *place, wall_msec now)
{
	const struct claim *c = &place->claim;
	json_t *o = json_object();
	set_text(o, "identity", c->identity);
	set_text(o, "state", claim_state_name(claim_state(c, now)));
	set_text(o, "endpoint", c->name);
	set_text(o, "actor", c->actor);
	set_moment(o, "made_at", c->made_at);
	set_moment(o, "expires_at", c->expires_at);
	set_moment(o, "used_at", c->used_at);
	set(o, "refused", number(place->tries));
	return o;
}

/* ---- enrolments ---- */

static const char *approval_state_name(enum approval_state state)
{
	switch (state) {
	case APPROVAL_WAITING:
		return "waiting";
	case APPROVAL_APPROVED:
		return "approved";
	case APPROVAL_REJECTED:
		return "rejected";
	}
	return "unknown";
}

json_t *view_enrolment(const struct approval *a)
{
	char key[2 * PKI_PUBLIC_KEY_BYTES];
	struct writer w = writer_of(key, sizeof key);
	json_t *o = json_object();
	write_hex(&w, bytes_of(a->public_key, sizeof a->public_key));
	set_text(o, "endpoint", a->name);
	set_text(o, "state", approval_state_name(a->state));
	set(o, "public_key", json_stringn(key, writer_bytes(&w).len));
	set_moment(o, "since", a->since);
	set_moment(o, "asked_at", a->asked_at);
	return o;
}

/* ---- devices ---- */

static json_t *temperatures(const struct health *h)
{
	json_t *list = json_array();
	for (uint8_t i = 0; i < h->temperature_count; i++)
		json_array_append_new(list, measured(h->temperatures_celsius[i]));
	return list;
}

static void set_float(
	json_t *object, const struct health *h, enum health_resource resource, const char *name, float value)
{
	if (health_has(h, resource))
		set(object, name, measured(value));
}

static void set_number(
	json_t *object, const struct health *h, enum health_resource resource, const char *name, uint64_t value)
{
	if (health_has(h, resource))
		set(object, name, number(value));
}

json_t *view_health(const struct device *d)
{
	struct health health = device_health(d), *h = &health;
	json_t *o = json_object();
	set_float(o, h, HEALTH_CPU_LOAD, "cpu_load_percent", h->cpu_load_percent);
	set_float(o, h, HEALTH_LOAD_1, "load_1", h->load[0]);
	set_float(o, h, HEALTH_LOAD_5, "load_5", h->load[1]);
	set_float(o, h, HEALTH_LOAD_15, "load_15", h->load[2]);
	set_number(o, h, HEALTH_MEMORY_TOTAL, "memory_total_kib", h->memory_total_kib);
	set_number(o, h, HEALTH_MEMORY_AVAILABLE, "memory_available_kib", h->memory_available_kib);
	set_number(o, h, HEALTH_DISK_TOTAL, "disk_total_kib", h->disk_total_kib);
	set_number(o, h, HEALTH_DISK_FREE, "disk_free_kib", h->disk_free_kib);
	if (health_has(h, HEALTH_TEMPERATURE))
		set(o, "temperatures_celsius", temperatures(h));
	set_number(o, h, HEALTH_UPTIME, "uptime_s", h->uptime_s);
	set_number(o, h, HEALTH_PROCESSES, "processes", h->processes);
	if (health_has(h, HEALTH_PAYLOAD_STATE))
		set(o, "payload_state", json_string(health_payload_name(h->payload_state)));
	set_number(o, h, HEALTH_PAYLOAD_RESTARTS, "payload_restarts", h->payload_restarts);
	if (health_has(h, HEALTH_PAYLOAD_VERSION))
		set(o, "payload_version", view_text(h->payload_version));
	set_number(o, h, HEALTH_NETWORK_RECEIVED, "network_received_kib", h->network_received_kib);
	set_number(o, h, HEALTH_NETWORK_SENT, "network_sent_kib", h->network_sent_kib);
	set_number(o, h, HEALTH_NETWORK_ERRORS, "network_errors", h->network_errors);
	set_moment(o, "at", d->health_at);
	return o;
}

static json_t *firmware_json(const struct kept_firmware *f)
{
	json_t *o = json_object();
	set(o, "state", json_string(firmware_state_name((enum firmware_state)f->state)));
	set(o, "result", json_string(firmware_result_name((enum firmware_result)f->result)));
	if (f->has_manifest)
		set(o, "manifest_sha256", view_hex(f->manifest, SHA256_BYTES));
	set_moment(o, "reported_at", f->reported_at);
	return o;
}

static json_t *tags_json(const char *tags)
{
	json_t *list = json_array();
	while (*tags != '\0') {
		size_t len = strcspn(tags, " ");
		json_array_append_new(list, json_stringn(tags, len));
		tags += len;
		tags += *tags == ' ';
	}
	return list;
}

static json_t *address_json(const struct address *a)
{
	char text[ADDRESS_TEXT_BYTES];
	struct writer w = writer_of(text, sizeof text);
	address_write(&w, a);
	return json_stringn(text, writer_bytes(&w).len);
}

static void set_registration(json_t *o, const struct server *s, const struct device *d)
{
	const struct kept_registration *r = &d->registration;
	char version[16];
	snprintf(version, sizeof version, "%u.%u", r->major, r->minor);
	set(o, "lwm2m", json_string(version));
	set(o, "address", address_json(d->is_connected ? &d->remote.address : &r->address));
	set(o, "lifetime_s", number(r->lifetime_s));
	set_moment(o, "registered_at", r->registered_at);
	set_moment(o, "renewed_at", r->renewed_at);
	set_moment(o, "expires_at", server_device_expires_at(s, d));
}

/* Those that mgmtd has made; a device without one in use comes with that of the file. */
static json_t *keys_json(const struct device *d)
{
	struct device_keys keys = device_keys(d);
	json_t *o = json_object();
	if (keys.current.made_at != 0)
		set_moment(o, "since", keys.current.made_at);
	if (keys.next.made_at != 0)
		set_moment(o, "next_since", keys.next.made_at);
	return o;
}

json_t *view_device(const struct server *s, const struct device *d)
{
	bool is_registered = device_is_registered(d);
	json_t *o = json_object();
	set(o, "endpoint", view_text(d->record.name));
	set(o, "state", json_string(is_registered ? "registered" : "unregistered"));
	set(o, "connected", json_boolean(d->is_connected));
	set_text(o, "manufacturer", d->record.manufacturer);
	set_text(o, "model", d->record.model);
	set_text(o, "serial", d->record.serial);
	set_text(o, "firmware_version", d->record.version);
	set(o, "tags", tags_json(d->record.tags));
	set_moment(o, "first_seen", d->record.first_seen);
	set_moment(o, "last_seen", d->last_seen);
	if (is_registered)
		set_registration(o, s, d);
	if (d->keys != NULL)
		set(o, "pre_shared_key", keys_json(d));
	if (d->firmware.is_known)
		set(o, "firmware", firmware_json(&d->firmware));
	if (d->health_at != 0)
		set(o, "health", view_health(d));
	return o;
}

static json_t *objects_json(const struct kept_registration *r)
{
	json_t *list = json_array();
	for (uint8_t i = 0; i < r->object_count; i++) {
		const struct device_object *object = &r->objects[i];
		json_t *o = json_object();
		char version[16];
		set(o, "object", number(object->object));
		if (object->instance != REGISTRATION_NO_INSTANCE)
			set(o, "instance", number(object->instance));
		snprintf(version, sizeof version, "%u.%u", object->major, object->minor);
		if (object->major != 0 || object->minor != 0)
			set(o, "version", json_string(version));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *formats_json(const struct kept_registration *r)
{
	json_t *list = json_array();
	for (uint8_t i = 0; i < r->format_count; i++)
		json_array_append_new(list, number(r->formats[i]));
	return list;
}

json_t *view_device_whole(const struct server *s, const struct device *d)
{
	json_t *o = view_device(s, d);
	struct bytes prefix = device_prefix(d);
	set(o, "operations_waiting", number(server_device_operations(s, d)));
	if (device_is_registered(d)) {
		set(o, "objects", objects_json(&d->registration));
		set(o, "content_formats", formats_json(&d->registration));
		if (prefix.len > 0)
			set(o, "alternate_path", json_stringn((const char *)prefix.data, prefix.len));
	}
	return o;
}

/* ---- releases and rollouts ---- */

json_t *view_artifact(const struct artifact *a)
{
	json_t *o = json_object();
	set(o, "sha256", view_hex(a->digest, sizeof a->digest));
	set(o, "size", number(a->size));
	return o;
}

json_t *view_release(const struct release *r)
{
	struct artifact image = {.size = r->image_size};
	memcpy(image.digest, r->image, sizeof image.digest);
	json_t *o = json_object();
	set(o, "id", view_text(r->name));
	set(o, "version", view_text(r->version));
	set_text(o, "description", r->description);
	set(o, "sequence", number(r->sequence));
	set(o, "vendor_id", uuid_json(r->vendor_id));
	set(o, "class_id", uuid_json(r->class_id));
	set(o, "image", view_artifact(&image));
	set(o, "manifest_sha256", view_hex(r->manifest, sizeof r->manifest));
	set(o, "verified", json_boolean(r->is_verified));
	set(o, "added_at", view_moment(r->added_at));
	return o;
}

/* 2, or "10%". */
static json_t *amount(uint32_t value, bool is_percent)
{
	char text[16];
	if (!is_percent)
		return number(value);
	snprintf(text, sizeof text, "%u%%", value);
	return json_string(text);
}

static json_t *waves_json(const struct rollout_plan *plan)
{
	json_t *list = json_array();
	for (uint8_t i = 0; i < plan->wave_count; i++)
		json_array_append_new(list, amount(plan->waves[i].size, plan->waves[i].is_percent));
	return list;
}

static json_t *counts_json(const struct rollout *r)
{
	json_t *o = json_object();
	for (unsigned state = 0; state < ENTRY_STATE_COUNT; state++)
		set(o, entry_state_name((enum entry_state)state), number(r->counts[state]));
	return o;
}

json_t *view_rollout(const struct rollout *r)
{
	const struct rollout_record *record = &r->record;
	json_t *o = json_object();
	set(o, "id", number(record->number));
	set(o, "state", json_string(rollout_state_name(record->state)));
	set(o, "release", view_text(record->release));
	set(o, "version", view_text(r->version));
	set(o, "selection", view_text(record->selection));
	set_text(o, "started_by", record->actor);
	set_text(o, "why", record->reason);
	set(o, "started_at", view_moment(record->started_at));
	set(o, "changed_at", view_moment(record->changed_at));
	set(o, "waves", waves_json(&record->plan));
	set(o, "wave", number(record->waves_begun));
	set(o, "wave_count", number(r->wave_count));
	set(o, "delivery", json_string(rollout_delivery_name(record->plan.delivery)));
	set(o, "max_failures", amount(record->plan.failures_allowed, record->plan.failures_in_percent));
	set(o, "total", number(r->total));
	set(o, "counts", counts_json(r));
	return o;
}

json_t *view_rollout_device(const struct rollout_view *v)
{
	json_t *o = json_object();
	set(o, "endpoint", v->device != NULL ? view_text(v->device->record.name) : json_null());
	set(o, "state", json_string(entry_state_name((enum entry_state)v->entry->state)));
	set(o, "wave", number((uint64_t)v->entry->wave + 1));
	set_text(o, "why", v->why);
	set(o, "since", view_moment(v->entry->since));
	set(o, "tries", number(v->entry->tries));
	set(o, "bytes", number(v->bytes));
	set(o, "total", number(v->total));
	set(o, "progress", json_real(v->total > 0 ? (double)v->bytes / (double)v->total : 0));
	return o;
}

/* ---- events and status ---- */

json_t *view_event(const struct event *e)
{
	json_t *o = json_object();
	set(o, "id", number(e->number));
	set(o, "at", view_moment(e->at));
	set(o, "type", json_string(event_type_name(e->type)));
	set_text(o, "device", e->device);
	if (e->rollout != 0)
		set(o, "rollout", number(e->rollout));
	set_text(o, "actor", e->actor);
	set_text(o, "detail", e->detail);
	set(o, "hash", view_hex(e->hash, sizeof e->hash));
	return o;
}

static json_t *counters_json(const struct server_counters *c)
{
	json_t *o = json_object();
	set(o, "registers", number(c->registers));
	set(o, "registration_updates", number(c->updates));
	set(o, "deregisters", number(c->deregisters));
	set(o, "expiries", number(c->expiries));
	set(o, "refusals", number(c->refusals));
	set(o, "notifications", number(c->notifications));
	set(o, "health_reports", number(c->health_reports));
	set(o, "firmware_reports", number(c->firmware_reports));
	set(o, "requests", number(c->requests));
	set(o, "request_failures", number(c->request_failures));
	set(o, "requests_given_up", number(c->requests_given_up));
	set(o, "blocks_served", number(c->blocks_served));
	set(o, "bytes_served", number(c->bytes_served));
	set(o, "store_batches", number(c->batches));
	set(o, "store_batches_failed", number(c->batches_failed));
	set(o, "full", number(c->full));
	return o;
}

static json_t *associations_json(const struct association_counters *c)
{
	json_t *o = json_object();
	set(o, "sessions", number(c->sessions));
	set(o, "handshakes", number(c->handshakes));
	set(o, "addresses_changed", number(c->addresses_changed));
	set(o, "addresses_proved", number(c->addresses_proved));
	set(o, "withheld", number(c->withheld));
	set(o, "path_pings", number(c->path_pings));
	set(o, "path_echoes", number(c->path_echoes));
	return o;
}

json_t *view_status(const struct server *s)
{
	struct server_gauges g = server_gauges(s);
	struct association_counters associations;
	json_t *o = json_object(), *devices = json_object();
	set(devices, "known", number(g.devices));
	set(devices, "registered", number(g.registered));
	set(devices, "connected", number(g.connected));
	set(devices, "capacity", number(g.devices_capacity));
	set(o, "version", json_string(FIELDFARE_VERSION));
	set(o, "devices", devices);
	set(o, "operations_waiting", number(g.operations));
	set(o, "store_batches_under_way", number(g.batches_under_way));
	set(o, "newest_event", number(server_event_newest(s)));
	set(o, "counters", counters_json(server_counters(s)));
	if (server_association_counters(s, &associations))
		set(o, "secure", associations_json(&associations));
	return o;
}
