/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inside of the agent, shared by the parts of its composer only:
 *
 *     agent.c      life, events, time, requests from the server
 *     send.c       what the server hears of without asking
 *     account.c    Register, Update, De-register on the wire
 *     enrol.c      certificates on the wire
 *     fetch.c      manifest and image on the wire
 *     logline.c    lines for the log port
 *
 * Each part is a set of functions over `struct agent`; the state machines themselves are leaves. */
#pragma once

#include "agent/agent.h"
#include "agent/deploy.h"
#include "agent/logline.h"
#include "agent/objects.h"
#include "agent/register.h"
#include "agent/renewal.h"
#include "agent/report.h"
#include "coap/blockget.h"

#define AGENT_OBJECTS_MAX       16
#define AGENT_ID_TEXT_BYTES     6
#define AGENT_LINKS_BYTES       2048
#define AGENT_SCRATCH_BYTES     12288
#define AGENT_ROOM_BYTES        512
#define AGENT_AUTHORITIES_BYTES 4096
#define AGENT_FINER_BLOCKS      4 /* how much smaller a server's blocks may be than ours, for the largest image */

/* The transfer that runs; at most one. */
struct fetch {
	enum { FETCH_NOTHING, FETCH_MANIFEST, FETCH_IMAGE } what;
	struct handle exchange; /* of the manifest */
	struct coap_options options;
	uint8_t room[AGENT_ROOM_BYTES]; /* what `options` borrows */
	struct coap_blockget image;
	uint8_t *bitmap;
	void *memory;  /* of `image` */
	msec retry_at; /* after a 5.xx, or when the endpoint was full; NEVER */
	msec backoff;
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

/* A path of the endpoint's resource table. */
struct agent_entry {
	struct agent *agent;
	struct path path;
	char text[AGENT_ID_TEXT_BYTES]; /* of the path, as the endpoint wants it */
};

struct agent {
	struct agent_config config;
	struct agent_ports ports;
	struct deploy_config deploy_config;
	struct deploy_ports deploy_ports;
	struct prng chance;

	struct coap_endpoint *endpoint;
	struct coap_remote server; /* meaningful while connected */
	bool is_connected, is_stopping, is_stopped;
	struct registration registration;
	struct handle account_exchange;
	struct renewal renewal;
	struct handle enrol_exchange;
	size_t authorities_len; /* the bag of /crts, until the certificate has come */
	uint8_t authorities[AGENT_AUTHORITIES_BYTES];
	uint8_t links[AGENT_LINKS_BYTES];

	struct deploy deploy;
	struct fetch fetch;
	struct report report;
	struct sends sends;
	struct object_world world;
	struct portfolio portfolio;
	struct services services;
	struct objects objects;
	msec sampled_at;
	msec reboot_at;

	enum update_phase logged_phase;
	uint8_t logged_result;
	struct agent_counters counters;
	const struct object *table[AGENT_OBJECTS_MAX];
	uint16_t steady[AGENT_OBJECTS_MAX];
	uint32_t resource_count;
	struct coap_resource resources[AGENT_OBJECTS_MAX + 2]; /* and Security and the root */
	struct agent_entry entries[AGENT_OBJECTS_MAX + 2];
	uint8_t scratch[AGENT_SCRATCH_BYTES];
};

/* ---- agent.c ---- */

/* Does what the update engine wants of the network and of observers. */
void agent_follow(struct agent *a, const struct deploy_outcome *outcome, msec now);
/* Feeds one event to the update engine and follows. */
void agent_update_event(struct agent *a, const struct update_event *event, msec now);
/* The association does not answer any more. */
void agent_suspect(struct agent *a, const char *why, msec now);

/* ---- account.c ---- */

/* Carries out what the registration wants until it waits. */
void account_act(struct agent *a, msec now);

/* ---- enrol.c ---- */

void enrol_connected(struct agent *a, msec now);
void enrol_stop(struct agent *a, msec now);
void enrol_tick(struct agent *a, msec now);

/* ---- send.c ---- */

/* The server is to hear of it as soon as it can. */
void send_wish(struct agent *a, enum send_story story);
msec send_deadline(const struct agent *a);
void send_tick(struct agent *a, msec now);

/* ---- fetch.c ---- */

/* Begins or goes on with what the update's phase needs. */
void fetch_begin(struct agent *a, msec now);
/* Ends every exchange of it. What has come stays. */
void fetch_stop(struct agent *a, msec now);
msec fetch_deadline(const struct agent *a);
void fetch_tick(struct agent *a, msec now);
