/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/trust_files.h"

bool trust_files_load(struct trust_files *t, const struct settings *settings, uint64_t seed, int64_t now,
	char message[SETTINGS_MESSAGE_BYTES])
{
	*t = (struct trust_files){0};
	if (credential_files_load(settings, seed, &t->credentials, message) &&
		authority_files_load(&t->authority, settings, &t->credentials, now, message) &&
		crl_files_load(&t->crl, settings, t->credentials.own.anchors_pem, message))
		return true;
	trust_files_done(t);
	return false;
}

void trust_files_replace(struct trust_files *t, struct trust_files *fresh)
{
	trust_files_done(t);
	*t = *fresh;
	if (t->authority.is_there)
		t->authority.issuer = pki_authority_port(&t->authority.authority);
	*fresh = (struct trust_files){0};
}

void trust_files_done(struct trust_files *t)
{
	credential_files_done(&t->credentials);
	authority_files_done(&t->authority);
	crl_files_done(&t->crl);
}
