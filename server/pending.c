/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Changes under way. A batch's ticket is the handle of its place here, so what comes back late or twice is found out.
 * Every batch takes along the events that the store does not have yet. */
#include "server/composer.h"

#include <assert.h>

struct pending *pending_begin(struct server *s, enum pending_kind kind)
{
	struct handle handle;
	assert(!s->batch_is_open);
	if (!slab_take(&s->pending_slab, &handle)) {
		s->counters.full++;
		return NULL;
	}
	struct pending *p = &s->pending[handle.slot];
	memset(p, 0, sizeof *p);
	p->kind = kind;
	s->batch_is_open = true;
	return p;
}

static struct handle handle_of(const struct server *s, const struct pending *p)
{
	return slab_handle(&s->pending_slab, (uint32_t)(p - s->pending));
}

void pending_detach(struct server *s)
{
	assert(s->batch_is_open);
	s->batch_is_open = false;
}

void pending_give(struct server *s, struct pending *p)
{
	slab_give(&s->pending_slab, handle_of(s, p));
}

uint64_t pending_ticket(const struct server *s, const struct pending *p)
{
	struct handle h = handle_of(s, p);
	return (uint64_t)h.generation << 32 | h.slot;
}

struct pending *pending_find(const struct server *s, uint64_t ticket)
{
	struct handle h = {.slot = (uint32_t)ticket, .generation = (uint32_t)(ticket >> 32)};
	return slab_is_valid(&s->pending_slab, h) ? &s->pending[h.slot] : NULL;
}

static void add_events(struct server *s, struct pending *p)
{
	const struct event *event;
	while ((event = events_submit(&s->events)) != NULL) {
		struct store_change change = {.type = STORE_EVENT_PUT, .event = event};
		if (p->first_event == 0)
			p->first_event = event->number;
		p->last_event = event->number;
		s->ports.store.add(s->ports.store.context, &change);
	}
}

bool pending_commit(struct server *s, struct pending *p, msec now)
{
	assert(s->batch_is_open);
	s->batch_is_open = false;
	add_events(s, p);
	s->counters.batches++;
	if (s->ports.store.commit(s->ports.store.context, pending_ticket(s, p), now))
		return true;
	s->counters.batches_failed++;
	if (p->first_event != 0)
		events_refused(&s->events, p->first_event);
	pending_give(s, p);
	s->save_at = msec_after(now, STORE_RETRY_MS);
	return false;
}

void pending_save_device(struct server *s, const struct device *device, msec now)
{
	struct device_record record = device_record(device);
	struct store_change change = {.type = STORE_DEVICE_PUT, .device = &record};
	struct pending *p = pending_begin(s, PENDING_RECORD);
	if (p == NULL)
		return;
	p->device = registry_handle(&s->registry, device);
	s->ports.store.add(s->ports.store.context, &change);
	/* When the store refuses, the device is asked again after its next Register. */
	(void)pending_commit(s, p, now);
}
