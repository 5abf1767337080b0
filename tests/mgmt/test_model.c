/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/model.h"

#include "tests/mgmt/print_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void every_table_is_in_ascending_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < model_core.object_count; i++) {
		const struct model_object *o = &model_core.objects[i];
		assert_true(i == 0 || o->id > model_core.objects[i - 1].id);
		for (size_t k = 1; k < o->resource_count; k++)
			assert_true(o->resources[k].id > o->resources[k - 1].id);
	}
}

static void what_is_in_the_tables_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < model_core.object_count; i++) {
		const struct model_object *o = &model_core.objects[i];
		assert_ptr_equal(model_object(&model_core, o->id), o);
		for (size_t k = 0; k < o->resource_count; k++)
			assert_ptr_equal(model_resource(&model_core, o->id, o->resources[k].id), &o->resources[k]);
	}
	assert_null(model_object(&model_core, 8));
	assert_null(model_resource(&model_core, 5, 4));
	assert_null(model_resource(&model_core, 26299, 0));
}

static void expect_path(const char *text, const char *numbers, const char *names)
{
	struct path path, expected;
	uint8_t out[128];
	struct writer w = writer_of(out, sizeof out);
	if (!model_parse_path(&model_core, bytes_of_text(text), &path))
		fail_msg("%s is not understood", text);
	assert_true(path_parse(bytes_of_text(numbers), &expected));
	assert_true(path_equal(path, expected));
	model_write_path(&w, &model_core, path);
	assert_true(bytes_equal_text(writer_bytes(&w), names));
}

static void paths_may_have_names(void **state)
{
	struct path path;
	(void)state;
	expect_path("device/0/firmware-version", "/3/0/3", "device/0/firmware-version");
	expect_path("/3/0/3", "/3/0/3", "device/0/firmware-version");
	expect_path("Device/0/Available-Power-Sources/1", "/3/0/6/1", "device/0/available-power-sources/1");
	expect_path("firmware-update", "/5", "firmware-update");
	expect_path("fieldfare-host-health/0/cpu-load", "/26250/0/0", "fieldfare-host-health/0/cpu-load");
	expect_path("9999/1/2", "/9999/1/2", "9999/1/2");
	expect_path("/", "/", "/");
	assert_false(model_parse_path(&model_core, bytes_of_text("device/zero"), &path));
	assert_false(model_parse_path(&model_core, bytes_of_text("device/0/"), &path));
	assert_false(model_parse_path(&model_core, bytes_of_text("9999/0/manufacturer"), &path));
	assert_false(model_parse_path(&model_core, bytes_of_text("device/0/9/0/0"), &path));
}

static void ranges_are_kept(void **state)
{
	const struct model_resource *level = model_resource(&model_core, 3, 9);
	const struct model_resource *uri = model_resource(&model_core, 5, 1);
	struct value inside = value_integer(100), outside = value_integer(101), wrong = value_float(50);
	char text[257] = {0};
	(void)state;
	assert_true(model_accepts(level, &inside));
	assert_false(model_accepts(level, &outside));
	assert_false(model_accepts(level, &wrong));
	struct value longest = value_string(bytes_of(text, 255)), longer = value_string(bytes_of(text, 256));
	assert_true(model_accepts(uri, &longest));
	assert_false(model_accepts(uri, &longer));
}

static void unknown_values_are_opaque(void **state)
{
	(void)state;
	assert_int_equal(model_type(&model_core, path_of_resource(3, 0, 9)), VALUE_INTEGER);
	assert_int_equal(model_type(&model_core, path_of_resource(3, 0, 99)), VALUE_OPAQUE);
	assert_int_equal(model_type(&model_core, path_of_instance(3, 0)), VALUE_OPAQUE);
}

static const struct model_resource nothing[1];
static const struct model_object versions[] = {
	{.id = 20, .name = "Log", .version = "1.0", .resources = nothing},
	{.id = 20, .name = "Event Log", .version = "2.0", .resources = nothing},
	{.id = 20, .name = "Event Log", .version = "2.1", .resources = nothing},
	{.id = 20, .name = "Event Log", .version = "2.10", .resources = nothing},
	{.id = 21, .name = "Other", .version = "1.0", .resources = nothing},
};

/* The index in `versions` of what is found when the device has this version of object 20. */
static long chosen(uint8_t major, uint8_t minor)
{
	struct model_choice choice = {20, major, minor};
	struct model m = {.object_count = 5, .objects = versions, .choice_count = 1, .choices = &choice};
	return model_object(&m, 20) - versions;
}

static void of_several_versions_the_chosen_one_counts(void **state)
{
	struct model m = {.object_count = 5, .objects = versions};
	(void)state;
	assert_int_equal(chosen(1, 0), 0);
	assert_int_equal(chosen(2, 0), 1);
	assert_int_equal(chosen(2, 1), 2);
	assert_int_equal(chosen(2, 10), 3);
	assert_int_equal(chosen(1, 1), 0); /* the newest that is older */
	assert_int_equal(chosen(2, 2), 3); /* newer ones know more */
	assert_int_equal(chosen(2, 11), 3);
	assert_int_equal(chosen(3, 0), 3);
	assert_ptr_equal(model_object(&m, 20), &versions[3]);
	assert_ptr_equal(model_object(&m, 21), &versions[4]);
	assert_ptr_equal(model_object_named(&m, bytes_of_text("other")), &versions[4]);
	assert_null(model_object(&m, 22));
}

static void a_version_that_was_not_said_is_that_of_the_enabler(void **state)
{
	static const struct {
		uint16_t object;
		uint8_t minor, expected;
	} rows[] = {
		{3, 0, 0}, {3, 1, 1}, {3, 2, 2}, {4, 1, 2}, {5, 1, 0}, {5, 2, 1}, {2, 1, 0}, {9, 2, 0}, {3303, 1, 0}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct model_choice c = model_choice_of(rows[i].object, rows[i].minor);
		assert_true(c.object == rows[i].object && c.major == 1 && c.minor == rows[i].expected);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_table_is_in_ascending_order),
		cmocka_unit_test(what_is_in_the_tables_is_found),
		cmocka_unit_test(paths_may_have_names),
		cmocka_unit_test(ranges_are_kept),
		cmocka_unit_test(unknown_values_are_opaque),
		cmocka_unit_test(of_several_versions_the_chosen_one_counts),
		cmocka_unit_test(a_version_that_was_not_said_is_that_of_the_enabler),
	};
	if (argc >= 2 && bytes_equal_text(bytes_of_text(argv[1]), "--print"))
		return print_model(&model_core);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
