/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/ownhost.h"
#include "tests/sim/byhand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const names[] = {"one.example", "Two.Example"};

static struct coap_message asking(const char *host)
{
	struct coap_message m = {.option_count = 0};
	if (host != NULL) {
		m.options[0] = (struct coap_option){COAP_OPTION_URI_HOST, bytes_of_text(host)};
		m.option_count = 1;
	}
	return m;
}

static bool is_own(const struct coap_own_hosts *own, const char *host)
{
	struct coap_message m = asking(host);
	return coap_host_is_own(own, &m);
}

static void without_names_every_host_is_right(void **state)
{
	const struct coap_own_hosts own = {.name_count = 0};
	(void)state;
	assert_true(is_own(&own, NULL));
	assert_true(is_own(&own, "elsewhere.example"));
	assert_true(is_own(&own, "198.51.100.1"));
}

/* RFC 3986 section 3.2.2. */
static void names_are_compared_without_case_and_as_a_whole(void **state)
{
	const struct coap_own_hosts own = {.names = names, .name_count = 2};
	(void)state;
	assert_true(is_own(&own, NULL));
	assert_true(is_own(&own, "ONE.example"));
	assert_true(is_own(&own, "two.eXample"));
	assert_false(is_own(&own, "three.example"));
	assert_false(is_own(&own, "one.exampl"));
	assert_false(is_own(&own, "one.example."));
	assert_false(is_own(&own, "one\x0e"
				  "example"));
	assert_false(is_own(&own, "one@example"));
}

static void a_literal_is_right_when_the_server_listens_there(void **state)
{
	struct address addresses[2];
	const struct coap_own_hosts own = {.names = names, .name_count = 2, .addresses = addresses, .address_count = 2};
	(void)state;
	assert_true(address_parse(bytes_of_text("[2001:db8::1]:5683"), 0, &addresses[0]));
	addresses[1] = address_ipv4(192, 0, 2, 2, 5684);
	assert_true(is_own(&own, "192.0.2.2"));
	assert_true(is_own(&own, "2001:db8::1"));
	assert_true(is_own(&own, "[2001:DB8:0::1]"));
	assert_false(is_own(&own, "192.0.2.3"));
	assert_false(is_own(&own, "2001:db8::2"));
}

static void a_server_that_listens_everywhere_takes_any_literal_and_still_no_other_name(void **state)
{
	struct address all = {.port = 5683};
	const struct coap_own_hosts own = {.names = names, .name_count = 1, .addresses = &all, .address_count = 1};
	(void)state;
	for (int is_ipv4 = 0; is_ipv4 < 2; is_ipv4++) {
		if (is_ipv4)
			all = address_ipv4(0, 0, 0, 0, 5683);
		assert_true(is_own(&own, "192.0.2.3"));
		assert_true(is_own(&own, "2001:db8::2"));
		assert_false(is_own(&own, "two.example"));
	}
}

static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)request, (void)now;
	ret->code = COAP_CONTENT;
	ret->payload = bytes_of("x", 1);
	return COAP_ANSWER_NOW;
}

/* RFC 7252 section 5.7.2, and section 8: a group has a name of its own. */
static void another_host_is_answered_5_05_but_a_group_is_not_asked_for_its_name(void **state)
{
	static struct coap_resource resources[] = {{.path = "a", .handle = handle, .group = COAP_GROUP_TELLS}};
	static const struct {
		const char *host;
		uint8_t code;
	} cases[] = {{"one.example", COAP_CONTENT}, {"three.example", COAP_PROXYING_NOT_SUPPORTED}};
	struct coap_endpoint_config config = peer_config(resources, 1);
	struct world world;
	struct peer server;
	struct byhand client;
	(void)state;
	config.hosts = (struct coap_own_hosts){.names = names, .name_count = 2};
	config.capacities.group_answers = 4;
	world_init(&world, 1);
	peer_join(&server, &world, 2, &config);
	byhand_join(&client, &world, 1);
	for (size_t i = 0; i < 4; i++) {
		const char *host = cases[i % 2].host;
		bool is_group = i >= 2;
		uint8_t room[64];
		struct writer w = writer_of(room, sizeof room);
		struct coap_remote from = {client.node.address, HANDLE_NONE};
		coap_message_write_start(
			&w, is_group ? COAP_TYPE_NON : COAP_TYPE_CON, COAP_GET, (uint16_t)i, &(struct coap_token){0});
		coap_option_write(&w, 0, COAP_OPTION_URI_HOST, bytes_of_text(host));
		coap_option_write(&w, COAP_OPTION_URI_HOST, COAP_OPTION_URI_PATH, bytes_of("a", 1));
		client.count = 0;
		if (is_group)
			coap_endpoint_receive_group(server.endpoint, &from, writer_bytes(&w), world.now);
		else
			byhand_send(&client, &server, writer_bytes(&w));
		world_run(&world, SECONDS(10));
		assert_int_equal(client.count, 1);
		assert_int_equal(byhand_code(&client), is_group ? COAP_CONTENT : cases[i].code);
	}
	peer_leave(&server);
	world_done(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_names_every_host_is_right),
		cmocka_unit_test(names_are_compared_without_case_and_as_a_whole),
		cmocka_unit_test(a_literal_is_right_when_the_server_listens_there),
		cmocka_unit_test(a_server_that_listens_everywhere_takes_any_literal_and_still_no_other_name),
		cmocka_unit_test(another_host_is_answered_5_05_but_a_group_is_not_asked_for_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
