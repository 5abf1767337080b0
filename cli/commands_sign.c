/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * release sign: the manifest of an image, signed where the key is. */
#include "cli/files.h"
#include "cli/release_file.h"

#include "mgmt/signature_wolfcrypt.h"
#include "mgmt/uuid.h"

#include <string.h>

#define URI_PREFIX "/a/" /* relative to the server that a device sits at */

const struct option_spec release_sign_options[] = {
	{"key", "FILE", "the secret key, from mgmtctl keygen", false},
	{"image", "FILE", "the image", false},
	{"version", "TEXT", "the version that devices report when they run it", false},
	{"sequence", "N", "grows with each release of a product", false},
	{"vendor", "DOMAIN", "the vendor by its domain, or", false},
	{"vendor-id", "UUID", "by its UUID", false},
	{"class", "NAME", "the class of devices by its name, or", false},
	{"class-id", "UUID", "by its UUID", false},
	{"description", "TEXT", "for people", false},
	{"out", "FILE.suit", "where the signed manifest goes", false},
	{0},
};

static bool read_ids(struct mgmtctl *m, struct manifest *ret)
{
	const struct arguments *a = m->arguments;
	const char *vendor = arguments_value(a, "vendor"), *vendor_id = arguments_value(a, "vendor-id");
	const char *class_name = arguments_value(a, "class"), *class_id = arguments_value(a, "class-id");
	if ((vendor == NULL) == (vendor_id == NULL) || (class_name == NULL) == (class_id == NULL)) {
		complain_usage(m, "give one of --vendor and --vendor-id, and one of --class and --class-id");
		return false;
	}
	if (vendor != NULL) {
		uuid_vendor(bytes_of_text(vendor), ret->vendor_id);
	} else if (!uuid_parse(bytes_of_text(vendor_id), ret->vendor_id)) {
		complain_usage(m, "\"%s\" is no UUID", vendor_id);
		return false;
	}
	if (class_name != NULL) {
		uuid_class(ret->vendor_id, bytes_of_text(class_name), ret->class_id);
	} else if (!uuid_parse(bytes_of_text(class_id), ret->class_id)) {
		complain_usage(m, "\"%s\" is no UUID", class_id);
		return false;
	}
	return true;
}

static bool read_texts(struct mgmtctl *m, struct manifest *ret)
{
	const struct arguments *a = m->arguments;
	static const char *const needed[] = {"key", "image", "version", "sequence", "out"};
	unsigned long long sequence;
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (arguments_value(a, needed[i]) == NULL || *arguments_value(a, needed[i]) == '\0') {
			complain_usage(m, "--%s is missing", needed[i]);
			return false;
		}
	if (!arguments_number(arguments_value(a, "sequence"), 0, INT64_MAX, &sequence)) {
		complain_usage(m, "--sequence takes a number");
		return false;
	}
	const char *description = arguments_value(a, "description");
	ret->sequence = sequence;
	ret->version = bytes_of_text(arguments_value(a, "version"));
	ret->description = description != NULL ? bytes_of_text(description) : BYTES_NONE;
	if (ret->version.len > MANIFEST_VERSION_MAX || ret->description.len > MANIFEST_DESCRIPTION_MAX) {
		complain_usage(m, "the version has at most %d bytes, the description %d", MANIFEST_VERSION_MAX,
			MANIFEST_DESCRIPTION_MAX);
		return false;
	}
	return true;
}

static bool read_image(const char *name, struct manifest *ret)
{
	struct image_facts facts;
	FILE *image = fopen(name, "re");
	bool is_read = image != NULL && image_facts_of(image, &facts);
	if (image != NULL)
		fclose(image);
	if (!is_read || facts.size == 0) {
		complain(EXIT_REFUSED, is_read ? "%s is empty" : "cannot read %s", name);
		return false;
	}
	ret->size = facts.size;
	memcpy(ret->digest, facts.digest, sizeof ret->digest);
	return true;
}

static bool read_key(const char *name, struct trust_key *ret)
{
	char text[2u * TRUST_LINE_BYTES], error[FILES_ERROR_BYTES];
	struct bytes content;
	if (!files_read(name, text, sizeof text, &content, error)) {
		complain(EXIT_REFUSED, "%s", error);
		return false;
	}
	bool is_key = trust_parse_secret(content, ret);
	explicit_bzero(text, sizeof text);
	if (!is_key)
		complain(EXIT_REFUSED, "%s does not hold one secret key, as mgmtctl keygen makes it", name);
	return is_key;
}

static enum exit_status sign(struct mgmtctl *m, const struct manifest *manifest, const struct trust_key *key)
{
	uint8_t envelope[MANIFEST_ENVELOPE_MAX];
	char error[FILES_ERROR_BYTES];
	const char *out = arguments_value(m->arguments, "out");
	struct signature_port port = signature_wolfcrypt_port(&(const struct trust_anchors){0});
	struct signer_port signer = signature_wolfcrypt_signer(key);
	struct writer w = writer_of(envelope, sizeof envelope);
	enum manifest_reason reason = manifest_sign(manifest, &port, &signer, &w);
	if (reason != MANIFEST_GOOD)
		return complain(EXIT_REFUSED, "cannot sign: %s", manifest_reason_text(reason));
	if (!files_write(out, writer_bytes(&w), 0644, true, error))
		return complain(EXIT_REFUSED, "%s", error);
	json_t *said = release_file_json(writer_bytes(&w), error);
	if (m->is_json)
		print_json(said);
	else
		printf("%s: version %s, sequence %llu, image of %llu bytes, signed with %s by \"%s\"\n", out,
			text_member(said, "version"), (unsigned long long)manifest->sequence,
			(unsigned long long)manifest->size, trust_algorithm_name(key->algorithm), key->name);
	json_decref(said);
	return EXIT_DONE;
}

enum exit_status run_release_sign(struct mgmtctl *m)
{
	char uri[sizeof URI_PREFIX + 2 * SHA256_BYTES];
	struct trust_key key;
	struct manifest manifest = {.component = bytes_of_text("image")};
	if (!read_texts(m, &manifest) || !read_ids(m, &manifest))
		return EXIT_USAGE;
	if (!read_image(arguments_value(m->arguments, "image"), &manifest) ||
		!read_key(arguments_value(m->arguments, "key"), &key))
		return EXIT_REFUSED;
	struct writer w = writer_of(uri, sizeof uri);
	write_text(&w, URI_PREFIX);
	write_hex(&w, bytes_of(manifest.digest, sizeof manifest.digest));
	manifest.uri = writer_bytes(&w);
	enum exit_status status = sign(m, &manifest, &key);
	explicit_bzero(&key, sizeof key);
	return status;
}
