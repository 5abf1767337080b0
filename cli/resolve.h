/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The address behind a URI's host, by the system's resolver when it is a name. */
#pragma once

#include "coap/uri.h"

/* False when there is none, and why. Waits for the name service. */
bool resolve(const struct coap_uri *uri, struct address *ret, const char **ret_reason);
