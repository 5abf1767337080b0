/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The handshake's view of who may come: credentials from wherever they are kept, as far as the server admits them.
 *
 * Claims (claims.h) and keys it has made for devices (issued_key.h) are keys that the server keeps itself.
 *
 * It stands between the DTLS engine and the table of credentials. What the table does not know is refused there; what
 * it knows is asked of the server (server_admits), so that a revocation counts from the moment it lasts. A
 * certificate's principal gets the number that the server knows it by (server_certificate_number) in its upper half,
 * and the one of revocation lists (crl_files_number) in its lower. */
#pragma once

#include "dtls/credential.h"
#include "server/server.h"

/* What the revocation lists of authorities say of a certificate. */
struct welcome_lists {
	void *context;
	/* Whether it is on one, and then whether it is tried for the first time; and in any case its number. NULL:
	 * there are no lists. */
	bool (*has)(void *context, struct bytes certificate_der, uint32_t *ret_number, bool *ret_is_first);
};

struct welcome {
	struct dtls_credentials inner;
	struct welcome_lists lists;
	struct server *server;
	msec now; /* of what is being received; kept up to date by the owner */
};

/* Valid as long as `w` is. */
struct dtls_credentials welcome_port(struct welcome *w);
