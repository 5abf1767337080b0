/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 16, Portfolio: texts about the host of this device that a server leaves with it and finds again, each under a
 * number of its own. What is answered as written or created lies on disk. */
#pragma once

#include "agent/shelf.h"

#include <stdbool.h>

#define PORTFOLIO_INSTANCES_MAX  4
#define PORTFOLIO_IDENTITIES_MAX 8
#define PORTFOLIO_TEXT_MAX       64
#define PORTFOLIO_RECORD_BYTES \
	(SHELF_HEAD_BYTES + PORTFOLIO_INSTANCES_MAX * (3 + PORTFOLIO_IDENTITIES_MAX * (3 + PORTFOLIO_TEXT_MAX)))

struct portfolio_identity {
	bool is_there;
	uint16_t id;
	uint8_t len;
	uint8_t text[PORTFOLIO_TEXT_MAX];
};

struct portfolio_instance {
	bool is_there;
	uint16_t id;
	struct portfolio_identity identities[PORTFOLIO_IDENTITIES_MAX]; /* those that are there first, ascending */
};

/* Those that are there first, ascending. */
struct portfolio_content {
	struct portfolio_instance instances[PORTFOLIO_INSTANCES_MAX];
};

struct portfolio {
	struct portfolio_content now, stored;
	struct shelf_port shelf;
	uint8_t record[PORTFOLIO_RECORD_BYTES];
};

/* Takes over what the shelf has. */
void portfolio_init(struct portfolio *p, const struct shelf_port *shelf);
