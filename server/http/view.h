/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The domain as JSON (docs/api.md). Moments are RFC 3339 in UTC, digests lower-case hexadecimal, and a member whose
 * value is not known is left out. Each function gives a new reference. */
#pragma once

#include "server/server.h"

#include <jansson.h>

json_t *view_device(const struct server *s, const struct device *d);
/* With objects and formats, for one device. */
json_t *view_device_whole(const struct server *s, const struct device *d);
json_t *view_health(const struct device *d);
json_t *view_release(const struct release *r);
/* Without its devices. */
json_t *view_rollout(const struct rollout *r);
json_t *view_rollout_device(const struct rollout_view *v);
json_t *view_denial(const struct denial_place *place);
/* Without its key. */
json_t *view_claim(const struct claim_place *place, wall_msec now);
json_t *view_enrolment(const struct approval *a);
json_t *view_event(const struct event *e);
json_t *view_artifact(const struct artifact *a);
json_t *view_status(const struct server *s);

/* A text that may not be UTF-8: what is not becomes question marks. */
json_t *view_text(const char *text);
json_t *view_moment(wall_msec at);
json_t *view_hex(const uint8_t *data, size_t len);
