/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 *     unwrap IDENTITY KEY PORT [CERTIFICATE PRIVATE-KEY ANCHORS]
 *
 * Takes the DTLS away, so that a scripted server can talk with the real agent: whoever proves to be IDENTITY by KEY, 16
 * bytes in text, or where these files are given by a certificate of that name, has his messages passed on to PORT of
 * this host, and hears what comes from there. It says on standard output on which port it listens itself, and then of
 * each session that it stands. */
#include "coap/io/loop.h"
#include "coap/io/udp.h"
#include "dtls/credential_table.h"
#include "dtls/crypto_wolfcrypt.h"
#include "dtls/dtls.h"
#include "dtls/engine_wolfssl.h"

#include <stdio.h>
#include <stdlib.h>

static struct coap_loop loop;
static struct coap_udp *outside, *inside;
static struct address script;
static struct dtls *dtls;
static struct coap_remote agent; /* who has said something last */

static struct coap_udp *listen_here(void)
{
	struct address any = address_ipv4(127, 0, 0, 1, 0);
	struct coap_udp *u;
	if (coap_udp_open(&any, &u) == 0)
		return u;
	(void)fprintf(stderr, "unwrap: no socket\n");
	exit(EXIT_FAILURE);
}

static struct bytes read_file(const char *path)
{
	static uint8_t memory[3][4096];
	static unsigned files;
	FILE *file = fopen(path, "re");
	size_t len = file == NULL ? 0 : fread(memory[files], 1, sizeof memory[files] - 1, file);
	if (file != NULL)
		(void)fclose(file);
	return bytes_of(memory[files++], len);
}

static struct dtls *secured(struct bytes identity, struct bytes key, const struct dtls_own_certificate *own)
{
	static struct dtls_credential_table table;
	static uint64_t credentials[64];
	static struct dtls_crypto crypto;
	static uint8_t seed[PRNG_SEED_BYTES];
	const char *reason = "no cryptography";
	struct dtls_engine_wolfssl_config config = {.handshakes = 4, .crypto = &crypto, .own = *own};
	struct dtls_engine_wolfssl *engine = NULL;
	dtls_credential_table_init(&table, credentials, 1, DTLS_CREDENTIAL_TEXT_MAX_BYTES, 0);
	(void)dtls_credential_table_add(&table, identity, own->chain_pem.len > 0 ? BYTES_NONE : key, identity, 0);
	config.credentials = dtls_credential_table_port(&table);
	if (dtls_crypto_wolfcrypt_init(&crypto) && coap_loop_seed(seed, sizeof seed) == 0)
		engine = dtls_engine_wolfssl_new(&config, &reason);
	if (engine == NULL) {
		(void)fprintf(stderr, "unwrap: %s\n", reason);
		exit(EXIT_FAILURE);
	}
	struct dtls_config d = {.sessions = 16,
		.handshakes = config.handshakes,
		.accepts = true,
		.uses_cid = true,
		.output = coap_udp_port(outside),
		.crypto = crypto,
		.engine = dtls_engine_wolfssl_port(engine)};
	return dtls_init(aligned_alloc(64, (dtls_memory(&d) + 63) / 64 * 64), &d, seed);
}

static void handle_events(msec now)
{
	struct datagram_port port = coap_udp_port(inside);
	struct dtls_event e;
	while (dtls_next(dtls, now, &e)) {
		if (e.kind == DTLS_EVENT_ESTABLISHED)
			puts("session");
		if (e.kind != DTLS_EVENT_MESSAGE)
			continue;
		agent = e.remote;
		(void)port.send(port.context, &script, e.message);
	}
}

static void on_outside(void *context, msec now)
{
	struct coap_udp_datagram d;
	(void)context;
	while (coap_udp_next(outside, &d)) {
		dtls_receive(dtls, &d.from, d.data, d.len, now);
		handle_events(now);
	}
}

static void on_inside(void *context, msec now)
{
	struct coap_udp_datagram d;
	(void)context;
	while (coap_udp_next(inside, &d))
		(void)dtls_send(dtls, &agent, bytes_of(d.data, d.len), now);
}

static msec deadline(void *context)
{
	(void)context;
	return dtls_deadline(dtls);
}

static void tick(void *context, msec now)
{
	(void)context;
	handle_events(now);
}

static void flush(void *context)
{
	(void)context;
	coap_udp_flush(outside);
	coap_udp_flush(inside);
}

int main(int argc, char **argv)
{
	static struct coap_loop_watch watches[2];
	const struct coap_loop_user user = {.deadline = deadline, .tick = tick, .flush = flush};
	struct dtls_own_certificate own = {.chain_pem = BYTES_NONE};
	if ((argc != 4 && argc != 7) || coap_loop_init(&loop, &user) != 0)
		return EXIT_FAILURE;
	outside = listen_here();
	inside = listen_here();
	script = address_ipv4(127, 0, 0, 1, (uint16_t)strtoul(argv[3], NULL, 10));
	if (argc == 7) {
		own.chain_pem = read_file(argv[4]);
		own.key_pem = read_file(argv[5]);
		own.anchors_pem = read_file(argv[6]);
	}
	dtls = secured(bytes_of_text(argv[1]), bytes_of_text(argv[2]), &own);
	coap_loop_watch(&loop, &watches[0], coap_udp_descriptor(outside), NULL, on_outside);
	coap_loop_watch(&loop, &watches[1], coap_udp_descriptor(inside), NULL, on_inside);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%u\n", coap_udp_local(outside).port);
	coap_loop_run(&loop);
	return EXIT_SUCCESS;
}
