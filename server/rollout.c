/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of rollouts and the rollout as a whole; the way of one device is in rollout_step.c.
 *
 * Invariants: `counts` adds up to `total`; `begun` are the entries of waves below waves_begun, `open` those of them
 * that have not ended; an entry has a deadline exactly while it is between WAITING and CONFIRMING. */
#include "server/rollout.h"

#include "server/label.h"

#include <assert.h>

const struct rollout_plan rollout_plan_default = {
	.failures_allowed = 10,
	.failures_in_percent = true,
	.wait_s = 7 * 86400,
	.offer_s = 600,
	.download_s = 86400,
	.install_s = 1800,
	.confirm_s = 600,
};

void rollouts_carve(struct rollouts *r, struct carve *c, uint32_t capacity, uint32_t entries)
{
	*r = (struct rollouts){.capacity = capacity};
	r->items = carve_take(c, capacity, sizeof *r->items);
	r->entries = carve_take(c, entries, sizeof *r->entries);
	slab_carve(&r->entry_slab, c, entries);
	hash_index_carve(&r->by_device, c, entries);
	deadlines_carve(&r->deadlines, c, entries);
}

/* ---- finding ---- */

struct rollout *rollout_find(const struct rollouts *r, uint32_t number)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (r->items[i].record.number == number)
			return &r->items[i];
	return NULL;
}

struct rollout *rollout_of(const struct rollouts *r, const struct rollout_entry *entry)
{
	return &r->items[entry->rollout];
}

uint32_t rollout_slot(const struct rollouts *r, const struct rollout_entry *entry)
{
	return (uint32_t)(entry - r->entries);
}

struct rollout_entry *rollout_entry_at(const struct rollouts *r, uint32_t slot)
{
	assert(slab_is_taken(&r->entry_slab, slot));
	return &r->entries[slot];
}

/* The cursor is the slot before + 1. */
struct rollout_entry *rollout_next(const struct rollouts *r, const struct rollout *rollout, uint32_t *cursor)
{
	uint32_t at = *cursor == 0 ? rollout->first : r->entries[*cursor - 1].next;
	if (at == 0)
		return NULL;
	*cursor = at;
	return &r->entries[at - 1];
}

struct rollout_entry *rollout_next_of_device(const struct rollouts *r, struct handle device, uint32_t *cursor)
{
	const struct hash_index *index = &r->by_device;
	uint32_t slot = *cursor == 0 ? hash_index_first(index, device.slot) : hash_index_next(index, *cursor - 1);
	while (slot != HASH_INDEX_END && !handle_equal(r->entries[slot].device, device))
		slot = hash_index_next(index, slot);
	if (slot == HASH_INDEX_END)
		return NULL;
	*cursor = slot + 1;
	return &r->entries[slot];
}

/* ---- coming and going ---- */

void rollout_detach(struct rollouts *r, struct rollout_entry *entry)
{
	if (handle_is_none(entry->device))
		return;
	hash_index_remove(&r->by_device, entry->device.slot, rollout_slot(r, entry));
	entry->device = HANDLE_NONE;
}

static void complete_plan(struct rollout_plan *plan)
{
	const struct rollout_plan *usual = &rollout_plan_default;
	plan->wait_s = plan->wait_s != 0 ? plan->wait_s : usual->wait_s;
	plan->offer_s = plan->offer_s != 0 ? plan->offer_s : usual->offer_s;
	plan->download_s = plan->download_s != 0 ? plan->download_s : usual->download_s;
	plan->install_s = plan->install_s != 0 ? plan->install_s : usual->install_s;
	plan->confirm_s = plan->confirm_s != 0 ? plan->confirm_s : usual->confirm_s;
}

static void give_entries(struct rollouts *r, struct rollout *rollout)
{
	for (uint32_t at = rollout->first; at != 0;) {
		uint32_t slot = at - 1;
		at = r->entries[slot].next;
		rollout_detach(r, &r->entries[slot]);
		deadlines_disarm(&r->deadlines, slot);
		slab_give(&r->entry_slab, slab_handle(&r->entry_slab, slot));
	}
}

void rollout_remove(struct rollouts *r, struct rollout *rollout)
{
	uint32_t gone = (uint32_t)(rollout - r->items);
	give_entries(r, rollout);
	r->count--;
	memmove(&r->items[gone], &r->items[gone + 1], (r->count - gone) * sizeof *r->items);
	for (uint32_t i = gone; i < r->count; i++) {
		struct rollout_entry *entry;
		for (uint32_t cursor = 0; (entry = rollout_next(r, &r->items[i], &cursor)) != NULL;)
			entry->rollout = i;
	}
}

/* Of an aborted rollout some entries may still install. */
static bool is_over(const struct rollout *rollout)
{
	return rollout_has_ended(rollout) && rollout->counts[ENTRY_INSTALLING] + rollout->counts[ENTRY_CONFIRMING] == 0;
}

static bool is_saved(const struct rollouts *r, const struct rollout *rollout)
{
	const struct rollout_entry *entry;
	for (uint32_t cursor = 0; (entry = rollout_next(r, rollout, &cursor)) != NULL;)
		if (entry->is_unsaved)
			return false;
	return !rollout->is_unsaved && !rollout->is_starting;
}

/* Makes room by forgetting the oldest rollout that is over; 0 when there is none. */
static uint32_t forget_oldest(struct rollouts *r)
{
	for (uint32_t i = 0; i < r->count; i++) {
		uint32_t number = r->items[i].record.number;
		if (!is_over(&r->items[i]) || !is_saved(r, &r->items[i]))
			continue;
		rollout_remove(r, &r->items[i]);
		return number;
	}
	return 0;
}

struct rollout *rollout_add(
	struct rollouts *r, const struct rollout_record *record, const struct release *release, uint32_t *ret_forgotten)
{
	*ret_forgotten = 0;
	if (r->count == r->capacity && (*ret_forgotten = forget_oldest(r)) == 0)
		return NULL;
	struct rollout *rollout = &r->items[r->count++];
	*rollout = (struct rollout){.record = *record};
	complete_plan(&rollout->record.plan);
	if (rollout->record.number == 0)
		rollout->record.number = r->newest + 1;
	if (rollout->record.number > r->newest)
		r->newest = rollout->record.number;
	memcpy(rollout->version, release->version, sizeof rollout->version);
	memcpy(rollout->manifest, release->manifest, sizeof rollout->manifest);
	memcpy(rollout->image, release->image, sizeof rollout->image);
	rollout->image_size = release->image_size;
	return rollout;
}

bool rollout_has_room(const struct rollouts *r, uint32_t entries)
{
	return r->entry_slab.capacity - r->entry_slab.used >= entries;
}

static struct rollout_entry *append(struct rollouts *r, struct rollout *rollout, struct handle device, const char *name)
{
	struct handle handle;
	if (!slab_take(&r->entry_slab, &handle))
		return NULL;
	struct rollout_entry *entry = &r->entries[handle.slot];
	*entry = (struct rollout_entry){.rollout = (uint32_t)(rollout - r->items), .device = device};
	label_cut(entry->name, sizeof entry->name, bytes_of_text(name));
	if (rollout->last == 0)
		rollout->first = handle.slot + 1;
	else
		r->entries[rollout->last - 1].next = handle.slot + 1;
	rollout->last = handle.slot + 1;
	rollout->total++;
	if (!handle_is_none(device))
		hash_index_add(&r->by_device, device.slot, handle.slot);
	return entry;
}

bool rollout_add_entry(struct rollouts *r, struct rollout *rollout, struct handle device, const char *name)
{
	struct rollout_entry *entry = append(r, rollout, device, name);
	if (entry == NULL)
		return false;
	entry->state = ENTRY_PENDING;
	entry->reason = ENTRY_REASON_WAVE;
	entry->since = rollout->record.started_at;
	rollout->counts[ENTRY_PENDING]++;
	return true;
}

static void count_wave(struct rollout *rollout, const struct rollout_entry *entry)
{
	if (entry->wave >= rollout->wave_count)
		rollout->wave_count = (uint8_t)(entry->wave + 1);
	if (entry->wave < rollout->record.waves_begun) {
		rollout->begun++;
		rollout->open += !entry_has_ended(entry);
	}
}

/* ---- waves ---- */

static uint32_t wave_size(const struct rollout *rollout, unsigned wave)
{
	const struct rollout_wave *w = &rollout->record.plan.waves[wave];
	if (wave >= rollout->record.plan.wave_count)
		return UINT32_MAX;
	if (!w->is_percent)
		return w->size;
	uint64_t size = ((uint64_t)rollout->total * w->size + 99) / 100;
	return size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
}

void rollout_divide(struct rollouts *r, struct rollout *rollout)
{
	uint32_t cursor = 0, left = wave_size(rollout, 0);
	uint8_t wave = 0;
	struct rollout_entry *entry;
	while ((entry = rollout_next(r, rollout, &cursor)) != NULL) {
		while (left == 0)
			left = wave_size(rollout, ++wave);
		entry->wave = wave;
		left--;
		count_wave(rollout, entry);
	}
}

/* ---- an entry changes ---- */

static msec span_of(const struct rollout_plan *plan, enum entry_state state)
{
	switch (state) {
	case ENTRY_WAITING:
	case ENTRY_DOWNLOADED:
		return SECONDS(plan->wait_s);
	case ENTRY_OFFERED:
		return SECONDS(plan->offer_s);
	case ENTRY_DOWNLOADING:
		return SECONDS(plan->download_s);
	case ENTRY_INSTALLING:
		return SECONDS(plan->install_s);
	case ENTRY_CONFIRMING:
		return SECONDS(plan->confirm_s);
	case ENTRY_PENDING:
	case ENTRY_CONFIRMED:
	case ENTRY_FAILED:
	case ENTRY_SKIPPED:
	case ENTRY_STATE_COUNT:
		break;
	}
	return NEVER;
}

void rollout_rearm(struct rollouts *r, struct rollout_entry *entry, msec now)
{
	msec span = span_of(&rollout_of(r, entry)->record.plan, (enum entry_state)entry->state);
	deadlines_arm(&r->deadlines, rollout_slot(r, entry), msec_after(now, span));
}

bool rollout_load_entry(struct rollouts *r, struct rollout *rollout, struct handle device,
	const struct rollout_entry_record *record, msec now)
{
	if (record->state >= ENTRY_STATE_COUNT || record->reason >= ENTRY_REASON_COUNT)
		return false;
	struct rollout_entry *entry = append(r, rollout, device, record->device);
	if (entry == NULL)
		return false;
	entry->wave = record->wave;
	entry->tries = record->tries;
	entry->code = record->code;
	entry->state = (uint8_t)record->state;
	entry->reason = (uint8_t)record->reason;
	entry->since = record->since;
	rollout->counts[entry->state]++;
	count_wave(rollout, entry);
	rollout_rearm(r, entry, now);
	return true;
}

void rollout_enter(struct rollouts *r, struct rollout_entry *entry, enum entry_state state, enum entry_reason reason,
	uint8_t code, wall_msec wall, msec now)
{
	struct rollout *rollout = rollout_of(r, entry);
	bool had_ended = entry_has_ended(entry);
	entry->reason = (uint8_t)reason;
	entry->code = code;
	if (entry->state == state)
		return;
	assert(!had_ended && state < ENTRY_STATE_COUNT);
	rollout->counts[entry->state]--;
	rollout->counts[state]++;
	entry->state = (uint8_t)state;
	entry->since = wall;
	entry->was_told = false;
	if (entry_has_ended(entry) && entry->wave < rollout->record.waves_begun)
		rollout->open--;
	rollout_rearm(r, entry, now);
}

void rollout_progressed(struct rollouts *r, struct rollout_entry *entry, msec now)
{
	if (entry->state == ENTRY_DOWNLOADING || entry->state == ENTRY_OFFERED)
		rollout_rearm(r, entry, now);
}

enum rollout_delivery rollout_delivery_to(const struct rollout *rollout, const struct device *device)
{
	enum rollout_delivery planned = rollout->record.plan.delivery;
	if (planned != ROLLOUT_DELIVERY_AUTO)
		return planned;
	return device->firmware.delivery == FIRMWARE_BY_PUSH ? ROLLOUT_DELIVERY_IMAGE : ROLLOUT_DELIVERY_PULL;
}

static const char *const delivery_names[] = {"auto", "pull", "package", "image"};

const char *rollout_delivery_name(enum rollout_delivery delivery)
{
	return delivery_names[delivery <= ROLLOUT_DELIVERY_IMAGE ? delivery : ROLLOUT_DELIVERY_AUTO];
}

bool rollout_delivery_parse(struct bytes name, enum rollout_delivery *ret)
{
	for (unsigned i = 0; i <= ROLLOUT_DELIVERY_IMAGE; i++) {
		if (!bytes_equal_text(name, delivery_names[i]))
			continue;
		*ret = (enum rollout_delivery)i;
		return true;
	}
	return false;
}

/* ---- the whole ---- */

bool rollout_has_ended(const struct rollout *rollout)
{
	return rollout->record.state == ROLLOUT_COMPLETED || rollout->record.state == ROLLOUT_ABORTED;
}

static uint32_t failures(const struct rollout *rollout)
{
	return rollout->counts[ENTRY_FAILED] - rollout->record.failures_forgiven;
}

static bool has_failed_too_often(const struct rollout *rollout)
{
	const struct rollout_plan *plan = &rollout->record.plan;
	if (plan->failures_in_percent)
		return (uint64_t)failures(rollout) * 100 > (uint64_t)plan->failures_allowed * rollout->begun;
	return failures(rollout) > plan->failures_allowed;
}

static void enter_state(struct rollout *rollout, enum rollout_state state, wall_msec wall)
{
	rollout->record.state = state;
	rollout->record.changed_at = wall;
}

static void halt(struct rollout *rollout, wall_msec wall)
{
	struct rollout_record *record = &rollout->record;
	struct writer w = writer_of(record->reason, sizeof record->reason - 1);
	write_decimal(&w, failures(rollout));
	write_text(&w, " of ");
	write_decimal(&w, rollout->begun);
	write_text(&w, " devices failed, ");
	write_decimal(&w, record->plan.failures_allowed);
	write_text(&w, record->plan.failures_in_percent ? " % are allowed" : " are allowed");
	label_end(record->reason, sizeof record->reason, &w);
	enter_state(rollout, ROLLOUT_HALTED, wall);
}

static void begin_wave(struct rollouts *r, struct rollout *rollout, wall_msec wall)
{
	uint32_t cursor = 0;
	uint8_t wave = rollout->record.waves_begun++;
	struct rollout_entry *entry;
	while ((entry = rollout_next(r, rollout, &cursor)) != NULL)
		if (entry->wave == wave)
			count_wave(rollout, entry);
	rollout->record.changed_at = wall;
}

static uint32_t ended(const struct rollout *rollout)
{
	return rollout->counts[ENTRY_CONFIRMED] + rollout->counts[ENTRY_FAILED] + rollout->counts[ENTRY_SKIPPED];
}

enum rollout_turn rollout_turn(struct rollouts *r, struct rollout *rollout, wall_msec wall)
{
	if (rollout->record.state != ROLLOUT_RUNNING)
		return ROLLOUT_TURN_NOTHING;
	if (ended(rollout) == rollout->total) {
		enter_state(rollout, ROLLOUT_COMPLETED, wall);
		return ROLLOUT_TURN_COMPLETED;
	}
	if (has_failed_too_often(rollout)) {
		halt(rollout, wall);
		return ROLLOUT_TURN_HALTED;
	}
	if (rollout->open > 0 || rollout->record.waves_begun == rollout->wave_count)
		return ROLLOUT_TURN_NOTHING;
	begin_wave(r, rollout, wall);
	return ROLLOUT_TURN_WAVE;
}

bool rollout_command(struct rollout *rollout, enum rollout_word word, wall_msec wall)
{
	struct rollout_record *record = &rollout->record;
	if (rollout_has_ended(rollout))
		return false;
	switch (word) {
	case ROLLOUT_PAUSE:
		if (record->state != ROLLOUT_RUNNING)
			return false;
		enter_state(rollout, ROLLOUT_PAUSED, wall);
		return true;
	case ROLLOUT_RESUME:
		if (record->state == ROLLOUT_RUNNING)
			return false;
		if (record->state == ROLLOUT_HALTED)
			record->failures_forgiven = rollout->counts[ENTRY_FAILED];
		record->reason[0] = '\0';
		enter_state(rollout, ROLLOUT_RUNNING, wall);
		return true;
	case ROLLOUT_ABORT:
		enter_state(rollout, ROLLOUT_ABORTED, wall);
		return true;
	}
	return false;
}

/* ---- time ---- */

msec rollout_deadline(const struct rollouts *r)
{
	return deadlines_next(&r->deadlines);
}

bool rollout_due(struct rollouts *r, msec now, struct rollout_entry **ret)
{
	uint32_t slot;
	if (!deadlines_due(&r->deadlines, now, &slot))
		return false;
	*ret = &r->entries[slot];
	return true;
}
