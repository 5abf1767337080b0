/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/extension_stream.h"

#include <assert.h>

void extension_stream_init(struct extension_stream *s)
{
	s->len = s->taken = 0;
}

uint8_t *extension_stream_room(struct extension_stream *s, size_t *ret_len)
{
	*ret_len = sizeof s->data - s->len;
	return s->data + s->len;
}

void extension_stream_add(struct extension_stream *s, size_t len)
{
	assert(len <= sizeof s->data - s->len);
	s->len += len;
}

/* What has not been given yet moves to the front. */
static void close_gap(struct extension_stream *s)
{
	memmove(s->data, s->data + s->taken, s->len - s->taken);
	s->len -= s->taken;
	s->taken = 0;
}

bool extension_stream_next(struct extension_stream *s, struct bytes *ret)
{
	const uint8_t *from = s->data + s->taken;
	const uint8_t *end = memchr(from, '\n', s->len - s->taken);
	if (end != NULL) {
		*ret = bytes_of(from, (size_t)(end - from));
		s->taken += ret->len + 1;
		return true;
	}
	close_gap(s);
	if (s->len < sizeof s->data)
		return false;
	*ret = bytes_of(s->data, s->len);
	s->taken = s->len;
	return true;
}
