/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /status, /healthz and /tokens: the server itself. */
#include "server/http/intake.h"
#include "server/http/request.h"
#include "server/http/view.h"

static void show_alive(struct request *r)
{
	answer_json(r, MHD_HTTP_OK, json_pack("{s:s, s:s}", "status", "ok", "version", FIELDFARE_VERSION));
}

static void show_status(struct request *r)
{
	msec now = request_now(r);
	json_t *answer = view_status(request_server(r));
	json_object_set_new(answer, "time", view_moment(server_wall(request_server(r), now)));
	json_object_set_new(answer, "uptime_s", json_integer((json_int_t)(request_uptime(r) / 1000)));
	struct history_counts history = server_history_counts(request_server(r));
	json_object_set_new(answer, "history",
		json_pack("{s:I, s:I, s:b}", "kept", (json_int_t)history.kept, "lost", (json_int_t)history.lost,
			"failing", (int)history.is_failing));
	json_object_set_new(answer, "asked_by", view_text(r->actor));
	json_object_set_new(answer, "role", json_string(role_name(r->role)));
	answer_json(r, MHD_HTTP_OK, answer);
}

/* ---- tokens ---- */

static void answer_tokens_failure(struct request *r, enum tokens_result result, const char *name)
{
	switch (result) {
	case TOKENS_DONE:
		break;
	case TOKENS_BAD_NAME:
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_name",
			"a token's name is 1 to %d letters, digits and . _ - + :", TOKEN_NAME_MAX);
		break;
	case TOKENS_EXISTS:
		answer_error(r, MHD_HTTP_CONFLICT, "exists", "there is a token \"%.40s\" already", name);
		break;
	case TOKENS_UNKNOWN:
		answer_error(r, MHD_HTTP_NOT_FOUND, "no_token", "there is no token \"%.40s\"", name);
		break;
	case TOKENS_FULL:
		answer_error(r, MHD_HTTP_INSUFFICIENT_STORAGE, "full", "there are %d tokens already", TOKENS_MAX);
		break;
	case TOKENS_LAST_ADMIN:
		answer_error(r, MHD_HTTP_CONFLICT, "last_admin", "this is the last token of an administrator");
		break;
	case TOKENS_FAILED:
		answer_error(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "storage_failed", "the tokens' file cannot be written");
		break;
	}
}

static json_t *token_json(const struct token *token)
{
	return json_pack("{s:s, s:s}", "name", token->name, "role", role_name(token->role));
}

static void list_tokens(struct request *r)
{
	const struct tokens *tokens = request_tokens(r);
	json_t *list = json_array();
	for (unsigned i = 0; i < tokens->count; i++)
		json_array_append_new(list, token_json(&tokens->items[i]));
	answer_json(r, MHD_HTTP_OK, json_pack("{s:o}", "tokens", list));
}

/* The text waits in the body's place until the audit log has the event. */
static void token_added(struct request *r, const struct server_done *done)
{
	(void)done;
	const struct token *token = tokens_find(request_tokens(r), (const char *)r->body);
	json_t *answer = token != NULL ? token_json(token) : json_object();
	json_object_set_new(answer, "token", json_string((const char *)r->body));
	explicit_bzero(r->body, TOKEN_TEXT_BYTES);
	answer_json(r, MHD_HTTP_CREATED, answer);
}

static void make_token(struct request *r, const char *name, enum role role)
{
	char text[TOKEN_TEXT_BYTES];
	struct server_ask ask = request_ask(r);
	enum tokens_result made = tokens_add(request_tokens(r), name, role, text);
	if (made != TOKENS_DONE) {
		answer_tokens_failure(r, made, name);
		return;
	}
	enum server_result result = server_audit(request_server(r), EVENT_TOKEN_ADDED, name, &ask, request_now(r));
	if (result == SERVER_ACCEPTED)
		memcpy(r->body, text, sizeof text);
	else if (tokens_remove(request_tokens(r), name) != TOKENS_DONE)
		result = SERVER_STORE_FAILED;
	explicit_bzero(text, sizeof text);
	answer_later(r, result, token_added);
}

static void add_token(struct request *r)
{
	char reason[INTAKE_REASON_BYTES];
	const char *name;
	enum role role;
	json_t *body = request_json(r);
	if (body == NULL)
		return;
	if (intake_token(body, &name, &role, reason))
		make_token(r, name, role);
	else
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_request", "%s", reason);
	json_decref(body);
}

static void remove_token(struct request *r)
{
	const char *name = request_star(r, 0);
	struct server_ask ask = request_ask(r);
	enum tokens_result result = tokens_remove(request_tokens(r), name);
	if (result != TOKENS_DONE)
		answer_tokens_failure(r, result, name);
	else
		answer_later(r, server_audit(request_server(r), EVENT_TOKEN_REMOVED, name, &ask, request_now(r)),
			answer_done_with_nothing);
}

const struct route routes_server[] = {
	{.method = "GET", .pattern = "/healthz", .role = ROLE_NONE, .run = show_alive},
	{.method = "GET", .pattern = "/api/v1/healthz", .role = ROLE_NONE, .run = show_alive},
	{.method = "GET", .pattern = "/api/v1/status", .role = ROLE_VIEWER, .run = show_status},
	{.method = "GET", .pattern = "/api/v1/tokens", .role = ROLE_ADMIN, .run = list_tokens},
	{.method = "POST", .pattern = "/api/v1/tokens", .role = ROLE_ADMIN, .body = BODY_JSON, .run = add_token},
	{.method = "DELETE", .pattern = "/api/v1/tokens/*", .role = ROLE_ADMIN, .run = remove_token},
	{0},
};
