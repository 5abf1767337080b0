/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The accounts a device has with servers: the instances of object 0, LwM2M Security, and object 1, LwM2M Server, as
 * data (lwm2m interface section 4). A Server instance and the Security instance with the same short server id make an
 * account; the Security instance of the Bootstrap server stands alone.
 *
 * Up to two come from the factory, that is from the configuration: one at a server, one at the Bootstrap server. Of
 * these only the place is kept on the shelf, beside what servers wrote into /1: their URI and their keys stay the
 * configuration's. All others were written by a Bootstrap server and are kept whole, keys included.
 *
 * A bootstrap changes a copy, which takes the place of the original when it is consistent: the accounts that were good
 * before stay until there are others. */
#pragma once

#include "agent/access.h"
#include "agent/shelf.h"
#include "coap/code.h"
#include "mgmt/value.h"

#define ACCOUNTS_SERVERS_MAX    4
#define ACCOUNTS_SECURITIES_MAX (ACCOUNTS_SERVERS_MAX + 1)

#define ACCOUNT_URI_MAX         255
#define ACCOUNT_PSK_MAX         64  /* RFC 4279 section 5.3 */
#define ACCOUNT_IDENTITY_MAX    128 /* RFC 4279 section 5.3 */
#define ACCOUNT_CERTIFICATE_MAX 1024
#define ACCOUNT_KEY_MAX         160 /* a P-256 key in PKCS #8 takes 138 */
#define ACCOUNT_SNI_MAX         128

enum security_mode {
	SECURITY_PSK = 0,
	SECURITY_RAW_KEY = 1,
	SECURITY_CERTIFICATE = 2,
	SECURITY_NONE = 3,
	SECURITY_EST = 4,
};

/* Resource 15 of object 0, what the certificate in resource 4 is to the server's (RFC 6698 section 2.1.1). */
enum certificate_usage {
	USAGE_TRUST_ANCHOR = 2, /* it has signed it */
	USAGE_DOMAIN = 3,       /* it is it */
};

/* An instance of object 0. */
struct account_security {
	bool is_there;
	bool is_factory;       /* keys and URI are the configuration's */
	bool is_bootstrap;     /* resource 1 */
	bool is_unusable;      /* something in it is longer than this device can keep */
	uint8_t mode;          /* resource 2, enum security_mode */
	uint16_t id, short_id; /* of the instance; resource 10, 0 for none */
	uint32_t hold_off_s;   /* resource 11 */
	uint32_t timeout_s;    /* resource 12; 0: the Bootstrap server's account stays */
	uint8_t usage;         /* resource 15, enum certificate_usage and two that nobody can use here */
	uint8_t uri_len, key_len, sni_len;
	uint16_t identity_len, peer_len;
	uint8_t uri[ACCOUNT_URI_MAX]; /* resource 0 */
	uint8_t sni[ACCOUNT_SNI_MAX]; /* resource 14: what the server's certificate names; empty: the URI's host */
	uint8_t key[ACCOUNT_KEY_MAX]; /* resource 5: the PSK, or a private key in DER */
	uint8_t identity[ACCOUNT_CERTIFICATE_MAX]; /* resource 3: the PSK's, or our public key or certificate in DER */
	uint8_t peer[ACCOUNT_CERTIFICATE_MAX];     /* resource 4: the server's, in DER */
};

/* An instance of object 1. */
struct account_server {
	bool is_there;
	uint16_t id, short_id;     /* of the instance; resource 0 */
	uint32_t lifetime_s;       /* resource 1; 0 for the configuration's */
	uint32_t pmin_s, pmax_s;   /* resources 2 and 3: defaults of attributes; 0 for none */
	uint32_t disable_s;        /* resource 5; 0 for 86400 */
	bool stores_notifications; /* resource 6 */
	bool may_send;             /* resource 23, Mute Send, the other way round */
	int64_t bootstrapped_at;   /* resource 12, Unix time; 0 for never */

	/* Resources 13 to 20 (lwm2m interface section 3.4). Without a number of attempts the device never stops
	 * trying, as nobody could make it begin again. */
	bool has_priority, blocks_others, bootstraps_on_failure;
	uint16_t attempts, sequences; /* resources 17 and 20; 0 when they have not been set */
	uint32_t priority;
	uint32_t initial_delay_s, retry_s, sequence_delay_s; /* resources 14, 18 and 19; 0 when they have not */
};

struct accounts {
	struct account_security securities[ACCOUNTS_SECURITIES_MAX];
	struct account_server servers[ACCOUNTS_SERVERS_MAX];
	struct access access;
};

#define ACCOUNTS_RECORD_BYTES                                                                                      \
	(SHELF_HEAD_BYTES + 4 +                                                                                    \
		ACCOUNTS_SECURITIES_MAX *                                                                          \
			(26 + ACCOUNT_URI_MAX + ACCOUNT_SNI_MAX + ACCOUNT_KEY_MAX + 2 * ACCOUNT_CERTIFICATE_MAX) + \
		ACCOUNTS_SERVERS_MAX * 64 + ACCESS_RECORD_BYTES)

/* What the device comes with; an empty URI is no account. At least one should be given. */
struct accounts_factory {
	const char *server_uri, *bootstrap_uri;
	uint32_t hold_off_s; /* of the Bootstrap server's */
};

/* ---- the whole ---- */

/* The factory's accounts: the server's as /0/0 and /1/0 with short server id 1, the Bootstrap server's behind it. */
void accounts_init(struct accounts *a, const struct accounts_factory *factory);
/* Takes over what the shelf has, when it is whole. Of a factory account that the configuration has no longer nothing is
 * left; should none be left at all, it is the factory's accounts again. True when anything was taken over. */
bool accounts_load(struct accounts *a, const struct accounts_factory *factory, const struct shelf_port *shelf,
	uint8_t record[ACCOUNTS_RECORD_BYTES]);
/* 0 or -errno. */
int accounts_store(const struct accounts *a, const struct shelf_port *shelf, uint8_t record[ACCOUNTS_RECORD_BYTES]);

/* What keeps these accounts from being used, as a sentence for the log; NULL when nothing does: every account is whole
 * and has keys that fit its mode, short server ids are unique, and there is at least one server (section 4). */
const char *accounts_fault(const struct accounts *a);

/* ---- finding ---- */

/* NULL when there is none. */
const struct account_security *accounts_bootstrap(const struct accounts *a);
const struct account_security *accounts_security_of(const struct accounts *a, const struct account_server *server);
struct account_server *accounts_server(struct accounts *a, uint16_t id);
unsigned accounts_server_count(const struct accounts *a);

/* ---- rights ---- */

/* Whether the server at this place may do that with an object instance, ACCESS_ANY for the object itself. */
bool accounts_allow(
	const struct accounts *a, unsigned server, uint16_t object, uint16_t instance, enum access_right right);

/* ---- what a Bootstrap server may do ---- */

/* Writes a resource of /0, /1 or /2, of the type that the model says, and makes its instance when there is none yet.
 * Unknown ones are skipped. COAP_CHANGED; 4.00 for what no account could have; 5.00 when there are too many instances.
 */
enum coap_code accounts_write(struct accounts *a, struct path at, const struct value *value);
/* Deletes what lies at or below the path, the Bootstrap server's own account excepted. */
void accounts_remove(struct accounts *a, struct path path);
/* That account as well: its time is over (resource 12 of object 0). */
void accounts_remove_bootstrap(struct accounts *a);
