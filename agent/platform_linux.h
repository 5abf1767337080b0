/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The machine as Linux shows it (edge): /proc, /sys, statvfs and the system's addresses. Nothing is cached but what a
 * rate needs; what a file does not tell stays 0 or empty. */
#pragma once

#include "agent/platform.h"

#define PLATFORM_TEXT_BYTES 64

struct platform_linux {
	char state_dir[256];
	uint64_t busy, total;              /* processor time at the last look, in ticks */
	struct platform_location location; /* the main's; without a time, the first good one is taken */
	bool may_reboot, wants_reboot;     /* the main looks at the latter */
	char manufacturer[PLATFORM_TEXT_BYTES], model[PLATFORM_TEXT_BYTES], serial[PLATFORM_TEXT_BYTES];
	char hardware_version[PLATFORM_TEXT_BYTES];
};

/* `state_dir` is on the file system whose space is reported. */
void platform_linux_init(struct platform_linux *p, const char *state_dir);
struct platform_port platform_linux_port(struct platform_linux *p);
/* What the machine says of itself, by DMI or device tree and by its machine-id. The texts live in `p`. */
struct platform_identity platform_linux_identity(const struct platform_linux *p);
