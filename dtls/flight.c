/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/flight.h"

#include "dtls/hello.h"

#define ALERT_BYTES 2

/* Message types as bits (RFC 5246 section 7.4, RFC 5077, RFC 6066): what clients send, and what servers send. */
#define FROM_CLIENT (1u << 1 | 1u << 11 | 1u << 15 | 1u << 16 | 1u << 20)
#define FROM_SERVER (1u << 2 | 1u << 3 | 1u << 4 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 20 | 1u << 22)

static bool type_fits(uint8_t type, bool is_client)
{
	return type < 32 && ((is_client ? FROM_SERVER : FROM_CLIENT) >> type & 1) != 0;
}

static bool fragments_are_sane(struct bytes fragment, bool is_client)
{
	struct reader r = reader_of(fragment);
	while (!r.failed && reader_left(&r) > 0) {
		uint8_t type = read_u8(&r);
		uint32_t len = read_u24(&r);
		read_u16(&r);
		uint32_t offset = read_u24(&r), fragment_len = read_u24(&r);
		if (!type_fits(type, is_client) || len > DTLS_HANDSHAKE_MESSAGE_MAX || offset > len ||
			fragment_len > len - offset)
			return false;
		read_bytes(&r, fragment_len);
	}
	return !r.failed && fragment.len > 0;
}

enum dtls_plain_verdict dtls_flight_judge(const struct dtls_record *record, bool is_client, uint8_t *ret_alert)
{
	struct bytes fragment = record->fragment;
	switch (record->type) {
	case DTLS_CONTENT_CHANGE_CIPHER_SPEC:
		return fragment.len == 1 && fragment.data[0] == 1 ? DTLS_PLAIN_GOOD : DTLS_PLAIN_MALFORMED;
	case DTLS_CONTENT_HANDSHAKE:
		return fragments_are_sane(fragment, is_client) ? DTLS_PLAIN_GOOD : DTLS_PLAIN_MALFORMED;
	case DTLS_CONTENT_ALERT:
		if (fragment.len != ALERT_BYTES)
			return DTLS_PLAIN_MALFORMED;
		*ret_alert = fragment.data[1];
		return DTLS_PLAIN_ALERT;
	default: /* a number from the wire, not an enum of ours */
		return DTLS_PLAIN_MALFORMED;
	}
}

bool dtls_flight_sequence(struct bytes datagram, uint16_t *ret_sequence)
{
	struct dtls_record record;
	if (!dtls_record_take(&datagram, 0, &record) || record.type != DTLS_CONTENT_HANDSHAKE || record.epoch != 0)
		return false;
	struct reader r = reader_of(record.fragment);
	read_u8(&r);
	read_u24(&r);
	*ret_sequence = read_u16(&r);
	return !r.failed;
}

static void write_finished(struct writer *w, const struct dtls_session *session)
{
	write_u8(w, DTLS_HANDSHAKE_FINISHED);
	write_u24(w, DTLS_VERIFY_DATA_BYTES);
	write_u16(w, session->finished_sequence);
	write_u24(w, 0);
	write_u24(w, DTLS_VERIFY_DATA_BYTES);
	write_bytes(w, bytes_of(session->verify_data, DTLS_VERIFY_DATA_BYTES));
}

void dtls_flight_write_last(struct writer *w, struct dtls_session *session, const struct dtls_crypto *crypto)
{
	uint8_t buffer[DTLS_HANDSHAKE_HEADER_BYTES + DTLS_VERIFY_DATA_BYTES];
	struct writer finished = writer_of(buffer, sizeof buffer);
	write_finished(&finished, session);
	dtls_record_write(w, &(struct dtls_record_out){.type = DTLS_CONTENT_CHANGE_CIPHER_SPEC,
				     .epoch = 0,
				     .number = session->plain_number++,
				     .text = bytes_of((const uint8_t[]){1}, 1)});
	dtls_record_seal(w,
		&(struct dtls_record_out){.type = DTLS_CONTENT_HANDSHAKE,
			.epoch = 1,
			.number = session->write_number++,
			.cid = dtls_cid_bytes(&session->write_cid),
			.text = writer_bytes(&finished)},
		crypto, dtls_suite_aead((enum dtls_suite)session->suite), &session->write_key);
}
