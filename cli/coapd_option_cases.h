/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Resources that show what one option does:
 *
 *     /query            GET repeats the Uri-Query options, one a line
 *     /location-query   POST answers with two Location-Query options
 *     /multi-format     GET gives text or XML as Accept says, PUT takes both and refuses others (4.15)
 *     /validate         a value with an ETag, for validation and If-Match
 *     /short-lived      the same with a Max-Age of one second, for caches
 *     /create1          a value that is not there at first, for If-None-Match */
#pragma once

#include "cli/coapd_table.h"
#include "cli/coapd_value.h"

#define COAPD_FORMATS_MAX_BYTES 64

struct coapd_option_cases {
	struct coapd_value validate, short_lived, create1;
	uint8_t word[COAPD_FORMATS_MAX_BYTES]; /* what /multi-format shows in either form */
	size_t word_len;
};

void coapd_option_cases_init(struct coapd_option_cases *o, struct coapd_table *table);
