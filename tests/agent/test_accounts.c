/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/accounts.h"
#include "mgmt/model.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct accounts_factory both = {"coaps://192.0.2.1:5684", "coaps://192.0.2.9:5684", 7};
static const struct accounts_factory bootstrap_only = {"", "coaps://192.0.2.9:5684", 0};

static uint8_t shelf_record[ACCOUNTS_RECORD_BYTES], record[ACCOUNTS_RECORD_BYTES];
static size_t shelf_len;
static struct accounts a;

static int load(void *context, enum shelf_record which, void *buffer, size_t capacity)
{
	(void)context;
	assert_int_equal(which, SHELF_ACCOUNTS);
	assert_true(shelf_len <= capacity);
	memcpy(buffer, shelf_record, shelf_len);
	return (int)shelf_len;
}

static int store(void *context, enum shelf_record which, struct bytes content)
{
	(void)context;
	assert_int_equal(which, SHELF_ACCOUNTS);
	memcpy(shelf_record, content.data, content.len);
	shelf_len = content.len;
	return 0;
}

static const struct shelf_port shelf = {NULL, load, store};

static int fresh(void **state)
{
	(void)state;
	shelf_len = 0;
	accounts_init(&a, &bootstrap_only);
	return 0;
}

static enum coap_code put(uint16_t object, uint16_t instance, uint16_t resource, struct value value)
{
	return accounts_write(&a, path_of_resource(object, instance, resource), &value);
}

static struct value text(const char *s)
{
	return value_string(bytes_of_text(s));
}

static struct value opaque(const char *s)
{
	return value_opaque(bytes_of_text(s));
}

/* A whole account at instance `i`, as a Bootstrap server writes it. */
static void write_account(uint16_t i, uint16_t short_id)
{
	char uri[] = "coaps://192.0.2.0:5684";
	uri[16] = (char)('0' + i);
	assert_int_equal(put(0, i, 0, text(uri)), COAP_CHANGED);
	assert_int_equal(put(0, i, 1, value_boolean(false)), COAP_CHANGED);
	assert_int_equal(put(0, i, 2, value_integer(SECURITY_PSK)), COAP_CHANGED);
	assert_int_equal(put(0, i, 3, opaque("pump-1-new")), COAP_CHANGED);
	assert_int_equal(put(0, i, 5, opaque("0123456789abcdef")), COAP_CHANGED);
	assert_int_equal(put(0, i, 10, value_integer(short_id)), COAP_CHANGED);
	assert_int_equal(put(1, i, 0, value_integer(short_id)), COAP_CHANGED);
	assert_int_equal(put(1, i, 1, value_integer(86400)), COAP_CHANGED);
	assert_int_equal(put(1, i, 6, value_boolean(true)), COAP_CHANGED);
	assert_int_equal(put(1, i, 7, text("U")), COAP_CHANGED);
}

static void the_factorys_accounts_are_those_of_the_configuration(void **state)
{
	(void)state;
	accounts_init(&a, &both);
	assert_null(accounts_fault(&a));
	assert_int_equal(accounts_server_count(&a), 1);
	const struct account_server *server = accounts_server(&a, 0);
	const struct account_security *security = accounts_security_of(&a, server);
	assert_true(security->is_factory && security->id == 0);
	assert_true(bytes_equal_text(bytes_of(security->uri, security->uri_len), both.server_uri));
	assert_true(server->stores_notifications && !server->may_send && server->bootstraps_on_failure);
	assert_int_equal(accounts_bootstrap(&a)->id, 1);
	assert_int_equal(accounts_bootstrap(&a)->hold_off_s, 7);
}

static void what_is_kept_is_found_again_keys_included(void **state)
{
	(void)state;
	struct accounts back;
	write_account(2, 101);
	assert_int_equal(put(1, 2, 13, value_unsigned(4)), COAP_CHANGED);
	assert_int_equal(put(1, 2, 15, value_boolean(true)), COAP_CHANGED);
	assert_int_equal(put(1, 2, 17, value_unsigned(3)), COAP_CHANGED);
	assert_int_equal(put(1, 2, 19, value_unsigned(900)), COAP_CHANGED);
	assert_int_equal(put(1, 2, 23, value_boolean(false)), COAP_CHANGED);
	assert_null(accounts_fault(&a));
	assert_int_equal(accounts_store(&a, &shelf, record), 0);
	accounts_init(&back, &bootstrap_only);
	assert_true(accounts_load(&back, &bootstrap_only, &shelf, record));
	const struct account_server *server = accounts_server(&back, 2);
	assert_memory_equal(server, accounts_server(&a, 2), sizeof *server);
	assert_true(server->has_priority && server->blocks_others && server->may_send);
	const struct account_security *security = accounts_security_of(&back, server);
	assert_true(bytes_equal_text(bytes_of(security->key, security->key_len), "0123456789abcdef"));
	assert_true(bytes_equal_text(bytes_of(security->identity, security->identity_len), "pump-1-new"));
	assert_true(accounts_bootstrap(&back)->is_factory);
}

static void a_record_that_is_torn_or_rotten_leaves_the_factorys_accounts(void **state)
{
	(void)state;
	write_account(2, 101);
	assert_int_equal(accounts_store(&a, &shelf, record), 0);
	size_t whole = shelf_len;
	for (shelf_len = 0; shelf_len < whole; shelf_len++)
		assert_false(accounts_load(&a, &bootstrap_only, &shelf, record));
	for (size_t i = 0; i < whole; i++) {
		shelf_record[i] ^= 0x10;
		assert_false(accounts_load(&a, &bootstrap_only, &shelf, record));
		shelf_record[i] ^= 0x10;
	}
	assert_true(accounts_load(&a, &bootstrap_only, &shelf, record));
}

static void a_factorys_account_that_the_configuration_has_no_longer_is_gone(void **state)
{
	(void)state;
	struct accounts back;
	accounts_init(&a, &both);
	assert_int_equal(accounts_store(&a, &shelf, record), 0);
	accounts_init(&back, &bootstrap_only);
	assert_true(accounts_load(&back, &bootstrap_only, &shelf, record));
	assert_int_equal(accounts_server_count(&back), 0);
	assert_non_null(accounts_bootstrap(&back));
	const struct accounts_factory elsewhere = {"coaps://192.0.2.77", "", 0};
	accounts_init(&back, &elsewhere);
	assert_true(accounts_load(&back, &elsewhere, &shelf, record));
	const struct account_security *security = accounts_security_of(&back, accounts_server(&back, 0));
	assert_true(bytes_equal_text(bytes_of(security->uri, security->uri_len), "coaps://192.0.2.77"));
}

static void expect_fault(const char *fault)
{
	const char *found = accounts_fault(&a);
	assert_non_null(found);
	assert_string_equal(found, fault);
	accounts_init(&a, &bootstrap_only);
}

/* Interface section 4, Finish. */
static void what_is_not_consistent_is_named(void **state)
{
	(void)state;
	expect_fault("there is no account at a server");
	write_account(2, 101);
	accounts_remove(&a, path_of_instance(MODEL_SECURITY, 2));
	expect_fault("an instance of /1 has none in /0 with its short server id");
	write_account(2, 101);
	write_account(3, 102);
	accounts_remove(&a, path_of_instance(MODEL_SERVER, 3));
	expect_fault("an instance of /0 has none in /1 with its short server id");
	write_account(2, 101);
	write_account(3, 101);
	expect_fault("two instances of /0 have the same short server id");
	write_account(2, 101);
	write_account(3, 102);
	assert_int_equal(put(0, 3, 0, text("coaps://192.0.2.2:5684")), COAP_CHANGED);
	expect_fault("two accounts are at the same address, which this device could not tell apart");
	write_account(2, 101);
	assert_int_equal(put(0, 2, 2, value_integer(SECURITY_NONE)), COAP_CHANGED);
	expect_fault("an account asks for a security mode other than pre-shared key, raw public key and certificate");
	write_account(2, 101);
	assert_int_equal(put(0, 2, 0, text("coap://192.0.2.1")), COAP_CHANGED);
	expect_fault("an account is not at a coaps URI");
	write_account(2, 101);
	assert_int_equal(put(0, 2, 2, value_integer(SECURITY_CERTIFICATE)), COAP_CHANGED);
	expect_fault("an account has no public key or certificate of the server");
	write_account(2, 101);
	assert_int_equal(put(0, 2, 2, value_integer(SECURITY_CERTIFICATE)), COAP_CHANGED);
	assert_int_equal(put(0, 2, 4, opaque("certificate")), COAP_CHANGED);
	assert_int_equal(put(0, 2, 15, value_unsigned(1)), COAP_CHANGED);
	expect_fault("an account asks for a certificate usage other than 2 and 3");
	write_account(2, 101);
	assert_int_equal(put(0, 2, 5, opaque("")), COAP_CHANGED);
	expect_fault("an account has no identity or no key");
	write_account(2, 101);
	assert_int_equal(put(0, 2, 0, text("coaps://h/path")), COAP_CHANGED);
	expect_fault("a URI in /0 is not of the form coaps://host:port");
	write_account(2, 101);
	write_account(3, 102);
	assert_int_equal(put(0, 3, 1, value_boolean(true)), COAP_CHANGED);
	expect_fault("there are two Bootstrap servers in /0");
}

static void a_value_too_long_to_be_kept_is_told_at_the_end(void **state)
{
	(void)state;
	uint8_t certificate[600] = {0x30};
	write_account(2, 101);
	assert_int_equal(put(0, 2, 3, value_opaque(bytes_of(certificate, sizeof certificate))), COAP_CHANGED);
	expect_fault("a value of /0 is too long for this device");
	uint8_t huge[ACCOUNT_CERTIFICATE_MAX + 1] = {0x30};
	write_account(2, 101);
	assert_int_equal(put(0, 2, 2, value_integer(SECURITY_CERTIFICATE)), COAP_CHANGED);
	assert_int_equal(put(0, 2, 4, value_opaque(bytes_of(huge, sizeof huge))), COAP_CHANGED);
	expect_fault("a value of /0 is too long for this device");
}

/* Version 1 had no certificates: an identity and a key, each behind an octet for its length. */
static const uint8_t of_before[] = {1, 1, 1, 0, 0, 2, 0, 101, SECURITY_PSK, 0, 0, 0, 0, 0, 0, 0, 0, 9, 'c', 'o', 'a',
	'p', 's', ':', '/', '/', 'h', 2, 'm', 'e', 3, 'k', 'e', 'y', 0, 2, 0, 101, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static void a_record_of_an_earlier_version_is_understood(void **state)
{
	uint8_t whole[SHELF_HEAD_BYTES + sizeof of_before + ACCESS_RECORD_BYTES];
	struct access none = {.entries = {{.is_there = false}}};
	struct writer w = writer_of(whole + SHELF_HEAD_BYTES, sizeof whole - SHELF_HEAD_BYTES);
	(void)state;
	write_bytes(&w, bytes_of(of_before, sizeof of_before));
	access_encode(&none, &w);
	assert_int_equal(shelf_store(&shelf, SHELF_ACCOUNTS, whole, SHELF_HEAD_BYTES + writer_bytes(&w).len), 0);
	assert_true(accounts_load(&a, &bootstrap_only, &shelf, record));
	const struct account_security *s = accounts_security_of(&a, accounts_server(&a, 2));
	assert_true(bytes_equal_text(bytes_of(s->identity, s->identity_len), "me"));
	assert_true(bytes_equal_text(bytes_of(s->key, s->key_len), "key"));
	assert_int_equal(accounts_server(&a, 2)->lifetime_s, 60);
}

static void certificates_are_kept_as_well(void **state)
{
	(void)state;
	write_account(2, 101);
	assert_int_equal(put(0, 2, 2, value_integer(SECURITY_CERTIFICATE)), COAP_CHANGED);
	assert_int_equal(put(0, 2, 4, opaque("the authority's")), COAP_CHANGED);
	assert_int_equal(put(0, 2, 14, text("server.example")), COAP_CHANGED);
	assert_int_equal(put(0, 2, 15, value_unsigned(USAGE_TRUST_ANCHOR)), COAP_CHANGED);
	assert_null(accounts_fault(&a));
	assert_int_equal(accounts_store(&a, &shelf, record), 0);
	accounts_init(&a, &bootstrap_only);
	assert_true(accounts_load(&a, &bootstrap_only, &shelf, record));
	const struct account_security *s = accounts_security_of(&a, accounts_server(&a, 2));
	assert_int_equal(s->mode, SECURITY_CERTIFICATE);
	assert_int_equal(s->usage, USAGE_TRUST_ANCHOR);
	assert_true(bytes_equal_text(bytes_of(s->peer, s->peer_len), "the authority's"));
	assert_true(bytes_equal_text(bytes_of(s->sni, s->sni_len), "server.example"));
}

static void values_that_no_account_could_have_are_refused(void **state)
{
	(void)state;
	assert_int_equal(put(0, 2, 2, value_integer(5)), COAP_BAD_REQUEST);
	assert_int_equal(put(0, 2, 10, value_integer(0)), COAP_BAD_REQUEST);
	assert_int_equal(put(1, 2, 1, value_integer(0)), COAP_BAD_REQUEST);
	assert_int_equal(put(1, 2, 1, value_integer(-1)), COAP_BAD_REQUEST);
	assert_int_equal(put(1, 2, 7, text("T")), COAP_BAD_REQUEST);
	assert_int_equal(put(1, 2, 17, value_unsigned(0)), COAP_BAD_REQUEST);
	assert_int_equal(put(1, 2, 18, value_unsigned(UINT64_MAX)), COAP_BAD_REQUEST);
}

static void deleting_spares_the_bootstrap_servers_account(void **state)
{
	(void)state;
	accounts_init(&a, &both);
	accounts_remove(&a, PATH_ROOT);
	assert_int_equal(accounts_server_count(&a), 0);
	assert_non_null(accounts_bootstrap(&a));
	write_account(2, 101);
	accounts_remove(&a, path_of_object(MODEL_SECURITY));
	assert_int_equal(accounts_server_count(&a), 1);
	assert_null(accounts_security_of(&a, accounts_server(&a, 2)));
	accounts_remove_bootstrap(&a);
	assert_null(accounts_bootstrap(&a));
}

static void there_is_room_for_four_servers_and_the_bootstrap_server(void **state)
{
	(void)state;
	for (uint16_t i = 1; i <= ACCOUNTS_SERVERS_MAX; i++)
		write_account(i, i);
	assert_null(accounts_fault(&a));
	assert_int_equal(accounts_store(&a, &shelf, record), 0);
	assert_int_equal(put(0, 9, 0, text("coaps://h")), COAP_INTERNAL_SERVER_ERROR);
	assert_int_equal(put(1, 9, 0, value_integer(9)), COAP_INTERNAL_SERVER_ERROR);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_factorys_accounts_are_those_of_the_configuration),
		TEST(what_is_kept_is_found_again_keys_included),
		TEST(a_record_that_is_torn_or_rotten_leaves_the_factorys_accounts),
		TEST(a_factorys_account_that_the_configuration_has_no_longer_is_gone),
		TEST(what_is_not_consistent_is_named),
		TEST(a_record_of_an_earlier_version_is_understood),
		TEST(certificates_are_kept_as_well),
		TEST(a_value_too_long_to_be_kept_is_told_at_the_end),
		TEST(values_that_no_account_could_have_are_refused),
		TEST(deleting_spares_the_bootstrap_servers_account),
		TEST(there_is_room_for_four_servers_and_the_bootstrap_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
