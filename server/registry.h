/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The devices this server knows, and the registrations of those that are there (lwm2m interface section 3).
 *
 * A device is its endpoint name. It stays known when its registration ends, with its history; a Register replaces the
 * registration. Three ways lead to a device: its name, the location of its registration, and the association it speaks
 * through. A registration that is not renewed for its lifetime plus REGISTRY_GRACE is due.
 *
 * The registry is a leaf: it neither stores nor answers. Records are what the store keeps of it; a device is a record
 * and what is true only while the server runs. Storage is the owner's.
 *
 * A fleet has a million devices of one model, so a device keeps of each text and list a pointer to where the registry
 * has it (shelf.h): as long as it is, and once for all. What was put there is changed by the registry's functions
 * alone, and copied out by device_record, device_registration and device_health. An idle device costs some 300 bytes,
 * its places in the tables counted. */
#pragma once

#include "coap/base/address.h"
#include "coap/base/deadline.h"
#include "coap/base/slab.h"
#include "coap/hashindex.h"
#include "coap/transport.h"
#include "mgmt/firmware.h"
#include "mgmt/format.h"
#include "mgmt/health.h"
#include "mgmt/signature.h"
#include "server/shelf.h"

#define DEVICE_NAME_MAX     64 /* bytes of an endpoint name */
#define DEVICE_TEXT_MAX     31 /* bytes of manufacturer, model, serial number and version; longer ones are cut */
#define DEVICE_TAGS_MAX     47 /* bytes of all tags, separated by spaces */
#define DEVICE_OBJECTS_MAX  40
#define DEVICE_FORMATS_MAX  8
#define DEVICE_LOCATION_MAX 12
#define REGISTRY_GRACE      SECONDS(93) /* MAX_TRANSMIT_WAIT: a confirmable Update may take as long to arrive */

/* Wall-clock time in milliseconds since 1970, for what outlives the process and for people. */
typedef int64_t wall_msec;

struct device_object {
	uint16_t object, instance; /* REGISTRATION_NO_INSTANCE for the object itself */
	uint8_t major, minor;      /* 0.0 when not said */
};

/* What a Register or Update says, as it is stored. All zero is no registration. */
struct registration {
	char location[DEVICE_LOCATION_MAX + 1]; /* the segment behind "rd"; empty when there is no registration */
	uint8_t major, minor;                   /* of LwM2M */
	uint8_t bindings;                       /* REGISTRATION_UDP and others */
	bool has_queue_mode, has_more_objects;  /* more objects were listed than are kept */
	uint8_t object_count, format_count;
	uint32_t lifetime_s;
	wall_msec registered_at, renewed_at;
	struct address address;
	char prefix[PATH_PREFIX_MAX + 1]; /* the alternate path; empty when objects are at the root */
	uint16_t formats[DEVICE_FORMATS_MAX];
	struct device_object objects[DEVICE_OBJECTS_MAX];
};

/* What is known of a device for good. */
struct device_record {
	char name[DEVICE_NAME_MAX + 1];
	char tags[DEVICE_TAGS_MAX + 1];
	char manufacturer[DEVICE_TEXT_MAX + 1], model[DEVICE_TEXT_MAX + 1], serial[DEVICE_TEXT_MAX + 1];
	char version[DEVICE_TEXT_MAX + 1]; /* /3/0/3 as last read; empty when never */
	wall_msec first_seen;
};

/* Object 5 as last reported. */
struct device_firmware {
	bool is_known;                   /* since the device registered */
	bool has_manifest;               /* the Package URI named one of ours: */
	uint8_t state, result, delivery; /* enum firmware_state, enum firmware_result, enum firmware_delivery */
	uint8_t manifest[SHA256_BYTES];
	wall_msec reported_at;
};

/* Pre-shared keys that the server has made for the device (issued_key.h). */
#define DEVICE_KEY_BYTES      16
#define DEVICE_KEY_MARK_BYTES 8

struct device_key {
	uint8_t mark[DEVICE_KEY_MARK_BYTES]; /* of chance; it is in the identity */
	uint8_t key[DEVICE_KEY_BYTES];
	wall_msec made_at; /* 0: there is none */
};

struct device_keys {
	struct device_key current; /* has been used: no other key is good for the device */
	struct device_key next;    /* has been given to the device */
};

#define DEVICE_NO_EXCHANGE HANDLE_NONE

/* The same three as a device keeps them. Texts end with a zero, and are empty rather than NULL. */

struct kept_record {
	const char *name, *tags, *manufacturer, *model, *serial, *version;
	wall_msec first_seen;
};

struct kept_registration {
	wall_msec registered_at, renewed_at;
	const struct device_object *objects;
	const uint16_t *formats; /* what the root link says: behind them stands the alternate path */
	struct address address;
	uint32_t lifetime_s;
	char location[DEVICE_LOCATION_MAX + 1];
	uint8_t major, minor, bindings;
	bool has_queue_mode, has_more_objects;
	uint8_t object_count, format_count;
};

struct kept_firmware {
	wall_msec reported_at;
	const uint8_t *manifest; /* SHA256_BYTES of it; NULL without `has_manifest` */
	bool is_known, has_manifest;
	uint8_t state : 4, delivery : 4;
	uint8_t result;
	uint32_t served_bytes; /* of the image it downloads, the highest offset that was sent; not reported by it */
};

struct device {
	struct kept_record record;
	struct kept_registration registration;
	bool is_stored;         /* the store has its record */
	bool is_connected;      /* `remote` is its association */
	bool is_announced;      /* it has registered, or renewed, through this association */
	bool is_awake;          /* and has left no request unanswered since it was last heard */
	uint32_t rollout_entry; /* the rollout's entry that is at work on it, plus 1; 0 for none */
	struct coap_remote remote;
	wall_msec last_seen;    /* any message from it; 0 when not since the server started */
	struct handle exchange; /* the one request in flight */
	struct handle observing_health, observing_firmware; /* exchanges of the observations */
	struct kept_firmware firmware;
	const void *health;  /* packed; NULL when none was reported */
	wall_msec health_at; /* 0 when no health was reported since the server started */
	const void *keys;    /* device_keys; NULL when none were made */
};

struct registry {
	struct device *devices;
	struct slab slab;
	struct shelf shelf;
	struct hash_index by_name, by_location, by_remote;
	struct deadlines expiry;
	uint64_t seed;
	uint32_t registered, connected; /* how many of the devices are */
};

/* ---- life ---- */

/* Takes the storage for `capacity` devices from `c`. When `c` only counts, the registry is not to be used. */
void registry_carve(struct registry *r, struct carve *c, uint32_t capacity, uint64_t seed);

/* ---- devices ---- */

/* The device of this record's name, made when it is not known yet and brought up to the record otherwise. NULL when
 * there is no room. */
struct device *registry_put(struct registry *r, const struct device_record *record);
/* The device's record is this one from now on, but for its name, which does not change. */
void registry_keep_record(struct registry *r, struct device *device, const struct device_record *record);
void registry_keep_firmware(struct registry *r, struct device *device, const struct device_firmware *firmware);
void registry_keep_health(struct registry *r, struct device *device, const struct health *health);
void registry_keep_keys(struct registry *r, struct device *device, const struct device_keys *keys);
/* Forgets the device; its registration and association end. */
void registry_remove(struct registry *r, struct device *device);

struct device *registry_find(const struct registry *r, struct bytes name);
struct device *registry_find_location(const struct registry *r, struct bytes location);
/* The device whose association this is. */
struct device *registry_find_remote(const struct registry *r, const struct coap_remote *remote);
/* NULL when the device is gone. */
struct device *registry_get(const struct registry *r, struct handle handle);
struct handle registry_handle(const struct registry *r, const struct device *device);
/* Walks through all devices: `cursor` starts at 0. NULL at the end. */
struct device *registry_next(const struct registry *r, uint32_t *cursor);
/* Devices for which there is still room. */
uint32_t registry_room(const struct registry *r);

/* What a device keeps, copied; bytes that are not used are zero. */
struct device_record device_record(const struct device *device);
struct registration device_registration(const struct device *device);
struct device_firmware device_firmware(const struct device *device);
/* None are there when none were made. */
struct device_keys device_keys(const struct device *device);
/* Nothing is measured when it has not reported any. */
struct health device_health(const struct device *device);

/* ---- registrations ---- */

/* Begins or renews: the registration replaces the device's own, and expires at `expires_at` plus grace. */
void registry_register(
	struct registry *r, struct device *device, const struct registration *registration, msec expires_at);
void registry_unregister(struct registry *r, struct device *device);
bool device_is_registered(const struct device *device);
/* Whether requests can be sent to it now. */
bool device_is_reachable(const struct device *device);
/* Whether the list of objects has this object, or this instance of it. */
bool device_has_object(const struct device *device, uint16_t object);
bool device_has_instance(const struct device *device, uint16_t object, uint16_t instance);
/* What it said of the formats it understands; borrowed from the device. */
struct format_device device_formats(const struct device *device);
/* The alternate path its objects are below (lwm2m interface section 2); empty at the root. Borrowed likewise. */
struct bytes device_prefix(const struct device *device);
/* Whether the tag is one of the device's. */
bool device_has_tag(const struct device *device, struct bytes tag);

/* ---- associations ---- */

/* A device has one association: another one replaces it, and an association of another device is taken from that. */
void registry_connect(struct registry *r, struct device *device, const struct coap_remote *remote);
void registry_disconnect(struct registry *r, struct device *device);

/* ---- time ---- */

msec registry_deadline(const struct registry *r);
/* Takes one device whose registration has run out; it is still registered when this returns. Call until false. */
bool registry_due(struct registry *r, msec now, struct device **ret);
