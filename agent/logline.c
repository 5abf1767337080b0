/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/logline.h"

/* Appends all of it or nothing more at all. */
static void append(struct logline *l, struct bytes text)
{
	if (text.len > LOGLINE_BYTES - l->len)
		return;
	memcpy(l->text + l->len, text.data, text.len);
	l->len += text.len;
}

static void append_byte(struct logline *l, uint8_t byte)
{
	append(l, bytes_of(&byte, 1));
}

static void append_key(struct logline *l, const char *key)
{
	if (l->len > 0)
		append_byte(l, ' ');
	append(l, bytes_of_text(key));
	append_byte(l, '=');
}

static bool needs_quotes(struct bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] <= ' ' || value.data[i] > '~' || value.data[i] == '"' || value.data[i] == '=')
			return true;
	return value.len == 0;
}

void logline_bytes(struct logline *l, const char *key, struct bytes value)
{
	bool is_quoted = needs_quotes(value);
	append_key(l, key);
	if (is_quoted)
		append_byte(l, '"');
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.data[i];
		append_byte(l, c < ' ' || c > '~' || c == '"' ? '?' : c);
	}
	if (is_quoted)
		append_byte(l, '"');
}

void logline_text(struct logline *l, const char *key, const char *value)
{
	logline_bytes(l, key, bytes_of_text(value));
}

void logline_number(struct logline *l, const char *key, int64_t value)
{
	uint8_t digits[24];
	struct writer w = writer_of(digits, sizeof digits);
	write_decimal_signed(&w, value);
	append_key(l, key);
	append(l, writer_bytes(&w));
}

struct logline logline_begin(const char *event)
{
	struct logline l;
	l.len = 0;
	logline_text(&l, "event", event);
	return l;
}

void logline_end(const struct logline *l, const struct agent_log_port *port, enum agent_log_level level)
{
	if (port->write != NULL)
		port->write(port->context, level, bytes_of(l->text, l->len));
}
