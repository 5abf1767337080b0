/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/artifact_files.h"

#include "mgmt/signature_wolfcrypt.h"
#include "tests/server/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define IMAGE_BYTES 100000

struct stage {
	struct directory directory;
	struct artifact_files *files;
	struct artifact_port port;
	char error[ARTIFACT_FILES_ERROR_BYTES];
	uint8_t image[IMAGE_BYTES], digest[SHA256_BYTES];
};

static void reopen(struct stage *s)
{
	struct artifact_files_config config = {
		.path = directory_file(&s->directory, "artifacts"), .max_size = 2 * IMAGE_BYTES};
	artifact_files_close(s->files);
	s->files = artifact_files_open(&config, s->error);
	if (s->files == NULL)
		fail_msg("%s", s->error);
	s->port = artifact_files_port(s->files);
}

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	struct sha256_stream hash;
	directory_make(&s->directory);
	for (size_t i = 0; i < IMAGE_BYTES; i++)
		s->image[i] = (uint8_t)(i * 7 + i / 251);
	sha256_stream_init(&hash);
	sha256_stream_add(&hash, bytes_of(s->image, IMAGE_BYTES));
	sha256_stream_end(&hash, s->digest);
	reopen(s);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	artifact_files_close(s->files);
	directory_remove(&s->directory);
	free(s);
	return 0;
}

static enum artifact_result begin(struct stage *s, uint64_t size, const uint8_t *digest, struct handle *ret)
{
	return s->port.begin(s->port.context, size, digest, ret);
}

static enum artifact_result append(struct stage *s, struct handle h, const void *data, size_t len)
{
	return s->port.append(s->port.context, h, bytes_of(data, len));
}

/* Uploads the image in pieces. */
static struct handle upload(struct stage *s, const uint8_t *digest)
{
	struct handle h;
	assert_int_equal(begin(s, IMAGE_BYTES, digest, &h), ARTIFACT_DONE);
	for (size_t at = 0; at < IMAGE_BYTES; at += 1000)
		assert_int_equal(append(s, h, s->image + at, 1000), ARTIFACT_DONE);
	return h;
}

static struct artifact_outcome finish(struct stage *s, struct handle h)
{
	struct artifact_outcome outcome = {.ticket = 0};
	assert_int_equal(s->port.finish(s->port.context, h, 42), ARTIFACT_DONE);
	artifact_files_settle(s->files);
	assert_true(artifact_files_next(s->files, &outcome));
	assert_int_equal(outcome.ticket, 42);
	return outcome;
}

static unsigned count_temporary(struct stage *s)
{
	unsigned count = 0;
	for (unsigned i = 0; i < ARTIFACT_FILES_UPLOADS_MAX; i++) {
		char name[64];
		(void)snprintf(name, sizeof name, "artifacts/tmp/upload-%u", i);
		count += access(directory_file(&s->directory, name), F_OK) == 0;
	}
	return count;
}

static void an_upload_becomes_an_artifact_that_is_read_slice_by_slice(void **state)
{
	struct stage *s = *state;
	struct artifact found;
	uint8_t slice[1024];
	assert_false(s->port.find(s->port.context, s->digest, &found));
	struct artifact_outcome outcome = finish(s, upload(s, s->digest));
	assert_int_equal(outcome.result, ARTIFACT_DONE);
	assert_int_equal(outcome.artifact.size, IMAGE_BYTES);
	assert_memory_equal(outcome.artifact.digest, s->digest, SHA256_BYTES);
	assert_true(s->port.find(s->port.context, s->digest, &found));
	assert_int_equal(found.size, IMAGE_BYTES);
	assert_int_equal(s->port.read(s->port.context, s->digest, 5000, slice, sizeof slice), sizeof slice);
	assert_memory_equal(slice, s->image + 5000, sizeof slice);
	assert_int_equal(s->port.read(s->port.context, s->digest, IMAGE_BYTES - 10, slice, sizeof slice), 10);
	assert_int_equal(s->port.read(s->port.context, s->digest, IMAGE_BYTES + 10, slice, sizeof slice), 0);
	assert_int_equal(count_temporary(s), 0);
}

static void an_artifact_is_there_after_a_restart_and_an_unfinished_upload_is_not(void **state)
{
	struct stage *s = *state;
	struct artifact found;
	uint64_t cursor = 0;
	finish(s, upload(s, NULL));
	upload(s, NULL);
	assert_int_equal(count_temporary(s), 1);
	reopen(s);
	assert_int_equal(count_temporary(s), 0);
	assert_true(s->port.next(s->port.context, &cursor, &found));
	assert_memory_equal(found.digest, s->digest, SHA256_BYTES);
	assert_false(s->port.next(s->port.context, &cursor, &found));
}

static void what_a_crash_left_is_cleared_away(void **state)
{
	struct stage *s = *state;
	directory_write(&s->directory, "artifacts/tmp/upload-3", 0600, "half");
	reopen(s);
	assert_int_equal(count_temporary(s), 0);
}

static void other_bytes_than_announced_are_refused_and_leave_nothing(void **state)
{
	struct stage *s = *state;
	struct artifact found;
	s->digest[31] ^= 1;
	struct handle h = upload(s, s->digest);
	assert_int_equal(s->port.finish(s->port.context, h, 1), ARTIFACT_WRONG_DIGEST);
	assert_int_equal(count_temporary(s), 0);
	s->digest[31] ^= 1;
	assert_false(s->port.find(s->port.context, s->digest, &found));
}

static void more_bytes_than_announced_or_allowed_are_refused(void **state)
{
	struct stage *s = *state;
	struct handle h;
	assert_int_equal(begin(s, 2 * IMAGE_BYTES + 1, NULL, &h), ARTIFACT_TOO_LARGE);
	assert_int_equal(begin(s, 10, NULL, &h), ARTIFACT_DONE);
	assert_int_equal(append(s, h, s->image, 11), ARTIFACT_TOO_LARGE);
	assert_int_equal(append(s, h, s->image, 1), ARTIFACT_UNKNOWN);
	assert_int_equal(begin(s, UINT64_MAX, NULL, &h), ARTIFACT_DONE);
	assert_int_equal(append(s, h, s->image, IMAGE_BYTES), ARTIFACT_DONE);
	assert_int_equal(append(s, h, s->image, IMAGE_BYTES), ARTIFACT_DONE);
	assert_int_equal(append(s, h, s->image, 1), ARTIFACT_TOO_LARGE);
	assert_int_equal(count_temporary(s), 0);
}

static void fewer_bytes_than_announced_make_an_artifact_of_what_came(void **state)
{
	struct stage *s = *state;
	struct handle h;
	struct artifact found;
	begin(s, IMAGE_BYTES, NULL, &h);
	append(s, h, s->image, 10);
	struct artifact_outcome outcome = finish(s, h);
	assert_int_equal(outcome.artifact.size, 10);
	assert_true(s->port.find(s->port.context, outcome.artifact.digest, &found));
	assert_int_equal(found.size, 10); /* what was allocated ahead is gone */
}

static void an_empty_upload_is_refused(void **state)
{
	struct stage *s = *state;
	struct handle h;
	begin(s, 0, NULL, &h);
	assert_int_equal(s->port.finish(s->port.context, h, 1), ARTIFACT_EMPTY);
}

static void only_so_many_uploads_run_at_once(void **state)
{
	struct stage *s = *state;
	struct handle h[ARTIFACT_FILES_UPLOADS_MAX], more;
	for (unsigned i = 0; i < ARTIFACT_FILES_UPLOADS_MAX; i++)
		assert_int_equal(begin(s, 10, NULL, &h[i]), ARTIFACT_DONE);
	assert_int_equal(begin(s, 10, NULL, &more), ARTIFACT_BUSY);
	s->port.cancel(s->port.context, h[3]);
	assert_int_equal(begin(s, 10, NULL, &more), ARTIFACT_DONE);
	assert_int_equal(append(s, h[3], s->image, 1), ARTIFACT_UNKNOWN);
	s->port.cancel(s->port.context, h[3]); /* of another upload by now */
	assert_int_equal(append(s, more, s->image, 1), ARTIFACT_DONE);
}

static void the_same_image_may_be_uploaded_again(void **state)
{
	struct stage *s = *state;
	uint8_t slice[16];
	finish(s, upload(s, NULL));
	assert_int_equal(s->port.read(s->port.context, s->digest, 0, slice, sizeof slice), sizeof slice);
	assert_int_equal(finish(s, upload(s, NULL)).result, ARTIFACT_DONE);
	assert_int_equal(s->port.read(s->port.context, s->digest, 0, slice, sizeof slice), sizeof slice);
}

static void a_removed_artifact_is_gone(void **state)
{
	struct stage *s = *state;
	struct artifact found;
	finish(s, upload(s, NULL));
	assert_true(s->port.find(s->port.context, s->digest, &found));
	assert_true(s->port.remove(s->port.context, s->digest));
	assert_false(s->port.find(s->port.context, s->digest, &found));
	assert_false(s->port.remove(s->port.context, s->digest));
}

/* More artifacts than descriptors are kept. */
static void many_artifacts_are_read_in_turns(void **state)
{
	struct stage *s = *state;
	uint8_t digests[ARTIFACT_FILES_OPEN_MAX + 4][SHA256_BYTES];
	for (uint8_t i = 0; i < ARTIFACT_FILES_OPEN_MAX + 4; i++) {
		struct handle h;
		begin(s, 1, NULL, &h);
		append(s, h, &i, 1);
		memcpy(digests[i], finish(s, h).artifact.digest, SHA256_BYTES);
	}
	for (unsigned round = 0; round < 3; round++)
		for (uint8_t i = 0; i < ARTIFACT_FILES_OPEN_MAX + 4; i++) {
			uint8_t byte = 0xff;
			assert_int_equal(s->port.read(s->port.context, digests[i], 0, &byte, 1), 1);
			assert_int_equal(byte, i);
		}
}

/* A limit on the size of files stands for a full disk. */
static void a_full_disk_is_told_and_leaves_nothing(void **state)
{
	struct stage *s = *state;
	struct rlimit before, small;
	struct handle h;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 5000;
	assert_int_equal(begin(s, UINT64_MAX, NULL, &h), ARTIFACT_DONE);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	enum artifact_result first = append(s, h, s->image, 4000), second = append(s, h, s->image, 4000);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(first, ARTIFACT_DONE);
	assert_int_equal(second, ARTIFACT_NO_SPACE);
	assert_int_equal(count_temporary(s), 0);
}

static void a_path_that_cannot_be_a_directory_is_named(void **state)
{
	struct stage *s = *state;
	struct artifact_files_config config = {.path = directory_file(&s->directory, "file")};
	directory_write(&s->directory, "file", 0600, "x");
	assert_null(artifact_files_open(&config, s->error));
	assert_non_null(strstr(s->error, "file: Not a directory"));
}

static void names_in_the_directory_that_are_no_digests_are_nobodys(void **state)
{
	struct stage *s = *state;
	struct artifact found;
	uint64_t cursor = 0;
	directory_write(&s->directory, "artifacts/README", 0600, "x");
	directory_write(&s->directory, "artifacts/..etc", 0600, "x");
	assert_false(s->port.next(s->port.context, &cursor, &found));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_upload_becomes_an_artifact_that_is_read_slice_by_slice),
		TEST(an_artifact_is_there_after_a_restart_and_an_unfinished_upload_is_not),
		TEST(what_a_crash_left_is_cleared_away),
		TEST(other_bytes_than_announced_are_refused_and_leave_nothing),
		TEST(more_bytes_than_announced_or_allowed_are_refused),
		TEST(fewer_bytes_than_announced_make_an_artifact_of_what_came),
		TEST(an_empty_upload_is_refused),
		TEST(only_so_many_uploads_run_at_once),
		TEST(the_same_image_may_be_uploaded_again),
		TEST(a_removed_artifact_is_gone),
		TEST(many_artifacts_are_read_in_turns),
		TEST(a_full_disk_is_told_and_leaves_nothing),
		TEST(a_path_that_cannot_be_a_directory_is_named),
		TEST(names_in_the_directory_that_are_no_digests_are_nobodys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
