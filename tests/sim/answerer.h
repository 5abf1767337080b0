/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A server of ours and a client that is played by hand, so that it may ask what no client of ours would. Its resources:
 *
 *     /body     GET gives the content as one body, POST and PUT take one; observable
 *     /slices   GET gives the content slice by slice, with the ETag `version` */
#pragma once

#include "tests/sim/byhand.h"

#define ANSWERER_BODY_MAX 20000

struct answerer {
	struct world world;
	struct peer server;
	struct byhand client;
	uint8_t content[ANSWERER_BODY_MAX];
	size_t content_len;
	uint8_t version;
	struct coap_resource resources[2];
	int executed; /* POST and PUT */
	size_t got_len;
	enum coap_code code; /* of the answer to a GET of /body, 2.05 at first */
	bool answers_later;  /* to POST and PUT, and when a notification is wanted */
	bool forgets;        /* the observer for whom a notification is wanted */
	bool is_short;       /* each slice lacks a byte */
	uint16_t option_len; /* of an option 2048 in each answer of /body; 0 for none */
	struct handle later;
	struct coap_options options; /* of the client's next message */
};

/* A configuration with room for two bodies of 4096 bytes by Q-Block, but without resources. */
struct coap_endpoint_config answerer_config(void);
/* With a content of so many bytes. */
void answerer_raise(struct answerer *s, const struct coap_endpoint_config *config, size_t content_len);
/* After five minutes nothing is left of any request. */
void answerer_strike(struct answerer *s);

/* Options of the client's next message. */
void answerer_add(struct answerer *s, uint16_t option, uint32_t value);
void answerer_add_block(struct answerer *s, uint16_t option, uint32_t number, bool has_more, uint8_t szx);
/* The client asks, with a token of one byte; a tenth of a second passes. */
void answerer_ask(struct answerer *s, enum coap_type type, enum coap_code method, const char *path, uint16_t id,
	uint8_t token, struct bytes payload);
/* What /body gives has changed. */
void answerer_change(struct answerer *s);
/* The answer to a request that was to be answered later: so many bytes of the content. */
void answerer_respond(struct answerer *s, enum coap_code code, size_t len);
