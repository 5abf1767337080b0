/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/deploy.h"

#include <assert.h>

void deploy_init(struct deploy *d, const struct deploy_config *config, const struct deploy_ports *ports,
	const struct download_storage *storage, uint8_t *record, uint8_t *slice)
{
	memset(d, 0, sizeof *d);
	d->config = config;
	d->ports = ports;
	d->record = record;
	d->slice = slice;
	d->restart_at = NEVER;
	d->update.deadline = NEVER;
	download_init(&d->download, &ports->slots, &ports->journal, storage, config->progress_every);
}

int deploy_store(struct deploy *d)
{
	return journal_store(&d->ports->journal, d->record, &d->update.state);
}

/* ---- programs ---- */

static void stop_program(struct deploy *d)
{
	if (d->program != DEPLOY_NOTHING)
		d->ports->payload.stop(d->ports->payload.context);
	d->program = DEPLOY_NOTHING;
	d->restart_at = NEVER;
}

static int start_payload(struct deploy *d, enum slot slot)
{
	if (d->program == DEPLOY_PAYLOAD && d->program_slot == slot)
		return 0;
	stop_program(d);
	int status = d->ports->payload.start(d->ports->payload.context, slot);
	if (status == 0) {
		d->program = DEPLOY_PAYLOAD;
		d->program_slot = slot;
	}
	return status;
}

static int start_self_test(struct deploy *d, enum slot slot)
{
	stop_program(d);
	int status = d->ports->payload.self_test(d->ports->payload.context, slot);
	if (status == 0) {
		d->program = DEPLOY_SELF_TEST;
		d->program_slot = slot;
	}
	return status;
}

/* A confirmed payload that does not start, or that exits, gets another chance later, as long as nothing else runs. */
static void schedule_restart(struct deploy *d, msec now)
{
	const struct journal_state *s = &d->update.state;
	bool is_on_trial = update_lwm2m_state(&d->update) == FIRMWARE_UPDATING && d->update.phase != UPDATE_ORDERED;
	if (d->program == DEPLOY_NOTHING && !is_on_trial && s->images[s->confirmed].is_present)
		d->restart_at = msec_after(now, d->config->payload_restart_ms);
}

/* ---- one effect ---- */

static int activate(struct deploy *d, enum slot slot)
{
	const struct boot_port *boot = &d->ports->boot;
	enum slot active;
	if (boot->active(boot->context, &active) == 0 && active == slot)
		return 0;
	return boot->activate(boot->context, slot);
}

static int open_download(struct deploy *d, enum slot slot, struct deploy_outcome *outcome)
{
	int status = download_open(&d->download, slot, &d->update.state.images[slot], d->config->block_size);
	outcome->wants_image = status == 0;
	return status;
}

static void begin_check(struct deploy *d)
{
	download_close(&d->download);
	d->is_checking = true;
	d->checked = 0;
	d->ports->digest.begin(d->ports->digest.context);
}

static void stop_fetch(struct deploy *d, struct deploy_outcome *outcome)
{
	(void)download_sync(&d->download); /* blocks that cannot be kept are fetched again, should that be needed */
	download_close(&d->download);
	d->is_checking = false;
	outcome->stops_fetch = true;
	outcome->wants_manifest = false;
	outcome->wants_image = false;
}

static int carry_out(struct deploy *d, const struct update_effect *effect, struct deploy_outcome *outcome)
{
	switch (effect->kind) {
	case UPDATE_STORE:
		return deploy_store(d);
	case UPDATE_FETCH_MANIFEST:
		outcome->wants_manifest = true;
		return 0;
	case UPDATE_FETCH_IMAGE:
		return open_download(d, effect->slot, outcome);
	case UPDATE_STOP_FETCH:
		stop_fetch(d, outcome);
		return 0;
	case UPDATE_CHECK_DIGEST:
		begin_check(d);
		return 0;
	case UPDATE_DISCARD:
		return download_discard(&d->download, effect->slot);
	case UPDATE_STOP_PAYLOAD:
		stop_program(d);
		return 0;
	case UPDATE_ACTIVATE:
		return activate(d, effect->slot);
	case UPDATE_SELF_TEST:
		return start_self_test(d, effect->slot);
	case UPDATE_START_PAYLOAD:
		return start_payload(d, effect->slot);
	case UPDATE_TELL:
		outcome->tells = true;
		return 0;
	}
	return 0;
}

/* ---- events ---- */

/* Carries out a list up to its first failure; true when all of it is done. */
static bool carry_out_all(struct deploy *d, const struct update_effects *effects, struct update_event *ret_failure,
	struct deploy_outcome *outcome)
{
	for (uint8_t i = 0; i < effects->count; i++) {
		int error = carry_out(d, &effects->list[i], outcome);
		if (error == 0)
			continue;
		if (!outcome->has_failed) {
			outcome->has_failed = true;
			outcome->failed = effects->list[i].kind;
			outcome->error = error;
		}
		ret_failure->failed = effects->list[i].kind;
		ret_failure->error = error;
		return false;
	}
	return true;
}

static void run_event(struct deploy *d, const struct update_event *happened, msec now, struct deploy_outcome *outcome);

/* Every block may be there as soon as a download is opened again. The verdict stays that of the event before. */
static void finish_if_complete(struct deploy *d, msec now, struct deploy_outcome *outcome)
{
	if (d->update.phase != UPDATE_IMAGE || !download_is_complete(&d->download))
		return;
	enum update_verdict verdict = outcome->verdict;
	struct update_event event = {.kind = UPDATE_IMAGE_ARRIVED, .was_resumed = d->download.resumed > 0};
	outcome->wants_image = false;
	run_event(d, &event, now, outcome);
	outcome->verdict = verdict;
}

static void run_event(struct deploy *d, const struct update_event *happened, msec now, struct deploy_outcome *outcome)
{
	struct update_effects effects;
	struct update_event event = *happened;
	event.unix_time_s = d->unix_offset_s == 0 ? 0 : d->unix_offset_s + now / 1000;
	struct update_event failure = {.kind = UPDATE_EFFECT_FAILED, .unix_time_s = event.unix_time_s};
	outcome->verdict = update_step(&d->update, &event, now, &effects);

	/* Each failure leads to a shorter way out; the engine's longest chain of failures has four links. */
	for (int i = 0; i < 8 && !carry_out_all(d, &effects, &failure, outcome); i++)
		(void)update_step(&d->update, &failure, now, &effects);
	if (d->restart_at == NEVER)
		schedule_restart(d, now);
	finish_if_complete(d, now, outcome);
}

void deploy_event(struct deploy *d, const struct update_event *event, msec now, struct deploy_outcome *ret)
{
	memset(ret, 0, sizeof *ret);
	run_event(d, event, now, ret);
}

/* With the journal gone the boot choice still tells which image ran. It goes on running, under no known version. */
static void adopt_active_slot(const struct deploy *d, struct journal_state *state)
{
	enum slot active;
	if (d->ports->boot.active(d->ports->boot.context, &active) < 0)
		return;
	state->confirmed = active;
	state->images[active].is_present = true;
	memcpy(state->images[active].version, "unknown", sizeof "unknown");
}

enum journal_loaded deploy_start(struct deploy *d, msec now, struct deploy_outcome *ret)
{
	memset(ret, 0, sizeof *ret);
	struct journal_state state;
	enum journal_loaded loaded = journal_load(&d->ports->journal, d->record, &state, &ret->error);
	if (loaded == JOURNAL_FAILED)
		return loaded;
	if (loaded == JOURNAL_ROTTEN)
		adopt_active_slot(d, &state);
	update_init(&d->update, &d->config->update, &state);
	run_event(d, &(struct update_event){.kind = UPDATE_STARTED}, now, ret);
	return loaded;
}

bool deploy_block(struct deploy *d, uint32_t block, struct bytes data, msec now, struct deploy_outcome *ret)
{
	memset(ret, 0, sizeof *ret);
	if (d->update.phase != UPDATE_IMAGE)
		return false;
	struct update_event event = {.kind = UPDATE_PROGRESSED};
	int status = download_put(&d->download, block, data);
	if (status == 0 && !download_is_complete(&d->download))
		return false;
	if (status < 0)
		event = (struct update_event){
			.kind = UPDATE_EFFECT_FAILED, .failed = UPDATE_FETCH_IMAGE, .error = status};
	else if (download_is_complete(&d->download))
		event = (struct update_event){.kind = UPDATE_IMAGE_ARRIVED, .was_resumed = d->download.resumed > 0};
	run_event(d, &event, now, ret);
	return status > 0;
}

void deploy_reopen(struct deploy *d, uint32_t block_size, msec now, struct deploy_outcome *ret)
{
	enum slot target = update_target(&d->update);
	memset(ret, 0, sizeof *ret);
	int status = download_open(&d->download, target, &d->update.state.images[target], block_size);
	ret->wants_image = status == 0;
	if (status < 0)
		run_event(d,
			&(struct update_event){
				.kind = UPDATE_EFFECT_FAILED, .failed = UPDATE_FETCH_IMAGE, .error = status},
			now, ret);
}

void deploy_payload_exited(struct deploy *d, msec now, struct deploy_outcome *ret)
{
	memset(ret, 0, sizeof *ret);
	if (d->program != DEPLOY_PAYLOAD)
		return;
	d->program = DEPLOY_NOTHING;
	run_event(d, &(struct update_event){.kind = UPDATE_PAYLOAD_EXITED}, now, ret);
}

void deploy_self_test_done(struct deploy *d, bool passed, msec now, struct deploy_outcome *ret)
{
	memset(ret, 0, sizeof *ret);
	if (d->program != DEPLOY_SELF_TEST)
		return;
	d->program = DEPLOY_NOTHING;
	run_event(d, &(struct update_event){.kind = UPDATE_SELF_TESTED, .passed = passed}, now, ret);
}

void deploy_stop(struct deploy *d)
{
	stop_program(d);
	(void)download_sync(&d->download); /* what cannot be kept now is fetched again after the next start */
	download_close(&d->download);
	d->is_checking = false;
}

/* ---- time ---- */

msec deploy_deadline(const struct deploy *d)
{
	return d->is_checking ? 0 : msec_earlier(update_deadline(&d->update), d->restart_at);
}

static void end_check(struct deploy *d, bool is_whole, msec now, struct deploy_outcome *outcome)
{
	uint8_t digest[SHA256_BYTES];
	d->is_checking = false;
	d->ports->digest.end(d->ports->digest.context, digest);
	const struct journal_image *image = &d->update.state.images[update_target(&d->update)];
	bool passed = is_whole && memcmp(digest, image->digest, SHA256_BYTES) == 0;
	run_event(d, &(struct update_event){.kind = UPDATE_DIGEST_KNOWN, .passed = passed}, now, outcome);
}

/* One slice of the digest. The image must end exactly where the manifest says: a longer or shorter one is another. */
static void check_slice(struct deploy *d, msec now, struct deploy_outcome *outcome)
{
	const struct slot_port *slots = &d->ports->slots;
	enum slot target = update_target(&d->update);
	uint64_t size = d->update.state.images[target].size;
	int len = slots->read(slots->context, target, d->checked, d->slice, DEPLOY_SLICE_BYTES);
	if (len > 0 && (uint64_t)len <= size - d->checked) {
		d->ports->digest.add(d->ports->digest.context, bytes_of(d->slice, (size_t)len));
		d->checked += (uint64_t)len;
		return;
	}
	end_check(d, len == 0 && d->checked == size, now, outcome);
}

void deploy_tick(struct deploy *d, msec now, struct deploy_outcome *ret)
{
	memset(ret, 0, sizeof *ret);
	if (d->is_checking)
		check_slice(d, now, ret);
	if (d->restart_at <= now) {
		d->restart_at = NEVER;
		enum slot confirmed = d->update.state.confirmed;
		if (start_payload(d, confirmed) < 0)
			schedule_restart(d, now);
	}
	if (update_deadline(&d->update) <= now)
		run_event(d, &(struct update_event){.kind = UPDATE_TIME_PASSED}, now, ret);
}
