/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /m/<digest> and /a/<digest>: manifests and images for devices that are known and connected, never to anybody else.
 * An image is read slice by slice, as RFC 7959 asks for it; the ETag is the beginning of its digest, so a device that
 * resumes after a week can tell that it is the same. */
#pragma once

#include "server/composer.h"

enum coap_answer handlers_manifest(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now);
enum coap_answer handlers_image(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now);
