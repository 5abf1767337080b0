/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What SenML JSON and SenML CBOR have in common (RFC 8428 as LwM2M uses it, lwm2m interface section 7.3): the fields of
 * one record, resolved against the base fields in force.
 *
 * Base fields hold until they are given again. Name = base name + name, concatenated as text and only then parsed; time
 * = base time + time; a number = base value + value; the unit is the record's own or the base unit (RFC 8428 section
 * 4.6). Sums and versions above 10 are refused. */
#pragma once

#include "mgmt/value.h"

struct senml_base {
	struct bytes name; /* borrowed from the body or the scratch */
	bool has_time;
	double time_s;
	struct bytes unit;    /* borrowed likewise */
	struct value value;   /* to be added; VALUE_NONE when there is none */
	bool may_have_prefix; /* names may begin with an alternate path, which is left out */
};

/* One record as it stands in the pack, before it is resolved. */
struct senml_fields {
	bool has_base_name, has_base_time, has_base_unit, has_base_value;
	bool has_name, has_time, has_unit, has_value;
	struct bytes base_name, name, base_unit, unit;
	double base_time_s, time_s;
	struct value base_value; /* a loose number */
	struct value value;      /* loose: numbers as INTEGER, UNSIGNED or FLOAT; VALUE_NONE with has_value for null */
};

/* Takes the base fields over and builds the record. False when the name is no path, or
 * the unit no text. */
bool senml_resolve(struct senml_base *base, const struct senml_fields *fields, struct record *ret);

/* What a record with VALUE_NONE becomes when a pack is written. */
enum senml_none {
	SENML_NONE_LEFT_OUT, /* an empty multiple resource has no records */
	SENML_NONE_NAMED,    /* the name alone: a composite read */
	SENML_NONE_NULL,     /* SenML-ETCH: to be removed */
};

size_t senml_count(const struct record *records, size_t count, enum senml_none none);

#define SENML_NAME_BYTES (PATH_PREFIX_MAX + PATH_TEXT_BYTES + 1)

/* How a record of a pack that is written for `base` is named: the first record carries the base name, which begins with
 * the alternate path if there is one, and the name is what follows it. Empty when there is none. */
struct bytes senml_base_name(struct bytes prefix, struct path base, struct path first, uint8_t text[SENML_NAME_BYTES]);
struct bytes senml_name(struct path base, struct path path, uint8_t text[SENML_NAME_BYTES]);
