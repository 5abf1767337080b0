/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * release upload, list, show, remove: releases on the server. Signing them is in commands_sign.c, packing in
 * commands_pack.c. */
#include "cli/files.h"
#include "cli/http_client.h"
#include "cli/memory.h"
#include "cli/mgmtctl.h"
#include "cli/progress.h"
#include "cli/release_file.h"
#include "cli/when.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- upload ---- */

static const struct option_spec upload_options[] = {
	{"image", "FILE", "the image that was signed", false},
	{"name", "NAME", "what to call the release; the default is its version", false},
	{0},
};

static void show_upload(void *context, uint64_t sent, uint64_t total)
{
	char bar[PROGRESS_BYTES], size[WHEN_TEXT_BYTES];
	uint64_t *shown = context, thousandth = total > 0 ? sent * 1000 / total : 1000;
	if (thousandth == *shown)
		return;
	*shown = thousandth;
	progress_bar((double)thousandth / 1000, bar);
	when_bytes(total, size);
	fprintf(stderr, "\r%s of %s", bar, size);
	if (sent == total)
		fputc('\n', stderr);
}

/* The image goes first; the server takes a release only when it has its image. */
static enum exit_status send_image(struct mgmtctl *m, FILE *image, const struct image_facts *facts)
{
	char path[160];
	enum exit_status status;
	uint64_t shown = UINT64_MAX;
	struct writer w = writer_of(path, sizeof path - 1);
	write_text(&w, "/api/v1/artifacts?sha256=");
	write_hex(&w, bytes_of(facts->digest, sizeof facts->digest));
	*w.at = '\0';
	struct http_body body = {.content_type = "application/octet-stream",
		.len = facts->size,
		.file = image,
		.progress = isatty(STDERR_FILENO) == 1 && !m->is_json ? show_upload : NULL,
		.context = &shown};
	rewind(image);
	json_t *answer = api_send(m, "POST", path, &body, &status);
	json_decref(answer);
	return status;
}

static enum exit_status send_envelope(struct mgmtctl *m, struct bytes envelope)
{
	char path[512];
	enum exit_status status;
	const char *name = arguments_value(m->arguments, "name");
	char *escaped = http_client_escape(name != NULL ? name : "");
	snprintf(path, sizeof path, "/api/v1/releases%s%.400s", name != NULL ? "?name=" : "", escaped);
	free(escaped);
	struct http_body body = {
		.content_type = "application/octet-stream", .data = envelope.data, .len = envelope.len};
	json_t *answer = api_send(m, "POST", path, &body, &status);
	if (answer != NULL && m->is_json)
		print_json(answer);
	else if (answer != NULL)
		printf("release %s is on the server\nStart it with: mgmtctl rollout start %s --all\n",
			text_member(answer, "id"), text_member(answer, "id"));
	json_decref(answer);
	return status;
}

static enum exit_status check_and_send(struct mgmtctl *m, FILE *image, struct bytes envelope)
{
	struct image_facts facts;
	struct manifest manifest;
	char error[RELEASE_FILE_ERROR_BYTES];
	if (!release_file_read(envelope, &manifest, error))
		return complain(EXIT_REFUSED, "%s: %s", m->arguments->operands[0], error);
	if (!image_facts_of(image, &facts))
		return complain(EXIT_REFUSED, "cannot read %s", arguments_value(m->arguments, "image"));
	if (facts.size != manifest.size || memcmp(facts.digest, manifest.digest, SHA256_BYTES) != 0)
		return complain(EXIT_REFUSED, "%s is not the image that %s was signed for",
			arguments_value(m->arguments, "image"), m->arguments->operands[0]);
	enum exit_status status = send_image(m, image, &facts);
	return status == EXIT_DONE ? send_envelope(m, envelope) : status;
}

static enum exit_status run_upload(struct mgmtctl *m)
{
	uint8_t buffer[MANIFEST_ENVELOPE_MAX];
	struct bytes envelope;
	char error[FILES_ERROR_BYTES];
	const char *image_name = arguments_value(m->arguments, "image");
	if (image_name == NULL)
		return complain_usage(m, "--image FILE is missing");
	if (!files_read(m->arguments->operands[0], buffer, sizeof buffer, &envelope, error))
		return complain(EXIT_REFUSED, "%s", error);
	FILE *image = fopen(image_name, "re");
	if (image == NULL)
		return complain(EXIT_REFUSED, "cannot read %s", image_name);
	enum exit_status status = check_and_send(m, image, envelope);
	fclose(image);
	return status;
}

/* ---- list, show, remove ---- */

static void add_release(struct table *t, const json_t *release)
{
	char when[WHEN_TEXT_BYTES], size[WHEN_TEXT_BYTES];
	const json_t *bytes = json_object_get(json_object_get(release, "image"), "size");
	when_bytes((uint64_t)json_integer_value(bytes), size);
	table_add(t, TABLE_PLAIN, text_member(release, "id"));
	table_add(t, TABLE_PLAIN, text_member(release, "version"));
	table_add_format(t, TABLE_PLAIN, "%lld", (long long)json_integer_value(json_object_get(release, "sequence")));
	table_add(t, TABLE_PLAIN, size);
	table_add(
		t, TABLE_PLAIN, json_is_true(json_object_get(release, "verified")) ? "verified" : "not verified here");
	table_add(t, TABLE_PLAIN, moment_member(release, "added_at", when));
	table_add(t, TABLE_PLAIN, text_member(release, "description"));
}

static enum exit_status run_list(struct mgmtctl *m)
{
	static const struct table_column columns[] = {{"RELEASE", TABLE_LEFT}, {"VERSION", TABLE_LEFT},
		{"SEQUENCE", TABLE_RIGHT}, {"IMAGE", TABLE_RIGHT}, {"SIGNATURE", TABLE_LEFT}, {"ADDED", TABLE_LEFT},
		{"DESCRIPTION", TABLE_LEFT}, {0}};
	enum exit_status status;
	size_t i;
	json_t *answer = api_get(m, "/api/v1/releases", &status), *release;
	if (answer == NULL)
		return status;
	struct table *t = table_new(columns);
	json_array_foreach(json_object_get(answer, "releases"), i, release) add_release(t, release);
	if (m->is_json)
		print_json(answer);
	else if (json_array_size(json_object_get(answer, "releases")) == 0)
		puts("No releases. mgmtctl release sign makes one, mgmtctl release upload brings it here.");
	else
		table_print(t, m->has_color, stdout);
	table_free(t);
	json_decref(answer);
	return EXIT_DONE;
}

static void print_member(const json_t *object, const char *name, const char *member)
{
	const json_t *value = json_object_get(object, member);
	char *safe = json_is_string(value) ? table_safe_text(json_string_value(value)) : NULL;
	if (safe != NULL)
		printf("  %-14s %s\n", name, safe);
	else if (json_is_integer(value))
		printf("  %-14s %lld\n", name, (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		printf("  %-14s %s\n", name, json_is_true(value) ? "yes" : "no");
	free(safe);
}

static void print_release(const json_t *release)
{
	char when[WHEN_TEXT_BYTES];
	const json_t *image = json_object_get(release, "image");
	print_member(release, "release", "id");
	print_member(release, "version", "version");
	print_member(release, "description", "description");
	print_member(release, "sequence", "sequence");
	print_member(release, "vendor id", "vendor_id");
	print_member(release, "class id", "class_id");
	print_member(image, "image SHA-256", "sha256");
	print_member(image, "image bytes", "size");
	print_member(release, "image URI", "uri");
	print_member(release, "envelope", "manifest_sha256");
	print_member(release, "algorithm", "algorithm");
	print_member(release, "verified", "verified");
	if (json_object_get(release, "added_at") != NULL)
		printf("  %-14s %s\n", "added", moment_member(release, "added_at", when));
}

/* A file is read here, offline; anything else is the id of a release on the server. */
static json_t *load_release(struct mgmtctl *m, enum exit_status *ret)
{
	uint8_t buffer[MANIFEST_ENVELOPE_MAX];
	struct bytes envelope;
	struct stat facts;
	const char *name = m->arguments->operands[0];
	char error[FILES_ERROR_BYTES];
	if (stat(name, &facts) != 0 || !S_ISREG(facts.st_mode))
		return api_get(m, api_path("releases", name, ""), ret);
	json_t *release = NULL;
	if (files_read(name, buffer, sizeof buffer, &envelope, error))
		release = release_file_json(envelope, error);
	*ret = release != NULL ? EXIT_DONE : complain(EXIT_REFUSED, "%s: %s", name, error);
	return release;
}

static enum exit_status run_show(struct mgmtctl *m)
{
	enum exit_status status;
	json_t *release = load_release(m, &status);
	if (release != NULL && m->is_json)
		print_json(release);
	else if (release != NULL)
		print_release(release);
	json_decref(release);
	return status;
}

static enum exit_status run_remove(struct mgmtctl *m)
{
	enum exit_status status;
	json_decref(api_call(m, "DELETE", api_path("releases", m->arguments->operands[0], ""), NULL, &status));
	return status;
}

const struct command commands_release[] = {
	{"release sign", "--key K --image FILE --version V --sequence N ... --out FILE.suit",
		"makes a signed manifest for an image",
		"Works offline; the image is read once and not changed. Devices refuse what is not signed by a key "
		"whose public\n"
		"half they were given, is not for their vendor and class, or has a sequence number that is not above "
		"the one they\n"
		"run.",
		release_sign_options, 0, 0, run_release_sign},
	{"release pack", "FILE.suit --image FILE --out FILE", "makes one file of both, for servers that push",
		"A device takes it as a write to /5/0/0 (Firmware Update, Package), and checks it like one that it "
		"fetches.",
		release_pack_options, 1, 1, run_release_pack},
	{"release upload", "FILE.suit --image FILE", "brings a signed release and its image to the server",
		"The server checks that manifest and image belong together, and the signature where it was given trust "
		"anchors.",
		upload_options, 1, 1, run_upload},
	{"release list", "", "lists the releases on the server", NULL, NULL, 0, 0, run_list},
	{"release show", "FILE.suit|ID", "shows what a release says, from a file or from the server",
		"A file is only read: whether its signature is good is for those who have the trust anchors.", NULL, 1,
		1, run_show},
	{"release remove", "ID", "takes a release from the server", NULL, NULL, 1, 1, run_remove},
	{0},
};
