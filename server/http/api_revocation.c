/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /revocations: whose credentials are not welcome any more. */
#include "server/http/intake.h"
#include "server/http/request.h"
#include "server/http/view.h"

static void list(struct request *r)
{
	const struct denial_place *place;
	json_t *all = json_array();
	for (uint32_t cursor = 0; (place = server_denial_next(request_server(r), &cursor)) != NULL;)
		json_array_append_new(all, view_denial(place));
	answer_json(r, MHD_HTTP_OK, json_pack("{s:o}", "revocations", all));
}

static void take_away(struct request *r)
{
	struct intake_revocation wish;
	char reason[INTAKE_REASON_BYTES];
	struct server_ask ask = request_ask(r);
	json_t *body = request_json(r);
	if (body == NULL)
		return;
	if (intake_revocation(body, &wish, reason))
		answer_later(r,
			server_revoke(request_server(r), bytes_of_text(request_star(r, 0)),
				wish.has_fingerprint ? wish.fingerprint : NULL, bytes_of_text(wish.reason), &ask,
				request_now(r)),
			answer_done_with_nothing);
	else
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_request", "%s", reason);
	json_decref(body);
}

static void give_back(struct request *r)
{
	uint8_t fingerprint[SHA256_BYTES];
	const char *text = target_parameter(&r->target, "fingerprint");
	struct server_ask ask = request_ask(r);
	if (text != NULL && !intake_fingerprint(text, fingerprint)) {
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_parameter", "fingerprint is 64 hexadecimal digits");
		return;
	}
	answer_later(r,
		server_restore(request_server(r), bytes_of_text(request_star(r, 0)), text != NULL ? fingerprint : NULL,
			&ask, request_now(r)),
		answer_done_with_nothing);
}

const struct route routes_revocation[] = {
	{.method = "GET", .pattern = "/api/v1/revocations", .role = ROLE_VIEWER, .run = list},
	{.method = "PUT",
		.pattern = "/api/v1/devices/*/revocation",
		.role = ROLE_ADMIN,
		.body = BODY_JSON,
		.run = take_away},
	{.method = "DELETE",
		.pattern = "/api/v1/devices/*/revocation",
		.role = ROLE_ADMIN,
		.run = give_back,
		.query = "fingerprint"},
	{0},
};
