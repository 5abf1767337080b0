/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/sweep.h"

#include <assert.h>

#define ECHO_MAX_BYTES     40 /* RFC 9175 section 2.2.1 */
#define MESSAGE_ROOM_BYTES (COAP_HEADER_BYTES + COAP_TOKEN_MAX_BYTES + 4 + ECHO_MAX_BYTES + 4 + SWEEP_OPTIONS_MAX_BYTES)
/* The state of a request is a byte: whether it carries an Echo. */
#define TOKEN_BYTES (COAP_STATELESS_OVERHEAD_BYTES + 1)

static const uint16_t understood_numbers[] = {
	COAP_OPTION_CONTENT_FORMAT,
	COAP_OPTION_ETAG,
	COAP_OPTION_MAX_AGE,
	COAP_OPTION_BLOCK2,
	COAP_OPTION_SIZE2,
	COAP_OPTION_ECHO,
};
static const struct coap_option_set understood = {
	understood_numbers, sizeof understood_numbers / sizeof understood_numbers[0], NULL};

static struct coap_remote remote_at(const struct address *address)
{
	return (struct coap_remote){*address, HANDLE_NONE};
}

/* ---- life ---- */

/* Room for all requests of one lifetime, so that no answer falls out of the window before its time. */
static uint32_t window_of(const struct sweep_config *config)
{
	uint64_t wanted = (uint64_t)config->rate * (uint64_t)config->timeout / 1000 * 2 + COAP_STATELESS_WINDOW_MIN;
	uint32_t window = COAP_STATELESS_WINDOW_MIN;
	while (window < wanted && window < COAP_STATELESS_WINDOW_MAX)
		window *= 2;
	return window;
}

size_t sweep_memory(const struct sweep_config *config)
{
	struct carve c = {0};
	carve_take(&c, coap_tokenlengths_memory(SWEEP_TRIALS_MAX), 1);
	carve_take(&c, coap_stateless_memory(window_of(config)), 1);
	return c.used;
}

void sweep_init(
	struct sweep *s, void *memory, const struct sweep_config *config, const uint8_t seed[PRNG_SEED_BYTES], msec now)
{
	struct carve c = {.memory = memory};
	uint8_t secret[SIPHASH_KEY_BYTES];
	uint32_t window = window_of(config);
	*s = (struct sweep){.config = *config, .quiet = now};
	prng_init(&s->prng, seed);
	prng_fill(&s->prng, secret, sizeof secret);
	coap_tokenlengths_init(&s->lengths, carve_take(&c, coap_tokenlengths_memory(SWEEP_TRIALS_MAX), 1),
		SWEEP_TRIALS_MAX, config->max_retransmit);
	coap_stateless_init(
		&s->stateless, carve_take(&c, coap_stateless_memory(window), 1), window, secret, config->timeout, now);
}

/* ---- what leaves ---- */

static void send(struct sweep *s, const struct coap_remote *to, const struct writer *w, msec now)
{
	const struct coap_transport *t = s->config.transport;
	assert(!w->failed);
	(void)t->send(t->context, to, writer_bytes(w), now); /* one that does not leave is lost like any other */
}

static void send_empty(struct sweep *s, const struct coap_remote *to, enum coap_type type, uint16_t id, msec now)
{
	uint8_t room[COAP_HEADER_BYTES];
	struct writer w = writer_of(room, sizeof room);
	coap_message_write_empty(&w, type, id);
	send(s, to, &w, now);
}

static void send_request(struct sweep *s, const struct coap_remote *to, uint16_t id, const struct coap_token *token,
	struct bytes echo, msec now)
{
	uint8_t room[MESSAGE_ROOM_BYTES];
	struct writer w = writer_of(room, sizeof room);
	struct coap_options options = *s->config.options;
	if (echo.len > 0)
		coap_options_add(&options, COAP_OPTION_ECHO, echo);
	coap_message_write(&w, COAP_TYPE_NON, COAP_GET, id, token, &options, BYTES_NONE);
	send(s, to, &w, now);
}

static void ask_sealed(struct sweep *s, const struct coap_remote *to, struct bytes echo, msec now)
{
	uint8_t has_echo = echo.len > 0;
	struct coap_token token;
	uint16_t id;
	bool is_sealed = coap_stateless_seal(&s->stateless, to, bytes_of(&has_echo, 1), TOKEN_BYTES, now, &token, &id);
	assert(is_sealed);
	s->quiet = msec_after(now, s->config.timeout);
	send_request(s, to, id, &token, echo, now);
}

static struct sweep_plain *find_place(struct sweep *s)
{
	for (uint32_t i = 0; i < SWEEP_PLAIN_MAX; i++)
		if (s->plain[i].expires == 0)
			return &s->plain[i];
	return NULL;
}

/* False when the table is full. */
static bool ask_plain(struct sweep *s, const struct coap_remote *to, struct bytes echo, msec now)
{
	uint8_t bytes[COAP_TOKEN_WORD_BYTES];
	struct sweep_plain *p = find_place(s);
	s->counters.dropped += p == NULL;
	if (p == NULL)
		return false;
	prng_fill(&s->prng, bytes, sizeof bytes);
	*p = (struct sweep_plain){.to = to->address,
		.token = coap_token_of(bytes_of(bytes, sizeof bytes)),
		.id = (uint16_t)prng_u32(&s->prng),
		.has_echo = echo.len > 0,
		.sent = now,
		.expires = msec_after(now, s->config.timeout)};
	s->counters.asked_plain += !p->has_echo;
	send_request(s, to, p->id, &p->token, echo, now);
	return true;
}

static void send_trial(struct sweep *s, const struct coap_tokenlength_peer *trial, msec now)
{
	uint8_t room[MESSAGE_ROOM_BYTES];
	struct writer w = writer_of(room, sizeof room);
	coap_tokenlength_write(&w, trial);
	send(s, &trial->remote, &w, now);
}

static void try_first(struct sweep *s, const struct coap_remote *to, msec now)
{
	const struct coap_tokenlength_peer *trial =
		coap_tokenlength_try(&s->lengths, to, TOKEN_BYTES, (uint16_t)prng_u32(&s->prng), &s->prng, now);
	if (trial != NULL)
		send_trial(s, trial, now);
}

bool sweep_has_room(const struct sweep *s)
{
	return s->lengths.trying < SWEEP_TRIALS_MAX;
}

void sweep_ask(struct sweep *s, const struct address *device, msec now)
{
	struct coap_remote to = remote_at(device);
	s->counters.asked++;
	switch (coap_tokenlength_of(&s->lengths, &to, now)) {
	case COAP_TOKENLENGTH_UNKNOWN:
		if (s->config.tries_first)
			try_first(s, &to, now);
		else
			ask_sealed(s, &to, BYTES_NONE, now);
		return;
	case COAP_TOKENLENGTH_TRYING: /* named twice; the trial's end asks */
		return;
	case COAP_TOKENLENGTH_EXTENDED:
		ask_sealed(s, &to, BYTES_NONE, now);
		return;
	case COAP_TOKENLENGTH_PLAIN:
		ask_plain(s, &to, BYTES_NONE, now);
		return;
	}
}

/* ---- what comes ---- */

static struct sweep_plain *find_plain(struct sweep *s, const struct coap_remote *from)
{
	for (uint32_t i = 0; i < SWEEP_PLAIN_MAX; i++)
		if (s->plain[i].expires > 0 && address_equal(&s->plain[i].to, &from->address))
			return &s->plain[i];
	return NULL;
}

/* It has said that it does not take the sealed request's token. False when that leads to no other request. */
static bool refused(struct sweep *s, const struct coap_remote *from, msec now)
{
	if (coap_tokenlength_of(&s->lengths, from, now) == COAP_TOKENLENGTH_PLAIN || find_plain(s, from) != NULL)
		return false; /* said before */
	coap_tokenlength_learnt(&s->lengths, from, COAP_TOKENLENGTH_PLAIN, now);
	s->counters.refused++;
	return ask_plain(s, from, BYTES_NONE, now);
}

static void on_reset(struct sweep *s, const struct coap_remote *from, uint16_t id, msec now)
{
	struct sweep_plain *p = find_plain(s, from);
	if (p != NULL && p->id == id) {
		p->expires = 0;
		s->counters.rejected++;
	} else if (coap_tokenlength_rejected(&s->lengths, from, id, now)) {
		s->counters.refused++;
		ask_plain(s, from, BYTES_NONE, now);
	} else if (coap_stateless_has_id(&s->stateless, from, id, now)) {
		refused(s, from, now);
	}
}

/* The acknowledgement that a response asks for; one that does not count is rejected (RFC 8974 section 3.3). */
static void settle(struct sweep *s, const struct coap_remote *from, const struct coap_message *m, bool counts, msec now)
{
	if (m->type == COAP_TYPE_CON)
		send_empty(s, from, counts ? COAP_TYPE_ACK : COAP_TYPE_RST, m->id, now);
}

static void on_answer(
	struct sweep *s, const struct coap_remote *from, struct coap_message *m, msec round_trip, msec now)
{
	uint16_t offending;
	bool is_usable = coap_message_recognise(m, &understood, &offending);
	settle(s, from, m, is_usable, now);
	s->counters.unusable += !is_usable;
	s->counters.answered += is_usable;
	if (is_usable)
		s->config.answered(s->config.context, &from->address, m, round_trip);
}

/* It wants to know first whether our address is real (RFC 9175 section 2.3); asked a second time, it is to know. */
static bool wants_echo(const struct coap_message *m, bool has_echo, struct bytes *ret)
{
	return m->code == COAP_UNAUTHORIZED && !has_echo && coap_message_option(m, COAP_OPTION_ECHO, ret) &&
	       ret->len > 0 && ret->len <= ECHO_MAX_BYTES;
}

static void on_plain(
	struct sweep *s, struct sweep_plain *p, const struct coap_remote *from, struct coap_message *m, msec now)
{
	struct bytes echo;
	p->expires = 0;
	if (!wants_echo(m, p->has_echo, &echo)) {
		on_answer(s, from, m, now - p->sent, now);
		return;
	}
	settle(s, from, m, true, now);
	ask_plain(s, from, echo, now);
}

static void on_opened(struct sweep *s, const struct coap_remote *from, struct coap_message *m,
	const struct coap_stateless_state *state, bool takes_extended, msec now)
{
	struct bytes echo;
	if (wants_echo(m, state->bytes[0] != 0, &echo)) {
		settle(s, from, m, true, now);
		ask_sealed(s, from, echo, now);
	} else if (m->code == COAP_BAD_REQUEST && !takes_extended && refused(s, from, now)) {
		/* It may mean that the token is too long (RFC 8974 section 2.2.2), or that the request is wrong. */
		settle(s, from, m, true, now);
	} else {
		on_answer(s, from, m, state->age, now);
	}
}

static void on_trial_answered(struct sweep *s, const struct coap_remote *from, msec now)
{
	if (coap_tokenlength_of(&s->lengths, from, now) == COAP_TOKENLENGTH_EXTENDED) {
		ask_sealed(s, from, BYTES_NONE, now);
	} else {
		s->counters.refused++;
		ask_plain(s, from, BYTES_NONE, now);
	}
}

static void on_sealed(struct sweep *s, const struct coap_remote *from, struct coap_message *m, msec now)
{
	struct coap_stateless_state state;
	bool is_known = coap_tokenlength_of(&s->lengths, from, now) == COAP_TOKENLENGTH_EXTENDED;
	switch (coap_stateless_open(&s->stateless, from, coap_token_bytes(&m->token), now, &state)) {
	case COAP_STATELESS_OPENED:
		on_opened(s, from, m, &state, is_known, now);
		return;
	case COAP_STATELESS_FORGED:
		s->counters.forged++;
		break;
	case COAP_STATELESS_LATE:
		s->counters.late++;
		break;
	case COAP_STATELESS_REPLAYED:
		s->counters.replayed++;
		break;
	}
	settle(s, from, m, false, now);
}

static void on_response(struct sweep *s, const struct coap_remote *from, struct coap_message *m, msec now)
{
	struct sweep_plain *p = find_plain(s, from);
	if (p != NULL && coap_token_equal(&p->token, &m->token)) {
		on_plain(s, p, from, m, now);
	} else if (coap_tokenlength_answered(&s->lengths, from, &m->token, m->code, now)) {
		settle(s, from, m, true, now);
		on_trial_answered(s, from, now);
	} else {
		on_sealed(s, from, m, now);
	}
}

void sweep_receive(struct sweep *s, const struct address *from, struct bytes datagram, msec now)
{
	struct coap_remote remote = remote_at(from);
	struct coap_message m;
	if (coap_message_parse(datagram, &m) != COAP_VERDICT_OK)
		return;
	if (m.type == COAP_TYPE_RST)
		on_reset(s, &remote, m.id, now);
	else if (coap_code_is_response(m.code))
		on_response(s, &remote, &m, now);
	else if (m.type == COAP_TYPE_ACK)
		(void)coap_tokenlength_acked(&s->lengths, &remote, m.id, now);
	else
		settle(s, &remote, &m, false, now); /* requests and pings */
}

/* ---- time ---- */

msec sweep_deadline(const struct sweep *s)
{
	msec deadline = coap_tokenlength_deadline(&s->lengths);
	for (uint32_t i = 0; i < SWEEP_PLAIN_MAX; i++)
		if (s->plain[i].expires > 0)
			deadline = msec_earlier(deadline, s->plain[i].expires);
	return deadline;
}

void sweep_tick(struct sweep *s, msec now)
{
	const struct coap_tokenlength_peer *trial;
	for (uint32_t i = 0; i < SWEEP_PLAIN_MAX; i++)
		if (s->plain[i].expires <= now)
			s->plain[i].expires = 0;
	while ((trial = coap_tokenlength_due(&s->lengths, now)) != NULL) {
		struct coap_remote silent = trial->remote;
		if (trial->state == COAP_TOKENLENGTH_TRYING)
			send_trial(s, trial, now);
		else
			ask_plain(s, &silent, BYTES_NONE, now);
	}
}

bool sweep_is_over(const struct sweep *s, msec now)
{
	return now > s->quiet && sweep_deadline(s) == NEVER;
}
