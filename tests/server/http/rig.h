/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The HTTP edge over the real server composer, with a store and a repository in memory, asked through real sockets on a
 * loopback port that the kernel chose. Client and server share the thread: while the client waits, the loop turns. */
#pragma once

#include "server/http/http.h"
#include "server/server.h"
#include "tests/sim/store_memory.h"

#include <ev.h>
#include <jansson.h>

#define RIG_REPLY_BYTES    (1u << 20)
#define RIG_ARTIFACT_BYTES (2u << 20)
#define RIG_TOKEN_BYTES    80

struct rig {
	char state_dir[64];
	struct ev_loop *loop;
	struct http *http;
	struct server *server;
	struct coap_endpoint *endpoint;
	void *memory, *endpoint_memory;
	struct store_memory store;
	msec now;
	char admin[RIG_TOKEN_BYTES], log[8192];
	size_t log_len;

	/* The repository: one artifact and one upload. */
	struct artifact artifact, made; /* made: of the upload that has just ended */
	bool has_artifact, is_uploading, has_expected, is_finished, is_disk_full;
	uint8_t expected[SHA256_BYTES];
	uint64_t finish_ticket, largest_piece;
	size_t uploaded;
	uint8_t *bytes;
};

struct reply {
	int status;
	char *head, *body; /* in one allocation that starts at `head` */
	size_t body_len;
};

/* A server with these devices, which are known and, when they have an address, registered. */
void rig_init(struct rig *rig, const char *const devices[]);
void rig_done(struct rig *rig);
/* The edge alone goes and comes again, as in a restart. */
void rig_restart_http(struct rig *rig);
/* One turn of the loop; a millisecond passes. */
void rig_turn(struct rig *rig);

/* One request on its own connection. `token` may be NULL, `head` holds more header lines with their CRLF. */
struct reply rig_ask(struct rig *rig, const char *method, const char *target, const char *token, const char *head,
	const void *body, size_t len);
/* As the administrator; a body is JSON. */
struct reply rig_json(struct rig *rig, const char *method, const char *target, const char *body);
void reply_done(struct reply *reply);
/* The body as JSON, the caller's reference. */
json_t *reply_json(const struct reply *reply);

/* A connection that stays open. */
int rig_connect(struct rig *rig);
void rig_send(struct rig *rig, int fd, const void *data, size_t len);
void rig_send_text(struct rig *rig, int fd, const char *text);
/* Reads until the text has come; false when the connection ended or long enough has passed. What was read is kept in
 * `buffer`, zero-terminated. */
bool rig_read_until(struct rig *rig, int fd, char *buffer, size_t capacity, const char *text);

/* An envelope for an image of these facts, signed by a key nobody knows. */
size_t rig_sign(const uint8_t digest[SHA256_BYTES], uint64_t size, const char *version, uint64_t sequence, uint8_t *out,
	size_t capacity);
