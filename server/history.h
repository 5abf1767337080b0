/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What devices have told, over time: the port of a store for values with their moments, and what the server puts there.
 *
 * Numbers are kept as they came for a while, and by the minute and by the hour for longer: how many there were, least,
 * greatest and mean. Booleans are the numbers 0 and 1; texts are kept as they came only. Opaque values, links and texts
 * over HISTORY_TEXT_MAX are not kept.
 *
 * A value of the same resource and the same moment counts once, however often it arrives. */
#pragma once

#include "mgmt/model.h"
#include "mgmt/value.h"
#include "server/registry.h"

#define HISTORY_TEXT_MAX   64 /* bytes */
#define HISTORY_POINTS_MAX 1000

struct history_sample {
	const char *device;
	struct path path; /* of a resource or resource instance */
	wall_msec at;
	bool is_text;
	double number;
	struct bytes text;
};

enum history_step { HISTORY_RAW, HISTORY_MINUTE, HISTORY_HOUR };

/* One value, or what became of those of a minute or an hour that begins at `at`. */
struct history_point {
	wall_msec at;
	uint32_t count;
	double least, greatest, mean; /* of one value all the same */
	bool is_text;
	uint8_t text_len;
	char text[HISTORY_TEXT_MAX];
};

struct history_question {
	const char *device;
	struct path path;
	wall_msec since, until; /* from the one up to, but not with, the other */
	enum history_step step;
	size_t limit; /* at most HISTORY_POINTS_MAX */
};

struct history_counts {
	uint64_t kept, lost; /* samples; lost as they came too fast or the disk took no more */
	bool is_failing;     /* the latest could not be written */
};

/* All NULL: nothing is kept. */
struct history_port {
	void *context;
	/* Copied at once, written within a second or so. */
	void (*add)(void *context, const struct history_sample *sample);
	/* The device is gone: what is kept of it is not shown any more. */
	void (*forget)(void *context, const char *device);
	/* The oldest points in question. False when it cannot be read. */
	bool (*read)(void *context, const struct history_question *question, struct history_point *points,
		size_t *ret_count);
	void (*count)(void *context, struct history_counts *ret);
};

/* The moment of a value that arrived now, as the device says it (RFC 8428 section 4.5.3); now, when it says none or no
 * number. */
wall_msec history_moment(const struct record *record, wall_msec now);
/* What is to be added to the moments of a report whose newest is this one: 0, unless that lies in the future or before
 * what a device with a good clock could mean, a year ago. Then its newest value becomes one of now, and the distances
 * stay. */
wall_msec history_shift(wall_msec newest, wall_msec now);
/* False when it is none that is kept. The text is borrowed from the record. */
bool history_sample_of(
	const struct record *record, const char *device, wall_msec now, wall_msec shift, struct history_sample *ret);
