/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Many handshakes, each in a world of its own with a link that loses, repeats and reorders: how many complete, how long
 * they take, and whether each session that one end believes in carries messages.
 *
 *     handshakes [--count N] [--loss PERMILLE] [--seed SEED]
 *
 * A third of them by pre-shared key, a third by ECDHE_PSK, a third by certificates of both ends. Fails when
 * one leaves a session that carries nothing, or when more than one in a thousand does not complete within the minute it
 * has, up to a fifth lost; beyond that it only counts. One seed is one world. */
#include "tests/dtls/certificates.h"
#include "tests/dtls/pair.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 1000000
#define ATTEMPTS  60 /* of a message, a second each: at 40 % loss all of them fail once in 10^11 sessions */

static const enum dtls_suite suites[] = {
	DTLS_SUITE_PSK_AES_128_CCM_8, DTLS_SUITE_ECDHE_PSK_AES_128_GCM_SHA256, DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8};

struct figures {
	uint32_t complete, unusable;
	uint64_t datagrams, bytes;
	uint32_t count;
	msec *took;
};

static struct dtls_client_credential credential_for(enum dtls_suite suite)
{
	struct dtls_client_credential c = suite == DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8
						  ? pair_certificate(test_device_certificate, test_device_key)
						  : pair_psk();
	c.only_suite = (uint16_t)suite;
	return c;
}

static bool carries_messages(struct pair_world *w, struct pair_end *client, const struct coap_remote *session)
{
	for (int i = 0; i < ATTEMPTS && !pair_heard(client, "echo"); i++) {
		if (!pair_send(client, session, "echo"))
			return false;
		pair_run(w, SECONDS(1));
	}
	return pair_heard(client, "echo");
}

static void play(uint64_t seed, uint32_t loss_permille, struct figures *f)
{
	struct pair_world *w = pair_world_new(seed);
	struct dtls_client_credential credential = credential_for(suites[seed % (sizeof suites / sizeof *suites)]);
	struct pair_end *server = pair_end_start(
		w, 0, (struct pair_settings){.is_server = true, .uses_cid = true, .has_certificate = true});
	struct pair_end *client = pair_end_start(w, 1, (struct pair_settings){.uses_cid = seed % 2 == 0});
	w->link = (struct pair_link){
		.loss_permille = loss_permille, .repeat_permille = 200, .delay_min = 1, .delay_max = 1500};
	server->echoes = true;
	msec began = w->now;
	struct coap_remote session = pair_connect(client, &credential);
	while (client->seen.established + client->seen.failed == 0)
		pair_run(w, 10);
	f->datagrams += w->sent;
	f->bytes += w->sent_bytes;
	f->took[f->count++] = w->now - began;
	bool is_complete = client->seen.established == 1;
	f->complete += is_complete;
	f->unusable += is_complete && !carries_messages(w, client, &session);
	pair_world_free(w);
}

static int compare(const void *a, const void *b)
{
	msec x = *(const msec *)a, y = *(const msec *)b;
	return (x > y) - (x < y);
}

static void tell(const struct figures *f, uint32_t loss_permille)
{
	qsort(f->took, f->count, sizeof *f->took, compare);
	printf("%u handshakes at %.1f %% loss, a fifth repeated, delays of 1 to 1500 ms: %u complete, %u unusable\n",
		f->count, loss_permille / 10.0, f->complete, f->unusable);
	printf("median %.1f s, 99 of 100 within %.1f s, the longest %.1f s; %.1f datagrams and %.0f bytes each\n",
		(double)f->took[f->count / 2] / 1000, (double)f->took[f->count * 99 / 100] / 1000,
		(double)f->took[f->count - 1] / 1000, (double)f->datagrams / f->count, (double)f->bytes / f->count);
}

int main(int argc, char **argv)
{
	unsigned long count = 10000, loss = 200, seed = 1;
	for (int i = 1; i < argc; i += 2) {
		unsigned long *option = strcmp(argv[i], "--count") == 0  ? &count
					: strcmp(argv[i], "--loss") == 0 ? &loss
					: strcmp(argv[i], "--seed") == 0 ? &seed
									 : NULL;
		if (option == NULL || i + 1 == argc) {
			fprintf(stderr, "usage: handshakes [--count N] [--loss PERMILLE] [--seed SEED]\n");
			return 2;
		}
		*option = strtoul(argv[i + 1], NULL, 10);
	}
	if (count == 0 || count > COUNT_MAX || loss > 500) {
		fprintf(stderr, "handshakes: 1 to %d of them, at most 500 permille lost\n", COUNT_MAX);
		return 2;
	}
	struct figures f = {.took = calloc(count, sizeof *f.took)};
	for (uint64_t i = 0; f.took != NULL && i < count; i++) {
		uint32_t complete = f.complete, unusable = f.unusable;
		play(seed + i, (uint32_t)loss, &f);
		if (f.complete == complete || f.unusable != unusable)
			printf("seed %" PRIu64 " %s\n", seed + i,
				f.complete == complete ? "is not complete" : "is unusable");
	}
	if (f.count == 0)
		return 1;
	tell(&f, (uint32_t)loss);
	free(f.took);
	bool are_complete = loss > 200 || f.count - f.complete <= f.count / 1000;
	return are_complete && f.unusable == 0 ? 0 : 1;
}
