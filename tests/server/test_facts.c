/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WALL 1700000000000
#define HEX  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct registry registry;
static void *memory;
static struct device *device;
static unsigned facts;

static int set_up(void **state)
{
	struct device_record record = {.name = "device-1"};
	struct carve c = {0};
	(void)state;
	registry_carve(&registry, &c, 1, 7);
	memory = aligned_alloc(64, c.used);
	c = (struct carve){.memory = memory};
	registry_carve(&registry, &c, 1, 7);
	device = registry_put(&registry, &record);
	facts = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	registry_remove(&registry, device);
	assert_int_equal(registry.shelf.used, 0);
	free(memory);
	return 0;
}

static enum payload_verdict read_text(struct path base, const char *json)
{
	uint8_t room[1024];
	struct arena scratch;
	arena_init(&scratch, room, sizeof room);
	return facts_read(&registry, device, PAYLOAD_SENML_JSON, base, bytes_of_text(json), &scratch, WALL, &facts);
}

static bool has_health(enum health_resource resource)
{
	struct health health = device_health(device);
	return health_has(&health, resource);
}

static void the_device_object_says_who_it_is(void **state)
{
	(void)state;
	assert_int_equal(read_text(path_of_instance(3, 0),
				 "[{\"bn\":\"/3/0/\",\"n\":\"0\",\"vs\":\"Acme\"},{\"n\":\"3\",\"vs\":\"1.0\"},"
				 "{\"n\":\"9\",\"v\":50}]"),
		PAYLOAD_GOOD);
	assert_int_equal(facts, FACTS_DEVICE | FACTS_VERSION);
	assert_string_equal(device->record.manufacturer, "Acme");
	assert_string_equal(device->record.version, "1.0");
	read_text(path_of_instance(3, 0), "[{\"n\":\"/3/0/3\",\"vs\":\"1.0\"}]");
	assert_int_equal(facts, 0); /* nothing new */
}

static void texts_that_are_too_long_or_hold_controls_are_cut_and_cleaned(void **state)
{
	(void)state;
	read_text(path_of_instance(3, 0), "[{\"n\":\"/3/0/1\",\"vs\":\"0123456789012345678901234567890123456789\"},"
					  "{\"n\":\"/3/0/2\",\"vs\":\"a\\nb\"}]");
	assert_int_equal(bytes_of_text(device->record.model).len, DEVICE_TEXT_MAX);
	assert_string_equal(device->record.serial, "a b");
}

static void the_firmware_object_says_where_the_update_is(void **state)
{
	(void)state;
	assert_int_equal(
		read_text(path_of_instance(5, 0), "[{\"bn\":\"/5/0/\",\"n\":\"3\",\"v\":1},{\"n\":\"5\",\"v\":0},"
						  "{\"n\":\"1\",\"vs\":\"coaps://x/m/" HEX "\"}]"),
		PAYLOAD_GOOD);
	assert_int_equal(facts, FACTS_FIRMWARE);
	assert_true(device->firmware.is_known && device->firmware.has_manifest);
	assert_int_equal(device->firmware.state, FIRMWARE_DOWNLOADING);
	assert_int_equal(device->firmware.manifest[1], 0x11);
	assert_int_equal(device->firmware.reported_at, WALL);
}

static void the_firmware_object_says_how_packages_reach_the_device(void **state)
{
	(void)state;
	assert_int_equal(read_text(path_of_instance(5, 0), "[{\"n\":\"/5/0/3\",\"v\":0},{\"n\":\"/5/0/9\",\"v\":1}]"),
		PAYLOAD_GOOD);
	assert_int_equal(device->firmware.delivery, FIRMWARE_BY_PUSH);
	read_text(path_of_resource(5, 0, 9), "[{\"n\":\"/5/0/9\",\"v\":3}]");
	assert_int_equal(device->firmware.delivery, FIRMWARE_BY_PUSH);
	read_text(path_of_instance(5, 0), "[{\"n\":\"/5/0/3\",\"v\":0}]");
	assert_int_equal(device->firmware.delivery, FIRMWARE_BY_PULL);
}

static void a_uri_that_is_not_ours_names_no_manifest(void **state)
{
	static const char *const uris[] = {"", "coaps://x/a/" HEX, "coaps://x/m/" HEX "0", "/m/zz", "coaps://x/m/"};
	(void)state;
	for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
		char json[256];
		device->firmware.has_manifest = true;
		(void)snprintf(json, sizeof json,
			"[{\"n\":\"/5/0/3\",\"v\":1},{\"n\":\"/5/0/5\",\"v\":0},{\"n\":\"/5/0/1\",\"vs\":\"%s\"}]",
			uris[i]);
		assert_int_equal(read_text(path_of_instance(5, 0), json), PAYLOAD_GOOD);
		assert_false(device->firmware.has_manifest);
	}
}

static void states_and_results_that_do_not_exist_are_not_believed(void **state)
{
	(void)state;
	read_text(path_of_instance(5, 0), "[{\"n\":\"/5/0/3\",\"v\":4},{\"n\":\"/5/0/5\",\"v\":99}]");
	assert_int_equal(facts, 0);
	assert_false(device->firmware.is_known);
}

static void a_whole_report_of_health_replaces_the_one_before(void **state)
{
	(void)state;
	read_text(path_of_instance(26250, 0), "[{\"n\":\"/26250/0/0\",\"v\":12.5},{\"n\":\"/26250/0/9\",\"v\":77}]");
	assert_true(has_health(HEALTH_UPTIME));
	read_text(path_of_instance(26250, 0), "[{\"n\":\"/26250/0/0\",\"v\":13.5}]");
	assert_int_equal(facts, FACTS_HEALTH);
	assert_false(has_health(HEALTH_UPTIME));
	assert_int_equal(device->health_at, WALL);
}

static void a_send_adds_to_what_is_known(void **state)
{
	(void)state;
	read_text(path_of_instance(26250, 0), "[{\"n\":\"/26250/0/9\",\"v\":77}]");
	assert_int_equal(read_text(PATH_ROOT, "[{\"n\":\"/26250/0/0\",\"v\":1},{\"n\":\"/3/0/3\",\"vs\":\"3\"},"
					      "{\"n\":\"/3303/0/5700\",\"v\":1}]"),
		PAYLOAD_GOOD);
	assert_int_equal(facts, FACTS_HEALTH | FACTS_DEVICE | FACTS_VERSION);
	assert_true(has_health(HEALTH_UPTIME));
	assert_true(has_health(HEALTH_CPU_LOAD));
}

static void a_broken_body_changes_nothing(void **state)
{
	struct device untouched = *device;
	(void)state;
	assert_int_equal(
		read_text(path_of_instance(3, 0), "[{\"n\":\"/3/0/3\",\"vs\":\"9\"},{\"n\":\"/3/0"), PAYLOAD_BAD);
	assert_int_equal(
		read_text(path_of_instance(5, 0), "[{\"n\":\"/5/0/3\",\"v\":1},{\"n\":\"/3/0/3\",\"vs\":\"9\"}]"),
		PAYLOAD_BAD);
	assert_memory_equal(device, &untouched, sizeof untouched);
	struct arena scratch;
	uint8_t room[64];
	arena_init(&scratch, room, sizeof room);
	assert_int_equal(facts_read(&registry, device, 40, path_of_instance(3, 0), BYTES_NONE, &scratch, WALL, &facts),
		PAYLOAD_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_device_object_says_who_it_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			texts_that_are_too_long_or_hold_controls_are_cut_and_cleaned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_firmware_object_says_where_the_update_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_firmware_object_says_how_packages_reach_the_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_uri_that_is_not_ours_names_no_manifest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			states_and_results_that_do_not_exist_are_not_believed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_whole_report_of_health_replaces_the_one_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_send_adds_to_what_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_broken_body_changes_nothing, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
