/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The object definitions of mgmtd (edge): loaded from a folder at start, and again when something in the folder changes
 * (inotify) or when asked to, so that a new object has its names without a restart. */
#pragma once

#include "coap/io/loop.h"
#include "mgmt/model_files.h"

struct definitions {
	const char *folder;
	struct model_files *files;
	void (*renewed)(void *context, const struct model *model);
	void *context;
	int inotify; /* -1: the folder is not watched */
	struct coap_loop *loop;
	struct coap_loop_watch changes;
	ev_timer settle; /* until a copy is likely to be complete */
};

/* Loads them. False for want of memory only: definitions that cannot be read are logged and left out. `folder` must
 * outlive them. */
bool definitions_load(struct definitions *d, const char *folder);
/* Valid until `renewed`. */
const struct model *definitions_model(const struct definitions *d);
/* Watches the folder. `renewed` is called with each new model, while the old one is still there. */
void definitions_watch(struct definitions *d, struct coap_loop *loop,
	void (*renewed)(void *context, const struct model *model), void *context);
/* SIGHUP */
void definitions_reload(struct definitions *d);
/* Accepts one that is all zero. */
void definitions_done(struct definitions *d);
