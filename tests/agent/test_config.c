/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/config.h"
#include "agent/credential_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "folder.h"

#define GOOD                                                                                                      \
	"[agent]\nendpoint = pump-1\n[server]\nuri = coaps://192.0.2.1:5684\npsk_identity = id\npsk_key = 0011\n" \
	"[update]\ntrust_anchors = /etc/anchors\n"

static struct config config;
static char message[CONFIG_MESSAGE_BYTES];

static bool load(const char *text)
{
	const char *path = in_folder("agentd.ini");
	write_file(path, text, 0600);
	message[0] = '\0';
	return config_load(path, &config, message);
}

/* Whether the message ends like this, behind the file's name. */
static bool complains(const char *end)
{
	size_t len = strlen(message), wanted = strlen(end);
	return len >= wanted && strcmp(message + len - wanted, end) == 0 && strstr(message, "agentd.ini") != NULL;
}

static void a_small_configuration_gets_the_defaults(void **state)
{
	(void)state;
	assert_true(load(GOOD));
	assert_string_equal(config.endpoint, "pump-1");
	assert_string_equal(config.state_dir, "/var/lib/fieldfare");
	assert_int_equal(config.lifetime_s, 300);
	assert_int_equal(config.max_trials, 3);
	assert_int_equal(config.log_level, AGENT_LOG_INFO);
	assert_true(config.may_reboot);
	assert_false(config.may_send);
	assert_int_equal(config.backlog, 1024);
	assert_true(config.latitude == CONFIG_NOT_GIVEN);
}

static void every_key_is_taken(void **state)
{
	(void)state;
	assert_true(
		load("[agent]\nendpoint=e\nstate_dir=/s\nlifetime=77\nlog_level=debug\nbacklog=12\n"
		     "[server]\nuri=coaps://h:1\nserver_name=n\ncertificate=c\nprivate_key=k\nca=a\nsend=yes\n"
		     "[device]\nmanufacturer=m\nmodel=o\nserial=s\ndevice_type=t\nhardware_version=h\n"
		     "vendor_id=fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe\nclass_id=1492af14-2569-5e48-bf42-9b2d51f2ab45\n"
		     "may_reboot=no\n"
		     "[update]\ntrust_anchors=t\nself_test_timeout=1\nsettle_seconds=2\nmax_trials=4\ngive_up=50\n"
		     "image_size_max=6\n"
		     "[payload]\narguments=--home /x\nrestart_seconds=7\n"
		     "[services]\nunits=a.service b.service\npid_files=c:/c.pid\ncommands=d:/d\n"
		     "[location]\nlatitude=-48.25\nlongitude=9\naltitude=-3.5\n"
		     "[extensions]\ndirectory=/x\nuser=nobody\npatience=9\n"));
	assert_string_equal(config.extensions, "/x");
	assert_string_equal(config.extensions_user, "nobody");
	assert_int_equal(config.extensions_patience_s, 9);
	assert_int_equal(config.backlog, 12);
	assert_true(config.may_send);
	assert_true(config.latitude == -48.25 && config.longitude == 9 && config.altitude_m == -3.5);
	assert_string_equal(config.units, "a.service b.service");
	assert_string_equal(config.pid_files, "c:/c.pid");
	assert_string_equal(config.commands, "d:/d");
	assert_int_equal(config.lifetime_s, 77);
	assert_int_equal(config.log_level, AGENT_LOG_DEBUG);
	assert_int_equal(config.vendor_id[0], 0xfa);
	assert_int_equal(config.class_id[15], 0x45);
	assert_int_equal(config.may_reboot, 0);
	assert_int_equal(config.image_size_max_kib, 6);
	assert_string_equal(config.arguments, "--home /x");
	assert_int_equal(config.restart_s, 7);
}

static void a_mistake_is_named_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *complaint;
	} cases[] = {
		{"[agent]\nendpoint = x\nlifetme = 60\n", ":3: lifetme: no such key in this section"},
		{"[agnet]\nendpoint = x\n", ":2: agnet: no such section"},
		{"endpoint = x\n", ":1:"},
		{"[agent]\nlifetime = 9\n", ":2: lifetime: must be a number from 10 to 2147483647"},
		{"[agent]\nlifetime = 60s\n", ":2: lifetime: must be a number from 10 to 2147483647"},
		{"[agent]\nlifetime = 99999999999999999999\n", ":2: lifetime: must be a number from 10 to 2147483647"},
		{"[agent]\nendpoint = a\n\nendpoint = b\n", ":4: endpoint: given twice"},
		{"[agent]\nlog_level = loud\n", ":2: log_level: must be error, warning, info or debug"},
		{"[device]\nmay_reboot = maybe\n", ":2: may_reboot: must be yes or no"},
		{"[location]\nlatitude = 90.5\n", ":2: latitude: must be a number from -90 to 90"},
		{"[location]\nlongitude = east\n", ":2: longitude: must be a number from -180 to 180"},
		{"[device]\nvendor_id = 12\n",
			":2: vendor_id: must be a UUID such as fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"},
		{"[agent]\nendpoint =\n", ":2: endpoint: must have 1 to 128 bytes"},
		{"[agent]\nnonsense\n", ":2: neither a [section] nor a \"key = value\""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_false(load(cases[i].text));
		if (cases[i].complaint[3] == '\0')
			assert_non_null(strstr(message, cases[i].complaint));
		else
			assert_true(complains(cases[i].complaint));
	}
}

static void texts_and_lines_that_are_too_long_are_refused_and_not_cut(void **state)
{
	(void)state;
	char text[600];
	(void)snprintf(text, sizeof text, "[agent]\nendpoint = %0*d\n", 129, 0);
	assert_false(load(text));
	assert_true(complains(":2: endpoint: must have 1 to 128 bytes"));
	(void)snprintf(text, sizeof text, "[agent]\nendpoint = %0*d\n", 400, 0);
	assert_false(load(text));
	assert_true(complains(":2: line is too long"));
}

static void what_is_missing_or_contradicts_itself_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *text, *complaint;
	} cases[] = {
		{"", "[agent] endpoint is missing"},
		{GOOD "[location]\nlatitude=1\n", "[location] needs both latitude and longitude"},
		{GOOD "[location]\naltitude=1\n", "[location] needs both latitude and longitude"},
		{GOOD "[location]\nlatitude=1\nlongitude=1\ngpsd=127.0.0.1\n",
			"[location] has either latitude and longitude or gpsd"},
		{GOOD "[location]\ngpsd=nowhere\n", "[location] gpsd is an address with a port, like 127.0.0.1:2947"},
		{"[agent]\nendpoint=x\n", "[server] uri is missing or not of the form coaps://host:port"},
		{"[agent]\nendpoint=x\n[server]\nuri=coap://h\n",
			"[server] uri is missing or not of the form coaps://host:port"},
		{"[agent]\nendpoint=x\n[server]\nuri=coaps://h/x\n", "[server] uri must end after the port"},
		{"[agent]\nendpoint=x\n[server]\nuri=coaps://h\n",
			"[server] needs psk_identity with a key, or certificate, private_key and ca, or raw_key and "
			"server_key"},
		{"[agent]\nendpoint=x\n[server]\nuri=coaps://h\nraw_key=k\n",
			"[server] raw_key and server_key need each other"},
		{"[agent]\nendpoint=x\n[server]\nuri=coaps://h\nraw_key=k\nserver_key=s\npsk_identity=i\npsk_key=00\n",
			"[server] has a raw key and something else; which one is it?"},
		{"[agent]\nendpoint=x\n[server]\nuri=coaps://h\nraw_key=k\nserver_key=s\nenrol=yes\n",
			"[server] enrol goes with a pre-shared key or a certificate, not with a raw key"},
		{"[agent]\nendpoint=x\n[server]\nuri=coaps://h\nraw_key=k\nserver_key=s\n",
			"[update] trust_anchors is missing: nobody could sign an update for this device"},
		{"[agent]\nendpoint=x\n[server]\nuri=coaps://h\npsk_identity=i\n",
			"[server] psk_identity needs psk_key or psk_key_file, and they need it"},
		{"[agent]\nendpoint=x\n[server]\nuri=coaps://h\npsk_identity=i\npsk_key=00\npsk_key_file=f\n",
			"[server] psk_key and psk_key_file exclude each other"},
		{"[agent]\nendpoint=x\n[server]\nuri=coaps://h\npsk_identity=i\npsk_key=00\ncertificate=c\n",
			"[server] has both a pre-shared key and a certificate; which one is it?"},
		{"[agent]\nendpoint=x\n[server]\nuri=coaps://h\npsk_identity=i\npsk_key=00\n",
			"[update] trust_anchors is missing: nobody could sign an update for this device"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_false(load(cases[i].text));
		assert_true(complains(cases[i].complaint));
	}
}

static void a_file_that_is_not_there_is_named(void **state)
{
	(void)state;
	assert_false(config_load(in_folder("nonesuch.ini"), &config, message));
	assert_non_null(strstr(message, "nonesuch.ini: No such file"));
}

/* ---- what the configuration names ---- */

static void a_shared_key_comes_from_the_file_or_the_configuration(void **state)
{
	(void)state;
	struct credential_files c;
	assert_true(load(GOOD));
	assert_true(credential_files_load(&config.server, &c, message));
	assert_true(bytes_equal(c.client.psk_key, bytes_of("\x00\x11", 2)));
	assert_true(bytes_equal_text(c.client.psk_identity, "id"));
	config.server.psk_key[0] = '\0';
	(void)snprintf(config.server.psk_key_file, sizeof config.server.psk_key_file, "%s", in_folder("psk"));
	write_file(config.server.psk_key_file, "0a0b0c\n", 0600);
	assert_true(credential_files_load(&config.server, &c, message));
	assert_true(bytes_equal(c.client.psk_key, bytes_of("\x0a\x0b\x0c", 3)));
}

static void a_key_that_is_unusable_or_open_to_others_is_refused(void **state)
{
	(void)state;
	struct credential_files c;
	assert_true(load(GOOD));
	config.server.psk_key[0] = '\0';
	(void)snprintf(config.server.psk_key_file, sizeof config.server.psk_key_file, "%s", in_folder("other-psk"));
	assert_false(credential_files_load(&config.server, &c, message));
	assert_non_null(strstr(message, "psk: No such file"));
	write_file(config.server.psk_key_file, "0a0b0c\n", 0644);
	assert_false(credential_files_load(&config.server, &c, message));
	assert_non_null(strstr(message, "chmod 600"));
	write_file(config.server.psk_key_file, "0a0b0\n", 0600);
	assert_false(credential_files_load(&config.server, &c, message));
	assert_non_null(strstr(message, "hexadecimal"));
	write_file(config.server.psk_key_file, "", 0600);
	assert_false(credential_files_load(&config.server, &c, message));
	assert_non_null(strstr(message, "is empty"));
}

static void trust_anchors_with_a_mistake_are_refused_with_the_line(void **state)
{
	(void)state;
	struct trust_anchors anchors;
	assert_true(load(GOOD));
	(void)snprintf(config.trust_anchors, sizeof config.trust_anchors, "%s", in_folder("anchors"));
	write_file(config.trust_anchors, "# ours\nfieldfare-public es256 12 short\n", 0644);
	assert_false(credential_files_load_anchors(&config, &anchors, message));
	assert_non_null(strstr(message, "anchors:2:"));
	write_file(config.trust_anchors,
		"fieldfare-public ed25519 d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a x\n", 0644);
	assert_true(credential_files_load_anchors(&config, &anchors, message));
	assert_int_equal(anchors.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_configuration_gets_the_defaults),
		cmocka_unit_test(every_key_is_taken),
		cmocka_unit_test(a_mistake_is_named_with_its_line),
		cmocka_unit_test(texts_and_lines_that_are_too_long_are_refused_and_not_cut),
		cmocka_unit_test(what_is_missing_or_contradicts_itself_is_said),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(a_shared_key_comes_from_the_file_or_the_configuration),
		cmocka_unit_test(a_key_that_is_unusable_or_open_to_others_is_refused),
		cmocka_unit_test(trust_anchors_with_a_mistake_are_refused_with_the_line),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
