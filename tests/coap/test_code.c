/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/code.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct bytes text_of(enum coap_code code, char *out, size_t capacity)
{
	struct writer w = writer_of(out, capacity);
	coap_code_write(&w, code);
	assert_false(w.failed);
	return writer_bytes(&w);
}

/* RFC 7252 sections 12.1.1 and 12.1.2 and those that added to them. */
static void codes_are_the_registered_bytes(void **state)
{
	(void)state;
	static const struct {
		enum coap_code code;
		uint8_t byte;
		const char *text;
	} rows[] = {
		{COAP_EMPTY, 0x00, "0.00 Empty"},
		{COAP_GET, 0x01, "GET"},
		{COAP_POST, 0x02, "POST"},
		{COAP_PUT, 0x03, "PUT"},
		{COAP_DELETE, 0x04, "DELETE"},
		{COAP_FETCH, 0x05, "FETCH"},
		{COAP_PATCH, 0x06, "PATCH"},
		{COAP_IPATCH, 0x07, "iPATCH"},
		{COAP_CREATED, 2 << 5 | 1, "2.01 Created"},
		{COAP_DELETED, 2 << 5 | 2, "2.02 Deleted"},
		{COAP_VALID, 2 << 5 | 3, "2.03 Valid"},
		{COAP_CHANGED, 2 << 5 | 4, "2.04 Changed"},
		{COAP_CONTENT, 2 << 5 | 5, "2.05 Content"},
		{COAP_CONTINUE, 2 << 5 | 31, "2.31 Continue"},
		{COAP_BAD_REQUEST, 4 << 5 | 0, "4.00 Bad Request"},
		{COAP_UNAUTHORIZED, 4 << 5 | 1, "4.01 Unauthorized"},
		{COAP_BAD_OPTION, 4 << 5 | 2, "4.02 Bad Option"},
		{COAP_FORBIDDEN, 4 << 5 | 3, "4.03 Forbidden"},
		{COAP_NOT_FOUND, 4 << 5 | 4, "4.04 Not Found"},
		{COAP_METHOD_NOT_ALLOWED, 4 << 5 | 5, "4.05 Method Not Allowed"},
		{COAP_NOT_ACCEPTABLE, 4 << 5 | 6, "4.06 Not Acceptable"},
		{COAP_REQUEST_ENTITY_INCOMPLETE, 4 << 5 | 8, "4.08 Request Entity Incomplete"},
		{COAP_CONFLICT, 4 << 5 | 9, "4.09 Conflict"},
		{COAP_PRECONDITION_FAILED, 4 << 5 | 12, "4.12 Precondition Failed"},
		{COAP_REQUEST_ENTITY_TOO_LARGE, 4 << 5 | 13, "4.13 Request Entity Too Large"},
		{COAP_UNSUPPORTED_CONTENT_FORMAT, 4 << 5 | 15, "4.15 Unsupported Content-Format"},
		{COAP_UNPROCESSABLE_ENTITY, 4 << 5 | 22, "4.22 Unprocessable Entity"},
		{COAP_TOO_MANY_REQUESTS, 4 << 5 | 29, "4.29 Too Many Requests"},
		{COAP_INTERNAL_SERVER_ERROR, 5 << 5 | 0, "5.00 Internal Server Error"},
		{COAP_NOT_IMPLEMENTED, 5 << 5 | 1, "5.01 Not Implemented"},
		{COAP_BAD_GATEWAY, 5 << 5 | 2, "5.02 Bad Gateway"},
		{COAP_SERVICE_UNAVAILABLE, 5 << 5 | 3, "5.03 Service Unavailable"},
		{COAP_GATEWAY_TIMEOUT, 5 << 5 | 4, "5.04 Gateway Timeout"},
		{COAP_PROXYING_NOT_SUPPORTED, 5 << 5 | 5, "5.05 Proxying Not Supported"},
		{COAP_HOP_LIMIT_REACHED, 5 << 5 | 8, "5.08 Hop Limit Reached"},
		{COAP_CSM, 7 << 5 | 1, "7.01 CSM"},
		{COAP_PING, 7 << 5 | 2, "7.02 Ping"},
		{COAP_PONG, 7 << 5 | 3, "7.03 Pong"},
		{COAP_RELEASE, 7 << 5 | 4, "7.04 Release"},
		{COAP_ABORT, 7 << 5 | 5, "7.05 Abort"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[64];
		assert_int_equal(rows[i].code, rows[i].byte);
		assert_true(bytes_equal_text(text_of(rows[i].code, text, sizeof text), rows[i].text));
	}
}

static void every_byte_has_a_text_that_reads_back_as_itself(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		char text[64];
		enum coap_code code = (enum coap_code)byte, again;
		struct bytes written = text_of(code, text, sizeof text);
		bool is_method = coap_code_is_request(code) && coap_code_name(code) != NULL;
		if (is_method)
			assert_true(coap_code_parse_method(written, &again));
		else
			assert_true(coap_code_parse(bytes_first(written, 4), &again));
		assert_int_equal(again, code);
		assert_int_equal(coap_code_class(code) * 32 + coap_code_detail(code), byte);
	}
}

static void a_code_without_a_name_is_written_by_its_numbers(void **state)
{
	(void)state;
	char text[64];
	assert_null(coap_code_name((enum coap_code)0x47));
	assert_true(bytes_equal_text(text_of((enum coap_code)0x47, text, sizeof text), "2.07"));
	assert_true(bytes_equal_text(text_of((enum coap_code)0x1f, text, sizeof text), "0.31"));
}

static void classes_are_told_apart_for_known_and_unknown_codes(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		enum coap_code code = (enum coap_code)byte;
		unsigned class = byte / 32;
		assert_int_equal(coap_code_is_empty(code), byte == 0);
		assert_int_equal(coap_code_is_request(code), byte >= 1 && byte <= 31);
		assert_int_equal(coap_code_is_response(code), class == 2 || class == 4 || class == 5);
		assert_int_equal(coap_code_is_success(code), class == 2);
		assert_int_equal(coap_code_is_error(code), class == 4 || class == 5);
		assert_int_equal(coap_code_is_safe(code), byte == 1 || byte == 5);
		assert_int_equal(coap_code_is_idempotent(code), byte != 2 && byte != 6 && byte >= 1 && byte <= 7);
	}
}

static void texts_that_are_no_codes_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "2", "2.", "2.0", "2.5", "2.032", "8.00", "2.32", "2.99", "2,05", "a.05",
		"2.a5", "-.05", "20.5", " 2.05"};
	enum coap_code code;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(coap_code_parse(bytes_of_text(bad[i]), &code));
	assert_true(coap_code_parse(bytes_of_text("4.04"), &code) && code == COAP_NOT_FOUND);
}

static void methods_are_read_in_either_case(void **state)
{
	(void)state;
	enum coap_code code;
	assert_true(coap_code_parse_method(bytes_of_text("get"), &code) && code == COAP_GET);
	assert_true(coap_code_parse_method(bytes_of_text("IPATCH"), &code) && code == COAP_IPATCH);
	assert_true(coap_code_parse_method(bytes_of_text("patch"), &code) && code == COAP_PATCH);
	assert_false(coap_code_parse_method(bytes_of_text("Content"), &code));
	assert_false(coap_code_parse_method(bytes_of_text("Empty"), &code));
	assert_false(coap_code_parse_method(bytes_of_text("GE"), &code));
	assert_false(coap_code_parse_method(bytes_of_text(""), &code));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_the_registered_bytes),
		cmocka_unit_test(every_byte_has_a_text_that_reads_back_as_itself),
		cmocka_unit_test(a_code_without_a_name_is_written_by_its_numbers),
		cmocka_unit_test(classes_are_told_apart_for_known_and_unknown_codes),
		cmocka_unit_test(texts_that_are_no_codes_are_refused),
		cmocka_unit_test(methods_are_read_in_either_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
