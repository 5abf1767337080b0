/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/payload_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 10

bool payload_linux_init(struct payload_linux *p, const struct slots_linux *slots, const char *arguments)
{
	char *rest = NULL;
	memset(p, 0, sizeof *p);
	p->slots = slots;
	if (strlen(arguments) >= sizeof p->text)
		return false;
	memcpy(p->text, arguments, strlen(arguments) + 1);
	for (char *word = strtok_r(p->text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		if (p->argument_count == PAYLOAD_ARGUMENTS_MAX - 3) /* the file, --self-test, the end */
			return false;
		p->arguments[1 + p->argument_count++] = word;
	}
	return true;
}

/* ---- starting ---- */

/* In the child. Only what is safe between fork and exec. */
static _Noreturn void become(char *const arguments[], int report_fd, pid_t parent)
{
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	int null_fd = open("/dev/null", O_RDONLY);
	if (null_fd > 0) {
		(void)dup2(null_fd, STDIN_FILENO);
		(void)close(null_fd);
	}
	if (getppid() == parent)
		(void)execv(arguments[0], arguments);
	int error = errno;
	ssize_t n = write(report_fd, &error, sizeof error);
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

static int run(struct payload_linux *p, enum slot slot, bool is_self_test)
{
	char path[SLOTS_PATH_BYTES], self_test[] = "--self-test";
	int pipe_fds[2];
	slots_linux_path(p->slots, slot, path);
	p->arguments[0] = path;
	p->arguments[1 + p->argument_count] = is_self_test ? self_test : NULL;
	p->arguments[2 + p->argument_count] = NULL;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		become(p->arguments, pipe_fds[1], parent);
	int error = pid < 0 ? -errno : 0;
	(void)close(pipe_fds[1]);
	if (error == 0)
		error = exec_error(pipe_fds[0]);
	(void)close(pipe_fds[0]);
	if (error != 0 && pid > 0)
		(void)waitpid(pid, NULL, 0);
	if (error == 0) {
		p->pid = pid;
		p->is_self_test = is_self_test;
	}
	return error;
}

static int start(void *context, enum slot slot)
{
	return run(context, slot, false);
}

static int self_test(void *context, enum slot slot)
{
	return run(context, slot, true);
}

/* ---- ending ---- */

static bool has_ended(pid_t pid, int *ret_status)
{
	pid_t ended;
	do
		ended = waitpid(pid, ret_status, WNOHANG);
	while (ended < 0 && errno == EINTR);
	return ended == pid || ended < 0;
}

static void stop(void *context)
{
	struct payload_linux *p = context;
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	int status;
	if (p->pid == 0)
		return;
	(void)kill(-p->pid, SIGTERM);
	for (int waited = 0; waited < PAYLOAD_GRACE_MS && p->pid != 0; waited += POLL_MS) {
		if (has_ended(p->pid, &status))
			p->pid = 0;
		else
			(void)nanosleep(&pause, NULL);
	}
	if (p->pid == 0)
		return;
	(void)kill(-p->pid, SIGKILL);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
}

bool payload_linux_reap(struct payload_linux *p, struct payload_linux_end *ret)
{
	int status = 0;
	if (p->pid == 0 || !has_ended(p->pid, &status))
		return false;
	(void)kill(-p->pid, SIGKILL); /* what it may have left behind in its group */
	p->pid = 0;
	ret->was_self_test = p->is_self_test;
	if (WIFSIGNALED(status)) {
		ret->status = 256 + WTERMSIG(status);
		(void)snprintf(ret->reason, sizeof ret->reason, "killed by signal %d", WTERMSIG(status));
	} else {
		ret->status = WEXITSTATUS(status);
		(void)snprintf(ret->reason, sizeof ret->reason, "exit status %d", ret->status);
	}
	return true;
}

struct payload_port payload_linux_port(struct payload_linux *p)
{
	return (struct payload_port){p, start, stop, self_test};
}
