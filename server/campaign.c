/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rollouts carried out: events go to rollout_step, its actions to the devices' queues, its states to the store.
 *
 * An entry whose state has changed waits in `unsaved`; its action waits with it. Once per turn all of them, the changed
 * rollouts and the events go to the store in one batch, one batch at a time. When it lasts, the actions are done; when
 * it was refused, everything goes again a little later. So no device is told to install before that is on disk.
 *
 * An entry at work on a device holds the device (device.rollout_entry) until it ends or must wait; other rollouts'
 * entries for the device wait meanwhile. */
#include "server/composer.h"

#include "server/label.h"

#include <assert.h>

static struct device *device_of(const struct server *s, const struct rollout_entry *entry)
{
	return handle_is_none(entry->device) ? NULL : registry_get(&s->registry, entry->device);
}

static uint32_t purpose_of(const struct server *s, const struct rollout_entry *entry)
{
	return rollout_slot(&s->rollouts, entry) + 1;
}

/* ---- what an entry does to the outside ---- */

static void perform(struct server *s, struct rollout_entry *entry, enum entry_action action, msec now)
{
	struct device *device = device_of(s, entry);
	uint32_t purpose = purpose_of(s, entry);
	if (device == NULL)
		return;
	bool pulls = rollout_delivery_to(rollout_of(&s->rollouts, entry), device) == ROLLOUT_DELIVERY_PULL;
	switch (action) {
	case ENTRY_ACTION_NONE:
		break;
	case ENTRY_ACTION_OFFER:
		device->firmware.served_bytes = 0;
		conduct_ask(s, device, pulls ? OPERATION_OFFER : OPERATION_PUSH, purpose, NEVER, now);
		break;
	case ENTRY_ACTION_INSTALL:
		conduct_ask(s, device, OPERATION_EXECUTE, purpose, NEVER, now);
		break;
	case ENTRY_ACTION_RESET:
		conduct_ask(s, device, pulls ? OPERATION_RESET : OPERATION_RESET_PACKAGE, 0,
			msec_after(now, FOLLOW_DEADLINE), now);
		break;
	case ENTRY_ACTION_READ_FIRMWARE:
		conduct_ask(s, device, OPERATION_READ_FIRMWARE, 0, msec_after(now, FOLLOW_DEADLINE), now);
		break;
	case ENTRY_ACTION_READ_VERSION:
		conduct_ask(s, device, OPERATION_READ_VERSION, 0, msec_after(now, FOLLOW_DEADLINE), now);
		break;
	}
}

static enum event_type event_of(const struct rollout_entry *entry)
{
	switch ((enum entry_state)entry->state) {
	case ENTRY_OFFERED:
		return EVENT_DEVICE_OFFERED;
	case ENTRY_INSTALLING:
		return EVENT_DEVICE_INSTALLING;
	case ENTRY_CONFIRMED:
		return EVENT_DEVICE_CONFIRMED;
	case ENTRY_FAILED:
		return EVENT_DEVICE_FAILED;
	case ENTRY_SKIPPED:
		return EVENT_DEVICE_SKIPPED;
	case ENTRY_PENDING:
	case ENTRY_WAITING:
	case ENTRY_DOWNLOADING:
	case ENTRY_DOWNLOADED:
	case ENTRY_CONFIRMING:
	case ENTRY_STATE_COUNT:
		break;
	}
	return EVENT_TYPE_END;
}

static void note_entry(struct server *s, const struct rollout_entry *entry, const struct device *device, msec now)
{
	char detail[EVENT_DETAIL_MAX + 1];
	const struct rollout *rollout = rollout_of(&s->rollouts, entry);
	enum event_type type = event_of(entry);
	if (type == EVENT_TYPE_END)
		return;
	struct writer w = writer_of(detail, sizeof detail - 1);
	if (type == EVENT_DEVICE_FAILED || type == EVENT_DEVICE_SKIPPED)
		rollout_write_why(&w, &s->rollouts, entry);
	else
		write_text(&w, rollout->version);
	label_end(detail, sizeof detail, &w);
	struct note note = {.type = type,
		.device = device == NULL ? NULL : device->record.name,
		.rollout = rollout->record.number,
		.detail = detail};
	server_note(s, &note, now);
}

/* ---- holding the device ---- */

static bool is_at_work(const struct rollout_entry *entry)
{
	return !entry_has_ended(entry) && entry->state != ENTRY_PENDING &&
	       (entry->state != ENTRY_WAITING || entry->reason == ENTRY_REASON_ASKED ||
		       entry->reason == ENTRY_REASON_FOREIGN);
}

static void hold_or_release(struct server *s, struct rollout_entry *entry, struct device *device, msec now)
{
	uint32_t purpose = purpose_of(s, entry);
	if (device->rollout_entry == 0 && is_at_work(entry))
		device->rollout_entry = purpose;
	if (device->rollout_entry != purpose || is_at_work(entry))
		return;
	device->rollout_entry = 0;
	conduct_withdraw(s, device, purpose, now);
	campaign_device_event(s, device, ENTRY_EVENT_LOOK, false, now);
}

/* ---- events ---- */

static void put_unsaved(struct server *s, struct rollout_entry *entry)
{
	if (entry->is_unsaved) {
		entry->is_outdated = true;
		return;
	}
	entry->is_unsaved = true;
	entry->next_unsaved = s->unsaved;
	s->unsaved = purpose_of(s, entry);
}

static void changed(struct server *s, struct rollout_entry *entry, struct device *device, msec now)
{
	put_unsaved(s, entry);
	note_entry(s, entry, device, now);
}

static void add_facts(
	const struct server *s, const struct rollout_entry *entry, const struct device *device, struct entry_facts *ret)
{
	uint32_t purpose = purpose_of(s, entry);
	const struct queue_item *running = queue_running(&s->queue, entry->device.slot);
	ret->is_busy = device->rollout_entry != 0 && device->rollout_entry != purpose;
	ret->is_pushing = running != NULL && running->operation == OPERATION_PUSH && running->purpose == purpose;
}

void campaign_entry_event(
	struct server *s, struct rollout_entry *entry, enum entry_event event, uint8_t code, bool is_answer, msec now)
{
	struct rollout *rollout = rollout_of(&s->rollouts, entry);
	struct device *device = device_of(s, entry);
	uint8_t state = entry->state, reason = entry->reason;
	struct entry_facts facts = {
		.device = device, .is_answer = is_answer, .code = code, .wall = server_wall(s, now)};
	if (rollout->is_starting || entry_has_ended(entry))
		return;
	if (device == NULL)
		event = ENTRY_EVENT_REMOVED;
	else
		add_facts(s, entry, device, &facts);
	enum entry_action action = rollout_step(&s->rollouts, entry, event, &facts, now);
	if (entry->state != state) {
		entry->action = (uint8_t)action;
		changed(s, entry, device, now);
	} else if (action != ENTRY_ACTION_NONE && entry->is_unsaved) {
		entry->action = (uint8_t)action;
	} else {
		perform(s, entry, action, now);
	}
	if (entry->state != state || entry->reason != reason)
		server_update(s, UPDATE_ENTRY, device, rollout->record.number, now);
	if (device != NULL)
		hold_or_release(s, entry, device, now);
}

void campaign_device_event(struct server *s, struct device *device, enum entry_event event, bool is_answer, msec now)
{
	struct rollout_entry *entry;
	if (device->rollout_entry != 0) {
		entry = rollout_entry_at(&s->rollouts, device->rollout_entry - 1);
		campaign_entry_event(s, entry, event, 0, is_answer, now);
		return;
	}
	struct handle handle = registry_handle(&s->registry, device);
	uint32_t cursor = 0;
	while ((entry = rollout_next_of_device(&s->rollouts, handle, &cursor)) != NULL)
		campaign_entry_event(s, entry, event, 0, is_answer, now);
}

void campaign_rollout_event(struct server *s, struct rollout *rollout, enum entry_event event, msec now)
{
	struct rollout_entry *entry;
	for (uint32_t cursor = 0; (entry = rollout_next(&s->rollouts, rollout, &cursor)) != NULL;)
		campaign_entry_event(s, entry, event, 0, false, now);
}

void campaign_device_removed(struct server *s, struct handle device, msec now)
{
	struct rollout_entry *entry;
	for (uint32_t cursor = 0; (entry = rollout_next_of_device(&s->rollouts, device, &cursor)) != NULL; cursor = 0) {
		campaign_entry_event(s, entry, ENTRY_EVENT_REMOVED, 0, false, now);
		rollout_detach(&s->rollouts, entry);
	}
}

void campaign_served(struct server *s, struct device *device, const uint8_t image[SHA256_BYTES], uint64_t end, msec now)
{
	if (device->rollout_entry == 0)
		return;
	struct rollout_entry *entry = rollout_entry_at(&s->rollouts, device->rollout_entry - 1);
	const struct rollout *rollout = rollout_of(&s->rollouts, entry);
	uint64_t before = device->firmware.served_bytes;
	if (memcmp(rollout->image, image, SHA256_BYTES) != 0 || end <= before)
		return;
	device->firmware.served_bytes = end < UINT32_MAX ? (uint32_t)end : UINT32_MAX;
	rollout_progressed(&s->rollouts, entry, now);
	if (before * 100 / rollout->image_size != end * 100 / rollout->image_size)
		server_update(s, UPDATE_ENTRY, device, rollout->record.number, now);
}

/* ---- the rollouts as a whole ---- */

void campaign_changed(struct server *s, struct rollout *rollout, msec now)
{
	rollout->is_unsaved = true;
	s->has_unsaved_rollouts = true;
	server_update(s, UPDATE_ROLLOUT, NULL, rollout->record.number, now);
}

static void note_turn(struct server *s, const struct rollout *rollout, enum rollout_turn turn, msec now)
{
	char detail[EVENT_DETAIL_MAX + 1];
	struct writer w = writer_of(detail, sizeof detail - 1);
	struct note note = {.rollout = rollout->record.number, .detail = detail};
	switch (turn) {
	case ROLLOUT_TURN_NOTHING:
		return;
	case ROLLOUT_TURN_WAVE:
		note.type = EVENT_ROLLOUT_WAVE;
		write_text(&w, "wave ");
		write_decimal(&w, rollout->record.waves_begun);
		write_text(&w, " of ");
		write_decimal(&w, rollout->wave_count);
		break;
	case ROLLOUT_TURN_HALTED:
		note.type = EVENT_ROLLOUT_HALTED;
		write_text(&w, rollout->record.reason);
		break;
	case ROLLOUT_TURN_COMPLETED:
		note.type = EVENT_ROLLOUT_COMPLETED;
		write_decimal(&w, rollout->counts[ENTRY_CONFIRMED]);
		write_text(&w, " confirmed, ");
		write_decimal(&w, rollout->counts[ENTRY_FAILED]);
		write_text(&w, " failed, ");
		write_decimal(&w, rollout->counts[ENTRY_SKIPPED]);
		write_text(&w, " skipped");
		break;
	}
	label_end(detail, sizeof detail, &w);
	server_note(s, &note, now);
}

static void turn(struct server *s, struct rollout *rollout, msec now)
{
	enum rollout_turn what;
	if (rollout->is_starting)
		return;
	while ((what = rollout_turn(&s->rollouts, rollout, server_wall(s, now))) != ROLLOUT_TURN_NOTHING) {
		note_turn(s, rollout, what, now);
		campaign_changed(s, rollout, now);
		if (what == ROLLOUT_TURN_WAVE || what == ROLLOUT_TURN_HALTED)
			campaign_rollout_event(s, rollout, ENTRY_EVENT_LOOK, now);
	}
}

/* ---- to the store ---- */

static bool has_work(const struct server *s)
{
	return s->unsaved != 0 || s->has_unsaved_rollouts || s->events.submitted != s->events.newest;
}

static void add_rollouts(struct server *s)
{
	for (uint32_t i = 0; i < s->rollouts.count; i++) {
		struct rollout *rollout = &s->rollouts.items[i];
		struct store_change change = {.type = STORE_ROLLOUT_PUT, .rollout = &rollout->record};
		if (rollout->is_starting || !rollout->is_unsaved)
			continue;
		rollout->is_unsaved = false;
		s->ports.store.add(s->ports.store.context, &change);
	}
	s->has_unsaved_rollouts = false;
}

static void add_entries(struct server *s)
{
	for (uint32_t at = s->unsaved; at != 0;) {
		struct rollout_entry *entry = rollout_entry_at(&s->rollouts, at - 1);
		struct rollout_entry_record record = rollout_entry_record_of(s, entry);
		struct store_change change = {.type = STORE_ENTRY_PUT, .entry = &record};
		entry->is_outdated = false;
		s->ports.store.add(s->ports.store.context, &change);
		at = entry->next_unsaved;
	}
	s->saving = s->unsaved;
	s->unsaved = 0;
}

static void save(struct server *s, msec now)
{
	if (s->is_saving || now < s->save_at || !has_work(s))
		return;
	struct pending *p = pending_begin(s, PENDING_CAMPAIGN);
	if (p == NULL) {
		s->save_at = msec_after(now, STORE_RETRY_MS);
		return;
	}
	s->is_saving = true;
	add_rollouts(s);
	add_entries(s);
	if (!pending_commit(s, p, now))
		campaign_stored(s, false, now);
}

/* The store has the entry's state, or will be asked again. */
static void saved(struct server *s, struct rollout_entry *entry, bool ok, msec now)
{
	bool again = !ok || entry->is_outdated;
	enum entry_action action = (enum entry_action)entry->action;
	entry->is_unsaved = false;
	entry->is_outdated = false;
	if (again) {
		put_unsaved(s, entry);
		return;
	}
	entry->action = ENTRY_ACTION_NONE;
	perform(s, entry, action, now);
}

void campaign_stored(struct server *s, bool ok, msec now)
{
	uint32_t at = s->saving;
	s->is_saving = false;
	s->saving = 0;
	while (at != 0) {
		struct rollout_entry *entry = rollout_entry_at(&s->rollouts, at - 1);
		at = entry->next_unsaved;
		saved(s, entry, ok, now);
	}
	if (ok)
		return;
	s->save_at = msec_after(now, STORE_RETRY_MS);
	s->has_unsaved_rollouts = true;
	for (uint32_t i = 0; i < s->rollouts.count; i++)
		s->rollouts.items[i].is_unsaved = true;
}

/* ---- life and time ---- */

static void take_up(struct server *s, struct rollout_entry *entry, msec now)
{
	struct device *device = device_of(s, entry);
	if (device == NULL)
		campaign_entry_event(s, entry, ENTRY_EVENT_REMOVED, 0, false, now);
	else if (is_at_work(entry) && entry->state != ENTRY_WAITING && device->rollout_entry == 0)
		device->rollout_entry = purpose_of(s, entry);
}

void campaign_start(struct server *s, msec now)
{
	for (uint32_t i = 0; i < s->rollouts.count; i++) {
		struct rollout_entry *entry;
		for (uint32_t at = 0; (entry = rollout_next(&s->rollouts, &s->rollouts.items[i], &at)) != NULL;)
			take_up(s, entry, now);
	}
}

msec campaign_deadline(const struct server *s)
{
	msec save_at = has_work(s) && !s->is_saving ? s->save_at : NEVER;
	return msec_earlier(save_at, rollout_deadline(&s->rollouts));
}

void campaign_tick(struct server *s, msec now)
{
	struct rollout_entry *entry;
	while (rollout_due(&s->rollouts, now, &entry))
		campaign_entry_event(s, entry, ENTRY_EVENT_TIMEOUT, 0, false, now);
	for (uint32_t i = 0; i < s->rollouts.count; i++)
		turn(s, &s->rollouts.items[i], now);
	save(s, now);
}
