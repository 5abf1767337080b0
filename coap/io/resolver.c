/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Questions and answers lie in one ring, which both threads touch under the lock:
 *
 *     | answered, not yet told | being asked | waiting |
 *       ^ told                   ^ asked               ^ added */
#include "coap/io/resolver.h"

#include "coap/io/resolve.h"

#include <ev.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct question {
	char name[COAP_RESOLVER_NAME_MAX + 1];
	uint16_t port;
	struct handle ticket;
	struct address address;
	bool is_found;
};

struct coap_resolver {
	struct coap_loop *loop;
	coap_resolver_answer *answer;
	void *context;
	ev_async wake;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t has_work;
	bool is_closing;
	unsigned told, asked, added; /* counted up; the place in the ring is the rest */
	struct question ring[COAP_RESOLVER_QUESTIONS_MAX];
};

static struct question *at(struct coap_resolver *r, unsigned n)
{
	return &r->ring[n % COAP_RESOLVER_QUESTIONS_MAX];
}

/* The helper: takes a question, asks with the lock open, and puts the answer in its place. */
static void *run(void *context)
{
	struct coap_resolver *r = context;
	(void)pthread_mutex_lock(&r->lock);
	while (!r->is_closing) {
		if (r->asked == r->added) {
			(void)pthread_cond_wait(&r->has_work, &r->lock);
			continue;
		}
		struct question *q = at(r, r->asked);
		struct address address = {.port = 0};
		(void)pthread_mutex_unlock(&r->lock);
		const char *reason;
		bool is_found = coap_resolve_name(q->name, q->port, &address, &reason);
		(void)pthread_mutex_lock(&r->lock);
		q->is_found = is_found;
		q->address = address;
		r->asked++;
		ev_async_send(coap_loop_ev(r->loop), &r->wake);
	}
	(void)pthread_mutex_unlock(&r->lock);
	return NULL;
}

static bool take_answer(struct coap_resolver *r, struct question *ret)
{
	(void)pthread_mutex_lock(&r->lock);
	bool has_one = r->told != r->asked;
	if (has_one)
		*ret = *at(r, r->told++);
	(void)pthread_mutex_unlock(&r->lock);
	return has_one;
}

static void on_wake(struct ev_loop *ev, ev_async *w, int events)
{
	struct coap_resolver *r = w->data;
	struct question q;
	(void)ev, (void)events;
	while (take_answer(r, &q))
		r->answer(r->context, q.ticket, q.is_found ? &q.address : NULL, coap_loop_now(r->loop));
}

struct coap_resolver *coap_resolver_open(struct coap_loop *loop, coap_resolver_answer *answer, void *context)
{
	struct coap_resolver *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	r->loop = loop;
	r->answer = answer;
	r->context = context;
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->has_work, NULL);
	ev_async_init(&r->wake, on_wake);
	r->wake.data = r;
	if (pthread_create(&r->thread, NULL, run, r) != 0) {
		free(r);
		return NULL;
	}
	ev_async_start(coap_loop_ev(loop), &r->wake);
	return r;
}

void coap_resolver_close(struct coap_resolver *r)
{
	if (r == NULL)
		return;
	(void)pthread_mutex_lock(&r->lock);
	r->is_closing = true;
	(void)pthread_cond_signal(&r->has_work);
	(void)pthread_mutex_unlock(&r->lock);
	(void)pthread_join(r->thread, NULL);
	ev_async_stop(coap_loop_ev(r->loop), &r->wake);
	(void)pthread_cond_destroy(&r->has_work);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

bool coap_resolver_ask(struct coap_resolver *r, struct bytes name, uint16_t port, struct handle ticket)
{
	if (name.len > COAP_RESOLVER_NAME_MAX || memchr(name.data, '\0', name.len) != NULL)
		return false;
	(void)pthread_mutex_lock(&r->lock);
	bool has_room = r->added - r->told < COAP_RESOLVER_QUESTIONS_MAX;
	if (has_room) {
		struct question *q = at(r, r->added++);
		memcpy(q->name, name.data, name.len);
		q->name[name.len] = '\0';
		q->port = port;
		q->ticket = ticket;
		(void)pthread_cond_signal(&r->has_work);
	}
	(void)pthread_mutex_unlock(&r->lock);
	return has_room;
}
