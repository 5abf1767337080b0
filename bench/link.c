/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A path between two network namespaces: IP packets that leave one come into the other, later, some of them never.
 *
 * Each namespace gets a TUN device; this program reads what the kernel puts into one and writes it into the other. So
 * UDP and TCP cross the same path, packet by packet: a TUN device without IFF_VNET_HDR takes no super-packets, the
 * kernel cuts them before. Half the round trip is added in each direction, a share of the packets is dropped, drawn
 * from a seeded generator per direction, and a rate with a queue of limited length makes a bottleneck of it.
 *
 *     link --first NAMESPACE --second NAMESPACE [--rtt-ms MS] [--loss-percent P] [--mbit-per-second R]
 *          [--queue-ms MS] [--seed N]
 *
 * Both devices are called "link0" and stay down until somebody gives them addresses; "ready" is said on standard output
 * when they are there. SIGTERM ends it with a line of counters. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define PACKETS_MAX 65536 /* on the way in one direction, a power of two; one more is dropped as in a full router */
#define MTU_BYTES   1500
#define BURST       64 /* read from one side before the other gets its turn */

struct packet {
	int64_t due; /* nanoseconds */
	uint16_t len;
	uint8_t data[MTU_BYTES];
};

/* One direction: a ring in order of arrival, which is the order of delivery. */
struct lane {
	int from, to;
	struct packet *packets;
	uint32_t first, count;
	int64_t free_at; /* when the last packet has been put on the wire */
	uint64_t chance;
	uint64_t passed, lost, overflowed;
};

static struct lane lanes[2];
static int64_t delay_ns, queue_ns = 50000000;
static double loss, ns_per_byte;
static volatile sig_atomic_t is_over;

static void fail(const char *what)
{
	fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* SplitMix64: repeatable and good enough to toss coins with. */
static double toss(uint64_t *chance)
{
	uint64_t z = *chance += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* ---- devices ---- */

static int open_device(const char *name_of_space)
{
	char path[256];
	struct ifreq request = {.ifr_name = "link0", .ifr_flags = IFF_TUN | IFF_NO_PI};
	snprintf(path, sizeof path, "/run/netns/%s", name_of_space);
	int space = open(path, O_RDONLY | O_CLOEXEC);
	if (space < 0 || setns(space, CLONE_NEWNET) < 0)
		fail(path);
	(void)close(space);
	int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (device < 0)
		fail("/dev/net/tun");
	if (ioctl(device, TUNSETIFF, &request) < 0)
		fail("TUNSETIFF");
	return device;
}

static void open_lanes(const char *first, const char *second, uint64_t seed)
{
	int a = open_device(first), b = open_device(second);
	for (int i = 0; i < 2; i++) {
		lanes[i] =
			(struct lane){.from = i == 0 ? a : b, .to = i == 0 ? b : a, .chance = seed * 2 + (uint64_t)i};
		lanes[i].packets = calloc(PACKETS_MAX, sizeof *lanes[i].packets);
		if (lanes[i].packets == NULL)
			fail("memory");
	}
}

/* ---- packets ---- */

/* Whether the packet that lies in the ring's next place goes on its way. */
static bool enters(struct lane *l, uint16_t len, int64_t now)
{
	if (toss(&l->chance) < loss) {
		l->lost++;
		return false;
	}
	if (l->free_at < now)
		l->free_at = now;
	if (ns_per_byte > 0 && l->free_at - now > queue_ns) {
		l->overflowed++;
		return false;
	}
	l->free_at += (int64_t)(len * ns_per_byte);
	return true;
}

/* True when there may be more to read. */
static bool take_in(struct lane *l, int64_t now)
{
	for (int i = 0; i < BURST; i++) {
		struct packet *p = &l->packets[(l->first + l->count) % PACKETS_MAX];
		ssize_t n = read(l->from, p->data, sizeof p->data);
		if (n <= 0)
			return false;
		if (l->count == PACKETS_MAX - 1) {
			l->overflowed++;
		} else if (enters(l, (uint16_t)n, now)) {
			p->len = (uint16_t)n;
			p->due = l->free_at + delay_ns;
			l->count++;
		}
	}
	return true;
}

static void let_out(struct lane *l, int64_t now)
{
	for (int i = 0; i < BURST && l->count > 0 && l->packets[l->first].due <= now; i++, l->count--) {
		struct packet *p = &l->packets[l->first];
		l->first = (l->first + 1) % PACKETS_MAX;
		if (write(l->to, p->data, p->len) == p->len)
			l->passed++;
		else
			l->overflowed++;
	}
	if (l->count == 0)
		l->first = 0; /* a short queue stays in the caches */
}

static int64_t next_due(int64_t at)
{
	for (int i = 0; i < 2; i++)
		if (lanes[i].count > 0 && lanes[i].packets[lanes[i].first].due < at)
			at = lanes[i].packets[lanes[i].first].due;
	return at;
}

static void turn(void)
{
	struct pollfd fds[2] = {{lanes[0].from, POLLIN, 0}, {lanes[1].from, POLLIN, 0}};
	int64_t now = now_ns(), wait = next_due(now + 900000000) - now;
	if (wait > 0) {
		struct timespec timeout = {0, (long)wait};
		ppoll(fds, 2, &timeout, NULL);
		now = now_ns();
	}
	bool again = !is_over;
	while (again) {
		again = false;
		for (int i = 0; i < 2; i++) {
			again |= take_in(&lanes[i], now);
			let_out(&lanes[i], now);
		}
		now = now_ns();
	}
}

/* ---- the command line ---- */

static void on_signal(int number)
{
	(void)number;
	is_over = 1;
}

static void usage(void)
{
	fprintf(stderr, "usage: link --first NAMESPACE --second NAMESPACE [--rtt-ms MS] [--loss-percent P]\n"
			"            [--mbit-per-second R] [--queue-ms MS] [--seed N]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"first", 1, NULL, 'a'}, {"second", 1, NULL, 'b'},
		{"rtt-ms", 1, NULL, 'r'}, {"loss-percent", 1, NULL, 'p'}, {"mbit-per-second", 1, NULL, 'm'},
		{"queue-ms", 1, NULL, 'q'}, {"seed", 1, NULL, 'x'}, {NULL, 0, NULL, 0}};
	const char *first = NULL, *second = NULL;
	uint64_t seed = 1;
	int o;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'a')
			first = optarg;
		else if (o == 'b')
			second = optarg;
		else if (o == 'r')
			delay_ns = (int64_t)(strtod(optarg, NULL) * 500000);
		else if (o == 'p')
			loss = strtod(optarg, NULL) / 100;
		else if (o == 'm')
			ns_per_byte = strtod(optarg, NULL) > 0 ? 8000 / strtod(optarg, NULL) : 0;
		else if (o == 'q')
			queue_ns = (int64_t)(strtod(optarg, NULL) * 1000000);
		else if (o == 'x')
			seed = strtoull(optarg, NULL, 10);
		else
			usage();
	}
	if (first == NULL || second == NULL || optind != argc)
		usage();
	prctl(PR_SET_TIMERSLACK, 1000ul); /* a microsecond */
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	open_lanes(first, second, seed);
	puts("ready");
	fflush(stdout);
	while (!is_over)
		turn();
	for (int i = 0; i < 2; i++)
		printf("%s: %" PRIu64 " passed, %" PRIu64 " lost, %" PRIu64 " overflowed\n",
			i == 0 ? "first to second" : "second to first", lanes[i].passed, lanes[i].lost,
			lanes[i].overflowed);
}
