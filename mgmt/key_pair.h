/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A pre-shared key as mgmtd gives it to a device (server/handlers/psk.h): the CBOR array [identity (text), key
 * (bytes)]. It is Fieldfare's own; LwM2M changes keys by a bootstrap alone. */
#pragma once

#include "coap/base/bytes.h"

#define KEY_PAIR_IDENTITY_MAX 128 /* RFC 4279 section 5.3 */
#define KEY_PAIR_KEY_MAX      64

void key_pair_write(struct writer *w, struct bytes identity, struct bytes key);
/* Both are borrowed from `body`. False when it is nothing of the kind, or one of them is empty or too long. */
bool key_pair_read(struct bytes body, struct bytes *ret_identity, struct bytes *ret_key);
