/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_option_cases.h"

#define SHORT_MAX_AGE_S 1
#define XML_BEFORE      "<word>"
#define XML_AFTER       "</word>"

/* ---- /query and /location-query ---- */

static enum coap_answer handle_query(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct writer w = arena_writer(request->scratch);
	struct bytes argument;
	unsigned cursor = 0;
	(void)context, (void)endpoint, (void)now;
	if (request->message->code != COAP_GET)
		return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	while (coap_message_next(request->message, COAP_OPTION_URI_QUERY, &cursor, &argument)) {
		write_bytes(&w, argument);
		write_text(&w, "\n");
	}
	if (cursor == 0)
		write_text(&w, "ask with a query");
	arena_keep(request->scratch, &w);
	return coapd_answer_content(request, COAP_FORMAT_TEXT, writer_bytes(&w), ret);
}

static enum coap_answer handle_location_query(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)now;
	if (request->message->code != COAP_POST)
		return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	coap_options_add_query(&ret->options, COAP_OPTION_LOCATION_QUERY, bytes_of_text("first=1&second=2"));
	return coapd_answer_code(ret, COAP_CREATED);
}

/* ---- /multi-format ---- */

static struct bytes word(const struct coapd_option_cases *o)
{
	return bytes_of(o->word, o->word_len);
}

static enum coap_answer get_in_format(
	const struct coapd_option_cases *o, const struct coap_request *request, struct coap_response *ret)
{
	struct writer w = arena_writer(request->scratch);
	if (request->accept != COAP_FORMAT_XML)
		return coapd_answer_content(request, COAP_FORMAT_TEXT, word(o), ret);
	write_text(&w, XML_BEFORE);
	write_bytes(&w, word(o));
	write_text(&w, XML_AFTER);
	arena_keep(request->scratch, &w);
	return coapd_answer_content(request, COAP_FORMAT_XML, writer_bytes(&w), ret);
}

/* The word between the tags; false when the body is anything else. */
static bool read_xml(struct bytes body, struct bytes *ret)
{
	struct bytes before = bytes_of_text(XML_BEFORE), after = bytes_of_text(XML_AFTER);
	if (body.len < before.len + after.len || !bytes_equal(bytes_first(body, before.len), before) ||
		!bytes_equal(bytes_from(body, body.len - after.len), after))
		return false;
	*ret = bytes_first(bytes_from(body, before.len), body.len - before.len - after.len);
	return true;
}

static enum coap_code put_in_format(struct coapd_option_cases *o, const struct coap_request *request)
{
	struct bytes text = request->body;
	if (request->content_format == COAP_FORMAT_XML) {
		if (!read_xml(request->body, &text))
			return COAP_BAD_REQUEST;
	} else if (request->content_format != COAP_FORMAT_TEXT && request->content_format != COAP_FORMAT_NONE) {
		return COAP_UNSUPPORTED_CONTENT_FORMAT; /* RFC 7252 section 5.10.3 */
	}
	if (text.len == 0)
		return COAP_BAD_REQUEST;
	if (text.len > sizeof o->word)
		return COAP_REQUEST_ENTITY_TOO_LARGE;
	memcpy(o->word, text.data, text.len);
	o->word_len = text.len;
	return COAP_CHANGED;
}

static enum coap_answer handle_multi_format(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct coapd_option_cases *o = context;
	(void)endpoint, (void)now;
	if (request->message->code == COAP_GET)
		return get_in_format(o, request, ret);
	if (request->message->code == COAP_PUT)
		return coapd_answer_code(ret, put_in_format(o, request));
	return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
}

static enum coap_answer handle_short(void *value, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	ret->max_age_s = SHORT_MAX_AGE_S;
	return coapd_value_handle(value, endpoint, request, ret, now);
}

void coapd_option_cases_init(struct coapd_option_cases *o, struct coapd_table *table)
{
	const struct coap_resource rows[] = {
		{.path = "query", .attributes = "ct=0", .handle = handle_query, .context = o},
		{.path = "location-query", .handle = handle_location_query, .context = o},
		{.path = "multi-format", .attributes = "ct=\"0 41\"", .handle = handle_multi_format, .context = o},
		{.path = "validate", .handle = coapd_value_handle, .context = &o->validate},
		{.path = "short-lived", .handle = handle_short, .context = &o->short_lived},
		{.path = "create1", .handle = coapd_value_handle, .context = &o->create1},
	};
	struct bytes first_word = bytes_of_text("word");
	memcpy(o->word, first_word.data, first_word.len);
	o->word_len = first_word.len;
	coapd_value_set_text(&o->short_lived, "fresh for a second");
	coapd_value_set_text(&o->validate, "valid until somebody changes it");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		(void)coapd_table_add(table, rows[i]);
}
