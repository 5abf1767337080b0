/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/cache.h"

#include "coap/resource.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ENTRIES     4
#define STORE_BYTES 4096

struct box {
	struct coap_cache c;
	void *memory;
	struct coap_remote to;
};

static void make(struct box *x)
{
	struct prng prng;
	prng_init_number(&prng, 7);
	x->memory = aligned_alloc(64, coap_cache_memory(ENTRIES, STORE_BYTES));
	coap_cache_init(&x->c, x->memory, ENTRIES, STORE_BYTES, &prng);
	x->to = (struct coap_remote){address_ipv4(192, 0, 2, 1, 5683), HANDLE_NONE};
}

static struct coap_options path(const char *text)
{
	struct coap_options o = {.count = 0};
	coap_options_add_path(&o, COAP_OPTION_URI_PATH, bytes_of_text(text));
	return o;
}

static struct coap_cache_key key_of(
	struct box *x, enum coap_code method, const struct coap_options *o, const char *body)
{
	struct coap_cache_key key;
	assert_true(coap_cache_key(x->c.secret, &x->to, method, o, bytes_of_text(body), &key));
	return key;
}

static struct coap_cache_key get_key(struct box *x, const char *text)
{
	struct coap_options o = path(text);
	return key_of(x, COAP_GET, &o, "");
}

static struct coap_cache_response content(const char *body, uint32_t max_age_s)
{
	return (struct coap_cache_response){.code = COAP_CONTENT,
		.content_format = COAP_FORMAT_NONE,
		.etag_len = 2,
		.etag = {'v', '1'},
		.max_age_s = max_age_s,
		.body = bytes_of_text(body)};
}

static struct handle put(struct box *x, const char *name, struct coap_cache_response r, msec now)
{
	struct handle h;
	struct coap_cache_key key = get_key(x, name);
	assert_true(coap_cache_add(&x->c, &key, &r, now, &h));
	return h;
}

static enum coap_cache_state look(struct box *x, const char *name, msec now, struct coap_cache_response *ret)
{
	struct handle h;
	struct coap_cache_key key = get_key(x, name);
	enum coap_cache_state state = coap_cache_find(&x->c, &key, now, &h);
	if (state != COAP_CACHE_MISS && ret != NULL)
		coap_cache_view(&x->c, h, now, ret);
	return state;
}

/* ---- freshness ---- */

/* RFC 7252 section 5.7.1: what was refreshed 20 seconds ago with a Max-Age of 60 has 40 left. */
static void max_age_shrinks_by_the_time_in_the_cache(void **state)
{
	struct box x;
	struct coap_cache_response r;
	(void)state;
	make(&x);
	put(&x, "a", content("hello", 60), SECONDS(100));
	assert_int_equal(look(&x, "a", SECONDS(120), &r), COAP_CACHE_FRESH);
	assert_int_equal(r.max_age_s, 40);
	assert_true(bytes_equal_text(r.body, "hello"));
	assert_int_equal(look(&x, "a", SECONDS(160) - 1, &r), COAP_CACHE_FRESH);
	assert_int_equal(r.max_age_s, 0);
	assert_int_equal(look(&x, "a", SECONDS(160), &r), COAP_CACHE_STALE);
	assert_int_equal(look(&x, "b", SECONDS(120), &r), COAP_CACHE_MISS);
	free(x.memory);
}

static void a_max_age_of_zero_is_never_fresh_and_the_largest_does_not_wrap(void **state)
{
	struct box x;
	struct coap_cache_response r;
	(void)state;
	make(&x);
	put(&x, "zero", content("z", 0), 5);
	put(&x, "long", content("l", UINT32_MAX), 5);
	assert_int_equal(look(&x, "zero", 5, &r), COAP_CACHE_STALE);
	assert_int_equal(look(&x, "long", SECONDS(4000000000), &r), COAP_CACHE_FRESH);
	free(x.memory);
}

/* RFC 7252 section 5.9.1.3: Max-Age begins anew, and options of each kind take the place of the stored ones. */
static void a_validation_refreshes_the_entry_and_replaces_options_by_their_kind(void **state)
{
	struct box x;
	struct coap_cache_response r = content("hello", 10);
	struct coap_options stored = {.count = 0}, fresh = {.count = 0};
	uint8_t stored_room[32], fresh_room[32];
	struct writer ws = writer_of(stored_room, sizeof stored_room), wf = writer_of(fresh_room, sizeof fresh_room);
	(void)state;
	make(&x);
	coap_options_add_text(&stored, 2048, "old");
	coap_options_add_text(&stored, 2052, "kept");
	coap_options_add_text(&fresh, 2048, "new");
	coap_options_add_text(&fresh, 2048, "two");
	coap_options_write(&ws, &stored);
	coap_options_write(&wf, &fresh);
	r.options = writer_bytes(&ws);
	struct handle h = put(&x, "a", r, 0);
	assert_false(coap_cache_is_fresh(&x.c, h, SECONDS(10)));
	coap_cache_refresh(&x.c, h, 30, writer_bytes(&wf), SECONDS(10));
	assert_int_equal(look(&x, "a", SECONDS(39), &r), COAP_CACHE_FRESH);
	struct reader reader = reader_of(r.options);
	struct coap_option option = {.number = 0};
	static const char *const wanted[] = {"new", "two", "kept"};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(coap_option_read(&reader, &option), COAP_OPTION_STEP_OPTION);
		assert_true(bytes_equal_text(option.value, wanted[i]));
	}
	assert_int_equal(coap_option_read(&reader, &option), COAP_OPTION_STEP_END);
	assert_true(bytes_equal_text(r.body, "hello"));
	free(x.memory);
}

static void options_of_a_validation_that_find_no_room_leave_the_entry_stale(void **state)
{
	struct box x;
	static const uint8_t large[200];
	struct coap_options fresh = {.count = 0};
	uint8_t room[300];
	struct writer w = writer_of(room, sizeof room);
	(void)state;
	make(&x);
	struct handle h = put(&x, "a", content("hello", 10), 0);
	coap_options_add(&fresh, 2048, bytes_of(large, sizeof large));
	coap_options_write(&w, &fresh);
	coap_cache_refresh(&x.c, h, 30, writer_bytes(&w), SECONDS(10));
	assert_false(coap_cache_is_fresh(&x.c, h, SECONDS(10)));
	free(x.memory);
}

/* RFC 7252 section 5.9.1: all representations of the resource, whatever their Accept, and nobody else's. */
static void a_change_makes_all_representations_of_a_resource_stale(void **state)
{
	struct box x;
	struct handle h;
	struct coap_options accept = path("a");
	struct coap_cache_response r = content("x", 60);
	(void)state;
	make(&x);
	coap_options_add_uint(&accept, COAP_OPTION_ACCEPT, 50);
	struct coap_cache_key key = key_of(&x, COAP_GET, &accept, "");
	put(&x, "a", r, 0);
	put(&x, "b", r, 0);
	assert_true(coap_cache_add(&x.c, &key, &r, 0, &h));
	coap_cache_invalidate(&x.c, key.resource, 1);
	assert_int_equal(look(&x, "a", 1, NULL), COAP_CACHE_STALE);
	assert_false(coap_cache_is_fresh(&x.c, h, 1));
	assert_int_equal(look(&x, "b", 1, NULL), COAP_CACHE_FRESH);
	assert_int_equal(x.c.counters.invalidated, 2);
	free(x.memory);
}

/* RFC 7252 section 5.9, RFC 8768 section 3. */
static void only_contents_and_errors_may_be_stored(void **state)
{
	(void)state;
	assert_true(coap_cache_is_storable(COAP_CONTENT));
	assert_true(coap_cache_is_storable(COAP_NOT_FOUND));
	assert_true(coap_cache_is_storable(COAP_SERVICE_UNAVAILABLE));
	assert_false(coap_cache_is_storable(COAP_CREATED));
	assert_false(coap_cache_is_storable(COAP_DELETED));
	assert_false(coap_cache_is_storable(COAP_VALID));
	assert_false(coap_cache_is_storable(COAP_CHANGED));
	assert_false(coap_cache_is_storable(COAP_CONTINUE));
	assert_false(coap_cache_is_storable(COAP_HOP_LIMIT_REACHED));
}

/* ---- limits ---- */

static void the_least_recently_used_entry_makes_room_for_a_new_one(void **state)
{
	struct box x;
	(void)state;
	make(&x);
	put(&x, "a", content("1", 60), 0);
	put(&x, "b", content("2", 60), 0);
	put(&x, "c", content("3", 60), 0);
	put(&x, "d", content("4", 60), 0);
	assert_int_equal(look(&x, "a", 1, NULL), COAP_CACHE_FRESH);
	put(&x, "e", content("5", 60), 1);
	assert_int_equal(look(&x, "b", 1, NULL), COAP_CACHE_MISS);
	assert_int_equal(look(&x, "a", 1, NULL), COAP_CACHE_FRESH);
	assert_int_equal(look(&x, "e", 1, NULL), COAP_CACHE_FRESH);
	assert_int_equal(x.c.counters.evicted, 1);
	free(x.memory);
}

static void a_pinned_entry_stays_and_keeps_its_handle_when_it_is_replaced(void **state)
{
	static const uint8_t large[STORE_BYTES / 2];
	struct box x;
	struct coap_cache_response r = content("", 60);
	(void)state;
	make(&x);
	struct handle h = put(&x, "a", content("old", 60), 0);
	coap_cache_pin(&x.c, h);
	assert_true(handle_equal(put(&x, "a", content("new", 60), 0), h));
	r.body = bytes_of(large, sizeof large);
	for (int i = 0; i < 20; i++) {
		char name[] = {(char)('b' + i), '\0'};
		put(&x, name, r, i);
	}
	assert_true(coap_cache_has(&x.c, h));
	coap_cache_view(&x.c, h, 0, &r);
	assert_true(bytes_equal_text(r.body, "new"));
	coap_cache_unpin(&x.c, h);
	for (int i = 0; i < 4; i++) {
		char name[] = {(char)('B' + i), '\0'};
		put(&x, name, content("x", 60), i);
	}
	assert_false(coap_cache_has(&x.c, h));
	coap_cache_unpin(&x.c, h);
	free(x.memory);
}

static void what_does_not_fit_is_not_stored_and_takes_the_old_one_with_it(void **state)
{
	static const uint8_t large[STORE_BYTES];
	struct box x;
	struct handle h;
	struct coap_cache_response r = content("", 60);
	(void)state;
	make(&x);
	put(&x, "a", content("old", 60), 0);
	r.body = bytes_of(large, sizeof large);
	struct coap_cache_key key = get_key(&x, "a");
	assert_false(coap_cache_add(&x.c, &key, &r, 0, &h));
	assert_int_equal(look(&x, "a", 0, NULL), COAP_CACHE_MISS);
	assert_int_equal(x.c.live, 0);
	free(x.memory);
}

static void when_all_is_pinned_nothing_more_is_stored(void **state)
{
	struct box x;
	struct handle h;
	struct coap_cache_response r = content("x", 60);
	(void)state;
	make(&x);
	for (char name[] = "a"; name[0] < 'a' + ENTRIES; name[0]++)
		coap_cache_pin(&x.c, put(&x, name, r, 0));
	struct coap_cache_key key = get_key(&x, "z");
	assert_false(coap_cache_add(&x.c, &key, &r, 0, &h));
	free(x.memory);
}

/* Random work against a plain model: whatever is found is what was put, and the bounds hold. */
static void what_is_found_is_what_was_stored_whatever_came_between(void **state)
{
	struct box x;
	struct prng prng;
	uint8_t model[16] = {0}; /* the byte that fills the latest body of each name */
	(void)state;
	make(&x);
	prng_init_number(&prng, 11);
	for (int i = 0; i < 20000; i++) {
		uint8_t body[1500];
		struct coap_cache_response r = content("", 60);
		uint32_t which = prng_u32(&prng) % 16;
		char name[] = {(char)('a' + which), '\0'};
		if (prng_u32(&prng) % 2 == 0) {
			model[which] = (uint8_t)i;
			memset(body, i, sizeof body);
			r.body = bytes_of(body, 1 + prng_u32(&prng) % sizeof body);
			put(&x, name, r, i);
		} else if (look(&x, name, i, &r) != COAP_CACHE_MISS) {
			for (size_t at = 0; at < r.body.len; at++)
				assert_int_equal(r.body.data[at], model[which]);
		}
		assert_true(x.c.live <= x.c.end && x.c.end <= STORE_BYTES && x.c.slab.used <= ENTRIES);
	}
	assert_true(x.c.counters.evicted > 100 && x.c.counters.hits > 100);
	free(x.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(max_age_shrinks_by_the_time_in_the_cache),
		cmocka_unit_test(a_max_age_of_zero_is_never_fresh_and_the_largest_does_not_wrap),
		cmocka_unit_test(a_validation_refreshes_the_entry_and_replaces_options_by_their_kind),
		cmocka_unit_test(options_of_a_validation_that_find_no_room_leave_the_entry_stale),
		cmocka_unit_test(a_change_makes_all_representations_of_a_resource_stale),
		cmocka_unit_test(only_contents_and_errors_may_be_stored),
		cmocka_unit_test(the_least_recently_used_entry_makes_room_for_a_new_one),
		cmocka_unit_test(a_pinned_entry_stays_and_keeps_its_handle_when_it_is_replaced),
		cmocka_unit_test(what_does_not_fit_is_not_stored_and_takes_the_old_one_with_it),
		cmocka_unit_test(when_all_is_pinned_nothing_more_is_stored),
		cmocka_unit_test(what_is_found_is_what_was_stored_whatever_came_between),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
