/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Addresses as text and what is no name: both are found, or not, without asking anybody. */
#include "coap/io/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct stage {
	struct coap_loop loop;
	struct coap_resolver *resolver;
	struct handle tickets[COAP_RESOLVER_QUESTIONS_MAX];
	struct address found[COAP_RESOLVER_QUESTIONS_MAX];
	bool is_found[COAP_RESOLVER_QUESTIONS_MAX];
	int answers, wanted;
};

static msec deadline(void *context)
{
	(void)context;
	return NEVER;
}

static void nothing(void *context, msec now)
{
	(void)context, (void)now;
}

static void on_answer(void *context, struct handle ticket, const struct address *found, msec now)
{
	struct stage *s = context;
	(void)now;
	s->tickets[s->answers] = ticket;
	s->is_found[s->answers] = found != NULL;
	if (found != NULL)
		s->found[s->answers] = *found;
	if (++s->answers == s->wanted)
		coap_loop_stop(&s->loop);
}

static void raise_stage(struct stage *s)
{
	struct coap_loop_user user = {s, deadline, nothing, NULL};
	memset(s, 0, sizeof *s);
	assert_int_equal(coap_loop_init(&s->loop, &user), 0);
	s->resolver = coap_resolver_open(&s->loop, on_answer, s);
	assert_non_null(s->resolver);
}

static void strike_stage(struct stage *s)
{
	coap_resolver_close(s->resolver);
	coap_loop_done(&s->loop);
	coap_loop_done(&s->loop); /* twice is once */
}

static bool ask(struct stage *s, const char *name, uint32_t ticket)
{
	return coap_resolver_ask(s->resolver, bytes_of_text(name), 5683, (struct handle){ticket, 1});
}

static void answers_come_in_the_order_of_the_questions_with_their_tickets(void **state)
{
	static const char *const names[] = {"127.0.0.1", "a..b", "::1"};
	struct stage s;
	(void)state;
	raise_stage(&s);
	s.wanted = 3;
	for (uint32_t i = 0; i < 3; i++)
		assert_true(ask(&s, names[i], i + 10));
	assert_int_equal(s.answers, 0); /* never from within the question */
	coap_loop_run(&s.loop);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(s.tickets[i].slot, i + 10);
		assert_int_equal(s.is_found[i], i != 1);
	}
	struct address v4 = address_ipv4(127, 0, 0, 1, 5683), v6 = {.ip = {[15] = 1}, .port = 5683};
	assert_true(address_equal(&s.found[0], &v4));
	assert_true(address_equal(&s.found[2], &v6));
	strike_stage(&s);
}

static void a_name_that_can_be_none_is_not_asked_for(void **state)
{
	struct stage s;
	char wide[COAP_RESOLVER_NAME_MAX + 1];
	(void)state;
	raise_stage(&s);
	memset(wide, 'a', sizeof wide);
	assert_false(coap_resolver_ask(s.resolver, bytes_of(wide, sizeof wide), 1, HANDLE_NONE));
	assert_false(coap_resolver_ask(s.resolver, bytes_of("a\0b", 3), 1, HANDLE_NONE));
	strike_stage(&s);
}

/* An answer takes its place until the loop has handed it over. */
static void one_question_too_many_is_refused_until_an_answer_has_been_taken(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	s.wanted = COAP_RESOLVER_QUESTIONS_MAX;
	for (uint32_t i = 0; i < COAP_RESOLVER_QUESTIONS_MAX; i++)
		assert_true(ask(&s, "127.0.0.1", i));
	assert_false(ask(&s, "127.0.0.1", 99));
	coap_loop_run(&s.loop);
	assert_int_equal(s.answers, COAP_RESOLVER_QUESTIONS_MAX);
	assert_true(ask(&s, "127.0.0.1", 99));
	strike_stage(&s);
}

static void closing_none_is_allowed(void **state)
{
	(void)state;
	coap_resolver_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_in_the_order_of_the_questions_with_their_tickets),
		cmocka_unit_test(a_name_that_can_be_none_is_not_asked_for),
		cmocka_unit_test(one_question_too_many_is_refused_until_an_answer_has_been_taken),
		cmocka_unit_test(closing_none_is_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
