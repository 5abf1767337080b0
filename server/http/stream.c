/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Server-Sent Events: views into the composer's rings.
 *
 * A stream keeps two numbers, the last event and the last update it has sent, and the text of one event. It asks the
 * rings for what comes next whenever its client can take more, so a slow client costs nothing but its place. When the
 * next event is not the next number, events have left the ring: at the beginning the client is told (event "gap"), as
 * it asked for what is no longer here; later it was too slow, and the stream ends. It may come back with Last-Event-ID.
 */
#include "server/http/request.h"
#include "server/http/values.h"
#include "server/http/view.h"

#include <stdio.h>
#include <stdlib.h>

#define RETRY_MS 2000

size_t stream_write_event(char *text, size_t capacity, uint64_t id, const char *type, const char *data)
{
	struct writer w = writer_of(text, capacity);
	if (id != 0) {
		write_text(&w, "id: ");
		write_decimal(&w, id);
		write_text(&w, "\n");
	}
	if (type != NULL) {
		write_text(&w, "event: ");
		write_text(&w, type);
		write_text(&w, "\n");
	}
	write_text(&w, "data: ");
	write_text(&w, data);
	write_text(&w, "\n\n");
	return w.failed ? 0 : writer_bytes(&w).len;
}

/* Takes over the reference. What does not fit into one event is left out; no event of ours is that long. */
static void put(struct stream *s, uint64_t id, const char *type, json_t *value)
{
	char *data = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(value);
	s->sent = 0;
	s->len = data != NULL ? stream_write_event(s->text, sizeof s->text, id, type, data) : 0;
	free(data);
}

static void put_text(struct stream *s, const char *text)
{
	s->sent = 0;
	s->len = (size_t)snprintf(s->text, sizeof s->text, "%s", text);
}

static bool is_for(const struct stream *s, const struct device *d)
{
	return d != NULL && (s->device == NULL || strcmp(s->device, d->record.name) == 0);
}

static void put_health(struct stream *s, const struct device *d)
{
	json_t *value = json_object();
	json_object_set_new(value, "device", view_text(d->record.name));
	json_object_set_new(value, "at", view_moment(d->health_at));
	json_object_set_new(value, "health", view_health(d));
	put(s, 0, "health", value);
}

static void put_change(struct stream *s, const struct server_update *u, const struct device *d)
{
	json_t *value = json_object();
	if (u->type == UPDATE_ROLLOUT || u->type == UPDATE_ENTRY)
		json_object_set_new(value, "rollout", json_integer(u->rollout));
	if (d != NULL && u->type != UPDATE_ROLLOUT)
		json_object_set_new(value, "device", view_text(d->record.name));
	json_object_set_new(value, "at", view_moment(u->at));
	put(s, 0, "change", value);
}

/* The latest values, be it that more than one report has come since the last event. */
static void put_values(struct stream *s, struct server *server, const struct server_update *u, const struct device *d)
{
	struct model_choice choices[DEVICE_OBJECTS_MAX];
	const struct server_watch *watch = server_watch_find(server, u->watch);
	struct model model = server_device_model(server, d, choices);
	json_t *value = json_object();
	json_object_set_new(value, "device", view_text(d->record.name));
	if (watch != NULL)
		json_object_set_new(value, "observation", values_view_watch(server, &model, watch));
	put(s, 0, "values", value);
}

/* True when something stands in the text. */
static bool take_update(struct request *r, struct stream *s)
{
	struct server *server = request_server(r);
	const struct server_update *u;
	while ((s->has_health || s->has_changes || s->has_values) &&
		(u = server_update_after(server, s->update)) != NULL) {
		bool is_next = u->number == s->update + 1;
		const struct device *d = server_device_get(server, u->device);
		s->update = u->number;
		if (!is_next)
			put(s, 0, "gap", json_pack("{s:s}", "of", "updates"));
		else if (u->type == UPDATE_HEALTH && s->has_health && is_for(s, d) && d->health_at != 0)
			put_health(s, d);
		else if (u->type == UPDATE_VALUES && s->has_values && is_for(s, d))
			put_values(s, server, u, d);
		else if (u->type != UPDATE_HEALTH && u->type != UPDATE_VALUES && s->has_changes &&
			 (s->device == NULL || is_for(s, d)))
			put_change(s, u, d);
		else
			continue;
		return true;
	}
	return false;
}

static bool take_event(struct request *r, struct stream *s)
{
	const struct event *e;
	while (s->has_events && (e = server_event_after(request_server(r), s->event)) != NULL) {
		if (e->number != s->event + 1 && s->has_begun) {
			s->is_ending = true;
			return true;
		}
		if (e->number != s->event + 1) {
			put(s, 0, "gap",
				json_pack("{s:s, s:I, s:I}", "of", "events", "after", (json_int_t)s->event, "next",
					(json_int_t)e->number));
			s->event = e->number - 1;
			return true;
		}
		s->event = e->number;
		s->has_begun = true;
		if (s->device != NULL && strcmp(s->device, e->device) != 0)
			continue;
		put(s, e->number, NULL, view_event(e));
		return true;
	}
	s->has_begun = true;
	return false;
}

/* Something to send stands in the text. A heartbeat is for silence alone. */
static bool take_next(struct request *r, struct stream *s)
{
	bool is_late = s->heartbeat_due;
	s->heartbeat_due = false;
	if (take_event(r, s) || take_update(r, s))
		return true;
	if (is_late)
		put_text(s, ": still here\n\n");
	return is_late;
}

bool stream_is_ready(const struct request *r)
{
	const struct stream *s = r->stream;
	const struct server *server = request_server(r);
	return s->is_ending || s->heartbeat_due || s->sent < s->len ||
	       (s->has_events && server_event_newest(server) > s->event) ||
	       ((s->has_health || s->has_changes || s->has_values) && server_update_newest(server) > s->update);
}

ssize_t stream_read(void *request, uint64_t position, char *buffer, size_t capacity)
{
	struct request *r = request;
	struct stream *s = r->stream;
	size_t filled = 0;
	(void)position;
	while (filled < capacity && !s->is_ending && (s->sent < s->len || take_next(r, s))) {
		size_t left = s->len - s->sent, room = capacity - filled, len = left < room ? left : room;
		memcpy(buffer + filled, s->text + s->sent, len);
		s->sent += len;
		filled += len;
	}
	if (filled > 0)
		return (ssize_t)filled;
	if (s->is_ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	r->is_suspended = true;
	MHD_suspend_connection(r->connection);
	return 0;
}

/* Where the client wants to go on: the header wins over the query, as browsers repeat the query when they reconnect. */
static bool read_position(struct request *r, uint64_t *ret)
{
	const char *last = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Last-Event-ID");
	if (last == NULL || *last == '\0')
		return request_number(r, "since", UINT64_MAX, server_event_newest(request_server(r)), ret);
	if (parse_decimal(bytes_of_text(last), UINT64_MAX, ret))
		return true;
	answer_error(r, MHD_HTTP_BAD_REQUEST, "bad_request", "Last-Event-ID is no number of an event");
	return false;
}

/* Whether a list with commas holds the word. */
static bool holds(const char *list, const char *word)
{
	size_t len = strlen(word);
	for (; *list != '\0'; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == len && memcmp(list, word, len) == 0)
			return true;
	return false;
}

void stream_begin(struct request *r, const char *types)
{
	uint64_t position;
	if (!read_position(r, &position))
		return;
	struct stream *s = calloc(1, sizeof *s);
	if (s == NULL) {
		answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", "no memory for another stream");
		return;
	}
	s->has_events = holds(types, "events");
	s->has_health = holds(types, "health");
	s->has_changes = holds(types, "changes");
	s->has_values = holds(types, "values");
	s->event = position;
	s->update = server_update_newest(request_server(r));
	s->device = target_parameter(&r->target, "device");
	s->len = (size_t)snprintf(s->text, sizeof s->text, ": fieldfare\nretry: %d\n\n", RETRY_MS);
	r->stream = s;
	r->status = MHD_HTTP_OK;
	r->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, REQUEST_STREAM_BYTES, stream_read, r, NULL);
	r->state = REQUEST_STREAMING;
	answer_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
	answer_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	answer_header(r, "X-Accel-Buffering", "no");
}
