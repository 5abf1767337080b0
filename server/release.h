/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Releases: a signed manifest envelope and the image it speaks of, under a name.
 *
 * The server signs nothing and holds no secret. It reads the manifest to know which image belongs to it and which
 * version devices must report; where it was given trust anchors it also verifies the signature, so that an operator
 * hears of a wrong key before a device does. Devices verify for themselves in any case. An envelope is named to devices
 * by its SHA-256. */
#pragma once

#include "mgmt/manifest.h"
#include "server/registry.h"

#define RELEASE_NAME_MAX        47
#define RELEASE_DESCRIPTION_MAX 127 /* longer ones are cut */

struct release {
	char name[RELEASE_NAME_MAX + 1];
	char version[MANIFEST_VERSION_MAX + 1]; /* what /3/0/3 must say afterwards */
	char description[RELEASE_DESCRIPTION_MAX + 1];
	uint64_t sequence;
	uint8_t vendor_id[MANIFEST_UUID_BYTES], class_id[MANIFEST_UUID_BYTES];
	uint8_t image[SHA256_BYTES];
	uint64_t image_size;
	uint8_t manifest[SHA256_BYTES]; /* of the envelope */
	wall_msec added_at;
	bool is_verified; /* by a trust anchor of the server */
	uint16_t envelope_size;
	uint8_t envelope[MANIFEST_ENVELOPE_MAX];
};

enum release_verdict {
	RELEASE_GOOD,
	RELEASE_BAD_NAME,     /* not 1 to RELEASE_NAME_MAX letters, digits and . _ - + : */
	RELEASE_BAD_MANIFEST, /* `reason` tells */
	RELEASE_NO_VERSION,   /* the manifest does not say which version the image is */
	RELEASE_FOREIGN_URI,  /* the image is not at /a/<its digest>, where this server has it */
};

/* Reads the envelope into a release. `anchors` may be NULL: then the form and the digest are checked, not the
 * signature. `hash` serves for its sha256. `*ret_reason` is set with BAD_MANIFEST. */
enum release_verdict release_read(struct release *ret, struct bytes name, struct bytes envelope,
	const struct signature_port *hash, const struct signature_port *anchors, enum manifest_reason *ret_reason);

/* The table of releases, in the order of their coming. Storage is the owner's. */
struct releases {
	struct release *items;
	uint32_t count, capacity;
};

void releases_carve(struct releases *r, struct carve *c, uint32_t capacity);
/* False when the table is full or the name or the manifest is there already. */
bool releases_add(struct releases *r, const struct release *release);
bool releases_remove(struct releases *r, struct bytes name);
const struct release *releases_find(const struct releases *r, struct bytes name);
const struct release *releases_find_manifest(const struct releases *r, const uint8_t manifest[SHA256_BYTES]);
const struct release *releases_find_image(const struct releases *r, const uint8_t image[SHA256_BYTES]);
