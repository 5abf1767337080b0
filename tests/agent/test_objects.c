/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The objects as the server sees them. Numbers such as 222 are those of the OMA enabler test specification. */
#include "agent/objects.h"
#include "coap/content_format.h"
#include "mgmt/payload.h"
#include "disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define OUR_URI "coaps://192.0.2.1:5684/m/00ff"

static const struct deploy_config deploy_config = {
	.update = {.order_delay_ms = 500,
		.self_test_timeout_ms = 30000,
		.settle_ms = 10000,
		.give_up_ms = 600000,
		.push_give_up_ms = 247000,
		.store_retry_ms = 5000,
		.trials_max = 3,
		.image_size_max = 4096},
	.block_size = 16,
	.progress_every = 8,
	.payload_restart_ms = 3000,
};

static const struct object *const table[] = {&object_server, &object_device, &object_connectivity, &object_firmware,
	&object_statistics, &object_portfolio, &object_host, &object_services};
#define OBJECT_COUNT (sizeof table / sizeof table[0])
static struct portfolio portfolio;
static struct services services;
static struct service_report service;
static uint8_t shelf_records[SHELF_COUNT][PORTFOLIO_RECORD_BYTES + ACCOUNTS_RECORD_BYTES];
static size_t shelf_lens[SHELF_COUNT];
static int shelf_error;
static const struct platform_identity identity = {
	"Open Mobile Alliance", "Fieldfare demo", "345000123", "linux", "rev-b", {0}, {0}};

static struct disk disk;
static struct deploy_ports ports;
static struct deploy deploy;
static struct prng chance;
static struct registration registration;
static struct report_attributes attributes[4];
static struct report_observation observations[4];
static struct report reports[ACCOUNTS_SERVERS_MAX];
static struct accounts accounts;
static struct object_world world;
static struct record records[OBJECTS_RECORDS_MAX];
static struct objects objects = {table, OBJECT_COUNT, &model_core, &world, reports, 0, false, records};
static uint8_t bitmap[32], progress[32 + JOURNAL_PROGRESS_HEAD_BYTES], record_scratch[JOURNAL_STATE_BYTES_MAX];
static uint8_t slice[DEPLOY_SLICE_BYTES], arena_bytes[16384], image[300];
static msec now;

static bool observes; /* whether requests carry Observe 0 */
static struct coap_response response;
static struct arena arena;

static void fill_sample(struct platform_sample *s)
{
	*s = (struct platform_sample){
		.cpu_permille = 125,
		.load_permille = {500, 250, 125},
		.processes = 42,
		.memory_total = 128 << 20,
		.memory_available = 64 << 20,
		.disk_total = 1 << 30,
		.disk_available = 1 << 29,
		.temperature_count = 2,
		.temperatures_millidegrees = {45500, -1000},
		.uptime_s = 3600,
		.unix_time_s = 1800000000,
		.bearer = PLATFORM_BEARER_ETHERNET,
		.sent_bytes = 5000,
		.received_bytes = 9000,
		.address_count = 2,
		.addresses = {"192.0.2.7", "2001:db8::7"},
		.router = "192.0.2.254",
	};
}

static int load_shelf(void *context, enum shelf_record which, void *buffer, size_t capacity)
{
	(void)context;
	assert_true(shelf_lens[which] <= capacity);
	memcpy(buffer, shelf_records[which], shelf_lens[which]);
	return (int)shelf_lens[which];
}

static int store_shelf(void *context, enum shelf_record which, struct bytes record)
{
	(void)context;
	if (shelf_error != 0)
		return shelf_error;
	memcpy(shelf_records[which], record.data, record.len);
	shelf_lens[which] = record.len;
	return 0;
}

static void look_at_service(void *context, uint8_t i, struct service_report *ret)
{
	(void)context;
	(void)i;
	*ret = service;
}

static const struct service_watch watched[] = {{SERVICE_BY_MANAGER, "web.service"}, {SERVICE_BY_PID_FILE, "dns"}};

static void watch_services(void)
{
	const struct services_port port = {NULL, watched, 2, look_at_service};
	service = (struct service_report){.state = SERVICE_RUNNING,
		.has_restarts = true,
		.has_memory = true,
		.has_cpu = true,
		.has_process = true,
		.has_exit_status = true,
		.has_exit_time = true,
		.restarts = 3,
		.memory_kib = 2048,
		.cpu_ms = 1500,
		.process = 77,
		.exit_status = 256 + 9,
		.exit_unix_s = 1800000000};
	services_init(&services, &port);
}

static const struct shelf_port shelf = {NULL, load_shelf, store_shelf};
static const struct accounts_factory factory = {.server_uri = "coaps://192.0.2.1:5684"};

static int fresh(void **state)
{
	static const struct register_config account = {
		.lifetime_s = 300, .connect_timeout_ms = 90000, .retry_first_ms = 2000, .retry_max_ms = 60000};
	static const struct download_storage storage = {bitmap, sizeof bitmap, progress};
	struct deploy_outcome outcome;
	(void)state;
	now = 1000;
	disk_init(&disk);
	ports = disk_ports(&disk);
	disk_make_image(image, sizeof image, 1);
	disk_provision(&disk, image, sizeof image, "1.0.0", 4);
	deploy_init(&deploy, &deploy_config, &ports, &storage, record_scratch, slice);
	assert_int_equal(deploy_start(&deploy, now, &outcome), JOURNAL_LOADED);
	prng_init_number(&chance, 1);
	register_init(&registration, &account, &chance, now);
	report_init(&reports[0], attributes, 4, observations, 4, SECONDS(5));
	world = (struct object_world){.identity = &identity,
		.agent_version = "0.1.0",
		.deploy = &deploy,
		.accounts = &accounts,
		.registrations = {&registration},
		.shelf = &shelf,
		.configured_lifetime_s = 300,
		.portfolio = &portfolio,
		.services = &services};
	watch_services();
	observes = false;
	memset(shelf_lens, 0, sizeof shelf_lens);
	accounts_init(&accounts, &factory);
	shelf_error = 0;
	portfolio_init(&portfolio, &shelf);
	fill_sample(&world.sample);
	return 0;
}

/* ---- requests ---- */

struct ask {
	enum coap_code method;
	const char *path;
	uint16_t accept, format;
	struct bytes body;
	const char *query;
};

static enum coap_code send(struct ask ask)
{
	struct coap_message message = {.code = ask.method};
	struct path path;
	char queries[64];
	assert_true(path_parse(bytes_of_text(ask.path), &path));
	if (ask.query != NULL) {
		(void)snprintf(queries, sizeof queries, "%s", ask.query);
		for (char *q = strtok(queries, "&"); q != NULL; q = strtok(NULL, "&"))
			message.options[message.option_count++] =
				(struct coap_option){COAP_OPTION_URI_QUERY, bytes_of_text(q)};
	}
	arena_init(&arena, arena_bytes, sizeof arena_bytes);
	struct coap_request request = {.message = &message,
		.body = ask.body,
		.content_format = ask.format,
		.accept = ask.accept,
		.body_is_last = true,
		.observer = observes ? (struct handle){0, 1} : HANDLE_NONE,
		.scratch = &arena};
	response = (struct coap_response){.code = COAP_INTERNAL_SERVER_ERROR, .content_format = COAP_FORMAT_NONE};
	objects_handle(&objects, path, NULL, &request, &response, now);
	return response.code;
}

static enum coap_code get(const char *path, uint16_t accept)
{
	return send((struct ask){COAP_GET, path, accept, COAP_FORMAT_NONE, BYTES_NONE, NULL});
}

static enum coap_code put_text(const char *path, const char *text)
{
	return send((struct ask){COAP_PUT, path, COAP_FORMAT_NONE, COAP_FORMAT_TEXT, bytes_of_text(text), NULL});
}

static enum coap_code post(const char *path, const char *arguments)
{
	return send((struct ask){COAP_POST, path, COAP_FORMAT_NONE, COAP_FORMAT_NONE, bytes_of_text(arguments), NULL});
}

static enum coap_code set_attributes(const char *path, const char *query)
{
	return send((struct ask){COAP_PUT, path, COAP_FORMAT_NONE, COAP_FORMAT_NONE, BYTES_NONE, query});
}

static void expect_text(const char *path, const char *text)
{
	assert_int_equal(get(path, COAP_FORMAT_TEXT), COAP_CONTENT);
	assert_true(bytes_equal_text(response.payload, text));
}

static bool says(const char *text)
{
	return memmem(response.payload.data, response.payload.len, text, strlen(text)) != NULL;
}

/* Reads the last response back; the number of records. */
static size_t read_back(const char *base, struct record *ret, size_t capacity)
{
	struct payload_reader r;
	struct path path;
	uint8_t bytes[1024];
	struct arena scratch;
	size_t count = 0;
	assert_true(path_parse(bytes_of_text(base), &path));
	arena_init(&scratch, bytes, sizeof bytes);
	payload_reader_init(&r, response.content_format, path, response.payload, &model_core, &scratch);
	while (count < capacity && payload_next(&r, &ret[count]))
		count++;
	assert_int_equal(r.verdict, PAYLOAD_GOOD);
	return count;
}

/* POST /16 with instance `id`, its identity 0 being `text`, as SenML CBOR */
static enum coap_code create_portfolio(uint16_t id, const char *text)
{
	struct record record = record_of(path_of_resource_instance(16, id, 0, 0), value_string(bytes_of_text(text)));
	uint8_t bytes[128];
	struct writer w = writer_of(bytes, sizeof bytes);
	assert_int_equal(payload_encode(PAYLOAD_SENML_CBOR, path_of_object(16), &record, 1, &w), PAYLOAD_GOOD);
	return send((struct ask){COAP_POST, "/16", COAP_FORMAT_NONE, PAYLOAD_SENML_CBOR, writer_bytes(&w), NULL});
}

static enum coap_code delete (const char *path) {
	return send((struct ask){
		.method = COAP_DELETE, .path = path, .accept = COAP_FORMAT_NONE, .format = COAP_FORMAT_NONE});
}

/* ---- reading ---- */

/* 201 */
static void the_device_says_who_made_it_as_text(void **state)
{
	(void)state;
	expect_text("/3/0/0", "Open Mobile Alliance");
	expect_text("/3/0/1", "Fieldfare demo");
	expect_text("/3/0/2", "345000123");
	expect_text("/3/0/3", "1.0.0");
	expect_text("/3/0/16", "U");
	expect_text("/3/0/19", "0.1.0");
	expect_text("/3/0/21", "131072");
}

/* 203, 204, 231, 232 */
static void an_instance_is_read_in_every_format_for_several_values(void **state)
{
	(void)state;
	static const uint16_t formats[] = {PAYLOAD_TLV, PAYLOAD_SENML_JSON, PAYLOAD_SENML_CBOR};
	struct record list[32];
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(get("/3/0", formats[i]), COAP_CONTENT);
		assert_int_equal(response.content_format, formats[i]);
		assert_int_equal(read_back("/3/0", list, 32), 12);
		assert_true(path_equal(list[0].path, path_of_resource(3, 0, 0)));
	}
}

/* 222 to 225 */
static void object_instance_resource_and_resource_instance_are_read(void **state)
{
	(void)state;
	struct record list[32];
	assert_int_equal(get("/3", PAYLOAD_TLV), COAP_CONTENT);
	assert_int_equal(read_back("/3", list, 32), 12);
	assert_int_equal(get("/1/0", PAYLOAD_TLV), COAP_CONTENT);
	assert_int_equal(read_back("/1/0", list, 32), 7); /* no default pmax is set */
	expect_text("/1/0/1", "300");
	assert_int_equal(get("/3/0/11/0", PAYLOAD_SENML_CBOR), COAP_CONTENT);
	assert_int_equal(read_back("/3/0/11/0", list, 32), 1);
	expect_text("/3/0/11/0", "0");
}

/* 237 */
static void without_accept_the_answer_is_senml_cbor(void **state)
{
	(void)state;
	assert_int_equal(get("/3/0", COAP_FORMAT_NONE), COAP_CONTENT);
	assert_int_equal(response.content_format, PAYLOAD_SENML_CBOR);
}

static void every_value_has_the_type_that_the_model_gives_it(void **state)
{
	(void)state;
	struct record list[OBJECTS_RECORDS_MAX];
	create_portfolio(0, "a host");
	for (size_t i = 0; i < OBJECT_COUNT; i++) {
		struct path path = path_of_object(table[i]->id);
		struct object_records out = {.list = list, .capacity = OBJECTS_RECORDS_MAX};
		out.instance = path_of_instance(path.ids[0], 0);
		for (size_t n = 0; n < table[i]->resource_count; n++) {
			const struct object_resource *r = &table[i]->resources[n];
			const struct model_resource *model = model_resource(&model_core, table[i]->id, r->id);
			assert_non_null(model);
			assert_int_equal(r->operations & ~model->operations, 0);
			if ((r->operations & MODEL_READ) != 0)
				table[i]->read(&world, path_of_resource(table[i]->id, 0, r->id), &out);
		}
		assert_true(out.count > 0);
		for (size_t n = 0; n < out.count; n++) {
			const struct model_resource *model =
				model_resource(&model_core, path.ids[0], out.list[n].path.ids[2]);
			assert_int_equal(out.list[n].value.type, model->type);
			assert_true(model_accepts(model, &out.list[n].value));
			assert_int_equal(out.list[n].path.depth, model->is_multiple ? 4 : 3);
		}
	}
}

static void every_mandatory_resource_is_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < OBJECT_COUNT; i++) {
		const struct model_object *model = model_object(&model_core, table[i]->id);
		assert_non_null(model);
		assert_string_equal(model->version, table[i]->version);
		for (uint16_t n = 0; n < model->resource_count; n++) {
			bool is_there = !model->resources[n].is_mandatory;
			for (size_t k = 0; k < table[i]->resource_count; k++)
				is_there = is_there || table[i]->resources[k].id == model->resources[n].id;
			assert_true(is_there);
		}
	}
}

static void host_health_shows_the_machine_and_the_payload(void **state)
{
	(void)state;
	expect_text("/26250/0/0", "12.5");
	expect_text("/26250/0/8/0", "45.5");
	expect_text("/26250/0/8/1", "-1");
	expect_text("/26250/0/11", "2");
	expect_text("/26250/0/13", "1.0.0");
	world.sample.temperature_count = 0;
	assert_int_equal(get("/26250/0/8/0", COAP_FORMAT_TEXT), COAP_NOT_FOUND);
}

static void each_watched_service_is_an_instance(void **state)
{
	(void)state;
	expect_text("/26251/0/0", "web.service");
	expect_text("/26251/1/0", "dns");
	expect_text("/26251/1/2", "1");
	expect_text("/26251/0/1", "2");
	expect_text("/26251/0/3", "3");
	expect_text("/26251/0/4", "2048");
	expect_text("/26251/0/5", "1500");
	expect_text("/26251/0/7", "77");
	expect_text("/26251/0/8", "265");
	assert_int_equal(get("/26251/0/6", COAP_FORMAT_TEXT), COAP_NOT_FOUND); /* a rate needs two looks */
	service.cpu_ms = 2750;
	now += SECONDS(5);
	expect_text("/26251/0/6", "25");
	service = (struct service_report){.state = SERVICE_STOPPED};
	now += SECONDS(5);
	expect_text("/26251/0/1", "0");
	assert_int_equal(get("/26251/0/4", COAP_FORMAT_TEXT), COAP_NOT_FOUND); /* what is not known is not there */
	assert_int_equal(get("/26251/2", COAP_FORMAT_TEXT), COAP_NOT_FOUND);
	assert_int_equal(delete ("/26251/0"), COAP_METHOD_NOT_ALLOWED);
}

/* 701 */
static void connectivity_shows_bearer_and_addresses(void **state)
{
	(void)state;
	expect_text("/4/0/0", "41");
	expect_text("/4/0/4/0", "192.0.2.7");
	expect_text("/4/0/4/1", "2001:db8::7");
	assert_int_equal(get("/4/0/4/2", COAP_FORMAT_TEXT), COAP_NOT_FOUND);
}

static void what_is_not_there_gives_4_04(void **state)
{
	(void)state;
	static const char *const paths[] = {"/2", "/6", "/65534", "/3/1", "/3/0/99", "/3/0/11/9", "/1/0/3"};
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		assert_int_equal(get(paths[i], COAP_FORMAT_NONE), COAP_NOT_FOUND);
}

static void what_cannot_be_read_gives_4_05(void **state)
{
	(void)state;
	static const char *const paths[] = {"/3/0/4", "/5/0/0", "/5/0/2", "/1/0/8", "/7/0/6"};
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		assert_int_equal(get(paths[i], COAP_FORMAT_NONE), COAP_METHOD_NOT_ALLOWED);
}

static void instances_can_be_read_in_lwm2m_cbor(void **state)
{
	(void)state;
	assert_int_equal(get("/26250/0/13", COAP_FORMAT_LWM2M_CBOR), COAP_CONTENT);
	static const uint8_t expected[] = {0xa1, 0x83, 0x19, 0x66, 0x8a, 0x00, 0x0d, 0x65, '1', '.', '0', '.', '0'};
	assert_int_equal(response.payload.len, sizeof expected);
	assert_memory_equal(response.payload.data, expected, sizeof expected);
}

static void a_format_that_cannot_hold_the_answer_gives_4_06(void **state)
{
	(void)state;
	assert_int_equal(get("/3/0", COAP_FORMAT_TEXT), COAP_NOT_ACCEPTABLE);
	assert_int_equal(get("/3/0", 11543), COAP_NOT_ACCEPTABLE); /* JSON of LwM2M 1.0 */
	assert_int_equal(get("/3/0/0", COAP_FORMAT_OCTETS), COAP_NOT_ACCEPTABLE);
	assert_int_equal(get("/3/0", COAP_FORMAT_JSON), COAP_NOT_ACCEPTABLE);
}

/* 221 */
static void security_is_closed_to_every_operation(void **state)
{
	(void)state;
	static const char *const paths[] = {"/0", "/0/0", "/0/0/5", "/0/9"};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(get(paths[i], COAP_FORMAT_NONE), COAP_UNAUTHORIZED);
		assert_int_equal(get(paths[i], COAP_FORMAT_LINK), COAP_UNAUTHORIZED);
		assert_int_equal(put_text(paths[i], "x"), COAP_UNAUTHORIZED);
		assert_int_equal(set_attributes(paths[i], "pmin=1"), COAP_UNAUTHORIZED);
		assert_int_equal(post(paths[i], ""), COAP_UNAUTHORIZED);
		assert_int_equal(send((struct ask){.method = COAP_DELETE, .path = paths[i]}), COAP_UNAUTHORIZED);
	}
}

/* ---- Discover: 260, 261 ---- */

static void discover_lists_what_is_there_with_dimensions(void **state)
{
	(void)state;
	assert_int_equal(get("/3", COAP_FORMAT_LINK), COAP_CONTENT);
	assert_int_equal(response.content_format, COAP_FORMAT_LINK);
	assert_true(says("</3>;ver=1.1,</3/0>,</3/0/0>,"));
	assert_true(says("</3/0/4>,")); /* executable */
	assert_true(says("</3/0/11>;dim=1"));
	assert_false(says("</3/0/11/0>"));
	assert_int_equal(get("/4/0/4", COAP_FORMAT_LINK), COAP_CONTENT);
	assert_true(bytes_equal_text(response.payload, "</4/0/4>;dim=2,</4/0/4/0>,</4/0/4/1>"));
	assert_int_equal(get("/3/0/99", COAP_FORMAT_LINK), COAP_NOT_FOUND);
	assert_int_equal(get("/3/9", COAP_FORMAT_LINK), COAP_NOT_FOUND);
}

static enum coap_code discover(const char *path, const char *query)
{
	return send((struct ask){COAP_GET, path, COAP_FORMAT_LINK, COAP_FORMAT_NONE, BYTES_NONE, query});
}

/* LwM2M 1.2: the table of interface section 5 */
static void discover_goes_as_deep_as_it_is_asked_to(void **state)
{
	(void)state;
	assert_int_equal(discover("/3", "depth=0"), COAP_CONTENT);
	assert_true(bytes_equal_text(response.payload, "</3>;ver=1.1"));
	assert_int_equal(discover("/3", "depth=1"), COAP_CONTENT);
	assert_true(bytes_equal_text(response.payload, "</3>;ver=1.1,</3/0>"));
	assert_int_equal(discover("/4", "depth=3"), COAP_CONTENT);
	assert_true(says("</4/0/4>;dim=2,</4/0/4/0>,</4/0/4/1>"));
	assert_int_equal(discover("/4/0", "depth=0"), COAP_CONTENT);
	assert_true(bytes_equal_text(response.payload, "</4/0>"));
	assert_int_equal(discover("/4/0", NULL), COAP_CONTENT);
	assert_true(says("</4/0/4>;dim=2,</4/0/5>"));
	assert_int_equal(discover("/4/0", "depth=2"), COAP_CONTENT);
	assert_true(says("</4/0/4>;dim=2,</4/0/4/0>"));
	assert_int_equal(discover("/4/0/4", "depth=0"), COAP_CONTENT);
	assert_true(bytes_equal_text(response.payload, "</4/0/4>;dim=2"));
	assert_int_equal(discover("/4/0/4", "depth=1"), COAP_CONTENT);
	assert_true(bytes_equal_text(response.payload, "</4/0/4>;dim=2,</4/0/4/0>,</4/0/4/1>"));
	assert_int_equal(discover("/4", "depth=4"), COAP_BAD_REQUEST);
	assert_int_equal(discover("/4", "depth="), COAP_BAD_REQUEST);
	assert_int_equal(discover("/4", "deep=1"), COAP_CONTENT); /* of another day: not known, not harmful */
}

static void attributes_show_where_they_were_written_and_on_the_target_that_inherits_them(void **state)
{
	(void)state;
	assert_int_equal(set_attributes("/3", "pmin=10&pmax=60"), COAP_CHANGED);
	assert_int_equal(set_attributes("/3/0/10", "gt=50&lt=42.2"), COAP_CHANGED);
	assert_int_equal(get("/3", COAP_FORMAT_LINK), COAP_CONTENT);
	assert_true(says("</3>;ver=1.1;pmin=10;pmax=60,</3/0>,"));
	assert_true(says("</3/0/10>;gt=50;lt=42.2"));
	assert_int_equal(get("/3/0", COAP_FORMAT_LINK), COAP_CONTENT);
	assert_true(says("</3/0>;pmin=10;pmax=60,</3/0/0>,"));
	assert_int_equal(get("/3/0/10", COAP_FORMAT_LINK), COAP_CONTENT);
	assert_true(says("</3/0/10>;pmin=10;pmax=60;gt=50;lt=42.2"));
	assert_int_equal(set_attributes("/3/0/10", "gt&lt"), COAP_CHANGED);
	assert_int_equal(get("/3/0/10", COAP_FORMAT_LINK), COAP_CONTENT);
	assert_true(bytes_equal_text(response.payload, "</3/0/10>;pmin=10;pmax=60"));
}

static void attributes_that_make_no_sense_change_nothing(void **state)
{
	(void)state;
	assert_int_equal(set_attributes("/3/0/0", "gt=5"), COAP_BAD_REQUEST); /* a text */
	assert_int_equal(set_attributes("/3/0", "gt=5"), COAP_BAD_REQUEST);   /* not one value */
	assert_int_equal(set_attributes("/3/0/10", "pmin=x"), COAP_BAD_REQUEST);
	assert_int_equal(set_attributes("/3/0/10", "colour=red"), COAP_BAD_REQUEST);
	assert_int_equal(set_attributes("/3/0/10", "lt=50&gt=40"), COAP_BAD_REQUEST);
	assert_int_equal(set_attributes("/3/0/10", NULL), COAP_BAD_REQUEST);
	assert_int_equal(set_attributes("/3/0/4", "pmin=1"), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(set_attributes("/3/0/99", "pmin=1"), COAP_NOT_FOUND);
	assert_int_equal(report_attributes_at(&reports[0], path_of_resource(3, 0, 10)).set, 0);
}

/* LwM2M 1.2, interface section 6: observation attributes; those that are not known are refused and not ignored */
static void an_observation_may_come_with_attributes_of_its_own(void **state)
{
	(void)state;
	struct ask ask = {COAP_GET, "/3/0/10", COAP_FORMAT_NONE, COAP_FORMAT_NONE, BYTES_NONE, "pmin=7&gt=5"};
	observes = true;
	assert_int_equal(send(ask), COAP_CONTENT);
	assert_int_equal(observations[0].own.pmin_s, 7);
	assert_int_equal(report_attributes_at(&reports[0], path_of_resource(3, 0, 10)).set, 0);
	ask.query = "colour=red";
	assert_int_equal(send(ask), COAP_BAD_REQUEST);
	assert_int_equal(response.payload.len, 0);
	ask.query = "gt=5&lt=6";
	assert_int_equal(send(ask), COAP_BAD_REQUEST);
	ask.query = "pmin";
	assert_int_equal(send(ask), COAP_BAD_REQUEST);
	ask.path = "/3/0";
	ask.query = "gt=5";
	assert_int_equal(send(ask), COAP_BAD_REQUEST);
	observes = false;
	assert_int_equal(send(ask), COAP_CONTENT);
}

static void a_full_table_of_attributes_refuses_and_keeps_what_it_has(void **state)
{
	(void)state;
	assert_int_equal(set_attributes("/3", "pmin=1"), COAP_CHANGED);
	assert_int_equal(set_attributes("/3/0", "pmin=1"), COAP_CHANGED);
	assert_int_equal(set_attributes("/4", "pmin=1"), COAP_CHANGED);
	assert_int_equal(set_attributes("/5", "pmin=1"), COAP_CHANGED);
	assert_int_equal(set_attributes("/7", "pmin=1"), COAP_INTERNAL_SERVER_ERROR);
	assert_int_equal(set_attributes("/5", "pmin=2"), COAP_CHANGED);
	assert_int_equal(set_attributes("/4", "pmin"), COAP_CHANGED);
	assert_int_equal(set_attributes("/7", "pmin=1"), COAP_CHANGED);
}

/* ---- writing ---- */

/* 205, 211 */
static void server_resources_are_written_and_read_back(void **state)
{
	(void)state;
	assert_int_equal(put_text("/1/0/2", "101"), COAP_CHANGED);
	assert_int_equal(put_text("/1/0/3", "1010"), COAP_CHANGED);
	assert_int_equal(put_text("/1/0/5", "2000"), COAP_CHANGED);
	assert_int_equal(put_text("/1/0/6", "0"), COAP_CHANGED);
	expect_text("/1/0/23", "1"); /* muted unless the server says otherwise */
	assert_int_equal(put_text("/1/0/23", "0"), COAP_CHANGED);
	expect_text("/1/0/23", "0");
	expect_text("/1/0/2", "101");
	expect_text("/1/0/3", "1010");
	expect_text("/1/0/5", "2000");
	expect_text("/1/0/6", "0");
	assert_int_equal(reports[0].defaults.pmin_s, 101);
	struct bytes cbor = bytes_of("\x19\x00\x66", 3);
	struct ask ask = {COAP_PUT, "/1/0/2", COAP_FORMAT_NONE, PAYLOAD_CBOR, cbor, NULL};
	assert_int_equal(send(ask), COAP_CHANGED);
	expect_text("/1/0/2", "102");
}

/* 227 */
static void a_new_lifetime_is_durable_and_goes_to_the_registration(void **state)
{
	(void)state;
	assert_int_equal(put_text("/1/0/1", "63"), COAP_CHANGED);
	expect_text("/1/0/1", "63");
	assert_true(registration.tells_lifetime);
	struct accounts back;
	accounts_init(&back, &factory);
	assert_true(accounts_load(&back, &factory, &shelf, world.accounts_record));
	assert_int_equal(back.servers[0].lifetime_s, 63);
}

static void what_cannot_be_stored_has_not_been_written(void **state)
{
	(void)state;
	disk.fail_stores = -ENOSPC;
	shelf_error = -ENOSPC;
	assert_int_equal(put_text("/1/0/1", "63"), COAP_INTERNAL_SERVER_ERROR);
	expect_text("/1/0/1", "300");
	assert_int_equal(put_text("/5/0/11", "0"), COAP_INTERNAL_SERVER_ERROR);
	expect_text("/5/0/11", "1");
}

/* 215, 226: {1: 120, 6: true} as TLV */
static void a_partial_update_leaves_the_rest_alone(void **state)
{
	(void)state;
	struct bytes tlv = bytes_of("\xc1\x01\x78\xc1\x06\x00", 6);
	assert_int_equal(put_text("/1/0/2", "7"), COAP_CHANGED);
	struct ask ask = {COAP_POST, "/1/0", COAP_FORMAT_NONE, PAYLOAD_TLV, tlv, NULL};
	assert_int_equal(send(ask), COAP_CHANGED);
	expect_text("/1/0/1", "120");
	expect_text("/1/0/6", "0");
	expect_text("/1/0/2", "7");
}

/* 220 */
static void a_replace_resets_what_it_leaves_out_and_needs_what_is_mandatory(void **state)
{
	(void)state;
	struct bytes whole = bytes_of("\xc1\x01\x78\xc1\x06\x01\xc1\x07\x55", 9);
	struct bytes lacking = bytes_of("\xc1\x01\x79\xc1\x06\x01", 6);
	assert_int_equal(put_text("/1/0/2", "7"), COAP_CHANGED);
	struct ask ask = {COAP_PUT, "/1/0", COAP_FORMAT_NONE, PAYLOAD_TLV, lacking, NULL};
	assert_int_equal(send(ask), COAP_BAD_REQUEST);
	expect_text("/1/0/1", "300");
	ask.body = whole;
	assert_int_equal(send(ask), COAP_CHANGED);
	expect_text("/1/0/1", "120");
	expect_text("/1/0/2", "0");
}

/* 256 */
static void a_write_to_what_is_read_only_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(put_text("/1/0/0", "5"), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(put_text("/3/0/0", "x"), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(put_text("/5/0/3", "2"), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(put_text("/3/0/11/0", "2"), COAP_METHOD_NOT_ALLOWED);
	/* one bad part spoils the whole: {1: 120, 0: 5} */
	struct ask ask = {
		COAP_POST, "/1/0", COAP_FORMAT_NONE, PAYLOAD_TLV, bytes_of("\xc1\x01\x78\xc1\x00\x05", 6), NULL};
	assert_int_equal(send(ask), COAP_METHOD_NOT_ALLOWED);
	expect_text("/1/0/1", "300");
}

static void bad_values_and_formats_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(put_text("/1/0/1", "soon"), COAP_BAD_REQUEST);
	assert_int_equal(put_text("/1/0/1", "0"), COAP_BAD_REQUEST);
	assert_int_equal(put_text("/1/0/1", "-1"), COAP_BAD_REQUEST);
	assert_int_equal(put_text("/1/0/1", "4294967296"), COAP_BAD_REQUEST);
	assert_int_equal(put_text("/1/0/7", "T"), COAP_BAD_REQUEST);
	assert_int_equal(put_text("/1/0/99", "1"), COAP_NOT_FOUND);
	struct ask ask = {COAP_PUT, "/1/0/1", COAP_FORMAT_NONE, COAP_FORMAT_JSON, bytes_of_text("60"), NULL};
	assert_int_equal(send(ask), COAP_UNSUPPORTED_CONTENT_FORMAT);
	ask.format = COAP_FORMAT_NONE;
	assert_int_equal(send(ask), COAP_UNSUPPORTED_CONTENT_FORMAT);
	struct ask truncated = {COAP_POST, "/1/0", COAP_FORMAT_NONE, PAYLOAD_TLV, bytes_of("\xc4\x01\x78", 3), NULL};
	assert_int_equal(send(truncated), COAP_BAD_REQUEST);
	expect_text("/1/0/1", "300");
}

/* 680, 685 */
static void instances_are_neither_created_nor_deleted(void **state)
{
	(void)state;
	struct ask ask = {COAP_POST, "/3", COAP_FORMAT_NONE, PAYLOAD_TLV, bytes_of("\xc1\x00\x41", 3), NULL};
	assert_int_equal(send(ask), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(send((struct ask){.method = COAP_DELETE, .path = "/3/0"}), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(send((struct ask){.method = COAP_DELETE, .path = "/3/1"}), COAP_NOT_FOUND);
	assert_int_equal(put_text("/3", "x"), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(send((struct ask){.method = COAP_PATCH, .path = "/3/0"}), COAP_METHOD_NOT_ALLOWED);
}

/* 1630, 1635 */
static void portfolio_instances_are_created_listed_and_deleted(void **state)
{
	(void)state;
	assert_int_equal(get("/16", PAYLOAD_SENML_CBOR), COAP_CONTENT); /* an object without instances is empty */
	assert_int_equal(create_portfolio(3, "a pump"), COAP_CREATED);
	assert_true(world.has_other_instances);
	assert_int_equal(create_portfolio(1, "its cellar"), COAP_CREATED);
	expect_text("/16/3/0/0", "a pump");
	assert_int_equal(discover("/16", NULL), COAP_CONTENT);
	assert_true(
		bytes_equal_text(response.payload, "</16>;ver=1.0,</16/1>,</16/1/0>;dim=1,</16/3>,</16/3/0>;dim=1"));
	world.has_other_instances = false;
	assert_int_equal(delete ("/16/3"), COAP_DELETED);
	assert_true(world.has_other_instances);
	assert_int_equal(get("/16/3", COAP_FORMAT_NONE), COAP_NOT_FOUND);
	assert_int_equal(delete ("/16/3"), COAP_NOT_FOUND);
	assert_int_equal(delete ("/16"), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(delete ("/16/1/0"), COAP_BAD_REQUEST);
	expect_text("/16/1/0/0", "its cellar");
}

static void expect_location(unsigned i, const char *segment)
{
	const struct coap_options_entry *entry = &response.options.entries[i];
	assert_int_equal(entry->number, COAP_OPTION_LOCATION_PATH);
	assert_true(bytes_equal_text(bytes_of(entry->value.kept, entry->len), segment));
}

static void an_instance_without_a_number_gets_the_first_free_one_and_is_told(void **state)
{
	(void)state;
	assert_int_equal(create_portfolio(0, "taken"), COAP_CREATED);
	assert_int_equal(response.options.count, 0);
	/* section 7.2: multiple resource 0 with instance 0 = "x", without an object instance around it */
	struct bytes tlv = bytes_of("\x83\x00\x41\x00x", 5);
	assert_int_equal(send((struct ask){COAP_POST, "/16", COAP_FORMAT_NONE, PAYLOAD_TLV, tlv, NULL}), COAP_CREATED);
	assert_int_equal(response.options.count, 2);
	expect_location(0, "16");
	expect_location(1, "1");
	expect_text("/16/1/0/0", "x");
	/* two at once, with their numbers: {5: {0: {0: "y"}}, 6: {0: {0: "z"}}} */
	tlv = bytes_of("\x05\x05\x83\x00\x41\x00y\x05\x06\x83\x00\x41\x00z", 14);
	assert_int_equal(send((struct ask){COAP_POST, "/16", COAP_FORMAT_NONE, PAYLOAD_TLV, tlv, NULL}), COAP_CREATED);
	expect_text("/16/5/0/0", "y");
	expect_text("/16/6/0/0", "z");
}

static void what_cannot_be_created_leaves_everything_as_it_was(void **state)
{
	(void)state;
	assert_int_equal(create_portfolio(2, "there"), COAP_CREATED);
	world.has_other_instances = false;
	assert_int_equal(create_portfolio(2, "again"), COAP_BAD_REQUEST);
	expect_text("/16/2/0/0", "there");
	struct ask ask = {COAP_POST, "/16", COAP_FORMAT_NONE, PAYLOAD_TLV, BYTES_NONE, NULL};
	assert_int_equal(send(ask), COAP_BAD_REQUEST); /* Identity is mandatory */
	ask.body = bytes_of("\x05\x09\x83\x00\x41", 5);
	assert_int_equal(send(ask), COAP_BAD_REQUEST);
	ask.format = COAP_FORMAT_TEXT;
	assert_int_equal(send(ask), COAP_UNSUPPORTED_CONTENT_FORMAT);
	for (uint16_t id = 3; id < 2 + PORTFOLIO_INSTANCES_MAX; id++)
		assert_int_equal(create_portfolio(id, "more"), COAP_CREATED);
	world.has_other_instances = false;
	assert_int_equal(create_portfolio(99, "too many"), COAP_BAD_REQUEST);
	assert_int_equal(get("/16/99", COAP_FORMAT_NONE), COAP_NOT_FOUND);
	assert_false(world.has_other_instances);
}

/* 228: /16/0/0/0 alone changes */
static void single_values_of_a_multiple_resource_are_written_and_deleted(void **state)
{
	(void)state;
	assert_int_equal(create_portfolio(0, "a"), COAP_CREATED);
	/* interface section 5: {0: Red, 1: Green}, and {1: Yellow, 3: Blue} */
	struct bytes first = bytes_of("\x43\x00Red\x45\x01Green", 12);
	struct bytes second = bytes_of("\x46\x01Yellow\x44\x03"
				       "Blue",
		14);
	struct ask ask = {COAP_PUT, "/16/0/0", COAP_FORMAT_NONE, PAYLOAD_TLV, first, NULL};
	assert_int_equal(send(ask), COAP_CHANGED);
	ask.method = COAP_POST;
	ask.body = second;
	assert_int_equal(send(ask), COAP_CHANGED);
	expect_text("/16/0/0/0", "Red");
	expect_text("/16/0/0/1", "Yellow");
	expect_text("/16/0/0/3", "Blue");
	ask.method = COAP_PUT;
	assert_int_equal(send(ask), COAP_CHANGED);
	assert_int_equal(get("/16/0/0/0", COAP_FORMAT_TEXT), COAP_NOT_FOUND);
	expect_text("/16/0/0/3", "Blue");
	assert_int_equal(put_text("/16/0/0/3", "Black"), COAP_CHANGED);
	expect_text("/16/0/0/1", "Yellow");
	expect_text("/16/0/0/3", "Black");
	assert_int_equal(put_text("/16/0/0/7", "new"), COAP_NOT_FOUND);
	assert_int_equal(delete ("/16/0/0/7"), COAP_NOT_FOUND);
	assert_int_equal(delete ("/16/0/0/1"), COAP_DELETED);
	assert_int_equal(get("/16/0/0/1", COAP_FORMAT_TEXT), COAP_NOT_FOUND);
	assert_int_equal(delete ("/3/0/11/0"), COAP_METHOD_NOT_ALLOWED);
	char longer[PORTFOLIO_TEXT_MAX + 2];
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(put_text("/16/0/0/3", longer), COAP_BAD_REQUEST);
	expect_text("/16/0/0/3", "Black");
}

static void the_portfolio_outlives_the_agent_and_a_full_disk_refuses_it(void **state)
{
	(void)state;
	assert_int_equal(create_portfolio(7, "kept"), COAP_CREATED);
	portfolio_init(&portfolio, &shelf);
	expect_text("/16/7/0/0", "kept");
	shelf_error = -ENOSPC;
	assert_int_equal(put_text("/16/7/0/0", "lost"), COAP_INTERNAL_SERVER_ERROR);
	expect_text("/16/7/0/0", "kept");
	assert_int_equal(create_portfolio(8, "lost"), COAP_INTERNAL_SERVER_ERROR);
	assert_int_equal(get("/16/8", COAP_FORMAT_NONE), COAP_NOT_FOUND);
	assert_int_equal(delete ("/16/7"), COAP_INTERNAL_SERVER_ERROR);
	expect_text("/16/7/0/0", "kept");
	shelf_records[SHELF_PORTFOLIO][shelf_lens[SHELF_PORTFOLIO] - 1] ^= 1;
	portfolio_init(&portfolio, &shelf);
	assert_int_equal(get("/16/7", COAP_FORMAT_NONE), COAP_NOT_FOUND); /* rotten */
}

/* interface section 5: attributes and observations go with what they were of */
static void a_deleted_instance_takes_its_attributes_with_it(void **state)
{
	(void)state;
	assert_int_equal(create_portfolio(0, "a"), COAP_CREATED);
	assert_int_equal(set_attributes("/16/0/0", "pmin=5"), COAP_CHANGED);
	assert_int_equal(set_attributes("/16", "pmax=50"), COAP_CHANGED);
	assert_int_equal(delete ("/16/0"), COAP_DELETED);
	assert_int_equal(create_portfolio(0, "b"), COAP_CREATED);
	assert_int_equal(discover("/16", NULL), COAP_CONTENT);
	assert_true(bytes_equal_text(response.payload, "</16>;ver=1.0;pmax=50,</16/0>,</16/0/0>;dim=1"));
}

/* ---- Execute ---- */

/* 241 */
static void reboot_is_a_wish_until_the_answer_has_left(void **state)
{
	(void)state;
	assert_int_equal(post("/3/0/4", ""), COAP_CHANGED);
	assert_true(world.wants_reboot);
}

static void arguments_of_execute_follow_their_grammar(void **state)
{
	(void)state;
	static const struct {
		const char *arguments;
		enum coap_code code;
	} cases[] = {
		{"", COAP_CHANGED},
		{"5", COAP_CHANGED},
		{"2='10.3'", COAP_CHANGED},
		{"7,0='https://x.org'", COAP_CHANGED},
		{"0='U',3", COAP_CHANGED},
		{"1=''", COAP_CHANGED},
		{"10", COAP_BAD_REQUEST},
		{"a", COAP_BAD_REQUEST},
		{"1,1", COAP_BAD_REQUEST},
		{"1,", COAP_BAD_REQUEST},
		{",1", COAP_BAD_REQUEST},
		{"1='x", COAP_BAD_REQUEST},
		{"1=x", COAP_BAD_REQUEST},
		{"1='a b'", COAP_BAD_REQUEST},
		{"1='x'2", COAP_BAD_REQUEST},
		{"1=", COAP_BAD_REQUEST},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(post("/1/0/8", cases[i].arguments), cases[i].code);
}

static void only_what_can_be_executed_is(void **state)
{
	(void)state;
	assert_int_equal(post("/3/0/0", ""), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(post("/3/0/99", ""), COAP_NOT_FOUND);
	assert_int_equal(post("/3/0/11/0", ""), COAP_METHOD_NOT_ALLOWED);
	struct ask ask = {COAP_POST, "/3/0/4", COAP_FORMAT_NONE, PAYLOAD_TLV, bytes_of_text("5"), NULL};
	assert_int_equal(send(ask), COAP_UNSUPPORTED_CONTENT_FORMAT);
	assert_false(world.wants_reboot);
}

/* 901, 905, 910 */
static void statistics_count_between_start_and_stop(void **state)
{
	(void)state;
	expect_text("/7/0/2", "0");
	assert_int_equal(post("/7/0/6", ""), COAP_CHANGED);
	world.sample.sent_bytes += 4000;
	world.sample.received_bytes += 7999;
	expect_text("/7/0/2", "4");
	expect_text("/7/0/3", "7");
	assert_int_equal(post("/7/0/7", ""), COAP_CHANGED);
	world.sample.sent_bytes += 4000;
	expect_text("/7/0/2", "4");
	assert_int_equal(put_text("/7/0/8", "60"), COAP_CHANGED);
	expect_text("/7/0/8", "60");
	assert_int_equal(put_text("/7/0/8", "-1"), COAP_BAD_REQUEST);
}

/* ---- Firmware Update ---- */

/* 751 */
static void firmware_shows_state_result_protocols_and_delivery(void **state)
{
	(void)state;
	expect_text("/5/0/3", "0");
	expect_text("/5/0/5", "0");
	expect_text("/5/0/8/0", "1");
	expect_text("/5/0/9", "2");
	expect_text("/5/0/1", "");
	assert_int_equal(get("/5/0/7", COAP_FORMAT_TEXT), COAP_NOT_FOUND);
}

/* 756, 771, 778 */
static void a_package_uri_starts_an_update_and_tells_the_composer(void **state)
{
	(void)state;
	assert_int_equal(put_text("/5/0/1", OUR_URI), COAP_CHANGED);
	assert_true(world.has_update_outcome);
	assert_true(world.update_outcome.wants_manifest);
	expect_text("/5/0/3", "1");
	expect_text("/5/0/1", OUR_URI);
	assert_int_equal(put_text("/5/0/1", "coaps://192.0.2.1:5684/other"), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(put_text("/5/0/1", ""), COAP_CHANGED);
	expect_text("/5/0/3", "0");
	assert_int_equal(put_text("/5/0/1", "http://192.0.2.1/x"), COAP_CHANGED);
	expect_text("/5/0/5", "9");
	assert_int_equal(put_text("/5/0/1", "coaps://192.0.2.9/x"), COAP_CHANGED);
	expect_text("/5/0/5", "7");
}

/* 755 */
static void a_pushed_package_is_refused_but_a_zero_byte_resets(void **state)
{
	(void)state;
	struct ask ask = {COAP_PUT, "/5/0/0", COAP_FORMAT_NONE, COAP_FORMAT_OCTETS, bytes_of("\0", 1), NULL};
	(void)put_text("/5/0/1", "http://x/");
	assert_int_equal(send(ask), COAP_CHANGED);
	expect_text("/5/0/5", "0");
	ask.body = bytes_of_text("image");
	assert_int_equal(send(ask), COAP_METHOD_NOT_ALLOWED);
	expect_text("/5/0/3", "0");
}

/* 772 */
static void update_and_cancel_are_refused_while_idle(void **state)
{
	(void)state;
	assert_int_equal(post("/5/0/2", ""), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(post("/5/0/10", ""), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(put_text("/5/0/1", OUR_URI), COAP_CHANGED);
	assert_int_equal(post("/5/0/2", ""), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(post("/5/0/10", ""), COAP_CHANGED);
	expect_text("/5/0/5", "10");
}

static void reach_downloaded(void)
{
	struct journal_image described = disk_describe(image, sizeof image, "1.1.0", 5);
	struct deploy_outcome outcome;
	assert_int_equal(put_text("/5/0/1", OUR_URI), COAP_CHANGED);
	struct update_event arrived = {
		.kind = UPDATE_MANIFEST_ARRIVED, .envelope = bytes_of_text("envelope"), .image = &described};
	deploy_event(&deploy, &arrived, now, &outcome);
	for (uint32_t i = 0; i < 19; i++)
		(void)deploy_block(&deploy, i,
			bytes_first(bytes_from(bytes_of(image, sizeof image), (size_t)i * 16), 16), now, &outcome);
	while (deploy.update.phase == UPDATE_VERIFY)
		deploy_tick(&deploy, now, &outcome);
	expect_text("/5/0/3", "2");
}

/* 770 */
static void execute_is_accepted_when_downloaded_and_journalled_before_the_answer(void **state)
{
	(void)state;
	struct journal_state back;
	int error;
	reach_downloaded();
	expect_text("/5/0/7", "1.1.0");
	assert_int_equal(post("/5/0/2", ""), COAP_CHANGED);
	expect_text("/5/0/3", "3");
	assert_int_equal(journal_load(&ports.journal, record_scratch, &back, &error), JOURNAL_LOADED);
	assert_int_equal(back.phase, JOURNAL_TRIAL);
	assert_int_equal(disk.active, SLOT_A);
	assert_int_equal(post("/5/0/2", ""), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(put_text("/5/0/1", ""), COAP_METHOD_NOT_ALLOWED);
}

static void an_order_that_cannot_be_journalled_is_answered_5_00(void **state)
{
	(void)state;
	reach_downloaded();
	disk.fail_stores = -ENOSPC;
	assert_int_equal(post("/5/0/2", ""), COAP_INTERNAL_SERVER_ERROR);
	expect_text("/5/0/3", "2");
}

/* ---- composites: 229, 230, 235, 236, 280, 281 ---- */

static enum coap_code fetch(struct bytes names)
{
	return send((struct ask){COAP_FETCH, "/", COAP_FORMAT_NONE, PAYLOAD_SENML_CBOR, names, NULL});
}

static void a_composite_read_gives_what_is_there_and_leaves_out_the_rest(void **state)
{
	(void)state;
	struct record list[OBJECTS_RECORDS_MAX];
	/* interface section 16.2: /3/0/0, /3/0/9, /1/0/1; there is no battery */
	struct bytes names = bytes_of("\x83\xa1\x00\x66/3/0/0\xa1\x00\x66/3/0/9\xa1\x00\x66/1/0/1", 28);
	assert_int_equal(fetch(names), COAP_CONTENT);
	assert_int_equal(read_back("/", list, 32), 2);
	assert_true(path_equal(list[1].path, path_of_resource(1, 0, 1)));
	assert_int_equal(fetch(bytes_of("\x81\xa1\x00\x61/", 5)), COAP_CONTENT);
	size_t count = read_back("/", list, OBJECTS_RECORDS_MAX);
	assert_true(count > 40);
	for (size_t i = 0; i < count; i++)
		assert_int_not_equal(list[i].path.ids[0], MODEL_SECURITY);
	assert_int_equal(fetch(bytes_of("\x81\xa1\x00\x64/0/0", 8)), COAP_UNAUTHORIZED);
	assert_int_equal(fetch(bytes_of("\x81\xa1\x00", 3)), COAP_BAD_REQUEST);
	struct ask ask = {COAP_FETCH, "/", COAP_FORMAT_NONE, PAYLOAD_TLV, names, NULL};
	assert_int_equal(send(ask), COAP_UNSUPPORTED_CONTENT_FORMAT);
}

static void a_composite_write_is_all_or_nothing(void **state)
{
	(void)state;
	/* /1/0/1 = 90, /1/0/6 = false */
	struct bytes good = bytes_of("\x82\xa2\x00\x66/1/0/1\x02\x18\x5a\xa2\x00\x66/1/0/6\x04\xf4", 24);
	/* /1/0/1 = 91, /3/0/0 = "x" */
	struct bytes bad = bytes_of("\x82\xa2\x00\x66/1/0/1\x02\x18\x5b\xa2\x00\x66/3/0/0\x03\x61x", 25);
	struct ask ask = {COAP_IPATCH, "/", COAP_FORMAT_NONE, PAYLOAD_SENML_CBOR, good, NULL};
	assert_int_equal(send(ask), COAP_CHANGED);
	expect_text("/1/0/1", "90");
	expect_text("/1/0/6", "0");
	ask.body = bad;
	assert_int_equal(send(ask), COAP_METHOD_NOT_ALLOWED);
	expect_text("/1/0/1", "90");
	assert_int_equal(get("/", COAP_FORMAT_NONE), COAP_METHOD_NOT_ALLOWED);
}

/* ---- the registration's list ---- */

static void the_list_of_objects_is_that_of_the_contract(void **state)
{
	(void)state;
	uint8_t text[512];
	struct writer w = writer_of(text, sizeof text);
	objects_write_links(&objects, &w);
	assert_false(w.failed);
	response.payload = writer_bytes(&w);
	assert_true(says("</>;ct=\"60 110 112 11542 11544\","));
	assert_true(says("</1/0>"));
	assert_true(says("</5>;ver=1.1"));
	assert_true(says("</5/0>"));
	assert_true(says("</26250/0>"));
	assert_false(says("</0"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
	const struct CMUnitTest tests[] = {
		TEST(the_device_says_who_made_it_as_text),
		TEST(an_instance_is_read_in_every_format_for_several_values),
		TEST(object_instance_resource_and_resource_instance_are_read),
		TEST(without_accept_the_answer_is_senml_cbor),
		TEST(every_value_has_the_type_that_the_model_gives_it),
		TEST(every_mandatory_resource_is_there),
		TEST(host_health_shows_the_machine_and_the_payload),
		TEST(each_watched_service_is_an_instance),
		TEST(connectivity_shows_bearer_and_addresses),
		TEST(what_is_not_there_gives_4_04),
		TEST(what_cannot_be_read_gives_4_05),
		TEST(instances_can_be_read_in_lwm2m_cbor),
		TEST(a_format_that_cannot_hold_the_answer_gives_4_06),
		TEST(security_is_closed_to_every_operation),
		TEST(discover_lists_what_is_there_with_dimensions),
		TEST(discover_goes_as_deep_as_it_is_asked_to),
		TEST(attributes_show_where_they_were_written_and_on_the_target_that_inherits_them),
		TEST(attributes_that_make_no_sense_change_nothing),
		TEST(an_observation_may_come_with_attributes_of_its_own),
		TEST(a_full_table_of_attributes_refuses_and_keeps_what_it_has),
		TEST(server_resources_are_written_and_read_back),
		TEST(a_new_lifetime_is_durable_and_goes_to_the_registration),
		TEST(what_cannot_be_stored_has_not_been_written),
		TEST(a_partial_update_leaves_the_rest_alone),
		TEST(a_replace_resets_what_it_leaves_out_and_needs_what_is_mandatory),
		TEST(a_write_to_what_is_read_only_changes_nothing),
		TEST(bad_values_and_formats_are_told_apart),
		TEST(instances_are_neither_created_nor_deleted),
		TEST(portfolio_instances_are_created_listed_and_deleted),
		TEST(an_instance_without_a_number_gets_the_first_free_one_and_is_told),
		TEST(what_cannot_be_created_leaves_everything_as_it_was),
		TEST(single_values_of_a_multiple_resource_are_written_and_deleted),
		TEST(the_portfolio_outlives_the_agent_and_a_full_disk_refuses_it),
		TEST(a_deleted_instance_takes_its_attributes_with_it),
		TEST(reboot_is_a_wish_until_the_answer_has_left),
		TEST(arguments_of_execute_follow_their_grammar),
		TEST(only_what_can_be_executed_is),
		TEST(statistics_count_between_start_and_stop),
		TEST(firmware_shows_state_result_protocols_and_delivery),
		TEST(a_package_uri_starts_an_update_and_tells_the_composer),
		TEST(a_pushed_package_is_refused_but_a_zero_byte_resets),
		TEST(update_and_cancel_are_refused_while_idle),
		TEST(execute_is_accepted_when_downloaded_and_journalled_before_the_answer),
		TEST(an_order_that_cannot_be_journalled_is_answered_5_00),
		TEST(a_composite_read_gives_what_is_there_and_leaves_out_the_rest),
		TEST(a_composite_write_is_all_or_nothing),
		TEST(the_list_of_objects_is_that_of_the_contract),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
