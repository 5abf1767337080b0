/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Parsing cuts the text at its separators and checks that each part consists of the characters that RFC 3986 section 3
 * allows in it, with every percent sign followed by two hexadecimal digits. Decoding later can rely on that. */
#include "coap/uri.h"

#define HOST_TEXT_BYTES 64 /* room for a bracketed address literal */

/* ---- characters (RFC 3986 sections 2.2 and 2.3) ---- */

static bool is_among(uint8_t c, const char *set)
{
	for (; *set != '\0'; set++)
		if ((uint8_t)*set == c)
			return true;
	return false;
}

static bool is_host_character(uint8_t c)
{
	bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	return is_alphanumeric || is_among(c, "-._~!$&'()*+,;=");
}

static bool is_segment_character(uint8_t c)
{
	return is_host_character(c) || c == ':' || c == '@';
}

static bool is_path_character(uint8_t c)
{
	return is_segment_character(c) || c == '/';
}

static bool is_query_character(uint8_t c)
{
	return is_path_character(c) || c == '?';
}

/* An argument is a part of a query between ampersands, so it must not hold one itself (RFC 7252 section 6.5). */
static bool is_argument_character(uint8_t c)
{
	return is_query_character(c) && c != '&';
}

static size_t find_any(struct bytes text, const char *set)
{
	size_t at = 0;
	while (at < text.len && !is_among(text.data[at], set))
		at++;
	return at;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* ---- percent-encoding ---- */

/* The byte that "%41" at the start of `text` stands for. */
static bool decode_percent(struct bytes text, uint8_t *ret)
{
	size_t len;
	return text.len >= 3 && text.data[0] == '%' && parse_hex(bytes_of(text.data + 1, 2), ret, 1, &len);
}

static bool is_encoded(struct bytes text, bool (*is_allowed)(uint8_t))
{
	uint8_t byte;
	for (size_t at = 0; at < text.len; at++) {
		if (is_allowed(text.data[at]))
			continue;
		if (!decode_percent(bytes_from(text, at), &byte))
			return false;
		at += 2;
	}
	return true;
}

static void write_decoded(struct writer *w, struct bytes text)
{
	for (size_t at = 0; at < text.len; at++) {
		uint8_t byte = text.data[at];
		if (decode_percent(bytes_from(text, at), &byte))
			at += 2;
		write_u8(w, byte);
	}
}

static void write_encoded(struct writer *w, struct bytes value, bool (*is_allowed)(uint8_t))
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.data[i];
		const char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
		write_bytes(w, is_allowed(c) ? bytes_of(&c, 1) : bytes_of(escape, sizeof escape));
	}
}

/* ---- from text ---- */

static bool skip_scheme(struct bytes *text, const char *scheme)
{
	size_t len = 0;
	for (; scheme[len] != '\0'; len++)
		if (len >= text->len || lower(text->data[len]) != (uint8_t)scheme[len])
			return false;
	*text = bytes_from(*text, len);
	return true;
}

static bool parse_port(struct bytes text, struct coap_uri *uri)
{
	uint64_t port;
	if (text.len == 0)
		return true;
	if (!parse_decimal(text, UINT16_MAX, &port) || port == 0)
		return false;
	uri->port = (uint16_t)port;
	return true;
}

static bool parse_literal(struct bytes authority, struct coap_uri *uri)
{
	struct address address;
	size_t bracket = find_any(authority, "]");
	if (bracket == authority.len)
		return false;
	uri->is_ipv6 = true;
	uri->host = bytes_of(authority.data + 1, bracket - 1);
	struct bytes behind = bytes_from(authority, bracket + 1);
	if (behind.len > 0 && behind.data[0] != ':')
		return false;
	return coap_uri_address(uri, &address) && parse_port(bytes_from(behind, 1), uri);
}

static bool parse_authority(struct bytes authority, struct coap_uri *uri)
{
	uri->port = uri->is_secure ? COAP_PORT_SECURE : COAP_PORT;
	if (authority.len > 0 && authority.data[0] == '[')
		return parse_literal(authority, uri);
	size_t colon = find_any(authority, ":");
	uri->host = bytes_first(authority, colon);
	if (uri->host.len == 0 || !is_encoded(uri->host, is_host_character))
		return false;
	return parse_port(bytes_from(authority, colon + 1), uri);
}

static bool parse_path_and_query(struct bytes text, struct coap_uri *uri)
{
	size_t mark = find_any(text, "?");
	uri->path = bytes_first(text, mark);
	uri->query = bytes_from(text, mark + 1);
	uri->has_query = mark < text.len;
	return is_encoded(uri->path, is_path_character) && is_encoded(uri->query, is_query_character);
}

/* Authority, path and query; `text` stands behind the two slashes. */
static bool parse_from_authority(struct bytes text, bool is_secure, bool is_reliable, struct coap_uri *ret)
{
	struct coap_uri uri = {.is_secure = is_secure, .is_reliable = is_reliable};
	size_t end = find_any(text, "/?");
	if (!parse_authority(bytes_first(text, end), &uri) || !parse_path_and_query(bytes_from(text, end), &uri))
		return false;
	*ret = uri;
	return true;
}

bool coap_uri_parse(struct bytes text, struct coap_uri *ret)
{
	if (skip_scheme(&text, "coap://"))
		return parse_from_authority(text, false, false, ret);
	if (skip_scheme(&text, "coaps://"))
		return parse_from_authority(text, true, false, ret);
	if (skip_scheme(&text, "coap+tcp://"))
		return parse_from_authority(text, false, true, ret);
	return skip_scheme(&text, "coaps+tcp://") && parse_from_authority(text, true, true, ret);
}

/* ---- references (RFC 3986 section 5.2) ---- */

/* Appends segments behind what has been written since `start`, and leaves dot segments out (section 5.2.4). One at the
 * end of the path leaves a slash. */
static void append_segments(struct writer *room, const uint8_t *start, struct bytes segments, bool is_end)
{
	bool is_last = false;
	while (!is_last) {
		size_t end = find_any(segments, "/");
		struct bytes segment = bytes_first(segments, end);
		bool is_up = bytes_equal_text(segment, ".."), is_dot = is_up || bytes_equal_text(segment, ".");
		is_last = end == segments.len;
		while (is_up && room->at > start && *--room->at != '/')
			;
		if (!is_dot || (is_last && is_end))
			write_u8(room, '/');
		if (!is_dot)
			write_bytes(room, segment);
		segments = bytes_from(segments, end + 1);
	}
}

/* Section 5.2.3: a path without a slash at its start takes the place of the base's last segment. */
static struct bytes merge(struct bytes base, struct bytes path, struct writer *room)
{
	const uint8_t *start = room->at;
	bool is_absolute = path.data[0] == '/';
	size_t directory = is_absolute ? 0 : base.len;
	while (directory > 0 && base.data[directory - 1] != '/')
		directory--;
	if (directory > 1)
		append_segments(room, start, bytes_of(base.data + 1, directory - 2), false);
	append_segments(room, start, bytes_from(path, is_absolute ? 1 : 0), true);
	return bytes_of(start, (size_t)(room->at - start));
}

bool coap_uri_resolve(const struct coap_uri *base, struct bytes reference, struct writer *room, struct coap_uri *ret)
{
	struct coap_uri uri = *base;
	struct bytes rest = reference;
	size_t separator = find_any(reference, ":/?");
	if (skip_scheme(&rest, "//"))
		return parse_from_authority(rest, base->is_secure, base->is_reliable, ret);
	if (separator < reference.len && reference.data[separator] == ':')
		return coap_uri_parse(reference, ret);
	if (reference.len > 0 && !parse_path_and_query(reference, &uri))
		return false;
	uri.path = uri.path.len == 0 || reference.len == 0 ? base->path : merge(base->path, uri.path, room);
	if (room->failed)
		return false;
	*ret = uri;
	return true;
}

/* A zone follows "%25" (RFC 6874); people also write the plain "%". */
static void write_literal(struct writer *w, struct bytes host)
{
	size_t percent = find_any(host, "%");
	struct bytes zone = bytes_from(host, percent + 1);
	if (zone.len > 2 && zone.data[0] == '2' && zone.data[1] == '5')
		zone = bytes_from(zone, 2);
	write_u8(w, '[');
	write_bytes(w, bytes_first(host, percent));
	if (percent < host.len) {
		write_u8(w, '%');
		write_bytes(w, zone);
	}
	write_u8(w, ']');
}

bool coap_uri_address(const struct coap_uri *uri, struct address *ret)
{
	uint8_t text[HOST_TEXT_BYTES];
	struct writer w = writer_of(text, sizeof text);
	if (uri->is_ipv6)
		write_literal(&w, uri->host);
	else
		write_decoded(&w, uri->host); /* "%31" is the same as "1" (RFC 3986 section 6.2.2.2) */
	struct bytes host = writer_bytes(&w);
	return !w.failed && (uri->is_ipv6 || find_any(host, ":") == host.len) && address_parse(host, uri->port, ret);
}

/* ---- to options ---- */

/* Decodes into `room`; the value is a view of what was written there. */
static struct bytes decode(struct writer *room, struct bytes text)
{
	const uint8_t *start = room->at;
	write_decoded(room, text);
	return bytes_of(start, (size_t)(room->at - start));
}

/* False when the value is not as long as the option's definition says, or does not fit. */
static bool add_decoded(struct coap_options *options, uint16_t number, struct bytes value, const struct writer *room)
{
	const struct coap_option_definition *d = coap_option_definition(number);
	if (room->failed || d == NULL || value.len < d->min_bytes || value.len > d->max_bytes)
		return false;
	coap_options_add(options, number, value);
	return !options->failed;
}

static bool add_host(const struct coap_uri *uri, struct writer *room, struct coap_options *options)
{
	struct address address;
	if (coap_uri_address(uri, &address))
		return true;
	uint8_t *start = room->at;
	struct bytes host = decode(room, uri->host);
	for (size_t i = 0; i < host.len; i++)
		start[i] = lower(start[i]);
	if (host.len > 0 && host.data[0] == '[') /* as an option it would be an address (RFC 7252 section 6.5) */
		return false;
	return add_decoded(options, COAP_OPTION_URI_HOST, host, room);
}

/* One segment, after dot segments have been resolved (RFC 3986 section 5.2.4). One at the end leaves a slash. */
static bool add_segment(
	struct bytes segment, bool is_last, struct writer *room, struct coap_options *options, unsigned *added)
{
	bool is_up = bytes_equal_text(segment, ".."), is_dot = is_up || bytes_equal_text(segment, ".");
	if (is_up && *added > 0 && coap_options_remove_last(options, COAP_OPTION_URI_PATH))
		--*added;
	if (is_dot && !is_last)
		return true;
	++*added;
	return add_decoded(options, COAP_OPTION_URI_PATH, is_dot ? BYTES_NONE : segment, room);
}

static bool add_path(struct bytes path, struct writer *room, struct coap_options *options)
{
	unsigned added = 0;
	bool is_last = path.len == 0;
	struct bytes first;
	while (!is_last) {
		path = bytes_from(path, 1); /* the slash */
		size_t end = find_any(path, "/");
		is_last = end == path.len;
		if (!add_segment(decode(room, bytes_first(path, end)), is_last, room, options, &added))
			return false;
		path = bytes_from(path, end);
	}
	/* A path that is a single slash has no segment at all (RFC 7252 section 6.4, step 8). */
	if (added == 1 && coap_options_find(options, COAP_OPTION_URI_PATH, &first) && first.len == 0)
		coap_options_remove_last(options, COAP_OPTION_URI_PATH);
	return true;
}

static bool add_query(const struct coap_uri *uri, struct writer *room, struct coap_options *options)
{
	struct bytes left = uri->query;
	bool is_last = !uri->has_query;
	while (!is_last) {
		size_t end = find_any(left, "&");
		is_last = end == left.len;
		if (!add_decoded(options, COAP_OPTION_URI_QUERY, decode(room, bytes_first(left, end)), room))
			return false;
		left = bytes_from(left, end + 1);
	}
	return true;
}

bool coap_uri_add_options(const struct coap_uri *uri, struct writer *room, struct coap_options *options)
{
	return add_host(uri, room, options) && add_path(uri->path, room, options) && add_query(uri, room, options);
}

/* ---- to text ---- */

static void write_scheme(struct writer *w, bool is_secure, bool is_reliable)
{
	write_text(w, is_secure ? "coaps" : "coap");
	write_text(w, is_reliable ? "+tcp://" : "://");
}

static void write_port(struct writer *w, bool is_secure, uint32_t port)
{
	if (port == (is_secure ? COAP_PORT_SECURE : COAP_PORT))
		return;
	write_u8(w, ':');
	write_decimal(w, port);
}

void coap_uri_write(struct writer *w, const struct coap_uri *uri)
{
	write_scheme(w, uri->is_secure, uri->is_reliable);
	if (uri->is_ipv6)
		write_u8(w, '[');
	write_bytes(w, uri->host);
	if (uri->is_ipv6)
		write_u8(w, ']');
	write_port(w, uri->is_secure, uri->port);
	write_bytes(w, uri->path);
	if (uri->has_query) {
		write_u8(w, '?');
		write_bytes(w, uri->query);
	}
}

/* The address without its port, a zone behind "%25" (RFC 6874). */
static void write_address_host(struct writer *w, const struct address *address)
{
	uint8_t text[ADDRESS_TEXT_BYTES];
	struct writer literal = writer_of(text, sizeof text);
	address_write(&literal, address);
	struct bytes host = writer_bytes(&literal);
	while (host.len > 0 && host.data[host.len - 1] != ':')
		host.len--;
	for (size_t i = 0; i + 1 < host.len; i++) {
		write_u8(w, host.data[i]);
		if (host.data[i] == '%')
			write_text(w, "25");
	}
}

static void write_host(struct writer *w, const struct address *to, const struct coap_message *m)
{
	struct bytes host;
	struct address literal;
	if (!coap_message_option(m, COAP_OPTION_URI_HOST, &host) || host.len == 0)
		write_address_host(w, to);
	else if (host.data[0] == '[' && host.data[host.len - 1] == ']' && address_parse(host, 0, &literal))
		write_address_host(w, &literal);
	else
		write_encoded(w, host, is_host_character);
}

void coap_uri_write_request(struct writer *w, bool is_secure, const struct address *to, const struct coap_message *m)
{
	uint32_t port = to->port;
	coap_message_uint(m, COAP_OPTION_URI_PORT, &port);
	write_scheme(w, is_secure, false);
	write_host(w, to, m);
	write_port(w, is_secure, port);
	coap_uri_write_path(w, m, COAP_OPTION_URI_PATH, COAP_OPTION_URI_QUERY);
}

void coap_uri_write_path(struct writer *w, const struct coap_message *m, uint16_t path, uint16_t query)
{
	struct bytes part;
	unsigned cursor = 0;
	if (!coap_message_has(m, path))
		write_u8(w, '/');
	while (coap_message_next(m, path, &cursor, &part)) {
		write_u8(w, '/');
		coap_uri_write_segment(w, part);
	}
	cursor = 0;
	for (uint8_t separator = '?'; coap_message_next(m, query, &cursor, &part); separator = '&') {
		write_u8(w, separator);
		write_encoded(w, part, is_argument_character);
	}
}

void coap_uri_write_segment(struct writer *w, struct bytes segment)
{
	write_encoded(w, segment, is_segment_character);
}
