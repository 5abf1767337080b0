/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The words of Register and Update (lwm2m interface section 3): query parameters and the list of objects.
 *
 * The server reads each Uri-Query into one `struct registration_parameters` and then asks for the verdict; the agent
 * writes its queries from the same struct. Unknown parameters are ignored, as other servers do. */
#pragma once

#include "mgmt/links.h"

#define REGISTRATION_ENDPOINT_MAX 128 /* bytes of ep */
#define REGISTRATION_SMS_MAX      20
#define REGISTRATION_LINKS_MAX    256    /* links in one list */
#define REGISTRATION_LIFETIME_S   86400u /* when lt is missing (LwM2M 1.0) */
#define REGISTRATION_LIFETIME_MAX 0xfffffffeu
#define REGISTRATION_QUERIES_MAX  6 /* that the agent writes */
#define REGISTRATION_NO_INSTANCE  65535

enum registration_verdict {
	REGISTRATION_GOOD,
	REGISTRATION_BAD,        /* 4.00: malformed, missing or repeated parameter, malformed list or prefix */
	REGISTRATION_VERSION,    /* 4.12: not LwM2M 1.x */
	REGISTRATION_NO_OBJECTS, /* 4.00: no list of objects, and no profile we know */
	REGISTRATION_FORMAT,     /* 4.15: the list is in another format than that of links */
	REGISTRATION_TOO_MANY,   /* 4.13: more links than REGISTRATION_LINKS_MAX */
};

/* Transports of `b`, as bits. */
#define REGISTRATION_UDP    1u
#define REGISTRATION_TCP    2u
#define REGISTRATION_SMS    4u
#define REGISTRATION_NON_IP 8u

struct registration_parameters {
	bool has_endpoint, has_lifetime, has_version, has_binding, has_queue_mode, has_sms;
	struct bytes endpoint; /* borrowed, untrusted text */
	uint32_t lifetime_s;
	uint8_t major, minor; /* of the enabler: 1.0, 1.1, 1.2 */
	uint8_t bindings;     /* bits */
	struct bytes sms;
};

/* All absent, with the defaults in place. */
void registration_init(struct registration_parameters *p);
/* Reads one Uri-Query. Anything but GOOD ends the request. */
enum registration_verdict registration_read(struct registration_parameters *p, struct bytes query);
/* Whether what was read makes a Register (`ep` must be present: authentication may put it there) or an Update. */
enum registration_verdict registration_check_register(const struct registration_parameters *p);
enum registration_verdict registration_check_update(const struct registration_parameters *p);

/* The query number `i` of those that are present, from 0; false behind the last. */
bool registration_write(const struct registration_parameters *p, unsigned i, struct writer *w);

/* ---- the list of objects ---- */

struct registration_object {
	uint16_t object;
	uint16_t instance;    /* REGISTRATION_NO_INSTANCE for the object itself */
	uint8_t major, minor; /* of the object; 0.0 when `ver` is not given */
};

struct registration_objects {
	struct links_reader links;
	struct bytes prefix;  /* the alternate path, "/lwm2m"; empty when the objects are at the root */
	bool has_bad_prefix;  /* it has a number, is longer than PATH_PREFIX_MAX or would have to be decoded */
	struct bytes formats; /* the root link's ct: "110" or "60 110 112"; empty when not given */
	uint16_t count;
	enum registration_verdict verdict;
};

/* Reads the whole list once, so that prefix, formats and verdict are known; then hands out one entry after the other.
 * The text is borrowed for the life of the iterator. */
enum registration_verdict registration_objects_init(struct registration_objects *o, struct bytes body);
bool registration_objects_next(struct registration_objects *o, struct registration_object *ret);
/* Whether a Content-Format is in `formats`. */
bool registration_has_format(struct bytes formats, uint32_t format);

/* The list an agent sends. Without `formats` (BYTES_NONE) there is no root link. */
void registration_write_root(struct writer *w, struct bytes formats);
void registration_write_object(struct writer *w, const struct registration_object *object);
