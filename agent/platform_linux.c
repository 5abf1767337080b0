/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/platform_linux.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define CLOCK_LOWEST INT64_C(1577836800) /* 2020: below that it was never set */
#define FILE_BYTES   4096                /* of /proc and /sys files; the beginning is enough */

/* ---- small files ---- */

/* The beginning of a file as text; empty when there is none. */
static size_t read_file(const char *path, char *text, size_t capacity)
{
	ssize_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, capacity - 1);
		(void)close(fd);
	}
	len = len < 0 ? 0 : len;
	text[len] = '\0';
	return (size_t)len;
}

/* The first line, printable characters only. */
static bool read_line(const char *path, char *text, size_t capacity)
{
	size_t len = read_file(path, text, capacity), kept = 0;
	for (size_t i = 0; i < len && text[i] != '\n' && text[i] != '\0'; i++)
		if (text[i] >= ' ' && text[i] <= '~')
			text[kept++] = text[i];
	text[kept] = '\0';
	return kept > 0;
}

static uint64_t read_number(const char *path)
{
	char text[32];
	(void)read_file(path, text, sizeof text);
	return strtoull(text, NULL, 10);
}

/* The number behind "name" in a file of "name: number" lines. */
static uint64_t number_after(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}

/* ---- processors, memory, disk, temperature ---- */

static void sample_processors(struct platform_linux *p, struct platform_sample *s)
{
	char text[512];
	unsigned long long t[8] = {0};
	uint64_t total = 0;
	(void)read_file("/proc/stat", text, sizeof text);
	if (sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6],
		    &t[7]) < 4)
		return;
	for (int i = 0; i < 8; i++)
		total += t[i];
	uint64_t busy = total - t[3] - t[4]; /* idle and waiting for disks */
	uint64_t span = total - p->total;
	s->cpu_permille = span == 0 ? 0 : (uint16_t)((busy - p->busy) * 1000 / span);
	p->busy = busy;
	p->total = total;
}

static void sample_load(struct platform_sample *s)
{
	char text[128];
	double load[3];
	unsigned running, processes;
	(void)read_file("/proc/loadavg", text, sizeof text);
	if (sscanf(text, "%lf %lf %lf %u/%u", &load[0], &load[1], &load[2], &running, &processes) != 5)
		return;
	for (int i = 0; i < 3; i++)
		s->load_permille[i] = (uint32_t)(load[i] * 1000 + 0.5);
	s->processes = processes;
}

static void sample_memory(struct platform_sample *s)
{
	char text[FILE_BYTES];
	(void)read_file("/proc/meminfo", text, sizeof text);
	s->memory_total = number_after(text, "MemTotal:") * 1024;
	s->memory_available = number_after(text, "MemAvailable:") * 1024;
}

static void sample_disk(const struct platform_linux *p, struct platform_sample *s)
{
	struct statvfs v;
	if (statvfs(p->state_dir, &v) < 0)
		return;
	s->disk_total = (uint64_t)v.f_blocks * v.f_frsize;
	s->disk_available = (uint64_t)v.f_bavail * v.f_frsize;
}

static void sample_temperatures(struct platform_sample *s)
{
	for (unsigned zone = 0; zone < 32 && s->temperature_count < PLATFORM_TEMPERATURES_MAX; zone++) {
		char path[64], text[32];
		(void)snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%u/temp", zone);
		if (read_line(path, text, sizeof text))
			s->temperatures_millidegrees[s->temperature_count++] = (int32_t)strtol(text, NULL, 10);
	}
}

/* ---- the link ---- */

/* The interface of the default route and its router; false without one. */
static bool find_default_route(char name[IF_NAMESIZE], char router[PLATFORM_ADDRESS_TEXT_BYTES])
{
	char line[256];
	bool is_found = false;
	FILE *f = fopen("/proc/net/route", "re");
	if (f == NULL)
		return false;
	while (!is_found && fgets(line, sizeof line, f) != NULL) {
		unsigned destination, gateway;
		char interface[17];
		if (sscanf(line, "%16s %x %x", interface, &destination, &gateway) != 3 || destination != 0)
			continue;
		struct in_addr address = {.s_addr = gateway};
		(void)snprintf(name, IF_NAMESIZE, "%.15s", interface);
		if (gateway != 0)
			(void)inet_ntop(AF_INET, &address, router, PLATFORM_ADDRESS_TEXT_BYTES);
		is_found = true;
	}
	(void)fclose(f);
	return is_found;
}

static void sample_addresses(const char *name, struct platform_sample *s)
{
	struct ifaddrs *all;
	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *a = all; a != NULL && s->address_count < PLATFORM_ADDRESSES_MAX; a = a->ifa_next) {
		char *text = s->addresses[s->address_count];
		if (a->ifa_addr == NULL || strcmp(a->ifa_name, name) != 0)
			continue;
		const void *address = NULL;
		if (a->ifa_addr->sa_family == AF_INET)
			address = &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr;
		else if (a->ifa_addr->sa_family == AF_INET6)
			address = &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;
		if (address != NULL &&
			inet_ntop(a->ifa_addr->sa_family, address, text, PLATFORM_ADDRESS_TEXT_BYTES) != NULL)
			s->address_count++;
	}
	freeifaddrs(all);
}

/* "wlan0: 0000 70. -40. ..." in /proc/net/wireless: the third number is the level in dBm. */
static void sample_signal(const char *name, struct platform_sample *s)
{
	char text[FILE_BYTES], key[IF_NAMESIZE + 2];
	double quality, level;
	(void)read_file("/proc/net/wireless", text, sizeof text);
	(void)snprintf(key, sizeof key, "%s:", name);
	const char *at = strstr(text, key);
	if (at == NULL || sscanf(at + strlen(key), "%*s %lf %lf", &quality, &level) != 2)
		return;
	s->bearer = PLATFORM_BEARER_WLAN;
	s->signal_dbm = (int16_t)level;
}

static enum platform_bearer bearer_of(const char *name)
{
	char path[96];
	(void)snprintf(path, sizeof path, "/sys/class/net/%s/type", name);
	uint64_t type = read_number(path);
	if (type == ARPHRD_IEEE802154 || type == 825 /* ARPHRD_6LOWPAN, which glibc does not name */)
		return PLATFORM_BEARER_IEEE_802_15_4;
	bool is_modem = strncmp(name, "ww", 2) == 0 || strncmp(name, "ppp", 3) == 0;
	return is_modem ? PLATFORM_BEARER_CELLULAR : PLATFORM_BEARER_ETHERNET;
}

static uint64_t interface_counter(const char *name, const char *counter)
{
	char path[96];
	(void)snprintf(path, sizeof path, "/sys/class/net/%s/statistics/%s", name, counter);
	return read_number(path);
}

static void sample_link(struct platform_sample *s)
{
	char name[IF_NAMESIZE] = "lo"; /* a machine without a route still talks to itself */
	(void)find_default_route(name, s->router);
	s->bearer = bearer_of(name);
	sample_signal(name, s);
	sample_addresses(name, s);
	s->sent_bytes = interface_counter(name, "tx_bytes");
	s->received_bytes = interface_counter(name, "rx_bytes");
	s->network_errors = interface_counter(name, "rx_errors") + interface_counter(name, "tx_errors") +
			    interface_counter(name, "rx_dropped") + interface_counter(name, "tx_dropped");
}

/* ---- the port ---- */

static void sample(void *context, struct platform_sample *ret)
{
	struct platform_linux *p = context;
	struct timespec t;
	memset(ret, 0, sizeof *ret);
	sample_processors(p, ret);
	sample_load(ret);
	sample_memory(ret);
	sample_disk(p, ret);
	sample_temperatures(ret);
	sample_link(ret);
	if (clock_gettime(CLOCK_BOOTTIME, &t) == 0)
		ret->uptime_s = (uint64_t)t.tv_sec;
	if (clock_gettime(CLOCK_REALTIME, &t) == 0)
		ret->unix_time_s = t.tv_sec;
	if (p->location.unix_time_s == 0 && ret->unix_time_s >= CLOCK_LOWEST)
		p->location.unix_time_s = ret->unix_time_s;
	ret->location = p->location;
}

static bool reboot_machine(void *context)
{
	struct platform_linux *p = context;
	p->wants_reboot = p->may_reboot;
	return p->may_reboot;
}

static void read_identity(struct platform_linux *p)
{
	if (!read_line("/sys/class/dmi/id/sys_vendor", p->manufacturer, sizeof p->manufacturer))
		(void)snprintf(p->manufacturer, sizeof p->manufacturer, "unknown");
	if (!read_line("/proc/device-tree/model", p->model, sizeof p->model) &&
		!read_line("/sys/class/dmi/id/product_name", p->model, sizeof p->model))
		(void)snprintf(p->model, sizeof p->model, "Linux");
	if (!read_line("/proc/device-tree/serial-number", p->serial, sizeof p->serial))
		(void)read_line("/etc/machine-id", p->serial, sizeof p->serial);
	(void)read_line("/sys/class/dmi/id/product_version", p->hardware_version, sizeof p->hardware_version);
}

void platform_linux_init(struct platform_linux *p, const char *state_dir)
{
	struct platform_sample first = {.cpu_permille = 0};
	memset(p, 0, sizeof *p);
	(void)snprintf(p->state_dir, sizeof p->state_dir, "%s", state_dir);
	read_identity(p);
	sample_processors(p, &first); /* a rate needs two looks */
}

struct platform_port platform_linux_port(struct platform_linux *p)
{
	return (struct platform_port){p, sample, reboot_machine};
}

struct platform_identity platform_linux_identity(const struct platform_linux *p)
{
	return (struct platform_identity){
		.manufacturer = p->manufacturer,
		.model = p->model,
		.serial = p->serial,
		.device_type = "linux",
		.hardware_version = p->hardware_version,
	};
}
