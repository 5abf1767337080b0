/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * mbedTLS as a DTLS peer, with as little CoAP as shows that a session carries data.
 *
 *     mbedtls_peer client PORT PROOF SUITE     asks for /test and prints "got TEXT", or "failed WHY"
 *     mbedtls_peer server PORT PROOF           answers every request "hello"; prints "ready"
 *
 * PROOF is psk:IDENTITY:KEY (text) or certificate:CHAIN:KEY:CA (PEM files). SUITE is mbedTLS's name of it. */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/timing.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context random_source;
static mbedtls_ssl_config config;
static mbedtls_ssl_context ssl;
static mbedtls_ssl_cookie_ctx cookies;
static mbedtls_timing_delay_context timer;
static mbedtls_x509_crt chain, authorities;
static mbedtls_pk_context key;
static int suites[2];

static void check(int result, const char *what)
{
	char text[200] = "";
	if (result >= 0)
		return;
	mbedtls_strerror(result, text, sizeof text);
	printf("failed %s: %s\n", what, text);
	exit(1);
}

static void prove(char *proof)
{
	const char *kind = strtok(proof, ":"), *a = strtok(NULL, ":"), *b = strtok(NULL, ":"), *c = strtok(NULL, ":");
	if (strcmp(kind, "psk") == 0) {
		check(mbedtls_ssl_conf_psk(
			      &config, (const unsigned char *)b, strlen(b), (const unsigned char *)a, strlen(a)),
			"key");
		return;
	}
	check(mbedtls_x509_crt_parse_file(&chain, a), "certificate");
	check(mbedtls_pk_parse_keyfile(&key, b, NULL), "private key");
	check(mbedtls_x509_crt_parse_file(&authorities, c), "authorities");
	check(mbedtls_ssl_conf_own_cert(&config, &chain, &key), "certificate");
	mbedtls_ssl_conf_ca_chain(&config, &authorities, NULL);
	mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
}

static void set_up(int role)
{
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&random_source);
	mbedtls_ssl_config_init(&config);
	mbedtls_ssl_init(&ssl);
	mbedtls_x509_crt_init(&chain);
	mbedtls_x509_crt_init(&authorities);
	mbedtls_pk_init(&key);
	mbedtls_ssl_cookie_init(&cookies);
	check(mbedtls_ctr_drbg_seed(&random_source, mbedtls_entropy_func, &entropy, NULL, 0), "randomness");
	check(mbedtls_ssl_config_defaults(&config, role, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT),
		"defaults");
	mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random_source);
	mbedtls_ssl_conf_read_timeout(&config, 5000);
	mbedtls_ssl_conf_handshake_timeout(&config, 1000, 2000); /* gives up after three seconds */
}

static int shake_hands(void)
{
	int result;
	do
		result = mbedtls_ssl_handshake(&ssl);
	while (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE);
	return result;
}

static void run_client(const char *port, const char *suite)
{
	static const unsigned char get[] = {0x40, 0x01, 0x12, 0x34, 0xb4, 't', 'e', 's', 't'};
	unsigned char answer[1500];
	mbedtls_net_context net;
	mbedtls_net_init(&net);
	suites[0] = mbedtls_ssl_get_ciphersuite_id(suite);
	mbedtls_ssl_conf_ciphersuites(&config, suites);
	check(mbedtls_net_connect(&net, "127.0.0.1", port, MBEDTLS_NET_PROTO_UDP), "connect");
	check(mbedtls_ssl_setup(&ssl, &config), "setup");
	check(mbedtls_ssl_set_hostname(&ssl, NULL), "name"); /* this version knows no iPAddress */
	mbedtls_ssl_set_timer_cb(&ssl, &timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
	mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, mbedtls_net_recv_timeout);
	check(shake_hands(), "handshake");
	check(mbedtls_ssl_write(&ssl, get, sizeof get), "write");
	int len = mbedtls_ssl_read(&ssl, answer, sizeof answer - 1);
	check(len, "read");
	answer[len] = '\0';
	const unsigned char *text = memchr(answer, 0xff, (size_t)len);
	printf("got %s\n", text == NULL ? "" : (const char *)text + 1);
	(void)mbedtls_ssl_close_notify(&ssl);
}

/* To a request: an ACK with 2.05 "hello", its Message-ID and token. */
static void serve_session(void)
{
	unsigned char m[1500];
	int len;
	while ((len = mbedtls_ssl_read(&ssl, m, sizeof m)) > 0) {
		size_t token = m[0] & 15;
		if (len < 4 || (m[0] & 0x30) != 0 || m[1] == 0)
			continue;
		m[0] = (unsigned char)(0x60 | token);
		m[1] = 0x45;
		memcpy(m + 4 + token, "\xffhello", 6);
		(void)mbedtls_ssl_write(&ssl, m, 4 + token + 6);
	}
}

static void run_server(const char *port)
{
	mbedtls_net_context listener, net;
	unsigned char address[16];
	size_t address_len;
	mbedtls_net_init(&listener);
	mbedtls_net_init(&net);
	check(mbedtls_ssl_cookie_setup(&cookies, mbedtls_ctr_drbg_random, &random_source), "cookies");
	mbedtls_ssl_conf_dtls_cookies(&config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check, &cookies);
	check(mbedtls_ssl_setup(&ssl, &config), "setup");
	mbedtls_ssl_set_timer_cb(&ssl, &timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
	check(mbedtls_net_bind(&listener, "127.0.0.1", port, MBEDTLS_NET_PROTO_UDP), "bind");
	printf("ready\n");
	for (;;) {
		(void)fflush(stdout);
		mbedtls_net_free(&net);
		(void)mbedtls_ssl_session_reset(&ssl);
		check(mbedtls_net_accept(&listener, &net, address, sizeof address, &address_len), "accept");
		check(mbedtls_ssl_set_client_transport_id(&ssl, address, address_len), "address");
		mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, mbedtls_net_recv_timeout);
		int result = shake_hands();
		if (result == 0)
			serve_session();
	}
}

int main(int argc, char *argv[])
{
	if (argc < 4)
		return 2;
	int is_client = strcmp(argv[1], "client") == 0;
	set_up(is_client ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER);
	prove(argv[3]);
	if (is_client && argc > 4)
		run_client(argv[2], argv[4]);
	else if (!is_client)
		run_server(argv[2]);
	return 0;
}
