/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coap_download.h"

#include "cli/progress.h"
#include "coap/blockget.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define IN_FLIGHT_MAX     8192
#define PROGRESS_INTERVAL ((msec)100)
#define RUN_BYTES         65536 /* blocks that follow on each other are written together */

struct download {
	struct coap_client *client;
	const struct coap_download_config *config;
	struct coap_blockget get;
	uint8_t *bitmap;
	void *memory;
	int descriptor;
	uint8_t run[RUN_BYTES]; /* what comes next behind `run_offset`, not written yet */
	size_t run_len;
	off_t run_offset;
	bool is_over;
	enum coap_blockget_outcome outcome;
	int error;
	msec began, drawn;
	uint64_t arrived, size; /* by Q-Block */
	enum coap_code code;
};

/* ---- the bar ---- */

static void draw(struct download *d, msec now, bool is_last)
{
	char bar[PROGRESS_BYTES];
	uint64_t done = coap_blockfetch_progress(&d->get.fetch);
	if (!d->config->shows_progress || (now - d->drawn < PROGRESS_INTERVAL && !is_last))
		return;
	d->drawn = now;
	double share =
		d->get.fetch.size_is_known && d->get.fetch.size > 0 ? (double)done / (double)d->get.fetch.size : 0;
	double seconds = (double)(now - d->began + 1) / 1000;
	progress_bar(is_last && coap_blockfetch_is_complete(&d->get.fetch) ? 1 : share, bar);
	fprintf(stderr, "\r%s %9" PRIu64 " KiB %8.1f KiB/s%s", bar, done / 1024, (double)done / 1024 / seconds,
		is_last ? "\n" : "");
	fflush(stderr);
}

/* ---- blocks ---- */

static bool write_run(struct download *d)
{
	ssize_t len = (ssize_t)d->run_len;
	d->run_len = 0;
	if (len == 0 || pwrite(d->descriptor, d->run, (size_t)len, d->run_offset) == len)
		return true;
	d->error = errno;
	return false;
}

static bool store(void *context, uint32_t number, struct bytes payload, msec now)
{
	struct download *d = context;
	off_t offset = (off_t)coap_blockfetch_offset(&d->get.fetch, number);
	bool follows = offset == d->run_offset + (off_t)d->run_len && d->run_len + payload.len <= sizeof d->run;
	draw(d, now, false);
	if (!follows) {
		if (!write_run(d))
			return false;
		d->run_offset = offset;
	}
	memcpy(d->run + d->run_len, payload.data, payload.len);
	d->run_len += payload.len;
	return true;
}

static void ended(void *context, enum coap_blockget_outcome outcome, msec now)
{
	struct download *d = context;
	(void)now;
	d->is_over = true;
	d->outcome = outcome;
	coap_client_stop(d->client);
}

static msec deadline(void *context)
{
	struct download *d = context;
	return coap_blockget_deadline(&d->get);
}

static void tick(void *context, msec now)
{
	struct download *d = context;
	coap_blockget_tick(&d->get, now);
}

static void run(struct download *d)
{
	struct coap_client *c = d->client;
	c->deadline = deadline;
	c->tick = tick;
	c->context = d;
	d->began = coap_loop_read_clock();
	coap_blockget_begin(&d->get,
		&(struct coap_blockget_config){.endpoint = c->endpoint,
			.to = c->server,
			.options = d->config->options,
			.bitmap = d->bitmap,
			.bitmap_blocks = COAP_BLOCKS_MAX,
			.szx = coap_block_szx_of(d->config->block_size),
			.memory = d->memory,
			.in_flight_max = IN_FLIGHT_MAX,
			.tries_qblock = true,
			.patience = d->config->patience,
			.context = d,
			.store = store,
			.ended = ended},
		d->began);
	coap_client_run(c);
	if (!d->is_over) { /* interrupted, or the session was lost */
		d->outcome = COAP_BLOCKGET_SILENT;
		coap_blockget_stop(&d->get, coap_client_now(c));
	}
	draw(d, coap_client_now(c), true);
	c->deadline = NULL;
	c->tick = NULL;
}

/* ---- by Q-Block ---- */

static bool take_part(void *context, uint64_t offset, struct bytes part, uint64_t size)
{
	struct download *d = context;
	d->size = size;
	d->arrived += part.len;
	if (pwrite(d->descriptor, part.data, part.len, (off_t)offset) == (ssize_t)part.len)
		return true;
	d->error = errno;
	return false;
}

static enum coap_blockget_outcome outcome_of_reply(struct download *d, const struct coap_reply *reply)
{
	switch (reply->outcome) {
	case COAP_OUTCOME_RESPONSE:
		d->code = reply->code;
		if (!coap_code_is_success(reply->code))
			return COAP_BLOCKGET_REFUSED;
		if (d->arrived == 0) { /* it came in one message */
			d->size = reply->body.len;
			return take_part(d, 0, reply->body, reply->body.len) ? COAP_BLOCKGET_DONE : COAP_BLOCKGET_STORE;
		}
		return COAP_BLOCKGET_DONE;
	case COAP_OUTCOME_RESET:
	case COAP_OUTCOME_TIMEOUT:
	case COAP_OUTCOME_LOST:
		return COAP_BLOCKGET_SILENT;
	case COAP_OUTCOME_BROKEN:
		return d->error != 0 ? COAP_BLOCKGET_STORE : COAP_BLOCKGET_BROKEN;
	case COAP_OUTCOME_NOTIFICATION:
	case COAP_OUTCOME_BLOCK:
	case COAP_OUTCOME_MEMBER:
		break;
	}
	return COAP_BLOCKGET_BROKEN;
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct download *d = context;
	(void)endpoint;
	ended(d, outcome_of_reply(d, reply), now);
}

static void run_by_qblock(struct download *d)
{
	struct coap_client *c = d->client;
	struct coap_sink sink = {take_part, d, d->bitmap, COAP_BLOCKS_MAX};
	struct coap_call call = {.to = c->server,
		.method = COAP_GET,
		.options = d->config->options,
		.qblock = d->config->qblock,
		.sink = &sink,
		.reply = on_reply,
		.context = d};
	struct handle exchange;
	d->error = 0;
	if (!coap_endpoint_request(c->endpoint, &call, coap_loop_read_clock(), &exchange)) {
		d->outcome = COAP_BLOCKGET_BROKEN;
		return;
	}
	coap_client_run(c);
	if (!d->is_over) {
		d->outcome = COAP_BLOCKGET_SILENT;
		coap_endpoint_cancel(c->endpoint, exchange, coap_client_now(c));
	}
}

/* ---- the end ---- */

static enum coap_download_outcome outcome_of(enum coap_blockget_outcome outcome)
{
	switch (outcome) {
	case COAP_BLOCKGET_DONE:
		return COAP_DOWNLOAD_DONE;
	case COAP_BLOCKGET_REFUSED:
		return COAP_DOWNLOAD_REFUSED;
	case COAP_BLOCKGET_SILENT:
	case COAP_BLOCKGET_REJECTED:
	case COAP_BLOCKGET_LOST:
		return COAP_DOWNLOAD_SILENT;
	case COAP_BLOCKGET_CHANGED:
		return COAP_DOWNLOAD_CHANGED;
	case COAP_BLOCKGET_BROKEN:
		return COAP_DOWNLOAD_BROKEN;
	case COAP_BLOCKGET_STORE:
		break;
	}
	return COAP_DOWNLOAD_LOCAL;
}

/* The file has the name it was to have, or nothing is left of it. */
static enum coap_download_outcome keep(struct download *d, const char *part)
{
	enum coap_download_outcome outcome = outcome_of(d->outcome);
	bool is_written = write_run(d);
	is_written &= close(d->descriptor) == 0;
	if (outcome == COAP_DOWNLOAD_DONE && (!is_written || rename(part, d->config->file) != 0)) {
		outcome = COAP_DOWNLOAD_LOCAL;
		d->error = errno;
	}
	if (outcome != COAP_DOWNLOAD_DONE)
		(void)unlink(part);
	return outcome;
}

enum coap_download_outcome coap_download(struct coap_client *client, const struct coap_download_config *config,
	uint64_t *ret_size, enum coap_code *ret_code)
{
	static struct download d;
	enum coap_download_outcome outcome = COAP_DOWNLOAD_LOCAL;
	char part[PATH_MAX];
	d = (struct download){.client = client, .config = config, .bitmap = calloc(1, COAP_BLOCKS_MAX / 8)};
	d.memory = aligned_alloc(CARVE_ALIGNMENT, coap_blockget_memory(IN_FLIGHT_MAX));
	snprintf(part, sizeof part, "%s.part", config->file);
	d.descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	d.error = errno;
	if (d.bitmap != NULL && d.memory != NULL && d.descriptor >= 0) {
		if (config->qblock != COAP_QBLOCK_OFF)
			run_by_qblock(&d);
		else
			run(&d);
		outcome = keep(&d, part);
	}
	free(d.bitmap);
	free(d.memory);
	errno = d.error;
	*ret_size = config->qblock != COAP_QBLOCK_OFF ? d.size : d.get.fetch.size;
	*ret_code = config->qblock != COAP_QBLOCK_OFF ? d.code : d.get.code;
	return outcome;
}
