/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One client's request that a proxy has under way, or one observer. For the files of the proxy alone. It lives as long
 * as an answer is owed to it or it watches:
 *
 *     taken --> (the host's name is resolved) --> asked --> answered --> released
 *                                                   |                        ^
 *                                                   +--> watching -----------+  the observer is forgotten, or has been
 *                                                                               told the end
 *
 * Invariants: a call with a waiter hears from the layer below, once with a final outcome or until it leaves; a call
 * with an observer is in the index of observers, and the endpoint tells when that one is forgotten. */
#pragma once

#include "coap/proxy.h"

#define COAP_PROXY_NO_BODY UINT32_MAX

struct coap_proxy_call {
	struct coap_proxy *proxy;
	const struct coap_proxy_route *route; /* NULL through the forward proxy */
	struct handle later;                  /* the answer owed to the client; HANDLE_NONE once given */
	struct handle observer;
	struct handle waiter;
	struct coap_remote to;
	enum coap_code method;
	enum coap_code end; /* what its observer is to be told last; COAP_EMPTY while all is well */
	uint32_t body;      /* slot of its body */
	uint32_t body_len;
	uint16_t options_len;
	uint8_t options[COAP_PROXY_OPTIONS_MAX_BYTES];
};

/* Takes a call for this request, with a copy of `options` and of the body, which waits from now on. False, with the
 * refusal filled in, when that is not possible. */
bool coap_proxy_call_take(struct coap_proxy *p, const struct coap_request *request, const struct coap_options *options,
	msec now, struct handle *ret_call, struct coap_response *ret);
/* Its client has been answered: it waits no longer. */
void coap_proxy_call_answered(struct coap_proxy *p, struct handle h);
void coap_proxy_call_release(struct coap_proxy *p, struct handle h);
/* Nobody wants its answer any more: it leaves the layer below and is released. */
void coap_proxy_call_drop(struct coap_proxy *p, struct handle h, msec now);

bool coap_proxy_call_find_observer(const struct coap_proxy *p, struct handle observer, struct handle *ret);
/* HANDLE_NONE for none any more. */
void coap_proxy_call_set_observer(struct coap_proxy *p, struct handle h, struct handle observer);

struct handle coap_proxy_call_handle(struct coap_proxy *p, const struct coap_proxy_call *call);
/* What it asks the server with; options and body are views of the call's copies. */
void coap_proxy_call_options(const struct coap_proxy_call *call, struct coap_options *ret);
struct bytes coap_proxy_call_body(const struct coap_proxy *p, const struct coap_proxy_call *call);
