/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /artifacts and /releases: images go straight to the repository, piece by piece; envelopes are small. */
#include "server/http/request.h"
#include "server/http/view.h"

/* ---- artifacts ---- */

/* The length that was announced; chunked uploads have none. */
static uint64_t announced_length(struct request *r)
{
	const char *text = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t len;
	return text != NULL && parse_decimal(bytes_of_text(text), UINT64_MAX - 1, &len) ? len : UINT64_MAX;
}

static void begin_upload(struct request *r)
{
	const char *name = target_parameter(&r->target, "sha256");
	uint8_t digest[SHA256_BYTES];
	if (name != NULL && !artifact_parse_name(bytes_of_text(name), digest)) {
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_parameter", "sha256 is 64 hexadecimal digits");
		return;
	}
	enum artifact_result result =
		server_upload_begin(request_server(r), announced_length(r), name != NULL ? digest : NULL, &r->upload);
	r->has_upload = result == ARTIFACT_DONE;
	if (!r->has_upload)
		answer_upload_error(r, result);
}

static void uploaded(struct request *r, const struct server_done *done)
{
	answer_json(r, MHD_HTTP_CREATED, view_artifact(&done->stored));
}

static void finish_upload(struct request *r)
{
	struct server_ask ask = request_ask(r);
	if (r->uploaded == 0) {
		answer_upload_error(r, ARTIFACT_EMPTY);
		return;
	}
	r->has_upload = false;
	enum artifact_result why = ARTIFACT_FAILED;
	enum server_result result = server_upload_finish(request_server(r), r->upload, &ask, request_now(r), &why);
	if (result == SERVER_ARTIFACT)
		answer_upload_error(r, why);
	else
		answer_later(r, result, uploaded);
}

static void list_artifacts(struct request *r)
{
	uint64_t cursor = 0;
	struct artifact artifact;
	json_t *artifacts = json_array();
	while (server_artifact_next(request_server(r), &cursor, &artifact))
		json_array_append_new(artifacts, view_artifact(&artifact));
	answer_json(r, MHD_HTTP_OK, json_pack("{s:o}", "artifacts", artifacts));
}

/* ---- releases ---- */

static const struct release *find(struct request *r, const char *name)
{
	const struct release *release = server_release_find(request_server(r), bytes_of_text(name));
	if (release == NULL)
		answer_error(r, MHD_HTTP_NOT_FOUND, "no_release", "there is no release \"%.80s\"", name);
	return release;
}

static void list(struct request *r)
{
	uint32_t cursor = 0;
	const struct release *release;
	json_t *releases = json_array();
	while ((release = server_release_next(request_server(r), &cursor)) != NULL)
		json_array_append_new(releases, view_release(release));
	answer_json(r, MHD_HTTP_OK, json_pack("{s:o}", "releases", releases));
}

static void show(struct request *r)
{
	const struct release *release = find(r, request_star(r, 0));
	if (release != NULL)
		answer_json(r, MHD_HTTP_OK, view_release(release));
}

static void show_manifest(struct request *r)
{
	const struct release *release = find(r, request_star(r, 0));
	if (release != NULL)
		answer_octets(r, bytes_of(release->envelope, release->envelope_size));
}

/* Without a name, a release is called by its version. Nothing in the envelope is believed for it: a wrong one fails a
 * moment later in the composer, with its reason. */
static bool choose_name(struct request *r, char name[RELEASE_NAME_MAX + 1])
{
	const char *given = target_parameter(&r->target, "name");
	struct manifest_view view;
	struct manifest manifest;
	struct bytes text = BYTES_NONE;
	if (given != NULL)
		text = bytes_of_text(given);
	else if (manifest_open(request_body(r), &view) == MANIFEST_GOOD &&
		 manifest_read(&view, &manifest) == MANIFEST_GOOD)
		text = manifest.version;
	if (text.len > RELEASE_NAME_MAX) {
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_name", "a release's name has at most %d characters",
			RELEASE_NAME_MAX);
		return false;
	}
	if (text.len == 0)
		text = bytes_of_text("unnamed");
	memcpy(name, text.data, text.len);
	name[text.len] = '\0';
	return true;
}

static void added(struct request *r, const struct server_done *done)
{
	(void)done;
	const struct release *release = find(r, (const char *)r->body);
	if (release == NULL)
		return;
	answer_json(r, MHD_HTTP_CREATED, view_release(release));
}

static void add(struct request *r)
{
	char name[RELEASE_NAME_MAX + 1];
	struct server_ask ask = request_ask(r);
	if (request_body(r).len == 0) {
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_request", "the body is to be a signed SUIT envelope");
		return;
	}
	if (!choose_name(r, name))
		return;
	enum server_result result =
		server_release_add(request_server(r), bytes_of_text(name), request_body(r), &ask, request_now(r));
	/* The envelope is the composer's now; its place keeps the name until the answer. */
	if (result == SERVER_ACCEPTED)
		memcpy(r->body, name, sizeof name);
	answer_later(r, result, added);
}

static void remove_release(struct request *r)
{
	struct server_ask ask = request_ask(r);
	answer_later(r,
		server_release_remove(request_server(r), bytes_of_text(request_star(r, 0)), &ask, request_now(r)),
		answer_done_with_nothing);
}

const struct route routes_release[] = {
	{.method = "GET", .pattern = "/api/v1/artifacts", .role = ROLE_VIEWER, .run = list_artifacts},
	{.method = "POST",
		.pattern = "/api/v1/artifacts",
		.role = ROLE_OPERATOR,
		.query = "sha256",
		.body = BODY_UPLOAD,
		.begin = begin_upload,
		.run = finish_upload},
	{.method = "GET", .pattern = "/api/v1/releases", .role = ROLE_VIEWER, .run = list},
	{.method = "POST",
		.pattern = "/api/v1/releases",
		.role = ROLE_OPERATOR,
		.query = "name",
		.body = BODY_OCTETS,
		.run = add},
	{.method = "GET", .pattern = "/api/v1/releases/*", .role = ROLE_VIEWER, .run = show},
	{.method = "GET", .pattern = "/api/v1/releases/*/manifest", .role = ROLE_VIEWER, .run = show_manifest},
	{.method = "DELETE", .pattern = "/api/v1/releases/*", .role = ROLE_ADMIN, .run = remove_release},
	{0},
};
