/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of own requests by Q-Block (RFC 9177), and what one of them remembers. coap/qclient.h says how it goes from
 * phase to phase. Storage is the caller's. */
#pragma once

#include "coap/carve.h"
#include "coap/qblock_receive.h"
#include "coap/qblock_send.h"
#include "coap/base/deadline.h"
#include "coap/base/slab.h"

enum coap_qcall_phase {
	COAP_QCALL_WAITING, /* for the peer's quiet time to end, or for room among the messages in flight */
	COAP_QCALL_PROBING,
	COAP_QCALL_SENDING,
	COAP_QCALL_RECEIVING,
	COAP_QCALL_OBSERVING,
};

struct coap_qcall {
	enum coap_qcall_phase phase;
	struct handle exchange;
	bool is_confirmable, has_restarted, has_sequence;
	uint8_t szx;        /* of our blocks, and wanted of the response's */
	uint8_t attempts;   /* in vain, since the peer last said something; or to find room */
	uint32_t requests;  /* so far: the next one's number in the token */
	uint32_t set_began; /* the number of the first request of the latest set */
	uint32_t tag;
	uint32_t sequence; /* Observe, of the body that is coming */
	uint64_t bytes;    /* sent since the peer last said something */
	uint8_t in_flight;
	bool has_ids; /* of the non-confirmable requests that left last, for an RST: */
	uint16_t first_id, last_id;
	uint8_t etag_len;
	uint8_t etag[8];
	msec deadline;
	struct coap_qblock_send send;
	struct coap_qblock_receive receive;
};

struct coap_qcalls {
	struct coap_qcall *items;
	uint8_t *bitmaps;
	uint32_t bitmap_blocks;
	struct slab slab;
	struct deadlines deadlines;
	uint32_t next_tag;
};

size_t coap_qcalls_memory(uint32_t capacity, uint32_t body_size_max);
/* Request-Tags count from `first_tag`, which is best drawn by chance (section 4.3). */
void coap_qcalls_init(
	struct coap_qcalls *q, void *memory, uint32_t capacity, uint32_t body_size_max, uint32_t first_tag);
