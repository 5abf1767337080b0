/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PEERS 4

static struct coap_peers peers;
static void *memory;

static int set_up(void **state)
{
	(void)state;
	memory = aligned_alloc(CARVE_ALIGNMENT, coap_peers_memory(PEERS));
	coap_peers_init(&peers, memory, PEERS, &coap_transmission_default, 7);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

static struct coap_remote remote(uint8_t host)
{
	return (struct coap_remote){.address = address_ipv4(192, 0, 2, host, 5683)};
}

static void answered(uint8_t host, msec round_trip, uint32_t transmissions, msec now)
{
	struct coap_remote r = remote(host);
	coap_peer_answered(&peers, &r, round_trip, transmissions, now);
}

static struct coap_patience patience(uint8_t host, msec now)
{
	struct coap_remote r = remote(host);
	return coap_peer_patience(&peers, &r, now);
}

static uint32_t window(uint8_t host)
{
	struct coap_remote r = remote(host);
	return coap_peer_window(&peers, &r);
}

/* ---- the timeout ---- */

static void without_a_measurement_rfc_7252_holds(void **state)
{
	struct coap_patience p = patience(1, 0);
	(void)state;
	assert_int_equal(p.ack_timeout, 2000);
	assert_int_equal(p.ack_random_permille, 1500);
	assert_int_equal(p.max_retransmit, 4);
	assert_int_equal(coap_max_transmit_span(&p), 45000);
	assert_int_equal(window(1), 1);
}

/* draft-ietf-core-cocoa-03 section 4.2: half of the new estimate, half of the old timeout. */
static void the_strong_estimator_moves_the_timeout_by_half(void **state)
{
	(void)state;
	answered(1, 100, 1, 0);
	assert_int_equal(patience(1, 0).ack_timeout, (2000 + 100 + 4 * 50) / 2);
	answered(1, 100, 1, 0);
	assert_int_equal(patience(1, 0).ack_timeout, 700); /* 100 + 4 * 37.5, and 1150 */
}

static void the_weak_estimator_moves_it_by_a_quarter(void **state)
{
	(void)state;
	answered(1, 2500, 2, 0);
	assert_int_equal(patience(1, 0).ack_timeout, 2438); /* (3 * 2000 + 2500 + 1250) / 4, rounded up */
	/* After more than two retransmissions nobody can say anything. */
	answered(2, 60000, 4, 0);
	assert_int_equal(patience(2, 0).ack_timeout, 2000);
}

static void it_converges_and_has_a_least(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		answered(1, 20, 1, i);
		answered(2, 800, 1, i);
	}
	assert_int_equal(patience(1, 100).ack_timeout, 200);
	assert_in_range(patience(2, 100).ack_timeout, 800, 900);
}

static void the_backoff_varies_with_the_timeout(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		answered(1, 100, 1, i);
		answered(2, 1500, 1, i);
		answered(3, 5000, 1, i);
	}
	assert_int_equal(patience(1, 100).backoff_permille, 3000);
	assert_int_equal(patience(2, 100).backoff_permille, 2000);
	assert_int_equal(patience(3, 100).backoff_permille, 1500);
}

/* Message-IDs must not come again while one may still be sent: RFC 7252 section 4.8.2. */
static void no_message_is_sent_over_more_than_max_transmit_span(void **state)
{
	(void)state;
	for (msec round_trip = 1; round_trip < 60000; round_trip += round_trip / 7 + 1) {
		for (int i = 0; i < 100; i++)
			answered(1, round_trip, 1, i);
		struct coap_patience p = patience(1, 100);
		assert_in_range(coap_max_transmit_span(&p), 1, 48000);
		assert_in_range(p.max_retransmit, 1, 4);
		assert_in_range(p.ack_timeout, 200, 32000);
	}
}

static void what_was_measured_wears_off(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		answered(1, 100, 1, 1000);
		answered(2, 8000, 1, 1000);
	}
	msec quick = patience(1, 1000).ack_timeout, slow = patience(2, 1000).ack_timeout;
	assert_in_range(quick, 200, 220);
	assert_in_range(slow, 8000, 8100);
	assert_int_equal(patience(1, 1000 + 1500).ack_timeout, quick);
	assert_in_range(patience(1, 1000 + 2500).ack_timeout, 200, 220);
	assert_in_range(patience(1, 1000 + 16 * 300).ack_timeout, quick, 450);
	assert_in_range(patience(1, SECONDS(3600)).ack_timeout, 1000, 2000);
	assert_in_range(patience(2, 1000 + 4 * 9000).ack_timeout, 4900, 5100);
	assert_in_range(patience(2, SECONDS(3600)).ack_timeout, 2000, 3000);
}

/* ---- the window ---- */

static void the_window_opens_by_answers_and_closes_by_losses(void **state)
{
	struct coap_transmission x = coap_transmission_default;
	struct coap_remote r = remote(1);
	(void)state;
	x.nstart = 8;
	assert_true(coap_peer_set(&peers, &r, &x));
	assert_int_equal(window(1), 1);
	for (uint32_t i = 2; i <= 12; i++) {
		answered(1, 50, 1, 0);
		assert_int_equal(window(1), i < 8 ? i : 8);
	}
	coap_peer_lost(&peers, &r);
	assert_int_equal(window(1), 4);
	answered(1, 50, 2, 0); /* it had to be sent again */
	assert_int_equal(window(1), 4);
	coap_peer_silent(&peers, &r, true, 100, 0);
	assert_int_equal(window(1), 1);
	answered(2, 50, 1, 0); /* whoever has no wish of his own stays at one */
	assert_int_equal(window(2), 1);
}

/* ---- silence ---- */

static void who_does_not_answer_gets_a_byte_a_second(void **state)
{
	struct coap_remote r = remote(1);
	(void)state;
	assert_true(coap_peer_quiet_until(&peers, &r) < 0);
	coap_peer_silent(&peers, &r, true, 500, 1000);
	assert_true(coap_peer_quiet_until(&peers, &r) < 0); /* a confirmable message has its own backoff */
	coap_peer_silent(&peers, &r, false, 500, 1000);
	assert_int_equal(coap_peer_quiet_until(&peers, &r), 1000 + SECONDS(500));
	answered(1, 50, 1, 2000);
	assert_true(coap_peer_quiet_until(&peers, &r) < 0);
}

/* ---- the table ---- */

static void the_least_recently_needed_peer_leaves_a_full_table(void **state)
{
	(void)state;
	for (uint8_t host = 1; host <= PEERS; host++)
		answered(host, 100, 1, 0);
	answered(1, 100, 1, 0);
	answered(9, 100, 1, 0);
	assert_int_equal(patience(2, 0).ack_timeout, 2000);
	assert_true(patience(1, 0).ack_timeout < 2000);
	assert_true(patience(3, 0).ack_timeout < 2000);
	assert_true(patience(9, 0).ack_timeout < 2000);
}

static void parameters_that_were_set_stay(void **state)
{
	struct coap_transmission x = coap_transmission_default;
	struct coap_remote r = remote(1), other = remote(50);
	(void)state;
	x.ack_timeout = SECONDS(10);
	x.max_retransmit = 2;
	assert_true(coap_peer_set(&peers, &r, &x));
	for (uint8_t host = 2; host < 100; host++)
		answered(host, 100, 1, 0);
	assert_int_equal(patience(1, 0).ack_timeout, 10000);
	assert_int_equal(patience(1, 0).max_retransmit, 2);
	for (uint8_t host = 2; host <= PEERS; host++) {
		struct coap_remote another = remote(host);
		assert_true(coap_peer_set(&peers, &another, &x));
	}
	assert_false(coap_peer_set(&peers, &other, &x));
	answered(50, 100, 1, 0);
	assert_int_equal(patience(50, 0).ack_timeout, 2000);
	assert_true(coap_peer_set(&peers, &r, NULL));
	assert_int_equal(patience(1, 0).ack_timeout, 2000);
	assert_true(coap_peer_set(&peers, &other, &x));
}

static void an_association_that_ends_is_forgotten(void **state)
{
	struct coap_remote r = remote(1);
	(void)state;
	answered(1, 100, 1, 0);
	coap_peer_forget(&peers, &r);
	coap_peer_forget(&peers, &r);
	assert_null(coap_peer_find(&peers, &r));
}

static void without_a_table_nothing_is_known(void **state)
{
	struct coap_peers none;
	struct coap_remote r = remote(1);
	_Alignas(CARVE_ALIGNMENT) uint8_t room[CARVE_ALIGNMENT];
	struct coap_transmission x = coap_transmission_default;
	(void)state;
	x.nstart = 3;
	assert_true(coap_peers_memory(0) <= sizeof room);
	coap_peers_init(&none, room, 0, &x, 7);
	coap_peer_answered(&none, &r, 50, 1, 0);
	coap_peer_lost(&none, &r);
	coap_peer_silent(&none, &r, false, 100, 0);
	assert_false(coap_peer_set(&none, &r, &x));
	assert_int_equal(coap_peer_patience(&none, &r, 0).ack_timeout, 2000);
	assert_int_equal(coap_peer_window(&none, &r), 3);
}

/* With an ACK_TIMEOUT above those that fade quickly it comes closer to it with each fading, and stays there. */
static void a_long_timeout_fades_to_the_ack_timeout_and_no_further(void **state)
{
	struct coap_transmission slow = coap_transmission_default;
	struct coap_remote r = remote(1);
	(void)state;
	slow.ack_timeout = SECONDS(5);
	assert_true(coap_peer_set(&peers, &r, &slow));
	answered(1, SECONDS(12), 1, 0);
	msec before = patience(1, 0).ack_timeout;
	assert_true(before > SECONDS(6));
	for (msec now = SECONDS(60); now < SECONDS(100000); now *= 2) {
		msec after = patience(1, now).ack_timeout;
		assert_true(after <= before && after >= SECONDS(5));
		before = after;
	}
	assert_in_range(before, SECONDS(5), SECONDS(5) + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_a_measurement_rfc_7252_holds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_strong_estimator_moves_the_timeout_by_half, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_weak_estimator_moves_it_by_a_quarter, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_converges_and_has_a_least, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_backoff_varies_with_the_timeout, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_message_is_sent_over_more_than_max_transmit_span, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_measured_wears_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_window_opens_by_answers_and_closes_by_losses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_does_not_answer_gets_a_byte_a_second, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_least_recently_needed_peer_leaves_a_full_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(parameters_that_were_set_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_association_that_ends_is_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_table_nothing_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_long_timeout_fades_to_the_ack_timeout_and_no_further, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
