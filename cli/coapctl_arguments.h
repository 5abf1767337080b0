/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What coapctl is asked on its command line: a command, options, a URI; and which of them go together. */
#pragma once

#include "cli/coapctl_status.h"
#include "cli/credentials.h"
#include "coap/endpoint.h"
#include "coap/uri.h"
#include "dtls/engine.h"

#define COAPCTL_VALUES_MAX_BYTES 4096

struct coapctl_arguments {
	const char *command;
	enum coap_code method; /* COAP_EMPTY for ping */
	bool observes, discovers;
	const char *uri_text, *payload_text, *download; /* NULL without a payload or a download */
	struct coap_uri uri, proxy;
	bool has_proxy;
	uint16_t content_format, accept;
	struct coap_options options; /* those given one by one; the request's others are added to them */
	uint8_t values[COAPCTL_VALUES_MAX_BYTES];
	size_t values_len;
	uint64_t timeout_s; /* 0 without an end */
	uint64_t block_size;
	uint64_t mtu;                            /* of the narrowest link to the server */
	uint64_t ack_timeout_ms, max_retransmit; /* 0 when not given */
	uint64_t repeat, interval_s;             /* `repeat` is 0 without */
	bool is_group;
	uint32_t interface; /* 0 for the system's choice */
	enum coap_qblock_use qblock;
	bool is_nonconfirmable, is_json, is_verbose, has_interval;
	struct credentials credentials;
	const char *server_name; /* NULL for the URI's host */
	enum dtls_suite suite;   /* 0: whichever fits */
};

/* Reads the command line, and says what is wrong with it. Ends the program after --help. What the arguments point to is
 * `argv`'s, but for the credentials. */
enum coapctl_status coapctl_read_arguments(struct coapctl_arguments *a, int argc, char *argv[]);
/* Whom the request is sent to. */
const struct coap_uri *coapctl_next_hop(const struct coapctl_arguments *a);
