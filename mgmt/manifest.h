/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SUIT manifests: what is to be installed, where it is, and that whom we trust said so (draft-ietf-suit-manifest-37).
 *
 * We write and understand one shape, the download-and-check template (sections 7.1 to 7.3) for a single component:
 *
 *     107({ 2: << [ << [-16, SHA-256 of the manifest, its byte string head included] >>,
 *                   << 18([ << {1: algorithm} >>, {}, nil, signature ]) >> ] >>,
 *           3: << { 1: 1, 2: sequence number,
 *                   3: << { 2: [[component]],
 *                           4: << [20, {1: vendor, 2: class, 3: << [-16, digest] >>, 14: size}, 1, 15, 2, 15] >> } >>,
 *                   ? 4: reference URI,
 *                   7: << [3, 15] >>,
 *                   20: << [20, {21: URI}, 21, 2, 3, 15] >>,
 *                   ? 23: << {"en": {? 2: description, [component]: {6: version}}} >> } >> })
 *
 * Reading also takes an invoke sequence << [23, n] >> (key 9), payload fetch (16) in the place of install (20), and any
 * reporting policy from 0 to 15, and the algorithms by their newer names -9 and -19. Everything else is refused by
 * name: a manifest we do not wholly understand is not installed. The text (23) stands in the manifest itself and is not
 * severed, so the version people see is signed too; text fields we do not use are skipped.
 *
 * The signature is a COSE_Sign1 with detached payload over the SUIT_Digest (section 8.3, RFC 9052 section 4.4).
 * Authenticity comes first: open, authenticate, and only then read (section 6.2). Views borrow from the envelope. */
#pragma once

#include "mgmt/signature.h"

#define MANIFEST_ENVELOPE_MAX    4096
#define MANIFEST_BYTES_MAX       2048 /* the manifest alone, as we write it */
#define MANIFEST_URI_MAX         255
#define MANIFEST_VERSION_MAX     31
#define MANIFEST_DESCRIPTION_MAX 512
#define MANIFEST_COMPONENT_MAX   32
#define MANIFEST_UUID_BYTES      16

struct manifest {
	uint64_t sequence; /* grows with each release of a product; devices refuse what is not newer */
	uint8_t vendor_id[MANIFEST_UUID_BYTES], class_id[MANIFEST_UUID_BYTES];
	uint8_t digest[SHA256_BYTES]; /* of the image */
	uint64_t size;                /* of the image in bytes, at least 1 */
	struct bytes component;       /* one segment; our own tools write "image" */
	struct bytes uri;             /* of the image: absolute, or relative to where the manifest came from */
	struct bytes version;         /* text, 1 to MANIFEST_VERSION_MAX bytes; empty when the manifest has no text */
	struct bytes description;     /* may be empty */
	struct bytes reference_uri;   /* may be empty */
};

enum manifest_reason {
	MANIFEST_GOOD,
	MANIFEST_TOO_LARGE,
	MANIFEST_NOT_AN_ENVELOPE,            /* not tag 107 around a map of authentication and manifest */
	MANIFEST_MALFORMED,                  /* not CBOR, not shortest forms, truncated, or with bytes behind the end */
	MANIFEST_UNSIGNED,                   /* no authentication block */
	MANIFEST_UNSUPPORTED_AUTHENTICATION, /* not exactly one COSE_Sign1, or with headers we do not know */
	MANIFEST_UNSUPPORTED_ALGORITHM,
	MANIFEST_BAD_SIGNATURE_FORM,     /* not 64 bytes, or r or s is zero */
	MANIFEST_WRONG_DIGEST,           /* the manifest is not the one that was signed */
	MANIFEST_NOT_TRUSTED,            /* no trust anchor made this signature */
	MANIFEST_UNSUPPORTED_VERSION,    /* of the manifest format */
	MANIFEST_UNSUPPORTED_MEMBER,     /* a member of the manifest or of common we do not know */
	MANIFEST_UNSUPPORTED_COMPONENTS, /* not exactly one, of one segment */
	MANIFEST_UNSUPPORTED_COMMAND,    /* a sequence is not the one above */
	MANIFEST_UNSUPPORTED_PARAMETER,
	MANIFEST_INCOMPLETE, /* a required member, parameter or condition is missing */
	MANIFEST_BAD_VALUE,  /* a length or number out of its limits */
	MANIFEST_SIGNER_FAILED,
	MANIFEST_NO_ROOM, /* the writer is too small */
};

/* An envelope taken apart, its manifest still unread. */
struct manifest_view {
	enum signature_algorithm algorithm;
	struct bytes digest_item; /* the SUIT_Digest, as it is signed */
	struct bytes digest;      /* the 32 bytes in it */
	struct bytes protected_header;
	struct bytes signature;
	struct bytes wrapped;  /* the manifest with the head of its byte string: what the digest is over */
	struct bytes manifest; /* the manifest itself */
};

/* Takes the envelope apart; nothing in it is to be believed yet. */
enum manifest_reason manifest_open(struct bytes envelope, struct manifest_view *ret);
/* Digest and signature. */
enum manifest_reason manifest_authenticate(const struct manifest_view *view, const struct signature_port *port);
/* The content. A server without trust anchors may read what it has not authenticated, to show it. */
enum manifest_reason manifest_read(const struct manifest_view *view, struct manifest *ret);
/* The three in their order. */
enum manifest_reason manifest_check(struct bytes envelope, const struct signature_port *port, struct manifest *ret);

/* Writes the signed envelope; offline, where the secret key is. `port` serves for its sha256 only. */
enum manifest_reason manifest_sign(const struct manifest *m, const struct signature_port *port,
	const struct signer_port *signer, struct writer *w);

/* For people: "no trust anchor made this signature". */
const char *manifest_reason_text(enum manifest_reason reason);
