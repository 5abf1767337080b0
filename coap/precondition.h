/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Conditional requests: If-Match and If-None-Match (RFC 7252 section 5.10.8).
 *
 * A client that has read a value says which one it wants replaced, so that what somebody else has written meanwhile is
 * not lost; one that wants to create says that nothing may be there yet. Only the handler knows what stands there, so
 * it asks this module before it does anything, and answers 4.12 when the precondition does not hold:
 *
 *     If-Match with an ETag         holds when the target exists with one of the ETags that are listed
 *     If-Match, empty               holds when the target exists
 *     If-None-Match                 holds when the target does not exist
 *
 * A request without either holds. With both, both must hold. */
#pragma once

#include "coap/resource.h"

/* `etag` is that of the target's current representation; empty when it has none or does not exist. */
bool coap_precondition_holds(const struct coap_request *request, bool exists, struct bytes etag);
