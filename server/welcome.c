/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/welcome.h"

static bool find_psk(void *context, struct bytes identity, struct dtls_psk *ret_key, struct dtls_principal *ret)
{
	struct welcome *w = context;
	if (!w->inner.find_psk(w->inner.context, identity, ret_key, ret))
		return false;
	if (server_admits(w->server, dtls_principal_name(ret), w->now))
		return true;
	*ret_key = (struct dtls_psk){0};
	return false;
}

static bool find_certificate(void *context, const struct dtls_certificate *certificate, struct dtls_principal *ret)
{
	struct welcome *w = context;
	return w->inner.find_certificate(w->inner.context, certificate, ret) &&
	       server_admits_certificate(w->server, dtls_principal_name(ret), certificate->der, &ret->number, w->now);
}

struct dtls_credentials welcome_port(struct welcome *w)
{
	return (struct dtls_credentials){w, find_psk, w->inner.find_certificate == NULL ? NULL : find_certificate};
}
