/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/activation_linux.h"

#include "coap/io/socket_address.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST     3
#define COUNT_MAX 64

static unsigned number_of(const char *name)
{
	const char *text = getenv(name);
	uint64_t number;
	return text != NULL && parse_decimal(bytes_of_text(text), INT32_MAX, &number) ? (unsigned)number : 0;
}

static bool is_bound_to(int descriptor, const struct address *local)
{
	union socket_address name = {0};
	socklen_t len = sizeof name, type_len = sizeof(int);
	int type = 0;
	if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0 || type != SOCK_DGRAM ||
		getsockname(descriptor, &name.any, &len) < 0)
		return false;
	struct address bound = socket_address_from(&name);
	return address_equal(&bound, local);
}

int activation_take(const struct address *local)
{
	static bool is_taken[COUNT_MAX];
	unsigned count = number_of("LISTEN_PID") == (unsigned)getpid() ? number_of("LISTEN_FDS") : 0;
	for (unsigned i = 0; i < count && i < COUNT_MAX; i++)
		if (!is_taken[i] && is_bound_to((int)(FIRST + i), local)) {
			is_taken[i] = true;
			return (int)(FIRST + i);
		}
	return -1;
}
