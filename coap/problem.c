/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The part of CBOR (RFC 8949) that this needs: heads, definite lengths, and skipping of everything well-formed. */
#include "coap/problem.h"

enum major {
	MAJOR_UNSIGNED = 0,
	MAJOR_NEGATIVE = 1,
	MAJOR_BYTES = 2,
	MAJOR_TEXT = 3,
	MAJOR_ARRAY = 4,
	MAJOR_MAP = 5,
	MAJOR_TAG = 6,
	MAJOR_SIMPLE = 7,
};

/* The entries' keys, -1 - n on the wire (RFC 9290 sections 2 and 3.1). */
enum entry {
	ENTRY_TITLE = 0,
	ENTRY_DETAIL = 1,
	ENTRY_INSTANCE = 2,
	ENTRY_RESPONSE_CODE = 3,
	ENTRY_UNPROCESSED_OPTION = 7,
};

#define TAG_LANGUAGE 38 /* [language, text, ?direction] */
#define LENGTH_OPEN  31 /* an indefinite length, and the break that ends it */
#define ENTRIES_MAX  32

/* ---- writing ---- */

static void write_head(struct writer *w, enum major major, uint32_t value)
{
	uint8_t first = (uint8_t)((unsigned)major << 5);
	if (value < 24) {
		write_u8(w, (uint8_t)(first | value));
	} else if (value <= UINT8_MAX) {
		write_u8(w, first | 24);
		write_u8(w, (uint8_t)value);
	} else if (value <= UINT16_MAX) {
		write_u8(w, first | 25);
		write_u16(w, (uint16_t)value);
	} else {
		write_u8(w, first | 26);
		write_u32(w, value);
	}
}

static void write_entry_text(struct writer *w, enum entry key, struct bytes text)
{
	if (text.len == 0)
		return;
	write_head(w, MAJOR_NEGATIVE, key);
	write_head(w, MAJOR_TEXT, (uint32_t)text.len);
	write_bytes(w, text);
}

static void write_options(struct writer *w, const struct coap_problem *p)
{
	write_head(w, MAJOR_NEGATIVE, ENTRY_UNPROCESSED_OPTION);
	if (p->option_count > 1)
		write_head(w, MAJOR_ARRAY, p->option_count);
	for (unsigned i = 0; i < p->option_count; i++)
		write_head(w, MAJOR_UNSIGNED, p->options[i]);
}

void coap_problem_write(struct writer *w, const struct coap_problem *p)
{
	uint32_t entries = (p->title.len > 0 ? 1u : 0u) + (p->detail.len > 0 ? 1u : 0u) +
			   (p->instance.len > 0 ? 1u : 0u) + (p->code != COAP_EMPTY ? 1u : 0u) +
			   (p->option_count > 0 ? 1u : 0u);
	if (entries == 0 || p->option_count > COAP_PROBLEM_OPTIONS_MAX) {
		w->failed = true;
		return;
	}
	write_head(w, MAJOR_MAP, entries);
	write_entry_text(w, ENTRY_TITLE, p->title);
	write_entry_text(w, ENTRY_DETAIL, p->detail);
	write_entry_text(w, ENTRY_INSTANCE, p->instance);
	if (p->code != COAP_EMPTY) {
		write_head(w, MAJOR_NEGATIVE, ENTRY_RESPONSE_CODE);
		write_head(w, MAJOR_UNSIGNED, (uint32_t)p->code);
	}
	if (p->option_count > 0)
		write_options(w, p);
}

/* ---- reading ---- */

struct head {
	unsigned major, info; /* info 31: open length, or break */
	uint64_t value;
};

static struct head read_head(struct reader *r)
{
	uint8_t first = read_u8(r);
	struct head h = {first >> 5, first & 31u, first & 31u};
	if (h.info == 24)
		h.value = read_u8(r);
	else if (h.info == 25)
		h.value = read_u16(r);
	else if (h.info == 26)
		h.value = read_u32(r);
	else if (h.info == 27)
		h.value = read_u64(r);
	else if (h.info > 27 && h.info != LENGTH_OPEN)
		r->failed = true;
	return h;
}

static bool is_break(const struct reader *r)
{
	return r->at < r->end && *r->at == 0xff;
}

static void skip_item(struct reader *r, unsigned depth);

/* `count` items, or with an open length all up to the break. */
static void skip_items(struct reader *r, bool is_open, uint64_t count, unsigned depth)
{
	for (uint64_t i = 0; !r->failed && (is_open ? !is_break(r) : i < count); i++)
		skip_item(r, depth + 1);
	if (is_open)
		(void)read_u8(r);
}

static void skip_item(struct reader *r, unsigned depth)
{
	struct head h = read_head(r);
	bool is_open = h.info == LENGTH_OPEN;
	if (depth > COAP_PROBLEM_DEPTH_MAX)
		r->failed = true;
	if (r->failed)
		return;
	switch ((enum major)h.major) {
	case MAJOR_UNSIGNED:
	case MAJOR_NEGATIVE:
	case MAJOR_SIMPLE:
		r->failed = is_open;
		break;
	case MAJOR_BYTES:
	case MAJOR_TEXT:
		if (is_open)
			skip_items(r, true, 0, depth);
		else if (h.value > reader_left(r))
			r->failed = true;
		else
			(void)read_bytes(r, (size_t)h.value);
		break;
	case MAJOR_ARRAY:
		skip_items(r, is_open, h.value, depth);
		break;
	case MAJOR_MAP:
		if (h.value > reader_left(r))
			r->failed = !is_open;
		skip_items(r, is_open, h.value * 2, depth);
		break;
	case MAJOR_TAG:
		r->failed = is_open;
		skip_item(r, depth + 1);
		break;
	}
}

static struct bytes read_text(struct reader *r)
{
	struct head h = read_head(r);
	if (h.major != MAJOR_TEXT || h.info == LENGTH_OPEN || h.value > reader_left(r)) {
		r->failed = true;
		return BYTES_NONE;
	}
	return read_bytes(r, (size_t)h.value);
}

/* A text, or one with a language and perhaps a direction around it (RFC 9290 appendix A). */
static struct bytes read_localised(struct reader *r)
{
	struct reader plain = *r;
	struct head h = read_head(r);
	if (h.major != MAJOR_TAG || h.value != TAG_LANGUAGE) {
		*r = plain;
		return read_text(r);
	}
	h = read_head(r);
	if (h.major != MAJOR_ARRAY || h.info == LENGTH_OPEN || h.value < 2 || h.value > 3) {
		r->failed = true;
		return BYTES_NONE;
	}
	(void)read_text(r);
	struct bytes text = read_text(r);
	if (h.value == 3)
		skip_item(r, 0);
	return text;
}

static void add_option(struct reader *r, struct coap_problem *p)
{
	struct head h = read_head(r);
	if (h.major != MAJOR_UNSIGNED || h.value > UINT16_MAX)
		r->failed = true;
	else if (p->option_count < COAP_PROBLEM_OPTIONS_MAX)
		p->options[p->option_count++] = (uint16_t)h.value;
}

static void read_options(struct reader *r, struct coap_problem *p)
{
	struct reader single = *r;
	struct head h = read_head(r);
	p->option_count = 0;
	if (h.major != MAJOR_ARRAY) {
		*r = single;
		add_option(r, p);
		return;
	}
	if (h.info == LENGTH_OPEN || h.value > reader_left(r))
		r->failed = true;
	for (uint64_t i = 0; !r->failed && i < h.value; i++)
		add_option(r, p);
}

static void read_code(struct reader *r, struct coap_problem *p)
{
	struct head h = read_head(r);
	if (h.major != MAJOR_UNSIGNED || h.value > UINT8_MAX)
		r->failed = true;
	p->code = (enum coap_code)(h.value & UINT8_MAX);
}

static void read_entry(struct reader *r, struct coap_problem *p)
{
	struct reader key = *r;
	struct head h = read_head(r);
	if (h.major != MAJOR_NEGATIVE || h.info == LENGTH_OPEN || h.value > ENTRY_UNPROCESSED_OPTION) {
		*r = key;
		skip_item(r, 0); /* an application's, or a later standard's */
		skip_item(r, 0);
		return;
	}
	switch (h.value) {
	case ENTRY_TITLE:
		p->title = read_localised(r);
		break;
	case ENTRY_DETAIL:
		p->detail = read_localised(r);
		break;
	case ENTRY_INSTANCE:
		p->instance = read_text(r);
		break;
	case ENTRY_RESPONSE_CODE:
		read_code(r, p);
		break;
	case ENTRY_UNPROCESSED_OPTION:
		read_options(r, p);
		break;
	default:
		skip_item(r, 0);
		break;
	}
}

bool coap_problem_parse(struct bytes payload, struct coap_problem *ret)
{
	struct reader r = reader_of(payload);
	struct coap_problem p = {.code = COAP_EMPTY};
	struct head h = read_head(&r);
	bool is_open = h.info == LENGTH_OPEN;
	if (h.major != MAJOR_MAP || (!is_open && (h.value == 0 || h.value > ENTRIES_MAX)))
		return false;
	for (unsigned i = 0; !r.failed && (is_open ? i < ENTRIES_MAX && !is_break(&r) : i < h.value); i++)
		read_entry(&r, &p);
	if (is_open && read_u8(&r) != 0xff)
		return false;
	if (r.failed || reader_left(&r) > 0)
		return false;
	*ret = p;
	return true;
}
