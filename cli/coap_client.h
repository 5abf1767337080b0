/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A CoAP client for command lines: one loop, one socket, one endpoint, and a DTLS session or a TCP connection when the
 * server wants one. */
#pragma once

#include "coap/endpoint.h"
#include "coap/io/loop.h"
#include "coap/io/tcp.h"
#include "coap/io/udp.h"
#include "dtls/crypto.h"
#include "dtls/dtls.h"

struct coap_client_config {
	struct address server;
	bool is_secure;
	bool is_group;      /* `server` is a multicast address */
	uint32_t interface; /* through which groups are reached; 0 for the system's choice */
	bool is_reliable;   /* over TCP; not together with is_secure */
	struct dtls_client_credential
		credential; /* used when is_secure; what it points to must stay as long as the client */
	uint16_t block_size;
	uint16_t mtu;      /* of the narrowest link on the way; 0 for DTLS_LINK_MTU_DEFAULT */
	msec session_wait; /* how long a session or connection may take to come about; 0 for as long as they try */
};

struct dtls_engine_wolfssl;

struct coap_client {
	struct coap_loop loop;
	struct coap_loop_watch watch;
	struct coap_udp *udp;
	struct coap_tcp *tcp; /* NULL without */
	struct coap_endpoint *endpoint;
	struct coap_remote server;
	uint16_t block_size; /* the largest that fits */
	void *endpoint_memory;
	/* the secure session; NULL without */
	struct dtls *dtls;
	void *dtls_memory;
	struct dtls_crypto crypto;
	struct dtls_engine_wolfssl *engine;
	bool has_crypto, is_connected;
	enum dtls_suite suite; /* of the session */
	msec gives_up;         /* when there is no session by then; NEVER once there is one */
	const char *failure;   /* why there is no session, or not any more; NULL when all is well */
	/* something else that has a time; may be NULL */
	msec (*deadline)(void *context);
	void (*tick)(void *context, msec now);
	void *context;
};

/* Opens everything; also makes the session or the connection, or waits for it in vain. NULL when all is well, else the
 * reason. coap_client_close follows in either case. */
const char *coap_client_open(struct coap_client *c, const struct coap_client_config *config);
void coap_client_close(struct coap_client *c);

/* Runs until coap_client_stop, or until the session is lost. */
void coap_client_run(struct coap_client *c);
void coap_client_stop(struct coap_client *c);
msec coap_client_now(const struct coap_client *c);
