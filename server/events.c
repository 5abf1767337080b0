/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Event n stands at place (n - 1) mod capacity of the ring. stored <= submitted <= newest, and newest - stored never
 * grows beyond the capacity, so an event that the store does not have yet is never overwritten. */
#include "server/events.h"

#include <assert.h>

#define EVENT_CANONICAL_MAX 512

void events_carve(struct events *e, struct carve *c, uint32_t capacity, const struct signature_port *signature)
{
	struct event *ring = carve_take(c, capacity, sizeof *ring);
	*e = (struct events){.ring = ring, .capacity = capacity, .signature = signature};
}

static struct event *place(const struct events *e, uint64_t number)
{
	return &e->ring[(number - 1) % e->capacity];
}

static void write_text_field(struct writer *w, const char *text)
{
	struct bytes bytes = bytes_of_text(text);
	write_u8(w, (uint8_t)bytes.len);
	write_bytes(w, bytes);
}

void events_hash(const struct signature_port *signature, const uint8_t before[SHA256_BYTES], const struct event *event,
	uint8_t ret[SHA256_BYTES])
{
	uint8_t buffer[EVENT_CANONICAL_MAX];
	struct writer w = writer_of(buffer, sizeof buffer);
	write_bytes(&w, bytes_of(before, SHA256_BYTES));
	write_u64(&w, event->number);
	write_u64(&w, (uint64_t)event->at);
	write_u32(&w, (uint32_t)event->type);
	write_u32(&w, event->rollout);
	write_text_field(&w, event->device);
	write_text_field(&w, event->actor);
	write_text_field(&w, event->detail);
	assert(!w.failed);
	signature->sha256(signature->context, writer_bytes(&w), ret);
}

bool events_load(struct events *e, const struct event *event)
{
	uint8_t hash[SHA256_BYTES];
	bool is_first = e->newest == 0;
	if (event->number == 0 || (!is_first && event->number != e->newest + 1))
		return false;
	events_hash(e->signature, e->hash, event, hash);
	if (!is_first && memcmp(hash, event->hash, sizeof hash) != 0)
		return false;
	e->newest = e->submitted = e->stored = event->number;
	if (is_first)
		e->begins = event->number;
	*place(e, event->number) = *event;
	memcpy(e->hash, event->hash, sizeof e->hash);
	return true;
}

bool events_append(struct events *e, const struct event *event)
{
	if (e->newest - e->stored >= e->capacity) {
		e->dropped++;
		return false;
	}
	struct event *kept = place(e, e->newest + 1);
	*kept = *event;
	kept->number = ++e->newest;
	if (e->begins == 0)
		e->begins = kept->number;
	events_hash(e->signature, e->hash, kept, kept->hash);
	memcpy(e->hash, kept->hash, sizeof e->hash);
	return true;
}

const struct event *events_submit(struct events *e)
{
	return e->submitted == e->newest ? NULL : place(e, ++e->submitted);
}

void events_stored(struct events *e, uint64_t first, uint64_t last)
{
	assert(first <= last && last <= e->newest);
	/* What lasts has no gaps (server/store.h). Should a store leave one, what lies behind it goes again with the
	 * next batch, where it replaces itself. */
	if (first <= e->stored + 1 && last > e->stored)
		e->stored = last;
	if (e->submitted < e->stored)
		e->submitted = e->stored;
}

void events_refused(struct events *e, uint64_t first)
{
	if (first > e->stored && e->submitted >= first)
		e->submitted = first - 1;
}

uint64_t events_oldest(const struct events *e)
{
	if (e->stored < e->begins || e->begins == 0)
		return 0;
	uint64_t kept_from = e->newest < e->capacity ? 1 : e->newest - e->capacity + 1;
	return kept_from > e->begins ? kept_from : e->begins;
}

const struct event *events_find(const struct events *e, uint64_t number)
{
	uint64_t oldest = events_oldest(e);
	return oldest == 0 || number < oldest || number > e->stored ? NULL : place(e, number);
}

const char *event_type_name(enum event_type type)
{
	static const char *const names[EVENT_TYPE_END] = {
		[EVENT_STARTED] = "started",
		[EVENT_STOPPED] = "stopped",
		[EVENT_REGISTERED] = "registered",
		[EVENT_UPDATED] = "updated",
		[EVENT_DEREGISTERED] = "deregistered",
		[EVENT_EXPIRED] = "expired",
		[EVENT_REFUSED] = "refused",
		[EVENT_VERSION_CHANGED] = "version-changed",
		[EVENT_DEVICE_REMOVED] = "device-removed",
		[EVENT_DEVICE_TAGGED] = "device-tagged",
		[EVENT_ARTIFACT_ADDED] = "artifact-added",
		[EVENT_RELEASE_ADDED] = "release-added",
		[EVENT_RELEASE_REMOVED] = "release-removed",
		[EVENT_ROLLOUT_STARTED] = "rollout-started",
		[EVENT_ROLLOUT_PAUSED] = "rollout-paused",
		[EVENT_ROLLOUT_RESUMED] = "rollout-resumed",
		[EVENT_ROLLOUT_ABORTED] = "rollout-aborted",
		[EVENT_ROLLOUT_HALTED] = "rollout-halted",
		[EVENT_ROLLOUT_COMPLETED] = "rollout-completed",
		[EVENT_ROLLOUT_WAVE] = "rollout-wave",
		[EVENT_DEVICE_OFFERED] = "device-offered",
		[EVENT_DEVICE_INSTALLING] = "device-installing",
		[EVENT_DEVICE_CONFIRMED] = "device-confirmed",
		[EVENT_DEVICE_FAILED] = "device-failed",
		[EVENT_DEVICE_SKIPPED] = "device-skipped",
		[EVENT_TOKEN_ADDED] = "token-added",
		[EVENT_TOKEN_REMOVED] = "token-removed",
		[EVENT_CERTIFICATE_ISSUED] = "certificate-issued",
		[EVENT_DEVICE_REVOKED] = "device-revoked",
		[EVENT_DEVICE_RESTORED] = "device-restored",
		[EVENT_CLAIM_CREATED] = "claim-created",
		[EVENT_CLAIM_REMOVED] = "claim-removed",
		[EVENT_ENROLMENT_WAITING] = "enrolment-waiting",
		[EVENT_ENROLMENT_APPROVED] = "enrolment-approved",
		[EVENT_ENROLMENT_REJECTED] = "enrolment-rejected",
		[EVENT_DEVICE_ASKED] = "device-asked",
		[EVENT_KEY_MADE] = "key-made",
		[EVENT_KEY_CHANGED] = "key-changed",
		[EVENT_KEY_FORGOTTEN] = "key-forgotten",
		[EVENT_BOOTSTRAPPED] = "bootstrap-finished",
		[EVENT_BOOTSTRAP_FAILED] = "bootstrap-failed",
	};
	return type >= EVENT_STARTED && type < EVENT_TYPE_END ? names[type] : "unknown";
}
