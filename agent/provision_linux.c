/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/provision_linux.h"

#include "mgmt/signature_wolfcrypt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES 16384

static bool say(char *message, const char *subject, const char *what)
{
	(void)snprintf(message, PROVISION_MESSAGE_BYTES, "%s: %s", subject, what);
	return false;
}

static bool is_version(const char *text)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len > 0 && len <= JOURNAL_VERSION_MAX;
}

/* Copies the file into the slot while its digest is made. 0 or -errno. */
static int copy(int fd, uint64_t size, const struct slot_port *slots, uint8_t ret_digest[SHA256_BYTES])
{
	static uint8_t chunk[CHUNK_BYTES];
	struct sha256_stream digest;
	uint64_t done = 0;
	int status = slots->prepare(slots->context, SLOT_A, size, false);
	sha256_stream_init(&digest);
	while (status >= 0 && done < size) {
		ssize_t len = read(fd, chunk, sizeof chunk);
		if (len <= 0)
			return len < 0 ? -errno : -EIO;
		struct bytes data = bytes_of(chunk, (size_t)len);
		sha256_stream_add(&digest, data);
		status = done + data.len > size ? -EIO : slots->write(slots->context, SLOT_A, done, data);
		done += data.len;
	}
	sha256_stream_end(&digest, ret_digest);
	return status < 0 ? status : slots->sync(slots->context, SLOT_A);
}

static int copy_file(const char *path, const struct slot_port *slots, struct journal_image *ret)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int status = fstat(fd, &st) < 0 ? -errno : 0;
	if (status == 0 && (!S_ISREG(st.st_mode) || st.st_size == 0))
		status = -EINVAL;
	if (status == 0) {
		ret->size = (uint64_t)st.st_size;
		status = copy(fd, ret->size, slots, ret->digest);
	}
	(void)close(fd);
	return status;
}

static bool is_free(const struct journal_port *journal, uint8_t *scratch, struct journal_state *state, char *message)
{
	int error = 0;
	switch (journal_load(journal, scratch, state, &error)) {
	case JOURNAL_NEW:
		return true;
	case JOURNAL_LOADED:
		if (!state->images[SLOT_A].is_present && !state->images[SLOT_B].is_present &&
			state->phase == JOURNAL_IDLE)
			return true;
		return say(message, "journal", "this device has an image already; updates come from the server");
	case JOURNAL_ROTTEN:
		return say(message, "journal",
			"is there but cannot be understood; remove the state directory to begin anew");
	case JOURNAL_FAILED:
		return say(message, "journal", strerror(-error));
	}
	return false;
}

bool provision_install(const struct provision *what, const struct slot_port *slots, const struct boot_port *boot,
	const struct journal_port *journal, char message[PROVISION_MESSAGE_BYTES])
{
	static uint8_t scratch[JOURNAL_STATE_BYTES_MAX];
	struct journal_state state;
	if (!is_version(what->version))
		return say(message, "--version-text", "must be 1 to 31 printable characters");
	if (!is_free(journal, scratch, &state, message))
		return false;
	struct journal_image *image = &state.images[SLOT_A];
	*image = (struct journal_image){.is_present = true, .sequence = what->sequence};
	memcpy(image->version, what->version, strlen(what->version));
	state.confirmed = SLOT_A;
	state.sequence_floor = what->sequence;
	int status = copy_file(what->image, slots, image);
	if (status < 0)
		return say(message, what->image, strerror(-status));
	status = boot->activate(boot->context, SLOT_A);
	if (status == 0)
		status = journal_store(journal, scratch, &state);
	return status == 0 || say(message, "state directory", strerror(-status));
}
