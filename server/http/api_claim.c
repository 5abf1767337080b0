/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /claims: keys that are good for one certificate. A key is shown once, when its claim has been made. */
#include "server/http/intake.h"
#include "server/http/request.h"
#include "server/http/view.h"

#include <sys/random.h>

static void list(struct request *r)
{
	const struct claim_place *place;
	const struct server *s = request_server(r);
	json_t *all = json_array();
	for (uint32_t cursor = 0; (place = server_claim_next(s, &cursor)) != NULL;)
		json_array_append_new(all, view_claim(place, server_wall(s, request_now(r))));
	answer_json(r, MHD_HTTP_OK, json_pack("{s:o}", "claims", all));
}

/* The identity waits in the body's place until the claim lasts. */
static void created(struct request *r, const struct server_done *done)
{
	const struct server *s = request_server(r);
	const struct claim_place *place = server_claim_find(s, bytes_of_text((const char *)r->body));
	(void)done;
	if (place == NULL) {
		answer_failure(r, SERVER_NO_CLAIM, ARTIFACT_FAILED);
		return;
	}
	json_t *answer = view_claim(place, server_wall(s, request_now(r)));
	json_object_set_new(answer, "key", view_hex(place->claim.key, sizeof place->claim.key));
	answer_json(r, MHD_HTTP_CREATED, answer);
}

static enum server_result make(struct request *r, const struct intake_claim *wish)
{
	uint8_t secret[CLAIM_SECRET_BYTES];
	struct server_ask ask = request_ask(r);
	struct claim claim = {.identity = ""};
	if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
		return SERVER_BUSY;
	enum server_result result = server_claim_create(
		request_server(r), bytes_of_text(wish->name), wish->hours, secret, &ask, request_now(r), &claim);
	memcpy(r->body, claim.identity, sizeof claim.identity);
	explicit_bzero(secret, sizeof secret);
	explicit_bzero(&claim, sizeof claim);
	return result;
}

static void create(struct request *r)
{
	struct intake_claim wish;
	char reason[INTAKE_REASON_BYTES];
	json_t *body = request_json(r);
	if (body == NULL)
		return;
	if (intake_claim(body, &wish, reason))
		answer_later(r, make(r, &wish), created);
	else
		answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_request", "%s", reason);
	json_decref(body);
}

static void remove_claim(struct request *r)
{
	struct server_ask ask = request_ask(r);
	answer_later(r, server_claim_remove(request_server(r), bytes_of_text(request_star(r, 0)), &ask, request_now(r)),
		answer_done_with_nothing);
}

const struct route routes_claim[] = {
	{.method = "GET", .pattern = "/api/v1/claims", .role = ROLE_VIEWER, .run = list},
	{.method = "POST", .pattern = "/api/v1/claims", .role = ROLE_ADMIN, .body = BODY_JSON, .run = create},
	{.method = "DELETE", .pattern = "/api/v1/claims/*", .role = ROLE_ADMIN, .run = remove_claim},
	{0},
};
