/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Notifications (RFC 7641 section 4): the kept request of an observer is put to its resource again, and the result is
 * sent with the observer's token. An answer that is no success is the last word. */
#pragma once

#include "coap/endpoint_state.h"

/* Sends a notification to each observer who is due. */
void coap_notify_due(struct coap_endpoint *e, msec now);
/* A notification in flight was due to be sent again: when the state has changed since, the new one takes its place
 * (RFC 7641 section 4.5.2). */
void coap_notify_refresh(struct coap_endpoint *e, struct handle pending, struct handle observer, msec now);
