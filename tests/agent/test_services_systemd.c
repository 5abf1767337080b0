/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A bus of the test's own, and on it a manager that says what the test wants. Skipped where dbus-daemon is missing. */
#include "agent/services_systemd.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cmocka.h>

#define SKIPPED 77
#define PATH    "/org/freedesktop/systemd1/unit/web_2eservice"

static pid_t bus_process, manager_process;

static int tell_text(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
	void *context, sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)context;
	(void)error;
	return sd_bus_message_append(reply, "s", strcmp(property, "LoadState") == 0 ? "loaded" : "active");
}

static int tell_number(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *context, sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)context;
	(void)error;
	if (strcmp(property, "NRestarts") == 0)
		return sd_bus_message_append(reply, "u", 4u);
	if (strcmp(property, "MainPID") == 0)
		return sd_bus_message_append(reply, "u", 4711u);
	if (strcmp(property, "MemoryCurrent") == 0)
		return sd_bus_message_append(reply, "t", UINT64_C(3) << 20);
	if (strcmp(property, "CPUUsageNSec") == 0)
		return sd_bus_message_append(reply, "t", UINT64_MAX); /* not counted */
	if (strcmp(property, "ExecMainExitTimestamp") == 0)
		return sd_bus_message_append(reply, "t", UINT64_C(1800000000000000));
	if (strcmp(property, "ExecMainCode") == 0)
		return sd_bus_message_append(reply, "i", CLD_KILLED);
	return sd_bus_message_append(reply, "i", SIGTERM);
}

static const sd_bus_vtable unit[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("LoadState", "s", tell_text, 0, 0),
	SD_BUS_PROPERTY("ActiveState", "s", tell_text, 0, 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable service[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("NRestarts", "u", tell_number, 0, 0),
	SD_BUS_PROPERTY("MainPID", "u", tell_number, 0, 0),
	SD_BUS_PROPERTY("MemoryCurrent", "t", tell_number, 0, 0),
	SD_BUS_PROPERTY("CPUUsageNSec", "t", tell_number, 0, 0),
	SD_BUS_PROPERTY("ExecMainExitTimestamp", "t", tell_number, 0, 0),
	SD_BUS_PROPERTY("ExecMainCode", "i", tell_number, 0, 0),
	SD_BUS_PROPERTY("ExecMainStatus", "i", tell_number, 0, 0),
	SD_BUS_VTABLE_END,
};

/* In a process of its own; one byte on `ready` when it is on the bus. */
static _Noreturn void manage(int ready)
{
	sd_bus *bus = NULL;
	bool is_there =
		sd_bus_open_system(&bus) >= 0 &&
		sd_bus_add_object_vtable(bus, NULL, PATH, "org.freedesktop.systemd1.Unit", unit, NULL) >= 0 &&
		sd_bus_add_object_vtable(bus, NULL, PATH, "org.freedesktop.systemd1.Service", service, NULL) >= 0 &&
		sd_bus_request_name(bus, "org.freedesktop.systemd1", 0) >= 0;
	if (!is_there || write(ready, "x", 1) != 1)
		_exit(1);
	for (;;) {
		int status = sd_bus_process(bus, NULL);
		if (status < 0 || (status == 0 && sd_bus_wait(bus, UINT64_MAX) < 0))
			_exit(0);
	}
}

static pid_t start_bus(char *address, size_t capacity)
{
	int fds[2];
	char number[32];
	if (pipe(fds) < 0)
		return -1;
	(void)snprintf(number, sizeof number, "--print-address=%d", fds[1]);
	pid_t child = fork();
	if (child == 0) {
		(void)close(fds[0]);
		(void)execlp(
			"dbus-daemon", "dbus-daemon", "--session", "--nofork", "--nopidfile", number, (char *)NULL);
		_exit(SKIPPED);
	}
	(void)close(fds[1]);
	ssize_t len = read(fds[0], address, capacity - 1);
	address[len < 0 ? 0 : len] = '\0';
	address[strcspn(address, "\n")] = '\0';
	return len > 0 ? child : -1;
}

static pid_t start_manager(void)
{
	int fds[2];
	char byte;
	if (pipe(fds) < 0)
		return -1;
	pid_t child = fork();
	if (child == 0)
		manage(fds[1]);
	(void)close(fds[1]);
	bool is_there = read(fds[0], &byte, 1) == 1;
	(void)close(fds[0]);
	return is_there ? child : -1;
}

static void end(pid_t process)
{
	(void)kill(process, SIGKILL);
	(void)waitpid(process, NULL, 0);
}

static void a_unit_is_shown_as_the_manager_has_it(void **state)
{
	struct service_report r;
	void *bus = NULL;
	(void)state;
	assert_true(services_systemd_look(&bus, "web.service", &r));
	assert_int_equal(r.state, SERVICE_RUNNING);
	assert_true(r.has_restarts && r.restarts == 4);
	assert_true(r.has_process && r.process == 4711);
	assert_true(r.has_memory && r.memory_kib == 3072);
	assert_false(r.has_cpu);
	assert_true(r.has_exit_time && r.exit_unix_s == 1800000000);
	assert_true(r.has_exit_status && r.exit_status == 256 + SIGTERM);
	services_systemd_done(&bus);
}

static void a_unit_that_nobody_knows_is_unknown_and_no_silence(void **state)
{
	struct service_report r;
	void *bus = NULL;
	(void)state;
	assert_true(services_systemd_look(&bus, "other.service", &r));
	assert_int_equal(r.state, SERVICE_UNKNOWN);
	assert_false(r.has_restarts || r.has_memory || r.has_exit_status);
	assert_non_null(bus);
	services_systemd_done(&bus);
}

static void a_manager_that_hangs_is_given_up_at_once(void **state)
{
	struct service_report r;
	void *bus = NULL;
	(void)state;
	assert_true(services_systemd_look(&bus, "web.service", &r));
	assert_int_equal(kill(manager_process, SIGSTOP), 0);
	assert_false(services_systemd_look(&bus, "web.service", &r));
	assert_null(bus);
	assert_int_equal(kill(manager_process, SIGCONT), 0);
	assert_true(services_systemd_look(&bus, "web.service", &r));
	services_systemd_done(&bus);
	end(manager_process);
	assert_false(services_systemd_look(&bus, "web.service", &r));
	manager_process = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_is_shown_as_the_manager_has_it),
		cmocka_unit_test(a_unit_that_nobody_knows_is_unknown_and_no_silence),
		cmocka_unit_test(a_manager_that_hangs_is_given_up_at_once),
	};
	char address[256];
	bus_process = start_bus(address, sizeof address);
	if (bus_process < 0 || setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1) < 0) {
		(void)printf("skipped: there is no dbus-daemon\n");
		return SKIPPED;
	}
	manager_process = start_manager();
	int status = manager_process < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
	if (manager_process > 0)
		end(manager_process);
	end(bus_process);
	return status;
}
