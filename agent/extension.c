/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/extension.h"

#include <assert.h>

void extension_init(struct extension *x, const struct extension_values *values, msec patience)
{
	memset(x, 0, sizeof *x);
	x->values = *values;
	x->patience = patience;
	x->at = NEVER;
}

/* ---- what it has ---- */

const struct model_object *extension_object(const struct extension *x, uint16_t object)
{
	for (size_t i = 0; i < x->definition.object_count; i++)
		if (x->definition.objects[i].id == object)
			return &x->definition.objects[i];
	return NULL;
}

static size_t find_instance(const struct extension *x, struct path instance)
{
	size_t i = 0; /* the number of instances when it is not there */
	while (i < x->instance_count && !path_equal(x->instances[i], instance))
		i++;
	return i;
}

bool extension_has_instance(const struct extension *x, struct path instance)
{
	return find_instance(x, instance) < x->instance_count;
}

static bool may_have(const struct extension *x, struct path instance)
{
	const struct model_object *object = extension_object(x, instance.ids[0]);
	return object != NULL && (object->is_multiple || instance.ids[1] == 0);
}

/* Whether it may tell a value of this path. */
static bool may_tell(const struct extension *x, const struct model *model, struct path path)
{
	const struct model_resource *r = path.depth < 3 ? NULL : model_resource(model, path.ids[0], path.ids[2]);
	return r != NULL && (r->operations & MODEL_READ) != 0 && r->is_multiple == (path.depth == 4) &&
	       extension_has_instance(x, path_cut(path, 2));
}

/* ---- its life ---- */

static void enter(struct extension *x, enum extension_state state, msec at)
{
	x->state = state;
	x->at = at;
	x->late = x->faults = x->lines = 0;
	x->second = x->refreshed = NEVER;
	x->tells = x->must_stop = false;
	for (size_t i = 0; i < EXTENSION_QUESTIONS_MAX; i++)
		x->questions[i].is_lost = x->questions[i].id != 0;
}

void extension_open(struct extension *x, const struct extension_definition *definition, msec now)
{
	assert(definition->object_count >= 1 && definition->object_count <= EXTENSION_OBJECTS_MAX);
	x->definition = *definition;
	x->instance_count = 0;
	for (size_t i = 0; i < definition->object_count; i++)
		x->instances[x->instance_count++] = path_of_instance(definition->objects[i].id, 0);
	x->backoff = EXTENSION_BACKOFF_FIRST;
	extension_values_clear(&x->values);
	enter(x, EXTENSION_WAITING, now);
}

void extension_close(struct extension *x)
{
	x->definition = (struct extension_definition){.object_count = 0};
	x->instance_count = 0;
	extension_values_clear(&x->values);
	enter(x, EXTENSION_ABSENT, NEVER);
}

void extension_started(struct extension *x, msec now)
{
	enter(x, EXTENSION_RUNNING, now);
}

void extension_ended(struct extension *x, msec now)
{
	if (x->state == EXTENSION_RUNNING && now - x->at >= EXTENSION_GOOD_LIFE)
		x->backoff = EXTENSION_BACKOFF_FIRST;
	enter(x, EXTENSION_WAITING, msec_after(now, x->backoff));
	x->backoff = msec_earlier(2 * x->backoff, EXTENSION_BACKOFF_MAX);
}

/* ---- asking ---- */

/* Numbers of answers that are late must not meet new questions. */
static uint32_t next_id(struct extension *x)
{
	x->last_id = x->last_id == UINT32_MAX ? 1 : x->last_id + 1;
	return x->last_id;
}

uint32_t extension_ask(
	struct extension *x, enum extension_op op, struct path path, struct extension_asker asker, msec now)
{
	for (size_t i = 0; x->state == EXTENSION_RUNNING && i < EXTENSION_QUESTIONS_MAX; i++) {
		if (x->questions[i].id != 0)
			continue;
		x->questions[i] = (struct extension_question){.id = next_id(x),
			.op = op,
			.path = path,
			.asker = asker,
			.deadline = msec_after(now, x->patience)};
		return x->questions[i].id;
	}
	return 0;
}

bool extension_refresh(struct extension *x, msec now)
{
	bool is_fresh = x->refreshed != NEVER && now - x->refreshed < EXTENSION_REFRESH;
	if (x->state != EXTENSION_RUNNING || x->tells || is_fresh)
		return false;
	x->refreshed = now;
	return true;
}

static struct extension_question *find_question(struct extension *x, uint32_t id)
{
	for (size_t i = 0; i < EXTENSION_QUESTIONS_MAX; i++)
		if (id != 0 && x->questions[i].id == id && !x->questions[i].is_lost)
			return &x->questions[i];
	return NULL;
}

void extension_withdraw(struct extension *x, uint32_t id)
{
	struct extension_question *q = find_question(x, id);
	if (q != NULL)
		*q = (struct extension_question){.id = 0};
}

uint8_t extension_questions(const struct extension *x)
{
	uint8_t count = 0;
	for (size_t i = 0; i < EXTENSION_QUESTIONS_MAX; i++)
		count = (uint8_t)(count + (x->questions[i].id != 0));
	return count;
}

/* Gives the slot back. */
static void conclude(
	struct extension_question *q, enum coap_code code, struct bytes reason, struct extension_outcome *ret)
{
	*ret = (struct extension_outcome){
		.asker = q->asker, .op = q->op, .path = q->path, .code = code, .reason = reason};
	*q = (struct extension_question){.id = 0};
}

/* ---- listening ---- */

static enum extension_heard nonsense(struct extension *x)
{
	x->faults++;
	x->must_stop = x->faults >= EXTENSION_FAULTS_MAX;
	return EXTENSION_HEARD_NONSENSE;
}

/* All of them or none. */
static bool take_values(struct extension *x, const struct path *gone, const struct extension_line *line,
	struct path asked, struct extension_desk *desk)
{
	size_t count;
	if (!extension_line_values(
		    line, asked, desk->model, desk->scratch, desk->records, EXTENSION_VALUES_MAX, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!may_tell(x, desk->model, desk->records[i].path))
			return false;
	return extension_values_take(&x->values, gone, desk->records, count, desk->spare);
}

static bool add_instance(struct extension *x, struct path instance)
{
	if (extension_has_instance(x, instance))
		return true;
	if (x->instance_count == EXTENSION_INSTANCES_MAX || !may_have(x, instance))
		return false;
	size_t at = x->instance_count++;
	for (; at > 0 && path_compare(x->instances[at - 1], instance) > 0; at--)
		x->instances[at] = x->instances[at - 1];
	x->instances[at] = instance;
	return true;
}

static void remove_instance(struct extension *x, struct path instance)
{
	size_t at = find_instance(x, instance);
	if (at == x->instance_count)
		return;
	x->instance_count--;
	for (; at < x->instance_count; at++)
		x->instances[at] = x->instances[at + 1];
	extension_values_forget(&x->values, instance);
}

/* What it has agreed to. */
static bool take_effect(struct extension *x, const struct extension_question *q, const struct extension_line *line,
	struct extension_desk *desk)
{
	switch (q->op) {
	case EXTENSION_READ:
		return take_values(x, &q->path, line, q->path, desk);
	case EXTENSION_CREATE:
		return add_instance(x, q->path);
	case EXTENSION_DELETE:
		remove_instance(x, q->path);
		return true;
	case EXTENSION_WRITE:
	case EXTENSION_EXECUTE:
		return true;
	}
	return false;
}

static enum extension_heard take_answer(struct extension *x, const struct extension_line *line,
	struct extension_desk *desk, struct extension_outcome *ret)
{
	struct extension_question *q = find_question(x, line->id);
	x->late = 0;
	if (q == NULL)
		return EXTENSION_HEARD_NOTHING;
	if (line->error == COAP_NOT_FOUND && q->op == EXTENSION_READ)
		extension_values_forget(&x->values, q->path);
	if (line->error == COAP_EMPTY && !take_effect(x, q, line, desk)) {
		(void)nonsense(x);
		conclude(q, COAP_BAD_GATEWAY, bytes_of_text("the extension's answer cannot be used"), ret);
		return EXTENSION_HEARD_ANSWER;
	}
	x->faults = 0;
	conclude(q, line->error, line->reason, ret);
	return EXTENSION_HEARD_ANSWER;
}

static bool is_in(const struct path *list, size_t count, struct path path)
{
	for (size_t i = 0; i < count; i++)
		if (path_equal(list[i], path))
			return true;
	return false;
}

static bool are_good(const struct extension *x, const struct path *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!may_have(x, list[i]) || is_in(list, i, list[i]))
			return false;
	return true;
}

/* The list is whole: what is not in it is not there. */
static enum extension_heard take_instances(
	struct extension *x, const struct extension_line *line, struct extension_desk *desk)
{
	struct path list[EXTENSION_INSTANCES_MAX];
	size_t count;
	bool has_changed = false;
	if (!extension_line_instances(line, desk->scratch, list, EXTENSION_INSTANCES_MAX, &count) ||
		!are_good(x, list, count))
		return nonsense(x);
	for (size_t i = x->instance_count; i-- > 0;) {
		if (is_in(list, count, x->instances[i]))
			continue;
		has_changed = true;
		remove_instance(x, x->instances[i]);
	}
	for (size_t i = 0; i < count; i++) {
		has_changed = has_changed || !extension_has_instance(x, list[i]);
		(void)add_instance(x, list[i]);
	}
	x->faults = 0;
	return has_changed ? EXTENSION_HEARD_INSTANCES : EXTENSION_HEARD_NOTHING;
}

static bool talks_too_much(struct extension *x, msec now)
{
	if (x->second == NEVER || now - x->second >= SECONDS(1)) {
		x->second = now;
		x->lines = 0;
	}
	x->lines++;
	return x->lines > EXTENSION_LINES_MAX;
}

static enum extension_heard take_line(struct extension *x, const struct extension_line *line,
	struct extension_desk *desk, struct extension_outcome *ret)
{
	switch (line->kind) {
	case EXTENSION_LINE_ANSWER:
		return take_answer(x, line, desk, ret);
	case EXTENSION_LINE_NOTIFY:
		if (!take_values(x, NULL, line, PATH_ROOT, desk))
			return nonsense(x);
		x->faults = 0;
		x->tells = true;
		return EXTENSION_HEARD_NEWS;
	case EXTENSION_LINE_INSTANCES:
		return take_instances(x, line, desk);
	}
	return EXTENSION_HEARD_NOTHING;
}

enum extension_heard extension_receive(
	struct extension *x, struct bytes line, struct extension_desk *desk, msec now, struct extension_outcome *ret)
{
	struct extension_line parsed;
	if (x->state != EXTENSION_RUNNING || x->must_stop)
		return EXTENSION_HEARD_NOTHING;
	bool is_line = line.len <= EXTENSION_LINE_BYTES_MAX && extension_line_parse(line, desk->scratch, &parsed);
	bool was_asked = is_line && parsed.kind == EXTENSION_LINE_ANSWER && find_question(x, parsed.id) != NULL;
	if (!was_asked && talks_too_much(x, now)) {
		x->must_stop = true;
		return EXTENSION_HEARD_NONSENSE;
	}
	return is_line ? take_line(x, &parsed, desk, ret) : nonsense(x);
}

/* ---- time ---- */

msec extension_deadline(const struct extension *x)
{
	msec at = x->state == EXTENSION_WAITING ? x->at : NEVER;
	if (x->must_stop)
		return 0;
	for (size_t i = 0; i < EXTENSION_QUESTIONS_MAX; i++)
		if (x->questions[i].id != 0)
			at = msec_earlier(at, x->questions[i].is_lost ? 0 : x->questions[i].deadline);
	return at;
}

/* A question that is lost or late. */
static bool give_up(struct extension *x, msec now, struct extension_outcome *ret)
{
	for (size_t i = 0; i < EXTENSION_QUESTIONS_MAX; i++) {
		struct extension_question *q = &x->questions[i];
		if (q->id == 0 || (!q->is_lost && q->deadline > now))
			continue;
		if (q->is_lost) {
			conclude(q, COAP_SERVICE_UNAVAILABLE, bytes_of_text("the extension has ended"), ret);
			return true;
		}
		x->late++;
		conclude(q, COAP_GATEWAY_TIMEOUT, bytes_of_text("the extension has not answered in time"), ret);
		return true;
	}
	return false;
}

enum extension_duty extension_due(struct extension *x, msec now, struct extension_outcome *ret)
{
	if (give_up(x, now, ret))
		return EXTENSION_DUTY_TELL;
	if (x->state == EXTENSION_RUNNING && (x->must_stop || x->late >= EXTENSION_LATE_MAX)) {
		enum extension_duty duty = x->must_stop ? EXTENSION_DUTY_STOP_BROKEN : EXTENSION_DUTY_STOP_HANGING;
		extension_ended(x, now);
		return duty;
	}
	return x->state == EXTENSION_WAITING && x->at <= now ? EXTENSION_DUTY_START : EXTENSION_DUTY_NONE;
}
