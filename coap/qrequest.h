/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bodies of requests that arrive by Q-Block1 (RFC 9177 section 4.3); of the composer.
 *
 *     PARTIAL    blocks come in any order; 2.31 for a whole set, 4.08 with what is missing (coap/qblock_receive.h),
 * both with the token of the latest block, and only towards non-confirmable requests RUNNING    the body is whole and
 * the handler has been asked, once; it may answer later ANSWERED   the answer is kept for blocks that come again: they
 * are answered as if for the first time
 *
 * A body is known by its remote and its transfer key, the Request-Tag included; bodies with different tags go on beside
 * each other. It is whole or absent, also for a resource that takes streams. A partial body ends when nothing comes for
 * NON_PARTIAL_TIMEOUT, when NON_MAX_RETRANSMIT requests for missing blocks were in vain, or by an RST to one of them.
 */
#pragma once

#include "coap/qblock_receive.h"
#include "coap/resource.h"
#include "coap/retransmit.h"
#include "coap/separate.h"

enum coap_qrequest_state {
	COAP_QREQUEST_PARTIAL,
	COAP_QREQUEST_RUNNING,
	COAP_QREQUEST_ANSWERED,
};

struct coap_qrequest {
	enum coap_qrequest_state state;
	struct coap_origin origin; /* of the latest block */
	struct coap_qblock_receive receive;
	struct handle body;
	msec expires;
	bool has_id;
	uint16_t last_id;   /* of what we sent last */
	uint16_t reply_len; /* 0: the answer went by Q-Block2, or there was none */
	uint8_t reply[COAP_DATAGRAM_MAX_BYTES];
};

/* A body that had an effect and had to give its place to another before late copies of its blocks were out of the
 * network: it is not put together again. */
struct coap_qrequest_gone {
	uint64_t key;
	msec expires;
};

#define COAP_QREQUESTS_GONE_MAX 64

struct coap_qrequests {
	struct coap_qrequest *items;
	struct coap_qrequest_gone gone[COAP_QREQUESTS_GONE_MAX]; /* a ring */
	uint32_t gone_next;
	uint8_t *bitmaps;
	uint32_t bitmap_blocks; /* of each; a multiple of 8 */
	struct slab slab;
	struct deadlines deadlines;
};

size_t coap_qrequests_memory(uint32_t capacity, uint32_t body_size_max);
void coap_qrequests_init(struct coap_qrequests *q, void *memory, uint32_t capacity, uint32_t body_size_max);

/* A block has come. `whole` is set when the body is complete with it: then `ret_body` is the body, the caller asks the
 * handler and calls coap_qrequest_ran. Else everything has been said. */
bool coap_qrequest_receive(struct coap_endpoint *e, struct coap_origin *origin, const struct coap_message *m, msec now,
	struct bytes *ret_body);
/* The handler has returned. */
void coap_qrequest_ran(struct coap_endpoint *e, const struct coap_origin *origin);
/* The answer has been written; empty when it goes by Q-Block2. Ignored when it is to no such body. */
void coap_qrequest_answered(struct coap_endpoint *e, const struct coap_origin *origin, struct bytes message);

/* A non-confirmable message with this ID was rejected; false when it was none of ours. */
bool coap_qrequest_rejected(struct coap_endpoint *e, const struct coap_remote *from, uint16_t id);
void coap_qrequest_lost(struct coap_endpoint *e, const struct coap_remote *remote);

/* Whether any body is not whole yet, or not answered; what is only kept for repetitions does not count. */
bool coap_qrequests_are_under_way(const struct coap_qrequests *q);

msec coap_qrequest_deadline(const struct coap_endpoint *e);
void coap_qrequest_tick(struct coap_endpoint *e, msec now);
