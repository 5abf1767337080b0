/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How leaves tell what they did: a name and three numbers, handed to whoever listens. Libraries do not log; the
 * listener (a main, or the simulator) decides what becomes a line of text. A trace port never calls back. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct trace {
	void (*event)(void *context, const char *name, uint64_t a, uint64_t b, uint64_t c);
	void *context;
};

static inline void trace_event(const struct trace *t, const char *name, uint64_t a, uint64_t b, uint64_t c)
{
	if (t != NULL && t->event != NULL)
		t->event(t->context, name, a, b, c);
}
