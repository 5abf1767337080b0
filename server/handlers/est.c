/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/handlers/est.h"

#include "coap/content_format.h"
#include "pki/certs_only.h"
#include "server/label.h"

#include <assert.h>

#define CLOCK_SLACK_S 3600 /* a device whose clock is behind by less finds its new certificate valid already */
#define APPROVAL_S    60   /* an operator takes longer */
#define BUSY_S        5    /* RFC 9148 section 4.7: Max-Age says when to come again */

static enum coap_answer answer(struct coap_response *ret, enum coap_code code)
{
	ret->code = code;
	return COAP_ANSWER_NOW;
}

static enum coap_answer come_again(struct coap_response *ret)
{
	ret->max_age_s = BUSY_S;
	return answer(ret, COAP_SERVICE_UNAVAILABLE);
}

/* ---- certificates as they are asked for ---- */

/* RFC 9148 section 4.3: a bag where nothing is said, or the bare certificate. */
static bool choose_format(const struct coap_request *request, uint16_t *ret)
{
	*ret = request->accept == COAP_FORMAT_NONE ? COAP_FORMAT_PKCS7_CERTS_ONLY : request->accept;
	return *ret == COAP_FORMAT_PKCS7_CERTS_ONLY || *ret == COAP_FORMAT_PKIX_CERT;
}

static bool write_certificate(struct writer *w, uint16_t format, struct bytes der)
{
	if (format == COAP_FORMAT_PKIX_CERT) {
		write_bytes(w, der);
		return !w->failed;
	}
	return pki_certs_only_write(&der, 1, w);
}

enum coap_answer handlers_est_crts(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	struct writer w = writer_of(s->scratch, sizeof s->scratch);
	(void)endpoint;
	(void)now;
	if (request->message->code != COAP_GET)
		return answer(ret, COAP_METHOD_NOT_ALLOWED);
	if (!choose_format(request, &ret->content_format))
		return answer(ret, COAP_NOT_ACCEPTABLE);
	if (!write_certificate(&w, ret->content_format, s->ports.issuer->certificate))
		return answer(ret, COAP_INTERNAL_SERVER_ERROR);
	ret->payload = writer_bytes(&w);
	return answer(ret, COAP_CONTENT);
}

/* CsrAttrs (RFC 7030 section 4.5.2): an id-ecPublicKey on secp256r1, and a signature by ecdsa-with-SHA256. */
enum coap_answer handlers_est_att(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	static const uint8_t attributes[] = {0x30, 0x23, 0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
		0x01, 0x31, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x06, 0x08, 0x2a, 0x86,
		0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
	(void)context;
	(void)endpoint;
	(void)now;
	if (request->message->code != COAP_GET)
		return answer(ret, COAP_METHOD_NOT_ALLOWED);
	ret->content_format = COAP_FORMAT_CSRATTRS;
	ret->payload = bytes_of(attributes, sizeof attributes);
	return answer(ret, COAP_CONTENT);
}

/* ---- enrolling ---- */

static enum coap_answer refuse(struct server *s, const struct device *device, enum coap_code code, const char *why,
	struct coap_response *ret, msec now)
{
	struct note note = {.type = EVENT_REFUSED, .device = device == NULL ? "" : device->record.name, .detail = why};
	s->counters.refusals++;
	server_note(s, &note, now);
	return answer(ret, code);
}

static struct issue *take_issue(struct server *s)
{
	for (unsigned i = 0; i < SERVER_ISSUES_MAX; i++)
		if (!s->issues[i].is_taken) {
			s->issues[i].is_taken = true;
			return &s->issues[i];
		}
	return NULL;
}

/* "3f2a...: until 1798761600": which one it is, as it is named in deny lists, and for how long. */
static void note_issue(
	struct server *s, const char *name, const char *claim, const struct pki_certificate *facts, msec now)
{
	char detail[EVENT_DETAIL_MAX + 1];
	struct writer w = writer_of(detail, sizeof detail - 1);
	write_text(&w, "sha256 ");
	write_hex(&w, bytes_of(facts->fingerprint, sizeof facts->fingerprint));
	write_text(&w, " until ");
	write_decimal_signed(&w, facts->valid_until);
	write_text(&w, claim[0] != '\0' ? " by " : "");
	write_text(&w, claim);
	label_end(detail, sizeof detail, &w);
	struct note note = {.type = EVENT_CERTIFICATE_ISSUED, .device = name, .detail = detail};
	server_note(s, &note, now);
}

static bool make(
	struct server *s, const struct pki_request *wish, struct issue *issue, struct pki_certificate *ret, msec now)
{
	const struct pki_issuer *issuer = s->ports.issuer;
	struct writer w = writer_of(issue->der, sizeof issue->der);
	int64_t wall_s = server_wall(s, now) / 1000, life_s = (int64_t)s->config.certificate_days * 86400;
	bool is_made = issuer->issue(
		issuer->context, wish, pki_request_name(wish), wall_s - CLOCK_SLACK_S, wall_s + life_s, &w);
	issue->len = writer_bytes(&w).len;
	return is_made && issuer->read_certificate(issuer->context, writer_bytes(&w), ret);
}

static enum coap_answer issue(struct server *s, const struct device *device, struct claim_place *claim,
	const struct coap_request *request, const struct pki_request *wish, uint16_t format, struct coap_response *ret,
	msec now)
{
	struct pki_certificate facts;
	struct issue *place = take_issue(s);
	if (place == NULL)
		return come_again(ret);
	place->format = format;
	label_cut(place->name, sizeof place->name, pki_request_name(wish));
	if (!make(s, wish, place, &facts, now)) {
		place->is_taken = false;
		return refuse(s, device, COAP_INTERNAL_SERVER_ERROR,
			"the authority cannot sign: it has run out, its token refuses, or the name is longer than 63 "
			"bytes",
			ret, now);
	}
	struct pending *p = pending_begin(s, PENDING_ISSUE);
	if (p != NULL) {
		p->later = request->later;
		p->issue = (uint8_t)(place - s->issues);
		if (claim != NULL)
			claiming_use(s, claim, pki_request_name(wish), p, now);
		note_issue(s, place->name, p->claim.identity, &facts, now);
	}
	if (p != NULL && pending_commit(s, p, now))
		return COAP_ANSWER_LATER;
	if (claim != NULL)
		claim->is_busy = false;
	place->is_taken = false;
	return come_again(ret);
}

/* RFC 7030 section 4.2.2 wants a renewal to keep its subject; here every request does, since it is the name of the
 * association. */
static const char *what_is_wrong(const struct server *s, const struct device *device, const struct claim_place *claim,
	const struct pki_request *wish, msec now)
{
	if (denials_find(&s->denials, pki_request_name(wish)) != NULL)
		return "this name is revoked";
	if (claim_is_identity(bytes_of_text(device->record.name)))
		return claiming_what_is_wrong(s, claim, pki_request_name(wish), now);
	if (!bytes_equal_text(pki_request_name(wish), device->record.name))
		return "the certificate asked for is of another name";
	return NULL;
}

enum coap_answer handlers_est_enrol(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	struct device *device = registry_find_remote(&s->registry, &request->remote);
	struct pki_request wish;
	uint16_t format;
	(void)endpoint;
	if (request->message->code != COAP_POST)
		return answer(ret, COAP_METHOD_NOT_ALLOWED);
	if (device == NULL || (s->config.accepts_plain && !coap_remote_is_secure(&request->remote)))
		return refuse(s, device, COAP_UNAUTHORIZED, "enrolment without a credential", ret, now);
	if (request->content_format != COAP_FORMAT_PKCS10)
		return answer(ret, COAP_UNSUPPORTED_CONTENT_FORMAT);
	if (!choose_format(request, &format))
		return answer(ret, COAP_NOT_ACCEPTABLE);
	struct claim_place *claim = claims_find(&s->claims, bytes_of_text(device->record.name));
	if (s->is_stopping || handle_is_none(request->later) || (claim != NULL && claim->is_busy))
		return come_again(ret);
	enum pki_request_verdict verdict =
		s->ports.issuer->read_request(s->ports.issuer->context, request->body, &wish);
	if (verdict != PKI_REQUEST_GOOD)
		return refuse(s, device, COAP_BAD_REQUEST, pki_request_verdict_text(verdict), ret, now);
	const char *wrong = what_is_wrong(s, device, claim, &wish, now);
	if (wrong != NULL)
		return refuse(s, device, COAP_FORBIDDEN, wrong, ret, now);
	if (s->config.needs_approval && (claim == NULL || claim->claim.name[0] == '\0'))
		switch (approving_ask(s, &wish, now)) {
		case APPROVING_GO_ON:
			break;
		case APPROVING_WAIT:
			ret->max_age_s = APPROVAL_S;
			return answer(ret, COAP_SERVICE_UNAVAILABLE);
		case APPROVING_REFUSE:
			return refuse(s, device, COAP_FORBIDDEN, "an operator has rejected it", ret, now);
		}
	return issue(s, device, claim, request, &wish, format, ret, now);
}

/* ---- the store has spoken ---- */

void handlers_est_stored(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct issue *issue = &s->issues[p->issue];
	struct coap_response response = {
		.code = COAP_SERVICE_UNAVAILABLE, .content_format = COAP_FORMAT_NONE, .max_age_s = BUSY_S};
	struct writer w = writer_of(s->scratch, sizeof s->scratch);
	assert(issue->is_taken);
	issue->is_taken = false;
	claiming_used(s, p, ok);
	if (ok && write_certificate(&w, issue->format, bytes_of(issue->der, issue->len))) {
		response = (struct coap_response){.code = COAP_CHANGED,
			.content_format = issue->format,
			.payload = writer_bytes(&w),
			.max_age_s = 60};
		approving_issued(s, issue->name);
		s->counters.certificates++;
	}
	(void)coap_endpoint_respond(s->endpoint, p->later, &response, now);
}
