/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/record.h"

#include <assert.h>

#define CIPHERTEXT_MAX          (DTLS_RECORD_PLAINTEXT_MAX + 2048) /* RFC 6347 section 4.1 */
#define ADDITIONAL_MAX_BYTES    (8 + 3 + 2 + 8 + DTLS_CID_MAX_BYTES + 2)
#define VERSION_MAJOR           0xfe
#define PLACEHOLDER_OF_SEQUENCE UINT64_MAX /* RFC 9146 section 5 */

static bool type_is_known(uint8_t type)
{
	return (type >= DTLS_CONTENT_CHANGE_CIPHER_SPEC && type <= DTLS_CONTENT_APPLICATION) ||
	       type == DTLS_CONTENT_CID;
}

static bool version_is_known(const struct dtls_record *r)
{
	return r->version == DTLS_VERSION_1_2 || (r->version == DTLS_VERSION_1_0 && r->type != DTLS_CONTENT_CID);
}

bool dtls_record_take(struct bytes *datagram, size_t cid_len, struct dtls_record *ret)
{
	struct reader r = reader_of(*datagram);
	struct dtls_record record = {0};
	record.type = read_u8(&r);
	record.version = read_u16(&r);
	record.epoch = read_u16(&r);
	record.number = read_u48(&r);
	if (record.type == DTLS_CONTENT_CID)
		record.cid = read_bytes(&r, cid_len);
	uint16_t len = read_u16(&r);
	record.fragment = read_bytes(&r, len);
	if (r.failed || len > CIPHERTEXT_MAX || !type_is_known(record.type) || !version_is_known(&record))
		return false;
	size_t taken = datagram->len - reader_left(&r);
	record.whole = bytes_first(*datagram, taken);
	*datagram = bytes_from(*datagram, taken);
	*ret = record;
	return true;
}

static void write_header(struct writer *w, const struct dtls_record_out *out, size_t fragment_len)
{
	assert(fragment_len <= CIPHERTEXT_MAX);
	write_u8(w, out->cid.len > 0 ? DTLS_CONTENT_CID : (uint8_t)out->type);
	write_u16(w, DTLS_VERSION_1_2);
	write_u16(w, out->epoch);
	write_u48(w, out->number);
	write_bytes(w, out->cid);
	write_u16(w, (uint16_t)fragment_len);
}

void dtls_record_write(struct writer *w, const struct dtls_record_out *out)
{
	assert(out->cid.len == 0);
	write_header(w, out, out->text.len);
	write_bytes(w, out->text);
}

/* What is authenticated beside the text: RFC 5246 section 6.2.3.3, or RFC 9146 section 5.3 with a connection ID. */
static struct bytes additional_data(uint8_t buffer[ADDITIONAL_MAX_BYTES], uint8_t type, uint16_t version,
	uint64_t sequence, struct bytes cid, size_t text_len)
{
	struct writer w = writer_of(buffer, ADDITIONAL_MAX_BYTES);
	if (cid.len > 0) {
		write_u64(&w, PLACEHOLDER_OF_SEQUENCE);
		write_u8(&w, DTLS_CONTENT_CID);
		write_u8(&w, (uint8_t)cid.len);
		write_u8(&w, DTLS_CONTENT_CID);
		write_u16(&w, version);
		write_u64(&w, sequence);
		write_bytes(&w, cid);
	} else {
		write_u64(&w, sequence);
		write_u8(&w, type);
		write_u16(&w, version);
	}
	write_u16(&w, (uint16_t)text_len);
	assert(!w.failed);
	return writer_bytes(&w);
}

static void make_nonce(uint8_t nonce[DTLS_NONCE_BYTES], const struct dtls_key *key, struct bytes explicit_part)
{
	memcpy(nonce, key->iv, DTLS_IV_BYTES);
	memcpy(nonce + DTLS_IV_BYTES, explicit_part.data, DTLS_EXPLICIT_NONCE_BYTES);
}

void dtls_record_seal(struct writer *w, const struct dtls_record_out *out, const struct dtls_crypto *crypto,
	enum dtls_aead aead, const struct dtls_key *key)
{
	assert(out->text.len <= DTLS_RECORD_PLAINTEXT_MAX && out->number <= DTLS_RECORD_NUMBER_MAX);
	assert(out->cid.len <= DTLS_CID_MAX_BYTES);
	bool has_cid = out->cid.len > 0;
	size_t text_len = out->text.len + (has_cid ? 1 : 0), tag_len = dtls_aead_tag_bytes(aead);
	uint64_t sequence = (uint64_t)out->epoch << 48 | out->number;

	write_header(w, out, DTLS_EXPLICIT_NONCE_BYTES + text_len + tag_len);
	struct bytes explicit_part = bytes_of(w->at, DTLS_EXPLICIT_NONCE_BYTES);
	write_u64(w, sequence);
	uint8_t *text = w->at;
	write_bytes(w, out->text);
	if (has_cid)
		write_u8(w, (uint8_t)out->type);
	if (w->failed || writer_left(w) < tag_len) {
		w->failed = true;
		return;
	}
	uint8_t nonce[DTLS_NONCE_BYTES], buffer[ADDITIONAL_MAX_BYTES];
	make_nonce(nonce, key, explicit_part);
	struct bytes additional =
		additional_data(buffer, (uint8_t)out->type, DTLS_VERSION_1_2, sequence, out->cid, text_len);
	if (!crypto->seal(crypto->context, aead, key->key, nonce, additional, text, text_len, w->at))
		w->failed = true;
	else
		w->at += tag_len;
}

/* The true type is the last byte that is not zero (RFC 9146 section 4). */
static bool take_inner_type(struct bytes *text, uint8_t *ret_type)
{
	size_t len = text->len;
	while (len > 0 && text->data[len - 1] == 0)
		len--;
	if (len == 0)
		return false;
	*ret_type = text->data[len - 1];
	text->len = len - 1;
	return true;
}

bool dtls_record_open(const struct dtls_record *record, const struct dtls_crypto *crypto, enum dtls_aead aead,
	const struct dtls_key *key, uint8_t *ret_type, struct bytes *ret_text)
{
	size_t tag_len = dtls_aead_tag_bytes(aead);
	if (record->fragment.len < DTLS_EXPLICIT_NONCE_BYTES + tag_len || record->cid.len > DTLS_CID_MAX_BYTES)
		return false;
	uint64_t sequence = (uint64_t)record->epoch << 48 | record->number;
	struct bytes text = {record->fragment.data + DTLS_EXPLICIT_NONCE_BYTES,
		record->fragment.len - DTLS_EXPLICIT_NONCE_BYTES - tag_len};
	uint8_t nonce[DTLS_NONCE_BYTES], buffer[ADDITIONAL_MAX_BYTES], type = record->type;
	make_nonce(nonce, key, record->fragment);
	struct bytes additional = additional_data(buffer, type, record->version, sequence, record->cid, text.len);
	/* The datagram's buffer is the caller's to change; only the view of it is constant. */
	uint8_t *in_place = (uint8_t *)(uintptr_t)text.data;
	if (!crypto->open(crypto->context, aead, key->key, nonce, additional, in_place, text.len, text.data + text.len))
		return false;
	if (record->type == DTLS_CONTENT_CID && !take_inner_type(&text, &type))
		return false;
	if (text.len > DTLS_RECORD_PLAINTEXT_MAX)
		return false;
	*ret_type = type;
	*ret_text = text;
	return true;
}
