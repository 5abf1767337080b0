/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_group.h"

#include "coap/io/multicast.h"

#include <stdio.h>
#include <string.h>

bool coapd_groups_add(struct coapd_groups *g, const char *text)
{
	return g->count < COAPD_GROUPS_MAX && coap_multicast_parse(text, 5683, &g->items[g->count++]);
}

bool coapd_groups_join(const struct coapd_groups *g, struct coap_udp *udp)
{
	for (uint32_t i = 0; i < g->count; i++) {
		char text[ADDRESS_TEXT_BYTES + 1] = "";
		struct writer w = writer_of(text, ADDRESS_TEXT_BYTES);
		int joined = coap_multicast_join(udp, &g->items[i]);
		if (joined > 0)
			continue;
		address_write(&w, &g->items[i]);
		(void)fprintf(stderr, "coapd: cannot join %s: %s\n", text, strerror(-joined));
		return false;
	}
	return true;
}
