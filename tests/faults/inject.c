/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lets the n-th call of one kind fail in a program that knows nothing of it (LD_PRELOAD).
 *
 *     FAULT=allocate:N   malloc, calloc, realloc, aligned_alloc, posix_memalign give nothing
 *     FAULT=send:N       sendmmsg, sendmsg, sendto fail with ENOBUFS
 *     FAULT=receive:N    recvmmsg, recvmsg, recvfrom fail with ENOMEM
 *
 * The file FAULT_FIRED is made when it happens, so the one who counts up knows when there is no n-th call any more. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum kind { NOTHING, ALLOCATE, SEND, RECEIVE };

static enum kind wanted;
static long left;

__attribute__((constructor)) static void read_environment(void)
{
	const char *fault = getenv("FAULT");
	const char *colon = fault != NULL ? strchr(fault, ':') : NULL;
	if (colon == NULL)
		return;
	left = strtol(colon + 1, NULL, 10);
	wanted = fault[0] == 'a' ? ALLOCATE : fault[0] == 's' ? SEND : RECEIVE;
}

static bool fails(enum kind kind)
{
	if (kind != wanted || __atomic_sub_fetch(&left, 1, __ATOMIC_RELAXED) != 0)
		return false;
	const char *path = getenv("FAULT_FIRED");
	int file = path != NULL ? open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
	if (file >= 0)
		(void)close(file);
	errno = kind == SEND ? ENOBUFS : ENOMEM;
	return true;
}

/* The next definition of the same name, looked up once. */
#define REAL(name)                                     \
	static __typeof__(&name) real;                 \
	if (real == NULL) {                            \
		void *found = dlsym(RTLD_NEXT, #name); \
		memcpy(&real, &found, sizeof real);    \
	}

/* ---- memory ---- */

void *malloc(size_t size)
{
	REAL(malloc)
	return fails(ALLOCATE) ? NULL : real(size);
}

void *realloc(void *old, size_t size)
{
	REAL(realloc)
	return fails(ALLOCATE) ? NULL : real(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	REAL(aligned_alloc)
	return fails(ALLOCATE) ? NULL : real(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	REAL(posix_memalign)
	return fails(ALLOCATE) ? ENOMEM : real(ret, alignment, size);
}

/* dlsym itself may call calloc, so this one is found without it. */
void *__libc_calloc(size_t count, size_t size);

void *calloc(size_t count, size_t size)
{
	return fails(ALLOCATE) ? NULL : __libc_calloc(count, size);
}

/* ---- the network ---- */

int sendmmsg(int descriptor, struct mmsghdr *messages, unsigned count, int flags)
{
	REAL(sendmmsg)
	return fails(SEND) ? -1 : real(descriptor, messages, count, flags);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags)
{
	REAL(sendmsg)
	return fails(SEND) ? -1 : real(descriptor, message, flags);
}

ssize_t sendto(int descriptor, const void *data, size_t length, int flags, const struct sockaddr *to, socklen_t size)
{
	REAL(sendto)
	return fails(SEND) ? -1 : real(descriptor, data, length, flags, to, size);
}

int recvmmsg(int descriptor, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
	REAL(recvmmsg)
	return fails(RECEIVE) ? -1 : real(descriptor, messages, count, flags, timeout);
}

ssize_t recvmsg(int descriptor, struct msghdr *message, int flags)
{
	REAL(recvmsg)
	return fails(RECEIVE) ? -1 : real(descriptor, message, flags);
}

ssize_t recvfrom(int descriptor, void *data, size_t length, int flags, struct sockaddr *from, socklen_t *size)
{
	REAL(recvfrom)
	return fails(RECEIVE) ? -1 : real(descriptor, data, length, flags, from, size);
}
