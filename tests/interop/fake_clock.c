/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A clock that is wrong, for a real program: preloaded, it moves the wall clock by FAKE_CLOCK seconds, and sets it to
 * the start of 1970 where that says "1970". What runs by the monotonic clock, as all timers of ours do, is left alone.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static int real_clock(clockid_t id, struct timespec *t)
{
	static int (*next)(clockid_t, struct timespec *);
	if (next == NULL)
		next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	return next(id, t);
}

static time_t shift(time_t now)
{
	static time_t by;
	static int is_known;
	const char *text = getenv("FAKE_CLOCK");
	if (!is_known && text != NULL)
		by = strcmp(text, "1970") == 0 ? -now : (time_t)atoll(text);
	is_known = 1;
	return now + by;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int status = real_clock(id, t);
	if (status == 0 && id == CLOCK_REALTIME)
		t->tv_sec = shift(t->tv_sec);
	return status;
}

time_t time(time_t *ret)
{
	struct timespec t = {0, 0};
	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (ret != NULL)
		*ret = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *ret, void *zone)
{
	struct timespec t;
	(void)zone;
	int status = clock_gettime(CLOCK_REALTIME, &t);
	ret->tv_sec = t.tv_sec;
	ret->tv_usec = t.tv_nsec / 1000;
	return status;
}
