/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The real server on a real endpoint in the virtual world, with a store whose latency and failures the test decides,
 * and devices that are endpoints with an object 5 under the test's hand. */
#pragma once

#include "mgmt/signature_wolfcrypt.h"
#include "server/server.h"
#include "tests/sim/peer.h"
#include "tests/sim/store_memory.h"

#define STAGE_DEVICES     4
#define STAGE_IMAGE_BYTES 5000
#define STAGE_LOG_MAX     64
#define STAGE_PUBLIC_URI  "coaps://192.0.2.1:5684"
#define STAGE_LINKS       "</>;ct=\"60 110 112 11542\",</1/0>,</3/0>,</5>;ver=1.1,</5/0>,</26250/0>"

struct stage;

struct stage_device {
	struct peer peer;
	struct stage *stage;
	char name[16];
	char version[16];
	enum firmware_state state;
	enum firmware_result result;
	char uri[160];
	bool is_deaf;               /* no request reaches it */
	bool is_verbose;            /* its /3/0 has more than anybody takes */
	uint16_t refused_accept;    /* GETs with this Accept are answered 4.06; 0 for none */
	bool forgets_offers;        /* takes them and does nothing */
	enum coap_code refuses;     /* offers, pushes and words to install, with this; 0: takes them */
	bool only_pushes;           /* it has no Package URI and says so */
	enum firmware_result finds; /* of what is pushed, and then refuses it with 4.00 */
	uint8_t package[8192];
	size_t package_len;
	unsigned pushes;
	struct handle observer_firmware, observer_health;
	unsigned offers, executes, resets;
	char log[STAGE_LOG_MAX][48]; /* requests in their order: "GET 3/0" */
	unsigned log_count;
	bool is_blank;           /* answers as one that is bootstrapped, whose account for that is /0/0 */
	const char *fails_at;    /* blank, answers 4.00 to this request of the log */
	enum coap_code finished; /* blank, its answer to Bootstrap-Finish; 0 for 2.04 */
	uint8_t written[2][512]; /* blank, what was written last to objects 0 and 1 */
	size_t written_len[2];
	/* of its last own request */
	enum coap_code code;
	unsigned answers;
	char location[32];
	struct bytes body;
	uint8_t body_bytes[8192];
};

struct stage {
	struct world world;
	struct world_node node;
	struct server *server; /* NULL while it is down */
	struct coap_endpoint *endpoint;
	void *memory, *endpoint_memory;
	struct server_config config;
	struct store_memory store;
	struct signature_port signature;
	struct trust_anchors anchors;
	struct trust_key secret;
	const struct pki_issuer *issuer; /* NULL: nobody enrols */
	bool verifies, is_capturing;
	uint8_t image[STAGE_IMAGE_BYTES], image_digest[SHA256_BYTES];
	bool has_image, image_is_broken;
	uint8_t upload[STAGE_IMAGE_BYTES];
	size_t upload_len;
	uint64_t upload_ticket; /* 0: none finished */
	enum artifact_result upload_result;
	struct stage_device devices[STAGE_DEVICES];
	struct server_done done;
	unsigned dones;
	enum coap_code answer; /* of the last errand that a device has answered */
	size_t answer_count;   /* its records */
	unsigned answers;
	uint8_t envelope[MANIFEST_ENVELOPE_MAX];
	size_t envelope_len;
};

/* Everything up, the server started, no device connected. `config` may be NULL. */
void stage_begin(struct stage *s, const struct server_config *config);
void stage_end(struct stage *s);
/* As kill -9, and a start from what the store has. */
void stage_kill(struct stage *s);
void stage_start(struct stage *s);

void stage_connect(struct stage *s, unsigned device);
void stage_disconnect(struct stage *s, unsigned device);
/* The device sends a request; `path` as "/rd?ep=x". stage_run lets the answer come. */
void stage_request(struct stage *s, unsigned device, enum coap_code method, const char *path, const char *body);
/* The same with a body of any format, and an Accept option; COAP_FORMAT_NONE for none. */
void stage_send(struct stage *s, unsigned device, enum coap_code method, const char *path, uint16_t format,
	struct bytes body, uint16_t accept);
/* As stage_request, and waits for the answer up to 100 s; its code, 0 for none. */
enum coap_code stage_ask(struct stage *s, unsigned device, enum coap_code method, const char *path, const char *body);
enum coap_code stage_register(struct stage *s, unsigned device);
/* Connects, registers, and lets everything that follows happen. */
void stage_bring(struct stage *s, unsigned device);
void stage_run(struct stage *s, msec span);

/* The device's object 5 changes, and is notified. */
void stage_firmware(struct stage *s, unsigned device, enum firmware_state state, enum firmware_result result);

/* A signed envelope for the image, which is then there. */
void stage_sign(struct stage *s, const char *version, uint64_t sequence);
/* Signs and adds a release of this name. */
void stage_publish(struct stage *s, const char *name, const char *version, uint64_t sequence);
/* Starts a rollout to all registered devices; its number. */
uint32_t stage_roll_out(struct stage *s, const char *release, const struct rollout_plan *plan);
/* Lets a command that was accepted come to its end; its result. */
enum server_result stage_await(struct stage *s, enum server_result result);

const struct device *stage_find(const struct stage *s, unsigned device);
const struct rollout_entry *stage_entry(const struct stage *s, uint32_t rollout, unsigned device);
/* How many durable events of this type there are. */
unsigned stage_events(const struct stage *s, enum event_type type);
