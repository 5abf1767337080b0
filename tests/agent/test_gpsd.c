/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/gpsd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct platform_location found;

static enum gpsd_report read_line(const char *line)
{
	static uint8_t memory[256];
	struct arena scratch;
	arena_init(&scratch, memory, sizeof memory);
	return gpsd_read(bytes_of_text(line), &scratch, &found);
}

static void a_fix_is_read(void **state)
{
	(void)state;
	assert_int_equal(
		read_line("{\"class\":\"TPV\",\"device\":\"/dev/ttyS0\",\"status\":2,\"mode\":3,"
			  "\"time\":\"2026-11-24T12:00:00.000Z\",\"leapseconds\":18,\"ept\":0.005,\"lat\":48.137154,"
			  "\"lon\":-11.575382,\"altHAE\":565.1,\"altMSL\":519.5,\"alt\":519.4,\"epx\":3.2,\"eph\":6.5,"
			  "\"track\":12.0,\"speed\":0.0,\"ecef\":{\"x\":1,\"y\":[2,3]},\"velE\":null}"),
		GPSD_FIX);
	assert_true(found.is_known && found.latitude > 48.137 && found.latitude < 48.138 && found.longitude < -11.575);
	assert_true(found.has_altitude && found.altitude_m > 519.4 && found.altitude_m < 519.6);
	assert_true(found.has_radius && found.radius_m > 6.4);
	assert_int_equal(found.unix_time_s, 1795521600);
	assert_int_equal(read_line("{\"class\":\"TPV\",\"mode\":2,\"lat\":1.0,\"lon\":2,\"alt\":5.0}"), GPSD_FIX);
	assert_false(found.has_altitude || found.has_radius);
	assert_int_equal(found.unix_time_s, 0);
}

static void what_is_no_fix_is_told(void **state)
{
	(void)state;
	assert_int_equal(read_line("{\"class\":\"VERSION\",\"release\":\"3.22\",\"proto_major\":3}"), GPSD_OTHER);
	assert_int_equal(read_line("{\"class\":\"DEVICES\",\"devices\":[{\"class\":\"DEVICE\"}]}"), GPSD_OTHER);
	assert_int_equal(read_line("{\"class\":\"SKY\",\"satellites\":[{\"PRN\":1},{\"PRN\":2}]}"), GPSD_OTHER);
	assert_int_equal(read_line("{\"class\":\"TPV\",\"mode\":0}"), GPSD_NO_FIX);
	assert_int_equal(read_line("{\"class\":\"TPV\",\"mode\":1,\"lat\":1,\"lon\":2}"), GPSD_NO_FIX);
	assert_int_equal(read_line("{\"class\":\"TPV\",\"mode\":3,\"lat\":1}"), GPSD_NO_FIX);
}

static void nonsense_is_refused(void **state)
{
	static const char *const lines[] = {"", "GET / HTTP/1.0", "[]", "{}", "{\"class\":\"TPV\"", "{\"class\"}",
		"{\"class\":\"TPV\",\"mode\":3,\"lat\":91,\"lon\":0}",
		"{\"class\":\"TPV\",\"mode\":3,\"lat\":1,\"lon\":-181}",
		"{\"class\":\"TPV\",\"mode\":3,\"lat\":1,\"lon\":1} x", "{\"a\":[[[[[[[[[[[[]]]]]]]]]]]]}"};
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (read_line(lines[i]) != GPSD_NONSENSE)
			fail_msg("%s is taken", lines[i]);
}

static void moments_are_those_of_the_calendar(void **state)
{
	(void)state;
	assert_int_equal(gpsd_moment(bytes_of_text("1970-01-01T00:00:00Z")), 0);
	assert_int_equal(gpsd_moment(bytes_of_text("2000-02-29T23:59:59.5Z")), 951868799);
	assert_int_equal(gpsd_moment(bytes_of_text("2100-03-01T00:00:00.000Z")), INT64_C(4107542400));
	assert_int_equal(gpsd_moment(bytes_of_text("2026-13-01T00:00:00Z")), 0);
	assert_int_equal(gpsd_moment(bytes_of_text("2026-11-24 12:00:00")), 0);
	assert_int_equal(gpsd_moment(bytes_of_text("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fix_is_read),
		cmocka_unit_test(what_is_no_fix_is_told),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(moments_are_those_of_the_calendar),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
