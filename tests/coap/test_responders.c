/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/responders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct table {
	struct coap_responders t;
	void *memory;
};

static void make(struct table *x, uint32_t capacity)
{
	x->memory = aligned_alloc(64, coap_responders_memory(capacity));
	coap_responders_init(&x->t, x->memory, capacity, 3);
}

static enum coap_responder_verdict add(struct table *x, uint64_t request, uint8_t host, uint32_t *head)
{
	struct coap_remote remote = {address_ipv4(192, 0, 2, host, 5683), HANDLE_NONE};
	return coap_responder_add(&x->t, request, &remote, head);
}

static void a_second_answer_to_the_same_request_is_known(void **state)
{
	struct table x;
	uint32_t one = 0, two = 0;
	(void)state;
	make(&x, 4);
	assert_int_equal(add(&x, 1, 10, &one), COAP_RESPONDER_NEW);
	assert_int_equal(add(&x, 1, 11, &one), COAP_RESPONDER_NEW);
	assert_int_equal(add(&x, 1, 10, &one), COAP_RESPONDER_KNOWN);
	assert_int_equal(add(&x, 2, 10, &two), COAP_RESPONDER_NEW);
	free(x.memory);
}

static void what_a_request_has_taken_comes_back_when_it_ends(void **state)
{
	struct table x;
	uint32_t one = 0, two = 0;
	(void)state;
	make(&x, 3);
	assert_int_equal(add(&x, 1, 10, &one), COAP_RESPONDER_NEW);
	assert_int_equal(add(&x, 2, 10, &two), COAP_RESPONDER_NEW);
	assert_int_equal(add(&x, 1, 11, &one), COAP_RESPONDER_NEW);
	assert_int_equal(add(&x, 1, 12, &one), COAP_RESPONDER_FULL);
	coap_responders_forget(&x.t, &one);
	assert_int_equal(one, 0);
	assert_int_equal(coap_responders_count(&x.t), 1);
	assert_int_equal(add(&x, 2, 10, &two), COAP_RESPONDER_KNOWN);
	assert_int_equal(add(&x, 1, 10, &one), COAP_RESPONDER_NEW);
	coap_responders_forget(&x.t, &one);
	coap_responders_forget(&x.t, &two);
	assert_int_equal(coap_responders_count(&x.t), 0);
	free(x.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_answer_to_the_same_request_is_known),
		cmocka_unit_test(what_a_request_has_taken_comes_back_when_it_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
