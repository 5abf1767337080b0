/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The management server: the composer of this folder, sans-IO.
 *
 * It owns the leaves (registry, queue, releases, rollouts, events), shows /rd, /dp, /m and /a as CoAP resources,
 * follows every device that registers, and carries rollouts out. Decide, persist, reply: what a device or an operator
 * is told has been confirmed by the store before. Its owner (mgmtd, or a node of the simulator) does this:
 *
 *     s = server_init(memory, &config, &ports, seed);
 *     endpoint_config.resources = server_resources(s, &endpoint_config.resource_count);
 *     endpoint = coap_endpoint_init(...);
 *     visitor = server_visitor(s, now);                    ... the store loads into it ...
 *     server_start(s, endpoint, now);
 *     loop:  coap_endpoint_receive; server_connected, server_disconnected; server_stored, server_artifact_finished;
 *            at the earlier of coap_endpoint_deadline and server_deadline both ticks
 *     server_stop(s, now); loop until server_is_idle(s)
 *
 * A command either fails at once, which its result says and then nothing was changed, or gives SERVER_ACCEPTED; then
 * ports.done is called with its token once it is durable or has failed, always from within server_stored or
 * server_artifact_finished, never from within the command. Queries show memory, which may be ahead of the disk by the
 * batch that is under way; events are shown only when they are durable.
 *
 * All pointers that queries give are valid until the next call that is not a query. */
#pragma once

#include "coap/endpoint.h"
#include "pki/pki.h"
#include "server/approvals.h"
#include "server/artifact.h"
#include "server/bootstrap.h"
#include "server/errand.h"
#include "server/history.h"
#include "server/queue.h"
#include "server/store.h"

#define SERVER_PUBLIC_URI_MAX 128
#define WATCH_NAMES_BYTES     512
#define WATCH_BODY_BYTES      2048 /* of one report; longer ones are not kept */

struct server;

/* ---- configuration and ports ---- */

/* Borrowed texts must outlive the server. */
struct server_config {
	const char *public_uri; /* "coaps://192.0.2.1:5684": where devices reach us; offers begin with it */
	uint32_t devices;       /* capacity */
	uint32_t operations;    /* of all queues together; 0: 4 per device */
	uint32_t releases, rollouts, rollout_entries; /* 0: 64, 64, 2 per device */
	uint32_t events, updates;                     /* kept in memory; 0: 4096, 4096 */
	uint32_t denials;                             /* devices and certificates revoked; 0: 4096 */
	uint32_t claims;                              /* open, used and expired ones; 0: 1024 */
	uint32_t enrolments;                          /* that wait for approval; 0: 64 */
	uint32_t errands;                             /* of operators, under way; 0: 256 */
	uint32_t orders;                              /* that wait, run or have ended; 0: 2 per device, at least 256 */
	uint32_t order_days;                          /* how long ended ones are kept; 0: 7 */
	uint32_t watches;                             /* observations of operators; 0: 256 */
	uint32_t pending;                             /* changes under way to the store; 0: 1024 */
	uint32_t health_pmin_s, health_pmax_s;        /* 0: 5, 60 */
	uint32_t certificate_days;                    /* how long those that are issued hold; 0: 90 */
	uint32_t lifetime_min_s, lifetime_max_s;      /* of registrations; outside of them 4.00. 0: 1, 31536000 */
	const struct model *model;                    /* what objects there are; NULL: model_core */
	/* What /bs gives devices; borrowed. NULL: this is no Bootstrap server. */
	const struct bootstrap_accounts *bootstrap;
	bool needs_approval; /* of enrolments; not of claims that were made for a name */
	/* A Register that comes without security makes an association under the name it claims. For closed test nets
	 * only: anybody can be anybody there. */
	bool accepts_plain;
};

/* How a command ended. */
enum server_result {
	SERVER_ACCEPTED,     /* under way; ports.done follows */
	SERVER_DONE,         /* with ports.done: it lasts */
	SERVER_STORE_FAILED, /* with ports.done: nothing was changed */
	SERVER_BUSY,         /* too much is under way, or the server is stopping; try again */
	SERVER_FULL,         /* no room for another release, rollout or entry */
	SERVER_BAD_NAME,
	SERVER_BAD_MANIFEST, /* server_reason tells */
	SERVER_NO_VERSION,   /* the manifest does not say which version the image is */
	SERVER_FOREIGN_URI,  /* the manifest's URI is not /a/<digest of the image> */
	SERVER_NO_IMAGE,     /* the image of the manifest was not uploaded, or has another size */
	SERVER_NO_RELEASE,
	SERVER_NO_ROLLOUT,
	SERVER_NO_DEVICE, /* server_reason tells which */
	SERVER_NONE_SELECTED,
	SERVER_NOT_REVOKED,
	SERVER_NO_CLAIM,
	SERVER_NO_ENROLMENT,
	SERVER_EXISTS,      /* a release of this name or manifest is there already */
	SERVER_IN_USE,      /* a rollout that has not ended needs it */
	SERVER_WRONG_STATE, /* the rollout does not take this word now */
	SERVER_BAD_PLAN,
	SERVER_ARTIFACT, /* an upload failed; the enum artifact_result tells */
	SERVER_NOT_REGISTERED,
	SERVER_BAD_ERRAND,  /* the definitions of the device's objects are against it; server_reason tells */
	SERVER_NO_WATCH,    /* no such observation */
	SERVER_NO_ORDER,    /* no such order, or it is not known any more */
	SERVER_NOT_WAITING, /* the order runs or has ended, and cannot be cancelled */
	SERVER_UNSUPPORTED, /* the device speaks a version of LwM2M without this operation */
	SERVER_UNUSABLE,    /* with ports.done: the device's answer is broken, or larger than SERVER_BODY_MAX */
	SERVER_NO_ANSWER,   /* with ports.done: the device did not answer, or did not wake up in time */
};

/* What ports.done tells. */
struct server_done {
	uint64_t token;
	enum server_result result;
	uint32_t rollout;              /* number of the rollout started */
	enum artifact_result artifact; /* of an upload */
	struct artifact stored;        /* the artifact that an upload has become */
};

/* What a device answered to an errand. Everything is borrowed for the call. */
struct server_answer {
	uint64_t token;
	const struct device *device;
	const struct model *model; /* with the versions that the device has */
	enum errand_kind kind;
	enum coap_code code;
	bool is_unreadable; /* it has a body that nobody can make sense of; there are no records then */
	const struct record *records;
	size_t count;
	struct bytes body;    /* Discover: the links; an error: what the device says about it */
	struct path location; /* Create: where the instance is */
	uint32_t watch;       /* the number of the observation that begins with this; 0 for none */
};

enum server_log_level { SERVER_LOG_ERROR, SERVER_LOG_WARNING, SERVER_LOG_INFO, SERVER_LOG_DEBUG };

struct association_counters {
	uint64_t sessions; /* now */
	uint64_t handshakes;
	uint64_t addresses_changed, addresses_proved;
	uint64_t withheld;                /* messages too large for a new address that was not proved */
	uint64_t path_pings, path_echoes; /* how it was asked for (coap/path.h) */
};

/* The secure associations, where there are any. Each may be NULL. */
struct association_port {
	void *context;
	/* server_certificate_number of the certificate that the peer has proved itself by; 0 for none. */
	uint64_t (*certificate)(void *context, const struct coap_remote *remote);
	/* Whether the peer has proved itself by a pre-shared key; `*ret_number` is issued_key_number of the one it was,
	 * when the server has made it, else 0. NULL: by none. */
	bool (*psk)(void *context, const struct coap_remote *remote, uint64_t *ret_number);
	/* Ends an association whose device is not welcome any more, without telling the server. */
	void (*close)(void *context, const struct coap_remote *remote, msec now);
	/* All but the last two. */
	void (*counters)(void *context, struct association_counters *ret);
};

struct server_ports {
	struct store store;
	struct artifact_port artifacts;
	const struct signature_port *hash;    /* for its sha256 */
	const struct signature_port *anchors; /* to verify releases by; NULL: only their form is checked */
	struct history_port history;          /* what devices tell, over time; all NULL: it is not kept */
	const struct pki_issuer *issuer;      /* signs certificates of devices (RFC 9148); NULL: nobody enrols here */
	/* A command has ended. May be NULL. */
	void (*done)(void *context, const struct server_done *done, msec now);
	void *done_context;
	/* A device has answered an errand, be it with an error; what else can become of one comes by `done`. May be
	 * NULL. */
	void (*answered)(void *context, const struct server_answer *answer, msec now); /* with done_context */
	/* One line of key=value text without a newline, borrowed. May be NULL. */
	void (*log)(void *context, enum server_log_level level, struct bytes line);
	void *log_context;
};

/* ---- life ---- */

/* Bytes of memory, aligned to 64, for this configuration. Untouched pages cost nothing where they come on demand. */
size_t server_memory(const struct server_config *config);
/* `config` and `ports` are copied; `memory` stays the owner's. */
struct server *server_init(void *memory, const struct server_config *config, const struct server_ports *ports,
	const uint8_t seed[PRNG_SEED_BYTES]);
/* The table for the endpoint's configuration. Registrations and what is read of devices need a body_size_max of
 * SERVER_BODY_MAX. */
#define SERVER_BODY_MAX 16384
const struct coap_resource *server_resources(const struct server *s, uint32_t *ret_count);
/* Before the first association: the secure associations, for revocation to close. Without them it only forgets. */
void server_set_associations(struct server *s, const struct association_port *port);
/* How far the wall clock is ahead of `now`, in milliseconds; before loading, and whenever the wall clock was set. */
void server_set_clock(struct server *s, wall_msec ahead, msec now);
/* Where the store loads into, before server_start. */
struct store_visitor server_visitor(struct server *s, msec now);
/* Goes on with what was loaded. */
void server_start(struct server *s, struct coap_endpoint *endpoint, msec now);
/* Takes nothing new any more; server_is_idle tells when the store has confirmed what was under way. */
void server_stop(struct server *s, msec now);
bool server_is_idle(const struct server *s);

/* ---- input and time ---- */

/* The association `remote` stands and belongs to `endpoint_name`. */
void server_connected(struct server *s, const struct coap_remote *remote, struct bytes endpoint_name, msec now);
/* It is gone. Tells the endpoint as well (coap_endpoint_lost). */
void server_disconnected(struct server *s, const struct coap_remote *remote, msec now);
/* Associations that outlive the process: what to write down of one so that another server, which has loaded the same
 * store, can go on with it and the device notices nothing: whose it is, and what it is being watched for. `w` needs
 * SERVER_ASSOCIATION_MAX bytes. False when it is of no device. */
#define SERVER_ASSOCIATION_MAX 160
bool server_association_write(const struct server *s, const struct coap_remote *remote, struct writer *w);
/* In place of server_connected, after server_start. Nothing is sent for it unless the device has to be asked something.
 * False when the note is of another version, or there is no room for the device. */
bool server_association_read(struct server *s, const struct coap_remote *remote, struct bytes note, msec now);
/* The batch of this ticket lasts, or nothing of it does. */
void server_stored(struct server *s, uint64_t ticket, bool ok, msec now);
/* The upload finished under this ticket has become `artifact`, or has failed. */
void server_artifact_finished(
	struct server *s, uint64_t ticket, enum artifact_result result, const struct artifact *artifact, msec now);
msec server_deadline(const struct server *s);
void server_tick(struct server *s, msec now);

/* ---- who is welcome ---- */

/* What a handshake asks before it believes a credential. False: revoked, which has been counted and audited. */
bool server_admits(struct server *s, struct bytes name, msec now);
/* The same for a certificate of this name; `*ret_number` is what association_port.certificate has to tell. */
bool server_admits_certificate(struct server *s, struct bytes name, struct bytes der, uint64_t *ret_number, msec now);
/* For associations that are brought back: whether the certificate of this number is still welcome. */
bool server_admits_number(const struct server *s, uint64_t number);
/* A certificate is refused that is on its authority's revocation list; noted where `is_first`, else only counted. */
void server_refuse_listed(struct server *s, struct bytes name, bool is_first, msec now);
/* A certificate's fingerprint as a number that names it among live associations. The lower 32 bits are free for the
 * owner; wherever numbers come in they are passed over. */
uint64_t server_certificate_number(const uint8_t fingerprint[SHA256_BYTES]);
/* Walks through what is revoked: the cursor starts at 0; NULL at the end. */
const struct denial_place *server_denial_next(const struct server *s, uint32_t *cursor);

/* The key of a claim that is open. False: none of this identity, or used up or run out, which has been audited. */
bool server_claim_key(struct server *s, struct bytes identity, uint8_t ret_key[CLAIM_KEY_BYTES], msec now);
const struct claim_place *server_claim_find(const struct server *s, struct bytes identity);
const struct claim_place *server_claim_next(const struct server *s, uint32_t *cursor);

/* The key that the server has made for whoever has this identity (issued_key.h): its name, borrowed from the identity,
 * and what names the key in a principal. False: there is none. */
bool server_issued_key(struct server *s, struct bytes identity, uint8_t ret_key[DEVICE_KEY_BYTES],
	struct bytes *ret_name, uint64_t *ret_number);
/* Whether the device of this name has used such a key, so that no other is good for it. */
bool server_key_is_replaced(struct server *s, struct bytes name);
/* Whether an association that was made with this pre-shared key, 0 for one of a file, may go on or be brought back. */
bool server_psk_is_good(const struct server *s, struct bytes name, uint64_t number);

/* Enrolments that wait for approval, and those decided whose device has not come again. */
const struct approval *server_enrolment_next(const struct server *s, uint32_t *cursor);

/* ---- commands ---- */

/* Who asks and how to tell him: `actor` is the operator's name for the audit log, "" for none. */
struct server_ask {
	const char *actor;
	uint64_t token;
};

/* After a failed command: more about it, for people; "" when there is no more to say. */
const char *server_reason(const struct server *s);
const char *server_result_text(enum server_result result);

/* Uploads an image. begin and append answer at once (ARTIFACT_DONE); finish is a command, and says what is wrong with
 * the image (`ret_why`) when it answers SERVER_ARTIFACT at once. */
enum artifact_result server_upload_begin(struct server *s, uint64_t size, const uint8_t *digest, struct handle *ret);
enum artifact_result server_upload_append(struct server *s, struct handle upload, struct bytes data);
enum server_result server_upload_finish(
	struct server *s, struct handle upload, const struct server_ask *ask, msec now, enum artifact_result *ret_why);
void server_upload_cancel(struct server *s, struct handle upload);

/* Makes a release of a signed envelope; the image must have been uploaded before. */
enum server_result server_release_add(
	struct server *s, struct bytes name, struct bytes envelope, const struct server_ask *ask, msec now);
enum server_result server_release_remove(struct server *s, struct bytes name, const struct server_ask *ask, msec now);

enum selection_kind {
	SELECTION_ALL,   /* devices that are registered now */
	SELECTION_NAMES, /* these endpoint names, in this order; they need not be registered now */
	SELECTION_MODEL, /* registered devices whose model is `text` */
	SELECTION_TAG,   /* known devices with the tag `text` */
};

struct server_selection {
	enum selection_kind kind;
	struct bytes text;
	const struct bytes *names;
	uint32_t name_count;
};

/* `plan` may be NULL for the default. */
enum server_result server_rollout_start(struct server *s, struct bytes release,
	const struct server_selection *selection, const struct rollout_plan *plan, const struct server_ask *ask,
	msec now);
enum server_result server_rollout_command(
	struct server *s, uint32_t number, enum rollout_word word, const struct server_ask *ask, msec now);

/* Forgets a device; it may come back by registering. */
enum server_result server_device_remove(struct server *s, struct bytes name, const struct server_ask *ask, msec now);
/* Replaces its tags: words separated by single spaces. */
enum server_result server_device_tag(
	struct server *s, struct bytes name, struct bytes tags, const struct server_ask *ask, msec now);
/* Takes all credentials of a device away, or with a fingerprint (SHA-256 of the DER) one certificate: associations are
 * closed, registrations end, handshakes are refused until it is restored. The device need not be known. */
enum server_result server_revoke(struct server *s, struct bytes name, const uint8_t *fingerprint, struct bytes reason,
	const struct server_ask *ask, msec now);
/* Restoring a device leaves its revoked certificates as they are, each has to be restored for itself. */
enum server_result server_restore(
	struct server *s, struct bytes name, const uint8_t *fingerprint, const struct server_ask *ask, msec now);
/* Forgets the keys made for the device: the one it came with is good again. */
enum server_result server_key_forget(struct server *s, struct bytes name, const struct server_ask *ask, msec now);
/* Makes a claim of chance for a device of this name, or of any name when it is empty (claims.h). `*ret` has its key,
 * which is to be told when the command is done. */
enum server_result server_claim_create(struct server *s, struct bytes name, uint32_t hours,
	const uint8_t secret[CLAIM_SECRET_BYTES], const struct server_ask *ask, msec now, struct claim *ret);
enum server_result server_claim_remove(struct server *s, struct bytes identity, const struct server_ask *ask, msec now);
/* An operator's word on what server_enrolment_next shows; the device hears of it when it comes again. */
enum server_result server_enrolment_decide(
	struct server *s, struct bytes name, bool is_approved, const struct server_ask *ask, msec now);
/* Has a device do something, within `patience`: a device that sleeps is asked when it wakes up. What the device answers
 * comes by ports.answered, all else by ports.done with a result other than SERVER_DONE. An errand is sent once: when
 * its answer is lost, nobody knows whether it was carried out. What changes something is in the audit log before it is
 * sent.
 */
#define SERVER_ERRAND_BODY_MAX 4096
enum server_result server_errand(struct server *s, struct bytes name, const struct errand *errand, msec patience,
	const struct server_ask *ask, msec now);

/* The same as an order, which needs nobody who waits and outlives the server (orders.h): with ports.done it lasts, and
 * server_order_find tells what becomes of it. The device must be known, it need not be registered. `patience` is at
 * most ORDER_PATIENCE_MAX. */
#define ORDER_PATIENCE_MAX SECONDS(90 * 86400)
enum server_result server_order(struct server *s, struct bytes name, const struct errand *errand, msec patience,
	const struct server_ask *ask, msec now, uint64_t *ret_number);
/* Only while it waits. */
enum server_result server_order_cancel(struct server *s, uint64_t number, const struct server_ask *ask, msec now);

/* Observes what the errand reads: Observe for ERRAND_READ, Observe-Composite for ERRAND_READ_COMPOSITE. The first
 * answer comes as that of the errand would; when there is none, or it is an error, there is no observation. Otherwise
 * it lives until it is ended, as long as the server runs: it is begun anew whenever the device registers. */
enum server_result server_watch(struct server *s, struct bytes name, const struct errand *errand, msec patience,
	const struct server_ask *ask, msec now);
/* Ends the observation of this number: SERVER_DONE, at once. */
enum server_result server_unwatch(
	struct server *s, struct bytes name, uint32_t number, const struct server_ask *ask, msec now);

/* Adds an event of the owner's or the HTTP edge's to the audit log, such as EVENT_TOKEN_ADDED. */
enum server_result server_audit(
	struct server *s, enum event_type type, const char *detail, const struct server_ask *ask, msec now);

/* ---- queries ---- */

/* Cursors start at 0; NULL at the end. */
const struct device *server_device_next(const struct server *s, uint32_t *cursor);
const struct device *server_device_find(const struct server *s, struct bytes name);
const struct device *server_device_get(const struct server *s, struct handle device);
/* When its registration runs out, without grace; 0 when it is not registered. */
wall_msec server_device_expires_at(const struct server *s, const struct device *device);
uint32_t server_device_operations(const struct server *s, const struct device *device);
/* Other definitions count from now on; the former ones are needed no more when it returns. */
void server_set_model(struct server *s, const struct model *model);
/* The definitions of its objects, in the versions that it has. `choices` is storage for the answer. */
struct model server_device_model(
	const struct server *s, const struct device *device, struct model_choice choices[DEVICE_OBJECTS_MAX]);

/* One observation of an operator's; or, one for each device that does so, what it sends of its own accord. */
struct server_watch {
	uint32_t number; /* from 1; 0 in a free place */
	struct handle device;
	bool is_unasked;       /* what the device tells of its own accord, by Send: nobody asks for it */
	enum errand_kind kind; /* ERRAND_READ or ERRAND_READ_COMPOSITE */
	struct path path;
	struct handle exchange; /* of the observation; HANDLE_NONE while it is not established */
	uint64_t token;         /* of who waits for the first answer; 0 for nobody */
	uint64_t reports;       /* how often the device has told */
	wall_msec at;           /* when it last did */
	uint16_t formats[FORMAT_CANDIDATES_MAX];
	uint8_t format_count, tried;
	uint16_t names_len, format, body_len;
	uint8_t names[WATCH_NAMES_BYTES]; /* of a composite, as SenML CBOR */
	uint8_t body[WATCH_BODY_BYTES];   /* the last report, in `format` */
};

/* The observations of a device; the cursor starts at 0. NULL at the end. */
const struct server_watch *server_watch_next(const struct server *s, const struct device *device, uint32_t *cursor);
const struct server_watch *server_watch_find(const struct server *s, uint32_t number);
/* What it told last, and of a composite what it was asked for; their number. Valid until the next call to the server.
 */
size_t server_watch_values(
	struct server *s, const struct server_watch *w, const struct model *model, const struct record **ret);
size_t server_watch_names(struct server *s, const struct server_watch *w, const struct record **ret);

const struct release *server_release_next(const struct server *s, uint32_t *cursor);
const struct release *server_release_find(const struct server *s, struct bytes name);
/* The history of a device (history.h). False when it cannot be read, or none is kept. */
bool server_history(const struct server *s, const struct history_question *question, struct history_point *points,
	size_t *ret_count);
struct history_counts server_history_counts(const struct server *s);

bool server_artifact_next(const struct server *s, uint64_t *cursor, struct artifact *ret);

const struct rollout *server_rollout_next(const struct server *s, uint32_t *cursor);
const struct rollout *server_rollout_find(const struct server *s, uint32_t number);

/* One device of a rollout, ready to be shown. */
struct rollout_view {
	const struct rollout_entry *entry;
	const struct device *device; /* NULL when it is no longer known */
	uint64_t bytes, total;       /* of the image served to it; `bytes` equals `total` from DOWNLOADED on */
	char why[ROLLOUT_WHY_BYTES];
};

/* Walks through a rollout's devices; false at the end. */
bool server_rollout_view_next(
	const struct server *s, const struct rollout *rollout, uint32_t *cursor, struct rollout_view *ret);

/* The durable event with the lowest number above `after`; NULL when there is none yet. When events between have left
 * the memory, it is the oldest one that is there. */
const struct event *server_event_after(const struct server *s, uint64_t after);
/* The newest durable number. */
uint64_t server_event_newest(const struct server *s);

/* What changed in memory and is no event: for live views. */
enum update_type {
	UPDATE_DEVICE,   /* registered, gone, connected, facts changed */
	UPDATE_HEALTH,   /* a new health report */
	UPDATE_FIRMWARE, /* object 5 reported */
	UPDATE_ROLLOUT,  /* state or counts; `rollout` */
	UPDATE_VALUES,   /* an observation has told something new; `watch` and `device` */
	UPDATE_ENTRY,    /* a device of a rollout: state or progress; `rollout` and `device` */
};

struct server_update {
	uint64_t number; /* from 1 */
	enum update_type type;
	uint32_t rollout, watch;
	struct handle device;
	wall_msec at;
};

/* As server_event_after. A reader that fell behind gets the oldest that is there and should look at everything anew. */
const struct server_update *server_update_after(const struct server *s, uint64_t after);
uint64_t server_update_newest(const struct server *s);

wall_msec server_wall(const struct server *s, msec now);

/* Orders, in the order of their numbers: the first above `after`, of the device or with NULL of all; NULL at the end.
 * What the store does not have yet is not shown. */
const struct order *server_order_after(const struct server *s, const struct device *device, uint64_t after);
const struct order *server_order_find(const struct server *s, uint64_t number);
/* As it may be told: an end is told when it lasts. */
enum order_state server_order_state(const struct order *order);

/* Why an order has not been carried out yet. */
enum order_why {
	ORDER_WHY_NONE,         /* it has ended or runs */
	ORDER_WHY_BEHIND,       /* `behind` comes first */
	ORDER_WHY_UNREGISTERED, /* the device is not registered */
	ORDER_WHY_ABSENT,       /* it has not been heard since the server started */
	ORDER_WHY_SILENT,       /* it did not answer, and was last heard at `since` */
	ORDER_WHY_ASLEEP,       /* it sleeps since `since` */
	ORDER_WHY_BUSY,         /* the server asks it something else first */
};

struct server_order_why {
	enum order_why why;
	uint64_t behind;
	wall_msec since, before; /* 0 for unknown; `before`: it should renew its registration before that */
};

struct server_order_why server_order_why(const struct server *s, const struct order *order, msec now);
/* The paths asked for or written, which are borrowed until the next call; 0 when the order's own path says all. */
size_t server_order_names(
	struct server *s, const struct order *order, const struct model *model, const struct record **ret);
/* The values of the answer, likewise. */
size_t server_order_values(
	struct server *s, const struct order *order, const struct model *model, const struct record **ret);

struct server_counters {
	uint64_t registers, updates, deregisters, expiries, refusals;
	uint64_t notifications, health_reports, firmware_reports;
	uint64_t requests, request_failures, requests_given_up;
	uint64_t blocks_served, bytes_served;
	uint64_t certificates; /* issued */
	uint64_t batches, batches_failed;
	uint64_t full; /* something had no room */
};

const struct server_counters *server_counters(const struct server *s);

/* Of the secure associations. False when nobody counts them. */
bool server_association_counters(const struct server *s, struct association_counters *ret);

struct server_gauges {
	uint32_t devices, registered, connected, operations, batches_under_way;
	uint32_t devices_capacity;
};

struct server_gauges server_gauges(const struct server *s);
