/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Devices and their health as people read them, from the server's JSON. */
#pragma once

#include "cli/table.h"

#include <jansson.h>

#define DEVICE_TEXT_BYTES 64

/* One row: device, state, firmware, model, update, cpu, memory, last seen. */
void device_add_row(struct table *t, const json_t *device);
/* All of it, one fact a line. */
void device_print(const json_t *device, bool with_color);

/* "12.5 %", "61.2 °C", "63 MiB of 128 MiB"; "-" for what was not measured. */
void device_write_cpu(const json_t *health, char ret[DEVICE_TEXT_BYTES]);
void device_write_memory(const json_t *health, char ret[DEVICE_TEXT_BYTES]);
void device_write_disk(const json_t *health, char ret[DEVICE_TEXT_BYTES]);
void device_write_temperature(const json_t *health, char ret[DEVICE_TEXT_BYTES]);
/* "running 1.1.0, restarted 3 times" */
void device_write_payload(const json_t *health, char ret[DEVICE_TEXT_BYTES]);
