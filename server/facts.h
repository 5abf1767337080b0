/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What devices tell of themselves: bodies of answers, notifications and Sends become fields of a struct device.
 *
 * A body is taken over whole or not at all. A report of a whole instance replaces what was known of that instance. */
#pragma once

#include "mgmt/payload.h"
#include "server/registry.h"

#define FACTS_DEVICE   1u /* /3/0: manufacturer, model, serial number, version: something of it has changed */
#define FACTS_VERSION  2u /* the version has changed */
#define FACTS_FIRMWARE 4u /* /5/0 was reported */
#define FACTS_HEALTH   8u /* /26250/0 was reported */

/* Reads a body that lies within `base`, PATH_ROOT for a Send. `*ret_facts` tells what it held. */
enum payload_verdict facts_read(struct registry *r, struct device *device, uint32_t format, struct path base,
	struct bytes body, struct arena *scratch, wall_msec wall, unsigned *ret_facts);
