/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the store has comes back into memory, record by record, before the server starts. */
#include "server/composer.h"

static bool load_denial(void *context, const struct denial *denial)
{
	struct server *s = context;
	return denials_put(&s->denials, denial);
}

static bool load_claim(void *context, const struct claim *claim)
{
	struct server *s = context;
	return claims_put(&s->claims, claim);
}

static bool load_device(void *context, const struct device_record *record)
{
	struct server *s = context;
	struct device *device = registry_put(&s->registry, record);
	if (device == NULL)
		return false;
	device->is_stored = true;
	return true;
}

/* A registration that ran out while we were away gets its grace once more: the device may be about to renew. */
static bool load_registration(void *context, const char *name, const struct registration *registration)
{
	struct server *s = context;
	struct device *device = registry_find(&s->registry, bytes_of_text(name));
	if (device == NULL || registration->location[0] == '\0')
		return false;
	/* A revocation that was killed before it came to this. */
	if (denials_find(&s->denials, bytes_of_text(name)) != NULL)
		return true;
	wall_msec expires_at = registration->renewed_at + SECONDS(registration->lifetime_s);
	msec now = s->loading_at, left = expires_at - server_wall(s, now);
	registry_register(&s->registry, device, registration, left > 0 ? msec_after(now, left) : now);
	return true;
}

/* Of a device that is not known any more there is nothing to keep. */
static bool load_key(void *context, const struct issued_key_record *record)
{
	struct server *s = context;
	struct device *device = registry_find(&s->registry, bytes_of_text(record->name));
	if (device != NULL)
		registry_keep_keys(&s->registry, device, &record->keys);
	return true;
}

static bool load_release(void *context, const struct release *release)
{
	struct server *s = context;
	return releases_add(&s->releases, release);
}

/* A rollout whose release is gone has ended long ago, or the release could not have been removed. */
static bool load_rollout(void *context, const struct rollout_record *record)
{
	static const struct release gone;
	struct server *s = context;
	uint32_t forgotten;
	const struct release *release = releases_find(&s->releases, bytes_of_text(record->release));
	return rollout_add(&s->rollouts, record, release == NULL ? &gone : release, &forgotten) != NULL;
}

static bool load_entry(void *context, const struct rollout_entry_record *record)
{
	struct server *s = context;
	struct rollout *rollout = rollout_find(&s->rollouts, record->rollout);
	const struct device *device = registry_find(&s->registry, bytes_of_text(record->device));
	struct handle handle = device == NULL ? HANDLE_NONE : registry_handle(&s->registry, device);
	return rollout != NULL && rollout_load_entry(&s->rollouts, rollout, handle, record, s->loading_at);
}

static bool load_order(void *context, const struct order_record *record)
{
	return ordering_load(context, record);
}

static bool load_event(void *context, const struct event *event)
{
	struct server *s = context;
	return events_load(&s->events, event);
}

struct store_visitor server_visitor(struct server *s, msec now)
{
	s->loading_at = now;
	return (struct store_visitor){.context = s,
		.denial = load_denial,
		.claim = load_claim,
		.device = load_device,
		.registration = load_registration,
		.key = load_key,
		.release = load_release,
		.rollout = load_rollout,
		.entry = load_entry,
		.order = load_order,
		.event = load_event};
}
