/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Revocation: an operator's word goes to the store, and when it lasts the associations it is about are closed and the
 * registrations end. From then on the handshake asks server_admits and server_admits_certificate. */
#include "server/composer.h"

#include "server/label.h"

/* ---- whether somebody is welcome ---- */

/* The audit log has the first try after a start or a revocation; the others are counted, since anybody who knows a name
 * can make as many as he likes. */
static void refuse(struct server *s, const struct denial *denial, struct bytes name, msec now)
{
	char device[DEVICE_NAME_MAX + 1];
	struct note note = {.type = EVENT_REFUSED, .device = device, .detail = "its credential is revoked"};
	label_cut(device, sizeof device, name);
	s->counters.refusals++;
	if (denials_count_try(&s->denials, bytes_of_text(denial->key)) == 0)
		server_note(s, &note, now);
}

bool server_admits(struct server *s, struct bytes name, msec now)
{
	const struct denial *denial = denials_find(&s->denials, name);
	if (denial != NULL)
		refuse(s, denial, name, now);
	return denial == NULL;
}

bool server_admits_certificate(struct server *s, struct bytes name, struct bytes der, uint64_t *ret_number, msec now)
{
	uint8_t fingerprint[SHA256_BYTES];
	char key[DENIAL_KEY_MAX + 1];
	s->ports.hash->sha256(s->ports.hash->context, der, fingerprint);
	denial_key_of(fingerprint, key);
	*ret_number = server_certificate_number(fingerprint);
	const struct denial *denial = denials_find(&s->denials, bytes_of_text(key));
	if (denial != NULL)
		refuse(s, denial, name, now);
	return denial == NULL && server_admits(s, name, now);
}

void server_refuse_listed(struct server *s, struct bytes name, bool is_first, msec now)
{
	char device[DEVICE_NAME_MAX + 1];
	struct note note = {
		.type = EVENT_REFUSED, .device = device, .detail = "its certificate is on a revocation list"};
	label_cut(device, sizeof device, name);
	s->counters.refusals++;
	if (is_first)
		server_note(s, &note, now);
}

uint64_t server_certificate_number(const uint8_t fingerprint[SHA256_BYTES])
{
	struct reader r = reader_of(bytes_of(fingerprint, SHA256_BYTES));
	return (uint64_t)read_u32(&r) << 32;
}

/* Whether a number with something of the owner's in its lower half is this one. */
static bool is_number(uint64_t number, uint64_t of)
{
	return number >> 32 == of >> 32;
}

bool server_admits_number(const struct server *s, uint64_t number)
{
	uint8_t fingerprint[SHA256_BYTES];
	const struct denial_place *place;
	for (uint32_t cursor = 0; (place = denials_next(&s->denials, &cursor)) != NULL;)
		if (denial_is_certificate(&place->denial, fingerprint) &&
			is_number(number, server_certificate_number(fingerprint)))
			return false;
	return true;
}

const struct denial_place *server_denial_next(const struct server *s, uint32_t *cursor)
{
	return denials_next(&s->denials, cursor);
}

/* ---- closing what is open ---- */

static void end_registration(struct server *s, struct device *device, msec now)
{
	struct pending *p = pending_begin(s, PENDING_RECORD);
	if (p != NULL) {
		struct store_change change = {.type = STORE_REGISTRATION_REMOVE, .name = device->record.name};
		s->ports.store.add(s->ports.store.context, &change);
		/* What stays in the store is passed over when it is loaded, as long as the device is denied. */
		(void)pending_commit(s, p, now);
	}
	conduct_forget(s, device, now);
	registry_unregister(&s->registry, device);
	device->is_announced = false;
}

static void expel(struct server *s, struct device *device, msec now)
{
	struct coap_remote remote = device->remote;
	bool was_connected = device->is_connected;
	if (device_is_registered(device))
		end_registration(s, device, now);
	server_update(s, UPDATE_DEVICE, device, 0, now);
	campaign_device_event(s, device, ENTRY_EVENT_LOOK, false, now);
	if (!was_connected)
		return;
	server_disconnected(s, &remote, now);
	if (s->associations.close != NULL)
		s->associations.close(s->associations.context, &remote, now);
}

static void expel_certificate(struct server *s, uint64_t number, msec now)
{
	struct device *device;
	if (s->associations.certificate == NULL)
		return;
	for (uint32_t cursor = 0; (device = registry_next(&s->registry, &cursor)) != NULL;)
		if (device->is_connected &&
			is_number(s->associations.certificate(s->associations.context, &device->remote), number))
			expel(s, device, now);
}

static void enforce(struct server *s, const struct denial *denial, msec now)
{
	uint8_t fingerprint[SHA256_BYTES];
	struct device *device;
	if (denial_is_certificate(denial, fingerprint))
		expel_certificate(s, server_certificate_number(fingerprint), now);
	else if ((device = registry_find(&s->registry, bytes_of_text(denial->key))) != NULL)
		expel(s, device, now);
}

void revocation_look(struct server *s, struct handle handle, msec now)
{
	struct device *device = registry_get(&s->registry, handle);
	if (device != NULL && denials_find(&s->denials, bytes_of_text(device->record.name)) != NULL)
		expel(s, device, now);
}

/* ---- commands ---- */

static bool read_key(struct denial *denial, struct bytes name, const uint8_t *fingerprint)
{
	if (!label_set(denial->device, sizeof denial->device, name))
		return false;
	if (fingerprint != NULL)
		denial_key_of(fingerprint, denial->key);
	else
		label_cut(denial->key, sizeof denial->key, name);
	return true;
}

enum server_result server_revoke(struct server *s, struct bytes name, const uint8_t *fingerprint, struct bytes reason,
	const struct server_ask *ask, msec now)
{
	struct denial denial = {.since = server_wall(s, now)};
	if (!read_key(&denial, name, fingerprint))
		return command_refuse(s, SERVER_BAD_NAME, bytes_of_text("an endpoint name has 1 to 64 bytes"));
	if (denials_find(&s->denials, bytes_of_text(denial.key)) == NULL &&
		s->denials.count + s->denials.reserved >= s->denials.capacity)
		return command_refuse(s, SERVER_FULL, bytes_of_text("of the list of what is revoked"));
	struct pending *p = command_begin(s, PENDING_REVOKE, ask);
	if (p == NULL)
		return SERVER_BUSY;
	label_cut(denial.reason, sizeof denial.reason, reason);
	label_cut(denial.actor, sizeof denial.actor, bytes_of_text(ask->actor));
	p->denial = denial;
	struct store_change change = {.type = STORE_DENIAL_PUT, .denial = &denial};
	command_add(s, &change);
	enum server_result result = command_commit(s, p, now);
	s->denials.reserved += result == SERVER_ACCEPTED;
	return result;
}

enum server_result server_restore(
	struct server *s, struct bytes name, const uint8_t *fingerprint, const struct server_ask *ask, msec now)
{
	struct denial denial = {0};
	if (!read_key(&denial, name, fingerprint) || denials_find(&s->denials, bytes_of_text(denial.key)) == NULL)
		return command_refuse(s, SERVER_NOT_REVOKED, name);
	struct pending *p = command_begin(s, PENDING_RESTORE, ask);
	if (p == NULL)
		return SERVER_BUSY;
	p->denial = denial;
	struct store_change change = {.type = STORE_DENIAL_REMOVE, .name = denial.key};
	command_add(s, &change);
	return command_commit(s, p, now);
}

/* "sha256:3f2a...: stolen" */
static void describe(const struct denial *denial, char detail[EVENT_DETAIL_MAX + 1])
{
	uint8_t fingerprint[SHA256_BYTES];
	struct writer w = writer_of(detail, EVENT_DETAIL_MAX);
	bool is_certificate = denial_is_certificate(denial, fingerprint);
	if (is_certificate)
		write_text(&w, denial->key);
	if (is_certificate && denial->reason[0] != '\0')
		write_text(&w, ": ");
	struct bytes reason = bytes_of_text(denial->reason);
	write_bytes(&w, bytes_first(reason, (size_t)(detail + EVENT_DETAIL_MAX - (char *)w.at)));
	label_end(detail, EVENT_DETAIL_MAX + 1, &w);
}

void revocation_stored(struct server *s, const struct pending *p, bool ok, msec now)
{
	char detail[EVENT_DETAIL_MAX + 1];
	bool is_revoked = p->kind == PENDING_REVOKE;
	struct note note = {.type = is_revoked ? EVENT_DEVICE_REVOKED : EVENT_DEVICE_RESTORED,
		.device = p->denial.device,
		.detail = detail};
	struct server_done done = {.token = p->token};
	s->denials.reserved -= is_revoked;
	if (!ok) {
		command_fail(s, p, SERVER_STORE_FAILED, now);
		return;
	}
	describe(&p->denial, detail);
	if (!is_revoked) {
		(void)denials_remove(&s->denials, bytes_of_text(p->denial.key));
	} else if (denials_put(&s->denials, &p->denial)) {
		enforce(s, &p->denial, now);
	}
	command_conclude(s, p, &note, &done, now);
}
