/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Requests that an extension answers. The dispatcher has checked one and left a wish (agent/extensions.h); here the
 * extension is asked, and the request kept until it says something:
 *
 *     Write, Execute, Create, Delete    its answer is the answer
 *     Read, Observe, Discover           the values it answers are taken in, and the request is handled again
 *     a composite of several            likewise, when the last of them has answered; who has not is left out
 *
 * Nobody waits for longer than the extension's patience lasts, and nothing else waits meanwhile. */
#include "agent/state.h"

#include "coap/content_format.h"

#define MAX_AGE_DEFAULT_S 60 /* RFC 7252 section 5.10.5 */

enum asker { ASKER_REQUEST, ASKER_REFRESH };

/* ---- the answer to a request ---- */

static void forget(struct delegate *d)
{
	d->is_there = false;
	d->generation++;
}

static struct delegate *find_delegate(struct agent *a, struct handle who)
{
	struct delegate *d = &a->delegates[who.slot];
	return d->is_there && d->generation == who.generation ? d : NULL;
}

static struct coap_response response_of(enum coap_code code)
{
	return (struct coap_response){.code = code, .content_format = COAP_FORMAT_NONE, .max_age_s = MAX_AGE_DEFAULT_S};
}

static void respond(struct agent *a, struct delegate *d, struct coap_response *r, msec now)
{
	struct handle later = d->later;
	forget(d);
	(void)coap_endpoint_respond(a->endpoint, later, r, now);
}

static void respond_code(struct agent *a, struct delegate *d, enum coap_code code, struct bytes reason, msec now)
{
	struct coap_response r = response_of(code);
	r.payload = reason;
	respond(a, d, &r, now);
}

/* The request as it was, but for what only its way through the network needed. */
static void remake_request(struct agent *a, const struct delegate *d, struct coap_message *m, struct arena *scratch,
	struct coap_request *ret)
{
	m->code = d->method;
	m->option_count = 0;
	struct reader queries = reader_of(bytes_of(d->queries, d->queries_len));
	while (reader_left(&queries) > 0 && m->option_count < COAP_MESSAGE_OPTIONS_MAX) {
		size_t len = read_u8(&queries);
		m->options[m->option_count++] = (struct coap_option){COAP_OPTION_URI_QUERY, read_bytes(&queries, len)};
	}
	m->payload = bytes_of(d->body, d->body_len);
	*ret = (struct coap_request){.message = m,
		.remote = a->uplinks[d->asking].remote,
		.body = m->payload,
		.content_format = d->content_format,
		.accept = d->accept,
		.body_is_last = true,
		.observer = d->observer,
		.scratch = scratch};
}

/* What it asked for has come. */
static void handle_again(struct agent *a, struct delegate *d, msec now)
{
	struct coap_message m;
	struct coap_request request;
	struct coap_response r = response_of(COAP_INTERNAL_SERVER_ERROR);
	struct arena arena;
	arena_init(&arena, a->scratch, sizeof a->scratch);
	remake_request(a, d, &m, &arena, &request);
	a->objects.asking = a->world.asking = d->asking;
	a->extensions.is_fetched = true;
	a->extensions.muted = d->muted;
	objects_handle(&a->objects, d->path, a->endpoint, &request, &r, now);
	a->extensions.is_fetched = false;
	a->extensions.muted = 0;
	respond(a, d, &r, now);
}

/* ---- asking ---- */

static enum coap_code refuse(struct coap_response *ret, enum coap_code code, const char *reason)
{
	ret->code = code;
	ret->payload = bytes_of_text(reason);
	ret->content_format = COAP_FORMAT_NONE;
	return code;
}

/* COAP_EMPTY when it has been asked, or the error. */
static enum coap_code ask(struct agent *a, uint8_t slot, struct extension_ask *what, struct extension_asker asker,
	struct coap_response *ret, msec now)
{
	struct extension *x = &a->extensions.list[slot];
	uint8_t line[EXTENSION_ASK_BYTES_MAX];
	struct writer w = writer_of(line, sizeof line);
	if (x->state != EXTENSION_RUNNING)
		return refuse(ret, COAP_SERVICE_UNAVAILABLE, "the extension does not run");
	what->id = extension_ask(x, what->op, what->path, asker, now);
	if (what->id == 0)
		return refuse(ret, COAP_SERVICE_UNAVAILABLE, "the extension has much to answer");
	if (!extension_line_write(&w, what)) {
		extension_withdraw(x, what->id);
		return refuse(ret, COAP_REQUEST_ENTITY_TOO_LARGE, "too long for an extension");
	}
	if (!a->ports.extensions.send(a->ports.extensions.context, slot, writer_bytes(&w))) {
		extension_withdraw(x, what->id);
		return refuse(ret, COAP_SERVICE_UNAVAILABLE, "the extension does not listen");
	}
	return COAP_EMPTY;
}

/* Nobody waits for this. */
static void ask_anew(struct agent *a, uint8_t slot, struct path path, msec now)
{
	struct coap_response ignored;
	struct extension_ask what = {.op = EXTENSION_READ, .path = path};
	(void)ask(a, slot, &what, (struct extension_asker){ASKER_REFRESH, HANDLE_NONE}, &ignored, now);
}

void delegate_refresh(struct agent *a, const struct path *paths, size_t count, msec now)
{
	uint8_t slot;
	for (size_t i = 0; i < count; i++) {
		struct extension *x =
			paths[i].depth == 0 ? NULL : extensions_find(&a->extensions, paths[i].ids[0], &slot);
		if (x != NULL && extension_refresh(x, now))
			ask_anew(a, slot, paths[i], now);
	}
}

/* ---- keeping a request ---- */

static bool keep_queries(struct delegate *d, const struct coap_message *m)
{
	struct writer w = writer_of(d->queries, sizeof d->queries);
	struct bytes query;
	unsigned cursor = 0;
	while (coap_message_next(m, COAP_OPTION_URI_QUERY, &cursor, &query)) {
		write_u8(&w, (uint8_t)query.len); /* at most 255 (RFC 7252 section 5.10) */
		write_bytes(&w, query);
	}
	d->queries_len = writer_bytes(&w).len;
	return !w.failed;
}

static bool keep_body(struct delegate *d, struct bytes body)
{
	if (body.len > sizeof d->body)
		return false;
	bytes_copy(d->body, body.data, body.len);
	d->body_len = body.len;
	return true;
}

static struct delegate *free_delegate(struct agent *a)
{
	for (size_t i = 0; i < a->delegate_count; i++)
		if (!a->delegates[i].is_there)
			return &a->delegates[i];
	return NULL;
}

static void keep_request(struct agent *a, struct delegate *d, struct path path, const struct coap_request *request,
	enum coap_code success)
{
	const struct extension_wish *wish = &a->extensions.wish;
	d->is_there = true;
	d->later = request->later;
	d->observer = request->observer;
	d->asking = a->world.asking;
	d->path = path;
	d->method = request->message->code;
	d->success = success;
	d->accept = request->accept;
	d->content_format = request->content_format;
	d->subject = wish->paths[0];
	d->waiting = 0;
	d->muted = 0;
	d->queries_len = d->body_len = 0;
}

/* ---- carrying a wish out ---- */

static struct extension_asker asker_of(const struct agent *a, const struct delegate *d)
{
	return (struct extension_asker){ASKER_REQUEST, {(uint32_t)(d - a->delegates), d->generation}};
}

/* Of a composite those that cannot be asked are left out. COAP_EMPTY when somebody has been asked, or the error. */
static enum coap_code ask_for_values(struct agent *a, struct delegate *d, struct coap_response *ret, msec now)
{
	const struct extension_wish *wish = &a->extensions.wish;
	enum coap_code code = COAP_EMPTY;
	for (size_t i = 0; i < wish->path_count; i++) {
		uint8_t slot;
		struct extension_ask what = {.op = EXTENSION_READ, .path = wish->paths[i]};
		if (extensions_find(&a->extensions, what.path.ids[0], &slot) == NULL)
			continue;
		enum coap_code asked = ask(a, slot, &what, asker_of(a, d), ret, now);
		if (asked == COAP_EMPTY) {
			d->waiting++;
		} else {
			d->muted |= UINT32_C(1) << slot;
			code = asked;
		}
	}
	return d->waiting > 0 ? COAP_EMPTY : code;
}

/* What a Write is about, as narrowly as it can be said: a program that knows one value at a time is then asked for one
 * wherever one is meant. A composite has no path of its own. */
static struct path target_of_write(const struct extension_wish *wish, struct path asked)
{
	if (wish->count == 0 || (asked.depth > 0 && (wish->is_replace || wish->count > 1)))
		return asked;
	struct path target = wish->records[0].path;
	for (size_t i = 1; i < wish->count; i++)
		while (target.depth > 2 || !path_is_within(wish->records[i].path, target))
			target = path_cut(target, (uint8_t)(target.depth - 1));
	return target;
}

static enum coap_code ask_for_deed(struct agent *a, struct delegate *d, struct coap_response *ret, msec now)
{
	const struct extension_wish *wish = &a->extensions.wish;
	uint8_t slot;
	struct extension_ask what = {.op = wish->op,
		.path = wish->op == EXTENSION_WRITE ? target_of_write(wish, d->path) : wish->paths[0],
		.is_replace = wish->is_replace,
		.records = wish->records,
		.count = wish->count,
		.arguments = wish->arguments};
	if (extensions_find(&a->extensions, wish->paths[0].ids[0], &slot) == NULL)
		return refuse(ret, COAP_NOT_FOUND, "");
	d->waiting = 1;
	return ask(a, slot, &what, asker_of(a, d), ret, now);
}

/* A composite of which nobody can be asked shows the rest at once. */
static enum coap_answer without_asking(struct agent *a, const struct delegate *d, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	ret->payload = BYTES_NONE;
	a->extensions.is_fetched = true;
	a->extensions.muted = d->muted;
	objects_handle(&a->objects, d->path, endpoint, request, ret, now);
	a->extensions.is_fetched = false;
	a->extensions.muted = 0;
	return COAP_ANSWER_NOW;
}

static enum coap_answer begin(struct agent *a, struct path path, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	bool is_read = a->extensions.wish.op == EXTENSION_READ;
	struct delegate *d = free_delegate(a);
	if (handle_is_none(request->later))
		return COAP_ANSWER_LATER; /* the endpoint refuses it: nothing may have happened then */
	if (d == NULL) {
		(void)refuse(ret, COAP_SERVICE_UNAVAILABLE, "too many requests for extensions");
		return COAP_ANSWER_NOW;
	}
	keep_request(a, d, path, request, ret->code);
	enum coap_code code = COAP_REQUEST_ENTITY_TOO_LARGE;
	if (!is_read)
		code = ask_for_deed(a, d, ret, now);
	else if (keep_queries(d, request->message) && keep_body(d, request->body))
		code = ask_for_values(a, d, ret, now);
	if (code == COAP_EMPTY)
		return COAP_ANSWER_LATER;
	forget(d);
	ret->options = (struct coap_options){.count = 0};
	ret->code = code;
	if (is_read && path.depth == 0 && code == COAP_SERVICE_UNAVAILABLE)
		return without_asking(a, d, endpoint, request, ret, now);
	return COAP_ANSWER_NOW;
}

void delegate_prepare(struct agent *a)
{
	struct extension_wish *w = &a->extensions.wish;
	*w = (struct extension_wish){.records = w->records};
}

enum coap_answer delegate_request(struct agent *a, struct path path, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	bool is_wanted = a->extensions.wish.is_there && (ret->code == COAP_EMPTY || coap_code_is_success(ret->code));
	return is_wanted ? begin(a, path, endpoint, request, ret, now) : COAP_ANSWER_NOW;
}

/* ---- what became of a question ---- */

static void respond_created(struct agent *a, struct delegate *d, msec now)
{
	struct coap_response r = response_of(d->success);
	uint8_t room[16];
	struct writer w = writer_of(room, sizeof room);
	write_decimal(&w, d->subject.ids[0]);
	struct bytes object = writer_bytes(&w);
	write_decimal(&w, d->subject.ids[1]);
	coap_options_add(&r.options, COAP_OPTION_LOCATION_PATH, object);
	coap_options_add(&r.options, COAP_OPTION_LOCATION_PATH, bytes_from(writer_bytes(&w), object.len));
	respond(a, d, &r, now);
}

/* What is there now may not be what was written. */
static void read_back(struct agent *a, struct path written, msec now)
{
	uint8_t slot;
	const struct model_resource *resource = NULL;
	if (extensions_find(&a->extensions, written.ids[0], &slot) == NULL)
		return;
	if (written.depth >= 3)
		resource = model_resource(&a->extensions.model, written.ids[0], written.ids[2]);
	if (resource == NULL || (resource->operations & MODEL_READ) != 0)
		ask_anew(a, slot, path_cut(written, resource == NULL ? 2 : 3), now);
}

/* It has done what it was asked to do: now others may hear of it. */
static void deed_done(struct agent *a, struct delegate *d, const struct extension_outcome *outcome, msec now)
{
	struct path subject = d->subject;
	if (outcome->op == EXTENSION_CREATE)
		respond_created(a, d, now);
	else
		respond_code(a, d, d->success, BYTES_NONE, now);
	if (outcome->op == EXTENSION_CREATE || outcome->op == EXTENSION_DELETE)
		supervise_list_changed(a, now);
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX && outcome->op == EXTENSION_DELETE; i++)
		report_forget_attributes(&a->reports[i], subject);
	agent_touch(a, subject, now);
	if (outcome->op == EXTENSION_WRITE || outcome->op == EXTENSION_CREATE)
		read_back(a, outcome->path, now);
}

static void values_came(struct agent *a, struct delegate *d, const struct extension_outcome *outcome, msec now)
{
	uint8_t slot;
	bool is_composite = d->path.depth == 0;
	d->waiting--;
	if (!is_composite && outcome->code != COAP_EMPTY) {
		respond_code(a, d, outcome->code, outcome->reason, now);
		return;
	}
	if (outcome->code != COAP_EMPTY && extensions_find(&a->extensions, outcome->path.ids[0], &slot) != NULL)
		d->muted |= UINT32_C(1) << slot;
	if (d->waiting == 0)
		handle_again(a, d, now);
}

void delegate_settle(struct agent *a, const struct extension_outcome *outcome, msec now)
{
	struct delegate *d = NULL;
	if (outcome->asker.kind == ASKER_REQUEST)
		d = find_delegate(a, outcome->asker.who);
	else if (outcome->code == COAP_EMPTY)
		agent_touch(a, outcome->path, now);
	if (d == NULL)
		return;
	if (outcome->op == EXTENSION_READ)
		values_came(a, d, outcome, now);
	else if (outcome->code == COAP_EMPTY)
		deed_done(a, d, outcome, now);
	else
		respond_code(a, d, outcome->code, outcome->reason, now);
}

void delegate_forget(struct agent *a, struct handle observer)
{
	for (size_t i = 0; i < a->delegate_count; i++)
		if (handle_equal(a->delegates[i].observer, observer))
			a->delegates[i].observer = HANDLE_NONE;
}
