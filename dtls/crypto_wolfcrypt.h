/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The primitives of crypto.h by wolfCrypt. An edge: it allocates one AES object, once. */
#pragma once

#include "dtls/crypto.h"

/* False when the library cannot be initialised. */
bool dtls_crypto_wolfcrypt_init(struct dtls_crypto *ret);
void dtls_crypto_wolfcrypt_done(struct dtls_crypto *crypto);
