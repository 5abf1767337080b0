/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/label.h"

#include <assert.h>

static bool is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

bool label_set(char *out, size_t capacity, struct bytes text)
{
	if (text.len == 0 || text.len >= capacity)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (is_control(text.data[i]))
			return false;
	memcpy(out, text.data, text.len);
	out[text.len] = '\0';
	return true;
}

/* Steps back from the middle of a UTF-8 character to its beginning (RFC 3629 section 3). */
static size_t whole_characters(struct bytes text, size_t len)
{
	if (len == text.len)
		return len;
	while (len > 0 && (text.data[len] & 0xc0) == 0x80)
		len--;
	return len;
}

void label_cut(char *out, size_t capacity, struct bytes text)
{
	assert(capacity > 0);
	size_t len = whole_characters(text, text.len < capacity ? text.len : capacity - 1);
	for (size_t i = 0; i < len; i++)
		out[i] = is_control(text.data[i]) ? ' ' : (char)text.data[i];
	out[len] = '\0';
}

static bool is_name_character(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
	       c == '-' || c == '+' || c == ':';
}

bool label_is_name(struct bytes text)
{
	if (text.len == 0 || text.data[0] == '.')
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!is_name_character(text.data[i]))
			return false;
	return true;
}

void label_end(char *out, size_t capacity, const struct writer *w)
{
	struct bytes written = writer_bytes(w);
	assert((char *)w->start == out && written.len <= capacity);
	out[written.len < capacity ? written.len : capacity - 1] = '\0';
}

void label_write_quoted(struct writer *w, struct bytes text)
{
	write_u8(w, '"');
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '"' || c == '\\')
			write_u8(w, '\\');
		write_u8(w, is_control(c) ? ' ' : c);
	}
	write_u8(w, '"');
}
