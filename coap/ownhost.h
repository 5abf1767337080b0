/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * By which names a server is known, so that a request for another host is not answered as if it were for this one
 * (RFC 7252 sections 5.7.2 and 5.10.1).
 *
 * - Without names everything is the server's own.
 * - A request without Uri-Host means the address that it was sent to.
 * - Names are compared without regard to ASCII case (RFC 3986 section 3.2.2).
 * - An IP literal is right when it is an address the server listens on, or any if it listens on all.
 * - Uri-Port is not looked at: behind a translated port it is right to name another than the server knows. */
#pragma once

#include "coap/base/address.h"
#include "coap/message.h"

/* The names and addresses are the application's. */
struct coap_own_hosts {
	const char *const *names;
	uint32_t name_count;             /* 0: any host is right */
	const struct address *addresses; /* only the IP address of each counts; :: or 0.0.0.0 is all of them */
	uint32_t address_count;
};

/* Whether the request names no host or one of these. */
bool coap_host_is_own(const struct coap_own_hosts *own, const struct coap_message *m);
