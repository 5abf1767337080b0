/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The secure side of coapd: a second socket with DTLS and one pre-shared key, in front of the same endpoint. */
#pragma once

#include "coap/endpoint.h"
#include "coap/io/loop.h"

struct coapd_secure;

/* Listens with this key, of at most 64 bytes. NULL with a text in `*ret_reason` when it cannot. */
struct coapd_secure *coapd_secure_open(
	const struct address *local, struct bytes identity, struct bytes key, const char **ret_reason);
void coapd_secure_close(struct coapd_secure *s); /* NULL is allowed */

/* What arrives goes to this endpoint from now on. */
void coapd_secure_watch(struct coapd_secure *s, struct coap_loop *loop, struct coap_endpoint *endpoint);
bool coapd_secure_send(struct coapd_secure *s, const struct coap_remote *to, struct bytes message, msec now);
msec coapd_secure_deadline(const struct coapd_secure *s);
void coapd_secure_tick(struct coapd_secure *s, msec now);
void coapd_secure_flush(struct coapd_secure *s);
