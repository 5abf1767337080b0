/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sessions on disk, so that they outlive mgmtd (edge; what is written is dtls/save.h's affair).
 *
 *     0        head
 *     65536    marks, one bit a slot, mapped into memory
 *     then     one record for each slot, written in place with pwrite
 *
 * A mark is set in the mapped page before the datagram leaves, or takes effect, that makes a record out of date, and
 * cleared after the record has been written again; both survive `kill -9`, since the page cache is the system's. They
 * do not survive the end of the system, so what another boot has left is used only when its head says that it was
 * written by a clean stop. Nothing is synced in between.
 *
 * Each start reads the file of the one before, restores what can be restored, and writes a new file under a new salt,
 * which takes the place of the old one before anything is sent or received.
 *
 * The secret is a file of 64 hexadecimal digits that nobody but its owner may read; it is made at the first start. It
 * also gives the key of the connection IDs, so whoever distributes datagrams among several mgmtd needs it too. */
#pragma once

#include "dtls/dtls.h"
#include "dtls/save.h"
#include "server/settings.h"

struct session_files;

struct session_files_config {
	const char *path, *secret_path;
	uint32_t slots;
	uint8_t worker;
	struct dtls_crypto crypto;
};

/* NULL with a line of reason: the secret is not good, or nothing can be written there. A file that cannot be read is no
 * reason, but is logged: its sessions are lost. */
struct session_files *session_files_open(
	const struct session_files_config *config, char ret_error[SETTINGS_MESSAGE_BYTES]);
/* Accepts NULL. Writes nothing. */
void session_files_close(struct session_files *f);
/* DTLS_CID_KEY_BYTES, for struct dtls_config. */
const uint8_t *session_files_cid_key(const struct session_files *f);

/* What became of the sessions in the file before. */
struct session_files_counts {
	uint32_t restored;
	uint32_t changed;   /* since they were written */
	uint32_t damaged;   /* records */
	uint32_t unwelcome; /* of credentials or devices that are not known any more */
};

/* What the owner knows of sessions. */
struct session_files_owner {
	void *context;
	/* Whether this session may come back, before it does. */
	bool (*welcomes)(void *context, const struct dtls_saved_session *saved);
	/* It is back. False: it is of no use, and is closed. */
	bool (*restored)(void *context, const struct coap_remote *remote, struct bytes note, msec now);
	/* Writes what the owner keeps with it. */
	void (*note)(void *context, struct handle session, struct writer *w);
};

/* Puts back what can be put back and begins the new file. Once, before anything is sent or received. False with a line
 * of reason: then nothing may be sent either, for what is in the file would no longer be true. */
bool session_files_start(struct session_files *f, struct dtls *d, const struct session_files_owner *owner, msec now,
	int64_t wall, struct session_files_counts *ret, char ret_error[SETTINGS_MESSAGE_BYTES]);
/* When something is to be written. */
msec session_files_deadline(const struct session_files *f);
/* Writes some of what has changed. */
void session_files_tick(struct session_files *f, msec now);
/* The clean stop: writes everything. Nothing may be sent or received after this. False when it could not be written;
 * the sessions concerned will not come back. */
bool session_files_stop(struct session_files *f, msec now, int64_t wall);
