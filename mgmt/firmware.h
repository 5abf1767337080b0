/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 5, Firmware Update, as both ends see it (lwm2m interface section 11): states and results.
 *
 *              URI or package              all of it arrived               Update
 *     IDLE ---------------------> DOWNLOADING -------------> DOWNLOADED -----------------> UPDATING
 *      ^ ^                             | failed, reset,          | reset, cancelled           | |
 *      | +-----------------------------+ cancelled --------------+                            | |
 *      +--------------------------------------------------------------------------------------+ |
 *        installed (result 1), or failed and the image is unusable (5, 8)                       |
 *                                                                DOWNLOADED <-------------------+
 *                                                                  failed, the image is still good (8)
 *
 * The agent's engine keeps finer phases (agent/update.h); the server watches devices of any make through these. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum firmware_state {
	FIRMWARE_IDLE = 0,
	FIRMWARE_DOWNLOADING = 1,
	FIRMWARE_DOWNLOADED = 2,
	FIRMWARE_UPDATING = 3,
};

enum firmware_result {
	FIRMWARE_RESULT_INITIAL = 0,
	FIRMWARE_RESULT_SUCCESS = 1,
	FIRMWARE_RESULT_NO_STORAGE = 2,
	FIRMWARE_RESULT_NO_MEMORY = 3,
	FIRMWARE_RESULT_CONNECTION_LOST = 4,
	FIRMWARE_RESULT_INTEGRITY = 5,
	FIRMWARE_RESULT_UNSUPPORTED_PACKAGE = 6,
	FIRMWARE_RESULT_INVALID_URI = 7,
	FIRMWARE_RESULT_FAILED = 8,
	FIRMWARE_RESULT_UNSUPPORTED_PROTOCOL = 9,
	FIRMWARE_RESULT_CANCELLED = 10,
	FIRMWARE_RESULT_DEFERRED = 11,
};

enum firmware_resource {
	FIRMWARE_PACKAGE = 0,
	FIRMWARE_PACKAGE_URI = 1,
	FIRMWARE_UPDATE = 2,
	FIRMWARE_STATE = 3,
	FIRMWARE_UPDATE_RESULT = 5,
	FIRMWARE_PKG_NAME = 6,
	FIRMWARE_PKG_VERSION = 7,
	FIRMWARE_PROTOCOLS = 8,
	FIRMWARE_DELIVERY = 9,
	FIRMWARE_CANCEL = 10,
	FIRMWARE_SEVERITY = 11,
	FIRMWARE_CHANGED_AT = 12,
	FIRMWARE_DEFER_PERIOD = 13,
};

/* Delivery Method, /5/0/9: how packages reach the device. */
enum firmware_delivery {
	FIRMWARE_BY_PULL = 0,
	FIRMWARE_BY_PUSH = 1,
	FIRMWARE_BY_BOTH = 2,
};

bool firmware_state_is_known(int64_t number);
bool firmware_result_is_known(int64_t number);
bool firmware_result_is_failure(enum firmware_result result);
/* For people: "downloading", "integrity check failed". */
const char *firmware_state_name(enum firmware_state state);
const char *firmware_result_name(enum firmware_result result);
