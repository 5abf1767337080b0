/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What devices tell goes into the history (history.h), besides whatever else it is good for. */
#include "server/composer.h"

#include "mgmt/payload.h"

void server_remember(
	struct server *s, const struct device *device, uint16_t format, struct path base, struct bytes body, msec now)
{
	struct model_choice choices[DEVICE_OBJECTS_MAX];
	struct payload_reader reader;
	struct history_sample sample;
	struct record record;
	struct arena scratch;
	if (s->ports.history.add == NULL)
		return;
	struct model model = server_device_model(s, device, choices);
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	payload_reader_init(&reader, format, base, body, &model, &scratch);
	for (size_t i = 0; i < SERVER_RECORDS_MAX && payload_next(&reader, &record); i++)
		if (history_sample_of(&record, device->record.name, server_wall(s, now), &sample))
			s->ports.history.add(s->ports.history.context, &sample);
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
