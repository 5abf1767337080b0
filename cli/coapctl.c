/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * coapctl: a CoAP client for people. One command, one URI, one answer; or notifications until it is stopped. */
#include "cli/coap_client.h"
#include "cli/coap_download.h"
#include "cli/coap_print.h"
#include "cli/coap_repeat.h"
#include "cli/coapctl_arguments.h"
#include "cli/coapctl_request.h"
#include "cli/coapctl_sweep.h"
#include "coap/io/resolve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAYLOAD_MAX_BYTES (16 * 1024 * 1024)
#define REPEAT_INTERVAL   SECONDS(1)
/* A download measures its path and keeps to a congestion window, so it may begin with the second that RFC 8085 section
 * 3.1.1 and RFC 7252 section 4.8.1 have as the least. */
#define DOWNLOAD_ACK_TIMEOUT SECONDS(1)

struct job {
	struct coapctl_arguments arguments;
	struct coap_client client;
	uint8_t values[COAPCTL_VALUES_MAX_BYTES]; /* of the options that the URI makes */
	uint8_t *payload;                         /* a file's; NULL without */
};

static struct job job;

/* ---- what to send ---- */

static const char *read_payload(struct job *j, struct bytes *ret)
{
	const char *text = j->arguments.payload_text;
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

/* RFC 7252 section 5.10.2: the proxy gets the whole URI as text. */
static void add_proxy_uri(struct coapctl_arguments *a, struct writer *room)
{
	coap_uri_write(room, &a->uri);
	coap_options_add(&a->options, COAP_OPTION_PROXY_URI, writer_bytes(room));
	a->options.failed = a->options.failed || room->failed;
}

/* Adds what the other arguments say to the options that were given one by one. */
static bool make_options(struct job *j)
{
	struct coapctl_arguments *a = &j->arguments;
	struct writer room = writer_of(j->values, sizeof j->values);
	if (a->has_proxy)
		add_proxy_uri(a, &room);
	else if (!coap_uri_add_options(&a->uri, &room, &a->options))
		return false;
	if (a->content_format != COAP_FORMAT_NONE)
		coap_options_add_uint(&a->options, COAP_OPTION_CONTENT_FORMAT, a->content_format);
	if (a->accept != COAP_FORMAT_NONE)
		coap_options_add_uint(&a->options, COAP_OPTION_ACCEPT, a->accept);
	return !a->options.failed;
}

/* ---- running ---- */

static enum coapctl_status run_download(struct job *j)
{
	const struct coapctl_arguments *a = &j->arguments;
	struct coap_download_config config = {.file = a->download,
		.options = &a->options,
		.block_size = j->client.block_size,
		.qblock = a->qblock,
		.patience = SECONDS((msec)a->timeout_s),
		.shows_progress = isatty(STDERR_FILENO) == 1};
	uint64_t size;
	enum coap_code code;
	struct coap_reply refusal = {.content_format = COAP_FORMAT_NONE};
	switch (coap_download(&j->client, &config, &size, &code)) {
	case COAP_DOWNLOAD_DONE:
		if (a->is_json)
			printf("{\"file\":\"%s\",\"size\":%" PRIu64 "}\n", a->download, size);
		return COAPCTL_DONE;
	case COAP_DOWNLOAD_REFUSED:
		refusal.code = code;
		coap_print_code(&refusal, stderr);
		fputc('\n', stderr);
		return coapctl_status_of(code);
	case COAP_DOWNLOAD_SILENT:
		return coapctl_fail(COAPCTL_SILENT, "the server does not answer", j->client.failure);
	case COAP_DOWNLOAD_CHANGED:
		return coapctl_fail(COAPCTL_BROKEN, "the body changed while it was fetched; try again", NULL);
	case COAP_DOWNLOAD_BROKEN:
		return coapctl_fail(COAPCTL_BROKEN, "the server's blocks do not fit together", NULL);
	case COAP_DOWNLOAD_LOCAL:
		return coapctl_fail(COAPCTL_LOCAL, a->download, strerror(errno));
	}
	return COAPCTL_LOCAL;
}

static enum coapctl_status run_repeat(struct job *j)
{
	const struct coapctl_arguments *a = &j->arguments;
	struct coap_repeat_config config = {.options = &a->options,
		.times = (uint32_t)a->repeat,
		.interval = a->has_interval ? SECONDS((msec)a->interval_s) : REPEAT_INTERVAL,
		.patience = SECONDS((msec)a->timeout_s),
		.is_nonconfirmable = a->is_nonconfirmable,
		.is_json = a->is_json,
		.is_verbose = a->is_verbose};
	struct coap_repeat_result result;
	if (!coap_repeat(&j->client, &config, &result))
		return coapctl_fail(COAPCTL_LOCAL, "the request cannot be sent", NULL);
	switch (result.outcome) {
	case COAP_OUTCOME_RESPONSE:
		return coapctl_status_of(result.code);
	case COAP_OUTCOME_TIMEOUT:
		return coapctl_fail(COAPCTL_SILENT, "no answer", NULL);
	case COAP_OUTCOME_LOST:
		return coapctl_fail(COAPCTL_SILENT, "the session ended", j->client.failure);
	case COAP_OUTCOME_RESET:
		return coapctl_fail(COAPCTL_BROKEN, "the server rejected the request", NULL);
	case COAP_OUTCOME_NOTIFICATION: /* these three only to those who ask for them */
	case COAP_OUTCOME_MEMBER:
	case COAP_OUTCOME_BLOCK:
	case COAP_OUTCOME_BROKEN:
		return coapctl_fail(COAPCTL_BROKEN, "the answer cannot be used", NULL);
	}
	return COAPCTL_BROKEN;
}

/* How patient the user wants to be with this server (RFC 7252 section 4.8). */
static enum coapctl_status run_with_transmission(struct job *j, struct bytes payload)
{
	const struct coapctl_arguments *a = &j->arguments;
	struct coap_transmission t = coap_transmission_default;
	if (a->ack_timeout_ms > 0 || a->download != NULL)
		t.ack_timeout = a->ack_timeout_ms > 0 ? (msec)a->ack_timeout_ms : DOWNLOAD_ACK_TIMEOUT;
	if (a->max_retransmit > 0)
		t.max_retransmit = (uint8_t)a->max_retransmit;
	(void)coap_endpoint_set_transmission(j->client.endpoint, &j->client.server, &t);
	if (a->repeat > 0)
		return run_repeat(j);
	return a->download != NULL ? run_download(j) : coapctl_request(&j->client, a, payload);
}

/* ---- the way there ---- */

static enum coapctl_status find_server(const struct coapctl_arguments *a, struct address *ret)
{
	const char *reason;
	if (!coap_resolve_uri(coapctl_next_hop(a), ret, &reason))
		return coapctl_fail(COAPCTL_LOCAL, "the host is not known", reason);
	if (a->is_group && !address_is_multicast(ret))
		return coapctl_fail(COAPCTL_USAGE, "--group goes with a multicast address", NULL);
	if (!a->is_group && address_is_multicast(ret))
		return coapctl_fail(COAPCTL_USAGE, "a multicast address wants --group", NULL);
	return COAPCTL_DONE;
}

static struct coap_client_config configuration(const struct coapctl_arguments *a, const struct address *server)
{
	const struct coap_uri *to = coapctl_next_hop(a);
	struct bytes name = a->server_name != NULL ? bytes_of_text(a->server_name) : to->host;
	struct coap_client_config config = {.server = *server,
		.is_group = a->is_group,
		.interface = a->interface,
		.is_secure = to->is_secure,
		.is_reliable = to->is_reliable,
		.credential = credentials_of_client(&a->credentials, name),
		.block_size = (uint16_t)a->block_size,
		.mtu = (uint16_t)a->mtu,
		.session_wait = SECONDS((msec)a->timeout_s)};
	config.credential.only_suite = (uint16_t)a->suite;
	return config;
}

static enum coapctl_status fail_to_open(const struct coap_client_config *config, const char *reason)
{
	if (config->is_secure)
		return coapctl_fail(COAPCTL_SECURITY, "no secure session", reason);
	if (config->is_reliable)
		return coapctl_fail(COAPCTL_SILENT, "no connection", reason);
	return coapctl_fail(COAPCTL_LOCAL, "no socket", reason);
}

static enum coapctl_status run(struct job *j, const struct address *server, struct bytes payload)
{
	struct coap_client_config config = configuration(&j->arguments, server);
	const char *reason = coap_client_open(&j->client, &config);
	if (reason != NULL)
		return fail_to_open(&config, reason);
	if (config.is_secure && j->arguments.is_verbose)
		fprintf(stderr, "coapctl: session by %s\n", dtls_suite_name(j->client.suite));
	return run_with_transmission(j, payload);
}

int main(int argc, char *argv[])
{
	struct job *j = &job;
	struct address server;
	struct bytes payload;
	if (argc > 1 && strcmp(argv[1], "sweep") == 0)
		return (int)coapctl_sweep(argc - 1, argv + 1);
	enum coapctl_status status = coapctl_read_arguments(&j->arguments, argc, argv);
	if (status != COAPCTL_DONE)
		return (int)status;
	const char *reason = read_payload(j, &payload);
	if (reason != NULL)
		return (int)coapctl_fail(COAPCTL_LOCAL, j->arguments.payload_text, reason);
	if (!make_options(j))
		return (int)coapctl_fail(COAPCTL_USAGE, "the URI is too long", NULL);
	status = find_server(&j->arguments, &server);
	if (status == COAPCTL_DONE) {
		status = run(j, &server, payload);
		coap_client_close(&j->client);
	}
	credentials_wipe(&j->arguments.credentials);
	free(j->payload);
	return (int)status;
}
