/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A client of ours and a server that is played by hand, so that it may say what no server of ours would. Each
 * outcome of the client's calls is counted. */
#pragma once

#include "tests/sim/byhand.h"

#define ASKER_BODY_MAX 20000

struct asker {
	struct world world;
	struct peer client;
	struct byhand server;
	uint8_t content[ASKER_BODY_MAX]; /* of bodies either way */
	struct coap_options options;     /* of the server's next message */
	uint16_t id;
	int outcomes[COAP_OUTCOME_BROKEN + 1];
	enum coap_code code;
	size_t body_len; /* of the latest outcome; its bytes were those of `content` */
	struct handle exchange;
};

/* A configuration with room for two bodies of 4096 bytes by Q-Block. */
struct coap_endpoint_config asker_config(void);
void asker_raise(struct asker *s, const struct coap_endpoint_config *config);
/* Cancels what goes on. Afterwards nothing is left of any call, and there was one outcome at most. */
void asker_strike(struct asker *s);
/* How many final outcomes there were. */
int asker_ended(const struct asker *s);
/* Before another call. */
void asker_forget(struct asker *s);

/* ---- the client ---- */

/* A call to the server with `body_len` bytes of the content. */
struct coap_call asker_call(struct asker *s, enum coap_code method, size_t body_len);
void asker_begin(struct asker *s, const struct coap_call *call);

/* ---- the server ---- */

/* Options of its next message. */
void asker_add(struct asker *s, uint16_t option, uint32_t value);
void asker_add_block(struct asker *s, uint16_t option, uint32_t number, bool has_more, uint8_t szx);
/* It answers `to`: by an ACK when that was confirmable. */
void asker_answer_to(struct asker *s, const struct coap_message *to, enum coap_code code, struct bytes payload);
/* It answers the latest message. */
void asker_answer(struct asker *s, enum coap_code code, struct bytes payload);
