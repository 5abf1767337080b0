/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/credential_files.h"

#include "dtls/raw_key_wolfssl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MODES (S_IRWXG | S_IRWXO)

static bool say(char *message, const char *path, const char *what)
{
	(void)snprintf(message, CONFIG_MESSAGE_BYTES, "%s: %s", path, what);
	return false;
}

/* The whole file; the caller frees it. */
static bool read_file(const char *path, bool is_secret, uint8_t **ret, size_t *ret_len, char *message)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int error = errno;
		if (fd >= 0)
			(void)close(fd);
		return say(message, path, strerror(error));
	}
	bool is_open_to_others = is_secret && (st.st_mode & SECRET_MODES) != 0;
	uint8_t *text = malloc(CREDENTIAL_PEM_BYTES + 1);
	ssize_t len = text == NULL ? -1 : read(fd, text, CREDENTIAL_PEM_BYTES + 1);
	(void)close(fd);
	if (len > 0 && len <= CREDENTIAL_PEM_BYTES && !is_open_to_others) {
		text[len] = '\0';
		*ret = text;
		*ret_len = (size_t)len;
		return true;
	}
	free(text);
	if (is_open_to_others)
		return say(message, path, "holds a secret but others than its owner may read it; chmod 600");
	return say(message, path, len == 0 ? "is empty" : len < 0 ? "cannot be read" : "is too large");
}

static struct bytes trimmed(const uint8_t *text, size_t len)
{
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
		len--;
	return bytes_of(text, len);
}

static bool load_psk(const struct config_peer *c, struct credential_files *ret, char *message)
{
	uint8_t *text = NULL;
	struct bytes hex = bytes_of_text(c->psk_key);
	const char *source = hex.len > 0 ? "psk_key" : c->psk_key_file;
	size_t len = 0;
	if (hex.len == 0) {
		if (!read_file(c->psk_key_file, true, &text, &len, message))
			return false;
		hex = trimmed(text, len);
	}
	bool is_good = parse_hex(hex, ret->key, sizeof ret->key, &len) && len > 0;
	free(text);
	if (!is_good)
		return say(message, source, "must be a key in hexadecimal, 1 to 64 bytes");
	ret->client.kind = DTLS_CREDENTIAL_PSK;
	ret->client.psk_identity = bytes_of_text(c->psk_identity);
	ret->client.psk_key = bytes_of(ret->key, len);
	return true;
}

static bool load_certificate(const struct config_peer *c, struct credential_files *ret, char *message)
{
	struct dtls_own_certificate *own = &ret->client.certificate;
	size_t len[3];
	if (!read_file(c->certificate, false, &ret->pem[0], &len[0], message) ||
		!read_file(c->private_key, true, &ret->pem[1], &len[1], message) ||
		!read_file(c->ca, false, &ret->pem[2], &len[2], message))
		return false;
	ret->client.kind = DTLS_CREDENTIAL_CERTIFICATE;
	own->chain_pem = bytes_of(ret->pem[0], len[0]);
	own->key_pem = bytes_of(ret->pem[1], len[1]);
	own->anchors_pem = bytes_of(ret->pem[2], len[2]);
	ret->client.server_name = bytes_of_text(c->server_name);
	return true;
}

/* The server's is a file, or a digest that needs none. */
static bool load_raw_key(const struct config_peer *c, struct credential_files *ret, char *message)
{
	size_t len = 0;
	if (!read_file(c->raw_key, true, &ret->pem[0], &len, message))
		return false;
	ret->client.kind = DTLS_CREDENTIAL_RAW_KEY;
	ret->client.certificate.raw_key_pem = bytes_of(ret->pem[0], len);
	ret->client.server_raw_key = bytes_of(ret->server_key, sizeof ret->server_key);
	if (raw_key_parse(bytes_of_text(c->server_key), ret->server_key))
		return true;
	return read_file(c->server_key, false, &ret->pem[1], &len, message) &&
	       (raw_key_parse(bytes_of(ret->pem[1], len), ret->server_key) ||
		       say(message, c->server_key, "is no public key on P-256 in PEM, nor the SHA-256 of one"));
}

bool credential_files_load(
	const struct config_peer *peer, struct credential_files *ret, char message[CONFIG_MESSAGE_BYTES])
{
	memset(ret, 0, sizeof *ret);
	if (peer->raw_key[0] != '\0')
		return load_raw_key(peer, ret, message);
	return peer->psk_identity[0] != '\0' ? load_psk(peer, ret, message) : load_certificate(peer, ret, message);
}

bool credential_files_load_anchors(
	const struct config *config, struct trust_anchors *ret, char message[CONFIG_MESSAGE_BYTES])
{
	uint8_t *text;
	size_t len;
	unsigned line = 0;
	if (!read_file(config->trust_anchors, false, &text, &len, message))
		return false;
	bool is_good = trust_parse_anchors(bytes_of(text, len), ret, &line);
	free(text);
	if (!is_good)
		(void)snprintf(message, CONFIG_MESSAGE_BYTES, "%s:%u: not a public key line, or no key at all",
			config->trust_anchors, line);
	return is_good;
}
