/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/credential_files.h"
#include "server/issued_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHERS         (S_IRWXG | S_IRWXO)
#define FILE_MAX_BYTES ((size_t)512 << 20)
#define PEM_MAX_BYTES  ((size_t)256 << 10)
#define PEM_FILES      (sizeof((struct credential_files *)NULL)->pem / sizeof(uint8_t *))
#define PSK_KEY_MIN    8 /* bytes; shorter ones are a mistake */

static bool say(char *message, const char *path, unsigned line, const char *what)
{
	if (line == 0)
		(void)snprintf(message, SETTINGS_MESSAGE_BYTES, "%s: %s", path, what);
	else
		(void)snprintf(message, SETTINGS_MESSAGE_BYTES, "%s:%u: %s", path, line, what);
	return false;
}

static uint8_t *read_open(int file, size_t size, size_t *ret_len)
{
	uint8_t *text = malloc(size + 1);
	size_t len = 0;
	while (text != NULL && len < size) {
		ssize_t n = read(file, text + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return text;
}

/* The whole file, which the caller frees; NULL with a message. */
static uint8_t *read_file(const char *path, bool is_secret, size_t max, struct bytes *ret, char *message)
{
	struct stat status;
	size_t len = 0;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || fstat(file, &status) != 0) {
		say(message, path, 0, strerror(errno));
		if (file >= 0)
			(void)close(file);
		return NULL;
	}
	uint8_t *text = NULL;
	if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size > max)
		say(message, path, 0, "not a regular file, or too large");
	else if (is_secret && (status.st_mode & OTHERS) != 0)
		say(message, path, 0, "holds secrets but others than its owner may read it; chmod 600");
	else if ((text = read_open(file, (size_t)status.st_size, &len)) == NULL)
		say(message, path, 0, "out of memory");
	(void)close(file);
	*ret = bytes_of(text, len);
	return text;
}

uint8_t *credential_files_read(
	const char *path, bool is_secret, struct bytes *ret, char message[SETTINGS_MESSAGE_BYTES])
{
	return read_file(path, is_secret, PEM_MAX_BYTES, ret, message);
}

/* ---- lists of keys ---- */

static struct bytes take_until(struct bytes *left, uint8_t mark)
{
	const uint8_t *at = left->len == 0 ? NULL : memchr(left->data, mark, left->len);
	size_t len = at == NULL ? left->len : (size_t)(at - left->data);
	struct bytes part = bytes_first(*left, len);
	*left = bytes_from(*left, len + 1);
	return part;
}

static uint32_t count_lines(struct bytes text)
{
	uint32_t count = 1;
	for (size_t i = 0; i < text.len; i++)
		/* NOLINTNEXTLINE: data is NULL only where len is 0 */
		count += text.data[i] == '\n';
	return count;
}

static const char *fault_of(enum dtls_credential_added added)
{
	switch (added) {
	case DTLS_CREDENTIAL_ADDED:
		return NULL;
	case DTLS_CREDENTIAL_REPLACED:
		return "this identity is there already";
	case DTLS_CREDENTIAL_FULL:
		return "too many";
	case DTLS_CREDENTIAL_TOO_LONG:
		return "identity is empty or too long";
	}
	return NULL;
}

static const char *add_psk(struct dtls_credential_table *table, struct bytes line)
{
	uint8_t key[DTLS_PSK_MAX_BYTES];
	size_t len;
	struct bytes identity = take_until(&line, ':'), hex = take_until(&line, ':');
	struct bytes name = line.len > 0 ? line : identity;
	if (!parse_hex(hex, key, sizeof key, &len) || len < PSK_KEY_MIN)
		return "not of the form identity:hexadecimal key:endpoint name, with a key of 8 to 64 bytes";
	if (name.len > DEVICE_NAME_MAX)
		return "the endpoint name is longer than 64 bytes";
	uint64_t number = bytes_hash(bytes_of(key, len), bytes_hash(identity, bytes_hash(name, 0)));
	number &= ~ISSUED_KEY_NUMBERS;
	return fault_of(dtls_credential_table_add(table, identity, bytes_of(key, len), name, number));
}

static const char *add_raw_key(struct dtls_credential_table *table, struct bytes line)
{
	uint8_t digest[DTLS_RAW_KEY_BYTES];
	size_t len;
	struct bytes hex = take_until(&line, ':');
	if (!parse_hex(hex, digest, sizeof digest, &len) || len != sizeof digest || line.len == 0)
		return "not of the form SHA-256 in hexadecimal:endpoint name";
	if (line.len > DEVICE_NAME_MAX)
		return "the endpoint name is longer than 64 bytes";
	struct bytes key = bytes_of(digest, len);
	return fault_of(dtls_credential_table_add_raw_key(
		table, key, line, bytes_hash(key, bytes_hash(bytes_of_text("raw key"), bytes_hash(line, 0)))));
}

/* A file of lines, each one credential. */
struct list {
	const char *path; /* empty: there is none */
	bool is_secret;
	const char *(*add)(struct dtls_credential_table *table, struct bytes line);
	uint32_t *ret_count;
	uint8_t *data;
	struct bytes text;
};

static bool read_list(struct list *l, char *message)
{
	return l->path[0] == '\0' ||
	       (l->data = read_file(l->path, l->is_secret, FILE_MAX_BYTES, &l->text, message)) != NULL;
}

static bool take_list(struct list *l, struct dtls_credential_table *table, char *message)
{
	const char *wrong = NULL;
	unsigned line_number = 0;
	while (l->text.len > 0 && wrong == NULL) {
		struct bytes line = take_until(&l->text, '\n');
		line_number++;
		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0 || line.data[0] == '#')
			continue;
		wrong = l->add(table, line);
		*l->ret_count += wrong == NULL;
	}
	return wrong == NULL || say(message, l->path, line_number, wrong);
}

/* A table of its own for the lines of both files. What a line says takes less room in it than in the file. */
static bool make_table(
	struct credential_files *c, struct bytes psks, struct bytes raw_keys, uint64_t seed, char *message)
{
	uint32_t capacity = count_lines(psks) + count_lines(raw_keys);
	size_t text = psks.len + raw_keys.len + (size_t)capacity * DTLS_CREDENTIAL_HEAD_BYTES;
	if (text <= UINT32_MAX)
		c->storage = malloc(dtls_credential_table_memory(capacity, (uint32_t)text));
	if (c->storage == NULL)
		return say(message, "credentials", 0, "out of memory");
	dtls_credential_table_init(&c->table, c->storage, capacity, (uint32_t)text, seed);
	return true;
}

static bool read_keys(const struct settings *s, uint64_t seed, struct credential_files *c, char *message)
{
	struct list psks = {.path = s->psk_file, .is_secret = true, .add = add_psk, .ret_count = &c->psk_count};
	struct list raw_keys = {.path = s->raw_key_file, .add = add_raw_key, .ret_count = &c->raw_key_count};
	bool is_good = read_list(&psks, message) && read_list(&raw_keys, message) &&
		       make_table(c, psks.text, raw_keys.text, seed, message) && take_list(&psks, &c->table, message) &&
		       take_list(&raw_keys, &c->table, message);
	free(psks.data);
	free(raw_keys.data);
	return is_good;
}

/* ---- what proves the server ---- */

static bool read_own(const struct settings *s, struct credential_files *c, char *message)
{
	const struct {
		const char *path;
		bool is_secret;
		struct bytes *span;
	} files[] = {{s->certificate, false, &c->own.chain_pem}, {s->private_key, true, &c->own.key_pem},
		{s->ca, false, &c->own.anchors_pem}, {s->raw_private_key, true, &c->own.raw_key_pem}};
	for (unsigned i = 0; i < PEM_FILES; i++)
		if (files[i].path[0] != '\0' && (c->pem[i] = read_file(files[i].path, files[i].is_secret, PEM_MAX_BYTES,
							 files[i].span, message)) == NULL)
			return false;
	c->table.certificates_name_themselves = s->ca[0] != '\0';
	return true;
}

/* ---- the whole ---- */

bool credential_files_load(const struct settings *settings, uint64_t seed, struct credential_files *ret,
	char message[SETTINGS_MESSAGE_BYTES])
{
	*ret = (struct credential_files){0};
	if (read_keys(settings, seed, ret, message) && read_own(settings, ret, message))
		return true;
	credential_files_done(ret);
	return false;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

bool credential_files_knows(struct credential_files *c, uint64_t number)
{
	uint32_t all = c->psk_count + c->raw_key_count;
	if (c->numbers == NULL) {
		uint32_t count = 0;
		c->numbers = calloc((size_t)all + 1, sizeof *c->numbers);
		if (c->numbers == NULL)
			return false;
		for (uint32_t i = 0; i < c->table.untouched && count < all; i++)
			if (c->table.entries[i].is_taken)
				c->numbers[count++] = c->table.entries[i].number;
		qsort(c->numbers, count, sizeof *c->numbers, compare_numbers);
	}
	return bsearch(&number, c->numbers, all, sizeof *c->numbers, compare_numbers) != NULL;
}

void credential_files_done(struct credential_files *c)
{
	for (unsigned i = 0; i < PEM_FILES; i++)
		free(c->pem[i]);
	free(c->storage);
	free(c->numbers);
	*c = (struct credential_files){0};
}

bool credential_files_load_anchors(
	const struct settings *settings, struct trust_anchors *ret, char message[SETTINGS_MESSAGE_BYTES])
{
	struct bytes text;
	unsigned line = 0;
	uint8_t *data = read_file(settings->trust_anchors, false, PEM_MAX_BYTES, &text, message);
	if (data == NULL)
		return false;
	bool good = trust_parse_anchors(text, ret, &line);
	free(data);
	return good || say(message, settings->trust_anchors, line, "not a public signing key, or too many of them");
}
