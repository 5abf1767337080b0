/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * DTLS 1.2 for a whole fleet on one unconnected socket: the demultiplexer in front, handshakes through an engine, and
 * an own record layer afterwards (RFC 6347, RFC 9146, the profiles of RFC 7252 section 9 and RFC 7925).
 *
 * It is the composer of this folder. It reads no clock and opens no socket, and never calls whoever uses it; it is used
 * in two steps:
 *
 *     dtls_receive(d, &from, datagram, len, now);      a datagram has come
 *     while (dtls_next(d, now, &event))                what it meant; also at dtls_deadline(), without a datagram
 *             ...
 *
 * Before a peer has proved that it receives at its address, by returning a cookie, it gets one answer smaller than its
 * question and no memory at all. A ClientHello from the address of an established session takes the same way; the old
 * session goes only when the new handshake has ended well. A finished handshake leaves less than 200 bytes.
 *
 * A session that moves by its connection ID is answered at its new address at once, but not with more than three times
 * what came from there, until its owner has proof that the peer receives there (dtls_prove).
 *
 * Sessions are named by handles, inside a struct coap_remote. `dtls_transport` gives CoAP the sending half. All memory
 * is one block that the owner hands over; the engine may have its own. */
#pragma once

#include "coap/base/msec.h"
#include "coap/base/prng.h"
#include "coap/base/trace.h"
#include "coap/transport.h"
#include "dtls/cid.h"
#include "dtls/credential.h"
#include "dtls/crypto.h"
#include "dtls/engine.h"

#define DTLS_MESSAGE_MAX_BYTES 4096 /* largest message that dtls_send takes */

struct dtls_config {
	uint32_t sessions, handshakes; /* capacities, at most DTLS_CID_SLOTS sessions; the engine must have room for as
					  many handshakes */
	uint32_t handshakes_per_host;  /* as server, at once (handshake.h); half of them when 0 */
	bool accepts;                  /* serve ClientHellos; a device's client side does not */
	bool uses_cid;                 /* speak connection IDs; a server also gives names to its peers */
	uint8_t worker;                /* this process's number inside its connection IDs (cid.h) */
	const uint8_t *cid_key;        /* DTLS_CID_KEY_BYTES, copied; NULL: drawn from the seed */
	bool trusts_moves;             /* send any number of bytes to an address that nobody has proved */
	uint16_t mtu_bytes;            /* largest datagram of a handshake; 0 for that of DTLS_LINK_MTU_DEFAULT */
	msec idle_limit;               /* a session not heard from for so long is closed; 0: never */
	msec handshake_limit;          /* from its first datagram to its end, 60 s when 0 */
	msec retransmit_first; /* the handshake timer, doubled up to 8 s; 1 s when 0 (RFC 6347 section 4.2.4.1) */
	struct dtls_crypto crypto;
	struct dtls_engine engine;
	struct datagram_port output;
	struct trace trace; /* may be zero */
};

/* Of a link that carries packets of so many bytes: what is left of them for a datagram, IPv6 and UDP taken off, and for
 * a message in a record. None needs fragments then (RFC 6347 section 4.1.1). */
#define DTLS_PACKET_OVERHEAD_BYTES 48
#define DTLS_LINK_MTU_LEAST        576
#define DTLS_LINK_MTU_DEFAULT      1280 /* what every link of IPv6 carries (RFC 8200 section 5) */
#define DTLS_LINK_MTU_MOST         1500
static inline uint16_t dtls_datagram_max(uint16_t link_mtu)
{
	return (uint16_t)(link_mtu - DTLS_PACKET_OVERHEAD_BYTES);
}

static inline uint16_t dtls_message_max(uint16_t link_mtu)
{
	return (uint16_t)(dtls_datagram_max(link_mtu) - DTLS_RECORD_OVERHEAD_MAX);
}

struct dtls_counters {
	uint64_t received, sent; /* application messages, authentic ones only */
	uint64_t handshakes_started, handshakes_done, handshakes_failed;
	uint64_t cookies_sent;
	uint64_t dropped_malformed; /* no record, or a handshake record of impossible form */
	uint64_t dropped_unknown;   /* of nobody: no session, no handshake */
	uint64_t dropped_plaintext; /* unprotected where it must not be */
	uint64_t dropped_replayed;
	uint64_t dropped_forged;    /* not authentic */
	uint64_t dropped_full;      /* a ClientHello with a good cookie, but no room, or none for its host */
	uint64_t displaced;         /* handshakes whose place was given to another one */
	uint64_t dropped_early;     /* application data of a peer still in its handshake */
	uint64_t finished_repeated; /* last flights sent again */
	uint64_t addresses_changed, addresses_proved;
	uint64_t withheld; /* messages too large for an address that was not proved */
	uint64_t sessions_closed, sessions_expired, sessions_superseded;
};

struct dtls;

/* How many bytes of memory, aligned to 64, this configuration needs. */
size_t dtls_memory(const struct dtls_config *config);
/* `memory` stays the owner's and must outlive it. Cookies, connection IDs and hashes come from the seed. */
struct dtls *dtls_init(void *memory, const struct dtls_config *config, const uint8_t seed[PRNG_SEED_BYTES]);
/* Ends the handshakes that still run; sends nothing. */
void dtls_done(struct dtls *d);

/* ---- input and time ---- */

/* One datagram. It is decrypted in place, and must stay until dtls_next has returned false. */
void dtls_receive(struct dtls *d, const struct address *from, uint8_t *datagram, size_t len, msec now);

enum dtls_closed {
	DTLS_CLOSED_BY_PEER, /* close_notify */
	DTLS_CLOSED_ALERT,   /* a fatal alert of the peer */
	DTLS_CLOSED_IDLE,
	DTLS_CLOSED_SUPERSEDED, /* the peer has made a new session */
};

const char *dtls_closed_text(enum dtls_closed reason);

enum dtls_event_kind {
	DTLS_EVENT_MESSAGE,     /* `message` came from `remote` */
	DTLS_EVENT_ESTABLISHED, /* `peer` says with whom */
	DTLS_EVENT_CLOSED,      /* the session of `remote` is gone; its handle is no longer valid */
	DTLS_EVENT_FAILED,      /* a handshake; its handle is no longer valid */
};

/* What it points to is valid until the next call with the same struct dtls. */
struct dtls_event {
	enum dtls_event_kind kind;
	struct coap_remote remote;
	bool is_client;
	struct bytes message;                  /* DTLS_EVENT_MESSAGE */
	const struct dtls_engine_result *peer; /* DTLS_EVENT_ESTABLISHED: principal, identity, suite */
	enum dtls_closed closed;               /* DTLS_EVENT_CLOSED */
	enum dtls_failure failure;             /* DTLS_EVENT_FAILED */
	uint8_t alert; /* DTLS_EVENT_FAILED, DTLS_EVENT_CLOSED: what the peer named, 0 for none */
};

/* Works until there is something to tell. False: nothing left to do now. */
bool dtls_next(struct dtls *d, msec now, struct dtls_event *ret);
/* When dtls_next has something to do even if nothing arrives. */
msec dtls_deadline(const struct dtls *d);

/* ---- sessions ---- */

/* Begins a handshake as client. The session of `*ret` may be used after DTLS_EVENT_ESTABLISHED; what `credential`
 * points to must stay until then or until DTLS_EVENT_FAILED. False when there is no room or the credential is unusable.
 */
bool dtls_connect(struct dtls *d, const struct address *to, const struct dtls_client_credential *credential, msec now,
	struct coap_remote *ret);
/* False when there is no such session, its 2^48 record numbers are used up, the message is too long, or too long for an
 * address that is not proved, or the socket would not take it. */
bool dtls_send(struct dtls *d, const struct coap_remote *to, struct bytes message, msec now);
struct coap_transport dtls_transport(struct dtls *d);
/* Where its messages go now, and how many bytes may. False when the session is gone. */
bool dtls_path(const struct dtls *d, const struct coap_remote *to, struct coap_path_state *ret);
/* The peer has shown that it receives at the address of `remote`; without meaning when the session is elsewhere by
 * now. */
void dtls_prove(struct dtls *d, const struct coap_remote *remote);
/* Sends close_notify and forgets the session, or gives up its handshake. Tells no event. */
void dtls_close(struct dtls *d, struct handle session, msec now);

/* ---- questions ---- */

struct dtls_session_info {
	struct address address;
	uint64_t principal;
	enum dtls_suite suite;
	bool is_client, has_cid;
	bool by_raw_key;        /* the peer has shown a raw public key, where the suite is one for certificates */
	msec active;            /* when it was last heard from */
	uint64_t sent, highest; /* records we have sent; the highest number received */
};

/* False when the session is gone or not established. */
bool dtls_session_info(const struct dtls *d, struct handle session, struct dtls_session_info *ret);
/* Established sessions and those being made; handshakes that run. */
uint32_t dtls_sessions_used(const struct dtls *d);
uint32_t dtls_handshakes_used(const struct dtls *d);
const struct dtls_counters *dtls_counters(const struct dtls *d);

/* ---- state that outlives the process (save.h) ---- */

/* An owner who wants sessions to survive him keeps two things where they survive as well: the marks, and one record a
 * slot. While he runs he writes, as often as he likes:
 *
 *     while (dtls_changed(d, &slot, &session))
 *             dtls_save(d, save, slot, ...)  and put it in its place;  then dtls_saved(d, slot, reserved)
 *
 * and when he begins anew he restores what is not marked, in ascending order of slots, before anything is received. */
struct dtls_save;
struct dtls_saved_session;

/* From now on changes are marked in `marks`, which is zero and aligned to 8, and of dtls_sessions_marks_bytes
 * (session.h). It stays the owner's. */
void dtls_mark_in(struct dtls *d, uint64_t *marks);
/* How many slots are marked. */
uint32_t dtls_changed_count(const struct dtls *d);
/* A slot whose saved copy is out of date, and the session there: HANDLE_NONE when nobody is, and zeros are to be
 * written. False when there is none. */
bool dtls_changed(struct dtls *d, uint32_t *ret_slot, struct handle *ret_session);
/* Writes the record of an established session (DTLS_SAVE_RECORD_BYTES); see dtls_save_write. */
bool dtls_save(struct dtls *d, struct dtls_save *save, struct handle session, uint16_t reserve, struct bytes note,
	uint8_t *out);
/* What is in the slot now has been written, with `reserve` numbers left out. */
void dtls_saved(struct dtls *d, uint32_t slot, uint16_t reserve);
/* Puts a session back. `shift` is how far this process's count of time is ahead of the one that it was written in.
 * False when it has no place here. */
bool dtls_restore(struct dtls *d, const struct dtls_saved_session *saved, msec shift, msec now);
/* All are back. */
void dtls_restored(struct dtls *d);
