/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where the targets of a command come from: words of the command line, then standard input, one a line. Neither is
 * listed; what is held is the word or line being counted through (cli/targets.h). */
#pragma once

#include "cli/targets.h"

struct target_source {
	char **words; /* "-" stands for standard input, which is read behind all words */
	int word_count, word_next;
	uint16_t port; /* of targets that name none */
	bool reads_input;
	struct targets targets;
	/* standard input, as it comes */
	char line[TARGETS_TEXT_MAX_BYTES + 1];
	size_t len;
	uint64_t number; /* of the line */
	char block[4096];
	size_t at, end;
	bool is_cut;       /* the line is longer than `line` */
	bool is_comment;   /* so is the rest of the line, which is not kept */
	bool is_over;      /* no more is to come */
	bool has_bad_line; /* one could not be read, which has been said on standard error */
};

/* Checks all words. Without any, standard input is read. NULL, or the word that is wrong, with a reason. */
const char *target_source_init(
	struct target_source *s, char **words, int word_count, uint16_t port, const char **ret_reason);

/* Takes the next target. False when there is none, at present or at all. */
bool target_source_next(struct target_source *s, struct address *ret);
/* Whether more may come. */
bool target_source_has_more(const struct target_source *s);
/* Whether it goes on only after target_source_read, for which standard input should be readable. */
bool target_source_is_dry(const struct target_source *s);
void target_source_read(struct target_source *s);
