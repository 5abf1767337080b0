/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rollout engine alone: waves and thresholds as a whole, and the way of one device as a table of reports. */
#include "server/rollout.h"

#include "coap/code.h"
#include "mgmt/registration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DEVICES 10
#define NOW     SECONDS(1000)
#define WALL    1700000000000

struct stage {
	struct rollouts rollouts;
	void *memory;
	struct release release;
	struct device devices[DEVICES];
	struct rollout *rollout;
	msec now;
};

static void carve(struct stage *s, struct carve *c)
{
	rollouts_carve(&s->rollouts, c, 2, 2 * DEVICES);
}

static char names[DEVICES][DEVICE_NAME_MAX + 1];

static void prepare_device(struct device *d, unsigned i)
{
	static const struct device_object firmware = {5, 0, 0, 0};
	*d = (struct device){.is_connected = true, .is_announced = true, .is_awake = true};
	(void)snprintf(names[i], sizeof names[i], "device-%u", i);
	d->record = (struct kept_record){.name = names[i], .version = "1.0"};
	(void)snprintf(d->registration.location, sizeof d->registration.location, "loc%u", i);
	d->registration.object_count = 1;
	d->registration.objects = &firmware;
	d->firmware.is_known = true;
}

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	struct carve c = {0};
	carve(s, &c);
	s->memory = aligned_alloc(64, c.used);
	c = (struct carve){.memory = s->memory};
	carve(s, &c);
	s->now = NOW;
	s->release = (struct release){.name = "two", .version = "2.0", .image_size = 1000};
	memset(s->release.manifest, 0xaa, SHA256_BYTES);
	for (unsigned i = 0; i < DEVICES; i++)
		prepare_device(&s->devices[i], i);
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

static struct handle handle_of(unsigned device)
{
	return (struct handle){device, 1};
}

static struct rollout *start(struct stage *s, unsigned devices, const struct rollout_plan *plan)
{
	struct rollout_record record = {.state = ROLLOUT_RUNNING, .plan = *plan, .started_at = WALL};
	uint32_t forgotten;
	s->rollout = rollout_add(&s->rollouts, &record, &s->release, &forgotten);
	for (unsigned i = 0; i < devices && s->rollout != NULL; i++)
		assert_true(rollout_add_entry(&s->rollouts, s->rollout, handle_of(i), s->devices[i].record.name));
	if (s->rollout != NULL)
		rollout_divide(&s->rollouts, s->rollout);
	return s->rollout;
}

static struct rollout_entry *entry(struct stage *s, unsigned i)
{
	uint32_t cursor = 0;
	struct rollout_entry *e = NULL;
	for (unsigned n = 0; n <= i; n++)
		e = rollout_next(&s->rollouts, s->rollout, &cursor);
	return e;
}

static enum entry_action step(struct stage *s, unsigned i, enum entry_event event)
{
	struct entry_facts facts = {.device = &s->devices[i], .is_answer = true, .wall = WALL};
	return rollout_step(&s->rollouts, entry(s, i), event, &facts, s->now);
}

static enum entry_action report(struct stage *s, unsigned i, enum firmware_state state, enum firmware_result result)
{
	struct kept_firmware *f = &s->devices[i].firmware;
	f->state = (unsigned)state & 15u;
	f->result = (uint8_t)result;
	f->is_known = true;
	f->has_manifest = state != FIRMWARE_IDLE;
	f->manifest = s->release.manifest;
	return step(s, i, ENTRY_EVENT_REPORT);
}

static enum rollout_turn turn(struct stage *s)
{
	return rollout_turn(&s->rollouts, s->rollout, WALL);
}

/* Begins the first wave and lets all look. */
static void go(struct stage *s)
{
	assert_int_equal(turn(s), ROLLOUT_TURN_WAVE);
	for (unsigned i = 0; i < s->rollout->total; i++)
		step(s, i, ENTRY_EVENT_LOOK);
}

/* The shortest good way to a state. */
static void bring_to(struct stage *s, unsigned i, enum entry_state state)
{
	if (state >= ENTRY_OFFERED)
		step(s, i, ENTRY_EVENT_OFFERED);
	if (state >= ENTRY_DOWNLOADING)
		report(s, i, FIRMWARE_DOWNLOADING, FIRMWARE_RESULT_INITIAL);
	if (state == ENTRY_DOWNLOADED)
		s->rollout->record.state = ROLLOUT_PAUSED;
	if (state >= ENTRY_DOWNLOADED)
		report(s, i, FIRMWARE_DOWNLOADED, FIRMWARE_RESULT_INITIAL);
	if (state == ENTRY_DOWNLOADED)
		s->rollout->record.state = ROLLOUT_RUNNING;
	if (state >= ENTRY_CONFIRMING)
		report(s, i, FIRMWARE_IDLE, FIRMWARE_RESULT_SUCCESS);
	assert_int_equal(entry(s, i)->state, state);
}

static void succeed(struct stage *s, unsigned i)
{
	bring_to(s, i, ENTRY_CONFIRMING);
	s->devices[i].record.version = "2.0";
	step(s, i, ENTRY_EVENT_VERSION);
	assert_int_equal(entry(s, i)->state, ENTRY_CONFIRMED);
}

static void break_down(struct stage *s, unsigned i)
{
	bring_to(s, i, ENTRY_DOWNLOADING);
	report(s, i, FIRMWARE_IDLE, FIRMWARE_RESULT_INTEGRITY);
	assert_int_equal(entry(s, i)->state, ENTRY_FAILED);
}

static const char *why(struct stage *s, unsigned i)
{
	static char text[ROLLOUT_WHY_BYTES];
	struct writer w = writer_of(text, sizeof text - 1);
	rollout_write_why(&w, &s->rollouts, entry(s, i));
	assert_false(w.failed);
	*w.at = '\0';
	return text;
}

static const struct rollout_plan one_wave = {.failures_allowed = DEVICES};

/* ---- the way of one device ---- */

static void a_good_update_goes_through_every_state_and_asks_for_the_right_things(void **state)
{
	struct stage *s = *state;
	start(s, 1, &one_wave);
	assert_int_equal(turn(s), ROLLOUT_TURN_WAVE);
	assert_int_equal(step(s, 0, ENTRY_EVENT_LOOK), ENTRY_ACTION_OFFER);
	assert_int_equal(entry(s, 0)->state, ENTRY_WAITING);
	assert_int_equal(step(s, 0, ENTRY_EVENT_OFFERED), ENTRY_ACTION_READ_FIRMWARE);
	assert_int_equal(entry(s, 0)->state, ENTRY_OFFERED);
	assert_int_equal(report(s, 0, FIRMWARE_DOWNLOADING, 0), ENTRY_ACTION_NONE);
	assert_int_equal(entry(s, 0)->state, ENTRY_DOWNLOADING);
	assert_int_equal(report(s, 0, FIRMWARE_DOWNLOADED, 0), ENTRY_ACTION_INSTALL);
	assert_int_equal(entry(s, 0)->state, ENTRY_INSTALLING);
	assert_int_equal(step(s, 0, ENTRY_EVENT_TOLD), ENTRY_ACTION_NONE);
	assert_int_equal(report(s, 0, FIRMWARE_UPDATING, 0), ENTRY_ACTION_NONE);
	assert_int_equal(report(s, 0, FIRMWARE_IDLE, FIRMWARE_RESULT_SUCCESS), ENTRY_ACTION_READ_VERSION);
	assert_int_equal(entry(s, 0)->state, ENTRY_CONFIRMING);
	s->devices[0].record.version = "2.0";
	assert_int_equal(step(s, 0, ENTRY_EVENT_VERSION), ENTRY_ACTION_NONE);
	assert_int_equal(entry(s, 0)->state, ENTRY_CONFIRMED);
	assert_int_equal(turn(s), ROLLOUT_TURN_COMPLETED);
	assert_int_equal(turn(s), ROLLOUT_TURN_NOTHING);
}

static void success_with_the_wrong_version_is_a_failure(void **state)
{
	struct stage *s = *state;
	start(s, 1, &one_wave);
	go(s);
	bring_to(s, 0, ENTRY_CONFIRMING);
	step(s, 0, ENTRY_EVENT_VERSION);
	assert_int_equal(entry(s, 0)->state, ENTRY_FAILED);
	assert_string_equal(why(s, 0), "the device reports success but runs another version");
}

/* Each line: in this state the device reports this; then. */
static void every_report_in_every_state_leads_where_it_should(void **state)
{
	static const struct {
		enum entry_state in;
		enum firmware_state state;
		enum firmware_result result;
		enum entry_state then;
		enum entry_reason reason;
		enum entry_action action;
	} cases[] = {
		/*  1 */ {ENTRY_WAITING, FIRMWARE_IDLE, 0, ENTRY_WAITING, ENTRY_REASON_ASKED, ENTRY_ACTION_OFFER},
		/*  2 */ {ENTRY_WAITING, FIRMWARE_IDLE, 8, ENTRY_WAITING, ENTRY_REASON_ASKED, ENTRY_ACTION_OFFER},
		/*  3 */ {ENTRY_WAITING, FIRMWARE_IDLE, 1, ENTRY_WAITING, ENTRY_REASON_ASKED, ENTRY_ACTION_OFFER},
		/*  4 */ {ENTRY_WAITING, FIRMWARE_DOWNLOADING, 0, ENTRY_DOWNLOADING, 0, ENTRY_ACTION_NONE},
		/*  5 */ {ENTRY_WAITING, FIRMWARE_DOWNLOADED, 0, ENTRY_INSTALLING, 0, ENTRY_ACTION_INSTALL},
		/*  6 */ {ENTRY_WAITING, FIRMWARE_UPDATING, 0, ENTRY_INSTALLING, 0, ENTRY_ACTION_NONE},
		/*  7 */ {ENTRY_OFFERED, FIRMWARE_IDLE, 0, ENTRY_WAITING, ENTRY_REASON_ASKED, ENTRY_ACTION_OFFER},
		/*  8 */ {ENTRY_OFFERED, FIRMWARE_IDLE, 2, ENTRY_FAILED, ENTRY_REASON_RESULT, ENTRY_ACTION_NONE},
		/*  9 */ {ENTRY_OFFERED, FIRMWARE_IDLE, 7, ENTRY_FAILED, ENTRY_REASON_RESULT, ENTRY_ACTION_NONE},
		/* 10 */ {ENTRY_OFFERED, FIRMWARE_DOWNLOADING, 0, ENTRY_DOWNLOADING, 0, ENTRY_ACTION_NONE},
		/* 11 */ {ENTRY_OFFERED, FIRMWARE_DOWNLOADED, 0, ENTRY_INSTALLING, 0, ENTRY_ACTION_INSTALL},
		/* 12 */ {ENTRY_OFFERED, FIRMWARE_UPDATING, 0, ENTRY_INSTALLING, 0, ENTRY_ACTION_NONE},
		/* 13 */ {ENTRY_DOWNLOADING, FIRMWARE_DOWNLOADING, 0, ENTRY_DOWNLOADING, 0, ENTRY_ACTION_NONE},
		/* 14 */ {ENTRY_DOWNLOADING, FIRMWARE_IDLE, 0, ENTRY_WAITING, ENTRY_REASON_ASKED, ENTRY_ACTION_OFFER},
		/* 15 */ {ENTRY_DOWNLOADING, FIRMWARE_IDLE, 4, ENTRY_FAILED, ENTRY_REASON_RESULT, ENTRY_ACTION_NONE},
		/* 16 */ {ENTRY_DOWNLOADING, FIRMWARE_IDLE, 5, ENTRY_FAILED, ENTRY_REASON_RESULT, ENTRY_ACTION_NONE},
		/* 17 */ {ENTRY_DOWNLOADING, FIRMWARE_IDLE, 10, ENTRY_FAILED, ENTRY_REASON_RESULT, ENTRY_ACTION_NONE},
		/* 18 */ {ENTRY_DOWNLOADED, FIRMWARE_DOWNLOADED, 0, ENTRY_INSTALLING, 0, ENTRY_ACTION_INSTALL},
		/* 19 */ {ENTRY_DOWNLOADED, FIRMWARE_IDLE, 10, ENTRY_FAILED, ENTRY_REASON_RESULT, ENTRY_ACTION_NONE},
		/* 20 */ {ENTRY_DOWNLOADED, FIRMWARE_UPDATING, 0, ENTRY_INSTALLING, 0, ENTRY_ACTION_NONE},
		/* 21 */ {ENTRY_INSTALLING, FIRMWARE_DOWNLOADED, 0, ENTRY_INSTALLING, 0, ENTRY_ACTION_INSTALL},
		/* 22 */
		{ENTRY_INSTALLING, FIRMWARE_DOWNLOADED, 8, ENTRY_FAILED, ENTRY_REASON_RESULT, ENTRY_ACTION_NONE},
		/* 23 */ {ENTRY_INSTALLING, FIRMWARE_UPDATING, 0, ENTRY_INSTALLING, 0, ENTRY_ACTION_NONE},
		/* 24 */ {ENTRY_INSTALLING, FIRMWARE_IDLE, 1, ENTRY_CONFIRMING, 0, ENTRY_ACTION_READ_VERSION},
		/* 25 */ {ENTRY_INSTALLING, FIRMWARE_IDLE, 8, ENTRY_FAILED, ENTRY_REASON_RESULT, ENTRY_ACTION_NONE},
		/* 26 */ {ENTRY_INSTALLING, FIRMWARE_IDLE, 0, ENTRY_FAILED, ENTRY_REASON_FORGOTTEN, ENTRY_ACTION_NONE},
		/* 27 */ {ENTRY_CONFIRMING, FIRMWARE_IDLE, 1, ENTRY_CONFIRMING, 0, ENTRY_ACTION_READ_VERSION},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		void *fresh;
		set_up(&fresh);
		struct stage *s = fresh;
		start(s, 1, &one_wave);
		go(s);
		bring_to(s, 0, cases[i].in);
		enum entry_action action = report(s, 0, cases[i].state, cases[i].result);
		if (entry(s, 0)->state != cases[i].then || action != cases[i].action ||
			entry(s, 0)->reason != cases[i].reason)
			fail_msg("case %zu: state %s, reason %u, action %d", i + 1,
				entry_state_name((enum entry_state)entry(s, 0)->state), entry(s, 0)->reason, action);
		tear_down(&fresh);
	}
}

/* A restart of the server at any state: the entry comes from the store, the device says where it is, and the rollout
 * ends well without an offer or a word given twice to a device that has heard it. */
static void a_restart_in_every_state_goes_on_from_what_the_device_says(void **state)
{
	static const struct {
		enum entry_state stored;
		enum firmware_state state;
		enum firmware_result result;
		enum entry_action action; /* the first thing done */
	} cases[] = {
		/* 1 */ {ENTRY_WAITING, FIRMWARE_IDLE, 0, ENTRY_ACTION_OFFER},
		/* 2: the offer was taken, but that is not on disk */
		{ENTRY_WAITING, FIRMWARE_DOWNLOADING, 0, ENTRY_ACTION_NONE},
		/* 3 */ {ENTRY_WAITING, FIRMWARE_DOWNLOADED, 0, ENTRY_ACTION_INSTALL},
		/* 4 */ {ENTRY_OFFERED, FIRMWARE_DOWNLOADED, 0, ENTRY_ACTION_INSTALL},
		/* 5 */ {ENTRY_DOWNLOADING, FIRMWARE_DOWNLOADED, 0, ENTRY_ACTION_INSTALL},
		/* 6 */ {ENTRY_DOWNLOADED, FIRMWARE_DOWNLOADED, 0, ENTRY_ACTION_INSTALL},
		/* 7: the word was not given, or lost */
		{ENTRY_INSTALLING, FIRMWARE_DOWNLOADED, 0, ENTRY_ACTION_INSTALL},
		/* 8: it was given */ {ENTRY_INSTALLING, FIRMWARE_UPDATING, 0, ENTRY_ACTION_NONE},
		/* 9: and has ended */ {ENTRY_INSTALLING, FIRMWARE_IDLE, 1, ENTRY_ACTION_READ_VERSION},
		/* 10 */ {ENTRY_CONFIRMING, FIRMWARE_IDLE, 1, ENTRY_ACTION_READ_VERSION},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		void *fresh;
		set_up(&fresh);
		struct stage *s = fresh;
		struct rollout_record record = {.number = 7, .state = ROLLOUT_RUNNING, .waves_begun = 1};
		struct rollout_entry_record stored = {.rollout = 7, .device = "device-0", .state = cases[i].stored};
		uint32_t forgotten;
		s->rollout = rollout_add(&s->rollouts, &record, &s->release, &forgotten);
		assert_true(rollout_load_entry(&s->rollouts, s->rollout, handle_of(0), &stored, NOW));
		assert_int_equal(turn(s), ROLLOUT_TURN_NOTHING);
		if (report(s, 0, cases[i].state, cases[i].result) != cases[i].action)
			fail_msg("case %zu", i + 1);
		if (entry(s, 0)->state < ENTRY_CONFIRMING) {
			step(s, 0, ENTRY_EVENT_OFFERED);
			report(s, 0, FIRMWARE_DOWNLOADED, 0);
			report(s, 0, FIRMWARE_IDLE, FIRMWARE_RESULT_SUCCESS);
		}
		s->devices[0].record.version = "2.0";
		step(s, 0, ENTRY_EVENT_VERSION);
		assert_int_equal(entry(s, 0)->state, ENTRY_CONFIRMED);
		assert_int_equal(turn(s), ROLLOUT_TURN_COMPLETED);
		tear_down(&fresh);
	}
}

/* ---- what is pushed ---- */

static const struct rollout_plan pushed = {.failures_allowed = DEVICES, .delivery = ROLLOUT_DELIVERY_PACKAGE};

static enum entry_action step_pushing(struct stage *s, enum entry_event event, bool is_pushing)
{
	struct entry_facts facts = {.device = &s->devices[0],
		.is_answer = true,
		.is_pushing = is_pushing,
		.code = COAP_BAD_REQUEST,
		.wall = WALL};
	return rollout_step(&s->rollouts, entry(s, 0), event, &facts, s->now);
}

/* Each line: in this state, while a push is on its way or not, this happens, the device's object 5 being so; then. */
static void every_event_of_a_push_leads_where_it_should(void **state)
{
	enum { GOING = true, OVER = false };
	static const struct {
		enum entry_state in;
		bool is_pushing, has_all;
		enum entry_event event;
		enum firmware_state state;
		enum firmware_result result;
		enum entry_state then;
		enum entry_reason reason;
		enum entry_action action;
	} cases[] = {
		/*  1 */ {ENTRY_WAITING, GOING, 0, ENTRY_EVENT_LOOK, 0, 0, ENTRY_WAITING, ENTRY_REASON_ASKED, 0},
		/*  2 */ {ENTRY_WAITING, GOING, 0, ENTRY_EVENT_REPORT, 1, 0, ENTRY_WAITING, ENTRY_REASON_ASKED, 0},
		/*  3 */ {ENTRY_WAITING, GOING, 0, ENTRY_EVENT_STARTED, 0, 0, ENTRY_DOWNLOADING, 0, 0},
		/*  4 */
		{ENTRY_WAITING, OVER, 0, ENTRY_EVENT_OFFERED, 0, 0, ENTRY_OFFERED, 0, ENTRY_ACTION_READ_FIRMWARE},
		/*  5 */ {ENTRY_WAITING, OVER, 0, ENTRY_EVENT_REFUSED, 0, 0, ENTRY_FAILED, ENTRY_REASON_REFUSED, 0},
		/*  6 */ {ENTRY_WAITING, OVER, 0, ENTRY_EVENT_LOST, 0, 0, ENTRY_WAITING, ENTRY_REASON_OFFLINE, 0},
		/*  7: of another one's making */
		{ENTRY_WAITING, OVER, 0, ENTRY_EVENT_LOOK, 1, 0, ENTRY_WAITING, ENTRY_REASON_FOREIGN,
			ENTRY_ACTION_RESET},
		/*  8 */
		{ENTRY_WAITING, OVER, 0, ENTRY_EVENT_LOOK, 2, 0, ENTRY_WAITING, ENTRY_REASON_FOREIGN,
			ENTRY_ACTION_RESET},
		/*  9 */ {ENTRY_DOWNLOADING, GOING, 0, ENTRY_EVENT_REPORT, 1, 0, ENTRY_DOWNLOADING, 0, 0},
		/* 10: late */ {ENTRY_DOWNLOADING, GOING, 0, ENTRY_EVENT_REPORT, 0, 8, ENTRY_DOWNLOADING, 0, 0},
		/* 11 */
		{ENTRY_DOWNLOADING, GOING, 0, ENTRY_EVENT_REPORT, 2, 0, ENTRY_INSTALLING, 0, ENTRY_ACTION_INSTALL},
		/* 12 */
		{ENTRY_DOWNLOADING, OVER, 0, ENTRY_EVENT_OFFERED, 1, 0, ENTRY_DOWNLOADING, 0,
			ENTRY_ACTION_READ_FIRMWARE},
		/* 13: it checks what it has */
		{ENTRY_DOWNLOADING, OVER, 1, ENTRY_EVENT_REPORT, 1, 0, ENTRY_DOWNLOADING, 0, 0},
		/* 14: the server was restarted */
		{ENTRY_DOWNLOADING, OVER, 0, ENTRY_EVENT_REPORT, 1, 0, ENTRY_WAITING, ENTRY_REASON_OFFLINE, 0},
		/* 15: and had sent all before */
		{ENTRY_DOWNLOADING, OVER, 0, ENTRY_EVENT_REPORT, 2, 0, ENTRY_INSTALLING, 0, ENTRY_ACTION_INSTALL},
		/* 16 */
		{ENTRY_DOWNLOADING, OVER, 0, ENTRY_EVENT_REPORT, 0, 4, ENTRY_WAITING, ENTRY_REASON_OFFLINE, 0},
		/* 17 */
		{ENTRY_DOWNLOADING, OVER, 0, ENTRY_EVENT_REPORT, 0, 5, ENTRY_FAILED, ENTRY_REASON_RESULT, 0},
		/* 18 */
		{ENTRY_DOWNLOADING, OVER, 0, ENTRY_EVENT_REPORT, 0, 0, ENTRY_WAITING, ENTRY_REASON_ASKED,
			ENTRY_ACTION_OFFER},
		/* 19 */
		{ENTRY_DOWNLOADING, OVER, 0, ENTRY_EVENT_LOST, 0, 0, ENTRY_WAITING, ENTRY_REASON_OFFLINE, 0},
		/* 20 */
		{ENTRY_DOWNLOADING, OVER, 0, ENTRY_EVENT_REFUSED, 0, 0, ENTRY_DOWNLOADING, ENTRY_REASON_REFUSED,
			ENTRY_ACTION_READ_FIRMWARE},
		/* 21 */
		{ENTRY_DOWNLOADING, OVER, 0, ENTRY_EVENT_TIMEOUT, 1, 0, ENTRY_FAILED, ENTRY_REASON_TIMEOUT,
			ENTRY_ACTION_RESET},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		void *fresh;
		set_up(&fresh);
		struct stage *s = fresh;
		struct kept_firmware *f = &s->devices[0].firmware;
		start(s, 1, &pushed);
		go(s);
		if (cases[i].in == ENTRY_DOWNLOADING)
			step_pushing(s, ENTRY_EVENT_STARTED, true);
		if (cases[i].has_all)
			step_pushing(s, ENTRY_EVENT_OFFERED, false);
		f->state = cases[i].state & 15u;
		f->result = (uint8_t)cases[i].result;
		enum entry_action action = step_pushing(s, cases[i].event, cases[i].is_pushing);
		if (entry(s, 0)->state != cases[i].then || action != cases[i].action ||
			entry(s, 0)->reason != cases[i].reason)
			fail_msg("case %zu: state %s, reason %u, action %d", i + 1,
				entry_state_name((enum entry_state)entry(s, 0)->state), entry(s, 0)->reason, action);
		tear_down(&fresh);
	}
}

static void a_refused_push_fails_with_the_result_or_else_the_answer(void **state)
{
	struct stage *s = *state;
	for (unsigned result = 0; result <= FIRMWARE_RESULT_INTEGRITY; result += FIRMWARE_RESULT_INTEGRITY) {
		void *fresh;
		set_up(&fresh);
		s = fresh;
		start(s, 1, &pushed);
		go(s);
		step_pushing(s, ENTRY_EVENT_STARTED, true);
		step_pushing(s, ENTRY_EVENT_REFUSED, false);
		s->devices[0].firmware.result = (uint8_t)result;
		step_pushing(s, ENTRY_EVENT_REPORT, false);
		assert_string_equal(why(s, 0), result == 0 ? "the device answered 4.00 Bad Request"
							   : "the device reports: integrity check failed");
		tear_down(&fresh);
	}
}

static void a_push_that_breaks_off_is_made_three_times_and_no_more(void **state)
{
	struct stage *s = *state;
	start(s, 1, &pushed);
	go(s);
	for (int i = 0; i < ROLLOUT_TRIES_MAX - 1; i++) {
		step_pushing(s, ENTRY_EVENT_STARTED, true);
		assert_int_equal(step_pushing(s, ENTRY_EVENT_LOST, false), ENTRY_ACTION_NONE);
		assert_int_equal(step_pushing(s, ENTRY_EVENT_LOOK, false), ENTRY_ACTION_OFFER);
	}
	step_pushing(s, ENTRY_EVENT_STARTED, true);
	assert_int_equal(step_pushing(s, ENTRY_EVENT_LOST, false), ENTRY_ACTION_RESET);
	assert_int_equal(entry(s, 0)->state, ENTRY_FAILED);
	assert_string_equal(why(s, 0), "what was pushed to the device did not arrive whole");
}

static void a_device_that_lost_our_answer_is_not_sent_it_all_again(void **state)
{
	struct stage *s = *state;
	start(s, 1, &pushed);
	go(s);
	step_pushing(s, ENTRY_EVENT_STARTED, true);
	step_pushing(s, ENTRY_EVENT_LOST, false);
	s->devices[0].firmware.state = FIRMWARE_DOWNLOADED;
	assert_int_equal(step_pushing(s, ENTRY_EVENT_REPORT, false), ENTRY_ACTION_INSTALL);
}

static void the_plan_or_the_device_says_how_a_release_travels(void **state)
{
	struct stage *s = *state;
	static const struct {
		enum rollout_delivery planned;
		enum firmware_delivery told;
		enum rollout_delivery then;
	} cases[] = {
		{ROLLOUT_DELIVERY_AUTO, FIRMWARE_BY_PULL, ROLLOUT_DELIVERY_PULL},
		{ROLLOUT_DELIVERY_AUTO, FIRMWARE_BY_BOTH, ROLLOUT_DELIVERY_PULL},
		{ROLLOUT_DELIVERY_AUTO, FIRMWARE_BY_PUSH, ROLLOUT_DELIVERY_IMAGE},
		{ROLLOUT_DELIVERY_PULL, FIRMWARE_BY_PUSH, ROLLOUT_DELIVERY_PULL},
		{ROLLOUT_DELIVERY_PACKAGE, FIRMWARE_BY_PUSH, ROLLOUT_DELIVERY_PACKAGE},
		{ROLLOUT_DELIVERY_IMAGE, FIRMWARE_BY_BOTH, ROLLOUT_DELIVERY_IMAGE},
	};
	start(s, 1, &one_wave);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum rollout_delivery parsed = ROLLOUT_DELIVERY_AUTO;
		s->rollout->record.plan.delivery = cases[i].planned;
		s->devices[0].firmware.delivery = cases[i].told & 15u;
		assert_int_equal(rollout_delivery_to(s->rollout, &s->devices[0]), cases[i].then);
		assert_true(rollout_delivery_parse(bytes_of_text(rollout_delivery_name(cases[i].then)), &parsed));
		assert_int_equal(parsed, cases[i].then);
	}
	enum rollout_delivery kept = ROLLOUT_DELIVERY_IMAGE;
	assert_false(rollout_delivery_parse(bytes_of_text("pus"), &kept));
	assert_int_equal(kept, ROLLOUT_DELIVERY_IMAGE);
}

/* ---- doubts ---- */

static void a_late_notification_of_an_old_failure_is_asked_about_and_not_believed(void **state)
{
	struct stage *s = *state;
	struct entry_facts late = {.device = &s->devices[0], .is_answer = false, .wall = WALL};
	start(s, 1, &one_wave);
	go(s);
	step(s, 0, ENTRY_EVENT_OFFERED);
	s->devices[0].firmware.result = FIRMWARE_RESULT_FAILED;
	assert_int_equal(
		rollout_step(&s->rollouts, entry(s, 0), ENTRY_EVENT_REPORT, &late, NOW), ENTRY_ACTION_READ_FIRMWARE);
	assert_int_equal(entry(s, 0)->state, ENTRY_OFFERED);
}

static void a_device_that_runs_the_version_already_is_skipped(void **state)
{
	struct stage *s = *state;
	s->devices[0].record.version = "2.0";
	start(s, 1, &one_wave);
	go(s);
	assert_int_equal(entry(s, 0)->state, ENTRY_SKIPPED);
	assert_string_equal(why(s, 0), "runs this version already");
}

static void what_holds_a_device_back_is_said(void **state)
{
	struct stage *s = *state;
	struct entry_facts busy = {.device = &s->devices[1], .is_busy = true, .wall = WALL};
	start(s, 4, &(struct rollout_plan){.wave_count = 1, .waves = {{3, false}}, .failures_allowed = 9});
	s->devices[0].is_connected = false;
	s->devices[2].firmware.is_known = false;
	go(s);
	rollout_step(&s->rollouts, entry(s, 1), ENTRY_EVENT_LOOK, &busy, NOW);
	assert_string_equal(why(s, 0), "offline");
	assert_string_equal(why(s, 1), "another rollout is at work on the device");
	assert_string_equal(why(s, 2), "asked, no answer yet");
	assert_string_equal(why(s, 3), "its wave has not begun");
	rollout_command(s->rollout, ROLLOUT_PAUSE, WALL);
	step(s, 0, ENTRY_EVENT_LOOK);
	assert_string_equal(why(s, 0), "the rollout is paused");
}

static void a_device_without_object_5_is_skipped(void **state)
{
	struct stage *s = *state;
	s->devices[0].registration.object_count = 0;
	start(s, 1, &one_wave);
	go(s);
	assert_int_equal(entry(s, 0)->state, ENTRY_SKIPPED);
	assert_int_equal(entry(s, 0)->reason, ENTRY_REASON_NO_FIRMWARE);
}

static void a_foreign_update_is_cleared_away_while_that_is_possible(void **state)
{
	struct stage *s = *state;
	start(s, 1, &one_wave);
	assert_int_equal(turn(s), ROLLOUT_TURN_WAVE);
	uint8_t another[SHA256_BYTES];
	memset(another, 0xbb, sizeof another);
	s->devices[0].firmware.manifest = another;
	s->devices[0].firmware.has_manifest = true;
	s->devices[0].firmware.state = FIRMWARE_DOWNLOADED;
	assert_int_equal(step(s, 0, ENTRY_EVENT_LOOK), ENTRY_ACTION_RESET);
	s->devices[0].firmware.state = FIRMWARE_UPDATING;
	assert_int_equal(step(s, 0, ENTRY_EVENT_LOOK), ENTRY_ACTION_NONE);
	assert_int_equal(entry(s, 0)->reason, ENTRY_REASON_FOREIGN);
}

static void a_refused_offer_fails_with_the_devices_answer(void **state)
{
	struct stage *s = *state;
	struct entry_facts facts = {.device = &s->devices[0], .code = COAP_BAD_REQUEST, .wall = WALL};
	start(s, 1, &one_wave);
	go(s);
	rollout_step(&s->rollouts, entry(s, 0), ENTRY_EVENT_REFUSED, &facts, NOW);
	assert_int_equal(entry(s, 0)->state, ENTRY_FAILED);
	assert_string_equal(why(s, 0), "the device answered 4.00 Bad Request");
}

static void a_device_that_forgets_the_offer_is_offered_it_three_times_and_no_more(void **state)
{
	struct stage *s = *state;
	start(s, 1, &one_wave);
	go(s);
	for (int i = 0; i < ROLLOUT_TRIES_MAX - 1; i++) {
		step(s, 0, ENTRY_EVENT_OFFERED);
		assert_int_equal(report(s, 0, FIRMWARE_IDLE, 0), ENTRY_ACTION_OFFER);
	}
	step(s, 0, ENTRY_EVENT_OFFERED);
	report(s, 0, FIRMWARE_IDLE, 0);
	assert_int_equal(entry(s, 0)->reason, ENTRY_REASON_FORGOTTEN);
	assert_int_equal(entry(s, 0)->state, ENTRY_FAILED);
}

static void a_device_that_heard_the_word_is_not_told_again_unless_it_was_away(void **state)
{
	struct stage *s = *state;
	start(s, 1, &one_wave);
	go(s);
	bring_to(s, 0, ENTRY_INSTALLING);
	step(s, 0, ENTRY_EVENT_TOLD);
	assert_int_equal(report(s, 0, FIRMWARE_DOWNLOADED, 0), ENTRY_ACTION_NONE);
	s->devices[0].is_connected = false;
	step(s, 0, ENTRY_EVENT_LOOK);
	s->devices[0].is_connected = true;
	assert_int_equal(report(s, 0, FIRMWARE_DOWNLOADED, 0), ENTRY_ACTION_INSTALL);
}

/* ---- time ---- */

static void too_long_in_a_state_has_its_own_end_for_each(void **state)
{
	static const struct {
		enum entry_state in;
		uint32_t span_s;
		enum entry_state then;
		const char *why;
		enum entry_action action;
	} cases[] = {
		{ENTRY_WAITING, 10, ENTRY_SKIPPED, "offline for too long", ENTRY_ACTION_NONE},
		{ENTRY_OFFERED, 20, ENTRY_FAILED, "too long in state offered", ENTRY_ACTION_RESET},
		{ENTRY_DOWNLOADING, 30, ENTRY_FAILED, "too long in state downloading", ENTRY_ACTION_RESET},
		{ENTRY_INSTALLING, 40, ENTRY_FAILED, "too long in state installing", ENTRY_ACTION_NONE},
		{ENTRY_CONFIRMING, 50, ENTRY_FAILED, "too long in state confirming", ENTRY_ACTION_NONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		void *fresh;
		set_up(&fresh);
		struct stage *s = fresh;
		struct rollout_entry *due = NULL;
		start(s, 1,
			&(struct rollout_plan){.failures_allowed = 9,
				.wait_s = 10,
				.offer_s = 20,
				.download_s = 30,
				.install_s = 40,
				.confirm_s = 50});
		go(s);
		bring_to(s, 0, cases[i].in);
		assert_int_equal(rollout_deadline(&s->rollouts), NOW + SECONDS(cases[i].span_s));
		s->now = NOW + SECONDS(cases[i].span_s) - 1;
		assert_false(rollout_due(&s->rollouts, s->now, &due));
		s->now++;
		assert_true(rollout_due(&s->rollouts, s->now, &due));
		assert_int_equal(step(s, 0, ENTRY_EVENT_TIMEOUT), cases[i].action);
		assert_int_equal(entry(s, 0)->state, cases[i].then);
		assert_string_equal(why(s, 0), cases[i].why);
		assert_int_equal(rollout_deadline(&s->rollouts), NEVER);
		tear_down(&fresh);
	}
}

static void a_download_that_makes_progress_is_not_given_up(void **state)
{
	struct stage *s = *state;
	start(s, 1, &(struct rollout_plan){.failures_allowed = 9, .download_s = 30});
	go(s);
	bring_to(s, 0, ENTRY_DOWNLOADING);
	rollout_progressed(&s->rollouts, entry(s, 0), NOW + SECONDS(29));
	assert_int_equal(rollout_deadline(&s->rollouts), NOW + SECONDS(59));
}

static void a_pause_stops_the_clock_but_not_of_what_installs(void **state)
{
	struct stage *s = *state;
	struct rollout_entry *due;
	start(s, 2, &(struct rollout_plan){.failures_allowed = 9, .wait_s = 10, .install_s = 10});
	s->devices[0].is_connected = false;
	go(s);
	bring_to(s, 1, ENTRY_INSTALLING);
	rollout_command(s->rollout, ROLLOUT_PAUSE, WALL);
	s->now = NOW + SECONDS(10);
	while (rollout_due(&s->rollouts, s->now, &due))
		;
	step(s, 0, ENTRY_EVENT_TIMEOUT);
	step(s, 1, ENTRY_EVENT_TIMEOUT);
	assert_int_equal(entry(s, 0)->state, ENTRY_WAITING);
	assert_int_equal(rollout_deadline(&s->rollouts), NOW + SECONDS(20));
	assert_int_equal(entry(s, 1)->state, ENTRY_FAILED);
}

/* ---- waves ---- */

static void devices_are_divided_as_the_plan_says(void **state)
{
	static const struct {
		struct rollout_plan plan;
		uint8_t waves[DEVICES];
	} cases[] = {
		/* 1: none */ {{.wave_count = 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		/* 2 */ {{.wave_count = 1, .waves = {{1, false}}}, {0, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		/* 3 */ {{.wave_count = 2, .waves = {{1, false}, {3, false}}}, {0, 1, 1, 1, 2, 2, 2, 2, 2, 2}},
		/* 4 */ {{.wave_count = 2, .waves = {{10, true}, {50, true}}}, {0, 1, 1, 1, 1, 1, 2, 2, 2, 2}},
		/* 5: rounded up */
		{{.wave_count = 2, .waves = {{1, true}, {99, true}}}, {0, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		/* 6: more than there are */
		{{.wave_count = 1, .waves = {{99, false}}}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		void *fresh;
		set_up(&fresh);
		struct stage *s = fresh;
		start(s, DEVICES, &cases[i].plan);
		for (unsigned d = 0; d < DEVICES; d++)
			if (entry(s, d)->wave != cases[i].waves[d])
				fail_msg("case %zu, device %u: wave %u", i + 1, d, entry(s, d)->wave);
		tear_down(&fresh);
	}
}

static void the_next_wave_begins_when_every_device_of_the_one_before_has_ended(void **state)
{
	struct stage *s = *state;
	start(s, 4, &(struct rollout_plan){.wave_count = 1, .waves = {{2, false}}, .failures_allowed = 9});
	go(s);
	assert_int_equal(entry(s, 2)->state, ENTRY_PENDING);
	succeed(s, 0);
	assert_int_equal(turn(s), ROLLOUT_TURN_NOTHING);
	break_down(s, 1);
	assert_int_equal(turn(s), ROLLOUT_TURN_WAVE);
	assert_int_equal(step(s, 2, ENTRY_EVENT_LOOK), ENTRY_ACTION_OFFER);
	succeed(s, 2);
	succeed(s, 3);
	assert_int_equal(turn(s), ROLLOUT_TURN_COMPLETED);
	assert_int_equal(s->rollout->record.state, ROLLOUT_COMPLETED);
}

static void too_many_failures_halt_it_and_say_so(void **state)
{
	struct stage *s = *state;
	start(s, 6, &(struct rollout_plan){.wave_count = 1, .waves = {{4, false}}, .failures_allowed = 1});
	go(s);
	break_down(s, 0);
	assert_int_equal(turn(s), ROLLOUT_TURN_NOTHING);
	break_down(s, 1);
	assert_int_equal(turn(s), ROLLOUT_TURN_HALTED);
	assert_string_equal(s->rollout->record.reason, "2 of 4 devices failed, 1 are allowed");
	step(s, 2, ENTRY_EVENT_LOOK);
	assert_string_equal(why(s, 2), "the rollout is halted: 2 of 4 devices failed, 1 are allowed");
}

static void a_halted_rollout_gives_no_word_to_install_but_follows_what_installs(void **state)
{
	struct stage *s = *state;
	start(s, 4, &(struct rollout_plan){.failures_allowed = 0});
	go(s);
	bring_to(s, 0, ENTRY_INSTALLING);
	bring_to(s, 1, ENTRY_DOWNLOADING);
	break_down(s, 2);
	assert_int_equal(turn(s), ROLLOUT_TURN_HALTED);
	assert_int_equal(report(s, 1, FIRMWARE_DOWNLOADED, 0), ENTRY_ACTION_NONE);
	assert_int_equal(entry(s, 1)->state, ENTRY_DOWNLOADED);
	report(s, 0, FIRMWARE_IDLE, FIRMWARE_RESULT_SUCCESS);
	assert_int_equal(entry(s, 0)->state, ENTRY_CONFIRMING);
	assert_true(rollout_command(s->rollout, ROLLOUT_RESUME, WALL));
	assert_int_equal(turn(s), ROLLOUT_TURN_NOTHING); /* the failure is forgiven */
	assert_int_equal(step(s, 1, ENTRY_EVENT_LOOK), ENTRY_ACTION_INSTALL);
}

static void percent_are_of_the_devices_in_waves_begun(void **state)
{
	struct stage *s = *state;
	start(s, 10,
		&(struct rollout_plan){
			.wave_count = 1, .waves = {{2, false}}, .failures_allowed = 50, .failures_in_percent = true});
	go(s);
	break_down(s, 0);
	assert_int_equal(turn(s), ROLLOUT_TURN_NOTHING); /* 1 of 2 is not more than 50 % */
	break_down(s, 1);
	assert_int_equal(turn(s), ROLLOUT_TURN_HALTED);
}

static void when_all_have_ended_it_is_completed_whatever_failed(void **state)
{
	struct stage *s = *state;
	start(s, 1, &(struct rollout_plan){.failures_allowed = 0});
	go(s);
	break_down(s, 0);
	assert_int_equal(turn(s), ROLLOUT_TURN_COMPLETED);
}

/* ---- an operator's word ---- */

static void words_are_taken_only_where_they_make_sense(void **state)
{
	static const struct {
		enum rollout_state in;
		bool pause, resume, abort;
	} cases[] = {
		{ROLLOUT_RUNNING, true, false, true},
		{ROLLOUT_PAUSED, false, true, true},
		{ROLLOUT_HALTED, false, true, true},
		{ROLLOUT_ABORTED, false, false, false},
		{ROLLOUT_COMPLETED, false, false, false},
	};
	struct stage *s = *state;
	start(s, 1, &one_wave);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (int word = ROLLOUT_PAUSE; word <= ROLLOUT_ABORT; word++) {
			struct rollout draft = *s->rollout;
			bool expected = word == ROLLOUT_PAUSE    ? cases[i].pause
					: word == ROLLOUT_RESUME ? cases[i].resume
								 : cases[i].abort;
			draft.record.state = cases[i].in;
			assert_int_equal(rollout_command(&draft, (enum rollout_word)word, WALL), expected);
			if (!expected)
				assert_int_equal(draft.record.state, cases[i].in);
		}
	}
}

static void aborting_calls_back_what_was_offered_and_follows_what_installs(void **state)
{
	struct stage *s = *state;
	start(s, 4, &one_wave);
	s->devices[0].is_connected = false;
	go(s);
	bring_to(s, 1, ENTRY_DOWNLOADING);
	bring_to(s, 2, ENTRY_INSTALLING);
	succeed(s, 3);
	assert_true(rollout_command(s->rollout, ROLLOUT_ABORT, WALL));
	assert_int_equal(step(s, 0, ENTRY_EVENT_ABORT), ENTRY_ACTION_NONE);
	assert_int_equal(step(s, 1, ENTRY_EVENT_ABORT), ENTRY_ACTION_RESET);
	assert_int_equal(step(s, 2, ENTRY_EVENT_ABORT), ENTRY_ACTION_NONE);
	assert_int_equal(step(s, 3, ENTRY_EVENT_ABORT), ENTRY_ACTION_NONE);
	assert_int_equal(entry(s, 0)->state, ENTRY_SKIPPED);
	assert_int_equal(entry(s, 1)->state, ENTRY_SKIPPED);
	assert_int_equal(entry(s, 2)->state, ENTRY_INSTALLING);
	assert_int_equal(entry(s, 3)->state, ENTRY_CONFIRMED);
	report(s, 2, FIRMWARE_IDLE, FIRMWARE_RESULT_SUCCESS);
	s->devices[2].record.version = "2.0";
	step(s, 2, ENTRY_EVENT_VERSION);
	assert_int_equal(entry(s, 2)->state, ENTRY_CONFIRMED);
	assert_int_equal(s->rollout->record.state, ROLLOUT_ABORTED);
}

static void a_removed_device_ends_as_skipped(void **state)
{
	struct stage *s = *state;
	struct entry_facts nobody = {.wall = WALL};
	start(s, 1, &one_wave);
	go(s);
	rollout_step(&s->rollouts, entry(s, 0), ENTRY_EVENT_REMOVED, &nobody, NOW);
	rollout_detach(&s->rollouts, entry(s, 0));
	assert_int_equal(entry(s, 0)->reason, ENTRY_REASON_REMOVED);
	uint32_t cursor = 0;
	assert_null(rollout_next_of_device(&s->rollouts, handle_of(0), &cursor));
}

/* ---- the table ---- */

static void a_full_table_forgets_the_oldest_rollout_that_is_over_or_takes_no_more(void **state)
{
	struct stage *s = *state;
	struct rollout_record record = {.state = ROLLOUT_RUNNING};
	uint32_t forgotten;
	start(s, 1, &one_wave);
	start(s, 1, &one_wave);
	assert_null(rollout_add(&s->rollouts, &record, &s->release, &forgotten));
	rollout_find(&s->rollouts, 1)->record.state = ROLLOUT_COMPLETED;
	struct rollout *third = rollout_add(&s->rollouts, &record, &s->release, &forgotten);
	assert_int_equal(forgotten, 1);
	assert_int_equal(third->record.number, 3);
	assert_null(rollout_find(&s->rollouts, 1));
	assert_int_equal(
		rollout_of(&s->rollouts, rollout_next(&s->rollouts, rollout_find(&s->rollouts, 2), &(uint32_t){0}))
			->record.number,
		2);
	assert_int_equal(s->rollouts.entry_slab.used, 1);
}

static void the_entries_of_a_device_are_found_in_all_rollouts(void **state)
{
	struct stage *s = *state;
	uint32_t cursor = 0;
	start(s, 3, &one_wave);
	start(s, 2, &one_wave);
	assert_non_null(rollout_next_of_device(&s->rollouts, handle_of(1), &cursor));
	assert_non_null(rollout_next_of_device(&s->rollouts, handle_of(1), &cursor));
	assert_null(rollout_next_of_device(&s->rollouts, handle_of(1), &cursor));
	cursor = 0;
	assert_non_null(rollout_next_of_device(&s->rollouts, handle_of(2), &cursor));
	assert_null(rollout_next_of_device(&s->rollouts, handle_of(2), &cursor));
}

static void nonsense_from_the_store_is_refused(void **state)
{
	struct stage *s = *state;
	struct rollout_entry_record bad = {.device = "x", .state = ENTRY_STATE_COUNT};
	start(s, 0, &one_wave);
	assert_false(rollout_load_entry(&s->rollouts, s->rollout, handle_of(0), &bad, NOW));
	bad = (struct rollout_entry_record){.device = "x", .reason = ENTRY_REASON_COUNT};
	assert_false(rollout_load_entry(&s->rollouts, s->rollout, handle_of(0), &bad, NOW));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_update_goes_through_every_state_and_asks_for_the_right_things),
		TEST(success_with_the_wrong_version_is_a_failure),
		cmocka_unit_test(every_report_in_every_state_leads_where_it_should),
		cmocka_unit_test(a_restart_in_every_state_goes_on_from_what_the_device_says),
		cmocka_unit_test(every_event_of_a_push_leads_where_it_should),
		TEST(a_refused_push_fails_with_the_result_or_else_the_answer),
		TEST(a_push_that_breaks_off_is_made_three_times_and_no_more),
		TEST(a_device_that_lost_our_answer_is_not_sent_it_all_again),
		TEST(the_plan_or_the_device_says_how_a_release_travels),
		TEST(a_late_notification_of_an_old_failure_is_asked_about_and_not_believed),
		TEST(a_device_that_runs_the_version_already_is_skipped),
		TEST(what_holds_a_device_back_is_said),
		TEST(a_device_without_object_5_is_skipped),
		TEST(a_foreign_update_is_cleared_away_while_that_is_possible),
		TEST(a_refused_offer_fails_with_the_devices_answer),
		TEST(a_device_that_forgets_the_offer_is_offered_it_three_times_and_no_more),
		TEST(a_device_that_heard_the_word_is_not_told_again_unless_it_was_away),
		cmocka_unit_test(too_long_in_a_state_has_its_own_end_for_each),
		TEST(a_download_that_makes_progress_is_not_given_up),
		TEST(a_pause_stops_the_clock_but_not_of_what_installs),
		cmocka_unit_test(devices_are_divided_as_the_plan_says),
		TEST(the_next_wave_begins_when_every_device_of_the_one_before_has_ended),
		TEST(too_many_failures_halt_it_and_say_so),
		TEST(a_halted_rollout_gives_no_word_to_install_but_follows_what_installs),
		TEST(percent_are_of_the_devices_in_waves_begun),
		TEST(when_all_have_ended_it_is_completed_whatever_failed),
		TEST(words_are_taken_only_where_they_make_sense),
		TEST(aborting_calls_back_what_was_offered_and_follows_what_installs),
		TEST(a_removed_device_ends_as_skipped),
		TEST(a_full_table_forgets_the_oldest_rollout_that_is_over_or_takes_no_more),
		TEST(the_entries_of_a_device_are_found_in_all_rollouts),
		TEST(nonsense_from_the_store_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
