/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sessions as they lie where they outlive the process: a head, and behind it one record of fixed size for each slot of
 * the session table.
 *
 *     "FFDS" | version (2) | record size (2) | salt (16) | number (8) | sealed head | tag
 *     number (8) | sealed session and note | tag          for slot 0, 1, ...; all zeros: nobody
 *
 * Everything sealed is AES-128-GCM under a key that comes from the owner's secret and the salt (HMAC-SHA-256). A writer
 * draws a new salt each time it begins and numbers what it seals, so no nonce ever comes twice; the slot and the
 * version are authenticated with each record, so records cannot change places. What is torn, flipped, or of another
 * version, key or file does not open and is lost by itself alone.
 *
 * Two rules keep a restored session as safe as one that was never interrupted:
 *
 * - No number of a record is used twice. A record reserves numbers ahead (DTLS_SESSION_RESERVE, none when the writer
 *   knows that nothing will be sent any more), and a session that has used them up is marked as changed before it goes
 *   on.
 * - The replay window never opens again (RFC 6347 section 4.1.2.6). A record holds the window as it is, and a session
 *   that receives anything is marked as changed before what it received takes effect.
 *
 * The marks (session.h) must be where they survive as well. Whoever reads does not restore a slot that is marked: its
 * peer makes a new handshake. The module reads and writes bytes and knows no files. Whoever has an old copy of
 * all of it, marks included, could make both rules fail, so what is saved belongs in no backup, like a key. */
#pragma once

#include "dtls/session.h"

#define DTLS_SAVE_VERSION      1
#define DTLS_SAVE_SECRET_BYTES 32
#define DTLS_SAVE_SALT_BYTES   16
#define DTLS_SAVE_BOOT_BYTES   16
#define DTLS_SAVE_HEAD_BYTES   128
#define DTLS_SAVE_RECORD_BYTES 384
#define DTLS_SAVE_NOTE_MAX     192 /* what the owner keeps with a session */

struct dtls_save {
	struct dtls_crypto crypto;
	uint8_t key[DTLS_KEY_BYTES];
	uint8_t salt[DTLS_SAVE_SALT_BYTES];
	uint64_t number; /* of what is sealed next */
};

/* What holds for all sessions. */
struct dtls_save_head {
	uint32_t slots;
	uint8_t worker;                     /* that the connection IDs of the sessions name */
	uint8_t boot[DTLS_SAVE_BOOT_BYTES]; /* which boot of the machine `now` counts in, for the owner */
	bool is_clean;                      /* written when nothing was sent or received any more */
	msec now;                           /* when, in the writer's count */
	int64_t wall;                       /* and in milliseconds since 1970 */
};

struct dtls_saved_session {
	struct handle handle;
	struct dtls_session session; /* without links */
	uint8_t note_len;
	uint8_t note[DTLS_SAVE_NOTE_MAX];
};

enum dtls_save_verdict {
	DTLS_SAVE_GOOD,
	DTLS_SAVE_EMPTY,   /* nothing was written here */
	DTLS_SAVE_FOREIGN, /* not of this kind */
	DTLS_SAVE_VERSION_UNKNOWN,
	DTLS_SAVE_DAMAGED, /* or of another key */
};

/* A short text for logs. */
const char *dtls_save_verdict_text(enum dtls_save_verdict verdict);

/* Begins a writer; `salt` must never have been used with this secret. False when the crypto refuses. */
bool dtls_save_begin(struct dtls_save *s, const struct dtls_crypto *crypto,
	const uint8_t secret[DTLS_SAVE_SECRET_BYTES], const uint8_t salt[DTLS_SAVE_SALT_BYTES]);
/* The key of connection IDs that goes with this secret, so that they outlive the process as well and neighbours with
 * the same secret know whose they are (cid.h). False when the crypto refuses. */
bool dtls_save_cid_key(const struct dtls_crypto *crypto, const uint8_t secret[DTLS_SAVE_SECRET_BYTES],
	uint8_t ret_key[DTLS_CID_KEY_BYTES]);
/* DTLS_SAVE_HEAD_BYTES. False when the crypto refuses. */
bool dtls_save_write_head(struct dtls_save *s, const struct dtls_save_head *head, uint8_t *out);
/* DTLS_SAVE_RECORD_BYTES. `note` is at most DTLS_SAVE_NOTE_MAX long; `reserve` numbers are left out. */
bool dtls_save_write(struct dtls_save *s, struct handle h, const struct dtls_session *session, uint16_t reserve,
	struct bytes note, uint8_t *out);

/* Begins a reader with a head of any length. DTLS_SAVE_GOOD, or why nothing can be read. */
enum dtls_save_verdict dtls_save_open(struct dtls_save *s, const struct dtls_crypto *crypto,
	const uint8_t secret[DTLS_SAVE_SECRET_BYTES], struct bytes head, struct dtls_save_head *ret);
/* The record of a slot, of any length. */
enum dtls_save_verdict dtls_save_read(
	const struct dtls_save *s, uint32_t slot, struct bytes record, struct dtls_saved_session *ret);
