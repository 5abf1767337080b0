/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/crl.h"

#include "pki/der.h"

static const uint8_t ecdsa_with_sha256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

/* ---- lists ---- */

static bool is_ecdsa_with_sha256(struct bytes algorithm)
{
	return bytes_equal(algorithm, bytes_of(ecdsa_with_sha256, sizeof ecdsa_with_sha256));
}

#define DER_BOOLEAN 0x01
#define DER_OID     0x06

/* Extensions ::= SEQUENCE OF { OID, critical BOOLEAN DEFAULT FALSE, OCTET STRING }; none that is critical. */
static bool are_extensions_harmless(struct bytes extensions)
{
	struct reader all = reader_of(extensions);
	while (reader_left(&all) > 0) {
		struct reader one = reader_of(der_read(&all, DER_SEQUENCE));
		(void)der_read(&one, DER_OID);
		if (all.failed || one.failed || der_tag(&one) == DER_BOOLEAN)
			return false;
	}
	return true;
}

/* revokedCertificates ::= SEQUENCE OF { serial, date, extensions OPTIONAL } */
static bool are_entries_good(struct bytes entries)
{
	struct reader all = reader_of(entries);
	while (reader_left(&all) > 0) {
		struct reader one = reader_of(der_read(&all, DER_SEQUENCE));
		(void)der_read(&one, DER_INTEGER);
		(void)der_read_time(&one);
		if (all.failed || one.failed ||
			(reader_left(&one) > 0 && !are_extensions_harmless(der_read(&one, DER_SEQUENCE))))
			return false;
	}
	return true;
}

static bool is_time(const struct reader *r)
{
	return der_tag(r) == DER_UTC_TIME || der_tag(r) == DER_GENERALIZED_TIME;
}

/* TBSCertList of RFC 5280 section 5.1. */
static bool read_signed_part(struct bytes content, struct pki_crl *ret)
{
	struct reader r = reader_of(content);
	struct bytes extensions = BYTES_NONE;
	if (der_tag(&r) == DER_INTEGER)
		(void)der_read(&r, DER_INTEGER);
	bool is_ours = is_ecdsa_with_sha256(der_read(&r, DER_SEQUENCE));
	ret->issuer = der_read_whole(&r, DER_SEQUENCE);
	ret->this_update = der_read_time(&r);
	if (is_time(&r))
		ret->next_update = der_read_time(&r);
	if (der_tag(&r) == DER_SEQUENCE)
		ret->entries = der_read(&r, DER_SEQUENCE);
	if (der_tag(&r) == DER_TAG_0) {
		struct reader tagged = reader_of(der_read(&r, DER_TAG_0));
		extensions = der_read(&tagged, DER_SEQUENCE);
		is_ours = is_ours && !tagged.failed;
	}
	return is_ours && !r.failed && reader_left(&r) == 0 && are_entries_good(ret->entries) &&
	       are_extensions_harmless(extensions);
}

bool pki_crl_read(struct bytes der, struct pki_crl *ret)
{
	struct reader outer = reader_of(der);
	struct reader list = reader_of(der_read(&outer, DER_SEQUENCE));
	*ret = (struct pki_crl){.signed_part = der_read_whole(&list, DER_SEQUENCE)};
	struct reader part = reader_of(ret->signed_part);
	bool is_ours = is_ecdsa_with_sha256(der_read(&list, DER_SEQUENCE));
	struct bytes signature = der_read(&list, DER_BIT_STRING); /* the first byte counts unused bits */
	ret->signature = bytes_from(signature, 1);
	return is_ours && !outer.failed && !list.failed && reader_left(&outer) == 0 && reader_left(&list) == 0 &&
	       signature.len > 1 && signature.data[0] == 0 && read_signed_part(der_read(&part, DER_SEQUENCE), ret);
}

bool pki_crl_next(struct bytes *left, struct bytes *ret_serial)
{
	struct reader all = reader_of(*left);
	struct reader one = reader_of(der_read(&all, DER_SEQUENCE));
	*ret_serial = der_read(&one, DER_INTEGER);
	*left = bytes_of(all.at, reader_left(&all));
	return !all.failed && !one.failed;
}

/* ---- certificates ---- */

/* TBSCertificate of RFC 5280 section 4.1: version, serial, algorithm, issuer, validity, subject, ... */
static struct reader read_certificate(struct bytes der, struct bytes *ret_serial, struct bytes *ret_issuer)
{
	struct reader outer = reader_of(der);
	struct reader certificate = reader_of(der_read(&outer, DER_SEQUENCE));
	struct reader r = reader_of(der_read(&certificate, DER_SEQUENCE));
	if (der_tag(&r) == DER_TAG_0)
		(void)der_read(&r, DER_TAG_0);
	*ret_serial = der_read(&r, DER_INTEGER);
	(void)der_read(&r, DER_SEQUENCE);
	*ret_issuer = der_read_whole(&r, DER_SEQUENCE);
	r.failed = r.failed || outer.failed || certificate.failed;
	return r;
}

bool pki_crl_subject(struct bytes certificate_der, struct bytes *ret_issuer, struct bytes *ret_serial)
{
	return !read_certificate(certificate_der, ret_serial, ret_issuer).failed;
}

bool pki_crl_authority_name(struct bytes certificate_der, struct bytes *ret_name)
{
	struct bytes serial, issuer;
	struct reader r = read_certificate(certificate_der, &serial, &issuer);
	(void)der_read(&r, DER_SEQUENCE);
	*ret_name = der_read_whole(&r, DER_SEQUENCE);
	return !r.failed;
}
