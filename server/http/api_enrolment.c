/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /enrolments: devices that ask for a certificate and wait for an operator's word. */
#include "server/http/request.h"
#include "server/http/view.h"

static void list(struct request *r)
{
	const struct approval *approval;
	json_t *all = json_array();
	for (uint32_t cursor = 0; (approval = server_enrolment_next(request_server(r), &cursor)) != NULL;)
		json_array_append_new(all, view_enrolment(approval));
	answer_json(r, MHD_HTTP_OK, json_pack("{s:o}", "enrolments", all));
}

static void decide(struct request *r, bool is_approved)
{
	struct server_ask ask = request_ask(r);
	answer_later(r,
		server_enrolment_decide(
			request_server(r), bytes_of_text(request_star(r, 0)), is_approved, &ask, request_now(r)),
		answer_done_with_nothing);
}

static void approve(struct request *r)
{
	decide(r, true);
}

static void reject(struct request *r)
{
	decide(r, false);
}

const struct route routes_enrolment[] = {
	{.method = "GET", .pattern = "/api/v1/enrolments", .role = ROLE_VIEWER, .run = list},
	{.method = "POST", .pattern = "/api/v1/enrolments/*/approve", .role = ROLE_ADMIN, .run = approve},
	{.method = "POST", .pattern = "/api/v1/enrolments/*/reject", .role = ROLE_ADMIN, .run = reject},
	{0},
};
