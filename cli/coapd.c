/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * coapd: a small CoAP server to try clients on and to measure ours with. Nothing in it is kept. */
#include "cli/coapd_group.h"
#include "cli/coapd_proxy.h"
#include "cli/coapd_resources.h"
#include "cli/coapd_secure.h"
#include "coap/endpoint.h"
#include "coap/io/loop.h"
#include "coap/io/tcp.h"
#include "coap/io/udp.h"
#include "dtls/dtls.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATED_PEERS         65536
#define DATAGRAMS_A_TURN    1024
#define HOSTS_MAX           8
#define CONNECTIONS_DEFAULT 1024
#define CONNECTIONS_MAX     65536

static const char help[] =
	"coapd: a CoAP server to try clients on.\n"
	"\n"
	"Usage: coapd [--listen ADDRESS[:PORT]] [--large BYTES] [--observe-interval MS] [--separate-delay MS]\n"
	"             [--host NAME ...] [--rate-limit N] [--proxy] [--proxy-allow NETWORK ...]\n"
	"             [--reverse PREFIX=URI ...]\n"
	"             [--proxy-wait SECONDS]\n"
	"             [--mtu BYTES] [--no-echo] [--group ADDRESS[%INTERFACE] ...] [--group-size COUNT]\n"
	"             [--secure-listen ADDRESS[:PORT] [--psk-identity TEXT --psk-key TEXT]\n"
	"             [--certificate FILE --private-key FILE --ca FILE]\n"
	"             [--raw-key FILE --peer-key FILE|SHA256 ...] [--sessions COUNT] [--verbose]]\n"
	"             [--tcp-listen ADDRESS[:PORT] [--tcp-connections COUNT]]\n"
	"\n"
	"  --listen ADDRESS       where to listen, such as 127.0.0.1:5683 or [::1]:5683; all addresses and\n"
	"                         port 5683 if not given\n"
	"  --host NAME            a name of this server; may be given more than once. Requests for other hosts\n"
	"                         are then answered 5.05, unless with --proxy. Any host is taken if not given\n"
	"  --secure-listen ADDRESS, --psk-identity TEXT, --psk-key TEXT\n"
	"                         where to listen with DTLS, and for whom; the key is text, or bytes as 0x...\n"
	"  --certificate FILE, --private-key FILE, --ca FILE\n"
	"                         the same by certificates on P-256 (PEM): ours with its key, and the authorities "
	"that\n"
	"                         clients' must be from\n"
	"  --raw-key FILE, --peer-key FILE|SHA256\n"
	"                         the same by raw public keys on P-256: our private key, and a client's public one\n"
	"                         (PEM), or the SHA-256 of its DER; may be given more than once\n"
	"  --sessions COUNT       how many sessions at once, 1024 if not given\n"
	"  --verbose              tell of each session, and why there is none\n"
	"  --tcp-listen ADDRESS   where to listen with TCP\n"
	"  --tcp-connections COUNT\n"
	"                         how many connections at once, 1024 if not given\n"
	"  --proxy                answer requests with Proxy-Uri or Proxy-Scheme, from a cache where that is right\n"
	"  --proxy-allow ADDRESS[:PORT][/BITS]\n"
	"                         a server or network that the proxy may reach; may be given more than once, and\n"
	"                         nothing else is reached\n"
	"  --reverse PREFIX=coap://HOST[:PORT][/PATH]\n"
	"                         show that server's resources below a path of this one\n"
	"  --proxy-wait SECONDS   how long a request waits for its server before it is answered 5.04, 60 if not\n"
	"                         given\n"
	"  --mtu BYTES            what the narrowest link to a client carries, 576 to 1500, 1280 if not given; blocks\n"
	"                         become smaller where they would not fit\n"
	"  --no-echo              give long answers and notifications to plain addresses that have not been\n"
	"                         verified, for clients that do not know Echo (RFC 9175); without it a stranger\n"
	"                         gets no more than three times the bytes that he sends\n"
	"  --group ADDRESS[%INTERFACE]\n"
	"                         also answer requests to this multicast address, such as 224.0.1.187 or\n"
	"                         ff02::fd%eth0, on one interface or on all; may be given more than once\n"
	"  --group-size COUNT     how many members the groups have, so that answers are spread over the time that\n"
	"                         all of them need; over 5 seconds if not given\n"
	"  --large BYTES          size of /large, 262144 if not given\n"
	"  --observe-interval MS  between two changes of what can be observed, 5000 if not given\n"
	"  --separate-delay MS    until /separate answers, 1000 if not given\n"
	"  --help                 this help\n"
	"\n";

static const char warning[] = "\nIt is open to everybody and not meant for any network but your own.\n";

struct server {
	struct coap_loop loop;
	struct coap_loop_watch watch;
	struct coap_udp *udp;
	struct coapd_secure *secure; /* NULL without */
	struct coap_tcp *tcp;        /* the same */
	struct coap_endpoint *endpoint;
	struct coapd_resources resources;
	struct coapd_proxy proxy;
	struct coapd_groups groups;
	uint64_t group_size;
	uint16_t mtu;           /* of the narrowest link */
	bool answers_strangers; /* at any length */
	uint64_t rate_limit;    /* requests a second from one peer; 0 for no limit */
	const char *names[HOSTS_MAX];
	struct address addresses[3]; /* it listens on, with UDP, DTLS and TCP */
	struct coap_own_hosts hosts;
};

/* ---- time and datagrams ---- */

static msec deadline(void *context)
{
	struct server *s = context;
	msec at = msec_earlier(coap_endpoint_deadline(s->endpoint), coapd_resources_deadline(&s->resources));
	at = msec_earlier(at, coapd_proxy_deadline(&s->proxy));
	return s->secure == NULL ? at : msec_earlier(at, coapd_secure_deadline(s->secure));
}

static void tick(void *context, msec now)
{
	struct server *s = context;
	coapd_resources_tick(&s->resources, now);
	coapd_proxy_tick(&s->proxy, now);
	if (s->secure != NULL)
		coapd_secure_tick(s->secure, now);
	coap_endpoint_tick(s->endpoint, now);
}

static void flush(void *context)
{
	struct server *s = context;
	coap_udp_flush(s->udp);
	if (s->secure != NULL)
		coapd_secure_flush(s->secure);
	if (s->tcp != NULL)
		coap_tcp_flush(s->tcp);
}

static bool send_message(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct server *s = context;
	struct coap_transport t =
		coap_remote_is_secure(to) ? coapd_secure_transport(s->secure) : coap_udp_transport(s->udp);
	return t.send(t.context, to, message, now);
}

static bool find_path(void *context, const struct coap_remote *to, struct coap_path_state *ret)
{
	struct server *s = context;
	struct coap_transport t = coapd_secure_transport(s->secure);
	return t.path(t.context, to, ret);
}

static void prove_path(void *context, const struct coap_remote *remote)
{
	struct server *s = context;
	struct coap_transport t = coapd_secure_transport(s->secure);
	t.prove(t.context, remote);
}

/* A second socket, with security, beside the plain one. */
static struct coap_transport transport_of(struct server *s)
{
	if (s->secure == NULL)
		return coap_udp_transport(s->udp);
	return (struct coap_transport){.context = s, .send = send_message, .path = find_path, .prove = prove_path};
}

static void on_readable(void *context, msec now)
{
	struct server *s = context;
	struct coap_udp_datagram d;
	for (int i = 0; i < DATAGRAMS_A_TURN && coap_udp_next(s->udp, &d); i++) {
		struct coap_remote from = {d.from, HANDLE_NONE};
		if (d.is_group)
			coap_endpoint_receive_group(s->endpoint, &from, bytes_of(d.data, d.len), now);
		else
			coap_endpoint_receive(s->endpoint, &from, bytes_of(d.data, d.len), now);
	}
}

static void on_signal(struct ev_loop *ev, ev_signal *w, int events)
{
	(void)w, (void)events;
	ev_break(ev, EVBREAK_ALL);
}

/* ---- start ---- */

struct options {
	struct address local, tcp;
	bool is_secure, has_tcp;
	uint64_t connections;
	struct coapd_secure_config secure;
	struct credentials credentials;
	struct coapd_resources_config resources;
};

static bool add_host(struct server *s, const char *name)
{
	if (s->hosts.name_count == HOSTS_MAX || *name == '\0')
		return false;
	s->names[s->hosts.name_count++] = name;
	return true;
}

static void know_hosts(struct server *s, const struct options *o)
{
	s->hosts.names = s->names;
	s->hosts.addresses = s->addresses;
	s->addresses[s->hosts.address_count++] = o->local;
	if (o->is_secure)
		s->addresses[s->hosts.address_count++] = o->secure.local;
	if (o->has_tcp)
		s->addresses[s->hosts.address_count++] = o->tcp;
}

static bool make_endpoint(struct server *s)
{
	struct coap_endpoint_config config = {
		.parameters = coap_parameters_default,
		.capacities = {.exchanges = 320, /* a proxy asks as a client */
			.pending = 1024,
			.duplicates = 65536,
			.separate = 1024,
			.observers = 1024,
			.bodies = 64,
			.peers = 1024,
			.group_answers = s->groups.count > 0 ? 256 : 0,
			.verified = 65536,
			.qblocks = 64},
		.transport = transport_of(s),
		.connections = s->tcp != NULL ? coap_tcp_connections(s->tcp) : NULL,
		.resources = s->resources.table.rows,
		.resource_count = s->resources.table.count,
		.hosts = s->hosts,
	};
	uint8_t seed[PRNG_SEED_BYTES];
	if (s->proxy.is_forward || s->proxy.route_count > 0)
		config.parameters.body_size_max = COAPD_PROXY_BODY_MAX_BYTES;
	if (s->answers_strangers)
		config.parameters.amplification_max = 0;
	config.parameters.message_max = dtls_message_max(s->mtu);
	config.parameters.group.members = (uint32_t)s->group_size;
	config.parameters.requests_per_second = (uint32_t)s->rate_limit;
	config.capacities.rated_peers = s->rate_limit > 0 ? RATED_PEERS : 0;
	size_t size = coap_endpoint_memory(&config);
	void *memory = aligned_alloc(64, size);
	if (memory == NULL || coap_loop_seed(seed, sizeof seed) != 0)
		return false;
	s->endpoint = coap_endpoint_init(memory, &config, seed);
	return true;
}

static int open_tcp(struct server *s, const struct options *o)
{
	struct coap_connections_config config = COAP_CONNECTIONS_DEFAULT;
	if (!o->has_tcp)
		return 0;
	config.capacity = (uint32_t)o->connections;
	return coap_tcp_new(&s->loop, &config, &s->tcp);
}

static int listen_tcp(struct server *s, const struct options *o)
{
	if (s->tcp == NULL)
		return 0;
	coap_tcp_serve(s->tcp, s->endpoint);
	return coap_tcp_listen(s->tcp, &o->tcp);
}

static int run(struct server *s, const struct options *o)
{
	struct coap_loop_user user = {s, deadline, tick, flush};
	ev_signal interrupted, terminated;
	int error = coap_udp_open(&o->local, &s->udp);
	if (error < 0) {
		fprintf(stderr, "coapd: cannot listen: %s\n", strerror(-error));
		return 1;
	}
	error = coap_loop_init(&s->loop, &user);
	if (error == 0)
		error = open_tcp(s, o);
	if (error < 0 || !make_endpoint(s)) {
		fprintf(stderr, "coapd: cannot start: %s\n", error < 0 ? strerror(-error) : "no memory");
		return 1;
	}
	error = listen_tcp(s, o);
	if (error < 0) {
		fprintf(stderr, "coapd: cannot listen with TCP: %s\n", strerror(-error));
		return 1;
	}
	if (!coapd_groups_join(&s->groups, s->udp))
		return 1;
	coapd_resources_start(&s->resources, s->endpoint, coap_loop_read_clock());
	if (!coapd_proxy_start(&s->proxy, &s->loop, s->endpoint, &o->local)) {
		fprintf(stderr, "coapd: cannot start: no memory\n");
		return 1;
	}
	coap_loop_watch(&s->loop, &s->watch, coap_udp_descriptor(s->udp), s, on_readable);
	if (s->secure != NULL)
		coapd_secure_watch(s->secure, &s->loop, s->endpoint);
	ev_signal_init(&interrupted, on_signal, SIGINT);
	ev_signal_init(&terminated, on_signal, SIGTERM);
	ev_signal_start(coap_loop_ev(&s->loop), &interrupted);
	ev_signal_start(coap_loop_ev(&s->loop), &terminated);
	coap_loop_run(&s->loop);
	coap_tcp_free(s->tcp);
	coapd_proxy_done(&s->proxy);
	coap_loop_done(&s->loop);
	if (coap_udp_overflows(s->udp) > 0)
		(void)fprintf(stderr, "coapd: %llu datagrams were lost because the receive queue was full\n",
			(unsigned long long)coap_udp_overflows(s->udp));
	coap_udp_close(s->udp);
	coapd_secure_close(s->secure);
	return 0;
}

static bool parse_size(const char *text, uint64_t *ret)
{
	return parse_decimal(bytes_of_text(text), UINT64_C(1) << 30, ret);
}

/* Milliseconds, at least one and at most an hour. */
static bool parse_span(const char *text, msec *ret)
{
	uint64_t span;
	if (!parse_decimal(bytes_of_text(text), SECONDS(3600), &span) || span == 0)
		return false;
	*ret = (msec)span;
	return true;
}

static bool open_secure(struct server *s, const struct options *o)
{
	const char *reason = credentials_fault(&o->credentials,
		"--secure-listen needs --psk-identity and --psk-key, or --certificate, --private-key and --ca, or "
		"--raw-key and --peer-key");
	if (!o->is_secure)
		return true;
	if (reason == NULL)
		s->secure = coapd_secure_open(&o->secure, &o->credentials, &reason);
	if (s->secure == NULL)
		(void)fprintf(stderr, "coapd: %s\n", reason);
	return s->secure != NULL;
}

static bool is_read(const char *wrong)
{
	if (wrong != NULL)
		(void)fprintf(stderr, "coapd: %s: %s\n", optarg, wrong);
	return wrong == NULL;
}

static bool read_credential(struct credentials *c, int option)
{
	if (option == 'i')
		return credentials_set_identity(c, optarg);
	if (option == 'k')
		return credentials_set_key(c, optarg);
	if (option == 'C')
		return is_read(credentials_read(c, CREDENTIALS_CERTIFICATE, optarg));
	if (option == 'Y')
		return is_read(credentials_read(c, CREDENTIALS_PRIVATE_KEY, optarg));
	if (option == 'W')
		return is_read(credentials_read(c, CREDENTIALS_RAW_KEY, optarg));
	if (option == 'P')
		return is_read(credentials_add_peer_key(c, optarg));
	return option == 'T' && is_read(credentials_read(c, CREDENTIALS_CA, optarg));
}

static bool read_option(struct options *o, struct server *s, int option)
{
	struct coapd_proxy *proxy = &s->proxy;
	if (option == 'e')
		return s->answers_strangers = true;
	if (option == 'g')
		return coapd_groups_add(&s->groups, optarg);
	if (option == 'H')
		return add_host(s, optarg);
	if (option == 'n')
		return parse_decimal(bytes_of_text(optarg), UINT32_MAX, &s->group_size);
	if (option == 'R')
		return parse_decimal(bytes_of_text(optarg), 1000000, &s->rate_limit) && s->rate_limit > 0;
	if (option == 'p')
		return proxy->is_forward = true;
	if (option == 'a')
		return coapd_proxy_allow(proxy, optarg);
	if (option == 'w')
		return parse_decimal(bytes_of_text(optarg), 3600, &proxy->wait_s) && proxy->wait_s > 0;
	if (option == 'r')
		return coapd_proxy_reverse(proxy, optarg);
	if (option == 'l')
		return address_parse(bytes_of_text(optarg), 5683, &o->local);
	if (option == 's')
		return parse_size(optarg, &o->resources.large_size);
	if (option == 'o')
		return parse_span(optarg, &o->resources.observe_interval);
	if (option == 'd')
		return parse_span(optarg, &o->resources.separate_delay);
	if (option == 'S')
		return o->is_secure = address_parse(bytes_of_text(optarg), 5684, &o->secure.local);
	if (option == 't')
		return o->has_tcp = address_parse(bytes_of_text(optarg), 5683, &o->tcp);
	if (option == 'N')
		return parse_decimal(bytes_of_text(optarg), COAPD_SECURE_SESSIONS_MAX, &o->secure.sessions) &&
		       o->secure.sessions > 0;
	if (option == 'c')
		return parse_decimal(bytes_of_text(optarg), CONNECTIONS_MAX, &o->connections) && o->connections > 0;
	if (option == 'm')
		return parse_decimal(bytes_of_text(optarg), DTLS_LINK_MTU_MOST, &o->secure.mtu) &&
		       o->secure.mtu >= DTLS_LINK_MTU_LEAST;
	if (option == 'v')
		return o->secure.is_verbose = true;
	return read_credential(&o->credentials, option);
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
		{"large", required_argument, NULL, 's'}, {"secure-listen", required_argument, NULL, 'S'},
		{"observe-interval", required_argument, NULL, 'o'}, {"separate-delay", required_argument, NULL, 'd'},
		{"psk-identity", required_argument, NULL, 'i'}, {"psk-key", required_argument, NULL, 'k'},
		{"certificate", required_argument, NULL, 'C'}, {"private-key", required_argument, NULL, 'Y'},
		{"ca", required_argument, NULL, 'T'}, {"raw-key", required_argument, NULL, 'W'},
		{"peer-key", required_argument, NULL, 'P'}, {"verbose", no_argument, NULL, 'v'},
		{"sessions", required_argument, NULL, 'N'}, {"tcp-listen", required_argument, NULL, 't'},
		{"tcp-connections", required_argument, NULL, 'c'}, {"no-echo", no_argument, NULL, 'e'},
		{"group", required_argument, NULL, 'g'}, {"group-size", required_argument, NULL, 'n'},
		{"mtu", required_argument, NULL, 'm'}, {"rate-limit", required_argument, NULL, 'R'},
		{"proxy", no_argument, NULL, 'p'}, {"proxy-allow", required_argument, NULL, 'a'},
		{"reverse", required_argument, NULL, 'r'}, {"proxy-wait", required_argument, NULL, 'w'},
		{"host", required_argument, NULL, 'H'}, {"help", no_argument, NULL, 'h'}, {0}};
	static struct server server;
	struct options o = {.local = {.port = 5683},
		.connections = CONNECTIONS_DEFAULT,
		.secure = {.sessions = COAPD_SECURE_SESSIONS_DEFAULT, .mtu = DTLS_LINK_MTU_DEFAULT},
		.resources = coapd_resources_default};
	int option;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (option == 'h') {
			(void)printf("%s%s%s", help, coapd_resources_help, warning);
			return 0;
		}
		if (option == '?')
			return 2;
		if (!read_option(&o, &server, option)) {
			(void)fprintf(stderr, "coapd: what is \"%s\"?\n", optarg);
			return 2;
		}
	}
	coapd_resources_init(&server.resources, &o.resources);
	know_hosts(&server, &o);
	coapd_proxy_add(&server.proxy, &server.resources.table);
	server.mtu = (uint16_t)o.secure.mtu;
	return open_secure(&server, &o) ? run(&server, &o) : 1;
}
