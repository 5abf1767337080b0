/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/target_source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *target_source_init(
	struct target_source *s, char **words, int word_count, uint16_t port, const char **ret_reason)
{
	struct targets t;
	*s = (struct target_source){
		.words = words, .word_count = word_count, .port = port, .reads_input = word_count == 0};
	for (int i = 0; i < word_count; i++) {
		if (strcmp(words[i], "-") == 0)
			s->reads_input = true;
		else if (!targets_parse(bytes_of_text(words[i]), port, &t, ret_reason))
			return words[i];
	}
	return NULL;
}

/* Takes a line from what has been read; false when none is complete. */
static bool take_line(struct target_source *s)
{
	while (s->at < s->end) {
		char c = s->block[s->at++];
		if (c == '\n')
			return true;
		s->is_comment = s->is_comment || c == '#';
		if (s->is_comment)
			continue;
		if (s->len < sizeof s->line - 1)
			s->line[s->len++] = c;
		else
			s->is_cut = true;
	}
	return s->is_over && s->len > 0;
}

/* The line without the white space around it. */
static struct bytes trimmed(const struct target_source *s)
{
	const char *line = s->line;
	size_t start = 0, end = s->len;
	while (end > 0 && strchr(" \t\r", line[end - 1]) != NULL)
		end--;
	while (start < end && strchr(" \t", line[start]) != NULL)
		start++;
	return bytes_of(line + start, end - start);
}

static bool parse_line(struct target_source *s)
{
	struct bytes text = trimmed(s);
	const char *reason = "the line is too long";
	bool is_target = text.len > 0 && !s->is_cut && targets_parse(text, s->port, &s->targets, &reason);
	s->number++;
	if (!is_target && text.len > 0) {
		fprintf(stderr, "coapctl: line %" PRIu64 ": %s\n", s->number, reason);
		s->has_bad_line = true;
	}
	s->len = 0;
	s->is_cut = s->is_comment = false;
	return is_target;
}

void target_source_read(struct target_source *s)
{
	ssize_t len = read(STDIN_FILENO, s->block, sizeof s->block);
	if (len < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	s->is_over = len <= 0;
	s->at = 0;
	s->end = len > 0 ? (size_t)len : 0;
}

/* False when there are no more words, or no more lines as yet. */
static bool next_targets(struct target_source *s)
{
	const char *reason;
	while (s->word_next < s->word_count) {
		const char *word = s->words[s->word_next++];
		if (strcmp(word, "-") != 0)
			return targets_parse(bytes_of_text(word), s->port, &s->targets, &reason);
	}
	while (s->reads_input && take_line(s))
		if (parse_line(s))
			return true;
	return false;
}

bool target_source_next(struct target_source *s, struct address *ret)
{
	while (!targets_next(&s->targets, ret))
		if (!next_targets(s))
			return false;
	return true;
}

bool target_source_is_dry(const struct target_source *s)
{
	return s->reads_input && !s->is_over && s->at == s->end && s->word_next == s->word_count &&
	       s->targets.next >= s->targets.addresses * s->targets.ports;
}

bool target_source_has_more(const struct target_source *s)
{
	return s->targets.next < s->targets.addresses * s->targets.ports || s->word_next < s->word_count ||
	       (s->reads_input && (!s->is_over || s->at < s->end || s->len > 0));
}
