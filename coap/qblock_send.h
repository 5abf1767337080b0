/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A body that goes out by Q-Block, as its sender sees it: which block leaves next, and when (RFC 9177 sections 4.3, 4.4
 * and 7.2). The same for requests (Q-Block1) and responses (Q-Block2).
 *
 *     blocks in order, a set of MAX_PAYLOADS at once       a pause of NON_TIMEOUT_RANDOM behind each set
 *     continued (2.31, or a 'Continue' Q-Block2)           the next set at once
 *     asked (4.08 with a list, or Q-Block2 options)        those first, MAX_PAYLOADS at most between two pauses
 *
 * A receiver that says nothing gets the whole body at the pace of the pauses, once. A pause of 0 leaves the pace to
 * somebody else: to NSTART for confirmable messages, or to a reliable transport.
 *
 * The module moves no bytes and reads no clock. */
#pragma once

#include "coap/qblock.h"

/* What can be asked for while the rest waits; what a longer list names is left for the next. */
#define COAP_QBLOCK_REPAIRS_MAX 64

struct coap_qblock_send {
	uint32_t blocks; /* of the body */
	uint32_t next;   /* all below have left once */
	uint16_t max_payloads;
	msec pause;
	msec resumes; /* when the next set may begin; 0 in the midst of one */

	uint32_t repairs[COAP_QBLOCK_REPAIRS_MAX]; /* asked for and not sent yet; a ring */
	uint16_t repair_first, repair_count;
	uint16_t repairs_left; /* may leave before the pause */
	msec repairs_resume;
};

/* `first` is the block to begin with: 0, or where an earlier sender has left off; `blocks` for none but what is asked
 * for. */
void coap_qblock_send_init(
	struct coap_qblock_send *s, uint32_t blocks, uint32_t first, uint16_t max_payloads, msec pause);

/* The block to send now. Call until false. `ret_is_repair` says that it goes as the answer to who asked. */
bool coap_qblock_send_next(struct coap_qblock_send *s, msec now, uint32_t *ret_number, bool *ret_is_repair);
/* The receiver has all blocks below `number`. */
void coap_qblock_send_continued(struct coap_qblock_send *s, uint32_t number);
/* The receiver lacks this block. What has not left yet, does not exist or waits already is ignored. Call for each,
 * then tell that the request was one more. */
void coap_qblock_send_asked(struct coap_qblock_send *s, uint32_t number);
void coap_qblock_send_ask_ended(struct coap_qblock_send *s);

/* When coap_qblock_send_next has something; NEVER when all has left and nothing was asked for. */
msec coap_qblock_send_deadline(const struct coap_qblock_send *s);
/* Whether every block has left at least once and nothing waits. */
bool coap_qblock_send_is_over(const struct coap_qblock_send *s);
