/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The port to the artifacts: bytes of images, named by their SHA-256 and by nothing else (server/artifact_files.h).
 *
 * An artifact that is found is whole, durable and never changes. An upload is fed piece by piece, is never whole in
 * memory, and becomes an artifact by its end: `finish` makes it durable, away from the loop, and the port's owner hands
 * the outcome to server_artifact_finished with the upload's ticket. */
#pragma once

#include "coap/base/slab.h"
#include "mgmt/signature.h"

#define ARTIFACT_NAME_BYTES (2 * SHA256_BYTES) /* hexadecimal */

enum artifact_result {
	ARTIFACT_DONE,
	ARTIFACT_TOO_LARGE,    /* above the configured size */
	ARTIFACT_WRONG_DIGEST, /* not the bytes that were announced */
	ARTIFACT_EMPTY,
	ARTIFACT_NO_SPACE, /* the disk or the quota is full */
	ARTIFACT_BUSY,     /* too many uploads at once */
	ARTIFACT_UNKNOWN,  /* no such upload, or it has ended */
	ARTIFACT_FAILED,   /* the disk does not work; what was stored before is not touched */
};

struct artifact {
	uint8_t digest[SHA256_BYTES];
	uint64_t size;
};

struct artifact_port {
	void *context;
	bool (*find)(void *context, const uint8_t digest[SHA256_BYTES], struct artifact *ret);
	/* Reads `len` bytes at `offset`, fewer at the end; gives how many, or a negative errno. */
	int64_t (*read)(void *context, const uint8_t digest[SHA256_BYTES], uint64_t offset, void *out, size_t len);
	/* The next artifact in no particular order; `*cursor` starts at 0. False at the end. */
	bool (*next)(void *context, uint64_t *cursor, struct artifact *ret);

	/* Begins an upload of at most `size` bytes, or of any size when it is not known (UINT64_MAX). `digest` is what
	 * it must turn out to be, or NULL. */
	enum artifact_result (*begin)(void *context, uint64_t size, const uint8_t *digest, struct handle *ret);
	/* The next bytes. Anything but DONE has ended the upload. */
	enum artifact_result (*append)(void *context, struct handle upload, struct bytes data);
	/* All bytes are there. DONE: the outcome follows under this ticket; otherwise the upload has ended. */
	enum artifact_result (*finish)(void *context, struct handle upload, uint64_t ticket);
	/* Gives it up; a handle whose upload has ended is ignored. */
	void (*cancel)(void *context, struct handle upload);
	/* Deletes an artifact; false when there is none. */
	bool (*remove)(void *context, const uint8_t digest[SHA256_BYTES]);
};

/* For people: "wrong digest". */
const char *artifact_result_text(enum artifact_result result);
/* The name of an artifact: 64 hexadecimal digits, of which lower case is written and both are read. */
void artifact_write_name(struct writer *w, const uint8_t digest[SHA256_BYTES]);
bool artifact_parse_name(struct bytes text, uint8_t ret[SHA256_BYTES]);
