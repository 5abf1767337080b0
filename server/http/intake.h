/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What requests say in JSON, read strictly: a member nobody knows is a fault, not a wish that is passed over. Reasons
 * name the member, or the line and column. */
#pragma once

#include "server/http/tokens.h"
#include "server/server.h"

#include <jansson.h>

#define INTAKE_REASON_BYTES 200
#define INTAKE_NAMES_MAX    4096 /* endpoint names in one request */

/* An object, or NULL with a reason. */
json_t *intake_parse(struct bytes body, char ret_reason[INTAKE_REASON_BYTES]);

/* False with a reason when the object has other members than `known`, "release selection waves". */
bool intake_has_only(const json_t *object, const char *known, char ret_reason[INTAKE_REASON_BYTES]);

struct intake_rollout {
	struct bytes release;
	struct server_selection selection; /* its names are allocated: intake_rollout_done */
	struct rollout_plan plan;
	struct bytes *names;
};

/* Borrows from `body`. */
bool intake_rollout(const json_t *body, struct intake_rollout *ret, char ret_reason[INTAKE_REASON_BYTES]);
void intake_rollout_done(struct intake_rollout *r);

/* {"tags": ["a", "b"]} as "a b". */
bool intake_tags(const json_t *body, char ret[DEVICE_TAGS_MAX + 1], char ret_reason[INTAKE_REASON_BYTES]);
struct intake_revocation {
	bool has_fingerprint;
	uint8_t fingerprint[SHA256_BYTES];
	const char *reason; /* borrowed from the body; "" for none */
};

/* {"fingerprint": "3f2a...", "reason": "stolen"}, both may be missing. */
bool intake_revocation(const json_t *body, struct intake_revocation *ret, char ret_reason[INTAKE_REASON_BYTES]);
/* 64 hexadecimal digits, colons between the pairs allowed. */
bool intake_fingerprint(const char *text, uint8_t ret[SHA256_BYTES]);
#define INTAKE_HOURS_MAX 8760

struct intake_claim {
	const char *name; /* borrowed from the body; "" for none */
	uint32_t hours;
};

/* {"endpoint": "pump-9", "hours": 24}, both may be missing. */
bool intake_claim(const json_t *body, struct intake_claim *ret, char ret_reason[INTAKE_REASON_BYTES]);
/* {"name": "...", "role": "viewer"} */
bool intake_token(const json_t *body, const char **ret_name, enum role *ret_role, char ret_reason[INTAKE_REASON_BYTES]);

/* "2" or "10%". */
bool intake_amount(const char *text, uint32_t *ret, bool *ret_is_percent);
