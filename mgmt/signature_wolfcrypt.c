/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/signature_wolfcrypt.h"

#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <stdio.h>

#define P256_BYTES    32
#define ED25519_BYTES 32

/* ---- hashing ---- */

_Static_assert(sizeof(wc_Sha256) <= sizeof(struct sha256_stream), "the stream's storage is too small");

static wc_Sha256 *sha256_of(struct sha256_stream *s)
{
	return (wc_Sha256 *)(void *)s->storage;
}

/* wolfCrypt's software SHA-256 has nothing to fail on; an accelerator that does must not pass for a digest, so the
 * result is then a value that no image has. */
void sha256_stream_init(struct sha256_stream *s)
{
	memset(s, 0, sizeof *s);
	(void)wc_InitSha256(sha256_of(s));
}

void sha256_stream_add(struct sha256_stream *s, struct bytes data)
{
	while (data.len > 0) {
		struct bytes part = bytes_first(data, 1u << 30);
		(void)wc_Sha256Update(sha256_of(s), part.data, (word32)part.len);
		data = bytes_from(data, part.len);
	}
}

void sha256_stream_end(struct sha256_stream *s, uint8_t ret[SHA256_BYTES])
{
	if (wc_Sha256Final(sha256_of(s), ret) != 0)
		memset(ret, 0, SHA256_BYTES);
	wc_Sha256Free(sha256_of(s));
}

static void port_sha256(void *context, struct bytes data, uint8_t ret[SHA256_BYTES])
{
	struct sha256_stream s;
	(void)context;
	sha256_stream_init(&s);
	sha256_stream_add(&s, data);
	sha256_stream_end(&s, ret);
}

/* ---- verifying ---- */

/* ES256 (RFC 9053 section 2.1): r and s as two numbers of 32 bytes. Every failure of the library is a refusal. The key
 * is checked to be a point of the curve when it is imported. */
static bool verify_es256(const struct trust_key *key, const uint8_t digest[SHA256_BYTES], struct bytes signature)
{
	mp_int r, s;
	ecc_key ecc;
	int is_good = 0;
	if (wc_ecc_init(&ecc) != 0)
		return false;
	int error = wc_ecc_import_unsigned(&ecc, key->bytes, key->bytes + P256_BYTES, NULL, ECC_SECP256R1);
	if (error == 0)
		error = wc_ecc_check_key(&ecc);
	if (error == 0)
		error = mp_init_multi(&r, &s, NULL, NULL, NULL, NULL);
	if (error == 0)
		error = mp_read_unsigned_bin(&r, signature.data, P256_BYTES);
	if (error == 0)
		error = mp_read_unsigned_bin(&s, signature.data + P256_BYTES, P256_BYTES);
	if (error == 0)
		error = wc_ecc_verify_hash_ex(&r, &s, digest, SHA256_BYTES, &is_good, &ecc);
	wc_ecc_free(&ecc);
	return error == 0 && is_good == 1;
}

static bool verify_ed25519(const struct trust_key *key, struct bytes message, struct bytes signature)
{
	ed25519_key ed;
	int is_good = 0;
	if (wc_ed25519_init(&ed) != 0)
		return false;
	int error = wc_ed25519_import_public(key->bytes, ED25519_BYTES, &ed);
	if (error == 0)
		error = wc_ed25519_verify_msg(
			signature.data, (word32)signature.len, message.data, (word32)message.len, &is_good, &ed);
	wc_ed25519_free(&ed);
	return error == 0 && is_good == 1;
}

static bool port_verify(void *context, enum signature_algorithm algorithm, struct bytes message, struct bytes signature)
{
	const struct trust_anchors *anchors = context;
	uint8_t digest[SHA256_BYTES];
	if (signature.len != SIGNATURE_BYTES)
		return false;
	port_sha256(NULL, message, digest);
	for (uint8_t i = 0; i < anchors->count; i++) {
		const struct trust_key *key = &anchors->keys[i];
		if (key->algorithm != algorithm || key->is_secret)
			continue;
		bool is_good = algorithm == SIGNATURE_ES256 ? verify_es256(key, digest, signature)
							    : verify_ed25519(key, message, signature);
		if (is_good)
			return true;
	}
	return false;
}

struct signature_port signature_wolfcrypt_port(const struct trust_anchors *anchors)
{
	return (struct signature_port){(void *)(uintptr_t)anchors, port_sha256, port_verify};
}

/* ---- signing ---- */

static int export_number(const mp_int *number, uint8_t ret[P256_BYTES])
{
	return mp_to_unsigned_bin_len(number, ret, P256_BYTES);
}

static int sign_digest(ecc_key *ecc, WC_RNG *random, struct bytes message, uint8_t ret[SIGNATURE_BYTES])
{
	uint8_t digest[SHA256_BYTES];
	mp_int r, s;
	port_sha256(NULL, message, digest);
	int error = mp_init_multi(&r, &s, NULL, NULL, NULL, NULL);
	if (error == 0)
		error = wc_ecc_sign_hash_ex(digest, sizeof digest, random, ecc, &r, &s);
	if (error == 0)
		error = export_number(&r, ret);
	return error == 0 ? export_number(&s, ret + P256_BYTES) : error;
}

static bool sign_es256(const struct trust_key *secret, struct bytes message, uint8_t ret[SIGNATURE_BYTES])
{
	WC_RNG random;
	ecc_key ecc;
	if (wc_InitRng(&random) != 0)
		return false;
	int error = wc_ecc_init(&ecc);
	if (error == 0)
		error = wc_ecc_import_private_key_ex(secret->bytes, P256_BYTES, NULL, 0, &ecc, ECC_SECP256R1);
	if (error == 0)
		error = sign_digest(&ecc, &random, message, ret);
	wc_ecc_free(&ecc);
	wc_FreeRng(&random);
	return error == 0;
}

static int import_ed25519(const struct trust_key *secret, ed25519_key *ed)
{
	uint8_t point[ED25519_BYTES];
	int error = wc_ed25519_import_private_only(secret->bytes, ED25519_BYTES, ed);
	if (error == 0)
		error = wc_ed25519_make_public(ed, point, sizeof point);
	return error == 0 ? wc_ed25519_import_private_key(secret->bytes, ED25519_BYTES, point, sizeof point, ed)
			  : error;
}

static bool sign_ed25519(const struct trust_key *secret, struct bytes message, uint8_t ret[SIGNATURE_BYTES])
{
	ed25519_key ed;
	word32 len = SIGNATURE_BYTES;
	if (wc_ed25519_init(&ed) != 0)
		return false;
	int error = import_ed25519(secret, &ed);
	if (error == 0)
		error = wc_ed25519_sign_msg(message.data, (word32)message.len, ret, &len, &ed);
	wc_ed25519_free(&ed);
	return error == 0 && len == SIGNATURE_BYTES;
}

static bool port_sign(void *context, struct bytes message, uint8_t ret[SIGNATURE_BYTES])
{
	const struct trust_key *secret = context;
	if (!secret->is_secret || secret->len != 32)
		return false;
	return secret->algorithm == SIGNATURE_ES256 ? sign_es256(secret, message, ret)
						    : sign_ed25519(secret, message, ret);
}

struct signer_port signature_wolfcrypt_signer(const struct trust_key *secret)
{
	return (struct signer_port){(void *)(uintptr_t)secret, secret->algorithm, port_sign};
}

/* ---- keys ---- */

static int public_es256(const struct trust_key *secret, uint8_t ret[2 * P256_BYTES])
{
	ecc_key ecc;
	WC_RNG random;
	word32 x_len = P256_BYTES, y_len = P256_BYTES;
	if (wc_InitRng(&random) != 0)
		return -1;
	int error = wc_ecc_init(&ecc);
	if (error == 0)
		error = wc_ecc_import_private_key_ex(secret->bytes, P256_BYTES, NULL, 0, &ecc, ECC_SECP256R1);
	if (error == 0)
		error = wc_ecc_make_pub_ex(&ecc, NULL, &random);
	if (error == 0)
		error = wc_ecc_export_public_raw(&ecc, ret, &x_len, ret + P256_BYTES, &y_len);
	wc_ecc_free(&ecc);
	wc_FreeRng(&random);
	return error == 0 && x_len == P256_BYTES && y_len == P256_BYTES ? 0 : -1;
}

static int public_ed25519(const struct trust_key *secret, uint8_t ret[ED25519_BYTES])
{
	ed25519_key ed;
	int error = wc_ed25519_init(&ed);
	if (error != 0)
		return error;
	error = wc_ed25519_import_private_only(secret->bytes, ED25519_BYTES, &ed);
	if (error == 0)
		error = wc_ed25519_make_public(&ed, ret, ED25519_BYTES);
	wc_ed25519_free(&ed);
	return error;
}

bool signature_wolfcrypt_public(const struct trust_key *secret, struct trust_key *ret_public)
{
	struct trust_key made = {.algorithm = secret->algorithm};
	if (!secret->is_secret || secret->len != 32)
		return false;
	bool is_es256 = secret->algorithm == SIGNATURE_ES256;
	if ((is_es256 ? public_es256(secret, made.bytes) : public_ed25519(secret, made.bytes)) != 0)
		return false;
	made.len = is_es256 ? 2 * P256_BYTES : ED25519_BYTES;
	memcpy(made.name, secret->name, sizeof made.name);
	*ret_public = made;
	return true;
}

static int make_es256(WC_RNG *random, uint8_t ret[P256_BYTES])
{
	ecc_key ecc;
	word32 len = P256_BYTES;
	int error = wc_ecc_init(&ecc);
	if (error == 0)
		error = wc_ecc_make_key_ex(random, P256_BYTES, &ecc, ECC_SECP256R1);
	if (error == 0)
		error = wc_ecc_export_private_only(&ecc, ret, &len);
	wc_ecc_free(&ecc);
	return error == 0 && len == P256_BYTES ? 0 : -1;
}

bool signature_wolfcrypt_generate(enum signature_algorithm algorithm, const char *name, struct trust_key *ret_secret,
	struct trust_key *ret_public)
{
	struct trust_key secret = {.algorithm = algorithm, .is_secret = true, .len = 32}, made;
	WC_RNG random;
	if (wc_InitRng(&random) != 0)
		return false;
	/* An Ed25519 secret is any 32 bytes (RFC 8032 section 5.1.5). */
	int error = algorithm == SIGNATURE_ES256 ? make_es256(&random, secret.bytes)
						 : wc_RNG_GenerateBlock(&random, secret.bytes, ED25519_BYTES);
	wc_FreeRng(&random);
	snprintf(secret.name, sizeof secret.name, "%s", name);
	if (error != 0 || !signature_wolfcrypt_public(&secret, &made))
		return false;
	*ret_secret = secret;
	*ret_public = made;
	return true;
}
