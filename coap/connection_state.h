/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the table of connections is made of; for connection.c (life, time), connection_buffers.c (bytes) and
 * connection_input.c (messages) alone. Others use coap/connection.h. */
#pragma once

#include "coap/connection.h"
#include "coap/frame.h"
#include "coap/slotqueue.h"

/* Where the input begins; also keeps messages aligned. */
#define CONNECTION_INPUT_HEADROOM 64

struct coap_connection {
	struct address address;
	enum coap_connection_state state;
	enum coap_connection_end end; /* of a connection that is CLOSING */
	struct coap_settings peer;
	uint32_t input_start, input_end;   /* what has come and is not taken */
	uint32_t output_start, output_end; /* what waits to leave */
	msec since;                        /* when the state was entered */
	msec heard;                        /* when bytes came last */
	msec message_began;                /* the first byte of an unfinished message; NEVER without one */
	msec output_moved;                 /* when output began to wait, or some of it left */
	msec pinged;                       /* our own Ping is unanswered since; NEVER when none is */
	msec pong_owed;                    /* a Pong with custody is owed since; NEVER when none is */
	struct coap_token pong_token;
	bool has_ended;       /* the peer sends no more */
	bool is_peer_release; /* RELEASING because the peer said so: we close */
	bool is_idle_due, is_lost_due, is_done;
};

struct coap_connections {
	struct coap_connections_config config;
	struct coap_connections_counters counters;
	struct coap_settings own;
	struct coap_connection *items;
	struct slab slab;
	struct deadlines deadlines;
	struct coap_slot_queue news;    /* where something may have happened that the endpoint takes */
	struct coap_slot_queue touched; /* which the edge has to look at */
	uint32_t awaiting;              /* connections where somebody waits for all requests to be answered */
	size_t input_stride, output_stride;
	uint8_t *inputs, *outputs;
};

/* NULL when the connection is not known. */
struct coap_connection *coap_connection_get(const struct coap_connections *t, struct handle h);
struct coap_remote coap_connection_remote(const struct coap_connections *t, uint32_t slot);

static inline uint32_t coap_connection_slot(struct handle h)
{
	return h.slot - COAP_CONNECTION_SLOTS;
}

static inline bool coap_connection_is_busy(const struct coap_connections *t, const struct coap_connection *c)
{
	return c->output_end - c->output_start > t->config.message_size_max;
}

void coap_connection_enter(struct coap_connections *t, uint32_t slot, enum coap_connection_state state, msec now);
/* Arms the deadline anew, after a moment it follows from has changed. */
void coap_connection_arm(struct coap_connections *t, uint32_t slot);
/* The connection carries nothing any more; what waits to leave may still leave. */
void coap_connection_lose(struct coap_connections *t, uint32_t slot, enum coap_connection_end end, msec now);
/* Not even that. */
void coap_connection_drop(struct coap_connections *t, uint32_t slot, enum coap_connection_end end, msec now);
/* Says why, then as lose. */
void coap_connection_give_up(
	struct coap_connections *t, uint32_t slot, enum coap_connection_end end, uint16_t bad_csm_option, msec now);
/* It is done when nothing is left to wait for. */
void coap_connection_finish_if_over(struct coap_connections *t, uint32_t slot);
/* Since when a Pong with custody is owed; NEVER: none is. */
void coap_connection_set_pong_owed(struct coap_connections *t, uint32_t slot, msec since);

/* ---- the buffers ---- */

void coap_connection_carve_buffers(struct coap_connections *t, struct carve *c);
uint8_t *coap_connection_input(const struct coap_connections *t, uint32_t slot);
/* Appends a message to the output. False when it does not fit. */
bool coap_connection_put(struct coap_connections *t, uint32_t slot, struct bytes datagram, msec now);
