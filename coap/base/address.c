/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/address.h"

static const uint8_t ipv4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct address address_ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	struct address address = {.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, .port = port};
	return address;
}

bool address_is_ipv4(const struct address *a)
{
	return memcmp(a->ip, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

bool address_is_multicast(const struct address *a)
{
	return address_is_ipv4(a) ? (a->ip[12] & 0xf0) == 0xe0 : a->ip[0] == 0xff;
}

static uint16_t group_of(const struct address *a, int index)
{
	return (uint16_t)(a->ip[2 * index] << 8 | a->ip[2 * index + 1]);
}

/* RFC 5952 section 4.2.3: the longest run of zero groups, the first of equals, at least two long. */
static int zero_run(const struct address *a, int *ret_length)
{
	int best = -1, best_length = 1;
	for (int i = 0; i < 8; i++) {
		int length = 0;
		while (i + length < 8 && group_of(a, i + length) == 0)
			length++;
		if (length > best_length) {
			best = i;
			best_length = length;
		}
	}
	*ret_length = best_length;
	return best;
}

static void write_group(struct writer *w, uint16_t group)
{
	static const char digits[] = "0123456789abcdef";
	bool started = false;
	for (int shift = 12; shift >= 0; shift -= 4) {
		unsigned digit = (unsigned)(group >> shift) & 15;
		started = started || digit != 0 || shift == 0;
		if (started)
			write_u8(w, (uint8_t)digits[digit]);
	}
}

static void write_ipv6(struct writer *w, const struct address *a)
{
	int run_length, run = zero_run(a, &run_length);
	for (int i = 0; i < 8; i++) {
		if (i == run) {
			write_text(w, "::");
			i += run_length - 1;
			continue;
		}
		if (i > 0 && (run < 0 || i != run + run_length))
			write_u8(w, ':');
		write_group(w, group_of(a, i));
	}
}

void address_write(struct writer *w, const struct address *a)
{
	if (address_is_ipv4(a)) {
		for (int i = 12; i < 16; i++) {
			if (i > 12)
				write_u8(w, '.');
			write_decimal(w, a->ip[i]);
		}
	} else {
		write_u8(w, '[');
		write_ipv6(w, a);
		if (a->scope != 0) {
			write_u8(w, '%');
			write_decimal(w, a->scope);
		}
		write_u8(w, ']');
	}
	write_u8(w, ':');
	write_decimal(w, a->port);
}

static size_t find(struct bytes text, uint8_t wanted)
{
	size_t at = 0;
	while (at < text.len && text.data[at] != wanted)
		at++;
	return at;
}

static bool parse_port(struct bytes text, uint16_t *ret)
{
	uint64_t port;
	if (!parse_decimal(text, UINT16_MAX, &port))
		return false;
	*ret = (uint16_t)port;
	return true;
}

static bool parse_ipv4(struct bytes text, uint8_t out[4])
{
	for (int i = 0; i < 4; i++) {
		size_t dot = find(text, '.');
		uint64_t number;
		if ((dot == text.len) != (i == 3) || dot > 3 || !parse_decimal(bytes_first(text, dot), 255, &number))
			return false;
		out[i] = (uint8_t)number;
		text = bytes_from(text, dot + 1);
	}
	return true;
}

static bool parse_group(struct bytes text, uint16_t *ret)
{
	uint8_t padded[4] = {'0', '0', '0', '0'}, pair[2];
	size_t len;
	if (text.len == 0 || text.len > 4)
		return false;
	memcpy(padded + 4 - text.len, text.data, text.len);
	if (!parse_hex(bytes_of(padded, 4), pair, sizeof pair, &len))
		return false;
	*ret = (uint16_t)(pair[0] << 8 | pair[1]);
	return true;
}

/* Groups up to the end or to "::"; the last may be a dotted IPv4 address. Leaves the rest behind "::" in `text`. */
static bool parse_groups(struct bytes *text, uint8_t out[16], size_t *ret_used, bool *ret_gap)
{
	size_t used = 0;
	*ret_gap = false;
	while (text->len > 0) {
		size_t colon = find(*text, ':');
		struct bytes part = bytes_first(*text, colon);
		uint16_t group;
		if (colon == 0 && text->len >= 2 && text->data[1] == ':') {
			*ret_gap = true;
			*text = bytes_from(*text, 2);
			break;
		}
		if (colon == text->len && find(part, '.') < part.len) {
			if (used > 12 || !parse_ipv4(part, out + used))
				return false;
			used += 4;
			*text = BYTES_NONE;
			break;
		}
		if (used > 14 || !parse_group(part, &group))
			return false;
		out[used++] = (uint8_t)(group >> 8);
		out[used++] = (uint8_t)group;
		bool pair_follows = colon + 1 < text->len && text->data[colon + 1] == ':';
		if (colon + 1 == text->len)
			return false; /* a single colon at the end */
		*text = bytes_from(*text, pair_follows ? colon : colon + 1);
	}
	*ret_used = used;
	return true;
}

static bool parse_ipv6(struct bytes text, uint8_t out[16])
{
	uint8_t head[16], tail[16];
	size_t head_len, tail_len = 0;
	bool gap, second_gap = false;
	if (!parse_groups(&text, head, &head_len, &gap))
		return false;
	if (gap && !parse_groups(&text, tail, &tail_len, &second_gap))
		return false;
	if (second_gap || (gap ? head_len + tail_len > 14 : head_len != 16))
		return false;
	memset(out, 0, 16);
	memcpy(out, head, head_len);
	memcpy(out + 16 - tail_len, tail, tail_len);
	return true;
}

static bool parse_ipv6_with_scope(struct bytes text, struct address *ret)
{
	size_t percent = find(text, '%');
	uint64_t scope = 0;
	if (percent < text.len && !parse_decimal(bytes_from(text, percent + 1), UINT32_MAX, &scope))
		return false;
	ret->scope = (uint32_t)scope;
	return parse_ipv6(bytes_first(text, percent), ret->ip);
}

static bool parse_into(struct bytes text, struct address *ret)
{
	if (text.len > 0 && text.data[0] == '[') {
		size_t bracket = find(text, ']');
		struct bytes behind = bytes_from(text, bracket + 1);
		if (bracket == text.len || (behind.len > 0 && behind.data[0] != ':'))
			return false;
		if (behind.len > 0 && !parse_port(bytes_from(behind, 1), &ret->port))
			return false;
		return parse_ipv6_with_scope(bytes_from(bytes_first(text, bracket), 1), ret);
	}
	size_t colon = find(text, ':');
	if (find(bytes_from(text, colon + 1), ':') < bytes_from(text, colon + 1).len)
		return parse_ipv6_with_scope(text, ret);
	if (colon < text.len && !parse_port(bytes_from(text, colon + 1), &ret->port))
		return false;
	memcpy(ret->ip, ipv4_prefix, sizeof ipv4_prefix);
	return parse_ipv4(bytes_first(text, colon), ret->ip + 12);
}

bool address_parse(struct bytes text, uint16_t default_port, struct address *ret)
{
	struct address parsed = {.port = default_port};
	if (!parse_into(text, &parsed))
		return false;
	*ret = parsed;
	return true;
}
