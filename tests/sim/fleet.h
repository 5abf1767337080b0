/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A whole fleet in the virtual world: the real server and the real agents on real CoAP endpoints, with disks, stores
 * and programs in memory.
 *
 * Associations have the shape of DTLS without its cryptography: a device says hello with its name until it is welcomed
 * with a number, and from then on every datagram carries that number. A server that was killed knows no numbers, so it
 * drops what comes and the device has to find out by itself, as with real sessions. A fleet that is_secure has real
 * DTLS instead; no filter or trace sees into its datagrams. */
#pragma once

#include "agent/agent.h"
#include "mgmt/signature_wolfcrypt.h"
#include "server/server.h"
#include "tests/agent/disk.h"
#include "tests/sim/secure.h"
#include "tests/sim/store_memory.h"
#include "tests/sim/world.h"

#define FLEET_DEVICES_MAX        16
#define FLEET_ARTIFACTS_MAX      8
#define FLEET_NAME_BYTES         16
#define FLEET_BLOCK_BYTES        64  /* of downloads */
#define FLEET_SECURE_BLOCK_BYTES 512 /* the same, longer than what may go to a new address at once */
#define FLEET_PROGRESS_EVERY     8   /* blocks between two entries in the journal */
#define FLEET_ANSWER_BYTES       4096
#define FLEET_TOKEN              1 /* of commands whose outcome fleet_await waits for; others may have other ones */

struct fleet_artifact {
	uint8_t digest[SHA256_BYTES];
	size_t size;
	uint8_t bytes[DISK_SLOT_BYTES + 1024];
};

#define FLEET_HISTORY_MAX   4096
#define FLEET_BACKLOG_BYTES 32768

/* A number that the server has put into its history. */
struct fleet_sample {
	struct path path;
	wall_msec at;
	double number;
};

struct fleet_session {
	uint32_t number;  /* 0: none */
	uint32_t attempt; /* that it was made for; the same hello again gets the same welcome */
	char name[FLEET_NAME_BYTES];
	struct coap_remote remote;
};

struct fleet_server {
	struct world_node node;
	struct server *server; /* NULL while it is down */
	struct coap_endpoint *endpoint;
	void *memory, *endpoint_memory;
	struct store_memory store;
	struct signature_port hash;
	struct fleet_artifact artifacts[FLEET_ARTIFACTS_MAX];
	size_t artifact_count;
	struct fleet_session sessions[FLEET_DEVICES_MAX];
	uint32_t newest_session;   /* also how many there have been */
	struct secure_end *secure; /* NULL without */
	struct server_done done;   /* of the last command */
	bool has_done;
	struct fleet_sample history[FLEET_HISTORY_MAX]; /* of all devices, as it came; what does not fit is left out */
	size_t history_count;
	uint32_t watch;                  /* the number of the observation that the last answer began */
	char answer[FLEET_ANSWER_BYTES]; /* of the last errand: its code, and what was read */
};

/* What the device's new program does in its self-test and afterwards; the story decides. */
struct fleet_program {
	bool self_test_fails, self_test_hangs;
	msec exits_after; /* after its start; 0 never */
};

struct fleet_device {
	struct world_node node;
	struct fleet *fleet;
	char name[FLEET_NAME_BYTES];
	char hello_name[FLEET_NAME_BYTES]; /* that of its credential; the story may make it another */
	struct agent *agent;               /* NULL while it is off */
	struct coap_endpoint *endpoint;
	void *memory, *endpoint_memory;
	struct disk disk;
	struct sha256_stream digest;
	uint8_t backlog[FLEET_BACKLOG_BYTES]; /* the record of the shelf; there are no others */
	size_t backlog_len;
	unsigned backlog_writes;
	struct fleet_program program[SLOT_COUNT]; /* of what lies in each slot */
	enum deploy_program seen;                 /* what ran when last looked */
	unsigned seen_starts, seen_self_tests;
	msec program_ends;         /* self-test or payload; NEVER */
	struct secure_end *secure; /* NULL without */
	struct coap_remote remote; /* the server in its session */
	uint32_t session;          /* 0: none */
	uint32_t attempt;          /* to connect; over all boots */
	unsigned hellos_left;
	msec hello_at, power_back_at; /* NEVER */
	unsigned boots, power_cuts, reboots_asked;
	uint64_t blocks_fetched, blocks_repeated; /* of the boots before this one */
};

/* One datagram as it is sent. */
struct fleet_datagram {
	unsigned device; /* the end that is not the server */
	bool to_server;
	unsigned times;                     /* 1, or more when this very datagram was sent before */
	const struct coap_message *message; /* NULL: a hello or a welcome */
};

/* False loses the datagram. */
typedef bool fleet_filter(void *context, const struct fleet_datagram *d, msec now);

#define FLEET_TRACE_RECENT 256
#define FLEET_TRACE_BYTES  8192

struct fleet_trace_recent {
	uint64_t hash;
	unsigned times;
};

/* The story as lines such as "[  2990] device-0 > server: CON POST /rd (2nd) LOST". */
struct fleet_trace {
	bool is_on;
	msec since;        /* times are counted from here */
	uint64_t requests; /* of the server to devices, repeats not counted */
	size_t next, len;
	struct fleet_trace_recent recent[FLEET_TRACE_RECENT];
	char text[FLEET_TRACE_BYTES]; /* what does not fit is left out */
};

struct fleet {
	struct world world;
	struct fleet_server server;
	struct fleet_device devices[FLEET_DEVICES_MAX];
	unsigned device_count;
	struct trust_key secret;
	struct trust_anchors anchors;
	struct signature_port signature;
	uint8_t class_id[MANIFEST_UUID_BYTES]; /* that manifests are signed for */
	fleet_filter *filter;                  /* the story's; may be NULL */
	void *filter_context;
	struct fleet_trace trace;
	bool is_secure;    /* by real DTLS; to be set before anything starts */
	bool is_talkative; /* prints the log lines of all */
};

/* The factory's image, version 1.0.0 with sequence number 1, is in slot a of every device. Nothing runs yet. */
void fleet_init(struct fleet *f, uint64_t seed, unsigned devices);
void fleet_done(struct fleet *f);

void fleet_start_server(struct fleet *f);
/* As kill -9: what the store had not confirmed is lost, associations are forgotten. */
void fleet_kill_server(struct fleet *f);
/* Stops the server and starts it again with the associations of the first `kept` devices as they were written down:
 * all of them at a clean stop, fewer after kill -9. */
void fleet_restart_server(struct fleet *f, unsigned kept);
void fleet_start_device(struct fleet *f, unsigned device);
/* Its NAT gives the device another port, and what was on its way to the old one is lost. Only with real sessions. */
void fleet_move_device(struct fleet *f, unsigned device);
/* As a power cut. */
void fleet_kill_device(struct fleet *f, unsigned device);
/* The same, but the power comes back after a few seconds. */
void fleet_cut_power(struct fleet *f, unsigned device);
void fleet_start_all(struct fleet *f);

/* Starts a new trace, with the time and the count of requests from zero. */
void fleet_trace_begin(struct fleet *f);

/* Signs and writes an envelope for this image; its length. */
size_t fleet_sign(struct fleet *f, const uint8_t *image, size_t size, const char *version, uint64_t sequence,
	uint8_t *envelope, size_t capacity);
/* Makes an image artifact of these bytes. */
void fleet_store_artifact(struct fleet *f, const uint8_t *bytes, size_t size, const uint8_t digest[SHA256_BYTES]);
/* Stores the image, signs it and adds the release. False when the server refused. */
bool fleet_publish(struct fleet *f, const char *release, const uint8_t *image, size_t size, const char *version,
	uint64_t sequence);
/* Starts a rollout to all devices; its number, 0 when refused. */
uint32_t fleet_roll_out(struct fleet *f, const char *release, const struct rollout_plan *plan);
/* Lets time pass until the outcome of the command, which must have been given with FLEET_TOKEN, is there. */
enum server_result fleet_await(struct fleet *f, enum server_result accepted);

/* Has the device do it, within a minute. "2.05 Content\n/3/0/9 i 100\n", "4.05 Method Not Allowed\n", or for what no
 * device answered the result's text. Valid until the next one. */
const char *fleet_errand(struct fleet *f, unsigned device, const struct errand *errand);
/* Has it observed; the same, of its first answer. */
const char *fleet_watch(struct fleet *f, unsigned device, const struct errand *errand);

/* Let time pass until it holds; false when the span was not enough. */
bool fleet_until_registered(struct fleet *f, unsigned devices, msec span);
bool fleet_until_ended(struct fleet *f, uint32_t rollout, msec span);

const struct device *fleet_find(struct fleet *f, unsigned device);
enum entry_state fleet_entry(struct fleet *f, uint32_t rollout, unsigned device);
const char *fleet_why(struct fleet *f, uint32_t rollout, unsigned device);
/* Whether the program that runs now is exactly this image. */
bool fleet_runs(struct fleet *f, unsigned device, const uint8_t *image, size_t size);

/* Whether the boot choice names a slot with the whole factory image or the whole of this one. */
bool fleet_can_boot(const struct fleet *f, unsigned device, const uint8_t *image, size_t size);
/* Over all boots of the device. */
uint64_t fleet_blocks_fetched(const struct fleet *f, unsigned device);
uint64_t fleet_blocks_repeated(const struct fleet *f, unsigned device);

extern const uint8_t fleet_vendor_id[MANIFEST_UUID_BYTES], fleet_class_id[MANIFEST_UUID_BYTES];
extern uint8_t fleet_factory_image[];
#define FLEET_FACTORY_BYTES 500
