/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From bytes of a Content-Format to records, and back: the one entry to the codecs (lwm2m interface section 7).
 *
 *     payload_reader_init(&r, format, base, body, &model_core, &scratch);
 *     while (payload_next(&r, &record))
 *             ...
 *     if (r.verdict != PAYLOAD_GOOD) answer 4.00, 4.15 or 5.00
 *
 * Reading is a pull: nothing is copied but what escapes force to be (JSON strings with escapes, base64, indefinite CBOR
 * strings), which goes to the caller's scratch. Records borrow from the body and from the scratch. A reader that found
 * a fault stays failed; a Write is applied only after the whole body has been read, because it is all or nothing.
 *
 * Values arrive in the type the model says, within the base; what contradicts the model (wrong type, an instance of a
 * single resource, an instance id other than the base's) makes the verdict BAD. Resources the model does not know
 * arrive as they are, from TLV as opaque. Ranges are not checked here (model_accepts), nor rights. */
#pragma once

#include "coap/base/arena.h"
#include "mgmt/links.h"
#include "mgmt/lwm2m_cbor.h"
#include "mgmt/lwm2m_json.h"
#include "mgmt/model.h"
#include "mgmt/senml_cbor.h"
#include "mgmt/senml_json.h"
#include "mgmt/tlv.h"

/* The numbers are those of the Content-Format registry. */
enum payload_format {
	PAYLOAD_TEXT = 0,
	PAYLOAD_LINK = 40, /* Discover and Register; see links.h, not read as records */
	PAYLOAD_OPAQUE = 42,
	PAYLOAD_CBOR = 60,
	PAYLOAD_SENML_JSON = 110,
	PAYLOAD_SENML_CBOR = 112,
	PAYLOAD_SENML_ETCH_JSON = 320,
	PAYLOAD_SENML_ETCH_CBOR = 322,
	PAYLOAD_TLV = 11542,
	PAYLOAD_LWM2M_JSON = 11543, /* read only: of LwM2M 1.0, which has TLV as well */
	PAYLOAD_LWM2M_CBOR = 11544, /* since LwM2M 1.2 */
};

enum payload_verdict {
	PAYLOAD_GOOD,
	PAYLOAD_BAD,         /* 4.00 Bad Request: malformed, or against the model */
	PAYLOAD_UNSUPPORTED, /* 4.15 Unsupported Content-Format when reading, 4.06 Not Acceptable when writing */
	PAYLOAD_FULL,        /* the scratch or the writer is too small: 4.13 when reading, 5.00 when writing */
};

struct payload_reader {
	uint32_t format;
	struct path base;
	const struct model *model;
	struct arena *scratch;
	struct bytes body;
	enum payload_verdict verdict;
	bool is_done, has_names_only;
	union {
		struct tlv_reader tlv;
		struct senml_cbor_reader senml_cbor;
		struct senml_json_reader senml_json;
		struct lwm2m_json_reader lwm2m_json;
		struct lwm2m_cbor_reader lwm2m_cbor;
	};
};

/* Whether records can be read from this format, and written to it. */
bool payload_can_read(uint32_t format);
bool payload_can_write(uint32_t format);

/* For values: the body of a Write, Create, Send, or of an answer to a Read. Everything in it must lie within `base`;
 * PATH_ROOT for composites and Send. */
void payload_reader_init(struct payload_reader *r, uint32_t format, struct path base, struct bytes body,
	const struct model *model, struct arena *scratch);
/* For the body of a composite read: names of any depth and no values (SenML only). */
void payload_reader_init_names(struct payload_reader *r, uint32_t format, struct bytes body, struct arena *scratch);
/* What a server reads from a client with an alternate path: names may begin with one, which is left out. Between init
 * and the first record. */
void payload_reader_allow_prefix(struct payload_reader *r);
/* The next record; false at the end or at a fault, which `verdict` tells. A multiple resource without any instance
 * arrives as one record with the resource's path and VALUE_NONE. */
bool payload_next(struct payload_reader *r, struct record *ret);

/* Writes records that lie within `base`. They must be in the order of path_compare for TLV; either all or none have a
 * time; only SenML carries times. VALUE_NONE is an empty multiple resource, in SenML-ETCH a removal, and
 * at a resource instance in LwM2M CBOR null. Text, opaque and
 * CBOR hold exactly the one record whose path is the base. */
enum payload_verdict payload_encode(
	uint32_t format, struct path base, const struct record *records, size_t count, struct writer *w);
/* Writes the body of a composite read: the paths of the records (SenML only). */
enum payload_verdict payload_encode_names(
	uint32_t format, const struct record *records, size_t count, struct writer *w);
/* The same two for a client with an alternate path (path_is_prefix; BYTES_NONE for none), which names begin with. */
enum payload_verdict payload_encode_below(struct bytes prefix, uint32_t format, struct path base,
	const struct record *records, size_t count, struct writer *w);
enum payload_verdict payload_encode_names_below(
	struct bytes prefix, uint32_t format, const struct record *records, size_t count, struct writer *w);
