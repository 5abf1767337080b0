/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What operators ask for. A command is checked, its change goes to the store, and when that lasts it takes effect in
 * memory and its event goes to the store as well; only then the operator is told. Rollouts are in command_rollout.c. */
#include "server/composer.h"

#include "server/label.h"

#include <assert.h>

/* ---- the common way ---- */

struct pending *command_begin(struct server *s, enum pending_kind kind, const struct server_ask *ask)
{
	s->reason[0] = '\0';
	struct pending *p = s->is_stopping ? NULL : pending_begin(s, kind);
	if (p == NULL)
		return NULL;
	p->token = ask->token;
	label_cut(p->actor, sizeof p->actor, bytes_of_text(ask->actor));
	return p;
}

void command_add(struct server *s, const struct store_change *change)
{
	s->ports.store.add(s->ports.store.context, change);
}

enum server_result command_commit(struct server *s, struct pending *p, msec now)
{
	return pending_commit(s, p, now) ? SERVER_ACCEPTED : SERVER_BUSY;
}

enum server_result command_refuse(struct server *s, enum server_result result, struct bytes why)
{
	label_cut(s->reason, sizeof s->reason, why);
	return result;
}

static void tell(struct server *s, const struct server_done *done, msec now)
{
	if (s->ports.done != NULL)
		s->ports.done(s->ports.done_context, done, now);
}

void command_fail(struct server *s, const struct pending *p, enum server_result result, msec now)
{
	struct server_done done = {.token = p->token, .result = result};
	tell(s, &done, now);
}

/* The change lasts and has taken effect: its event, and then the operator. */
void command_conclude(
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

enum server_result server_upload_finish(
	struct server *s, struct handle upload, const struct server_ask *ask, msec now, enum artifact_result *ret_why)
{
	struct pending *p = command_begin(s, PENDING_UPLOAD, ask);
	(void)now;
	if (p == NULL)
		return SERVER_BUSY;
	pending_detach(s);
	*ret_why = s->ports.artifacts.finish(s->ports.artifacts.context, upload, pending_ticket(s, p));
	if (*ret_why == ARTIFACT_DONE)
		return SERVER_ACCEPTED;
	pending_give(s, p);
	return command_refuse(s, SERVER_ARTIFACT, bytes_of_text(artifact_result_text(*ret_why)));
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
	command_conclude(s, p, &note, &done, now);
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
		return command_refuse(s, SERVER_BUSY, BYTES_NONE);
	enum release_verdict verdict =
		release_read(s->incoming, name, envelope, s->ports.hash, s->ports.anchors, &reason);
	if (verdict != RELEASE_GOOD)
		return command_refuse(s, result_of(verdict),
			verdict == RELEASE_BAD_MANIFEST ? bytes_of_text(manifest_reason_text(reason)) : BYTES_NONE);
	enum server_result result = check_release(s, s->incoming);
	if (result != SERVER_ACCEPTED)
		return command_refuse(s, result, BYTES_NONE);
	struct pending *p = command_begin(s, PENDING_RELEASE_ADD, ask);
	if (p == NULL)
		return SERVER_BUSY;
	s->incoming->added_at = server_wall(s, now);
	struct store_change change = {.type = STORE_RELEASE_PUT, .release = s->incoming};
	command_add(s, &change);
	result = command_commit(s, p, now);
	s->is_adding_release = result == SERVER_ACCEPTED;
	return result;
}

static void release_added(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct note note = {.type = EVENT_RELEASE_ADDED, .detail = s->incoming->name};
	struct server_done done = {.token = p->token};
	s->is_adding_release = false;
	if (!ok) {
		command_fail(s, p, SERVER_STORE_FAILED, now);
		return;
	}
	bool added = releases_add(&s->releases, s->incoming);
	assert(added);
	command_conclude(s, p, &note, &done, now);
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
		return command_refuse(s, SERVER_NO_RELEASE, name);
	if (is_in_use(s, release->name))
		return command_refuse(s, SERVER_IN_USE, BYTES_NONE);
	struct pending *p = command_begin(s, PENDING_RELEASE_REMOVE, ask);
	if (p == NULL)
		return SERVER_BUSY;
	memcpy(p->name, release->name, sizeof p->name);
	struct store_change change = {.type = STORE_RELEASE_REMOVE, .name = p->name};
	command_add(s, &change);
	return command_commit(s, p, now);
}

/* ---- devices ---- */

enum server_result server_device_remove(struct server *s, struct bytes name, const struct server_ask *ask, msec now)
{
	const struct device *device = registry_find(&s->registry, name);
	if (device == NULL)
		return command_refuse(s, SERVER_NO_DEVICE, name);
	struct pending *p = command_begin(s, PENDING_DEVICE_REMOVE, ask);
	if (p == NULL)
		return SERVER_BUSY;
	p->device = registry_handle(&s->registry, device);
	struct store_change change = {.type = STORE_DEVICE_REMOVE, .name = device->record.name};
	command_add(s, &change);
	return command_commit(s, p, now);
}

static void device_removed(struct server *s, const struct pending *p, struct device *device, msec now)
{
	char name[DEVICE_NAME_MAX + 1];
	struct note note = {.type = EVENT_DEVICE_REMOVED, .device = name};
	struct server_done done = {.token = p->token};
	label_cut(name, sizeof name, bytes_of_text(device->record.name));
	ordering_forget(s, device);
	conduct_forget(s, device, now);
	watches_forget(s, device, now);
	campaign_device_removed(s, p->device, now);
	server_forget_history(s, device);
	registry_remove(&s->registry, device);
	command_conclude(s, p, &note, &done, now);
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
		return command_refuse(s, SERVER_NO_DEVICE, name);
	if (tags.len > DEVICE_TAGS_MAX || !are_tags(tags))
		return command_refuse(
			s, SERVER_BAD_NAME, bytes_of_text("tags are words with single spaces between them"));
	struct pending *p = command_begin(s, PENDING_DEVICE_TAG, ask);
	if (p == NULL)
		return SERVER_BUSY;
	p->device = registry_handle(&s->registry, device);
	p->record = device_record(device);
	label_cut(p->record.tags, sizeof p->record.tags, tags);
	struct store_change change = {.type = STORE_DEVICE_PUT, .device = &p->record};
	command_add(s, &change);
	return command_commit(s, p, now);
}

static void device_tagged(struct server *s, const struct pending *p, struct device *device, msec now)
{
	struct device_record record = device_record(device);
	struct server_done done = {.token = p->token};
	memcpy(record.tags, p->record.tags, sizeof record.tags);
	registry_keep_record(&s->registry, device, &record);
	struct note note = {.type = EVENT_DEVICE_TAGGED, .device = device->record.name, .detail = device->record.tags};
	device->is_stored = true;
	/* What the device told meanwhile is in memory, but not in the record that was stored. */
	/* NOLINTNEXTLINE: padding that differs would at worst store the same record again */
	if (memcmp(&record, &p->record, sizeof p->record) != 0)
		pending_save_device(s, device, now);
	server_update(s, UPDATE_DEVICE, device, 0, now);
	command_conclude(s, p, &note, &done, now);
}

static void device_stored(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct device *device = registry_get(&s->registry, p->device);
	if (!ok || device == NULL)
		command_fail(s, p, ok ? SERVER_NO_DEVICE : SERVER_STORE_FAILED, now);
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
	struct pending *p = command_begin(s, PENDING_AUDIT, ask);
	if (p == NULL)
		return SERVER_BUSY;
	p->done = (struct server_done){.token = ask->token, .result = SERVER_DONE};
	server_note(s, &note, now);
	return command_commit(s, p, now);
}

/* ---- the store has spoken ---- */

static void release_removed(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct note note = {.type = EVENT_RELEASE_REMOVED, .detail = p->name};
	struct server_done done = {.token = p->token};
	if (!ok) {
		command_fail(s, p, SERVER_STORE_FAILED, now);
		return;
	}
	(void)releases_remove(&s->releases, bytes_of_text(p->name));
	command_conclude(s, p, &note, &done, now);
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
		command_rollout_started(s, p, ok, now);
		break;
	case PENDING_ROLLOUT_WORD:
		command_word_stored(s, p, ok, now);
		break;
	case PENDING_DEVICE_REMOVE:
	case PENDING_DEVICE_TAG:
		device_stored(s, p, ok, now);
		break;
	case PENDING_AUDIT:
		/* Events that the store refused go again by themselves; what was commanded lasts already. */
		tell(s, &p->done, now);
		break;
	case PENDING_CLAIM_CREATE:
	case PENDING_CLAIM_REMOVE:
	case PENDING_REVOKE:
	case PENDING_RESTORE:
	case PENDING_RECORD:
	case PENDING_REGISTER:
	case PENDING_UPDATE:
	case PENDING_DEREGISTER:
	case PENDING_ISSUE:
	case PENDING_KEY:
	case PENDING_KEY_FORGET:
	case PENDING_CAMPAIGN:
	case PENDING_UPLOAD:
	case PENDING_ERRAND:
	case PENDING_ORDER_MAKE:
	case PENDING_ORDER_BEGIN:
	case PENDING_ORDER_SAVE:
	case PENDING_ORDER_CANCEL:
		break;
	}
}
