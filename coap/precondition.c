/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/precondition.h"

static bool matches(struct bytes wanted, struct bytes etag)
{
	return wanted.len == 0 || (etag.len > 0 && bytes_equal(wanted, etag));
}

/* RFC 7252 section 5.10.8.1: one of several is enough. */
static bool if_match_holds(const struct coap_message *request, bool exists, struct bytes etag)
{
	struct bytes wanted;
	unsigned cursor = 0;
	if (!coap_message_has(request, COAP_OPTION_IF_MATCH))
		return true;
	while (exists && coap_message_next(request, COAP_OPTION_IF_MATCH, &cursor, &wanted))
		if (matches(wanted, etag))
			return true;
	return false;
}

bool coap_precondition_holds(const struct coap_request *request, bool exists, struct bytes etag)
{
	if (exists && request->has_if_none_match) /* RFC 7252 section 5.10.8.2 */
		return false;
	return if_match_holds(request->message, exists, etag);
}
