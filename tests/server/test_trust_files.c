/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/trust_files.h"

#include "tests/server/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEY "000102030405060708090a0b0c0d0e0f"
#define NOW INT64_C(1800000000)

struct stage {
	struct directory directory;
	struct settings settings;
	struct trust_files trust, fresh;
	char message[SETTINGS_MESSAGE_BYTES];
};

static void name_file(struct stage *s, char *ret, const char *name)
{
	(void)snprintf(ret, SETTINGS_PATH_BYTES, "%s", directory_file(&s->directory, name));
}

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	directory_make(&s->directory);
	name_file(s, s->settings.psk_file, "psk");
	(void)snprintf(s->settings.public_uri, sizeof s->settings.public_uri, "coaps://server.example");
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	trust_files_done(&s->trust);
	trust_files_done(&s->fresh);
	directory_remove(&s->directory);
	free(s);
	return 0;
}

static bool load(struct stage *s, struct trust_files *t, const char *psk)
{
	directory_write(&s->directory, "psk", 0600, psk);
	return trust_files_load(t, &s->settings, 1, NOW, s->message);
}

static bool knows(struct dtls_credentials port, const char *identity)
{
	struct dtls_psk key;
	struct dtls_principal principal;
	return port.find_psk(port.context, bytes_of_text(identity), &key, &principal);
}

static void make_authority(struct stage *s, int64_t from)
{
	uint8_t text[4096];
	struct pki_authority authority;
	assert_true(pki_authority_create(&authority, bytes_of_text("test fleet"), from, NOW + 1000));
	struct writer w = writer_of(text, sizeof text);
	assert_true(pki_certificate_write_pem(pki_authority_certificate(&authority), &w));
	write_u8(&w, 0);
	directory_write(&s->directory, "fleet.crt", 0644, (const char *)text);
	w = writer_of(text, sizeof text);
	assert_true(pki_key_write_pem(&authority.key, &w));
	write_u8(&w, 0);
	directory_write(&s->directory, "fleet.key", 0600, (const char *)text);
	name_file(s, s->settings.authority, "fleet.crt");
	name_file(s, s->settings.authority_key, "fleet.key");
}

static void a_fresh_set_takes_the_place_and_ports_stay_valid(void **state)
{
	struct stage *s = *state;
	assert_true(load(s, &s->trust, "a:" KEY "\n"));
	struct dtls_credentials port = dtls_credential_table_port(&s->trust.credentials.table);
	assert_true(load(s, &s->fresh, "b:" KEY "\n"));
	assert_true(knows(port, "a"));
	trust_files_replace(&s->trust, &s->fresh);
	assert_false(knows(port, "a"));
	assert_true(knows(port, "b"));
}

static void a_set_with_a_fault_holds_nothing(void **state)
{
	struct stage *s = *state;
	assert_false(load(s, &s->fresh, "b:" KEY "\nbroken\n"));
	assert_non_null(strstr(s->message, "psk:2: "));
	assert_null(s->fresh.credentials.storage);
	make_authority(s, NOW);
	s->settings.authority_key[0] = '\0';
	assert_false(load(s, &s->fresh, "b:" KEY "\n"));
	assert_null(s->fresh.credentials.storage);
}

static void what_a_removed_key_has_opened_is_known_as_a_strangers(void **state)
{
	struct stage *s = *state;
	struct dtls_psk key;
	struct dtls_principal kept, removed;
	assert_true(load(s, &s->trust, "a:" KEY "\nb:" KEY "\n"));
	struct dtls_credentials port = dtls_credential_table_port(&s->trust.credentials.table);
	assert_true(port.find_psk(port.context, bytes_of_text("a"), &key, &kept));
	assert_true(port.find_psk(port.context, bytes_of_text("b"), &key, &removed));
	assert_true(credential_files_knows(&s->trust.credentials, removed.number));
	assert_true(load(s, &s->fresh, "a:" KEY "\nb:ff" KEY "\n"));
	trust_files_replace(&s->trust, &s->fresh);
	assert_true(credential_files_knows(&s->trust.credentials, kept.number));
	assert_false(credential_files_knows(&s->trust.credentials, removed.number));
}

static void an_authority_is_replaced_under_its_port(void **state)
{
	struct stage *s = *state;
	struct pki_certificate facts;
	make_authority(s, NOW);
	assert_true(load(s, &s->trust, ""));
	const struct pki_issuer *port = &s->trust.authority.issuer;
	make_authority(s, NOW + 1);
	assert_true(load(s, &s->fresh, ""));
	trust_files_replace(&s->trust, &s->fresh);
	assert_ptr_equal(port->context, &s->trust.authority.authority);
	assert_true(port->read_certificate(port->context, port->certificate, &facts));
	assert_int_equal(facts.valid_from, NOW + 1);
	assert_true(s->trust.credentials.own.chain_pem.len > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fresh_set_takes_the_place_and_ports_stay_valid),
		TEST(a_set_with_a_fault_holds_nothing),
		TEST(what_a_removed_key_has_opened_is_known_as_a_strangers),
		TEST(an_authority_is_replaced_under_its_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
