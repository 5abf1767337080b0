/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Options: their numbers and definitions, one option as a view, and the list from which a message is written
 * (RFC 7252 sections 3.1, 5.4 and 5.10).
 *
 * What may happen to an option that is not understood follows from its number alone: odd numbers are critical, bit 1
 * makes it unsafe to forward, bits 1 to 4 tell whether it belongs to the cache key. */
#pragma once

#include "coap/base/bytes.h"

enum coap_option_number {
	COAP_OPTION_IF_MATCH = 1,
	COAP_OPTION_URI_HOST = 3,
	COAP_OPTION_ETAG = 4,
	COAP_OPTION_IF_NONE_MATCH = 5,
	COAP_OPTION_OBSERVE = 6, /* RFC 7641 */
	COAP_OPTION_URI_PORT = 7,
	COAP_OPTION_LOCATION_PATH = 8,
	COAP_OPTION_OSCORE = 9, /* RFC 8613 */
	COAP_OPTION_URI_PATH = 11,
	COAP_OPTION_CONTENT_FORMAT = 12,
	COAP_OPTION_MAX_AGE = 14,
	COAP_OPTION_URI_QUERY = 15,
	COAP_OPTION_HOP_LIMIT = 16, /* RFC 8768 */
	COAP_OPTION_ACCEPT = 17,
	COAP_OPTION_Q_BLOCK1 = 19, /* RFC 9177 */
	COAP_OPTION_LOCATION_QUERY = 20,
	COAP_OPTION_EDHOC = 21,  /* RFC 9668 */
	COAP_OPTION_BLOCK2 = 23, /* RFC 7959 */
	COAP_OPTION_BLOCK1 = 27,
	COAP_OPTION_SIZE2 = 28,
	COAP_OPTION_Q_BLOCK2 = 31,
	COAP_OPTION_PROXY_URI = 35,
	COAP_OPTION_PROXY_SCHEME = 39,
	COAP_OPTION_SIZE1 = 60,
	COAP_OPTION_ECHO = 252,        /* RFC 9175 */
	COAP_OPTION_NO_RESPONSE = 258, /* RFC 7967 */
	COAP_OPTION_REQUEST_TAG = 292, /* RFC 9175 */
};

#define COAP_MAX_AGE_DEFAULT_S      60u   /* RFC 7252 section 5.10.5 */
#define COAP_OPTION_VALUE_MAX_BYTES 65535 /* the wire could say up to 65804; no datagram holds that */

/* ---- what follows from the number ---- */

static inline bool coap_option_is_critical(uint16_t number)
{
	return (number & 1) != 0;
}

static inline bool coap_option_is_unsafe(uint16_t number)
{
	return (number & 2) != 0;
}

/* Safe to forward, and not part of the cache key (RFC 7252 section 5.4.6). */
static inline bool coap_option_is_no_cache_key(uint16_t number)
{
	return (number & 0x1e) == 0x1c;
}

/* ---- definitions ---- */

enum coap_option_format {
	COAP_OPTION_FORMAT_EMPTY,
	COAP_OPTION_FORMAT_OPAQUE,
	COAP_OPTION_FORMAT_UINT,
	COAP_OPTION_FORMAT_STRING, /* UTF-8 (RFC 5198) */
};

struct coap_option_definition {
	uint16_t number;
	enum coap_option_format format;
	uint16_t min_bytes, max_bytes;
	bool is_repeatable;
	const char *name; /* as in its RFC: "Uri-Path" */
};

/* NULL for a number that is not in the enum above. */
const struct coap_option_definition *coap_option_definition(uint16_t number);

/* ---- one option, and values ---- */

struct coap_option {
	uint16_t number;
	struct bytes value; /* borrowed */
};

/* A uint value, big endian; leading zeros are accepted (RFC 7252 section 3.2). False above 4 significant bytes. */
bool coap_option_decode_uint(struct bytes value, uint32_t *ret);
/* The shortest form into `out`, zeros behind it; gives its length, 0 for zero. */
static inline size_t coap_option_encode_uint(uint32_t value, uint8_t out[4])
{
	size_t len = value == 0 ? 0 : (size_t)(39 - __builtin_clz(value)) / 8;
	uint32_t word = len == 0 ? 0 : value << (32 - 8 * len);
	out[0] = (uint8_t)(word >> 24);
	out[1] = (uint8_t)(word >> 16);
	out[2] = (uint8_t)(word >> 8);
	out[3] = (uint8_t)word;
	return len;
}

/* ---- writing in order ---- */

#define COAP_OPTION_NIBBLE_MAX \
	12 /* what fits the first byte of an option, as the step of its number and as its length */

/* coap_option_write in its general form, for whatever number and length. */
void coap_option_write_long(struct writer *w, uint16_t previous, uint16_t number, struct bytes value);

/* Writes one option behind the one with number `previous`, 0 in front of the first; `number` must not be smaller. The
 * short form, which nearly all options have, is written in place: where the numbers are constants, that is a byte and
 * the value. */
static inline void coap_option_write(struct writer *w, uint16_t previous, uint16_t number, struct bytes value)
{
	uint8_t *at = w->at;
	unsigned step = (unsigned)number - previous;
	if (step > COAP_OPTION_NIBBLE_MAX || value.len > COAP_OPTION_NIBBLE_MAX || w->failed ||
		writer_left(w) <= value.len) {
		coap_option_write_long(w, previous, number, value);
		return;
	}
	*at = (uint8_t)(step << 4 | value.len);
	bytes_copy(at + 1, value.data, value.len);
	w->at = at + 1 + value.len;
}

/* The same with a number as the value, in its shortest form. */
static inline void coap_option_write_uint(struct writer *w, uint16_t previous, uint16_t number, uint32_t value)
{
	uint8_t *at = w->at, bytes[4];
	unsigned step = (unsigned)number - previous;
	if (step > COAP_OPTION_NIBBLE_MAX || w->failed || writer_left(w) <= sizeof bytes) {
		size_t value_len = coap_option_encode_uint(value, bytes);
		coap_option_write_long(w, previous, number, bytes_of(bytes, value_len));
		return;
	}
	size_t len = coap_option_encode_uint(value, at + 1);
	*at = (uint8_t)(step << 4 | len);
	w->at = at + 1 + len;
}

/* ---- reading ---- */

/* What a reader of options met. */
enum coap_option_step {
	COAP_OPTION_STEP_OPTION,  /* one more option */
	COAP_OPTION_STEP_PAYLOAD, /* the payload marker; the reader stands behind it */
	COAP_OPTION_STEP_END,
	COAP_OPTION_STEP_MALFORMED, /* reserved nibble, number above 65535, value beyond the end (RFC 7252 section 3.1)
				     */
};

/* Reads the next option; `option` holds the one before (number 0 at first) and receives this one. */
enum coap_option_step coap_option_read(struct reader *r, struct coap_option *option);
/* Reads all options of a message into a table of at most 255; `wire` is what follows the token. END or, with the bytes
 * behind the marker, PAYLOAD; MALFORMED; or OPTION when there are more than the table holds. */
enum coap_option_step coap_option_read_all(
	struct bytes wire, struct coap_option *table, unsigned capacity, uint8_t *ret_count, struct bytes *ret_payload);

/* ---- which options somebody understands ---- */

/* A set of option numbers; sets are chained so that a resource can add its own to those of the endpoint. */
struct coap_option_set {
	const uint16_t *numbers;
	size_t count;
	const struct coap_option_set *more; /* may be NULL */
};

bool coap_option_set_has(const struct coap_option_set *set, uint16_t number);

/* ---- the list a message is written from ---- */

#define COAP_OPTIONS_MAX           32
#define COAP_OPTION_KEPT_MAX_BYTES 8

/* Options in ascending order of number, however they are added; those with the same number stay in the order in which
 * they came. All zero is an empty list. A list may be copied by assignment.
 *
 * Values of at most 8 bytes (every uint, every ETag) are kept inside. Longer values are borrowed and must stay valid
 * until the list is written. `failed` is sticky: an option did not fit, or a value was too long; then nothing more is
 * added, and coap_message_write fails. */
struct coap_options {
	uint8_t count;
	bool failed;
	struct coap_options_entry {
		uint16_t number;
		uint16_t len;
		union {
			uint8_t kept[COAP_OPTION_KEPT_MAX_BYTES];
			const uint8_t *borrowed;
		} value;
	} entries[COAP_OPTIONS_MAX];
};

/* Makes the list empty; the entries need not be cleared. */
static inline void coap_options_clear(struct coap_options *o)
{
	o->count = 0;
	o->failed = false;
}

void coap_options_add(struct coap_options *o, uint16_t number, struct bytes value);
void coap_options_add_uint(struct coap_options *o, uint16_t number, uint32_t value);
void coap_options_add_text(struct coap_options *o, uint16_t number, const char *text);
/* One option per segment of "/a/b" or "a/b"; "" and "/" add none, and a slash at the end adds an empty segment.
 * Nothing is percent-decoded; see coap/uri.h for that. `number` is Uri-Path or Location-Path. */
void coap_options_add_path(struct coap_options *o, uint16_t number, struct bytes path);
/* One option per argument of "a=1&b". An empty query adds none. `number` is Uri-Query or Location-Query. */
void coap_options_add_query(struct coap_options *o, uint16_t number, struct bytes query);
/* Removes every option with this number. */
void coap_options_remove(struct coap_options *o, uint16_t number);
/* Removes the last option with this number; false when there is none. */
bool coap_options_remove_last(struct coap_options *o, uint16_t number);
/* Replaces every option with this number by one. */
void coap_options_set(struct coap_options *o, uint16_t number, struct bytes value);
void coap_options_set_uint(struct coap_options *o, uint16_t number, uint32_t value);

/* The option at `index`, below `count`; its value is valid as long as the list is unchanged. */
struct coap_option coap_options_at(const struct coap_options *o, unsigned index);
/* The first value with this number; false when there is none. */
bool coap_options_find(const struct coap_options *o, uint16_t number, struct bytes *ret);
/* Writes all of them in the wire form. */
void coap_options_write(struct writer *w, const struct coap_options *o);
