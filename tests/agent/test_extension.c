/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/extensions.h"
#include "extension_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PATIENCE SECONDS(5)

static struct extensions all;
static void *memory;
static struct extension *x;
static struct extension_outcome outcome;
static uint8_t room[16384];
static struct arena scratch;

static const struct extension_definition definition = {
	.name = "house", .objects = extension_model_objects, .object_count = 2};

static int fresh(void **state)
{
	(void)state;
	memory = aligned_alloc(64, (extensions_memory(2, &model_core) + 63) & ~(size_t)63);
	assert_non_null(memory);
	extensions_init(&all, memory, 2, &model_core, PATIENCE);
	arena_init(&scratch, room, sizeof room);
	all.desk->scratch = &scratch;
	x = &all.list[0];
	memset(&outcome, 0, sizeof outcome);
	return 0;
}

static int done(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

static struct path path(const char *of)
{
	struct path ret;
	assert_true(path_parse(bytes_of_text(of), &ret));
	return ret;
}

static void run(msec now)
{
	extension_open(x, &definition, now);
	extensions_changed(&all);
	assert_int_equal(extension_due(x, now, &outcome), EXTENSION_DUTY_START);
	extension_started(x, now);
}

static uint32_t ask(enum extension_op op, const char *of, msec now)
{
	return extension_ask(x, op, path(of), (struct extension_asker){1, {3, 5}}, now);
}

static enum extension_heard hear(const char *line, msec now)
{
	arena_reset(&scratch);
	return extension_receive(x, bytes_of_text(line), all.desk, now, &outcome);
}

static size_t known(const char *below)
{
	static struct record list[EXTENSION_VALUES_MAX];
	struct object_records out = {.list = list, .capacity = EXTENSION_VALUES_MAX};
	extension_values_put(&x->values, path(below), &out);
	return out.count;
}

/* ---- its life ---- */

static void it_is_started_at_once_and_again_after_pauses_that_double(void **state)
{
	msec now = 1000;
	(void)state;
	run(now);
	assert_int_equal(extension_deadline(x), NEVER);
	for (msec pause = SECONDS(1); pause <= SECONDS(256); pause *= 2) {
		extension_ended(x, now);
		assert_int_equal(extension_deadline(x), now + pause);
		assert_int_equal(extension_due(x, now + pause - 1, &outcome), EXTENSION_DUTY_NONE);
		now += pause;
		assert_int_equal(extension_due(x, now, &outcome), EXTENSION_DUTY_START);
		extension_started(x, now);
	}
	for (int i = 0; i < 2; i++) {
		extension_ended(x, now);
		assert_int_equal(extension_deadline(x), now + EXTENSION_BACKOFF_MAX);
		now += EXTENSION_BACKOFF_MAX;
		extension_started(x, now);
	}
	extension_ended(x, now + EXTENSION_GOOD_LIFE);
	assert_int_equal(extension_deadline(x), now + EXTENSION_GOOD_LIFE + EXTENSION_BACKOFF_FIRST);
}

static void nothing_is_asked_while_it_does_not_run(void **state)
{
	(void)state;
	assert_int_equal(ask(EXTENSION_READ, "/26300/0/1", 0), 0);
	run(0);
	assert_int_not_equal(ask(EXTENSION_READ, "/26300/0/1", 0), 0);
	extension_ended(x, 10);
	assert_int_equal(ask(EXTENSION_READ, "/26300/0/1", 10), 0);
}

static void what_was_asked_of_one_that_ends_is_lost_with_5_03(void **state)
{
	(void)state;
	run(0);
	(void)ask(EXTENSION_WRITE, "/26300/0/2", 0);
	extension_ended(x, 10);
	assert_int_equal(extension_deadline(x), 0);
	assert_int_equal(extension_due(x, 10, &outcome), EXTENSION_DUTY_TELL);
	assert_int_equal(outcome.code, COAP_SERVICE_UNAVAILABLE);
	assert_int_equal(outcome.op, EXTENSION_WRITE);
	assert_int_equal(outcome.asker.who.slot, 3);
	assert_int_equal(extension_due(x, 10, &outcome), EXTENSION_DUTY_NONE);
}

static void one_that_does_not_answer_in_time_gives_5_04_and_after_three_times_it_is_stopped(void **state)
{
	(void)state;
	run(0);
	for (unsigned i = 0; i < EXTENSION_LATE_MAX; i++) {
		(void)ask(EXTENSION_READ, "/26300/0/1", i);
		assert_int_equal(extension_due(x, PATIENCE + i - 1, &outcome), EXTENSION_DUTY_NONE);
		assert_int_equal(extension_deadline(x), PATIENCE + i);
		assert_int_equal(extension_due(x, PATIENCE + i, &outcome), EXTENSION_DUTY_TELL);
		assert_int_equal(outcome.code, COAP_GATEWAY_TIMEOUT);
	}
	assert_int_equal(extension_due(x, PATIENCE + 2, &outcome), EXTENSION_DUTY_STOP_HANGING);
	assert_int_equal(x->state, EXTENSION_WAITING);
}

static void a_late_answer_is_nobodys_but_shows_that_it_lives(void **state)
{
	(void)state;
	run(0);
	(void)ask(EXTENSION_READ, "/26300/0/1", 0);
	(void)ask(EXTENSION_READ, "/26300/0/1", 0);
	assert_int_equal(extension_due(x, PATIENCE, &outcome), EXTENSION_DUTY_TELL);
	assert_int_equal(extension_due(x, PATIENCE, &outcome), EXTENSION_DUTY_TELL);
	assert_int_equal(hear("{\"id\":1,\"value\":20}", PATIENCE), EXTENSION_HEARD_NOTHING);
	assert_int_equal(x->late, 0);
	assert_int_equal(known("/26300"), 0);
}

static void there_is_a_limit_to_what_may_be_asked_at_a_time(void **state)
{
	(void)state;
	run(0);
	for (int i = 0; i < EXTENSION_QUESTIONS_MAX; i++)
		assert_int_not_equal(ask(EXTENSION_READ, "/26300/0/1", 0), 0);
	assert_int_equal(ask(EXTENSION_READ, "/26300/0/1", 0), 0);
	extension_withdraw(x, 4);
	assert_int_equal(ask(EXTENSION_READ, "/26300/0/1", 0), EXTENSION_QUESTIONS_MAX + 1);
}

static void one_that_talks_nonsense_is_stopped(void **state)
{
	(void)state;
	run(0);
	for (int i = 1; i < EXTENSION_FAULTS_MAX; i++)
		assert_int_equal(hear("hello", 0), EXTENSION_HEARD_NONSENSE);
	assert_int_equal(extension_due(x, 0, &outcome), EXTENSION_DUTY_NONE);
	assert_int_equal(hear("{\"notify\":[]}", 0), EXTENSION_HEARD_NEWS); /* sense makes up for it */
	for (int i = 0; i < EXTENSION_FAULTS_MAX; i++)
		assert_int_equal(hear("hello", 0), EXTENSION_HEARD_NONSENSE);
	assert_int_equal(extension_deadline(x), 0);
	assert_int_equal(extension_due(x, 0, &outcome), EXTENSION_DUTY_STOP_BROKEN);
	assert_int_equal(x->state, EXTENSION_WAITING);
}

static void one_that_talks_without_end_is_stopped(void **state)
{
	(void)state;
	run(0);
	for (msec second = 0; second < 3; second++)
		for (int i = 0; i < EXTENSION_LINES_MAX; i++)
			assert_int_equal(hear("{\"notify\":[]}", SECONDS(second)), EXTENSION_HEARD_NEWS);
	assert_int_equal(hear("{\"notify\":[]}", SECONDS(2) + 999), EXTENSION_HEARD_NONSENSE);
	assert_int_equal(extension_due(x, SECONDS(3), &outcome), EXTENSION_DUTY_STOP_BROKEN);
}

static void one_that_is_asked_much_may_answer_much(void **state)
{
	char line[64];
	(void)state;
	run(0);
	for (uint32_t i = 1; i <= 3 * EXTENSION_LINES_MAX; i++) {
		assert_int_equal(ask(EXTENSION_READ, "/26300/0/1", 0), i);
		(void)snprintf(line, sizeof line, "{\"id\":%u,\"value\":20}", i);
		assert_int_equal(hear(line, 0), EXTENSION_HEARD_ANSWER);
	}
	assert_int_equal(extension_due(x, 0, &outcome), EXTENSION_DUTY_NONE);
	for (int i = 0; i < EXTENSION_LINES_MAX; i++)
		assert_int_equal(hear("{\"id\":1}", 0), EXTENSION_HEARD_NOTHING); /* nobody has asked for these */
	assert_int_equal(hear("{\"id\":1}", 0), EXTENSION_HEARD_NONSENSE);
}

static void one_whose_files_are_gone_is_forgotten(void **state)
{
	(void)state;
	run(0);
	(void)ask(EXTENSION_READ, "/26300/0/1", 0);
	extension_close(x);
	assert_int_equal(extension_due(x, 0, &outcome), EXTENSION_DUTY_TELL);
	assert_int_equal(extension_due(x, 0, &outcome), EXTENSION_DUTY_NONE);
	assert_int_equal(extension_deadline(x), NEVER);
	assert_null(extension_object(x, 26300));
	assert_false(extension_has_instance(x, path("/26300/0")));
}

/* ---- what it says ---- */

static void an_answer_to_a_read_is_kept_until_the_next(void **state)
{
	(void)state;
	run(0);
	(void)ask(EXTENSION_READ, "/26300/0", 0);
	assert_int_equal(hear("{\"id\":1,\"values\":[{\"n\":\"/26300/0/1\",\"v\":20},{\"n\":\"/26300/0/0\",\"vs\":"
			      "\"hall\"}]}",
				 0),
		EXTENSION_HEARD_ANSWER);
	assert_int_equal(outcome.code, COAP_EMPTY);
	assert_int_equal(known("/26300/0"), 2);
	(void)ask(EXTENSION_READ, "/26300/0", 0);
	assert_int_equal(hear("{\"id\":2,\"values\":[{\"n\":\"/26300/0/1\",\"v\":21}]}", 0), EXTENSION_HEARD_ANSWER);
	assert_int_equal(known("/26300/0"), 1);
	assert_int_equal(hear("{\"notify\":[{\"n\":\"/26300/0/3\",\"vb\":true}]}", 0), EXTENSION_HEARD_NEWS);
	assert_int_equal(known("/26300/0"), 2);
	(void)ask(EXTENSION_READ, "/26300/0/3", 0);
	assert_int_equal(hear("{\"id\":3,\"error\":\"not-found\",\"reason\":\"sold\"}", 0), EXTENSION_HEARD_ANSWER);
	assert_int_equal(outcome.code, COAP_NOT_FOUND);
	assert_true(bytes_equal_text(outcome.reason, "sold"));
	assert_int_equal(known("/26300/0"), 1);
}

static void it_may_tell_only_what_is_its_own_and_readable(void **state)
{
	static const char *const lines[] = {
		"{\"notify\":[{\"n\":\"/3/0/0\",\"vs\":\"me\"}]}",       /* the agent's */
		"{\"notify\":[{\"n\":\"/26301/1/0\",\"v\":1}]}",         /* an instance that is not there */
		"{\"notify\":[{\"n\":\"/26300/0/9\",\"v\":1}]}",         /* not in the definition */
		"{\"notify\":[{\"n\":\"/26300/0/4\",\"v\":1}]}",         /* only executed */
		"{\"notify\":[{\"n\":\"/26300/0/1\",\"vs\":\"warm\"}]}", /* of another type */
		"{\"instances\":[\"/26300/1\"]}",                        /* there can be but one */
		"{\"instances\":[\"/3/1\"]}",
		"{\"instances\":[\"/26301/1\",\"/26301/1\"]}",
	};
	(void)state;
	run(0);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_int_equal(hear(lines[i], 0), EXTENSION_HEARD_NONSENSE);
	assert_int_equal(known("/26300"), 0);
}

static void an_answer_that_cannot_be_used_is_5_02(void **state)
{
	(void)state;
	run(0);
	(void)ask(EXTENSION_READ, "/26300/0/1", 0);
	assert_int_equal(hear("{\"id\":1,\"value\":\"warm\"}", 0), EXTENSION_HEARD_ANSWER);
	assert_int_equal(outcome.code, COAP_BAD_GATEWAY);
	assert_int_equal(x->faults, 1);
}

static void it_has_the_instances_it_names(void **state)
{
	(void)state;
	run(0);
	assert_true(extension_has_instance(x, path("/26301/0")));
	assert_int_equal(
		hear("{\"instances\":[\"/26300/0\",\"/26301/7\",\"/26301/2\"]}", 0), EXTENSION_HEARD_INSTANCES);
	assert_false(extension_has_instance(x, path("/26301/0")));
	assert_true(extension_has_instance(x, path("/26301/7")));
	assert_int_equal(hear("{\"instances\":[\"/26301/2\",\"/26301/7\",\"/26300/0\"]}", 0), EXTENSION_HEARD_NOTHING);
	assert_int_equal(hear("{\"notify\":[{\"n\":\"/26301/7/0\",\"v\":3}]}", 0), EXTENSION_HEARD_NEWS);
	assert_int_equal(hear("{\"instances\":[\"/26300/0\"]}", 0), EXTENSION_HEARD_INSTANCES);
	assert_int_equal(known("/26301"), 0);
}

static void a_created_instance_is_there_and_a_deleted_one_is_not(void **state)
{
	(void)state;
	run(0);
	(void)ask(EXTENSION_CREATE, "/26301/4", 0);
	assert_int_equal(hear("{\"id\":1,\"error\":\"busy\"}", 0), EXTENSION_HEARD_ANSWER);
	assert_false(extension_has_instance(x, path("/26301/4")));
	(void)ask(EXTENSION_CREATE, "/26301/4", 0);
	assert_int_equal(hear("{\"id\":2}", 0), EXTENSION_HEARD_ANSWER);
	assert_true(extension_has_instance(x, path("/26301/4")));
	(void)ask(EXTENSION_DELETE, "/26301/4", 0);
	assert_int_equal(hear("{\"id\":3}", 0), EXTENSION_HEARD_ANSWER);
	assert_false(extension_has_instance(x, path("/26301/4")));
}

static void one_that_tells_by_itself_need_not_be_asked(void **state)
{
	(void)state;
	assert_false(extension_refresh(x, 0));
	run(0);
	assert_true(extension_refresh(x, 0));
	assert_false(extension_refresh(x, EXTENSION_REFRESH - 1));
	assert_true(extension_refresh(x, EXTENSION_REFRESH));
	assert_int_equal(hear("{\"notify\":[]}", 0), EXTENSION_HEARD_NEWS);
	assert_false(extension_refresh(x, 10 * EXTENSION_REFRESH));
}

/* ---- values ---- */

static void too_many_texts_change_nothing(void **state)
{
	static uint8_t spare[64];
	struct record list[2];
	uint8_t text[8];
	struct extension_values v;
	const struct record small = record_of(path("/26300/0/0"), value_string(bytes_of_text("hall")));
	const struct record large = record_of(path("/26300/0/0"), value_string(bytes_of_text("living room")));
	(void)state;
	extension_values_init(&v, list, 2, text, sizeof text);
	assert_true(extension_values_take(&v, NULL, &small, 1, spare));
	assert_false(extension_values_take(&v, NULL, &large, 1, spare));
	assert_int_equal(v.count, 1);
	assert_true(bytes_equal_text(v.list[0].value.bytes, "hall"));
	assert_ptr_equal(v.list[0].value.bytes.data, text);
}

static void values_are_in_order_and_each_once(void **state)
{
	static uint8_t spare[64];
	struct record list[3];
	uint8_t text[16];
	struct extension_values v;
	const struct record news[] = {record_of(path("/26300/0/2"), value_integer(1)),
		record_of(path("/26300/0/1"), value_float(2)), record_of(path("/26300/0/2"), value_integer(3))};
	const struct path instance = path("/26300/0");
	(void)state;
	extension_values_init(&v, list, 3, text, sizeof text);
	assert_true(extension_values_take(&v, NULL, news, 3, spare));
	assert_int_equal(v.count, 2);
	assert_int_equal(v.list[1].value.integer, 3);
	assert_true(extension_values_take(&v, &instance, news, 1, spare));
	assert_int_equal(v.count, 1);
}

/* ---- all of them ---- */

static void their_objects_join_the_model_and_leave_it_again(void **state)
{
	(void)state;
	assert_null(model_object(&all.model, 26300));
	run(0);
	assert_string_equal(model_resource(&all.model, 26300, 1)->name, "Temperature");
	assert_non_null(model_object(&all.model, MODEL_DEVICE));
	assert_int_equal(all.tables[0].objects[0].resource_count, 7);
	assert_null(all.tables[0].objects[0].create); /* there can be but one */
	assert_non_null(all.tables[0].objects[1].create);
	extension_close(x);
	extensions_changed(&all);
	assert_null(model_object(&all.model, 26300));
	assert_non_null(model_object(&all.model, MODEL_SERVICE_HEALTH));
}

static void an_object_has_one_owner(void **state)
{
	static const struct object device = {.id = MODEL_DEVICE};
	const struct object *const own[] = {&device};
	struct model_object objects[EXTENSION_OBJECTS_MAX + 1] = {{.id = 26300}, {.id = 26300}};
	struct extension_definition other = {.name = "other", .objects = objects, .object_count = 1};
	(void)state;
	assert_int_equal(extensions_check(&all, &other, own, 1), EXTENSION_ACCEPTED);
	other.object_count = 2;
	assert_int_equal(extensions_check(&all, &other, own, 1), EXTENSION_TAKEN);
	other.object_count = 1;
	objects[0].id = MODEL_DEVICE;
	assert_int_equal(extensions_check(&all, &other, own, 1), EXTENSION_TAKEN);
	objects[0].id = MODEL_SECURITY;
	assert_int_equal(extensions_check(&all, &other, own, 1), EXTENSION_TAKEN);
	run(0);
	objects[0].id = 26301;
	assert_int_equal(extensions_check(&all, &other, own, 1), EXTENSION_TAKEN);
	other.object_count = 0;
	assert_int_equal(extensions_check(&all, &other, own, 1), EXTENSION_TOO_LARGE);
	other.object_count = EXTENSION_OBJECTS_MAX + 1;
	assert_int_equal(extensions_check(&all, &other, own, 1), EXTENSION_TOO_LARGE);
	other.object_count = 1;
	objects[0] = (struct model_object){.id = 26302, .resource_count = EXTENSION_RESOURCES_MAX + 1};
	assert_int_equal(extensions_check(&all, &other, own, 1), EXTENSION_TOO_LARGE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		TEST(it_is_started_at_once_and_again_after_pauses_that_double),
		TEST(nothing_is_asked_while_it_does_not_run),
		TEST(what_was_asked_of_one_that_ends_is_lost_with_5_03),
		TEST(one_that_does_not_answer_in_time_gives_5_04_and_after_three_times_it_is_stopped),
		TEST(a_late_answer_is_nobodys_but_shows_that_it_lives),
		TEST(there_is_a_limit_to_what_may_be_asked_at_a_time),
		TEST(one_that_talks_nonsense_is_stopped),
		TEST(one_that_talks_without_end_is_stopped),
		TEST(one_that_is_asked_much_may_answer_much),
		TEST(one_whose_files_are_gone_is_forgotten),
		TEST(an_answer_to_a_read_is_kept_until_the_next),
		TEST(it_may_tell_only_what_is_its_own_and_readable),
		TEST(an_answer_that_cannot_be_used_is_5_02),
		TEST(it_has_the_instances_it_names),
		TEST(a_created_instance_is_there_and_a_deleted_one_is_not),
		TEST(one_that_tells_by_itself_need_not_be_asked),
		TEST(too_many_texts_change_nothing),
		TEST(values_are_in_order_and_each_once),
		TEST(their_objects_join_the_model_and_leave_it_again),
		TEST(an_object_has_one_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
