/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Pre-shared keys that the server has made (issued_key.h), in the composer: handshakes ask for them, the first use of
 * one is the end of all others, and an operator may forget them. */
#include "server/composer.h"

bool rekeying_is_by_key(const struct server *s, const struct coap_remote *remote, uint64_t *ret_number)
{
	*ret_number = 0;
	return s->associations.psk != NULL && s->associations.psk(s->associations.context, remote, ret_number);
}

/* ---- handshakes ---- */

bool server_issued_key(struct server *s, struct bytes identity, uint8_t ret_key[DEVICE_KEY_BYTES],
	struct bytes *ret_name, uint64_t *ret_number)
{
	uint8_t mark[DEVICE_KEY_MARK_BYTES];
	if (!issued_key_parse_identity(identity, ret_name, mark))
		return false;
	const struct device *device = registry_find(&s->registry, *ret_name);
	if (device == NULL)
		return false;
	struct device_keys keys = device_keys(device);
	const struct device_key *key = issued_key_find(&keys, mark);
	if (key == NULL)
		return false;
	memcpy(ret_key, key->key, DEVICE_KEY_BYTES);
	*ret_number = issued_key_number(key);
	return true;
}

bool server_key_is_replaced(struct server *s, struct bytes name)
{
	const struct device *device = registry_find(&s->registry, name);
	if (device == NULL || device->keys == NULL)
		return false;
	struct device_keys keys = device_keys(device);
	if (!issued_key_is_there(&keys.current))
		return false;
	struct writer line = server_line(s, "key-replaced", device->record.name);
	server_log(s, SERVER_LOG_WARNING, &line);
	s->counters.refusals++;
	return true;
}

bool server_psk_is_good(const struct server *s, struct bytes name, uint64_t number)
{
	const struct device *device = registry_find(&s->registry, name);
	if (device == NULL)
		return number == 0;
	struct device_keys keys = device_keys(device);
	if (number == 0)
		return !issued_key_is_there(&keys.current);
	return (issued_key_is_there(&keys.current) && issued_key_number(&keys.current) == number) ||
	       (issued_key_is_there(&keys.next) && issued_key_number(&keys.next) == number);
}

/* Should the store not have it in the end, a restart finds the key unused, and its next use ends the other one again.
 */
void rekeying_used(struct server *s, struct device *device, uint64_t number, msec now)
{
	struct issued_key_record record = {.keys = device_keys(device)};
	struct note note = {.type = EVENT_KEY_CHANGED, .device = device->record.name};
	if (!issued_key_is_there(&record.keys.next) || issued_key_number(&record.keys.next) != number)
		return;
	record.keys.current = record.keys.next;
	record.keys.next = (struct device_key){.made_at = 0};
	memcpy(record.name, device->record.name, bytes_of_text(device->record.name).len);
	registry_keep_keys(&s->registry, device, &record.keys);
	server_note(s, &note, now);
	struct pending *p = pending_begin(s, PENDING_RECORD);
	if (p == NULL)
		return;
	struct store_change change = {.type = STORE_KEY_PUT, .key = &record};
	s->ports.store.add(s->ports.store.context, &change);
	p->device = registry_handle(&s->registry, device);
	(void)pending_commit(s, p, now);
}

/* ---- an operator's word ---- */

enum server_result server_key_forget(struct server *s, struct bytes name, const struct server_ask *ask, msec now)
{
	const struct device *device = registry_find(&s->registry, name);
	if (device == NULL)
		return command_refuse(s, SERVER_NO_DEVICE, name);
	if (device->keys == NULL)
		return command_refuse(s, SERVER_WRONG_STATE, bytes_of_text("no key was made for this device"));
	struct pending *p = command_begin(s, PENDING_KEY_FORGET, ask);
	if (p == NULL)
		return SERVER_BUSY;
	struct store_change change = {.type = STORE_KEY_REMOVE, .name = device->record.name};
	p->device = registry_handle(&s->registry, device);
	command_add(s, &change);
	return command_commit(s, p, now);
}

void rekeying_stored(struct server *s, const struct pending *p, bool ok, msec now)
{
	static const struct device_keys none;
	struct device *device = registry_get(&s->registry, p->device);
	struct note note = {.type = EVENT_KEY_FORGOTTEN, .device = device == NULL ? "" : device->record.name};
	struct server_done done = {.token = p->token};
	if (!ok) {
		command_fail(s, p, SERVER_STORE_FAILED, now);
		return;
	}
	if (device != NULL)
		registry_keep_keys(&s->registry, device, &none);
	command_conclude(s, p, &note, &done, now);
}
