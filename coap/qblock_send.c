/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qblock_send.h"

#include <assert.h>

void coap_qblock_send_init(
	struct coap_qblock_send *s, uint32_t blocks, uint32_t first, uint16_t max_payloads, msec pause)
{
	assert(max_payloads > 0 && first <= blocks);
	s->blocks = blocks;
	s->next = first;
	s->max_payloads = max_payloads;
	s->pause = pause;
	s->resumes = s->repairs_resume = 0;
	s->repair_first = s->repair_count = s->repairs_left = 0;
}

/* ---- what leaves ---- */

/* After repairs the pause begins anew, before the next set (section 7.2). */
static bool next_repair(struct coap_qblock_send *s, msec now, uint32_t *ret)
{
	if (s->repairs_left == 0) {
		if (s->repairs_resume > now)
			return false;
		s->repairs_left = s->max_payloads;
	}
	*ret = s->repairs[s->repair_first];
	s->repair_first = (uint16_t)((s->repair_first + 1) % COAP_QBLOCK_REPAIRS_MAX);
	s->repair_count--;
	s->repairs_left--;
	s->repairs_resume = now + s->pause;
	if (s->resumes > now)
		s->resumes = now + s->pause;
	return true;
}

bool coap_qblock_send_next(struct coap_qblock_send *s, msec now, uint32_t *ret_number, bool *ret_is_repair)
{
	if (s->repair_count > 0) {
		*ret_is_repair = true;
		return next_repair(s, now, ret_number);
	}
	if (s->next == s->blocks || s->resumes > now)
		return false;
	*ret_is_repair = false;
	*ret_number = s->next++;
	s->resumes = s->next % s->max_payloads == 0 && s->pause > 0 ? now + s->pause : 0;
	return true;
}

/* ---- what the receiver says ---- */

void coap_qblock_send_continued(struct coap_qblock_send *s, uint32_t number)
{
	if (number >= s->next)
		s->resumes = 0;
}

void coap_qblock_send_asked(struct coap_qblock_send *s, uint32_t number)
{
	if (number >= s->next || s->repair_count == COAP_QBLOCK_REPAIRS_MAX)
		return;
	for (unsigned i = 0; i < s->repair_count; i++)
		if (s->repairs[(s->repair_first + i) % COAP_QBLOCK_REPAIRS_MAX] == number)
			return;
	s->repairs[(s->repair_first + s->repair_count++) % COAP_QBLOCK_REPAIRS_MAX] = number;
}

void coap_qblock_send_ask_ended(struct coap_qblock_send *s)
{
	s->repairs_left = s->max_payloads;
}

/* ---- questions ---- */

msec coap_qblock_send_deadline(const struct coap_qblock_send *s)
{
	if (s->repair_count > 0)
		return s->repairs_left > 0 ? 0 : s->repairs_resume;
	return s->next < s->blocks ? s->resumes : NEVER;
}

bool coap_qblock_send_is_over(const struct coap_qblock_send *s)
{
	return s->next == s->blocks && s->repair_count == 0;
}
