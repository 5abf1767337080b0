/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Enrolment over secure transport, EST-coaps (RFC 9148): a device fetches the authority's certificate (/crts), learns
 * what a request should be like (/att), and gets a certificate for a key of its own (/sen, and /sren for the next one).
 *
 * Who asks is known from the association, by pre-shared key or by certificate, and a certificate is issued for that
 * name and no other; a claim (claims.h) is good for one certificate, of the name it was made for or of a new one. The
 * certificate leaves when the audit log has it. Keys are never made here: /skg and /skc are not there (RFC 9148
 * section 4.8 is optional). */
#pragma once

#include "server/composer.h"

/* One handler for each resource; the context is the server. */
enum coap_answer handlers_est_crts(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now);
enum coap_answer handlers_est_att(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now);
enum coap_answer handlers_est_enrol(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now);
/* The store has spoken about a certificate that was issued. */
void handlers_est_stored(struct server *s, const struct pending *p, bool ok, msec now);
