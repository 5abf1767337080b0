/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The folder of extensions, and their programs (edge): looks into the folder when something changes there (inotify) or
 * when asked to, tells the agent which extensions have come and gone, runs their programs or connects to them, and
 * carries the lines between.
 *
 * What a program writes to its standard error is logged, a few lines a minute. */
#pragma once

#include "agent/agent.h"
#include "agent/extension_files.h"
#include "agent/extension_process_linux.h"
#include "agent/extensions.h"
#include "coap/io/loop.h"

struct extensions_linux;

/* The program of one extension, and the files by which it is known. */
struct extension_slot {
	struct extensions_linux *all;
	uint8_t number;
	bool is_open;
	struct extension_files files;
	struct model_list objects;
	struct extension_process process;
	struct coap_loop_watch answers, complaints;
	ev_timer kill; /* for a child that SIGTERM does not end */
	msec minute;   /* in which complaints are counted: its beginning */
	unsigned complained;
};

struct extensions_linux_config {
	const char *folder;
	struct extension_user user;
	struct coap_loop *loop;
	struct agent *agent;
	struct agent_log_port log;
};

struct extensions_linux {
	struct extensions_linux_config config;
	int inotify; /* -1: the folder is not watched */
	struct coap_loop_watch changes;
	ev_timer settle; /* until a copy is likely to be complete */
	struct extension_slot slots[EXTENSIONS_MAX];
	struct extension_files told[EXTENSION_FILES_MAX]; /* of these it has been said why they are not used */
	size_t told_count;
	bool folder_told;
};

/* False where agentd was built without expat: then the others do nothing. They do nothing either, and touch no page,
 * with zeroes that have not been started. */
bool extensions_linux_is_there(void);
/* For the agent's ports. */
struct extension_port extensions_linux_port(struct extensions_linux *x);
/* Looks into the folder for the first time, when the agent has been started. What the configuration names must outlive
 * the extensions. */
void extensions_linux_start(struct extensions_linux *x, const struct extensions_linux_config *config, msec now);
/* SIGHUP */
void extensions_linux_rescan(struct extensions_linux *x, msec now);
/* SIGCHLD */
void extensions_linux_reap(struct extensions_linux *x, msec now);
/* Ends all of them. */
void extensions_linux_done(struct extensions_linux *x);
