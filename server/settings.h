/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * mgmtd's configuration file (edge), read with inih and checked strictly: an unknown section or key, a key given twice,
 * a value out of its range, and a line too long to be read whole are errors that name the file and the line. */
#pragma once

#include "coap/base/address.h"
#include "server/server.h"

#define SETTINGS_PATH_BYTES    256
#define SETTINGS_LISTEN_MAX    4
#define SETTINGS_MESSAGE_BYTES 512

struct settings {
	/* [coap] */
	struct address listen[SETTINGS_LISTEN_MAX];
	uint8_t listen_count;
	bool has_plain_listen;
	struct address plain_listen; /* CoAP without security, for closed test nets */
	char public_uri[SERVER_PUBLIC_URI_MAX + 1];
	uint32_t mtu;                       /* of the narrowest link to a device */
	char handover[SETTINGS_PATH_BYTES]; /* where a successor asks for our sockets; empty: nowhere */
	/* [dtls] */
	char psk_file[SETTINGS_PATH_BYTES];
	char certificate[SETTINGS_PATH_BYTES], private_key[SETTINGS_PATH_BYTES], ca[SETTINGS_PATH_BYTES],
		crl[SETTINGS_PATH_BYTES];
	char raw_key_file[SETTINGS_PATH_BYTES], raw_private_key[SETTINGS_PATH_BYTES]; /* RFC 7250 */
	uint32_t idle_timeout_s;                                                      /* 0: sessions are kept */
	/* Where sessions outlive the process, and what seals them; beside the store when not given. "none": nowhere. */
	char store_key[SETTINGS_PATH_BYTES + 16]; /* what seals the keys in the store */
	char session_file[SETTINGS_PATH_BYTES + 16], session_key[SETTINGS_PATH_BYTES + 16];
	uint32_t worker;   /* this process's number inside connection IDs */
	bool trusts_moves; /* sends anything to the new address of a session that nobody has proved */
	/* [enrolment] */
	char authority[SETTINGS_PATH_BYTES], authority_key[SETTINGS_PATH_BYTES]; /* empty: nobody enrols here */
	uint32_t certificate_days;
	bool needs_approval; /* of enrolments, by an operator */
	/* [bootstrap] */
	char bootstrap_accounts[SETTINGS_PATH_BYTES]; /* empty: this is no Bootstrap server */
	/* [http] */
	struct address http_listen;
	uint32_t http_connections;
	/* [store], [artifacts] */
	char store_path[SETTINGS_PATH_BYTES];
	char artifacts_path[SETTINGS_PATH_BYTES];
	uint64_t artifact_max_bytes;
	/* [update] */
	char trust_anchors[SETTINGS_PATH_BYTES]; /* empty: signatures are left to the devices */
	/* [objects] */
	char objects_path[SETTINGS_PATH_BYTES]; /* the folder of the object definitions */
	/* [history] */
	char history_path[SETTINGS_PATH_BYTES + 16]; /* "none": it is not kept */
	uint32_t history_raw_hours, history_minute_days, history_hour_days;
	uint64_t history_bytes_max;
	/* [health] */
	uint32_t pmin_s, pmax_s;
	/* [limits] */
	uint32_t devices, sessions, handshakes;
	uint32_t handshakes_per_host; /* 0: half of them */
	/* [requests] */
	uint32_t request_days, request_limit; /* how long ended ones are kept, and how many of all; 0: the usual */
	/* [log] */
	enum server_log_level log_level;
};

/* Reads and checks the file. False with a message of one line, "<file>:<line>: <key>: <what is wrong>". */
bool settings_load(const char *path, struct settings *ret, char message[SETTINGS_MESSAGE_BYTES]);
