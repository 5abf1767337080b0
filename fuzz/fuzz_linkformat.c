/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The first half is link-format, the second a query. What reads as links is written anew and must read the same. */
#include "coap/linkformat.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size), *out = malloc(size);
	if (size > 0)
		memcpy(copy, data, size);
	struct bytes text = bytes_of(copy, size), query = bytes_from(text, size / 2);
	struct writer w = writer_of(out, size);
	struct coap_link link;
	struct coap_link_attribute attribute;
	size_t count = 0, again = 0;
	struct coap_link_reader links = coap_linkformat_links(text);
	while (coap_linkformat_next(&links, &link)) {
		struct coap_link_reader attributes = coap_linkformat_attributes(&link);
		(void)!coap_linkformat_matches(&link, query);
		coap_linkformat_write_target(&w, link.target);
		while (coap_linkformat_next_attribute(&attributes, &attribute)) {
			write_text(&w, ";");
			write_bytes(&w, attribute.name);
			write_text(&w, attribute.has_value ? attribute.is_quoted ? "=\"" : "=" : "");
			write_bytes(&w, attribute.value);
			write_text(&w, attribute.is_quoted ? "\"" : "");
		}
		assert(!attributes.failed && !w.failed);
		count++;
	}
	assert(coap_linkformat_check(writer_bytes(&w), &again) && again == count);
	free(out);
	free(copy);
	return 0;
}
