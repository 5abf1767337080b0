/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages on a byte stream: RFC 8323 section 3.2. */
#include "coap/frame.h"

#include "coap/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LARGE (70 * 1000)

static void the_example_of_figure_5_reads_as_2_03_with_a_token(void **state)
{
	uint8_t room[] = {0, 0, 0x01, 0x43, 0x7f};
	struct coap_frame f;
	struct coap_message m;
	(void)state;
	assert_int_equal(coap_frame_parse(bytes_of(room + 2, 3), &f), COAP_FRAME_OK);
	assert_int_equal(f.size, 3);
	assert_int_equal(f.code, COAP_VALID);
	struct bytes datagram = coap_frame_to_datagram(room + 2, &f);
	assert_int_equal(coap_message_parse(datagram, &m), COAP_VERDICT_OK);
	assert_int_equal(m.type, COAP_TYPE_NON);
	assert_int_equal(m.code, COAP_VALID);
	assert_int_equal(m.token.len, 1);
	assert_int_equal(m.token.bytes[0], 0x7f);
}

static void lengths_change_their_form_where_the_rfc_says(void **state)
{
	static const struct {
		size_t length, size;
		uint8_t head[6];
		size_t head_len;
	} cases[] = {
		{0, 2, {0x00}, 1},
		{12, 14, {0xc0}, 1},
		{13, 16, {0xd0, 0x00}, 2},
		{268, 271, {0xd0, 0xff}, 2},
		{269, 273, {0xe0, 0x00, 0x00}, 3},
		{65804, 65808, {0xe0, 0xff, 0xff}, 3},
		{65805, 65811, {0xf0, 0, 0, 0, 0}, 5},
		{65806, 65812, {0xf0, 0, 0, 0, 1}, 5},
	};
	static uint8_t datagram[LARGE], out[LARGE];
	struct coap_frame f;
	(void)state;
	datagram[0] = 0x50; /* NON, no token */
	datagram[1] = COAP_CONTENT;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bytes d = bytes_of(datagram, COAP_HEADER_BYTES + cases[i].length);
		struct writer w = writer_of(out, sizeof out);
		coap_frame_write(&w, d);
		assert_false(w.failed);
		assert_int_equal(writer_bytes(&w).len, cases[i].size);
		assert_int_equal(coap_frame_size(d), cases[i].size);
		assert_memory_equal(out, cases[i].head, cases[i].head_len);
		assert_int_equal(out[cases[i].head_len], COAP_CONTENT);
		assert_int_equal(coap_frame_parse(writer_bytes(&w), &f), COAP_FRAME_OK);
		assert_int_equal(f.size, cases[i].size);
	}
}

static void the_token_does_not_count_for_the_length_but_for_the_size(void **state)
{
	static const uint8_t eight[] = {
		0x18, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 0xb1};        /* GET, 8 bytes of token, 1 of options */
	static const uint8_t extended[] = {0x0d, 0x01, 0x02};     /* RFC 8974: 13 + 2 bytes of token */
	static const uint8_t longer[] = {0x0e, 0x01, 0x00, 0x01}; /* 269 + 1 */
	struct coap_frame f;
	(void)state;
	assert_int_equal(coap_frame_parse(bytes_of(eight, sizeof eight), &f), COAP_FRAME_OK);
	assert_int_equal(f.size, sizeof eight);
	assert_int_equal(coap_frame_parse(bytes_of(extended, sizeof extended), &f), COAP_FRAME_OK);
	assert_int_equal(f.size, 2 + 1 + 15);
	assert_int_equal(coap_frame_parse(bytes_of(longer, sizeof longer), &f), COAP_FRAME_OK);
	assert_int_equal(f.size, 2 + 2 + 270);
	assert_int_equal(coap_frame_parse(bytes_of(longer, 3), &f), COAP_FRAME_SHORT);
}

static void a_head_that_has_not_all_come_is_short_at_every_length(void **state)
{
	static const uint8_t widest[] = {0xf0, 0xff, 0xff, 0xff, 0xff, 0x45};
	struct coap_frame f = {.size = 7};
	(void)state;
	for (size_t len = 0; len < sizeof widest; len++)
		assert_int_equal(coap_frame_parse(bytes_of(widest, len), &f), COAP_FRAME_SHORT);
	assert_int_equal(f.size, 7);
	assert_int_equal(coap_frame_parse(bytes_of(widest, sizeof widest), &f), COAP_FRAME_OK);
	assert_int_equal(f.size, UINT64_C(0xffffffff) + 65805 + 6); /* 4 GiB and no overflow */
}

static void token_length_15_is_malformed_with_its_first_byte(void **state)
{
	struct coap_frame f;
	(void)state;
	assert_int_equal(coap_frame_parse(bytes_of("\x0f", 1), &f), COAP_FRAME_MALFORMED);
}

static void what_is_written_and_turned_back_is_the_same_message(void **state)
{
	static uint8_t in[LARGE], stream[2 + LARGE];
	(void)state;
	for (size_t payload = 0; payload < 66000; payload = payload * 3 + 1) {
		struct coap_token token = coap_token_of(bytes_of("abcdefgh", payload % 9));
		struct coap_options options = {.count = 0};
		struct writer w = writer_of(in, sizeof in), frame = writer_of(stream + 2, LARGE);
		struct coap_frame f;
		coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("a/b"));
		coap_message_write(&w, COAP_TYPE_NON, COAP_PUT, 0, &token, &options, bytes_of(stream, payload));
		assert_false(w.failed);
		coap_frame_write(&frame, writer_bytes(&w));
		assert_int_equal(coap_frame_parse(writer_bytes(&frame), &f), COAP_FRAME_OK);
		assert_int_equal(f.size, writer_bytes(&frame).len);
		struct bytes back = coap_frame_to_datagram(stream + 2, &f);
		assert_int_equal(back.len, writer_bytes(&w).len);
		assert_memory_equal(back.data, in, back.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_figure_5_reads_as_2_03_with_a_token),
		cmocka_unit_test(lengths_change_their_form_where_the_rfc_says),
		cmocka_unit_test(the_token_does_not_count_for_the_length_but_for_the_size),
		cmocka_unit_test(a_head_that_has_not_all_come_is_short_at_every_length),
		cmocka_unit_test(token_length_15_is_malformed_with_its_first_byte),
		cmocka_unit_test(what_is_written_and_turned_back_is_the_same_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
