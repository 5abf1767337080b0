/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/credential_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define CAPACITY 4
#define TEXT     (2 * DTLS_CREDENTIAL_TEXT_MAX_BYTES)

static uint64_t memory[256];
static struct dtls_credential_table table;

static int set_up(void **state)
{
	(void)state;
	memset(memory, 0x5a, sizeof memory);
	assert_true(dtls_credential_table_memory(CAPACITY, TEXT) <= sizeof memory);
	dtls_credential_table_init(&table, memory, CAPACITY, TEXT, 3);
	return 0;
}

static enum dtls_credential_added add(const char *identity, const char *key, const char *name, uint64_t number)
{
	return dtls_credential_table_add(
		&table, bytes_of_text(identity), bytes_of_text(key), bytes_of_text(name), number);
}

static bool psk_is(const char *identity, const char *key, const char *name, uint64_t number)
{
	struct dtls_credentials port = dtls_credential_table_port(&table);
	struct dtls_psk psk;
	struct dtls_principal principal;
	return port.find_psk(port.context, bytes_of_text(identity), &psk, &principal) &&
	       bytes_equal_text(bytes_of(psk.data, psk.len), key) &&
	       bytes_equal_text(dtls_principal_name(&principal), name) && principal.number == number;
}

static bool psk_is_unknown(const char *identity)
{
	struct dtls_credentials port = dtls_credential_table_port(&table);
	return !port.find_psk(
		port.context, bytes_of_text(identity), &(struct dtls_psk){0}, &(struct dtls_principal){0});
}

static bool certificate_is(const char *uri, const char *common_name, const char *name)
{
	struct dtls_credentials port = dtls_credential_table_port(&table);
	struct dtls_certificate certificate = {.uri = bytes_of_text(uri), .common_name = bytes_of_text(common_name)};
	struct dtls_principal principal;
	return port.find_certificate(port.context, &certificate, &principal) &&
	       bytes_equal_text(dtls_principal_name(&principal), name);
}

static void an_identity_leads_to_its_key_and_its_endpoint_name(void **state)
{
	(void)state;
	assert_int_equal(add("id-1", "key-1", "endpoint-1", 1), DTLS_CREDENTIAL_ADDED);
	assert_int_equal(add("id-2", "key-2", "endpoint-2", 2), DTLS_CREDENTIAL_ADDED);
	assert_true(psk_is("id-1", "key-1", "endpoint-1", 1));
	assert_true(psk_is("id-2", "key-2", "endpoint-2", 2));
	assert_true(psk_is_unknown("id-3"));
	assert_true(psk_is_unknown("id-"));
	assert_true(psk_is_unknown(""));
}

static void adding_a_known_identity_replaces_what_it_had(void **state)
{
	(void)state;
	add("id-1", "a long key", "a long name", 1);
	assert_int_equal(add("id-1", "new", "other", 2), DTLS_CREDENTIAL_REPLACED);
	assert_true(psk_is("id-1", "new", "other", 2));
	assert_int_equal(table.used, 1);
}

static void a_removed_identity_is_unknown_and_its_place_is_free(void **state)
{
	(void)state;
	char identity[] = "id-0";
	for (int round = 0; round < 3; round++) {
		for (identity[3] = '0'; identity[3] < '0' + CAPACITY; identity[3]++)
			assert_int_equal(add(identity, "key", "name", 0), DTLS_CREDENTIAL_ADDED);
		assert_int_equal(add("one more", "key", "name", 0), DTLS_CREDENTIAL_FULL);
		assert_int_equal(add("id-0", "other", "name", 0), DTLS_CREDENTIAL_REPLACED);
		for (identity[3] = '0'; identity[3] < '0' + CAPACITY; identity[3]++) {
			assert_true(dtls_credential_table_remove(&table, bytes_of_text(identity)));
			assert_true(psk_is_unknown(identity));
		}
		assert_false(dtls_credential_table_remove(&table, bytes_of_text("id-0")));
	}
}

/* As much as fits exactly, however often it is replaced and removed. */
static void the_room_of_texts_that_are_gone_is_taken_again(void **state)
{
	char key[DTLS_PSK_MAX_BYTES + 1], name[DTLS_NAME_MAX_BYTES + 1], identity[DTLS_IDENTITY_MAX_BYTES + 1];
	(void)state;
	memset(key, 'k', sizeof key - 1);
	memset(name, 'n', sizeof name - 1);
	memset(identity, 'i', sizeof identity - 1);
	key[sizeof key - 1] = name[sizeof name - 1] = identity[sizeof identity - 1] = '\0';
	for (char round = 'a'; round < 'a' + 20; round++) {
		name[0] = round;
		add(identity, key, name, 1);
		assert_int_equal(add("id-2", "short", "id-2", 2) == DTLS_CREDENTIAL_FULL, false);
		assert_true(psk_is("id-2", "short", "id-2", 2));
		assert_true(psk_is(identity, key, name, 1));
		if (round % 3 == 0)
			assert_true(dtls_credential_table_remove(&table, bytes_of_text("id-2")));
	}
}

static void without_room_for_its_text_a_credential_is_refused_and_what_was_there_stays(void **state)
{
	char name[DTLS_NAME_MAX_BYTES + 1] = "a";
	(void)state;
	memset(name, 'n', sizeof name - 1);
	for (char identity[] = "id-0"; identity[3] < '3'; identity[3]++) {
		assert_int_equal(add(identity, name + DTLS_PSK_MAX_BYTES, "x", 0), DTLS_CREDENTIAL_ADDED);
		assert_int_equal(add(identity, name + DTLS_PSK_MAX_BYTES, name, 0), DTLS_CREDENTIAL_REPLACED);
	}
	assert_int_equal(add("id-3", "key", name, 0), DTLS_CREDENTIAL_FULL);
	assert_true(psk_is_unknown("id-3"));
	assert_int_equal(add("id-3", "key", "x", 3), DTLS_CREDENTIAL_ADDED);
	assert_int_equal(add("id-3", "other", name, 4), DTLS_CREDENTIAL_FULL);
	assert_true(psk_is("id-3", "key", "x", 3));
	assert_true(psk_is("id-2", name + DTLS_PSK_MAX_BYTES, name, 0));
}

static void a_key_that_is_gone_is_nowhere_in_memory(void **state)
{
	(void)state;
	add("id-1", "SECRET-1", "x", 0);
	add("id-2", "SECRET-2", "x", 0);
	add("id-1", "other", "x", 0);
	assert_true(dtls_credential_table_remove(&table, bytes_of_text("id-2")));
	assert_null(memmem(memory, sizeof memory, "SECRET", 6));
}

static void what_is_empty_or_too_long_is_refused(void **state)
{
	(void)state;
	char text[DTLS_IDENTITY_MAX_BYTES + 2];
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	assert_int_equal(add(text, "key", "name", 0), DTLS_CREDENTIAL_TOO_LONG);
	assert_int_equal(add("id", text, "name", 0), DTLS_CREDENTIAL_TOO_LONG);
	assert_int_equal(add("id", "key", text, 0), DTLS_CREDENTIAL_TOO_LONG);
	assert_int_equal(add("", "key", "name", 0), DTLS_CREDENTIAL_TOO_LONG);
	assert_int_equal(add("id", "key", "", 0), DTLS_CREDENTIAL_TOO_LONG);
	assert_int_equal(table.used, 0);
	text[DTLS_IDENTITY_MAX_BYTES] = '\0';
	assert_int_equal(add(text, "key", text, 0), DTLS_CREDENTIAL_ADDED);
	assert_true(psk_is(text, "key", text, 0));
}

static void a_certificate_is_known_by_its_uri_before_its_common_name(void **state)
{
	(void)state;
	add("urn:dev:1", "", "endpoint-1", 1);
	add("device-2", "", "endpoint-2", 2);
	assert_true(certificate_is("urn:dev:1", "device-2", "endpoint-1"));
	assert_true(certificate_is("", "device-2", "endpoint-2"));
	assert_false(certificate_is("urn:dev:9", "device-2", "endpoint-2")); /* the URI is its name, and unknown */
	assert_false(certificate_is("", "", ""));
	assert_false(certificate_is("", "device-3", "device-3"));
}

static void certificates_may_name_themselves_when_the_owner_says_so(void **state)
{
	(void)state;
	table.certificates_name_themselves = true;
	assert_true(certificate_is("", "device-3", "device-3"));
	assert_false(certificate_is("", "", ""));
}

/* One kind of credential must not stand in for the other. */
static void a_psk_identity_is_no_certificate_and_a_certificates_name_no_psk_identity(void **state)
{
	(void)state;
	add("device-1", "key", "device-1", 1);
	add("device-2", "", "device-2", 2);
	assert_false(certificate_is("", "device-1", "device-1"));
	assert_true(psk_is_unknown("device-2"));
}

/* A device that enrols has both for a while; whose the identity is says nothing about the certificate. */
static void where_certificates_name_themselves_an_identity_of_that_name_is_in_nobodys_way(void **state)
{
	(void)state;
	table.certificates_name_themselves = true;
	add("device-1", "key", "another", 1);
	assert_true(certificate_is("", "device-1", "device-1"));
	assert_false(certificate_is("", "device-1", "another"));
}

static const char digest_text[] = "0123456789abcdef0123456789abcdef";

static enum dtls_credential_added add_raw_key(const char *digest, const char *name)
{
	return dtls_credential_table_add_raw_key(&table, bytes_of_text(digest), bytes_of_text(name), 4);
}

static bool raw_key_is(const char *digest, const char *name)
{
	struct dtls_credentials port = dtls_credential_table_port(&table);
	struct dtls_principal principal;
	return port.find_raw_key(port.context, bytes_of_text(digest), &principal) && principal.number == 4 &&
	       bytes_equal_text(dtls_principal_name(&principal), name);
}

static void a_raw_key_is_known_by_its_digest(void **state)
{
	(void)state;
	assert_int_equal(add_raw_key(digest_text, "device-1"), DTLS_CREDENTIAL_ADDED);
	assert_true(raw_key_is(digest_text, "device-1"));
	assert_false(raw_key_is("0123456789abcdef0123456789abcdee", "device-1"));
	assert_int_equal(add_raw_key(digest_text, "device-2"), DTLS_CREDENTIAL_REPLACED);
	assert_true(raw_key_is(digest_text, "device-2"));
	assert_int_equal(add_raw_key("not a digest", "device-3"), DTLS_CREDENTIAL_TOO_LONG);
	assert_true(dtls_credential_table_remove_raw_key(&table, bytes_of_text(digest_text)));
	assert_false(raw_key_is(digest_text, "device-2"));
	assert_false(dtls_credential_table_remove_raw_key(&table, bytes_of_text(digest_text)));
}

/* A PSK identity or a certificate's name may be any bytes, those of a digest too. */
static void a_raw_key_and_other_credentials_of_the_same_bytes_are_strangers(void **state)
{
	(void)state;
	add_raw_key(digest_text, "by raw key");
	assert_true(psk_is_unknown(digest_text));
	assert_false(certificate_is("", digest_text, "by raw key"));
	assert_int_equal(add(digest_text, "key", "by psk", 1), DTLS_CREDENTIAL_ADDED);
	assert_true(psk_is(digest_text, "key", "by psk", 1));
	assert_true(raw_key_is(digest_text, "by raw key"));
	assert_true(dtls_credential_table_remove(&table, bytes_of_text(digest_text)));
	assert_true(raw_key_is(digest_text, "by raw key"));
	add(digest_text, "", "by certificate", 1);
	assert_true(dtls_credential_table_remove_raw_key(&table, bytes_of_text(digest_text)));
	assert_false(raw_key_is(digest_text, "by certificate"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_identity_leads_to_its_key_and_its_endpoint_name, set_up),
		cmocka_unit_test_setup(adding_a_known_identity_replaces_what_it_had, set_up),
		cmocka_unit_test_setup(a_removed_identity_is_unknown_and_its_place_is_free, set_up),
		cmocka_unit_test_setup(the_room_of_texts_that_are_gone_is_taken_again, set_up),
		cmocka_unit_test_setup(
			without_room_for_its_text_a_credential_is_refused_and_what_was_there_stays, set_up),
		cmocka_unit_test_setup(a_key_that_is_gone_is_nowhere_in_memory, set_up),
		cmocka_unit_test_setup(what_is_empty_or_too_long_is_refused, set_up),
		cmocka_unit_test_setup(a_certificate_is_known_by_its_uri_before_its_common_name, set_up),
		cmocka_unit_test_setup(certificates_may_name_themselves_when_the_owner_says_so, set_up),
		cmocka_unit_test_setup(
			a_psk_identity_is_no_certificate_and_a_certificates_name_no_psk_identity, set_up),
		cmocka_unit_test_setup(
			where_certificates_name_themselves_an_identity_of_that_name_is_in_nobodys_way, set_up),
		cmocka_unit_test_setup(a_raw_key_is_known_by_its_digest, set_up),
		cmocka_unit_test_setup(a_raw_key_and_other_credentials_of_the_same_bytes_are_strangers, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
