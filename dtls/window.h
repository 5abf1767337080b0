/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which records have been received (RFC 6347 section 4.1.2.6): the highest number and a bitmap of the 64 up to it.
 * Ask before decrypting, mark after the record has proved authentic; a forged record must not move the window. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DTLS_WINDOW_RECORDS 64

struct dtls_window {
	uint64_t next; /* one more than the highest number received; 0 while nothing was */
	uint64_t seen; /* bit i: number next - 1 - i was received */
};

/* Neither received before nor too old to tell. */
bool dtls_window_is_fresh(const struct dtls_window *w, uint64_t number);
/* The number must be fresh. True when it is higher than all before it. */
bool dtls_window_mark(struct dtls_window *w, uint64_t number);
