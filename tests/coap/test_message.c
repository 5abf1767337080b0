/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/message.h"
#include "coap/base/prng.h"
#include "tests/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BUFFER_BYTES 2048

/* Whole messages, and what people see of them. The LwM2M ones are the exchanges of its interface, the others are RFC
 * 7252 appendix A and the corners of its section 3. */
static const struct {
	const char *hex, *text;
} good[] = {
	{"44 02 7d34 e1f2a3b4 b2 'rd' 11 28 3d12 'ep=urn:dev:mac:0024befffe804ff1' 06 'lt=300' 09 'lwm2m=1.1' 03 'b=U'"
	 "ff '</>;ct=\"60 110 112 11542 11544\",</1/0>,</3/0>,</5/0>'",
		"CON POST 7d34 [e1f2a3b4] /rd?ep=urn:dev:mac:0024befffe804ff1&lt=300&lwm2m=1.1&b=U Content-Format:40 "
		"(52 bytes)"},
	{"64 41 7d34 e1f2a3b4 82 'rd' 04 '5a3f'", "ACK 2.01 Created 7d34 [e1f2a3b4] Location:/rd/5a3f"},
	{"44 02 7d 35 e1 f2 a3 b5 b2 72 64 04 35 61 33 66", "CON POST 7d35 [e1f2a3b5] /rd/5a3f"},
	{"64 44 7d 35 e1 f2 a3 b5", "ACK 2.04 Changed 7d35 [e1f2a3b5]"},
	{"44 04 7d 36 e1 f2 a3 b6 b2 72 64 04 35 61 33 66", "CON DELETE 7d36 [e1f2a3b6] /rd/5a3f"},
	{"64 42 7d 36 e1 f2 a3 b6", "ACK 2.02 Deleted 7d36 [e1f2a3b6]"},
	{"41 01 00 01 01 b1 33 01 30 01 30 60", "CON GET 0001 [01] /3/0/0 Accept:0"},
	{"61 45 00 01 01 c0 ff 4f 70 65 6e 20 4d 6f 62 69 6c 65 20 41 6c 6c 69 61 6e 63 65",
		"ACK 2.05 Content 0001 [01] Content-Format:0 (20 bytes)"},
	{"41 01 00 02 02 b1 33 01 30 62 2d 16", "CON GET 0002 [02] /3/0 Accept:11542"},
	{"42 01 00 03 03 01 60 54 33 33 30 33 01 30 04 35 37 30 30 61 70",
		"CON GET 0003 [0301] /3303/0/5700 Observe:0 Accept:112"},
	{"52 45 80 01 03 01 61 02 61 70 ff 81 a2 21 6c 2f 33 33 30 33 2f 30 2f 35 37 30 30 02 f9 4d a0",
		"NON 2.05 Content 8001 [0301] Observe:2 Content-Format:112 (20 bytes)"},
	{"70 00 80 01", "RST 8001"},
	{"41 03 00 04 04 b4 33 33 30 33 01 30 04 35 37 30 30 47 70 6d 69 6e 3d 31 30 07 70 6d 61 78 3d 36 30 05 67 74 "
	 "3d"
	 "33 30 04 6c 74 3d 35 06 73 74 3d 30 2e 35",
		"CON PUT 0004 [04] /3303/0/5700?pmin=10&pmax=60&gt=30&lt=5&st=0.5"},
	{"41 02 00 05 05 b1 31 01 30 01 38", "CON POST 0005 [05] /1/0/8"},
	{"41 03 00 06 06 b1 31 01 30 01 31 10 ff 33 36 30 30", "CON PUT 0006 [06] /1/0/1 Content-Format:0 (4 bytes)"},
	{"41 05 00 07 07 c1 70 51 70 ff 80", "CON FETCH 0007 [07] / Content-Format:112 Accept:112 (1 byte)"},
	{"41 07 00 08 08 c1 70 ff 80", "CON iPATCH 0008 [08] / Content-Format:112 (1 byte)"},
	{"42 02 7d 40 aa 01 b2 64 70 11 70 ff 80", "CON POST 7d40 [aa01] /dp Content-Format:112 (1 byte)"},
	{"42 02 7d 00 b0 01 b2 62 73 47 'ep=urn:' 07 70 63 74 3d 31 31 32", "CON POST 7d00 [b001] /bs?ep=urn:&pct=112"},
	{"41 02 01 00 b1 b2 62 73", "CON POST 0100 [b1] /bs"},
	{"41 03 02 00 c1 b1 35 01 30 01 30 11 2a d1 02 0a d1 14 c8 ff '0123456789abcdef0123456789abcdef0123456789abcdef"
	 "0123456789abcdef'",
		"CON PUT 0200 [c1] /5/0/0 Content-Format:42 Block1:0/1/64 Size1:200 (64 bytes)"},
	{"61 5f 02 00 c1 d1 0e 0a", "ACK 2.31 Continue 0200 [c1] Block1:0/1/64"},
	{"41 03 02 03 c1 b1 35 01 30 01 30 11 2a d1 02 32 ff '01234567'",
		"CON PUT 0203 [c1] /5/0/0 Content-Format:42 Block1:3/0/64 (8 bytes)"},
	{"40 01 7d34 bb 'temperature'", "CON GET 7d34 /temperature"},
	{"60 45 7d34 ff '22.3 C'", "ACK 2.05 Content 7d34 (6 bytes)"},
	{"40 00 0001", "CON 0001"},
	{"60 00 ffff", "ACK ffff"},
	{"48 01 0000 0011223344556677", "CON GET 0000 [0011223344556677] /"},
	{"50 1f 1234", "NON 0.31 1234 /"},
	{"50 5e 1234", "NON 2.30 1234"},
	{"40 01 0001 b0", "CON GET 0001 /"},
	{"40 01 0001 b3 'a/ ' 04 e2 82 ac 00 43 '&=?'", "CON GET 0001 /a%2F%20/%E2%82%AC%00?%26=?"},
	{"40 01 0001 50", "CON GET 0001 / If-None-Match"},
	{"40 01 0001 42 beef d1 06 0e", "CON GET 0001 / ETag:beef Block2:0/1/1024"},
	{"40 01 0001 d3 0a ff fff6", "CON GET 0001 / Block2:1048575/0/1024"},
	{"40 01 0001 d3 0a ff ffff", "CON GET 0001 / Block2:1048575/1/2048"},
	{"40 01 0001 31 'h'", "CON GET 0001 / Uri-Host:h"},
	{"40 01 0001 e2 fef2 'xy'", "CON GET 0001 / 65535:7879"},
	{"40 01 0001 c5 0100000000", "CON GET 0001 / Content-Format:0100000000"},
	{"40 01 0001 c3 000000", "CON GET 0001 / Content-Format:0"},
};

#define GOOD_COUNT (sizeof good / sizeof good[0])

static enum coap_verdict parse_hex_message(const char *hex, struct coap_message *ret)
{
	static uint8_t buffer[BUFFER_BYTES];
	return coap_message_parse(from_hex(hex, buffer, sizeof buffer), ret);
}

static enum coap_verdict parse_exactly(struct bytes b, struct coap_message *ret)
{
	struct bytes copy = exact_copy(b);
	enum coap_verdict verdict = coap_message_parse(copy, ret);
	char text[COAP_MESSAGE_TEXT_MAX_BYTES];
	struct writer w = writer_of(text, sizeof text);
	if (verdict != COAP_VERDICT_IGNORE)
		coap_message_describe(&w, ret);
	free((void *)copy.data);
	return verdict;
}

/* ---- reading ---- */

static void messages_read_and_write_back_to_the_same_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOOD_COUNT; i++) {
		uint8_t in[BUFFER_BYTES], out[BUFFER_BYTES];
		struct bytes datagram = from_hex(good[i].hex, in, sizeof in);
		struct coap_message m;
		struct writer w = writer_of(out, sizeof out);
		assert_int_equal(coap_message_parse(datagram, &m), COAP_VERDICT_OK);
		coap_message_write_view(&w, &m);
		assert_false(w.failed);
		assert_true(bytes_equal(writer_bytes(&w), datagram));
	}
}

static void messages_are_described_in_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOOD_COUNT; i++) {
		struct coap_message m;
		char text[COAP_MESSAGE_TEXT_MAX_BYTES];
		struct writer w = writer_of(text, sizeof text);
		assert_int_equal(parse_hex_message(good[i].hex, &m), COAP_VERDICT_OK);
		coap_message_describe(&w, &m);
		assert_false(w.failed);
		if (!bytes_equal_text(writer_bytes(&w), good[i].text))
			fail_msg("%s\nbecomes %.*s", good[i].text, (int)writer_bytes(&w).len, text);
	}
}

static void the_parts_of_a_message_are_found(void **state)
{
	(void)state;
	struct coap_message m;
	struct bytes value;
	uint32_t number;
	unsigned cursor = 0;
	assert_int_equal(parse_hex_message(good[0].hex, &m), COAP_VERDICT_OK);
	assert_int_equal(m.type, COAP_TYPE_CON);
	assert_int_equal(m.code, COAP_POST);
	assert_int_equal(m.id, 0x7d34);
	assert_true(bytes_equal(coap_token_bytes(&m.token), bytes_of("\xe1\xf2\xa3\xb4", 4)));
	assert_int_equal(m.option_count, 6);
	assert_int_equal(m.payload.len, 52);
	assert_true(coap_message_option(&m, COAP_OPTION_URI_PATH, &value) && bytes_equal_text(value, "rd"));
	assert_true(coap_message_uint(&m, COAP_OPTION_CONTENT_FORMAT, &number) && number == 40);
	assert_true(coap_message_next(&m, COAP_OPTION_URI_QUERY, &cursor, &value) && value.len == 31);
	assert_true(coap_message_next(&m, COAP_OPTION_URI_QUERY, &cursor, &value));
	assert_true(bytes_equal_text(value, "lt=300"));
	assert_true(coap_message_next(&m, COAP_OPTION_URI_QUERY, &cursor, &value));
	assert_true(coap_message_next(&m, COAP_OPTION_URI_QUERY, &cursor, &value));
	assert_true(bytes_equal_text(value, "b=U"));
	assert_false(coap_message_next(&m, COAP_OPTION_URI_QUERY, &cursor, &value));
	assert_true(coap_message_has(&m, COAP_OPTION_URI_PATH));
	assert_false(coap_message_has(&m, COAP_OPTION_ACCEPT));
	assert_false(coap_message_uint(&m, COAP_OPTION_ACCEPT, &number));
}

static void a_message_is_a_view_of_its_datagram(void **state)
{
	(void)state;
	uint8_t in[64];
	struct coap_message m;
	struct bytes datagram = from_hex("40 01 0001 b1 'a' ff 'xyz'", in, sizeof in);
	assert_int_equal(coap_message_parse(datagram, &m), COAP_VERDICT_OK);
	assert_ptr_equal(m.options[0].value.data, in + 5);
	assert_ptr_equal(m.payload.data, in + 7);
}

static void what_is_too_short_or_of_another_version_is_ignored(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"", "40", "40 01", "40 01 00", "00 01 0001", "80 01 0001", "c0 01 0001", "ff ffffff"};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t in[8];
		struct coap_message m;
		assert_int_equal(parse_exactly(from_hex(rows[i], in, sizeof in), &m), COAP_VERDICT_IGNORE);
	}
}

/* RFC 7252 sections 3, 3.1, 4.1, 4.2 and 4.3. Each must still show whom to send a reset. */
static void format_errors_are_malformed_and_name_type_and_id(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"4f 01 1234", "4f 01 1234 0102030405060708090a0b0c0d0e0f", "4f 01 1234 0000", /* TKL 15 (RFC 8974) */
		"49 01 1234 0102030405060708", "4d 01 1234 00", "4e 01 1234 0000",            /* extended, and cut */
		"4d 01 1234", "4e 01 1234 00", /* RIOT GHSA-p9hp-2jxm-6rqp: extended TKL outside of four bytes */
		"44 01 1234", "44 01 1234 010203", "48 01 1234 01020304050607", /* token cut; libcoap issue 214 */
		"41 00 1234", "41 00 1234 01", "40 00 1234 00", "40 00 1234 ff",
		"40 00 1234 ff 00",                                       /* Empty, but not so */
		"40 01 1234 ff", "40 01 1234 b1 'a' ff", "60 45 1234 ff", /* marker with nothing behind it */
		"40 01 1234 f0", "40 01 1234 0f", "40 01 1234 f1 00", "40 01 1234 1f 00", /* reserved nibbles */
		"40 01 1234 e0 00", "40 01 1234 e0", "40 01 1234 d0",             /* libcoap issue 199: delta cut */
		"40 01 1234 0e 00", "40 01 1234 0e", "40 01 1234 0d",             /* length cut */
		"40 01 1234 10 e0 fe f3 00", "40 01 1234 b1 'a' e0 fe f3 01 'b'", /* delta 65536 wraps in 16 bits */
		"40 01 1234 e0 ff ff", "40 01 1234 b1 'a' e1 fe e8 'x'",          /* number 65804; 11 + 65525 */
		"40 01 1234 e0 fe f2 e0 fe f2",
		"40 01 1234 d0 ff e0 fe f2",                               /* mbed-coap CVE-2020-12884: wrap by sums */
		"40 01 1234 0e ff ff", "40 01 1234 be ff ff 'abc'",        /* microcoap issue 48: length 65804 */
		"40 01 1234 be ff fe 'abc'", "40 01 1234 ee ff ff ff ff",  /* FreeCoAP: runs past the buffer */
		"40 01 1234 b5 'abcd'", "40 01 1234 bd 00 'twelve bytes'", /* value one byte short */
		"40 01 1234 dd ff ff", "40 01 1234 dd ff", "40 01 1234 ed ff ff", "40 20 1234", "40 3f 1234",
		"40 60 1234", "40 7f 1234", "40 c0 1234", "40 e1 1234", "40 ff 1234",               /* class */
		"50 00 1234", "60 01 1234", "70 01 1234", "70 45 1234", "50 e1 1234", "60 1f 1234", /* table 1 */
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t in[64];
		struct coap_message m;
		struct bytes datagram = from_hex(rows[i], in, sizeof in);
		if (parse_exactly(datagram, &m) != COAP_VERDICT_MALFORMED)
			fail_msg("%s is accepted", rows[i]);
		assert_int_equal(m.type, in[0] >> 4 & 3);
		assert_int_equal(m.code, in[1]);
		assert_int_equal(m.id, 0x1234);
		assert_int_equal(m.option_count, 0);
		assert_int_equal(m.payload.len, 0);
	}
}

/* Every prefix is read from a heap block of exactly its size: a longer read is found by the sanitizer. */
static void a_message_cut_anywhere_has_a_verdict_and_never_the_whole_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOOD_COUNT; i++) {
		uint8_t in[BUFFER_BYTES], out[BUFFER_BYTES];
		struct bytes datagram = from_hex(good[i].hex, in, sizeof in);
		for (size_t len = 0; len < datagram.len; len++) {
			struct coap_message m;
			enum coap_verdict verdict = parse_exactly(bytes_first(datagram, len), &m);
			assert_int_equal(verdict == COAP_VERDICT_IGNORE, len < COAP_HEADER_BYTES);
			if (verdict != COAP_VERDICT_OK)
				continue;
			struct writer w = writer_of(out, sizeof out);
			assert_int_equal(coap_message_parse(bytes_first(datagram, len), &m), COAP_VERDICT_OK);
			coap_message_write_view(&w, &m);
			assert_false(w.failed);
			assert_true(writer_bytes(&w).len <= len);
		}
	}
}

static void random_changes_never_break_the_parser(void **state)
{
	(void)state;
	struct prng p;
	prng_init_number(&p, 5);
	for (int turn = 0; turn < 20000; turn++) {
		uint8_t in[BUFFER_BYTES];
		struct coap_message m;
		struct bytes datagram = from_hex(good[prng_below(&p, GOOD_COUNT)].hex, in, sizeof in);
		for (uint32_t change = 0; change <= prng_below(&p, 4); change++)
			in[prng_below(&p, (uint32_t)datagram.len)] = (uint8_t)prng_u32(&p);
		enum coap_verdict verdict = parse_exactly(datagram, &m);
		assert_in_range(verdict, COAP_VERDICT_OK, COAP_VERDICT_LONG_TOKEN);
	}
}

static void as_many_options_as_the_table_holds_and_not_one_more(void **state)
{
	(void)state;
	uint8_t in[COAP_HEADER_BYTES + 1 + COAP_MESSAGE_OPTIONS_MAX + 1] = {0x51, 0x01, 0x12, 0x34, 0xaa, 0xb0};
	struct coap_message m;
	assert_int_equal(coap_message_parse(bytes_of(in, sizeof in - 1), &m), COAP_VERDICT_OK);
	assert_int_equal(m.option_count, COAP_MESSAGE_OPTIONS_MAX);
	assert_int_equal(parse_exactly(bytes_of(in, sizeof in), &m), COAP_VERDICT_FULL);
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.token.len, 1);
	assert_int_equal(m.token.bytes[0], 0xaa);
	assert_int_equal(m.option_count, 0);
}

static void tokens_differ_by_length_too(void **state)
{
	(void)state;
	struct coap_token none = coap_token_of(BYTES_NONE), zero = coap_token_of(bytes_of("", 1));
	struct coap_token zeros = coap_token_of(bytes_of("\0\0\0\0\0\0\0\0", 8));
	assert_false(coap_token_equal(&none, &zero));
	assert_false(coap_token_equal(&zero, &zeros));
	assert_true(coap_token_equal(&zero, &zero));
	assert_int_equal(coap_token_bytes(&zeros).len, 8);
}

static void tokens_that_differ_in_any_byte_differ(void **state)
{
	(void)state;
	uint8_t bytes[COAP_TOKEN_MAX_BYTES] = {0};
	for (size_t len = 1; len <= sizeof bytes; len++) {
		struct coap_token zeros = coap_token_of(bytes_of(bytes, len));
		for (size_t at = 0; at < len; at++) {
			bytes[at] = 1;
			struct coap_token other = coap_token_of(bytes_of(bytes, len));
			assert_false(coap_token_equal(&zeros, &other));
			assert_true(coap_token_equal(&other, &other));
			bytes[at] = 0;
		}
	}
}

/* ---- extended tokens (RFC 8974 section 2.1) ---- */

/* A GET with a token of `len` bytes and the path "a", in memory that is the caller's to free. */
static struct bytes with_token(size_t len)
{
	uint8_t *token = calloc(len + 1, 1), *out = malloc(len + 16);
	for (size_t i = 0; i < len; i++)
		token[i] = (uint8_t)(i + 1);
	struct writer w = writer_of(out, len + 16);
	write_u8(&w, (uint8_t)(0x40 | coap_token_nibble(len)));
	write_u8(&w, COAP_GET);
	write_u16(&w, 0x1234);
	coap_token_write(&w, bytes_of(token, len));
	coap_option_write(&w, 0, COAP_OPTION_URI_PATH, bytes_of_text("a"));
	assert_false(w.failed);
	free(token);
	return writer_bytes(&w);
}

static void the_length_of_a_token_is_written_in_one_of_three_forms(void **state)
{
	(void)state;
	static const struct {
		size_t len;
		const char *start;
	} rows[] = {{8, "48 01 1234 0102"}, {9, "49 01 1234 0102"}, {12, "4c 01 1234 0102"}, {13, "4d 01 1234 00 0102"},
		{14, "4d 01 1234 01 0102"}, {268, "4d 01 1234 ff 0102"}, {269, "4e 01 1234 0000 0102"},
		{270, "4e 01 1234 0001 0102"}, {1024, "4e 01 1234 02f3 0102"}, {65804, "4e 01 1234 ffff 0102"}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t expected[16];
		struct bytes start = from_hex(rows[i].start, expected, sizeof expected), is = with_token(rows[i].len);
		assert_memory_equal(is.data, start.data, start.len);
		assert_int_equal(is.len, start.len - 2 + rows[i].len + 2);
		free((void *)is.data);
	}
}

static void tokens_up_to_the_maximum_are_read_and_written_back(void **state)
{
	(void)state;
	for (size_t len = 0; len <= COAP_TOKEN_MAX_BYTES; len++) {
		uint8_t out[COAP_TOKEN_MAX_BYTES + 16];
		struct coap_message m;
		struct bytes datagram = with_token(len);
		assert_int_equal(coap_message_parse(datagram, &m), COAP_VERDICT_OK);
		assert_int_equal(m.token.len, len);
		assert_true(len == 0 || m.token.bytes[len - 1] == len);
		assert_int_equal(m.option_count, 1);
		struct writer w = writer_of(out, sizeof out);
		coap_message_write_view(&w, &m);
		assert_true(bytes_equal(writer_bytes(&w), datagram));
		w = writer_of(out, sizeof out);
		struct coap_options path = {0};
		coap_options_add_text(&path, COAP_OPTION_URI_PATH, "a");
		coap_message_write(&w, m.type, m.code, m.id, &m.token, &path, BYTES_NONE);
		assert_true(bytes_equal(writer_bytes(&w), datagram));
		free((void *)datagram.data);
	}
}

/* RFC 8974 section 2.2.2: not a format error, and what is answered repeats the token. */
static void a_longer_token_is_no_format_error_and_can_be_repeated(void **state)
{
	(void)state;
	static const size_t lengths[] = {COAP_TOKEN_MAX_BYTES + 1, 268, 269, 1000, 65804};
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		static uint8_t out[65804 + 16];
		struct coap_message m;
		struct bytes datagram = with_token(lengths[i]);
		assert_int_equal(coap_message_parse(datagram, &m), COAP_VERDICT_LONG_TOKEN);
		assert_int_equal(m.type, COAP_TYPE_CON);
		assert_int_equal(m.id, 0x1234);
		assert_int_equal(m.token.len, 0);
		struct bytes token = coap_message_long_token(datagram);
		assert_int_equal(token.len, lengths[i]);
		struct writer w = writer_of(out, sizeof out);
		coap_message_write_refusal(&w, COAP_TYPE_ACK, COAP_BAD_REQUEST, m.id, token);
		assert_false(w.failed);
		assert_int_equal(writer_bytes(&w).len, datagram.len - 2);
		assert_int_equal(coap_message_parse(writer_bytes(&w), &m), COAP_VERDICT_LONG_TOKEN);
		assert_true(bytes_equal(coap_message_long_token(writer_bytes(&w)), token));
		free((void *)datagram.data);
	}
}

static void a_cut_extended_token_is_malformed_at_every_length(void **state)
{
	(void)state;
	static const size_t lengths[] = {9, 13, COAP_TOKEN_MAX_BYTES, COAP_TOKEN_MAX_BYTES + 1, 269};
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct bytes datagram = with_token(lengths[i]);
		for (size_t len = COAP_HEADER_BYTES; len < datagram.len - 2; len++) {
			struct coap_message m;
			assert_int_equal(parse_exactly(bytes_first(datagram, len), &m), COAP_VERDICT_MALFORMED);
		}
		free((void *)datagram.data);
	}
}

/* ---- options that are not understood ---- */

static const uint16_t understood_numbers[] = {COAP_OPTION_URI_PATH, COAP_OPTION_CONTENT_FORMAT, COAP_OPTION_URI_QUERY,
	COAP_OPTION_ACCEPT, COAP_OPTION_ETAG, COAP_OPTION_BLOCK2, COAP_OPTION_URI_HOST, COAP_OPTION_IF_NONE_MATCH,
	COAP_OPTION_OBSERVE, 2049};
static const struct coap_option_set understood = {
	understood_numbers, sizeof understood_numbers / sizeof understood_numbers[0], NULL};

static void unrecognised_options_are_dropped_or_refused(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		int offending; /* -1: none */
		unsigned left;
	} rows[] = {
		{"40 01 0001", -1, 0},
		{"40 01 0001 b1 'a' 01 'b' 11 28", -1, 3},
		{"40 01 0001 d1 ef 01", -1, 0},             /* 252 is elective */
		{"40 01 0001 d1 f0 01", 253, 0},            /* 253 is critical */
		{"40 01 0001 10", 1, 0},                    /* If-Match, which this reader does not know */
		{"40 01 0001 b1 'a' 11 28 01 29", -1, 2},   /* Content-Format repeats: the second is dropped */
		{"40 01 0001 b1 'a' 13 010203", -1, 1},     /* Content-Format of three bytes */
		{"40 01 0001 d3 04 010203", 17, 0},         /* Accept of three bytes */
		{"40 01 0001 d1 04 28 01 29", 17, 0},       /* Accept repeats */
		{"40 01 0001 d4 0a 00000001", 23, 0},       /* Block2 of four bytes */
		{"40 01 0001 30", 3, 0},                    /* an empty Uri-Host */
		{"40 01 0001 31 'h' 01 'g'", 3, 0},         /* two of them */
		{"40 01 0001 51 01", 5, 0},                 /* If-None-Match with a value */
		{"40 01 0001 40", -1, 0},                   /* an empty ETag */
		{"40 01 0001 49 '123456789'", -1, 0},       /* an ETag of nine bytes */
		{"40 01 0001 41 'a' 01 'b'", -1, 2},        /* two ETags */
		{"40 01 0001 64 00000001 02 0001", -1, 0},  /* Observe of four bytes, then a repeat of it */
		{"40 01 0001 e2 06f4 'xy' 02 'zz'", -1, 2}, /* 2049: what no table defines may repeat */
		{"40 01 0001 e2 06f6 'xy'", 2051, 0},
		{"40 01 0001 e2 06f3 'xy'", -1, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct coap_message m;
		uint16_t offending = 0;
		assert_int_equal(parse_hex_message(rows[i].hex, &m), COAP_VERDICT_OK);
		bool ok = coap_message_recognise(&m, &understood, &offending);
		if (ok != (rows[i].offending < 0))
			fail_msg("%s gives %d, option %u", rows[i].hex, ok, offending);
		assert_int_equal(offending, rows[i].offending < 0 ? 0 : rows[i].offending);
		if (ok)
			assert_int_equal(m.option_count, rows[i].left);
	}
}

static void the_first_of_a_repeated_option_counts(void **state)
{
	(void)state;
	struct coap_message m;
	uint16_t offending;
	uint32_t format;
	assert_int_equal(parse_hex_message("40 01 0001 c1 28 01 29 01 2a 51 3c", &m), COAP_VERDICT_OK);
	assert_true(coap_message_recognise(&m, &understood, &offending));
	assert_true(coap_message_uint(&m, COAP_OPTION_CONTENT_FORMAT, &format) && format == 40);
	assert_true(coap_message_uint(&m, COAP_OPTION_ACCEPT, &format) && format == 60);
	assert_int_equal(m.option_count, 2);
}

/* ---- writing ---- */

static void a_message_is_written_from_its_parts(void **state)
{
	(void)state;
	uint8_t out[64], expected[64];
	struct coap_token token = coap_token_of(bytes_of("\xaa\xbb", 2));
	struct coap_options options = {0};
	struct writer w = writer_of(out, sizeof out);
	coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, 40);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("rd"));
	coap_message_write(&w, COAP_TYPE_CON, COAP_POST, 0x1234, &token, &options, bytes_of_text("<>"));
	assert_false(w.failed);
	assert_true(bytes_equal(
		writer_bytes(&w), from_hex("42 02 1234 aabb b2 'rd' 11 28 ff '<>'", expected, sizeof expected)));
}

static void an_empty_payload_has_no_marker(void **state)
{
	(void)state;
	uint8_t out[64];
	struct coap_token token = {.len = 0};
	struct writer w = writer_of(out, sizeof out);
	coap_message_write(&w, COAP_TYPE_ACK, COAP_CHANGED, 1, &token, NULL, BYTES_NONE);
	assert_true(bytes_equal(writer_bytes(&w), bytes_of("\x60\x44\x00\x01", 4)));
}

static void acknowledgement_reset_and_ping_are_four_bytes(void **state)
{
	(void)state;
	uint8_t out[12];
	struct writer w = writer_of(out, sizeof out);
	coap_message_write_empty(&w, COAP_TYPE_ACK, 0x1234);
	coap_message_write_empty(&w, COAP_TYPE_RST, 0x1234);
	coap_message_write_empty(&w, COAP_TYPE_CON, 0x1234);
	assert_false(w.failed);
	assert_memory_equal(out, "\x60\x00\x12\x34\x70\x00\x12\x34\x40\x00\x12\x34", 12);
}

/* The longest token and a large option into every buffer that is too small (RIOT CVE-2026-27703, CVE-2024-32017). */
static void a_message_that_does_not_fit_is_a_failure_not_an_overflow(void **state)
{
	(void)state;
	static const char path[255] = {0};
	uint8_t out[400];
	struct coap_token token = coap_token_of(bytes_of("12345678", 8));
	struct coap_options options = {0};
	coap_options_add(&options, COAP_OPTION_URI_PATH, bytes_of(path, sizeof path));
	coap_options_add_uint(&options, COAP_OPTION_SIZE1, UINT32_MAX);
	struct writer w = writer_of(out, sizeof out);
	coap_message_write(&w, COAP_TYPE_CON, COAP_PUT, 1, &token, &options, bytes_of_text("payload"));
	assert_false(w.failed);
	size_t needed = writer_bytes(&w).len;
	for (size_t capacity = 0; capacity < needed; capacity++) {
		uint8_t *exact = malloc(capacity + 1);
		w = writer_of(exact, capacity);
		exact[capacity] = 0xee;
		coap_message_write(&w, COAP_TYPE_CON, COAP_PUT, 1, &token, &options, bytes_of_text("payload"));
		assert_true(w.failed);
		assert_int_equal(exact[capacity], 0xee);
		free(exact);
	}
}

static void a_failed_option_list_fails_the_message(void **state)
{
	(void)state;
	uint8_t out[64];
	struct coap_token token = {.len = 0};
	struct coap_options options = {.failed = true};
	struct writer w = writer_of(out, sizeof out);
	coap_message_write(&w, COAP_TYPE_CON, COAP_GET, 1, &token, &options, BYTES_NONE);
	assert_true(w.failed);
}

static void a_description_that_does_not_fit_is_cut(void **state)
{
	(void)state;
	struct coap_message m;
	assert_int_equal(parse_hex_message(good[0].hex, &m), COAP_VERDICT_OK);
	for (size_t capacity = 0; capacity < strlen(good[0].text); capacity++) {
		char text[COAP_MESSAGE_TEXT_MAX_BYTES];
		struct writer w = writer_of(text, capacity);
		coap_message_describe(&w, &m);
		assert_true(w.failed);
		assert_memory_equal(text, good[0].text, writer_bytes(&w).len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_read_and_write_back_to_the_same_bytes),
		cmocka_unit_test(messages_are_described_in_one_line),
		cmocka_unit_test(the_parts_of_a_message_are_found),
		cmocka_unit_test(a_message_is_a_view_of_its_datagram),
		cmocka_unit_test(what_is_too_short_or_of_another_version_is_ignored),
		cmocka_unit_test(format_errors_are_malformed_and_name_type_and_id),
		cmocka_unit_test(a_message_cut_anywhere_has_a_verdict_and_never_the_whole_content),
		cmocka_unit_test(random_changes_never_break_the_parser),
		cmocka_unit_test(as_many_options_as_the_table_holds_and_not_one_more),
		cmocka_unit_test(tokens_differ_by_length_too),
		cmocka_unit_test(tokens_that_differ_in_any_byte_differ),
		cmocka_unit_test(the_length_of_a_token_is_written_in_one_of_three_forms),
		cmocka_unit_test(tokens_up_to_the_maximum_are_read_and_written_back),
		cmocka_unit_test(a_longer_token_is_no_format_error_and_can_be_repeated),
		cmocka_unit_test(a_cut_extended_token_is_malformed_at_every_length),
		cmocka_unit_test(unrecognised_options_are_dropped_or_refused),
		cmocka_unit_test(the_first_of_a_repeated_option_counts),
		cmocka_unit_test(a_message_is_written_from_its_parts),
		cmocka_unit_test(an_empty_payload_has_no_marker),
		cmocka_unit_test(acknowledgement_reset_and_ping_are_four_bytes),
		cmocka_unit_test(a_message_that_does_not_fit_is_a_failure_not_an_overflow),
		cmocka_unit_test(a_failed_option_list_fails_the_message),
		cmocka_unit_test(a_description_that_does_not_fit_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
