/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * application/senml+json, 110, and with `is_etch` its patch sibling 320 (RFC 8428 section 5, RFC 8790). */
#pragma once

#include "coap/base/arena.h"
#include "mgmt/json.h"
#include "mgmt/senml.h"

struct senml_json_reader {
	struct json_reader json;
	struct senml_base base;
	struct arena *scratch;
	bool is_etch; /* null is a value */
	bool is_started, is_done, failed, full;
};

void senml_json_reader_init(struct senml_json_reader *r, struct bytes body, bool is_etch, struct arena *scratch);
/* As senml_cbor_next. */
bool senml_json_next(struct senml_json_reader *r, struct record *ret, bool *ret_has_value);

/* `prefix` is the alternate path that names begin with; BYTES_NONE for none. */
void senml_json_write(struct writer *w, struct bytes prefix, struct path base, const struct record *records,
	size_t count, enum senml_none none);
