/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Raw public keys by wolfCrypt: the SubjectPublicKeyInfo (RFC 5280 section 4.1) that stands in place of a certificate
 * (RFC 7250 section 3), and its SHA-256, which a key is known by. P-256 alone, written in one way: named curve and
 * uncompressed point (RFC 5480), so that a key has one digest. */
#pragma once

#include "dtls/credential.h"

#define RAW_KEY_INFO_MAX_BYTES 96 /* of a SubjectPublicKeyInfo; P-256 takes 91 */

/* The SubjectPublicKeyInfo of the public half of a private key in PEM; empty when that is no P-256 key. */
struct bytes raw_key_info(struct bytes private_pem, uint8_t room[RAW_KEY_INFO_MAX_BYTES]);
/* False only when the library fails. */
bool raw_key_digest(struct bytes info, uint8_t ret[DTLS_RAW_KEY_BYTES]);
/* What somebody writes down to mean a public key: its PEM, or the digest itself in hexadecimal. False when it is
 * neither, or no P-256 key. */
bool raw_key_parse(struct bytes text, uint8_t ret[DTLS_RAW_KEY_BYTES]);
