/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>

void progress_bar(double share, char ret[PROGRESS_BYTES])
{
	char bar[PROGRESS_WIDTH + 1];
	share = share > 0 ? (share < 1 ? share : 1) : 0;
	int filled = (int)(share * PROGRESS_WIDTH);
	memset(bar, '.', PROGRESS_WIDTH);
	memset(bar, '#', (size_t)filled);
	bar[PROGRESS_WIDTH] = '\0';
	snprintf(ret, PROGRESS_BYTES, "[%s] %3d%%", bar, (int)(share * 100));
}
