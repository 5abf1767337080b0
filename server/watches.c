/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Observations of operators (lwm2m interface section 6): a wish of what a device is to tell, which outlives the
 * device's registrations.
 *
 *     asked ---> in the device's queue ---> established ---> ended by an operator
 *                     ^                         |
 *                     +---- the device registers anew, or the association was lost and is there again
 *
 * A purpose in the queue is the place behind PURPOSE_WATCHES. What was told last is kept as it came; it is read when
 * somebody looks. */
#include "server/composer.h"

#include "mgmt/payload.h"
#include "server/label.h"

#include <assert.h>

static struct server_watch *place_of(const struct server *s, uint32_t purpose)
{
	assert(purpose >= PURPOSE_WATCHES && slab_is_taken(&s->watch_slab, purpose - PURPOSE_WATCHES));
	return &s->watches[purpose - PURPOSE_WATCHES];
}

static uint32_t slot_of(const struct server *s, const struct server_watch *w)
{
	return (uint32_t)(w - s->watches);
}

static uint32_t purpose_of(const struct server *s, const struct server_watch *w)
{
	return PURPOSE_WATCHES + slot_of(s, w);
}

static void give(struct server *s, struct server_watch *w, msec now)
{
	struct device *device = registry_get(&s->registry, w->device);
	const struct queue_item *running = queue_running(&s->queue, w->device.slot);
	coap_endpoint_cancel(s->endpoint, w->exchange, now);
	if (running != NULL && running->purpose == purpose_of(s, w)) {
		coap_endpoint_cancel(s->endpoint, device->exchange, now);
		device->exchange = HANDLE_NONE;
		queue_done(&s->queue, w->device.slot);
	}
	queue_forget(&s->queue, w->device.slot, purpose_of(s, w));
	w->number = 0;
	slab_give(&s->watch_slab, slab_handle(&s->watch_slab, slot_of(s, w)));
}

/* The next one of the device from `*slot` on; NULL behind the last. */
static struct server_watch *next_of(const struct server *s, const struct device *device, uint32_t *slot)
{
	struct handle handle = registry_handle(&s->registry, device);
	while (*slot < s->watch_slab.capacity && s->watch_slab.used > 0) {
		uint32_t at = (*slot)++;
		if (slab_is_taken(&s->watch_slab, at) && handle_equal(s->watches[at].device, handle))
			return &s->watches[at];
	}
	return NULL;
}

/* ---- asking ---- */

static void note(
	struct server *s, const struct server_watch *w, const char *word, const struct server_ask *ask, msec now)
{
	char text[EVENT_DETAIL_MAX + 1];
	struct writer line = writer_of(text, EVENT_DETAIL_MAX);
	const struct device *device = registry_get(&s->registry, w->device);
	struct note event = {.type = EVENT_DEVICE_ASKED, .actor = ask->actor, .device = device->record.name};
	write_text(&line, word);
	write_text(&line, " ");
	path_write(&line, w->path);
	label_end(text, sizeof text, &line);
	event.detail = text;
	server_note(s, &event, now);
	struct pending *p = pending_begin(s, PENDING_RECORD);
	if (p != NULL)
		(void)pending_commit(s, p, now);
}

/* With every registration anew: what a device announces may change with the program it runs. */
static void choose_formats(const struct server *s, const struct device *device, struct server_watch *w)
{
	struct format_device formats = device_formats(device);
	struct errand errand = {.kind = w->kind, .path = w->path};
	w->tried = 0;
	w->format_count = (uint8_t)errand_formats(&errand, s->config.model, &formats, w->formats);
}

static bool keep_names(struct server_watch *w, const struct errand *errand)
{
	struct writer names = writer_of(w->names, sizeof w->names);
	if (errand->kind == ERRAND_READ_COMPOSITE &&
		payload_encode_names(PAYLOAD_SENML_CBOR, errand->records, errand->count, &names) != PAYLOAD_GOOD)
		return false;
	w->names_len = (uint16_t)writer_bytes(&names).len;
	return true;
}

static bool enqueue(struct server *s, const struct server_watch *w, msec deadline)
{
	return queue_add(&s->queue, w->device.slot, OPERATION_WATCH, purpose_of(s, w), deadline) != QUEUE_FULL;
}

static enum server_result begin(
	struct server *s, const struct device *device, const struct errand *errand, struct server_watch *w)
{
	w->kind = errand->kind;
	w->path = errand->path;
	choose_formats(s, device, w);
	if (w->format_count == 0)
		return SERVER_UNSUPPORTED;
	return keep_names(w, errand) ? SERVER_ACCEPTED
				     : command_refuse(s, SERVER_BAD_ERRAND, bytes_of_text("too many paths at once"));
}

enum server_result server_watch(struct server *s, struct bytes name, const struct errand *errand, msec patience,
	const struct server_ask *ask, msec now)
{
	struct model_choice choices[DEVICE_OBJECTS_MAX];
	struct device *device = registry_find(&s->registry, name);
	struct handle handle;
	s->reason[0] = '\0';
	if (device == NULL)
		return command_refuse(s, SERVER_NO_DEVICE, name);
	if (!device_is_registered(device))
		return SERVER_NOT_REGISTERED;
	struct model model = server_device_model(s, device, choices);
	enum server_result result = errands_check(s, errand, &model);
	if (result != SERVER_ACCEPTED)
		return result;
	if (s->is_stopping || !slab_take(&s->watch_slab, &handle))
		return command_refuse(s, SERVER_BUSY, bytes_of_text("too many observations"));
	struct server_watch *w = &s->watches[handle.slot];
	*w = (struct server_watch){.device = registry_handle(&s->registry, device),
		.exchange = HANDLE_NONE,
		.number = ++s->newest_watch,
		.token = ask->token};
	result = begin(s, device, errand, w);
	if (result == SERVER_ACCEPTED && !enqueue(s, w, msec_after(now, patience)))
		result = command_refuse(s, SERVER_BUSY, bytes_of_text("the device's queue is full"));
	if (result != SERVER_ACCEPTED) {
		give(s, w, now);
		return result;
	}
	note(s, w, "observe", ask, now);
	conduct_pump(s, device, now);
	return SERVER_ACCEPTED;
}

enum server_result server_unwatch(
	struct server *s, struct bytes name, uint32_t number, const struct server_ask *ask, msec now)
{
	struct device *device = registry_find(&s->registry, name);
	if (device == NULL)
		return command_refuse(s, SERVER_NO_DEVICE, name);
	for (uint32_t slot = 0;;) {
		struct server_watch *w = next_of(s, device, &slot);
		if (w == NULL)
			return command_refuse(s, SERVER_NO_WATCH, BYTES_NONE);
		if (w->number != number)
			continue;
		note(s, w, "cancel-observation", ask, now);
		if (w->token != 0)
			watches_failed(s, purpose_of(s, w), SERVER_NO_ANSWER, now);
		else
			give(s, w, now);
		conduct_pump(s, device, now);
		return SERVER_DONE;
	}
}

/* ---- sending ---- */

static size_t read_names(struct server *s, const struct server_watch *w, struct arena *scratch)
{
	struct payload_reader r;
	size_t count = 0;
	if (w->names_len == 0)
		return 0;
	payload_reader_init_names(&r, PAYLOAD_SENML_CBOR, bytes_of(w->names, w->names_len), scratch);
	while (count < SERVER_RECORDS_MAX && payload_next(&r, &s->records[count]))
		count++;
	return count;
}

bool watches_send(struct server *s, struct device *device, uint32_t purpose, coap_reply_function *reply, msec now)
{
	struct server_watch *w = place_of(s, purpose);
	struct errand_request request;
	struct arena scratch;
	uint8_t memory[WATCH_NAMES_BYTES + 64];
	struct writer body = writer_of(memory, sizeof memory);
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	struct errand errand = {.kind = w->kind,
		.path = w->path,
		.records = s->records,
		.count = read_names(s, w, &scratch),
		.prefix = device_prefix(device)};
	if (!errand_build(&request, &errand, w->formats[w->tried], &body))
		return false;
	request.call.observe = true;
	request.call.to = device->remote;
	request.call.reply = reply;
	request.call.context = s;
	s->counters.requests++;
	return coap_endpoint_request(s->endpoint, &request.call, now, &device->exchange);
}

bool watches_has_another_format(struct server *s, uint32_t purpose, const struct coap_reply *reply)
{
	struct server_watch *w = place_of(s, purpose);
	if (!errand_is_about_format(reply->code) || w->tried + 1 >= w->format_count)
		return false;
	w->tried++;
	return true;
}

/* ---- being told ---- */

static void keep(struct server *s, struct server_watch *w, const struct device *device, uint16_t format,
	struct bytes body, msec now)
{
	bool fits = body.len <= sizeof w->body;
	w->body_len = (uint16_t)(fits ? body.len : 0);
	w->format = format;
	w->at = server_wall(s, now);
	w->reports++;
	if (w->body_len > 0)
		memcpy(w->body, body.data, w->body_len);
	s->counters.full += !fits;
	server_remember(s, device, format, w->kind == ERRAND_READ ? w->path : PATH_ROOT, body, now);
}

static void tell_first(struct server *s, struct server_watch *w, const struct device *device,
	const struct coap_reply *reply, bool is_good, msec now)
{
	struct model_choice choices[DEVICE_OBJECTS_MAX];
	struct model model = server_device_model(s, device, choices);
	struct server_answer answer = {.token = w->token,
		.device = device,
		.model = &model,
		.kind = w->kind,
		.code = reply->code,
		.body = reply->body,
		.watch = is_good ? w->number : 0};
	w->token = 0;
	if (is_good)
		answer.count = server_watch_values(s, w, &model, &answer.records);
	if (s->ports.answered != NULL)
		s->ports.answered(s->ports.done_context, &answer, now);
}

void watches_answered(
	struct server *s, const struct device *device, uint32_t purpose, const struct coap_reply *reply, msec now)
{
	struct server_watch *w = place_of(s, purpose);
	bool is_waited_for = w->token != 0, is_good = coap_code_is_success(reply->code);
	if (is_good) {
		keep(s, w, device, reply->content_format, reply->body, now);
		if (reply->outcome == COAP_OUTCOME_NOTIFICATION)
			w->exchange = reply->exchange;
	}
	if (is_waited_for)
		tell_first(s, w, device, reply, is_good, now);
	if (!is_good && is_waited_for)
		give(s, w, now);
}

void watches_failed(struct server *s, uint32_t purpose, enum server_result result, msec now)
{
	struct server_watch *w = place_of(s, purpose);
	struct server_done done = {.token = w->token, .result = result};
	if (w->token == 0)
		return;
	s->reason[0] = '\0';
	give(s, w, now);
	if (s->ports.done != NULL)
		s->ports.done(s->ports.done_context, &done, now);
}

static void tell_all(struct server *s, const struct server_watch *w, const struct device *device, msec now)
{
	server_update(s, UPDATE_VALUES, device, 0, now);
	s->updates[(s->newest_update - 1) % s->config.updates].watch = w->number;
}

bool watches_notified(struct server *s, struct device *device, const struct coap_reply *reply, msec now)
{
	struct server_watch *w;
	uint32_t slot = 0;
	while ((w = next_of(s, device, &slot)) != NULL && !handle_equal(w->exchange, reply->exchange))
		;
	if (w == NULL)
		return false;
	if (reply->outcome != COAP_OUTCOME_NOTIFICATION) {
		w->exchange = HANDLE_NONE;
		return true;
	}
	s->counters.notifications++;
	if (!coap_code_is_success(reply->code))
		return true;
	keep(s, w, device, reply->content_format, reply->body, now);
	tell_all(s, w, device, now);
	return true;
}

void watches_sent(struct server *s, const struct device *device, uint16_t format, struct bytes body, msec now)
{
	struct server_watch *w;
	struct handle handle;
	uint32_t slot = 0;
	while ((w = next_of(s, device, &slot)) != NULL && !w->is_unasked)
		;
	/* Half of the places are the operators'. */
	if (w == NULL && (s->watch_slab.used >= s->watch_slab.capacity / 2 || !slab_take(&s->watch_slab, &handle))) {
		s->counters.full++;
		return;
	}
	if (w == NULL) {
		w = &s->watches[handle.slot];
		*w = (struct server_watch){.device = registry_handle(&s->registry, device),
			.is_unasked = true,
			.kind = ERRAND_READ_COMPOSITE,
			.exchange = HANDLE_NONE,
			.number = ++s->newest_watch};
	}
	keep(s, w, device, format, body, now);
	tell_all(s, w, device, now);
}

/* ---- the life of the device ---- */

void watches_follow(struct server *s, const struct device *device, msec now)
{
	struct server_watch *w;
	for (uint32_t slot = 0; (w = next_of(s, device, &slot)) != NULL;) {
		if (w->is_unasked)
			continue;
		choose_formats(s, device, w);
		if (w->format_count == 0 || !enqueue(s, w, msec_after(now, FOLLOW_DEADLINE)))
			s->counters.full++;
	}
}

void watches_end(struct server *s, const struct device *device, msec now)
{
	struct server_watch *w;
	for (uint32_t slot = 0; (w = next_of(s, device, &slot)) != NULL;) {
		coap_endpoint_cancel(s->endpoint, w->exchange, now);
		w->exchange = HANDLE_NONE;
	}
}

void watches_abandon(struct server *s, const struct device *device, msec now)
{
	struct server_watch *w;
	for (uint32_t slot = 0; (w = next_of(s, device, &slot)) != NULL;)
		watches_failed(s, purpose_of(s, w), SERVER_NO_ANSWER, now);
}

void watches_forget(struct server *s, const struct device *device, msec now)
{
	struct server_watch *w;
	watches_abandon(s, device, now);
	for (uint32_t slot = 0; (w = next_of(s, device, &slot)) != NULL;)
		give(s, w, now);
}

/* ---- questions ---- */

const struct server_watch *server_watch_next(const struct server *s, const struct device *device, uint32_t *cursor)
{
	return next_of(s, device, cursor);
}

const struct server_watch *server_watch_find(const struct server *s, uint32_t number)
{
	for (uint32_t slot = 0; slot < s->watch_slab.capacity; slot++)
		if (slab_is_taken(&s->watch_slab, slot) && s->watches[slot].number == number)
			return &s->watches[slot];
	return NULL;
}

size_t server_watch_values(
	struct server *s, const struct server_watch *w, const struct model *model, const struct record **ret)
{
	struct payload_reader r;
	struct arena scratch;
	size_t count = 0;
	*ret = s->records;
	if (w->body_len == 0)
		return 0;
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	payload_reader_init(&r, w->format, w->kind == ERRAND_READ ? w->path : PATH_ROOT, bytes_of(w->body, w->body_len),
		model, &scratch);
	payload_reader_allow_prefix(&r);
	while (count < SERVER_RECORDS_MAX && payload_next(&r, &s->records[count]))
		count++;
	return r.verdict == PAYLOAD_GOOD ? count : 0;
}

size_t server_watch_names(struct server *s, const struct server_watch *w, const struct record **ret)
{
	struct arena scratch;
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	*ret = s->records;
	return read_names(s, w, &scratch);
}
