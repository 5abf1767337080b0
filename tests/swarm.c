/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Random worlds: a fleet gets two releases while everything goes wrong that can, then the trouble ends.
 *
 *     swarm [--seed N] [--worlds N] [--talk]
 *
 * Without a seed one is taken from the clock; worlds N, N+1, ... follow. A world that breaks a rule prints its seed,
 * and `--seed N` shows it again, step by step the same.
 *
 * Rules. Safety, after every step: each device's choice of boot names a slot with a whole image; an entry that becomes
 * CONFIRMED means that the device has the release's image there; sequence floors never fall; no image gets more trials
 * than allowed, and none that fails its test stays. Liveness, once the network has healed: every device registers
 * again, every rollout ends, server and device agree on the version, no device is left with an update that nobody
 * waits for, none has fetched a block that it had journalled. Bounds: one registration a device in the
 * store, no table of the server was ever full. */
#include "tests/sim/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define IMAGE_MAX       4000
#define RELEASES        2
#define TROUBLE_LASTS   SECONDS(900)
#define CONVERGES_IN    SECONDS(1800)
#define ENDS_IN         SECONDS(14400)
#define UNSYNCED_MOST   (FLEET_PROGRESS_EVERY + 16) /* blocks that a power cut may take: not journalled, or in flight */
#define SETTLE_REQUIRED SECONDS(10)                 /* how long a new program must run to be kept */

struct release_image {
	uint8_t bytes[IMAGE_MAX];
	size_t size;
	char version[8];
};

/* What the checkers remember of a device. */
struct past {
	unsigned operations, boots; /* of its disk when it was last looked at */
	uint64_t floor;
	unsigned self_tests, power_cuts; /* before the rollout */
	uint64_t fetched;                /* blocks, before the rollout */
	bool has_bad_program;
	bool is_confirmed;
	msec back_at; /* from a partition; NEVER */
};

static struct fleet fleet;
static struct release_image images[RELEASES];
static struct past past[FLEET_DEVICES_MAX];
static struct prng chance; /* of the troubles; not the world's */
static uint64_t seed;
static unsigned current; /* release */
static uint32_t rollout;
static msec server_back_at;
static unsigned troubles, server_kills; /* kills: since the rollout began */

static _Noreturn void broken(const char *rule, unsigned device)
{
	printf("\nseed %llu: at %lld, device-%u: %s\n", (unsigned long long)seed, (long long)fleet.world.now, device,
		rule);
	exit(1);
}

static uint32_t draw(uint32_t from, uint32_t to)
{
	return from + (uint32_t)prng_below(&chance, to - from + 1);
}

static uint64_t blocks_of(const struct release_image *image)
{
	return (image->size + FLEET_BLOCK_BYTES - 1) / FLEET_BLOCK_BYTES;
}

/* ---- safety, after every step ---- */

static bool holds_whole_image(const struct disk *d, enum slot slot)
{
	if (disk_holds(d, slot, fleet_factory_image, FLEET_FACTORY_BYTES))
		return true;
	for (unsigned i = 0; i <= current; i++)
		if (disk_holds(d, slot, images[i].bytes, images[i].size))
			return true;
	return false;
}

static void check_disk(unsigned i)
{
	const struct fleet_device *d = &fleet.devices[i];
	struct past *p = &past[i];
	if (d->disk.operations == p->operations && d->boots == p->boots)
		return;
	p->operations = d->disk.operations;
	p->boots = d->boots;
	if (!holds_whole_image(&d->disk, d->disk.active))
		broken("its choice of boot names no whole image", i);
	if (d->agent == NULL)
		return;
	uint64_t floor = agent_journal(d->agent)->sequence_floor;
	if (floor < p->floor)
		broken("its sequence floor has fallen", i);
	p->floor = floor;
	if (d->disk.self_tests - p->self_tests > agent_config_default.trials_max)
		broken("its new image got too many trials", i);
}

static void check_entries(void)
{
	const struct rollout *r = server_rollout_find(fleet.server.server, rollout);
	if (r == NULL || r->counts[ENTRY_CONFIRMED] == 0)
		return;
	for (unsigned i = 0; i < fleet.device_count; i++) {
		const struct disk *disk = &fleet.devices[i].disk;
		if (past[i].is_confirmed || fleet_entry(&fleet, rollout, i) != ENTRY_CONFIRMED)
			continue;
		past[i].is_confirmed = true;
		if (!disk_holds(disk, disk->active, images[current].bytes, images[current].size))
			broken("CONFIRMED, but it has another image", i);
		if (past[i].has_bad_program)
			broken("CONFIRMED, but its program is bad", i);
	}
}

/* ---- troubles ---- */

static void cut_off(unsigned i)
{
	link_cut(&fleet.world.link, &fleet.devices[i].node.address, true);
	past[i].back_at = fleet.world.now + SECONDS(draw(1, 300));
}

static void give_a_word(void)
{
	static const struct server_ask operator= {"swarm", FLEET_TOKEN + 1};
	uint32_t lot = draw(0, 39);
	enum rollout_word word = lot == 0 ? ROLLOUT_ABORT : lot % 2 == 0 ? ROLLOUT_PAUSE : ROLLOUT_RESUME;
	(void)server_rollout_command(fleet.server.server, rollout, word, &operator, fleet.world.now);
}

static void make_trouble(void)
{
	unsigned i = draw(0, fleet.device_count - 1);
	struct fleet_device *d = &fleet.devices[i];
	troubles++;
	switch (draw(0, 6)) {
	case 0:
		if (d->agent != NULL)
			fleet_cut_power(&fleet, i);
		break;
	case 1:
	case 2:
		d->disk.cut_at = d->disk.operations + draw(1, 40);
		break;
	case 3:
		cut_off(i);
		break;
	case 4:
		if (fleet.server.server == NULL)
			break;
		fleet_kill_server(&fleet);
		server_kills++;
		server_back_at = fleet.world.now + SECONDS(draw(1, 120));
		break;
	case 5:
		fleet.server.store.fail_batches = draw(1, 3);
		break;
	case 6:
		if (fleet.server.server != NULL)
			give_a_word();
		break;
	}
}

static void end_troubles_that_are_over(bool all)
{
	if (fleet.server.server == NULL && (all || server_back_at <= fleet.world.now))
		fleet_start_server(&fleet);
	for (unsigned i = 0; i < fleet.device_count; i++) {
		if (past[i].back_at != NEVER && (all || past[i].back_at <= fleet.world.now)) {
			link_cut(&fleet.world.link, &fleet.devices[i].node.address, false);
			past[i].back_at = NEVER;
		}
		if (all)
			fleet.devices[i].disk.cut_at = 0;
	}
}

/* ---- time ---- */

/* Lets time pass step by step, checking, until the goal is reached; false when the span was not enough. */
static bool live(msec span, bool (*is_reached)(void))
{
	msec until = fleet.world.now + span;
	while (is_reached == NULL || !is_reached()) {
		if (!world_step(&fleet.world, until))
			return false;
		for (unsigned i = 0; i < fleet.device_count; i++)
			check_disk(i);
		if (fleet.server.server != NULL && rollout != 0)
			check_entries();
	}
	return true;
}

static void live_in_trouble(void)
{
	msec until = fleet.world.now + TROUBLE_LASTS;
	while (fleet.world.now < until) {
		(void)live((msec)draw(50, 40000), NULL);
		end_troubles_that_are_over(false);
		make_trouble();
	}
}

/* ---- liveness ---- */

static bool all_are_registered(void)
{
	struct server_gauges g = server_gauges(fleet.server.server);
	for (unsigned i = 0; i < fleet.device_count; i++)
		if (fleet.devices[i].agent == NULL || !agent_is_registered(fleet.devices[i].agent))
			return false;
	return g.registered == fleet.device_count && g.connected == fleet.device_count;
}

/* An operator wants it to end: what is halted or paused goes on. */
static bool has_ended(void)
{
	static const struct server_ask operator= {"swarm", FLEET_TOKEN + 1};
	const struct rollout *r = server_rollout_find(fleet.server.server, rollout);
	if (r->record.state == ROLLOUT_PAUSED || r->record.state == ROLLOUT_HALTED)
		(void)server_rollout_command(fleet.server.server, rollout, ROLLOUT_RESUME, &operator, fleet.world.now);
	return rollout_has_ended(r);
}

static void check_end_of(unsigned i)
{
	const struct fleet_device *d = &fleet.devices[i];
	enum entry_state state = fleet_entry(&fleet, rollout, i);
	bool is_new = fleet_runs(&fleet, i, images[current].bytes, images[current].size);
	unsigned cuts = d->power_cuts - past[i].power_cuts;
	bool is_aborted = server_rollout_find(fleet.server.server, rollout)->record.state == ROLLOUT_ABORTED;
	if (strcmp(fleet_find(&fleet, i)->record.version, agent_version(d->agent)) != 0)
		broken("server and device show different versions", i);
	if (state == ENTRY_CONFIRMED && !is_new)
		broken("CONFIRMED, but it does not run the new image", i);
	if (state != ENTRY_CONFIRMED && !past[i].has_bad_program && cuts == 0 && !is_aborted)
		broken(fleet_why(&fleet, rollout, i), i);
	/* A server that is killed forgets offers that it wanted to call back; the next rollout clears them away. */
	if (agent_journal(d->agent)->phase != JOURNAL_IDLE && !(is_aborted && server_kills > 0))
		broken("it still has an update that nobody waits for", i);
	if (fleet_blocks_fetched(&fleet, i) - past[i].fetched > blocks_of(&images[current]) + cuts * UNSYNCED_MOST)
		broken("it fetched blocks that it had", i);
	if (past[i].has_bad_program && is_new)
		broken("it runs a program that failed its test", i);
}

static void check_bounds(void)
{
	if (store_memory_count(&fleet.server.store, STORE_REGISTRATION_PUT) != fleet.device_count)
		broken("registrations in the store", 0);
	if (server_gauges(fleet.server.server).devices != fleet.device_count)
		broken("devices at the server", 0);
	if (server_counters(fleet.server.server)->full != 0)
		broken("a table of the server was full", 0);
}

/* ---- a world ---- */

static struct link_quality bad_network(void)
{
	return (struct link_quality){.delay = draw(0, 200),
		.jitter = draw(0, 500),
		.loss_permille = draw(0, 300),
		.repeat_permille = draw(0, 200),
		.repeat_delay = draw(1, 2000)};
}

/* Decides how the program that comes next will do on each device. */
static void cast_programs(void)
{
	for (unsigned i = 0; i < fleet.device_count; i++) {
		struct fleet_device *d = &fleet.devices[i];
		struct fleet_program *p = &d->program[slot_other(agent_journal(d->agent)->confirmed)];
		uint32_t lot = draw(0, 99);
		*p = (struct fleet_program){.self_test_fails = lot < 10, .self_test_hangs = lot >= 10 && lot < 17};
		if (lot >= 17 && lot < 25)
			p->exits_after = (msec)draw(1, SETTLE_REQUIRED - 500);
		past[i].has_bad_program = lot < 25;
		past[i].is_confirmed = false;
		past[i].self_tests = d->disk.self_tests;
		past[i].power_cuts = d->power_cuts;
		past[i].fetched = fleet_blocks_fetched(&fleet, i);
	}
}

static void publish_and_roll_out(void)
{
	struct release_image *image = &images[current];
	struct rollout_plan plan = rollout_plan_default;
	image->size = draw(1, IMAGE_MAX);
	disk_make_image(image->bytes, image->size, current + 2);
	snprintf(image->version, sizeof image->version, "%u.0.0", current + 2);
	cast_programs();
	server_kills = 0;
	if (!fleet_publish(&fleet, image->version, image->bytes, image->size, image->version, current + 2))
		broken("the release was refused", 0);
	plan.wave_count = (uint8_t)draw(0, 2);
	plan.waves[0] = (struct rollout_wave){draw(1, 2), false};
	plan.waves[1] = (struct rollout_wave){draw(1, 100), true};
	plan.failures_allowed = draw(0, 100);
	plan.install_s = plan.confirm_s = 7200; /* longer than any trouble: being away is then no verdict */
	rollout = fleet_roll_out(&fleet, image->version, &plan);
	if (rollout == 0)
		broken("the rollout was refused", 0);
}

static void converge(void)
{
	end_troubles_that_are_over(true);
	fleet.server.store.fail_batches = 0;
	fleet.world.link.quality = (struct link_quality){.delay = 10};
	if (!live(CONVERGES_IN, all_are_registered))
		broken("not all devices have registered again", 0);
	if (!live(ENDS_IN, has_ended))
		broken("the rollout does not end", 0);
	(void)live(SECONDS(120), NULL);
	if (!live(CONVERGES_IN, all_are_registered))
		broken("not all devices stayed registered", 0);
	for (unsigned i = 0; i < fleet.device_count; i++)
		check_end_of(i);
	check_bounds();
}

static void begin_world(bool is_talkative)
{
	prng_init_number(&chance, seed);
	fleet_init(&fleet, seed, draw(2, 8));
	fleet.is_talkative = is_talkative;
	memset(past, 0, sizeof past);
	for (unsigned i = 0; i < fleet.device_count; i++)
		past[i].back_at = NEVER;
	rollout = 0;
	troubles = 0;
	current = 0;
	fleet_start_all(&fleet);
	if (!live(SECONDS(60), all_are_registered))
		broken("not all devices have registered", 0);
}

static void run_world(bool is_talkative)
{
	unsigned confirmed = 0;
	begin_world(is_talkative);
	for (current = 0; current < RELEASES; current++) {
		publish_and_roll_out();
		fleet.world.link.quality = bad_network();
		live_in_trouble();
		converge();
		for (unsigned i = 0; i < fleet.device_count; i++)
			confirmed += past[i].is_confirmed;
	}
	printf("seed %llu: %u devices, %u troubles, %llu datagrams, %llu lost, %u updates confirmed\n",
		(unsigned long long)seed, fleet.device_count, troubles, (unsigned long long)fleet.world.link.sent,
		(unsigned long long)fleet.world.link.lost, confirmed);
	fflush(stdout);
	current--;
	fleet_done(&fleet);
}

int main(int argc, char **argv)
{
	unsigned long worlds = 0;
	bool has_seed = false, is_talkative = false;
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "0";
		if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(value, NULL, 10), has_seed = true, i++;
		else if (strcmp(argv[i], "--worlds") == 0)
			worlds = strtoul(value, NULL, 10), i++;
		else if (strcmp(argv[i], "--talk") == 0)
			is_talkative = true;
		else
			return fprintf(stderr, "usage: swarm [--seed N] [--worlds N] [--talk]\n"), 2;
	}
	if (!has_seed)
		seed = (uint64_t)time(NULL) * 1000;
	if (worlds == 0)
		worlds = has_seed ? 1 : 20;
	for (; worlds > 0; worlds--, seed++)
		run_world(is_talkative);
	return 0;
}
