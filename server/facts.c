/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/facts.h"

#include "server/artifact.h"
#include "server/history.h"
#include "server/label.h"

#include <assert.h>

#define LATE_AFTER SECONDS(60)

enum device_resource { DEVICE_MANUFACTURER = 0, DEVICE_MODEL = 1, DEVICE_SERIAL = 2, DEVICE_VERSION = 3 };

/* What a body changes, beside the device until the whole body has been read. */
struct draft {
	struct device_record record;
	struct device_firmware firmware;
	struct health health;
	unsigned facts;
};

static void take_text(char *out, size_t capacity, const struct value *value, struct draft *d, unsigned facts)
{
	char text[DEVICE_TEXT_MAX + 1];
	assert(capacity == sizeof text);
	if (value->type != VALUE_STRING)
		return;
	label_cut(text, sizeof text, value->bytes);
	if (memcmp(out, text, bytes_of_text(text).len + 1) == 0)
		return;
	memset(out, 0, capacity);
	memcpy(out, text, bytes_of_text(text).len);
	d->facts |= facts;
}

static void take_device(struct draft *d, const struct record *r)
{
	struct device_record *record = &d->record;
	switch (r->path.ids[2]) {
	case DEVICE_MANUFACTURER:
		take_text(record->manufacturer, sizeof record->manufacturer, &r->value, d, FACTS_DEVICE);
		break;
	case DEVICE_MODEL:
		take_text(record->model, sizeof record->model, &r->value, d, FACTS_DEVICE);
		break;
	case DEVICE_SERIAL:
		take_text(record->serial, sizeof record->serial, &r->value, d, FACTS_DEVICE);
		break;
	case DEVICE_VERSION:
		take_text(record->version, sizeof record->version, &r->value, d, FACTS_DEVICE | FACTS_VERSION);
		break;
	default:
		break;
	}
}

/* Finds "/m/<digest>" at the end of a Package URI. */
static bool find_manifest(struct bytes uri, uint8_t ret[SHA256_BYTES])
{
	if (uri.len < 3 + ARTIFACT_NAME_BYTES)
		return false;
	struct bytes tail = bytes_from(uri, uri.len - 3 - ARTIFACT_NAME_BYTES);
	return bytes_equal_text(bytes_first(tail, 3), "/m/") && artifact_parse_name(bytes_from(tail, 3), ret);
}

static void take_firmware(struct draft *d, const struct record *r)
{
	struct device_firmware *f = &d->firmware;
	bool is_number = r->value.type == VALUE_INTEGER;
	switch (r->path.ids[2]) {
	case FIRMWARE_STATE:
		if (is_number && firmware_state_is_known(r->value.integer)) {
			f->state = (uint8_t)r->value.integer;
			f->is_known = true;
			d->facts |= FACTS_FIRMWARE;
		}
		break;
	case FIRMWARE_UPDATE_RESULT:
		if (is_number && firmware_result_is_known(r->value.integer)) {
			f->result = (uint8_t)r->value.integer;
			d->facts |= FACTS_FIRMWARE;
		}
		break;
	case FIRMWARE_PACKAGE_URI:
		f->has_manifest = r->value.type == VALUE_STRING && find_manifest(r->value.bytes, f->manifest);
		break;
	case FIRMWARE_DELIVERY:
		if (is_number && r->value.integer >= FIRMWARE_BY_PULL && r->value.integer <= FIRMWARE_BY_BOTH)
			f->delivery = (uint8_t)r->value.integer;
		break;
	default:
		break;
	}
}

/* What a device tells of late is history, and says nothing of how it is now. */
static bool is_late(const struct record *r, wall_msec wall)
{
	wall_msec moment = history_moment(r, wall);
	return moment < wall - LATE_AFTER && history_shift(moment, wall) == 0;
}

static void take(struct draft *d, const struct record *r)
{
	if (r->path.depth < 3 || r->path.ids[1] != 0)
		return;
	switch (r->path.ids[0]) {
	case MODEL_DEVICE:
		take_device(d, r);
		break;
	case MODEL_FIRMWARE:
		take_firmware(d, r);
		break;
	case MODEL_HOST_HEALTH:
		if (health_read(&d->health, r))
			d->facts |= FACTS_HEALTH;
		break;
	default:
		break;
	}
}

/* A report of a whole instance says by silence that a resource is not there any more. */
static void clear_reported(struct draft *d, struct path base)
{
	if (base.depth == 0 || base.depth > 2)
		return;
	if (base.ids[0] == MODEL_HOST_HEALTH)
		memset(&d->health, 0, sizeof d->health);
	if (base.ids[0] == MODEL_FIRMWARE)
		memset(&d->firmware, 0, sizeof d->firmware);
}

enum payload_verdict facts_read(struct registry *registry, struct device *device, uint32_t format, struct path base,
	struct bytes body, struct arena *scratch, wall_msec wall, unsigned *ret_facts)
{
	struct draft d = {
		.record = device_record(device), .firmware = device_firmware(device), .health = device_health(device)};
	struct payload_reader reader;
	struct record r;
	clear_reported(&d, base);
	payload_reader_init(&reader, format, base, body, &model_core, scratch);
	payload_reader_allow_prefix(&reader);
	while (payload_next(&reader, &r))
		if (!is_late(&r, wall))
			take(&d, &r);
	if (reader.verdict != PAYLOAD_GOOD)
		return reader.verdict;
	if (d.facts & FACTS_FIRMWARE)
		d.firmware.reported_at = wall;
	if (d.facts & FACTS_HEALTH)
		device->health_at = wall;
	if (d.facts & FACTS_DEVICE)
		registry_keep_record(registry, device, &d.record);
	registry_keep_firmware(registry, device, &d.firmware);
	registry_keep_health(registry, device, &d.health);
	*ret_facts = d.facts;
	return PAYLOAD_GOOD;
}
