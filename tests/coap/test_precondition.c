/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/precondition.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A PUT with the given If-Match values, separated by spaces ("-" is an empty one), and If-None-Match. */
static bool holds(const char *if_match, bool if_none_match, const char *etag)
{
	struct coap_message m = {.type = COAP_TYPE_CON, .code = COAP_PUT};
	for (const char *at = if_match; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, " ");
		struct bytes value = at[0] == '-' ? BYTES_NONE : bytes_of(at, len);
		m.options[m.option_count++] = (struct coap_option){COAP_OPTION_IF_MATCH, value};
		at += at[len] == ' ' ? len + 1 : len;
	}
	struct coap_request request = {.message = &m, .has_if_none_match = if_none_match};
	return coap_precondition_holds(&request, etag != NULL, etag != NULL ? bytes_of_text(etag) : BYTES_NONE);
}

static void a_request_without_a_condition_always_holds(void **state)
{
	(void)state;
	assert_true(holds(NULL, false, NULL));
	assert_true(holds(NULL, false, "e1"));
	assert_true(holds(NULL, false, ""));
}

/* RFC 7252 section 5.10.8.1. */
static void if_match_holds_for_one_of_the_listed_etags_of_what_exists(void **state)
{
	(void)state;
	assert_true(holds("e1", false, "e1"));
	assert_true(holds("e0 e1 e2", false, "e1"));
	assert_false(holds("e0", false, "e1"));
	assert_false(holds("e", false, "e1"));
	assert_false(holds("e1", false, "e"));
	assert_false(holds("e1", false, NULL));
	assert_false(holds("e1", false, ""));
}

static void an_empty_if_match_holds_for_anything_that_exists(void **state)
{
	(void)state;
	assert_true(holds("-", false, "e1"));
	assert_true(holds("-", false, ""));
	assert_true(holds("e0 -", false, "e1"));
	assert_false(holds("-", false, NULL));
}

/* RFC 7252 section 5.10.8.2. */
static void if_none_match_holds_for_what_does_not_exist(void **state)
{
	(void)state;
	assert_true(holds(NULL, true, NULL));
	assert_false(holds(NULL, true, "e1"));
	assert_false(holds(NULL, true, ""));
}

static void with_both_conditions_both_must_hold(void **state)
{
	(void)state;
	assert_false(holds("e1", true, "e1"));
	assert_false(holds("e1", true, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_without_a_condition_always_holds),
		cmocka_unit_test(if_match_holds_for_one_of_the_listed_etags_of_what_exists),
		cmocka_unit_test(an_empty_if_match_holds_for_anything_that_exists),
		cmocka_unit_test(if_none_match_holds_for_what_does_not_exist),
		cmocka_unit_test(with_both_conditions_both_must_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
