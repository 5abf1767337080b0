/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The messages on which bench/coap-codec compares codecs: what constrained devices send all day, 41 to 57 bytes long.
 * Each case is what an application has in hand; every program makes its own datagram of it, and all must agree. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CASE_OPTIONS_MAX 8

struct codec_case {
	const char *name;
	uint8_t type, code;
	uint16_t id;
	const char *token, *payload;
	struct {
		uint16_t number;
		const char *text; /* NULL: the option is the number behind it */
		uint32_t value;
	} options[CASE_OPTIONS_MAX]; /* up to one with number 0 */
};

static const struct codec_case codec_cases[] = {
	{"put a reading", 0, 3, 0x7d34, "\xe1\xf2\xa3\xb4", "22.5 Cel",
		{{11, "sensors", 0}, {11, "room-12", 0}, {11, "temp", 0}, {12, NULL, 50}, {15, "unit=celsius", 0},
			{0}}},
	{"get with accept", 0, 1, 0x1a2b, "\x01\x02\x03\x04\x05\x06\x07\x08", "",
		{{11, "rd-lookup", 0}, {11, "res", 0}, {15, "ep=node-17", 0}, {15, "page=3", 0}, {17, NULL, 40}, {0}}},
	{"content in blocks", 2, 69, 0x00ff, "\x99\x88\x77\x66", "0123456789abcdef01234567",
		{{4, "etag-001", 0}, {12, NULL, 112}, {14, NULL, 3600}, {23, NULL, 0x1e}, {0}}},
	{"notification", 1, 69, 0xbeef, "\x5a\x5b", "{\"n\":\"lux\",\"v\":311.25,\"t\":17}",
		{{6, NULL, 81217}, {12, NULL, 110}, {14, NULL, 90}, {0}}},
	{"register", 0, 2, 0x4242, "\x10\x20\x30\x40", "</3/0>,</4/0>",
		{{11, "rd", 0}, {12, NULL, 40}, {15, "ep=node-17", 0}, {15, "lt=300", 0}, {15, "b=U", 0}, {0}}},
};

#define CODEC_CASE_COUNT (sizeof codec_cases / sizeof codec_cases[0])
