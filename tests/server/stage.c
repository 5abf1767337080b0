/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/stage.h"

#include "coap/content_format.h"
#include "coap/uri.h"
#include "mgmt/senml_cbor.h"
#include "mgmt/tlv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- ports of the server ---- */

static bool artifact_find(void *context, const uint8_t digest[SHA256_BYTES], struct artifact *ret)
{
	struct stage *s = context;
	if (!s->has_image || memcmp(digest, s->image_digest, SHA256_BYTES) != 0)
		return false;
	memcpy(ret->digest, digest, SHA256_BYTES);
	ret->size = STAGE_IMAGE_BYTES;
	return true;
}

static int64_t artifact_read(void *context, const uint8_t digest[SHA256_BYTES], uint64_t offset, void *out, size_t len)
{
	struct stage *s = context;
	(void)digest;
	if (s->image_is_broken)
		return -5;
	memcpy(out, s->image + offset, len);
	return (int64_t)len;
}

static bool artifact_next(void *context, uint64_t *cursor, struct artifact *ret)
{
	struct stage *s = context;
	return (*cursor)++ == 0 && artifact_find(s, s->image_digest, ret);
}

static enum artifact_result artifact_begin(void *context, uint64_t size, const uint8_t *digest, struct handle *ret)
{
	struct stage *s = context;
	(void)size;
	(void)digest;
	s->upload_len = 0;
	*ret = (struct handle){0, 1};
	return ARTIFACT_DONE;
}

static enum artifact_result artifact_append(void *context, struct handle upload, struct bytes data)
{
	struct stage *s = context;
	(void)upload;
	if (data.len > sizeof s->upload - s->upload_len)
		return ARTIFACT_TOO_LARGE;
	memcpy(s->upload + s->upload_len, data.data, data.len);
	s->upload_len += data.len;
	return ARTIFACT_DONE;
}

static enum artifact_result artifact_finish(void *context, struct handle upload, uint64_t ticket)
{
	struct stage *s = context;
	(void)upload;
	if (s->upload_len == 0)
		return ARTIFACT_EMPTY;
	s->upload_ticket = ticket;
	return ARTIFACT_DONE;
}

static void artifact_cancel(void *context, struct handle upload)
{
	(void)context;
	(void)upload;
}

static void command_done(void *context, const struct server_done *done, msec now)
{
	struct stage *s = context;
	(void)now;
	s->done = *done;
	s->dones++;
}

static void write_line(void *context, enum server_log_level level, struct bytes line)
{
	const struct stage *s = context;
	if (s->is_capturing)
		printf("[%8lld] %d %.*s\n", (long long)s->world.now, (int)level, (int)line.len,
			(const char *)line.data);
}

/* ---- the server as a node ---- */

static void node_receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct stage *s = context;
	struct coap_remote remote = {*from, HANDLE_NONE};
	coap_endpoint_receive(s->endpoint, &remote, datagram, now);
}

static msec node_deadline(void *context)
{
	const struct stage *s = context;
	msec at = msec_earlier(coap_endpoint_deadline(s->endpoint), server_deadline(s->server));
	return msec_earlier(at, s->upload_ticket != 0 ? 0 : store_memory_deadline(&s->store));
}

static void node_tick(void *context, msec now)
{
	struct stage *s = context;
	uint64_t ticket;
	bool ok;
	if (s->upload_ticket != 0) {
		struct artifact artifact = {.size = s->upload_len};
		ticket = s->upload_ticket;
		s->upload_ticket = 0;
		s->signature.sha256(s->signature.context, bytes_of(s->upload, s->upload_len), artifact.digest);
		server_artifact_finished(s->server, ticket, s->upload_result, &artifact, now);
	}
	while (store_memory_due(&s->store, now, &ticket, &ok))
		server_stored(s->server, ticket, ok, now);
	coap_endpoint_tick(s->endpoint, now);
	server_tick(s->server, now);
}

static bool node_send(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct stage *s = context;
	struct datagram_port port = world_port(&s->node);
	(void)now;
	return port.send(port.context, &to->address, message);
}

static void *take_memory(size_t size)
{
	void *memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
	assert(memory != NULL);
	memset(memory, 0x5a, size);
	return memory;
}

static void device_answered(void *context, const struct server_answer *answer, msec now)
{
	struct stage *s = context;
	(void)now;
	s->answer = answer->code;
	s->answer_count = answer->count;
	s->answers++;
}

static struct server_ports ports_of(struct stage *s)
{
	return (struct server_ports){.store = store_memory_port(&s->store),
		.artifacts = {.context = s,
			.find = artifact_find,
			.read = artifact_read,
			.next = artifact_next,
			.begin = artifact_begin,
			.append = artifact_append,
			.finish = artifact_finish,
			.cancel = artifact_cancel},
		.hash = &s->signature,
		.anchors = s->verifies ? &s->signature : NULL,
		.issuer = s->issuer,
		.done = command_done,
		.done_context = s,
		.answered = device_answered,
		.log = write_line,
		.log_context = s};
}

void stage_start(struct stage *s)
{
	uint8_t seed[PRNG_SEED_BYTES];
	struct server_ports ports = ports_of(s);
	prng_fill(&s->world.prng, seed, sizeof seed);
	s->memory = take_memory(server_memory(&s->config));
	s->server = server_init(s->memory, &s->config, &ports, seed);
	struct coap_endpoint_config endpoint = peer_config(NULL, 0);
	endpoint.parameters.body_size_max = SERVER_BODY_MAX;
	endpoint.resources = server_resources(s->server, &endpoint.resource_count);
	endpoint.transport = (struct coap_transport){.context = s, .send = node_send};
	s->endpoint_memory = take_memory(coap_endpoint_memory(&endpoint));
	s->endpoint = coap_endpoint_init(s->endpoint_memory, &endpoint, seed);
	server_set_clock(s->server, 1700000000000, s->world.now);
	struct store_visitor visitor = server_visitor(s->server, s->world.now);
	bool loaded = store_memory_load(&s->store, &visitor);
	assert(loaded);
	server_start(s->server, s->endpoint, s->world.now);
	world_join(&s->world, &s->node);
}

void stage_kill(struct stage *s)
{
	store_memory_kill(&s->store);
	world_leave(&s->world, &s->node);
	free(s->memory);
	free(s->endpoint_memory);
	s->server = NULL;
	s->upload_ticket = 0;
}

/* ---- a device's objects ---- */

static void respond_records(const struct coap_request *request, struct coap_response *ret, struct path base,
	const struct record *records, size_t count)
{
	struct writer w = arena_writer(request->scratch);
	bool is_tlv = request->accept == COAP_FORMAT_LWM2M_TLV;
	if (is_tlv)
		tlv_write(&w, base, records, count);
	else
		senml_cbor_write(&w, BYTES_NONE, base, records, count, SENML_NONE_LEFT_OUT);
	assert(!w.failed);
	arena_keep(request->scratch, &w);
	ret->code = COAP_CONTENT;
	ret->content_format = is_tlv ? COAP_FORMAT_LWM2M_TLV : COAP_FORMAT_SENML_CBOR;
	ret->payload = writer_bytes(&w);
}

static void respond_device(struct stage_device *d, const struct coap_request *request, struct coap_response *ret)
{
	struct record records[] = {
		record_of(path_of_resource(3, 0, 0), value_string(bytes_of_text("Fieldfare"))),
		record_of(path_of_resource(3, 0, 1), value_string(bytes_of_text("stage"))),
		record_of(path_of_resource(3, 0, 3), value_string(bytes_of_text(d->version))),
	};
	bool is_version = request->rest_count == 3;
	respond_records(request, ret, is_version ? path_of_resource(3, 0, 3) : path_of_instance(3, 0),
		is_version ? &records[2] : records, is_version ? 1 : 3);
}

static void respond_firmware(struct stage_device *d, const struct coap_request *request, struct coap_response *ret)
{
	struct record records[] = {
		record_of(path_of_resource(5, 0, 1), value_string(bytes_of_text(d->uri))),
		record_of(path_of_resource(5, 0, 3), value_integer(d->state)),
		record_of(path_of_resource(5, 0, 5), value_integer(d->result)),
		record_of(
			path_of_resource(5, 0, 9), value_integer(d->only_pushes ? FIRMWARE_BY_PUSH : FIRMWARE_BY_BOTH)),
	};
	respond_records(request, ret, path_of_instance(5, 0), records + d->only_pushes, 4u - d->only_pushes);
}

static void respond_health(const struct coap_request *request, struct coap_response *ret)
{
	struct record record = record_of(path_of_resource(26250, 0, HEALTH_CPU_LOAD), value_float(12.5));
	respond_records(request, ret, path_of_instance(26250, 0), &record, 1);
}

static enum coap_code take_uri(struct stage_device *d, struct bytes uri)
{
	if (uri.len == 0) {
		d->resets++;
		d->uri[0] = '\0';
		d->state = FIRMWARE_IDLE;
		d->result = FIRMWARE_RESULT_INITIAL;
		return COAP_CHANGED;
	}
	d->offers++;
	if (d->refuses != 0)
		return d->refuses;
	if (d->forgets_offers)
		return COAP_CHANGED;
	assert(uri.len < sizeof d->uri);
	memcpy(d->uri, uri.data, uri.len);
	d->uri[uri.len] = '\0';
	d->state = FIRMWARE_DOWNLOADING;
	d->result = FIRMWARE_RESULT_INITIAL;
	return COAP_CHANGED;
}

/* Of a device that shows nothing of a push before it has all of it. */
static enum coap_code take_package(struct stage_device *d, struct bytes package)
{
	if (package.len <= 1)
		return take_uri(d, BYTES_NONE);
	d->pushes++;
	if (d->refuses != 0)
		return d->refuses;
	d->result = d->finds;
	if (d->finds != FIRMWARE_RESULT_INITIAL)
		return COAP_BAD_REQUEST;
	memcpy(d->package, package.data, package.len);
	d->package_len = package.len;
	d->state = FIRMWARE_DOWNLOADED;
	return COAP_CHANGED;
}

static enum coap_code write_firmware(struct stage_device *d, const struct coap_request *request)
{
	bool is_uri = request->rest_count == 3 && bytes_equal_text(request->rest[2], "1");
	if (is_uri && d->only_pushes)
		return COAP_NOT_FOUND;
	return is_uri ? take_uri(d, request->body) : take_package(d, request->body);
}

static enum coap_code execute(struct stage_device *d)
{
	d->executes++;
	if (d->refuses != 0)
		return d->refuses;
	if (d->state != FIRMWARE_DOWNLOADED)
		return COAP_METHOD_NOT_ALLOWED;
	d->state = FIRMWARE_UPDATING;
	return COAP_CHANGED;
}

static void keep_log(struct stage_device *d, const struct coap_request *request)
{
	struct writer w = writer_of(d->log[d->log_count % STAGE_LOG_MAX], sizeof d->log[0] - 1);
	write_text(&w, coap_code_name(request->message->code));
	write_text(&w, " ");
	coap_uri_write_path(&w, request->message, COAP_OPTION_URI_PATH, COAP_OPTION_URI_QUERY);
	*w.at = '\0';
	d->log_count++;
}

static void serve_object(struct stage_device *d, const struct coap_request *request, struct coap_response *ret)
{
	bool is_get = request->message->code == COAP_GET;
	static const uint8_t noise[SERVER_BODY_MAX + 1];
	if (is_get && d->is_verbose) {
		ret->code = COAP_CONTENT;
		ret->content_format = COAP_FORMAT_OCTETS;
		ret->payload = bytes_of(noise, sizeof noise);
		return;
	}
	if (is_get && d->refused_accept != 0 && request->accept == d->refused_accept) {
		ret->code = COAP_NOT_ACCEPTABLE;
		return;
	}
	bool is_firmware = request->rest_count >= 2 && bytes_equal_text(request->rest[0], "5");
	if (!is_firmware && is_get)
		bytes_equal_text(request->rest[0], "3") ? respond_device(d, request, ret)
							: respond_health(request, ret);
	else if (is_get)
		respond_firmware(d, request, ret);
	else if (!is_firmware)
		ret->code = COAP_CHANGED;
	else
		ret->code = request->message->code == COAP_PUT ? write_firmware(d, request) : execute(d);
}

/* Its account at the Bootstrap server is /0/0. */
static void serve_blank(struct stage_device *d, const struct coap_request *request, struct coap_response *ret)
{
	static const char links[] = "</>;lwm2m=1.1,</0/0>,</3/0>";
	const char *line = d->log[(d->log_count - 1) % STAGE_LOG_MAX];
	unsigned object = request->rest_count > 0 && bytes_equal_text(request->rest[0], "1");
	ret->code = COAP_CHANGED;
	if (d->fails_at != NULL && strcmp(line, d->fails_at) == 0) {
		ret->code = COAP_BAD_REQUEST;
	} else if (request->message->code == COAP_DELETE) {
		ret->code = COAP_DELETED;
	} else if (request->message->code == COAP_GET) {
		ret->code = COAP_CONTENT;
		ret->content_format = COAP_FORMAT_LINK;
		ret->payload = bytes_of_text(links);
	} else if (request->message->code == COAP_PUT) {
		assert(request->body.len <= sizeof d->written[object]);
		memcpy(d->written[object], request->body.data, request->body.len);
		d->written_len[object] = request->body.len;
	} else if (d->finished != 0) {
		ret->code = d->finished;
	}
}

static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage_device *d = context;
	(void)endpoint;
	(void)now;
	if (!request->is_notification)
		keep_log(d, request);
	if (d->is_blank) {
		serve_blank(d, request, ret);
		return COAP_ANSWER_NOW;
	}
	if (!handle_is_none(request->observer)) {
		if (bytes_equal_text(request->rest[0], "5"))
			d->observer_firmware = request->observer;
		else
			d->observer_health = request->observer;
	}
	serve_object(d, request, ret);
	return COAP_ANSWER_NOW;
}

/* Requests to a deaf device do not arrive; answers to its own requests do. */
static bool let_through(void *context, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now)
{
	const struct stage *s = context;
	bool is_request = datagram.len >= 4 && coap_code_is_request((enum coap_code)datagram.data[1]);
	(void)from;
	(void)number;
	(void)now;
	for (unsigned i = 0; i < STAGE_DEVICES; i++)
		if (s->devices[i].is_deaf && is_request && address_equal(to, &s->devices[i].peer.node.address))
			return false;
	return true;
}

static void add_device(struct stage *s, unsigned i)
{
	static struct coap_resource resources[STAGE_DEVICES];
	struct stage_device *d = &s->devices[i];
	d->stage = s;
	(void)snprintf(d->name, sizeof d->name, "pump-%u", i);
	(void)snprintf(d->version, sizeof d->version, "1.0");
	resources[i] = (struct coap_resource){
		.path = "", .is_subtree = true, .is_observable = true, .handle = handle, .context = d};
	struct coap_endpoint_config config = peer_config(&resources[i], 1);
	config.parameters.body_size_max = 8192;
	peer_join(&d->peer, &s->world, (uint8_t)(10 + i), &config);
}

/* ---- life ---- */

void stage_begin(struct stage *s, const struct server_config *config)
{
	static const struct trust_anchors none;
	struct trust_key public;
	memset(s, 0, sizeof *s);
	world_init(&s->world, 1);
	s->world.link.filter = let_through;
	s->world.link.filter_context = s;
	bool made = signature_wolfcrypt_generate(SIGNATURE_ES256, "stage", &s->secret, &public);
	assert(made);
	s->anchors = none;
	s->anchors.keys[s->anchors.count++] = public;
	s->signature = signature_wolfcrypt_port(&s->anchors);
	s->verifies = true;
	s->config = config != NULL ? *config : (struct server_config){.devices = 8};
	s->config.public_uri = STAGE_PUBLIC_URI;
	s->node = (struct world_node){.address = address_ipv4(192, 0, 2, 1, 5684),
		.context = s,
		.receive = node_receive,
		.deadline = node_deadline,
		.tick = node_tick};
	for (size_t i = 0; i < STAGE_IMAGE_BYTES; i++)
		s->image[i] = (uint8_t)(i * 31 + i / 256);
	s->signature.sha256(s->signature.context, bytes_of(s->image, STAGE_IMAGE_BYTES), s->image_digest);
	store_memory_init(&s->store, 10);
	for (unsigned i = 0; i < STAGE_DEVICES; i++)
		add_device(s, i);
	stage_start(s);
	stage_run(s, SECONDS(1)); /* what the start itself has to tell the store is there */
}

void stage_end(struct stage *s)
{
	if (s->server != NULL)
		stage_kill(s);
	for (unsigned i = 0; i < STAGE_DEVICES; i++)
		peer_leave(&s->devices[i].peer);
	store_memory_done(&s->store);
	world_done(&s->world);
}

void stage_run(struct stage *s, msec span)
{
	world_run(&s->world, span);
}

/* ---- devices act ---- */

void stage_connect(struct stage *s, unsigned device)
{
	struct stage_device *d = &s->devices[device];
	struct coap_remote remote = peer_remote(&d->peer);
	server_connected(s->server, &remote, bytes_of_text(d->name), s->world.now);
}

void stage_disconnect(struct stage *s, unsigned device)
{
	struct coap_remote remote = peer_remote(&s->devices[device].peer);
	server_disconnected(s->server, &remote, s->world.now);
}

static void replied(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage_device *d = context;
	struct writer w = writer_of(d->location, sizeof d->location - 1);
	(void)endpoint;
	(void)now;
	d->code = reply->code;
	d->answers++;
	if (reply->message != NULL && coap_message_has(reply->message, COAP_OPTION_LOCATION_PATH)) {
		coap_uri_write_path(&w, reply->message, COAP_OPTION_LOCATION_PATH, COAP_OPTION_LOCATION_QUERY);
		*w.at = '\0';
	}
	memcpy(d->body_bytes, reply->body.data == NULL ? (const uint8_t *)"" : reply->body.data, reply->body.len);
	d->body = bytes_of(d->body_bytes, reply->body.len);
}

void stage_send(struct stage *s, unsigned device, enum coap_code method, const char *path, uint16_t format,
	struct bytes body, uint16_t accept)
{
	struct stage_device *d = &s->devices[device];
	struct coap_options options = {0};
	struct bytes text = bytes_of_text(path);
	const uint8_t *mark = memchr(text.data, '?', text.len);
	size_t len = mark == NULL ? text.len : (size_t)(mark - text.data);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_first(text, len));
	coap_options_add_query(&options, COAP_OPTION_URI_QUERY, bytes_from(text, len + 1));
	if (format != COAP_FORMAT_NONE)
		coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, format);
	if (accept != COAP_FORMAT_NONE)
		coap_options_add_uint(&options, COAP_OPTION_ACCEPT, accept);
	struct coap_call call = {.to = {s->node.address, HANDLE_NONE},
		.method = method,
		.options = &options,
		.body = body,
		.reply = replied,
		.context = d};
	struct handle exchange;
	d->code = COAP_EMPTY;
	bool sent = coap_endpoint_request(d->peer.endpoint, &call, s->world.now, &exchange);
	assert(sent);
}

void stage_request(struct stage *s, unsigned device, enum coap_code method, const char *path, const char *body)
{
	stage_send(s, device, method, path, body == NULL ? COAP_FORMAT_NONE : COAP_FORMAT_LINK,
		body == NULL ? BYTES_NONE : bytes_of_text(body), COAP_FORMAT_NONE);
}

static bool is_answered(void *context)
{
	return ((struct stage_device *)context)->code != COAP_EMPTY;
}

enum coap_code stage_ask(struct stage *s, unsigned device, enum coap_code method, const char *path, const char *body)
{
	stage_request(s, device, method, path, body);
	(void)world_run_until(&s->world, SECONDS(100), is_answered, &s->devices[device]);
	return s->devices[device].code;
}

enum coap_code stage_register(struct stage *s, unsigned device)
{
	char path[64];
	(void)snprintf(path, sizeof path, "/rd?ep=%s&lt=300&lwm2m=1.1&b=U", s->devices[device].name);
	return stage_ask(s, device, COAP_POST, path, STAGE_LINKS);
}

void stage_bring(struct stage *s, unsigned device)
{
	stage_connect(s, device);
	enum coap_code code = stage_register(s, device);
	assert(code == COAP_CREATED);
	stage_run(s, SECONDS(5));
}

void stage_firmware(struct stage *s, unsigned device, enum firmware_state state, enum firmware_result result)
{
	struct stage_device *d = &s->devices[device];
	d->state = state;
	d->result = result;
	coap_endpoint_changed(d->peer.endpoint, d->observer_firmware, true, s->world.now);
}

/* ---- operators act ---- */

void stage_sign(struct stage *s, const char *version, uint64_t sequence)
{
	char uri[3 + ARTIFACT_NAME_BYTES];
	struct writer text = writer_of(uri, sizeof uri), w = writer_of(s->envelope, sizeof s->envelope);
	struct signer_port signer = signature_wolfcrypt_signer(&s->secret);
	write_text(&text, "/a/");
	artifact_write_name(&text, s->image_digest);
	struct manifest m = {.sequence = sequence,
		.vendor_id = {1},
		.class_id = {2},
		.size = STAGE_IMAGE_BYTES,
		.component = bytes_of_text("image"),
		.uri = writer_bytes(&text),
		.version = bytes_of_text(version)};
	memcpy(m.digest, s->image_digest, SHA256_BYTES);
	enum manifest_reason reason = manifest_sign(&m, &s->signature, &signer, &w);
	assert(reason == MANIFEST_GOOD);
	s->envelope_len = writer_bytes(&w).len;
	s->has_image = true;
}

static bool is_done(void *context)
{
	return ((struct stage *)context)->dones > 0;
}

enum server_result stage_await(struct stage *s, enum server_result result)
{
	if (result != SERVER_ACCEPTED)
		return result;
	(void)world_run_until(&s->world, SECONDS(10), is_done, s);
	assert(s->dones == 1);
	s->dones = 0;
	return s->done.result;
}

static const struct server_ask ask = {.actor = "anna", .token = 7};

void stage_publish(struct stage *s, const char *name, const char *version, uint64_t sequence)
{
	stage_sign(s, version, sequence);
	enum server_result result = stage_await(s, server_release_add(s->server, bytes_of_text(name),
							   bytes_of(s->envelope, s->envelope_len), &ask, s->world.now));
	assert(result == SERVER_DONE);
}

uint32_t stage_roll_out(struct stage *s, const char *release, const struct rollout_plan *plan)
{
	struct server_selection all = {.kind = SELECTION_ALL};
	enum server_result result =
		stage_await(s, server_rollout_start(s->server, bytes_of_text(release), &all, plan, &ask, s->world.now));
	assert(result == SERVER_DONE);
	return s->done.rollout;
}

/* ---- questions ---- */

const struct device *stage_find(const struct stage *s, unsigned device)
{
	return server_device_find(s->server, bytes_of_text(s->devices[device].name));
}

const struct rollout_entry *stage_entry(const struct stage *s, uint32_t rollout, unsigned device)
{
	struct rollout_view view;
	const struct rollout *r = server_rollout_find(s->server, rollout);
	for (uint32_t cursor = 0; server_rollout_view_next(s->server, r, &cursor, &view);)
		if (bytes_equal_text(bytes_of_text(view.entry->name), s->devices[device].name))
			return view.entry;
	return NULL;
}

unsigned stage_events(const struct stage *s, enum event_type type)
{
	unsigned count = 0;
	const struct event *event;
	for (uint64_t after = 0; (event = server_event_after(s->server, after)) != NULL; after = event->number)
		count += event->type == type;
	return count;
}
