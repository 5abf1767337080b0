/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * mgmtd, the management server: reads its configuration, joins the composer with the store, the artifacts, the network,
 * the HTTP API and the loop, and runs until it is told to stop.
 *
 *     UDP <-> dtls <-> coap endpoint <-> server <-> store (SQLite), artifacts (files)
 *                                          ^--- HTTP API
 *
 * Exit status: 0 asked to stop, 2 usage or configuration, 3 store or artifacts, 4 network or cryptography. */
#include "coap/endpoint.h"
#include "coap/io/loop.h"
#include "dtls/crypto_wolfcrypt.h"
#include "mgmt/signature_wolfcrypt.h"
#include "server/artifact_files.h"
#include "server/bootstrap_files.h"
#include "server/definitions_linux.h"
#include "server/history_sqlite.h"
#include "server/http/http.h"
#include "server/handover_linux.h"
#include "server/log.h"
#include "server/network_linux.h"
#include "server/sealing.h"
#include "server/secret_files.h"
#include "server/server.h"
#include "server/settings.h"
#include "server/store_sqlite.h"
#include "server/trust_files.h"

#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum exit_status { EXIT_GOOD = 0, EXIT_USAGE = 2, EXIT_STORE = 3, EXIT_NETWORK = 4 };

#define STOP_LIMIT    SECONDS(8) /* how long stopping waits for the store */
#define CLOCK_CHECK   SECONDS(60)
#define EVENTS_LOADED 1024

struct daemon {
	struct settings settings;
	const char *settings_path;
	const char *predecessor; /* the path where he listens; NULL without one */
	uint64_t seed;
	struct trust_files trust;
	struct bootstrap_files bootstrap;
	struct trust_anchors anchors;
	struct signature_port signature;

	struct coap_loop loop;
	ev_signal on_terminate, on_interrupt, on_hangup;
	ev_async on_stored, on_artifact;

	struct definitions definitions;
	struct dtls_crypto store_crypto;
	struct sealing sealing; /* of the keys in the store */
	struct store_sqlite *store;
	struct history_sqlite *history; /* NULL: it is not kept */
	struct artifact_files *artifacts;
	struct network *network;
	struct server *server;
	struct coap_endpoint *endpoint;
	struct http *http;

	struct coap_loop_watch on_handover;
	int listener; /* for a successor; -1 without one */

	msec clock_at; /* when the wall clock is looked at again */
	msec stop_by;  /* when stopping does not wait any longer; NEVER while running */
};

/* ---- small ports ---- */

static void write_log(void *context, enum server_log_level level, struct bytes line)
{
	(void)context;
	log_line(level, line);
}

static void write_http_log(void *context, struct bytes line)
{
	(void)context;
	log_line(SERVER_LOG_INFO, line);
}

static void command_done(void *context, const struct server_done *done, msec now)
{
	http_done(((struct daemon *)context)->http, done, now);
}

static void device_answered(void *context, const struct server_answer *answer, msec now)
{
	http_answered(((struct daemon *)context)->http, answer, now);
}

static msec loop_now(void *context)
{
	return coap_loop_now(&((struct daemon *)context)->loop);
}

/* From the helper threads. */
static void wake_stored(void *context)
{
	struct daemon *d = context;
	ev_async_send(coap_loop_ev(&d->loop), &d->on_stored);
}

static void wake_artifact(void *context)
{
	struct daemon *d = context;
	ev_async_send(coap_loop_ev(&d->loop), &d->on_artifact);
}

static wall_msec wall_now(void)
{
	struct timespec t = {0, 0};
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (wall_msec)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the loop ---- */

static void stored(struct ev_loop *ev, ev_async *w, int events)
{
	struct daemon *d = w->data;
	uint64_t ticket;
	bool ok;
	(void)ev;
	(void)events;
	while (store_sqlite_next(d->store, &ticket, &ok)) {
		if (!ok)
			log_text(SERVER_LOG_ERROR, "event=store-refused reason=\"%s\"", store_sqlite_reason(d->store));
		server_stored(d->server, ticket, ok, coap_loop_now(&d->loop));
	}
}

static void artifact_finished(struct ev_loop *ev, ev_async *w, int events)
{
	struct daemon *d = w->data;
	struct artifact_outcome outcome;
	(void)ev;
	(void)events;
	while (artifact_files_next(d->artifacts, &outcome))
		server_artifact_finished(
			d->server, outcome.ticket, outcome.result, &outcome.artifact, coap_loop_now(&d->loop));
}

static msec next_deadline(void *context)
{
	const struct daemon *d = context;
	msec at = msec_earlier(coap_endpoint_deadline(d->endpoint), server_deadline(d->server));
	at = msec_earlier(at, network_deadline(d->network));
	return msec_earlier(msec_earlier(at, d->clock_at), d->stop_by);
}

/* An old revocation list is believed, but nobody must think that it is a new one. */
static void look_at_lists(struct daemon *d)
{
	struct crl_files *crl = &d->trust.crl;
	if (crl->next_update == 0 || crl->is_old_told || wall_now() / 1000 <= crl->next_update)
		return;
	crl->is_old_told = true;
	log_text(SERVER_LOG_WARNING, "event=revocation-list-old file=%s since=%lld", d->settings.crl,
		(long long)crl->next_update);
}

static void look_at_clock(struct daemon *d, msec now)
{
	look_at_lists(d);
	server_set_clock(d->server, wall_now() - now, now);
	d->clock_at = msec_after(now, CLOCK_CHECK);
}

static void tick(void *context, msec now)
{
	struct daemon *d = context;
	if (now >= d->clock_at)
		look_at_clock(d, now);
	network_tick(d->network, now);
	coap_endpoint_tick(d->endpoint, now);
	server_tick(d->server, now);
	if (now >= d->stop_by)
		coap_loop_stop(&d->loop);
}

static void flush(void *context)
{
	struct daemon *d = context;
	network_flush(d->network);
	if (d->stop_by != NEVER && server_is_idle(d->server))
		coap_loop_stop(&d->loop);
}

static void begin_to_stop(struct daemon *d, msec now)
{
	log_text(SERVER_LOG_INFO, "event=stopping");
	d->stop_by = msec_after(now, STOP_LIMIT);
	server_stop(d->server, now);
}

/* A successor has come. The connection stays open until this process ends, which tells him so. */
static void handed_over(void *context, msec now)
{
	struct daemon *d = context;
	int sockets[SETTINGS_LISTEN_MAX + 1];
	if (handover_give(d->listener, sockets, network_sockets(d->network, sockets)) < 0 || d->stop_by != NEVER)
		return;
	log_text(SERVER_LOG_INFO, "event=handed-over");
	begin_to_stop(d, now);
}

static void terminated(struct ev_loop *ev, ev_signal *w, int events)
{
	struct daemon *d = w->data;
	msec now = coap_loop_now(&d->loop);
	(void)ev;
	(void)events;
	if (d->stop_by != NEVER) {
		coap_loop_stop(&d->loop);
		return;
	}
	begin_to_stop(d, now);
}

/* A file that cannot be used leaves the accounts that are known. */
static void reload_bootstrap(struct daemon *d)
{
	char message[SETTINGS_MESSAGE_BYTES];
	struct bootstrap_files fresh;
	if (d->settings.bootstrap_accounts[0] == '\0')
		return;
	if (!bootstrap_files_load(d->settings.bootstrap_accounts, &fresh, message)) {
		log_text(SERVER_LOG_ERROR, "event=bootstrap-accounts-kept reason=\"%s\"", message);
		return;
	}
	bootstrap_files_done(&d->bootstrap);
	d->bootstrap = fresh;
	log_text(SERVER_LOG_INFO, "event=bootstrap-accounts-reloaded count=%u", fresh.accounts.count);
}

static void hung_up(struct ev_loop *ev, ev_signal *w, int events)
{
	struct daemon *d = w->data;
	char message[SETTINGS_MESSAGE_BYTES];
	(void)ev;
	(void)events;
	struct trust_files fresh;
	definitions_reload(&d->definitions);
	reload_bootstrap(d);
	if (!trust_files_load(&fresh, &d->settings, d->seed, wall_now() / 1000, message) ||
		!network_renew(d->network, &fresh.credentials.own, message)) {
		log_text(SERVER_LOG_ERROR, "event=credentials-kept reason=\"%s\"", message);
		return;
	}
	trust_files_replace(&d->trust, &fresh);
	uint32_t closed = network_expel_strangers(d->network, coap_loop_now(&d->loop));
	log_text(SERVER_LOG_INFO, "event=credentials-reloaded psk=%u listed=%u closed=%u raw_keys=%u",
		d->trust.credentials.psk_count, d->trust.crl.count, closed, d->trust.credentials.raw_key_count);
}

static void watch_signal(struct daemon *d, ev_signal *w, void (*handle)(struct ev_loop *, ev_signal *, int), int number)
{
	ev_signal_init(w, handle, number);
	w->data = d;
	ev_signal_start(coap_loop_ev(&d->loop), w);
}

static void watch_async(struct daemon *d, ev_async *w, void (*handle)(struct ev_loop *, ev_async *, int))
{
	ev_async_init(w, handle);
	w->data = d;
	ev_async_start(coap_loop_ev(&d->loop), w);
}

/* ---- building ---- */

/* Zeroed pages that cost nothing until they are touched: tables are as large as the configuration allows. */
static void *take_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory != MAP_FAILED)
		return memory;
	(void)fprintf(stderr, "mgmtd: no memory for the configured limits (%zu bytes)\n", size);
	exit(EXIT_USAGE);
}

static bool open_loop(struct daemon *d)
{
	struct coap_loop_user user = {d, next_deadline, tick, flush};
	int status = coap_loop_init(&d->loop, &user);
	if (status == 0)
		return true;
	(void)fprintf(stderr, "mgmtd: cannot set up the loop: %s\n", strerror(-status));
	return false;
}

/* The store seals in a thread of its own, so it has a context of its own. */
static bool begin_sealing(struct daemon *d, char *message)
{
	uint8_t secret[SECRET_FILES_BYTES], seed[PRNG_SEED_BYTES];
	if (!secret_files_read(d->settings.store_key, secret, message))
		return false;
	if (dtls_crypto_wolfcrypt_init(&d->store_crypto) && coap_loop_seed(seed, sizeof seed) == 0 &&
		sealing_begin(&d->sealing, &d->store_crypto, secret, seed)) {
		store_sqlite_seal(d->store, &d->sealing);
		return true;
	}
	(void)snprintf(message, SETTINGS_MESSAGE_BYTES, "no cryptography");
	return false;
}

/* A history that cannot be kept is no reason not to manage devices. */
static void open_history(struct daemon *d)
{
	char message[HISTORY_SQLITE_ERROR_BYTES] = "";
	struct history_sqlite_config config = {.path = d->settings.history_path,
		.raw_hours = d->settings.history_raw_hours,
		.minute_days = d->settings.history_minute_days,
		.hour_days = d->settings.history_hour_days,
		.bytes_max = d->settings.history_bytes_max};
	if (strcmp(config.path, "none") == 0)
		return;
	d->history = history_sqlite_open(&config, message);
	if (d->history == NULL)
		log_text(SERVER_LOG_ERROR, "event=no-history reason=\"%s\"", message);
}

static bool open_disk(struct daemon *d)
{
	char message[STORE_SQLITE_ERROR_BYTES] = "";
	struct store_sqlite_config store = {.path = d->settings.store_path, .wake = wake_stored, .wake_context = d};
	struct artifact_files_config artifacts = {.path = d->settings.artifacts_path,
		.max_size = d->settings.artifact_max_bytes,
		.wake = wake_artifact,
		.wake_context = d};
	d->store = store_sqlite_open(&store, message);
	if (d->store != NULL && begin_sealing(d, message))
		d->artifacts = artifact_files_open(&artifacts, message);
	if (d->artifacts == NULL)
		(void)fprintf(stderr, "mgmtd: %s\n", message);
	else
		open_history(d);
	return d->artifacts != NULL;
}

static void build_server(struct daemon *d)
{
	uint8_t seed[PRNG_SEED_BYTES];
	bool verifies = d->settings.trust_anchors[0] != '\0';
	struct server_config config = {.public_uri = d->settings.public_uri,
		.devices = d->settings.devices,
		.health_pmin_s = d->settings.pmin_s,
		.health_pmax_s = d->settings.pmax_s,
		.orders = d->settings.request_limit,
		.order_days = d->settings.request_days,
		.certificate_days = d->settings.certificate_days,
		.model = definitions_model(&d->definitions),
		.bootstrap = d->bootstrap.text != NULL ? &d->bootstrap.accounts : NULL,
		.needs_approval = d->settings.needs_approval,
		.accepts_plain = d->settings.has_plain_listen};
	struct server_ports ports = {.store = store_sqlite_port(d->store),
		.artifacts = artifact_files_port(d->artifacts),
		.hash = &d->signature,
		.anchors = verifies ? &d->signature : NULL,
		.issuer = d->trust.authority.is_there ? &d->trust.authority.issuer : NULL,
		.done = command_done,
		.answered = device_answered,
		.done_context = d,
		.log = write_log};
	if (d->history != NULL)
		ports.history = history_sqlite_port(d->history);
	(void)coap_loop_seed(seed, sizeof seed);
	d->server = server_init(take_memory(server_memory(&config)), &config, &ports, seed);
}

static void build_endpoint(struct daemon *d)
{
	uint8_t seed[PRNG_SEED_BYTES];
	uint32_t devices = d->settings.devices;
	struct coap_endpoint_config config = {
		.parameters = coap_parameters_default,
		.capacities = {.exchanges = 3 * devices +
					    320, /* two observations and a request for each; those of operators */
			.pending = devices + 64,
			.duplicates = 2 * devices + 256,
			.separate = 1024,
			.observers = 16,
			.bodies = 256,
			.verified = devices},
		.transport = network_transport(d->network),
	};
	config.parameters.body_size_max = SERVER_BODY_MAX;
	config.parameters.message_max = dtls_message_max((uint16_t)d->settings.mtu);
	config.resources = server_resources(d->server, &config.resource_count);
	(void)coap_loop_seed(seed, sizeof seed);
	d->endpoint = coap_endpoint_init(take_memory(coap_endpoint_memory(&config)), &config, seed);
}

static bool load(struct daemon *d, msec now)
{
	char message[STORE_SQLITE_ERROR_BYTES];
	struct store_visitor visitor;
	look_at_clock(d, now);
	visitor = server_visitor(d->server, now);
	if (!store_sqlite_load(d->store, &visitor, EVENTS_LOADED, message)) {
		(void)fprintf(stderr, "mgmtd: %s\n", message);
		return false;
	}
	if (store_sqlite_unreadable(d->store) > 0)
		log_text(SERVER_LOG_WARNING,
			"event=keys-unreadable count=%u key=\"%s\" reason=\"sealed under another key; claims among "
			"them "
			"are not honoured\"",
			store_sqlite_unreadable(d->store), d->settings.store_key);
	return true;
}

static void renew_model(void *context, const struct model *model)
{
	server_set_model(((struct daemon *)context)->server, model);
}

static bool open_network(struct daemon *d)
{
	char message[SETTINGS_MESSAGE_BYTES] = "";
	struct network_config config = {.settings = &d->settings, .trust = &d->trust, .loop = &d->loop};
	d->network = network_open(&config, message);
	if (d->network == NULL)
		(void)fprintf(stderr, "mgmtd: %s\n", message);
	return d->network != NULL;
}

static bool start_http(struct daemon *d)
{
	char message[HTTP_ERROR_BYTES], path[SETTINGS_PATH_BYTES];
	struct http_config config = {.listen = d->settings.http_listen,
		.connections_max = d->settings.http_connections,
		.now = loop_now,
		.now_context = d,
		.log = write_http_log};
	memcpy(path, d->settings.store_path, sizeof path);
	config.state_dir = dirname(path);
	d->http = http_start(coap_loop_ev(&d->loop), d->server, &config, message);
	if (d->http == NULL)
		(void)fprintf(stderr, "mgmtd: %s\n", message);
	return d->http != NULL;
}

static bool start_network(struct daemon *d)
{
	char message[SETTINGS_MESSAGE_BYTES] = "";
	struct association_port associations = network_associations(d->network);
	server_set_associations(d->server, &associations);
	if (network_start(d->network, d->endpoint, d->server, coap_loop_read_clock(), wall_now(), message))
		return true;
	(void)fprintf(stderr, "mgmtd: %s\n", message);
	return false;
}

static bool start_handover(struct daemon *d)
{
	char message[HANDOVER_ERROR_BYTES];
	d->listener = -1;
	if (d->settings.handover[0] == '\0')
		return true;
	d->listener = handover_listen(d->settings.handover, message);
	if (d->listener >= 0)
		coap_loop_watch(&d->loop, &d->on_handover, d->listener, d, handed_over);
	else
		(void)fprintf(stderr, "mgmtd: %s\n", message);
	return d->listener >= 0;
}

static void say_ready(const struct daemon *d)
{
	char text[ADDRESS_TEXT_BYTES + 1] = "";
	struct address local = network_local(d->network);
	struct writer w = writer_of(text, ADDRESS_TEXT_BYTES);
	struct server_gauges gauges = server_gauges(d->server);
	address_write(&w, &local);
	*w.at = '\0';
	log_text(SERVER_LOG_INFO,
		"event=ready version=%s coaps=%s http_port=%u devices=%u registered=%u psk=%u raw_keys=%u",
		FIELDFARE_VERSION, text, http_port(d->http), gauges.devices, gauges.registered,
		d->trust.credentials.psk_count, d->trust.credentials.raw_key_count);
}

static void watch(struct daemon *d)
{
	watch_signal(d, &d->on_terminate, terminated, SIGTERM);
	watch_signal(d, &d->on_interrupt, terminated, SIGINT);
	watch_signal(d, &d->on_hangup, hung_up, SIGHUP);
	watch_async(d, &d->on_stored, stored);
	watch_async(d, &d->on_artifact, artifact_finished);
	definitions_watch(&d->definitions, &d->loop, renew_model, d);
}

/* Store, load, sockets, and only then the world. */
static enum exit_status run(struct daemon *d)
{
	if (!open_loop(d))
		return EXIT_NETWORK;
	if (!open_disk(d))
		return EXIT_STORE;
	/* Without definitions everything works; objects then have numbers for names, and are not checked. */
	if (!definitions_load(&d->definitions, d->settings.objects_path))
		return EXIT_USAGE;
	build_server(d);
	if (!load(d, coap_loop_read_clock()))
		return EXIT_STORE;
	if (!open_network(d))
		return EXIT_NETWORK;
	build_endpoint(d);
	watch(d);
	server_start(d->server, d->endpoint, coap_loop_read_clock());
	if (!start_http(d))
		return EXIT_NETWORK;
	if (!start_handover(d) || !start_network(d))
		return EXIT_NETWORK;
	say_ready(d);
	coap_loop_run(&d->loop);
	return EXIT_GOOD;
}

static void close_all(struct daemon *d)
{
	http_stop(d->http);
	network_close(d->network, d->network == NULL ? 0 : coap_loop_read_clock(), wall_now());
	artifact_files_close(d->artifacts);
	history_sqlite_close(d->history);
	store_sqlite_close(d->store);
	if (d->store_crypto.context != NULL)
		dtls_crypto_wolfcrypt_done(&d->store_crypto);
	trust_files_done(&d->trust);
	bootstrap_files_done(&d->bootstrap);
	definitions_done(&d->definitions);
	if (d->loop.ev != NULL)
		coap_loop_done(&d->loop);
}

/* ---- the command line ---- */

static void print_usage(FILE *out)
{
	(void)fprintf(out, "usage: mgmtd [--config FILE]                  run\n"
			   "       mgmtd [--config FILE] --check-config   say whether the configuration is good\n"
			   "       mgmtd [--config FILE] --take-over PATH run in place of the one that listens there\n"
			   "       mgmtd --version | --help\n"
			   "The configuration is /etc/fieldfare/mgmtd.ini, or what MGMTD_CONFIG names.\n");
}

/* False, with the status to leave with, when there is nothing more to do. */
static bool read_options(int argc, char **argv, struct daemon *d, bool *ret_checks_only, enum exit_status *ret_status)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"take-over", required_argument, NULL, 't'}, {"check-config", no_argument, NULL, 'k'},
		{"version", no_argument, NULL, 'V'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *environment = getenv("MGMTD_CONFIG");
	d->settings_path = environment != NULL ? environment : "/etc/fieldfare/mgmtd.ini";
	*ret_status = EXIT_USAGE;
	for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		if (c == 'c')
			d->settings_path = optarg;
		else if (c == 't')
			d->predecessor = optarg;
		else if (c == 'k')
			*ret_checks_only = true;
		else if (c == 'V' || c == 'h') {
			*ret_status = EXIT_GOOD;
			if (c == 'V')
				(void)printf("mgmtd %s\n", FIELDFARE_VERSION);
			else
				print_usage(stdout);
			return false;
		} else {
			print_usage(stderr);
			return false;
		}
	}
	if (optind < argc)
		print_usage(stderr);
	return optind == argc;
}

/* Everything the configuration names, so that a mistake shows before anything is started. */
static bool load_files(struct daemon *d)
{
	char message[SETTINGS_MESSAGE_BYTES];
	bool good = settings_load(d->settings_path, &d->settings, message) &&
		    trust_files_load(&d->trust, &d->settings, d->seed, wall_now() / 1000, message) &&
		    (d->settings.bootstrap_accounts[0] == '\0' ||
			    bootstrap_files_load(d->settings.bootstrap_accounts, &d->bootstrap, message)) &&
		    (d->settings.trust_anchors[0] == '\0' ||
			    credential_files_load_anchors(&d->settings, &d->anchors, message));
	if (!good)
		(void)fprintf(stderr, "mgmtd: %s\n", message);
	return good;
}

int main(int argc, char **argv)
{
	static struct daemon daemon = {.stop_by = NEVER};
	struct daemon *d = &daemon;
	bool checks_only = false;
	enum exit_status status;
	if (!read_options(argc, argv, d, &checks_only, &status))
		return (int)status;
	char message[HANDOVER_ERROR_BYTES];
	if (!checks_only && d->predecessor != NULL && !handover_take(d->predecessor, message)) {
		(void)fprintf(stderr, "mgmtd: %s\n", message);
		return EXIT_NETWORK;
	}
	if (coap_loop_seed(&d->seed, sizeof d->seed) != 0 || !load_files(d))
		return EXIT_USAGE;
	if (checks_only) {
		(void)printf("%s is good\n", d->settings_path);
		return EXIT_GOOD;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(d->settings.log_level);
	d->signature = signature_wolfcrypt_port(&d->anchors);
	status = run(d);
	close_all(d);
	return (int)status;
}
