/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What cannot be had of a token in software: PINs that lock. The path of the module is the first argument. */
#include "pki/token_pkcs11.h"

#include "tests/pki/token_module.h"

#include <dlfcn.h>
#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define CKF_USER_PIN_FINAL_TRY 0x00020000UL
#define CKF_USER_PIN_LOCKED    0x00040000UL
#define CKR_PIN_INCORRECT      0xA0UL

static const char *path;
static struct token_module *module;
static char error[200];

static int set_up(void **state)
{
	(void)state;
	*module = (struct token_module){.token_is_there = true};
	error[0] = '\0';
	return 0;
}

static struct token_pkcs11 *open_token(void)
{
	struct token_uri uri = {.token = "fleet", .object = "ca"};
	(void)snprintf(uri.module, sizeof uri.module, "%s", path);
	return token_pkcs11_open(&uri, bytes_of_text("1234"), error, sizeof error);
}

static void a_token_is_opened_with_one_login(void **state)
{
	(void)state;
	struct token_pkcs11 *t = open_token();
	assert_non_null(t);
	assert_int_equal(module->logins, 1);
	token_pkcs11_close(t);
}

static void a_wrong_pin_is_tried_once(void **state)
{
	(void)state;
	module->login_result = CKR_PIN_INCORRECT;
	assert_null(open_token());
	assert_non_null(strstr(error, "refuses the PIN"));
	assert_int_equal(module->logins, 1);
}

static void the_last_try_before_a_token_locks_is_left_to_a_person(void **state)
{
	(void)state;
	module->token_flags = CKF_USER_PIN_FINAL_TRY;
	assert_null(open_token());
	assert_non_null(strstr(error, "one more wrong PIN would lock the token"));
	assert_int_equal(module->logins, 0);
}

static void no_pin_is_tried_on_a_token_that_is_locked(void **state)
{
	(void)state;
	module->token_flags = CKF_USER_PIN_LOCKED;
	assert_null(open_token());
	assert_non_null(strstr(error, "PIN is locked"));
	assert_int_equal(module->logins, 0);
}

static void a_token_that_the_module_has_not_seen_is_found_by_starting_it_anew(void **state)
{
	(void)state;
	struct token_pkcs11 *first = open_token();
	assert_non_null(first);
	module->token_is_seen = false;
	struct token_pkcs11 *second = open_token();
	assert_non_null(second);
	/* once for the first opening, and once because the token was not seen */
	assert_int_equal(module->starts, 2);
	token_pkcs11_close(first);
	token_pkcs11_close(second);
}

int main(int count, char **arguments)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_token_is_opened_with_one_login, set_up),
		cmocka_unit_test_setup(a_wrong_pin_is_tried_once, set_up),
		cmocka_unit_test_setup(the_last_try_before_a_token_locks_is_left_to_a_person, set_up),
		cmocka_unit_test_setup(no_pin_is_tried_on_a_token_that_is_locked, set_up),
		cmocka_unit_test_setup(a_token_that_the_module_has_not_seen_is_found_by_starting_it_anew, set_up),
	};
	path = count > 1 ? arguments[1] : "";
	void *library = dlopen(path, RTLD_NOW);
	module = library == NULL ? NULL : dlsym(library, "token_module");
	if (module == NULL) {
		(void)fprintf(stderr, "no module: %s\n", dlerror());
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
