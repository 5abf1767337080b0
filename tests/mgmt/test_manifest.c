/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Manifests with real signatures: the example of the draft, our own both ways, and everything that has fooled others.
 */
#include "mgmt/manifest.h"
#include "mgmt/cbor.h"
#include "mgmt/signature_wolfcrypt.h"
#include "mgmt/uuid.h"
#include "tests/mgmt/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* draft-ietf-suit-manifest-37 appendix B: the public key, and example 1 with its signature. */
static const char draft_key[] =
	"fieldfare-public es256 8496811aae0baaabd26157189eecda26beaa8bf11b6f3fe6e2b5659c85dbc0ad"
	"3b1f2a4b6c098131c0a36dacd1d78bd381dcdfb09c052db33991db7338b4a896 the draft's\n";
static const char draft_example_1[] =
	"d86ba2025873825824822f58201f2e7acca0dc2786f2fe4eb947f50873a6a3cfaa98866c5b02e621f42074daf2584ad28443a10126a0"
	"f6584027a3d7986eddcc1bee04e1436746408c308ed3c15ac590a1ca0cf96f85671ccac216cb9a1497fc59e21c15f33c95cf75203e25"
	"c287b31a57d6cd2ef950b27a7a035894a50101020103585fa202818141000458568614a40150fa6b4a53d5ad5fdfbe9de663e4d41ffe"
	"02501492af1425695e48bf429b2d51f2ab45035824822f582000112233445566778899aabbccddeeff0123456789abcdeffedcba9876"
	"543210"
	"0e1987d0010f020f074382030f1458258614a115781b687474703a2f2f6578616d706c652e636f6d2f66696c652e62696e1502030f";
/* Example 0: no install sequence. */
static const char draft_example_0[] =
	"d86ba2025873825824822f58206658ea560262696dd1f13b782239a064da7c6c5cbaf52fded428a6fc83c7e5af584ad28443a10126a0"
	"f65840408d0816f9b510749bf6a51b066951e08a4438f849eb092a1ac768eed9de696c1b1dd35d82ef149e6a73a61976ad2cfe78444b"
	"8064293350a122f332cb49f0da035871a50101020003585fa202818141000458568614a40150fa6b4a53d5ad5fdfbe9de663e4d41ffe"
	"02501492af1425695e48bf429b2d51f2ab45035824822f582000112233445566778899aabbccddeeff0123456789abcdeffedcba9876"
	"5432100e1987d0010f020f074382030f0943821702";

static struct trust_key secret_es256, secret_eddsa;
static struct trust_anchors anchors; /* the draft's, ours */
static struct signature_port port;
static uint8_t envelope_memory[MANIFEST_ENVELOPE_MAX];

static int set_up(void **state)
{
	(void)state;
	unsigned line;
	assert_true(trust_parse_anchors(bytes_of_text(draft_key), &anchors, &line));
	assert_true(signature_wolfcrypt_generate(SIGNATURE_ES256, "ours", &secret_es256, &anchors.keys[1]));
	assert_true(signature_wolfcrypt_generate(SIGNATURE_EDDSA, "ours", &secret_eddsa, &anchors.keys[2]));
	anchors.count = 3;
	port = signature_wolfcrypt_port(&anchors);
	return 0;
}

static struct manifest sample(void)
{
	struct manifest m = {
		.sequence = 7,
		.size = 34768,
		.component = bytes_of_text("image"),
		.uri = bytes_of_text("coaps://updates.example.com/artifacts/0123"),
		.version = bytes_of_text("1.2.3"),
		.description = bytes_of_text("Sleeps better."),
		.reference_uri = bytes_of_text("https://example.com/releases/7"),
	};
	uuid_vendor(bytes_of_text("example.com"), m.vendor_id);
	uuid_class(m.vendor_id, bytes_of_text("gateway"), m.class_id);
	for (uint8_t i = 0; i < SHA256_BYTES; i++)
		m.digest[i] = i;
	return m;
}

static struct bytes sign(const struct manifest *m, const struct trust_key *secret)
{
	struct signer_port signer = signature_wolfcrypt_signer(secret);
	struct writer w = writer_of(envelope_memory, sizeof envelope_memory);
	assert_int_equal(manifest_sign(m, &port, &signer, &w), MANIFEST_GOOD);
	return writer_bytes(&w);
}

static enum manifest_reason check(struct bytes envelope)
{
	struct manifest m;
	return manifest_check(envelope, &port, &m);
}

/* ---- the draft's examples ---- */

static void the_example_of_the_draft_is_trusted_and_read(void **state)
{
	uint8_t memory[512], vendor[UUID_BYTES];
	struct manifest m;
	(void)state;
	struct bytes envelope = show_unhex(draft_example_1, memory, sizeof memory);
	assert_int_equal(manifest_check(envelope, &port, &m), MANIFEST_GOOD);
	assert_int_equal(m.sequence, 1);
	assert_int_equal(m.size, 34768);
	assert_true(bytes_equal_text(m.uri, "http://example.com/file.bin"));
	assert_true(bytes_equal(m.component, bytes_of("\0", 1)));
	assert_int_equal(m.version.len, 0);
	assert_int_equal(m.digest[31], 0x10);
	uuid_vendor(bytes_of_text("arm.com"), vendor);
	assert_memory_equal(m.vendor_id, vendor, sizeof vendor);
}

static void a_manifest_without_a_download_is_incomplete(void **state)
{
	uint8_t memory[512];
	(void)state;
	assert_int_equal(check(show_unhex(draft_example_0, memory, sizeof memory)), MANIFEST_INCOMPLETE);
}

/* ---- our own ---- */

static void expect_sample(const struct manifest *got)
{
	struct manifest want = sample();
	assert_int_equal(got->sequence, want.sequence);
	assert_int_equal(got->size, want.size);
	assert_memory_equal(got->vendor_id, want.vendor_id, MANIFEST_UUID_BYTES);
	assert_memory_equal(got->class_id, want.class_id, MANIFEST_UUID_BYTES);
	assert_memory_equal(got->digest, want.digest, SHA256_BYTES);
	assert_true(bytes_equal(got->component, want.component));
	assert_true(bytes_equal(got->uri, want.uri));
	assert_true(bytes_equal(got->version, want.version));
	assert_true(bytes_equal(got->description, want.description));
	assert_true(bytes_equal(got->reference_uri, want.reference_uri));
}

static void what_is_signed_is_read_with_both_algorithms(void **state)
{
	const struct trust_key *secrets[] = {&secret_es256, &secret_eddsa};
	struct manifest m = sample(), got;
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(manifest_check(sign(&m, secrets[i]), &port, &got), MANIFEST_GOOD);
		expect_sample(&got);
	}
}

static void texts_are_optional(void **state)
{
	struct manifest m = sample(), got;
	(void)state;
	m.version = m.description = m.reference_uri = BYTES_NONE;
	assert_int_equal(manifest_check(sign(&m, &secret_es256), &port, &got), MANIFEST_GOOD);
	assert_int_equal(got.version.len + got.description.len + got.reference_uri.len, 0);
}

static void sizes_over_two_and_four_gigabytes_are_exact(void **state)
{
	static const uint64_t sizes[] = {
		1, INT32_MAX, (uint64_t)INT32_MAX + 1, UINT32_MAX, ((uint64_t)1 << 32) + 1, UINT64_MAX};
	struct manifest m = sample(), got;
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		m.size = m.sequence = sizes[i];
		assert_int_equal(manifest_check(sign(&m, &secret_eddsa), &port, &got), MANIFEST_GOOD);
		assert_true(got.size == sizes[i] && got.sequence == sizes[i]);
	}
}

static void what_could_not_be_read_is_not_signed(void **state)
{
	static uint8_t big[MANIFEST_DESCRIPTION_MAX + 1];
	struct signer_port signer = signature_wolfcrypt_signer(&secret_es256);
	struct manifest bad[7];
	(void)state;
	memset(big, 'x', sizeof big);
	for (size_t i = 0; i < 7; i++)
		bad[i] = sample();
	bad[0].size = 0;
	bad[1].uri = BYTES_NONE;
	bad[2].uri = bytes_of(big, MANIFEST_URI_MAX + 1);
	bad[3].version = bytes_of(big, MANIFEST_VERSION_MAX + 1);
	bad[4].description = bytes_of(big, sizeof big);
	bad[5].component = BYTES_NONE;
	bad[6].version = bytes_of_text("1.2\n3");
	for (size_t i = 0; i < 7; i++) {
		struct writer w = writer_of(envelope_memory, sizeof envelope_memory);
		assert_int_equal(manifest_sign(&bad[i], &port, &signer, &w), MANIFEST_BAD_VALUE);
		assert_int_equal(writer_bytes(&w).len, 0);
	}
}

static void a_small_writer_is_told(void **state)
{
	struct manifest m = sample();
	struct signer_port signer = signature_wolfcrypt_signer(&secret_eddsa);
	size_t len = sign(&m, &secret_eddsa).len;
	(void)state;
	for (size_t room = 0; room < len; room += 7) {
		struct writer w = writer_of(envelope_memory, room);
		assert_int_equal(manifest_sign(&m, &port, &signer, &w), MANIFEST_NO_ROOM);
	}
}

/* ---- forgeries ---- */

/* Mender MEN-9098: every bit of the envelope is under the signature, or its flip is refused in another way. */
static void every_flipped_bit_is_refused(void **state)
{
	struct manifest m = sample();
	struct bytes envelope = sign(&m, &secret_eddsa);
	(void)state;
	for (size_t i = 0; i < envelope.len * 8; i++) {
		envelope_memory[i / 8] ^= (uint8_t)(1u << i % 8);
		if (check(envelope) == MANIFEST_GOOD)
			fail_msg("bit %zu may be flipped", i);
		envelope_memory[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	assert_int_equal(check(envelope), MANIFEST_GOOD);
}

static void every_flipped_bit_is_refused_with_es256(void **state)
{
	uint8_t memory[512];
	struct bytes envelope = show_unhex(draft_example_1, memory, sizeof memory);
	(void)state;
	for (size_t i = 0; i < envelope.len * 8; i++) {
		memory[i / 8] ^= (uint8_t)(1u << i % 8);
		if (check(envelope) == MANIFEST_GOOD)
			fail_msg("bit %zu may be flipped", i);
		memory[i / 8] ^= (uint8_t)(1u << i % 8);
	}
}

static void every_cut_and_every_byte_behind_is_refused(void **state)
{
	struct manifest m = sample();
	struct bytes envelope = sign(&m, &secret_eddsa);
	(void)state;
	for (size_t len = 0; len < envelope.len; len++) {
		uint8_t *exact = malloc(len + 1);
		memcpy(exact, envelope.data, len);
		assert_int_not_equal(check(bytes_of(exact, len)), MANIFEST_GOOD);
		free(exact);
	}
	envelope_memory[envelope.len] = 0;
	assert_int_equal(check(bytes_of(envelope_memory, envelope.len + 1)), MANIFEST_MALFORMED);
	assert_int_equal(check(bytes_of(envelope_memory, MANIFEST_ENVELOPE_MAX + 1)), MANIFEST_TOO_LARGE);
}

static void a_stranger_is_not_trusted(void **state)
{
	struct trust_key strangers_secret, strangers_public;
	struct manifest m = sample();
	(void)state;
	for (int i = 0; i < 2; i++) {
		enum signature_algorithm algorithm = i == 0 ? SIGNATURE_ES256 : SIGNATURE_EDDSA;
		assert_true(signature_wolfcrypt_generate(algorithm, "eve", &strangers_secret, &strangers_public));
		assert_int_equal(check(sign(&m, &strangers_secret)), MANIFEST_NOT_TRUSTED);
	}
}

/* An envelope around the sample's manifest, with an authentication block of the test's own making. */
struct forgery {
	int64_t algorithm;
	struct bytes signature;
	unsigned blocks;
	bool is_payload_attached, has_unprotected;
};

static void write_block(struct writer *w, const struct forgery *f)
{
	uint8_t header[16];
	struct writer h = writer_of(header, sizeof header);
	cbor_write_map(&h, 1);
	cbor_write_unsigned(&h, 1);
	cbor_write_integer(&h, f->algorithm);
	cbor_write_tag(w, 18);
	cbor_write_array(w, 4);
	cbor_write_bytes(w, writer_bytes(&h));
	cbor_write_map(w, f->has_unprotected ? 1 : 0);
	if (f->has_unprotected) {
		cbor_write_unsigned(w, 4);
		cbor_write_bytes(w, bytes_of_text("key"));
	}
	if (f->is_payload_attached)
		cbor_write_bytes(w, bytes_of_text("payload"));
	else
		cbor_write_null(w);
	cbor_write_bytes(w, f->signature);
}

static enum manifest_reason try_forgery(const struct forgery *f)
{
	uint8_t forged[1024], authentication[512], block[256];
	struct manifest m = sample();
	struct manifest_view view;
	struct writer w = writer_of(forged, sizeof forged), a = writer_of(authentication, sizeof authentication);
	struct writer b = writer_of(block, sizeof block);
	assert_int_equal(manifest_open(sign(&m, &secret_es256), &view), MANIFEST_GOOD);
	cbor_write_array(&a, 1 + f->blocks);
	cbor_write_bytes(&a, view.digest_item);
	write_block(&b, f);
	for (unsigned i = 0; i < f->blocks; i++)
		cbor_write_bytes(&a, writer_bytes(&b));
	cbor_write_tag(&w, 107);
	cbor_write_map(&w, 2);
	cbor_write_unsigned(&w, 2);
	cbor_write_bytes(&w, writer_bytes(&a));
	cbor_write_unsigned(&w, 3);
	cbor_write_bytes(&w, view.manifest);
	assert_false(w.failed || a.failed || b.failed);
	return check(writer_bytes(&w));
}

/* jetkvm 1262, Mender CVE-2025-67903, Gluon CVE-2022-24884. */
static void famous_forgeries_are_refused(void **state)
{
	static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
	uint8_t zeros[64] = {0}, ones[64], r_zero[64], s_zero[64], r_order[64], s_order[64], r_one[64];
	(void)state;
	memset(ones, 0xff, sizeof ones);
	memset(r_zero, 0, sizeof r_zero);
	memset(r_zero + 32, 1, 32);
	memset(s_zero, 0, sizeof s_zero);
	memset(s_zero, 1, 32);
	memset(r_order, 1, sizeof r_order);
	memcpy(r_order, order, 32);
	memset(s_order, 1, sizeof s_order);
	memcpy(s_order + 32, order, 32);
	memset(r_one, 0, sizeof r_one);
	r_one[31] = r_one[63] = 1;
	const struct {
		struct forgery forgery;
		enum manifest_reason reason;
	} rows[] = {
		{{-7, BYTES_NONE, 0, false, false}, MANIFEST_UNSIGNED},
		{{-7, BYTES_NONE, 1, false, false}, MANIFEST_BAD_SIGNATURE_FORM},
		{{-7, bytes_of(ones, 63), 1, false, false}, MANIFEST_BAD_SIGNATURE_FORM},
		{{-7, bytes_of(zeros, 64), 1, false, false}, MANIFEST_BAD_SIGNATURE_FORM},
		{{-7, bytes_of(r_zero, 64), 1, false, false}, MANIFEST_BAD_SIGNATURE_FORM},
		{{-7, bytes_of(s_zero, 64), 1, false, false}, MANIFEST_BAD_SIGNATURE_FORM},
		{{-7, bytes_of(ones, 64), 1, false, false}, MANIFEST_NOT_TRUSTED},
		{{-7, bytes_of(r_order, 64), 1, false, false}, MANIFEST_NOT_TRUSTED},
		{{-7, bytes_of(s_order, 64), 1, false, false}, MANIFEST_NOT_TRUSTED},
		{{-7, bytes_of(r_one, 64), 1, false, false}, MANIFEST_NOT_TRUSTED},
		{{-8, bytes_of(ones, 64), 1, false, false}, MANIFEST_NOT_TRUSTED},
		{{-8, bytes_of(r_one, 64), 1, false, false}, MANIFEST_NOT_TRUSTED},
		{{5, bytes_of(ones, 64), 1, false, false}, MANIFEST_UNSUPPORTED_ALGORITHM}, /* HMAC */
		{{-35, bytes_of(ones, 64), 1, false, false}, MANIFEST_UNSUPPORTED_ALGORITHM},
		{{-7, bytes_of(ones, 64), 2, false, false}, MANIFEST_UNSUPPORTED_AUTHENTICATION},
		{{-7, bytes_of(ones, 64), 1, true, false}, MANIFEST_MALFORMED},
		{{-7, bytes_of(ones, 64), 1, false, true}, MANIFEST_UNSUPPORTED_AUTHENTICATION},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(try_forgery(&rows[i].forgery), rows[i].reason);
}

/* A good signature of one algorithm under the name of the other. */
static void algorithm_and_key_must_belong_together(void **state)
{
	uint8_t signature[SIGNATURE_BYTES];
	struct manifest m = sample();
	struct manifest_view view;
	(void)state;
	assert_int_equal(manifest_open(sign(&m, &secret_eddsa), &view), MANIFEST_GOOD);
	memcpy(signature, view.signature.data, sizeof signature);
	struct forgery f = {-7, bytes_of(signature, sizeof signature), 1, false, false};
	assert_int_equal(try_forgery(&f), MANIFEST_NOT_TRUSTED);
	f.algorithm = -8;
	assert_int_equal(try_forgery(&f), MANIFEST_GOOD);
	f.algorithm = -19; /* the header is signed, so even another name of the same algorithm is another message */
	assert_int_equal(try_forgery(&f), MANIFEST_NOT_TRUSTED);
}

static void a_manifest_under_another_ones_signature_is_found_out(void **state)
{
	uint8_t first[1024];
	struct manifest m = sample();
	struct bytes envelope = sign(&m, &secret_es256);
	struct manifest_view view, other;
	(void)state;
	memcpy(first, envelope.data, envelope.len);
	assert_int_equal(manifest_open(bytes_of(first, envelope.len), &view), MANIFEST_GOOD);
	m.sequence = 8;
	assert_int_equal(manifest_open(sign(&m, &secret_es256), &other), MANIFEST_GOOD);
	other.digest = view.digest;
	other.digest_item = view.digest_item;
	other.signature = view.signature;
	assert_int_equal(manifest_authenticate(&other, &port), MANIFEST_WRONG_DIGEST);
}

/* ---- manifests that are signed and still not ours ---- */

static enum manifest_reason read_hex(const char *hex)
{
	uint8_t memory[1024];
	struct manifest m;
	struct manifest_view view = {.manifest = show_unhex(hex, memory, sizeof memory)};
	assert_true(view.manifest.len > 0);
	return manifest_read(&view, &m);
}

#define OVERRIDE                                                                                                     \
	"14a40150fa6b4a53d5ad5fdfbe9de663e4d41ffe02501492af1425695e48bf429b2d51f2ab45035824822f58200011223344556677" \
	"8899aabbccddeeff0123456789abcdeffedcba98765432100e1987d0"
#define COMMON   "03585fa2028181410004585686" OVERRIDE "010f020f"
#define VALIDATE "074382030f"
#define INSTALL  "1458258614a115781b687474703a2f2f6578616d706c652e636f6d2f66696c652e62696e1502030f"

static void manifests_beyond_our_subset_are_refused_by_name(void **state)
{
	static const struct {
		const char *hex;
		enum manifest_reason reason;
	} rows[] = {
		{"a501010201" COMMON VALIDATE INSTALL, MANIFEST_GOOD},
		{"a601010201" COMMON VALIDATE "0943821702" INSTALL, MANIFEST_GOOD}, /* invoke */
		{"a501010201" COMMON VALIDATE "10"
		 "58258614a115781b687474703a2f2f6578616d706c652e636f6d2f66696c652e62"
		 "696e1502030f",
			MANIFEST_GOOD}, /* payload fetch */
		{"a501020201" COMMON VALIDATE INSTALL, MANIFEST_UNSUPPORTED_VERSION},
		{"a401010201" COMMON VALIDATE, MANIFEST_INCOMPLETE},
		{"a401010201" COMMON INSTALL, MANIFEST_INCOMPLETE},
		{"a40101" COMMON VALIDATE INSTALL, MANIFEST_INCOMPLETE},
		{"a601010201" COMMON "0543820101" VALIDATE INSTALL, MANIFEST_UNSUPPORTED_MEMBER}, /* key 5 */
		{"a601010201" COMMON VALIDATE "0843820301" INSTALL, MANIFEST_UNSUPPORTED_MEMBER}, /* load */
		{"a601010201" COMMON VALIDATE INSTALL "200102", MANIFEST_UNSUPPORTED_MEMBER},     /* a negative key */
		{"a501010201" COMMON "074382010f" INSTALL, MANIFEST_UNSUPPORTED_COMMAND},         /* another check */
		{"a501010201" COMMON "0743820310" INSTALL, MANIFEST_UNSUPPORTED_COMMAND},         /* policy 16 */
		{"a501010201" COMMON "074584030f030f" INSTALL, MANIFEST_UNSUPPORTED_COMMAND},     /* twice */
		{"a501010201" COMMON "0740" INSTALL, MANIFEST_MALFORMED},                         /* empty */
		{"a501010201" COMMON "074482030f00" INSTALL, MANIFEST_MALFORMED},                 /* trailing */
		{"a501010201" COMMON "07449f030fff" INSTALL, MANIFEST_MALFORMED},                 /* indefinite */
		{"bf01010201" COMMON VALIDATE INSTALL "ff", MANIFEST_MALFORMED},
		{"a50101021801" COMMON VALIDATE INSTALL, MANIFEST_MALFORMED},   /* not shortest */
		{"a602010101" COMMON VALIDATE INSTALL, MANIFEST_MALFORMED},     /* wrong order */
		{"a6010102010202" COMMON VALIDATE INSTALL, MANIFEST_MALFORMED}, /* a key twice */
		{"a501010201" COMMON VALIDATE INSTALL "00", MANIFEST_MALFORMED},
		{"a601010201" COMMON VALIDATE INSTALL, MANIFEST_MALFORMED}, /* a member short */
		{"a60101020103586002a20281814100045856"
		 "86" OVERRIDE "010f020f" VALIDATE INSTALL,
			MANIFEST_MALFORMED},
		/* Two components; one of two segments; none. */
		{"a5010102010358"
		 "61"
		 "a202828141008141010458"
		 "56"
		 "86" OVERRIDE "010f020f" VALIDATE INSTALL,
			MANIFEST_UNSUPPORTED_COMPONENTS},
		{"a5010102010358"
		 "61"
		 "a202818241004101"
		 "0458"
		 "56"
		 "86" OVERRIDE "010f020f" VALIDATE INSTALL,
			MANIFEST_UNSUPPORTED_COMPONENTS},
		{"a5010102010358"
		 "5e"
		 "a20281814004"
		 "58"
		 "56"
		 "86" OVERRIDE "010f020f" VALIDATE INSTALL,
			MANIFEST_BAD_VALUE},
		/* Without the check of the class (section 6.2). */
		{"a5010102010358"
		 "5d"
		 "a2028181410004"
		 "5854"
		 "84" OVERRIDE "010f" VALIDATE INSTALL,
			MANIFEST_UNSUPPORTED_COMMAND},
		/* The vendor checked twice instead. */
		{"a501010201"
		 "03585fa2028181410004585686" OVERRIDE "010f010f" VALIDATE INSTALL,
			MANIFEST_UNSUPPORTED_COMMAND},
		/* try-each in place of override (A/B template). */
		{"a501010201" COMMON VALIDATE "144986"
		 "0f82400a"
		 "1502030f",
			MANIFEST_UNSUPPORTED_COMMAND},
		/* A parameter in the wrong place; an unknown one. */
		{"a501010201" COMMON VALIDATE "1449"
		 "8614a10e05"
		 "1502030f",
			MANIFEST_INCOMPLETE},
		{"a501010201" COMMON VALIDATE "144b86"
		 "14a1181f41001502030f",
			MANIFEST_UNSUPPORTED_PARAMETER},
		{"a501010201" COMMON VALIDATE "144986"
		 "14a11560"
		 "1502030f",
			MANIFEST_BAD_VALUE}, /* empty URI */
		{"a501010201" COMMON VALIDATE "144786"
		 "14a0"
		 "1502030f",
			MANIFEST_INCOMPLETE},
		/* A severed text is a digest, not a text. */
		{"a601010201" COMMON VALIDATE INSTALL "17822f5820"
		 "00112233445566778899aabbccddeeff0123456789abcdeffe"
		 "dcba9876543210",
			MANIFEST_MALFORMED},
		/* Two languages; a text about another component; a newline in the version. */
		{"a601010201" COMMON VALIDATE INSTALL "1749"
		 "a262656ea0626465a0",
			MANIFEST_UNSUPPORTED_MEMBER},
		{"a601010201" COMMON VALIDATE INSTALL "174c"
		 "a162656ea1814101a1066131",
			MANIFEST_UNSUPPORTED_COMPONENTS},
		{"a601010201" COMMON VALIDATE INSTALL "174c"
		 "a162656ea1814100a106610a",
			MANIFEST_BAD_VALUE},
		{"a601010201" COMMON VALIDATE INSTALL "174f"
		 "a162656ea1814100a20261780661"
		 "31",
			MANIFEST_GOOD},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum manifest_reason reason = read_hex(rows[i].hex);
		if (reason != rows[i].reason)
			fail_msg("row %zu: %s", i + 1, manifest_reason_text(reason));
	}
}

static void every_reason_has_its_own_text(void **state)
{
	(void)state;
	for (int i = MANIFEST_GOOD; i <= MANIFEST_NO_ROOM; i++)
		for (int k = MANIFEST_GOOD; k < i; k++)
			assert_string_not_equal(manifest_reason_text((enum manifest_reason)i),
				manifest_reason_text((enum manifest_reason)k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_draft_is_trusted_and_read),
		cmocka_unit_test(a_manifest_without_a_download_is_incomplete),
		cmocka_unit_test(what_is_signed_is_read_with_both_algorithms),
		cmocka_unit_test(texts_are_optional),
		cmocka_unit_test(sizes_over_two_and_four_gigabytes_are_exact),
		cmocka_unit_test(what_could_not_be_read_is_not_signed),
		cmocka_unit_test(a_small_writer_is_told),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused_with_es256),
		cmocka_unit_test(every_cut_and_every_byte_behind_is_refused),
		cmocka_unit_test(a_stranger_is_not_trusted),
		cmocka_unit_test(famous_forgeries_are_refused),
		cmocka_unit_test(algorithm_and_key_must_belong_together),
		cmocka_unit_test(a_manifest_under_another_ones_signature_is_found_out),
		cmocka_unit_test(manifests_beyond_our_subset_are_refused_by_name),
		cmocka_unit_test(every_reason_has_its_own_text),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
