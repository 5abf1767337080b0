/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Both records have the same frame:
 *
 *     "FFJ" kind | version | body ... | CRC-32 of all before
 *
 * A record of another version is treated like a rotten one: an agent that was put back to an older program must not
 * guess at what a newer one wrote. */
#include "agent/journal.h"

#include <assert.h>

#define FRAME_MAGIC      0x46464au /* "FFJ" */
#define KIND_STATE       'S'
#define KIND_PROGRESS    'P'
#define RECORD_VERSION   1
#define CRC_BYTES        4
#define CRC32_POLYNOMIAL 0xedb88320u /* IEEE 802.3, bits reversed */

uint32_t journal_crc32(struct bytes data)
{
	uint32_t crc = 0xffffffffu;
	for (size_t i = 0; i < data.len; i++) {
		crc ^= data.data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (CRC32_POLYNOMIAL & (0u - (crc & 1)));
	}
	return ~crc;
}

/* ---- frame ---- */

static void write_head(struct writer *w, uint8_t kind)
{
	write_u24(w, FRAME_MAGIC);
	write_u8(w, kind);
	write_u8(w, RECORD_VERSION);
}

/* The checksum covers what was written since `start`. */
static void write_checksum(struct writer *w, const uint8_t *start)
{
	if (!w->failed)
		write_u32(w, journal_crc32(bytes_of(start, (size_t)(w->at - start))));
}

/* A reader of the body, when the frame is whole. */
static bool open_frame(struct bytes record, uint8_t kind, struct reader *ret)
{
	if (record.len < CRC_BYTES)
		return false;
	struct bytes covered = bytes_first(record, record.len - CRC_BYTES);
	struct reader checksum = reader_of(bytes_from(record, covered.len));
	if (read_u32(&checksum) != journal_crc32(covered))
		return false;
	*ret = reader_of(covered);
	uint32_t magic = read_u24(ret);
	uint8_t found = read_u8(ret);
	uint8_t version = read_u8(ret);
	return !ret->failed && magic == FRAME_MAGIC && found == kind && version == RECORD_VERSION;
}

/* ---- state ---- */

static size_t text_len(const char *text, size_t max)
{
	const char *end = memchr(text, '\0', max);
	return end == NULL ? max : (size_t)(end - text);
}

static void write_image(struct writer *w, const struct journal_image *image)
{
	size_t len = text_len(image->version, JOURNAL_VERSION_MAX);
	write_u8(w, image->is_present);
	write_u8(w, (uint8_t)len);
	write_bytes(w, bytes_of(image->version, len));
	write_u64(w, image->sequence);
	write_u64(w, image->size);
	write_bytes(w, bytes_of(image->digest, SHA256_BYTES));
}

static void read_image(struct reader *r, struct journal_image *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->is_present = read_u8(r) != 0;
	size_t len = read_u8(r);
	struct bytes version = read_bytes(r, len);
	if (len > JOURNAL_VERSION_MAX)
		r->failed = true;
	else if (version.len > 0)
		memcpy(ret->version, version.data, version.len);
	ret->sequence = read_u64(r);
	ret->size = read_u64(r);
	struct bytes digest = read_bytes(r, SHA256_BYTES);
	if (!r->failed)
		memcpy(ret->digest, digest.data, SHA256_BYTES);
}

static void write_blob(struct writer *w, const uint8_t *data, size_t len)
{
	write_u16(w, (uint16_t)len);
	write_bytes(w, bytes_of(data, len));
}

static void read_blob(struct reader *r, uint8_t *buffer, size_t capacity, size_t *ret_len)
{
	struct bytes blob = read_bytes(r, read_u16(r));
	if (blob.len > capacity) {
		r->failed = true;
		return;
	}
	if (blob.len > 0)
		memcpy(buffer, blob.data, blob.len);
	*ret_len = blob.len;
}

/* What servers wrote into their accounts stood here; it has a record of its own now (agent/accounts.h). */
#define VACANT_BYTES 17

static void write_vacant(struct writer *w)
{
	static const uint8_t vacant[VACANT_BYTES];
	write_bytes(w, bytes_of(vacant, sizeof vacant));
}

void journal_encode_state(const struct journal_state *state, struct writer *w)
{
	assert(state->uri_len <= JOURNAL_URI_MAX && state->envelope_len <= JOURNAL_ENVELOPE_MAX);
	const uint8_t *start = w->at;
	write_head(w, KIND_STATE);
	write_u64(w, state->number);
	write_u8(w, (uint8_t)state->phase);
	write_u8(w, state->result);
	write_u8(w, state->severity);
	write_u8(w, state->trials);
	write_u8(w, (uint8_t)state->confirmed);
	write_u64(w, state->sequence_floor);
	write_u32(w, state->defer_period_s);
	write_vacant(w);
	write_u64(w, (uint64_t)state->changed_at);
	write_image(w, &state->images[SLOT_A]);
	write_image(w, &state->images[SLOT_B]);
	write_blob(w, state->uri, state->uri_len);
	write_blob(w, state->envelope, state->envelope_len);
	write_checksum(w, start);
}

static void read_state(struct reader *r, struct journal_state *ret)
{
	ret->number = read_u64(r);
	uint8_t phase = read_u8(r);
	ret->result = read_u8(r);
	ret->severity = read_u8(r);
	ret->trials = read_u8(r);
	uint8_t confirmed = read_u8(r);
	ret->sequence_floor = read_u64(r);
	ret->defer_period_s = read_u32(r);
	(void)read_bytes(r, VACANT_BYTES);
	ret->changed_at = (int64_t)read_u64(r);
	read_image(r, &ret->images[SLOT_A]);
	read_image(r, &ret->images[SLOT_B]);
	read_blob(r, ret->uri, sizeof ret->uri, &ret->uri_len);
	read_blob(r, ret->envelope, sizeof ret->envelope, &ret->envelope_len);
	if (phase > JOURNAL_TRIAL || confirmed > SLOT_B || reader_left(r) > 0) {
		r->failed = true;
		return;
	}
	ret->phase = (enum journal_phase)phase;
	ret->confirmed = (enum slot)confirmed;
}

bool journal_decode_state(struct bytes record, struct journal_state *ret)
{
	struct reader r;
	if (!open_frame(record, KIND_STATE, &r))
		return false;
	struct journal_state state;
	memset(&state, 0, sizeof state);
	read_state(&r, &state);
	if (r.failed)
		return false;
	*ret = state;
	return true;
}

/* ---- progress ---- */

void journal_encode_progress(
	const uint8_t digest[SHA256_BYTES], uint32_t block_size, struct bytes bitmap, struct writer *w)
{
	const uint8_t *start = w->at;
	write_head(w, KIND_PROGRESS);
	write_bytes(w, bytes_of(digest, SHA256_BYTES));
	write_u32(w, block_size);
	write_u32(w, (uint32_t)bitmap.len);
	write_bytes(w, bitmap);
	write_checksum(w, start);
}

bool journal_decode_progress(
	struct bytes record, const uint8_t digest[SHA256_BYTES], uint32_t *ret_block_size, struct bytes *ret_bitmap)
{
	struct reader r;
	if (!open_frame(record, KIND_PROGRESS, &r))
		return false;
	struct bytes owner = read_bytes(&r, SHA256_BYTES);
	uint32_t size = read_u32(&r);
	struct bytes bitmap = read_bytes(&r, read_u32(&r));
	if (r.failed || reader_left(&r) > 0 || !bytes_equal(owner, bytes_of(digest, SHA256_BYTES)))
		return false;
	*ret_block_size = size;
	*ret_bitmap = bitmap;
	return true;
}

/* ---- storing ---- */

static enum journal_record copy_of(uint64_t number)
{
	return (number & 1) != 0 ? JOURNAL_STATE_FIRST : JOURNAL_STATE_SECOND;
}

static void set_factory(struct journal_state *state)
{
	memset(state, 0, sizeof *state);
	state->severity = 1; /* mandatory: the default of /5/0/11 */
}

/* Takes one copy into `ret` when it is valid and newer than what is there; 0, an error of the port, or 1 for a copy
 * that exists but is not valid. */
static int load_copy(
	const struct journal_port *port, enum journal_record which, uint8_t *scratch, struct journal_state *ret)
{
	int len = port->load(port->context, which, scratch, JOURNAL_STATE_BYTES_MAX);
	if (len < 0)
		return len;
	struct journal_state found;
	if (!journal_decode_state(bytes_of(scratch, (size_t)len), &found))
		return 1;
	if (found.number > ret->number)
		*ret = found;
	return 0;
}

enum journal_loaded journal_load(
	const struct journal_port *port, uint8_t *scratch, struct journal_state *ret, int *ret_error)
{
	struct journal_state state;
	set_factory(&state);
	bool is_rotten = false;
	for (int i = 0; i < 2; i++) {
		int status = load_copy(port, (enum journal_record)i, scratch, &state);
		if (status == 1 || status == PORT_TOO_BIG) {
			is_rotten = true;
		} else if (status < 0 && status != PORT_NO_ENTRY) {
			*ret_error = status;
			return JOURNAL_FAILED;
		}
	}
	*ret = state;
	if (state.number > 0)
		return JOURNAL_LOADED;
	return is_rotten ? JOURNAL_ROTTEN : JOURNAL_NEW;
}

int journal_store(const struct journal_port *port, uint8_t *scratch, struct journal_state *state)
{
	state->number++;
	struct writer w = writer_of(scratch, JOURNAL_STATE_BYTES_MAX);
	journal_encode_state(state, &w);
	assert(!w.failed);
	int status = port->store(port->context, copy_of(state->number), writer_bytes(&w));
	if (status < 0)
		state->number--; /* the next attempt overwrites the same copy, which may be torn; the other one is whole
				  */
	return status;
}
