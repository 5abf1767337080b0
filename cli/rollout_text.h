/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rollouts as people read them, from the server's JSON. */
#pragma once

#include "cli/mgmtctl.h"

#define ROLLOUT_TEXT_BYTES 128

/* "1,5,25%" as [1, 5, "25%"]; NULL when it is no such list. */
json_t *rollout_waves_json(const char *list);
/* "3 of 5 confirmed, 1 failed, 1 skipped" */
void rollout_write_counts(const json_t *rollout, char ret[ROLLOUT_TEXT_BYTES]);
/* How far a device, or the whole rollout, has come, from 0 to 1. Downloads are the larger part of the way. */
double rollout_device_share(const json_t *device);
double rollout_share(const json_t *rollout);
enum table_color rollout_color(const char *state);
/* Whether the state has no next one without an operator: completed, aborted, halted. */
bool rollout_is_over(const char *state);

/* A title, a bar for each device, at most `rows` of them, those at work first, and a bar of all. Gives the number of
 * lines. */
size_t rollout_print(const json_t *rollout, size_t rows, bool with_color, FILE *out);

enum exit_status run_rollout_watch(struct mgmtctl *m);
