/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/definitions_linux.h"

#include "server/log.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SETTLE_S 0.3 /* after the first change */
#define CHANGES  (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)

static void log_left_out(void *context, const char *path, const char *reason)
{
	(void)context;
	log_text(SERVER_LOG_WARNING, "event=definition-left-out path=\"%s\" reason=\"%s\"", path, reason);
}

static struct model_files *load(const char *folder)
{
	struct model_files *files = model_files_load(folder, log_left_out, NULL);
	if (files != NULL)
		log_text(SERVER_LOG_INFO, "event=definitions count=%zu", model_files_count(files));
	return files;
}

bool definitions_load(struct definitions *d, const char *folder)
{
	*d = (struct definitions){.folder = folder, .files = load(folder), .inotify = -1};
	return d->files != NULL;
}

const struct model *definitions_model(const struct definitions *d)
{
	return model_files_model(d->files);
}

void definitions_reload(struct definitions *d)
{
	struct model_files *files = load(d->folder), *old = d->files;
	if (files == NULL)
		return;
	d->files = files;
	if (d->renewed != NULL)
		d->renewed(d->context, model_files_model(files));
	model_files_free(old);
}

static void has_settled(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	definitions_reload(w->data);
}

static void has_changed(void *context, msec now)
{
	struct definitions *d = context;
	char events[4096];
	(void)now;
	while (read(d->inotify, events, sizeof events) > 0)
		;
	if (ev_is_active(&d->settle))
		return; /* further changes do not put it off */
	ev_timer_set(&d->settle, SETTLE_S, 0);
	ev_timer_start(coap_loop_ev(d->loop), &d->settle);
}

void definitions_watch(struct definitions *d, struct coap_loop *loop,
	void (*renewed)(void *context, const struct model *model), void *context)
{
	d->loop = loop;
	d->renewed = renewed;
	d->context = context;
	ev_timer_init(&d->settle, has_settled, SETTLE_S, 0);
	d->settle.data = d;
	d->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (d->inotify < 0 || inotify_add_watch(d->inotify, d->folder, CHANGES) < 0) {
		log_text(SERVER_LOG_WARNING, "event=definitions-not-watched path=\"%s\" reason=\"%s\"", d->folder,
			strerror(errno));
		return;
	}
	coap_loop_watch(loop, &d->changes, d->inotify, d, has_changed);
}

void definitions_done(struct definitions *d)
{
	if (d->files == NULL)
		return;
	model_files_free(d->files);
	d->files = NULL;
	if (d->inotify >= 0)
		(void)close(d->inotify);
	d->inotify = -1;
}
