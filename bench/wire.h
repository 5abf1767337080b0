/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One UDP socket that is a whole fleet, for load generators over DTLS: each client has an address of its own from
 * 127.64.0.1 on, which IP_PKTINFO chooses for each datagram, so a million endpoints cost this side nothing. Reads and
 * writes go in batches.
 *
 * To the DTLS composer the world is turned around: each client's server stands at an address of its own (wire_server),
 * since one address leads to one session there. */
#pragma once

#include "coap/transport.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define WIRE_BATCH          64
#define WIRE_DATAGRAM_BYTES 2048
#define WIRE_CLIENTS_MAX    (1u << 22)

struct wire_batch {
	struct mmsghdr headers[WIRE_BATCH];
	struct iovec vectors[WIRE_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[WIRE_BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
	_Alignas(64) uint8_t data[WIRE_BATCH][WIRE_DATAGRAM_BYTES];
	unsigned count, next;
};

struct wire {
	int socket;
	struct sockaddr_in server;
	uint32_t first_client;
	uint64_t sent, received;
	struct wire_batch in, out;
};

/* Ends the process when there is no socket. `first_client` is the number of the first address to be used. */
void wire_open(struct wire *w, uint16_t port, uint32_t first_client);

/* Where the server of this client stands, and whose server stands there. */
struct address wire_server(uint32_t client);
uint32_t wire_client(const struct address *server);

struct datagram_port wire_port(struct wire *w);
void wire_flush(struct wire *w);
/* The next datagram, valid until the next call. False when nothing is there now. */
bool wire_next(struct wire *w, struct address *ret_from, uint8_t **ret_data, size_t *ret_len);
/* Until something is there, at most so many milliseconds. */
void wire_wait(const struct wire *w, int milliseconds);
