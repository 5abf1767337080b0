/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Names to addresses by the system's resolver, at once: whoever asks waits for it. For programs that have nothing else
 * to do; coap/io/resolver.h does not hold up a loop. */
#pragma once

#include "coap/uri.h"

/* Both: false when there is no address, and why. */
bool coap_resolve_name(const char *name, uint16_t port, struct address *ret, const char **ret_reason);
/* The host and port of a URI; nobody is asked when the host is an address. */
bool coap_resolve_uri(const struct coap_uri *uri, struct address *ret, const char **ret_reason);
