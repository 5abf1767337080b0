/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The handshake's view of who may come: credentials from wherever they are kept, as far as the server admits them.
 *
 * Claims (claims.h) are keys that the server keeps itself.
 *
 * It stands between the DTLS engine and the table of credentials. What the table does not know is refused there; what
 * it knows is asked of the server (server_admits), so that a revocation counts from the moment it lasts. A
 * certificate's principal gets the number that the server knows it by (server_certificate_number). */
#pragma once

#include "dtls/credential.h"
#include "server/server.h"

struct welcome {
	struct dtls_credentials inner;
	struct server *server;
	msec now; /* of what is being received; kept up to date by the owner */
};

/* Valid as long as `w` is. */
struct dtls_credentials welcome_port(struct welcome *w);
