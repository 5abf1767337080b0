/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The HTTP client of mgmtctl: one request at a time, blocking, over libcurl.
 *
 * A failure to reach the server is one line for people in `error`; an answer of any status is an answer. The token goes
 * into the Authorization header of requests to this server and nowhere else: redirects are not followed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HTTP_CLIENT_ERROR_BYTES 512
#define HTTP_CLIENT_ANSWER_MAX  (64u << 20) /* of one answer kept in memory */

struct http_client;

struct http_answer {
	long status;
	char *body; /* zero-terminated; the caller frees it */
	size_t len;
};

struct http_body {
	const char *content_type;
	const void *data; /* the body, or NULL when it is read from `file` */
	uint64_t len;
	FILE *file;
	void (*progress)(void *context, uint64_t sent, uint64_t total); /* may be NULL */
	void *context;
};

/* `server` is "http://host:port" (https where libcurl has it), without a path. NULL when it is no such address. */
struct http_client *http_client_new(const char *server, const char *token);
void http_client_free(struct http_client *c);

/* `path` begins with a slash. Without a body, `body` is NULL. False when there was no answer. */
bool http_client_request(struct http_client *c, const char *method, const char *path, const struct http_body *body,
	struct http_answer *ret, char ret_error[HTTP_CLIENT_ERROR_BYTES]);

/* Reads an endless answer: each piece of a 200 goes to `take` until that returns false, which counts as success.
 * Another status is put into `ret` with its body. `last_event_id` may be NULL or empty. */
bool http_client_stream(struct http_client *c, const char *path, const char *last_event_id,
	bool (*take)(void *context, const char *piece, size_t len), void *context, struct http_answer *ret,
	char ret_error[HTTP_CLIENT_ERROR_BYTES]);

/* Percent-encodes one segment of a path or one value of a query; the caller frees it. */
char *http_client_escape(const char *text);
