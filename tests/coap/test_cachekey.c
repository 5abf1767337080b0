/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/cachekey.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SECRET 7

static const struct coap_remote server = {.address = {.ip = {[15] = 1}, .port = 5683}};

static struct coap_options path(const char *text)
{
	struct coap_options o = {.count = 0};
	coap_options_add_path(&o, COAP_OPTION_URI_PATH, bytes_of_text(text));
	return o;
}

static struct coap_cache_key key_of(
	const struct coap_remote *to, enum coap_code method, const struct coap_options *o, const char *body)
{
	struct coap_cache_key key;
	assert_true(coap_cache_key(SECRET, to, method, o, bytes_of_text(body), &key));
	return key;
}

static bool same(const struct coap_cache_key *a, const struct coap_cache_key *b)
{
	return bytes_equal(bytes_of(a->bytes, a->len), bytes_of(b->bytes, b->len));
}

/* RFC 7252 section 5.4.2: bits 1 to 4 of 0x1c mark NoCacheKey; Size1 (60) and Echo (252) are so. */
static void options_that_are_no_cache_key_do_not_tell_requests_apart(void **state)
{
	struct coap_remote to = server;
	struct coap_options plain = path("a"), marked = path("a"), own = path("a");
	(void)state;
	coap_options_add_uint(&marked, COAP_OPTION_SIZE1, 9);
	coap_options_add_text(&marked, COAP_OPTION_ECHO, "once");
	coap_options_add_text(&own, COAP_OPTION_ETAG, "v1");
	coap_options_add_uint(&own, COAP_OPTION_OBSERVE, 0);
	coap_options_add_uint(&own, COAP_OPTION_BLOCK2, 6);
	coap_options_add_uint(&own, COAP_OPTION_HOP_LIMIT, 5);
	struct coap_cache_key a = key_of(&to, COAP_GET, &plain, "");
	struct coap_cache_key b = key_of(&to, COAP_GET, &marked, "");
	struct coap_cache_key c = key_of(&to, COAP_GET, &own, "");
	assert_true(same(&a, &b));
	assert_true(same(&a, &c));
}

static void whatever_chooses_a_representation_tells_requests_apart(void **state)
{
	struct coap_remote to = server;
	struct coap_options plain = path("a"), accept = path("a"), other = path("b"), unknown = path("a");
	(void)state;
	coap_options_add_uint(&accept, COAP_OPTION_ACCEPT, 50);
	coap_options_add_uint(&unknown, 2048, 1);
	struct coap_cache_key a = key_of(&to, COAP_GET, &plain, "");
	struct coap_cache_key b = key_of(&to, COAP_GET, &accept, "");
	struct coap_cache_key c = key_of(&to, COAP_GET, &other, "");
	struct coap_cache_key d = key_of(&to, COAP_GET, &unknown, "");
	to.address.port++;
	struct coap_cache_key e = key_of(&to, COAP_GET, &plain, "");
	to.session = (struct handle){1, 1};
	struct coap_cache_key f = key_of(&to, COAP_GET, &plain, "");
	assert_false(same(&a, &b) || same(&a, &c) || same(&a, &d) || same(&a, &e) || same(&e, &f));
	assert_true(a.resource == b.resource && a.resource == d.resource);
	assert_true(a.resource != c.resource && a.resource != e.resource);
}

/* RFC 8132 section 2: the payload of a FETCH and its Content-Format belong to the key. */
static void the_body_of_a_fetch_belongs_to_its_key(void **state)
{
	struct coap_remote to = server;
	struct coap_options o = path("a"), formatted = path("a");
	(void)state;
	coap_options_add_uint(&formatted, COAP_OPTION_CONTENT_FORMAT, 60);
	struct coap_cache_key get = key_of(&to, COAP_GET, &o, "x"), get2 = key_of(&to, COAP_GET, &o, "y");
	struct coap_cache_key a = key_of(&to, COAP_FETCH, &o, "x"), b = key_of(&to, COAP_FETCH, &o, "y");
	struct coap_cache_key c = key_of(&to, COAP_FETCH, &formatted, "x");
	assert_true(same(&get, &get2));
	assert_false(same(&get, &a) || same(&a, &b) || same(&a, &c));
}

static void requests_with_an_effect_and_long_ones_have_no_key(void **state)
{
	static const uint8_t body[COAP_CACHE_KEY_MAX_BYTES];
	struct coap_remote to = server;
	struct coap_options o = path("a");
	struct coap_cache_key key, get;
	(void)state;
	get = key_of(&to, COAP_GET, &o, "");
	assert_false(coap_cache_key(SECRET, &to, COAP_POST, &o, BYTES_NONE, &key));
	assert_true(key.resource == get.resource);
	assert_false(coap_cache_key(SECRET, &to, COAP_PUT, &o, BYTES_NONE, &key));
	assert_false(coap_cache_key(SECRET, &to, COAP_FETCH, &o, bytes_of(body, sizeof body), &key));
	assert_true(coap_cache_key(SECRET, &to, COAP_FETCH, &o, bytes_of(body, sizeof body / 2), &key));
}

static void a_location_names_the_resource_that_was_created(void **state)
{
	struct coap_remote to = server;
	struct coap_options posted = path("list"), made = path("list/7");
	struct coap_message m = {.option_count = 2,
		.options = {{COAP_OPTION_LOCATION_PATH, bytes_of_text("list")},
			{COAP_OPTION_LOCATION_PATH, bytes_of_text("7")}}};
	(void)state;
	uint64_t authority = coap_cache_authority(SECRET, &to, &posted);
	assert_true(coap_cache_location(authority, &m) == coap_cache_resource(SECRET, &to, &made));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_that_are_no_cache_key_do_not_tell_requests_apart),
		cmocka_unit_test(whatever_chooses_a_representation_tells_requests_apart),
		cmocka_unit_test(the_body_of_a_fetch_belongs_to_its_key),
		cmocka_unit_test(requests_with_an_effect_and_long_ones_have_no_key),
		cmocka_unit_test(a_location_names_the_resource_that_was_created),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
