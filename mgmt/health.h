/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How a device feels: the content of our object 26250, Fieldfare Host Health (docs/objects/26250-1_0.xml), as the agent
 * fills it in and the server keeps it. Fields that were not measured are not sent. */
#pragma once

#include "mgmt/model.h"

enum health_resource {
	HEALTH_CPU_LOAD = 0, /* %, float */
	HEALTH_LOAD_1 = 1,   /* load averages over 1, 5 and 15 minutes, float */
	HEALTH_LOAD_5 = 2,
	HEALTH_LOAD_15 = 3,
	HEALTH_MEMORY_TOTAL = 4,     /* KiB */
	HEALTH_MEMORY_AVAILABLE = 5, /* KiB */
	HEALTH_DISK_TOTAL = 6,       /* KiB, of the file system that holds the agent's state */
	HEALTH_DISK_FREE = 7,        /* KiB */
	HEALTH_TEMPERATURE = 8,      /* Cel, one instance per sensor */
	HEALTH_UPTIME = 9,           /* s */
	HEALTH_PROCESSES = 10,
	HEALTH_PAYLOAD_STATE = 11, /* enum health_payload */
	HEALTH_PAYLOAD_RESTARTS = 12,
	HEALTH_PAYLOAD_VERSION = 13,
	HEALTH_NETWORK_RECEIVED = 14, /* KiB through the interface that leads out, since the machine started */
	HEALTH_NETWORK_SENT = 15,     /* KiB */
	HEALTH_NETWORK_ERRORS = 16,   /* packets that were dropped or damaged, both ways */
	HEALTH_RESOURCE_COUNT = 17,
};

enum health_payload {
	HEALTH_PAYLOAD_STOPPED = 0,
	HEALTH_PAYLOAD_STARTING = 1,
	HEALTH_PAYLOAD_RUNNING = 2,
	HEALTH_PAYLOAD_FAILED = 3, /* exited, waits to be started again */
};

#define HEALTH_TEMPERATURES_MAX 4
#define HEALTH_VERSION_MAX      31
#define HEALTH_RECORDS_MAX      (HEALTH_RESOURCE_COUNT - 1 + HEALTH_TEMPERATURES_MAX)

struct health {
	uint32_t has; /* bit n: the resource with the id n is there */
	float cpu_load_percent;
	float load[3];
	uint64_t memory_total_kib, memory_available_kib;
	uint64_t disk_total_kib, disk_free_kib;
	uint8_t temperature_count;
	float temperatures_celsius[HEALTH_TEMPERATURES_MAX];
	uint64_t uptime_s;
	uint32_t processes;
	enum health_payload payload_state;
	uint32_t payload_restarts;
	char payload_version[HEALTH_VERSION_MAX + 1]; /* zero-terminated */
	uint64_t network_received_kib, network_sent_kib, network_errors;
};

static inline bool health_has(const struct health *h, enum health_resource resource)
{
	return (h->has >> resource & 1u) != 0;
}

static inline void health_mark(struct health *h, enum health_resource resource)
{
	h->has |= 1u << resource;
}

/* Records of instance 0 in the order of their paths. They borrow the version from `h`. The count is returned. */
size_t health_write(const struct health *h, struct record ret[HEALTH_RECORDS_MAX]);
/* Takes one record over. False when it is not of this object, of a wrong type, or breaks a limit. */
bool health_read(struct health *h, const struct record *record);
const char *health_payload_name(enum health_payload state);

/* What was measured and nothing else, for whoever keeps the health of a fleet: some sixty bytes of what an agent of
 * ours reports. What is read back is the same, and zero where nothing was measured. False when the bytes were never
 * written by health_pack. */
#define HEALTH_PACKED_MAX 148
void health_pack(const struct health *h, struct writer *w);
bool health_unpack(struct bytes packed, struct health *ret);
