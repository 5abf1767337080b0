/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * agentd's configuration file: whatever it holds, it is taken, or refused with a message of one line. */
#include "agent/config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct config config;
	char message[CONFIG_MESSAGE_BYTES] = "", path[32];
	int fd = memfd_create("config", MFD_CLOEXEC);
	assert(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (config_load(path, &config, message))
		assert(config.endpoint[0] != '\0' &&
			(config.server.uri[0] != '\0' || config.bootstrap.uri[0] != '\0') && config.max_trials > 0);
	else
		assert(message[0] != '\0' && strchr(message, '\n') == NULL);
	(void)close(fd);
	return 0;
}
