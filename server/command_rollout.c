/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Starting rollouts, and an operator's word to one. A rollout that is being started is in memory already, because its
 * entries are what is stored, but nobody sees or acts on it until it lasts. */
#include "server/composer.h"

#include "server/label.h"

#include <assert.h>

/* ---- starting a rollout ---- */

static bool is_selected(const struct device *device, const struct server_selection *selection)
{
	switch (selection->kind) {
	case SELECTION_ALL:
		return device_is_registered(device);
	case SELECTION_MODEL:
		return device_is_registered(device) && bytes_equal_text(selection->text, device->record.model);
	case SELECTION_TAG:
		return device_has_tag(device, selection->text);
	case SELECTION_NAMES:
		break;
	}
	return false;
}

/* How many devices the selection holds; names must all be known, and none twice. */
static enum server_result count_selected(struct server *s, const struct server_selection *selection, uint32_t *ret)
{
	const struct device *device;
	uint32_t count = 0;
	if (selection->kind == SELECTION_NAMES) {
		for (count = 0; count < selection->name_count; count++)
			if (registry_find(&s->registry, selection->names[count]) == NULL)
				return command_refuse(s, SERVER_NO_DEVICE, selection->names[count]);
	} else {
		for (uint32_t cursor = 0; (device = registry_next(&s->registry, &cursor)) != NULL;)
			count += is_selected(device, selection);
	}
	*ret = count;
	return count > 0 ? SERVER_ACCEPTED : command_refuse(s, SERVER_NONE_SELECTED, BYTES_NONE);
}

static bool is_in_rollout(const struct server *s, const struct rollout *rollout, struct handle device)
{
	const struct rollout_entry *entry;
	for (uint32_t cursor = 0; (entry = rollout_next_of_device(&s->rollouts, device, &cursor)) != NULL;)
		if (rollout_of(&s->rollouts, entry) == rollout)
			return true;
	return false;
}

static void add_entry(struct server *s, struct rollout *rollout, const struct device *device)
{
	struct handle handle = registry_handle(&s->registry, device);
	if (is_in_rollout(s, rollout, handle))
		return;
	bool added = rollout_add_entry(&s->rollouts, rollout, handle, device->record.name);
	assert(added);
}

static void add_selected(struct server *s, struct rollout *rollout, const struct server_selection *selection)
{
	const struct device *device;
	if (selection->kind == SELECTION_NAMES) {
		for (uint32_t i = 0; i < selection->name_count; i++)
			add_entry(s, rollout, registry_find(&s->registry, selection->names[i]));
		return;
	}
	for (uint32_t cursor = 0; (device = registry_next(&s->registry, &cursor)) != NULL;)
		if (is_selected(device, selection))
			add_entry(s, rollout, device);
}

static void describe(struct rollout_record *record, const struct server_selection *selection)
{
	char text[ROLLOUT_SELECTION_MAX + 1];
	struct writer w = writer_of(text, sizeof text - 1);
	switch (selection->kind) {
	case SELECTION_ALL:
		write_text(&w, "all");
		break;
	case SELECTION_NAMES:
		write_decimal(&w, selection->name_count);
		write_text(&w, " named");
		break;
	case SELECTION_MODEL:
		write_text(&w, "model=");
		write_bytes(&w, selection->text);
		break;
	case SELECTION_TAG:
		write_text(&w, "tag=");
		write_bytes(&w, selection->text);
		break;
	}
	label_cut(record->selection, sizeof record->selection, writer_bytes(&w));
}

static bool is_usable(const struct rollout_plan *plan, const struct release *release)
{
	uint32_t percent = 0;
	bool is_pushed = plan->delivery == ROLLOUT_DELIVERY_PACKAGE || plan->delivery == ROLLOUT_DELIVERY_IMAGE;
	if (plan->delivery > ROLLOUT_DELIVERY_IMAGE || (is_pushed && !pushing_can(release)))
		return false;
	if (plan->wave_count > ROLLOUT_WAVES_MAX || (plan->failures_in_percent && plan->failures_allowed > 100))
		return false;
	for (unsigned i = 0; i < plan->wave_count; i++) {
		const struct rollout_wave *wave = &plan->waves[i];
		if (wave->size == 0 || (wave->is_percent && wave->size > 100))
			return false;
		percent += wave->is_percent ? wave->size : 0;
	}
	return percent <= 100;
}

static void add_rollout_changes(struct server *s, const struct rollout *rollout, uint32_t forgotten)
{
	struct store_change put = {.type = STORE_ROLLOUT_PUT, .rollout = &rollout->record};
	const struct rollout_entry *entry;
	if (forgotten != 0) {
		struct store_change remove = {.type = STORE_ROLLOUT_REMOVE, .number = forgotten};
		command_add(s, &remove);
	}
	command_add(s, &put);
	for (uint32_t cursor = 0; (entry = rollout_next(&s->rollouts, rollout, &cursor)) != NULL;) {
		struct rollout_entry_record record = rollout_entry_record_of(s, entry);
		struct store_change change = {.type = STORE_ENTRY_PUT, .entry = &record};
		command_add(s, &change);
	}
}

static struct rollout *make_rollout(struct server *s, const struct release *release,
	const struct server_selection *selection, const struct rollout_plan *plan, const struct server_ask *ask,
	uint32_t *ret_forgotten, msec now)
{
	struct rollout_record record = {.state = ROLLOUT_RUNNING, .plan = *plan};
	record.started_at = record.changed_at = server_wall(s, now);
	memcpy(record.release, release->name, sizeof record.release);
	label_cut(record.actor, sizeof record.actor, bytes_of_text(ask->actor));
	describe(&record, selection);
	struct rollout *rollout = rollout_add(&s->rollouts, &record, release, ret_forgotten);
	if (rollout == NULL)
		return NULL;
	rollout->is_starting = true;
	add_selected(s, rollout, selection);
	rollout_divide(&s->rollouts, rollout);
	return rollout;
}

enum server_result server_rollout_start(struct server *s, struct bytes release_name,
	const struct server_selection *selection, const struct rollout_plan *plan, const struct server_ask *ask,
	msec now)
{
	const struct release *release = releases_find(&s->releases, release_name);
	uint32_t count = 0, forgotten = 0;
	if (release == NULL)
		return command_refuse(s, SERVER_NO_RELEASE, release_name);
	plan = plan == NULL ? &rollout_plan_default : plan;
	if (!is_usable(plan, release))
		return command_refuse(s, SERVER_BAD_PLAN, BYTES_NONE);
	enum server_result result = count_selected(s, selection, &count);
	if (result != SERVER_ACCEPTED)
		return result;
	if (!rollout_has_room(&s->rollouts, count))
		return command_refuse(s, SERVER_FULL, bytes_of_text("too many devices in rollouts"));
	struct rollout *rollout = make_rollout(s, release, selection, plan, ask, &forgotten, now);
	if (rollout == NULL)
		return command_refuse(s, SERVER_FULL, bytes_of_text("too many rollouts that have not ended"));
	struct pending *p = command_begin(s, PENDING_ROLLOUT_START, ask);
	if (p == NULL) {
		rollout_remove(&s->rollouts, rollout);
		return SERVER_BUSY;
	}
	p->rollout = rollout->record.number;
	add_rollout_changes(s, rollout, forgotten);
	result = command_commit(s, p, now);
	if (result != SERVER_ACCEPTED)
		rollout_remove(&s->rollouts, rollout);
	return result;
}

void command_rollout_started(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct rollout *rollout = rollout_find(&s->rollouts, p->rollout);
	char detail[EVENT_DETAIL_MAX + 1];
	struct note note = {.type = EVENT_ROLLOUT_STARTED, .rollout = p->rollout, .detail = detail};
	struct server_done done = {.token = p->token, .rollout = p->rollout};
	assert(rollout != NULL && rollout->is_starting);
	if (!ok) {
		rollout_remove(&s->rollouts, rollout);
		command_fail(s, p, SERVER_STORE_FAILED, now);
		return;
	}
	rollout->is_starting = false;
	struct writer w = writer_of(detail, sizeof detail - 1);
	write_text(&w, rollout->record.release);
	write_text(&w, " to ");
	write_decimal(&w, rollout->total);
	write_text(&w, " devices, ");
	write_text(&w, rollout->record.selection);
	label_end(detail, sizeof detail, &w);
	command_conclude(s, p, &note, &done, now);
	campaign_changed(s, rollout, now);
}

/* ---- an operator's word ---- */

enum server_result server_rollout_command(
	struct server *s, uint32_t number, enum rollout_word word, const struct server_ask *ask, msec now)
{
	const struct rollout *rollout = server_rollout_find(s, number);
	if (rollout == NULL)
		return command_refuse(s, SERVER_NO_ROLLOUT, BYTES_NONE);
	struct rollout draft = *rollout;
	if (!rollout_command(&draft, word, server_wall(s, now)))
		return command_refuse(s, SERVER_WRONG_STATE, bytes_of_text(rollout_state_name(rollout->record.state)));
	struct pending *p = command_begin(s, PENDING_ROLLOUT_WORD, ask);
	if (p == NULL)
		return SERVER_BUSY;
	p->rollout = number;
	p->word = word;
	struct store_change change = {.type = STORE_ROLLOUT_PUT, .rollout = &draft.record};
	command_add(s, &change);
	return command_commit(s, p, now);
}

static enum event_type event_of_word(enum rollout_word word)
{
	switch (word) {
	case ROLLOUT_PAUSE:
		return EVENT_ROLLOUT_PAUSED;
	case ROLLOUT_RESUME:
		return EVENT_ROLLOUT_RESUMED;
	case ROLLOUT_ABORT:
		return EVENT_ROLLOUT_ABORTED;
	}
	return EVENT_ROLLOUT_PAUSED;
}

void command_word_stored(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct rollout *rollout = rollout_find(&s->rollouts, p->rollout);
	struct note note = {.type = event_of_word(p->word), .rollout = p->rollout};
	struct server_done done = {.token = p->token, .rollout = p->rollout};
	if (rollout == NULL || !ok) {
		command_fail(s, p, ok ? SERVER_NO_ROLLOUT : SERVER_STORE_FAILED, now);
		return;
	}
	bool is_taken = rollout_command(rollout, p->word, server_wall(s, now));
	/* Also when the rollout has moved on meanwhile and does not take the word any more: the store must follow. */
	campaign_changed(s, rollout, now);
	if (!is_taken) {
		command_fail(s, p, SERVER_WRONG_STATE, now);
		return;
	}
	command_conclude(s, p, &note, &done, now);
	campaign_rollout_event(s, rollout, p->word == ROLLOUT_ABORT ? ENTRY_EVENT_ABORT : ENTRY_EVENT_LOOK, now);
}
