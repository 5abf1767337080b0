/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Talking with the server: the token, requests, and what a refusal means for people and for the exit status. */
#include "cli/http_client.h"
#include "cli/memory.h"
#include "cli/mgmtctl.h"
#include "cli/sse.h"

#include <errno.h>
#include <unistd.h>

#define TOKEN_BYTES         256
#define RECONNECT_FIRST_S   1
#define RECONNECT_LONGEST_S 16

/* The file's first line. */
static enum exit_status read_token_file(const char *name, char token[TOKEN_BYTES])
{
	FILE *file = fopen(name, "re");
	if (file == NULL)
		return complain(EXIT_DENIED, "cannot read the token file %s: %s", name, strerror(errno));
	bool is_read = fgets(token, TOKEN_BYTES, file) != NULL;
	fclose(file);
	token[strcspn(token, "\r\n")] = '\0';
	if (!is_read || token[0] == '\0')
		return complain(EXIT_DENIED, "the token file %s is empty", name);
	return EXIT_DONE;
}

static enum exit_status open_client(struct mgmtctl *m)
{
	char token[TOKEN_BYTES];
	const char *file = arguments_value(m->arguments, "token-file"), *variable = getenv("MGMTCTL_TOKEN");
	const char *given = NULL;
	if (m->client != NULL)
		return EXIT_DONE;
	if (file != NULL) {
		enum exit_status status = read_token_file(file, token);
		if (status != EXIT_DONE)
			return status;
		given = token;
	} else if (variable != NULL && *variable != '\0') {
		given = variable;
	}
	if (given != NULL && strpbrk(given, "\r\n \t") != NULL)
		return complain(EXIT_DENIED, "the token has spaces or lines in it");
	m->client = http_client_new(m->server, given);
	if (m->client == NULL)
		return complain(EXIT_USAGE, "%s is no address of a server, such as http://127.0.0.1:8080", m->server);
	return EXIT_DONE;
}

static enum exit_status status_of_refusal(long http_status)
{
	if (http_status == 401 || http_status == 403)
		return EXIT_DENIED;
	return http_status == 404 ? EXIT_NOT_FOUND : EXIT_REFUSED;
}

static enum exit_status explain_refusal(const struct http_answer *answer)
{
	json_t *body = json_loadb(answer->body, answer->len, 0, NULL);
	const char *message = text_member(body, "message");
	enum exit_status status = status_of_refusal(answer->status);
	char *safe =
		table_safe_text(message != NULL ? message : "the answer says no more; is this a Fieldfare server?");
	if (answer->status == 401)
		complain(status, "%s (--token-file FILE or MGMTCTL_TOKEN)", safe);
	else if (message != NULL)
		complain(status, "%s", safe);
	else
		complain(status, "HTTP status %ld: %s", answer->status, safe);
	free(safe);
	json_decref(body);
	return status;
}

static json_t *read_answer(struct http_answer *answer, enum exit_status *ret)
{
	json_t *value = NULL;
	if (answer->status < 200 || answer->status > 299) {
		*ret = explain_refusal(answer);
	} else if (answer->len == 0) {
		value = json_null();
	} else {
		json_error_t error;
		value = json_loadb(answer->body, answer->len, JSON_REJECT_DUPLICATES, &error);
		if (value == NULL)
			*ret = complain(
				EXIT_REFUSED, "the answer is no JSON (%s); is this a Fieldfare server?", error.text);
	}
	if (value != NULL)
		*ret = EXIT_DONE;
	free(answer->body);
	return value;
}

static json_t *request(struct mgmtctl *m, const char *method, const char *path, const struct http_body *body,
	bool is_silent, enum exit_status *ret)
{
	struct http_answer answer;
	char error[HTTP_CLIENT_ERROR_BYTES];
	*ret = open_client(m);
	if (*ret != EXIT_DONE)
		return NULL;
	if (!http_client_request(m->client, method, path, body, &answer, error)) {
		*ret = is_silent ? EXIT_UNREACHABLE : complain(EXIT_UNREACHABLE, "%s", error);
		return NULL;
	}
	return read_answer(&answer, ret);
}

json_t *api_send(
	struct mgmtctl *m, const char *method, const char *path, const struct http_body *body, enum exit_status *ret)
{
	return request(m, method, path, body, false, ret);
}

json_t *api_call(struct mgmtctl *m, const char *method, const char *path, const json_t *body, enum exit_status *ret)
{
	if (body == NULL)
		return request(m, method, path, NULL, false, ret);
	char *text = memory_checked(json_dumps(body, JSON_COMPACT));
	struct http_body http_body = {.content_type = "application/json", .data = text, .len = strlen(text)};
	json_t *answer = request(m, method, path, &http_body, false, ret);
	free(text);
	return answer;
}

json_t *api_poll(struct mgmtctl *m, const char *path, enum exit_status *ret)
{
	return request(m, "GET", path, NULL, true, ret);
}

const char *api_path(const char *collection, const char *id, const char *rest)
{
	static char path[2048];
	char *escaped = http_client_escape(id);
	snprintf(path, sizeof path, "/api/v1/%s/%.1500s%s", collection, escaped, rest);
	free(escaped);
	return path;
}

struct follower {
	struct sse_reader reader;
	bool (*event)(void *context, const struct sse_event *event);
	void *context;
	bool is_enough, has_heard; /* since the last connection */
};

static bool take_event(void *context, const struct sse_event *event)
{
	struct follower *f = context;
	f->is_enough = !f->event(f->context, event);
	return !f->is_enough;
}

static bool take_piece(void *context, const char *piece, size_t len)
{
	struct follower *f = context;
	f->has_heard = true;
	return sse_reader_feed(&f->reader, piece, len);
}

/* One connection's life. False when there is no sense in another one. */
static bool follow_once(struct mgmtctl *m, const char *path, struct follower *f, enum exit_status *ret)
{
	struct http_answer answer;
	char error[HTTP_CLIENT_ERROR_BYTES];
	sse_reader_restart(&f->reader);
	f->has_heard = false;
	if (!http_client_stream(m->client, path, f->reader.id, take_piece, f, &answer, error)) {
		if (!f->has_heard && f->reader.id[0] == '\0')
			complain(EXIT_UNREACHABLE, "%s; trying again", error);
		return true;
	}
	bool is_refused = answer.status != 200;
	if (is_refused)
		*ret = explain_refusal(&answer);
	else if (f->reader.failed)
		*ret = complain(EXIT_REFUSED, "the stream is not one of a Fieldfare server");
	free(answer.body);
	return !is_refused && !f->reader.failed && !f->is_enough;
}

enum exit_status api_follow(struct mgmtctl *m, const char *path, const char *after,
	bool (*event)(void *context, const struct sse_event *event), void *context)
{
	enum exit_status status = open_client(m);
	if (status != EXIT_DONE)
		return status;
	struct follower *f = memory_zeroed(sizeof *f);
	f->event = event;
	f->context = context;
	sse_reader_init(&f->reader, take_event, f);
	snprintf(f->reader.id, sizeof f->reader.id, "%s", after);
	unsigned wait_s = RECONNECT_FIRST_S;
	while (follow_once(m, path, f, &status)) {
		wait_s = f->has_heard                       ? RECONNECT_FIRST_S
			 : wait_s * 2 > RECONNECT_LONGEST_S ? RECONNECT_LONGEST_S
							    : wait_s * 2;
		sleep(wait_s);
	}
	free(f);
	return status;
}
