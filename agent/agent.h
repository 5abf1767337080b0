/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The device agent: one LwM2M client with its servers, sans-IO.
 *
 * This is the composer of the folder. It owns the leaves (register, report, download, update, journal), shows the
 * objects 0, 1, 3, 4, 5, 7, 16, 26250 and 26251 and those of extensions as CoAP resources, carries the effects of the
 * update engine out through the ports, and tells what it does through the log port. Its owner (agentd, or a node of the
 * simulator) does this:
 *
 *     a = agent_init(memory, &config, &ports, seed);
 *     endpoint_config.resources = agent_resources(a, &endpoint_config.resource_count);
 *     endpoint = coap_endpoint_init(...);
 *     agent_start(a, endpoint, now);
 *     loop:  coap_endpoint_receive with what agent_hears, and the events below;
 *            both ticks, at the earlier of coap_endpoint_deadline and agent_deadline
 *     agent_shutdown(a, now); loop until agent_is_stopped(a)
 *
 * The agent calls coap_endpoint_request, _cancel, _changed and _lost; it never calls _receive or _tick. Events reach it
 * from the loop, not from within a port: a port never calls back. */
#pragma once

#include "agent/accounts.h"
#include "agent/extension.h"
#include "agent/installer.h"
#include "agent/journal.h"
#include "agent/keystore.h"
#include "agent/platform.h"
#include "agent/services.h"
#include "agent/shelf.h"
#include "coap/base/prng.h"
#include "coap/endpoint.h"
#include "coap/transport.h"

struct agent;

/* ---- ports ---- */

/* Associations are numbered: one for each account at a server, and one for the Bootstrap server. */
#define AGENT_BOOTSTRAP_LINK ACCOUNTS_SERVERS_MAX
#define AGENT_LINKS_MAX      (ACCOUNTS_SERVERS_MAX + 1)

/* The associations with the servers. */
struct uplink_port {
	void *context;
	/* Begins one; agent_connected or agent_disconnected follows. False when it cannot even begin (then neither
	 * does). `account` says with whom and how, and is valid as long as the association. */
	bool (*connect)(void *context, unsigned link, const struct account_security *account, msec now);
	/* Ends it or the attempt, saying goodbye when there is somebody to say it to. No event follows. */
	void (*close)(void *context, unsigned link, msec now);
};

/* How the programs of extensions are reached. `slot` is the number of an extension, from 0. */
struct extension_port {
	void *context;
	/* Starts its program. False when that fails, or the last one has not quite ended yet. */
	bool (*start)(void *context, uint8_t slot);
	/* Ends its program at once; agent_extension_ended does not follow. */
	void (*stop)(void *context, uint8_t slot);
	/* A line with its newline, EXTENSION_ASK_BYTES_MAX at most. False when the program does not take it now; then
	 * nothing of it has been sent. */
	bool (*send)(void *context, uint8_t slot, struct bytes line);
};

enum agent_log_level { AGENT_LOG_ERROR, AGENT_LOG_WARNING, AGENT_LOG_INFO, AGENT_LOG_DEBUG };

struct agent_log_port {
	void *context;
	/* `line` is one line of key=value text without a newline, borrowed. */
	void (*write)(void *context, enum agent_log_level level, struct bytes line);
};

struct agent_ports {
	struct uplink_port uplink;
	struct platform_port platform;
	struct slot_port slots;
	struct boot_port boot;
	struct payload_port payload;
	struct journal_port journal;
	struct digest_port digest;
	const struct signature_port *signature; /* mgmt/signature.h; decides by the configured trust anchors */
	struct agent_log_port log;
	struct services_port services;
	struct shelf_port shelf;              /* without functions nothing but the journal is kept */
	const struct keystore_port *keystore; /* NULL: this device does not enrol */
	struct extension_port extensions;     /* without functions there may be none */
};

/* ---- configuration ---- */

/* Requests that wait for extensions; the endpoint has to be able to owe so many answers. */
#define AGENT_DELEGATES_MAX 8

/* Borrowed texts must outlive the agent. */
struct agent_config {
	const char *endpoint_name;
	const char *server_uri;    /* "coaps://host:port" of the factory's account; NULL or empty for none */
	const char *bootstrap_uri; /* of the Bootstrap server; NULL or empty for none */
	bool has_psk;              /* the factory's account is by a pre-shared key, which others may follow */
	uint32_t rekey_days;     /* so many days after one the next one is asked for; 0: only when somebody wants it */
	uint8_t credential_kind; /* /26252/0/0 */
	uint32_t hold_off_s;     /* wait before the device asks it */
	struct platform_identity identity;
	uint32_t lifetime_s;
	bool has_location; /* the platform tells where the device is, object 6 */
	bool may_send;     /* /1/x/23 of the factory's account says false until the server says otherwise */
	bool queue_mode;   /* the device sleeps between what it sends; values are sampled when something is due only */

	msec self_test_timeout_ms; /* a self-test that takes longer has failed */
	msec settle_ms;            /* how long a new payload must stay up before it is confirmed */
	uint8_t trials_max;        /* starts of a new image before it is given up */
	msec download_give_up_ms;  /* without one new block for this long the update fails with result 4 */
	uint64_t image_size_max;   /* larger images are refused with result 2; bounds the bitmap */
	uint16_t block_size;       /* of downloads, a power of two from 16 to 1024 */
	uint8_t blocks_in_flight;
	uint32_t progress_every; /* blocks between two syncs of slot and journal */

	msec retry_first_ms, retry_max_ms;      /* of registration and download, doubling between the two */
	msec payload_restart_ms;                /* pause before a confirmed payload that exited is started again */
	uint16_t observers_max, attributes_max; /* of each server */
	uint16_t backlog_max;                   /* values kept for servers that are away; 0: none */
	uint8_t extensions_max;                 /* EXTENSIONS_MAX at most; 0: all objects are the agent's */
	msec extension_patience_ms;             /* how long an extension may take to answer */
};

/* Everything but the names and the servers. */
extern const struct agent_config agent_config_default;

/* ---- life ---- */

/* Bytes of memory, aligned to 64, that an agent of this configuration needs. */
size_t agent_memory(const struct agent_config *config);
/* Touches no port. `config` and `ports` are copied; `memory` stays the owner's and must outlive the agent. */
struct agent *agent_init(void *memory, const struct agent_config *config, const struct agent_ports *ports,
	const uint8_t seed[PRNG_SEED_BYTES]);
/* The table for the endpoint's configuration; valid as long as the agent. */
const struct coap_resource *agent_resources(const struct agent *a, uint32_t *ret_count);
/* Reads the journal, settles what an interrupted update left, starts the payload and the first connection. 0, or the
 * negative errno of a port without which there is no going on (already logged): then nothing has been started. */
int agent_start(struct agent *a, struct coap_endpoint *endpoint, msec now);
/* De-registers where registered, closes the associations and stops the payload; agent_is_stopped tells when. */
void agent_shutdown(struct agent *a, msec now);
bool agent_is_stopped(const struct agent *a);

/* ---- input ---- */

/* The association asked for by uplink.connect stands. It is a new security context, so the agent registers anew
 * (lwm2m interface section 2). */
void agent_connected(struct agent *a, unsigned link, const struct coap_remote *server, msec now);
/* The handshake failed, or the server or the network ended the association. `reason` is for the log. */
void agent_disconnected(struct agent *a, unsigned link, const char *reason, msec now);
/* Whether a message is to be given to the endpoint. A server's requests are not until it has answered the Register, as
 * if they had been lost on the way (lwm2m interface section 3.3 rule 6). */
bool agent_hears(const struct agent *a, const struct coap_remote *from, struct bytes message);
void agent_self_test_done(struct agent *a, bool passed, const char *reason, msec now);
/* `status` is the exit status, or 256 plus the number of the signal that ended it. */
void agent_payload_exited(struct agent *a, int status, msec now);
/* The platform knows where the device is, or that it is somewhere else. */
void agent_located(struct agent *a, msec now);

/* The files of an extension have come: its objects are registered, and its program is started by the next tick. What
 * `definition` points to must stay until agent_extension_close. Refused, nothing has changed. */
enum extension_verdict agent_extension_open(
	struct agent *a, uint8_t slot, const struct extension_definition *definition, msec now);
/* They have gone; its program is ended. Nothing happens when it is not open. */
void agent_extension_close(struct agent *a, uint8_t slot, msec now);
/* A line that its program has said, without the newline. */
void agent_extension_heard(struct agent *a, uint8_t slot, struct bytes line, msec now);
/* Its program has ended by itself. */
void agent_extension_ended(struct agent *a, uint8_t slot, const char *how, msec now);

/* ---- time ---- */

msec agent_deadline(const struct agent *a);
void agent_tick(struct agent *a, msec now);

/* ---- questions ---- */

struct agent_counters {
	uint64_t registrations, updates_sent, notifications, sends, blocks_fetched, blocks_repeated, blocks_resumed;
};

/* With one server at least. */
bool agent_is_registered(const struct agent *a);
/* /3/0/3: of the confirmed image; empty when none was ever installed. */
const char *agent_version(const struct agent *a);
/* The state on disk, as of the last write. */
const struct journal_state *agent_journal(const struct agent *a);
const struct agent_counters *agent_counters(const struct agent *a);
