/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * On the wire an option is a byte with two nibbles, the difference of its number to that of the option before and the
 * length of its value; nibbles 13 and 14 say that one or two bytes follow which continue the number (RFC 7252
 * section 3.1). All such arithmetic is done in 32 bits: 65535 + 65804 does not wrap there, and what does not fit into
 * 16 bits is refused, never cut. */
#include "coap/option.h"

#include <assert.h>

#define NIBBLE_ONE_BYTE  13
#define NIBBLE_TWO_BYTES 14
#define NIBBLE_RESERVED  15
#define ONE_BYTE_BASE    13u
#define TWO_BYTES_BASE   269u
#define PAYLOAD_MARKER   0xff
#define HEAD_MAX_BYTES   5

static const struct coap_option_definition definitions[] = {
	{COAP_OPTION_IF_MATCH, COAP_OPTION_FORMAT_OPAQUE, 0, 8, true, "If-Match"},
	{COAP_OPTION_URI_HOST, COAP_OPTION_FORMAT_STRING, 1, 255, false, "Uri-Host"},
	{COAP_OPTION_ETAG, COAP_OPTION_FORMAT_OPAQUE, 1, 8, true, "ETag"},
	{COAP_OPTION_IF_NONE_MATCH, COAP_OPTION_FORMAT_EMPTY, 0, 0, false, "If-None-Match"},
	{COAP_OPTION_OBSERVE, COAP_OPTION_FORMAT_UINT, 0, 3, false, "Observe"},
	{COAP_OPTION_URI_PORT, COAP_OPTION_FORMAT_UINT, 0, 2, false, "Uri-Port"},
	{COAP_OPTION_LOCATION_PATH, COAP_OPTION_FORMAT_STRING, 0, 255, true, "Location-Path"},
	{COAP_OPTION_OSCORE, COAP_OPTION_FORMAT_OPAQUE, 0, 255, false, "OSCORE"},
	{COAP_OPTION_URI_PATH, COAP_OPTION_FORMAT_STRING, 0, 255, true, "Uri-Path"},
	{COAP_OPTION_CONTENT_FORMAT, COAP_OPTION_FORMAT_UINT, 0, 2, false, "Content-Format"},
	{COAP_OPTION_MAX_AGE, COAP_OPTION_FORMAT_UINT, 0, 4, false, "Max-Age"},
	{COAP_OPTION_URI_QUERY, COAP_OPTION_FORMAT_STRING, 0, 255, true, "Uri-Query"},
	/* One byte, but what is too long or too short must be seen, to be refused (RFC 8768 section 3). */
	{COAP_OPTION_HOP_LIMIT, COAP_OPTION_FORMAT_UINT, 0, 4, false, "Hop-Limit"},
	{COAP_OPTION_ACCEPT, COAP_OPTION_FORMAT_UINT, 0, 2, false, "Accept"},
	{COAP_OPTION_Q_BLOCK1, COAP_OPTION_FORMAT_UINT, 0, 3, false, "Q-Block1"},
	{COAP_OPTION_LOCATION_QUERY, COAP_OPTION_FORMAT_STRING, 0, 255, true, "Location-Query"},
	{COAP_OPTION_EDHOC, COAP_OPTION_FORMAT_EMPTY, 0, 0, false, "EDHOC"},
	{COAP_OPTION_BLOCK2, COAP_OPTION_FORMAT_UINT, 0, 3, false, "Block2"},
	{COAP_OPTION_BLOCK1, COAP_OPTION_FORMAT_UINT, 0, 3, false, "Block1"},
	{COAP_OPTION_SIZE2, COAP_OPTION_FORMAT_UINT, 0, 4, false, "Size2"},
	{COAP_OPTION_Q_BLOCK2, COAP_OPTION_FORMAT_UINT, 0, 3, true, "Q-Block2"},
	{COAP_OPTION_PROXY_URI, COAP_OPTION_FORMAT_STRING, 1, 1034, false, "Proxy-Uri"},
	{COAP_OPTION_PROXY_SCHEME, COAP_OPTION_FORMAT_STRING, 1, 255, false, "Proxy-Scheme"},
	{COAP_OPTION_SIZE1, COAP_OPTION_FORMAT_UINT, 0, 4, false, "Size1"},
	{COAP_OPTION_ECHO, COAP_OPTION_FORMAT_OPAQUE, 1, 40, false, "Echo"},
	{COAP_OPTION_NO_RESPONSE, COAP_OPTION_FORMAT_UINT, 0, 1, false, "No-Response"},
	{COAP_OPTION_REQUEST_TAG, COAP_OPTION_FORMAT_OPAQUE, 0, 8, true, "Request-Tag"},
};

const struct coap_option_definition *coap_option_definition(uint16_t number)
{
	for (size_t i = 0; i < sizeof definitions / sizeof definitions[0] && definitions[i].number <= number; i++)
		if (definitions[i].number == number)
			return &definitions[i];
	return NULL;
}

bool coap_option_decode_uint(struct bytes value, uint32_t *ret)
{
	while (value.len > 0 && value.data[0] == 0)
		value = bytes_from(value, 1);
	if (value.len > 4)
		return false;
	uint32_t number = 0;
	for (size_t i = 0; i < value.len; i++)
		number = number << 8 | value.data[i];
	*ret = number;
	return true;
}

/* ---- the wire ---- */

static uint32_t nibble_of(uint32_t number)
{
	if (number < ONE_BYTE_BASE)
		return number;
	return number < TWO_BYTES_BASE ? NIBBLE_ONE_BYTE : NIBBLE_TWO_BYTES;
}

static uint8_t *put_extended(uint8_t *at, uint32_t number)
{
	if (number >= TWO_BYTES_BASE) {
		*at++ = (uint8_t)((number - TWO_BYTES_BASE) >> 8);
		*at++ = (uint8_t)(number - TWO_BYTES_BASE);
	} else if (number >= ONE_BYTE_BASE) {
		*at++ = (uint8_t)(number - ONE_BYTE_BASE);
	}
	return at;
}

/* What stands in front of a value, in any form: at most HEAD_MAX_BYTES. */
__attribute__((noinline)) static uint8_t *put_long_head(uint8_t *at, uint32_t delta, uint32_t len)
{
	*at++ = (uint8_t)(nibble_of(delta) << 4 | nibble_of(len));
	return put_extended(put_extended(at, delta), len);
}

static inline uint8_t *put_head(uint8_t *at, uint32_t delta, uint32_t len)
{
	if (delta >= ONE_BYTE_BASE || len >= ONE_BYTE_BASE)
		return put_long_head(at, delta, len);
	*at = (uint8_t)(delta << 4 | len);
	return at + 1;
}

void coap_option_write_long(struct writer *w, uint16_t previous, uint16_t number, struct bytes value)
{
	uint8_t head[HEAD_MAX_BYTES];
	assert(number >= previous);
	if (value.len > COAP_OPTION_VALUE_MAX_BYTES) {
		w->failed = true;
		return;
	}
	uint8_t *end = put_head(head, (uint32_t)number - previous, (uint32_t)value.len);
	assert((size_t)(end - head) <= HEAD_MAX_BYTES);
	write_bytes(w, bytes_of(head, (size_t)(end - head)));
	write_bytes(w, value);
}

/* The number a nibble begins, at most 65804. False for the reserved nibble and when the bytes end. */
static bool read_extended(const uint8_t **at, const uint8_t *end, uint32_t *number)
{
	size_t more = *number == NIBBLE_ONE_BYTE ? 1 : *number == NIBBLE_TWO_BYTES ? 2 : 0;
	if (*number == NIBBLE_RESERVED || (size_t)(end - *at) < more)
		return false;
	if (more == 1)
		*number = (*at)[0] + ONE_BYTE_BASE;
	else if (more == 2)
		*number = ((uint32_t)(*at)[0] << 8 | (*at)[1]) + TWO_BYTES_BASE;
	*at += more;
	return true;
}

/* What stands in front of a value. */
struct head {
	uint32_t delta, len;
	uint32_t bytes; /* how long it is itself; 0 when it is malformed */
};

/* Reads a head of any form. Apart from the loop below, and by value, so that this, which few options need, costs the
 * others nothing. */
__attribute__((noinline)) static struct head read_head(const uint8_t *start, const uint8_t *end)
{
	const uint8_t *at = start + 1;
	uint32_t delta = *start >> 4, len = *start & 15;
	if (!read_extended(&at, end, &delta) || !read_extended(&at, end, &len) || (size_t)(end - at) < len)
		return (struct head){0, 0, 0};
	return (struct head){delta, len, (uint32_t)(at - start)};
}

enum coap_option_step coap_option_read(struct reader *r, struct coap_option *option)
{
	if (reader_left(r) == 0)
		return COAP_OPTION_STEP_END;
	if (*r->at == PAYLOAD_MARKER) {
		r->at++;
		return COAP_OPTION_STEP_PAYLOAD;
	}
	struct head head = read_head(r->at, r->end);
	if (head.bytes == 0 || option->number + head.delta > UINT16_MAX)
		return COAP_OPTION_STEP_MALFORMED;
	*option = (struct coap_option){(uint16_t)(option->number + head.delta), {r->at + head.bytes, head.len}};
	r->at += head.bytes + head.len;
	return COAP_OPTION_STEP_OPTION;
}

/* The number is counted in 32 bits and only grows, so it is enough to look at it in the end. */
enum coap_option_step coap_option_read_all(
	struct bytes wire, struct coap_option *table, unsigned capacity, uint8_t *ret_count, struct bytes *ret_payload)
{
	const uint8_t *at = wire.data, *const end = at + wire.len;
	struct coap_option *next = table, *const full = table + capacity;
	uint32_t number = 0;
	while (at != end && *at != PAYLOAD_MARKER) {
		struct head head = {*at >> 4, *at & 15, 1};
		if (head.delta >= NIBBLE_ONE_BYTE || head.len >= NIBBLE_ONE_BYTE)
			head = read_head(at, end);
		else if ((size_t)(end - at) <= head.len)
			return COAP_OPTION_STEP_MALFORMED;
		if (head.bytes == 0)
			return COAP_OPTION_STEP_MALFORMED;
		if (next == full)
			return COAP_OPTION_STEP_OPTION;
		at += head.bytes;
		number += head.delta;
		next->number = (uint16_t)number;
		next->value = (struct bytes){at, head.len};
		next++;
		at += head.len;
	}
	if (number > UINT16_MAX)
		return COAP_OPTION_STEP_MALFORMED;
	*ret_count = (uint8_t)(next - table);
	if (at == end)
		return COAP_OPTION_STEP_END;
	*ret_payload = (struct bytes){at + 1, (size_t)(end - at) - 1};
	return COAP_OPTION_STEP_PAYLOAD;
}

bool coap_option_set_has(const struct coap_option_set *set, uint16_t number)
{
	for (; set != NULL; set = set->more)
		for (size_t i = 0; i < set->count; i++)
			if (set->numbers[i] == number)
				return true;
	return false;
}

/* ---- the list ---- */

/* An entry for one more, behind those with the same number. NULL when the list has failed or is full. Most lists are
 * made in order, and then nothing moves. */
static inline struct coap_options_entry *make_entry(struct coap_options *o, uint16_t number, uint32_t len)
{
	if (o->failed || o->count == COAP_OPTIONS_MAX) {
		o->failed = true;
		return NULL;
	}
	struct coap_options_entry *entry = &o->entries[o->count++];
	for (; entry > o->entries && entry[-1].number > number; entry--)
		*entry = entry[-1];
	entry->number = number;
	entry->len = (uint16_t)len;
	return entry;
}

void coap_options_add(struct coap_options *o, uint16_t number, struct bytes value)
{
	if (value.len > COAP_OPTION_VALUE_MAX_BYTES)
		o->failed = true;
	struct coap_options_entry *entry = make_entry(o, number, (uint32_t)value.len);
	if (entry == NULL)
		return;
	if (value.len > COAP_OPTION_KEPT_MAX_BYTES)
		entry->value.borrowed = value.data;
	else
		bytes_copy(entry->value.kept, value.data, value.len);
}

void coap_options_add_uint(struct coap_options *o, uint16_t number, uint32_t value)
{
	uint8_t bytes[4];
	size_t len = coap_option_encode_uint(value, bytes);
	struct coap_options_entry *entry = make_entry(o, number, (uint32_t)len);
	if (entry != NULL)
		memcpy(entry->value.kept, bytes, sizeof bytes);
}

void coap_options_add_text(struct coap_options *o, uint16_t number, const char *text)
{
	coap_options_add(o, number, bytes_of_text(text));
}

/* Adds what stands between separators; a text without any is one part. */
static void add_parts(struct coap_options *o, uint16_t number, struct bytes text, uint8_t separator)
{
	size_t start = 0;
	for (size_t at = 0; at <= text.len; at++) {
		if (at < text.len && text.data[at] != separator)
			continue;
		coap_options_add(o, number, bytes_of(text.data + start, at - start));
		start = at + 1;
	}
}

void coap_options_add_path(struct coap_options *o, uint16_t number, struct bytes path)
{
	if (path.len > 0 && path.data[0] == '/')
		path = bytes_from(path, 1);
	if (path.len > 0)
		add_parts(o, number, path, '/');
}

void coap_options_add_query(struct coap_options *o, uint16_t number, struct bytes query)
{
	if (query.len > 0)
		add_parts(o, number, query, '&');
}

static void remove_at(struct coap_options *o, unsigned index)
{
	o->count--;
	for (unsigned i = index; i < o->count; i++)
		o->entries[i] = o->entries[i + 1];
}

bool coap_options_remove_last(struct coap_options *o, uint16_t number)
{
	for (unsigned i = o->count; i > 0; i--) {
		if (o->entries[i - 1].number != number)
			continue;
		remove_at(o, i - 1);
		return true;
	}
	return false;
}

void coap_options_remove(struct coap_options *o, uint16_t number)
{
	while (coap_options_remove_last(o, number))
		continue;
}

void coap_options_set(struct coap_options *o, uint16_t number, struct bytes value)
{
	coap_options_remove(o, number);
	coap_options_add(o, number, value);
}

void coap_options_set_uint(struct coap_options *o, uint16_t number, uint32_t value)
{
	coap_options_remove(o, number);
	coap_options_add_uint(o, number, value);
}

static struct bytes value_of(const struct coap_options_entry *entry)
{
	return bytes_of(
		entry->len > COAP_OPTION_KEPT_MAX_BYTES ? entry->value.borrowed : entry->value.kept, entry->len);
}

struct coap_option coap_options_at(const struct coap_options *o, unsigned index)
{
	assert(index < o->count);
	return (struct coap_option){o->entries[index].number, value_of(&o->entries[index])};
}

bool coap_options_find(const struct coap_options *o, uint16_t number, struct bytes *ret)
{
	for (unsigned i = 0; i < o->count; i++) {
		if (o->entries[i].number != number)
			continue;
		*ret = coap_options_at(o, i).value;
		return true;
	}
	return false;
}

/* Writes one entry where there is room for it and a word more, so that a kept value moves as a whole word. */
static inline uint8_t *put_entry(uint8_t *at, uint32_t delta, const struct coap_options_entry *entry)
{
	uint32_t len = entry->len;
	at = put_head(at, delta, len);
	if (len > COAP_OPTION_KEPT_MAX_BYTES)
		bytes_copy(at, entry->value.borrowed, len);
	else
		memcpy(at, entry->value.kept, COAP_OPTION_KEPT_MAX_BYTES);
	return at + len;
}

void coap_options_write(struct writer *w, const struct coap_options *o)
{
	uint16_t previous = 0;
	if (o->failed)
		w->failed = true;
	if (w->failed)
		return;
	const struct coap_options_entry *entry = o->entries, *const last = o->entries + o->count;
	uint8_t *at = w->at, *const end = w->end;
	for (; entry != last; previous = entry++->number) {
		if ((size_t)(end - at) < (size_t)entry->len + HEAD_MAX_BYTES + COAP_OPTION_KEPT_MAX_BYTES)
			break;
		at = put_entry(at, (uint32_t)entry->number - previous, entry);
	}
	w->at = at;
	/* What is left has less room than it may need, or just as much. */
	for (; entry != last; previous = entry++->number)
		coap_option_write(w, previous, entry->number, value_of(entry));
}
