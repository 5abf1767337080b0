/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SipHash-2-4: a keyed hash of 64 bits whose values nobody can guess without the key, however many others he has seen
 * (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). For values that are handed to strangers and come
 * back, where bytes_hash, which is made for tables, would give its seed away. */
#pragma once

#include "coap/base/bytes.h"

#define SIPHASH_KEY_BYTES 16

uint64_t siphash(const uint8_t key[SIPHASH_KEY_BYTES], struct bytes b);
