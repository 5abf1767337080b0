/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/http/rig.h"

#include "mgmt/signature_wolfcrypt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const three[] = {"pump-1", "pump-2", "urn:dev:ops:0/1", NULL};

static int set_up(void **state)
{
	struct rig *rig = malloc(sizeof *rig);
	assert_non_null(rig);
	rig_init(rig, three);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	rig_done(*state);
	free(*state);
	return 0;
}

/* Status and the member "error" of the answer. */
static void assert_error(struct reply reply, int status, const char *name)
{
	json_t *body = reply_json(&reply);
	const char *error = json_string_value(json_object_get(body, "error"));
	if (reply.status != status || error == NULL || strcmp(error, name) != 0)
		fail_msg("expected %d %s, got %d: %s", status, name, reply.status, reply.body);
	assert_true(json_string_length(json_object_get(body, "message")) > 0);
	assert_non_null(strstr(reply.head, "application/json"));
	json_decref(body);
	reply_done(&reply);
}

static json_t *assert_status(struct reply reply, int status)
{
	if (reply.status != status)
		fail_msg("expected %d, got %d: %s", status, reply.status, reply.body);
	json_t *body = reply_json(&reply);
	reply_done(&reply);
	return body;
}

/* ---- who may ask ---- */

static void without_a_token_only_healthz_answers(void **state)
{
	struct rig *rig = *state;
	json_t *body = assert_status(rig_ask(rig, "GET", "/healthz", NULL, "", NULL, 0), 200);
	assert_string_equal(json_string_value(json_object_get(body, "status")), "ok");
	json_decref(body);
	struct reply reply = rig_ask(rig, "GET", "/api/v1/devices", NULL, "", NULL, 0);
	assert_non_null(strstr(reply.head, "WWW-Authenticate: Bearer"));
	assert_error(reply, 401, "no_token");
	assert_error(rig_ask(rig, "GET", "/api/v1/devices", "ff_0000", "", NULL, 0), 401, "unknown_token");
	assert_error(rig_ask(rig, "GET", "/api/v1/devices", NULL, "Authorization: Basic YWRtaW46YWRtaW4=\r\n", NULL, 0),
		401, "unknown_token");
}

static void the_admin_token_is_private_and_never_logged(void **state)
{
	struct rig *rig = *state;
	char file[128], text[256] = "";
	struct stat facts;
	snprintf(file, sizeof file, "%s/admin.token", rig->state_dir);
	assert_int_equal(stat(file, &facts), 0);
	assert_int_equal(facts.st_mode & 0777, 0600);
	snprintf(file, sizeof file, "%s/tokens", rig->state_dir);
	FILE *tokens = fopen(file, "r");
	assert_non_null(tokens);
	assert_non_null(fgets(text, sizeof text, tokens));
	fclose(tokens);
	assert_null(strstr(text, rig->admin));
	assert_non_null(strstr(rig->log, "admin.token"));
	assert_null(strstr(rig->log, rig->admin));
}

static void a_restart_keeps_the_tokens(void **state)
{
	struct rig *rig = *state;
	char before[RIG_TOKEN_BYTES];
	snprintf(before, sizeof before, "%s", rig->admin);
	rig_restart_http(rig);
	assert_string_equal(rig->admin, before);
	json_decref(assert_status(rig_ask(rig, "GET", "/api/v1/status", before, "", NULL, 0), 200));
}

static void roles_limit_what_a_token_may_do(void **state)
{
	struct rig *rig = *state;
	json_t *made =
		assert_status(rig_json(rig, "POST", "/api/v1/tokens", "{\"name\":\"eve\",\"role\":\"viewer\"}"), 201);
	const char *token = json_string_value(json_object_get(made, "token"));
	assert_non_null(token);
	json_decref(assert_status(rig_ask(rig, "GET", "/api/v1/devices", token, "", NULL, 0), 200));
	assert_error(rig_ask(rig, "POST", "/api/v1/rollouts/1/pause", token, "", NULL, 0), 403, "forbidden");
	assert_error(rig_ask(rig, "GET", "/api/v1/tokens", token, "", NULL, 0), 403, "forbidden");
	assert_error(rig_json(rig, "POST", "/api/v1/tokens", "{\"name\":\"eve\",\"role\":\"admin\"}"), 409, "exists");
	json_decref(assert_status(rig_json(rig, "DELETE", "/api/v1/tokens/eve", NULL), 204));
	assert_error(rig_ask(rig, "GET", "/api/v1/devices", token, "", NULL, 0), 401, "unknown_token");
	assert_error(rig_json(rig, "DELETE", "/api/v1/tokens/admin", NULL), 409, "last_admin");
	assert_null(strstr(rig->log, token));
	json_decref(made);
}

/* ---- what is no good ---- */

static void what_is_not_there_is_said_in_json(void **state)
{
	struct rig *rig = *state;
	assert_error(rig_json(rig, "GET", "/api/v1/nothing", NULL), 404, "no_such_path");
	assert_error(rig_json(rig, "GET", "/", NULL), 404, "no_such_path");
	assert_error(rig_json(rig, "GET", "/api/v1/devices/pump-9", NULL), 404, "no_device");
	assert_error(rig_json(rig, "DELETE", "/api/v1/devices/pump-9", NULL), 404, "no_device");
	assert_error(rig_json(rig, "GET", "/api/v1/rollouts/7", NULL), 404, "no_rollout");
	assert_error(rig_json(rig, "GET", "/api/v1/rollouts/seven", NULL), 404, "no_rollout");
	assert_error(rig_json(rig, "GET", "/api/v1/releases/1.0", NULL), 404, "no_release");
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
	struct rig *rig = *state;
	struct reply reply = rig_json(rig, "PATCH", "/api/v1/devices/pump-1", NULL);
	assert_non_null(strstr(reply.head, "Allow: GET, DELETE"));
	assert_error(reply, 405, "method_not_allowed");
}

static void bad_targets_and_parameters_are_refused(void **state)
{
	struct rig *rig = *state;
	assert_error(rig_json(rig, "GET", "/api/v1/devices/%zz", NULL), 400, "bad_target");
	assert_error(rig_json(rig, "GET", "/api/v1/devices/a%00b", NULL), 400, "bad_target");
	assert_error(rig_json(rig, "GET", "/api/v1/devices?color=red", NULL), 400, "unknown_parameter");
	assert_error(rig_json(rig, "GET", "/api/v1/devices?limit=-1", NULL), 400, "bad_parameter");
	assert_error(rig_json(rig, "GET", "/api/v1/devices?limit=1001", NULL), 400, "bad_parameter");
	assert_error(rig_json(rig, "GET", "/api/v1/devices?state=sleepy", NULL), 400, "bad_parameter");
	assert_error(rig_json(rig, "GET", "/api/v1/events/stream?types=everything", NULL), 400, "bad_parameter");
}

static void bad_json_is_refused_with_its_place(void **state)
{
	struct rig *rig = *state;
	struct reply reply = rig_json(rig, "POST", "/api/v1/rollouts", "{\"release\": \"1\",\n nonsense}");
	assert_non_null(strstr(reply.body, "line 2"));
	assert_error(reply, 400, "bad_json");
	assert_error(rig_json(rig, "POST", "/api/v1/rollouts", "[1]"), 400, "bad_json");
	assert_error(
		rig_json(rig, "POST", "/api/v1/rollouts", "{\"release\":\"1\",\"release\":\"2\"}"), 400, "bad_json");
	reply = rig_json(
		rig, "POST", "/api/v1/rollouts", "{\"release\":\"1\",\"selection\":{\"all\":true},\"wafes\":[]}");
	assert_non_null(strstr(reply.body, "wafes"));
	assert_error(reply, 400, "bad_request");
	assert_error(rig_ask(rig, "POST", "/api/v1/rollouts", rig->admin, "Content-Type: text/plain\r\n", "{}", 2), 415,
		"unsupported_media_type");
	assert_error(rig_ask(rig, "GET", "/api/v1/devices", rig->admin, "", "x", 1), 400, "bad_request");
}

static void bodies_over_their_limit_are_refused(void **state)
{
	struct rig *rig = *state;
	size_t len = 300000;
	char *large = malloc(len);
	assert_non_null(large);
	memset(large, ' ', len);
	const char *json = "Content-Type: application/json\r\n", *octets = "Content-Type: application/octet-stream\r\n";
	assert_error(rig_ask(rig, "POST", "/api/v1/rollouts", rig->admin, json, large, len), 413, "too_large");
	assert_error(rig_ask(rig, "POST", "/api/v1/releases", rig->admin, octets, large, 4097), 413, "too_large");
	/* Without a length, the limit shows on the way. */
	int fd = rig_connect(rig);
	char text[65536];
	snprintf(text, sizeof text,
		"POST /api/v1/releases HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n%sTransfer-Encoding: "
		"chunked\r\n\r\n"
		"2000\r\n",
		rig->admin, octets);
	rig_send_text(rig, fd, text);
	rig_send(rig, fd, large, 0x2000);
	rig_send_text(rig, fd, "\r\n0\r\n\r\n");
	assert_true(rig_read_until(rig, fd, text, sizeof text, "too_large"));
	assert_non_null(strstr(text, "HTTP/1.1 413"));
	close(fd);
	free(large);
}

/* ---- devices ---- */

static void devices_are_listed_filtered_and_paged(void **state)
{
	struct rig *rig = *state;
	json_t *all = assert_status(rig_json(rig, "GET", "/api/v1/devices", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(all, "devices")), 3);
	assert_null(json_object_get(all, "next"));
	json_decref(all);
	json_t *some = assert_status(rig_json(rig, "GET", "/api/v1/devices?name=pump&state=registered", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(some, "devices")), 2);
	json_decref(some);
	size_t seen = 0;
	char target[64] = "/api/v1/devices?limit=2";
	for (int page = 0; page < 5; page++) {
		json_t *answer = assert_status(rig_json(rig, "GET", target, NULL), 200),
		       *next = json_object_get(answer, "next");
		seen += json_array_size(json_object_get(answer, "devices"));
		bool is_last = next == NULL;
		snprintf(target, sizeof target, "/api/v1/devices?limit=2&after=%lld",
			(long long)json_integer_value(next));
		json_decref(answer);
		if (is_last)
			break;
	}
	assert_int_equal(seen, 3);
}

static void a_device_is_shown_by_its_escaped_name(void **state)
{
	struct rig *rig = *state;
	json_t *d = assert_status(rig_json(rig, "GET", "/api/v1/devices/urn%3adev:ops:0%2F1", NULL), 200);
	assert_string_equal(json_string_value(json_object_get(d, "endpoint")), "urn:dev:ops:0/1");
	assert_string_equal(json_string_value(json_object_get(d, "state")), "registered");
	assert_string_equal(json_string_value(json_object_get(d, "firmware_version")), "1.0.0");
	assert_string_equal(json_string_value(json_object_get(d, "address")), "192.0.2.7:5684");
	assert_string_equal(json_string_value(json_object_get(d, "registered_at")), "2023-11-14T22:13:20.000Z");
	assert_int_equal(json_array_size(json_object_get(d, "objects")), 1);
	json_decref(d);
	json_t *health = assert_status(rig_json(rig, "GET", "/api/v1/devices/pump-1/health", NULL), 200);
	assert_int_equal(json_object_size(health), 0);
	json_decref(health);
}

static void a_removal_answers_when_it_is_durable(void **state)
{
	struct rig *rig = *state;
	uint64_t before = rig->store.committed;
	json_decref(assert_status(rig_json(rig, "DELETE", "/api/v1/devices/pump-2", NULL), 204));
	assert_true(rig->store.committed > before);
	assert_error(rig_json(rig, "GET", "/api/v1/devices/pump-2", NULL), 404, "no_device");
	rig->store.fail_batches = 1;
	assert_error(rig_json(rig, "DELETE", "/api/v1/devices/pump-1", NULL), 503, "store_failed");
	json_decref(assert_status(rig_json(rig, "GET", "/api/v1/devices/pump-1", NULL), 200));
}

static void tags_are_set_and_selected_by(void **state)
{
	struct rig *rig = *state;
	json_decref(assert_status(
		rig_json(rig, "PUT", "/api/v1/devices/pump-1/tags", "{\"tags\":[\"north\",\"v2\"]}"), 200));
	json_t *some = assert_status(rig_json(rig, "GET", "/api/v1/devices?tag=v2", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(some, "devices")), 1);
	json_decref(some);
	assert_error(
		rig_json(rig, "PUT", "/api/v1/devices/pump-1/tags", "{\"tags\":[\"two words\"]}"), 400, "bad_request");
	assert_error(rig_json(rig, "PUT", "/api/v1/devices/pump-1/tags", "{\"tags\":\"north\"}"), 400, "bad_request");
}

/* ---- artifacts, releases, rollouts ---- */

static const char octets[] = "Content-Type: application/octet-stream\r\n";

static uint8_t *make_image(size_t len)
{
	uint8_t *image = malloc(len);
	assert_non_null(image);
	for (size_t i = 0; i < len; i++)
		image[i] = (uint8_t)(i * 7 + i / 251);
	return image;
}

static void an_image_is_streamed_into_the_repository(void **state)
{
	struct rig *rig = *state;
	size_t len = 1500000;
	uint8_t *image = make_image(len);
	json_t *made = assert_status(rig_ask(rig, "POST", "/api/v1/artifacts", rig->admin, octets, image, len), 201);
	assert_int_equal(json_integer_value(json_object_get(made, "size")), len);
	assert_int_equal(json_string_length(json_object_get(made, "sha256")), 64);
	json_decref(made);
	assert_int_equal(rig->uploaded, len);
	assert_memory_equal(rig->bytes, image, len);
	assert_true(rig->largest_piece <= 65536);
	free(image);
}

static void uploads_that_are_no_good_leave_nothing_behind(void **state)
{
	struct rig *rig = *state;
	size_t len = 200000;
	uint8_t *image = make_image(len);
	char target[128] = "/api/v1/artifacts?sha256=";
	memset(target + strlen(target), '0', 64);
	assert_error(rig_ask(rig, "POST", target, rig->admin, octets, image, len), 422, "wrong_digest");
	assert_error(rig_ask(rig, "POST", "/api/v1/artifacts?sha256=12", rig->admin, octets, image, len), 400,
		"bad_parameter");
	assert_error(rig_ask(rig, "POST", "/api/v1/artifacts", rig->admin, octets, "", 0), 400, "empty");
	rig->is_disk_full = true;
	assert_error(rig_ask(rig, "POST", "/api/v1/artifacts", rig->admin, octets, image, len), 507, "no_space");
	rig->is_disk_full = false;
	/* Announced too long: refused before the body is sent. */
	int fd = rig_connect(rig);
	char text[4096];
	snprintf(text, sizeof text,
		"POST /api/v1/artifacts HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n%sContent-Length: "
		"999999999\r\n\r\n",
		rig->admin, octets);
	rig_send_text(rig, fd, text);
	assert_true(rig_read_until(rig, fd, text, sizeof text, "too_large"));
	close(fd);
	/* A client that goes away in the middle frees the place. */
	fd = rig_connect(rig);
	snprintf(text, sizeof text,
		"POST /api/v1/artifacts HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n%sContent-Length: "
		"1000\r\n\r\nhalf",
		rig->admin, octets);
	rig_send_text(rig, fd, text);
	for (int turn = 0; turn < 100 && !rig->is_uploading; turn++)
		rig_turn(rig);
	assert_true(rig->is_uploading);
	close(fd);
	for (int turn = 0; turn < 100 && rig->is_uploading; turn++)
		rig_turn(rig);
	assert_false(rig->is_uploading);
	assert_false(rig->has_artifact);
	free(image);
}

static json_t *publish(struct rig *rig)
{
	uint8_t envelope[MANIFEST_ENVELOPE_MAX], *image = make_image(1000);
	json_decref(assert_status(rig_ask(rig, "POST", "/api/v1/artifacts", rig->admin, octets, image, 1000), 201));
	free(image);
	size_t len = rig_sign(rig->artifact.digest, 1000, "1.1.0", 2, envelope, sizeof envelope);
	return assert_status(rig_ask(rig, "POST", "/api/v1/releases", rig->admin, octets, envelope, len), 201);
}

static void a_release_needs_its_image_and_is_called_by_its_version(void **state)
{
	struct rig *rig = *state;
	uint8_t envelope[MANIFEST_ENVELOPE_MAX], digest[SHA256_BYTES] = {9};
	size_t len = rig_sign(digest, 1000, "1.1.0", 2, envelope, sizeof envelope);
	assert_error(rig_ask(rig, "POST", "/api/v1/releases", rig->admin, octets, envelope, len), 409, "no_image");
	json_t *release = publish(rig);
	assert_string_equal(json_string_value(json_object_get(release, "id")), "1.1.0");
	assert_int_equal(json_integer_value(json_object_get(release, "sequence")), 2);
	assert_false(json_is_true(json_object_get(release, "verified")));
	json_decref(release);
	struct reply manifest = rig_json(rig, "GET", "/api/v1/releases/1.1.0/manifest", NULL);
	assert_int_equal(manifest.status, 200);
	assert_true(manifest.body_len > 100);
	reply_done(&manifest);
	json_decref(assert_status(rig_json(rig, "DELETE", "/api/v1/releases/1.1.0", NULL), 204));
}

static void an_envelope_with_a_bit_flipped_is_refused(void **state)
{
	struct rig *rig = *state;
	uint8_t envelope[MANIFEST_ENVELOPE_MAX];
	json_decref(publish(rig));
	size_t len = rig_sign(rig->artifact.digest, 1000, "1.2.0", 3, envelope, sizeof envelope);
	envelope[len - 40] ^= 1;
	assert_error(rig_ask(rig, "POST", "/api/v1/releases?name=x", rig->admin, octets, envelope, len), 422,
		"bad_manifest");
	assert_error(rig_ask(rig, "POST", "/api/v1/releases?name=x", rig->admin, octets, "", 0), 400, "bad_request");
}

static void a_rollout_is_started_shown_and_steered(void **state)
{
	struct rig *rig = *state;
	json_decref(publish(rig));
	assert_error(rig_json(rig, "POST", "/api/v1/rollouts", "{\"release\":\"9\",\"selection\":{\"all\":true}}"), 404,
		"no_release");
	assert_error(rig_json(rig, "POST", "/api/v1/rollouts", "{\"release\":\"1.1.0\",\"selection\":{\"tag\":\"x\"}}"),
		422, "none_selected");
	json_t *rollout =
		assert_status(rig_json(rig, "POST", "/api/v1/rollouts",
				      "{\"release\":\"1.1.0\",\"selection\":{\"all\":true},\"waves\":[1,\"100%\"],"
				      "\"max_failures\":\"10%\",\"delivery\":\"image\"}"),
			201);
	assert_string_equal(json_string_value(json_object_get(rollout, "state")), "running");
	assert_string_equal(json_string_value(json_object_get(rollout, "max_failures")), "10%");
	assert_string_equal(json_string_value(json_object_get(rollout, "delivery")), "image");
	assert_int_equal(json_integer_value(json_object_get(rollout, "total")), 3);
	assert_string_equal(json_string_value(json_object_get(rollout, "started_by")), "admin");
	json_decref(rollout);
	rollout = assert_status(rig_json(rig, "GET", "/api/v1/rollouts/1", NULL), 200);
	json_t *first = json_array_get(json_object_get(rollout, "devices"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "state")), "waiting");
	assert_non_null(json_object_get(first, "why"));
	json_decref(rollout);
	rollout = assert_status(rig_json(rig, "POST", "/api/v1/rollouts/1/pause", NULL), 200);
	assert_string_equal(json_string_value(json_object_get(rollout, "state")), "paused");
	json_decref(rollout);
	assert_error(rig_json(rig, "POST", "/api/v1/rollouts/1/pause", NULL), 409, "wrong_state");
	json_decref(assert_status(rig_json(rig, "POST", "/api/v1/rollouts/1/resume", NULL), 200));
	assert_error(rig_json(rig, "DELETE", "/api/v1/releases/1.1.0", NULL), 409, "in_use");
	json_decref(assert_status(rig_json(rig, "POST", "/api/v1/rollouts/1/abort", NULL), 200));
	rollout = assert_status(rig_json(rig, "GET", "/api/v1/rollouts", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(rollout, "rollouts")), 1);
	json_decref(rollout);
}

/* ---- events and streams ---- */

static int open_stream(struct rig *rig, const char *target, const char *head)
{
	char text[1024];
	int fd = rig_connect(rig);
	snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n%s\r\n", target,
		rig->admin, head);
	rig_send_text(rig, fd, text);
	return fd;
}

static void events_are_listed_from_where_one_likes(void **state)
{
	struct rig *rig = *state;
	json_decref(assert_status(rig_json(rig, "DELETE", "/api/v1/devices/pump-2", NULL), 204));
	json_t *all = assert_status(rig_json(rig, "GET", "/api/v1/events", NULL), 200),
	       *events = json_object_get(all, "events");
	json_t *last = json_array_get(events, json_array_size(events) - 1);
	assert_string_equal(json_string_value(json_object_get(last, "type")), "device-removed");
	assert_string_equal(json_string_value(json_object_get(last, "device")), "pump-2");
	assert_string_equal(json_string_value(json_object_get(last, "actor")), "admin");
	assert_int_equal(json_string_length(json_object_get(last, "hash")), 64);
	assert_int_equal(
		json_integer_value(json_object_get(all, "newest")), json_integer_value(json_object_get(last, "id")));
	json_t *one = assert_status(rig_json(rig, "GET", "/api/v1/events?last=1", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(one, "events")), 1);
	json_decref(one);
	json_decref(all);
}

static void a_stream_tells_what_happens_and_resumes_behind_what_was_seen(void **state)
{
	struct rig *rig = *state;
	char text[8192], head[64];
	int fd = open_stream(rig, "/api/v1/events/stream", "");
	assert_true(rig_read_until(rig, fd, text, sizeof text, "retry: 2000"));
	assert_non_null(strstr(text, "Content-Type: text/event-stream"));
	json_decref(assert_status(rig_json(rig, "DELETE", "/api/v1/devices/pump-2", NULL), 204));
	assert_true(rig_read_until(rig, fd, text, sizeof text, "device-removed"));
	long seen = 0; /* the last of the events that have come */
	for (const char *id = strstr(text, "id: "); id != NULL; id = strstr(id + 1, "id: "))
		seen = strtol(id + 4, NULL, 10);
	assert_true(seen > 0);
	close(fd);
	json_decref(assert_status(rig_json(rig, "DELETE", "/api/v1/devices/pump-1", NULL), 204));
	snprintf(head, sizeof head, "Last-Event-ID: %ld\r\n", seen);
	fd = open_stream(rig, "/api/v1/events/stream", head);
	assert_true(rig_read_until(rig, fd, text, sizeof text, "pump-1"));
	assert_null(strstr(text, "pump-2"));
	close(fd);
	assert_error(rig_ask(rig, "GET", "/api/v1/events/stream", rig->admin, "Last-Event-ID: x\r\n", NULL, 0), 400,
		"bad_request");
}

/* The ring of the rig's server has 64 places. */
static void a_stream_that_begins_too_far_back_is_told_of_the_gap(void **state)
{
	struct rig *rig = *state;
	char text[65536];
	for (int i = 0; i < 40; i++) {
		json_decref(
			assert_status(rig_json(rig, "PUT", "/api/v1/devices/pump-1/tags", "{\"tags\":[\"a\"]}"), 200));
		json_decref(
			assert_status(rig_json(rig, "PUT", "/api/v1/devices/pump-1/tags", "{\"tags\":[\"b\"]}"), 200));
	}
	int fd = open_stream(rig, "/api/v1/events/stream?since=1", "");
	assert_true(rig_read_until(rig, fd, text, sizeof text, "event: gap"));
	close(fd);
}

/* More events than the sockets' buffers and the ring can hold, while the client looks elsewhere. */
static void a_reader_that_does_not_read_is_cut_off(void **state)
{
	struct rig *rig = *state;
	static char text[16u << 20];
	char detail[EVENT_DETAIL_MAX + 1];
	struct server_ask ask = {.actor = "test", .token = UINT64_MAX};
	int fd = open_stream(rig, "/api/v1/events/stream", "");
	assert_true(rig_read_until(rig, fd, text, sizeof text, "retry"));
	memset(detail, 'x', sizeof detail - 1);
	detail[sizeof detail - 1] = '\0';
	for (int turn = 0; turn < 3000; turn++) {
		for (int i = 0; i < 10; i++)
			(void)server_audit(rig->server, EVENT_TOKEN_ADDED, detail, &ask, rig->now);
		rig_turn(rig);
	}
	assert_true(server_event_newest(rig->server) > 20000);
	assert_true(rig_read_until(rig, fd, text, sizeof text, "\r\n0\r\n\r\n")); /* the last chunk: the end */
	assert_true(strlen(text) > 100000);
	close(fd);
	json_decref(assert_status(rig_json(rig, "GET", "/api/v1/status", NULL), 200));
}

static void changes_are_hinted_at_to_those_who_ask(void **state)
{
	struct rig *rig = *state;
	char text[8192];
	int fd = open_stream(rig, "/api/v1/events/stream?types=changes&device=pump-1", "");
	assert_true(rig_read_until(rig, fd, text, sizeof text, "retry"));
	json_decref(assert_status(rig_json(rig, "PUT", "/api/v1/devices/pump-1/tags", "{\"tags\":[\"a\"]}"), 200));
	assert_true(rig_read_until(rig, fd, text, sizeof text, "event: change"));
	assert_non_null(strstr(text, "pump-1"));
	close(fd);
}

static void stopping_ends_streams_and_answers_what_is_under_way(void **state)
{
	struct rig *rig = *state;
	char text[8192];
	int stream = open_stream(rig, "/api/v1/events/stream", "");
	assert_true(rig_read_until(rig, stream, text, sizeof text, "retry"));
	rig->store.latency = 1000000;
	int command = rig_connect(rig);
	snprintf(text, sizeof text,
		"DELETE /api/v1/devices/pump-1 HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n\r\n", rig->admin);
	rig_send_text(rig, command, text);
	for (int turn = 0; turn < 20; turn++)
		rig_turn(rig);
	http_stop(rig->http);
	rig->http = NULL;
	assert_true(rig_read_until(rig, command, text, sizeof text, "stopping"));
	assert_false(rig_read_until(rig, stream, text, sizeof text, "never"));
	close(command);
	close(stream);
}

static void a_client_that_leaves_while_its_command_runs_harms_nobody(void **state)
{
	struct rig *rig = *state;
	char text[512];
	rig->store.latency = 30;
	int fd = rig_connect(rig);
	snprintf(text, sizeof text,
		"DELETE /api/v1/devices/pump-1 HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n\r\n", rig->admin);
	rig_send_text(rig, fd, text);
	close(fd);
	for (int turn = 0; turn < 100; turn++)
		rig_turn(rig);
	assert_error(rig_json(rig, "GET", "/api/v1/devices/pump-1", NULL), 404, "no_device");
}

static void a_head_request_has_no_body(void **state)
{
	struct rig *rig = *state;
	struct reply reply = rig_ask(rig, "HEAD", "/api/v1/devices", rig->admin, "", NULL, 0);
	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.body_len, 0);
	reply_done(&reply);
}

static void operations_on_devices_say_what_is_wrong_with_them(void **state)
{
	struct rig *rig = *state;
	const char *at = "/api/v1/devices/pump-1/resources";
	assert_error(rig_json(rig, "GET", "/api/v1/devices/pump-9/resources?path=/3/0", NULL), 404, "no_device");
	assert_error(rig_json(rig, "GET", "/api/v1/devices/pump-1/resources", NULL), 400, "bad_parameter");
	assert_error(rig_json(rig, "GET", "/api/v1/devices/pump-1/resources?path=x", NULL), 400, "bad_path");
	assert_error(rig_json(rig, "PUT", at, "{\"path\":\"/1/0/1\",\"colour\":1}"), 400, "bad_request");
	assert_error(rig_json(rig, "PUT", at, "{\"path\":\"/1/0/1\"}"), 400, "bad_request");
	assert_error(rig_json(rig, "PUT", at, "{\"path\":\"/1/0/1\",\"value\":1,\"timeout\":-1}"), 400, "bad_request");
	assert_error(rig_json(rig, "POST", at, "{\"path\":\"/2/0\",\"values\":[]}"), 400, "bad_request");
	assert_error(
		rig_json(rig, "PUT", "/api/v1/devices/pump-1/attributes", "{\"path\":\"/3/0/9\"}"), 400, "bad_request");
	assert_error(rig_json(rig, "POST", "/api/v1/devices/pump-1/execute", "{}"), 400, "bad_request");
}

static void a_device_that_does_not_answer_is_told_after_the_timeout(void **state)
{
	struct rig *rig = *state;
	assert_error(
		rig_json(rig, "GET", "/api/v1/devices/pump-1/resources?path=/3/0&timeout=0", NULL), 504, "no_answer");
	assert_error(rig_json(rig, "PUT", "/api/v1/devices/pump-1/resources", "{\"path\":\"/1/0/1\",\"value\":\"x\"}"),
		422, "bad_operation");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_a_token_only_healthz_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_admin_token_is_private_and_never_logged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_restart_keeps_the_tokens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(operations_on_devices_say_what_is_wrong_with_them, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_device_that_does_not_answer_is_told_after_the_timeout, set_up, tear_down),
		cmocka_unit_test_setup_teardown(roles_limit_what_a_token_may_do, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_there_is_said_in_json, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wrong_method_is_told_the_right_ones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_targets_and_parameters_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_json_is_refused_with_its_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bodies_over_their_limit_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(devices_are_listed_filtered_and_paged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_device_is_shown_by_its_escaped_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_removal_answers_when_it_is_durable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tags_are_set_and_selected_by, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_image_is_streamed_into_the_repository, set_up, tear_down),
		cmocka_unit_test_setup_teardown(uploads_that_are_no_good_leave_nothing_behind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_release_needs_its_image_and_is_called_by_its_version, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_envelope_with_a_bit_flipped_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_rollout_is_started_shown_and_steered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(events_are_listed_from_where_one_likes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_stream_tells_what_happens_and_resumes_behind_what_was_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_stream_that_begins_too_far_back_is_told_of_the_gap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_reader_that_does_not_read_is_cut_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(changes_are_hinted_at_to_those_who_ask, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopping_ends_streams_and_answers_what_is_under_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_client_that_leaves_while_its_command_runs_harms_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_head_request_has_no_body, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
