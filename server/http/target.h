/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a request is about: the path's segments and the query's parameters, percent-decoded one by one (RFC 3986 section
 * 2.4), so that a device may be called "urn:dev:ops:0000/1" and still be one segment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TARGET_SEGMENTS_MAX   8
#define TARGET_PARAMETERS_MAX 16
#define TARGET_BYTES          2048 /* all of it, decoded */

struct target {
	unsigned segment_count, parameter_count;
	const char *segments[TARGET_SEGMENTS_MAX];
	struct target_parameter {
		const char *name, *value;
	} parameters[TARGET_PARAMETERS_MAX];
	size_t used;
	char storage[TARGET_BYTES];
};

void target_init(struct target *t);
/* The path as it came over the wire. False when it is no good: too long, too deep, a bad escape, a zero byte. A slash
 * at the end counts for nothing. */
bool target_parse_path(struct target *t, const char *path);
/* One parameter as it came over the wire; `value` may be NULL. */
bool target_add_parameter(struct target *t, const char *name, const char *value);
/* The first value; NULL when the parameter is not there. */
const char *target_parameter(const struct target *t, const char *name);
/* Whether the segments are those of the pattern "/a/" "*" "/b", where a star stands for any one segment. */
bool target_matches(const struct target *t, const char *pattern);
/* The n-th segment that a star took; the target matches the pattern. */
const char *target_star(const struct target *t, const char *pattern, unsigned n);
