/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The frame around both codecs of bench/coap-codec: `program CASE parse|build|list|show COUNT` does one operation COUNT
 * times and prints the nanoseconds of each, or prints the datagram in hexadecimal. What it does besides does not depend
 * on COUNT, so that the difference of two runs under callgrind is what the operations cost. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/codec_cases.h"

/* One operation, from and into the memory that `prepare` has made. The sum keeps the compiler from leaving it out. */
struct codec {
	void (*prepare)(const struct codec_case *c, const uint8_t **ret_datagram, size_t *ret_len);
	size_t (*parse)(void);
	size_t (*build)(void);
	size_t (*list)(void); /* NULL where there is one way to build */
};

static inline double seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline int codec_main(int argc, char **argv, const struct codec *codec)
{
	const uint8_t *datagram;
	size_t len, sum = 0;
	if (argc != 4 || strtoul(argv[1], NULL, 10) >= CODEC_CASE_COUNT) {
		fprintf(stderr, "usage: %s CASE parse|build|list|show COUNT\n", argv[0]);
		return 2;
	}
	codec->prepare(&codec_cases[strtoul(argv[1], NULL, 10)], &datagram, &len);
	size_t (*operation)(void) = codec->parse;
	if (strcmp(argv[2], "build") == 0)
		operation = codec->build;
	if (strcmp(argv[2], "list") == 0 && codec->list != NULL)
		operation = codec->list;
	unsigned long count = strtoul(argv[3], NULL, 10);
	double start = seconds_now();
	for (unsigned long i = 0; i < count; i++)
		sum += operation();
	double took = seconds_now() - start;
	if (strcmp(argv[2], "show") != 0) {
		printf("%.2f %zu\n", took * 1e9 / (double)count, sum);
		return 0;
	}
	printf("%s: ", codec_cases[strtoul(argv[1], NULL, 10)].name);
	for (size_t i = 0; i < len; i++)
		printf("%02x", datagram[i]);
	printf("\n");
	return 0;
}
