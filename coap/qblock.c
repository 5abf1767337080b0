/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qblock.h"

#define MAX_LATENCY SECONDS(100)

msec coap_qblock_pause(const struct coap_qblock_parameters *p, struct prng *prng)
{
	uint32_t above =
		p->random_permille > 1000 ? (uint32_t)(p->non_timeout * (p->random_permille - 1000) / 1000) : 0;
	return p->non_timeout + (msec)prng_below(prng, above + 1);
}

/* NON_TIMEOUT * ((2 ** NON_MAX_RETRANSMIT) - 1) * ACK_RANDOM_FACTOR + (2 * MAX_LATENCY), the common part. */
static msec exchange_span(const struct coap_qblock_parameters *p)
{
	return p->non_timeout * ((INT64_C(1) << p->non_max_retransmit) - 1) * p->random_permille / 1000 +
	       2 * MAX_LATENCY;
}

msec coap_qblock_partial_timeout(const struct coap_qblock_parameters *p)
{
	return p->non_partial_timeout > 0 ? p->non_partial_timeout : exchange_span(p) + p->non_timeout;
}

msec coap_qblock_probing_wait(const struct coap_qblock_parameters *p, uint64_t bytes)
{
	msec most = p->non_probing_wait > 0 ? p->non_probing_wait : exchange_span(p) + p->non_timeout;
	uint64_t rate = p->probing_bytes_in_s > 0 ? p->probing_bytes_in_s : 1;
	uint64_t wait = bytes < UINT64_MAX / 1000 ? bytes * 1000 / rate : UINT64_MAX;
	return wait < (uint64_t)most ? (msec)wait : most;
}

/* ---- application/missing-blocks+cbor-seq ---- */

/* CBOR's major type 0 in its shortest form (RFC 8949 section 3.1). */
void coap_qblock_missing_write(struct writer *w, uint32_t number)
{
	if (number < 24) {
		write_u8(w, (uint8_t)number);
	} else if (number <= UINT8_MAX) {
		write_u8(w, 24);
		write_u8(w, (uint8_t)number);
	} else if (number <= UINT16_MAX) {
		write_u8(w, 25);
		write_u16(w, (uint16_t)number);
	} else {
		write_u8(w, 26);
		write_u32(w, number);
	}
}

/* One item; longer forms than needed are read too. False for anything that is no block number. */
static bool read_number(struct reader *r, uint32_t *ret)
{
	uint8_t head = read_u8(r);
	uint64_t value = head;
	if (head == 24)
		value = read_u8(r);
	else if (head == 25)
		value = read_u16(r);
	else if (head == 26)
		value = read_u32(r);
	else if (head == 27)
		value = read_u64(r);
	else if (head > 27)
		return false;
	*ret = (uint32_t)value;
	return !r->failed && value < COAP_BLOCKS_MAX;
}

bool coap_qblock_missing_is_valid(struct bytes list)
{
	struct reader r = reader_of(list);
	uint32_t number, previous = 0;
	if (list.len == 0)
		return false;
	while (reader_left(&r) > 0) {
		if (!read_number(&r, &number) || number < previous)
			return false;
		previous = number;
	}
	return true;
}

bool coap_qblock_missing_next(struct reader *list, uint32_t *previous)
{
	uint32_t number;
	while (reader_left(list) > 0 && read_number(list, &number)) {
		if (number == *previous)
			continue;
		*previous = number;
		return true;
	}
	return false;
}
