/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/store_memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

void store_memory_init(struct store_memory *m, msec latency)
{
	*m = (struct store_memory){.latency = latency};
	m->batches = calloc(STORE_MEMORY_BATCHES_MAX, sizeof *m->batches);
	assert(m->batches != NULL);
}

static struct store_memory_batch *batch_at(struct store_memory *m, uint32_t place)
{
	return &m->batches[(m->first + place) % STORE_MEMORY_BATCHES_MAX];
}

static void drop_changes(struct store_memory_batch *b)
{
	for (uint32_t i = 0; i < b->count; i++)
		free(b->changes[i].value);
	b->count = 0;
}

void store_memory_kill(struct store_memory *m)
{
	for (uint32_t i = 0; i <= m->waiting && i < STORE_MEMORY_BATCHES_MAX; i++)
		drop_changes(batch_at(m, i));
	m->waiting = 0;
	m->has_overflowed = false;
}

void store_memory_done(struct store_memory *m)
{
	store_memory_kill(m);
	for (size_t i = 0; i < m->count; i++)
		free(m->items[i].value);
	free(m->items);
	free(m->batches);
}

static void *copy(const void *value, size_t size)
{
	void *own = malloc(size);
	assert(own != NULL);
	return memcpy(own, value, size);
}

static void set_name(struct store_memory_item *item, const char *name)
{
	snprintf(item->name, sizeof item->name, "%s", name);
}

static struct store_memory_item item_of(const struct store_change *change)
{
	struct store_memory_item item = {.type = change->type};
	switch (change->type) {
	case STORE_DEVICE_PUT:
		set_name(&item, change->device->name);
		item.value = copy(change->device, sizeof *change->device);
		break;
	case STORE_REGISTRATION_PUT:
		set_name(&item, change->name);
		item.value = copy(change->registration, sizeof *change->registration);
		break;
	case STORE_RELEASE_PUT:
		set_name(&item, change->release->name);
		item.value = copy(change->release, sizeof *change->release);
		break;
	case STORE_ROLLOUT_PUT:
		item.number = change->rollout->number;
		item.value = copy(change->rollout, sizeof *change->rollout);
		break;
	case STORE_ENTRY_PUT:
		set_name(&item, change->entry->device);
		item.number = change->entry->rollout;
		item.value = copy(change->entry, sizeof *change->entry);
		break;
	case STORE_DENIAL_PUT:
		set_name(&item, change->denial->key);
		item.value = copy(change->denial, sizeof *change->denial);
		break;
	case STORE_CLAIM_PUT:
		set_name(&item, change->claim->identity);
		item.value = copy(change->claim, sizeof *change->claim);
		break;
	case STORE_ORDER_PUT:
		set_name(&item, change->order->device);
		item.number = change->order->number;
		item.value = copy(change->order, sizeof *change->order);
		break;
	case STORE_KEY_PUT:
		set_name(&item, change->key->name);
		item.value = copy(change->key, sizeof *change->key);
		break;
	case STORE_EVENT_PUT:
		item.number = change->event->number;
		item.value = copy(change->event, sizeof *change->event);
		break;
	case STORE_DEVICE_REMOVE:
	case STORE_REGISTRATION_REMOVE:
	case STORE_RELEASE_REMOVE:
	case STORE_DENIAL_REMOVE:
	case STORE_CLAIM_REMOVE:
	case STORE_KEY_REMOVE:
		set_name(&item, change->name);
		break;
	case STORE_ROLLOUT_REMOVE:
	case STORE_ORDER_REMOVE:
		item.number = change->number;
		break;
	}
	return item;
}

static void add(void *context, const struct store_change *change)
{
	struct store_memory *m = context;
	if (m->waiting == STORE_MEMORY_BATCHES_MAX)
		return;
	struct store_memory_batch *b = batch_at(m, m->waiting);
	if (b->count == STORE_MEMORY_CHANGES_MAX)
		m->has_overflowed = true;
	else
		b->changes[b->count++] = item_of(change);
}

static bool commit(void *context, uint64_t ticket, msec now)
{
	struct store_memory *m = context;
	if (m->waiting == STORE_MEMORY_BATCHES_MAX)
		return false;
	struct store_memory_batch *b = batch_at(m, m->waiting);
	if (m->has_overflowed) {
		drop_changes(b);
		m->has_overflowed = false;
		return false;
	}
	b->ticket = ticket;
	b->at = now + m->latency;
	b->fails = m->fail_batches > 0;
	if (b->fails)
		m->fail_batches--;
	m->waiting++;
	return true;
}

struct store store_memory_port(struct store_memory *m)
{
	return (struct store){m, add, commit};
}

msec store_memory_deadline(const struct store_memory *m)
{
	return m->waiting == 0 ? NEVER : m->batches[m->first].at;
}

static bool is_same(const struct store_memory_item *a, enum store_change_type type, const struct store_memory_item *b)
{
	return a->type == type && a->number == b->number && strcmp(a->name, b->name) == 0;
}

static void remove_where(
	struct store_memory *m, enum store_change_type type, const struct store_memory_item *key, bool by_number_alone)
{
	for (size_t i = 0; i < m->count;) {
		struct store_memory_item *item = &m->items[i];
		if (by_number_alone ? item->type == type && item->number == key->number : is_same(item, type, key)) {
			free(item->value);
			memmove(item, item + 1, (m->count - i - 1) * sizeof *item);
			m->count--;
		} else {
			i++;
		}
	}
}

static void remove_orders(struct store_memory *m, const char *device)
{
	struct store_memory_item key;
	for (size_t i = m->count; i > 0; i--) {
		key = m->items[i - 1];
		if (key.type == STORE_ORDER_PUT && strcmp(key.name, device) == 0)
			remove_where(m, STORE_ORDER_PUT, &key, false);
	}
}

static void put(struct store_memory *m, const struct store_memory_item *change)
{
	for (size_t i = 0; i < m->count; i++) {
		if (!is_same(&m->items[i], change->type, change))
			continue;
		free(m->items[i].value);
		m->items[i].value = change->value;
		return;
	}
	if (m->count == m->capacity) {
		m->capacity = m->capacity == 0 ? 64 : 2 * m->capacity;
		m->items = realloc(m->items, m->capacity * sizeof *m->items);
		assert(m->items != NULL);
	}
	m->items[m->count++] = *change;
}

static void carry_out(struct store_memory *m, const struct store_memory_item *change)
{
	switch (change->type) {
	case STORE_DEVICE_REMOVE:
		remove_where(m, STORE_DEVICE_PUT, change, false);
		remove_where(m, STORE_REGISTRATION_PUT, change, false);
		remove_where(m, STORE_KEY_PUT, change, false);
		remove_orders(m, change->name);
		break;
	case STORE_REGISTRATION_REMOVE:
		remove_where(m, STORE_REGISTRATION_PUT, change, false);
		break;
	case STORE_RELEASE_REMOVE:
		remove_where(m, STORE_RELEASE_PUT, change, false);
		break;
	case STORE_DENIAL_REMOVE:
		remove_where(m, STORE_DENIAL_PUT, change, false);
		break;
	case STORE_CLAIM_REMOVE:
		remove_where(m, STORE_CLAIM_PUT, change, false);
		break;
	case STORE_KEY_REMOVE:
		remove_where(m, STORE_KEY_PUT, change, false);
		break;
	case STORE_ORDER_REMOVE:
		remove_where(m, STORE_ORDER_PUT, change, true);
		break;
	case STORE_ROLLOUT_REMOVE:
		remove_where(m, STORE_ROLLOUT_PUT, change, true);
		remove_where(m, STORE_ENTRY_PUT, change, true);
		break;
	case STORE_DEVICE_PUT:
	case STORE_REGISTRATION_PUT:
	case STORE_RELEASE_PUT:
	case STORE_ROLLOUT_PUT:
	case STORE_ENTRY_PUT:
	case STORE_DENIAL_PUT:
	case STORE_CLAIM_PUT:
	case STORE_KEY_PUT:
	case STORE_ORDER_PUT:
	case STORE_EVENT_PUT:
		put(m, change);
		break;
	}
}

bool store_memory_due(struct store_memory *m, msec now, uint64_t *ret_ticket, bool *ret_ok)
{
	if (m->waiting == 0 || m->batches[m->first].at > now)
		return false;
	struct store_memory_batch *b = &m->batches[m->first];
	*ret_ticket = b->ticket;
	*ret_ok = !b->fails;
	if (b->fails) {
		drop_changes(b);
		for (uint32_t i = 1; i < m->waiting; i++) /* committed before this outcome is told */
			batch_at(m, i)->fails = true;
	} else {
		for (uint32_t i = 0; i < b->count; i++)
			carry_out(m, &b->changes[i]);
		b->count = 0;
		m->committed++;
	}
	m->first = (m->first + 1) % STORE_MEMORY_BATCHES_MAX;
	m->waiting--;
	return true;
}

static bool visit(const struct store_visitor *v, const struct store_memory_item *item)
{
	switch (item->type) {
	case STORE_DEVICE_PUT:
		return v->device(v->context, item->value);
	case STORE_REGISTRATION_PUT:
		return v->registration(v->context, item->name, item->value);
	case STORE_RELEASE_PUT:
		return v->release(v->context, item->value);
	case STORE_ROLLOUT_PUT:
		return v->rollout(v->context, item->value);
	case STORE_ENTRY_PUT:
		return v->entry(v->context, item->value);
	case STORE_DENIAL_PUT:
		return v->denial(v->context, item->value);
	case STORE_CLAIM_PUT:
		return v->claim(v->context, item->value);
	case STORE_KEY_PUT:
		return v->key(v->context, item->value);
	case STORE_ORDER_PUT:
		return v->order(v->context, item->value);
	case STORE_EVENT_PUT:
		return v->event(v->context, item->value);
	case STORE_DEVICE_REMOVE:
	case STORE_REGISTRATION_REMOVE:
	case STORE_RELEASE_REMOVE:
	case STORE_ROLLOUT_REMOVE:
	case STORE_DENIAL_REMOVE:
	case STORE_CLAIM_REMOVE:
	case STORE_KEY_REMOVE:
	case STORE_ORDER_REMOVE:
		break;
	}
	return false;
}

/* Who is denied comes first, as server/store.h says. */
static int rank_of(const struct store_memory_item *item)
{
	return item->type == STORE_DENIAL_PUT ? -1 : (int)item->type;
}

static int by_type_and_number(const void *a, const void *b)
{
	const struct store_memory_item *x = *(const struct store_memory_item *const *)a;
	const struct store_memory_item *y = *(const struct store_memory_item *const *)b;
	if (x->type != y->type)
		return rank_of(x) < rank_of(y) ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x < y ? -1 : 1; /* of the same rollout: as they came */
}

bool store_memory_load(const struct store_memory *m, const struct store_visitor *visitor)
{
	const struct store_memory_item **sorted = malloc((m->count + 1) * sizeof(struct store_memory_item *));
	bool loaded = true;
	assert(sorted != NULL);
	for (size_t i = 0; i < m->count; i++)
		sorted[i] = &m->items[i];
	qsort(sorted, m->count, sizeof *sorted, by_type_and_number);
	for (size_t i = 0; i < m->count && loaded; i++)
		loaded = visit(visitor, sorted[i]);
	free(sorted);
	return loaded;
}

size_t store_memory_count(const struct store_memory *m, enum store_change_type type)
{
	size_t count = 0;
	for (size_t i = 0; i < m->count; i++)
		count += m->items[i].type == type;
	return count;
}
