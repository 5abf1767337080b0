/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/cbor.h"
#include "mgmt/suit.h"

#define COMMON_MAX   256
#define SEQUENCE_MAX 384
#define TEXT_MAX     (MANIFEST_DESCRIPTION_MAX + MANIFEST_VERSION_MAX + MANIFEST_COMPONENT_MAX + 32)
#define POLICY_ALL   15 /* the reporting policies of the draft's examples (appendix B) */
#define POLICY_FETCH 2

static void write_command(struct writer *w, enum suit_command command, uint64_t policy)
{
	cbor_write_unsigned(w, command);
	cbor_write_unsigned(w, policy);
}

static void write_digest(struct writer *w, const uint8_t digest[SHA256_BYTES])
{
	cbor_write_array(w, 2);
	cbor_write_integer(w, SUIT_SHA_256);
	cbor_write_bytes(w, bytes_of(digest, SHA256_BYTES));
}

static void write_wrapped_digest(struct writer *w, const uint8_t digest[SHA256_BYTES])
{
	cbor_write_bytes_head(w, SUIT_DIGEST_BYTES);
	write_digest(w, digest);
}

/* Writes the inner writer's content as a byte string. */
static void wrap(struct writer *w, const struct writer *inner)
{
	w->failed = w->failed || inner->failed;
	cbor_write_bytes(w, writer_bytes(inner));
}

static void write_shared(struct writer *outer, const struct manifest *m)
{
	uint8_t text[COMMON_MAX];
	struct writer w = writer_of(text, sizeof text);
	cbor_write_array(&w, 6);
	cbor_write_unsigned(&w, SUIT_OVERRIDE_PARAMETERS);
	cbor_write_map(&w, 4);
	cbor_write_unsigned(&w, SUIT_PARAMETER_VENDOR);
	cbor_write_bytes(&w, bytes_of(m->vendor_id, MANIFEST_UUID_BYTES));
	cbor_write_unsigned(&w, SUIT_PARAMETER_CLASS);
	cbor_write_bytes(&w, bytes_of(m->class_id, MANIFEST_UUID_BYTES));
	cbor_write_unsigned(&w, SUIT_PARAMETER_DIGEST);
	write_wrapped_digest(&w, m->digest);
	cbor_write_unsigned(&w, SUIT_PARAMETER_SIZE);
	cbor_write_unsigned(&w, m->size);
	write_command(&w, SUIT_CONDITION_VENDOR, POLICY_ALL);
	write_command(&w, SUIT_CONDITION_CLASS, POLICY_ALL);
	wrap(outer, &w);
}

static void write_component(struct writer *w, const struct manifest *m)
{
	cbor_write_array(w, 1);
	cbor_write_bytes(w, m->component);
}

static void write_common(struct writer *outer, const struct manifest *m)
{
	uint8_t text[COMMON_MAX];
	struct writer w = writer_of(text, sizeof text);
	cbor_write_map(&w, 2);
	cbor_write_unsigned(&w, SUIT_COMPONENTS);
	cbor_write_array(&w, 1);
	write_component(&w, m);
	cbor_write_unsigned(&w, SUIT_SHARED_SEQUENCE);
	write_shared(&w, m);
	wrap(outer, &w);
}

static void write_validate(struct writer *outer)
{
	uint8_t text[8];
	struct writer w = writer_of(text, sizeof text);
	cbor_write_array(&w, 2);
	write_command(&w, SUIT_CONDITION_IMAGE_MATCH, POLICY_ALL);
	wrap(outer, &w);
}

static void write_install(struct writer *outer, const struct manifest *m)
{
	uint8_t text[SEQUENCE_MAX];
	struct writer w = writer_of(text, sizeof text);
	cbor_write_array(&w, 6);
	cbor_write_unsigned(&w, SUIT_OVERRIDE_PARAMETERS);
	cbor_write_map(&w, 1);
	cbor_write_unsigned(&w, SUIT_PARAMETER_URI);
	cbor_write_text(&w, m->uri);
	write_command(&w, SUIT_FETCH, POLICY_FETCH);
	write_command(&w, SUIT_CONDITION_IMAGE_MATCH, POLICY_ALL);
	wrap(outer, &w);
}

static bool has_text(const struct manifest *m)
{
	return m->version.len > 0 || m->description.len > 0;
}

static void write_texts(struct writer *outer, const struct manifest *m)
{
	uint8_t text[TEXT_MAX];
	struct writer w = writer_of(text, sizeof text);
	cbor_write_map(&w, 1);
	cbor_write_text(&w, bytes_of_text(SUIT_LANGUAGE));
	cbor_write_map(&w, (uint64_t)(m->description.len > 0) + (m->version.len > 0));
	if (m->description.len > 0) {
		cbor_write_unsigned(&w, SUIT_TEXT_DESCRIPTION);
		cbor_write_text(&w, m->description);
	}
	if (m->version.len > 0) {
		write_component(&w, m);
		cbor_write_map(&w, 1);
		cbor_write_unsigned(&w, SUIT_TEXT_VERSION);
		cbor_write_text(&w, m->version);
	}
	wrap(outer, &w);
}

static void write_manifest(struct writer *w, const struct manifest *m)
{
	bool has_reference = m->reference_uri.len > 0;
	cbor_write_map(w, (uint64_t)5 + has_reference + has_text(m));
	cbor_write_unsigned(w, SUIT_VERSION);
	cbor_write_unsigned(w, SUIT_FORMAT_VERSION);
	cbor_write_unsigned(w, SUIT_SEQUENCE_NUMBER);
	cbor_write_unsigned(w, m->sequence);
	cbor_write_unsigned(w, SUIT_COMMON);
	write_common(w, m);
	if (has_reference) {
		cbor_write_unsigned(w, SUIT_REFERENCE_URI);
		cbor_write_text(w, m->reference_uri);
	}
	cbor_write_unsigned(w, SUIT_VALIDATE);
	write_validate(w);
	cbor_write_unsigned(w, SUIT_INSTALL);
	write_install(w, m);
	if (has_text(m)) {
		cbor_write_unsigned(w, SUIT_TEXT);
		write_texts(w, m);
	}
}

static enum manifest_reason write_authentication(
	struct writer *outer, const uint8_t digest[SHA256_BYTES], const struct signer_port *signer)
{
	uint8_t text[160], header[8], digest_item[SUIT_DIGEST_BYTES], to_sign[SUIT_SIGNED_MAX];
	uint8_t signature[SIGNATURE_BYTES];
	struct writer h = writer_of(header, sizeof header), d = writer_of(digest_item, sizeof digest_item);
	struct writer s = writer_of(to_sign, sizeof to_sign), w = writer_of(text, sizeof text);
	cbor_write_map(&h, 1);
	cbor_write_unsigned(&h, SUIT_COSE_ALGORITHM);
	cbor_write_integer(&h, signer->algorithm);
	write_digest(&d, digest);
	suit_write_signed(&s, writer_bytes(&h), writer_bytes(&d));
	if (s.failed || !signer->sign(signer->context, writer_bytes(&s), signature))
		return MANIFEST_SIGNER_FAILED;
	cbor_write_tag(&w, SUIT_COSE_SIGN1);
	cbor_write_array(&w, 4);
	cbor_write_bytes(&w, writer_bytes(&h));
	cbor_write_map(&w, 0);
	cbor_write_null(&w);
	cbor_write_bytes(&w, bytes_of(signature, sizeof signature));
	uint8_t both[256];
	struct writer b = writer_of(both, sizeof both);
	cbor_write_array(&b, 2);
	wrap(&b, &d);
	wrap(&b, &w);
	wrap(outer, &b);
	return MANIFEST_GOOD;
}

/* What we write must be what we would read: the envelope is opened and read again before it is given away. */
static enum manifest_reason prove(struct bytes envelope, const uint8_t digest[SHA256_BYTES])
{
	struct manifest_view view;
	struct manifest manifest;
	enum manifest_reason reason = manifest_open(envelope, &view);
	if (reason == MANIFEST_GOOD && !bytes_equal(view.digest, bytes_of(digest, SHA256_BYTES)))
		reason = MANIFEST_WRONG_DIGEST;
	return reason == MANIFEST_GOOD ? manifest_read(&view, &manifest) : reason;
}

enum manifest_reason manifest_sign(
	const struct manifest *m, const struct signature_port *port, const struct signer_port *signer, struct writer *w)
{
	uint8_t text[MANIFEST_BYTES_MAX], wrapped_text[MANIFEST_BYTES_MAX + 8], digest[SHA256_BYTES];
	struct writer inner = writer_of(text, sizeof text), wrapped = writer_of(wrapped_text, sizeof wrapped_text);
	struct writer out = *w;
	write_manifest(&inner, m);
	wrap(&wrapped, &inner);
	if (wrapped.failed)
		return MANIFEST_BAD_VALUE;
	port->sha256(port->context, writer_bytes(&wrapped), digest);
	cbor_write_tag(&out, SUIT_ENVELOPE);
	cbor_write_map(&out, 2);
	cbor_write_unsigned(&out, SUIT_AUTHENTICATION);
	enum manifest_reason reason = write_authentication(&out, digest, signer);
	cbor_write_unsigned(&out, SUIT_MANIFEST);
	write_bytes(&out, writer_bytes(&wrapped));
	if (reason != MANIFEST_GOOD)
		return reason;
	if (out.failed)
		return MANIFEST_NO_ROOM;
	reason = prove(bytes_of(w->at, (size_t)(out.at - w->at)), digest);
	if (reason == MANIFEST_GOOD)
		*w = out;
	return reason;
}
