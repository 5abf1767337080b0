/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/accounts.h"

#include "mgmt/model.h"

#define FACTORY_SHORT_ID 1
#define RECORD_VERSION   2
#define RECORD_OLDEST    1 /* pre-shared keys alone */

/* ---- finding ---- */

const struct account_security *accounts_bootstrap(const struct accounts *a)
{
	for (unsigned i = 0; i < ACCOUNTS_SECURITIES_MAX; i++)
		if (a->securities[i].is_there && a->securities[i].is_bootstrap)
			return &a->securities[i];
	return NULL;
}

const struct account_security *accounts_security_of(const struct accounts *a, const struct account_server *server)
{
	for (unsigned i = 0; i < ACCOUNTS_SECURITIES_MAX; i++) {
		const struct account_security *s = &a->securities[i];
		if (s->is_there && !s->is_bootstrap && s->short_id == server->short_id)
			return s;
	}
	return NULL;
}

static struct account_security *find_security(struct accounts *a, uint16_t id)
{
	for (unsigned i = 0; i < ACCOUNTS_SECURITIES_MAX; i++)
		if (a->securities[i].is_there && a->securities[i].id == id)
			return &a->securities[i];
	return NULL;
}

struct account_server *accounts_server(struct accounts *a, uint16_t id)
{
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		if (a->servers[i].is_there && a->servers[i].id == id)
			return &a->servers[i];
	return NULL;
}

unsigned accounts_server_count(const struct accounts *a)
{
	unsigned count = 0;
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		count += a->servers[i].is_there;
	return count;
}

/* ---- making ---- */

static struct account_security *add_security(struct accounts *a, uint16_t id)
{
	for (unsigned i = 0; i < ACCOUNTS_SECURITIES_MAX; i++) {
		if (a->securities[i].is_there)
			continue;
		a->securities[i] = (struct account_security){.is_there = true, .id = id, .usage = USAGE_DOMAIN};
		return &a->securities[i];
	}
	return NULL;
}

static struct account_server *add_server(struct accounts *a, uint16_t id)
{
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		if (a->servers[i].is_there)
			continue;
		a->servers[i] = (struct account_server){
			.is_there = true, .id = id, .stores_notifications = true, .bootstraps_on_failure = true};
		return &a->servers[i];
	}
	return NULL;
}

/* False when it is too long to be kept. */
static bool keep(uint8_t *to, uint8_t *ret_len, size_t capacity, struct bytes from)
{
	if (from.len > capacity)
		return false;
	bytes_copy(to, from.data, from.len);
	*ret_len = (uint8_t)from.len;
	return true;
}

static void keep_long(struct account_security *s, uint8_t *to, uint16_t *ret_len, struct bytes from)
{
	s->is_unusable |= from.len > ACCOUNT_CERTIFICATE_MAX;
	*ret_len = (uint16_t)(s->is_unusable ? 0 : from.len);
	bytes_copy(to, from.data, *ret_len);
}

static void set_uri(struct account_security *s, struct bytes uri)
{
	s->is_unusable = !keep(s->uri, &s->uri_len, sizeof s->uri, uri) || s->is_unusable;
}

static bool is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

void accounts_init(struct accounts *a, const struct accounts_factory *factory)
{
	memset(a, 0, sizeof *a);
	if (is_given(factory->server_uri)) {
		struct account_security *s = add_security(a, 0);
		s->is_factory = true;
		s->short_id = FACTORY_SHORT_ID;
		set_uri(s, bytes_of_text(factory->server_uri));
		add_server(a, 0)->short_id = FACTORY_SHORT_ID;
	}
	if (is_given(factory->bootstrap_uri)) {
		struct account_security *s = add_security(a, is_given(factory->server_uri));
		s->is_factory = s->is_bootstrap = true;
		s->hold_off_s = factory->hold_off_s;
		set_uri(s, bytes_of_text(factory->bootstrap_uri));
	}
}

/* ---- on the shelf ---- */

#define IS_FACTORY   1u
#define IS_BOOTSTRAP 2u

#define STORES_NOTIFICATIONS  1u
#define MAY_SEND              2u
#define HAS_PRIORITY          4u
#define BLOCKS_OTHERS         8u
#define BOOTSTRAPS_ON_FAILURE 16u

static void write_short_blob(struct writer *w, const uint8_t *data, uint8_t len)
{
	write_u8(w, len);
	write_bytes(w, bytes_of(data, len));
}

static void read_short_blob(struct reader *r, uint8_t *to, size_t capacity, uint8_t *ret_len)
{
	if (!keep(to, ret_len, capacity, read_bytes(r, read_u8(r))))
		r->failed = true;
}

static void write_long_blob(struct writer *w, const uint8_t *data, uint16_t len)
{
	write_u16(w, len);
	write_bytes(w, bytes_of(data, len));
}

static void read_long_blob(struct reader *r, struct account_security *s, uint8_t *to, uint16_t *ret_len)
{
	keep_long(s, to, ret_len, read_bytes(r, read_u16(r)));
	r->failed |= s->is_unusable;
}

static void write_security(struct writer *w, const struct account_security *s)
{
	write_u8(w, (uint8_t)((s->is_factory ? IS_FACTORY : 0) | (s->is_bootstrap ? IS_BOOTSTRAP : 0)));
	write_u16(w, s->id);
	write_u16(w, s->short_id);
	if (s->is_factory)
		return;
	write_u8(w, s->mode);
	write_u32(w, s->hold_off_s);
	write_u32(w, s->timeout_s);
	write_short_blob(w, s->uri, s->uri_len);
	write_short_blob(w, s->key, s->key_len);
	write_long_blob(w, s->identity, s->identity_len);
	write_long_blob(w, s->peer, s->peer_len);
	write_short_blob(w, s->sni, s->sni_len);
	write_u8(w, s->usage);
}

/* As version 1 had them. */
static void read_pre_shared_key(struct reader *r, struct account_security *s)
{
	uint8_t len = 0;
	read_short_blob(r, s->identity, ACCOUNT_IDENTITY_MAX, &len);
	s->identity_len = len;
	read_short_blob(r, s->key, ACCOUNT_PSK_MAX, &s->key_len);
}

static void read_keys(struct reader *r, struct account_security *s)
{
	read_short_blob(r, s->key, sizeof s->key, &s->key_len);
	read_long_blob(r, s, s->identity, &s->identity_len);
	read_long_blob(r, s, s->peer, &s->peer_len);
	read_short_blob(r, s->sni, sizeof s->sni, &s->sni_len);
	s->usage = read_u8(r);
}

static void read_security(
	struct reader *r, uint8_t version, const struct accounts_factory *factory, struct account_security *s)
{
	uint8_t flags = read_u8(r);
	*s = (struct account_security){.is_there = true, .usage = USAGE_DOMAIN};
	s->is_factory = (flags & IS_FACTORY) != 0;
	s->is_bootstrap = (flags & IS_BOOTSTRAP) != 0;
	s->id = read_u16(r);
	s->short_id = read_u16(r);
	if (s->is_factory) {
		const char *uri = s->is_bootstrap ? factory->bootstrap_uri : factory->server_uri;
		s->hold_off_s = s->is_bootstrap ? factory->hold_off_s : 0;
		s->is_there = is_given(uri);
		if (s->is_there)
			set_uri(s, bytes_of_text(uri));
		return;
	}
	s->mode = read_u8(r);
	s->hold_off_s = read_u32(r);
	s->timeout_s = read_u32(r);
	read_short_blob(r, s->uri, sizeof s->uri, &s->uri_len);
	if (version == RECORD_OLDEST)
		read_pre_shared_key(r, s);
	else
		read_keys(r, s);
}

static void write_server(struct writer *w, const struct account_server *s)
{
	unsigned flags = (s->stores_notifications ? STORES_NOTIFICATIONS : 0) | (s->may_send ? MAY_SEND : 0) |
			 (s->has_priority ? HAS_PRIORITY : 0) | (s->blocks_others ? BLOCKS_OTHERS : 0) |
			 (s->bootstraps_on_failure ? BOOTSTRAPS_ON_FAILURE : 0);
	write_u16(w, s->id);
	write_u16(w, s->short_id);
	write_u32(w, s->lifetime_s);
	write_u32(w, s->pmin_s);
	write_u32(w, s->pmax_s);
	write_u32(w, s->disable_s);
	write_u8(w, (uint8_t)flags);
	write_u64(w, (uint64_t)s->bootstrapped_at);
	write_u16(w, s->attempts);
	write_u16(w, s->sequences);
	write_u32(w, s->priority);
	write_u32(w, s->initial_delay_s);
	write_u32(w, s->retry_s);
	write_u32(w, s->sequence_delay_s);
}

static void read_server(struct reader *r, struct account_server *s)
{
	*s = (struct account_server){.is_there = true};
	s->id = read_u16(r);
	s->short_id = read_u16(r);
	s->lifetime_s = read_u32(r);
	s->pmin_s = read_u32(r);
	s->pmax_s = read_u32(r);
	s->disable_s = read_u32(r);
	uint8_t flags = read_u8(r);
	s->stores_notifications = (flags & STORES_NOTIFICATIONS) != 0;
	s->may_send = (flags & MAY_SEND) != 0;
	s->has_priority = (flags & HAS_PRIORITY) != 0;
	s->blocks_others = (flags & BLOCKS_OTHERS) != 0;
	s->bootstraps_on_failure = (flags & BOOTSTRAPS_ON_FAILURE) != 0;
	s->bootstrapped_at = (int64_t)read_u64(r);
	s->attempts = read_u16(r);
	s->sequences = read_u16(r);
	s->priority = read_u32(r);
	s->initial_delay_s = read_u32(r);
	s->retry_s = read_u32(r);
	s->sequence_delay_s = read_u32(r);
}

static void write_all(struct writer *w, const struct accounts *a)
{
	uint8_t securities = 0;
	for (unsigned i = 0; i < ACCOUNTS_SECURITIES_MAX; i++)
		securities += a->securities[i].is_there;
	write_u8(w, RECORD_VERSION);
	write_u8(w, securities);
	write_u8(w, (uint8_t)accounts_server_count(a));
	for (unsigned i = 0; i < ACCOUNTS_SECURITIES_MAX; i++)
		if (a->securities[i].is_there)
			write_security(w, &a->securities[i]);
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		if (a->servers[i].is_there)
			write_server(w, &a->servers[i]);
	access_encode(&a->access, w);
}

static bool read_all(struct reader *r, const struct accounts_factory *factory, struct accounts *ret)
{
	uint8_t version = read_u8(r);
	uint8_t securities = read_u8(r), servers = read_u8(r);
	memset(ret, 0, sizeof *ret);
	if (version < RECORD_OLDEST || version > RECORD_VERSION || securities > ACCOUNTS_SECURITIES_MAX ||
		servers > ACCOUNTS_SERVERS_MAX)
		return false;
	for (unsigned i = 0; i < securities; i++)
		read_security(r, version, factory, &ret->securities[i]);
	for (unsigned i = 0; i < servers; i++)
		read_server(r, &ret->servers[i]);
	access_decode(r, &ret->access);
	return !r->failed && reader_left(r) == 0;
}

/* A server whose Security instance was the factory's and is no longer there leads nowhere. */
static void drop_orphans(struct accounts *a)
{
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		if (a->servers[i].is_there && accounts_security_of(a, &a->servers[i]) == NULL)
			a->servers[i].is_there = false;
}

bool accounts_load(struct accounts *a, const struct accounts_factory *factory, const struct shelf_port *shelf,
	uint8_t record[ACCOUNTS_RECORD_BYTES])
{
	struct accounts found;
	struct bytes content = shelf_load(shelf, SHELF_ACCOUNTS, record, ACCOUNTS_RECORD_BYTES);
	struct reader r = reader_of(content);
	if (content.len == 0 || !read_all(&r, factory, &found))
		return false;
	drop_orphans(&found);
	if (accounts_server_count(&found) == 0 && accounts_bootstrap(&found) == NULL)
		return false;
	*a = found;
	return true;
}

int accounts_store(const struct accounts *a, const struct shelf_port *shelf, uint8_t record[ACCOUNTS_RECORD_BYTES])
{
	struct writer w = writer_of(record + SHELF_HEAD_BYTES, ACCOUNTS_RECORD_BYTES - SHELF_HEAD_BYTES);
	write_all(&w, a);
	return shelf_store(shelf, SHELF_ACCOUNTS, record, SHELF_HEAD_BYTES + writer_bytes(&w).len);
}

/* ---- what a Bootstrap server may do ---- */

static bool set_u32(uint32_t *to, int64_t number)
{
	if (number < 0 || number > INT32_MAX)
		return false;
	*to = (uint32_t)number;
	return true;
}

static bool set_u16(uint16_t *to, int64_t number, uint16_t least)
{
	if (number < least || number > UINT16_MAX - 1)
		return false;
	*to = (uint16_t)number;
	return true;
}

static bool write_to_security(struct account_security *s, uint16_t resource, const struct value *value)
{
	s->is_factory = false;
	switch (resource) {
	case 0:
		set_uri(s, value->bytes);
		return true;
	case 1:
		s->is_bootstrap = value->boolean;
		return true;
	case 2:
		s->mode = (uint8_t)value->integer;
		return value->integer >= SECURITY_PSK && value->integer <= SECURITY_EST;
	case 3:
		keep_long(s, s->identity, &s->identity_len, value->bytes);
		return true;
	case 4:
		keep_long(s, s->peer, &s->peer_len, value->bytes);
		return true;
	case 5:
		if (!keep(s->key, &s->key_len, sizeof s->key, value->bytes))
			s->is_unusable = true;
		return true;
	case 10:
		return set_u16(&s->short_id, value->integer, 1);
	case 11:
		return set_u32(&s->hold_off_s, value->integer);
	case 12:
		return set_u32(&s->timeout_s, value->integer);
	case 14:
		if (!keep(s->sni, &s->sni_len, sizeof s->sni, value->bytes))
			s->is_unusable = true;
		return true;
	case 15:
		s->usage = (uint8_t)value->natural;
		return value->natural <= USAGE_DOMAIN;
	}
	return true;
}

/* Numbers of the model's type UNSIGNED are in `natural`; those too great for any device fail the range. */
static int64_t natural_of(const struct value *value)
{
	return value->natural > INT32_MAX ? -1 : (int64_t)value->natural;
}

static bool write_timers(struct account_server *s, uint16_t resource, const struct value *value)
{
	switch (resource) {
	case 13:
		s->has_priority = true;
		return set_u32(&s->priority, natural_of(value));
	case 14:
		return set_u32(&s->initial_delay_s, natural_of(value));
	case 15:
		s->blocks_others = value->boolean;
		return true;
	case 16:
		s->bootstraps_on_failure = value->boolean;
		return true;
	case 17:
		return set_u16(&s->attempts, natural_of(value), 1);
	case 18:
		return set_u32(&s->retry_s, natural_of(value));
	case 19:
		return set_u32(&s->sequence_delay_s, natural_of(value));
	case 20:
		return set_u16(&s->sequences, natural_of(value), 1);
	}
	return true;
}

static bool write_to_server(struct account_server *s, uint16_t resource, const struct value *value)
{
	switch (resource) {
	case 0:
		return set_u16(&s->short_id, value->integer, 1);
	case 1:
		return set_u32(&s->lifetime_s, value->integer) && s->lifetime_s > 0;
	case 2:
		return set_u32(&s->pmin_s, value->integer);
	case 3:
		return set_u32(&s->pmax_s, value->integer);
	case 5:
		return set_u32(&s->disable_s, value->integer);
	case 6:
		s->stores_notifications = value->boolean;
		return true;
	case 7: /* of the transports only UDP is there; a device that can do it is named by "U", wherever it stands */
		return value->bytes.len > 0 && memchr(value->bytes.data, 'U', value->bytes.len) != NULL;
	case 23:
		s->may_send = !value->boolean;
		return true;
	}
	return write_timers(s, resource, value);
}

enum coap_code accounts_write(struct accounts *a, struct path at, const struct value *value)
{
	bool is_good = true;
	if (at.depth < 3)
		return COAP_BAD_REQUEST;
	if (at.ids[0] == MODEL_SECURITY) {
		struct account_security *s = find_security(a, at.ids[1]);
		s = s == NULL ? add_security(a, at.ids[1]) : s;
		if (s == NULL)
			return COAP_INTERNAL_SERVER_ERROR;
		is_good = write_to_security(s, at.ids[2], value);
	} else if (at.ids[0] == MODEL_SERVER) {
		struct account_server *s = accounts_server(a, at.ids[1]);
		s = s == NULL ? add_server(a, at.ids[1]) : s;
		if (s == NULL)
			return COAP_INTERNAL_SERVER_ERROR;
		is_good = write_to_server(s, at.ids[2], value);
	} else if (at.ids[0] == MODEL_ACCESS_CONTROL) {
		is_good = access_write(&a->access, at, value);
	}
	return is_good ? COAP_CHANGED : COAP_BAD_REQUEST;
}

void accounts_remove(struct accounts *a, struct path path)
{
	for (unsigned i = 0; i < ACCOUNTS_SECURITIES_MAX; i++) {
		struct account_security *s = &a->securities[i];
		if (path_is_within(path_of_instance(MODEL_SECURITY, s->id), path) && !s->is_bootstrap)
			*s = (struct account_security){.is_there = false};
	}
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		struct account_server *s = &a->servers[i];
		if (!s->is_there || !path_is_within(path_of_instance(MODEL_SERVER, s->id), path))
			continue;
		access_forget_server(&a->access, s->short_id);
		*s = (struct account_server){.is_there = false};
	}
	for (unsigned i = 0; i < ACCESS_ENTRIES_MAX; i++) {
		struct access_entry *e = &a->access.entries[i];
		if (path_is_within(path_of_instance(MODEL_ACCESS_CONTROL, e->id), path))
			*e = (struct access_entry){.is_there = false};
	}
}

void accounts_remove_bootstrap(struct accounts *a)
{
	for (unsigned i = 0; i < ACCOUNTS_SECURITIES_MAX; i++)
		if (a->securities[i].is_there && a->securities[i].is_bootstrap)
			a->securities[i] = (struct account_security){.is_there = false};
}
