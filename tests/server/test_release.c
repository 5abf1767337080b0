/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/release.h"

#include "mgmt/signature_wolfcrypt.h"
#include "server/artifact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct stage {
	struct trust_key secret;
	struct trust_anchors anchors;
	struct signature_port port;
	struct manifest manifest;
	char uri[3 + ARTIFACT_NAME_BYTES + 8];
	uint8_t envelope[MANIFEST_ENVELOPE_MAX + 1];
	struct release release;
};

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	s->port = signature_wolfcrypt_port(&s->anchors);
	signature_wolfcrypt_generate(SIGNATURE_EDDSA, "x", &s->secret, &s->anchors.keys[0]);
	s->anchors.count = 1;
	s->manifest = (struct manifest){.sequence = 7,
		.digest = {0xab, 0xcd},
		.size = 99,
		.component = bytes_of_text("image"),
		.version = bytes_of_text("2.0"),
		.description = bytes_of_text("second")};
	struct writer w = writer_of(s->uri, sizeof s->uri);
	write_text(&w, "/a/");
	artifact_write_name(&w, s->manifest.digest);
	s->manifest.uri = writer_bytes(&w);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static enum release_verdict read(struct stage *s, bool verifies)
{
	struct signer_port signer = signature_wolfcrypt_signer(&s->secret);
	struct writer w = writer_of(s->envelope, sizeof s->envelope);
	enum manifest_reason reason = MANIFEST_GOOD;
	assert_int_equal(manifest_sign(&s->manifest, &s->port, &signer, &w), MANIFEST_GOOD);
	return release_read(
		&s->release, bytes_of_text("two"), writer_bytes(&w), &s->port, verifies ? &s->port : NULL, &reason);
}

static void a_release_is_read_from_its_envelope(void **state)
{
	struct stage *s = *state;
	uint8_t digest[SHA256_BYTES];
	assert_int_equal(read(s, true), RELEASE_GOOD);
	assert_string_equal(s->release.name, "two");
	assert_string_equal(s->release.version, "2.0");
	assert_string_equal(s->release.description, "second");
	assert_int_equal(s->release.sequence, 7);
	assert_int_equal(s->release.image_size, 99);
	s->port.sha256(s->port.context, bytes_of(s->release.envelope, s->release.envelope_size), digest);
	assert_memory_equal(s->release.manifest, digest, sizeof digest);
}

static void an_image_that_lies_elsewhere_is_refused(void **state)
{
	static const char *const uris[] = {"coap://example.com/a", "/a/", "/b/x", "a/x"};
	struct stage *s = *state;
	for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
		s->manifest.uri = bytes_of_text(uris[i]);
		assert_int_equal(read(s, true), RELEASE_FOREIGN_URI);
	}
	s->uri[3] = '0'; /* of another image */
	s->manifest.uri = bytes_of(s->uri, 3 + ARTIFACT_NAME_BYTES);
	assert_int_equal(read(s, true), RELEASE_FOREIGN_URI);
}

static void without_anchors_form_and_digest_are_checked_all_the_same(void **state)
{
	struct stage *s = *state;
	enum manifest_reason reason;
	s->anchors.count = 0;
	assert_int_equal(read(s, false), RELEASE_GOOD);
	assert_false(s->release.is_verified);
	assert_int_equal(read(s, true), RELEASE_BAD_MANIFEST);
	struct release whole = s->release;
	(void)read(s, false);
	s->envelope[s->release.envelope_size - 1] ^= 1;
	assert_int_equal(release_read(&whole, bytes_of_text("two"), bytes_of(s->envelope, s->release.envelope_size),
				 &s->port, NULL, &reason),
		RELEASE_BAD_MANIFEST);
}

static void an_envelope_too_long_or_cut_off_is_refused(void **state)
{
	struct stage *s = *state;
	enum manifest_reason reason;
	assert_int_equal(read(s, false), RELEASE_GOOD);
	size_t len = s->release.envelope_size;
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(release_read(&s->release, bytes_of_text("two"), bytes_of(s->envelope, cut), &s->port,
					 NULL, &reason),
			RELEASE_BAD_MANIFEST);
	assert_int_equal(release_read(&s->release, bytes_of_text("two"), bytes_of(s->envelope, sizeof s->envelope),
				 &s->port, NULL, &reason),
		RELEASE_BAD_MANIFEST);
	assert_int_equal(reason, MANIFEST_TOO_LARGE);
}

static void the_table_keeps_the_order_and_finds_by_each_name(void **state)
{
	struct stage *s = *state;
	struct release items[2], one = {.name = "one", .manifest = {1}, .image = {4}},
				 two = {.name = "two", .manifest = {2}, .image = {5}},
				 three = {.name = "three", .manifest = {3}, .image = {6}};
	struct releases t = {.items = items, .capacity = 2};
	(void)s;
	assert_true(releases_add(&t, &one) && releases_add(&t, &two));
	assert_false(releases_add(&t, &three));
	assert_string_equal(releases_find_manifest(&t, two.manifest)->name, "two");
	assert_string_equal(releases_find_image(&t, one.image)->name, "one");
	assert_true(releases_remove(&t, bytes_of_text("one")));
	assert_false(releases_remove(&t, bytes_of_text("one")));
	assert_false(releases_add(&t, &two)); /* there already */
	assert_true(releases_add(&t, &three));
	assert_string_equal(t.items[0].name, "two");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_release_is_read_from_its_envelope),
		TEST(an_image_that_lies_elsewhere_is_refused),
		TEST(without_anchors_form_and_digest_are_checked_all_the_same),
		TEST(an_envelope_too_long_or_cut_off_is_refused),
		TEST(the_table_keeps_the_order_and_finds_by_each_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
