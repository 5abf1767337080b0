/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * coapctl: a CoAP client for people. One command, one URI, one answer; or notifications until it is stopped. */
#include "cli/coap_client.h"
#include "cli/coap_download.h"
#include "cli/coap_print.h"
#include "cli/coap_repeat.h"
#include "cli/coapctl_sweep.h"
#include "cli/credentials.h"
#include "cli/option_text.h"
#include "coap/io/multicast.h"
#include "coap/uri.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAYLOAD_MAX_BYTES (16 * 1024 * 1024)
#define VALUES_MAX_BYTES  4096
#define GROUP_WAIT_S      10
#define REPEAT_INTERVAL   SECONDS(1)
#define STOP_INTERVAL     ((msec)20) /* how often to look whether the server has let go */

enum exit_status {
	EXIT_DONE = 0,
	EXIT_LOCAL = 1, /* a file, memory, the network of this machine */
	EXIT_USAGE = 2,
	EXIT_SILENT = 3,       /* no answer */
	EXIT_CLIENT_ERROR = 4, /* 4.xx */
	EXIT_SERVER_ERROR = 5, /* 5.xx */
	EXIT_SECURITY = 6,     /* no secure session */
	EXIT_BROKEN = 7,       /* an answer that cannot be used */
};

static const char help[] =
	"coapctl: a CoAP client for people (RFC 7252, 7641, 7959, 8132, 8323).\n"
	"\n"
	"Usage: coapctl COMMAND [OPTION ...] URI\n"
	"\n"
	"Commands\n"
	"  get, put, post, delete, fetch, patch, ipatch\n"
	"             one request; the payload of the answer goes to standard output\n"
	"  observe    GET, and every notification until it is stopped or the time is over\n"
	"  discover   the links of /.well-known/core, one a line; a query of the URI filters: ?rt=temperature\n"
	"  ping       an empty message, and how long its answer took\n"
	"  sweep      one request to many addresses; coapctl sweep --help tells more\n"
	"\n"
	"URI          coap://host[:port]/path?query, coap+tcp:// over TCP, or coaps:// with a pre-shared key\n"
	"\n"
	"Options\n"
	"  -p, --payload TEXT         what to send; @FILE sends a file, @- standard input\n"
	"  -c, --content-format NAME  of what is sent, by name or number\n"
	"  -a, --accept NAME          the format wanted\n"
	"  -O, --option NAME[=VALUE]  one more option, by name or number: If-Match=0x1f2e, If-None-Match\n"
	"  -t, --timeout SECONDS      how long to wait for an answer (93); how long to observe\n"
	"  -n, --non                  non-confirmable: sent once, without a promise\n"
	"  -b, --block-size BYTES     largest block, 16 to 1024 (1024)\n"
	"      --qblock[=con]         long bodies by Q-Block (RFC 9177): in sets of ten, non-confirmable or "
	"confirmable\n"
	"  -d, --download FILE        get a long body into a file, many blocks at a time\n"
	"      --repeat N             get N times in a row, through a cache: what is fresh is not asked for again,\n"
	"                             what is stale is validated by its ETag; -v and -j tell where each answer came\n"
	"                             from: server, cache, validated\n"
	"      --interval SECONDS     from one of these to the next (1)\n"
	"      --ack-timeout MS       until a message is sent again, at first and as long as nothing is measured "
	"(2000)\n"
	"      --max-retransmit N     how often it is sent again (4)\n"
	"  -j, --json                 answers as JSON, one object a line\n"
	"      --proxy URI            ask through a proxy: coap://host[:port], or coaps:// with what proves us\n"
	"  -v, --verbose              the answer's code, also when all is well\n"
	"      --psk-identity TEXT    for coaps\n"
	"      --psk-key KEY          its key: text, or bytes as 0x...\n"
	"      --psk-key-file FILE    the same from a file, which other users cannot see in a list of processes\n"
	"      --certificate FILE, --private-key FILE, --ca FILE\n"
	"                             for coaps with certificates on P-256 (PEM): ours with its key, and whom the "
	"server's\n"
	"                             must be from\n"
	"      --server-name NAME     what the server's certificate must name (the URI's host); empty for any name\n"
	"      --suite NAME           this cipher suite alone, such as PSK_WITH_AES_128_CCM_8\n"
	"  -g, --group                a request to a multicast address: every answer until the time is over (10)\n"
	"  -i, --interface NAME       through which the group is reached\n"
	"  -h, --help                 this help\n"
	"\n"
	"Exit status\n"
	"  0  done                         4  the server answered 4.xx\n"
	"  1  a file or this machine       5  the server answered 5.xx\n"
	"  2  the command line is wrong    6  no secure session\n"
	"  3  no answer                    7  an answer that cannot be used\n"
	"\n"
	"Formats: ";

struct job {
	const char *command;
	enum coap_code method; /* COAP_EMPTY for ping */
	bool observes, discovers;
	const char *uri_text, *payload_text, *download, *proxy_text;
	uint16_t content_format, accept;
	uint64_t timeout_s, block_size, ack_timeout_ms, max_retransmit, repeat, interval_s;
	bool is_group;
	uint32_t interface;
	enum coap_qblock_use qblock;
	bool is_nonconfirmable, is_json, is_verbose, has_interval;
	struct credentials credentials;
	const char *server_name;
	enum dtls_suite suite; /* 0: whichever fits */
	/* while it runs */
	struct coap_client client;
	struct coap_uri uri, proxy; /* proxy_text is NULL without one */
	struct coap_options options;
	uint8_t values[VALUES_MAX_BYTES];
	uint8_t own_values[VALUES_MAX_BYTES]; /* of options given one by one */
	size_t own_len;
	uint8_t *payload;
	struct handle exchange;
	msec began, ends, stops_by;
	uint32_t members; /* who have answered */
	enum exit_status status;
	bool is_over, is_stopping;
};

static struct job job;

static int fail(enum exit_status status, const char *what, const char *why)
{
	fprintf(stderr, "coapctl: %s%s%s\n", what, why != NULL ? ": " : "", why != NULL ? why : "");
	return (int)status;
}

/* ---- the command line ---- */

static bool find_command(struct job *j, const char *word)
{
	j->command = word;
	j->method = COAP_GET;
	if (strcmp(word, "observe") == 0)
		j->observes = true;
	else if (strcmp(word, "discover") == 0)
		j->discovers = true;
	else if (strcmp(word, "ping") == 0)
		j->method = COAP_EMPTY;
	else
		return coap_code_parse_method(bytes_of_text(word), &j->method);
	return true;
}

static bool take_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	return parse_decimal(bytes_of_text(text), max, ret) && *ret >= min;
}

static bool add_own_option(struct job *j, const char *text)
{
	struct writer room = writer_of(j->own_values + j->own_len, sizeof j->own_values - j->own_len);
	bool is_option = option_text_add(text, &room, &j->options);
	j->own_len += writer_bytes(&room).len;
	return is_option;
}

static bool read_credential(struct job *j, enum credentials_file which, const char *path)
{
	const char *wrong = credentials_read(&j->credentials, which, path);
	if (wrong != NULL)
		fprintf(stderr, "coapctl: %s: %s\n", path, wrong);
	return wrong == NULL;
}

/* False when the value is not one. */
static bool take_option(struct job *j, int option, const char *value)
{
	switch (option) {
	case 'p':
		j->payload_text = value;
		return true;
	case 'c':
		return coap_print_parse_format(value, &j->content_format);
	case 'a':
		return coap_print_parse_format(value, &j->accept);
	case 'O':
		return add_own_option(j, value);
	case 't':
		return take_number(value, 1, 1000000000, &j->timeout_s);
	case 'n':
		return j->is_nonconfirmable = true;
	case 'b':
		return take_number(value, 16, 1024, &j->block_size);
	case 'A':
		return take_number(value, 1000, 60000, &j->ack_timeout_ms);
	case 'R':
		return take_number(value, 1, 8, &j->max_retransmit);
	case 'N':
		return take_number(value, 1, 1000000000, &j->repeat);
	case 'V':
		return j->has_interval = take_number(value, 0, 1000000000, &j->interval_s);
	case 'q':
		j->qblock = value == NULL ? COAP_QBLOCK_NON : COAP_QBLOCK_CON;
		return value == NULL || strcmp(value, "con") == 0;
	case 'd':
		j->download = value;
		return true;
	case 'j':
		return j->is_json = true;
	case 'g':
		return j->is_group = true;
	case 'i':
		return coap_multicast_interface(value, &j->interface);
	case 'v':
		return j->is_verbose = true;
	case 'P':
		j->proxy_text = value;
		return coap_uri_parse(bytes_of_text(value), &j->proxy);
	case 'I':
		return credentials_set_identity(&j->credentials, value);
	case 'K':
		return credentials_set_key(&j->credentials, value);
	case 'F':
		return credentials_read_key(&j->credentials, value);
	case 'C':
		return read_credential(j, CREDENTIALS_CERTIFICATE, value);
	case 'Y':
		return read_credential(j, CREDENTIALS_PRIVATE_KEY, value);
	case 'T':
		return read_credential(j, CREDENTIALS_CA, value);
	case 'M':
		j->server_name = value;
		return true;
	case 'S':
		return dtls_suite_parse(bytes_of_text(value), &j->suite);
	default:
		return false;
	}
}

static const char short_options[] = "p:c:a:O:t:nb:d:jvgi:h";
static const struct option long_options[] = {
	{"payload", required_argument, NULL, 'p'},
	{"content-format", required_argument, NULL, 'c'},
	{"accept", required_argument, NULL, 'a'},
	{"option", required_argument, NULL, 'O'},
	{"timeout", required_argument, NULL, 't'},
	{"non", no_argument, NULL, 'n'},
	{"block-size", required_argument, NULL, 'b'},
	{"qblock", optional_argument, NULL, 'q'},
	{"download", required_argument, NULL, 'd'},
	{"repeat", required_argument, NULL, 'N'},
	{"interval", required_argument, NULL, 'V'},
	{"ack-timeout", required_argument, NULL, 'A'},
	{"max-retransmit", required_argument, NULL, 'R'},
	{"json", no_argument, NULL, 'j'},
	{"verbose", no_argument, NULL, 'v'},
	{"proxy", required_argument, NULL, 'P'},
	{"psk-identity", required_argument, NULL, 'I'},
	{"psk-key", required_argument, NULL, 'K'},
	{"psk-key-file", required_argument, NULL, 'F'},
	{"certificate", required_argument, NULL, 'C'},
	{"private-key", required_argument, NULL, 'Y'},
	{"ca", required_argument, NULL, 'T'},
	{"server-name", required_argument, NULL, 'M'},
	{"suite", required_argument, NULL, 'S'},
	{"group", no_argument, NULL, 'g'},
	{"interface", required_argument, NULL, 'i'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* Whom the request is sent to. */
static const struct coap_uri *next_hop(const struct job *j)
{
	return j->proxy_text != NULL ? &j->proxy : &j->uri;
}

static enum exit_status read_arguments(struct job *j, int argc, char *argv[])
{
	int option;
	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) >= 0) {
		if (option == 'h') {
			fputs(help, stdout);
			coap_print_formats(stdout);
			fputs("\n", stdout);
			exit(EXIT_DONE);
		}
		if (option == '?')
			return EXIT_USAGE;
		if (!take_option(j, option, optarg))
			return (enum exit_status)fail(EXIT_USAGE, "this cannot be the value of an option", optarg);
	}
	if (argc - optind != 2)
		return (enum exit_status)fail(
			EXIT_USAGE, "a command and a URI are wanted; coapctl --help tells more", NULL);
	if (!find_command(j, argv[optind]))
		return (enum exit_status)fail(EXIT_USAGE, "no such command", argv[optind]);
	j->uri_text = argv[optind + 1];
	if (!coap_uri_parse(bytes_of_text(j->uri_text), &j->uri))
		return (enum exit_status)fail(EXIT_USAGE, "not a coap, coaps or coap+tcp URI", j->uri_text);
	if (next_hop(j)->is_secure && next_hop(j)->is_reliable)
		return (enum exit_status)fail(
			EXIT_USAGE, "coaps+tcp is not spoken here; coaps is, and coap+tcp", j->uri_text);
	const char *fault = credentials_fault(
		&j->credentials, "coaps needs --psk-identity and --psk-key, or --certificate, --private-key and --ca");
	if (next_hop(j)->is_secure && fault != NULL)
		return (enum exit_status)fail(EXIT_USAGE, fault, NULL);
	if (j->is_group && (j->observes || j->method == COAP_EMPTY || j->download != NULL || j->uri.is_secure))
		return (enum exit_status)fail(EXIT_USAGE, "--group goes with single requests without security", NULL);
	if (j->repeat > 0 && (strcmp(j->command, "get") != 0 || j->is_group || j->download != NULL ||
				     j->payload_text != NULL || j->qblock != COAP_QBLOCK_OFF))
		return (enum exit_status)fail(
			EXIT_USAGE, "--repeat goes with get, without --download or --qblock", NULL);
	if (j->has_interval && j->repeat == 0)
		return (enum exit_status)fail(EXIT_USAGE, "--interval goes with --repeat", NULL);
	if (j->download != NULL && (j->method != COAP_GET || j->observes || j->discovers))
		return (enum exit_status)fail(EXIT_USAGE, "--download goes with get", NULL);
	return EXIT_DONE;
}

/* ---- what to send ---- */

static const char *read_payload(struct job *j, struct bytes *ret)
{
	const char *text = j->payload_text;
	*ret = text == NULL ? BYTES_NONE : bytes_of_text(text);
	if (text == NULL || text[0] != '@')
		return NULL;
	bool is_stdin = strcmp(text + 1, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(text + 1, "rb");
	j->payload = malloc(PAYLOAD_MAX_BYTES + 1);
	if (file == NULL || j->payload == NULL)
		return strerror(errno);
	size_t len = fread(j->payload, 1, PAYLOAD_MAX_BYTES + 1, file);
	bool has_failed = ferror(file) != 0;
	if (!is_stdin)
		(void)fclose(file);
	*ret = bytes_of(j->payload, len);
	return has_failed ? "it cannot be read" : len > PAYLOAD_MAX_BYTES ? "it is longer than 16 MiB" : NULL;
}

static bool resolve(const struct coap_uri *uri, struct address *ret, const char **ret_reason)
{
	char host[256];
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_family = AF_UNSPEC}, *found;
	if (coap_uri_address(uri, ret))
		return true;
	*ret_reason = "the name is too long";
	if (uri->host.len >= sizeof host)
		return false;
	memcpy(host, uri->host.data, uri->host.len);
	host[uri->host.len] = '\0';
	int error = getaddrinfo(host, NULL, &hints, &found);
	*ret_reason = error == 0 ? "no address" : gai_strerror(error);
	if (error != 0)
		return false;
	const struct sockaddr_in6 *v6 = (const void *)found->ai_addr;
	const uint8_t *v4 = (const uint8_t *)&((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr;
	if (found->ai_family == AF_INET) {
		*ret = address_ipv4(v4[0], v4[1], v4[2], v4[3], uri->port);
	} else {
		*ret = (struct address){.port = uri->port, .scope = v6->sin6_scope_id};
		memcpy(ret->ip, &v6->sin6_addr, sizeof ret->ip);
	}
	freeaddrinfo(found);
	return true;
}

/* RFC 7252 section 5.10.2: the proxy gets the whole URI as text. */
static void add_proxy_uri(struct job *j, struct writer *room)
{
	coap_uri_write(room, &j->uri);
	coap_options_add(&j->options, COAP_OPTION_PROXY_URI, writer_bytes(room));
	j->options.failed = j->options.failed || room->failed;
}

static bool make_options(struct job *j)
{
	static const char core[] = "/.well-known/core";
	struct writer room = writer_of(j->values, sizeof j->values);
	if (j->discovers && j->uri.path.len <= 1)
		j->uri.path = bytes_of_text(core);
	if (j->proxy_text != NULL)
		add_proxy_uri(j, &room);
	else if (!coap_uri_add_options(&j->uri, &room, &j->options))
		return false;
	if (j->content_format != COAP_FORMAT_NONE)
		coap_options_add_uint(&j->options, COAP_OPTION_CONTENT_FORMAT, j->content_format);
	if (j->accept != COAP_FORMAT_NONE)
		coap_options_add_uint(&j->options, COAP_OPTION_ACCEPT, j->accept);
	return !j->options.failed;
}

/* ---- what comes ---- */

static void end(struct job *j, enum exit_status status)
{
	j->status = status;
	j->is_over = true;
	coap_client_stop(&j->client);
}

static enum exit_status exit_status_of(enum coap_code code)
{
	return coap_code_class(code) == 4   ? EXIT_CLIENT_ERROR
	       : coap_code_class(code) == 5 ? EXIT_SERVER_ERROR
					    : EXIT_DONE;
}

static void show(struct job *j, const struct coap_reply *reply)
{
	bool is_error = coap_code_is_error(reply->code);
	if (j->is_json) {
		coap_print_json(reply, stdout);
	} else {
		if (is_error || j->is_verbose || (reply->body.len == 0 && reply->code != COAP_CONTENT)) {
			coap_print_code(reply, stderr);
			coap_print_location(reply, stderr);
			fputc('\n', stderr);
		}
		if (!is_error)
			coap_print_payload(reply, j->discovers || j->observes, stdout);
	}
	(void)fflush(stdout);
}

/* One of many answers: who gives it stands in front. */
static void show_member(struct job *j, const struct coap_reply *reply)
{
	char text[ADDRESS_TEXT_BYTES + 1] = "";
	struct writer w = writer_of(text, ADDRESS_TEXT_BYTES);
	address_write(&w, &reply->remote.address);
	j->members++;
	if (j->is_json)
		printf("{\"from\":\"%s\",\"answer\":", text);
	else
		printf("%s: ", text);
	if (j->is_json)
		coap_print_json_object(reply, stdout);
	else if (coap_code_is_error(reply->code) || reply->body.len == 0)
		coap_print_code(reply, stdout);
	else
		coap_print_payload(reply, false, stdout);
	puts(j->is_json ? "}" : "");
	(void)fflush(stdout);
}

static void show_pong(struct job *j, msec now)
{
	if (j->is_json)
		printf("{\"round_trip_ms\":%" PRId64 "}\n", now - j->began);
	else
		printf("%s is there, after %" PRId64 " ms\n", j->uri_text, now - j->began);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct job *j = context;
	(void)endpoint;
	switch (reply->outcome) {
	case COAP_OUTCOME_MEMBER:
		show_member(j, reply);
		return;
	case COAP_OUTCOME_NOTIFICATION:
	case COAP_OUTCOME_BLOCK:
		show(j, reply);
		return;
	case COAP_OUTCOME_RESPONSE:
		show(j, reply);
		if (j->observes && coap_code_is_success(reply->code))
			fputs("coapctl: the server does not let this be observed\n", stderr);
		end(j, exit_status_of(reply->code));
		return;
	case COAP_OUTCOME_RESET:
		if (j->method == COAP_EMPTY)
			show_pong(j, now);
		end(j, j->method == COAP_EMPTY
				? EXIT_DONE
				: (enum exit_status)fail(EXIT_BROKEN, "the server rejected the request", NULL));
		return;
	case COAP_OUTCOME_TIMEOUT:
		end(j, j->members > 0 ? EXIT_DONE : (enum exit_status)fail(EXIT_SILENT, "no answer", NULL));
		return;
	case COAP_OUTCOME_LOST:
		end(j, (enum exit_status)fail(EXIT_SILENT,
			       j->uri.is_reliable ? "the connection ended" : "the secure session ended",
			       j->client.failure));
		return;
	case COAP_OUTCOME_BROKEN:
		end(j, (enum exit_status)fail(EXIT_BROKEN, "the answer cannot be used", NULL));
		return;
	}
}

/* ---- time and signals ---- */

static msec deadline(void *context)
{
	struct job *j = context;
	return j->is_over ? NEVER : j->ends;
}

/* The first end cancels an observation politely; the second does not wait for that. */
static void stop(struct job *j, msec now)
{
	if (!j->observes || j->is_stopping) {
		end(j, j->observes || j->members > 0 ? EXIT_DONE
						     : (enum exit_status)fail(EXIT_SILENT, "no answer", NULL));
		return;
	}
	j->is_stopping = true;
	j->stops_by = now + SECONDS(2);
	j->ends = now + STOP_INTERVAL;
	coap_endpoint_cancel(j->client.endpoint, j->exchange, now);
}

static void tick(void *context, msec now)
{
	struct job *j = context;
	if (j->ends > now)
		return;
	if (!j->is_stopping)
		stop(j, now);
	else if (coap_endpoint_is_idle(j->client.endpoint) || now >= j->stops_by)
		end(j, EXIT_DONE);
	else
		j->ends = now + STOP_INTERVAL;
}

static void on_signal(struct ev_loop *ev, ev_signal *w, int events)
{
	struct job *j = w->data;
	(void)ev, (void)events;
	stop(j, coap_client_now(&j->client));
}

/* ---- running ---- */

static enum exit_status run_download(struct job *j)
{
	struct coap_download_config config = {.file = j->download,
		.options = &j->options,
		.block_size = (uint16_t)j->block_size,
		.qblock = j->qblock,
		.patience = SECONDS((msec)j->timeout_s),
		.shows_progress = isatty(STDERR_FILENO) == 1};
	uint64_t size;
	enum coap_code code;
	struct coap_reply refusal = {.content_format = COAP_FORMAT_NONE};
	switch (coap_download(&j->client, &config, &size, &code)) {
	case COAP_DOWNLOAD_DONE:
		if (j->is_json)
			printf("{\"file\":\"%s\",\"size\":%" PRIu64 "}\n", j->download, size);
		return EXIT_DONE;
	case COAP_DOWNLOAD_REFUSED:
		refusal.code = code;
		coap_print_code(&refusal, stderr);
		fputc('\n', stderr);
		return coap_code_class(code) == 5 ? EXIT_SERVER_ERROR : EXIT_CLIENT_ERROR;
	case COAP_DOWNLOAD_SILENT:
		return (enum exit_status)fail(EXIT_SILENT, "the server does not answer", j->client.failure);
	case COAP_DOWNLOAD_CHANGED:
		return (enum exit_status)fail(EXIT_BROKEN, "the body changed while it was fetched; try again", NULL);
	case COAP_DOWNLOAD_BROKEN:
		return (enum exit_status)fail(EXIT_BROKEN, "the server's blocks do not fit together", NULL);
	case COAP_DOWNLOAD_LOCAL:
		return (enum exit_status)fail(EXIT_LOCAL, j->download, strerror(errno));
	}
	return EXIT_LOCAL;
}

static enum exit_status run_repeat(struct job *j)
{
	struct coap_repeat_config config = {.options = &j->options,
		.times = (uint32_t)j->repeat,
		.interval = j->has_interval ? SECONDS((msec)j->interval_s) : REPEAT_INTERVAL,
		.patience = SECONDS((msec)j->timeout_s),
		.is_nonconfirmable = j->is_nonconfirmable,
		.is_json = j->is_json,
		.is_verbose = j->is_verbose};
	struct coap_repeat_result result;
	if (!coap_repeat(&j->client, &config, &result))
		return (enum exit_status)fail(EXIT_LOCAL, "the request cannot be sent", NULL);
	switch (result.outcome) {
	case COAP_OUTCOME_RESPONSE:
		return exit_status_of(result.code);
	case COAP_OUTCOME_TIMEOUT:
		return (enum exit_status)fail(EXIT_SILENT, "no answer", NULL);
	case COAP_OUTCOME_LOST:
		return (enum exit_status)fail(EXIT_SILENT, "the session ended", j->client.failure);
	case COAP_OUTCOME_RESET:
		return (enum exit_status)fail(EXIT_BROKEN, "the server rejected the request", NULL);
	case COAP_OUTCOME_NOTIFICATION: /* these three only to those who ask for them */
	case COAP_OUTCOME_MEMBER:
	case COAP_OUTCOME_BLOCK:
	case COAP_OUTCOME_BROKEN:
		return (enum exit_status)fail(EXIT_BROKEN, "the answer cannot be used", NULL);
	}
	return EXIT_BROKEN;
}

static bool start(struct job *j, struct bytes payload)
{
	struct coap_call call = {.to = j->client.server,
		.method = j->method,
		.options = &j->options,
		.body = payload,
		.qblock = j->qblock,
		.is_nonconfirmable = j->is_nonconfirmable,
		.observe = j->observes,
		.is_group = j->is_group,
		.group_wait = j->is_group ? SECONDS((msec)j->timeout_s) : 0,
		.renews = true,
		.reply = on_reply,
		.context = j};
	j->began = coap_loop_read_clock();
	bool ends_itself = j->is_group || (j->observes && j->timeout_s == 0);
	j->ends = ends_itself ? NEVER : j->began + SECONDS((msec)j->timeout_s);
	if (j->method == COAP_EMPTY)
		return coap_endpoint_ping(j->client.endpoint, &call.to, on_reply, j, j->began, &j->exchange);
	return coap_endpoint_request(j->client.endpoint, &call, j->began, &j->exchange);
}

static enum exit_status run(struct job *j, struct bytes payload)
{
	ev_signal interrupted, terminated;
	if (!start(j, payload))
		return (enum exit_status)fail(EXIT_USAGE, "the request is too long", NULL);
	j->client.deadline = deadline;
	j->client.tick = tick;
	j->client.context = j;
	ev_signal_init(&interrupted, on_signal, SIGINT);
	ev_signal_init(&terminated, on_signal, SIGTERM);
	interrupted.data = terminated.data = j;
	ev_signal_start(coap_loop_ev(&j->client.loop), &interrupted);
	ev_signal_start(coap_loop_ev(&j->client.loop), &terminated);
	coap_client_run(&j->client);
	ev_signal_stop(coap_loop_ev(&j->client.loop), &interrupted);
	ev_signal_stop(coap_loop_ev(&j->client.loop), &terminated);
	return j->status;
}

static enum exit_status fail_to_open(const struct coap_client_config *config, const char *reason)
{
	if (config->is_secure)
		return (enum exit_status)fail(EXIT_SECURITY, "no secure session", reason);
	if (config->is_reliable)
		return (enum exit_status)fail(EXIT_SILENT, "no connection", reason);
	return (enum exit_status)fail(EXIT_LOCAL, "no socket", reason);
}

/* A download measures its path and keeps to a congestion window, so it may begin with the second that RFC 8085 section
 * 3.1.1 and RFC 7252 section 4.8.1 have as the least. */
#define DOWNLOAD_ACK_TIMEOUT SECONDS(1)

/* How patient the user wants to be with this server (RFC 7252 section 4.8). */
static enum exit_status run_with_transmission(struct job *j, struct bytes payload)
{
	struct coap_transmission t = coap_transmission_default;
	if (j->ack_timeout_ms > 0 || j->download != NULL)
		t.ack_timeout = j->ack_timeout_ms > 0 ? (msec)j->ack_timeout_ms : DOWNLOAD_ACK_TIMEOUT;
	if (j->max_retransmit > 0)
		t.max_retransmit = (uint8_t)j->max_retransmit;
	(void)coap_endpoint_set_transmission(j->client.endpoint, &j->client.server, &t);
	if (j->repeat > 0)
		return run_repeat(j);
	return j->download != NULL ? run_download(j) : run(j, payload);
}

int main(int argc, char *argv[])
{
	struct job *j = &job;
	struct bytes payload;
	const char *reason = NULL;
	struct coap_client_config config = {0};
	if (argc > 1 && strcmp(argv[1], "sweep") == 0)
		return coapctl_sweep(argc - 1, argv + 1);
	j->content_format = j->accept = COAP_FORMAT_NONE;
	j->block_size = 1024;
	enum exit_status status = read_arguments(j, argc, argv);
	if (status != EXIT_DONE)
		return (int)status;
	if (j->timeout_s == 0 && !j->observes)
		j->timeout_s = j->download != NULL ? 60 : j->is_group ? GROUP_WAIT_S : 93;
	if ((reason = read_payload(j, &payload)) != NULL)
		return fail(EXIT_LOCAL, j->payload_text, reason);
	if (!make_options(j))
		return fail(EXIT_USAGE, "the URI is too long", NULL);
	if (!resolve(next_hop(j), &config.server, &reason))
		return fail(EXIT_LOCAL, "the host is not known", reason);
	if (j->is_group != address_is_multicast(&config.server))
		return fail(EXIT_USAGE,
			j->is_group ? "--group goes with a multicast address" : "a multicast address wants --group",
			NULL);
	config.is_group = j->is_group;
	config.interface = j->interface;
	config.is_secure = next_hop(j)->is_secure;
	config.is_reliable = next_hop(j)->is_reliable;
	config.credential = credentials_of_client(
		&j->credentials, j->server_name != NULL ? bytes_of_text(j->server_name) : next_hop(j)->host);
	config.credential.only_suite = (uint16_t)j->suite;
	config.block_size = (uint16_t)j->block_size;
	config.session_wait = SECONDS((msec)j->timeout_s);
	if ((reason = coap_client_open(&j->client, &config)) != NULL)
		status = fail_to_open(&config, reason);
	else {
		if (config.is_secure && j->is_verbose)
			fprintf(stderr, "coapctl: session by %s\n", dtls_suite_name(j->client.suite));
		status = run_with_transmission(j, payload);
	}
	coap_client_close(&j->client);
	credentials_wipe(&j->credentials);
	free(j->payload);
	return (int)status;
}
