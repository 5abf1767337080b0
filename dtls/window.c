/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/window.h"

#include <assert.h>

bool dtls_window_is_fresh(const struct dtls_window *w, uint64_t number)
{
	if (number >= w->next)
		return true;
	uint64_t age = w->next - 1 - number;
	return age < DTLS_WINDOW_RECORDS && (w->seen >> age & 1) == 0;
}

bool dtls_window_mark(struct dtls_window *w, uint64_t number)
{
	assert(dtls_window_is_fresh(w, number));
	if (number < w->next) {
		w->seen |= UINT64_C(1) << (w->next - 1 - number);
		return false;
	}
	uint64_t advance = number - w->next + 1;
	w->seen = advance < DTLS_WINDOW_RECORDS ? w->seen << advance | 1 : 1;
	w->next = number + 1;
	return true;
}
