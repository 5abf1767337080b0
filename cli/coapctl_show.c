/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapctl_show.h"

#include "cli/coap_print.h"

#include <inttypes.h>
#include <stdio.h>

void coapctl_show(const struct coapctl_arguments *a, const struct coap_reply *reply)
{
	bool is_error = coap_code_is_error(reply->code);
	if (a->is_json) {
		coap_print_json(reply, stdout);
	} else {
		if (is_error || a->is_verbose || (reply->body.len == 0 && reply->code != COAP_CONTENT)) {
			coap_print_code(reply, stderr);
			coap_print_location(reply, stderr);
			fputc('\n', stderr);
		}
		if (!is_error)
			coap_print_payload(reply, a->discovers || a->observes, stdout);
	}
	(void)fflush(stdout);
}

void coapctl_show_member(const struct coapctl_arguments *a, const struct coap_reply *reply)
{
	char text[ADDRESS_TEXT_BYTES + 1] = "";
	struct writer w = writer_of(text, ADDRESS_TEXT_BYTES);
	address_write(&w, &reply->remote.address);
	if (a->is_json)
		printf("{\"from\":\"%s\",\"answer\":", text);
	else
		printf("%s: ", text);
	if (a->is_json)
		coap_print_json_object(reply, stdout);
	else if (coap_code_is_error(reply->code) || reply->body.len == 0)
		coap_print_code(reply, stdout);
	else
		coap_print_payload(reply, false, stdout);
	puts(a->is_json ? "}" : "");
	(void)fflush(stdout);
}

void coapctl_show_pong(const struct coapctl_arguments *a, msec round_trip)
{
	if (a->is_json)
		printf("{\"round_trip_ms\":%" PRId64 "}\n", round_trip);
	else
		printf("%s is there, after %" PRId64 " ms\n", a->uri_text, round_trip);
}
