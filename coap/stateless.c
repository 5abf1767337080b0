/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The tag covers the number, which never comes twice under one key; so no two tags are alike by more than chance, and
 * with them no two masks. Renewing the keys by time leaves a token at least one lifetime in which its key is known, and
 * after two its key is gone, long before 32 bits of milliseconds or of numbers come round. */
#include "coap/stateless.h"

#include <assert.h>

#define TAG_BYTES       8
#define CLEAR_BYTES     1 /* the generation */
#define HEADER_BYTES    8 /* number and time */
#define MASKED_AT       (CLEAR_BYTES + TAG_BYTES)
#define MASKED_MAX      (HEADER_BYTES + COAP_STATELESS_STATE_MAX_BYTES)
#define REMOTE_BYTES    26
#define NUMBERS_PER_KEY (UINT32_C(1) << 30)
#define WORD_BITS       64

_Static_assert(CLEAR_BYTES + TAG_BYTES + HEADER_BYTES == COAP_STATELESS_OVERHEAD_BYTES, "overhead of a token");

/* ---- keys ---- */

static void derive(const struct coap_stateless *t, uint32_t generation, uint8_t purpose, uint8_t key[SIPHASH_KEY_BYTES])
{
	struct writer out = writer_of(key, SIPHASH_KEY_BYTES);
	for (uint8_t half = 0; half < 2; half++) {
		uint8_t label[6];
		struct writer w = writer_of(label, sizeof label);
		write_u32(&w, generation);
		write_u8(&w, purpose);
		write_u8(&w, half);
		write_u64(&out, siphash(t->secret, writer_bytes(&w)));
	}
}

static void next_generation(struct coap_stateless *t)
{
	t->previous = t->current;
	t->has_previous = t->generation > 0;
	t->generation++;
	derive(t, t->generation, 't', t->current.tag);
	derive(t, t->generation, 'm', t->current.mask);
	derive(t, t->generation, 'i', t->current.id);
}

static void renew(struct coap_stateless *t, msec now)
{
	if (now < t->renews)
		return;
	bool is_long_ago = now - t->renews >= t->lifetime;
	next_generation(t);
	if (is_long_ago) /* by now also its successor would have been replaced */
		next_generation(t);
	t->renews = msec_after(now, t->lifetime);
}

static const struct coap_stateless_keys *keys_of(const struct coap_stateless *t, uint8_t generation)
{
	if (generation == (uint8_t)t->generation)
		return &t->current;
	return t->has_previous && generation == (uint8_t)(t->generation - 1) ? &t->previous : NULL;
}

/* ---- hashes ---- */

/* What tells remotes apart (coap_remote_equal), as bytes that do not depend on the machine. */
static void write_remote(struct writer *w, const struct coap_remote *r)
{
	if (coap_remote_has_session(r)) {
		write_u8(w, 's');
		write_u32(w, r->session.slot);
		write_u32(w, r->session.generation);
		return;
	}
	write_u8(w, 'a');
	write_bytes(w, bytes_of(r->address.ip, sizeof r->address.ip));
	write_u32(w, r->address.scope);
	write_u16(w, r->address.port);
}

static void write_tag(uint8_t out[TAG_BYTES], const struct coap_stateless_keys *keys, const struct coap_remote *remote,
	struct bytes clear)
{
	uint8_t text[REMOTE_BYTES + MASKED_MAX];
	struct writer w = writer_of(text, sizeof text), tag = writer_of(out, TAG_BYTES);
	write_remote(&w, remote);
	write_bytes(&w, clear);
	assert(!w.failed);
	write_u64(&tag, siphash(keys->tag, writer_bytes(&w)));
}

/* Masks and unmasks. */
static void mask(uint8_t *text, size_t len, const struct coap_stateless_keys *keys, const uint8_t tag[TAG_BYTES])
{
	uint8_t block[TAG_BYTES + 1], stream[8];
	memcpy(block, tag, TAG_BYTES);
	for (size_t at = 0; at < len; at++) {
		if (at % sizeof stream == 0) {
			struct writer w = writer_of(stream, sizeof stream);
			block[TAG_BYTES] = (uint8_t)(at / sizeof stream);
			write_u64(&w, siphash(keys->mask, bytes_of(block, sizeof block)));
		}
		text[at] ^= stream[at % sizeof stream];
	}
}

static uint16_t message_id(const struct coap_stateless_keys *keys, const struct coap_remote *remote, uint8_t number)
{
	uint8_t text[REMOTE_BYTES + 1];
	struct writer w = writer_of(text, sizeof text);
	write_remote(&w, remote);
	write_u8(&w, number);
	return (uint16_t)((siphash(keys->id, writer_bytes(&w)) & 0xff) << 8 | number);
}

/* ---- the window ---- */

static uint64_t *word_of(const struct coap_stateless *t, uint32_t number)
{
	return &t->opened[number % t->window / WORD_BITS];
}

static uint64_t bit_of(uint32_t number)
{
	return UINT64_C(1) << number % WORD_BITS;
}

/* Numbers that have not been given yet are behind the window, too. */
static bool is_in_window(const struct coap_stateless *t, uint32_t number)
{
	return t->next - 1 - number < t->window;
}

/* ---- life ---- */

size_t coap_stateless_memory(uint32_t window)
{
	return window / 8;
}

void coap_stateless_init(struct coap_stateless *t, void *memory, uint32_t window,
	const uint8_t secret[SIPHASH_KEY_BYTES], msec lifetime, msec now)
{
	assert(window >= COAP_STATELESS_WINDOW_MIN && window <= COAP_STATELESS_WINDOW_MAX);
	assert((window & (window - 1)) == 0 && lifetime > 0 && lifetime <= SECONDS(86400));
	*t = (struct coap_stateless){.window = window, .opened = memory, .lifetime = lifetime};
	memcpy(t->secret, secret, sizeof t->secret);
	memset(memory, 0xff, coap_stateless_memory(window)); /* numbers before the first do not open */
	t->renews = msec_after(now, lifetime);
	next_generation(t);
}

bool coap_stateless_seal(struct coap_stateless *t, const struct coap_remote *to, struct bytes state, size_t max_bytes,
	msec now, struct coap_token *ret, uint16_t *ret_id)
{
	uint8_t bytes[COAP_STATELESS_TOKEN_MAX_BYTES];
	size_t len = COAP_STATELESS_OVERHEAD_BYTES + state.len;
	if (state.len > COAP_STATELESS_STATE_MAX_BYTES || len > max_bytes)
		return false;
	renew(t, now);
	uint32_t number = t->next++;
	if (number % NUMBERS_PER_KEY == NUMBERS_PER_KEY - 1)
		next_generation(t);
	*word_of(t, number) &= ~bit_of(number);
	bytes[0] = (uint8_t)t->generation;
	struct writer w = writer_of(bytes + MASKED_AT, sizeof bytes - MASKED_AT);
	write_u32(&w, number);
	write_u32(&w, (uint32_t)now);
	write_bytes(&w, state);
	write_tag(bytes + CLEAR_BYTES, &t->current, to, writer_bytes(&w));
	mask(bytes + MASKED_AT, HEADER_BYTES + state.len, &t->current, bytes + CLEAR_BYTES);
	*ret = coap_token_of(bytes_of(bytes, len));
	*ret_id = message_id(&t->current, to, (uint8_t)number);
	return true;
}

/* The token is authentic; so what it says is what was sealed. */
static enum coap_stateless_verdict take(
	struct coap_stateless *t, struct bytes clear, msec now, struct coap_stateless_state *ret)
{
	struct reader r = reader_of(clear);
	uint32_t number = read_u32(&r), age = (uint32_t)now - read_u32(&r);
	if (age > t->lifetime || !is_in_window(t, number))
		return COAP_STATELESS_LATE;
	if ((*word_of(t, number) & bit_of(number)) != 0)
		return COAP_STATELESS_REPLAYED;
	*word_of(t, number) |= bit_of(number);
	ret->age = age;
	ret->len = (uint8_t)reader_left(&r);
	bytes_copy(ret->bytes, r.at, ret->len);
	return COAP_STATELESS_OPENED;
}

enum coap_stateless_verdict coap_stateless_open(struct coap_stateless *t, const struct coap_remote *from,
	struct bytes token, msec now, struct coap_stateless_state *ret)
{
	uint8_t clear[MASKED_MAX], tag[TAG_BYTES];
	renew(t, now);
	if (token.len < COAP_STATELESS_OVERHEAD_BYTES || token.len > COAP_STATELESS_TOKEN_MAX_BYTES)
		return COAP_STATELESS_FORGED;
	const struct coap_stateless_keys *keys = keys_of(t, token.data[0]);
	if (keys == NULL)
		return COAP_STATELESS_FORGED;
	const uint8_t *claimed = token.data + CLEAR_BYTES;
	size_t len = token.len - MASKED_AT;
	memcpy(clear, token.data + MASKED_AT, len);
	mask(clear, len, keys, claimed);
	write_tag(tag, keys, from, bytes_of(clear, len));
	if (!bytes_equal_secret(bytes_of(tag, TAG_BYTES), bytes_of(claimed, TAG_BYTES)))
		return COAP_STATELESS_FORGED;
	return take(t, bytes_of(clear, len), now, ret);
}

bool coap_stateless_has_id(struct coap_stateless *t, const struct coap_remote *remote, uint16_t id, msec now)
{
	renew(t, now);
	return message_id(&t->current, remote, (uint8_t)id) == id ||
	       (t->has_previous && message_id(&t->previous, remote, (uint8_t)id) == id);
}
