/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A fleet in one process, on real sockets: each device has a DTLS session with its own pre-shared key, a registration,
 * a health that it reports and an observed object 5, as far as a server can tell. For bench/dtls-sessions and
 * tests/interop/restart.
 *
 *     fleet PORT DEVICES          key and identity of device n are what the script wrote for "d<n>"
 *
 * All devices share one socket and differ by their address (wire.h). Commands come on standard input, one line each,
 * and each is answered by one line:
 *
 *     register    everybody who is not registered makes a handshake and registers
 *     update      everybody who is renews; who hears no answer makes a new handshake, as a device does after a while
 *     sample      a thousand of them renew, as far apart as they can be
 *     notify      object 5 has changed everywhere: each observer is told, and has to acknowledge
 *     count       devices registered, observers, handshakes so far */
#include "bench/wire.h"
#include "coap/endpoint.h"
#include "coap/io/loop.h"
#include "dtls/crypto_wolfcrypt.h"
#include "dtls/dtls.h"
#include "dtls/engine_wolfssl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICES_MAX   1000000
#define AT_ONCE       64  /* handshakes under way */
#define ASKED_AT_ONCE 512 /* requests */
#define SAMPLE        1000

enum phase { PHASE_AWAY, PHASE_CONNECTING, PHASE_CONNECTED, PHASE_ASKING, PHASE_REGISTERED };

struct device {
	struct coap_remote remote;
	enum phase phase;
	char identity[16], location[32];
	uint8_t key[16];
};

struct fleet {
	struct coap_loop loop;
	struct coap_loop_watch socket_watch, input_watch;
	struct wire wire;
	uint32_t count;
	struct device *devices;
	uint32_t *by_slot; /* of sessions */
	struct dtls_crypto crypto;
	struct dtls_engine_wolfssl *engine;
	struct dtls *dtls;
	struct coap_endpoint *endpoint;
	struct coap_resource resources[3];
	uint32_t under_way, next; /* the devices from `next` on have not been looked at for this command */
	uint32_t done, lost, observers;
	uint64_t handshakes;
	char command[16]; /* empty: none */
};

/* ---- what a device does ---- */

static void go_on(struct fleet *f, msec now);

static void finished(struct fleet *f, struct device *d, enum phase phase, msec now)
{
	d->phase = phase;
	f->under_way--;
	go_on(f, now);
}

static bool begin_handshake(struct fleet *f, struct device *d, msec now)
{
	struct address to = wire_server((uint32_t)(d - f->devices));
	struct dtls_client_credential credential = {.kind = DTLS_CREDENTIAL_PSK,
		.psk_identity = bytes_of_text(d->identity),
		.psk_key = bytes_of(d->key, sizeof d->key)};
	if (!dtls_connect(f->dtls, &to, &credential, now, &d->remote))
		return false;
	f->by_slot[d->remote.session.slot] = (uint32_t)(d - f->devices);
	d->phase = PHASE_CONNECTING;
	return true;
}

static struct device *device_of(struct fleet *f, const struct coap_remote *remote)
{
	return &f->devices[f->by_slot[remote->session.slot]];
}

static void keep_location(struct device *d, const struct coap_message *m)
{
	unsigned cursor = 0;
	struct bytes segment;
	while (coap_message_next(m, COAP_OPTION_LOCATION_PATH, &cursor, &segment))
		(void)snprintf(d->location, sizeof d->location, "%.*s", (int)segment.len, (const char *)segment.data);
}

static void replied(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct fleet *f = context;
	struct device *d = device_of(f, &reply->remote);
	(void)endpoint;
	if (reply->outcome == COAP_OUTCOME_RESPONSE && coap_code_is_success(reply->code)) {
		if (reply->code == COAP_CREATED)
			keep_location(d, reply->message);
		f->done++;
		finished(f, d, PHASE_REGISTERED, now);
		return;
	}
	f->lost++;
	coap_endpoint_lost(f->endpoint, &reply->remote, now);
	dtls_close(f->dtls, reply->remote.session, now);
	d->location[0] = '\0';
	finished(f, d, PHASE_AWAY, now);
}

static bool ask(struct fleet *f, struct device *d, msec now)
{
	struct coap_options options;
	char query[32];
	struct handle exchange;
	bool is_new = d->location[0] == '\0';
	coap_options_clear(&options);
	coap_options_add_text(&options, COAP_OPTION_URI_PATH, "rd");
	if (!is_new)
		coap_options_add_text(&options, COAP_OPTION_URI_PATH, d->location);
	if (is_new) {
		(void)snprintf(query, sizeof query, "ep=%s", d->identity);
		coap_options_add_text(&options, COAP_OPTION_URI_QUERY, query);
		coap_options_add_text(&options, COAP_OPTION_URI_QUERY, "lt=86400");
		coap_options_add_text(&options, COAP_OPTION_URI_QUERY, "lwm2m=1.1");
		coap_options_add_text(&options, COAP_OPTION_URI_QUERY, "b=U");
		coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, 40);
	}
	struct coap_call call = {.to = d->remote,
		.method = COAP_POST,
		.options = &options,
		.body = is_new ? bytes_of_text("</1/0>,</3/0>,</5/0>,</26250/0>") : BYTES_NONE,
		.ack_timeout = 300,
		.max_retransmit = 2,
		.reply = replied,
		.context = f};
	if (!coap_endpoint_request(f->endpoint, &call, now, &exchange))
		return false;
	d->phase = PHASE_ASKING;
	return true;
}

/* ---- what a device shows ---- */

/* Manufacturer "sim", or an object 5 that has nothing to do, in TLV. */
static enum coap_answer show(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	static const uint8_t device[] = {0xc3, 0, 's', 'i', 'm'}, firmware[] = {0xc1, 3, 0, 0xc1, 5, 0};
	struct fleet *f = context;
	bool is_firmware = request->message->code == COAP_GET && !handle_is_none(request->observer);
	(void)endpoint;
	(void)now;
	f->observers += is_firmware && !request->is_notification;
	ret->code = COAP_CONTENT;
	ret->content_format = 11542;
	ret->payload = is_firmware ? bytes_of(firmware, sizeof firmware) : bytes_of(device, sizeof device);
	return COAP_ANSWER_NOW;
}

/* What an agent of ours measures, object 26250 in TLV: load, memory, disk, one temperature, uptime, processes, payload.
 */
static enum coap_answer show_health(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	static const uint8_t health[] = {0xc4, 0, 0x41, 0x48, 0, 0, 0xc4, 1, 0x3f, 0, 0, 0, 0xc4, 2, 0x3e, 0x80, 0, 0,
		0xc4, 3, 0x3e, 0, 0, 0, 0xc4, 4, 0, 3, 0x20, 0, 0xc4, 5, 0, 1, 0x90, 0, 0xc4, 6, 0, 0x40, 0, 0, 0xc4, 7,
		0, 0, 0xc8, 0, 0x86, 8, 0x44, 0, 0x42, 0x26, 0, 0, 0xc4, 9, 0, 1, 0x51, 0x80, 0xc1, 10, 77, 0xc1, 11, 2,
		0xc1, 12, 0, 0xc5, 13, '1', '.', '2', '.', '3'};
	(void)context;
	(void)endpoint;
	(void)now;
	ret->code = request->message->code == COAP_PUT ? COAP_CHANGED : COAP_CONTENT;
	if (ret->code == COAP_CHANGED)
		return COAP_ANSWER_NOW;
	ret->content_format = 11542;
	ret->payload = bytes_of(health, sizeof health);
	return COAP_ANSWER_NOW;
}

static void forget(void *context, struct handle observer)
{
	(void)observer;
	((struct fleet *)context)->observers--;
}

/* ---- commands ---- */

static void answer(struct fleet *f)
{
	(void)printf("%s done=%u lost=%u observers=%u handshakes=%llu\n", f->command, f->done, f->lost, f->observers,
		(unsigned long long)f->handshakes);
	(void)fflush(stdout);
	f->command[0] = '\0';
}

/* One device's part in the command; false when nothing is left to do for it. */
static bool take_part(struct fleet *f, struct device *d, msec now)
{
	if (strcmp(f->command, "register") == 0 && d->phase == PHASE_AWAY)
		return begin_handshake(f, d, now);
	bool renews = strcmp(f->command, "update") == 0 || strcmp(f->command, "sample") == 0;
	return renews && d->phase == PHASE_REGISTERED && ask(f, d, now);
}

/* From one that takes part to the next. */
static uint32_t stride(const struct fleet *f)
{
	return strcmp(f->command, "sample") == 0 && f->count > SAMPLE ? f->count / SAMPLE : 1;
}

static void go_on(struct fleet *f, msec now)
{
	if (f->command[0] == '\0')
		return;
	uint32_t most = strcmp(f->command, "register") == 0 ? AT_ONCE : ASKED_AT_ONCE;
	for (; f->under_way < most && f->next < f->count; f->next += stride(f))
		f->under_way += take_part(f, &f->devices[f->next], now);
	if (f->under_way == 0 && f->next >= f->count && strcmp(f->command, "notify") != 0)
		answer(f);
}

static void command_ready(void *context, msec now)
{
	struct fleet *f = context;
	char line[16] = "";
	ssize_t len = read(STDIN_FILENO, line, sizeof line - 1);
	if (len <= 1) {
		coap_loop_stop(&f->loop);
		return;
	}
	line[len - 1] = '\0';
	memcpy(f->command, line, sizeof line);
	f->next = f->done = f->lost = 0;
	if (strcmp(line, "notify") == 0)
		coap_endpoint_resource_changed(f->endpoint, &f->resources[1], now);
	go_on(f, now);
}

/* ---- the loop ---- */

static void established(struct fleet *f, struct device *d, msec now)
{
	f->handshakes++;
	d->phase = PHASE_CONNECTED;
	if (!ask(f, d, now))
		finished(f, d, PHASE_AWAY, now);
}

/* Closed from the other side: what a device would do at once, this fleet does with the next "register". */
static void lost(struct fleet *f, const struct dtls_event *event, msec now)
{
	struct device *d = device_of(f, &event->remote);
	bool is_under_way = d->phase == PHASE_CONNECTING;
	coap_endpoint_lost(f->endpoint, &event->remote, now); /* a request under way ends, and counts as lost */
	d->phase = PHASE_AWAY;
	if (is_under_way)
		finished(f, d, PHASE_AWAY, now);
}

static void drain(struct fleet *f, msec now)
{
	struct dtls_event event;
	while (dtls_next(f->dtls, now, &event))
		switch (event.kind) {
		case DTLS_EVENT_MESSAGE:
			coap_endpoint_receive(f->endpoint, &event.remote, event.message, now);
			break;
		case DTLS_EVENT_ESTABLISHED:
			established(f, device_of(f, &event.remote), now);
			break;
		case DTLS_EVENT_CLOSED:
		case DTLS_EVENT_FAILED:
			lost(f, &event, now);
			break;
		}
}

static void socket_ready(void *context, msec now)
{
	struct fleet *f = context;
	struct address from;
	uint8_t *data;
	size_t len;
	while (wire_next(&f->wire, &from, &data, &len)) {
		dtls_receive(f->dtls, &from, data, len, now);
		drain(f, now);
	}
}

static msec deadline(void *context)
{
	const struct fleet *f = context;
	return msec_earlier(dtls_deadline(f->dtls), coap_endpoint_deadline(f->endpoint));
}

static void tick(void *context, msec now)
{
	struct fleet *f = context;
	drain(f, now);
	coap_endpoint_tick(f->endpoint, now);
}

static void flush(void *context)
{
	struct fleet *f = context;
	wire_flush(&f->wire);
	if (strcmp(f->command, "notify") == 0 && coap_endpoint_is_idle(f->endpoint))
		answer(f);
	if (strcmp(f->command, "count") == 0)
		answer(f);
}

/* ---- life ---- */

static void *take(size_t size)
{
	void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
	if (memory == NULL)
		exit(1);
	memset(memory, 0, size);
	return memory;
}

/* As tests/interop/restart writes them into the file of keys. */
static void make_devices(struct fleet *f)
{
	f->devices = take(f->count * sizeof *f->devices);
	f->by_slot = take(f->count * sizeof *f->by_slot);
	for (uint32_t i = 0; i < f->count; i++) {
		struct writer w = writer_of(f->devices[i].key, sizeof f->devices[i].key);
		(void)snprintf(f->devices[i].identity, sizeof f->devices[i].identity, "d%u", i);
		for (int word = 0; word < 4; word++)
			write_u32(&w, i);
	}
}

static bool open_dtls(struct fleet *f)
{
	uint8_t seed[PRNG_SEED_BYTES];
	const char *reason = "";
	struct dtls_engine_wolfssl_config engine = {.handshakes = 2 * AT_ONCE, .crypto = &f->crypto};
	if (!dtls_crypto_wolfcrypt_init(&f->crypto) || coap_loop_seed(seed, sizeof seed) != 0 ||
		(f->engine = dtls_engine_wolfssl_new(&engine, &reason)) == NULL)
		return false;
	struct dtls_config config = {.sessions = f->count,
		.handshakes = 2 * AT_ONCE,
		.uses_cid = true,
		.crypto = f->crypto,
		.engine = dtls_engine_wolfssl_port(f->engine),
		.output = wire_port(&f->wire)};
	f->dtls = dtls_init(take(dtls_memory(&config)), &config, seed);
	return true;
}

static void open_endpoint(struct fleet *f)
{
	uint8_t seed[PRNG_SEED_BYTES] = {0};
	f->resources[0] = (struct coap_resource){.path = "3", .is_subtree = true, .handle = show, .context = f};
	f->resources[1] = (struct coap_resource){.path = "5",
		.is_subtree = true,
		.is_observable = true,
		.confirms_changes = true,
		.handle = show,
		.forget = forget,
		.context = f};
	f->resources[2] = (struct coap_resource){
		.path = "26250", .is_subtree = true, .is_observable = true, .handle = show_health, .context = f};
	struct coap_endpoint_config config = {.parameters = coap_parameters_default,
		.capacities = {.exchanges = 4 * ASKED_AT_ONCE,
			.pending = f->count + 4 * AT_ONCE,
			.duplicates = 2 * f->count,
			.separate = 16,
			.observers = 2 * f->count,
			.bodies = 4,
			.verified = 16},
		.transport = dtls_transport(f->dtls),
		.resources = f->resources,
		.resource_count = 3};
	(void)coap_loop_seed(seed, sizeof seed);
	f->endpoint = coap_endpoint_init(take(coap_endpoint_memory(&config)), &config, seed);
}

int main(int argc, char **argv)
{
	static struct fleet fleet;
	struct fleet *f = &fleet;
	struct coap_loop_user user = {f, deadline, tick, flush};
	if (argc != 3) {
		(void)fprintf(stderr, "usage: fleet PORT DEVICES\n");
		return 2;
	}
	unsigned long port = strtoul(argv[1], NULL, 10);
	f->count = (uint32_t)strtoul(argv[2], NULL, 10);
	if (port == 0 || port > UINT16_MAX || f->count == 0 || f->count > DEVICES_MAX)
		return 2;
	make_devices(f);
	wire_open(&f->wire, (uint16_t)port, 0);
	if (!open_dtls(f) || coap_loop_init(&f->loop, &user) != 0) {
		(void)fprintf(stderr, "fleet: no cryptography or loop\n");
		return 1;
	}
	open_endpoint(f);
	coap_loop_watch(&f->loop, &f->socket_watch, f->wire.socket, f, socket_ready);
	coap_loop_watch(&f->loop, &f->input_watch, STDIN_FILENO, f, command_ready);
	coap_loop_run(&f->loop);
	return 0;
}
