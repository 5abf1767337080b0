/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The registrations' actions as CoAP requests, and their answers as their events. Replies only tell the state machine;
 * what it then wants is done by the next tick, because an association must not be closed from within a reply. */
#include "agent/state.h"

#include "coap/content_format.h"
#include "mgmt/registration.h"

/* Fewer than the default 4: after 30 to 45 s without an answer a new handshake finds out more than waiting does. */
#define ACCOUNT_RETRANSMISSIONS    3
#define DEREGISTER_RETRANSMISSIONS 1 /* an agent that stops does not wait for a silent server */

#define CONNECT_LIMIT_MS         SECONDS(90)
#define RETRY_DEFAULT_S          60 /* resources 18 and 19 of object 1 */
#define SEQUENCE_DELAY_DEFAULT_S 86400

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
static bool has_answer(struct uplink *u, const struct coap_reply *reply, const char *what, msec now)
{
	u->exchange = HANDLE_NONE;
	if (reply->outcome == COAP_OUTCOME_RESPONSE)
		return true;
	if (reply->outcome != COAP_OUTCOME_LOST)
		agent_suspect(u, what, now);
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
	struct uplink *u = context;
	struct agent *a = u->agent;
	struct bytes location[REGISTER_LOCATION_SEGMENTS_MAX + 1];
	(void)e;
	if (!has_answer(u, reply, "register", now))
		return;
	if (reply->code != COAP_CREATED) {
		register_refused(&u->registration, now);
		log_state(a, AGENT_LOG_WARNING, "register_refused", reply->code);
	} else if (!register_accepted(&u->registration, location, read_location(reply->message, location), now)) {
		log_state(a, AGENT_LOG_WARNING, "register_location_unusable", reply->code);
	} else {
		a->counters.registrations++;
		log_state(a, AGENT_LOG_INFO, "registered", reply->code);
		catchup_registered(u);
		fetch_begin(a, now);
	}
}

static void update_replied(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct uplink *u = context;
	struct agent *a = u->agent;
	(void)e;
	if (!has_answer(u, reply, "update", now))
		return;
	if (coap_code_is_success(reply->code)) {
		register_updated(&u->registration, now);
		catchup_answered(u);
	} else {
		log_state(a, AGENT_LOG_INFO, "registration_forgotten", reply->code);
		catchup_lost(u);
		register_forgotten(&u->registration, now);
	}
}

static void leave_replied(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct uplink *u = context;
	(void)e;
	u->exchange = HANDLE_NONE;
	if (reply->outcome == COAP_OUTCOME_LOST)
		return;
	register_left(&u->registration, now);
}

/* ---- requests ---- */

static void send(struct uplink *u, struct coap_call *call, msec now)
{
	call->to = u->remote;
	call->context = u;
	if (call->max_retransmit == 0)
		call->max_retransmit = ACCOUNT_RETRANSMISSIONS;
	if (call->options->failed || !coap_endpoint_request(u->agent->endpoint, call, now, &u->exchange))
		register_silent(&u->registration, now);
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

static void send_register(struct uplink *u, msec now)
{
	struct agent *a = u->agent;
	uint8_t text[REGISTRATION_ENDPOINT_MAX + 64];
	struct writer room = writer_of(text, sizeof text);
	struct writer links = writer_of(u->links, u->agent->links_capacity);
	struct coap_options options = {.count = 0};
	struct registration_parameters p;
	registration_init(&p);
	p.has_endpoint = p.has_lifetime = p.has_version = p.has_binding = true;
	p.endpoint = bytes_of_text(a->config.endpoint_name);
	p.lifetime_s = u->registration.lifetime_s;
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
	send(u, &call, now);
}

static void add_location(const struct uplink *u, struct coap_options *options)
{
	for (uint8_t i = 0; i < u->registration.location_count; i++)
		coap_options_add(options, COAP_OPTION_URI_PATH, register_location(&u->registration, i));
}

static void send_update(struct uplink *u, msec now)
{
	struct agent *a = u->agent;
	uint8_t text[32];
	struct writer room = writer_of(text, sizeof text);
	struct coap_options options = {.count = 0};
	struct registration_parameters p;
	registration_init(&p);
	p.has_lifetime = u->registration.tells_lifetime;
	p.lifetime_s = u->registration.lifetime_s;
	add_location(u, &options);
	struct writer links = writer_of(u->links, u->agent->links_capacity);
	if (u->registration.tells_list) {
		coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_LINK);
		objects_write_links(&a->objects, &links);
		options.failed = options.failed || links.failed;
	}
	add_queries(&p, &room, &options);
	struct coap_call call = {
		.method = COAP_POST, .options = &options, .body = writer_bytes(&links), .reply = update_replied};
	a->counters.updates_sent++;
	catchup_asked(u, now);
	send(u, &call, now);
}

static void send_deregister(struct uplink *u, msec now)
{
	struct coap_options options = {.count = 0};
	add_location(u, &options);
	struct coap_call call = {.method = COAP_DELETE,
		.options = &options,
		.reply = leave_replied,
		.max_retransmit = DEREGISTER_RETRANSMISSIONS};
	send(u, &call, now);
}

/* ---- the association ---- */

static void open_association(struct uplink *u, msec now)
{
	struct agent *a = u->agent;
	const struct account_security *account = accounts_security_of(&a->accounts, uplink_account(u));
	struct logline line = logline_begin("connecting");
	logline_bytes(&line, "server", bytes_of(account->uri, account->uri_len));
	logline_end(&line, &a->ports.log, AGENT_LOG_INFO);
	account = rekey_account(a, account);
	if (!a->ports.uplink.connect(a->ports.uplink.context, uplink_number(u), account, now))
		register_disconnected(&u->registration, now);
}

void account_lost(struct uplink *u, msec now)
{
	struct agent *a = u->agent;
	if (a->fetch.from == u)
		fetch_stop(a, now);
	if (u == account_factory(a))
		enrol_stop(a, now);
	if (u == account_factory(a))
		rekey_stop(a, now);
	if (!u->is_connected)
		return;
	u->is_connected = false;
	catchup_lost(u);
	coap_endpoint_lost(a->endpoint, &u->remote, now);
	report_clear(&a->reports[uplink_number(u)]);
}

static void close_association(struct uplink *u, msec now)
{
	struct agent *a = u->agent;
	account_lost(u, now);
	a->ports.uplink.close(a->ports.uplink.context, uplink_number(u), now);
}

static void act(struct uplink *u, msec now)
{
	for (;;) {
		switch (register_due(&u->registration, now)) {
		case REGISTER_WAIT:
			return;
		case REGISTER_CONNECT:
			open_association(u, now);
			break;
		case REGISTER_CLOSE:
			close_association(u, now);
			break;
		case REGISTER_SEND_REGISTER:
			send_register(u, now);
			break;
		case REGISTER_SEND_UPDATE:
			send_update(u, now);
			break;
		case REGISTER_SEND_DEREGISTER:
			send_deregister(u, now);
			break;
		}
	}
}

/* ---- several servers ---- */

/* Servers with a priority follow one another: the next one's turn comes when the one before has registered or failed,
 * and where that one blocks the others, when it has registered (interface section 3.4, resources 13 and 15). */
static bool waits_for_its_turn(const struct agent *a, unsigned i)
{
	const struct account_server *own = &a->accounts.servers[i];
	if (!own->has_priority || a->uplinks[i].registration.was_registered)
		return false;
	for (unsigned k = 0; k < ACCOUNTS_SERVERS_MAX; k++) {
		const struct account_server *other = &a->accounts.servers[k];
		const struct registration *r = &a->uplinks[k].registration;
		bool is_settled = r->was_registered || (register_has_failed(r) && !other->blocks_others);
		if (other->is_there && other->has_priority && other->priority < own->priority && !is_settled)
			return true;
	}
	return false;
}

/* There is one association with an address at a time, and a server may be the Bootstrap server as well. */
static bool shares_its_address(const struct agent *a, unsigned i)
{
	const struct account_security *own = accounts_security_of(&a->accounts, &a->accounts.servers[i]);
	const struct account_security *other = accounts_bootstrap(&a->accounts);
	return a->bootstrap.state > BOOTSTRAP_WAITING && own != NULL && other != NULL &&
	       bytes_equal(bytes_of(own->uri, own->uri_len), bytes_of(other->uri, other->uri_len));
}

static bool is_held_back(const struct agent *a, unsigned i)
{
	return !a->is_stopping && (waits_for_its_turn(a, i) || shares_its_address(a, i));
}

void account_act(struct agent *a, msec now)
{
	for (struct uplink *u = uplink_after(a, NULL); u != NULL; u = uplink_after(a, u))
		if (!is_held_back(a, uplink_number(u)))
			act(u, now);
}

msec account_deadline(const struct agent *a)
{
	msec at = NEVER;
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		if (a->accounts.servers[i].is_there && !is_held_back(a, i))
			at = msec_earlier(at, register_deadline(&a->uplinks[i].registration));
	return at;
}

/* What the server has set in its account, or else the configuration. */
static struct register_config config_of(const struct agent *a, const struct account_server *s)
{
	bool has_sequences = s->attempts > 0;
	uint32_t retry_s = s->retry_s > 0 ? s->retry_s : RETRY_DEFAULT_S;
	uint32_t sequence_s = s->sequence_delay_s > 0 ? s->sequence_delay_s : SEQUENCE_DELAY_DEFAULT_S;
	return (struct register_config){
		.lifetime_s = s->lifetime_s == 0 ? a->config.lifetime_s : s->lifetime_s,
		.connect_timeout_ms = CONNECT_LIMIT_MS,
		.retry_first_ms = has_sequences ? SECONDS(retry_s) : a->config.retry_first_ms,
		.retry_max_ms = has_sequences ? INT32_MAX * (msec)1000 : a->config.retry_max_ms,
		.initial_delay_ms = SECONDS(s->initial_delay_s),
		.attempts = s->attempts,
		.sequences = s->sequences,
		.sequence_delay_ms = SECONDS(sequence_s),
	};
}

void account_begin_all(struct agent *a, msec now)
{
	catchup_begin(a);
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		const struct account_server *s = &a->accounts.servers[i];
		struct register_config config = config_of(a, s);
		a->uplinks[i].sends = (struct sends){.exchange = HANDLE_NONE};
		register_init(&a->uplinks[i].registration, &config, &a->chance, now);
		report_set_defaults(&a->reports[i], s->pmin_s, s->pmax_s, now);
	}
}

void account_end_all(struct agent *a, msec now)
{
	for (struct uplink *u = uplink_after(a, NULL); u != NULL; u = uplink_after(a, u)) {
		struct report *report = &a->reports[uplink_number(u)];
		close_association(u, now);
		report_clear(report);
		report_forget_attributes(report, PATH_ROOT);
	}
}

/* ---- finding ---- */

struct uplink *account_from(struct agent *a, const struct coap_remote *remote)
{
	for (struct uplink *u = uplink_after(a, NULL); u != NULL; u = uplink_after(a, u))
		if (u->is_connected && coap_remote_equal(remote, &u->remote))
			return u;
	return NULL;
}

struct uplink *account_factory(struct agent *a)
{
	for (struct uplink *u = uplink_after(a, NULL); u != NULL; u = uplink_after(a, u)) {
		const struct account_security *account = accounts_security_of(&a->accounts, uplink_account(u));
		if (account != NULL && account->is_factory)
			return u;
	}
	return NULL;
}
