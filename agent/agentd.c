/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * agentd, the device agent: reads its configuration, joins the agent with the machine, a UDP socket, DTLS and the loop,
 * and runs until it is told to stop.
 *
 *     UDP <-> dtls <-> coap endpoint <-> agent <-> slots, journal, payload, /proc
 */
#include "agent/agent.h"
#include "agent/agentd_options.h"
#include "agent/objects/object.h"
#include "agent/config.h"
#include "agent/account_credential_wolfssl.h"
#include "agent/credential_files.h"
#include "agent/gpsd_linux.h"
#include "agent/logline.h"
#include "agent/extensions_linux.h"
#include "agent/keystore_files.h"
#include "agent/payload_linux.h"
#include "agent/platform_linux.h"
#include "agent/provision_linux.h"
#include "agent/services_linux.h"
#include "agent/services_systemd.h"
#include "agent/shelf_linux.h"
#include "agent/slots_linux.h"
#include "coap/io/loop.h"
#include "coap/io/resolve.h"
#include "coap/io/udp.h"
#include "coap/uri.h"
#include "dtls/crypto_wolfcrypt.h"
#include "dtls/dtls.h"
#include "dtls/engine_wolfssl.h"
#include "mgmt/signature_wolfcrypt.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SHUTDOWN_LIMIT_MS SECONDS(8)
#define HANDSHAKES_MAX    2     /* at a time; more wait for their turn */
#define ENDPOINT_BODY_MAX 12288 /* a signed manifest, or a large read: all services, the event log */

/* With one server, or the attempt at it. */
struct association {
	bool is_there;
	bool is_factory;
	struct coap_remote server;
	struct account_credential credential; /* of an account that is not the factory's; points into the account */
};

struct daemon {
	struct config config;
	struct extension_user extensions_user; /* as the configuration says */
	struct coap_loop loop;
	struct coap_loop_watch socket;
	ev_signal on_terminate, on_interrupt, on_child, on_hangup;

	struct coap_udp *udp;
	struct dtls_crypto crypto;
	struct dtls_engine_wolfssl *engine;
	struct dtls *dtls;
	struct credential_files credential, bootstrap_credential;
	struct keystore_files keystore;
	struct association associations[AGENT_LINKS_MAX];

	struct slots_linux slots;
	struct shelf_linux shelf;
	struct payload_linux payload;
	struct platform_linux platform;
	struct services_linux services;
	struct extensions_linux extensions;
	struct gpsd_linux gpsd;
	struct sha256_stream digest;
	struct trust_anchors anchors;
	struct signature_port signature;

	struct coap_endpoint *endpoint;
	struct agent *agent;
	msec stop_by; /* when shutting down does not wait any longer; NEVER */
};

/* ---- log ---- */

/* "2026-11-23T04:00:00.123Z level=info event=..." on one line of standard error. */
static void write_log(void *context, enum agent_log_level level, struct bytes line)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	const struct daemon *d = context;
	struct timespec t;
	struct tm utc;
	char when[32] = "";
	if ((uint32_t)level > d->config.log_level)
		return;
	if (clock_gettime(CLOCK_REALTIME, &t) == 0 && gmtime_r(&t.tv_sec, &utc) != NULL)
		(void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
	(void)fprintf(stderr, "%s.%03ldZ level=%s %.*s\n", when, t.tv_nsec / 1000000, names[level], (int)line.len,
		(const char *)line.data);
}

static void log_text(struct daemon *d, enum agent_log_level level, const char *text)
{
	write_log(d, level, bytes_of_text(text));
}

/* ---- ports ---- */

static void digest_begin(void *context)
{
	sha256_stream_init(&((struct daemon *)context)->digest);
}

static void digest_add(void *context, struct bytes data)
{
	sha256_stream_add(&((struct daemon *)context)->digest, data);
}

static void digest_end(void *context, uint8_t ret[SHA256_BYTES])
{
	sha256_stream_end(&((struct daemon *)context)->digest, ret);
}

/* What the configuration says of an account from the factory, or the account of itself. */
static const struct dtls_client_credential *credential_of(
	struct daemon *d, struct association *x, const struct account_security *account)
{
	if (account->is_factory && account->is_bootstrap)
		return &d->bootstrap_credential.client;
	if (account->is_factory)
		return d->config.enrols ? keystore_files_choose(&d->keystore) : &d->credential.client;
	account_credential_init(&x->credential, account);
	return &x->credential.client;
}

/* Names are resolved at each attempt, since addresses change; the loop waits for the resolver meanwhile. */
static bool uplink_connect(void *context, unsigned link, const struct account_security *account, msec now)
{
	struct daemon *d = context;
	struct association *x = &d->associations[link];
	struct coap_uri uri;
	struct address address;
	const char *reason;
	if (!coap_uri_parse(bytes_of(account->uri, account->uri_len), &uri) ||
		!coap_resolve_uri(&uri, &address, &reason)) {
		log_text(d, AGENT_LOG_WARNING, "event=connect_failed reason=\"the server's name does not resolve\"");
		return false;
	}
	x->is_factory = account->is_factory && !account->is_bootstrap;
	x->is_there = dtls_connect(d->dtls, &address, credential_of(d, x, account), now, &x->server);
	return x->is_there;
}

static void uplink_close(void *context, unsigned link, msec now)
{
	struct daemon *d = context;
	struct association *x = &d->associations[link];
	if (x->is_there)
		dtls_close(d->dtls, x->server.session, now);
	x->is_there = false;
}

/* ---- the loop ---- */

static const char *reason_of(const struct dtls_event *event)
{
	return event->kind == DTLS_EVENT_FAILED ? dtls_failure_text(event->failure) : dtls_closed_text(event->closed);
}

/* Which credential got through, and which did not. */
static void settle_credential(struct daemon *d, const struct association *x, bool is_established)
{
	const char *line = NULL;
	if (!d->config.enrols || !x->is_factory)
		return;
	if (is_established)
		line = keystore_files_succeeded(&d->keystore);
	else
		keystore_files_failed(&d->keystore);
	if (line != NULL)
		log_text(d, AGENT_LOG_INFO, line);
}

static struct association *find_association(struct daemon *d, struct handle session)
{
	for (unsigned i = 0; i < AGENT_LINKS_MAX; i++)
		if (d->associations[i].is_there && handle_equal(d->associations[i].server.session, session))
			return &d->associations[i];
	return NULL;
}

static void handle_event(struct daemon *d, const struct dtls_event *event, msec now)
{
	struct association *x = find_association(d, event->remote.session);
	switch (event->kind) {
	case DTLS_EVENT_MESSAGE:
		if (agent_hears(d->agent, &event->remote, event->message))
			coap_endpoint_receive(d->endpoint, &event->remote, event->message, now);
		return;
	case DTLS_EVENT_ESTABLISHED:
		if (x == NULL)
			return;
		settle_credential(d, x, true);
		agent_connected(d->agent, (unsigned)(x - d->associations), &event->remote, now);
		return;
	case DTLS_EVENT_CLOSED:
	case DTLS_EVENT_FAILED:
		if (x == NULL)
			return;
		x->is_there = false;
		if (event->kind == DTLS_EVENT_FAILED)
			settle_credential(d, x, false);
		agent_disconnected(d->agent, (unsigned)(x - d->associations), reason_of(event), now);
		return;
	}
}

static void drain(struct daemon *d, msec now)
{
	struct dtls_event event;
	while (dtls_next(d->dtls, now, &event))
		handle_event(d, &event, now);
}

static void socket_ready(void *context, msec now)
{
	struct daemon *d = context;
	struct coap_udp_datagram datagram;
	while (coap_udp_next(d->udp, &datagram)) {
		dtls_receive(d->dtls, &datagram.from, datagram.data, datagram.len, now);
		drain(d, now);
	}
}

static msec next_deadline(void *context)
{
	const struct daemon *d = context;
	msec at = msec_earlier(coap_endpoint_deadline(d->endpoint), agent_deadline(d->agent));
	return msec_earlier(msec_earlier(at, dtls_deadline(d->dtls)), d->stop_by);
}

static void tick(void *context, msec now)
{
	struct daemon *d = context;
	drain(d, now);
	coap_endpoint_tick(d->endpoint, now);
	agent_tick(d->agent, now);
	if (agent_is_stopped(d->agent) || now >= d->stop_by)
		coap_loop_stop(&d->loop);
	if (d->platform.wants_reboot)
		coap_loop_stop(&d->loop);
}

static void flush(void *context)
{
	coap_udp_flush(((struct daemon *)context)->udp);
}

static void terminated(struct ev_loop *ev, ev_signal *w, int events)
{
	struct daemon *d = w->data;
	msec now = coap_loop_now(&d->loop);
	(void)ev;
	(void)events;
	log_text(d, AGENT_LOG_INFO, "event=stopping");
	d->stop_by = msec_after(now, SHUTDOWN_LIMIT_MS);
	agent_shutdown(d->agent, now);
	if (agent_is_stopped(d->agent))
		coap_loop_stop(&d->loop);
}

static void child_ended(struct ev_loop *ev, ev_signal *w, int events)
{
	struct daemon *d = w->data;
	struct payload_linux_end end;
	msec now = coap_loop_now(&d->loop);
	(void)ev;
	(void)events;
	extensions_linux_reap(&d->extensions, now);
	if (!payload_linux_reap(&d->payload, &end))
		return;
	if (end.was_self_test)
		agent_self_test_done(d->agent, end.status == 0, end.reason, now);
	else
		agent_payload_exited(d->agent, end.status, now);
}

static void hung_up(struct ev_loop *ev, ev_signal *w, int events)
{
	struct daemon *d = w->data;
	(void)ev;
	(void)events;
	extensions_linux_rescan(&d->extensions, coap_loop_now(&d->loop));
}

static void watch_signal(struct daemon *d, ev_signal *w, void (*handle)(struct ev_loop *, ev_signal *, int), int number)
{
	ev_signal_init(w, handle, number);
	w->data = d;
	ev_signal_start(coap_loop_ev(&d->loop), w);
}

/* ---- building ---- */

static void *take_memory(size_t size)
{
	return aligned_alloc(64, (size + 63) & ~(size_t)63);
}

static bool open_network(struct daemon *d)
{
	const struct address any = {.port = 0};
	const char *reason = "";
	uint8_t seed[PRNG_SEED_BYTES];
	struct coap_loop_user user = {d, next_deadline, tick, flush};
	int status = coap_loop_init(&d->loop, &user);
	if (status == 0)
		status = coap_udp_open(&any, &d->udp);
	if (status == 0)
		status = coap_loop_seed(seed, sizeof seed);
	if (status < 0) {
		(void)fprintf(stderr, "agentd: cannot set up the network: %s\n", strerror(-status));
		return false;
	}
	coap_loop_save_wakeups(&d->loop);
	if (!dtls_crypto_wolfcrypt_init(&d->crypto)) {
		(void)fprintf(stderr, "agentd: wolfCrypt cannot be initialised\n");
		return false;
	}
	struct dtls_engine_wolfssl_config engine = {.handshakes = HANDSHAKES_MAX, .crypto = &d->crypto};
	d->engine = dtls_engine_wolfssl_new(&engine, &reason);
	if (d->engine == NULL) {
		(void)fprintf(stderr, "agentd: DTLS cannot be set up: %s\n", reason);
		return false;
	}
	struct dtls_config dtls = {.sessions = 2 * AGENT_LINKS_MAX,
		.handshakes = HANDSHAKES_MAX,
		.uses_cid = true,
		.mtu_bytes = dtls_datagram_max((uint16_t)d->config.mtu),
		.crypto = d->crypto,
		.engine = dtls_engine_wolfssl_port(d->engine),
		.output = coap_udp_port(d->udp)};
	d->dtls = dtls_init(take_memory(dtls_memory(&dtls)), &dtls, seed);
	coap_loop_watch(&d->loop, &d->socket, coap_udp_descriptor(d->udp), d, socket_ready);
	return true;
}

static const char *chosen(const char *configured, const char *found)
{
	return configured[0] != '\0' ? configured : found;
}

static uint16_t message_max_of(const struct daemon *d)
{
	return dtls_message_max((uint16_t)d->config.mtu);
}

static uint8_t kind_of(const struct config_peer *p)
{
	return p->psk_identity[0] != '\0' ? CREDENTIAL_PSK
	       : p->raw_key[0] != '\0'    ? CREDENTIAL_RAW_KEY
					  : CREDENTIAL_CERTIFICATE;
}

static struct platform_location location_of(const struct config *c)
{
	return (struct platform_location){.is_known = c->latitude < CONFIG_NOT_GIVEN,
		.has_altitude = c->altitude_m < CONFIG_NOT_GIVEN,
		.latitude = c->latitude,
		.longitude = c->longitude,
		.altitude_m = c->altitude_m};
}

static struct agent_config agent_config_of(const struct daemon *d)
{
	const struct config *c = &d->config;
	struct platform_identity machine = platform_linux_identity(&d->platform);
	struct agent_config a = agent_config_default;
	a.endpoint_name = c->endpoint;
	a.server_uri = c->server.uri;
	a.bootstrap_uri = c->bootstrap.uri;
	a.hold_off_s = c->hold_off_s;
	a.has_psk = c->server.psk_identity[0] != '\0' && c->enrols == 0;
	a.rekey_days = c->rekey_days;
	a.credential_kind = kind_of(&c->server);
	a.lifetime_s = c->lifetime_s;
	a.queue_mode = c->queue_mode != 0;
	a.identity.manufacturer = chosen(c->manufacturer, machine.manufacturer);
	a.identity.model = chosen(c->model, machine.model);
	a.identity.serial = chosen(c->serial, machine.serial);
	a.identity.device_type = chosen(c->device_type, machine.device_type);
	a.identity.hardware_version = chosen(c->hardware_version, machine.hardware_version);
	memcpy(a.identity.vendor_id, c->vendor_id, sizeof a.identity.vendor_id);
	memcpy(a.identity.class_id, c->class_id, sizeof a.identity.class_id);
	a.self_test_timeout_ms = SECONDS(c->self_test_timeout_s);
	a.settle_ms = SECONDS(c->settle_s);
	a.trials_max = (uint8_t)c->max_trials;
	a.download_give_up_ms = SECONDS(c->give_up_s);
	a.image_size_max = (uint64_t)c->image_size_max_kib * 1024;
	a.payload_restart_ms = SECONDS(c->restart_s);
	a.has_location = c->latitude < CONFIG_NOT_GIVEN || c->gpsd[0] != '\0';
	a.may_send = c->may_send != 0;
	a.backlog_max = (uint16_t)c->backlog;
	a.extensions_max = c->extensions[0] == '\0' ? 0 : EXTENSIONS_MAX;
	a.extension_patience_ms = SECONDS(c->extensions_patience_s);
	struct coap_parameters p = {.block_size = (uint16_t)a.block_size, .message_max = message_max_of(d)};
	a.block_size = coap_parameters_block_size(&p);
	return a;
}

static bool build_agent(struct daemon *d)
{
	uint8_t seeds[2][PRNG_SEED_BYTES];
	d->shelf.state_dir = d->config.state_dir;
	if (coap_loop_seed(seeds, sizeof seeds) < 0)
		return false;
	struct agent_ports ports = {
		.uplink = {d, uplink_connect, uplink_close},
		.platform = platform_linux_port(&d->platform),
		.slots = slots_linux_slots(&d->slots),
		.boot = slots_linux_boot(&d->slots),
		.payload = payload_linux_port(&d->payload),
		.journal = slots_linux_journal(&d->slots),
		.digest = {d, digest_begin, digest_add, digest_end},
		.signature = &d->signature,
		.log = {d, write_log},
		.services = services_linux_port(&d->services),
		.shelf = shelf_linux_port(&d->shelf),
		.keystore = d->config.enrols ? &d->keystore.port : NULL,
		.extensions = extensions_linux_port(&d->extensions),
	};
	struct agent_config config = agent_config_of(d);
	d->agent = agent_init(take_memory(agent_memory(&config)), &config, &ports, seeds[0]);
	struct coap_endpoint_config endpoint = {
		.parameters = coap_parameters_default,
		.capacities = {.exchanges = 24,
			.pending = 32,
			.duplicates = 64,
			.separate = 4 + AGENT_DELEGATES_MAX,
			.observers = config.observers_max * (uint32_t)ACCOUNTS_SERVERS_MAX,
			.bodies = 2},
		.transport = dtls_transport(d->dtls),
	};
	endpoint.parameters.body_size_max = ENDPOINT_BODY_MAX;
	endpoint.parameters.message_max = message_max_of(d);
	endpoint.resources = agent_resources(d->agent, &endpoint.resource_count);
	d->endpoint = coap_endpoint_init(take_memory(coap_endpoint_memory(&endpoint)), &endpoint, seeds[1]);
	return true;
}

static bool open_keystore(struct daemon *d)
{
	char message[CONFIG_MESSAGE_BYTES];
	if (!d->config.enrols || keystore_files_open(&d->keystore, &d->config, &d->credential.client, message))
		return true;
	(void)fprintf(stderr, "agentd: %s\n", message);
	return false;
}

static bool open_state(struct daemon *d)
{
	const char *path;
	int status = slots_linux_open(&d->slots, d->config.state_dir, &path);
	if (status == 0)
		return open_keystore(d);
	bool is_taken = status == -EWOULDBLOCK;
	(void)fprintf(stderr, "agentd: state directory %s: %s: %s\n", d->config.state_dir, path,
		is_taken ? "another agentd uses it" : strerror(-status));
	return false;
}

/* ---- what the command line asks ---- */

static enum agentd_status install(struct daemon *d, const struct provision *what)
{
	char message[CONFIG_MESSAGE_BYTES];
	struct slot_port slots = slots_linux_slots(&d->slots);
	struct boot_port boot = slots_linux_boot(&d->slots);
	struct journal_port journal = slots_linux_journal(&d->slots);
	if (provision_install(what, &slots, &boot, &journal, message)) {
		(void)printf("installed %s as version %s, sequence %llu\n", what->image, what->version,
			(unsigned long long)what->sequence);
		return AGENTD_GOOD;
	}
	(void)fprintf(stderr, "agentd: %s\n", message);
	return AGENTD_STATE;
}

/* What /3/0/4 means for an agent: itself and its payload begin anew, as after a restart of the machine. */
static void restart_self(struct daemon *d, char **argv)
{
	struct payload_port payload = payload_linux_port(&d->payload);
	payload.stop(payload.context);
	for (unsigned i = 0; i < AGENT_LINKS_MAX; i++)
		uplink_close(d, i, coap_loop_now(&d->loop));
	coap_udp_flush(d->udp);
	(void)execv("/proc/self/exe", argv);
	(void)fprintf(stderr, "agentd: cannot start itself again: %s\n", strerror(errno));
}

static void start_extensions(struct daemon *d)
{
	struct extensions_linux_config config = {.folder = d->config.extensions,
		.user = d->extensions_user,
		.loop = &d->loop,
		.agent = d->agent,
		.log = {d, write_log}};
	if (d->config.extensions[0] == '\0')
		return;
	watch_signal(d, &d->on_hangup, hung_up, SIGHUP);
	extensions_linux_start(&d->extensions, &config, coap_loop_read_clock());
}

static void located(void *context, const struct platform_location *location)
{
	struct daemon *d = context;
	if (!d->platform.location.is_known)
		log_text(d, AGENT_LOG_INFO, "event=located by=gpsd");
	d->platform.location = *location;
	agent_located(d->agent, coap_loop_now(&d->loop));
}

static void gpsd_troubled(void *context, const char *reason)
{
	struct daemon *d = context;
	struct logline line = logline_begin("gpsd_troubled");
	logline_text(&line, "reason", reason);
	write_log(d, AGENT_LOG_WARNING, bytes_of(line.text, line.len));
}

static void start_gpsd(struct daemon *d)
{
	struct address address;
	if (!address_parse(bytes_of_text(d->config.gpsd), CONFIG_GPSD_PORT, &address))
		return;
	d->gpsd.context = d;
	d->gpsd.found = located;
	d->gpsd.troubled = gpsd_troubled;
	gpsd_linux_start(&d->gpsd, &d->loop, &address, d->config.gpsd_interval_s);
}

static enum agentd_status run(struct daemon *d, char **argv)
{
	if (!open_network(d) || !build_agent(d))
		return AGENTD_NETWORK;
	watch_signal(d, &d->on_terminate, terminated, SIGTERM);
	watch_signal(d, &d->on_interrupt, terminated, SIGINT);
	watch_signal(d, &d->on_child, child_ended, SIGCHLD);
	if (agent_start(d->agent, d->endpoint, coap_loop_read_clock()) < 0) {
		(void)fprintf(stderr, "agentd: state directory %s: the journal cannot be read\n", d->config.state_dir);
		return AGENTD_STATE;
	}
	start_extensions(d);
	start_gpsd(d);
	coap_loop_run(&d->loop);
	gpsd_linux_stop(&d->gpsd);
	coap_udp_flush(d->udp);
	extensions_linux_done(&d->extensions);
	if (d->platform.wants_reboot)
		restart_self(d, argv);
	return AGENTD_GOOD;
}

static bool choose_services(struct daemon *d, const char *path)
{
	const struct config *c = &d->config;
	const char *word = "";
	if (c->units[0] != '\0' && !services_systemd_is_there()) {
		(void)fprintf(stderr,
			"agentd: %s: [services] units: libsystemd is not there, or agentd was built without it\n",
			path);
		return false;
	}
	if (services_linux_init(&d->services, c->units, c->pid_files, c->commands, &word))
		return true;
	(void)fprintf(stderr, "agentd: %s: [services] %.*s: not a unit or name:/path, too long, or one too many\n",
		path, (int)strcspn(word, " "), word);
	return false;
}

static bool choose_extensions(struct daemon *d, const char *path)
{
	const struct config *c = &d->config;
	const struct passwd *user = NULL;
	if (c->extensions[0] != '\0' && !extensions_linux_is_there()) {
		(void)fprintf(stderr, "agentd: %s: [extensions] directory: agentd was built without expat\n", path);
		return false;
	}
	if (c->extensions_user[0] == '\0')
		return true;
	user = getpwnam(c->extensions_user);
	if (user == NULL) {
		(void)fprintf(stderr, "agentd: %s: [extensions] user: there is no user %s\n", path, c->extensions_user);
		return false;
	}
	if (user->pw_uid != geteuid() && geteuid() != 0) {
		(void)fprintf(
			stderr, "agentd: %s: [extensions] user: only root can run programs as somebody else\n", path);
		return false;
	}
	d->extensions_user = (struct extension_user){user->pw_uid != geteuid(), user->pw_uid, user->pw_gid};
	return true;
}

static bool load_credentials(struct daemon *d, char *message)
{
	const struct config *c = &d->config;
	return (c->server.uri[0] == '\0' || credential_files_load(&c->server, &d->credential, message)) &&
	       (c->bootstrap.uri[0] == '\0' || credential_files_load(&c->bootstrap, &d->bootstrap_credential, message));
}

/* Everything the configuration names, so that a mistake shows before anything is started. */
static bool load_files(struct daemon *d, const char *path)
{
	char message[CONFIG_MESSAGE_BYTES];
	if (!config_load(path, &d->config, message) || !load_credentials(d, message) ||
		!credential_files_load_anchors(&d->config, &d->anchors, message)) {
		(void)fprintf(stderr, "agentd: %s\n", message);
		return false;
	}
	if (!payload_linux_init(&d->payload, &d->slots, d->config.arguments)) {
		(void)fprintf(stderr, "agentd: %s: [payload] arguments has too many words\n", path);
		return false;
	}
	return choose_services(d, path) && choose_extensions(d, path);
}

int main(int argc, char **argv)
{
	static struct daemon daemon; /* all zero, so that what is never used takes no memory */
	struct daemon *d = &daemon;
	struct agentd_options options;
	enum agentd_status status;
	d->stop_by = NEVER;
	if (!agentd_read_options(argc, argv, &options, &status))
		return (int)status;
	if (!load_files(d, options.config))
		return AGENTD_USAGE;
	if (options.checks_only) {
		(void)printf("%s is good\n", options.config);
		return AGENTD_GOOD;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (!open_state(d))
		return AGENTD_STATE;
	platform_linux_init(&d->platform, d->config.state_dir);
	d->platform.location = location_of(&d->config);
	d->platform.may_reboot = d->config.may_reboot != 0;
	d->signature = signature_wolfcrypt_port(&d->anchors);
	status = options.provision.image != NULL ? install(d, &options.provision) : run(d, argv);
	slots_linux_close(&d->slots);
	keystore_files_close(&d->keystore);
	services_linux_done(&d->services);
	return (int)status;
}
