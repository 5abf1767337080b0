/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/registry.h"

#include "mgmt/registration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 4

struct stage {
	struct registry registry;
	void *memory;
};

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	struct carve c = {0};
	registry_carve(&s->registry, &c, CAPACITY, 7);
	s->memory = aligned_alloc(64, c.used);
	c = (struct carve){.memory = s->memory};
	registry_carve(&s->registry, &c, CAPACITY, 7);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	free(s->memory);
	free(s);
	return 0;
}

static struct device *put(struct registry *r, const char *name)
{
	struct device_record record = {.first_seen = 1};
	(void)snprintf(record.name, sizeof record.name, "%s", name);
	return registry_put(r, &record);
}

static struct registration at(const char *location)
{
	struct registration r = {.lifetime_s = 60, .object_count = 2};
	(void)snprintf(r.location, sizeof r.location, "%s", location);
	r.objects[0] = (struct device_object){3, 0, 0, 0};
	r.objects[1] = (struct device_object){5, REGISTRATION_NO_INSTANCE, 1, 1};
	return r;
}

static struct coap_remote remote(uint32_t session)
{
	return (struct coap_remote){.address = address_ipv4(192, 0, 2, 1, 5684), .session = {session, 1}};
}

static void a_device_is_found_by_its_name_and_nobody_elses(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	struct device *a = put(r, "pump-1"), *b = put(r, "pump-10");
	assert_ptr_equal(registry_find(r, bytes_of_text("pump-1")), a);
	assert_ptr_equal(registry_find(r, bytes_of_text("pump-10")), b);
	assert_null(registry_find(r, bytes_of_text("pump")));
	assert_null(registry_find(r, BYTES_NONE));
}

static void a_known_name_is_brought_up_to_date_and_takes_no_new_place(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	struct device *a = put(r, "pump-1");
	struct device_record record = device_record(a);
	(void)snprintf(record.version, sizeof record.version, "2.0");
	assert_ptr_equal(registry_put(r, &record), a);
	assert_string_equal(a->record.version, "2.0");
	assert_int_equal(registry_room(r), CAPACITY - 1);
}

static void a_full_registry_takes_nobody_new_until_one_is_removed(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	struct device *a = put(r, "a");
	put(r, "b");
	put(r, "c");
	put(r, "d");
	assert_null(put(r, "e"));
	struct handle gone = registry_handle(r, a);
	registry_remove(r, a);
	assert_null(registry_get(r, gone));
	assert_non_null(put(r, "e"));
	assert_null(registry_find(r, bytes_of_text("a")));
	assert_null(registry_get(r, gone));
}

static void a_new_registration_replaces_the_old_one_and_its_location(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	struct device *a = put(r, "a");
	struct registration first = at("aaaa"), second = at("bbbb");
	registry_register(r, a, &first, SECONDS(60));
	registry_register(r, a, &second, SECONDS(60));
	assert_null(registry_find_location(r, bytes_of_text("aaaa")));
	assert_ptr_equal(registry_find_location(r, bytes_of_text("bbbb")), a);
	assert_int_equal(r->registered, 1);
}

static void a_registration_is_due_after_its_lifetime_and_the_grace(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	struct device *a = put(r, "a"), *due = NULL;
	struct registration registration = at("aaaa");
	registry_register(r, a, &registration, SECONDS(60));
	assert_int_equal(registry_deadline(r), SECONDS(60) + REGISTRY_GRACE);
	assert_false(registry_due(r, SECONDS(60) + REGISTRY_GRACE - 1, &due));
	assert_true(registry_due(r, SECONDS(60) + REGISTRY_GRACE, &due));
	assert_ptr_equal(due, a);
	assert_true(device_is_registered(a));
	registry_unregister(r, a);
	assert_false(device_is_registered(a));
	assert_int_equal(registry_deadline(r), NEVER);
	assert_int_equal(r->registered, 0);
}

static void a_lifetime_without_end_never_is_due(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	struct registration registration = at("aaaa");
	registry_register(r, put(r, "a"), &registration, NEVER);
	assert_int_equal(registry_deadline(r), NEVER);
}

static void an_association_belongs_to_one_device_and_a_device_has_one(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	struct device *a = put(r, "a"), *b = put(r, "b");
	struct coap_remote one = remote(1), two = remote(2);
	registry_connect(r, a, &one);
	registry_connect(r, a, &two);
	assert_null(registry_find_remote(r, &one));
	assert_ptr_equal(registry_find_remote(r, &two), a);
	registry_connect(r, b, &two);
	assert_ptr_equal(registry_find_remote(r, &two), b);
	assert_false(a->is_connected);
	assert_int_equal(r->connected, 1);
}

static void an_association_of_the_same_slot_but_another_generation_is_a_stranger(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	struct coap_remote old = remote(1), fresh = remote(1);
	fresh.session.generation = 3;
	registry_connect(r, put(r, "a"), &old);
	assert_null(registry_find_remote(r, &fresh));
}

static void removing_a_device_ends_everything_that_led_to_it(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	struct device *a = put(r, "a");
	struct registration registration = at("aaaa");
	struct coap_remote one = remote(1);
	registry_register(r, a, &registration, SECONDS(60));
	registry_connect(r, a, &one);
	registry_remove(r, a);
	assert_null(registry_find_location(r, bytes_of_text("aaaa")));
	assert_null(registry_find_remote(r, &one));
	assert_int_equal(registry_deadline(r), NEVER);
	assert_int_equal(r->registered + r->connected, 0);
}

static void what_a_device_listed_can_be_asked(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	struct device *d = put(r, "a");
	struct registration registration = at("x");
	registry_register(r, d, &registration, NEVER);
	assert_true(device_has_object(d, 3) && device_has_object(d, 5));
	assert_false(device_has_object(d, 4));
	assert_true(device_has_instance(d, 3, 0));
	assert_false(device_has_instance(d, 5, 0));
	assert_int_equal(device_formats(d).format_count, 0);
	registration.minor = 1;
	registration.format_count = 1;
	registration.formats[0] = 112;
	registry_register(r, d, &registration, NEVER);
	assert_int_equal(device_formats(d).minor, 1);
	assert_int_equal(device_formats(d).format_count, 1);
	assert_int_equal(device_formats(d).formats[0], 112);
}

/* As long as texts and lists can be, so that nothing is cut on the way. */
static void fill_all(struct device_record *record, struct registration *registration, char mark)
{
	memset(record->tags, mark, DEVICE_TAGS_MAX);
	memset(record->manufacturer, mark, DEVICE_TEXT_MAX);
	memset(record->model, mark, DEVICE_TEXT_MAX);
	memset(record->serial, mark, DEVICE_TEXT_MAX);
	memset(record->version, mark, DEVICE_TEXT_MAX);
	*registration = at("abcdef012345");
	registration->object_count = DEVICE_OBJECTS_MAX;
	registration->format_count = DEVICE_FORMATS_MAX;
	for (uint16_t i = 0; i < DEVICE_OBJECTS_MAX; i++)
		registration->objects[i] = (struct device_object){i, (uint16_t)mark, 1, 1};
	for (uint16_t i = 0; i < DEVICE_FORMATS_MAX; i++)
		registration->formats[i] = (uint16_t)(i + mark);
}

static void what_a_device_keeps_is_given_back_as_it_was(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	char name[DEVICE_NAME_MAX + 1] = "";
	memset(name, 'n', DEVICE_NAME_MAX);
	struct device *d = put(r, name);
	for (char mark = 'a'; mark < 'a' + 20; mark++) {
		struct device_record record = device_record(d), kept;
		struct registration registration, registered;
		struct device_firmware firmware = {.has_manifest = mark % 2 == 0, .state = 1, .reported_at = mark},
				       told;
		fill_all(&record, &registration, mark);
		if (firmware.has_manifest)
			memset(firmware.manifest, mark, sizeof firmware.manifest);
		registry_keep_record(r, d, &record);
		registry_register(r, d, &registration, NEVER);
		registry_keep_firmware(r, d, &firmware);
		kept = device_record(d);
		registered = device_registration(d);
		told = device_firmware(d);
		assert_memory_equal(&kept, &record, sizeof record);
		assert_memory_equal(&registered.objects, &registration.objects, sizeof registration.objects);
		assert_memory_equal(&registered.formats, &registration.formats, sizeof registration.formats);
		assert_string_equal(registered.location, registration.location);
		assert_int_equal(told.reported_at, mark);
		assert_memory_equal(told.manifest, firmware.manifest, sizeof told.manifest);
	}
	assert_string_equal(d->record.name, name);
}

static void what_devices_have_in_common_is_kept_once(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	struct device_record record;
	struct registration registration;
	struct device *devices[CAPACITY];
	static const char *const names[CAPACITY] = {"a", "b", "c", "d"};
	for (int i = 0; i < CAPACITY; i++) {
		devices[i] = put(r, names[i]);
		record = device_record(devices[i]);
		fill_all(&record, &registration, 'x');
		registry_keep_record(r, devices[i], &record);
		(void)snprintf(registration.location, sizeof registration.location, "%d", i);
		registry_register(r, devices[i], &registration, NEVER);
	}
	assert_ptr_equal(devices[0]->record.model, devices[3]->record.model);
	assert_ptr_equal(devices[0]->registration.objects, devices[3]->registration.objects);
	assert_int_equal(r->shelf.used, CAPACITY + 4); /* the names, tags, the other texts, objects, formats */
	for (int i = 0; i < CAPACITY; i++)
		registry_remove(r, devices[i]);
	assert_int_equal(r->shelf.used, 0);
}

static void health_is_kept_until_the_next_one_comes(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	struct device *d = put(r, "a");
	struct health health = {0};
	assert_int_equal(device_health(d).has, 0);
	health.uptime_s = 7;
	health_mark(&health, HEALTH_UPTIME);
	registry_keep_health(r, d, &health);
	assert_int_equal(device_health(d).uptime_s, 7);
	health = (struct health){.processes = 9};
	health_mark(&health, HEALTH_PROCESSES);
	registry_keep_health(r, d, &health);
	assert_int_equal(device_health(d).uptime_s, 0);
	assert_int_equal(device_health(d).processes, 9);
	assert_int_equal(r->shelf.used, 2);
	registry_remove(r, d);
	assert_int_equal(r->shelf.used, 0);
}

static void tags_are_whole_words(void **state)
{
	struct device d = {.record = {.tags = "canary site-a"}};
	(void)state;
	assert_true(device_has_tag(&d, bytes_of_text("canary")));
	assert_true(device_has_tag(&d, bytes_of_text("site-a")));
	assert_false(device_has_tag(&d, bytes_of_text("site")));
	assert_false(device_has_tag(&d, bytes_of_text("canary site-a")));
}

static void all_devices_are_walked_through_once(void **state)
{
	struct registry *r = &((struct stage *)*state)->registry;
	unsigned count = 0;
	put(r, "a");
	registry_remove(r, put(r, "b"));
	put(r, "c");
	for (uint32_t cursor = 0; registry_next(r, &cursor) != NULL;)
		count++;
	assert_int_equal(count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_device_is_found_by_its_name_and_nobody_elses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_known_name_is_brought_up_to_date_and_takes_no_new_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_full_registry_takes_nobody_new_until_one_is_removed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_new_registration_replaces_the_old_one_and_its_location, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_registration_is_due_after_its_lifetime_and_the_grace, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_lifetime_without_end_never_is_due, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_association_belongs_to_one_device_and_a_device_has_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_association_of_the_same_slot_but_another_generation_is_a_stranger, set_up, tear_down),
		cmocka_unit_test_setup_teardown(removing_a_device_ends_everything_that_led_to_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_device_listed_can_be_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_device_keeps_is_given_back_as_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_devices_have_in_common_is_kept_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(health_is_kept_until_the_next_one_comes, set_up, tear_down),
		cmocka_unit_test(tags_are_whole_words),
		cmocka_unit_test_setup_teardown(all_devices_are_walked_through_once, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
