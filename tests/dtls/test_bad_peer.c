/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Handshakes with peers whose messages come in every shape: somebody on the way takes each flight apart, and puts it
 * together again as a row of the table says. What RFC 6347 section 4.2.3 allows must lead to a session, what it does
 * not must never; and whatever comes, nothing is heard before Finished, and nothing stays behind.
 *
 * The ClientHello and the request for its cookie pass as they are, unless the row is about them: before the cookie
 * there is nowhere to keep a fragment. */
#include "dtls/hello.h"
#include "tests/dtls/certificates.h"
#include "tests/dtls/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PIECES_MAX 600
/* Both ends send a flight again ten times in a minute, by their timers alone; what has come is no reason to hurry. */
#define DATAGRAMS_MAX 50
#define HEADER        DTLS_HANDSHAKE_HEADER_BYTES

enum handshake_type { /* RFC 5246 section 7.4 */
	CLIENT_HELLO = 1,
	VERIFY_REQUEST = 3,
	CERTIFICATE = 11,
	CERTIFICATE_VERIFY = 15,
	CLIENT_KEY_EXCHANGE = 16,
};

/* A part of a message, or a record that is none; one that is protected passes as it is. */
struct piece {
	bool is_message;
	uint8_t content, type;
	uint16_t epoch, sequence;
	uint32_t total, offset;
	struct bytes data;
};

struct flight {
	size_t count;
	struct piece pieces[PIECES_MAX];
};

enum outcome { ESTABLISHES, FAILS };

struct trick {
	const char *name;
	enum outcome outcome;
	bool needs_certificates;
	uint32_t piece_bytes; /* messages are cut so small; 0: not at all */
	bool one_datagram;    /* for all of a flight that fits, else one for each */
	void (*change)(struct flight *f);
};

struct middle {
	const struct trick *trick;
	uint64_t numbers[2]; /* of the records sent on, by direction */
	uint32_t datagrams;  /* that came */
};

/* ---- apart ---- */

static void add(struct flight *f, struct piece piece)
{
	assert_true(f->count < PIECES_MAX);
	f->pieces[f->count++] = piece;
}

static void take_messages(struct flight *f, const struct dtls_record *record, uint32_t piece_bytes)
{
	struct reader r = reader_of(record->fragment);
	while (reader_left(&r) > 0) {
		struct piece piece = {
			.is_message = true, .content = record->type, .type = read_u8(&r), .total = read_u24(&r)};
		piece.sequence = read_u16(&r);
		piece.offset = read_u24(&r);
		struct bytes data = read_bytes(&r, read_u24(&r));
		assert_false(r.failed);
		bool is_cut = piece_bytes > 0 && piece.type != CLIENT_HELLO && piece.type != VERIFY_REQUEST;
		do {
			piece.data = bytes_first(data, is_cut ? piece_bytes : data.len);
			add(f, piece);
			piece.offset += (uint32_t)piece.data.len;
			data = bytes_from(data, piece.data.len);
		} while (data.len > 0);
	}
}

static void take_apart(struct flight *f, struct bytes datagram, uint32_t piece_bytes)
{
	struct dtls_record record;
	f->count = 0;
	while (dtls_record_take(&datagram, DTLS_CID_BYTES, &record)) {
		if (record.type == DTLS_CONTENT_HANDSHAKE && record.epoch == 0)
			take_messages(f, &record, piece_bytes);
		else
			add(f, (struct piece){.content = record.type,
				       .epoch = record.epoch,
				       .data = record.epoch == 0 ? record.fragment : record.whole});
	}
}

/* ---- together again ---- */

static void write_piece(struct writer *w, const struct piece *p, uint64_t *number)
{
	if (!p->is_message && p->epoch > 0) {
		write_bytes(w, p->data);
		return;
	}
	if (!p->is_message) {
		dtls_record_write(
			w, &(struct dtls_record_out){.type = p->content, .number = (*number)++, .text = p->data});
		return;
	}
	write_u8(w, p->content);
	write_u16(w, DTLS_VERSION_1_2);
	write_u16(w, p->epoch);
	write_u16(w, 0);
	write_u32(w, (uint32_t)(*number)++);
	write_u16(w, (uint16_t)(HEADER + p->data.len));
	write_u8(w, p->type);
	write_u24(w, p->total);
	write_u16(w, p->sequence);
	write_u24(w, p->offset);
	write_u24(w, (uint32_t)p->data.len);
	write_bytes(w, p->data);
}

static bool meddle(struct pair_world *w, struct pair_datagram *datagram, void *context)
{
	static struct flight flight;
	struct middle *middle = context;
	const struct trick *trick = middle->trick;
	uint64_t *number = &middle->numbers[address_equal(&datagram->from, &w->ends[0].address)];
	uint8_t buffer[PAIR_DATAGRAM_MAX];
	struct writer out = writer_of(buffer, sizeof buffer);
	middle->datagrams++;
	take_apart(&flight, bytes_of(datagram->data, datagram->len), trick->piece_bytes);
	if (trick->change != NULL)
		trick->change(&flight);
	for (size_t i = 0; i < flight.count; i++) {
		write_piece(&out, &flight.pieces[i], number);
		assert_false(out.failed);
		if (!trick->one_datagram || i + 1 == flight.count || writer_bytes(&out).len > 1200) {
			pair_forward(w, &datagram->from, &datagram->to, writer_bytes(&out));
			out = writer_of(buffer, sizeof buffer);
		}
	}
	return false;
}

/* ---- what is done to a flight ---- */

static struct piece *find(struct flight *f, uint8_t type)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->pieces[i].is_message && f->pieces[i].type == type)
			return &f->pieces[i];
	return NULL;
}

static void exchange(struct piece *a, struct piece *b)
{
	struct piece kept = *a;
	*a = *b;
	*b = kept;
}

static void reverse(struct flight *f)
{
	for (size_t i = 0; i < f->count / 2; i++)
		exchange(&f->pieces[i], &f->pieces[f->count - 1 - i]);
}

/* The first halves of all messages before all second halves. */
static void interleave(struct flight *f)
{
	static struct flight kept;
	kept = *f;
	f->count = 0;
	for (int half = 0; half < 2; half++)
		for (size_t i = 0; i < kept.count; i++)
			if ((kept.pieces[i].offset > kept.pieces[i].total / 2) == (half == 1))
				add(f, kept.pieces[i]);
}

static void repeat(struct flight *f)
{
	size_t count = f->count;
	for (size_t i = 0; i < count; i++)
		add(f, f->pieces[i]);
}

static void overlap(struct flight *f)
{
	for (size_t i = 0; i + 1 < f->count; i++) {
		struct piece *p = &f->pieces[i];
		if (p->sequence == p[1].sequence && p->offset < p[1].offset && p->offset + p->data.len < p->total)
			p->data.len++; /* the next byte of the message lies right behind */
	}
}

static void lose_one_in_four(struct flight *f)
{
	static uint32_t chance = 1;
	size_t kept = 0;
	for (size_t i = 0; i < f->count; i++)
		if ((chance = chance * 1664525 + 1013904223) >> 30 != 0)
			f->pieces[kept++] = f->pieces[i];
	f->count = kept;
}

static void truncate_last(struct flight *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->pieces[i].type == CLIENT_KEY_EXCHANGE &&
			f->pieces[i].offset + f->pieces[i].data.len == f->pieces[i].total)
			f->pieces[i].data.len--;
}

static void lie_about_length(struct flight *f)
{
	struct piece *p = find(f, CLIENT_KEY_EXCHANGE);
	if (p != NULL)
		p->total++;
}

static void promise_16_mb(struct flight *f)
{
	struct piece *p = find(f, CLIENT_KEY_EXCHANGE);
	if (p != NULL)
		p->total = 0xffffff;
}

static void swap_order(struct flight *f)
{
	struct piece *one = find(f, CLIENT_KEY_EXCHANGE), *other = find(f, CERTIFICATE_VERIFY);
	if (one == NULL || other == NULL)
		return;
	uint16_t sequence = one->sequence;
	one->sequence = other->sequence;
	other->sequence = sequence;
}

static void leave_out(struct flight *f, uint8_t type)
{
	struct piece *left_out = find(f, type);
	if (left_out == NULL)
		return;
	for (struct piece *p = left_out; p + 1 < f->pieces + f->count; p++) {
		*p = p[1];
		p->sequence = (uint16_t)(p->sequence - p->is_message);
	}
	f->count--;
}

static void leave_out_proof(struct flight *f)
{
	leave_out(f, CERTIFICATE_VERIFY);
}

static void leave_out_proof_and_certificate(struct flight *f)
{
	leave_out(f, CERTIFICATE_VERIFY);
	leave_out(f, CERTIFICATE);
}

static void leave_out_key(struct flight *f)
{
	leave_out(f, CLIENT_KEY_EXCHANGE);
}

/* Of the same type, and begun before the true one is complete (GnuTLS work item 1839). */
static void add_rival(struct flight *f)
{
	struct piece *p = find(f, CLIENT_KEY_EXCHANGE);
	if (p == NULL)
		return;
	struct piece rival = *p;
	rival.sequence++;
	rival.total = 4000;
	rival.offset = 3000;
	add(f, rival);
	exchange(p, &f->pieces[f->count - 1]);
}

static void put_key_into_epoch_1(struct flight *f)
{
	struct piece *p = find(f, CLIENT_KEY_EXCHANGE);
	if (p != NULL)
		p->epoch = 1;
}

/* The true Finished, in a record that says it is not protected (tinydtls CVE-2021-42141). */
static void put_finished_into_epoch_0(struct flight *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->pieces[i].epoch == 1) {
			f->pieces[i].data = bytes_from(f->pieces[i].data, DTLS_RECORD_HEADER_BYTES);
			f->pieces[i].epoch = 0;
			f->pieces[i].content = DTLS_CONTENT_HANDSHAKE;
		}
}

static void leave_out_change_cipher_spec(struct flight *f)
{
	size_t kept = 0;
	for (size_t i = 0; i < f->count; i++)
		if (f->pieces[i].content != DTLS_CONTENT_CHANGE_CIPHER_SPEC)
			f->pieces[kept++] = f->pieces[i];
	f->count = kept;
}

static void change_cipher_spec_first(struct flight *f)
{
	for (size_t i = f->count; i > 1; i--)
		if (f->pieces[i - 1].content == DTLS_CONTENT_CHANGE_CIPHER_SPEC)
			exchange(&f->pieces[i - 1], &f->pieces[i - 2]);
}

/* The extension connection_id (RFC 9146 section 3) says that it is longer, or shorter, than it is. */
static void change_cid_length(struct flight *f, int by)
{
	struct piece *p = find(f, CLIENT_HELLO);
	for (size_t i = 0; p != NULL && i + 4 < p->data.len; i++) {
		uint8_t *at = (uint8_t *)(uintptr_t)p->data.data + i;
		if (at[0] == 0 && at[1] == 54 && at[2] == 0 && at[3] == at[4] + 1)
			at[4] = (uint8_t)(at[4] + by);
	}
}

static void lengthen_cid(struct flight *f)
{
	change_cid_length(f, 200);
}

static void shorten_cid(struct flight *f)
{
	change_cid_length(f, -1);
}

static const struct trick tricks[] = {
	{"one record in each datagram", ESTABLISHES, false, 0, false, NULL},
	{"all of a flight in one datagram", ESTABLISHES, false, 0, true, NULL},
	{"fragments of 100 bytes", ESTABLISHES, false, 100, false, NULL},
	{"fragments of 7 bytes", ESTABLISHES, false, 7, true, NULL},
	{"fragments in reverse order", ESTABLISHES, false, 40, false, reverse},
	{"fragments in reverse order in one datagram", ESTABLISHES, false, 40, true, reverse},
	{"fragments of several messages interleaved", ESTABLISHES, false, 20, false, interleave},
	{"each fragment twice", ESTABLISHES, false, 50, false, repeat},
	{"fragments that overlap", ESTABLISHES, false, 50, false, overlap},
	{"one fragment in four lost", ESTABLISHES, false, 100, false, lose_one_in_four},
	{"ChangeCipherSpec before all else of its flight", ESTABLISHES, false, 0, false, change_cipher_spec_first},
	{"a rival of the same type, begun before", ESTABLISHES, false, 0, false, add_rival},
	{"a message that lacks its last byte", FAILS, false, 0, false, truncate_last},
	{"a fragment that lacks its last byte", FAILS, false, 10, false, truncate_last},
	{"a message that says it is longer", FAILS, false, 0, false, lie_about_length},
	{"a fragment that says its message is longer than the others do", FAILS, false, 10, false, lie_about_length},
	{"a message that promises 16 MB", FAILS, false, 0, false, promise_16_mb},
	{"proof before the key", FAILS, true, 0, false, swap_order},
	{"no proof, and no gap where it was", FAILS, true, 0, false, leave_out_proof},
	{"neither certificate nor proof, and no gap", FAILS, true, 0, false, leave_out_proof_and_certificate},
	{"no key, and no gap", FAILS, false, 0, false, leave_out_key},
	{"the key in epoch 1", FAILS, false, 0, false, put_key_into_epoch_1},
	{"Finished in epoch 0", FAILS, false, 0, false, put_finished_into_epoch_0},
	{"no ChangeCipherSpec", FAILS, false, 0, false, leave_out_change_cipher_spec},
	{"a connection ID beyond its extension", FAILS, false, 0, false, lengthen_cid},
	{"a connection ID shorter than its extension", FAILS, false, 0, false, shorten_cid},
};

/* ---- the stage ---- */

static bool check_outcome(struct pair_world *w, const struct trick *trick, const struct coap_remote *session)
{
	struct pair_end *server = &w->ends[0], *client = &w->ends[1];
	if (trick->outcome == FAILS)
		return client->seen.established + server->seen.established + server->seen.messages == 0 &&
		       dtls_sessions_used(server->dtls) == 0 && dtls_sessions_used(client->dtls) == 0;
	w->watch = NULL;
	if (client->seen.established != 1 || server->seen.established != 1 || server->seen.messages != 0)
		return false;
	return pair_send(client, session, "hello") && (pair_run(w, 100), pair_heard(client, "hello"));
}

static const char *kind_name(enum dtls_credential_kind kind)
{
	switch (kind) {
	case DTLS_CREDENTIAL_PSK:
		return "PSK";
	case DTLS_CREDENTIAL_CERTIFICATE:
		return "certificate";
	case DTLS_CREDENTIAL_RAW_KEY:
		return "raw key";
	}
	return "";
}

static void play(const struct trick *trick, const struct dtls_client_credential *credential)
{
	const char *kind = kind_name(credential->kind);
	struct pair_world *w = pair_world_new(5);
	struct pair_end *server = pair_end_start(w, 0,
		(struct pair_settings){
			.is_server = true, .uses_cid = true, .has_certificate = true, .has_raw_key = true});
	struct pair_end *client = pair_end_start(w, 1, (struct pair_settings){.uses_cid = true});
	struct middle middle = {.trick = trick};
	w->link.delay_min = w->link.delay_max = 20;
	w->watch = meddle;
	w->watch_context = &middle;
	struct coap_remote session = pair_connect(client, credential);
	pair_run(w, trick->outcome == FAILS ? SECONDS(130) : SECONDS(40));
	if (!check_outcome(w, trick, &session) || middle.datagrams > DATAGRAMS_MAX)
		fail_msg("%s (%s): client %u (%s), server %u (%s), %u messages, %u datagrams", trick->name, kind,
			client->seen.established, dtls_failure_text(client->seen.failure), server->seen.established,
			dtls_failure_text(server->seen.failure), server->seen.messages, middle.datagrams);
	print_message("%-66s %-11s %-9s %2u datagrams\n", trick->name, kind,
		trick->outcome == FAILS ? "refused" : "completes", middle.datagrams);
	assert_int_equal(dtls_handshakes_used(server->dtls) + dtls_handshakes_used(client->dtls), 0);
	w->watch = NULL;
	struct pair_end *honest = pair_end_start(w, 2, (struct pair_settings){.uses_cid = true});
	session = pair_connect(honest, credential);
	pair_run(w, 300);
	assert_true(pair_send(honest, &session, "still there"));
	pair_run(w, 100);
	assert_true(pair_heard(honest, "still there"));
	pair_world_free(w);
}

static void whatever_shape_a_flight_has_it_leads_to_a_session_or_never(void **state)
{
	(void)state;
	struct dtls_client_credential psk = pair_psk(),
				      certificate = pair_certificate(test_device_certificate, test_device_key),
				      raw_key = pair_raw_key(test_device_key);
	for (size_t i = 0; i < sizeof tricks / sizeof tricks[0]; i++) {
		if (!tricks[i].needs_certificates)
			play(&tricks[i], &psk);
		play(&tricks[i], &certificate);
		play(&tricks[i], &raw_key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_shape_a_flight_has_it_leads_to_a_session_or_never),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
