/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Nothing that we send needs fragments on a link as narrow as we were told (RFC 6347 section 4.1.1, RFC 7252 section
 * 4.6): not flights of certificates, not bodies, and not messages with long options. The link drops what is longer. */
#include "tests/dtls/certificates.h"
#include "tests/dtls/pair.h"
#include "tests/sim/peer.h"
#include "tests/sim/secure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BODY_BYTES   5000
#define OPTION_BYTES 100 /* what a handler may well add */

static const uint16_t links[] = {DTLS_LINK_MTU_LEAST, 800, DTLS_LINK_MTU_DEFAULT, DTLS_LINK_MTU_MOST};

#define LINKS (sizeof links / sizeof links[0])

/* ---- flights ---- */

static bool note_length(struct pair_world *w, struct pair_datagram *datagram, void *context)
{
	size_t *longest = context;
	(void)w;
	*longest = datagram->len > *longest ? datagram->len : *longest;
	return true;
}

static void a_handshake_with_certificates_has_no_datagram_that_is_too_long(void **state)
{
	(void)state;
	for (size_t i = 0; i < LINKS; i++) {
		struct pair_world *w = pair_world_new(5);
		uint16_t most = dtls_datagram_max(links[i]);
		size_t longest = 0;
		pair_end_start(w, 0,
			(struct pair_settings){
				.is_server = true, .uses_cid = true, .has_certificate = true, .mtu_bytes = most});
		struct pair_end *client =
			pair_end_start(w, 1, (struct pair_settings){.uses_cid = true, .mtu_bytes = most});
		struct dtls_client_credential credential = pair_certificate(test_device_certificate, test_device_key);
		w->watch = note_length;
		w->watch_context = &longest;
		pair_connect(client, &credential);
		pair_run(w, SECONDS(10));
		assert_int_equal(client->seen.established, 1);
		assert_true(longest <= most);
		assert_true(longest > 400); /* the certificates were in it */
		pair_world_free(w);
	}
}

/* ---- messages ---- */

struct stage {
	struct world world;
	struct secure_peer client, server;
	uint8_t text[BODY_BYTES];
	size_t longest, body_len, uploaded;
	unsigned ended;
	enum coap_outcome outcome;
	enum coap_code code, answer;
	bool has_long_options, is_equal;
	size_t answer_len;
};

static bool measure(void *context, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now)
{
	struct stage *s = context;
	(void)from, (void)to, (void)number, (void)now;
	s->longest = datagram.len > s->longest ? datagram.len : s->longest;
	return true;
}

static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->uploaded = request->body.len;
	ret->code = s->answer;
	ret->payload = bytes_of(s->text, s->answer_len);
	if (s->has_long_options)
		coap_options_add(&ret->options, 2048, bytes_of(s->text, OPTION_BYTES));
	return COAP_ANSWER_NOW;
}

static struct coap_resource resource = {.path = "", .handle = handle};

static void raise_stage(struct stage *s, uint16_t link)
{
	memset(s, 0, sizeof *s);
	world_init(&s->world, 3);
	s->world.link.quality = (struct link_quality){.delay = 20, .mtu = dtls_datagram_max(link)};
	s->world.link.filter = measure;
	s->world.link.filter_context = s;
	for (size_t i = 0; i < sizeof s->text; i++)
		s->text[i] = (uint8_t)('a' + i % 23);
	s->answer = COAP_CONTENT;
	resource.context = s;
	struct coap_endpoint_config config = peer_config(&resource, 1);
	config.parameters.message_max = dtls_message_max(link);
	config.parameters.body_size_max = BODY_BYTES;
	config.capacities.qblocks = 4;
	struct secure_settings settings = {.is_server = true, .mtu_bytes = dtls_datagram_max(link)};
	secure_peer_join(&s->server, &s->world, 1, &settings, &config);
	settings.is_server = false;
	secure_peer_join(&s->client, &s->world, 2, &settings, &config);
	secure_peer_connect(&s->client, &s->server);
	world_run(&s->world, SECONDS(1));
	assert_int_equal(s->client.established, 1);
	s->longest = 0;
}

static void strike_stage(struct stage *s)
{
	assert_int_equal(s->world.link.lost, 0);
	secure_peer_leave(&s->client);
	secure_peer_leave(&s->server);
	world_done(&s->world);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->ended++;
	s->outcome = reply->outcome;
	s->code = reply->code;
	s->body_len = reply->body.len;
	s->is_equal = reply->body.len <= BODY_BYTES && memcmp(reply->body.data, s->text, reply->body.len) == 0;
}

static void ask(struct stage *s, enum coap_code method, size_t body, size_t options_len, enum coap_qblock_use qblock)
{
	struct coap_options options = {0};
	struct handle h;
	if (options_len > 0)
		coap_options_add(&options, 2052, bytes_of(s->text, options_len));
	struct coap_call call = {.to = s->client.other,
		.method = method,
		.options = &options,
		.body = bytes_of(s->text, body),
		.qblock = qblock,
		.reply = on_reply,
		.context = s};
	s->ended = 0;
	assert_true(coap_endpoint_request(s->client.endpoint, &call, s->world.now, &h));
	world_run(&s->world, SECONDS(60));
	assert_int_equal(s->ended, 1);
	assert_int_equal(s->outcome, COAP_OUTCOME_RESPONSE);
}

static void download(struct stage *s, size_t options_len, enum coap_qblock_use qblock)
{
	for (size_t len = 0; len <= BODY_BYTES; len += len < 1300 ? 50 : 1200) {
		s->answer_len = len;
		ask(s, COAP_GET, 0, options_len, qblock);
		assert_int_equal(s->code, COAP_CONTENT);
		assert_int_equal(s->body_len, len);
		assert_true(len == 0 || s->is_equal);
	}
}

static void upload(struct stage *s, size_t options_len, enum coap_qblock_use qblock)
{
	s->answer_len = 0;
	for (size_t len = 0; len <= BODY_BYTES; len += len < 1300 ? 50 : 1200) {
		ask(s, COAP_FETCH, len, options_len, qblock);
		assert_int_equal(s->uploaded, len);
	}
}

static void bodies_of_any_length_go_in_messages_that_fit(void **state)
{
	static struct stage s;
	(void)state;
	for (size_t i = 0; i < LINKS; i++) {
		raise_stage(&s, links[i]);
		for (size_t options_len = 0; options_len <= 200; options_len += 100) {
			s.has_long_options = options_len > 0;
			download(&s, options_len, COAP_QBLOCK_OFF);
			upload(&s, options_len, COAP_QBLOCK_OFF);
		}
		assert_true(s.longest <= dtls_datagram_max(links[i]));
		assert_true(s.longest > 400); /* nor were they needlessly small */
		strike_stage(&s);
	}
}

static void so_they_do_by_qblock(void **state)
{
	static struct stage s;
	(void)state;
	for (size_t i = 0; i < LINKS; i++) {
		raise_stage(&s, links[i]);
		for (size_t options_len = 0; options_len <= 200; options_len += 100) {
			s.has_long_options = options_len > 0;
			download(&s, options_len, COAP_QBLOCK_NON);
			upload(&s, options_len, COAP_QBLOCK_NON);
		}
		strike_stage(&s);
	}
}

static void what_an_error_says_is_cut_to_fit(void **state)
{
	static struct stage s;
	(void)state;
	for (size_t i = 0; i < LINKS; i++) {
		raise_stage(&s, links[i]);
		s.answer = COAP_BAD_REQUEST;
		s.answer_len = BODY_BYTES;
		for (int has_options = 0; has_options <= 1; has_options++) {
			s.has_long_options = has_options;
			ask(&s, COAP_GET, 0, 0, COAP_QBLOCK_OFF);
			assert_int_equal(s.code, COAP_BAD_REQUEST);
			assert_true(s.body_len > 64 && s.is_equal);
		}
		strike_stage(&s);
	}
}

static void the_usual_link_carries_blocks_of_1024_bytes_and_the_least_256(void **state)
{
	struct coap_parameters p = coap_parameters_default;
	(void)state;
	assert_int_equal(coap_parameters_block_size(&p), 1024);
	p.message_max = dtls_message_max(DTLS_LINK_MTU_DEFAULT);
	assert_int_equal(coap_parameters_block_size(&p), 1024);
	p.message_max = dtls_message_max(DTLS_LINK_MTU_LEAST);
	assert_int_equal(coap_parameters_block_size(&p), 256);
	p.block_size = 64;
	assert_int_equal(coap_parameters_block_size(&p), 64);
	p.message_max = 0;
	p.block_size = 1024;
	assert_int_equal(coap_parameters_block_size(&p), 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handshake_with_certificates_has_no_datagram_that_is_too_long),
		cmocka_unit_test(bodies_of_any_length_go_in_messages_that_fit),
		cmocka_unit_test(so_they_do_by_qblock),
		cmocka_unit_test(what_an_error_says_is_cut_to_fit),
		cmocka_unit_test(the_usual_link_carries_blocks_of_1024_bytes_and_the_least_256),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
