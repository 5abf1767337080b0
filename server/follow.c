/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/follow.h"

#include "coap/content_format.h"
#include "mgmt/format.h"
#include "mgmt/model.h"

#include <assert.h>

/* What each operation is on the wire. */
struct form {
	enum coap_code method;
	struct path path;
	bool reads, observes;
};

static const struct form forms[OPERATION_END] = {
	[OPERATION_READ_DEVICE] = {COAP_GET, {{3, 0, 0, 0}, 2}, true, false},
	[OPERATION_SET_HEALTH] = {COAP_PUT, {{MODEL_HOST_HEALTH, 0, 0, 0}, 2}, false, false},
	[OPERATION_OBSERVE_HEALTH] = {COAP_GET, {{MODEL_HOST_HEALTH, 0, 0, 0}, 2}, true, true},
	[OPERATION_OBSERVE_FIRMWARE] = {COAP_GET, {{5, 0, 0, 0}, 2}, true, true},
	[OPERATION_READ_FIRMWARE] = {COAP_GET, {{5, 0, 0, 0}, 2}, true, false},
	[OPERATION_OFFER] = {COAP_PUT, {{5, 0, 1, 0}, 3}, false, false},
	[OPERATION_PUSH] = {COAP_PUT, {{5, 0, 0, 0}, 3}, false, false},
	[OPERATION_EXECUTE] = {COAP_POST, {{5, 0, 2, 0}, 3}, false, false},
	[OPERATION_RESET] = {COAP_PUT, {{5, 0, 1, 0}, 3}, false, false},
	[OPERATION_RESET_PACKAGE] = {COAP_PUT, {{5, 0, 0, 0}, 3}, false, false},
	[OPERATION_READ_VERSION] = {COAP_GET, {{3, 0, 3, 0}, 3}, true, false},
};

static bool add(struct queue *q, uint32_t slot, enum operation operation, msec deadline)
{
	return queue_add(q, slot, operation, 0, deadline) != QUEUE_FULL;
}

bool follow_registered(struct queue *q, uint32_t slot, const struct device *device, msec deadline)
{
	bool fits = true;
	if (device_has_instance(device, MODEL_DEVICE, 0))
		fits &= add(q, slot, OPERATION_READ_DEVICE, deadline);
	if (device_has_instance(device, MODEL_HOST_HEALTH, 0)) {
		fits &= add(q, slot, OPERATION_SET_HEALTH, deadline);
		fits &= add(q, slot, OPERATION_OBSERVE_HEALTH, deadline);
	}
	if (device_has_instance(device, MODEL_FIRMWARE, 0))
		fits &= add(q, slot, OPERATION_OBSERVE_FIRMWARE, deadline);
	return fits;
}

struct path follow_path(enum operation operation)
{
	assert(operation < OPERATION_END);
	return forms[operation].path;
}

static uint16_t accepted_format(const struct device *device)
{
	uint16_t candidates[FORMAT_CANDIDATES_MAX];
	struct format_device d = device_formats(device);
	(void)format_candidates(&d, FORMAT_READ, VALUE_NONE, candidates);
	return candidates[0];
}

/* A piece of the request's own text, which options and body borrow. */
static struct bytes keep(struct writer *w, const uint8_t *from)
{
	return bytes_of(from, (size_t)(w->at - from));
}

static void add_path(struct follow_request *r, struct writer *w, struct bytes prefix, struct path path)
{
	const uint8_t *from = w->at;
	write_bytes(w, prefix);
	path_write(w, path);
	coap_options_add_path(&r->options, COAP_OPTION_URI_PATH, keep(w, from));
}

static void add_period(struct follow_request *r, struct writer *w, const char *name, uint32_t seconds)
{
	const uint8_t *from = w->at;
	write_text(w, name);
	write_decimal(w, seconds);
	coap_options_add(&r->options, COAP_OPTION_URI_QUERY, keep(w, from));
}

static void add_text_body(struct follow_request *r, struct writer *w, struct bytes text)
{
	const uint8_t *from = w->at;
	write_bytes(w, text);
	coap_options_add_uint(&r->options, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_TEXT);
	r->call.body = keep(w, from);
}

void follow_build(struct follow_request *ret, enum operation operation, const struct device *device,
	const struct follow_pace *pace, struct bytes offer)
{
	static const uint8_t nothing = 0; /* lwm2m interface section 11: a Package that is none */
	assert(operation < OPERATION_ERRAND);
	const struct form *form = &forms[operation];
	struct writer w = writer_of(ret->text, sizeof ret->text);
	coap_options_clear(&ret->options);
	ret->call = (struct coap_call){
		.method = form->method, .options = &ret->options, .body = BYTES_NONE, .observe = form->observes};
	ret->path = form->path;
	ret->reads = form->reads;
	add_path(ret, &w, device_prefix(device), form->path);
	uint16_t accept = form->reads ? accepted_format(device) : FORMAT_ANY;
	if (accept != FORMAT_ANY)
		coap_options_add_uint(&ret->options, COAP_OPTION_ACCEPT, accept);
	if (operation == OPERATION_SET_HEALTH) {
		add_period(ret, &w, "pmin=", pace->pmin_s);
		add_period(ret, &w, "pmax=", pace->pmax_s);
	}
	if (operation == OPERATION_OFFER)
		add_text_body(ret, &w, offer);
	if (operation == OPERATION_RESET)
		add_text_body(ret, &w, BYTES_NONE);
	if (operation == OPERATION_PUSH || operation == OPERATION_RESET_PACKAGE)
		coap_options_add_uint(&ret->options, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_OCTETS);
	if (operation == OPERATION_RESET_PACKAGE)
		ret->call.body = bytes_of(&nothing, 1);
	assert(!w.failed && !ret->options.failed);
}
