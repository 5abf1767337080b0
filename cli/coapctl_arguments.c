/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapctl_arguments.h"

#include "cli/coap_print.h"
#include "cli/option_text.h"
#include "coap/io/multicast.h"
#include "dtls/dtls.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE      1024
#define TIMEOUT_S       93 /* MAX_TRANSMIT_WAIT (RFC 7252 section 4.8.2) */
#define DOWNLOAD_WAIT_S 60
#define GROUP_WAIT_S    10

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
	"      --mtu BYTES            what the narrowest link on the way carries, 576 to 1500 (1280); blocks become\n"
	"                             smaller where they would not fit\n"
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
	"      --raw-key FILE, --peer-key FILE|SHA256\n"
	"                             for coaps with raw public keys on P-256: our private key, and the server's "
	"public\n"
	"                             one (PEM), or the SHA-256 of its DER\n"
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

static bool find_command(struct coapctl_arguments *a, const char *word)
{
	a->command = word;
	a->method = COAP_GET;
	if (strcmp(word, "observe") == 0)
		a->observes = true;
	else if (strcmp(word, "discover") == 0)
		a->discovers = true;
	else if (strcmp(word, "ping") == 0)
		a->method = COAP_EMPTY;
	else
		return coap_code_parse_method(bytes_of_text(word), &a->method);
	return true;
}

static bool take_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	return parse_decimal(bytes_of_text(text), max, ret) && *ret >= min;
}

static bool add_own_option(struct coapctl_arguments *a, const char *text)
{
	struct writer room = writer_of(a->values + a->values_len, sizeof a->values - a->values_len);
	bool is_option = option_text_add(text, &room, &a->options);
	a->values_len += writer_bytes(&room).len;
	return is_option;
}

static bool is_read(const char *wrong, const char *path)
{
	if (wrong != NULL)
		fprintf(stderr, "coapctl: %s: %s\n", path, wrong);
	return wrong == NULL;
}

/* False when the value is not one. */
static bool take_option(struct coapctl_arguments *a, int option, const char *value)
{
	switch (option) {
	case 'p':
		a->payload_text = value;
		return true;
	case 'c':
		return coap_print_parse_format(value, &a->content_format);
	case 'a':
		return coap_print_parse_format(value, &a->accept);
	case 'O':
		return add_own_option(a, value);
	case 't':
		return take_number(value, 1, 1000000000, &a->timeout_s);
	case 'n':
		return a->is_nonconfirmable = true;
	case 'b':
		return take_number(value, 16, 1024, &a->block_size);
	case 'U':
		return take_number(value, DTLS_LINK_MTU_LEAST, DTLS_LINK_MTU_MOST, &a->mtu);
	case 'A':
		return take_number(value, 1000, 60000, &a->ack_timeout_ms);
	case 'R':
		return take_number(value, 1, 8, &a->max_retransmit);
	case 'N':
		return take_number(value, 1, 1000000000, &a->repeat);
	case 'V':
		return a->has_interval = take_number(value, 0, 1000000000, &a->interval_s);
	case 'q':
		a->qblock = value == NULL ? COAP_QBLOCK_NON : COAP_QBLOCK_CON;
		return value == NULL || strcmp(value, "con") == 0;
	case 'd':
		a->download = value;
		return true;
	case 'j':
		return a->is_json = true;
	case 'g':
		return a->is_group = true;
	case 'i':
		return coap_multicast_interface(value, &a->interface);
	case 'v':
		return a->is_verbose = true;
	case 'P':
		return a->has_proxy = coap_uri_parse(bytes_of_text(value), &a->proxy);
	case 'I':
		return credentials_set_identity(&a->credentials, value);
	case 'K':
		return credentials_set_key(&a->credentials, value);
	case 'F':
		return credentials_read_key(&a->credentials, value);
	case 'C':
		return is_read(credentials_read(&a->credentials, CREDENTIALS_CERTIFICATE, value), value);
	case 'Y':
		return is_read(credentials_read(&a->credentials, CREDENTIALS_PRIVATE_KEY, value), value);
	case 'T':
		return is_read(credentials_read(&a->credentials, CREDENTIALS_CA, value), value);
	case 'W':
		return is_read(credentials_read(&a->credentials, CREDENTIALS_RAW_KEY, value), value);
	case 'E':
		return is_read(credentials_add_peer_key(&a->credentials, value), value);
	case 'M':
		a->server_name = value;
		return true;
	case 'S':
		return dtls_suite_parse(bytes_of_text(value), &a->suite);
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
	{"mtu", required_argument, NULL, 'U'},
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
	{"raw-key", required_argument, NULL, 'W'},
	{"peer-key", required_argument, NULL, 'E'},
	{"server-name", required_argument, NULL, 'M'},
	{"suite", required_argument, NULL, 'S'},
	{"group", no_argument, NULL, 'g'},
	{"interface", required_argument, NULL, 'i'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

const struct coap_uri *coapctl_next_hop(const struct coapctl_arguments *a)
{
	return a->has_proxy ? &a->proxy : &a->uri;
}

static void print_help(void)
{
	fputs(help, stdout);
	coap_print_formats(stdout);
	fputs("\n", stdout);
}

/* What does not go together; NULL when all does. */
static const char *contradiction(const struct coapctl_arguments *a)
{
	const struct coap_uri *to = coapctl_next_hop(a);
	const char *fault = credentials_fault(&a->credentials,
		"coaps needs --psk-identity and --psk-key, or --certificate, --private-key and --ca, or --raw-key and "
		"--peer-key");
	if (to->is_secure && to->is_reliable)
		return "coaps+tcp is not spoken here; coaps is, and coap+tcp";
	if (to->is_secure && fault != NULL)
		return fault;
	if (a->credentials.peer_key_count > 1)
		return "a server has one raw key: --peer-key is given once";
	if (a->is_group && (a->observes || a->method == COAP_EMPTY || a->download != NULL || a->uri.is_secure))
		return "--group goes with single requests without security";
	if (a->repeat > 0 && (strcmp(a->command, "get") != 0 || a->is_group || a->download != NULL ||
				     a->payload_text != NULL || a->qblock != COAP_QBLOCK_OFF))
		return "--repeat goes with get, without --download or --qblock";
	if (a->has_interval && a->repeat == 0)
		return "--interval goes with --repeat";
	if (a->download != NULL && (a->method != COAP_GET || a->observes || a->discovers))
		return "--download goes with get";
	return NULL;
}

static enum coapctl_status read_words(struct coapctl_arguments *a, int count, char *words[])
{
	if (count != 2)
		return coapctl_fail(COAPCTL_USAGE, "a command and a URI are wanted; coapctl --help tells more", NULL);
	if (!find_command(a, words[0]))
		return coapctl_fail(COAPCTL_USAGE, "no such command", words[0]);
	a->uri_text = words[1];
	if (!coap_uri_parse(bytes_of_text(a->uri_text), &a->uri))
		return coapctl_fail(COAPCTL_USAGE, "not a coap, coaps or coap+tcp URI", a->uri_text);
	if (a->discovers && a->uri.path.len <= 1)
		a->uri.path = bytes_of_text("/.well-known/core");
	return COAPCTL_DONE;
}

enum coapctl_status coapctl_read_arguments(struct coapctl_arguments *a, int argc, char *argv[])
{
	int option;
	*a = (struct coapctl_arguments){.content_format = COAP_FORMAT_NONE,
		.accept = COAP_FORMAT_NONE,
		.block_size = BLOCK_SIZE,
		.mtu = DTLS_LINK_MTU_DEFAULT};
	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) >= 0) {
		if (option == 'h') {
			print_help();
			exit(COAPCTL_DONE);
		}
		if (option == '?')
			return COAPCTL_USAGE;
		if (!take_option(a, option, optarg))
			return coapctl_fail(COAPCTL_USAGE, "this cannot be the value of an option", optarg);
	}
	enum coapctl_status status = read_words(a, argc - optind, argv + optind);
	if (status != COAPCTL_DONE)
		return status;
	const char *why = contradiction(a);
	if (why != NULL)
		return coapctl_fail(COAPCTL_USAGE, why, NULL);
	if (a->timeout_s == 0 && !a->observes)
		a->timeout_s = a->download != NULL ? DOWNLOAD_WAIT_S : a->is_group ? GROUP_WAIT_S : TIMEOUT_S;
	return COAPCTL_DONE;
}
