/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * coapctl sweep: one request to many devices, without a memory of any of them (cli/sweep.h). */
#pragma once

/* The rest of the command line, with "sweep" as its first word. Gives the exit status of the program. */
int coapctl_sweep(int argc, char *argv[]);
