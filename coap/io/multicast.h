/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Groups of a UDP socket (RFC 7252 sections 8 and 12.8): which it listens to, and through which interface it speaks to
 * them. An edge. An interface is a number of the system, as it stands in the scope of an address. */
#pragma once

#include "coap/io/udp.h"

/* "224.0.1.187", "ff02::fd%eth0", "224.0.1.187%2": a multicast address and perhaps an interface, by name or number. */
bool coap_multicast_parse(const char *text, uint16_t port, struct address *ret);
/* Finds an interface by name or number. */
bool coap_multicast_interface(const char *text, uint32_t *ret);

/* Makes the socket a member of `group` on the interface that its scope names; with scope 0 on every interface that can
 * do multicast. The number of interfaces, or a negative errno when there is none. The socket must be bound to every
 * address, or to the group's. */
int coap_multicast_join(struct coap_udp *u, const struct address *group);
/* What is sent to groups leaves through this interface. 0 or a negative errno. */
int coap_multicast_leave_through(struct coap_udp *u, uint32_t interface);
