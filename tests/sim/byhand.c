/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/byhand.h"

#include <stdio.h>

static void note(struct byhand *b, struct bytes datagram)
{
	struct coap_message m;
	char line[COAP_MESSAGE_TEXT_MAX_BYTES];
	struct writer text = writer_of(line, sizeof line), w;
	if (coap_message_parse(datagram, &m) != COAP_VERDICT_OK)
		return;
	m.id = 0;
	m.token.len = 0;
	coap_message_describe(&text, &m);
	w = writer_of(b->heard + b->heard_len, sizeof b->heard - 1 - b->heard_len);
	write_bytes(&w, writer_bytes(&text));
	write_text(&w, "\n");
	if (!w.failed)
		b->heard_len += writer_bytes(&w).len;
	b->heard[b->heard_len] = '\0';
}

static void receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct byhand *b = context;
	(void)from, (void)now;
	assert(datagram.len <= sizeof b->data);
	b->count++;
	b->len = datagram.len;
	memcpy(b->data, datagram.data, datagram.len);
	note(b, datagram);
}

void byhand_join(struct byhand *b, struct world *w, uint8_t host)
{
	*b = (struct byhand){
		.node = {.address = address_ipv4(192, 0, 2, host, 5683), .context = b, .receive = receive}};
	world_join(w, &b->node);
}

void byhand_send(struct byhand *b, const struct peer *to, struct bytes datagram)
{
	struct datagram_port port = world_port(&b->node);
	(void)port.send(port.context, &to->node.address, datagram);
	world_run(b->node.world, 100);
}

void byhand_say(struct byhand *b, const struct peer *to, enum coap_type type, enum coap_code code, uint16_t id,
	struct bytes token, struct bytes payload)
{
	byhand_tell(b, to, type, code, id, token, NULL, payload);
}

void byhand_tell(struct byhand *b, const struct peer *to, enum coap_type type, enum coap_code code, uint16_t id,
	struct bytes token, const struct coap_options *options, struct bytes payload)
{
	uint8_t room[sizeof b->data];
	struct writer w = writer_of(room, sizeof room);
	struct coap_token t = coap_token_of(token);
	coap_message_write(&w, type, code, id, &t, options, payload);
	assert(!w.failed);
	byhand_send(b, to, writer_bytes(&w));
}

struct coap_message byhand_message(const struct byhand *b)
{
	struct coap_message m;
	enum coap_verdict verdict = coap_message_parse(bytes_of(b->data, b->len), &m);
	assert(verdict == COAP_VERDICT_OK);
	return m;
}

enum coap_type byhand_type(const struct byhand *b)
{
	return (enum coap_type)(b->data[0] >> 4 & 3);
}

uint8_t byhand_code(const struct byhand *b)
{
	return b->data[1];
}

uint16_t byhand_id(const struct byhand *b)
{
	return (uint16_t)(b->data[2] << 8 | b->data[3]);
}

struct bytes byhand_token(const struct byhand *b)
{
	return bytes_of(b->data + COAP_HEADER_BYTES, b->data[0] & 15);
}

bool byhand_heard(struct byhand *b, const char *lines)
{
	bool is_it = strcmp(b->heard, lines) == 0;
	if (!is_it)
		fprintf(stderr, "heard was:\n%sand not:\n%s", b->heard, lines);
	b->heard_len = 0;
	b->heard[0] = '\0';
	return is_it;
}

bool byhand_got_empty(struct byhand *b, enum coap_type type, uint16_t id)
{
	bool is_it = b->count == 1 && b->len == COAP_HEADER_BYTES && byhand_type(b) == type &&
		     byhand_code(b) == COAP_EMPTY && byhand_id(b) == id;
	b->count = 0;
	return is_it;
}
