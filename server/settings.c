/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One table says what may be written where. Each kind of value has one function that reads it and one text that says
 * what it should have been. */
#include "server/settings.h"

#include "coap/uri.h"
#include "dtls/dtls.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

struct key {
	const char *section, *name;
	bool (*read)(void *field, size_t size, const struct key *key, const char *value);
	const char *expected;
	size_t offset, size;
	uint64_t lowest, highest;
};

/* ---- kinds of values ---- */

static bool read_text(void *field, size_t size, const struct key *key, const char *value)
{
	size_t len = strlen(value);
	(void)key;
	if (len == 0 || len >= size)
		return false;
	memcpy(field, value, len + 1);
	return true;
}

static bool read_number(void *field, size_t size, const struct key *key, const char *value)
{
	uint64_t number;
	(void)size;
	if (!parse_decimal(bytes_of_text(value), key->highest, &number) || number < key->lowest)
		return false;
	uint32_t narrow = (uint32_t)number;
	memcpy(field, &narrow, sizeof narrow);
	return true;
}

/* "64", "64K", "64M", "2G" */
static bool read_size(void *field, size_t size, const struct key *key, const char *value)
{
	static const char units[] = "KMG";
	struct bytes text = bytes_of_text(value);
	uint64_t number, factor = 1;
	const char *unit = text.len == 0 ? NULL : memchr(units, value[text.len - 1], sizeof units - 1);
	if (unit != NULL) {
		factor = UINT64_C(1) << (10 * (unit - units + 1));
		text.len--;
	}
	if (!parse_decimal(text, key->highest / factor, &number) || number * factor < key->lowest)
		return false;
	number *= factor;
	memcpy(field, &number, size);
	return true;
}

static bool read_address(void *field, size_t size, const struct key *key, const char *value)
{
	struct address address;
	if (!address_parse(bytes_of_text(value), (uint16_t)key->lowest, &address))
		return false;
	memcpy(field, &address, size);
	return true;
}

static bool read_uri(void *field, size_t size, const struct key *key, const char *value)
{
	struct coap_uri uri;
	if (!coap_uri_parse(bytes_of_text(value), &uri) || uri.path.len > 0 || uri.has_query)
		return false;
	return read_text(field, size, key, value);
}

static bool read_level(void *field, size_t size, const struct key *key, const char *value)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	(void)key;
	for (unsigned i = 0; i < 4; i++) {
		enum server_log_level level = (enum server_log_level)i;
		if (strcmp(names[i], value) != 0)
			continue;
		memcpy(field, &level, size);
		return true;
	}
	return false;
}

static bool read_mode(void *field, size_t size, const struct key *key, const char *value)
{
	bool needs_approval = strcmp(value, "approval") == 0;
	(void)key;
	if (!needs_approval && strcmp(value, "automatic") != 0)
		return false;
	memcpy(field, &needs_approval, size);
	return true;
}

static bool read_moves(void *field, size_t size, const struct key *key, const char *value)
{
	bool trusts_moves = strcmp(value, "trusted") == 0;
	(void)key;
	if (!trusts_moves && strcmp(value, "proved") != 0)
		return false;
	memcpy(field, &trusts_moves, size);
	return true;
}

/* Addresses separated by commas, blanks around them allowed; kept in order from the field on. */
static bool read_listen(void *field, size_t size, const struct key *key, const char *value)
{
	struct settings *s = (struct settings *)(void *)((uint8_t *)field - key->offset);
	struct bytes left = bytes_of_text(value);
	(void)size;
	s->listen_count = 0;
	while (left.len > 0) {
		const uint8_t *comma = memchr(left.data, ',', left.len);
		size_t len = comma == NULL ? left.len : (size_t)(comma - left.data);
		struct bytes one = bytes_first(left, len);
		left = bytes_from(left, len + 1);
		while (one.len > 0 && one.data[0] == ' ')
			one = bytes_from(one, 1);
		while (one.len > 0 && one.data[one.len - 1] == ' ')
			one.len--;
		if (s->listen_count == SETTINGS_LISTEN_MAX ||
			!address_parse(one, COAP_PORT_SECURE, &s->listen[s->listen_count]))
			return false;
		s->listen_count++;
	}
	return s->listen_count > 0;
}

/* ---- the table ---- */

#define FIELD(member)  offsetof(struct settings, member), sizeof(((struct settings *)NULL)->member)
#define PATH           read_text, "must be a path of 1 to 255 bytes"
#define ADDRESS        read_address, "must be an address such as 127.0.0.1:8080 or [::1]:8080"
#define NUMBER(limits) read_number, "must be a number from " limits

static const struct key keys[] = {
	{"coap", "listen", read_listen, "must be up to 4 addresses such as 192.0.2.1:5684, [2001:db8::1]:5684",
		FIELD(listen), 0, 0},
	{"coap", "plain_listen", ADDRESS, FIELD(plain_listen), COAP_PORT, 0},
	{"coap", "public_uri", read_uri, "must be of the form coaps://host:port", FIELD(public_uri), 0, 0},
	{"coap", "handover", PATH, FIELD(handover), 0, 0},
	{"coap", "mtu", NUMBER("576 to 1500 bytes"), FIELD(mtu), DTLS_LINK_MTU_LEAST, DTLS_LINK_MTU_MOST},
	{"dtls", "psk_file", PATH, FIELD(psk_file), 0, 0},
	{"dtls", "certificate", PATH, FIELD(certificate), 0, 0},
	{"dtls", "private_key", PATH, FIELD(private_key), 0, 0},
	{"dtls", "ca", PATH, FIELD(ca), 0, 0},
	{"dtls", "raw_key_file", PATH, FIELD(raw_key_file), 0, 0},
	{"dtls", "raw_private_key", PATH, FIELD(raw_private_key), 0, 0},
	{"dtls", "crl", PATH, FIELD(crl), 0, 0},
	{"dtls", "idle_timeout", NUMBER("0 to 31536000 seconds"), FIELD(idle_timeout_s), 0, 31536000},
	{"dtls", "session_file", PATH, FIELD(session_file), 0, 0},
	{"dtls", "session_key", PATH, FIELD(session_key), 0, 0},
	{"dtls", "worker", NUMBER("0 to 255"), FIELD(worker), 0, 255},
	{"dtls", "moves", read_moves, "must be proved or trusted", FIELD(trusts_moves), 0, 0},
	{"enrolment", "authority", PATH, FIELD(authority), 0, 0},
	{"enrolment", "authority_key", PATH, FIELD(authority_key), 0, 0},
	{"enrolment", "mode", read_mode, "must be automatic or approval", FIELD(needs_approval), 0, 0},
	{"enrolment", "certificate_days", NUMBER("1 to 3650 days"), FIELD(certificate_days), 1, 3650},
	{"bootstrap", "accounts", PATH, FIELD(bootstrap_accounts), 0, 0},
	{"http", "listen", ADDRESS, FIELD(http_listen), 8080, 0},
	{"http", "connections", NUMBER("4 to 10000"), FIELD(http_connections), 4, 10000},
	{"store", "path", PATH, FIELD(store_path), 0, 0},
	{"store", "key", PATH, FIELD(store_key), 0, 0},
	{"artifacts", "path", PATH, FIELD(artifacts_path), 0, 0},
	{"artifacts", "max_size", read_size, "must be a size such as 64M, from 1K to 1024G", FIELD(artifact_max_bytes),
		1024, UINT64_C(1) << 40},
	{"update", "trust_anchors", PATH, FIELD(trust_anchors), 0, 0},
	{"objects", "path", PATH, FIELD(objects_path), 0, 0},
	{"history", "path", PATH, FIELD(history_path), 0, 0},
	{"history", "raw_hours", NUMBER("1 to 8760 hours"), FIELD(history_raw_hours), 1, 8760},
	{"history", "minute_days", NUMBER("1 to 3650 days"), FIELD(history_minute_days), 1, 3650},
	{"history", "hour_days", NUMBER("1 to 36500 days"), FIELD(history_hour_days), 1, 36500},
	{"history", "max_size", read_size, "must be a size such as 64M, from 1M to 1024G", FIELD(history_bytes_max),
		1 << 20, UINT64_C(1) << 40},
	{"health", "pmin", NUMBER("1 to 86400 seconds"), FIELD(pmin_s), 1, 86400},
	{"health", "pmax", NUMBER("1 to 86400 seconds"), FIELD(pmax_s), 1, 86400},
	{"limits", "devices", NUMBER("1 to 2000000"), FIELD(devices), 1, 2000000},
	{"limits", "sessions", NUMBER("1 to 2000000"), FIELD(sessions), 1, 2000000},
	{"limits", "handshakes", NUMBER("1 to 65536"), FIELD(handshakes), 1, 65536},
	{"limits", "handshakes_per_host", NUMBER("1 to 65536"), FIELD(handshakes_per_host), 1, 65536},
	{"requests", "keep_days", NUMBER("1 to 3650 days"), FIELD(request_days), 1, 3650},
	{"requests", "limit", NUMBER("16 to 1000000"), FIELD(request_limit), 16, 1000000},
	{"log", "level", read_level, "must be error, warning, info or debug", FIELD(log_level), 0, 0},
};

#define KEYS (sizeof keys / sizeof *keys)

/* ---- the file ---- */

struct reading {
	const char *path;
	FILE *file;
	struct settings *settings;
	char *message;
	unsigned line, given[KEYS]; /* given: the line of each key, 0 for none */
	bool has_failed;            /* the first fault is in `message` */
};

static int fail(struct reading *r, const char *subject, const char *what)
{
	if (!r->has_failed)
		(void)snprintf(r->message, SETTINGS_MESSAGE_BYTES, "%s:%u: %s: %s", r->path, r->line, subject, what);
	r->has_failed = true;
	return 0;
}

static int take(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;
	bool is_section = false;
	for (size_t i = 0; i < KEYS; i++) {
		const struct key *key = &keys[i];
		if (strcmp(key->section, section) != 0)
			continue;
		is_section = true;
		if (strcmp(key->name, name) != 0)
			continue;
		if (r->given[i] != 0)
			return fail(r, name, "given twice");
		r->given[i] = r->line;
		if (key->read((uint8_t *)r->settings + key->offset, key->size, key, value))
			return 1;
		return fail(r, name, key->expected);
	}
	return is_section ? fail(r, name, "no such key in this section") : fail(r, section, "no such section");
}

/* Counts lines for `take`, and refuses those that inih would cut. */
static char *read_line(char *text, int capacity, void *stream)
{
	struct reading *r = stream;
	if (fgets(text, capacity, r->file) == NULL)
		return NULL;
	r->line++;
	if (strchr(text, '\n') != NULL || feof(r->file))
		return text;
	fail(r, "line", "too long");
	return NULL;
}

static void set_defaults(struct settings *s)
{
	memset(s, 0, sizeof *s);
	(void)address_parse(bytes_of_text("[::]:5684"), COAP_PORT_SECURE, &s->listen[0]);
	s->listen_count = 1;
	s->mtu = DTLS_LINK_MTU_DEFAULT;
	s->http_listen = address_ipv4(127, 0, 0, 1, 8080);
	s->http_connections = 256;
	(void)snprintf(s->store_path, sizeof s->store_path, "/var/lib/fieldfare/mgmtd.db");
	(void)snprintf(s->artifacts_path, sizeof s->artifacts_path, "/var/lib/fieldfare/artifacts");
	(void)snprintf(s->objects_path, sizeof s->objects_path, "%s", FIELDFARE_OBJECTS);
	s->artifact_max_bytes = UINT64_C(256) << 20;
	s->idle_timeout_s = 2 * 86400;
	s->certificate_days = 90;
	s->history_raw_hours = 24;
	s->history_minute_days = 30;
	s->history_hour_days = 365;
	s->history_bytes_max = UINT64_C(1) << 30;
	s->pmin_s = 5;
	s->pmax_s = 60;
	s->devices = 10000;
	s->handshakes = 256;
	s->log_level = SERVER_LOG_INFO;
}

/* ---- the whole ---- */

static bool has(const char *text)
{
	return text[0] != '\0';
}

static const char *what_is_wrong(const struct settings *s)
{
	bool has_certificate = has(s->certificate) && has(s->private_key) && has(s->ca);
	if (!has(s->public_uri))
		return "[coap] public_uri is missing: devices must be told where to fetch updates";
	if ((has(s->certificate) || has(s->private_key) || has(s->ca)) && !has_certificate)
		return "[dtls] certificate, private_key and ca need each other";
	if (has(s->authority) != has(s->authority_key))
		return "[enrolment] authority and authority_key need each other";
	if (has(s->raw_key_file) != has(s->raw_private_key))
		return "[dtls] raw_key_file and raw_private_key need each other";
	if (!has(s->psk_file) && !has_certificate && !has(s->authority) && !has(s->raw_key_file))
		return "[dtls] needs psk_file, or certificate, private_key and ca, or raw_key_file and "
		       "raw_private_key: "
		       "nobody could connect";
	if (s->pmin_s > s->pmax_s)
		return "[health] pmin is greater than pmax";
	return NULL;
}

bool settings_load(const char *path, struct settings *ret, char message[SETTINGS_MESSAGE_BYTES])
{
	struct reading r = {.path = path, .settings = ret, .message = message};
	set_defaults(ret);
	r.file = fopen(path, "re");
	if (r.file == NULL) {
		(void)snprintf(message, SETTINGS_MESSAGE_BYTES, "%s: %s", path, strerror(errno));
		return false;
	}
	int status = ini_parse_stream(read_line, &r, take, &r);
	(void)fclose(r.file);
	if (status > 0 && !r.has_failed) {
		r.line = (unsigned)status;
		fail(&r, "line", "neither a [section] nor a \"key = value\"");
	}
	if (r.has_failed)
		return false;
	ret->has_plain_listen = ret->plain_listen.port != 0;
	if (!has(ret->session_file))
		(void)snprintf(ret->session_file, sizeof ret->session_file, "%s-sessions", ret->store_path);
	if (!has(ret->history_path))
		(void)snprintf(ret->history_path, sizeof ret->history_path, "%s-history", ret->store_path);
	if (!has(ret->store_key))
		(void)snprintf(ret->store_key, sizeof ret->store_key, "%s.key", ret->store_path);
	if (!has(ret->session_key))
		(void)snprintf(ret->session_key, sizeof ret->session_key, "%s-sessions.key", ret->store_path);
	if (ret->sessions == 0)
		ret->sessions = ret->devices + ret->devices / 8 + 64;
	const char *wrong = what_is_wrong(ret);
	if (wrong != NULL)
		(void)snprintf(message, SETTINGS_MESSAGE_BYTES, "%s: %s", path, wrong);
	return wrong == NULL;
}
