/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bootstrap on the wire (lwm2m interface section 4): when it is wanted, the Bootstrap-Request, and what the server then
 * asks. All of it changes a draft; Finish makes the draft durable, and the association's end makes it the accounts.
 * What the server writes to other objects than 0 and 1 is an ordinary Write. */
#include "agent/state.h"
#include "agent/visit.h"

#include "coap/content_format.h"
#include "mgmt/links.h"
#include "mgmt/payload.h"

#define CONNECT_LIMIT_MS SECONDS(90)
#define TRIGGER_DELAY_MS SECONDS(1) /* for the answer to the Execute to leave */
#define TRIGGERED_TRIES  3          /* the accounts there are work: nobody is lost when it comes to nothing */

static void log_event(struct agent *a, enum agent_log_level level, const char *event, const char *reason)
{
	struct logline line = logline_begin(event);
	if (reason != NULL)
		logline_text(&line, "reason", reason);
	logline_end(&line, &a->ports.log, level);
}

static void give_up(struct agent *a, const char *reason, msec now)
{
	log_event(a, AGENT_LOG_WARNING, "bootstrap_failed", reason);
	bootstrap_failed(&a->bootstrap, now);
}

/* ---- when it is wanted ---- */

/* Without accounts, or when those there are lead nowhere and one of them says that this is the remedy. */
static bool is_needed(const struct agent *a)
{
	if (accounts_bootstrap(&a->accounts) == NULL || agent_is_registered(a))
		return false;
	bool has_failed = false;
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		const struct account_server *s = &a->accounts.servers[i];
		has_failed = has_failed || (s->is_there && s->bootstraps_on_failure &&
						   register_has_failed(&a->uplinks[i].registration));
	}
	return has_failed || accounts_server_count(&a->accounts) == 0;
}

static void decide(struct agent *a, msec now)
{
	struct bootstrap *b = &a->bootstrap;
	bool is_wanted = is_needed(a);
	if (is_wanted && b->state == BOOTSTRAP_IDLE)
		bootstrap_begin(b, SECONDS(accounts_bootstrap(&a->accounts)->hold_off_s), 0, now);
	else if (!is_wanted && b->state == BOOTSTRAP_WAITING && !b->has_limit)
		bootstrap_stop(b);
}

void bootstrapping_trigger(struct agent *a, msec now)
{
	bootstrap_begin(&a->bootstrap, TRIGGER_DELAY_MS, TRIGGERED_TRIES, now);
}

/* ---- the request ---- */

static void request_replied(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct agent *a = context;
	(void)e;
	a->bootstrap_exchange = HANDLE_NONE;
	if (reply->outcome == COAP_OUTCOME_LOST)
		return;
	if (reply->outcome != COAP_OUTCOME_RESPONSE) {
		give_up(a, "the Bootstrap server does not answer", now);
		return;
	}
	if (coap_code_is_success(reply->code)) {
		bootstrap_accepted(&a->bootstrap, now);
		return;
	}
	struct logline line = logline_begin("bootstrap_refused");
	uint8_t text[48];
	struct writer w = writer_of(text, sizeof text);
	coap_code_write(&w, reply->code);
	logline_bytes(&line, "code", writer_bytes(&w));
	logline_end(&line, &a->ports.log, AGENT_LOG_WARNING);
	bootstrap_failed(&a->bootstrap, now);
}

static void send_request(struct agent *a, msec now)
{
	uint8_t text[AGENT_NAME_MAX + 8];
	struct writer room = writer_of(text, sizeof text);
	struct coap_options options = {.count = 0};
	write_text(&room, "ep=");
	write_text(&room, a->config.endpoint_name);
	coap_options_add_text(&options, COAP_OPTION_URI_PATH, "bs");
	coap_options_add(&options, COAP_OPTION_URI_QUERY, writer_bytes(&room));
	coap_options_add_text(&options, COAP_OPTION_URI_QUERY, "pct=11542");
	struct coap_call call = {.to = a->bootstrap_server,
		.method = COAP_POST,
		.options = &options,
		.reply = request_replied,
		.context = a};
	a->draft = a->accounts;
	if (room.failed || options.failed || !coap_endpoint_request(a->endpoint, &call, now, &a->bootstrap_exchange))
		give_up(a, "the request cannot be sent", now);
}

/* ---- the association ---- */

void bootstrapping_connected(struct agent *a, const struct coap_remote *server, msec now)
{
	log_event(a, AGENT_LOG_INFO, "bootstrap_connected", NULL);
	a->bootstrap_server = *server;
	a->is_bootstrapping = true;
	bootstrap_connected(&a->bootstrap, now);
}

static void lose(struct agent *a, msec now)
{
	if (a->is_bootstrapping)
		coap_endpoint_lost(a->endpoint, &a->bootstrap_server, now);
	a->is_bootstrapping = false;
}

void bootstrapping_disconnected(struct agent *a, const char *reason, msec now)
{
	log_event(a, AGENT_LOG_WARNING, "bootstrap_disconnected", reason);
	lose(a, now);
	bootstrap_disconnected(&a->bootstrap, now);
}

static void connect(struct agent *a, msec now)
{
	const struct account_security *account = accounts_bootstrap(&a->accounts);
	struct logline line = logline_begin("bootstrap_connecting");
	logline_bytes(&line, "server", bytes_of(account->uri, account->uri_len));
	logline_end(&line, &a->ports.log, AGENT_LOG_INFO);
	if (!a->ports.uplink.connect(a->ports.uplink.context, AGENT_BOOTSTRAP_LINK, account, now))
		bootstrap_disconnected(&a->bootstrap, now);
}

static void close(struct agent *a, msec now)
{
	lose(a, now);
	a->ports.uplink.close(a->ports.uplink.context, AGENT_BOOTSTRAP_LINK, now);
}

static void adopt(struct agent *a, msec now)
{
	close(a, now);
	account_end_all(a, now);
	a->accounts = a->draft;
	agent_gather_objects(a);
	account_begin_all(a, now);
	const struct account_security *account = accounts_bootstrap(&a->accounts);
	bool ends = account != NULL && account->timeout_s > 0;
	a->bootstrap_ends = ends ? msec_after(now, SECONDS(account->timeout_s)) : NEVER;
}

/* /0/x/12: the account at the Bootstrap server is for a while only. */
static void end_account(struct agent *a)
{
	a->bootstrap_ends = NEVER;
	accounts_remove_bootstrap(&a->accounts);
	(void)accounts_store(&a->accounts, &a->ports.shelf, a->world.accounts_record);
	log_event(a, AGENT_LOG_INFO, "bootstrap_account_ended", NULL);
}

void bootstrapping_act(struct agent *a, msec now)
{
	if (a->bootstrap_ends <= now)
		end_account(a);
	if (!a->is_stopping)
		decide(a, now);
	for (;;) {
		switch (bootstrap_due(&a->bootstrap, now)) {
		case BOOTSTRAP_WAIT:
			return;
		case BOOTSTRAP_CONNECT:
			connect(a, now);
			break;
		case BOOTSTRAP_CLOSE:
			close(a, now);
			break;
		case BOOTSTRAP_SEND_REQUEST:
			send_request(a, now);
			break;
		case BOOTSTRAP_ADOPT:
			adopt(a, now);
			break;
		}
	}
}

void bootstrapping_init(struct agent *a)
{
	struct bootstrap_config config = {CONNECT_LIMIT_MS, a->config.retry_first_ms, a->config.retry_max_ms};
	bootstrap_init(&a->bootstrap, &config, &a->chance);
	a->bootstrap_exchange = HANDLE_NONE;
	a->bootstrap_ends = NEVER;
}

msec bootstrapping_deadline(const struct agent *a)
{
	bool is_at_once = !a->is_stopping && a->bootstrap.state == BOOTSTRAP_IDLE && is_needed(a);
	return is_at_once ? 0 : msec_earlier(bootstrap_deadline(&a->bootstrap), a->bootstrap_ends);
}

void bootstrapping_stop(struct agent *a, msec now)
{
	bootstrap_stop(&a->bootstrap);
	bootstrapping_act(a, now);
}

bool bootstrapping_is_from(const struct agent *a, const struct coap_remote *remote)
{
	return a->is_bootstrapping && coap_remote_equal(remote, &a->bootstrap_server);
}

/* ---- Bootstrap-Write ---- */

static bool is_account(struct path path)
{
	return path.depth > 0 && path.ids[0] <= MODEL_ACCESS_CONTROL; /* 0, 1 and 2 */
}

/* What is written as a whole replaces what was there; each instance of the body once. */
static void replace_instances(struct accounts *draft, const struct object_records *records)
{
	for (size_t i = 0; i < records->count; i++) {
		struct path instance = path_cut(records->list[i].path, 2);
		bool was_before = false;
		for (size_t k = 0; k < i && !was_before; k++)
			was_before = path_equal(path_cut(records->list[k].path, 2), instance);
		if (!was_before)
			accounts_remove(draft, instance);
	}
}

static enum coap_code write_record(struct accounts *draft, const struct record *record)
{
	const struct model_resource *model = model_resource(&model_core, record->path.ids[0], record->path.ids[2]);
	if (model == NULL || record->value.type == VALUE_NONE)
		return COAP_CHANGED; /* unknown optional resources are skipped */
	return model_accepts(model, &record->value) ? accounts_write(draft, record->path, &record->value)
						    : COAP_BAD_REQUEST;
}

static enum coap_code write_accounts(struct agent *a, struct visit *v)
{
	struct object_records records;
	struct accounts before = a->draft;
	enum coap_code code = visit_read_body(v, v->path, &records);
	if (code == COAP_CHANGED && v->path.depth < 3)
		replace_instances(&a->draft, &records);
	for (size_t i = 0; i < records.count && code == COAP_CHANGED; i++)
		code = write_record(&a->draft, &records.list[i]);
	if (code != COAP_CHANGED)
		a->draft = before;
	return code;
}

/* ---- Bootstrap-Discover and Bootstrap-Read ---- */

static void write_accounts_links(const struct accounts *draft, struct path below, struct writer *w)
{
	for (unsigned i = 0; i < ACCOUNTS_SECURITIES_MAX; i++) {
		const struct account_security *s = &draft->securities[i];
		struct path path = path_of_instance(MODEL_SECURITY, s->id);
		if (!s->is_there || !path_is_within(path, below))
			continue;
		links_write(w, BYTES_NONE, path);
		if (s->is_bootstrap)
			continue;
		links_write_number(w, "ssid", s->short_id);
		links_write_quoted(w, "uri", bytes_of(s->uri, s->uri_len));
	}
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		const struct account_server *s = &draft->servers[i];
		struct path path = path_of_instance(MODEL_SERVER, s->id);
		if (!s->is_there || !path_is_within(path, below))
			continue;
		links_write(w, BYTES_NONE, path);
		links_write_number(w, "ssid", s->short_id);
	}
}

static void write_other_links(struct agent *a, struct path below, struct writer *w)
{
	for (size_t i = 0; i < a->objects.count; i++) {
		const struct object *object = a->table[i];
		uint16_t id = 0;
		bool is_meant = object->id != MODEL_SERVER && path_is_within(path_of_object(object->id), below);
		for (uint32_t from = 0; from <= PATH_ID_MAX && is_meant; from = id + 1u) {
			if (!object_next_instance(object, &a->world, (uint16_t)from, &id))
				break;
			links_write(w, BYTES_NONE, path_of_instance(object->id, id));
		}
	}
}

static enum coap_code discover(struct agent *a, struct visit *v)
{
	struct writer w = arena_writer(v->request->scratch);
	write_text(&w, "</>;lwm2m=1.1");
	write_accounts_links(&a->draft, v->path, &w);
	write_other_links(a, v->path, &w);
	if (w.failed)
		return COAP_INTERNAL_SERVER_ERROR;
	arena_keep(v->request->scratch, &w);
	v->response->payload = writer_bytes(&w);
	v->response->content_format = COAP_FORMAT_LINK;
	return COAP_CONTENT;
}

static void handle_freely(struct agent *a, struct visit *v, const struct coap_request *request, msec now)
{
	a->objects.has_all_rights = true;
	objects_handle(&a->objects, v->path, v->endpoint, request, v->response, now);
	a->objects.has_all_rights = false;
}

/* Of the draft: objects 1 and 2 alone may be read (section 4). */
static enum coap_code read_accounts(struct agent *a, struct visit *v, msec now)
{
	struct coap_request request = *v->request;
	bool may_be_read = v->path.depth > 0 && v->path.depth <= 2 &&
			   (v->path.ids[0] == MODEL_SERVER || v->path.ids[0] == MODEL_ACCESS_CONTROL);
	if (!may_be_read)
		return COAP_METHOD_NOT_ALLOWED;
	request.observer = HANDLE_NONE;
	a->world.accounts = &a->draft;
	handle_freely(a, v, &request, now);
	a->world.accounts = &a->accounts;
	return v->response->code;
}

/* ---- Bootstrap-Finish ---- */

static enum coap_code finish(struct agent *a, msec now)
{
	const char *fault = accounts_fault(&a->draft);
	if (fault != NULL) { /* the server may mend it and send Finish again */
		log_event(a, AGENT_LOG_WARNING, "bootstrap_inconsistent", fault);
		return COAP_NOT_ACCEPTABLE;
	}
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		a->draft.servers[i].bootstrapped_at = (int64_t)a->world.sample.unix_time_s;
	int status = accounts_store(&a->draft, &a->ports.shelf, a->world.accounts_record);
	if (status < 0) {
		log_event(a, AGENT_LOG_ERROR, "bootstrap_failed", "the accounts cannot be kept");
		return COAP_INTERNAL_SERVER_ERROR;
	}
	struct logline line = logline_begin("bootstrap_finished");
	logline_number(&line, "servers", accounts_server_count(&a->draft));
	logline_end(&line, &a->ports.log, AGENT_LOG_INFO);
	bootstrap_finished(&a->bootstrap, now);
	return COAP_CHANGED;
}

/* ---- what the server asks ---- */

static enum coap_code remove_accounts(struct agent *a, struct path path)
{
	const struct account_security *own = accounts_bootstrap(&a->draft);
	if (path.depth > 2)
		return COAP_BAD_REQUEST;
	if (path.depth == 2 && own != NULL && path_equal(path, path_of_instance(MODEL_SECURITY, own->id)))
		return COAP_BAD_REQUEST;
	accounts_remove(&a->draft, path);
	return COAP_DELETED;
}

static enum coap_code handle(struct agent *a, struct visit *v, msec now)
{
	enum coap_code method = v->request->message->code;
	if (method == COAP_DELETE && (v->path.depth == 0 || is_account(v->path)))
		return remove_accounts(a, v->path);
	if (method == COAP_PUT && is_account(v->path))
		return write_accounts(a, v);
	if (method == COAP_GET && v->request->accept == COAP_FORMAT_LINK)
		return discover(a, v);
	if (method == COAP_GET)
		return read_accounts(a, v, now);
	if (method != COAP_PUT || v->path.depth < 2)
		return COAP_METHOD_NOT_ALLOWED;
	handle_freely(a, v, v->request, now);
	return v->response->code;
}

void bootstrapping_handle(struct agent *a, struct path path, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct visit v = {
		.o = &a->objects, .path = path, .endpoint = endpoint, .request = request, .response = ret, .now = now};
	bootstrap_heard(&a->bootstrap, now);
	ret->code = handle(a, &v, now);
	if (!handle_is_none(request->observer))
		coap_endpoint_forget_observer(endpoint, request->observer);
}

void bootstrapping_handle_finish(
	struct agent *a, const struct coap_request *request, struct coap_response *ret, msec now)
{
	bootstrap_heard(&a->bootstrap, now);
	ret->code = request->message->code == COAP_POST ? finish(a, now) : COAP_METHOD_NOT_ALLOWED;
}
