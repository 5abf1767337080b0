/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From which Package URIs the agent fetches: from its server alone, since only that is known to be who it should be.
 * Whatever else is offered has a result that says what is wrong with it (lwm2m interface section 11). */
#pragma once

#include "coap/base/bytes.h"
#include "mgmt/firmware.h"

/* FIRMWARE_RESULT_INITIAL when scheme and authority are those of `server_uri` and there is a path; else the result. */
enum firmware_result package_uri_judge(struct bytes text, struct bytes server_uri);
