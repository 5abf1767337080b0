/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The services that this device is to watch, as object 26251 shows them (docs/objects/26251-1_0.xml).
 *
 * How a service fares is asked through a port, when somebody reads or a notification is due, and at most once in
 * SERVICES_AGE_MS; nobody polls. What a look did not find out is left out. */
#pragma once

#include "coap/base/bytes.h"
#include "coap/base/msec.h"

#include <stdbool.h>

#define SERVICES_MAX      16
#define SERVICES_NAME_MAX 63
#define SERVICES_AGE_MS   SECONDS(2)

/* The numbers are those of the object. */
enum service_state {
	SERVICE_STOPPED = 0,
	SERVICE_STARTING = 1,
	SERVICE_RUNNING = 2,
	SERVICE_FAILED = 3,
	SERVICE_UNKNOWN = 4,
};

enum service_source {
	SERVICE_BY_MANAGER = 0,  /* a unit of systemd */
	SERVICE_BY_PID_FILE = 1, /* the process whose number is in a file */
	SERVICE_BY_COMMAND = 2,  /* a program that ends with status 0 when all is well */
};

struct service_watch {
	enum service_source source;
	char name[SERVICES_NAME_MAX + 1];
};

/* What one look found. */
struct service_report {
	enum service_state state;
	bool has_restarts, has_memory, has_cpu, has_process, has_exit_status, has_exit_time;
	uint64_t restarts;
	uint64_t memory_kib;
	uint64_t cpu_ms; /* processor time used, of all its processes where the manager counts them */
	uint32_t process;
	int32_t exit_status; /* 256 and the signal when one ended it */
	int64_t exit_unix_s;
};

struct services_port {
	void *context;
	const struct service_watch *list; /* stays as long as the port */
	uint8_t count;                    /* 0: nothing is watched, and the object is not there */
	/* Must not wait for long: it is asked from within the loop. */
	void (*look)(void *context, uint8_t i, struct service_report *ret);
};

/* A service as it was when it was looked at last. */
struct service_view {
	msec looked_at; /* NEVER before the first look */
	struct service_report report;
	bool has_load;          /* from the second look on */
	uint32_t load_permille; /* of one processor */
};

struct services {
	struct services_port port;
	struct service_view views[SERVICES_MAX];
};

void services_init(struct services *s, const struct services_port *port);
/* How service number `i` fares now. */
const struct service_view *services_view(struct services *s, uint8_t i, msec now);
