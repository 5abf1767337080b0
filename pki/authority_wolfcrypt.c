/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/authority_wolfcrypt.h"

#include "coap/base/address.h"

#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include <stdlib.h>
#include <time.h>

#define SERIAL_BYTES     16 /* RFC 5280 section 4.1.2.2 allows 20; 64 bits of chance are the least one should have */
#define UTC_TIME         0x17
#define GENERALIZED_TIME 0x18
#define DNS_NAME         0x82 /* GeneralName, RFC 5280 section 4.2.1.6 */
#define IP_ADDRESS       0x87

/* ---- dates ---- */

static void write_digits(struct writer *w, int value)
{
	write_u8(w, (uint8_t)('0' + value / 10 % 10));
	write_u8(w, (uint8_t)('0' + value % 10));
}

/* UTCTime until 2049, GeneralizedTime from then on (RFC 5280 section 4.1.2.5). */
static int write_date(byte *ret, int64_t at)
{
	time_t seconds = (time_t)at;
	struct tm tm;
	struct writer w = writer_of(ret, CTC_DATE_SIZE);
	if (gmtime_r(&seconds, &tm) == NULL)
		return 0;
	bool is_late = tm.tm_year >= 150;
	write_u8(&w, is_late ? GENERALIZED_TIME : UTC_TIME);
	write_u8(&w, is_late ? 15 : 13);
	if (is_late)
		write_digits(&w, (1900 + tm.tm_year) / 100);
	write_digits(&w, tm.tm_year % 100);
	write_digits(&w, tm.tm_mon + 1);
	write_digits(&w, tm.tm_mday);
	write_digits(&w, tm.tm_hour);
	write_digits(&w, tm.tm_min);
	write_digits(&w, tm.tm_sec);
	write_u8(&w, 'Z');
	return (int)writer_bytes(&w).len;
}

/* ---- names ---- */

/* Clients look for the server's name among the alternative names, as dNSName or iPAddress. */
static int write_server_names(byte *ret, struct bytes name)
{
	struct address address;
	bool is_address = address_parse(name, 0, &address);
	struct writer w = writer_of(ret, CTC_MAX_ALT_SIZE);
	struct bytes value = name;
	if (is_address)
		value = address_is_ipv4(&address) ? bytes_of(address.ip + 12, 4) : bytes_of(address.ip, 16);
	write_u8(&w, 0x30);
	write_u8(&w, (uint8_t)(value.len + 2));
	write_u8(&w, is_address ? IP_ADDRESS : DNS_NAME);
	write_u8(&w, (uint8_t)value.len);
	write_bytes(&w, value);
	return (int)writer_bytes(&w).len;
}

/* ---- signing ---- */

struct subject {
	struct bytes name;
	ecc_key *key;
	int64_t from, until;
	const char *usage, *extended_usage; /* as wc_SetKeyUsage has them; NULL for none */
	bool is_authority, is_server;
};

/* Serial numbers are positive: the first bit is 0, and the first byte is not. */
static bool draw_serial(Cert *cert, WC_RNG *rng)
{
	cert->serialSz = SERIAL_BYTES;
	if (wc_RNG_GenerateBlock(rng, cert->serial, SERIAL_BYTES) != 0)
		return false;
	cert->serial[0] = (cert->serial[0] & 0x7f) | 0x40;
	return true;
}

static bool describe(Cert *cert, const struct subject *s, const struct pki_authority *issuer)
{
	memcpy(cert->subject.commonName, s->name.data, s->name.len);
	cert->subject.commonName[s->name.len] = '\0';
	cert->sigType = CTC_SHA256wECDSA;
	cert->isCA = s->is_authority;
	cert->basicConstCrit = s->is_authority; /* RFC 5280 section 4.2.1.9 */
	cert->selfSigned = issuer == NULL;
	cert->beforeDateSz = write_date(cert->beforeDate, s->from);
	cert->afterDateSz = write_date(cert->afterDate, s->until);
	if (s->is_server)
		cert->altNamesSz = write_server_names(cert->altNames, s->name);
	int error = wc_SetSubjectKeyIdFromPublicKey(cert, NULL, s->key);
	if (error == 0)
		error = wc_SetKeyUsage(cert, s->usage);
	if (error == 0 && s->extended_usage != NULL)
		error = wc_SetExtKeyUsage(cert, s->extended_usage);
	if (error == 0 && issuer != NULL)
		error = wc_SetIssuerBuffer(cert, issuer->certificate, (int)issuer->certificate_len);
	if (error == 0 && issuer != NULL)
		error = wc_SetAuthKeyIdFromCert(cert, issuer->certificate, (int)issuer->certificate_len);
	return error == 0 && cert->beforeDateSz > 0 && cert->afterDateSz > 0;
}

/* What signs: a key of ours, or somebody who has it. */
struct hand {
	ecc_key *key; /* NULL with a signer */
	const struct pki_signer *signer;
};

/* As wolfCrypt asks for it: the signature in DER. */
static int sign_elsewhere(
	const byte *digest, word32 digest_len, byte *ret, word32 *len, int algorithm, int key_type, void *context)
{
	const struct hand *hand = context;
	uint8_t raw[PKI_SIGNATURE_BYTES];
	(void)algorithm;
	(void)key_type;
	if (digest_len != PKI_SHA256_BYTES || !hand->signer->sign(hand->signer->context, digest, raw))
		return -1;
	return wc_ecc_rs_raw_to_sig(
		raw, PKI_SIGNATURE_BYTES / 2, raw + PKI_SIGNATURE_BYTES / 2, PKI_SIGNATURE_BYTES / 2, ret, len);
}

static int sign_certificate(Cert *cert, const struct hand *hand, WC_RNG *rng, uint8_t *ret)
{
	struct hand copy = *hand;
	if (hand->key != NULL)
		return wc_SignCert(cert->bodySz, cert->sigType, ret, PKI_CERTIFICATE_MAX_BYTES, NULL, hand->key, rng);
	return wc_SignCert_cb(
		cert->bodySz, cert->sigType, ret, PKI_CERTIFICATE_MAX_BYTES, ECC_TYPE, sign_elsewhere, &copy, rng);
}

/* 0 or the length. `hand` is the issuer's. */
static size_t sign(
	const struct subject *s, const struct pki_authority *issuer, const struct hand *hand, WC_RNG *rng, uint8_t *ret)
{
	Cert *cert = malloc(sizeof *cert);
	int len = -1;
	if (cert == NULL)
		return 0;
	if (wc_InitCert(cert) == 0 && draw_serial(cert, rng) && describe(cert, s, issuer)) {
		len = wc_MakeCert(cert, ret, PKI_CERTIFICATE_MAX_BYTES, NULL, s->key, rng);
		if (len > 0)
			len = sign_certificate(cert, hand, rng, ret);
	}
	free(cert);
	return len > 0 ? (size_t)len : 0;
}

/* The issuer's hand, ready to sign; the caller frees `rng` and `key`. */
static bool prepare(const struct pki_authority *a, WC_RNG *rng, ecc_key *key, struct hand *ret)
{
	word32 index = 0;
	*ret = (struct hand){a->signer.sign == NULL ? key : NULL, &a->signer};
	if (wc_InitRng(rng) != 0)
		return false;
	if (wc_ecc_init(key) == 0) {
		if (ret->key == NULL || wc_EccPrivateKeyDecode(a->key.der, &index, key, a->key.len) == 0)
			return true;
		wc_ecc_free(key);
	}
	wc_FreeRng(rng);
	return false;
}

static bool is_name(struct bytes name)
{
	return name.len > 0 && name.len <= PKI_NAME_MAX_BYTES;
}

static bool take_point(const uint8_t public_key[PKI_PUBLIC_KEY_BYTES], ecc_key *ret)
{
	if (wc_ecc_init(ret) != 0)
		return false;
	if (wc_ecc_import_x963_ex(public_key, PKI_PUBLIC_KEY_BYTES, ret, ECC_SECP256R1) == 0 &&
		wc_ecc_check_key(ret) == 0)
		return true;
	wc_ecc_free(ret);
	return false;
}

size_t pki_authority_issue(const struct pki_authority *a, const uint8_t public_key[PKI_PUBLIC_KEY_BYTES],
	struct bytes name, enum pki_usage usage, int64_t from, int64_t until,
	uint8_t ret_der[PKI_CERTIFICATE_MAX_BYTES])
{
	WC_RNG rng;
	ecc_key own, key;
	struct hand hand;
	size_t len = 0;
	struct subject s = {.name = name,
		.key = &key,
		.from = from > a->valid_from ? from : a->valid_from,
		.until = until < a->valid_until ? until : a->valid_until,
		.usage = "digitalSignature",
		.extended_usage = usage == PKI_USAGE_SERVER ? "serverAuth" : "clientAuth",
		.is_server = usage == PKI_USAGE_SERVER};
	if (!is_name(name) || s.from >= s.until || !prepare(a, &rng, &own, &hand))
		return 0;
	if (take_point(public_key, &key)) {
		len = sign(&s, a, &hand, &rng, ret_der);
		wc_ecc_free(&key);
	}
	wc_ecc_free(&own);
	wc_FreeRng(&rng);
	return len;
}

/* Signed by itself; `public_key` is of its own key. */
static bool sign_itself(struct pki_authority *a, const uint8_t public_key[PKI_PUBLIC_KEY_BYTES], struct bytes name,
	int64_t from, int64_t until)
{
	WC_RNG rng;
	ecc_key own, key;
	struct hand hand;
	struct subject s = {.name = name,
		.key = &key,
		.from = from,
		.until = until,
		.usage = "keyCertSign,cRLSign",
		.is_authority = true};
	a->valid_from = from;
	a->valid_until = until;
	if (!is_name(name) || !prepare(a, &rng, &own, &hand))
		return false;
	if (take_point(public_key, &key)) {
		a->certificate_len = sign(&s, NULL, &hand, &rng, a->certificate);
		wc_ecc_free(&key);
	}
	wc_ecc_free(&own);
	wc_FreeRng(&rng);
	return a->certificate_len > 0;
}

bool pki_authority_create(struct pki_authority *a, struct bytes name, int64_t from, int64_t until)
{
	uint8_t public_key[PKI_PUBLIC_KEY_BYTES];
	*a = (struct pki_authority){.certificate_len = 0};
	return is_name(name) && pki_key_make(&a->key) && pki_key_public(&a->key, public_key) &&
	       sign_itself(a, public_key, name, from, until);
}

bool pki_authority_create_with(struct pki_authority *a, const struct pki_signer *signer,
	const uint8_t public_key[PKI_PUBLIC_KEY_BYTES], struct bytes name, int64_t from, int64_t until)
{
	*a = (struct pki_authority){.signer = *signer};
	return sign_itself(a, public_key, name, from, until);
}

/* ---- opening ---- */

/* What is wrong with the certificate, as that of an authority. */
static const char *take_certificate(struct pki_authority *a, struct bytes pem, struct pki_certificate *ret)
{
	*a = (struct pki_authority){.certificate_len = 0};
	if (!pki_certificate_from_pem(&pem, a->certificate, sizeof a->certificate, &a->certificate_len) ||
		!pki_certificate_read(pki_authority_certificate(a), ret))
		return "holds no certificate in PEM that could be read";
	a->valid_from = ret->valid_from;
	a->valid_until = ret->valid_until;
	return ret->is_authority ? NULL
				 : "this certificate is of no authority: it may not sign others (basicConstraints)";
}

const char *pki_authority_open(struct pki_authority *a, struct bytes certificate_pem, struct bytes key_pem)
{
	struct pki_certificate facts;
	uint8_t public_key[PKI_PUBLIC_KEY_BYTES];
	const char *wrong = take_certificate(a, certificate_pem, &facts);
	if (wrong != NULL)
		return wrong;
	if (!pki_key_read(key_pem, &a->key) || !pki_key_public(&a->key, public_key))
		return "the key is no private key on P-256";
	bool is_own = facts.has_public_key && memcmp(public_key, facts.public_key, sizeof public_key) == 0;
	return is_own ? NULL : "the key does not belong to the certificate";
}

/* Whether this is a signature over the digest by this key. */
static bool is_signed(const uint8_t public_key[PKI_PUBLIC_KEY_BYTES], const uint8_t digest[PKI_SHA256_BYTES],
	const uint8_t raw[PKI_SIGNATURE_BYTES])
{
	byte der[ECC_MAX_SIG_SIZE];
	word32 len = sizeof der;
	ecc_key key;
	int good = 0;
	if (!take_point(public_key, &key))
		return false;
	if (wc_ecc_rs_raw_to_sig(raw, PKI_SIGNATURE_BYTES / 2, raw + PKI_SIGNATURE_BYTES / 2, PKI_SIGNATURE_BYTES / 2,
		    der, &len) != 0 ||
		wc_ecc_verify_hash(der, len, digest, PKI_SHA256_BYTES, &good, &key) != 0)
		good = 0;
	wc_ecc_free(&key);
	return good != 0;
}

const char *pki_authority_open_with(
	struct pki_authority *a, struct bytes certificate_pem, const struct pki_signer *signer)
{
	static const uint8_t probe[PKI_SHA256_BYTES] = {1};
	struct pki_certificate facts;
	uint8_t raw[PKI_SIGNATURE_BYTES];
	const char *wrong = take_certificate(a, certificate_pem, &facts);
	if (wrong != NULL)
		return wrong;
	a->signer = *signer;
	if (!signer->sign(signer->context, probe, raw))
		return "the key does not sign";
	return facts.has_public_key && is_signed(facts.public_key, probe, raw)
		       ? NULL
		       : "the key does not belong to the certificate";
}

/* ---- the port ---- */

static enum pki_request_verdict port_read_request(void *context, struct bytes der, struct pki_request *ret)
{
	(void)context;
	return pki_request_read(der, ret);
}

static bool port_issue(void *context, const struct pki_request *request, struct bytes name, int64_t from, int64_t until,
	struct writer *w)
{
	uint8_t der[PKI_CERTIFICATE_MAX_BYTES];
	size_t len = pki_authority_issue(context, request->public_key, name, PKI_USAGE_DEVICE, from, until, der);
	write_bytes(w, bytes_of(der, len));
	return len > 0 && !w->failed;
}

static bool port_read_certificate(void *context, struct bytes der, struct pki_certificate *ret)
{
	(void)context;
	return pki_certificate_read(der, ret);
}

struct pki_issuer pki_authority_port(struct pki_authority *a)
{
	return (struct pki_issuer){
		a, port_read_request, port_issue, port_read_certificate, pki_authority_certificate(a)};
}
