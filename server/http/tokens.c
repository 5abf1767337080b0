/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/http/tokens.h"

#include "mgmt/signature_wolfcrypt.h"
#include "server/label.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#define TOKEN_PREFIX     "ff_"
#define TOKEN_SECRET     32
#define LINE_BYTES       160
#define FILE_BYTES_MAX   ((size_t)TOKENS_MAX * LINE_BYTES)
#define ADMIN_TOKEN_NAME "admin"

static const char *const role_names[] = {"none", "viewer", "operator", "admin"};

const char *role_name(enum role role)
{
	return role_names[role];
}

enum role role_of_name(const char *name)
{
	for (unsigned role = ROLE_VIEWER; role <= ROLE_ADMIN; role++)
		if (strcmp(role_names[role], name) == 0)
			return (enum role)role;
	return ROLE_NONE;
}

static void hash_text(const char *text, uint8_t ret[SHA256_BYTES])
{
	struct sha256_stream stream;
	sha256_stream_init(&stream);
	sha256_stream_add(&stream, bytes_of_text(text));
	sha256_stream_end(&stream, ret);
}

static struct token *find_name(struct tokens *t, const char *name)
{
	for (unsigned i = 0; i < t->count; i++)
		if (strcmp(t->items[i].name, name) == 0)
			return &t->items[i];
	return NULL;
}

const struct token *tokens_find(const struct tokens *t, const char *text)
{
	uint8_t hash[SHA256_BYTES];
	const struct token *found = NULL;
	hash_text(text, hash);
	for (unsigned i = 0; i < t->count; i++)
		if (bytes_equal_secret(bytes_of(hash, sizeof hash), bytes_of(t->items[i].hash, SHA256_BYTES)))
			found = &t->items[i];
	return found;
}

/* ---- the file ---- */

static struct bytes take_word(struct bytes *line)
{
	size_t len = 0;
	while (len < line->len && line->data[len] != ' ')
		len++;
	struct bytes word = bytes_first(*line, len);
	*line = bytes_from(*line, len + 1);
	return word;
}

static bool parse_line(struct tokens *t, struct bytes line)
{
	struct token token;
	char role[16] = "";
	size_t hash_len;
	if (!label_set(role, sizeof role, take_word(&line)) || role_of_name(role) == ROLE_NONE)
		return false;
	token.role = role_of_name(role);
	if (!parse_hex(take_word(&line), token.hash, sizeof token.hash, &hash_len) || hash_len != sizeof token.hash)
		return false;
	if (!label_is_name(line) || !label_set(token.name, sizeof token.name, line))
		return false;
	if (t->count == TOKENS_MAX || find_name(t, token.name) != NULL)
		return false;
	t->items[t->count++] = token;
	return true;
}

bool tokens_parse(struct tokens *t, struct bytes text, unsigned *ret_line)
{
	t->count = 0;
	for (unsigned line = 1; text.len > 0; line++) {
		size_t len = 0;
		while (len < text.len && text.data[len] != '\n')
			len++;
		if (len > 0 && text.data[0] != '#' && !parse_line(t, bytes_first(text, len))) {
			*ret_line = line;
			return false;
		}
		text = bytes_from(text, len + 1);
	}
	return true;
}

static bool write_all(int fd, struct bytes content)
{
	while (content.len > 0) {
		ssize_t len = write(fd, content.data, content.len);
		if (len < 0 && errno != EINTR)
			return false;
		content = bytes_from(content, len < 0 ? 0 : (size_t)len);
	}
	return fsync(fd) == 0;
}

/* Whole or not at all, and readable by its owner only from its first moment. */
static bool write_file(const char *name, struct bytes content)
{
	char temporary[TOKENS_FILE_BYTES + 8];
	snprintf(temporary, sizeof temporary, "%s.new", name);
	unlink(temporary);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	bool is_written = write_all(fd, content);
	if (close(fd) != 0 || !is_written || rename(temporary, name) != 0) {
		int reason = errno;
		unlink(temporary);
		errno = reason;
		return false;
	}
	return true;
}

static bool save(const struct tokens *t)
{
	char text[FILE_BYTES_MAX];
	struct writer w = writer_of(text, sizeof text);
	for (unsigned i = 0; i < t->count; i++) {
		write_text(&w, role_name(t->items[i].role));
		write_text(&w, " ");
		write_hex(&w, bytes_of(t->items[i].hash, SHA256_BYTES));
		write_text(&w, " ");
		write_text(&w, t->items[i].name);
		write_text(&w, "\n");
	}
	return !w.failed && write_file(t->file, writer_bytes(&w));
}

/* ---- making them ---- */

static bool draw(char ret_text[TOKEN_TEXT_BYTES])
{
	uint8_t secret[TOKEN_SECRET];
	if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
		return false;
	struct writer w = writer_of(ret_text, TOKEN_TEXT_BYTES - 1);
	write_text(&w, TOKEN_PREFIX);
	write_hex(&w, bytes_of(secret, sizeof secret));
	label_end(ret_text, TOKEN_TEXT_BYTES, &w);
	explicit_bzero(secret, sizeof secret);
	return true;
}

enum tokens_result tokens_add(struct tokens *t, const char *name, enum role role, char ret_text[TOKEN_TEXT_BYTES])
{
	struct token *token = &t->items[t->count];
	if (strlen(name) > TOKEN_NAME_MAX || !label_is_name(bytes_of_text(name)))
		return TOKENS_BAD_NAME;
	if (find_name(t, name) != NULL)
		return TOKENS_EXISTS;
	if (t->count == TOKENS_MAX)
		return TOKENS_FULL;
	if (!draw(ret_text))
		return TOKENS_FAILED;
	token->role = role;
	label_set(token->name, sizeof token->name, bytes_of_text(name));
	hash_text(ret_text, token->hash);
	t->count++;
	if (save(t))
		return TOKENS_DONE;
	t->count--;
	return TOKENS_FAILED;
}

static unsigned admins(const struct tokens *t)
{
	unsigned count = 0;
	for (unsigned i = 0; i < t->count; i++)
		count += t->items[i].role == ROLE_ADMIN;
	return count;
}

enum tokens_result tokens_remove(struct tokens *t, const char *name)
{
	struct token *token = find_name(t, name);
	if (token == NULL)
		return TOKENS_UNKNOWN;
	if (token->role == ROLE_ADMIN && admins(t) == 1)
		return TOKENS_LAST_ADMIN;
	struct tokens rest = *t;
	unsigned at = (unsigned)(token - t->items);
	memmove(&rest.items[at], &rest.items[at + 1], (rest.count - at - 1) * sizeof *token);
	rest.count--;
	if (!save(&rest))
		return TOKENS_FAILED;
	*t = rest;
	return TOKENS_DONE;
}

/* ---- the start ---- */

/* The token's own file comes first: a crash between the two leaves no hash whose token nobody has. */
static bool make_first(struct tokens *t, const char *state_dir, char *ret_error, size_t error_bytes)
{
	char text[TOKEN_TEXT_BYTES], line[TOKEN_TEXT_BYTES + 1], file[TOKENS_FILE_BYTES];
	struct token *token = &t->items[0];
	snprintf(file, sizeof file, "%s/admin.token", state_dir);
	bool is_drawn = draw(text);
	if (is_drawn) {
		*token = (struct token){.role = ROLE_ADMIN, .name = ADMIN_TOKEN_NAME};
		hash_text(text, token->hash);
		t->count = 1;
		snprintf(line, sizeof line, "%s\n", text);
	}
	bool is_made = is_drawn && write_file(file, bytes_of_text(line)) && save(t);
	if (!is_made)
		snprintf(ret_error, error_bytes, "cannot write %s: %s", file, strerror(errno));
	explicit_bzero(text, sizeof text);
	explicit_bzero(line, sizeof line);
	return is_made;
}

static bool read_file(int fd, char *text, size_t capacity, size_t *ret_len)
{
	size_t len = 0;
	while (len < capacity) {
		ssize_t got = read(fd, text + len, capacity - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret_len = len;
	return true;
}

bool tokens_load(struct tokens *t, const char *state_dir, bool *ret_is_new, char *ret_error, size_t error_bytes)
{
	char text[FILE_BYTES_MAX + 1];
	size_t len;
	unsigned line;
	*t = (struct tokens){0};
	*ret_is_new = false;
	if ((size_t)snprintf(t->file, sizeof t->file, "%s/tokens", state_dir) >= sizeof t->file - 16) {
		snprintf(ret_error, error_bytes, "the state directory's name is too long");
		return false;
	}
	int fd = open(t->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		*ret_is_new = make_first(t, state_dir, ret_error, error_bytes);
		return *ret_is_new;
	}
	bool is_read = fd >= 0 && read_file(fd, text, sizeof text, &len);
	if (!is_read)
		snprintf(ret_error, error_bytes, "cannot read %.200s: %s", t->file, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (!is_read)
		return false;
	if (len > FILE_BYTES_MAX || !tokens_parse(t, bytes_of(text, len), &line)) {
		snprintf(ret_error, error_bytes,
			"%.200s, line %u: not \"role hash name\", or a name that is there twice", t->file,
			len > FILE_BYTES_MAX ? 0 : line);
		return false;
	}
	return true;
}
