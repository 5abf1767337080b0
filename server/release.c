/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/release.h"

#include "server/artifact.h"
#include "server/label.h"

#include <assert.h>

/* Devices fetch the image from where they got the manifest, so its URI is the absolute path /a/<digest>. */
static bool is_own_uri(const struct manifest *m)
{
	char text[3 + ARTIFACT_NAME_BYTES];
	struct writer w = writer_of(text, sizeof text);
	write_text(&w, "/a/");
	artifact_write_name(&w, m->digest);
	return bytes_equal(m->uri, writer_bytes(&w));
}

static enum manifest_reason check(struct bytes envelope, const struct signature_port *hash,
	const struct signature_port *anchors, struct manifest *ret)
{
	uint8_t digest[SHA256_BYTES];
	struct manifest_view view;
	if (anchors != NULL)
		return manifest_check(envelope, anchors, ret);
	enum manifest_reason reason = manifest_open(envelope, &view);
	if (reason != MANIFEST_GOOD)
		return reason;
	hash->sha256(hash->context, view.wrapped, digest);
	if (!bytes_equal(view.digest, bytes_of(digest, sizeof digest)))
		return MANIFEST_WRONG_DIGEST;
	return manifest_read(&view, ret);
}

static void fill(struct release *release, const struct manifest *m)
{
	label_cut(release->description, sizeof release->description, m->description);
	release->sequence = m->sequence;
	memcpy(release->vendor_id, m->vendor_id, sizeof release->vendor_id);
	memcpy(release->class_id, m->class_id, sizeof release->class_id);
	memcpy(release->image, m->digest, sizeof release->image);
	release->image_size = m->size;
}

enum release_verdict release_read(struct release *ret, struct bytes name, struct bytes envelope,
	const struct signature_port *hash, const struct signature_port *anchors, enum manifest_reason *ret_reason)
{
	struct manifest m;
	if (name.len > RELEASE_NAME_MAX || !label_is_name(name))
		return RELEASE_BAD_NAME;
	enum manifest_reason reason =
		envelope.len > MANIFEST_ENVELOPE_MAX ? MANIFEST_TOO_LARGE : check(envelope, hash, anchors, &m);
	if (reason != MANIFEST_GOOD) {
		*ret_reason = reason;
		return RELEASE_BAD_MANIFEST;
	}
	char version[MANIFEST_VERSION_MAX + 1];
	if (!label_set(version, sizeof version, m.version))
		return RELEASE_NO_VERSION;
	if (!is_own_uri(&m))
		return RELEASE_FOREIGN_URI;
	memset(ret, 0, sizeof *ret);
	fill(ret, &m);
	memcpy(ret->version, version, sizeof version);
	label_set(ret->name, sizeof ret->name, name);
	ret->is_verified = anchors != NULL;
	ret->envelope_size = (uint16_t)envelope.len;
	memcpy(ret->envelope, envelope.data, envelope.len);
	hash->sha256(hash->context, envelope, ret->manifest);
	return RELEASE_GOOD;
}

/* ---- the table ---- */

void releases_carve(struct releases *r, struct carve *c, uint32_t capacity)
{
	*r = (struct releases){.items = carve_take(c, capacity, sizeof *r->items), .capacity = capacity};
}

bool releases_add(struct releases *r, const struct release *release)
{
	if (r->count == r->capacity || releases_find(r, bytes_of_text(release->name)) != NULL ||
		releases_find_manifest(r, release->manifest) != NULL)
		return false;
	r->items[r->count++] = *release;
	return true;
}

bool releases_remove(struct releases *r, struct bytes name)
{
	const struct release *found = releases_find(r, name);
	if (found == NULL)
		return false;
	size_t at = (size_t)(found - r->items);
	r->count--;
	memmove(&r->items[at], &r->items[at + 1], (r->count - at) * sizeof *r->items);
	return true;
}

const struct release *releases_find(const struct releases *r, struct bytes name)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (bytes_equal_text(name, r->items[i].name))
			return &r->items[i];
	return NULL;
}

const struct release *releases_find_manifest(const struct releases *r, const uint8_t manifest[SHA256_BYTES])
{
	for (uint32_t i = 0; i < r->count; i++)
		if (memcmp(r->items[i].manifest, manifest, SHA256_BYTES) == 0)
			return &r->items[i];
	return NULL;
}

const struct release *releases_find_image(const struct releases *r, const uint8_t image[SHA256_BYTES])
{
	for (uint32_t i = 0; i < r->count; i++)
		if (memcmp(r->items[i].image, image, SHA256_BYTES) == 0)
			return &r->items[i];
	return NULL;
}
