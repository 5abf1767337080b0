/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A UDP socket, read and written in batches (recvmmsg, sendmmsg). An edge: it allocates, and returns errno values.
 *
 * Its receive queue is as long as the system allows: 4 MiB of the kernel's memory, some thousand small datagrams, also
 * against a smaller limit where the process may (SO_RCVBUFFORCE). What is lost all the same the kernel counts.
 *
 * One socket serves IPv6 and IPv4 alike where the system allows it. Each datagram lies in a buffer of its own, aligned
 * to 64 bytes and with 64 readable bytes behind its end, so that vector loads need no care. What is sent lies in the
 * send batch, which leaves with coap_udp_flush at the end of a turn of the loop, or when it is full. It is copied
 * there, unless it was written there in the first place (`room` of the transport). Datagrams of one size to one address
 * that follow each other leave as one segmented send where the system can do that (UDP_SEGMENT): the blocks of a body.
 * A datagram that the system does not take is dropped and counted; for CoAP that is a loss like any other. ICMP errors
 * are not asked for.
 *
 * Datagrams are not to be fragmented, by us or, with IPv4's "don't fragment", on the way, as RFC 7252 section 4.6 wants
 * messages that need no fragments. One for which the path is known to be too narrow goes in fragments all the same, and
 * is counted: whoever sends it has been told of wider links than there are.
 *
 * A socket that is bound to no single address answers from the address that was asked: an answer to the datagram being
 * handled, the latest of coap_udp_next, leaves from where that one came to. Where that is a group, which cannot send,
 * the system chooses. */
#pragma once

#include "coap/transport.h"

#include <stdbool.h>

#define COAP_UDP_DATAGRAM_MAX_BYTES 2048 /* longer ones are cut and dropped */
#define COAP_UDP_BATCH              64

struct coap_udp_counters {
	uint64_t received, sent, dropped_long, dropped_send;
	uint64_t segmented;  /* of those sent, how many left as part of a segmented send */
	uint64_t fragmented; /* of those sent, how many the path was known to be too narrow for */
};

struct coap_udp_datagram {
	struct address from;
	uint8_t *data; /* may be changed, as decryption in place does; valid until the next coap_udp_next */
	size_t len;
	bool is_group; /* it was sent to a multicast or broadcast address (RFC 7252 section 8.1) */
};

struct coap_udp;

/* `local` may have port 0; an address of all zeros is every address, IPv6 and IPv4. 0 or a negative errno. */
int coap_udp_open(const struct address *local, struct coap_udp **ret);
/* The same with a bound socket that another process has opened, a service manager for one; it is ours from now on, also
 * when that fails. What waits in its queue is received. */
int coap_udp_adopt(int descriptor, struct coap_udp **ret);
void coap_udp_close(struct coap_udp *u); /* NULL is allowed */

/* The descriptor to wait on for reading. */
int coap_udp_descriptor(const struct coap_udp *u);
/* Where it is bound, with the port that the system chose. */
struct address coap_udp_local(const struct coap_udp *u);

/* The next datagram; reads another batch when the last is used up. False when nothing is there now. */
bool coap_udp_next(struct coap_udp *u, struct coap_udp_datagram *ret);
/* Sends what is in the batch. */
void coap_udp_flush(struct coap_udp *u);

struct datagram_port coap_udp_port(struct coap_udp *u);
/* CoAP without security on this socket. */
struct coap_transport coap_udp_transport(struct coap_udp *u);

const struct coap_udp_counters *coap_udp_counters(const struct coap_udp *u);
/* How many datagrams the kernel has dropped because the receive queue was full; 0 where it does not tell. */
uint64_t coap_udp_overflows(const struct coap_udp *u);
