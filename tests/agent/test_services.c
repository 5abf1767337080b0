/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/services.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct service_watch list[] = {{SERVICE_BY_MANAGER, "a.service"}, {SERVICE_BY_COMMAND, "b"}};
static struct service_report answers[2];
static unsigned looks[2];
static struct services services;

static void look(void *context, uint8_t i, struct service_report *ret)
{
	(void)context;
	looks[i]++;
	*ret = answers[i];
}

static int fresh(void **state)
{
	const struct services_port port = {NULL, list, 2, look};
	(void)state;
	memset(looks, 0, sizeof looks);
	memset(answers, 0, sizeof answers);
	services_init(&services, &port);
	return 0;
}

static void a_look_is_good_for_two_seconds(void **state)
{
	(void)state;
	answers[0].state = SERVICE_RUNNING;
	assert_int_equal(services_view(&services, 0, 0)->report.state, SERVICE_RUNNING);
	answers[0].state = SERVICE_FAILED;
	assert_int_equal(services_view(&services, 0, SERVICES_AGE_MS - 1)->report.state, SERVICE_RUNNING);
	assert_int_equal(looks[0], 1);
	assert_int_equal(looks[1], 0); /* nobody has asked for it */
	assert_int_equal(services_view(&services, 0, SERVICES_AGE_MS)->report.state, SERVICE_FAILED);
	assert_int_equal(looks[0], 2);
}

static void the_load_is_the_processor_time_between_two_looks(void **state)
{
	(void)state;
	answers[0] = (struct service_report){.has_cpu = true, .cpu_ms = 1000};
	assert_false(services_view(&services, 0, 0)->has_load);
	answers[0].cpu_ms = 3500;
	assert_true(services_view(&services, 0, SECONDS(10))->has_load);
	assert_int_equal(services.views[0].load_permille, 250);
	answers[0].cpu_ms = 43500; /* two processors */
	assert_int_equal(services_view(&services, 0, SECONDS(30))->load_permille, 2000);
}

static void a_service_that_begins_anew_has_no_load_yet(void **state)
{
	(void)state;
	answers[0] = (struct service_report){.has_cpu = true, .cpu_ms = 5000};
	(void)services_view(&services, 0, 0);
	answers[0].cpu_ms = 20;
	assert_false(services_view(&services, 0, SECONDS(10))->has_load);
	answers[0].cpu_ms = 120;
	assert_int_equal(services_view(&services, 0, SECONDS(20))->load_permille, 10);
	answers[0].has_cpu = false;
	assert_false(services_view(&services, 0, SECONDS(30))->has_load);
	answers[0].has_cpu = true;
	assert_false(services_view(&services, 0, SECONDS(40))->has_load);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
	const struct CMUnitTest tests[] = {
		TEST(a_look_is_good_for_two_seconds),
		TEST(the_load_is_the_processor_time_between_two_looks),
		TEST(a_service_that_begins_anew_has_no_load_yet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
