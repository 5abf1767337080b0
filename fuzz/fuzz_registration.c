/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A registration: the first line is a query, the rest the list of objects; then the same bytes as attributes, names and
 * keys. What was read is written and read again. */
#include "mgmt/attributes.h"
#include "mgmt/model.h"
#include "mgmt/registration.h"
#include "mgmt/trust.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t out[16384];
	struct writer w = writer_of(out, sizeof out);
	struct registration_parameters p;
	struct registration_objects o;
	struct registration_object object;
	struct attributes_change change = {.unset = 0};
	struct trust_anchors anchors;
	struct path path;
	unsigned line;
	uint8_t *exact = malloc(len + (len == 0)), *newline;
	memcpy(exact, data, len);
	newline = memchr(exact, '\n', len);
	size_t query_len = newline == NULL ? len : (size_t)(newline - exact);
	struct bytes query = bytes_of(exact, query_len);
	registration_init(&p);
	if (registration_read(&p, query) == REGISTRATION_GOOD && registration_write(&p, 0, &w))
		assert(registration_read((registration_init(&p), &p), writer_bytes(&w)) == REGISTRATION_GOOD);
	if (attributes_read(&change, query))
		attributes_check(&change, 3, VALUE_FLOAT);
	model_parse_path(&model_core, query, &path);
	trust_parse_anchors(bytes_of(exact, len), &anchors, &line);
	registration_objects_init(&o, bytes_from(bytes_of(exact, len), query_len + 1));
	uint16_t count = o.count;
	w = writer_of(out, sizeof out);
	while (registration_objects_next(&o, &object))
		registration_write_object(&w, &object);
	if (o.verdict == REGISTRATION_GOOD && !w.failed)
		assert(registration_objects_init(&o, writer_bytes(&w)) == REGISTRATION_GOOD && o.count == count);
	free(exact);
	return 0;
}
