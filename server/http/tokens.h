/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who may ask: bearer tokens (RFC 6750) and their roles.
 *
 * A token is 256 random bits, so its plain SHA-256 is all that is kept of it: there is nothing to guess and nothing to
 * slow down. The file has one line per token, "role hash name"; a line that is none of ours stops the start, so that a
 * typing mistake does not quietly let somebody in or out. It is written beside its place and moved into it. */
#pragma once

#include "mgmt/signature.h"

#define TOKENS_MAX        64
#define TOKEN_NAME_MAX    31
#define TOKEN_TEXT_BYTES  72 /* a token as text with its zero */
#define TOKENS_FILE_BYTES 512

/* Each may do what the ones before may. */
enum role { ROLE_NONE, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN };

struct token {
	enum role role;
	char name[TOKEN_NAME_MAX + 1];
	uint8_t hash[SHA256_BYTES];
};

struct tokens {
	unsigned count;
	struct token items[TOKENS_MAX];
	char file[TOKENS_FILE_BYTES];
};

enum tokens_result {
	TOKENS_DONE,
	TOKENS_BAD_NAME,
	TOKENS_EXISTS,
	TOKENS_UNKNOWN,
	TOKENS_FULL,
	TOKENS_LAST_ADMIN, /* without it nobody could make tokens any more */
	TOKENS_FAILED,     /* the file cannot be written; nothing was changed */
};

/* Reads `<state_dir>/tokens`. Where there is none, makes the administrator's token, writes it to
 * `<state_dir>/admin.token` and sets `*ret_is_new`. False with a reason. */
bool tokens_load(struct tokens *t, const char *state_dir, bool *ret_is_new, char *ret_error, size_t error_bytes);
/* The lines of a file; false with the number of the first bad one. */
bool tokens_parse(struct tokens *t, struct bytes text, unsigned *ret_line);

/* Compares with every token in constant time; NULL when it is none of them. */
const struct token *tokens_find(const struct tokens *t, const char *text);
/* Makes and stores a token; its text is shown this once. */
enum tokens_result tokens_add(struct tokens *t, const char *name, enum role role, char ret_text[TOKEN_TEXT_BYTES]);
enum tokens_result tokens_remove(struct tokens *t, const char *name);

/* "viewer"; ROLE_NONE for what is no role. */
enum role role_of_name(const char *name);
const char *role_name(enum role role);
