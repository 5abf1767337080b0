/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/shelf.h"

#include "agent/journal.h"

struct bytes shelf_load(const struct shelf_port *port, enum shelf_record which, void *buffer, size_t capacity)
{
	int len = port->load == NULL ? 0 : port->load(port->context, which, buffer, capacity);
	if (len < SHELF_HEAD_BYTES || (size_t)len > capacity)
		return BYTES_NONE;
	struct reader r = reader_of(bytes_of(buffer, (size_t)len));
	uint32_t crc = read_u32(&r);
	struct bytes content = read_bytes(&r, reader_left(&r));
	return journal_crc32(content) == crc ? content : BYTES_NONE;
}

int shelf_store(const struct shelf_port *port, enum shelf_record which, uint8_t *record, size_t len)
{
	struct writer w = writer_of(record, SHELF_HEAD_BYTES);
	if (port->store == NULL)
		return 0;
	write_u32(&w, journal_crc32(bytes_of(record + SHELF_HEAD_BYTES, len - SHELF_HEAD_BYTES)));
	return port->store(port->context, which, bytes_of(record, len));
}
