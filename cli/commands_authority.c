/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * authority: a small certificate authority in two files, for those who have none. mgmtd signs with it for devices that
 * enrol; `authority issue` signs by hand, for factories and for servers. */
#include "cli/files.h"
#include "cli/mgmtctl.h"

#include "pki/authority_wolfcrypt.h"
#include "pki/certificate_wolfcrypt.h"
#include "pki/token_pkcs11.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAME_BYTES 4096
#define PEM_BYTES  8192
#define DAY_S      86400
#define SKEW_S     3600 /* a clock that is behind by less finds it valid already */

static const struct option_spec create_options[] = {
	{"out", "NAME", "writes NAME.key (secret, mode 0600) and NAME.crt (its certificate)", false},
	{"name", "TEXT", "what the authority is called; the default is the last part of NAME", false},
	{"days", "DAYS", "how long it holds; 3650 by default", false},
	{"key-uri", "URI", "the key is in a token, at this PKCS #11 URI; writes NAME.crt alone", false},
	{"force", NULL, "overwrites files that are there", false},
	{0},
};

static const struct option_spec issue_options[] = {
	{"authority", "NAME", "the authority, as it was created: NAME.key and NAME.crt", false},
	{"out", "FILE", "writes FILE.key (secret, mode 0600) and FILE.crt", false},
	{"server", NULL, "for a server of this host name or address; else for a device of this endpoint name", false},
	{"days", "DAYS", "how long it holds; 365 by default", false},
	{"force", NULL, "overwrites files that are there", false},
	{0},
};

/* ---- files ---- */

static const char *file_name(const char *base, const char *end)
{
	static char text[NAME_BYTES + 8];
	snprintf(text, sizeof text, "%.*s%s", NAME_BYTES, base, end);
	return text;
}

static enum exit_status write_file(
	const char *base, const char *end, struct bytes text, unsigned mode, bool may_replace)
{
	char error[FILES_ERROR_BYTES];
	if (files_write(file_name(base, end), text, mode, may_replace, error))
		return EXIT_DONE;
	return complain(EXIT_REFUSED, "%s", error);
}

static enum exit_status write_pair(
	const char *base, const struct pki_key *key, struct bytes certificate, bool may_replace)
{
	uint8_t secret[PEM_BYTES], text[PEM_BYTES];
	struct writer s = writer_of(secret, sizeof secret), w = writer_of(text, sizeof text);
	if (!may_replace && access(file_name(base, ".crt"), F_OK) == 0)
		return complain(EXIT_REFUSED, "%s is there already; --force overwrites it", file_name(base, ".crt"));
	if (!pki_key_write_pem(key, &s) || !pki_certificate_write_pem(certificate, &w))
		return complain(EXIT_REFUSED, "the key cannot be written as PEM");
	enum exit_status status = write_file(base, ".key", writer_bytes(&s), 0600, may_replace);
	memset(secret, 0, sizeof secret);
	return status == EXIT_DONE ? write_file(base, ".crt", writer_bytes(&w), 0644, may_replace) : status;
}

/* ---- common options ---- */

static bool read_days(struct mgmtctl *m, unsigned long long usual, int64_t *ret_seconds)
{
	const char *text = arguments_value(m->arguments, "days");
	unsigned long long days = usual;
	if (text != NULL && !arguments_number(text, 1, 36500, &days)) {
		complain_usage(m, "--days takes a number from 1 to 36500, not \"%s\"", text);
		return false;
	}
	*ret_seconds = (int64_t)days * DAY_S;
	return true;
}

static const char *read_out(struct mgmtctl *m)
{
	const char *out = arguments_value(m->arguments, "out");
	if (out != NULL && *out != '\0' && strlen(out) <= NAME_BYTES)
		return out;
	complain_usage(m, out == NULL ? "--out is missing" : "the name of the file is empty or too long");
	return NULL;
}

static bool is_name(struct mgmtctl *m, const char *name)
{
	size_t len = strlen(name);
	if (len > 0 && len <= PKI_NAME_MAX_BYTES)
		return true;
	complain_usage(m, "a name in a certificate has 1 to %d bytes", PKI_NAME_MAX_BYTES);
	return false;
}

static void tell(const struct mgmtctl *m, const char *out, const char *key_text, const char *certificate_text)
{
	if (m->is_json) {
		json_t *value =
			json_pack("{s:s+, s:s+}", "secret_key_file", out, ".key", "certificate_file", out, ".crt");
		print_json(value);
		json_decref(value);
		return;
	}
	printf("%s.key  %s\n%s.crt  %s\n", out, key_text, out, certificate_text);
}

/* ---- create ---- */

static enum exit_status sign_with_token(
	struct mgmtctl *m, const char *out, const char *name, int64_t life, struct token_pkcs11 *token)
{
	struct pki_authority authority;
	struct pki_signer signer = token_pkcs11_signer(token);
	uint8_t public_key[PKI_PUBLIC_KEY_BYTES], text[PEM_BYTES];
	struct writer w = writer_of(text, sizeof text);
	int64_t now = (int64_t)time(NULL);
	if (!token_pkcs11_public(token, public_key) || !pki_authority_create_with(&authority, &signer, public_key,
							       bytes_of_text(name), now - SKEW_S, now + life))
		return complain(EXIT_REFUSED, "%s", token_pkcs11_error(token));
	if (!pki_certificate_write_pem(pki_authority_certificate(&authority), &w))
		return complain(EXIT_REFUSED, "the certificate cannot be written as PEM");
	enum exit_status status = write_file(out, ".crt", writer_bytes(&w), 0644, arguments_has(m->arguments, "force"));
	if (status == EXIT_DONE && !m->is_json)
		printf("%s.crt  the certificate: for mgmtd ([enrolment] authority, and the URI as authority_key) and "
		       "for "
		       "devices ([server] ca)\n",
			out);
	return status;
}

/* The PIN is the first line of the file that the URI names. */
static enum exit_status create_in_token(
	struct mgmtctl *m, const char *out, const char *name, int64_t life, const char *text)
{
	static uint8_t pin_text[PEM_BYTES];
	struct token_uri uri;
	struct bytes pin;
	char error[FILES_ERROR_BYTES];
	const char *wrong = token_uri_parse(bytes_of_text(text), &uri);
	if (wrong != NULL)
		return complain_usage(m, "--key-uri: %s", wrong);
	if (!files_read(uri.pin_source, pin_text, PEM_BYTES, &pin, error))
		return complain(EXIT_REFUSED, "%s", error);
	const uint8_t *end = memchr(pin_text, '\n', pin.len);
	struct token_pkcs11 *token = token_pkcs11_open(
		&uri, bytes_first(pin, end == NULL ? pin.len : (size_t)(end - pin_text)), error, sizeof error);
	explicit_bzero(pin_text, sizeof pin_text);
	if (token == NULL)
		return complain(EXIT_REFUSED, "%s", error);
	enum exit_status status = sign_with_token(m, out, name, life, token);
	token_pkcs11_close(token);
	return status;
}

static enum exit_status run_create(struct mgmtctl *m)
{
	const char *out = read_out(m), *name = arguments_value(m->arguments, "name");
	struct pki_authority authority;
	int64_t life, now = (int64_t)time(NULL);
	if (out == NULL || !read_days(m, 3650, &life))
		return EXIT_USAGE;
	if (name == NULL)
		name = strrchr(out, '/') != NULL ? strrchr(out, '/') + 1 : out;
	if (!is_name(m, name))
		return EXIT_USAGE;
	const char *key_uri = arguments_value(m->arguments, "key-uri");
	if (key_uri != NULL)
		return create_in_token(m, out, name, life, key_uri);
	if (!pki_authority_create(&authority, bytes_of_text(name), now - SKEW_S, now + life))
		return complain(EXIT_REFUSED, "cannot make a key: the library refuses; is there randomness?");
	enum exit_status status = write_pair(
		out, &authority.key, pki_authority_certificate(&authority), arguments_has(m->arguments, "force"));
	pki_key_wipe(&authority.key);
	if (status == EXIT_DONE)
		tell(m, out, "the secret key: for mgmtd alone ([enrolment] authority_key), and a copy in a safe",
			"the certificate: for mgmtd ([enrolment] authority) and for devices ([server] ca)");
	return status;
}

/* ---- issue ---- */

static bool read_file(const char *base, const char *end, uint8_t *buffer, struct bytes *ret)
{
	char error[FILES_ERROR_BYTES];
	if (files_read(file_name(base, end), buffer, PEM_BYTES, ret, error))
		return true;
	complain(EXIT_REFUSED, "%s", error);
	return false;
}

static bool open_authority(struct mgmtctl *m, struct pki_authority *ret)
{
	static uint8_t certificate_text[PEM_BYTES], key_text[PEM_BYTES];
	const char *base = arguments_value(m->arguments, "authority");
	struct bytes certificate, key;
	if (base == NULL || *base == '\0') {
		complain_usage(m, "--authority NAME is missing");
		return false;
	}
	if (!read_file(base, ".crt", certificate_text, &certificate) || !read_file(base, ".key", key_text, &key))
		return false;
	const char *wrong = pki_authority_open(ret, certificate, key);
	if (wrong != NULL)
		complain(EXIT_REFUSED, "%s: %s", file_name(base, ".crt"), wrong);
	return wrong == NULL;
}

static enum exit_status run_issue(struct mgmtctl *m)
{
	const char *out = read_out(m), *name = m->arguments->operands[0];
	enum pki_usage usage = arguments_has(m->arguments, "server") ? PKI_USAGE_SERVER : PKI_USAGE_DEVICE;
	uint8_t public_key[PKI_PUBLIC_KEY_BYTES], der[PKI_CERTIFICATE_MAX_BYTES];
	struct pki_authority authority;
	struct pki_key key;
	int64_t life, now = (int64_t)time(NULL);
	if (out == NULL || !read_days(m, 365, &life) || !is_name(m, name))
		return EXIT_USAGE;
	if (!open_authority(m, &authority))
		return arguments_value(m->arguments, "authority") == NULL ? EXIT_USAGE : EXIT_REFUSED;
	if (!pki_key_make(&key) || !pki_key_public(&key, public_key))
		return complain(EXIT_REFUSED, "cannot make a key: the library refuses; is there randomness?");
	size_t len =
		pki_authority_issue(&authority, public_key, bytes_of_text(name), usage, now - SKEW_S, now + life, der);
	pki_key_wipe(&authority.key);
	if (len == 0)
		return complain(EXIT_REFUSED, "the authority cannot sign: it has run out");
	enum exit_status status = write_pair(out, &key, bytes_of(der, len), arguments_has(m->arguments, "force"));
	pki_key_wipe(&key);
	if (status == EXIT_DONE)
		tell(m, out, "the secret key", "the certificate");
	return status;
}

const struct command commands_authority[] = {
	{"authority create", "--out NAME", "makes a certificate authority",
		"Works offline. It signs the certificates of devices that enrol.", create_options, 0, 0, run_create},
	{"authority issue", "NAME --authority NAME --out FILE", "signs a certificate by hand",
		"Works offline. Makes a key, too; a device that enrols makes its own and never shows it.",
		issue_options, 1, 1, run_issue},
	{0},
};
