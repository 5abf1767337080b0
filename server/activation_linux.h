/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sockets that a service manager has opened for us and keeps while we are replaced (edge): systemd's protocol, in which
 * LISTEN_PID names our process and LISTEN_FDS says how many descriptors there are, from 3 on. What comes while nobody
 * reads waits in the socket's queue, so an upgrade loses no datagram. */
#pragma once

#include "coap/base/address.h"

/* The UDP socket bound to this address among those that were handed over; -1 when there is none. Each is given once. */
int activation_take(const struct address *local);
