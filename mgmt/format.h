/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which Content-Format to use with a device: the best one that both know (lwm2m interface section 7).
 *
 * A device says what it understands in the `ct` of its root link, and by its version what it must understand: text,
 * opaque and link in every version, TLV in 1.0. What it announced counts; where it was silent, its version makes some
 * formats likely, and the answer (4.06, 4.15) shows the rest. So the choice is a list, best first: the caller takes the
 * next one when the one before was refused. */
#pragma once

#include "mgmt/value.h"

/* The device is left to choose: a Read without Accept. */
#define FORMAT_ANY            0xffff
#define FORMAT_CANDIDATES_MAX 8

enum format_purpose {
	FORMAT_READ,           /* of anything; values may be several */
	FORMAT_WRITE_ONE,      /* one value, to a single resource or a resource instance */
	FORMAT_WRITE_MANY,     /* an instance, or a resource with instances; also Create */
	FORMAT_COMPOSITE_READ, /* Accept and the body that names what is to be read */
	FORMAT_COMPOSITE_WRITE,
};

/* What a registration says. */
struct format_device {
	uint8_t minor;           /* of LwM2M 1.x */
	const uint16_t *formats; /* announced; borrowed */
	size_t format_count;
};

/* Writes the formats worth trying, best first, and returns their count; 0 when none is. `type` is that of the value for
 * FORMAT_WRITE_ONE. */
size_t format_candidates(const struct format_device *device, enum format_purpose purpose, enum value_type type,
	uint16_t ret[FORMAT_CANDIDATES_MAX]);
