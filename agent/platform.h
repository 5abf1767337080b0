/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the agent wants to know of the machine it runs on (port).
 *
 * The objects 3, 4, 7 and Host Health are answered from these two structs and from nothing else, so a simulated device
 * is one function. A look may cost system calls: the agent keeps the last sample for a second and asks again only when
 * somebody reads or a notification is due. */
#pragma once

#include "coap/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define PLATFORM_ADDRESSES_MAX      4
#define PLATFORM_TEMPERATURES_MAX   4
#define PLATFORM_ADDRESS_TEXT_BYTES 46 /* the longest IPv6 text with its zero */

/* What does not change while the agent runs. Texts are zero-terminated, borrowed, and may be empty but not NULL. */
struct platform_identity {
	const char *manufacturer;
	const char *model;
	const char *serial;
	const char *device_type;
	const char *hardware_version;
	uint8_t vendor_id[16]; /* UUIDs that a manifest names (SUIT section 8.4.8.2); all zero matches none */
	uint8_t class_id[16];
};

/* /4/0/0 Network Bearer: the values that occur on Linux devices. */
enum platform_bearer {
	PLATFORM_BEARER_CELLULAR = 6, /* LTE-FDD, for want of a closer word */
	PLATFORM_BEARER_WLAN = 21,
	PLATFORM_BEARER_BLUETOOTH = 22,
	PLATFORM_BEARER_IEEE_802_15_4 = 23,
	PLATFORM_BEARER_ETHERNET = 41,
};

/* Where the machine is (WGS 84). */
struct platform_location {
	bool is_known, has_altitude, has_radius;
	double latitude, longitude; /* degrees; north and east are positive */
	double altitude_m;          /* above the ellipsoid or the sea, as whoever says it means it */
	double radius_m;            /* of the circle it lies in */
	int64_t unix_time_s;        /* when that was found */
};

/* One look at the machine. Sizes are bytes; totals of 0 mean "not known". */
struct platform_sample {
	uint16_t cpu_permille;     /* busy share of all processors since the last look */
	uint32_t load_permille[3]; /* load averages over 1, 5 and 15 minutes; 1000 is one runnable task */
	uint32_t processes;
	uint64_t memory_total, memory_available;
	uint64_t disk_total, disk_available; /* of the file system that holds the state directory */
	uint8_t temperature_count;
	int32_t temperatures_millidegrees[PLATFORM_TEMPERATURES_MAX]; /* Celsius */
	uint64_t uptime_s;
	int64_t unix_time_s;

	struct platform_location location;
	enum platform_bearer bearer;
	int16_t signal_dbm;                  /* 0 when the bearer has no such thing */
	uint64_t sent_bytes, received_bytes; /* of the interface that leads to the server, since the machine started */
	uint64_t network_errors;             /* of the same: packets dropped or damaged, both ways */
	uint8_t address_count;
	char addresses[PLATFORM_ADDRESSES_MAX][PLATFORM_ADDRESS_TEXT_BYTES];
	char router[PLATFORM_ADDRESS_TEXT_BYTES]; /* empty when there is none */
};

struct platform_port {
	void *context;
	void (*sample)(void *context, struct platform_sample *ret);
	/* Asked after the answer to /3/0/4 has had time to leave. False when this machine cannot. */
	bool (*reboot)(void *context);
};
