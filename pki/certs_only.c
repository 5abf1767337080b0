/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The structure is fixed but for its certificates (RFC 5652 sections 3, 5.1 and 10.2.3):
 *
 *     SEQUENCE { OID signedData, [0] { SEQUENCE {
 *         INTEGER 1, SET {} of digest algorithms, SEQUENCE { OID data }, [0] { certificates }, SET {} of signers } } }
 *
 * It is written in DER; readers take BER's indefinite lengths for granted nowhere, and neither does this one. */
#include "pki/certs_only.h"

#define SEQUENCE 0x30
#define SET      0x31
#define INTEGER  0x02
#define TAG_0    0xa0

static const uint8_t oid_signed_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
static const uint8_t oid_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};

/* ---- writing ---- */

static size_t header_bytes(size_t len)
{
	return len < 0x80 ? 2 : len < 0x100 ? 3 : 4;
}

static void write_header(struct writer *w, uint8_t tag, size_t len)
{
	write_u8(w, tag);
	if (len >= 0x100)
		write_u8(w, 0x82), write_u16(w, (uint16_t)len);
	else if (len >= 0x80)
		write_u8(w, 0x81), write_u8(w, (uint8_t)len);
	else
		write_u8(w, (uint8_t)len);
}

bool pki_certs_only_write(const struct bytes *certificates, uint32_t count, struct writer *w)
{
	size_t all = 0;
	for (uint32_t i = 0; i < count; i++)
		all += certificates[i].len;
	const size_t content = 2 + sizeof oid_data;
	const size_t data = 3 + 2 + content + header_bytes(all) + all + 2;
	const size_t explicit = header_bytes(data) + data;
	const size_t whole = sizeof oid_signed_data + header_bytes(explicit) + explicit;
	if (count > PKI_CERTS_MAX || whole > UINT16_MAX) {
		w->failed = true;
		return false;
	}
	write_header(w, SEQUENCE, whole);
	write_bytes(w, bytes_of(oid_signed_data, sizeof oid_signed_data));
	write_header(w, TAG_0, explicit);
	write_header(w, SEQUENCE, data);
	write_header(w, INTEGER, 1);
	write_u8(w, 1);
	write_header(w, SET, 0);
	write_header(w, SEQUENCE, sizeof oid_data);
	write_bytes(w, bytes_of(oid_data, sizeof oid_data));
	write_header(w, TAG_0, all);
	for (uint32_t i = 0; i < count; i++)
		write_bytes(w, certificates[i]);
	write_header(w, SET, 0);
	return !w->failed;
}

/* ---- reading ---- */

static size_t read_length(struct reader *r)
{
	uint8_t first = read_u8(r);
	if (first < 0x80)
		return first;
	if (first == 0x81)
		return read_u8(r);
	if (first == 0x82)
		return read_u16(r);
	r->failed = true;
	return 0;
}

/* The content of the next element, which must have this tag. */
static struct bytes read_element(struct reader *r, uint8_t tag)
{
	if (read_u8(r) != tag)
		r->failed = true;
	size_t len = read_length(r);
	return r->failed ? BYTES_NONE : read_bytes(r, len);
}

static void expect(struct reader *r, const uint8_t *bytes, size_t len)
{
	if (!bytes_equal(read_bytes(r, len), bytes_of(bytes, len)))
		r->failed = true;
}

static bool split(struct bytes all, struct bytes *ret, uint32_t *ret_count)
{
	struct reader r = reader_of(all);
	for (*ret_count = 0; reader_left(&r) > 0 && *ret_count < PKI_CERTS_MAX; (*ret_count)++) {
		const uint8_t *start = r.at;
		(void)read_element(&r, SEQUENCE);
		if (r.failed)
			return false;
		ret[*ret_count] = bytes_of(start, (size_t)(r.at - start));
	}
	return reader_left(&r) == 0;
}

bool pki_certs_only_read(struct bytes der, struct bytes ret_certificates[PKI_CERTS_MAX], uint32_t *ret_count)
{
	struct reader outer = reader_of(der);
	struct reader info = reader_of(read_element(&outer, SEQUENCE));
	expect(&info, oid_signed_data, sizeof oid_signed_data);
	struct reader tagged = reader_of(read_element(&info, TAG_0));
	struct reader data = reader_of(read_element(&tagged, SEQUENCE));
	struct bytes version = read_element(&data, INTEGER);
	(void)read_element(&data, SET);
	struct bytes content = read_element(&data, SEQUENCE);
	struct bytes all = read_element(&data, TAG_0);
	bool is_good = !outer.failed && !info.failed && !tagged.failed && !data.failed && reader_left(&outer) == 0 &&
		       version.len == 1 && bytes_equal(content, bytes_of(oid_data, sizeof oid_data));
	return is_good && split(all, ret_certificates, ret_count);
}
