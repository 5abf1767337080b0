/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/io/tcp.h"

#include "coap/io/socket_address.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 64
#define READS_A_TURN   16
#define LISTEN_BACKLOG 128
#define REST_SECONDS   0.5

struct tcp_socket {
	struct coap_tcp *tcp;
	struct handle connection;
	int descriptor; /* -1 for a free place */
	ev_io watch;
	bool is_connecting, has_shut;
};

struct coap_tcp {
	struct coap_loop *loop;
	struct coap_endpoint *endpoint;
	struct coap_connections *connections;
	void *memory;
	struct tcp_socket *sockets; /* by slot of the connection */
	uint32_t capacity;
	int error;    /* the latest on a connection */
	int listener; /* -1 without */
	ev_io accept;
	ev_timer rest; /* after which the listener tries again */
};

/* ---- watching ---- */

static struct tcp_socket *socket_of(const struct coap_tcp *t, struct handle h)
{
	return &t->sockets[h.slot - COAP_CONNECTION_SLOTS];
}

static void watch(struct tcp_socket *s, int events)
{
	struct ev_loop *ev = coap_loop_ev(s->tcp->loop);
	if ((s->watch.events & (EV_READ | EV_WRITE)) == events && (ev_is_active(&s->watch) != 0) == (events != 0))
		return;
	ev_io_stop(ev, &s->watch);
	ev_io_set(&s->watch, s->descriptor, events);
	if (events != 0)
		ev_io_start(ev, &s->watch);
}

static void let_go(struct tcp_socket *s)
{
	if (s->descriptor < 0)
		return;
	ev_io_stop(coap_loop_ev(s->tcp->loop), &s->watch);
	(void)close(s->descriptor);
	s->descriptor = -1;
}

/* ---- moving bytes ---- */

static bool is_transient(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void fail(struct tcp_socket *s, int error, msec now)
{
	s->tcp->error = error;
	coap_connection_broken(s->tcp->connections, s->connection, now);
}

static void write_output(struct tcp_socket *s, msec now)
{
	struct coap_connections *c = s->tcp->connections;
	struct bytes output;
	while ((output = coap_connection_output(c, s->connection)).len > 0) {
		ssize_t sent = send(s->descriptor, output.data, output.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent > 0) {
			coap_connection_written(c, s->connection, (size_t)sent, now);
			continue;
		}
		if (!is_transient(errno))
			fail(s, errno, now);
		return;
	}
}

/* One connection after something has changed: writes, tells the peer when no more will come, and waits for what is
 * worth waiting for. */
static void tend(struct coap_tcp *t, struct handle h, msec now)
{
	struct tcp_socket *s = socket_of(t, h);
	size_t room;
	if (s->descriptor < 0 || !handle_equal(s->connection, h))
		return;
	if (!s->is_connecting)
		write_output(s, now);
	if (!coap_connection_is_known(t->connections, h)) {
		let_go(s);
		return;
	}
	bool has_output = coap_connection_output(t->connections, h).len > 0;
	if (coap_connection_is_closing(t->connections, h) && !has_output && !s->has_shut) {
		(void)shutdown(s->descriptor, SHUT_WR);
		s->has_shut = true;
	}
	(void)coap_connection_room(t->connections, h, &room);
	watch(s, (room > 0 ? EV_READ : 0) | (has_output || s->is_connecting ? EV_WRITE : 0));
}

void coap_tcp_flush(struct coap_tcp *t)
{
	msec now = coap_loop_now(t->loop);
	struct handle h;
	while (coap_connection_touched(t->connections, &h)) {
		tend(t, h, now);
		coap_endpoint_receive_connections(t->endpoint, now);
	}
}

/* False when there is nothing more now. */
static bool read_some(struct tcp_socket *s, msec now)
{
	struct coap_connections *c = s->tcp->connections;
	size_t room;
	uint8_t *at = coap_connection_room(c, s->connection, &room);
	if (room == 0)
		return false;
	ssize_t len = recv(s->descriptor, at, room, MSG_DONTWAIT);
	if (len > 0)
		coap_connection_received(c, s->connection, (size_t)len, now);
	else if (len == 0)
		coap_connection_ended(c, s->connection, now);
	else if (!is_transient(errno))
		fail(s, errno, now);
	coap_endpoint_receive_connections(s->tcp->endpoint, now);
	return len > 0;
}

static void finish_connecting(struct tcp_socket *s, msec now)
{
	int error = 0;
	socklen_t len = sizeof error;
	(void)getsockopt(s->descriptor, SOL_SOCKET, SO_ERROR, &error, &len);
	s->is_connecting = false;
	if (error == 0)
		coap_connection_connected(s->tcp->connections, s->connection, now);
	else
		fail(s, error, now);
	coap_endpoint_receive_connections(s->tcp->endpoint, now);
}

static void on_event(struct ev_loop *ev, ev_io *w, int events)
{
	struct tcp_socket *s = w->data;
	msec now = coap_loop_now(s->tcp->loop);
	(void)ev;
	if (s->is_connecting) {
		finish_connecting(s, now);
	} else {
		if ((events & EV_READ) != 0)
			for (int i = 0; i < READS_A_TURN && read_some(s, now); i++)
				;
	}
	tend(s->tcp, s->connection, now);
}

/* ---- making connections ---- */

static void set_option(int descriptor, int level, int option, int value)
{
	(void)setsockopt(descriptor, level, option, &value, sizeof value); /* it works without, only less well */
}

static void take(struct coap_tcp *t, struct handle h, int descriptor, bool is_connecting)
{
	struct tcp_socket *s = socket_of(t, h);
	let_go(s); /* nobody has said yet that the one before is gone */
	*s = (struct tcp_socket){.tcp = t, .connection = h, .descriptor = descriptor, .is_connecting = is_connecting};
	set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1); /* messages are written whole */
	ev_io_init(&s->watch, on_event, descriptor, 0);
	s->watch.data = s;
	tend(t, h, coap_loop_now(t->loop));
}

/* Without descriptors or memory the connection stays in the kernel's queue, and would wake us again at once. */
static void rest(struct coap_tcp *t)
{
	ev_io_stop(coap_loop_ev(t->loop), &t->accept);
	ev_timer_set(&t->rest, REST_SECONDS, 0.);
	ev_timer_start(coap_loop_ev(t->loop), &t->rest);
}

static void on_rested(struct ev_loop *ev, ev_timer *w, int events)
{
	struct coap_tcp *t = w->data;
	(void)events;
	ev_io_start(ev, &t->accept);
}

static void on_accept(struct ev_loop *ev, ev_io *w, int events)
{
	struct coap_tcp *t = w->data;
	(void)ev, (void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		union socket_address peer = {0};
		socklen_t len = sizeof peer;
		struct coap_remote remote;
		int descriptor = accept4(t->listener, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (descriptor < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				rest(t);
			return;
		}
		struct address address = socket_address_from(&peer);
		if (coap_connection_accept(t->connections, &address, coap_loop_now(t->loop), &remote))
			take(t, remote.session, descriptor, false);
		else
			(void)close(descriptor);
	}
}

static int open_listener(struct coap_tcp *t, const struct address *local)
{
	static const struct address every_ipv4 = {.ip = {[10] = 0xff, [11] = 0xff}};
	bool is_ipv4 = address_is_ipv4(local), is_every = socket_address_is_every(local);
	struct address bound = *local;
	union socket_address name;
	if (!is_ipv4)
		t->listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->listener < 0 && errno == EAFNOSUPPORT && is_every) {
		is_ipv4 = true;
		memcpy(bound.ip, every_ipv4.ip, sizeof bound.ip);
	}
	if (is_ipv4)
		t->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->listener < 0)
		return -errno;
	if (!is_ipv4)
		set_option(t->listener, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	set_option(t->listener, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(t->listener, &name.any, socket_address_to(&bound, is_ipv4, &name)) < 0 ||
		listen(t->listener, LISTEN_BACKLOG) < 0)
		return -errno;
	return 0;
}

int coap_tcp_listen(struct coap_tcp *t, const struct address *local)
{
	int error = open_listener(t, local);
	if (error < 0) {
		if (t->listener >= 0)
			(void)close(t->listener);
		t->listener = -1;
		return error;
	}
	ev_io_init(&t->accept, on_accept, t->listener, EV_READ);
	ev_timer_init(&t->rest, on_rested, REST_SECONDS, 0.);
	t->accept.data = t->rest.data = t;
	ev_io_start(coap_loop_ev(t->loop), &t->accept);
	return 0;
}

struct address coap_tcp_local(const struct coap_tcp *t)
{
	union socket_address name = {0};
	socklen_t len = sizeof name;
	(void)getsockname(t->listener, &name.any, &len);
	return socket_address_from(&name);
}

int coap_tcp_connect(struct coap_tcp *t, const struct address *to, msec now, struct coap_remote *ret_remote)
{
	bool is_ipv4 = address_is_ipv4(to);
	union socket_address name;
	int descriptor = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -errno;
	if (connect(descriptor, &name.any, socket_address_to(to, is_ipv4, &name)) < 0 && errno != EINPROGRESS) {
		int error = -errno;
		(void)close(descriptor);
		return error;
	}
	if (!coap_connection_open(t->connections, to, now, ret_remote)) {
		(void)close(descriptor);
		return -ENOBUFS;
	}
	take(t, ret_remote->session, descriptor, true);
	return 0;
}

/* ---- life ---- */

int coap_tcp_new(struct coap_loop *loop, const struct coap_connections_config *config, struct coap_tcp **ret)
{
	struct coap_tcp *t = calloc(1, sizeof *t);
	if (t == NULL)
		return -ENOMEM;
	t->loop = loop;
	t->listener = -1;
	t->capacity = config->capacity;
	t->sockets = calloc(config->capacity, sizeof *t->sockets);
	t->memory = aligned_alloc(64, coap_connections_memory(config));
	if (t->sockets == NULL || t->memory == NULL) {
		t->capacity = 0;
		coap_tcp_free(t);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < config->capacity; i++)
		t->sockets[i].descriptor = -1;
	t->connections = coap_connections_init(t->memory, config);
	*ret = t;
	return 0;
}

void coap_tcp_free(struct coap_tcp *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->capacity; i++)
		let_go(&t->sockets[i]);
	if (t->listener >= 0) {
		ev_io_stop(coap_loop_ev(t->loop), &t->accept);
		ev_timer_stop(coap_loop_ev(t->loop), &t->rest);
		(void)close(t->listener);
	}
	free(t->sockets);
	free(t->memory);
	free(t);
}

struct coap_connections *coap_tcp_connections(const struct coap_tcp *t)
{
	return t->connections;
}

int coap_tcp_error(const struct coap_tcp *t)
{
	return t->error;
}

void coap_tcp_serve(struct coap_tcp *t, struct coap_endpoint *endpoint)
{
	t->endpoint = endpoint;
}
