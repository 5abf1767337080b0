/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The secure side of coapd: a second socket with DTLS in front of the same endpoint, for whoever has the pre-shared
 * key, or a certificate of the authorities. */
#pragma once

#include "cli/credentials.h"
#include "coap/endpoint.h"
#include "coap/io/loop.h"

#define COAPD_SECURE_SESSIONS_DEFAULT 1024
#define COAPD_SECURE_SESSIONS_MAX     2000000

struct coapd_secure_config {
	struct address local;
	uint64_t sessions; /* at once */
	uint64_t mtu;      /* of the narrowest link */
	bool is_verbose;   /* standard error hears of each session */
};

struct coapd_secure;

/* Listens. `credentials` must stay as long as it is open. NULL with a text in `*ret_reason` when it cannot. */
struct coapd_secure *coapd_secure_open(
	const struct coapd_secure_config *config, const struct credentials *credentials, const char **ret_reason);
void coapd_secure_close(struct coapd_secure *s); /* NULL is allowed */

/* What arrives goes to this endpoint from now on. */
void coapd_secure_watch(struct coapd_secure *s, struct coap_loop *loop, struct coap_endpoint *endpoint);
struct coap_transport coapd_secure_transport(struct coapd_secure *s);
msec coapd_secure_deadline(const struct coapd_secure *s);
void coapd_secure_tick(struct coapd_secure *s, msec now);
void coapd_secure_flush(struct coapd_secure *s);
