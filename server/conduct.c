/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One device at a time: requests leave its queue one by one, answers and notifications become facts and events.
 *
 * A request that nobody answers puts the device to sleep: nothing more is sent until it is heard again (lwm2m interface
 * section 10). The operation stays first in its queue, until it has been tried CONDUCT_TRIES_MAX times. */
#include "server/composer.h"

#include "server/facts.h"
#include "server/follow.h"

#include <assert.h>

static uint32_t slot_of(const struct server *s, const struct device *device)
{
	return registry_handle(&s->registry, device).slot;
}

bool conduct_is_asleep(const struct server *s, const struct device *device, msec now)
{
	return device->registration.has_queue_mode && device->last_seen != 0 &&
	       server_wall(s, now) - device->last_seen > REGISTRY_GRACE;
}

void conduct_heard(struct server *s, struct device *device, msec now)
{
	bool was_asleep = conduct_is_asleep(s, device, now);
	device->last_seen = server_wall(s, now);
	if (device->is_awake) {
		if (was_asleep)
			conduct_pump(s, device, now);
		return;
	}
	device->is_awake = true;
	campaign_device_event(s, device, ENTRY_EVENT_LOOK, false, now);
	conduct_pump(s, device, now);
}

/* ---- asking ---- */

static bool write_offer(const struct server *s, uint32_t purpose, struct writer *w)
{
	if (purpose == 0 || !slab_is_taken(&s->rollouts.entry_slab, purpose - 1))
		return false;
	const struct rollout_entry *entry = rollout_entry_at(&s->rollouts, purpose - 1);
	write_text(w, s->config.public_uri);
	write_text(w, "/m/");
	artifact_write_name(w, rollout_of(&s->rollouts, entry)->manifest);
	return !w->failed;
}

static void conduct_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now);

static bool send(struct server *s, struct device *device, const struct queue_item *item, msec now)
{
	if (item->operation == OPERATION_ERRAND)
		return errands_send(s, device, item->purpose, conduct_reply, now);
	if (item->operation == OPERATION_WATCH)
		return watches_send(s, device, item->purpose, conduct_reply, now);
	uint8_t uri[SERVER_URI_BYTES];
	struct writer offer = writer_of(uri, sizeof uri);
	struct follow_request request;
	struct follow_pace pace = {s->config.health_pmin_s, s->config.health_pmax_s};
	enum operation operation = (enum operation)item->operation;
	struct coap_source source;
	if (operation == OPERATION_OFFER && !write_offer(s, item->purpose, &offer))
		return false;
	if (operation == OPERATION_PUSH && !pushing_open(s, item->purpose, &source))
		return false;
	follow_build(&request, operation, device, &pace, writer_bytes(&offer));
	request.call.source = operation == OPERATION_PUSH ? &source : NULL;
	request.call.to = device->remote;
	request.call.reply = conduct_reply;
	request.call.context = s;
	s->counters.requests++;
	return coap_endpoint_request(s->endpoint, &request.call, now, &device->exchange);
}

void conduct_pump(struct server *s, struct device *device, msec now)
{
	if (!device_is_reachable(device) || conduct_is_asleep(s, device, now) || s->is_stopping)
		return;
	ordering_look(s, device, now);
	struct queue_item *item = queue_begin(&s->queue, slot_of(s, device));
	if (item == NULL)
		return;
	if (send(s, device, item, now))
		return;
	/* The endpoint is full, for now: the device's next sign of life tries again. */
	s->counters.full++;
	device->exchange = HANDLE_NONE;
	queue_retry(&s->queue, slot_of(s, device));
	device->is_awake = false;
}

void conduct_ask(
	struct server *s, struct device *device, enum operation operation, uint32_t purpose, msec deadline, msec now)
{
	if (queue_add(&s->queue, slot_of(s, device), operation, purpose, deadline) == QUEUE_FULL) {
		struct writer line = server_line(s, "queue-full", device->record.name);
		server_line_text(&line, "operation", operation_name(operation));
		server_log(s, SERVER_LOG_WARNING, &line);
		s->counters.full++;
	}
	conduct_pump(s, device, now);
}

void conduct_withdraw(struct server *s, struct device *device, uint32_t purpose, msec now)
{
	uint32_t slot = slot_of(s, device);
	const struct queue_item *running = queue_running(&s->queue, slot);
	queue_forget(&s->queue, slot, purpose);
	if (running == NULL || running->operation != OPERATION_PUSH || running->purpose != purpose)
		return;
	coap_endpoint_cancel(s->endpoint, device->exchange, now);
	device->exchange = HANDLE_NONE;
	queue_done(&s->queue, slot);
	conduct_pump(s, device, now);
}

/* Whether the purpose is the place of something that an operator wants, and not a rollout's entry. */
static bool is_operators(const struct queue_item *item)
{
	return item->operation == OPERATION_ERRAND || item->operation == OPERATION_WATCH;
}

/* Observations made before are the device's to forget (lwm2m interface section 3.2 rule 3), and ours. */
static void end_observations(struct server *s, struct device *device, msec now)
{
	coap_endpoint_cancel(s->endpoint, device->observing_health, now);
	coap_endpoint_cancel(s->endpoint, device->observing_firmware, now);
	watches_end(s, device, now);
	device->observing_health = HANDLE_NONE;
	device->observing_firmware = HANDLE_NONE;
}

void conduct_follow(struct server *s, struct device *device, msec now)
{
	end_observations(s, device, now);
	device->firmware.is_known = false;
	device->is_announced = true;
	if (!follow_registered(&s->queue, slot_of(s, device), device, msec_after(now, FOLLOW_DEADLINE)))
		s->counters.full++;
	watches_follow(s, device, now);
	device->is_awake = true;
	campaign_device_event(s, device, ENTRY_EVENT_LOOK, false, now);
	conduct_pump(s, device, now);
}

void conduct_forget(struct server *s, struct device *device, msec now)
{
	end_observations(s, device, now);
	coap_endpoint_cancel(s->endpoint, device->exchange, now);
	device->exchange = HANDLE_NONE;
	errands_forget(s, device, now);
	watches_abandon(s, device, now);
	queue_clear(&s->queue, slot_of(s, device));
}

bool conduct_resume(struct server *s, struct device *device, enum operation operation,
	const struct coap_observation *observation, msec now)
{
	struct follow_request request;
	struct follow_pace pace = {s->config.health_pmin_s, s->config.health_pmax_s};
	struct handle *place =
		operation == OPERATION_OBSERVE_HEALTH ? &device->observing_health : &device->observing_firmware;
	follow_build(&request, operation, device, &pace, BYTES_NONE);
	request.call.to = device->remote;
	request.call.reply = conduct_reply;
	request.call.context = s;
	return coap_endpoint_resume(s->endpoint, &request.call, observation, now, place);
}

/* ---- being told ---- */

static void note_version(struct server *s, const struct device *device, msec now)
{
	struct note note = {
		.type = EVENT_VERSION_CHANGED, .device = device->record.name, .detail = device->record.version};
	server_note(s, &note, now);
}

void conduct_told(struct server *s, struct device *device, unsigned facts, bool is_answer, msec now)
{
	if (facts & FACTS_VERSION)
		note_version(s, device, now);
	if (facts & FACTS_DEVICE) {
		pending_save_device(s, device, now);
		server_update(s, UPDATE_DEVICE, device, 0, now);
	}
	if (facts & FACTS_HEALTH) {
		s->counters.health_reports++;
		server_update(s, UPDATE_HEALTH, device, 0, now);
	}
	if (facts & FACTS_FIRMWARE) {
		s->counters.firmware_reports++;
		server_update(s, UPDATE_FIRMWARE, device, 0, now);
		campaign_device_event(s, device, ENTRY_EVENT_REPORT, is_answer, now);
	}
}

static void log_unreadable(struct server *s, const struct device *device, enum operation operation, const char *why)
{
	struct writer line = server_line(s, "unreadable", device->record.name);
	server_line_text(&line, "operation", operation_name(operation));
	server_line_text(&line, "reason", why);
	server_log(s, SERVER_LOG_WARNING, &line);
}

static bool read_body(struct server *s, struct device *device, enum operation operation, const struct coap_reply *reply,
	bool is_answer, msec now)
{
	struct arena scratch;
	unsigned facts = 0;
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	enum payload_verdict verdict = facts_read(&s->registry, device, reply->content_format, follow_path(operation),
		reply->body, &scratch, server_wall(s, now), &facts);
	if (verdict != PAYLOAD_GOOD) {
		log_unreadable(s, device, operation, verdict == PAYLOAD_UNSUPPORTED ? "format" : "malformed");
		return false;
	}
	server_remember(s, device, reply->content_format, follow_path(operation), reply->body, now);
	conduct_told(s, device, facts, is_answer, now);
	return true;
}

/* ---- answers ---- */

/* The rollout's entry that asked for the operation; NULL when none did or it is gone. */
static struct rollout_entry *entry_of(const struct server *s, const struct queue_item *item)
{
	bool is_there =
		item->purpose != 0 && !is_operators(item) && slab_is_taken(&s->rollouts.entry_slab, item->purpose - 1);
	return is_there ? rollout_entry_at(&s->rollouts, item->purpose - 1) : NULL;
}

/* The operation was a rollout's, and the entry has ended while it was on its way: by an abort, or by time. */
static bool is_called_off(const struct server *s, const struct queue_item *item)
{
	const struct rollout_entry *entry = entry_of(s, item);
	return item->purpose != 0 && !is_operators(item) && (entry == NULL || entry_has_ended(entry));
}

/* The device has, or may have, an offer that nobody stands behind any more. */
static void call_back(struct server *s, struct device *device, const struct queue_item *item, msec now)
{
	if (item->operation == OPERATION_OFFER)
		conduct_ask(s, device, OPERATION_RESET, 0, msec_after(now, FOLLOW_DEADLINE), now);
	if (item->operation == OPERATION_PUSH)
		conduct_ask(s, device, OPERATION_RESET_PACKAGE, 0, msec_after(now, FOLLOW_DEADLINE), now);
}

/* The device answered the operation. It is out of the queue already, so what follows from it can be asked. */
static void answered(struct server *s, struct device *device, const struct queue_item *item,
	const struct coap_reply *reply, msec now)
{
	enum operation operation = (enum operation)item->operation;
	bool success = coap_code_is_success(reply->code);
	struct rollout_entry *entry = entry_of(s, item);
	if (success && is_called_off(s, item))
		call_back(s, device, item, now);
	switch (operation) {
	case OPERATION_READ_DEVICE:
	case OPERATION_OBSERVE_HEALTH:
	case OPERATION_OBSERVE_FIRMWARE:
	case OPERATION_READ_FIRMWARE:
		if (success)
			(void)read_body(s, device, operation, reply, true, now);
		break;
	case OPERATION_READ_VERSION:
		if (success && read_body(s, device, operation, reply, true, now))
			campaign_device_event(s, device, ENTRY_EVENT_VERSION, true, now);
		break;
	case OPERATION_OFFER:
	case OPERATION_PUSH:
		if (entry != NULL)
			campaign_entry_event(s, entry, success ? ENTRY_EVENT_OFFERED : ENTRY_EVENT_REFUSED,
				(uint8_t)reply->code, true, now);
		break;
	case OPERATION_EXECUTE:
		if (entry != NULL)
			campaign_entry_event(s, entry, success ? ENTRY_EVENT_TOLD : ENTRY_EVENT_REFUSED,
				(uint8_t)reply->code, true, now);
		break;
	case OPERATION_RESET:
	case OPERATION_RESET_PACKAGE:
		if (success)
			conduct_ask(s, device, OPERATION_READ_FIRMWARE, 0, msec_after(now, FOLLOW_DEADLINE), now);
		break;
	case OPERATION_ERRAND:
		errands_answered(s, device, item->purpose, reply, now);
		break;
	case OPERATION_WATCH:
		watches_answered(s, device, item->purpose, reply, now);
		break;
	case OPERATION_SET_HEALTH:
	case OPERATION_END:
		break;
	}
}

static void log_refusal(
	struct server *s, const struct device *device, enum operation operation, const struct coap_reply *reply)
{
	s->counters.request_failures++;
	struct writer line = server_line(s, "request-refused", device->record.name);
	server_line_text(&line, "operation", operation_name(operation));
	write_text(&line, " code=\"");
	coap_code_write(&line, reply->code);
	write_text(&line, "\"");
	server_log(s, SERVER_LOG_WARNING, &line);
}

static void log_given_up(struct server *s, const struct device *device, const struct queue_item *item)
{
	s->counters.requests_given_up++;
	struct writer line = server_line(s, "request-given-up", device->record.name);
	server_line_text(&line, "operation", operation_name((enum operation)item->operation));
	server_log(s, SERVER_LOG_WARNING, &line);
}

/* Sending the rest of a package again is not for the queue: what the device has of it is for the rollout to ask. */
static bool is_broken_push(const struct server *s, const struct queue_item *item, bool is_useless)
{
	const struct rollout_entry *entry = entry_of(s, item);
	return item->operation == OPERATION_PUSH && entry != NULL && !entry_has_ended(entry) &&
	       (is_useless || entry->state != ENTRY_WAITING);
}

static void break_off(struct server *s, struct device *device, const struct queue_item *item, bool is_useless, msec now)
{
	device->is_awake = is_useless;
	device->firmware.is_known = false;
	queue_done(&s->queue, slot_of(s, device));
	campaign_entry_event(s, entry_of(s, item), ENTRY_EVENT_LOST, 0, true, now);
	conduct_pump(s, device, now);
}

static void unanswered(struct server *s, struct device *device, enum coap_outcome outcome, msec now)
{
	struct queue_item item = *queue_running(&s->queue, slot_of(s, device));
	bool is_useless = outcome == COAP_OUTCOME_BROKEN || outcome == COAP_OUTCOME_RESET;
	bool is_rollouts = item.purpose != 0 || item.operation == OPERATION_READ_VERSION;
	s->counters.request_failures++;
	if (is_operators(&item)) { /* an errand may have been carried out, so it is not sent again */
		device->is_awake = is_useless;
		queue_done(&s->queue, slot_of(s, device));
		enum server_result result = outcome == COAP_OUTCOME_BROKEN ? SERVER_UNUSABLE : SERVER_NO_ANSWER;
		if (item.operation == OPERATION_WATCH)
			watches_failed(s, item.purpose, result, now);
		else
			errands_failed(s, item.purpose, result, now);
		conduct_pump(s, device, now);
		return;
	}
	if (is_broken_push(s, &item, is_useless)) {
		break_off(s, device, &item, is_useless, now);
		return;
	}
	if (is_useless || (item.tries >= CONDUCT_TRIES_MAX && !is_rollouts)) {
		log_given_up(s, device, &item);
		queue_done(&s->queue, slot_of(s, device));
		conduct_pump(s, device, now);
		return;
	}
	device->is_awake = false;
	if (is_called_off(s, &item)) {
		queue_done(&s->queue, slot_of(s, device));
		call_back(s, device, &item, now);
	} else {
		queue_retry(&s->queue, slot_of(s, device));
	}
	campaign_device_event(s, device, ENTRY_EVENT_LOOK, false, now);
}

static void keep_observation(struct device *device, enum operation operation, const struct coap_reply *reply)
{
	if (reply->outcome != COAP_OUTCOME_NOTIFICATION)
		return;
	if (operation == OPERATION_OBSERVE_HEALTH)
		device->observing_health = reply->exchange;
	if (operation == OPERATION_OBSERVE_FIRMWARE)
		device->observing_firmware = reply->exchange;
}

static bool has_another_format(struct server *s, const struct queue_item *item, const struct coap_reply *reply)
{
	if (item->operation == OPERATION_WATCH)
		return watches_has_another_format(s, item->purpose, reply);
	return item->operation == OPERATION_ERRAND && errands_has_another_format(s, item->purpose, reply);
}

static void finished(struct server *s, struct device *device, const struct coap_reply *reply, msec now)
{
	const struct queue_item *running = queue_running(&s->queue, slot_of(s, device));
	device->exchange = HANDLE_NONE;
	if (running == NULL)
		return;
	if (reply->outcome != COAP_OUTCOME_RESPONSE && reply->outcome != COAP_OUTCOME_NOTIFICATION) {
		unanswered(s, device, reply->outcome, now);
		return;
	}
	struct queue_item item = *running;
	if (has_another_format(s, &item, reply) && send(s, device, &item, now))
		return;
	queue_done(&s->queue, slot_of(s, device));
	keep_observation(device, (enum operation)item.operation, reply);
	if (!coap_code_is_success(reply->code))
		log_refusal(s, device, (enum operation)item.operation, reply);
	conduct_heard(s, device, now);
	answered(s, device, &item, reply, now);
	conduct_pump(s, device, now);
}

static void notified(
	struct server *s, struct device *device, enum operation operation, const struct coap_reply *reply, msec now)
{
	struct handle *observing =
		operation == OPERATION_OBSERVE_HEALTH ? &device->observing_health : &device->observing_firmware;
	if (reply->outcome != COAP_OUTCOME_NOTIFICATION) {
		*observing = HANDLE_NONE;
		return;
	}
	s->counters.notifications++;
	conduct_heard(s, device, now);
	if (coap_code_is_success(reply->code))
		(void)read_body(s, device, operation, reply, false, now);
}

static void conduct_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct server *s = context;
	struct device *device = registry_find_remote(&s->registry, &reply->remote);
	(void)endpoint;
	if (device == NULL)
		return;
	if (handle_equal(reply->exchange, device->exchange))
		finished(s, device, reply, now);
	else if (handle_equal(reply->exchange, device->observing_health))
		notified(s, device, OPERATION_OBSERVE_HEALTH, reply, now);
	else if (handle_equal(reply->exchange, device->observing_firmware))
		notified(s, device, OPERATION_OBSERVE_FIRMWARE, reply, now);
	else if (watches_notified(s, device, reply, now) && reply->outcome == COAP_OUTCOME_NOTIFICATION)
		conduct_heard(s, device, now);
}
