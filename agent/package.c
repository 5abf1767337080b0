/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/package.h"

#include "mgmt/cbor.h"

/* SUIT_Envelope_Tagged (draft-ietf-suit-manifest), 107: with its first bytes a package of another kind is known. */
static const uint8_t beginning[] = {0xd8, 0x6b};

#define BYTE_STRING     0x40u /* major type 2 */
#define MAJOR_TYPE_BITS 0xe0u
#define LENGTH_OF_1     24u
#define LENGTH_OF_8     27u

void package_init(struct package *p, uint8_t *room, size_t capacity)
{
	*p = (struct package){.stage = PACKAGE_AT_ENVELOPE, .room = room, .capacity = capacity};
}

bool package_is_complete(const struct package *p)
{
	return p->stage == PACKAGE_AT_IMAGE && p->image_taken == p->image_size;
}

/* ---- the envelope ---- */

static bool has_other_beginning(const struct package *p)
{
	size_t len = p->envelope_len < sizeof beginning ? p->envelope_len : sizeof beginning;
	return memcmp(p->room, beginning, len) != 0;
}

/* The length of the first item; 0 when it is not whole. */
static size_t item_length(struct bytes so_far)
{
	struct cbor_reader r = cbor_reader_of(so_far);
	struct cbor_item item;
	return cbor_next(&r, &item) && cbor_skip(&r, &item) ? so_far.len - cbor_left(&r) : 0;
}

static enum package_event take_envelope(struct package *p, struct bytes *part, struct bytes *ret)
{
	size_t before = p->envelope_len, free = p->capacity - before;
	size_t taken = part->len < free ? part->len : free;
	memcpy(p->room + before, part->data, taken);
	p->envelope_len += taken;
	if (has_other_beginning(p))
		return PACKAGE_BROKEN;
	size_t len = item_length(bytes_of(p->room, p->envelope_len));
	if (len == 0) {
		*part = bytes_from(*part, taken);
		return part->len > 0 || p->envelope_len == p->capacity ? PACKAGE_BROKEN : PACKAGE_MORE;
	}
	p->envelope_len = len;
	p->stage = PACKAGE_AT_HEAD;
	*part = bytes_from(*part, len - before);
	*ret = bytes_of(p->room, len);
	return PACKAGE_ENVELOPE;
}

/* ---- the head of the image ---- */

static size_t head_length(uint8_t first)
{
	uint8_t length = first & (uint8_t)~MAJOR_TYPE_BITS;
	if ((first & MAJOR_TYPE_BITS) != BYTE_STRING || length > LENGTH_OF_8)
		return 0;
	return length < LENGTH_OF_1 ? 1 : 1u + (1u << (length - LENGTH_OF_1));
}

static bool take_head(struct package *p, struct bytes *part)
{
	p->head[p->head_len++] = part->data[0];
	*part = bytes_from(*part, 1);
	size_t wanted = head_length(p->head[0]);
	if (wanted == 0 || p->head_len < wanted)
		return wanted > 0;
	p->image_size = wanted == 1 ? p->head[0] & ~MAJOR_TYPE_BITS : 0;
	for (size_t i = 1; i < wanted; i++)
		p->image_size = p->image_size << 8 | p->head[i];
	p->stage = PACKAGE_AT_IMAGE;
	return true;
}

/* ---- the image ---- */

static enum package_event take_image(struct package *p, struct bytes *part, struct bytes *ret)
{
	uint64_t left = p->image_size - p->image_taken;
	if (left == 0)
		return PACKAGE_BROKEN;
	*ret = part->len <= left ? *part : bytes_first(*part, (size_t)left);
	*part = bytes_from(*part, ret->len);
	p->image_taken += ret->len;
	return PACKAGE_IMAGE;
}

enum package_event package_take(struct package *p, struct bytes *part, struct bytes *ret)
{
	while (part->len > 0) {
		switch (p->stage) {
		case PACKAGE_AT_ENVELOPE:
			return take_envelope(p, part, ret);
		case PACKAGE_AT_HEAD:
			if (!take_head(p, part))
				return PACKAGE_BROKEN;
			break;
		case PACKAGE_AT_IMAGE:
			return take_image(p, part, ret);
		}
	}
	return PACKAGE_MORE;
}
