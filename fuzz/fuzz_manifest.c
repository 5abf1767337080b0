/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Envelopes, and the manifests in them as if they had been authenticated: what reads well is written by our own signer
 * and must read as the same. */
#include "mgmt/manifest.h"

#include <assert.h>
#include <stdlib.h>

static void hash(void *context, struct bytes data, uint8_t ret[SHA256_BYTES])
{
	(void)context;
	memset(ret, (int)data.len, SHA256_BYTES);
}

static bool sign(void *context, struct bytes message, uint8_t ret[SIGNATURE_BYTES])
{
	(void)context;
	memset(ret, (int)message.len, SIGNATURE_BYTES);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct signature_port port = {NULL, hash, NULL};
	const struct signer_port signer = {NULL, SIGNATURE_ES256, sign};
	struct manifest_view view;
	struct manifest first, second;
	uint8_t out[MANIFEST_ENVELOPE_MAX], *exact = malloc(len + (len == 0));
	struct writer w = writer_of(out, sizeof out);
	memcpy(exact, data, len);
	if (manifest_open(bytes_of(exact, len), &view) != MANIFEST_GOOD)
		view.manifest = bytes_of(exact, len);
	if (manifest_read(&view, &first) == MANIFEST_GOOD) {
		assert(manifest_sign(&first, &port, &signer, &w) == MANIFEST_GOOD);
		assert(manifest_open(writer_bytes(&w), &view) == MANIFEST_GOOD);
		assert(manifest_read(&view, &second) == MANIFEST_GOOD);
		assert(first.size == second.size && bytes_equal(first.uri, second.uri));
	}
	free(exact);
	return 0;
}
