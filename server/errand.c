/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/errand.h"

#include "mgmt/attributes.h"
#include "mgmt/execute.h"
#include "mgmt/payload.h"

#include <assert.h>

/* What each kind is on the wire, and at which depths. */
static const struct form {
	const char *name;
	enum coap_code method;
	uint8_t depth_min, depth_max;
	bool changes, reads, has_values;
} forms[ERRAND_KIND_END] = {
	[ERRAND_READ] = {"read", COAP_GET, 1, 4, false, true, false},
	[ERRAND_DISCOVER] = {"discover", COAP_GET, 1, 3, false, false, false},
	[ERRAND_WRITE] = {"write", COAP_PUT, 2, 4, true, false, true},
	[ERRAND_UPDATE] = {"update", COAP_POST, 2, 3, true, false, true},
	[ERRAND_ATTRIBUTES] = {"write-attributes", COAP_PUT, 1, 4, true, false, false},
	[ERRAND_EXECUTE] = {"execute", COAP_POST, 3, 3, true, false, false},
	[ERRAND_CREATE] = {"create", COAP_POST, 1, 1, true, false, true},
	[ERRAND_DELETE] = {"delete", COAP_DELETE, 2, 4, true, false, false},
	[ERRAND_READ_COMPOSITE] = {"read-composite", COAP_FETCH, 0, 0, false, true, false},
	[ERRAND_WRITE_COMPOSITE] = {"write-composite", COAP_IPATCH, 0, 0, true, false, true},
};

const char *errand_kind_name(enum errand_kind kind)
{
	return forms[kind].name;
}

bool errand_changes(enum errand_kind kind)
{
	return forms[kind].changes;
}

bool errand_reads(enum errand_kind kind)
{
	return forms[kind].reads;
}

const char *errand_verdict_text(enum errand_verdict verdict)
{
	static const char *const texts[] = {
		[ERRAND_GOOD] = "good",
		[ERRAND_BAD_PATH] = "this operation is not for such a path",
		[ERRAND_NO_VALUE] = "nothing is said to be written or read",
		[ERRAND_OUTSIDE] = "the value does not lie below the path",
		[ERRAND_NOT_READABLE] = "this resource cannot be read",
		[ERRAND_NOT_WRITABLE] = "this resource cannot be written",
		[ERRAND_NOT_EXECUTABLE] = "this resource cannot be executed",
		[ERRAND_NOT_MULTIPLE] = "a resource of one value has no instances, one of several is written by them",
		[ERRAND_WRONG_TYPE] = "the value has the wrong type",
		[ERRAND_OUT_OF_RANGE] = "the value is out of its range",
		[ERRAND_BAD_TEXT] = "the arguments are not well formed",
	};
	return texts[verdict];
}

/* ---- checking ---- */

static bool is_one_value(const struct errand *e)
{
	return e->count == 1 && path_equal(e->records[0].path, e->path) && e->records[0].value.type != VALUE_NONE;
}

static const struct model_resource *resource_of(const struct model *m, struct path path)
{
	return path.depth < 3 ? NULL : model_resource(m, path.ids[0], path.ids[2]);
}

static enum errand_verdict check_value(const struct errand *e, const struct model *m, const struct record *record)
{
	const struct model_resource *r = resource_of(m, record->path);
	struct value value;
	if (record->path.depth < 3 || !path_is_within(record->path, e->path))
		return ERRAND_OUTSIDE;
	if (r == NULL)
		return ERRAND_GOOD;
	/* Create may set what cannot be written later. */
	if ((r->operations & MODEL_WRITE) == 0 && (e->kind != ERRAND_CREATE || (r->operations & MODEL_EXECUTE) != 0))
		return ERRAND_NOT_WRITABLE;
	if (record->value.type == VALUE_NONE)
		return r->is_multiple && record->path.depth == 3 ? ERRAND_GOOD : ERRAND_WRONG_TYPE;
	if (r->is_multiple != (record->path.depth == 4))
		return ERRAND_NOT_MULTIPLE;
	if (!value_convert(&record->value, r->type, &value))
		return ERRAND_WRONG_TYPE;
	return model_accepts(r, &value) ? ERRAND_GOOD : ERRAND_OUT_OF_RANGE;
}

static enum errand_verdict check_values(const struct errand *e, const struct model *m, struct path *ret_culprit)
{
	for (size_t i = 0; i < e->count; i++) {
		enum errand_verdict verdict = check_value(e, m, &e->records[i]);
		*ret_culprit = e->records[i].path;
		if (verdict != ERRAND_GOOD)
			return verdict;
	}
	return e->count == 0 ? ERRAND_NO_VALUE : ERRAND_GOOD;
}

static bool are_attributes(const struct errand *e, const struct model *m)
{
	struct attributes_change change = {.unset = 0};
	struct bytes left = e->text;
	while (left.len > 0) {
		const uint8_t *end = memchr(left.data, '&', left.len);
		size_t len = end == NULL ? left.len : (size_t)(end - left.data);
		if (!attributes_read(&change, bytes_first(left, len)))
			return false;
		left = bytes_from(left, end == NULL ? len : len + 1);
	}
	const struct model_resource *r = resource_of(m, e->path);
	bool has_edge = ((change.values.set | change.unset) & ATTRIBUTES_EDGE) != 0;
	enum value_type any = has_edge ? VALUE_BOOLEAN : VALUE_FLOAT; /* of what is not known anything may be asked */
	enum value_type type = r == NULL ? any : r->type;
	return e->text.len > 0 && attributes_check(&change, e->path.depth, type);
}

static bool is_depth(struct bytes text)
{
	return text.len == 0 || (text.len == 7 && bytes_equal_text(bytes_first(text, 6), "depth=") &&
					text.data[6] >= '0' && text.data[6] <= '3');
}

static enum errand_verdict check_one(const struct errand *e, const struct model *m)
{
	const struct model_resource *r = resource_of(m, e->path);
	switch (e->kind) {
	case ERRAND_READ:
		return r == NULL || (r->operations & MODEL_READ) != 0 ? ERRAND_GOOD : ERRAND_NOT_READABLE;
	case ERRAND_EXECUTE:
		if (r != NULL && (r->operations & MODEL_EXECUTE) == 0)
			return ERRAND_NOT_EXECUTABLE;
		return execute_arguments_are_good(e->text) ? ERRAND_GOOD : ERRAND_BAD_TEXT;
	case ERRAND_DISCOVER:
		return is_depth(e->text) ? ERRAND_GOOD : ERRAND_BAD_TEXT;
	case ERRAND_ATTRIBUTES:
		return are_attributes(e, m) ? ERRAND_GOOD : ERRAND_BAD_TEXT;
	case ERRAND_DELETE: /* of resources only their instances can be deleted */
		return e->path.depth == 3 ? ERRAND_BAD_PATH : ERRAND_GOOD;
	case ERRAND_READ_COMPOSITE:
		return e->count == 0 ? ERRAND_NO_VALUE : ERRAND_GOOD;
	case ERRAND_WRITE:
	case ERRAND_UPDATE:
	case ERRAND_CREATE:
	case ERRAND_WRITE_COMPOSITE:
	case ERRAND_KIND_END:
		break;
	}
	return ERRAND_GOOD;
}

enum errand_verdict errand_check(const struct errand *e, const struct model *model, struct path *ret_culprit)
{
	assert(e->kind < ERRAND_KIND_END);
	const struct form *form = &forms[e->kind];
	*ret_culprit = e->path;
	if (e->path.depth < form->depth_min || e->path.depth > form->depth_max)
		return ERRAND_BAD_PATH;
	if (e->kind == ERRAND_UPDATE && is_one_value(e)) /* a POST of one value to a resource would be an Execute */
		return ERRAND_BAD_PATH;
	return form->has_values ? check_values(e, model, ret_culprit) : check_one(e, model);
}

/* ---- formats ---- */

size_t errand_formats(const struct errand *e, const struct model *model, const struct format_device *device,
	uint16_t ret[FORMAT_CANDIDATES_MAX])
{
	const struct model_resource *r = resource_of(model, e->path);
	switch (e->kind) {
	case ERRAND_READ:
		return format_candidates(device, FORMAT_READ, VALUE_NONE, ret);
	case ERRAND_UPDATE:
		if (e->path.depth == 3 && device->minor < 2) /* would be taken for an Execute before LwM2M 1.2 */
			return 0;
		return format_candidates(device, FORMAT_WRITE_MANY, VALUE_NONE, ret);
	case ERRAND_WRITE:
	case ERRAND_CREATE:
		if (is_one_value(e))
			return format_candidates(
				device, FORMAT_WRITE_ONE, r == NULL ? e->records[0].value.type : r->type, ret);
		return format_candidates(device, FORMAT_WRITE_MANY, VALUE_NONE, ret);
	case ERRAND_READ_COMPOSITE:
		return format_candidates(device, FORMAT_COMPOSITE_READ, VALUE_NONE, ret);
	case ERRAND_WRITE_COMPOSITE:
		return format_candidates(device, FORMAT_COMPOSITE_WRITE, VALUE_NONE, ret);
	case ERRAND_DISCOVER:
	case ERRAND_ATTRIBUTES:
	case ERRAND_EXECUTE:
	case ERRAND_DELETE:
	case ERRAND_KIND_END:
		break;
	}
	ret[0] = FORMAT_ANY;
	return 1;
}

bool errand_is_about_format(enum coap_code code)
{
	return code == COAP_NOT_ACCEPTABLE || code == COAP_UNSUPPORTED_CONTENT_FORMAT || code == COAP_BAD_OPTION;
}

/* ---- building ---- */

static void add_path(struct errand_request *r, const struct errand *e)
{
	struct writer w = writer_of(r->text, sizeof r->text);
	write_bytes(&w, e->prefix);
	if (e->path.depth > 0) /* a composite goes to the root, which has no segment */
		path_write(&w, e->path);
	coap_options_add_path(&r->options, COAP_OPTION_URI_PATH, writer_bytes(&w));
}

static void add_format(struct errand_request *r, uint16_t option, uint16_t format)
{
	if (format != FORMAT_ANY)
		coap_options_add_uint(&r->options, option, format);
}

static bool write_values(struct errand_request *r, const struct errand *e, uint16_t format, struct writer *body)
{
	if (payload_encode_below(e->prefix, format, e->path, e->records, e->count, body) != PAYLOAD_GOOD)
		return false;
	add_format(r, COAP_OPTION_CONTENT_FORMAT, format);
	r->call.body = writer_bytes(body);
	return true;
}

static bool write_names(struct errand_request *r, const struct errand *e, uint16_t format, struct writer *body)
{
	if (payload_encode_names_below(e->prefix, format, e->records, e->count, body) != PAYLOAD_GOOD)
		return false;
	add_format(r, COAP_OPTION_CONTENT_FORMAT, format);
	add_format(r, COAP_OPTION_ACCEPT, format);
	r->call.body = writer_bytes(body);
	return true;
}

static bool add_content(struct errand_request *r, const struct errand *e, uint16_t format, struct writer *body)
{
	switch (e->kind) {
	case ERRAND_READ:
		add_format(r, COAP_OPTION_ACCEPT, format);
		return true;
	case ERRAND_DISCOVER:
		coap_options_add_query(&r->options, COAP_OPTION_URI_QUERY, e->text);
		add_format(r, COAP_OPTION_ACCEPT, PAYLOAD_LINK);
		return true;
	case ERRAND_ATTRIBUTES:
		coap_options_add_query(&r->options, COAP_OPTION_URI_QUERY, e->text);
		return true;
	case ERRAND_EXECUTE:
		r->call.body = e->text;
		if (e->text.len > 0)
			add_format(r, COAP_OPTION_CONTENT_FORMAT, PAYLOAD_TEXT);
		return true;
	case ERRAND_DELETE:
		return true;
	case ERRAND_WRITE:
	case ERRAND_UPDATE:
	case ERRAND_CREATE:
	case ERRAND_WRITE_COMPOSITE:
		return write_values(r, e, format, body);
	case ERRAND_READ_COMPOSITE:
		return write_names(r, e, format, body);
	case ERRAND_KIND_END:
		break;
	}
	return false;
}

bool errand_build(struct errand_request *ret, const struct errand *e, uint16_t format, struct writer *body)
{
	assert(e->kind < ERRAND_KIND_END && e->text.len <= ERRAND_TEXT_MAX);
	coap_options_clear(&ret->options);
	ret->call = (struct coap_call){.method = forms[e->kind].method, .options = &ret->options, .body = BYTES_NONE};
	add_path(ret, e);
	return add_content(ret, e, format, body) && !ret->options.failed;
}
