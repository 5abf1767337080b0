/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Packages that are written to devices, /5/0/0 (lwm2m interface section 11), for those that do not fetch: part by part
 * from where the artifacts are, so that a thousand pushes at once cost a thousand blocks and no more. With the manifest
 * the package is a CBOR sequence (RFC 8742) of the envelope and the image as a byte string, as agent/package.h reads
 * it; without, it is the image.
 *
 * A part is asked for when the device has all before it. That is how far the device has come. */
#include "server/composer.h"

#include "mgmt/cbor.h"

#define HEAD_BYTES 9 /* of a byte string, at most: RFC 8949 section 3 */

struct parcel {
	struct rollout_entry *entry;
	const struct rollout *rollout;
	struct device *device;
	struct bytes envelope; /* of nothing without the manifest */
	uint8_t head[HEAD_BYTES];
	size_t head_len;
};

static bool find_parcel(const struct server *s, uint32_t purpose, struct parcel *ret)
{
	*ret = (struct parcel){0};
	if (purpose == 0 || !slab_is_taken(&s->rollouts.entry_slab, purpose - 1))
		return false;
	ret->entry = rollout_entry_at(&s->rollouts, purpose - 1);
	ret->rollout = rollout_of(&s->rollouts, ret->entry);
	ret->device = handle_is_none(ret->entry->device) ? NULL : registry_get(&s->registry, ret->entry->device);
	const struct release *release = releases_find_manifest(&s->releases, ret->rollout->manifest);
	if (ret->device == NULL || release == NULL || !pushing_can(release))
		return false;
	if (rollout_delivery_to(ret->rollout, ret->device) != ROLLOUT_DELIVERY_PACKAGE)
		return true;
	struct writer w = writer_of(ret->head, sizeof ret->head);
	cbor_write_bytes_head(&w, release->image_size);
	ret->head_len = writer_bytes(&w).len;
	ret->envelope = bytes_of(release->envelope, release->envelope_size);
	return true;
}

static uint64_t before_image(const struct parcel *p)
{
	return p->envelope.len + p->head_len;
}

static void note_progress(struct server *s, const struct parcel *p, uint64_t offset, msec now)
{
	if (offset > 0 && p->entry->state == ENTRY_WAITING)
		campaign_entry_event(s, p->entry, ENTRY_EVENT_STARTED, 0, true, now);
	if (offset > before_image(p))
		campaign_served(s, p->device, p->rollout->image, offset - before_image(p), now);
}

/* Writes as much as fits of what lies behind the first `skip` bytes of the piece; what is left to skip. */
static uint64_t put(struct writer *w, struct bytes piece, uint64_t skip)
{
	if (skip >= piece.len)
		return skip - piece.len;
	write_bytes(w, bytes_first(bytes_from(piece, (size_t)skip), writer_left(w)));
	return 0;
}

static bool put_image(struct server *s, const struct parcel *p, struct writer *w, uint64_t offset)
{
	size_t len = writer_left(w);
	if (len == 0 || s->ports.artifacts.read(s->ports.artifacts.context, p->rollout->image, offset, w->at, len) ==
				(int64_t)len)
		return true;
	struct writer line = server_line(s, "artifact-unreadable", p->device->record.name);
	server_log(s, SERVER_LOG_ERROR, &line);
	return false;
}

static bool give(void *context, uint64_t key, uint64_t offset, uint8_t *out, size_t len, msec now)
{
	struct server *s = context;
	struct parcel p;
	if (!find_parcel(s, (uint32_t)key, &p))
		return false;
	note_progress(s, &p, offset, now);
	struct writer w = writer_of(out, len);
	uint64_t skip = put(&w, p.envelope, offset);
	skip = put(&w, bytes_of(p.head, p.head_len), skip);
	if (!put_image(s, &p, &w, skip))
		return false;
	s->counters.blocks_served++;
	s->counters.bytes_served += len;
	return true;
}

bool pushing_open(struct server *s, uint32_t purpose, struct coap_source *ret)
{
	struct parcel p;
	if (!find_parcel(s, purpose, &p))
		return false;
	*ret = (struct coap_source){.give = give,
		.context = s,
		.key = purpose,
		.size = (uint32_t)(before_image(&p) + p.rollout->image_size)};
	return true;
}

bool pushing_can(const struct release *release)
{
	uint64_t max = (uint64_t)COAP_BLOCKS_MAX * COAP_BLOCK_SIZE_MAX;
	return release->image_size < max - MANIFEST_ENVELOPE_MAX - HEAD_BYTES;
}
