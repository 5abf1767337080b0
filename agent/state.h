/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inside of the agent, shared by the parts of its composer only:
 *
 *     agent.c      life, events, time
 *     serve.c      requests from servers
 *     send.c       what the server hears of without asking
 *     catchup.c    what it hears of late
 *     account.c    Register, Update, De-register on the wire
 *     enrol.c      certificates on the wire
 *     rekey.c      pre-shared keys on the wire
 *     bootstrapping.c  accounts on the wire
 *     fetch.c      manifest and image on the wire
 *     push.c       a package that a server writes
 *     chronicle.c  what is kept of the log
 *     delegate.c   requests that an extension answers
 *     supervise.c  extensions as they come and go
 *     logline.c    lines for the log port
 *
 * Each part is a set of functions over `struct agent`; the state machines themselves are leaves. */
#pragma once

#include "agent/agent.h"
#include "agent/backlog.h"
#include "agent/bootstrap.h"
#include "agent/deploy.h"
#include "agent/eventlog.h"
#include "agent/extensions.h"
#include "agent/logline.h"
#include "agent/package.h"
#include "agent/objects.h"
#include "agent/register.h"
#include "agent/renewal.h"
#include "agent/report.h"
#include "agent/rotation.h"
#include "coap/blockget.h"

#define AGENT_OBJECTS_MAX       16
#define AGENT_RESOURCES_MAX     (AGENT_OBJECTS_MAX + 4) /* and Security, the root, /bs, /5/0/0 */
#define AGENT_NAME_MAX          128                     /* bytes of an endpoint name */
#define AGENT_ID_TEXT_BYTES     6
#define AGENT_TABLE_MAX         (AGENT_OBJECTS_MAX + EXTENSIONS_MAX * EXTENSION_OBJECTS_MAX)
#define AGENT_LINKS_BYTES       2048
#define AGENT_LINKS_MORE_BYTES  320 /* for each extension, when all its objects and instances are there */
#define AGENT_SCRATCH_BYTES     12288
#define AGENT_ROOM_BYTES        512
#define AGENT_AUTHORITIES_BYTES 4096
#define AGENT_FINER_BLOCKS      4 /* how much smaller a server's blocks may be than ours, for the largest image */

/* The transfer that runs; at most one. */
struct fetch {
	enum { FETCH_NOTHING, FETCH_MANIFEST, FETCH_IMAGE } what;
	struct uplink *from;    /* the server it is got from */
	struct handle exchange; /* of the manifest */
	struct coap_options options;
	uint8_t room[AGENT_ROOM_BYTES]; /* what `options` borrows */
	struct coap_blockget image;
	uint8_t *bitmap;
	void *memory;  /* of `image` */
	msec retry_at; /* after a 5.xx, or when the endpoint was full; NEVER */
	msec backoff;
};

#define PUSH_GIVE_UP           SECONDS(247) /* EXCHANGE_LIFETIME, RFC 7252 section 4.8.2 */
#define PUSH_BLOCK_MAX         1024
#define PUSH_ENCODED_RESET_MAX 32 /* bytes of a zero byte in TLV, SenML and the like */

/* The package that comes; at most one. */
struct push {
	bool is_open;
	struct coap_remote from;
	struct package package;
	uint32_t block, filled; /* the next block of the slot, and how much of it is there */
	uint8_t bytes[PUSH_BLOCK_MAX];
	uint8_t envelope[MANIFEST_ENVELOPE_MAX];
};

/* What is told without being asked; bits of wishes. */
enum send_story { SEND_PAYLOAD, SEND_UPDATE, SEND_COUNT };

#define SEND_PATHS_MAX 8
#define SEND_RETRY     SECONDS(30)

struct sends {
	uint8_t wishes, under_way;
	struct handle exchange;
	msec not_before;   /* of the next try */
	uint8_t body[256]; /* stays until the answer, whatever the size of a block */
};

#define CATCHUP_RECORDS_MAX 24   /* of one Send */
#define CATCHUP_BODY_BYTES  1216 /* as many of the longest */

/* What goes on for a server while it is away, and after. */
struct catchup {
	struct report absent; /* what it observed when it went; beside that it is as its report */
	bool is_absent;
	msec asked_at; /* of the Update under way */
	struct handle exchange;
	msec sent_at, not_before; /* of the Send under way; of the next */
	uint64_t last;            /* that it carries */
	uint8_t body[CATCHUP_BODY_BYTES];
};

#define DELEGATE_QUERIES_BYTES 128
#define DELEGATE_BODY_BYTES    1024

/* A request that waits for extensions. */
struct delegate {
	bool is_there;
	uint32_t generation;
	struct handle later, observer;
	unsigned asking; /* the place of the server's account */
	struct path path;
	struct path subject; /* the instance or resource a change is about */
	enum coap_code method, success;
	uint16_t accept, content_format;
	unsigned waiting; /* questions without an answer */
	uint32_t muted;   /* bits of those who have none to give */
	size_t queries_len, body_len;
	uint8_t queries[DELEGATE_QUERIES_BYTES]; /* each behind its length */
	uint8_t body[DELEGATE_BODY_BYTES];       /* of a composite */
};

/* A path of the endpoint's resource table. */
struct agent_entry {
	struct agent *agent;
	struct path path;
	char text[AGENT_ID_TEXT_BYTES]; /* of the path, as the endpoint wants it */
};

/* One account at a server, and the association with it. */
struct uplink {
	struct agent *agent;
	struct coap_remote remote; /* meaningful while connected */
	bool is_connected;
	struct registration registration;
	struct handle exchange; /* of Register, Update, De-register */
	struct sends sends;
	struct catchup catchup;
	uint8_t *links;
};

struct agent {
	struct agent_config config;
	struct agent_ports ports;
	struct deploy_config deploy_config;
	struct deploy_ports deploy_ports;
	struct prng chance;

	struct coap_endpoint *endpoint;
	struct accounts accounts;
	struct uplink uplinks[ACCOUNTS_SERVERS_MAX]; /* by the place of the account */
	struct report reports[ACCOUNTS_SERVERS_MAX];
	struct backlog backlog;
	uint8_t *backlog_record; /* as it goes to disk */
	msec backlog_store_at;   /* NEVER when there is nothing to store */
	struct bootstrap bootstrap;
	struct accounts draft; /* what a Bootstrap server makes of them */
	struct coap_remote bootstrap_server;
	struct handle bootstrap_exchange;
	bool is_bootstrapping; /* the association with it stands */
	msec bootstrap_ends;   /* its account's, /0/x/12; NEVER */
	bool is_stopping;
	struct renewal renewal;
	struct handle enrol_exchange;
	struct rotation rotation;
	struct renewal rekeying;
	struct handle rekey_exchange;
	struct account_security rotated; /* the factory's account with a key that followed */
	size_t authorities_len;          /* the bag of /crts, until the certificate has come */
	uint8_t authorities[AGENT_AUTHORITIES_BYTES];

	struct deploy deploy;
	struct fetch fetch;
	struct push push;
	struct object_world world;
	struct portfolio portfolio;
	struct eventlog events;
	struct agent_log_port outer_log; /* where lines go that have been put into `events` */
	uint8_t events_record[EVENTLOG_RECORD_BYTES];
	struct services services;
	struct objects objects;
	msec sampled_at;
	msec reboot_at;

	enum update_phase logged_phase;
	uint8_t logged_result;
	struct agent_counters counters;
	struct extensions extensions;
	struct delegate *delegates;
	unsigned delegate_count;
	size_t links_capacity;
	const struct object *own[AGENT_OBJECTS_MAX]; /* the agent's */
	size_t own_count;
	const struct object *table[AGENT_TABLE_MAX]; /* and those of extensions */
	uint16_t steady[AGENT_OBJECTS_MAX];
	uint32_t resource_count;
	struct coap_resource resources[AGENT_RESOURCES_MAX];
	struct agent_entry entries[AGENT_RESOURCES_MAX];
	uint8_t scratch[AGENT_SCRATCH_BYTES];
};

/* ---- agent.c ---- */

/* A look at the machine that is a second old at most. */
void agent_sample(struct agent *a, msec now);
/* Does what the update engine wants of the network and of observers. */
void agent_follow(struct agent *a, const struct deploy_outcome *outcome, msec now);
/* Feeds one event to the update engine and follows. */
void agent_update_event(struct agent *a, const struct update_event *event, msec now);
/* The association does not answer any more. */
void agent_suspect(struct uplink *u, const char *why, msec now);
/* Something at or below this path has changed: those who watch it hear of it. */
void agent_touch(struct agent *a, struct path path, msec now);

static inline unsigned uplink_number(const struct uplink *u)
{
	return (unsigned)(u - u->agent->uplinks);
}

static inline const struct account_server *uplink_account(const struct uplink *u)
{
	return &u->agent->accounts.servers[uplink_number(u)];
}

/* NULL when there is no such account, or no account at all. */
static inline struct uplink *uplink_after(struct agent *a, struct uplink *previous)
{
	unsigned i = previous == NULL ? 0 : uplink_number(previous) + 1;
	for (; i < ACCOUNTS_SERVERS_MAX; i++)
		if (a->accounts.servers[i].is_there)
			return &a->uplinks[i];
	return NULL;
}

/* Makes the table of objects anew. */
void agent_gather_objects(struct agent *a);

/* ---- delegate.c ---- */

/* Before a request is handled. */
void delegate_prepare(struct agent *a);
/* After it has been: what to tell the endpoint. */
enum coap_answer delegate_request(struct agent *a, struct path path, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now);
/* These paths are watched: who does not tell by himself is asked now and then. */
void delegate_refresh(struct agent *a, const struct path *paths, size_t count, msec now);
/* What became of a question. */
void delegate_settle(struct agent *a, const struct extension_outcome *outcome, msec now);
/* This observer is gone, perhaps before his request has been answered. */
void delegate_forget(struct agent *a, struct handle observer);

/* ---- supervise.c ---- */

/* There are other objects or instances: all servers are told. */
void supervise_list_changed(struct agent *a, msec now);
void supervise_tick(struct agent *a, msec now);

/* ---- serve.c ---- */

/* Fills in the table of resources. */
void serve_init(struct agent *a);

/* ---- account.c ---- */

/* Takes the accounts as they are now, with no associations yet. */
void account_begin_all(struct agent *a, msec now);
/* Ends all associations, registrations and observations without a word more than the transport's. */
void account_end_all(struct agent *a, msec now);
/* Carries out what the registrations want until they wait. */
void account_act(struct agent *a, msec now);
msec account_deadline(const struct agent *a);
/* Forgets all that belongs to the association, which is gone. */
void account_lost(struct uplink *u, msec now);
/* NULL when this is not one of our servers. */
struct uplink *account_from(struct agent *a, const struct coap_remote *remote);
/* The factory's, with which the device enrols; NULL when there is none any more. */
struct uplink *account_factory(struct agent *a);

/* ---- bootstrapping.c ---- */

void bootstrapping_init(struct agent *a);
/* /1/x/9 has been executed. */
void bootstrapping_trigger(struct agent *a, msec now);
void bootstrapping_connected(struct agent *a, const struct coap_remote *server, msec now);
void bootstrapping_disconnected(struct agent *a, const char *reason, msec now);
bool bootstrapping_is_from(const struct agent *a, const struct coap_remote *remote);
void bootstrapping_handle(struct agent *a, struct path path, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now);
/* POST /bs */
void bootstrapping_handle_finish(
	struct agent *a, const struct coap_request *request, struct coap_response *ret, msec now);
void bootstrapping_stop(struct agent *a, msec now);
msec bootstrapping_deadline(const struct agent *a);
void bootstrapping_act(struct agent *a, msec now);

/* ---- enrol.c ---- */

void enrol_connected(struct agent *a, msec now);
void enrol_stop(struct agent *a, msec now);
void enrol_tick(struct agent *a, msec now);

/* ---- rekey.c ---- */

/* The account to make an association with; with another key than its own when the server has given one. */
const struct account_security *rekey_account(struct agent *a, const struct account_security *account);
/* The association with the factory's account stands; or an attempt at it has failed. */
/* An operator wants the next key. */
void rekey_wanted(struct agent *a, msec now);
void rekey_connected(struct agent *a, msec now);
void rekey_failed(struct agent *a);
void rekey_stop(struct agent *a, msec now);
void rekey_tick(struct agent *a, msec now);

/* ---- send.c ---- */

/* The servers are to hear of it as soon as they can. */
void send_wish(struct agent *a, enum send_story story);
msec send_deadline(const struct agent *a);
void send_tick(struct agent *a, msec now);

/* ---- catchup.c ---- */

/* What earlier runs left. */
void catchup_start(struct agent *a, msec now);
void catchup_stop(struct agent *a, msec now);
/* The accounts are other ones. */
void catchup_begin(struct agent *a);
/* This observer is about to be sent his values, which may be lost on the way. */
void catchup_notified(struct uplink *u, struct handle observer, msec now);
/* An Update begins, and proves by its answer that the server heard what went before. */
void catchup_asked(struct uplink *u, msec now);
void catchup_answered(struct uplink *u);
/* The server cannot be told any more; its observations are still there. */
void catchup_lost(struct uplink *u);
void catchup_registered(struct uplink *u);
msec catchup_deadline(const struct agent *a);
void catchup_tick(struct agent *a, msec now);

/* ---- chronicle.c ---- */

/* From here on every line of the log passes it. */
void chronicle_init(struct agent *a);
void chronicle_load(struct agent *a);
void chronicle_stop(struct agent *a, msec now);
msec chronicle_deadline(const struct agent *a);
void chronicle_tick(struct agent *a, msec now);

/* ---- fetch.c ---- */

/* Begins or goes on with what the update's phase needs. */
void fetch_begin(struct agent *a, msec now);
/* Ends every exchange of it. What has come stays. */
void fetch_stop(struct agent *a, msec now);
msec fetch_deadline(const struct agent *a);
void fetch_tick(struct agent *a, msec now);
/* The envelope is whole; whatever brought it. */
void fetch_take_manifest(struct agent *a, struct bytes envelope, msec now);
/* The update ends with this result, and the log says why. */
void fetch_end_with(struct agent *a, enum firmware_result result, const char *reason, msec now);
void fetch_log_image(struct agent *a);
void fetch_log_complete(struct agent *a);

/* ---- push.c ---- */

/* False when the request is not part of a package. */
bool push_handle(struct agent *a, const struct coap_request *request, struct coap_response *ret, msec now);
