/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What accounts must be like to be used, and what their servers may do. */
#include "agent/accounts.h"

#include "coap/uri.h"
#include "mgmt/model.h"

/* ---- consistency ---- */

/* Certificate usages 0 and 1 would need the authorities of the web. */
static const char *keys_fault(const struct account_security *s)
{
	bool is_psk = s->mode == SECURITY_PSK;
	if (!is_psk && s->mode != SECURITY_RAW_KEY && s->mode != SECURITY_CERTIFICATE)
		return "an account asks for a security mode other than pre-shared key, raw public key and certificate";
	if (is_psk && (s->identity_len > ACCOUNT_IDENTITY_MAX || s->key_len > ACCOUNT_PSK_MAX))
		return "a value of /0 is too long for this device";
	if (s->identity_len == 0 || s->key_len == 0)
		return "an account has no identity or no key";
	if (!is_psk && s->peer_len == 0)
		return "an account has no public key or certificate of the server";
	if (s->mode == SECURITY_CERTIFICATE && s->usage < USAGE_TRUST_ANCHOR)
		return "an account asks for a certificate usage other than 2 and 3";
	return NULL;
}

static const char *security_fault(const struct account_security *s)
{
	struct coap_uri uri;
	if (s->is_factory)
		return NULL;
	if (s->is_unusable)
		return "a value of /0 is too long for this device";
	if (!coap_uri_parse(bytes_of(s->uri, s->uri_len), &uri) || uri.path.len > 1 || uri.has_query)
		return "a URI in /0 is not of the form coaps://host:port";
	if (!uri.is_secure || uri.is_reliable)
		return "an account is not at a coaps URI";
	return keys_fault(s);
}

static const char *server_fault(const struct accounts *a, unsigned i)
{
	const struct account_server *s = &a->servers[i];
	if (s->short_id == 0)
		return "an instance of /1 has no short server id";
	if (accounts_security_of(a, s) == NULL)
		return "an instance of /1 has none in /0 with its short server id";
	for (unsigned k = 0; k < i; k++)
		if (a->servers[k].is_there && a->servers[k].short_id == s->short_id)
			return "two instances of /1 have the same short server id";
	return NULL;
}

static const char *pairing_fault(const struct accounts *a, unsigned i)
{
	const struct account_security *s = &a->securities[i];
	bool has_server = false;
	for (unsigned k = 0; k < ACCOUNTS_SERVERS_MAX; k++)
		has_server = has_server || (a->servers[k].is_there && a->servers[k].short_id == s->short_id);
	for (unsigned k = 0; k < i; k++) {
		const struct account_security *other = &a->securities[k];
		if (!other->is_there || other->is_bootstrap != s->is_bootstrap)
			continue;
		if (s->is_bootstrap)
			return "there are two Bootstrap servers in /0";
		if (other->short_id == s->short_id)
			return "two instances of /0 have the same short server id";
		if (bytes_equal(bytes_of(other->uri, other->uri_len), bytes_of(s->uri, s->uri_len)))
			return "two accounts are at the same address, which this device could not tell apart";
	}
	return s->is_bootstrap || has_server ? NULL : "an instance of /0 has none in /1 with its short server id";
}

const char *accounts_fault(const struct accounts *a)
{
	const char *fault = accounts_server_count(a) == 0 ? "there is no account at a server" : NULL;
	for (unsigned i = 0; i < ACCOUNTS_SECURITIES_MAX && fault == NULL; i++) {
		if (!a->securities[i].is_there)
			continue;
		fault = security_fault(&a->securities[i]);
		if (fault == NULL)
			fault = pairing_fault(a, i);
	}
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX && fault == NULL; i++)
		if (a->servers[i].is_there)
			fault = server_fault(a, i);
	return fault;
}

/* ---- rights ---- */

static bool is_first(const struct accounts *a, unsigned server)
{
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		if (a->servers[i].is_there && a->servers[i].id < a->servers[server].id)
			return false;
	return true;
}

/* Where no entry says it. */
static uint8_t rights_by_rule(const struct accounts *a, unsigned server, uint16_t object, uint16_t instance)
{
	if (object == MODEL_SERVER)
		return instance == a->servers[server].id ? ACCESS_ALL : instance == ACCESS_ANY ? ACCESS_READ : 0;
	return is_first(a, server) ? ACCESS_ALL : ACCESS_READ;
}

/* Only its owner may change an instance of object 2; none is created or deleted but by a Bootstrap server. */
static uint8_t rights_to_entry(const struct accounts *a, unsigned server, uint16_t instance)
{
	for (unsigned i = 0; i < ACCESS_ENTRIES_MAX; i++) {
		const struct access_entry *e = &a->access.entries[i];
		if (e->is_there && e->id == instance && e->owner == a->servers[server].short_id)
			return ACCESS_READ | ACCESS_WRITE;
	}
	return ACCESS_READ;
}

bool accounts_allow(
	const struct accounts *a, unsigned server, uint16_t object, uint16_t instance, enum access_right right)
{
	uint8_t rights;
	if (accounts_server_count(a) < 2)
		return true;
	if (object == MODEL_ACCESS_CONTROL)
		rights = rights_to_entry(a, server, instance);
	else if (!access_find(&a->access, object, instance, a->servers[server].short_id, &rights))
		rights = rights_by_rule(a, server, object, instance);
	return (rights & right) != 0;
}
