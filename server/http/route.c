/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which handler a request belongs to: the tables of the api_ files, looked through in order. */
#include "server/http/request.h"

#include <stdio.h>

static const struct route *const groups[] = {routes_server, routes_claim, routes_device, routes_enrolment, routes_event,
	routes_history, routes_key, routes_observation, routes_release, routes_request, routes_resource,
	routes_revocation, routes_rollout};

static void add_method(char *methods, size_t capacity, const char *method)
{
	size_t len = strlen(methods);
	snprintf(methods + len, capacity - len, "%s%s", len > 0 ? ", " : "", method);
}

const struct route *route_find(const struct target *target, const char *method, const char **ret_allow)
{
	static char methods[64];
	methods[0] = '\0';
	for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
		for (const struct route *route = groups[g]; route->method != NULL; route++) {
			if (!target_matches(target, route->pattern))
				continue;
			if (strcmp(route->method, method) == 0)
				return route;
			add_method(methods, sizeof methods, route->method);
		}
	*ret_allow = methods;
	return NULL;
}
