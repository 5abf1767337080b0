/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A PKCS #11 module with one slot that does what a test tells it. The test finds `token_module` in the library. */
#pragma once

#include <stdbool.h>

struct token_module {
	unsigned long token_flags;  /* of C_GetTokenInfo */
	unsigned long login_result; /* of C_Login */
	bool token_is_seen;         /* looked for when the module starts, and then no more */
	bool token_is_there;
	bool is_started;
	unsigned logins, starts;
};

extern struct token_module token_module;
