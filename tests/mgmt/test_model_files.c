/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The argument is the folder of the definitions that are installed. */
#include "mgmt/model_files.h"

#include "mgmt/model_expat.h"
#include "tests/mgmt/print_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *folder;

#define OBJECT(content) "<LWM2M><Object>" content "</Object></LWM2M>"
#define HEAD            "<Name>Pump</Name><ObjectID>30000</ObjectID><ObjectVersion>1.2</ObjectVersion>"
#define ITEM(id, name, operations, type, range)                                                                     \
	"<Item ID=\"" id "\"><Name>" name "</Name><Operations>" operations "</Operations><MultipleInstances>Single" \
	"</MultipleInstances><Mandatory>Mandatory</Mandatory><Type>" type "</Type><RangeEnumeration>" range         \
	"</RangeEnumeration><Units>l/s</Units><Description>Much text</Description></Item>"

static bool read_text(struct model_list *list, const char *text, char message[MODEL_EXPAT_MESSAGE_BYTES])
{
	return model_expat_read(list, bytes_of_text(text), message);
}

static void a_definition_becomes_an_object_with_its_resources_in_order(void **state)
{
	struct model_list list = {0};
	char message[MODEL_EXPAT_MESSAGE_BYTES];
	(void)state;
	assert_true(read_text(&list,
		OBJECT(HEAD "<MultipleInstances>Multiple</MultipleInstances><Resources>" ITEM("5", " Flow \n Rate ",
			"R", "Float", "0..10") ITEM("2", "Start &amp; Go", "E", "", "") "</Resources>"),
		message));
	assert_int_equal(list.count, 1);
	const struct model_object *o = &list.objects[0];
	assert_true(o->id == 30000 && o->is_multiple && !o->is_mandatory && o->resource_count == 2);
	assert_string_equal(o->name, "Pump");
	assert_string_equal(o->version, "1.2");
	assert_string_equal(o->resources[0].name, "Start & Go");
	assert_int_equal(o->resources[0].operations, MODEL_EXECUTE);
	assert_string_equal(o->resources[1].name, "Flow Rate");
	assert_string_equal(o->resources[1].units, "l/s");
	assert_int_equal(o->resources[1].type, VALUE_FLOAT);
	assert_true(o->resources[1].has_range && o->resources[1].lowest == 0 && o->resources[1].highest == 10);
	model_list_done(&list);
}

static void ranges_are_kept_where_they_say_one_thing(void **state)
{
	static const struct {
		const char *text;
		bool is_kept;
		int64_t lowest, highest;
	} rows[] = {
		{"0..255", true, 0, 255},        /* 1 */
		{"-140..-44", true, -140, -44},  /* 2 */
		{"1-65534", true, 1, 65534},     /* 3 */
		{"0..255 bytes", true, 0, 255},  /* 4 */
		{"1..64 Bytes", true, 1, 64},    /* 5 */
		{"16,32,48", true, 16, 48},      /* 6 */
		{"0..247, 255", true, 0, 255},   /* 7 */
		{"255", false, 0, 0},            /* 8: the most, or the only one? */
		{"8-Bits", false, 0, 0},         /* 9 */
		{"5..1", false, 0, 0},           /* 10 */
		{"[1:4]", false, 0, 0},          /* 11 */
		{"10 or 26 Bytes", false, 0, 0}, /* 12 */
		{"", false, 0, 0},               /* 13 */
		{"1..", false, 0, 0},            /* 14 */
		{"1,", false, 0, 0},             /* 15 */
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct model_list list = {0};
		char text[1024], message[MODEL_EXPAT_MESSAGE_BYTES];
		snprintf(text, sizeof text,
			OBJECT(HEAD "<Resources>" ITEM("1", "x", "R", "Integer", "%s") "</Resources>"), rows[i].text);
		assert_true(read_text(&list, text, message));
		const struct model_resource *r = &list.objects[0].resources[0];
		bool is_right = r->has_range == rows[i].is_kept;
		if (is_right && r->has_range)
			is_right = r->lowest == rows[i].lowest && r->highest == rows[i].highest;
		if (!is_right)
			fail_msg("row %zu", i + 1);
		model_list_done(&list);
	}
}

static void what_contradicts_itself_is_refused_whole(void **state)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{"", "line 1: no element found"},                                                              /* 1 */
		{"<html/>", "line 1: this is no object definition: the document is a \"html\""},               /* 2 */
		{"<LWM2M>", "line 1: no element found"},                                                       /* 3 */
		{OBJECT("<Name>a</Name>"), "line 1: an object without a name or without an ObjectID"},         /* 4 */
		{OBJECT("<ObjectID>1</ObjectID>"), "line 1: an object without a name or without an ObjectID"}, /* 5 */
		{OBJECT("<Name>a</Name><ObjectID>65535</ObjectID>"), "line 1: \"65535\" is no id"},            /* 6 */
		{OBJECT(HEAD "<Resources>" ITEM("1", "a", "R", "Integer", "")
				 ITEM("1", "b", "R", "Integer", "") "</Resources>"),
			"line 1: resource 1 is defined twice"}, /* 7 */
		{OBJECT(HEAD "<Resources>" ITEM("1", "a", "R", "Number", "") "</Resources>"),
			"line 1: there is no type \"Number\""}, /* 8 */
		{OBJECT(HEAD "<Resources>" ITEM("1", "a", "X", "String", "") "</Resources>"),
			"line 1: operations are R, W, RW, E or none"}, /* 9 */
		{OBJECT(HEAD "<Resources>" ITEM("1", "a", "R", "", "") "</Resources>"),
			"line 1: resource 1 has no type"}, /* 10 */
		{OBJECT(HEAD "<Resources>" ITEM("1", "", "R", "String", "") "</Resources>"),
			"line 1: resource 1 has no name"},                                         /* 11 */
		{OBJECT(HEAD "<Resources>\n<Item/></Resources>"), "line 2: a resource has no ID"}, /* 12 */
		{"<!DOCTYPE LWM2M [<!ENTITY x SYSTEM \"file:///etc/hostname\">]>" OBJECT(
			 "<Name>&x;</Name><ObjectID>3</ObjectID>"),
			"line 1: a document type declaration has no place here"}, /* 13 */
		{"<!DOCTYPE LWM2M [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>" OBJECT(
			 "<Name>&b;</Name><ObjectID>3</ObjectID>"),
			"line 1: a document type declaration has no place here"}, /* 14 */
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct model_list list = {0};
		char message[MODEL_EXPAT_MESSAGE_BYTES];
		assert_true(read_text(&list, OBJECT(HEAD), message));
		if (read_text(&list, rows[i].text, message))
			fail_msg("row %zu is not refused", i + 1);
		assert_string_equal(message, rows[i].reason);
		assert_int_equal(list.count, 1);
		model_list_done(&list);
	}
}

static unsigned complaints;
static char complaint[256];

static void note_complaint(void *context, const char *path, const char *reason)
{
	(void)context;
	complaints++;
	snprintf(complaint, sizeof complaint, "%s: %s", strrchr(path, '/') + 1, reason);
}

static void every_definition_that_is_installed_loads(void **state)
{
	(void)state;
	complaints = 0;
	struct model_files *f = model_files_load(folder, note_complaint, NULL);
	const struct model *m = model_files_model(f);
	struct path path;
	if (complaints > 0)
		fail_msg("%s", complaint);
	assert_true(model_files_count(f) >= 128);
	for (size_t i = 1; i < m->object_count; i++)
		assert_true(m->objects[i - 1].id <= m->objects[i].id);
	assert_true(model_parse_path(m, bytes_of_text("/3/0/battery-level"), &path));
	assert_true(path_equal(path, path_of_resource(3, 0, 9)));
	assert_true(model_parse_path(m, bytes_of_text("temperature/1/sensor-value"), &path));
	assert_true(path_equal(path, path_of_resource(3303, 1, 5700)));
	struct model_choice first = {3, 1, 0};
	struct model of_1_0 = *m;
	of_1_0.choices = &first;
	of_1_0.choice_count = 1;
	assert_string_equal(model_object(&of_1_0, 3)->version, "1.0");
	assert_string_equal(model_object(m, 3)->version, "1.2");
	model_files_free(f);
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void a_bad_file_costs_nobody_else_his_name(void **state)
{
	char place[] = "/tmp/model_files.XXXXXX", good[64], bad[64];
	(void)state;
	assert_non_null(mkdtemp(place));
	snprintf(good, sizeof good, "%s/30000.xml", place);
	snprintf(bad, sizeof bad, "%s/30001.xml", place);
	write_file(good, OBJECT(HEAD));
	write_file(bad, "<LWM2M><Object>");
	complaints = 0;
	struct model_files *f = model_files_load(place, note_complaint, NULL);
	assert_int_equal(complaints, 1);
	assert_string_equal(complaint, "30001.xml: line 1: no element found");
	assert_int_equal(model_files_count(f), 1);
	assert_non_null(model_object(model_files_model(f), 30000));
	assert_non_null(model_object(model_files_model(f), 3));
	model_files_free(f);
	unlink(good);
	unlink(bad);
	rmdir(place);
	f = model_files_load(place, note_complaint, NULL);
	assert_int_equal(complaints, 2);
	assert_int_equal(model_files_model(f)->object_count, model_core.object_count);
	model_files_free(f);
}

static int print_files(const char *from)
{
	struct model_files *f = model_files_load(from, NULL, NULL);
	int status = print_model(model_files_model(f));
	model_files_free(f);
	return status;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_definition_becomes_an_object_with_its_resources_in_order),
		cmocka_unit_test(ranges_are_kept_where_they_say_one_thing),
		cmocka_unit_test(what_contradicts_itself_is_refused_whole),
		cmocka_unit_test(every_definition_that_is_installed_loads),
		cmocka_unit_test(a_bad_file_costs_nobody_else_his_name),
	};
	if (argc == 3 && strcmp(argv[1], "--print") == 0)
		return print_files(argv[2]);
	if (argc != 2)
		return 2;
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
