/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The way of one request before its handler: who asks, what for, and the body, within its limits. */
#include "server/http/http_state.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#define THROWN_AWAY_MAX (16u << 20) /* bytes read after a refusal, so that the client gets to see it */
#define BEARER          "Bearer "

/* ---- what handlers use ---- */

struct server *request_server(const struct request *r)
{
	return r->http->server;
}

struct tokens *request_tokens(const struct request *r)
{
	return &r->http->tokens;
}

msec request_now(const struct request *r)
{
	return http_now(r->http);
}

msec request_uptime(const struct request *r)
{
	return http_now(r->http) - r->http->started_at;
}

struct server_ask request_ask(const struct request *r)
{
	return (struct server_ask){.actor = r->actor, .token = (uint64_t)r->handle.generation << 32 | r->handle.slot};
}

const char *request_star(const struct request *r, unsigned n)
{
	const char *text = target_star(&r->target, r->route->pattern, n);
	assert(text != NULL);
	return text;
}

bool request_number(struct request *r, const char *name, uint64_t max, uint64_t otherwise, uint64_t *ret)
{
	const char *text = target_parameter(&r->target, name);
	*ret = otherwise;
	if (text == NULL || parse_decimal(bytes_of_text(text), max, ret))
		return true;
	answer_error(
		r, MHD_HTTP_BAD_REQUEST, "bad_parameter", "%s is a number up to %llu", name, (unsigned long long)max);
	return false;
}

struct bytes request_body(const struct request *r)
{
	return bytes_of(r->body, r->body_len);
}

json_t *request_json(struct request *r)
{
	char reason[INTAKE_REASON_BYTES];
	json_t *value = intake_parse(request_body(r), reason);
	if (value == NULL)
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_json", "%s", reason);
	return value;
}

/* ---- who asks ---- */

static bool authenticate(struct request *r)
{
	const char *header = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
	const struct token *token = NULL;
	if (r->route->role == ROLE_NONE)
		return true;
	if (header != NULL && strncasecmp(header, BEARER, sizeof BEARER - 1) == 0)
		token = tokens_find(&r->http->tokens, header + sizeof BEARER - 1);
	if (token == NULL) {
		answer_error(r, MHD_HTTP_UNAUTHORIZED, header == NULL ? "no_token" : "unknown_token",
			header == NULL ? "a token is needed: Authorization: Bearer ..."
				       : "this token is not known here");
		answer_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"fieldfare\"");
		return false;
	}
	r->role = token->role;
	memcpy(r->actor, token->name, sizeof r->actor);
	if (r->role >= r->route->role)
		return true;
	answer_error(r, MHD_HTTP_FORBIDDEN, "forbidden", "this needs the role %s; the token \"%s\" has the role %s",
		role_name(r->route->role), r->actor, role_name(r->role));
	return false;
}

/* ---- what for ---- */

static enum MHD_Result add_parameter(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	return target_add_parameter(context, name, value) ? MHD_YES : MHD_NO;
}

static bool parse_target(struct request *r, const char *url)
{
	target_init(&r->target);
	if (!target_parse_path(&r->target, url))
		return false;
	int count = MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, add_parameter, &r->target);
	return count <= 0 || (unsigned)count == r->target.parameter_count;
}

static bool find_route(struct request *r, const char *method)
{
	const char *allow;
	r->route = route_find(
		&r->target, strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ? MHD_HTTP_METHOD_GET : method, &allow);
	if (r->route != NULL)
		return true;
	if (*allow == '\0') {
		answer_error(r, MHD_HTTP_NOT_FOUND, "no_such_path",
			"there is nothing at this path; docs/api.md lists what there is");
		return false;
	}
	answer_error(r, MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed", "here one can %s", allow);
	answer_header(r, MHD_HTTP_HEADER_ALLOW, allow);
	return false;
}

/* Whether a list with spaces holds the word. */
static bool holds(const char *list, const char *word)
{
	size_t len = strlen(word);
	for (; list != NULL && *list != '\0'; list += strcspn(list, " "), list += *list == ' ')
		if (strcspn(list, " ") == len && memcmp(list, word, len) == 0)
			return true;
	return false;
}

static bool knows_parameters(struct request *r)
{
	for (unsigned i = 0; i < r->target.parameter_count; i++)
		if (!holds(r->route->query, r->target.parameters[i].name)) {
			answer_error(r, MHD_HTTP_BAD_REQUEST, "unknown_parameter", "unknown parameter \"%.60s\"%s%s",
				r->target.parameters[i].name, r->route->query != NULL ? "; known here: " : "",
				r->route->query != NULL ? r->route->query : "");
			return false;
		}
	return true;
}

/* ---- the body ---- */

static size_t body_limit(const struct request *r)
{
	switch (r->route->body) {
	case BODY_NONE:
	case BODY_UPLOAD:
		return 0;
	case BODY_JSON:
		return REQUEST_JSON_MAX;
	case BODY_OCTETS:
		return MANIFEST_ENVELOPE_MAX;
	}
	return 0;
}

static void refuse_length(struct request *r)
{
	if (r->route->body == BODY_NONE)
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_request", "no body is wanted here");
	else
		answer_error(
			r, MHD_HTTP_CONTENT_TOO_LARGE, "too_large", "the body has more than %zu bytes", body_limit(r));
}

static bool is_type_fine(struct request *r)
{
	const char *wanted = r->route->body == BODY_JSON ? "application/json" : "application/octet-stream";
	const char *type = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
	if (r->route->body == BODY_NONE)
		return true;
	size_t len = type != NULL ? strcspn(type, "; ") : 0;
	if (len == strlen(wanted) && strncasecmp(type, wanted, len) == 0)
		return true;
	answer_error(r, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "the body must be %s", wanted);
	return false;
}

static bool is_length_fine(struct request *r)
{
	const char *text = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t len;
	if (r->route->body == BODY_UPLOAD || text == NULL)
		return true;
	if (parse_decimal(bytes_of_text(text), UINT64_MAX, &len) && len <= body_limit(r))
		return true;
	refuse_length(r);
	return false;
}

static bool prepare_body(struct request *r)
{
	if (!is_type_fine(r) || !is_length_fine(r))
		return false;
	if (r->route->body == BODY_NONE)
		return true;
	r->body = calloc(1, REQUEST_BODY_MIN);
	r->body_capacity = REQUEST_BODY_MIN;
	if (r->body == NULL)
		answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", "no memory for another request");
	return r->body != NULL;
}

void request_open(struct request *r, const char *url, const char *method)
{
	if (!parse_target(r, url))
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_target", "the address is too long or not well encoded");
	else if (find_route(r, method) && authenticate(r) && knows_parameters(r) && prepare_body(r) &&
		 r->route->begin != NULL)
		r->route->begin(r);
}

static bool has_room(struct request *r, size_t len)
{
	if (len > body_limit(r) || r->body_len > body_limit(r) - len)
		return false;
	if (r->body_capacity - r->body_len >= len)
		return true;
	size_t capacity = r->body_capacity;
	while (capacity - r->body_len < len)
		capacity *= 2;
	uint8_t *body = realloc(r->body, capacity);
	if (body == NULL)
		return false;
	r->body = body;
	r->body_capacity = capacity;
	return true;
}

bool request_take(struct request *r, struct bytes piece)
{
	if (r->state != REQUEST_READING) {
		r->thrown_away += piece.len;
		return r->thrown_away <= THROWN_AWAY_MAX;
	}
	if (r->route->body == BODY_UPLOAD) {
		enum artifact_result result = server_upload_append(r->http->server, r->upload, piece);
		r->has_upload = result == ARTIFACT_DONE;
		r->uploaded += piece.len;
		if (!r->has_upload)
			answer_upload_error(r, result);
	} else if (has_room(r, piece.len)) {
		memcpy(r->body + r->body_len, piece.data, piece.len);
		r->body_len += piece.len;
	} else {
		refuse_length(r);
	}
	return true;
}

void request_finish(struct request *r, const struct server_done *done)
{
	if (done->result == SERVER_DONE)
		r->finish(r, done);
	else
		answer_failure(r, done->result, done->artifact);
}

void request_close(struct request *r)
{
	if (r->has_upload)
		server_upload_cancel(r->http->server, r->upload);
	if (r->response != NULL)
		MHD_destroy_response(r->response);
	if (r->body != NULL)
		explicit_bzero(r->body, REQUEST_BODY_MIN);
	free(r->body);
	free(r->stream);
	*r = (struct request){0};
}
