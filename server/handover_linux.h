/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One mgmtd takes the sockets of another over while both run, so that an upgrade without a service manager loses no
 * datagram either (edge). The running one listens on a socket in the file system that its user alone may use. It gives
 * its UDP sockets to whoever connects (SCM_RIGHTS) and stops as for SIGTERM; what comes meanwhile waits in their
 * queues. The end of that connection says that it is gone and has written everything, and the new one starts, which
 * finds the sockets as if a service manager had handed them over (activation_linux.h). */
#pragma once

#include <stdbool.h>

#define HANDOVER_SOCKETS_MAX 8
#define HANDOVER_ERROR_BYTES 256

/* Begins to listen; a socket or -1 with a line of reason. What lies at the path is replaced. */
int handover_listen(const char *path, char ret_error[HANDOVER_ERROR_BYTES]);
/* Accepts one and gives it the sockets. The connection, which is to stay open until the process ends, or -1. */
int handover_give(int listener, const int *sockets, unsigned count);
/* Takes the sockets of the one that listens there, and waits for its end. Before any descriptor is opened. */
bool handover_take(const char *path, char ret_error[HANDOVER_ERROR_BYTES]);
