/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Echo values that servers have sent us, to be sent back (RFC 9175 section 2.3): the client's side of coap/verify.h.
 *
 * The latest value of each of the COAP_ECHOES_MAX servers that gave one last is kept, for COAP_ECHO_LIFETIME, and goes
 * with every request to that server and no other; one that the server no longer likes is answered with a new one. After
 * that time it is dropped, so that nobody is told by it for long (section 6). */
#pragma once

#include "coap/transport.h"

#define COAP_ECHOES_MAX     16
#define COAP_ECHO_MAX_BYTES 40
#define COAP_ECHO_LIFETIME  SECONDS(120)

struct coap_echo {
	struct coap_remote remote;
	msec expires; /* 0: there is none */
	uint8_t len;
	uint8_t value[COAP_ECHO_MAX_BYTES];
};

/* All zero is empty. */
struct coap_echoes {
	struct coap_echo items[COAP_ECHOES_MAX];
	uint32_t count; /* places that have been used at all */
	uint32_t next;  /* place that is used next, once all have been */
};

/* Keeps a copy in place of an earlier value. One that is empty or too long is ignored (section 2.2.1). */
void coap_echo_keep(struct coap_echoes *t, const struct coap_remote *from, struct bytes value, msec now);
/* What to send to this server; false when there is nothing. Valid until the next keep. */
bool coap_echo_find(const struct coap_echoes *t, const struct coap_remote *to, msec now, struct bytes *ret);
void coap_echo_forget(struct coap_echoes *t, const struct coap_remote *remote);
