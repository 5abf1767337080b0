/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/http/rig.h"

#include "mgmt/signature_wolfcrypt.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STORE_LATENCY 3
#define TURNS_MAX     5000

static const struct trust_anchors nobody;

/* ---- the repository ---- */

static bool find(void *context, const uint8_t digest[SHA256_BYTES], struct artifact *ret)
{
	struct rig *rig = context;
	if (!rig->has_artifact || memcmp(rig->artifact.digest, digest, SHA256_BYTES) != 0)
		return false;
	*ret = rig->artifact;
	return true;
}

static int64_t read_bytes_at(void *context, const uint8_t digest[SHA256_BYTES], uint64_t offset, void *out, size_t len)
{
	(void)context;
	(void)digest;
	(void)offset;
	(void)out;
	(void)len;
	return -ENOENT;
}

static bool next(void *context, uint64_t *cursor, struct artifact *ret)
{
	struct rig *rig = context;
	if (!rig->has_artifact || *cursor > 0)
		return false;
	*cursor = 1;
	*ret = rig->artifact;
	return true;
}

static enum artifact_result begin(void *context, uint64_t size, const uint8_t *digest, struct handle *ret)
{
	struct rig *rig = context;
	if (size != UINT64_MAX && size > RIG_ARTIFACT_BYTES)
		return ARTIFACT_TOO_LARGE;
	if (rig->is_uploading)
		return ARTIFACT_BUSY;
	rig->is_uploading = true;
	rig->has_expected = digest != NULL;
	if (digest != NULL)
		memcpy(rig->expected, digest, SHA256_BYTES);
	rig->uploaded = 0;
	rig->largest_piece = 0;
	*ret = (struct handle){0, 1};
	return ARTIFACT_DONE;
}

static enum artifact_result end(struct rig *rig, enum artifact_result result)
{
	rig->is_uploading = false;
	return result;
}

static enum artifact_result append(void *context, struct handle upload, struct bytes data)
{
	struct rig *rig = context;
	(void)upload;
	if (!rig->is_uploading)
		return ARTIFACT_UNKNOWN;
	if (rig->is_disk_full)
		return end(rig, ARTIFACT_NO_SPACE);
	if (data.len > RIG_ARTIFACT_BYTES - rig->uploaded)
		return end(rig, ARTIFACT_TOO_LARGE);
	memcpy(rig->bytes + rig->uploaded, data.data, data.len);
	rig->uploaded += data.len;
	rig->largest_piece = data.len > rig->largest_piece ? data.len : rig->largest_piece;
	return ARTIFACT_DONE;
}

static void make_artifact(struct rig *rig)
{
	struct signature_port port = signature_wolfcrypt_port(&nobody);
	rig->made = (struct artifact){.size = rig->uploaded};
	port.sha256(port.context, bytes_of(rig->bytes, rig->uploaded), rig->made.digest);
}

static enum artifact_result finish(void *context, struct handle upload, uint64_t ticket)
{
	struct rig *rig = context;
	(void)upload;
	if (rig->uploaded == 0)
		return end(rig, ARTIFACT_EMPTY);
	make_artifact(rig);
	if (rig->has_expected && memcmp(rig->made.digest, rig->expected, SHA256_BYTES) != 0)
		return end(rig, ARTIFACT_WRONG_DIGEST); /* at once, as artifact_files does */
	rig->finish_ticket = ticket;
	rig->is_finished = true;
	return ARTIFACT_DONE;
}

static void cancel(void *context, struct handle upload)
{
	(void)upload;
	end(context, ARTIFACT_DONE);
}

static bool remove_artifact(void *context, const uint8_t digest[SHA256_BYTES])
{
	(void)context;
	(void)digest;
	return false;
}

static void finish_upload(struct rig *rig)
{
	rig->is_finished = rig->is_uploading = false;
	rig->artifact = rig->made;
	rig->has_artifact = true;
	server_artifact_finished(rig->server, rig->finish_ticket, ARTIFACT_DONE, &rig->made, rig->now);
}

/* ---- the server ---- */

static bool send_nothing(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	(void)context;
	(void)to;
	(void)message;
	(void)now;
	return true;
}

static void on_done(void *context, const struct server_done *done, msec now)
{
	struct rig *rig = context;
	http_done(rig->http, done, now);
}

static void on_log(void *context, struct bytes line)
{
	struct rig *rig = context;
	if (sizeof rig->log - rig->log_len < line.len + 2)
		return;
	memcpy(rig->log + rig->log_len, line.data, line.len);
	rig->log_len += line.len;
	rig->log[rig->log_len++] = '\n';
	rig->log[rig->log_len] = '\0';
}

static void load_device(const struct store_visitor *visitor, const char *name)
{
	struct device_record record = {.first_seen = 1700000000000};
	struct registration registration = {.major = 1,
		.minor = 1,
		.bindings = 1,
		.lifetime_s = 86400,
		.registered_at = 1700000000000,
		.renewed_at = 1700000000000,
		.address = address_ipv4(192, 0, 2, 7, 5684),
		.object_count = 1,
		.objects = {{.object = 5, .instance = 0}}};
	snprintf(record.name, sizeof record.name, "%s", name);
	snprintf(record.version, sizeof record.version, "1.0.0");
	snprintf(record.model, sizeof record.model, "FD-100");
	snprintf(registration.location, sizeof registration.location, "%.11s", name);
	assert(visitor->device(visitor->context, &record));
	assert(visitor->registration(visitor->context, record.name, &registration));
}

static void start_server(struct rig *rig, const char *const devices[])
{
	static const uint8_t seed[PRNG_SEED_BYTES] = {7};
	static struct signature_port hash;
	hash = signature_wolfcrypt_port(&nobody);
	struct server_config config = {
		.public_uri = "coaps://192.0.2.1:5684", .devices = 16, .events = 64, .updates = 64};
	struct server_ports ports = {.store = store_memory_port(&rig->store),
		.artifacts = {rig, find, read_bytes_at, next, begin, append, finish, cancel, remove_artifact},
		.hash = &hash,
		.done = on_done,
		.done_context = rig};
	rig->memory = aligned_alloc(64, (server_memory(&config) + 63) & ~(size_t)63);
	assert(rig->memory != NULL);
	rig->server = server_init(rig->memory, &config, &ports, seed);
	struct coap_endpoint_config endpoint = {.parameters = coap_parameters_default,
		.capacities =
			{.exchanges = 16, .pending = 16, .duplicates = 16, .separate = 16, .observers = 4, .bodies = 4},
		.transport = {.send = send_nothing}};
	endpoint.resources = server_resources(rig->server, &endpoint.resource_count);
	endpoint.parameters.body_size_max = SERVER_BODY_MAX;
	rig->endpoint_memory = aligned_alloc(64, (coap_endpoint_memory(&endpoint) + 63) & ~(size_t)63);
	assert(rig->endpoint_memory != NULL);
	rig->endpoint = coap_endpoint_init(rig->endpoint_memory, &endpoint, seed);
	server_set_clock(rig->server, 1700000000000, rig->now);
	struct store_visitor visitor = server_visitor(rig->server, rig->now);
	for (; *devices != NULL; devices++)
		load_device(&visitor, *devices);
	server_start(rig->server, rig->endpoint, rig->now);
}

static msec read_clock(void *context)
{
	return ((struct rig *)context)->now;
}

static void start_http(struct rig *rig)
{
	char error[HTTP_ERROR_BYTES] = "", file[128];
	struct http_config config = {.listen = address_ipv4(127, 0, 0, 1, 0),
		.state_dir = rig->state_dir,
		.connections_max = 16,
		.now = read_clock,
		.now_context = rig,
		.log = on_log,
		.log_context = rig};
	rig->http = http_start(rig->loop, rig->server, &config, error);
	if (rig->http == NULL)
		fprintf(stderr, "http_start: %s\n", error);
	assert(rig->http != NULL);
	snprintf(file, sizeof file, "%s/admin.token", rig->state_dir);
	FILE *token = fopen(file, "r");
	assert(token != NULL && fgets(rig->admin, sizeof rig->admin, token) != NULL);
	rig->admin[strcspn(rig->admin, "\n")] = '\0';
	fclose(token);
}

void rig_init(struct rig *rig, const char *const devices[])
{
	*rig = (struct rig){.now = 1000};
	snprintf(rig->state_dir, sizeof rig->state_dir, "/tmp/fieldfare-http-XXXXXX");
	assert(mkdtemp(rig->state_dir) != NULL);
	rig->bytes = malloc(RIG_ARTIFACT_BYTES);
	rig->loop = ev_loop_new(EVBACKEND_EPOLL);
	assert(rig->bytes != NULL && rig->loop != NULL);
	store_memory_init(&rig->store, STORE_LATENCY);
	start_server(rig, devices);
	start_http(rig);
}

static void remove_file(const struct rig *rig, const char *name)
{
	char file[128];
	snprintf(file, sizeof file, "%s/%s", rig->state_dir, name);
	unlink(file);
}

void rig_done(struct rig *rig)
{
	http_stop(rig->http);
	ev_loop_destroy(rig->loop);
	store_memory_done(&rig->store);
	free(rig->memory);
	free(rig->endpoint_memory);
	free(rig->bytes);
	remove_file(rig, "admin.token");
	remove_file(rig, "tokens");
	rmdir(rig->state_dir);
}

void rig_restart_http(struct rig *rig)
{
	http_stop(rig->http);
	rig->http = NULL;
	start_http(rig);
}

void rig_turn(struct rig *rig)
{
	uint64_t ticket;
	bool ok;
	rig->now++;
	ev_run(rig->loop, EVRUN_NOWAIT);
	if (rig->is_finished)
		finish_upload(rig);
	while (store_memory_due(&rig->store, rig->now, &ticket, &ok))
		server_stored(rig->server, ticket, ok, rig->now);
	if (server_deadline(rig->server) <= rig->now)
		server_tick(rig->server, rig->now);
	if (coap_endpoint_deadline(rig->endpoint) <= rig->now)
		coap_endpoint_tick(rig->endpoint, rig->now);
}

/* ---- the client ---- */

int rig_connect(struct rig *rig)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(http_port(rig->http)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
	assert(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	return fd;
}

/* Lets the loop turn, and waits a moment for the socket. */
static void wait_for(struct rig *rig, int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	rig_turn(rig);
	poll(&p, 1, 1);
}

void rig_send(struct rig *rig, int fd, const void *data, size_t len)
{
	const char *at = data;
	for (int turn = 0; len > 0 && turn < TURNS_MAX; turn++) {
		ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			return; /* the server has answered early and closed */
		at += sent < 0 ? 0 : sent;
		len -= sent < 0 ? 0 : (size_t)sent;
		wait_for(rig, fd, POLLOUT);
	}
}

void rig_send_text(struct rig *rig, int fd, const char *text)
{
	rig_send(rig, fd, text, strlen(text));
}

bool rig_read_until(struct rig *rig, int fd, char *buffer, size_t capacity, const char *text)
{
	size_t len = 0;
	buffer[0] = '\0';
	for (int turn = 0; turn < TURNS_MAX; turn++) {
		ssize_t got = recv(fd, buffer + len, capacity - len - 1, 0);
		if (got == 0)
			return false;
		if (got > 0) {
			len += (size_t)got;
			buffer[len] = '\0';
			if (strstr(buffer, text) != NULL)
				return true;
		}
		wait_for(rig, fd, POLLIN);
	}
	return false;
}

/* Reads to the end of the connection. */
static size_t read_all(struct rig *rig, int fd, char *buffer)
{
	size_t len = 0;
	for (int turn = 0; turn < TURNS_MAX; turn++) {
		ssize_t got = recv(fd, buffer + len, RIG_REPLY_BYTES - len - 1, 0);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			break;
		len += got > 0 ? (size_t)got : 0;
		wait_for(rig, fd, POLLIN);
	}
	buffer[len] = '\0';
	return len;
}

struct reply rig_ask(struct rig *rig, const char *method, const char *target, const char *token, const char *head,
	const void *body, size_t len)
{
	char request[4096];
	struct reply reply = {.head = malloc(RIG_REPLY_BYTES)};
	int fd = rig_connect(rig);
	assert(reply.head != NULL);
	snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n%s%s%s%s", method,
		target, token != NULL ? "Authorization: Bearer " : "", token != NULL ? token : "",
		token != NULL ? "\r\n" : "", head);
	size_t at = strlen(request);
	if (body != NULL && strstr(head, "Transfer-Encoding") == NULL)
		at += (size_t)snprintf(request + at, sizeof request - at, "Content-Length: %zu\r\n", len);
	snprintf(request + at, sizeof request - at, "\r\n");
	rig_send_text(rig, fd, request);
	rig_send(rig, fd, body, len);
	size_t total = read_all(rig, fd, reply.head);
	close(fd);
	char *end = strstr(reply.head, "\r\n\r\n");
	reply.body = end != NULL ? end + 4 : reply.head + total;
	reply.body_len = (size_t)(reply.head + total - reply.body);
	if (end != NULL)
		*end = '\0';
	if (sscanf(reply.head, "HTTP/1.1 %d", &reply.status) != 1)
		reply.status = 0;
	return reply;
}

struct reply rig_json(struct rig *rig, const char *method, const char *target, const char *body)
{
	return rig_ask(rig, method, target, rig->admin, body != NULL ? "Content-Type: application/json\r\n" : "", body,
		body != NULL ? strlen(body) : 0);
}

void reply_done(struct reply *reply)
{
	free(reply->head);
	*reply = (struct reply){0};
}

json_t *reply_json(const struct reply *reply)
{
	return json_loadb(reply->body, reply->body_len, 0, NULL);
}

size_t rig_sign(const uint8_t digest[SHA256_BYTES], uint64_t size, const char *version, uint64_t sequence, uint8_t *out,
	size_t capacity)
{
	char uri[3 + 2 * SHA256_BYTES];
	struct trust_key secret, public_key;
	struct manifest m = {.sequence = sequence,
		.size = size,
		.component = bytes_of_text("image"),
		.version = bytes_of_text(version),
		.vendor_id = {1},
		.class_id = {2}};
	struct writer name = writer_of(uri, sizeof uri), w = writer_of(out, capacity);
	memcpy(m.digest, digest, SHA256_BYTES);
	write_text(&name, "/a/");
	write_hex(&name, bytes_of(digest, SHA256_BYTES));
	m.uri = writer_bytes(&name);
	assert(signature_wolfcrypt_generate(SIGNATURE_ES256, "test", &secret, &public_key));
	struct signature_port port = signature_wolfcrypt_port(&nobody);
	struct signer_port signer = signature_wolfcrypt_signer(&secret);
	assert(manifest_sign(&m, &port, &signer, &w) == MANIFEST_GOOD);
	return writer_bytes(&w).len;
}
