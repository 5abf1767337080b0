/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Real sockets on loopback. */
#include "coap/io/udp.h"
#include "tests/coap/own_network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

static const struct address loopback4 = {.ip = {[10] = 0xff, [11] = 0xff, 127, 0, 0, 1}};
static const struct address everywhere = {.port = 0};

static struct coap_udp *open_at(const struct address *local)
{
	struct coap_udp *u = NULL;
	assert_int_equal(coap_udp_open(local, &u), 0);
	return u;
}

static void put(struct coap_udp *u, const struct address *to, const void *data, size_t len)
{
	struct datagram_port port = coap_udp_port(u);
	assert_true(port.send(port.context, to, bytes_of(data, len)));
}

static bool get(struct coap_udp *u, struct coap_udp_datagram *ret)
{
	struct pollfd p = {.fd = coap_udp_descriptor(u), .events = POLLIN};
	return coap_udp_next(u, ret) || (poll(&p, 1, 2000) == 1 && coap_udp_next(u, ret));
}

static void a_datagram_arrives_with_its_sender_in_an_aligned_buffer(void **state)
{
	struct coap_udp_datagram d;
	(void)state;
	struct coap_udp *one = open_at(&loopback4), *two = open_at(&loopback4);
	struct address to = coap_udp_local(two), from = coap_udp_local(one);
	assert_true(to.port != 0 && address_is_ipv4(&to));
	put(one, &to, "hello", 5);
	coap_udp_flush(one);
	assert_true(get(two, &d));
	assert_true(address_equal(&d.from, &from));
	assert_int_equal(d.len, 5);
	assert_memory_equal(d.data, "hello", 5);
	assert_int_equal((uintptr_t)d.data % 64, 0);
	assert_false(coap_udp_next(two, &d));
	coap_udp_close(one);
	coap_udp_close(two);
}

static void nothing_leaves_before_the_flush_or_a_full_batch(void **state)
{
	struct coap_udp_datagram d;
	(void)state;
	struct coap_udp *one = open_at(&loopback4), *two = open_at(&loopback4);
	struct address to = coap_udp_local(two);
	for (int i = 0; i < COAP_UDP_BATCH; i++)
		put(one, &to, &i, sizeof i);
	assert_false(coap_udp_next(two, &d));
	put(one, &to, "", 0); /* one more than the batch holds */
	for (int i = 0; i < COAP_UDP_BATCH; i++) {
		assert_true(get(two, &d));
		assert_memory_equal(d.data, &i, sizeof i);
	}
	assert_false(coap_udp_next(two, &d));
	coap_udp_flush(one);
	assert_true(get(two, &d));
	assert_int_equal(d.len, 0);
	assert_int_equal(coap_udp_counters(one)->sent, COAP_UDP_BATCH + 1);
	coap_udp_close(one);
	coap_udp_close(two);
}

static void a_datagram_that_is_too_long_is_neither_sent_nor_taken(void **state)
{
	static uint8_t wide[COAP_UDP_DATAGRAM_MAX_BYTES + 1];
	struct coap_udp_datagram d;
	(void)state;
	struct coap_udp *one = open_at(&loopback4);
	struct address to = coap_udp_local(one);
	struct datagram_port port = coap_udp_port(one);
	assert_false(port.send(port.context, &to, bytes_of(wide, sizeof wide)));
	put(one, &to, wide, sizeof wide - 1);
	coap_udp_flush(one);
	assert_true(get(one, &d));
	assert_int_equal(d.len, sizeof wide - 1);
	coap_udp_close(one);
}

static void one_socket_serves_ipv4_and_answers_from_the_address_that_was_asked(void **state)
{
	struct coap_udp_datagram d;
	(void)state;
	struct coap_udp *server = open_at(&everywhere), *client = open_at(&loopback4);
	struct address to = address_ipv4(127, 0, 0, 2, coap_udp_local(server).port);
	put(client, &to, "ask", 3);
	coap_udp_flush(client);
	assert_true(get(server, &d));
	assert_true(address_is_ipv4(&d.from));
	put(server, &d.from, "answer", 6);
	coap_udp_flush(server);
	assert_true(get(client, &d));
	assert_true(address_equal(&d.from, &to));
	coap_udp_close(server);
	coap_udp_close(client);
}

static void what_cannot_be_sent_does_not_hold_up_the_rest(void **state)
{
	struct coap_udp_datagram d;
	(void)state;
	struct coap_udp *one = open_at(&loopback4);
	struct address to = coap_udp_local(one), nobody = address_ipv4(255, 255, 255, 255, 9);
	put(one, &nobody, "x", 1); /* broadcast is not allowed on this socket */
	put(one, &to, "y", 1);
	coap_udp_flush(one);
	assert_true(get(one, &d));
	assert_int_equal(coap_udp_counters(one)->dropped_send, 1);
	coap_udp_close(one);
}

static void an_address_of_others_cannot_be_bound(void **state)
{
	struct address foreign = address_ipv4(192, 0, 2, 1, 0);
	struct coap_udp *u = NULL;
	(void)state;
	assert_true(coap_udp_open(&foreign, &u) < 0);
	assert_null(u);
	coap_udp_close(NULL);
}

/* Sizes of a run: what follows a shorter one, or goes elsewhere, begins another. */
static void datagrams_of_one_size_to_one_address_may_leave_together_and_arrive_one_by_one(void **state)
{
	static const size_t sizes[] = {1000, 1000, 1000, 400, 400, 1000, 1, 0, 1, 1, 1200, 1200};
	static const bool to_three[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0};
	enum { COUNT = sizeof sizes / sizeof sizes[0] };
	uint8_t data[1200];
	struct coap_udp_datagram d;
	(void)state;
	struct coap_udp *one = open_at(&loopback4), *two = open_at(&loopback4), *three = open_at(&loopback4);
	struct address to_two = coap_udp_local(two), at_three = coap_udp_local(three);
	for (int i = 0; i < COUNT; i++) {
		memset(data, i, sizeof data);
		put(one, to_three[i] ? &at_three : &to_two, data, sizes[i]);
	}
	coap_udp_flush(one);
	for (int i = 0; i < COUNT; i++) {
		memset(data, i, sizeof data);
		assert_true(get(to_three[i] ? three : two, &d));
		assert_int_equal(d.len, sizes[i]);
		assert_memory_equal(d.data, data, sizes[i]);
	}
	assert_false(coap_udp_next(two, &d) || coap_udp_next(three, &d));
	assert_int_equal(coap_udp_counters(one)->sent, COUNT);
	assert_int_equal(coap_udp_counters(one)->dropped_send, 0);
	/* Four and two of the first six, the last two; or none, on a kernel before 4.18. */
	assert_true(coap_udp_counters(one)->segmented == 8 || coap_udp_counters(one)->segmented == 0);
	coap_udp_close(one);
	coap_udp_close(two);
	coap_udp_close(three);
}

static void a_long_run_is_sent_in_pieces_that_the_system_takes(void **state)
{
	uint8_t data[1280];
	struct coap_udp_datagram d;
	(void)state;
	struct coap_udp *one = open_at(&loopback4), *two = open_at(&loopback4);
	struct address to = coap_udp_local(two);
	for (int i = 0; i < 2 * COAP_UDP_BATCH; i++) {
		memset(data, i, sizeof data);
		put(one, &to, data, sizeof data);
	}
	coap_udp_flush(one);
	for (int i = 0; i < 2 * COAP_UDP_BATCH; i++) {
		assert_true(get(two, &d));
		assert_int_equal(d.len, sizeof data);
		assert_int_equal(d.data[0], (uint8_t)i);
	}
	assert_int_equal(coap_udp_counters(one)->sent, 2 * COAP_UDP_BATCH);
	assert_int_equal(coap_udp_counters(one)->dropped_send, 0);
	coap_udp_close(one);
	coap_udp_close(two);
}

static void a_run_of_answers_leaves_from_the_address_that_was_asked(void **state)
{
	struct coap_udp_datagram d;
	(void)state;
	struct coap_udp *server = open_at(&everywhere), *client = open_at(&loopback4);
	struct address asked = address_ipv4(127, 0, 0, 5, coap_udp_local(server).port);
	put(client, &asked, "?", 1);
	coap_udp_flush(client);
	assert_true(get(server, &d));
	struct address asker = d.from;
	for (int i = 0; i < 3; i++)
		put(server, &asker, &"abc"[i], 1);
	coap_udp_flush(server);
	for (int i = 0; i < 3; i++) {
		assert_true(get(client, &d));
		assert_true(address_equal(&d.from, &asked));
		assert_int_equal(d.data[0], 'a' + i);
	}
	assert_int_equal(coap_udp_counters(server)->dropped_send, 0);
	coap_udp_close(server);
	coap_udp_close(client);
}

static void a_message_may_be_written_where_it_leaves_from(void **state)
{
	struct coap_udp_datagram d;
	(void)state;
	struct coap_udp *one = open_at(&loopback4), *two = open_at(&loopback4);
	struct coap_transport t = coap_udp_transport(one);
	struct coap_remote to = {coap_udp_local(two), HANDLE_NONE};
	for (int i = 0; i < COAP_UDP_BATCH + 1; i++) {
		uint8_t *place = t.room(t.context);
		memset(place, i, 7 + (size_t)i);
		assert_true(t.send(t.context, &to, bytes_of(place, 7 + (size_t)i), 0));
	}
	coap_udp_flush(one);
	for (int i = 0; i < COAP_UDP_BATCH + 1; i++) {
		assert_true(get(two, &d));
		assert_int_equal(d.len, 7 + i);
		assert_int_equal(d.data[0], i);
		assert_int_equal(d.data[d.len - 1], i);
	}
	coap_udp_close(one);
	coap_udp_close(two);
}

/* An emulated system may not know the question. */
static bool tells_of_drops(const struct coap_udp *u)
{
	uint32_t memory[SK_MEMINFO_VARS];
	socklen_t len = sizeof memory;
	return getsockopt(coap_udp_descriptor(u), SOL_SOCKET, SO_MEMINFO, memory, &len) == 0 && len == sizeof memory;
}

/* The room of the queue is taken by the kernel's own reckoning, some 800 bytes for a small datagram. */
static void a_thousand_datagrams_wait_in_the_queue_and_what_does_not_fit_is_counted(void **state)
{
	uint8_t data[60] = {0};
	struct coap_udp_datagram d;
	uint64_t received = 0;
	int queue = 0;
	socklen_t queue_len = sizeof queue;
	(void)state;
	struct coap_udp *one = open_at(&loopback4), *two = open_at(&loopback4), *elsewhere = open_at(&loopback4);
	struct address to = coap_udp_local(two), other = coap_udp_local(elsewhere);
	(void)getsockopt(coap_udp_descriptor(two), SOL_SOCKET, SO_RCVBUF, &queue, &queue_len);
	if (queue < 2 << 20)
		skip(); /* net.core.rmem_max is small, and this process must not go beyond it */
	for (int i = 0; i < 1000; i++)
		put(one, &to, data, sizeof data);
	coap_udp_flush(one);
	assert_int_equal(coap_udp_overflows(two), 0);
	for (int i = 0; i < 20000; i++)
		put(one, i % 2 == 0 ? &to : &other, data, sizeof data);
	coap_udp_flush(one);
	while (coap_udp_next(two, &d) || coap_udp_next(two, &d))
		received++;
	assert_in_range(received, 1000, 11000);
	if (tells_of_drops(two))
		assert_int_equal(coap_udp_overflows(two), 11000 - received);
	coap_udp_close(one);
	coap_udp_close(two);
	coap_udp_close(elsewhere);
}

/* The same where the system has no IPv6, so that the socket is one of IPv4. */
static void a_socket_of_ipv4_alone_answers_from_the_address_that_was_asked_too(void **state)
{
	struct coap_udp_datagram d;
	struct address every_ipv4 = address_ipv4(0, 0, 0, 0, 0);
	struct address ipv6 = {.ip = {[15] = 1}, .port = 5683};
	(void)state;
	struct coap_udp *server = open_at(&every_ipv4), *client = open_at(&loopback4);
	struct datagram_port port = coap_udp_port(server);
	struct address to = address_ipv4(127, 0, 0, 9, coap_udp_local(server).port);
	put(client, &to, "ask", 3);
	coap_udp_flush(client);
	assert_true(get(server, &d));
	assert_false(d.is_group);
	put(server, &d.from, "answer", 6);
	coap_udp_flush(server);
	assert_true(get(client, &d));
	assert_true(address_equal(&d.from, &to));
	assert_false(port.send(port.context, &ipv6, bytes_of("x", 1)));
	coap_udp_close(server);
	coap_udp_close(client);
}

/* A run that the system does not take as a whole is tried one by one. */
static void each_datagram_of_a_run_that_cannot_be_sent_is_counted(void **state)
{
	struct coap_udp_datagram d;
	(void)state;
	struct coap_udp *one = open_at(&loopback4), *server = open_at(&everywhere);
	struct address to = coap_udp_local(one), nobody = address_ipv4(255, 255, 255, 255, 9);
	for (int i = 0; i < 3; i++)
		put(server, &nobody, "x", 1);
	put(server, &to, "y", 1);
	coap_udp_flush(server);
	assert_true(get(one, &d));
	assert_int_equal(coap_udp_counters(server)->dropped_send, 3);
	assert_int_equal(coap_udp_counters(server)->sent, 1);
	coap_udp_close(one);
	coap_udp_close(server);
}

static void a_datagram_of_others_that_is_too_long_is_dropped_and_counted(void **state)
{
	static uint8_t wide[COAP_UDP_DATAGRAM_MAX_BYTES + 1];
	struct coap_udp_datagram d;
	(void)state;
	struct coap_udp *one = open_at(&loopback4), *two = open_at(&loopback4);
	struct address to = coap_udp_local(two);
	struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_port = htons(to.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(sendto(coap_udp_descriptor(one), wide, sizeof wide, 0, (struct sockaddr *)&name, sizeof name),
		sizeof wide);
	put(one, &to, "short", 5);
	coap_udp_flush(one);
	assert_true(get(two, &d));
	assert_int_equal(d.len, 5);
	assert_int_equal(coap_udp_counters(two)->dropped_long, 1);
	assert_int_equal(coap_udp_counters(two)->received, 1);
	coap_udp_close(one);
	coap_udp_close(two);
}

/* ---- sockets of others ---- */

static bool is_open(int descriptor)
{
	return fcntl(descriptor, F_GETFD) >= 0;
}

static void a_bound_socket_of_another_process_is_served_as_our_own(void **state)
{
	struct coap_udp_datagram d;
	struct coap_udp *two = NULL;
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
	(void)state;
	assert_int_equal(bind(descriptor, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(coap_udp_adopt(descriptor, &two), 0);
	assert_true((fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0);
	assert_true((fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
	struct coap_udp *one = open_at(&loopback4);
	struct address to = coap_udp_local(two);
	put(one, &to, "hello", 5);
	coap_udp_flush(one);
	assert_true(get(two, &d));
	assert_int_equal(d.len, 5);
	coap_udp_close(one);
	coap_udp_close(two);
	assert_false(is_open(descriptor));
}

static void what_is_no_udp_socket_is_not_adopted_but_closed(void **state)
{
	int wrong[] = {socket(AF_INET, SOCK_STREAM, 0), socket(AF_UNIX, SOCK_DGRAM, 0), open("/dev/null", O_RDONLY)};
	static const int errors[] = {-EPROTOTYPE, -EPROTOTYPE, -ENOTSOCK};
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct coap_udp *u = NULL;
		assert_int_equal(coap_udp_adopt(wrong[i], &u), errors[i]);
		assert_null(u);
		assert_false(is_open(wrong[i]));
	}
}

static void without_a_descriptor_nothing_is_opened(void **state)
{
	struct rlimit before, none;
	struct coap_udp *u = NULL;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int error = coap_udp_open(&loopback4, &u);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(error, -EMFILE);
	assert_null(u);
}

/* RFC 7252 section 4.6. The last test, because the process stays in that network. */
static void what_the_path_is_too_narrow_for_goes_in_fragments(void **state)
{
	static uint8_t data[1400];
	struct coap_udp_datagram d;
	(void)state;
	if (!own_network(1280))
		skip();
	struct coap_udp *one = open_at(&loopback4), *two = open_at(&loopback4);
	struct address to = coap_udp_local(two);
	for (int count = 1; count <= 3; count += 2) { /* alone, and as a run */
		for (int i = 0; i < count; i++)
			put(one, &to, data, sizeof data);
		coap_udp_flush(one);
		for (int i = 0; i < count; i++) {
			assert_true(get(two, &d));
			assert_int_equal(d.len, sizeof data);
		}
	}
	assert_int_equal(coap_udp_counters(one)->dropped_send, 0);
	assert_int_equal(coap_udp_counters(one)->sent, 4);
	coap_udp_close(one);
	coap_udp_close(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_arrives_with_its_sender_in_an_aligned_buffer),
		cmocka_unit_test(nothing_leaves_before_the_flush_or_a_full_batch),
		cmocka_unit_test(a_datagram_that_is_too_long_is_neither_sent_nor_taken),
		cmocka_unit_test(one_socket_serves_ipv4_and_answers_from_the_address_that_was_asked),
		cmocka_unit_test(what_cannot_be_sent_does_not_hold_up_the_rest),
		cmocka_unit_test(an_address_of_others_cannot_be_bound),
		cmocka_unit_test(datagrams_of_one_size_to_one_address_may_leave_together_and_arrive_one_by_one),
		cmocka_unit_test(a_long_run_is_sent_in_pieces_that_the_system_takes),
		cmocka_unit_test(a_run_of_answers_leaves_from_the_address_that_was_asked),
		cmocka_unit_test(a_message_may_be_written_where_it_leaves_from),
		cmocka_unit_test(a_thousand_datagrams_wait_in_the_queue_and_what_does_not_fit_is_counted),
		cmocka_unit_test(a_socket_of_ipv4_alone_answers_from_the_address_that_was_asked_too),
		cmocka_unit_test(each_datagram_of_a_run_that_cannot_be_sent_is_counted),
		cmocka_unit_test(a_datagram_of_others_that_is_too_long_is_dropped_and_counted),
		cmocka_unit_test(a_bound_socket_of_another_process_is_served_as_our_own),
		cmocka_unit_test(what_is_no_udp_socket_is_not_adopted_but_closed),
		cmocka_unit_test(without_a_descriptor_nothing_is_opened),
		cmocka_unit_test(what_the_path_is_too_narrow_for_goes_in_fragments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
