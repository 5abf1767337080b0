/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/health.h"
#include "mgmt/payload.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct health sample(void)
{
	struct health h = {
		.cpu_load_percent = 12.5f,
		.load = {0.5f, 0.25f, 0.125f},
		.memory_total_kib = 204800,
		.memory_available_kib = 102400,
		.disk_total_kib = (uint64_t)1 << 33,
		.disk_free_kib = 51200,
		.temperature_count = 2,
		.temperatures_celsius = {41.5f, -10.0f},
		.uptime_s = 86400,
		.processes = 77,
		.payload_state = HEALTH_PAYLOAD_RUNNING,
		.payload_restarts = 3,
		.payload_version = "1.2.3",
		.network_received_kib = 70000,
		.network_sent_kib = 900,
		.network_errors = 3,
	};
	for (unsigned i = 0; i < HEALTH_RESOURCE_COUNT; i++)
		health_mark(&h, (enum health_resource)i);
	return h;
}

static void health_survives_every_format(void **state)
{
	static const uint32_t formats[] = {PAYLOAD_TLV, PAYLOAD_SENML_JSON, PAYLOAD_SENML_CBOR};
	const struct health sent = sample();
	struct record records[HEALTH_RECORDS_MAX];
	size_t count = health_write(&sent, records);
	(void)state;
	assert_int_equal(count, 18);
	for (size_t i = 0; i < 3; i++) {
		uint8_t body[512], memory[64];
		struct arena scratch;
		struct writer w = writer_of(body, sizeof body);
		struct path base = path_of_instance(MODEL_HOST_HEALTH, 0);
		struct health got = {.has = 0};
		struct payload_reader r;
		struct record record;
		arena_init(&scratch, memory, sizeof memory);
		assert_int_equal(payload_encode(formats[i], base, records, count, &w), PAYLOAD_GOOD);
		payload_reader_init(&r, formats[i], base, writer_bytes(&w), &model_core, &scratch);
		while (payload_next(&r, &record))
			assert_true(health_read(&got, &record));
		assert_int_equal(r.verdict, PAYLOAD_GOOD);
		assert_int_equal(got.has, sent.has);
		assert_true(got.cpu_load_percent == sent.cpu_load_percent && got.load[2] == sent.load[2]);
		assert_true(got.temperatures_celsius[1] == -10.0f && got.temperature_count == 2);
		assert_true(got.disk_total_kib == sent.disk_total_kib && got.uptime_s == sent.uptime_s);
		assert_int_equal(got.payload_state, HEALTH_PAYLOAD_RUNNING);
		assert_string_equal(got.payload_version, "1.2.3");
		assert_true(
			got.network_received_kib == 70000 && got.network_sent_kib == 900 && got.network_errors == 3);
	}
}

/* Each set of resources, with the largest numbers there are. */
static void health_is_the_same_when_it_was_packed(void **state)
{
	(void)state;
	for (unsigned has = 0; has < 1u << HEALTH_RESOURCE_COUNT; has++) {
		struct health all = sample(), h = {0}, back;
		struct record records[HEALTH_RECORDS_MAX];
		uint8_t packed[HEALTH_PACKED_MAX];
		struct writer w = writer_of(packed, sizeof packed);
		all.disk_free_kib = UINT64_MAX;
		all.processes = UINT32_MAX;
		all.has = (uint16_t)has;
		size_t count = health_write(&all, records);
		for (size_t i = 0; i < count; i++)
			assert_true(health_read(&h, &records[i]));
		health_pack(&h, &w);
		assert_false(w.failed);
		assert_true(health_unpack(writer_bytes(&w), &back));
		assert_memory_equal(&back, &h, sizeof h);
	}
}

static void the_longest_health_fits_what_was_said(void **state)
{
	struct health h = sample(), back;
	uint8_t packed[HEALTH_PACKED_MAX];
	struct writer w = writer_of(packed, sizeof packed);
	(void)state;
	h.memory_total_kib = h.memory_available_kib = h.disk_total_kib = h.disk_free_kib = h.uptime_s = UINT64_MAX;
	h.temperature_count = HEALTH_TEMPERATURES_MAX;
	h.processes = h.payload_restarts = UINT32_MAX;
	memset(h.payload_version, 'v', HEALTH_VERSION_MAX);
	health_pack(&h, &w);
	assert_false(w.failed);
	assert_true(health_unpack(writer_bytes(&w), &back));
	assert_memory_equal(&back, &h, sizeof h);
}

static void what_was_never_packed_is_refused(void **state)
{
	struct health h = sample(), back;
	uint8_t packed[HEALTH_PACKED_MAX];
	struct writer w = writer_of(packed, sizeof packed);
	(void)state;
	health_pack(&h, &w);
	for (size_t len = 0; len + 5 < writer_bytes(&w).len; len++) /* without its version it is one, too */
		assert_false(health_unpack(bytes_of(packed, len), &back));
	memset(packed, 0xff, sizeof packed);
	assert_false(health_unpack(bytes_of(packed, sizeof packed), &back));
}

static void what_was_not_measured_is_not_sent(void **state)
{
	struct health h = {.uptime_s = 5};
	struct record records[HEALTH_RECORDS_MAX];
	(void)state;
	assert_int_equal(health_write(&h, records), 0);
	health_mark(&h, HEALTH_UPTIME);
	assert_int_equal(health_write(&h, records), 1);
	assert_true(path_equal(records[0].path, path_of_resource(MODEL_HOST_HEALTH, 0, HEALTH_UPTIME)));
}

static void the_model_agrees_with_the_records(void **state)
{
	const struct health h = sample();
	struct record records[HEALTH_RECORDS_MAX];
	size_t count = health_write(&h, records);
	(void)state;
	for (size_t i = 0; i < count; i++) {
		const struct model_resource *r =
			model_resource(&model_core, records[i].path.ids[0], records[i].path.ids[2]);
		assert_non_null(r);
		assert_true(model_accepts(r, &records[i].value));
		assert_int_equal(r->is_multiple, records[i].path.depth == 4);
		assert_true(i == 0 || path_compare(records[i - 1].path, records[i].path) < 0);
	}
}

static void what_breaks_a_limit_is_refused(void **state)
{
	static uint8_t text[HEALTH_VERSION_MAX + 1];
	const struct record bad[] = {
		record_of(path_of_resource(3, 0, 9), value_unsigned(1)),
		record_of(path_of_resource(MODEL_HOST_HEALTH, 1, 9), value_unsigned(1)),
		record_of(path_of_resource(MODEL_HOST_HEALTH, 0, 17), value_unsigned(1)),
		record_of(path_of_resource(MODEL_HOST_HEALTH, 0, 9), value_integer(1)),
		record_of(path_of_resource_instance(MODEL_HOST_HEALTH, 0, 9, 0), value_unsigned(1)),
		record_of(path_of_resource(MODEL_HOST_HEALTH, 0, 8), value_float(1)),
		record_of(path_of_resource_instance(MODEL_HOST_HEALTH, 0, 8, HEALTH_TEMPERATURES_MAX), value_float(1)),
		record_of(path_of_resource(MODEL_HOST_HEALTH, 0, 11), value_integer(4)),
		record_of(path_of_resource(MODEL_HOST_HEALTH, 0, 11), value_integer(-1)),
		record_of(path_of_resource(MODEL_HOST_HEALTH, 0, 12), value_unsigned((uint64_t)UINT32_MAX + 1)),
		record_of(path_of_resource(MODEL_HOST_HEALTH, 0, 13), value_string(bytes_of(text, sizeof text))),
		record_of(path_of_instance(MODEL_HOST_HEALTH, 0), value_none()),
	};
	struct health h = {.has = 0};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (health_read(&h, &bad[i]))
			fail_msg("row %zu is accepted", i + 1);
	assert_int_equal(h.has, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(health_survives_every_format),
		cmocka_unit_test(health_is_the_same_when_it_was_packed),
		cmocka_unit_test(the_longest_health_fits_what_was_said),
		cmocka_unit_test(what_was_never_packed_is_refused),
		cmocka_unit_test(what_was_not_measured_is_not_sent),
		cmocka_unit_test(the_model_agrees_with_the_records),
		cmocka_unit_test(what_breaks_a_limit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
