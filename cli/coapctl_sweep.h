/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * coapctl sweep: one request to many devices, without a memory of any of them (cli/sweep.h). */
#pragma once

#include "cli/coapctl_status.h"

/* The rest of the command line, with "sweep" as its first word. */
enum coapctl_status coapctl_sweep(int argc, char *argv[]);
