/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Name-based UUIDs, version 5 (RFC 9562 section 5.5), by which manifests name vendors and classes of devices
 * (draft-ietf-suit-manifest-37 section 8.4.8.2): vendor = v5(DNS namespace, domain), class = v5(vendor, name).
 *
 * Version 5 is made with SHA-1, which is here for this purpose alone. That is no weakness: these UUIDs tell devices
 * apart, they prove nothing; what is proven is proven by the signature over them. */
#pragma once

#include "coap/base/bytes.h"

#define UUID_BYTES      16
#define UUID_TEXT_BYTES 36

void uuid_vendor(struct bytes domain, uint8_t ret[UUID_BYTES]);
void uuid_class(const uint8_t vendor[UUID_BYTES], struct bytes name, uint8_t ret[UUID_BYTES]);
void uuid_named(const uint8_t space[UUID_BYTES], struct bytes name, uint8_t ret[UUID_BYTES]);
/* "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe" */
bool uuid_parse(struct bytes text, uint8_t ret[UUID_BYTES]);
void uuid_write(struct writer *w, const uint8_t uuid[UUID_BYTES]);
