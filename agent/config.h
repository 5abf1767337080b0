/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * agentd's configuration file (edge): sections and keys as in docs and deploy/, read with inih and checked strictly. An
 * unknown section or key, a key given twice, a value out of its range, and a line too long to be read whole are errors
 * that name the file and the line. */
#pragma once

#include "agent/agent.h"

#include <stddef.h>

#define CONFIG_TEXT_BYTES    129
#define CONFIG_PATH_BYTES    256
#define CONFIG_MESSAGE_BYTES 512
#define CONFIG_NOT_GIVEN     1e9 /* no number that could be */
#define CONFIG_GPSD_PORT     2947

/* A server, and how the device and it prove themselves to each other. */
struct config_peer {
	char uri[CONFIG_PATH_BYTES];
	char server_name[CONFIG_TEXT_BYTES];
	char psk_identity[CONFIG_TEXT_BYTES];
	char psk_key[CONFIG_TEXT_BYTES]; /* hexadecimal */
	char psk_key_file[CONFIG_PATH_BYTES];
	char certificate[CONFIG_PATH_BYTES], private_key[CONFIG_PATH_BYTES], ca[CONFIG_PATH_BYTES];
	char raw_key[CONFIG_PATH_BYTES];    /* RFC 7250: our own private key */
	char server_key[CONFIG_PATH_BYTES]; /* the server's public one, or its SHA-256 in hexadecimal */
};

struct config {
	/* [agent] */
	char endpoint[CONFIG_TEXT_BYTES];
	char state_dir[CONFIG_PATH_BYTES];
	uint32_t lifetime_s;
	uint32_t queue_mode; /* lwm2m interface section 10 */
	uint32_t backlog;    /* values kept while a server is away; 0: none */
	uint32_t log_level;  /* enum agent_log_level */
	/* [server] and [bootstrap], of which there is one at least */
	struct config_peer server, bootstrap;
	uint32_t may_send;   /* whether the device may use Send before the server has said so */
	uint32_t hold_off_s; /* before the Bootstrap server is asked */
	uint32_t mtu;        /* of the narrowest link to a server */
	uint32_t rekey_days; /* of a pre-shared key; 0: only when an operator wants it */
	uint32_t enrols;     /* whether the device gets certificates of its own (RFC 9148) */
	/* [device]; empty ones are taken from the machine */
	char manufacturer[CONFIG_TEXT_BYTES], model[CONFIG_TEXT_BYTES], serial[CONFIG_TEXT_BYTES];
	char device_type[CONFIG_TEXT_BYTES], hardware_version[CONFIG_TEXT_BYTES];
	uint8_t vendor_id[16], class_id[16];
	uint32_t may_reboot; /* whether the server may restart agent and payload, /3/0/4 */
	/* [update] */
	char trust_anchors[CONFIG_PATH_BYTES];
	uint32_t self_test_timeout_s, settle_s, max_trials, give_up_s, image_size_max_kib;
	/* [payload] */
	char arguments[512];
	uint32_t restart_s;
	/* [services]: lists of words, see services_linux.h */
	char units[512], pid_files[512], commands[512];
	/* [location], of a device that does not move; CONFIG_NOT_GIVEN without; or where gpsd is, "127.0.0.1:2947" */
	double latitude, longitude, altitude_m;
	char gpsd[CONFIG_TEXT_BYTES];
	uint32_t gpsd_interval_s;
	/* [extensions]; without a directory there are none */
	char extensions[CONFIG_PATH_BYTES];
	char extensions_user[CONFIG_TEXT_BYTES]; /* as whom their programs run; empty: as the agent does */
	uint32_t extensions_patience_s;
};

/* Reads and checks the file. False with a message of one line, "<file>:<line>: <what is wrong>". */
bool config_load(const char *path, struct config *ret, char message[CONFIG_MESSAGE_BYTES]);
