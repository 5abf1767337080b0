/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/credential_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHERS         (S_IRWXG | S_IRWXO)
#define FILE_MAX_BYTES ((size_t)512 << 20)
#define PEM_MAX_BYTES  ((size_t)256 << 10)
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

/* ---- pre-shared keys ---- */

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
	switch (dtls_credential_table_add(table, identity, bytes_of(key, len), name, number)) {
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

/* A table of its own for the file's lines. */
static bool read_psks(const char *path, uint64_t seed, struct credential_files *c, char *message)
{
	struct bytes text = BYTES_NONE;
	uint8_t *data = path[0] == '\0' ? NULL : read_file(path, true, FILE_MAX_BYTES, &text, message);
	if (path[0] != '\0' && data == NULL)
		return false;
	uint32_t capacity = count_lines(text);
	struct dtls_credential_entry *entries = calloc(capacity, sizeof *entries + sizeof(uint32_t));
	const char *wrong = entries == NULL ? "out of memory" : NULL;
	unsigned line_number = 0;
	if (entries != NULL)
		dtls_credential_table_init(
			&c->table, entries, (uint32_t *)(void *)(entries + capacity), capacity, seed);
	c->storage = entries;
	c->psk_count = 0;
	while (text.len > 0 && wrong == NULL) {
		struct bytes line = take_until(&text, '\n');
		line_number++;
		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0 || line.data[0] == '#')
			continue;
		wrong = add_psk(&c->table, line);
		c->psk_count += wrong == NULL;
	}
	free(data);
	return wrong == NULL || say(message, path, line_number, wrong);
}

/* ---- certificates ---- */

static bool read_certificates(const struct settings *s, struct credential_files *c, char *message)
{
	const char *const paths[] = {s->certificate, s->private_key, s->ca};
	struct bytes *const spans[] = {&c->own.chain_pem, &c->own.key_pem, &c->own.anchors_pem};
	for (unsigned i = 0; i < 3 && paths[i][0] != '\0'; i++)
		if ((c->pem[i] = read_file(paths[i], i == 1, PEM_MAX_BYTES, spans[i], message)) == NULL)
			return false;
	c->table.certificates_name_themselves = s->ca[0] != '\0';
	return true;
}

/* ---- the whole ---- */

bool credential_files_load(const struct settings *settings, uint64_t seed, struct credential_files *ret,
	char message[SETTINGS_MESSAGE_BYTES])
{
	*ret = (struct credential_files){0};
	if (read_psks(settings->psk_file, seed, ret, message) && read_certificates(settings, ret, message))
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
	if (c->numbers == NULL) {
		uint32_t count = 0;
		c->numbers = calloc((size_t)c->psk_count + 1, sizeof *c->numbers);
		if (c->numbers == NULL)
			return false;
		for (uint32_t i = 0; i < c->table.capacity && count < c->psk_count; i++)
			if (c->table.entries[i].is_taken)
				c->numbers[count++] = c->table.entries[i].number;
		qsort(c->numbers, count, sizeof *c->numbers, compare_numbers);
	}
	return bsearch(&number, c->numbers, c->psk_count, sizeof *c->numbers, compare_numbers) != NULL;
}

void credential_files_done(struct credential_files *c)
{
	for (unsigned i = 0; i < 3; i++)
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
