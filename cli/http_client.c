/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/http_client.h"

#include "cli/memory.h"

#include <curl/curl.h>

#define CONNECT_TIMEOUT_S 10
#define ANSWER_TIMEOUT_S  60 /* without a byte in either direction */
#define SILENT_STREAM_S   60 /* the server sends a comment every 15 seconds */
#define URL_BYTES         4096

struct http_client {
	CURL *curl;
	char *server;
	struct curl_slist *authorization; /* the header of every request */
	char error[CURL_ERROR_SIZE];
};

/* One transfer: where its body goes and comes from. */
struct transfer {
	struct http_client *client;
	struct http_answer answer;
	const struct http_body *body;
	uint64_t sent;
	bool (*take)(void *context, const char *piece, size_t len); /* a stream's */
	void *context;
	bool is_enough, is_too_long;
};

static bool is_server_address(const char *server)
{
	size_t scheme = strncmp(server, "http://", 7) == 0 ? 7 : strncmp(server, "https://", 8) == 0 ? 8 : 0;
	return scheme != 0 && server[scheme] != '\0' && server[scheme] != '/' && strpbrk(server, " \t\r\n") == NULL;
}

struct http_client *http_client_new(const char *server, const char *token)
{
	if (!is_server_address(server) || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	struct http_client *c = memory_zeroed(sizeof *c);
	c->curl = memory_checked(curl_easy_init());
	c->server = memory_text(server);
	for (size_t len = strlen(c->server); len > 0 && c->server[len - 1] == '/'; len--)
		c->server[len - 1] = '\0';
	if (token != NULL) {
		size_t len = strlen(token) + sizeof "Authorization: Bearer ";
		char *line = memory_take(len);
		snprintf(line, len, "Authorization: Bearer %s", token);
		c->authorization = memory_checked(curl_slist_append(NULL, line));
		free(line);
	}
	return c;
}

void http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	curl_slist_free_all(c->authorization);
	curl_easy_cleanup(c->curl);
	free(c->server);
	free(c);
}

static long status_of(struct http_client *c)
{
	long status = 0;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static bool keep(struct transfer *t, const char *piece, size_t len)
{
	if (HTTP_CLIENT_ANSWER_MAX - t->answer.len < len) {
		t->is_too_long = true;
		return false;
	}
	t->answer.body = memory_resized(t->answer.body, t->answer.len + len + 1);
	memcpy(t->answer.body + t->answer.len, piece, len);
	t->answer.len += len;
	t->answer.body[t->answer.len] = '\0';
	return true;
}

static size_t take_answer(char *piece, size_t one, size_t len, void *context)
{
	struct transfer *t = context;
	if (t->take == NULL || status_of(t->client) != 200)
		return keep(t, piece, len * one) ? len * one : 0;
	t->is_enough = !t->take(t->context, piece, len * one);
	return t->is_enough ? 0 : len * one;
}

static size_t give_body(char *to, size_t one, size_t capacity, void *context)
{
	struct transfer *t = context;
	uint64_t left = t->body->len - t->sent, room = (uint64_t)one * capacity;
	size_t len = (size_t)(left < room ? left : room);
	if (t->body->file != NULL)
		len = fread(to, 1, len, t->body->file);
	else if (len > 0)
		memcpy(to, (const char *)t->body->data + t->sent, len);
	if (len == 0 && left > 0)
		return CURL_READFUNC_ABORT; /* the file became shorter */
	t->sent += len;
	if (t->body->progress != NULL)
		t->body->progress(t->body->context, t->sent, t->body->len);
	return len;
}

static struct curl_slist *with_header(struct curl_slist *list, const char *name, const char *value)
{
	char line[256];
	snprintf(line, sizeof line, "%s: %s", name, value);
	return memory_checked(curl_slist_append(list, line));
}

static struct curl_slist *headers_of(
	const struct http_client *c, const struct http_body *body, const char *last_event_id)
{
	struct curl_slist *list =
		with_header(NULL, "Accept", last_event_id != NULL ? "text/event-stream" : "application/json");
	if (c->authorization != NULL)
		list = memory_checked(curl_slist_append(list, c->authorization->data));
	if (body != NULL)
		list = with_header(list, "Content-Type", body->content_type);
	if (last_event_id != NULL && *last_event_id != '\0')
		list = with_header(list, "Last-Event-ID", last_event_id);
	return list;
}

static void set_up(struct transfer *t, const char *method, const char *url, struct curl_slist *headers)
{
	CURL *curl = t->client->curl;
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->client->error);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "mgmtctl/" FIELDFARE_VERSION);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)(t->take != NULL ? SILENT_STREAM_S : ANSWER_TIMEOUT_S));
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	if (t->body != NULL) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body->len);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(curl, CURLOPT_READDATA, t);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

/* What libcurl says, in the words of somebody who wants to go on. */
static void explain(const struct transfer *t, CURLcode code, char *ret_error)
{
	const char *server = t->client->server,
		   *why = t->client->error[0] ? t->client->error : curl_easy_strerror(code);
	if (code == CURLE_COULDNT_CONNECT)
		snprintf(ret_error, HTTP_CLIENT_ERROR_BYTES,
			"cannot reach %s: is mgmtd running, and is this its address? (--server URL or MGMTCTL_SERVER)",
			server);
	else if (code == CURLE_COULDNT_RESOLVE_HOST)
		snprintf(ret_error, HTTP_CLIENT_ERROR_BYTES, "%s: no such host (--server URL or MGMTCTL_SERVER)",
			server);
	else if (t->is_too_long)
		snprintf(ret_error, HTTP_CLIENT_ERROR_BYTES, "%s: the answer is longer than %u MiB", server,
			HTTP_CLIENT_ANSWER_MAX >> 20);
	else if (code == CURLE_ABORTED_BY_CALLBACK)
		snprintf(ret_error, HTTP_CLIENT_ERROR_BYTES, "the file became shorter while it was sent");
	else
		snprintf(ret_error, HTTP_CLIENT_ERROR_BYTES, "%s: %.300s", server, why);
}

/* An answer that arrived before the whole body was sent (413, 401) is the answer, though the connection then broke. */
static bool answered_early(const struct transfer *t, CURLcode code)
{
	return (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR) && status_of(t->client) >= 400;
}

static bool perform(struct transfer *t, const char *method, const char *path, const char *last_event_id,
	struct http_answer *ret, char *ret_error)
{
	char url[URL_BYTES];
	int len = snprintf(url, sizeof url, "%s%s", t->client->server, path);
	if (len < 0 || (size_t)len >= sizeof url) {
		snprintf(ret_error, HTTP_CLIENT_ERROR_BYTES, "the request's address is too long");
		return false;
	}
	struct curl_slist *headers = headers_of(t->client, t->body, last_event_id);
	set_up(t, method, url, headers);
	t->client->error[0] = '\0';
	t->answer.body = memory_zeroed(1);
	CURLcode code = curl_easy_perform(t->client->curl);
	t->answer.status = status_of(t->client);
	bool is_answered = code == CURLE_OK || t->is_enough || answered_early(t, code);
	if (is_answered) {
		*ret = t->answer;
	} else {
		explain(t, code, ret_error);
		free(t->answer.body);
	}
	curl_slist_free_all(headers);
	return is_answered;
}

bool http_client_request(struct http_client *c, const char *method, const char *path, const struct http_body *body,
	struct http_answer *ret, char ret_error[HTTP_CLIENT_ERROR_BYTES])
{
	struct transfer t = {.client = c, .body = body};
	return perform(&t, method, path, NULL, ret, ret_error);
}

bool http_client_stream(struct http_client *c, const char *path, const char *last_event_id,
	bool (*take)(void *context, const char *piece, size_t len), void *context, struct http_answer *ret,
	char ret_error[HTTP_CLIENT_ERROR_BYTES])
{
	struct transfer t = {.client = c, .take = take, .context = context};
	return perform(&t, "GET", path, last_event_id != NULL ? last_event_id : "", ret, ret_error);
}

char *http_client_escape(const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	char *escaped = memory_take(strlen(text) * 3 + 1), *to = escaped;
	for (; *text != '\0'; text++) {
		if (strchr(plain, *text) != NULL)
			*to++ = *text;
		else
			to += sprintf(to, "%%%02X", (unsigned char)*text);
	}
	*to = '\0';
	return escaped;
}
