/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of secure sessions: what is left of a peer when its handshake is over, and how a datagram finds it.
 *
 * A session is taken when a handshake begins, so that a full table is noticed before the work is done, and becomes
 * visible to find_by_address and find_by_cid when it is established. An address leads to one session, the one heard
 * from there last; a connection ID of ours carries the session's place in the table (cid.h). Established sessions stand
 * in a list by the moment of their last sign of life, oldest first: since one idle limit holds for all, the front of
 * the list is the next to expire. Links are slot + 1, 0 ends a chain.
 *
 * An address that a session has moved to is not proved: whoever holds back a datagram of the peer's can put any sender
 * on it. Until somebody vouches for it (dtls_session_prove), not more than DTLS_SESSION_AMPLIFICATION times what came
 * from there goes there.
 *
 * For an owner who saves sessions (save.h) the table marks each slot whose saved copy is out of date, in memory of the
 * owner's. Of the numbers of records that we send the copy reserves DTLS_SESSION_RESERVE ahead, so that only every so
 * many of them make a mark; anything else that happens to a session makes one at once. */
#pragma once

#include "coap/base/address.h"
#include "coap/base/msec.h"
#include "coap/base/slab.h"
#include "dtls/engine.h"
#include "dtls/window.h"

#define DTLS_SESSION_RESERVE       1024 /* records that a saved session may send before it has to be saved again */
#define DTLS_SESSION_AMPLIFICATION 3    /* RFC 9175 section 2.4 */

struct dtls_session {
	struct address address;
	struct dtls_key read_key, write_key;
	uint64_t write_number; /* of the next record we send */
	struct dtls_window window;
	uint64_t principal; /* dtls_principal.number */
	msec active;        /* the last authentic record from the peer, or the end of the handshake */
	uint32_t next_by_address, older, newer;
	uint32_t hello; /* a hash of the ClientHello's random: a late copy of it must not begin a new handshake */
	uint8_t verify_data[DTLS_VERIFY_DATA_BYTES]; /* of our Finished; see dtls.c on the last flight */
	uint16_t finished_sequence, plain_number, suite;
	uint16_t reserved; /* how many of the next write_numbers the saved copy has left out */
	uint16_t credit;   /* how many bytes may go to an address that is not proved */
	struct dtls_cid write_cid;
	bool is_established : 1, is_client : 1, reads_cid : 1, has_address : 1, may_repeat_finished : 1, by_raw_key : 1,
		is_unproved : 1;
};

struct dtls_sessions {
	struct dtls_session *sessions;
	uint32_t *by_address; /* `buckets` heads */
	uint32_t buckets;     /* a power of two */
	uint32_t oldest, newest;
	struct slab slab;
	uint64_t seed;
	uint8_t worker, cid_key[DTLS_CID_KEY_BYTES];
	uint64_t *changed;                  /* one bit a slot; NULL: nobody saves */
	uint32_t changed_count, changed_at; /* how many bits are set; where the search for the next one begins */
};

/* How many bytes dtls_sessions_init needs, and what one session costs, everything counted. */
size_t dtls_sessions_memory(uint32_t capacity);
size_t dtls_sessions_bytes_each(void);
/* `memory` must be aligned to 8 and stays the owner's. Worker and key are zero until set. */
void dtls_sessions_init(struct dtls_sessions *t, void *memory, uint32_t capacity, uint64_t seed);
/* What this table's connection IDs are made with; before the first session. */
void dtls_sessions_set_cid(struct dtls_sessions *t, uint8_t worker, const uint8_t key[DTLS_CID_KEY_BYTES]);

/* A session that nobody finds yet. False when the table is full. */
bool dtls_session_take(struct dtls_sessions *t, const struct address *address, bool is_client, struct handle *ret);
/* Makes it findable by its address and, when the result says `reads_cid`, by its connection ID. */
void dtls_session_establish(
	struct dtls_sessions *t, struct handle h, const struct dtls_engine_result *result, msec now);
/* Forgets it and wipes its keys. */
void dtls_session_give(struct dtls_sessions *t, struct handle h);

/* NULL when the handle's session is gone. Valid until it is given back. */
struct dtls_session *dtls_session_get(const struct dtls_sessions *t, struct handle h);
/* HANDLE_NONE when there is none. */
struct handle dtls_session_find_by_address(const struct dtls_sessions *t, const struct address *address);
/* The connection ID that the peer of this session puts into its records. */
void dtls_session_cid(const struct dtls_sessions *t, struct handle h, uint8_t ret_name[DTLS_CID_BYTES]);
struct handle dtls_session_find_by_cid(const struct dtls_sessions *t, struct bytes cid);

/* An authentic record came. */
void dtls_session_heard(struct dtls_sessions *t, struct handle h, msec now);
/* The peer has moved; a session that was found at `address` before can only be found by its connection ID now. */
void dtls_session_move(struct dtls_sessions *t, struct handle h, const struct address *address);
/* So many authentic bytes came from the address where it is. */
void dtls_session_credit(struct dtls_session *s, size_t bytes);
/* Takes so many off what may go there. False when there are not as many. */
bool dtls_session_spend_credit(struct dtls_session *s, size_t bytes);
/* The peer does receive where it is. */
void dtls_session_prove(struct dtls_sessions *t, struct handle h);

/* The session heard from longest ago; HANDLE_NONE when none is established. */
struct handle dtls_session_oldest(const struct dtls_sessions *t);

/* ---- saving ---- */

/* How much memory the marks need. */
size_t dtls_sessions_marks_bytes(uint32_t capacity);
/* From now on changes are marked in `marks`, which is zero, aligned to 8, and stays the owner's. */
void dtls_sessions_mark_in(struct dtls_sessions *t, uint64_t *marks);
/* The session's saved copy is out of date. */
void dtls_session_changed(struct dtls_sessions *t, uint32_t slot);
/* One number of a record is about to be used. Before it is. */
void dtls_session_spend(struct dtls_sessions *t, struct dtls_session *s);
/* The next marked slot, round and round. False when there is none. */
bool dtls_session_next_changed(struct dtls_sessions *t, uint32_t *ret_slot);
/* What is in the slot now has been saved, with `reserved` numbers left out. */
void dtls_session_saved(struct dtls_sessions *t, uint32_t slot, uint16_t reserved);
/* Puts back a session as it was under this handle, `has_address` saying whether its address leads to it; in ascending
 * order of slots, before any other is taken. False when the handle has no place in this table. */
bool dtls_session_restore(struct dtls_sessions *t, struct handle h, const struct dtls_session *session);
/* All are back: puts them in the order of their last signs of life. */
void dtls_sessions_restored(struct dtls_sessions *t);
