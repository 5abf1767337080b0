/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/device_text.h"

#include "cli/mgmtctl.h"
#include "cli/when.h"

#include <stdlib.h>
#include <string.h>

/* ---- health ---- */

static void write_none(char ret[DEVICE_TEXT_BYTES])
{
	snprintf(ret, DEVICE_TEXT_BYTES, "-");
}

void device_write_cpu(const json_t *health, char ret[DEVICE_TEXT_BYTES])
{
	const json_t *load = json_object_get(health, "cpu_load_percent");
	if (!json_is_number(load))
		write_none(ret);
	else
		snprintf(ret, DEVICE_TEXT_BYTES, "%.1f %%", json_number_value(load));
}

static void write_share(
	const json_t *health, const char *free_name, const char *total_name, char ret[DEVICE_TEXT_BYTES])
{
	const json_t *left = json_object_get(health, free_name), *total = json_object_get(health, total_name);
	char left_text[WHEN_TEXT_BYTES], total_text[WHEN_TEXT_BYTES];
	if (!json_is_integer(left)) {
		write_none(ret);
		return;
	}
	when_bytes((uint64_t)json_integer_value(left) * 1024, left_text);
	when_bytes((uint64_t)json_integer_value(total) * 1024, total_text);
	if (json_is_integer(total))
		snprintf(ret, DEVICE_TEXT_BYTES, "%.20s of %.20s", left_text, total_text);
	else
		snprintf(ret, DEVICE_TEXT_BYTES, "%.20s", left_text);
}

void device_write_memory(const json_t *health, char ret[DEVICE_TEXT_BYTES])
{
	write_share(health, "memory_available_kib", "memory_total_kib", ret);
}

void device_write_disk(const json_t *health, char ret[DEVICE_TEXT_BYTES])
{
	write_share(health, "disk_free_kib", "disk_total_kib", ret);
}

void device_write_temperature(const json_t *health, char ret[DEVICE_TEXT_BYTES])
{
	const json_t *list = json_object_get(health, "temperatures_celsius");
	size_t len = 0;
	write_none(ret);
	for (size_t i = 0; i < json_array_size(list) && len < DEVICE_TEXT_BYTES; i++)
		len += (size_t)snprintf(ret + len, DEVICE_TEXT_BYTES - len, "%s%.1f", i > 0 ? " " : "",
			json_number_value(json_array_get(list, i)));
	if (len > 0 && len < DEVICE_TEXT_BYTES)
		snprintf(ret + len, DEVICE_TEXT_BYTES - len, " °C");
}

void device_write_payload(const json_t *health, char ret[DEVICE_TEXT_BYTES])
{
	const char *state = text_member(health, "payload_state"), *version = text_member(health, "payload_version");
	long long restarts = json_integer_value(json_object_get(health, "payload_restarts"));
	write_none(ret);
	if (state == NULL)
		return;
	int len = snprintf(ret, DEVICE_TEXT_BYTES, "%.12s%s%.20s", state, version != NULL ? " " : "",
		version != NULL ? version : "");
	if (restarts > 0)
		snprintf(ret + len, (size_t)(DEVICE_TEXT_BYTES - len), ", %lld restarts", restarts);
}

/* ---- the list ---- */

static enum table_color color_of_state(const char *state, bool is_connected)
{
	if (state == NULL || strcmp(state, "registered") != 0)
		return TABLE_DIM;
	return is_connected ? TABLE_GOOD : TABLE_WARNING;
}

static void add_firmware(struct table *t, const json_t *firmware)
{
	const char *state = text_member(firmware, "state"), *result = text_member(firmware, "result");
	if (state != NULL && strcmp(state, "idle") == 0 && result != NULL && strcmp(result, "none yet") != 0)
		table_add(t, strcmp(result, "updated") == 0 ? TABLE_PLAIN : TABLE_WARNING, result);
	else
		table_add(t, state != NULL && strcmp(state, "idle") != 0 ? TABLE_WARNING : TABLE_PLAIN, state);
}

void device_add_row(struct table *t, const json_t *device)
{
	const json_t *health = json_object_get(device, "health");
	const char *state = text_member(device, "state"), *seen = text_member(device, "last_seen");
	char text[DEVICE_TEXT_BYTES], relative[WHEN_TEXT_BYTES] = "-";
	int64_t moment;
	table_add(t, TABLE_PLAIN, text_member(device, "endpoint"));
	table_add(t, color_of_state(state, json_is_true(json_object_get(device, "connected"))), state);
	table_add(t, TABLE_PLAIN, text_member(device, "firmware_version"));
	table_add(t, TABLE_PLAIN, text_member(device, "model"));
	add_firmware(t, json_object_get(device, "firmware"));
	device_write_cpu(health, text);
	table_add(t, TABLE_PLAIN, text);
	device_write_memory(health, text);
	table_add(t, TABLE_PLAIN, text);
	if (seen != NULL && when_parse(seen, &moment))
		when_relative(moment, when_now(), relative);
	table_add(t, TABLE_PLAIN, relative);
}

/* ---- one device ---- */

static void print_fact(const char *name, const char *value)
{
	char *safe = table_safe_text(value);
	printf("  %-16s %s\n", name, safe);
	free(safe);
}

static void print_member(const json_t *object, const char *name, const char *member)
{
	const char *value = text_member(object, member);
	if (value != NULL)
		print_fact(name, value);
}

static void print_moment(const json_t *object, const char *name, const char *member)
{
	char text[WHEN_TEXT_BYTES];
	if (json_object_get(object, member) != NULL)
		print_fact(name, moment_member(object, member, text));
}

static void print_objects(const json_t *objects)
{
	char text[512] = "";
	size_t len = 0, i;
	json_t *object;
	json_array_foreach((json_t *)objects, i, object)
	{
		const json_t *instance = json_object_get(object, "instance");
		if (len >= sizeof text - 32)
			break;
		len += (size_t)snprintf(text + len, sizeof text - len, "%s/%lld", i > 0 ? " " : "",
			(long long)json_integer_value(json_object_get(object, "object")));
		if (instance != NULL)
			len += (size_t)snprintf(
				text + len, sizeof text - len, "/%lld", (long long)json_integer_value(instance));
	}
	if (len > 0)
		print_fact("objects", text);
}

static void print_tags(const json_t *tags)
{
	char text[128] = "";
	size_t len = 0, i;
	json_t *tag;
	json_array_foreach((json_t *)tags, i, tag) if (len < sizeof text) len +=
		(size_t)snprintf(text + len, sizeof text - len, "%s%s", i > 0 ? " " : "", json_string_value(tag));
	if (len > 0)
		print_fact("tags", text);
}

static void print_written(const char *name, const json_t *health, void (*write)(const json_t *health, char *ret))
{
	char text[DEVICE_TEXT_BYTES];
	write(health, text);
	print_fact(name, text);
}

static void print_health(const json_t *health)
{
	const json_t *uptime = json_object_get(health, "uptime_s");
	char text[WHEN_TEXT_BYTES];
	puts("\nHealth");
	print_moment(health, "reported", "at");
	print_written("cpu", health, device_write_cpu);
	print_written("memory free", health, device_write_memory);
	print_written("disk free", health, device_write_disk);
	print_written("temperature", health, device_write_temperature);
	print_written("program", health, device_write_payload);
	when_span((int64_t)json_integer_value(uptime), text);
	if (uptime != NULL)
		print_fact("uptime", text);
}

void device_print(const json_t *device, bool with_color)
{
	const json_t *firmware = json_object_get(device, "firmware"), *health = json_object_get(device, "health");
	const char *state = text_member(device, "state");
	enum table_color color = color_of_state(state, json_is_true(json_object_get(device, "connected")));
	char *name = table_safe_text(text_member(device, "endpoint") != NULL ? text_member(device, "endpoint") : "?");
	printf("%s  %s%s%s\n", name, table_color_begin(color, with_color), state != NULL ? state : "?",
		table_color_end(color, with_color));
	free(name);
	print_member(device, "manufacturer", "manufacturer");
	print_member(device, "model", "model");
	print_member(device, "serial", "serial");
	print_member(device, "firmware", "firmware_version");
	print_tags(json_object_get(device, "tags"));
	print_member(device, "address", "address");
	print_member(device, "LwM2M", "lwm2m");
	print_moment(device, "registered", "registered_at");
	print_moment(device, "renewed", "renewed_at");
	print_moment(device, "expires", "expires_at");
	print_moment(device, "last seen", "last_seen");
	print_moment(device, "first seen", "first_seen");
	print_member(firmware, "update", "state");
	print_member(firmware, "last result", "result");
	print_objects(json_object_get(device, "objects"));
	if (health != NULL)
		print_health(health);
}
