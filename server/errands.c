/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Errands of operators: checked against the model of the device, written to the audit log when they change something,
 * put into the device's queue, sent in the best format, and answered to whoever asked.
 *
 * An errand's purpose in the queue is its place behind PURPOSE_ERRANDS. Its records are kept as SenML CBOR, from which
 * they are written in whichever format comes next. */
#include "server/composer.h"

#include "mgmt/payload.h"
#include "server/label.h"

#include <assert.h>

#define REASON_BYTES 160

static struct errand_place *place_of(const struct server *s, uint32_t purpose)
{
	assert(purpose >= PURPOSE_ERRANDS && slab_is_taken(&s->errand_slab, purpose - PURPOSE_ERRANDS));
	return &s->errands[purpose - PURPOSE_ERRANDS];
}

static uint32_t slot_of(const struct server *s, const struct errand_place *place)
{
	return (uint32_t)(place - s->errands);
}

void errands_give(struct server *s, const struct errand_place *place)
{
	slab_give(&s->errand_slab, slab_handle(&s->errand_slab, slot_of(s, place)));
}

/* ---- asking ---- */

static enum server_result refuse_verdict(
	struct server *s, const struct model *model, enum errand_verdict verdict, struct path culprit)
{
	uint8_t text[REASON_BYTES];
	struct writer w = writer_of(text, sizeof text);
	path_write(&w, culprit);
	if (culprit.depth > 0 && model_object(model, culprit.ids[0]) != NULL) {
		write_text(&w, " (");
		model_write_path(&w, model, culprit);
		write_text(&w, ")");
	}
	write_text(&w, ": ");
	write_text(&w, errand_verdict_text(verdict));
	return command_refuse(s, SERVER_BAD_ERRAND, writer_bytes(&w));
}

/* In the order of their paths, as TLV wants them. */
static void sort(struct record *records, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct record record = records[i];
		size_t at = i;
		for (; at > 0 && path_compare(records[at - 1].path, record.path) > 0; at--)
			records[at] = records[at - 1];
		records[at] = record;
	}
}

bool errands_keep(struct server *s, const struct errand *errand, struct writer *w)
{
	enum payload_verdict verdict = PAYLOAD_GOOD;
	if (errand->count > SERVER_RECORDS_MAX)
		return false;
	if (errand->count > 0) {
		memcpy(s->records, errand->records, errand->count * sizeof *errand->records);
		sort(s->records, errand->count);
	}
	if (errand->kind == ERRAND_READ_COMPOSITE)
		verdict = payload_encode_names(PAYLOAD_SENML_CBOR, s->records, errand->count, w);
	else if (errand->count > 0)
		verdict = payload_encode(PAYLOAD_SENML_ETCH_CBOR, PATH_ROOT, s->records, errand->count, w);
	return verdict == PAYLOAD_GOOD;
}

static bool keep(struct server *s, struct errand_place *place, const struct errand *errand)
{
	struct writer w = writer_of(place->kept, sizeof place->kept);
	bool is_kept = errands_keep(s, errand, &w);
	place->kept_len = (uint16_t)writer_bytes(&w).len;
	place->text_len = (uint16_t)errand->text.len;
	if (errand->text.len > 0)
		memcpy(place->text, errand->text.data, errand->text.len);
	return is_kept;
}

bool errands_enqueue(struct server *s, const struct errand_place *place)
{
	return queue_add(&s->queue, place->device.slot, OPERATION_ERRAND, PURPOSE_ERRANDS + slot_of(s, place),
		       place->deadline) == QUEUE_ADDED;
}

void errands_describe(enum errand_kind kind, struct path path, struct bytes text, char ret[EVENT_DETAIL_MAX + 1])
{
	struct writer w = writer_of(ret, EVENT_DETAIL_MAX);
	write_text(&w, errand_kind_name(kind));
	write_text(&w, " ");
	path_write(&w, path);
	if (text.len > 0 && text.len + 1u < writer_left(&w)) {
		write_text(&w, " ");
		write_bytes(&w, text);
	}
	label_end(ret, EVENT_DETAIL_MAX + 1, &w);
}

static enum server_result audit(
	struct server *s, const struct errand_place *place, const struct server_ask *ask, msec now)
{
	char text[EVENT_DETAIL_MAX + 1];
	struct note note = {.type = EVENT_DEVICE_ASKED, .actor = ask->actor, .detail = text};
	struct pending *p = command_begin(s, PENDING_ERRAND, ask);
	if (p == NULL)
		return SERVER_BUSY;
	p->errand = slab_handle(&s->errand_slab, slot_of(s, place));
	note.device = registry_get(&s->registry, place->device)->record.name;
	errands_describe(place->kind, place->path, bytes_of(place->text, place->text_len), text);
	server_note(s, &note, now);
	return command_commit(s, p, now);
}

static enum server_result begin(
	struct server *s, const struct errand_place *place, const struct server_ask *ask, msec now)
{
	if (errand_changes(place->kind))
		return audit(s, place, ask, now);
	if (!errands_enqueue(s, place))
		return command_refuse(s, SERVER_BUSY, bytes_of_text("the device's queue is full"));
	return SERVER_ACCEPTED;
}

void errands_stored(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct errand_place *place = &s->errands[p->errand.slot];
	if (!slab_is_valid(&s->errand_slab, p->errand))
		return; /* the device has gone meanwhile, which was told */
	struct device *device = registry_get(&s->registry, place->device);
	if (!ok || device == NULL || !errands_enqueue(s, place)) {
		errands_failed(s, PURPOSE_ERRANDS + p->errand.slot, ok ? SERVER_BUSY : SERVER_STORE_FAILED, now);
		return;
	}
	conduct_pump(s, device, now);
}

/* ---- sending ---- */

struct errand errands_read_kept(struct server *s, enum errand_kind kind, struct path path, struct bytes text,
	struct bytes kept, const struct model *model, struct arena *scratch)
{
	struct payload_reader r;
	struct errand errand = {.kind = kind, .path = path, .records = s->records, .text = text};
	if (kept.len == 0)
		return errand;
	if (kind == ERRAND_READ_COMPOSITE)
		payload_reader_init_names(&r, PAYLOAD_SENML_CBOR, kept, scratch);
	else
		payload_reader_init(&r, PAYLOAD_SENML_ETCH_CBOR, PATH_ROOT, kept, model, scratch);
	while (errand.count < SERVER_RECORDS_MAX && payload_next(&r, &s->records[errand.count]))
		errand.count++;
	assert(r.verdict == PAYLOAD_GOOD);
	return errand;
}

static struct errand read_kept(
	struct server *s, const struct errand_place *place, const struct model *model, struct arena *scratch)
{
	struct errand errand = errands_read_kept(s, place->kind, place->path, bytes_of(place->text, place->text_len),
		bytes_of(place->kept, place->kept_len), model, scratch);
	errand.prefix = device_prefix(registry_get(&s->registry, place->device));
	return errand;
}

/* Formats that cannot hold the values are passed over. */
static bool build(struct errand_request *ret, struct errand_place *place, const struct errand *errand)
{
	for (; place->tried < place->format_count; place->tried++) {
		struct writer body = writer_of(place->body, sizeof place->body);
		if (errand_build(ret, errand, place->formats[place->tried], &body))
			return true;
	}
	return false;
}

/* Whether there is a format that holds it; `tried` is then the first. */
static bool can_be_sent(struct server *s, struct errand_place *place, const struct model *model)
{
	struct errand_request request;
	struct arena scratch;
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	struct errand errand = read_kept(s, place, model, &scratch);
	return build(&request, place, &errand);
}

bool errands_send(struct server *s, struct device *device, uint32_t purpose, coap_reply_function *reply, msec now)
{
	struct errand_place *place = place_of(s, purpose);
	struct model_choice choices[DEVICE_OBJECTS_MAX];
	struct model model = server_device_model(s, device, choices);
	struct errand_request request;
	struct arena scratch;
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	struct errand errand = read_kept(s, place, &model, &scratch);
	if (!build(&request, place, &errand))
		return false;
	request.call.to = device->remote;
	request.call.reply = reply;
	request.call.context = s;
	s->counters.requests++;
	if (!coap_endpoint_request(s->endpoint, &request.call, now, &device->exchange))
		return false;
	place->was_sent = true;
	return true;
}

/* ---- the command ---- */

static enum server_result fill(struct server *s, const struct device *device, const struct errand *errand,
	const struct model *model, struct errand_place *place)
{
	struct format_device formats = device_formats(device);
	place->kind = errand->kind;
	place->path = errand->path;
	place->format_count = (uint8_t)errand_formats(errand, model, &formats, place->formats);
	if (place->format_count == 0)
		return SERVER_UNSUPPORTED;
	if (!keep(s, place, errand) || !can_be_sent(s, place, model))
		return command_refuse(
			s, SERVER_BAD_ERRAND, bytes_of_text("these values cannot be sent in one message"));
	return SERVER_ACCEPTED;
}

struct errand_place *errands_take(struct server *s, const struct order *order, enum order_end *ret_end, msec now)
{
	const struct order_record *r = &order->record;
	const struct device *device = registry_get(&s->registry, order->device);
	struct format_device formats = device_formats(device);
	struct model_choice choices[DEVICE_OBJECTS_MAX];
	struct model model = server_device_model(s, device, choices);
	struct handle handle;
	*ret_end = ORDER_END_NONE;
	if (!slab_take(&s->errand_slab, &handle))
		return NULL;
	struct errand_place *place = &s->errands[handle.slot];
	*place = (struct errand_place){.order = r->number,
		.device = order->device,
		.kind = r->kind,
		.path = r->path,
		.deadline = msec_after(now, r->expires_at - server_wall(s, now)),
		.text_len = r->text_len,
		.kept_len = r->kept_len};
	memcpy(place->text, r->text, r->text_len);
	memcpy(place->kept, r->kept, r->kept_len);
	struct arena scratch;
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	struct errand errand = read_kept(s, place, &model, &scratch);
	place->format_count = (uint8_t)errand_formats(&errand, &model, &formats, place->formats);
	if (place->format_count > 0 && can_be_sent(s, place, &model))
		return place;
	errands_give(s, place);
	*ret_end = ORDER_END_UNSUPPORTED;
	return NULL;
}

enum server_result errands_check(struct server *s, const struct errand *errand, const struct model *model)
{
	struct path culprit;
	enum errand_verdict verdict = errand_check(errand, model, &culprit);
	return verdict == ERRAND_GOOD ? SERVER_ACCEPTED : refuse_verdict(s, model, verdict, culprit);
}

enum server_result server_errand(struct server *s, struct bytes name, const struct errand *errand, msec patience,
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
	if (s->is_stopping || !slab_take(&s->errand_slab, &handle))
		return command_refuse(s, SERVER_BUSY, BYTES_NONE);
	struct errand_place *place = &s->errands[handle.slot];
	*place = (struct errand_place){.token = ask->token,
		.device = registry_handle(&s->registry, device),
		.deadline = msec_after(now, patience)};
	result = fill(s, device, errand, &model, place);
	if (result == SERVER_ACCEPTED)
		result = begin(s, place, ask, now);
	if (result != SERVER_ACCEPTED)
		errands_give(s, place);
	else if (!errand_changes(errand->kind))
		conduct_pump(s, device, now);
	return result;
}

/* ---- answers ---- */

bool errands_has_another_format(struct server *s, uint32_t purpose, const struct coap_reply *reply)
{
	struct errand_place *place = place_of(s, purpose);
	if (!errand_is_about_format(reply->code) || place->tried + 1 >= place->format_count)
		return false;
	place->tried++;
	return true;
}

static void read_answer(struct server *s, const struct errand_place *place, const struct coap_reply *reply,
	struct arena *scratch, struct server_answer *answer)
{
	struct payload_reader r;
	size_t count = 0;
	bool is_composite = place->kind == ERRAND_READ_COMPOSITE;
	payload_reader_init(
		&r, reply->content_format, is_composite ? PATH_ROOT : place->path, reply->body, answer->model, scratch);
	payload_reader_allow_prefix(&r);
	while (count < SERVER_RECORDS_MAX && payload_next(&r, &s->records[count]))
		count++;
	answer->is_unreadable = r.verdict != PAYLOAD_GOOD || count == SERVER_RECORDS_MAX;
	answer->records = s->records;
	answer->count = answer->is_unreadable ? 0 : count;
}

/* "/3303/2" from the Location-Path of a Create, with or without the alternate path in front. */
static struct path location_of(const struct coap_message *message)
{
	struct path path = PATH_ROOT;
	struct bytes segment;
	unsigned cursor = 0;
	while (message != NULL && coap_message_next(message, COAP_OPTION_LOCATION_PATH, &cursor, &segment))
		if (!path_add_segment(&path, segment) && path.depth > 0)
			return PATH_ROOT;
	return path;
}

/* Who was told the number of the instance need not repeat it. */
static struct path created(
	struct server *s, const struct errand_place *place, const struct model *model, const struct coap_reply *reply)
{
	struct path path = location_of(reply->message);
	struct arena scratch;
	if (place->kind != ERRAND_CREATE || !coap_code_is_success(reply->code) || path.depth > 0)
		return path;
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	struct errand errand = read_kept(s, place, model, &scratch);
	return errand.count > 0 ? path_cut(errand.records[0].path, 2) : PATH_ROOT;
}

void errands_answered(
	struct server *s, const struct device *device, uint32_t purpose, const struct coap_reply *reply, msec now)
{
	struct errand_place *place = place_of(s, purpose);
	struct model_choice choices[DEVICE_OBJECTS_MAX];
	struct model model = server_device_model(s, device, choices);
	struct arena scratch;
	struct path location = created(s, place, &model, reply);
	if (place->order != 0) {
		ordering_answered(s, place, reply, location, now);
		errands_give(s, place);
		return;
	}
	struct server_answer answer = {.token = place->token,
		.device = device,
		.model = &model,
		.kind = place->kind,
		.code = reply->code,
		.body = reply->body,
		.location = location};
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	if (errand_reads(place->kind) && coap_code_is_success(reply->code) && reply->body.len > 0)
		read_answer(s, place, reply, &scratch, &answer);
	errands_give(s, place);
	if (s->ports.answered != NULL)
		s->ports.answered(s->ports.done_context, &answer, now);
}

void errands_failed(struct server *s, uint32_t purpose, enum server_result result, msec now)
{
	struct errand_place *place = place_of(s, purpose);
	struct server_done done = {.token = place->token, .result = result};
	if (place->order != 0) {
		ordering_failed(s, place, result, now);
		errands_give(s, place);
		return;
	}
	s->reason[0] = '\0';
	errands_give(s, place);
	if (s->ports.done != NULL)
		s->ports.done(s->ports.done_context, &done, now);
}

void errands_forget(struct server *s, const struct device *device, msec now)
{
	struct handle handle = registry_handle(&s->registry, device);
	for (uint32_t slot = 0; slot < s->errand_slab.capacity && s->errand_slab.used > 0; slot++)
		if (slab_is_taken(&s->errand_slab, slot) && handle_equal(s->errands[slot].device, handle))
			errands_failed(s, PURPOSE_ERRANDS + slot, SERVER_NO_ANSWER, now);
}
