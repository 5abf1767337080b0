/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/io/multicast.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define GROUP_TEXT_BYTES 128

bool coap_multicast_interface(const char *text, uint32_t *ret)
{
	uint64_t number;
	char name[IF_NAMESIZE];
	unsigned index = if_nametoindex(text);
	if (index == 0 && parse_decimal(bytes_of_text(text), UINT32_MAX, &number) && number > 0 &&
		if_indextoname((unsigned)number, name) != NULL)
		index = (unsigned)number;
	if (index == 0)
		return false;
	*ret = index;
	return true;
}

bool coap_multicast_parse(const char *text, uint16_t port, struct address *ret)
{
	char room[GROUP_TEXT_BYTES];
	struct address group;
	uint32_t interface = 0;
	size_t len = strcspn(text, "%");
	if (len >= sizeof room || (text[len] == '%' && !coap_multicast_interface(text + len + 1, &interface)))
		return false;
	if (!address_parse(bytes_of(text, len), port, &group) || !address_is_multicast(&group))
		return false;
	group.scope = interface;
	*ret = group;
	return true;
}

static int join_one(int descriptor, const struct address *group, uint32_t interface)
{
	struct ip_mreqn v4 = {.imr_ifindex = (int)interface};
	struct ipv6_mreq v6 = {.ipv6mr_interface = interface};
	memcpy(&v4.imr_multiaddr, group->ip + 12, sizeof v4.imr_multiaddr);
	memcpy(&v6.ipv6mr_multiaddr, group->ip, sizeof v6.ipv6mr_multiaddr);
	int result = address_is_ipv4(group) ? setsockopt(descriptor, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof v4)
					    : setsockopt(descriptor, IPPROTO_IPV6, IPV6_JOIN_GROUP, &v6, sizeof v6);
	return result < 0 ? -errno : 0;
}

static bool can_multicast(int descriptor, const char *name)
{
	struct ifreq request = {0};
	(void)strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
	return ioctl(descriptor, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_MULTICAST) != 0 &&
	       (request.ifr_flags & IFF_UP) != 0;
}

int coap_multicast_join(struct coap_udp *u, const struct address *group)
{
	int descriptor = coap_udp_descriptor(u), joined = 0, error = -ENODEV;
	if (group->scope != 0) {
		error = join_one(descriptor, group, group->scope);
		return error < 0 ? error : 1;
	}
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *at = all; at != NULL && at->if_index != 0; at++) {
		if (!can_multicast(descriptor, at->if_name))
			continue;
		error = join_one(descriptor, group, at->if_index);
		joined += error == 0;
	}
	if (all != NULL)
		if_freenameindex(all);
	return joined > 0 ? joined : error;
}

int coap_multicast_leave_through(struct coap_udp *u, uint32_t interface)
{
	struct ip_mreqn v4 = {.imr_ifindex = (int)interface};
	int v6 = (int)interface, descriptor = coap_udp_descriptor(u);
	bool has_v4 = setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof v4) == 0;
	bool has_v6 = setsockopt(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_IF, &v6, sizeof v6) == 0;
	return has_v4 || has_v6 ? 0 : -errno;
}
