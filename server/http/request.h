/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One HTTP request on its way through the edge, shared by the files of this folder.
 *
 *     READING --- whole body ---> route.run() --+--> ANSWERED
 *        |                                      +--> WAITING --- http_done ---> ANSWERED
 *        +--- refused early ---> ANSWERED       +--> STREAMING, whose answer has no end
 *
 * WAITING and idle STREAMING requests are suspended in libmicrohttpd. Requests live in a table with generations; the
 * composer's token for a command is the request's handle, so an outcome whose client has gone finds nobody. */
#pragma once

#include "server/http/http.h"
#include "server/http/target.h"
#include "server/http/tokens.h"
#include "server/server.h"

#include <jansson.h>
#include <microhttpd.h>

#define REQUEST_STREAM_BYTES 4096 /* one event as text */
#define REQUEST_JSON_MAX     (256u << 10)
#define REQUEST_BODY_MIN     4096 /* of the memory that is taken for any body */

enum request_state { REQUEST_READING, REQUEST_WAITING, REQUEST_ANSWERED, REQUEST_STREAMING };

enum body_kind {
	BODY_NONE,
	BODY_JSON,   /* application/json, at most REQUEST_JSON_MAX */
	BODY_OCTETS, /* application/octet-stream, kept in memory: an envelope */
	BODY_UPLOAD, /* application/octet-stream, handed on piece by piece */
};

struct request;

struct route {
	const char *method;
	const char *pattern; /* "/api/v1/devices/" "*": a star takes one segment */
	const char *query;   /* names of the parameters it knows, with spaces between */
	enum role role;
	enum body_kind body;
	void (*run)(struct request *r);
	/* BODY_UPLOAD: before the first byte. An answer made here is the request's. */
	void (*begin)(struct request *r);
};

struct stream {
	uint64_t event, update; /* the last numbers sent */
	bool has_events, has_health, has_changes, has_values, has_begun, is_ending;
	bool heartbeat_due;
	const char *device; /* only this one; NULL for all */
	size_t len, sent;   /* of `text` */
	char text[REQUEST_STREAM_BYTES];
};

struct request {
	struct http *http;
	struct MHD_Connection *connection;
	struct handle handle;
	enum request_state state;
	bool is_suspended;
	const struct route *route;
	struct target target;
	enum role role;
	char actor[TOKEN_NAME_MAX + 1];
	uint8_t *body;
	size_t body_len, body_capacity;
	uint64_t uploaded;    /* bytes handed on of a BODY_UPLOAD */
	uint64_t thrown_away; /* bytes of a body that was refused, or that nobody asked for */
	bool has_upload;
	struct handle upload;
	unsigned status;
	struct MHD_Response *response;
	/* WAITING: makes the answer of a command that lasts. */
	void (*finish)(struct request *r, const struct server_done *done);
	/* WAITING for a device: makes the answer of what it said. */
	void (*answered)(struct request *r, const struct server_answer *answer);
	uint64_t order; /* WAITING for the store to have it: its number */
	struct stream *stream;
};

/* ---- what handlers use ---- */

struct server *request_server(const struct request *r);
struct tokens *request_tokens(const struct request *r);
msec request_now(const struct request *r);
/* Since the edge was started. */
msec request_uptime(const struct request *r);
struct server_ask request_ask(const struct request *r);
/* What the n-th star of the route's pattern took. */
const char *request_star(const struct request *r, unsigned n);
/* A number of the query within limits; `otherwise` when it is not there. False, and answered, when it is no number. */
bool request_number(struct request *r, const char *name, uint64_t max, uint64_t otherwise, uint64_t *ret);
/* The body as a JSON object; NULL, and answered, when it is none. */
json_t *request_json(struct request *r);
struct bytes request_body(const struct request *r);

/* ---- answers ---- */

/* Takes over the reference. */
void answer_json(struct request *r, unsigned status, json_t *value);
void answer_nothing(struct request *r); /* 204 */
void answer_octets(struct request *r, struct bytes content);
/* {"error": `name`, "message": ...} */
void answer_error(struct request *r, unsigned status, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void answer_upload_error(struct request *r, enum artifact_result result);
/* A command's result: waits for the outcome when it was accepted, tells the reason otherwise. */
void answer_later(struct request *r, enum server_result result,
	void (*finish)(struct request *r, const struct server_done *done));
/* An outcome other than SERVER_DONE. */
void answer_failure(struct request *r, enum server_result result, enum artifact_result artifact);
void answer_header(struct request *r, const char *name, const char *value);
/* For `finish` where there is nothing more to say. */
void answer_done_with_nothing(struct request *r, const struct server_done *done);

/* ---- routes ---- */

extern const struct route routes_claim[], routes_device[], routes_enrolment[], routes_event[], routes_history[],
	routes_key[], routes_observation[], routes_release[], routes_request[], routes_resource[], routes_revocation[],
	routes_rollout[], routes_server[];

/* The route, or NULL: then `*ret_allow` is the methods the path has, empty when there is no such path. */
const struct route *route_find(const struct target *target, const char *method, const char **ret_allow);

/* ---- streams ---- */

/* What a stream is of: a list such as "events,health,changes,values". */
void stream_begin(struct request *r, const char *types);
/* Whether it would send something now. */
bool stream_is_ready(const struct request *r);
/* What libmicrohttpd asks for the next piece. */
ssize_t stream_read(void *request, uint64_t position, char *buffer, size_t capacity);
/* "id: 5\nevent: health\ndata: {...}\n\n"; 0 when it does not fit. `id` 0 leaves the line out. */
size_t stream_write_event(char *text, size_t capacity, uint64_t id, const char *type, const char *data);
