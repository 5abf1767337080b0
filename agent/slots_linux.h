/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Slots, boot choice and journal in one directory (edge):
 *
 *     <state_dir>/lock                 held while an agent runs
 *                 journal.0 journal.1  the two copies of the state
 *                 progress             which blocks of a download are there
 *                 slots/a slots/b      images, executable
 *                 slots/active         symbolic link to a or b, switched by rename
 *
 * The journal is overwritten in place, in space that was reserved when it was made, so it can be written even when the
 * disk is full. A torn write is the other copy's business (agent/journal.h). An image must leave SLOTS_RESERVE_BYTES
 * free. */
#pragma once

#include "agent/installer.h"
#include "agent/journal.h"

#define SLOTS_PATH_BYTES    320
#define SLOTS_RESERVE_BYTES (UINT64_C(256) * 1024)

struct slots_linux {
	int lock_fd, dir_fd, slots_fd; /* the directories; -1 when not open */
	int write_fd;                  /* of the slot that is being written; -1 */
	enum slot write_slot;
	char state_dir[256];
};

/* Makes what is missing and takes the lock. 0, or -errno with `*ret_path` the file it is about: -EWOULDBLOCK when
 * another agent holds the lock. `s` must outlive the ports. */
int slots_linux_open(struct slots_linux *s, const char *state_dir, const char **ret_path);
void slots_linux_close(struct slots_linux *s);

struct slot_port slots_linux_slots(struct slots_linux *s);
struct boot_port slots_linux_boot(struct slots_linux *s);
struct journal_port slots_linux_journal(struct slots_linux *s);

/* The file of a slot, to be executed. */
void slots_linux_path(const struct slots_linux *s, enum slot slot, char ret[SLOTS_PATH_BYTES]);
