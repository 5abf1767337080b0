/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/welcome.h"

/* A claim's identity is the name of the guest who comes with it. */
static bool find_claim(struct welcome *w, struct bytes identity, struct dtls_psk *ret_key, struct dtls_principal *ret)
{
	*ret_key = (struct dtls_psk){.len = CLAIM_KEY_BYTES};
	*ret = (struct dtls_principal){0};
	return server_claim_key(w->server, identity, ret_key->data, w->now) && dtls_principal_set_name(ret, identity);
}

/* The number says that the server knows of it, which is asked when an association is brought back. */
static bool find_issued(struct welcome *w, struct bytes identity, struct dtls_psk *ret_key, struct dtls_principal *ret)
{
	struct bytes name;
	*ret_key = (struct dtls_psk){.len = DEVICE_KEY_BYTES};
	*ret = (struct dtls_principal){0};
	return server_issued_key(w->server, identity, ret_key->data, &name, &ret->number) &&
	       dtls_principal_set_name(ret, name);
}

/* A key from the file is good until the device has used one that the server has made. */
static bool find_in_file(struct welcome *w, struct bytes identity, struct dtls_psk *ret_key, struct dtls_principal *ret)
{
	return w->inner.find_psk(w->inner.context, identity, ret_key, ret) &&
	       !server_key_is_replaced(w->server, dtls_principal_name(ret));
}

static bool find_psk(void *context, struct bytes identity, struct dtls_psk *ret_key, struct dtls_principal *ret)
{
	struct welcome *w = context;
	bool is_known = find_issued(w, identity, ret_key, ret) || find_in_file(w, identity, ret_key, ret) ||
			find_claim(w, identity, ret_key, ret);
	if (is_known && server_admits(w->server, dtls_principal_name(ret), w->now))
		return true;
	*ret_key = (struct dtls_psk){0};
	return false;
}

static bool find_certificate(void *context, const struct dtls_certificate *certificate, struct dtls_principal *ret)
{
	struct welcome *w = context;
	if (!w->inner.find_certificate(w->inner.context, certificate, ret) ||
		!server_admits_certificate(w->server, dtls_principal_name(ret), certificate->der, &ret->number, w->now))
		return false;
	uint32_t number = 0;
	bool is_first, is_listed = w->lists.has != NULL &&
				   w->lists.has(w->lists.context, certificate->der, &number, &is_first);
	if (is_listed)
		server_refuse_listed(w->server, dtls_principal_name(ret), is_first, w->now);
	ret->number |= number;
	return !is_listed;
}

static bool find_raw_key(void *context, struct bytes digest, struct dtls_principal *ret)
{
	struct welcome *w = context;
	return w->inner.find_raw_key(w->inner.context, digest, ret) &&
	       server_admits(w->server, dtls_principal_name(ret), w->now);
}

struct dtls_credentials welcome_port(struct welcome *w)
{
	return (struct dtls_credentials){.context = w,
		.find_psk = find_psk,
		.find_certificate = w->inner.find_certificate == NULL ? NULL : find_certificate,
		.find_raw_key = w->inner.find_raw_key == NULL ? NULL : find_raw_key};
}
