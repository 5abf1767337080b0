/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /devices/{ep}/observations: what devices are to tell by themselves, and what they told last. */
#include "server/http/intake.h"
#include "server/http/request.h"
#include "server/http/resource.h"
#include "server/http/values.h"
#include "server/http/view.h"

#include <stdio.h>

static void answered(struct request *r, const struct server_answer *a)
{
	if (!coap_code_is_success(a->code)) {
		resource_refused(r, a);
		return;
	}
	json_t *body = json_pack("{s:I}", "id", (json_int_t)a->watch);
	json_object_set_new(body, "values", values_view_list(a->model, a->records, a->count));
	answer_json(r, MHD_HTTP_CREATED, body);
}

static void observe(struct request *r)
{
	static struct record records[VALUES_MAX]; /* the edge has one thread */
	char reason[INTAKE_REASON_BYTES];
	struct resource_subject subject;
	struct server_ask ask = request_ask(r);
	uint64_t patience_s;
	json_t *body = resource_find(r, &subject) ? resource_body(r, "paths timeout", &patience_s) : NULL;
	if (body == NULL)
		return;
	struct errand errand = {.kind = ERRAND_READ_COMPOSITE, .records = records};
	errand.count = resource_body_paths(&subject.model, body, records, VALUES_MAX, reason);
	json_decref(body);
	if (errand.count == 0) {
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_request", "%s", reason);
		return;
	}
	if (errand.count == 1)
		errand = (struct errand){.kind = ERRAND_READ, .path = records[0].path};
	r->answered = answered;
	answer_later(r,
		server_watch(request_server(r), bytes_of_text(request_star(r, 0)), &errand, SECONDS(patience_s), &ask,
			request_now(r)),
		answer_done_with_nothing);
}

static void list(struct request *r)
{
	struct resource_subject subject;
	const struct server_watch *watch;
	json_t *all = json_array();
	uint32_t cursor = 0;
	if (!resource_find(r, &subject)) {
		json_decref(all);
		return;
	}
	while ((watch = server_watch_next(request_server(r), subject.device, &cursor)) != NULL)
		json_array_append_new(all, values_view_watch(request_server(r), &subject.model, watch));
	answer_json(r, MHD_HTTP_OK, json_pack("{s:o}", "observations", all));
}

static void end(struct request *r)
{
	struct server_ask ask = request_ask(r);
	uint64_t number = 0;
	(void)parse_decimal(bytes_of_text(request_star(r, 1)), UINT32_MAX, &number);
	enum server_result result = server_unwatch(
		request_server(r), bytes_of_text(request_star(r, 0)), (uint32_t)number, &ask, request_now(r));
	if (result == SERVER_DONE)
		answer_nothing(r);
	else
		answer_failure(r, result, ARTIFACT_FAILED);
}

#define OBSERVATIONS "/api/v1/devices/*/observations"

const struct route routes_observation[] = {
	{.method = "GET", .pattern = OBSERVATIONS, .role = ROLE_VIEWER, .run = list},
	{.method = "POST", .pattern = OBSERVATIONS, .role = ROLE_OPERATOR, .body = BODY_JSON, .run = observe},
	{.method = "DELETE", .pattern = OBSERVATIONS "/*", .role = ROLE_OPERATOR, .run = end},
	{0},
};
