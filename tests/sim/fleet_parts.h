/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the parts of the fleet share: frames, addresses, memory. For fleet*.c alone. */
#pragma once

#include "tests/sim/fleet.h"

#define FLEET_SERVER_URI "coaps://192.0.2.254:5684"
#define WALL_CLOCK_AHEAD ((wall_msec)1700000000000)

/* First byte of a datagram; no CoAP message begins like these. */
enum fleet_frame { FRAME_DATA = 1, FRAME_HELLO, FRAME_WELCOME };

#define FRAME_HEAD_BYTES 5 /* and the session's number */

struct address fleet_server_address(void);
void fleet_send(
	struct world_node *node, const struct address *to, enum fleet_frame frame, uint32_t session, struct bytes rest);
/* Filled with nonsense. */
void *fleet_take_memory(size_t size);
void fleet_log(struct fleet *f, const char *who, struct bytes line);

/* The functions of the nodes. */
void fleet_make_server(struct fleet *f);
void fleet_make_device(struct fleet *f, unsigned i);

/* Real DTLS, of a fleet that is_secure. */
void fleet_secure_open_server(struct fleet *f);
void fleet_secure_run_server(struct fleet *f, msec now);
void fleet_secure_open_device(struct fleet_device *d);
bool fleet_secure_connect(struct fleet_device *d, msec now);
void fleet_secure_run_device(struct fleet_device *d, msec now);
void fleet_secure_close(struct secure_end **end); /* *end may be NULL */

/* The link's filter: hands each datagram to the story's filter and writes the trace. */
bool fleet_see(void *fleet, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now);
