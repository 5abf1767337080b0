/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/keystore_files.h"

#include "coap/uri.h"
#include "pki/certificate_wolfcrypt.h"
#include "pki/request_wolfcrypt.h"

#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/asn_public.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUNDLE_BYTES  16384
#define KEY_PEM_BYTES 512
#define CURRENT       "enrolled.pem"
#define NEXT          "enrolled.next.pem"
#define ENROLLING     "enrolling.pem"
#define BEGIN         "-----BEGIN CERTIFICATE-----"

/* ---- the clock ---- */

/* wolfCrypt asks a function without a context. */
static int64_t earliest_s;

static int64_t wall_now(void)
{
	int64_t now = (int64_t)time(NULL);
	return now < earliest_s ? earliest_s : now;
}

static time_t certificate_clock(time_t *ret)
{
	time_t now = (time_t)wall_now();
	if (ret != NULL)
		*ret = now;
	return now;
}

static void clock_has_seen(int64_t at)
{
	if (at > earliest_s)
		earliest_s = at;
}

/* ---- files ---- */

static const char *path_of(const struct keystore_files *k, const char *name)
{
	static char path[CONFIG_PATH_BYTES + 32];
	(void)snprintf(path, sizeof path, "%s/%s", k->config->state_dir, name);
	return path;
}

/* The text, to be freed; NULL with `*ret_error` 0 when there is no such file. */
static uint8_t *read_text(const char *path, size_t *ret_len, int *ret_error)
{
	uint8_t *text = NULL;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	*ret_error = file < 0 && errno != ENOENT ? errno : 0;
	if (file < 0)
		return NULL;
	text = malloc(BUNDLE_BYTES);
	ssize_t len = text == NULL ? -1 : read(file, text, BUNDLE_BYTES);
	if (len < 0) {
		*ret_error = text == NULL ? ENOMEM : errno;
		free(text);
		text = NULL;
	}
	(void)close(file);
	*ret_len = len < 0 ? 0 : (size_t)len;
	return text;
}

static bool write_whole(int file, struct bytes text)
{
	while (text.len > 0) {
		ssize_t n = write(file, text.data, text.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text = bytes_from(text, (size_t)n);
	}
	return fsync(file) == 0;
}

static void sync_directory(const struct keystore_files *k)
{
	int directory = open(k->config->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return;
	(void)fsync(directory);
	(void)close(directory);
}

static bool write_file(const struct keystore_files *k, const char *name, struct bytes text)
{
	char part[CONFIG_PATH_BYTES + 40];
	(void)snprintf(part, sizeof part, "%s.part", path_of(k, name));
	int file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0)
		return false;
	bool is_written = write_whole(file, text);
	is_written = close(file) == 0 && is_written && rename(part, path_of(k, name)) == 0;
	if (!is_written)
		(void)unlink(part);
	sync_directory(k);
	return is_written;
}

/* ---- bundles ---- */

static void drop(struct keystore_bundle *b)
{
	if (b->text != NULL)
		explicit_bzero(b->text, BUNDLE_BYTES);
	free(b->text);
	*b = (struct keystore_bundle){0};
}

static bool is_pair(struct bytes key_pem, const struct pki_certificate *facts)
{
	struct pki_key key;
	uint8_t public_key[PKI_PUBLIC_KEY_BYTES];
	bool is_good = facts->has_public_key && pki_key_read(key_pem, &key) && pki_key_public(&key, public_key) &&
		       memcmp(public_key, facts->public_key, sizeof public_key) == 0;
	pki_key_wipe(&key);
	return is_good;
}

/* Key, certificate, authorities, in this order. Takes the text when it is good. */
static bool take_bundle(struct keystore_files *k, uint8_t *text, size_t len, struct keystore_bundle *ret)
{
	uint8_t der[PKI_CERTIFICATE_MAX_BYTES];
	size_t der_len;
	struct pki_certificate facts;
	struct bytes all = bytes_of(text, len), left;
	const uint8_t *certificate = memmem(text, len, BEGIN, strlen(BEGIN));
	if (certificate == NULL)
		return false;
	struct bytes key = bytes_first(all, (size_t)(certificate - text));
	left = bytes_from(all, key.len);
	if (!pki_certificate_from_pem(&left, der, sizeof der, &der_len) ||
		!pki_certificate_read(bytes_of(der, der_len), &facts) || !is_pair(key, &facts) ||
		memmem(left.data, left.len, BEGIN, strlen(BEGIN)) == NULL)
		return false;
	drop(ret);
	*ret = (struct keystore_bundle){.text = text, .from = facts.valid_from, .until = facts.valid_until};
	ret->credential = (struct dtls_client_credential){.kind = DTLS_CREDENTIAL_CERTIFICATE,
		.certificate = {.chain_pem = bytes_first(bytes_from(all, key.len), all.len - key.len - left.len),
			.key_pem = key,
			.anchors_pem = left},
		.server_name = bytes_of_text(k->server_name)};
	clock_has_seen(facts.valid_from);
	return true;
}

static bool load(struct keystore_files *k, const char *name, struct keystore_bundle *ret, char *message)
{
	size_t len;
	int error;
	uint8_t *text = read_text(path_of(k, name), &len, &error);
	if (error != 0)
		(void)snprintf(message, CONFIG_MESSAGE_BYTES, "%s: %s", path_of(k, name), strerror(error));
	if (text == NULL || take_bundle(k, text, len, ret))
		return error == 0;
	char bad[CONFIG_PATH_BYTES + 40];
	(void)snprintf(bad, sizeof bad, "%s.bad", path_of(k, name));
	(void)rename(path_of(k, name), bad);
	free(text);
	return true;
}

/* ---- the port ---- */

static bool port_enrolled(void *context, int64_t *ret_from, int64_t *ret_until)
{
	const struct keystore_files *k = context;
	if (k->choice.using != KEYSTORE_CURRENT || k->current.text == NULL)
		return false;
	*ret_from = k->current.from;
	*ret_until = k->current.until;
	return true;
}

static int64_t port_wall(void *context)
{
	(void)context;
	return (int64_t)time(NULL);
}

/* The key of an earlier request that was not answered: who approves of a request approves of its key. */
static bool find_key(struct keystore_files *k)
{
	size_t len;
	int error;
	uint8_t *text = read_text(path_of(k, ENROLLING), &len, &error);
	bool is_found = text != NULL && pki_key_read(bytes_of(text, len), &k->key);
	if (text != NULL)
		explicit_bzero(text, BUNDLE_BYTES);
	free(text);
	return is_found;
}

/* A disk that will not have it costs no more than another approval after a restart. */
static bool make_key(struct keystore_files *k)
{
	uint8_t text[KEY_PEM_BYTES];
	struct writer w = writer_of(text, sizeof text);
	if (!pki_key_make(&k->key))
		return false;
	if (pki_key_write_pem(&k->key, &w))
		(void)write_file(k, ENROLLING, writer_bytes(&w));
	explicit_bzero(text, sizeof text);
	return true;
}

static bool port_request(void *context, struct bytes *ret)
{
	struct keystore_files *k = context;
	struct writer w = writer_of(k->request, sizeof k->request);
	if ((k->key.len == 0 && !find_key(k) && !make_key(k)) ||
		!pki_request_write(&k->key, bytes_of_text(k->config->endpoint), &w))
		return false;
	*ret = writer_bytes(&w);
	return true;
}

static const char *what_is_wrong(const struct keystore_files *k, struct bytes certificate,
	const struct pki_certificate *facts, const struct bytes *authorities, uint32_t count)
{
	uint8_t public_key[PKI_PUBLIC_KEY_BYTES];
	if (k->key.len == 0 || !facts->has_public_key || !pki_key_public(&k->key, public_key) ||
		memcmp(public_key, facts->public_key, sizeof public_key) != 0)
		return "the certificate is not for the key that was sent";
	if (!bytes_equal_text(pki_certificate_name(facts), k->config->endpoint))
		return "the certificate is of another name";
	if (facts->valid_until < wall_now())
		return "the certificate has run out already";
	for (uint32_t i = 0; i < count; i++)
		if (pki_certificate_is_signed_by(certificate, authorities[i]))
			return NULL;
	return "the certificate is from none of the authorities";
}

static const char *port_accept(
	void *context, struct bytes certificate, const struct bytes *authorities, uint32_t authority_count)
{
	struct keystore_files *k = context;
	struct pki_certificate facts;
	if (!pki_certificate_read(certificate, &facts))
		return "the certificate cannot be understood";
	const char *wrong = what_is_wrong(k, certificate, &facts, authorities, authority_count);
	uint8_t *text = wrong == NULL ? malloc(BUNDLE_BYTES) : NULL;
	if (text == NULL)
		return wrong == NULL ? "out of memory" : wrong;
	struct writer w = writer_of(text, BUNDLE_BYTES);
	bool is_good = pki_key_write_pem(&k->key, &w) && pki_certificate_write_pem(certificate, &w);
	for (uint32_t i = 0; is_good && i < authority_count; i++)
		is_good = pki_certificate_write_pem(authorities[i], &w);
	if (is_good && write_file(k, NEXT, writer_bytes(&w)) && take_bundle(k, text, writer_bytes(&w).len, &k->next)) {
		pki_key_wipe(&k->key);
		(void)unlink(path_of(k, ENROLLING));
		keystore_added(&k->choice);
		return NULL;
	}
	free(text);
	return is_good ? "the state directory would not take it" : "the certificates are too long";
}

/* ---- life ---- */

/* What the configuration says, else the host of the server's URI. */
static void set_server_name(struct keystore_files *k)
{
	struct coap_uri uri;
	if (k->config->server.server_name[0] != '\0')
		memcpy(k->server_name, k->config->server.server_name, sizeof k->server_name);
	else if (coap_uri_parse(bytes_of_text(k->config->server.uri), &uri) && uri.host.len < sizeof k->server_name)
		memcpy(k->server_name, uri.host.data, uri.host.len);
}

bool keystore_files_open(struct keystore_files *k, const struct config *config,
	const struct dtls_client_credential *factory, char message[CONFIG_MESSAGE_BYTES])
{
	*k = (struct keystore_files){.config = config, .factory = factory};
	k->port = (struct keystore_port){k, port_enrolled, port_wall, port_request, port_accept};
	set_server_name(k);
	if (!load(k, CURRENT, &k->current, message) || !load(k, NEXT, &k->next, message))
		return false;
	k->choice.has_current = k->current.text != NULL;
	k->choice.current_until = k->current.until;
	k->choice.has_next = k->next.text != NULL;
	(void)wc_SetTimeCb(certificate_clock);
	return true;
}

void keystore_files_close(struct keystore_files *k)
{
	drop(&k->current);
	drop(&k->next);
	pki_key_wipe(&k->key);
}

/* ---- choosing ---- */

const struct dtls_client_credential *keystore_files_choose(struct keystore_files *k)
{
	switch (keystore_choose(&k->choice, wall_now())) {
	case KEYSTORE_NEXT:
		return &k->next.credential;
	case KEYSTORE_CURRENT:
		return &k->current.credential;
	case KEYSTORE_FACTORY:
		break;
	}
	return k->factory;
}

static void promote(struct keystore_files *k)
{
	char next[CONFIG_PATH_BYTES + 32];
	(void)snprintf(next, sizeof next, "%s", path_of(k, NEXT));
	(void)rename(next, path_of(k, CURRENT)); /* when it fails, the next start promotes it */
	sync_directory(k);
	drop(&k->current);
	k->current = k->next;
	k->next = (struct keystore_bundle){0};
	k->choice.current_until = k->current.until;
}

const char *keystore_files_succeeded(struct keystore_files *k)
{
	switch (keystore_succeeded(&k->choice)) {
	case KEYSTORE_PROMOTE:
		promote(k);
		return "event=credential_changed reason=\"the new certificate is in use\"";
	case KEYSTORE_DISCARD:
		(void)unlink(path_of(k, NEXT));
		drop(&k->next);
		return "event=credential_discarded reason=\"the new certificate never made an association\"";
	case KEYSTORE_SAME:
		break;
	}
	return NULL;
}

void keystore_files_failed(struct keystore_files *k)
{
	keystore_failed(&k->choice);
}
