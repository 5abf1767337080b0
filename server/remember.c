/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What devices tell goes into the history (history.h), besides whatever else it is good for. */
#include "server/composer.h"

#include "mgmt/payload.h"

struct report {
	uint16_t format;
	struct path base;
	struct bytes body;
	wall_msec arrived;
};

static void open_report(struct server *s, const struct report *report, const struct model *model, struct arena *scratch,
	struct payload_reader *ret)
{
	arena_init(scratch, s->scratch, sizeof s->scratch);
	payload_reader_init(ret, report->format, report->base, report->body, model, scratch);
	payload_reader_allow_prefix(ret);
}

/* A report may hold history, and a clock that is wrong is wrong for all of it. */
static wall_msec shift_of(struct server *s, const struct report *report, const struct model *model)
{
	wall_msec newest = INT64_MIN;
	struct payload_reader reader;
	struct record record;
	struct arena scratch;
	open_report(s, report, model, &scratch, &reader);
	for (size_t i = 0; i < SERVER_RECORDS_MAX && payload_next(&reader, &record); i++) {
		wall_msec at = history_moment(&record, report->arrived);
		newest = at > newest ? at : newest;
	}
	return newest == INT64_MIN ? 0 : history_shift(newest, report->arrived);
}

void server_remember(
	struct server *s, const struct device *device, uint16_t format, struct path base, struct bytes body, msec now)
{
	struct report report = {format, base, body, server_wall(s, now)};
	struct model_choice choices[DEVICE_OBJECTS_MAX];
	struct payload_reader reader;
	struct history_sample sample;
	struct record record;
	struct arena scratch;
	if (s->ports.history.add == NULL)
		return;
	struct model model = server_device_model(s, device, choices);
	wall_msec shift = shift_of(s, &report, &model);
	open_report(s, &report, &model, &scratch, &reader);
	for (size_t i = 0; i < SERVER_RECORDS_MAX && payload_next(&reader, &record); i++)
		if (history_sample_of(&record, device->record.name, report.arrived, shift, &sample))
			s->ports.history.add(s->ports.history.context, &sample);
}

void server_forget_history(struct server *s, const struct device *device)
{
	if (s->ports.history.forget != NULL)
		s->ports.history.forget(s->ports.history.context, device->record.name);
}

bool server_history(const struct server *s, const struct history_question *question, struct history_point *points,
	size_t *ret_count)
{
	*ret_count = 0;
	return s->ports.history.read != NULL &&
	       s->ports.history.read(s->ports.history.context, question, points, ret_count);
}

struct history_counts server_history_counts(const struct server *s)
{
	struct history_counts counts = {.kept = 0};
	if (s->ports.history.count != NULL)
		s->ports.history.count(s->ports.history.context, &counts);
	return counts;
}
