/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whatever a server may ask of the objects: method, formats, path, query and body come from the input. Every request is
 * answered, and what is refused leaves the journal's state as it was. */
#include "agent/objects.h"

#include <assert.h>
#include <stdlib.h>

#define ANY_TIME 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Nothing that is written lasts, so every run begins alike. */
static int fail(void *context, enum journal_record which, struct bytes record)
{
	(void)context;
	(void)which;
	(void)record;
	return PORT_NO_SPACE;
}

static int fail_shelf(void *context, enum shelf_record which, struct bytes record)
{
	(void)context;
	(void)which;
	(void)record;
	return PORT_NO_SPACE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct object *const table[] = {&object_server, &object_device, &object_statistics, &object_host};
	static const struct platform_identity identity = {"m", "o", "s", "t", "h", {0}, {0}};
	static const struct deploy_config config = {.update.trials_max = 1};
	static const struct deploy_ports ports = {.journal.store = fail};
	static const struct shelf_port shelf = {.store = fail_shelf};
	static const struct accounts_factory factory = {.server_uri = "coap://h"};
	static struct record records[OBJECTS_RECORDS_MAX];
	static uint8_t arena_bytes[16384], record[JOURNAL_STATE_BYTES_MAX];
	struct report_attributes attributes[2];
	struct report_observation observations[1];
	struct deploy deploy = {.config = &config, .ports = &ports, .record = record, .restart_at = NEVER};
	struct registration registration = {.state = REGISTER_OFFLINE};
	struct report reports[ACCOUNTS_SERVERS_MAX] = {0};
	struct accounts accounts;
	struct object_world world = {.identity = &identity,
		.agent_version = "0",
		.deploy = &deploy,
		.accounts = &accounts,
		.registrations = {&registration},
		.shelf = &shelf};
	struct objects objects = {table, 4, &model_core, &world, reports, 0, false, records};
	struct coap_message message = {.code = COAP_EMPTY};
	struct arena arena;
	struct path path;
	uint8_t *exact = malloc(len + (len == 0));
	memcpy(exact, data, len);
	struct reader r = reader_of(bytes_of(exact, len));
	accounts_init(&accounts, &factory);
	report_init(&reports[0], attributes, 2, observations, 1, SECONDS(5));
	arena_init(&arena, arena_bytes, sizeof arena_bytes);
	message.code = (enum coap_code)(read_u8(&r) % 8);
	struct coap_request request = {
		.message = &message, .accept = read_u16(&r), .content_format = read_u16(&r), .scratch = &arena};
	struct coap_response response = {.code = COAP_EMPTY};
	bool is_path = path_parse(read_bytes(&r, read_u8(&r)), &path);
	struct bytes query = read_bytes(&r, read_u8(&r));
	message.options[message.option_count++] = (struct coap_option){COAP_OPTION_URI_QUERY, query};
	request.body = read_bytes(&r, reader_left(&r));
	if (is_path && !r.failed) {
		objects_handle(&objects, path, NULL, &request, &response, ANY_TIME);
		assert(coap_code_is_response(response.code));
		assert(accounts.servers[0].lifetime_s == 0 && registration.lifetime_s == 0);
	}
	free(exact);
	return 0;
}
