/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Watching services on Linux (edge): units of systemd over D-Bus, processes by their pid files and /proc, and commands.
 *
 * Commands run in the background: a look starts one that is due and tells how the last one ended, so its answer is as
 * old as the look before. One that takes longer than SERVICES_COMMAND_LIMIT_S is killed and has failed. */
#pragma once

#include "agent/services.h"

#include <sys/types.h>

#define SERVICES_PATH_BYTES       128
#define SERVICES_COMMAND_LIMIT_S  10
#define SERVICES_COMMAND_PERIOD_S 30

struct service_track {
	char path[SERVICES_PATH_BYTES]; /* of the pid file or the command */
	/* of a pid file */
	pid_t process;       /* the one that ran at the last look; 0 for none */
	uint64_t started_at; /* its start, in ticks since the machine's: tells it from a later one of the same number */
	bool has_run;
	/* of a command */
	pid_t running;     /* 0 when none is */
	int64_t started_s; /* CLOCK_BOOTTIME; 0 when none ever was */
	struct service_report last;
};

struct systemd_bus; /* agent/services_systemd.h */

struct services_linux {
	struct service_watch list[SERVICES_MAX];
	struct service_track tracks[SERVICES_MAX];
	uint8_t count;
	void *bus;                /* of services_systemd.h; NULL when not connected */
	int64_t bus_not_before_s; /* of the next try to connect */
};

/* Each text is a list of words: names of units, and name:path for the other two. False when one of them is malformed
 * or too long, or there are too many: `*ret_word` is the culprit, within the text. */
bool services_linux_init(struct services_linux *s, const char *units, const char *pid_files, const char *commands,
	const char **ret_word);
struct services_port services_linux_port(struct services_linux *s);
/* Ends commands that still run, and the connection to the bus. */
void services_linux_done(struct services_linux *s);
