/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an application shows to others: paths with a handler each (RFC 7252 section 5.8, RFC 6690).
 *
 * The endpoint finds the resource, has the body of a request together (RFC 7959 Block1) and cuts the body of the
 * response (Block2), so a handler sees whole bodies and never a block option. Two kinds of resource differ:
 * - a handler whose body is too large for memory gives slices: it sets `is_slice` and fills the payload with what
 *   stands at `slice_offset`; each block of the transfer is one such call and no state is kept between them;
 * - a handler of a resource with `takes_stream` gets the blocks of a request body one by one, in order.
 *
 * The table is the application's and does not change while the endpoint runs. */
#pragma once

#include "coap/message.h"
#include "coap/transport.h"
#include "coap/base/arena.h"
#include "coap/base/msec.h"

struct coap_endpoint;

#define COAP_FORMAT_NONE 0xffffu /* no Content-Format or Accept option (RFC 7252 section 5.10.3) */

/* A request as a handler sees it. Everything in it is borrowed for the time of the call. */
struct coap_request {
	const struct coap_message *message; /* options and token; of the last block when the body came in blocks */
	struct coap_remote remote;
	struct bytes body;    /* the whole body, or one part of it when the resource takes a stream */
	struct bytes rest[8]; /* Uri-Path segments behind the resource's own path */
	uint8_t rest_count;
	uint16_t content_format; /* of the body; COAP_FORMAT_NONE when not said */
	uint16_t accept;         /* COAP_FORMAT_NONE when not said */
	bool has_if_none_match;  /* of a body in blocks: its first one has (RFC 7959 section 2.9) */
	uint64_t body_offset;    /* of this part; 0 unless the resource takes a stream */
	bool body_is_last;       /* true unless more parts follow */
	uint64_t slice_offset;   /* where in the response's body the wanted block begins */
	uint32_t slice_size;     /* how much of it is wanted at most */
	struct handle later; /* to answer with coap_endpoint_respond after returning COAP_ANSWER_LATER; HANDLE_NONE when
			      * no more answers can be owed: the client is then told to come back (5.03) */
	struct handle observer; /* HANDLE_NONE unless this call registers an observer or serves one (RFC 7641) */
	bool is_notification;   /* the call makes a notification; nobody has sent this request just now */
	struct arena *scratch;  /* for the response; reset when the response is on its way */
};

/* A response under construction. The endpoint presets it to 5.00 with nothing in it. */
struct coap_response {
	enum coap_code code;
	uint16_t content_format; /* COAP_FORMAT_NONE for none */
	struct bytes payload;    /* the whole body, or the slice that was asked for */
	bool is_slice;
	uint64_t body_size; /* of a sliced body: all of it, in bytes */
	struct bytes etag;  /* 1 to 8 bytes, or empty; a body in blocks gets one of its own when this is empty */
	uint32_t max_age_s; /* presets to 60, which is not sent (RFC 7252 section 5.10.5) */
	struct coap_options options; /* further options: Location-Path and the like */
};

enum coap_answer {
	COAP_ANSWER_NOW,   /* the response is filled in */
	COAP_ANSWER_LATER, /* a separate response will follow (RFC 7252 section 5.2.2) through `later`; of a
			    * notification: there is nothing to tell now */
};

typedef enum coap_answer coap_handler(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now);

/* What a resource does with requests that were sent to a group (RFC 7252 section 8.2, RFC 7390 section 2.3). */
enum coap_group_role {
	COAP_GROUP_SILENT, /* does not hear them */
	COAP_GROUP_TELLS,  /* answers GET and FETCH */
	COAP_GROUP_OBEYS,  /* also does what requests with an effect ask for, unsecured as they are */
};

struct coap_resource {
	const char *path;      /* "rd", "a/b"; "" is the root */
	bool is_subtree;       /* also everything below; the longest matching path wins */
	bool is_observable;    /* a successful GET with Observe 0 makes an observer */
	bool confirms_changes; /* coap_endpoint_resource_changed notifies confirmably */
	bool takes_stream;     /* gets request bodies in parts */
	bool is_hidden;        /* not listed in /.well-known/core */
	bool may_repeat;       /* a PUT, DELETE or iPATCH that comes twice may run twice, so it need not be remembered
				* (RFC 7252 section 4.5). Not for a resource where a late repetition would undo what
				* another client has done meanwhile. */
	enum coap_group_role group;
	msec fresh_within;      /* a request with an effect must carry an Echo that was made no longer ago (RFC 9175
				 * section 2.3), with a precision of two seconds; 0 when its age does not matter. Only
				 * in a secure session does that prove anything. */
	bool is_proxy;          /* gets the requests with Proxy-Uri or Proxy-Scheme, and no others; `path` is "" */
	bool passes_options;    /* options that the endpoint does not know are no obstacle when they are safe to forward
				 * (RFC 7252 section 5.7.1), and stand in the request; for proxies of either kind */
	const char *attributes; /* for /.well-known/core, such as "rt=\"x\";ct=40"; NULL for none */
	coap_handler *handle;
	void (*forget)(void *context, struct handle observer); /* an observer is gone; may be NULL */
	/* An observer has acknowledged nothing for so long that it is given up (RFC 7641 section 4.5); `forget`
	 * follows. May be NULL. It does not know that it is an observer no more. */
	void (*unreachable)(void *context, struct handle observer, msec now);
	/* Of a proxy: when the target is this endpoint itself, puts Uri-Path and the like in the place of Proxy-Uri and
	 * Proxy-Scheme, and the request is treated as a local one (RFC 7252 section 5.7.2). The values must stay valid
	 * until it is called again. May be NULL. */
	void (*localise)(void *context, struct coap_message *m);
	void *context;
};
