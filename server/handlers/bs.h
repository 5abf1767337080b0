/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /bs: client-initiated bootstrap (lwm2m interface section 4). The Bootstrap-Request is answered at once; then, one
 * request after the other,
 *
 *     DELETE /0, DELETE /1, GET / (Bootstrap-Discover), for each account PUT /0/x and PUT /1/x, POST /bs (Finish)
 *
 * The instance that Discover still shows in object 0 is the device's account here, which it never deletes, so accounts
 * are written beside it. Whatever goes wrong ends the sequence before Finish: a device that applies what it was given
 * at Finish is then as it was, and one that applies it at once has no account but this one, and comes again. Its next
 * Bootstrap-Request begins from the start, also in the middle of a sequence. */
#pragma once

#include "server/composer.h"

enum coap_answer handlers_bs(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now);
/* /bspack: the same accounts at once, since LwM2M 1.2, in SenML CBOR, SenML JSON or LwM2M CBOR. */
enum coap_answer handlers_bspack(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now);
msec bs_deadline(const struct server *s);
void bs_tick(struct server *s, msec now);
