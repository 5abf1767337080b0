/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The registration with one server (lwm2m interface sections 3.3 and 3.4).
 *
 *                 connect                   connected                 2.01
 *     OFFLINE --------------> CONNECTING --------------> REGISTERING ------> REGISTERED <---+ 2.04
 *        ^  ^ back-off            | failed                    | silent          |  | due    |
 *        |  +---------------------+---------------------------+                 |  v        |
 *        |                                                                      | UPDATING -+
 *        |  association lost                                                    |  | 4.xx: REGISTERING at once
 *        +----------------------------------------------------------------------+--+ silent: closed, OFFLINE
 *                                                                               |
 *                              shutdown, disable ---> DEREGISTERING ---> OFFLINE or STOPPED
 *
 * - A new association is a new security context, so it registers; an Update is not enough (section 2).
 * - An Update goes out before the lifetime ends: after lifetime minus the smaller of its half and MAX_TRANSMIT_WAIT
 *   (93 s, RFC 7252 section 4.8.2), minus up to a tenth more by chance so that a fleet does not move in step.
 * - Silence means that the association is suspect (the server restarted, a NAT forgot us): it is closed and made anew.
 * - A refusal of Register (4.00, 4.03, 4.12, 5.xx) is tried again with the same back-off; a refusal of an Update
 * registers.
 * - Back-off doubles from first to max, with a random part of up to a half, and begins anew after a success. A server
 *   may have set how many attempts make a sequence, and how long to wait between sequences (section 3.4). When as many
 *   have failed as it allows, register_has_failed says so, for the composer to bootstrap; it is tried on all the same,
 *   since a device that has given up could be reached by nobody.
 *
 * The module is asked what to do and told what came of it; it sends nothing. */
#pragma once

#include "coap/base/bytes.h"
#include "coap/base/msec.h"
#include "coap/base/prng.h"

#define REGISTER_LOCATION_MAX          64
#define REGISTER_LOCATION_SEGMENTS_MAX 4

enum register_state {
	REGISTER_OFFLINE,
	REGISTER_CONNECTING,
	REGISTER_REGISTERING,
	REGISTER_REGISTERED,
	REGISTER_UPDATING,
	REGISTER_DEREGISTERING,
	REGISTER_STOPPED,
};

enum register_action {
	REGISTER_WAIT, /* nothing is due */
	REGISTER_CONNECT,
	REGISTER_CLOSE,
	REGISTER_SEND_REGISTER,
	REGISTER_SEND_UPDATE, /* with the lifetime when `tells_lifetime`, the list of objects when `tells_list` */
	REGISTER_SEND_DEREGISTER,
};

struct register_config {
	uint32_t lifetime_s;
	msec connect_timeout_ms; /* of an attempt that ends in neither success nor failure */
	msec retry_first_ms, retry_max_ms;
	msec initial_delay_ms;
	uint16_t attempts, sequences; /* 0 attempts: it is tried without end, at retry_max_ms in the long run */
	msec sequence_delay_ms;       /* between two sequences of attempts */
};

struct registration {
	enum register_state state;
	uint32_t lifetime_s;
	msec retry_first, retry_max, connect_timeout;
	msec sequence_delay;
	uint16_t attempts, failures_max;
	uint32_t failures; /* in a row */
	bool was_registered;
	msec backoff;      /* before the next attempt, without its random part */
	msec at;           /* when the current state asks for something; NEVER while an answer is awaited */
	msec silent_until; /* end of a Disable (/1/0/4); 0 for none */
	bool must_close;   /* an association is to be ended before anything else */
	bool must_send;    /* another Update is wanted when the one on its way has been answered */
	bool tells_lifetime, tells_list;
	bool is_stopping;
	struct prng *chance;
	uint8_t location_count; /* path segments given by the server, each behind its length */
	uint8_t location_len;
	uint8_t location[REGISTER_LOCATION_MAX];
};

/* OFFLINE, and due to connect after the initial delay. `chance` is borrowed for life. */
void register_init(struct registration *r, const struct register_config *config, struct prng *chance, msec now);

/* ---- what happened ---- */

void register_connected(struct registration *r, msec now);
void register_disconnected(struct registration *r, msec now);
/* The answer to Register: `location` is one entry per segment. False when it cannot be kept (too long, no segment): the
 * registration then counts as refused. */
bool register_accepted(struct registration *r, const struct bytes *location, size_t segments, msec now);
/* The answer to Register is an error. */
void register_refused(struct registration *r, msec now);
/* The answers to Update. */
void register_updated(struct registration *r, msec now);
void register_forgotten(struct registration *r, msec now);
/* A request of ours, of whatever kind, got no answer at all. */
void register_silent(struct registration *r, msec now);
/* De-register has been answered, or will not be. */
void register_left(struct registration *r, msec now);

/* ---- what somebody wants ---- */

/* /1/0/8, or a change the server must learn of. */
void register_trigger(struct registration *r, msec now);
/* /1/0/1 */
void register_set_lifetime(struct registration *r, uint32_t lifetime_s, msec now);
/* There are other objects or instances than those registered. */
void register_list_changed(struct registration *r, msec now);
/* /1/0/4: de-register, be silent for so long, begin anew. The De-register goes out a second later: overtaking the
 * answer to the Execute, it would tell the server that what it asked has come to nothing. */
void register_disable(struct registration *r, msec silence, msec now);
/* The association is to be made anew, with another credential. */
void register_reconnect(struct registration *r, msec now);
void register_stop(struct registration *r, msec now);

/* ---- time ---- */

msec register_deadline(const struct registration *r);
/* What to do now; call until WAIT. */
enum register_action register_due(struct registration *r, msec now);

/* ---- questions ---- */

bool register_is_registered(const struct registration *r);
/* As many attempts in a row have failed as make all sequences, or five where there are none. */
bool register_has_failed(const struct registration *r);
/* The segment number `i` of the location. */
struct bytes register_location(const struct registration *r, uint8_t i);
