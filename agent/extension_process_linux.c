/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/extension_process_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

void extension_process_init(struct extension_process *p)
{
	memset(p, 0, sizeof *p);
	p->input = p->output = p->complaints = -1;
}

/* ---- starting ---- */

/* The ends of its pipes. */
struct pipes {
	int input[2], output[2], complaints[2], report[2];
};

static void close_if_open(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void close_pipe(int fds[2])
{
	close_if_open(&fds[0]);
	close_if_open(&fds[1]);
}

static void close_pipes(struct pipes *p)
{
	close_pipe(p->input);
	close_pipe(p->output);
	close_pipe(p->complaints);
	close_pipe(p->report);
}

static int open_pipes(struct pipes *p)
{
	memset(p, 0xff, sizeof *p);
	if (pipe2(p->input, O_CLOEXEC) < 0 || pipe2(p->output, O_CLOEXEC) < 0 || pipe2(p->complaints, O_CLOEXEC) < 0 ||
		pipe2(p->report, O_CLOEXEC) < 0) {
		int error = -errno;
		close_pipes(p);
		return error;
	}
	return 0;
}

static bool become_user(const struct extension_user *user)
{
	return !user->is_other || (setgroups(0, NULL) == 0 && setgid(user->group) == 0 && setuid(user->user) == 0);
}

/* In the child. Only what is safe between fork and exec. */
static _Noreturn void become(
	const struct pipes *pipes, const char *folder, char *path, const struct extension_user *user, pid_t parent)
{
	static char search[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *const environment[] = {search, NULL};
	char *const arguments[] = {path, NULL};
	const struct rlimit no_core = {0, 0};
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setpgid(0, 0);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	bool is_ready = dup2(pipes->input[0], STDIN_FILENO) >= 0 && dup2(pipes->output[1], STDOUT_FILENO) >= 0 &&
			dup2(pipes->complaints[1], STDERR_FILENO) >= 0 && chdir(folder) == 0 && become_user(user) &&
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
	if (is_ready && getppid() == parent)
		(void)execve(path, arguments, environment);
	int error = errno;
	ssize_t n = write(pipes->report[1], &error, sizeof error);
	_exit(n == sizeof error ? 127 : 126);
}

/* The errno of an exec that failed; nothing comes through the pipe when it has succeeded, which closes it. */
static int exec_error(int fd)
{
	int error = 0;
	ssize_t n;
	do
		n = read(fd, &error, sizeof error);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof error ? -error : 0;
}

static int take(int *fd)
{
	int taken = *fd;
	*fd = -1;
	(void)fcntl(taken, F_SETFL, O_NONBLOCK);
	return taken;
}

int extension_process_run(
	struct extension_process *p, const char *folder, const char *name, const struct extension_user *user)
{
	struct pipes pipes;
	char path[NAME_MAX + 3];
	if ((size_t)snprintf(path, sizeof path, "./%s", name) >= sizeof path)
		return -ENAMETOOLONG;
	int error = p->pid != 0 ? -EBUSY : open_pipes(&pipes);
	if (error < 0)
		return error;
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		become(&pipes, folder, path, user, parent);
	error = pid < 0 ? -errno : 0;
	close_if_open(&pipes.report[1]);
	if (error == 0)
		error = exec_error(pipes.report[0]);
	if (error != 0 && pid > 0)
		(void)waitpid(pid, NULL, 0);
	if (error == 0) {
		p->pid = pid;
		p->input = take(&pipes.input[1]);
		p->output = take(&pipes.output[0]);
		p->complaints = take(&pipes.complaints[0]);
		extension_stream_init(&p->stream);
	}
	close_pipes(&pipes);
	return error;
}

int extension_process_connect(struct extension_process *p, const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof to.sun_path)
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&to, sizeof to) < 0) {
		int error = -errno; /* also EAGAIN: its backlog is full */
		(void)close(fd);
		return error;
	}
	p->input = p->output = fd;
	extension_stream_init(&p->stream);
	return 0;
}

/* ---- talking ---- */

/* So little goes through a pipe, or through a socket's buffer, at once or not at all. */
bool extension_process_send(const struct extension_process *p, struct bytes line)
{
	ssize_t n;
	do
		n = write(p->input, line.data, line.len);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)line.len;
}

bool extension_process_receive(struct extension_process *p)
{
	size_t room;
	uint8_t *to = extension_stream_room(&p->stream, &room);
	ssize_t n;
	do
		n = read(p->output, to, room);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		extension_stream_add(&p->stream, (size_t)n);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

/* ---- ending ---- */

void extension_process_signal(const struct extension_process *p, int signal)
{
	if (p->pid != 0)
		(void)kill(-p->pid, signal);
}

void extension_process_close(struct extension_process *p)
{
	if (p->input != p->output)
		close_if_open(&p->input);
	p->input = -1;
	close_if_open(&p->output);
	close_if_open(&p->complaints);
}

bool extension_process_reap(struct extension_process *p, char how[EXTENSION_HOW_BYTES])
{
	int status = 0;
	pid_t ended = 0;
	while (p->pid != 0 && (ended = waitpid(p->pid, &status, WNOHANG)) < 0 && errno == EINTR)
		;
	if (p->pid == 0 || ended == 0)
		return false;
	(void)kill(-p->pid, SIGKILL);
	p->pid = 0;
	if (WIFSIGNALED(status))
		(void)snprintf(how, EXTENSION_HOW_BYTES, "killed by signal %d", WTERMSIG(status));
	else
		(void)snprintf(how, EXTENSION_HOW_BYTES, "exit status %d", WEXITSTATUS(status));
	return true;
}
