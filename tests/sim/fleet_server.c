/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/fleet_parts.h"

#include "tests/mgmt/show.h"

#include <assert.h>
#include <stdlib.h>

#define STORE_LATENCY ((msec)5)

static struct fleet *fleet_of_server(struct fleet_server *s)
{
	return (struct fleet *)((char *)s - offsetof(struct fleet, server));
}

static void log_server(void *context, enum server_log_level level, struct bytes line)
{
	(void)level;
	fleet_log(fleet_of_server(context), "server", line);
}

static void server_command_done(void *context, const struct server_done *done, msec now)
{
	struct fleet_server *s = context;
	(void)now;
	if (done->token != FLEET_TOKEN)
		return;
	s->done = *done;
	s->has_done = true;
}

static void server_answered(void *context, const struct server_answer *answer, msec now)
{
	struct fleet_server *s = context;
	struct writer w = writer_of(s->answer, sizeof s->answer - 1);
	(void)now;
	coap_code_write(&w, answer->code);
	write_text(&w, answer->is_unreadable ? " unreadable\n" : "\n");
	for (size_t i = 0; i < answer->count; i++)
		show_record(&w, &answer->records[i]);
	if (answer->location.depth > 0)
		path_write(&w, answer->location);
	if (answer->kind == ERRAND_DISCOVER)
		write_bytes(&w, answer->body);
	s->answer[w.failed ? 0 : writer_bytes(&w).len] = '\0';
	s->watch = answer->watch;
	s->done = (struct server_done){.token = answer->token, .result = SERVER_DONE};
	s->has_done = true;
}

static struct fleet_artifact *find_artifact(struct fleet_server *s, const uint8_t digest[SHA256_BYTES])
{
	for (size_t i = 0; i < s->artifact_count; i++)
		if (memcmp(s->artifacts[i].digest, digest, SHA256_BYTES) == 0)
			return &s->artifacts[i];
	return NULL;
}

static bool artifact_find(void *context, const uint8_t digest[SHA256_BYTES], struct artifact *ret)
{
	struct fleet_artifact *a = find_artifact(context, digest);
	if (a == NULL)
		return false;
	memcpy(ret->digest, digest, SHA256_BYTES);
	ret->size = a->size;
	return true;
}

static int64_t artifact_read(void *context, const uint8_t digest[SHA256_BYTES], uint64_t offset, void *out, size_t len)
{
	struct fleet_artifact *a = find_artifact(context, digest);
	if (a == NULL)
		return -2;
	struct bytes part = bytes_first(bytes_from(bytes_of(a->bytes, a->size), (size_t)offset), len);
	if (part.len > 0)
		memcpy(out, part.data, part.len);
	return (int64_t)part.len;
}

static bool artifact_next(void *context, uint64_t *cursor, struct artifact *ret)
{
	struct fleet_server *s = context;
	if (*cursor >= s->artifact_count)
		return false;
	struct fleet_artifact *a = &s->artifacts[(*cursor)++];
	memcpy(ret->digest, a->digest, SHA256_BYTES);
	ret->size = a->size;
	return true;
}

static struct fleet_session *find_session(struct fleet_server *s, uint32_t number, const struct address *from)
{
	for (size_t i = 0; i < FLEET_DEVICES_MAX; i++)
		if (s->sessions[i].number != 0 && s->sessions[i].number == number &&
			address_equal(&s->sessions[i].remote.address, from))
			return &s->sessions[i];
	return NULL;
}

static bool server_send(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct fleet_server *s = context;
	(void)now;
	struct fleet_session *session = find_session(s, to->session.slot, &to->address);
	if (session == NULL)
		return false;
	fleet_send(&s->node, &to->address, FRAME_DATA, session->number, message);
	return true;
}

/* One session a device: the hello of another attempt replaces the old one. */
static void welcome(struct fleet_server *s, const struct address *from, uint32_t attempt, struct bytes name, msec now)
{
	size_t place = from->ip[15] - 1u;
	assert(place < FLEET_DEVICES_MAX && name.len < FLEET_NAME_BYTES);
	struct fleet_session *session = &s->sessions[place], old = *session;
	if (old.number != 0 && old.attempt == attempt) {
		fleet_send(&s->node, from, FRAME_WELCOME, old.number, BYTES_NONE);
		return;
	}
	uint32_t number = ++s->newest_session;
	*session = (struct fleet_session){.number = number, .attempt = attempt, .remote = {*from, {number, 1}}};
	memcpy(session->name, name.data, name.len);
	if (old.number != 0)
		server_disconnected(s->server, &old.remote, now);
	server_connected(s->server, &session->remote, name, now);
	fleet_send(&s->node, from, FRAME_WELCOME, number, BYTES_NONE);
}

static void server_receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct fleet_server *s = context;
	if (s->secure != NULL) {
		secure_end_receive(s->secure, from, datagram, now);
		fleet_secure_run_server(fleet_of_server(s), now);
		return;
	}
	struct reader r = reader_of(datagram);
	enum fleet_frame frame = (enum fleet_frame)read_u8(&r);
	uint32_t number = read_u32(&r);
	struct bytes rest = read_bytes(&r, reader_left(&r));
	struct fleet_session *session = find_session(s, number, from);
	if (frame == FRAME_HELLO)
		welcome(s, from, number, rest, now);
	else if (frame == FRAME_DATA && session != NULL)
		coap_endpoint_receive(s->endpoint, &session->remote, rest, now);
}

static msec server_node_deadline(void *context)
{
	struct fleet_server *s = context;
	msec secure = s->secure != NULL ? dtls_deadline(s->secure->dtls) : NEVER;
	return msec_earlier(msec_earlier(store_memory_deadline(&s->store), secure),
		msec_earlier(coap_endpoint_deadline(s->endpoint), server_deadline(s->server)));
}

static void server_node_tick(void *context, msec now)
{
	struct fleet_server *s = context;
	uint64_t ticket;
	bool ok;
	while (store_memory_due(&s->store, now, &ticket, &ok))
		server_stored(s->server, ticket, ok, now);
	if (s->secure != NULL)
		fleet_secure_run_server(fleet_of_server(s), now);
	coap_endpoint_tick(s->endpoint, now);
	server_tick(s->server, now);
}

static void history_add(void *context, const struct history_sample *sample)
{
	struct fleet_server *s = context;
	if (!sample->is_text && s->history_count < FLEET_HISTORY_MAX)
		s->history[s->history_count++] = (struct fleet_sample){sample->path, sample->at, sample->number};
}

void fleet_start_server(struct fleet *f)
{
	struct fleet_server *s = &f->server;
	uint8_t seed[PRNG_SEED_BYTES];
	struct server_config config = {.public_uri = FLEET_SERVER_URI,
		.devices = FLEET_DEVICES_MAX,
		.events = 2048,
		.updates = 256,
		.health_pmin_s = 5,
		.health_pmax_s = 60};
	struct server_ports ports = {.store = store_memory_port(&s->store),
		.artifacts = {.context = s, .find = artifact_find, .read = artifact_read, .next = artifact_next},
		.hash = &s->hash,
		.done = server_command_done,
		.done_context = s,
		.answered = server_answered,
		.history = {.context = s, .add = history_add},
		.log = log_server,
		.log_context = s};
	prng_fill(&f->world.prng, seed, sizeof seed);
	s->memory = fleet_take_memory(server_memory(&config));
	s->server = server_init(s->memory, &config, &ports, seed);
	struct coap_endpoint_config endpoint = {.parameters = coap_parameters_default,
		.capacities = {.exchanges = 64,
			.pending = 64,
			.duplicates = 256,
			.separate = 64,
			.observers = 4,
			.bodies = 16},
		.transport = {.context = s, .send = server_send}};
	fleet_secure_open_server(f);
	if (s->secure != NULL)
		endpoint.transport = dtls_transport(s->secure->dtls);
	endpoint.parameters.body_size_max = SERVER_BODY_MAX;
	endpoint.resources = server_resources(s->server, &endpoint.resource_count);
	s->endpoint_memory = fleet_take_memory(coap_endpoint_memory(&endpoint));
	s->endpoint = coap_endpoint_init(s->endpoint_memory, &endpoint, seed);
	server_set_clock(s->server, WALL_CLOCK_AHEAD, f->world.now);
	struct store_visitor visitor = server_visitor(s->server, f->world.now);
	bool loaded = store_memory_load(&s->store, &visitor);
	assert(loaded);
	server_start(s->server, s->endpoint, f->world.now);
	world_join(&f->world, &s->node);
}

void fleet_kill_server(struct fleet *f)
{
	struct fleet_server *s = &f->server;
	world_leave(&f->world, &s->node);
	store_memory_kill(&s->store);
	fleet_secure_close(&s->secure);
	memset(s->sessions, 0, sizeof s->sessions);
	free(s->memory);
	free(s->endpoint_memory);
	s->server = NULL;
	s->endpoint = NULL;
	s->memory = s->endpoint_memory = NULL;
}

static bool is_idle(void *context)
{
	return server_is_idle(context);
}

void fleet_restart_server(struct fleet *f, unsigned kept)
{
	struct fleet_server *s = &f->server;
	struct fleet_session sessions[FLEET_DEVICES_MAX] = {0};
	uint8_t notes[FLEET_DEVICES_MAX][SERVER_ASSOCIATION_MAX];
	struct writer written[FLEET_DEVICES_MAX];
	server_stop(s->server, f->world.now);
	bool stopped = world_run_until(&f->world, SECONDS(10), is_idle, s->server);
	assert(stopped);
	for (unsigned i = 0; i < kept; i++) {
		sessions[i] = s->sessions[i];
		written[i] = writer_of(notes[i], sizeof notes[i]);
		if (sessions[i].number != 0 && !server_association_write(s->server, &sessions[i].remote, &written[i]))
			sessions[i].number = 0;
	}
	fleet_kill_server(f);
	memcpy(s->sessions, sessions, sizeof sessions);
	fleet_start_server(f);
	for (unsigned i = 0; i < kept; i++)
		if (sessions[i].number != 0) {
			bool read = server_association_read(
				s->server, &sessions[i].remote, writer_bytes(&written[i]), f->world.now);
			assert(read);
		}
}

void fleet_make_server(struct fleet *f)
{
	store_memory_init(&f->server.store, STORE_LATENCY);
	f->server.node = (struct world_node){.address = fleet_server_address(),
		.context = &f->server,
		.receive = server_receive,
		.deadline = server_node_deadline,
		.tick = server_node_tick};
}
