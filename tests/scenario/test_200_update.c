/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of one device and one update that meets trouble. */
#include "tests/sim/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define IMAGE_BYTES 3000

static struct fleet fleet;
static uint8_t image[IMAGE_BYTES];

static int set_up(void **state)
{
	(void)state;
	fleet_init(&fleet, 2, 1);
	disk_make_image(image, sizeof image, 2);
	fleet_start_all(&fleet);
	return !fleet_until_registered(&fleet, 1, SECONDS(10));
}

static int tear_down(void **state)
{
	(void)state;
	fleet_done(&fleet);
	return 0;
}

static const struct journal_state *journal(void)
{
	return agent_journal(fleet.devices[0].agent);
}

/* Rolls the image out as version 2.0.0 and waits for the end. */
static uint32_t update(void)
{
	assert_true(fleet_publish(&fleet, "two", image, sizeof image, "2.0.0", 2));
	uint32_t rollout = fleet_roll_out(&fleet, "two", NULL);
	assert_int_not_equal(rollout, 0);
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(3600)));
	world_run(&fleet.world, SECONDS(20));
	return rollout;
}

static void assert_updated(uint32_t rollout)
{
	assert_int_equal(fleet_entry(&fleet, rollout, 0), ENTRY_CONFIRMED);
	assert_true(fleet_runs(&fleet, 0, image, sizeof image));
	assert_string_equal(fleet_find(&fleet, 0)->record.version, "2.0.0");
	assert_int_equal(journal()->result, FIRMWARE_RESULT_SUCCESS);
	assert_int_equal(journal()->sequence_floor, 2);
}

/* The factory's program runs, the device and the server agree that the update failed, and why. */
static void assert_refused(uint32_t rollout, enum firmware_result result)
{
	assert_int_equal(fleet_entry(&fleet, rollout, 0), ENTRY_FAILED);
	assert_string_not_equal(fleet_why(&fleet, rollout, 0), "");
	assert_true(fleet_runs(&fleet, 0, fleet_factory_image, FLEET_FACTORY_BYTES));
	assert_string_equal(fleet_find(&fleet, 0)->record.version, "1.0.0");
	assert_string_equal(agent_version(fleet.devices[0].agent), "1.0.0");
	assert_int_equal(journal()->result, result);
	assert_int_equal(journal()->sequence_floor, 1);
}

static void test_210_an_image_arrives_intact_over_a_network_that_loses_every_fifth_datagram(void **state)
{
	(void)state;
	fleet.world.link.quality = (struct link_quality){.delay = 30, .jitter = 100, .loss_permille = 200};
	assert_updated(update());
	assert_true(fleet.world.link.lost > 20);
	assert_int_equal(agent_counters(fleet.devices[0].agent)->blocks_fetched, (IMAGE_BYTES + 63) / 64);
}

static const struct rollout_plan by_package = {.delivery = ROLLOUT_DELIVERY_PACKAGE};

static uint32_t push(void)
{
	assert_true(fleet_publish(&fleet, "two", image, sizeof image, "2.0.0", 2));
	uint32_t rollout = fleet_roll_out(&fleet, "two", &by_package);
	assert_int_not_equal(rollout, 0);
	return rollout;
}

static void test_212_a_package_is_pushed_over_a_network_that_loses_every_fifth_datagram(void **state)
{
	(void)state;
	fleet.world.link.quality = (struct link_quality){.delay = 30, .jitter = 100, .loss_permille = 200};
	uint32_t rollout = push();
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(7200)));
	world_run(&fleet.world, SECONDS(20));
	assert_updated(rollout);
}

static void test_214_a_pushed_package_that_is_no_good_is_refused(void **state)
{
	(void)state;
	assert_true(fleet_publish(&fleet, "old", image, sizeof image, "0.9.0", 1));
	uint32_t rollout = fleet_roll_out(&fleet, "old", &by_package);
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(600)));
	assert_refused(rollout, FIRMWARE_RESULT_INTEGRITY);
}

static bool is_half_way(void *context)
{
	const struct fleet_device *d = context;
	return agent_counters(d->agent)->blocks_fetched > IMAGE_BYTES / 64 / 2;
}

/* The agent knows what blocks it has and is sent all of them again: no block is written twice. */
static void test_216_a_push_that_a_kill_of_either_side_breaks_off_is_begun_again(void **state)
{
	struct fleet_device *d = &fleet.devices[0];
	(void)state;
	uint32_t rollout = push();
	assert_true(world_run_until(&fleet.world, SECONDS(600), is_half_way, d));
	fleet_kill_server(&fleet);
	world_run(&fleet.world, SECONDS(10));
	fleet_start_server(&fleet);
	assert_true(world_run_until(&fleet.world, SECONDS(3600), is_half_way, d));
	fleet_kill_device(&fleet, 0);
	world_run(&fleet.world, SECONDS(10));
	fleet_start_device(&fleet, 0);
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(7200)));
	world_run(&fleet.world, SECONDS(20));
	assert_updated(rollout);
}

static void test_240_a_failed_self_test_rolls_back(void **state)
{
	(void)state;
	fleet.devices[0].program[SLOT_B].self_test_fails = true;
	uint32_t rollout = update();
	assert_refused(rollout, FIRMWARE_RESULT_FAILED);
	assert_string_equal(fleet_why(&fleet, rollout, 0), "the device reports: update failed");
}

static void test_245_a_self_test_that_hangs_rolls_back(void **state)
{
	(void)state;
	fleet.devices[0].program[SLOT_B].self_test_hangs = true;
	assert_refused(update(), FIRMWARE_RESULT_FAILED);
}

static void test_250_a_new_program_that_exits_rolls_back(void **state)
{
	(void)state;
	fleet.devices[0].program[SLOT_B].exits_after = SECONDS(4);
	assert_refused(update(), FIRMWARE_RESULT_FAILED);
}

static bool has_tested(void *context)
{
	struct fleet_device *d = context;
	return d->agent != NULL && d->disk.program == DEPLOY_SELF_TEST;
}

/* The new image takes the machine down with it each time it is tried. */
static void test_255_a_new_image_that_crashes_the_machine_is_given_up_after_three_trials(void **state)
{
	struct fleet_device *d = &fleet.devices[0];
	(void)state;
	assert_true(fleet_publish(&fleet, "two", image, sizeof image, "2.0.0", 2));
	uint32_t rollout = fleet_roll_out(&fleet, "two", NULL);
	for (unsigned i = 0; i < agent_config_default.trials_max; i++) {
		assert_true(world_run_until(&fleet.world, SECONDS(600), has_tested, d));
		fleet_kill_device(&fleet, 0);
		world_run(&fleet.world, SECONDS(3));
		fleet_start_device(&fleet, 0);
	}
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(3600)));
	world_run(&fleet.world, SECONDS(20));
	assert_int_equal(d->disk.self_tests, agent_config_default.trials_max);
	assert_refused(rollout, FIRMWARE_RESULT_FAILED);
}

static void test_260_a_downgrade_is_refused(void **state)
{
	(void)state;
	assert_true(fleet_publish(&fleet, "old", image, sizeof image, "0.9.0", 1));
	uint32_t rollout = fleet_roll_out(&fleet, "old", NULL);
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(600)));
	assert_refused(rollout, FIRMWARE_RESULT_INTEGRITY);
	assert_int_equal(agent_counters(fleet.devices[0].agent)->blocks_fetched, 0);
}

/* What the server serves is not what was released. */
static void alter_envelope(size_t place)
{
	struct release *r = (struct release *)server_release_find(fleet.server.server, bytes_of_text("two"));
	assert_true(place < r->envelope_size);
	r->envelope[place] ^= 1;
}

/* Two signatures of the same manifest differ, for each is made with a number of its own; that shows where it lies. */
static size_t place_of_signature(void)
{
	uint8_t first[MANIFEST_ENVELOPE_MAX], second[MANIFEST_ENVELOPE_MAX];
	size_t len = fleet_sign(&fleet, image, sizeof image, "2.0.0", 2, first, sizeof first);
	assert_int_equal(fleet_sign(&fleet, image, sizeof image, "2.0.0", 2, second, sizeof second), len);
	size_t place = 0;
	while (place < len && first[place] == second[place])
		place++;
	return place;
}

static void alter_and_update(size_t place)
{
	assert_true(fleet_publish(&fleet, "two", image, sizeof image, "2.0.0", 2));
	alter_envelope(place);
	uint32_t rollout = fleet_roll_out(&fleet, "two", NULL);
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(600)));
	assert_refused(rollout, FIRMWARE_RESULT_INTEGRITY);
	assert_int_equal(agent_counters(fleet.devices[0].agent)->blocks_fetched, 0);
}

static void test_261_a_manifest_with_a_wrong_signature_is_refused(void **state)
{
	(void)state;
	alter_and_update(place_of_signature());
}

static void test_262_a_manifest_altered_after_it_was_signed_is_refused(void **state)
{
	uint8_t envelope[MANIFEST_ENVELOPE_MAX];
	(void)state;
	size_t len = fleet_sign(&fleet, image, sizeof image, "2.0.0", 2, envelope, sizeof envelope);
	size_t place = len - 20; /* within the manifest, which comes last */
	assert_true(place > place_of_signature() + 64);
	alter_and_update(place);
}

/* Refused as unsupported: it may be a good image, but of something else. */
static void test_263_a_manifest_for_another_class_of_devices_is_refused(void **state)
{
	(void)state;
	fleet.class_id[0] ^= 1;
	assert_refused(update(), FIRMWARE_RESULT_UNSUPPORTED_PACKAGE);
	assert_int_equal(agent_counters(fleet.devices[0].agent)->blocks_fetched, 0);
}

static void test_264_a_manifest_signed_by_a_stranger_is_refused(void **state)
{
	struct trust_key own = fleet.secret, nobody;
	(void)state;
	assert_true(signature_wolfcrypt_generate(SIGNATURE_ES256, "stranger", &fleet.secret, &nobody));
	uint32_t rollout = update();
	fleet.secret = own;
	assert_refused(rollout, FIRMWARE_RESULT_INTEGRITY);
	assert_int_equal(agent_counters(fleet.devices[0].agent)->blocks_fetched, 0);
}

/* What happens to the stored image between its release and its download. */
static void spoil_and_update(size_t size, size_t place, enum firmware_result result)
{
	assert_true(fleet_publish(&fleet, "two", image, sizeof image, "2.0.0", 2));
	struct fleet_artifact *a = &fleet.server.artifacts[0];
	assert_int_equal(a->size, IMAGE_BYTES);
	a->bytes[place] ^= 1;
	a->size = size;
	uint32_t rollout = fleet_roll_out(&fleet, "two", NULL);
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(7200)));
	world_run(&fleet.world, SECONDS(20));
	assert_refused(rollout, result);
	assert_int_equal(fleet.devices[0].disk.self_tests, 0);
}

static void test_270_an_altered_image_is_refused(void **state)
{
	(void)state;
	spoil_and_update(IMAGE_BYTES, 1234, FIRMWARE_RESULT_INTEGRITY);
}

static void test_272_a_short_image_is_refused(void **state)
{
	(void)state;
	spoil_and_update(IMAGE_BYTES - 700, IMAGE_BYTES, FIRMWARE_RESULT_INTEGRITY);
}

static void test_274_a_long_image_is_refused(void **state)
{
	(void)state;
	spoil_and_update(IMAGE_BYTES + 700, IMAGE_BYTES, FIRMWARE_RESULT_INTEGRITY);
}

static void test_280_an_image_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	fleet.devices[0].disk.slot_capacity = IMAGE_BYTES - 1;
	assert_refused(update(), FIRMWARE_RESULT_NO_STORAGE);
}

static void test_282_a_disk_that_fills_up_during_the_download_ends_the_update(void **state)
{
	(void)state;
	fleet.devices[0].disk.fail_writes = PORT_NO_SPACE;
	assert_refused(update(), FIRMWARE_RESULT_NO_STORAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		STORY(test_210_an_image_arrives_intact_over_a_network_that_loses_every_fifth_datagram),
		STORY(test_212_a_package_is_pushed_over_a_network_that_loses_every_fifth_datagram),
		STORY(test_214_a_pushed_package_that_is_no_good_is_refused),
		STORY(test_216_a_push_that_a_kill_of_either_side_breaks_off_is_begun_again),
		STORY(test_240_a_failed_self_test_rolls_back),
		STORY(test_245_a_self_test_that_hangs_rolls_back),
		STORY(test_250_a_new_program_that_exits_rolls_back),
		STORY(test_255_a_new_image_that_crashes_the_machine_is_given_up_after_three_trials),
		STORY(test_260_a_downgrade_is_refused),
		STORY(test_261_a_manifest_with_a_wrong_signature_is_refused),
		STORY(test_262_a_manifest_altered_after_it_was_signed_is_refused),
		STORY(test_263_a_manifest_for_another_class_of_devices_is_refused),
		STORY(test_264_a_manifest_signed_by_a_stranger_is_refused),
		STORY(test_270_an_altered_image_is_refused),
		STORY(test_272_a_short_image_is_refused),
		STORY(test_274_a_long_image_is_refused),
		STORY(test_280_an_image_that_does_not_fit_is_refused),
		STORY(test_282_a_disk_that_fills_up_during_the_download_ends_the_update),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
