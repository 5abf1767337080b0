/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the update engine is at and what it wants done, as words for logs and tests. */
#pragma once

#include "agent/update.h"

const char *update_phase_name(enum update_phase phase);
const char *update_effect_name(enum update_effect_kind kind);
