/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A package that a server writes to /5/0/0 (lwm2m interface section 11), block by block into the slot. It is checked as
 * one that is fetched: the manifest when it is whole, the image by its digest in the end. Blocks that an earlier
 * download of the same image brought are there already. An interruption of more than PUSH_GIVE_UP ends it with result
 * 4; the server begins anew at any time. */
#include "agent/state.h"

#include "coap/content_format.h"

#define RESET_MAX 1 /* bytes of a Package that is none: nothing, or a zero */

/* ---- the parts ---- */

/* A resource in TLV: 11 in the highest bits, an id of 8 bits, the length behind it (section 7.2). */
static struct bytes without_tlv_head(struct bytes part)
{
	uint8_t type = part.len == 0 ? 0 : part.data[0];
	unsigned length_bytes = type >> 3 & 3u;
	bool is_resource_0 = (type & 0xe0) == 0xc0 && part.len > 2u + length_bytes && part.data[1] == 0;
	return is_resource_0 && length_bytes > 0 ? bytes_from(part, 2u + length_bytes) : BYTES_NONE;
}

static void keep_block(struct agent *a, struct bytes block, msec now)
{
	struct deploy_outcome outcome;
	uint32_t number = a->push.block;
	a->push.block++;
	a->push.filled = 0;
	if (deploy_block(&a->deploy, number, block, now, &outcome))
		a->counters.blocks_fetched++;
	if (a->deploy.update.phase == UPDATE_VERIFY)
		fetch_log_complete(a);
	agent_follow(a, &outcome, now);
}

/* The slot is written in its own blocks, whatever size they come in. */
static void keep_bytes(struct agent *a, struct bytes bytes, msec now)
{
	struct push *p = &a->push;
	uint32_t size = a->deploy.download.block_size;
	while (bytes.len > 0 && a->deploy.update.phase == UPDATE_IMAGE) {
		size_t room = size - p->filled, taken = bytes.len < room ? bytes.len : room;
		memcpy(p->bytes + p->filled, bytes.data, taken);
		p->filled += (uint32_t)taken;
		bytes = bytes_from(bytes, taken);
		if (p->filled == size)
			keep_block(a, bytes_of(p->bytes, size), now);
	}
}

static void take_envelope(struct agent *a, struct bytes envelope, msec now)
{
	fetch_take_manifest(a, envelope, now);
	if (a->deploy.update.phase == UPDATE_IMAGE)
		fetch_log_image(a);
}

/* An image whose blocks were all there is checked, or even downloaded, while it still comes. */
static bool goes_on(const struct agent *a)
{
	return a->push.is_open && a->deploy.update.state.uri_len == 0 &&
	       (update_is_pushed(&a->deploy.update) || a->deploy.update.phase == UPDATE_DOWNLOADED);
}

static void take_part(struct agent *a, struct bytes part, msec now)
{
	struct bytes found = BYTES_NONE;
	while (goes_on(a)) {
		switch (package_take(&a->push.package, &part, &found)) {
		case PACKAGE_MORE:
			return;
		case PACKAGE_BROKEN:
			fetch_end_with(a, FIRMWARE_RESULT_UNSUPPORTED_PACKAGE, "what was written is no package", now);
			return;
		case PACKAGE_ENVELOPE:
			take_envelope(a, found, now);
			break;
		case PACKAGE_IMAGE:
			keep_bytes(a, found, now);
			break;
		}
	}
}

static bool is_as_announced(const struct agent *a)
{
	const struct update *u = &a->deploy.update;
	return a->push.package.stage != PACKAGE_AT_IMAGE ||
	       a->push.package.image_size == u->state.images[update_target(u)].size;
}

/* The last block of the image may be shorter than the others. */
static void take_end(struct agent *a, msec now)
{
	if (a->deploy.update.phase == UPDATE_IMAGE && package_is_complete(&a->push.package) && a->push.filled > 0)
		keep_block(a, bytes_of(a->push.bytes, a->push.filled), now);
	if (a->deploy.update.phase == UPDATE_MANIFEST || a->deploy.update.phase == UPDATE_IMAGE)
		fetch_end_with(a, FIRMWARE_RESULT_INTEGRITY, "the package is shorter than it says", now);
}

/* ---- the request ---- */

/* A server that begins anew has given up what it began before. */
static enum coap_code begin(struct agent *a, const struct coap_request *request, msec now)
{
	if (update_is_pushed(&a->deploy.update) && a->deploy.update.phase != UPDATE_VERIFY)
		agent_update_event(a,
			&(struct update_event){.kind = UPDATE_REFUSED, .result = FIRMWARE_RESULT_CONNECTION_LOST}, now);
	struct deploy_outcome outcome;
	deploy_event(&a->deploy, &(struct update_event){.kind = UPDATE_PUSH_BEGAN}, now, &outcome);
	agent_follow(a, &outcome, now);
	if (outcome.verdict != UPDATE_ACCEPTED)
		return COAP_METHOD_NOT_ALLOWED;
	a->push.is_open = true;
	a->push.from = request->remote;
	a->push.filled = a->push.block = 0;
	package_init(&a->push.package, a->push.envelope, sizeof a->push.envelope);
	return COAP_CHANGED;
}

static enum coap_code code_of(uint8_t result)
{
	switch ((enum firmware_result)result) {
	case FIRMWARE_RESULT_NO_STORAGE:
	case FIRMWARE_RESULT_NO_MEMORY:
		return COAP_REQUEST_ENTITY_TOO_LARGE;
	case FIRMWARE_RESULT_INITIAL:
	case FIRMWARE_RESULT_SUCCESS:
	case FIRMWARE_RESULT_CONNECTION_LOST:
	case FIRMWARE_RESULT_INTEGRITY:
	case FIRMWARE_RESULT_UNSUPPORTED_PACKAGE:
	case FIRMWARE_RESULT_INVALID_URI:
	case FIRMWARE_RESULT_FAILED:
	case FIRMWARE_RESULT_UNSUPPORTED_PROTOCOL:
	case FIRMWARE_RESULT_CANCELLED:
	case FIRMWARE_RESULT_DEFERRED:
		break;
	}
	return COAP_BAD_REQUEST;
}

static enum coap_code take(struct agent *a, const struct coap_request *request, msec now)
{
	bool is_tlv = request->content_format == COAP_FORMAT_LWM2M_TLV, is_first = request->body_offset == 0;
	struct bytes part = is_tlv && is_first ? without_tlv_head(request->body) : request->body;
	if (!is_tlv && request->content_format != COAP_FORMAT_OCTETS && request->content_format != COAP_FORMAT_NONE)
		return COAP_UNSUPPORTED_CONTENT_FORMAT;
	if (part.len == 0)
		return COAP_BAD_REQUEST;
	enum coap_code code = is_first ? begin(a, request, now) : COAP_CHANGED;
	if (code != COAP_CHANGED)
		return code;
	if (!goes_on(a) || !coap_remote_equal(&request->remote, &a->push.from))
		return COAP_REQUEST_ENTITY_INCOMPLETE; /* it has ended meanwhile */
	take_part(a, part, now);
	if (goes_on(a) && !is_as_announced(a))
		fetch_end_with(
			a, FIRMWARE_RESULT_INTEGRITY, "the package has another size than its manifest says", now);
	if (request->body_is_last)
		take_end(a, now);
	bool is_good = goes_on(a);
	a->push.is_open = is_good && !request->body_is_last;
	return is_good ? COAP_CHANGED : code_of(a->deploy.update.state.result);
}

/* What is not the Package itself is an operation on the resource like any other. */
static bool is_package(const struct coap_request *request)
{
	bool is_whole = request->body_offset == 0 && request->body_is_last;
	bool is_plain = request->content_format == COAP_FORMAT_OCTETS || request->content_format == COAP_FORMAT_NONE;
	bool is_reset = is_whole && request->body.len <= (is_plain ? RESET_MAX : PUSH_ENCODED_RESET_MAX);
	return request->message->code == COAP_PUT && !is_reset;
}

bool push_handle(struct agent *a, const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct uplink *asking = account_from(a, &request->remote);
	if (asking == NULL || !is_package(request))
		return false;
	agent_sample(a, now);
	bool may = accounts_allow(&a->accounts, uplink_number(asking), MODEL_FIRMWARE, 0, ACCESS_WRITE);
	ret->code = may ? take(a, request, now) : COAP_UNAUTHORIZED;
	return true;
}
