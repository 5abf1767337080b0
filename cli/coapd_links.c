/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_links.h"

/* One body for all GETs of a resource. */
struct fixed {
	uint16_t format;
	const char *body;
};

static enum coap_answer handle_fixed(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	const struct fixed *fixed = context;
	(void)endpoint, (void)now;
	if (request->message->code != COAP_GET)
		return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	return coapd_answer_content(request, fixed->format, bytes_of_text(fixed->body), ret);
}

void coapd_links_init(struct coapd_table *table)
{
	static struct fixed link = {COAP_FORMAT_TEXT, "look at my attributes"};
	static struct fixed path = {COAP_FORMAT_LINK, "</path/sub1>,</path/sub2>,</path/sub3>"};
	static struct fixed sub1 = {COAP_FORMAT_TEXT, "/path/sub1"}, sub2 = {COAP_FORMAT_TEXT, "/path/sub2"},
			    sub3 = {COAP_FORMAT_TEXT, "/path/sub3"};
	const struct coap_resource rows[] = {
		{.path = "link1", .attributes = "rt=\"Type1 Type2\";if=\"If1\"", .context = &link},
		{.path = "link2", .attributes = "rt=\"Type2 Type3\";if=\"If2\"", .context = &link},
		{.path = "link3", .attributes = "rt=\"Type1 Type3\";if=\"foo\"", .context = &link},
		{.path = "path", .attributes = "ct=40", .context = &path},
		{.path = "path/sub1", .is_hidden = true, .context = &sub1},
		{.path = "path/sub2", .is_hidden = true, .context = &sub2},
		{.path = "path/sub3", .is_hidden = true, .context = &sub3},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct coap_resource row = rows[i];
		row.handle = handle_fixed;
		(void)coapd_table_add(table, row);
	}
}
