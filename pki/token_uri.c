/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/token_uri.h"

struct attribute {
	struct bytes name, value;
};

/* Takes what stands before the separator off `*left`. */
static struct bytes take_until(struct bytes *left, uint8_t separator)
{
	const uint8_t *at = left->len == 0 ? NULL : memchr(left->data, separator, left->len);
	struct bytes part = bytes_first(*left, at == NULL ? left->len : (size_t)(at - left->data));
	*left = bytes_from(*left, at == NULL ? left->len : part.len + 1);
	return part;
}

/* RFC 3986 section 2.1. False when it does not fit, or is no text. */
static bool decode(struct bytes value, char *ret, size_t size)
{
	struct writer w = writer_of(ret, size - 1);
	for (size_t i = 0; i < value.len; i++) {
		uint8_t byte = value.data[i];
		size_t len = 0;
		if (byte == '%') {
			if (!parse_hex(bytes_first(bytes_from(value, i + 1), 2), &byte, 1, &len) || len != 1)
				return false;
			i += 2;
		}
		if (byte == 0)
			return false;
		write_u8(&w, byte);
	}
	if (w.failed)
		return false;
	*w.at = 0;
	return value.len > 0;
}

static bool decode_file(struct bytes value, char *ret, size_t size)
{
	struct bytes scheme = bytes_of_text("file:");
	bool has_scheme = bytes_equal(bytes_first(value, scheme.len), scheme);
	return decode(has_scheme ? bytes_from(value, scheme.len) : value, ret, size);
}

static const char *take_attribute(struct token_uri *u, struct attribute a, bool is_query)
{
	if (!is_query && bytes_equal_text(a.name, "token"))
		return decode(a.value, u->token, sizeof u->token) ? NULL : "token is no label of 1 to 63 bytes";
	if (!is_query && bytes_equal_text(a.name, "object"))
		return decode(a.value, u->object, sizeof u->object) ? NULL : "object is no label of 1 to 63 bytes";
	if (!is_query && bytes_equal_text(a.name, "type"))
		return bytes_equal_text(a.value, "private") ? NULL : "type is not private";
	if (is_query && bytes_equal_text(a.name, "module-path"))
		return decode_file(a.value, u->module, sizeof u->module) ? NULL : "module-path is no path";
	if (is_query && bytes_equal_text(a.name, "pin-source"))
		return decode_file(a.value, u->pin_source, sizeof u->pin_source) ? NULL : "pin-source is no path";
	if (is_query && bytes_equal_text(a.name, "pin-value"))
		return "a PIN does not belong into a URI; name a file with pin-source";
	return "has an attribute that is not known here: token, object, type, module-path and pin-source are";
}

static const char *take_list(struct token_uri *u, struct bytes list, bool is_query)
{
	const char *wrong = NULL;
	while (list.len > 0 && wrong == NULL) {
		struct bytes value = take_until(&list, is_query ? '&' : ';');
		struct bytes name = take_until(&value, '=');
		wrong = take_attribute(u, (struct attribute){name, value}, is_query);
	}
	return wrong;
}

const char *token_uri_parse(struct bytes text, struct token_uri *ret)
{
	memset(ret, 0, sizeof *ret);
	if (!token_uri_is(text))
		return "does not begin with pkcs11:";
	struct bytes query = bytes_from(text, 7);
	struct bytes path = take_until(&query, '?');
	const char *wrong = take_list(ret, path, false);
	if (wrong == NULL)
		wrong = take_list(ret, query, true);
	if (wrong == NULL && (ret->token[0] == '\0' || ret->object[0] == '\0'))
		wrong = "needs token and object";
	if (wrong == NULL && (ret->module[0] == '\0' || ret->pin_source[0] == '\0'))
		wrong = "needs module-path and pin-source";
	return wrong;
}
