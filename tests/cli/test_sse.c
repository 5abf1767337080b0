/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct heard {
	struct sse_reader reader;
	char text[1024]; /* "type|id|data;" for each event */
	unsigned enough; /* ends after so many; 0: never */
	unsigned count;
};

static bool hear(void *context, const struct sse_event *event)
{
	struct heard *h = context;
	size_t len = strlen(h->text);
	snprintf(h->text + len, sizeof h->text - len, "%s|%s|%s;", event->type, event->id, event->data);
	return ++h->count != h->enough;
}

static struct heard *listen_anew(void)
{
	struct heard *h = calloc(1, sizeof *h);
	assert_non_null(h);
	sse_reader_init(&h->reader, hear, h);
	return h;
}

static void assert_heard(const char *stream, const char *expected)
{
	/* Whole, and cut into pieces of every length. */
	for (size_t piece = 1; piece <= strlen(stream) + 1; piece++) {
		struct heard *h = listen_anew();
		for (size_t at = 0; at < strlen(stream); at += piece) {
			size_t left = strlen(stream) - at;
			assert_true(sse_reader_feed(&h->reader, stream + at, left < piece ? left : piece));
		}
		assert_string_equal(h->text, expected);
		free(h);
	}
}

static void events_are_told_at_their_empty_line(void **state)
{
	(void)state;
	assert_heard("data: one\n\n", "message||one;");
	assert_heard("data: one\n", "");
	assert_heard("id: 7\nevent: health\ndata: {}\n\ndata: x\n\n", "health|7|{};message|7|x;");
}

static void every_line_end_will_do(void **state)
{
	(void)state;
	assert_heard("data: a\r\n\r\ndata: b\r\rdata: c\n\n", "message||a;message||b;message||c;");
}

static void comments_unknown_fields_and_empty_events_are_skipped(void **state)
{
	(void)state;
	assert_heard(": still here\n\nretry: 2000\n\nid: 9\n\nnonsense\ndata\n\n", "message|9|;");
}

/* WHATWG HTML section 9.2.6: one space behind the colon is not part of the value; lines of data are joined. */
static void data_may_have_several_lines(void **state)
{
	(void)state;
	assert_heard("data:one\ndata:  two\ndata\n\n", "message||one\n two\n;");
}

static void a_restart_forgets_half_an_event_and_keeps_the_id(void **state)
{
	(void)state;
	struct heard *h = listen_anew();
	const char *half = "id: 3\ndata: a\n\nevent: x\ndata: half", *next = "data: b\n\n";
	assert_true(sse_reader_feed(&h->reader, half, strlen(half)));
	sse_reader_restart(&h->reader);
	assert_true(sse_reader_feed(&h->reader, next, strlen(next)));
	assert_string_equal(h->text, "message|3|a;message|3|b;");
	free(h);
}

static void the_listener_may_have_heard_enough(void **state)
{
	(void)state;
	struct heard *h = listen_anew();
	h->enough = 1;
	assert_false(sse_reader_feed(&h->reader, "data: a\n\ndata: b\n\n", 18));
	assert_int_equal(h->count, 1);
	assert_false(h->reader.failed);
	free(h);
}

static void a_line_over_the_limit_breaks_the_stream(void **state)
{
	(void)state;
	struct heard *h = listen_anew();
	char *line = malloc(SSE_LINE_MAX + 1);
	assert_non_null(line);
	memset(line, 'x', SSE_LINE_MAX + 1);
	assert_true(sse_reader_feed(&h->reader, line, SSE_LINE_MAX));
	assert_false(sse_reader_feed(&h->reader, line, 1));
	assert_true(h->reader.failed);
	free(line);
	free(h);
}

static void data_over_the_limit_breaks_the_stream(void **state)
{
	(void)state;
	struct heard *h = listen_anew();
	char line[1024] = "data: ";
	memset(line + 6, 'x', sizeof line - 7);
	line[sizeof line - 1] = '\n';
	bool is_fine = true;
	for (int i = 0; i < 70 && is_fine; i++)
		is_fine = sse_reader_feed(&h->reader, line, sizeof line);
	assert_false(is_fine);
	assert_true(h->reader.failed);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_told_at_their_empty_line),
		cmocka_unit_test(every_line_end_will_do),
		cmocka_unit_test(comments_unknown_fields_and_empty_events_are_skipped),
		cmocka_unit_test(data_may_have_several_lines),
		cmocka_unit_test(a_restart_forgets_half_an_event_and_keeps_the_id),
		cmocka_unit_test(the_listener_may_have_heard_enough),
		cmocka_unit_test(a_line_over_the_limit_breaks_the_stream),
		cmocka_unit_test(data_over_the_limit_breaks_the_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
