/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/update_text.h"

const char *update_phase_name(enum update_phase phase)
{
	switch (phase) {
	case UPDATE_IDLE:
		return "idle";
	case UPDATE_MANIFEST:
		return "manifest";
	case UPDATE_IMAGE:
		return "image";
	case UPDATE_VERIFY:
		return "verify";
	case UPDATE_DOWNLOADED:
		return "downloaded";
	case UPDATE_ORDERED:
		return "ordered";
	case UPDATE_RECHECK:
		return "recheck";
	case UPDATE_TESTING:
		return "testing";
	case UPDATE_SETTLING:
		return "settling";
	}
	return "?";
}

const char *update_effect_name(enum update_effect_kind kind)
{
	switch (kind) {
	case UPDATE_STORE:
		return "store";
	case UPDATE_FETCH_MANIFEST:
		return "fetch_manifest";
	case UPDATE_FETCH_IMAGE:
		return "fetch_image";
	case UPDATE_STOP_FETCH:
		return "stop_fetch";
	case UPDATE_CHECK_DIGEST:
		return "check_digest";
	case UPDATE_DISCARD:
		return "discard";
	case UPDATE_STOP_PAYLOAD:
		return "stop_payload";
	case UPDATE_ACTIVATE:
		return "activate";
	case UPDATE_SELF_TEST:
		return "self_test";
	case UPDATE_START_PAYLOAD:
		return "start_payload";
	case UPDATE_TELL:
		return "tell";
	}
	return "?";
}
