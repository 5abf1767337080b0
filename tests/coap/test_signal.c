/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Signalling messages: RFC 8323 section 5. They are given in the form of a datagram, type and Message-ID zero. */
#include "coap/signal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct bytes written(struct writer *w)
{
	assert_false(w->failed);
	return writer_bytes(w);
}

static enum coap_signal_verdict parse(const void *bytes, size_t len, struct coap_signal *ret)
{
	uint16_t option;
	return coap_signal_parse(bytes_of(bytes, len), ret, &option);
}

static void a_csm_says_the_message_size_and_that_blocks_are_known(void **state)
{
	uint8_t room[COAP_SIGNAL_MAX_BYTES];
	struct writer w = writer_of(room, sizeof room);
	struct coap_settings own = {.message_size_max = 8192, .has_blocks = true}, peer = COAP_SETTINGS_BASE;
	struct coap_signal s;
	(void)state;
	coap_signal_write_csm(&w, &own);
	assert_memory_equal(room, "\x50\xe1\x00\x00\x22\x20\x00\x20", 8);
	assert_int_equal(parse(room, written(&w).len, &s), COAP_SIGNAL_OK);
	assert_int_equal(s.code, COAP_CSM);
	assert_false(coap_settings_have_bert(&peer));
	coap_settings_apply(&peer, &s);
	assert_int_equal(peer.message_size_max, 8192);
	assert_true(peer.has_blocks);
	assert_true(coap_settings_have_bert(&peer));
}

/* RFC 8974 section 2.2.1. */
static void a_csm_says_how_long_a_token_may_be(void **state)
{
	(void)state;
	static const struct {
		const char *csm;
		size_t len;
		uint32_t token_max_bytes;
	} rows[] = {
		{"\x50\xe1\x00\x00", 4, 8},
		{"\x50\xe1\x00\x00\x61\x40", 6, 64},
		{"\x50\xe1\x00\x00\x61\x07", 6, 64}, /* less than 8: ignored */
		{"\x50\xe1\x00\x00\x60", 5, 64},
		{"\x50\xe1\x00\x00\x61\x08", 6, 8},
		{"\x50\xe1\x00\x00\x63\x01\x01\x0c", 8, 65804},
		{"\x50\xe1\x00\x00\x63\x01\x01\x0d", 8, 65804},
		{"\x50\xe1\x00\x00\x63\xff\xff\xff", 8, 65804},
	};
	struct coap_settings peer = COAP_SETTINGS_BASE;
	struct coap_signal s;
	uint8_t room[32];
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(parse(rows[i].csm, rows[i].len, &s), COAP_SIGNAL_OK);
		coap_settings_apply(&peer, &s);
		assert_int_equal(peer.token_max_bytes, rows[i].token_max_bytes);
	}
	peer.token_max_bytes = 64;
	struct writer w = writer_of(room, sizeof room);
	coap_signal_write_csm(&w, &peer);
	assert_memory_equal(writer_bytes(&w).data + writer_bytes(&w).len - 2, "\x41\x40", 2);
}

static void settings_add_up_and_a_small_size_takes_bert_back(void **state)
{
	struct coap_settings s = COAP_SETTINGS_BASE;
	struct coap_signal csm;
	(void)state;
	assert_int_equal(parse("\x50\xe1\x00\x00\x40", 5, &csm), COAP_SIGNAL_OK); /* Block-Wise-Transfer alone */
	coap_settings_apply(&s, &csm);
	assert_true(s.has_blocks);
	assert_false(coap_settings_have_bert(&s));
	assert_int_equal(parse("\x50\xe1\x00\x00\x22\x04\x81", 7, &csm), COAP_SIGNAL_OK); /* 1153 */
	coap_settings_apply(&s, &csm);
	assert_true(coap_settings_have_bert(&s));
	assert_int_equal(parse("\x50\xe1\x00\x00", 4, &csm), COAP_SIGNAL_OK); /* says nothing, changes nothing */
	coap_settings_apply(&s, &csm);
	assert_true(coap_settings_have_bert(&s));
	assert_int_equal(parse("\x50\xe1\x00\x00\x22\x04\x80", 7, &csm), COAP_SIGNAL_OK); /* 1152 */
	coap_settings_apply(&s, &csm);
	assert_false(coap_settings_have_bert(&s));
}

static void options_that_are_not_known_are_skipped_or_end_it(void **state)
{
	struct coap_signal s;
	uint16_t option = 0;
	(void)state;
	assert_int_equal(parse("\x50\xe1\x00\x00\x80", 5, &s), COAP_SIGNAL_OK); /* 8, elective */
	assert_int_equal(
		coap_signal_parse(bytes_of("\x50\xe1\x00\x00\x51\x01", 6), &s, &option), COAP_SIGNAL_BAD_OPTION);
	assert_int_equal(option, 5);                                                    /* critical */
	assert_int_equal(parse("\x50\xe2\x00\x00\x10", 5, &s), COAP_SIGNAL_BAD_OPTION); /* of a Ping too */
}

static void a_message_size_that_cannot_be_is_refused_by_its_number(void **state)
{
	struct coap_signal s;
	uint16_t option = 0;
	(void)state;
	assert_int_equal(
		coap_signal_parse(bytes_of("\x50\xe1\x00\x00\x21\x7f", 6), &s, &option), COAP_SIGNAL_BAD_OPTION);
	assert_int_equal(option, COAP_CSM_MAX_MESSAGE_SIZE);
	assert_int_equal(parse("\x50\xe1\x00\x00\x21\x80", 6, &s), COAP_SIGNAL_OK);
	assert_int_equal(parse("\x50\xe1\x00\x00\x25\x00\x00\x00\x10\x00", 10, &s), COAP_SIGNAL_BAD_OPTION);
	/* The second of two is skipped (RFC 7252 section 5.4.5). */
	assert_int_equal(parse("\x50\xe1\x00\x00\x22\x10\x00\x01\x01", 9, &s), COAP_SIGNAL_OK);
	assert_int_equal(s.message_size_max, 4096);
}

static void the_ping_and_pong_of_figures_11_and_12_are_understood(void **state)
{
	uint8_t room[COAP_SIGNAL_MAX_BYTES];
	struct writer w = writer_of(room, sizeof room);
	struct coap_token token = coap_token_of(bytes_of("\x42", 1));
	struct coap_signal s;
	(void)state;
	assert_int_equal(parse("\x51\xe2\x00\x00\x42", 5, &s), COAP_SIGNAL_OK);
	assert_int_equal(s.code, COAP_PING);
	assert_true(coap_token_equal(&s.token, &token));
	assert_false(s.has_custody);
	assert_int_equal(parse("\x51\xe2\x00\x00\x42\x20", 6, &s), COAP_SIGNAL_OK);
	assert_true(s.has_custody);
	coap_signal_write_pong(&w, &token, false);
	assert_int_equal(written(&w).len, 5);
	assert_memory_equal(room, "\x51\xe3\x00\x00\x42", 5);
	w = writer_of(room, sizeof room);
	coap_signal_write_pong(&w, &token, true);
	assert_memory_equal(room, "\x51\xe3\x00\x00\x42\x20", written(&w).len);
	w = writer_of(room, sizeof room);
	coap_signal_write_ping(&w, &token);
	assert_memory_equal(room, "\x51\xe2\x00\x00\x42", written(&w).len);
}

static void a_release_may_ask_to_stay_away(void **state)
{
	uint8_t room[COAP_SIGNAL_MAX_BYTES];
	struct writer w = writer_of(room, sizeof room);
	struct coap_signal s;
	(void)state;
	coap_signal_write_release(&w, 30);
	assert_int_equal(parse(room, written(&w).len, &s), COAP_SIGNAL_OK);
	assert_int_equal(s.code, COAP_RELEASE);
	assert_int_equal(s.hold_off_s, 30);
	/* Two addresses, one of them empty, and a diagnostic. */
	assert_int_equal(parse("\x50\xe4\x00\x00\x21h\x00\xff"
			       "bye",
				 11, &s),
		COAP_SIGNAL_OK);
	assert_memory_equal(s.diagnostic.data, "bye", 3);
}

static void an_abort_names_the_option_and_the_reason(void **state)
{
	uint8_t room[COAP_SIGNAL_MAX_BYTES];
	struct writer w = writer_of(room, sizeof room);
	struct coap_signal s;
	(void)state;
	coap_signal_write_abort(&w, 5, "option not understood");
	assert_memory_equal(room, "\x50\xe5\x00\x00\x21\x05\xff", 7);
	assert_int_equal(parse(room, written(&w).len, &s), COAP_SIGNAL_OK);
	assert_int_equal(s.code, COAP_ABORT);
	assert_memory_equal(s.diagnostic.data, "option not understood", s.diagnostic.len);
}

static void codes_without_a_meaning_and_broken_messages_are_told_apart(void **state)
{
	struct coap_signal s;
	(void)state;
	assert_int_equal(parse("\x50\xe0\x00\x00", 4, &s), COAP_SIGNAL_UNKNOWN);
	assert_int_equal(parse("\x50\xff\x00\x00", 4, &s), COAP_SIGNAL_UNKNOWN);
	assert_int_equal(parse("\x5f\xe2\x00\x00", 4, &s), COAP_SIGNAL_MALFORMED);         /* token length 15 */
	assert_int_equal(parse("\x59\xe2\x00\x00", 4, &s), COAP_SIGNAL_MALFORMED);         /* 9, and none there */
	assert_int_equal(parse("\x52\xe2\x00\x00\x01", 5, &s), COAP_SIGNAL_MALFORMED);     /* half a token */
	assert_int_equal(parse("\x50\xe1\x00\x00\x24\x01", 6, &s), COAP_SIGNAL_MALFORMED); /* half a value */
	assert_int_equal(parse("\x50\xe1\x00\x00\xff", 5, &s), COAP_SIGNAL_MALFORMED);     /* a marker, no payload */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_csm_says_the_message_size_and_that_blocks_are_known),
		cmocka_unit_test(a_csm_says_how_long_a_token_may_be),
		cmocka_unit_test(settings_add_up_and_a_small_size_takes_bert_back),
		cmocka_unit_test(options_that_are_not_known_are_skipped_or_end_it),
		cmocka_unit_test(a_message_size_that_cannot_be_is_refused_by_its_number),
		cmocka_unit_test(the_ping_and_pong_of_figures_11_and_12_are_understood),
		cmocka_unit_test(a_release_may_ask_to_stay_away),
		cmocka_unit_test(an_abort_names_the_option_and_the_reason),
		cmocka_unit_test(codes_without_a_meaning_and_broken_messages_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
