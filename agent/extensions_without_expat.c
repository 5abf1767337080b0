/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * In the place of extensions_linux.c where there is nothing to read definitions with. */
#include "agent/extensions_linux.h"

bool extensions_linux_is_there(void)
{
	return false;
}

struct extension_port extensions_linux_port(struct extensions_linux *x)
{
	(void)x;
	return (struct extension_port){.context = NULL};
}

void extensions_linux_start(struct extensions_linux *x, const struct extensions_linux_config *config, msec now)
{
	(void)x;
	(void)config;
	(void)now;
}

void extensions_linux_rescan(struct extensions_linux *x, msec now)
{
	(void)x;
	(void)now;
}

void extensions_linux_reap(struct extensions_linux *x, msec now)
{
	(void)x;
	(void)now;
}

void extensions_linux_done(struct extensions_linux *x)
{
	(void)x;
}
