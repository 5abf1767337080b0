/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The shelf as files of the state directory (edge): a record is written under another name, synced, and renamed. */
#pragma once

#include "agent/shelf.h"

struct shelf_linux {
	const char *state_dir; /* borrowed */
};

struct shelf_port shelf_linux_port(struct shelf_linux *s);
