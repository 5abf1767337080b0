/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The first exchange of a handshake, done without an engine and without memory of the peer: the ClientHello that asks,
 * and the HelloVerifyRequest that sends a cookie back (RFC 6347 sections 4.2.1 and 4.2.2). */
#pragma once

#include "dtls/record.h"

#define DTLS_RANDOM_BYTES               32
#define DTLS_HANDSHAKE_HEADER_BYTES     12
#define DTLS_HELLO_VERIFY_REQUEST_BYTES 60 /* record header, handshake header, version, length, cookie */

enum dtls_handshake_type { /* RFC 5246 section 7.4; only those that we look at */
	DTLS_HANDSHAKE_CLIENT_HELLO = 1,
	DTLS_HANDSHAKE_HELLO_VERIFY_REQUEST = 3,
	DTLS_HANDSHAKE_FINISHED = 20,
};

/* A ClientHello. All of it points into the datagram; the spans are without their length fields. */
struct dtls_hello {
	uint64_t record_number;
	uint16_t client_version;
	struct bytes version; /* client_version once more, as bytes for the cookie */
	struct bytes random, session_id, cookie, suites, compression;
	struct bytes extensions; /* empty: none */
};

/* Which forms of its key a client can prove itself with and take from us (RFC 7250 section 4.1). */
struct dtls_hello_keys {
	bool certificate, raw_key;
	bool prefers_raw_key; /* of both */
};

/* Whether the record is in the clear and begins a ClientHello, well formed or not. */
bool dtls_hello_is(const struct dtls_record *record);

/* False when it is malformed, fragmented, or of a client that cannot speak DTLS 1.2. What is in the extensions is the
 * engine's to judge. */
bool dtls_hello_parse(const struct dtls_record *record, struct dtls_hello *ret);

/* What the extensions server_certificate_type and client_certificate_type offer. Without them, and where they cannot be
 * read, it is certificates alone. A raw key counts only where the client binds itself to one for its own part, as
 * devices of RFC 7925 section 4.3 do: wolfSSL reads the Certificate message of a client that leaves this open as a
 * chain, whatever has been agreed on. */
struct dtls_hello_keys dtls_hello_keys(const struct dtls_hello *hello);

/* The answer to `hello`. It carries the number of the ClientHello's record, so that it needs no memory. */
void dtls_hello_write_verify_request(struct writer *w, const struct dtls_hello *hello, struct bytes cookie);
