/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/bootstrap_files.h"

#include "server/credential_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the next line off `*left`, without its end. */
static struct bytes take_line(struct bytes *left)
{
	const uint8_t *end = memchr(left->data, '\n', left->len);
	size_t len = end == NULL ? left->len : (size_t)(end - left->data);
	struct bytes line = bytes_first(*left, len);
	*left = bytes_from(*left, len + 1);
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

static uint32_t count_lines(struct bytes text)
{
	uint32_t count = 0;
	for (; text.len > 0; count++)
		(void)take_line(&text);
	return count;
}

static bool take(struct bootstrap_accounts *accounts, const char *path, struct bytes text, char *message)
{
	for (unsigned number = 1; text.len > 0; number++) {
		struct bytes line = take_line(&text);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		const char *wrong = bootstrap_add(accounts, line);
		if (wrong == NULL)
			continue;
		(void)snprintf(message, SETTINGS_MESSAGE_BYTES, "%s:%u: %s", path, number, wrong);
		return false;
	}
	return true;
}

bool bootstrap_files_load(const char *path, struct bootstrap_files *ret, char message[SETTINGS_MESSAGE_BYTES])
{
	struct bytes text;
	*ret = (struct bootstrap_files){.text = NULL};
	ret->text = credential_files_read(path, true, &text, message);
	if (ret->text == NULL)
		return false;
	ret->accounts.capacity = count_lines(text);
	ret->accounts.all = calloc((size_t)ret->accounts.capacity + 1, sizeof *ret->accounts.all);
	if (ret->accounts.all == NULL)
		(void)snprintf(message, SETTINGS_MESSAGE_BYTES, "%s: out of memory", path);
	else if (take(&ret->accounts, path, text, message))
		return true;
	bootstrap_files_done(ret);
	return false;
}

void bootstrap_files_done(struct bootstrap_files *f)
{
	free(f->text);
	free(f->accounts.all);
	*f = (struct bootstrap_files){.text = NULL};
}
