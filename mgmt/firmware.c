/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/firmware.h"

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
