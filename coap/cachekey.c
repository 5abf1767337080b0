/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/cachekey.h"

static bool is_host_or_port(uint16_t number)
{
	return number == COAP_OPTION_URI_HOST || number == COAP_OPTION_URI_PORT;
}

static bool is_path_or_query(uint16_t number)
{
	return number == COAP_OPTION_URI_PATH || number == COAP_OPTION_URI_QUERY;
}

/* One step of the hash over a URI's options. */
static uint64_t step(uint64_t hash, uint16_t number, struct bytes value)
{
	return bytes_hash(value, hash + number);
}

uint64_t coap_cache_authority(uint64_t secret, const struct coap_remote *to, const struct coap_options *options)
{
	uint64_t hash = coap_remote_hash(to, secret);
	for (unsigned i = 0; options != NULL && i < options->count; i++) {
		struct coap_option option = coap_options_at(options, i);
		if (is_host_or_port(option.number))
			hash = step(hash, option.number, option.value);
	}
	return hash;
}

uint64_t coap_cache_resource(uint64_t secret, const struct coap_remote *to, const struct coap_options *options)
{
	uint64_t hash = coap_cache_authority(secret, to, options);
	for (unsigned i = 0; options != NULL && i < options->count; i++) {
		struct coap_option option = coap_options_at(options, i);
		if (is_path_or_query(option.number))
			hash = step(hash, option.number, option.value);
	}
	return hash;
}

uint64_t coap_cache_location(uint64_t authority, const struct coap_message *response)
{
	uint64_t hash = authority;
	struct bytes part;
	unsigned cursor = 0;
	while (coap_message_next(response, COAP_OPTION_LOCATION_PATH, &cursor, &part))
		hash = step(hash, COAP_OPTION_URI_PATH, part);
	cursor = 0;
	while (coap_message_next(response, COAP_OPTION_LOCATION_QUERY, &cursor, &part))
		hash = step(hash, COAP_OPTION_URI_QUERY, part);
	return hash;
}

/* Options that tell requests apart. Those that this endpoint interprets itself do not (RFC 7252 section 5.6): bodies
 * are stored whole, an observation brings the same representations, and a spent Hop-Limit is not stored. */
static bool is_in_key(uint16_t number)
{
	switch (number) {
	case COAP_OPTION_ETAG:
	case COAP_OPTION_OBSERVE:
	case COAP_OPTION_MAX_AGE:
	case COAP_OPTION_HOP_LIMIT:
	case COAP_OPTION_BLOCK1:
	case COAP_OPTION_BLOCK2:
	case COAP_OPTION_Q_BLOCK1:
	case COAP_OPTION_Q_BLOCK2:
	case COAP_OPTION_NO_RESPONSE:
	case COAP_OPTION_REQUEST_TAG:
		return false;
	default:
		return !coap_option_is_no_cache_key(number);
	}
}

/* Over a secure session a response is for this session alone. */
static void write_remote(struct writer *w, const struct coap_remote *to)
{
	bool is_secure = coap_remote_is_secure(to);
	write_u8(w, is_secure ? 1 : 0);
	write_bytes(
		w, is_secure ? bytes_of(&to->session, sizeof to->session) : bytes_of(&to->address, sizeof to->address));
}

static void write_options(struct writer *w, const struct coap_options *options)
{
	uint16_t previous = 0;
	for (unsigned i = 0; options != NULL && i < options->count; i++) {
		struct coap_option option = coap_options_at(options, i);
		if (!is_in_key(option.number))
			continue;
		coap_option_write(w, previous, option.number, option.value);
		previous = option.number;
	}
	write_u8(w, 0xff);
}

bool coap_cache_key(uint64_t secret, const struct coap_remote *to, enum coap_code method,
	const struct coap_options *options, struct bytes body, struct coap_cache_key *ret)
{
	struct writer w = writer_of(ret->bytes, sizeof ret->bytes);
	ret->resource = coap_cache_resource(secret, to, options);
	ret->len = 0;
	ret->hash = 0;
	if (!coap_code_is_safe(method))
		return false;
	write_remote(&w, to);
	write_u8(&w, (uint8_t)method);
	write_options(&w, options);
	if (method == COAP_FETCH)
		write_bytes(&w, body);
	if (w.failed)
		return false;
	ret->len = (uint16_t)writer_bytes(&w).len;
	ret->hash = bytes_hash(writer_bytes(&w), secret);
	return true;
}
