/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the server asks of a device, in CoAP's words (lwm2m interface sections 5, 6 and 11).
 *
 * After each Register: /3/0 is read, the pace of health reports is set, /26250/0 and /5/0 are observed, as far as the
 * device has these objects. They are read in the best format that the device is known to have
 * (mgmt/format.h). */
#pragma once

#include "coap/endpoint.h"
#include "mgmt/path.h"
#include "server/queue.h"
#include "server/registry.h"

/* One operation as a request: `call` without remote, reply and context. */
struct follow_request {
	struct coap_options options;
	struct coap_call call;
	struct path path;  /* which answers are about */
	bool reads;        /* an answer has a body to be read */
	uint8_t text[256]; /* what options and body borrow */
};

struct follow_pace {
	uint32_t pmin_s, pmax_s; /* of health reports */
};

/* Puts what follows a Register into the queue. False when it has no room for all. */
bool follow_registered(struct queue *q, uint32_t slot, const struct device *device, msec deadline);
/* Builds the request; `offer` is the URI of the manifest for OPERATION_OFFER. */
void follow_build(struct follow_request *ret, enum operation operation, const struct device *device,
	const struct follow_pace *pace, struct bytes offer);
/* Where the answer to an operation lies, and whether it observes. */
struct path follow_path(enum operation operation);
