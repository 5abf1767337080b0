/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Random worlds for the CoAP stack: what their parts know of each other.
 *
 *     main.c     reads the options, counts the worlds
 *     story.c    the course of one world: trouble, healing, and whether the rules held
 *     trouble.c  what befalls it: restarts, cuts, jumps of the clock, bytes of strangers
 *     client.c   what the endpoints ask of each other
 *     server.c   what they answer
 *     stranger.c what servers send to addresses that are not verified
 *     group.c    requests that go to all at once
 *     body.c     bodies that tell whether they are whole
 *
 * One world lives at a time, in the variables below. All chance comes from its seed. */
#pragma once

#include "coap/endpoint_state.h"
#include "tests/sim/peer.h"

#define NODES_MAX     4
#define ASKS_MAX      512
#define BODY_MAX      4000
#define ID_BYTES      8
#define TROUBLE_LASTS SECONDS(1200)
#define HEALS_IN      SECONDS(9000)

enum what { COUNT, EXCHANGE, STORE, MADE, WHOLE, WATCH, WHATS };

/* A request, as the world remembers it. Its number is in its body, or in its query. */
struct ask {
	enum what what;
	unsigned node, life; /* who asked, in which of its lives */
	unsigned lives;      /* of all nodes, when it was asked */
	size_t length;       /* of the body that goes out, or is to come back */
	struct handle exchange;
	uint8_t body[BODY_MAX];
	unsigned run_by; /* the server's life in which it ran last; 0 for never */
	uint64_t ran_with_echo;
	bool has_ended, is_observing;
};

/* An answer that a server gives later. */
struct owed {
	struct handle later;
	unsigned life, ask;
	msec at;
};

struct node {
	struct peer peer;
	struct world_node ear; /* hears what is sent to the group */
	struct coap_endpoint_config config;
	struct coap_resource resources[WHATS];
	unsigned index, life; /* lives are numbered over all nodes */
	uint64_t state;       /* of /watch: how long its body is now */
	struct owed owed[64];
	unsigned owed_count;
};

extern const char *const ask_paths[WHATS];
extern struct world world;
extern struct prng chance; /* of the troubles, not the world's */
extern struct node nodes[NODES_MAX];
extern struct ask asks[ASKS_MAX];
extern unsigned node_count, ask_count, lives, answered, failed, executions;
extern uint64_t bytes_to_strangers;
extern bool is_talkative, has_qblock, has_peers, has_groups;

/* ---- story.c ---- */

/* Lives one world. When a rule is broken it says which, and how to see it again, and ends the program. */
void story_run(uint64_t seed);
/* What all worlds had so far. */
void story_totals(unsigned long long *ret_requests, unsigned long long *ret_datagrams);
_Noreturn void broken(const char *rule, unsigned ask);
/* By chance. Both ends are among what may come. */
uint32_t draw(uint32_t from, uint32_t to);

/* ---- trouble.c ---- */

void trouble_configure(struct node *n);
void trouble_start_life(struct node *n);
void trouble_happens(void);
struct link_quality trouble_network(void);

/* ---- client.c ---- */

/* NULL when there is no room for a request now. */
struct ask *client_ask(struct node *from, const struct node *to);

/* ---- server.c ---- */

void server_make_resources(struct node *n);
void server_answer_what_is_due(struct node *n);

/* ---- stranger.c ---- */

/* For a new world. */
void stranger_begin(void);
/* Counts a datagram that has come to the server from an address, which may be verified by it (RFC 9175). */
void stranger_says(const struct node *server, const struct address *from, struct bytes datagram);
/* A filter of the link: counts what servers send, and breaks off the world when one sends more than amplification_max
 * times what came, over the whole of its life, from an address that has never brought back an Echo value. */
bool stranger_watches_link(void *context, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now);

/* ---- group.c ---- */

/* The address of all; worlds whose seed is odd have one. */
struct address group_address(void);
/* The node hears what is sent there, in its present life. */
void group_join(struct node *n);
/* Sends on to each node but the sender what is for the group; each copy has a fate of its own. False for anything
 * else. */
bool group_spread(const struct address *from, const struct address *to, struct bytes datagram, msec now);

/* ---- body.c ---- */

/* The part at `offset` of the body of this number. */
void body_fill(uint8_t *to, uint64_t id, uint64_t offset, size_t length);
/* The number that the body has in its first bytes. */
uint64_t body_id(struct bytes body);
bool body_is_whole(struct bytes body, uint64_t id, size_t length);
