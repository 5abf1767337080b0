/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a Bootstrap server may write into /0, whose length comes first, and /1, in TLV: accounts that are found good are
 * those that come back from the disk. */
#include "agent/accounts.h"
#include "mgmt/model.h"
#include "mgmt/payload.h"

#include <assert.h>
#include <stdlib.h>

static uint8_t kept[ACCOUNTS_RECORD_BYTES];
static size_t kept_len;

static int load(void *context, enum shelf_record which, void *buffer, size_t capacity)
{
	(void)context;
	(void)which;
	memcpy(buffer, kept, kept_len < capacity ? kept_len : capacity);
	return (int)kept_len;
}

static int store(void *context, enum shelf_record which, struct bytes record)
{
	(void)context;
	(void)which;
	memcpy(kept, record.data, kept_len = record.len);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct accounts_factory factory = {"", "coaps://boot.example", 0};
	const struct shelf_port shelf = {NULL, load, store};
	static uint8_t arena_bytes[8192], record_bytes[ACCOUNTS_RECORD_BYTES];
	struct accounts a, back;
	struct arena arena;
	struct payload_reader r;
	struct record record;
	uint8_t *exact = malloc(len + (len == 0));
	memcpy(exact, data, len);
	struct reader parts = reader_of(bytes_of(exact, len));
	arena_init(&arena, arena_bytes, sizeof arena_bytes);
	accounts_init(&a, &factory);
	for (uint16_t object = 0; object < 2; object++) {
		struct bytes part = read_bytes(&parts, object == 0 ? read_u8(&parts) : reader_left(&parts));
		payload_reader_init(&r, PAYLOAD_TLV, path_of_object(object), part, &model_core, &arena);
		while (payload_next(&r, &record)) {
			const struct model_resource *m = model_resource(&model_core, object, record.path.ids[2]);
			if (m != NULL && model_accepts(m, &record.value))
				(void)accounts_write(&a, record.path, &record.value);
		}
	}
	if (accounts_fault(&a) == NULL) {
		assert(accounts_store(&a, &shelf, record_bytes) == 0);
		assert(accounts_load(&back, &factory, &shelf, record_bytes) && accounts_fault(&back) == NULL);
		assert(accounts_server_count(&back) == accounts_server_count(&a));
	}
	free(exact);
	return 0;
}
