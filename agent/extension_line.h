/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The lines that an agent and its extensions exchange (docs/extensions.md): one JSON object a line, keys in the order
 * shown here, no white space, so that a shell can take them apart.
 *
 *     to an extension                                        what it says
 *     {"id":1,"op":"read","path":"/33000/0/1"}               {"id":1,"value":21.5}
 *     {"id":2,"op":"read","path":"/33000/0"}                 {"id":2,"values":[{"n":"/33000/0/1","v":21.5}]}
 *     {"id":3,"op":"write","path":"/33000/0/2","value":18}   {"id":3}
 *     {"id":4,"op":"execute","path":"/33000/0/3"}            {"id":4,"error":"busy","reason":"warming up"}
 *                                                            {"notify":[{"n":"/33000/0/1","v":21.6}]}
 *                                                            {"instances":["/33000/0","/33000/1"]}
 *
 * Several values travel as SenML (RFC 8428), one alone as plain JSON. What an extension says is as little to be trusted
 * as what comes from a network: a line is read whole or refused. Keys that are not known are passed over, so that an
 * extension may say more than this agent understands. */
#pragma once

#include "coap/base/arena.h"
#include "coap/code.h"
#include "mgmt/model.h"

#define EXTENSION_LINE_BYTES_MAX 8192 /* of what it says, without the newline */
#define EXTENSION_ASK_BYTES_MAX  4096 /* of what it is asked, with the newline: so much goes through a pipe at once */
#define EXTENSION_REASON_MAX     64   /* bytes of a reason that are kept */

enum extension_op {
	EXTENSION_READ,
	EXTENSION_WRITE,
	EXTENSION_EXECUTE,
	EXTENSION_CREATE,
	EXTENSION_DELETE,
};

struct extension_ask {
	uint32_t id; /* not 0 */
	enum extension_op op;
	struct path path;             /* of an object down to a resource instance; the root of a composite write */
	bool is_replace;              /* WRITE: what is not among the records goes back to its default */
	const struct record *records; /* WRITE and CREATE */
	size_t count;
	struct bytes arguments; /* EXECUTE */
};

/* With the newline. False when it does not fit, or holds a number that JSON cannot say. */
bool extension_line_write(struct writer *w, const struct extension_ask *ask);

enum extension_line_kind {
	EXTENSION_LINE_ANSWER,
	EXTENSION_LINE_NOTIFY,
	EXTENSION_LINE_INSTANCES,
};

struct extension_line {
	enum extension_line_kind kind;
	uint32_t id;          /* ANSWER */
	enum coap_code error; /* ANSWER: what an error means to a server; COAP_EMPTY when all went well */
	struct bytes reason;  /* with an error, for people; at most EXTENSION_REASON_MAX bytes of UTF-8 */
	struct bytes value;   /* ANSWER: the JSON of one value; empty when there is none */
	struct bytes values;  /* ANSWER, NOTIFY: a SenML pack; empty when there is none */
	struct bytes list;    /* INSTANCES: an array of paths */
};

/* False on anything that is not a line of the protocol. What `ret` borrows is the line's, or `scratch`'s. */
bool extension_line_parse(struct bytes line, struct arena *scratch, struct extension_line *ret);

/* The values of an ANSWER to a Read of `asked`, or of a NOTIFY (with the root), in the types of the model. `null` is no
 * value. False when something is malformed, of the wrong type, or more than `capacity`. */
bool extension_line_values(const struct extension_line *line, struct path asked, const struct model *model,
	struct arena *scratch, struct record *list, size_t capacity, size_t *ret_count);

/* The instances of an INSTANCES line, in its order. False when one is no path of depth 2, or there are more than
 * `capacity`. */
bool extension_line_instances(const struct extension_line *line, struct arena *scratch, struct path *list,
	size_t capacity, size_t *ret_count);
