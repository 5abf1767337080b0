/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /dp: Send, by which a device reports without being asked (lwm2m interface section 6.1). */
#pragma once

#include "server/composer.h"

enum coap_answer handlers_send(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now);
