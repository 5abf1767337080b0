/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One side of connections, with a peer that is a row of bytes: RFC 8323 sections 3 and 5. */
#include "coap/connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define OUT_BYTES (256 * 1024)

static const struct address somebody = {.ip = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}, .port = 40000};

struct stage {
	void *memory;
	struct coap_connections *t;
	struct coap_remote remote;
	uint8_t *out; /* what has left */
	size_t out_len;
	int messages, pongs, idles, losses;
	uint8_t last_code;
	size_t last_payload;
	enum coap_connection_end end;
	msec now;
};

static void raise_stage_with(struct stage *s, const struct coap_connections_config *config)
{
	*s = (struct stage){.now = 1000};
	s->memory = aligned_alloc(64, coap_connections_memory(config));
	s->out = malloc(OUT_BYTES);
	assert_true(s->memory != NULL && s->out != NULL);
	s->t = coap_connections_init(s->memory, config);
	assert_true(coap_connection_accept(s->t, &somebody, s->now, &s->remote));
}

static void raise_stage(struct stage *s)
{
	struct coap_connections_config config = COAP_CONNECTIONS_DEFAULT;
	config.capacity = 2;
	raise_stage_with(s, &config);
}

static void strike_stage(struct stage *s)
{
	free(s->memory);
	free(s->out);
}

static void take_events(struct stage *s)
{
	struct coap_connection_event event;
	while (coap_connections_next(s->t, s->now, &event)) {
		assert_true(coap_remote_is_reliable(&event.remote));
		assert_false(coap_remote_is_secure(&event.remote));
		switch (event.kind) {
		case COAP_CONNECTION_MESSAGE:
			s->messages++;
			s->last_code = event.message.data[1];
			s->last_payload = event.message.len;
			break;
		case COAP_CONNECTION_PONG:
			s->pongs++;
			break;
		case COAP_CONNECTION_IDLE:
			s->idles++;
			break;
		case COAP_CONNECTION_LOST:
			s->losses++;
			s->end = event.end;
			break;
		}
	}
}

static size_t give(struct stage *s, const void *bytes, size_t len)
{
	size_t room;
	uint8_t *at = coap_connection_room(s->t, s->remote.session, &room);
	size_t taken = len < room ? len : room;
	if (taken > 0)
		memcpy(at, bytes, taken);
	coap_connection_received(s->t, s->remote.session, taken, s->now);
	return taken;
}

static void feed(struct stage *s, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	while (len > 0) {
		size_t taken = give(s, at, len);
		take_events(s);
		if (taken == 0)
			return;
		at += taken;
		len -= taken;
	}
	take_events(s);
}

#define FEED(s, text) feed(s, text, sizeof(text) - 1)

static void drain(struct stage *s, size_t most)
{
	struct bytes output;
	struct handle h;
	while ((output = coap_connection_output(s->t, s->remote.session)).len > 0 && most > 0) {
		size_t len = output.len < most ? output.len : most;
		assert_true(s->out_len + len <= OUT_BYTES);
		memcpy(s->out + s->out_len, output.data, len);
		s->out_len += len;
		most -= len;
		coap_connection_written(s->t, s->remote.session, len, s->now);
	}
	take_events(s);
	while (coap_connection_touched(s->t, &h))
		;
}

static void pass(struct stage *s, msec span)
{
	s->now += span;
	coap_connections_tick(s->t, s->now);
	take_events(s);
}

static bool has_left(const struct stage *s, const void *bytes, size_t len)
{
	for (size_t i = 0; i + len <= s->out_len; i++)
		if (memcmp(s->out + i, bytes, len) == 0)
			return true;
	return false;
}

static enum coap_connection_state state_of(const struct stage *s)
{
	enum coap_connection_state state = COAP_CONNECTION_CLOSING;
	(void)coap_connection_state_of(s->t, s->remote.session, &state);
	return state;
}

static void assert_aborted(struct stage *s, enum coap_connection_end why)
{
	drain(s, SIZE_MAX);
	assert_int_equal(s->losses, 1);
	assert_int_equal(s->end, why);
	const char *text = coap_connection_end_text(why);
	assert_true(has_left(s, text, strlen(text)));
	assert_int_equal(state_of(s), COAP_CONNECTION_CLOSING);
}

#define CSM           "\x00\xe1"
#define GET_TEST      "\x51\x01\x07\xb4test" /* token 07 */
#define GET_BYTES     8
#define OUR_CSM_BYTES 8

/* ---- the greeting ---- */

static void our_csm_leaves_first_and_the_peers_opens(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	assert_int_equal(state_of(&s), COAP_CONNECTION_GREETING);
	drain(&s, SIZE_MAX);
	/* 16 KiB and 512, blocks, and tokens of 64 bytes (RFC 8974) */
	assert_memory_equal(s.out, "\x60\xe1\x22\x42\x00\x20\x21\x40", OUR_CSM_BYTES);
	assert_int_equal(s.out_len, OUR_CSM_BYTES);
	FEED(&s, CSM);
	assert_int_equal(state_of(&s), COAP_CONNECTION_OPEN);
	assert_true(coap_connection_is_ready(s.t, s.remote.session));
	strike_stage(&s);
}

static void a_connection_of_ours_greets_when_it_is_made(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	assert_true(coap_connection_open(s.t, &somebody, s.now, &s.remote));
	assert_int_equal(coap_connection_output(s.t, s.remote.session).len, 0);
	assert_int_equal(state_of(&s), COAP_CONNECTION_CONNECTING);
	coap_connection_connected(s.t, s.remote.session, s.now);
	assert_int_equal(coap_connection_output(s.t, s.remote.session).len, OUR_CSM_BYTES);
	assert_false(coap_connection_is_ready(s.t, s.remote.session));
	strike_stage(&s);
}

static void a_connection_that_is_not_made_in_time_is_lost(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	assert_true(coap_connection_open(s.t, &somebody, s.now, &s.remote));
	pass(&s, SECONDS(10));
	assert_int_equal(s.losses, 2); /* the accepted one sent no CSM either */
	drain(&s, SIZE_MAX);
	assert_false(coap_connection_is_known(s.t, s.remote.session));
	strike_stage(&s);
}

static void whoever_sends_no_csm_is_aborted(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	pass(&s, SECONDS(9));
	assert_int_equal(s.losses, 0);
	pass(&s, SECONDS(1));
	assert_aborted(&s, COAP_CONNECTION_NO_CSM);
	strike_stage(&s);
}

static void a_request_before_the_csm_is_aborted_but_an_empty_message_is_nothing(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, "\x00\x00");
	assert_int_equal(s.losses, 0);
	FEED(&s, GET_TEST);
	assert_int_equal(s.messages, 0);
	assert_aborted(&s, COAP_CONNECTION_NO_CSM);
	strike_stage(&s);
}

static void a_critical_option_in_a_csm_is_named_by_the_abort(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, "\x20\xe1\x51\x01");
	assert_aborted(&s, COAP_CONNECTION_BAD_CSM);
	assert_true(has_left(&s, "\xe5\x21\x05\xff", 4));
	strike_stage(&s);
}

static void a_later_csm_changes_the_settings(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM);
	assert_int_equal(coap_connection_peer(s.t, s.remote.session)->message_size_max, 1152);
	FEED(&s, "\x40\xe1\x22\x20\x00\x20");
	assert_int_equal(coap_connection_peer(s.t, s.remote.session)->message_size_max, 8192);
	assert_true(coap_settings_have_bert(coap_connection_peer(s.t, s.remote.session)));
	strike_stage(&s);
}

/* ---- messages ---- */

static void messages_are_cut_right_wherever_the_stream_is_split(void **state)
{
	static const char stream[] = CSM GET_TEST "\x00\x00\xd1\x05\x02\x09\xb4testabcdefghijklm" GET_TEST;
	size_t len = sizeof stream - 1;
	(void)state;
	for (size_t split = 0; split <= len; split++) {
		struct stage s;
		raise_stage(&s);
		feed(&s, stream, split);
		feed(&s, stream + split, len - split);
		assert_int_equal(s.messages, 3);
		assert_int_equal(s.losses, 0);
		assert_int_equal(s.last_payload, GET_BYTES + 2);
		strike_stage(&s);
	}
}

static void one_byte_at_a_time_is_as_good_as_all_at_once(void **state)
{
	static const char stream[] = CSM GET_TEST GET_TEST GET_TEST;
	struct stage s;
	(void)state;
	raise_stage(&s);
	for (size_t i = 0; i < sizeof stream - 1; i++)
		feed(&s, stream + i, 1);
	assert_int_equal(s.messages, 3);
	strike_stage(&s);
}

static void the_longest_message_is_taken_and_one_byte_more_is_refused_by_its_head(void **state)
{
	static uint8_t message[16 * 1024 + 512 + 1];
	struct coap_connections_config config = COAP_CONNECTIONS_DEFAULT;
	uint32_t size = config.message_size_max;
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM);
	struct writer w = writer_of(message, sizeof message);
	write_u8(&w, 0xe0);
	write_u16(&w, (uint16_t)(size - 4 - 269));
	write_u8(&w, COAP_PUT);
	write_u8(&w, 0xff);
	feed(&s, message, size);
	assert_int_equal(s.messages, 1);
	assert_int_equal(s.last_payload, size);
	message[2]++;
	feed(&s, message, 4);
	assert_int_equal(s.messages, 1);
	assert_aborted(&s, COAP_CONNECTION_TOO_LONG);
	strike_stage(&s);
}

static void a_length_of_4_gib_ends_it_at_once(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\xf0\xff\xff\xff\xff\x02");
	assert_aborted(&s, COAP_CONNECTION_TOO_LONG);
	strike_stage(&s);
}

static void a_reserved_token_length_ends_it(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x0f");
	assert_aborted(&s, COAP_CONNECTION_MALFORMED);
	strike_stage(&s);
}

static void a_message_that_never_comes_to_its_end_ends_it(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x51\x01\x07");
	drain(&s, SIZE_MAX);
	for (int i = 0; i < 59; i++) {
		pass(&s, SECONDS(1));
		assert_int_equal(s.losses, 0);
	}
	pass(&s, SECONDS(1));
	assert_aborted(&s, COAP_CONNECTION_MALFORMED);
	strike_stage(&s);
}

static void bytes_behind_the_end_are_swallowed(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, GET_TEST GET_TEST);
	assert_int_equal(s.losses, 1);
	for (int i = 0; i < 10000; i++)
		FEED(&s, GET_TEST);
	assert_int_equal(s.messages, 0);
	assert_int_equal(s.losses, 1);
	strike_stage(&s);
}

/* ---- Ping and Pong ---- */

static void a_ping_is_answered_with_its_token(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x01\xe2\x42");
	drain(&s, SIZE_MAX);
	assert_true(has_left(&s, "\x01\xe3\x42", 3));
	assert_int_equal(s.out_len, OUR_CSM_BYTES + 3);
	strike_stage(&s);
}

static void custody_waits_until_all_is_answered(void **state)
{
	struct coap_remote waiting;
	struct stage s;
	uint32_t cursor = 0;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM);
	assert_false(coap_connections_awaiting(s.t, &cursor, &waiting));
	FEED(&s, "\x11\xe2\x42\x20");
	drain(&s, SIZE_MAX);
	assert_false(has_left(&s, "\xe3", 1));
	cursor = 0;
	assert_true(coap_connections_awaiting(s.t, &cursor, &waiting));
	assert_true(coap_remote_equal(&waiting, &s.remote));
	assert_false(coap_connections_awaiting(s.t, &cursor, &waiting));
	coap_connection_settled(s.t, s.remote.session, s.now);
	drain(&s, SIZE_MAX);
	assert_true(has_left(&s, "\x11\xe3\x42\x20", 4));
	cursor = 0;
	assert_false(coap_connections_awaiting(s.t, &cursor, &waiting));
	strike_stage(&s);
}

static void custody_that_takes_too_long_is_answered_without_it(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x11\xe2\x42\x20");
	pass(&s, SECONDS(20));
	drain(&s, SIZE_MAX);
	assert_true(has_left(&s, "\x01\xe3\x42", 3));
	strike_stage(&s);
}

static void a_second_ping_with_custody_answers_the_first(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x11\xe2\x42\x20\x11\xe2\x43\x20");
	drain(&s, SIZE_MAX);
	assert_true(has_left(&s, "\x01\xe3\x42", 3));
	coap_connection_settled(s.t, s.remote.session, s.now);
	drain(&s, SIZE_MAX);
	assert_true(has_left(&s, "\x11\xe3\x43\x20", 4));
	strike_stage(&s);
}

static void an_idle_connection_is_told_and_lives_by_its_pong(void **state)
{
	static const struct coap_token own = {.len = 0};
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM);
	drain(&s, SIZE_MAX);
	pass(&s, SECONDS(299));
	assert_int_equal(s.idles, 0);
	pass(&s, SECONDS(1));
	assert_int_equal(s.idles, 1);
	assert_true(coap_connection_ping(s.t, s.remote.session, &own, s.now));
	drain(&s, SIZE_MAX);
	assert_true(has_left(&s, "\x00\xe2", 2));
	FEED(&s, "\x00\xe3");
	assert_int_equal(s.pongs, 0); /* it was the connection's own */
	pass(&s, SECONDS(299));
	assert_int_equal(s.losses, 0);
	pass(&s, SECONDS(1));
	assert_int_equal(s.idles, 2);
	assert_true(coap_connection_ping(s.t, s.remote.session, &own, s.now));
	drain(&s, SIZE_MAX);
	pass(&s, SECONDS(30));
	assert_aborted(&s, COAP_CONNECTION_PEER_TAKES_NONE);
	strike_stage(&s);
}

static void a_pong_with_a_token_is_the_endpoints(void **state)
{
	struct coap_token token = coap_token_of(bytes_of("x", 1));
	struct stage s;
	(void)state;
	raise_stage(&s);
	assert_false(coap_connection_ping(s.t, s.remote.session, &token, s.now)); /* not open yet */
	FEED(&s, CSM);
	assert_true(coap_connection_ping(s.t, s.remote.session, &token, s.now));
	FEED(&s, "\x01\xe3x");
	assert_int_equal(s.pongs, 1);
	strike_stage(&s);
}

/* ---- the end ---- */

static void the_peers_release_ends_it_when_all_is_answered(void **state)
{
	struct coap_remote waiting;
	struct stage s;
	uint32_t cursor = 0;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM GET_TEST "\x00\xe4");
	assert_int_equal(s.messages, 1);
	assert_int_equal(state_of(&s), COAP_CONNECTION_RELEASING);
	assert_false(coap_connection_is_ready(s.t, s.remote.session));
	assert_true(coap_connections_awaiting(s.t, &cursor, &waiting));
	assert_true(coap_connection_send(s.t, s.remote.session, bytes_of("\x51\x45\x00\x00\x07\xff!", 7), s.now));
	coap_connection_settled(s.t, s.remote.session, s.now);
	drain(&s, SIZE_MAX);
	assert_true(has_left(&s, "\x21\x45\x07\xff!", 5));
	assert_int_equal(s.end, COAP_CONNECTION_RELEASED);
	assert_true(coap_connection_is_closing(s.t, s.remote.session));
	strike_stage(&s);
}

static void our_release_waits_for_the_peer_to_close_and_not_for_ever(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM);
	coap_connection_release(s.t, s.remote.session, s.now);
	drain(&s, SIZE_MAX);
	assert_true(has_left(&s, "\x00\xe4", 2));
	FEED(&s, GET_TEST);
	assert_int_equal(s.messages, 1); /* it was on its way */
	pass(&s, SECONDS(19));
	assert_int_equal(s.losses, 0);
	pass(&s, SECONDS(1));
	assert_int_equal(s.losses, 1);
	assert_int_equal(s.end, COAP_CONNECTION_RELEASED);
	strike_stage(&s);
}

static void an_abort_of_the_peer_is_the_end(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x30\xe5\xffno" GET_TEST);
	assert_int_equal(s.losses, 1);
	assert_int_equal(s.end, COAP_CONNECTION_ABORTED);
	assert_int_equal(s.messages, 0);
	drain(&s, SIZE_MAX);
	assert_false(coap_connection_is_known(s.t, s.remote.session));
	strike_stage(&s);
}

static void what_came_before_the_end_of_the_stream_is_still_handled(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	give(&s, CSM GET_TEST, 2 + GET_BYTES);
	coap_connection_ended(s.t, s.remote.session, s.now);
	take_events(&s);
	assert_int_equal(s.messages, 1);
	assert_int_equal(s.losses, 1);
	assert_int_equal(s.end, COAP_CONNECTION_CLOSED);
	drain(&s, SIZE_MAX);
	assert_false(coap_connection_is_known(s.t, s.remote.session));
	strike_stage(&s);
}

static void the_last_words_of_a_lost_connection_leave_and_then_it_goes(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x0f");
	drain(&s, SIZE_MAX);
	assert_true(coap_connection_is_known(s.t, s.remote.session));
	pass(&s, SECONDS(2));
	drain(&s, SIZE_MAX);
	assert_false(coap_connection_is_known(s.t, s.remote.session));
	assert_int_equal(coap_connections_count(s.t), 0);
	strike_stage(&s);
}

static void a_handle_outlives_its_connection_without_harm(void **state)
{
	struct coap_remote other;
	struct stage s;
	size_t room;
	(void)state;
	raise_stage(&s);
	coap_connection_broken(s.t, s.remote.session, s.now);
	take_events(&s);
	drain(&s, SIZE_MAX);
	assert_true(coap_connection_accept(s.t, &somebody, s.now, &other));
	assert_false(coap_connection_is_known(s.t, s.remote.session));
	assert_false(coap_connection_send(s.t, s.remote.session, bytes_of("\x50\x45\x00\x00", 4), s.now));
	assert_null(coap_connection_room(s.t, s.remote.session, &room));
	assert_null(coap_connection_peer(s.t, s.remote.session));
	coap_connection_close(s.t, s.remote.session, s.now);
	coap_connection_release(s.t, s.remote.session, s.now);
	coap_connection_settled(s.t, s.remote.session, s.now);
	coap_connection_ended(s.t, s.remote.session, s.now);
	coap_connection_connected(s.t, s.remote.session, s.now);
	coap_connection_received(s.t, s.remote.session, 1, s.now);
	coap_connection_written(s.t, s.remote.session, 1, s.now);
	coap_connection_abort(s.t, s.remote.session, COAP_CONNECTION_MALFORMED, s.now);
	coap_connection_broken(s.t, s.remote.session, s.now);
	assert_true(coap_connection_is_closing(s.t, s.remote.session));
	assert_true(coap_connection_is_known(s.t, other.session));
	strike_stage(&s);
}

/* ---- limits ---- */

static void a_full_table_takes_nobody_until_one_goes(void **state)
{
	struct coap_remote other;
	struct stage s;
	(void)state;
	raise_stage(&s);
	assert_true(coap_connection_accept(s.t, &somebody, s.now, &other));
	assert_false(coap_connection_accept(s.t, &somebody, s.now, &other));
	assert_false(coap_connection_open(s.t, &somebody, s.now, &other));
	assert_int_equal(coap_connections_counters(s.t)->refused_full, 2);
	coap_connection_broken(s.t, s.remote.session, s.now);
	take_events(&s);
	drain(&s, SIZE_MAX);
	assert_true(coap_connection_accept(s.t, &somebody, s.now, &other));
	strike_stage(&s);
}

static bool send_8k(struct stage *s)
{
	static uint8_t message[8000] = {0x50, COAP_CONTENT};
	message[4] = 0xff;
	return coap_connection_send(s->t, s->remote.session, bytes_of(message, sizeof message), s->now);
}

static void a_peer_that_does_not_read_is_not_read_either(void **state)
{
	struct stage s;
	size_t room;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x40\xe1\x22\x42\x00\x20");
	for (int i = 0; i < 3; i++)
		assert_true(send_8k(&s));
	assert_false(coap_connection_is_ready(s.t, s.remote.session));
	assert_null(coap_connection_room(s.t, s.remote.session, &room));
	drain(&s, 10000);
	assert_true(coap_connection_is_ready(s.t, s.remote.session));
	assert_non_null(coap_connection_room(s.t, s.remote.session, &room));
	strike_stage(&s);
}

static void messages_that_came_before_it_was_busy_wait_for_their_turn(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x40\xe1\x22\x42\x00\x20");
	give(&s, GET_TEST GET_TEST, 2 * GET_BYTES);
	for (int i = 0; i < 3; i++)
		assert_true(send_8k(&s));
	take_events(&s);
	assert_int_equal(s.messages, 0);
	drain(&s, SIZE_MAX);
	assert_int_equal(s.messages, 2);
	strike_stage(&s);
}

static void more_than_the_output_holds_ends_it(void **state)
{
	struct stage s;
	int sent = 0;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x40\xe1\x22\x42\x00\x20");
	while (send_8k(&s))
		sent++;
	take_events(&s);
	assert_int_equal(sent, 6);
	assert_aborted(&s, COAP_CONNECTION_PEER_TAKES_NONE); /* and there is room for the Abort */
	strike_stage(&s);
}

static void output_that_does_not_move_ends_it(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM);
	drain(&s, 1);
	pass(&s, SECONDS(59));
	drain(&s, 1);
	pass(&s, SECONDS(59));
	assert_int_equal(s.losses, 0);
	pass(&s, SECONDS(1));
	assert_int_equal(s.losses, 1);
	assert_int_equal(s.end, COAP_CONNECTION_PEER_TAKES_NONE);
	drain(&s, SIZE_MAX);
	assert_false(coap_connection_is_known(s.t, s.remote.session));
	strike_stage(&s);
}

static void a_message_longer_than_the_peer_takes_is_never_sent(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM);
	drain(&s, SIZE_MAX);
	assert_false(send_8k(&s)); /* the peer takes 1152 */
	take_events(&s);
	assert_aborted(&s, COAP_CONNECTION_TOO_LONG);
	assert_true(s.out_len < 100);
	strike_stage(&s);
}

static void connections_take_turns(void **state)
{
	struct coap_connection_event event;
	struct coap_remote other, first;
	struct stage s;
	(void)state;
	raise_stage(&s);
	first = s.remote;
	FEED(&s, CSM);
	assert_true(coap_connection_accept(s.t, &somebody, s.now, &other));
	s.remote = other;
	FEED(&s, CSM);
	give(&s, GET_TEST GET_TEST, 2 * GET_BYTES);
	s.remote = first;
	give(&s, GET_TEST GET_TEST, 2 * GET_BYTES);
	for (int i = 0; i < 4; i++) {
		assert_true(coap_connections_next(s.t, s.now, &event));
		assert_true(coap_remote_equal(&event.remote, i % 2 == 0 ? &other : &first));
	}
	assert_false(coap_connections_next(s.t, s.now, &event));
	strike_stage(&s);
}

/* ---- what does not happen often ---- */

/* RFC 8323 section 5.1 gives codes 7.01 to 7.05 a meaning; others may get one. */
static void a_signal_without_a_meaning_is_ignored(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x00\xe9" GET_TEST);
	assert_int_equal(s.losses, 0);
	assert_int_equal(s.messages, 1);
	strike_stage(&s);
}

static void a_signal_whose_options_are_no_options_ends_it(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x10\xe2\xf0");
	assert_aborted(&s, COAP_CONNECTION_MALFORMED);
	strike_stage(&s);
}

/* Section 5.6: one Abort is enough, and after it nothing of the peer counts. */
static void an_abort_instead_of_a_greeting_is_not_answered_with_another(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	drain(&s, SIZE_MAX);
	FEED(&s, "\x00\xe5");
	assert_int_equal(s.end, COAP_CONNECTION_ABORTED);
	drain(&s, SIZE_MAX);
	assert_int_equal(s.out_len, OUR_CSM_BYTES);
	strike_stage(&s);
}

static void a_connection_that_never_opened_ends_at_once_when_it_is_released_or_closed(void **state)
{
	static const enum coap_connection_end ends[] = {COAP_CONNECTION_RELEASED, COAP_CONNECTION_CLOSED};
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct stage s;
		raise_stage(&s);
		if (i < 2) /* ours, on its way; else the peer has not greeted */
			assert_true(coap_connection_open(s.t, &somebody, s.now, &s.remote));
		for (int twice = 0; twice < 2; twice++)
			if (i % 2 == 0)
				coap_connection_release(s.t, s.remote.session, s.now);
			else
				coap_connection_close(s.t, s.remote.session, s.now);
		take_events(&s);
		assert_int_equal(s.losses, 1);
		assert_int_equal(s.end, ends[i % 2]);
		strike_stage(&s);
	}
}

/* Nothing was agreed on yet, so nothing may be said. */
static void nothing_is_sent_before_the_greeting(void **state)
{
	static const uint8_t get[] = {0x40, 0x01, 0, 0};
	struct stage s;
	(void)state;
	raise_stage(&s);
	assert_false(coap_connection_send(s.t, s.remote.session, bytes_of(get, sizeof get), s.now));
	assert_false(coap_connection_is_ready(s.t, s.remote.session));
	drain(&s, SIZE_MAX);
	assert_int_equal(s.out_len, OUR_CSM_BYTES);
	FEED(&s, CSM);
	assert_true(coap_connection_send(s.t, s.remote.session, bytes_of(get, sizeof get), s.now));
	strike_stage(&s);
}

static void a_connection_that_is_refused_or_breaks_says_which(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct stage s;
		raise_stage(&s);
		if (i < 2)
			assert_true(coap_connection_open(s.t, &somebody, s.now, &s.remote));
		for (int twice = 0; twice < 2; twice++)
			if (i % 2 == 0)
				coap_connection_ended(s.t, s.remote.session, s.now);
			else
				coap_connection_broken(s.t, s.remote.session, s.now);
		take_events(&s);
		assert_int_equal(s.losses, 1);
		assert_int_equal(s.end, i < 2    ? COAP_CONNECTION_REFUSED
					: i == 2 ? COAP_CONNECTION_CLOSED
						 : COAP_CONNECTION_BROKEN);
		coap_connection_connected(s.t, s.remote.session, s.now); /* too late */
		assert_int_equal(state_of(&s), COAP_CONNECTION_CLOSING);
		strike_stage(&s);
	}
}

static void a_connection_is_aborted_once(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	for (int twice = 0; twice < 2; twice++)
		coap_connection_abort(s.t, s.remote.session, COAP_CONNECTION_MALFORMED, s.now);
	take_events(&s);
	assert_int_equal(coap_connections_counters(s.t)->aborted, 1);
	assert_aborted(&s, COAP_CONNECTION_MALFORMED);
	strike_stage(&s);
}

static void each_end_has_words_of_its_own(void **state)
{
	(void)state;
	for (int i = COAP_CONNECTION_CLOSED; i <= COAP_CONNECTION_PEER_TAKES_NONE; i++) {
		assert_true(coap_connection_end_text((enum coap_connection_end)i)[0] != '\0');
		for (int j = COAP_CONNECTION_CLOSED; j < i; j++)
			assert_string_not_equal(coap_connection_end_text((enum coap_connection_end)i),
				coap_connection_end_text((enum coap_connection_end)j));
	}
}

/* The second of two connections waits: the walk passes the first. */
static void only_those_that_wait_for_answers_are_walked_through(void **state)
{
	struct coap_remote first, waiting;
	struct stage s;
	uint32_t cursor = 0;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM);
	first = s.remote;
	assert_true(coap_connection_accept(s.t, &somebody, s.now, &s.remote));
	FEED(&s, CSM "\x11\xe2\x42\x20");
	assert_true(coap_connections_awaiting(s.t, &cursor, &waiting));
	assert_true(coap_remote_equal(&waiting, &s.remote));
	assert_false(coap_connections_awaiting(s.t, &cursor, &waiting));
	coap_connection_settled(s.t, first.session, s.now); /* it waits for nothing */
	cursor = 0;
	assert_true(coap_connections_awaiting(s.t, &cursor, &waiting));
	/* A Release, and what it waits for, too. */
	FEED(&s, "\x00\xe4\x00\xe4");
	coap_connection_settled(s.t, s.remote.session, s.now);
	take_events(&s);
	assert_int_equal(s.end, COAP_CONNECTION_RELEASED);
	cursor = 0;
	assert_false(coap_connections_awaiting(s.t, &cursor, &waiting));
	strike_stage(&s);
}

/* A second Ping of our own does not prolong the patience for the first one's Pong. */
static void our_second_ping_does_not_prolong_the_wait_for_the_first(void **state)
{
	static const struct coap_token own = {.len = 0};
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM);
	assert_true(coap_connection_ping(s.t, s.remote.session, &own, s.now));
	drain(&s, SIZE_MAX);
	pass(&s, SECONDS(20));
	assert_true(coap_connection_ping(s.t, s.remote.session, &own, s.now));
	drain(&s, SIZE_MAX);
	pass(&s, SECONDS(10));
	assert_aborted(&s, COAP_CONNECTION_PEER_TAKES_NONE);
	strike_stage(&s);
}

/* The peer reads a little at a time: what waits moves up, and its bytes stay in order. */
static void output_that_leaves_bit_by_bit_stays_in_order(void **state)
{
	uint8_t datagram[1000] = {0x40, 0x45, 0, 0, 0xff};
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM);
	drain(&s, SIZE_MAX);
	s.out_len = 0;
	for (uint8_t i = 0; i < 200; i++) {
		memset(datagram + 5, i, sizeof datagram - 5);
		assert_true(coap_connection_send(s.t, s.remote.session, bytes_of(datagram, sizeof datagram), s.now));
		drain(&s, i < 30 ? 900 : 998);
	}
	drain(&s, SIZE_MAX);
	size_t frame = s.out_len / 200;
	assert_int_equal(s.out_len, 200 * frame);
	for (size_t i = 0; i < 200; i++)
		for (size_t k = frame - 900; k < frame; k++)
			assert_int_equal(s.out[i * frame + k], i);
	strike_stage(&s);
}

/* Answers fill all that may wait, three messages of the longest kind and an Abort, and then a Pong is owed, too. */
static void a_pong_that_finds_no_room_ends_it(void **state)
{
	static const size_t most = 3 * (16 * 1024 + 512) + COAP_SIGNAL_MAX_BYTES, lens[] = {1000, COAP_HEADER_BYTES};
	uint8_t datagram[1000] = {0x40, 0x45, 0, 0, 0xff};
	struct stage s;
	(void)state;
	raise_stage(&s);
	FEED(&s, CSM "\x11\xe2\x42\x20");
	for (int i = 0; i < 2; i++)
		while (most - coap_connection_output(s.t, s.remote.session).len >= lens[i])
			assert_true(coap_connection_send(s.t, s.remote.session, bytes_of(datagram, lens[i]), s.now));
	take_events(&s);
	assert_int_equal(s.losses, 0);
	coap_connection_settled(s.t, s.remote.session, s.now);
	take_events(&s);
	assert_aborted(&s, COAP_CONNECTION_PEER_TAKES_NONE);
	strike_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_csm_leaves_first_and_the_peers_opens),
		cmocka_unit_test(a_connection_of_ours_greets_when_it_is_made),
		cmocka_unit_test(a_connection_that_is_not_made_in_time_is_lost),
		cmocka_unit_test(whoever_sends_no_csm_is_aborted),
		cmocka_unit_test(a_request_before_the_csm_is_aborted_but_an_empty_message_is_nothing),
		cmocka_unit_test(a_critical_option_in_a_csm_is_named_by_the_abort),
		cmocka_unit_test(a_later_csm_changes_the_settings),
		cmocka_unit_test(messages_are_cut_right_wherever_the_stream_is_split),
		cmocka_unit_test(one_byte_at_a_time_is_as_good_as_all_at_once),
		cmocka_unit_test(the_longest_message_is_taken_and_one_byte_more_is_refused_by_its_head),
		cmocka_unit_test(a_length_of_4_gib_ends_it_at_once),
		cmocka_unit_test(a_reserved_token_length_ends_it),
		cmocka_unit_test(a_message_that_never_comes_to_its_end_ends_it),
		cmocka_unit_test(bytes_behind_the_end_are_swallowed),
		cmocka_unit_test(a_ping_is_answered_with_its_token),
		cmocka_unit_test(custody_waits_until_all_is_answered),
		cmocka_unit_test(custody_that_takes_too_long_is_answered_without_it),
		cmocka_unit_test(a_second_ping_with_custody_answers_the_first),
		cmocka_unit_test(an_idle_connection_is_told_and_lives_by_its_pong),
		cmocka_unit_test(a_pong_with_a_token_is_the_endpoints),
		cmocka_unit_test(the_peers_release_ends_it_when_all_is_answered),
		cmocka_unit_test(our_release_waits_for_the_peer_to_close_and_not_for_ever),
		cmocka_unit_test(an_abort_of_the_peer_is_the_end),
		cmocka_unit_test(what_came_before_the_end_of_the_stream_is_still_handled),
		cmocka_unit_test(the_last_words_of_a_lost_connection_leave_and_then_it_goes),
		cmocka_unit_test(a_handle_outlives_its_connection_without_harm),
		cmocka_unit_test(a_full_table_takes_nobody_until_one_goes),
		cmocka_unit_test(a_peer_that_does_not_read_is_not_read_either),
		cmocka_unit_test(messages_that_came_before_it_was_busy_wait_for_their_turn),
		cmocka_unit_test(more_than_the_output_holds_ends_it),
		cmocka_unit_test(output_that_does_not_move_ends_it),
		cmocka_unit_test(a_message_longer_than_the_peer_takes_is_never_sent),
		cmocka_unit_test(connections_take_turns),
		cmocka_unit_test(a_signal_without_a_meaning_is_ignored),
		cmocka_unit_test(a_signal_whose_options_are_no_options_ends_it),
		cmocka_unit_test(an_abort_instead_of_a_greeting_is_not_answered_with_another),
		cmocka_unit_test(a_connection_that_never_opened_ends_at_once_when_it_is_released_or_closed),
		cmocka_unit_test(nothing_is_sent_before_the_greeting),
		cmocka_unit_test(a_connection_that_is_refused_or_breaks_says_which),
		cmocka_unit_test(a_connection_is_aborted_once),
		cmocka_unit_test(each_end_has_words_of_its_own),
		cmocka_unit_test(only_those_that_wait_for_answers_are_walked_through),
		cmocka_unit_test(our_second_ping_does_not_prolong_the_wait_for_the_first),
		cmocka_unit_test(output_that_leaves_bit_by_bit_stays_in_order),
		cmocka_unit_test(a_pong_that_finds_no_room_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
