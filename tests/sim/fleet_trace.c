/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/fleet_parts.h"

#include "coap/uri.h"

#include <assert.h>
#include <stdio.h>

static uint64_t hash_of(struct bytes datagram)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < datagram.len; i++)
		hash = (hash ^ datagram.data[i]) * UINT64_C(1099511628211);
	return hash;
}

/* How often this very datagram was sent lately, this time counted: a retransmission is the same, byte for byte. */
static unsigned count_times(struct fleet_trace *t, uint64_t hash)
{
	for (size_t i = 0; i < FLEET_TRACE_RECENT; i++)
		if (t->recent[i].hash == hash)
			return ++t->recent[i].times;
	t->recent[t->next] = (struct fleet_trace_recent){hash, 1};
	t->next = (t->next + 1) % FLEET_TRACE_RECENT;
	return 1;
}

static const char *type_text(enum coap_type type)
{
	static const char *const texts[] = {"CON", "NON", "ACK", "RST"};
	return texts[type];
}

static const char *ordinal(unsigned times)
{
	static const char *const texts[] = {"", "", " (2nd)", " (3rd)", " (4th)", " (5th)"};
	return times < sizeof texts / sizeof texts[0] ? texts[times] : " (again)";
}

/* Message ids, tokens and queries are left out: they are chance, and the stories are not about them. */
static void write_message(struct writer *w, const struct fleet_datagram *d)
{
	const struct coap_message *m = d->message;
	if (m == NULL) {
		write_text(w, d->to_server ? "hello" : "welcome");
		return;
	}
	write_text(w, type_text(m->type));
	if (!coap_code_is_empty(m->code)) {
		write_text(w, " ");
		coap_code_write(w, m->code);
	}
	if (coap_code_is_request(m->code)) {
		unsigned cursor = 0;
		struct bytes segment;
		write_text(w, " ");
		while (coap_message_next(m, COAP_OPTION_URI_PATH, &cursor, &segment)) {
			write_text(w, "/");
			write_bytes(w, bytes_first(segment, 8)); /* enough of a digest */
		}
	}
	if (coap_message_has(m, COAP_OPTION_OBSERVE))
		write_text(w, " Observe");
}

static void keep_line(struct fleet *f, struct bytes text)
{
	if (f->trace.len + text.len >= sizeof f->trace.text)
		return;
	memcpy(f->trace.text + f->trace.len, text.data, text.len);
	f->trace.len += text.len;
	f->trace.text[f->trace.len] = '\0';
}

static void write_line(struct fleet *f, const struct fleet_datagram *d, bool passes, msec now)
{
	char line[160], head[48];
	const char *name = f->devices[d->device].name;
	struct writer w = writer_of(line, sizeof line);
	snprintf(head, sizeof head, "[%6lld] %s > %s: ", (long long)(now - f->trace.since),
		d->to_server ? name : "server", d->to_server ? "server" : name);
	write_text(&w, head);
	write_message(&w, d);
	write_text(&w, ordinal(d->times));
	write_text(&w, passes ? "\n" : " LOST\n");
	assert(!w.failed);
	if (f->is_talkative)
		printf("%.*s", (int)writer_bytes(&w).len, line);
	if (f->trace.is_on)
		keep_line(f, writer_bytes(&w));
}

bool fleet_see(void *fleet, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now)
{
	struct fleet *f = fleet;
	struct address server = fleet_server_address();
	struct fleet_datagram d = {
		.to_server = address_equal(to, &server), .times = count_times(&f->trace, hash_of(datagram))};
	struct coap_message message;
	(void)number;
	if (f->is_secure)
		return true;
	d.device = (d.to_server ? from : to)->ip[15] - 1u;
	assert(d.device < f->device_count && datagram.len >= FRAME_HEAD_BYTES);
	if (datagram.data[0] == FRAME_DATA) {
		enum coap_verdict verdict = coap_message_parse(bytes_from(datagram, FRAME_HEAD_BYTES), &message);
		assert(verdict == COAP_VERDICT_OK); /* nobody here sends anything else */
		d.message = &message;
		f->trace.requests += !d.to_server && coap_code_is_request(message.code) && d.times == 1;
	}
	bool passes = f->filter == NULL || f->filter(f->filter_context, &d, now);
	if (f->trace.is_on || f->is_talkative)
		write_line(f, &d, passes, now);
	return passes;
}

void fleet_trace_begin(struct fleet *f)
{
	f->trace = (struct fleet_trace){.is_on = true, .since = f->world.now};
}
