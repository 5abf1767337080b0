/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * text/plain, 0: one value as text (lwm2m interface section 8, first column). Opaque is base64 with padding
 * (RFC 4648 section 4); SenML JSON shares the alphabet of section 5, without padding. */
#pragma once

#include "coap/base/arena.h"
#include "mgmt/value.h"

enum text_verdict { TEXT_GOOD, TEXT_BAD, TEXT_FULL };

/* `scratch` takes the octets of an opaque value. */
enum text_verdict text_decode(struct bytes text, enum value_type type, struct arena *scratch, struct value *ret);
void text_encode(struct writer *w, const struct value *value);

/* A number of JSON, RFC 8259 section 6: digits alone as INTEGER or UNSIGNED, so that 64 bits survive; FLOAT otherwise.
 */
bool text_decode_number(struct bytes text, struct value *ret);

enum text_base64 { TEXT_BASE64_PADDED, TEXT_BASE64_URL };

enum text_verdict text_decode_base64(
	struct bytes text, enum text_base64 alphabet, struct arena *scratch, struct bytes *ret);
void text_encode_base64(struct writer *w, enum text_base64 alphabet, struct bytes data);
