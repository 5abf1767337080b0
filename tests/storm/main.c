/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Random worlds for the CoAP stack: a few endpoints, each client and server at once, on a network that loses up to
 * 40 %, repeats, reorders, holds datagrams back for up to two minutes and is cut off now and then, while endpoints are
 * restarted without warning and the clock jumps ahead. Then the network heals.
 * In worlds with an odd seed some requests go to all endpoints at once (RFC 7252 section 8).
 *
 *     storm [--seed N] [--worlds N] [--talk]
 *
 * Without a seed one is taken from the clock; worlds N, N+1, ... follow. A world that breaks a rule prints its seed,
 * and `--seed N` shows it again, step by step the same.
 *
 * Rules.
 * - Every exchange ends, with one outcome.
 * - A request that is not idempotent runs at most once at one life of a server.
 * - A body, in either direction, is whole and the right one, or absent.
 * - An address that has not been verified gets no more than three times what it has sent (RFC 9175 section 2.4).
 * - Once the network has healed an exchange comes through, and in the end no table holds anything.
 * Tables are small and drawn by lot, so that being full is part of the weather. */
#include "tests/storm/storm.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	unsigned long worlds = 0;
	unsigned long long requests, datagrams;
	uint64_t seed = 0;
	bool has_seed = false;
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "0";
		if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(value, NULL, 10), has_seed = true, i++;
		else if (strcmp(argv[i], "--worlds") == 0)
			worlds = strtoul(value, NULL, 10), i++;
		else if (strcmp(argv[i], "--talk") == 0)
			is_talkative = true;
		else
			return fprintf(stderr, "usage: storm [--seed N] [--worlds N] [--talk]\n"), 2;
	}
	if (!has_seed)
		seed = (uint64_t)time(NULL) * 1000;
	if (worlds == 0)
		worlds = has_seed ? 1 : 100;
	for (unsigned long i = 0; i < worlds; i++, seed++)
		story_run(seed);
	story_totals(&requests, &datagrams);
	printf("%lu worlds, %llu requests, %llu datagrams: every rule held\n", worlds, requests, datagrams);
	return 0;
}
