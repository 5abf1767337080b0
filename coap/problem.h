/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Concise problem details (RFC 9290): what went wrong, in the payload of an error response, as a CBOR map with the
 * Content-Format COAP_FORMAT_PROBLEM_DETAILS. Of the standard entries these are known here; others are skipped, as are
 * those of applications. The map is read and written in place: texts are views. */
#pragma once

#include "coap/code.h"

#define COAP_PROBLEM_OPTIONS_MAX 4
#define COAP_PROBLEM_DEPTH_MAX   8 /* of nesting in entries that are skipped */

struct coap_problem {
	struct bytes title;    /* a summary of the kind of problem; empty for none */
	struct bytes detail;   /* of this occurrence */
	struct bytes instance; /* a URI reference that identifies it */
	enum coap_code code;   /* of the response; COAP_EMPTY when not said */
	unsigned option_count; /* how many options could not be processed, of which the first are told */
	uint16_t options[COAP_PROBLEM_OPTIONS_MAX];
};

/* Writes the entries that there are; an empty problem fails, as the map must not be empty. Texts must be UTF-8. */
void coap_problem_write(struct writer *w, const struct coap_problem *p);
/* Reads a whole payload. A text with a language tag (tag 38) gives its text. False when it is no such map. */
bool coap_problem_parse(struct bytes payload, struct coap_problem *ret);
