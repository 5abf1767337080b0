/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who may do what with which object instance, where a device has several servers (lwm2m interface section 9): the
 * instances of object 2, Access Control, as data.
 *
 * With one server there are no entries that count, and it may do everything. With several, an entry says it; an
 * instance that has none follows the rule of this device: object 1 is each server's own, everything else may be read by
 * all, and the first server, the one with the lowest instance of object 1, may do the rest. */
#pragma once

#include "mgmt/path.h"
#include "mgmt/value.h"

#define ACCESS_ENTRIES_MAX 16
#define ACCESS_RIGHTS_MAX  5 /* of one entry: four servers, and everybody else under 0 */
#define ACCESS_ANY         65535

enum access_right {
	ACCESS_READ = 1,
	ACCESS_WRITE = 2,
	ACCESS_EXECUTE = 4,
	ACCESS_DELETE = 8,
	ACCESS_CREATE = 16,
	ACCESS_ALL = 31,
};

struct access_rights {
	uint16_t short_id; /* 0: of everybody who has none of his own */
	uint8_t rights;
};

struct access_entry {
	bool is_there;
	uint8_t count;
	uint16_t id;               /* of the instance of object 2 */
	uint16_t object, instance; /* what it is about; the instance ACCESS_ANY: who may create */
	uint16_t owner;            /* a short server id */
	struct access_rights list[ACCESS_RIGHTS_MAX];
};

struct access {
	struct access_entry entries[ACCESS_ENTRIES_MAX];
};

#define ACCESS_RECORD_BYTES (1 + ACCESS_ENTRIES_MAX * (9 + 3 * ACCESS_RIGHTS_MAX))

/* What the entries give to this server for an object instance, ACCESS_ANY for the object itself; false when there is no
 * entry for it. */
bool access_find(const struct access *a, uint16_t object, uint16_t instance, uint16_t short_id, uint8_t *ret_rights);

/* A new instance of an object belongs to who has created it; without room for one more entry it follows the rule. */
void access_own(struct access *a, uint16_t object, uint16_t instance, uint16_t owner);
/* What was known of this object instance, or of this server, is over. */
void access_forget_instance(struct access *a, uint16_t object, uint16_t instance);
void access_forget_server(struct access *a, uint16_t short_id);

/* ---- as instances of object 2 ---- */

struct access_entry *access_entry(struct access *a, uint16_t id);
/* Writes a resource, and makes the instance when there is none. False for what no entry could have, or when there is no
 * room. VALUE_NONE takes one server's rights away. */
bool access_write(struct access *a, struct path at, const struct value *value);

/* ---- on the shelf ---- */

void access_encode(const struct access *a, struct writer *w);
/* Fails the reader on nonsense. */
void access_decode(struct reader *r, struct access *ret);
