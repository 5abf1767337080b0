/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Of the object's services only the texts are here: nothing on this device could authenticate them (GetAuthData). */
#include "agent/objects/portfolio.h"

#include "agent/objects/object.h"

enum { IDENTITY = 0 };

static const struct object_resource resources[] = {{IDENTITY, MODEL_READ | MODEL_WRITE}};

/* ---- the two sorted tables ---- */

static struct portfolio_instance *find_instance(struct portfolio_content *c, uint16_t id)
{
	for (size_t i = 0; i < PORTFOLIO_INSTANCES_MAX; i++)
		if (c->instances[i].is_there && c->instances[i].id == id)
			return &c->instances[i];
	return NULL;
}

static bool add_instance(struct portfolio_content *c, uint16_t id)
{
	size_t at = 0, last = PORTFOLIO_INSTANCES_MAX - 1;
	if (c->instances[last].is_there)
		return false;
	while (c->instances[at].is_there && c->instances[at].id < id)
		at++;
	memmove(&c->instances[at + 1], &c->instances[at], (last - at) * sizeof c->instances[0]);
	memset(&c->instances[at], 0, sizeof c->instances[0]);
	c->instances[at].is_there = true;
	c->instances[at].id = id;
	return true;
}

static void remove_instance(struct portfolio_content *c, struct portfolio_instance *gone)
{
	size_t behind = (size_t)(&c->instances[PORTFOLIO_INSTANCES_MAX] - gone) - 1;
	memmove(gone, gone + 1, behind * sizeof *gone);
	memset(&c->instances[PORTFOLIO_INSTANCES_MAX - 1], 0, sizeof *gone);
}

static struct portfolio_identity *find_identity(struct portfolio_instance *instance, uint16_t id)
{
	for (size_t i = 0; i < PORTFOLIO_IDENTITIES_MAX; i++)
		if (instance->identities[i].is_there && instance->identities[i].id == id)
			return &instance->identities[i];
	return NULL;
}

static struct portfolio_identity *add_identity(struct portfolio_instance *instance, uint16_t id)
{
	struct portfolio_identity *list = instance->identities;
	size_t at = 0, last = PORTFOLIO_IDENTITIES_MAX - 1;
	if (list[last].is_there)
		return NULL;
	while (list[at].is_there && list[at].id < id)
		at++;
	memmove(&list[at + 1], &list[at], (last - at) * sizeof *list);
	list[at] = (struct portfolio_identity){.is_there = true, .id = id};
	return &list[at];
}

static void remove_identity(struct portfolio_instance *instance, struct portfolio_identity *gone)
{
	size_t behind = (size_t)(&instance->identities[PORTFOLIO_IDENTITIES_MAX] - gone) - 1;
	memmove(gone, gone + 1, behind * sizeof *gone);
	memset(&instance->identities[PORTFOLIO_IDENTITIES_MAX - 1], 0, sizeof *gone);
}

/* ---- on the shelf: id and count of each instance, then id, length and bytes of each text ---- */

static void write_instance(const struct portfolio_instance *instance, struct writer *w)
{
	uint8_t count = 0;
	while (count < PORTFOLIO_IDENTITIES_MAX && instance->identities[count].is_there)
		count++;
	write_u16(w, instance->id);
	write_u8(w, count);
	for (uint8_t i = 0; i < count; i++) {
		const struct portfolio_identity *identity = &instance->identities[i];
		write_u16(w, identity->id);
		write_u8(w, identity->len);
		write_bytes(w, bytes_of(identity->text, identity->len));
	}
}

static bool read_identity(struct portfolio_instance *instance, struct reader *r)
{
	uint16_t id = read_u16(r);
	struct bytes text = read_bytes(r, read_u8(r));
	if (r->failed || text.len > PORTFOLIO_TEXT_MAX || find_identity(instance, id) != NULL)
		return false;
	struct portfolio_identity *identity = add_identity(instance, id);
	if (identity == NULL)
		return false;
	identity->len = (uint8_t)text.len;
	if (text.len > 0)
		memcpy(identity->text, text.data, text.len);
	return true;
}

static bool read_content(struct portfolio_content *c, struct reader *r)
{
	while (reader_left(r) > 0) {
		uint16_t id = read_u16(r);
		uint8_t count = read_u8(r);
		if (r->failed || find_instance(c, id) != NULL || !add_instance(c, id))
			return false;
		for (uint8_t i = 0; i < count; i++)
			if (!read_identity(find_instance(c, id), r))
				return false;
	}
	return true;
}

void portfolio_init(struct portfolio *p, const struct shelf_port *shelf)
{
	memset(p, 0, sizeof *p);
	p->shelf = *shelf;
	struct reader r = reader_of(shelf_load(shelf, SHELF_PORTFOLIO, p->record, sizeof p->record));
	if (!read_content(&p->now, &r))
		memset(&p->now, 0, sizeof p->now);
	p->stored = p->now;
}

/* ---- the object ---- */

static bool next(const struct object_world *world, uint16_t object, uint16_t from, uint16_t *ret)
{
	(void)object;
	const struct portfolio_instance *list = world->portfolio->now.instances;
	for (size_t i = 0; i < PORTFOLIO_INSTANCES_MAX && list[i].is_there; i++) {
		if (list[i].id < from)
			continue;
		*ret = list[i].id;
		return true;
	}
	return false;
}

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	const struct portfolio_instance *instance = find_instance(&world->portfolio->now, at.ids[1]);
	for (size_t i = 0; i < PORTFOLIO_IDENTITIES_MAX && instance->identities[i].is_there; i++) {
		const struct portfolio_identity *identity = &instance->identities[i];
		object_put_instance(out, IDENTITY, identity->id, value_string(bytes_of(identity->text, identity->len)));
	}
}

static enum coap_code check(const struct object_world *world, struct path at, const struct value *value)
{
	(void)world;
	(void)at;
	return value->bytes.len <= PORTFOLIO_TEXT_MAX ? COAP_CHANGED : COAP_BAD_REQUEST;
}

/* Back to what lies on the shelf. */
static enum coap_code refuse(struct portfolio *p, enum coap_code code)
{
	p->now = p->stored;
	return code;
}

static enum coap_code write(struct object_world *world, struct path at, const struct value *value)
{
	struct portfolio *p = world->portfolio;
	struct portfolio_instance *instance = find_instance(&p->now, at.ids[1]);
	struct portfolio_identity *identity = find_identity(instance, at.ids[3]);
	if (value->type == VALUE_NONE) {
		if (identity != NULL)
			remove_identity(instance, identity);
		return COAP_CHANGED;
	}
	if (identity == NULL)
		identity = add_identity(instance, at.ids[3]);
	if (identity == NULL)
		return refuse(p, COAP_BAD_REQUEST);
	identity->len = (uint8_t)value->bytes.len;
	if (value->bytes.len > 0)
		memcpy(identity->text, value->bytes.data, value->bytes.len);
	return COAP_CHANGED;
}

static void reset(struct object_world *world, struct path at)
{
	struct portfolio_instance *instance = find_instance(&world->portfolio->now, at.ids[1]);
	memset(instance->identities, 0, sizeof instance->identities);
}

static enum coap_code create(struct object_world *world, struct path at)
{
	return add_instance(&world->portfolio->now, at.ids[1]) ? COAP_CREATED : COAP_BAD_REQUEST;
}

static enum coap_code remove(struct object_world *world, struct path at)
{
	struct portfolio_instance *instance = find_instance(&world->portfolio->now, at.ids[1]);
	if (instance != NULL)
		remove_instance(&world->portfolio->now, instance);
	return COAP_DELETED;
}

static bool settle(struct object_world *world)
{
	struct portfolio *p = world->portfolio;
	struct writer w = writer_of(p->record + SHELF_HEAD_BYTES, sizeof p->record - SHELF_HEAD_BYTES);
	for (size_t i = 0; i < PORTFOLIO_INSTANCES_MAX && p->now.instances[i].is_there; i++)
		write_instance(&p->now.instances[i], &w);
	bool is_kept = shelf_store(&p->shelf, SHELF_PORTFOLIO, p->record, SHELF_HEAD_BYTES + writer_bytes(&w).len) >= 0;
	if (is_kept)
		p->stored = p->now;
	else
		p->now = p->stored;
	return is_kept;
}

const struct object object_portfolio = {
	.id = MODEL_PORTFOLIO,
	.version = "1.0",
	.resources = resources,
	.resource_count = sizeof resources / sizeof resources[0],
	.is_steady = true,
	.next = next,
	.read = read,
	.check = check,
	.write = write,
	.reset = reset,
	.create = create,
	.remove = remove,
	.settle = settle,
};
