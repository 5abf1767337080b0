/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inside of the composer, shared by its parts and by nobody else:
 *
 *     server.c     life, time, the clock; what came from the store goes where it belongs
 *     pending.c    changes under way to the store, and who waits for each
 *     association.c  what is written down of an association, and how another server goes on from there
 *     conduct.c    one device at a time: its queue becomes requests, their answers become facts
 *     pushing.c    packages that are written to devices, part by part
 *     campaign.c   rollouts: events to rollout_step, its actions to the queue, its states to the store
 *     command.c    what operators ask for; command_rollout.c of rollouts
 *     revocation.c  who is not welcome any more
 *     claiming.c    claims, and the guests that come with them
 *     approving.c   enrolments that wait for an operator
 *     errands.c    what they want from single devices
 *     ordering.c   the same, kept until it is carried out
 *     watches.c    what they observe there
 *     query.c      what they look at
 *     handlers/    what devices ask for
 *
 * Nothing here is called from outside of server/. */
#pragma once

#include "pki/pki.h"
#include "server/server.h"

#define SERVER_SCRATCH_BYTES (2 * SERVER_BODY_MAX) /* strings of a body, each at an address of its own */
#define SERVER_LINE_BYTES    512
#define SERVER_URI_BYTES     256
#define SERVER_ISSUES_MAX    16   /* certificates under way to the audit log */
#define STORE_RETRY_MS       1000 /* pause after a batch of the campaign that the store refused */
#define FOLLOW_DEADLINE      SECONDS(86400)
#define CONDUCT_TRIES_MAX    4 /* of one operation, before it is given up */

/* ---- changes under way ---- */

enum pending_kind {
	PENDING_RECORD, /* nobody waits: a device's record, or events alone */
	PENDING_REGISTER,
	PENDING_UPDATE,
	PENDING_DEREGISTER,
	PENDING_ISSUE,    /* a certificate: its event */
	PENDING_CAMPAIGN, /* the entries in `saving` and the rollouts that were unsaved */
	PENDING_UPLOAD,   /* first at the artifacts, then its event at the store */
	PENDING_RELEASE_ADD,
	PENDING_RELEASE_REMOVE,
	PENDING_ROLLOUT_START,
	PENDING_ROLLOUT_WORD,
	PENDING_DEVICE_REMOVE,
	PENDING_DEVICE_TAG,
	PENDING_REVOKE,
	PENDING_RESTORE,
	PENDING_CLAIM_CREATE,
	PENDING_CLAIM_REMOVE,
	PENDING_KEY, /* a device's next one: its event; then it goes to the device */
	PENDING_KEY_FORGET,
	PENDING_ERRAND, /* its event; then it goes to the device */
	PENDING_ORDER_MAKE,
	PENDING_ORDER_BEGIN, /* that it runs; then it goes to the device */
	PENDING_ORDER_SAVE,
	PENDING_ORDER_CANCEL,
	PENDING_AUDIT, /* the last step of every command: its event */
};

struct pending {
	enum pending_kind kind;
	uint64_t first_event, last_event; /* that travel in the batch; 0 for none */
	uint64_t token;                   /* of a command */
	struct handle later;              /* the answer a device waits for */
	struct coap_remote remote;
	struct handle device;
	uint32_t rollout; /* its number */
	enum rollout_word word;
	enum event_type event; /* of an audit */
	char actor[DEVICE_TEXT_MAX + 1];
	char name[RELEASE_NAME_MAX + 1]; /* of a release */
	struct server_done done;         /* of PENDING_AUDIT: what to tell when it lasts */
	struct handle errand;
	uint64_t order;          /* its number */
	uint8_t issue;           /* its place in server.issues */
	bool has_changed;        /* an Update that did more than renew */
	struct denial denial;    /* of PENDING_REVOKE and PENDING_RESTORE */
	struct claim claim;      /* of PENDING_CLAIM_*; of PENDING_ISSUE the one that is used up */
	struct device_keys keys; /* of PENDING_KEY */
	struct device_record record;
	struct registration registration;
};

/* ---- the composer ---- */

/* An operator's errand under way. */
struct errand_place {
	uint64_t token;
	uint64_t order; /* the number of the order it is carried out for; 0: an operator waits for it himself */
	bool was_sent;
	struct handle device;
	enum errand_kind kind;
	struct path path;
	msec deadline;
	uint16_t formats[FORMAT_CANDIDATES_MAX]; /* that the device may have, best first */
	uint8_t format_count, tried;
	uint16_t text_len, kept_len;
	uint8_t text[ERRAND_TEXT_MAX];
	uint8_t kept[SERVER_ERRAND_BODY_MAX]; /* its records, as SenML CBOR */
	uint8_t body[SERVER_ERRAND_BODY_MAX]; /* as they are sent */
};

#define SERVER_RECORDS_MAX 1024 /* of one answer */

/* Purposes in the queue: a rollout's entry plus 1 below the first, then the places of errands, then of watches. */
#define PURPOSE_ERRANDS 0x40000000u
#define PURPOSE_WATCHES 0x80000000u

/* A certificate that waits for the audit log before it leaves. */
struct issue {
	bool is_taken;
	uint16_t format; /* Content-Format of the answer */
	char name[DEVICE_NAME_MAX + 1];
	size_t len;
	uint8_t der[PKI_CERTIFICATE_MAX_BYTES];
};

/* A bootstrap under way (handlers/bs.h). */
enum bootstrap_step {
	BOOTSTRAP_DELETE_SECURITY,
	BOOTSTRAP_DELETE_SERVER,
	BOOTSTRAP_DISCOVER,
	BOOTSTRAP_WRITE_SECURITY,
	BOOTSTRAP_WRITE_SERVER,
	BOOTSTRAP_FINISH,
};

struct bootstrap_session {
	bool is_taken, is_waiting; /* waiting: for the answer to `exchange` */
	char name[DEVICE_NAME_MAX + 1];
	struct coap_remote remote;
	struct handle exchange;
	enum bootstrap_step step;
	uint16_t format;
	uint32_t account;  /* which of the device's is being written */
	uint32_t occupied; /* a bit for each instance of object 0 that stays */
	msec deadline;
	uint8_t body[BOOTSTRAP_BODY_MAX];
};

#define SERVER_BOOTSTRAPS_MAX 32

struct server {
	struct server_config config;
	struct server_ports ports;
	struct association_port associations;
	struct coap_endpoint *endpoint;
	struct coap_resource resources[11];
	struct prng prng;
	msec loading_at;
	wall_msec ahead; /* wall clock minus `now` */
	bool is_started, is_stopping;

	struct registry registry;
	struct queue queue;
	struct releases releases;
	struct rollouts rollouts;
	struct events events;
	struct denials denials;
	struct claims claims;
	struct approvals approvals;

	struct pending *pending;
	struct slab pending_slab;
	bool batch_is_open;

	struct errand_place *errands;
	struct slab errand_slab;
	struct orders orders;
	struct order_record order; /* the one being made */
	msec orders_retry_at;      /* what the store refused, or found no room, is tried again */
	struct server_watch *watches;
	struct slab watch_slab;
	uint32_t newest_watch;
	struct record *records; /* SERVER_RECORDS_MAX of them, scratch */

	struct bootstrap_session bootstraps[SERVER_BOOTSTRAPS_MAX];
	struct issue issues[SERVER_ISSUES_MAX];
	struct release *incoming; /* of the one release add that may be under way */
	bool is_adding_release;

	uint32_t unsaved; /* entries, in no order: slot + 1 */
	uint32_t saving;  /* those in the batch under way */
	bool is_saving, has_unsaved_rollouts;
	msec save_at; /* not before; after a failure */

	struct server_update *updates;
	uint64_t newest_update;

	struct server_counters counters;
	char reason[128];
	uint8_t line[SERVER_LINE_BYTES];
	_Alignas(16) uint8_t scratch[SERVER_SCRATCH_BYTES];
};

/* ---- server.c ---- */

struct note {
	enum event_type type;
	const char *device, *actor; /* NULL for none */
	uint32_t rollout;
	const char *detail;
};

/* Appends to the audit log and logs; it reaches the store with the next batch. */
void server_note(struct server *s, const struct note *note, msec now);
void server_update(struct server *s, enum update_type type, const struct device *device, uint32_t rollout, msec now);
/* A line of log: begins with `event=<name> device=<name>`; `device` may be NULL. */
struct writer server_line(struct server *s, const char *event, const char *device);
void server_log(struct server *s, enum server_log_level level, const struct writer *line);
/* Appends ` key="text"`, quotes and backslashes escaped. */
void server_line_text(struct writer *line, const char *key, const char *text);

/* ---- pending.c ---- */

/* Begins a batch; NULL when too much is under way. Between this and the commit the store's add may be called. */
struct pending *pending_begin(struct server *s, enum pending_kind kind);
/* Adds the events not handed over yet and commits. False: the store would not have it, `p` is gone. */
bool pending_commit(struct server *s, struct pending *p, msec now);
/* Without a batch: what waits for the artifacts. */
void pending_detach(struct server *s);
void pending_give(struct server *s, struct pending *p);
uint64_t pending_ticket(const struct server *s, const struct pending *p);
struct pending *pending_find(const struct server *s, uint64_t ticket);
/* Commits one device's record; nobody waits for it. */
void pending_save_device(struct server *s, const struct device *device, msec now);

/* ---- conduct.c ---- */

/* A message of the device came: it is there. */
void conduct_heard(struct server *s, struct device *device, msec now);
/* The device has registered, or renewed through a new association: everything is asked and observed anew. */
void conduct_follow(struct server *s, struct device *device, msec now);
void conduct_ask(
	struct server *s, struct device *device, enum operation operation, uint32_t purpose, msec deadline, msec now);
/* A device in queue mode listens until it has been silent for MAX_TRANSMIT_WAIT. */
bool conduct_is_asleep(const struct server *s, const struct device *device, msec now);
/* Sends the device's next request, if it is there and none is in flight. */
void conduct_pump(struct server *s, struct device *device, msec now);
/* Goes on with an observation that another server made. False when the endpoint is full. */
bool conduct_resume(struct server *s, struct device *device, enum operation operation,
	const struct coap_observation *observation, msec now);
/* Ends what is in flight and observed, without a word to anybody. */
void conduct_forget(struct server *s, struct device *device, msec now);
/* Nobody wants the operations of this purpose any more: those that wait are taken out, and a push is broken off. */
void conduct_withdraw(struct server *s, struct device *device, uint32_t purpose, msec now);
/* Facts that a device told, by an answer, a notification or a Send, as bits of facts.h. */
void conduct_told(struct server *s, struct device *device, unsigned facts, bool is_answer, msec now);

/* ---- errands.c ---- */

/* Sends the errand of this purpose. False when it cannot be sent; it still stands then. */
bool errands_send(struct server *s, struct device *device, uint32_t purpose, coap_reply_function *reply, msec now);
/* The device refused the format it was asked in, and there is another one to try. */
bool errands_has_another_format(struct server *s, uint32_t purpose, const struct coap_reply *reply);
/* The device answered; the errand is over. */
void errands_answered(
	struct server *s, const struct device *device, uint32_t purpose, const struct coap_reply *reply, msec now);
/* It came to nothing; the errand is over. */
void errands_failed(struct server *s, uint32_t purpose, enum server_result result, msec now);
/* All of the device come to nothing. */
void errands_forget(struct server *s, const struct device *device, msec now);
/* The batch of PENDING_ERRAND has come back. */
void errands_stored(struct server *s, const struct pending *p, bool ok, msec now);

/* A read that is refused before it is sent, with its reason, or SERVER_ACCEPTED. */
enum server_result errands_check(struct server *s, const struct errand *errand, const struct model *model);

/* Writes the errand's records to `w` as SenML CBOR, sorted. False when they do not fit. */
bool errands_keep(struct server *s, const struct errand *errand, struct writer *w);
/* The errand as it was, its values in the types of the model; valid as long as s->records, the scratch and what is
 * given. */
struct errand errands_read_kept(struct server *s, enum errand_kind kind, struct path path, struct bytes text,
	struct bytes kept, const struct model *model, struct arena *scratch);
/* What the audit log says of it: "write /1/0/1", "execute /3/0/4 0='x'". Values may be secrets. */
void errands_describe(enum errand_kind kind, struct path path, struct bytes text, char ret[EVENT_DETAIL_MAX + 1]);
/* A place for an order that is to be carried out; `*ret_end` says why there is none: ORDER_END_NONE for want of room.
 */
struct errand_place *errands_take(struct server *s, const struct order *order, enum order_end *ret_end, msec now);
bool errands_enqueue(struct server *s, const struct errand_place *place);
void errands_give(struct server *s, const struct errand_place *place);

/* ---- remember.c ---- */

/* The values that a device has told of `base` go into the history. */
void server_remember(
	struct server *s, const struct device *device, uint16_t format, struct path base, struct bytes body, msec now);

/* The device is about to be removed. */
void server_forget_history(struct server *s, const struct device *device);

/* ---- ordering.c ---- */

/* The device can be asked: its next order is begun, if none is under way. */
void ordering_look(struct server *s, const struct device *device, msec now);
/* The errand of an order was answered, or came to nothing. The place is not given yet. */
void ordering_answered(struct server *s, const struct errand_place *place, const struct coap_reply *reply,
	struct path location, msec now);
void ordering_failed(struct server *s, const struct errand_place *place, enum server_result result, msec now);
/* A batch of PENDING_ORDER_* has come back. */
void ordering_stored(struct server *s, const struct pending *p, bool ok, msec now);
/* The device is gone for good. */
void ordering_forget(struct server *s, const struct device *device);
/* One from the store. */
bool ordering_load(struct server *s, const struct order_record *record);
/* The server stops: what was not sent yet waits again. */
void ordering_stop(struct server *s, msec now);
msec ordering_deadline(const struct server *s);
void ordering_tick(struct server *s, msec now);

/* ---- watches.c ---- */

/* Sends the request that begins the observation of this purpose. False when it cannot be sent. */
bool watches_send(struct server *s, struct device *device, uint32_t purpose, coap_reply_function *reply, msec now);
/* The device refused the format, and there is another one to try. */
bool watches_has_another_format(struct server *s, uint32_t purpose, const struct coap_reply *reply);
/* The device answered the request that begins it. */
void watches_answered(
	struct server *s, const struct device *device, uint32_t purpose, const struct coap_reply *reply, msec now);
/* That request came to nothing. Who waits for it is told and it is over; otherwise the next Register tries again. */
void watches_failed(struct server *s, uint32_t purpose, enum server_result result, msec now);
/* What came of an exchange, if it is one of the observations; false when it is none. */
bool watches_notified(struct server *s, struct device *device, const struct coap_reply *reply, msec now);
/* The device has told something by Send. */
void watches_sent(struct server *s, const struct device *device, uint16_t format, struct bytes body, msec now);
/* The device has registered: its observations are to be begun anew. */
void watches_follow(struct server *s, const struct device *device, msec now);
/* The observations of the device are not established any more. */
void watches_end(struct server *s, const struct device *device, msec now);
/* Whoever waits for a first answer of the device has waited in vain. */
void watches_abandon(struct server *s, const struct device *device, msec now);
/* The device is gone for good. */
void watches_forget(struct server *s, const struct device *device, msec now);

/* ---- pushing.c ---- */

/* The source of what is pushed to the device of a rollout's entry, which is the purpose. False when there is none. */
bool pushing_open(struct server *s, uint32_t purpose, struct coap_source *ret);
/* Whether what is pushed is short enough for the blocks that it goes in. */
bool pushing_can(const struct release *release);

/* ---- campaign.c ---- */

/* One event for the entry that is at work on the device, or for all that wait for it. */
void campaign_device_event(struct server *s, struct device *device, enum entry_event event, bool is_answer, msec now);
void campaign_entry_event(
	struct server *s, struct rollout_entry *entry, enum entry_event event, uint8_t code, bool is_answer, msec now);
/* One event for all entries of a rollout. */
void campaign_rollout_event(struct server *s, struct rollout *rollout, enum entry_event event, msec now);
/* Device-served bytes of an image: progress. */
void campaign_served(
	struct server *s, struct device *device, const uint8_t image[SHA256_BYTES], uint64_t end, msec now);
/* A rollout's record is to be stored. */
void campaign_changed(struct server *s, struct rollout *rollout, msec now);
void campaign_start(struct server *s, msec now);
msec campaign_deadline(const struct server *s);
void campaign_tick(struct server *s, msec now);
void campaign_stored(struct server *s, bool ok, msec now);
/* The device is gone for good. */
void campaign_device_removed(struct server *s, struct handle device, msec now);

/* ---- command.c ---- */

/* The common way of commands. NULL, and the command is SERVER_BUSY, when too much is under way. */
struct pending *command_begin(struct server *s, enum pending_kind kind, const struct server_ask *ask);
void command_add(struct server *s, const struct store_change *change);
enum server_result command_commit(struct server *s, struct pending *p, msec now);
/* Gives `result` and keeps `why` for server_reason. */
enum server_result command_refuse(struct server *s, enum server_result result, struct bytes why);
/* Tells the operator that it came to nothing. */
void command_fail(struct server *s, const struct pending *p, enum server_result result, msec now);
/* The change lasts and has taken effect: its event goes to the store, and then `what` to the operator. */
void command_conclude(
	struct server *s, const struct pending *p, struct note *note, const struct server_done *what, msec now);

/* A command's batch has come back. */
void command_stored(struct server *s, const struct pending *p, bool ok, msec now);
/* An upload has become an artifact, or has failed. */
void command_uploaded(struct server *s, const struct pending *p, enum artifact_result result,
	const struct artifact *artifact, msec now);

/* ---- revocation.c ---- */

/* A batch of PENDING_REVOKE or PENDING_RESTORE has come back. */
void revocation_stored(struct server *s, const struct pending *p, bool ok, msec now);
/* A device has registered or renewed: should it have been revoked meanwhile, that is over at once. */
void revocation_look(struct server *s, struct handle device, msec now);

/* ---- claiming.c ---- */

/* Whether this is the association of a claim, which may enrol and nothing else. */
bool claiming_is_guest(const struct server *s, const struct coap_remote *remote);
/* What stands against a certificate of this name for the claim, which may be NULL; NULL for nothing. */
const char *claiming_what_is_wrong(
	const struct server *s, const struct claim_place *place, struct bytes name, msec now);
/* Adds to the batch being made that the claim is used up, and the device if it is new. */
void claiming_use(struct server *s, struct claim_place *place, struct bytes name, struct pending *p, msec now);
/* That batch has come back. */
void claiming_used(struct server *s, const struct pending *p, bool ok);
/* ---- rekeying.c ---- */

/* Whether this association is by a pre-shared key, and the number of it when the server has made it, else 0. */
bool rekeying_is_by_key(const struct server *s, const struct coap_remote *remote, uint64_t *ret_number);
/* The device has come with the key of this number. */
void rekeying_used(struct server *s, struct device *device, uint64_t number, msec now);
/* A batch of PENDING_KEY_FORGET has come back. */
void rekeying_stored(struct server *s, const struct pending *p, bool ok, msec now);

/* A batch of PENDING_CLAIM_CREATE or PENDING_CLAIM_REMOVE has come back. */
void claiming_stored(struct server *s, const struct pending *p, bool ok, msec now);

/* ---- approving.c ---- */

enum approving { APPROVING_GO_ON, APPROVING_WAIT, APPROVING_REFUSE };

/* A device asks for a certificate where operators approve of them. */
enum approving approving_ask(struct server *s, const struct pki_request *wish, msec now);
/* It has been issued. */
void approving_issued(struct server *s, const char *name);

/* ---- command_rollout.c ---- */

void command_rollout_started(struct server *s, const struct pending *p, bool ok, msec now);
void command_word_stored(struct server *s, const struct pending *p, bool ok, msec now);

/* ---- query.c ---- */

struct rollout_entry_record rollout_entry_record_of(const struct server *s, const struct rollout_entry *entry);
