/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Operations that carry no values of resources: Execute and Write-Attributes. */
#include "agent/visit.h"

#include "coap/content_format.h"
#include "mgmt/execute.h"

enum coap_code visit_write_attributes(struct visit *v)
{
	struct attributes_change change = {.unset = 0};
	struct bytes query;
	unsigned cursor = 0, count = 0;
	if (v->resource != NULL && (v->resource->operations & MODEL_READ) == 0)
		return COAP_METHOD_NOT_ALLOWED;
	for (; coap_message_next(v->request->message, COAP_OPTION_URI_QUERY, &cursor, &query); count++)
		if (!attributes_read(&change, query))
			return COAP_BAD_REQUEST;
	enum value_type type = v->resource == NULL ? VALUE_NONE : model_type(v->o->model, v->path);
	if (count == 0 || !attributes_check(&change, v->path.depth, type))
		return COAP_BAD_REQUEST;
	bool is_kept = report_write_attributes(objects_report(v->o), v->path, &change, v->now);
	return is_kept ? COAP_CHANGED : COAP_INTERNAL_SERVER_ERROR;
}

enum coap_code visit_execute(struct visit *v)
{
	uint16_t format = v->request->content_format;
	if ((v->resource->operations & MODEL_EXECUTE) == 0)
		return COAP_METHOD_NOT_ALLOWED;
	if (format != COAP_FORMAT_NONE && format != COAP_FORMAT_TEXT)
		return COAP_UNSUPPORTED_CONTENT_FORMAT;
	if (!execute_arguments_are_good(v->request->body))
		return COAP_BAD_REQUEST;
	return v->object->execute(v->o->world, v->path, v->request->body);
}
