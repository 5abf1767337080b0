/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The operator's command line: what its commands share.
 *
 * Results go to standard output, all else to standard error. With --json a command prints the server's JSON, or for
 * streams one JSON object a line, and nothing for people. Exit statuses are part of the interface (docs/api.md): */
#pragma once

#include "cli/arguments.h"
#include "cli/table.h"

#include <jansson.h>

enum exit_status {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,      /* the server said no, or a local file is not as it must be */
	EXIT_USAGE = 2,        /* the command line is wrong */
	EXIT_UNREACHABLE = 3,  /* no answer */
	EXIT_DENIED = 4,       /* the token is missing, unknown, or its role may not do this */
	EXIT_NOT_FOUND = 5,    /* no such device, release, rollout */
	EXIT_UNSUCCESSFUL = 6, /* a watched rollout ended otherwise than completed */
};

struct http_client;

struct mgmtctl {
	const struct arguments *arguments; /* operands without the command's own words */
	const struct command *command;
	const char *server;
	struct http_client *client; /* made at the first call */
	bool is_json, has_color, is_terminal;
};

struct command {
	const char *words;    /* "device show" */
	const char *operands; /* "EP", for the help; empty for none */
	const char *summary;  /* one line */
	const char *help;     /* paragraphs; may be NULL */
	const struct option_spec *options;
	size_t operands_min, operands_max;
	enum exit_status (*run)(struct mgmtctl *m);
};

extern const struct command commands_authority[], commands_claim[], commands_device[], commands_enrolment[],
	commands_event[], commands_history[], commands_key[], commands_observation[], commands_release[],
	commands_rekey[], commands_log[], commands_request[], commands_resource[], commands_revocation[],
	commands_rollout[], commands_server[]; /* each ends with an element without words */

/* ---- what commands say ---- */

/* One line on standard error, "mgmtctl: ..."; gives back `status` for `return complain(...)`. */
enum exit_status complain(enum exit_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A wrong command line; names the help. */
enum exit_status complain_usage(const struct mgmtctl *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The value as JSON and a newline. */
void print_json(const json_t *value);
/* The member as text for people, which lives as long as the object; NULL when it is missing or not a string. */
const char *text_member(const json_t *object, const char *name);
/* "14:03:22 (12 min ago)" of a member that is a moment; "-" without it. `ret` has WHEN_TEXT_BYTES. */
const char *moment_member(const json_t *object, const char *name, char *ret);

/* What was read of resources, as a table (commands_resource.c). */
void print_values(const struct mgmtctl *m, const json_t *values);
/* `--timeout` as seconds, 30 without it. False, and complained about, when it is no good. */
bool read_timeout(const struct mgmtctl *m, unsigned long long *ret);

/* Whether the operation is to be left with the server (`--later`); then its body goes to send_later, which names
 * it by the API's word and takes the reference. */
bool is_later(const struct mgmtctl *m);
enum exit_status send_later(struct mgmtctl *m, const char *operation, json_t *body);

/* ---- the server ---- */

/* A request with a JSON body or none. The answer, to be dereferenced by the caller, or NULL with `*ret` and a line on
 * standard error. An answer without content is JSON null. */
json_t *api_call(struct mgmtctl *m, const char *method, const char *path, const json_t *body, enum exit_status *ret);
static inline json_t *api_get(struct mgmtctl *m, const char *path, enum exit_status *ret)
{
	return api_call(m, "GET", path, NULL, ret);
}
/* As api_call, but an unreachable server is silent: `*ret` is EXIT_UNREACHABLE and the caller may try again. */
json_t *api_poll(struct mgmtctl *m, const char *path, enum exit_status *ret);

/* "/api/v1/<collection>/<id, escaped><rest>" in static storage, valid until the next call. */
const char *api_path(const char *collection, const char *id, const char *rest);

struct http_body;
/* A request whose body is not JSON; its answer is. */
json_t *api_send(
	struct mgmtctl *m, const char *method, const char *path, const struct http_body *body, enum exit_status *ret);

struct sse_event;
/* Follows a stream of events over lost connections until `event` returns false or the server refuses. `path` is without
 * Last-Event-ID; the stream begins behind `after` (empty: now). */
enum exit_status api_follow(struct mgmtctl *m, const char *path, const char *after,
	bool (*event)(void *context, const struct sse_event *event), void *context);
