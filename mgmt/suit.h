/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The numbers of SUIT (draft-ietf-suit-manifest-37 appendix A) and COSE (RFC 9052) that our manifests use, shared by
 * the three files that open, read and sign them. Private to them. */
#pragma once

#include "mgmt/manifest.h"

enum suit_tag { SUIT_COSE_SIGN1 = 18, SUIT_ENVELOPE = 107 };
enum suit_cose_header { SUIT_COSE_ALGORITHM = 1 };
enum suit_algorithm { SUIT_SHA_256 = -16, SUIT_ESP256 = -9, SUIT_ED25519 = -19 };
enum suit_envelope_member { SUIT_AUTHENTICATION = 2, SUIT_MANIFEST = 3 };

enum suit_member {
	SUIT_VERSION = 1,
	SUIT_SEQUENCE_NUMBER = 2,
	SUIT_COMMON = 3,
	SUIT_REFERENCE_URI = 4,
	SUIT_VALIDATE = 7,
	SUIT_INVOKE = 9,
	SUIT_PAYLOAD_FETCH = 16,
	SUIT_INSTALL = 20,
	SUIT_TEXT = 23,
};

enum suit_common_member { SUIT_COMPONENTS = 2, SUIT_SHARED_SEQUENCE = 4 };

enum suit_command {
	SUIT_CONDITION_VENDOR = 1,
	SUIT_CONDITION_CLASS = 2,
	SUIT_CONDITION_IMAGE_MATCH = 3,
	SUIT_OVERRIDE_PARAMETERS = 20,
	SUIT_FETCH = 21,
	SUIT_DIRECTIVE_INVOKE = 23,
};

enum suit_parameter {
	SUIT_PARAMETER_VENDOR = 1,
	SUIT_PARAMETER_CLASS = 2,
	SUIT_PARAMETER_DIGEST = 3,
	SUIT_PARAMETER_SIZE = 14,
	SUIT_PARAMETER_URI = 21,
};

enum suit_text_member { SUIT_TEXT_DESCRIPTION = 2, SUIT_TEXT_VERSION = 6 };

#define SUIT_FORMAT_VERSION 1
#define SUIT_POLICY_MAX     15 /* four bits of reporting policy */
#define SUIT_LANGUAGE       "en"
#define SUIT_DIGEST_BYTES   (4 + SHA256_BYTES) /* an encoded SUIT_Digest */
#define SUIT_SIGNED_MAX     (SUIT_DIGEST_BYTES + 32)

/* The 32 bytes of an encoded SUIT_Digest. */
enum manifest_reason suit_read_digest(struct bytes item, struct bytes *ret);
/* What is signed: the Sig_structure (RFC 9052 section 4.4). */
void suit_write_signed(struct writer *w, struct bytes protected_header, struct bytes digest_item);
