/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/frame.h"

#include "coap/message.h"

#include <assert.h>

/* Where the extended forms begin, the same for both lengths (RFC 8323 section 3.2, RFC 8974 section 2.1). */
#define FROM_8_BITS  13u
#define FROM_16_BITS 269u
#define FROM_32_BITS 65805u

/* The length that a nibble stands for, with the bytes behind it. False when they have not all come. */
static bool read_length(struct reader *r, unsigned nibble, uint64_t *ret)
{
	if (nibble < 13)
		*ret = nibble;
	else if (nibble == 13)
		*ret = FROM_8_BITS + read_u8(r);
	else if (nibble == 14)
		*ret = FROM_16_BITS + (uint64_t)read_u16(r);
	else
		*ret = FROM_32_BITS + (uint64_t)read_u32(r);
	return !r->failed;
}

enum coap_frame_verdict coap_frame_parse(struct bytes stream, struct coap_frame *ret)
{
	struct reader r = reader_of(stream);
	uint64_t length, token;
	uint8_t first = read_u8(&r);
	unsigned token_nibble = first & 15;
	if (r.failed)
		return COAP_FRAME_SHORT;
	if (token_nibble == 15)
		return COAP_FRAME_MALFORMED; /* reserved */
	if (!read_length(&r, first >> 4, &length))
		return COAP_FRAME_SHORT;
	uint8_t code = read_u8(&r);
	uint8_t head = (uint8_t)(stream.len - reader_left(&r));
	size_t before = reader_left(&r);
	if (r.failed || !read_length(&r, token_nibble, &token))
		return COAP_FRAME_SHORT;
	token += before - reader_left(&r);
	*ret = (struct coap_frame){head + token + length, head, code, (uint8_t)token_nibble};
	return COAP_FRAME_OK;
}

struct bytes coap_frame_to_datagram(uint8_t *frame, const struct coap_frame *f)
{
	uint8_t *start = frame + f->head - COAP_HEADER_BYTES;
	struct writer w = writer_of(start, COAP_HEADER_BYTES);
	write_u8(&w, (uint8_t)(COAP_VERSION << 6 | COAP_TYPE_NON << 4 | f->token_nibble));
	write_u8(&w, f->code);
	write_u16(&w, 0);
	return bytes_of(start, (size_t)f->size - f->head + COAP_HEADER_BYTES);
}

/* ---- writing ---- */

/* Options and payload. */
static size_t counted(struct bytes datagram)
{
	struct reader r = reader_of(datagram);
	uint64_t token;
	unsigned nibble = read_u8(&r) & 15u;
	(void)read_bytes(&r, COAP_HEADER_BYTES - 1);
	bool is_whole = read_length(&r, nibble, &token) && nibble < 15 && token <= reader_left(&r);
	assert(is_whole); /* we have written it ourselves */
	return reader_left(&r) - (size_t)token;
}

static size_t extension(size_t length)
{
	return length < FROM_8_BITS ? 0 : length < FROM_16_BITS ? 1 : length < FROM_32_BITS ? 2 : 4;
}

size_t coap_frame_size(struct bytes datagram)
{
	return datagram.len - COAP_HEADER_BYTES + 2 + extension(counted(datagram));
}

void coap_frame_write(struct writer *w, struct bytes datagram)
{
	size_t length = counted(datagram);
	uint8_t token_nibble = datagram.data[0] & 15;
	static const uint8_t nibbles[] = {0, 13, 14, 0, 15};
	size_t more = extension(length);
	write_u8(w, (uint8_t)((more == 0 ? length : nibbles[more]) << 4 | token_nibble));
	if (more == 1)
		write_u8(w, (uint8_t)(length - FROM_8_BITS));
	else if (more == 2)
		write_u16(w, (uint16_t)(length - FROM_16_BITS));
	else if (more == 4)
		write_u32(w, (uint32_t)(length - FROM_32_BITS));
	write_u8(w, datagram.data[1]);
	write_bytes(w, bytes_from(datagram, COAP_HEADER_BYTES));
}
