/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/option_text.h"

static bool find_number(struct bytes name, uint16_t *ret)
{
	uint64_t number;
	if (parse_decimal(name, UINT16_MAX, &number)) {
		*ret = (uint16_t)number;
		return true;
	}
	for (uint32_t i = 0; i <= UINT16_MAX; i++) {
		const struct coap_option_definition *d = coap_option_definition((uint16_t)i);
		if (d != NULL && bytes_equal_text(name, d->name)) {
			*ret = (uint16_t)i;
			return true;
		}
	}
	return false;
}

static bool read_value(const struct coap_option_definition *d, struct bytes text, struct writer *room)
{
	uint8_t number[4];
	uint64_t value;
	size_t len;
	if (d != NULL && d->format == COAP_OPTION_FORMAT_UINT) {
		if (!parse_decimal(text, UINT32_MAX, &value))
			return false;
		write_bytes(room, bytes_of(number, coap_option_encode_uint((uint32_t)value, number)));
	} else if (text.len >= 2 && text.data[0] == '0' && text.data[1] == 'x') {
		if (!parse_hex(bytes_from(text, 2), room->at, writer_left(room), &len))
			return false;
		room->at += len;
	} else {
		write_bytes(room, text);
	}
	return !room->failed;
}

bool option_text_add(const char *text, struct writer *room, struct coap_options *options)
{
	struct bytes all = bytes_of_text(text);
	const uint8_t *start = room->at;
	uint16_t number;
	size_t name_len = 0;
	while (name_len < all.len && all.data[name_len] != '=')
		name_len++;
	if (!find_number(bytes_first(all, name_len), &number))
		return false;
	const struct coap_option_definition *d = coap_option_definition(number);
	if (!read_value(d, bytes_from(all, name_len + 1), room))
		return false;
	struct bytes value = bytes_of(start, (size_t)(room->at - start));
	if (d != NULL && (value.len < d->min_bytes || value.len > d->max_bytes))
		return false;
	coap_options_add(options, number, value);
	return true;
}
