/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/package_uri.h"

#include "coap/uri.h"

static bool has_scheme(struct bytes uri, const char *scheme)
{
	struct bytes want = bytes_of_text(scheme);
	return bytes_equal(bytes_first(uri, want.len), want);
}

enum firmware_result package_uri_judge(struct bytes text, struct bytes server_uri)
{
	struct coap_uri uri, server;
	if (!has_scheme(text, "coap://") && !has_scheme(text, "coaps://")) {
		static const char *const others[] = {"http://", "https://", "coap+tcp://", "coaps+tcp://", "ftp://"};
		for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
			if (has_scheme(text, others[i]))
				return FIRMWARE_RESULT_UNSUPPORTED_PROTOCOL;
		return FIRMWARE_RESULT_INVALID_URI;
	}
	if (!coap_uri_parse(text, &uri) || !coap_uri_parse(server_uri, &server))
		return FIRMWARE_RESULT_INVALID_URI;
	bool is_ours =
		uri.is_secure == server.is_secure && uri.port == server.port && bytes_equal(uri.host, server.host);
	return is_ours && uri.path.len > 1 ? FIRMWARE_RESULT_INITIAL : FIRMWARE_RESULT_INVALID_URI;
}
