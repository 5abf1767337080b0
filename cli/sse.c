/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/sse.h"

#include <string.h>

void sse_reader_init(struct sse_reader *r, bool (*event)(void *context, const struct sse_event *event), void *context)
{
	r->event = event;
	r->context = context;
	r->id[0] = '\0';
	sse_reader_restart(r);
}

void sse_reader_restart(struct sse_reader *r)
{
	r->after_cr = r->has_data = r->failed = false;
	r->line_len = r->data_len = 0;
	r->type[0] = '\0';
}

static bool tell(struct sse_reader *r)
{
	bool go_on = true;
	if (r->has_data) {
		r->data[r->data_len] = '\0';
		struct sse_event event = {r->type[0] != '\0' ? r->type : "message", r->data, r->id};
		go_on = r->event(r->context, &event);
	}
	r->has_data = false;
	r->data_len = 0;
	r->type[0] = '\0';
	return go_on;
}

/* Lines of data are joined by newlines. */
static bool add_data(struct sse_reader *r, const char *value, size_t len)
{
	size_t newline = r->has_data ? 1 : 0;
	if (SSE_DATA_MAX - r->data_len < len + newline)
		return false;
	if (newline != 0)
		r->data[r->data_len++] = '\n';
	memcpy(r->data + r->data_len, value, len);
	r->data_len += len;
	r->has_data = true;
	return true;
}

static bool set_text(char *to, size_t max, const char *value, size_t len)
{
	if (len > max)
		return false;
	memcpy(to, value, len);
	to[len] = '\0';
	return true;
}

static bool take_line(struct sse_reader *r)
{
	r->line[r->line_len] = '\0';
	size_t name_len = strcspn(r->line, ":"), len = r->line_len;
	if (len == 0)
		return tell(r);
	const char *value = r->line + name_len;
	if (name_len < len)
		value += value[1] == ' ' ? 2 : 1;
	size_t value_len = (size_t)(r->line + len - value);
	bool fits = true;
	if (name_len == 4 && memcmp(r->line, "data", 4) == 0)
		fits = add_data(r, value, value_len);
	else if (name_len == 5 && memcmp(r->line, "event", 5) == 0)
		fits = set_text(r->type, SSE_TYPE_MAX, value, value_len);
	else if (name_len == 2 && memcmp(r->line, "id", 2) == 0)
		fits = set_text(r->id, SSE_ID_MAX, value, value_len);
	if (!fits)
		r->failed = true;
	return fits;
}

bool sse_reader_feed(struct sse_reader *r, const char *piece, size_t len)
{
	for (size_t i = 0; i < len && !r->failed; i++) {
		char c = piece[i];
		bool ends_crlf = r->after_cr && c == '\n';
		r->after_cr = c == '\r';
		if (ends_crlf)
			continue;
		if (c == '\n' || c == '\r') {
			bool go_on = take_line(r);
			r->line_len = 0;
			if (!go_on)
				return false;
		} else if (r->line_len == SSE_LINE_MAX) {
			r->failed = true;
		} else {
			r->line[r->line_len++] = c;
		}
	}
	return !r->failed;
}
