/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The registration's actions as CoAP requests, and their answers as its events. Replies only tell the state machine;
 * what it then wants is done by the next tick, because an association must not be closed from within a reply. */
#include "agent/state.h"

#include "coap/content_format.h"
#include "mgmt/registration.h"

/* Fewer than the default 4: after 30 to 45 s without an answer a new handshake finds out more than waiting does. */
#define ACCOUNT_RETRANSMISSIONS    3
#define DEREGISTER_RETRANSMISSIONS 1 /* an agent that stops does not wait for a silent server */

static void log_state(struct agent *a, enum agent_log_level level, const char *event, enum coap_code code)
{
	struct logline line = logline_begin(event);
	uint8_t text[48];
	struct writer w = writer_of(text, sizeof text);
	coap_code_write(&w, code);
	logline_bytes(&line, "code", writer_bytes(&w));
	logline_end(&line, &a->ports.log, level);
}

/* True when the reply is one. Otherwise nobody answered, which is told here; a lost association has been told before.
 */
static bool has_answer(struct agent *a, const struct coap_reply *reply, const char *what, msec now)
{
	a->account_exchange = HANDLE_NONE;
	if (reply->outcome == COAP_OUTCOME_RESPONSE)
		return true;
	if (reply->outcome != COAP_OUTCOME_LOST)
		agent_suspect(a, what, now);
	return false;
}

static size_t read_location(const struct coap_message *m, struct bytes ret[REGISTER_LOCATION_SEGMENTS_MAX + 1])
{
	unsigned cursor = 0;
	size_t count = 0;
	while (count <= REGISTER_LOCATION_SEGMENTS_MAX &&
		coap_message_next(m, COAP_OPTION_LOCATION_PATH, &cursor, &ret[count]))
		count++;
	return count;
}

static void register_replied(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct agent *a = context;
	struct bytes location[REGISTER_LOCATION_SEGMENTS_MAX + 1];
	(void)e;
	if (!has_answer(a, reply, "register", now))
		return;
	if (reply->code != COAP_CREATED) {
		register_refused(&a->registration, now);
		log_state(a, AGENT_LOG_WARNING, "register_refused", reply->code);
	} else if (!register_accepted(&a->registration, location, read_location(reply->message, location), now)) {
		log_state(a, AGENT_LOG_WARNING, "register_location_unusable", reply->code);
	} else {
		a->counters.registrations++;
		log_state(a, AGENT_LOG_INFO, "registered", reply->code);
		fetch_begin(a, now);
	}
}

static void update_replied(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct agent *a = context;
	(void)e;
	if (!has_answer(a, reply, "update", now))
		return;
	if (coap_code_is_success(reply->code)) {
		register_updated(&a->registration, now);
	} else {
		log_state(a, AGENT_LOG_INFO, "registration_forgotten", reply->code);
		register_forgotten(&a->registration, now);
	}
}

static void leave_replied(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct agent *a = context;
	(void)e;
	a->account_exchange = HANDLE_NONE;
	if (reply->outcome == COAP_OUTCOME_LOST)
		return;
	register_left(&a->registration, now);
}

/* ---- requests ---- */

static void send(struct agent *a, struct coap_call *call, msec now)
{
	call->to = a->server;
	call->context = a;
	if (call->max_retransmit == 0)
		call->max_retransmit = ACCOUNT_RETRANSMISSIONS;
	if (call->options->failed || !coap_endpoint_request(a->endpoint, call, now, &a->account_exchange))
		register_silent(&a->registration, now);
}

static void add_queries(const struct registration_parameters *p, struct writer *room, struct coap_options *options)
{
	for (unsigned i = 0;; i++) {
		uint8_t *start = room->at;
		if (!registration_write(p, i, room))
			break;
		coap_options_add(options, COAP_OPTION_URI_QUERY, bytes_of(start, (size_t)(room->at - start)));
	}
	if (room->failed)
		options->failed = true;
}

static void send_register(struct agent *a, msec now)
{
	uint8_t text[REGISTRATION_ENDPOINT_MAX + 64];
	struct writer room = writer_of(text, sizeof text);
	struct writer links = writer_of(a->links, sizeof a->links);
	struct coap_options options = {.count = 0};
	struct registration_parameters p;
	registration_init(&p);
	p.has_endpoint = p.has_lifetime = p.has_version = p.has_binding = true;
	p.endpoint = bytes_of_text(a->config.endpoint_name);
	p.lifetime_s = a->registration.lifetime_s;
	p.major = 1;
	p.minor = 1;
	p.bindings = REGISTRATION_UDP;
	p.has_queue_mode = a->config.queue_mode;
	coap_options_add_text(&options, COAP_OPTION_URI_PATH, "rd");
	coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_LINK);
	add_queries(&p, &room, &options);
	objects_write_links(&a->objects, &links);
	options.failed = options.failed || links.failed;
	struct coap_call call = {
		.method = COAP_POST, .options = &options, .body = writer_bytes(&links), .reply = register_replied};
	send(a, &call, now);
}

static void add_location(const struct agent *a, struct coap_options *options)
{
	for (uint8_t i = 0; i < a->registration.location_count; i++)
		coap_options_add(options, COAP_OPTION_URI_PATH, register_location(&a->registration, i));
}

static void send_update(struct agent *a, msec now)
{
	uint8_t text[32];
	struct writer room = writer_of(text, sizeof text);
	struct coap_options options = {.count = 0};
	struct registration_parameters p;
	registration_init(&p);
	p.has_lifetime = a->registration.tells_lifetime;
	p.lifetime_s = a->registration.lifetime_s;
	add_location(a, &options);
	struct writer links = writer_of(a->links, sizeof a->links);
	if (a->registration.tells_list) {
		coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_LINK);
		objects_write_links(&a->objects, &links);
		options.failed = options.failed || links.failed;
	}
	add_queries(&p, &room, &options);
	struct coap_call call = {
		.method = COAP_POST, .options = &options, .body = writer_bytes(&links), .reply = update_replied};
	a->counters.updates_sent++;
	send(a, &call, now);
}

static void send_deregister(struct agent *a, msec now)
{
	struct coap_options options = {.count = 0};
	add_location(a, &options);
	struct coap_call call = {.method = COAP_DELETE,
		.options = &options,
		.reply = leave_replied,
		.max_retransmit = DEREGISTER_RETRANSMISSIONS};
	send(a, &call, now);
}

/* ---- the association ---- */

static void open_association(struct agent *a, msec now)
{
	struct logline line = logline_begin("connecting");
	logline_text(&line, "server", a->config.server_uri);
	logline_end(&line, &a->ports.log, AGENT_LOG_INFO);
	if (!a->ports.uplink.connect(a->ports.uplink.context, now))
		register_disconnected(&a->registration, now);
}

static void close_association(struct agent *a, msec now)
{
	fetch_stop(a, now);
	enrol_stop(a, now);
	if (a->is_connected) {
		a->is_connected = false;
		coap_endpoint_lost(a->endpoint, &a->server, now);
		report_clear(&a->report);
	}
	a->ports.uplink.close(a->ports.uplink.context, now);
}

void account_act(struct agent *a, msec now)
{
	for (;;) {
		switch (register_due(&a->registration, now)) {
		case REGISTER_WAIT:
			return;
		case REGISTER_CONNECT:
			open_association(a, now);
			break;
		case REGISTER_CLOSE:
			close_association(a, now);
			break;
		case REGISTER_SEND_REGISTER:
			send_register(a, now);
			break;
		case REGISTER_SEND_UPDATE:
			send_update(a, now);
			break;
		case REGISTER_SEND_DEREGISTER:
			send_deregister(a, now);
			break;
		}
	}
}
