/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bodies that are longer than one message: those being put together, and those being handed out (RFC 7959).
 *
 * A body belongs to a remote and a key: for a request body the key stands for method, path, query, format and
 * Request-Tag (RFC 9175 section 3), so a second transfer to the same target replaces the first. Bytes are only ever
 * appended: block 0 starts afresh, the last block again is a repetition, anything else out of order is a gap. There
 * are few places, each of the same size; untouched ones cost nothing where pages come on demand. A body that nobody
 * goes on with is closed at its deadline. Storage is the caller's. */
#pragma once

#include "coap/block.h"
#include "coap/carve.h"
#include "coap/transport.h"

enum coap_body_kind {
	COAP_BODY_REQUEST,  /* arriving at a resource, block by block */
	COAP_BODY_RESPONSE, /* kept to be fetched by the client, because the request must not run again */
	COAP_BODY_REPLY,    /* arriving as the response to a request of ours */
	COAP_BODY_QREQUEST, /* as the first two, by Q-Block (RFC 9177): blocks of a request in any order */
	COAP_BODY_QREPLY,
};

struct coap_body {
	struct coap_remote remote;
	uint64_t key;
	uint64_t length;    /* bytes so far; the offset of what comes next */
	uint32_t last_size; /* bytes of the latest block, to know its repetition */
	enum coap_body_kind kind;
	bool has_if_none_match; /* of a request: its first block has */
	bool is_spent;          /* has been handed out to its end; gives way when the place is needed */
	uint16_t content_format;
	uint8_t code; /* of a kept response */
	uint8_t etag_len;
	uint8_t etag[8];
};

struct coap_bodies {
	struct coap_body *items;
	uint8_t *data; /* one place of size_max for each item */
	struct slab slab;
	struct deadlines deadlines;
	uint32_t size_max;
};

enum coap_body_verdict {
	COAP_BODY_APPENDED,
	COAP_BODY_REPEATED, /* the latest block once more; nothing has changed */
	COAP_BODY_GAP,      /* not what comes next */
	COAP_BODY_TOO_LARGE,
};

size_t coap_bodies_memory(uint32_t capacity, uint32_t size_max);
void coap_bodies_init(struct coap_bodies *b, void *memory, uint32_t capacity, uint32_t size_max);

/* An empty body, in place of one with the same kind, remote and key. False when every place is taken by a body that
 * is still needed. */
bool coap_body_open(struct coap_bodies *b, enum coap_body_kind kind, const struct coap_remote *remote, uint64_t key,
	msec deadline, struct handle *ret);
bool coap_body_find(const struct coap_bodies *b, enum coap_body_kind kind, const struct coap_remote *remote,
	uint64_t key, struct handle *ret);
/* Appends what belongs at `offset`. The deadline moves unless the verdict is GAP or TOO_LARGE. */
enum coap_body_verdict coap_body_append(
	struct coap_bodies *b, struct handle h, uint64_t offset, struct bytes part, msec deadline);
/* The same for a body whose bytes go elsewhere: only the length is kept, and there is no limit to it. */
enum coap_body_verdict coap_body_pass(
	struct coap_bodies *b, struct handle h, uint64_t offset, struct bytes part, msec deadline);
/* Puts a part where it belongs, whatever has come before. The caller knows that it fits, and what is missing. */
void coap_body_place(struct coap_bodies *b, struct handle h, uint64_t offset, struct bytes part);
/* Somebody goes on with it. */
void coap_body_prolong(struct coap_bodies *b, struct handle h, msec deadline);
/* Ignores a handle whose body is closed. */
void coap_body_close(struct coap_bodies *b, struct handle h);
/* Closes all bodies of a remote. */
void coap_body_forget(struct coap_bodies *b, const struct coap_remote *remote);

/* What has come so far; valid until the body is closed. */
struct bytes coap_body_bytes(const struct coap_bodies *b, struct handle h);
/* For reading and for the fields that the owner fills in; NULL when the body is closed. */
struct coap_body *coap_body_get(struct coap_bodies *b, struct handle h);

msec coap_bodies_deadline(const struct coap_bodies *b);
/* Closes the bodies whose deadline has passed. */
void coap_bodies_tick(struct coap_bodies *b, msec now);
uint32_t coap_bodies_count(const struct coap_bodies *b);
