/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The port to where a device keeps what it was enrolled with, and which credential an association is made with.
 *
 * There are up to three: what the device came with (the factory's, in the configuration), a certificate in use, and the
 * next one, which has just been got. An attempt that fails says little about why: a server that is down, a network, and
 * a certificate that is not liked look alike. So the next one takes turns with the one in use until one of them gets
 * through; getting through with the next one makes it the one in use, and getting through with another although the
 * next one has failed several times throws it away. The one in use, when it fails again and again or has run out, takes
 * turns with the factory's, which is the way back: with it the device enrols anew. */
#pragma once

#include "coap/base/bytes.h"

enum keystore_slot { KEYSTORE_FACTORY, KEYSTORE_CURRENT, KEYSTORE_NEXT };

#define KEYSTORE_NEXT_FAILURES_MAX    3 /* attempts with the next one that failed, before it may be thrown away */
#define KEYSTORE_CURRENT_FAILURES_MAX 5 /* with the one in use, before the factory's is tried in turn */

struct keystore_choice {
	bool has_current, has_next; /* the factory's is always there */
	int64_t current_until;      /* seconds since 1970 */
	uint8_t failures[3];        /* in a row, by slot */
	enum keystore_slot using;   /* of the latest attempt */
	bool has_failed;            /* that one */
};

/* Which to make the next association with. `wall_s` is the clock, right or wrong; one that is behind never makes a
 * certificate look expired. */
enum keystore_slot keystore_choose(struct keystore_choice *c, int64_t wall_s);

enum keystore_change {
	KEYSTORE_SAME,
	KEYSTORE_PROMOTE, /* the next one has become the one in use */
	KEYSTORE_DISCARD, /* the next one is to be thrown away */
};

/* The attempt with `using` has made an association, or has not. */
enum keystore_change keystore_succeeded(struct keystore_choice *c);
void keystore_failed(struct keystore_choice *c);
/* A next one is there. */
void keystore_added(struct keystore_choice *c);

/* What the agent asks of it. NULL in agent_ports: this device does not enrol. */
struct keystore_port {
	void *context;
	/* What the association that stands was made with; false for the factory's. Seconds since 1970. */
	bool (*enrolled)(void *context, int64_t *ret_from, int64_t *ret_until);
	int64_t (*wall)(void *context);
	/* A certification request (PKCS #10, DER), valid until the next call. Its key is the same until a certificate
	 * for it has been accepted, over restarts too: an operator approves of a key. False: no randomness. */
	bool (*request)(void *context, struct bytes *ret);
	/* The certificate that came for it, and the authorities it may be from, DER. NULL when it is kept as the next
	 * one; else why not: it is for another key or name, of no such authority, or the disk will not have it. */
	const char *(*accept)(
		void *context, struct bytes certificate, const struct bytes *authorities, uint32_t authority_count);
};
