/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A network of this process' own, for what loopback cannot show: a narrow path, and groups. */
#pragma once

#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Moves the process, for the rest of its life, to where there is nothing but a loopback, which takes packets of at most
 * `mtu` bytes and knows multicast. False when it may not. */
static inline bool own_network(int mtu)
{
	struct ifreq narrow = {.ifr_name = "lo", .ifr_mtu = mtu};
	struct ifreq flags = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_MULTICAST};
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
	bool is_made = ioctl(descriptor, SIOCSIFMTU, &narrow) == 0 && ioctl(descriptor, SIOCSIFFLAGS, &flags) == 0;
	(void)close(descriptor);
	return is_made;
}
