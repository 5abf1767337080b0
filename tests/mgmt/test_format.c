/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The best common format, row by row: what a device announces and its version on the left, what is tried on the right.
 */
#include "mgmt/format.h"
#include "mgmt/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect(
	uint8_t minor, const char *announced, enum format_purpose purpose, enum value_type type, const char *expected)
{
	uint16_t formats[8], candidates[FORMAT_CANDIDATES_MAX];
	size_t count = 0;
	char text[80] = "";
	size_t len = 0;
	for (char *end; *announced != '\0'; announced = end)
		formats[count++] = (uint16_t)strtoul(announced, &end, 10);
	struct format_device device = {.minor = minor, .formats = formats, .format_count = count};
	size_t n = format_candidates(&device, purpose, type, candidates);
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, i == 0 ? "%u" : " %u", candidates[i]);
	assert_string_equal(text, expected);
}

#define LESHAN   "0 42 60 110 112 11542 11543"
#define ANJAY    "0 42 60 110 112 11542 11544"
#define ANY_READ " 65535"

static void what_is_announced_counts(void **state)
{
	(void)state;
	expect(1, "110", FORMAT_READ, VALUE_NONE, "110" ANY_READ);
	expect(1, LESHAN, FORMAT_READ, VALUE_NONE, "112 110 11542 11543" ANY_READ);
	expect(2, ANJAY, FORMAT_READ, VALUE_NONE, "11544 112 110 11542" ANY_READ);
	expect(1, ANJAY, FORMAT_WRITE_MANY, VALUE_NONE, "11544 112 110 11542");
	expect(0, "11542 11543", FORMAT_READ, VALUE_NONE, "11542 11543" ANY_READ);
	expect(1, "9999", FORMAT_READ, VALUE_NONE, "65535");
	expect(1, "9999", FORMAT_WRITE_MANY, VALUE_NONE, "");
}

static void without_an_announcement_the_version_makes_a_guess(void **state)
{
	(void)state;
	expect(0, "", FORMAT_READ, VALUE_NONE, "11542" ANY_READ);
	expect(0, "", FORMAT_WRITE_MANY, VALUE_NONE, "11542");
	expect(1, "", FORMAT_READ, VALUE_NONE, "65535");
	expect(1, "", FORMAT_WRITE_MANY, VALUE_NONE, "112 110 11542");
	expect(2, "", FORMAT_WRITE_MANY, VALUE_NONE, "112 110 11544");
}

static void one_value_goes_in_the_smallest_exact_format(void **state)
{
	(void)state;
	expect(1, "", FORMAT_WRITE_ONE, VALUE_INTEGER, "0");
	expect(1, "60 112", FORMAT_WRITE_ONE, VALUE_INTEGER, "60 0");
	expect(1, "112", FORMAT_WRITE_ONE, VALUE_STRING, "0");
	expect(2, ANJAY, FORMAT_WRITE_ONE, VALUE_FLOAT, "11544 60 11542 0");
	expect(0, "", FORMAT_WRITE_ONE, VALUE_FLOAT, "11542 0");
}

static void octets_go_as_they_are(void **state)
{
	(void)state;
	expect(0, "", FORMAT_WRITE_ONE, VALUE_OPAQUE, "42 11542");
	expect(1, "", FORMAT_WRITE_ONE, VALUE_OPAQUE, "42");
	expect(1, "60", FORMAT_WRITE_ONE, VALUE_OPAQUE, "42 60");
}

static void composites_go_in_senml_and_not_to_1_0(void **state)
{
	(void)state;
	expect(0, "112", FORMAT_COMPOSITE_READ, VALUE_NONE, "");
	expect(1, "110 11542", FORMAT_COMPOSITE_READ, VALUE_NONE, "110");
	expect(1, "11542", FORMAT_COMPOSITE_READ, VALUE_NONE, "112 110");
	expect(2, "", FORMAT_COMPOSITE_WRITE, VALUE_NONE, "112 110 11544");
	expect(2, ANJAY, FORMAT_COMPOSITE_WRITE, VALUE_NONE, "112 110");
}

/* Whatever is chosen, payload can do: all of it can be written but the JSON of 1.0, which is only read. */
static void every_choice_can_be_encoded(void **state)
{
	(void)state;
	static const uint16_t all[] = {0, 42, 60, 110, 112, 11542, 11543, 11544};
	for (uint8_t minor = 0; minor <= 2; minor++)
		for (unsigned purpose = FORMAT_READ; purpose <= FORMAT_COMPOSITE_WRITE; purpose++)
			for (size_t announced = 0; announced <= 8; announced++) {
				uint16_t c[FORMAT_CANDIDATES_MAX];
				struct format_device d = {minor, all, announced};
				size_t n = format_candidates(&d, (enum format_purpose)purpose, VALUE_INTEGER, c);
				for (size_t i = 0; i < n; i++)
					assert_true(purpose == FORMAT_READ
							    ? c[i] == FORMAT_ANY || payload_can_read(c[i])
							    : payload_can_write(c[i]));
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_announced_counts),
		cmocka_unit_test(without_an_announcement_the_version_makes_a_guess),
		cmocka_unit_test(one_value_goes_in_the_smallest_exact_format),
		cmocka_unit_test(octets_go_as_they_are),
		cmocka_unit_test(composites_go_in_senml_and_not_to_1_0),
		cmocka_unit_test(every_choice_can_be_encoded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
