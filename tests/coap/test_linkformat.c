/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/linkformat.h"
#include "coap/uri.h"
#include "tests/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Writes "target{name=value|name|...}" for each link, so that a text's structure is compared in one line. */
static bool structure_of(struct bytes text, struct writer *w)
{
	struct coap_link_reader links = coap_linkformat_links(text);
	struct coap_link link;
	struct coap_link_attribute attribute;
	while (coap_linkformat_next(&links, &link)) {
		struct coap_link_reader attributes = coap_linkformat_attributes(&link);
		write_bytes(w, link.target);
		write_text(w, "{");
		while (coap_linkformat_next_attribute(&attributes, &attribute)) {
			write_bytes(w, attribute.name);
			if (attribute.has_value)
				write_text(w, "=");
			coap_linkformat_write_value(w, &attribute);
			write_text(w, "|");
		}
		assert_false(attributes.failed);
		write_text(w, "}");
	}
	return !links.failed;
}

static const struct {
	const char *text, *structure;
} good[] = {
	{"", ""}, {"<>", "{}"}, {"</a>", "/a{}"}, {"</a>,</b>", "/a{}/b{}"},
	{"</>;ct=\"60 110 112 11542 11544\",</1/0>,</3/0>,</5/0>", "/{ct=60 110 112 11542 11544|}/1/0{}/3/0{}/5/0{}"},
	{"</sensors>;ct=40;title=\"Sensor Index\"", "/sensors{ct=40|title=Sensor Index|}"}, /* RFC 6690 section 5 */
	{"</sensors/temp>;rt=\"temperature-c\";if=\"sensor\",</sensors/light>;rt=\"light-lux\";if=\"sensor\"",
		"/sensors/temp{rt=temperature-c|if=sensor|}/sensors/light{rt=light-lux|if=sensor|}"},
	{"<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\";rel=\"describedby\"",
		"http://www.example.com/sensors/t123{anchor=/sensors/temp|rel=describedby|}"},
	{"</a>;obs;sz=1024", "/a{obs|sz=1024|}"}, {"</a>;x=\"a,b;c>d\",</b>", "/a{x=a,b;c>d|}/b{}"},
	{"</a>;x=\"say \\\"hi\\\" \\\\\"", "/a{x=say \"hi\" \\|}"}, {"</a>;x=\"\";y=1", "/a{x=|y=1|}"},
	{"</a>;x=\"\xc3\xa4\"", "/a{x=\xc3\xa4|}"}, {"</a>;title*=UTF-8'de'%C3%A4", "/a{title*=UTF-8'de'%C3%A4|}"},
	{"</a>;x=a=b/c<d>", "/a{x=a=b/c<d>|}"}, {" </a> ; x=1 , </b> ", "/a{x=1|}/b{}"}, {"</a,b;c>", "/a,b;c{}"},
	{"</a>;x==", "/a{x==|}"}, /* the sign may also stand in a token */
};

#define GOOD_COUNT (sizeof good / sizeof good[0])

static void links_and_attributes_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOOD_COUNT; i++) {
		char text[256];
		struct writer w = writer_of(text, sizeof text);
		if (!structure_of(bytes_of_text(good[i].text), &w))
			fail_msg("%s is refused", good[i].text);
		if (!bytes_equal_text(writer_bytes(&w), good[i].structure))
			fail_msg("%s becomes %.*s", good[i].text, (int)writer_bytes(&w).len, text);
	}
}

static void texts_that_break_the_grammar_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"<",
		">",
		"a",
		"/a",
		"</a",
		"</a>x",
		"</a></b>",
		"</a>,",
		",</a>",
		",",
		"</a>,,</b>",
		"</a>;",
		"</a>;;x",
		"</a>;=1",
		"</a>;x=",
		"</a>;x=,</b>",
		"</a>;x=\"",
		"</a>;x=\"a",
		"</a>;x=\"a\\",
		"</a>;x=\"a\\\"",
		"</a>;x=\"a\"b",
		"</a>;x=a\"b",
		"</a>;x=a b",
		"</a>;x y",
		"</a b>",
		"<<a>>",
		"</a\n>",
		"</a>;x=\"a\nb\"",
		"</a>;x=\"a\\\nb\"",
		"</a>;x=\x01",
		"</a>;\xc3\xa4=1",
		"</a>;x=a\\",
		"<\"a\">",
		"</a>;x=\"\x7f\"",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct bytes text = exact_copy(bytes_of_text(bad[i]));
		size_t count = 77;
		if (coap_linkformat_check(text, &count))
			fail_msg("%s is accepted", bad[i]);
		assert_int_equal(count, 77);
		free((void *)text.data);
	}
}

static void links_are_counted(void **state)
{
	(void)state;
	size_t count = 77;
	assert_true(coap_linkformat_check(BYTES_NONE, &count) && count == 0);
	assert_true(coap_linkformat_check(bytes_of_text("</1/0>,</3/0>;x=\",\""), &count) && count == 2);
}

static void a_failed_reader_stays_failed(void **state)
{
	(void)state;
	struct coap_link_reader r = coap_linkformat_links(bytes_of_text("</a>x</b>"));
	struct coap_link link;
	assert_true(coap_linkformat_next(&r, &link));
	assert_false(coap_linkformat_next(&r, &link));
	assert_true(r.failed);
	assert_false(coap_linkformat_next(&r, &link));
	assert_true(bytes_equal_text(link.target, "/a"));
}

static void no_prefix_reads_beyond_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOOD_COUNT; i++)
		for (size_t len = 0; len < strlen(good[i].text); len++) {
			char out[256];
			struct writer w = writer_of(out, sizeof out);
			struct bytes text = exact_copy(bytes_of(good[i].text, len));
			(void)!structure_of(text, &w);
			assert_false(w.failed);
			free((void *)text.data);
		}
}

static void the_first_attribute_of_a_name_is_found(void **state)
{
	(void)state;
	struct coap_link link = {bytes_of_text("/a"), bytes_of_text("rt=\"x\";ct=40;obs;ct=50")};
	struct coap_link_attribute attribute;
	assert_true(coap_linkformat_find(&link, "ct", &attribute) && bytes_equal_text(attribute.value, "40"));
	assert_false(attribute.is_quoted);
	assert_true(coap_linkformat_find(&link, "rt", &attribute) && attribute.is_quoted);
	assert_true(coap_linkformat_find(&link, "obs", &attribute) && !attribute.has_value);
	assert_false(coap_linkformat_find(&link, "r", &attribute));
	assert_false(coap_linkformat_find(&link, "RT", &attribute));
}

static void links_are_written_and_read_back(void **state)
{
	(void)state;
	char text[256], structure[256];
	struct writer w = writer_of(text, sizeof text), s = writer_of(structure, sizeof structure);
	coap_linkformat_write_target(&w, bytes_of_text("/3/0"));
	coap_linkformat_write_attribute_quoted(&w, "title", bytes_of_text("a \"b\", \\c;"));
	coap_linkformat_write_attribute(&w, "obs");
	coap_linkformat_write_target(&w, bytes_of_text("/5"));
	coap_linkformat_write_attribute_token(&w, "ver", bytes_of_text("1.1"));
	assert_false(w.failed);
	assert_true(bytes_equal_text(writer_bytes(&w), "</3/0>;title=\"a \\\"b\\\", \\\\c;\";obs,</5>;ver=1.1"));
	assert_true(structure_of(writer_bytes(&w), &s));
	assert_true(bytes_equal_text(writer_bytes(&s), "/3/0{title=a \"b\", \\c;|obs|}/5{ver=1.1|}"));
}

static void what_cannot_be_a_link_is_not_written(void **state)
{
	(void)state;
	static const char *const targets[] = {"/a>", "/a b", "<", "/\"", "/\n", "/\xc3\xa4"};
	static const char *const tokens[] = {"", "a b", "a,b", "a;b", "a\"b", "\\", "\n"};
	char text[64];
	struct writer w;
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		w = writer_of(text, sizeof text);
		coap_linkformat_write_target(&w, bytes_of_text(targets[i]));
		assert_true(w.failed);
	}
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		w = writer_of(text, sizeof text);
		coap_linkformat_write_attribute_token(&w, "x", bytes_of_text(tokens[i]));
		assert_true(w.failed);
	}
	w = writer_of(text, sizeof text);
	coap_linkformat_write_attribute_quoted(&w, "x", bytes_of_text("line\nline"));
	assert_true(w.failed);
	w = writer_of(text, 5);
	coap_linkformat_write_target(&w, bytes_of_text("/abc"));
	assert_true(w.failed);
}

/* The plugtest's LINK cases (TD_COAP_LINK_02 to 08) and RFC 6690 section 4.1. */
static void links_are_filtered_by_one_query(void **state)
{
	(void)state;
	static const struct {
		const char *query, *target, *attributes;
		bool matches;
	} rows[] = {
		{"rt=Type1", "/a", "rt=\"Type1\"", true},
		{"rt=Type1", "/a", "rt=Type1", true},
		{"rt=Type1", "/a", "rt=\"Type10\"", false},
		{"rt=Type10", "/a", "rt=\"Type1\"", false},
		{"rt=*", "/a", "rt=\"x\"", true},
		{"rt=*", "/a", "rt=\"\"", true},
		{"rt=*", "/a", "if=\"x\"", false},
		{"rt=Type2", "/a", "rt=\"Type1 Type2\"", true},
		{"rt=Type2", "/a", "rt=\"Type2 Type3\"", true},
		{"rt=Type2", "/a", "rt=\"Type1 Type3\"", false},
		{"rt=Type2", "/a", "rt=\"\"", false},
		{"rt=Type1 Type2", "/a", "rt=\"Type1 Type2\"", false},
		{"rt=core.rd*", "/rd", "rt=\"core.rd\"", true},
		{"rt=core.rd*", "/rd", "rt=\"x core.rd-lookup-res\"", true},
		{"rt=core.rd*", "/rd", "rt=\"core\"", false},
		{"if=If*", "/a", "rt=\"x\";if=\"If1\"", true},
		{"if=If*", "/a", "if=\"iF1\"", false},
		{"sz=*", "/a", "sz=100", true},
		{"sz=*", "/a", "ct=40", false},
		{"sz=10", "/a", "sz=100", false},
		{"href=/link1", "/link1", "", true},
		{"href=/link1", "/link11", "", false},
		{"href=/link*", "/link3", "", true},
		{"href=/link*", "/test", "", false},
		{"href=*", "/test", "", true},
		{"ct=40", "/a", "ct=\"0 40 50\"", true},
		{"ct=4", "/a", "ct=\"0 40 50\"", false},
		{"title=two words", "/a", "title=\"two words\"", true},
		{"title=two", "/a", "title=\"two words\"", false},
		{"title=a\"b", "/a", "title=\"a\\\"b\"", true},
		{"obs", "/a", "obs;ct=0", true},
		{"obs", "/a", "ct=0", false},
		{"obs=*", "/a", "obs", true},
		{"obs=1", "/a", "obs", false},
		{"rt=b", "/a", "rt=a;rt=b", true},
		{"rt=", "/a", "rt=\"\"", true},
		{"rt=", "/a", "rt=\"x\"", false},
		{"", "/a", "rt=\"x\"", false},
		{"=x", "/a", "rt=\"x\"", false},
		{"*", "/a", "rt=\"x\"", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct coap_link link = {bytes_of_text(rows[i].target), bytes_of_text(rows[i].attributes)};
		if (coap_linkformat_matches(&link, bytes_of_text(rows[i].query)) != rows[i].matches)
			fail_msg("?%s on <%s>;%s", rows[i].query, rows[i].target, rows[i].attributes);
	}
}

/* RFC 6690 section 5, in the order of the examples; the linefeeds there are for readers. */
#define TEMPERATURE "</sensors/temp>;rt=\"temperature-c\";if=\"sensor\""
#define ANCHORED                                                                              \
	"<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\";rel=\"describedby\"," \
	"</t>;anchor=\"/sensors/temp\";rel=\"alternate\""

static void the_rfcs_examples_have_their_links(void **state)
{
	static const char *const rows[][2] = {
		{"</sensors/temp>;if=\"sensor\",</sensors/light>;if=\"sensor\"",
			"/sensors/temp{if=sensor|}/sensors/light{if=sensor|}"},
		{"</sensors>;ct=40", "/sensors{ct=40|}"},
		{TEMPERATURE ",</sensors/light>;rt=\"light-lux\";if=\"sensor\"",
			"/sensors/temp{rt=temperature-c|if=sensor|}/sensors/light{rt=light-lux|if=sensor|}"},
		{"</sensors/light>;rt=\"light-lux core.sen-light\";if=\"sensor\"",
			"/sensors/light{rt=light-lux core.sen-light|if=sensor|}"},
		{"</sensors>;ct=40;title=\"Sensor Index\"," TEMPERATURE
		 ",</sensors/light>;rt=\"light-lux\";if=\"sensor\"," ANCHORED,
			"/sensors{ct=40|title=Sensor Index|}/sensors/temp{rt=temperature-c|if=sensor|}"
			"/sensors/light{rt=light-lux|if=sensor|}http://www.example.com/sensors/t123{anchor=/sensors/"
			"temp|"
			"rel=describedby|}/t{anchor=/sensors/temp|rel=alternate|}"},
		{"</firmware/v2.1>;rt=\"firmware\";sz=262144", "/firmware/v2.1{rt=firmware|sz=262144|}"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[400];
		struct writer w = writer_of(text, sizeof text);
		assert_true(structure_of(bytes_of_text(rows[i][0]), &w));
		if (!bytes_equal_text(writer_bytes(&w), rows[i][1]))
			fail_msg("%s becomes %.*s", rows[i][0], (int)writer_bytes(&w).len, text);
	}
}

static void the_rfcs_queries_select_their_links(void **state)
{
	static const struct {
		const char *query, *selected;
	} rows[] = {
		{"rt=light-lux", "/sensors/light "},
		{"anchor=/sensors/temp", "http://www.example.com/sensors/t123 /t "},
		{"rt=firmware", "/firmware/v2.1 "},
	};
	static const char all[] = "</sensors>;ct=40;title=\"Sensor Index\"," TEMPERATURE
				  ",</sensors/light>;rt=\"light-lux core.sen-light\";if=\"sensor\"," ANCHORED
				  ",</firmware/v2.1>;rt=\"firmware\";sz=262144";
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct coap_link_reader links = coap_linkformat_links(bytes_of_text(all));
		struct coap_link link;
		char text[128];
		struct writer w = writer_of(text, sizeof text);
		while (coap_linkformat_next(&links, &link)) {
			if (!coap_linkformat_matches(&link, bytes_of_text(rows[i].query)))
				continue;
			write_bytes(&w, link.target);
			write_text(&w, " ");
		}
		assert_false(links.failed);
		assert_true(bytes_equal_text(writer_bytes(&w), rows[i].selected));
	}
}

/* RFC 6690 section 2.1: targets and anchors are URI references, relative to where the list came from. */
static void targets_are_resolved_against_the_uri_of_the_list(void **state)
{
	static const char *const rows[][3] = {
		{"coap://h/.well-known/core", "/sensors/temp", "coap://h/sensors/temp"},
		{"coap://h/.well-known/core?rt=x", "/t", "coap://h/t"},
		{"coap://h/sensors/", "temp", "coap://h/sensors/temp"},
		{"coap://h/sensors", "sensors/light", "coap://h/sensors/light"},
		{"coap://h/a/list", "../t?x=1", "coap://h/t?x=1"},
		{"coaps://[2001:db8::1]:7/a", "t", "coaps://[2001:db8::1]:7/t"},
		{"coap://h/a", "coap://g:7/t", "coap://g:7/t"},
		{"coap://h/a", "//g/t", "coap://g/t"},
		{"coap://h/a", "", "coap://h/a"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char list[64], text[64], path[64];
		struct writer w = writer_of(list, sizeof list), room = writer_of(path, sizeof path);
		struct coap_uri base, uri;
		struct coap_link link;
		coap_linkformat_write_target(&w, bytes_of_text(rows[i][1]));
		struct coap_link_reader links = coap_linkformat_links(writer_bytes(&w));
		assert_true(coap_linkformat_next(&links, &link));
		assert_true(coap_uri_parse(bytes_of_text(rows[i][0]), &base));
		assert_true(coap_uri_resolve(&base, link.target, &room, &uri));
		w = writer_of(text, sizeof text);
		coap_uri_write(&w, &uri);
		assert_true(bytes_equal_text(writer_bytes(&w), rows[i][2]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_and_attributes_are_found),
		cmocka_unit_test(texts_that_break_the_grammar_are_refused),
		cmocka_unit_test(links_are_counted),
		cmocka_unit_test(a_failed_reader_stays_failed),
		cmocka_unit_test(no_prefix_reads_beyond_its_end),
		cmocka_unit_test(the_first_attribute_of_a_name_is_found),
		cmocka_unit_test(links_are_written_and_read_back),
		cmocka_unit_test(what_cannot_be_a_link_is_not_written),
		cmocka_unit_test(links_are_filtered_by_one_query),
		cmocka_unit_test(the_rfcs_examples_have_their_links),
		cmocka_unit_test(the_rfcs_queries_select_their_links),
		cmocka_unit_test(targets_are_resolved_against_the_uri_of_the_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
