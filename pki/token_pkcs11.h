/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A key on P-256 that lies in a token (PKCS #11: a hardware security module, a smart card, SoftHSM; a TPM through
 * tpm2-pkcs11) and never leaves it (edge). The token's library is loaded when it is named, and nothing else of it.
 *
 * Signing waits for the token. A PIN is tried once for each opening and never again by itself, because tokens lock
 * after a few wrong ones, and not at all when the token says that one more locks it; a session that is lost (the token
 * was taken out and put in again) is opened anew at the next signature, at most once a minute. */
#pragma once

#include "pki/pki.h"
#include "pki/token_uri.h"

struct token_pkcs11;

/* Allocates. NULL with one line of what is wrong. `pin` is wiped by nobody but its owner. */
struct token_pkcs11 *token_pkcs11_open(const struct token_uri *uri, struct bytes pin, char *error, size_t error_size);
/* Accepts NULL. */
void token_pkcs11_close(struct token_pkcs11 *t);
/* The public half, when the token shows it: in an object of the same label. */
bool token_pkcs11_public(struct token_pkcs11 *t, uint8_t ret[PKI_PUBLIC_KEY_BYTES]);
/* Valid as long as the token. */
struct pki_signer token_pkcs11_signer(struct token_pkcs11 *t);
/* Of the last thing that failed; "" when nothing has. */
const char *token_pkcs11_error(const struct token_pkcs11 *t);
