/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /bs end to end on the virtual network, and the text that accounts are configured by (lwm2m interface section 4). */
#include "coap/content_format.h"
#include "tests/server/stage.h"
#include "tests/server/written.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define OWN "pump-0:101:300:pump-0-new:00112233445566778899aabbccddeeff:coaps://192.0.2.1:5684"

static struct bootstrap_account places[8];
static struct bootstrap_accounts accounts;

static void add(const char *line)
{
	const char *wrong = bootstrap_add(&accounts, bytes_of_text(line));
	if (wrong != NULL)
		fail_msg("%s: %s", line, wrong);
}

static int set_up(void **state)
{
	struct stage *s = malloc(sizeof *s);
	accounts = (struct bootstrap_accounts){.all = places, .capacity = 8};
	add(OWN);
	add("*:7:60:::coap://192.0.2.9");
	struct server_config config = {.devices = 8, .bootstrap = &accounts};
	stage_begin(s, &config);
	s->devices[0].is_blank = true;
	s->devices[1].is_blank = true;
	stage_connect(s, 0);
	stage_connect(s, 1);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	stage_end(*state);
	free(*state);
	return 0;
}

static void assert_log(const struct stage_device *d, unsigned from, const char *const *lines, unsigned count)
{
	assert_int_equal(d->log_count - from, count);
	for (unsigned i = 0; i < count; i++)
		assert_string_equal(d->log[from + i], lines[i]);
}

static const char *const whole[] = {"DELETE /0", "DELETE /1", "GET /", "PUT /0/1", "PUT /1/1", "POST /bs"};

#define WHOLE (sizeof whole / sizeof *whole)

/* ---- the sequence ---- */

static void a_device_is_given_its_account_beside_the_one_it_came_with(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/bs?ep=pump-0", NULL), COAP_CHANGED);
	assert_int_equal(s->devices[0].log_count, 0); /* nothing before the answer */
	stage_run(s, SECONDS(10));
	assert_log(&s->devices[0], 0, whole, WHOLE);
	assert_int_equal(stage_register(s, 0), COAP_CREATED);
}

static void assert_written(const struct stage_device *d, uint16_t format, struct path path, struct value wanted)
{
	unsigned object = path.ids[0];
	if (!written_has(format, bytes_of(d->written[object], d->written_len[object]), path, wanted))
		fail_msg("format %u: resource /%u/%u/%u", format, path.ids[0], path.ids[1], path.ids[2]);
}

static void the_account_is_written_with_its_credential_in_the_format_asked_for(void **state)
{
	static const uint8_t key[] = {
		0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
	static const struct {
		const char *path;
		uint16_t format;
	} cases[] = {
		{"/bs?ep=pump-0", COAP_FORMAT_LWM2M_TLV},
		{"/bs?ep=pump-0&pct=11542", COAP_FORMAT_LWM2M_TLV},
		{"/bs?ep=pump-0&pct=110", COAP_FORMAT_SENML_JSON},
		{"/bs?ep=pump-0&pct=112", COAP_FORMAT_SENML_CBOR},
		{"/bs?pct=11544", COAP_FORMAT_LWM2M_CBOR},
	};
	struct stage *s = *state;
	struct stage_device *d = &s->devices[0];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(stage_ask(s, 0, COAP_POST, cases[i].path, NULL), COAP_CHANGED);
		stage_run(s, SECONDS(10));
		uint16_t format = cases[i].format;
		assert_written(
			d, format, path_of_resource(0, 1, 0), value_string(bytes_of_text("coaps://192.0.2.1:5684")));
		assert_written(d, format, path_of_resource(0, 1, 1), value_boolean(false));
		assert_written(d, format, path_of_resource(0, 1, 2), value_integer(0));
		assert_written(d, format, path_of_resource(0, 1, 3), value_opaque(bytes_of_text("pump-0-new")));
		assert_written(d, format, path_of_resource(0, 1, 5), value_opaque(bytes_of(key, sizeof key)));
		assert_written(d, format, path_of_resource(0, 1, 10), value_integer(101));
		assert_written(d, format, path_of_resource(1, 1, 0), value_integer(101));
		assert_written(d, format, path_of_resource(1, 1, 1), value_integer(300));
	}
}

static void who_has_no_line_of_his_own_gets_what_everybody_gets(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_ask(s, 1, COAP_POST, "/bs?ep=pump-1", NULL), COAP_CHANGED);
	stage_run(s, SECONDS(10));
	assert_log(&s->devices[1], 0, whole, WHOLE);
	assert_written(&s->devices[1], COAP_FORMAT_LWM2M_TLV, path_of_resource(0, 1, 2), value_integer(3));
}

static void several_accounts_are_written_one_after_the_other(void **state)
{
	static const char *const lines[] = {
		"DELETE /0", "DELETE /1", "GET /", "PUT /0/1", "PUT /1/1", "PUT /0/2", "PUT /1/2", "POST /bs"};
	struct stage *s = *state;
	add("pump-0:102:60:::coap://192.0.2.2");
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/bs?ep=pump-0", NULL), COAP_CHANGED);
	stage_run(s, SECONDS(10));
	assert_log(&s->devices[0], 0, lines, sizeof lines / sizeof *lines);
}

static uint16_t short_id(const char *device, const char *tags, uint32_t index)
{
	const struct bootstrap_account *account =
		bootstrap_find(&accounts, bytes_of_text(device), bytes_of_text(tags), index);
	return account == NULL ? 0 : account->short_server_id;
}

static void the_lines_that_speak_of_a_device_most_closely_hold_and_no_others(void **state)
{
	(void)state;
	accounts.count = 0;
	add("*:1:60:::coap://192.0.2.9");
	add("pump-*:2:60:::coap://192.0.2.9");
	add("pump-1*:3:60:::coap://192.0.2.9");
	add("@north:4:60:::coap://192.0.2.9");
	add("@north:5:60:::coap://192.0.2.9");
	add("@wet:6:60:::coap://192.0.2.9");
	add("pump-11:7:60:::coap://192.0.2.9");
	assert_int_equal(short_id("valve", "", 0), 1);
	assert_int_equal(short_id("valve", "", 1), 0);
	assert_int_equal(short_id("pump", "", 0), 1);
	assert_int_equal(short_id("pump-", "", 0), 2);
	assert_int_equal(short_id("pump-2", "dry", 0), 2);
	assert_int_equal(short_id("pump-12", "", 0), 3);
	assert_int_equal(short_id("pump-12", "", 1), 0);
	assert_int_equal(short_id("pump-12", "dry north", 0), 4);
	assert_int_equal(short_id("pump-12", "dry north", 1), 5);
	assert_int_equal(short_id("pump-12", "wet north", 0), 4); /* the first in the file */
	assert_int_equal(short_id("pump-12", "northern nort", 0), 3);
	assert_int_equal(short_id("pump-11", "north", 0), 7);
	assert_int_equal(short_id("@north", "", 0), 1); /* a name is not a tag */
	accounts.count = 0;
	add("pump-*:2:60:::coap://192.0.2.9");
	assert_int_equal(short_id("valve", "", 0), 0);
}

static void a_device_with_a_tag_gets_what_its_group_gets(void **state)
{
	static const struct server_ask ask = {.actor = "anna", .token = 9};
	struct stage *s = *state;
	s->devices[1].is_blank = false;
	stage_bring(s, 1);
	assert_int_equal(stage_await(s, server_device_tag(s->server, bytes_of_text("pump-1"), bytes_of_text("north"),
						&ask, s->world.now)),
		SERVER_DONE);
	s->devices[1].is_blank = true;
	add("@north:44:60:::coap://192.0.2.2");
	unsigned before = s->devices[1].log_count;
	assert_int_equal(stage_ask(s, 1, COAP_POST, "/bs?ep=pump-1", NULL), COAP_CHANGED);
	stage_run(s, SECONDS(10));
	assert_log(&s->devices[1], before, whole, WHOLE);
	assert_written(&s->devices[1], COAP_FORMAT_LWM2M_TLV, path_of_resource(1, 1, 0), value_integer(44));
}

/* ---- what goes wrong ---- */

static void a_device_that_refuses_a_write_is_not_finished_and_may_begin_anew(void **state)
{
	struct stage *s = *state;
	s->devices[0].fails_at = "PUT /1/1";
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/bs?ep=pump-0", NULL), COAP_CHANGED);
	stage_run(s, SECONDS(10));
	assert_log(&s->devices[0], 0, whole, WHOLE - 1);
	s->devices[0].fails_at = NULL;
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/bs?ep=pump-0", NULL), COAP_CHANGED);
	stage_run(s, SECONDS(10));
	assert_log(&s->devices[0], WHOLE - 1, whole, WHOLE);
}

static void a_device_without_discover_is_given_the_instance_behind_the_first(void **state)
{
	struct stage *s = *state;
	s->devices[0].fails_at = "GET /";
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/bs?ep=pump-0", NULL), COAP_CHANGED);
	stage_run(s, SECONDS(10));
	assert_log(&s->devices[0], 0, whole, WHOLE);
}

static void finish_refused_as_inconsistent_ends_it(void **state)
{
	struct stage *s = *state;
	s->devices[0].finished = COAP_NOT_ACCEPTABLE;
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/bs?ep=pump-0", NULL), COAP_CHANGED);
	stage_run(s, SECONDS(300));
	assert_log(&s->devices[0], 0, whole, WHOLE);
}

static void a_device_that_restarts_in_the_middle_is_served_from_the_start(void **state)
{
	struct stage *s = *state;
	s->devices[0].is_deaf = true;
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/bs?ep=pump-0", NULL), COAP_CHANGED);
	stage_run(s, SECONDS(5));
	assert_int_equal(s->devices[0].log_count, 0);
	s->devices[0].is_deaf = false;
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/bs?ep=pump-0", NULL), COAP_CHANGED);
	stage_run(s, SECONDS(300));
	assert_log(&s->devices[0], 0, whole, WHOLE);
}

/* A GET that comes again is served again (RFC 7252 section 4.5); everything else must come to the device once. */
static void leave_out_repeated_gets(struct stage_device *d)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < d->log_count; i++)
		if (kept == 0 || strcmp(d->log[i], "GET /") != 0 || strcmp(d->log[kept - 1], "GET /") != 0)
			memmove(d->log[kept++], d->log[i], sizeof d->log[0]);
	d->log_count = kept;
}

static void a_network_that_loses_much_changes_nothing_of_the_sequence(void **state)
{
	struct stage *s = *state;
	s->world.link.quality.loss_permille = 300;
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/bs?ep=pump-0", NULL), COAP_CHANGED);
	stage_run(s, SECONDS(400));
	leave_out_repeated_gets(&s->devices[0]);
	assert_log(&s->devices[0], 0, whole, WHOLE);
}

static void requests_that_are_wrong_get_their_code(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_ask(s, 0, COAP_GET, "/bs?ep=pump-0", NULL), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/bs?ep=pump-1", NULL), COAP_BAD_REQUEST);
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/bs?pct=x", NULL), COAP_BAD_REQUEST);
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/bs?pct=60", NULL), COAP_UNSUPPORTED_CONTENT_FORMAT);
	assert_int_equal(stage_ask(s, 2, COAP_POST, "/bs?ep=pump-2", NULL), COAP_FORBIDDEN);
	accounts.count = 1; /* nothing for everybody any more */
	assert_int_equal(stage_ask(s, 1, COAP_POST, "/bs?ep=pump-1", NULL), COAP_BAD_REQUEST);
	stage_run(s, SECONDS(10));
	assert_int_equal(s->devices[0].log_count + s->devices[1].log_count, 0);
}

/* ---- the text ---- */

static void lines_that_cannot_be_used_are_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"pump-9",
		":1:60:::coap://h",
		"pump-9:0:60:::coap://h",
		"pump-9:65535:60:::coap://h",
		"pump-9:1:0:::coap://h",
		"pump-9:1:60:::",
		"pump-9:1:60:::http://h",
		"pump-9:1:60:::coaps://h",
		"pump-9:1:60:me::coaps://h",
		"pump-9:1:60:me:00112233445566:coaps://h",
		"pump-9:1:60:me:zz112233445566:coaps://h",
		"pump-9:1:60:me:0011223344556677:coap://h",
		OWN,
	};
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (bootstrap_add(&accounts, bytes_of_text(lines[i])) == NULL)
			fail_msg("taken: %s", lines[i]);
	assert_int_equal(accounts.count, 2);
}

static void a_device_has_four_accounts_at_most_and_the_table_an_end(void **state)
{
	(void)state;
	add("pump-0:102:60:::coap://h");
	add("pump-0:103:60:::coap://h");
	add("pump-0:104:60:::coap://h");
	assert_non_null(bootstrap_add(&accounts, bytes_of_text("pump-0:105:60:::coap://h")));
	accounts.capacity = accounts.count;
	assert_non_null(bootstrap_add(&accounts, bytes_of_text("pump-5:105:60:::coap://h")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		CASE(a_device_is_given_its_account_beside_the_one_it_came_with),
		CASE(the_account_is_written_with_its_credential_in_the_format_asked_for),
		CASE(who_has_no_line_of_his_own_gets_what_everybody_gets),
		CASE(the_lines_that_speak_of_a_device_most_closely_hold_and_no_others),
		CASE(a_device_with_a_tag_gets_what_its_group_gets),
		CASE(several_accounts_are_written_one_after_the_other),
		CASE(a_device_that_refuses_a_write_is_not_finished_and_may_begin_anew),
		CASE(a_device_without_discover_is_given_the_instance_behind_the_first),
		CASE(finish_refused_as_inconsistent_ends_it),
		CASE(a_device_that_restarts_in_the_middle_is_served_from_the_start),
		CASE(a_network_that_loses_much_changes_nothing_of_the_sequence),
		CASE(requests_that_are_wrong_get_their_code),
		CASE(lines_that_cannot_be_used_are_refused),
		CASE(a_device_has_four_accounts_at_most_and_the_table_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
