/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 1, LwM2M Server: our account with it. What is written here is kept in the journal. */
#include "agent/objects/object.h"

enum {
	SHORT_SERVER_ID = 0,
	LIFETIME = 1,
	DEFAULT_PMIN = 2,
	DEFAULT_PMAX = 3,
	DISABLE = 4,
	DISABLE_TIMEOUT = 5,
	NOTIFICATION_STORING = 6,
	BINDING = 7,
	UPDATE_TRIGGER = 8,
	MUTE_SEND = 23,
};

#define SERVER_ID         1
#define DISABLE_DEFAULT_S 86400

static const struct object_resource resources[] = {
	{SHORT_SERVER_ID, MODEL_READ},
	{LIFETIME, MODEL_READ | MODEL_WRITE},
	{DEFAULT_PMIN, MODEL_READ | MODEL_WRITE},
	{DEFAULT_PMAX, MODEL_READ | MODEL_WRITE},
	{DISABLE, MODEL_EXECUTE},
	{DISABLE_TIMEOUT, MODEL_READ | MODEL_WRITE},
	{NOTIFICATION_STORING, MODEL_READ | MODEL_WRITE},
	{BINDING, MODEL_READ | MODEL_WRITE},
	{UPDATE_TRIGGER, MODEL_EXECUTE},
	{MUTE_SEND, MODEL_READ | MODEL_WRITE},
};

static const struct journal_server *account(const struct object_world *world)
{
	return &world->deploy->update.state.server;
}

static uint32_t disable_timeout_s(const struct object_world *world)
{
	return account(world)->disable_s == 0 ? DISABLE_DEFAULT_S : account(world)->disable_s;
}

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	uint16_t resource = at.ids[2];
	switch (resource) {
	case SHORT_SERVER_ID:
		object_put(out, resource, value_integer(SERVER_ID));
		return;
	case LIFETIME:
		object_put(out, resource, value_integer(world->registration->lifetime_s));
		return;
	case DEFAULT_PMIN:
		object_put(out, resource, value_integer(account(world)->pmin_s));
		return;
	case DEFAULT_PMAX:
		if (account(world)->pmax_s > 0)
			object_put(out, resource, value_integer(account(world)->pmax_s));
		return;
	case DISABLE_TIMEOUT:
		object_put(out, resource, value_integer(disable_timeout_s(world)));
		return;
	case NOTIFICATION_STORING:
		object_put(out, resource, value_boolean(account(world)->stores_notifications));
		return;
	case MUTE_SEND:
		object_put(out, resource, value_boolean(!account(world)->may_send));
		return;
	case BINDING:
		object_put(out, resource, value_string(bytes_of_text("U")));
		return;
	}
}

static enum coap_code check(const struct object_world *world, struct path at, const struct value *value)
{
	uint16_t resource = at.ids[2];
	(void)world;
	if (resource == BINDING)
		return bytes_equal_text(value->bytes, "U") ? COAP_CHANGED : COAP_BAD_REQUEST;
	if (resource == NOTIFICATION_STORING || resource == MUTE_SEND)
		return COAP_CHANGED;
	bool fits = value->integer >= (resource == LIFETIME) && value->integer <= INT32_MAX;
	return fits ? COAP_CHANGED : COAP_BAD_REQUEST;
}

static enum coap_code write(struct object_world *world, struct path at, const struct value *value)
{
	uint16_t resource = at.ids[2];
	struct journal_server *server = &world->deploy->update.state.server;
	world->has_server_changed = true;
	switch (resource) {
	case LIFETIME:
		server->lifetime_s = (uint32_t)value->integer;
		break;
	case DEFAULT_PMIN:
		server->pmin_s = (uint32_t)value->integer;
		break;
	case DEFAULT_PMAX:
		server->pmax_s = (uint32_t)value->integer;
		break;
	case DISABLE_TIMEOUT:
		server->disable_s = (uint32_t)value->integer;
		break;
	case NOTIFICATION_STORING:
		server->stores_notifications = value->boolean;
		break;
	case MUTE_SEND:
		server->may_send = !value->boolean;
		break;
	}
	return COAP_CHANGED;
}

static void reset(struct object_world *world, struct path at)
{
	uint16_t resource = at.ids[2];
	struct journal_server *server = &world->deploy->update.state.server;
	switch (resource) {
	case DEFAULT_PMIN:
		server->pmin_s = 0;
		return;
	case DEFAULT_PMAX:
		server->pmax_s = 0;
		return;
	case DISABLE_TIMEOUT:
		server->disable_s = 0;
		return;
	case MUTE_SEND:
		server->may_send = false;
		return;
	}
}

static enum coap_code execute(struct object_world *world, struct path at, struct bytes arguments)
{
	uint16_t resource = at.ids[2];
	(void)arguments;
	if (resource == DISABLE)
		register_disable(world->registration, SECONDS(disable_timeout_s(world)), world->now);
	else
		register_trigger(world->registration, world->now);
	return COAP_CHANGED;
}

const struct object object_server = {
	.id = MODEL_SERVER,
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
