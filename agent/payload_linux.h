/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The program in a slot as a child process (edge).
 *
 *     <slot file> <arguments>                the payload
 *     <slot file> <arguments> --self-test    its test: exit status 0 is "passed"
 *
 * A child is the leader of its own process group, has /dev/null as its input and the agent's output, and dies with the
 * agent. Stopping sends SIGTERM to the group and after PAYLOAD_GRACE_MS SIGKILL; the call waits for the end, because
 * two versions must never run at once. */
#pragma once

#include "agent/installer.h"
#include "agent/slots_linux.h"

#include <sys/types.h>

#define PAYLOAD_ARGUMENTS_MAX   32
#define PAYLOAD_ARGUMENTS_BYTES 512
#define PAYLOAD_GRACE_MS        2000

struct payload_linux {
	const struct slots_linux *slots;
	char text[PAYLOAD_ARGUMENTS_BYTES];
	char *arguments[PAYLOAD_ARGUMENTS_MAX];
	unsigned argument_count;
	pid_t pid; /* 0 when nothing runs */
	bool is_self_test;
};

/* What a child that has ended was. */
struct payload_linux_end {
	bool was_self_test;
	int status;      /* exit status, or 256 plus the signal's number */
	char reason[48]; /* "exit status 3", "killed by signal 11" */
};

/* `arguments` are words separated by spaces. False when there are too many. */
bool payload_linux_init(struct payload_linux *p, const struct slots_linux *slots, const char *arguments);
struct payload_port payload_linux_port(struct payload_linux *p);
/* To be asked after SIGCHLD: true when the child has ended by itself. */
bool payload_linux_reap(struct payload_linux *p, struct payload_linux_end *ret);
