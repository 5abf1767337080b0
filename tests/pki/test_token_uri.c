/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/token_uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define WHOLE "pkcs11:token=fleet;object=ca?module-path=/lib/m.so&pin-source=/etc/pin"

static void what_is_needed_is_found(void **state)
{
	struct token_uri u;
	(void)state;
	assert_null(token_uri_parse(bytes_of_text(WHOLE), &u));
	assert_string_equal(u.token, "fleet");
	assert_string_equal(u.object, "ca");
	assert_string_equal(u.module, "/lib/m.so");
	assert_string_equal(u.pin_source, "/etc/pin");
}

/* RFC 7512 sections 2.3 and 2.4 */
static void blanks_files_and_the_type_may_be_written_out(void **state)
{
	struct token_uri u;
	(void)state;
	assert_null(token_uri_parse(bytes_of_text("pkcs11:object=my%20ca;type=private;token=The%3bToken"
						  "?pin-source=file:/etc/pin&module-path=file:/lib/m.so"),
		&u));
	assert_string_equal(u.token, "The;Token");
	assert_string_equal(u.object, "my ca");
	assert_string_equal(u.module, "/lib/m.so");
	assert_string_equal(u.pin_source, "/etc/pin");
}

static void everything_else_is_refused_by_name(void **state)
{
	static const char *const bad[][2] = {
		{"/etc/ca.key", "does not begin with pkcs11:"},
		{"pkcs11:", "needs token and object"},
		{"pkcs11:token=a?module-path=/m&pin-source=/p", "needs token and object"},
		{"pkcs11:token=a;object=b", "needs module-path and pin-source"},
		{"pkcs11:token=a;object=b?module-path=/m", "needs module-path and pin-source"},
		{"pkcs11:token=a;object=b?module-path=/m&pin-value=1234",
			"a PIN does not belong into a URI; name a file with pin-source"},
		{"pkcs11:token=a;object=b;type=cert?module-path=/m&pin-source=/p", "type is not private"},
		{"pkcs11:token=a;serial=7;object=b?module-path=/m&pin-source=/p",
			"has an attribute that is not known here: token, object, type, module-path and pin-source are"},
		{"pkcs11:token=;object=b?module-path=/m&pin-source=/p", "token is no label of 1 to 63 bytes"},
		{"pkcs11:token=a%2;object=b?module-path=/m&pin-source=/p", "token is no label of 1 to 63 bytes"},
		{"pkcs11:token=a%;object=b?module-path=/m&pin-source=/p", "token is no label of 1 to 63 bytes"},
		{"pkcs11:token=a;object=b%00c?module-path=/m&pin-source=/p", "object is no label of 1 to 63 bytes"},
		{"pkcs11:token=a;object=0123456789012345678901234567890123456789012345678901234567890123",
			"object is no label of 1 to 63 bytes"},
	};
	struct token_uri u;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		const char *wrong = token_uri_parse(bytes_of_text(bad[i][0]), &u);
		assert_non_null(wrong);
		assert_string_equal(wrong, bad[i][1]);
	}
}

static void no_cut_of_it_is_taken(void **state)
{
	struct token_uri u;
	struct bytes whole = bytes_of_text(WHOLE);
	(void)state;
	for (size_t len = 0; len < whole.len - 7; len++)
		assert_non_null(token_uri_parse(bytes_first(whole, len), &u));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_needed_is_found),
		cmocka_unit_test(blanks_files_and_the_type_may_be_written_out),
		cmocka_unit_test(everything_else_is_refused_by_name),
		cmocka_unit_test(no_cut_of_it_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
