/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/bootstrap.h"

#include <string.h>

#define KEY_MIN 8 /* bytes; shorter ones are a mistake */

enum { MODE_PSK = 0, MODE_NONE = 3 }; /* of /0/x/2 */

/* ---- the text ---- */

static struct bytes take_field(struct bytes *left)
{
	const uint8_t *colon = left->len == 0 ? NULL : memchr(left->data, ':', left->len);
	size_t len = colon == NULL ? left->len : (size_t)(colon - left->data);
	struct bytes field = bytes_first(*left, len);
	*left = bytes_from(*left, len + 1);
	return field;
}

static bool begins_with(struct bytes text, const char *start)
{
	struct bytes wanted = bytes_of_text(start);
	return text.len > wanted.len && bytes_equal(bytes_first(text, wanted.len), wanted);
}

static const char *check(const struct bootstrap_accounts *accounts, const struct bootstrap_account *account)
{
	uint32_t own = 0;
	bool is_secure = begins_with(account->uri, "coaps://");
	if (account->device.len == 0 || account->identity.len > BOOTSTRAP_TEXT_MAX)
		return "the endpoint name is empty, or the identity too long";
	if ((!is_secure && !begins_with(account->uri, "coap://")) || account->uri.len > BOOTSTRAP_TEXT_MAX)
		return "not a URI of coap or coaps, or too long";
	if (is_secure != (account->key_len > 0) || is_secure != (account->identity.len > 0))
		return "coaps needs identity and key, and coap takes neither";
	if (is_secure && account->key_len < KEY_MIN)
		return "the key is shorter than 8 bytes";
	for (uint32_t i = 0; i < accounts->count; i++) {
		if (!bytes_equal(accounts->all[i].device, account->device))
			continue;
		if (accounts->all[i].short_server_id == account->short_server_id)
			return "this device has an account of this short server id already";
		own++;
	}
	return own < BOOTSTRAP_OWN_MAX ? NULL : "too many accounts of one device";
}

const char *bootstrap_add(struct bootstrap_accounts *accounts, struct bytes line)
{
	struct bootstrap_account account = {.device = take_field(&line)};
	struct bytes id = take_field(&line), lifetime = take_field(&line), key;
	uint64_t number, seconds;
	size_t len = 0;
	account.identity = take_field(&line);
	key = take_field(&line);
	account.uri = line;
	if (!parse_decimal(id, UINT16_MAX - 1, &number) || number == 0)
		return "the short server id must be 1 to 65534";
	if (!parse_decimal(lifetime, UINT32_MAX, &seconds) || seconds == 0)
		return "the lifetime must be a number of seconds";
	if (key.len > 0 && !parse_hex(key, account.key, sizeof account.key, &len))
		return "the key must be hexadecimal, of 8 to 64 bytes";
	account.short_server_id = (uint16_t)number;
	account.lifetime_s = (uint32_t)seconds;
	account.key_len = (uint8_t)len;
	const char *wrong = check(accounts, &account);
	if (wrong == NULL && accounts->count == accounts->capacity)
		return "too many accounts";
	if (wrong == NULL)
		accounts->all[accounts->count++] = account;
	return wrong;
}

/* ---- whose ---- */

static const struct bootstrap_account *find(
	const struct bootstrap_accounts *accounts, struct bytes device, uint32_t index)
{
	for (uint32_t i = 0; i < accounts->count; i++)
		if (bytes_equal(accounts->all[i].device, device) && index-- == 0)
			return &accounts->all[i];
	return NULL;
}

static bool has_word(struct bytes words, struct bytes wanted)
{
	while (words.len > 0) {
		const uint8_t *space = memchr(words.data, ' ', words.len);
		size_t len = space == NULL ? words.len : (size_t)(space - words.data);
		if (bytes_equal(bytes_first(words, len), wanted))
			return true;
		words = bytes_from(words, len + 1);
	}
	return false;
}

/* How closely lines of this name speak of the device: 0 for not at all, above it by the beginning that they share. */
static size_t closeness(struct bytes name, struct bytes device, struct bytes tags)
{
	const size_t by_name = SIZE_MAX, by_tag = SIZE_MAX - 1;
	struct bytes start = bytes_first(name, name.len - 1);
	if (name.data[0] == '@')
		return has_word(tags, bytes_from(name, 1)) ? by_tag : 0;
	if (name.data[start.len] == '*')
		return bytes_equal(bytes_first(device, start.len), start) ? start.len + 1 : 0;
	return bytes_equal(name, device) ? by_name : 0;
}

const struct bootstrap_account *bootstrap_find(
	const struct bootstrap_accounts *accounts, struct bytes device, struct bytes tags, uint32_t index)
{
	struct bytes name = BYTES_NONE;
	size_t closest = 0;
	for (uint32_t i = 0; i < accounts->count; i++) {
		size_t close = closeness(accounts->all[i].device, device, tags);
		if (close <= closest)
			continue;
		closest = close;
		name = accounts->all[i].device;
	}
	return closest > 0 ? find(accounts, name, index) : NULL;
}

/* ---- as objects ---- */

size_t bootstrap_security(
	const struct bootstrap_account *account, uint16_t instance, struct record ret[BOOTSTRAP_RECORDS_MAX])
{
	bool is_secure = account->key_len > 0;
	size_t n = 0;
	ret[n++] = record_of(path_of_resource(0, instance, 0), value_string(account->uri));
	ret[n++] = record_of(path_of_resource(0, instance, 1), value_boolean(false));
	ret[n++] = record_of(path_of_resource(0, instance, 2), value_integer(is_secure ? MODE_PSK : MODE_NONE));
	ret[n++] = record_of(path_of_resource(0, instance, 3), value_opaque(account->identity));
	ret[n++] = record_of(path_of_resource(0, instance, 4), value_opaque(BYTES_NONE));
	ret[n++] = record_of(path_of_resource(0, instance, 5), value_opaque(bytes_of(account->key, account->key_len)));
	ret[n++] = record_of(path_of_resource(0, instance, 10), value_integer(account->short_server_id));
	return n;
}

size_t bootstrap_server(
	const struct bootstrap_account *account, uint16_t instance, struct record ret[BOOTSTRAP_RECORDS_MAX])
{
	size_t n = 0;
	ret[n++] = record_of(path_of_resource(1, instance, 0), value_integer(account->short_server_id));
	ret[n++] = record_of(path_of_resource(1, instance, 1), value_integer(account->lifetime_s));
	ret[n++] = record_of(path_of_resource(1, instance, 6), value_boolean(true));
	ret[n++] = record_of(path_of_resource(1, instance, 7), value_string(bytes_of_text("U")));
	return n;
}
