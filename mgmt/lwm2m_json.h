/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * application/vnd.oma.lwm2m+json, 11543, of LwM2M 1.0 (lwm2m interface section 7.6), for reading: some old devices
 * answer in it. Whoever understands it understands TLV too, so nothing is written in it.
 *
 *     {"bn": "/3/0/", "bt": 1700000000, "e": [{"n": "9", "v": 100}, {"n": "0", "sv": "x", "t": -5}]}
 *
 * Members come in any order, so the object is read twice: for the base fields, and then for its entries. Names without
 * a base name stand below the path of the request. Octets are base64 inside a string; the caller, who knows the type,
 * decodes them. */
#pragma once

#include "mgmt/json.h"
#include "mgmt/senml.h"

struct lwm2m_json_reader {
	struct json_reader json;
	struct path request;    /* what names stand below when there is no base name */
	struct senml_base base; /* of the body */
	bool has_base_name;
	bool is_started, is_done, failed, full;
};

void lwm2m_json_reader_init(struct lwm2m_json_reader *r, struct path base, struct bytes body, struct arena *scratch);
/* The next value. False at the end or when `failed`; with `full` the scratch was too small. */
bool lwm2m_json_next(struct lwm2m_json_reader *r, struct record *ret);
