/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/settings.h"

#include "tests/server/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LEAST "[coap]\npublic_uri = coaps://192.0.2.1:5684\n[dtls]\npsk_file = /etc/psk\n"

struct stage {
	struct directory directory;
	struct settings settings;
	char message[SETTINGS_MESSAGE_BYTES];
};

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	directory_make(&s->directory);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	directory_remove(&s->directory);
	free(s);
	return 0;
}

static bool load(struct stage *s, const char *text)
{
	directory_write(&s->directory, "mgmtd.ini", 0600, text);
	s->message[0] = '\0';
	return settings_load(directory_file(&s->directory, "mgmtd.ini"), &s->settings, s->message);
}

static void the_least_configuration_gets_the_defaults(void **state)
{
	struct stage *s = *state;
	assert_true(load(s, LEAST));
	assert_int_equal(s->settings.listen_count, 1);
	assert_int_equal(s->settings.listen[0].port, 5684);
	assert_false(s->settings.has_plain_listen);
	assert_int_equal(s->settings.http_listen.port, 8080);
	assert_int_equal(s->settings.http_listen.ip[12], 127);
	assert_string_equal(s->settings.objects_path, FIELDFARE_OBJECTS);
	assert_int_equal(s->settings.log_level, SERVER_LOG_INFO);
	assert_true(s->settings.sessions > s->settings.devices);
	assert_int_equal(s->settings.request_days, 0);
	assert_int_equal(s->settings.request_limit, 0);
}

static void nobody_is_bootstrapped_unless_there_is_a_file_of_accounts(void **state)
{
	struct stage *s = *state;
	assert_true(load(s, LEAST));
	assert_string_equal(s->settings.bootstrap_accounts, "");
	assert_true(load(s, LEAST "[bootstrap]\naccounts = /accounts\n"));
	assert_string_equal(s->settings.bootstrap_accounts, "/accounts");
}

static void links_are_as_narrow_as_ipv6_allows_unless_told(void **state)
{
	struct stage *s = *state;
	assert_true(load(s, LEAST));
	assert_int_equal(s->settings.mtu, 1280);
	assert_true(load(s, LEAST "[coap]\nmtu = 576\n"));
	assert_int_equal(s->settings.mtu, 576);
	assert_false(load(s, LEAST "[coap]\nmtu = 575\n"));
	assert_non_null(strstr(s->message, ":6: mtu: must be a number from 576 to 1500 bytes"));
	assert_false(load(s, LEAST "[coap]\nmtu = 1501\n"));
}

static void moves_are_proved_unless_they_are_trusted(void **state)
{
	struct stage *s = *state;
	assert_true(load(s, LEAST));
	assert_false(s->settings.trusts_moves);
	assert_true(load(s, LEAST "moves = trusted\n"));
	assert_true(s->settings.trusts_moves);
	assert_true(load(s, LEAST "moves = proved\n"));
	assert_false(s->settings.trusts_moves);
	assert_false(load(s, LEAST "moves = yes\n"));
	assert_non_null(strstr(s->message, ":5: moves: must be proved or trusted"));
}

static void an_authority_needs_its_key_and_is_enough_for_devices_to_connect(void **state)
{
	struct stage *s = *state;
	assert_false(load(s, LEAST "[enrolment]\nauthority = /etc/fleet.crt\n"));
	assert_non_null(strstr(s->message, "[enrolment] authority and authority_key need each other"));
	assert_true(load(s, "[coap]\npublic_uri = coaps://192.0.2.1:5684\n[enrolment]\nauthority = /etc/fleet.crt\n"
			    "authority_key = /etc/fleet.key\n"));
	assert_int_equal(s->settings.certificate_days, 90);
}

static void raw_keys_alone_are_enough(void **state)
{
	struct stage *s = *state;
	assert_true(load(s, "[coap]\npublic_uri = coaps://192.0.2.1:5684\n[dtls]\nraw_key_file = /keys\n"
			    "raw_private_key = /own\n"));
	assert_string_equal(s->settings.raw_key_file, "/keys");
	assert_string_equal(s->settings.raw_private_key, "/own");
}

static void everything_can_be_said(void **state)
{
	struct stage *s = *state;
	if (!load(s,
		    "# a comment\n[coap]\nlisten = 192.0.2.1:5700, [2001:db8::1]:5701\nplain_listen = 127.0.0.1\n"
		    "public_uri = coaps://mgmt.example.com\n[dtls]\npsk_file = /a\ncertificate = /b\nprivate_key = /c\n"
		    "ca = /d\nidle_timeout = 60\n[http]\nlisten = [::1]:9000\nconnections = 8\n[store]\npath = /e\n"
		    "[artifacts]\npath = /f\nmax_size = 64M\n[update]\ntrust_anchors = /g\n[objects]\npath = "
		    "/h\n[health]\npmin = 1\npmax = "
		    "2\n"
		    "[limits]\ndevices = 5\nsessions = 6\nhandshakes = 7\n[requests]\nkeep_days = 30\nlimit = 5000\n"
		    "[log]\nlevel = debug\n"))
		fail_msg("%s", s->message);
	assert_int_equal(s->settings.listen_count, 2);
	assert_int_equal(s->settings.listen[1].port, 5701);
	assert_true(s->settings.has_plain_listen);
	assert_int_equal(s->settings.plain_listen.port, 5683);
	assert_int_equal(s->settings.artifact_max_bytes, 64 << 20);
	assert_int_equal(s->settings.devices + s->settings.sessions + s->settings.handshakes, 18);
	assert_int_equal(s->settings.request_days, 30);
	assert_int_equal(s->settings.request_limit, 5000);
	assert_int_equal(s->settings.log_level, SERVER_LOG_DEBUG);
	assert_string_equal(s->settings.trust_anchors, "/g");
	assert_string_equal(s->settings.objects_path, "/h");
}

static void every_mistake_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		/*  1 */ {"[coap]\nlisten = nonsense\n", ":2: listen: must be up to 4 addresses"},
		/*  2 */ {"[coap]\nlisten = 1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5\n", ":2: listen: must be up to 4"},
		/*  3 */ {"[coap]\nlisten = 192.0.2.1:99999\n", ":2: listen: must be"},
		/*  4 */ {"[coap]\nlisten = 192.0.2.1,\nlisten = 192.0.2.1\n", ":3: listen: given twice"},
		/*  5 */ {"[coap]\n\npublic_uri = http://x\n", ":3: public_uri: must be of the form coaps://"},
		/*  6 */ {"[coap]\npublic_uri = coaps://x/path\n", ":2: public_uri: must be"},
		/*  7 */ {"[coaps]\nlisten = ::\n", ":2: coaps: no such section"},
		/*  8 */ {"[coap]\nlisten_on = ::\n", ":2: listen_on: no such key in this section"},
		/*  9 */ {"[coap]\nwhat is this\n", ":2: "},
		/* 10 */ {"[limits]\ndevices = 0\n", ":2: devices: must be a number from 1 to 2000000"},
		/* 11 */ {"[limits]\ndevices = -1\n", ":2: devices: must be"},
		/* 12 */ {"[limits]\ndevices = 99999999999999999999\n", ":2: devices: must be"},
		/* 13 */ {"[limits]\ndevices = 12x\n", ":2: devices: must be"},
		/* 14 */ {"[artifacts]\nmax_size = 64X\n", ":2: max_size: must be a size"},
		/* 15 */ {"[artifacts]\nmax_size = 17592186044416G\n", ":2: max_size: must be a size"},
		/* 16 */ {"[artifacts]\nmax_size = \n", ":2: max_size: must be a size"},
		/* 17 */ {"[log]\nlevel = loud\n", ":2: level: must be error, warning, info or debug"},
		/* 18 */ {"[store]\npath =\n", ":2: path: must be a path"},
		/* 19 */ {"", "public_uri is missing"},
		/* 20 */ {"[coap]\npublic_uri = coaps://x\n", "[dtls] needs psk_file"},
		/* 21 */
		{"[coap]\npublic_uri = coaps://x\n[dtls]\nca = /x\n", "[dtls] certificate, private_key and ca need"},
		{LEAST "raw_key_file = /x\n", "[dtls] raw_key_file and raw_private_key need"},
		{LEAST "[dtls]\nraw_private_key = /x\n", "[dtls] raw_key_file and raw_private_key need"},
		/* 22 */ {LEAST "[health]\npmin = 9\npmax = 8\n", "pmin is greater than pmax"},
		{"[requests]\nkeep_days = 0\n", ":2: keep_days: must be a number from 1 to 3650 days"},
		{"[requests]\nkeep_days = 3651\n", ":2: keep_days: must be a number from 1 to 3650 days"},
		{"[requests]\nlimit = 15\n", ":2: limit: must be a number from 16 to 1000000"},
		{"[requests]\nlimit = 1000001\n", ":2: limit: must be a number from 16 to 1000000"},
		{"[requests]\nkeep_days = 7\nkeep_days = 8\n", ":3: keep_days: given twice"},
	};
	struct stage *s = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (load(s, cases[i].text) || strstr(s->message, cases[i].message) == NULL)
			fail_msg("case %zu: \"%s\"", i + 1, s->message);
}

static void a_line_too_long_is_an_error_and_not_cut(void **state)
{
	struct stage *s = *state;
	char text[1200] = LEAST "[store]\npath = /";
	size_t len = strlen(text);
	memset(text + len, 'x', 600);
	memcpy(text + len + 600, "\n", 2);
	assert_false(load(s, text));
	assert_non_null(strstr(s->message, ":6: "));
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct stage *s = *state;
	assert_false(settings_load(directory_file(&s->directory, "none.ini"), &s->settings, s->message));
	assert_non_null(strstr(s->message, "none.ini: No such file"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_least_configuration_gets_the_defaults),
		TEST(nobody_is_bootstrapped_unless_there_is_a_file_of_accounts),
		TEST(links_are_as_narrow_as_ipv6_allows_unless_told),
		TEST(moves_are_proved_unless_they_are_trusted),
		TEST(an_authority_needs_its_key_and_is_enough_for_devices_to_connect),
		TEST(raw_keys_alone_are_enough),
		TEST(everything_can_be_said),
		TEST(every_mistake_is_named_with_its_line),
		TEST(a_line_too_long_is_an_error_and_not_cut),
		TEST(a_file_that_is_not_there_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
