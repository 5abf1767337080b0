/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The loop of a process: libev with its epoll backend, the one clock, and the one timer. An edge.
 *
 * A turn of the loop:
 *
 *     wait -> the clock is read once -> descriptors that are ready -> what is due -> what was sent leaves -> wait
 *
 * The clock is CLOCK_BOOTTIME, which runs on while a device sleeps, and so is the timer: lifetimes end on time, and a
 * device that wakes up finds at once what became due meanwhile. Whoever uses the loop gives three functions for its
 * time, of which it may be a composite; other libev watchers may be put on coap_loop_ev. */
#pragma once

#include "coap/base/msec.h"

#include <ev.h>

struct coap_loop_user {
	void *context;
	msec (*deadline)(void *context);
	void (*tick)(void *context, msec now); /* the deadline has come */
	void (*flush)(void *context);          /* the turn ends; may be NULL */
};

struct coap_loop {
	struct ev_loop *ev;
	struct coap_loop_user user;
	ev_prepare prepare;
	ev_check check;
	ev_io timer;
	int timer_descriptor;
	msec now, armed;
	bool saves_wakeups;
};

/* A descriptor that is waited on. */
struct coap_loop_watch {
	ev_io io;
	struct coap_loop *loop;
	void *context;
	void (*ready)(void *context, msec now);
};

/* 0 or a negative errno. From here on a process whose libev finds no memory ends with status 1 and a sentence on
 * standard error. The structure must not move while the loop lives. */
int coap_loop_init(struct coap_loop *l, const struct coap_loop_user *user);
void coap_loop_done(struct coap_loop *l);

/* On a battery a wake-up costs more than a system call: a deadline that moves away takes the timer with it, where
 * otherwise the timer would fire for nothing. */
void coap_loop_save_wakeups(struct coap_loop *l);

/* Runs until coap_loop_stop. */
void coap_loop_run(struct coap_loop *l);
void coap_loop_stop(struct coap_loop *l);

/* Waits for `descriptor` to be readable. */
void coap_loop_watch(struct coap_loop *l, struct coap_loop_watch *w, int descriptor, void *context,
	void (*ready)(void *context, msec now));
void coap_loop_unwatch(struct coap_loop_watch *w);

/* The time of this turn. */
msec coap_loop_now(const struct coap_loop *l);
/* Reads the clock, for the time before the loop runs. */
msec coap_loop_read_clock(void);
struct ev_loop *coap_loop_ev(struct coap_loop *l);
/* Randomness of the kernel, for seeds. 0 or a negative errno. */
int coap_loop_seed(void *out, size_t len);
