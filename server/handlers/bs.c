/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/handlers/bs.h"

#include "coap/content_format.h"
#include "mgmt/links.h"
#include "mgmt/payload.h"

#include <string.h>

#define PATIENCE SECONDS(247) /* EXCHANGE_LIFETIME: then the device has given up as well */

/* In the audit log, which is the log as well. */
static void tell(struct server *s, const char *device, enum event_type type, const char *why, msec now)
{
	struct note note = {.type = type, .device = device, .detail = why};
	server_note(s, &note, now);
	struct pending *p = pending_begin(s, PENDING_RECORD);
	if (p != NULL)
		(void)pending_commit(s, p, now);
}

static void end(struct server *s, struct bootstrap_session *b, msec now)
{
	if (b->is_waiting)
		coap_endpoint_cancel(s->endpoint, b->exchange, now);
	*b = (struct bootstrap_session){0};
}

static void fail(struct server *s, struct bootstrap_session *b, const char *why, msec now)
{
	tell(s, b->name, EVENT_BOOTSTRAP_FAILED, why, now);
	end(s, b, now);
}

static const struct bootstrap_account *account_of(const struct server *s, const char *name, uint32_t index)
{
	const struct device *device = registry_find(&s->registry, bytes_of_text(name));
	struct bytes tags = device == NULL ? BYTES_NONE : bytes_of_text(device->record.tags);
	return bootstrap_find(s->config.bootstrap, bytes_of_text(name), tags, index);
}

/* ---- one request ---- */

/* The instance that the account at b->account has in both objects. */
static uint16_t instance_of(const struct bootstrap_session *b)
{
	uint16_t instance = 0;
	for (uint32_t left = b->account;; instance++) {
		if (instance < 32 && (b->occupied >> instance & 1) != 0)
			continue;
		if (left-- == 0)
			return instance;
	}
}

static void add_path(struct coap_options *options, struct path path)
{
	uint8_t text[PATH_TEXT_BYTES];
	struct writer w = writer_of(text, sizeof text);
	path_write(&w, path);
	coap_options_add_path(options, COAP_OPTION_URI_PATH, writer_bytes(&w));
}

static bool add_account(
	struct server *s, struct bootstrap_session *b, struct coap_options *options, struct coap_call *call)
{
	struct record records[BOOTSTRAP_RECORDS_MAX];
	bool is_security = b->step == BOOTSTRAP_WRITE_SECURITY;
	const struct bootstrap_account *account = account_of(s, b->name, b->account);
	uint16_t instance = instance_of(b);
	struct path path = path_of_instance(is_security ? 0 : 1, instance);
	struct writer w = writer_of(b->body, sizeof b->body);
	if (account == NULL)
		return false;
	size_t count = is_security ? bootstrap_security(account, instance, records)
				   : bootstrap_server(account, instance, records);
	if (payload_encode(b->format, path, records, count, &w) != PAYLOAD_GOOD)
		return false;
	add_path(options, path);
	coap_options_add_uint(options, COAP_OPTION_CONTENT_FORMAT, b->format);
	call->method = COAP_PUT;
	call->body = writer_bytes(&w);
	return true;
}

static bool build(struct server *s, struct bootstrap_session *b, struct coap_options *options, struct coap_call *call)
{
	switch (b->step) {
	case BOOTSTRAP_DELETE_SECURITY:
	case BOOTSTRAP_DELETE_SERVER:
		add_path(options, path_of_object(b->step == BOOTSTRAP_DELETE_SECURITY ? 0 : 1));
		call->method = COAP_DELETE;
		return true;
	case BOOTSTRAP_DISCOVER:
		coap_options_add_uint(options, COAP_OPTION_ACCEPT, PAYLOAD_LINK);
		call->method = COAP_GET;
		return true;
	case BOOTSTRAP_WRITE_SECURITY:
	case BOOTSTRAP_WRITE_SERVER:
		return add_account(s, b, options, call);
	case BOOTSTRAP_FINISH:
		coap_options_add_path(options, COAP_OPTION_URI_PATH, bytes_of_text("/bs"));
		call->method = COAP_POST;
		return true;
	}
	return false;
}

/* ---- answers ---- */

/* Which of the first instances of object 0 the device has. Without an answer to go by it is 0, as is usual. */
static uint32_t read_occupied(const struct coap_reply *reply)
{
	struct links_reader links = links_reader_of(reply->body);
	struct link link;
	uint32_t occupied = 0;
	if (reply->code != COAP_CONTENT)
		return 1;
	while (links_next(&links, &link)) {
		struct path path;
		if (path_parse(link.target, &path) && path.depth == 2 && path.ids[0] == 0 && path.ids[1] < 32)
			occupied |= (uint32_t)1 << path.ids[1];
	}
	return occupied;
}

static enum coap_code expected(enum bootstrap_step step)
{
	switch (step) {
	case BOOTSTRAP_DELETE_SECURITY:
	case BOOTSTRAP_DELETE_SERVER:
		return COAP_DELETED;
	case BOOTSTRAP_DISCOVER:
		return COAP_CONTENT;
	case BOOTSTRAP_WRITE_SECURITY:
	case BOOTSTRAP_WRITE_SERVER:
	case BOOTSTRAP_FINISH:
		return COAP_CHANGED;
	}
	return COAP_EMPTY;
}

static void advance(struct server *s, struct bootstrap_session *b, const struct coap_reply *reply, msec now)
{
	switch (b->step) {
	case BOOTSTRAP_DELETE_SECURITY:
	case BOOTSTRAP_DELETE_SERVER:
	case BOOTSTRAP_WRITE_SECURITY:
		b->step++;
		return;
	case BOOTSTRAP_DISCOVER:
		b->occupied = read_occupied(reply);
		b->step = BOOTSTRAP_WRITE_SECURITY;
		return;
	case BOOTSTRAP_WRITE_SERVER:
		b->account++;
		b->step = account_of(s, b->name, b->account) != NULL ? BOOTSTRAP_WRITE_SECURITY : BOOTSTRAP_FINISH;
		return;
	case BOOTSTRAP_FINISH:
		tell(s, b->name, EVENT_BOOTSTRAPPED, NULL, now);
		end(s, b, now);
		return;
	}
}

static void replied(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct server *s = context;
	(void)endpoint;
	for (unsigned i = 0; i < SERVER_BOOTSTRAPS_MAX; i++) {
		struct bootstrap_session *b = &s->bootstraps[i];
		if (!b->is_taken || !b->is_waiting || !handle_equal(b->exchange, reply->exchange))
			continue;
		b->is_waiting = false;
		/* A device that has no Discover (LwM2M 1.0 lets it) is bootstrapped all the same. */
		bool is_good = reply->outcome == COAP_OUTCOME_RESPONSE &&
			       (reply->code == expected(b->step) || b->step == BOOTSTRAP_DISCOVER);
		if (is_good)
			advance(s, b, reply, now);
		else if (b->step == BOOTSTRAP_FINISH && reply->code == COAP_NOT_ACCEPTABLE)
			fail(s, b, "the device finds the configuration inconsistent", now);
		else
			fail(s, b, reply->code == COAP_EMPTY ? "no answer" : coap_code_name(reply->code), now);
	}
}

/* ---- time ---- */

static void send_next(struct server *s, struct bootstrap_session *b, msec now)
{
	struct coap_options options = {0};
	struct coap_call call = {.to = b->remote, .options = &options, .reply = replied, .context = s};
	if (build(s, b, &options, &call) && coap_endpoint_request(s->endpoint, &call, now, &b->exchange))
		b->is_waiting = true;
	else
		fail(s, b, "its next request cannot be sent", now);
}

msec bs_deadline(const struct server *s)
{
	msec at = NEVER;
	for (unsigned i = 0; i < SERVER_BOOTSTRAPS_MAX; i++)
		if (s->bootstraps[i].is_taken)
			at = msec_earlier(at, s->bootstraps[i].is_waiting ? s->bootstraps[i].deadline : 0);
	return at;
}

void bs_tick(struct server *s, msec now)
{
	for (unsigned i = 0; i < SERVER_BOOTSTRAPS_MAX; i++) {
		struct bootstrap_session *b = &s->bootstraps[i];
		if (b->is_taken && now >= b->deadline)
			fail(s, b, "it took too long", now);
		else if (b->is_taken && !b->is_waiting)
			send_next(s, b, now);
	}
}

/* ---- Bootstrap-Request ---- */

struct wish {
	struct bytes endpoint;
	uint16_t format;
};

static enum coap_code read_wish(const struct coap_request *request, struct wish *ret)
{
	unsigned cursor = 0;
	struct bytes query;
	uint64_t format;
	*ret = (struct wish){.format = PAYLOAD_TLV};
	while (coap_message_next(request->message, COAP_OPTION_URI_QUERY, &cursor, &query)) {
		if (query.len > 3 && memcmp(query.data, "ep=", 3) == 0)
			ret->endpoint = bytes_from(query, 3);
		if (query.len < 4 || memcmp(query.data, "pct=", 4) != 0)
			continue;
		if (!parse_decimal(bytes_from(query, 4), UINT16_MAX, &format))
			return COAP_BAD_REQUEST;
		if (format != PAYLOAD_SENML_JSON && format != PAYLOAD_SENML_CBOR && format != PAYLOAD_TLV &&
			format != PAYLOAD_LWM2M_CBOR)
			return COAP_UNSUPPORTED_CONTENT_FORMAT;
		ret->format = (uint16_t)format;
	}
	return COAP_CHANGED;
}

/* The place of a sequence that the device has begun before, or a free one. */
static struct bootstrap_session *find_place(struct server *s, const char *name)
{
	struct bootstrap_session *unused = NULL;
	for (unsigned i = 0; i < SERVER_BOOTSTRAPS_MAX; i++) {
		struct bootstrap_session *b = &s->bootstraps[i];
		if (b->is_taken && bytes_equal_text(bytes_of_text(b->name), name))
			return b;
		if (!b->is_taken && unused == NULL)
			unused = b;
	}
	return unused;
}

/* Who asks, when there are accounts for him: COAP_CHANGED, or the error. */
static enum coap_code identify(
	struct server *s, const struct coap_request *request, struct bytes endpoint, struct device **ret, msec now)
{
	struct device *device = registry_find_remote(&s->registry, &request->remote);
	if (claiming_is_guest(s, &request->remote))
		return COAP_FORBIDDEN;
	if (device == NULL && s->config.accepts_plain && !coap_remote_is_secure(&request->remote)) {
		server_connected(s, &request->remote, endpoint, now);
		device = registry_find_remote(&s->registry, &request->remote);
	}
	*ret = device;
	if (device == NULL)
		return COAP_FORBIDDEN;
	if (endpoint.len > 0 && !bytes_equal_text(endpoint, device->record.name))
		return COAP_BAD_REQUEST;
	return account_of(s, device->record.name, 0) != NULL ? COAP_CHANGED : COAP_BAD_REQUEST;
}

static enum coap_code begin(struct server *s, const struct coap_request *request, msec now)
{
	struct wish wish;
	struct device *device;
	enum coap_code code = read_wish(request, &wish);
	if (code == COAP_CHANGED)
		code = identify(s, request, wish.endpoint, &device, now);
	if (code != COAP_CHANGED)
		return code;
	struct bootstrap_session *b = find_place(s, device->record.name);
	if (b == NULL)
		return COAP_SERVICE_UNAVAILABLE;
	if (b->is_taken)
		fail(s, b, "begun anew", now);
	*b = (struct bootstrap_session){.is_taken = true,
		.remote = request->remote,
		.format = wish.format,
		.deadline = msec_after(now, PATIENCE)};
	memcpy(b->name, device->record.name, sizeof b->name);
	return COAP_CHANGED;
}

enum coap_answer handlers_bs(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	(void)endpoint;
	if (s->config.bootstrap == NULL)
		ret->code = COAP_NOT_FOUND;
	else if (request->message->code != COAP_POST)
		ret->code = COAP_METHOD_NOT_ALLOWED;
	else if (s->is_stopping)
		ret->code = COAP_SERVICE_UNAVAILABLE;
	else
		ret->code = begin(s, request, now);
	return COAP_ANSWER_NOW;
}

/* ---- Bootstrap-Pack-Request ---- */

/* What a device without any instance but that of its account here, at 0, is given. */
static size_t gather(struct server *s, const char *name)
{
	const struct bootstrap_account *account;
	size_t count = 0;
	for (uint16_t i = 0; (account = account_of(s, name, i)) != NULL; i++)
		count += bootstrap_security(account, (uint16_t)(i + 1), s->records + count);
	for (uint16_t i = 0; (account = account_of(s, name, i)) != NULL; i++)
		count += bootstrap_server(account, (uint16_t)(i + 1), s->records + count);
	return count;
}

static enum coap_code give(
	struct server *s, const struct device *device, const struct coap_request *request, struct coap_response *ret)
{
	_Static_assert(SERVER_RECORDS_MAX >= 2 * BOOTSTRAP_OWN_MAX * BOOTSTRAP_RECORDS_MAX, "a pack has room");
	uint16_t format = request->accept == COAP_FORMAT_NONE ? PAYLOAD_SENML_CBOR : request->accept;
	struct writer w = arena_writer(request->scratch);
	if (format != PAYLOAD_SENML_CBOR && format != PAYLOAD_SENML_JSON && format != PAYLOAD_LWM2M_CBOR)
		return COAP_NOT_ACCEPTABLE;
	size_t count = gather(s, device->record.name);
	if (payload_encode(format, PATH_ROOT, s->records, count, &w) != PAYLOAD_GOOD)
		return COAP_INTERNAL_SERVER_ERROR;
	arena_keep(request->scratch, &w);
	ret->payload = writer_bytes(&w);
	ret->content_format = format;
	return COAP_CONTENT;
}

static enum coap_code pack(struct server *s, const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct wish wish;
	struct device *device;
	(void)read_wish(request, &wish); /* it says by Accept what it likes, so a pct is nothing */
	enum coap_code code = identify(s, request, wish.endpoint, &device, now);
	if (code == COAP_CHANGED)
		code = give(s, device, request, ret);
	if (code == COAP_CONTENT)
		tell(s, device->record.name, EVENT_BOOTSTRAPPED, "given as a pack", now);
	return code;
}

enum coap_answer handlers_bspack(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	(void)endpoint;
	if (s->config.bootstrap == NULL)
		ret->code = COAP_NOT_FOUND;
	else if (request->message->code != COAP_GET)
		ret->code = COAP_METHOD_NOT_ALLOWED;
	else if (s->is_stopping)
		ret->code = COAP_SERVICE_UNAVAILABLE;
	else
		ret->code = pack(s, request, ret, now);
	return COAP_ANSWER_NOW;
}
