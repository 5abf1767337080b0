/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Values of resources, their types (lwm2m interface section 8), and records: a value with its place in the tree.
 *
 * Strings, opaque values and CoRE links are borrowed. Formats that do not carry a type (TLV, text) take it from the
 * model; formats that carry a loose one (a number in SenML may be an integer or a float) are brought to the model's
 * type by value_convert, which never loses information silently. */
#pragma once

#include "mgmt/path.h"

enum value_type {
	VALUE_NONE, /* no value: executable resources, names in a composite read, null in SenML-ETCH */
	VALUE_STRING,
	VALUE_INTEGER,
	VALUE_UNSIGNED,
	VALUE_FLOAT,
	VALUE_BOOLEAN,
	VALUE_OPAQUE,
	VALUE_TIME, /* Unix seconds */
	VALUE_OBJLNK,
	VALUE_CORELNK,
};

struct value_link {
	uint16_t object, instance; /* 65535:65535 is the null link */
};

struct value {
	enum value_type type;
	union {
		struct bytes bytes;       /* STRING, OPAQUE, CORELNK */
		int64_t integer;          /* INTEGER, TIME */
		uint64_t natural;         /* UNSIGNED */
		double real;              /* FLOAT */
		bool boolean;             /* BOOLEAN */
		struct value_link objlnk; /* OBJLNK */
	};
};

struct record {
	struct path path; /* of a resource or resource instance */
	struct value value;
	bool has_time;
	double time_s;     /* SenML: from 2^28 on Unix seconds, below that relative to now (RFC 8428 section 4.5.3) */
	struct bytes unit; /* SenML: of RFC 8428 section 12.1, "Cel"; empty when not said */
};

/* The Unix time a record speaks of, when it is read at `now_s`; without a time it speaks of that moment. */
static inline double record_unix_time_s(const struct record *record, double now_s)
{
	if (!record->has_time)
		return now_s;
	return record->time_s >= 0x1p28 ? record->time_s : now_s + record->time_s;
}

static inline struct value value_none(void)
{
	return (struct value){.type = VALUE_NONE};
}

static inline struct value value_string(struct bytes text)
{
	return (struct value){.type = VALUE_STRING, .bytes = text};
}

static inline struct value value_opaque(struct bytes data)
{
	return (struct value){.type = VALUE_OPAQUE, .bytes = data};
}

static inline struct value value_corelnk(struct bytes text)
{
	return (struct value){.type = VALUE_CORELNK, .bytes = text};
}

static inline struct value value_integer(int64_t integer)
{
	return (struct value){.type = VALUE_INTEGER, .integer = integer};
}

static inline struct value value_unsigned(uint64_t natural)
{
	return (struct value){.type = VALUE_UNSIGNED, .natural = natural};
}

static inline struct value value_float(double real)
{
	return (struct value){.type = VALUE_FLOAT, .real = real};
}

static inline struct value value_boolean(bool boolean)
{
	return (struct value){.type = VALUE_BOOLEAN, .boolean = boolean};
}

static inline struct value value_time(int64_t unix_time_s)
{
	return (struct value){.type = VALUE_TIME, .integer = unix_time_s};
}

static inline struct value value_objlnk(uint16_t object, uint16_t instance)
{
	return (struct value){.type = VALUE_OBJLNK, .objlnk = {object, instance}};
}

static inline struct record record_of(struct path path, struct value value)
{
	return (struct record){.path = path, .value = value};
}

/* Same type and same value. Floats compare by value, and two NaN are equal, so that "nothing changed" holds. */
bool value_equal(const struct value *a, const struct value *b);
/* Brings a value to another type where that is exact: integral floats to integers, integers to floats where
 * a double holds them, numbers to time, strings to CoRE links, "66:0" to object links. False otherwise. */
bool value_convert(const struct value *value, enum value_type type, struct value *ret);
/* Integer, unsigned, float and time as a number, for thresholds; false for the other types. */
bool value_number(const struct value *value, double *ret);
bool value_is_numeric(enum value_type type);
const char *value_type_name(enum value_type type);

/* "66:0" as in text, SenML and CBOR; also reads hexadecimal "FFFF:FFFF" for the null link (lwm2m interface
 * section 17). */
bool value_parse_objlnk(struct bytes text, struct value_link *ret);
void value_write_objlnk(struct writer *w, struct value_link link);
/* The shortest decimal text that reads back as the same double; integral ones without a point. Fails the writer for
 * infinities and NaN. */
void value_write_double(struct writer *w, double real);
/* A JSON-like number (RFC 8259 section 6) that fills `text` wholly. */
bool value_parse_double(struct bytes text, double *ret);
/* Whether the text is well-formed UTF-8 (RFC 3629). */
bool value_is_utf8(struct bytes text);
