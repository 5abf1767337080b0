/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The vectors of every format both ways, and what must be refused. */
#include "mgmt/payload.h"
#include "tests/mgmt/show.h"
#include "tests/mgmt/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define VECTOR_COUNT (sizeof vectors / sizeof vectors[0])
#define RECORDS_MAX  64

static uint8_t scratch_memory[4096];
static struct arena scratch;

/* ---- a model with the objects of the vectors ---- */

static const struct model_resource strange_resources[] = {
	{256, MODEL_READ, VALUE_STRING, false, false, false, 0, 0, "Far", NULL},
	{5700, MODEL_READ, VALUE_INTEGER, false, false, false, 0, 0, "Number", NULL},
};
static const struct model_resource r65[] = {
	{0, MODEL_READ, VALUE_OBJLNK, true, false, false, 0, 0, "Links", NULL},
	{1, MODEL_READ, VALUE_STRING, false, false, false, 0, 0, "Serial", NULL},
	{2, MODEL_READ, VALUE_INTEGER, false, false, false, 0, 0, "Stamp", NULL},
};
static const struct model_resource r66[] = {
	{0, MODEL_READ, VALUE_STRING, false, false, false, 0, 0, "Service", NULL},
	{1, MODEL_READ, VALUE_STRING, false, false, false, 0, 0, "Access", NULL},
	{2, MODEL_READ, VALUE_OBJLNK, false, false, false, 0, 0, "Binding", NULL},
};
static const struct model_resource r3303[] = {
	{5700, MODEL_READ, VALUE_FLOAT, false, true, false, 0, 0, "Sensor Value", NULL},
};
static struct model_object objects[16];
static struct model model;

static int set_up(void **state)
{
	size_t n = 0;
	(void)state;
	while (n < model_core.object_count && model_core.objects[n].id < 60) {
		objects[n] = model_core.objects[n];
		n++;
	}
	objects[n++] = (struct model_object){60, "Strange", "1.0", false, false, 2, strange_resources};
	objects[n++] = (struct model_object){65, "Links", "1.0", false, false, 3, r65};
	objects[n++] = (struct model_object){66, "Services", "1.0", true, false, 3, r66};
	objects[n++] = (struct model_object){3303, "Temperature", "1.0", true, false, 1, r3303};
	model = (struct model){.object_count = n, .objects = objects};
	arena_init(&scratch, scratch_memory, sizeof scratch_memory);
	return 0;
}

/* ---- reading into text ---- */

static enum payload_verdict read_all(
	unsigned format, const char *base, struct bytes body, struct record *records, size_t *ret_count)
{
	struct payload_reader r;
	struct path path;
	size_t n = 0;
	assert_true(path_parse(bytes_of_text(base), &path));
	arena_reset(&scratch);
	payload_reader_init(&r, format, path, body, &model, &scratch);
	while (n < RECORDS_MAX && payload_next(&r, &records[n]))
		n++;
	*ret_count = n;
	return r.verdict;
}

static void show_all(const struct record *records, size_t count, char text[SHOW_BYTES])
{
	struct writer w = writer_of(text, SHOW_BYTES - 1);
	for (size_t i = 0; i < count; i++)
		show_record(&w, &records[i]);
	assert_false(w.failed);
	text[writer_bytes(&w).len] = '\0';
}

static enum payload_verdict verdict_of(unsigned format, const char *base, struct bytes body)
{
	struct record records[RECORDS_MAX];
	size_t count;
	return read_all(format, base, body, records, &count);
}

static enum payload_verdict verdict_of_hex(unsigned format, const char *base, const char *hex)
{
	uint8_t body[512];
	return verdict_of(format, base, show_unhex(hex, body, sizeof body));
}

static enum payload_verdict verdict_of_json(const char *base, const char *text)
{
	return verdict_of(PAYLOAD_SENML_JSON, base, bytes_of_text(text));
}

/* ---- vectors ---- */

#define DEVICE                                                                                                 \
	"/3/0/0 s Open Mobile Alliance\n/3/0/1 s Lightweight M2M Client\n/3/0/2 s 345000123\n/3/0/3 s 1.0\n"   \
	"/3/0/6/0 i 1\n/3/0/6/1 i 5\n/3/0/7/0 i 3800\n/3/0/7/1 i 5000\n/3/0/8/0 i 125\n/3/0/8/1 i 900\n/3/0/9" \
	" i 100\n/3/0/10 i 15\n/3/0/11/0 i 0\n/3/0/13 t 1367491215\n/3/0/14 s +02:00\n/3/0/16 s U\n"

static const char secret_key_300[] = "/0/0/5 o ";

/* `is_canonical`: writing the records gives the same bytes again. */
static const struct {
	const char *name, *base, *records;
	bool is_canonical;
} expectations[] = {
	{"tlv /3/0", "/3/0", DEVICE, true},
	{"tlv /3", "/3", DEVICE, true},
	{"tlv /2", "/2",
		"/2/0/0 i 1\n/2/0/1 i 0\n/2/0/2/127 i 7\n/2/0/3 i 127\n/2/2/0 i 3\n/2/2/1 i 0\n"
		"/2/2/2/127 i 7\n/2/2/2/310 i 1\n/2/2/3 i 127\n",
		true},
	{"tlv /1", "/1", "/1/0/0 i 1\n/1/0/1 i 86400\n/1/0/6 b 1\n/1/0/7 s U\n", true},
	{"tlv neg -750", "/60/0", "/60/0/5700 i -750\n", true},
	{"tlv float32 22.5 /3303/0/5700", "/3303/0/5700", "/3303/0/5700 f 22.5\n", true},
	{"tlv float64 22.5 /3303/0/5700", "/3303/0/5700", "/3303/0/5700 f 22.5\n", false},
	{"tlv bool true res 6", "/1/0/6", "/1/0/6 b 1\n", true},
	{"tlv objlnk 66:0 res 2", "/66/0", "/66/0/2 l 66:0\n", true},
	{"tlv null objlnk res 2", "/66/0/2", "/66/0/2 l 65535:65535\n", true},
	{"tlv empty string res 1", "/66/0", "/66/0/1 s \n", true},
	{"tlv res id 256 len 7", "/60/0", "/60/0/256 s ABCDEFG\n", true},
	{"tlv res id 256 len 8", "/60/0/256", "/60/0/256 s ABCDEFGH\n", true},
	{"tlv /65/0", "/65/0", "/65/0/0/0 l 66:0\n/65/0/0/1 l 66:1\n/65/0/1 s 8613800755500\n/65/0/2 i 305419896\n",
		true},
	{"tlv /66", "/66",
		"/66/0/0 s myService 1\n/66/0/1 s Internet.15.234\n/66/0/2 l 67:0\n"
		"/66/1/0 s myService 2\n/66/1/1 s Internet.15.235\n/66/1/2 l 65535:65535\n",
		true},
	{"tlv opaque 300 zero bytes res 5", "/0/0", secret_key_300, true},
	{"senml-cbor /3/0", "/3/0", DEVICE, true},
	{"senml-json /3/0", "/3/0", DEVICE, true},
	{"senml-cbor read-composite resp", "/", "/3/0/0 s Open Mobile Alliance\n/3/0/9 i 95\n/1/0/1 i 86400\n", true},
	{"senml-cbor send temp", "/3303/0", "/3303/0/5700 @1700000000 f 22.5\n/3303/0/5700 @1699999940 f 22.25\n",
		true},
	{"senml-cbor write-composite", "/", "/3311/0/5850 b 0\n/3308/0/5900 i 18\n", true},
	{"senml-cbor objlnk", "/", "/65/0/0/0 l 66:0\n", true},
	{"senml-cbor opaque", "/0/0/3", "/0/0/3 o abcdef\n", true},
	{"senml-etch-cbor delete instance", "/", "/34/0/1/0 -\n", true},
	{"cbor int -750", "/60/0/5700", "/60/0/5700 i -750\n", true},
	{"cbor 22.5", "/3303/0/5700", "/3303/0/5700 f 22.5\n", true},
	{"cbor true", "/1/0/6", "/1/0/6 b 1\n", true},
	{"cbor string", "/1/0/7", "/1/0/7 s U\n", true},
	{"cbor time epoch", "/3/0/13", "/3/0/13 t 1367491215\n", true},
	{"cbor opaque", "/0/0/5", "/0/0/5 o 0102030405\n", true},
	{"cbor objlnk", "/66/0/2", "/66/0/2 l 66:0\n", true},
	{"lwm2m-cbor /3/0/0", "/3/0/0", "/3/0/0 s Open Mobile Alliance\n", true},
	{"lwm2m-cbor /3/0/0 nested", "/3/0/0", "/3/0/0 s Open Mobile Alliance\n", false},
	{"lwm2m-cbor /3/0/6", "/3/0/6", "/3/0/6/0 i 1\n/3/0/6/1 i 5\n", true},
	{"lwm2m-cbor /3/0", "/3/0", DEVICE, true},
	{"lwm2m-cbor /1", "/1",
		"/1/0/0 i 101\n/1/0/1 i 86400\n/1/0/2 i 300\n/1/0/3 i 6000\n/1/0/5 i 86400\n/1/0/6 b 1\n/1/0/7 s U\n"
		"/1/1/0 i 102\n/1/1/1 i 86400\n/1/1/2 i 600\n/1/1/3 i 6000\n/1/1/5 i 86400\n/1/1/6 b 0\n/1/1/7 s U\n",
		true},
	{"lwm2m-cbor composite", "/", "/3/0/0 s Open Mobile Alliance\n/3/0/9 i 100\n/1/0/1 i 86400\n", false},
	{"lwm2m-cbor 13/26/1=42", "/13", "/13/26/1 i 42\n", true},
	{"lwm2m-cbor 13/26/1=42 indefinite", "/13/26", "/13/26/1 i 42\n", false},
	{"cbor time tag1", "/3/0/13", "/3/0/13 t 1367491215\n", false},
};

#define EXPECTATION_COUNT (sizeof expectations / sizeof expectations[0])

static const struct vector *find_vector(const char *name)
{
	for (size_t i = 0; i < VECTOR_COUNT; i++)
		if (bytes_equal_text(bytes_of_text(vectors[i].name), name))
			return &vectors[i];
	fail_msg("no vector %s", name);
	return NULL;
}

static void expect_records(size_t i, const struct record *records, size_t count)
{
	char text[SHOW_BYTES];
	show_all(records, count, text);
	if (expectations[i].records == secret_key_300)
		assert_int_equal(records[0].value.bytes.len, 300);
	else
		assert_string_equal(text, expectations[i].records);
}

static void every_vector_reads_as_its_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < EXPECTATION_COUNT; i++) {
		const struct vector *v = find_vector(expectations[i].name);
		struct record records[RECORDS_MAX];
		uint8_t body[1024];
		size_t count;
		enum payload_verdict verdict = read_all(
			v->format, expectations[i].base, show_unhex(v->hex, body, sizeof body), records, &count);
		if (verdict != PAYLOAD_GOOD)
			fail_msg("%s is refused", v->name);
		expect_records(i, records, count);
	}
}

static void every_canonical_vector_is_written_byte_for_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < EXPECTATION_COUNT; i++) {
		const struct vector *v = find_vector(expectations[i].name);
		struct record records[RECORDS_MAX];
		uint8_t body[1024], again[1024];
		struct bytes original = show_unhex(v->hex, body, sizeof body);
		struct writer w = writer_of(again, sizeof again);
		struct path base;
		size_t count;
		if (!expectations[i].is_canonical)
			continue;
		read_all(v->format, expectations[i].base, original, records, &count);
		assert_true(path_parse(bytes_of_text(expectations[i].base), &base));
		assert_int_equal(payload_encode(v->format, base, records, count, &w), PAYLOAD_GOOD);
		if (!bytes_equal(writer_bytes(&w), original))
			fail_msg("%s is written differently", v->name);
	}
}

static void every_vector_is_expected_somewhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTOR_COUNT; i++) {
		bool found = bytes_equal_text(bytes_of_text(vectors[i].name), "senml-cbor read-composite req");
		for (size_t k = 0; k < EXPECTATION_COUNT; k++)
			found = found || bytes_equal_text(bytes_of_text(vectors[i].name), expectations[k].name);
		if (!found)
			fail_msg("%s is not tested", vectors[i].name);
	}
}

/* Every shorter text is refused or, where it happens to end between two TLVs, has fewer records. */
static void no_vector_survives_being_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < EXPECTATION_COUNT; i++) {
		const struct vector *v = find_vector(expectations[i].name);
		struct record records[RECORDS_MAX];
		uint8_t body[1024];
		struct bytes whole = show_unhex(v->hex, body, sizeof body);
		size_t all, some;
		read_all(v->format, expectations[i].base, whole, records, &all);
		for (size_t len = 0; len < whole.len; len++) {
			uint8_t *exact = malloc(len + 1);
			memcpy(exact, whole.data, len);
			enum payload_verdict verdict =
				read_all(v->format, expectations[i].base, bytes_of(exact, len), records, &some);
			if (verdict == PAYLOAD_GOOD && (v->format != PAYLOAD_TLV || some >= all))
				fail_msg("%s cut to %zu is accepted", v->name, len);
			free(exact);
		}
	}
}

static void no_writer_goes_beyond_its_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < EXPECTATION_COUNT; i++) {
		const struct vector *v = find_vector(expectations[i].name);
		struct record records[RECORDS_MAX];
		uint8_t body[1024];
		struct bytes whole = show_unhex(v->hex, body, sizeof body);
		struct path base;
		size_t count;
		if (!expectations[i].is_canonical)
			continue;
		read_all(v->format, expectations[i].base, whole, records, &count);
		path_parse(bytes_of_text(expectations[i].base), &base);
		for (size_t room = 0; room < whole.len; room++) {
			uint8_t *exact = malloc(room + 1);
			struct writer w = writer_of(exact, room);
			assert_int_equal(payload_encode(v->format, base, records, count, &w), PAYLOAD_FULL);
			free(exact);
		}
	}
}

static void a_composite_read_names_its_paths(void **state)
{
	const struct vector *v = find_vector("senml-cbor read-composite req");
	struct record records[4];
	struct payload_reader r;
	uint8_t body[64], again[64];
	char text[SHOW_BYTES];
	size_t n = 0;
	struct writer w = writer_of(again, sizeof again);
	struct bytes original = show_unhex(v->hex, body, sizeof body);
	(void)state;
	payload_reader_init_names(&r, v->format, original, &scratch);
	while (n < 4 && payload_next(&r, &records[n]))
		n++;
	assert_int_equal(r.verdict, PAYLOAD_GOOD);
	show_all(records, n, text);
	assert_string_equal(text, "/3/0/0 -\n/3/0/9 -\n/1/0/1 -\n");
	assert_int_equal(payload_encode_names(v->format, records, n, &w), PAYLOAD_GOOD);
	assert_true(bytes_equal(writer_bytes(&w), original));
}

static void names_and_values_are_not_mixed(void **state)
{
	struct payload_reader r;
	struct record record;
	(void)state;
	assert_int_equal(verdict_of_json("/", "[{\"n\":\"/3/0/9\"}]"), PAYLOAD_BAD);
	payload_reader_init_names(&r, PAYLOAD_SENML_JSON, bytes_of_text("[{\"n\":\"/3/0/9\",\"v\":1}]"), &scratch);
	assert_false(payload_next(&r, &record));
	assert_int_equal(r.verdict, PAYLOAD_BAD);
}

/* ---- TLV: lwm2m interface section 7.2 ---- */

static void tlv_that_breaks_the_rules_is_refused(void **state)
{
	static const struct {
		const char *base, *hex;
	} bad[] = {
		{"/3/0", "c109"},               /* 1: length beyond the end */
		{"/3/0", "c80014"},             /* 2 */
		{"/3/0", "d8000000"},           /* 3: half a length */
		{"/3/0", "e1"},                 /* 4: no id */
		{"/3/0", "c10964c10965"},       /* 5: the same resource twice */
		{"/3/0", "c10a0fc10964c10a0f"}, /* 6: twice, not in order */
		{"/3/0", "8606410001410005"},   /* 7: the same instance twice */
		{"/3/0", "08010003c10964"},     /* 8: another object instance than the path's */
		{"/3/0/9", "c10a0f"},           /* 9: another resource than the path's */
		{"/3/0/6/1", "410001"},         /* 10: another resource instance */
		{"/3", "0803c10964"},           /* 11: half an instance */
		{"/3", "08000508000209ff"},     /* 12: instances do not nest */
		{"/3/0", "860686044100010000"}, /* 13: multiple resources do not nest */
		{"/3/0", "840608000000"},       /* 14: an instance in a resource */
		{"/3/0", "c10603"},             /* 15: a multiple resource as a single one */
		{"/3/0", "8309410064"},         /* 16: a single resource as a multiple one */
		{"/1/0", "c10602"},             /* 17: a boolean is 0 or 1 */
		{"/1/0", "c2060001"},           /* 18: of one byte */
		{"/3/0", "c3090001ff"},         /* 19: integers have 1, 2, 4 or 8 bytes */
		{"/3/0", "c009"},               /* 20 */
		{"/3303/0", "e216440001"},      /* 21: floats have 4 or 8 */
		{"/66/0", "c3020042ff"},        /* 22: links have 4 */
		{"/3/0", "c202c328"},           /* 23: strings are UTF-8 */
		{"/3/0", "c104ff"},             /* 24: an executable resource has no value */
		{"/3/0", "e1ffff00"},           /* 25: id 65535 */
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (verdict_of_hex(PAYLOAD_TLV, bad[i].base, bad[i].hex) != PAYLOAD_BAD)
			fail_msg("row %zu is not refused", i + 1);
}

static void expect_tlv(const char *base, const char *hex, const char *expected)
{
	struct record records[RECORDS_MAX];
	uint8_t body[128];
	char text[SHOW_BYTES];
	size_t count;
	assert_int_equal(
		read_all(PAYLOAD_TLV, base, show_unhex(hex, body, sizeof body), records, &count), PAYLOAD_GOOD);
	show_all(records, count, text);
	assert_string_equal(text, expected);
}

static void tlv_of_other_makers_is_understood(void **state)
{
	(void)state;
	expect_tlv("/3/0", "080003c10964", "/3/0/9 i 100\n");                 /* the instance around its resources */
	expect_tlv("/3/0", "d009000164", "/3/0/9 i 100\n");                   /* a length longer than it must be */
	expect_tlv("/3/0/6", "410001410105", "/3/0/6/0 i 1\n/3/0/6/1 i 5\n"); /* bare resource instances */
	expect_tlv("/3/0/6/1", "8306410105", "/3/0/6/1 i 5\n");               /* one inside its resource */
	expect_tlv("/66", "c10041", "/66/65535/0 s A\n"); /* Create: the client assigns the instance */
	expect_tlv("/3/0/6", "8006", "/3/0/6 -\n");       /* a multiple resource without instances */
	expect_tlv("/3", "", "");                         /* an object without instances */
}

static void an_empty_multiple_resource_is_written(void **state)
{
	struct record none = record_of(path_of_resource(3, 0, 6), value_none());
	uint8_t out[8];
	struct writer w = writer_of(out, sizeof out);
	(void)state;
	assert_int_equal(payload_encode(PAYLOAD_TLV, none.path, &none, 1, &w), PAYLOAD_GOOD);
	assert_true(bytes_equal(writer_bytes(&w), bytes_of("\x80\x06", 2)));
	w = writer_of(out, sizeof out);
	assert_int_equal(payload_encode(PAYLOAD_SENML_JSON, none.path, &none, 1, &w), PAYLOAD_GOOD);
	assert_true(bytes_equal_text(writer_bytes(&w), "[]"));
}

static void more_siblings_than_the_limit_are_refused(void **state)
{
	static uint8_t body[4 * (TLV_SIBLINGS_MAX + 1)];
	struct writer w = writer_of(body, sizeof body);
	(void)state;
	for (unsigned i = 0; i <= TLV_SIBLINGS_MAX; i++) {
		write_u8(&w, 0x61);
		write_u16(&w, (uint16_t)i);
		write_u8(&w, 1);
		struct payload_reader r;
		struct record record;
		unsigned n = 0;
		if (i < TLV_SIBLINGS_MAX - 1)
			continue;
		payload_reader_init(&r, PAYLOAD_TLV, path_of_resource(3, 0, 6), writer_bytes(&w), &model, &scratch);
		while (payload_next(&r, &record))
			n++;
		assert_int_equal(n, TLV_SIBLINGS_MAX);
		assert_int_equal(r.verdict, i == TLV_SIBLINGS_MAX ? PAYLOAD_BAD : PAYLOAD_GOOD);
	}
}

static void a_long_value_has_a_long_length(void **state)
{
	static uint8_t data[70000], out[70010];
	struct record record = record_of(path_of_resource(0, 0, 5), value_opaque(bytes_of(data, sizeof data)));
	struct writer w = writer_of(out, sizeof out);
	(void)state;
	assert_int_equal(payload_encode(PAYLOAD_TLV, path_of_instance(0, 0), &record, 1, &w), PAYLOAD_GOOD);
	assert_memory_equal(out, "\xd8\x05\x01\x11\x70", 5);
	assert_int_equal(writer_bytes(&w).len, 70005);
	assert_int_equal(verdict_of(PAYLOAD_TLV, "/0/0", writer_bytes(&w)), PAYLOAD_GOOD);
}

/* ---- SenML: RFC 8428, lwm2m interface section 7.3 ---- */

static void expect_json(const char *base, const char *json, const char *expected)
{
	struct record records[RECORDS_MAX];
	char text[SHOW_BYTES];
	size_t count;
	assert_int_equal(read_all(PAYLOAD_SENML_JSON, base, bytes_of_text(json), records, &count), PAYLOAD_GOOD);
	show_all(records, count, text);
	assert_string_equal(text, expected);
}

static void senml_json_of_other_makers_is_understood(void **state)
{
	(void)state;
	expect_json("/3/0", " [ { \"bn\" : \"/3/\" , \"n\":\"0/9\", \"v\" : 1e2 } ] ", "/3/0/9 i 100\n");
	expect_json("/3/0", "[{\"bn\":\"/3/0/1\",\"n\":\"3\",\"v\":5}]", "/3/0/13 t 5\n"); /* cut within a number */
	expect_json("/3/0/0", "[{\"bn\":\"/3/0/0\",\"vs\":\"a\\u00e9\\n\\ud83d\\ude00\"}]",
		"/3/0/0 s a\xc3\xa9\n\xf0\x9f\x98\x80\n");
	expect_json("/3/0/0", "[{\"n\":\"\\/3\\/0\\/0\",\"vs\":\"\"}]", "/3/0/0 s \n");
	expect_json("/0/0", "[{\"bn\":\"/0/0/\",\"n\":\"5\",\"vd\":\"q83v\"}]", "/0/0/5 o abcdef\n");
	expect_json("/3/0", "[{\"bver\":10,\"bn\":\"/3/0/\",\"u\":\"%\",\"x\":[{\"y\":[]}],\"n\":\"9\",\"v\":1}]",
		"/3/0/9 i 1\n");
	expect_json("/66/0", "[{\"n\":\"/66/0/2\",\"vlo\":\"FFFF:FFFF\"}]", "/66/0/2 l 65535:65535\n");
	expect_json("/26250/0", "[{\"n\":\"/26250/0/9\",\"v\":18446744073709551615}]",
		"/26250/0/9 u 18446744073709551615\n");
	expect_json("/3/0", "[{\"bn\":\"/3/0/\",\"bt\":1700000000,\"n\":\"9\",\"t\":-60,\"v\":1}]",
		"/3/0/9 @1699999940 i 1\n");
	expect_json("/3", "[]", "");
}

static void senml_json_that_breaks_the_rules_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[",
		"{}",
		"[{}]",
		"[{\"n\":\"/3/0/9\",\"v\":1}",
		"[{\"n\":\"/3/0/9\",\"v\":1}]x",
		"[{\"n\":\"/3/0/9\",\"v\":1},]",
		"[{\"n\":\"/3/0/9\",\"v\":1,}]",
		"[{\"n\":\"/3/0/9\" \"v\":1}]",
		"[{\"n\":\"/3/0/9\",\"v\":01}]",
		"[{\"n\":\"/3/0/9\",\"v\":1.}]",
		"[{\"n\":\"/3/0/9\",\"v\":+1}]",
		"[{\"n\":\"/3/0/9\",\"v\":1.5}]",
		"[{\"n\":\"/3/0/9\",\"v\":1e400}]",
		"[{\"n\":\"/3/0/9\",\"v\":null}]",
		"[{\"n\":\"/3/0/9\",\"v\":\"1\"}]",
		"[{\"n\":\"/3/0/9\",\"v\":1,\"v\":2}]",
		"[{\"n\":\"/3/0/9\",\"v\":1,\"vs\":\"2\"}]",
		"[{\"n\":\"/3/0/9\",\"n\":\"\",\"v\":1}]",
		"[{\"n\":\"/3/0/9\",\"vs\":\"1\"}]",
		"[{\"n\":\"/3/0/0\",\"vs\":\"\\x\"}]",
		"[{\"n\":\"/3/0/0\",\"vs\":\"\\ud83d\"}]",
		"[{\"n\":\"/3/0/0\",\"vs\":\"\\ude00\"}]",
		"[{\"n\":\"/3/0/0\",\"vs\":\"\n\"}]",
		"[{\"n\":\"/3/0/0\",\"vs\":\"\xff\"}]",
		"[{\"n\":\"3/0/9\",\"v\":1}]",
		"[{\"n\":\"/3/0/9/\",\"v\":1}]",
		"[{\"n\":\"/3/0/09\",\"v\":1}]",
		"[{\"n\":\"/3/0/65535\",\"v\":1}]",
		"[{\"n\":\"/3/0\",\"v\":1}]",
		"[{\"n\":\"/1/0/1\",\"v\":1}]",
		"[{\"bver\":11,\"n\":\"/3/0/9\",\"v\":1}]",
		"[{\"bs\":1,\"n\":\"/3/0/9\",\"v\":1}]",
		"[{\"new_\":1,\"n\":\"/3/0/9\",\"v\":1}]",
		"[{\"n\":\"/3/0/9\",\"v\":1,\"x\":[[[[[[[[[]]]]]]]]]}]",
		"[{\"n\":\"/3/0/9/0\",\"v\":1}]",
		"[{\"n\":\"/3/0/6\",\"v\":1}]",
		"[{\"n\":\"/3/0/4\",\"v\":1}]",
		"[{\"n\":\"/3/0/9\",\"vd\":\"AA==\"}]",
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (verdict_of_json("/3/0", bad[i]) != PAYLOAD_BAD)
			fail_msg("%s is not refused", bad[i]);
}

static void senml_cbor_of_other_makers_is_understood(void **state)
{
	(void)state;
	/* Indefinite array, map, strings in two chunks; then the three sizes of float (RFC 8949 section 3.2). */
	assert_int_equal(
		verdict_of_hex(PAYLOAD_SENML_CBOR, "/3/0", "9fbf007f632f332f63302f39ff021864ffff"), PAYLOAD_GOOD);
	assert_int_equal(verdict_of_hex(PAYLOAD_SENML_CBOR, "/3/0", "81a200662f332f302f3902f95640"), PAYLOAD_GOOD);
	assert_int_equal(verdict_of_hex(PAYLOAD_SENML_CBOR, "/3/0", "81a200662f332f302f3902fa42c80000"), PAYLOAD_GOOD);
	assert_int_equal(
		verdict_of_hex(PAYLOAD_SENML_CBOR, "/3/0", "81a200662f332f302f3902fb4059000000000000"), PAYLOAD_GOOD);
	assert_int_equal(verdict_of_hex(PAYLOAD_SENML_CBOR, "/3/0", "80"), PAYLOAD_GOOD);
}

static void senml_cbor_that_breaks_the_rules_is_refused(void **state)
{
	static const char *const bad[] = {
		"",                                         /* nothing */
		"a0",                                       /* no array */
		"8101",                                     /* no map */
		"82a200662f332f302f390201",                 /* a record short */
		"81a200662f332f302f39020100",               /* a byte behind the end */
		"81a300662f332f302f3902010202",             /* two values */
		"81a200662f332f302f390263616263",           /* a string for a number */
		"81a200662f332f302f3902f97e00",             /* not a number */
		"81a200662f332f302f3902f93e00",             /* 1.5 for an integer */
		"81a200662f332f302f3902f6",                 /* null outside SenML-ETCH */
		"81a300662f332f302f3902012501",             /* base sum */
		"81a300662f332f302f390201200b",             /* version 11 */
		"81a300662f332f302f39020162785f01",         /* "x_" must be understood */
		"81a200462f332f302f390201",                 /* a name of bytes */
		"9bffffffffffffffff",                       /* 2^64 - 1 records */
		"81bbffffffffffffffff",                     /* 2^64 - 1 fields */
		"81a200662f332f302f39027bffffffffffffffff", /* a string longer than memory */
		"9fbf00662f332f302f390201ff",               /* no break */
		"81ff",                                     /* a break where none belongs */
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (verdict_of_hex(PAYLOAD_SENML_CBOR, "/3/0", bad[i]) != PAYLOAD_BAD)
			fail_msg("%s is not refused", bad[i]);
}

static void a_full_scratch_is_told_apart_from_bad_bytes(void **state)
{
	struct arena small;
	uint8_t memory[8];
	struct payload_reader r;
	struct record record;
	(void)state;
	arena_init(&small, memory, sizeof memory);
	payload_reader_init(&r, PAYLOAD_SENML_JSON, PATH_ROOT,
		bytes_of_text("[{\"n\":\"/3/0/0\",\"vs\":\"a long \\\"text\\\"\"}]"), &model, &small);
	assert_false(payload_next(&r, &record));
	assert_int_equal(r.verdict, PAYLOAD_FULL);
	arena_reset(&small);
	payload_reader_init(&r, PAYLOAD_SENML_JSON, PATH_ROOT,
		bytes_of_text("[{\"n\":\"/0/0/5\",\"vd\":\"AAAAAAAAAAAAAAAAAAAA\"}]"), &model, &small);
	assert_false(payload_next(&r, &record));
	assert_int_equal(r.verdict, PAYLOAD_FULL);
}

/* ---- single values and formats ---- */

static void expect_text(const char *base, const char *body, const char *expected)
{
	struct record records[2];
	char text[SHOW_BYTES];
	size_t count;
	assert_int_equal(read_all(PAYLOAD_TEXT, base, bytes_of_text(body), records, &count), PAYLOAD_GOOD);
	show_all(records, count, text);
	assert_string_equal(text, expected);
}

static void text_is_one_value(void **state)
{
	(void)state;
	expect_text("/1/0/1", "3600", "/1/0/1 i 3600\n");
	expect_text("/1/0/6", "1", "/1/0/6 b 1\n");
	expect_text("/0/0/5", "q80=", "/0/0/5 o abcd\n");
	expect_text("/66/0/2", "66:0", "/66/0/2 l 66:0\n");
	expect_text("/3/0/6/1", "-1", "/3/0/6/1 i -1\n");
	expect_text("/9999/0/0", "what the model does not know", "/9999/0/0 s what the model does not know\n");
	assert_int_equal(verdict_of(PAYLOAD_TEXT, "/1/0/1", bytes_of_text("1h")), PAYLOAD_BAD);
	assert_int_equal(verdict_of(PAYLOAD_TEXT, "/1/0/8", bytes_of_text("1")), PAYLOAD_BAD);
	assert_int_equal(verdict_of(PAYLOAD_TEXT, "/3/0/6", bytes_of_text("1")), PAYLOAD_BAD);
}

static void formats_that_do_not_fit_the_path_are_unsupported(void **state)
{
	(void)state;
	assert_int_equal(verdict_of(PAYLOAD_TEXT, "/3/0", bytes_of_text("1")), PAYLOAD_UNSUPPORTED);
	assert_int_equal(verdict_of(PAYLOAD_OPAQUE, "/3/0/0", bytes_of_text("1")), PAYLOAD_UNSUPPORTED);
	assert_int_equal(verdict_of(PAYLOAD_OPAQUE, "/5/0/0", bytes_of_text("1")), PAYLOAD_GOOD);
	assert_int_equal(verdict_of(PAYLOAD_TLV, "/", bytes_of_text("")), PAYLOAD_UNSUPPORTED);
	assert_int_equal(verdict_of(1543, "/3/0", bytes_of_text("{}")), PAYLOAD_UNSUPPORTED);
	assert_int_equal(verdict_of(PAYLOAD_LINK, "/3/0", bytes_of_text("</3>")), PAYLOAD_UNSUPPORTED);
	assert_int_equal(verdict_of(0x10000, "/3/0/0", bytes_of_text("1")), PAYLOAD_UNSUPPORTED);
}

static void single_formats_write_one_record_only(void **state)
{
	struct record records[2] = {record_of(path_of_resource(3, 0, 0), value_string(bytes_of_text("x"))),
		record_of(path_of_resource(3, 0, 1), value_string(bytes_of_text("y")))};
	uint8_t out[64];
	struct writer w = writer_of(out, sizeof out);
	(void)state;
	assert_int_equal(payload_encode(PAYLOAD_TEXT, path_of_instance(3, 0), records, 2, &w), PAYLOAD_UNSUPPORTED);
	assert_int_equal(payload_encode(PAYLOAD_TEXT, records[0].path, records, 2, &w), PAYLOAD_UNSUPPORTED);
	assert_int_equal(payload_encode(PAYLOAD_OPAQUE, records[0].path, records, 1, &w), PAYLOAD_UNSUPPORTED);
	assert_int_equal(payload_encode(PAYLOAD_TEXT, records[0].path, records, 1, &w), PAYLOAD_GOOD);
	records[1].has_time = true;
	assert_int_equal(payload_encode(PAYLOAD_SENML_CBOR, PATH_ROOT, records, 2, &w), PAYLOAD_UNSUPPORTED);
}

static void cbor_is_exactly_one_item(void **state)
{
	(void)state;
	assert_int_equal(verdict_of_hex(PAYLOAD_CBOR, "/3303/0/5700", "fa41b40000"), PAYLOAD_GOOD);
	assert_int_equal(verdict_of_hex(PAYLOAD_CBOR, "/3303/0/5700", "fb4036800000000000"), PAYLOAD_GOOD);
	assert_int_equal(verdict_of_hex(PAYLOAD_CBOR, "/60/0/5700", "0102"), PAYLOAD_BAD);
	assert_int_equal(verdict_of_hex(PAYLOAD_CBOR, "/60/0/5700", "c001"), PAYLOAD_BAD); /* tag 0 is a text */
	assert_int_equal(verdict_of_hex(PAYLOAD_CBOR, "/60/0/5700", "8101"), PAYLOAD_BAD);
	assert_int_equal(verdict_of_hex(PAYLOAD_CBOR, "/60/0/5700", "3bffffffffffffffff"), PAYLOAD_BAD);
	assert_int_equal(verdict_of_hex(PAYLOAD_CBOR, "/60/0/5700", ""), PAYLOAD_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_reads_as_its_records),
		cmocka_unit_test(every_canonical_vector_is_written_byte_for_byte),
		cmocka_unit_test(every_vector_is_expected_somewhere),
		cmocka_unit_test(no_vector_survives_being_cut),
		cmocka_unit_test(no_writer_goes_beyond_its_room),
		cmocka_unit_test(a_composite_read_names_its_paths),
		cmocka_unit_test(names_and_values_are_not_mixed),
		cmocka_unit_test(tlv_that_breaks_the_rules_is_refused),
		cmocka_unit_test(tlv_of_other_makers_is_understood),
		cmocka_unit_test(an_empty_multiple_resource_is_written),
		cmocka_unit_test(more_siblings_than_the_limit_are_refused),
		cmocka_unit_test(a_long_value_has_a_long_length),
		cmocka_unit_test(senml_json_of_other_makers_is_understood),
		cmocka_unit_test(senml_json_that_breaks_the_rules_is_refused),
		cmocka_unit_test(senml_cbor_of_other_makers_is_understood),
		cmocka_unit_test(senml_cbor_that_breaks_the_rules_is_refused),
		cmocka_unit_test(a_full_scratch_is_told_apart_from_bad_bytes),
		cmocka_unit_test(text_is_one_value),
		cmocka_unit_test(formats_that_do_not_fit_the_path_are_unsupported),
		cmocka_unit_test(single_formats_write_one_record_only),
		cmocka_unit_test(cbor_is_exactly_one_item),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
