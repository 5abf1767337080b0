/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/health.h"

struct output {
	const struct health *health;
	struct record *records;
	size_t count;
};

static void put(struct output *o, enum health_resource resource, struct value value)
{
	if (health_has(o->health, resource))
		o->records[o->count++] = record_of(path_of_resource(MODEL_HOST_HEALTH, 0, (uint16_t)resource), value);
}

static void put_temperatures(struct output *o)
{
	const struct health *h = o->health;
	for (uint8_t i = 0; health_has(h, HEALTH_TEMPERATURE) && i < h->temperature_count; i++)
		o->records[o->count++] =
			record_of(path_of_resource_instance(MODEL_HOST_HEALTH, 0, HEALTH_TEMPERATURE, i),
				value_float((double)h->temperatures_celsius[i]));
}

size_t health_write(const struct health *h, struct record ret[HEALTH_RECORDS_MAX])
{
	struct output o = {h, ret, 0};
	put(&o, HEALTH_CPU_LOAD, value_float((double)h->cpu_load_percent));
	put(&o, HEALTH_LOAD_1, value_float((double)h->load[0]));
	put(&o, HEALTH_LOAD_5, value_float((double)h->load[1]));
	put(&o, HEALTH_LOAD_15, value_float((double)h->load[2]));
	put(&o, HEALTH_MEMORY_TOTAL, value_unsigned(h->memory_total_kib));
	put(&o, HEALTH_MEMORY_AVAILABLE, value_unsigned(h->memory_available_kib));
	put(&o, HEALTH_DISK_TOTAL, value_unsigned(h->disk_total_kib));
	put(&o, HEALTH_DISK_FREE, value_unsigned(h->disk_free_kib));
	put_temperatures(&o);
	put(&o, HEALTH_UPTIME, value_unsigned(h->uptime_s));
	put(&o, HEALTH_PROCESSES, value_unsigned(h->processes));
	put(&o, HEALTH_PAYLOAD_STATE, value_integer(h->payload_state));
	put(&o, HEALTH_PAYLOAD_RESTARTS, value_unsigned(h->payload_restarts));
	put(&o, HEALTH_PAYLOAD_VERSION, value_string(bytes_of_text(h->payload_version)));
	put(&o, HEALTH_NETWORK_RECEIVED, value_unsigned(h->network_received_kib));
	put(&o, HEALTH_NETWORK_SENT, value_unsigned(h->network_sent_kib));
	put(&o, HEALTH_NETWORK_ERRORS, value_unsigned(h->network_errors));
	return o.count;
}

static bool take_float(const struct value *value, float *ret)
{
	if (value->type != VALUE_FLOAT)
		return false;
	*ret = (float)value->real;
	return true;
}

static bool take_unsigned(const struct value *value, uint64_t *ret)
{
	if (value->type != VALUE_UNSIGNED)
		return false;
	*ret = value->natural;
	return true;
}

static bool take_unsigned32(const struct value *value, uint32_t *ret)
{
	if (value->type != VALUE_UNSIGNED || value->natural > UINT32_MAX)
		return false;
	*ret = (uint32_t)value->natural;
	return true;
}

/* The number of the instance only says which sensor it is; unseen ones below it count as 0 degrees until they come. */
static bool take_temperature(struct health *h, const struct record *record)
{
	uint16_t sensor = record->path.ids[3];
	if (record->path.depth != PATH_DEPTH_MAX || sensor >= HEALTH_TEMPERATURES_MAX)
		return false;
	if (!take_float(&record->value, &h->temperatures_celsius[sensor]))
		return false;
	if (sensor >= h->temperature_count)
		h->temperature_count = (uint8_t)(sensor + 1);
	return true;
}

static bool take_state(struct health *h, const struct value *value)
{
	if (value->type != VALUE_INTEGER || value->integer < 0 || value->integer > HEALTH_PAYLOAD_FAILED)
		return false;
	h->payload_state = (enum health_payload)value->integer;
	return true;
}

static bool take_version(struct health *h, const struct value *value)
{
	if (value->type != VALUE_STRING || value->bytes.len > HEALTH_VERSION_MAX)
		return false;
	if (value->bytes.len > 0)
		memcpy(h->payload_version, value->bytes.data, value->bytes.len);
	h->payload_version[value->bytes.len] = '\0';
	return true;
}

static bool take(struct health *h, enum health_resource resource, const struct record *record)
{
	const struct value *value = &record->value;
	switch (resource) {
	case HEALTH_CPU_LOAD:
		return take_float(value, &h->cpu_load_percent);
	case HEALTH_LOAD_1:
	case HEALTH_LOAD_5:
	case HEALTH_LOAD_15:
		return take_float(value, &h->load[resource - HEALTH_LOAD_1]);
	case HEALTH_MEMORY_TOTAL:
		return take_unsigned(value, &h->memory_total_kib);
	case HEALTH_MEMORY_AVAILABLE:
		return take_unsigned(value, &h->memory_available_kib);
	case HEALTH_DISK_TOTAL:
		return take_unsigned(value, &h->disk_total_kib);
	case HEALTH_DISK_FREE:
		return take_unsigned(value, &h->disk_free_kib);
	case HEALTH_TEMPERATURE:
		return take_temperature(h, record);
	case HEALTH_UPTIME:
		return take_unsigned(value, &h->uptime_s);
	case HEALTH_PROCESSES:
		return take_unsigned32(value, &h->processes);
	case HEALTH_PAYLOAD_STATE:
		return take_state(h, value);
	case HEALTH_PAYLOAD_RESTARTS:
		return take_unsigned32(value, &h->payload_restarts);
	case HEALTH_PAYLOAD_VERSION:
		return take_version(h, value);
	case HEALTH_NETWORK_RECEIVED:
		return take_unsigned(value, &h->network_received_kib);
	case HEALTH_NETWORK_SENT:
		return take_unsigned(value, &h->network_sent_kib);
	case HEALTH_NETWORK_ERRORS:
		return take_unsigned(value, &h->network_errors);
	case HEALTH_RESOURCE_COUNT:
		return false;
	}
	return false;
}

bool health_read(struct health *h, const struct record *record)
{
	struct path path = record->path;
	if (path.depth < 3 || path.ids[0] != MODEL_HOST_HEALTH || path.ids[1] != 0 ||
		path.ids[2] >= HEALTH_RESOURCE_COUNT)
		return false;
	if (path.depth == PATH_DEPTH_MAX && path.ids[2] != HEALTH_TEMPERATURE)
		return false;
	if (!take(h, (enum health_resource)path.ids[2], record))
		return false;
	health_mark(h, (enum health_resource)path.ids[2]);
	return true;
}

const char *health_payload_name(enum health_payload state)
{
	switch (state) {
	case HEALTH_PAYLOAD_STOPPED:
		return "stopped";
	case HEALTH_PAYLOAD_STARTING:
		return "starting";
	case HEALTH_PAYLOAD_RUNNING:
		return "running";
	case HEALTH_PAYLOAD_FAILED:
		return "failed";
	}
	return "unknown";
}

/* ---- packed ---- */

#define PACKED_BITS 7
#define PACKED_MORE 0x80u

/* Least significant bits first, seven to a byte. */
static void pack_number(struct writer *w, uint64_t number)
{
	for (; number >= PACKED_MORE; number >>= PACKED_BITS)
		write_u8(w, (uint8_t)(number | PACKED_MORE));
	write_u8(w, (uint8_t)number);
}

static uint64_t unpack_number(struct reader *r)
{
	uint64_t number = 0;
	uint8_t part = PACKED_MORE;
	for (unsigned shift = 0; shift < 64 && (part & PACKED_MORE) != 0; shift += PACKED_BITS) {
		part = read_u8(r);
		number |= (uint64_t)(part & (PACKED_MORE - 1)) << shift;
	}
	return number;
}

static void pack_real(struct writer *w, float real)
{
	uint32_t bits;
	memcpy(&bits, &real, sizeof bits);
	write_u32(w, bits);
}

static float unpack_real(struct reader *r)
{
	uint32_t bits = read_u32(r);
	float real;
	memcpy(&real, &bits, sizeof real);
	return real;
}

/* The resources that are whole numbers and have a field of 64 bits. */
static uint64_t *number_of(struct health *h, enum health_resource resource)
{
	switch (resource) {
	case HEALTH_MEMORY_TOTAL:
		return &h->memory_total_kib;
	case HEALTH_MEMORY_AVAILABLE:
		return &h->memory_available_kib;
	case HEALTH_DISK_TOTAL:
		return &h->disk_total_kib;
	case HEALTH_DISK_FREE:
		return &h->disk_free_kib;
	case HEALTH_UPTIME:
		return &h->uptime_s;
	case HEALTH_NETWORK_RECEIVED:
		return &h->network_received_kib;
	case HEALTH_NETWORK_SENT:
		return &h->network_sent_kib;
	case HEALTH_NETWORK_ERRORS:
		return &h->network_errors;
	case HEALTH_CPU_LOAD:
	case HEALTH_LOAD_1:
	case HEALTH_LOAD_5:
	case HEALTH_LOAD_15:
	case HEALTH_TEMPERATURE:
	case HEALTH_PROCESSES:
	case HEALTH_PAYLOAD_STATE:
	case HEALTH_PAYLOAD_RESTARTS:
	case HEALTH_PAYLOAD_VERSION:
	case HEALTH_RESOURCE_COUNT:
		break;
	}
	return NULL;
}

void health_pack(const struct health *h, struct writer *w)
{
	struct health copy = *h;
	pack_number(w, h->has);
	if (health_has(h, HEALTH_CPU_LOAD))
		pack_real(w, h->cpu_load_percent);
	for (unsigned i = 0; i < 3; i++)
		if (health_has(h, (enum health_resource)(HEALTH_LOAD_1 + i)))
			pack_real(w, h->load[i]);
	for (unsigned i = 0; i < HEALTH_RESOURCE_COUNT; i++)
		if (health_has(h, (enum health_resource)i) && number_of(&copy, (enum health_resource)i) != NULL)
			pack_number(w, *number_of(&copy, (enum health_resource)i));
	if (health_has(h, HEALTH_TEMPERATURE))
		write_u8(w, h->temperature_count);
	for (unsigned i = 0; health_has(h, HEALTH_TEMPERATURE) && i < h->temperature_count; i++)
		pack_real(w, h->temperatures_celsius[i]);
	pack_number(w, health_has(h, HEALTH_PROCESSES) ? h->processes : 0);
	pack_number(w, health_has(h, HEALTH_PAYLOAD_STATE) ? h->payload_state : 0);
	pack_number(w, health_has(h, HEALTH_PAYLOAD_RESTARTS) ? h->payload_restarts : 0);
	if (health_has(h, HEALTH_PAYLOAD_VERSION))
		write_text(w, h->payload_version);
}

static bool unpack_temperatures(struct health *h, struct reader *r)
{
	h->temperature_count = health_has(h, HEALTH_TEMPERATURE) ? read_u8(r) : 0;
	if (h->temperature_count > HEALTH_TEMPERATURES_MAX)
		return false;
	for (unsigned i = 0; i < h->temperature_count; i++)
		h->temperatures_celsius[i] = unpack_real(r);
	return true;
}

bool health_unpack(struct bytes packed, struct health *ret)
{
	struct health h = {0};
	struct reader r = reader_of(packed);
	h.has = (uint32_t)unpack_number(&r);
	if (health_has(&h, HEALTH_CPU_LOAD))
		h.cpu_load_percent = unpack_real(&r);
	for (unsigned i = 0; i < 3; i++)
		if (health_has(&h, (enum health_resource)(HEALTH_LOAD_1 + i)))
			h.load[i] = unpack_real(&r);
	for (unsigned i = 0; i < HEALTH_RESOURCE_COUNT; i++)
		if (health_has(&h, (enum health_resource)i) && number_of(&h, (enum health_resource)i) != NULL)
			*number_of(&h, (enum health_resource)i) = unpack_number(&r);
	if (!unpack_temperatures(&h, &r))
		return false;
	h.processes = (uint32_t)unpack_number(&r);
	h.payload_state = (enum health_payload)unpack_number(&r);
	h.payload_restarts = (uint32_t)unpack_number(&r);
	struct bytes version = read_bytes(&r, reader_left(&r));
	if (r.failed || version.len > HEALTH_VERSION_MAX || h.payload_state > HEALTH_PAYLOAD_FAILED)
		return false;
	bytes_copy((uint8_t *)h.payload_version, version.data, version.len);
	*ret = h;
	return true;
}
