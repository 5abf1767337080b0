/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 1, LwM2M Server: our accounts, an instance each. What is written here is kept on the shelf. */
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
	BOOTSTRAP_TRIGGER = 9,
	LAST_BOOTSTRAPPED = 12,
	MUTE_SEND = 23,
};

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
	{BOOTSTRAP_TRIGGER, MODEL_EXECUTE},
	{LAST_BOOTSTRAPPED, MODEL_READ},
	{MUTE_SEND, MODEL_READ | MODEL_WRITE},
};

static struct account_server *account(const struct object_world *world, struct path at)
{
	return accounts_server(world->accounts, at.ids[1]);
}

static struct registration *registration(const struct object_world *world, struct path at)
{
	return world->registrations[account(world, at) - world->accounts->servers];
}

static bool next(const struct object_world *world, uint16_t object, uint16_t from, uint16_t *ret)
{
	bool is_found = false;
	(void)object;
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		const struct account_server *s = &world->accounts->servers[i];
		if (!s->is_there || s->id < from || (is_found && s->id > *ret))
			continue;
		*ret = s->id;
		is_found = true;
	}
	return is_found;
}

static uint32_t disable_timeout_s(const struct account_server *s)
{
	return s->disable_s == 0 ? DISABLE_DEFAULT_S : s->disable_s;
}

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	const struct account_server *s = account(world, at);
	uint16_t resource = at.ids[2];
	switch (resource) {
	case SHORT_SERVER_ID:
		object_put(out, resource, value_integer(s->short_id));
		return;
	case LIFETIME:
		object_put(out, resource,
			value_integer(s->lifetime_s == 0 ? world->configured_lifetime_s : s->lifetime_s));
		return;
	case DEFAULT_PMIN:
		object_put(out, resource, value_integer(s->pmin_s));
		return;
	case DEFAULT_PMAX:
		if (s->pmax_s > 0)
			object_put(out, resource, value_integer(s->pmax_s));
		return;
	case DISABLE_TIMEOUT:
		object_put(out, resource, value_integer(disable_timeout_s(s)));
		return;
	case NOTIFICATION_STORING:
		object_put(out, resource, value_boolean(s->stores_notifications));
		return;
	case MUTE_SEND:
		object_put(out, resource, value_boolean(!s->may_send));
		return;
	case BINDING:
		object_put(out, resource, value_string(bytes_of_text("U")));
		return;
	case LAST_BOOTSTRAPPED:
		if (s->bootstrapped_at > 0)
			object_put(out, resource, value_time(s->bootstrapped_at));
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
	world->has_account_changed = true;
	return accounts_write(world->accounts, at, value);
}

static void reset(struct object_world *world, struct path at)
{
	struct account_server *s = account(world, at);
	uint16_t resource = at.ids[2];
	switch (resource) {
	case DEFAULT_PMIN:
		s->pmin_s = 0;
		return;
	case DEFAULT_PMAX:
		s->pmax_s = 0;
		return;
	case DISABLE_TIMEOUT:
		s->disable_s = 0;
		return;
	case MUTE_SEND:
		s->may_send = false;
		return;
	}
}

static enum coap_code execute(struct object_world *world, struct path at, struct bytes arguments)
{
	uint16_t resource = at.ids[2];
	(void)arguments;
	if (resource == DISABLE)
		register_disable(registration(world, at), SECONDS(disable_timeout_s(account(world, at))), world->now);
	else if (resource == UPDATE_TRIGGER)
		register_trigger(registration(world, at), world->now);
	else if (accounts_bootstrap(world->accounts) == NULL)
		return COAP_METHOD_NOT_ALLOWED;
	else
		world->wants_bootstrap = true;
	return COAP_CHANGED;
}

const struct object object_server = {
	.id = MODEL_SERVER,
	.version = "1.1",
	.resources = resources,
	.resource_count = sizeof resources / sizeof resources[0],
	.is_steady = true,
	.next = next,
	.read = read,
	.check = check,
	.write = write,
	.reset = reset,
	.execute = execute,
};
