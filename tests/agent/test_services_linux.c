/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Real processes and commands. Nothing here depends on how long something takes, but that it ends. */
#include "agent/services_linux.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "folder.h"

static struct services_linux services;
static struct services_port port;

static bool watch(const char *units, const char *pid_files, const char *commands)
{
	const char *word = "";
	bool is_good = services_linux_init(&services, units, pid_files, commands, &word);
	port = services_linux_port(&services);
	return is_good;
}

static struct service_report look(uint8_t i)
{
	struct service_report r;
	port.look(port.context, i, &r);
	return r;
}

static pid_t start_sleeper(void)
{
	pid_t child = fork();
	if (child == 0) {
		for (;;)
			(void)pause();
	}
	return child;
}

static void write_pid(const char *path, pid_t pid)
{
	char text[32];
	(void)snprintf(text, sizeof text, "%d\n", (int)pid);
	write_file(path, text, 0600);
}

static void end_sleeper(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void words_say_what_is_watched(void **state)
{
	(void)state;
	assert_true(watch("ssh.service  cron.service", "web:/run/web.pid", "dns:/bin/true"));
	assert_int_equal(port.count, 4);
	assert_string_equal(port.list[1].name, "cron.service");
	assert_string_equal(port.list[2].name, "web");
	assert_int_equal(port.list[2].source, SERVICE_BY_PID_FILE);
	assert_int_equal(port.list[3].source, SERVICE_BY_COMMAND);
	assert_true(watch("", " ", ""));
	assert_int_equal(port.count, 0);
}

static void words_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"web", "web:", "web:relative", ":/run/web.pid", "web:/"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(watch("", bad[i], ""));
	char longer[SERVICES_NAME_MAX + 2];
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	assert_false(watch(longer, "", ""));
	assert_false(watch("a b c d e f g h i j k l m n o p q", "", "")); /* one too many */
}

static void a_process_is_found_by_its_pid_file(void **state)
{
	(void)state;
	char words[300];
	(void)snprintf(words, sizeof words, "sleeper:%s", in_folder("sleeper.pid"));
	assert_true(watch("", words, ""));
	assert_int_equal(look(0).state, SERVICE_STOPPED);
	assert_false(look(0).has_process);
	pid_t first = start_sleeper();
	write_pid(in_folder("sleeper.pid"), first);
	struct service_report r = look(0);
	assert_int_equal(r.state, SERVICE_RUNNING);
	assert_int_equal(r.process, first);
	assert_true(r.has_memory && r.has_cpu && !r.has_exit_time);
	assert_int_equal(r.restarts, 0);
	end_sleeper(first);
	r = look(0);
	assert_int_equal(r.state, SERVICE_FAILED); /* it has left its pid file behind */
	assert_true(r.has_exit_time && !r.has_memory);
	pid_t second = start_sleeper();
	write_pid(in_folder("sleeper.pid"), second);
	r = look(0);
	assert_int_equal(r.state, SERVICE_RUNNING);
	assert_int_equal(r.restarts, 1);
	end_sleeper(second);
	(void)unlink(in_folder("sleeper.pid"));
	assert_int_equal(look(0).state, SERVICE_STOPPED);
}

#define WORKER_KIB 4096

static pid_t start_worker(void)
{
	static volatile char memory[WORKER_KIB * 1024];
	pid_t child = fork();
	if (child == 0) {
		for (size_t i = 0;; i = (i + 1024) % sizeof memory)
			memory[i] = 1;
	}
	return child;
}

/* A child's, not our own: an emulator shows a process its own figures as zero. */
static void memory_and_processor_time_are_those_of_the_process(void **state)
{
	(void)state;
	char words[300];
	pid_t worker = start_worker();
	(void)snprintf(words, sizeof words, "worker:%s", in_folder("worker.pid"));
	assert_true(watch("", words, ""));
	write_pid(in_folder("worker.pid"), worker);
	struct service_report r = look(0);
	for (int i = 0; i < 1000 && r.cpu_ms < 20; i++) {
		(void)usleep(10000);
		r = look(0);
	}
	end_sleeper(worker);
	assert_in_range(r.cpu_ms, 20, 100000);
	assert_in_range(r.memory_kib, WORKER_KIB, 1000000);
}

static void a_process_that_only_waits_to_be_reaped_has_ended(void **state)
{
	(void)state;
	char words[300];
	(void)snprintf(words, sizeof words, "sleeper:%s", in_folder("zombie.pid"));
	assert_true(watch("", words, ""));
	pid_t child = start_sleeper();
	siginfo_t info;
	write_pid(in_folder("zombie.pid"), child);
	assert_int_equal(look(0).state, SERVICE_RUNNING);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(look(0).state, SERVICE_FAILED);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void nonsense_in_a_pid_file_is_no_process(void **state)
{
	(void)state;
	static const char *const nonsense[] = {"", "x", "-5", "0", "1", "99999999999999999999"};
	char words[300];
	(void)snprintf(words, sizeof words, "odd:%s", in_folder("odd.pid"));
	assert_true(watch("", words, ""));
	for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
		write_file(in_folder("odd.pid"), nonsense[i], 0600);
		assert_int_equal(look(0).state, SERVICE_STOPPED);
	}
}

/* A look does not wait, so the end of the command is awaited without reaping it. */
static struct service_report result_of(uint8_t i)
{
	siginfo_t info;
	assert_int_equal(look(i).state, SERVICE_UNKNOWN);
	assert_int_equal(waitid(P_PID, (id_t)services.tracks[i].running, &info, WEXITED | WNOWAIT), 0);
	return look(i);
}

static void a_command_tells_by_its_exit_status(void **state)
{
	(void)state;
	char words[700];
	write_file(in_folder("good"), "#!/bin/sh\nexit 0\n", 0700);
	write_file(in_folder("bad"), "#!/bin/sh\nexit 3\n", 0700);
	write_file(in_folder("killed"), "#!/bin/sh\nkill -9 $$\n", 0700);
	(void)snprintf(words, sizeof words, "good:%s bad:%s killed:%s gone:/no/such/file", in_folder("good"),
		in_folder("bad"), in_folder("killed"));
	assert_true(watch("", "", words));
	struct service_report r = result_of(0);
	assert_int_equal(r.state, SERVICE_RUNNING);
	assert_true(r.has_exit_status && r.has_exit_time && r.exit_status == 0);
	r = result_of(1);
	assert_int_equal(r.state, SERVICE_FAILED);
	assert_int_equal(r.exit_status, 3);
	assert_int_equal(result_of(2).exit_status, 256 + SIGKILL);
	assert_int_equal(result_of(3).exit_status, 127);
	assert_int_equal(services.tracks[0].running, 0); /* not again before its time */
	services_linux_done(&services);
}

static void a_command_that_hangs_is_killed(void **state)
{
	(void)state;
	char words[300];
	write_file(in_folder("hangs"), "#!/bin/sh\nexec sleep 1000\n", 0700);
	(void)snprintf(words, sizeof words, "hangs:%s", in_folder("hangs"));
	assert_true(watch("", "", words));
	assert_int_equal(look(0).state, SERVICE_UNKNOWN);
	struct service_track *track = &services.tracks[0];
	siginfo_t info;
	track->started_s -= SERVICES_COMMAND_LIMIT_S;
	(void)look(0);
	if (track->running != 0)
		assert_int_equal(waitid(P_PID, (id_t)track->running, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(look(0).state, SERVICE_FAILED);
	assert_int_equal(look(0).exit_status, 256 + SIGKILL);
	services_linux_done(&services);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_say_what_is_watched),
		cmocka_unit_test(words_that_make_no_sense_are_refused),
		cmocka_unit_test_setup_teardown(a_process_is_found_by_its_pid_file, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			memory_and_processor_time_are_those_of_the_process, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			a_process_that_only_waits_to_be_reaped_has_ended, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(nonsense_in_a_pid_file_is_no_process, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_command_tells_by_its_exit_status, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_command_that_hangs_is_killed, make_folder, remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
