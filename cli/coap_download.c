/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coap_download.h"

#include "cli/progress.h"
#include "coap/blockfetch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WINDOW_MAX        128
#define PROGRESS_INTERVAL ((msec)100)

/* One block on its way. */
struct flight {
	struct download *download;
	uint32_t number;
	bool is_taken;
};

struct download {
	struct coap_client *client;
	const struct coap_download_config *config;
	struct coap_blockfetch fetch;
	uint8_t *bitmap;
	struct flight flights[WINDOW_MAX];
	int descriptor;
	bool is_over;
	enum coap_download_outcome outcome;
	enum coap_code code;
	int error;
	msec began, progressed, drawn;
};

static void end(struct download *d, enum coap_download_outcome outcome)
{
	if (d->is_over)
		return;
	d->is_over = true;
	d->outcome = outcome;
	coap_client_stop(d->client);
}

/* ---- the bar ---- */

static void draw(struct download *d, msec now, bool is_last)
{
	char bar[PROGRESS_BYTES];
	uint64_t done = coap_blockfetch_progress(&d->fetch);
	if (!d->config->shows_progress || (now - d->drawn < PROGRESS_INTERVAL && !is_last))
		return;
	d->drawn = now;
	double share = d->fetch.size_is_known && d->fetch.size > 0 ? (double)done / (double)d->fetch.size : 0;
	double seconds = (double)(now - d->began + 1) / 1000;
	progress_bar(is_last && coap_blockfetch_is_complete(&d->fetch) ? 1 : share, bar);
	fprintf(stderr, "\r%s %9" PRIu64 " KiB %8.1f KiB/s%s", bar, done / 1024, (double)done / 1024 / seconds,
		is_last ? "\n" : "");
	fflush(stderr);
}

/* ---- blocks ---- */

static void ask(struct download *d, msec now);

static bool store(struct download *d, uint32_t number, struct bytes payload)
{
	off_t offset = (off_t)coap_blockfetch_offset(&d->fetch, number);
	if (pwrite(d->descriptor, payload.data, payload.len, offset) != (ssize_t)payload.len) {
		d->error = errno;
		return false;
	}
	coap_blockfetch_stored(&d->fetch, number);
	return true;
}

static void take_block(struct download *d, uint32_t asked, const struct coap_reply *reply, msec now)
{
	struct coap_block block = {0, false, d->fetch.szx};
	struct bytes etag = BYTES_NONE;
	uint32_t value, size = 0;
	(void)coap_message_option(reply->message, COAP_OPTION_ETAG, &etag);
	(void)coap_message_uint(reply->message, COAP_OPTION_SIZE2, &size);
	if (coap_message_uint(reply->message, COAP_OPTION_BLOCK2, &value) && !coap_block_parse(value, &block)) {
		coap_blockfetch_lost(&d->fetch, asked, now);
		end(d, COAP_DOWNLOAD_BROKEN);
		return;
	}
	d->progressed = now;
	switch (coap_blockfetch_received(
		&d->fetch, asked, &block, reply->body.len, etag, size, (msec)reply->round_trip_ms, now)) {
	case COAP_BLOCKFETCH_STORE:
		if (!store(d, block.number, reply->body))
			end(d, COAP_DOWNLOAD_LOCAL);
		break;
	case COAP_BLOCKFETCH_REPEATED:
		break;
	case COAP_BLOCKFETCH_CHANGED:
		end(d, COAP_DOWNLOAD_CHANGED);
		break;
	case COAP_BLOCKFETCH_BROKEN:
		end(d, COAP_DOWNLOAD_BROKEN);
		break;
	}
}

/* An error may only mean that the body ends before this block, as long as its size is not known. */
static void take_refusal(struct download *d, uint32_t asked, const struct coap_reply *reply, msec now)
{
	d->code = reply->code;
	if (reply->code == COAP_SERVICE_UNAVAILABLE || reply->code == COAP_TOO_MANY_REQUESTS)
		coap_blockfetch_lost(&d->fetch, asked, now);
	else
		coap_blockfetch_refused(&d->fetch, asked);
	if (coap_blockfetch_is_failed(&d->fetch))
		end(d, COAP_DOWNLOAD_REFUSED);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct flight *flight = context;
	struct download *d = flight->download;
	(void)endpoint;
	flight->is_taken = false;
	if (d->is_over)
		return;
	if (reply->outcome == COAP_OUTCOME_RESPONSE && coap_code_is_success(reply->code))
		take_block(d, flight->number, reply, now);
	else if (reply->outcome == COAP_OUTCOME_RESPONSE)
		take_refusal(d, flight->number, reply, now);
	else
		coap_blockfetch_lost(&d->fetch, flight->number, now);
	draw(d, now, false);
	if (coap_blockfetch_is_complete(&d->fetch))
		end(d, COAP_DOWNLOAD_DONE);
	if (!d->is_over)
		ask(d, now);
}

static struct flight *free_flight(struct download *d)
{
	for (int i = 0; i < WINDOW_MAX; i++)
		if (!d->flights[i].is_taken)
			return &d->flights[i];
	return NULL;
}

static void ask(struct download *d, msec now)
{
	uint32_t number;
	struct flight *flight;
	while ((flight = free_flight(d)) != NULL && coap_blockfetch_next(&d->fetch, now, &number)) {
		struct coap_options options = *d->config->options;
		struct handle h;
		coap_options_set_uint(&options, COAP_OPTION_BLOCK2, coap_blockfetch_option(&d->fetch, number));
		struct coap_call call = {.to = d->client->server,
			.method = COAP_GET,
			.options = &options,
			.is_block = true,
			.ack_timeout = coap_blockfetch_timeout(&d->fetch),
			.max_retransmit = COAP_SEND_ONCE,
			.reply = on_reply,
			.context = flight};
		*flight = (struct flight){d, number, true};
		if (coap_endpoint_request(d->client->endpoint, &call, now, &h))
			continue;
		flight->is_taken = false;
		coap_blockfetch_lost(&d->fetch, number, now);
		return;
	}
}

/* ---- time ---- */

static msec deadline(void *context)
{
	struct download *d = context;
	return d->progressed + d->config->patience;
}

static void tick(void *context, msec now)
{
	struct download *d = context;
	if (deadline(d) <= now)
		end(d, COAP_DOWNLOAD_SILENT);
	else
		ask(d, now);
}

static void run(struct download *d)
{
	struct coap_client *c = d->client;
	c->deadline = deadline;
	c->tick = tick;
	c->context = d;
	d->began = d->progressed = coap_loop_read_clock();
	ask(d, d->began);
	if (!d->is_over)
		coap_client_run(c);
	if (!d->is_over) { /* interrupted, or the session was lost */
		d->is_over = true;
		d->outcome = COAP_DOWNLOAD_SILENT;
	}
	draw(d, coap_client_now(c), true);
	c->deadline = NULL;
	c->tick = NULL;
}

enum coap_download_outcome coap_download(struct coap_client *client, const struct coap_download_config *config,
	uint64_t *ret_size, enum coap_code *ret_code)
{
	static struct download d;
	char part[PATH_MAX];
	d = (struct download){.client = client, .config = config, .bitmap = calloc(1, COAP_BLOCKS_MAX / 8)};
	snprintf(part, sizeof part, "%s.part", config->file);
	d.descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (d.bitmap == NULL || d.descriptor < 0) {
		free(d.bitmap);
		return COAP_DOWNLOAD_LOCAL;
	}
	coap_blockfetch_init(&d.fetch, &(struct coap_blockfetch_config){.bitmap = d.bitmap,
					       .bitmap_blocks = COAP_BLOCKS_MAX,
					       .szx = coap_block_szx_of(config->block_size),
					       .window_max = WINDOW_MAX,
					       .ack_timeout = SECONDS(2)});
	run(&d);
	bool is_closed = close(d.descriptor) == 0;
	if (d.outcome == COAP_DOWNLOAD_DONE && (!is_closed || rename(part, config->file) != 0)) {
		d.outcome = COAP_DOWNLOAD_LOCAL;
		d.error = errno;
	}
	if (d.outcome != COAP_DOWNLOAD_DONE)
		(void)unlink(part);
	free(d.bitmap);
	errno = d.error;
	*ret_size = d.fetch.size;
	*ret_code = d.code;
	return d.outcome;
}
