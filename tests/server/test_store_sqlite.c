/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The SQLite store on real files: what was confirmed is there after a reopen, what was refused is not. */
#include "server/store_sqlite.h"

#include "dtls/crypto_wolfcrypt.h"
#include "mgmt/registration.h"
#include "mgmt/signature_wolfcrypt.h"
#include "server/sealing.h"
#include "tests/server/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

/* ---- the stage ---- */

struct loaded {
	struct denial denial;
	struct issued_key_record key;
	unsigned keys;
	struct claim claim;
	unsigned claims, denials, devices, registrations, releases, rollouts, entries, orders, events;
	struct device_record device;
	struct registration registration;
	char registered[DEVICE_NAME_MAX + 1];
	struct release release;
	struct rollout_record rollout;
	struct rollout_entry_record entry[4];
	struct order_record order[4];
	struct event event[4];
	unsigned refuse_entries; /* gives false for them */
};

struct stage {
	struct directory directory;
	struct store_sqlite *store;
	struct sealing *sealing;
	struct loaded loaded;
	char error[STORE_SQLITE_ERROR_BYTES];
	uint64_t ticket, taken;
};

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	directory_make(&s->directory);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	store_sqlite_close(s->store);
	directory_remove(&s->directory);
	free(s);
	return 0;
}

static bool reopen_with(struct stage *s, uint32_t pages_max)
{
	store_sqlite_close(s->store);
	struct store_sqlite_config config = {.path = directory_file(&s->directory, "mgmtd.db"), .pages_max = pages_max};
	s->store = store_sqlite_open(&config, s->error);
	if (s->store != NULL && s->sealing != NULL)
		store_sqlite_seal(s->store, s->sealing);
	return s->store != NULL;
}

static void reopen(struct stage *s)
{
	if (!reopen_with(s, 0))
		fail_msg("%s", s->error);
}

static void add(struct stage *s, struct store_change change)
{
	struct store port = store_sqlite_port(s->store);
	port.add(port.context, &change);
}

static void commit(struct stage *s)
{
	struct store port = store_sqlite_port(s->store);
	assert_true(port.commit(port.context, ++s->ticket, 0));
}

/* The outcome of the oldest batch that has not been taken yet. */
static bool outcome(struct stage *s)
{
	uint64_t ticket = 0;
	bool ok = false;
	store_sqlite_settle(s->store);
	assert_true(store_sqlite_next(s->store, &ticket, &ok));
	assert_int_equal(ticket, ++s->taken);
	return ok;
}

static bool visit_denial(void *context, const struct denial *denial)
{
	struct loaded *l = context;
	l->denials++;
	l->denial = *denial;
	return true;
}

static bool visit_claim(void *context, const struct claim *claim)
{
	struct loaded *l = context;
	l->claims++;
	l->claim = *claim;
	return true;
}

static bool visit_device(void *context, const struct device_record *device)
{
	struct loaded *l = context;
	l->devices++;
	l->device = *device;
	return true;
}

static bool visit_registration(void *context, const char *device, const struct registration *registration)
{
	struct loaded *l = context;
	l->registrations++;
	l->registration = *registration;
	(void)snprintf(l->registered, sizeof l->registered, "%s", device);
	return true;
}

static bool visit_release(void *context, const struct release *release)
{
	struct loaded *l = context;
	l->releases++;
	l->release = *release;
	return true;
}

static bool visit_rollout(void *context, const struct rollout_record *rollout)
{
	struct loaded *l = context;
	l->rollouts++;
	l->rollout = *rollout;
	return true;
}

static bool visit_entry(void *context, const struct rollout_entry_record *entry)
{
	struct loaded *l = context;
	l->entry[l->entries++ % 4] = *entry;
	return l->refuse_entries == 0;
}

static bool visit_order(void *context, const struct order_record *order)
{
	struct loaded *l = context;
	l->order[l->orders++ % 4] = *order;
	return true;
}

static bool visit_key(void *context, const struct issued_key_record *key)
{
	struct loaded *l = context;
	l->key = *key;
	l->keys++;
	return true;
}

static bool visit_event(void *context, const struct event *event)
{
	struct loaded *l = context;
	l->event[l->events++ % 4] = *event;
	return true;
}

static bool load(struct stage *s, uint32_t events)
{
	unsigned refuse = s->loaded.refuse_entries;
	s->loaded = (struct loaded){.refuse_entries = refuse};
	struct store_visitor visitor = {&s->loaded, visit_denial, visit_claim, visit_device, visit_registration,
		visit_release, visit_rollout, visit_entry, visit_key, visit_order, visit_event};
	return store_sqlite_load(s->store, &visitor, events, s->error);
}

static struct device_record device(const char *name)
{
	struct device_record d = {.tags = "canary",
		.manufacturer = "M\xc3\xbcller",
		.model = "x",
		.serial = "7",
		.version = "1.0",
		.first_seen = 5};
	(void)snprintf(d.name, sizeof d.name, "%s", name);
	return d;
}

static void put_device(struct stage *s, const char *name)
{
	struct device_record d = device(name);
	add(s, (struct store_change){.type = STORE_DEVICE_PUT, .device = &d});
}

/* ---- what is stored comes back ---- */

static void everything_comes_back_as_it_was_after_a_reopen(void **state)
{
	struct stage *s = *state;
	struct device_record d = device("pump-1");
	struct registration r = {.location = "0123456789ab",
		.major = 1,
		.minor = 1,
		.bindings = REGISTRATION_UDP,
		.has_queue_mode = true,
		.object_count = 3,
		.format_count = 2,
		.lifetime_s = 4294967294u,
		.registered_at = 1700000000123,
		.renewed_at = 1700000000456,
		.address = address_ipv4(192, 0, 2, 9, 5684),
		.prefix = "/lwm2m",
		.formats = {112, 11542},
		.objects = {{3, 0, 0, 0}, {5, REGISTRATION_NO_INSTANCE, 1, 1}, {26250, 0, 0, 0}}};
	struct release release = {.name = "two",
		.version = "2.0",
		.description = "second",
		.sequence = UINT64_MAX,
		.image_size = 1234567890123,
		.added_at = 77,
		.is_verified = true,
		.envelope_size = 3,
		.envelope = {1, 0, 255}};
	memset(release.manifest, 0xab, sizeof release.manifest);
	struct rollout_record rollout = {.number = 3,
		.state = ROLLOUT_HALTED,
		.release = "two",
		.selection = "all",
		.actor = "anna",
		.reason = "2 of 4 devices failed",
		.plan = {.delivery = ROLLOUT_DELIVERY_IMAGE,
			.wave_count = 2,
			.waves = {{1, false}, {50, true}},
			.failures_allowed = 4,
			.failures_in_percent = true,
			.wait_s = 1,
			.offer_s = 2,
			.download_s = 3,
			.install_s = 4,
			.confirm_s = 5},
		.waves_begun = 1,
		.failures_forgiven = 2,
		.started_at = 8,
		.changed_at = 9};
	struct rollout_entry_record entry = {.rollout = 3,
		.device = "pump-1",
		.wave = 1,
		.tries = 2,
		.code = 5,
		.state = ENTRY_FAILED,
		.reason = ENTRY_REASON_RESULT,
		.since = 10};
	struct event event = {.number = 1,
		.at = 11,
		.type = EVENT_REFUSED,
		.rollout = 3,
		.device = "pump-1",
		.actor = "a",
		.detail = "it's \"so\""};
	memset(event.hash, 0xcd, sizeof event.hash);
	reopen(s);
	add(s, (struct store_change){.type = STORE_DEVICE_PUT, .device = &d});
	add(s, (struct store_change){.type = STORE_REGISTRATION_PUT, .name = d.name, .registration = &r});
	add(s, (struct store_change){.type = STORE_RELEASE_PUT, .release = &release});
	add(s, (struct store_change){.type = STORE_ROLLOUT_PUT, .rollout = &rollout});
	add(s, (struct store_change){.type = STORE_ENTRY_PUT, .entry = &entry});
	add(s, (struct store_change){.type = STORE_EVENT_PUT, .event = &event});
	commit(s);
	assert_true(outcome(s));
	reopen(s);
	assert_true(load(s, 100));
	assert_memory_equal(&s->loaded.device, &d, sizeof d);
	assert_memory_equal(&s->loaded.registration, &r, sizeof r);
	assert_string_equal(s->loaded.registered, "pump-1");
	assert_memory_equal(&s->loaded.release, &release, sizeof release);
	assert_memory_equal(&s->loaded.rollout, &rollout, sizeof rollout);
	assert_memory_equal(&s->loaded.entry[0], &entry, sizeof entry);
	assert_memory_equal(&s->loaded.event[0], &event, sizeof event);
}

static void who_is_denied_comes_back_until_he_is_not_denied_any_more(void **state)
{
	struct stage *s = *state;
	struct denial denial = {.device = "pump-1", .reason = "stolen", .actor = "anna", .since = 5};
	uint8_t fingerprint[SHA256_BYTES] = {0xab, 1};
	denial_key_of(fingerprint, denial.key);
	reopen(s);
	add(s, (struct store_change){.type = STORE_DENIAL_PUT, .denial = &denial});
	commit(s);
	assert_true(outcome(s));
	reopen(s);
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.denials, 1);
	assert_memory_equal(&s->loaded.denial, &denial, sizeof denial);
	add(s, (struct store_change){.type = STORE_DENIAL_REMOVE, .name = denial.key});
	commit(s);
	assert_true(outcome(s));
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.denials, 0);
}

static bool file_has(const char *path, const void *text, size_t len)
{
	static uint8_t content[1 << 20];
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	size_t found = fread(content, 1, sizeof content, file);
	(void)fclose(file);
	return memmem(content, found, text, len) != NULL;
}

static void begin_sealing(struct sealing *s, const struct dtls_crypto *crypto, uint8_t first_of_secret)
{
	const uint8_t secret[SEALING_SECRET_BYTES] = {first_of_secret}, seed[PRNG_SEED_BYTES] = {3};
	assert_true(sealing_begin(s, crypto, secret, seed));
}

static void keys_are_sealed_and_those_of_another_secret_are_passed_over(void **state)
{
	struct stage *s = *state;
	struct dtls_crypto crypto;
	struct sealing own, foreign;
	struct claim claim = {.identity = "claim:0123456789abcdef", .key = "sixteen bytes o", .actor = "anna"};
	assert_true(dtls_crypto_wolfcrypt_init(&crypto));
	begin_sealing(&own, &crypto, 1);
	begin_sealing(&foreign, &crypto, 2);
	s->sealing = &own;
	reopen(s);
	add(s, (struct store_change){.type = STORE_CLAIM_PUT, .claim = &claim});
	commit(s);
	assert_true(outcome(s));
	s->sealing = &foreign;
	reopen(s); /* closing brings everything into the one file */
	assert_true(file_has(directory_file(&s->directory, "mgmtd.db"), claim.identity, CLAIM_IDENTITY_LEN));
	assert_false(file_has(directory_file(&s->directory, "mgmtd.db"), claim.key, 8));
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.claims, 0);
	assert_int_equal(store_sqlite_unreadable(s->store), 1);
	s->sealing = &own;
	reopen(s);
	assert_true(load(s, 0));
	assert_memory_equal(&s->loaded.claim, &claim, sizeof claim);
	assert_int_equal(store_sqlite_unreadable(s->store), 0);
	store_sqlite_close(s->store);
	s->store = NULL;
	dtls_crypto_wolfcrypt_done(&crypto);
}

static void keys_from_before_they_were_sealed_are_read(void **state)
{
	struct stage *s = *state;
	struct dtls_crypto crypto;
	struct sealing own;
	struct claim claim = {.identity = "claim:0123456789abcdef", .key = "sixteen bytes o", .actor = "anna"};
	reopen(s);
	add(s, (struct store_change){.type = STORE_CLAIM_PUT, .claim = &claim});
	commit(s);
	assert_true(outcome(s));
	assert_true(dtls_crypto_wolfcrypt_init(&crypto));
	begin_sealing(&own, &crypto, 1);
	s->sealing = &own;
	reopen(s);
	assert_true(load(s, 0));
	assert_memory_equal(&s->loaded.claim, &claim, sizeof claim);
	store_sqlite_close(s->store);
	s->store = NULL;
	dtls_crypto_wolfcrypt_done(&crypto);
}

static void a_claim_comes_back_and_the_file_with_its_key_is_for_its_owner_alone(void **state)
{
	struct stage *s = *state;
	struct stat status;
	struct claim claim = {.identity = "claim:0123456789abcdef",
		.key = {1, 0, 2},
		.name = "pump-1",
		.actor = "anna",
		.made_at = 1,
		.expires_at = 2,
		.used_at = 3};
	reopen(s);
	assert_int_equal(stat(directory_file(&s->directory, "mgmtd.db"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	add(s, (struct store_change){.type = STORE_CLAIM_PUT, .claim = &claim});
	commit(s);
	assert_true(outcome(s));
	assert_int_equal(stat(directory_file(&s->directory, "mgmtd.db-wal"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	reopen(s);
	assert_true(load(s, 0));
	assert_memory_equal(&s->loaded.claim, &claim, sizeof claim);
	add(s, (struct store_change){.type = STORE_CLAIM_REMOVE, .name = claim.identity});
	commit(s);
	assert_true(outcome(s));
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.claims, 0);
}

static void keys_that_were_made_for_a_device_come_back_sealed_and_go_with_it(void **state)
{
	struct stage *s = *state;
	struct dtls_crypto crypto;
	struct sealing own;
	struct device_record pump = device("pump-1");
	struct issued_key_record key = {.name = "pump-1",
		.keys = {.current = {"01234567", "sixteen bytes o", 5}, .next = {"89abcdef", "another sixteen", 7}}};
	assert_true(dtls_crypto_wolfcrypt_init(&crypto));
	begin_sealing(&own, &crypto, 1);
	s->sealing = &own;
	reopen(s);
	add(s, (struct store_change){.type = STORE_KEY_PUT, .key = &key});
	commit(s);
	assert_true(outcome(s));
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.keys, 0); /* there is no such device */
	add(s, (struct store_change){.type = STORE_DEVICE_PUT, .device = &pump});
	add(s, (struct store_change){.type = STORE_KEY_PUT, .key = &key});
	commit(s);
	assert_true(outcome(s));
	reopen(s);
	assert_false(file_has(directory_file(&s->directory, "mgmtd.db"), key.keys.next.key, 8));
	assert_true(load(s, 0));
	assert_memory_equal(&s->loaded.key, &key, sizeof key);
	add(s, (struct store_change){.type = STORE_DEVICE_REMOVE, .name = "pump-1"});
	commit(s);
	assert_true(outcome(s));
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.keys, 0);
	store_sqlite_close(s->store);
	s->store = NULL;
	dtls_crypto_wolfcrypt_done(&crypto);
}

static void an_order_comes_back_unless_its_device_is_gone(void **state)
{
	struct stage *s = *state;
	struct order_record order = {.number = 7,
		.device = "pump-1",
		.actor = "anna",
		.kind = ERRAND_CREATE,
		.state = ORDER_FAILED,
		.end = ORDER_END_REFUSED,
		.path = path_of_object(3303),
		.location = path_of_instance(3303, 2),
		.tries = 3,
		.code = COAP_BAD_REQUEST,
		.format = 112,
		.made_at = 1,
		.expires_at = 2,
		.begun_at = 3,
		.ended_at = 4,
		.text_len = 1,
		.kept_len = ORDER_BODY_MAX,
		.result_len = 2,
		.text = {'x'},
		.result = {0, 1}};
	reopen(s);
	add(s, (struct store_change){.type = STORE_ORDER_PUT, .order = &order}); /* of nobody */
	put_device(s, "pump-1");
	order.number = 8;
	add(s, (struct store_change){.type = STORE_ORDER_PUT, .order = &order});
	commit(s);
	assert_true(outcome(s));
	reopen(s);
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.orders, 1);
	const struct order_record *o = &s->loaded.order[0];
	assert_string_equal(o->device, "pump-1");
	assert_string_equal(o->actor, "anna");
	assert_true(o->kind == order.kind && o->state == order.state && o->end == order.end && o->code == order.code);
	assert_true(path_equal(o->path, order.path) && path_equal(o->location, order.location));
	assert_true(o->number == 8 && o->tries == 3 && o->format == 112);
	assert_true(o->made_at == 1 && o->expires_at == 2 && o->begun_at == 3 && o->ended_at == 4);
	assert_true(o->text_len == 1 && o->kept_len == ORDER_BODY_MAX && o->result_len == 2);
	assert_memory_equal(o->text, order.text, 1);
	assert_memory_equal(o->kept, order.kept, ORDER_BODY_MAX);
	assert_memory_equal(o->result, order.result, 2);
	add(s, (struct store_change){.type = STORE_ORDER_REMOVE, .number = 8});
	order.number = 9;
	add(s, (struct store_change){.type = STORE_ORDER_PUT, .order = &order});
	commit(s);
	assert_true(outcome(s) && load(s, 0));
	assert_int_equal(s->loaded.orders, 1);
	assert_int_equal(s->loaded.order[0].number, 9);
	add(s, (struct store_change){.type = STORE_DEVICE_REMOVE, .name = "pump-1"});
	commit(s);
	assert_true(outcome(s) && load(s, 0));
	assert_int_equal(s->loaded.orders, 0);
}

static void putting_again_replaces_and_keeps_the_order_of_entries(void **state)
{
	struct stage *s = *state;
	struct rollout_record rollout = {.number = 1, .state = ROLLOUT_RUNNING};
	struct rollout_entry_record a = {.rollout = 1, .device = "zebra"}, b = {.rollout = 1, .device = "ant"};
	reopen(s);
	add(s, (struct store_change){.type = STORE_ROLLOUT_PUT, .rollout = &rollout});
	add(s, (struct store_change){.type = STORE_ENTRY_PUT, .entry = &a});
	add(s, (struct store_change){.type = STORE_ENTRY_PUT, .entry = &b});
	commit(s);
	a.state = ENTRY_CONFIRMED;
	rollout.state = ROLLOUT_COMPLETED;
	add(s, (struct store_change){.type = STORE_ENTRY_PUT, .entry = &a});
	add(s, (struct store_change){.type = STORE_ROLLOUT_PUT, .rollout = &rollout});
	commit(s);
	assert_true(outcome(s) && outcome(s));
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.rollouts, 1);
	assert_int_equal(s->loaded.rollout.state, ROLLOUT_COMPLETED);
	assert_int_equal(s->loaded.entries, 2);
	assert_string_equal(s->loaded.entry[0].device, "zebra");
	assert_int_equal(s->loaded.entry[0].state, ENTRY_CONFIRMED);
}

static void removing_takes_along_what_belongs_to_it(void **state)
{
	struct stage *s = *state;
	struct registration r = {.location = "l"};
	struct rollout_record rollout = {.number = 4, .state = ROLLOUT_RUNNING};
	struct rollout_entry_record entry = {.rollout = 4, .device = "a"};
	struct release release = {.name = "two"};
	reopen(s);
	put_device(s, "a");
	add(s, (struct store_change){.type = STORE_REGISTRATION_PUT, .name = "a", .registration = &r});
	add(s, (struct store_change){.type = STORE_ROLLOUT_PUT, .rollout = &rollout});
	add(s, (struct store_change){.type = STORE_ENTRY_PUT, .entry = &entry});
	add(s, (struct store_change){.type = STORE_RELEASE_PUT, .release = &release});
	commit(s);
	assert_true(outcome(s));
	add(s, (struct store_change){.type = STORE_DEVICE_REMOVE, .name = "a"});
	add(s, (struct store_change){.type = STORE_ROLLOUT_REMOVE, .number = 4});
	add(s, (struct store_change){.type = STORE_RELEASE_REMOVE, .name = "two"});
	commit(s);
	assert_true(outcome(s));
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.devices + s->loaded.registrations + s->loaded.rollouts + s->loaded.entries +
				 s->loaded.releases,
		0);
}

static void a_registration_can_go_while_its_device_stays(void **state)
{
	struct stage *s = *state;
	struct registration r = {.location = "l"};
	reopen(s);
	put_device(s, "a");
	add(s, (struct store_change){.type = STORE_REGISTRATION_PUT, .name = "a", .registration = &r});
	add(s, (struct store_change){.type = STORE_REGISTRATION_REMOVE, .name = "a"});
	commit(s);
	assert_true(outcome(s));
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.devices, 1);
	assert_int_equal(s->loaded.registrations, 0);
}

static void of_the_events_only_the_newest_are_loaded_in_their_order(void **state)
{
	struct stage *s = *state;
	reopen(s);
	for (uint64_t i = 1; i <= 10; i++) {
		struct event e = {.number = i, .type = EVENT_REGISTERED};
		add(s, (struct store_change){.type = STORE_EVENT_PUT, .event = &e});
	}
	commit(s);
	assert_true(outcome(s));
	assert_true(load(s, 3));
	assert_int_equal(s->loaded.events, 3);
	assert_int_equal(s->loaded.event[0].number, 8);
	assert_int_equal(s->loaded.event[2].number, 10);
}

/* ---- atomicity, kills ---- */

static void a_batch_of_which_one_change_is_impossible_leaves_nothing(void **state)
{
	struct stage *s = *state;
	struct registration r = {.location = "l"};
	reopen(s);
	put_device(s, "kept");
	commit(s);
	put_device(s, "lost");
	add(s, (struct store_change){.type = STORE_REGISTRATION_PUT, .name = "nobody", .registration = &r});
	commit(s);
	assert_true(outcome(s));
	assert_false(outcome(s));
	assert_string_not_equal(store_sqlite_reason(s->store), "");
	put_device(s, "also kept");
	commit(s);
	assert_true(outcome(s));
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.devices, 2);
}

/* Otherwise a kill right then would leave a gap in the log of events. */
static void a_batch_committed_behind_a_failure_not_yet_told_fails_as_well(void **state)
{
	struct stage *s = *state;
	struct registration r = {.location = "l"};
	reopen(s);
	add(s, (struct store_change){.type = STORE_REGISTRATION_PUT, .name = "nobody", .registration = &r});
	commit(s);
	put_device(s, "in the same group or not");
	commit(s);
	store_sqlite_settle(s->store);
	put_device(s, "behind");
	commit(s);
	store_sqlite_settle(s->store);
	assert_false(outcome(s));
	put_device(s, "told");
	commit(s);
	assert_false(outcome(s));
	assert_false(outcome(s));
	assert_true(outcome(s));
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.devices, 1);
}

static void outcomes_come_in_the_order_of_the_commits(void **state)
{
	struct stage *s = *state;
	uint64_t ticket, expected = 1;
	bool ok;
	reopen(s);
	for (int i = 0; i < 200; i++) {
		put_device(s, "a");
		commit(s);
	}
	while (expected <= 200) {
		store_sqlite_settle(s->store);
		while (store_sqlite_next(s->store, &ticket, &ok)) {
			assert_true(ok);
			assert_int_equal(ticket, expected++);
		}
	}
	assert_false(store_sqlite_next(s->store, &ticket, &ok));
}

/* In another process, which ends without closing anything as soon as the outcome is there. */
static void what_was_confirmed_survives_a_kill(void **state)
{
	struct stage *s = *state;
	pid_t child = fork();
	if (child == 0) {
		struct store_sqlite_config config = {.path = directory_file(&s->directory, "mgmtd.db")};
		s->store = store_sqlite_open(&config, s->error);
		put_device(s, "a");
		commit(s);
		_exit(outcome(s) ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	reopen(s);
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.devices, 1);
}

static void closing_carries_out_what_waits(void **state)
{
	struct stage *s = *state;
	reopen(s);
	for (int i = 0; i < 50; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "d%d", i);
		put_device(s, name);
		commit(s);
	}
	reopen(s);
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.devices, 50);
}

/* ---- a disk that is full, a file that is not ours ---- */

static void a_full_disk_refuses_batches_and_loses_nothing_that_was_confirmed(void **state)
{
	struct stage *s = *state;
	unsigned kept = 0;
	bool refused = false;
	assert_true(reopen_with(s, 18));
	for (int i = 0; i < 3000; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "device-%04d", i);
		put_device(s, name);
		commit(s);
		if (outcome(s))
			kept++;
		else
			refused = true;
	}
	assert_true(refused);
	assert_true(kept > 0);
	assert_non_null(strstr(store_sqlite_reason(s->store), "full"));
	reopen(s);
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.devices, kept);
	put_device(s, "after");
	commit(s);
	assert_true(outcome(s));
}

static void more_than_may_wait_is_refused_at_once(void **state)
{
	struct stage *s = *state;
	struct store_sqlite_config config = {.path = directory_file(&s->directory, "mgmtd.db"), .waiting_max_kib = 1};
	struct release big = {.name = "big"};
	s->store = store_sqlite_open(&config, s->error);
	struct store port = store_sqlite_port(s->store);
	add(s, (struct store_change){.type = STORE_RELEASE_PUT, .release = &big});
	assert_false(port.commit(port.context, 1, 0));
	put_device(s, "a");
	assert_true(port.commit(port.context, 2, 0));
	store_sqlite_settle(s->store);
	assert_true(load(s, 0));
	assert_int_equal(s->loaded.releases, 0);
	assert_int_equal(s->loaded.devices, 1);
}

static void a_file_that_is_no_database_is_refused_by_name(void **state)
{
	struct stage *s = *state;
	char junk[8193];
	memset(junk, 'x', sizeof junk - 1);
	junk[sizeof junk - 1] = '\0';
	directory_write(&s->directory, "mgmtd.db", 0600, junk);
	assert_false(reopen_with(s, 0));
	assert_non_null(strstr(s->error, "mgmtd.db: "));
	assert_non_null(strstr(s->error, "not a database"));
}

static void somebody_elses_database_is_refused(void **state)
{
	struct stage *s = *state;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(directory_file(&s->directory, "mgmtd.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE device (x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_false(reopen_with(s, 0));
	assert_non_null(strstr(s->error, "not one of mgmtd"));
}

static void change(struct stage *s, const char *sql)
{
	sqlite3 *db;
	store_sqlite_close(s->store);
	s->store = NULL;
	assert_int_equal(sqlite3_open(directory_file(&s->directory, "mgmtd.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void a_newer_schema_is_refused(void **state)
{
	struct stage *s = *state;
	reopen(s);
	change(s, "PRAGMA user_version=99");
	assert_false(reopen_with(s, 0));
	assert_non_null(strstr(s->error, "newer mgmtd (schema 99"));
}

static void a_row_with_nonsense_is_named(void **state)
{
	static const char *const alterations[] = {
		"UPDATE device SET name='line' || char(10)",
		"UPDATE device SET name=printf('%.*c', 65, 'x')",
		"UPDATE device SET first_seen=-1",
	};
	struct stage *s = *state;
	for (size_t i = 0; i < sizeof alterations / sizeof *alterations; i++) {
		reopen(s);
		put_device(s, "a");
		commit(s);
		assert_true(outcome(s));
		change(s, alterations[i]);
		reopen(s);
		assert_false(load(s, 0));
		assert_non_null(strstr(s->error, "table device, row 1"));
		change(s, "DELETE FROM device");
	}
}

static void what_the_visitor_has_no_room_for_is_named(void **state)
{
	struct stage *s = *state;
	struct rollout_record rollout = {.number = 1, .state = ROLLOUT_RUNNING};
	struct rollout_entry_record entry = {.rollout = 1, .device = "a"};
	reopen(s);
	add(s, (struct store_change){.type = STORE_ROLLOUT_PUT, .rollout = &rollout});
	add(s, (struct store_change){.type = STORE_ENTRY_PUT, .entry = &entry});
	commit(s);
	s->loaded.refuse_entries = 1;
	assert_false(load(s, 0));
	assert_non_null(strstr(s->error, "table rollout_device, row 1"));
}

static void a_second_server_on_the_same_file_is_refused(void **state)
{
	struct stage *s = *state;
	struct store_sqlite_config config = {.path = directory_file(&s->directory, "mgmtd.db")};
	reopen(s);
	put_device(s, "a");
	commit(s);
	assert_true(outcome(s));
	assert_null(store_sqlite_open(&config, s->error));
	assert_non_null(strstr(s->error, "locked"));
}

static void a_directory_that_is_not_there_is_named(void **state)
{
	struct stage *s = *state;
	struct store_sqlite_config config = {.path = directory_file(&s->directory, "nowhere/mgmtd.db")};
	assert_null(store_sqlite_open(&config, s->error));
	assert_non_null(strstr(s->error, "nowhere/mgmtd.db: unable to open"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_comes_back_as_it_was_after_a_reopen),
		TEST(who_is_denied_comes_back_until_he_is_not_denied_any_more),
		TEST(keys_are_sealed_and_those_of_another_secret_are_passed_over),
		TEST(keys_from_before_they_were_sealed_are_read),
		TEST(a_claim_comes_back_and_the_file_with_its_key_is_for_its_owner_alone),
		TEST(keys_that_were_made_for_a_device_come_back_sealed_and_go_with_it),
		TEST(an_order_comes_back_unless_its_device_is_gone),
		TEST(putting_again_replaces_and_keeps_the_order_of_entries),
		TEST(removing_takes_along_what_belongs_to_it),
		TEST(a_registration_can_go_while_its_device_stays),
		TEST(of_the_events_only_the_newest_are_loaded_in_their_order),
		TEST(a_batch_of_which_one_change_is_impossible_leaves_nothing),
		TEST(a_batch_committed_behind_a_failure_not_yet_told_fails_as_well),
		TEST(outcomes_come_in_the_order_of_the_commits),
		TEST(what_was_confirmed_survives_a_kill),
		TEST(closing_carries_out_what_waits),
		TEST(a_full_disk_refuses_batches_and_loses_nothing_that_was_confirmed),
		TEST(more_than_may_wait_is_refused_at_once),
		TEST(a_file_that_is_no_database_is_refused_by_name),
		TEST(somebody_elses_database_is_refused),
		TEST(a_newer_schema_is_refused),
		TEST(a_row_with_nonsense_is_named),
		TEST(what_the_visitor_has_no_room_for_is_named),
		TEST(a_second_server_on_the_same_file_is_refused),
		TEST(a_directory_that_is_not_there_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
