/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The structure is fixed but for its certificates (RFC 5652 sections 3, 5.1 and 10.2.3):
 *
 *     SEQUENCE { OID signedData, [0] { SEQUENCE {
 *         INTEGER 1, SET {} of digest algorithms, SEQUENCE { OID data }, [0] { certificates }, SET {} of signers } } }
 *
 * It is written in DER; readers take BER's indefinite lengths for granted nowhere, and neither does this one. */
#include "pki/certs_only.h"

#include "pki/der.h"

static const uint8_t oid_signed_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
static const uint8_t oid_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};

/* ---- writing ---- */

bool pki_certs_only_write(const struct bytes *certificates, uint32_t count, struct writer *w)
{
	size_t all = 0;
	for (uint32_t i = 0; i < count; i++)
		all += certificates[i].len;
	const size_t content = 2 + sizeof oid_data;
	const size_t data = 3 + 2 + content + der_header_bytes(all) + all + 2;
	const size_t explicit = der_header_bytes(data) + data;
	const size_t whole = sizeof oid_signed_data + der_header_bytes(explicit) + explicit;
	if (count > PKI_CERTS_MAX || whole > UINT16_MAX) {
		w->failed = true;
		return false;
	}
	der_write_header(w, DER_SEQUENCE, whole);
	write_bytes(w, bytes_of(oid_signed_data, sizeof oid_signed_data));
	der_write_header(w, DER_TAG_0, explicit);
	der_write_header(w, DER_SEQUENCE, data);
	der_write_header(w, DER_INTEGER, 1);
	write_u8(w, 1);
	der_write_header(w, DER_SET, 0);
	der_write_header(w, DER_SEQUENCE, sizeof oid_data);
	write_bytes(w, bytes_of(oid_data, sizeof oid_data));
	der_write_header(w, DER_TAG_0, all);
	for (uint32_t i = 0; i < count; i++)
		write_bytes(w, certificates[i]);
	der_write_header(w, DER_SET, 0);
	return !w->failed;
}

/* ---- reading ---- */

static bool split(struct bytes all, struct bytes *ret, uint32_t *ret_count)
{
	struct reader r = reader_of(all);
	for (*ret_count = 0; reader_left(&r) > 0 && *ret_count < PKI_CERTS_MAX; (*ret_count)++) {
		ret[*ret_count] = der_read_whole(&r, DER_SEQUENCE);
		if (r.failed)
			return false;
	}
	return reader_left(&r) == 0;
}

bool pki_certs_only_read(struct bytes der, struct bytes ret_certificates[PKI_CERTS_MAX], uint32_t *ret_count)
{
	struct reader outer = reader_of(der);
	struct reader info = reader_of(der_read(&outer, DER_SEQUENCE));
	der_expect(&info, bytes_of(oid_signed_data, sizeof oid_signed_data));
	struct reader tagged = reader_of(der_read(&info, DER_TAG_0));
	struct reader data = reader_of(der_read(&tagged, DER_SEQUENCE));
	struct bytes version = der_read(&data, DER_INTEGER);
	(void)der_read(&data, DER_SET);
	struct bytes content = der_read(&data, DER_SEQUENCE);
	struct bytes all = der_read(&data, DER_TAG_0);
	bool is_good = !outer.failed && !info.failed && !tagged.failed && !data.failed && reader_left(&outer) == 0 &&
		       version.len == 1 && bytes_equal(content, bytes_of(oid_data, sizeof oid_data));
	return is_good && split(all, ret_certificates, ret_count);
}
