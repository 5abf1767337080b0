/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/sealing.h"

#include "dtls/crypto_wolfcrypt.h"
#include "server/secret_files.h"
#include "tests/server/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct dtls_crypto crypto;
static struct sealing sealing;
static const struct bytes owner = {(const uint8_t *)"claim:1", 7}, text = {(const uint8_t *)"sixteen bytes ok", 16};

static void begin_with(uint8_t first_of_secret, struct sealing *s)
{
	uint8_t secret[SEALING_SECRET_BYTES] = {first_of_secret}, seed[PRNG_SEED_BYTES] = {7};
	assert_true(sealing_begin(s, &crypto, secret, seed));
}

static int set_up(void **state)
{
	(void)state;
	assert_true(dtls_crypto_wolfcrypt_init(&crypto));
	begin_with(1, &sealing);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dtls_crypto_wolfcrypt_done(&crypto);
	return 0;
}

static struct bytes sealed_into(uint8_t *buffer, size_t capacity)
{
	struct writer w = writer_of(buffer, capacity);
	sealing_write(&sealing, owner, text, &w);
	return w.failed ? BYTES_NONE : writer_bytes(&w);
}

static void what_was_sealed_opens_and_shows_nothing(void **state)
{
	(void)state;
	uint8_t buffer[64], again[64], opened[16];
	struct bytes sealed = sealed_into(buffer, sizeof buffer), second = sealed_into(again, sizeof again);
	assert_int_equal(sealed.len, text.len + SEALING_MORE_BYTES);
	assert_true(sealing_open(&sealing, owner, sealed, opened, sizeof opened));
	assert_memory_equal(opened, text.data, text.len);
	assert_false(bytes_equal(sealed, second)); /* the same text, with another nonce */
	assert_null(memmem(sealed.data, sealed.len, text.data, 4));
}

static void every_altered_byte_is_noticed(void **state)
{
	(void)state;
	uint8_t buffer[64], opened[16];
	struct bytes sealed = sealed_into(buffer, sizeof buffer);
	for (size_t i = 0; i < sealed.len; i++) {
		buffer[i] ^= 1;
		assert_false(sealing_open(&sealing, owner, sealed, opened, sizeof opened));
		buffer[i] ^= 1;
	}
	for (size_t len = 0; len < sealed.len; len++)
		assert_false(sealing_open(&sealing, owner, bytes_first(sealed, len), opened, sizeof opened));
}

static void another_owner_and_another_secret_open_nothing(void **state)
{
	(void)state;
	uint8_t buffer[64], opened[16];
	struct sealing foreign;
	struct bytes sealed = sealed_into(buffer, sizeof buffer);
	begin_with(2, &foreign);
	assert_false(sealing_open(&foreign, owner, sealed, opened, sizeof opened));
	assert_false(sealing_open(&sealing, bytes_of_text("claim:2"), sealed, opened, sizeof opened));
}

static void no_room_and_too_long_a_text_fail_the_writer(void **state)
{
	(void)state;
	uint8_t buffer[SEALING_TEXT_MAX + SEALING_MORE_BYTES + 1] = {0};
	struct writer w = writer_of(buffer, sizeof buffer);
	assert_int_equal(sealed_into(buffer, text.len + SEALING_MORE_BYTES - 1).len, 0);
	sealing_write(&sealing, owner, bytes_of(buffer, SEALING_TEXT_MAX + 1), &w);
	assert_true(w.failed);
}

static void a_secret_is_made_once_and_for_its_owner_alone(void **state)
{
	struct directory directory;
	struct stat status;
	uint8_t one[SECRET_FILES_BYTES], two[SECRET_FILES_BYTES];
	char error[SETTINGS_MESSAGE_BYTES] = "";
	(void)state;
	directory_make(&directory);
	const char *path = directory_file(&directory, "secret");
	assert_true(secret_files_read(path, one, error));
	assert_true(secret_files_read(path, two, error));
	assert_memory_equal(one, two, sizeof one);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(chmod(path, 0640), 0);
	assert_false(secret_files_read(path, two, error));
	assert_non_null(strstr(error, "chmod 600"));
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 63), 0);
	assert_false(secret_files_read(path, two, error));
	assert_non_null(strstr(error, "not 64 hexadecimal digits"));
	directory_remove(&directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_sealed_opens_and_shows_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_altered_byte_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_owner_and_another_secret_open_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_room_and_too_long_a_text_fail_the_writer, set_up, tear_down),
		cmocka_unit_test(a_secret_is_made_once_and_for_its_owner_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
