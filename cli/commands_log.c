/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * device log: the Event Log of a device (object 20), as lines. */
#include "cli/mgmtctl.h"
#include "cli/table.h"

#include "coap/base/arena.h"
#include "mgmt/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_PATH  "/resources?path=/20/0/4014"
#define LOG_BYTES 65536 /* of a log, and of a line: devices of others may keep more than ours */

/* Whatever a device says must not reach the terminal as it is. */
static void print_lines(struct bytes log)
{
	char line[1024];
	while (log.len > 0) {
		const uint8_t *end = memchr(log.data, '\n', log.len);
		size_t len = end == NULL ? log.len : (size_t)(end - log.data);
		snprintf(line, sizeof line, "%.*s", (int)(len < sizeof line ? len : sizeof line),
			(const char *)log.data);
		char *safe = table_safe_text(line);
		puts(safe);
		free(safe);
		log = bytes_from(log, len + 1);
	}
}

static enum exit_status print_log(const char *base64)
{
	static uint8_t memory[LOG_BYTES];
	struct arena scratch;
	struct bytes log;
	arena_init(&scratch, memory, sizeof memory);
	if (base64 == NULL ||
		text_decode_base64(bytes_of_text(base64), TEXT_BASE64_PADDED, &scratch, &log) != TEXT_GOOD)
		return complain(
			EXIT_REFUSED, "what the device gives as its log is none, or longer than %d bytes", LOG_BYTES);
	if (log.len == 0)
		puts("Nothing has happened since the log was emptied.");
	print_lines(log);
	return EXIT_DONE;
}

static enum exit_status run_log(struct mgmtctl *m)
{
	enum exit_status status;
	json_t *answer = api_call(m, "GET", api_path("devices", m->arguments->operands[0], LOG_PATH), NULL, &status);
	if (answer == NULL)
		return status;
	const json_t *value = json_array_get(json_object_get(answer, "values"), 0);
	if (m->is_json)
		print_json(answer);
	else
		status = print_log(text_member(value, "value"));
	json_decref(answer);
	return status;
}

const struct command commands_log[] = {
	{"device log", "EP", "shows what has happened on the device, as it has kept it",
		"The Event Log (object 20) of a device that has one: the latest four kilobytes of its agent's log, "
		"kept "
		"over\n"
		"restarts. mgmtctl execute EP /20/0/4011 empties it.",
		NULL, 1, 1, run_log},
	{0},
};
