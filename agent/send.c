/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Send (lwm2m interface section 6.1): what the server should hear of although it observes nothing: that the payload has
 * stopped by itself, and how an update has ended. The server has to allow it by writing false to /1/0/23, Mute Send.
 *
 * A wish stands until the server has answered, over lost associations and new registrations; what is sent are the
 * values of that moment. A Send the server refuses is not repeated. */
#include "agent/state.h"

#include "coap/content_format.h"
#include "mgmt/health.h"

struct story {
	struct path paths[3];
	size_t count;
};

static const struct story stories[SEND_COUNT] = {
	[SEND_PAYLOAD] = {{{{MODEL_HOST_HEALTH, 0, HEALTH_PAYLOAD_STATE}, 3},
				  {{MODEL_HOST_HEALTH, 0, HEALTH_PAYLOAD_RESTARTS}, 3}},
		2},
	[SEND_UPDATE] = {{{{MODEL_FIRMWARE, 0, FIRMWARE_STATE}, 3}, {{MODEL_FIRMWARE, 0, FIRMWARE_UPDATE_RESULT}, 3},
				 {{MODEL_HOST_HEALTH, 0, HEALTH_PAYLOAD_VERSION}, 3}},
		3},
};

void send_wish(struct agent *a, enum send_story story)
{
	for (struct uplink *u = uplink_after(a, NULL); u != NULL; u = uplink_after(a, u))
		u->sends.wishes |= (uint8_t)(1u << story);
}

static bool may_send(const struct uplink *u)
{
	return u->sends.wishes != 0 && handle_is_none(u->sends.exchange) && uplink_account(u)->may_send &&
	       u->is_connected && register_is_registered(&u->registration);
}

msec send_deadline(const struct agent *a)
{
	msec at = NEVER;
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		if (may_send(&a->uplinks[i]))
			at = msec_earlier(at, a->uplinks[i].sends.not_before);
	return at;
}

static void sent(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct uplink *u = context;
	struct logline line = logline_begin("sent");
	(void)e;
	u->sends.exchange = HANDLE_NONE;
	if (reply->outcome != COAP_OUTCOME_RESPONSE) {
		u->sends.wishes |= u->sends.under_way;
		u->sends.not_before = msec_after(now, SEND_RETRY);
		return;
	}
	uint8_t text[48];
	struct writer w = writer_of(text, sizeof text);
	coap_code_write(&w, reply->code);
	logline_bytes(&line, "code", writer_bytes(&w));
	logline_end(&line, &u->agent->ports.log, AGENT_LOG_INFO);
}

static size_t collect_paths(uint8_t wishes, struct path paths[SEND_PATHS_MAX])
{
	size_t count = 0;
	for (unsigned story = 0; story < SEND_COUNT; story++)
		for (size_t i = 0; (wishes >> story & 1) != 0 && i < stories[story].count; i++)
			paths[count++] = stories[story].paths[i];
	return count;
}

static void send_now(struct uplink *u, msec now)
{
	struct agent *a = u->agent;
	struct path paths[SEND_PATHS_MAX];
	struct coap_options options = {.count = 0};
	struct writer body = writer_of(u->sends.body, sizeof u->sends.body);
	a->objects.asking = a->world.asking = uplink_number(u);
	u->sends.under_way = u->sends.wishes;
	u->sends.wishes = 0;
	if (!objects_write_senml(&a->objects, paths, collect_paths(u->sends.under_way, paths), &body))
		return;
	coap_options_add_text(&options, COAP_OPTION_URI_PATH, "dp");
	coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_SENML_CBOR);
	struct coap_call call = {.to = u->remote,
		.method = COAP_POST,
		.options = &options,
		.body = writer_bytes(&body),
		.reply = sent,
		.context = u};
	if (coap_endpoint_request(a->endpoint, &call, now, &u->sends.exchange)) {
		a->counters.sends++;
		return;
	}
	u->sends.exchange = HANDLE_NONE;
	u->sends.wishes = u->sends.under_way;
	u->sends.not_before = msec_after(now, SEND_RETRY);
}

void send_tick(struct agent *a, msec now)
{
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		if (may_send(&a->uplinks[i]) && a->uplinks[i].sends.not_before <= now)
			send_now(&a->uplinks[i], now);
}
