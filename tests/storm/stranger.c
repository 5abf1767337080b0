/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/storm/storm.h"

#include <stdio.h>

#define ECHOES_KEPT 256

/* What passed between a life of a server and an address that may be somebody else's. */
struct account {
	uint64_t came, allowed, sent; /* bytes */
	unsigned life;
	unsigned echo_count; /* of all that were given to it; the last ones are kept */
	uint8_t echoes[ECHOES_KEPT][40];
	uint8_t echo_lengths[ECHOES_KEPT];
	bool is_verified;
};

static struct account accounts[NODES_MAX][NODES_MAX];

void stranger_begin(void)
{
	memset(accounts, 0, sizeof accounts);
}

static struct account *account_of(const struct node *server, const struct address *of)
{
	for (unsigned i = 0; i < node_count; i++) {
		struct account *a = &accounts[server->index][i];
		if (!address_equal(&nodes[i].peer.node.address, of))
			continue;
		if (a->life != server->life)
			*a = (struct account){.life = server->life};
		return a;
	}
	return NULL;
}

static void keep_echo(struct account *a, struct bytes echo)
{
	unsigned at = a->echo_count++ % ECHOES_KEPT;
	memcpy(a->echoes[at], echo.data, echo.len);
	a->echo_lengths[at] = (uint8_t)echo.len;
}

static bool was_given(const struct account *a, struct bytes echo)
{
	for (unsigned i = 0; i < a->echo_count && i < ECHOES_KEPT; i++)
		if (bytes_equal(echo, bytes_of(a->echoes[i], a->echo_lengths[i])))
			return true;
	return false;
}

/* Only a request may be answered at length; for anything else there is an empty message (RFC 7252 section 4.2). */
void stranger_says(const struct node *server, const struct address *from, struct bytes datagram)
{
	struct coap_message m;
	struct bytes echo;
	struct account *a = account_of(server, from);
	bool is_request = datagram.len >= 4 && coap_code_is_request((enum coap_code)datagram.data[1]);
	a->came += datagram.len;
	a->allowed += is_request ? server->config.parameters.amplification_max * datagram.len : 4;
	if (is_request && coap_message_parse(datagram, &m) == COAP_VERDICT_OK &&
		coap_message_option(&m, COAP_OPTION_ECHO, &echo))
		a->is_verified |= was_given(a, echo);
}

/* Own requests are no answers. */
static void stranger_hears(const struct node *server, const struct address *to, struct bytes datagram)
{
	struct coap_message m;
	struct bytes echo;
	struct account *a = account_of(server, to);
	if (a == NULL || coap_message_parse(datagram, &m) != COAP_VERDICT_OK || coap_code_is_request(m.code))
		return;
	if (coap_message_option(&m, COAP_OPTION_ECHO, &echo) && echo.len <= sizeof a->echoes[0])
		keep_echo(a, echo);
	a->sent += datagram.len;
	if (a->is_verified || server->config.parameters.amplification_max == 0)
		return;
	bytes_to_strangers += datagram.len;
	if (a->sent <= a->allowed)
		return;
	if (is_talkative)
		printf("node %u got %llu bytes and sent %llu\n", server->index, (unsigned long long)a->came,
			(unsigned long long)a->sent);
	broken("more than it may has gone to an address that is not verified", 0);
}

bool stranger_watches_link(void *context, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now)
{
	(void)context, (void)number;
	if (group_spread(from, to, datagram, now))
		return false;
	for (unsigned i = 0; i < node_count; i++)
		if (address_equal(&nodes[i].peer.node.address, from))
			stranger_hears(&nodes[i], to, datagram);
	return true;
}
