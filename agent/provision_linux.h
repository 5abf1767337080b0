/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The factory's work (edge): puts a first image into slot a, makes it the boot choice and writes the journal that an
 * agent begins with. A device that has ever confirmed an image is not provisioned again. */
#pragma once

#include "agent/installer.h"
#include "agent/journal.h"

#define PROVISION_MESSAGE_BYTES 512

struct provision {
	const char *image;   /* a file */
	const char *version; /* 1 to JOURNAL_VERSION_MAX printable characters */
	uint64_t sequence;
	bool has_sequence;
};

/* False with a message of one line; then the journal is as it was. */
bool provision_install(const struct provision *what, const struct slot_port *slots, const struct boot_port *boot,
	const struct journal_port *journal, char message[PROVISION_MESSAGE_BYTES]);
