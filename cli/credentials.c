/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/credentials.h"

#include "dtls/raw_key_wolfssl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PEM_MAX_BYTES ((size_t)256 << 10)

bool credentials_set_identity(struct credentials *c, const char *text)
{
	c->psk_identity = bytes_of_text(text);
	return c->psk_identity.len > 0 && c->psk_identity.len <= DTLS_IDENTITY_MAX_BYTES;
}

bool credentials_set_key(struct credentials *c, const char *text)
{
	size_t len = strlen(text);
	if (len > 2 && text[0] == '0' && text[1] == 'x') {
		if (!parse_hex(bytes_of(text + 2, len - 2), c->key_room, DTLS_PSK_MAX_BYTES, &len))
			return false;
	} else {
		if (len == 0 || len > DTLS_PSK_MAX_BYTES)
			return false;
		memcpy(c->key_room, text, len);
	}
	c->psk_key = bytes_of(c->key_room, len);
	return true;
}

bool credentials_read_key(struct credentials *c, const char *path)
{
	char line[2 * DTLS_PSK_MAX_BYTES + 4];
	FILE *file = fopen(path, "r");
	bool has_line = file != NULL && fgets(line, sizeof line, file) != NULL;
	if (file != NULL)
		(void)fclose(file);
	if (has_line)
		line[strcspn(line, "\r\n")] = '\0';
	has_line = has_line && credentials_set_key(c, line);
	explicit_bzero(line, sizeof line);
	return has_line;
}

static struct bytes *span_of(struct credentials *c, enum credentials_file which)
{
	switch (which) {
	case CREDENTIALS_CERTIFICATE:
		return &c->certificate.chain_pem;
	case CREDENTIALS_PRIVATE_KEY:
		return &c->certificate.key_pem;
	case CREDENTIALS_RAW_KEY:
		return &c->certificate.raw_key_pem;
	case CREDENTIALS_CA:
	case CREDENTIALS_FILES:
		break;
	}
	return &c->certificate.anchors_pem;
}

/* The whole of a file into PEM_MAX_BYTES that the caller frees. */
static const char *read_whole(const char *path, uint8_t **ret_text, struct bytes *ret)
{
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return strerror(errno);
	free(*ret_text);
	uint8_t *text = *ret_text = malloc(PEM_MAX_BYTES);
	size_t len = text == NULL ? 0 : fread(text, 1, PEM_MAX_BYTES, file);
	bool is_whole = text != NULL && len > 0 && len < PEM_MAX_BYTES && ferror(file) == 0;
	(void)fclose(file);
	*ret = bytes_of(text, len);
	return is_whole ? NULL : "empty, too long, or not to be read";
}

const char *credentials_read(struct credentials *c, enum credentials_file which, const char *path)
{
	return read_whole(path, &c->texts[which], span_of(c, which));
}

const char *credentials_add_peer_key(struct credentials *c, const char *text)
{
	if (c->peer_key_count == CREDENTIALS_PEER_KEYS_MAX)
		return "too many keys";
	uint8_t *digest = c->peer_keys[c->peer_key_count], *pem = NULL;
	struct bytes whole = bytes_of_text(text);
	const char *wrong = NULL;
	if (!raw_key_parse(whole, digest)) {
		wrong = read_whole(text, &pem, &whole);
		if (wrong == NULL && !raw_key_parse(whole, digest))
			wrong = "neither a public key on P-256 (PEM) nor the SHA-256 of one";
		free(pem);
	}
	c->peer_key_count += wrong == NULL;
	return wrong;
}

bool credentials_has_psk(const struct credentials *c)
{
	return c->psk_identity.len > 0 && c->psk_key.len > 0;
}

bool credentials_has_certificate(const struct credentials *c)
{
	return c->certificate.chain_pem.len > 0;
}

bool credentials_has_raw_key(const struct credentials *c)
{
	return c->certificate.raw_key_pem.len > 0 && c->peer_key_count > 0;
}

const char *credentials_fault(const struct credentials *c, const char *needs)
{
	const struct dtls_own_certificate *own = &c->certificate;
	if ((c->psk_identity.len > 0) != (c->psk_key.len > 0))
		return "--psk-identity and --psk-key go together";
	if ((own->chain_pem.len > 0) != (own->key_pem.len > 0) ||
		(own->chain_pem.len > 0) != (own->anchors_pem.len > 0))
		return "--certificate, --private-key and --ca go together";
	if ((own->raw_key_pem.len > 0) != (c->peer_key_count > 0))
		return "--raw-key and --peer-key go together";
	return credentials_has_psk(c) || credentials_has_certificate(c) || credentials_has_raw_key(c) ? NULL : needs;
}

struct dtls_client_credential credentials_of_client(const struct credentials *c, struct bytes server_name)
{
	if (credentials_has_certificate(c))
		return (struct dtls_client_credential){
			.kind = DTLS_CREDENTIAL_CERTIFICATE, .certificate = c->certificate, .server_name = server_name};
	if (credentials_has_raw_key(c))
		return (struct dtls_client_credential){.kind = DTLS_CREDENTIAL_RAW_KEY,
			.certificate = c->certificate,
			.server_raw_key = bytes_of(c->peer_keys[0], DTLS_RAW_KEY_BYTES)};
	return (struct dtls_client_credential){
		.kind = DTLS_CREDENTIAL_PSK, .psk_identity = c->psk_identity, .psk_key = c->psk_key};
}

void credentials_wipe(struct credentials *c)
{
	for (unsigned i = 0; i < CREDENTIALS_FILES; i++) {
		if (c->texts[i] != NULL)
			explicit_bzero(c->texts[i], PEM_MAX_BYTES);
		free(c->texts[i]);
	}
	explicit_bzero(c, sizeof *c);
}
