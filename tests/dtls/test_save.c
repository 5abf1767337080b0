/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/save.h"

#include "dtls/crypto_wolfcrypt.h"
#include "tests/dtls/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SLOTS 8

static const uint8_t secret[DTLS_SAVE_SECRET_BYTES] = "a secret of thirty-two bytes ...";

/* What lies where it outlives the process. */
struct image {
	uint8_t head[DTLS_SAVE_HEAD_BYTES];
	uint64_t marks[1];
	uint8_t records[SLOTS][DTLS_SAVE_RECORD_BYTES];
};

static void begin(struct dtls_save *s, const struct dtls_crypto *crypto, uint8_t run)
{
	uint8_t salt[DTLS_SAVE_SALT_BYTES] = {run};
	assert_true(dtls_save_begin(s, crypto, secret, salt));
}

static struct dtls_session some_session(void)
{
	struct dtls_session s = {.address = address_ipv4(192, 0, 2, 1, 40000),
		.write_number = 77,
		.window = {900, 0x8000000000000005},
		.principal = 0x1122334455667788,
		.active = 123456,
		.finished_sequence = 6,
		.plain_number = 9,
		.suite = DTLS_SUITE_PSK_AES_128_GCM_SHA256,
		.write_cid = {3, "abc"},
		.is_established = true,
		.reads_cid = true,
		.has_address = true,
		.may_repeat_finished = true,
		.by_raw_key = true};
	memset(&s.read_key, 0x11, sizeof s.read_key);
	memset(&s.write_key, 0x22, sizeof s.write_key);
	memset(s.verify_data, 0x33, sizeof s.verify_data);
	return s;
}

static struct dtls_crypto real_crypto(void)
{
	struct dtls_crypto crypto;
	assert_true(dtls_crypto_wolfcrypt_init(&crypto));
	return crypto;
}

/* ---- bytes ---- */

static void a_session_is_read_back_as_it_was_written_but_for_the_reserved_numbers(void **state)
{
	(void)state;
	struct dtls_crypto crypto = real_crypto();
	struct dtls_save s;
	struct dtls_saved_session found;
	struct dtls_session session = some_session();
	uint8_t record[DTLS_SAVE_RECORD_BYTES];
	begin(&s, &crypto, 1);
	assert_true(dtls_save_write(&s, (struct handle){5, 11}, &session, 1000, bytes_of_text("note"), record));
	assert_int_equal(dtls_save_read(&s, 5, bytes_of(record, sizeof record), &found), DTLS_SAVE_GOOD);
	assert_true(handle_equal(found.handle, (struct handle){5, 11}));
	assert_true(bytes_equal_text(bytes_of(found.note, found.note_len), "note"));
	assert_int_equal(found.session.write_number, 1077);
	assert_true(address_equal(&found.session.address, &session.address));
	assert_memory_equal(&found.session.read_key, &session.read_key, sizeof session.read_key);
	assert_memory_equal(&found.session.write_key, &session.write_key, sizeof session.write_key);
	assert_memory_equal(&found.session.window, &session.window, sizeof session.window);
	assert_memory_equal(found.session.verify_data, session.verify_data, sizeof session.verify_data);
	assert_true(bytes_equal_text(dtls_cid_bytes(&found.session.write_cid), "abc"));
	assert_int_equal(found.session.principal, session.principal);
	assert_int_equal(found.session.active, session.active);
	assert_int_equal(found.session.suite, session.suite);
	assert_int_equal(found.session.finished_sequence, 6);
	assert_int_equal(found.session.plain_number, 9);
	assert_true(found.session.reads_cid && found.session.has_address && found.session.may_repeat_finished);
	assert_true(found.session.by_raw_key);
	assert_false(found.session.is_client);
	dtls_crypto_wolfcrypt_done(&crypto);
}

static void a_flipped_bit_or_a_cut_loses_the_record_and_shows_nothing_of_it(void **state)
{
	(void)state;
	struct dtls_crypto crypto = real_crypto();
	struct dtls_save s;
	struct dtls_saved_session found;
	struct dtls_session session = some_session();
	uint8_t record[DTLS_SAVE_RECORD_BYTES];
	begin(&s, &crypto, 1);
	assert_true(dtls_save_write(&s, (struct handle){5, 11}, &session, 0, BYTES_NONE, record));
	for (size_t bit = 0; bit < 8 * sizeof record; bit++) {
		record[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(dtls_save_read(&s, 5, bytes_of(record, sizeof record), &found), DTLS_SAVE_DAMAGED);
		record[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 8; len < sizeof record; len++)
		assert_int_equal(dtls_save_read(&s, 5, bytes_of(record, len), &found), DTLS_SAVE_DAMAGED);
	assert_int_equal(dtls_save_read(&s, 5, BYTES_NONE, &found), DTLS_SAVE_EMPTY);
	assert_int_equal(dtls_save_read(&s, 4, bytes_of(record, sizeof record), &found), DTLS_SAVE_DAMAGED);
	assert_int_equal(dtls_save_read(&s, 5, bytes_of(record, sizeof record), &found), DTLS_SAVE_GOOD);
	begin(&s, &crypto, 2);
	assert_int_equal(dtls_save_read(&s, 5, bytes_of(record, sizeof record), &found), DTLS_SAVE_DAMAGED);
	dtls_crypto_wolfcrypt_done(&crypto);
}

static void no_number_seals_twice(void **state)
{
	(void)state;
	struct dtls_crypto crypto = real_crypto();
	struct dtls_save s;
	struct dtls_session session = some_session();
	uint8_t first[DTLS_SAVE_RECORD_BYTES], second[DTLS_SAVE_RECORD_BYTES];
	begin(&s, &crypto, 1);
	assert_true(dtls_save_write(&s, (struct handle){5, 11}, &session, 0, BYTES_NONE, first));
	assert_true(dtls_save_write(&s, (struct handle){5, 11}, &session, 0, BYTES_NONE, second));
	assert_memory_not_equal(first, second, 8);
	assert_memory_not_equal(first + 8, second + 8, 64);
	dtls_crypto_wolfcrypt_done(&crypto);
}

static void a_head_that_cannot_be_read_says_why(void **state)
{
	(void)state;
	struct dtls_crypto crypto = real_crypto();
	struct dtls_save s;
	struct dtls_save_head head = {.slots = SLOTS, .worker = 3, .is_clean = true, .now = 42, .wall = 1700000000000},
			      found;
	uint8_t bytes[DTLS_SAVE_HEAD_BYTES], other[DTLS_SAVE_SECRET_BYTES] = "another";
	begin(&s, &crypto, 1);
	assert_true(dtls_save_write_head(&s, &head, bytes));
	struct bytes whole = bytes_of(bytes, sizeof bytes);
	assert_int_equal(dtls_save_open(&s, &crypto, secret, whole, &found), DTLS_SAVE_GOOD);
	assert_true(found.slots == SLOTS && found.worker == 3 && found.is_clean && found.now == 42);
	assert_true(found.wall == 1700000000000);
	assert_int_equal(dtls_save_open(&s, &crypto, other, whole, &found), DTLS_SAVE_DAMAGED);
	assert_int_equal(dtls_save_open(&s, &crypto, secret, BYTES_NONE, &found), DTLS_SAVE_EMPTY);
	assert_int_equal(dtls_save_open(&s, &crypto, secret, bytes_of_text("SQLite 3"), &found), DTLS_SAVE_FOREIGN);
	for (size_t len = 4; len < sizeof bytes; len++)
		assert_int_equal(dtls_save_open(&s, &crypto, secret, bytes_of(bytes, len), &found), DTLS_SAVE_DAMAGED);
	bytes[5]++;
	assert_int_equal(dtls_save_open(&s, &crypto, secret, whole, &found), DTLS_SAVE_VERSION_UNKNOWN);
	dtls_crypto_wolfcrypt_done(&crypto);
}

/* ---- sessions that go on ---- */

struct stage {
	struct pair_world *w;
	struct pair_end *server, *client;
	struct coap_remote remote; /* of the server, as the client sees it */
	struct image image;
	struct dtls_save save;
	uint64_t server_numbers[512]; /* of protected records the server has sent */
	uint32_t server_sent;
	bool is_number_repeated;
	struct pair_datagram last_of_client;
};

static uint64_t number_in(const struct pair_datagram *datagram)
{
	struct reader r = reader_of(bytes_of(datagram->data + 3, 8));
	return read_u64(&r);
}

static bool note_numbers(struct pair_world *w, struct pair_datagram *datagram, void *context)
{
	struct stage *s = context;
	(void)w;
	if (datagram->data[0] != DTLS_CONTENT_APPLICATION && datagram->data[0] != DTLS_CONTENT_CID)
		return true;
	if (!address_equal(&datagram->from, &s->server->address)) {
		s->last_of_client = *datagram;
		return true;
	}
	for (uint32_t i = 0; i < s->server_sent; i++)
		s->is_number_repeated |= s->server_numbers[i] == number_in(datagram);
	assert_true(s->server_sent < 512);
	s->server_numbers[s->server_sent++] = number_in(datagram);
	return true;
}

/* As dtls_save_cid_key gives it for our secret. */
static uint8_t cid_key[DTLS_CID_KEY_BYTES];

static const struct pair_settings server_settings = {
	.is_server = true, .uses_cid = true, .sessions = SLOTS, .cid_key = cid_key};

static void stage_init(struct stage *s)
{
	memset(s, 0, sizeof *s);
	s->w = pair_world_new(1);
	struct dtls_crypto crypto = real_crypto();
	assert_true(dtls_save_cid_key(&crypto, secret, cid_key));
	dtls_crypto_wolfcrypt_done(&crypto);
	s->server = pair_end_start(s->w, 0, server_settings);
	s->client = pair_end_start(s->w, 1, (struct pair_settings){.uses_cid = true});
	dtls_mark_in(s->server->dtls, s->image.marks);
	begin(&s->save, &s->server->crypto, 1);
	s->w->watch = note_numbers;
	s->w->watch_context = s;
	struct dtls_client_credential credential = pair_psk();
	s->remote = pair_connect(s->client, &credential);
	pair_run(s->w, SECONDS(2));
	assert_int_equal(s->client->seen.established, 1);
}

/* The owner's part: everything that has changed goes where it survives. */
static void save_changed(struct stage *s, uint16_t reserve)
{
	struct dtls_save_head head = {.slots = SLOTS, .now = s->w->now};
	struct handle session;
	uint32_t slot;
	assert_true(dtls_save_write_head(&s->save, &head, s->image.head));
	while (dtls_changed(s->server->dtls, &slot, &session)) {
		memset(s->image.records[slot], 0, DTLS_SAVE_RECORD_BYTES);
		if (!handle_is_none(session))
			assert_true(dtls_save(
				s->server->dtls, &s->save, session, reserve, BYTES_NONE, s->image.records[slot]));
		dtls_saved(s->server->dtls, slot, reserve);
	}
}

/* As after kill -9: what is in the image is all there is. */
static uint32_t restart(struct stage *s)
{
	struct dtls_save_head head;
	struct dtls_saved_session saved;
	struct pair_settings settings = server_settings;
	struct image image = s->image;
	uint32_t restored = 0;
	enum dtls_save_verdict verdict =
		dtls_save_open(&s->save, &s->server->crypto, secret, bytes_of(image.head, sizeof image.head), &head);
	assert_int_equal(verdict, DTLS_SAVE_GOOD);
	pair_end_stop(s->server);
	s->server = pair_end_start(s->w, 0, settings);
	memset(s->image.marks, 0, sizeof s->image.marks);
	dtls_mark_in(s->server->dtls, s->image.marks);
	s->save.crypto = s->server->crypto;
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		if ((image.marks[0] >> slot & 1) == 0 &&
			dtls_save_read(&s->save, slot, bytes_of(image.records[slot], DTLS_SAVE_RECORD_BYTES), &saved) ==
				DTLS_SAVE_GOOD)
			restored += dtls_restore(s->server->dtls, &saved, 0, s->w->now);
	dtls_restored(s->server->dtls);
	begin(&s->save, &s->server->crypto, 2);
	return restored;
}

static bool is_echoed(struct stage *s, const char *text)
{
	uint32_t before = s->client->seen.messages;
	assert_true(pair_send(s->client, &s->remote, text));
	pair_run(s->w, SECONDS(1));
	return s->client->seen.messages == before + 1 && pair_heard(s->client, text);
}

static void stage_done(struct stage *s)
{
	assert_false(s->is_number_repeated);
	pair_world_free(s->w);
}

static void a_restored_session_goes_on_without_a_handshake(void **state)
{
	(void)state;
	static struct stage s;
	stage_init(&s);
	for (int i = 0; i < 3; i++)
		assert_true(is_echoed(&s, "hello"));
	save_changed(&s, 0);
	assert_int_equal(restart(&s), 1);
	assert_true(is_echoed(&s, "still there"));
	assert_int_equal(dtls_counters(s.server->dtls)->handshakes_started, 0);
	assert_int_equal(dtls_counters(s.server->dtls)->dropped_unknown, 0);
	stage_done(&s);
}

/* The peer's address has changed while nobody listened: its connection ID still leads to it. */
static void a_connection_id_survives(void **state)
{
	(void)state;
	static struct stage s;
	stage_init(&s);
	save_changed(&s, 0);
	assert_int_equal(restart(&s), 1);
	s.client->address.port++;
	assert_true(is_echoed(&s, "from elsewhere"));
	assert_int_equal(dtls_counters(s.server->dtls)->addresses_changed, 1);
	stage_done(&s);
}

/* A restart is no proof: what had not come back before it must come back after it. */
static void an_address_that_was_not_proved_is_not_proved_by_a_restart(void **state)
{
	(void)state;
	static struct stage s;
	struct coap_path_state path;
	stage_init(&s);
	s.client->address.port++;
	assert_true(is_echoed(&s, "from elsewhere"));
	struct coap_remote there = s.server->seen.remote;
	save_changed(&s, 0);
	assert_int_equal(restart(&s), 1);
	assert_true(dtls_path(s.server->dtls, &there, &path));
	assert_int_equal(path.allowance, 0);
	assert_true(is_echoed(&s, "and again"));
	assert_true(dtls_path(s.server->dtls, &there, &path));
	assert_int_not_equal(path.allowance, COAP_PATH_FREE);
	dtls_prove(s.server->dtls, &there);
	assert_true(dtls_path(s.server->dtls, &there, &path));
	assert_int_equal(path.allowance, COAP_PATH_FREE);
	save_changed(&s, 0);
	assert_int_equal(restart(&s), 1);
	assert_true(dtls_path(s.server->dtls, &there, &path));
	assert_int_equal(path.allowance, COAP_PATH_FREE);
	stage_done(&s);
}

static void a_new_session_after_a_restart_has_a_new_name_and_another_slot(void **state)
{
	(void)state;
	static struct stage s;
	stage_init(&s);
	struct handle old = s.server->seen.remote.session;
	save_changed(&s, 0);
	assert_int_equal(restart(&s), 1);
	struct pair_end *other = pair_end_start(s.w, 2, (struct pair_settings){.uses_cid = true});
	struct dtls_client_credential credential = pair_psk();
	pair_connect(other, &credential);
	pair_run(s.w, SECONDS(2));
	assert_int_equal(other->seen.established, 1);
	assert_int_not_equal(s.server->seen.remote.session.slot, old.slot);
	assert_int_not_equal(s.server->seen.remote.session.generation, old.generation);
	assert_true(is_echoed(&s, "and the first is there"));
	stage_done(&s);
}

/* RFC 6347 section 4.1.2.6. */
static void what_was_received_before_is_not_received_again(void **state)
{
	(void)state;
	static struct stage s;
	stage_init(&s);
	assert_true(is_echoed(&s, "once"));
	struct pair_datagram old = s.last_of_client;
	save_changed(&s, 0);
	assert_int_equal(restart(&s), 1);
	pair_inject(s.w, &old.from, &old.to, bytes_of(old.data, old.len));
	pair_run(s.w, SECONDS(1));
	assert_int_equal(dtls_counters(s.server->dtls)->dropped_replayed, 1);
	assert_int_equal(dtls_counters(s.server->dtls)->received, 0);
	stage_done(&s);
}

static void a_session_that_received_something_since_it_was_saved_is_not_restored(void **state)
{
	(void)state;
	static struct stage s;
	stage_init(&s);
	save_changed(&s, DTLS_SESSION_RESERVE);
	assert_int_equal(dtls_changed_count(s.server->dtls), 0);
	assert_true(is_echoed(&s, "news"));
	assert_int_equal(dtls_changed_count(s.server->dtls), 1);
	assert_int_equal(restart(&s), 0);
	assert_false(is_echoed(&s, "into the void"));
	stage_done(&s);
}

/* stage_done finds a number that was used on both sides of the restart. */
static void what_was_sent_since_the_last_save_makes_no_number_repeat(void **state)
{
	(void)state;
	static struct stage s;
	stage_init(&s);
	struct coap_remote client = s.server->seen.remote;
	save_changed(&s, 100);
	for (int i = 0; i < 100; i++)
		assert_true(pair_send(s.server, &client, "notification"));
	assert_int_equal(dtls_changed_count(s.server->dtls), 0);
	pair_run(s.w, SECONDS(1));
	assert_int_equal(restart(&s), 1);
	for (int i = 0; i < 3; i++)
		assert_true(is_echoed(&s, "and on"));
	assert_int_equal(s.server_sent, 103);
	stage_done(&s);
}

static void a_session_that_has_used_up_its_reserve_is_not_restored_before_it_is_saved_again(void **state)
{
	(void)state;
	static struct stage s;
	stage_init(&s);
	struct coap_remote client = s.server->seen.remote;
	save_changed(&s, 2);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(dtls_changed_count(s.server->dtls), 0);
		assert_true(pair_send(s.server, &client, "notification"));
	}
	assert_int_equal(dtls_changed_count(s.server->dtls), 1);
	pair_run(s.w, SECONDS(1));
	save_changed(&s, 2);
	assert_int_equal(restart(&s), 1);
	assert_true(is_echoed(&s, "and on"));
	stage_done(&s);
}

static void a_closed_session_does_not_come_back(void **state)
{
	(void)state;
	static struct stage s;
	stage_init(&s);
	save_changed(&s, 0);
	dtls_close(s.server->dtls, s.server->seen.remote.session, s.w->now);
	assert_int_equal(dtls_changed_count(s.server->dtls), 1);
	struct image before = s.image;
	assert_int_equal(restart(&s), 0); /* killed before the empty record was written */
	s.image = before;
	stage_done(&s);

	stage_init(&s);
	save_changed(&s, 0);
	dtls_close(s.server->dtls, s.server->seen.remote.session, s.w->now);
	save_changed(&s, 0);
	assert_int_equal(restart(&s), 0);
	stage_done(&s);
}

static void restored_sessions_expire_in_the_order_they_were_heard(void **state)
{
	(void)state;
	static const msec heard[SLOTS] = {500, 100, 800, 300, 700, 200, 600, 400};
	struct dtls_sessions t;
	void *memory = malloc(dtls_sessions_memory(SLOTS));
	dtls_sessions_init(&t, memory, SLOTS, 1);
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct dtls_session session = some_session();
		session.address.port = (uint16_t)(1000 + i);
		session.active = heard[i];
		assert_true(dtls_session_restore(&t, (struct handle){i, 7}, &session));
	}
	dtls_sessions_restored(&t);
	for (msec expected = 100; expected <= 800; expected += 100) {
		struct handle oldest = dtls_session_oldest(&t);
		assert_int_equal(dtls_session_get(&t, oldest)->active, expected);
		dtls_session_give(&t, oldest);
	}
	assert_true(handle_is_none(dtls_session_oldest(&t)));
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_is_read_back_as_it_was_written_but_for_the_reserved_numbers),
		cmocka_unit_test(a_flipped_bit_or_a_cut_loses_the_record_and_shows_nothing_of_it),
		cmocka_unit_test(no_number_seals_twice),
		cmocka_unit_test(a_head_that_cannot_be_read_says_why),
		cmocka_unit_test(a_restored_session_goes_on_without_a_handshake),
		cmocka_unit_test(a_connection_id_survives),
		cmocka_unit_test(an_address_that_was_not_proved_is_not_proved_by_a_restart),
		cmocka_unit_test(a_new_session_after_a_restart_has_a_new_name_and_another_slot),
		cmocka_unit_test(what_was_received_before_is_not_received_again),
		cmocka_unit_test(a_session_that_received_something_since_it_was_saved_is_not_restored),
		cmocka_unit_test(what_was_sent_since_the_last_save_makes_no_number_repeat),
		cmocka_unit_test(a_session_that_has_used_up_its_reserve_is_not_restored_before_it_is_saved_again),
		cmocka_unit_test(a_closed_session_does_not_come_back),
		cmocka_unit_test(restored_sessions_expire_in_the_order_they_were_heard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
