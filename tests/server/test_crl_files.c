/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/crl_files.h"

#include "pki/certificate_wolfcrypt.h"
#include "tests/pki/crl_vectors.h"
#include "tests/server/directory.h"

#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/asn_public.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BYTES(array) bytes_of(array, sizeof(array))

struct stage {
	struct directory directory;
	struct settings settings;
	struct crl_files files;
	char message[SETTINGS_MESSAGE_BYTES];
	char text[8192];
	uint8_t anchors[2048];
	size_t anchors_len;
};

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	struct writer w = writer_of(s->anchors, sizeof s->anchors);
	directory_make(&s->directory);
	(void)snprintf(s->settings.crl, sizeof s->settings.crl, "%s", directory_file(&s->directory, "crl"));
	assert_true(pki_certificate_write_pem(BYTES(crl_authority), &w));
	s->anchors_len = writer_bytes(&w).len;
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	crl_files_done(&s->files);
	directory_remove(&s->directory);
	free(s);
	return 0;
}

static void append_list(struct stage *s, struct bytes der)
{
	size_t len = strlen(s->text);
	int more = wc_DerToPem(
		der.data, (word32)der.len, (uint8_t *)s->text + len, (word32)(sizeof s->text - len - 1), CRL_TYPE);
	assert_true(more > 0);
	s->text[len + (size_t)more] = '\0';
}

static bool load(struct stage *s)
{
	crl_files_done(&s->files);
	directory_write(&s->directory, "crl", 0644, s->text);
	return crl_files_load(&s->files, &s->settings, bytes_of(s->anchors, s->anchors_len), s->message);
}

static bool has(struct stage *s, struct bytes certificate, uint32_t *ret_number, bool *ret_is_first)
{
	struct welcome_lists port = crl_files_port(&s->files);
	return port.has(port.context, certificate, ret_number, ret_is_first);
}

static void who_is_on_the_list_is_found(void **state)
{
	struct stage *s = *state;
	append_list(s, BYTES(crl_list));
	assert_true(load(s));
	assert_int_equal(s->files.count, 1);
	uint32_t number;
	bool is_first;
	assert_true(has(s, BYTES(crl_taken_back), &number, &is_first));
	assert_true(is_first);
	assert_true(crl_files_has_number(&s->files, number));
	assert_true(has(s, BYTES(crl_taken_back), &number, &is_first));
	assert_false(is_first);
	assert_false(has(s, BYTES(crl_good), &number, &is_first));
	assert_false(crl_files_has_number(&s->files, number));
	assert_false(has(s, BYTES_NONE, &number, &is_first));
}

static void several_lists_lie_in_one_file(void **state)
{
	struct stage *s = *state;
	append_list(s, BYTES(crl_empty_list));
	append_list(s, BYTES(crl_list));
	assert_true(load(s));
	uint32_t number;
	bool is_first;
	assert_true(has(s, BYTES(crl_taken_back), &number, &is_first));
	assert_true(s->files.next_update > 0);
}

static void without_a_file_nobody_is_on_a_list(void **state)
{
	struct stage *s = *state;
	s->settings.crl[0] = '\0';
	assert_true(crl_files_load(&s->files, &s->settings, BYTES_NONE, s->message));
	uint32_t number;
	bool is_first;
	assert_false(has(s, BYTES(crl_taken_back), &number, &is_first));
}

static void a_file_that_is_not_good_is_named_with_what_is_wrong(void **state)
{
	struct stage *s = *state;
	assert_false(load(s));
	assert_non_null(strstr(s->message, "crl: holds no list"));
	append_list(s, BYTES(crl_list));
	s->anchors_len = 0;
	assert_false(load(s));
	assert_non_null(strstr(s->message, "none of the trust anchors has signed"));
	s->text[strlen(s->text) / 2] = '\0';
	assert_false(load(s));
	assert_non_null(strstr(s->message, "broken PEM block"));
	append_list(s, BYTES(crl_good));
	assert_false(load(s));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_on_the_list_is_found),
		TEST(several_lists_lie_in_one_file),
		TEST(without_a_file_nobody_is_on_a_list),
		TEST(a_file_that_is_not_good_is_named_with_what_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
