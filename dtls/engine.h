/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The port to whatever performs handshakes (RFC 6347 section 4.2): wolfSSL in a daemon (engine_wolfssl.h).
 *
 * The composer owns addresses, timers, cookies and limits; the engine owns what happens inside one handshake.
 * Handshakes are numbered by slots below the capacity the engine was made for. After each call that may produce
 * datagrams (begin, receive, retransmit) the composer takes them all with `take` before it calls anything else, so one
 * queue serves every handshake. When a handshake is done the engine tells what the record layer needs, and `end` frees
 * the rest. */
#pragma once

#include "dtls/credential.h"
#include "dtls/record.h"

#define DTLS_COOKIE_SECRET_BYTES 32
#define DTLS_VERIFY_DATA_BYTES   12 /* RFC 5246 section 7.4.9 */

/* IANA numbers of the suites we offer and accept. */
enum dtls_suite {
	DTLS_SUITE_PSK_AES_128_GCM_SHA256 = 0x00a8,         /* RFC 5487 */
	DTLS_SUITE_PSK_AES_128_CCM_8 = 0xc0a8,              /* RFC 6655 */
	DTLS_SUITE_ECDHE_ECDSA_AES_128_GCM_SHA256 = 0xc02b, /* RFC 5289 */
	DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8 = 0xc0ae,      /* RFC 7251 */
	DTLS_SUITE_ECDHE_PSK_AES_128_GCM_SHA256 = 0xd001,   /* RFC 8442 */
};

/* The name of a suite as IANA writes it, without the leading TLS_. */
const char *dtls_suite_name(enum dtls_suite suite);
/* The suite of such a name; false when it is none of ours. */
bool dtls_suite_parse(struct bytes name, enum dtls_suite *ret);
enum dtls_aead dtls_suite_aead(enum dtls_suite suite);

struct dtls_engine_start {
	/* NULL: we are the server, and the first thing received will be a ClientHello whose cookie has been verified.
	 */
	const struct dtls_client_credential *client;
	/* Server only: what that cookie was made with, for an engine that checks it once more. */
	struct bytes cookie_secret, cookie_peer;
	/* Server only: the forms of keys that the ClientHello offers. */
	bool takes_certificate, takes_raw_key, prefers_raw_key;
	bool offers_cid;    /* speak connection IDs at all */
	struct bytes cid;   /* the name the peer shall put into its records; empty: none */
	uint16_t mtu_bytes; /* largest datagram to produce */
};

enum dtls_progress {
	DTLS_PROGRESS_WAITING, /* for the peer's next datagram, or for the timer */
	DTLS_PROGRESS_DONE,    /* dtls_engine.result may be asked, once */
	DTLS_PROGRESS_FAILED,
};

/* Why a handshake failed, as far as the engine could tell. */
enum dtls_failure {
	DTLS_FAILURE_TIMEOUT,          /* nobody answered, or not in time */
	DTLS_FAILURE_REFUSED,          /* the peer sent an alert */
	DTLS_FAILURE_UNKNOWN_IDENTITY, /* PSK identity, certificate or raw key of nobody we know */
	DTLS_FAILURE_BAD_KEY,          /* the Finished message did not fit: almost always a wrong PSK */
	DTLS_FAILURE_BAD_CERTIFICATE,  /* missing, expired, not under our anchors, or of another name */
	DTLS_FAILURE_NO_COMMON_SUITE,
	DTLS_FAILURE_PROTOCOL,  /* what arrived was no proper handshake */
	DTLS_FAILURE_ABANDONED, /* the peer began anew */
	DTLS_FAILURE_DISPLACED, /* it waited for its peer while others had no room */
	DTLS_FAILURE_INTERNAL,  /* the library failed on our side */
};

/* A short text for logs and status pages, such as "unknown identity". */
const char *dtls_failure_text(enum dtls_failure failure);

/* What a finished handshake leaves to the record layer. */
struct dtls_engine_result {
	enum dtls_suite suite;
	struct dtls_key read_key, write_key;
	bool by_raw_key;            /* the peer has shown a raw public key, not a certificate */
	bool reads_cid;             /* the peer puts our name into its records */
	struct dtls_cid write_cid;  /* the peer's name for ours; empty: none */
	uint64_t write_number;      /* of the next record of epoch 1 */
	uint16_t plain_number;      /* of the next record of epoch 0, should the last flight be asked for again */
	uint16_t finished_sequence; /* message_seq of our Finished, and its content, for the same purpose */
	uint8_t verify_data[DTLS_VERIFY_DATA_BYTES];
	struct dtls_principal principal; /* the peer: of a PSK server as client sees it, empty */
	/* The peer's PSK identity, its certificate's URI or common name, or the digest of its raw key in hexadecimal.
	 */
	uint8_t identity_len;
	uint8_t identity[DTLS_IDENTITY_MAX_BYTES];
};

struct dtls_engine {
	void *context;
	/* False when the handshake cannot begin at all (unusable credential, no memory). A client's first flight is
	 * ready to be taken afterwards. The slot must be free. */
	bool (*begin)(void *context, uint32_t slot, const struct dtls_engine_start *start);
	/* One record, whole and with its header. The caller has checked its outer form. */
	enum dtls_progress (*receive)(void *context, uint32_t slot, struct bytes record);
	/* The timer has run out: the last flight again. */
	enum dtls_progress (*retransmit)(void *context, uint32_t slot);
	/* The next datagram to send, valid until the next call. False when there is none. */
	bool (*take)(void *context, struct bytes *ret_datagram);
	/* After DTLS_PROGRESS_DONE. */
	void (*result)(void *context, uint32_t slot, struct dtls_engine_result *ret);
	/* After DTLS_PROGRESS_FAILED. */
	enum dtls_failure (*failure)(void *context, uint32_t slot);
	/* Frees the slot, whatever became of it. */
	void (*end)(void *context, uint32_t slot);
};
