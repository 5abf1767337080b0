/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Names to addresses without holding up the loop: one helper thread asks the system's resolver, one question after the
 * other, and the answers come back in the loop's thread. */
#pragma once

#include "coap/io/loop.h"
#include "coap/base/address.h"
#include "coap/base/slab.h"

#define COAP_RESOLVER_QUESTIONS_MAX 32
#define COAP_RESOLVER_NAME_MAX      255

struct coap_resolver;

/* `found` is NULL when the name has no address. */
typedef void coap_resolver_answer(void *context, struct handle ticket, const struct address *found, msec now);

/* Starts the thread. NULL when the system has none left. */
struct coap_resolver *coap_resolver_open(struct coap_loop *loop, coap_resolver_answer *answer, void *context);
/* Waits for the question being asked, forgets the others. NULL is allowed. */
void coap_resolver_close(struct coap_resolver *r);

/* Asks. False when too many wait, or the name is longer than a name may be. */
bool coap_resolver_ask(struct coap_resolver *r, struct bytes name, uint16_t port, struct handle ticket);
