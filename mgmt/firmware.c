/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/firmware.h"

#include <assert.h>

#define STATE_COUNT 4

/* What becomes of /5/0/5: it stays, or begins anew at 0, or is what the event brings, or a fixed one. */
enum outcome { KEEP, CLEAR, BROUGHT, SUCCESS, CANCELLED, DEFERRED };

struct transition {
	enum firmware_answer answer;
	enum firmware_state next;
	enum outcome outcome;
};

#define TO(next, outcome)                                    \
	{                                                    \
		FIRMWARE_CHANGED, FIRMWARE_##next, (outcome) \
	}
#define NOT_ALLOWED(state)                                   \
	{                                                    \
		FIRMWARE_NOT_ALLOWED, FIRMWARE_##state, KEEP \
	}

/* The table of lwm2m interface section 11. A row is an event, a column the state it meets. */
static const struct transition transitions[FIRMWARE_EVENT_COUNT][STATE_COUNT] = {
	[FIRMWARE_PACKAGE_BEGUN] = {TO(DOWNLOADING, CLEAR), NOT_ALLOWED(DOWNLOADING), NOT_ALLOWED(DOWNLOADED),
		NOT_ALLOWED(UPDATING)},
	[FIRMWARE_URI_WRITTEN] = {TO(DOWNLOADING, CLEAR), NOT_ALLOWED(DOWNLOADING), NOT_ALLOWED(DOWNLOADED),
		NOT_ALLOWED(UPDATING)},
	[FIRMWARE_URI_REFUSED] = {{FIRMWARE_BAD, FIRMWARE_IDLE, BROUGHT}, NOT_ALLOWED(DOWNLOADING),
		NOT_ALLOWED(DOWNLOADED), NOT_ALLOWED(UPDATING)},
	[FIRMWARE_RESET] = {TO(IDLE, CLEAR), TO(IDLE, CLEAR), TO(IDLE, CLEAR), NOT_ALLOWED(UPDATING)},
	[FIRMWARE_ARRIVED] = {NOT_ALLOWED(IDLE), TO(DOWNLOADED, CLEAR), NOT_ALLOWED(DOWNLOADED), NOT_ALLOWED(UPDATING)},
	[FIRMWARE_DOWNLOAD_FAILED] = {NOT_ALLOWED(IDLE), TO(IDLE, BROUGHT), NOT_ALLOWED(DOWNLOADED),
		NOT_ALLOWED(UPDATING)},
	[FIRMWARE_EXECUTED] = {NOT_ALLOWED(IDLE), NOT_ALLOWED(DOWNLOADING), TO(UPDATING, CLEAR), NOT_ALLOWED(UPDATING)},
	[FIRMWARE_DEFERRED] = {NOT_ALLOWED(IDLE), NOT_ALLOWED(DOWNLOADING), TO(DOWNLOADED, DEFERRED),
		NOT_ALLOWED(UPDATING)},
	[FIRMWARE_CANCELLED] = {NOT_ALLOWED(IDLE), TO(IDLE, CANCELLED), TO(IDLE, CANCELLED), NOT_ALLOWED(UPDATING)},
	[FIRMWARE_INSTALLED] = {NOT_ALLOWED(IDLE), NOT_ALLOWED(DOWNLOADING), NOT_ALLOWED(DOWNLOADED),
		TO(IDLE, SUCCESS)},
	[FIRMWARE_INSTALL_FAILED] = {NOT_ALLOWED(IDLE), NOT_ALLOWED(DOWNLOADING), NOT_ALLOWED(DOWNLOADED),
		TO(DOWNLOADED, BROUGHT)},
	[FIRMWARE_IMAGE_UNUSABLE] = {NOT_ALLOWED(IDLE), NOT_ALLOWED(DOWNLOADING), NOT_ALLOWED(DOWNLOADED),
		TO(IDLE, BROUGHT)},
};

static enum firmware_result result_of(enum outcome outcome, enum firmware_result now, enum firmware_result brought)
{
	switch (outcome) {
	case KEEP:
		return now;
	case CLEAR:
		return FIRMWARE_RESULT_INITIAL;
	case BROUGHT:
		return brought;
	case SUCCESS:
		return FIRMWARE_RESULT_SUCCESS;
	case CANCELLED:
		return FIRMWARE_RESULT_CANCELLED;
	case DEFERRED:
		return FIRMWARE_RESULT_DEFERRED;
	}
	return now;
}

enum firmware_answer firmware_step(struct firmware *f, enum firmware_event event, enum firmware_result result)
{
	assert(event < FIRMWARE_EVENT_COUNT && (unsigned)f->state < STATE_COUNT);
	const struct transition *t = &transitions[event][f->state];
	f->result = result_of(t->outcome, f->result, result);
	f->state = t->next;
	return t->answer;
}

/* Seen from outside everything is possible but to have or to install an image without a download. A push of a small
 * package may be over between two looks, so from IDLE only UPDATING is out. */
bool firmware_is_plausible(enum firmware_state from, enum firmware_state to)
{
	switch (to) {
	case FIRMWARE_IDLE:
	case FIRMWARE_DOWNLOADING:
	case FIRMWARE_DOWNLOADED:
		return true;
	case FIRMWARE_UPDATING:
		return from != FIRMWARE_IDLE;
	}
	return false;
}

bool firmware_state_is_known(int64_t number)
{
	return number >= FIRMWARE_IDLE && number <= FIRMWARE_UPDATING;
}

bool firmware_result_is_known(int64_t number)
{
	return number >= FIRMWARE_RESULT_INITIAL && number <= FIRMWARE_RESULT_DEFERRED;
}

bool firmware_result_is_failure(enum firmware_result result)
{
	return result >= FIRMWARE_RESULT_NO_STORAGE && result <= FIRMWARE_RESULT_CANCELLED;
}

const char *firmware_state_name(enum firmware_state state)
{
	switch (state) {
	case FIRMWARE_IDLE:
		return "idle";
	case FIRMWARE_DOWNLOADING:
		return "downloading";
	case FIRMWARE_DOWNLOADED:
		return "downloaded";
	case FIRMWARE_UPDATING:
		return "updating";
	}
	return "unknown";
}

const char *firmware_result_name(enum firmware_result result)
{
	switch (result) {
	case FIRMWARE_RESULT_INITIAL:
		return "none yet";
	case FIRMWARE_RESULT_SUCCESS:
		return "updated";
	case FIRMWARE_RESULT_NO_STORAGE:
		return "not enough storage";
	case FIRMWARE_RESULT_NO_MEMORY:
		return "out of memory";
	case FIRMWARE_RESULT_CONNECTION_LOST:
		return "connection lost";
	case FIRMWARE_RESULT_INTEGRITY:
		return "integrity check failed";
	case FIRMWARE_RESULT_UNSUPPORTED_PACKAGE:
		return "unsupported package";
	case FIRMWARE_RESULT_INVALID_URI:
		return "invalid URI";
	case FIRMWARE_RESULT_FAILED:
		return "update failed";
	case FIRMWARE_RESULT_UNSUPPORTED_PROTOCOL:
		return "unsupported protocol";
	case FIRMWARE_RESULT_CANCELLED:
		return "cancelled";
	case FIRMWARE_RESULT_DEFERRED:
		return "deferred";
	}
	return "unknown";
}
