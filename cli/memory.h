/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Memory of a command-line tool, which has nothing better to do than to end when there is none left. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *memory_checked(void *p)
{
	if (p == NULL) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static inline void *memory_take(size_t len)
{
	return memory_checked(malloc(len == 0 ? 1 : len));
}

static inline void *memory_zeroed(size_t len)
{
	return memory_checked(calloc(1, len == 0 ? 1 : len));
}

static inline void *memory_resized(void *p, size_t len)
{
	return memory_checked(realloc(p, len == 0 ? 1 : len));
}

static inline char *memory_text(const char *text)
{
	size_t len = strlen(text) + 1;
	return (char *)memcpy(memory_take(len), text, len);
}
