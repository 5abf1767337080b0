/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object 5, Firmware Update, as both ends see it (lwm2m interface section 11): states, results, and the table of what
 * each event does in each state.
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

enum firmware_event {
	FIRMWARE_PACKAGE_BEGUN,   /* the first block of a push */
	FIRMWARE_URI_WRITTEN,     /* with a usable URI */
	FIRMWARE_URI_REFUSED,     /* with an unusable one; `result` 7 or 9 */
	FIRMWARE_RESET,           /* an empty URI, or a package of one zero byte or none */
	FIRMWARE_ARRIVED,         /* complete and accepted */
	FIRMWARE_DOWNLOAD_FAILED, /* `result` 2 to 9 */
	FIRMWARE_EXECUTED,        /* Update */
	FIRMWARE_DEFERRED,        /* Update, but not now */
	FIRMWARE_CANCELLED,
	FIRMWARE_INSTALLED,      /* the new image runs */
	FIRMWARE_INSTALL_FAILED, /* `result` 8; the image is still good */
	FIRMWARE_IMAGE_UNUSABLE, /* `result` 5 or 8; the image is gone */
	FIRMWARE_EVENT_COUNT,
};

enum firmware_answer {
	FIRMWARE_CHANGED,     /* 2.04; for events inside the device: it happened */
	FIRMWARE_NOT_ALLOWED, /* 4.05: not in this state; nothing changes */
	FIRMWARE_BAD,         /* 4.00: the value is not usable */
};

struct firmware {
	enum firmware_state state;
	enum firmware_result result;
};

/* One event. `result` is used by the events that say so above. An answer other than CHANGED leaves the state alone,
 * with one exception: URI_REFUSED records its result. */
enum firmware_answer firmware_step(struct firmware *f, enum firmware_event event, enum firmware_result result);

/* Whether a device may report state `to` after it reported `from`, seen from outside, where quick states and whole
 * reboots are easily missed: every pair but IDLE to UPDATING, which has skipped the download. */
bool firmware_is_plausible(enum firmware_state from, enum firmware_state to);

bool firmware_state_is_known(int64_t number);
bool firmware_result_is_known(int64_t number);
bool firmware_result_is_failure(enum firmware_result result);
/* For people: "downloading", "integrity check failed". */
const char *firmware_state_name(enum firmware_state state);
const char *firmware_result_name(enum firmware_result result);
