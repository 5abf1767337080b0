/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a Bootstrap server gives devices (lwm2m interface section 4): accounts at LwM2M servers, and the text they are
 * configured by. A line is one account,
 *
 *     endpoint name:short server id:lifetime in seconds:identity:hexadecimal key:URI
 *
 * where the name may stand for a group: `@north` is every device with the tag north, `pump-*` those whose names begin
 * so, `*` all. A device gets the lines that speak of it most closely, and no others: those of its own name, or else of
 * the first tag in the file that it has, or else of the longest beginning. Identity and key are left empty for a server
 * without security. Empty lines and lines that begin with # are skipped. Leaf: texts are borrowed. */
#pragma once

#include "mgmt/value.h"

#define BOOTSTRAP_KEY_MAX     64
#define BOOTSTRAP_TEXT_MAX    128 /* bytes of a URI, and of an identity */
#define BOOTSTRAP_OWN_MAX     4   /* accounts of one device */
#define BOOTSTRAP_RECORDS_MAX 7   /* of one instance */
#define BOOTSTRAP_BODY_MAX    512 /* an instance in any format */

struct bootstrap_account {
	struct bytes device, uri, identity;
	uint16_t short_server_id;
	uint32_t lifetime_s;
	uint8_t key[BOOTSTRAP_KEY_MAX];
	uint8_t key_len;
};

struct bootstrap_accounts {
	struct bootstrap_account *all;
	uint32_t capacity, count;
};

/* Reads one line; NULL, or what is wrong with it. */
const char *bootstrap_add(struct bootstrap_accounts *accounts, struct bytes line);
/* The account of this device at `index`; NULL behind its last one. `tags` are words, with spaces between. */
const struct bootstrap_account *bootstrap_find(
	const struct bootstrap_accounts *accounts, struct bytes device, struct bytes tags, uint32_t index);
/* The instances of objects 0 and 1 that make the account, in the order of their paths; how many records. */
size_t bootstrap_security(
	const struct bootstrap_account *account, uint16_t instance, struct record ret[BOOTSTRAP_RECORDS_MAX]);
size_t bootstrap_server(
	const struct bootstrap_account *account, uint16_t instance, struct record ret[BOOTSTRAP_RECORDS_MAX]);
