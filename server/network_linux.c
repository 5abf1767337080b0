/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/network_linux.h"

#include "coap/io/udp.h"
#include "dtls/crypto_wolfcrypt.h"
#include "dtls/engine_wolfssl.h"
#include "server/activation_linux.h"
#include "server/label.h"
#include "server/log.h"
#include "server/session_files.h"
#include "server/welcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 768   /* a name of 128 bytes, each with a backslash in front */
#define ROUTES     16384 /* a power of two */

/* One UDP socket of ours. */
struct listener {
	struct network *network;
	struct coap_udp *udp;
	struct coap_loop_watch watch;
};

/* Through which socket an address was last heard; only of use with several sockets. */
struct route {
	struct address address;
	uint8_t listener;
};

struct network {
	struct coap_loop *loop;
	struct coap_endpoint *endpoint;
	struct server *server;
	struct listener secure[SETTINGS_LISTEN_MAX], plain;
	uint8_t secure_count;
	struct route *routes;
	struct dtls_crypto crypto;
	bool has_crypto;
	struct dtls_engine_wolfssl *engine;
	struct dtls *dtls;
	void *dtls_memory;
	struct trust_files *trust;
	struct welcome welcome;
	bool is_started;
	struct session_files *sessions; /* NULL: they do not outlive us */
};

/* ---- sending ---- */

static struct route *route_of(struct network *n, const struct address *address)
{
	return &n->routes[address_hash(address, 0) & (ROUTES - 1)];
}

static struct listener *listener_for(struct network *n, const struct address *to)
{
	if (n->secure_count == 1)
		return &n->secure[0];
	const struct route *route = route_of(n, to);
	if (address_equal(&route->address, to))
		return &n->secure[route->listener];
	for (unsigned i = 0; i < n->secure_count; i++) {
		struct address local = coap_udp_local(n->secure[i].udp);
		if (address_is_ipv4(&local) == address_is_ipv4(to))
			return &n->secure[i];
	}
	return &n->secure[0];
}

static bool send_datagram(void *context, const struct address *to, struct bytes datagram)
{
	struct datagram_port port = coap_udp_port(listener_for(context, to)->udp);
	return port.send(port.context, to, datagram);
}

static bool send_message(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct network *n = context;
	if (coap_remote_is_secure(to))
		return dtls_send(n->dtls, to, message, now);
	if (n->plain.udp == NULL)
		return false;
	struct coap_transport plain = coap_udp_transport(n->plain.udp);
	return plain.send(plain.context, to, message, now);
}

static bool find_path(void *context, const struct coap_remote *to, struct coap_path_state *ret)
{
	const struct network *n = context;
	return dtls_path(n->dtls, to, ret);
}

static void prove_path(void *context, const struct coap_remote *remote)
{
	struct network *n = context;
	dtls_prove(n->dtls, remote);
}

struct coap_transport network_transport(struct network *n)
{
	return (struct coap_transport){.context = n, .send = send_message, .path = find_path, .prove = prove_path};
}

/* ---- revoking ---- */

static bool is_by_psk(enum dtls_suite suite)
{
	switch (suite) {
	case DTLS_SUITE_PSK_AES_128_GCM_SHA256:
	case DTLS_SUITE_PSK_AES_128_CCM_8:
	case DTLS_SUITE_ECDHE_PSK_AES_128_GCM_SHA256:
		return true;
	case DTLS_SUITE_ECDHE_ECDSA_AES_128_GCM_SHA256:
	case DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8:
		break;
	}
	return false;
}

static uint64_t certificate_of(void *context, const struct coap_remote *remote)
{
	const struct network *n = context;
	struct dtls_session_info info;
	if (!coap_remote_is_secure(remote) || !dtls_session_info(n->dtls, remote->session, &info) || info.by_raw_key)
		return 0;
	return is_by_psk(info.suite) ? 0 : info.principal;
}

static bool psk_of(void *context, const struct coap_remote *remote, uint64_t *ret_number)
{
	const struct network *n = context;
	struct dtls_session_info info;
	if (!coap_remote_is_secure(remote) || !dtls_session_info(n->dtls, remote->session, &info) ||
		!is_by_psk(info.suite))
		return false;
	*ret_number = (info.principal & ISSUED_KEY_NUMBERS) != 0 ? info.principal : 0;
	return true;
}

static void close_association(void *context, const struct coap_remote *remote, msec now)
{
	struct network *n = context;
	if (coap_remote_is_secure(remote))
		dtls_close(n->dtls, remote->session, now);
}

static void tell_counters(void *context, struct association_counters *ret)
{
	const struct network *n = context;
	const struct dtls_counters *c = dtls_counters(n->dtls);
	*ret = (struct association_counters){.sessions = dtls_sessions_used(n->dtls),
		.handshakes = c->handshakes_done,
		.addresses_changed = c->addresses_changed,
		.addresses_proved = c->addresses_proved,
		.withheld = c->withheld};
}

struct association_port network_associations(struct network *n)
{
	return (struct association_port){.context = n,
		.certificate = certificate_of,
		.psk = psk_of,
		.close = close_association,
		.counters = tell_counters};
}

/* ---- who may stay ---- */

static void log_event(const char *event, const struct coap_remote *remote, struct bytes who, const char *reason)
{
	uint8_t line[LINE_BYTES];
	struct writer w = writer_of(line, sizeof line);
	write_text(&w, "event=");
	write_text(&w, event);
	write_text(&w, " address=");
	address_write(&w, &remote->address);
	write_text(&w, " device=");
	label_write_quoted(&w, who);
	write_text(&w, " reason=");
	label_write_quoted(&w, bytes_of_text(reason));
	log_line(SERVER_LOG_INFO, writer_bytes(&w));
}

static bool is_welcome(struct network *n, enum dtls_suite suite, bool by_raw_key, uint64_t principal)
{
	if (by_raw_key || is_by_psk(suite))
		return credential_files_knows(&n->trust->credentials, principal);
	return n->trust->credentials.own.anchors_pem.len > 0 && server_admits_number(n->server, principal) &&
	       !crl_files_has_number(&n->trust->crl, (uint32_t)principal);
}

/* Guests have keys that stand in no file; the server looks after them (claims.h). */
static bool may_stay(struct network *n, const struct device *device)
{
	struct dtls_session_info info;
	if (!coap_remote_is_secure(&device->remote) || claim_is_identity(bytes_of_text(device->record.name)))
		return true;
	if (!dtls_session_info(n->dtls, device->remote.session, &info))
		return false;
	uint64_t key = 0;
	if (psk_of(n, &device->remote, &key) && !server_psk_is_good(n->server, bytes_of_text(device->record.name), key))
		return false;
	return key != 0 || is_welcome(n, info.suite, info.by_raw_key, info.principal);
}

uint32_t network_expel_strangers(struct network *n, msec now)
{
	const struct device *device;
	uint32_t count = 0;
	for (uint32_t cursor = 0; (device = server_device_next(n->server, &cursor)) != NULL;) {
		if (!device->is_connected || may_stay(n, device))
			continue;
		struct coap_remote remote = device->remote;
		log_event("disconnected", &remote, bytes_of_text(device->record.name), "its credential is gone");
		server_disconnected(n->server, &remote, now);
		dtls_close(n->dtls, remote.session, now);
		count++;
	}
	return count;
}

/* ---- receiving ---- */

/* A device that has made a new session does not need the old one any more. */
static void supersede(struct network *n, const struct coap_remote *fresh, struct bytes name, msec now)
{
	const struct device *device = server_device_find(n->server, name);
	if (device == NULL || !device->is_connected || coap_remote_equal(&device->remote, fresh))
		return;
	struct coap_remote old = device->remote;
	server_disconnected(n->server, &old, now);
	if (coap_remote_is_secure(&old))
		dtls_close(n->dtls, old.session, now);
}

static void handle(struct network *n, const struct dtls_event *event, msec now)
{
	struct bytes name;
	switch (event->kind) {
	case DTLS_EVENT_MESSAGE:
		coap_endpoint_receive(n->endpoint, &event->remote, event->message, now);
		break;
	case DTLS_EVENT_ESTABLISHED:
		name = dtls_principal_name(&event->peer->principal);
		log_event("connected", &event->remote, name, dtls_suite_name(event->peer->suite));
		supersede(n, &event->remote, name, now);
		server_connected(n->server, &event->remote, name, now);
		break;
	case DTLS_EVENT_CLOSED:
		log_event("disconnected", &event->remote, BYTES_NONE, dtls_closed_text(event->closed));
		server_disconnected(n->server, &event->remote, now);
		break;
	case DTLS_EVENT_FAILED:
		log_event("handshake-failed", &event->remote, BYTES_NONE, dtls_failure_text(event->failure));
		break;
	}
}

static void drain(struct network *n, msec now)
{
	struct dtls_event event;
	n->welcome.now = now;
	while (dtls_next(n->dtls, now, &event))
		handle(n, &event, now);
}

static void secure_ready(void *context, msec now)
{
	struct listener *l = context;
	struct network *n = l->network;
	struct coap_udp_datagram datagram;
	while (coap_udp_next(l->udp, &datagram)) {
		if (n->secure_count > 1)
			*route_of(n, &datagram.from) = (struct route){datagram.from, (uint8_t)(l - n->secure)};
		n->welcome.now = now;
		dtls_receive(n->dtls, &datagram.from, datagram.data, datagram.len, now);
		drain(n, now);
	}
}

static void plain_ready(void *context, msec now)
{
	struct listener *l = context;
	struct coap_udp_datagram datagram;
	while (coap_udp_next(l->udp, &datagram)) {
		struct coap_remote remote = {datagram.from, HANDLE_NONE};
		coap_endpoint_receive(l->network->endpoint, &remote, bytes_of(datagram.data, datagram.len), now);
	}
}

/* ---- time ---- */

msec network_deadline(const struct network *n)
{
	msec saving = n->sessions == NULL ? NEVER : session_files_deadline(n->sessions);
	return msec_earlier(dtls_deadline(n->dtls), saving);
}

void network_tick(struct network *n, msec now)
{
	drain(n, now);
}

void network_flush(struct network *n)
{
	for (unsigned i = 0; i < n->secure_count; i++)
		coap_udp_flush(n->secure[i].udp);
	if (n->plain.udp != NULL)
		coap_udp_flush(n->plain.udp);
	if (n->sessions != NULL)
		session_files_tick(n->sessions, coap_loop_now(n->loop));
}

unsigned network_sockets(const struct network *n, int *ret_sockets)
{
	unsigned count = 0;
	for (unsigned i = 0; i < n->secure_count; i++)
		ret_sockets[count++] = coap_udp_descriptor(n->secure[i].udp);
	if (n->plain.udp != NULL)
		ret_sockets[count++] = coap_udp_descriptor(n->plain.udp);
	return count;
}

struct address network_local(const struct network *n)
{
	return coap_udp_local(n->secure[0].udp);
}

/* ---- sessions that outlive us ---- */

static bool welcomes(void *context, const struct dtls_saved_session *saved)
{
	bool is_issued = is_by_psk((enum dtls_suite)saved->session.suite) && !saved->session.by_raw_key &&
			 (saved->session.principal & ISSUED_KEY_NUMBERS) != 0;
	return is_issued /* the server will say, when it knows whose it is */ ||
	       is_welcome(context, (enum dtls_suite)saved->session.suite, saved->session.by_raw_key,
		       saved->session.principal);
}

static bool restored(void *context, const struct coap_remote *remote, struct bytes note, msec now)
{
	return server_association_read(((struct network *)context)->server, remote, note, now);
}

static void write_note(void *context, struct handle session, struct writer *w)
{
	struct coap_remote remote = {.session = session};
	(void)server_association_write(((struct network *)context)->server, &remote, w);
}

static bool open_sessions(struct network *n, const struct settings *s, char *error)
{
	struct session_files_config config = {.path = s->session_file,
		.secret_path = s->session_key,
		.slots = s->sessions,
		.worker = (uint8_t)s->worker,
		.crypto = n->crypto};
	if (strcmp(s->session_file, "none") == 0)
		return true;
	n->sessions = session_files_open(&config, error);
	return n->sessions != NULL;
}

static bool restore_sessions(struct network *n, msec now, int64_t wall, char *error)
{
	struct session_files_counts counts;
	struct session_files_owner owner = {n, welcomes, restored, write_note};
	if (n->sessions == NULL)
		return true;
	if (!session_files_start(n->sessions, n->dtls, &owner, now, wall, &counts, error))
		return false;
	log_text(SERVER_LOG_INFO, "event=sessions-restored count=%u changed=%u damaged=%u unwelcome=%u",
		counts.restored, counts.changed, counts.damaged, counts.unwelcome);
	return true;
}

/* ---- life ---- */

static bool open_socket(struct network *n, struct listener *l, const struct address *local, char *error)
{
	char text[ADDRESS_TEXT_BYTES + 1] = "";
	struct writer w = writer_of(text, ADDRESS_TEXT_BYTES);
	int handed_over = activation_take(local);
	int status = handed_over >= 0 ? coap_udp_adopt(handed_over, &l->udp) : coap_udp_open(local, &l->udp);
	l->network = n;
	if (status == 0)
		return true;
	address_write(&w, local);
	*w.at = '\0';
	(void)snprintf(error, SETTINGS_MESSAGE_BYTES, "cannot listen on %s: %s", text, strerror(-status));
	return false;
}

static bool open_sockets(struct network *n, const struct settings *s, char *error)
{
	for (; n->secure_count < s->listen_count; n->secure_count++)
		if (!open_socket(n, &n->secure[n->secure_count], &s->listen[n->secure_count], error))
			return false;
	if (n->secure_count > 1 && (n->routes = calloc(ROUTES, sizeof *n->routes)) == NULL) {
		(void)snprintf(error, SETTINGS_MESSAGE_BYTES, "out of memory");
		return false;
	}
	return !s->has_plain_listen || open_socket(n, &n->plain, &s->plain_listen, error);
}

static bool open_engine(struct network *n, const struct network_config *config, char *error)
{
	const char *reason = "";
	n->welcome = (struct welcome){.inner = dtls_credential_table_port(&config->trust->credentials.table),
		.lists = crl_files_port(&config->trust->crl)};
	struct dtls_engine_wolfssl_config engine = {.handshakes = config->settings->handshakes,
		.credentials = welcome_port(&n->welcome),
		.own = config->trust->credentials.own,
		.crypto = &n->crypto};
	n->has_crypto = dtls_crypto_wolfcrypt_init(&n->crypto);
	if (n->has_crypto)
		n->engine = dtls_engine_wolfssl_new(&engine, &reason);
	else
		reason = "wolfCrypt cannot be initialised";
	if (n->engine == NULL)
		(void)snprintf(error, SETTINGS_MESSAGE_BYTES, "DTLS cannot be set up: %s", reason);
	return n->engine != NULL;
}

bool network_renew(struct network *n, const struct dtls_own_certificate *own, char ret_error[SETTINGS_MESSAGE_BYTES])
{
	const char *reason = "";
	if (dtls_engine_wolfssl_renew(n->engine, own, &reason))
		return true;
	(void)snprintf(ret_error, SETTINGS_MESSAGE_BYTES, "DTLS cannot be set up: %s", reason);
	return false;
}

static bool open_dtls(struct network *n, const struct settings *s, char *error)
{
	uint8_t seed[PRNG_SEED_BYTES];
	struct dtls_config config = {.sessions = s->sessions,
		.handshakes = s->handshakes,
		.handshakes_per_host = s->handshakes_per_host,
		.accepts = true,
		.uses_cid = true,
		.trusts_moves = s->trusts_moves,
		.mtu_bytes = dtls_datagram_max((uint16_t)s->mtu),
		.worker = (uint8_t)s->worker,
		.cid_key = n->sessions == NULL ? NULL : session_files_cid_key(n->sessions),
		.idle_limit = SECONDS(s->idle_timeout_s),
		.crypto = n->crypto,
		.engine = dtls_engine_wolfssl_port(n->engine),
		.output = {.context = n, .send = send_datagram}};
	size_t size = dtls_memory(&config);
	if (coap_loop_seed(seed, sizeof seed) == 0)
		n->dtls_memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
	if (n->dtls_memory == NULL) {
		(void)snprintf(error, SETTINGS_MESSAGE_BYTES, "no memory or randomness for %u sessions", s->sessions);
		return false;
	}
	n->dtls = dtls_init(n->dtls_memory, &config, seed);
	return true;
}

struct network *network_open(const struct network_config *config, char ret_error[SETTINGS_MESSAGE_BYTES])
{
	struct network *n = calloc(1, sizeof *n);
	if (n == NULL)
		return NULL;
	n->loop = config->loop;
	n->trust = config->trust;
	if (open_sockets(n, config->settings, ret_error) && open_engine(n, config, ret_error) &&
		open_sessions(n, config->settings, ret_error) && open_dtls(n, config->settings, ret_error))
		return n;
	network_close(n, 0, 0);
	return NULL;
}

bool network_start(struct network *n, struct coap_endpoint *endpoint, struct server *server, msec now, int64_t wall,
	char ret_error[SETTINGS_MESSAGE_BYTES])
{
	n->endpoint = endpoint;
	n->server = server;
	n->welcome.server = server;
	n->welcome.now = now;
	if (!restore_sessions(n, now, wall, ret_error))
		return false;
	for (unsigned i = 0; i < n->secure_count; i++) {
		struct listener *l = &n->secure[i];
		coap_loop_watch(n->loop, &l->watch, coap_udp_descriptor(l->udp), l, secure_ready);
	}
	if (n->plain.udp != NULL)
		coap_loop_watch(n->loop, &n->plain.watch, coap_udp_descriptor(n->plain.udp), &n->plain, plain_ready);
	n->is_started = true;
	return true;
}

static void say_goodbye(struct network *n, msec now)
{
	const struct device *device;
	for (uint32_t cursor = 0; (device = server_device_next(n->server, &cursor)) != NULL;)
		if (device->is_connected && coap_remote_is_secure(&device->remote))
			dtls_close(n->dtls, device->remote.session, now);
	network_flush(n);
}

static void close_socket(struct network *n, struct listener *l)
{
	if (l->udp != NULL && n->is_started)
		coap_loop_unwatch(&l->watch);
	coap_udp_close(l->udp);
}

void network_close(struct network *n, msec now, int64_t wall)
{
	if (n == NULL)
		return;
	if (n->is_started && (n->sessions == NULL || !session_files_stop(n->sessions, now, wall)))
		say_goodbye(n, now);
	session_files_close(n->sessions);
	for (unsigned i = 0; i < SETTINGS_LISTEN_MAX; i++)
		close_socket(n, &n->secure[i]);
	close_socket(n, &n->plain);
	if (n->dtls != NULL)
		dtls_done(n->dtls);
	free(n->dtls_memory);
	dtls_engine_wolfssl_free(n->engine);
	if (n->has_crypto)
		dtls_crypto_wolfcrypt_done(&n->crypto);
	free(n->routes);
	free(n);
}
