/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * wolfSSL behind the port. It reads from and writes to memory only: `receive` lends it one record, and what it writes
 * stands in one queue until the composer takes it. Our own records are watched on their way out, because the numbers
 * after the handshake and the content of our Finished are to be had nowhere else. */
#include "dtls/engine_wolfssl.h"

#include "dtls/contexts_wolfssl.h"
#include "dtls/hello.h"
#include "dtls/proof_wolfssl.h"

#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <stdlib.h>

#define QUEUE_DATAGRAMS    32
#define DATAGRAM_MAX       2048
#define FINISHED_MAX_BYTES (DTLS_RECORD_OVERHEAD_MAX + DTLS_HANDSHAKE_HEADER_BYTES + DTLS_VERIFY_DATA_BYTES)
/* The composer keeps the time; wolfSSL's own count of seconds must never end a handshake. */
#define WOLFSSL_TIMEOUT_MAX_SECONDS (1 << 20)

struct slot {
	WOLFSSL *ssl;
	struct dtls_engine_wolfssl *engine;
	struct proof proof;
	struct bytes incoming; /* the record that is being read */
	size_t write_cid_len;
	uint64_t write_number, plain_number; /* the next ones */
	uint8_t finished[FINISHED_MAX_BYTES];
	size_t finished_len;
};

struct dtls_engine_wolfssl {
	WOLFSSL_CTX *server, *server_raw_key;
	bool has_certificate, has_raw_key;
	struct client_context client;
	struct dtls_credentials credentials;
	const struct dtls_crypto *crypto;
	struct slot *slots;
	uint32_t capacity;
	uint32_t queue_first, queue_count;
	size_t queue_len[QUEUE_DATAGRAMS];
	uint8_t queue[QUEUE_DATAGRAMS][DATAGRAM_MAX];
};

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

/* ---- the port ---- */

static void engine_end(void *context, uint32_t number)
{
	struct dtls_engine_wolfssl *engine = context;
	struct slot *slot = &engine->slots[number];
	wolfSSL_free(slot->ssl);
	wc_ForceZero(slot, sizeof *slot);
}

static bool prepare(struct slot *slot, const struct dtls_engine_start *start)
{
	WOLFSSL *ssl = slot->ssl;
	wolfSSL_SSLSetIORecv(ssl, read_record);
	wolfSSL_SSLSetIOSend(ssl, write_datagram);
	wolfSSL_SetIOReadCtx(ssl, slot);
	wolfSSL_SetIOWriteCtx(ssl, slot);
	wolfSSL_dtls_set_using_nonblock(ssl, 1);
	wolfSSL_set_psk_callback_ctx(ssl, &slot->proof);
	wolfSSL_SetCertCbCtx(ssl, &slot->proof);
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
	case UNSUPPORTED_CERTIFICATE:
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
	bool is_client = slot->proof.is_client;
	bool needs_principal = !is_client || !is_psk_suite(suite);
	if (slot->proof.has_failure || (needs_principal && !slot->proof.has_principal)) {
		proof_fail(&slot->proof, DTLS_FAILURE_UNKNOWN_IDENTITY);
		return DTLS_PROGRESS_FAILED;
	}
	if (peer_cid_len(slot->ssl) > DTLS_CID_MAX_BYTES || (!is_client && slot->finished_len == 0)) {
		proof_fail(&slot->proof, DTLS_FAILURE_PROTOCOL);
		return DTLS_PROGRESS_FAILED;
	}
	return DTLS_PROGRESS_DONE;
}

static enum dtls_progress step(struct slot *slot)
{
	int result = slot->proof.is_client ? wolfSSL_connect(slot->ssl) : wolfSSL_accept(slot->ssl);
	if (result == WOLFSSL_SUCCESS)
		return done(slot);
	int error = wolfSSL_get_error(slot->ssl, result);
	if (error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE)
		return DTLS_PROGRESS_WAITING;
	proof_fail(&slot->proof, failure_of(error));
	return DTLS_PROGRESS_FAILED;
}

/* Which of our two faces a client gets to see: the one that it prefers, and in any case one that it can take. */
static bool shows_raw_key(const struct dtls_engine_wolfssl *engine, const struct dtls_engine_start *start)
{
	if (!start->takes_raw_key)
		return false;
	if (!start->takes_certificate)
		return true;
	return engine->has_raw_key && (start->prefers_raw_key || !engine->has_certificate);
}

static WOLFSSL_CTX *context_for(
	struct dtls_engine_wolfssl *engine, struct slot *slot, const struct dtls_engine_start *start)
{
	if (slot->proof.is_client)
		return client_context_for(&engine->client, start->client);
	return slot->proof.by_raw_key ? engine->server_raw_key : engine->server;
}

static bool engine_begin(void *context, uint32_t number, const struct dtls_engine_start *start)
{
	struct dtls_engine_wolfssl *engine = context;
	struct slot *slot = &engine->slots[number];
	memset(slot, 0, sizeof *slot);
	slot->engine = engine;
	slot->proof.peers = &engine->credentials;
	slot->proof.is_client = start->client != NULL;
	slot->proof.by_raw_key =
		start->client != NULL ? start->client->kind == DTLS_CREDENTIAL_RAW_KEY : shows_raw_key(engine, start);
	if (slot->proof.is_client)
		slot->proof.own = *start->client;
	WOLFSSL_CTX *from = context_for(engine, slot, start);
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
	proof_fail(&slot->proof, DTLS_FAILURE_TIMEOUT);
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
	bool is_client = slot->proof.is_client;
	*ret = (struct dtls_engine_result){
		.suite = (enum dtls_suite)wolfSSL_get_current_cipher_suite(ssl),
		.write_number = slot->write_number,
		.plain_number = (uint16_t)slot->plain_number,
		.by_raw_key =
			slot->proof.by_raw_key && !is_psk_suite((enum dtls_suite)wolfSSL_get_current_cipher_suite(ssl)),
		.principal = slot->proof.principal,
		.identity_len = slot->proof.identity_len,
	};
	memcpy(ret->identity, slot->proof.identity, sizeof ret->identity);
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
	return slot->proof.has_failure ? slot->proof.failure : DTLS_FAILURE_INTERNAL;
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
	const struct dtls_own_certificate *own = &config->own;
	bool serves = config->credentials.find_psk != NULL || own->chain_pem.len > 0 || own->raw_key_pem.len > 0;
	if (engine->slots != NULL && (!serves || dtls_engine_wolfssl_renew(engine, own, ret_reason)))
		return engine;
	dtls_engine_wolfssl_free(engine);
	return NULL;
}

bool dtls_engine_wolfssl_renew(
	struct dtls_engine_wolfssl *engine, const struct dtls_own_certificate *own, const char **ret_reason)
{
	WOLFSSL_CTX *context = server_context_new(&engine->credentials, own, ret_reason);
	WOLFSSL_CTX *raw = context == NULL ? NULL : server_raw_key_context_new(&engine->credentials, own, ret_reason);
	if (raw == NULL) {
		wolfSSL_CTX_free(context);
		return false;
	}
	wolfSSL_CTX_free(engine->server); /* handshakes that run hold them on */
	wolfSSL_CTX_free(engine->server_raw_key);
	engine->server = context;
	engine->server_raw_key = raw;
	engine->has_certificate = own->chain_pem.len > 0;
	engine->has_raw_key = own->raw_key_pem.len > 0;
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
	wolfSSL_CTX_free(engine->server_raw_key);
	client_context_done(&engine->client);
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
