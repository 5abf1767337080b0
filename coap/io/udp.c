/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/io/udp.h"

#include "coap/io/socket_address.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define READABLE_BYTES     64
#define STRIDE_BYTES       (COAP_UDP_DATAGRAM_MAX_BYTES + READABLE_BYTES)
#define BUFFERS_BYTES      ((size_t)COAP_UDP_BATCH * STRIDE_BYTES)
#define SOCKET_QUEUE_BYTES (4 * 1024 * 1024)
/* What fits into one IP packet that the system is to cut, with room for the headers. */
#define SEGMENTED_MAX_BYTES 65000

#define PKTINFO_BYTES (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo)))

/* Room for one IP_PKTINFO or IPV6_PKTINFO, and for one UDP_SEGMENT behind it. */
union control {
	struct cmsghdr align;
	uint8_t room[PKTINFO_BYTES + CMSG_SPACE(sizeof(uint16_t))];
};

/* One direction: as many messages as a system call takes, each with its addresses and its buffer. On the way out a
 * header may have several buffers, which the system cuts into datagrams again; the buffers of the headers follow each
 * other. */
struct batch {
	struct mmsghdr headers[COAP_UDP_BATCH];
	struct iovec vectors[COAP_UDP_BATCH];
	union socket_address addresses[COAP_UDP_BATCH];
	union control controls[COAP_UDP_BATCH];
	unsigned count, next; /* headers: filled in, and done with */
	unsigned vector_count;
	uint8_t *buffers;
};

struct coap_udp {
	int descriptor;
	bool is_ipv4;       /* the socket itself; an IPv6 one takes IPv4 as mapped addresses */
	bool is_everywhere; /* bound to no single address */
	bool is_group;      /* bound to the address of a group */
	struct coap_udp_counters counters;
	struct address current; /* who sent the datagram being handled */
	bool has_current;
	bool cannot_segment;  /* the system, or the way out of it, knows no UDP_SEGMENT */
	struct address final; /* where the last datagram of the send batch goes to */
	struct batch in, out;
};

/* ---- life ---- */

static int prepare_batch(struct batch *b)
{
	/* Zeroes that take no memory until a datagram lies there: a device fills one place of them all its life. */
	b->buffers = mmap(NULL, BUFFERS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b->buffers == MAP_FAILED) {
		b->buffers = NULL;
		return -ENOMEM;
	}
	for (int i = 0; i < COAP_UDP_BATCH; i++) {
		struct msghdr *h = &b->headers[i].msg_hdr;
		b->vectors[i] = (struct iovec){b->buffers + (size_t)i * STRIDE_BYTES, COAP_UDP_DATAGRAM_MAX_BYTES};
		h->msg_name = &b->addresses[i];
		h->msg_iov = &b->vectors[i];
		h->msg_iovlen = 1;
	}
	return 0;
}

static void set_option(int descriptor, int level, int option, int value)
{
	(void)setsockopt(
		descriptor, level, option, &value, sizeof value); /* the socket works without, only less well */
}

/* Of a socket for both, each half has its own. */
static void forbid_fragments(const struct coap_udp *u, bool are_forbidden)
{
	set_option(u->descriptor, IPPROTO_IP, IP_MTU_DISCOVER, are_forbidden ? IP_PMTUDISC_DO : IP_PMTUDISC_WANT);
	if (u->is_ipv4)
		return;
	set_option(
		u->descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, are_forbidden ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_WANT);
	set_option(u->descriptor, IPPROTO_IPV6, IPV6_DONTFRAG, are_forbidden);
}

static void set_options(const struct coap_udp *u)
{
	if (u->is_everywhere && u->is_ipv4)
		set_option(u->descriptor, IPPROTO_IP, IP_PKTINFO, 1);
	else if (u->is_everywhere)
		set_option(u->descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	forbid_fragments(u, true);
	set_option(u->descriptor, SOL_SOCKET, SO_RCVBUF, SOCKET_QUEUE_BYTES);
	set_option(u->descriptor, SOL_SOCKET, SO_SNDBUF, SOCKET_QUEUE_BYTES);
	set_option(u->descriptor, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_QUEUE_BYTES);
}

static int open_socket(struct coap_udp *u, const struct address *local)
{
	static const struct address every_ipv4 = {.ip = {[10] = 0xff, [11] = 0xff}};
	struct address bound = *local;
	union socket_address name;
	u->is_everywhere = socket_address_is_every(local);
	u->is_group = address_is_multicast(local);
	u->is_ipv4 = address_is_ipv4(local);
	if (!u->is_ipv4)
		u->descriptor = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->descriptor < 0 && errno == EAFNOSUPPORT && u->is_everywhere) {
		u->is_ipv4 = true;
		memcpy(bound.ip, every_ipv4.ip, sizeof bound.ip);
	}
	if (u->is_ipv4)
		u->descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->descriptor < 0)
		return -errno;
	if (!u->is_ipv4)
		set_option(u->descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	set_options(u);
	return bind(u->descriptor, &name.any, socket_address_to(&bound, u->is_ipv4, &name)) < 0 ? -errno : 0;
}

/* What is bound is known; the rest is made around it. */
static int finish_opening(struct coap_udp *u, int error, struct coap_udp **ret)
{
	if (error == 0)
		error = prepare_batch(&u->in);
	if (error == 0)
		error = prepare_batch(&u->out);
	if (error < 0) {
		coap_udp_close(u);
		return error;
	}
	*ret = u;
	return 0;
}

int coap_udp_open(const struct address *local, struct coap_udp **ret)
{
	struct coap_udp *u = calloc(1, sizeof *u);
	if (u == NULL)
		return -ENOMEM;
	u->descriptor = -1;
	return finish_opening(u, open_socket(u, local), ret);
}

static int adopt_socket(struct coap_udp *u)
{
	union socket_address name = {0};
	socklen_t len = sizeof name;
	int type = 0;
	socklen_t type_len = sizeof type;
	if (getsockname(u->descriptor, &name.any, &len) < 0 ||
		getsockopt(u->descriptor, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0)
		return -errno;
	if (type != SOCK_DGRAM || (name.any.sa_family != AF_INET && name.any.sa_family != AF_INET6))
		return -EPROTOTYPE;
	struct address local = socket_address_from(&name);
	u->is_ipv4 = name.any.sa_family == AF_INET;
	u->is_everywhere = socket_address_is_every(&local);
	u->is_group = address_is_multicast(&local);
	set_options(u);
	int flags = fcntl(u->descriptor, F_GETFL);
	return fcntl(u->descriptor, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(u->descriptor, F_SETFD, FD_CLOEXEC) < 0
		       ? -errno
		       : 0;
}

int coap_udp_adopt(int descriptor, struct coap_udp **ret)
{
	struct coap_udp *u = calloc(1, sizeof *u);
	if (u == NULL) {
		(void)close(descriptor);
		return -ENOMEM;
	}
	u->descriptor = descriptor;
	return finish_opening(u, adopt_socket(u), ret);
}

static void give_back(struct batch *b)
{
	if (b->buffers != NULL)
		(void)munmap(b->buffers, BUFFERS_BYTES);
}

void coap_udp_close(struct coap_udp *u)
{
	if (u == NULL)
		return;
	if (u->descriptor >= 0)
		(void)close(u->descriptor);
	give_back(&u->in);
	give_back(&u->out);
	free(u);
}

int coap_udp_descriptor(const struct coap_udp *u)
{
	return u->descriptor;
}

struct address coap_udp_local(const struct coap_udp *u)
{
	union socket_address name = {0};
	socklen_t len = sizeof name;
	(void)getsockname(u->descriptor, &name.any, &len);
	return socket_address_from(&name);
}

const struct coap_udp_counters *coap_udp_counters(const struct coap_udp *u)
{
	return &u->counters;
}

uint64_t coap_udp_overflows(const struct coap_udp *u)
{
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof memory;
	(void)getsockopt(u->descriptor, SOL_SOCKET, SO_MEMINFO, memory, &len);
	return memory[SK_MEMINFO_DROPS];
}

/* ---- receiving ---- */

static bool read_batch(struct coap_udp *u)
{
	struct batch *b = &u->in;
	for (int i = 0; i < COAP_UDP_BATCH; i++) {
		b->headers[i].msg_hdr.msg_namelen = sizeof b->addresses[i];
		b->headers[i].msg_hdr.msg_control = u->is_everywhere ? &b->controls[i] : NULL;
		b->headers[i].msg_hdr.msg_controllen = u->is_everywhere ? PKTINFO_BYTES : 0;
	}
	int count = recvmmsg(u->descriptor, b->headers, COAP_UDP_BATCH, MSG_DONTWAIT, NULL);
	b->next = 0;
	b->count = count > 0 ? (unsigned)count : 0;
	return count > 0;
}

static bool is_broadcast(const struct in_addr *a)
{
	return a->s_addr == htonl(INADDR_BROADCAST);
}

/* Whether the datagram was sent to a group, from the address that it came to. */
static bool came_to_group(const struct coap_udp *u, struct msghdr *h)
{
	const struct cmsghdr *c = u->is_everywhere ? CMSG_FIRSTHDR(h) : NULL;
	struct address to = {.port = 0};
	struct in_pktinfo info;
	if (c != NULL && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		memcpy(to.ip, CMSG_DATA(c) + offsetof(struct in6_pktinfo, ipi6_addr), sizeof to.ip);
		memcpy(&info.ipi_addr, to.ip + 12, sizeof info.ipi_addr);
		return address_is_multicast(&to) || (address_is_ipv4(&to) && is_broadcast(&info.ipi_addr));
	}
	if (c != NULL && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		memcpy(&info, CMSG_DATA(c), sizeof info);
		return IN_MULTICAST(ntohl(info.ipi_addr.s_addr)) || is_broadcast(&info.ipi_addr);
	}
	return u->is_group;
}

bool coap_udp_next(struct coap_udp *u, struct coap_udp_datagram *ret)
{
	struct batch *b = &u->in;
	u->has_current = false;
	for (;;) {
		if (b->next == b->count && (b->count > 0 && b->count < COAP_UDP_BATCH)) {
			b->count = b->next = 0; /* the last batch was not full: nothing more is there */
			return false;
		}
		if (b->next == b->count && !read_batch(u))
			return false;
		unsigned i = b->next++;
		if (b->headers[i].msg_hdr.msg_flags & MSG_TRUNC) {
			u->counters.dropped_long++;
			continue;
		}
		u->counters.received++;
		u->current = socket_address_from(&b->addresses[i]);
		bool is_group = came_to_group(u, &b->headers[i].msg_hdr);
		u->has_current = !is_group;
		*ret = (struct coap_udp_datagram){u->current, b->vectors[i].iov_base, b->headers[i].msg_len, is_group};
		return true;
	}
}

/* ---- sending ---- */

/* From where the datagram being handled came to. */
static void answer_from_there(const struct coap_udp *u, const struct address *to, struct msghdr *h, union control *room)
{
	const struct msghdr *asked = &u->in.headers[u->in.next > 0 ? u->in.next - 1 : 0].msg_hdr;
	h->msg_control = NULL;
	h->msg_controllen = 0;
	if (!u->is_everywhere || !u->has_current || asked->msg_controllen == 0 || !address_equal(to, &u->current))
		return;
	memcpy(room, asked->msg_control, asked->msg_controllen);
	h->msg_control = room;
	h->msg_controllen = asked->msg_controllen;
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	if (c != NULL && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;
		memcpy(&info, CMSG_DATA(c), sizeof info);
		info.ipi_spec_dst = info.ipi_addr;
		info.ipi_ifindex = 0;
		memcpy(CMSG_DATA(c), &info, sizeof info);
	}
}

/* 0 or the errno. */
static int try_one(const struct coap_udp *u, const struct msghdr *h)
{
	ssize_t sent;
	do
		sent = sendmsg(u->descriptor, h, MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? errno : 0;
}

/* One that the path is too narrow for (RFC 7252 section 4.6) goes in fragments. */
static void send_one(struct coap_udp *u, const struct msghdr *h)
{
	int error = try_one(u, h);
	if (error == EMSGSIZE) {
		forbid_fragments(u, false);
		error = try_one(u, h);
		forbid_fragments(u, true);
		u->counters.fragmented += error == 0;
	}
	if (error != 0)
		u->counters.dropped_send++;
	else
		u->counters.sent++;
}

/* A run of datagrams that the system would not cut: one by one. */
static void send_singly(struct coap_udp *u, const struct msghdr *run)
{
	struct msghdr h = *run;
	h.msg_iovlen = 1;
	h.msg_controllen = run->msg_controllen - CMSG_SPACE(sizeof(uint16_t));
	if (h.msg_controllen == 0)
		h.msg_control = NULL;
	for (size_t i = 0; i < run->msg_iovlen; i++) {
		h.msg_iov = &run->msg_iov[i];
		send_one(u, &h);
	}
}

/* The header at the front has not been taken. Afterwards it is done with, and the next may fare better. */
static void make_up_for(struct coap_udp *u, const struct msghdr *h, int error)
{
	if (h->msg_iovlen > 1) {
		u->cannot_segment = error == EIO || error == EOPNOTSUPP || error == ENOPROTOOPT;
		send_singly(u, h);
	} else if (error == EMSGSIZE) {
		send_one(u, h);
	} else {
		u->counters.dropped_send++;
	}
}

void coap_udp_flush(struct coap_udp *u)
{
	struct batch *b = &u->out;
	while (b->next < b->count) {
		int sent = sendmmsg(u->descriptor, b->headers + b->next, b->count - b->next, MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			make_up_for(u, &b->headers[b->next++].msg_hdr, errno);
		for (; sent > 0; sent--) {
			size_t datagrams = b->headers[b->next++].msg_hdr.msg_iovlen;
			u->counters.sent += datagrams;
			u->counters.segmented += datagrams > 1 ? datagrams : 0;
		}
	}
	b->next = b->count = b->vector_count = 0;
}

/* ---- the send batch ---- */

/* One more segment for the last header: all have the size of the first, only the last may be shorter. */
static bool continues_run(const struct coap_udp *u, const struct address *to, size_t len)
{
	const struct batch *b = &u->out;
	if (b->count == 0 || u->cannot_segment || !address_equal(to, &u->final))
		return false;
	const struct msghdr *h = &b->headers[b->count - 1].msg_hdr;
	size_t size = h->msg_iov[0].iov_len;
	return size > 0 && len > 0 && len <= size && h->msg_iov[h->msg_iovlen - 1].iov_len == size &&
	       (h->msg_iovlen + 1) * size <= SEGMENTED_MAX_BYTES;
}

static void add_segment_size(struct msghdr *h, union control *room)
{
	uint16_t size = (uint16_t)h->msg_iov[0].iov_len;
	struct cmsghdr *c = (struct cmsghdr *)(void *)(room->room + h->msg_controllen);
	h->msg_control = room;
	h->msg_controllen += CMSG_SPACE(sizeof size);
	memset(c, 0, CMSG_SPACE(sizeof size));
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof size);
	memcpy(CMSG_DATA(c), &size, sizeof size);
}

static void add_header(struct coap_udp *u, const struct address *to)
{
	struct batch *b = &u->out;
	unsigned i = b->count++;
	struct msghdr *h = &b->headers[i].msg_hdr;
	h->msg_iov = &b->vectors[b->vector_count];
	h->msg_iovlen = 1;
	h->msg_namelen = socket_address_to(to, u->is_ipv4, &b->addresses[i]);
	answer_from_there(u, to, h, &b->controls[i]);
	u->final = *to;
}

static uint8_t *room(void *context)
{
	struct coap_udp *u = context;
	if (u->out.vector_count == COAP_UDP_BATCH)
		coap_udp_flush(u);
	return u->out.vectors[u->out.vector_count].iov_base;
}

static bool port_send(void *context, const struct address *to, struct bytes datagram)
{
	struct coap_udp *u = context;
	struct batch *b = &u->out;
	if (datagram.len > COAP_UDP_DATAGRAM_MAX_BYTES || (u->is_ipv4 && !address_is_ipv4(to)))
		return false;
	uint8_t *place = room(u);
	if (datagram.data != place && datagram.len > 0)
		memcpy(place, datagram.data, datagram.len);
	bool continues = continues_run(u, to, datagram.len);
	b->vectors[b->vector_count].iov_len = datagram.len;
	if (continues) {
		struct msghdr *h = &b->headers[b->count - 1].msg_hdr;
		if (h->msg_iovlen++ == 1)
			add_segment_size(h, &b->controls[b->count - 1]);
	} else {
		add_header(u, to);
	}
	b->vector_count++;
	return true;
}

struct datagram_port coap_udp_port(struct coap_udp *u)
{
	return (struct datagram_port){u, port_send};
}

static bool transport_send(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	(void)now;
	return !coap_remote_is_secure(to) && port_send(context, &to->address, message);
}

struct coap_transport coap_udp_transport(struct coap_udp *u)
{
	return (struct coap_transport){.context = u, .send = transport_send, .room = room};
}
