/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What operators look at: the composer's memory, read only. */
#include "server/composer.h"

#include "server/label.h"

/* ---- devices ---- */

const struct device *server_device_next(const struct server *s, uint32_t *cursor)
{
	return registry_next(&s->registry, cursor);
}

const struct device *server_device_find(const struct server *s, struct bytes name)
{
	return registry_find(&s->registry, name);
}

const struct device *server_device_get(const struct server *s, struct handle device)
{
	return registry_get(&s->registry, device);
}

wall_msec server_device_expires_at(const struct server *s, const struct device *device)
{
	(void)s;
	if (!device_is_registered(device))
		return 0;
	return device->registration.renewed_at + SECONDS(device->registration.lifetime_s);
}

uint32_t server_device_operations(const struct server *s, const struct device *device)
{
	return queue_count(&s->queue, registry_handle(&s->registry, device).slot);
}

static void choose(const struct device_object *listed, uint8_t minor, struct model *model, struct model_choice *choices)
{
	struct model_choice choice = {listed->object, listed->major, listed->minor};
	if (listed->major == 0)
		choice = model_choice_of(listed->object, minor);
	for (size_t i = 0; i < model->choice_count; i++)
		if (choices[i].object == listed->object) {
			if (listed->major != 0)
				choices[i] = choice;
			return;
		}
	choices[model->choice_count++] = choice;
}

void server_set_model(struct server *s, const struct model *model)
{
	s->config.model = model;
}

struct model server_device_model(
	const struct server *s, const struct device *device, struct model_choice choices[DEVICE_OBJECTS_MAX])
{
	const struct kept_registration *r = &device->registration;
	struct model model = *s->config.model;
	model.choices = choices;
	model.choice_count = 0;
	for (unsigned i = 0; i < r->object_count; i++)
		choose(&r->objects[i], r->minor, &model, choices);
	return model;
}

/* ---- releases and artifacts ---- */

const struct release *server_release_next(const struct server *s, uint32_t *cursor)
{
	return *cursor < s->releases.count ? &s->releases.items[(*cursor)++] : NULL;
}

const struct release *server_release_find(const struct server *s, struct bytes name)
{
	return releases_find(&s->releases, name);
}

bool server_artifact_next(const struct server *s, uint64_t *cursor, struct artifact *ret)
{
	return s->ports.artifacts.next(s->ports.artifacts.context, cursor, ret);
}

/* ---- rollouts ---- */

const struct rollout *server_rollout_next(const struct server *s, uint32_t *cursor)
{
	while (*cursor < s->rollouts.count) {
		const struct rollout *rollout = &s->rollouts.items[(*cursor)++];
		if (!rollout->is_starting)
			return rollout;
	}
	return NULL;
}

const struct rollout *server_rollout_find(const struct server *s, uint32_t number)
{
	const struct rollout *rollout = rollout_find(&s->rollouts, number);
	return rollout != NULL && !rollout->is_starting ? rollout : NULL;
}

/* From DOWNLOADED on the device has all of it, unless it ended before. */
static uint64_t bytes_of_entry(
	const struct rollout *rollout, const struct rollout_entry *entry, const struct device *device, bool is_held)
{
	switch ((enum entry_state)entry->state) {
	case ENTRY_DOWNLOADED:
	case ENTRY_INSTALLING:
	case ENTRY_CONFIRMING:
	case ENTRY_CONFIRMED:
		return rollout->image_size;
	case ENTRY_OFFERED:
	case ENTRY_DOWNLOADING:
		return is_held ? device->firmware.served_bytes : 0;
	case ENTRY_PENDING:
	case ENTRY_WAITING:
	case ENTRY_FAILED:
	case ENTRY_SKIPPED:
	case ENTRY_STATE_COUNT:
		break;
	}
	return 0;
}

bool server_rollout_view_next(
	const struct server *s, const struct rollout *rollout, uint32_t *cursor, struct rollout_view *ret)
{
	const struct rollout_entry *entry = rollout_next(&s->rollouts, rollout, cursor);
	if (entry == NULL)
		return false;
	const struct device *device = handle_is_none(entry->device) ? NULL : registry_get(&s->registry, entry->device);
	bool is_held = device != NULL && device->rollout_entry == rollout_slot(&s->rollouts, entry) + 1;
	struct writer why = writer_of(ret->why, sizeof ret->why - 1);
	rollout_write_why(&why, &s->rollouts, entry);
	label_end(ret->why, sizeof ret->why, &why);
	ret->entry = entry;
	ret->device = device;
	ret->bytes = bytes_of_entry(rollout, entry, device, is_held);
	ret->total = rollout->image_size;
	return true;
}

struct rollout_entry_record rollout_entry_record_of(const struct server *s, const struct rollout_entry *entry)
{
	struct rollout_entry_record record = {.rollout = rollout_of(&s->rollouts, entry)->record.number,
		.wave = entry->wave,
		.tries = entry->tries,
		.code = entry->code,
		.state = (enum entry_state)entry->state,
		.reason = (enum entry_reason)entry->reason,
		.since = entry->since};
	memcpy(record.device, entry->name, sizeof record.device);
	return record;
}

/* ---- events and updates ---- */

const struct event *server_event_after(const struct server *s, uint64_t after)
{
	uint64_t oldest = events_oldest(&s->events);
	if (oldest == 0)
		return NULL;
	return events_find(&s->events, after + 1 > oldest ? after + 1 : oldest);
}

uint64_t server_event_newest(const struct server *s)
{
	return s->events.stored;
}

const struct server_update *server_update_after(const struct server *s, uint64_t after)
{
	uint64_t kept = s->config.updates;
	uint64_t oldest = s->newest_update > kept ? s->newest_update - kept + 1 : 1;
	uint64_t number = after + 1 > oldest ? after + 1 : oldest;
	return number > s->newest_update ? NULL : &s->updates[(number - 1) % kept];
}

uint64_t server_update_newest(const struct server *s)
{
	return s->newest_update;
}

/* ---- figures ---- */

const char *server_reason(const struct server *s)
{
	return s->reason;
}

const struct server_counters *server_counters(const struct server *s)
{
	return &s->counters;
}

bool server_association_counters(const struct server *s, struct association_counters *ret)
{
	const struct association_port *port = &s->associations;
	*ret = (struct association_counters){0};
	if (port->counters == NULL)
		return false;
	port->counters(port->context, ret);
	ret->path_pings = coap_endpoint_counters(s->endpoint)->path_pings;
	ret->path_echoes = coap_endpoint_counters(s->endpoint)->path_echoes;
	return true;
}

struct server_gauges server_gauges(const struct server *s)
{
	return (struct server_gauges){.devices = s->registry.slab.used,
		.registered = s->registry.registered,
		.connected = s->registry.connected,
		.operations = s->queue.slab.used,
		.batches_under_way = s->pending_slab.used,
		.devices_capacity = s->config.devices};
}

const char *server_result_text(enum server_result result)
{
	static const char *const texts[] = {
		[SERVER_ACCEPTED] = "accepted",
		[SERVER_DONE] = "done",
		[SERVER_STORE_FAILED] = "the store could not keep it; nothing was changed",
		[SERVER_BUSY] = "too much is under way, try again",
		[SERVER_FULL] = "no room for more",
		[SERVER_BAD_NAME] = "not a usable name",
		[SERVER_BAD_MANIFEST] = "the manifest is refused",
		[SERVER_NO_VERSION] = "the manifest does not say which version the image is",
		[SERVER_FOREIGN_URI] = "the manifest's URI is not /a/<digest of the image>",
		[SERVER_NO_IMAGE] = "the manifest's image has not been uploaded, or has another size",
		[SERVER_NO_RELEASE] = "no such release",
		[SERVER_NO_ROLLOUT] = "no such rollout",
		[SERVER_NO_DEVICE] = "no such device",
		[SERVER_NONE_SELECTED] = "the selection holds no device",
		[SERVER_NO_CLAIM] = "no such claim",
		[SERVER_NO_ENROLMENT] = "no enrolment of this name waits",
		[SERVER_NOT_REVOKED] = "this is not revoked",
		[SERVER_EXISTS] = "a release of this name or with this manifest is there already",
		[SERVER_IN_USE] = "a rollout that has not ended needs it",
		[SERVER_WRONG_STATE] = "the rollout does not take this word now",
		[SERVER_BAD_PLAN] = "the plan of waves is not usable",
		[SERVER_ARTIFACT] = "the upload failed",
		[SERVER_NOT_REGISTERED] = "the device is not registered",
		[SERVER_BAD_ERRAND] = "the device would refuse this",
		[SERVER_NO_WATCH] = "there is no such observation",
		[SERVER_NO_ORDER] = "there is no such request, or it is not kept any more",
		[SERVER_NOT_WAITING] = "the request does not wait any more",
		[SERVER_UNSUPPORTED] = "the device speaks a version of LwM2M that has no such operation",
		[SERVER_UNUSABLE] = "the device's answer is too large, or cannot be used",
		[SERVER_NO_ANSWER] = "the device did not answer in time",
	};
	return (size_t)result < sizeof texts / sizeof *texts ? texts[result] : "unknown";
}
