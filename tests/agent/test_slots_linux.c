/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Slots, boot choice, journal and programs on a real file system, and the factory's work. */
#include "agent/payload_linux.h"
#include "agent/platform_linux.h"
#include "agent/provision_linux.h"
#include "agent/slots_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "folder.h"

static struct slots_linux slots;
static struct slot_port slot;
static struct boot_port boot;
static struct journal_port journal;

static int open_slots(void **state)
{
	const char *path;
	if (make_folder(state) < 0 || slots_linux_open(&slots, in_folder("state"), &path) < 0)
		return -1;
	slot = slots_linux_slots(&slots);
	boot = slots_linux_boot(&slots);
	journal = slots_linux_journal(&slots);
	return 0;
}

static int close_slots(void **state)
{
	slots_linux_close(&slots);
	return remove_folder(state);
}

static void a_second_agent_finds_the_directory_taken(void **state)
{
	(void)state;
	struct slots_linux other;
	const char *path;
	assert_int_equal(slots_linux_open(&other, in_folder("state"), &path), -EWOULDBLOCK);
	assert_string_equal(path, "lock");
	slots_linux_close(&other);
}

static void a_directory_that_cannot_be_made_is_named(void **state)
{
	(void)state;
	struct slots_linux other;
	const char *path;
	write_file(in_folder("file"), "x", 0600);
	assert_int_equal(slots_linux_open(&other, in_folder("file"), &path), -ENOTDIR);
	slots_linux_close(&other);
	assert_int_equal(slots_linux_open(&other, in_folder("no/such/place"), &path), -ENOENT);
	slots_linux_close(&other);
}

static void records_are_stored_in_place_and_read_back(void **state)
{
	(void)state;
	char buffer[64];
	for (int which = JOURNAL_STATE_FIRST; which <= JOURNAL_PROGRESS; which++) {
		enum journal_record r = (enum journal_record)which;
		assert_int_equal(journal.load(journal.context, r, buffer, sizeof buffer), -ENOENT);
		assert_int_equal(journal.store(journal.context, r, bytes_of_text("a long record")), 0);
		assert_int_equal(journal.store(journal.context, r, bytes_of_text("short")), 0);
		assert_int_equal(journal.load(journal.context, r, buffer, sizeof buffer), 5);
		assert_memory_equal(buffer, "short", 5);
		assert_int_equal(journal.load(journal.context, r, buffer, 4), -EFBIG);
	}
}

static void a_slot_is_written_in_any_order_and_kept_for_resuming(void **state)
{
	(void)state;
	char buffer[16];
	assert_int_equal(slot.prepare(slot.context, SLOT_B, 10, true), 0);
	assert_int_equal(slot.write(slot.context, SLOT_B, 5, bytes_of_text("world")), 0);
	assert_int_equal(slot.write(slot.context, SLOT_B, 0, bytes_of_text("hello")), 0);
	assert_int_equal(slot.sync(slot.context, SLOT_B), 0);
	assert_int_equal(slot.read(slot.context, SLOT_B, 3, buffer, sizeof buffer), 7);
	assert_memory_equal(buffer, "loworld", 7);
	assert_int_equal(slot.read(slot.context, SLOT_B, 10, buffer, sizeof buffer), 0);
	assert_int_equal(slot.prepare(slot.context, SLOT_B, 10, true), 1);
	assert_int_equal(slot.prepare(slot.context, SLOT_B, 11, true), 0);
	assert_int_equal(slot.discard(slot.context, SLOT_B), 0);
	assert_int_equal(slot.discard(slot.context, SLOT_B), 0);
	assert_int_equal(slot.read(slot.context, SLOT_B, 0, buffer, sizeof buffer), -ENOENT);
}

static void an_image_that_cannot_fit_is_refused_and_leaves_nothing(void **state)
{
	(void)state;
	struct stat st;
	assert_int_equal(slot.prepare(slot.context, SLOT_B, UINT64_C(1) << 50, false), -ENOSPC);
	assert_int_equal(stat(in_folder("state/slots/b"), &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(slot.prepare(slot.context, SLOT_B, UINT64_MAX, false), -EFBIG);
}

static void the_boot_choice_switches(void **state)
{
	(void)state;
	enum slot active;
	assert_int_equal(boot.active(boot.context, &active), -ENOENT);
	for (int i = 0; i < 3; i++) {
		enum slot wanted = i % 2 == 0 ? SLOT_A : SLOT_B;
		assert_int_equal(boot.activate(boot.context, wanted), 0);
		assert_int_equal(boot.active(boot.context, &active), 0);
		assert_int_equal(active, wanted);
	}
	/* what a kill between the two steps leaves */
	assert_int_equal(symlink("b", in_folder("state/slots/active.new")), 0);
	assert_int_equal(boot.activate(boot.context, SLOT_B), 0);
	assert_int_equal(boot.active(boot.context, &active), 0);
	assert_int_equal(active, SLOT_B);
}

/* ---- provisioning ---- */

static void a_factory_image_is_installed_once(void **state)
{
	(void)state;
	static uint8_t scratch[JOURNAL_STATE_BYTES_MAX];
	struct provision what = {in_folder("image"), "1.0.0", 7, true};
	struct journal_state s;
	char message[PROVISION_MESSAGE_BYTES];
	int error;
	enum slot active;
	write_file(what.image, "#!/bin/sh\nexit 0\n", 0600);
	assert_true(provision_install(&what, &slot, &boot, &journal, message));
	assert_int_equal(journal_load(&journal, scratch, &s, &error), JOURNAL_LOADED);
	assert_true(s.images[SLOT_A].is_present);
	assert_string_equal(s.images[SLOT_A].version, "1.0.0");
	assert_int_equal(s.images[SLOT_A].size, 17);
	assert_int_equal(s.sequence_floor, 7);
	assert_int_equal(boot.active(boot.context, &active), 0);
	assert_int_equal(active, SLOT_A);
	assert_false(provision_install(&what, &slot, &boot, &journal, message));
	assert_non_null(strstr(message, "has an image already"));
}

static void a_bad_factory_image_is_refused_with_its_name(void **state)
{
	(void)state;
	char message[PROVISION_MESSAGE_BYTES];
	struct provision what = {in_folder("nonesuch"), "1.0.0", 7, true};
	assert_false(provision_install(&what, &slot, &boot, &journal, message));
	assert_non_null(strstr(message, "nonesuch: No such file"));
	what.image = in_folder("state"); /* a directory */
	assert_false(provision_install(&what, &slot, &boot, &journal, message));
	what.version = "a version with spaces";
	assert_false(provision_install(&what, &slot, &boot, &journal, message));
	assert_non_null(strstr(message, "--version-text"));
}

/* ---- programs ---- */

static void put_script(enum slot where, const char *text)
{
	uint64_t len = strlen(text);
	assert_int_equal(slot.prepare(slot.context, where, len, false), 0);
	assert_int_equal(slot.write(slot.context, where, 0, bytes_of_text(text)), 0);
	assert_int_equal(slot.sync(slot.context, where), 0);
}

/* A real process ends when it likes; this waits up to ten seconds. */
static void await_end(struct payload_linux *p, struct payload_linux_end *ret)
{
	for (int i = 0; i < 1000; i++) {
		if (payload_linux_reap(p, ret))
			return;
		(void)poll(NULL, 0, 10);
	}
	fail_msg("the child did not end");
}

static void a_self_test_reports_how_it_ended(void **state)
{
	(void)state;
	struct payload_linux p;
	struct payload_linux_end end;
	assert_true(payload_linux_init(&p, &slots, "--home  /x"));
	struct payload_port port = payload_linux_port(&p);
	put_script(SLOT_B, "#!/bin/sh\n[ \"$1 $2 $3 $4\" = \"--home /x --self-test \" ] && exit 0\nexit 3\n");
	assert_int_equal(port.self_test(port.context, SLOT_B), 0);
	await_end(&p, &end);
	assert_true(end.was_self_test);
	assert_int_equal(end.status, 0);
	assert_int_equal(port.start(port.context, SLOT_B), 0); /* without --self-test */
	await_end(&p, &end);
	assert_false(end.was_self_test);
	assert_int_equal(end.status, 3);
	assert_string_equal(end.reason, "exit status 3");
}

static void a_crash_is_told_by_its_signal(void **state)
{
	(void)state;
	struct payload_linux p;
	struct payload_linux_end end;
	assert_true(payload_linux_init(&p, &slots, ""));
	struct payload_port port = payload_linux_port(&p);
	put_script(SLOT_B, "#!/bin/sh\nkill -SEGV $$\n");
	assert_int_equal(port.start(port.context, SLOT_B), 0);
	await_end(&p, &end);
	assert_int_equal(end.status, 256 + SIGSEGV);
	assert_string_equal(end.reason, "killed by signal 11");
}

static void what_cannot_be_executed_is_said_at_once(void **state)
{
	(void)state;
	struct payload_linux p;
	assert_true(payload_linux_init(&p, &slots, ""));
	struct payload_port port = payload_linux_port(&p);
	put_script(SLOT_B, "no program at all");
	assert_int_equal(port.start(port.context, SLOT_B), -ENOEXEC);
	assert_int_equal(port.start(port.context, SLOT_A), -ENOENT);
	assert_int_equal(p.pid, 0);
}

static void a_stopped_program_is_gone_and_reports_nothing(void **state)
{
	(void)state;
	struct payload_linux p;
	struct payload_linux_end end;
	assert_true(payload_linux_init(&p, &slots, ""));
	struct payload_port port = payload_linux_port(&p);
	put_script(SLOT_B, "#!/bin/sh\nwhile :; do sleep 1; done\n");
	assert_int_equal(port.start(port.context, SLOT_B), 0);
	pid_t pid = p.pid;
	port.stop(port.context);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_false(payload_linux_reap(&p, &end));
	port.stop(port.context);
}

static void too_many_arguments_are_refused(void **state)
{
	(void)state;
	struct payload_linux p;
	char words[PAYLOAD_ARGUMENTS_BYTES + 2];
	for (size_t i = 0; i < sizeof words - 1; i++)
		words[i] = i % 2 == 0 ? 'a' : ' ';
	words[sizeof words - 1] = '\0';
	assert_false(payload_linux_init(&p, &slots, words));
	words[2 * (PAYLOAD_ARGUMENTS_MAX - 3)] = '\0';
	assert_true(payload_linux_init(&p, &slots, words));
	words[2 * (PAYLOAD_ARGUMENTS_MAX - 3)] = 'a';
	words[2 * (PAYLOAD_ARGUMENTS_MAX - 3) + 1] = '\0';
	assert_false(payload_linux_init(&p, &slots, words));
}

/* ---- the machine ---- */

static void the_machine_tells_something_plausible(void **state)
{
	(void)state;
	struct platform_linux p;
	struct platform_sample s;
	platform_linux_init(&p, folder);
	struct platform_port port = platform_linux_port(&p);
	port.sample(port.context, &s);
	assert_true(s.memory_total > 0 && s.memory_available <= s.memory_total);
	assert_true(s.disk_total > 0 && s.disk_available <= s.disk_total);
	assert_true(s.cpu_permille <= 1000);
	assert_true(s.processes > 0);
	assert_true(s.unix_time_s > 1600000000);
	struct platform_identity id = platform_linux_identity(&p);
	assert_true(strlen(id.manufacturer) > 0 && strlen(id.model) > 0);
	assert_false(port.reboot(port.context));
	p.may_reboot = true;
	assert_true(port.reboot(port.context));
	assert_true(p.wants_reboot);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_slots, close_slots)
	const struct CMUnitTest tests[] = {
		TEST(a_second_agent_finds_the_directory_taken),
		TEST(a_directory_that_cannot_be_made_is_named),
		TEST(records_are_stored_in_place_and_read_back),
		TEST(a_slot_is_written_in_any_order_and_kept_for_resuming),
		TEST(an_image_that_cannot_fit_is_refused_and_leaves_nothing),
		TEST(the_boot_choice_switches),
		TEST(a_factory_image_is_installed_once),
		TEST(a_bad_factory_image_is_refused_with_its_name),
		TEST(a_self_test_reports_how_it_ended),
		TEST(a_crash_is_told_by_its_signal),
		TEST(what_cannot_be_executed_is_said_at_once),
		TEST(a_stopped_program_is_gone_and_reports_nothing),
		TEST(too_many_arguments_are_refused),
		TEST(the_machine_tells_something_plausible),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
