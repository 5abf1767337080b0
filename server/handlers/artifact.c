/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/handlers/artifact.h"

#include "coap/content_format.h"

#define ETAG_BYTES 8

/* What both have in common: who asks, how, and for which digest. 2.05 when the rest may go on. */
static enum coap_code admit(struct server *s, const struct coap_request *request, uint8_t digest[SHA256_BYTES],
	struct device **ret, msec now)
{
	struct device *device = registry_find_remote(&s->registry, &request->remote);
	if (device == NULL)
		return COAP_FORBIDDEN;
	if (claiming_is_guest(s, &request->remote))
		return COAP_FORBIDDEN;
	if (request->message->code != COAP_GET)
		return COAP_METHOD_NOT_ALLOWED;
	if (request->accept != COAP_FORMAT_NONE && request->accept != COAP_FORMAT_OCTETS)
		return COAP_NOT_ACCEPTABLE;
	if (request->rest_count != 1 || !artifact_parse_name(request->rest[0], digest))
		return COAP_NOT_FOUND;
	conduct_heard(s, device, now);
	*ret = device;
	return COAP_CONTENT;
}

/* The ETag must outlive this call: it lies in the request's scratch. */
static bool fill(const struct coap_request *request, const uint8_t digest[SHA256_BYTES], struct coap_response *ret)
{
	uint8_t *etag = arena_take(request->scratch, ETAG_BYTES);
	if (etag == NULL)
		return false;
	memcpy(etag, digest, ETAG_BYTES);
	ret->etag = bytes_of(etag, ETAG_BYTES);
	ret->content_format = COAP_FORMAT_OCTETS;
	ret->code = COAP_CONTENT;
	return true;
}

enum coap_answer handlers_manifest(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	uint8_t digest[SHA256_BYTES];
	struct device *device;
	(void)endpoint;
	ret->code = admit(s, request, digest, &device, now);
	if (ret->code != COAP_CONTENT)
		return COAP_ANSWER_NOW;
	const struct release *release = releases_find_manifest(&s->releases, digest);
	if (release == NULL) {
		ret->code = COAP_NOT_FOUND;
		return COAP_ANSWER_NOW;
	}
	ret->code = COAP_INTERNAL_SERVER_ERROR;
	if (fill(request, digest, ret))
		ret->payload = bytes_of(release->envelope, release->envelope_size);
	return COAP_ANSWER_NOW;
}

/* Reads the wanted slice into the request's scratch. False when the disk does not give it. */
static bool read_slice(struct server *s, const struct coap_request *request, const struct artifact *artifact,
	struct coap_response *ret)
{
	uint64_t left = artifact->size - request->slice_offset;
	size_t len = left < request->slice_size ? (size_t)left : request->slice_size;
	uint8_t *buffer = arena_take(request->scratch, len);
	if (buffer == NULL)
		return false;
	int64_t got = s->ports.artifacts.read(
		s->ports.artifacts.context, artifact->digest, request->slice_offset, buffer, len);
	if (got < 0 || (uint64_t)got != len)
		return false;
	ret->payload = bytes_of(buffer, len);
	ret->is_slice = true;
	ret->body_size = artifact->size;
	return true;
}

static void log_unreadable(struct server *s, const struct device *device)
{
	struct writer line = server_line(s, "artifact-unreadable", device->record.name);
	server_log(s, SERVER_LOG_ERROR, &line);
}

enum coap_answer handlers_image(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	uint8_t digest[SHA256_BYTES];
	struct device *device;
	struct artifact artifact;
	(void)endpoint;
	ret->code = admit(s, request, digest, &device, now);
	if (ret->code != COAP_CONTENT)
		return COAP_ANSWER_NOW;
	if (!s->ports.artifacts.find(s->ports.artifacts.context, digest, &artifact)) {
		ret->code = COAP_NOT_FOUND;
		return COAP_ANSWER_NOW;
	}
	if (request->slice_offset >= artifact.size) {
		ret->code = COAP_BAD_REQUEST; /* a block behind the end (RFC 7959 section 2.5) */
		return COAP_ANSWER_NOW;
	}
	ret->code = COAP_INTERNAL_SERVER_ERROR;
	if (!read_slice(s, request, &artifact, ret) || !fill(request, digest, ret)) {
		log_unreadable(s, device);
		return COAP_ANSWER_NOW;
	}
	s->counters.blocks_served++;
	s->counters.bytes_served += ret->payload.len;
	campaign_served(s, device, digest, request->slice_offset + ret->payload.len, now);
	return COAP_ANSWER_NOW;
}
