/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Answers, and what each failure is in HTTP (RFC 9110 section 15). */
#include "server/http/request.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_BYTES 512

/* ---- bodies ---- */

static void answer(struct request *r, unsigned status, struct MHD_Response *response)
{
	assert(r->response == NULL);
	r->response = response;
	r->status = status;
	r->state = REQUEST_ANSWERED;
	if (response == NULL)
		return;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
}

void answer_header(struct request *r, const char *name, const char *value)
{
	if (r->response != NULL)
		MHD_add_response_header(r->response, name, value);
}

void answer_json(struct request *r, unsigned status, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(value);
	size_t len = text != NULL ? strlen(text) : 0;
	answer(r, status, text != NULL ? MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE) : NULL);
	answer_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
}

void answer_nothing(struct request *r)
{
	answer(r, MHD_HTTP_NO_CONTENT, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

void answer_octets(struct request *r, struct bytes content)
{
	answer(r, MHD_HTTP_OK,
		MHD_create_response_from_buffer(content.len, (void *)content.data, MHD_RESPMEM_MUST_COPY));
	answer_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
}

void answer_error(struct request *r, unsigned status, const char *name, const char *format, ...)
{
	char message[MESSAGE_BYTES];
	va_list list;
	va_start(list, format);
	vsnprintf(message, sizeof message, format, list);
	va_end(list);
	json_t *text = json_string(message);
	if (text == NULL)
		text = json_string("the request holds text that is not UTF-8");
	answer_json(r, status, json_pack("{s:s, s:o}", "error", name, "message", text));
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		answer_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "1");
}

/* ---- outcomes of commands ---- */

struct meaning {
	unsigned status;
	const char *name;
};

static struct meaning meaning_of_artifact(enum artifact_result result)
{
	switch (result) {
	case ARTIFACT_TOO_LARGE:
		return (struct meaning){MHD_HTTP_CONTENT_TOO_LARGE, "too_large"};
	case ARTIFACT_WRONG_DIGEST:
		return (struct meaning){MHD_HTTP_UNPROCESSABLE_CONTENT, "wrong_digest"};
	case ARTIFACT_EMPTY:
		return (struct meaning){MHD_HTTP_BAD_REQUEST, "empty"};
	case ARTIFACT_NO_SPACE:
		return (struct meaning){MHD_HTTP_INSUFFICIENT_STORAGE, "no_space"};
	case ARTIFACT_BUSY:
		return (struct meaning){MHD_HTTP_SERVICE_UNAVAILABLE, "busy"};
	case ARTIFACT_DONE:
	case ARTIFACT_UNKNOWN:
	case ARTIFACT_FAILED:
		break;
	}
	return (struct meaning){MHD_HTTP_INTERNAL_SERVER_ERROR, "storage_failed"};
}

static struct meaning meaning_of(enum server_result result, enum artifact_result artifact)
{
	switch (result) {
	case SERVER_BUSY:
		return (struct meaning){MHD_HTTP_SERVICE_UNAVAILABLE, "busy"};
	case SERVER_STORE_FAILED:
		return (struct meaning){MHD_HTTP_SERVICE_UNAVAILABLE, "store_failed"};
	case SERVER_FULL:
		return (struct meaning){MHD_HTTP_INSUFFICIENT_STORAGE, "full"};
	case SERVER_BAD_NAME:
		return (struct meaning){MHD_HTTP_BAD_REQUEST, "bad_name"};
	case SERVER_BAD_PLAN:
		return (struct meaning){MHD_HTTP_UNPROCESSABLE_CONTENT, "bad_plan"};
	case SERVER_BAD_MANIFEST:
		return (struct meaning){MHD_HTTP_UNPROCESSABLE_CONTENT, "bad_manifest"};
	case SERVER_NO_VERSION:
		return (struct meaning){MHD_HTTP_UNPROCESSABLE_CONTENT, "no_version"};
	case SERVER_FOREIGN_URI:
		return (struct meaning){MHD_HTTP_UNPROCESSABLE_CONTENT, "foreign_uri"};
	case SERVER_NONE_SELECTED:
		return (struct meaning){MHD_HTTP_UNPROCESSABLE_CONTENT, "none_selected"};
	case SERVER_NO_IMAGE:
		return (struct meaning){MHD_HTTP_CONFLICT, "no_image"};
	case SERVER_NO_RELEASE:
		return (struct meaning){MHD_HTTP_NOT_FOUND, "no_release"};
	case SERVER_NO_ROLLOUT:
		return (struct meaning){MHD_HTTP_NOT_FOUND, "no_rollout"};
	case SERVER_NO_DEVICE:
		return (struct meaning){MHD_HTTP_NOT_FOUND, "no_device"};
	case SERVER_NO_CLAIM:
		return (struct meaning){MHD_HTTP_NOT_FOUND, "no_claim"};
	case SERVER_NO_ENROLMENT:
		return (struct meaning){MHD_HTTP_NOT_FOUND, "no_enrolment"};
	case SERVER_NOT_REVOKED:
		return (struct meaning){MHD_HTTP_NOT_FOUND, "not_revoked"};
	case SERVER_EXISTS:
		return (struct meaning){MHD_HTTP_CONFLICT, "exists"};
	case SERVER_IN_USE:
		return (struct meaning){MHD_HTTP_CONFLICT, "in_use"};
	case SERVER_WRONG_STATE:
		return (struct meaning){MHD_HTTP_CONFLICT, "wrong_state"};
	case SERVER_NOT_REGISTERED:
		return (struct meaning){MHD_HTTP_CONFLICT, "not_registered"};
	case SERVER_BAD_ERRAND:
		return (struct meaning){MHD_HTTP_UNPROCESSABLE_CONTENT, "bad_operation"};
	case SERVER_NO_ORDER:
		return (struct meaning){MHD_HTTP_NOT_FOUND, "no_request"};
	case SERVER_NOT_WAITING:
		return (struct meaning){MHD_HTTP_CONFLICT, "not_waiting"};
	case SERVER_NO_WATCH:
		return (struct meaning){MHD_HTTP_NOT_FOUND, "no_observation"};
	case SERVER_UNSUPPORTED:
		return (struct meaning){MHD_HTTP_CONFLICT, "unsupported"};
	case SERVER_UNUSABLE:
		return (struct meaning){MHD_HTTP_BAD_GATEWAY, "unusable"};
	case SERVER_NO_ANSWER:
		return (struct meaning){MHD_HTTP_GATEWAY_TIMEOUT, "no_answer"};
	case SERVER_ARTIFACT:
		return meaning_of_artifact(artifact);
	case SERVER_ACCEPTED:
	case SERVER_DONE:
		break;
	}
	return (struct meaning){MHD_HTTP_INTERNAL_SERVER_ERROR, "internal"};
}

void answer_upload_error(struct request *r, enum artifact_result result)
{
	struct meaning meaning = meaning_of_artifact(result);
	answer_error(r, meaning.status, meaning.name, "the image is not stored: %s", artifact_result_text(result));
}

void answer_failure(struct request *r, enum server_result result, enum artifact_result artifact)
{
	struct meaning meaning = meaning_of(result, artifact);
	if (result == SERVER_ARTIFACT) {
		answer_upload_error(r, artifact);
		return;
	}
	const char *reason = server_reason(request_server(r));
	answer_error(r, meaning.status, meaning.name, "%s%s%s", server_result_text(result), *reason != '\0' ? ": " : "",
		reason);
}

void answer_later(
	struct request *r, enum server_result result, void (*finish)(struct request *r, const struct server_done *done))
{
	if (result != SERVER_ACCEPTED) {
		answer_failure(r, result, ARTIFACT_FAILED);
		return;
	}
	r->finish = finish;
	r->state = REQUEST_WAITING;
}

void answer_done_with_nothing(struct request *r, const struct server_done *done)
{
	(void)done;
	answer_nothing(r);
}
