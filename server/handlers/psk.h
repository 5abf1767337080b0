/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * POST /psk: a device that has proved itself by a pre-shared key asks for the next one (server/issued_key.h).
 *
 * The answer, 2.04 with Content-Format 60, is the CBOR array [identity (text), key (bytes)]. It leaves when the store
 * has the key, sealed. Whoever asks again gets the same pair until he has used it, so that an answer that was lost
 * costs nothing; the key he has used last stays good until then. Refused are guests, devices that have not registered
 * yet, and those that have proved themselves in another way (4.03). */
#pragma once

#include "server/composer.h"

enum coap_answer handlers_psk(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now);
/* The store has spoken about a key that was made. */
void handlers_psk_stored(struct server *s, const struct pending *p, bool ok, msec now);
