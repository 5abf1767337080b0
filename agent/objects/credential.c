/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 26252, Fieldfare Credential: what this device proves itself by to the server it came with, and the word to
 * change it: a certificate by enrolment, a pre-shared key by the next one. */
#include "agent/objects/object.h"

enum { KIND = 0, SINCE = 1, VALID_UNTIL = 2, RENEW = 3 };

static const struct object_resource resources[] = {
	{KIND, MODEL_READ},
	{SINCE, MODEL_READ},
	{VALID_UNTIL, MODEL_READ},
	{RENEW, MODEL_EXECUTE},
};

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	const struct object_credential *c = &world->credential;
	uint16_t resource = at.ids[2];
	if (resource == KIND)
		object_put(out, resource, value_integer(c->kind));
	else if (resource == SINCE && c->since > 0)
		object_put(out, resource, value_time(c->since));
	else if (resource == VALID_UNTIL && c->until > 0)
		object_put(out, resource, value_time(c->until));
}

static enum coap_code execute(struct object_world *world, struct path at, struct bytes arguments)
{
	(void)at;
	(void)arguments;
	if (!world->credential.can_renew)
		return COAP_METHOD_NOT_ALLOWED;
	world->wants_renewal = true;
	return COAP_CHANGED;
}

const struct object object_credential = {
	.id = MODEL_CREDENTIAL,
	.version = "1.0",
	.resources = resources,
	.resource_count = sizeof resources / sizeof resources[0],
	.is_steady = true,
	.read = read,
	.execute = execute,
};
