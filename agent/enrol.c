/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Enrolment on the wire (RFC 9148): the authorities by /crts, then a certificate by /sen, or by /sren when the device
 * has one. As with the registration, replies only tell what happened; the association is made anew by the next tick. */
#include "agent/state.h"

#include "coap/content_format.h"
#include "pki/certs_only.h"

static void log_reason(struct agent *a, const char *event, const char *reason, enum agent_log_level level)
{
	struct logline line = logline_begin(event);
	logline_text(&line, "reason", reason);
	logline_end(&line, &a->ports.log, level);
}

static void log_code(struct agent *a, const char *event, enum coap_code code)
{
	struct logline line = logline_begin(event);
	uint8_t text[48];
	struct writer w = writer_of(text, sizeof text);
	coap_code_write(&w, code);
	logline_bytes(&line, "code", writer_bytes(&w));
	logline_end(&line, &a->ports.log, AGENT_LOG_WARNING);
}

/* True when the reply is a success. */
static bool is_granted(struct agent *a, const struct coap_reply *reply, enum coap_code wanted, msec now)
{
	uint32_t max_age_s = 60;
	a->enrol_exchange = HANDLE_NONE;
	if (reply->outcome == COAP_OUTCOME_LOST)
		return false;
	if (reply->outcome != COAP_OUTCOME_RESPONSE) {
		renewal_silent(&a->renewal, now);
		return false;
	}
	if (reply->code == wanted)
		return true;
	if (reply->code == COAP_SERVICE_UNAVAILABLE) {
		(void)coap_message_uint(reply->message, COAP_OPTION_MAX_AGE, &max_age_s);
		renewal_busy(&a->renewal, max_age_s, now);
	} else {
		log_code(a, "enrolment_refused", reply->code);
		renewal_refused(&a->renewal, now);
	}
	return false;
}

static void ask(struct agent *a, enum coap_code method, const char *what, struct bytes body, coap_reply_function *reply,
	msec now)
{
	struct coap_options options = {.count = 0};
	coap_options_add_text(&options, COAP_OPTION_URI_PATH, ".well-known");
	coap_options_add_text(&options, COAP_OPTION_URI_PATH, "est");
	coap_options_add_text(&options, COAP_OPTION_URI_PATH, what);
	if (body.len > 0)
		coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_PKCS10);
	coap_options_add_uint(&options, COAP_OPTION_ACCEPT, COAP_FORMAT_PKCS7_CERTS_ONLY);
	struct coap_call call = {.to = account_factory(a)->remote,
		.method = method,
		.options = &options,
		.body = body,
		.reply = reply,
		.context = a};
	if (!coap_endpoint_request(a->endpoint, &call, now, &a->enrol_exchange))
		renewal_silent(&a->renewal, now);
}

/* ---- the certificate ---- */

static const char *keep(struct agent *a, struct bytes body)
{
	struct bytes own[PKI_CERTS_MAX], authorities[PKI_CERTS_MAX];
	uint32_t count, authority_count;
	if (!pki_certs_only_read(body, own, &count) || count == 0)
		return "the answer holds no certificate";
	if (!pki_certs_only_read(bytes_of(a->authorities, a->authorities_len), authorities, &authority_count))
		return "the authorities' certificates are unreadable";
	return a->ports.keystore->accept(a->ports.keystore->context, own[0], authorities, authority_count);
}

static void certificate_came(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct agent *a = context;
	(void)e;
	if (!is_granted(a, reply, COAP_CHANGED, now))
		return;
	const char *wrong = keep(a, reply->body);
	if (wrong != NULL) {
		log_reason(a, "enrolment_unusable", wrong, AGENT_LOG_ERROR);
		renewal_refused(&a->renewal, now);
		return;
	}
	log_reason(a, "enrolled", "a new certificate is there and will be tried", AGENT_LOG_INFO);
	renewal_done(&a->renewal, now);
	register_reconnect(&account_factory(a)->registration, now);
}

static void request_certificate(struct agent *a, msec now)
{
	int64_t from, until;
	struct bytes request;
	bool is_enrolled = a->ports.keystore->enrolled(a->ports.keystore->context, &from, &until);
	if (!a->ports.keystore->request(a->ports.keystore->context, &request)) {
		log_reason(a, "enrolment_impossible", "no key can be made", AGENT_LOG_ERROR);
		renewal_refused(&a->renewal, now);
		return;
	}
	ask(a, COAP_POST, is_enrolled ? "sren" : "sen", request, certificate_came, now);
}

/* ---- the authorities ---- */

static void authorities_came(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct agent *a = context;
	(void)e;
	if (!is_granted(a, reply, COAP_CONTENT, now))
		return;
	if (reply->body.len > sizeof a->authorities) {
		log_reason(a, "enrolment_unusable", "the authorities' certificates are too long", AGENT_LOG_ERROR);
		renewal_refused(&a->renewal, now);
		return;
	}
	memcpy(a->authorities, reply->body.data, reply->body.len);
	a->authorities_len = reply->body.len;
	request_certificate(a, now);
}

/* ---- called by the composer ---- */

void enrol_connected(struct agent *a, msec now)
{
	struct renewal_credential credential = {.is_enrolled = false};
	if (a->ports.keystore == NULL)
		return;
	credential.is_enrolled =
		a->ports.keystore->enrolled(a->ports.keystore->context, &credential.from, &credential.until);
	renewal_connected(&a->renewal, &credential, a->ports.keystore->wall(a->ports.keystore->context), now);
}

void enrol_stop(struct agent *a, msec now)
{
	renewal_disconnected(&a->renewal);
	if (!handle_is_none(a->enrol_exchange))
		coap_endpoint_cancel(a->endpoint, a->enrol_exchange, now);
	a->enrol_exchange = HANDLE_NONE;
}

/* A transfer that runs is not cut off for it. Who comes with a claim may enrol and not register, so without a
 * certificate that is not waited for. */
static bool is_quiet(struct agent *a)
{
	int64_t from, until;
	const struct uplink *u = account_factory(a);
	bool is_enrolled = a->ports.keystore->enrolled(a->ports.keystore->context, &from, &until);
	return u != NULL && u->is_connected && a->fetch.what == FETCH_NOTHING &&
	       (register_is_registered(&u->registration) || !is_enrolled);
}

#define QUIET_CHECK SECONDS(5)

void enrol_tick(struct agent *a, msec now)
{
	if (renewal_deadline(&a->renewal) > now)
		return;
	if (!is_quiet(a))
		renewal_postpone(&a->renewal, msec_after(now, QUIET_CHECK));
	else if (renewal_due(&a->renewal, now))
		ask(a, COAP_GET, "crts", BYTES_NONE, authorities_came, now);
}
