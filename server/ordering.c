/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Orders on their way: made durable, begun when their device can be asked, sent as errands, and kept with what came of
 * them. That one runs is on disk before its request leaves, so none is carried out twice unless that does no harm. */
#include "server/composer.h"

#include "mgmt/payload.h"
#include "server/label.h"

#include <assert.h>

static msec moment_of(const struct server *s, wall_msec at, msec now)
{
	wall_msec left = at - server_wall(s, now);
	return left > 0 ? msec_after(now, left) : now;
}

static msec pruned_at(const struct server *s, const struct order_record *r, msec now)
{
	return moment_of(s, r->ended_at + SECONDS(s->config.order_days * 86400LL), now);
}

static void try_again(struct server *s, msec now)
{
	s->orders_retry_at = msec_earlier(s->orders_retry_at, msec_after(now, STORE_RETRY_MS));
}

/* ---- to the store ---- */

static bool commit(struct server *s, struct order *order, struct pending *p, msec now)
{
	struct store_change change = {.type = STORE_ORDER_PUT, .order = &order->record};
	p->order = order->record.number;
	command_add(s, &change);
	order->is_unsaved = true;
	if (!pending_commit(s, p, now))
		return false;
	order->saves++;
	return true;
}

static void save(struct server *s, struct order *order, msec now)
{
	struct pending *p = pending_begin(s, PENDING_ORDER_SAVE);
	order->is_unsaved = true;
	if (p == NULL || !commit(s, order, p, now))
		try_again(s, now);
}

static void end(struct server *s, struct order *order, enum order_state state, enum order_end how, msec now)
{
	order->record.end = how;
	order->record.ended_at = server_wall(s, now);
	orders_enter(&s->orders, order, state, pruned_at(s, &order->record, now));
	save(s, order, now);
}

static void wait_again(struct server *s, struct order *order, msec now)
{
	orders_enter(&s->orders, order, ORDER_WAITING, moment_of(s, order->record.expires_at, now));
	save(s, order, now);
}

/* ---- making ---- */

/* One that has ended makes room. */
static bool make_room(struct server *s)
{
	if (s->orders.slab.used < s->orders.slab.capacity)
		return true;
	struct order *ended = orders_oldest_ended(&s->orders);
	if (ended == NULL)
		return false;
	struct store_change change = {.type = STORE_ORDER_REMOVE, .number = ended->record.number};
	command_add(s, &change);
	orders_remove(&s->orders, ended);
	return true;
}

static bool fill(struct server *s, struct order_record *r, const struct errand *errand)
{
	struct writer w = writer_of(r->kept, sizeof r->kept);
	if (errand->text.len > sizeof r->text || !errands_keep(s, errand, &w))
		return false;
	r->kind = errand->kind;
	r->path = errand->path;
	r->kept_len = (uint16_t)writer_bytes(&w).len;
	r->text_len = (uint16_t)errand->text.len;
	if (errand->text.len > 0)
		memcpy(r->text, errand->text.data, errand->text.len);
	return true;
}

static void note_made(struct server *s, const struct order_record *r, msec now)
{
	char text[EVENT_DETAIL_MAX + 1];
	struct note note = {.type = EVENT_DEVICE_ASKED, .device = r->device, .actor = r->actor, .detail = text};
	errands_describe(r->kind, r->path, bytes_of(r->text, r->text_len), text);
	if (errand_changes(r->kind))
		server_note(s, &note, now);
}

static enum server_result add(struct server *s, const struct device *device, struct order_record *record,
	const struct server_ask *ask, msec now)
{
	struct pending *p = command_begin(s, PENDING_ORDER_MAKE, ask);
	if (p == NULL)
		return SERVER_BUSY;
	bool has_room = make_room(s);
	struct order *order = has_room ? orders_add(&s->orders, record, registry_handle(&s->registry, device)) : NULL;
	if (order == NULL) {
		pending_detach(s);
		pending_give(s, p);
		return command_refuse(s, SERVER_FULL, bytes_of_text("all requests still wait"));
	}
	order->is_new = true;
	orders_enter(&s->orders, order, ORDER_WAITING, moment_of(s, record->expires_at, now));
	note_made(s, record, now);
	if (commit(s, order, p, now))
		return SERVER_ACCEPTED;
	orders_remove(&s->orders, order);
	return SERVER_BUSY;
}

enum server_result server_order(struct server *s, struct bytes name, const struct errand *errand, msec patience,
	const struct server_ask *ask, msec now, uint64_t *ret_number)
{
	struct model_choice choices[DEVICE_OBJECTS_MAX];
	const struct device *device = registry_find(&s->registry, name);
	struct order_record *r = &s->order;
	assert(patience >= 0 && patience <= ORDER_PATIENCE_MAX);
	s->reason[0] = '\0';
	if (device == NULL || !device->is_stored)
		return command_refuse(s, SERVER_NO_DEVICE, name);
	struct model model = server_device_model(s, device, choices);
	enum server_result result = errands_check(s, errand, &model);
	if (result != SERVER_ACCEPTED)
		return result;
	if (orders_open(&s->orders, registry_handle(&s->registry, device).slot) >= ORDERS_DEVICE_MAX)
		return command_refuse(s, SERVER_FULL, bytes_of_text("too many requests wait for this device"));
	memset(r, 0, sizeof *r);
	r->number = s->orders.newest_number + 1;
	r->made_at = server_wall(s, now);
	r->expires_at = r->made_at + patience;
	label_cut(r->device, sizeof r->device, name);
	label_cut(r->actor, sizeof r->actor, bytes_of_text(ask->actor));
	if (!fill(s, r, errand))
		return command_refuse(
			s, SERVER_BAD_ERRAND, bytes_of_text("these values cannot be sent in one message"));
	*ret_number = r->number;
	return add(s, device, r, ask, now);
}

static void made(struct server *s, const struct pending *p, struct order *order, bool ok, msec now)
{
	struct server_done done = {.token = p->token, .result = ok ? SERVER_DONE : SERVER_STORE_FAILED};
	struct device *device = order == NULL ? NULL : registry_get(&s->registry, order->device);
	if (ok && device == NULL)
		done.result = SERVER_NO_DEVICE;
	if (order != NULL && !ok)
		orders_remove(&s->orders, order);
	else if (order != NULL)
		order->is_new = false;
	if (s->ports.done != NULL)
		s->ports.done(s->ports.done_context, &done, now);
	if (ok && device != NULL)
		conduct_pump(s, device, now);
}

/* ---- beginning ---- */

void ordering_look(struct server *s, const struct device *device, msec now)
{
	struct order *order = orders_ready(&s->orders, registry_handle(&s->registry, device).slot);
	enum order_end why;
	if (order == NULL)
		return;
	struct errand_place *place = errands_take(s, order, &why, now);
	if (place == NULL && why != ORDER_END_NONE) {
		end(s, order, ORDER_FAILED, why, now);
		return;
	}
	struct pending *p = place == NULL ? NULL : pending_begin(s, PENDING_ORDER_BEGIN);
	if (p != NULL) {
		p->errand = slab_handle(&s->errand_slab, (uint32_t)(place - s->errands));
		order->record.tries++;
		order->record.begun_at = server_wall(s, now);
		orders_enter(&s->orders, order, ORDER_RUNNING, NEVER);
		if (commit(s, order, p, now))
			return;
		orders_enter(&s->orders, order, ORDER_WAITING, moment_of(s, order->record.expires_at, now));
	}
	if (place != NULL)
		errands_give(s, place);
	try_again(s, now);
}

/* That it runs lasts: now it may leave. */
static void begun(struct server *s, const struct pending *p, struct order *order, bool ok, msec now)
{
	if (!slab_is_valid(&s->errand_slab, p->errand))
		return; /* the device has gone meanwhile, and the order waits again */
	struct errand_place *place = &s->errands[p->errand.slot];
	struct device *device = registry_get(&s->registry, place->device);
	if (ok && order != NULL && device != NULL && errands_enqueue(s, place)) {
		conduct_pump(s, device, now);
		return;
	}
	errands_give(s, place);
	if (order == NULL)
		return;
	orders_enter(&s->orders, order, ORDER_WAITING, moment_of(s, order->record.expires_at, now));
	order->is_unsaved = true;
	try_again(s, now);
}

/* ---- ending ---- */

static void keep_result(struct order_record *r, const struct coap_reply *reply)
{
	r->code = reply->code;
	r->format = reply->content_format;
	if (reply->body.len > sizeof r->result)
		return;
	r->result_len = (uint16_t)reply->body.len;
	if (reply->body.len > 0)
		memcpy(r->result, reply->body.data, reply->body.len);
}

void ordering_answered(struct server *s, const struct errand_place *place, const struct coap_reply *reply,
	struct path location, msec now)
{
	struct order *order = orders_find(&s->orders, place->order);
	if (order == NULL)
		return;
	keep_result(&order->record, reply);
	order->record.location = location;
	if (!coap_code_is_success(reply->code))
		end(s, order, ORDER_FAILED, ORDER_END_REFUSED, now);
	else
		end(s, order, ORDER_DONE, reply->body.len > ORDER_RESULT_MAX ? ORDER_END_UNKEPT : ORDER_END_NONE, now);
}

void ordering_failed(struct server *s, const struct errand_place *place, enum server_result result, msec now)
{
	struct order *order = orders_find(&s->orders, place->order);
	if (order == NULL)
		return;
	if (result == SERVER_UNUSABLE)
		end(s, order, ORDER_FAILED, ORDER_END_UNUSABLE, now);
	else if (!place->was_sent || order_is_safe_twice(place->kind))
		wait_again(s, order, now);
	else
		end(s, order, ORDER_UNKNOWN, ORDER_END_UNANSWERED, now);
}

enum server_result server_order_cancel(struct server *s, uint64_t number, const struct server_ask *ask, msec now)
{
	struct order *order = orders_find(&s->orders, number);
	if (order == NULL || order->is_new)
		return command_refuse(s, SERVER_NO_ORDER, BYTES_NONE);
	if (order->record.state != ORDER_WAITING)
		return command_refuse(s, SERVER_NOT_WAITING, BYTES_NONE);
	struct pending *p = command_begin(s, PENDING_ORDER_CANCEL, ask);
	if (p == NULL)
		return SERVER_BUSY;
	order->record.ended_at = server_wall(s, now);
	orders_enter(&s->orders, order, ORDER_CANCELLED, pruned_at(s, &order->record, now));
	if (commit(s, order, p, now))
		return SERVER_ACCEPTED;
	/* It stays cancelled in memory and goes to the store again, but nobody was told so. */
	try_again(s, now);
	return SERVER_BUSY;
}

static void cancelled(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct server_done done = {.token = p->token, .result = ok ? SERVER_DONE : SERVER_STORE_FAILED};
	if (s->ports.done != NULL)
		s->ports.done(s->ports.done_context, &done, now);
}

void ordering_stored(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct order *order = orders_find(&s->orders, p->order);
	if (order != NULL) {
		order->saves--;
		order->is_unsaved = !ok || order->saves > 0;
		if (!ok)
			try_again(s, now);
	}
	if (p->kind == PENDING_ORDER_MAKE)
		made(s, p, order, ok, now);
	else if (p->kind == PENDING_ORDER_BEGIN)
		begun(s, p, order, ok, now);
	else if (p->kind == PENDING_ORDER_CANCEL)
		cancelled(s, p, ok, now);
}

/* ---- life ---- */

void ordering_forget(struct server *s, const struct device *device)
{
	struct order *order;
	uint32_t slot = registry_handle(&s->registry, device).slot;
	while ((order = orders_first(&s->orders, slot)) != NULL)
		orders_remove(&s->orders, order);
}

/* One that ran when the server went down runs again, unless that could do harm; then nobody knows what became of it. */
bool ordering_load(struct server *s, const struct order_record *record)
{
	msec now = s->loading_at;
	const struct device *device = registry_find(&s->registry, bytes_of_text(record->device));
	if (record->number <= s->orders.newest_number)
		return false;
	struct order *order =
		device == NULL ? NULL : orders_add(&s->orders, record, registry_handle(&s->registry, device));
	if (order == NULL)
		return device == NULL;
	if (record->state == ORDER_RUNNING) {
		bool is_safe = order_is_safe_twice(record->kind);
		order->record.end = is_safe ? ORDER_END_NONE : ORDER_END_RESTARTED;
		order->record.ended_at = is_safe ? 0 : server_wall(s, now);
		order->record.state = is_safe ? ORDER_WAITING : ORDER_UNKNOWN;
		order->is_unsaved = true;
		s->orders_retry_at = now;
	}
	enum order_state state = order->record.state;
	orders_enter(&s->orders, order, state,
		state == ORDER_WAITING ? moment_of(s, record->expires_at, now) : pruned_at(s, &order->record, now));
	return true;
}

void ordering_stop(struct server *s, msec now)
{
	for (uint32_t slot = 0; slot < s->errand_slab.capacity && s->errand_slab.used > 0; slot++) {
		struct errand_place *place = &s->errands[slot];
		struct order *order = NULL;
		if (slab_is_taken(&s->errand_slab, slot) && place->order != 0 && !place->was_sent)
			order = orders_find(&s->orders, place->order);
		if (order == NULL)
			continue;
		queue_forget(&s->queue, place->device.slot, PURPOSE_ERRANDS + slot);
		wait_again(s, order, now);
		errands_give(s, place);
	}
}

msec ordering_deadline(const struct server *s)
{
	return msec_earlier(orders_deadline(&s->orders), s->orders_retry_at);
}

/* The newest one stays, for its number is not to be given again after a restart. */
static void prune(struct server *s, struct order *order, msec now)
{
	struct store_change change = {.type = STORE_ORDER_REMOVE, .number = order->record.number};
	struct pending *p = order->record.number == s->orders.newest_number ? NULL : pending_begin(s, PENDING_RECORD);
	if (p == NULL) {
		orders_enter(&s->orders, order, order->record.state, msec_after(now, SECONDS(3600)));
		return;
	}
	command_add(s, &change);
	orders_remove(&s->orders, order);
	/* What the store does not take away now is pruned again when it is loaded. */
	(void)pending_commit(s, p, now);
}

static void retry(struct server *s, msec now)
{
	s->orders_retry_at = NEVER;
	for (struct order *i = orders_oldest(&s->orders); i != NULL; i = orders_newer(&s->orders, i)) {
		struct device *device = registry_get(&s->registry, i->device);
		if (i->is_unsaved && i->saves == 0)
			save(s, i, now);
		if (i->record.state == ORDER_WAITING && device != NULL)
			conduct_pump(s, device, now);
	}
}

void ordering_tick(struct server *s, msec now)
{
	struct order *order;
	while ((order = orders_due(&s->orders, now)) != NULL) {
		if (order_has_ended(order->record.state))
			prune(s, order, now);
		else
			end(s, order, ORDER_EXPIRED, ORDER_END_NONE, now);
	}
	if (s->orders_retry_at <= now)
		retry(s, now);
}

/* ---- questions ---- */

const struct order *server_order_find(const struct server *s, uint64_t number)
{
	const struct order *order = orders_find(&s->orders, number);
	return order != NULL && !order->is_new ? order : NULL;
}

const struct order *server_order_after(const struct server *s, const struct device *device, uint64_t after)
{
	const struct orders *o = &s->orders;
	const struct order *order =
		device != NULL ? orders_first(o, registry_handle(&s->registry, device).slot) : orders_oldest(o);
	while (order != NULL && (order->record.number <= after || order->is_new))
		order = device != NULL ? orders_next(o, order) : orders_newer(o, order);
	return order;
}

enum order_state server_order_state(const struct order *order)
{
	bool is_told = !order_has_ended(order->record.state) || !order->is_unsaved;
	return is_told ? order->record.state : ORDER_RUNNING;
}

struct server_order_why server_order_why(const struct server *s, const struct order *order, msec now)
{
	struct server_order_why ret = {.why = ORDER_WHY_NONE};
	const struct device *device = registry_get(&s->registry, order->device);
	const struct order *before = orders_before(&s->orders, order);
	if (order->record.state != ORDER_WAITING || device == NULL)
		return ret;
	ret.since = device->last_seen;
	ret.before = server_device_expires_at(s, device);
	if (!device_is_registered(device)) {
		ret.why = ORDER_WHY_UNREGISTERED;
	} else if (!device->is_connected || !device->is_announced) {
		ret.why = ORDER_WHY_ABSENT;
	} else if (conduct_is_asleep(s, device, now)) {
		ret.why = ORDER_WHY_ASLEEP;
	} else if (!device->is_awake) {
		ret.why = ORDER_WHY_SILENT;
	} else if (before != NULL) {
		ret.why = ORDER_WHY_BEHIND;
	} else {
		ret.why = ORDER_WHY_BUSY;
	}
	ret.behind = before == NULL ? 0 : before->record.number;
	return ret;
}

size_t server_order_names(
	struct server *s, const struct order *order, const struct model *model, const struct record **ret)
{
	struct arena scratch;
	const struct order_record *r = &order->record;
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	*ret = s->records;
	return errands_read_kept(s, r->kind, r->path, BYTES_NONE, bytes_of(r->kept, r->kept_len), model, &scratch)
		.count;
}

size_t server_order_values(
	struct server *s, const struct order *order, const struct model *model, const struct record **ret)
{
	struct payload_reader r;
	struct arena scratch;
	size_t count = 0;
	const struct order_record *o = &order->record;
	*ret = s->records;
	if (o->state != ORDER_DONE || !errand_reads(o->kind) || o->result_len == 0)
		return 0;
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	payload_reader_init(&r, o->format, o->kind == ERRAND_READ ? o->path : PATH_ROOT,
		bytes_of(o->result, o->result_len), model, &scratch);
	payload_reader_allow_prefix(&r);
	while (count < SERVER_RECORDS_MAX && payload_next(&r, &s->records[count]))
		count++;
	return r.verdict == PAYLOAD_GOOD ? count : 0;
}
