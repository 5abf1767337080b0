/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/extensions_linux.h"

#include "agent/logline.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define SETTLE_S            0.3 /* after the first change */
#define KILL_S              1.0
#define COMPLAINTS_A_MINUTE 10
#define COMPLAINT_BYTES     256
#define READS_AT_ONCE       4 /* of one program, before others have their turn */
#define DONE_GRACE_MS       500
#define DONE_STEP_MS        10

#define CHANGES (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)

/* ---- log ---- */

static void log_name(const struct extensions_linux *x, enum agent_log_level level, const char *event, const char *name,
	const char *reason)
{
	struct logline line = logline_begin(event);
	logline_text(&line, "name", name);
	logline_text(&line, "reason", reason);
	logline_end(&line, &x->config.log, level);
}

/* ---- one program ---- */

static void close_connection(struct extension_slot *s)
{
	if (s->process.output >= 0)
		coap_loop_unwatch(&s->answers);
	if (s->process.complaints >= 0)
		coap_loop_unwatch(&s->complaints);
	extension_process_close(&s->process);
}

static void kill_late(struct ev_loop *ev, ev_timer *w, int events)
{
	const struct extension_slot *s = w->data;
	(void)ev;
	(void)events;
	extension_process_signal(&s->process, SIGKILL);
}

static void end_child(struct extension_slot *s)
{
	if (s->process.pid == 0)
		return;
	extension_process_signal(&s->process, SIGTERM);
	ev_timer_set(&s->kill, KILL_S, 0);
	ev_timer_start(coap_loop_ev(s->all->config.loop), &s->kill);
}

static void stop(void *context, uint8_t number)
{
	struct extension_slot *s = &((struct extensions_linux *)context)->slots[number];
	close_connection(s);
	end_child(s);
}

static bool send(void *context, uint8_t number, struct bytes line)
{
	const struct extension_slot *s = &((struct extensions_linux *)context)->slots[number];
	return s->process.input >= 0 && extension_process_send(&s->process, line);
}

/* Its lines are handed over one by one; after each of them the agent may have stopped it. */
static void give_lines(struct extension_slot *s, msec now)
{
	struct bytes line;
	while (s->process.output >= 0 && extension_stream_next(&s->process.stream, &line))
		agent_extension_heard(s->all->config.agent, s->number, line, now);
}

/* Who says nothing any more has ended, or is about to; how is known when he has been waited for. */
static void has_fallen_silent(struct extension_slot *s, msec now)
{
	coap_loop_unwatch(&s->answers);
	if (s->process.pid != 0) {
		end_child(s);
		return;
	}
	close_connection(s);
	agent_extension_ended(s->all->config.agent, s->number, "it has closed the connection", now);
}

static void has_spoken(void *context, msec now)
{
	struct extension_slot *s = context;
	bool goes_on = true;
	for (unsigned i = 0; i < READS_AT_ONCE && goes_on && s->process.output >= 0; i++) {
		goes_on = extension_process_receive(&s->process);
		give_lines(s, now);
	}
	if (!goes_on && s->process.output >= 0)
		has_fallen_silent(s, now);
}

static bool may_complain(struct extension_slot *s, msec now)
{
	if (s->minute == NEVER || now - s->minute >= SECONDS(60)) {
		s->minute = now;
		s->complained = 0;
	}
	s->complained++;
	return s->complained <= COMPLAINTS_A_MINUTE;
}

/* Lines beyond what one read gives, and those of a flood, are lost. */
static void has_complained(void *context, msec now)
{
	struct extension_slot *s = context;
	char text[COMPLAINT_BYTES];
	ssize_t n = read(s->process.complaints, text, sizeof text - 1);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			coap_loop_unwatch(&s->complaints);
		return;
	}
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (may_complain(s, now))
		log_name(s->all, AGENT_LOG_WARNING, "extension_complains", s->files.name, text);
}

static int begin(struct extensions_linux *x, struct extension_slot *s)
{
	char path[EXTENSION_PATH_BYTES];
	if (s->files.way == EXTENSION_BY_PROGRAM)
		return extension_process_run(&s->process, x->config.folder, s->files.name, &x->config.user);
	return extension_files_path(x->config.folder, &s->files, path) ? extension_process_connect(&s->process, path)
								       : -ENAMETOOLONG;
}

static bool start(void *context, uint8_t number)
{
	struct extensions_linux *x = context;
	struct extension_slot *s = &x->slots[number];
	int error = begin(x, s);
	if (error < 0) {
		log_name(x, AGENT_LOG_WARNING, "extension_start_failed", s->files.name, strerror(-error));
		return false;
	}
	s->minute = NEVER;
	coap_loop_watch(x->config.loop, &s->answers, s->process.output, s, has_spoken);
	if (s->process.complaints >= 0)
		coap_loop_watch(x->config.loop, &s->complaints, s->process.complaints, s, has_complained);
	return true;
}

struct extension_port extensions_linux_port(struct extensions_linux *x)
{
	return (struct extension_port){x, start, stop, send};
}

static bool is_started(const struct extensions_linux *x)
{
	return x->config.loop != NULL;
}

/* What it has said before its end still counts, so its output is read to the end first. */
void extensions_linux_reap(struct extensions_linux *x, msec now)
{
	char how[EXTENSION_HOW_BYTES];
	for (uint8_t i = 0; is_started(x) && i < EXTENSIONS_MAX; i++) {
		struct extension_slot *s = &x->slots[i];
		if (!extension_process_reap(&s->process, how))
			continue;
		ev_timer_stop(coap_loop_ev(x->config.loop), &s->kill);
		if (s->process.output < 0)
			continue; /* it was to end */
		for (unsigned n = 0; n < READS_AT_ONCE && extension_process_receive(&s->process); n++)
			give_lines(s, now);
		close_connection(s);
		agent_extension_ended(x->config.agent, i, how, now);
	}
}

/* ---- the folder ---- */

static void close_slot(struct extensions_linux *x, struct extension_slot *s, msec now)
{
	agent_extension_close(x->config.agent, s->number, now);
	model_list_done(&s->objects);
	s->objects = (struct model_list){.count = 0};
	s->is_open = false;
}

static bool is_in(const struct extension_files *list, size_t count, const struct extension_files *files)
{
	for (size_t i = 0; i < count; i++)
		if (extension_files_are_same(&list[i], files))
			return true;
	return false;
}

static bool is_running(const struct extensions_linux *x, const struct extension_files *files)
{
	for (size_t i = 0; i < EXTENSIONS_MAX; i++)
		if (x->slots[i].is_open && extension_files_are_same(&x->slots[i].files, files))
			return true;
	return false;
}

/* One whose last child still ends is the last choice: it could not start another yet. */
static struct extension_slot *free_slot(struct extensions_linux *x)
{
	struct extension_slot *found = NULL;
	for (size_t i = 0; i < EXTENSIONS_MAX; i++) {
		struct extension_slot *s = &x->slots[i];
		if (!s->is_open && (found == NULL || (found->process.pid != 0 && s->process.pid == 0)))
			found = s;
	}
	return found;
}

static const char *verdict_text(enum extension_verdict verdict)
{
	switch (verdict) {
	case EXTENSION_ACCEPTED:
		break;
	case EXTENSION_TOO_LARGE:
		return "it defines no objects, too many, or too many resources";
	case EXTENSION_TAKEN:
		return "it defines an object that is somebody else's";
	}
	return NULL;
}

/* NULL when it has been taken in; otherwise why not, which may be in `why`. */
static const char *take_in(
	struct extensions_linux *x, const struct extension_files *files, char why[EXTENSION_WHY_BYTES], msec now)
{
	struct extension_slot *s = free_slot(x);
	if (!extension_files_check(files, why))
		return why;
	if (s == NULL)
		return "there are too many extensions";
	if (!extension_files_read(x->config.folder, files, &s->objects, why)) {
		model_list_done(&s->objects);
		s->objects = (struct model_list){.count = 0};
		return why;
	}
	s->files = *files;
	struct extension_definition definition = {
		.name = s->files.name, .objects = s->objects.objects, .object_count = s->objects.count};
	const char *fault = verdict_text(agent_extension_open(x->config.agent, s->number, &definition, now));
	s->is_open = fault == NULL;
	if (fault != NULL) {
		model_list_done(&s->objects);
		s->objects = (struct model_list){.count = 0};
	}
	return fault;
}

/* What cannot be used is tried each time, because what is in its way may have gone, but told of once. */
static void take_in_all(struct extensions_linux *x, const struct extension_files *list, size_t count, msec now)
{
	struct extension_files told[EXTENSION_FILES_MAX] = {{.name = ""}};
	size_t told_count = 0;
	char why[EXTENSION_WHY_BYTES] = "";
	for (size_t i = 0; i < count; i++) {
		if (is_running(x, &list[i]))
			continue;
		const char *fault = take_in(x, &list[i], why, now);
		if (fault == NULL)
			continue;
		if (!is_in(x->told, x->told_count, &list[i]))
			log_name(x, AGENT_LOG_WARNING, "extension_refused", list[i].name, fault);
		told[told_count++] = list[i];
	}
	memcpy(x->told, told, told_count * sizeof told[0]);
	x->told_count = told_count;
}

static void watch_folder(struct extensions_linux *x)
{
	if (x->inotify >= 0)
		(void)inotify_add_watch(x->inotify, x->config.folder, CHANGES); /* the same again changes nothing */
}

void extensions_linux_rescan(struct extensions_linux *x, msec now)
{
	struct extension_files list[EXTENSION_FILES_MAX];
	char why[EXTENSION_WHY_BYTES];
	size_t count = 0;
	watch_folder(x);
	if (extension_files_scan(x->config.folder, list, &count, why)) {
		x->folder_told = false;
	} else if (!x->folder_told) {
		x->folder_told = true;
		log_name(x, AGENT_LOG_WARNING, "extensions_refused", x->config.folder, why);
	}
	for (uint8_t i = 0; i < EXTENSIONS_MAX; i++)
		if (x->slots[i].is_open && !is_in(list, count, &x->slots[i].files))
			close_slot(x, &x->slots[i], now);
	take_in_all(x, list, count, now);
}

static void has_settled(struct ev_loop *ev, ev_timer *w, int events)
{
	struct extensions_linux *x = w->data;
	(void)ev;
	(void)events;
	extensions_linux_rescan(x, coap_loop_now(x->config.loop));
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);
	return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

/* A program may keep files of its own beside itself; they are no reason to wake up twice. */
static bool concerns_us(const struct extensions_linux *x, const char *name)
{
	bool is_known = ends_with(name, ".xml") || ends_with(name, ".socket");
	for (size_t i = 0; i < EXTENSIONS_MAX && !is_known; i++)
		is_known = x->slots[i].is_open && strcmp(x->slots[i].files.name, name) == 0;
	for (size_t i = 0; i < x->told_count && !is_known; i++)
		is_known = strcmp(x->told[i].name, name) == 0;
	return is_known;
}

/* Reads all that has been told. An event without a name is about the folder, or says that some were lost. */
static bool take_changes(const struct extensions_linux *x)
{
	_Alignas(struct inotify_event) char events[4096];
	bool is_relevant = false;
	ssize_t len;
	while ((len = read(x->inotify, events, sizeof events)) > 0)
		for (const char *at = events; at < events + len;) {
			const struct inotify_event *event = (const void *)at;
			is_relevant = is_relevant || event->len == 0 || concerns_us(x, event->name);
			at += sizeof *event + event->len;
		}
	return is_relevant;
}

static void has_changed(void *context, msec now)
{
	struct extensions_linux *x = context;
	(void)now;
	if (!take_changes(x) || ev_is_active(&x->settle))
		return; /* further changes do not put off a look */
	ev_timer_set(&x->settle, SETTLE_S, 0);
	ev_timer_start(coap_loop_ev(x->config.loop), &x->settle);
}

/* ---- life ---- */

bool extensions_linux_is_there(void)
{
	return true;
}

static void set_up(struct extensions_linux *x, const struct extensions_linux_config *config)
{
	*x = (struct extensions_linux){.config = *config, .inotify = -1};
	for (uint8_t i = 0; i < EXTENSIONS_MAX; i++) {
		struct extension_slot *s = &x->slots[i];
		s->all = x;
		s->number = i;
		extension_process_init(&s->process);
		ev_timer_init(&s->kill, kill_late, KILL_S, 0);
		s->kill.data = s;
	}
	ev_timer_init(&x->settle, has_settled, SETTLE_S, 0);
	x->settle.data = x;
}

void extensions_linux_start(struct extensions_linux *x, const struct extensions_linux_config *config, msec now)
{
	set_up(x, config);
	if (geteuid() == 0 && !config->user.is_other)
		log_name(x, AGENT_LOG_WARNING, "extensions_run_as_root", config->folder, "no other user is configured");
	x->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (x->inotify >= 0)
		coap_loop_watch(config->loop, &x->changes, x->inotify, x, has_changed);
	else
		log_name(x, AGENT_LOG_WARNING, "extensions_not_watched", config->folder, strerror(errno));
	extensions_linux_rescan(x, now);
}

static bool is_any_left(struct extensions_linux *x)
{
	char how[EXTENSION_HOW_BYTES];
	bool is_left = false;
	for (uint8_t i = 0; i < EXTENSIONS_MAX; i++) {
		(void)extension_process_reap(&x->slots[i].process, how);
		is_left = is_left || x->slots[i].process.pid != 0;
	}
	return is_left;
}

static void signal_all(const struct extensions_linux *x, int signal)
{
	for (uint8_t i = 0; i < EXTENSIONS_MAX; i++)
		extension_process_signal(&x->slots[i].process, signal);
}

void extensions_linux_done(struct extensions_linux *x)
{
	const struct timespec step = {.tv_nsec = DONE_STEP_MS * 1000000L};
	if (!is_started(x))
		return;
	for (uint8_t i = 0; i < EXTENSIONS_MAX; i++)
		close_connection(&x->slots[i]);
	signal_all(x, SIGTERM);
	for (int waited = 0; waited < DONE_GRACE_MS && is_any_left(x); waited += DONE_STEP_MS)
		(void)nanosleep(&step, NULL);
	signal_all(x, SIGKILL);
	for (uint8_t i = 0; i < EXTENSIONS_MAX; i++)
		model_list_done(&x->slots[i].objects);
	if (x->inotify >= 0)
		(void)close(x->inotify);
	x->inotify = -1;
}
