/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/authority_files.h"

#include "coap/uri.h"
#include "pki/certificate_wolfcrypt.h"
#include "server/log.h"

#include <stdio.h>
#include <stdlib.h>

#define PEM_BYTES 8192

static bool say(char *message, const char *subject, const char *what)
{
	(void)snprintf(message, SETTINGS_MESSAGE_BYTES, "%s: %s", subject, what);
	return false;
}

static bool open_with_file(struct authority_files *a, const struct settings *s, struct bytes certificate, char *message)
{
	struct bytes key;
	uint8_t *key_text = credential_files_read(s->authority_key, true, &key, message);
	if (key_text == NULL)
		return false;
	const char *wrong = pki_authority_open(&a->authority, certificate, key);
	explicit_bzero(key_text, key.len);
	free(key_text);
	return wrong == NULL || say(message, s->authority, wrong);
}

/* The PIN is the first line of its file. */
static bool open_token(struct authority_files *a, const struct token_uri *uri, char *message)
{
	struct bytes pin;
	char error[200];
	uint8_t *text = credential_files_read(uri->pin_source, true, &pin, message);
	if (text == NULL)
		return false;
	const uint8_t *end = memchr(text, '\n', pin.len);
	a->token = token_pkcs11_open(
		uri, bytes_first(pin, end == NULL ? pin.len : (size_t)(end - text)), error, sizeof error);
	explicit_bzero(text, pin.len);
	free(text);
	return a->token != NULL || say(message, "[enrolment] authority_key", error);
}

/* What the token says is for the operator; a device is told that there is no certificate now. */
static bool sign_in_token(void *context, const uint8_t digest[PKI_SHA256_BYTES], uint8_t ret[PKI_SIGNATURE_BYTES])
{
	struct pki_signer signer = token_pkcs11_signer(context);
	bool is_signed = signer.sign(signer.context, digest, ret);
	if (!is_signed)
		log_text(SERVER_LOG_ERROR, "event=authority-cannot-sign reason=\"%s\"", token_pkcs11_error(context));
	return is_signed;
}

static bool open_with_token(
	struct authority_files *a, const struct settings *s, struct bytes certificate, char *message)
{
	struct token_uri uri;
	const char *wrong = token_uri_parse(bytes_of_text(s->authority_key), &uri);
	if (wrong != NULL)
		return say(message, "[enrolment] authority_key", wrong);
	if (!open_token(a, &uri, message))
		return false;
	struct pki_signer signer = {a->token, sign_in_token};
	wrong = pki_authority_open_with(&a->authority, certificate, &signer);
	return wrong == NULL || say(message, s->authority, wrong);
}

static bool open_authority(struct authority_files *a, const struct settings *s, char *message)
{
	struct bytes certificate;
	uint8_t *text = credential_files_read(s->authority, false, &certificate, message);
	if (text == NULL)
		return false;
	bool is_token = token_uri_is(bytes_of_text(s->authority_key));
	bool is_open =
		is_token ? open_with_token(a, s, certificate, message) : open_with_file(a, s, certificate, message);
	free(text);
	return is_open;
}

/* Behind what [dtls] ca has. */
static bool add_anchor(struct authority_files *a, struct credential_files *credentials, char *message)
{
	struct bytes others = credentials->own.anchors_pem;
	a->anchors = malloc(others.len + PEM_BYTES);
	if (a->anchors == NULL)
		return say(message, "[enrolment]", "out of memory");
	struct writer w = writer_of(a->anchors, others.len + PEM_BYTES);
	write_bytes(&w, others);
	if (others.len > 0)
		write_text(&w, "\n");
	if (!pki_certificate_write_pem(pki_authority_certificate(&a->authority), &w))
		return say(message, "[enrolment]", "the authority's certificate is too long");
	credentials->own.anchors_pem = writer_bytes(&w);
	credentials->table.certificates_name_themselves = true;
	return true;
}

/* A fresh key each time the server starts; devices check the chain and the name. It is as old as the authority, so that
 * a device whose clock knows no more than its own certificate can still connect. */
static bool make_own(
	struct authority_files *a, const struct settings *s, struct credential_files *credentials, char *message)
{
	struct pki_key key;
	struct coap_uri uri;
	uint8_t der[PKI_CERTIFICATE_MAX_BYTES], public_key[PKI_PUBLIC_KEY_BYTES];
	size_t len = 0;
	if (coap_uri_parse(bytes_of_text(s->public_uri), &uri) && pki_key_make(&key) &&
		pki_key_public(&key, public_key))
		len = pki_authority_issue(&a->authority, public_key, uri.host, PKI_USAGE_SERVER,
			a->authority.valid_from, a->authority.valid_until, der);
	a->server = malloc(PEM_BYTES);
	if (len == 0 || a->server == NULL)
		return say(message, s->authority,
			"cannot sign a certificate for the server: it has run out, or the host of public_uri is longer "
			"than 63 bytes");
	struct writer w = writer_of(a->server, PEM_BYTES);
	bool is_written = pki_certificate_write_pem(bytes_of(der, len), &w);
	credentials->own.chain_pem = writer_bytes(&w);
	is_written = is_written && pki_key_write_pem(&key, &w);
	credentials->own.key_pem = bytes_from(writer_bytes(&w), credentials->own.chain_pem.len);
	pki_key_wipe(&key);
	return is_written || say(message, "[enrolment]", "the server's certificate is too long");
}

bool authority_files_load(struct authority_files *a, const struct settings *settings,
	struct credential_files *credentials, int64_t now, char message[SETTINGS_MESSAGE_BYTES])
{
	*a = (struct authority_files){0};
	if (settings->authority[0] == '\0')
		return true;
	if (!open_authority(a, settings, message) || !add_anchor(a, credentials, message))
		return false;
	if (now > a->authority.valid_until)
		return say(message, settings->authority, "this authority has run out; make a new one");
	if (credentials->own.chain_pem.len == 0 && !make_own(a, settings, credentials, message))
		return false;
	a->issuer = pki_authority_port(&a->authority);
	a->is_there = true;
	return true;
}

void authority_files_done(struct authority_files *a)
{
	pki_key_wipe(&a->authority.key);
	token_pkcs11_close(a->token);
	free(a->anchors);
	free(a->server);
	*a = (struct authority_files){0};
}
