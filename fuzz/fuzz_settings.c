/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * mgmtd's configuration file: a verdict for any text, and what was accepted keeps its promises. */
#include "server/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct settings settings;
	char path[64], message[SETTINGS_MESSAGE_BYTES] = "";
	int file = memfd_create("settings", MFD_CLOEXEC);
	if (file < 0 || write(file, data, size) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	bool good = settings_load(path, &settings, message);
	(void)close(file);
	if (good != (message[0] == '\0'))
		abort();
	if (good && (settings.listen_count == 0 || settings.devices == 0 || settings.pmin_s > settings.pmax_s ||
			    memchr(settings.store_path, '\0', sizeof settings.store_path) == NULL))
		abort();
	return 0;
}
