/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Revocation lists of the authorities whose certificates are welcome (RFC 5280 section 5): the file that [dtls] crl
 * names has one or more, as PEM or one as DER (edge). Each must be signed by one of the anchors.
 *
 * A list that is older than it says it should be is still believed, and told about: a fleet that is locked out because
 * nobody fetched a list is worse than one that is a day behind. */
#pragma once

#include "coap/base/bytes.h"
#include "server/settings.h"
#include "server/welcome.h"

#define CRL_MARK_BYTES 16 /* SHA-256 of issuer and serial number, cut */

struct crl_mark {
	uint8_t digest[CRL_MARK_BYTES];
	bool was_tried; /* since the file was read */
};

struct crl_files {
	struct crl_mark *marks; /* sorted */
	uint32_t count, capacity;
	int64_t next_update; /* the earliest of the lists, in seconds since 1970; 0 when none says */
	bool is_old_told;    /* the owner's: that it has passed is in the log */
};

/* Reads the file; without one, nobody is on a list. False with a message of one line. */
bool crl_files_load(struct crl_files *c, const struct settings *settings, struct bytes anchors_pem,
	char message[SETTINGS_MESSAGE_BYTES]);
/* The port to it. The number is a short one, by which a session remembers its certificate: two in four thousand million
 * have the same. Whether a certificate is tried for the first time is counted from when the file was read. */
struct welcome_lists crl_files_port(struct crl_files *c);
/* Whether a certificate of this number is on a list. */
bool crl_files_has_number(const struct crl_files *c, uint32_t number);
void crl_files_done(struct crl_files *c);
