/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/services_linux.h"

#include "agent/services_systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUS_RETRY_S 60

static int64_t clock_s(clockid_t clock)
{
	struct timespec t;
	return clock_gettime(clock, &t) == 0 ? (int64_t)t.tv_sec : 0;
}

/* ---- what to watch ---- */

static bool add(struct services_linux *s, enum service_source source, struct bytes name, struct bytes path)
{
	bool fits = s->count < SERVICES_MAX && name.len > 0 && name.len <= SERVICES_NAME_MAX &&
		    path.len < SERVICES_PATH_BYTES && (source == SERVICE_BY_MANAGER || path.len > 1);
	if (!fits)
		return false;
	struct service_watch *watch = &s->list[s->count];
	struct service_track *track = &s->tracks[s->count++];
	watch->source = source;
	memcpy(watch->name, name.data, name.len);
	memcpy(track->path, path.data, path.len);
	track->last.state = SERVICE_UNKNOWN;
	return true;
}

static bool add_word(struct services_linux *s, enum service_source source, struct bytes word)
{
	const uint8_t *colon = memchr(word.data, ':', word.len);
	if (source == SERVICE_BY_MANAGER)
		return add(s, source, word, bytes_first(word, 0));
	if (colon == NULL || colon + 1 == word.data + word.len || colon[1] != '/')
		return false;
	size_t len = (size_t)(colon - word.data);
	return add(s, source, bytes_first(word, len), bytes_from(word, len + 1));
}

static bool add_words(struct services_linux *s, enum service_source source, const char *text, const char **ret_word)
{
	for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");
		if (!add_word(s, source, bytes_of((const uint8_t *)text, len))) {
			*ret_word = text;
			return false;
		}
		text += len;
	}
	return true;
}

bool services_linux_init(
	struct services_linux *s, const char *units, const char *pid_files, const char *commands, const char **ret_word)
{
	memset(s, 0, sizeof *s);
	return add_words(s, SERVICE_BY_MANAGER, units, ret_word) &&
	       add_words(s, SERVICE_BY_PID_FILE, pid_files, ret_word) &&
	       add_words(s, SERVICE_BY_COMMAND, commands, ret_word);
}

/* ---- processes ---- */

struct process_stat {
	uint64_t cpu_ticks, started_at, resident_pages;
};

static bool read_text(const char *path, char *text, size_t capacity)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, capacity - 1);
	if (fd >= 0)
		(void)close(fd);
	text[len < 0 ? 0 : len] = '\0';
	return len > 0;
}

/* The fields of proc(5) behind the name, which may hold anything. A process that only waits to be reaped has ended. */
static bool read_process(pid_t process, struct process_stat *ret)
{
	char path[32], text[1024], state;
	unsigned long long user, system, started;
	long long resident;
	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
	if (!read_text(path, text, sizeof text))
		return false;
	const char *behind = strrchr(text, ')');
	if (behind == NULL || sscanf(behind + 1,
				      " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d "
				      "%llu %*u %lld",
				      &state, &user, &system, &started, &resident) != 5)
		return false;
	*ret = (struct process_stat){user + system, started, resident < 0 ? 0 : (uint64_t)resident};
	return state != 'Z' && state != 'X';
}

static pid_t read_pid_file(const char *path)
{
	char text[32];
	long number = read_text(path, text, sizeof text) ? strtol(text, NULL, 10) : 0;
	return number > 1 && number <= INT32_MAX ? (pid_t)number : 0;
}

/* It ran at the last look, and now it does not, or is another one. */
static void note_end(struct service_track *t)
{
	t->last.has_exit_time = true;
	t->last.exit_unix_s = clock_s(CLOCK_REALTIME);
	t->process = 0;
}

static void note_process(struct service_track *t, pid_t process, const struct process_stat *stat)
{
	if (t->process != 0 && (t->process != process || t->started_at != stat->started_at))
		note_end(t);
	if (t->process == 0 && t->has_run)
		t->last.restarts++;
	t->has_run = true;
	t->process = process;
	t->started_at = stat->started_at;
}

static void look_at_process(struct service_track *t, struct service_report *ret)
{
	struct process_stat stat = {0};
	pid_t process = read_pid_file(t->path);
	bool is_alive = process != 0 && read_process(process, &stat);
	if (is_alive)
		note_process(t, process, &stat);
	else if (t->process != 0)
		note_end(t);
	*ret = t->last;
	ret->has_restarts = true;
	/* Who left his pid file behind has not ended as he meant to. */
	ret->state = is_alive ? SERVICE_RUNNING : process != 0 ? SERVICE_FAILED : SERVICE_STOPPED;
	if (!is_alive)
		return;
	ret->has_process = ret->has_cpu = ret->has_memory = true;
	ret->process = (uint32_t)process;
	ret->cpu_ms = stat.cpu_ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	ret->memory_kib = stat.resident_pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* ---- commands ---- */

/* In the child. Only what is safe between fork and exec. */
static _Noreturn void become(const char *path, pid_t parent)
{
	char *const arguments[] = {(char *)(uintptr_t)path, NULL};
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	int null_fd = open("/dev/null", O_RDWR);
	for (int fd = 0; fd <= 2 && null_fd >= 0; fd++)
		(void)dup2(null_fd, fd);
	if (getppid() == parent)
		(void)execv(path, arguments);
	_exit(127);
}

static void start_command(struct service_track *t, int64_t now_s)
{
	pid_t parent = getpid(), child = fork();
	if (child == 0)
		become(t->path, parent);
	if (child > 0)
		(void)setpgid(child, child); /* by both, so that it is done whoever comes first */
	t->started_s = now_s;
	t->running = child < 0 ? 0 : child;
}

static void note_result(struct service_track *t, int status)
{
	bool is_killed = WIFSIGNALED(status);
	t->running = 0;
	t->last.exit_status = is_killed ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
	t->last.has_exit_status = t->last.has_exit_time = true;
	t->last.exit_unix_s = clock_s(CLOCK_REALTIME);
	t->last.state = t->last.exit_status == 0 ? SERVICE_RUNNING : SERVICE_FAILED;
}

static void look_at_command(struct service_track *t, struct service_report *ret)
{
	int64_t now_s = clock_s(CLOCK_BOOTTIME);
	int status;
	if (t->running != 0 && now_s - t->started_s >= SERVICES_COMMAND_LIMIT_S)
		(void)kill(-t->running, SIGKILL); /* the next look finds it ended */
	if (t->running != 0 && waitpid(t->running, &status, WNOHANG) == t->running)
		note_result(t, status);
	if (t->running == 0 && (t->started_s == 0 || now_s - t->started_s >= SERVICES_COMMAND_PERIOD_S))
		start_command(t, now_s);
	*ret = t->last;
}

/* ---- units ---- */

static void look_at_unit(struct services_linux *s, uint8_t i, struct service_report *ret)
{
	int64_t now_s = clock_s(CLOCK_BOOTTIME);
	if (now_s < s->bus_not_before_s)
		return;
	if (!services_systemd_look(&s->bus, s->list[i].name, ret))
		s->bus_not_before_s = now_s + BUS_RETRY_S;
}

/* ---- the port ---- */

static void look(void *context, uint8_t i, struct service_report *ret)
{
	struct services_linux *s = context;
	*ret = (struct service_report){.state = SERVICE_UNKNOWN};
	switch (s->list[i].source) {
	case SERVICE_BY_MANAGER:
		look_at_unit(s, i, ret);
		return;
	case SERVICE_BY_PID_FILE:
		look_at_process(&s->tracks[i], ret);
		return;
	case SERVICE_BY_COMMAND:
		look_at_command(&s->tracks[i], ret);
		return;
	}
}

struct services_port services_linux_port(struct services_linux *s)
{
	return (struct services_port){s, s->list, s->count, look};
}

void services_linux_done(struct services_linux *s)
{
	for (uint8_t i = 0; i < s->count; i++) {
		pid_t running = s->tracks[i].running;
		if (running == 0)
			continue;
		(void)kill(-running, SIGKILL);
		(void)waitpid(running, NULL, 0);
	}
	services_systemd_done(&s->bus);
}
