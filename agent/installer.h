/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The ports through which an image becomes the running program: slots, the boot choice, the payload, the digest.
 *
 * A device has two slots. One is active: its image runs. A download goes into the other one, which nobody runs. What an
 * update does to them, and in what order the journal is written meanwhile, is told in agent/update.h.
 *
 * Functions return 0 (or a count) or a negative errno, at once; they may block for a disk but not for a network. A port
 * never calls back: what ends later (a self-test, a payload that exits) reaches the agent as an event
 * (agent_self_test_done, agent_payload_exited). */
#pragma once

#include "coap/base/bytes.h"
#include "mgmt/signature.h"

/* The negative errnos that the core tells apart; edges check that they are those of their system. */
enum port_error {
	PORT_NO_ENTRY = -2,   /* -ENOENT */
	PORT_NO_MEMORY = -12, /* -ENOMEM */
	PORT_TOO_BIG = -27,   /* -EFBIG */
	PORT_NO_SPACE = -28,  /* -ENOSPC */
};

enum slot { SLOT_A, SLOT_B };

#define SLOT_COUNT 2

static inline enum slot slot_other(enum slot s)
{
	return s == SLOT_A ? SLOT_B : SLOT_A;
}

static inline const char *slot_name(enum slot s)
{
	return s == SLOT_A ? "a" : "b";
}

/* Where images lie. The agent never writes to the active slot. */
struct slot_port {
	void *context;
	/* Makes room for `size` bytes and opens the slot for writing. 1 when `keep` was asked and what an earlier
	 * download has synced is still there; 0 when the slot begins anew; -ENOSPC when the image cannot fit. */
	int (*prepare)(void *context, enum slot slot, uint64_t size, bool keep);
	/* All of `data` or an error; may be repeated and come in any order within the prepared size. */
	int (*write)(void *context, enum slot slot, uint64_t offset, struct bytes data);
	/* What is written before a sync that returned 0 survives a power cut. */
	int (*sync)(void *context, enum slot slot);
	/* Fills `buffer` from `offset`; the count is short only at the end of the image. */
	int (*read)(void *context, enum slot slot, uint64_t offset, void *buffer, size_t len);
	/* Gives the space back. */
	int (*discard)(void *context, enum slot slot);
};

/* Which slot the machine starts. The choice survives power cuts: after one, it is the old or the new slot. */
struct boot_port {
	void *context;
	int (*activate)(void *context, enum slot slot);
	/* -ENOENT when no slot has ever been activated. */
	int (*active)(void *context, enum slot *ret);
};

/* The program in a slot. At most one runs, and at most one self-test. */
struct payload_port {
	void *context;
	int (*start)(void *context, enum slot slot);
	/* Ends the payload or the self-test, whatever runs; nothing is reported for it afterwards. */
	void (*stop)(void *context);
	/* Runs the image's own test; agent_self_test_done follows unless stopped. The agent keeps the time limit. */
	int (*self_test)(void *context, enum slot slot);
};

/* SHA-256 as a stream; one at a time. */
struct digest_port {
	void *context;
	void (*begin)(void *context);
	void (*add)(void *context, struct bytes data);
	void (*end)(void *context, uint8_t ret[SHA256_BYTES]);
};
