/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Forms of the small loops of the codec for bench/coap-vector: byte by byte, by words, and with NEON where there is
 * some. `vector FORM COUNT` does one operation COUNT times; `vector check` compares all forms on random input.
 * What is kept in the product is told in docs/performance.md; the other forms live here only to be measured. */
#include "coap/base/bytes.h"
#include "coap/base/prng.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __aarch64__
#include <arm_neon.h>
#endif

#define ROOM 1024

static uint8_t left[ROOM], right[ROOM];

/* ---- how many bytes at the start are ASCII: the usual case of a UTF-8 check ---- */

static size_t ascii_bytes(const uint8_t *at, size_t len)
{
	size_t i = 0;
	while (i < len && at[i] < 0x80)
		i++;
	return i;
}

static size_t ascii_words(const uint8_t *at, size_t len)
{
	size_t i = 0;
	uint64_t word;
	for (; i + 8 <= len; i += 8) {
		memcpy(&word, at + i, 8);
		if ((word & 0x8080808080808080u) != 0)
			break;
	}
	return i + ascii_bytes(at + i, len - i);
}

/* ---- the first bit that is not set: the next block to ask for ---- */

static size_t gap_bits(const uint8_t *at, size_t len)
{
	size_t i = 0;
	while (i < 8 * len && (at[i >> 3] >> (i & 7) & 1) != 0)
		i++;
	return i;
}

static size_t gap_words(const uint8_t *at, size_t len)
{
	size_t i = 0;
	uint64_t word;
	for (; i + 8 <= len; i += 8) {
		memcpy(&word, at + i, 8);
		if (word != UINT64_MAX)
			break;
	}
	return 8 * i + gap_bits(at + i, len - i);
}

/* ---- whether two tokens of up to 64 bytes are equal ---- */

static size_t equal_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t i = 0;
	while (i < len && a[i] == b[i])
		i++;
	return i == len;
}

static size_t equal_memcmp(const uint8_t *a, const uint8_t *b, size_t len)
{
	return memcmp(a, b, len) == 0;
}

#ifdef __aarch64__
static size_t ascii_neon(const uint8_t *at, size_t len)
{
	size_t i = 0;
	while (i + 16 <= len && vmaxvq_u8(vld1q_u8(at + i)) < 0x80)
		i += 16;
	return i + ascii_words(at + i, len - i);
}

static size_t gap_neon(const uint8_t *at, size_t len)
{
	size_t i = 0;
	while (i + 16 <= len && vminvq_u8(vld1q_u8(at + i)) == 0xff)
		i += 16;
	return 8 * i + gap_words(at + i, len - i);
}

/* Both buffers have room for whole vectors behind a token, as the tokens of coap/message.h have. */
static size_t equal_neon(const uint8_t *a, const uint8_t *b, size_t len)
{
	static const uint8_t count[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	size_t i = 0;
	for (; i + 16 <= len; i += 16)
		if (vminvq_u8(vceqq_u8(vld1q_u8(a + i), vld1q_u8(b + i))) == 0)
			return 0;
	if (i == len)
		return 1;
	uint8x16_t beyond = vcgeq_u8(vld1q_u8(count), vdupq_n_u8((uint8_t)(len - i)));
	return vminvq_u8(vorrq_u8(beyond, vceqq_u8(vld1q_u8(a + i), vld1q_u8(b + i)))) != 0;
}
#endif

static size_t hash(const uint8_t *at, size_t len)
{
	return bytes_hash(bytes_of(at, len), 1);
}

static const struct form {
	const char *name;
	size_t len;
	size_t (*of_one)(const uint8_t *at, size_t len);
	size_t (*of_two)(const uint8_t *a, const uint8_t *b, size_t len);
	const char *same; /* the form that it must agree with */
} forms[] = {
	{"ascii-12-bytes", 12, ascii_bytes, NULL, NULL},
	{"ascii-12-words", 12, ascii_words, NULL, "ascii-12-bytes"},
	{"ascii-255-bytes", 255, ascii_bytes, NULL, NULL},
	{"ascii-255-words", 255, ascii_words, NULL, "ascii-255-bytes"},
	{"gap-1024-bits", 128, gap_bits, NULL, NULL},
	{"gap-1024-words", 128, gap_words, NULL, "gap-1024-bits"},
	{"token-8-bytes", 8, NULL, equal_bytes, NULL},
	{"token-8-memcmp", 8, NULL, equal_memcmp, "token-8-bytes"},
	{"token-40-bytes", 40, NULL, equal_bytes, NULL},
	{"token-40-memcmp", 40, NULL, equal_memcmp, "token-40-bytes"},
#ifdef __aarch64__
	{"ascii-12-neon", 12, ascii_neon, NULL, "ascii-12-bytes"},
	{"ascii-255-neon", 255, ascii_neon, NULL, "ascii-255-bytes"},
	{"gap-1024-neon", 128, gap_neon, NULL, "gap-1024-bits"},
	{"token-8-neon", 8, NULL, equal_neon, "token-8-bytes"},
	{"token-40-neon", 40, NULL, equal_neon, "token-40-bytes"},
#endif
	{"hash-22", 22, hash, NULL, NULL},
};

#define FORM_COUNT (sizeof forms / sizeof forms[0])

static const struct form *find(const char *name)
{
	for (size_t i = 0; i < FORM_COUNT; i++)
		if (strcmp(forms[i].name, name) == 0)
			return &forms[i];
	return NULL;
}

static size_t apply(const struct form *f, size_t len)
{
	return f->of_one != NULL ? f->of_one(left, len) : f->of_two(left, right, len);
}

/* Random input in which the byte that ends the loop stands anywhere, at every length. */
static void check(const struct form *f, struct prng *prng)
{
	for (int turn = 0; turn < 20000; turn++) {
		size_t len = prng_below(prng, (uint32_t)f->len + 1);
		uint8_t filling = f->of_one == gap_bits || strncmp(f->name, "gap", 3) == 0 ? 0xff : 'a';
		memset(left, filling, sizeof left);
		memset(right, filling, sizeof right);
		if (len > 0 && prng_below(prng, 4) > 0)
			left[prng_below(prng, (uint32_t)len)] = (uint8_t)prng_u32(prng);
		left[len] = right[len + 1] = (uint8_t)prng_u32(prng);
		if (apply(f, len) != apply(find(f->same), len)) {
			fprintf(stderr, "%s differs from %s at length %zu\n", f->name, f->same, len);
			exit(1);
		}
	}
}

int main(int argc, char **argv)
{
	struct prng prng;
	prng_init_number(&prng, 1);
	for (size_t i = 0; argc == 2 && i < FORM_COUNT; i++) {
		if (strcmp(argv[1], "list") == 0)
			printf("%s\n", forms[i].name);
		else if (forms[i].same != NULL)
			check(&forms[i], &prng);
	}
	if (argc != 3 || find(argv[1]) == NULL)
		return argc == 2 ? 0 : 2;
	const struct form *f = find(argv[1]);
	size_t volatile len = f->len, sum = 0;
	memset(left, strncmp(f->name, "gap", 3) == 0 ? 0xff : 'a', sizeof left);
	memcpy(right, left, sizeof right);
	for (unsigned long n = strtoul(argv[2], NULL, 10); n > 0; n--)
		sum = sum + apply(f, len);
	return 0;
}
