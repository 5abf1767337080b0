/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/services.h"

#include <assert.h>

void services_init(struct services *s, const struct services_port *port)
{
	memset(s, 0, sizeof *s);
	assert(port->count <= SERVICES_MAX);
	s->port = *port;
	for (uint8_t i = 0; i < SERVICES_MAX; i++)
		s->views[i].looked_at = NEVER;
}

/* A rate needs two looks at the same process: a restarted one has begun to count anew. */
static void note_load(struct service_view *view, const struct service_report *fresh, msec now)
{
	const struct service_report *before = &view->report;
	bool is_first = view->looked_at == NEVER || !before->has_cpu;
	view->has_load = !is_first && fresh->has_cpu && fresh->cpu_ms >= before->cpu_ms && now > view->looked_at;
	if (view->has_load)
		view->load_permille =
			(uint32_t)((fresh->cpu_ms - before->cpu_ms) * 1000 / (uint64_t)(now - view->looked_at));
}

const struct service_view *services_view(struct services *s, uint8_t i, msec now)
{
	struct service_view *view = &s->views[i];
	struct service_report fresh = {.state = SERVICE_UNKNOWN};
	assert(i < s->port.count);
	if (view->looked_at != NEVER && now - view->looked_at < SERVICES_AGE_MS)
		return view;
	s->port.look(s->port.context, i, &fresh);
	note_load(view, &fresh, now);
	view->report = fresh;
	view->looked_at = now;
	return view;
}
