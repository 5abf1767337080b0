/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/contexts_wolfssl.h"

#include "dtls/proof_wolfssl.h"
#include "dtls/raw_key_wolfssl.h"

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/sha256.h>

_Static_assert(CLIENT_CONTEXT_MARK_BYTES == WC_SHA256_DIGEST_SIZE, "a mark is a SHA-256");

static const char suites_psk[] = "PSK-AES128-CCM-8:PSK-AES128-GCM-SHA256:ECDHE-PSK-AES128-GCM-SHA256";
static const char suites_certificate[] = "ECDHE-ECDSA-AES128-CCM-8:ECDHE-ECDSA-AES128-GCM-SHA256";
static const char suites_both[] = "PSK-AES128-CCM-8:PSK-AES128-GCM-SHA256:ECDHE-PSK-AES128-GCM-SHA256:"
				  "ECDHE-ECDSA-AES128-CCM-8:ECDHE-ECDSA-AES128-GCM-SHA256";

static bool load_certificate(
	WOLFSSL_CTX *context, const struct dtls_own_certificate *own, bool is_pinned, const char **ret_reason)
{
	*ret_reason = "the certificate chain is unusable";
	if (wolfSSL_CTX_use_certificate_chain_buffer(context, own->chain_pem.data, (long)own->chain_pem.len) !=
		WOLFSSL_SUCCESS)
		return false;
	*ret_reason = "the private key is unusable or does not belong to the certificate";
	if (wolfSSL_CTX_use_PrivateKey_buffer(
		    context, own->key_pem.data, (long)own->key_pem.len, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS ||
		wolfSSL_CTX_check_private_key(context) != WOLFSSL_SUCCESS)
		return false;
	*ret_reason = "the trust anchors are unusable";
	if (is_pinned)
		return true;
	return wolfSSL_CTX_load_verify_buffer(context, own->anchors_pem.data, (long)own->anchors_pem.len,
		       WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS;
}

/* The forms of keys that both ends may show (RFC 7250), one alone: what wolfSSL would negotiate by itself is never
 * wider than what the context is for. */
static bool set_key_form(WOLFSSL_CTX *context, char form)
{
	return wolfSSL_CTX_set_client_cert_type(context, &form, 1) == WOLFSSL_SUCCESS &&
	       wolfSSL_CTX_set_server_cert_type(context, &form, 1) == WOLFSSL_SUCCESS;
}

/* wolfSSL takes a SubjectPublicKeyInfo in place of a certificate. */
static bool load_raw_key(WOLFSSL_CTX *context, struct bytes pem, const char **ret_reason)
{
	uint8_t room[RAW_KEY_INFO_MAX_BYTES];
	struct bytes info = raw_key_info(pem, room);
	*ret_reason = "the raw key is no private key of P-256";
	return info.len > 0 &&
	       wolfSSL_CTX_use_certificate_buffer(context, info.data, (long)info.len, WOLFSSL_FILETYPE_ASN1) ==
		       WOLFSSL_SUCCESS &&
	       wolfSSL_CTX_use_PrivateKey_buffer(context, pem.data, (long)pem.len, WOLFSSL_FILETYPE_PEM) ==
		       WOLFSSL_SUCCESS;
}

static WOLFSSL_CTX *make_context(WOLFSSL_METHOD *method, const char *suites, const char **ret_reason)
{
	*ret_reason = "wolfSSL could not be set up";
	WOLFSSL_CTX *context = method == NULL ? NULL : wolfSSL_CTX_new(method);
	if (context == NULL)
		return NULL;
	if (wolfSSL_CTX_new_rng(context) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_cipher_list(context, suites) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_group_messages(context) == WOLFSSL_SUCCESS)
		return context;
	wolfSSL_CTX_free(context);
	return NULL;
}

static WOLFSSL_CTX *make_server_context(
	const struct dtls_credentials *peers, bool has_key, char form, const char **ret_reason)
{
	bool has_psk = peers->find_psk != NULL;
	const char *suites = !has_key ? suites_psk : has_psk ? suites_both : suites_certificate;
	WOLFSSL_CTX *context = make_context(wolfDTLSv1_2_server_method(), suites, ret_reason);
	if (context == NULL)
		return NULL;
	if (has_psk)
		wolfSSL_CTX_set_psk_server_callback(context, proof_find_key);
	wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_EXCEPT_PSK, proof_check_certificate);
	if (set_key_form(context, form))
		return context;
	wolfSSL_CTX_free(context);
	return NULL;
}

WOLFSSL_CTX *server_context_new(
	const struct dtls_credentials *peers, const struct dtls_own_certificate *own, const char **ret_reason)
{
	bool has_certificate = own->chain_pem.len > 0;
	WOLFSSL_CTX *context = make_server_context(peers, has_certificate, WOLFSSL_CERT_TYPE_X509, ret_reason);
	if (context == NULL || !has_certificate || load_certificate(context, own, false, ret_reason))
		return context;
	wolfSSL_CTX_free(context);
	return NULL;
}

WOLFSSL_CTX *server_raw_key_context_new(
	const struct dtls_credentials *peers, const struct dtls_own_certificate *own, const char **ret_reason)
{
	bool has_key = own->raw_key_pem.len > 0;
	WOLFSSL_CTX *context = make_server_context(peers, has_key, WOLFSSL_CERT_TYPE_RPK, ret_reason);
	if (context == NULL || !has_key || load_raw_key(context, own->raw_key_pem, ret_reason))
		return context;
	wolfSSL_CTX_free(context);
	return NULL;
}

/* wolfSSL's words for the suites a client may offer. */
static const char *client_suites(const struct dtls_client_credential *client)
{
	if (client->only_suite == 0)
		return client->kind == DTLS_CREDENTIAL_PSK ? suites_psk : suites_certificate;
	switch ((enum dtls_suite)client->only_suite) {
	case DTLS_SUITE_PSK_AES_128_GCM_SHA256:
		return "PSK-AES128-GCM-SHA256";
	case DTLS_SUITE_PSK_AES_128_CCM_8:
		return "PSK-AES128-CCM-8";
	case DTLS_SUITE_ECDHE_PSK_AES_128_GCM_SHA256:
		return "ECDHE-PSK-AES128-GCM-SHA256";
	case DTLS_SUITE_ECDHE_ECDSA_AES_128_GCM_SHA256:
		return "ECDHE-ECDSA-AES128-GCM-SHA256";
	case DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8:
		return "ECDHE-ECDSA-AES128-CCM-8";
	}
	return "none";
}

static bool is_complete(const struct dtls_client_credential *c)
{
	switch (c->kind) {
	case DTLS_CREDENTIAL_PSK:
		return c->psk_key.len > 0 && c->psk_identity.len > 0 && c->psk_identity.len <= DTLS_IDENTITY_MAX_BYTES;
	case DTLS_CREDENTIAL_CERTIFICATE:
		return true; /* wolfSSL looks into it */
	case DTLS_CREDENTIAL_RAW_KEY:
		return c->server_raw_key.len == DTLS_RAW_KEY_BYTES;
	}
	return false;
}

static bool load_client(WOLFSSL_CTX *context, const struct dtls_client_credential *client)
{
	const char *reason;
	switch (client->kind) {
	case DTLS_CREDENTIAL_PSK:
		wolfSSL_CTX_set_psk_client_callback(context, proof_give_key);
		return true;
	case DTLS_CREDENTIAL_CERTIFICATE:
		return load_certificate(context, &client->certificate, client->server_certificate.len > 0, &reason);
	case DTLS_CREDENTIAL_RAW_KEY:
		return load_raw_key(context, client->certificate.raw_key_pem, &reason) &&
		       set_key_form(context, WOLFSSL_CERT_TYPE_RPK);
	}
	return false;
}

static WOLFSSL_CTX *make_client_context(const struct dtls_client_credential *client)
{
	const char *reason;
	WOLFSSL_CTX *context = make_context(wolfDTLSv1_2_client_method(), client_suites(client), &reason);
	if (context == NULL)
		return NULL;
	wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER, proof_check_certificate);
	if (load_client(context, client))
		return context;
	wolfSSL_CTX_free(context);
	return NULL;
}

/* What a context depends on; keys and identities of PSKs, and whom the server must be, are asked for in each handshake
 * anew. Lengths keep the parts apart. */
static bool mark_credential(const struct dtls_client_credential *c, uint8_t ret_mark[CLIENT_CONTEXT_MARK_BYTES])
{
	const struct bytes parts[] = {c->certificate.chain_pem, c->certificate.key_pem, c->certificate.anchors_pem,
		c->certificate.raw_key_pem};
	const uint64_t form[] = {c->kind, c->only_suite, c->server_certificate.len > 0, parts[0].len, parts[1].len,
		parts[2].len, parts[3].len};
	wc_Sha256 hash;
	if (wc_InitSha256(&hash) != 0)
		return false;
	bool good = wc_Sha256Update(&hash, (const byte *)form, sizeof form) == 0;
	for (size_t i = 0; i < sizeof parts / sizeof *parts && c->kind != DTLS_CREDENTIAL_PSK; i++)
		good = good && (parts[i].len == 0 || wc_Sha256Update(&hash, parts[i].data, (word32)parts[i].len) == 0);
	good = good && wc_Sha256Final(&hash, ret_mark) == 0;
	wc_Sha256Free(&hash);
	return good;
}

WOLFSSL_CTX *client_context_for(struct client_context *c, const struct dtls_client_credential *credential)
{
	uint8_t mark[CLIENT_CONTEXT_MARK_BYTES];
	if (!is_complete(credential) || !mark_credential(credential, mark))
		return NULL;
	if (c->context != NULL && memcmp(mark, c->mark, sizeof mark) == 0)
		return c->context;
	client_context_done(c);
	c->context = make_client_context(credential);
	memcpy(c->mark, mark, sizeof mark);
	return c->context;
}

void client_context_done(struct client_context *c)
{
	wolfSSL_CTX_free(c->context);
	wc_ForceZero(c, sizeof *c);
}
