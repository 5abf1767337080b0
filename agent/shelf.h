/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the agent keeps on disk beside its journal: a few small records, each written as a whole and checked by a CRC-32
 * when it is read. Losing one costs no device: a record that is torn or rotten counts as none. */
#pragma once

#include "coap/base/bytes.h"

enum shelf_record { SHELF_PORTFOLIO, SHELF_EVENTS, SHELF_HISTORY, SHELF_ACCOUNTS, SHELF_KEYS, SHELF_COUNT };

/* Functions give 0 or more, or a negative errno. A port without functions keeps nothing, and that is no error. */
struct shelf_port {
	void *context;
	/* The length of the record, which has been put into `buffer`; 0 when there is none. */
	int (*load)(void *context, enum shelf_record which, void *buffer, size_t capacity);
	/* Replaces the record; the old or the new one is there after a loss of power. Durable when it returns 0. */
	int (*store)(void *context, enum shelf_record which, struct bytes record);
};

#define SHELF_HEAD_BYTES 4 /* the CRC in front of each record */

/* The content of the record, within `buffer`; empty when there is none that is whole. */
struct bytes shelf_load(const struct shelf_port *port, enum shelf_record which, void *buffer, size_t capacity);
/* `record` is SHELF_HEAD_BYTES, which are filled in here, and the content behind. 0 or -errno. */
int shelf_store(const struct shelf_port *port, enum shelf_record which, uint8_t *record, size_t len);
