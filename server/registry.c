/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A table of devices and three indexes over it. A device is in `by_name` while it is known, in `by_location` while it
 * is registered and in `by_remote` while it has an association; the functions at the top keep that so. */
#include "server/registry.h"

#include "coap/content_format.h"
#include "mgmt/registration.h"

#include <assert.h>

void registry_carve(struct registry *r, struct carve *c, uint32_t capacity, uint64_t seed)
{
	r->devices = carve_take(c, capacity, sizeof *r->devices);
	slab_carve(&r->slab, c, capacity);
	hash_index_carve(&r->by_name, c, capacity);
	hash_index_carve(&r->by_location, c, capacity);
	hash_index_carve(&r->by_remote, c, capacity);
	deadlines_carve(&r->expiry, c, capacity);
	r->seed = seed;
	r->registered = 0;
	r->connected = 0;
}

static uint32_t slot_of(const struct registry *r, const struct device *device)
{
	return (uint32_t)(device - r->devices);
}

static uint64_t text_hash(const struct registry *r, const char *text)
{
	return bytes_hash(bytes_of_text(text), r->seed);
}

/* ---- devices ---- */

struct device *registry_find(const struct registry *r, struct bytes name)
{
	uint64_t hash = bytes_hash(name, r->seed);
	for (uint32_t i = hash_index_first(&r->by_name, hash); i != HASH_INDEX_END; i = hash_index_next(&r->by_name, i))
		if (bytes_equal_text(name, r->devices[i].record.name))
			return &r->devices[i];
	return NULL;
}

struct device *registry_put(struct registry *r, const struct device_record *record)
{
	struct device *device = registry_find(r, bytes_of_text(record->name));
	struct handle handle;
	if (device != NULL) {
		device->record = *record;
		return device;
	}
	if (!slab_take(&r->slab, &handle))
		return NULL;
	device = &r->devices[handle.slot];
	memset(device, 0, sizeof *device);
	device->record = *record;
	hash_index_add(&r->by_name, text_hash(r, record->name), handle.slot);
	return device;
}

void registry_remove(struct registry *r, struct device *device)
{
	registry_unregister(r, device);
	registry_disconnect(r, device);
	hash_index_remove(&r->by_name, text_hash(r, device->record.name), slot_of(r, device));
	slab_give(&r->slab, registry_handle(r, device));
}

struct device *registry_find_location(const struct registry *r, struct bytes location)
{
	uint64_t hash = bytes_hash(location, r->seed);
	const struct hash_index *index = &r->by_location;
	for (uint32_t i = hash_index_first(index, hash); i != HASH_INDEX_END; i = hash_index_next(index, i))
		if (bytes_equal_text(location, r->devices[i].registration.location))
			return &r->devices[i];
	return NULL;
}

struct device *registry_find_remote(const struct registry *r, const struct coap_remote *remote)
{
	uint64_t hash = coap_remote_hash(remote, r->seed);
	const struct hash_index *index = &r->by_remote;
	for (uint32_t i = hash_index_first(index, hash); i != HASH_INDEX_END; i = hash_index_next(index, i))
		if (coap_remote_equal(remote, &r->devices[i].remote))
			return &r->devices[i];
	return NULL;
}

struct device *registry_get(const struct registry *r, struct handle handle)
{
	return slab_is_valid(&r->slab, handle) ? &r->devices[handle.slot] : NULL;
}

struct handle registry_handle(const struct registry *r, const struct device *device)
{
	return slab_handle(&r->slab, slot_of(r, device));
}

struct device *registry_next(const struct registry *r, uint32_t *cursor)
{
	while (*cursor < r->slab.capacity) {
		uint32_t slot = (*cursor)++;
		if (slab_is_taken(&r->slab, slot))
			return &r->devices[slot];
	}
	return NULL;
}

uint32_t registry_room(const struct registry *r)
{
	return r->slab.capacity - r->slab.used;
}

/* ---- registrations ---- */

bool device_is_registered(const struct device *device)
{
	return device->registration.location[0] != '\0';
}

bool device_is_reachable(const struct device *device)
{
	return device_is_registered(device) && device->is_connected && device->is_announced && device->is_awake;
}

void registry_register(
	struct registry *r, struct device *device, const struct registration *registration, msec expires_at)
{
	assert(registration->location[0] != '\0');
	registry_unregister(r, device);
	device->registration = *registration;
	hash_index_add(&r->by_location, text_hash(r, registration->location), slot_of(r, device));
	deadlines_arm(&r->expiry, slot_of(r, device), msec_after(expires_at, REGISTRY_GRACE));
	r->registered++;
}

void registry_unregister(struct registry *r, struct device *device)
{
	if (!device_is_registered(device))
		return;
	hash_index_remove(&r->by_location, text_hash(r, device->registration.location), slot_of(r, device));
	deadlines_disarm(&r->expiry, slot_of(r, device));
	memset(&device->registration, 0, sizeof device->registration);
	r->registered--;
}

bool device_has_object(const struct device *device, uint16_t object)
{
	for (unsigned i = 0; i < device->registration.object_count; i++)
		if (device->registration.objects[i].object == object)
			return true;
	return false;
}

bool device_has_instance(const struct device *device, uint16_t object, uint16_t instance)
{
	for (unsigned i = 0; i < device->registration.object_count; i++)
		if (device->registration.objects[i].object == object &&
			device->registration.objects[i].instance == instance)
			return true;
	return false;
}

struct format_device device_formats(const struct device *device)
{
	const struct registration *r = &device->registration;
	return (struct format_device){.minor = r->minor, .formats = r->formats, .format_count = r->format_count};
}

bool device_has_tag(const struct device *device, struct bytes tag)
{
	struct bytes left = bytes_of_text(device->record.tags);
	while (left.len > 0) {
		const uint8_t *space = memchr(left.data, ' ', left.len);
		size_t len = space == NULL ? left.len : (size_t)(space - left.data);
		if (bytes_equal(bytes_first(left, len), tag))
			return true;
		left = bytes_from(left, len + 1);
	}
	return false;
}

/* ---- associations ---- */

void registry_connect(struct registry *r, struct device *device, const struct coap_remote *remote)
{
	struct device *before = registry_find_remote(r, remote);
	if (before != NULL)
		registry_disconnect(r, before);
	registry_disconnect(r, device);
	device->remote = *remote;
	device->is_connected = true;
	hash_index_add(&r->by_remote, coap_remote_hash(remote, r->seed), slot_of(r, device));
	r->connected++;
}

void registry_disconnect(struct registry *r, struct device *device)
{
	if (!device->is_connected)
		return;
	hash_index_remove(&r->by_remote, coap_remote_hash(&device->remote, r->seed), slot_of(r, device));
	device->is_connected = false;
	device->is_announced = false;
	r->connected--;
}

/* ---- time ---- */

msec registry_deadline(const struct registry *r)
{
	return deadlines_next(&r->expiry);
}

bool registry_due(struct registry *r, msec now, struct device **ret)
{
	uint32_t slot;
	if (!deadlines_due(&r->expiry, now, &slot))
		return false;
	*ret = &r->devices[slot];
	return true;
}
