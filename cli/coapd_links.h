/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Resources for discovery (RFC 6690): /link1, /link2 and /link3, told apart by their attributes in /.well-known/core,
 * and /path, which lists its own sub-resources. */
#pragma once

#include "cli/coapd_table.h"

void coapd_links_init(struct coapd_table *table);
