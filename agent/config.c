/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One table says what may be written where; reading is a look into it. */
#include "agent/config.h"

#include "agent/backlog.h"
#include "coap/uri.h"
#include "dtls/dtls.h"
#include "mgmt/uuid.h"
#include "mgmt/value.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

enum kind { TEXT, NUMBER, DECIMAL, UUID, LEVEL, YES_OR_NO };

struct key {
	const char *section, *name;
	enum kind kind;
	size_t offset, size; /* of the field */
	uint32_t lowest, highest;
};

#define FIELD(member)          offsetof(struct config, member), sizeof(((struct config *)NULL)->member)
#define ANY                    0, 0
#define KEYS                   (sizeof keys / sizeof keys[0])
#define LIFETIME_LOWEST_S      10
#define IMAGE_SIZE_HIGHEST_KIB (1024 * 1024)

static const struct key keys[] = {
	{"agent", "endpoint", TEXT, FIELD(endpoint), ANY},
	{"agent", "state_dir", TEXT, FIELD(state_dir), ANY},
	{"agent", "lifetime", NUMBER, FIELD(lifetime_s), LIFETIME_LOWEST_S, INT32_MAX},
	{"agent", "queue_mode", YES_OR_NO, FIELD(queue_mode), ANY},
	{"agent", "backlog", NUMBER, FIELD(backlog), 0, BACKLOG_ENTRIES_MAX},
	{"agent", "log_level", LEVEL, FIELD(log_level), ANY},
	{"server", "send", YES_OR_NO, FIELD(may_send), ANY},
	{"server", "uri", TEXT, FIELD(server.uri), ANY},
	{"server", "server_name", TEXT, FIELD(server.server_name), ANY},
	{"server", "psk_identity", TEXT, FIELD(server.psk_identity), ANY},
	{"server", "psk_key", TEXT, FIELD(server.psk_key), ANY},
	{"server", "psk_key_file", TEXT, FIELD(server.psk_key_file), ANY},
	{"server", "certificate", TEXT, FIELD(server.certificate), ANY},
	{"server", "private_key", TEXT, FIELD(server.private_key), ANY},
	{"server", "ca", TEXT, FIELD(server.ca), ANY},
	{"server", "raw_key", TEXT, FIELD(server.raw_key), ANY},
	{"server", "server_key", TEXT, FIELD(server.server_key), ANY},
	{"server", "mtu", NUMBER, FIELD(mtu), DTLS_LINK_MTU_LEAST, DTLS_LINK_MTU_MOST},
	{"server", "rekey_days", NUMBER, FIELD(rekey_days), 0, 3650},
	{"server", "enrol", YES_OR_NO, FIELD(enrols), ANY},
	{"bootstrap", "uri", TEXT, FIELD(bootstrap.uri), ANY},
	{"bootstrap", "server_name", TEXT, FIELD(bootstrap.server_name), ANY},
	{"bootstrap", "psk_identity", TEXT, FIELD(bootstrap.psk_identity), ANY},
	{"bootstrap", "psk_key", TEXT, FIELD(bootstrap.psk_key), ANY},
	{"bootstrap", "psk_key_file", TEXT, FIELD(bootstrap.psk_key_file), ANY},
	{"bootstrap", "certificate", TEXT, FIELD(bootstrap.certificate), ANY},
	{"bootstrap", "private_key", TEXT, FIELD(bootstrap.private_key), ANY},
	{"bootstrap", "ca", TEXT, FIELD(bootstrap.ca), ANY},
	{"bootstrap", "raw_key", TEXT, FIELD(bootstrap.raw_key), ANY},
	{"bootstrap", "server_key", TEXT, FIELD(bootstrap.server_key), ANY},
	{"bootstrap", "hold_off", NUMBER, FIELD(hold_off_s), 0, 86400},
	{"device", "manufacturer", TEXT, FIELD(manufacturer), ANY},
	{"device", "model", TEXT, FIELD(model), ANY},
	{"device", "serial", TEXT, FIELD(serial), ANY},
	{"device", "device_type", TEXT, FIELD(device_type), ANY},
	{"device", "hardware_version", TEXT, FIELD(hardware_version), ANY},
	{"device", "vendor_id", UUID, FIELD(vendor_id), ANY},
	{"device", "class_id", UUID, FIELD(class_id), ANY},
	{"device", "may_reboot", YES_OR_NO, FIELD(may_reboot), ANY},
	{"update", "trust_anchors", TEXT, FIELD(trust_anchors), ANY},
	{"update", "self_test_timeout", NUMBER, FIELD(self_test_timeout_s), 1, 3600},
	{"update", "settle_seconds", NUMBER, FIELD(settle_s), 0, 86400},
	{"update", "max_trials", NUMBER, FIELD(max_trials), 1, 100},
	{"update", "give_up", NUMBER, FIELD(give_up_s), 10, 30 * 86400},
	{"update", "image_size_max", NUMBER, FIELD(image_size_max_kib), 1, IMAGE_SIZE_HIGHEST_KIB},
	{"payload", "arguments", TEXT, FIELD(arguments), ANY},
	{"payload", "restart_seconds", NUMBER, FIELD(restart_s), 1, 86400},
	{"services", "units", TEXT, FIELD(units), ANY},
	{"services", "pid_files", TEXT, FIELD(pid_files), ANY},
	{"services", "commands", TEXT, FIELD(commands), ANY},
	{"location", "latitude", DECIMAL, FIELD(latitude), 0, 90},
	{"location", "longitude", DECIMAL, FIELD(longitude), 0, 180},
	{"location", "altitude", DECIMAL, FIELD(altitude_m), 0, 100000},
	{"location", "gpsd", TEXT, FIELD(gpsd), ANY},
	{"location", "gpsd_interval", NUMBER, FIELD(gpsd_interval_s), 10, 86400},
	{"extensions", "directory", TEXT, FIELD(extensions), ANY},
	{"extensions", "user", TEXT, FIELD(extensions_user), ANY},
	{"extensions", "patience", NUMBER, FIELD(extensions_patience_s), 1, 60},
};

struct reading {
	const char *path;
	FILE *file;
	struct config *config;
	char *message;
	unsigned line;
	bool is_given[KEYS];
	bool has_failed; /* the first fault is in `message` */
};

static void fail(struct reading *r, const char *what, const char *subject)
{
	if (!r->has_failed)
		(void)snprintf(r->message, CONFIG_MESSAGE_BYTES, "%s:%u: %s%s%s", r->path, r->line, subject,
			subject[0] == '\0' ? "" : ": ", what);
	r->has_failed = true;
}

/* ---- one value ---- */

static bool set_text(void *field, size_t size, const char *value)
{
	size_t len = strlen(value);
	if (len >= size)
		return false;
	memcpy(field, value, len + 1);
	return true;
}

static bool set_number(void *field, uint64_t number)
{
	uint32_t narrow = (uint32_t)number;
	memcpy(field, &narrow, sizeof narrow);
	return true;
}

static bool set_range(void *field, const struct key *key, const char *value)
{
	uint64_t number;
	if (!parse_decimal(bytes_of_text(value), key->highest, &number) || number < key->lowest)
		return false;
	return set_number(field, number);
}

/* Up to the highest on both sides of 0. */
static bool set_decimal(void *field, const struct key *key, const char *value)
{
	double number;
	if (!value_parse_double(bytes_of_text(value), &number) || number > key->highest ||
		number < -(double)key->highest)
		return false;
	memcpy(field, &number, sizeof number);
	return true;
}

static bool set_word(void *field, const char *const *words, unsigned count, const char *value)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(words[i], value) == 0)
			return set_number(field, i);
	return false;
}

static bool set(struct config *config, const struct key *key, const char *value)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};
	static const char *const answers[] = {"no", "yes"};
	void *field = (uint8_t *)config + key->offset;
	switch (key->kind) {
	case TEXT:
		return value[0] != '\0' && set_text(field, key->size, value);
	case NUMBER:
		return set_range(field, key, value);
	case DECIMAL:
		return set_decimal(field, key, value);
	case UUID:
		return uuid_parse(bytes_of_text(value), field);
	case LEVEL:
		return set_word(field, levels, 4, value);
	case YES_OR_NO:
		return set_word(field, answers, 2, value);
	}
	return false;
}

static void explain_value(struct reading *r, const struct key *key)
{
	char what[128];
	switch (key->kind) {
	case TEXT:
		(void)snprintf(what, sizeof what, "must have 1 to %zu bytes", key->size - 1);
		break;
	case NUMBER:
		(void)snprintf(what, sizeof what, "must be a number from %u to %u", key->lowest, key->highest);
		break;
	case DECIMAL:
		(void)snprintf(what, sizeof what, "must be a number from -%u to %u", key->highest, key->highest);
		break;
	case UUID:
		(void)snprintf(what, sizeof what, "must be a UUID such as fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe");
		break;
	case LEVEL:
		(void)snprintf(what, sizeof what, "must be error, warning, info or debug");
		break;
	case YES_OR_NO:
		(void)snprintf(what, sizeof what, "must be yes or no");
		break;
	}
	fail(r, what, key->name);
}

/* ---- the file ---- */

static int take(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;
	bool is_section = false;
	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].section, section) != 0)
			continue;
		is_section = true;
		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (r->is_given[i])
			fail(r, "given twice", name);
		r->is_given[i] = true;
		if (!set(r->config, &keys[i], value))
			explain_value(r, &keys[i]);
		return !r->has_failed;
	}
	if (!is_section)
		fail(r, "no such section", section);
	else
		fail(r, "no such key in this section", name);
	return 0;
}

/* Counts lines for `take`, and refuses those that inih would cut. */
static char *read_line(char *text, int capacity, void *stream)
{
	struct reading *r = stream;
	if (fgets(text, capacity, r->file) == NULL)
		return NULL;
	r->line++;
	if (strchr(text, '\n') == NULL && !feof(r->file)) {
		fail(r, "line is too long", "");
		return NULL;
	}
	return text;
}

static void set_defaults(struct config *c)
{
	const struct agent_config *d = &agent_config_default;
	memset(c, 0, sizeof *c);
	(void)set_text(c->state_dir, sizeof c->state_dir, "/var/lib/fieldfare");
	c->latitude = c->longitude = c->altitude_m = CONFIG_NOT_GIVEN;
	c->gpsd_interval_s = 300;
	c->lifetime_s = d->lifetime_s;
	c->backlog = d->backlog_max;
	c->log_level = AGENT_LOG_INFO;
	c->mtu = DTLS_LINK_MTU_DEFAULT;
	c->self_test_timeout_s = (uint32_t)(d->self_test_timeout_ms / 1000);
	c->settle_s = (uint32_t)(d->settle_ms / 1000);
	c->max_trials = d->trials_max;
	c->give_up_s = (uint32_t)(d->download_give_up_ms / 1000);
	c->image_size_max_kib = (uint32_t)(d->image_size_max / 1024);
	c->may_reboot = 1;
	c->restart_s = (uint32_t)(d->payload_restart_ms / 1000);
	c->extensions_patience_s = (uint32_t)(d->extension_patience_ms / 1000);
}

/* ---- the whole ---- */

static bool is_given(double number)
{
	return number < CONFIG_NOT_GIVEN;
}

static bool has(const char *text)
{
	return text[0] != '\0';
}

/* What is wrong with the ways to prove oneself, of which there must be one. */
static const char *what_proof_lacks(const struct config_peer *p, bool enrols)
{
	bool has_key = has(p->psk_key) != has(p->psk_key_file);
	bool has_psk = has(p->psk_identity) && has_key;
	bool has_certificate = has(p->certificate) && has(p->private_key) && has(p->ca);
	bool has_raw_key = has(p->raw_key) && has(p->server_key);
	if (has(p->psk_key) && has(p->psk_key_file))
		return "psk_key and psk_key_file exclude each other";
	if ((has(p->psk_identity) || has_key) && !has_psk)
		return "psk_identity needs psk_key or psk_key_file, and they need it";
	if (has_psk && (has(p->certificate) || has(p->private_key)))
		return "has both a pre-shared key and a certificate; which one is it?";
	if (has(p->raw_key) != has(p->server_key))
		return "raw_key and server_key need each other";
	if (has_raw_key && (has_psk || has(p->certificate) || has(p->private_key)))
		return "has a raw key and something else; which one is it?";
	if (has_raw_key && enrols)
		return "enrol goes with a pre-shared key or a certificate, not with a raw key";
	if (!has_psk && !has_certificate && !has_raw_key)
		return "needs psk_identity with a key, or certificate, private_key and ca, or raw_key and server_key";
	return NULL;
}

static const char *what_peer_lacks(const struct config_peer *p, bool enrols)
{
	struct coap_uri uri;
	if (!coap_uri_parse(bytes_of_text(p->uri), &uri) || !uri.is_secure || uri.is_reliable)
		return "uri is missing or not of the form coaps://host:port";
	if (uri.path.len > 1 || uri.has_query)
		return "uri must end after the port";
	return what_proof_lacks(p, enrols);
}

static bool is_blank(const struct config_peer *p)
{
	static const struct config_peer blank;
	return memcmp(p, &blank, sizeof blank) == 0;
}

/* The section it is about is in `*ret_section`, without one when the sentence names its own. */
static const char *what_is_missing(const struct config *c, const char **ret_section)
{
	const char *lacks = NULL;
	bool has_bootstrap = !is_blank(&c->bootstrap);
	bool has_server = !is_blank(&c->server) || !has_bootstrap || c->enrols != 0;
	*ret_section = "";
	if (!has(c->endpoint))
		return "[agent] endpoint is missing";
	if (has_server) {
		*ret_section = "[server] ";
		lacks = what_peer_lacks(&c->server, c->enrols != 0);
	}
	if (lacks == NULL && has_bootstrap) {
		*ret_section = "[bootstrap] ";
		lacks = what_peer_lacks(&c->bootstrap, false);
	}
	if (lacks != NULL)
		return lacks;
	*ret_section = "";
	if (is_given(c->latitude) != is_given(c->longitude) || (is_given(c->altitude_m) && !is_given(c->latitude)))
		return "[location] needs both latitude and longitude";
	if (has(c->gpsd) && is_given(c->latitude))
		return "[location] has either latitude and longitude or gpsd";
	if (has(c->gpsd) && !address_parse(bytes_of_text(c->gpsd), CONFIG_GPSD_PORT, &(struct address){.port = 0}))
		return "[location] gpsd is an address with a port, like 127.0.0.1:2947";
	if (!has(c->trust_anchors))
		return "[update] trust_anchors is missing: nobody could sign an update for this device";
	return NULL;
}

bool config_load(const char *path, struct config *ret, char message[CONFIG_MESSAGE_BYTES])
{
	struct reading r = {.path = path, .config = ret, .message = message};
	set_defaults(ret);
	r.file = fopen(path, "re");
	if (r.file == NULL) {
		(void)snprintf(message, CONFIG_MESSAGE_BYTES, "%s: %s", path, strerror(errno));
		return false;
	}
	int status = ini_parse_stream(read_line, &r, take, &r);
	(void)fclose(r.file);
	if (status > 0 && !r.has_failed) {
		r.line = (unsigned)status;
		fail(&r, "neither a [section] nor a \"key = value\"", "");
	}
	const char *section;
	const char *missing = what_is_missing(ret, &section);
	if (!r.has_failed && missing != NULL) {
		(void)snprintf(message, CONFIG_MESSAGE_BYTES, "%s: %s%s", path, section, missing);
		r.has_failed = true;
	}
	return !r.has_failed;
}
