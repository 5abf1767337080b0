/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/registration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static enum registration_verdict read_all(struct registration_parameters *p, const char *const *queries)
{
	enum registration_verdict verdict = REGISTRATION_GOOD;
	registration_init(p);
	for (; *queries != NULL && verdict == REGISTRATION_GOOD; queries++)
		verdict = registration_read(p, bytes_of_text(*queries));
	return verdict;
}

#define READ(p, ...) read_all((p), (const char *const[]){__VA_ARGS__, NULL})

/* lwm2m interface section 16.5. */
static void a_register_of_the_specification_is_read(void **state)
{
	struct registration_parameters p;
	(void)state;
	assert_int_equal(READ(&p, "ep=urn:dev:mac:0024befffe804ff1", "lt=300", "lwm2m=1.1", "b=U"), REGISTRATION_GOOD);
	assert_int_equal(registration_check_register(&p), REGISTRATION_GOOD);
	assert_true(bytes_equal_text(p.endpoint, "urn:dev:mac:0024befffe804ff1"));
	assert_int_equal(p.lifetime_s, 300);
	assert_int_equal(p.minor, 1);
	assert_int_equal(p.bindings, REGISTRATION_UDP);
	assert_false(p.has_queue_mode);
}

static void queue_mode_is_a_flag_or_in_the_binding(void **state)
{
	struct registration_parameters p;
	(void)state;
	assert_int_equal(READ(&p, "Q"), REGISTRATION_GOOD);
	assert_true(p.has_queue_mode);
	assert_int_equal(READ(&p, "b=UQS"), REGISTRATION_GOOD);
	assert_true(p.has_queue_mode);
	assert_int_equal(p.bindings, REGISTRATION_UDP | REGISTRATION_SMS);
	assert_int_equal(READ(&p, "Q=1"), REGISTRATION_BAD);
}

static void unknown_parameters_are_ignored(void **state)
{
	struct registration_parameters p;
	(void)state;
	assert_int_equal(READ(&p, "ep=a", "lt=60", "lwm2m=1.2", "x=y", "z", "", "=", "pid=6:1234abcd", "b=UMH"),
		REGISTRATION_GOOD);
	assert_int_equal(registration_check_register(&p), REGISTRATION_GOOD);
}

static void bad_parameters_are_refused(void **state)
{
	static const char *const bad[] = {"ep=", "ep", "ep=a\nb", "lt=", "lt=0", "lt=-1", "lt=4294967296", "lt=1.5",
		"lwm2m=", "lwm2m=1", "lwm2m=1.", "lwm2m=1.1.1", "lwm2m=a.b", "b=", "b=u", "b=UX", "sms=", "sms=+49",
		"sms=123456789012345678901"};
	struct registration_parameters p;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (READ(&p, bad[i]) != REGISTRATION_BAD)
			fail_msg("%s is accepted", bad[i]);
	assert_int_equal(READ(&p, "ep=a", "ep=b"), REGISTRATION_BAD);
	assert_int_equal(READ(&p, "lt=60", "lt=60"), REGISTRATION_BAD);
}

static void long_names_are_refused(void **state)
{
	uint8_t query[3 + REGISTRATION_ENDPOINT_MAX + 1];
	struct registration_parameters p;
	(void)state;
	memset(query, 'a', sizeof query);
	memcpy(query, "ep=", 3);
	registration_init(&p);
	assert_int_equal(registration_read(&p, bytes_of(query, sizeof query - 1)), REGISTRATION_GOOD);
	registration_init(&p);
	assert_int_equal(registration_read(&p, bytes_of(query, sizeof query)), REGISTRATION_BAD);
}

static void other_versions_are_told_apart_from_bad_ones(void **state)
{
	struct registration_parameters p;
	(void)state;
	assert_int_equal(READ(&p, "lwm2m=2.0"), REGISTRATION_VERSION);
	assert_int_equal(READ(&p, "lwm2m=1.3"), REGISTRATION_VERSION);
	assert_int_equal(READ(&p, "lwm2m=0.9"), REGISTRATION_VERSION);
}

static void required_parameters_must_be_there(void **state)
{
	struct registration_parameters p;
	(void)state;
	READ(&p, "lt=60", "lwm2m=1.1");
	assert_int_equal(registration_check_register(&p), REGISTRATION_BAD);
	READ(&p, "ep=a", "lt=60");
	assert_int_equal(registration_check_register(&p), REGISTRATION_BAD);
	READ(&p, "ep=a", "lwm2m=1.1");
	assert_int_equal(registration_check_register(&p), REGISTRATION_BAD);
	READ(&p, "ep=a", "lwm2m=1.0"); /* 1.0 has a default lifetime */
	assert_int_equal(registration_check_register(&p), REGISTRATION_GOOD);
	assert_int_equal(p.lifetime_s, 86400);
	READ(&p, "lt=60", "b=U", "Q");
	assert_int_equal(registration_check_update(&p), REGISTRATION_GOOD);
	READ(&p, "ep=a");
	assert_int_equal(registration_check_update(&p), REGISTRATION_BAD);
}

static void what_is_written_is_read_back(void **state)
{
	static const char *const expected[] = {"ep=node-7", "lt=3600", "lwm2m=1.1", "b=UT", "Q", "sms=4912345"};
	struct registration_parameters p;
	uint8_t text[64];
	unsigned n = 0;
	(void)state;
	READ(&p, "sms=4912345", "Q", "b=TU", "lwm2m=1.1", "lt=3600", "ep=node-7");
	for (;; n++) {
		struct writer w = writer_of(text, sizeof text);
		if (!registration_write(&p, n, &w))
			break;
		assert_true(bytes_equal_text(writer_bytes(&w), expected[n]));
	}
	assert_int_equal(n, REGISTRATION_QUERIES_MAX);
	READ(&p, "lt=60");
	struct writer w = writer_of(text, sizeof text);
	assert_true(registration_write(&p, 0, &w));
	assert_true(bytes_equal_text(writer_bytes(&w), "lt=60"));
	assert_false(registration_write(&p, 1, &w));
}

/* ---- the list of objects ---- */

static void expect_objects(const char *body, const char *expected)
{
	struct registration_objects o;
	struct registration_object object;
	uint8_t text[256];
	struct writer w = writer_of(text, sizeof text);
	assert_int_equal(registration_objects_init(&o, bytes_of_text(body)), REGISTRATION_GOOD);
	uint16_t n = 0;
	for (; registration_objects_next(&o, &object); n++)
		registration_write_object(&w, &object);
	assert_int_equal(n, o.count);
	if (!bytes_equal_text(writer_bytes(&w), expected))
		fail_msg("%s reads as %.*s", body, (int)writer_bytes(&w).len, (const char *)text);
}

static void lists_of_objects_are_read(void **state)
{
	(void)state;
	expect_objects("</>;ct=\"60 110 112 11542 11544\",</1/0>,</3/0>,</5/0>", "</1/0>,</3/0>,</5/0>");
	expect_objects("</1/0>,</2>,</3/0>", "</1/0>,</2>,</3/0>");
	expect_objects("</44>;ver=2.2,</44/0>,</5>;ver=\"1.1\"", "</44>;ver=2.2,</44/0>,</5>;ver=1.1");
	expect_objects("</lwm2m>;rt=\"oma.lwm2m\";ct=110,</lwm2m/1/0>,</lwm2m/3/0>,</4/0>", "</1/0>,</3/0>");
	expect_objects("</1/0>;ssid=1;uri=\"coap://a,b;c\";x,</a/b>,</3/0/9>,</70000/0>,</3/0>", "</1/0>,</3/0>");
	expect_objects("</3/0>;title=\"say \\\"hi\\\", <x>\",</4/0>", "</3/0>,</4/0>");
}

static void the_root_tells_formats_and_prefix(void **state)
{
	struct registration_objects o;
	(void)state;
	registration_objects_init(&o, bytes_of_text("</>;rt=\"oma.lwm2m\";ct=\"60 110 112\",</3/0>"));
	assert_int_equal(o.prefix.len, 0);
	assert_true(registration_has_format(o.formats, 110));
	assert_true(registration_has_format(o.formats, 112));
	assert_false(registration_has_format(o.formats, 11));
	assert_false(registration_has_format(o.formats, 11542));
	registration_objects_init(&o, bytes_of_text("</lwm2m/>;rt=oma.lwm2m,</lwm2m/3/0>"));
	assert_true(bytes_equal_text(o.prefix, "/lwm2m"));
	assert_int_equal(o.count, 1);
}

static void broken_lists_are_refused(void **state)
{
	static const char *const bad[] = {"<", "</3/0", "/3/0", "</3/0>,", "</3/0>,,</4/0>", "</3/0></4/0>", "</3/0>;",
		"</3/0>;=1", "</3/0>;x=\"a", "</3/0>;x=a\"b\"", "</3/0> ,</4/0>", "</3/0>x", ",</3/0>", "</3/0>;a b=1",
		"</3/0>;x=\"a\\\"", "</3/0>;x=\"", "</3/0>;x=\"\"a\"\"", "</7>;rt=\"oma.lwm2m\",</7/3/0>",
		"</a%20b>;rt=\"oma.lwm2m\",</a%20b/3/0>"};
	struct registration_objects o;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (registration_objects_init(&o, bytes_of_text(bad[i])) != REGISTRATION_BAD)
			fail_msg("%s is accepted", bad[i]);
	assert_int_equal(registration_objects_init(&o, BYTES_NONE), REGISTRATION_NO_OBJECTS);
	assert_int_equal(registration_objects_init(&o, bytes_of_text("</>;ct=110")), REGISTRATION_NO_OBJECTS);
}

static void too_many_links_are_told(void **state)
{
	static uint8_t text[8 * (REGISTRATION_LINKS_MAX + 2)];
	struct writer w = writer_of(text, sizeof text);
	struct registration_objects o;
	(void)state;
	for (unsigned i = 0; i < REGISTRATION_LINKS_MAX; i++)
		links_write(&w, BYTES_NONE, path_of_object((uint16_t)i));
	assert_int_equal(registration_objects_init(&o, writer_bytes(&w)), REGISTRATION_GOOD);
	assert_int_equal(o.count, REGISTRATION_LINKS_MAX);
	links_write(&w, BYTES_NONE, path_of_object(1));
	assert_int_equal(registration_objects_init(&o, writer_bytes(&w)), REGISTRATION_TOO_MANY);
}

static void the_agents_list_is_well_formed(void **state)
{
	uint8_t text[128];
	struct writer w = writer_of(text, sizeof text);
	const struct registration_object device = {3, 0, 0, 0}, firmware = {5, REGISTRATION_NO_INSTANCE, 1, 1};
	(void)state;
	registration_write_root(&w, bytes_of_text("110 112"));
	registration_write_object(&w, &device);
	registration_write_object(&w, &firmware);
	assert_true(bytes_equal_text(writer_bytes(&w), "</>;ct=\"110 112\",</3/0>,</5>;ver=1.1"));
	w = writer_of(text, sizeof text);
	links_write(&w, BYTES_NONE, path_of_resource(3, 0, 7));
	links_write_number(&w, "dim", 2);
	links_write_quoted(&w, "x", bytes_of_text("a\"b\\"));
	assert_true(bytes_equal_text(writer_bytes(&w), "</3/0/7>;dim=2;x=\"a\\\"b\\\\\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_register_of_the_specification_is_read),
		cmocka_unit_test(queue_mode_is_a_flag_or_in_the_binding),
		cmocka_unit_test(unknown_parameters_are_ignored),
		cmocka_unit_test(bad_parameters_are_refused),
		cmocka_unit_test(long_names_are_refused),
		cmocka_unit_test(other_versions_are_told_apart_from_bad_ones),
		cmocka_unit_test(required_parameters_must_be_there),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(lists_of_objects_are_read),
		cmocka_unit_test(the_root_tells_formats_and_prefix),
		cmocka_unit_test(broken_lists_are_refused),
		cmocka_unit_test(too_many_links_are_told),
		cmocka_unit_test(the_agents_list_is_well_formed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
