/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One operation that an operator wants from a device, in LwM2M's words and in CoAP's (lwm2m interface section 5).
 *
 * An errand is checked before it travels, against the definitions of the device's objects: what they say is wrong is
 * refused here, what they do not know is left to the device. Leaf: it neither sends nor keeps anything. */
#pragma once

#include "coap/endpoint.h"
#include "mgmt/format.h"
#include "mgmt/model.h"

#define ERRAND_TEXT_MAX 256

enum errand_kind {
	ERRAND_READ,
	ERRAND_DISCOVER,   /* `text`: "depth=1" or nothing */
	ERRAND_WRITE,      /* replaces */
	ERRAND_UPDATE,     /* adds and overwrites: partial Write */
	ERRAND_ATTRIBUTES, /* `text`: "pmin=5&pmax=60&gt"; a name alone unsets */
	ERRAND_EXECUTE,    /* `text`: the arguments, "0='x',2" */
	ERRAND_CREATE,     /* `path` is the object; the values lie in the new instance */
	ERRAND_DELETE,
	ERRAND_READ_COMPOSITE,  /* the paths of the records */
	ERRAND_WRITE_COMPOSITE, /* the records */
	ERRAND_KIND_END,
};

struct errand {
	enum errand_kind kind;
	struct path path; /* the root for composites */
	const struct record *records;
	size_t count;
	struct bytes text;
	struct bytes prefix; /* the device's alternate path; not part of `path` */
};

enum errand_verdict {
	ERRAND_GOOD,
	ERRAND_BAD_PATH,     /* this operation is not for paths of this depth */
	ERRAND_NO_VALUE,     /* nothing is written, or nothing named */
	ERRAND_OUTSIDE,      /* a value does not lie below the path */
	ERRAND_NOT_READABLE, /* by the definition of the object */
	ERRAND_NOT_WRITABLE,
	ERRAND_NOT_EXECUTABLE,
	ERRAND_NOT_MULTIPLE, /* an instance of a resource that has none, or a value for a resource that has many */
	ERRAND_WRONG_TYPE,
	ERRAND_OUT_OF_RANGE,
	ERRAND_BAD_TEXT, /* arguments, attributes or depth */
};

/* `*ret_culprit` is the path the verdict is about. */
enum errand_verdict errand_check(const struct errand *e, const struct model *model, struct path *ret_culprit);
const char *errand_verdict_text(enum errand_verdict verdict);

const char *errand_kind_name(enum errand_kind kind);
/* Whether it may change something at the device, and so belongs in the audit log. */
bool errand_changes(enum errand_kind kind);
/* Whether its answer holds values. */
bool errand_reads(enum errand_kind kind);

/* Whether an answer of this code is about the format, so that another one may do better. Accept is a critical option,
 * so who does not know it may say 4.02 (RFC 7252 section 5.4.1). */
bool errand_is_about_format(enum coap_code code);

/* The formats worth trying with this device, best first; FORMAT_ANY alone where none is needed. 0 when the device
 * cannot do it. */
size_t errand_formats(const struct errand *e, const struct model *model, const struct format_device *device,
	uint16_t ret[FORMAT_CANDIDATES_MAX]);

/* An errand as a request: `call` without remote, reply and context. */
struct errand_request {
	struct coap_options options;
	struct coap_call call;
	uint8_t text[PATH_PREFIX_MAX + PATH_TEXT_BYTES]; /* what the options borrow */
};

/* Builds the request in one of errand_formats. What is sent is written to `body`, and borrowed from there and from
 * e->text. False when the format cannot hold the values, or `body` has no room for them. */
bool errand_build(struct errand_request *ret, const struct errand *e, uint16_t format, struct writer *body);
