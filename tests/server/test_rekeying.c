/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Pre-shared keys that follow one another: whatever is lost on the way, the device gets in with one of them, and with
 * no more than it must. */
#include "coap/content_format.h"
#include "mgmt/key_pair.h"
#include "server/welcome.h"
#include "tests/server/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define FILE_IDENTITY "first-boot-1"

static const struct server_ask ask = {.actor = "anna", .token = 7};

struct pair {
	char identity[ISSUED_IDENTITY_MAX + 1];
	uint8_t key[DEVICE_KEY_BYTES];
};

struct rekeying {
	struct stage stage;
	struct welcome welcome;
	bool is_by_key;
	uint64_t number; /* of the key that device 0 has come with */
};

/* ---- the transport's part ---- */

static bool psk_of(void *context, const struct coap_remote *remote, uint64_t *ret_number)
{
	const struct rekeying *r = context;
	(void)remote;
	*ret_number = (r->number & ISSUED_KEY_NUMBERS) != 0 ? r->number : 0;
	return r->is_by_key;
}

/* The file knows the key that the device came with. */
static bool find_in_file(void *context, struct bytes identity, struct dtls_psk *ret_key, struct dtls_principal *ret)
{
	const struct rekeying *r = context;
	*ret_key = (struct dtls_psk){.len = 4, .data = "file"};
	*ret = (struct dtls_principal){.number = 5};
	return bytes_equal_text(identity, FILE_IDENTITY) &&
	       dtls_principal_set_name(ret, bytes_of_text(r->stage.devices[0].name));
}

static void attach(struct rekeying *r)
{
	const struct association_port port = {.context = r, .psk = psk_of};
	server_set_associations(r->stage.server, &port);
	r->welcome = (struct welcome){.inner = {.context = r, .find_psk = find_in_file}, .server = r->stage.server};
}

static int set_up(void **state)
{
	struct rekeying *r = calloc(1, sizeof *r);
	struct server_config config = {.public_uri = STAGE_PUBLIC_URI, .devices = 8, .claims = 4};
	*state = r;
	stage_begin(&r->stage, &config);
	r->is_by_key = true;
	attach(r);
	stage_bring(&r->stage, 0);
	return 0;
}

static int tear_down(void **state)
{
	struct rekeying *r = *state;
	stage_end(&r->stage);
	free(r);
	return 0;
}

static void restart(struct rekeying *r)
{
	stage_kill(&r->stage);
	stage_start(&r->stage);
	attach(r);
}

/* ---- the device's part ---- */

static bool read_pair(struct bytes body, struct pair *ret)
{
	struct bytes identity, key;
	if (!key_pair_read(body, &identity, &key) || key.len != sizeof ret->key || identity.len >= sizeof ret->identity)
		return false;
	*ret = (struct pair){.identity = ""};
	memcpy(ret->identity, identity.data, identity.len);
	memcpy(ret->key, key.data, sizeof ret->key);
	return true;
}

static enum coap_code ask_for_key(struct rekeying *r, struct pair *ret)
{
	enum coap_code code = stage_ask(&r->stage, 0, COAP_POST, "/psk", NULL);
	assert_true(code != COAP_CHANGED || read_pair(r->stage.devices[0].body, ret));
	return code;
}

/* Whether a handshake with this identity would be given this key. */
static bool is_good(struct rekeying *r, const char *identity, struct bytes key)
{
	const struct dtls_credentials port = welcome_port(&r->welcome);
	struct dtls_psk psk;
	struct dtls_principal who;
	r->welcome.now = r->stage.world.now;
	if (!port.find_psk(port.context, bytes_of_text(identity), &psk, &who))
		return false;
	assert_true(bytes_equal_text(dtls_principal_name(&who), r->stage.devices[0].name));
	r->number = who.number;
	return bytes_equal(bytes_of(psk.data, psk.len), key);
}

static bool is_file_good(struct rekeying *r)
{
	return is_good(r, FILE_IDENTITY, bytes_of_text("file"));
}

static bool is_pair_good(struct rekeying *r, const struct pair *pair)
{
	return is_good(r, pair->identity, bytes_of(pair->key, sizeof pair->key));
}

/* It makes a new association with what it has proved last. */
static void come_again(struct rekeying *r)
{
	stage_connect(&r->stage, 0);
	stage_run(&r->stage, SECONDS(5));
}

static void come_with(struct rekeying *r, const struct pair *pair)
{
	assert_true(is_pair_good(r, pair));
	come_again(r);
}

/* ---- the way it should go ---- */

static void a_key_follows_another_at_its_first_use(void **state)
{
	struct rekeying *r = *state;
	struct pair first, second;
	assert_int_equal(ask_for_key(r, &first), COAP_CHANGED);
	assert_true(is_file_good(r));
	come_with(r, &first);
	assert_false(is_file_good(r));
	assert_true(is_pair_good(r, &first));
	assert_int_equal(ask_for_key(r, &second), COAP_CHANGED);
	assert_string_not_equal(first.identity, second.identity);
	assert_memory_not_equal(first.key, second.key, sizeof first.key);
	assert_true(is_pair_good(r, &first));
	come_with(r, &second);
	assert_false(is_pair_good(r, &first));
	assert_int_equal(stage_events(&r->stage, EVENT_KEY_MADE), 2);
	assert_int_equal(stage_events(&r->stage, EVENT_KEY_CHANGED), 2);
}

static void what_is_asked_for_again_is_the_same_until_it_is_used(void **state)
{
	struct rekeying *r = *state;
	struct pair first, again;
	assert_int_equal(ask_for_key(r, &first), COAP_CHANGED);
	assert_int_equal(ask_for_key(r, &again), COAP_CHANGED);
	assert_memory_equal(&first, &again, sizeof first);
	restart(r);
	assert_true(is_file_good(r));
	come_again(r);
	assert_int_equal(ask_for_key(r, &again), COAP_CHANGED);
	assert_memory_equal(&first, &again, sizeof first);
	assert_int_equal(stage_events(&r->stage, EVENT_KEY_MADE), 1);
}

/* ---- what is lost on the way ---- */

static void a_server_killed_before_it_has_answered_leaves_a_key_that_works(void **state)
{
	struct rekeying *r = *state;
	struct pair pair;
	r->stage.store.latency = 500;
	stage_request(&r->stage, 0, COAP_POST, "/psk", NULL);
	stage_run(&r->stage, 200);
	restart(r);
	assert_true(is_file_good(r));
	come_again(r);
	assert_int_equal(ask_for_key(r, &pair), COAP_CHANGED);
	come_with(r, &pair);
	assert_false(is_file_good(r));
}

static void a_server_killed_after_the_first_use_finds_the_new_key(void **state)
{
	struct rekeying *r = *state;
	struct pair pair;
	assert_int_equal(ask_for_key(r, &pair), COAP_CHANGED);
	come_with(r, &pair);
	restart(r);
	assert_true(is_pair_good(r, &pair));
	assert_false(is_file_good(r));
}

static void a_use_that_the_store_has_lost_is_made_good_by_the_next_one(void **state)
{
	struct rekeying *r = *state;
	struct pair pair;
	assert_int_equal(ask_for_key(r, &pair), COAP_CHANGED);
	r->stage.store.fail_batches = 1;
	come_with(r, &pair);
	assert_false(is_file_good(r));
	restart(r);
	assert_true(is_file_good(r));
	come_with(r, &pair);
	assert_false(is_file_good(r));
	restart(r);
	assert_false(is_file_good(r));
	assert_true(is_pair_good(r, &pair));
}

static void an_association_goes_on_after_a_restart_only_with_a_key_that_is_good(void **state)
{
	struct rekeying *r = *state;
	uint8_t text[SERVER_ASSOCIATION_MAX];
	struct writer w = writer_of(text, sizeof text);
	struct pair pair;
	struct coap_remote remote =
		server_device_find(r->stage.server, bytes_of_text(r->stage.devices[0].name))->remote;
	assert_true(server_association_write(r->stage.server, &remote, &w));
	assert_int_equal(ask_for_key(r, &pair), COAP_CHANGED);
	come_with(r, &pair);
	uint64_t number = r->number;
	restart(r);
	r->number = 5;
	assert_false(server_association_read(r->stage.server, &remote, writer_bytes(&w), r->stage.world.now));
	r->number = number;
	assert_true(server_association_read(r->stage.server, &remote, writer_bytes(&w), r->stage.world.now));
}

static void a_key_that_the_store_refuses_is_given_to_nobody(void **state)
{
	struct rekeying *r = *state;
	struct pair pair;
	r->stage.store.fail_batches = 1;
	assert_int_equal(ask_for_key(r, &pair), COAP_SERVICE_UNAVAILABLE);
	assert_true(is_file_good(r));
	assert_int_equal(ask_for_key(r, &pair), COAP_CHANGED);
}

/* ---- who may not ---- */

static void who_has_come_in_another_way_gets_no_key(void **state)
{
	struct rekeying *r = *state;
	struct pair pair;
	r->is_by_key = false;
	assert_int_equal(ask_for_key(r, &pair), COAP_FORBIDDEN);
	r->is_by_key = true;
	assert_int_equal(stage_ask(&r->stage, 0, COAP_GET, "/psk", NULL), COAP_METHOD_NOT_ALLOWED);
}

static void who_has_never_registered_gets_no_key(void **state)
{
	struct rekeying *r = *state;
	stage_connect(&r->stage, 1);
	assert_int_equal(stage_ask(&r->stage, 1, COAP_POST, "/psk", NULL), COAP_FORBIDDEN);
}

static void no_identity_of_anybody_elses_fits(void **state)
{
	struct rekeying *r = *state;
	struct pair pair;
	assert_int_equal(ask_for_key(r, &pair), COAP_CHANGED);
	char *mark = strchr(pair.identity, '#') + 1;
	mark[0] = mark[0] == '0' ? '1' : '0';
	assert_false(is_pair_good(r, &pair));
	assert_false(is_good(r, "#0123456789abcdef", BYTES_NONE));
	assert_false(is_good(r, "nobody#0123456789abcdef", BYTES_NONE));
	assert_false(is_good(r, "nobody#0123456789abcdez", BYTES_NONE));
}

static void a_revoked_device_gets_in_with_none_of_them(void **state)
{
	struct rekeying *r = *state;
	struct pair pair;
	assert_int_equal(ask_for_key(r, &pair), COAP_CHANGED);
	struct bytes name = bytes_of_text(r->stage.devices[0].name);
	assert_int_equal(stage_await(&r->stage,
				 server_revoke(r->stage.server, name, NULL, BYTES_NONE, &ask, r->stage.world.now)),
		SERVER_DONE);
	assert_false(is_file_good(r));
	assert_false(is_pair_good(r, &pair));
}

/* ---- an operator's word ---- */

static void what_an_operator_forgets_makes_the_first_key_good_again(void **state)
{
	struct rekeying *r = *state;
	struct pair pair;
	struct bytes name = bytes_of_text(r->stage.devices[0].name);
	assert_int_equal(server_key_forget(r->stage.server, name, &ask, r->stage.world.now), SERVER_WRONG_STATE);
	assert_int_equal(ask_for_key(r, &pair), COAP_CHANGED);
	come_with(r, &pair);
	assert_int_equal(stage_await(&r->stage, server_key_forget(r->stage.server, name, &ask, r->stage.world.now)),
		SERVER_DONE);
	assert_true(is_file_good(r));
	assert_false(is_pair_good(r, &pair));
	restart(r);
	assert_true(is_file_good(r));
	assert_int_equal(stage_events(&r->stage, EVENT_KEY_FORGOTTEN), 1);
	assert_int_equal(server_key_forget(r->stage.server, bytes_of_text("nobody"), &ask, r->stage.world.now),
		SERVER_NO_DEVICE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_follows_another_at_its_first_use),
		TEST(what_is_asked_for_again_is_the_same_until_it_is_used),
		TEST(a_server_killed_before_it_has_answered_leaves_a_key_that_works),
		TEST(a_server_killed_after_the_first_use_finds_the_new_key),
		TEST(a_use_that_the_store_has_lost_is_made_good_by_the_next_one),
		TEST(an_association_goes_on_after_a_restart_only_with_a_key_that_is_good),
		TEST(a_key_that_the_store_refuses_is_given_to_nobody),
		TEST(who_has_come_in_another_way_gets_no_key),
		TEST(who_has_never_registered_gets_no_key),
		TEST(no_identity_of_anybody_elses_fits),
		TEST(a_revoked_device_gets_in_with_none_of_them),
		TEST(what_an_operator_forgets_makes_the_first_key_good_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
