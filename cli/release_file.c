/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/release_file.h"

#include "mgmt/signature_wolfcrypt.h"
#include "mgmt/uuid.h"

#include <string.h>

#define PIECE_BYTES 65536

bool image_facts_of(FILE *image, struct image_facts *ret)
{
	static uint8_t piece[PIECE_BYTES];
	struct sha256_stream stream;
	size_t len;
	sha256_stream_init(&stream);
	ret->size = 0;
	while ((len = fread(piece, 1, sizeof piece, image)) > 0) {
		sha256_stream_add(&stream, bytes_of(piece, len));
		ret->size += len;
	}
	sha256_stream_end(&stream, ret->digest);
	return ferror(image) == 0;
}

/* The digest is in the envelope beside what it is over; comparing them finds damage, though not forgery. */
static enum manifest_reason open_and_read(struct bytes envelope, struct manifest_view *view, struct manifest *ret)
{
	struct signature_port port = signature_wolfcrypt_port(&(const struct trust_anchors){0});
	uint8_t digest[SHA256_BYTES];
	enum manifest_reason reason = manifest_open(envelope, view);
	if (reason != MANIFEST_GOOD)
		return reason;
	port.sha256(port.context, view->wrapped, digest);
	if (!bytes_equal(bytes_of(digest, sizeof digest), view->digest))
		return MANIFEST_WRONG_DIGEST;
	return manifest_read(view, ret);
}

bool release_file_read(struct bytes envelope, struct manifest *ret, char ret_error[RELEASE_FILE_ERROR_BYTES])
{
	struct manifest_view view;
	enum manifest_reason reason = open_and_read(envelope, &view, ret);
	if (reason != MANIFEST_GOOD)
		snprintf(ret_error, RELEASE_FILE_ERROR_BYTES, "not a good release: %s", manifest_reason_text(reason));
	return reason == MANIFEST_GOOD;
}

static json_t *hex_json(const uint8_t *data, size_t len)
{
	char text[2 * SHA256_BYTES];
	struct writer w = writer_of(text, sizeof text);
	write_hex(&w, bytes_of(data, len));
	return json_stringn(text, writer_bytes(&w).len);
}

static json_t *uuid_json(const uint8_t uuid[UUID_BYTES])
{
	char text[UUID_TEXT_BYTES];
	struct writer w = writer_of(text, sizeof text);
	uuid_write(&w, uuid);
	return json_stringn(text, writer_bytes(&w).len);
}

static json_t *text_json(struct bytes text)
{
	json_t *value = json_stringn((const char *)text.data, text.len);
	return value != NULL ? value : json_string("?");
}

json_t *release_file_json(struct bytes envelope, char ret_error[RELEASE_FILE_ERROR_BYTES])
{
	struct manifest_view view;
	struct manifest m;
	enum manifest_reason reason = open_and_read(envelope, &view, &m);
	if (reason != MANIFEST_GOOD) {
		snprintf(ret_error, RELEASE_FILE_ERROR_BYTES, "not a good release: %s", manifest_reason_text(reason));
		return NULL;
	}
	struct signature_port port = signature_wolfcrypt_port(&(const struct trust_anchors){0});
	uint8_t digest[SHA256_BYTES];
	port.sha256(port.context, envelope, digest);
	json_t *o = json_pack("{s:o, s:I, s:o, s:o}", "version", text_json(m.version), "sequence",
		(json_int_t)m.sequence, "vendor_id", uuid_json(m.vendor_id), "class_id", uuid_json(m.class_id));
	if (m.description.len > 0)
		json_object_set_new(o, "description", text_json(m.description));
	json_object_set_new(o, "image",
		json_pack("{s:o, s:I}", "sha256", hex_json(m.digest, sizeof m.digest), "size", (json_int_t)m.size));
	json_object_set_new(o, "uri", text_json(m.uri));
	json_object_set_new(o, "manifest_sha256", hex_json(digest, sizeof digest));
	json_object_set_new(o, "algorithm", json_string(trust_algorithm_name(view.algorithm)));
	return o;
}
