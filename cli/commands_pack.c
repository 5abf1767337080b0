/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * release pack: manifest and image as the one file that any server can push to a device (agent/package.h). */
#include "cli/files.h"
#include "cli/release_file.h"

#include "mgmt/cbor.h"

#include <string.h>
#include <unistd.h>

#define PIECE_BYTES 65536

const struct option_spec release_pack_options[] = {
	{"image", "FILE", "the image that was signed", false},
	{"out", "FILE", "where the package goes", false},
	{0},
};

static bool is_image_of(FILE *image, struct bytes envelope, uint64_t *ret_size)
{
	struct image_facts facts;
	struct manifest manifest;
	char error[RELEASE_FILE_ERROR_BYTES];
	*ret_size = 0;
	if (!release_file_read(envelope, &manifest, error) || !image_facts_of(image, &facts))
		return false;
	*ret_size = facts.size;
	return facts.size == manifest.size && memcmp(facts.digest, manifest.digest, SHA256_BYTES) == 0;
}

/* A CBOR sequence (RFC 8742): the envelope, and the image as a byte string. */
static bool write_package(FILE *out, struct bytes envelope, FILE *image, uint64_t size)
{
	static uint8_t piece[PIECE_BYTES];
	uint8_t head[16];
	size_t len;
	struct writer w = writer_of(head, sizeof head);
	cbor_write_bytes_head(&w, size);
	bool is_good = fwrite(envelope.data, 1, envelope.len, out) == envelope.len &&
		       fwrite(head, 1, writer_bytes(&w).len, out) == writer_bytes(&w).len;
	rewind(image);
	while (is_good && (len = fread(piece, 1, sizeof piece, image)) > 0) {
		is_good = len <= size && fwrite(piece, 1, len, out) == len;
		size -= len;
	}
	return is_good && size == 0 && fflush(out) == 0 && fsync(fileno(out)) == 0;
}

/* Beside its place and then into it, so that a package with the name is a whole one. */
static enum exit_status pack(const char *name, struct bytes envelope, FILE *image, uint64_t size)
{
	char beside[4096];
	if (snprintf(beside, sizeof beside, "%s.part", name) >= (int)sizeof beside)
		return complain(EXIT_REFUSED, "the name %.40s... is too long", name);
	FILE *out = fopen(beside, "we");
	if (out == NULL)
		return complain(EXIT_REFUSED, "cannot write %s", beside);
	bool is_written = write_package(out, envelope, image, size);
	is_written &= fclose(out) == 0;
	if (is_written && rename(beside, name) == 0)
		return EXIT_DONE;
	(void)unlink(beside);
	return complain(EXIT_REFUSED, "cannot write %s", name);
}

enum exit_status run_release_pack(struct mgmtctl *m)
{
	uint8_t buffer[MANIFEST_ENVELOPE_MAX];
	struct bytes envelope;
	uint64_t size;
	char error[FILES_ERROR_BYTES];
	const char *manifest = m->arguments->operands[0];
	const char *image_name = arguments_value(m->arguments, "image"), *out = arguments_value(m->arguments, "out");
	if (image_name == NULL || out == NULL)
		return complain_usage(m, "--%s FILE is missing", image_name == NULL ? "image" : "out");
	if (!files_read(manifest, buffer, sizeof buffer, &envelope, error))
		return complain(EXIT_REFUSED, "%s", error);
	FILE *image = fopen(image_name, "re");
	if (image == NULL)
		return complain(EXIT_REFUSED, "cannot read %s", image_name);
	enum exit_status status =
		is_image_of(image, envelope, &size)
			? pack(out, envelope, image, size)
			: complain(EXIT_REFUSED, "%s is not the image that %s was signed for", image_name, manifest);
	fclose(image);
	if (status == EXIT_DONE)
		printf("%s: %llu bytes, for Firmware Update by push (/5/0/0)\n", out,
			(unsigned long long)(size + envelope.len));
	return status;
}
