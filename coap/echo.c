/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/echo.h"

static const struct coap_echo *find(const struct coap_echoes *t, const struct coap_remote *remote)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (t->items[i].expires > 0 && coap_remote_equal(&t->items[i].remote, remote))
			return &t->items[i];
	return NULL;
}

static struct coap_echo *place_for(struct coap_echoes *t, const struct coap_remote *remote)
{
	const struct coap_echo *known = find(t, remote);
	if (known != NULL)
		return &t->items[known - t->items];
	if (t->count < COAP_ECHOES_MAX)
		return &t->items[t->count++];
	return &t->items[t->next++ % COAP_ECHOES_MAX];
}

void coap_echo_keep(struct coap_echoes *t, const struct coap_remote *from, struct bytes value, msec now)
{
	if (value.len == 0 || value.len > COAP_ECHO_MAX_BYTES)
		return;
	struct coap_echo *x = place_for(t, from);
	x->remote = *from;
	x->expires = msec_after(now, COAP_ECHO_LIFETIME);
	x->len = (uint8_t)value.len;
	memcpy(x->value, value.data, value.len);
}

bool coap_echo_find(const struct coap_echoes *t, const struct coap_remote *to, msec now, struct bytes *ret)
{
	const struct coap_echo *x = find(t, to);
	if (x == NULL || x->expires <= now)
		return false;
	*ret = bytes_of(x->value, x->len);
	return true;
}

void coap_echo_forget(struct coap_echoes *t, const struct coap_remote *remote)
{
	const struct coap_echo *x = find(t, remote);
	if (x != NULL)
		t->items[x - t->items].expires = 0;
}
