/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The same request again and again, through a cache (coap/cached.h): what is fresh is not asked for, what is stale is
 * validated by its ETag (RFC 7252 section 5.6). Each answer is shown with where it came from:
 *
 *     server      asked for, and the answer is the server's
 *     cache       fresh, nobody was asked
 *     validated   from the cache, after the server has said that it is still right
 *
 * An answer is its payload on a line; verbose, its code and source before it on standard error; as JSON, an object:
 * {"source":"cache","max_age_s":42,"answer":{...}}, in which max_age_s is what is left of it. */
#pragma once

#include "cli/coap_client.h"

struct coap_repeat_config {
	const struct coap_options *options; /* path, query and the like; of a GET */
	uint32_t times;
	msec interval; /* from one request to the next */
	msec patience; /* how long to wait for one answer */
	bool is_nonconfirmable, is_json, is_verbose;
};

/* How the last request ended; it is the last also because it had no answer, or one that cannot be used. */
struct coap_repeat_result {
	enum coap_outcome outcome;
	enum coap_code code; /* with COAP_OUTCOME_RESPONSE */
};

/* Runs the client's loop until the end. False when there is no memory, or the request cannot be sent. */
bool coap_repeat(
	struct coap_client *client, const struct coap_repeat_config *config, struct coap_repeat_result *ret_result);
