/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/handover_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST     3  /* of the descriptors that a service manager hands over */
#define ASIDE     64 /* descriptors from here on are in nobody's way */
#define ALL_BYTES (HANDOVER_SOCKETS_MAX * sizeof(int))

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(ALL_BYTES)];
};

static bool fail(char *error, const char *path)
{
	(void)snprintf(error, HANDOVER_ERROR_BYTES, "%s: %s", path, strerror(errno));
	return false;
}

static bool name_of(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof ret->sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(ret->sun_path, path, strlen(path) + 1);
	return true;
}

int handover_listen(const char *path, char ret_error[HANDOVER_ERROR_BYTES])
{
	struct sockaddr_un name;
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0 || !name_of(path, &name)) {
		fail(ret_error, path);
		if (s >= 0)
			(void)close(s);
		return -1;
	}
	(void)unlink(path);
	mode_t before = umask(S_IRWXG | S_IRWXO);
	bool good = bind(s, (const struct sockaddr *)&name, sizeof name) == 0 && listen(s, 1) == 0;
	(void)umask(before);
	if (good)
		return s;
	fail(ret_error, path);
	(void)close(s);
	return -1;
}

int handover_give(int listener, const int *sockets, unsigned count)
{
	union control control = {.bytes = {0}};
	char number = (char)count;
	struct iovec vector = {&number, 1};
	struct msghdr message = {.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int heir = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (heir < 0)
		return -1;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), sockets, count * sizeof(int));
	if (sendmsg(heir, &message, MSG_NOSIGNAL) == 1)
		return heir;
	(void)close(heir);
	return -1;
}

/* How many came. */
static unsigned receive(int s, int sockets[HANDOVER_SOCKETS_MAX])
{
	union control control;
	char number;
	struct iovec vector = {&number, 1};
	struct msghdr message = {.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes};
	if (recvmsg(s, &message, 0) != 1)
		return 0;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header == NULL || header->cmsg_type != SCM_RIGHTS)
		return 0;
	size_t bytes = header->cmsg_len - CMSG_LEN(0);
	memcpy(sockets, CMSG_DATA(header), bytes);
	return (unsigned)(bytes / sizeof(int));
}

/* As a service manager would leave them. */
static bool put_in_place(const int *sockets, unsigned count)
{
	char text[16];
	for (unsigned i = 0; i < count; i++)
		if (dup2(sockets[i], (int)(FIRST + i)) < 0)
			return false;
	(void)snprintf(text, sizeof text, "%d", (int)getpid());
	bool good = setenv("LISTEN_PID", text, 1) == 0;
	(void)snprintf(text, sizeof text, "%u", count);
	return setenv("LISTEN_FDS", text, 1) == 0 && good;
}

bool handover_take(const char *path, char ret_error[HANDOVER_ERROR_BYTES])
{
	struct sockaddr_un name;
	int sockets[HANDOVER_SOCKETS_MAX];
	char end;
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0 || !name_of(path, &name) || connect(s, (const struct sockaddr *)&name, sizeof name) < 0)
		return fail(ret_error, path);
	unsigned count = receive(s, sockets);
	for (unsigned i = 0; i < count; i++) {
		int aside = fcntl(sockets[i], F_DUPFD_CLOEXEC, ASIDE);
		(void)close(sockets[i]);
		sockets[i] = aside;
	}
	while (read(s, &end, 1) > 0 || errno == EINTR)
		errno = 0;
	(void)close(s);
	bool good = count > 0 && put_in_place(sockets, count);
	for (unsigned i = 0; i < count; i++)
		(void)close(sockets[i]);
	return good || fail(ret_error, path);
}
