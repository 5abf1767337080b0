/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An update with a power cut at every single operation that changes the device's disk: the whole story is told once for
 * each of them. The device must be able to boot at every moment, and the update must end well in spite of the cut. */
#include "tests/sim/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define IMAGE_BYTES   1500
#define BLOCK_BYTES   64
#define IMAGE_BLOCKS  ((IMAGE_BYTES + BLOCK_BYTES - 1) / BLOCK_BYTES)
#define UNSYNCED_MOST (8 + 16) /* blocks between two entries in the journal, and in flight */

static struct fleet fleet;
static uint8_t image[IMAGE_BYTES];

struct story {
	unsigned first_cut, second_cut; /* at this operation of the update; so many after the first, 0 for none */
	bool is_odd; /* the disk counts one operation more: the cut choice of boot is then the other one */
	bool self_test_fails;
	uint32_t rollout;
	unsigned boots;     /* seen */
	unsigned switching; /* the operation that changed the choice of boot */
	enum slot active;   /* seen */
};

static void look_at_device(struct story *s)
{
	struct fleet_device *d = &fleet.devices[0];
	if (!fleet_can_boot(&fleet, 0, image, sizeof image))
		fail_msg("with cuts at %u and %u neither image can be started", s->first_cut, s->second_cut);
	if (s->active == SLOT_A && d->disk.active == SLOT_B)
		s->switching = d->disk.operations - s->is_odd;
	s->active = d->disk.active;
	if (d->boots == s->boots || d->agent == NULL)
		return;
	s->boots = d->boots;
	if (s->boots == 2 && s->second_cut > 0)
		d->disk.cut_at = d->disk.operations + s->second_cut;
}

static bool has_ended(void *context)
{
	struct story *s = context;
	look_at_device(s);
	return rollout_has_ended(server_rollout_find(fleet.server.server, s->rollout));
}

static void assert_updated(const struct story *s)
{
	if (fleet_entry(&fleet, s->rollout, 0) != ENTRY_CONFIRMED)
		fail_msg("with cuts at %u and %u: %s", s->first_cut, s->second_cut, fleet_why(&fleet, s->rollout, 0));
	assert_true(fleet_runs(&fleet, 0, image, sizeof image));
	assert_string_equal(fleet_find(&fleet, 0)->record.version, "2.0.0");
}

static void assert_back(const struct story *s)
{
	if (fleet_entry(&fleet, s->rollout, 0) != ENTRY_FAILED)
		fail_msg("with cuts at %u and %u it has not failed", s->first_cut, s->second_cut);
	assert_string_not_equal(fleet_why(&fleet, s->rollout, 0), "");
	assert_true(fleet_runs(&fleet, 0, fleet_factory_image, FLEET_FACTORY_BYTES));
	assert_string_equal(fleet_find(&fleet, 0)->record.version, "1.0.0");
	assert_int_equal(agent_journal(fleet.devices[0].agent)->result, FIRMWARE_RESULT_FAILED);
}

/* One whole update with cuts. False when it had no operation of this number. */
static bool tell(struct story *s)
{
	struct fleet_device *d = &fleet.devices[0];
	fleet_init(&fleet, s->first_cut, 1);
	d->program[SLOT_B].self_test_fails = s->self_test_fails;
	fleet_start_all(&fleet);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(10)));
	assert_true(fleet_publish(&fleet, "two", image, sizeof image, "2.0.0", 2));
	d->disk.operations = s->is_odd;
	d->disk.cut_at = s->first_cut == 0 ? 0 : s->first_cut + s->is_odd;
	s->boots = d->boots;
	s->rollout = fleet_roll_out(&fleet, "two", NULL);
	if (!world_run_until(&fleet.world, SECONDS(7200), has_ended, s))
		fail_msg("with cuts at %u and %u the rollout does not end", s->first_cut, s->second_cut);
	world_run(&fleet.world, SECONDS(60));

	bool was_cut = d->power_cuts > 0;
	fleet_cut_power(&fleet, 0); /* what it has told, it remembers */
	world_run(&fleet.world, SECONDS(60));
	if (s->self_test_fails)
		assert_back(s);
	else
		assert_updated(s);
	assert_int_equal(fleet_blocks_repeated(&fleet, 0), 0);
	assert_in_range(
		fleet_blocks_fetched(&fleet, 0), IMAGE_BLOCKS, IMAGE_BLOCKS + (d->power_cuts - 1) * UNSYNCED_MOST);
	fleet_done(&fleet);
	return was_cut;
}

static void test_220_a_power_cut_at_any_operation_leaves_a_device_that_boots_and_updates(void **state)
{
	struct story s = {.first_cut = 1};
	(void)state;
	for (; tell(&s); s = (struct story){.first_cut = s.first_cut + 1}) {
	}
	assert_true(s.first_cut > IMAGE_BLOCKS); /* at least each block was written */
}

static void test_221_so_does_a_second_cut_soon_after_the_first(void **state)
{
	(void)state;
	for (unsigned second = 1; second <= 6; second++) {
		struct story s = {.first_cut = 1, .second_cut = second};
		for (; tell(&s); s = (struct story){.first_cut = s.first_cut + 1, .second_cut = second}) {
		}
	}
}

static void test_222_a_power_cut_at_any_operation_of_a_rollback_ends_in_the_old_image(void **state)
{
	struct story s = {.first_cut = 1, .self_test_fails = true};
	(void)state;
	for (; tell(&s); s = (struct story){.first_cut = s.first_cut + 1, .self_test_fails = true}) {
	}
	assert_true(s.first_cut > IMAGE_BLOCKS);
}

/* The very operation that changes the choice of boot, once with the cut before it has happened and once after. */
static void test_230_a_power_cut_while_switching_ends_in_the_new_image(void **state)
{
	struct story undisturbed = {.first_cut = 0};
	(void)state;
	assert_false(tell(&undisturbed));
	assert_int_not_equal(undisturbed.switching, 0);
	for (int is_odd = 0; is_odd <= 1; is_odd++) {
		struct story s = {.first_cut = undisturbed.switching, .is_odd = is_odd};
		assert_true(tell(&s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_220_a_power_cut_at_any_operation_leaves_a_device_that_boots_and_updates),
		cmocka_unit_test(test_221_so_does_a_second_cut_soon_after_the_first),
		cmocka_unit_test(test_222_a_power_cut_at_any_operation_of_a_rollback_ends_in_the_old_image),
		cmocka_unit_test(test_230_a_power_cut_while_switching_ends_in_the_new_image),
	};
	disk_make_image(image, sizeof image, 2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
