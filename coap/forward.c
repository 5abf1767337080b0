/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/forward.h"

void coap_forward_init(struct coap_endpoint *e)
{
	e->passes_options = e->has_proxy = false;
	for (uint32_t i = 0; i < e->config.resource_count; i++) {
		e->passes_options = e->passes_options || e->config.resources[i].passes_options;
		if (!e->config.resources[i].is_proxy)
			continue;
		e->has_proxy = true;
		e->proxy = i;
	}
}

bool coap_forward_is_asked(const struct coap_message *m)
{
	return m->option_count > 0 && m->options[m->option_count - 1].number >= COAP_OPTION_PROXY_URI &&
	       (coap_message_has(m, COAP_OPTION_PROXY_URI) || coap_message_has(m, COAP_OPTION_PROXY_SCHEME));
}

void coap_forward_localise(struct coap_endpoint *e, struct coap_message *m)
{
	if (!e->has_proxy || !coap_forward_is_asked(m))
		return;
	const struct coap_resource *proxy = &e->config.resources[e->proxy];
	if (proxy->localise != NULL)
		proxy->localise(proxy->context, m);
}

bool coap_forward_resource(const struct coap_endpoint *e, uint32_t *ret)
{
	if (e->has_proxy)
		*ret = e->proxy;
	return e->has_proxy;
}
