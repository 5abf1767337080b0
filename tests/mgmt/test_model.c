/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/model.h"

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
	assert_null(model_resource(&model_core, 26251, 0));
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

/* The table as text for compare_model.py, which holds it against the object files. */
static int print_model(void)
{
	for (size_t i = 0; i < model_core.object_count; i++) {
		const struct model_object *o = &model_core.objects[i];
		printf("object|%u|%s|%s|%d|%d\n", o->id, o->name, o->version, o->is_multiple, o->is_mandatory);
		for (size_t k = 0; k < o->resource_count; k++) {
			const struct model_resource *r = &o->resources[k];
			printf("%u|%s|%s%s%s|%s|%d|%d|", r->id, r->name, r->operations & MODEL_READ ? "R" : "",
				r->operations & MODEL_WRITE ? "W" : "", r->operations & MODEL_EXECUTE ? "E" : "",
				value_type_name(r->type), r->is_multiple, r->is_mandatory);
			if (r->has_range)
				printf("%lld..%lld", (long long)r->lowest, (long long)r->highest);
			printf("|%s\n", r->units == NULL ? "" : r->units);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_table_is_in_ascending_order),
		cmocka_unit_test(what_is_in_the_tables_is_found),
		cmocka_unit_test(paths_may_have_names),
		cmocka_unit_test(ranges_are_kept),
		cmocka_unit_test(unknown_values_are_opaque),
	};
	if (argc == 2 && bytes_equal_text(bytes_of_text(argv[1]), "--print"))
		return print_model();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
