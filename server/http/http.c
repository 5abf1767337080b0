/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The loop's side of the edge: libmicrohttpd runs when its epoll descriptor is readable, when its own timeout has come,
 * and when connections were resumed: requests that wait by http_done, streams by a look at the composer's rings before
 * the loop sleeps. */
#include "server/http/http_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define IDLE_TIMEOUT_S   60 /* of a connection on which nothing moves: idle, or a reader who does not read */
#define HEARTBEAT_S      15
#define CONNECTION_BYTES (32u << 10) /* of libmicrohttpd per connection, the request's head included */
#define FLUSH_TURNS      4

static void log_line(const struct http *h, const char *line)
{
	if (h->config.log != NULL)
		h->config.log(h->config.log_context, bytes_of_text(line));
}

/* ---- running libmicrohttpd ---- */

static void run(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;
	h->has_resumed = false;
	MHD_run(h->daemon);
	ev_timer_stop(h->loop, &h->timeout);
	if (MHD_get_timeout(h->daemon, &wait_ms) == MHD_YES) {
		ev_timer_set(&h->timeout, (double)wait_ms / 1000, 0);
		ev_timer_start(h->loop, &h->timeout);
	}
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	run(watcher->data);
}

static void on_timeout(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	run(watcher->data);
}

static void wake(struct request *r)
{
	if (!r->is_suspended)
		return;
	r->is_suspended = false;
	r->http->has_resumed = true;
	MHD_resume_connection(r->connection);
}

static struct request *request_at(const struct http *h, uint32_t slot)
{
	return slab_is_taken(&h->slab, slot) ? &h->requests[slot] : NULL;
}

static void wake_streams(struct http *h)
{
	for (uint32_t slot = 0; slot < h->slab.capacity; slot++) {
		struct request *r = request_at(h, slot);
		if (r != NULL && r->stream != NULL && stream_is_ready(r))
			wake(r);
	}
}

static void on_look(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	(void)loop;
	(void)events;
	struct http *h = watcher->data;
	uint64_t event = server_event_newest(h->server), update = server_update_newest(h->server);
	bool has_news = event != h->seen_event || update != h->seen_update;
	h->seen_event = event;
	h->seen_update = update;
	if (has_news && h->streams > 0)
		wake_streams(h);
	if (h->has_resumed)
		run(h);
}

static void on_heartbeat(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	struct http *h = watcher->data;
	for (uint32_t slot = 0; slot < h->slab.capacity; slot++) {
		struct request *r = request_at(h, slot);
		if (r != NULL && r->stream != NULL)
			r->stream->heartbeat_due = true;
	}
	wake_streams(h);
}

/* ---- requests ---- */

static struct request *open_request(struct http *h, struct MHD_Connection *connection)
{
	struct handle handle;
	if (!slab_take(&h->slab, &handle))
		return NULL;
	struct request *r = &h->requests[handle.slot];
	*r = (struct request){.http = h, .connection = connection, .handle = handle};
	return r;
}

/* What was changed, and who was refused; reading is not logged. */
static void log_request(const struct http *h, const struct request *r, const char *method)
{
	char line[256];
	if (r->status < 400 && (strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0))
		return;
	if (r->status < 400 || r->status == MHD_HTTP_UNAUTHORIZED || r->status == MHD_HTTP_FORBIDDEN ||
		r->status >= 500) {
		snprintf(line, sizeof line, "event=http method=%.10s route=%s status=%u actor=%s", method,
			r->route != NULL ? r->route->pattern : "-", r->status, *r->actor != '\0' ? r->actor : "-");
		log_line(h, line);
	}
}

static enum MHD_Result queue(struct http *h, struct request *r, const char *method)
{
	if (r->response == NULL)
		return MHD_NO;
	log_request(h, r, method);
	enum MHD_Result result = MHD_queue_response(r->connection, r->status, r->response);
	MHD_destroy_response(r->response);
	r->response = NULL;
	return result;
}

static enum MHD_Result go_on(struct http *h, struct request *r, const char *method)
{
	if (r->state == REQUEST_READING && h->is_stopping)
		answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping", "the server is stopping");
	if (r->state == REQUEST_READING)
		r->route->run(r);
	h->streams += r->state == REQUEST_STREAMING;
	if (r->state != REQUEST_WAITING)
		return queue(h, r, method);
	r->is_suspended = true;
	MHD_suspend_connection(r->connection);
	return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *data, size_t *size, void **request)
{
	struct http *h = context;
	struct request *r = *request;
	(void)version;
	if (r == NULL) {
		r = open_request(h, connection);
		if (r == NULL)
			return MHD_NO;
		*request = r;
		request_open(r, url, method);
		return r->state == REQUEST_READING ? MHD_YES : queue(h, r, method);
	}
	if (*size == 0)
		return go_on(h, r, method);
	bool is_patient = request_take(r, bytes_of(data, *size));
	*size = 0;
	return is_patient ? MHD_YES : MHD_NO;
}

static void on_completed(
	void *context, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode how)
{
	struct http *h = context;
	struct request *r = *request;
	(void)connection;
	(void)how;
	if (r == NULL)
		return;
	h->streams -= r->state == REQUEST_STREAMING;
	struct handle handle = r->handle;
	request_close(r);
	slab_give(&h->slab, handle);
	*request = NULL;
}

/* Who waits for this token; NULL when he has gone. */
static struct request *waiting(struct http *h, uint64_t token)
{
	struct handle handle = {(uint32_t)token, (uint32_t)(token >> 32)};
	if (h == NULL || !slab_is_valid(&h->slab, handle))
		return NULL;
	struct request *r = &h->requests[handle.slot];
	return r->state == REQUEST_WAITING ? r : NULL;
}

void http_done(void *http, const struct server_done *done, msec now)
{
	struct request *r = waiting(http, done->token);
	(void)now;
	if (r == NULL)
		return;
	request_finish(r, done);
	wake(r);
}

void http_answered(void *http, const struct server_answer *answer, msec now)
{
	struct request *r = waiting(http, answer->token);
	(void)now;
	if (r == NULL)
		return;
	r->answered(r, answer);
	wake(r);
}

/* ---- life ---- */

/* Paths and parameters are decoded by target.c, segment by segment. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	return strlen(text);
}

static bool start_daemon(struct http *h, char *ret_error)
{
	int fd = listener_open(&h->config.listen, &h->port, ret_error);
	if (fd < 0)
		return false;
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, h,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, h->config.connections_max,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_BYTES, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_UNESCAPE_CALLBACK,
		leave_escaped, NULL, MHD_OPTION_END);
	if (h->daemon != NULL)
		return true;
	close(fd);
	snprintf(ret_error, HTTP_ERROR_BYTES, "cannot start the HTTP daemon: %s", strerror(errno));
	return false;
}

static void start_watchers(struct http *h)
{
	ev_io_init(
		&h->readable, on_readable, MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, EV_READ);
	ev_timer_init(&h->timeout, on_timeout, 0, 0);
	ev_timer_init(&h->heartbeat, on_heartbeat, HEARTBEAT_S, HEARTBEAT_S);
	ev_prepare_init(&h->look, on_look);
	ev_set_priority(&h->look, EV_MAXPRI);
	h->readable.data = h->timeout.data = h->heartbeat.data = h->look.data = h;
	ev_io_start(h->loop, &h->readable);
	ev_timer_start(h->loop, &h->heartbeat);
	ev_prepare_start(h->loop, &h->look);
}

static struct http *allocate(const struct http_config *config)
{
	struct http *h = calloc(1, sizeof *h);
	if (h == NULL)
		return NULL;
	h->config = *config;
	if (h->config.connections_max == 0)
		h->config.connections_max = HTTP_CONNECTIONS_DEFAULT;
	uint32_t capacity = h->config.connections_max;
	h->requests = calloc(capacity, sizeof *h->requests);
	h->slots = calloc(capacity, 2 * sizeof *h->slots);
	if (h->requests == NULL || h->slots == NULL) {
		http_stop(h);
		return NULL;
	}
	slab_init(&h->slab, h->slots, h->slots + capacity, capacity);
	return h;
}

struct http *http_start(
	struct ev_loop *loop, struct server *server, const struct http_config *config, char ret_error[HTTP_ERROR_BYTES])
{
	bool is_new;
	struct http *h = allocate(config);
	if (h == NULL) {
		snprintf(ret_error, HTTP_ERROR_BYTES, "no memory for the HTTP edge");
		return NULL;
	}
	h->loop = loop;
	h->server = server;
	h->started_at = http_now(h);
	if (!tokens_load(&h->tokens, config->state_dir, &is_new, ret_error, HTTP_ERROR_BYTES) ||
		!start_daemon(h, ret_error)) {
		http_stop(h);
		return NULL;
	}
	if (is_new) {
		char line[TOKENS_FILE_BYTES + 64];
		snprintf(line, sizeof line, "event=admin_token_made file=%s/admin.token", config->state_dir);
		log_line(h, line);
	}
	start_watchers(h);
	return h;
}

/* Nobody may be left suspended when the daemon is stopped. */
static void end_requests(struct http *h)
{
	for (uint32_t slot = 0; slot < h->slab.capacity; slot++) {
		struct request *r = request_at(h, slot);
		if (r == NULL)
			continue;
		if (r->state == REQUEST_WAITING)
			answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping",
				"the server is stopping; what was asked for may still happen");
		if (r->stream != NULL)
			r->stream->is_ending = true;
		wake(r);
	}
}

void http_stop(struct http *h)
{
	if (h == NULL)
		return;
	if (h->daemon != NULL) {
		h->is_stopping = true;
		end_requests(h);
		for (int turn = 0; turn < FLUSH_TURNS; turn++)
			MHD_run(h->daemon);
		ev_io_stop(h->loop, &h->readable);
		ev_timer_stop(h->loop, &h->timeout);
		ev_timer_stop(h->loop, &h->heartbeat);
		ev_prepare_stop(h->loop, &h->look);
		MHD_stop_daemon(h->daemon);
	}
	free(h->requests);
	free(h->slots);
	free(h);
}

uint16_t http_port(const struct http *h)
{
	return h->port;
}
