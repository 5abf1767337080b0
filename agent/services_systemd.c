/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/services_systemd.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

#define MANAGER "org.freedesktop.systemd1"
#define UNIT    MANAGER ".Unit"
#define SERVICE MANAGER ".Service"

/* libsystemd and what it draws in are a megabyte of resident memory, so only those who watch units load it. */
static struct {
	__typeof__(&sd_bus_open_system) open_system;
	__typeof__(&sd_bus_set_method_call_timeout) set_method_call_timeout;
	__typeof__(&sd_bus_flush_close_unref) flush_close_unref;
	__typeof__(&sd_bus_path_encode) path_encode;
	__typeof__(&sd_bus_get_property_trivial) get_property_trivial;
	__typeof__(&sd_bus_get_property_string) get_property_string;
	__typeof__(&sd_bus_error_has_name) error_has_name;
	__typeof__(&sd_bus_error_free) error_free;
} lib;

static bool find(void *library, const char *name, void *ret_function)
{
	void *function = dlsym(library, name);
	memcpy(ret_function, &function, sizeof function);
	return function != NULL;
}

bool services_systemd_is_there(void)
{
	void *library = lib.error_free == NULL ? dlopen("libsystemd.so.0", RTLD_NOW) : NULL;
	return lib.error_free != NULL ||
	       (library != NULL && find(library, "sd_bus_open_system", &lib.open_system) &&
		       find(library, "sd_bus_set_method_call_timeout", &lib.set_method_call_timeout) &&
		       find(library, "sd_bus_flush_close_unref", &lib.flush_close_unref) &&
		       find(library, "sd_bus_path_encode", &lib.path_encode) &&
		       find(library, "sd_bus_get_property_trivial", &lib.get_property_trivial) &&
		       find(library, "sd_bus_get_property_string", &lib.get_property_string) &&
		       find(library, "sd_bus_error_has_name", &lib.error_has_name) &&
		       find(library, "sd_bus_error_free", &lib.error_free));
}

/* One unit that is asked about. */
struct question {
	sd_bus *bus;
	const char *path;
	bool is_lost; /* the manager does not answer; what it refuses is an answer */
};

/* Units that are no services have no such property, and names that are no units no object: answers like others. */
static bool is_answer(const sd_bus_error *error)
{
	static const char *const refusals[] = {SD_BUS_ERROR_UNKNOWN_PROPERTY, SD_BUS_ERROR_UNKNOWN_INTERFACE,
		SD_BUS_ERROR_UNKNOWN_OBJECT, SD_BUS_ERROR_UNKNOWN_METHOD, SD_BUS_ERROR_INVALID_ARGS,
		SD_BUS_ERROR_ACCESS_DENIED, "org.freedesktop.systemd1.NoSuchUnit"};
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (lib.error_has_name(error, refusals[i]))
			return true;
	return false;
}

static bool take(struct question *q, int status, sd_bus_error *error)
{
	if (status < 0 && !is_answer(error))
		q->is_lost = true;
	lib.error_free(error);
	return status >= 0;
}

static bool ask_number(struct question *q, const char *interface, const char *property, char type, void *ret)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	if (q->is_lost)
		return false;
	return take(
		q, lib.get_property_trivial(q->bus, MANAGER, q->path, interface, property, &error, type, ret), &error);
}

static bool ask_text(struct question *q, const char *property, char *ret, size_t capacity)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *text = NULL;
	if (q->is_lost)
		return false;
	if (!take(q, lib.get_property_string(q->bus, MANAGER, q->path, UNIT, property, &error, &text), &error))
		return false;
	(void)strncpy(ret, text, capacity - 1);
	ret[capacity - 1] = '\0';
	free(text);
	return true;
}

static enum service_state state_of(const char *active)
{
	static const struct {
		const char *word;
		enum service_state state;
	} words[] = {{"active", SERVICE_RUNNING}, {"reloading", SERVICE_RUNNING}, {"refreshing", SERVICE_RUNNING},
		{"activating", SERVICE_STARTING}, {"deactivating", SERVICE_STOPPED}, {"inactive", SERVICE_STOPPED},
		{"failed", SERVICE_FAILED}};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i].word, active) == 0)
			return words[i].state;
	return SERVICE_UNKNOWN;
}

static void ask_state(struct question *q, struct service_report *r)
{
	char text[32];
	if (ask_text(q, "LoadState", text, sizeof text) && strcmp(text, "not-found") == 0)
		return; /* nobody has installed it */
	if (ask_text(q, "ActiveState", text, sizeof text))
		r->state = state_of(text);
}

/* What the manager does not count it gives as the largest number. */
static void ask_resources(struct question *q, struct service_report *r)
{
	uint32_t restarts, process;
	uint64_t memory, cpu_ns;
	r->has_restarts = ask_number(q, SERVICE, "NRestarts", 'u', &restarts);
	if (r->has_restarts)
		r->restarts = restarts;
	r->has_process = ask_number(q, SERVICE, "MainPID", 'u', &process) && process != 0;
	if (r->has_process)
		r->process = process;
	r->has_memory = ask_number(q, SERVICE, "MemoryCurrent", 't', &memory) && memory != UINT64_MAX;
	if (r->has_memory)
		r->memory_kib = memory / 1024;
	r->has_cpu = ask_number(q, SERVICE, "CPUUsageNSec", 't', &cpu_ns) && cpu_ns != UINT64_MAX;
	if (r->has_cpu)
		r->cpu_ms = cpu_ns / 1000000;
}

static void ask_exit(struct question *q, struct service_report *r)
{
	int32_t code, status;
	uint64_t at_us;
	if (!ask_number(q, SERVICE, "ExecMainExitTimestamp", 't', &at_us) || at_us == 0)
		return; /* it has never ended */
	r->has_exit_time = true;
	r->exit_unix_s = (int64_t)(at_us / 1000000);
	if (!ask_number(q, SERVICE, "ExecMainCode", 'i', &code) ||
		!ask_number(q, SERVICE, "ExecMainStatus", 'i', &status))
		return;
	r->has_exit_status = true;
	r->exit_status = code == CLD_EXITED ? status : 256 + status;
}

static bool connect_bus(void **bus)
{
	sd_bus *fresh = NULL;
	if (*bus != NULL)
		return true;
	if (!services_systemd_is_there() || lib.open_system(&fresh) < 0)
		return false;
	(void)lib.set_method_call_timeout(fresh, (uint64_t)SYSTEMD_ANSWER_LIMIT_MS * 1000);
	*bus = fresh;
	return true;
}

bool services_systemd_look(void **bus, const char *unit, struct service_report *ret)
{
	char *path = NULL;
	struct service_report report = {.state = SERVICE_UNKNOWN};
	if (!connect_bus(bus) || lib.path_encode("/org/freedesktop/systemd1/unit", unit, &path) < 0)
		return false;
	struct question q = {.bus = *bus, .path = path};
	ask_state(&q, &report);
	ask_resources(&q, &report);
	ask_exit(&q, &report);
	free(path);
	if (q.is_lost) {
		services_systemd_done(bus);
		return false;
	}
	*ret = report;
	return true;
}

void services_systemd_done(void **bus)
{
	if (*bus != NULL)
		(void)lib.flush_close_unref(*bus);
	*bus = NULL;
}
