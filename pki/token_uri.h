/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where a key lies that is in a token: a PKCS #11 URI (RFC 7512), of which these attributes are known:
 *
 *     pkcs11:token=fleet;object=authority?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/fieldfare/pin
 *
 * token and object are the labels of token and key, module-path is the token's library, pin-source a file (with "file:"
 * in front of it or not) whose first line is the user's PIN. All four are needed, and others refused: one that is
 * passed over might have meant another key. A PIN in the URI itself (pin-value) is refused, as it would stand in a
 * configuration. */
#pragma once

#include "coap/base/bytes.h"

#include <stdbool.h>

#define TOKEN_URI_PATH_MAX  255
#define TOKEN_URI_LABEL_MAX 63

struct token_uri {
	char token[TOKEN_URI_LABEL_MAX + 1], object[TOKEN_URI_LABEL_MAX + 1];
	char module[TOKEN_URI_PATH_MAX + 1], pin_source[TOKEN_URI_PATH_MAX + 1];
};

static inline bool token_uri_is(struct bytes text)
{
	return bytes_equal(bytes_first(text, 7), bytes_of_text("pkcs11:"));
}

/* NULL, or what is wrong with it. */
const char *token_uri_parse(struct bytes text, struct token_uri *ret);
