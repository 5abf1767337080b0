/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Signing keys as text, and the list of those that may sign releases for a device. A key is one line:
 *
 *     fieldfare-public es256 <128 hexadecimal digits: x, y> release key 2026
 *     fieldfare-public ed25519 <64 hexadecimal digits> spare
 *     fieldfare-secret es256 <64 digits: the scalar> release key 2026
 *
 * A file of trust anchors has several public lines; empty lines and lines that begin with # are skipped. Anything else
 * is an error, so that a typing mistake does not quietly remove an anchor. Pure text work: no file, no cryptography. */
#pragma once

#include "mgmt/signature.h"

#define TRUST_ANCHORS_MAX 8
#define TRUST_NAME_MAX    63
#define TRUST_LINE_BYTES  256

struct trust_key {
	enum signature_algorithm algorithm;
	bool is_secret;
	uint8_t len; /* of `bytes` */
	uint8_t bytes[SIGNATURE_KEY_MAX];
	char name[TRUST_NAME_MAX + 1]; /* for people; may be empty */
};

struct trust_anchors {
	uint8_t count;
	struct trust_key keys[TRUST_ANCHORS_MAX]; /* public ones only */
};

/* One line without its newline. */
bool trust_parse_key(struct bytes line, struct trust_key *ret);
void trust_write_key(struct writer *w, const struct trust_key *key);
/* A whole file. False, with the number of the line, on the first fault, on secret keys and on too many or no keys. */
bool trust_parse_anchors(struct bytes text, struct trust_anchors *ret, unsigned *ret_line);
/* A file that holds exactly one secret key. */
bool trust_parse_secret(struct bytes text, struct trust_key *ret);
const char *trust_algorithm_name(enum signature_algorithm algorithm);
