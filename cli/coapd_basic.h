/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The plain resources of coapd: /test, a value to GET, PUT, POST and DELETE, and /counter, to which each POST adds
 * one. */
#pragma once

#include "cli/coapd_table.h"

#define COAPD_TEST_MAX_BYTES (64 * 1024)

struct coapd_basic {
	uint8_t test[COAPD_TEST_MAX_BYTES];
	size_t test_len;
	bool has_test;
	uint16_t test_format;
	uint64_t counter;
};

void coapd_basic_init(struct coapd_basic *b, struct coapd_table *table);

/* A 2.05 with a number in decimal digits. */
void coapd_answer_number(const struct coap_request *request, uint64_t number, struct coap_response *ret);
