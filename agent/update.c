/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One function per event. Each either refuses, or changes the state and lists effects. Whenever STORE is in the list it
 * stands in front of everything that must not happen unless it is durable; effects that may safely be repeated
 * (ACTIVATE, START_PAYLOAD of what already runs) are repeated rather than remembered. */
#include "agent/update.h"

#include "agent/package_uri.h"

#include <assert.h>

/* ---- questions ---- */

enum firmware_state update_lwm2m_state(const struct update *u)
{
	switch (u->phase) {
	case UPDATE_IDLE:
		return FIRMWARE_IDLE;
	case UPDATE_MANIFEST:
	case UPDATE_IMAGE:
	case UPDATE_VERIFY:
		return FIRMWARE_DOWNLOADING;
	case UPDATE_DOWNLOADED:
		return FIRMWARE_DOWNLOADED;
	case UPDATE_ORDERED:
	case UPDATE_RECHECK:
	case UPDATE_TESTING:
	case UPDATE_SETTLING:
		return FIRMWARE_UPDATING;
	}
	return FIRMWARE_IDLE;
}

enum slot update_target(const struct update *u)
{
	return slot_other(u->state.confirmed);
}

msec update_deadline(const struct update *u)
{
	return u->deadline;
}

/* ---- building blocks ---- */

static void push(struct update *u, struct update_effects *effects, enum update_effect_kind kind, enum slot slot)
{
	assert(effects->count < UPDATE_EFFECTS_MAX);
	effects->list[effects->count++] = (struct update_effect){kind, slot};
	if (kind == UPDATE_STORE)
		u->is_dirty = false;
}

static void enter(struct update *u, enum update_phase phase, const struct update_event *event, msec deadline)
{
	enum firmware_state before = update_lwm2m_state(u);
	u->phase = phase;
	u->deadline = deadline;
	if (update_lwm2m_state(u) != before && event->unix_time_s != 0)
		u->state.changed_at = event->unix_time_s;
}

static void push_confirmed_runs(struct update *u, struct update_effects *effects)
{
	if (!u->state.images[u->state.confirmed].is_present)
		return;
	push(u, effects, UPDATE_ACTIVATE, u->state.confirmed);
	push(u, effects, UPDATE_START_PAYLOAD, u->state.confirmed);
}

static bool is_fetching(const struct update *u)
{
	return u->phase == UPDATE_MANIFEST || u->phase == UPDATE_IMAGE || u->phase == UPDATE_VERIFY;
}

bool update_is_pushed(const struct update *u)
{
	return is_fetching(u) && u->state.uri_len == 0;
}

static msec patience(const struct update *u, msec now)
{
	return msec_after(now, u->state.uri_len == 0 ? u->config->push_give_up_ms : u->config->give_up_ms);
}

static void forget_update(struct update *u, enum firmware_result result)
{
	struct journal_state *s = &u->state;
	s->phase = JOURNAL_IDLE;
	s->result = (uint8_t)result;
	s->trials = 0;
	s->uri_len = 0;
	s->envelope_len = 0;
	memset(&s->images[update_target(u)], 0, sizeof s->images[0]);
}

/* Ends an update before its trial. After a lost connection the blocks stay, in case the same image is offered again. */
static void end_update(
	struct update *u, enum firmware_result result, const struct update_event *event, struct update_effects *effects)
{
	if (is_fetching(u))
		push(u, effects, UPDATE_STOP_FETCH, update_target(u));
	forget_update(u, result);
	enter(u, UPDATE_IDLE, event, NEVER);
	push(u, effects, UPDATE_STORE, update_target(u));
	if (result != FIRMWARE_RESULT_CONNECTION_LOST)
		push(u, effects, UPDATE_DISCARD, update_target(u));
	push(u, effects, UPDATE_TELL, update_target(u));
}

/* Ends a trial, or an ordered update whose image went bad: back to the confirmed image. */
static void go_back(
	struct update *u, enum firmware_result result, const struct update_event *event, struct update_effects *effects)
{
	push(u, effects, UPDATE_STOP_PAYLOAD, update_target(u));
	forget_update(u, result);
	enter(u, UPDATE_IDLE, event, NEVER);
	push(u, effects, UPDATE_STORE, update_target(u));
	push_confirmed_runs(u, effects);
	push(u, effects, UPDATE_DISCARD, update_target(u));
	push(u, effects, UPDATE_TELL, update_target(u));
}

static void begin_trial(struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	enum slot target = update_target(u);
	u->state.trials++;
	enter(u, UPDATE_TESTING, event, msec_after(now, u->config->self_test_timeout_ms));
	push(u, effects, UPDATE_STORE, target);
	push(u, effects, UPDATE_STOP_PAYLOAD, target);
	push(u, effects, UPDATE_ACTIVATE, target);
	push(u, effects, UPDATE_SELF_TEST, target);
}

static void confirm(struct update *u, const struct update_event *event, struct update_effects *effects)
{
	struct journal_state *s = &u->state;
	enum slot target = update_target(u);
	u->floor_before = s->sequence_floor;
	if (s->images[target].sequence > s->sequence_floor)
		s->sequence_floor = s->images[target].sequence;
	s->confirmed = target;
	s->phase = JOURNAL_IDLE;
	s->result = FIRMWARE_RESULT_SUCCESS;
	s->uri_len = 0;
	s->envelope_len = 0;
	u->is_confirming = true;
	enter(u, UPDATE_IDLE, event, NEVER);
	push(u, effects, UPDATE_STORE, target);
	push(u, effects, UPDATE_TELL, target);
}

/* The confirmation is not durable, so it has not happened: nobody has been told yet. */
static void take_confirmation_back(struct update *u, const struct update_event *event, msec now)
{
	struct journal_state *s = &u->state;
	s->sequence_floor = u->floor_before;
	s->confirmed = slot_other(s->confirmed);
	s->phase = JOURNAL_TRIAL;
	s->result = FIRMWARE_RESULT_INITIAL;
	u->is_confirming = false;
	enter(u, UPDATE_SETTLING, event, msec_after(now, u->config->store_retry_ms));
}

/* ---- start ---- */

void update_init(struct update *u, const struct update_config *config, const struct journal_state *state)
{
	assert(config->trials_max > 0);
	memset(u, 0, sizeof *u);
	u->config = config;
	u->state = *state;
	u->deadline = NEVER;
}

static void resume_trial(struct update *u, const struct update_event *event, struct update_effects *effects)
{
	u->phase = UPDATE_RECHECK;
	if (u->state.trials >= u->config->trials_max)
		go_back(u, FIRMWARE_RESULT_FAILED, event, effects);
	else
		push(u, effects, UPDATE_CHECK_DIGEST, update_target(u));
}

static void started(struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	if (u->state.phase == JOURNAL_TRIAL) {
		resume_trial(u, event, effects);
		return;
	}
	push_confirmed_runs(u, effects);
	if (u->state.phase == JOURNAL_DOWNLOADED) {
		u->phase = UPDATE_DOWNLOADED;
	} else if (u->state.phase == JOURNAL_FETCHING && u->state.uri_len == 0) {
		end_update(u, FIRMWARE_RESULT_CONNECTION_LOST, event, effects);
	} else if (u->state.phase == JOURNAL_FETCHING) {
		bool has_manifest = u->state.envelope_len > 0;
		u->phase = has_manifest ? UPDATE_IMAGE : UPDATE_MANIFEST;
		u->deadline = patience(u, now);
		push(u, effects, has_manifest ? UPDATE_FETCH_IMAGE : UPDATE_FETCH_MANIFEST, update_target(u));
	}
}

/* ---- what the server asks ---- */

static void begin_update(struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	struct journal_state *s = &u->state;
	forget_update(u, FIRMWARE_RESULT_INITIAL);
	s->phase = JOURNAL_FETCHING;
	bytes_copy(s->uri, event->uri.data, event->uri.len);
	s->uri_len = event->uri.len;
	enter(u, UPDATE_MANIFEST, event, patience(u, now));
	push(u, effects, UPDATE_STORE, update_target(u));
	if (s->uri_len > 0)
		push(u, effects, UPDATE_FETCH_MANIFEST, update_target(u));
	push(u, effects, UPDATE_TELL, update_target(u));
}

static enum update_verdict reset(
	struct update *u, enum firmware_result result, const struct update_event *event, struct update_effects *effects)
{
	if (is_fetching(u) || u->phase == UPDATE_DOWNLOADED) {
		end_update(u, result, event, effects);
		return UPDATE_ACCEPTED;
	}
	if (u->phase != UPDATE_IDLE)
		return UPDATE_NOT_NOW;
	if (u->state.result != result) {
		u->state.result = (uint8_t)result;
		push(u, effects, UPDATE_STORE, update_target(u));
		push(u, effects, UPDATE_TELL, update_target(u));
	}
	return UPDATE_ACCEPTED;
}

static enum update_verdict uri_written(
	struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	if (event->uri.len == 0)
		return reset(u, FIRMWARE_RESULT_INITIAL, event, effects);
	if (event->uri.len > JOURNAL_URI_MAX)
		return UPDATE_BAD_VALUE;
	if (is_fetching(u) ||
		u->phase == UPDATE_DOWNLOADED) /* the same offer twice changes nothing: PUT is idempotent */
		return bytes_equal(event->uri, bytes_of(u->state.uri, u->state.uri_len)) ? UPDATE_ACCEPTED
											 : UPDATE_NOT_NOW;
	if (u->phase != UPDATE_IDLE)
		return UPDATE_NOT_NOW;
	enum firmware_result result = package_uri_judge(event->uri, event->server_uri);
	if (result != FIRMWARE_RESULT_INITIAL)
		return reset(u, result, event, effects);
	begin_update(u, event, now, effects);
	return UPDATE_ACCEPTED;
}

static enum update_verdict push_began(
	struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	if (u->phase != UPDATE_IDLE)
		return UPDATE_NOT_NOW;
	begin_update(u, event, now, effects);
	return UPDATE_ACCEPTED;
}

static enum update_verdict executed(
	struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	if (u->phase != UPDATE_DOWNLOADED)
		return UPDATE_NOT_NOW;
	u->state.phase = JOURNAL_TRIAL;
	u->state.result = FIRMWARE_RESULT_INITIAL;
	u->state.trials = 0;
	enter(u, UPDATE_ORDERED, event, msec_after(now, u->config->order_delay_ms));
	push(u, effects, UPDATE_STORE, update_target(u));
	push(u, effects, UPDATE_TELL, update_target(u));
	return UPDATE_ACCEPTED;
}

static enum update_verdict cancelled(struct update *u, const struct update_event *event, struct update_effects *effects)
{
	if (u->phase == UPDATE_IDLE)
		return UPDATE_NOT_NOW;
	return reset(u, FIRMWARE_RESULT_CANCELLED, event, effects);
}

/* ---- what the download tells ---- */

static void manifest_arrived(
	struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	struct journal_state *s = &u->state;
	enum slot target = update_target(u);
	if (u->phase != UPDATE_MANIFEST)
		return;
	if (event->image->size > u->config->image_size_max) {
		end_update(u, FIRMWARE_RESULT_NO_STORAGE, event, effects);
		return;
	}
	assert(event->envelope.len <= JOURNAL_ENVELOPE_MAX);
	memcpy(s->envelope, event->envelope.data, event->envelope.len);
	s->envelope_len = event->envelope.len;
	s->images[target] = *event->image;
	s->images[target].is_present = false;
	u->was_fetched_twice = false;
	enter(u, UPDATE_IMAGE, event, patience(u, now));
	push(u, effects, UPDATE_STORE, target);
	push(u, effects, UPDATE_FETCH_IMAGE, target);
	push(u, effects, UPDATE_TELL, target);
}

static void image_arrived(struct update *u, const struct update_event *event, struct update_effects *effects)
{
	if (u->phase != UPDATE_IMAGE)
		return;
	u->was_resumed = event->was_resumed;
	enter(u, UPDATE_VERIFY, event, NEVER);
	push(u, effects, UPDATE_CHECK_DIGEST, update_target(u));
}

static void image_verified(struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	enum slot target = update_target(u);
	if (event->passed) {
		u->state.images[target].is_present = true;
		u->state.phase = JOURNAL_DOWNLOADED;
		enter(u, UPDATE_DOWNLOADED, event, NEVER);
		push(u, effects, UPDATE_STORE, target);
		push(u, effects, UPDATE_TELL, target);
	} else if (u->was_resumed && !u->was_fetched_twice && u->state.uri_len > 0) {
		u->was_fetched_twice = true;
		enter(u, UPDATE_IMAGE, event, msec_after(now, u->config->give_up_ms));
		push(u, effects, UPDATE_DISCARD, target);
		push(u, effects, UPDATE_FETCH_IMAGE, target);
	} else {
		end_update(u, FIRMWARE_RESULT_INTEGRITY, event, effects);
	}
}

static void digest_known(struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	if (u->phase == UPDATE_VERIFY)
		image_verified(u, event, now, effects);
	else if (u->phase == UPDATE_RECHECK && event->passed)
		begin_trial(u, event, now, effects);
	else if (u->phase == UPDATE_RECHECK)
		go_back(u, FIRMWARE_RESULT_INTEGRITY, event, effects);
}

/* ---- what the new image tells ---- */

static void self_tested(struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	if (u->phase != UPDATE_TESTING)
		return;
	if (!event->passed) {
		go_back(u, FIRMWARE_RESULT_FAILED, event, effects);
		return;
	}
	enter(u, UPDATE_SETTLING, event, msec_after(now, u->config->settle_ms));
	push(u, effects, UPDATE_START_PAYLOAD, update_target(u));
}

/* ---- what time tells ---- */

static void time_passed(struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	if (now < u->deadline)
		return;
	switch (u->phase) {
	case UPDATE_MANIFEST:
	case UPDATE_IMAGE:
		end_update(u, FIRMWARE_RESULT_CONNECTION_LOST, event, effects);
		return;
	case UPDATE_ORDERED:
		enter(u, UPDATE_RECHECK, event, NEVER);
		push(u, effects, UPDATE_CHECK_DIGEST, update_target(u));
		return;
	case UPDATE_TESTING:
		go_back(u, FIRMWARE_RESULT_FAILED, event, effects);
		return;
	case UPDATE_SETTLING:
		confirm(u, event, effects);
		return;
	case UPDATE_IDLE:
		u->deadline = NEVER;
		if (u->is_dirty)
			push(u, effects, UPDATE_STORE, update_target(u));
		return;
	case UPDATE_VERIFY:
	case UPDATE_DOWNLOADED:
	case UPDATE_RECHECK:
		u->deadline = NEVER;
		return;
	}
}

/* ---- what fails ---- */

static enum firmware_result storage_result(int error)
{
	return error == PORT_NO_MEMORY ? FIRMWARE_RESULT_NO_MEMORY : FIRMWARE_RESULT_NO_STORAGE;
}

/* What is decided cannot be written down. Before a trial that ends the update; a trial does not begin; a confirmation
 * has not happened; what has ended has ended, and is written down when that becomes possible. */
static void store_failed(struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	switch (u->phase) {
	case UPDATE_MANIFEST:
	case UPDATE_IMAGE:
	case UPDATE_VERIFY:
	case UPDATE_DOWNLOADED:
		end_update(u, storage_result(event->error), event, effects);
		return;
	case UPDATE_ORDERED:
		u->state.phase = JOURNAL_DOWNLOADED;
		enter(u, UPDATE_DOWNLOADED, event, NEVER);
		return;
	case UPDATE_RECHECK:
	case UPDATE_TESTING:
	case UPDATE_SETTLING:
		go_back(u, FIRMWARE_RESULT_FAILED, event, effects);
		return;
	case UPDATE_IDLE:
		if (u->is_confirming) {
			take_confirmation_back(u, event, now);
			return;
		}
		u->is_dirty = true;
		u->deadline = msec_after(now, u->config->store_retry_ms);
		push_confirmed_runs(u, effects);
		push(u, effects, UPDATE_DISCARD, update_target(u));
		push(u, effects, UPDATE_TELL, update_target(u));
		return;
	}
}

static void program_failed(struct update *u, const struct update_event *event, struct update_effects *effects)
{
	if (u->phase == UPDATE_TESTING || u->phase == UPDATE_SETTLING) {
		go_back(u, FIRMWARE_RESULT_FAILED, event, effects);
		return;
	}
	if (event->failed == UPDATE_ACTIVATE) /* the slot is named when a payload is started, so that need not wait */
		push(u, effects, UPDATE_START_PAYLOAD, u->state.confirmed);
	push(u, effects, UPDATE_TELL, u->state.confirmed);
}

static void effect_failed(struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	switch (event->failed) {
	case UPDATE_STORE:
		store_failed(u, event, now, effects);
		return;
	case UPDATE_FETCH_MANIFEST:
	case UPDATE_FETCH_IMAGE:
		if (is_fetching(u))
			end_update(u, storage_result(event->error), event, effects);
		return;
	case UPDATE_ACTIVATE:
	case UPDATE_SELF_TEST:
	case UPDATE_START_PAYLOAD:
		program_failed(u, event, effects);
		return;
	case UPDATE_DISCARD:
		if (u->phase == UPDATE_IMAGE)
			end_update(u, FIRMWARE_RESULT_INTEGRITY, event, effects);
		else
			push(u, effects, UPDATE_TELL, update_target(u));
		return;
	case UPDATE_CHECK_DIGEST:
	case UPDATE_STOP_FETCH:
	case UPDATE_STOP_PAYLOAD:
	case UPDATE_TELL:
		return;
	}
}

/* ---- the step ---- */

enum update_verdict update_step(
	struct update *u, const struct update_event *event, msec now, struct update_effects *effects)
{
	effects->count = 0;
	if (event->kind != UPDATE_EFFECT_FAILED)
		u->is_confirming = false;
	switch (event->kind) {
	case UPDATE_STARTED:
		started(u, event, now, effects);
		break;
	case UPDATE_URI_WRITTEN:
		return uri_written(u, event, now, effects);
	case UPDATE_PUSH_BEGAN:
		return push_began(u, event, now, effects);
	case UPDATE_PACKAGE_RESET:
		return reset(u, FIRMWARE_RESULT_INITIAL, event, effects);
	case UPDATE_EXECUTED:
		return executed(u, event, now, effects);
	case UPDATE_CANCELLED:
		return cancelled(u, event, effects);
	case UPDATE_MANIFEST_ARRIVED:
		manifest_arrived(u, event, now, effects);
		break;
	case UPDATE_REFUSED:
		if (is_fetching(u))
			end_update(u, event->result, event, effects);
		break;
	case UPDATE_PROGRESSED:
		if (u->phase == UPDATE_MANIFEST || u->phase == UPDATE_IMAGE)
			u->deadline = patience(u, now);
		break;
	case UPDATE_IMAGE_ARRIVED:
		image_arrived(u, event, effects);
		break;
	case UPDATE_DIGEST_KNOWN:
		digest_known(u, event, now, effects);
		break;
	case UPDATE_SELF_TESTED:
		self_tested(u, event, now, effects);
		break;
	case UPDATE_PAYLOAD_EXITED:
		if (u->phase == UPDATE_SETTLING)
			go_back(u, FIRMWARE_RESULT_FAILED, event, effects);
		break;
	case UPDATE_EFFECT_FAILED:
		effect_failed(u, event, now, effects);
		break;
	case UPDATE_TIME_PASSED:
		time_passed(u, event, now, effects);
		break;
	}
	return UPDATE_ACCEPTED;
}
