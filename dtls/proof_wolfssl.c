/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/proof_wolfssl.h"

#include "coap/base/address.h"
#include "dtls/raw_key_wolfssl.h"

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>

#include <stdlib.h>
#include <strings.h>

void proof_fail(struct proof *p, enum dtls_failure failure)
{
	if (p->has_failure)
		return;
	p->has_failure = true;
	p->failure = failure;
}

static void note_identity(struct proof *p, struct bytes identity)
{
	p->identity_len = (uint8_t)bytes_first(identity, sizeof p->identity).len;
	if (p->identity_len > 0)
		memcpy(p->identity, identity.data, p->identity_len);
}

/* ---- pre-shared keys ---- */

unsigned int proof_find_key(WOLFSSL *ssl, const char *identity, unsigned char *key, unsigned int capacity)
{
	struct proof *p = wolfSSL_get_psk_callback_ctx(ssl);
	const struct dtls_credentials *peers = p->peers;
	struct dtls_psk psk;
	struct bytes name = bytes_of_text(identity);
	if (name.len > DTLS_IDENTITY_MAX_BYTES || peers->find_psk == NULL ||
		!peers->find_psk(peers->context, name, &psk, &p->principal) || psk.len == 0 || psk.len > capacity) {
		proof_fail(p, DTLS_FAILURE_UNKNOWN_IDENTITY);
		return 0;
	}
	p->has_principal = true;
	note_identity(p, name);
	unsigned int len = psk.len;
	memcpy(key, psk.data, len);
	wc_ForceZero(&psk, sizeof psk);
	return len;
}

unsigned int proof_give_key(WOLFSSL *ssl, const char *hint, char *identity, unsigned int identity_max,
	unsigned char *key, unsigned int key_max)
{
	(void)hint;
	const struct dtls_client_credential *client = &((struct proof *)wolfSSL_get_psk_callback_ctx(ssl))->own;
	if (client->psk_identity.len >= identity_max || client->psk_key.len > key_max)
		return 0;
	memcpy(identity, client->psk_identity.data, client->psk_identity.len);
	identity[client->psk_identity.len] = '\0';
	memcpy(key, client->psk_key.data, client->psk_key.len);
	return (unsigned int)client->psk_key.len;
}

/* ---- certificates ---- */

static struct bytes first_uri(const DecodedCert *cert)
{
	for (const DNS_entry *entry = cert->altNames; entry != NULL; entry = entry->next)
		if (entry->type == ASN_URI_TYPE)
			return bytes_of(entry->name, (size_t)entry->len);
	return BYTES_NONE;
}

static bool equal_but_for_case(struct bytes a, struct bytes b)
{
	return a.len == b.len && strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0;
}

/* An iPAddress is 4 or 16 bytes (RFC 5280 section 4.2.1.6). */
static bool is_address(struct bytes name, struct bytes wanted)
{
	struct address address;
	if (!address_parse(wanted, 0, &address))
		return false;
	return bytes_equal(name, bytes_of(address.ip, sizeof address.ip)) ||
	       (address_is_ipv4(&address) && bytes_equal(name, bytes_of(address.ip + 12, 4)));
}

/* RFC 7925 section 4.4.1 leaves no wildcards; the common name counts only where there is no subjectAltName (RFC 6125).
 */
static bool certificate_names(const DecodedCert *cert, struct bytes wanted)
{
	for (const DNS_entry *entry = cert->altNames; entry != NULL; entry = entry->next) {
		struct bytes name = bytes_of(entry->name, (size_t)entry->len);
		if (entry->type == ASN_DNS_TYPE && equal_but_for_case(name, wanted))
			return true;
		if (entry->type == ASN_IP_TYPE && is_address(name, wanted))
			return true;
		if (entry->type == ASN_URI_TYPE && bytes_equal(name, wanted))
			return true;
	}
	return cert->altNames == NULL && cert->subjectCN != NULL &&
	       equal_but_for_case(bytes_of(cert->subjectCN, (size_t)cert->subjectCNLen), wanted);
}

static bool accept_server(struct proof *p, const DecodedCert *cert)
{
	struct bytes wanted = p->own.server_name;
	return wanted.len == 0 || p->own.server_certificate.len > 0 || certificate_names(cert, wanted);
}

static bool accept_client(struct proof *p, const struct dtls_certificate *certificate)
{
	const struct dtls_credentials *peers = p->peers;
	if (peers->find_certificate != NULL && peers->find_certificate(peers->context, certificate, &p->principal))
		return true;
	proof_fail(p, DTLS_FAILURE_UNKNOWN_IDENTITY);
	return false;
}

static bool accept_leaf(struct proof *p, const DecodedCert *cert, struct bytes der)
{
	struct dtls_certificate certificate = {.uri = first_uri(cert), .der = der};
	if (cert->subjectCN != NULL)
		certificate.common_name = bytes_of(cert->subjectCN, (size_t)cert->subjectCNLen);
	if (p->is_client ? !accept_server(p, cert) : !accept_client(p, &certificate))
		return false;
	struct bytes name = certificate.uri.len > 0 ? certificate.uri : certificate.common_name;
	note_identity(p, name);
	p->has_principal = true;
	if (p->is_client)
		dtls_principal_set_name(&p->principal, bytes_first(name, DTLS_NAME_MAX_BYTES));
	return true;
}

/* A raw key where a certificate was to come is refused by wolfSSL, too; here it would be one without a name. */
static bool accept_certificate(struct proof *p, struct bytes der)
{
	DecodedCert *cert = malloc(sizeof *cert);
	if (cert == NULL)
		return false;
	wc_InitDecodedCert(cert, der.data, (word32)der.len, NULL);
	bool accepted =
		wc_ParseCert(cert, CERT_TYPE, NO_VERIFY, NULL) == 0 && !cert->isRPK && accept_leaf(p, cert, der);
	wc_FreeDecodedCert(cert);
	free(cert);
	return accepted;
}

/* ---- raw public keys ---- */

static bool accept_digest(struct proof *p, struct bytes digest)
{
	const struct dtls_credentials *peers = p->peers;
	if (p->is_client ? bytes_equal(digest, p->own.server_raw_key)
			 : peers->find_raw_key != NULL && peers->find_raw_key(peers->context, digest, &p->principal))
		return true;
	proof_fail(p, DTLS_FAILURE_UNKNOWN_IDENTITY);
	return false;
}

/* All that tells one raw key from another is the key, and wolfSSL lets each of them pass (RFC 7250 section 6). */
static bool accept_raw_key(struct proof *p, struct bytes info)
{
	uint8_t digest[DTLS_RAW_KEY_BYTES];
	struct writer w = writer_of(p->identity, sizeof p->identity);
	if (!raw_key_digest(info, digest) || !accept_digest(p, bytes_of(digest, sizeof digest)))
		return false;
	write_hex(&w, bytes_of(digest, sizeof digest));
	p->identity_len = (uint8_t)writer_bytes(&w).len;
	p->has_principal = true;
	return true;
}

/* Called for each certificate of the chain, the leaf (depth 0) last. What is wrong with the chain of a leaf that is
 * known beforehand does not matter; it has to be that leaf. */
int proof_check_certificate(int is_good, WOLFSSL_X509_STORE_CTX *store)
{
	struct proof *p = store->userCtx;
	if (p == NULL || store->certs == NULL)
		return 0;
	bool is_pinned = p->is_client && !p->by_raw_key && p->own.server_certificate.len > 0;
	if (!is_good && !is_pinned)
		return 0;
	if (store->error_depth != 0)
		return 1;
	struct bytes der = bytes_of(store->certs[0].buffer, store->certs[0].length);
	if (is_pinned && !bytes_equal(der, p->own.server_certificate)) {
		proof_fail(p, DTLS_FAILURE_BAD_CERTIFICATE);
		return 0;
	}
	bool accepted = p->by_raw_key ? accept_raw_key(p, der) : accept_certificate(p, der);
	if (!accepted)
		proof_fail(p, DTLS_FAILURE_BAD_CERTIFICATE);
	return accepted ? 1 : 0;
}
