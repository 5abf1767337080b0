/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Manifest and image over the association with the server that the Package URI leads to. The manifest is one small GET;
 * the image is coap/blockget with several requests in flight, each block going straight into the slot.
 *
 * A transfer ends by what it brings, by what the server says that will not change (4.xx), or by the update engine's
 * patience. Everything else is waited out: a busy server (5.xx) is asked again later, a silent one makes the
 * association suspect, and after the next registration the transfer goes on where it was. */
#include "agent/state.h"

#include "coap/uri.h"

#include <assert.h>

#define SILENCE_MAX_MS SECONDS(45) /* without any response to a block */
#define FULL_RETRY_MS  200

void fetch_end_with(struct agent *a, enum firmware_result result, const char *reason, msec now)
{
	struct logline line = logline_begin("update_refused");
	logline_text(&line, "reason", reason);
	logline_number(&line, "result", result);
	logline_end(&line, &a->ports.log, AGENT_LOG_WARNING);
	agent_update_event(a, &(struct update_event){.kind = UPDATE_REFUSED, .result = result}, now);
}

/* ---- where it is ---- */

static struct bytes package_uri(const struct agent *a)
{
	return bytes_of(a->deploy.update.state.uri, a->deploy.update.state.uri_len);
}

static bool is_at(struct uplink *u, const struct coap_uri *uri)
{
	const struct account_security *account = accounts_security_of(&u->agent->accounts, uplink_account(u));
	struct coap_uri server;
	return coap_uri_parse(bytes_of(account->uri, account->uri_len), &server) &&
	       uri->is_secure == server.is_secure && uri->port == server.port && bytes_equal(uri->host, server.host);
}

/* The server that the Package URI leads to; NULL when it is none of ours (any more). */
static struct uplink *find_source(struct agent *a)
{
	struct coap_uri uri;
	if (!coap_uri_parse(package_uri(a), &uri))
		return NULL;
	for (struct uplink *u = uplink_after(a, NULL); u != NULL; u = uplink_after(a, u))
		if (is_at(u, &uri))
			return u;
	return NULL;
}

/* The path of a URI as options; false when it is not at the server that the transfer is from. */
static bool aim(struct agent *a, const struct coap_uri *uri)
{
	struct writer room = writer_of(a->fetch.room, sizeof a->fetch.room);
	if (a->fetch.from == NULL || !is_at(a->fetch.from, uri))
		return false;
	coap_options_clear(&a->fetch.options);
	return coap_uri_add_options(uri, &room, &a->fetch.options) && !a->fetch.options.failed;
}

/* ---- manifest ---- */

static enum firmware_result result_of(enum manifest_reason reason)
{
	switch (reason) {
	case MANIFEST_GOOD:
		return FIRMWARE_RESULT_INITIAL;
	case MANIFEST_MALFORMED:
	case MANIFEST_UNSIGNED:
	case MANIFEST_BAD_SIGNATURE_FORM:
	case MANIFEST_WRONG_DIGEST:
	case MANIFEST_NOT_TRUSTED:
	case MANIFEST_SIGNER_FAILED:
		return FIRMWARE_RESULT_INTEGRITY;
	case MANIFEST_TOO_LARGE:
	case MANIFEST_NOT_AN_ENVELOPE:
	case MANIFEST_UNSUPPORTED_AUTHENTICATION:
	case MANIFEST_UNSUPPORTED_ALGORITHM:
	case MANIFEST_UNSUPPORTED_VERSION:
	case MANIFEST_UNSUPPORTED_MEMBER:
	case MANIFEST_UNSUPPORTED_COMPONENTS:
	case MANIFEST_UNSUPPORTED_COMMAND:
	case MANIFEST_UNSUPPORTED_PARAMETER:
	case MANIFEST_INCOMPLETE:
	case MANIFEST_BAD_VALUE:
	case MANIFEST_NO_ROOM:
		break;
	}
	return FIRMWARE_RESULT_UNSUPPORTED_PACKAGE;
}

/* Whether a manifest that says so itself and is signed is for this device, now. */
static bool is_for_us(struct agent *a, const struct manifest *m, msec now)
{
	const struct platform_identity *id = &a->config.identity;
	if (memcmp(m->vendor_id, id->vendor_id, sizeof m->vendor_id) != 0) {
		fetch_end_with(a, FIRMWARE_RESULT_UNSUPPORTED_PACKAGE, "made for another vendor's devices", now);
		return false;
	}
	if (memcmp(m->class_id, id->class_id, sizeof m->class_id) != 0) {
		fetch_end_with(a, FIRMWARE_RESULT_UNSUPPORTED_PACKAGE, "made for another class of devices", now);
		return false;
	}
	if (m->sequence <= a->deploy.update.state.sequence_floor) {
		fetch_end_with(
			a, FIRMWARE_RESULT_INTEGRITY, "downgrade refused: not newer than what was confirmed", now);
		return false;
	}
	return true;
}

static struct journal_image image_of(const struct manifest *m)
{
	struct journal_image image = {.sequence = m->sequence, .size = m->size};
	struct writer w = writer_of(image.version, JOURNAL_VERSION_MAX);
	if (m->version.len > 0)
		write_bytes(&w, m->version);
	else /* a manifest without text has a number at least */
		write_decimal(&w, m->sequence);
	memcpy(image.digest, m->digest, SHA256_BYTES);
	return image;
}

void fetch_take_manifest(struct agent *a, struct bytes envelope, msec now)
{
	struct manifest m;
	enum manifest_reason reason = manifest_check(envelope, a->ports.signature, &m);
	if (reason != MANIFEST_GOOD) {
		fetch_end_with(a, result_of(reason), manifest_reason_text(reason), now);
		return;
	}
	if (!is_for_us(a, &m, now))
		return;
	struct journal_image image = image_of(&m);
	struct update_event event = {.kind = UPDATE_MANIFEST_ARRIVED, .envelope = envelope, .image = &image};
	agent_update_event(a, &event, now);
}

/* What an error from the server means for the transfer. */
static void take_error(struct agent *a, enum coap_code code, msec now)
{
	if (coap_code_class(code) == 5) {
		a->fetch.retry_at = msec_after(now, a->fetch.backoff);
		a->fetch.backoff =
			a->fetch.backoff > a->config.retry_max_ms / 2 ? a->config.retry_max_ms : a->fetch.backoff * 2;
		return;
	}
	if (code == COAP_UNAUTHORIZED ||
		code == COAP_FORBIDDEN) { /* it has forgotten us; the update engine's patience ends this */
		agent_suspect(a->fetch.from, "fetch_refused", now);
		return;
	}
	fetch_stop(a, now);
	fetch_end_with(a, FIRMWARE_RESULT_INVALID_URI, "the server has no such file", now);
}

static void manifest_replied(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct agent *a = context;
	(void)e;
	a->fetch.exchange = HANDLE_NONE;
	switch (reply->outcome) {
	case COAP_OUTCOME_RESPONSE:
		if (reply->code != COAP_CONTENT) {
			take_error(a, reply->code, now);
			return;
		}
		a->fetch.what = FETCH_NOTHING;
		fetch_take_manifest(a, reply->body, now);
		return;
	case COAP_OUTCOME_BROKEN:
		a->fetch.what = FETCH_NOTHING;
		fetch_end_with(
			a, FIRMWARE_RESULT_UNSUPPORTED_PACKAGE, "the manifest is too large or changed on the way", now);
		return;
	case COAP_OUTCOME_TIMEOUT:
	case COAP_OUTCOME_RESET:
		agent_suspect(a->fetch.from, "manifest", now);
		return;
	case COAP_OUTCOME_NOTIFICATION:
	case COAP_OUTCOME_MEMBER:
	case COAP_OUTCOME_BLOCK:
	case COAP_OUTCOME_LOST:
		return;
	}
}

static void ask_manifest(struct agent *a, msec now)
{
	struct coap_call call = {.to = a->fetch.from->remote,
		.method = COAP_GET,
		.options = &a->fetch.options,
		.reply = manifest_replied,
		.context = a};
	a->fetch.retry_at = NEVER;
	if (!coap_endpoint_request(a->endpoint, &call, now, &a->fetch.exchange))
		a->fetch.retry_at = msec_after(now, FULL_RETRY_MS);
}

/* ---- image ---- */

/* The server's blocks are smaller than ours: the slot's map is made anew in its size, once. */
static bool adopt_block_size(struct agent *a, msec now)
{
	struct deploy_outcome outcome;
	uint32_t size = coap_block_size(a->fetch.image.fetch.szx);
	if (size == a->deploy.download.block_size)
		return false;
	fetch_stop(a, now);
	deploy_reopen(&a->deploy, size, now, &outcome);
	agent_follow(a, &outcome, now);
	return true;
}

void fetch_log_complete(struct agent *a)
{
	const struct download *d = &a->deploy.download;
	struct logline line = logline_begin("download_complete");
	logline_number(&line, "blocks", d->block_count);
	logline_number(&line, "fetched", (int64_t)(d->block_count - d->resumed));
	logline_number(&line, "resumed", d->resumed);
	logline_number(
		&line, "repeated", (int64_t)(d->repeated + a->counters.blocks_repeated + a->fetch.image.repeated));
	logline_end(&line, &a->ports.log, AGENT_LOG_INFO);
}

static void keep_block(struct agent *a, uint32_t number, struct bytes payload, msec now)
{
	struct deploy_outcome outcome;
	if (deploy_block(&a->deploy, number, payload, now, &outcome))
		a->counters.blocks_fetched++;
	if (coap_blockfetch_is_complete(&a->fetch.image.fetch))
		fetch_log_complete(a);
	if (a->deploy.update.phase != UPDATE_IMAGE)
		fetch_stop(a, now);
	agent_follow(a, &outcome, now);
}

static bool image_store(void *context, uint32_t number, struct bytes payload, msec now)
{
	struct agent *a = context;
	a->fetch.backoff = a->config.retry_first_ms;
	if (!adopt_block_size(a, now))
		keep_block(a, number, payload, now);
	return true;
}

static void count_repeated(struct agent *a)
{
	a->counters.blocks_repeated += a->fetch.image.repeated;
	a->fetch.image.repeated = 0;
}

static void image_refused(struct agent *a, enum coap_code code, msec now)
{
	if (code != COAP_BAD_REQUEST) {
		take_error(a, code, now);
		return;
	}
	fetch_stop(a, now); /* the block lies behind the end of the file */
	fetch_end_with(a, FIRMWARE_RESULT_INTEGRITY, "the server's file is shorter than the manifest says", now);
}

/* That the image is whole is seen where its last block is kept. */
static void image_ended(void *context, enum coap_blockget_outcome outcome, msec now)
{
	struct agent *a = context;
	count_repeated(a);
	switch (outcome) {
	case COAP_BLOCKGET_DONE:
	case COAP_BLOCKGET_STORE:
	case COAP_BLOCKGET_LOST:
		return;
	case COAP_BLOCKGET_REFUSED:
		image_refused(a, a->fetch.image.code, now);
		return;
	case COAP_BLOCKGET_SILENT:
	case COAP_BLOCKGET_REJECTED:
		a->fetch.retry_at = msec_after(now, a->config.retry_first_ms);
		agent_suspect(a->fetch.from, "image", now);
		return;
	case COAP_BLOCKGET_CHANGED:
	case COAP_BLOCKGET_BROKEN:
		fetch_stop(a, now);
		fetch_end_with(a, FIRMWARE_RESULT_INTEGRITY,
			"the server's file is not the one that the manifest describes", now);
		return;
	}
}

/* Takes up what is in the slot. The map has spare bits in case that the server's blocks are smaller than ours. */
static void ask_image(struct agent *a, msec now)
{
	const struct download *d = &a->deploy.download;
	size_t len = download_bitmap_bytes(d->size, d->block_size);
	size_t room = len <= d->bitmap_capacity / AGENT_FINER_BLOCKS ? len * AGENT_FINER_BLOCKS : d->bitmap_capacity;
	memset(a->fetch.bitmap, 0, room);
	memcpy(a->fetch.bitmap, d->bitmap, len);
	struct coap_blockget_config config = {.endpoint = a->endpoint,
		.to = a->fetch.from->remote,
		.options = &a->fetch.options,
		.bitmap = a->fetch.bitmap,
		.bitmap_blocks = (uint32_t)(room * 8),
		.szx = coap_block_szx_of(d->block_size),
		.size = d->size,
		.memory = a->fetch.memory,
		.in_flight_max = a->config.blocks_in_flight,
		.patience = SILENCE_MAX_MS,
		.context = a,
		.store = image_store,
		.ended = image_ended};
	a->fetch.retry_at = NEVER;
	coap_blockget_begin(&a->fetch.image, &config, now);
}

void fetch_log_image(struct agent *a)
{
	const struct download *d = &a->deploy.download;
	struct logline line = logline_begin("image_fetch");
	logline_text(&line, "version", a->deploy.update.state.images[d->slot].version);
	logline_number(&line, "bytes", (int64_t)d->size);
	logline_number(&line, "blocks", d->block_count);
	logline_number(&line, "already_there", d->have);
	logline_end(&line, &a->ports.log, AGENT_LOG_INFO);
}

/* ---- beginning and ending ---- */

static void begin_manifest(struct agent *a, msec now)
{
	struct coap_uri uri;
	if (!coap_uri_parse(package_uri(a), &uri) || !aim(a, &uri)) {
		fetch_end_with(a, FIRMWARE_RESULT_INVALID_URI, "the Package URI is not on our server", now);
		return;
	}
	a->fetch.what = FETCH_MANIFEST;
	ask_manifest(a, now);
}

/* The manifest is read again from the journal, signature included: who is trusted may have changed since. */
static void begin_image(struct agent *a, msec now)
{
	const struct journal_state *s = &a->deploy.update.state;
	struct coap_uri base, uri;
	uint8_t path[sizeof s->uri + MANIFEST_URI_MAX + 2];
	struct writer room = writer_of(path, sizeof path);
	struct manifest m;
	enum manifest_reason reason = manifest_check(bytes_of(s->envelope, s->envelope_len), a->ports.signature, &m);
	if (reason != MANIFEST_GOOD) {
		fetch_end_with(a, result_of(reason), manifest_reason_text(reason), now);
		return;
	}
	if (!coap_uri_parse(package_uri(a), &base) || !coap_uri_resolve(&base, m.uri, &room, &uri) || !aim(a, &uri)) {
		fetch_end_with(a, FIRMWARE_RESULT_INVALID_URI, "the image's URI is not on our server", now);
		return;
	}
	a->fetch.what = FETCH_IMAGE;
	a->counters.blocks_resumed += a->deploy.download.have;
	fetch_log_image(a);
	ask_image(a, now);
}

void fetch_begin(struct agent *a, msec now)
{
	bool is_wanted = a->deploy.update.phase == UPDATE_MANIFEST || a->deploy.update.phase == UPDATE_IMAGE;
	if (!is_wanted || update_is_pushed(&a->deploy.update) || a->fetch.what != FETCH_NOTHING ||
		!agent_is_registered(a))
		return;
	a->fetch.from = find_source(a);
	if (a->fetch.from != NULL && !register_is_registered(&a->fetch.from->registration))
		return;
	a->fetch.retry_at = NEVER;
	a->fetch.backoff = a->config.retry_first_ms;
	if (a->deploy.update.phase == UPDATE_MANIFEST)
		begin_manifest(a, now);
	else if (a->deploy.update.phase == UPDATE_IMAGE && a->deploy.download.is_open)
		begin_image(a, now);
}

void fetch_stop(struct agent *a, msec now)
{
	a->fetch.what = FETCH_NOTHING;
	a->fetch.retry_at = NEVER;
	if (!handle_is_none(a->fetch.exchange))
		coap_endpoint_cancel(a->endpoint, a->fetch.exchange, now);
	a->fetch.exchange = HANDLE_NONE;
	coap_blockget_stop(&a->fetch.image, now);
	count_repeated(a);
	(void)download_sync(&a->deploy.download); /* what cannot be kept now is fetched again */
}

msec fetch_deadline(const struct agent *a)
{
	return a->fetch.what == FETCH_NOTHING
		       ? NEVER
		       : msec_earlier(a->fetch.retry_at, coap_blockget_deadline(&a->fetch.image));
}

void fetch_tick(struct agent *a, msec now)
{
	coap_blockget_tick(&a->fetch.image, now);
	if (a->fetch.what == FETCH_NOTHING || a->fetch.retry_at > now)
		return;
	if (a->fetch.what == FETCH_MANIFEST)
		ask_manifest(a, now);
	else
		ask_image(a, now);
}
