/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/http/target.h"

#include <string.h>

void target_init(struct target *t)
{
	t->segment_count = t->parameter_count = 0;
	t->used = 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool put(struct target *t, char c)
{
	if (t->used == TARGET_BYTES)
		return false;
	t->storage[t->used++] = c;
	return true;
}

/* One decoded text in the storage; NULL when it is no good. */
static const char *decode(struct target *t, const char *text, size_t len)
{
	const char *begin = t->storage + t->used;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '%') {
			int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
			if (low < 0)
				return NULL;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0' || !put(t, c))
			return NULL;
	}
	return put(t, '\0') ? begin : NULL;
}

bool target_parse_path(struct target *t, const char *path)
{
	if (*path != '/')
		return false;
	while (*path == '/' && path[1] != '\0') {
		size_t len = strcspn(path + 1, "/");
		if (t->segment_count == TARGET_SEGMENTS_MAX)
			return false;
		const char *segment = decode(t, path + 1, len);
		if (segment == NULL)
			return false;
		t->segments[t->segment_count++] = segment;
		path += len + 1;
	}
	return true;
}

bool target_add_parameter(struct target *t, const char *name, const char *value)
{
	if (t->parameter_count == TARGET_PARAMETERS_MAX)
		return false;
	const char *decoded_name = decode(t, name, strlen(name));
	const char *decoded_value = value != NULL ? decode(t, value, strlen(value)) : "";
	if (decoded_name == NULL || decoded_value == NULL)
		return false;
	t->parameters[t->parameter_count++] = (struct target_parameter){decoded_name, decoded_value};
	return true;
}

const char *target_parameter(const struct target *t, const char *name)
{
	for (unsigned i = 0; i < t->parameter_count; i++)
		if (strcmp(t->parameters[i].name, name) == 0)
			return t->parameters[i].value;
	return NULL;
}

/* The next segment of a pattern; false at the end. */
static bool next_of_pattern(const char **pattern, const char **ret, size_t *ret_len)
{
	if (**pattern != '/')
		return false;
	*ret = *pattern + 1;
	*ret_len = strcspn(*ret, "/");
	*pattern = *ret + *ret_len;
	return true;
}

static bool is_star(const char *part, size_t len)
{
	return len == 1 && *part == '*';
}

bool target_matches(const struct target *t, const char *pattern)
{
	const char *part;
	size_t len;
	unsigned at = 0;
	for (; next_of_pattern(&pattern, &part, &len); at++) {
		if (at == t->segment_count)
			return false;
		const char *segment = t->segments[at];
		if (is_star(part, len) ? *segment == '\0' : strlen(segment) != len || memcmp(segment, part, len) != 0)
			return false;
	}
	return at == t->segment_count;
}

const char *target_star(const struct target *t, const char *pattern, unsigned n)
{
	const char *part;
	size_t len;
	for (unsigned at = 0; next_of_pattern(&pattern, &part, &len) && at < t->segment_count; at++)
		if (is_star(part, len) && n-- == 0)
			return t->segments[at];
	return NULL;
}
