/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What operators ask for. A command is checked, its change goes to the store, and when that lasts it takes effect in
 * memory and its event goes to the store as well; only then the operator is told. A rollout that is being started is in
 * memory already, because its entries are what is stored, but nobody sees or acts on it until it lasts. */
#include "server/composer.h"

#include "server/label.h"

#include <assert.h>

/* ---- the common way ---- */

static struct pending *begin(struct server *s, enum pending_kind kind, const struct server_ask *ask)
{
	s->reason[0] = '\0';
	struct pending *p = s->is_stopping ? NULL : pending_begin(s, kind);
	if (p == NULL)
		return NULL;
	p->token = ask->token;
	label_cut(p->actor, sizeof p->actor, bytes_of_text(ask->actor));
	return p;
}

static void add(struct server *s, const struct store_change *change)
{
	s->ports.store.add(s->ports.store.context, change);
}

static enum server_result commit(struct server *s, struct pending *p, msec now)
{
	return pending_commit(s, p, now) ? SERVER_ACCEPTED : SERVER_BUSY;
}

static enum server_result refuse(struct server *s, enum server_result result, struct bytes why)
{
	label_cut(s->reason, sizeof s->reason, why);
	return result;
}

static void tell(struct server *s, const struct server_done *done, msec now)
{
	if (s->ports.done != NULL)
		s->ports.done(s->ports.done_context, done, now);
}

static void fail(struct server *s, const struct pending *p, enum server_result result, msec now)
{
	struct server_done done = {.token = p->token, .result = result};
	tell(s, &done, now);
}

/* The change lasts and has taken effect: its event, and then the operator. */
static void conclude(
	struct server *s, const struct pending *p, struct note *note, const struct server_done *what, msec now)
{
	struct server_done done = *what;
	note->actor = p->actor;
	done.token = p->token;
	done.result = SERVER_DONE;
	server_note(s, note, now);
	struct pending *audit = pending_begin(s, PENDING_AUDIT);
	if (audit == NULL) {
		tell(s, &done, now);
		return;
	}
	audit->token = p->token;
	audit->done = done;
	if (!pending_commit(s, audit, now))
		tell(s, &done, now);
}

/* ---- uploads ---- */

enum artifact_result server_upload_begin(struct server *s, uint64_t size, const uint8_t *digest, struct handle *ret)
{
	if (s->is_stopping)
		return ARTIFACT_BUSY;
	return s->ports.artifacts.begin(s->ports.artifacts.context, size, digest, ret);
}

enum artifact_result server_upload_append(struct server *s, struct handle upload, struct bytes data)
{
	return s->ports.artifacts.append(s->ports.artifacts.context, upload, data);
}

void server_upload_cancel(struct server *s, struct handle upload)
{
	s->ports.artifacts.cancel(s->ports.artifacts.context, upload);
}

enum server_result server_upload_finish(struct server *s, struct handle upload, const struct server_ask *ask, msec now)
{
	struct pending *p = begin(s, PENDING_UPLOAD, ask);
	(void)now;
	if (p == NULL)
		return SERVER_BUSY;
	pending_detach(s);
	enum artifact_result result =
		s->ports.artifacts.finish(s->ports.artifacts.context, upload, pending_ticket(s, p));
	if (result == ARTIFACT_DONE)
		return SERVER_ACCEPTED;
	pending_give(s, p);
	return refuse(s, SERVER_ARTIFACT, bytes_of_text(artifact_result_text(result)));
}

void command_uploaded(struct server *s, const struct pending *p, enum artifact_result result,
	const struct artifact *artifact, msec now)
{
	char name[ARTIFACT_NAME_BYTES + 1];
	struct server_done done = {.token = p->token, .result = SERVER_ARTIFACT, .artifact = result};
	struct note note = {.type = EVENT_ARTIFACT_ADDED, .detail = name};
	if (result != ARTIFACT_DONE) {
		label_cut(s->reason, sizeof s->reason, bytes_of_text(artifact_result_text(result)));
		tell(s, &done, now);
		return;
	}
	struct writer w = writer_of(name, ARTIFACT_NAME_BYTES);
	artifact_write_name(&w, artifact->digest);
	name[ARTIFACT_NAME_BYTES] = '\0';
	done.stored = *artifact;
	conclude(s, p, &note, &done, now);
}

/* ---- releases ---- */

static enum server_result result_of(enum release_verdict verdict)
{
	switch (verdict) {
	case RELEASE_GOOD:
		return SERVER_ACCEPTED;
	case RELEASE_BAD_NAME:
		return SERVER_BAD_NAME;
	case RELEASE_BAD_MANIFEST:
		return SERVER_BAD_MANIFEST;
	case RELEASE_NO_VERSION:
		return SERVER_NO_VERSION;
	case RELEASE_FOREIGN_URI:
		return SERVER_FOREIGN_URI;
	}
	return SERVER_BAD_MANIFEST;
}

static enum server_result check_release(struct server *s, const struct release *release)
{
	struct artifact image;
	if (s->releases.count == s->releases.capacity)
		return SERVER_FULL;
	if (releases_find(&s->releases, bytes_of_text(release->name)) != NULL ||
		releases_find_manifest(&s->releases, release->manifest) != NULL)
		return SERVER_EXISTS;
	if (!s->ports.artifacts.find(s->ports.artifacts.context, release->image, &image) ||
		image.size != release->image_size)
		return SERVER_NO_IMAGE;
	return SERVER_ACCEPTED;
}

enum server_result server_release_add(
	struct server *s, struct bytes name, struct bytes envelope, const struct server_ask *ask, msec now)
{
	enum manifest_reason reason = MANIFEST_GOOD;
	if (s->is_adding_release)
		return refuse(s, SERVER_BUSY, BYTES_NONE);
	enum release_verdict verdict =
		release_read(s->incoming, name, envelope, s->ports.hash, s->ports.anchors, &reason);
	if (verdict != RELEASE_GOOD)
		return refuse(s, result_of(verdict),
			verdict == RELEASE_BAD_MANIFEST ? bytes_of_text(manifest_reason_text(reason)) : BYTES_NONE);
	enum server_result result = check_release(s, s->incoming);
	if (result != SERVER_ACCEPTED)
		return refuse(s, result, BYTES_NONE);
	struct pending *p = begin(s, PENDING_RELEASE_ADD, ask);
	if (p == NULL)
		return SERVER_BUSY;
	s->incoming->added_at = server_wall(s, now);
	struct store_change change = {.type = STORE_RELEASE_PUT, .release = s->incoming};
	add(s, &change);
	result = commit(s, p, now);
	s->is_adding_release = result == SERVER_ACCEPTED;
	return result;
}

static void release_added(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct note note = {.type = EVENT_RELEASE_ADDED, .detail = s->incoming->name};
	struct server_done done = {.token = p->token};
	s->is_adding_release = false;
	if (!ok) {
		fail(s, p, SERVER_STORE_FAILED, now);
		return;
	}
	bool added = releases_add(&s->releases, s->incoming);
	assert(added);
	conclude(s, p, &note, &done, now);
}

static bool is_in_use(const struct server *s, const char *release)
{
	for (uint32_t i = 0; i < s->rollouts.count; i++) {
		const struct rollout *rollout = &s->rollouts.items[i];
		bool installs = rollout->counts[ENTRY_INSTALLING] + rollout->counts[ENTRY_CONFIRMING] > 0;
		if ((!rollout_has_ended(rollout) || installs) &&
			bytes_equal_text(bytes_of_text(rollout->record.release), release))
			return true;
	}
	return false;
}

enum server_result server_release_remove(struct server *s, struct bytes name, const struct server_ask *ask, msec now)
{
	const struct release *release = releases_find(&s->releases, name);
	if (release == NULL)
		return refuse(s, SERVER_NO_RELEASE, name);
	if (is_in_use(s, release->name))
		return refuse(s, SERVER_IN_USE, BYTES_NONE);
	struct pending *p = begin(s, PENDING_RELEASE_REMOVE, ask);
	if (p == NULL)
		return SERVER_BUSY;
	memcpy(p->name, release->name, sizeof p->name);
	struct store_change change = {.type = STORE_RELEASE_REMOVE, .name = p->name};
	add(s, &change);
	return commit(s, p, now);
}

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
				return refuse(s, SERVER_NO_DEVICE, selection->names[count]);
	} else {
		for (uint32_t cursor = 0; (device = registry_next(&s->registry, &cursor)) != NULL;)
			count += is_selected(device, selection);
	}
	*ret = count;
	return count > 0 ? SERVER_ACCEPTED : refuse(s, SERVER_NONE_SELECTED, BYTES_NONE);
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

static bool is_usable(const struct rollout_plan *plan)
{
	uint32_t percent = 0;
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
		add(s, &remove);
	}
	add(s, &put);
	for (uint32_t cursor = 0; (entry = rollout_next(&s->rollouts, rollout, &cursor)) != NULL;) {
		struct rollout_entry_record record = rollout_entry_record_of(s, entry);
		struct store_change change = {.type = STORE_ENTRY_PUT, .entry = &record};
		add(s, &change);
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
	uint32_t count, forgotten;
	if (release == NULL)
		return refuse(s, SERVER_NO_RELEASE, release_name);
	plan = plan == NULL ? &rollout_plan_default : plan;
	if (!is_usable(plan))
		return refuse(s, SERVER_BAD_PLAN, BYTES_NONE);
	enum server_result result = count_selected(s, selection, &count);
	if (result != SERVER_ACCEPTED)
		return result;
	if (!rollout_has_room(&s->rollouts, count))
		return refuse(s, SERVER_FULL, bytes_of_text("too many devices in rollouts"));
	struct rollout *rollout = make_rollout(s, release, selection, plan, ask, &forgotten, now);
	if (rollout == NULL)
		return refuse(s, SERVER_FULL, bytes_of_text("too many rollouts that have not ended"));
	struct pending *p = begin(s, PENDING_ROLLOUT_START, ask);
	if (p == NULL) {
		rollout_remove(&s->rollouts, rollout);
		return SERVER_BUSY;
	}
	p->rollout = rollout->record.number;
	add_rollout_changes(s, rollout, forgotten);
	result = commit(s, p, now);
	if (result != SERVER_ACCEPTED)
		rollout_remove(&s->rollouts, rollout);
	return result;
}

static void rollout_started(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct rollout *rollout = rollout_find(&s->rollouts, p->rollout);
	char detail[EVENT_DETAIL_MAX + 1];
	struct note note = {.type = EVENT_ROLLOUT_STARTED, .rollout = p->rollout, .detail = detail};
	struct server_done done = {.token = p->token, .rollout = p->rollout};
	assert(rollout != NULL && rollout->is_starting);
	if (!ok) {
		rollout_remove(&s->rollouts, rollout);
		fail(s, p, SERVER_STORE_FAILED, now);
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
	conclude(s, p, &note, &done, now);
	campaign_changed(s, rollout, now);
}

/* ---- an operator's word ---- */

enum server_result server_rollout_command(
	struct server *s, uint32_t number, enum rollout_word word, const struct server_ask *ask, msec now)
{
	const struct rollout *rollout = server_rollout_find(s, number);
	if (rollout == NULL)
		return refuse(s, SERVER_NO_ROLLOUT, BYTES_NONE);
	struct rollout draft = *rollout;
	if (!rollout_command(&draft, word, server_wall(s, now)))
		return refuse(s, SERVER_WRONG_STATE, bytes_of_text(rollout_state_name(rollout->record.state)));
	struct pending *p = begin(s, PENDING_ROLLOUT_WORD, ask);
	if (p == NULL)
		return SERVER_BUSY;
	p->rollout = number;
	p->word = word;
	struct store_change change = {.type = STORE_ROLLOUT_PUT, .rollout = &draft.record};
	add(s, &change);
	return commit(s, p, now);
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

static void word_stored(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct rollout *rollout = rollout_find(&s->rollouts, p->rollout);
	struct note note = {.type = event_of_word(p->word), .rollout = p->rollout};
	struct server_done done = {.token = p->token, .rollout = p->rollout};
	if (rollout == NULL || !ok) {
		fail(s, p, ok ? SERVER_NO_ROLLOUT : SERVER_STORE_FAILED, now);
		return;
	}
	bool is_taken = rollout_command(rollout, p->word, server_wall(s, now));
	/* Also when the rollout has moved on meanwhile and does not take the word any more: the store must follow. */
	campaign_changed(s, rollout, now);
	if (!is_taken) {
		fail(s, p, SERVER_WRONG_STATE, now);
		return;
	}
	conclude(s, p, &note, &done, now);
	campaign_rollout_event(s, rollout, p->word == ROLLOUT_ABORT ? ENTRY_EVENT_ABORT : ENTRY_EVENT_LOOK, now);
}

/* ---- devices ---- */

enum server_result server_device_remove(struct server *s, struct bytes name, const struct server_ask *ask, msec now)
{
	const struct device *device = registry_find(&s->registry, name);
	if (device == NULL)
		return refuse(s, SERVER_NO_DEVICE, name);
	struct pending *p = begin(s, PENDING_DEVICE_REMOVE, ask);
	if (p == NULL)
		return SERVER_BUSY;
	p->device = registry_handle(&s->registry, device);
	struct store_change change = {.type = STORE_DEVICE_REMOVE, .name = device->record.name};
	add(s, &change);
	return commit(s, p, now);
}

static void device_removed(struct server *s, const struct pending *p, struct device *device, msec now)
{
	char name[DEVICE_NAME_MAX + 1];
	struct note note = {.type = EVENT_DEVICE_REMOVED, .device = name};
	struct server_done done = {.token = p->token};
	memcpy(name, device->record.name, sizeof name);
	conduct_forget(s, device, now);
	campaign_device_removed(s, p->device, now);
	registry_remove(&s->registry, device);
	conclude(s, p, &note, &done, now);
}

static bool are_tags(struct bytes text)
{
	while (text.len > 0) {
		const uint8_t *space = memchr(text.data, ' ', text.len);
		size_t len = space == NULL ? text.len : (size_t)(space - text.data);
		if (!label_is_name(bytes_first(text, len)) || len + 1 == text.len)
			return false;
		text = bytes_from(text, len + 1);
	}
	return true;
}

enum server_result server_device_tag(
	struct server *s, struct bytes name, struct bytes tags, const struct server_ask *ask, msec now)
{
	const struct device *device = registry_find(&s->registry, name);
	if (device == NULL)
		return refuse(s, SERVER_NO_DEVICE, name);
	if (tags.len > DEVICE_TAGS_MAX || !are_tags(tags))
		return refuse(s, SERVER_BAD_NAME, bytes_of_text("tags are words with single spaces between them"));
	struct pending *p = begin(s, PENDING_DEVICE_TAG, ask);
	if (p == NULL)
		return SERVER_BUSY;
	p->device = registry_handle(&s->registry, device);
	p->record = device->record;
	label_cut(p->record.tags, sizeof p->record.tags, tags);
	struct store_change change = {.type = STORE_DEVICE_PUT, .device = &p->record};
	add(s, &change);
	return commit(s, p, now);
}

static void device_tagged(struct server *s, const struct pending *p, struct device *device, msec now)
{
	struct note note = {.type = EVENT_DEVICE_TAGGED, .device = device->record.name, .detail = device->record.tags};
	struct server_done done = {.token = p->token};
	memcpy(device->record.tags, p->record.tags, sizeof device->record.tags);
	device->is_stored = true;
	/* What the device told meanwhile is in memory, but not in the record that was stored. */
	if (memcmp(&device->record, &p->record, sizeof p->record) != 0)
		pending_save_device(s, device, now);
	server_update(s, UPDATE_DEVICE, device, 0, now);
	conclude(s, p, &note, &done, now);
}

static void device_stored(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct device *device = registry_get(&s->registry, p->device);
	if (!ok || device == NULL)
		fail(s, p, ok ? SERVER_NO_DEVICE : SERVER_STORE_FAILED, now);
	else if (p->kind == PENDING_DEVICE_REMOVE)
		device_removed(s, p, device, now);
	else
		device_tagged(s, p, device, now);
}

/* ---- the audit log ---- */

enum server_result server_audit(
	struct server *s, enum event_type type, const char *detail, const struct server_ask *ask, msec now)
{
	struct note note = {.type = type, .actor = ask->actor, .detail = detail};
	struct pending *p = begin(s, PENDING_AUDIT, ask);
	if (p == NULL)
		return SERVER_BUSY;
	p->done = (struct server_done){.token = ask->token, .result = SERVER_DONE};
	server_note(s, &note, now);
	return commit(s, p, now);
}

/* ---- the store has spoken ---- */

static void release_removed(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct note note = {.type = EVENT_RELEASE_REMOVED, .detail = p->name};
	struct server_done done = {.token = p->token};
	if (!ok) {
		fail(s, p, SERVER_STORE_FAILED, now);
		return;
	}
	(void)releases_remove(&s->releases, bytes_of_text(p->name));
	conclude(s, p, &note, &done, now);
}

void command_stored(struct server *s, const struct pending *p, bool ok, msec now)
{
	switch (p->kind) {
	case PENDING_RELEASE_ADD:
		release_added(s, p, ok, now);
		break;
	case PENDING_RELEASE_REMOVE:
		release_removed(s, p, ok, now);
		break;
	case PENDING_ROLLOUT_START:
		rollout_started(s, p, ok, now);
		break;
	case PENDING_ROLLOUT_WORD:
		word_stored(s, p, ok, now);
		break;
	case PENDING_DEVICE_REMOVE:
	case PENDING_DEVICE_TAG:
		device_stored(s, p, ok, now);
		break;
	case PENDING_AUDIT:
		/* Events that the store refused go again by themselves; what was commanded lasts already. */
		tell(s, &p->done, now);
		break;
	case PENDING_RECORD:
	case PENDING_REGISTER:
	case PENDING_UPDATE:
	case PENDING_DEREGISTER:
	case PENDING_CAMPAIGN:
	case PENDING_UPLOAD:
		break;
	}
}
