/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/hello.h"

#define SESSION_ID_MAX_BYTES 32

enum extension { /* RFC 7250 section 3; only those that we look at */
	EXTENSION_CLIENT_CERTIFICATE_TYPE = 19,
	EXTENSION_SERVER_CERTIFICATE_TYPE = 20,
};

enum certificate_type { /* RFC 7250 section 6 */
	CERTIFICATE_TYPE_X509 = 0,
	CERTIFICATE_TYPE_RAW_PUBLIC_KEY = 2,
};

bool dtls_hello_is(const struct dtls_record *record)
{
	return record->type == DTLS_CONTENT_HANDSHAKE && record->epoch == 0 && record->fragment.len > 0 &&
	       record->fragment.data[0] == DTLS_HANDSHAKE_CLIENT_HELLO;
}

static void read_hello_body(struct reader *r, struct dtls_hello *hello)
{
	hello->version = bytes_of(r->at, 2);
	hello->client_version = read_u16(r);
	hello->random = read_bytes(r, DTLS_RANDOM_BYTES);
	hello->session_id = read_bytes(r, read_u8(r));
	hello->cookie = read_bytes(r, read_u8(r));
	hello->suites = read_bytes(r, read_u16(r));
	hello->compression = read_bytes(r, read_u8(r));
	if (reader_left(r) > 0) /* extensions are one block with a length, or absent */
		hello->extensions = read_bytes(r, read_u16(r));
}

/* DTLS versions count downwards: 1.0 is fe ff, 1.2 is fe fd. */
static bool speaks_dtls_1_2(uint16_t client_version)
{
	return client_version >> 8 == 0xfe && client_version <= DTLS_VERSION_1_2;
}

bool dtls_hello_parse(const struct dtls_record *record, struct dtls_hello *ret)
{
	struct reader r = reader_of(record->fragment);
	struct dtls_hello hello = {.record_number = record->number};
	uint8_t type = read_u8(&r);
	uint32_t len = read_u24(&r);
	read_u16(&r); /* message_seq: 0, or 1 with a cookie; the cookie alone decides */
	uint32_t fragment_offset = read_u24(&r), fragment_len = read_u24(&r);
	if (r.failed || type != DTLS_HANDSHAKE_CLIENT_HELLO || fragment_offset != 0 || fragment_len != len ||
		len != reader_left(&r))
		return false;
	read_hello_body(&r, &hello);
	if (r.failed || reader_left(&r) != 0 || !speaks_dtls_1_2(hello.client_version))
		return false;
	if (hello.session_id.len > SESSION_ID_MAX_BYTES || hello.suites.len < 2 || hello.suites.len % 2 != 0 ||
		hello.compression.len == 0)
		return false;
	*ret = hello;
	return true;
}

/* ---- the forms of keys ---- */

static struct bytes find_extension(struct bytes extensions, enum extension wanted)
{
	struct reader r = reader_of(extensions);
	while (reader_left(&r) > 0 && !r.failed) {
		uint16_t type = read_u16(&r);
		struct bytes data = read_bytes(&r, read_u16(&r));
		if (!r.failed && type == wanted)
			return data;
	}
	return BYTES_NONE;
}

/* The list of certificate types in an extension; empty when it is malformed. */
static struct bytes types_in(struct bytes extension)
{
	struct reader r = reader_of(extension);
	struct bytes types = read_bytes(&r, read_u8(&r));
	return r.failed || reader_left(&r) > 0 ? BYTES_NONE : types;
}

static bool offers(struct bytes types, enum certificate_type type)
{
	if (types.len == 0)
		return type == CERTIFICATE_TYPE_X509;
	return memchr(types.data, (int)type, types.len) != NULL;
}

struct dtls_hello_keys dtls_hello_keys(const struct dtls_hello *hello)
{
	struct bytes ours = types_in(find_extension(hello->extensions, EXTENSION_SERVER_CERTIFICATE_TYPE));
	struct bytes theirs = types_in(find_extension(hello->extensions, EXTENSION_CLIENT_CERTIFICATE_TYPE));
	struct dtls_hello_keys keys = {
		.certificate = offers(ours, CERTIFICATE_TYPE_X509) && offers(theirs, CERTIFICATE_TYPE_X509),
		.raw_key = offers(ours, CERTIFICATE_TYPE_RAW_PUBLIC_KEY) && theirs.len == 1 &&
			   theirs.data[0] == CERTIFICATE_TYPE_RAW_PUBLIC_KEY,
	};
	keys.prefers_raw_key = keys.raw_key && (!keys.certificate || ours.data[0] == CERTIFICATE_TYPE_RAW_PUBLIC_KEY);
	return keys;
}

/* ---- the answer ---- */

/* The version is that of DTLS 1.0 in both places; clients must not conclude anything from it (section 4.2.1). */
void dtls_hello_write_verify_request(struct writer *w, const struct dtls_hello *hello, struct bytes cookie)
{
	uint32_t body_len = 2 + 1 + (uint32_t)cookie.len;
	write_u8(w, DTLS_CONTENT_HANDSHAKE);
	write_u16(w, DTLS_VERSION_1_0);
	write_u16(w, 0);
	write_u48(w, hello->record_number);
	write_u16(w, (uint16_t)(DTLS_HANDSHAKE_HEADER_BYTES + body_len));
	write_u8(w, DTLS_HANDSHAKE_HELLO_VERIFY_REQUEST);
	write_u24(w, body_len);
	write_u16(w, 0);
	write_u24(w, 0);
	write_u24(w, body_len);
	write_u16(w, DTLS_VERSION_1_0);
	write_u8(w, (uint8_t)cookie.len);
	write_bytes(w, cookie);
}
