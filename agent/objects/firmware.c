/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 5, Firmware Update: a face of the update engine (agent/update.h). A Package that is pushed comes in blocks
 * and goes past the objects (agent/push.c); here it is the one zero byte that resets. */
#include "agent/objects/object.h"
#include "mgmt/firmware.h"

static const struct object_resource resources[] = {
	{FIRMWARE_PACKAGE, MODEL_WRITE},
	{FIRMWARE_PACKAGE_URI, MODEL_READ | MODEL_WRITE},
	{FIRMWARE_UPDATE, MODEL_EXECUTE},
	{FIRMWARE_STATE, MODEL_READ},
	{FIRMWARE_UPDATE_RESULT, MODEL_READ},
	{FIRMWARE_PKG_NAME, MODEL_READ},
	{FIRMWARE_PKG_VERSION, MODEL_READ},
	{FIRMWARE_PROTOCOLS, MODEL_READ},
	{FIRMWARE_DELIVERY, MODEL_READ},
	{FIRMWARE_CANCEL, MODEL_EXECUTE},
	{FIRMWARE_SEVERITY, MODEL_READ | MODEL_WRITE},
	{FIRMWARE_CHANGED_AT, MODEL_READ},
	{FIRMWARE_DEFER_PERIOD, MODEL_READ | MODEL_WRITE},
};

enum { PROTOCOL_COAP = 0, PROTOCOL_COAPS = 1, SEVERITY_OPTIONAL = 2 };

/* Name and version are of the package that is on its way or waits. */
static void read_package(const struct update *u, uint16_t resource, struct object_records *out)
{
	const struct journal_image *image = &u->state.images[update_target(u)];
	if (u->phase == UPDATE_IDLE || image->version[0] == '\0')
		return;
	if (resource == FIRMWARE_PKG_VERSION)
		object_put_text(out, resource, image->version);
	else
		object_put(out, resource, value_string(bytes_of_text("image")));
}

static void read_protocols(const struct object_world *world, struct object_records *out)
{
	bool is_secure = bytes_equal(bytes_first(object_server_uri(world), 6), bytes_of_text("coaps:"));
	object_put_instance(out, FIRMWARE_PROTOCOLS, 0, value_integer(is_secure ? PROTOCOL_COAPS : PROTOCOL_COAP));
}

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	uint16_t resource = at.ids[2];
	const struct update *u = &world->deploy->update;
	switch ((enum firmware_resource)resource) {
	case FIRMWARE_PACKAGE_URI:
		object_put(out, resource, value_string(bytes_of(u->state.uri, u->state.uri_len)));
		return;
	case FIRMWARE_STATE:
		object_put(out, resource, value_integer(update_lwm2m_state(u)));
		return;
	case FIRMWARE_UPDATE_RESULT:
		object_put(out, resource, value_integer(u->state.result));
		return;
	case FIRMWARE_PKG_NAME:
	case FIRMWARE_PKG_VERSION:
		read_package(u, resource, out);
		return;
	case FIRMWARE_PROTOCOLS:
		read_protocols(world, out);
		return;
	case FIRMWARE_DELIVERY:
		object_put(out, resource, value_integer(FIRMWARE_BY_BOTH));
		return;
	case FIRMWARE_SEVERITY:
		object_put(out, resource, value_integer(u->state.severity));
		return;
	case FIRMWARE_CHANGED_AT:
		object_put(out, resource, value_time(u->state.changed_at));
		return;
	case FIRMWARE_DEFER_PERIOD:
		object_put(out, resource, value_unsigned(u->state.defer_period_s));
		return;
	case FIRMWARE_PACKAGE:
	case FIRMWARE_UPDATE:
	case FIRMWARE_CANCEL:
		return;
	}
}

static bool is_reset(struct bytes package)
{
	return package.len == 0 || (package.len == 1 && package.data[0] == 0);
}

static enum coap_code check(const struct object_world *world, struct path at, const struct value *value)
{
	uint16_t resource = at.ids[2];
	const struct update *u = &world->deploy->update;
	if (update_lwm2m_state(u) == FIRMWARE_UPDATING)
		return COAP_METHOD_NOT_ALLOWED;
	if (resource == FIRMWARE_PACKAGE)
		return is_reset(value->bytes) ? COAP_CHANGED : COAP_METHOD_NOT_ALLOWED;
	if (resource == FIRMWARE_PACKAGE_URI)
		return value->bytes.len <= JOURNAL_URI_MAX ? COAP_CHANGED : COAP_BAD_REQUEST;
	if (resource == FIRMWARE_SEVERITY)
		return value->integer >= 0 && value->integer <= SEVERITY_OPTIONAL ? COAP_CHANGED : COAP_BAD_REQUEST;
	return value->natural <= UINT32_MAX ? COAP_CHANGED : COAP_BAD_REQUEST;
}

static enum coap_code answer_to(enum update_verdict verdict)
{
	switch (verdict) {
	case UPDATE_ACCEPTED:
		return COAP_CHANGED;
	case UPDATE_NOT_NOW:
		return COAP_METHOD_NOT_ALLOWED;
	case UPDATE_BAD_VALUE:
		return COAP_BAD_REQUEST;
	}
	return COAP_INTERNAL_SERVER_ERROR;
}

/* The composer finds what the engine wants of it in the outcome. */
static enum coap_code pass_on(struct object_world *world, const struct update_event *event)
{
	deploy_event(world->deploy, event, world->now, &world->update_outcome);
	world->has_update_outcome = true;
	return answer_to(world->update_outcome.verdict);
}

static enum coap_code write(struct object_world *world, struct path at, const struct value *value)
{
	uint16_t resource = at.ids[2];
	struct journal_state *state = &world->deploy->update.state;
	switch ((enum firmware_resource)resource) {
	case FIRMWARE_PACKAGE:
		return pass_on(world, &(struct update_event){.kind = UPDATE_PACKAGE_RESET});
	case FIRMWARE_PACKAGE_URI:
		return pass_on(world, &(struct update_event){.kind = UPDATE_URI_WRITTEN,
					      .uri = value->bytes,
					      .server_uri = object_server_uri(world)});
	case FIRMWARE_SEVERITY:
		state->severity = (uint8_t)value->integer;
		world->has_journal_changed = true;
		return COAP_CHANGED;
	case FIRMWARE_DEFER_PERIOD:
		state->defer_period_s = (uint32_t)value->natural;
		world->has_journal_changed = true;
		return COAP_CHANGED;
	case FIRMWARE_UPDATE:
	case FIRMWARE_STATE:
	case FIRMWARE_UPDATE_RESULT:
	case FIRMWARE_PKG_NAME:
	case FIRMWARE_PKG_VERSION:
	case FIRMWARE_PROTOCOLS:
	case FIRMWARE_DELIVERY:
	case FIRMWARE_CANCEL:
	case FIRMWARE_CHANGED_AT:
		break;
	}
	return COAP_METHOD_NOT_ALLOWED;
}

/* A Replace of the whole instance without a URI does not mean to stop an update. */
static void reset(struct object_world *world, struct path at)
{
	uint16_t resource = at.ids[2];
	if (resource == FIRMWARE_SEVERITY)
		world->deploy->update.state.severity = 1;
	else if (resource == FIRMWARE_DEFER_PERIOD)
		world->deploy->update.state.defer_period_s = 0;
}

static enum coap_code execute(struct object_world *world, struct path at, struct bytes arguments)
{
	uint16_t resource = at.ids[2];
	(void)arguments;
	bool is_update = resource == FIRMWARE_UPDATE;
	struct update_event event = {.kind = is_update ? UPDATE_EXECUTED : UPDATE_CANCELLED};
	enum coap_code code = pass_on(world, &event);
	/* What cannot be journalled has not been accepted. */
	bool is_lost = is_update && code == COAP_CHANGED && world->deploy->update.phase != UPDATE_ORDERED;
	return is_lost ? COAP_INTERNAL_SERVER_ERROR : code;
}

const struct object object_firmware = {
	.id = MODEL_FIRMWARE,
	.version = "1.1",
	.resources = resources,
	.resource_count = sizeof resources / sizeof resources[0],
	.is_steady = true,
	.read = read,
	.check = check,
	.write = write,
	.reset = reset,
	.execute = execute,
};
