/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The bodies of a call by Q-Block. Of ours, what the server says of it (RFC 9177 section 4.3). Of the response's, as it
 * comes block by block: to which body a block belongs, told by ETag and Observe (RFC 9177 section 4.4, RFC 7641 section
 * 3.4), and where its bytes go. */
#pragma once

#include "coap/endpoint_state.h"

/* ---- ours ---- */

enum coap_qclient_body {
	COAP_QCLIENT_BODY_GOES_ON,  /* blocks are wanted, and may be sent */
	COAP_QCLIENT_BODY_ANEW,     /* in smaller blocks, once more from the start */
	COAP_QCLIENT_BODY_ANSWERED, /* it is the response */
};

enum coap_qclient_body coap_qclient_told_of_body(
	struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m);
/* 4.08 with a list of blocks that have not come (section 5). */
bool coap_qclient_is_missing_list(const struct coap_message *m);

/* ---- theirs ---- */

enum coap_qclient_block {
	COAP_QCLIENT_BLOCK_NEW,     /* kept; the body has grown */
	COAP_QCLIENT_BLOCK_IGNORED, /* repeated, late, or of a body that is not wanted */
	COAP_QCLIENT_BLOCK_OTHER,   /* of another body, while this one can not be had any more */
	COAP_QCLIENT_BLOCK_BROKEN,
};

/* A body may come from now on. What has come of another one is not wanted any more. */
void coap_qclient_drop_body(struct coap_endpoint *e, struct coap_qcall *q);
/* RFC 7641 section 3.4: false for a notification that is not newer than the latest, which is to be dropped. A newer one
 * is the latest from now on. */
bool coap_qclient_is_newer(struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, msec now);
enum coap_qclient_block coap_qclient_take_block(
	struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, struct coap_block block, msec now);
