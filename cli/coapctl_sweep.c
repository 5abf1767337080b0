/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapctl_sweep.h"

#include "cli/coap_print.h"
#include "cli/memory.h"
#include "cli/sweep.h"
#include "cli/target_source.h"
#include "coap/block.h"
#include "coap/content_format.h"
#include "coap/io/loop.h"
#include "coap/io/udp.h"
#include "coap/uri.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define RATE_DEFAULT      50
#define RATE_MAX          50000
#define TIMEOUT_DEFAULT_S 5
#define TIMEOUT_MAX_S     93
#define BURST_US          20000 /* as much of the rate may be caught up with after a delay */
#define DATAGRAMS_A_TURN  1024
#define SUMMARY_MAX_BYTES 60 /* of a payload, on a line */
#define VALUES_MAX_BYTES  SWEEP_OPTIONS_MAX_BYTES
#define URI_PREFIX        "coap://[::]"

static const char help[] =
	"coapctl sweep: one request to many devices (RFC 8974).\n"
	"\n"
	"Usage: coapctl sweep [OPTION ...] [TARGET ...]\n"
	"\n"
	"Sends a non-confirmable GET to each target and prints a line for each device that answers: its address, the\n"
	"code, the round trip, and what it says. No request is remembered: what is to be known of it travels in its\n"
	"token, sealed so that answers that are forged, repeated or from another address do not count. Memory does "
	"not\n"
	"grow with the number of targets.\n"
	"\n"
	"TARGET       192.0.2.7, 192.0.2.7:5684, 192.0.2.0/24, 192.0.2.7-192.0.2.20, 192.0.2.7-20:5683-5690,\n"
	"             2001:db8::7, [2001:db8::/120]:5683; names are not looked up. Without any, or with -, they are\n"
	"             read from standard input, one a line; # begins a comment\n"
	"\n"
	"Options\n"
	"      --path PATH[?QUERY]    what is asked for (/.well-known/core)\n"
	"      --rate N               requests a second, 1 to 50000 (50)\n"
	"  -t, --timeout SECONDS      how long an answer may take, 1 to 93 (5)\n"
	"      --port N               of targets that name none (5683)\n"
	"      --trial                ask each device first, confirmably, whether it takes long tokens; those that "
	"drop\n"
	"                             them without a word are found by that only. 256 at a time, up to 93 seconds "
	"each\n"
	"      --max-retransmit N     how often a trial is sent again, 1 to 8 (4)\n"
	"  -j, --json                 answers as JSON, one object a line, and the summary as the last\n"
	"  -h, --help                 this help\n"
	"\n"
	"A device that rejects long tokens is asked again with one of 8 bytes.\n"
	"\n"
	"Exit status\n"
	"  0  somebody answered               2  the command line, or a line of the input, is wrong\n"
	"  1  the network of this machine     3  nobody answered\n";

struct job {
	/* the command line */
	const char *path;
	uint64_t rate, timeout_s, port, max_retransmit;
	bool tries_first, is_json;
	/* while it runs */
	struct target_source source;
	struct coap_options options;
	uint8_t values[VALUES_MAX_BYTES];
	struct sweep sweep;
	struct coap_udp *udp;
	int64_t next_us; /* the moment of the next request */
	uint64_t groups; /* multicast addresses in a range, left out */
};

static struct job job;
static volatile sig_atomic_t is_stopped;

static void on_signal(int number)
{
	(void)number;
	is_stopped = 1;
}

/* ---- the command line ---- */

static const struct option long_options[] = {
	{"path", required_argument, NULL, 'P'},
	{"rate", required_argument, NULL, 'R'},
	{"timeout", required_argument, NULL, 't'},
	{"port", required_argument, NULL, 'p'},
	{"trial", no_argument, NULL, 'T'},
	{"max-retransmit", required_argument, NULL, 'M'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static bool take_number(const char *text, uint64_t max, uint64_t *ret)
{
	return parse_decimal(bytes_of_text(text), max, ret) && *ret > 0;
}

static bool take_option(struct job *j, int option, const char *value)
{
	switch (option) {
	case 'P':
		j->path = value;
		return true;
	case 'R':
		return take_number(value, RATE_MAX, &j->rate);
	case 't':
		return take_number(value, TIMEOUT_MAX_S, &j->timeout_s);
	case 'p':
		return take_number(value, UINT16_MAX, &j->port);
	case 'T':
		return j->tries_first = true;
	case 'M':
		return take_number(value, 8, &j->max_retransmit);
	case 'j':
		return j->is_json = true;
	default:
		return false;
	}
}

static bool make_options(struct job *j)
{
	static char text[sizeof URI_PREFIX + VALUES_MAX_BYTES];
	uint8_t wire[SWEEP_OPTIONS_MAX_BYTES + COAP_HEADER_BYTES];
	struct writer uri_text = writer_of(text, sizeof text), values = writer_of(j->values, sizeof j->values);
	struct writer w = writer_of(wire, sizeof wire);
	struct coap_token none = {.len = 0};
	struct coap_uri uri;
	write_text(&uri_text, URI_PREFIX);
	write_text(&uri_text, j->path);
	if (j->path[0] != '/' || uri_text.failed || !coap_uri_parse(writer_bytes(&uri_text), &uri) ||
		!coap_uri_add_options(&uri, &values, &j->options))
		return false;
	coap_message_write(&w, COAP_TYPE_NON, COAP_GET, 0, &none, &j->options, BYTES_NONE);
	return !w.failed;
}

static enum coapctl_status read_arguments(struct job *j, int argc, char *argv[])
{
	int option;
	while ((option = getopt_long(argc, argv, "t:jh", long_options, NULL)) >= 0) {
		if (option == 'h') {
			fputs(help, stdout);
			exit(COAPCTL_DONE);
		}
		if (option == '?')
			return COAPCTL_USAGE;
		if (!take_option(j, option, optarg))
			return coapctl_fail(COAPCTL_USAGE, "this cannot be the value of an option", optarg);
	}
	if (!make_options(j))
		return coapctl_fail(COAPCTL_USAGE, "not a path with or without a query", j->path);
	const char *reason;
	const char *word = target_source_init(&j->source, argv + optind, argc - optind, (uint16_t)j->port, &reason);
	return word == NULL ? COAPCTL_DONE : coapctl_fail(COAPCTL_USAGE, word, reason);
}

/* ---- what is said ---- */

static bool has_more(const struct coap_message *m)
{
	uint32_t value;
	struct coap_block block;
	return coap_message_uint(m, COAP_OPTION_BLOCK2, &value) && coap_block_parse(value, &block) && block.has_more;
}

/* The beginning of the payload; what is not printable ASCII is a dot. */
static void print_summary(const struct coap_message *m)
{
	size_t shown = m->payload.len < SUMMARY_MAX_BYTES ? m->payload.len : SUMMARY_MAX_BYTES;
	printf("  %zu bytes%s", m->payload.len, has_more(m) ? " and more" : "");
	fputs(shown > 0 ? ": " : "", stdout);
	for (size_t i = 0; i < shown; i++)
		putchar(m->payload.data[i] >= 0x20 && m->payload.data[i] < 0x7f ? m->payload.data[i] : '.');
	fputs(shown < m->payload.len ? "..." : "", stdout);
}

static void print_json(const char *from, const struct coap_message *m, msec round_trip)
{
	uint32_t format = COAP_FORMAT_NONE;
	(void)coap_message_uint(m, COAP_OPTION_CONTENT_FORMAT, &format);
	struct coap_reply reply = {.outcome = COAP_OUTCOME_RESPONSE,
		.message = m,
		.code = m->code,
		.content_format = (uint16_t)format,
		.body = m->payload};
	printf("{\"from\":\"%s\",\"round_trip_ms\":%" PRId64 ",\"has_more\":%s,\"answer\":", from, round_trip,
		has_more(m) ? "true" : "false");
	coap_print_json_object(&reply, stdout);
	puts("}");
}

static void on_answered(void *context, const struct address *from, const struct coap_message *m, msec round_trip)
{
	const struct job *j = context;
	char text[ADDRESS_TEXT_BYTES + 1] = "";
	struct writer w = writer_of(text, ADDRESS_TEXT_BYTES);
	const char *name = coap_code_name(m->code);
	address_write(&w, from);
	if (j->is_json) {
		print_json(text, m, round_trip);
		return;
	}
	printf("%s  %u.%02u%s%s  %" PRId64 " ms", text, coap_code_class(m->code), coap_code_detail(m->code),
		name != NULL ? " " : "", name != NULL ? name : "", round_trip);
	print_summary(m);
	putchar('\n');
}

static void print_totals(const struct job *j)
{
	const struct sweep_counters *c = &j->sweep.counters;
	uint64_t unsent = coap_udp_counters(j->udp)->dropped_send;
	if (j->is_json) {
		printf("{\"sent\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"asked_plain\":%" PRIu64
		       ",\"dropped\":%" PRIu64 ",\"rejected\":%" PRIu64 ",\"forged\":%" PRIu64 ",\"late\":%" PRIu64
		       ",\"replayed\":%" PRIu64 ",\"unusable\":%" PRIu64 ",\"not_sent\":%" PRIu64 "}\n",
			c->asked, c->answered, c->refused, c->asked_plain, c->dropped, c->rejected, c->forged, c->late,
			c->replayed, c->unusable, unsent);
		return;
	}
	fprintf(stderr, "sent %" PRIu64 ", answered %" PRIu64 ", refused long tokens %" PRIu64, c->asked, c->answered,
		c->refused);
	fprintf(stderr,
		" (asked with 8 bytes %" PRIu64 "); did not count: forged %" PRIu64 ", replayed %" PRIu64
		", late %" PRIu64 "\n",
		c->asked_plain, c->forged, c->replayed, c->late);
	if (c->dropped > 0)
		fprintf(stderr, "not asked with 8 bytes, as too many were to be at once: %" PRIu64 "\n", c->dropped);
	if (c->rejected > 0 || c->unusable > 0)
		fprintf(stderr, "rejected the request %" PRIu64 ", answered what cannot be used %" PRIu64 "\n",
			c->rejected, c->unusable);
	if (j->groups > 0)
		fprintf(stderr, "left out, as they are multicast addresses: %" PRIu64 "\n", j->groups);
	if (unsent > 0)
		fprintf(stderr, "the system did not send %" PRIu64 "\n", unsent);
}

/* ---- running ---- */

static void receive(struct job *j, msec now)
{
	struct coap_udp_datagram d;
	for (int i = 0; i < DATAGRAMS_A_TURN && coap_udp_next(j->udp, &d); i++)
		sweep_receive(&j->sweep, &d.from, bytes_of(d.data, d.len), now);
}

/* Asks as many as the rate allows by now. */
static void ask(struct job *j, msec now)
{
	int64_t now_us = now * 1000, interval_us = (1000000 + (int64_t)j->rate - 1) / (int64_t)j->rate;
	struct address device;
	if (j->next_us < now_us - BURST_US)
		j->next_us = now_us - BURST_US;
	while (j->next_us <= now_us && sweep_has_room(&j->sweep) && target_source_next(&j->source, &device)) {
		j->next_us += interval_us;
		if (address_is_multicast(&device))
			j->groups++;
		else
			sweep_ask(&j->sweep, &device, now);
	}
}

/* How long nothing needs to be done. */
static int idle_ms(const struct job *j, msec now)
{
	msec at = sweep_deadline(&j->sweep);
	if (!target_source_has_more(&j->source) && j->sweep.quiet >= now)
		at = msec_earlier(at, j->sweep.quiet + 1);
	else if (target_source_has_more(&j->source) && sweep_has_room(&j->sweep) && !target_source_is_dry(&j->source))
		at = msec_earlier(at, (j->next_us + 999) / 1000);
	if (at == NEVER)
		return -1;
	return at <= now ? 0 : at - now > 1000 ? 1000 : (int)(at - now);
}

static void wait_for_something(struct job *j, msec now)
{
	struct pollfd fds[2] = {{.fd = coap_udp_descriptor(j->udp), .events = POLLIN},
		{.fd = target_source_is_dry(&j->source) ? STDIN_FILENO : -1, .events = POLLIN}};
	if (poll(fds, 2, idle_ms(j, now)) > 0 && fds[1].revents != 0)
		target_source_read(&j->source);
}

static void run(struct job *j)
{
	msec now = coap_loop_read_clock();
	while (is_stopped == 0 && (target_source_has_more(&j->source) || !sweep_is_over(&j->sweep, now))) {
		wait_for_something(j, now);
		now = coap_loop_read_clock();
		receive(j, now);
		sweep_tick(&j->sweep, now);
		ask(j, now);
		coap_udp_flush(j->udp);
		(void)fflush(stdout);
	}
}

static enum coapctl_status prepare(struct job *j, struct coap_transport *transport, void **ret_memory)
{
	uint8_t seed[PRNG_SEED_BYTES];
	struct address everywhere = {.port = 0};
	int error = coap_udp_open(&everywhere, &j->udp);
	if (error != 0)
		return coapctl_fail(COAPCTL_LOCAL, "no socket", strerror(-error));
	if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed)
		return coapctl_fail(COAPCTL_LOCAL, "no random numbers", strerror(errno));
	*transport = coap_udp_transport(j->udp);
	struct sweep_config config = {.options = &j->options,
		.transport = transport,
		.rate = (uint32_t)j->rate,
		.timeout = SECONDS((msec)j->timeout_s),
		.tries_first = j->tries_first,
		.max_retransmit = (uint8_t)j->max_retransmit,
		.answered = on_answered,
		.context = j};
	size_t size = (sweep_memory(&config) + CARVE_ALIGNMENT - 1) / CARVE_ALIGNMENT * CARVE_ALIGNMENT;
	*ret_memory = memory_checked(aligned_alloc(CARVE_ALIGNMENT, size));
	sweep_init(&j->sweep, *ret_memory, &config, seed, coap_loop_read_clock());
	return COAPCTL_DONE;
}

enum coapctl_status coapctl_sweep(int argc, char *argv[])
{
	struct job *j = &job;
	struct coap_transport transport;
	void *memory = NULL;
	struct sigaction stop = {.sa_handler = on_signal};
	*j = (struct job){.path = "/.well-known/core",
		.rate = RATE_DEFAULT,
		.timeout_s = TIMEOUT_DEFAULT_S,
		.port = COAP_PORT,
		.max_retransmit = COAP_TOKENLENGTH_MAX_RETRANSMIT};
	enum coapctl_status status = read_arguments(j, argc, argv);
	if (status == COAPCTL_DONE)
		status = prepare(j, &transport, &memory);
	if (status == COAPCTL_DONE) {
		(void)sigaction(SIGINT, &stop, NULL);
		(void)sigaction(SIGTERM, &stop, NULL);
		run(j);
		print_totals(j);
		status = j->source.has_bad_line            ? COAPCTL_USAGE
			 : j->sweep.counters.answered == 0 ? COAPCTL_SILENT
							   : COAPCTL_DONE;
	}
	coap_udp_close(j->udp);
	free(memory);
	return status;
}
