/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * wolfSSL behind the port. It reads from and writes to memory only: `receive` lends it one record, and what it writes
 * stands in one queue until the composer takes it. Our own records are watched on their way out, because the numbers
 * after the handshake and the content of our Finished are to be had nowhere else. */
#include "dtls/engine_wolfssl.h"

#include "coap/base/address.h"
#include "dtls/hello.h"

#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <stdlib.h>
#include <strings.h>

#define QUEUE_DATAGRAMS    32
#define DATAGRAM_MAX       2048
#define FINISHED_MAX_BYTES (DTLS_RECORD_OVERHEAD_MAX + DTLS_HANDSHAKE_HEADER_BYTES + DTLS_VERIFY_DATA_BYTES)
/* The composer keeps the time; wolfSSL's own count of seconds must never end a handshake. */
#define WOLFSSL_TIMEOUT_MAX_SECONDS (1 << 20)

static const char suites_psk[] = "PSK-AES128-CCM-8:PSK-AES128-GCM-SHA256:ECDHE-PSK-AES128-GCM-SHA256";
static const char suites_certificate[] = "ECDHE-ECDSA-AES128-CCM-8:ECDHE-ECDSA-AES128-GCM-SHA256";
static const char suites_both[] = "PSK-AES128-CCM-8:PSK-AES128-GCM-SHA256:ECDHE-PSK-AES128-GCM-SHA256:"
				  "ECDHE-ECDSA-AES128-CCM-8:ECDHE-ECDSA-AES128-GCM-SHA256";

struct slot {
	WOLFSSL *ssl;
	WOLFSSL_CTX *client_context; /* NULL: a handshake as server */
	struct dtls_engine_wolfssl *engine;
	struct dtls_client_credential client; /* borrowed, see dtls_connect */
	struct bytes incoming;                /* the record that is being read */
	size_t write_cid_len;
	uint64_t write_number, plain_number; /* the next ones */
	uint8_t finished[FINISHED_MAX_BYTES];
	size_t finished_len;
	bool has_principal, has_failure;
	enum dtls_failure failure;
	struct dtls_principal principal;
	uint8_t identity_len, identity[DTLS_IDENTITY_MAX_BYTES];
};

struct dtls_engine_wolfssl {
	WOLFSSL_CTX *server;
	struct dtls_credentials credentials;
	const struct dtls_crypto *crypto;
	struct slot *slots;
	uint32_t capacity;
	uint32_t queue_first, queue_count;
	size_t queue_len[QUEUE_DATAGRAMS];
	uint8_t queue[QUEUE_DATAGRAMS][DATAGRAM_MAX];
};

static void note_failure(struct slot *slot, enum dtls_failure failure)
{
	if (slot->has_failure)
		return;
	slot->has_failure = true;
	slot->failure = failure;
}

static void note_identity(struct slot *slot, struct bytes identity)
{
	slot->identity_len = (uint8_t)bytes_first(identity, sizeof slot->identity).len;
	if (slot->identity_len > 0)
		memcpy(slot->identity, identity.data, slot->identity_len);
}

/* ---- wolfSSL's input and output ---- */

static int read_record(WOLFSSL *ssl, char *buffer, int capacity, void *context)
{
	(void)ssl;
	struct slot *slot = context;
	if (slot->incoming.len == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	struct bytes part = bytes_first(slot->incoming, (size_t)capacity);
	memcpy(buffer, part.data, part.len);
	slot->incoming = BYTES_NONE;
	return (int)part.len;
}

/* The length of the peer's connection ID, once it is known. */
static size_t peer_cid_len(WOLFSSL *ssl)
{
	unsigned int len = 0;
	if (!wolfSSL_dtls_cid_is_enabled(ssl) || wolfSSL_dtls_cid_get_tx_size(ssl, &len) != WOLFSSL_SUCCESS)
		return 0;
	return len;
}

/* Of epoch 1 nothing but our Finished leaves during a handshake. */
static void watch_records(struct slot *slot, struct bytes datagram)
{
	struct dtls_record record;
	while (dtls_record_take(&datagram, peer_cid_len(slot->ssl), &record)) {
		if (record.epoch == 0) {
			slot->plain_number = record.number + 1;
			continue;
		}
		slot->write_number = record.number + 1;
		if (record.whole.len > sizeof slot->finished)
			continue;
		memcpy(slot->finished, record.whole.data, record.whole.len);
		slot->finished_len = record.whole.len;
	}
}

static int write_datagram(WOLFSSL *ssl, char *data, int len, void *context)
{
	(void)ssl;
	struct slot *slot = context;
	struct dtls_engine_wolfssl *engine = slot->engine;
	if (len < 0 || len > DATAGRAM_MAX)
		return WOLFSSL_CBIO_ERR_GENERAL;
	watch_records(slot, bytes_of(data, (size_t)len));
	if (engine->queue_count == QUEUE_DATAGRAMS)
		return len; /* lost, like on the way */
	uint32_t place = (engine->queue_first + engine->queue_count) % QUEUE_DATAGRAMS;
	memcpy(engine->queue[place], data, (size_t)len);
	engine->queue_len[place] = (size_t)len;
	engine->queue_count++;
	return len;
}

static bool engine_take(void *context, struct bytes *ret_datagram)
{
	struct dtls_engine_wolfssl *engine = context;
	if (engine->queue_count == 0)
		return false;
	*ret_datagram = bytes_of(engine->queue[engine->queue_first], engine->queue_len[engine->queue_first]);
	engine->queue_first = (engine->queue_first + 1) % QUEUE_DATAGRAMS;
	engine->queue_count--;
	return true;
}

/* ---- pre-shared keys ---- */

static unsigned int find_server_key(WOLFSSL *ssl, const char *identity, unsigned char *key, unsigned int capacity)
{
	struct slot *slot = wolfSSL_get_psk_callback_ctx(ssl);
	struct dtls_credentials *credentials = &slot->engine->credentials;
	struct dtls_psk psk;
	struct bytes name = bytes_of_text(identity);
	if (name.len > DTLS_IDENTITY_MAX_BYTES || credentials->find_psk == NULL ||
		!credentials->find_psk(credentials->context, name, &psk, &slot->principal) || psk.len == 0 ||
		psk.len > capacity) {
		note_failure(slot, DTLS_FAILURE_UNKNOWN_IDENTITY);
		return 0;
	}
	slot->has_principal = true;
	note_identity(slot, name);
	unsigned int len = psk.len;
	memcpy(key, psk.data, len);
	wc_ForceZero(&psk, sizeof psk);
	return len;
}

static unsigned int give_client_key(WOLFSSL *ssl, const char *hint, char *identity, unsigned int identity_max,
	unsigned char *key, unsigned int key_max)
{
	(void)hint;
	const struct dtls_client_credential *client = &((struct slot *)wolfSSL_get_psk_callback_ctx(ssl))->client;
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

static bool accept_server(struct slot *slot, const DecodedCert *cert)
{
	struct bytes wanted = slot->client.server_name;
	return wanted.len == 0 || certificate_names(cert, wanted);
}

static bool accept_client(struct slot *slot, const struct dtls_certificate *certificate)
{
	struct dtls_credentials *credentials = &slot->engine->credentials;
	if (credentials->find_certificate != NULL &&
		credentials->find_certificate(credentials->context, certificate, &slot->principal))
		return true;
	note_failure(slot, DTLS_FAILURE_UNKNOWN_IDENTITY);
	return false;
}

static bool accept_leaf(struct slot *slot, const DecodedCert *cert, struct bytes der)
{
	struct dtls_certificate certificate = {.uri = first_uri(cert), .der = der};
	if (cert->subjectCN != NULL)
		certificate.common_name = bytes_of(cert->subjectCN, (size_t)cert->subjectCNLen);
	if (slot->client_context != NULL ? !accept_server(slot, cert) : !accept_client(slot, &certificate))
		return false;
	struct bytes name = certificate.uri.len > 0 ? certificate.uri : certificate.common_name;
	note_identity(slot, name);
	slot->has_principal = true;
	if (slot->client_context != NULL)
		dtls_principal_set_name(&slot->principal, bytes_first(name, DTLS_NAME_MAX_BYTES));
	return true;
}

/* Called for each certificate of the chain, the leaf (depth 0) last. */
static int verify_certificate(int is_good, WOLFSSL_X509_STORE_CTX *store)
{
	struct slot *slot = store->userCtx;
	if (!is_good || slot == NULL || store->certs == NULL)
		return 0;
	if (store->error_depth != 0)
		return 1;
	struct bytes der = bytes_of(store->certs[0].buffer, store->certs[0].length);
	DecodedCert *cert = malloc(sizeof *cert);
	if (cert == NULL)
		return 0;
	wc_InitDecodedCert(cert, der.data, (word32)der.len, NULL);
	bool accepted = wc_ParseCert(cert, CERT_TYPE, NO_VERIFY, NULL) == 0 && accept_leaf(slot, cert, der);
	wc_FreeDecodedCert(cert);
	free(cert);
	if (!accepted)
		note_failure(slot, DTLS_FAILURE_BAD_CERTIFICATE);
	return accepted ? 1 : 0;
}

/* ---- contexts ---- */

static bool load_certificate(WOLFSSL_CTX *context, const struct dtls_own_certificate *own, const char **ret_reason)
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
	return wolfSSL_CTX_load_verify_buffer(context, own->anchors_pem.data, (long)own->anchors_pem.len,
		       WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS;
}

static WOLFSSL_CTX *make_context(WOLFSSL_METHOD *method, const char *suites, const char **ret_reason)
{
	*ret_reason = "wolfSSL could not be set up";
	WOLFSSL_CTX *context = method == NULL ? NULL : wolfSSL_CTX_new(method);
	if (context == NULL)
		return NULL;
	wolfSSL_CTX_SetIORecv(context, read_record);
	wolfSSL_CTX_SetIOSend(context, write_datagram);
	if (wolfSSL_CTX_new_rng(context) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_cipher_list(context, suites) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_group_messages(context) == WOLFSSL_SUCCESS)
		return context;
	wolfSSL_CTX_free(context);
	return NULL;
}

static WOLFSSL_CTX *make_server_context(
	const struct dtls_credentials *credentials, const struct dtls_own_certificate *own, const char **ret_reason)
{
	bool has_psk = credentials->find_psk != NULL, has_certificate = own->chain_pem.len > 0;
	const char *suites = !has_certificate ? suites_psk : has_psk ? suites_both : suites_certificate;
	WOLFSSL_CTX *context = make_context(wolfDTLSv1_2_server_method(), suites, ret_reason);
	if (context == NULL)
		return NULL;
	if (has_psk)
		wolfSSL_CTX_set_psk_server_callback(context, find_server_key);
	wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_EXCEPT_PSK, verify_certificate);
	if (!has_certificate || load_certificate(context, own, ret_reason))
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

static WOLFSSL_CTX *make_client_context(const struct dtls_client_credential *client)
{
	const char *reason;
	bool is_psk = client->kind == DTLS_CREDENTIAL_PSK;
	WOLFSSL_CTX *context = make_context(wolfDTLSv1_2_client_method(), client_suites(client), &reason);
	if (context == NULL)
		return NULL;
	wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER, verify_certificate);
	if (is_psk)
		wolfSSL_CTX_set_psk_client_callback(context, give_client_key);
	if (is_psk ? client->psk_key.len > 0 && client->psk_identity.len > 0 &&
				client->psk_identity.len <= DTLS_IDENTITY_MAX_BYTES
		   : load_certificate(context, &client->certificate, &reason))
		return context;
	wolfSSL_CTX_free(context);
	return NULL;
}

/* ---- the port ---- */

static void engine_end(void *context, uint32_t number)
{
	struct dtls_engine_wolfssl *engine = context;
	struct slot *slot = &engine->slots[number];
	wolfSSL_free(slot->ssl);
	wolfSSL_CTX_free(slot->client_context);
	wc_ForceZero(slot, sizeof *slot);
}

static bool prepare(struct slot *slot, const struct dtls_engine_start *start)
{
	WOLFSSL *ssl = slot->ssl;
	wolfSSL_SetIOReadCtx(ssl, slot);
	wolfSSL_SetIOWriteCtx(ssl, slot);
	wolfSSL_dtls_set_using_nonblock(ssl, 1);
	wolfSSL_set_psk_callback_ctx(ssl, slot);
	wolfSSL_SetCertCbCtx(ssl, slot);
	if (wolfSSL_dtls_set_mtu(ssl, start->mtu_bytes) != WOLFSSL_SUCCESS ||
		wolfSSL_dtls_set_timeout_max(ssl, WOLFSSL_TIMEOUT_MAX_SECONDS) != WOLFSSL_SUCCESS)
		return false;
	/* wolfSSL compares the peer's bytes and never looks into them. */
	if (start->client == NULL && (wolfSSL_dtls_set_peer(ssl, (void *)(uintptr_t)start->cookie_peer.data,
					      (unsigned int)start->cookie_peer.len) != WOLFSSL_SUCCESS ||
					     wolfSSL_DTLS_SetCookieSecret(ssl, start->cookie_secret.data,
						     (word32)start->cookie_secret.len) != 0))
		return false;
	if (!start->offers_cid)
		return true;
	return wolfSSL_dtls_cid_use(ssl) == WOLFSSL_SUCCESS &&
	       wolfSSL_dtls_cid_set(ssl, (unsigned char *)(uintptr_t)start->cid.data, (unsigned int)start->cid.len) ==
		       WOLFSSL_SUCCESS;
}

static enum dtls_failure failure_of(int error)
{
	switch (error) {
	case VERIFY_FINISHED_ERROR:
	case DECRYPT_ERROR:
	case VERIFY_MAC_ERROR:
		return DTLS_FAILURE_BAD_KEY;
	case PSK_KEY_ERROR:
		return DTLS_FAILURE_UNKNOWN_IDENTITY;
	case FATAL_ERROR:
		return DTLS_FAILURE_REFUSED;
	case MATCH_SUITE_ERROR:
	case UNSUPPORTED_SUITE:
	case ECC_CURVE_ERROR:
		return DTLS_FAILURE_NO_COMMON_SUITE;
	case NO_PEER_CERT:
	case NO_PEER_VERIFY:
	case VERIFY_CERT_ERROR:
	case VERIFY_SIGN_ERROR:
	case DOMAIN_NAME_MISMATCH:
	case PEER_KEY_ERROR:
		return DTLS_FAILURE_BAD_CERTIFICATE;
	case MEMORY_E:
	case RNG_FAILURE_E:
		return DTLS_FAILURE_INTERNAL;
	case ASN_SELF_SIGNED_E:
		return DTLS_FAILURE_BAD_CERTIFICATE;
	default: /* wolfSSL's numbers, some hundreds */
		return error <= ASN_PARSE_E && error >= ASN_NO_SIGNER_E ? DTLS_FAILURE_BAD_CERTIFICATE
									: DTLS_FAILURE_PROTOCOL;
	}
}

static bool is_psk_suite(enum dtls_suite suite)
{
	switch (suite) {
	case DTLS_SUITE_PSK_AES_128_GCM_SHA256:
	case DTLS_SUITE_PSK_AES_128_CCM_8:
	case DTLS_SUITE_ECDHE_PSK_AES_128_GCM_SHA256:
		return true;
	case DTLS_SUITE_ECDHE_ECDSA_AES_128_GCM_SHA256:
	case DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8:
		return false;
	}
	return false;
}

/* A last look at what must hold, whatever wolfSSL let pass: a peer without a proven identity gets no session. */
static enum dtls_progress done(struct slot *slot)
{
	enum dtls_suite suite = (enum dtls_suite)wolfSSL_get_current_cipher_suite(slot->ssl);
	bool is_client = slot->client_context != NULL;
	bool needs_principal = !is_client || !is_psk_suite(suite);
	if (slot->has_failure || (needs_principal && !slot->has_principal)) {
		note_failure(slot, DTLS_FAILURE_UNKNOWN_IDENTITY);
		return DTLS_PROGRESS_FAILED;
	}
	if (peer_cid_len(slot->ssl) > DTLS_CID_MAX_BYTES || (!is_client && slot->finished_len == 0)) {
		note_failure(slot, DTLS_FAILURE_PROTOCOL);
		return DTLS_PROGRESS_FAILED;
	}
	return DTLS_PROGRESS_DONE;
}

static enum dtls_progress step(struct slot *slot)
{
	int result = slot->client_context != NULL ? wolfSSL_connect(slot->ssl) : wolfSSL_accept(slot->ssl);
	if (result == WOLFSSL_SUCCESS)
		return done(slot);
	int error = wolfSSL_get_error(slot->ssl, result);
	if (error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE)
		return DTLS_PROGRESS_WAITING;
	note_failure(slot, failure_of(error));
	return DTLS_PROGRESS_FAILED;
}

static bool engine_begin(void *context, uint32_t number, const struct dtls_engine_start *start)
{
	struct dtls_engine_wolfssl *engine = context;
	struct slot *slot = &engine->slots[number];
	memset(slot, 0, sizeof *slot);
	slot->engine = engine;
	if (start->client != NULL) {
		slot->client = *start->client;
		slot->client_context = make_client_context(start->client);
	}
	WOLFSSL_CTX *from = start->client != NULL ? slot->client_context : engine->server;
	slot->ssl = from == NULL ? NULL : wolfSSL_new(from);
	if (slot->ssl == NULL || !prepare(slot, start) ||
		(start->client != NULL && step(slot) != DTLS_PROGRESS_WAITING)) {
		engine_end(engine, number);
		return false;
	}
	return true;
}

static enum dtls_progress engine_receive(void *context, uint32_t number, struct bytes record)
{
	struct dtls_engine_wolfssl *engine = context;
	struct slot *slot = &engine->slots[number];
	slot->incoming = record;
	enum dtls_progress progress = step(slot);
	slot->incoming = BYTES_NONE;
	return progress;
}

static enum dtls_progress engine_retransmit(void *context, uint32_t number)
{
	struct dtls_engine_wolfssl *engine = context;
	struct slot *slot = &engine->slots[number];
	if (wolfSSL_dtls_got_timeout(slot->ssl) == WOLFSSL_SUCCESS)
		return DTLS_PROGRESS_WAITING;
	note_failure(slot, DTLS_FAILURE_TIMEOUT);
	return DTLS_PROGRESS_FAILED;
}

static void copy_key(struct dtls_key *key, const unsigned char *write_key, const unsigned char *write_iv)
{
	memcpy(key->key, write_key, DTLS_KEY_BYTES);
	memcpy(key->iv, write_iv, DTLS_IV_BYTES);
}

/* Reads our own Finished back, so that it can be sent again without wolfSSL. */
static void open_finished(struct slot *slot, struct dtls_engine_result *result)
{
	struct bytes sealed = bytes_of(slot->finished, slot->finished_len), text;
	struct dtls_record record;
	uint8_t type;
	if (!dtls_record_take(&sealed, peer_cid_len(slot->ssl), &record) ||
		!dtls_record_open(&record, slot->engine->crypto, dtls_suite_aead(result->suite), &result->write_key,
			&type, &text))
		return;
	struct reader r = reader_of(text);
	read_u32(&r); /* type and length */
	result->finished_sequence = read_u16(&r);
	read_bytes(&r, 6); /* fragment offset and length */
	struct bytes verify_data = read_bytes(&r, DTLS_VERIFY_DATA_BYTES);
	if (!r.failed)
		memcpy(result->verify_data, verify_data.data, DTLS_VERIFY_DATA_BYTES);
}

static void engine_result(void *context, uint32_t number, struct dtls_engine_result *ret)
{
	struct dtls_engine_wolfssl *engine = context;
	struct slot *slot = &engine->slots[number];
	WOLFSSL *ssl = slot->ssl;
	bool is_client = slot->client_context != NULL;
	*ret = (struct dtls_engine_result){
		.suite = (enum dtls_suite)wolfSSL_get_current_cipher_suite(ssl),
		.write_number = slot->write_number,
		.plain_number = (uint16_t)slot->plain_number,
		.principal = slot->principal,
		.identity_len = slot->identity_len,
	};
	memcpy(ret->identity, slot->identity, sizeof ret->identity);
	copy_key(is_client ? &ret->write_key : &ret->read_key, wolfSSL_GetClientWriteKey(ssl),
		wolfSSL_GetClientWriteIV(ssl));
	copy_key(is_client ? &ret->read_key : &ret->write_key, wolfSSL_GetServerWriteKey(ssl),
		wolfSSL_GetServerWriteIV(ssl));
	unsigned int len = 0;
	if (wolfSSL_dtls_cid_is_enabled(ssl)) {
		ret->reads_cid = wolfSSL_dtls_cid_get_rx_size(ssl, &len) == WOLFSSL_SUCCESS && len == DTLS_CID_BYTES;
		ret->write_cid.len = (uint8_t)peer_cid_len(ssl);
		if (ret->write_cid.len > 0)
			wolfSSL_dtls_cid_get_tx(ssl, ret->write_cid.data, sizeof ret->write_cid.data);
	}
	if (!is_client)
		open_finished(slot, ret);
}

static enum dtls_failure engine_failure(void *context, uint32_t number)
{
	struct dtls_engine_wolfssl *engine = context;
	const struct slot *slot = &engine->slots[number];
	return slot->has_failure ? slot->failure : DTLS_FAILURE_INTERNAL;
}

struct dtls_engine_wolfssl *dtls_engine_wolfssl_new(
	const struct dtls_engine_wolfssl_config *config, const char **ret_reason)
{
	*ret_reason = "memory is short";
	struct dtls_engine_wolfssl *engine = calloc(1, sizeof *engine);
	if (engine == NULL || wolfSSL_Init() != WOLFSSL_SUCCESS) {
		free(engine);
		return NULL;
	}
	engine->credentials = config->credentials;
	engine->crypto = config->crypto;
	engine->capacity = config->handshakes;
	engine->slots = calloc(config->handshakes, sizeof *engine->slots);
	bool serves = config->credentials.find_psk != NULL || config->own.chain_pem.len > 0;
	if (engine->slots != NULL && serves)
		engine->server = make_server_context(&config->credentials, &config->own, ret_reason);
	if (engine->slots == NULL || (serves && engine->server == NULL)) {
		dtls_engine_wolfssl_free(engine);
		return NULL;
	}
	return engine;
}

bool dtls_engine_wolfssl_renew(
	struct dtls_engine_wolfssl *engine, const struct dtls_own_certificate *own, const char **ret_reason)
{
	WOLFSSL_CTX *context = make_server_context(&engine->credentials, own, ret_reason);
	if (context == NULL)
		return false;
	wolfSSL_CTX_free(engine->server); /* handshakes that run hold it on */
	engine->server = context;
	return true;
}

void dtls_engine_wolfssl_free(struct dtls_engine_wolfssl *engine)
{
	if (engine == NULL)
		return;
	for (uint32_t i = 0; engine->slots != NULL && i < engine->capacity; i++)
		engine_end(engine, i);
	free(engine->slots);
	wolfSSL_CTX_free(engine->server);
	free(engine);
	wolfSSL_Cleanup();
}

struct dtls_engine dtls_engine_wolfssl_port(struct dtls_engine_wolfssl *engine)
{
	return (struct dtls_engine){
		.context = engine,
		.begin = engine_begin,
		.receive = engine_receive,
		.retransmit = engine_retransmit,
		.take = engine_take,
		.result = engine_result,
		.failure = engine_failure,
		.end = engine_end,
	};
}
