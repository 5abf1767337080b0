/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A table of devices and three indexes over it. A device is in `by_name` while it is known, in `by_location` while it
 * is registered and in `by_remote` while it has an association; the functions at the top keep that so. */
#include "server/registry.h"

#include "coap/content_format.h"
#include "mgmt/registration.h"

#include <assert.h>

/* Of a device: the record's six texts, objects, formats, manifest, health and keys. Two of one device are there twice
 * while they change. */
#define SHELF_EACH 11

_Static_assert(sizeof(struct device) <= 256, "a device costs more than it may");
_Static_assert(sizeof(struct device_keys) <= SHELF_VALUE_MAX, "what a device keeps must fit a value");
_Static_assert(sizeof(((struct registration *)0)->objects) <= SHELF_VALUE_MAX && HEALTH_PACKED_MAX <= SHELF_VALUE_MAX,
	"what a device keeps must fit a value");

void registry_carve(struct registry *r, struct carve *c, uint32_t capacity, uint64_t seed)
{
	r->devices = carve_take(c, capacity, sizeof *r->devices);
	slab_carve(&r->slab, c, capacity);
	shelf_carve(&r->shelf, c, SHELF_EACH * capacity + 2, seed);
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

/* ---- what a device keeps ---- */

/* Before the old one is dropped, which may be the same. */
static const void *exchange(struct registry *r, const void *old, struct bytes value)
{
	const void *kept = value.len == 0 ? NULL : shelf_keep_shared(&r->shelf, value);
	shelf_drop(&r->shelf, old);
	return kept;
}

static void drop_text(struct registry *r, const char *text)
{
	if (*text != '\0')
		shelf_drop(&r->shelf, text);
}

static void keep_text(struct registry *r, const char **place, const char *text)
{
	struct bytes value = bytes_of_text(text);
	const char *old = *place;
	*place = value.len == 0 ? "" : shelf_keep_shared(&r->shelf, bytes_of(text, value.len + 1));
	drop_text(r, old);
}

void registry_keep_record(struct registry *r, struct device *device, const struct device_record *record)
{
	struct kept_record *kept = &device->record;
	keep_text(r, &kept->tags, record->tags);
	keep_text(r, &kept->manufacturer, record->manufacturer);
	keep_text(r, &kept->model, record->model);
	keep_text(r, &kept->serial, record->serial);
	keep_text(r, &kept->version, record->version);
	kept->first_seen = record->first_seen;
}

void registry_keep_firmware(struct registry *r, struct device *device, const struct device_firmware *firmware)
{
	struct bytes manifest = bytes_of(firmware->manifest, firmware->has_manifest ? sizeof firmware->manifest : 0);
	device->firmware = (struct kept_firmware){.reported_at = firmware->reported_at,
		.manifest = exchange(r, device->firmware.manifest, manifest),
		.is_known = firmware->is_known,
		.has_manifest = firmware->has_manifest,
		.state = firmware->state & 15u,
		.delivery = firmware->delivery & 15u,
		.result = firmware->result,
		.served_bytes = device->firmware.served_bytes};
}

void registry_keep_health(struct registry *r, struct device *device, const struct health *health)
{
	uint8_t packed[HEALTH_PACKED_MAX];
	struct writer w = writer_of(packed, sizeof packed);
	health_pack(health, &w);
	assert(!w.failed);
	shelf_drop(&r->shelf, device->health);
	device->health = health->has == 0 ? NULL : shelf_keep_single(&r->shelf, writer_bytes(&w));
}

void registry_keep_keys(struct registry *r, struct device *device, const struct device_keys *keys)
{
	bool has_any = keys->current.made_at != 0 || keys->next.made_at != 0;
	shelf_drop(&r->shelf, device->keys);
	device->keys = has_any ? shelf_keep_single(&r->shelf, bytes_of(keys, sizeof *keys)) : NULL;
}

static void drop_all(struct registry *r, struct device *device)
{
	static const struct device_keys no_keys;
	static const struct device_record nothing;
	static const struct device_firmware no_firmware;
	static const struct health no_health;
	registry_keep_record(r, device, &nothing);
	registry_keep_firmware(r, device, &no_firmware);
	registry_keep_health(r, device, &no_health);
	registry_keep_keys(r, device, &no_keys);
	shelf_drop(&r->shelf, device->record.name);
}

static void copy_text(char *to, const char *text)
{
	memcpy(to, text, bytes_of_text(text).len);
}

struct device_record device_record(const struct device *device)
{
	const struct kept_record *kept = &device->record;
	struct device_record record;
	memset(&record, 0, sizeof record);
	copy_text(record.name, kept->name);
	copy_text(record.tags, kept->tags);
	copy_text(record.manufacturer, kept->manufacturer);
	copy_text(record.model, kept->model);
	copy_text(record.serial, kept->serial);
	copy_text(record.version, kept->version);
	record.first_seen = kept->first_seen;
	return record;
}

struct registration device_registration(const struct device *device)
{
	const struct kept_registration *kept = &device->registration;
	struct registration r;
	memset(&r, 0, sizeof r);
	memcpy(r.location, kept->location, sizeof r.location);
	r.major = kept->major;
	r.minor = kept->minor;
	r.bindings = kept->bindings;
	r.has_queue_mode = kept->has_queue_mode;
	r.has_more_objects = kept->has_more_objects;
	r.object_count = kept->object_count;
	r.format_count = kept->format_count;
	r.lifetime_s = kept->lifetime_s;
	r.registered_at = kept->registered_at;
	r.renewed_at = kept->renewed_at;
	r.address = kept->address;
	bytes_copy((uint8_t *)r.prefix, device_prefix(device).data, device_prefix(device).len);
	for (unsigned i = 0; i < kept->format_count; i++)
		r.formats[i] = kept->formats[i];
	for (unsigned i = 0; i < kept->object_count; i++)
		r.objects[i] = kept->objects[i];
	return r;
}

struct device_firmware device_firmware(const struct device *device)
{
	const struct kept_firmware *kept = &device->firmware;
	struct device_firmware f = {.is_known = kept->is_known,
		.has_manifest = kept->has_manifest,
		.state = kept->state,
		.delivery = kept->delivery,
		.result = kept->result,
		.reported_at = kept->reported_at};
	if (kept->manifest != NULL)
		memcpy(f.manifest, kept->manifest, sizeof f.manifest);
	return f;
}

struct device_keys device_keys(const struct device *device)
{
	struct device_keys keys;
	memset(&keys, 0, sizeof keys);
	if (device->keys != NULL)
		memcpy(&keys, device->keys, sizeof keys);
	return keys;
}

struct health device_health(const struct device *device)
{
	struct health h = {0};
	bool is_good = device->health == NULL || health_unpack(shelf_bytes(device->health), &h);
	assert(is_good);
	return h;
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
		registry_keep_record(r, device, record);
		return device;
	}
	if (!slab_take(&r->slab, &handle))
		return NULL;
	device = &r->devices[handle.slot];
	struct bytes name = bytes_of_text(record->name);
	*device = (struct device){.record = {.tags = "", .manufacturer = "", .model = "", .serial = "", .version = ""}};
	device->record.name = shelf_keep_single(&r->shelf, bytes_of(record->name, name.len + 1));
	registry_keep_record(r, device, record);
	hash_index_add(&r->by_name, text_hash(r, record->name), handle.slot);
	return device;
}

void registry_remove(struct registry *r, struct device *device)
{
	registry_unregister(r, device);
	registry_disconnect(r, device);
	hash_index_remove(&r->by_name, text_hash(r, device->record.name), slot_of(r, device));
	drop_all(r, device);
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

static const uint16_t *keep_root(struct registry *r, const struct registration *from)
{
	uint8_t value[sizeof from->formats + PATH_PREFIX_MAX];
	struct writer w = writer_of(value, sizeof value);
	write_bytes(&w, bytes_of(from->formats, from->format_count * sizeof *from->formats));
	write_text(&w, from->prefix);
	return exchange(r, NULL, writer_bytes(&w));
}

static struct kept_registration kept_of(struct registry *r, const struct registration *from)
{
	struct kept_registration kept = {.registered_at = from->registered_at,
		.renewed_at = from->renewed_at,
		.objects = exchange(r, NULL, bytes_of(from->objects, from->object_count * sizeof *from->objects)),
		.formats = keep_root(r, from),
		.address = from->address,
		.lifetime_s = from->lifetime_s,
		.major = from->major,
		.minor = from->minor,
		.bindings = from->bindings,
		.has_queue_mode = from->has_queue_mode,
		.has_more_objects = from->has_more_objects,
		.object_count = from->object_count,
		.format_count = from->format_count};
	memcpy(kept.location, from->location, sizeof kept.location);
	return kept;
}

void registry_register(
	struct registry *r, struct device *device, const struct registration *registration, msec expires_at)
{
	struct kept_registration kept = kept_of(r, registration);
	assert(registration->location[0] != '\0');
	registry_unregister(r, device);
	device->registration = kept;
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
	shelf_drop(&r->shelf, device->registration.objects);
	shelf_drop(&r->shelf, device->registration.formats);
	device->registration = (struct kept_registration){0};
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
	const struct kept_registration *r = &device->registration;
	return (struct format_device){.minor = r->minor, .formats = r->formats, .format_count = r->format_count};
}

struct bytes device_prefix(const struct device *device)
{
	const struct kept_registration *r = &device->registration;
	return r->formats == NULL ? BYTES_NONE
				  : bytes_from(shelf_bytes(r->formats), r->format_count * sizeof *r->formats);
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
