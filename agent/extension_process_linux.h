/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The program of one extension (edge): a child that is asked on its standard input and answers on its standard output,
 * or one that runs already and is reached by a Unix socket.
 *
 * A child has a process group of its own, a clean environment, the folder of its files as its directory, cannot gain
 * rights by what it executes, and ends with the agent. To end it means SIGTERM, and SIGKILL a second later. */
#pragma once

#include "agent/extension_stream.h"

#include <sys/types.h>

#define EXTENSION_HOW_BYTES 64

struct extension_process {
	pid_t pid;         /* of a child that has not been waited for; 0 for none */
	int input, output; /* where it listens, and where it talks; -1 when it is not connected */
	int complaints;    /* its standard error; -1 likewise */
	struct extension_stream stream;
};

/* As whom children run; all zero: as the agent does. */
struct extension_user {
	bool is_other;
	uid_t user;
	gid_t group;
};

void extension_process_init(struct extension_process *p);
/* Runs the program of this name in the folder. 0 or a negative errno; -EBUSY while the last child has not been waited
 * for. */
int extension_process_run(
	struct extension_process *p, const char *folder, const char *name, const struct extension_user *user);
int extension_process_connect(struct extension_process *p, const char *path);

/* All of the line or nothing: then false. */
bool extension_process_send(const struct extension_process *p, struct bytes line);
/* Takes what it has said into the stream. False when it says nothing any more. */
bool extension_process_receive(struct extension_process *p);

/* Sends the child and all its group a signal, if there is one. */
void extension_process_signal(const struct extension_process *p, int signal);
/* Nothing is heard of it any more, and nothing said to it. */
void extension_process_close(struct extension_process *p);
/* Whether the child has ended; `how` then says it, and whatever it left in its group is ended. */
bool extension_process_reap(struct extension_process *p, char how[EXTENSION_HOW_BYTES]);
