/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A long response into a file, with several blocks in flight (coap/blockfetch.h). The bytes go into FILE.part, which
 * takes the name when it is whole. */
#pragma once

#include "cli/coap_client.h"

struct coap_download_config {
	const char *file;
	const struct coap_options *options; /* path, query and the like */
	uint16_t block_size;
	enum coap_qblock_use qblock; /* in sets that the server sends by itself (RFC 9177), if it can */
	msec patience;               /* without anything arriving for so long it is given up */
	bool shows_progress;         /* a bar on standard error */
};

enum coap_download_outcome {
	COAP_DOWNLOAD_DONE,
	COAP_DOWNLOAD_REFUSED, /* the server answered with an error: `ret_code` */
	COAP_DOWNLOAD_SILENT,  /* the server does not answer, or not any more */
	COAP_DOWNLOAD_CHANGED, /* the body changed while it was fetched */
	COAP_DOWNLOAD_BROKEN,  /* the server contradicts itself */
	COAP_DOWNLOAD_LOCAL,   /* the file cannot be written: errno */
};

/* Runs the client's loop until the end. */
enum coap_download_outcome coap_download(struct coap_client *client, const struct coap_download_config *config,
	uint64_t *ret_size, enum coap_code *ret_code);
