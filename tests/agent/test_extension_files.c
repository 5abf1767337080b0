/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/extension_files.h"
#include "folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#define DEFINITION                                                                                                     \
	"<LWM2M><Object ObjectType=\"MODefinition\"><Name>Tank</Name><ObjectID>26301</ObjectID>"                       \
	"<MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory><Resources></Resources></Object>" \
	"</LWM2M>"

static struct extension_files list[EXTENSION_FILES_MAX];
static size_t count;
static char why[EXTENSION_WHY_BYTES];

static bool scan(void)
{
	count = 0;
	return extension_files_scan(folder, list, &count, why);
}

/* The one that there is. */
static const struct extension_files *found(void)
{
	assert_true(scan());
	assert_int_equal(count, 1);
	return &list[0];
}

static void expect_fault(const char *text)
{
	assert_false(extension_files_check(found(), why));
	assert_string_equal(why, text);
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(fd >= 0 && strlen(path) < sizeof address.sun_path);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	(void)close(fd);
}

static void a_definition_and_a_program_are_an_extension(void **state)
{
	char path[EXTENSION_PATH_BYTES];
	(void)state;
	write_file(in_folder("tank.xml"), DEFINITION, 0644);
	write_file(in_folder("tank"), "#!/bin/sh\n", 0755);
	write_file(in_folder("tank.state"), "3", 0644);
	write_file(in_folder("valve"), "#!/bin/sh\n", 0755);
	write_file(in_folder(".hidden.xml"), DEFINITION, 0644);
	assert_true(extension_files_check(found(), why));
	assert_string_equal(list[0].name, "tank");
	assert_int_equal(list[0].way, EXTENSION_BY_PROGRAM);
	assert_true(extension_files_path(folder, &list[0], path));
	assert_string_equal(path, in_folder("tank"));
}

static void a_socket_may_stand_for_the_program(void **state)
{
	char path[EXTENSION_PATH_BYTES];
	(void)state;
	write_file(in_folder("tank.xml"), DEFINITION, 0644);
	make_socket(in_folder("tank.socket"));
	assert_int_equal(chmod(in_folder("tank.socket"), 0777), 0); /* who may talk to it does not matter */
	assert_true(extension_files_check(found(), why));
	assert_int_equal(list[0].way, EXTENSION_BY_SOCKET);
	assert_true(extension_files_path(folder, &list[0], path));
	assert_string_equal(path, in_folder("tank.socket"));
}

static void what_others_can_write_is_refused(void **state)
{
	(void)state;
	write_file(in_folder("tank.xml"), DEFINITION, 0644);
	expect_fault("there is neither a program nor a socket for the definition");
	write_file(in_folder("tank"), "#!/bin/sh\n", 0644);
	expect_fault("the program is not executable");
	assert_int_equal(chmod(in_folder("tank"), 0775), 0);
	expect_fault("the program can be written by others");
	assert_int_equal(chmod(in_folder("tank"), 0757), 0);
	expect_fault("the program can be written by others");
	assert_int_equal(chmod(in_folder("tank"), 0755), 0);
	assert_int_equal(chmod(in_folder("tank.xml"), 0666), 0);
	expect_fault("the definition can be written by others");
	assert_int_equal(chmod(folder, 0777), 0);
	assert_false(scan());
	assert_string_equal(why, "it can be written by others");
}

static void what_belongs_to_somebody_else_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	write_file(in_folder("tank.xml"), DEFINITION, 0644);
	write_file(in_folder("tank"), "#!/bin/sh\n", 0755);
	assert_int_equal(chown(in_folder("tank"), 12345, 0), 0);
	expect_fault("the program belongs to neither root nor the agent's user");
	assert_int_equal(unlink(in_folder("tank")), 0);
	make_socket(in_folder("tank.socket"));
	assert_int_equal(chown(in_folder("tank.socket"), 12345, 0), 0);
	expect_fault("the socket belongs to neither root nor the agent's user");
	assert_int_equal(chown(folder, 12345, 0), 0);
	assert_false(scan());
}

static void links_are_not_followed(void **state)
{
	(void)state;
	write_file(in_folder("tank.xml"), DEFINITION, 0644);
	assert_int_equal(symlink("/bin/sh", in_folder("tank")), 0);
	expect_fault("there is neither a program nor a socket for the definition");
	assert_int_equal(symlink("tank.xml", in_folder("valve.xml")), 0);
	assert_int_equal(found()->way, EXTENSION_BY_NOTHING);
}

static void a_file_that_has_changed_is_another(void **state)
{
	struct extension_files before;
	(void)state;
	write_file(in_folder("tank.xml"), DEFINITION, 0644);
	write_file(in_folder("tank"), "#!/bin/sh\n", 0755);
	before = *found();
	assert_true(extension_files_are_same(&before, found()));
	write_file(in_folder("tank"), "#!/bin/sh\n:\n", 0755);
	assert_false(extension_files_are_same(&before, found()));
	before = *found();
	assert_int_equal(chmod(in_folder("tank"), 0700), 0);
	assert_false(extension_files_are_same(&before, found()));
}

static void definitions_are_read_or_told_what_is_wrong(void **state)
{
	struct model_list objects = {.count = 0};
	static char large[300000];
	(void)state;
	write_file(in_folder("tank.xml"), DEFINITION, 0644);
	assert_true(extension_files_read(folder, found(), &objects, why));
	assert_int_equal(objects.count, 1);
	assert_int_equal(objects.objects[0].id, 26301);
	model_list_done(&objects);
	objects = (struct model_list){.count = 0};
	write_file(in_folder("tank.xml"), "<LWM2M>", 0644);
	assert_false(extension_files_read(folder, found(), &objects, why));
	assert_memory_equal(why, "the definition: line 1", 22);
	memset(large, ' ', sizeof large - 1);
	write_file(in_folder("tank.xml"), large, 0644);
	assert_false(extension_files_read(folder, found(), &objects, why));
	assert_string_equal(why, "the definition: File too large");
	model_list_done(&objects);
}

static void a_folder_that_is_not_there_is_told(void **state)
{
	(void)state;
	remove_tree(folder);
	assert_false(scan());
	assert_string_equal(why, "No such file or directory");
}

static void no_more_are_taken_than_there_is_room_for(void **state)
{
	char name[32];
	(void)state;
	for (int i = 0; i < EXTENSION_FILES_MAX + 3; i++) {
		(void)snprintf(name, sizeof name, "tank%d.xml", i);
		write_file(in_folder(name), DEFINITION, 0644);
	}
	write_file(in_folder("a-name-that-is-longer-than-names-may-be.xml"), DEFINITION, 0644);
	assert_true(scan());
	assert_int_equal(count, EXTENSION_FILES_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		TEST(a_definition_and_a_program_are_an_extension),
		TEST(a_socket_may_stand_for_the_program),
		TEST(what_others_can_write_is_refused),
		TEST(what_belongs_to_somebody_else_is_refused),
		TEST(links_are_not_followed),
		TEST(a_file_that_has_changed_is_another),
		TEST(definitions_are_read_or_told_what_is_wrong),
		TEST(a_folder_that_is_not_there_is_told),
		TEST(no_more_are_taken_than_there_is_room_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
