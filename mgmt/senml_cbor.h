/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * application/senml+cbor, 112, and with `is_etch` its patch sibling 322 (RFC 8428 section 6, RFC 8790). */
#pragma once

#include "coap/base/arena.h"
#include "mgmt/cbor.h"
#include "mgmt/senml.h"

struct senml_cbor_reader {
	struct cbor_reader cbor;
	struct senml_base base;
	struct arena *scratch;
	uint64_t left; /* records; unused in an indefinite array */
	bool is_etch;  /* null is a value */
	bool is_indefinite, is_started, failed, full;
};

void senml_cbor_reader_init(struct senml_cbor_reader *r, struct bytes body, bool is_etch, struct arena *scratch);
/* The next record; VALUE_NONE with a false `*ret_has_value` when it has a name only. False at the end or when `failed`;
 * with `full` the scratch was too small. */
bool senml_cbor_next(struct senml_cbor_reader *r, struct record *ret, bool *ret_has_value);

/* `prefix` is the alternate path that names begin with; BYTES_NONE for none. */
void senml_cbor_write(struct writer *w, struct bytes prefix, struct path base, const struct record *records,
	size_t count, enum senml_none none);
