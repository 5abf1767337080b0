/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bodies of many blocks: /large, of any size, is made while it is read. */
#pragma once

#include "cli/coapd_table.h"

struct coapd_large {
	uint64_t size;
};

void coapd_large_init(struct coapd_large *l, uint64_t size, struct coapd_table *table);
