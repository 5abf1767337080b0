/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/attributes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool read_change(struct attributes_change *change, const char *const *queries)
{
	*change = (struct attributes_change){.unset = 0};
	for (; *queries != NULL; queries++)
		if (!attributes_read(change, bytes_of_text(*queries)))
			return false;
	return true;
}

#define READ(change, ...) read_change((change), (const char *const[]){__VA_ARGS__, NULL})

static struct attributes attributes_of(const char *const *queries)
{
	struct attributes_change change;
	struct attributes a = {.set = 0};
	assert_true(read_change(&change, queries));
	attributes_apply(&a, &change);
	return a;
}

#define OF(...) attributes_of((const char *const[]){__VA_ARGS__, NULL})

/* lwm2m interface section 16.5. */
static void write_attributes_of_the_specification_is_read(void **state)
{
	struct attributes_change c;
	(void)state;
	assert_true(READ(&c, "pmin=10", "pmax=60", "gt=30", "lt=5", "st=0.5"));
	assert_true(attributes_check(&c, 3, VALUE_FLOAT));
	assert_int_equal(c.values.pmin_s, 10);
	assert_int_equal(c.values.pmax_s, 60);
	assert_true(c.values.gt == 30 && c.values.lt == 5 && c.values.st == 0.5);
}

static void bad_attributes_are_refused(void **state)
{
	static const char *const bad[] = {"", "pmin=", "pmin=-1", "pmin=1.5", "pmin=2147483648", "gt=", "gt=x",
		"gt=1e3", "gt=1.", "st=-1", "con=2", "con=", "edge=2", "edge=-1", "hqmax=x", "hqmax=65536", "PMIN=1",
		"pmin=1 "};
	struct attributes_change c;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (READ(&c, bad[i]))
			fail_msg("%s is accepted", bad[i]);
	assert_false(READ(&c, "pmin=1", "pmin=2"));
	assert_false(READ(&c, "pmin=1", "pmin"));
	assert_true(READ(&c, "gt=-12.5"));
}

static void values_must_agree_with_each_other(void **state)
{
	struct attributes_change c;
	(void)state;
	assert_true(READ(&c, "epmin=10", "epmax=10"));
	assert_false(attributes_check(&c, 3, VALUE_INTEGER));
	assert_true(READ(&c, "lt=5", "gt=5"));
	assert_false(attributes_check(&c, 3, VALUE_INTEGER));
	assert_true(READ(&c, "lt=5", "gt=10", "st=2.5"));
	assert_false(attributes_check(&c, 3, VALUE_INTEGER));
	assert_true(READ(&c, "lt=5", "gt=10", "st=2.4"));
	assert_true(attributes_check(&c, 3, VALUE_INTEGER));
	assert_true(READ(&c, "st=0"));
	assert_false(attributes_check(&c, 3, VALUE_INTEGER));
}

static void thresholds_belong_to_numeric_resources(void **state)
{
	struct attributes_change c;
	(void)state;
	assert_true(READ(&c, "gt=5"));
	assert_false(attributes_check(&c, 2, VALUE_FLOAT));
	assert_false(attributes_check(&c, 3, VALUE_STRING));
	assert_true(attributes_check(&c, 4, VALUE_FLOAT));
	assert_true(READ(&c, "pmin=5"));
	assert_true(attributes_check(&c, 1, VALUE_NONE));
	assert_false(attributes_check(&c, 0, VALUE_NONE));
}

static void edges_belong_to_boolean_resources_and_the_rest_of_1_2_to_all(void **state)
{
	struct attributes_change c;
	(void)state;
	assert_true(READ(&c, "edge=1"));
	assert_true(attributes_check(&c, 3, VALUE_BOOLEAN));
	assert_false(attributes_check(&c, 3, VALUE_INTEGER));
	assert_false(attributes_check(&c, 2, VALUE_BOOLEAN));
	assert_true(READ(&c, "con=1", "hqmax=10"));
	for (uint8_t depth = 1; depth <= 4; depth++)
		assert_true(attributes_check(&c, depth, VALUE_STRING));
	struct attributes a = {.set = 0};
	uint8_t text[64];
	struct writer w = writer_of(text, sizeof text);
	attributes_apply(&a, &c);
	attributes_write(&w, &a);
	assert_true(bytes_equal_text(writer_bytes(&w), ";con=1;hqmax=10"));
}

/* interface section 6.3 */
static void an_edge_is_told_in_its_direction_alone(void **state)
{
	struct value low = value_boolean(false), high = value_boolean(true);
	struct attributes rising = OF("edge=1"), falling = OF("edge=0"), none = OF("pmin=1");
	(void)state;
	assert_true(attributes_is_hit(&rising, &low, &high));
	assert_false(attributes_is_hit(&rising, &high, &low));
	assert_false(attributes_is_hit(&falling, &low, &high));
	assert_true(attributes_is_hit(&falling, &high, &low));
	assert_true(attributes_is_hit(&none, &low, &high));
	assert_true(attributes_is_hit(&none, &high, &low));
	assert_false(attributes_is_hit(&rising, &high, &high));
}

static void a_name_without_a_value_unsets(void **state)
{
	struct attributes a = OF("pmin=10", "gt=5");
	struct attributes_change c;
	uint8_t text[64];
	struct writer w = writer_of(text, sizeof text);
	(void)state;
	assert_true(READ(&c, "pmin", "pmax=60"));
	assert_true(attributes_check(&c, 3, VALUE_FLOAT));
	attributes_apply(&a, &c);
	attributes_write(&w, &a);
	assert_true(bytes_equal_text(writer_bytes(&w), ";pmax=60;gt=5"));
	assert_int_equal(a.pmin_s, 0);
}

static void the_nearest_level_wins(void **state)
{
	struct attributes resource = OF("pmin=5"), instance = OF("pmin=10", "pmax=100"),
			  object = OF("pmax=200", "epmax=3");
	(void)state;
	attributes_inherit(&resource, &instance);
	attributes_inherit(&resource, &object);
	assert_int_equal(resource.pmin_s, 5);
	assert_int_equal(resource.pmax_s, 100);
	assert_int_equal(resource.epmax_s, 3);
}

static bool hits(const struct attributes *a, double last, double current)
{
	struct value before = value_float(last), after = value_float(current);
	return attributes_is_hit(a, &before, &after);
}

/* The table of lwm2m interface section 6.3, with the answers of the prose. */
static void crossings_and_steps_are_hits(void **state)
{
	struct attributes gt = OF("gt=45", "st=10"), both = OF("lt=20", "gt=85", "st=10");
	(void)state;
	assert_true(hits(&gt, 45, 50));
	assert_true(hits(&gt, 38, 49));
	assert_true(hits(&gt, 48, 42));
	assert_false(hits(&gt, 46, 50));
	assert_false(hits(&gt, 40, 45));
	assert_true(hits(&gt, 20, 30));
	assert_true(hits(&both, 87, 99));
	assert_true(hits(&both, 17, 24));
	assert_false(hits(&both, 24, 30));
	assert_false(hits(&both, 24, 24));
}

static void without_limits_every_change_is_a_hit(void **state)
{
	struct attributes periods = OF("pmin=1", "pmax=2");
	struct value a = value_string(bytes_of_text("a")), b = value_string(bytes_of_text("b"));
	struct attributes limited = OF("gt=5");
	(void)state;
	assert_true(hits(&periods, 1, 1.0001));
	assert_false(hits(&periods, 1, 1));
	assert_true(attributes_is_hit(&periods, &a, &b));
	assert_true(attributes_is_hit(&limited, &a, &b));
	assert_true(hits(&limited, 1, (double)NAN));
}

static void expect_decision(
	const struct attributes *a, bool is_hit, msec now, enum attributes_decision decision, msec again)
{
	msec ret = -1;
	assert_int_equal(attributes_decide(a, is_hit, SECONDS(100), now, &ret), decision);
	assert_int_equal(ret, again);
}

static void pmin_holds_back_and_pmax_drives(void **state)
{
	struct attributes a = OF("pmin=10", "pmax=60");
	(void)state;
	expect_decision(&a, false, SECONDS(100), ATTRIBUTES_WAIT, SECONDS(160));
	expect_decision(&a, true, SECONDS(109), ATTRIBUTES_WAIT, SECONDS(110));
	expect_decision(&a, true, SECONDS(110), ATTRIBUTES_SEND, -1);
	expect_decision(&a, false, SECONDS(160) - 1, ATTRIBUTES_WAIT, SECONDS(160));
	expect_decision(&a, false, SECONDS(160), ATTRIBUTES_SEND, -1);
}

static void no_attributes_mean_at_once_and_never(void **state)
{
	struct attributes none = {.set = 0}, zero = OF("pmax=0"), wrong = OF("pmin=60", "pmax=10");
	(void)state;
	expect_decision(&none, true, SECONDS(100), ATTRIBUTES_SEND, -1);
	expect_decision(&none, false, SECONDS(100000), ATTRIBUTES_WAIT, NEVER);
	expect_decision(&zero, false, SECONDS(100000), ATTRIBUTES_WAIT, NEVER);
	expect_decision(&wrong, false, SECONDS(120), ATTRIBUTES_WAIT, NEVER); /* pmax < pmin: pmax ignored */
	expect_decision(&wrong, true, SECONDS(120), ATTRIBUTES_WAIT, SECONDS(160));
}

static void evaluation_periods_bound_the_looks(void **state)
{
	struct attributes none = {.set = 0}, often = OF("epmax=2"), rarely = OF("epmin=60");
	(void)state;
	assert_int_equal(attributes_next_look(&none, 0, SECONDS(10)), SECONDS(10));
	assert_int_equal(attributes_next_look(&often, 0, SECONDS(10)), SECONDS(2));
	assert_int_equal(attributes_next_look(&rarely, 0, SECONDS(10)), SECONDS(60));
	assert_int_equal(attributes_next_look(&none, 5, NEVER), NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write_attributes_of_the_specification_is_read),
		cmocka_unit_test(bad_attributes_are_refused),
		cmocka_unit_test(values_must_agree_with_each_other),
		cmocka_unit_test(thresholds_belong_to_numeric_resources),
		cmocka_unit_test(edges_belong_to_boolean_resources_and_the_rest_of_1_2_to_all),
		cmocka_unit_test(an_edge_is_told_in_its_direction_alone),
		cmocka_unit_test(a_name_without_a_value_unsets),
		cmocka_unit_test(the_nearest_level_wins),
		cmocka_unit_test(crossings_and_steps_are_hits),
		cmocka_unit_test(without_limits_every_change_is_a_hit),
		cmocka_unit_test(pmin_holds_back_and_pmax_drives),
		cmocka_unit_test(no_attributes_mean_at_once_and_never),
		cmocka_unit_test(evaluation_periods_bound_the_looks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
