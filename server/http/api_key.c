/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /devices/{ep}/key: the pre-shared keys that mgmtd has made for a device. That it is to be given the next one is an
 * operation like any other, Execute /26252/0/3. */
#include "server/http/request.h"

static void forget(struct request *r)
{
	struct server_ask ask = request_ask(r);
	answer_later(r, server_key_forget(request_server(r), bytes_of_text(request_star(r, 0)), &ask, request_now(r)),
		answer_done_with_nothing);
}

const struct route routes_key[] = {
	{.method = "DELETE", .pattern = "/api/v1/devices/*/key", .role = ROLE_ADMIN, .run = forget},
	{0},
};
