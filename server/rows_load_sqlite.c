/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The reading half of rows_sqlite.h: what a row holds is believed only as far as we could have written it. */
#include "server/rows_sqlite.h"

#include "mgmt/registration.h"
#include "server/label.h"

#include <stdio.h>

/* ---- reading: columns are taken in the order of the table ---- */

struct taker {
	sqlite3_stmt *statement;
	int column;
	const struct sealing *sealing;
	bool failed;        /* something was not what we write */
	bool is_unreadable; /* something is sealed under another secret */
};

static int64_t take_number(struct taker *t, int64_t max)
{
	int64_t value = sqlite3_column_int64(t->statement, t->column++);
	if (value >= 0 && value <= max)
		return value;
	t->failed = true;
	return 0;
}

static bool take_flag(struct taker *t)
{
	return take_number(t, 1) == 1;
}

static struct bytes take_bytes(struct taker *t)
{
	const void *data = sqlite3_column_blob(t->statement, t->column);
	int len = sqlite3_column_bytes(t->statement, t->column++);
	return bytes_of(data, (size_t)len);
}

static void take_text(struct taker *t, char *out, size_t capacity)
{
	struct bytes text = take_bytes(t);
	if (text.len > 0 && !label_set(out, capacity, text))
		t->failed = true;
}

static void take_blob(struct taker *t, uint8_t *out, size_t len)
{
	struct bytes blob = take_bytes(t);
	if (blob.len == len)
		memcpy(out, blob.data, len);
	else
		t->failed = true;
}

/* As bind_sealed writes it. What is as long as the secret itself was written before secrets were sealed. */
static void take_sealed(struct taker *t, struct bytes owner, uint8_t *out, size_t len)
{
	struct bytes blob = take_bytes(t);
	if (blob.len == len)
		memcpy(out, blob.data, len);
	else if (t->sealing == NULL || !sealing_open(t->sealing, owner, blob, out, len))
		t->is_unreadable = true;
}

/* The next word of a list; false at the end. */
static bool next_word(struct bytes *left, struct bytes *ret)
{
	if (left->len == 0)
		return false;
	const uint8_t *space = memchr(left->data, ' ', left->len);
	size_t len = space == NULL ? left->len : (size_t)(space - left->data);
	*ret = bytes_first(*left, len);
	*left = bytes_from(*left, len + 1);
	return true;
}

/* Takes what stands before `mark` off the front of a word, or all of it. */
static struct bytes take_until(struct bytes *word, char mark)
{
	const uint8_t *at = word->len == 0 ? NULL : memchr(word->data, mark, word->len);
	size_t len = at == NULL ? word->len : (size_t)(at - word->data);
	struct bytes part = bytes_first(*word, len);
	*word = bytes_from(*word, len + 1);
	return part;
}

static uint64_t parse(struct taker *t, struct bytes text, uint64_t max)
{
	uint64_t value = 0;
	if (!parse_decimal(text, max, &value))
		t->failed = true;
	return value;
}

static void take_formats(struct taker *t, struct registration *r)
{
	struct bytes list = take_bytes(t), word;
	while (next_word(&list, &word) && r->format_count < DEVICE_FORMATS_MAX)
		r->formats[r->format_count++] = (uint16_t)parse(t, word, UINT16_MAX);
}

static struct device_object parse_object(struct taker *t, struct bytes word)
{
	struct device_object o = {.instance = REGISTRATION_NO_INSTANCE};
	struct bytes path = take_until(&word, ':');
	o.object = (uint16_t)parse(t, take_until(&path, '/'), UINT16_MAX);
	if (path.len > 0)
		o.instance = (uint16_t)parse(t, path, UINT16_MAX);
	if (word.len > 0) {
		o.major = (uint8_t)parse(t, take_until(&word, '.'), UINT8_MAX);
		o.minor = (uint8_t)parse(t, word, UINT8_MAX);
	}
	return o;
}

static void take_objects(struct taker *t, struct registration *r)
{
	struct bytes list = take_bytes(t), word;
	while (next_word(&list, &word) && r->object_count < DEVICE_OBJECTS_MAX)
		r->objects[r->object_count++] = parse_object(t, word);
}

static bool visit_device(struct taker *t, const struct store_visitor *v)
{
	struct device_record d = {0};
	take_text(t, d.name, sizeof d.name);
	take_text(t, d.tags, sizeof d.tags);
	take_text(t, d.manufacturer, sizeof d.manufacturer);
	take_text(t, d.model, sizeof d.model);
	take_text(t, d.serial, sizeof d.serial);
	take_text(t, d.version, sizeof d.version);
	d.first_seen = take_number(t, INT64_MAX);
	return !t->failed && v->device(v->context, &d);
}

static bool visit_registration(struct taker *t, const struct store_visitor *v)
{
	struct registration r = {0};
	char device[DEVICE_NAME_MAX + 1] = "";
	take_text(t, device, sizeof device);
	take_text(t, r.location, sizeof r.location);
	r.major = (uint8_t)take_number(t, UINT8_MAX);
	r.minor = (uint8_t)take_number(t, UINT8_MAX);
	r.bindings = (uint8_t)take_number(t, UINT8_MAX);
	r.has_queue_mode = take_flag(t);
	r.has_more_objects = take_flag(t);
	r.lifetime_s = (uint32_t)take_number(t, UINT32_MAX);
	r.registered_at = take_number(t, INT64_MAX);
	r.renewed_at = take_number(t, INT64_MAX);
	t->failed |= !address_parse(take_bytes(t), 0, &r.address);
	take_formats(t, &r);
	take_objects(t, &r);
	take_text(t, r.prefix, sizeof r.prefix);
	t->failed |= r.prefix[0] != '\0' && !path_is_prefix(bytes_of_text(r.prefix));
	return !t->failed && v->registration(v->context, device, &r);
}

static bool visit_release(struct taker *t, const struct store_visitor *v)
{
	struct release r = {0};
	take_text(t, r.name, sizeof r.name);
	take_text(t, r.version, sizeof r.version);
	take_text(t, r.description, sizeof r.description);
	r.sequence = (uint64_t)sqlite3_column_int64(t->statement, t->column++);
	take_blob(t, r.vendor_id, sizeof r.vendor_id);
	take_blob(t, r.class_id, sizeof r.class_id);
	take_blob(t, r.image, sizeof r.image);
	r.image_size = (uint64_t)take_number(t, INT64_MAX);
	take_blob(t, r.manifest, sizeof r.manifest);
	r.added_at = take_number(t, INT64_MAX);
	r.is_verified = take_flag(t);
	struct bytes envelope = take_bytes(t);
	if (t->failed || envelope.len > sizeof r.envelope)
		return false;
	memcpy(r.envelope, envelope.data, envelope.len);
	r.envelope_size = (uint16_t)envelope.len;
	return v->release(v->context, &r);
}

static void take_waves(struct taker *t, struct rollout_plan *plan)
{
	struct bytes list = take_bytes(t), word;
	while (next_word(&list, &word) && plan->wave_count < ROLLOUT_WAVES_MAX) {
		struct rollout_wave *wave = &plan->waves[plan->wave_count++];
		wave->is_percent = word.len > 0 && word.data[word.len - 1] == '%';
		wave->size = (uint32_t)parse(t, bytes_first(word, word.len - wave->is_percent), UINT32_MAX);
	}
}

static bool visit_rollout(struct taker *t, const struct store_visitor *v)
{
	struct rollout_record r = {0};
	r.number = (uint32_t)take_number(t, UINT32_MAX);
	r.state = (enum rollout_state)take_number(t, ROLLOUT_COMPLETED);
	take_text(t, r.release, sizeof r.release);
	take_text(t, r.selection, sizeof r.selection);
	take_text(t, r.actor, sizeof r.actor);
	take_text(t, r.reason, sizeof r.reason);
	take_waves(t, &r.plan);
	r.plan.failures_allowed = (uint32_t)take_number(t, UINT32_MAX);
	r.plan.failures_in_percent = take_flag(t);
	r.plan.wait_s = (uint32_t)take_number(t, UINT32_MAX);
	r.plan.offer_s = (uint32_t)take_number(t, UINT32_MAX);
	r.plan.download_s = (uint32_t)take_number(t, UINT32_MAX);
	r.plan.install_s = (uint32_t)take_number(t, UINT32_MAX);
	r.plan.confirm_s = (uint32_t)take_number(t, UINT32_MAX);
	r.waves_begun = (uint8_t)take_number(t, UINT8_MAX);
	r.failures_forgiven = (uint32_t)take_number(t, UINT32_MAX);
	r.started_at = take_number(t, INT64_MAX);
	r.changed_at = take_number(t, INT64_MAX);
	r.plan.delivery = (enum rollout_delivery)take_number(t, ROLLOUT_DELIVERY_IMAGE);
	return !t->failed && v->rollout(v->context, &r);
}

static bool visit_entry(struct taker *t, const struct store_visitor *v)
{
	struct rollout_entry_record e = {0};
	e.rollout = (uint32_t)take_number(t, UINT32_MAX);
	take_text(t, e.device, sizeof e.device);
	e.wave = (uint8_t)take_number(t, UINT8_MAX);
	e.state = (enum entry_state)take_number(t, ENTRY_STATE_COUNT - 1);
	e.reason = (enum entry_reason)take_number(t, ENTRY_REASON_COUNT - 1);
	e.code = (uint8_t)take_number(t, UINT8_MAX);
	e.tries = (uint8_t)take_number(t, UINT8_MAX);
	e.since = take_number(t, INT64_MAX);
	return !t->failed && v->entry(v->context, &e);
}

static bool visit_denial(struct taker *t, const struct store_visitor *v)
{
	struct denial d = {0};
	take_text(t, d.key, sizeof d.key);
	take_text(t, d.device, sizeof d.device);
	take_text(t, d.reason, sizeof d.reason);
	take_text(t, d.actor, sizeof d.actor);
	d.since = take_number(t, INT64_MAX);
	return !t->failed && v->denial(v->context, &d);
}

static bool visit_claim(struct taker *t, const struct store_visitor *v)
{
	struct claim c = {0};
	take_text(t, c.identity, sizeof c.identity);
	take_sealed(t, bytes_of_text(c.identity), c.key, sizeof c.key);
	take_text(t, c.name, sizeof c.name);
	take_text(t, c.actor, sizeof c.actor);
	c.made_at = take_number(t, INT64_MAX);
	c.expires_at = take_number(t, INT64_MAX);
	c.used_at = take_number(t, INT64_MAX);
	return !t->failed && (t->is_unreadable || v->claim(v->context, &c));
}

static void take_key(struct taker *t, struct bytes name, struct device_key *ret)
{
	take_blob(t, ret->mark, sizeof ret->mark);
	take_sealed(t, name, ret->key, sizeof ret->key);
	ret->made_at = take_number(t, INT64_MAX);
}

/* What is sealed under another secret is passed over: the device is then known by the key it came with. */
static bool visit_key(struct taker *t, const struct store_visitor *v)
{
	struct issued_key_record k = {0};
	take_text(t, k.name, sizeof k.name);
	take_key(t, bytes_of_text(k.name), &k.keys.current);
	take_key(t, bytes_of_text(k.name), &k.keys.next);
	return !t->failed && (t->is_unreadable || v->key(v->context, &k));
}

static void take_path(struct taker *t, struct path *ret)
{
	char text[PATH_TEXT_BYTES + 1] = "";
	take_text(t, text, sizeof text);
	t->failed |= !path_parse(bytes_of_text(text), ret);
}

/* A value no longer than `size`; how long it is. */
static uint16_t take_part(struct taker *t, uint8_t *out, size_t size)
{
	int column = t->column++;
	int len = sqlite3_column_bytes(t->statement, column);
	const void *data = sqlite3_column_blob(t->statement, column);
	if (len < 0 || (size_t)len > size) {
		t->failed = true;
		return 0;
	}
	if (len > 0)
		memcpy(out, data, (size_t)len);
	return (uint16_t)len;
}

static bool visit_order(struct taker *t, const struct store_visitor *v)
{
	struct order_record o = {0};
	o.number = (uint64_t)take_number(t, INT64_MAX);
	take_text(t, o.device, sizeof o.device);
	take_text(t, o.actor, sizeof o.actor);
	o.kind = (enum errand_kind)take_number(t, ERRAND_KIND_END - 1);
	o.state = (enum order_state)take_number(t, ORDER_STATE_END - 1);
	o.end = (enum order_end)take_number(t, ORDER_END_COUNT - 1);
	take_path(t, &o.path);
	take_path(t, &o.location);
	o.tries = (uint32_t)take_number(t, UINT32_MAX);
	o.code = (enum coap_code)take_number(t, UINT8_MAX);
	o.format = (uint16_t)take_number(t, UINT16_MAX);
	o.made_at = take_number(t, INT64_MAX);
	o.expires_at = take_number(t, INT64_MAX);
	o.begun_at = take_number(t, INT64_MAX);
	o.ended_at = take_number(t, INT64_MAX);
	o.text_len = take_part(t, o.text, sizeof o.text);
	o.kept_len = take_part(t, o.kept, sizeof o.kept);
	o.result_len = take_part(t, o.result, sizeof o.result);
	return !t->failed && v->order(v->context, &o);
}

static bool visit_event(struct taker *t, const struct store_visitor *v)
{
	struct event e = {0};
	e.number = (uint64_t)take_number(t, INT64_MAX);
	e.at = take_number(t, INT64_MAX);
	e.type = (enum event_type)take_number(t, EVENT_TYPE_END - 1);
	e.rollout = (uint32_t)take_number(t, UINT32_MAX);
	take_text(t, e.device, sizeof e.device);
	take_text(t, e.actor, sizeof e.actor);
	take_text(t, e.detail, sizeof e.detail);
	take_blob(t, e.hash, sizeof e.hash);
	return !t->failed && v->event(v->context, &e);
}

struct table {
	const char *name, *select;
	bool (*visit)(struct taker *t, const struct store_visitor *v);
};

static const struct table tables[] = {
	{"denial", "SELECT * FROM denial", visit_denial},
	{"claim", "SELECT * FROM claim", visit_claim},
	{"device", "SELECT * FROM device", visit_device},
	{"registration", "SELECT * FROM registration", visit_registration},
	{"issued_key", "SELECT * FROM issued_key", visit_key},
	{"release", "SELECT * FROM release ORDER BY rowid", visit_release},
	{"rollout", "SELECT * FROM rollout ORDER BY number", visit_rollout},
	{"rollout_device", "SELECT * FROM rollout_device ORDER BY rowid", visit_entry},
	{"request", "SELECT * FROM request ORDER BY number", visit_order},
	{"event", "SELECT * FROM (SELECT * FROM event ORDER BY number DESC LIMIT ?1) ORDER BY number", visit_event},
};

static bool load_table(struct rows *r, const struct table *table, const struct store_visitor *visitor, uint32_t events,
	char error[ROWS_ERROR_BYTES])
{
	sqlite3_stmt *statement;
	unsigned row = 0;
	int step = SQLITE_ERROR;
	if (sqlite3_prepare_v2(r->db, table->select, -1, &statement, NULL) != SQLITE_OK)
		return rows_fail(error, r->db, table->name);
	/* Only the table of events has such a parameter. */
	(void)sqlite3_bind_int64(statement, 1, events);
	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		struct taker t = {.statement = statement, .sealing = r->sealing};
		row++;
		if (!table->visit(&t, visitor))
			break;
		r->unreadable += t.is_unreadable;
	}
	if (step == SQLITE_ROW)
		(void)snprintf(error, ROWS_ERROR_BYTES,
			"table %s, row %u: does not fit (altered, or more than the configured capacity)", table->name,
			row);
	else if (step != SQLITE_DONE)
		rows_fail(error, r->db, table->name);
	sqlite3_finalize(statement);
	return step == SQLITE_DONE;
}

bool rows_load(struct rows *r, const struct store_visitor *visitor, uint32_t events, char error[ROWS_ERROR_BYTES])
{
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		if (!load_table(r, &tables[i], visitor, events, error))
			return false;
	return true;
}
