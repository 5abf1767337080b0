/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One device's way through a rollout, one function per state (the diagram is in rollout.h).
 *
 * What the device says of itself is believed over what we remember. Two things need care. A notification may be late,
 * so "idle with a failure" right after an offer may speak of an update before ours: it is asked again, and only an
 * answer counts (`is_answer`). And a device in INSTALLING is told again only when it says it still waits for the word
 * and we do not know that it heard it. */
#include "server/rollout.h"

#include "coap/code.h"

#include <assert.h>

/* One step's circumstances, passed down as one thing. */
struct step {
	struct rollouts *r;
	struct rollout *rollout;
	struct rollout_entry *entry;
	enum entry_event event;
	const struct entry_facts *facts;
	msec now;
};

/* ---- questions ---- */

static const struct kept_firmware *firmware(const struct step *s)
{
	return &s->facts->device->firmware;
}

static bool is_reachable(const struct step *s)
{
	return device_is_reachable(s->facts->device);
}

static bool is_running(const struct step *s)
{
	return s->rollout->record.state == ROLLOUT_RUNNING;
}

static bool runs_version(const struct step *s)
{
	return bytes_equal_text(bytes_of_text(s->facts->device->record.version), s->rollout->version);
}

static bool pushes(const struct step *s)
{
	return rollout_delivery_to(s->rollout, s->facts->device) != ROLLOUT_DELIVERY_PULL;
}

/* The device waits for more of a push that has ended: by a restart of the server, or of its own. */
static bool is_broken_off(const struct step *s)
{
	return pushes(s) && !s->facts->is_pushing && !s->entry->was_told;
}

/* Whether the update that the device is busy with is this one; a device that does not show its Package URI gets the
 * benefit of the doubt once it has been offered ours. */
static bool is_ours(const struct step *s)
{
	const struct kept_firmware *f = firmware(s);
	if (pushes(s))
		return s->entry->state != ENTRY_WAITING || s->entry->tries > 0;
	if (!f->has_manifest)
		return s->entry->state != ENTRY_WAITING;
	return memcmp(f->manifest, s->rollout->manifest, SHA256_BYTES) == 0;
}

static bool is_failure(const struct step *s)
{
	return firmware_result_is_failure((enum firmware_result)firmware(s)->result);
}

/* ---- moves ---- */

static void enter(const struct step *s, enum entry_state state, enum entry_reason reason, uint8_t code)
{
	rollout_enter(s->r, s->entry, state, reason, code, s->facts->wall, s->now);
}

static enum entry_action stay(const struct step *s, enum entry_reason reason)
{
	enter(s, (enum entry_state)s->entry->state, reason, 0);
	return ENTRY_ACTION_NONE;
}

static enum entry_action fail(const struct step *s, enum entry_reason reason, uint8_t code)
{
	enter(s, ENTRY_FAILED, reason, code);
	return ENTRY_ACTION_NONE;
}

static enum entry_action fail_by_result(const struct step *s)
{
	return fail(s, ENTRY_REASON_RESULT, firmware(s)->result);
}

static enum entry_action skip(const struct step *s, enum entry_reason reason)
{
	enter(s, ENTRY_SKIPPED, reason, 0);
	return ENTRY_ACTION_NONE;
}

/* The device has the image: give the word to install, unless somebody holds the rollout or the device is away. */
static enum entry_action downloaded(const struct step *s)
{
	if (s->entry->state != ENTRY_DOWNLOADED) {
		enter(s, ENTRY_DOWNLOADED, ENTRY_REASON_NONE, 0);
		s->entry->tries = 0;
	}
	if (!is_running(s))
		return stay(s, ENTRY_REASON_STOPPED);
	if (!is_reachable(s))
		return stay(s, ENTRY_REASON_OFFLINE);
	enter(s, ENTRY_INSTALLING, ENTRY_REASON_NONE, 0);
	s->entry->tries++;
	return ENTRY_ACTION_INSTALL;
}

static enum entry_action installing(const struct step *s)
{
	enter(s, ENTRY_INSTALLING, ENTRY_REASON_NONE, 0);
	s->entry->was_told = true;
	return ENTRY_ACTION_NONE;
}

static enum entry_action offer(const struct step *s)
{
	if (s->entry->state != ENTRY_WAITING)
		enter(s, ENTRY_WAITING, ENTRY_REASON_ASKED, 0);
	stay(s, ENTRY_REASON_ASKED);
	return ENTRY_ACTION_OFFER;
}

/* The device is idle without a word about our offer: it has lost it, perhaps by a reboot. */
static enum entry_action forgotten(const struct step *s)
{
	if (s->entry->tries >= ROLLOUT_TRIES_MAX)
		return fail(s, ENTRY_REASON_FORGOTTEN, 0);
	if (is_running(s) && is_reachable(s))
		return offer(s);
	enter(s, ENTRY_WAITING, is_running(s) ? ENTRY_REASON_OFFLINE : ENTRY_REASON_STOPPED, 0);
	return ENTRY_ACTION_NONE;
}

/* Half of what was pushed is of no use. It is begun again when the device is there, from what it then says. */
static enum entry_action interrupted(const struct step *s)
{
	if (s->entry->state == ENTRY_WAITING)
		s->entry->tries++;
	if (s->entry->tries < ROLLOUT_TRIES_MAX) {
		enter(s, ENTRY_WAITING, ENTRY_REASON_OFFLINE, 0);
		return ENTRY_ACTION_NONE;
	}
	fail(s, ENTRY_REASON_INTERRUPTED, 0);
	return ENTRY_ACTION_RESET;
}

/* ---- one function per state ---- */

/* What an earlier rollout or another server has left there makes room for ours. */
static enum entry_action clear_foreign(const struct step *s)
{
	stay(s, ENTRY_REASON_FOREIGN);
	return ENTRY_ACTION_RESET;
}

static enum entry_action waiting_for_device(const struct step *s)
{
	switch (firmware(s)->state) {
	case FIRMWARE_IDLE:
		return offer(s);
	case FIRMWARE_DOWNLOADING:
		if (!is_ours(s) || is_broken_off(s))
			return clear_foreign(s);
		enter(s, ENTRY_DOWNLOADING, ENTRY_REASON_NONE, 0);
		return ENTRY_ACTION_NONE;
	case FIRMWARE_DOWNLOADED:
		return is_ours(s) ? downloaded(s) : clear_foreign(s);
	default:
		return is_ours(s) ? installing(s) : stay(s, ENTRY_REASON_FOREIGN);
	}
}

static enum entry_action waiting(const struct step *s)
{
	if (s->event == ENTRY_EVENT_OFFERED) {
		s->entry->tries++;
		enter(s, ENTRY_OFFERED, ENTRY_REASON_NONE, 0);
		s->entry->was_told = true;
		return ENTRY_ACTION_READ_FIRMWARE;
	}
	if (s->event == ENTRY_EVENT_STARTED) {
		s->entry->tries++;
		enter(s, ENTRY_DOWNLOADING, ENTRY_REASON_NONE, 0);
		return ENTRY_ACTION_NONE;
	}
	if (s->event == ENTRY_EVENT_LOST)
		return interrupted(s);
	if (s->event == ENTRY_EVENT_REFUSED)
		return fail(s, ENTRY_REASON_REFUSED, s->facts->code);
	if (s->event == ENTRY_EVENT_TIMEOUT && is_running(s))
		return skip(s, ENTRY_REASON_ABSENT);
	if (!is_running(s))
		return stay(s, ENTRY_REASON_STOPPED);
	if (!is_reachable(s))
		return stay(s, ENTRY_REASON_OFFLINE);
	if (!device_has_object(s->facts->device, MODEL_FIRMWARE))
		return skip(s, ENTRY_REASON_NO_FIRMWARE);
	if (s->facts->is_busy)
		return stay(s, ENTRY_REASON_BUSY);
	if (s->facts->is_pushing)
		return stay(s, ENTRY_REASON_ASKED);
	if (!firmware(s)->is_known) {
		stay(s, ENTRY_REASON_ASKED);
		return ENTRY_ACTION_READ_FIRMWARE;
	}
	if (runs_version(s) && firmware(s)->state == FIRMWARE_IDLE)
		return skip(s, ENTRY_REASON_SAME_VERSION);
	return waiting_for_device(s);
}

static enum entry_action pending(const struct step *s)
{
	if (s->entry->wave >= s->rollout->record.waves_begun)
		return stay(s, ENTRY_REASON_WAVE);
	enter(s, ENTRY_WAITING, ENTRY_REASON_NONE, 0);
	return waiting(s);
}

/* OFFERED and DOWNLOADING: the device has nothing of ours. */
static enum entry_action fetching_idle(const struct step *s)
{
	if (s->facts->is_pushing) /* it has, or says so late */
		return stay(s, ENTRY_REASON_NONE);
	if (s->entry->state != ENTRY_DOWNLOADING && !s->facts->is_answer)
		return ENTRY_ACTION_READ_FIRMWARE;
	if (pushes(s) && firmware(s)->result == FIRMWARE_RESULT_CONNECTION_LOST)
		return interrupted(s);
	if (is_failure(s))
		return fail_by_result(s);
	if (s->entry->reason == ENTRY_REASON_REFUSED)
		return fail(s, ENTRY_REASON_REFUSED, s->entry->code);
	return forgotten(s);
}

static enum entry_action fetching_on(const struct step *s)
{
	bool has_all = s->entry->was_told;
	if (is_broken_off(s))
		return interrupted(s);
	enter(s, ENTRY_DOWNLOADING, ENTRY_REASON_NONE, 0);
	s->entry->was_told = has_all;
	return ENTRY_ACTION_NONE;
}

/* OFFERED and DOWNLOADING: what object 5 says. */
static enum entry_action fetching_report(const struct step *s)
{
	if (firmware(s)->state != FIRMWARE_IDLE && !is_ours(s))
		return forgotten(s);
	switch (firmware(s)->state) {
	case FIRMWARE_DOWNLOADING:
		return fetching_on(s);
	case FIRMWARE_DOWNLOADED:
		return downloaded(s);
	case FIRMWARE_UPDATING:
		return installing(s);
	default:
		return fetching_idle(s);
	}
}

static enum entry_action fetching(const struct step *s)
{
	if (s->event == ENTRY_EVENT_REPORT)
		return fetching_report(s);
	if (s->event == ENTRY_EVENT_LOST)
		return interrupted(s);
	if (s->event == ENTRY_EVENT_OFFERED) {
		s->entry->was_told = true;
		return ENTRY_ACTION_READ_FIRMWARE;
	}
	if (s->event == ENTRY_EVENT_REFUSED) { /* object 5 may know more about why */
		enter(s, (enum entry_state)s->entry->state, ENTRY_REASON_REFUSED, s->facts->code);
		return ENTRY_ACTION_READ_FIRMWARE;
	}
	if (s->event != ENTRY_EVENT_TIMEOUT)
		return stay(s, is_reachable(s) ? ENTRY_REASON_NONE : ENTRY_REASON_OFFLINE);
	uint8_t state = s->entry->state;
	fail(s, ENTRY_REASON_TIMEOUT, state);
	return ENTRY_ACTION_RESET;
}

static enum entry_action waiting_for_word(const struct step *s)
{
	if (s->event == ENTRY_EVENT_TIMEOUT && is_running(s))
		return fail(s, ENTRY_REASON_TIMEOUT, ENTRY_DOWNLOADED);
	if (s->event == ENTRY_EVENT_REPORT && firmware(s)->state == FIRMWARE_IDLE)
		return is_failure(s) ? fail_by_result(s) : forgotten(s);
	if (s->event == ENTRY_EVENT_REPORT && firmware(s)->state == FIRMWARE_UPDATING)
		return installing(s);
	return firmware(s)->is_known && firmware(s)->state == FIRMWARE_DOWNLOADED && is_ours(s)
		       ? downloaded(s)
		       : stay(s, is_reachable(s) ? ENTRY_REASON_NONE : ENTRY_REASON_OFFLINE);
}

/* The device still waits for the word although we are past giving it: it was lost, or we were restarted in between. */
static enum entry_action still_downloaded(const struct step *s)
{
	if (is_failure(s))
		return fail_by_result(s);
	if (s->entry->was_told)
		return ENTRY_ACTION_NONE;
	if (s->rollout->record.state == ROLLOUT_ABORTED) {
		skip(s, ENTRY_REASON_ABORTED);
		return ENTRY_ACTION_RESET;
	}
	if (!is_running(s)) {
		enter(s, ENTRY_DOWNLOADED, ENTRY_REASON_STOPPED, 0);
		return ENTRY_ACTION_NONE;
	}
	if (s->entry->tries >= ROLLOUT_TRIES_MAX)
		return fail(s, ENTRY_REASON_TIMEOUT, ENTRY_INSTALLING);
	s->entry->tries++;
	return ENTRY_ACTION_INSTALL;
}

static enum entry_action installing_report(const struct step *s)
{
	switch (firmware(s)->state) {
	case FIRMWARE_DOWNLOADED:
		return still_downloaded(s);
	case FIRMWARE_IDLE:
		if (is_failure(s))
			return fail_by_result(s);
		if (firmware(s)->result != FIRMWARE_RESULT_SUCCESS)
			return fail(s, ENTRY_REASON_FORGOTTEN, 0);
		enter(s, ENTRY_CONFIRMING, ENTRY_REASON_NONE, 0);
		return ENTRY_ACTION_READ_VERSION;
	default:
		return stay(s, ENTRY_REASON_NONE);
	}
}

static enum entry_action told(const struct step *s)
{
	if (s->event == ENTRY_EVENT_REPORT)
		return installing_report(s);
	if (s->event == ENTRY_EVENT_TOLD)
		s->entry->was_told = true;
	/* Away: if it comes back still waiting for the word, it has lost it. */
	if (!is_reachable(s))
		s->entry->was_told = false;
	if (s->event == ENTRY_EVENT_REFUSED && s->entry->tries >= ROLLOUT_TRIES_MAX)
		return fail(s, ENTRY_REASON_REFUSED, s->facts->code);
	if (s->event == ENTRY_EVENT_REFUSED)
		return ENTRY_ACTION_READ_FIRMWARE;
	if (s->event == ENTRY_EVENT_TIMEOUT)
		return fail(s, ENTRY_REASON_TIMEOUT, ENTRY_INSTALLING);
	return stay(s, is_reachable(s) ? ENTRY_REASON_NONE : ENTRY_REASON_OFFLINE);
}

static enum entry_action confirming(const struct step *s)
{
	if (s->event == ENTRY_EVENT_TIMEOUT)
		return fail(s, ENTRY_REASON_TIMEOUT, ENTRY_CONFIRMING);
	if (s->event == ENTRY_EVENT_VERSION) {
		if (!runs_version(s))
			return fail(s, ENTRY_REASON_VERSION, 0);
		enter(s, ENTRY_CONFIRMED, ENTRY_REASON_NONE, 0);
		return ENTRY_ACTION_NONE;
	}
	stay(s, is_reachable(s) ? ENTRY_REASON_NONE : ENTRY_REASON_OFFLINE);
	return is_reachable(s) ? ENTRY_ACTION_READ_VERSION : ENTRY_ACTION_NONE;
}

/* ---- the step ---- */

static bool is_installing(const struct rollout_entry *entry)
{
	return entry->state == ENTRY_INSTALLING || entry->state == ENTRY_CONFIRMING;
}

/* A device that installs cannot be called back; it is followed to its end. */
static enum entry_action aborted(const struct step *s)
{
	bool has_been_offered = s->entry->state > ENTRY_WAITING;
	if (is_installing(s->entry))
		return ENTRY_ACTION_NONE;
	skip(s, ENTRY_REASON_ABORTED);
	return has_been_offered ? ENTRY_ACTION_RESET : ENTRY_ACTION_NONE;
}

static enum entry_action in_state(const struct step *s)
{
	switch ((enum entry_state)s->entry->state) {
	case ENTRY_PENDING:
		return pending(s);
	case ENTRY_WAITING:
		return waiting(s);
	case ENTRY_OFFERED:
	case ENTRY_DOWNLOADING:
		return fetching(s);
	case ENTRY_DOWNLOADED:
		return waiting_for_word(s);
	case ENTRY_INSTALLING:
		return told(s);
	case ENTRY_CONFIRMING:
		return confirming(s);
	case ENTRY_CONFIRMED:
	case ENTRY_FAILED:
	case ENTRY_SKIPPED:
	case ENTRY_STATE_COUNT:
		break;
	}
	return ENTRY_ACTION_NONE;
}

enum entry_action rollout_step(struct rollouts *r, struct rollout_entry *entry, enum entry_event event,
	const struct entry_facts *facts, msec now)
{
	struct step s = {r, rollout_of(r, entry), entry, event, facts, now};
	if (entry_has_ended(entry))
		return ENTRY_ACTION_NONE;
	if (event == ENTRY_EVENT_REMOVED)
		return skip(&s, ENTRY_REASON_REMOVED);
	assert(facts->device != NULL);
	if (event == ENTRY_EVENT_ABORT)
		return aborted(&s);
	enum entry_action action = in_state(&s);
	/* A paused rollout stops the clock of what has not begun to install. */
	if (event == ENTRY_EVENT_TIMEOUT && !entry_has_ended(entry))
		rollout_rearm(r, entry, now);
	return action;
}

/* ---- for people ---- */

bool entry_has_ended(const struct rollout_entry *entry)
{
	return entry->state >= ENTRY_CONFIRMED;
}

const char *entry_state_name(enum entry_state state)
{
	static const char *const names[ENTRY_STATE_COUNT] = {"pending", "waiting", "offered", "downloading",
		"downloaded", "installing", "confirming", "confirmed", "failed", "skipped"};
	return state < ENTRY_STATE_COUNT ? names[state] : "unknown";
}

const char *rollout_state_name(enum rollout_state state)
{
	switch (state) {
	case ROLLOUT_RUNNING:
		return "running";
	case ROLLOUT_PAUSED:
		return "paused";
	case ROLLOUT_HALTED:
		return "halted";
	case ROLLOUT_ABORTED:
		return "aborted";
	case ROLLOUT_COMPLETED:
		return "completed";
	}
	return "unknown";
}

static void write_stopped(struct writer *w, const struct rollout *rollout)
{
	write_text(w, "the rollout is ");
	write_text(w, rollout_state_name(rollout->record.state));
	if (rollout->record.reason[0] != '\0') {
		write_text(w, ": ");
		write_text(w, rollout->record.reason);
	}
}

void rollout_write_why(struct writer *w, const struct rollouts *r, const struct rollout_entry *entry)
{
	static const char *const texts[ENTRY_REASON_COUNT] = {
		[ENTRY_REASON_NONE] = "",
		[ENTRY_REASON_WAVE] = "its wave has not begun",
		[ENTRY_REASON_OFFLINE] = "offline",
		[ENTRY_REASON_BUSY] = "another rollout is at work on the device",
		[ENTRY_REASON_FOREIGN] = "the device is busy with an update that is not ours",
		[ENTRY_REASON_ASKED] = "asked, no answer yet",
		[ENTRY_REASON_VERSION] = "the device reports success but runs another version",
		[ENTRY_REASON_FORGOTTEN] = "the device is idle again and does not say why",
		[ENTRY_REASON_SAME_VERSION] = "runs this version already",
		[ENTRY_REASON_NO_FIRMWARE] = "the device has no object 5",
		[ENTRY_REASON_ABORTED] = "the rollout was aborted",
		[ENTRY_REASON_REMOVED] = "the device is no longer known",
		[ENTRY_REASON_ABSENT] = "offline for too long",
		[ENTRY_REASON_INTERRUPTED] = "what was pushed to the device did not arrive whole",
	};
	switch ((enum entry_reason)entry->reason) {
	case ENTRY_REASON_STOPPED:
		write_stopped(w, rollout_of(r, entry));
		break;
	case ENTRY_REASON_RESULT:
		write_text(w, "the device reports: ");
		write_text(w, firmware_result_name((enum firmware_result)entry->code));
		break;
	case ENTRY_REASON_REFUSED:
		write_text(w, "the device answered ");
		coap_code_write(w, (enum coap_code)entry->code);
		break;
	case ENTRY_REASON_TIMEOUT:
		write_text(w, "too long in state ");
		write_text(w, entry_state_name((enum entry_state)entry->code));
		break;
	case ENTRY_REASON_NONE:
	case ENTRY_REASON_WAVE:
	case ENTRY_REASON_OFFLINE:
	case ENTRY_REASON_BUSY:
	case ENTRY_REASON_FOREIGN:
	case ENTRY_REASON_ASKED:
	case ENTRY_REASON_VERSION:
	case ENTRY_REASON_FORGOTTEN:
	case ENTRY_REASON_SAME_VERSION:
	case ENTRY_REASON_NO_FIRMWARE:
	case ENTRY_REASON_ABORTED:
	case ENTRY_REASON_REMOVED:
	case ENTRY_REASON_ABSENT:
	case ENTRY_REASON_INTERRUPTED:
		write_text(w, texts[entry->reason]);
		break;
	case ENTRY_REASON_COUNT:
		break;
	}
}
