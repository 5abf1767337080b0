/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 2, Access Control: an instance for each entry of agent/access.h. It is there when there are several servers.
 */
#include "agent/objects/object.h"

enum { OBJECT_ID = 0, INSTANCE_ID = 1, ACL = 2, OWNER = 3 };

static const struct object_resource resources[] = {
	{OBJECT_ID, MODEL_READ},
	{INSTANCE_ID, MODEL_READ},
	{ACL, MODEL_READ | MODEL_WRITE},
	{OWNER, MODEL_READ | MODEL_WRITE},
};

static bool next(const struct object_world *world, uint16_t object, uint16_t from, uint16_t *ret)
{
	bool is_found = false;
	(void)object;
	for (unsigned i = 0; i < ACCESS_ENTRIES_MAX; i++) {
		const struct access_entry *e = &world->accounts->access.entries[i];
		if (!e->is_there || e->id < from || (is_found && e->id > *ret))
			continue;
		*ret = e->id;
		is_found = true;
	}
	return is_found;
}

/* In the order of the short server ids. */
static void read_rights(const struct access_entry *e, struct object_records *out)
{
	for (uint32_t from = 0; from <= ACCESS_ANY;) {
		const struct access_rights *least = NULL;
		for (uint8_t i = 0; i < e->count; i++)
			if (e->list[i].short_id >= from && (least == NULL || e->list[i].short_id < least->short_id))
				least = &e->list[i];
		if (least == NULL)
			return;
		object_put_instance(out, ACL, least->short_id, value_integer(least->rights));
		from = least->short_id + 1u;
	}
}

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	const struct access_entry *e = access_entry(&world->accounts->access, at.ids[1]);
	uint16_t resource = at.ids[2];
	switch (resource) {
	case OBJECT_ID:
		object_put(out, resource, value_integer(e->object));
		return;
	case INSTANCE_ID:
		object_put(out, resource, value_integer(e->instance));
		return;
	case ACL:
		read_rights(e, out);
		return;
	case OWNER:
		object_put(out, resource, value_integer(e->owner));
		return;
	}
}

static enum coap_code check(const struct object_world *world, struct path at, const struct value *value)
{
	(void)world;
	int64_t most = at.ids[2] == ACL ? ACCESS_ALL : ACCESS_ANY;
	return value->integer >= 0 && value->integer <= most ? COAP_CHANGED : COAP_BAD_REQUEST;
}

static enum coap_code write(struct object_world *world, struct path at, const struct value *value)
{
	world->has_account_changed = true;
	return accounts_write(world->accounts, at, value);
}

/* What a Replace leaves out of the list is gone. */
static void reset(struct object_world *world, struct path at)
{
	if (at.ids[2] == ACL)
		access_entry(&world->accounts->access, at.ids[1])->count = 0;
}

const struct object object_access = {
	.id = MODEL_ACCESS_CONTROL,
	.version = "1.1",
	.resources = resources,
	.resource_count = sizeof resources / sizeof resources[0],
	.is_steady = true,
	.next = next,
	.read = read,
	.check = check,
	.write = write,
	.reset = reset,
};
