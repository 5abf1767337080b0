/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/save.h"

#include <assert.h>

#define MAGIC        0x46464453u /* "FFDS" */
#define NUMBER_BYTES 8
#define TAG_BYTES    16
#define CLEAR_BYTES  (4 + 2 + 2 + DTLS_SAVE_SALT_BYTES) /* of the head, in front of the number */
#define HEAD_TEXT    (DTLS_SAVE_HEAD_BYTES - CLEAR_BYTES - NUMBER_BYTES - TAG_BYTES)
#define RECORD_TEXT  (DTLS_SAVE_RECORD_BYTES - NUMBER_BYTES - TAG_BYTES)
#define HEAD_PLACE   UINT32_MAX /* where a record would have its slot */
#define AEAD         DTLS_AEAD_AES_128_GCM

enum flag { /* of a session */
	FLAG_CLIENT = 1,
	FLAG_READS_CID = 2,
	FLAG_ADDRESS = 4,
	FLAG_REPEATS_FINISHED = 8,
	FLAG_RAW_KEY = 16,
	FLAG_UNPROVED = 32, /* its credit is not written: nothing goes there until something has come */
	FLAGS_KNOWN = 63,
};

/* ---- sealing ---- */

static void nonce_of(uint64_t number, uint8_t ret[DTLS_NONCE_BYTES])
{
	struct writer w = writer_of(ret, DTLS_NONCE_BYTES);
	write_u32(&w, 0);
	write_u64(&w, number);
}

/* What a piece is bound to. */
struct binding {
	uint8_t bytes[10];
};

static struct binding bound_to(uint32_t place)
{
	struct binding b = {.bytes = {0}};
	struct writer w = writer_of(b.bytes, sizeof b.bytes);
	write_u32(&w, MAGIC);
	write_u16(&w, DTLS_SAVE_VERSION);
	write_u32(&w, place);
	return b;
}

/* The text lies behind its number already; the tag comes behind it. */
static bool seal(struct dtls_save *s, uint32_t place, uint8_t *out, size_t text_bytes)
{
	uint8_t nonce[DTLS_NONCE_BYTES];
	struct binding bound = bound_to(place);
	struct writer w = writer_of(out, NUMBER_BYTES);
	nonce_of(s->number, nonce);
	write_u64(&w, s->number++);
	return s->crypto.seal(s->crypto.context, AEAD, s->key, nonce, bytes_of(bound.bytes, sizeof bound.bytes),
		out + NUMBER_BYTES, text_bytes, out + NUMBER_BYTES + text_bytes);
}

/* Opens what seal wrote, into `ret_text`. */
static bool open_sealed(
	const struct dtls_save *s, uint32_t place, const uint8_t *in, size_t text_bytes, uint8_t *ret_text)
{
	uint8_t nonce[DTLS_NONCE_BYTES];
	struct binding bound = bound_to(place);
	struct reader r = reader_of(bytes_of(in, NUMBER_BYTES));
	nonce_of(read_u64(&r), nonce);
	memcpy(ret_text, in + NUMBER_BYTES, text_bytes);
	return s->crypto.open(s->crypto.context, AEAD, s->key, nonce, bytes_of(bound.bytes, sizeof bound.bytes),
		ret_text, text_bytes, in + NUMBER_BYTES + text_bytes);
}

/* HMAC-SHA-256 under the secret, cut to a key of 16 bytes. */
static bool derive(const struct dtls_crypto *crypto, const uint8_t secret[DTLS_SAVE_SECRET_BYTES], const char *purpose,
	struct bytes salt, uint8_t ret_key[16])
{
	uint8_t mac[DTLS_MAC_BYTES];
	struct bytes parts[] = {bytes_of_text(purpose), salt};
	if (!crypto->mac(crypto->context, bytes_of(secret, DTLS_SAVE_SECRET_BYTES), parts, 2, mac))
		return false;
	memcpy(ret_key, mac, 16);
	return true;
}

bool dtls_save_begin(struct dtls_save *s, const struct dtls_crypto *crypto,
	const uint8_t secret[DTLS_SAVE_SECRET_BYTES], const uint8_t salt[DTLS_SAVE_SALT_BYTES])
{
	_Static_assert(sizeof s->key == 16, "derive gives as much");
	*s = (struct dtls_save){.crypto = *crypto, .number = 1};
	memcpy(s->salt, salt, sizeof s->salt);
	return derive(crypto, secret, "Fieldfare sessions", bytes_of(salt, DTLS_SAVE_SALT_BYTES), s->key);
}

bool dtls_save_cid_key(const struct dtls_crypto *crypto, const uint8_t secret[DTLS_SAVE_SECRET_BYTES],
	uint8_t ret_key[DTLS_CID_KEY_BYTES])
{
	_Static_assert(DTLS_CID_KEY_BYTES == 16, "derive gives as much");
	return derive(crypto, secret, "Fieldfare connection IDs", BYTES_NONE, ret_key);
}

/* ---- the head ---- */

bool dtls_save_write_head(struct dtls_save *s, const struct dtls_save_head *head, uint8_t *out)
{
	struct writer clear = writer_of(out, CLEAR_BYTES);
	struct writer w = writer_of(out + CLEAR_BYTES + NUMBER_BYTES, HEAD_TEXT);
	memset(out, 0, DTLS_SAVE_HEAD_BYTES);
	write_u32(&clear, MAGIC);
	write_u16(&clear, DTLS_SAVE_VERSION);
	write_u16(&clear, DTLS_SAVE_RECORD_BYTES);
	write_bytes(&clear, bytes_of(s->salt, sizeof s->salt));
	write_u32(&w, head->slots);
	write_u8(&w, head->worker);
	write_bytes(&w, bytes_of(head->boot, sizeof head->boot));
	write_u8(&w, head->is_clean);
	write_u64(&w, (uint64_t)head->now);
	write_u64(&w, (uint64_t)head->wall);
	assert(!clear.failed && !w.failed);
	return seal(s, HEAD_PLACE, out + CLEAR_BYTES, HEAD_TEXT);
}

static bool read_head(struct bytes text, struct dtls_save_head *ret)
{
	struct reader r = reader_of(text);
	ret->slots = read_u32(&r);
	ret->worker = read_u8(&r);
	bytes_copy(ret->boot, read_bytes(&r, sizeof ret->boot).data, sizeof ret->boot);
	ret->is_clean = read_u8(&r) != 0;
	ret->now = (msec)read_u64(&r);
	ret->wall = (int64_t)read_u64(&r);
	return !r.failed && ret->slots <= DTLS_CID_SLOTS;
}

enum dtls_save_verdict dtls_save_open(struct dtls_save *s, const struct dtls_crypto *crypto,
	const uint8_t secret[DTLS_SAVE_SECRET_BYTES], struct bytes head, struct dtls_save_head *ret)
{
	uint8_t text[HEAD_TEXT];
	struct dtls_save_head found;
	struct reader r = reader_of(head);
	if (head.len == 0)
		return DTLS_SAVE_EMPTY;
	if (read_u32(&r) != MAGIC)
		return DTLS_SAVE_FOREIGN;
	uint16_t version = read_u16(&r), record_bytes = read_u16(&r);
	struct bytes salt = read_bytes(&r, DTLS_SAVE_SALT_BYTES);
	if (!r.failed && (version != DTLS_SAVE_VERSION || record_bytes != DTLS_SAVE_RECORD_BYTES))
		return DTLS_SAVE_VERSION_UNKNOWN;
	if (r.failed || head.len < DTLS_SAVE_HEAD_BYTES || !dtls_save_begin(s, crypto, secret, salt.data) ||
		!open_sealed(s, HEAD_PLACE, head.data + CLEAR_BYTES, HEAD_TEXT, text) ||
		!read_head(bytes_of(text, sizeof text), &found))
		return DTLS_SAVE_DAMAGED;
	*ret = found;
	return DTLS_SAVE_GOOD;
}

/* ---- sessions ---- */

static void write_address(struct writer *w, const struct address *a)
{
	write_bytes(w, bytes_of(a->ip, sizeof a->ip));
	write_u32(w, a->scope);
	write_u16(w, a->port);
}

static void read_address(struct reader *r, struct address *ret)
{
	*ret = (struct address){0};
	bytes_copy(ret->ip, read_bytes(r, sizeof ret->ip).data, sizeof ret->ip);
	ret->scope = read_u32(r);
	ret->port = read_u16(r);
}

static void write_key(struct writer *w, const struct dtls_key *key)
{
	write_bytes(w, bytes_of(key->key, sizeof key->key));
	write_bytes(w, bytes_of(key->iv, sizeof key->iv));
}

static void read_key(struct reader *r, struct dtls_key *ret)
{
	bytes_copy(ret->key, read_bytes(r, sizeof ret->key).data, sizeof ret->key);
	bytes_copy(ret->iv, read_bytes(r, sizeof ret->iv).data, sizeof ret->iv);
}

static uint8_t flags_of(const struct dtls_session *s)
{
	return (uint8_t)((s->is_client ? FLAG_CLIENT : 0) | (s->reads_cid ? FLAG_READS_CID : 0) |
			 (s->has_address ? FLAG_ADDRESS : 0) | (s->may_repeat_finished ? FLAG_REPEATS_FINISHED : 0) |
			 (s->by_raw_key ? FLAG_RAW_KEY : 0) | (s->is_unproved ? FLAG_UNPROVED : 0));
}

static void write_session(struct writer *w, const struct dtls_session *s, uint16_t reserve)
{
	write_address(w, &s->address);
	write_key(w, &s->read_key);
	write_key(w, &s->write_key);
	write_u64(w, s->write_number + reserve);
	write_u64(w, s->window.next);
	write_u64(w, s->window.seen);
	write_u64(w, s->principal);
	write_u64(w, (uint64_t)s->active);
	write_bytes(w, bytes_of(s->verify_data, sizeof s->verify_data));
	write_u16(w, s->finished_sequence);
	write_u16(w, s->plain_number);
	write_u16(w, s->suite);
	write_u8(w, flags_of(s));
	write_u8(w, s->write_cid.len);
	write_bytes(w, bytes_of(s->write_cid.data, sizeof s->write_cid.data));
}

static bool is_suite(uint16_t number)
{
	switch ((enum dtls_suite)number) {
	case DTLS_SUITE_PSK_AES_128_GCM_SHA256:
	case DTLS_SUITE_PSK_AES_128_CCM_8:
	case DTLS_SUITE_ECDHE_ECDSA_AES_128_GCM_SHA256:
	case DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8:
	case DTLS_SUITE_ECDHE_PSK_AES_128_GCM_SHA256:
		return true;
	}
	return false;
}

static bool read_session(struct reader *r, struct dtls_session *ret)
{
	read_address(r, &ret->address);
	read_key(r, &ret->read_key);
	read_key(r, &ret->write_key);
	ret->write_number = read_u64(r);
	ret->window.next = read_u64(r);
	ret->window.seen = read_u64(r);
	ret->principal = read_u64(r);
	ret->active = (msec)read_u64(r);
	bytes_copy(ret->verify_data, read_bytes(r, sizeof ret->verify_data).data, sizeof ret->verify_data);
	ret->finished_sequence = read_u16(r);
	ret->plain_number = read_u16(r);
	ret->suite = read_u16(r);
	uint8_t flags = read_u8(r);
	ret->write_cid.len = read_u8(r);
	bytes_copy(ret->write_cid.data, read_bytes(r, sizeof ret->write_cid.data).data, sizeof ret->write_cid.data);
	ret->is_client = (flags & FLAG_CLIENT) != 0;
	ret->reads_cid = (flags & FLAG_READS_CID) != 0;
	ret->has_address = (flags & FLAG_ADDRESS) != 0;
	ret->may_repeat_finished = (flags & FLAG_REPEATS_FINISHED) != 0;
	ret->by_raw_key = (flags & FLAG_RAW_KEY) != 0;
	ret->is_unproved = (flags & FLAG_UNPROVED) != 0;
	ret->is_established = true;
	return !r->failed && flags <= FLAGS_KNOWN && ret->write_cid.len <= DTLS_CID_MAX_BYTES && is_suite(ret->suite) &&
	       ret->window.next <= DTLS_RECORD_NUMBER_MAX + 1 && ret->active >= 0;
}

bool dtls_save_write(struct dtls_save *s, struct handle h, const struct dtls_session *session, uint16_t reserve,
	struct bytes note, uint8_t *out)
{
	struct writer w = writer_of(out + NUMBER_BYTES, RECORD_TEXT);
	assert(session->is_established && note.len <= DTLS_SAVE_NOTE_MAX);
	memset(out, 0, DTLS_SAVE_RECORD_BYTES);
	write_u32(&w, h.generation);
	write_session(&w, session, reserve);
	write_u8(&w, (uint8_t)note.len);
	write_bytes(&w, note);
	assert(!w.failed);
	return seal(s, h.slot, out, RECORD_TEXT);
}

static bool is_empty(struct bytes record)
{
	for (size_t i = 0; i < record.len; i++)
		if (record.data[i] != 0)
			return false;
	return true;
}

static bool read_record(struct bytes text, struct dtls_saved_session *ret)
{
	struct reader r = reader_of(text);
	ret->handle.generation = read_u32(&r);
	bool good = read_session(&r, &ret->session);
	ret->note_len = read_u8(&r);
	struct bytes note = read_bytes(&r, ret->note_len);
	if (!good || r.failed || note.len > sizeof ret->note)
		return false;
	bytes_copy(ret->note, note.data, note.len);
	return true;
}

enum dtls_save_verdict dtls_save_read(
	const struct dtls_save *s, uint32_t slot, struct bytes record, struct dtls_saved_session *ret)
{
	uint8_t text[RECORD_TEXT];
	struct dtls_saved_session found = {.handle = {.slot = slot}};
	if (is_empty(record))
		return DTLS_SAVE_EMPTY;
	if (record.len < DTLS_SAVE_RECORD_BYTES || !open_sealed(s, slot, record.data, RECORD_TEXT, text) ||
		!read_record(bytes_of(text, sizeof text), &found))
		return DTLS_SAVE_DAMAGED;
	*ret = found;
	return DTLS_SAVE_GOOD;
}

const char *dtls_save_verdict_text(enum dtls_save_verdict verdict)
{
	switch (verdict) {
	case DTLS_SAVE_GOOD:
		return "good";
	case DTLS_SAVE_EMPTY:
		return "empty";
	case DTLS_SAVE_FOREIGN:
		return "not a file of sessions";
	case DTLS_SAVE_VERSION_UNKNOWN:
		return "of another version";
	case DTLS_SAVE_DAMAGED:
		return "damaged, or sealed with another key";
	}
	return "unknown";
}
