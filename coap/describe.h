/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a request says, before anything is done for it: whom it concerns, how its response is to be given, which blocks
 * belong together, and whether all its options are understood. For the files of the composer alone. */
#pragma once

#include "coap/endpoint_state.h"

/* The resource number of /.well-known/core, which is not in the application's table. */
#define COAP_DESCRIBE_DISCOVERY UINT32_MAX

/* Whether all options are understood, or may pass as they are because they concern somebody further on. False with the
 * number of the one that is not; both kinds of blocks in one message are never right. */
bool coap_describe_recognise(
	const struct coap_endpoint *e, const struct coap_remote *from, struct coap_message *m, uint16_t *ret_offending);
/* The options that say how the response is to be given. False when a block option cannot be meant. */
bool coap_describe_origin(const struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m,
	struct coap_origin *o);
/* Fills in what follows from message and origin. False when the path matches no resource; then the fields are not set.
 */
bool coap_describe_request(
	struct coap_endpoint *e, const struct coap_message *m, struct coap_origin *origin, struct coap_request *ret);
/* The key under which the blocks of a transfer belong together: the method and all options that are part of the cache
 * key or choose the target, Request-Tag included (RFC 7959 section 2.5, RFC 9175 section 3.4), but not the blocks' own
 * numbers; and leaving out one option more, or none with `without` 0. */
uint64_t coap_describe_key(const struct coap_endpoint *e, const struct coap_message *m, uint16_t without);
