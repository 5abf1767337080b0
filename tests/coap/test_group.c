/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct coap_remote asker = {{.port = 5683}, {0, 0}};

static void answers_come_out_in_the_order_of_their_moments(void **state)
{
	struct coap_group g;
	void *memory = aligned_alloc(64, coap_group_memory(4));
	const struct coap_group_answer *answer;
	(void)state;
	coap_group_init(&g, memory, 4);
	assert_int_equal(coap_group_deadline(&g), NEVER);
	assert_true(coap_group_add(&g, &asker, bytes_of("late", 4), 30));
	assert_true(coap_group_add(&g, &asker, bytes_of("early", 5), 10));
	assert_int_equal(coap_group_deadline(&g), 10);
	assert_false(coap_group_due(&g, 9, &answer));
	assert_true(coap_group_due(&g, 10, &answer));
	assert_memory_equal(answer->datagram, "early", answer->len);
	assert_false(coap_group_due(&g, 29, &answer));
	assert_true(coap_group_due(&g, 31, &answer));
	assert_memory_equal(answer->datagram, "late", answer->len);
	assert_int_equal(coap_group_count(&g), 0);
	free(memory);
}

static void a_full_table_takes_no_more_until_one_has_left(void **state)
{
	struct coap_group g;
	void *memory = aligned_alloc(64, coap_group_memory(1));
	const struct coap_group_answer *answer;
	(void)state;
	coap_group_init(&g, memory, 1);
	assert_true(coap_group_add(&g, &asker, bytes_of("a", 1), 1));
	assert_false(coap_group_add(&g, &asker, bytes_of("b", 1), 1));
	assert_true(coap_group_due(&g, 1, &answer));
	assert_true(coap_group_add(&g, &asker, bytes_of("b", 1), 1));
	free(memory);
}

/* RFC 7252 section 8.2: G = 100, S = 100 bytes, R = 1 kB/s give 10 seconds. */
static void the_leisure_is_long_enough_for_all_members(void **state)
{
	struct coap_group_parameters p = COAP_GROUP_PARAMETERS_DEFAULT;
	(void)state;
	assert_int_equal(coap_group_leisure(&p, 100), SECONDS(5));
	p.members = 100;
	assert_int_equal(coap_group_leisure(&p, 100), SECONDS(10));
	assert_int_equal(coap_group_leisure(&p, 10), SECONDS(1));
	p.members = UINT32_MAX;
	assert_true(coap_group_leisure(&p, COAP_DATAGRAM_MAX_BYTES) > SECONDS(1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_out_in_the_order_of_their_moments),
		cmocka_unit_test(a_full_table_takes_no_more_until_one_has_left),
		cmocka_unit_test(the_leisure_is_long_enough_for_all_members),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
