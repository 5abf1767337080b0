/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/gpsd_linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char question[] = "?WATCH={\"enable\":true,\"json\":true};\n";

static void again_in(struct gpsd_linux *g, double seconds)
{
	struct ev_loop *loop = coap_loop_ev(g->loop);
	ev_timer_stop(loop, &g->timer);
	ev_timer_set(&g->timer, seconds, 0);
	ev_timer_start(loop, &g->timer);
}

static void disconnect(struct gpsd_linux *g)
{
	if (g->descriptor < 0)
		return;
	coap_loop_unwatch(&g->watch);
	(void)close(g->descriptor);
	g->descriptor = -1;
}

static void end_turn(struct gpsd_linux *g)
{
	disconnect(g);
	again_in(g, g->interval_s);
}

static void fail(struct gpsd_linux *g, const char *reason)
{
	end_turn(g);
	if (!g->is_troubled)
		g->troubled(g->context, reason);
	g->is_troubled = true;
}

/* False when the turn is over. */
static bool take_line(struct gpsd_linux *g)
{
	struct platform_location location;
	uint8_t memory[512]; /* strings with escapes */
	struct arena scratch;
	arena_init(&scratch, memory, sizeof memory);
	switch (gpsd_read(bytes_of(g->line, g->len), &scratch, &location)) {
	case GPSD_OTHER:
	case GPSD_NO_FIX:
		return true;
	case GPSD_FIX:
		g->is_troubled = false;
		end_turn(g);
		g->found(g->context, &location);
		return false;
	case GPSD_NONSENSE:
		fail(g, "it does not speak gpsd's JSON");
		return false;
	}
	return true;
}

static bool take_bytes(struct gpsd_linux *g, struct bytes part)
{
	for (size_t i = 0; i < part.len; i++) {
		uint8_t c = part.data[i];
		if (c != '\n') {
			g->skips |= g->len == sizeof g->line;
			if (!g->skips && c != '\r')
				g->line[g->len++] = c;
			continue;
		}
		if (!g->skips && g->len > 0 && !take_line(g))
			return false;
		g->len = 0;
		g->skips = false;
	}
	return true;
}

/* It greets whoever connects, so there is no need to wait for the connection by itself. */
static bool ask(struct gpsd_linux *g)
{
	if (!g->has_asked)
		g->has_asked = send(g->descriptor, question, sizeof question - 1, MSG_NOSIGNAL) ==
			       (ssize_t)sizeof question - 1;
	return g->has_asked;
}

static void ready(void *context, msec now)
{
	struct gpsd_linux *g = context;
	uint8_t part[1024];
	ssize_t len = recv(g->descriptor, part, sizeof part, 0);
	(void)now;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len < 0)
		fail(g, strerror(errno));
	else if (len == 0)
		fail(g, "it has closed the connection");
	else if (!ask(g))
		fail(g, "it takes no question");
	else
		(void)take_bytes(g, bytes_of(part, (size_t)len));
}

static int connect_to(const struct address *a)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
	bool is_v4 = address_is_ipv4(a);
	memcpy(&v4.sin_addr, a->ip + 12, sizeof v4.sin_addr);
	memcpy(&v6.sin6_addr, a->ip, sizeof v6.sin6_addr);
	int descriptor = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const struct sockaddr *to =
		is_v4 ? (const struct sockaddr *)(const void *)&v4 : (const struct sockaddr *)(const void *)&v6;
	if (descriptor < 0 || connect(descriptor, to, is_v4 ? sizeof v4 : sizeof v6) == 0 || errno == EINPROGRESS)
		return descriptor;
	int error = errno;
	(void)close(descriptor);
	errno = error;
	return -1;
}

static void begin_turn(struct gpsd_linux *g)
{
	g->has_asked = g->skips = false;
	g->len = 0;
	g->descriptor = connect_to(&g->address);
	if (g->descriptor < 0) {
		fail(g, strerror(errno));
		return;
	}
	coap_loop_watch(g->loop, &g->watch, g->descriptor, g, ready);
	again_in(g, GPSD_PATIENCE_S);
}

static void time_is_up(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct gpsd_linux *g = timer->data;
	(void)loop, (void)events;
	if (g->descriptor < 0)
		begin_turn(g);
	else
		fail(g, "it has no fix");
}

void gpsd_linux_start(struct gpsd_linux *g, struct coap_loop *loop, const struct address *address, double interval_s)
{
	g->loop = loop;
	g->address = *address;
	g->interval_s = interval_s;
	g->descriptor = -1;
	ev_init(&g->timer, time_is_up);
	g->timer.data = g;
	again_in(g, 0);
}

void gpsd_linux_stop(struct gpsd_linux *g)
{
	if (g->loop == NULL)
		return;
	disconnect(g);
	ev_timer_stop(coap_loop_ev(g->loop), &g->timer);
}
