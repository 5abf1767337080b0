/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an object is to the dispatcher: a table of resources and a few functions over the world it shows.
 *
 * Types, ranges and names come from the model (mgmt/model.h); the table here says which resources this device has and
 * what may be done with them, which is never more than the model allows. Functions are asked only about instances that
 * `next` names, resources of the table and operations it allows, so they are a switch each.
 *
 * `at` is the whole path: /object/instance/resource, and for one value of a multiple resource /o/i/r/ri. */
#pragma once

#include "agent/accounts.h"
#include "agent/deploy.h"
#include "agent/objects/portfolio.h"
#include "agent/platform.h"
#include "agent/register.h"
#include "agent/services.h"
#include "coap/code.h"
#include "mgmt/model.h"

/* Object 7 counts between Start and Stop. */
struct object_collection {
	bool is_collecting;
	uint32_t period_s; /* 0 for no end */
	msec ends;
	uint64_t sent_before, received_before; /* counters of the link at Start */
	uint64_t sent, received;               /* bytes between Start and the last look */
};

struct extensions; /* agent/extensions.h */
struct eventlog;   /* agent/eventlog.h */

enum credential_kind { CREDENTIAL_PSK, CREDENTIAL_RAW_KEY, CREDENTIAL_CERTIFICATE };

/* What the device proves itself by to the server it was configured for. */
struct object_credential {
	uint8_t kind;         /* /26252/0/0, enum credential_kind */
	bool can_renew;       /* by enrolment, or by the next pre-shared key */
	int64_t since, until; /* seconds since 1970; 0 when they are not known */
};

/* All that the objects show and change. The composer fills it in; `sample` is at most a second old when it is read. */
struct object_world {
	const struct platform_identity *identity;
	const char *agent_version;
	struct platform_sample sample;
	struct deploy *deploy;
	struct accounts *accounts;
	struct registration *registrations[ACCOUNTS_SERVERS_MAX]; /* by the place of the account */
	unsigned asking;                                          /* the place of the one whose request this is */
	const struct shelf_port *shelf;
	uint8_t accounts_record[ACCOUNTS_RECORD_BYTES];
	uint32_t configured_lifetime_s;
	struct object_collection statistics;
	struct portfolio *portfolio;
	struct eventlog *events;
	struct services *services; /* looked at when they are read */
	struct extensions *extensions;
	uint32_t payload_restarts;
	struct object_credential credential;
	msec now;

	/* What an operation asks of the composer, which clears them. */
	bool wants_reboot, wants_tell, wants_bootstrap, wants_renewal;
	bool has_journal_changed, has_account_changed; /* what is to be made durable before the answer */
	bool has_other_instances; /* some were created or deleted: the server is told with an Update */
	bool has_update_outcome;
	struct deploy_outcome update_outcome;
};

struct object_records {
	struct record *list;
	size_t count, capacity;
	struct path instance; /* what object_put is about: /object/instance */
	bool is_full;
};

struct object_resource {
	uint16_t id;
	uint8_t operations; /* MODEL_READ | MODEL_WRITE | MODEL_EXECUTE */
};

struct object {
	uint16_t id;
	const char *version;
	const struct object_resource *resources; /* ascending by id */
	size_t resource_count;
	bool is_steady;    /* its values change by events alone, of which the report is told */
	bool is_elsewhere; /* what is asked of it is not done yet when these functions return: the composer has it
			    * carried out, and only then tells anybody of a change */

	/* The first instance whose id is `from` or greater; false when there is none. NULL for an object that has the
	 * one instance 0 for ever. */
	bool (*next)(const struct object_world *world, uint16_t object, uint16_t from, uint16_t *ret);
	/* Notes that values at or below this path are to be fetched before they are read. False when they have just
	 * been; NULL where there is nothing to fetch. */
	bool (*fetch)(struct object_world *world, struct path at);
	/* Puts the value, or the values of a multiple resource, in ascending order; nothing when it has none now. */
	void (*read)(const struct object_world *world, struct path at, struct object_records *out);
	/* Whether a value of the right type and range may be written: COAP_CHANGED, or the error. The instance may be
	 * one that is about to be created. */
	enum coap_code (*check)(const struct object_world *world, struct path at, const struct value *value);
	/* A value that passed the check. VALUE_NONE at depth 4 takes this value of a multiple resource away. */
	enum coap_code (*write)(struct object_world *world, struct path at, const struct value *value);
	/* Replace leaves this optional resource out, or is about to write all values of this multiple one: back to its
	 * default, or to no values. NULL when there is none to reset. */
	void (*reset)(struct object_world *world, struct path at);
	enum coap_code (*execute)(struct object_world *world, struct path at, struct bytes arguments);
	/* Makes an instance that is not there yet, without values, or takes one away: COAP_CREATED and COAP_DELETED, or
	 * the error. Writes of what the Create carries follow, then `settle`. NULL where the server may do neither. */
	enum coap_code (*create)(struct object_world *world, struct path at);
	enum coap_code (*remove)(struct object_world *world, struct path at);
	/* Ends an operation that has changed something: what shall outlive the agent is made durable here, before the
	 * answer. False when that failed; what was changed is then undone. NULL where nothing is kept. */
	bool (*settle)(struct object_world *world);
};

extern const struct object object_access, object_server, object_device, object_connectivity, object_firmware,
	object_statistics, object_host, object_portfolio, object_services, object_location, object_credential,
	object_eventlog;

/* Of the server that asks. */
static inline struct bytes object_server_uri(const struct object_world *world)
{
	const struct account_security *account =
		accounts_security_of(world->accounts, &world->accounts->servers[world->asking]);
	return account == NULL ? BYTES_NONE : bytes_of(account->uri, account->uri_len);
}

/* The instances of any object in turn; see `next`. */
static inline bool object_next_instance(
	const struct object *object, const struct object_world *world, uint16_t from, uint16_t *ret)
{
	if (object->next != NULL)
		return object->next(world, object->id, from, ret);
	*ret = 0;
	return from == 0;
}

static inline bool object_has_instance(const struct object *object, const struct object_world *world, uint16_t id)
{
	uint16_t found;
	return object_next_instance(object, world, id, &found) && found == id;
}

static inline void object_put_at(struct object_records *out, struct path path, struct value value)
{
	if (out->count == out->capacity) {
		out->is_full = true;
		return;
	}
	out->list[out->count++] = record_of(path, value);
}

static inline void object_put(struct object_records *out, uint16_t resource, struct value value)
{
	struct path path = out->instance;
	(void)path_add(&path, resource);
	object_put_at(out, path, value);
}

static inline void object_put_instance(
	struct object_records *out, uint16_t resource, uint16_t resource_instance, struct value value)
{
	struct path path = out->instance;
	(void)path_add(&path, resource);
	(void)path_add(&path, resource_instance);
	object_put_at(out, path, value);
}

/* A text with its zero; an empty one is no value. */
static inline void object_put_text(struct object_records *out, uint16_t resource, const char *text)
{
	if (text[0] != '\0')
		object_put(out, resource, value_string(bytes_of_text(text)));
}
