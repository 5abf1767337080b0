/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a body that was written says, for tests that cannot include mgmt/payload.h beside the simulated link. */
#pragma once

#include "mgmt/value.h"

/* Whether `body`, an instance in this Content-Format, gives the resource this value. */
bool written_has(uint16_t format, struct bytes body, struct path path, struct value wanted);
