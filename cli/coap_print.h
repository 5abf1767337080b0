/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Responses as text for people and as JSON for programs. */
#pragma once

#include "coap/endpoint.h"

#include <stdio.h>

/* A Content-Format by number or by one of the names of coap_print_formats: "text", "json", "cbor" ... */
bool coap_print_parse_format(const char *text, uint16_t *ret);
/* The names, for a help text. */
void coap_print_formats(FILE *out);

/* The payload: text as it is, anything else as it is to a file or pipe and as a hex dump to a terminal. Link-format is
 * written one link a line when `splits_links`. */
void coap_print_payload(const struct coap_reply *reply, bool splits_links, FILE *out);
/* "4.04 Not Found: the diagnostic text", without a new line. */
void coap_print_code(const struct coap_reply *reply, FILE *out);
/* Where a resource was created, behind a space: " /rd/5a3f". Nothing when that is not said. */
void coap_print_location(const struct coap_reply *reply, FILE *out);
/* The same as coap_print_json without the end of the line. */
void coap_print_json_object(const struct coap_reply *reply, FILE *out);
/* One JSON object on a line: code, format, ETag, location, round trip and the payload as text or hex. */
void coap_print_json(const struct coap_reply *reply, FILE *out);
