/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A bar of fixed width, "[#######.............]  35%", as text; who draws it where is the caller's affair. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PROGRESS_WIDTH 24
#define PROGRESS_BYTES 40

/* `share` is from 0 to 1; what is outside is clamped. 100 % is shown only when all is done. */
void progress_bar(double share, char ret[PROGRESS_BYTES]);
