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

size_t coap_option_encode_uint(uint32_t value, uint8_t out[4])
{
	size_t len = 0;
	for (int shift = 24; shift >= 0; shift -= 8)
		if (len > 0 || value >> shift != 0)
			out[len++] = (uint8_t)(value >> shift);
	return len;
}

/* ---- the wire ---- */

static unsigned nibble_of(uint32_t number)
{
	if (number < ONE_BYTE_BASE)
		return number;
	return number < TWO_BYTES_BASE ? NIBBLE_ONE_BYTE : NIBBLE_TWO_BYTES;
}

static void write_extended(struct writer *w, uint32_t number)
{
	if (number >= TWO_BYTES_BASE)
		write_u16(w, (uint16_t)(number - TWO_BYTES_BASE));
	else if (number >= ONE_BYTE_BASE)
		write_u8(w, (uint8_t)(number - ONE_BYTE_BASE));
}

void coap_option_write(struct writer *w, uint16_t previous, uint16_t number, struct bytes value)
{
	assert(number >= previous);
	if (value.len > COAP_OPTION_VALUE_MAX_BYTES) {
		w->failed = true;
		return;
	}
	uint32_t delta = (uint32_t)number - previous, len = (uint32_t)value.len;
	write_u8(w, (uint8_t)(nibble_of(delta) << 4 | nibble_of(len)));
	write_extended(w, delta);
	write_extended(w, len);
	write_bytes(w, value);
}

/* The number a nibble begins; at most 65804. The reserved nibble is the caller's to refuse. */
static uint32_t read_extended(struct reader *r, unsigned nibble)
{
	if (nibble == NIBBLE_ONE_BYTE)
		return read_u8(r) + ONE_BYTE_BASE;
	if (nibble == NIBBLE_TWO_BYTES)
		return read_u16(r) + TWO_BYTES_BASE;
	return nibble;
}

enum coap_option_step coap_option_read(struct reader *r, struct coap_option *option)
{
	if (reader_left(r) == 0)
		return COAP_OPTION_STEP_END;
	unsigned first = read_u8(r);
	if (first == PAYLOAD_MARKER)
		return COAP_OPTION_STEP_PAYLOAD;
	if (first >> 4 == NIBBLE_RESERVED || (first & 15) == NIBBLE_RESERVED)
		return COAP_OPTION_STEP_MALFORMED;
	uint32_t number = option->number + read_extended(r, first >> 4);
	struct bytes value = read_bytes(r, read_extended(r, first & 15));
	if (r->failed || number > UINT16_MAX)
		return COAP_OPTION_STEP_MALFORMED;
	*option = (struct coap_option){(uint16_t)number, value};
	return COAP_OPTION_STEP_OPTION;
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

void coap_options_add(struct coap_options *o, uint16_t number, struct bytes value)
{
	if (o->failed || o->count == COAP_OPTIONS_MAX || value.len > COAP_OPTION_VALUE_MAX_BYTES) {
		o->failed = true;
		return;
	}
	unsigned place = o->count++;
	for (; place > 0 && o->entries[place - 1].number > number; place--)
		o->entries[place] = o->entries[place - 1];
	struct coap_options_entry *entry = &o->entries[place];
	*entry = (struct coap_options_entry){.number = number, .len = (uint16_t)value.len};
	if (value.len > COAP_OPTION_KEPT_MAX_BYTES)
		entry->value.borrowed = value.data;
	else if (value.len > 0)
		memcpy(entry->value.kept, value.data, value.len);
}

void coap_options_add_uint(struct coap_options *o, uint16_t number, uint32_t value)
{
	uint8_t bytes[4];
	coap_options_add(o, number, bytes_of(bytes, coap_option_encode_uint(value, bytes)));
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

struct coap_option coap_options_at(const struct coap_options *o, unsigned index)
{
	assert(index < o->count);
	const struct coap_options_entry *entry = &o->entries[index];
	const uint8_t *value = entry->len > COAP_OPTION_KEPT_MAX_BYTES ? entry->value.borrowed : entry->value.kept;
	return (struct coap_option){entry->number, bytes_of(value, entry->len)};
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

void coap_options_write(struct writer *w, const struct coap_options *o)
{
	uint16_t previous = 0;
	if (o->failed)
		w->failed = true;
	for (unsigned i = 0; i < o->count; i++) {
		struct coap_option option = coap_options_at(o, i);
		coap_option_write(w, previous, option.number, option.value);
		previous = option.number;
	}
}
