/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Taking an envelope apart, and proving who signed it. Reading the manifest itself is manifest_read.c, making one
 * manifest_sign.c. */
#include "mgmt/manifest.h"

#include "mgmt/cbor.h"
#include "mgmt/suit.h"

/* A view to an authentication block: 18([protected, {}, nil, signature]). */
static enum manifest_reason open_block(struct bytes block, struct manifest_view *view)
{
	struct cbor_reader r = cbor_reader_of(block);
	if (cbor_read_tag(&r) != SUIT_COSE_SIGN1 || cbor_read_array(&r) != 4)
		return MANIFEST_UNSUPPORTED_AUTHENTICATION;
	view->protected_header = cbor_read_bytes(&r);
	uint64_t unprotected = cbor_read_map(&r);
	if (r.failed)
		return MANIFEST_MALFORMED;
	if (unprotected != 0)
		return MANIFEST_UNSUPPORTED_AUTHENTICATION;
	cbor_read_null(&r);
	view->signature = cbor_read_bytes(&r);
	cbor_read_end(&r);
	return r.failed ? MANIFEST_MALFORMED : MANIFEST_GOOD;
}

/* The fully specified names of the same two algorithms (RFC 9864), which draft-ietf-suit-mti prefers, are read too. */
static bool read_algorithm(int64_t number, enum signature_algorithm *ret)
{
	if (number == SIGNATURE_ES256 || number == SUIT_ESP256)
		*ret = SIGNATURE_ES256;
	else if (number == SIGNATURE_EDDSA || number == SUIT_ED25519)
		*ret = SIGNATURE_EDDSA;
	else
		return false;
	return true;
}

/* << {1: algorithm} >>, nothing else: a header we do not know might be critical (RFC 9052 section 3.1). */
static enum manifest_reason open_header(struct manifest_view *view)
{
	struct cbor_reader r = cbor_reader_of(view->protected_header);
	uint64_t members = cbor_read_map(&r);
	if (r.failed || members != 1 || cbor_read_unsigned(&r) != SUIT_COSE_ALGORITHM)
		return r.failed ? MANIFEST_MALFORMED : MANIFEST_UNSUPPORTED_AUTHENTICATION;
	int64_t algorithm = cbor_read_integer(&r);
	cbor_read_end(&r);
	if (r.failed)
		return MANIFEST_MALFORMED;
	return read_algorithm(algorithm, &view->algorithm) ? MANIFEST_GOOD : MANIFEST_UNSUPPORTED_ALGORITHM;
}

enum manifest_reason suit_read_digest(struct bytes item, struct bytes *ret)
{
	struct cbor_reader r = cbor_reader_of(item);
	uint64_t members = cbor_read_array(&r);
	int64_t algorithm = cbor_read_integer(&r);
	struct bytes digest = cbor_read_bytes(&r);
	cbor_read_end(&r);
	if (r.failed || members != 2)
		return MANIFEST_MALFORMED;
	if (algorithm != SUIT_SHA_256)
		return MANIFEST_UNSUPPORTED_ALGORITHM;
	if (digest.len != SHA256_BYTES)
		return MANIFEST_BAD_VALUE;
	*ret = digest;
	return MANIFEST_GOOD;
}

/* [ << digest >>, << block >> ]. No block is a forgery's first try; several are a feature we do not have. */
static enum manifest_reason open_authentication(struct bytes authentication, struct manifest_view *view)
{
	struct cbor_reader r = cbor_reader_of(authentication);
	uint64_t members = cbor_read_array(&r);
	view->digest_item = cbor_read_bytes(&r);
	if (r.failed)
		return MANIFEST_MALFORMED;
	if (members == 1)
		return MANIFEST_UNSIGNED;
	if (members != 2)
		return MANIFEST_UNSUPPORTED_AUTHENTICATION;
	struct bytes block = cbor_read_bytes(&r);
	cbor_read_end(&r);
	if (r.failed)
		return MANIFEST_MALFORMED;
	if (block.len == 0)
		return MANIFEST_UNSIGNED;
	enum manifest_reason reason = suit_read_digest(view->digest_item, &view->digest);
	if (reason == MANIFEST_GOOD)
		reason = open_block(block, view);
	return reason == MANIFEST_GOOD ? open_header(view) : reason;
}

static bool is_zero(struct bytes number)
{
	for (size_t i = 0; i < number.len; i++)
		if (number.data[i] != 0)
			return false;
	return true;
}

/* Forgeries with r = 0 or s = 0 have passed careless verifiers; they do not get as far as ours. */
static bool signature_is_formed(const struct manifest_view *view)
{
	return view->signature.len == SIGNATURE_BYTES && !is_zero(bytes_first(view->signature, SIGNATURE_BYTES / 2)) &&
	       !is_zero(bytes_from(view->signature, SIGNATURE_BYTES / 2));
}

enum manifest_reason manifest_open(struct bytes envelope, struct manifest_view *ret)
{
	struct manifest_view view = {.algorithm = SIGNATURE_ES256};
	struct cbor_reader r = cbor_reader_of(envelope);
	if (envelope.len > MANIFEST_ENVELOPE_MAX)
		return MANIFEST_TOO_LARGE;
	if (cbor_read_tag(&r) != SUIT_ENVELOPE || cbor_read_map(&r) != 2 ||
		cbor_read_unsigned(&r) != SUIT_AUTHENTICATION)
		return MANIFEST_NOT_AN_ENVELOPE;
	struct bytes authentication = cbor_read_bytes(&r);
	if (cbor_read_unsigned(&r) != SUIT_MANIFEST)
		return MANIFEST_NOT_AN_ENVELOPE;
	view.wrapped.data = r.at;
	view.manifest = cbor_read_bytes(&r);
	if (r.failed)
		return MANIFEST_MALFORMED;
	view.wrapped.len = (size_t)(r.at - view.wrapped.data);
	cbor_read_end(&r);
	if (r.failed)
		return MANIFEST_MALFORMED;
	enum manifest_reason reason = open_authentication(authentication, &view);
	if (reason == MANIFEST_GOOD && !signature_is_formed(&view))
		reason = MANIFEST_BAD_SIGNATURE_FORM;
	if (reason == MANIFEST_GOOD)
		*ret = view;
	return reason;
}

void suit_write_signed(struct writer *w, struct bytes protected_header, struct bytes digest_item)
{
	cbor_write_array(w, 4);
	cbor_write_text(w, bytes_of_text("Signature1"));
	cbor_write_bytes(w, protected_header);
	cbor_write_bytes(w, BYTES_NONE);
	cbor_write_bytes(w, digest_item);
}

enum manifest_reason manifest_authenticate(const struct manifest_view *view, const struct signature_port *port)
{
	uint8_t digest[SHA256_BYTES], text[SUIT_SIGNED_MAX];
	struct writer w = writer_of(text, sizeof text);
	port->sha256(port->context, view->wrapped, digest);
	if (!bytes_equal(bytes_of(digest, sizeof digest), view->digest))
		return MANIFEST_WRONG_DIGEST;
	suit_write_signed(&w, view->protected_header, view->digest_item);
	if (w.failed)
		return MANIFEST_UNSUPPORTED_AUTHENTICATION;
	return port->verify(port->context, view->algorithm, writer_bytes(&w), view->signature) ? MANIFEST_GOOD
											       : MANIFEST_NOT_TRUSTED;
}

enum manifest_reason manifest_check(struct bytes envelope, const struct signature_port *port, struct manifest *ret)
{
	struct manifest_view view;
	enum manifest_reason reason = manifest_open(envelope, &view);
	if (reason == MANIFEST_GOOD)
		reason = manifest_authenticate(&view, port);
	return reason == MANIFEST_GOOD ? manifest_read(&view, ret) : reason;
}

const char *manifest_reason_text(enum manifest_reason reason)
{
	switch (reason) {
	case MANIFEST_GOOD:
		return "good";
	case MANIFEST_TOO_LARGE:
		return "the envelope is too large";
	case MANIFEST_NOT_AN_ENVELOPE:
		return "this is not a SUIT envelope";
	case MANIFEST_MALFORMED:
		return "the encoding is malformed";
	case MANIFEST_UNSIGNED:
		return "there is no signature";
	case MANIFEST_UNSUPPORTED_AUTHENTICATION:
		return "the form of authentication is not supported";
	case MANIFEST_UNSUPPORTED_ALGORITHM:
		return "the algorithm is not supported";
	case MANIFEST_BAD_SIGNATURE_FORM:
		return "the signature has a wrong form";
	case MANIFEST_WRONG_DIGEST:
		return "the manifest is not the one that was signed";
	case MANIFEST_NOT_TRUSTED:
		return "no trust anchor made this signature";
	case MANIFEST_UNSUPPORTED_VERSION:
		return "the version of the manifest format is not supported";
	case MANIFEST_UNSUPPORTED_MEMBER:
		return "the manifest has a member that is not supported";
	case MANIFEST_UNSUPPORTED_COMPONENTS:
		return "the manifest is not for exactly one component";
	case MANIFEST_UNSUPPORTED_COMMAND:
		return "a command sequence is not supported";
	case MANIFEST_UNSUPPORTED_PARAMETER:
		return "a parameter is not supported";
	case MANIFEST_INCOMPLETE:
		return "a required part of the manifest is missing";
	case MANIFEST_BAD_VALUE:
		return "a value is out of its limits";
	case MANIFEST_SIGNER_FAILED:
		return "the signer failed";
	case MANIFEST_NO_ROOM:
		return "the manifest does not fit";
	}
	return "unknown";
}
