/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/discovery.h"

#include "coap/content_format.h"
#include "coap/linkformat.h"

#define LINK_MAX_BYTES 512

/* One link as it stands between two commas. */
static void write_link(struct writer *w, const struct coap_resource *r)
{
	write_text(w, "</");
	write_text(w, r->path);
	write_text(w, ">");
	if (r->attributes != NULL && r->attributes[0] != '\0') {
		write_text(w, ";");
		write_text(w, r->attributes);
	}
	if (r->is_observable)
		write_text(w, ";obs");
}

/* Every query of the request must match (RFC 6690 section 4.1 knows only one). */
static bool is_wanted(struct bytes text, const struct coap_message *m)
{
	struct coap_link_reader links = coap_linkformat_links(text);
	struct coap_link link;
	struct bytes query;
	unsigned cursor = 0;
	if (!coap_linkformat_next(&links, &link))
		return false;
	while (coap_message_next(m, COAP_OPTION_URI_QUERY, &cursor, &query))
		if (!coap_linkformat_matches(&link, query))
			return false;
	return true;
}

static void write_links(const struct coap_endpoint *e, const struct coap_message *m, struct writer *list)
{
	for (uint32_t i = 0; i < e->config.resource_count; i++) {
		uint8_t room[LINK_MAX_BYTES];
		struct writer w = writer_of(room, sizeof room);
		if (e->config.resources[i].is_hidden)
			continue;
		write_link(&w, &e->config.resources[i]);
		if (w.failed || !is_wanted(writer_bytes(&w), m))
			continue;
		if (writer_bytes(list).len > 0)
			write_text(list, ",");
		write_bytes(list, writer_bytes(&w));
	}
}

void coap_discovery_answer(struct coap_endpoint *e, const struct coap_request *request, struct coap_response *ret)
{
	if (request->message->code != COAP_GET) {
		ret->code = COAP_METHOD_NOT_ALLOWED;
		return;
	}
	if (request->accept != COAP_FORMAT_NONE && request->accept != COAP_FORMAT_LINK) {
		ret->code = COAP_NOT_ACCEPTABLE;
		return;
	}
	struct writer w = arena_writer(&e->scratch);
	write_links(e, request->message, &w);
	if (w.failed)
		return;
	arena_keep(&e->scratch, &w);
	ret->code = COAP_CONTENT;
	ret->content_format = COAP_FORMAT_LINK;
	ret->payload = writer_bytes(&w);
}
