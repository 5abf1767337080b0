/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/io/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

msec coap_loop_read_clock(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (msec)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The timer is set when the deadline comes nearer, and left alone when it moves away, unless wake-ups are to be saved:
 * it then fires once for nothing, which is cheaper than a system call in each turn. */
static void arm(struct coap_loop *l, msec deadline)
{
	if (deadline == l->armed || (deadline > l->armed && !l->saves_wakeups))
		return;
	msec at = deadline == NEVER ? 0 : deadline > 0 ? deadline : 1; /* 0 disarms */
	struct itimerspec t = {.it_value = {.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000}};
	(void)timerfd_settime(l->timer_descriptor, TFD_TIMER_ABSTIME, &t, NULL);
	l->armed = deadline;
}

/* Before the loop waits: what is due, what leaves, when to wake up. */
static void on_prepare(struct ev_loop *ev, ev_prepare *w, int events)
{
	struct coap_loop *l = w->data;
	(void)ev, (void)events;
	if (l->user.deadline(l->user.context) <= l->now)
		l->user.tick(l->user.context, l->now);
	if (l->user.flush != NULL)
		l->user.flush(l->user.context);
	arm(l, l->user.deadline(l->user.context));
}

static void on_check(struct ev_loop *ev, ev_check *w, int events)
{
	struct coap_loop *l = w->data;
	(void)ev, (void)events;
	l->now = coap_loop_read_clock();
}

static void on_timer(struct ev_loop *ev, ev_io *w, int events)
{
	struct coap_loop *l = w->data;
	uint64_t expirations;
	(void)ev, (void)events;
	if (read(l->timer_descriptor, &expirations, sizeof expirations) > 0)
		l->armed = NEVER;
}

/* libev cannot go on without memory, and would abort. */
static void *allocate(void *old, long size)
{
	void *new = NULL;
	if (size == 0)
		free(old);
	else
		new = realloc(old, (size_t)size);
	if (size != 0 && new == NULL) {
		static const char words[] = "out of memory\n";
		(void)!write(STDERR_FILENO, words, sizeof words - 1);
		_exit(EXIT_FAILURE);
	}
	return new;
}

int coap_loop_init(struct coap_loop *l, const struct coap_loop_user *user)
{
	*l = (struct coap_loop){.user = *user, .now = coap_loop_read_clock(), .armed = NEVER};
	l->timer_descriptor = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->timer_descriptor < 0)
		return -errno;
	ev_set_allocator(allocate);
	l->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (l->ev == NULL) {
		(void)close(l->timer_descriptor);
		return -ENOSYS;
	}
	ev_prepare_init(&l->prepare, on_prepare);
	ev_check_init(&l->check, on_check);
	ev_io_init(&l->timer, on_timer, l->timer_descriptor, EV_READ);
	l->prepare.data = l->check.data = l->timer.data = l;
	ev_set_priority(&l->check, EV_MAXPRI);   /* the clock is read before anything uses it */
	ev_set_priority(&l->prepare, EV_MINPRI); /* others may still send while they prepare */
	ev_prepare_start(l->ev, &l->prepare);
	ev_check_start(l->ev, &l->check);
	ev_io_start(l->ev, &l->timer);
	return 0;
}

void coap_loop_done(struct coap_loop *l)
{
	if (l->ev == NULL)
		return;
	ev_loop_destroy(l->ev);
	(void)close(l->timer_descriptor);
	l->ev = NULL;
}

void coap_loop_save_wakeups(struct coap_loop *l)
{
	l->saves_wakeups = true;
}

void coap_loop_run(struct coap_loop *l)
{
	l->now = coap_loop_read_clock();
	(void)ev_run(l->ev, 0);
	if (l->user.flush != NULL)
		l->user.flush(l->user.context);
}

void coap_loop_stop(struct coap_loop *l)
{
	ev_break(l->ev, EVBREAK_ALL);
}

static void on_ready(struct ev_loop *ev, ev_io *w, int events)
{
	struct coap_loop_watch *watch = w->data;
	(void)ev, (void)events;
	watch->ready(watch->context, watch->loop->now);
}

void coap_loop_watch(struct coap_loop *l, struct coap_loop_watch *w, int descriptor, void *context,
	void (*ready)(void *context, msec now))
{
	w->loop = l;
	w->context = context;
	w->ready = ready;
	ev_io_init(&w->io, on_ready, descriptor, EV_READ);
	w->io.data = w;
	ev_io_start(l->ev, &w->io);
}

void coap_loop_unwatch(struct coap_loop_watch *w)
{
	if (w->loop != NULL)
		ev_io_stop(w->loop->ev, &w->io);
}

msec coap_loop_now(const struct coap_loop *l)
{
	return l->now;
}

struct ev_loop *coap_loop_ev(struct coap_loop *l)
{
	return l->ev;
}

int coap_loop_seed(void *out, size_t len)
{
	return getrandom(out, len, 0) == (ssize_t)len ? 0 : -EIO;
}
