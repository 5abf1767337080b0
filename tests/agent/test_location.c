/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/objects/object.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct object_world world;
static struct record list[8];

static size_t read_all(void)
{
	struct object_records out = {.list = list, .capacity = 8, .instance = path_of_instance(MODEL_LOCATION, 0)};
	for (size_t i = 0; i < object_location.resource_count; i++)
		object_location.read(
			&world, path_of_resource(MODEL_LOCATION, 0, object_location.resources[i].id), &out);
	return out.count;
}

static void a_device_that_does_not_know_where_it_is_has_no_instance(void **state)
{
	(void)state;
	world.sample.location = (struct platform_location){.is_known = false};
	assert_false(object_has_instance(&object_location, &world, 0));
}

static void a_place_has_its_coordinates_and_the_time_it_was_found(void **state)
{
	(void)state;
	world.sample.location = (struct platform_location){
		.is_known = true, .latitude = -48.5, .longitude = 9.25, .unix_time_s = 1800000000};
	assert_true(object_has_instance(&object_location, &world, 0));
	assert_false(object_has_instance(&object_location, &world, 1));
	assert_int_equal(read_all(), 3);
	assert_true(list[0].value.real == -48.5 && list[1].value.real == 9.25);
	assert_int_equal(list[2].path.ids[2], 5);
	assert_int_equal(list[2].value.integer, 1800000000);
}

static void height_and_accuracy_are_told_where_they_are_known(void **state)
{
	(void)state;
	world.sample.location = (struct platform_location){
		.is_known = true, .has_altitude = true, .altitude_m = 312, .has_radius = true, .radius_m = 4.5};
	assert_int_equal(read_all(), 5);
	assert_true(list[2].value.real == 312 && list[3].value.real == 4.5);
}

static void the_types_are_those_of_the_definition(void **state)
{
	(void)state;
	world.sample.location = (struct platform_location){.is_known = true, .has_altitude = true, .has_radius = true};
	for (size_t i = read_all(); i-- > 0;)
		assert_int_equal(list[i].value.type, model_type(&model_core, list[i].path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_that_does_not_know_where_it_is_has_no_instance),
		cmocka_unit_test(a_place_has_its_coordinates_and_the_time_it_was_found),
		cmocka_unit_test(height_and_accuracy_are_told_where_they_are_known),
		cmocka_unit_test(the_types_are_those_of_the_definition),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
