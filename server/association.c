/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An association as it is written down, and taken up again by another server:
 *
 *     version | name | flags | health: token, sequence | firmware: token, sequence | object 5 as last reported
 *
 * What the store has is not repeated. Requests that were in flight are lost with their answers; a device that was to be
 * followed and is not watched for all it should be is followed anew at its next Update. */
#include "server/composer.h"

#include "mgmt/model.h"
#include "server/follow.h"

#define VERSION 2

enum flag {
	FLAG_ANNOUNCED = 1,
	FLAG_AWAKE = 2,
	FLAG_HEALTH = 4,
	FLAG_FIRMWARE = 8,
	FLAG_FIRMWARE_KNOWN = 16,
	FLAG_MANIFEST = 32,
};

/* What an association is, apart from its device's name. */
struct association {
	unsigned flags;
	struct coap_observation health, firmware;
	struct device_firmware reported;
};

/* ---- writing ---- */

static struct association association_of(const struct server *s, const struct device *device)
{
	struct association n = {.reported = device_firmware(device)};
	n.flags |= device->is_announced ? FLAG_ANNOUNCED : 0;
	n.flags |= device->is_awake ? FLAG_AWAKE : 0;
	n.flags |= coap_endpoint_observation(s->endpoint, device->observing_health, &n.health) ? FLAG_HEALTH : 0;
	n.flags |= coap_endpoint_observation(s->endpoint, device->observing_firmware, &n.firmware) ? FLAG_FIRMWARE : 0;
	n.flags |= device->firmware.is_known ? FLAG_FIRMWARE_KNOWN : 0;
	n.flags |= device->firmware.has_manifest ? FLAG_MANIFEST : 0;
	return n;
}

static void write_observation(struct writer *w, const struct coap_observation *o)
{
	write_u64(w, o->token);
	write_u32(w, o->sequence);
}

bool server_association_write(const struct server *s, const struct coap_remote *remote, struct writer *w)
{
	const struct device *device = registry_find_remote(&s->registry, remote);
	if (device == NULL)
		return false;
	struct association n = association_of(s, device);
	struct bytes name = bytes_of_text(device->record.name);
	write_u8(w, VERSION);
	write_u8(w, (uint8_t)name.len);
	write_bytes(w, name);
	write_u8(w, (uint8_t)n.flags);
	write_observation(w, &n.health);
	write_observation(w, &n.firmware);
	write_u8(w, n.reported.state);
	write_u8(w, n.reported.result);
	write_u8(w, n.reported.delivery);
	write_bytes(w, bytes_of(n.reported.manifest, sizeof n.reported.manifest));
	write_u64(w, (uint64_t)n.reported.reported_at);
	return !w->failed;
}

/* ---- reading ---- */

static void read_observation(struct reader *r, struct coap_observation *ret)
{
	ret->token = read_u64(r);
	ret->sequence = read_u32(r);
}

static bool read_association(struct bytes text, struct bytes *ret_name, struct association *ret)
{
	struct reader r = reader_of(text);
	uint8_t version = read_u8(&r);
	*ret_name = read_bytes(&r, read_u8(&r));
	ret->flags = read_u8(&r);
	read_observation(&r, &ret->health);
	read_observation(&r, &ret->firmware);
	ret->reported.state = read_u8(&r);
	ret->reported.result = read_u8(&r);
	ret->reported.delivery = read_u8(&r);
	struct bytes manifest = read_bytes(&r, sizeof ret->reported.manifest);
	ret->reported.reported_at = (wall_msec)read_u64(&r);
	if (r.failed || reader_left(&r) > 0 || version != VERSION)
		return false;
	bytes_copy(ret->reported.manifest, manifest.data, manifest.len);
	ret->reported.is_known = (ret->flags & FLAG_FIRMWARE_KNOWN) != 0;
	ret->reported.has_manifest = (ret->flags & FLAG_MANIFEST) != 0;
	return true;
}

/* Whether it is watched for all that it has to offer; if so, without a word to it. */
static bool watch_on(struct server *s, struct device *device, const struct association *n, msec now)
{
	if (device_has_instance(device, MODEL_HOST_HEALTH, 0) &&
		((n->flags & FLAG_HEALTH) == 0 ||
			!conduct_resume(s, device, OPERATION_OBSERVE_HEALTH, &n->health, now)))
		return false;
	return !device_has_instance(device, MODEL_FIRMWARE, 0) ||
	       ((n->flags & FLAG_FIRMWARE) != 0 &&
		       conduct_resume(s, device, OPERATION_OBSERVE_FIRMWARE, &n->firmware, now));
}

bool server_association_read(struct server *s, const struct coap_remote *remote, struct bytes text, msec now)
{
	struct bytes name;
	struct association n = {0};
	if (!read_association(text, &name, &n))
		return false;
	uint64_t number;
	if (!server_admits(s, name, now))
		return false;
	if (rekeying_is_by_key(s, remote, &number) && !server_psk_is_good(s, name, number))
		return false;
	server_connected(s, remote, name, now);
	struct device *device = registry_find_remote(&s->registry, remote);
	if (device == NULL)
		return false;
	if (!device_is_registered(device) || (n.flags & FLAG_ANNOUNCED) == 0)
		return true;
	registry_keep_firmware(&s->registry, device, &n.reported);
	device->is_announced = watch_on(s, device, &n, now);
	device->is_awake = device->is_announced && (n.flags & FLAG_AWAKE) != 0;
	campaign_device_event(s, device, ENTRY_EVENT_LOOK, false, now);
	conduct_pump(s, device, now);
	return true;
}
