/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Trees of random values through every format: what is written is read back as it was, an encoder never writes beyond
 * its room and says so at every size too small, and no damage to what was written makes a reader leave its input.
 *
 * The seed is fixed, so a failure is the same failure the next time. */
#include "coap/base/prng.h"
#include "mgmt/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TREES       400
#define RECORDS_MAX 48
#define BODY_BYTES  32768

static const uint32_t formats[] = {PAYLOAD_TLV, PAYLOAD_SENML_JSON, PAYLOAD_SENML_CBOR, PAYLOAD_LWM2M_CBOR,
	PAYLOAD_SENML_ETCH_JSON, PAYLOAD_SENML_ETCH_CBOR};
static const uint32_t single_formats[] = {PAYLOAD_TEXT, PAYLOAD_CBOR, PAYLOAD_OPAQUE};

#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

/* An object with a single and a multiple resource of every type: resource 2t and 2t + 1 have the type t. */
#define OBJECT     32769
#define TYPE_COUNT VALUE_CORELNK

static struct model_resource resources[2 * TYPE_COUNT];
static struct model_object object = {OBJECT, "Everything", "1.0", true, false, 2 * TYPE_COUNT, resources};
static const struct model model = {.object_count = 1, .objects = &object};

static uint8_t memory[BODY_BYTES], pool[BODY_BYTES];
static struct arena scratch;
static struct writer text_pool;

static int set_up(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 2 * TYPE_COUNT; i++)
		resources[i] = (struct model_resource){.id = i,
			.operations = MODEL_READ,
			.type = (enum value_type)(1 + i / 2),
			.is_multiple = i % 2 == 1,
			.name = "Any"};
	arena_init(&scratch, memory, sizeof memory);
	return 0;
}

/* ---- chance ---- */

/* Of each length that matters to one of the formats. */
static struct bytes any_bytes(struct prng *prng, bool is_text)
{
	static const uint16_t lengths[] = {0, 1, 7, 8, 23, 24, 255, 256, 400};
	static const char *const pieces[] = {"a", "\"", "\\", "\n", "\xc3\xa9", "\xf0\x9f\x98\x80", "/", "\x01"};
	size_t len = lengths[prng_below(prng, sizeof lengths / sizeof lengths[0])];
	const uint8_t *from = text_pool.at;
	while ((size_t)(text_pool.at - from) < len)
		if (is_text)
			write_text(&text_pool, pieces[prng_below(prng, 8)]);
		else
			write_u8(&text_pool, (uint8_t)prng_u64(prng));
	assert_false(text_pool.failed);
	return bytes_of(from, (size_t)(text_pool.at - from));
}

static int64_t any_integer(struct prng *prng)
{
	int64_t number = (int64_t)(prng_u64(prng) >> prng_below(prng, 64));
	return prng_below(prng, 2) == 0 ? number : -1 - number;
}

/* A float of the wire's: random bits, except for what is no number in JSON. */
static double any_real(struct prng *prng)
{
	uint64_t bits = prng_u64(prng);
	double real;
	memcpy(&real, &bits, sizeof real);
	bool is_finite = real - real >= 0;
	return prng_below(prng, 2) == 0 ? (double)(int32_t)bits / 8 : is_finite ? real : 0.5;
}

static struct value any_value(struct prng *prng, enum value_type type)
{
	switch (type) {
	case VALUE_NONE:
		break;
	case VALUE_STRING:
		return value_string(any_bytes(prng, true));
	case VALUE_CORELNK:
		return value_corelnk(any_bytes(prng, true));
	case VALUE_OPAQUE:
		return value_opaque(any_bytes(prng, false));
	case VALUE_INTEGER:
		return value_integer(any_integer(prng));
	case VALUE_TIME:
		return value_time(any_integer(prng));
	case VALUE_UNSIGNED:
		return value_unsigned(prng_u64(prng) >> prng_below(prng, 64));
	case VALUE_FLOAT:
		return value_float(any_real(prng));
	case VALUE_BOOLEAN:
		return value_boolean(prng_below(prng, 2) == 0);
	case VALUE_OBJLNK:
		return value_objlnk((uint16_t)prng_u64(prng), (uint16_t)prng_u64(prng));
	}
	return value_none();
}

static size_t any_resource(struct prng *prng, uint16_t instance, uint16_t resource, struct record *ret)
{
	struct path path = path_of_resource(OBJECT, instance, resource);
	size_t count = resource % 2 == 0 ? 1 : prng_below(prng, 4);
	uint16_t id = 0;
	if (resource % 2 == 0)
		ret[0] = record_of(path, any_value(prng, resources[resource].type));
	for (size_t i = 0; i < count && resource % 2 == 1; i++) {
		id = (uint16_t)(id + 1 + (prng_below(prng, 4) == 0 ? prng_below(prng, 9000) : 0));
		ret[i] = record_of(path, any_value(prng, resources[resource].type));
		(void)path_add(&ret[i].path, id);
	}
	return count;
}

/* In order, as TLV wants it. */
static size_t any_tree(struct prng *prng, struct record *ret)
{
	size_t n = 0;
	text_pool = writer_of(pool, sizeof pool);
	uint16_t instances = (uint16_t)(1 + prng_below(prng, 3));
	for (uint16_t instance = 0; instance < instances; instance++)
		for (uint16_t resource = 0; resource < 2 * TYPE_COUNT; resource++)
			if (prng_below(prng, 4) == 0 && n + 3 < RECORDS_MAX)
				n += any_resource(prng, (uint16_t)(instance * 300), resource, ret + n);
	return n;
}

/* ---- round ---- */

static enum payload_verdict read_all(
	uint32_t format, struct path base, struct bytes body, struct record *records, size_t *ret_count)
{
	struct payload_reader r;
	size_t n = 0;
	arena_reset(&scratch);
	payload_reader_init(&r, format, base, body, &model, &scratch);
	while (n < RECORDS_MAX && payload_next(&r, &records[n]))
		n++;
	*ret_count = n;
	return r.verdict;
}

static void expect_the_same(
	uint32_t format, const struct record *records, size_t count, const struct record *again, size_t again_count)
{
	if (count != again_count)
		fail_msg("format %u: %zu records become %zu", format, count, again_count);
	for (size_t i = 0; i < count; i++)
		if (!path_equal(records[i].path, again[i].path) || !value_equal(&records[i].value, &again[i].value))
			fail_msg("format %u: record %zu is read back differently", format, i);
}

static void expect_round(uint32_t format, struct path base, const struct record *records, size_t count)
{
	static uint8_t body[BODY_BYTES];
	struct record again[RECORDS_MAX];
	struct writer w = writer_of(body, sizeof body);
	size_t again_count;
	assert_int_equal(payload_encode(format, base, records, count, &w), PAYLOAD_GOOD);
	if (read_all(format, base, writer_bytes(&w), again, &again_count) != PAYLOAD_GOOD)
		fail_msg("format %u: not read back", format);
	expect_the_same(format, records, count, again, again_count);
}

static void any_tree_survives_every_format(void **state)
{
	struct prng prng;
	(void)state;
	prng_init_number(&prng, 5);
	for (int round = 0; round < TREES; round++) {
		struct record records[RECORDS_MAX];
		size_t count = any_tree(&prng, records);
		for (size_t f = 0; f < FORMAT_COUNT; f++)
			expect_round(formats[f], path_of_object(OBJECT), records, count);
	}
}

static bool can_hold(uint32_t format, enum value_type type)
{
	return format != PAYLOAD_OPAQUE || type == VALUE_OPAQUE;
}

static void any_value_survives_the_formats_of_one_value(void **state)
{
	struct prng prng;
	(void)state;
	prng_init_number(&prng, 6);
	for (int round = 0; round < TREES * 10; round++) {
		uint16_t resource = (uint16_t)(2 * prng_below(&prng, TYPE_COUNT));
		text_pool = writer_of(pool, sizeof pool);
		struct record record =
			record_of(path_of_resource(OBJECT, 0, resource), any_value(&prng, resources[resource].type));
		for (size_t f = 0; f < 3; f++)
			if (can_hold(single_formats[f], record.value.type))
				expect_round(single_formats[f], record.path, &record, 1);
		for (size_t f = 0; f < FORMAT_COUNT; f++)
			expect_round(formats[f], record.path, &record, 1);
	}
}

/* Buffers of exactly the room, so that a byte too many is a fault of memory under the sanitizers. */
static void at_every_size_too_small_an_encoder_says_so(void **state)
{
	static uint8_t body[BODY_BYTES];
	struct prng prng;
	(void)state;
	prng_init_number(&prng, 7);
	for (int round = 0; round < 8; round++) {
		struct record records[RECORDS_MAX];
		size_t count = any_tree(&prng, records);
		for (size_t f = 0; f < FORMAT_COUNT; f++) {
			struct path base = path_of_object(OBJECT);
			struct writer whole = writer_of(body, sizeof body);
			assert_int_equal(payload_encode(formats[f], base, records, count, &whole), PAYLOAD_GOOD);
			size_t need = writer_bytes(&whole).len;
			for (size_t room = 0; room <= need; room++) {
				uint8_t *exact = malloc(room + (room == 0));
				struct writer w = writer_of(exact, room);
				enum payload_verdict verdict = payload_encode(formats[f], base, records, count, &w);
				if (verdict != (room < need ? PAYLOAD_FULL : PAYLOAD_GOOD))
					fail_msg(
						"format %u: verdict %d at %zu of %zu", formats[f], verdict, room, need);
				free(exact);
			}
		}
	}
}

static struct bytes damage(struct prng *prng, struct bytes body, uint8_t *exact)
{
	size_t len = prng_below(prng, 3) == 0 ? prng_below(prng, (uint32_t)body.len + 1) : body.len;
	memcpy(exact, body.data, len);
	for (uint32_t hits = prng_below(prng, 4); hits > 0 && len > 0; hits--)
		exact[prng_below(prng, (uint32_t)len)] ^= (uint8_t)(1u << prng_below(prng, 8));
	return bytes_of(exact, len);
}

/* Whatever the verdict: a reader ends, stays in its input, and what it takes lies below the base. */
static void damaged_bodies_do_no_harm(void **state)
{
	static uint8_t body[BODY_BYTES];
	struct prng prng;
	(void)state;
	prng_init_number(&prng, 8);
	for (int round = 0; round < TREES; round++) {
		struct record records[RECORDS_MAX], again[RECORDS_MAX];
		size_t count = any_tree(&prng, records), again_count;
		for (size_t f = 0; f < FORMAT_COUNT; f++) {
			struct path base = path_of_object(OBJECT);
			struct writer w = writer_of(body, sizeof body);
			assert_int_equal(payload_encode(formats[f], base, records, count, &w), PAYLOAD_GOOD);
			struct bytes whole = writer_bytes(&w);
			uint8_t *exact = malloc(whole.len + 1);
			(void)read_all(formats[f], base, damage(&prng, whole, exact), again, &again_count);
			for (size_t i = 0; i < again_count; i++)
				assert_true(path_is_within(again[i].path, base));
			free(exact);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_tree_survives_every_format),
		cmocka_unit_test(any_value_survives_the_formats_of_one_value),
		cmocka_unit_test(at_every_size_too_small_an_encoder_says_so),
		cmocka_unit_test(damaged_bodies_do_no_harm),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
